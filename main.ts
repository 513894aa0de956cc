import { main } from "./lib/cli.ts";
import { processIo } from "./lib/terminal.ts";

if (import.meta.main) {
  // The process ends here by itself: a worker in an endless loop would keep it alive.
  Deno.exit(await main(Deno.args, processIo()));
}
