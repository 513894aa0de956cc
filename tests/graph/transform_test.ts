/**
 * Constraints and indexes of every kind, conversions, merges, splits and turns on a real server: what they do, what
 * their way back leaves, what the plan says of them, and what it refuses before anything is touched.
 */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { killed, showData, showSchema, type TestProject, withGraphProject } from "../harness.ts";

type Values = [expression: string, after: string][];

/** Writes a migration that makes the calls. Lines without `await` are calls on the context. */
async function migration(
  project: TestProject,
  name: string,
  upgrade: string[],
  downgrade: string[],
  ...flags: string[]
): Promise<string> {
  const { files } = await project.json("create-migration", name, "--empty", ...flags);
  const body = (calls: string[]) =>
    calls.map((call) => (/await|=/.test(call.split("(")[0]) ? `  ${call}` : `  await ctx.${call};`)).join(
      "\n",
    );
  project.write(
    files[0],
    project.read(files[0]).replace("  // nothing to do in the graph", () => body(upgrade))
      .replace("  // nothing to undo in the graph", () => body(downgrade)),
  );
  return files[0];
}

/** A line that hands an operation's answer to the graph, so that a test can read it. */
const told = (call: string) =>
  `await ctx.runCypher("MERGE (t:Told) SET t.value = $value", { value: JSON.stringify(await ctx.${call}) });`;
const FORGET = 'runCypher("MATCH (t:Told) DELETE t")';

async function answer(graph: Graph): Promise<unknown> {
  const [{ value }] = await graph.read("MATCH (t:Told) RETURN t.value AS value");
  return JSON.parse(String(value));
}

async function fill(graph: Graph, ...statements: string[]): Promise<void> {
  for (const statement of statements) await graph.implicit(statement);
}

/** What stays the same when a run is refused: data, constraints, indexes, and no record of a run. */
async function state(graph: Graph): Promise<string[]> {
  const record = await graph.read(
    "MATCH (n) WHERE n:_CrochetRun OR n:_CrochetOperation RETURN labels(n) AS l",
  );
  return [...await showData(graph), ...await showSchema(graph), `${record.length} marks`];
}

/** Runs a command that must be refused before it touches anything; gives what it said. */
async function refused(project: TestProject, graph: Graph, ...args: string[]): Promise<string> {
  const before = await state(graph);
  const outcome = await project.run(...args);
  assert.equal(outcome.code, 2, outcome.out + outcome.err);
  assert.match(outcome.err, /The run was refused before it touched anything/);
  assert.deepEqual(await state(graph), before);
  return outcome.err;
}

/** Arguments of a call for nodes and of its mirror for relationships, and the words of the catalog. */
const SCHEMA: [suffix: string, properties: string, more: string, type: string][] = [
  ["UniqueConstraint", '["u", "v"]', "", "UNIQUENESS"],
  ["Index", '["b", "a"]', "", "RANGE"],
  ["TextIndex", '"t"', "", "TEXT"],
  ["PointIndex", '"p"', "", "POINT"],
  ["FulltextIndex", '["y", "x"]', ', { analyzer: "english", eventuallyConsistent: true }', "FULLTEXT"],
  [
    "VectorIndex",
    '"w"',
    ', { dimensions: 3, similarityFunction: "euclidean", hnswM: 8, hnswEfConstruction: 50, quantization: false }',
    "VECTOR",
  ],
];

Deno.test("constraints and indexes of every kind come with their options, and go", async () => {
  await withGraphProject({}, async (project, graph) => {
    await fill(
      graph,
      "CREATE (:L {u: 1, v: 1, t: 'x', a: 1, w: [1.0, 2.0, 3.0]})-[:T {u: 1, v: 1, t: 'x'}]->(:M {x: 'y'})",
      "CREATE INDEX mine FOR (n:L) ON (n.a, n.b)",
      "CREATE TEXT INDEX theirs FOR (n:M) ON (n.t)",
    );
    const before = await showSchema(graph);
    const calls = (verb: string) =>
      SCHEMA.flatMap(([suffix, properties, more]) =>
        [["L", '["M", "L"]', ""], ["T", '["T", "S"]', "Relationship"]].map(([one, several, prefix]) => {
          const owner = suffix === "FulltextIndex" ? several : JSON.stringify(one);
          return `${verb}${prefix}${suffix}(${owner}, ${properties}${verb === "add" ? more : ""})`;
        })
      );
    await migration(project, "all", calls("add"), calls("drop").reverse());
    const plan = await project.json("plan");
    assert.deepEqual(
      plan.revisions[0].operations.map((o: Record<string, unknown>) => [o.touches, o.unit, o.effect]),
      SCHEMA.flatMap(([suffix]) =>
        [["L", "L|M", "node"], ["T", "S|T", "relationship"]].map(([one, several, unit]) => {
          const [owner, touches] = suffix === "FulltextIndex" ? [several, unit === "node" ? 2 : 1] : [one, 1];
          const more = suffix === "UniqueConstraint"
            ? ", and holds new ones back while everything there is checked"
            : "; filled in the background";
          return [touches, unit, `waits for open writes on ${owner}${more}`];
        })
      ),
    );
    await project.ok("upgrade");
    const made = await graph.read(
      "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, options, owningConstraint, state WHERE type <> 'LOOKUP' " +
        "AND NOT name STARTS WITH '_crochet' AND NOT name IN ['mine', 'theirs'] RETURN *",
    );
    assert.ok(made.every((row) => row.state === "ONLINE"));
    const shapes = made.map((row) =>
      [row.owningConstraint ? "UNIQUENESS" : row.type, row.entityType, row.labelsOrTypes, row.properties]
        .join(
          " ",
        )
    );
    assert.deepEqual(
      shapes.sort(),
      SCHEMA.flatMap(([suffix, properties, , type]) =>
        [["NODE", "L", "L,M"], ["RELATIONSHIP", "T", "S,T"]].map(([entity, one, several]) =>
          `${type} ${entity} ${suffix === "FulltextIndex" ? several : one} ${[JSON.parse(properties)].flat()}`
        )
      ).sort(),
    );
    const config = (type: string) =>
      made.filter((row) => row.type === type).map((row) =>
        (row.options as { indexConfig: Record<string, unknown> }).indexConfig
      );
    for (const vector of config("VECTOR")) {
      const names = ["dimensions", "similarity_function", "hnsw.m", "hnsw.ef_construction"];
      assert.deepEqual(names.map((name) => String(vector[`vector.${name}`]).toLowerCase()), [
        "3",
        "euclidean",
        "8",
        "50",
      ]);
      // Newer servers name the kind of quantization.
      const quantization = vector["vector.quantization.enabled"] ?? vector["vector.quantization.type"];
      assert.ok(quantization === false || quantization === "NONE", String(quantization));
    }
    for (const fulltext of config("FULLTEXT")) {
      assert.deepEqual([fulltext["fulltext.analyzer"], fulltext["fulltext.eventually_consistent"]], [
        "english",
        true,
      ]);
    }
    assert.equal((await project.run("verify")).code, 0);
    await project.ok("downgrade");
    assert.deepEqual(await showSchema(graph), before);
  });
});

