/**
 * Takes a checked operation and gives the Cypher that carries it out on a server of a given version, with its
 * parameters. Identifiers are quoted, values are parameters, without exception. Never runs anything.
 */
import type { Operation } from "./operation.ts";
import type { RelationshipRow, Row } from "./operation_arguments.ts";
import { quoteName } from "./schema.ts";
import { atLeast, type ServerFeatures } from "./server_features.ts";
import { batched, type Fence, fenced } from "./transform.ts";

/**
 * A statement and how it must run: `data` inside a transaction, `schema` in one of its own, `batched` outside of
 * any, since the server commits in between.
 */
export interface Statement {
  text: string;
  params: Row;
  kind: "data" | "schema" | "batched";
}

/** The property that every node and relationship of a batch carries. */
export const BATCH_PROPERTY = "_crochet_batch";

type NodesOperation = Operation & { kind: "nodes" };
type RelationshipsOperation = Operation & { kind: "relationships" };

/** Creates or merges one chunk of nodes. Gives `created`, `updated`, `unchanged`. */
export function nodesStatement(operation: NodesOperation, rows: Row[], batch: string | null): Statement {
  const [returned, body] = nodesBody(operation);
  return { text: `UNWIND $rows AS row\n${body}\n${returned}`, params: { rows, batch }, kind: "data" };
}

function nodesBody(operation: NodesOperation): [string, string] {
  const labels = operation.labels.map((label) => `:${quoteName(label)}`).join("");
  if (operation.mode === "create") {
    return [
      "RETURN count(*) AS created, 0 AS updated, 0 AS unchanged",
      `CREATE (n${labels})\nSET n = row, n.${BATCH_PROPERTY} = $batch`,
    ];
  }
  const keys = operation.mergeKeys.map((key) => `${quoteName(key)}: row.${quoteName(key)}`).join(", ");
  return [UPSERT_COUNTS, `MERGE (n${labels} {${keys}})\n${upsertBody("n", "row")}`];
}

const UPSERT_COUNTS =
  "RETURN sum(CASE WHEN fresh THEN 1 ELSE 0 END) AS created, sum(CASE WHEN changed AND NOT fresh THEN 1 ELSE 0 END) AS updated, sum(CASE WHEN changed THEN 0 ELSE 1 END) AS unchanged";

/** Tags what is new, and writes only what differs. */
function upsertBody(variable: string, properties: string, carried = ""): string {
  return [
    `ON CREATE SET ${variable}.${BATCH_PROPERTY} = $batch, ${variable}._crochet_new = true`,
    `WITH ${variable}, row, ${properties} AS properties, ${variable}._crochet_new IS NOT NULL AS fresh${carried}`,
    `WITH *, fresh OR any(key IN keys(properties) WHERE coalesce(${variable}[key] <> properties[key], (${variable}[key] IS NULL) <> (properties[key] IS NULL))) AS changed`,
    `FOREACH (_ IN CASE WHEN changed THEN [1] ELSE [] END | SET ${variable} += properties REMOVE ${variable}._crochet_new)`,
  ].join("\n");
}

/** Creates or merges one chunk of relationships; rows whose ends are missing give nothing. Gives `created`, `updated`, `unchanged`, `matched`. */
export function relationshipsStatement(
  operation: RelationshipsOperation,
  rows: RelationshipRow[],
  batch: string | null,
  keys: [string, string],
): Statement {
  const ends = `MATCH (a:${quoteName(operation.source)} {${quoteName(keys[0])}: row.source})\n` +
    `MATCH (b:${quoteName(operation.target)} {${quoteName(keys[1])}: row.target})`;
  const type = quoteName(operation.type);
  const numbered = rows.map((row, index) => ({
    source: row.source,
    target: row.target,
    properties: row.properties ?? {},
    index,
  }));
  const params = { rows: numbered, batch };
  if (operation.mode === "create") {
    const text =
      `UNWIND $rows AS row\n${ends}\nCREATE (a)-[r:${type}]->(b)\nSET r = row.properties, r.${BATCH_PROPERTY} = $batch\n` +
      "RETURN count(r) AS created, 0 AS updated, 0 AS unchanged, count(DISTINCT row.index) AS matched";
    return { text, params, kind: "data" };
  }
  const merge = operation.mergeKeys.map((key) => `${quoteName(key)}: row.properties.${quoteName(key)}`).join(
    ", ",
  );
  const text = `UNWIND $rows AS row\n${ends}\nMERGE (a)-[r:${type}${merge ? ` {${merge}}` : ""}]->(b)\n` +
    `${upsertBody("r", "row.properties")}\n${UPSERT_COUNTS}, count(DISTINCT row.index) AS matched`;
  return { text, params, kind: "data" };
}

/** Finds the rows whose ends are missing or not unique. */
export function endsStatement(
  operation: RelationshipsOperation,
  rows: RelationshipRow[],
  keys: [string, string],
): Statement {
  const text = "UNWIND $rows AS row\n" +
    `OPTIONAL MATCH (a:${quoteName(operation.source)} {${quoteName(keys[0])}: row.source})\n` +
    "WITH row, count(a) AS sources\n" +
    `OPTIONAL MATCH (b:${quoteName(operation.target)} {${quoteName(keys[1])}: row.target})\n` +
    "WITH row, sources, count(b) AS targets\n" +
    "WHERE sources <> 1 OR targets <> 1\n" +
    "RETURN row.index AS index, sources, targets ORDER BY index LIMIT 1000";
  return {
    text,
    params: { rows: rows.map((row, index) => ({ source: row.source, target: row.target, index })) },
    kind: "data",
  };
}

