/**
 * Takes the ledger and a connected graph and makes their records one, or refuses and shows both sides: a graph that
 * another working copy moved on extends the ledger; a graph that was wiped, restored or swapped is noticed, and
 * nothing runs until a person decides. Never writes to the graph.
 */
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { type GraphRecord, readRecord } from "./graph_record.ts";
import type { Ledger } from "./ledger.ts";
import { type AppliedRevision, compareRecords, type Comparison } from "./record.ts";
import { count } from "./text.ts";

/** The two records beside each other. */
export interface Standing {
  record: GraphRecord;
  /** Revisions that the ledger has for this address. */
  ledger: AppliedRevision[];
  comparison: Comparison;
  /** Set where the address answers with a graph that the ledger does not know. */
  strange?: "wiped" | "swapped";
}

/** Reads both records and compares them; changes nothing. */
export async function compareStanding(ledger: Ledger, graph: Graph): Promise<Standing> {
  const record = await readRecord(graph);
  // A graph is who it says it is, under whatever name it is reached; the address tells which one was here before.
  const before = ledger.graphAt(graph.address);
  const expected = before ? ledger.applied(before.graphId) : [];
  if (before && expected.length > 0 && record.graphId !== before.graphId) {
    const strange = record.graphId === undefined ? "wiped" : "swapped";
    return { record, ledger: expected, comparison: compareRecords(expected, record.revisions), strange };
  }
  const applied = record.graphId === undefined ? [] : ledger.applied(record.graphId);
  return { record, ledger: applied, comparison: compareRecords(applied, record.revisions) };
}

/** Makes the records one. Gives what was done in words. @throws CrochetError LEDGER_DIVERGED */
export async function reconcile(
  ledger: Ledger,
  graph: Graph,
  environment: string,
): Promise<{ record: GraphRecord; lines: string[] }> {
  const { record, ledger: applied, comparison, strange } = await compareStanding(ledger, graph);
  if (strange) throw strangeGraph(graph, strange, applied);
  const { graphId } = record;
  if (graphId === undefined) return { record, lines: [] };
  const lines: string[] = [];
  ledger.transaction(() => {
    ledger.rememberGraph({ graphId, address: graph.address, databaseId: graph.info.databaseId, environment });
    if (comparison.state === "graph-ahead") {
      for (const revision of comparison.missing) ledger.addApplied(graphId, revision, "learned");
      lines.push(
        `the ledger learned of ${count(comparison.missing.length, "revision")} that the graph has applied: ${
          names(comparison.missing)
        }`,
      );
    }
    const missing = comparison.state === "ledger-ahead" ? comparison.missing : [];
    const reverting = ledger.partial(graphId);
    // A run that was killed between its end in the graph and in the ledger, or another working copy, reverted them.
    const known = new Set(record.reverted);
    if (reverting?.direction === "downgrade") {
      for (const id of [reverting.revisionId, ...reverting.takes ?? []]) known.add(id);
    }
    if (missing.length > 0 && missing.every(({ revisionId }) => known.has(revisionId))) {
      for (const { revisionId } of missing.toReversed()) {
        ledger.removeApplied(graphId, revisionId, "reverted");
      }
      ledger.setPartial(graphId, undefined, "noted");
      lines.push(
        `the ledger learned that ${names(missing)} ${missing.length === 1 ? "was" : "were"} reverted`,
      );
    } else if (comparison.state === "ledger-ahead" || comparison.state === "diverged") {
      throw diverged(graph, comparison);
    }
    ledger.setPartial(graphId, record.partial, "noted");
    ledger.setBatches(graphId, record.batches);
  });
  return { record, lines };
}

/** Makes the ledger anew from what the graph says. Gives the number of revisions. */
export async function rebuildLedger(ledger: Ledger, graph: Graph, environment: string): Promise<number> {
  const record = await readRecord(graph);
  ledger.transaction(() => {
    const known = ledger.graphAt(graph.address);
    if (known) ledger.forget(known.graphId);
    const { graphId } = record;
    if (graphId === undefined) return;
    if (graphId !== known?.graphId) ledger.forget(graphId);
    ledger.rememberGraph({ graphId, address: graph.address, databaseId: graph.info.databaseId, environment });
    for (const revision of record.revisions) ledger.addApplied(graphId, revision, "learned");
    ledger.setPartial(graphId, record.partial, "noted");
    ledger.setBatches(graphId, record.batches);
    ledger.addEvent(graphId, "rebuilt", "", { revisions: record.revisions.length });
  });
  return record.revisions.length;
}

/** Has the graph only reverted what the ledger has more? */
export function hasReverted({ comparison, record }: Standing): boolean {
  return comparison.state === "ledger-ahead" &&
    comparison.missing.every(({ revisionId }) => record.reverted.includes(revisionId));
}

/** What the comparison says, in words; undefined where the records are equal. */
export function describeStanding({ comparison, strange, ledger, record }: Standing): string | undefined {
  if (strange === "wiped") {
    return `the graph has no record of Crochet, but the ledger says that ${
      count(ledger.length, "revision")
    } are applied there`;
  }
  if (strange === "swapped") return "another graph answers at this address than the one the ledger knows";
  switch (comparison.state) {
    case "equal":
      return undefined;
    case "graph-ahead":
      return `the graph has ${
        count(comparison.missing.length, "revision")
      } that the ledger does not know yet: ${names(comparison.missing)}`;
    case "ledger-ahead":
      if (comparison.missing.every(({ revisionId }) => record.reverted?.includes(revisionId))) {
        return `the graph has reverted ${names(comparison.missing)}, which the ledger does not know yet`;
      }
      return `the ledger says that ${names(comparison.missing)} ${
        comparison.missing.length === 1 ? "is" : "are"
      } applied, but the graph has only ${count(record.revisions.length, "revision")}`;
    case "diverged": {
      const side = (revision: AppliedRevision | undefined) =>
        revision ? `"${revision.revisionId}" (${revision.digest.slice(0, 12)}…)` : "nothing";
      return `at position ${comparison.position} the ledger has ${
        side(comparison.ledger)
      } and the graph has ${side(comparison.graph)}`;
    }
  }
}

function names(revisions: AppliedRevision[]): string {
  const shown = revisions.slice(0, 3).map((revision) => `"${revision.revisionId}"`).join(", ");
  return revisions.length > 3 ? `${shown} and ${revisions.length - 3} more` : shown;
}

const DECIDE = "see both with crochet status; if the graph is right, take its word: crochet ledger rebuild";

function strangeGraph(graph: Graph, strange: "wiped" | "swapped", applied: AppliedRevision[]): CrochetError {
  const what = strange === "wiped"
    ? `The graph at ${graph.address} has no record of Crochet, but the ledger says that ${
      count(applied.length, "revision")
    } are applied there: it was wiped or replaced`
    : `Another graph answers at ${graph.address} than the one the ledger knows`;
  return new CrochetError("LEDGER_DIVERGED", what, { hint: DECIDE });
}

function diverged(graph: Graph, comparison: Comparison): CrochetError {
  const detail = describeStanding({
    comparison,
    ledger: [],
    record: { revisions: [] } as unknown as GraphRecord,
  });
  const ahead = comparison.state === "ledger-ahead"
    ? `the ledger says that ${names(comparison.missing)} ${
      comparison.missing.length === 1 ? "is" : "are"
    } applied, but the graph does not have it: was it restored from an older backup?`
    : detail;
  return new CrochetError(
    "LEDGER_DIVERGED",
    `The ledger and the graph at ${graph.address} differ: ${ahead}`,
    { hint: DECIDE, data: comparison },
  );
}
