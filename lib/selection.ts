/**
 * Takes the chain, what is applied and a target, and gives the revisions that a run would touch, in order. Refuses
 * before anything is touched: an unknown target, a missing or edited file, a downgrade that is not safe.
 */
import { ancestorsOf, type Chain, findRevision } from "./chain.ts";
import { CrochetError } from "./error.ts";
import type { AppliedRevision, PartialRun } from "./record.ts";
import type { Revision } from "./revision.ts";
import { count, sentenceList } from "./text.ts";

/** Direction of a run. */
export type Direction = "upgrade" | "downgrade";

/** The revision that a person named; undefined for the end of the chain. @throws CrochetError UNKNOWN_REVISION */
export function checkTarget(
  chain: Chain,
  direction: Direction,
  target: string | undefined,
): Revision | undefined {
  if (target === "base" && direction === "upgrade") {
    throw new CrochetError("UNKNOWN_REVISION", 'An upgrade cannot go to "base"', {
      hint: "crochet downgrade --target base reverts everything",
    });
  }
  return target === undefined || target === "base" ? undefined : findRevision(chain, target);
}

/** The revisions between what is applied and the target, in the order in which they run. */
export function selectRevisions(
  chain: Chain,
  applied: AppliedRevision[],
  direction: Direction,
  target: string | undefined,
): Revision[] {
  const wanted = checkTarget(chain, direction, target);
  if (direction === "upgrade") return pendingUpTo(chain, applied, wanted);
  const revisions = appliedAbove(chain, applied, wanted, target);
  refuseUnsafe(revisions);
  return revisions;
}

/** Applied revisions whose file is missing or was edited, or a squash that is applied in part. @throws CrochetError CHAIN_BROKEN */
export function checkFiles(chain: Chain, applied: AppliedRevision[], partial?: PartialRun): void {
  for (const squash of chain.revisions) {
    const parts = squash.replaces.filter(({ id }) => applied.some((revision) => revision.revisionId === id));
    if (parts.length === 0) continue;
    throw new CrochetError(
      "CHAIN_BROKEN",
      `"${squash.revisionId}" replaces ${count(squash.replaces.length, "revision")}, of which ${
        sentenceList(parts.map(({ id }) => `"${id}"`))
      } ${parts.length === 1 ? "is" : "are"} applied here as they were`,
      {
        at: { file: squash.file },
        hint: "go back to the commit before the squash, and upgrade or downgrade there first",
      },
    );
  }
  const files = new Map(chain.revisions.map((revision) => [revision.revisionId, revision]));
  for (const { revisionId, digest } of applied) {
    const file = files.get(revisionId);
    if (!file) {
      throw new CrochetError(
        "CHAIN_BROKEN",
        `The revision "${revisionId}" is applied, but its file is missing`,
        {
          hint: "take it back from Git, or pull the branch that has it",
        },
      );
    }
    // A person who decided how a downgrade goes on may have mended its file.
    const isMended = partial?.revisionId === revisionId && partial.digest === file.digest;
    if (file.digest !== digest && !isMended) {
      throw new CrochetError(
        "CHAIN_BROKEN",
        `"${file.file}" was edited after it was applied: its digest is ${
          file.digest.slice(0, 12)
        }…, applied was ${digest.slice(0, 12)}…`,
        {
          at: { file: file.file },
          hint:
            `take the file back from Git (git checkout -- ${file.file}), and put the change into a new migration`,
        },
      );
    }
  }
}

/**
 * The revision whose run stopped half-way, which goes on first; undefined without one. @throws CrochetError
 * RESUME_REFUSED where it was a run of the other direction, or its file is missing or was changed since
 */
export function firstUnfinished(
  chain: Chain,
  partial: PartialRun | undefined,
  direction: Direction,
): Revision | undefined {
  if (!partial) return undefined;
  const { revisionId } = partial;
  const decide = `see what is done and what is not, and decide: crochet resolve ${revisionId}`;
  if (partial.direction !== direction) {
    throw new CrochetError(
      "RESUME_REFUSED",
      `The ${partial.direction} of "${revisionId}" stopped half-way, and must be finished first`,
      { hint: `crochet ${partial.direction}, or decide: crochet resolve ${revisionId}` },
    );
  }
  const revision = chain.revisions.find((candidate) => candidate.revisionId === revisionId);
  if (!revision) {
    throw new CrochetError(
      "RESUME_REFUSED",
      `The ${direction} of "${revisionId}" stopped half-way, and its file is not here`,
      { hint: `take it from Git, or pull the branch that has it; or ${decide}` },
    );
  }
  if (revision.digest !== partial.digest && partial.journal.length > 0) {
    const last = partial.journal.at(-1)!;
    throw new CrochetError(
      "RESUME_REFUSED",
      `The ${direction} of "${revisionId}" stopped at operation ${
        partial.failedAt ?? last.number
      }, and its file was changed since`,
      { at: { file: revision.file }, hint: decide, data: { journal: partial.journal } },
    );
  }
  return revision;
}

/** The wanted revision and everything before it; the whole chain without one. */
function withAncestors(chain: Chain, wanted: Revision | undefined): Set<string> {
  if (!wanted) return new Set(chain.revisions.map((revision) => revision.revisionId));
  return ancestorsOf(chain.revisions, wanted.revisionId);
}

function pendingUpTo(chain: Chain, record: AppliedRevision[], wanted: Revision | undefined): Revision[] {
  const applied = new Set(record.map((revision) => revision.revisionId));
  const inReach = withAncestors(chain, wanted);
  return chain.revisions.filter((revision) =>
    inReach.has(revision.revisionId) && !applied.has(revision.revisionId)
  );
}

function appliedAbove(
  chain: Chain,
  record: AppliedRevision[],
  wanted: Revision | undefined,
  target: string | undefined,
): Revision[] {
  const byId = new Map(chain.revisions.map((revision) => [revision.revisionId, revision]));
  const applied = record.map((revision) => byId.get(revision.revisionId)!).reverse();
  if (target === undefined) return applied.slice(0, 1);
  if (!wanted) return applied;
  if (!applied.includes(wanted)) {
    throw new CrochetError(
      "UNKNOWN_REVISION",
      `The revision "${wanted.revisionId}" is not applied, so nothing can be reverted down to it`,
      {
        hint: "crochet status shows what is applied",
      },
    );
  }
  const keep = withAncestors(chain, wanted);
  return applied.filter((revision) => !keep.has(revision.revisionId));
}

function refuseUnsafe(revisions: Revision[]): void {
  const unsafe = revisions.filter((revision) => !revision.rollbackSafe);
  if (unsafe.length === 0) return;
  const names = sentenceList(unsafe.map((revision) => `"${revision.revisionId}"`));
  throw new CrochetError(
    "ROLLBACK_UNSAFE",
    `The downgrade was refused before it touched anything: ${names} ${
      unsafe.length === 1 ? "is" : "are"
    } not rollback-safe`,
    {
      at: { file: unsafe[0].file },
      hint: "what it lost cannot be brought back; write a new migration that goes forward instead",
    },
  );
}
