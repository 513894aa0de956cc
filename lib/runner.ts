/**
 * Takes a project, a ledger and a connected graph and brings the graph up or down the chain: reconcile, plan, lock,
 * then revision by revision. Intent is written before the deed and the result after it, in the graph and in the
 * ledger. A run that stops half-way says what is applied, what failed and what was not started.
 */
import { buildChain, type Chain, findRevision } from "./chain.ts";
import { CrochetError, messageOf } from "./error.ts";
import type { Graph } from "./graph.ts";
import { type CatalogObject, readCatalog } from "./graph_catalog.ts";
import { type HeldLock, isAtWork, readLock } from "./graph_lock.ts";
import { foundByUpgrade } from "./graph_journal.ts";
import { catalogKeys, OperationRunner } from "./graph_operations.ts";
import {
  beginRun,
  finishDowngrade,
  finishUpgrade,
  type GraphRecord,
  noteFailure,
  prepareRecord,
  readMarks,
  readRecord,
  turnBack,
} from "./graph_record.ts";
import type { Ledger } from "./ledger.ts";
import { renderSnapshot } from "./ir.ts";
import { askMigration } from "./migration.ts";
import { describeOperation } from "./operation.ts";
import type { Plan } from "./plan.ts";
import { type Begun, makePlan, refuseRun } from "./planner.ts";
import { type Project, readRevisions, readSnapshot } from "./project.ts";
import { reconcile } from "./reconcile.ts";
import { openRepository, requireClean, stampOf } from "./provenance.ts";
import {
  type AppliedRevision,
  appliedRevision,
  foldReplaced,
  type GitCommit,
  type PartialRun,
} from "./record.ts";
import type { Revision } from "./revision.ts";
import { underLocks } from "./run_lock.ts";
import { Sandbox } from "./sandbox.ts";
import { checkFiles, checkTarget, type Direction, firstUnfinished, selectRevisions } from "./selection.ts";

/** What a run tells while it works. */
export type RunEvent =
  | { type: "line"; text: string }
  | { type: "begin"; revisionId: string; direction: Direction; resumed: boolean }
  | { type: "operation"; revisionId: string; number: number; text: string }
  | { type: "done"; revisionId: string; direction: Direction };

/** Who runs. */
export interface Runner {
  user: string;
  host: string;
  pid: number;
  version: string;
}

/** What to run. */
export interface RunRequest {
  project: Project;
  ledger: Ledger;
  graph: Graph;
  runner: Runner;
  direction: Direction;
  target?: string;
  /** Revisions whose losses a person accepted. */
  acceptLoss?: ReadonlySet<string>;
  /** Values of `{{ name }}` and of `ctx.params`. */
  params?: Readonly<Record<string, unknown>>;
  /** Refuse revisions that are not committed in Git as they are. */
  requireClean?: boolean;
  report?(event: RunEvent): void;
  /** How long to wait for another run that holds the lock, in milliseconds. */
  lockTimeoutMs?: number;
  /** Stops the run before its next write. */
  signal?: AbortSignal;
}

/** How a run ended. */
export interface RunResult {
  direction: Direction;
  done: string[];
  failed?: { revisionId: string; operation?: number; error: CrochetError };
  notStarted: string[];
  lines: string[];
}

/** The revisions that a run would touch, in order. */
interface Selection {
  chain: Chain;
  record: GraphRecord;
  revisions: Revision[];
  lines: string[];
  /** Where the working copy stands in Git; undefined without a repository. */
  stamp(revision: Revision): GitCommit | undefined;
}

/** What would run, without running it. @throws CrochetError PREFLIGHT_FAILED and what planning throws */
export async function planRun(request: RunRequest): Promise<{ plan: Plan; lines: string[] }> {
  const { revisions, lines, record } = await select(request);
  const acceptLoss = request.acceptLoss ?? new Set<string>();
  const adopted = adoptedBy(record.revisions);
  const begun = await readBegun(request.graph, record.partial);
  const result = await makePlan({ ...request, revisions, acceptLoss, adopted, begun, counts: true });
  refuseRun(result.refusals);
  return { plan: result.plan, lines };
}

async function readBegun(graph: Graph, partial: PartialRun | undefined): Promise<Begun | undefined> {
  if (!partial) return undefined;
  const { revisionId, direction, skip = 0 } = partial;
  return { revisionId, skip, marks: await readMarks(graph, revisionId, direction) };
}

