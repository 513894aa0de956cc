/**
 * Takes the revisions of a migrations folder and gives their order, root first, or every fault of the chain by name:
 * a duplicate, a missing parent, a wrong digest, a circle, two heads. The order follows the parents, never the file
 * names. Never repairs anything.
 */
import { CrochetError } from "./error.ts";
import type { Revision } from "./revision.ts";
import { nearest, sentenceList } from "./text.ts";

/** Revisions in the order in which they are applied. */
export interface Chain {
  revisions: Revision[];
  /** The last revision, undefined in an empty project. */
  head: Revision | undefined;
}

/** A fault of the chain. */
export interface ChainFault {
  kind: "duplicate" | "missing-parent" | "edited" | "circle" | "heads";
  message: string;
  /** File at which the chain breaks, and the line where there is one to change. */
  file: string;
  line?: number;
  hint: string;
}

/** The revisions with their true parents: a child of the last one that a squash replaced follows the squash. */
export function linked(revisions: Revision[]): Revision[] {
  const present = new Set(revisions.map((revision) => revision.revisionId));
  const stands = new Map(
    revisions.flatMap((squash) =>
      squash.replaces.filter(({ id }, i, all) =>
        squash.completedBy.length > 0 ? squash.completedBy.includes(id) : i === all.length - 1
      ).map(({ id, digest }) => [id, { squash, digest }] as const)
    ),
  );
  if (stands.size === 0) return revisions;
  return revisions.map((revision) => ({
    ...revision,
    parents: revision.parents.map((parent) => {
      const found = present.has(parent.id) ? undefined : stands.get(parent.id);
      if (!found) return parent;
      const { squash, digest } = found;
      return { id: squash.revisionId, digest: parent.digest === digest ? squash.digest : parent.digest };
    }),
  }));
}

/** Every fault, in a stable order. */
export function chainFaults(given: Revision[]): ChainFault[] {
  const revisions = linked(given);
  const faults: ChainFault[] = [];
  const byId = new Map<string, Revision>();
  for (const revision of sorted(revisions)) {
    const other = byId.get(revision.revisionId);
    if (other) {
      faults.push({
        kind: "duplicate",
        file: revision.file,
        message: `"${revision.file}" and "${other.file}" have the same revision id "${revision.revisionId}"`,
        hint: "rename one of the two files and its revisionId",
      });
    } else byId.set(revision.revisionId, revision);
  }
  for (const revision of sorted(revisions)) {
    for (const parent of revision.parents) {
      const found = byId.get(parent.id);
      if (!found) {
        const meant = nearest(parent.id, byId.keys());
        const squash = revisions.find(({ replaces }) => replaces.some(({ id }) => id === parent.id));
        if (squash) {
          faults.push({
            kind: "missing-parent",
            file: revision.file,
            line: revision.parentLine,
            message:
              `"${revision.file}" follows "${parent.id}", which is in the middle of what "${squash.revisionId}" replaces`,
            hint: "go back to the commit before the squash, merge the branches there, and squash again",
          });
          continue;
        }
        faults.push({
          kind: "missing-parent",
          file: revision.file,
          line: revision.parentLine,
          message: `"${revision.file}" follows "${parent.id}", which does not exist`,
          hint: meant && meant !== revision.revisionId
            ? `did you mean "${meant}"? Else take the file back from Git`
            : "take the file back from Git",
        });
      } else if (found.digest !== parent.digest) {
        faults.push({
          kind: "edited",
          file: found.file,
          message: `"${found.file}" was edited after "${revision.file}" was written: its digest is ${
            found.digest.slice(0, 12)
          }…, the child expects ${parent.digest.slice(0, 12)}…`,
          hint:
            `take the file back from Git (git checkout -- ${found.file}); where it is applied nowhere, write its digest into the child: parentDigest = "${found.digest}"`,
        });
      }
    }
  }
  const order = topological([...byId.values()]);
  if (order.length < byId.size) {
    const names = findCircle([...byId.values()].filter((revision) => !order.includes(revision)), byId);
    if (names.length > 0) {
      faults.push({
        kind: "circle",
        file: byId.get(names[0])!.file,
        message: `the migrations follow each other in a circle: ${
          [...names, names[0]].map((name) => `"${name}"`).join(" -> ")
        }`,
        hint: "correct parentId in one of them",
      });
    }
  }
  const heads = headsOf([...byId.values()]);
  if (heads.length > 1) {
    faults.push({
      kind: "heads",
      file: heads.at(-1)!.file,
      message: `the chain has ${heads.length} heads: ${
        heads.map((head) => `"${head.revisionId}"`).join(" and ")
      }`,
      hint: "crochet merge joins them, or let one of them follow the other (parentId and parentDigest)",
    });
  }
  return faults;
}

