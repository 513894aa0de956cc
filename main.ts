import { main } from "./lib/cli.ts";
import { processIo } from "./lib/terminal.ts";

if (import.meta.main) {
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    // The first Ctrl-C lets the write in flight end; the second one stops at once, and the next run goes on.
    if (interrupt.signal.aborted) Deno.exit(130);
    interrupt.abort();
  });
  // The process ends here by itself: a worker in an endless loop would keep it alive.
  Deno.exit(await main(Deno.args, processIo(interrupt.signal)));
}
