/** Every operation of the context on a real server: what it does, what it answers, what its inverse leaves. */
import assert from "node:assert/strict";
import { showData, showSchema, withGraphProject, writeMigration } from "../harness.ts";

/** A migration that hands what operations answered to the graph, so that a test can read it. */
const TELL =
  `const tell = (what: string, value: unknown) => ctx.runCypher("MERGE (t:Told {what: $what}) SET t.value = $value", { what, value: JSON.stringify(value) });`;

async function told(
  graph: { read(text: string): Promise<Record<string, unknown>[]> },
): Promise<Record<string, unknown>> {
  const rows = await graph.read("MATCH (t:Told) RETURN t.what AS what, t.value AS value");
  return Object.fromEntries(rows.map((row) => [row.what, JSON.parse(String(row.value))]));
}

Deno.test("data operations create, merge, tag, count and are taken back by their batch", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.write((tx) =>
      tx.run("CREATE (:City {name: 'Rome', people: 1}), (:City {name: 'Oslo', people: 2})")
    );
    const before = await showData(graph);
    await writeMigration(
      project,
      "data",
      `${TELL}
  await tell("batch", await ctx.beginBatch());
  await tell("create", await ctx.createNodes("City", [{ name: "Bern", people: 3 }, { name: "Lima", people: null }]));
  await tell("labels", await ctx.createNodes(["Town", "Place"], [{ name: "Ulm" }]));
  await tell("upsert", await ctx.upsertNodes("City", [{ name: "Rome", people: 1 }, { name: "Oslo", people: 20 }, { name: "Kyiv", people: 4 }], { mergeKeys: ["name"] }));
  await tell("rels", await ctx.createRelationships("City", "City", "ROAD", [{ source: "Rome", target: "Oslo", properties: { km: 2 } }, { source: "Rome", target: "Atlantis" }], { sourceKey: "name", targetKey: "name", onMissing: "skip" }));
  await tell("uprels", await ctx.upsertRelationships("City", "City", "ROAD", [{ source: "Rome", target: "Oslo", properties: { km: 3 } }, { source: "Oslo", target: "Rome" }], { sourceKey: "name", targetKey: "name" }));
  await tell("bulk", await ctx.bulkCreateNodes("Row", Array.from({ length: 12 }, (_, i) => ({ i })), { chunkSize: 5 }));
  await tell("server", await ctx.bulkCreateNodes("ServerRow", Array.from({ length: 12 }, (_, i) => ({ i })), { chunkSize: 5, callInTransactions: true }));
  await tell("serverUpsert", await ctx.bulkUpsertNodes("ServerRow", Array.from({ length: 14 }, (_, i) => ({ i, even: i % 2 === 0 })), { mergeKeys: ["i"], chunkSize: 4, callInTransactions: true }));
  await tell("serverRels", await ctx.bulkCreateRelationships("ServerRow", "Row", "SAME", Array.from({ length: 12 }, (_, i) => ({ source: i, target: i })), { sourceKey: "i", targetKey: "i", chunkSize: 5, callInTransactions: true }));
  await tell("rows", await ctx.runCypher("MATCH (c:City) RETURN c.name AS name ORDER BY name"));`,
      `  await ctx.deleteRelationshipsByBatch("ROAD", ctx.batch);
  await ctx.deleteRelationshipsByBatch("SAME", ctx.batch);
  for (const label of ["City", "Town", "Row", "ServerRow"]) await ctx.deleteNodesByBatch(label, ctx.batch);
  await ctx.runCypher("MATCH (c:City {name: 'Oslo'}) SET c.people = 2");
  await ctx.runCypher("MATCH (t:Told) DELETE t");`,
    );
    await project.ok("upgrade");
    assert.deepEqual(await told(graph), {
      batch: "0001_data:1",
      create: { created: 2 },
      labels: { created: 1 },
      upsert: { created: 1, updated: 1, unchanged: 1 },
      rels: { created: 1, missing: 1 },
      uprels: { created: 1, updated: 1, unchanged: 0, missing: 0 },
      bulk: { created: 12 },
      server: { created: 12 },
      serverUpsert: { created: 2, updated: 12, unchanged: 0 },
      serverRels: { created: 12, missing: 0 },
      rows: ["Bern", "Kyiv", "Lima", "Oslo", "Rome"].map((name) => ({ name })),
    });
    const tagged = await graph.read(
      "MATCH (n) WHERE n._crochet_batch IS NOT NULL RETURN DISTINCT n._crochet_batch AS b",
    );
    assert.deepEqual(tagged, [{ b: "0001_data:1" }]);
    // What was there before is found, not tagged.
    assert.deepEqual(
      await graph.read("MATCH (c:City) WHERE c._crochet_batch IS NULL RETURN c.name AS name ORDER BY name"),
      [{ name: "Oslo" }, { name: "Rome" }],
    );
    const { batches } = await project.json("status");
    assert.deepEqual(batches.map((b: Record<string, unknown>) => [b.batchId, b.nodes, b.relationships]), [[
      "0001_data:1",
      30,
      14,
    ]]);
    assert.deepEqual(await graph.read("MATCH (m:_CrochetOperation) RETURN count(m) AS n"), [{ n: 0 }]);
    await project.ok("downgrade");
    assert.deepEqual(await showData(graph), before);
    assert.deepEqual((await project.json("status")).batches, []);
  });
});