Deno.test("what is there is adopted whatever the order of labels, and left by the downgrade", async () => {
  await withGraphProject({}, async (project, graph) => {
    await fill(
      graph,
      "CREATE FULLTEXT INDEX mine FOR (n:M|L) ON EACH [n.y, n.x]",
      "CREATE CONSTRAINT own FOR (n:L) REQUIRE (n.a, n.b) IS UNIQUE",
      "CREATE VECTOR INDEX vec FOR (n:L) ON n.w OPTIONS { indexConfig: { `vector.dimensions`: 3, `vector.similarity_function`: 'cosine', `vector.hnsw.m`: 8 } }",
    );
    const before = await showSchema(graph);
    const vector = (options: string) => `addVectorIndex("L", "w", { dimensions: 3${options} })`;
    const add = (options: string) => [
      'addFulltextIndex(["L", "M"], ["x", "y"])',
      'addUniqueConstraint("L", ["a", "b"])',
      vector(options),
    ];
    const file = await migration(project, "adopt", add(""), [
      'dropVectorIndex("L", "w")',
      'dropUniqueConstraint("L", ["a", "b"])',
      'dropFulltextIndex(["M", "L"], ["y", "x"])',
    ]);
    const { revisions } = await project.json("plan");
    assert.deepEqual(
      revisions[0].operations.map((o: { note: string; statements: unknown[] }) => [o.note, o.statements]),
      ["mine", "own", "vec"].map((name) => [`it is there already as "${name}", and is adopted`, []]),
    );
    await project.ok("upgrade");
    await project.ok("downgrade");
    assert.deepEqual(await showSchema(graph), before);
    const text = project.read(file);
    for (const option of [", hnswM: 9", ", hnswEfConstruction: 7", ", quantization: false"]) {
      project.write(file, text.replace(vector(""), vector(option)));
      const other = await project.run("upgrade");
      assert.equal(other.code, 2, `${option}: ${other.out}`);
      assert.match(other.err, /vector index on L\.w exists as "vec" with other options/);
      assert.deepEqual(await showSchema(graph), before);
      await project.ok("resolve", "0001_adopt", "--mark-reverted");
    }
  });
});

/** Values by pair of kinds: what stands there before, and what is stored after. They come back as they were. */
const EXACT: [from: string, to: string, values: Values][] = [
  ["string", "integer", [
    ["'0'", "0"],
    ["'-7'", "-7"],
    ["'9007199254740993'", "9007199254740993"],
    ["'9223372036854775807'", "9223372036854775807"],
  ]],
  ["string", "float", [["'1.5'", "1.5"], ["'-0.25'", "-0.25"], ["'1.0E100'", "1.0E100"]]],
  ["string", "boolean", [["'true'", "true"], ["'false'", "false"]]],
  ["integer", "string", [["42", "'42'"], ["-9223372036854775807", "'-9223372036854775807'"]]],
  ["integer", "float", [["0", "0.0"], ["-3", "-3.0"], ["9007199254740992", "9007199254740992.0"]]],
  ["integer", "boolean", [["0", "false"], ["1", "true"]]],
  ["float", "string", [["1.5", "'1.5'"], ["0.1 + 0.2", "'0.30000000000000004'"], ["30.0", "'30.0'"]]],
  ["float", "integer", [["3.0", "3"], ["-9007199254740992.0", "-9007199254740992"]]],
  ["boolean", "string", [["true", "'true'"], ["false", "'false'"]]],
  ["boolean", "integer", [["true", "1"], ["false", "0"]]],
  ["float", "datetime", [
    ["0.0", "datetime('1970-01-01T00:00Z')"],
    ["-1.5", "datetime('1969-12-31T23:59:58.5Z')"],
    ["1700000000.123456", "datetime('2023-11-14T22:13:20.123456Z')"],
  ]],
  ["datetime", "float", [
    ["datetime('2023-11-14T22:13:20.123456Z')", "1700000000.123456"],
    ["datetime('1969-12-31T23:59:58.5Z')", "-1.5"],
    ["datetime('1900-01-01T00:00:00.000001Z')", "-2208988799.999999"],
  ]],
  ["string", "list", [["'a'", "['a']"], ["''", "['']"]]],
  ["list", "string", [["['a']", "'a'"]]],
  ["integer", "list", [["5", "[5]"]]],
  ["list", "integer", [["[5]", "5"]]],
  ["float", "list", [["5.0", "[5.0]"]]],
  ["list", "float", [["[5.0]", "5.0"]]],
  ["boolean", "list", [["true", "[true]"]]],
  ["list", "boolean", [["[false]", "false"]]],
  ["datetime", "list", [["datetime('2024-05-01T12:00+02:00')", "[datetime('2024-05-01T12:00+02:00')]"]]],
  ["list", "datetime", [["[datetime('2024-05-01T12:00+02:00')]", "datetime('2024-05-01T12:00+02:00')"]]],
];

