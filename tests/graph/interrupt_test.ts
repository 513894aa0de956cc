/** Ctrl-C and its kin: what is under way ends or goes back, the lock is free, and the next run goes on. */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { readLock } from "../../lib/graph_lock.ts";
import { holdLock, until, withGraphProject, writeMigration } from "../harness.ts";

const nodes = async (graph: Graph, label: string) =>
  Number((await graph.read(`MATCH (n:${label}) RETURN count(n) AS n`))[0].n);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} lets the write in flight end, frees the lock and says what is done`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await writeMigration(project, "first", `  await ctx.createNodes("F", [{ x: 1 }]);`);
      await writeMigration(
        project,
        "slow",
        `  await ctx.bulkCreateNodes("S", Array.from({ length: 60000 }, (_, i) => ({ i })), { chunkSize: 100 });`,
        `  await ctx.deleteNodesByBatch("S", ctx.batch);`,
      );
      await writeMigration(project, "last", `  await ctx.createNodes("L", [{ x: 1 }]);`);
      const { child, outcome } = project.start("upgrade");
      await until("the run writes", async () => await nodes(graph, "S") >= 500);
      child.kill(signal);
      const { code, out, err } = await outcome;
      assert.equal(code, 130, out + err);
      assert.match(
        out,
        /^Applied: 0001_first\nInterrupted: 0002_slow at operation 1\nNot started: 0003_last$/m,
      );
      assert.match(err, /crochet upgrade goes on where it stopped/);
      const written = await nodes(graph, "S");
      assert.ok(written < 60000 && written % 100 === 0, `${written} rows`);
      assert.equal(await readLock(graph), undefined);
      const { partial } = await project.json("status");
      assert.deepEqual(partial.journal[0].chunks, { done: written / 100, of: 600 });
      await project.ok("upgrade");
      assert.equal(await nodes(graph, "S"), 60000);
    });
  });
}

Deno.test("an interrupt ends what the server does in batches of its own; what was committed stays done", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.implicit(
      "UNWIND range(1, 400000) AS i CALL { WITH i CREATE (:Big {i: i}) } IN TRANSACTIONS OF 20000 ROWS",
    );
    await writeMigration(
      project,
      "rename",
      `  await ctx.renameLabel("Big", "Large");`,
      `  await ctx.renameLabel("Large", "Big");`,
    );
    const { child, outcome } = project.start("upgrade");
    await until("the server has begun", async () => await nodes(graph, "Large") >= 10_000);
    child.kill("SIGINT");
    const { code, out, err } = await outcome;
    assert.equal(code, 130, out + err);
    const renamed = await nodes(graph, "Large");
    assert.ok(renamed < 400_000 && renamed % 10_000 === 0, `${renamed} nodes`);
    assert.equal(await readLock(graph), undefined);
    await project.ok("upgrade");
    assert.deepEqual([await nodes(graph, "Big"), await nodes(graph, "Large")], [0, 400_000]);
  });
});

Deno.test("a second interrupt stops at once, and the next run goes on", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(
      project,
      "stuck",
      `  await ctx.createNodes("S", [{ x: 1 }]);\n  await ctx.runCypher("MERGE (s:S {x: 1}) SET s.y = 1");\n  await ctx.createNodes("S", [{ x: 2 }]);`,
    );
    let release = () => {};
    const gate = new Promise<void>((resolve) => release = resolve);
    // A transaction of somebody else holds the node that the second operation needs.
    const blocker = (async () => {
      await until("the first row is there", async () => await nodes(graph, "S") === 1);
      await graph.write(async (tx) => {
        await tx.run("MATCH (s:S) SET s.z = 1");
        await gate;
      });
    })();
    const { child, outcome } = project.start("upgrade");
    // The run's own statement: who holds the node may have to wait for a moment, too.
    const waits =
      "SHOW TRANSACTIONS YIELD status, currentQuery WHERE status STARTS WITH 'Blocked' AND currentQuery CONTAINS 's.y = 1' AND NOT currentQuery STARTS WITH 'SHOW' RETURN count(*) AS n";
    const isBlocked = async () => Number((await graph.read(waits))[0].n) > 0;
    let done = false;
    outcome.then(() => done = true);
    await until("the run waits", async () => done || await isBlocked());
    if (!done) {
      child.kill("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 300));
      child.kill("SIGINT");
    }
    const { code } = await outcome;
    release();
    await blocker;
    assert.ok(code === 130 || done, String(code));
    await project.ok("upgrade", "--lock-timeout", "40");
    assert.deepEqual(await graph.read("MATCH (s:S) RETURN s.x AS x, s.y AS y ORDER BY x"), [
      { x: 1, y: 1 },
      { x: 2, y: null },
    ]);
  });
});

Deno.test("an interrupt ends the wait for a lock", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(project, "one", `  await ctx.createNodes("A", [{ x: 1 }]);`);
    const lock = await holdLock(graph);
    const { child, outcome } = project.start("upgrade", "--lock-timeout", "60");
    await new Promise((resolve) => setTimeout(resolve, 2500));
    child.kill("SIGINT");
    const { code, err } = await outcome;
    assert.equal(code, 130, err);
    assert.match(err, /wait for the lock was interrupted; nothing was begun/);
    await lock.release();
    assert.equal(await nodes(graph, "A"), 0);
  });
});

Deno.test("what only reads ends at the first signal, whatever it waits for", async () => {
  // It takes the connection, and never says a word.
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of silent) connections.push(connection);
  })();
  await withGraphProject({}, async (project) => {
    const mute = project.with({ CROCHET_NEO4J_URI: `bolt://127.0.0.1:${silent.addr.port}` });
    for (const [i, words] of [["status"], ["plan"], ["drift"], ["verify"]].entries()) {
      const { child, outcome } = mute.start(...words);
      await until("it waits for an answer", () => connections.length > i);
      const signal = i % 2 === 0 ? "SIGINT" : "SIGTERM";
      child.kill(signal);
      const { code, err } = await outcome;
      assert.equal(code, signal === "SIGINT" ? 130 : 143, `${words}: ${err}`);
    }
  });
  connections.forEach((connection) => connection.close());
  silent.close();
  await accepting;
});
