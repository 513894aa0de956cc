/** `crochet drift` and `crochet baseline`: what is found, what is drafted, what is taken over; nothing is changed unasked. */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { readCatalog } from "../../lib/graph_catalog.ts";
import { join } from "../../lib/path.ts";
import { graphEnv, showData, showSchema, TestProject, withFolder, withGraphProject } from "../harness.ts";

const MODELS =
  `from neomodel import ArrayProperty, FloatProperty, FulltextIndex, IntegerProperty, RelationshipTo, StringProperty, StructuredNode, StructuredRel, VectorIndex


class LivesIn(StructuredRel):
    __kgid__ = "lives_v1"

    since = IntegerProperty(index=True)


class City(StructuredNode):
    __kgid__ = "city_v1"

    name = StringProperty(unique_index=True)


class Person(StructuredNode):
    __kgid__ = "person_v1"

    name = StringProperty(unique_index=True)
    nick = StringProperty()
    age = IntegerProperty(index=True)
    bio = StringProperty(fulltext_index=FulltextIndex())
    v = ArrayProperty(FloatProperty(), vector_index=VectorIndex(dimensions=3))
    home = RelationshipTo(City, "LIVES_IN", model=LivesIn)


class Employee(Person):
    __kgid__ = "employee_v1"

    salary = IntegerProperty()
`;

/** A project whose models are applied. */
async function withApplied(work: (project: TestProject, graph: Graph) => Promise<void>): Promise<void> {
  await withGraphProject({ "models/all.py": MODELS }, async (project, graph) => {
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    await work(project, graph);
  });
}

/** Puts bodies into a fresh empty migration. */
async function migration(
  project: TestProject,
  name: string,
  up: string,
  down = "  // nothing",
): Promise<void> {
  const { files } = await project.json("create-migration", name, "--empty");
  project.write(
    files[0],
    project.read(files[0]).replace("  // nothing to do in the graph", () => up)
      .replace("  // nothing to undo in the graph", () => down),
  );
}

interface Drift {
  kind: string;
  shape: { kind: string; labelOrType: string; properties: string[]; name?: string };
  from?: string;
}

type Report = {
  catalog: Drift[];
  foreign: { name: string; owner: string }[];
  unknown: { kind: string; owner: string; property?: string; entity: string; count: number }[];
  sample?: number;
};

async function drift(project: TestProject, ...args: string[]): Promise<Report & { code: number }> {
  const { code, out, err } = await project.run("drift", ...args, "--json");
  assert.ok(code < 2, out + err);
  return { ...JSON.parse(out), code };
}

/** A difference in a few words. */
function words({ catalog }: Report): string[] {
  return catalog.map(({ kind, shape, from }) =>
    [kind, shape.kind, `${shape.labelOrType}.${shape.properties}`, from].filter(Boolean).join(" ")
  ).sort();
}

/** Constraints and indexes by shape and options, without names. */
async function shapes(graph: Graph): Promise<string[]> {
  return (await readCatalog(graph)).map(({ name: _name, state: _state, ...shape }) => JSON.stringify(shape))
    .sort();
}

async function all(graph: Graph, ...statements: string[]): Promise<void> {
  for (const statement of statements) await graph.implicit(statement);
  await graph.read("CALL db.awaitIndexes(60)").catch(() => {/* one may fail, and is meant to */});
}

const FULLTEXT = (analyzer: string) =>
  `CREATE FULLTEXT INDEX ft FOR (n:Person) ON EACH [n.bio] OPTIONS {indexConfig: {\`fulltext.analyzer\`: '${analyzer}'}}`;
const VECTOR = (dimensions: number) =>
  `CREATE VECTOR INDEX vec FOR (n:Person) ON n.v OPTIONS {indexConfig: {\`vector.dimensions\`: ${dimensions}, \`vector.similarity_function\`: 'cosine'}}`;

