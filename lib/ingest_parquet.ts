/**
 * Takes the bytes of a Parquet file, as parts are asked for, and gives its rows, one row group after the other. Every
 * value keeps what it is: decimals are exact texts, times have their nanoseconds, whole floats stay floats. What the
 * format has and a graph has not (structs, maps) stays an object, for whoever declares it as JSON.
 */
import type { AsyncBuffer, FileMetaData, SchemaElement, SchemaTree } from "hyparquet";
import { CrochetError, messageOf } from "./error.ts";
import { date, dateTime, float, localDateTime, localTime, time } from "./graph_value.ts";
import type { RowChunk } from "./ingest_rows.ts";

/** What a Parquet file says of itself. */
export interface ParquetHead {
  columns: string[];
  /** What each column holds, in the words of our types. */
  types: string[];
  rowCount: number;
}

/** A Parquet file whose footer is read. */
export interface ParquetFile extends ParquetHead {
  /** The rows, some at a time; only of the columns that are named. @throws CrochetError DATA_DAMAGED */
  chunks(columns?: readonly string[]): AsyncIterable<RowChunk>;
}

type Convert = (value: unknown) => unknown;

/** Rows that are handed on together. */
const CHUNK_ROWS = 10_000;

/** Reads the footer. @throws CrochetError DATA_DAMAGED */
export async function openParquet(file: string, bytes: AsyncBuffer): Promise<ParquetFile> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
  const { compressors } = await import("hyparquet-compressors");
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof CrochetError) throw cause;
      throw new CrochetError("DATA_DAMAGED", `"${file}" cannot be read as Parquet: ${messageOf(cause)}`, {
        at: { file },
        hint: "fetch or make the file again",
        cause,
      });
    }
  };
  const metadata = await guarded(() => parquetMetadataAsync(bytes));
  const tree = parquetSchema(metadata);
  const converts = new Map(tree.children.map((node) => [node.element.name, converterOf(node)]));
  const plain = withoutMeanings(metadata);
  const columns = tree.children.map((node) => node.element.name);
  return {
    columns,
    types: tree.children.map(describeNode),
    rowCount: Number(metadata.num_rows),
    async *chunks(wanted = columns) {
      let start = 0;
      for (const group of metadata.row_groups) {
        const end = start + Number(group.num_rows);
        const [rowStart, rowEnd] = [start, end];
        const records = await guarded(() =>
          parquetReadObjects({
            file: bytes,
            metadata: plain,
            compressors,
            columns: [...wanted],
            rowStart,
            rowEnd,
            utf8: false,
            parsers: { timestampFromNanoseconds: (nanos: bigint) => nanos as unknown as Date },
          })
        );
        if (records.length !== end - start) {
          throw new CrochetError(
            "DATA_DAMAGED",
            `"${file}" has ${records.length} rows where its footer says ${end - start}`,
            { at: { file }, hint: "fetch or make the file again" },
          );
        }
        for (let from = 0; from < records.length; from += CHUNK_ROWS) {
          const part = records.slice(from, from + CHUNK_ROWS);
          yield {
            columns: wanted,
            rows: part.map((record) => wanted.map((name) => converts.get(name)!(record[name]))),
            at: part.map((_, i) => start + from + i + 1),
          };
        }
        start = end;
      }
    },
  };
}

/** What a leaf means beyond its physical type; older files say it by the converted type alone. */
function meaningOf({ type, converted_type: old, logical_type: meaning }: SchemaElement): string {
  switch (meaning?.type) {
    case "TIMESTAMP":
      return `${meaning.isAdjustedToUTC ? "datetime" : "localdatetime"} ${meaning.unit}`;
    case "TIME":
      return `${meaning.isAdjustedToUTC ? "time" : "localtime"} ${meaning.unit}`;
    case "STRING":
    case "ENUM":
    case "JSON":
    case "UUID":
    case "DECIMAL":
    case "DATE":
    case "FLOAT16":
      return meaning.type;
    case "INTEGER":
      return meaning.isSigned ? "signed" : `unsigned ${meaning.bitWidth}`;
  }
  if (type === "INT96") return "localdatetime NANOS";
  switch (old) {
    case "UTF8":
      return "STRING";
    case "ENUM":
    case "JSON":
    case "DECIMAL":
    case "DATE":
      return old;
    case "TIMESTAMP_MILLIS":
      return "datetime MILLIS";
    case "TIMESTAMP_MICROS":
      return "datetime MICROS";
    case "TIME_MILLIS":
      return "time MILLIS";
    case "TIME_MICROS":
      return "time MICROS";
    case "UINT_32":
      return "unsigned 32";
    case "UINT_64":
      return "unsigned 64";
  }
  return type ?? "";
}