/** Values with their types: `p0`, `p1` and so on of the node, `r0`, `r1` and so on of the relationship. */
async function stored(graph: Graph): Promise<Record<string, string>> {
  const values = "UNWIND keys(n) AS k RETURN k, toStringList(n[k] + []) AS v, valueType(n[k]) AS type";
  const rows = await graph.read(`MATCH (n:V) ${values} UNION ALL MATCH ()-[n:R]->() ${values}`);
  return Object.fromEntries(rows.map(({ k, v, type }) => [k, `${type} ${JSON.stringify(v)}`]));
}

/** A node and a relationship that hold the values. */
async function hold(graph: Graph, values: string[]): Promise<void> {
  const map = (letter: string) => `{${values.map((value, i) => `${letter}${i}: ${value}`).join(", ")}}`;
  await fill(graph, "MATCH (v:V) DETACH DELETE v", `CREATE (:V ${map("p")})-[:R ${map("r")}]->(:V)`);
}

const conversions = (from: string, to: string, i: number, more = "") => [
  `convertNodeProperty("V", "p${i}", "${from}", "${to}"${more})`,
  `convertRelationshipProperty("R", "r${i}", "${from}", "${to}"${more})`,
];

Deno.test("conversions of every pair give the same value of another kind, and come back", async () => {
  await withGraphProject({}, async (project, graph) => {
    const all = EXACT.flatMap(([from, to, values]) => values.map(([was, is]) => ({ from, to, was, is })));
    await hold(graph, all.map(({ is }) => is));
    const wanted = await stored(graph);
    await hold(graph, all.map(({ was }) => was));
    const before = await stored(graph);
    await migration(
      project,
      "convert",
      all.flatMap(({ from, to }, i) => conversions(from, to, i)),
      all.flatMap(({ from, to }, i) => conversions(to, from, i)),
    );
    const { revisions } = await project.json("plan");
    for (const operation of revisions[0].operations) assert.equal(operation.touches, 1, operation.operation);
    await project.ok("upgrade");
    const after = await stored(graph);
    await project.ok("downgrade");
    assert.deepEqual([after, await stored(graph)], [wanted, before]);
  });
});

/** Values at the edges of what a kind can hold. */
const EDGES: [from: string, to: string, value: string][] = [
  ["integer", "float", "9007199254740994"],
  ["integer", "float", "9223372036854775807"],
  ["integer", "float", "-9223372036854775807"],
  ["float", "integer", "1e18"],
  ["float", "string", "1.7976931348623157E308"],
  ["string", "float", "'NaN'"],
  ["string", "integer", "'-0'"],
  ["float", "datetime", "0.12345678"],
  ["float", "datetime", "-1.000001"],
  ["float", "datetime", "253402300799.5"],
  ["datetime", "float", "datetime('2024-01-01T12:00[Europe/London]')"],
  ["datetime", "float", "datetime('9999-12-31T23:59:59.999999Z')"],
  ["datetime", "float", "datetime('2300-01-01T00:00:00.000001Z')"],
  ["datetime", "float", "datetime('1969-12-31T23:59:59.999999Z')"],
  ["datetime", "float", "datetime('-0001-01-01T00:00Z')"],
  ["list", "string", "[]"],
  ["string", "list", "''"],
];

Deno.test("what a conversion takes without a loss its inverse brings back the same", async () => {
  await withGraphProject({}, async (project, graph) => {
    const file = await migration(project, "edge", ["up"], ["down"]);
    const text = project.read(file);
    const wrong: string[] = [];
    for (const [from, to, value] of EDGES) {
      await hold(graph, [value]);
      const before = await stored(graph);
      const calls = (a: string, b: string) =>
        conversions(a, b, 0).map((call) => `ctx.${call}`).join(";\n  await ");
      project.write(file, text.replace("ctx.up", calls(from, to)).replace("ctx.down", calls(to, from)));
      const { code, err } = await project.run("upgrade");
      if (code !== 0) {
        assert.match(err, /would not come back the same/);
        assert.deepEqual(await stored(graph), before);
        continue;
      }
      const after = await stored(graph);
      const down = await project.run("downgrade");
      const back = await stored(graph);
      const what = `${from} ${before.p0} -> ${after.p0}`;
      if (down.code !== 0) {
        wrong.push(`${what}: ${down.err}`);
        await hold(graph, []);
        await project.ok("downgrade");
      } else if (JSON.stringify(back) !== JSON.stringify(before)) wrong.push(`${what} -> ${back.p0}`);
    }
    assert.deepEqual(wrong, []);
  });
});

/** Values that do not come back the same, and what becomes of them where the loss is meant. */
const LOSSY: [from: string, to: string, values: Values][] = [
  ["string", "integer", [["'007'", "7"], ["'3.7'", "3"]]],
  ["string", "float", [["'1'", "1.0"], ["'1e3'", "1000.0"]]],
  ["string", "boolean", [["'TRUE'", "true"]]],
  ["integer", "float", [["9007199254740993", "9007199254740992.0"]]],
  ["integer", "boolean", [["5", "true"]]],
  ["float", "integer", [["2.5", "2"], ["9.1e18", "9100000000000000000"]]],
  ["datetime", "float", [
    ["datetime('2024-05-01T12:00+02:00')", "1714557600.0"],
    ["datetime('1970-01-01T00:00:01.000000001Z')", "1.0"],
  ]],
];

