/** Runs that stop half-way: what is done stays done, what is not is done once, and a person can decide. */
import assert from "node:assert/strict";
import {
  program,
  showData,
  showSchema,
  type TestProject,
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
      /Stopped: +the upgrade of 0001_halfway, begun by .*, stopped at operation 5: .*by zero/,
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
    assert.match(refused.err, /its operation 1 was another one then/);
    assert.match(refused.err, /crochet resolve 0001_changed --redo/);
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
    const [command, ...first] = program();
    const env = { ...Deno.env.toObject(), ...(project as unknown as { env: Record<string, string> }).env };
    let kills = 0;
    for (let round = 0; round < 12; round++) {
      const child = new Deno.Command(command, {
        args: [...first, "upgrade"],
        cwd: project.root,
        env,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      await new Promise((resolve) => setTimeout(resolve, 700 + round * 350));
      try {
        child.kill("SIGKILL");
      } catch {
        // It ended before.
      }
      const { signal } = await child.status;
      if (signal !== "SIGKILL") break;
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
