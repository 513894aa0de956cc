/**
 * Takes a run that stopped half-way and a person's decision about it: run it again from its start, for which the rows
 * of its batches are deleted; go on with an operation, those before it taken as done; take it as applied, or as never
 * applied. Shows what is done and what is not. Whatever else the run did (Cypher, transforms) is the person's to look
 * after.
 */
import { buildChain, findRevision } from "./chain.ts";
import { CrochetError } from "./error.ts";
import { foundByUpgrade } from "./graph_journal.ts";
import { type HeldLock, isAtWork, type LockHolder, readLock } from "./graph_lock.ts";
import {
  countLeft,
  deleteLeft,
  finishDowngrade,
  finishUpgrade,
  type GraphRecord,
  readMarks,
  readRecord,
  restartRun,
  skipTo,
} from "./graph_record.ts";
import { describeOperation } from "./operation.ts";
import { makePlan } from "./planner.ts";
import { readRevisions } from "./project.ts";
import { openRepository, stampOf } from "./provenance.ts";
import { reconcile } from "./reconcile.ts";
import { appliedRevision, type JournalEntry, type PartialRun } from "./record.ts";
import type { Revision } from "./revision.ts";
import { underLocks } from "./run_lock.ts";
import type { RunRequest } from "./runner.ts";
import { count } from "./text.ts";

/** What a person decides about a run that stopped. */
export type Resolution =
  | { how: "redo" | "mark-applied" | "mark-reverted" }
  /** Number of the operation that comes next, from 1. */
  | { how: "skip-to"; operation: number };

/** What was decided about. */
export interface Resolved {
  run: PartialRun;
  /** Rows of the run's batches: deleted by "redo", still there after "mark-reverted". */
  left: { nodes: number; relationships: number };
}

/** A run that stopped, beside its file as it is now. */
export interface Stopped {
  run: PartialRun;
  /** Path of the file; undefined where it is not here. */
  file?: string;
  /** Was the file changed since the run began? */
  changed: boolean;
  /** Set where it has not stopped: who works at it. */
  holder?: LockHolder;
  operations: StoppedOperation[];
  /** Number of the first operation that is not done. */
  next: number;
  /** Why the file may ask for more. */
  incomplete?: string;
}

/** An operation of a run that stopped. */
export interface StoppedOperation {
  number: number;
  state: JournalEntry["state"] | "failed" | "not begun";
  /** What ran, or what the file asks for. */
  text: string;
  chunks?: JournalEntry["chunks"];
  /** What the file asks for now, where that is something else. */
  now?: string;
}

type ResolveRequest = Omit<RunRequest, "direction">;

/** What is done of a run and what is not; changes nothing. @throws CrochetError UNKNOWN_REVISION where none stopped */
export async function readStopped(request: ResolveRequest, revisionId: string): Promise<Stopped> {
  const { project, ledger, graph } = request;
  const { record } = await reconcile(ledger, graph, project);
  const run = stoppedRun(record, revisionId);
  const revision = readRevisions(project).find((candidate) => candidate.revisionId === revisionId);
  const asked = revision ? await askedFor(request, revision, run) : { texts: [] };
  const known = new Map(run.journal.map((entry) => [entry.number, entry]));
  const last = Math.max(asked.texts.length, ...known.keys(), run.failedText ? run.failedAt ?? 0 : 0);
  const operations = Array.from({ length: last }, (_, i): StoppedOperation => {
    const entry = known.get(i + 1);
    const text = asked.texts[i];
    const failed = run.failedAt === i + 1 && run.failedText;
    const ran = entry ?? (failed ? { number: i + 1, state: "failed" as const, text: failed } : undefined);
    if (!ran) return { number: i + 1, state: "not begun", text: text ?? "nothing to do in the graph" };
    return { ...ran, ...(text !== undefined && text !== ran.text && { now: text }) };
  });
  const holder = await readLock(graph);
  return {
    run,
    ...(holder && isAtWork(holder) && { holder }),
    ...(revision && { file: revision.file }),
    changed: revision !== undefined && revision.digest !== run.digest,
    operations,
    next: operations.find(({ state }) => state !== "done")?.number ?? operations.length + 1,
    ...(asked.incomplete && { incomplete: asked.incomplete }),
  };
}

/** What the file asks for now, where what is done answers as it did. */
async function askedFor(
  request: ResolveRequest,
  revision: Revision,
  run: PartialRun,
): Promise<{ texts: string[]; incomplete?: string }> {
  const { graph } = request;
  const marks = await readMarks(graph, run.revisionId, run.direction);
  try {
    const { plan: { revisions: [planned] } } = await makePlan({
      ...request,
      revisions: [revision],
      direction: run.direction,
      acceptLoss: new Set([run.revisionId]),
      begun: { revisionId: run.revisionId, marks, skip: run.skip ?? 0 },
    });
    return { texts: planned.operations.map(({ source }) => describeOperation(source)), ...planned };
  } catch (error) {
    if (!(error instanceof CrochetError)) throw error;
    return { texts: [], incomplete: error.message };
  }
}

