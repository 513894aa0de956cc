/** `crochet run`: a file that runs once, without a record. */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { holdLock, type Outcome, showData, type TestProject, withGraphProject } from "../harness.ts";

/** A project with one revision that is applied, and two nodes. */
async function withApplied(
  files: Record<string, string>,
  work: (project: TestProject, graph: Graph) => Promise<void>,
): Promise<void> {
  await withGraphProject(files, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    await graph.write((tx) =>
      tx.run("CREATE (:Person {name: 'Ada', born: date('1815-12-10')}), (:Person {name: 'Bob', n: 5})")
    );
    await work(project, graph);
  });
}

/** Everything that Crochet itself keeps in the graph, but for the lock's fence. */
async function record(graph: Graph): Promise<string> {
  const rows = await graph.read(
    "MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH '_Crochet' AND l <> '_CrochetLock') " +
      "RETURN labels(n) AS labels, properties(n) AS p ORDER BY labels, p.id",
  );
  const locks = await graph.read("MATCH (l:_CrochetLock) RETURN l.owner IS NULL AS free");
  return JSON.stringify([rows, locks.map(({ free }) => free)]);
}

function saysTwice({ err }: Outcome): void {
  assert.equal(err.match(/NOT RECORDED/g)?.length, 2, err);
}

Deno.test("a read prints its rows, as a table and as JSON, and touches nothing", async () => {
  const files = {
    "look.cypher":
      "// who is there\nMATCH (p:Person) RETURN p.name AS name, p.n AS n, p.born AS born ORDER BY name;\nMATCH (p:Nobody) RETURN p;\n",
  };
  await withApplied(files, async (project, graph) => {
    const [data, before] = [await showData(graph), await record(graph)];
    const text = await project.run("run", "look.cypher");
    assert.equal(text.code, 0, text.err);
    saysTwice(text);
    const lines = text.out.trimEnd().split("\n");
    assert.match(lines[0], /^\/\/ .*MATCH \(p:Person\)/);
    assert.match(lines[1], /^name +n +born$/);
    assert.match(lines[2], /^Ada +null +.*1815-12-10/);
    assert.match(lines[3], /^Bob +5 +null$/);
    assert.deepEqual(lines.slice(4), ["// MATCH (p:Nobody) RETURN p", "no rows"]);
    const json = await project.run("run", "look.cypher", "--json");
    saysTwice(json);
    const ran = JSON.parse(json.out);
    assert.deepEqual(
      ran.map(({ result }: { result: { name: string; n: unknown }[] }) =>
        result.map(({ name, n }) => [name, n])
      ),
      [[["Ada", null], ["Bob", 5]], []],
    );
    assert.deepEqual(await showData(graph), data);
    assert.equal(await record(graph), before);
  });
});

Deno.test("a read needs no record: an unknown graph stays as it is", async () => {
  await withGraphProject({ "look.cypher": "RETURN 1 AS one" }, async (project, graph) => {
    assert.match(await project.ok("run", "look.cypher"), /one\n1/);
    assert.deepEqual(await graph.read("MATCH (n) RETURN n"), []);
    assert.deepEqual(await graph.read("SHOW CONSTRAINTS YIELD name"), []);
  });
});

Deno.test("writes in Cypher: done once, recorded nowhere", async () => {
  const files = {
    "repair.cypher": `CREATE (:Person {name: {{ name }}, age: {{ age }}});
CREATE INDEX by_age IF NOT EXISTS FOR (p:Person) ON (p.age);
MATCH (p:Person) CALL (p) { SET p.seen = true } IN TRANSACTIONS OF 1 ROWS;
MATCH (p:Person {name: {{ name }}}) RETURN p.age AS age;
`,
  };
  await withApplied(files, async (project, graph) => {
    const [before, status] = [await record(graph), await project.json("status")];
    const ran = await project.run("run", "repair.cypher", "--param", "name=it's $x", "--param", "age:=36");
    assert.equal(ran.code, 0, ran.err);
    saysTwice(ran);
    assert.match(ran.err, /4 operations ran/);
    assert.match(ran.out, /age\n36\n/);
    assert.deepEqual(
      await graph.read("MATCH (p:Person {seen: true}) RETURN p.name AS name, p.age AS age ORDER BY name"),
      [{ name: "Ada", age: null }, { name: "Bob", age: null }, { name: "it's $x", age: 36 }],
    );
    assert.equal((await graph.read("SHOW INDEXES YIELD name WHERE name = 'by_age' RETURN name")).length, 1);
    assert.equal(await record(graph), before);
    assert.deepEqual(await project.json("status"), status);
    assert.match(await project.ok("upgrade"), /Nothing to apply/);
    // Nothing remembers it: it runs again.
    await project.ok("run", "repair.cypher", "--param", "name=Eve", "--param", "age:=36");
    assert.deepEqual(await graph.read("MATCH (p:Person {age: 36}) RETURN count(p) AS n"), [{ n: 2 }]);
    assert.equal((await project.run("downgrade")).code, 0);
  });
});

