/**
 * Takes a project and its ledger and gives the migrations as a history: who follows whom, what is applied, what one of
 * them asks for. Reads files and the ledger only.
 */
import { buildBranches, findRevision } from "./chain.ts";
import type { Place } from "./error.ts";
import type { Ledger } from "./ledger.ts";
import { collectOperations } from "./migration.ts";
import { describeOperation, lossOf } from "./operation.ts";
import { type Project, readRevisions } from "./project.ts";
import { type AppliedRevision, foldReplaced } from "./record.ts";
import type { Revision } from "./revision.ts";
import { Sandbox } from "./sandbox.ts";

/** One revision of a history. */
export interface HistoryEntry {
  revisionId: string;
  file: string;
  parents: string[];
  isHead: boolean;
  rollbackSafe: boolean;
  /** Left out where the ledger does not know it as applied. */
  appliedAt?: string;
  replaces: string[];
}

/** An operation of a revision, in words. */
export interface ShownOperation {
  operation: string;
  place: Place;
  loses?: string;
}

/** Everything about one revision. */
export interface RevisionDetails extends HistoryEntry {
  digest: string;
  schemaHash: string;
  children: string[];
  applied?: AppliedRevision;
  upgrade: ShownOperation[];
  downgrade: ShownOperation[];
  /** Why there may be more operations than are shown. */
  incomplete?: string;
}

function appliedIn(project: Project, ledger: Ledger, revisions: Revision[]): Map<string, AppliedRevision> {
  const { applied } = ledger.ofEnvironment(project.settings.graph.environment);
  return new Map(foldReplaced(revisions, applied).map((record) => [record.revisionId, record]));
}

function entryOf(
  revision: Revision,
  heads: Revision[],
  applied: ReadonlyMap<string, AppliedRevision>,
): HistoryEntry {
  const record = applied.get(revision.revisionId);
  return {
    revisionId: revision.revisionId,
    file: revision.file,
    parents: revision.parents.map((parent) => parent.id),
    isHead: heads.some((head) => head.revisionId === revision.revisionId),
    rollbackSafe: revision.rollbackSafe,
    ...(record && { appliedAt: record.appliedAt }),
    replaces: revision.replaces.map((part) => part.id),
  };
}

/** The history, newest first. @throws CrochetError CHAIN_BROKEN for any fault but several heads */
export function readHistory(project: Project, ledger: Ledger): HistoryEntry[] {
  const { revisions, heads } = buildBranches(readRevisions(project));
  const applied = appliedIn(project, ledger, revisions);
  return revisions.map((revision) => entryOf(revision, heads, applied)).reverse();
}

/** One revision with its operations. @throws CrochetError UNKNOWN_REVISION */
export async function showRevision(project: Project, ledger: Ledger, name: string): Promise<RevisionDetails> {
  const { revisions, heads } = buildBranches(readRevisions(project));
  const revision = findRevision({ revisions, head: heads[0] }, name);
  const applied = appliedIn(project, ledger, revisions);
  const sandbox = new Sandbox(project.settings.timeLimitMs);
  try {
    const [upgrade, downgrade] = [
      await collectOperations(project, revision, "upgrade", sandbox),
      await collectOperations(project, revision, "downgrade", sandbox),
    ];
    const shown = ({ operations }: typeof upgrade): ShownOperation[] =>
      operations.map(({ operation, place }) => {
        const loses = lossOf(operation);
        return { operation: describeOperation(operation), place, ...(loses && { loses }) };
      });
    const incomplete = upgrade.incomplete ?? downgrade.incomplete;
    const record = applied.get(revision.revisionId);
    return {
      ...entryOf(revision, heads, applied),
      digest: revision.digest,
      schemaHash: revision.schemaHash,
      children: revisions.filter((child) => child.parents.some((parent) => parent.id === revision.revisionId))
        .map((child) => child.revisionId),
      ...(record && { applied: record }),
      upgrade: shown(upgrade),
      downgrade: shown(downgrade),
      ...(incomplete !== undefined && { incomplete }),
    };
  } finally {
    sandbox.close();
  }
}

/**
 * The history as a drawing: a column for each branch, newest first. Gives the drawing beside each entry, and lines
 * between entries where branches part or meet.
 *
 * @example
 * ```ts
 * import { drawHistory } from "./history.ts";
 * import assert from "node:assert/strict";
 * const rows = [{ revisionId: "d", parents: ["b", "c"] }, { revisionId: "c", parents: ["a"] }, { revisionId: "b", parents: ["a"] }, { revisionId: "a", parents: [] }];
 * assert.deepEqual(drawHistory(rows).map(({ lane, id }) => `${lane} ${id ?? ""}`.trimEnd()), ["* d", "|\\", "| * c", "* | b", "|/", "* a"]);
 * ```
 */
export function drawHistory(
  entries: { revisionId: string; parents: string[] }[],
): { lane: string; id?: string }[] {
  const rows: { lane: string; id?: string }[] = [];
  let lanes: string[] = [];
  for (const { revisionId, parents } of entries) {
    let at = lanes.indexOf(revisionId);
    if (at === -1) at = lanes.push(revisionId) - 1;
    // Branches that grew from this revision meet here.
    for (let other = lanes.lastIndexOf(revisionId); other > at; other = lanes.lastIndexOf(revisionId)) {
      const slants = lanes.map((_, i) => (i < other ? "|" : i === other ? "/" : "|"));
      rows.push({ lane: slants.slice(0, other).join(" ") + slants.slice(other).join(" ") });
      lanes = lanes.filter((_, i) => i !== other);
    }
    rows.push({ lane: lanes.map((_, i) => (i === at ? "*" : "|")).join(" "), id: revisionId });
    const [first, ...more] = parents;
    if (first === undefined) {
      lanes = lanes.filter((_, i) => i !== at);
      continue;
    }
    lanes[at] = first;
    for (const parent of more) {
      lanes.splice(at + 1, 0, parent);
      const before = lanes.slice(0, at + 1).map(() => "|").join(" ");
      rows.push({ lane: `${before}\\${lanes.slice(at + 2).map(() => " \\").join("")}` });
    }
  }
  return rows;
}
