/**
 * Takes the two records of what was applied, the ledger's and the graph's, and says whether they agree, which one
 * is behind, or where they part. The shapes that both records share live here. Never reads or writes either.
 */
import type { Revision } from "./revision.ts";

/** A revision that is applied. */
export interface AppliedRevision {
  revisionId: string;
  parents: string[];
  /** SHA-256 of the migration file when it was applied. */
  digest: string;
  schemaHash: string;
  rollbackSafe: boolean;
  /** ISO 8601, on the server's clock. */
  appliedAt: string;
  /** `user@host`. */
  appliedBy: string;
  crochetVersion: string;
  /** Keys of constraints and indexes that were there before; a downgrade does not drop them. */
  adopted: string[];
}

/** A revision that was begun and has not ended. */
export interface PartialRun {
  revisionId: string;
  direction: "upgrade" | "downgrade";
  digest: string;
  startedAt: string;
  startedBy: string;
  /** Keys of the constraints and indexes that were there before the run began. */
  before: string[];
  /** Why it stopped, where it could say so. */
  error?: string;
  /** Number of the operation that failed, from 1. */
  failedAt?: number;
  /** Digests of the operations that were done when it stopped. */
  done: string[];
}

/** A batch of data. */
export interface BatchRecord {
  batchId: string;
  revisionId: string;
  nodes: number;
  relationships: number;
  createdAt: string;
}

/** What the two records say of each other. */
export type Comparison =
  | { state: "equal" }
  /** The graph has more: another working copy applied it. */
  | { state: "graph-ahead"; missing: AppliedRevision[] }
  /** The ledger has more: the graph was wiped, restored or swapped. */
  | { state: "ledger-ahead"; missing: AppliedRevision[] }
  | { state: "diverged"; position: number; ledger?: AppliedRevision; graph?: AppliedRevision };

/** Compares the two records, in the order in which revisions were applied. */
export function compareRecords(ledger: AppliedRevision[], graph: AppliedRevision[]): Comparison {
  const common = Math.min(ledger.length, graph.length);
  for (let i = 0; i < common; i++) {
    if (ledger[i].revisionId !== graph[i].revisionId || ledger[i].digest !== graph[i].digest) {
      return { state: "diverged", position: i + 1, ledger: ledger[i], graph: graph[i] };
    }
  }
  if (graph.length > common) return { state: "graph-ahead", missing: graph.slice(common) };
  if (ledger.length > common) return { state: "ledger-ahead", missing: ledger.slice(common) };
  return { state: "equal" };
}

/** The record of a revision that is about to be applied. */
export function appliedRevision(
  revision: Revision,
  by: { appliedBy: string; crochetVersion: string; adopted: string[] },
): Omit<AppliedRevision, "appliedAt"> {
  return {
    revisionId: revision.revisionId,
    parents: revision.parents.map((parent) => parent.id),
    digest: revision.digest,
    schemaHash: revision.schemaHash,
    rollbackSafe: revision.rollbackSafe,
    ...by,
  };
}
