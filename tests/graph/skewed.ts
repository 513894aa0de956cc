/** The program on a machine whose clock is wrong by `CROCHET_TEST_SKEW` ms, and jumps back by it again and again. */
import { main } from "../../lib/cli.ts";
import { processIo } from "../../lib/terminal.ts";

const skew = Number(Deno.env.get("CROCHET_TEST_SKEW"));
const Real = Date;
const began = performance.now();
/** Wrong in every second half second. */
const now = () => Real.now() + (Math.floor((performance.now() - began) / 500) % 2 === 0 ? skew : 0);
globalThis.Date = class extends Real {
  constructor(...args: unknown[]) {
    super(...(args.length === 0 ? [now()] : args) as ConstructorParameters<typeof Date>);
  }
  static override now(): number {
    return now();
  }
} as DateConstructor;
Deno.exit(await main(Deno.args, processIo()));