Deno.test("values keep their kind: integers, floats, dates, points, lists", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "values",
      `  await ctx.createNodes("V", [{ i: 30, big: 9007199254740993n, f: float(30), half: 0.5, d: date("2024-05-01"), dt: dateTime("2024-05-01T12:00:00+02:00"), l: localDateTime("2024-05-01T12:00:00"), du: duration("P1Y2M3DT4H"), p: point(12.5, 55.7), list: [1, 2], t: "x", yes: true, js: new Date(0) }]);`,
      `  await ctx.deleteNodesByBatch("V", ctx.batch);`,
      "date, dateTime, duration, float, localDateTime, point",
    );
    await project.ok("upgrade");
    const [row] = await graph.read(
      "MATCH (v:V) RETURN v.big AS big, [k IN ['i','big','f','half','d','dt','l','du','p','list','t','yes','js'] | " +
        "CASE WHEN v[k] IS :: INTEGER THEN 'INTEGER' WHEN v[k] IS :: FLOAT THEN 'FLOAT' WHEN v[k] IS :: DATE THEN 'DATE' WHEN v[k] IS :: ZONED DATETIME THEN 'ZONED' " +
        "WHEN v[k] IS :: LOCAL DATETIME THEN 'LOCAL' WHEN v[k] IS :: DURATION THEN 'DURATION' WHEN v[k] IS :: POINT THEN 'POINT' WHEN v[k] IS :: STRING THEN 'STRING' " +
        "WHEN v[k] IS :: BOOLEAN THEN 'BOOLEAN' ELSE 'LIST' END] AS kinds",
    );
    assert.equal(row.big, 9007199254740993n);
    assert.deepEqual(row.kinds, [
      "INTEGER",
      "INTEGER",
      "FLOAT",
      "FLOAT",
      "DATE",
      "ZONED",
      "LOCAL",
      "DURATION",
      "POINT",
      "LIST",
      "STRING",
      "BOOLEAN",
      "ZONED",
    ]);
    await project.ok("downgrade");
  });
});

Deno.test("transforms touch the whole label, fill only what is missing, and are undone", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.write((tx) =>
      tx.run("UNWIND range(1, 12000) AS i CREATE (:Old {i: i})-[:WAS {w: i}]->(:End)")
    );
    await graph.write((tx) => tx.run("MATCH (o:Old {i: 7}) SET o.level = 'gold'"));
    const before = await showData(graph);
    await writeMigration(
      project,
      "transforms",
      `${TELL}
  await tell("label", await ctx.renameLabel("Old", "New"));
  await tell("type", await ctx.renameRelationshipType("WAS", "IS"));
  await tell("add", await ctx.addNodeProperty("New", "level", "basic"));
  await tell("none", await ctx.addNodeProperty("New", "nothing"));
  await tell("rename", await ctx.renameNodeProperty("New", "i", "number"));
  await tell("relRename", await ctx.renameRelationshipProperty("IS", "w", "weight"));
  await tell("relAdd", await ctx.addRelationshipProperty("IS", "kind", "k"));
  await tell("also", await ctx.addLabel("New", "Also"));`,
      `  await ctx.removeLabel("New", "Also");
  await ctx.removeRelationshipProperty("IS", "kind");
  await ctx.renameRelationshipProperty("IS", "weight", "w");
  await ctx.renameNodeProperty("New", "number", "i");
  await ctx.runCypher("MATCH (n:New) WHERE n.level = 'basic' REMOVE n.level");
  await ctx.renameRelationshipType("IS", "WAS");
  await ctx.renameLabel("New", "Old");
  await ctx.runCypher("MATCH (t:Told) DELETE t");`,
    );
    await project.ok("upgrade");
    const answers = await told(graph);
    assert.deepEqual(answers, {
      label: { changed: 12000 },
      type: { changed: 12000 },
      add: { changed: 11999 },
      none: { changed: 0 },
      rename: { changed: 12000 },
      relRename: { changed: 12000 },
      relAdd: { changed: 12000 },
      also: { changed: 12000 },
    });
    assert.deepEqual(await graph.read("MATCH (n:New:Also {number: 7}) RETURN n.level AS level"), [{
      level: "gold",
    }]);
    await project.ok("downgrade");
    assert.deepEqual(await showData(graph), before);
  });
});

