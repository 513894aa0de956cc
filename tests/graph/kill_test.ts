/**
 * Runs that are killed or cut off at any instant, with a real server: whatever happens, the next run finishes exactly
 * once. A few instants of a seed that changes by the day; `CROCHET_KILLS=all` takes every request and 200 instants,
 * and `deno task soak` goes on for as long as it is told.
 */
import assert from "node:assert/strict";
import { join } from "../../lib/path.ts";
import { startServer, stopServer } from "../../lib/server.ts";
import { openGraphAt, openTestGraph, randomFrom, testGraph, withFolder } from "../harness.ts";
import { type Disturbance, fateOf, killAfter, killAt, KillBench, type Way } from "./kill.ts";

const ALL = Deno.env.get("CROCHET_KILLS") === "all";
const SEED = Number(Deno.env.get("CROCHET_SEED") ?? Math.floor(Date.now() / 86_400_000));

/** Tries disturbances, and tells of each that lost or doubled something. */
async function tryAll(
  bench: KillBench,
  disturbances: [about: string, way: Way, disturbance: Disturbance][],
): Promise<void> {
  const wrong: string[] = [];
  let disturbed = 0;
  for (const [about, way, disturbance] of disturbances) {
    const { difference: { lost, more }, wasDisturbed, said } = await bench.disturb(way, disturbance);
    if (wasDisturbed) disturbed++;
    if (lost.length + more.length === 0) continue;
    wrong.push(
      `${way}, ${about} (seed ${SEED}): lost ${lost.length}: ${lost.slice(0, 3)}; more ${more.length}: ${
        more.slice(0, 3)
      }\n${said}`,
    );
  }
  assert.ok(disturbed > 0, "no run was disturbed");
  if (wrong.length > 0) assert.fail(wrong.join("\n\n"));
}

const random = randomFrom(SEED);
const pick = (below: number) => 1 + Math.floor(random() * below);

Deno.test("a run that is killed at a request, before or after the server's answer, is finished by the next", async () => {
  await withBench(async (bench) => {
    const steps = (way: Way, n: number) => {
      const last = bench.extent[way].requests;
      const requests = ALL
        ? Array.from({ length: last }, (_, i) => i + 1)
        : Array.from({ length: n }, () => pick(last));
      return requests.flatMap((request) => {
        const times = ALL ? ["before", "after"] as const : [random() < 0.5 ? "before" : "after"] as const;
        return times.map((when): [string, Way, Disturbance] => [
          `killed ${when} request ${request}`,
          way,
          killAt(request, when),
        ]);
      });
    };
    await tryAll(bench, [...steps("upgrade", 8), ...steps("downgrade", 4)]);
  });
});

Deno.test("a run that is killed at any instant is finished by the next", async () => {
  await withBench(async (bench) => {
    await tryAll(
      bench,
      Array.from({ length: ALL ? 200 : 6 }, () => {
        const way = random() < 0.7 ? "upgrade" : "downgrade";
        const ms = random() * bench.extent[way].ms;
        return [`killed after ${Math.round(ms)} ms`, way, killAfter(ms)];
      }),
    );
  });
});

Deno.test("a commit whose answer is lost is known by the run itself, and nothing is done twice", async () => {
  await withBench(async (bench) => {
    for (let i = 1; i <= (ALL ? 1000 : 3); i++) {
      const nth = ALL ? i : pick(90);
      let isDropped = false;
      const drop = fateOf(nth, "drop answer", (request) => request.isCommit, () => isDropped = true);
      const { difference, wasDisturbed, said } = await bench.disturb("upgrade", drop);
      if (!isDropped && ALL) break;
      assert.deepEqual(difference, { lost: [], more: [] }, `commit ${nth} (seed ${SEED})\n${said}`);
      assert.ok(!wasDisturbed, `commit ${nth} (seed ${SEED}) ended the run\n${said}`);
    }
  });
});

Deno.test("a connection that is cut, a lost answer, a half-open connection: nothing twice", async () => {
  await withBench(async (bench) => {
    const last = bench.extent.upgrade.requests;
    const n = ALL ? 40 : 2;
    const some = (make: () => [string, Way, Disturbance]) => Array.from({ length: n }, make);
    const disturbances = [
      ...some(() => {
        const nth = pick(last);
        return [`the answer to request ${nth} dropped`, "upgrade", fateOf(nth, "drop answer")];
      }),
      ...some(() => {
        const nth = pick(last);
        return [`cut at request ${nth}`, "upgrade", fateOf(nth, "cut")];
      }),
      ...some(() => {
        const nth = pick(last);
        return [`half closed at request ${nth}`, "upgrade", fateOf(nth, "half-close")];
      }),
    ];
    for (const [about, way, disturbance] of disturbances) await tryOne(bench, about, way, disturbance);
  });
});

/** A cut connection is healed by a retry where that is safe, so that the first run may end well. */
async function tryOne(bench: KillBench, about: string, way: Way, disturbance: Disturbance): Promise<void> {
  const { difference, said } = await bench.disturb(way, disturbance);
  assert.deepEqual(difference, { lost: [], more: [] }, `${about} (seed ${SEED})\n${said}`);
}

Deno.test("a server that is killed and started again: the run goes on, or the next one finishes it", async () => {
  await withFolder(async (folder) => {
    const { password } = testGraph();
    const options = { home: join(folder, "server"), httpPort: 0, password };
    const version = Deno.env.get("CROCHET_TEST_VERSION") ?? "5";
    let server = await startServer({ ...options, version, boltPort: 0 });
    try {
      const graph = await openGraphAt(server.uri);
      try {
        await KillBench.with(graph, async (bench) => {
          for (let i = 0; i < (ALL ? 30 : 2); i++) {
            const way = random() < 0.7 ? "upgrade" : "downgrade";
            const ms = random() * bench.extent[way].ms;
            await tryOne(bench, `the server killed after ${Math.round(ms)} ms`, way, () => {
              let restarted: Promise<unknown> = Promise.resolve();
              const timer = setTimeout(() => {
                Deno.kill(server.pid!, "SIGKILL");
                restarted = again(() => startServer({ ...options, boltPort: server.boltPort })).then(
                  (one) => {
                    server = one;
                  },
                );
              }, ms);
              return async () => {
                clearTimeout(timer);
                await restarted;
              };
            });
          }
        }, server.uri);
      } finally {
        await graph.close();
      }
    } finally {
      await stopServer(server.home);
    }
  });
});

/** The port of a process that was killed may be taken for a moment. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function withBench(work: (bench: KillBench) => Promise<void>): Promise<void> {
  const graph = await openTestGraph();
  try {
    await KillBench.with(graph, work);
  } finally {
    await graph.close();
  }
}
