/**
 * Takes nothing and gives the version of the program, from the one place that has it: deno.json.
 * Never computed, never read at run time.
 */
import config from "../deno.json" with { type: "json" };

/** Version of this crochet. */
export const VERSION: string = config.version;