for (const [from, to, values] of LOSSY) {
  Deno.test(`a conversion from ${from} to ${to} that loses something stops the plan until it is meant`, async () => {
    await withGraphProject({}, async (project, graph) => {
      const down = values.flatMap((_, i) => conversions(to, from, i, ", { lossy: true }"));
      const up = (more: string) => values.flatMap((_, i) => conversions(from, to, i, more));
      await hold(graph, values.map(([, is]) => is));
      const wanted = await stored(graph);
      await hold(graph, values.map(([was]) => was));
      const exact = await migration(project, "exact", up(""), down);
      const said = await refused(project, graph, "upgrade");
      const lines = said.split("\n").filter((line) => line.includes("would not come back the same"));
      assert.equal(lines.length, values.length * 2, `every value is named once for each entity:\n${said}`);
      assert.match(
        said,
        new RegExp(`converts V\\.p0 from ${from} to ${to}, and 1 value would not come back`),
      );
      // A revision that loses something must say so, too.
      project.write(
        exact,
        project.read(exact).replaceAll(`"${from}", "${to}")`, `"${from}", "${to}", { lossy: true })`),
      );
      assert.match(await refused(project, graph, "plan"), /loses what V\.p0 was before/);
      project.write(exact, project.read(exact).replace("rollbackSafe = true", "rollbackSafe = false"));
      await project.ok("upgrade");
      assert.deepEqual(await stored(graph), wanted);
    });
  });
}

/** Values that cannot be converted at all, with the example that the message shows. */
const IMPOSSIBLE: [from: string, to: string, value: string, example: RegExp][] = [
  ["string", "integer", "'many'", /"many"/],
  ["string", "float", "''", /""/],
  ["string", "boolean", "'yes'", /"yes"/],
  ["string", "integer", "true", /true/],
  ["string", "list", "7", /7/],
  ["float", "integer", "1e19", /10000000000000000000|1e\+?19/],
  ["list", "string", "['a', 'b']", /\["a","b"\]/],
  ["list", "string", "[]", /\[\]/],
  ["list", "integer", "['5']", /\["5"\]/],
  ["float", "datetime", "5", /5/],
];

Deno.test("values that cannot be converted stop the plan with examples, lossy or not", async () => {
  await withGraphProject({}, async (project, graph) => {
    await hold(graph, IMPOSSIBLE.map(([, , value]) => value));
    const file = await migration(project, "none", ["runCypher('RETURN 1')"], [], "--unsafe");
    const text = project.read(file);
    for (const [i, [from, to, , example]] of IMPOSSIBLE.entries()) {
      for (
        const [more, words] of [["", "would not come back the same"], [
          ", { lossy: true }",
          "cannot be converted",
        ]]
      ) {
        const calls = conversions(from, to, i, more).map((call) => `await ctx.${call};`).join("\n  ");
        project.write(file, text.replace("await ctx.runCypher('RETURN 1');", () => calls));
        const said = await refused(project, graph, "upgrade");
        for (const owner of [`V.p${i}`, `R.r${i}`]) {
          const line = said.split("\n").find((one) =>
            one.includes(`converts ${owner} from ${from} to ${to}`)
          );
          assert.match(line ?? said, new RegExp(`and 1 value ${words}: ${example.source}`));
        }
      }
    }
  });
});

Deno.test("a property of one name is checked wherever a plan converts it", async () => {
  const all = [["V", "W", "Node"], ["V", "R", "Relationship"]];
  for (const [first, second, entity] of all) {
    await withGraphProject({}, async (project, graph) => {
      await fill(graph, "CREATE (:V {p: '1'})-[:R {p: 'bad'}]->(:W {p: 'bad'})");
      await migration(project, "two", [
        `convertNodeProperty("${first}", "p", "string", "integer")`,
        `convert${entity}Property("${second}", "p", "string", "integer")`,
      ], []);
      assert.match(await refused(project, graph, "upgrade"), new RegExp(`converts ${second}\\.p .*"bad"`));
    });
  }
});

Deno.test("a conversion names a few of many values, leaves labels out, and is checked again where data changed", async () => {
  await withGraphProject({}, async (project, graph) => {
    await fill(
      graph,
      "UNWIND range(1, 9) AS i CREATE (:V {p: 'bad ' + i})",
      "CREATE (:V:Other {p: 'left'}), (:V {p: '5'}), (:V {p: 6}), (:V)",
    );
    const convert = 'convertNodeProperty("V", "p", "string", "integer", { except: ["Other"] })';
    const file = await migration(project, "some", [convert], [
      'convertNodeProperty("V", "p", "integer", "string", { except: ["Other"] })',
    ]);
    assert.match(
      await refused(project, graph, "upgrade"),
      /and 9 values would not come back the same: "bad \d", "bad \d", "bad \d"$/m,
    );
    // A write before it makes the plan's check worthless; the run looks again.
    const clean =
      "await ctx.runCypher(\"MATCH (v:V) WHERE v.p STARTS WITH 'bad' AND v.p <> 'bad 9' REMOVE v.p\");";
    project.write(file, project.read(file).replace("  await ctx.convert", `  ${clean}\n  await ctx.convert`));
    const failed = await project.run("upgrade");
    assert.equal(failed.code, 2, failed.err);
    assert.match(failed.err, /and 1 value would not come back the same: "bad 9"/);
    const values = () =>
      graph.read(
        "MATCH (v:V) WHERE v.p IS NOT NULL RETURN toString(v.p) + ' ' + valueType(v.p) AS v ORDER BY v",
      );
    assert.deepEqual((await values()).map(({ v }) => v), [
      "5 STRING NOT NULL",
      "6 INTEGER NOT NULL",
      "bad 9 STRING NOT NULL",
      "left STRING NOT NULL",
    ]);
    await fill(graph, "MATCH (v:V {p: 'bad 9'}) SET v.p = '9'");
    await project.ok("upgrade");
    assert.deepEqual((await values()).map(({ v }) => v), [
      "5 INTEGER NOT NULL",
      "6 INTEGER NOT NULL",
      "9 INTEGER NOT NULL",
      "left STRING NOT NULL",
    ]);
  });
});

