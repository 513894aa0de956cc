/** Plans as scripts: what the real cypher-shell makes of them is what `crochet` would have made. */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { join } from "../../lib/path.ts";
import {
  type Outcome,
  showData,
  showSchema,
  type TestProject,
  withGraphProject,
  writeMigration,
} from "../harness.ts";
import { prepareShell, runScript } from "./cypher_shell.ts";

const shell = await prepareShell();

/** Writes the script of a plan, and runs it. */
async function script(project: TestProject, ...words: string[]): Promise<Outcome> {
  await project.ok(...words, "--cypher", "plan.cypher");
  return await runScript(shell, join(project.root, "plan.cypher"));
}

async function scriptOk(project: TestProject, ...words: string[]): Promise<void> {
  const { code, out, err } = await script(project, ...words);
  assert.equal(code, 0, `${words.join(" ")}: ${err}${out}`);
}

async function picture(graph: Graph): Promise<string[]> {
  return [...await showSchema(graph), ...await showData(graph)];
}

/** What Crochet keeps of a finished run, without times and ids, and without what only a run can see. */
async function record(graph: Graph): Promise<unknown> {
  return await graph.read(
    "MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH '_Crochet') AND NOT n:_CrochetGraph AND NOT n:_CrochetLock " +
      "WITH n, properties(n) AS p RETURN labels(n) AS labels, [k IN keys(p) WHERE NOT k IN ['appliedAt', 'createdAt', 'gitCommit', 'gitDirty', 'made', 'dropped'] | [k, p[k]]] AS p " +
      "ORDER BY labels, n.id",
  ).then((rows) =>
    rows.map(({ labels, p }) => [labels, Object.fromEntries((p as [string, unknown][]).toSorted())])
  );
}

async function isFree(graph: Graph): Promise<boolean> {
  return (await graph.read("MATCH (l:_CrochetLock) WHERE l.owner IS NOT NULL RETURN l")).length === 0;
}

/** Up and down by script and by crochet; each leaves the same graph and the same record. */
async function sameBothWays(
  project: TestProject,
  graph: Graph,
  options: string[] = [],
  wayBack: "script" | "crochet" = "script",
): Promise<string[]> {
  const before = await picture(graph);
  await project.ok("upgrade");
  const [wanted, wantedRecord] = [await picture(graph), await record(graph)];
  await project.ok("downgrade", "--target", "base");
  assert.deepEqual(await picture(graph), before);
  await scriptOk(project, "upgrade", ...options);
  assert.deepEqual(await picture(graph), wanted);
  assert.deepEqual(await record(graph), wantedRecord);
  assert.ok(await isFree(graph));
  assert.match(await project.ok("upgrade"), /Nothing to apply/);
  const verification = await project.json("verify");
  assert.deepEqual(verification.checks.filter((line: { ok: boolean }) => !line.ok), []);
  const status = await project.json("status");
  assert.deepEqual([status.pending, status.partial, status.lock, status.difference, status.faults], [
    [],
    undefined,
    undefined,
    undefined,
    [],
  ]);
  if (wayBack === "script") await scriptOk(project, "downgrade", "--target", "base", ...options);
  else await project.ok("downgrade", "--target", "base");
  assert.deepEqual(await picture(graph), before);
  assert.deepEqual(await record(graph), []);
  assert.ok(await isFree(graph));
  return wanted;
}

const PERSON = `from neomodel import FloatProperty, StringProperty, StructuredNode


class Person(StructuredNode):
    __kgid__ = "person_v1"

    name = StringProperty(unique_index=True)
    nick = StringProperty(index=True)
    bio = StringProperty(fulltext_index=True)
`.replace("fulltext_index=True", "fulltext_index=FulltextIndex()").replace(
  "FloatProperty",
  "FulltextIndex",
);

