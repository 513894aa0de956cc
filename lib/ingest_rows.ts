/**
 * Shapes of rows on their way from a file to the graph: values in the order of columns, many at a time, and where each
 * row stands in its file. Readers give them, types and rules change or refuse them, writers take them.
 */

/** A row by its columns. */
export type DataRecord = Record<string, unknown>;

/** Rows of one file, in their order. */
export interface RowChunk {
  columns: readonly string[];
  /** Values in the order of the columns; `undefined` where a row does not have the column at all. */
  rows: unknown[][];
  /** Where each row begins: its line, from 1; in Parquet and in a JSON array, its number. */
  at: number[];
}

/** What `at` of a chunk counts. */
export type PlaceKind = "line" | "record";

/** Rows as records; a column that a row does not have is left out. */
export function toRecords({ columns, rows }: RowChunk): DataRecord[] {
  return rows.map((row) => {
    const record: DataRecord = {};
    for (let i = 0; i < columns.length; i++) {
      if (row[i] !== undefined) record[columns[i]] = row[i];
    }
    return record;
  });
}

/**
 * Records as rows; columns stand in the order in which they are met.
 *
 * @example
 * ```ts
 * import { fromRecords } from "./ingest_rows.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(fromRecords([{ a: 1 }, { b: 2 }], [1, 2]), {
 *   columns: ["a", "b"],
 *   rows: [[1, undefined], [undefined, 2]],
 *   at: [1, 2],
 * });
 * ```
 */
export function fromRecords(records: DataRecord[], at: number[]): RowChunk {
  const places = new Map<string, number>();
  for (const record of records) {
    for (const key in record) if (!places.has(key)) places.set(key, places.size);
  }
  const columns = [...places.keys()];
  return { columns, rows: records.map((record) => columns.map((column) => own(record, column))), at };
}

function own(record: DataRecord, column: string): unknown {
  return Object.hasOwn(record, column) ? record[column] : undefined;
}