function adoptedBy(applied: AppliedRevision[]): Map<string, readonly string[]> {
  return new Map(applied.map((revision) => [revision.revisionId, revision.adopted]));
}

/** What would run by the ledger's word, without a server. */
export async function planOffline(request: Omit<RunRequest, "graph">): Promise<Plan> {
  const { project, ledger, direction, target } = request;
  const chain = buildChain(readRevisions(project));
  const applied = foldReplaced(
    chain.revisions,
    ledger.ofEnvironment(project.settings.graph.environment).applied,
  );
  checkFiles(chain, applied);
  const revisions = selectRevisions(chain, applied, direction, target);
  if (request.requireClean) requireClean(await openRepository(project), revisions);
  const result = await makePlan({
    ...request,
    graph: undefined,
    adopted: adoptedBy(applied),
    revisions,
    acceptLoss: request.acceptLoss ?? new Set(),
  });
  refuseRun(result.refusals);
  return result.plan;
}

/** Runs. Failures of a revision are in the result; what is refused before anything ran is thrown. */
export async function run(request: RunRequest): Promise<RunResult> {
  const { graph, ledger, project, direction } = request;
  const say = (text: string) => request.report?.({ type: "line", text });
  let selection = await select(request).catch(async (error) => {
    if (!(error instanceof CrochetError) || error.code !== "RESUME_REFUSED") throw error;
    // What looks like a run that stopped may be one that is under way: that one is named, or waited for.
    const holder = await readLock(graph);
    if (!holder || !isAtWork(holder)) throw error;
    await underLocks({ ...request, command: direction, say }, () => Promise.resolve());
    return await select(request);
  });
  const nothing: RunResult = { direction, done: [], notStarted: [], lines: selection.lines };
  selection.lines.forEach(say);
  if (selection.revisions.length === 0) return nothing;
  const { plan, refusals } = await makePlan({
    ...request,
    revisions: selection.revisions,
    adopted: adoptedBy(selection.record.revisions),
    acceptLoss: request.acceptLoss ?? new Set(),
    begun: await readBegun(graph, selection.record.partial),
  });
  refuseRun(refusals);
  plan.warnings.forEach(say);
  const graphId = await prepareRecord(graph);
  return await underLocks({ ...request, command: direction, say }, async (lock) => {
    const planned = selection.revisions;
    const lines = selection.lines;
    // Between the plan and the lock another run may have come and gone.
    selection = await select(request);
    const news = selection.lines.filter((line) => !lines.includes(line));
    news.forEach(say);
    lines.push(...news);
    const rest = selection.revisions.filter((revision) =>
      planned.some((other) => other.digest === revision.digest)
    );
    ledger.rememberGraph({
      graphId,
      address: graph.address,
      databaseId: graph.info.databaseId,
      environment: project.settings.graph.environment,
    });
    const result = await runAll(request, graphId, lock, selection, rest, lines);
    // A connection that did not come back while the write was tried again will not come back now.
    if (result.failed?.error.code === "CONNECTION_FAILED") lock.abandon();
    return result;
  });
}

/** Takes an upgrade that stopped half-way back: its downgrade undoes what there is, and nothing was ever applied. */
export async function rollBack(request: RunRequest, revisionId: string): Promise<RunResult> {
  const { graph, ledger, project } = request;
  const { record } = await reconcile(ledger, graph, project);
  const revision = findRevision(buildChain(readRevisions(project)), revisionId);
  if (!revision.rollbackSafe) throw unsafeRollback(revision);
  if (!record.partial?.rollback) {
    const say = (text: string) => request.report?.({ type: "line", text });
    await underLocks(
      { ...request, command: "resolve", say },
      (lock) => turnBack(graph, lock.token, revisionId),
    );
  }
  return await run({ ...request, direction: "downgrade", target: undefined });
}

function unsafeRollback(revision: Revision): CrochetError {
  return new CrochetError(
    "ROLLBACK_UNSAFE",
    `"${revision.revisionId}" is not rollback-safe, so its downgrade cannot take it back`,
    {
      at: { file: revision.file },
      hint: `go on with it (--redo, --skip-to), or clean the graph by hand and take it as never applied: ` +
        `crochet resolve ${revision.revisionId} --mark-reverted`,
    },
  );
}

function unfinished(revisionId: string, direction: Direction): CrochetError {
  return new CrochetError(
    "RESUME_REFUSED",
    `The ${direction} of "${revisionId}" stopped half-way, and must be finished first`,
    { hint: `crochet ${direction} --target ${revisionId}, or decide: crochet resolve ${revisionId}` },
  );
}