/** Every kind of operation, over three revisions. */
async function everything(project: TestProject): Promise<void> {
  project.write("models/person.py", PERSON);
  await project.ok("create-migration", "person");
  await writeMigration(
    project,
    "data",
    `  await ctx.createNodes("Person", [{ name: "Ada", born: 1815 }, { name: "Bob" }, { name: null }]);
  await ctx.createNodes(["Town", "Place"], [{ name: "Ulm" }]);
  await ctx.upsertNodes("Person", [{ name: "Bob", nick: "b" }, { name: "Cy", nick: "c" }], { mergeKeys: ["name"] });
  await ctx.bulkCreateNodes("Row", Array.from({ length: 12 }, (_, i) => ({ i })), { chunkSize: 5 });
  await ctx.bulkUpsertNodes("Row", Array.from({ length: 14 }, (_, i) => ({ i, even: i % 2 === 0 })), { mergeKeys: ["i"], chunkSize: 4, callInTransactions: true });
  await ctx.beginBatch();
  await ctx.createRelationships("Person", "Person", "KNOWS", [{ source: "Ada", target: "Bob", properties: { w: 1 } }, { source: "Bob", target: "Cy" }]);
  await ctx.upsertRelationships("Person", "Person", "KNOWS", [{ source: "Ada", target: "Bob", properties: { w: 2 } }]);
  await ctx.bulkCreateRelationships("Row", "Row", "NEXT", Array.from({ length: 11 }, (_, i) => ({ source: i, target: i + 1 })), { sourceKey: "i", targetKey: "i", chunkSize: 4 });
  await ctx.runCypher("MATCH (p:Person {name: $name}) SET p.n = coalesce(p.n, 0) + 1", { name: "Ada" });
  await ctx.runCypher("MATCH (p:Person) RETURN count(p) AS n");
  await ctx.runCypher("MATCH (r:Row) CALL { WITH r SET r.seen = true } IN TRANSACTIONS OF 5 ROWS");`,
    `  await ctx.runCypher("MATCH (r:Row) REMOVE r.seen");
  await ctx.runCypher("MATCH (p:Person {name: $name}) REMOVE p.n", { name: "Ada" });
  await ctx.deleteRelationshipsByBatch("KNOWS", "0002_data:1");
  await ctx.deleteRelationshipsByBatch("NEXT", "0002_data:1");
  await ctx.deleteRelationshipsByBatch("KNOWS", "0002_data:2");
  await ctx.deleteRelationshipsByBatch("NEXT", "0002_data:2");
  for (const label of ["Person", "Town", "Row"]) await ctx.deleteNodesByBatch(label, ctx.batch);
  await ctx.deleteNodesByBatch("Person", "0002_data:1");
  await ctx.deleteNodesByBatch("Town", "0002_data:1");
  await ctx.deleteNodesByBatch("Row", "0002_data:1");`,
  );
  await writeMigration(
    project,
    "changes",
    `  await ctx.renameLabel("Town", "City");
  await ctx.addLabel("City", "Big");
  await ctx.addNodeProperty("City", "level", "gold");
  await ctx.renameNodeProperty("City", "name", "title");
  await ctx.convertNodeProperty("Row", "i", "integer", "string");
  await ctx.renameRelationshipType("NEXT", "FOLLOWS");
  await ctx.addRelationshipProperty("FOLLOWS", "w", 5);
  await ctx.changeRelationshipDirection("FOLLOWS", "Row", "Row");
  await ctx.addIndex("Row", ["i", "even"]);
  await ctx.addTextIndex("City", "title");
  await ctx.addVectorIndex("City", "v", { dimensions: 3 });`,
    `  await ctx.dropVectorIndex("City", "v");
  await ctx.dropTextIndex("City", "title");
  await ctx.dropIndex("Row", ["i", "even"]);
  await ctx.changeRelationshipDirection("FOLLOWS", "Row", "Row");
  await ctx.removeRelationshipProperty("FOLLOWS", "w");
  await ctx.renameRelationshipType("FOLLOWS", "NEXT");
  await ctx.convertNodeProperty("Row", "i", "string", "integer");
  await ctx.renameNodeProperty("City", "title", "name");
  await ctx.removeNodeProperty("City", "level");
  await ctx.removeLabel("City", "Big");
  await ctx.renameLabel("City", "Town");`,
  );
}

for (const options of [[], ["--offline"]]) {
  Deno.test(`a script makes what crochet makes, up and down ${options}`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await everything(project);
      const made = await sameBothWays(project, graph, options, "crochet");
      assert.equal(made.length, 39);
    });
  });
}

