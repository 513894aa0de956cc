/**
 * Takes a project with two heads and writes the revision that joins them, after looking that the two branches do not
 * touch the same things: in their schemas, and in what their operations name. Where they do, nothing is written, and
 * both sides are named. What the models say beyond both branches becomes the body of the merge.
 */
import { ancestorsOf, buildBranches, findRevision } from "./chain.ts";
import { projectSchema } from "./draft.ts";
import { bodyOf, writeRevision } from "./draft_file.ts";
import { CrochetError } from "./error.ts";
import { EMPTY_IR, schemaHash } from "./ir.ts";
import { diffIr } from "./ir_diff.ts";
import { mergeIr } from "./ir_merge.ts";
import { collectOperations } from "./migration.ts";
import { describeOperation, type Operation } from "./operation.ts";
import type { Row } from "./operation_arguments.ts";
import { type Project, readRevisions, readSnapshot } from "./project.ts";
import type { Revision } from "./revision.ts";
import { Sandbox } from "./sandbox.ts";
import { shapeKey } from "./schema.ts";
import { sentenceList } from "./text.ts";
import type { Transform } from "./transform.ts";

/** What was written. */
export interface Merged {
  revisionId: string;
  files: string[];
  parents: string[];
  /** What the models say beyond both branches. */
  changes: string[];
  /** What could not be compared, in words. */
  notes: string[];
}

/** Joins two heads. @throws CrochetError USAGE, MERGE_CONFLICT, CHAIN_BROKEN, MODELS_INVALID */
export async function mergeHeads(project: Project, names: string[], description?: string): Promise<Merged> {
  const { revisions, heads } = buildBranches(readRevisions(project));
  const [left, right] = chooseHeads(revisions, heads, names);
  const [ofLeft, ofRight] = [left, right].map((head) => ancestorsOf(revisions, head.revisionId));
  const base = revisions.filter(({ revisionId }) => ofLeft.has(revisionId) && ofRight.has(revisionId)).at(-1);
  const only = (mine: Set<string>, other: Set<string>) =>
    revisions.filter(({ revisionId }) => mine.has(revisionId) && !other.has(revisionId));
  const notes: string[] = [];
  const conflicts = await operationConflicts(project, only(ofLeft, ofRight), only(ofRight, ofLeft), notes);
  const merged = mergeIr(
    base ? readSnapshot(project, base) : EMPTY_IR,
    readSnapshot(project, left),
    readSnapshot(project, right),
  );
  conflicts.push(...merged.conflicts.map((conflict) => `both change the ${conflict}`));
  if (conflicts.length > 0) {
    throw new CrochetError(
      "MERGE_CONFLICT",
      `"${left.revisionId}" and "${right.revisionId}" touch the same things, and nothing was written: ${
        conflicts.slice(0, 5).join("; ")
      }${conflicts.length > 5 ? `; and ${conflicts.length - 5} more` : ""}`,
      {
        at: { file: right.file },
        hint:
          `remove the one that is applied nowhere (say ${right.file} and its snapshot), and draft it again on the other: crochet create-migration`,
        data: conflicts,
      },
    );
  }
  const { ir } = projectSchema(project);
  const diff = schemaHash(ir) === schemaHash(merged.ir) ? { changes: [], steps: [] } : diffIr(merged.ir, ir);
  const changes = diff.changes.map((change) => `${change.sign} ${change.text}`);
  const written = writeRevision(project, revisions, {
    description: description ?? "merge",
    language: "ts",
    parents: [left, right],
    ir,
    rollbackSafe: diff.steps.every((step) => step.down.length > 0),
    changes: [`merges ${left.revisionId} and ${right.revisionId}`, ...changes],
    body: bodyOf("ts", diff.steps, [merged.ir, ir]),
  });
  return { ...written, parents: [left.revisionId, right.revisionId], changes, notes };
}

