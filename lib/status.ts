/**
 * Takes a project, its ledger and, where one answers, its graph, and gives what is applied, what is pending, which
 * batches there are and where the records differ. Changes nothing, and needs no lock.
 */
import { chainFaults, headsOf, linked } from "./chain.ts";
import { GitRepository } from "./git.ts";
import type { Graph } from "./graph.ts";
import { type LockHolder, readLock } from "./graph_lock.ts";
import type { Ledger } from "./ledger.ts";
import { type Project, readEveryRevision } from "./project.ts";
import { openRepository, readProvenance } from "./provenance.ts";
import { compareStanding, describeStanding } from "./reconcile.ts";
import { editedFiles, missingFiles } from "./verify.ts";
import { type AppliedRevision, type BatchRecord, foldReplaced, type PartialRun } from "./record.ts";

/** The state of a project. */
export interface Status {
  project: string;
  /** Where the list of applied revisions comes from. */
  source: "graph" | "ledger";
  /** Why the graph was not asked, where it was not. */
  offline?: string;
  server?: { address: string; version: string; edition: string };
  heads: string[];
  applied: AppliedRevision[];
  pending: { revisionId: string; rollbackSafe: boolean }[];
  batches: BatchRecord[];
  partial?: PartialRun;
  lock?: LockHolder;
  /** Where the ledger and the graph differ. */
  difference?: string;
  /** Faults of the chain, of single files, and of what Git says about them. */
  faults: string[];
  /** Commit of the working copy; left out without a Git repository. */
  commit?: string | null;
  /** What Git says that a person should know. */
  notes: string[];
}

/** Reads the status. */
export async function readStatus(
  project: Project,
  ledger: Ledger,
  graph: Graph | undefined,
  offline?: string,
): Promise<Status> {
  const { revisions, failures } = readEveryRevision(project);
  const local = ledger.ofEnvironment(project.settings.graph.environment);
  const standing = graph && await compareStanding(ledger, graph);
  const lock = graph && await readLock(graph);
  const applied = foldReplaced(revisions, standing ? standing.record.revisions : local.applied);
  const partial = standing ? standing.record.partial : local.partial;
  const known = new Set(applied.map((revision) => revision.revisionId));
  const difference = standing && describeStanding(standing);
  const git = await openRepository(project);
  const provenance = git instanceof GitRepository
    ? await readProvenance(git, revisions, applied)
    : { faults: [], notes: [] };
  return {
    project: project.settings.name,
    source: graph ? "graph" : "ledger",
    ...(offline && { offline }),
    ...(graph &&
      { server: { address: graph.address, version: graph.info.versionText, edition: graph.info.edition } }),
    heads: headsOf(revisions).map((revision) => revision.revisionId),
    applied,
    pending: orderOf(linked(revisions)).filter((revision) => !known.has(revision.revisionId))
      .map(({ revisionId, rollbackSafe }) => ({ revisionId, rollbackSafe })),
    batches: standing ? standing.record.batches : local.batches,
    ...(partial && { partial }),
    ...(lock && lock.remainingMs > 0 && { lock }),
    ...(difference && { difference }),
    faults: [
      ...failures.map((failure) => failure.message),
      ...missingFiles(revisions, applied),
      ...editedFiles(revisions, applied),
      ...chainFaults(revisions).map((fault) => fault.message),
      ...provenance.faults,
    ],
    ...(git instanceof GitRepository && { commit: git.commit }),
    notes: provenance.notes,
  };
}

/** Parents before children where the chain allows it, else by id. */
function orderOf<T extends { revisionId: string; parents: { id: string }[] }>(revisions: T[]): T[] {
  const depth = new Map<string, number>();
  const byId = new Map(revisions.map((revision) => [revision.revisionId, revision]));
  const measure = (id: string, trail: Set<string>): number => {
    const known = depth.get(id);
    if (known !== undefined) return known;
    if (trail.has(id)) return 0;
    const parents = byId.get(id)?.parents ?? [];
    const value = 1 + Math.max(-1, ...parents.map((parent) => measure(parent.id, new Set([...trail, id]))));
    depth.set(id, value);
    return value;
  };
  return [...revisions].sort((a, b) =>
    measure(a.revisionId, new Set()) - measure(b.revisionId, new Set()) ||
    (a.revisionId < b.revisionId ? -1 : 1)
  );
}