Deno.test("a downgrade by script does what crochet does, revision by revision", async () => {
  await withGraphProject({}, async (project, graph) => {
    await everything(project);
    const pictures = [await picture(graph)];
    for (const target of ["0001_person", "0002_data", "0003_changes"]) {
      await project.ok("upgrade", "--target", target);
      pictures.push(await picture(graph));
    }
    await scriptOk(project, "downgrade");
    assert.deepEqual(await picture(graph), pictures[2]);
    assert.deepEqual(
      (await project.json("status")).applied.map((entry: { revisionId: string }) => entry.revisionId),
      ["0001_person", "0002_data"],
    );
    await project.ok("ledger", "rebuild");
    await scriptOk(project, "downgrade", "--target", "base");
    await project.ok("ledger", "rebuild");
    assert.deepEqual(await picture(graph), pictures[0]);
    assert.deepEqual(await record(graph), []);
    assert.match(await project.ok("downgrade"), /Nothing to revert/);
    assert.ok(await isFree(graph));
  });
});

Deno.test("values of every kind arrive as crochet would send them", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "values",
      `  await ctx.createNodes("V", [
    { i: 30, neg: -1, big: 9007199254740993n, max: 9223372036854775807n, min: -9223372036854775808n },
    { f: float(30), half: 0.5, tiny: 1e-7, huge: 1e300, e: 1e21, zero: -0, safe: 2 ** 60, fbig: float(1e22), inf: Infinity, ninf: float(-Infinity) },
    { d: date("2024-05-01"), dt: dateTime("2024-05-01T12:00:00.123456789+02:00"), zone: dateTime("2024-05-01T12:00:00+02:00[Europe/Berlin]"), l: localDateTime("2024-05-01T12:00:00"), t: time("12:00:00+02:00"), lt: localTime("12:00:00.5"), du: duration("P1Y2M3DT4H5M6.7S"), js: new Date(0) },
    { p: point(12.5, 55.7), p3: point(1, 2, 3), c: point(1, 2, undefined, 7203), c3: point(1, 2, 3, 9157) },
    { list: [1, 2], texts: ["a", "it's"], floats: [float(1), 0.5], empty: [], dates: [date("2024-05-01")], yes: true, no: false, none: null, t: "" },
  ]);
  await ctx.addNodeProperty("V", "added", point(1, 2));
  await ctx.runCypher("CREATE (:W {list: $list, name: $map.name, n: $map.n})", { list: [1.5, float(2)], map: { name: "x", n: null } });`,
      `  await ctx.deleteNodesByBatch("V", ctx.batch);
  await ctx.runCypher("MATCH (w:W) DELETE w");`,
      "date, dateTime, duration, float, localDateTime, localTime, point, time",
    );
    await sameBothWays(project, graph);
  });
});

/** Texts that would end a quote, a name, a comment or a statement somewhere. */
const HOSTILE = [
  "it's",
  '"double"',
  "back`tick",
  "``",
  "\\",
  "a\\",
  "\\'",
  "\\`",
  "\\u0041",
  "\\u0027); CREATE (:Bad) //",
  "\\\\u0060",
  "$x {{ x }} $`rows`",
  "a; CREATE (:Bad);",
  "line\nbreak",
  "x\nCREATE (:Bad);\n//",
  "x\n:exit\n",
  "x\r\ny",
  "// no comment",
  "/* no comment",
  "*/",
  "tab\there",
  "é 漢 😀",
  "$1 $& $' $$",
];

Deno.test("hostile texts as values", async () => {
  await withGraphProject({}, async (project, graph) => {
    const texts = JSON.stringify(HOSTILE);
    await writeMigration(
      project,
      "texts",
      `  const texts = ${texts};
  await ctx.createNodes("T", texts.map((text) => ({ text, list: [text] })));
  await ctx.createRelationships("T", "T", "SAME", texts.map((text) => ({ source: text, target: text, properties: { text } })), { sourceKey: "text", targetKey: "text" });
  for (const text of texts) await ctx.runCypher("CREATE (:U {text: $text, same: '$text', map: $m.key})", { text, m: { key: text } });
  await ctx.addNodeProperty("T", "all", texts);`,
      `  await ctx.deleteNodesByBatch("T", ctx.batch);
  await ctx.runCypher("MATCH (u:U) DELETE u");`,
    );
    const wanted = await sameBothWays(project, graph);
    assert.equal(
      wanted.filter((line) => line.includes("Bad") && line.includes('"labels":["Bad"]')).length,
      0,
    );
    assert.equal(wanted.length, 3 * HOSTILE.length);
  });
});