function chooseHeads(revisions: Revision[], heads: Revision[], names: string[]): [Revision, Revision] {
  const chosen = names.length === 0
    ? heads
    : names.map((name) => findRevision({ revisions, head: heads[0] }, name));
  const isHead = ({ revisionId }: Revision) => heads.some((head) => head.revisionId === revisionId);
  const wrong = chosen.find((revision) => !isHead(revision));
  if (wrong) {
    throw new CrochetError("USAGE", `"${wrong.revisionId}" is no head: another revision follows it`, {
      hint: `the heads are ${sentenceList(heads.map((head) => head.revisionId))}`,
    });
  }
  if (chosen.length === 2 && chosen[0].revisionId !== chosen[1].revisionId) return [chosen[0], chosen[1]];
  const found = sentenceList(heads.map((head) => `"${head.revisionId}"`));
  throw new CrochetError(
    "USAGE",
    heads.length < 2
      ? `There is nothing to merge: the only head is ${found || "missing"}`
      : `There are ${heads.length} heads: ${found}`,
    { hint: heads.length < 2 ? "crochet history shows the chain" : "name two of them: crochet merge A B" },
  );
}

/** What an operation works on: what it has for itself, and what it only needs. */
function touched(operation: Operation): { own: string[]; needs: string[] } {
  switch (operation.kind) {
    case "schema": {
      const { shape } = operation;
      return { own: [shapeKey(shape)], needs: [shape.labelOrType, ...shape.others ?? []] };
    }
    case "transform":
      return touchedByTransform(operation.transform);
    case "nodes": {
      const columns = columnsOf(operation.rows);
      return {
        own: [],
        needs: operation.labels.flatMap((label) => [label, ...columns.map((column) => `${label}.${column}`)]),
      };
    }
    case "relationships": {
      const { source, target, type, sourceKey, targetKey, rows } = operation;
      const columns = columnsOf(rows.map((row) => row.properties ?? {}));
      return {
        own: [],
        needs: [
          ...[source, target, type],
          ...(sourceKey ? [`${source}.${sourceKey}`] : []),
          ...(targetKey ? [`${target}.${targetKey}`] : []),
          ...columns.map((column) => `${type}.${column}`),
        ],
      };
    }
    case "deleteBatch":
      return { own: [], needs: [operation.labelOrType] };
    default:
      return { own: [], needs: [] };
  }
}

function touchedByTransform(transform: Transform): { own: string[]; needs: string[] } {
  switch (transform.what) {
    case "renameProperty": {
      const { owner, from, to } = transform;
      return { own: [`${owner}.${from}`, `${owner}.${to}`], needs: [owner] };
    }
    case "addProperty":
    case "removeProperty":
    case "convertProperty":
      return { own: [`${transform.owner}.${transform.property}`], needs: [transform.owner] };
    case "turnRelationships":
      return { own: [transform.type], needs: [transform.source, transform.target] };
    case "renameLabel":
    case "renameType":
      return { own: [transform.from, transform.to], needs: [] };
    case "addLabel":
    case "removeLabel":
      return { own: [transform.label, transform.other], needs: [] };
    case "splitLabel":
      return { own: [transform.label, ...Object.values(transform.cases)], needs: [] };
    case "mergeNodes":
      return { own: [transform.label], needs: transform.keys.map((key) => `${transform.label}.${key}`) };
  }
}

function columnsOf(rows: Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

async function operationConflicts(
  project: Project,
  left: Revision[],
  right: Revision[],
  notes: string[],
): Promise<string[]> {
  const sandbox = new Sandbox(project.settings.timeLimitMs);
  const collect = async (revisions: Revision[]) => {
    const found: { revision: Revision; operation: Operation }[] = [];
    for (const revision of revisions) {
      const { operations, incomplete } = await collectOperations(project, revision, "upgrade", sandbox);
      found.push(...operations.map(({ operation }) => ({ revision, operation })));
      if (incomplete || operations.some(({ operation }) => operation.kind === "cypher")) {
        notes.push(`what the Cypher of "${revision.revisionId}" touches is not compared: look at it`);
      }
    }
    return found;
  };
  try {
    const [a, b] = [await collect(left), await collect(right)];
    const conflicts = new Set<string>();
    for (const one of a) {
      const mine = touched(one.operation);
      for (const other of b) {
        const theirs = touched(other.operation);
        const clash = mine.own.find((name) => theirs.own.includes(name) || theirs.needs.includes(name)) ??
          theirs.own.find((name) => mine.needs.includes(name));
        if (clash === undefined) continue;
        conflicts.add(
          `${describeOperation(one.operation)} of "${one.revision.revisionId}" and ${
            describeOperation(other.operation)
          } of "${other.revision.revisionId}"`,
        );
      }
    }
    return [...conflicts];
  } finally {
    sandbox.close();
  }
}
