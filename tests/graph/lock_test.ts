/**
 * The lock of a graph and the lock of a working copy, with real processes: who holds it is named, who waits gets it,
 * who was killed is in nobody's way, and who lost it writes nothing more.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import type { Graph } from "../../lib/graph.ts";
import { breakLock } from "../../lib/graph_lock.ts";
import { checkLock } from "../../lib/graph_record.ts";
import { join } from "../../lib/path.ts";
import {
  graphEnv,
  holdLock,
  ROOT,
  showData,
  TestProject,
  until,
  withFolder,
  withGraphProject,
  writeMigration,
} from "../harness.ts";

/** Makes nodes one by one, so that a run takes a while. */
const SLOW = `  for (let i = 0; i < 400; i++) await ctx.runCypher("CREATE (:Slow {i: $i})", { i });`;
const CLEAN = `  await ctx.runCypher("MATCH (s:Slow) DELETE s");`;

const slowNodes = async (graph: Graph) =>
  Number((await graph.read("MATCH (s:Slow) RETURN count(s) AS n"))[0].n);

Deno.test("a lock that another machine holds is named, waited for, and broken by unlock", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(project, "one", `  await ctx.createNodes("A", [{ x: 1 }]);`);
    await writeMigration(project, "two", `  await ctx.createNodes("A", [{ x: 2 }]);`);
    const lock = await holdLock(graph);
    const refused = await project.run("upgrade");
    assert.equal(refused.code, 3);
    assert.match(refused.err, /is locked by somebody@elsewhere \(process 7, crochet upgrade\) since 20/);
    assert.match(refused.err, /--lock-timeout 60.*expires in \d+ s.*crochet unlock/);
    assert.match(await project.ok("status"), /Lock: +held by somebody@elsewhere/);
    assert.equal((await project.run("upgrade", "--lock-timeout", "1")).code, 3);
    assert.equal((await project.run("upgrade", "--lock-timeout", "soon")).code, 2);
    // Reading needs no lock.
    for (const words of [["plan"], ["upgrade", "--dry-run"], ["history"], ["verify"], ["drift"]]) {
      assert.equal((await project.run(...words)).code, 0, words.join(" "));
    }
    const waiting = project.start("upgrade", "--target", "0001_one", "--lock-timeout", "60");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.deepEqual(await showData(graph), []);
    await lock.release();
    const waited = await waiting.outcome;
    assert.equal(waited.code, 0, waited.err);
    assert.match(waited.err, /^waiting for the lock of somebody@elsewhere/m);

    const second = await holdLock(graph);
    const asked = await project.run("unlock");
    assert.equal(asked.code, 2);
    assert.match(asked.err, /held by somebody@elsewhere[^]*crochet unlock --yes/);
    await project.ok("unlock", "--yes");
    assert.match(await project.ok("unlock", "--yes"), /not locked/);
    await assert.rejects(graph.write((tx) => checkLock(tx, second.token)), /lock of this run was lost/);
    await project.ok("upgrade");
    await second.release();
  });
});

Deno.test("a lease that expired is taken over, and its holder writes nothing more", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(project, "one", `  await ctx.createNodes("A", [{ x: 1 }]);`);
    const lock = await holdLock(graph);
    await graph.write((tx) => tx.run("MATCH (l:_CrochetLock) SET l.expiresAt = l.expiresAt - 100000"));
    await project.ok("upgrade");
    await assert.rejects(graph.write((tx) => checkLock(tx, lock.token)), /lock of this run was lost/);
    await lock.release();
  });
});

