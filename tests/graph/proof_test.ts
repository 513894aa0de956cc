/** `crochet test`: the contract of every revision is proven, or it is said which one breaks it, and how. */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { exists } from "../../lib/project.ts";
import { join } from "../../lib/path.ts";
import {
  emptyGraph,
  graphEnv,
  type Outcome,
  showData,
  showSchema,
  testGraph,
  type TestProject,
  withEmptyGraph,
  withProject,
} from "../harness.ts";

/** A project that reaches an empty graph by `--uri` only: its own graph is elsewhere. */
async function withProof(
  work: (project: TestProject, graph: Graph) => Promise<void>,
  files: Record<string, string> = {},
): Promise<void> {
  await withEmptyGraph((graph) =>
    withProject(files, async (project) => {
      const { CROCHET_NEO4J_URI: _uri, ...rest } = graphEnv();
      await work(project.with({ ...rest, CROCHET_NEO4J_URI: "bolt://127.0.0.1:9" }), graph);
    })
  );
}

/** Puts bodies into a fresh empty migration. */
async function migration(
  project: TestProject,
  name: string,
  up: string,
  down: string,
  ...flags: string[]
): Promise<void> {
  const { files } = await project.json("create-migration", name, "--empty", ...flags);
  project.write(
    files[0],
    project.read(files[0]).replace("  // nothing to do in the graph", () => up)
      .replace("  // nothing to undo in the graph", () => down),
  );
}

function prove(project: TestProject, ...args: string[]): Promise<Outcome> {
  return project.run("test", "--uri", testGraph().uri, ...args);
}

/** What was found: `revision outcome`, and all details. */
async function proof(
  project: TestProject,
  ...args: string[]
): Promise<{ code: number; ok: boolean; found: string[]; details: string }> {
  const { code, out, err } = await prove(project, "--json", ...args);
  const { ok, revisions } = JSON.parse(out || `{"error": ${JSON.stringify(err)}}`);
  assert.ok(Array.isArray(revisions), out + err);
  return {
    code,
    ok,
    found: revisions.map(({ revisionId, outcome }: Record<string, string>) => `${revisionId}: ${outcome}`),
    details: revisions.flatMap(({ details }: { details: string[] }) => details).join("\n"),
  };
}

/** Three revisions that keep their contract. */
async function goodChain(project: TestProject): Promise<void> {
  await project.ok("create-node", "Person");
  await project.ok("create-migration", "person");
  await migration(
    project,
    "data",
    '  await ctx.createNodes("Person", [{ name: "Ada" }, { name: "Bob" }]);\n  await ctx.createRelationships("Person", "Person", "KNOWS", [{ source: "Ada", target: "Bob" }]);\n  await ctx.addNodeProperty("Person", "level", 1);',
    '  await ctx.removeNodeProperty("Person", "level");\n  await ctx.deleteNodesByBatch("Person", ctx.batch);',
  );
  await migration(
    project,
    "index",
    '  await ctx.addIndex("Person", "level");',
    '  await ctx.dropIndex("Person", "level");',
  );
}

Deno.test("a chain that keeps its contract is proven, and the project's own record knows nothing of it", async () => {
  await withProof(async (project) => {
    await goodChain(project);
    const before = await project.json("status", "--offline");
    const files = project.list(".crochet");
    const text = await prove(project);
    assert.equal(text.code, 0, text.out + text.err);
    assert.deepEqual(text.out.trimEnd().split("\n"), [
      "PROVEN    0001_person",
      "PROVEN    0002_data",
      "PROVEN    0003_index",
      "PROVEN    the models",
      "PROVEN    the whole chain",
      "Every revision keeps its contract.",
    ]);
    assert.match(text.err, /proven: 0001_person\nproven: 0002_data\nproven: 0003_index/);
    assert.deepEqual(await project.json("status", "--offline"), before);
    assert.deepEqual(project.list(".crochet"), files);
  });
});

