/** Runs that stop half-way: what is done stays done, what is not is done once, and a person can decide. */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import {
  emptyGraph,
  killed,
  showData,
  showSchema,
  type TestProject,
  until,
  withGraphProject,
  writeMigration,
} from "../harness.ts";

Deno.test("a migration that fails is a state, and goes on where it stopped", async () => {
  await withGraphProject({}, async (project, graph) => {
    const file = await writeMigration(
      project,
      "halfway",
      `  await ctx.addIndex("A", "x");
  await ctx.createNodes("A", [{ x: 1 }]);
  const [{ n }] = await ctx.runCypher<{ n: number }>("MATCH (a:A) RETURN count(a) AS n");
  await ctx.bulkCreateNodes("A", Array.from({ length: n * 10 }, (_, i) => ({ x: i + 100 })), { chunkSize: 3 });
  await ctx.runCypher("MATCH (a:A) WHERE a.x = 1 SET a.x = 1 / (a.x - 1)");
  await ctx.createNodes("A", [{ x: 2 }]);`,
      `  await ctx.deleteNodesByBatch("A", ctx.batch);\n  await ctx.dropIndex("A", "x");`,
    );
    await writeMigration(project, "after", "  // nothing", "  // nothing");
    const failed = await project.run("upgrade");
    assert.equal(failed.code, 2);
    assert.match(failed.out, /Failed: 0001_halfway at operation 5\nNot started: 0002_after/);
    assert.match(failed.err, /\/ by zero/);
    const status = await project.ok("status");
    assert.match(
      status,
      /Stopped: +the upgrade of 0001_halfway, begun by .*, stopped at operation 5, runCypher\(MATCH .*by zero/,
    );
    assert.equal((await project.run("verify")).code, 1);
    assert.equal((await graph.read("MATCH (a:A) RETURN count(a) AS n"))[0].n, 11);

    project.write(file, project.read(file).replace("1 / (a.x - 1)", "10 / 2"));
    const sealed = await project.run("upgrade");
    assert.match(
      sealed.err,
      /"migrations\/0001_halfway\.ts" was edited after "migrations\/0002_after\.ts" was written/,
    );
    const digest = /parentDigest = "([0-9a-f]{64})"/.exec(sealed.err)![1];
    const child = "migrations/0002_after.ts";
    project.write(child, project.read(child).replace(/(parentDigest = )"[0-9a-f]{64}"/, `$1"${digest}"`));
    // What is done was done by another file: a person decides.
    for (const words of [["upgrade"], ["upgrade", "--dry-run"], ["plan"]]) {
      const changed = await project.run(...words);
      assert.equal(changed.code, 2, words.join(" "));
      assert.match(changed.err, /"0001_halfway" stopped at operation 5, and its file was changed since/);
      assert.match(changed.err, /decide: crochet resolve 0001_halfway/);
    }
    const shown = await project.run("resolve", "0001_halfway");
    assert.equal(shown.code, 1);
    assert.match(shown.out, /stopped at operation 5, .*by zero[^]*0001_halfway\.ts was changed since/);
    assert.match(
      shown.out,
      /done +4\. bulkCreateNodes\(A, 10 rows\)\n +failed +5\. runCypher\(.*1 \/ \(a\.x.*\n +the file now asks for runCypher\(.*10 \/ 2.*\n +not begun +6\. createNodes/,
    );
    assert.match(shown.err, /--skip-to 5 +go on with operation 5/);
    assert.match(
      await project.ok("resolve", "0001_halfway", "--skip-to", "5"),
      /Resolved: 0001_halfway \(skip-to\)/,
    );
    const done = await project.run("upgrade");
    assert.equal(done.code, 0, done.err);
    assert.match(done.err, /Going on with 0001_halfway/);
    assert.match(done.out, /Applied: 0001_halfway\nApplied: 0002_after/);
    assert.deepEqual(await graph.read("MATCH (a:A) RETURN count(a) AS n, sum(a.x) AS sum"), [{
      n: 12,
      sum: 5 + 2 + 1045,
    }]);
    assert.equal((await project.run("verify")).code, 0);
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual([...await showData(graph), ...await showSchema(graph)], []);
  });
});

Deno.test("a resumed run whose finished operations were changed is refused, and can be redone by decision", async () => {
  await withGraphProject({}, async (project, graph) => {
    const file = await writeMigration(
      project,
      "changed",
      `  await ctx.createNodes("A", [{ x: 1 }]);\n  await ctx.runCypher("MATCH (a:A) SET a.y = 1 / (a.x - 1)");`,
      `  await ctx.deleteNodesByBatch("A", ctx.batch);`,
    );
    assert.equal((await project.run("upgrade")).code, 2);
    project.write(file, project.read(file).replace("{ x: 1 }", "{ x: 2 }").replace("1 / (a.x - 1)", "1"));
    const refused = await project.run("upgrade");
    assert.equal(refused.code, 2);
    assert.match(refused.err, /its file was changed since/);
    // Going on with what failed is refused as well, since an operation before it is another one now: nothing hides it.
    const shown = (await project.run("resolve", "0001_changed")).out;
    assert.match(shown, /done +1\. createNodes\(A, 1 row\)/);
    assert.equal((await project.run("downgrade")).code, 2);
    assert.match(
      await project.ok("resolve", "0001_changed", "--redo"),
      /deleted 1 node and 0 relationships of its batches/,
    );
    await project.ok("upgrade");
    assert.deepEqual(await graph.read("MATCH (a:A) RETURN a.x AS x"), [{ x: 2 }]);
    await project.ok("downgrade");
  });
});

Deno.test("a run that is killed in a bulk load is finished exactly once by the next", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "bulk",
      `  await ctx.addUniqueConstraint("K", "id");
  await ctx.bulkCreateNodes("K", Array.from({ length: 40000 }, (_, i) => ({ id: i, text: "row " + i })), { chunkSize: 500 });
  await ctx.renameLabel("K", "L");
  await ctx.bulkCreateNodes("M", Array.from({ length: 20000 }, (_, i) => ({ id: i })), { chunkSize: 500, callInTransactions: true });`,
      `  await ctx.deleteNodesByBatch("M", ctx.batch);\n  await ctx.deleteNodesByBatch("L", ctx.batch);\n  await ctx.dropUniqueConstraint("K", "id");`,
    );
    let kills = 0;
    for (let round = 0; round < 12; round++) {
      const run = project.start("upgrade");
      await new Promise((resolve) => setTimeout(resolve, 700 + round * 350));
      if (!await killed(run)) break;
      kills++;
    }
    assert.ok(kills > 0, "no run was killed");
    await project.ok("upgrade");
    assert.deepEqual(
      await graph.read(
        "MATCH (l:L) RETURN count(l) AS n, count(DISTINCT l.id) AS ids, count(DISTINCT l._crochet_batch) AS batches",
      ),
      [{ n: 40000, ids: 40000, batches: 1 }],
    );
    assert.deepEqual(await graph.read("MATCH (m:M) RETURN count(m) AS n, count(DISTINCT m.id) AS ids"), [{
      n: 20000,
      ids: 20000,
    }]);
    const { batches } = await project.json("status");
    assert.deepEqual(batches.map((b: Record<string, unknown>) => b.nodes), [60000]);
    assert.equal((await project.run("verify")).code, 0);
    await project.ok("downgrade");
    assert.deepEqual([...await showData(graph), ...await showSchema(graph)], []);
  });
});

