/**
 * Takes a file of Cypher or TypeScript and runs it once, under the lock, without a record: for a look, or for a repair.
 * What only reads needs no lock. Nothing of it can be reverted, and the next run knows nothing of it.
 */
import { bindParameters, readStatements, sectionMarks, statementKind } from "./cypher_text.ts";
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { readCatalog } from "./graph_catalog.ts";
import { OperationRunner } from "./graph_operations.ts";
import { dropRun, prepareRecord } from "./graph_record.ts";
import type { SchemaIr } from "./ir.ts";
import { type Operation, OPERATIONS, parseOperation } from "./operation.ts";
import { basename, dirname } from "./path.ts";
import { type Project, readText } from "./project.ts";
import { underLocks } from "./run_lock.ts";
import type { Runner } from "./runner.ts";
import { compileMigration, Sandbox } from "./sandbox.ts";

/** What to run. */
export interface RunOnceRequest {
  project: Project;
  graph: Graph;
  runner: Runner;
  lockTimeoutMs?: number;
  signal?: AbortSignal;
  /** Absolute path. */
  path: string;
  params: Readonly<Record<string, unknown>>;
  /** The schema that the graph has: unique properties are the default keys of relationships. */
  ir: SchemaIr;
  timeLimitMs: number;
  talk(line: string): void;
}

/** An operation that ran, and what it gave. */
export interface RanOnce {
  operation: string;
  result: unknown;
}

/** Runs the file. @throws CrochetError USAGE, REVISION_INVALID, and what its operations throw */
export async function runOnce(request: RunOnceRequest): Promise<RanOnce[]> {
  const { path, graph } = request;
  if (!/\.(cypher|ts)$/.test(path)) {
    throw new CrochetError("USAGE", `"${basename(path)}" is neither .cypher nor .ts`, {
      hint: "crochet run look.cypher",
    });
  }
  const text = readText(path);
  if (path.endsWith(".ts")) return await runTypescript(request, text);
  const operations = cypherOperations(request, text);
  const isRead = operations.every((operation) =>
    operation.kind === "cypher" && statementKind(operation.cypher) === "read"
  );
  if (!isRead) return await underLock(request, (perform) => performAll(operations, perform));
  const found: RanOnce[] = [];
  for (const operation of operations) {
    if (operation.kind !== "cypher") continue;
    found.push({ operation: operation.cypher, result: await graph.read(operation.cypher, operation.params) });
  }
  return found;
}

function cypherOperations({ path, params }: RunOnceRequest, text: string): Operation[] {
  if (sectionMarks(text).length > 0) {
    throw new CrochetError("USAGE", `"${basename(path)}" is a migration: it has sections`, {
      at: { file: basename(path) },
      hint: "crochet upgrade applies it and records that",
    });
  }
  return readStatements(text.replaceAll("\r\n", "\n")).map((statement) => {
    const { cypher, params: used } = bindParameters(statement, params, basename(path));
    return parseOperation("runCypher", [cypher, used]);
  });
}

type Perform = (operation: Operation) => Promise<unknown>;

async function performAll(operations: Operation[], perform: Perform): Promise<void> {
  for (const operation of operations) await perform(operation);
}

async function runTypescript(request: RunOnceRequest, text: string): Promise<RanOnce[]> {
  const { path, params, timeLimitMs, talk } = request;
  const sandbox = new Sandbox(timeLimitMs, talk);
  try {
    const migration = await compileMigration({
      root: dirname(path),
      folder: dirname(path),
      file: basename(path),
      text,
      turn: 3,
    });
    await sandbox.load(migration, ["run"]);
    return await underLock(request, (perform, id) =>
      sandbox.run(migration, {
        direction: "run",
        operations: [...OPERATIONS.keys()],
        revision: { revisionId: id, batch: `${id}:1`, params },
      }, (name, args) => perform(parseOperation(name, args))));
  } finally {
    sandbox.close();
  }
}

/** Runs operations exactly once each; the marks that this needs go when it ends. */
async function underLock(
  request: RunOnceRequest,
  work: (perform: Perform, id: string) => Promise<void>,
): Promise<RanOnce[]> {
  const { graph, ir, talk } = request;
  await prepareRecord(graph);
  const id = `run-${crypto.randomUUID().slice(0, 8)}`;
  const found: RanOnce[] = [];
  return await underLocks({ ...request, command: "run", say: talk }, async (lock) => {
    try {
      const operations = new OperationRunner({
        graph,
        token: lock.token,
        checkHeld: () => lock.check(),
        revisionId: id,
        direction: "upgrade",
        ir,
        before: new Set(),
        adoptedEarlier: new Set(),
        catalog: await readCatalog(graph),
        note: talk,
        untagged: true,
      });
      await work(async (operation) => {
        const result = await operations.perform(operation);
        found.push({ operation: operation.kind === "cypher" ? operation.cypher : operation.name, result });
        return result;
      }, id);
      return found;
    } finally {
      await dropRun(graph, lock.token, "run-").catch(() => {/* the lock may be lost */});
    }
  });
}