/** What breaks a contract, and the difference that is shown. */
const BREACHES: [name: string, up: string, down: string, data: string, found: RegExp, outcome: string][] = [
  [
    "forgotten",
    '  await ctx.addIndex("Person", "age");\n  await ctx.addIndex("Person", "nick");',
    '  await ctx.dropIndex("Person", "age");',
    "",
    /after the downgrade: left over .*"nick"/,
    "broken",
  ],
  [
    "data left",
    '  await ctx.createNodes("City", [{ name: "Ulm" }]);\n  await ctx.createNodes("City", [{ name: "Bonn" }]);',
    "  await ctx.runCypher(\"MATCH (c:City {name: 'Ulm'}) DELETE c\");",
    "",
    /after the downgrade: left over \(:City .*Bonn.*\)/,
    "broken",
  ],
  // The constraint lets no second Bob in; the reason is what the downgrade left.
  [
    "data in the way",
    '  await ctx.createNodes("Person", [{ name: "Ada" }]);\n  await ctx.createNodes("Person", [{ name: "Bob" }]);',
    "  await ctx.runCypher(\"MATCH (p:Person {name: 'Ada'}) DELETE p\");",
    "",
    /after the downgrade: left over \(:Person .*Bob.*\)/,
    "failed",
  ],
  [
    "too much",
    '  await ctx.createNodes("Person", [{ name: "Ada" }]);',
    '  await ctx.runCypher("MATCH (p:Person) DETACH DELETE p");',
    "CREATE (:Person {name: 'Old'});",
    /after the downgrade: missing \(:Person .*Old.*\)/,
    "broken",
  ],
  [
    "a property that stays",
    '  await ctx.addNodeProperty("Person", "level", 1);',
    "  // forgotten",
    "CREATE (:Person {name: 'Old'});",
    /after the downgrade: (missing|left over) .*Old/,
    "broken",
  ],
  [
    "another schema",
    '  await ctx.dropIndex("Person", "born");',
    '  await ctx.addTextIndex("Person", "born");',
    "CREATE INDEX index_Person_born FOR (p:Person) ON (p.born);",
    /missing .*"index".*born/,
    "broken",
  ],
  [
    "twice",
    '  await ctx.runCypher("CREATE INDEX by_hand FOR (p:Person) ON (p.age)");',
    "  // forgotten",
    "",
    /the second upgrade: .*by_hand|the second upgrade: .*already exists/,
    "failed",
  ],
  [
    "a way back that fails",
    '  await ctx.addIndex("Person", "age");',
    '  await ctx.runCypher("DROP INDEX nowhere");',
    "",
    /the downgrade failed: .*nowhere/,
    "failed",
  ],
  [
    "a way there that fails",
    '  await ctx.runCypher("RETURN 1 / 0 AS x");',
    "  // nothing",
    "",
    /the upgrade (failed|was refused): .*by zero/,
    "failed",
  ],
];

for (const [name, up, down, data, pattern, outcome] of BREACHES) {
  Deno.test(`what breaks its contract is named with the difference: ${name}`, async () => {
    await withProof(async (project, graph) => {
      await project.ok("create-node", "Person");
      await project.ok("create-migration", "person");
      await migration(project, name, up, down);
      const id = `0002_${name.replaceAll(" ", "_")}`;
      project.write("data.cypher", data);
      const { code, ok, found, details } = await proof(
        project,
        ...(data ? ["--data", "data.cypher", "--data-at", "0001"] : []),
      );
      assert.deepEqual([code, ok], [1, false], name);
      assert.ok(found.includes(`${id}: ${outcome}`), `${name}: ${found}`);
      assert.ok(found.includes("0001_person: proven"), name);
      assert.match(details, pattern, name);
      await emptyGraph(graph);
      const text = await prove(project, ...(data ? ["--data", "data.cypher", "--data-at", "0001"] : []));
      assert.equal(text.code, 1);
      assert.match(text.out, new RegExp(`${outcome.toUpperCase()} +${id}\n +\\S`));
      assert.match(text.out, /A revision breaks its contract\.\n$/);
    });
  });
}

