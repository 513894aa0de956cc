/**
 * Takes bytes, piece by piece, and gives their text. What is no text in the encoding is an error with its byte, never
 * a sign in its place. Knows UTF-8 unless another encoding is named, by the names that the web has for them.
 */
import { CrochetError } from "./error.ts";

/** A stream that decodes. @throws CrochetError USAGE for an unknown encoding; DATA_DAMAGED, through the stream */
export function textDecoding(file: string, encoding = "utf-8"): TransformStream<Uint8Array, string> {
  const decoder = decoderOf(encoding);
  let taken = 0;
  /** The end of the piece before: a sign may begin there. */
  let before = new Uint8Array(0);
  const decode = (bytes: Uint8Array, isLast: boolean): string => {
    try {
      return decoder.decode(bytes, { stream: !isLast });
    } catch (cause) {
      const all = new Uint8Array(before.length + bytes.length);
      all.set(before);
      all.set(bytes, before.length);
      const offset = taken - before.length + (decoder.encoding === "utf-8" ? invalidAt(all) : 0);
      throw new CrochetError("DATA_DAMAGED", `"${file}" is no ${decoder.encoding} text at byte ${offset}`, {
        at: { file },
        hint: hintFor(taken === 0 ? bytes : new Uint8Array(0)),
        cause,
        data: { offset },
      });
    }
  };
  return new TransformStream({
    transform(bytes, controller) {
      const text = decode(bytes, false);
      if (text !== "") controller.enqueue(text);
      taken += bytes.length;
      before = bytes.slice(-3);
    },
    flush(controller) {
      const text = decode(new Uint8Array(0), true);
      if (text !== "") controller.enqueue(text);
    },
  });
}

function decoderOf(encoding: string): TextDecoder {
  try {
    // A byte order mark stays: the readers take it away, and only from the very start.
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  } catch (cause) {
    throw new CrochetError("USAGE", `There is no encoding "${encoding}"`, {
      hint: "for example utf-8, latin1, windows-1252, utf-16le, shift_jis, gbk",
      cause,
    });
  }
}

function hintFor(head: Uint8Array): string {
  if (head[0] === 0xff && head[1] === 0xfe) return "it is UTF-16: --encoding utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "it is UTF-16: --encoding utf-16be";
  return "name the encoding it has: --encoding windows-1252";
}

/** Place of the first byte that is no UTF-8. */
function invalidAt(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) {
    const length = signLength(bytes, at);
    if (length === 0) return at;
    at += length;
  }
  return bytes.length;
}

/** Length of the sign at a place, after the table of RFC 3629; 0 where there is none. */
function signLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first < 0xe0
    ? 2
    : first >= 0xe0 && first < 0xf0
    ? 3
    : first >= 0xf0 && first < 0xf5
    ? 4
    : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const low = { 0xe0: 0xa0, 0xf0: 0x90 }[first] ?? 0x80;
  const high = { 0xed: 0x9f, 0xf4: 0x8f }[first] ?? 0xbf;
  if (bytes[at + 1] < low || bytes[at + 1] > high) return 0;
  for (let i = 2; i < length; i++) if (bytes[at + i] >> 6 !== 2) return 0;
  return length;
}