/** Names by what makes them hard: none is left out. */
const NAMES: Record<string, string[]> = {
  "with a backslash": HOSTILE.filter((name) => name.includes("\\") && name !== "\\\\u0060"),
  "with a line break": HOSTILE.filter((name) => /[\r\n]/.test(name)),
  "with quotes and signs": HOSTILE.filter((name) => !/[\r\n\\]/.test(name)),
};

for (const [what, names] of Object.entries(NAMES)) {
  Deno.test(`hostile texts as names of labels, types and properties: ${what}`, async () => {
    await withGraphProject({}, async (project, graph) => {
      const list = JSON.stringify(names);
      await writeMigration(
        project,
        "names",
        `  for (const name of ${list}) {
    await ctx.createNodes(name, [{ [name]: 1, key: name }]);
    await ctx.createRelationships(name, name, name, [{ source: name, target: name, properties: { [name]: 1 } }], { sourceKey: "key", targetKey: "key" });
    await ctx.addIndex(name, name);
    await ctx.renameNodeProperty(name, name, "new " + name);
    await ctx.runCypher("CREATE (u:U) SET u += $map", { map: { [name]: name } });
  }`,
        `  for (const name of ${list}) {
    await ctx.renameNodeProperty(name, "new " + name, name);
    await ctx.dropIndex(name, name);
    await ctx.deleteNodesByBatch(name, ctx.batch);
  }
  await ctx.runCypher("MATCH (u:U) DELETE u");`,
      );
      const wanted = await sameBothWays(project, graph);
      assert.equal(wanted.length, 4 * names.length);
      assert.deepEqual(await graph.read("MATCH (b:Bad) RETURN b"), []);
    });
  });
}

Deno.test("a name with two backslashes before a u is that name", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "backslashes",
      '  await ctx.createNodes("\\\\\\\\u0060", [{ a: 1 }]);',
      '  await ctx.deleteNodesByBatch("\\\\\\\\u0060", ctx.batch);',
    );
    await project.ok("upgrade");
    assert.deepEqual(await graph.read("MATCH (n {a: 1}) RETURN labels(n) AS labels"), [{
      labels: ["\\\\u0060"],
    }]);
  });
});

/** Cypher as people write it: each line makes one node, or an index. */
const WRITTEN: Record<string, string> = {
  "a comment at its end": "UNWIND [1, 2] AS i CREATE (:A {n: i}) // why",
  "a comment at the end of what finds nothing": "MATCH (a:Nobody) SET a.n = 1 // why",
  "a read with a comment at its end": "MATCH (a:Nobody) RETURN a // why",
  "a schema statement with a comment at its end": "CREATE INDEX a_n FOR (a:A) ON (a.n) // why",
  "its own semicolon": "CREATE (:A {n: 2}); ",
  "INSERT": "INSERT (:A {n: 3})",
  "a block comment": "/* why; */ CREATE (:A {n: 4}) /* why */",
  "several lines": "\n    // several\n    CREATE (:A\n\n      {n: 5})\n  ",
  "a prefix": "CYPHER 5 CREATE (:A {n: 6})",
  "an index under options": "CYPHER runtime=slotted CREATE INDEX a_n FOR (a:A) ON (a.n)",
  "a subquery": "UNWIND [1, 2] AS i CALL (i) { CREATE (:A {n: i}) }",
};

for (const [what, text] of Object.entries(WRITTEN)) {
  Deno.test(`Cypher as people write it: ${what}`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await writeMigration(
        project,
        "ts",
        `  await ctx.runCypher(${JSON.stringify(text)});`,
        '  await ctx.runCypher("MATCH (a:A) DELETE a");\n  await ctx.dropIndex("A", "n");',
      );
      await sameBothWays(project, graph);
    });
  });
}

