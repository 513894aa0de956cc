/**
 * Takes the path of a data file and gives its rows, some at a time, and its SHA-256. What its name says of it is
 * checked against its first bytes. Never holds a whole file; only Parquet is read at any place but the next.
 */
import { createHash } from "node:crypto";
import { CrochetError, messageOf } from "./error.ts";
import { decompression, named } from "./ingest_codec.ts";
import { type CsvOptions, CsvReader } from "./ingest_csv.ts";
import { checkMagic, type FileKind, kindOf, MAGIC_SIZE } from "./ingest_format.ts";
import { JsonLinesReader, JsonReader } from "./ingest_json.ts";
import { openParquet } from "./ingest_parquet.ts";
import type { PlaceKind, RowChunk } from "./ingest_rows.ts";
import { textDecoding } from "./ingest_text.ts";
import { nearest } from "./text.ts";

/** How a file is to be read; what is left out follows from its name. */
export interface ReadOptions extends CsvOptions {
  format?: string;
  compression?: string;
  encoding?: string;
  /** Read only these columns. */
  select?: readonly string[];
  /** Is told now and then how many bytes of the file were read. */
  onBytes?(bytes: number): void;
}

/** A data file that can be read, again and again. */
export interface DataFile {
  path: string;
  kind: FileKind;
  /** In bytes. */
  size: number;
  place: PlaceKind;
  /** Known before a row is read: in Parquet. */
  head?: { columns: string[]; types: string[]; rowCount: number };
  /** The rows from the first one on. @throws CrochetError DATA_DAMAGED, FILE_UNREADABLE */
  chunks(): AsyncIterable<RowChunk>;
}

/** Opens a file and looks at its first bytes. @throws CrochetError FILE_UNREADABLE, DATA_FORMAT, DATA_DAMAGED */
export async function openData(path: string, options: ReadOptions = {}): Promise<DataFile> {
  const kind = kindOf(path, options);
  const size = await readable(path, async () => {
    const info = await Deno.stat(path);
    if (!info.isFile) throw new Error("it is no file");
    return info.size;
  });
  checkMagic(path, kind, await readable(path, () => readHead(path)));
  if (kind.format === "parquet") return await openParquetFile(path, kind, size, options);
  const place = kind.format === "json" && await isArray(path, kind, options) ? "record" : "line";
  return {
    path,
    kind,
    size,
    place,
    chunks: () => selected(path, textChunks(path, kind, options), options.select),
  };
}

async function readable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CrochetError) throw error;
    const missing = error instanceof Deno.errors.NotFound;
    throw new CrochetError(
      "FILE_UNREADABLE",
      missing ? `There is no file "${path}"` : `Reading "${path}" failed: ${messageOf(error)}`,
      { at: { file: path }, cause: error },
    );
  }
}

async function readHead(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const head = new Uint8Array(MAGIC_SIZE);
  const length = await file.read(head) ?? 0;
  return head.subarray(0, length);
}

async function openParquetFile(
  path: string,
  kind: FileKind,
  size: number,
  { select, onBytes }: ReadOptions,
): Promise<DataFile> {
  let taken = 0;
  const slice = async (from: number, to = size): Promise<ArrayBuffer> => {
    using file = await Deno.open(path);
    await file.seek(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(to - from);
    for (let at = 0; at < bytes.length;) {
      const length = await file.read(bytes.subarray(at));
      if (length === null) throw new Error(`it ends at byte ${from + at}`);
      at += length;
    }
    taken += bytes.length;
    onBytes?.(Math.min(taken, size));
    return bytes.buffer;
  };
  const parquet = await openParquet(path, { byteLength: size, slice });
  checkSelected(path, parquet.columns, select);
  const { columns, types, rowCount } = parquet;
  return {
    path,
    kind,
    size,
    place: "record",
    head: { columns, types, rowCount },
    chunks: () => parquet.chunks(select),
  };
}

/** Does the text of a JSON file begin with an array? Its records are counted then, and not its lines. */
async function isArray(path: string, kind: FileKind, options: ReadOptions): Promise<boolean> {
  for await (const text of texts(path, kind, options)) {
    const first = /[^\s\uFEFF]/.exec(text)?.[0];
    if (first !== undefined) return first === "[";
  }
  return false;
}

/** The text of a file, piece by piece. */
async function* texts(
  path: string,
  kind: FileKind,
  { encoding, onBytes }: ReadOptions,
): AsyncGenerator<string> {
  const file = await readable(path, () => Deno.open(path));
  let taken = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(bytes, controller) {
      taken += bytes.length;
      onBytes?.(taken);
      controller.enqueue(bytes);
    },
  });
  const stream = file.readable.pipeThrough(counted).pipeThrough(decompression(kind.compression)).pipeThrough(
    textDecoding(path, encoding),
  );
  try {
    for await (const text of stream) yield text;
  } catch (error) {
    throw named(error, path);
  }
}

async function* textChunks(path: string, kind: FileKind, options: ReadOptions): AsyncGenerator<RowChunk> {
  const reader = readerOf(path, kind, options);
  for await (const text of texts(path, kind, options)) {
    const chunk = reader.push(text);
    if (chunk.rows.length > 0) yield chunk;
  }
  // The last one comes also where it is empty: it names the columns.
  yield reader.end();
}

function readerOf(
  path: string,
  { format }: FileKind,
  options: ReadOptions,
): CsvReader | JsonLinesReader | JsonReader {
  if (format === "jsonl") return new JsonLinesReader(path);
  if (format === "json") return new JsonReader(path);
  return new CsvReader(path, { ...options, separator: options.separator ?? (format === "tsv" ? "\t" : ",") });
}

/** Only the columns that are asked for. */
async function* selected(
  path: string,
  chunks: AsyncIterable<RowChunk>,
  select: readonly string[] | undefined,
): AsyncGenerator<RowChunk> {
  if (!select) return yield* chunks;
  for await (const { columns, rows, at } of chunks) {
    if (columns.length > 0) checkSelected(path, columns, select);
    const places = select.map((name) => columns.indexOf(name));
    yield { columns: select, rows: rows.map((row) => places.map((place) => row[place])), at };
  }
}

function checkSelected(
  path: string,
  columns: readonly string[],
  select: readonly string[] | undefined,
): void {
  const unknown = select?.find((name) => !columns.includes(name));
  if (unknown === undefined) return;
  const meant = nearest(unknown, columns);
  throw new CrochetError("USAGE", `"${path}" has no column "${unknown}"`, {
    at: { file: path },
    hint: meant ? `did you mean "${meant}"?` : `it has ${columns.slice(0, 12).join(", ")}`,
  });
}

/** SHA-256 of a file's bytes, in hexadecimal. @throws CrochetError FILE_UNREADABLE */
export async function digestFile(path: string, onBytes?: (bytes: number) => void): Promise<string> {
  return await readable(path, async () => {
    const hash = createHash("sha256");
    using file = await Deno.open(path);
    const buffer = new Uint8Array(1 << 18);
    let taken = 0;
    for (;;) {
      const length = await file.read(buffer);
      if (length === null) return hash.digest("hex");
      hash.update(buffer.subarray(0, length));
      taken += length;
      onBytes?.(taken);
    }
  });
}