Deno.test("nobody takes a lock over between the look at it and the commit", async () => {
  await withGraphProject({}, async (_, graph) => {
    const lock = await holdLock(graph);
    let commit = () => {};
    const gate = new Promise<void>((resolve) => commit = resolve);
    let begun = () => {};
    const other = new Promise<void>((resolve) => begun = resolve);
    // Another run takes the lock over, and has not committed yet.
    const takeover = graph.write(async (tx) => {
      await tx.run("MATCH (l:_CrochetLock) SET l.owner = 'another', l.fence = l.fence + 1");
      begun();
      await gate;
    });
    await other;
    const write = graph.write(async (tx) => {
      await tx.run("CREATE (:Late)");
      await checkLock(tx, lock.token);
    });
    const refused = assert.rejects(write, /lock of this run was lost/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    commit();
    await takeover;
    await refused;
    assert.deepEqual(await showData(graph), []);
    await lock.release();
  });
});

Deno.test("what a killed run of this working copy held is taken over at once", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(project, "slow", SLOW, CLEAN);
    const { child } = project.start("upgrade");
    await until("the run writes", async () => await slowNodes(graph) > 5);
    child.kill("SIGKILL");
    await child.status;
    const status = await project.ok("status");
    assert.match(status, /Stopped: +the upgrade of 0001_slow/);
    assert.match(status, /Lock: +held by .*process \d+, which is not running any more/);
    const began = Date.now();
    await project.ok("upgrade");
    assert.ok(Date.now() - began < 15_000, "it waited for the lease");
    assert.equal(await slowNodes(graph), 400);
    await project.ok("downgrade");
    assert.equal(await slowNodes(graph), 0);
  });
});

Deno.test("a run of the other direction meets a run under way: it is named, or waited for", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(project, "slow", SLOW, CLEAN);
    const running = project.start("upgrade");
    await until("the run writes", async () => await slowNodes(graph) > 5);
    const refused = await project.run("downgrade");
    assert.equal(refused.code, 3, refused.err);
    assert.match(refused.err, /is locked by/);
    const waited = await project.run("downgrade", "--lock-timeout", "60");
    assert.equal(waited.code, 0, waited.err);
    assert.equal((await running.outcome).code, 0);
    assert.equal(await slowNodes(graph), 0);
  });
});

Deno.test("a run that was asleep while its lock was broken stops before its next write", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(project, "slow", SLOW, CLEAN);
    const { child, outcome } = project.start("upgrade");
    await until("the run writes", async () => await slowNodes(graph) > 5);
    child.kill("SIGSTOP");
    await project.ok("unlock", "--yes");
    const before = await slowNodes(graph);
    child.kill("SIGCONT");
    const { code, err } = await outcome;
    assert.equal(code, 3, err);
    assert.match(err, /lock of this run was lost/);
    // A write that the server had when the process fell asleep may have committed before the lock was broken.
    assert.equal(await slowNodes(graph), before);
    await project.ok("upgrade");
    assert.equal(await slowNodes(graph), 400);
  });
});

Deno.test("what the server does in batches of its own ends with the lock of who asked for it", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.implicit(
      "UNWIND range(1, 400000) AS i CALL { WITH i CREATE (:Big {i: i}) } IN TRANSACTIONS OF 20000 ROWS",
    );
    await writeMigration(project, "rename", `  await ctx.renameLabel("Big", "Large");`);
    const renamed = async () => Number((await graph.read("MATCH (l:Large) RETURN count(l) AS n"))[0].n);
    const { child, outcome } = project.start("upgrade");
    await until("the server has begun", async () => await renamed() >= 10_000);
    child.kill("SIGSTOP");
    await breakLock(graph);
    // A batch that was under way may still commit.
    await new Promise((resolve) => setTimeout(resolve, 400));
    const before = await renamed();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal(await renamed(), before);
    assert.ok(before < 400_000, "the server was too fast");
    child.kill("SIGCONT");
    assert.equal((await outcome).code, 3);
    await project.ok("upgrade");
    assert.equal(await renamed(), 400_000);
  });
});