/** The metadata without what the library would turn into something less exact. */
function withoutMeanings(metadata: FileMetaData): FileMetaData {
  return {
    ...metadata,
    schema: metadata.schema.map((element) => {
      const isNested = element.num_children !== undefined && element.num_children > 0;
      const isMap = element.converted_type === "MAP" || element.logical_type?.type === "MAP";
      if (isNested && !isMap) return element;
      return { ...element, converted_type: undefined, logical_type: undefined };
    }),
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UNITS: Record<string, bigint> = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n };

/** How the values of a node of the schema become ours. */
function converterOf(node: SchemaTree): Convert {
  const { element, children } = node;
  const orNull = (convert: Convert): Convert => (value) =>
    value === null || value === undefined ? null : convert(value);
  if (children.length > 0) return orNull(nested(node));
  const leaf = leafOf(element);
  // A leaf that repeats by itself is a list of an older kind.
  return orNull(element.repetition_type === "REPEATED" ? (value) => (value as unknown[]).map(leaf) : leaf);
}

function nested({ element, children }: SchemaTree): Convert {
  const kind = element.logical_type?.type ?? element.converted_type;
  if (kind === "LIST") {
    const [inner] = children;
    const item = converterOf(
      inner.children.length === 1 ? inner.children[0] : { ...inner, element: optional(inner.element) },
    );
    return (value) => [...value as unknown[]].map(item);
  }
  if (kind === "MAP" || kind === "MAP_KEY_VALUE") {
    const [key, item] = children[0].children.map(converterOf);
    const entries = (value: unknown) =>
      [...(value as { key_value?: unknown[] }).key_value ?? value as unknown[]] as Record<string, unknown>[];
    const [keyName, itemName] = children[0].children.map((child) => child.element.name);
    return (value) =>
      Object.fromEntries(
        entries(value).map((entry) => [String(key(entry[keyName])), item?.(entry[itemName])]),
      );
  }
  const members = children.map((child) => [child.element.name, converterOf(child)] as const);
  const struct: Convert = (value) =>
    Object.fromEntries(
      members.map(([name, convert]) => [name, convert((value as Record<string, unknown>)[name])]),
    );
  return element.repetition_type === "REPEATED" ? (value) => (value as unknown[]).map(struct) : struct;
}

function optional(element: SchemaElement): SchemaElement {
  return { ...element, repetition_type: "OPTIONAL" };
}

function leafOf(element: SchemaElement): Convert {
  const [meaning, unit] = meaningOf(element).split(" ");
  switch (meaning) {
    case "STRING":
    case "ENUM":
    case "JSON":
      return (value) => typeof value === "string" ? value : decoder.decode(value as Uint8Array);
    case "UUID":
      return (value) =>
        typeof value === "string"
          ? value
          : hexOf(value as Uint8Array).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    case "DECIMAL":
      return (value) => decimalText(value, element.scale ?? 0);
    case "DATE":
      return (value) => date(dayText(BigInt(value as number)));
    case "datetime":
      return (value) => dateTime(`${momentText(BigInt(value as bigint) * UNITS[unit])}Z`);
    case "localdatetime":
      return (value) => localDateTime(momentText(BigInt(value as bigint) * UNITS[unit]));
    case "time":
      return (value) => time(`${clockText(BigInt(value as bigint) * UNITS[unit])}Z`);
    case "localtime":
      return (value) => localTime(clockText(BigInt(value as bigint) * UNITS[unit]));
    case "FLOAT16":
      return (value) => floating(typeof value === "number" ? value : half(value as Uint8Array));
    case "unsigned":
      return (value) =>
        integer(unit === "64" ? BigInt.asUintN(64, BigInt(value as bigint)) : Number(value) >>> 0);
    case "FLOAT":
    case "DOUBLE":
      return (value) => floating(value as number);
    case "INT32":
    case "INT64":
    case "signed":
      return (value) => integer(value as number | bigint);
    default:
      return (value) => value;
  }
}

/** What a column holds, in the words of our types where there is one. */
function describeNode(node: SchemaTree): string {
  const { element, children } = node;
  const kind = element.logical_type?.type ?? element.converted_type;
  if (children.length > 0) {
    if (kind === "MAP" || kind === "MAP_KEY_VALUE") return "map";
    if (kind !== "LIST") return "struct";
    const [inner] = children;
    return `${describeNode(inner.children.length === 1 ? inner.children[0] : inner)}[]`;
  }
  const [meaning] = meaningOf(element).split(" ");
  const word = {
    STRING: "string",
    ENUM: "string",
    JSON: "json",
    UUID: "string",
    DECIMAL: `decimal(${element.precision}, ${element.scale ?? 0})`,
    DATE: "date",
    FLOAT: "float",
    DOUBLE: "float",
    FLOAT16: "float",
    INT32: "integer",
    INT64: "integer",
    signed: "integer",
    unsigned: "integer",
    BOOLEAN: "boolean",
    BYTE_ARRAY: "bytes",
    FIXED_LEN_BYTE_ARRAY: "bytes",
  }[meaning];
  return word ?? meaning;
}

function integer(value: number | bigint): number | bigint {
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function floating(value: number): unknown {
  return Number.isInteger(value) ? float(value) : value;
}

/** After IEEE 754: one bit of sign, five of exponent, ten of fraction. */
function half(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat16(0, true);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A decimal from its whole number, or from the bytes of one, highest first. */
function decimalText(value: unknown, scale: number): string {
  const whole = value instanceof Uint8Array
    ? BigInt.asIntN(value.length * 8, value.length === 0 ? 0n : BigInt(`0x${hexOf(value)}`))
    : BigInt(value as number);
  const digits = (whole < 0n ? -whole : whole).toString().padStart(scale + 1, "0");
  const text = scale > 0 ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits;
  return whole < 0n ? `-${text}` : text;
}

const DAY = 86_400_000_000_000n;

/** A day by its number since 1970, in the calendar that holds for all time. */
function dayText(days: bigint): string {
  const [year, rest] = new Date(Number(days) * 86_400_000).toISOString().split(/(?<=\d)-(?=\d\d-)/);
  return `${year}-${rest.slice(0, 5)}`;
}

function momentText(nanos: bigint): string {
  const days = nanos >= 0n ? nanos / DAY : -((-nanos + DAY - 1n) / DAY);
  return `${dayText(days)}T${clockText(nanos - days * DAY)}`;
}

function clockText(nanos: bigint): string {
  const two = (value: bigint) => value.toString().padStart(2, "0");
  const seconds = nanos / 1_000_000_000n;
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  const clock = `${two(seconds / 3600n)}:${two(seconds / 60n % 60n)}:${two(seconds % 60n)}`;
  return fraction === "" ? clock : `${clock}.${fraction}`;
}