async function select(request: RunRequest): Promise<Selection> {
  const { project, ledger, graph, direction, target } = request;
  const chain = buildChain(readRevisions(project));
  checkTarget(chain, direction, target);
  const { record: found, lines } = await reconcile(ledger, graph, project);
  const record = { ...found, revisions: foldReplaced(chain.revisions, found.revisions) };
  checkFiles(chain, record.revisions, record.partial);
  const first = firstUnfinished(chain, record.partial, direction);
  const selected = selectRevisions(chain, record.revisions, direction, target);
  if (first && target !== undefined && direction === "upgrade" && !selected.includes(first)) {
    throw unfinished(first.revisionId, direction);
  }
  // A downgrade without a target finishes what was begun, and no more.
  const rest = first && direction === "downgrade" && target === undefined ? [] : selected;
  const revisions = first ? [first, ...rest.filter((revision) => revision !== first)] : selected;
  const git = await openRepository(project);
  if (request.requireClean) requireClean(git, revisions);
  return { chain, record, revisions, lines, stamp: (revision) => stampOf(git, revision) };
}

async function runAll(
  request: RunRequest,
  graphId: string,
  lock: HeldLock,
  selection: Selection,
  revisions: Revision[],
  lines: string[],
): Promise<RunResult> {
  const { graph } = request;
  const result: RunResult = {
    direction: request.direction,
    done: [],
    notStarted: revisions.map((revision) => revision.revisionId),
    lines,
  };
  const report = (event: RunEvent) => {
    if (event.type === "line") lines.push(event.text);
    request.report?.(event);
  };
  const sandbox = new Sandbox(request.project.settings.timeLimitMs, (text) => report({ type: "line", text }));
  const catalog = await readCatalog(graph);
  let madeIndex = false;
  try {
    for (const revision of revisions) {
      result.notStarted.shift();
      const job = new RevisionJob({ ...request, report }, graphId, lock, sandbox, catalog, selection);
      try {
        await job.run(revision);
        madeIndex ||= job.madeIndex;
        result.done.push(revision.revisionId);
      } catch (error) {
        if (!(error instanceof CrochetError)) throw error;
        error.at ??= { file: revision.file };
        result.failed = {
          revisionId: revision.revisionId,
          ...(job.operation > 0 && { operation: job.operation }),
          error,
        };
        return result;
      }
    }
    if (madeIndex) await whenFilled(graph, request.signal);
  } finally {
    sandbox.close();
  }
  return result;
}

