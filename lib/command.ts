/**
 * Takes what every command needs (the folder, the project, its ledger, its graph, who runs) and gives it, opened and
 * closed again. What a command does stands in the rooms beside this one.
 */
import type { Overrides } from "./config.ts";
import { connectGraph, type Graph } from "./graph.ts";
import { Ledger } from "./ledger.ts";
import { resolve } from "./path.ts";
import type { Io, Printer } from "./print.ts";
import { openProject, type Project } from "./project.ts";
import type { Runner } from "./runner.ts";
import { VERSION } from "./version.ts";
import { userInfo } from "node:os";

/** Options that every command has. */
export interface Common {
  json?: boolean;
  debug?: boolean;
  quiet?: boolean;
  env?: string;
  directory?: string;
}

/** What a command works with. */
export interface Context {
  io: Io;
  print: Printer;
  options: Common & Record<string, never>;
}

/** A command: what it does with its words, and its exit code. */
export type Action = (context: Context, ...args: string[]) => Promise<number> | number;

/** What the command line and the environment override. */
export function overrides({ io, options }: Context): Overrides {
  return { variables: io.variables, environment: options.env };
}

/** The folder that the command works in. */
export function folder({ io, options }: Context): string {
  return resolve(io.cwd, options.directory ?? ".");
}

/** The project of that folder. */
export function project(context: Context): Project {
  return openProject(folder(context), overrides(context));
}

/** Who runs. */
export function runner({ io }: Context): Runner {
  return {
    user: userName(io),
    host: Deno.hostname(),
    pid: Deno.pid,
    version: VERSION,
  };
}

/** The user's name, where there is one. */
export function userName(io: Io): string {
  if (io.variables.USER ?? io.variables.USERNAME) return (io.variables.USER ?? io.variables.USERNAME)!;
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user without a name.
    return "unknown";
  }
}

/** Opens the project's ledger for a piece of work, and closes it; `toRead` goes where it cannot be written. */
export async function withLedger<T>(
  found: Project,
  work: (ledger: Ledger) => Promise<T>,
  toRead = false,
): Promise<T> {
  const ledger = toRead ? await Ledger.openToRead(found.ledger) : await Ledger.open(found.ledger);
  try {
    return await work(ledger);
  } finally {
    ledger.close();
  }
}

/** Connects to the project's graph for a piece of work, and closes the connection. */
export async function withGraph<T>(found: Project, work: (graph: Graph) => Promise<T>): Promise<T> {
  const graph = await connectGraph(found.settings.graph, VERSION);
  try {
    return await work(graph);
  } finally {
    await graph.close();
  }
}
