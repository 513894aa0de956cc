/**
 * A ledger on a disk that is damaged, full or read-only, and a graph that is not the one that it knows: an error that
 * says what to do, nothing touched, and a way back.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import type { Graph } from "../../lib/graph.ts";
import { join } from "../../lib/path.ts";
import {
  emptyGraph,
  graphEnv,
  type Outcome,
  program,
  TestProject,
  withFolder,
  withGraphProject,
  writeMigration,
} from "../harness.ts";

const LEDGER = ".crochet/ledger.db";

/** Applied: one revision; pending: one with three operations. */
async function withTwo(
  work: (project: TestProject, graph: Graph) => Promise<void>,
): Promise<void> {
  await withGraphProject({}, async (project, graph) => {
    await writeMigration(project, "one", `  await ctx.createNodes("A", [{ x: 1 }]);`);
    await project.ok("upgrade");
    await writeMigration(
      project,
      "two",
      `  await ctx.createNodes("A", [{ x: 2 }]);\n  await ctx.addIndex("A", "x");\n  await ctx.createNodes("A", [{ x: 3 }]);`,
    );
    await work(project, graph);
  });
}

const values = async (graph: Graph) =>
  (await graph.read("MATCH (a:A) RETURN a.x AS x ORDER BY x")).map((row) => row.x);

/** What happens to the bytes of a ledger. */
const DAMAGES: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  "cut in the middle": (bytes) => bytes.slice(0, bytes.length / 2),
  "cut within its head": (bytes) => bytes.slice(0, 40),
  "a page overwritten": (bytes) => {
    const damaged = bytes.slice();
    damaged.fill(0xa5, 4096 * 3, 4096 * 4);
    return damaged;
  },
  "its head overwritten": (bytes) => {
    const damaged = bytes.slice();
    damaged.fill(0, 0, 100);
    return damaged;
  },
  "another file in its place": () => new TextEncoder().encode("not a database at all\n".repeat(500)),
};

for (const [about, damage] of Object.entries(DAMAGES)) {
  Deno.test(`a damaged ledger (${about}) is refused, stays as it is, and is rebuilt beside itself`, async () => {
    await withTwo(async (project, graph) => {
      const path = join(project.root, LEDGER);
      const bytes = damage(Deno.readFileSync(path));
      Deno.writeFileSync(path, bytes);
      for (const words of [["status"], ["upgrade"], ["verify"], ["plan", "--offline"], ["history"]]) {
        const refused = await project.run(...words);
        assert.equal(refused.code, 2, words.join(" "));
        assert.match(
          refused.err,
          /The ledger ".*ledger\.db" is damaged[^]*crochet ledger rebuild/,
          words.join(" "),
        );
        assert.deepEqual(Deno.readFileSync(path), bytes, `${words.join(" ")} changed it`);
      }
      assert.deepEqual(await values(graph), [1]);
      const rebuilt = await project.ok("ledger", "rebuild");
      assert.match(rebuilt, /kept as .*ledger\.db\.damaged\nRebuilt the ledger: 1 revision applied/);
      assert.deepEqual(Deno.readFileSync(`${path}.damaged`), bytes);
      await project.ok("upgrade");
      assert.deepEqual(await values(graph), [1, 2, 3]);
      assert.equal((await project.run("verify")).code, 0);
    });
  });
}

