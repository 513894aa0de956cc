/**
 * Takes a project, a ledger and a connected graph and brings the graph up or down the chain: reconcile, plan, lock,
 * then revision by revision. Intent is written before the deed and the result after it, in the graph and in the
 * ledger. A run that stops half-way says what is applied, what failed and what was not started.
 */
import { buildChain, type Chain } from "./chain.ts";
import { CrochetError, messageOf } from "./error.ts";
import type { Graph } from "./graph.ts";
import { type CatalogObject, readCatalog } from "./graph_catalog.ts";
import type { HeldLock } from "./graph_lock.ts";
import { catalogKeys, OperationRunner } from "./graph_operations.ts";
import {
  beginRun,
  finishDowngrade,
  finishUpgrade,
  type GraphRecord,
  noteFailure,
  prepareRecord,
  readRecord,
} from "./graph_record.ts";
import type { Ledger } from "./ledger.ts";
import { renderSnapshot } from "./ir.ts";
import { askMigration } from "./migration.ts";
import { describeOperation } from "./operation.ts";
import type { Plan } from "./plan.ts";
import { makePlan, refuseRun } from "./planner.ts";
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
import {
  checkFiles,
  checkTarget,
  type Direction,
  refuseOtherDirection,
  selectRevisions,
} from "./selection.ts";

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
  const begun = record.partial?.revisionId;
  const result = await makePlan({ ...request, revisions, acceptLoss, adopted, begun, counts: true });
  refuseRun(result.refusals);
  return { plan: result.plan, lines };
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
  let selection = await select(request);
  const nothing: RunResult = { direction, done: [], notStarted: [], lines: selection.lines };
  if (selection.revisions.length === 0) return nothing;
  const { plan, refusals } = await makePlan({
    ...request,
    revisions: selection.revisions,
    adopted: adoptedBy(selection.record.revisions),
    acceptLoss: request.acceptLoss ?? new Set(),
    begun: selection.record.partial?.revisionId,
  });
  refuseRun(refusals);
  for (const text of plan.warnings) request.report?.({ type: "line", text });
  const graphId = await prepareRecord(graph);
  const say = (text: string) => request.report?.({ type: "line", text });
  return await underLocks({ ...request, command: direction, say }, async (lock) => {
    const planned = selection.revisions;
    const lines = selection.lines;
    // Between the plan and the lock another run may have come and gone.
    selection = await select(request);
    lines.push(...selection.lines.filter((line) => !lines.includes(line)));
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

async function select(request: RunRequest): Promise<Selection> {
  const { project, ledger, graph, direction, target } = request;
  const chain = buildChain(readRevisions(project));
  checkTarget(chain, direction, target);
  const { record: found, lines } = await reconcile(ledger, graph, project.settings.graph.environment);
  const record = { ...found, revisions: foldReplaced(chain.revisions, found.revisions) };
  checkFiles(chain, record.revisions);
  refuseOtherDirection(record.partial, direction);
  const revisions = selectRevisions(chain, record.revisions, direction, target);
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
    if (madeIndex) await graph.read("CALL db.awaitIndexes(300)");
  } finally {
    sandbox.close();
  }
  return result;
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
      done: [],
      ...(direction === "downgrade" && revision.replaces.length > 0 &&
        { takes: revision.replaces.map((part) => part.id) }),
    };
    report({ type: "begin", revisionId, direction, resumed: earlier !== undefined });
    const ir = readSnapshot(project, revision);
    ledger.transaction(() => {
      ledger.setPartial(this.graphId, partial);
      ledger.addEvent(this.graphId, "begin", revisionId, { direction, digest });
    });
    await beginRun(graph, lock.token, partial);
    const operations = new OperationRunner({
      graph,
      token: lock.token,
      checkHeld: () => this.checkHeld(),
      revisionId,
      direction,
      ir,
      before: new Set(partial.before),
      adoptedEarlier: new Set(
        record.revisions.find((applied) => applied.revisionId === revisionId)?.adopted ?? [],
      ),
      catalog,
      note: (text) => report({ type: "line", text: `${revisionId}: ${text}` }),
    }, earlier?.done ?? []);
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
        ledger.setPartial(this.graphId, undefined);
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
      ledger.setPartial(this.graphId, undefined);
      ledger.setBatches(this.graphId, batches);
    });
  }

  /** The failure is a state that others can see; where the graph is out of reach, the ledger has it alone. */
  private async noteFailure(partial: PartialRun, operations: OperationRunner, error: unknown): Promise<void> {
    const { graph, ledger } = this.request;
    const failure = { error: messageOf(error), failedAt: operations.count, done: operations.done };
    ledger.transaction(() => {
      ledger.setPartial(this.graphId, { ...partial, ...failure });
      ledger.addEvent(this.graphId, "failed", partial.revisionId, {
        error: failure.error,
        failedAt: failure.failedAt,
      });
    });
    const unreachable = error instanceof CrochetError &&
      ["CONNECTION_FAILED", "LOCK_LOST"].includes(error.code);
    if (!unreachable) await noteFailure(graph, this.lock.token, partial.revisionId, failure).catch(() => {});
  }
}