/** Graphs before and after `mergeNodes("P", ["k"])`. */
const MERGES: [about: string, before: string, after: string, groups: number][] = [
  [
    "values: the first one's stay, what it lacks comes from the others in order",
    "CREATE (:P {k: 1, a: 'first'}) CREATE (:P {k: 1, a: 'second', b: 'second'}) CREATE (:P {k: 1, b: 'third', c: 'third'})",
    "CREATE (:P {k: 1, a: 'first', b: 'second', c: 'third'})",
    1,
  ],
  ["labels of all", "CREATE (:P:A {k: 1}) CREATE (:P:B:C {k: 1})", "CREATE (:P:A:B:C {k: 1})", 1],
  [
    "nothing that is alone, lacks the key, or has it as another kind",
    "CREATE (:P {k: 1}), (:P {k: 2}), (:P), (:P), (:P {k: '1'}), (:Q {k: 1}), (:Q {k: 1})",
    "CREATE (:P {k: 1}), (:P {k: 2}), (:P), (:P), (:P {k: '1'}), (:Q {k: 1}), (:Q {k: 1})",
    0,
  ],
  [
    "relationships in both directions with their values, equal ones too",
    "CREATE (q:Q {id: 'q'}) CREATE (a:P {k: 1})-[:R {i: 1}]->(q) CREATE (b:P {k: 1})-[:R {i: 1}]->(q), (q)-[:S {i: 2}]->(b)",
    "CREATE (q:Q {id: 'q'}) CREATE (a:P {k: 1})-[:R {i: 1}]->(q), (a)-[:R {i: 1}]->(q), (q)-[:S {i: 2}]->(a)",
    1,
  ],
  [
    "self loops and relationships between the nodes of a group",
    "CREATE (a:P {k: 1}) CREATE (b:P {k: 1}) CREATE (c:P {k: 1}) CREATE (a)-[:L {i: 1}]->(a), (b)-[:L {i: 2}]->(b), " +
    "(a)-[:L {i: 3}]->(b), (b)-[:L {i: 4}]->(a), (b)-[:L {i: 5}]->(c), (c)-[:L {i: 6}]->(b)",
    "CREATE (a:P {k: 1}) FOREACH (i IN range(1, 6) | CREATE (a)-[:L {i: i}]->(a))",
    1,
  ],
  [
    "relationships between groups",
    "CREATE (a:P {k: 1}) CREATE (b:P {k: 1}) CREATE (c:P {k: 2}) CREATE (d:P {k: 2}) " +
    "CREATE (a)-[:R {i: 1}]->(c), (b)-[:R {i: 2}]->(d), (d)-[:R {i: 3}]->(b), (c)-[:R {i: 4}]->(b)",
    "CREATE (a:P {k: 1}) CREATE (c:P {k: 2}) " +
    "CREATE (a)-[:R {i: 1}]->(c), (a)-[:R {i: 2}]->(c), (c)-[:R {i: 3}]->(a), (c)-[:R {i: 4}]->(a)",
    2,
  ],
  [
    "relationships under a uniqueness constraint",
    "CREATE (q:Q) CREATE (a:P {k: 1})-[:U {code: 'x'}]->(q) CREATE (b:P {k: 1})-[:U {code: 'y'}]->(q), (q)-[:U {code: 'z'}]->(b)",
    "CREATE (q:Q) CREATE (a:P {k: 1})-[:U {code: 'x'}]->(q), (a)-[:U {code: 'y'}]->(q), (q)-[:U {code: 'z'}]->(a)",
    1,
  ],
  [
    "values under a uniqueness constraint",
    "CREATE (:P {k: 1}) CREATE (:P {k: 1, code: 'x'}) CREATE (:P {k: 1, code: 'y'})",
    "CREATE (:P {k: 1, code: 'x'})",
    1,
  ],
];

for (const [about, before, after, groups] of MERGES) {
  Deno.test(`mergeNodes() keeps ${about}`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await fill(graph, after);
      const wanted = await showData(graph);
      await fill(
        graph,
        "MATCH (n) DETACH DELETE n",
        "CREATE CONSTRAINT code FOR (n:P) REQUIRE n.code IS UNIQUE",
        "CREATE CONSTRAINT link FOR ()-[r:U]-() REQUIRE r.code IS UNIQUE",
        before,
      );
      await migration(project, "merge", [told('mergeNodes("P", ["k"])')], [], "--unsafe");
      const { revisions } = await project.json("plan");
      const planned = revisions[0].operations[0];
      assert.deepEqual([planned.operation, planned.touches, planned.loses], [
        'mergeNodes(P, ["k"])',
        groups,
        "the separate nodes of P",
      ]);
      await project.ok("upgrade");
      assert.deepEqual(await answer(graph), { changed: groups });
      await fill(graph, "MATCH (t:Told) DELETE t");
      assert.deepEqual(await showData(graph), wanted);
    });
  });
}

