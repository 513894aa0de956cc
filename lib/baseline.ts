/**
 * Takes a project and a graph that lives already and records the starting revision without running it. What is there
 * is adopted, so that a downgrade leaves it; what differs is listed, and drafted by `crochet drift --fix`.
 */
import { ancestorsOf, buildChain, findRevision } from "./chain.ts";
import { draftMigration } from "./draft.ts";
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { readCatalog } from "./graph_catalog.ts";
import { findShape } from "./graph_operations.ts";
import { prepareRecord, recordRevisions } from "./graph_record.ts";
import type { Ledger } from "./ledger.ts";
import { collectOperations } from "./migration.ts";
import type { Operation } from "./operation.ts";
import { type Project, readRevisions } from "./project.ts";
import { openRepository, stampOf } from "./provenance.ts";
import { reconcile } from "./reconcile.ts";
import { type AppliedRevision, appliedRevision } from "./record.ts";
import type { Revision } from "./revision.ts";
import { underLocks } from "./run_lock.ts";
import type { Runner } from "./runner.ts";
import { Sandbox } from "./sandbox.ts";
import { shapeKey } from "./schema.ts";
import { count } from "./text.ts";

/** What to record. */
export interface BaselineRequest {
  project: Project;
  ledger: Ledger;
  graph: Graph;
  runner: Runner;
  /** The last revision that the graph has already; the head without it. */
  target?: string;
}

/** What was recorded. */
export interface Baseline {
  /** Files of the first migration, where it was drafted. */
  drafted: string[];
  recorded: string[];
  /** How many constraints and indexes were there already. */
  adopted: number;
  /** Operations on data that were not run, in words. */
  notRun: string[];
}

/** Records revisions as applied without running them. @throws CrochetError PREFLIGHT_FAILED where the graph has a record */
export async function recordBaseline(request: BaselineRequest): Promise<Baseline> {
  const { project, ledger, graph, target } = request;
  const { record } = await reconcile(ledger, graph, project);
  if (record.revisions.length > 0 || record.partial) {
    throw new CrochetError(
      "PREFLIGHT_FAILED",
      `The graph has a record already: ${count(record.revisions.length, "revision")} applied`,
      { hint: "a baseline is for a graph that Crochet does not know yet; crochet status shows the record" },
    );
  }
  let drafted: string[] = [];
  if (readRevisions(project).length === 0) {
    const draft = draftMigration(project, {
      description: "baseline",
      language: "ts",
      empty: true,
      unsafe: false,
      renames: [],
    });
    drafted = draft.files;
  }
  const chain = buildChain(readRevisions(project));
  const last = target === undefined ? chain.head! : findRevision(chain, target);
  const wanted = ancestorsOf(chain.revisions, last.revisionId);
  const revisions = chain.revisions.filter((revision) => wanted.has(revision.revisionId));
  const result = await recordApplied(request, revisions, "baseline");
  return { drafted, ...result };
}

/**
 * Writes revisions into the record as applied, all at once. What their operations would make and is there is adopted.
 * @throws CrochetError PREFLIGHT_FAILED where the graph has a record
 */
export async function recordApplied(
  request: Omit<BaselineRequest, "target">,
  revisions: Revision[],
  how: "baseline" | "adopted",
): Promise<Omit<Baseline, "drafted">> {
  const { project, ledger, graph, runner } = request;
  const result = {
    recorded: revisions.map(({ revisionId }) => revisionId),
    adopted: 0,
    notRun: [] as string[],
  };
  const git = await openRepository(project);
  const catalog = await readCatalog(graph);
  const by = { appliedBy: `${runner.user}@${runner.host} (${how})`, crochetVersion: runner.version };
  const records: Omit<AppliedRevision, "appliedAt">[] = [];
  const sandbox = new Sandbox(project.settings.timeLimitMs);
  try {
    for (const revision of revisions) {
      const adopted: string[] = [];
      for (const operation of await operationsOf(project, revision, sandbox)) {
        if (
          operation.kind === "schema" && operation.action === "add" && findShape(catalog, operation.shape)
        ) {
          adopted.push(shapeKey(operation.shape));
        } else if (operation.kind !== "schema" && operation.kind !== "begin") {
          result.notRun.push(`${revision.revisionId}: ${operation.name}`);
        }
      }
      result.adopted += adopted.length;
      // What an earlier tool made for these very revisions is theirs; what a baseline finds was there before.
      const kept = how === "baseline" ? adopted : [];
      records.push(appliedRevision(revision, { ...by, adopted: kept, git: stampOf(git, revision) }));
    }
  } finally {
    sandbox.close();
  }
  await prepareRecord(graph);
  await underLocks(
    { project, ledger, graph, runner, command: how },
    (lock) => recordRevisions(graph, lock.token, records),
  );
  await reconcile(ledger, graph, project);
  return result;
}

/** What a revision asks for; nothing where it cannot be asked: it is not going to run. */
async function operationsOf(project: Project, revision: Revision, sandbox: Sandbox): Promise<Operation[]> {
  try {
    const { operations } = await collectOperations(project, revision, "upgrade", sandbox);
    return operations.map(({ operation }) => operation);
  } catch (error) {
    if (error instanceof CrochetError) return [];
    throw error;
  }
}
