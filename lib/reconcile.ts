/**
 * Takes the ledger and a connected graph and makes their records one, or refuses and shows both sides: a graph that
 * another working copy moved on extends the ledger; a graph that was wiped, restored or swapped is noticed, and
 * nothing runs until a person decides. Never writes to the graph.
 */
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { type GraphRecord, readRecord } from "./graph_record.ts";
import { renderSnapshot, type SchemaIr } from "./ir.ts";
import type { Ledger } from "./ledger.ts";
import { type Project, readEveryRevision, readSnapshot } from "./project.ts";
import { type AppliedRevision, compareRecords, type Comparison } from "./record.ts";
import type { Revision } from "./revision.ts";
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
  for (;;) {
    const last = ledger.lastChange();
    const standing = compareWith(await readRecord(graph), ledger, graph);
    // Where a run of this working copy moved both on in between, the two readings are of different moments.
    if (ledger.lastChange() === last) return standing;
  }
}

function compareWith(record: GraphRecord, ledger: Ledger, graph: Graph): Standing {
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
  project: Project,
): Promise<{ record: GraphRecord; lines: string[] }> {
  for (;;) {
    const last = ledger.lastChange();
    const record = await readRecord(graph);
    // Needs no lock: where another run of this working copy wrote in between, both are read again.
    const lines = ledger.transaction(() =>
      ledger.lastChange() === last ? settle(record, ledger, graph, project) : undefined
    );
    if (lines) return { record, lines };
  }
}

/** Writes into the ledger what the graph's record has more, within a transaction. Gives what was done in words. */
function settle(record: GraphRecord, ledger: Ledger, graph: Graph, project: Project): string[] {
  const { ledger: applied, comparison, strange } = compareWith(record, ledger, graph);
  const { environment } = project.settings.graph;
  if (strange) throw strangeGraph(graph, strange, applied);
  const { graphId } = record;
  if (graphId === undefined) return [];
  const lines: string[] = [];
  const { databaseId } = graph.info;
  const known = ledger.graphAt(graph.address);
  if (known?.graphId === graphId && known.databaseId !== databaseId) {
    lines.push(
      `the database at ${graph.address} is another one than before, with the same record: it was loaded from a dump or a backup`,
    );
  }
  ledger.rememberGraph({ graphId, address: graph.address, databaseId, environment });
  if (comparison.state === "graph-ahead") {
    learn(ledger, graphId, project, comparison.missing);
    lines.push(
      `the ledger learned of ${count(comparison.missing.length, "revision")} that the graph has applied: ${
        names(comparison.missing)
      }`,
    );
  }
  const missing = comparison.state === "ledger-ahead" ? comparison.missing : [];
  const reverting = ledger.partial(graphId);
  // A run that was killed between its end in the graph and in the ledger, or another working copy, reverted them.
  const reverted = new Set(record.reverted);
  if (reverting?.direction === "downgrade") {
    for (const id of [reverting.revisionId, ...reverting.takes ?? []]) reverted.add(id);
  }
  if (missing.length > 0 && missing.every(({ revisionId }) => reverted.has(revisionId))) {
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
  return lines;
}

/** Takes applied revisions from the graph, and their snapshots from the files that are here. */
function learn(ledger: Ledger, graphId: string, project: Project, applied: AppliedRevision[]): void {
  const { revisions } = readEveryRevision(project);
  for (const learned of applied) {
    ledger.addApplied(graphId, learned, "learned");
    const revision = revisions.find(({ revisionId }) => revisionId === learned.revisionId);
    const snapshot = revision && readSnapshotIfSound(project, revision);
    if (snapshot && revision.schemaHash === learned.schemaHash) {
      ledger.addSnapshot(learned.schemaHash, renderSnapshot(snapshot));
    }
  }
}

function readSnapshotIfSound(project: Project, revision: Revision): SchemaIr | undefined {
  try {
    return readSnapshot(project, revision);
  } catch (error) {
    // verify names what is wrong with it.
    if (error instanceof CrochetError) return undefined;
    throw error;
  }
}

/** Makes the ledger anew from what the graph and the files say. Gives the number of revisions. */
export async function rebuildLedger(ledger: Ledger, graph: Graph, project: Project): Promise<number> {
  const { environment } = project.settings.graph;
  const record = await readRecord(graph);
  ledger.transaction(() => {
    const known = ledger.graphAt(graph.address);
    if (known) ledger.forget(known.graphId);
    const { graphId } = record;
    if (graphId === undefined) return;
    if (graphId !== known?.graphId) ledger.forget(graphId);
    ledger.rememberGraph({ graphId, address: graph.address, databaseId: graph.info.databaseId, environment });
    learn(ledger, graphId, project, record.revisions);
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