/** The chain in order. @throws CrochetError CHAIN_BROKEN that names every fault */
export function buildChain(revisions: Revision[]): Chain {
  const faults = chainFaults(revisions);
  if (faults.length > 0) {
    const [first, ...rest] = faults;
    const more = rest.length > 0 ? "\n" + rest.map((fault) => `  and ${fault.message}`).join("\n") : "";
    throw new CrochetError("CHAIN_BROKEN", `The chain of migrations is broken: ${first.message}${more}`, {
      at: { file: first.file, line: first.line },
      hint: first.hint,
      data: faults,
    });
  }
  const ordered = topological(linked(revisions));
  return { revisions: ordered, head: headsOf(revisions)[0] };
}

/** Revisions in the order of their parents; the chain may have several heads, but no other fault. @throws CrochetError CHAIN_BROKEN */
export function buildBranches(revisions: Revision[]): { revisions: Revision[]; heads: Revision[] } {
  const faults = chainFaults(revisions).filter((fault) => fault.kind !== "heads");
  if (faults.length > 0) buildChain(revisions);
  return { revisions: topological(linked(revisions)), heads: headsOf(revisions) };
}

/** A revision and everything before it. */
export function ancestorsOf(revisions: Revision[], revisionId: string): Set<string> {
  const byId = new Map(revisions.map((revision) => [revision.revisionId, revision]));
  const found = new Set<string>();
  const open = [revisionId];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    open.push(...byId.get(id)?.parents.map((parent) => parent.id) ?? []);
  }
  return found;
}

/** The revisions that nothing follows, sorted by id. */
export function headsOf(given: Revision[]): Revision[] {
  const revisions = linked(given);
  const parents = new Set(revisions.flatMap((revision) => revision.parents.map((parent) => parent.id)));
  return sorted(revisions).filter((revision) => !parents.has(revision.revisionId));
}

/** The revision a person named, by its id or by the beginning that only it has. @throws CrochetError UNKNOWN_REVISION */
export function findRevision(chain: Chain, name: string): Revision {
  const ids = chain.revisions.map((revision) => revision.revisionId);
  const exact = chain.revisions.find((revision) => revision.revisionId === name);
  if (exact) return exact;
  const begins = chain.revisions.filter((revision) =>
    revision.revisionId.startsWith(name) && /^\d{4,}/.test(name)
  );
  if (begins.length === 1) return begins[0];
  if (begins.length > 1) {
    throw new CrochetError(
      "UNKNOWN_REVISION",
      `"${name}" is the beginning of ${sentenceList(begins.map(({ revisionId }) => `"${revisionId}"`))}`,
      { hint: "write one of them in full" },
    );
  }
  const meant = nearest(name, ids);
  throw new CrochetError(
    "UNKNOWN_REVISION",
    `There is no revision "${name}"${ids.length === 0 ? ": the project has no migrations" : ""}`,
    {
      hint: meant ? `did you mean "${meant}"?` : `the head is "${ids.at(-1) ?? "none"}"`,
    },
  );
}

/** Parents before children; among revisions that are free, the smaller id first. Leaves out what is in a circle. */
function topological(revisions: Revision[]): Revision[] {
  const byId = new Map(revisions.map((revision) => [revision.revisionId, revision]));
  const children = new Map<string, Revision[]>();
  const waiting = new Map<string, number>();
  for (const revision of byId.values()) {
    waiting.set(revision.revisionId, revision.parents.length);
    for (const { id } of revision.parents) children.set(id, [...children.get(id) ?? [], revision]);
  }
  const order: Revision[] = [];
  let free = sorted([...byId.values()].filter((revision) => revision.parents.length === 0));
  while (free.length > 0) {
    const [next, ...rest] = free;
    order.push(next);
    const released: Revision[] = [];
    for (const child of children.get(next.revisionId) ?? []) {
      const open = waiting.get(child.revisionId)! - 1;
      waiting.set(child.revisionId, open);
      if (open === 0) released.push(child);
    }
    free = released.length > 0 ? sorted([...rest, ...released]) : rest;
  }
  return order;
}

/** The ids of one circle, in the order in which they follow each other; [] where there is none. */
function findCircle(candidates: Revision[], byId: Map<string, Revision>): string[] {
  const finished = new Set<string>();
  const visit = (id: string, path: string[]): string[] => {
    const seen = path.indexOf(id);
    if (seen !== -1) return path.slice(seen);
    if (finished.has(id)) return [];
    for (const parent of byId.get(id)?.parents ?? []) {
      const circle = visit(parent.id, [...path, id]);
      if (circle.length > 0) return circle;
    }
    finished.add(id);
    return [];
  };
  for (const start of sorted(candidates)) {
    const circle = visit(start.revisionId, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

function sorted(revisions: Revision[]): Revision[] {
  return [...revisions].sort((
    a,
    b,
  ) => (a.revisionId < b.revisionId ? -1 : a.revisionId > b.revisionId ? 1 : a.file < b.file ? -1 : 1));
}
