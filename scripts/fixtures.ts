/**
 * Writes `expected.json` of the named fixtures (all without names) from what the program reads. Look through the
 * difference before it is committed; `deno task oracle` asks the real neomodel whether it is right.
 */
import { expectedText, FIXTURES, readFixture } from "../tests/fixture.ts";
import { join } from "../lib/path.ts";

const names = Deno.args.length > 0
  ? Deno.args
  : [...Deno.readDirSync(FIXTURES)].map((entry) => entry.name).sort();
for (const name of names) {
  const path = join(FIXTURES, name, "expected.json");
  const text = expectedText(readFixture(name));
  if (text !== readIfThere(path)) {
    Deno.writeTextFileSync(path, text);
    console.log(`written: ${path}`);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
