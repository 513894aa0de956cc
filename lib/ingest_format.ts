/**
 * Takes a file's name, its first bytes and what a person said of it, and gives its format and compression. The name
 * says what a file is, the bytes must not contradict it. Never reads a file.
 */
import { CrochetError } from "./error.ts";
import { nearest } from "./text.ts";

/** Formats of records. */
export const FORMATS = ["csv", "tsv", "json", "jsonl", "parquet"] as const;
/** One of {@link FORMATS}. */
export type Format = typeof FORMATS[number];

/** Compressions; `snappy` is framed, of Hadoop, or one raw block: the bytes tell. */
export const COMPRESSIONS = ["none", "gzip", "bzip2", "zstd", "lz4", "xz", "snappy", "brotli"] as const;
/** One of {@link COMPRESSIONS}. */
export type Compression = typeof COMPRESSIONS[number];

/** What a file is. */
export interface FileKind {
  format: Format;
  compression: Compression;
}

const FORMAT_ENDINGS: Record<string, Format> = {
  csv: "csv",
  tsv: "tsv",
  tab: "tsv",
  json: "json",
  jsonl: "jsonl",
  ndjson: "jsonl",
  ldjson: "jsonl",
  parquet: "parquet",
  pq: "parquet",
};

const COMPRESSION_ENDINGS: Record<string, Compression> = {
  gz: "gzip",
  gzip: "gzip",
  bz2: "bzip2",
  zst: "zstd",
  zstd: "zstd",
  lz4: "lz4",
  xz: "xz",
  lzma: "xz",
  lz: "xz",
  snappy: "snappy",
  sz: "snappy",
  snz: "snappy",
  br: "brotli",
};

/** How many bytes of a file {@link sniff} looks at. */
export const MAGIC_SIZE = 16;

/** First bytes of what a file may be, in hexadecimal; `.` stands for any digit. */
const MAGIC: [RegExp, what: string, compression?: Compression][] = [
  [/^1f8b08/, "gzip", "gzip"],
  [/^425a68[3-9]/, "bzip2", "bzip2"],
  [/^28b52ffd/, "zstd", "zstd"],
  [/^(04224d18|02214c18)/, "lz4", "lz4"],
  [/^(fd377a585a00|5d0000..00|4c5a495001)/, "xz", "xz"],
  [/^ff060000734e61507059/, "snappy", "snappy"],
  [/^50415231/, "Parquet"],
  [/^(504b0304|504b0506)/, "a zip archive (also what .xlsx is)"],
  [/^4f626a01/, "Avro"],
  [/^4f5243/, "ORC"],
  [/^4152524f5731/, "Arrow"],
  [/^53514c69746520666f726d61742033/, "a SQLite database"],
  [/^(89504e47|ffd8ff|25504446|7f454c46|d0cf11e0)/, "no table of records"],
];

/** What the first bytes of a file say it is; undefined where they say nothing. */
export function sniff(head: Uint8Array): { what: string; compression?: Compression } | undefined {
  const hex = Array.from(head.subarray(0, MAGIC_SIZE), (byte) => byte.toString(16).padStart(2, "0")).join("");
  // Frames to be skipped are the same in zstd and lz4.
  if (/^5.2a4d18/.test(hex)) return { what: "zstd or lz4" };
  const found = MAGIC.find(([pattern]) => pattern.test(hex));
  return found && { what: found[1], ...(found[2] && { compression: found[2] }) };
}

/**
 * Format and compression of a file, by its name and what was said of it.
 *
 * @example
 * ```ts
 * import { kindOf } from "./ingest_format.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(kindOf("people.csv.gz"), { format: "csv", compression: "gzip" });
 * assert.deepEqual(kindOf("dump", { format: "jsonl" }), { format: "jsonl", compression: "none" });
 * ```
 * @throws CrochetError DATA_FORMAT where neither name nor words tell
 */
export function kindOf(name: string, said: { format?: string; compression?: string } = {}): FileKind {
  const parts = (name.split(/[\\/]/).at(-1) ?? "").toLowerCase().split(".").slice(1);
  const last = parts.at(-1) ?? "";
  const byName = COMPRESSION_ENDINGS[last];
  const compression = said.compression === undefined
    ? byName ?? "none"
    : known(said.compression, COMPRESSIONS, "compression");
  const ending = byName ? parts.at(-2) ?? "" : last;
  const format = said.format === undefined ? FORMAT_ENDINGS[ending] : known(said.format, FORMATS, "format");
  if (format === undefined) {
    const meant = nearest(ending, Object.keys(FORMAT_ENDINGS));
    throw new CrochetError("DATA_FORMAT", `The name "${name}" does not say what format the file has`, {
      hint: `say it: --format ${FORMATS.join("|")}${ending && meant ? ` (did you mean .${meant}?)` : ""}`,
    });
  }
  return { format, compression };
}

function known<T extends string>(word: string, words: readonly T[], what: string): T {
  const found = words.find((candidate) => candidate === word.toLowerCase());
  if (found) return found;
  const meant = nearest(word, words);
  throw new CrochetError("DATA_FORMAT", `There is no ${what} "${word}"`, {
    hint: `one of ${words.join(", ")}${meant ? `; did you mean ${meant}?` : ""}`,
  });
}

/** Refuses a file whose first bytes are those of something else. @throws CrochetError DATA_FORMAT */
export function checkMagic(file: string, { format, compression }: FileKind, head: Uint8Array): void {
  const found = sniff(head);
  const is = (what: string, hint: string): never => {
    throw new CrochetError(
      "DATA_FORMAT",
      `"${file}" is not what its name or the options say: it is ${what}`,
      {
        at: { file },
        hint,
      },
    );
  };
  if (compression === "none") {
    if (format === "parquet") {
      if (found?.what === "Parquet" || head.length === 0) return;
      return is(found?.what ?? "no Parquet", "name the format: --format csv|tsv|json|jsonl");
    }
    if (!found) return;
    const isPacked = found.compression !== undefined;
    const hint = isPacked
      ? `say so: --compression ${found.compression}`
      : found.what === "Parquet"
      ? "say so: --format parquet"
      : "only CSV, TSV, JSON, JSON Lines and Parquet can be read";
    return is(found.what, hint);
  }
  if (format === "parquet") {
    is(`Parquet under ${compression}`, "Parquet compresses inside of itself; unpack the outer layer first");
  }
  // These have no first bytes of their own.
  if (compression === "brotli" || compression === "snappy") {
    if (found && found.compression !== compression) {
      is(found.what, "correct the name, or say it: --compression");
    }
    return;
  }
  if (found?.compression === compression || found?.what === "zstd or lz4" || head.length === 0) return;
  is(found?.what ?? `not ${compression}`, "correct the name, or say it: --compression none");
}