Deno.test("eight runs at once from eight working copies, and eight from one: nothing twice", async () => {
  const rounds = Number(Deno.env.get("CROCHET_ROUNDS") ?? 4);
  await withGraphProject({}, async (project, graph) => {
    await withFolder(async (folder) => {
      for (let round = 1; round <= rounds; round++) {
        await writeMigration(
          project,
          `round ${round}`,
          `  await ctx.addUniqueConstraint("R${round}", "x");\n  await ctx.createNodes("R${round}", [{ x: ${round} }]);\n` +
            `  await ctx.runCypher("MERGE (c:Counter) SET c.n = coalesce(c.n, 0) + 1");`,
          `  await ctx.runCypher("MATCH (c:Counter) SET c.n = c.n - 1");`,
        );
        const inOne = round % 2 === 0;
        const projects = Array.from({ length: 8 }, (_, i) => {
          if (inOne) return project;
          const copy = `${folder}/${round}-${i}`;
          cpSync(project.root, copy, {
            recursive: true,
            filter: (path) => !path.includes(".crochet"),
          });
          return new TestProject(copy, graphEnv());
        });
        const patience = round % 4 < 2 ? ["--lock-timeout", "60"] : [];
        const outcomes = await Promise.all(projects.map((each) => each.run("upgrade", ...patience)));
        const codes = outcomes.map((outcome) => outcome.code);
        const said = outcomes.map(({ out, err }) => out + err).join("\n");
        assert.ok(codes.every((code) => code === 0 || (code === 3 && patience.length === 0)), said);
        assert.equal(said.match(/^Applied: /gm)?.length, 1, said);
        const [row] = await graph.read(
          `MATCH (c:Counter) OPTIONAL MATCH (r:R${round}) RETURN c.n AS n, count(r) AS rows`,
        );
        assert.deepEqual(row, { n: round, rows: 1 });
      }
      assert.equal((await project.run("verify")).code, 0);
    });
  });
});

Deno.test("a clock that is wrong by years, and jumps, changes nothing: leases are on the server's clock", async () => {
  for (const years of [10, -10]) {
    await withGraphProject({}, async (project, graph) => {
      await writeMigration(project, "slow", SLOW, CLEAN);
      const skewed = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-q",
          "-A",
          "--config",
          join(ROOT, "deno.json"),
          join(ROOT, "tests/graph/skewed.ts"),
          "upgrade",
        ],
        cwd: project.root,
        env: { ...graphEnv(), CROCHET_TEST_SKEW: String(years * 365 * 86_400_000) },
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const ended = skewed.output();
      await until("the run writes", async () => await slowNodes(graph) > 5);
      await withFolder(async (folder) => {
        cpSync(project.root, folder, { recursive: true, filter: (path) => !path.includes(".crochet") });
        const other = await new TestProject(folder, graphEnv()).run("upgrade");
        assert.equal(other.code, 3, other.err);
        assert.match(other.err, /is locked by/);
      });
      const { code, stderr } = await ended;
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      assert.equal(await slowNodes(graph), 400);
      const [{ appliedAt }] = (await project.json("status")).applied;
      assert.ok(Math.abs(Date.parse(appliedAt) - Date.now()) < 3_600_000, appliedAt);
      assert.equal((await project.run("verify")).code, 0);
    });
  }
});

Deno.test("the lock of one environment is not in the way of another", async () => {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(project, "slow", SLOW, CLEAN);
    const toml = project.read("crochet.toml");
    project.write("crochet.toml", `${toml}\n[env.other]\nuri = "bolt://127.0.0.1:1"\n`);
    const { outcome } = project.start("upgrade");
    await until("the run writes", async () => await slowNodes(graph) > 5);
    const bare = new TestProject(project.root, { CROCHET_NEO4J_PASSWORD: "x" });
    assert.match((await bare.run("upgrade", "--env", "other")).err, /nothing answers there/);
    const here = await project.run("upgrade");
    assert.equal(here.code, 3);
    assert.match(here.err, /is locked by/);
    assert.equal((await outcome).code, 0);
  });
});