Deno.test("plain Cypher as people write it, with a parameter and with comments everywhere", async () => {
  await withGraphProject({}, async (project, graph) => {
    const { files } = await project.json("create-migration", "plain", "--empty", "--cypher");
    project.write(
      files[0],
      project.read(files[0]).replace("// crochet: upgrade", () =>
        `// crochet: upgrade
CREATE (:B {t: 'a;b'}) // one
;
CREATE (:B {t: {{ t }}}); // two
MATCH (b:B) WITH b SET b.seen = true; // three
MATCH (b:B) SET b.last = {{ t }}`).replace(
          "// crochet: downgrade",
          "// crochet: downgrade\nMATCH (b:B) DELETE b;",
        ),
    );
    await project.ok("upgrade", "--param", "t=it's; $x");
    const wanted = await picture(graph);
    assert.equal(wanted.length, 2);
    await project.ok("downgrade");
    await scriptOk(project, "upgrade", "--param", "t=it's; $x");
    assert.deepEqual(await picture(graph), wanted);
  });
});

Deno.test("a relationship whose end is missing, or there twice, stops the script", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.write((tx) => tx.run("CREATE (:P {k: 1}), (:P {k: 2}), (:P {k: 3}), (:P {k: 3})"));
    const before = await picture(graph);
    const table: [string, string, string, boolean][] = [
      ["missing", "", "[{ source: 1, target: 2 }, { source: 1, target: 9 }]", false],
      ["twice", "", "[{ source: 1, target: 2 }, { source: 1, target: 3 }]", false],
      ["skipped twice", ', onMissing: "skip"', "[{ source: 1, target: 3 }]", false],
      ["skipped", ', onMissing: "skip"', "[{ source: 1, target: 2 }, { source: 1, target: 9 }]", true],
    ];
    for (const [name, option, rows, fits] of table) {
      for (const method of ["createRelationships", "upsertRelationships"]) {
        const file = await writeMigration(
          project,
          name,
          `  await ctx.${method}("P", "P", "R", ${rows}, { sourceKey: "k", targetKey: "k"${option} });`,
          `  await ctx.deleteRelationshipsByBatch("R", ctx.batch);`,
        );
        const { code, err } = await script(project, "upgrade", "--offline");
        if (fits) assert.equal(code, 0, `${name} ${method}: ${err}`);
        else {
          assert.equal(code, 1, `${name} ${method}`);
          assert.match(err, /of \d rows? only \d find both ends, each once/, `${name} ${method}`);
          assert.deepEqual(await picture(graph), before);
        }
        await project.ok("unlock", "-y");
        if (fits) await project.ok("downgrade");
        else await project.ok("resolve", file.replace(/.*\/|\.ts$/g, ""), "--mark-reverted");
        assert.deepEqual(await picture(graph), before);
        for (const end of [".ts", ".schema.json"]) {
          Deno.removeSync(join(project.root, file.replace(/\.ts$/, end)));
        }
      }
    }
  });
});

