/**
 * Takes what is applied and gives the schema that the graph should have: the snapshot of the last revision, or, where
 * two branches are applied and not merged yet, what their snapshots say together. Reads files only.
 */
import { ancestorsOf } from "./chain.ts";
import { EMPTY_IR, type SchemaIr } from "./ir.ts";
import { mergeIr } from "./ir_merge.ts";
import { type Project, readSnapshot } from "./project.ts";
import type { AppliedRevision } from "./record.ts";
import type { Revision } from "./revision.ts";

/** The schema of what is applied. `revisions` are linked: a child of a squashed part follows the squash. @throws CrochetError SNAPSHOT_INVALID */
export function appliedSchema(project: Project, revisions: Revision[], applied: AppliedRevision[]): SchemaIr {
  const ids = new Set(applied.map(({ revisionId }) => revisionId));
  const present = revisions.filter(({ revisionId }) => ids.has(revisionId));
  const followed = new Set(present.flatMap(({ parents }) => parents.map(({ id }) => id)));
  const [first, ...others] = present.filter(({ revisionId }) => !followed.has(revisionId));
  if (!first) return EMPTY_IR;
  let schema = readSnapshot(project, first);
  const seen = ancestorsOf(revisions, first.revisionId);
  for (const other of others) {
    const own = ancestorsOf(revisions, other.revisionId);
    const base = present.filter(({ revisionId }) => own.has(revisionId) && seen.has(revisionId)).at(-1);
    const before = base ? readSnapshot(project, base) : EMPTY_IR;
    schema = mergeIr(before, schema, readSnapshot(project, other)).ir;
    own.forEach((id) => seen.add(id));
  }
  return schema;
}
