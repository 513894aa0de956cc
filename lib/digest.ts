/**
 * Takes text or a JSON value and gives its SHA-256 as lower-case hex, or the canonical text that is hashed.
 * Equal content gives equal bytes: keys are sorted by code point, line ends are LF, the encoding is UTF-8.
 * Never reads a clock, a path or a file.
 */
import { createHash } from "node:crypto";

/** SHA-256 of UTF-8 text or bytes, 64 hex digits. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/**
 * Digest of a text file's content: taken over LF line ends, without a byte order mark, so that a checkout with
 * CRLF changes nothing.
 */
export function textDigest(text: string): string {
  return sha256(text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n"));
}

/**
 * Canonical JSON: keys sorted by code unit, no white space; `undefined` members are left out.
 * A `bigint` is written as a plain integer.
 *
 * @example
 * ```ts
 * import { canonicalJson } from "./digest.ts";
 * import assert from "node:assert/strict";
 * assert.equal(canonicalJson({ b: 1, a: ["é", null] }), '{"a":["é",null],"b":1}');
 * ```
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") {
    if (typeof value === "bigint") return value.toString();
    return JSON.stringify(value) ?? "null";
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value instanceof Date) return JSON.stringify(value);
  if (value instanceof Uint8Array) return `{"bytes":"${sha256(value)}"}`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(",")}}`;
}

/** CRC-32 of UTF-8 text, as other tools use it for checksums. */
export function crc32(text: string): number {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Canonical content, laid out for people: two spaces, sorted keys, a final newline. */
export function prettyJson(value: unknown): string {
  return JSON.stringify(JSON.parse(canonicalJson(value)), null, 2) + "\n";
}