Deno.test("schema operations of every kind come and go", async () => {
  await withGraphProject({}, async (project, graph) => {
    const kinds = ["UniqueConstraint", "Index", "FulltextIndex", "VectorIndex"];
    const calls = (verb: string) =>
      kinds.flatMap((
        kind,
        i,
      ) => [
        `  await ctx.${verb}${kind}("L", "p${i}");`,
        `  await ctx.${verb}Relationship${kind}("T", "p${i}");`,
      ]).join("\n");
    await writeMigration(project, "schema", calls("add"), calls("drop"));
    await project.ok("upgrade");
    assert.equal((await showSchema(graph)).filter((line) => line.startsWith("index")).length, 8);
    await project.ok("downgrade");
    assert.deepEqual(await showSchema(graph), []);
  });
});

Deno.test("a name that another shape has taken is avoided and told", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "names",
      '  await ctx.addIndex("A_b", "c");\n  await ctx.addIndex("A", "b_c");',
      '  await ctx.dropIndex("A", "b_c");\n  await ctx.dropIndex("A_b", "c");',
    );
    const { err } = await project.run("upgrade");
    assert.match(
      err,
      /the name "index_A_b_c" is taken, so the index on A\.b_c is named "index_A_b_c_[0-9a-f]{8}"/,
    );
    assert.equal((await showSchema(graph)).length, 2);
    await project.ok("downgrade");
    assert.deepEqual(await showSchema(graph), []);
  });
});

Deno.test("a missing end of a relationship stops the operation and says which", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.write((tx) =>
      tx.run("CREATE (:City {name: 'Rome'}), (:City {name: 'Twin'}), (:City {name: 'Twin'})")
    );
    const before = await showData(graph);
    const rows = (target: string) =>
      `[{ source: "Rome", target: "Rome" }, { source: "Rome", target: ${JSON.stringify(target)} }]`;
    await writeMigration(
      project,
      "ends",
      `  await ctx.createRelationships("City", "City", "ROAD", ${
        rows("Atlantis")
      }, { sourceKey: "name", targetKey: "name" });`,
    );
    const missing = await project.run("upgrade");
    assert.equal(missing.code, 2);
    assert.match(missing.err, /row 2: no City with name "Atlantis"/);
    const file = "migrations/0001_ends.ts";
    project.write(file, project.read(file).replace("Atlantis", "Twin"));
    const twins = await project.run("upgrade");
    assert.match(twins.err, /row 2: 2 City with name "Twin"/);
    assert.deepEqual(await showData(graph), before);
    project.write(file, project.read(file).replace("Twin", "Rome"));
    await project.ok("upgrade");
  });
});

Deno.test("the label's only unique property is the default key of relationships", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    await writeMigration(
      project,
      "friends",
      '  await ctx.createNodes("Person", [{ name: "Ada" }, { name: "Bob" }]);\n  await ctx.createRelationships("Person", "Person", "KNOWS", [{ source: "Ada", target: "Bob" }]);',
      '  await ctx.deleteNodesByBatch("Person", ctx.batch);',
    );
    await project.ok("upgrade");
    assert.deepEqual(await graph.read("MATCH (a)-[:KNOWS]->(b) RETURN a.name AS a, b.name AS b"), [{
      a: "Ada",
      b: "Bob",
    }]);
  });
});
