/**
 * Takes the two records of what was applied, the ledger's and the graph's, and says whether they agree, which one
 * is behind, or where they part. The shapes that both records share live here. Never reads or writes either.
 */
import type { Revision } from "./revision.ts";

/** Where the working copy stood when a revision was applied. */
export interface GitCommit {
  /** Commit id of HEAD, null in a repository without a commit. */
  commit: string | null;
  /** Was one of the revision's files not committed as it was? */
  dirty: boolean;
}

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
  /** Left out where it was not applied from a Git repository. */
  git?: GitCommit;
  /** Keys of constraints and indexes that it made and dropped; left out where it was not run by Crochet. */
  made?: string[];
  dropped?: string[];
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
  /** That operation in a few words. */
  failedText?: string;
  /** What is known of its operations: those that are done, and those that were begun. */
  journal: JournalEntry[];
  /** How many operations count as done, whatever they are: a person decided so. */
  skip?: number;
  /** Set where it takes back an upgrade that stopped: its end is that nothing was ever applied. */
  rollback?: true;
  /** Records that its downgrade takes away, where they are others than its own: what a squash replaces. */
  takes?: string[];
}

/** An operation of a run that was begun. */
export interface JournalEntry {
  /** From 1. */
  number: number;
  /** The operation in a few words. */
  text: string;
  state: "done" | "begun";
  /** How many of its chunks are done, where it has several. */
  chunks?: { done: number; of: number };
}

/** A mark: an operation or a chunk of one that is done, or that was begun. */
export interface Mark {
  /** Of the operation, from 0. */
  index: number;
  /** Number of the chunk or phase, `WHOLE` or `BEGUN`. */
  chunk: number;
  digest: string;
  /** The operation in a few words. */
  text: string;
  /** How many chunks it has; 0 where that is not known. */
  of: number;
  /** JSON, or undefined where the result was too large to keep. */
  result?: string;
}

/** Chunk of the mark of a whole operation. */
export const WHOLE = -1;

/** Chunk of the mark of an operation that cannot share a transaction with its mark, written before it runs. */
export const BEGUN = -2;

/** Is the operation of these marks done? */
export function isDone(marks: Mark[]): boolean {
  const chunks = marks.filter((mark) => mark.chunk >= 0);
  return marks.some((mark) => mark.chunk === WHOLE) || (chunks.length > 0 && chunks.length === chunks[0].of);
}

/** What the marks of a run say, operation by operation. */
export function journalOf(marks: Mark[]): JournalEntry[] {
  const indexes = [...new Set(marks.map((mark) => mark.index))].sort((a, b) => a - b);
  return indexes.map((index) => {
    const own = marks.filter((mark) => mark.index === index);
    const chunks = own.filter((mark) => mark.chunk >= 0);
    return {
      number: index + 1,
      text: own[0].text,
      state: isDone(own) ? "done" : "begun",
      ...(chunks.length > 0 && chunks[0].of > 1 && { chunks: { done: chunks.length, of: chunks[0].of } }),
    };
  });
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

/**
 * The applied revisions, a squash in the place of all that it replaces. One that is applied only in part, or was
 * edited before, stays as it is: then the run is refused.
 */
export function foldReplaced(revisions: Revision[], applied: AppliedRevision[]): AppliedRevision[] {
  let folded = applied;
  for (const squash of revisions) {
    const found = squash.replaces.map(({ id, digest }) =>
      folded.findIndex((revision) => revision.revisionId === id && revision.digest === digest)
    );
    const parts = found.filter((part) => part !== -1);
    // A squash that was squashed again stands beside its own parts: a graph has the one or the others.
    const isWhole = squash.completedBy.length > 0
      ? folded.some((revision) => squash.completedBy.includes(revision.revisionId))
      : parts.length === found.length;
    if (parts.length === 0 || !isWhole) continue;
    const last = folded[Math.max(...parts)];
    const whole: AppliedRevision = {
      ...last,
      ...appliedRevision(squash, {
        appliedBy: last.appliedBy,
        crochetVersion: last.crochetVersion,
        adopted: [...new Set(parts.flatMap((part) => folded[part].adopted))],
        git: last.git,
        ...netChange(parts.toSorted((a, b) => a - b).map((part) => folded[part])),
      }),
    };
    folded = folded.flatMap((revision, i) =>
      i === Math.max(...parts) ? whole : parts.includes(i) ? [] : revision
    );
  }
  return folded;
}

/** What several revisions made and dropped together; nothing where one of them does not say. */
function netChange(parts: AppliedRevision[]): Pick<AppliedRevision, "made" | "dropped"> {
  if (parts.some((part) => !part.made || !part.dropped)) return {};
  const [made, dropped] = [new Set<string>(), new Set<string>()];
  for (const part of parts) {
    for (const key of part.dropped!) if (!made.delete(key)) dropped.add(key);
    for (const key of part.made!) if (!dropped.delete(key)) made.add(key);
  }
  return { made: [...made], dropped: [...dropped] };
}

/** The record of a revision that is about to be applied. */
export function appliedRevision(
  revision: Revision,
  by: Pick<AppliedRevision, "appliedBy" | "crochetVersion" | "adopted" | "git" | "made" | "dropped">,
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

/** The constraints that keep the record in the graph, with the statements that make them. */
export function recordConstraints(): { name: string; create: string }[] {
  return ["Graph", "Lock", "Revision", "Operation", "Batch"].map((what) => {
    const name = `_crochet_${what.toLowerCase()}`;
    return {
      name,
      create: `CREATE CONSTRAINT ${name} IF NOT EXISTS FOR (n:_Crochet${what}) REQUIRE n.id IS UNIQUE`,
    };
  });
}

/** An applied revision as properties of its node; Neo4j has no maps. */
export function recordProperties(revision: Omit<AppliedRevision, "appliedAt">): Record<string, unknown> {
  const { revisionId: _id, git, ...properties } = revision;
  return { ...properties, ...(git && { gitCommit: git.commit, gitDirty: git.dirty }) };
}

/** Id of a mark: unique, so that nothing is marked twice. */
export function markId(revisionId: string, direction: string, index: number, chunk: number | ""): string {
  return `${revisionId}|${direction}|${index}|${chunk}`;
}
