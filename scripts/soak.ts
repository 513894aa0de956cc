/**
 * `deno task soak [MINUTES]`: kills and cuts off runs at random instants, for as long as it is told (10 minutes without
 * a word), and prints tries, resumes, losses and duplicates. The seed stands in the first line, so that a run can be
 * made again with CROCHET_SEED. Starts a server of its own unless CROCHET_TEST_URI names one, whose data are lost.
 */
import { NEWEST_SERVER, startServer, stopServer } from "../lib/server.ts";
import { openTestGraph, randomFrom, withFolder } from "../tests/harness.ts";
import { type Disturbance, fateOf, killAfter, killAt, KillBench, type Way } from "../tests/graph/kill.ts";

const minutes = Number(Deno.args[0] ?? 10);
const seed = Number(Deno.env.get("CROCHET_SEED") ?? Date.now() % 1_000_000);
if (!(minutes > 0)) {
  console.error("deno task soak [MINUTES]");
  Deno.exit(2);
}

if (Deno.env.get("CROCHET_TEST_URI")) await soak();
else {
  await withFolder(async (home) => {
    const server = await startServer({
      home,
      version: Deno.env.get("CROCHET_TEST_VERSION") ?? NEWEST_SERVER,
      boltPort: 0,
      httpPort: 0,
      log: (line) => console.log(line),
    });
    Deno.env.set("CROCHET_TEST_URI", server.uri);
    Deno.env.set("CROCHET_TEST_PASSWORD", server.password);
    try {
      await soak();
    } finally {
      await stopServer(server.home);
    }
  });
}

async function soak(): Promise<void> {
  const graph = await openTestGraph();
  const random = randomFrom(seed);
  const pick = (below: number) => 1 + Math.floor(random() * below);
  const total = { tries: 0, disturbed: 0, resumes: 0, losses: 0, duplicates: 0 };
  console.log(`seed ${seed}, ${minutes} min, on ${graph.address} (Neo4j ${graph.info.versionText})`);
  await KillBench.with(graph, async (bench) => {
    const until = Date.now() + minutes * 60_000;
    while (Date.now() < until) {
      const way: Way = random() < 0.65 ? "upgrade" : "downgrade";
      const { requests, ms } = bench.extent[way];
      const request = pick(requests);
      const instant = Math.round(random() * ms);
      const kinds: [string, Disturbance][] = [
        [`killed before request ${request}`, killAt(request, "before")],
        [`killed after request ${request}`, killAt(request, "after")],
        [`killed after ${instant} ms`, killAfter(instant)],
        [`cut at request ${request}`, fateOf(request, "cut")],
        [`the answer to request ${request} dropped`, fateOf(request, "drop answer")],
        [`half closed at request ${request}`, fateOf(request, "half-close")],
      ];
      const [about, disturbance] = kinds[pick(kinds.length) - 1];
      const { difference, tries, wasDisturbed, said } = await bench.disturb(way, disturbance);
      total.tries++;
      if (wasDisturbed) total.disturbed++;
      total.resumes += tries;
      total.losses += difference.lost.length;
      total.duplicates += difference.more.length;
      if (difference.lost.length + difference.more.length > 0) {
        console.log(
          `${way}, ${about}: lost ${difference.lost.slice(0, 3)}; more ${
            difference.more.slice(0, 3)
          }\n${said}`,
        );
      }
      if (total.tries % 10 === 0) report(total);
    }
  });
  await graph.close();
  report(total);
  if (total.losses + total.duplicates > 0) Deno.exitCode = 1;
}

function report(total: Record<string, number>): void {
  console.log(Object.entries(total).map(([name, n]) => `${n} ${name}`).join(", "));
}