/** A migration that stops at its third operation: a constraint that was there, one that it makes, rows, and a fault. */
async function stopped(project: TestProject, graph: Graph): Promise<string> {
  await graph.implicit("CREATE CONSTRAINT there FOR (n:There) REQUIRE n.id IS UNIQUE");
  const file = await writeMigration(
    project,
    "stops",
    `  await ctx.addUniqueConstraint("There", "id");
  await ctx.addUniqueConstraint("Made", "id");
  await ctx.createNodes("Made", [{ id: 1 }, { id: 2 }]);
  await ctx.runCypher("MATCH (m:Made) SET m.x = 1 / (m.id - m.id)");
  await ctx.addIndex("Made", "x");`,
    `  await ctx.dropIndex("Made", "x");
  await ctx.runCypher("MATCH (m:Made) REMOVE m.x");
  await ctx.deleteNodesByBatch("Made", ctx.batch);
  await ctx.dropUniqueConstraint("Made", "id");
  await ctx.dropUniqueConstraint("There", "id");`,
  );
  const failed = await project.run("upgrade");
  assert.equal(failed.code, 2, failed.err);
  assert.match(failed.out, /Failed: 0001_stops at operation 4/);
  return file;
}

Deno.test("an upgrade that stopped is rolled back: what it made goes, what it found stays", async () => {
  await withGraphProject({}, async (project, graph) => {
    await stopped(project, graph);
    const rolled = await project.run("resolve", "0001_stops", "--roll-back");
    assert.equal(rolled.code, 0, rolled.err);
    assert.match(rolled.err, /left the unique constraint on There.*it was there before/);
    assert.deepEqual(await showData(graph), []);
    assert.match(
      (await showSchema(graph)).join("\n"),
      /^constraint [^\n]*"name":"there"[^\n]*\nindex [^\n]*$/,
    );
    const { applied, pending, partial, batches } = await project.json("status");
    assert.deepEqual([applied, pending.length, partial, batches], [[], 1, undefined, []]);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("a rollback that fails is a state too: crochet downgrade goes on with it", async () => {
  await withGraphProject({}, async (project, graph) => {
    const file = await stopped(project, graph);
    project.write(
      file,
      project.read(file).replace("MATCH (m:Made) REMOVE m.x", "MATCH (m:Made) SET m.y = 1 / 0"),
    );
    const failed = await project.run("resolve", "0001_stops", "--roll-back");
    assert.equal(failed.code, 2);
    assert.match(failed.err, /by zero/);
    assert.match(await project.ok("status"), /Stopped: +the downgrade of 0001_stops.*at operation 2/);
    assert.match((await project.run("upgrade")).err, /downgrade of "0001_stops" stopped half-way/);
    project.write(file, project.read(file).replace("SET m.y = 1 / 0", "REMOVE m.x"));
    assert.match((await project.run("downgrade")).err, /its file was changed since/);
    await project.ok("resolve", "0001_stops", "--skip-to", "2");
    await project.ok("downgrade");
    assert.deepEqual(await showData(graph), []);
    assert.deepEqual((await project.json("status")).applied, []);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("a downgrade that fails is mended in its file, and goes on by decision", async () => {
  await withGraphProject({}, async (project, graph) => {
    const file = await writeMigration(
      project,
      "faulty",
      `  await ctx.createNodes("A", [{ x: 1 }]);`,
      `  await ctx.deleteNodesByBatch("A", ctx.batch);\n  await ctx.runCypher("RETURN 1 / 0");`,
    );
    await project.ok("upgrade");
    assert.equal((await project.run("downgrade")).code, 2);
    project.write(file, project.read(file).replace("1 / 0", "1"));
    assert.match((await project.run("downgrade")).err, /edited after it was applied|file was changed since/);
    await project.ok("resolve", "0001_faulty", "--skip-to", "2");
    await project.ok("downgrade");
    assert.deepEqual([await showData(graph), (await project.json("status")).applied], [[], []]);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("--skip-to takes operations as done, --mark-applied the revision, --mark-reverted none of it", async () => {
  for (
    const [words, code, applied, data] of [
      [["--skip-to", "5"], 0, ["0001_stops"], 2],
      [["--skip-to", "4"], 2, [], 2],
      [["--mark-applied"], 0, ["0001_stops"], 2],
      [["--mark-reverted"], undefined, [], 2],
      [["--redo"], 2, [], 2],
    ] as const
  ) {
    await withGraphProject({}, async (project, graph) => {
      await stopped(project, graph);
      await project.ok("resolve", "0001_stops", ...words);
      if (code !== undefined) assert.equal((await project.run("upgrade")).code, code, words.join(" "));
      const status = await project.json("status");
      assert.deepEqual(
        status.applied.map((revision: { revisionId: string }) => revision.revisionId),
        applied,
        words.join(" "),
      );
      assert.equal((await showData(graph)).length, data, words.join(" "));
      assert.match(
        (await project.run("resolve", "0002_none", "--redo")).err,
        /No run of "0002_none" has stopped/,
      );
    });
  }
});

Deno.test("--skip-to goes neither back over what is done nor past the end, and --redo and a plan say where it stands", async () => {
  await withGraphProject({}, async (project, graph) => {
    await stopped(project, graph);
    for (
      const [operation, says] of [
        ["3", /Operation 3 of "0001_stops" is done, and would be done twice[^]*--skip-to 4 is the next one/],
        ["1", /Operation 1 of "0001_stops" is done/],
        ["7", /has 5 operations, and cannot go on with operation 7[^]*--skip-to 4 is the next one/],
      ] as const
    ) {
      const refused = await project.run("resolve", "0001_stops", "--skip-to", operation);
      assert.equal(refused.code, 2, operation);
      assert.match(refused.err, says);
    }
    // One past the last: nothing is left to do.
    await project.ok("resolve", "0001_stops", "--skip-to", "6");
    await project.ok("upgrade");
    assert.equal((await project.json("status")).applied.length, 1);
  });
});

Deno.test("a stopped upgrade that is taken as applied keeps what it found when it is reverted", async () => {
  await withGraphProject({}, async (project, graph) => {
    await stopped(project, graph);
    await project.ok("resolve", "0001_stops", "--mark-applied");
    const reverted = await project.run("downgrade");
    assert.equal(reverted.code, 0, reverted.err);
    assert.match(reverted.err, /left the unique constraint on There/);
    assert.match((await showSchema(graph)).join("\n"), /^constraint [^\n]*"name":"there"/);
    assert.deepEqual(await showData(graph), []);
  });
});

Deno.test("resolve names the run that is under way, and leaves nothing to decide", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "slow",
      `  await ctx.bulkCreateNodes("S", Array.from({ length: 60000 }, (_, i) => ({ i })), { chunkSize: 100 });`,
    );
    const run = project.start("upgrade");
    await until("the run writes", async () => (await showData(graph)).length > 100);
    const { code, out, err } = await project.run("resolve", "0001_slow");
    assert.equal(code, 1, err);
    assert.match(out, /^The upgrade of 0001_slow, begun by .*, is under way: .*crochet upgrade/);
    assert.doesNotMatch(err, /Decide/);
    const skipped = await project.run("resolve", "0001_slow", "--redo");
    assert.deepEqual([skipped.code, /is locked by/.test(skipped.err)], [3, true]);
    assert.ok(await killed(run), "the server was too fast");
  });
});

Deno.test("a run whose file is not here is named, and is finished before anything else", async () => {
  await withGraphProject({}, async (project, graph) => {
    const file = await stopped(project, graph);
    const text = project.read(file);
    Deno.removeSync(`${project.root}/${file}`);
    assert.match(
      (await project.run("upgrade")).err,
      /upgrade of "0001_stops" stopped half-way, and its file is not here/,
    );
    assert.match(
      (await project.run("resolve", "0001_stops")).out,
      /Its file is not here[^]*done +3\. createNodes/,
    );
    project.write(file, text);
    assert.match((await project.run("downgrade")).err, /crochet upgrade, or decide/);
  });
});

Deno.test("an index that a server left of a constraint when it died is cleared away, one that was there is not", async () => {
  await withGraphProject({}, async (project, graph) => {
    const file = await writeMigration(
      project,
      "orphan",
      `  await ctx.createNodes("O", [{ id: 1 }]);\n  await ctx.runCypher("MATCH (o:O) SET o.x = 1 / 0");\n  await ctx.addUniqueConstraint("O", "id");`,
    );
    assert.equal((await project.run("upgrade")).code, 2);
    // As neo4j leaves it: an index under the constraint's name that no constraint owns.
    await graph.implicit("CREATE INDEX constraint_unique_O_id FOR (o:O) ON (o.id)");
    project.write(file, project.read(file).replace("1 / 0", "1"));
    await project.ok("resolve", "0001_orphan", "--skip-to", "2");
    const done = await project.run("upgrade");
    assert.equal(done.code, 0, done.err);
    assert.match(done.err, /dropped the index "constraint_unique_O_id": the run before left it/);

    // Also of the record's own constraints.
    await emptyGraph(graph);
    await graph.implicit("CREATE INDEX _crochet_lock FOR (l:_CrochetLock) ON (l.id)");
    await project.ok("ledger", "rebuild");
    project.write(file, project.read(file).replace(/ {2}await ctx.runCypher.*\n/, ""));
    await project.ok("upgrade");
    const kept = "SHOW CONSTRAINTS YIELD name WHERE name = '_crochet_lock' RETURN name";
    assert.deepEqual(await graph.read(kept), [{ name: "_crochet_lock" }]);

    await graph.implicit("CREATE INDEX constraint_unique_P_id FOR (p:P) ON (p.id)");
    await writeMigration(project, "there", `  await ctx.addUniqueConstraint("P", "id");`);
    assert.match((await project.run("upgrade")).err, /the index on P.*is there as "constraint_unique_P_id"/);
  });
});

Deno.test("an orphaned index is cleared away also where the run dropped an index of its shape before", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "index",
      `  await ctx.addIndex("O", "id");\n  await ctx.createNodes("O", [{ id: 1 }]);`,
      `  await ctx.deleteNodesByBatch("O", ctx.batch);\n  await ctx.dropIndex("O", "id");`,
    );
    await project.ok("upgrade");
    const file = await writeMigration(
      project,
      "unique",
      `  await ctx.dropIndex("O", "id");\n  await ctx.runCypher("MATCH (o:O) SET o.x = 1 / 0");\n  await ctx.addUniqueConstraint("O", "id");`,
      `  await ctx.dropUniqueConstraint("O", "id");\n  await ctx.addIndex("O", "id");`,
    );
    assert.equal((await project.run("upgrade")).code, 2);
    await graph.implicit("CREATE INDEX constraint_unique_O_id FOR (o:O) ON (o.id)");
    project.write(file, project.read(file).replace("1 / 0", "1"));
    await project.ok("resolve", "0002_unique", "--skip-to", "2");
    const done = await project.run("upgrade");
    assert.equal(done.code, 0, done.err);
    assert.match(done.err, /dropped the index "constraint_unique_O_id": the run before left it/);
    // What it made is its own: the revert takes it away.
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual([...await showData(graph), ...await showSchema(graph)], []);
  });
});

Deno.test("the revert of a batch of a million nodes is killed, and the next downgrade finishes it", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "million",
      `  const batch = await ctx.beginBatch();
  await ctx.runCypher("UNWIND range(1, 1000000) AS i CALL { WITH i CREATE (:Mil {i: i, _crochet_batch: $batch}) } IN TRANSACTIONS OF 20000 ROWS", { batch });
  await ctx.createNodes("Mil", [{ i: 0 }]);`,
      `  await ctx.deleteNodesByBatch("Mil", ctx.batch);`,
    );
    await project.ok("upgrade");
    const left = async () => Number((await graph.read("MATCH (m:Mil) RETURN count(m) AS n"))[0].n);
    assert.equal(await left(), 1_000_001);
    const run = project.start("downgrade");
    await until("nodes go", async () => await left() < 900_000);
    assert.ok(await killed(run), "the server was too fast");
    await project.ok("downgrade");
    assert.equal(await left(), 0);
    assert.deepEqual((await project.json("status")).applied, []);
  });
});