Deno.test("a script checks itself: a second run, a wrong parent, a lock, revisions above; no lock is left", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("create-node", "City");
    await project.ok("create-migration", "second");
    await project.ok("upgrade", "--cypher", "both.cypher");
    await project.ok("upgrade", "--target", "0001_first", "--cypher", "first.cypher");
    const run = (file: string) => runScript(shell, join(project.root, file));
    const refused = async (file: string, message: RegExp) => {
      const before = [await picture(graph), await record(graph)];
      const { code, err } = await run(file);
      assert.equal(code, 1, file);
      assert.match(err, message, file);
      assert.deepEqual([await picture(graph), await record(graph)], before);
      assert.ok(await isFree(graph), file);
    };
    assert.equal((await run("first.cypher")).code, 0);
    await refused("first.cypher", /0001_first is begun or applied already/);
    await refused("both.cypher", /0001_first is begun or applied already/);
    await project.ok("upgrade", "--cypher", "second.cypher");
    await project.ok("downgrade", "--cypher", "down.cypher");
    await project.ok("downgrade");
    await refused("second.cypher", /the parent of 0002_second is not applied/);
    await refused("down.cypher", /0001_first is not applied/);
    await project.ok("upgrade");
    await refused("down.cypher", /revisions above 0001_first are applied/);
    await project.ok("downgrade");
    await graph.write((tx) =>
      tx.run(
        "MATCH (l:_CrochetLock) SET l.owner = 'x', l.user = 'ada', l.host = 'box', l.pid = 1, l.command = 'upgrade', l.acquiredAt = timestamp(), l.expiresAt = timestamp() + 3600000",
      )
    );
    const locked = await run("second.cypher");
    assert.equal(locked.code, 1);
    assert.match(locked.err, /the graph is locked by ada@box/);
    await project.ok("unlock", "-y");
    assert.equal((await run("second.cypher")).code, 0);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("while a script runs, or after it broke off, crochet is told who holds the lock", async () => {
  await withGraphProject({}, async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("upgrade", "--cypher", "plan.cypher");
    const text = project.read("plan.cypher");
    project.write("cut.cypher", text.slice(0, text.indexOf("\n// upgrade 0001_first")));
    assert.equal((await runScript(shell, join(project.root, "cut.cypher"))).code, 0);
    const refused = await project.run("upgrade");
    assert.equal(refused.code, 3);
    assert.match(refused.err, /is locked by .*crochet upgrade \(script\)/);
    assert.match(await project.ok("status"), /Lock: +held by/);
  });
});

/** The places at which a script can break off: behind each of its statements and commands. */
function cutsOf(text: string): number[] {
  const first = text.indexOf("\n// upgrade ") + 1 || text.indexOf("\n// downgrade ") + 1;
  return [...text.matchAll(/(;|^:begin|^:commit)\n/gm)].map((match) => match.index + match[0].length)
    .filter((at) => at > first);
}

/** A constraint, rows, Cypher that must not run twice, a transform; and a way back that must not run twice either. */
async function countedMigration(project: TestProject): Promise<void> {
  await project.ok("create-node", "Person");
  await project.ok("create-migration", "person");
  await writeMigration(
    project,
    "counted",
    `  await ctx.createNodes("Person", [{ name: "Ada", n: 0 }, { name: "Bob", n: 0 }]);
  await ctx.runCypher("MATCH (s:Sum) SET s.n = s.n + 1");
  await ctx.addIndex("Person", "n");
  await ctx.addNodeProperty("Person", "level", 1);`,
    `  await ctx.dropIndex("Person", "n");
  await ctx.runCypher("MATCH (s:Sum) SET s.n = s.n - 1");
  await ctx.deleteNodesByBatch("Person", ctx.batch);`,
  );
}

Deno.test("an upgrade that broke off anywhere is finished by crochet, with nothing twice", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.write((tx) => tx.run("CREATE (:Sum {n: 10})"));
    await countedMigration(project);
    await project.ok("upgrade", "--target", "0001_person");
    const before = await picture(graph);
    await project.ok("upgrade", "--cypher", "plan.cypher");
    const text = project.read("plan.cypher");
    await project.ok("upgrade");
    const [wanted, wantedRecord] = [await picture(graph), await record(graph)];
    await project.ok("downgrade");
    const cuts = cutsOf(text);
    assert.ok(cuts.length > 9);
    for (const cut of cuts) {
      const where = `cut behind ${JSON.stringify(text.slice(0, cut).split("\n").at(-2)!.slice(0, 100))}`;
      project.write("cut.cypher", text.slice(0, cut));
      assert.equal((await runScript(shell, join(project.root, "cut.cypher"))).code, 0, where);
      await project.ok("unlock", "-y");
      const finished = await project.run("upgrade");
      assert.equal(finished.code, 0, `${where}: ${finished.err}`);
      assert.deepEqual(await picture(graph), wanted, where);
      const left = await record(graph) as [string[], unknown][];
      assert.deepEqual(left.filter(([labels]) => !labels.includes("_CrochetOperation")), wantedRecord, where);
      await project.ok("downgrade");
      assert.deepEqual(await picture(graph), before, where);
      // What a script left behind must not make the next run believe that it is done.
      await project.ok("upgrade");
      assert.deepEqual([await picture(graph), await record(graph)], [wanted, wantedRecord], where);
      await project.ok("downgrade");
    }
  });
});