/** Waits until new indexes are filled, unless a person does not want to wait. */
async function whenFilled(graph: Graph, signal?: AbortSignal): Promise<void> {
  try {
    await graph.implicit("CALL db.awaitIndexes(300)", {}, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

/** Constraints and indexes that came and went. */
function changedSince(before: string[], after: string[]): { made: string[]; dropped: string[] } {
  return {
    made: after.filter((key) => !before.includes(key)),
    dropped: before.filter((key) => !after.includes(key)),
  };
}

/** One revision on its way. */
class RevisionJob {
  /** Number of the operation that is under way, from 1. */
  operation = 0;
  madeIndex = false;

  constructor(
    private readonly request: RunRequest & { report(event: RunEvent): void },
    private readonly graphId: string,
    private readonly lock: HeldLock,
    private readonly sandbox: Sandbox,
    private readonly catalog: CatalogObject[],
    private readonly selection: Selection,
  ) {}

  async run(revision: Revision): Promise<void> {
    // Who interrupts before anything of the revision was begun leaves nothing that has to go on.
    this.checkHeld();
    const { request, lock, catalog, selection: { record } } = this;
    const { graph, ledger, direction, project, runner, report } = request;
    const { revisionId, digest } = revision;
    const earlier = record.partial?.revisionId === revisionId ? record.partial : undefined;
    const partial: PartialRun = {
      revisionId,
      direction,
      digest,
      startedAt: new Date().toISOString(),
      startedBy: `${runner.user}@${runner.host}`,
      before: earlier?.before ?? catalogKeys(catalog),
      journal: earlier?.journal ?? [],
      ...(earlier?.skip !== undefined && { skip: earlier.skip }),
      ...(earlier?.rollback && { rollback: true }),
      ...(direction === "downgrade" && revision.replaces.length > 0 &&
        { takes: revision.replaces.map((part) => part.id) }),
    };
    report({ type: "begin", revisionId, direction, resumed: earlier !== undefined });
    const ir = readSnapshot(project, revision);
    ledger.transaction(() => {
      ledger.setPartial(this.graphId, partial, "begin");
    });
    await beginRun(graph, lock.token, partial);
    const operations = new OperationRunner({
      graph,
      token: lock.token,
      checkHeld: () => this.checkHeld(),
      signal: this.request.signal,
      revisionId,
      direction,
      ir,
      before: new Set(partial.before),
      adoptedEarlier: new Set(
        partial.rollback
          ? await foundByUpgrade(graph, partial)
          : record.revisions.find((applied) => applied.revisionId === revisionId)?.adopted,
      ),
      catalog,
      skip: partial.skip,
      note: (text) => report({ type: "line", text: `${revisionId}: ${text}` }),
      log: (head, state) => {
        const { index, text, digest } = head;
        ledger.transaction(() =>
          ledger.addEvent(this.graphId, "operation", revisionId, {
            direction,
            number: index + 1,
            text,
            digest,
            state,
          })
        );
      },
    });
    try {
      await operations.resume();
      await this.ask(revision, operations);
    } catch (error) {
      this.operation = operations.count;
      await this.noteFailure(partial, operations, error);
      throw error;
    }
    this.madeIndex = operations.madeIndex;
    await this.finish(revision, operations, partial.before, renderSnapshot(ir));
    report({ type: "done", revisionId, direction });
  }

  private checkHeld(): void {
    this.lock.check();
    if (this.request.signal?.aborted) {
      throw new CrochetError("INTERRUPTED", "The run was interrupted", {
        hint: `crochet ${this.request.direction} goes on where it stopped`,
      });
    }
  }

  private async ask(revision: Revision, operations: OperationRunner): Promise<void> {
    const { project, direction, report, params = {} } = this.request;
    await askMigration(
      { project, revision, direction, sandbox: this.sandbox, params, turn: 1 },
      (operation) => {
        report({
          type: "operation",
          revisionId: revision.revisionId,
          number: operations.count + 1,
          text: describeOperation(operation),
        });
        return operations.perform(operation);
      },
    );
  }

  private async finish(
    revision: Revision,
    operations: OperationRunner,
    before: string[],
    snapshot: string,
  ): Promise<void> {
    const { graph, ledger, direction, runner } = this.request;
    const { revisionId } = revision;
    if (direction === "downgrade") {
      const ids = [revisionId, ...revision.replaces.map((part) => part.id)];
      await finishDowngrade(graph, this.lock.token, ids);
      ledger.transaction(() => {
        for (const id of ids) ledger.removeApplied(this.graphId, id, "reverted");
        ledger.setPartial(this.graphId, undefined, "noted");
      });
      return;
    }
    const applied = appliedRevision(revision, {
      appliedBy: `${runner.user}@${runner.host}`,
      crochetVersion: runner.version,
      adopted: [...operations.adopted],
      ...changedSince(before, catalogKeys(this.catalog)),
      git: this.selection.stamp(revision),
    });
    const appliedAt = await finishUpgrade(graph, this.lock.token, applied);
    const { batches } = await readRecord(graph);
    ledger.transaction(() => {
      ledger.addSnapshot(revision.schemaHash, snapshot);
      ledger.addApplied(this.graphId, { ...applied, appliedAt }, "applied");
      ledger.setPartial(this.graphId, undefined, "noted");
      ledger.setBatches(this.graphId, batches);
    });
  }

  /** The failure is a state that others can see; where the graph is out of reach, the ledger has it alone. */
  private async noteFailure(partial: PartialRun, operations: OperationRunner, error: unknown): Promise<void> {
    const { graph, ledger } = this.request;
    const failure = {
      error: messageOf(error),
      failedAt: operations.count,
      failedText: operations.current,
    };
    const unreachable = error instanceof CrochetError &&
      ["CONNECTION_FAILED", "LOCK_LOST"].includes(error.code);
    if (!unreachable) await noteFailure(graph, this.lock.token, partial.revisionId, failure).catch(() => {});
    try {
      ledger.transaction(() => ledger.setPartial(this.graphId, { ...partial, ...failure }, "failed"));
    } catch {
      // Where it is the ledger that failed, the graph has it alone, and the first error is the one to show.
    }
  }
}
