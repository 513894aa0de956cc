/** Starts, stops or asks for the repository's own scratch Neo4j: `deno task neo4j start|stop|status [version]`. */
import { main } from "../lib/cli.ts";

const [verb, version] = Deno.args;
const words: Record<string, string[]> = {
  start: ["dev", "up", ...(version ? ["--neo4j", version] : [])],
  stop: ["dev", "down"],
  status: ["dev", "status"],
};
if (!words[verb]) {
  console.error("usage: deno task neo4j start|stop|status [version]");
  Deno.exit(2);
}
Deno.exit(
  await main([...words[verb], "--home", ".crochet/neo4j"], {
    stdout: (text) => console.log(text.trimEnd()),
    stderr: (text) => console.error(text.trimEnd()),
    isTerminal: Deno.stderr.isTerminal(),
    variables: {},
    cwd: Deno.cwd(),
  }),
);
