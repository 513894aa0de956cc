/**
 * Commands about the scratch server.
 */
import { type Context, folder, project } from "./command.ts";
import { CrochetError, EXIT } from "./error.ts";
import { join, resolve } from "./path.ts";
import { exists } from "./project.ts";
import { serverStatus, startServer, stopServer } from "./server.ts";

function serverHome(context: Context): string {
  if (context.options.home) return resolve(folder(context), context.options.home);
  let root = folder(context);
  try {
    root = project(context).root;
  } catch (error) {
    if (!(error instanceof CrochetError) || error.code !== "NO_PROJECT") throw error;
  }
  return join(root, ".crochet", "neo4j");
}

/** Starts the scratch server. */
export async function commandDevUp(context: Context): Promise<number> {
  const { options, print, io } = context;
  const server = await startServer({
    home: serverHome(context),
    version: options.neo4j,
    boltPort: options.port,
    // Who chooses a port has another server at the usual ones.
    ...(options.port !== undefined && { httpPort: 0 }),
    log: (line) => print.say(line),
    signal: io.endInOrder?.(),
  });
  print.result(server, [
    `export CROCHET_NEO4J_URI=${server.uri}`,
    `export CROCHET_NEO4J_USERNAME=${server.username}`,
    `export CROCHET_NEO4J_PASSWORD=${server.password}`,
  ]);
  print.say(
    `Neo4j ${server.version} runs; the lines above connect a shell to it, and crochet dev down stops it`,
  );
  return EXIT.ok;
}

/** Stops the scratch server. */
export async function commandDevDown(context: Context): Promise<number> {
  const home = serverHome(context);
  const stopped = await stopServer(home, { log: (line) => context.print.say(line) });
  context.print.result({ stopped }, [stopped ? "Stopped." : "No scratch server runs here."]);
  return EXIT.ok;
}

/** Tells whether the scratch server runs. */
export async function commandDevStatus(context: Context): Promise<number> {
  const home = serverHome(context);
  const status = exists(home) ? await serverStatus(home) : { state: "stopped" as const };
  const line = status.state === "stopped"
    ? "stopped"
    : `${status.state}: Neo4j ${status.server.version} at ${status.server.uri}`;
  context.print.result(status, [line]);
  return status.state === "running" ? EXIT.ok : EXIT.no;
}