Deno.test("mergeNodes() makes room for a constraint over its keys, in one migration of many groups", async () => {
  await withGraphProject({}, async (project, graph) => {
    await fill(
      graph,
      "UNWIND range(1, 1500) AS i CREATE (:P {a: i % 500, b: 'b', i: i})-[:R {i: i}]->(:Q {i: i})",
      "CREATE (:P {a: 1}), (:P {a: 1, b: 'other'}), (:P {b: 'b'})",
    );
    await migration(
      project,
      "unique",
      [told('mergeNodes("P", ["a", "b"])'), 'addUniqueConstraint("P", ["a", "b"])'],
      [],
      "--unsafe",
    );
    await project.ok("upgrade");
    assert.deepEqual(await answer(graph), { changed: 500 });
    assert.deepEqual(
      await graph.read(
        "MATCH (p:P) OPTIONAL MATCH (p)-[r]->(q) RETURN count(DISTINCT p) AS p, count(r) AS r, sum(r.i) AS sum",
      ),
      [{ p: 503, r: 1500, sum: 1125750 }],
    );
    assert.equal((await showSchema(graph)).length, 2);
  });
});

Deno.test("mergeNodes() is refused in a revision that claims to be rollback-safe", async () => {
  await withGraphProject({}, async (project, graph) => {
    await migration(project, "merge", ['mergeNodes("P", ["k"])'], []);
    assert.match(await refused(project, graph, "upgrade"), /loses the separate nodes of P/);
    await project.ok("upgrade", "--accept-loss", "0001_merge");
  });
});

Deno.test("splitLabel() gives nodes the label of their value, and is undone", async () => {
  const CASES = `{ human: "Person", "it's": "Thing", 5: "Five", true: "Yes" }`;
  const PEOPLE =
    "CREATE (:A {kind: 'human', i: 1}), (:A:B {kind: 'human', i: 2}), (:A {kind: \"it's\"}), (:A {kind: 5}), " +
    "(:A {kind: '5'}), (:A {kind: true}), (:A {kind: 'Human'}), (:A {kind: 5.0}), (:A), (:B {kind: 'human'})";
  const labels = async (graph: Graph) => {
    const rows = await graph.read(
      "MATCH (n) WHERE NOT n:Told RETURN labels(n) AS labels, toString(n.kind) AS kind",
    );
    return rows.filter(({ labels }) => !String(labels).startsWith("_Crochet")).map(({ labels, kind }) =>
      `${(labels as string[]).sort().join(":")} ${kind}`
    ).sort();
  };
  for (const keep of [false, true]) {
    await withGraphProject({}, async (project, graph) => {
      await fill(graph, PEOPLE);
      const before = await showData(graph);
      const back = (label: string) => keep ? `removeLabel("A", "${label}")` : `renameLabel("${label}", "A")`;
      await migration(
        project,
        "split",
        [told(`splitLabel("A", "kind", ${CASES}${keep ? ", { keep: true }" : ""})`)],
        [FORGET, ...["Yes", "Five", "Thing", "Person"].map(back)],
      );
      const { revisions } = await project.json("plan");
      assert.equal(revisions[0].operations[0].touches, 6);
      await project.ok("upgrade");
      assert.deepEqual(await answer(graph), { changed: 6 });
      const own = keep ? "A:" : "";
      assert.deepEqual(
        await labels(graph),
        [
          ...["Five 5", "Five 5", "Person human", "Thing it's", "Yes true"].map((node) => own + node),
          keep ? "A:B:Person human" : "B:Person human",
          "A 5.0",
          "A Human",
          "A null",
          "B human",
        ].sort(),
      );
      await project.ok("downgrade");
      assert.deepEqual(await showData(graph), before);
    });
  }
});

Deno.test("splitLabel() leaves nodes whose value is no single value", async () => {
  await withGraphProject({}, async (project, graph) => {
    await fill(graph, "CREATE (:A {kind: ['x']}), (:A {kind: point({x: 1, y: 2})}), (:A {kind: 'x'})");
    await migration(project, "split", ['splitLabel("A", "kind", { x: "X" })'], ['renameLabel("X", "A")']);
    await project.ok("upgrade");
    assert.deepEqual(await graph.read("MATCH (n:X) RETURN n.kind AS kind"), [{ kind: "x" }]);
  });
});

/** Relationships before and after they are turned: of two labels, of one, of nodes that have both. */
const TURNS: [
  about: string,
  source: string,
  target: string,
  before: string,
  after: string,
  turned: number,
][] = [
  [
    "of two labels",
    "A",
    "B",
    "CREATE (a:A {n: 'a'}), (b:B {n: 'b'}), (c:C {n: 'c'}) CREATE (a)-[:R {i: 1}]->(b), (a)-[:R {i: 1}]->(b), " +
    "(a)-[:S {i: 2}]->(b), (a)-[:R {i: 3}]->(c), (c)-[:R {i: 4}]->(b)",
    "CREATE (a:A {n: 'a'}), (b:B {n: 'b'}), (c:C {n: 'c'}) CREATE (b)-[:R {i: 1}]->(a), (b)-[:R {i: 1}]->(a), " +
    "(a)-[:S {i: 2}]->(b), (a)-[:R {i: 3}]->(c), (c)-[:R {i: 4}]->(b)",
    2,
  ],
  [
    "of one label",
    "A",
    "A",
    "CREATE (a:A {n: 'a'}), (b:A {n: 'b'}), (c:A {n: 'c'}) CREATE (a)-[:R {i: 1}]->(b), (b)-[:R {i: 2}]->(c), " +
    "(c)-[:R {i: 3}]->(b), (a)-[:R {i: 4}]->(a)",
    "CREATE (a:A {n: 'a'}), (b:A {n: 'b'}), (c:A {n: 'c'}) CREATE (b)-[:R {i: 1}]->(a), (c)-[:R {i: 2}]->(b), " +
    "(b)-[:R {i: 3}]->(c), (a)-[:R {i: 4}]->(a)",
    4,
  ],
  [
    "of nodes that have both labels",
    "A",
    "B",
    "CREATE (a:A:B {n: 'a'}), (b:A:B {n: 'b'}) CREATE (a)-[:R {i: 1}]->(b), (a)-[:R {i: 2}]->(a)",
    "CREATE (a:A:B {n: 'a'}), (b:A:B {n: 'b'}) CREATE (b)-[:R {i: 1}]->(a), (a)-[:R {i: 2}]->(a)",
    2,
  ],
];