Deno.test("a downgrade that broke off anywhere is finished by crochet, with nothing twice", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.write((tx) => tx.run("CREATE (:Sum {n: 10})"));
    await countedMigration(project);
    await project.ok("upgrade", "--target", "0001_person");
    const [before, beforeRecord] = [await picture(graph), await record(graph)];
    await project.ok("upgrade");
    await project.ok("downgrade", "--cypher", "plan.cypher");
    const text = project.read("plan.cypher");
    const wrong: string[] = [];
    for (const cut of cutsOf(text)) {
      const where = `cut behind ${JSON.stringify(text.slice(0, cut).split("\n").at(-2)!.slice(0, 100))}`;
      project.write("cut.cypher", text.slice(0, cut));
      assert.equal((await runScript(shell, join(project.root, "cut.cypher"))).code, 0, where);
      await project.ok("unlock", "-y");
      const { applied } = await project.json("status");
      if (applied.length > 1) await project.ok("downgrade");
      else await project.ok("ledger", "rebuild");
      const [{ n }] = await graph.read("MATCH (s:Sum) RETURN s.n AS n");
      if (n !== 10) {
        wrong.push(`${where}: the sum is ${n}`);
        await graph.write((tx) => tx.run("MATCH (s:Sum) SET s.n = 10"));
      }
      assert.deepEqual(await picture(graph), before, where);
      assert.deepEqual(await record(graph), beforeRecord, where);
      await project.ok("upgrade");
    }
    assert.deepEqual(wrong, []);
  });
});

Deno.test("after a downgrade by script crochet goes on: it learns of it from the graph", async () => {
  await withGraphProject({}, async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("create-node", "City");
    await project.ok("create-migration", "second");
    await project.ok("upgrade");
    await scriptOk(project, "downgrade");
    const again = await project.run("upgrade");
    assert.equal(again.code, 0, again.err);
    assert.match(again.out, /Applied: 0002_second/);
    await scriptOk(project, "downgrade", "--target", "base");
    assert.match(
      (await project.json("status")).difference,
      /the graph has reverted "0001_first", "0002_second"/,
    );
    assert.equal((await project.run("verify")).code, 0, "a graph that went back is no fault");
    await project.ok("upgrade");
    assert.equal((await project.json("status")).difference, undefined);
  });
});

for (const options of [[], ["--offline"]]) {
  Deno.test(`a migration that goes by what it reads makes the same by script, or no script is written ${options}`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await graph.write((tx) => tx.run("CREATE (:Seed {name: 'there'})"));
      await writeMigration(
        project,
        "seed",
        '  await ctx.createNodes("Seed", [{ name: "new" }]);',
        '  await ctx.deleteNodesByBatch("Seed", ctx.batch);',
      );
      await writeMigration(
        project,
        "made",
        '  for (const { name } of await ctx.runCypher("MATCH (s:Seed) RETURN s.name AS name")) await ctx.createNodes("Made", [{ name }]);',
        '  await ctx.deleteNodesByBatch("Made", ctx.batch);',
      );
      await project.ok("upgrade");
      const wanted = await picture(graph);
      assert.equal(wanted.length, 4);
      await project.ok("downgrade", "--target", "base");
      const written = await project.run("upgrade", "--cypher", "plan.cypher", ...options);
      if (written.code !== 0) {
        assert.match(written.err, /cannot be written as a script/);
        return;
      }
      assert.equal((await runScript(shell, join(project.root, "plan.cypher"))).code, 0);
      assert.deepEqual(await picture(graph), wanted);
    });
  });
}

