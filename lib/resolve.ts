/**
 * Takes a run that stopped half-way and a person's decision about it: run it again from its start, for which the rows
 * of its batches are deleted; take it as applied; take it as never applied, which says what stays in the graph.
 * Whatever else the run did (Cypher, transforms) is the person's to look after.
 */
import { buildChain, findRevision } from "./chain.ts";
import { CrochetError } from "./error.ts";
import { countLeft, deleteLeft, forgetRun, readRecord } from "./graph_record.ts";
import { readRevisions } from "./project.ts";
import { openRepository, stampOf } from "./provenance.ts";
import { reconcile } from "./reconcile.ts";
import { appliedRevision, type PartialRun } from "./record.ts";
import { underLocks } from "./run_lock.ts";
import type { RunRequest } from "./runner.ts";

/** What a person decides about a run that stopped. */
export type Resolution = "redo" | "mark-applied" | "mark-reverted";

/** What was decided about. */
export interface Resolved {
  run: PartialRun;
  /** Rows of the run's batches: deleted by "redo", still there after "mark-reverted". */
  left: { nodes: number; relationships: number };
}

/** Carries out a person's decision about a run that stopped half-way. @throws CrochetError UNKNOWN_REVISION where none did */
export async function resolveRun(
  request: Omit<RunRequest, "direction">,
  revisionId: string,
  resolution: Resolution,
): Promise<Resolved> {
  const { project, ledger, graph, runner } = request;
  const { record } = await reconcile(ledger, graph, project.settings.graph.environment);
  const { partial, graphId } = record;
  if (!partial || partial.revisionId !== revisionId || graphId === undefined) {
    throw new CrochetError("UNKNOWN_REVISION", `No run of "${revisionId}" has stopped half-way`, {
      hint: partial ? `"${partial.revisionId}" has` : "crochet status shows the state",
    });
  }
  return await underLocks({ ...request, command: "resolve" }, async (lock) => {
    const chain = buildChain(readRevisions(project));
    const revision = resolution === "mark-applied" ? findRevision(chain, revisionId) : undefined;
    const applied = revision &&
      appliedRevision(revision, {
        appliedBy: `${runner.user}@${runner.host}`,
        crochetVersion: runner.version,
        adopted: [],
        git: stampOf(await openRepository(project), revision),
      });
    const ids = record.batches.filter((batch) => batch.revisionId === revisionId).map((batch) =>
      batch.batchId
    );
    const isUpgrade = partial.direction === "upgrade";
    const left = isUpgrade && resolution !== "mark-applied"
      ? await countLeft(graph, revisionId, ids)
      : { nodes: 0, relationships: 0 };
    if (isUpgrade && resolution === "redo") await deleteLeft(graph, lock.token, revisionId, ids);
    const as = resolution === "redo" ? "redo" : resolution === "mark-applied" ? "applied" : "reverted";
    await forgetRun(graph, lock.token, partial, as, applied);
    const after = await readRecord(graph);
    const before = new Set(ledger.applied(graphId).map((known) => known.revisionId));
    ledger.transaction(() => {
      ledger.addEvent(graphId, "resolved", revisionId, { resolution });
      const now = after.revisions.find((known) => known.revisionId === revisionId);
      if (now && !before.has(revisionId)) ledger.addApplied(graphId, now, "applied");
      for (const id of [revisionId, ...partial.takes ?? []]) {
        if (!now && before.has(id)) ledger.removeApplied(graphId, id, "reverted");
      }
      ledger.setPartial(graphId, after.partial);
      ledger.setBatches(graphId, after.batches);
    });
    return { run: partial, left };
  });
}