Deno.test("no drift: neither after an upgrade, nor where an object has another name", async () => {
  await withApplied(async (project, graph) => {
    const { code, catalog, foreign, unknown, sample } = await drift(project, "--strict");
    assert.deepEqual([code, catalog, foreign, unknown, sample], [0, [], [], [], 1000]);
    assert.match(
      await project.ok("drift"),
      /Compared with 0001_first:\n {2}constraints and indexes are as they should be/,
    );
    await all(
      graph,
      "DROP CONSTRAINT constraint_unique_Person_name",
      "CREATE CONSTRAINT other FOR (x:Person) REQUIRE (x.name) IS UNIQUE",
      "DROP INDEX index_Person_age",
      "CREATE RANGE INDEX `an other` FOR (x:Person) ON (x.age)",
      "DROP INDEX fulltext_index_Person_bio",
      FULLTEXT("standard-no-stop-words"),
      "DROP INDEX vector_index_Person_v",
      VECTOR(3),
    );
    assert.deepEqual(words(await drift(project)), []);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("missing, extra, with other options: named by shape, with exit code 1, and nothing is touched", async () => {
  await withApplied(async (project, graph) => {
    await all(
      graph,
      "DROP INDEX index_Person_age",
      "DROP CONSTRAINT constraint_unique_City_name",
      "DROP INDEX fulltext_index_Person_bio",
      FULLTEXT("english"),
      "DROP INDEX vector_index_Person_v",
      VECTOR(4),
      "CREATE INDEX mine FOR (p:Person) ON (p.nick)",
      "CREATE TEXT INDEX text_mine FOR ()-[r:LIVES_IN]-() ON (r.note)",
      "CREATE CONSTRAINT uniq FOR (c:Country) REQUIRE (c.a, c.b) IS UNIQUE",
    );
    const before = await showSchema(graph);
    const found = await drift(project);
    assert.equal(found.code, 1);
    assert.deepEqual(words(found), [
      "changed fulltext Person.bio 0001_first",
      "changed vector Person.v 0001_first",
      "extra index Person.nick",
      "extra text LIVES_IN.note",
      "extra unique Country.a,b",
      "missing index Person.age 0001_first",
      "missing unique City.name 0001_first",
    ]);
    const text = await project.run("drift");
    assert.equal(text.code, 1);
    for (
      const line of [
        "- index on Person.age is missing (0001_first)",
        '+ index on Person.nick is made by nobody ("mine")',
        "~ full-text index on Person.bio has other options: ",
      ]
    ) assert.ok(text.out.includes(line), line + text.out);
    assert.match(text.out, /english/);
    assert.match(text.out, /"dimensions":4.*"dimensions":3/);
    assert.match(text.err, /crochet drift --fix/);
    assert.deepEqual(await showSchema(graph), before);
    assert.deepEqual(project.list("migrations").filter((name) => name.startsWith("0002")), []);
  });
});

Deno.test("an index whose building failed is named, and mended", async () => {
  const big = MODELS.replace("    nick = StringProperty()", "    nick = StringProperty(index=True)");
  await withGraphProject({ "models/all.py": big }, async (project, graph) => {
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    // A value that is too large for a range index.
    await all(
      graph,
      "DROP INDEX index_Person_nick",
      "CREATE (:Person {nick: reduce(t = 'x', i IN range(1, 16) | t + t)})",
      "CREATE INDEX index_Person_nick FOR (p:Person) ON (p.nick)",
    );
    const found = await drift(project);
    assert.deepEqual([found.code, ...words(found)], [1, "failed index Person.nick"]);
    assert.match(
      (await project.run("drift")).out,
      /! index on Person\.nick failed to build \("index_Person_nick"\)/,
    );
    assert.equal((await drift(project, "--fix")).code, 1);
    await all(graph, "MATCH (p:Person) DELETE p");
    await project.ok("upgrade");
    assert.deepEqual(words(await drift(project)), []);
    assert.deepEqual(
      await graph.read(
        "SHOW INDEXES YIELD labelsOrTypes AS l, properties AS p, state WHERE p = ['nick'] AND l = ['Person'] RETURN state",
      ),
      [{ state: "ONLINE" }],
    );
  });
});

/** Three revisions that make indexes by hand: through the context, by Cypher in TypeScript, in plain Cypher. */
async function byHand(project: TestProject): Promise<void> {
  await migration(
    project,
    "by context",
    '  await ctx.addIndex("Person", ["age", "nick"]);\n  await ctx.addRelationshipIndex("LIVES_IN", "note");',
    '  await ctx.dropRelationshipIndex("LIVES_IN", "note");\n  await ctx.dropIndex("Person", ["age", "nick"]);',
  );
  await migration(
    project,
    "by cypher",
    '  await ctx.runCypher("CREATE INDEX hand FOR (p:Person) ON (p.nick)");',
    '  await ctx.runCypher("DROP INDEX hand");',
  );
  const { files } = await project.json("create-migration", "plain", "--cypher", "--empty");
  project.write(
    files[0],
    project.read(files[0]).replace(
      "// crochet: upgrade",
      "// crochet: upgrade\nCREATE TEXT INDEX `the plain` IF NOT EXISTS FOR (c:City) ON (c.zip);",
    ).replace("// crochet: downgrade", "// crochet: downgrade\nDROP INDEX `the plain`;"),
  );
}

Deno.test("what migrations made by hand is no drift", async () => {
  await withApplied(async (project) => {
    await byHand(project);
    await project.ok("upgrade");
    const clean = await drift(project, "--strict");
    assert.deepEqual([clean.code, ...words(clean)], [0]);
    assert.equal((await project.run("drift", "--fix")).code, 0);
    await project.ok("downgrade");
    assert.deepEqual(words(await drift(project)), []);
  });
});

Deno.test("the loss of what migrations made by hand is named with the revision", async () => {
  await withApplied(async (project, graph) => {
    await byHand(project);
    await project.ok("upgrade");
    await all(
      graph,
      "DROP INDEX index_Person_age_nick",
      "DROP INDEX index_LIVES_IN_note",
      "DROP INDEX hand",
      "DROP INDEX `the plain`",
    );
    const lost = await drift(project);
    assert.deepEqual([lost.code, ...words(lost)], [
      1,
      "missing index LIVES_IN.note 0002_by_context",
      "missing index Person.age,nick 0002_by_context",
      "missing index Person.nick 0003_by_cypher",
      "missing text City.zip 0004_plain",
    ]);
  });
});

Deno.test("what migrations made under a name that their text does not hold is no drift", async () => {
  await withApplied(async (project, graph) => {
    await migration(
      project,
      "odd names",
      '  const name = "built";\n  await ctx.runCypher(`CREATE INDEX ${name} FOR (c:City) ON (c.a)`);\n  await ctx.runCypher("CREATE INDEX FOR (c:City) ON (c.nameless)");',
      '  await ctx.runCypher("DROP INDEX built");',
    );
    await project.ok("upgrade");
    const before = await showSchema(graph);
    const found = await drift(project, "--fix");
    assert.deepEqual([found.code, ...words(found)], [0]);
    assert.deepEqual(await showSchema(graph), before);
  });
});

Deno.test("what a later migration dropped, and what only a way back makes, is not wanted", async () => {
  await withApplied(async (project, graph) => {
    await migration(
      project,
      "one",
      '  await ctx.addIndex("Person", "nick");\n  await ctx.runCypher("CREATE INDEX hand FOR (c:City) ON (c.a)");',
      '  await ctx.runCypher("CREATE INDEX back FOR (c:City) ON (c.b)");',
    );
    await migration(
      project,
      "two",
      '  await ctx.dropIndex("Person", "nick");\n  await ctx.runCypher("DROP INDEX hand");',
    );
    await project.ok("upgrade");
    assert.deepEqual(words(await drift(project)), []);
    await all(
      graph,
      "CREATE INDEX nick FOR (p:Person) ON (p.nick)",
      "CREATE INDEX hand FOR (c:City) ON (c.a)",
      "CREATE INDEX back FOR (c:City) ON (c.b)",
    );
    assert.deepEqual(words(await drift(project)), [
      "extra index City.a",
      "extra index City.b",
      "extra index Person.nick",
    ]);
  });
});

Deno.test("objects and data of other tools are known as theirs, and Crochet's own are not named", async () => {
  await withApplied(async (project, graph) => {
    await all(
      graph,
      "CREATE CONSTRAINT unique_version___Neo4jMigration FOR (m:__Neo4jMigration) REQUIRE (m.version, m.migrationTarget) IS UNIQUE",
      "CREATE INDEX repeated_at__Neo4jMigration FOR ()-[r:REPEATED]-() ON (r.at)",
      "CREATE (:__Neo4jMigration {version: 'BASELINE'})-[:MIGRATED_TO {by: 'x'}]->(:__Neo4jMigration {version: '1'})",
      "MATCH (a:__Neo4jMigration {version: '1'}) CREATE (a)-[:REPEATED {at: 1}]->(a)",
      "CREATE CONSTRAINT unique_liquibase_x FOR (l:__LiquigraphLock) REQUIRE l.name IS UNIQUE",
    );
    const found = await drift(project, "--strict", "--full");
    assert.deepEqual([found.code, words(found), found.unknown], [0, [], []]);
    assert.deepEqual(found.foreign.map(({ name, owner }) => [name, owner]).toSorted(), [
      ["repeated_at__Neo4jMigration", "neo4j-migrations"],
      ["unique_liquibase_x", "Liquibase"],
      ["unique_version___Neo4jMigration", "neo4j-migrations"],
    ]);
    assert.match(await project.ok("drift"), /"unique_version___Neo4jMigration" belongs to neo4j-migrations/);
    assert.ok(!/_crochet/i.test(JSON.stringify(found)));
  });
});

Deno.test("labels, types and properties that no model knows: a sample, all, and --strict", async () => {
  await withApplied(async (project, graph) => {
    await migration(
      project,
      "tagged",
      '  await ctx.createNodes(["Employee", "Person"], [{ name: "Ada", salary: 1 }]);',
      '  await ctx.deleteNodesByBatch("Employee", ctx.batch);',
    );
    await project.ok("upgrade");
    await all(
      graph,
      "UNWIND range(1, 2000) AS i CREATE (:City {name: 'c' + i})",
      "MATCH (c:City) WITH c SKIP 1499 LIMIT 1 SET c.odd = 1",
      "CREATE (:Ghost {a: 1})-[:HAUNTS {b: 1}]->(:Ghost:Person {name: 'x', weight: 3})",
      "MATCH (p:Person {name: 'Ada'}), (c:City {name: 'c1'}) CREATE (p)-[:LIVES_IN {since: 1, rent: 5}]->(c)",
      "CREATE (t:Temporary) DELETE t",
    );
    const unknown = [
      ["label", "Ghost", "", "node", 2],
      ["property", "Person", "weight", "node", 1],
      ["property", "LIVES_IN", "rent", "relationship", 1],
      ["type", "HAUNTS", "", "relationship", 1],
    ];
    const odd = ["property", "City", "odd", "node", 1];
    const plain = (report: Report) =>
      report.unknown.map((
        { kind, owner, property, entity, count },
      ) => [kind, owner, property ?? "", entity, count]);
    const bySort = (rows: unknown[][]) => rows.map((row) => row.join(" ")).sort();
    const sampled = await drift(project);
    assert.equal(sampled.code, 0);
    assert.deepEqual(bySort(plain(sampled)), bySort(unknown));
    const full = await drift(project, "--full");
    assert.deepEqual(bySort(plain(full)), bySort([...unknown, odd]));
    assert.equal(full.sample, undefined);
    assert.deepEqual(bySort(plain(await drift(project, "--sample", "2000"))), bySort([...unknown, odd]));
    assert.equal((await drift(project, "--strict")).code, 1);
    const text = await project.ok("drift");
    assert.match(text, /No model knows \(of 1,000 nodes of each label, --full looks at all\):/);
    assert.match(text, /the label Ghost \(2 nodes\)/);
    assert.match(text, /the property LIVES_IN\.rent \(1 relationship\)/);
    assert.match(await project.ok("drift", "--full"), /No model knows:\n/);
    for (const wrong of ["0", "-1", "1.5", "x"]) {
      assert.equal((await project.run("drift", `--sample=${wrong}`)).code, 2, wrong);
    }
  });
});

const MESS = [
  "DROP INDEX index_Person_age",
  "DROP CONSTRAINT constraint_unique_City_name",
  "DROP INDEX fulltext_index_Person_bio",
  FULLTEXT("english"),
  "DROP INDEX vector_index_Person_v",
  VECTOR(4),
  "CREATE INDEX mine FOR (p:Person) ON (p.nick)",
  "CREATE CONSTRAINT uniq FOR (c:Country) REQUIRE (c.a, c.b) IS UNIQUE",
  "CREATE FULLTEXT INDEX over_two FOR (n:Post|Note) ON EACH [n.title, n.body] OPTIONS {indexConfig: {`fulltext.analyzer`: 'english', `fulltext.eventually_consistent`: true}}",
  "CREATE VECTOR INDEX vec_two FOR ()-[r:SIMILAR]-() ON r.v OPTIONS {indexConfig: {`vector.dimensions`: 8, `vector.similarity_function`: 'euclidean'}}",
  "CREATE POINT INDEX place FOR (c:City) ON (c.place)",
  "CREATE INDEX `odd ``name` FOR ()-[r:LIVES_IN]-() ON (r.`from a`, r.since)",
  // A range index stands in the way of the unique constraint that is wanted.
  "CREATE INDEX in_the_way FOR (c:City) ON (c.name)",
];

for (const language of ["ts", "cypher"]) {
  Deno.test(`--fix drafts (${language}), never acts; its upgrade mends, its downgrade brings back what was`, async () => {
    await withApplied(async (project, graph) => {
      const flags = language === "cypher" ? ["--cypher"] : [];
      const clean = await shapes(graph);
      const nothing = await project.run("drift", "--fix", ...flags);
      assert.equal(nothing.code, 0);
      assert.deepEqual(project.list("migrations").filter((name) => name.startsWith("0002")), []);
      await all(graph, ...MESS);
      const [names, before] = [await showSchema(graph), await shapes(graph)];
      const drafted = await project.run("drift", "--fix", ...flags);
      assert.equal(drafted.code, 1);
      assert.match(drafted.out, new RegExp(`Created migration: migrations/0002_fix_drift\\.${language}`));
      assert.match(
        project.read(`migrations/0002_fix_drift.${language}`),
        /index on Person\.nick is made by nobody/,
      );
      assert.deepEqual(await showSchema(graph), names);
      assert.equal((await project.json("status")).pending.length, 1);
      await project.ok("upgrade");
      assert.deepEqual(await shapes(graph), clean);
      const after = await drift(project, "--strict");
      assert.deepEqual([after.code, ...words(after)], [0]);
      assert.equal((await project.run("verify")).code, 0);
      await project.ok("downgrade");
      assert.deepEqual(await shapes(graph), before);
      await project.ok("upgrade");
      assert.deepEqual(await shapes(graph), clean);
    });
  });
}

Deno.test("--fix --json gives the draft beside the report", async () => {
  await withApplied(async (project, graph) => {
    await all(graph, "DROP INDEX index_Person_age");
    const { out, code } = await project.run("drift", "--fix", "--json");
    assert.equal(code, 1);
    const { fix, catalog, revisionId } = JSON.parse(out);
    assert.deepEqual([fix.revisionId, fix.files, catalog.length, revisionId], [
      "0002_fix_drift",
      ["migrations/0002_fix_drift.ts", "migrations/0002_fix_drift.schema.json"],
      1,
      "0001_first",
    ]);
  });
});

Deno.test("--fix is refused while revisions are pending, and where nothing is applied", async () => {
  await withGraphProject({ "models/all.py": MODELS }, async (project, graph) => {
    await all(graph, "CREATE INDEX mine FOR (p:Person) ON (p.nick)");
    await project.ok("create-migration", "first");
    const refused = async (message: RegExp, hint: RegExp) => {
      const before = project.list("migrations");
      const { code, err } = await project.run("drift", "--fix");
      assert.equal(code, 2, err);
      assert.match(err, message);
      assert.match(err, hint);
      assert.deepEqual(project.list("migrations"), before);
    };
    assert.match((await project.run("drift")).out, /Nothing is applied to this graph\./);
    await refused(/Nothing is applied to this graph/, /crochet baseline/);
    await project.ok("upgrade");
    await migration(
      project,
      "second",
      '  await ctx.addIndex("City", "zip");',
      '  await ctx.dropIndex("City", "zip");',
    );
    await refused(/is at "0001_first", and the chain goes on to "0002_second"/, /crochet upgrade/);
    await project.ok("upgrade");
    assert.equal((await project.run("drift", "--fix")).code, 1);
    await refused(/is at "0002_second", and the chain goes on to "0003_fix_drift"/, /crochet upgrade/);
  });
});

Deno.test("drift of a revision whose file is missing is refused", async () => {
  await withApplied(async (project) => {
    for (const end of [".ts", ".schema.json"]) {
      Deno.removeSync(join(project.root, "migrations/0001_first" + end));
    }
    const { code, err } = await project.run("drift");
    assert.equal(code, 2);
    assert.match(err, /"0001_first" is applied, but its file is missing/);
  });
});

Deno.test("what a migration made behind an answer that only a graph gives is no drift", async () => {
  await withApplied(async (project, graph) => {
    await all(graph, "CREATE (:City {name: 'Ulm', kind: 'area'})");
    await migration(
      project,
      "answers",
      '  const [row] = await ctx.runCypher("MATCH (c:City) RETURN c.kind AS kind");\n  await ctx.addIndex("City", row.kind.toLowerCase());',
      '  await ctx.dropIndex("City", "area");',
    );
    await project.ok("upgrade");
    const found = await drift(project, "--fix");
    assert.deepEqual([found.code, ...words(found)], [0]);
  });
});

Deno.test("migrations that take parameters are looked at without them", async () => {
  await withApplied(async (project, graph) => {
    const { files } = await project.json("create-migration", "tenant", "--cypher", "--empty");
    project.write(
      files[0],
      project.read(files[0]).replace(
        "// crochet: upgrade",
        "// crochet: upgrade\nCREATE INDEX by_hand IF NOT EXISTS FOR (c:City) ON (c.zip);\nMERGE (c:City {name: {{ tenant }}});",
      ).replace(
        "// crochet: downgrade",
        "// crochet: downgrade\nMATCH (c:City {name: {{ tenant }}}) DELETE c;",
      ),
    );
    await migration(
      project,
      "params",
      '  await ctx.addIndex("Person", "zip");\n  await ctx.createNodes("City", [{ name: ctx.params.tenant.toUpperCase() }]);\n  await ctx.addIndex("City", "area");',
      '  await ctx.dropIndex("City", "area");\n  await ctx.deleteNodesByBatch("City", ctx.batch);\n  await ctx.dropIndex("Person", "zip");',
    );
    await project.ok("upgrade", "--param", "tenant=acme");
    const found = await drift(project);
    assert.deepEqual([found.code, ...words(found)], [0]);
    assert.equal((await project.run("verify")).code, 0);
    await project.ok("downgrade", "--target", "base", "--param", "tenant=acme");
    await all(graph, "CREATE (:Person {name: 'x'})");
    assert.equal((await project.run("baseline")).code, 0);
  });
});

/** Statements of a fresh install, as neomodel would run them. */
async function install(project: TestProject, graph: Graph): Promise<void> {
  await all(
    graph,
    ...(await project.ok("models", "--ddl")).split("\n").filter(Boolean).map((line) =>
      line.replace(/;$/, "")
    ),
  );
}

Deno.test("baseline of a graph that neomodel made: all is adopted, a downgrade leaves it, an upgrade goes on", async () => {
  await withGraphProject({ "models/all.py": MODELS }, async (project, graph) => {
    await install(project, graph);
    await all(graph, "CREATE (:Person {name: 'Ada'})");
    const before = [...await showSchema(graph), ...await showData(graph)];
    const { out, code } = await project.run("baseline");
    assert.equal(code, 0);
    assert.match(
      out,
      /Created migration: migrations\/0001_baseline\.ts\nRecorded: 0001_baseline\n10 constraints and indexes adopted; nothing was run\./,
    );
    const picture = async () => [...await showSchema(graph), ...await showData(graph)];
    assert.deepEqual(await picture(), before);
    const status = await project.json("status");
    assert.deepEqual(
      [status.applied.length, status.pending, status.lock, status.partial, status.difference],
      [
        1,
        [],
        undefined,
        undefined,
        undefined,
      ],
    );
    assert.match(status.applied[0].appliedBy, /\(baseline\)$/);
    assert.equal((await project.run("verify")).code, 0);
    assert.deepEqual((await drift(project, "--strict")).code, 0);
    assert.match(await project.ok("upgrade"), /Nothing to apply/);
    await project.ok("create-node", "Country");
    await project.ok("create-migration", "country");
    assert.match(await project.ok("upgrade"), /Applied: 0002_country/);
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual(await picture(), before);
  });
});

Deno.test("baseline of a graph with parts missing: listed, and mended by drift --fix", async () => {
  await withGraphProject({ "models/all.py": MODELS }, async (project, graph) => {
    await install(project, graph);
    await all(
      graph,
      "DROP INDEX index_Person_age",
      "DROP INDEX fulltext_index_Person_bio",
      FULLTEXT("english"),
      "CREATE INDEX mine FOR (p:Person) ON (p.nick)",
    );
    const before = await shapes(graph);
    const baseline = await project.run("baseline");
    assert.equal(baseline.code, 0);
    assert.match(baseline.out, /9 constraints and indexes adopted/);
    assert.match(baseline.out, /- index on Person\.age is missing/);
    assert.match(baseline.out, /~ full-text index on Person\.bio has other options/);
    assert.match(baseline.out, /\+ index on Person\.nick is made by nobody \("mine"\)/);
    assert.match(baseline.err, /crochet drift --fix/);
    assert.equal((await drift(project, "--fix")).code, 1);
    await project.ok("upgrade");
    assert.equal((await drift(project)).code, 0);
    assert.equal((await project.run("verify")).code, 0);
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual(await shapes(graph), before);
  });
});

Deno.test("baseline of a chain, up to its middle: data operations are listed as not run, and upgrade goes on", async () => {
  await withGraphProject({ "models/all.py": MODELS }, async (project, graph) => {
    await project.ok("create-migration", "first");
    await migration(
      project,
      "data",
      '  await ctx.createNodes("City", [{ name: "Ulm" }]);\n  await ctx.addNodeProperty("City", "zip", 1);\n  await ctx.runCypher("MATCH (c:City) SET c.x = 1");\n  await ctx.addIndex("City", "zip");',
      '  await ctx.dropIndex("City", "zip");\n  await ctx.removeNodeProperty("City", "zip");\n  await ctx.deleteNodesByBatch("City", ctx.batch);',
    );
    await migration(
      project,
      "later",
      '  await ctx.addIndex("City", "late");',
      '  await ctx.dropIndex("City", "late");',
    );
    await install(project, graph);
    const before = await shapes(graph);
    const unknown = await project.run("baseline", "0009_none");
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /0009_none/);
    const baseline = await project.json("baseline", "0002");
    assert.deepEqual([baseline.drafted, baseline.recorded, baseline.adopted, baseline.notRun], [
      [],
      ["0001_first", "0002_data"],
      10,
      ["0002_data: createNodes", "0002_data: addNodeProperty", "0002_data: runCypher"],
    ]);
    assert.deepEqual(words(baseline.drift), ["missing index City.zip 0002_data"]);
    assert.deepEqual(await showData(graph), []);
    const status = await project.json("status");
    assert.deepEqual(status.pending.map(({ revisionId }: { revisionId: string }) => revisionId), [
      "0003_later",
    ]);
    assert.match(await project.ok("upgrade"), /Applied: 0003_later\n1 revision applied/);
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual(await shapes(graph), before);
  });
});

Deno.test("baseline is refused where a record exists, and a second working copy learns of one", async () => {
  await withGraphProject({ "models/all.py": MODELS }, async (project, graph) => {
    await install(project, graph);
    await project.ok("baseline");
    const again = await project.run("baseline");
    assert.equal(again.code, 2);
    assert.match(again.err, /The graph has a record already: 1 revision applied/);
    await withFolder(async (folder) => {
      const copy = new TestProject(folder, graphEnv());
      copy.write("crochet.toml", project.read("crochet.toml"));
      copy.write("models/all.py", MODELS);
      for (const name of project.list("migrations")) {
        copy.write(`migrations/${name}`, project.read(`migrations/${name}`));
      }
      assert.equal((await copy.json("status")).applied.length, 1);
      assert.match(await copy.ok("upgrade"), /Nothing to apply/);
      assert.equal((await copy.json("status", "--offline")).applied.length, 1);
      assert.equal((await copy.run("verify")).code, 0);
      assert.equal((await copy.run("baseline")).code, 2);
      const left = await shapes(graph);
      await copy.ok("downgrade");
      assert.deepEqual(await shapes(graph), left);
    });
    assert.deepEqual((await project.json("status")).applied, []);
  });
});