for (const [about, source, target, before, after, turned] of TURNS) {
  Deno.test(`changeRelationshipDirection() turns relationships ${about}, and back`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await fill(graph, after);
      const wanted = await showData(graph);
      await fill(graph, "MATCH (n) DETACH DELETE n", before);
      const was = await showData(graph);
      await migration(
        project,
        "turn",
        [told(`changeRelationshipDirection("R", "${source}", "${target}")`)],
        [FORGET, `changeRelationshipDirection("R", "${target}", "${source}")`],
      );
      const { revisions } = await project.json("plan");
      const { touches, unit, effect, statements, loses } = revisions[0].operations[0];
      assert.deepEqual([touches, unit, effect, statements.length, loses], [
        turned,
        "relationship",
        "makes relationships anew in batches of 10,000: their ids change",
        2,
        undefined,
      ]);
      await project.ok("upgrade");
      assert.deepEqual(await answer(graph), { changed: turned });
      assert.deepEqual((await showData(graph)).filter((line) => !line.includes("Told")), wanted);
      await project.ok("downgrade");
      assert.deepEqual(await showData(graph), was);
    });
  });
}

Deno.test("changeRelationshipDirection() tells of relationships that lead that way already", async () => {
  await withGraphProject({}, async (project, graph) => {
    await fill(graph, "CREATE (a:A), (b:B) CREATE (a)-[:R]->(b), (b)-[:R]->(a)");
    await migration(project, "turn", ['changeRelationshipDirection("R", "A", "B")'], []);
    const refused = await project.run("plan");
    assert.deepEqual([refused.code, /1 relationship of type R leads that way already/.test(refused.err)], [
      2,
      true,
    ]);
    assert.match(
      await project.ok("plan", "--accept-loss", "0001_turn"),
      /touches 1 relationship; .*; 1 relationship of type R leads that way already; a downgrade cannot tell them apart/,
    );
  });
});

/** Starts an upgrade and kills it as soon as the graph is in the wanted state. Tells whether it was killed in time. */
async function killWhen(project: TestProject, graph: Graph, cypher: string): Promise<boolean> {
  const run = project.start("upgrade");
  let isOver = false;
  run.outcome.then(() => isOver = true);
  while (!isOver && (await graph.read(cypher))[0].hit !== true) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return await killed(run);
}

for (const [source, target] of [["A", "B"], ["A", "A"]]) {
  Deno.test(`a turn of ${source} to ${target} that is killed in both phases is finished exactly once`, async () => {
    await withGraphProject({}, async (project, graph) => {
      const size = 60_000;
      await fill(
        graph,
        `UNWIND range(1, ${size}) AS i CALL (i) { CREATE (:${source} {n: 'from', i: i})-[:R {i: i}]->(:${target} {n: 'to', i: i}) } IN TRANSACTIONS OF 20000 ROWS`,
      );
      await migration(
        project,
        "turn",
        [`changeRelationshipDirection("R", "${source}", "${target}")`, 'addRelationshipIndex("R", "i")'],
        ['dropRelationshipIndex("R", "i")', `changeRelationshipDirection("R", "${target}", "${source}")`],
      );
      const count = (type: string) => `COUNT { ()-[:${type}]->() }`;
      const [own, between] = [count("R"), count("_Crochet_turned_R")];
      const kills = [
        await killWhen(project, graph, `RETURN ${between} > 0 AND ${own} > 0 AS hit`),
        await killWhen(project, graph, `RETURN ${own} = 0 AS hit`),
        await killWhen(
          project,
          graph,
          `RETURN ${own} > 0 AND ${between} < ${size} AND COUNT { (m:_CrochetOperation) } > 0 AS hit`,
        ),
      ];
      assert.ok(kills.filter(Boolean).length >= 2, `killed in time: ${kills}`);
      const half = await graph.read(`RETURN ${own} AS own, ${between} AS between`);
      assert.equal(
        Number(half[0].own) + Number(half[0].between),
        size,
        "nothing is lost or doubled half-way",
      );
      await project.ok("upgrade");
      assert.deepEqual(
        await graph.read(
          "MATCH (a)-[r]->(b) RETURN type(r) AS type, a.n AS a, b.n AS b, count(*) AS n, count(DISTINCT r.i) AS ids, sum(CASE WHEN r.i = a.i AND r.i = b.i THEN 0 ELSE 1 END) AS wrong",
        ),
        [{ type: "R", a: "to", b: "from", n: size, ids: size, wrong: 0 }],
      );
      assert.equal((await project.run("verify")).code, 0);
      await project.ok("downgrade");
      assert.deepEqual(
        await graph.read(
          "MATCH (a)-[r]->(b) RETURN type(r) AS type, a.n AS a, b.n AS b, count(*) AS n, count(DISTINCT r.i) AS ids",
        ),
        [{ type: "R", a: "from", b: "to", n: size, ids: size }],
      );
      assert.deepEqual(await showSchema(graph), []);
    });
  });
}