/** A mark that the server writes with each of its own batches: the journal's part of server-side batching. */
export interface ServerBatching {
  chunkSize: number;
  server: ServerFeatures;
  /** Prefix of the marks' ids; the number of the chunk is appended. */
  markId: string;
  /** Properties that every mark carries. */
  mark: Row;
  /** The holder of the lock: where it is lost, no further chunk is written. */
  fence: Fence;
  /** Number of the first chunk of these rows. */
  firstChunk: number;
}

/**
 * The same data statements, cut into transactions by the server. The last row of each batch writes the journal mark
 * of its chunk, in the transaction of its rows: what the server committed is known exactly after a crash.
 */
export function serverBatched(
  operation: NodesOperation | RelationshipsOperation,
  rows: (Row | RelationshipRow)[],
  batch: string | null,
  keys: [string, string],
  batching: ServerBatching,
): Statement {
  const plain = operation.kind === "nodes"
    ? nodesStatement(operation, rows as Row[], batch)
    : relationshipsStatement(operation, rows as RelationshipRow[], batch, keys);
  const lines = plain.text.split("\n");
  const body = lines.slice(1, -1).join("\n");
  const sums = lines.at(-1)!.replace(/^RETURN /, "");
  const size = batching.chunkSize;
  const mark =
    `CREATE (:_CrochetOperation {id: $markId + toString($firstChunk + item.number / ${size}), chunk: $firstChunk + item.number / ${size}, ` +
    `revision: $mark.revision, direction: $mark.direction, index: $mark.index, digest: $mark.digest, text: $mark.text, of: $mark.of})`;
  const inner =
    `${fenced(batching.fence)}WITH item, item.row AS row\nCALL ${
      atLeast(batching.server, 5, 23) ? "(row) {" : "{ WITH row"
    }\n${body}\nRETURN ${sums}\n}\n` +
    `FOREACH (_ IN CASE WHEN item.last THEN [1] ELSE [] END | ${mark})\nRETURN created, updated, unchanged${
      operation.kind === "relationships" ? ", matched" : ""
    }`;
  const open = atLeast(batching.server, 5, 23) ? "CALL (item) {" : "CALL { WITH item";
  const total = `RETURN sum(created) AS created, sum(updated) AS updated, sum(unchanged) AS unchanged${
    operation.kind === "relationships" ? ", sum(matched) AS matched" : ""
  }`;
  const sent = (plain.params.rows as Row[]).map((row, number) => ({
    row,
    number,
    last: (number + 1) % size === 0 || number === rows.length - 1,
  }));
  return {
    text: `UNWIND $rows AS item\n${open}\n${inner}\n} IN TRANSACTIONS OF ${size} ROWS\n${total}`,
    params: {
      rows: sent,
      batch,
      markId: batching.markId,
      mark: batching.mark,
      _crochet: batching.fence,
      firstChunk: batching.firstChunk,
    },
    kind: "batched",
  };
}

function batchPattern(operation: Operation & { kind: "deleteBatch" }): string {
  const label = quoteName(operation.labelOrType);
  return operation.entity === "node"
    ? `(n:${label}) WHERE n.${BATCH_PROPERTY} = $batch`
    : `()-[r:${label}]->() WHERE r.${BATCH_PROPERTY} = $batch`;
}

/** Counts what a batch created and is still there. */
export function countBatchStatement(operation: Operation & { kind: "deleteBatch" }): Statement {
  return {
    text: `MATCH ${batchPattern(operation)} RETURN count(*) AS n`,
    params: { batch: operation.batch },
    kind: "data",
  };
}

/** Deletes what a batch created, in server-side batches. */
export function deleteBatchStatement(
  operation: Operation & { kind: "deleteBatch" },
  server: ServerFeatures,
  fence?: Fence,
): Statement {
  const variable = operation.entity === "node" ? "n" : "r";
  const remove = operation.entity === "node" ? "DETACH DELETE n" : "DELETE r";
  return {
    text: `MATCH ${batchPattern(operation)} ${
      batched(server, variable, remove, { fence })
    } RETURN count(*) AS deleted`,
    params: { batch: operation.batch, ...(fence && { _crochet: fence }) },
    kind: "batched",
  };
}

/** Parameters in a few words: rows are counted, long texts are cut. */
export function summarizeParams(params: Row): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      if (Array.isArray(value) && name === "rows") {
        const columns = [...new Set(value.slice(0, 20).flatMap((row) => Object.keys(row ?? {})))];
        return [name, `${value.length} ${value.length === 1 ? "row" : "rows"} of {${columns.join(", ")}}`];
      }
      const text =
        JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? inner.toString() : inner)) ?? "null";
      return [name, text.length > 80 ? text.slice(0, 79) + "…" : text];
    }),
  );
}
