/**
 * Takes the rows of a ledger and says whether they are what its events add up to: every row of every table is told by
 * an event, events follow each other by their hashes, and the last one is the one that was written last. Names the
 * first fault. Never opens a file.
 */
import { canonicalJson, sha256 } from "./digest.ts";

/** A row as SQLite gives it. */
export type LedgerRow = Record<string, unknown>;

/** Everything that a ledger holds. */
export interface LedgerRows {
  /** In the order of their numbers. */
  events: LedgerRow[];
  graphs: LedgerRow[];
  /** In the order of graph and position. */
  applied: LedgerRow[];
  partial: LedgerRow[];
  batches: LedgerRow[];
  snapshots: LedgerRow[];
  meta: LedgerRow[];
}

/** How the rows of one table are compared with the events. */
interface Table {
  /** What a row is called in a fault. */
  what(key: string): string;
  expected: Map<string, string>;
  found: Map<string, string>;
}

/** Key of a row that belongs to a graph. */
const within = (graph: unknown, id: unknown): string => `${graph} ${id}`;
const idOf = (key: string): string => key.slice(key.indexOf(" ") + 1);

/** The first fault in words, or undefined. */
export function ledgerFault(rows: LedgerRows, appliedText: (row: LedgerRow) => string): string | undefined {
  const chain = chainFault(rows.events);
  if (chain) return chain;
  const state = replay(rows.events);
  const applied = appliedFault(rows.applied, state.applied, appliedText);
  if (applied) return applied;
  const tables: Table[] = [
    {
      what: (key) => `the entry of the graph ${key}`,
      expected: state.graphs,
      found: texts(rows.graphs, (row) => String(row.graph_id), (row) => ({
        graphId: row.graph_id,
        address: row.address,
        databaseId: row.database_id,
        environment: row.environment,
      })),
    },
    {
      what: (key) => `the note of the run that stopped in the graph ${key}`,
      expected: state.partial,
      found: texts(rows.partial, (row) => String(row.graph_id), (row) => JSON.parse(String(row.run))),
    },
    {
      what: (key) => `the record of the batch "${idOf(key)}"`,
      expected: state.batches,
      found: texts(rows.batches, (row) => within(row.graph_id, row.batch_id), (row) => ({
        batchId: row.batch_id,
        revisionId: row.revision_id,
        nodes: row.nodes,
        relationships: row.relationships,
        createdAt: row.created_at,
      })),
    },
    {
      what: (key) => `the snapshot ${key.slice(0, 12)}…`,
      expected: state.snapshots,
      found: texts(rows.snapshots, (row) => String(row.schema_hash), (row) => sha256(String(row.snapshot))),
    },
  ];
  for (const table of tables) {
    const fault = tableFault(table);
    if (fault) return fault;
  }
  const last = rows.events.at(-1);
  const head = rows.meta.find((row) => row.key === "head")?.value;
  return head === headOf(last) ? undefined : `events after number ${last?.seq ?? 0} are missing`;
}

/** What is kept beside the events of the last one, so that a lost end shows. */
export function headOf(event: { seq?: unknown; hash?: unknown } | undefined): string {
  return event ? `${event.seq} ${event.hash}` : "0";
}

function chainFault(events: LedgerRow[]): string | undefined {
  let previous = "";
  for (const [i, row] of events.entries()) {
    const { hash, ...event } = row;
    if (Number(row.seq) !== i + 1) return `event ${i + 1} is missing`;
    if (row.previous !== previous) return `event ${i + 1} does not follow the one before it`;
    if (sha256(canonicalJson(event)) !== hash) {
      return `event ${i + 1} (${row.kind} ${row.revision_id}) was changed`;
    }
    previous = String(hash);
  }
  return undefined;
}

/** What the events add up to, each row as canonical text by its key. */
function replay(events: LedgerRow[]) {
  const graphs = new Map<string, string>();
  const applied = new Map<string, string>();
  const partial = new Map<string, string>();
  const batches = new Map<string, string>();
  const snapshots = new Map<string, string>();
  for (const { kind, graph_id, revision_id, payload: text } of events) {
    const graph = String(graph_id);
    const payload = JSON.parse(String(text));
    const key = within(graph, revision_id);
    switch (kind) {
      case "met":
        for (const [id, known] of graphs) {
          if (JSON.parse(known).address === payload.address) graphs.delete(id);
        }
        graphs.set(graph, canonicalJson(payload));
        break;
      case "begin":
      case "failed":
      case "noted":
        if (payload.run) partial.set(graph, canonicalJson(payload.run));
        else partial.delete(graph);
        break;
      case "applied":
      case "learned":
        applied.set(key, canonicalJson(payload));
        break;
      case "reverted":
      case "forgotten":
        if (revision_id === "") {
          for (const own of [...applied.keys()]) if (own.startsWith(`${graph} `)) applied.delete(own);
          for (const own of [...batches.keys()]) if (own.startsWith(`${graph} `)) batches.delete(own);
          partial.delete(graph);
          graphs.delete(graph);
          break;
        }
        applied.delete(key);
        for (const [own, batch] of [...batches]) {
          if (own.startsWith(`${graph} `) && JSON.parse(batch).revisionId === revision_id) {
            batches.delete(own);
          }
        }
        break;
      case "batches":
        for (const id of payload.gone) batches.delete(within(graph, id));
        for (const batch of payload.set) batches.set(within(graph, batch.batchId), canonicalJson(batch));
        break;
      case "snapshot":
        snapshots.set(payload.schemaHash, canonicalJson(payload.digest));
        break;
    }
  }
  return { graphs, applied, partial, batches, snapshots };
}

function texts(
  rows: LedgerRow[],
  keyOf: (row: LedgerRow) => string,
  value: (row: LedgerRow) => unknown,
): Map<string, string> {
  return new Map(rows.map((row) => {
    try {
      return [keyOf(row), canonicalJson(value(row))];
    } catch {
      // What cannot be read is like no event.
      return [keyOf(row), ""];
    }
  }));
}

function tableFault({ what, expected, found }: Table): string | undefined {
  for (const [key, text] of found) {
    if (!expected.has(key)) return `${what(key)} is there, but no event says so`;
    if (expected.get(key) !== text) return `${what(key)} was changed`;
  }
  const missing = [...expected.keys()].find((key) => !found.has(key));
  return missing === undefined ? undefined : `${what(missing)} is missing`;
}

/** Applied revisions have an order besides. */
function appliedFault(
  rows: LedgerRow[],
  expected: Map<string, string>,
  textOf: (row: LedgerRow) => string,
): string | undefined {
  const left = new Map(expected);
  const keyOf = (row: LedgerRow) => within(row.graph_id, row.revision_id);
  const present = new Set(rows.map(keyOf));
  const unknown = rows.find((row) => !left.has(keyOf(row)));
  if (unknown) return `revision "${unknown.revision_id}" is recorded as applied, but no event says so`;
  const missing = [...left.keys()].find((key) => !present.has(key));
  if (missing) return `the record of revision "${idOf(missing)}" is missing`;
  for (const row of rows) {
    const first = [...left.keys()].find((other) => other.startsWith(`${row.graph_id} `))!;
    if (first !== keyOf(row)) {
      return `the records of revisions "${row.revision_id}" and "${idOf(first)}" changed places`;
    }
    if (left.get(first) !== textOf(row)) return `the record of revision "${row.revision_id}" was changed`;
    left.delete(first);
  }
  return undefined;
}