Deno.test("a fresh clone learns what is applied by itself, and says so", async () => {
  await withTwo(async (project, graph) => {
    await withFolder(async (folder) => {
      const copy = join(folder, "clone");
      cpSync(project.root, copy, { recursive: true, filter: (path) => !path.includes(".crochet") });
      const clone = new TestProject(copy, graphEnv());
      const upgraded = await clone.run("upgrade");
      assert.equal(upgraded.code, 0, upgraded.err);
      assert.match(upgraded.err, /the ledger learned of 1 revision that the graph has applied: "0001_one"/);
      assert.deepEqual(await values(graph), [1, 2, 3]);
      assert.equal((await clone.run("verify")).code, 0);
    });
    // The first working copy learns in its turn.
    assert.match((await project.run("upgrade")).err, /learned of 1 revision .*"0002_two"/);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("a fresh clone in the middle of another's run goes on with it once that one is gone", async () => {
  await withTwo(async (project, graph) => {
    await writeMigration(
      project,
      "slow",
      `  for (let i = 0; i < 300; i++) await ctx.runCypher("CREATE (:Slow {i: $i})", { i });`,
    );
    await withFolder(async (folder) => {
      const copy = join(folder, "clone");
      cpSync(project.root, copy, { recursive: true, filter: (path) => !path.includes(".crochet") });
      const clone = new TestProject(copy, graphEnv());
      const running = project.start("upgrade");
      const slow = async () => Number((await graph.read("MATCH (s:Slow) RETURN count(s) AS n"))[0].n);
      while (await slow() < 5) await new Promise((resolve) => setTimeout(resolve, 20));
      const meanwhile = await clone.run("upgrade");
      assert.equal(meanwhile.code, 3);
      assert.match(meanwhile.err, /is locked by/);
      running.child.kill("SIGKILL");
      await running.outcome;
      // Another machine cannot know that the process is gone: it waits for the lease.
      const waited = await clone.run("upgrade", "--lock-timeout", "40");
      assert.equal(waited.code, 0, waited.err);
      assert.match(waited.err, /Going on with 0003_slow/);
      assert.equal(await slow(), 300);
      assert.equal((await clone.run("verify")).code, 0);
    });
  });
});

Deno.test("a graph that was wiped, swapped or restored from an older backup: nothing runs until a person decides", async () => {
  for (const change of ["wiped", "swapped", "restored"]) {
    await withTwo(async (project, graph) => {
      await project.ok("upgrade");
      if (change === "wiped") await emptyGraph(graph);
      if (change === "swapped") {
        await graph.write((tx) => tx.run("MATCH (g:_CrochetGraph) SET g.graphId = 'another'"));
      }
      if (change === "restored") {
        await graph.write((tx) => tx.run("MATCH (r:_CrochetRevision {id: '0002_two'}) DELETE r"));
        await graph.write((tx) => tx.run("MATCH (a:A) WHERE a.x > 1 DELETE a"));
      }
      await writeMigration(project, "three", `  await ctx.createNodes("A", [{ x: 4 }]);`);
      const before = await values(graph);
      for (const words of [["upgrade"], ["downgrade"], ["plan"]]) {
        const refused = await project.run(...words);
        assert.equal(refused.code, 2, `${change} ${words}: ${refused.out}`);
        assert.match(
          refused.err,
          /wiped or replaced|Another graph answers|restored from an older backup\?/,
          `${change} ${words}`,
        );
        assert.match(refused.err, /crochet ledger rebuild/);
      }
      assert.deepEqual(await values(graph), before);
      assert.match(await project.ok("status"), /Differs:/);
      assert.equal((await project.run("verify")).code, 1);
      await project.ok("ledger", "rebuild");
      assert.equal((await project.run("status", "--check")).code, 1);
      assert.doesNotMatch(await project.ok("status"), /Differs:/);
    });
  }
});

/** Can this machine mount a small disk of its own for a process? */
const CAN_MOUNT = await (async () => {
  try {
    const { success } = await new Deno.Command("unshare", {
      args: ["-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
})();

/** Runs crochet in a copy of the project on a disk of its own, which is prepared before and copied back after. */
async function onDisk(
  project: TestProject,
  options: { size: string; prepare: string },
  words: string[],
): Promise<Outcome> {
  const quoted = [...program(), ...words].map((word) => `'${word}'`).join(" ");
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      "-rm",
      "sh",
      "-c",
      `mount -t tmpfs -o size=${options.size} tmpfs /mnt && cp -r "$0/." /mnt && cd /mnt && ${options.prepare} && ${quoted}; ` +
      `code=$?; rm -f "$0"/.crochet/*; cp .crochet/* "$0/.crochet/"; exit $code`,
      project.root,
    ],
    env: { ...graphEnv(), NO_COLOR: "1", CROCHET_CACHE_DIR: "/nowhere" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test({
  name: "a disk that is full at any moment: an error that says so, and the next run finishes exactly once",
  ignore: !CAN_MOUNT && Deno.env.get("CI") !== "true",
  fn: async () => {
    let failures = 0;
    for (const free of [0, 8, 16, 24, 32, 48]) {
      await withTwo(async (project, graph) => {
        const prepare =
          `(dd if=/dev/zero of=fill bs=1k count=100000 2>/dev/null; truncate -s -${free}K fill 2>/dev/null; true)`;
        const full = await onDisk(project, { size: "8m", prepare }, ["upgrade"]);
        if (full.code !== 0) {
          failures++;
          assert.equal(full.code, 2, `${free}K: ${full.err}`);
          assert.match(full.err, /The (ledger|lock) .* (full|I\/O)|No space left/, `${free}K`);
          assert.doesNotMatch(full.err, / at \S+\.ts:\d+/);
        }
        await project.ok("upgrade");
        assert.deepEqual(await values(graph), [1, 2, 3], `${free}K`);
        assert.equal((await project.run("verify")).code, 0, `${free}K`);
      });
    }
    assert.ok(failures >= 2, `the disk was full ${failures} times`);
  },
});

Deno.test({
  name:
    "on a disk that cannot be written, what only reads works, and what writes says so before it touches the graph",
  ignore: !CAN_MOUNT && Deno.env.get("CI") !== "true",
  fn: async () => {
    await withTwo(async (project, graph) => {
      const disk = { size: "8m", prepare: "mount -o remount,ro /mnt" };
      for (
        const words of [["status"], ["verify"], ["plan"], ["history"], ["upgrade", "--dry-run"], ["drift"]]
      ) {
        const read = await onDisk(project, disk, words);
        assert.equal(read.code, 0, `${words}: ${read.err}`);
      }
      const refused = await onDisk(project, disk, ["upgrade"]);
      assert.equal(refused.code, 2);
      assert.match(refused.err, /The (ledger|lock) .* cannot be used: [^]*a folder that can be written/);
      assert.deepEqual(await values(graph), [1]);
    });
  },
});