Deno.test("constraints of Enterprise Edition are refused in the plan, and the edition is named", async () => {
  await withGraphProject({}, async (project, graph) => {
    const calls: [string, string][] = [
      ['addNodeKey("L", ["a", "b"])', "node key on L.a, b (addNodeKey(L, a, b))"],
      ['addRelationshipKey("T", "a")', "relationship key on T.a (addRelationshipKey(T, a))"],
      ...[["Node", "L"], ["Relationship", "T"]].flatMap(([entity, owner]): [string, string][] => [
        [
          `add${entity}PropertyExistenceConstraint("${owner}", "a")`,
          `existence constraint on ${owner}.a (add${entity}PropertyExistenceConstraint(${owner}, a))`,
        ],
        [
          `add${entity}PropertyTypeConstraint("${owner}", "a", "LIST<STRING NOT NULL>")`,
          `type constraint on ${owner}.a (add${entity}PropertyTypeConstraint(${owner}, a))`,
        ],
      ]),
    ];
    await migration(project, "keys", ['addIndex("L", "z")', ...calls.map(([call]) => call)], []);
    for (const command of ["plan", "upgrade"]) {
      const said = await refused(project, graph, command);
      for (const [, words] of calls) {
        assert.ok(
          said.includes(`asks for the ${words}, which Neo4j Community Edition does not have`),
          `${words}\n${said}`,
        );
      }
    }
    assert.deepEqual(await showSchema(graph), []);
  });
});

Deno.test("required = existence asks for constraints that Community Edition refuses, and says the way out", async () => {
  await withGraphProject({
    "models/m.py":
      'from neomodel import StringProperty, StructuredNode\n\nclass P(StructuredNode):\n    __kgid__ = "p"\n    a = StringProperty(required=True)\n',
  }, async (project, graph) => {
    project.write("crochet.toml", project.read("crochet.toml") + '\n[schema]\nrequired = "existence"\n');
    await project.ok("create-migration", "first");
    assert.match(
      await refused(project, graph, "upgrade"),
      /existence constraint on P\.a .*Community Edition does not have[\s\S]*neomodel checks required=True itself/,
    );
  });
});

/** Operations and what the plan says of them: what they touch, their effect, what they lose. */
const PLANNED: [call: string, touches: number, unit: string, effect: RegExp | undefined, loses?: string][] = [
  ['addNodeProperty("P", "z", 1)', 3, "node", /^rewrites in batches of 10,000$/],
  ['removeNodeProperty("P", "a")', 2, "node", /^rewrites in batches/, "the values of P.a"],
  ['renameNodeProperty("P", "b", "c")', 1, "node", /^rewrites in batches/],
  ['convertNodeProperty("P", "s", "string", "integer")', 2, "node", /^rewrites in batches/],
  ['addRelationshipProperty("R", "z", 1)', 2, "relationship", /^rewrites in batches/],
  ['addLabel("P", "Q")', 2, "node", /^rewrites in batches/],
  [
    'renameRelationshipType("R", "S")',
    2,
    "relationship",
    /^makes relationships anew in batches of 10,000: their ids/,
  ],
  [
    'mergeNodes("P", ["a"])',
    1,
    "node",
    /^in batches of 100 groups: relationships/,
    "the separate nodes of P",
  ],
  ['deleteNodesByBatch("P", "none")', 0, "node", /^deletes in batches of 10,000$/],
  ['addUniqueConstraint("P", "i")', 3, "node", /^waits for open writes on P, and holds new ones back/],
  ['dropIndex("P", "d")', 0, "node", /^waits for open writes on P$/],
  ['createNodes("P", [{ i: 9 }, { i: 10 }])', 2, "node", undefined],
];

Deno.test("a plan says what each operation touches, locks and loses, and touches nothing", async () => {
  await withGraphProject({}, async (project, graph) => {
    await fill(
      graph,
      "CREATE (x:P {i: 1, a: 1, s: '1'})-[:R]->(y:P:Q {i: 2, a: 1, s: '2', b: 1})-[:R]->(:P {i: 3}) CREATE (:Q {i: 1})",
      "CREATE INDEX FOR (n:P) ON (n.d)",
    );
    await migration(project, "plan", PLANNED.map(([call]) => call), [], "--unsafe");
    const before = await state(graph);
    const { revisions } = await project.json("plan");
    const found = revisions[0].operations;
    assert.equal(found.length, PLANNED.length);
    for (const [i, [call, touches, unit, effect, loses]] of PLANNED.entries()) {
      assert.deepEqual([found[i].touches ?? 0, found[i].unit, found[i].loses], [touches, unit, loses], call);
      if (effect) assert.match(found[i].effect ?? "", effect, call);
      else assert.equal(found[i].effect, undefined, call);
    }
    assert.deepEqual(await state(graph), before);
  });
});

/** Statements that the server's planner refuses, and its words. */
const SYNTAX: [cypher: string, words: RegExp][] = [
  ["MATCH (n RETURN n", /line 1, column 10|Invalid input 'RETURN'/],
  ["MATCH (n) RETURN m", /`m` not defined/],
  ["CREATE (n:P) RETRUN n", /RETRUN/],
];

Deno.test("a statement that the server's planner refuses stops the plan", async () => {
  await withGraphProject({}, async (project, graph) => {
    const file = await migration(project, "syntax", ['createNodes("P", [{ a: 1 }])', 'runCypher("X")'], []);
    const text = project.read(file);
    for (const [cypher, words] of SYNTAX) {
      project.write(file, text.replace('"X"', () => JSON.stringify(cypher)));
      const before = await state(graph);
      for (const command of ["plan", "upgrade"]) {
        const { code, err } = await project.run(command);
        assert.equal(code, 2, err);
        assert.match(err, words);
        assert.match(err, /migrations\/0001_syntax\.ts/);
        assert.doesNotMatch(err, /EXPLAIN/);
      }
      assert.deepEqual(await state(graph), before);
    }
  });
});
