/**
 * Takes a data file and gives its records: all of them, or in batches; or checks them against a schema. The same
 * readers and rules serve the commands, migrations, and whoever imports this file.
 */
import { type CheckResult, describeFinding, invalidData, RowChecker } from "./ingest_check.ts";
import { type DataFile, openData, type ReadOptions } from "./ingest_file.ts";
import type { Compression, Format } from "./ingest_format.ts";
import { type DataRecord, fromRecords, type RowChunk, toRecords } from "./ingest_rows.ts";
import { DataSchema } from "./ingest_schema.ts";
import { UniqueKeys } from "./ingest_unique.ts";

/** How a file is read and typed. */
export interface IngestOptions extends ReadOptions {
  /** Types of columns: `{ age: "integer", born: "date" }`. */
  types?: Readonly<Record<string, string>>;
  /** Between the items of a list that stands in a text; ";" by default. */
  listSeparator?: string;
}

/** A whole file. */
export interface ParsedFile {
  records: DataRecord[];
  rowCount: number;
  columnNames: string[];
  format: Format;
  compression: Compression;
}

/** A schema that only has types. */
export function typesOnly(types: Readonly<Record<string, string>> = {}): DataSchema {
  const schema = new DataSchema();
  for (const [name, dtype] of Object.entries(types)) schema.column(name, { dtype });
  return schema;
}

/**
 * Reads a whole file into memory. For large files: {@link iterBatches}.
 * @throws CrochetError DATA_FORMAT, DATA_DAMAGED, DATA_INVALID where a value is none of its type, FILE_UNREADABLE
 */
export async function parseFile(path: string, options: IngestOptions = {}): Promise<ParsedFile> {
  const records: DataRecord[] = [];
  const columns = new Set<string>();
  const file = await openData(path, options);
  for await (const chunk of typedChunks(file, options)) {
    for (const column of chunk.columns) columns.add(column);
    for (const record of toRecords(chunk)) records.push(record);
  }
  return {
    records,
    rowCount: records.length,
    columnNames: file.head?.columns ?? [...columns],
    ...file.kind,
  };
}

/**
 * Reads a file in batches of `batchSize` records, 10,000 by default; the last may be smaller. Holds no more than it
 * needs for one.
 * @throws CrochetError as {@link parseFile}, when the batch is asked for
 */
export async function* iterBatches(
  path: string,
  { batchSize = 10_000, ...options }: IngestOptions & { batchSize?: number } = {},
): AsyncGenerator<DataRecord[]> {
  let batch: DataRecord[] = [];
  for await (const chunk of typedChunks(await openData(path, options), options)) {
    for (const record of toRecords(chunk)) {
      batch.push(record);
      if (batch.length < batchSize) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** The rows of a file with their declared types; the first that is none of its type is an error. */
async function* typedChunks(
  file: DataFile,
  { types, listSeparator }: IngestOptions,
): AsyncGenerator<RowChunk> {
  if (types === undefined || Object.keys(types).length === 0) return yield* file.chunks();
  const checker = new RowChecker(typesOnly(types), { place: file.place, listSeparator, anyColumns: true });
  for await (const chunk of file.chunks()) {
    const { good, bad } = checker.check(chunk);
    if (bad.length > 0) throw invalidData(file.path, checker.finish(), file.place);
    yield good;
  }
}

/** What may be given to a check besides the schema. */
export interface CheckFileOptions {
  listSeparator?: string;
  /** How many findings of a kind are kept. */
  limit?: number;
  /** Also say what a graph cannot store. */
  forGraph?: boolean;
  /** Do not warn of columns that no rule names. */
  anyColumns?: boolean;
}

/** Checks a file against a schema; every row is looked at. @throws CrochetError DATA_DAMAGED, FILE_UNREADABLE */
export async function checkFile(
  file: DataFile,
  schema: DataSchema,
  options: CheckFileOptions = {},
): Promise<CheckResult> {
  return await checkChunks(file.chunks(), schema, { ...options, place: file.place });
}

async function checkChunks(
  chunks: AsyncIterable<RowChunk> | Iterable<RowChunk>,
  schema: DataSchema,
  options: CheckFileOptions & { place: "line" | "record" },
): Promise<CheckResult> {
  const unique = schema.unique.map(() => new UniqueKeys());
  try {
    const checker = new RowChecker(schema, { ...options, unique });
    for await (const chunk of chunks) checker.check(chunk);
    return checker.finish();
  } finally {
    for (const index of unique) index.close();
  }
}

/** What {@link validate} found. */
export interface Validation extends CheckResult {
  /** Lines for people. */
  summary(): string;
  /** @throws CrochetError DATA_INVALID where there are errors */
  raiseOnErrors(): void;
}

/** Checks records against a schema. */
export async function validate(records: readonly DataRecord[], schema: DataSchema): Promise<Validation> {
  const chunk = fromRecords([...records], records.map((_, i) => i + 1));
  const result = await checkChunks([chunk], schema, { place: "record" });
  return {
    ...result,
    summary: () => summarize(result, "record").join("\n"),
    raiseOnErrors() {
      if (!result.isValid) throw invalidData("records", result, "record");
    },
  };
}

/** A check in lines: what is wrong, the first ones of each kind, and how many there are. */
export function summarize(result: CheckResult, place: "line" | "record"): string[] {
  const lines: string[] = [];
  for (const [severity, findings] of [["error", result.errors], ["warning", result.warnings]] as const) {
    for (const key of Object.keys(result.totals).filter((total) => total.startsWith(severity))) {
      const own = findings.filter(({ kind, column }) =>
        key === [severity, kind, column].filter(Boolean).join(" ")
      );
      for (const finding of own) lines.push(`${severity}: ${describeFinding(finding, place)}`);
      const more = result.totals[key] - own.length;
      if (more > 0) lines.push(`${severity}: ${more} more of this kind (${key.slice(severity.length + 1)})`);
    }
  }
  return lines;
}