Deno.test("a lost node, and one too many, are counted: equal lines are not one", async () => {
  await withProof(async (project) => {
    await migration(
      project,
      "twins",
      '  await ctx.runCypher("CREATE (:Twin), (:Twin)");',
      '  await ctx.runCypher("MATCH (t:Twin) WITH t LIMIT 1 DELETE t");',
    );
    const { found, details } = await proof(project);
    assert.ok(found.includes("0001_twins: broken"), found.join());
    assert.match(details, /after the downgrade: left over \(:Twin \{\}\)/);
  });
});

Deno.test("what the models ask for and the chain does not make is named", async () => {
  await withProof(async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "person");
    const file = "migrations/0001_person.ts";
    project.write(file, project.read(file).replace(/ {2}await ctx\.(add|drop)Unique.*\n/g, "  //\n"));
    const { code, found, details } = await proof(project);
    assert.deepEqual([code, found], [1, ["0001_person: proven", "the models: broken"]]);
    assert.match(details, /unique constraint on Person\.name of the head's schema is not made by the chain/);
  });
});

Deno.test("revisions that are not rollback-safe are said not to be proven, and the others are", async () => {
  await withProof(async (project) => {
    await goodChain(project);
    await migration(
      project,
      "lossy",
      '  await ctx.removeNodeProperty("Person", "level");',
      "  //",
      "--unsafe",
    );
    await migration(
      project,
      "after",
      '  await ctx.addIndex("Person", "late");',
      '  await ctx.dropIndex("Person", "late");',
    );
    const { code, ok, found, details } = await proof(project);
    assert.deepEqual([code, ok, found], [0, true, [
      "0001_person: proven",
      "0002_data: proven",
      "0003_index: proven",
      "0004_lossy: not safe",
      "0005_after: proven",
      "the models: proven",
    ]]);
    assert.match(details, /marked not rollback-safe, so its way back is not proven/);
  });
});

Deno.test("--data fills the graph before the first revision or behind one, and parameters reach the migrations", async () => {
  await withProof(async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "person");
    await migration(
      project,
      "count",
      '  const [{ n }] = await ctx.runCypher("MATCH (p:Person) RETURN count(p) AS n");\n  if (n !== Number(ctx.params.wanted)) throw new Error(`saw ${n}`);',
      "  // nothing",
    );
    project.write(
      "data.cypher",
      "// two; people\nCREATE (:Person {name: 'a;b'});\nUNWIND range(1, 2) AS i CALL (i) { CREATE (:Person {name: 'p' + i}) } IN TRANSACTIONS OF 1 ROWS;\n",
    );
    const table: [string[], number][] = [
      [["--param", "wanted=0"], 0],
      [["--data", "data.cypher", "--param", "wanted:=3"], 0],
      [["--data", "data.cypher", "--data-at", "0001_person", "--param", "wanted:=3"], 0],
      [["--data", "data.cypher", "--data-at", "0002", "--param", "wanted:=0"], 0],
      [["--data", "data.cypher", "--param", "wanted:=2"], 1],
      [["--data", "data.cypher", "--data-at", "0009", "--param", "wanted:=3"], 2],
      [["--data", "none.cypher", "--param", "wanted:=3"], 2],
      [["--param", "wanted"], 2],
    ];
    for (const [args, code] of table) {
      await emptyGraph(graph);
      const outcome = await prove(project, ...args);
      assert.equal(outcome.code, code, args.join(" ") + outcome.out + outcome.err);
    }
  });
});

