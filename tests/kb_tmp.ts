import { killAfter, killAt, KillBench } from "./graph/kill.ts";
import { openTestGraph, randomFrom } from "./harness.ts";
const graph = await openTestGraph();
const random = randomFrom(Number(Deno.args[0] ?? 1));
await KillBench.with(graph, async (bench) => {
  console.log(bench.extent);
  for (let i = 0; i < Number(Deno.args[1] ?? 8); i++) {
    const way = random() < 0.6 ? "upgrade" : "downgrade";
    const when = random() < 0.5 ? "before" : "after";
    const n = 1 + Math.floor(random() * bench.extent[way].requests);
    const t = Date.now();
    const r = await bench.disturb(way, killAt(n, when));
    const bad = r.difference.lost.length + r.difference.more.length;
    console.log(
      way,
      when,
      n,
      "tries",
      r.tries,
      "disturbed",
      r.wasDisturbed,
      Date.now() - t,
      "ms",
      bad ? "BAD" : "ok",
    );
    if (bad || r.tries > 1) {
      console.log(r.difference.lost.slice(0, 6), r.difference.more.slice(0, 6), r.said.slice(-3000));
    }
  }
});
await graph.close();
