/**
 * Takes the bytes of a Python file and gives its text as Python decodes it: UTF-8, a byte order mark, or the
 * encoding that a comment in the first two lines names. Positions in the text lead back to positions in the bytes.
 * Source: PEP 263 and `tokenize.detect_encoding` of CPython.
 */
import { messageOf } from "./error.ts";

/** A decoded file; with a problem the text is empty. */
export interface DecodedSource {
  text: string;
  /** Length of the byte order mark, which is no part of the text. */
  mark: number;
  isUtf8: boolean;
  decode(bytes: Uint8Array): string;
  problem?: string;
  /** The line of the problem. */
  line?: number;
}

const COOKIE = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;
const BLANK = /^[ \t\f]*(?:#.*)?$/;

/** Python's names of encodings that the web calls otherwise; `latin-1` is not the web's windows-1252. */
const NAMES: Record<string, string> = {
  "utf8": "utf-8",
  "u8": "utf-8",
  "utf": "utf-8",
  "utf-8-sig": "utf-8",
  "latin-1": "latin-1",
  "latin1": "latin-1",
  "latin": "latin-1",
  "l1": "latin-1",
  "iso-8859-1": "latin-1",
  "iso8859-1": "latin-1",
  "iso-latin-1": "latin-1",
  "8859": "latin-1",
  "cp819": "latin-1",
  "ascii": "ascii",
  "us-ascii": "ascii",
  "646": "ascii",
  "latin2": "iso-8859-2",
  "latin-2": "iso-8859-2",
  "latin9": "iso-8859-15",
  "latin-9": "iso-8859-15",
  "cp866": "ibm866",
  "cp932": "shift_jis",
  "sjis": "shift_jis",
  "shift-jis": "shift_jis",
  "gb2312": "gbk",
  "cp936": "gbk",
  "cp949": "euc-kr",
  "uhc": "euc-kr",
  "cp950": "big5",
  "mac-roman": "macintosh",
  "macroman": "macintosh",
  "mac-cyrillic": "x-mac-cyrillic",
};

/** Decodes a Python file. Never throws: `problem` says why Python cannot. */
export function decodePython(bytes: Uint8Array): DecodedSource {
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const name = cookieOf(bytes.subarray(mark)) ?? "utf-8";
  const plain = name.toLowerCase().replaceAll("_", "-");
  const encoding = NAMES[plain.replace(/^(latin-1|iso-8859-1|iso-latin-1)-.*/, "$1")] ??
    plain.replace(/^utf-8-.*/, "utf-8").replace(/^cp(125\d)$/, "windows-$1")
      .replace(/^iso8859-(\d+)$/, "iso-8859-$1");
  const broken = (problem: string, line = 1): DecodedSource => ({
    line,
    text: "",
    mark,
    isUtf8: false,
    decode: () => "",
    problem,
  });
  if (mark > 0 && encoding !== "utf-8") {
    return broken(`the file is UTF-8 by its first bytes and ${name} by its comment`);
  }
  const decode = decoderOf(encoding);
  if (!decode) return broken(`the encoding "${name}" is not known`);
  try {
    return { text: decode(bytes.subarray(mark)), mark, isUtf8: encoding === "utf-8", decode };
  } catch (error) {
    return broken(`the file cannot be read as ${name}: ${messageOf(error)}`, brokenLine(bytes, decode));
  }
}

/** The first line that cannot be decoded. */
function brokenLine(bytes: Uint8Array, decode: DecodedSource["decode"]): number {
  let line = 1;
  for (let at = 0; at < bytes.length; line++) {
    const end = bytes.indexOf(10, at);
    const stop = end === -1 ? bytes.length : end + 1;
    try {
      decode(bytes.subarray(at, stop));
    } catch {
      return line;
    }
    at = stop;
  }
  return 1;
}

/** The encoding that a comment in the first two lines names; a second line counts after a blank one only. */
function cookieOf(bytes: Uint8Array): string | undefined {
  const head = latin1(bytes.subarray(0, 1000));
  const [first = "", second = ""] = head.split(/\r\n|\r|\n/);
  const found = COOKIE.exec(first) ?? (BLANK.test(first) ? COOKIE.exec(second) : null);
  return found?.[1];
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 10_000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 10_000));
  }
  return text;
}

function decoderOf(encoding: string): ((bytes: Uint8Array) => string) | undefined {
  if (encoding === "latin-1") return latin1;
  if (encoding === "ascii") {
    return (bytes) => {
      const at = bytes.findIndex((byte) => byte > 127);
      if (at !== -1) throw new Error(`byte ${at} is no ASCII character`);
      return latin1(bytes);
    };
  }
  try {
    // A mark inside of the text is a character that Python refuses by itself.
    const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
    return encoding.startsWith("utf-16") ? undefined : (bytes) => decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The offsets in the bytes at which characters of the text begin; `offsets` ascend. */
export function byteOffsets(bytes: Uint8Array, source: DecodedSource, offsets: number[]): number[] {
  let [line, lineByte] = [0, source.mark];
  return offsets.map((offset) => {
    // In every encoding that Python reads a line feed is this one byte, and never part of another character.
    for (
      let end = source.text.indexOf("\n", line);
      end !== -1 && end < offset;
      end = source.text.indexOf("\n", line)
    ) {
      line = end + 1;
      lineByte = bytes.indexOf(10, lineByte) + 1;
    }
    const part = source.text.slice(line, offset);
    let length = part.length;
    while (
      lineByte + length < bytes.length && !matches(source, bytes.subarray(lineByte, lineByte + length), part)
    ) length++;
    return lineByte + length;
  });
}

function matches(source: DecodedSource, bytes: Uint8Array, text: string): boolean {
  try {
    return source.decode(bytes) === text;
  } catch {
    return false;
  }
}