Deno.test("a migration that changes values is proven with data, and found out where it loses some", async () => {
  const table: [string, string, string][] = [
    [
      '  await ctx.renameNodeProperty("P", "a", "b");',
      '  await ctx.renameNodeProperty("P", "b", "a");',
      "proven",
    ],
    [
      '  await ctx.runCypher("MATCH (p:P) SET p.a = toInteger(p.a)");',
      '  await ctx.runCypher("MATCH (p:P) SET p.a = toString(p.a)");',
      "broken",
    ],
  ];
  for (const [up, down, outcome] of table) {
    await withProof(async (project) => {
      await migration(project, "values", up, down);
      project.write("data.cypher", "CREATE (:P {a: '1.5', n: 1}), (:P {a: '2', n: 2});");
      const { found } = await proof(project, "--data", "data.cypher");
      assert.equal(found[0], `0001_values: ${outcome}`, up);
    });
  }
});

Deno.test("a whole number that comes back as a float is a difference", async () => {
  await withProof(async (project) => {
    await migration(
      project,
      "floats",
      '  await ctx.runCypher("MATCH (p:P) SET p.n = toFloat(p.n)");',
      '  await ctx.runCypher("MATCH (p:P) SET p.m = 1 REMOVE p.m");',
    );
    project.write("data.cypher", "CREATE (:P {n: 1});");
    const { found } = await proof(project, "--data", "data.cypher");
    assert.equal(found[0], "0001_floats: broken");
  });
});

Deno.test("a graph that is not empty is refused, and nothing of it is touched", async () => {
  await withProof(async (project, graph) => {
    await goodChain(project);
    const table: [string, RegExp][] = [
      ["CREATE (:Someone {x: 1})", /is not empty \(1 node, 0 constraints and indexes\)/],
      ["CREATE INDEX theirs FOR (n:Their) ON (n.x)", /is not empty \(0 nodes, 1 constraint or index\)/],
    ];
    for (const [statement, message] of table) {
      await emptyGraph(graph);
      await graph.implicit(statement);
      const before = [...await showSchema(graph), ...await showData(graph)];
      const refused = await prove(project);
      assert.equal(refused.code, 2, statement);
      assert.match(refused.err, message);
      assert.match(refused.err, /leave --uri out/);
      assert.deepEqual([...await showSchema(graph), ...await showData(graph)], before);
      assert.deepEqual(await graph.read("MATCH (n) WHERE n:_CrochetGraph OR n:_CrochetLock RETURN n"), []);
    }
  });
});

Deno.test("a project without migrations, and a chain that is broken", async () => {
  await withProof(async (project) => {
    const none = await proof(project);
    assert.deepEqual([none.code, none.found], [0, []]);
    await goodChain(project);
    Deno.removeSync(join(project.root, "migrations/0001_person.ts"));
    const broken = await prove(project);
    assert.equal(broken.code, 2);
    assert.match(broken.err, /0001_person/);
  });
});

/** Programs whose command line names a folder. */
async function processesOf(folder: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid,args"] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) =>
    line.includes(folder) && !line.includes("ps -eo")
  );
}

Deno.test("without --uri a scratch server is started, and is gone afterwards", async () => {
  await withProject({}, async (project) => {
    await goodChain(project);
    const before = await project.json("status", "--offline");
    const files = project.list(".crochet");
    const outcome = await project.run("test", "--neo4j", "5");
    assert.equal(outcome.code, 0, outcome.out + outcome.err);
    assert.match(outcome.out, /PROVEN +the whole chain\nEvery revision keeps its contract\./);
    assert.match(outcome.err, /starting Neo4j 5/);
    assert.ok(!exists(join(project.root, ".crochet/test")));
    assert.deepEqual(project.list(".crochet"), files);
    assert.deepEqual(await processesOf(project.root), []);
    assert.deepEqual(await project.json("status", "--offline"), before);
  });
});

Deno.test("a scratch server has its own user and database, whatever the project's are", async () => {
  const toml = '[project]\nname = "p"\n\n[neo4j]\nusername = "admin"\ndatabase = "people"\n';
  await withProject({ "crochet.toml": toml }, async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "person");
    try {
      const { code, err } = await project.run("test", "--neo4j", "5");
      assert.deepEqual(await processesOf(project.root), [], err);
      assert.equal(code, 0, err);
    } finally {
      await project.run("dev", "down", "--home", ".crochet/test");
    }
  });
});