Deno.test("constraints that were there are adopted: by a script, and by the run that finishes one", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.implicit("CREATE CONSTRAINT theirs FOR (n:Person) REQUIRE n.name IS UNIQUE");
    const before = await picture(graph);
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    const adopted = async () => (await project.json("status")).applied[0].adopted;
    await project.ok("upgrade");
    const wanted = await adopted();
    assert.equal(wanted.length, 1);
    await project.ok("downgrade");
    await scriptOk(project, "upgrade");
    assert.deepEqual(await adopted(), wanted);
    assert.deepEqual(await picture(graph), before);
    await scriptOk(project, "downgrade");
    assert.deepEqual(await picture(graph), before);

    await project.ok("upgrade", "--cypher", "plan.cypher");
    const text = project.read("plan.cypher");
    project.write("cut.cypher", text.slice(0, cutsOf(text)[0]));
    assert.equal((await runScript(shell, join(project.root, "cut.cypher"))).code, 0);
    await project.ok("unlock", "-y");
    await project.ok("upgrade");
    assert.deepEqual(await adopted(), wanted);
    await project.ok("downgrade");
    assert.deepEqual(await picture(graph), before);
  });
});

Deno.test("a way back without a server leaves what the ledger knows as adopted", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.implicit(
      "CREATE CONSTRAINT constraint_unique_Person_name FOR (n:Person) REQUIRE n.name IS UNIQUE",
    );
    const before = await picture(graph);
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    await scriptOk(project, "downgrade", "--offline");
    assert.deepEqual(await picture(graph), before);
  });
});

const REFUSED: [name: string, up: string, down: string][] = [
  [
    "a value in the way of a rename",
    'renameNodeProperty("P", "a", "b")',
    'renameNodeProperty("P", "b", "a")',
  ],
  [
    "a value that cannot be converted",
    'convertNodeProperty("P", "n", "string", "integer")',
    'convertNodeProperty("P", "n", "integer", "string")',
  ],
];

for (const [name, up, down] of REFUSED) {
  Deno.test(`a script stops where crochet would refuse: ${name}`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await graph.write((tx) => tx.run("CREATE (:P {a: 'one', b: 'two', n: 'many'})"));
      const before = await picture(graph);
      await writeMigration(project, "refused", `  await ctx.${up};`, `  await ctx.${down};`);
      assert.equal((await project.run("upgrade")).code, 2);
      assert.equal((await project.run("upgrade", "--cypher", "x.cypher")).code, 2);
      const { code } = await script(project, "upgrade", "--offline");
      assert.deepEqual(await picture(graph), before);
      assert.equal(code, 1);
    });
  });
}

Deno.test("where a script goes: stdout, a file, no other file; and what cannot be a script", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    const printed = await project.ok("upgrade", "--cypher", "-");
    assert.match(printed, /^\/\/ crochet upgrade: 0001_first\n/);
    const wrote = await project.run("upgrade", "--cypher", "s.cypher");
    assert.match(wrote.out, /^Wrote s\.cypher: 1 revision\n$/);
    assert.match(wrote.err, /cypher-shell .*-f s\.cypher/);
    assert.equal(project.read("s.cypher"), printed);
    await project.ok("upgrade", "--cypher", "s.cypher", "--offline");
    assert.match(project.read("s.cypher"), /written without a server/);
    assert.deepEqual((await project.json("upgrade", "--cypher", "s.cypher")).revisions, ["0001_first"]);
    project.write("mine.cypher", "// mine\nRETURN 1;\n");
    const refused = await project.run("upgrade", "--cypher", "mine.cypher");
    assert.equal(refused.code, 2);
    assert.equal(project.read("mine.cypher"), "// mine\nRETURN 1;\n");
    assert.deepEqual(await showSchema(graph), []);
    await project.ok("plan", "--cypher", "plan.cypher");
    await project.ok("upgrade");
    const none = await project.ok("upgrade", "--cypher", "-");
    assert.match(none, /^\/\/ crochet upgrade: nothing\n/);
    const file = await writeMigration(
      project,
      "asks",
      '  const [row] = await ctx.runCypher("CREATE (t:Told) RETURN {id: elementId(t)} AS t");\n  await ctx.runCypher("RETURN $id", { id: row.t.id });',
    );
    const open = await project.run("upgrade", "--cypher", "open.cypher");
    assert.equal(open.code, 2);
    assert.match(open.err, new RegExp(`${file}.*"0002_asks" cannot be written as a script`));
    assert.ok(!project.list(".").includes("open.cypher"));
  });
});