function stoppedRun({ partial }: GraphRecord, revisionId: string): PartialRun {
  if (partial?.revisionId === revisionId) return partial;
  throw new CrochetError("UNKNOWN_REVISION", `No run of "${revisionId}" has stopped half-way`, {
    hint: partial ? `"${partial.revisionId}" has` : "crochet status shows the state",
  });
}

/** Carries out a person's decision about a run that stopped half-way. @throws CrochetError UNKNOWN_REVISION where none did */
export async function resolveRun(
  request: ResolveRequest,
  revisionId: string,
  resolution: Resolution,
): Promise<Resolved> {
  const { project, ledger, graph } = request;
  stoppedRun((await reconcile(ledger, graph, project)).record, revisionId);
  return await underLocks({ ...request, command: "resolve" }, async (lock) => {
    const record = await readRecord(graph);
    const run = stoppedRun(record, revisionId);
    const graphId = record.graphId!;
    if (resolution.how === "skip-to") await checkSkip(request, revisionId, resolution.operation);
    const left = await carryOut(request, lock, record, run, resolution);
    const after = await readRecord(graph);
    const before = new Set(ledger.applied(graphId).map((known) => known.revisionId));
    ledger.transaction(() => {
      ledger.addEvent(graphId, "resolved", revisionId, { ...resolution });
      const now = after.revisions.find((known) => known.revisionId === revisionId);
      if (now && !before.has(revisionId)) ledger.addApplied(graphId, now, "applied");
      for (const id of [revisionId, ...run.takes ?? []]) {
        if (!now && before.has(id)) ledger.removeApplied(graphId, id, "reverted");
      }
      ledger.setPartial(graphId, after.partial, "noted");
      ledger.setBatches(graphId, after.batches);
    });
    return { run, left };
  });
}

/** A run goes on with the first operation that is not done, or behind it; never with one that is done. */
async function checkSkip(request: ResolveRequest, revisionId: string, wanted: number): Promise<void> {
  const { operations, next, incomplete } = await readStopped(request, revisionId);
  const last = incomplete ? Infinity : operations.length + 1;
  if (wanted >= next && wanted <= last) return;
  throw new CrochetError(
    "USAGE",
    wanted < next
      ? `Operation ${wanted} of "${revisionId}" is done, and would be done twice`
      : `"${revisionId}" has ${
        count(operations.length, "operation")
      }, and cannot go on with operation ${wanted}`,
    {
      hint: `--skip-to ${next} is the next one; --redo runs it from its start, ` +
        `--mark-applied takes it as applied`,
    },
  );
}

async function carryOut(
  { project, graph, runner }: ResolveRequest,
  { token }: HeldLock,
  record: GraphRecord,
  run: PartialRun,
  resolution: Resolution,
): Promise<Resolved["left"]> {
  const { revisionId } = run;
  const ids = record.batches.filter((batch) => batch.revisionId === revisionId).map(({ batchId }) => batchId);
  const isUpgrade = run.direction === "upgrade";
  const nothing = { nodes: 0, relationships: 0 };
  switch (resolution.how) {
    case "redo": {
      const left = isUpgrade ? await countLeft(graph, revisionId, ids) : nothing;
      if (isUpgrade) await deleteLeft(graph, token, revisionId, ids);
      await restartRun(graph, token, revisionId);
      return left;
    }
    case "skip-to": {
      const revision = findRevision(buildChain(readRevisions(project)), revisionId);
      const skip = resolution.operation - 1;
      await skipTo(graph, token, { revisionId, digest: revision.digest, skip });
      return nothing;
    }
    case "mark-applied": {
      const revision = findRevision(buildChain(readRevisions(project)), revisionId);
      const by = {
        appliedBy: `${runner.user}@${runner.host}`,
        crochetVersion: runner.version,
        adopted: isUpgrade ? await foundByUpgrade(graph, run) : [],
        git: stampOf(await openRepository(project), revision),
      };
      await finishUpgrade(graph, token, appliedRevision(revision, by));
      return nothing;
    }
    case "mark-reverted": {
      const left = isUpgrade ? await countLeft(graph, revisionId, ids) : nothing;
      await finishDowngrade(graph, token, [revisionId, ...run.takes ?? []]);
      return left;
    }
  }
}