Deno.test("writes in TypeScript: every operation of the context, answers, parameters, no record", async () => {
  const files = {
    "work/names.ts": 'export const names = ["Cy", "Di"];\n',
    "work/repair.ts": `import { float } from "crochet";
import { names } from "./names.ts";
export async function run(ctx) {
  const made = await ctx.createNodes("Person", names.map((name) => ({ name, w: float(1) })));
  await ctx.createRelationships("Person", "Person", "KNOWS", [{ source: "Cy", target: "Di" }]);
  await ctx.addIndex("Person", "w");
  await ctx.addNodeProperty("Person", "tenant", ctx.params.tenant);
  console.log("made", made.created);
  const rows = await ctx.runCypher("MATCH (p:Person) RETURN count(p) AS n");
  if (rows[0].n !== 4) throw new Error("wrong");
}
`,
  };
  await withApplied(files, async (project, graph) => {
    const [before, status] = [await record(graph), await project.json("status")];
    const ran = await project.run("run", "work/repair.ts", "--param", "tenant=acme", "--json");
    assert.equal(ran.code, 0, ran.err);
    saysTwice(ran);
    assert.match(ran.err, /made 2/);
    assert.deepEqual(
      JSON.parse(ran.out).map(({ operation, result }: { operation: string; result: unknown }) => [
        operation,
        result ?? null,
      ]),
      [
        ["createNodes", { created: 2 }],
        ["createRelationships", { created: 1, missing: 0 }],
        ["addIndex", null],
        ["addNodeProperty", { changed: 4 }],
        ["MATCH (p:Person) RETURN count(p) AS n", [{ n: 4 }]],
      ],
    );
    assert.deepEqual(await graph.read("MATCH (p:Person {tenant: 'acme'}) RETURN count(p) AS n"), [{ n: 4 }]);
    assert.deepEqual(
      await graph.read("MATCH (:Person {name: 'Cy'})-[r:KNOWS]->(:Person {name: 'Di'}) RETURN count(r) AS n"),
      [{ n: 1 }],
    );
    assert.equal(await record(graph), before);
    assert.deepEqual(await project.json("status"), status);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("what was made carries no tag of a batch that nobody knows", async () => {
  const text = 'export async function run(ctx) { await ctx.createNodes("Tag", [{ a: 1 }]); }\n';
  await withApplied({ "tag.ts": text }, async (project, graph) => {
    await project.ok("run", "tag.ts");
    assert.deepEqual(await graph.read("MATCH (t:Tag) RETURN keys(t) AS keys"), [{ keys: ["a"] }]);
  });
});

Deno.test("what explains a write runs nothing, and what profiles one runs it", async () => {
  const files = { "e.cypher": "EXPLAIN CREATE (:Told);", "p.cypher": "PROFILE CREATE (:Told);" };
  await withApplied(files, async (project, graph) => {
    for (const [file, n] of [["e.cypher", 0], ["p.cypher", 1]] as const) {
      const { code, err } = await project.run("run", file);
      assert.equal(code, 0, `${file}: ${err}`);
      assert.deepEqual(await graph.read("MATCH (t:Told) RETURN count(t) AS n"), [{ n }]);
    }
  });
});

Deno.test("files that are refused before anything runs", async () => {
  const table: [file: string, text: string, code: string, message: RegExp, hint: RegExp][] = [
    ["a.sql", "CREATE (:Bad)", "USAGE", /"a\.sql" is neither \.cypher nor \.ts/, /crochet run look\.cypher/],
    ["a.cypherx", "CREATE (:Bad)", "USAGE", /neither \.cypher nor \.ts/, /./],
    [
      "m.cypher",
      "// crochet: upgrade\nCREATE (:Bad);\n// crochet: downgrade\n",
      "USAGE",
      /"m\.cypher" is a migration/,
      /crochet upgrade/,
    ],
    [
      "p.cypher",
      "CREATE (:Bad);\nCREATE (:Bad {n: {{ naem }}});",
      "USAGE",
      /needs a value for \{\{ naem \}\}/,
      /did you mean \{\{ name \}\}/,
    ],
    ["q.cypher", "CREATE (:Bad {n: '{{ name }}'});", "REVISION_INVALID", /inside of a text/, /parameter/],
    [
      "n.ts",
      "export async function upgrade(ctx) { await ctx.runCypher('CREATE (:Bad)'); }",
      "REVISION_INVALID",
      /run/,
      /./,
    ],
    ["s.ts", "export async function run(ctx) {\n  enum A { B }\n}", "REVISION_INVALID", /s\.ts/, /./],
    [
      "i.ts",
      'import { x } from "../../x.ts";\nexport async function run(ctx) {}',
      "REVISION_INVALID",
      /may not import/,
      /./,
    ],
  ];
  await withApplied(Object.fromEntries(table.map(([file, text]) => [file, text])), async (project, graph) => {
    const before = [await showData(graph), await record(graph)];
    for (const [file, , code, message, hint] of table) {
      const refused = await project.run("run", file, "--param", "name=x", "--json");
      assert.equal(refused.code, 2, file);
      const { error } = JSON.parse(refused.out);
      assert.equal(error.code, code, file);
      assert.match(error.message, message);
      assert.match(error.hint, hint, file);
      assert.ok(!/NOT RECORDED: \d/.test(refused.err), file);
    }
    const missing = await project.run("run", "none.cypher");
    assert.equal(missing.code, 2);
    assert.match(missing.err, /none\.cypher/);
    assert.deepEqual([await showData(graph), await record(graph)], before);
  });
});

Deno.test("a statement that fails: what ran stays, no mark and no lock is left, and it says so", async () => {
  const files = {
    "f.cypher": "CREATE (:Kept);\nCREATE (:Gone) WITH 1 AS x RETURN x / 0;\nCREATE (:Never);",
    "f.ts":
      'export async function run(ctx) {\n  await ctx.createNodes("Kept", [{ a: 1 }]);\n  throw new Error("half way");\n}\n',
    "g.ts": 'export async function run(ctx) {\n  await ctx.createNode("Kept", []);\n}\n',
    "r.cypher": "MATCH (n RETURN n;",
  };
  await withApplied(files, async (project, graph) => {
    const before = await record(graph);
    const table: [string, RegExp, number][] = [
      ["f.cypher", /by zero/, 1],
      ["f.ts", /half way/, 2],
      ["g.ts", /createNodes/, 2],
      ["r.cypher", /Invalid input/, 2],
    ];
    for (const [file, message, kept] of table) {
      const failed = await project.run("run", file);
      assert.equal(failed.code, 2, file + failed.err);
      assert.match(failed.err, message, file);
      assert.ok(!/NOT RECORDED: \d+ operations? ran/.test(failed.err), file);
      assert.deepEqual(
        await graph.read("MATCH (n) WHERE n:Kept OR n:Gone OR n:Never RETURN count(n) AS n"),
        [{ n: kept }],
        file,
      );
      assert.equal(await record(graph), before, file);
    }
    assert.match(await project.ok("upgrade"), /Nothing to apply/);
  });
});

Deno.test("a graph that is locked: reads run, writes wait for nobody and are refused", async () => {
  const files = {
    "read.cypher": "MATCH (p:Person) RETURN count(p) AS n",
    "write.cypher": "CREATE (:Bad)",
    "write.ts": 'export async function run(ctx) { await ctx.runCypher("CREATE (:Bad)"); }',
  };
  await withApplied(files, async (project, graph) => {
    const lock = await holdLock(graph);
    try {
      assert.match(await project.ok("run", "read.cypher"), /n\n2/);
      for (const file of ["write.cypher", "write.ts"]) {
        const refused = await project.run("run", file);
        assert.equal(refused.code, 3, file);
        assert.match(refused.err, /is locked by somebody@elsewhere/);
      }
    } finally {
      await lock.release();
    }
    assert.deepEqual(await graph.read("MATCH (b:Bad) RETURN count(b) AS n"), [{ n: 0 }]);
    await project.ok("run", "write.ts");
  });
});
