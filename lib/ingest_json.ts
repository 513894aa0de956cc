/**
 * Takes the text of a JSON file, piece by piece, and gives its records: one a line, the items of one array, or objects
 * one after the other. Whole numbers beyond 2^53 stay exact, 1.0 stays a float. Where a piece ends changes nothing.
 */
import { CrochetError, messageOf } from "./error.ts";
import { float } from "./graph_value.ts";
import { type DataRecord, fromRecords, type RowChunk } from "./ingest_rows.ts";

/** A record that is larger than this is no record. */
const RECORD_LIMIT = 64 << 20;

/** Numbers that JSON.parse would change: more than 15 digits, or whole ones that are written as floats. */
const DELICATE = /\d{16}|\d\.0+(?!\d)|\d[eE]/;

/** Reads one value, with its numbers as they are written. @throws SyntaxError */
export function parseJson(text: string): unknown {
  return DELICATE.test(text) ? JSON.parse(text, exactly) : JSON.parse(text);
}

function exactly(_: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined) return value;
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source);
  return Number.isInteger(value) ? float(value) : value;
}

/** Reads JSON Lines: a line that is empty is none. */
export class JsonLinesReader {
  private text = "";
  private line = 1;
  private begun = false;

  constructor(private readonly file: string) {}

  /** Takes a piece of the text; gives the records that it completes. @throws CrochetError DATA_DAMAGED */
  push(piece: string): RowChunk {
    return this.read(piece, false);
  }

  /** Takes the end of the text. @throws CrochetError DATA_DAMAGED */
  end(): RowChunk {
    return this.read("", true);
  }

  private read(piece: string, isLast: boolean): RowChunk {
    const records: DataRecord[] = [];
    const at: number[] = [];
    const begin = (text: string) => {
      if (this.begun || text === "") return text;
      this.begun = true;
      return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    };
    const fresh = begin(piece);
    // Only a line feed ends a line; U+2028 and its like may stand in a text.
    let from = 0;
    for (;;) {
      const end = fresh.indexOf("\n", from);
      if (end < 0) break;
      const line = this.text + fresh.slice(from, end);
      this.text = "";
      from = end + 1;
      this.take(line, records, at);
      this.line++;
    }
    this.text += fresh.slice(from);
    if (this.text.length > RECORD_LIMIT) throw tooLong(this.file, this.line);
    if (isLast) {
      this.take(this.text, records, at);
      this.text = "";
    }
    return fromRecords(records, at);
  }

  private take(line: string, records: DataRecord[], at: number[]): void {
    if (/^\s*$/.test(line)) return;
    records.push(recordOf(line, this.file, this.line, `line ${this.line}`));
    at.push(this.line);
  }
}

/** Reads the items of an array, or objects one after the other. */
export class JsonReader {
  private text = "";
  /** How far the text is looked at, and what was met there. */
  private at = 0;
  private depth = 0;
  private inText = false;
  private isEscaped = false;
  /** Where the present record begins; -1 between records. */
  private start = -1;
  private startLine = 1;
  private line = 1;
  private count = 0;
  private shape: "array" | "stream" | undefined;
  private state: "item" | "comma" | "first" | "end" = "first";

  constructor(private readonly file: string) {}

  /** Takes a piece of the text; gives the records that it completes. @throws CrochetError DATA_DAMAGED */
  push(piece: string): RowChunk {
    this.text += piece;
    const records: DataRecord[] = [];
    const at: number[] = [];
    this.scan(records, at);
    const keep = this.start < 0 ? this.at : this.start;
    this.text = this.text.slice(keep);
    this.at -= keep;
    if (this.start >= 0) this.start = 0;
    if (this.text.length > RECORD_LIMIT) throw tooLong(this.file, this.startLine);
    return fromRecords(records, at);
  }

  /** Takes the end of the text. @throws CrochetError DATA_DAMAGED */
  end(): RowChunk {
    if (this.start >= 0 || (this.shape === "array" && this.state !== "end")) {
      throw this.fail("ends before its end", this.line);
    }
    if (this.shape === undefined) throw this.fail("holds no JSON: it is empty", this.line);
    return fromRecords([], []);
  }

  private scan(records: DataRecord[], at: number[]): void {
    const { text } = this;
    for (; this.at < text.length; this.at++) {
      const c = text.charCodeAt(this.at);
      if (c === 10) this.line++;
      if (this.start >= 0) {
        this.within(c, records, at);
      } else this.between(c);
    }
  }

  /** One sign inside of a record. */
  private within(c: number, records: DataRecord[], at: number[]): void {
    if (this.inText) {
      if (this.isEscaped) this.isEscaped = false;
      else if (c === 92) this.isEscaped = true;
      else if (c === 34) this.inText = false;
      return;
    }
    if (c === 34) this.inText = true;
    else if (c === 123 || c === 91) this.depth++;
    else if ((c === 125 || c === 93) && --this.depth === 0) {
      this.count++;
      const source = this.text.slice(this.start, this.at + 1);
      const where = this.shape === "array"
        ? `record ${this.count}, from line ${this.startLine}`
        : `line ${this.startLine}`;
      records.push(recordOf(source, this.file, this.startLine, where));
      at.push(this.shape === "array" ? this.count : this.startLine);
      this.start = -1;
      this.state = "comma";
    }
  }

  /** One sign between records. */
  private between(c: number): void {
    if (c === 32 || c === 9 || c === 10 || c === 13) return;
    if (this.shape === undefined) {
      if (c === 0xfeff && this.at === 0) return;
      this.shape = c === 91 ? "array" : "stream";
      if (c === 91) return;
    }
    if (this.shape === "stream") {
      if (c !== 123) throw this.unexpected(c);
      return this.begin();
    }
    if (this.state === "end") throw this.fail(`has text behind its array in line ${this.line}`, this.line);
    if (this.state === "comma" && c === 44) this.state = "item";
    else if (c === 93 && this.state !== "item") this.state = "end";
    else if (c === 123 && this.state !== "comma") this.begin();
    else throw this.unexpected(c);
  }

  private begin(): void {
    this.start = this.at;
    this.startLine = this.line;
    this.depth = 1;
  }

  private unexpected(c: number): CrochetError {
    const sign = JSON.stringify(String.fromCharCode(c));
    return this.fail(`has ${sign} in line ${this.line}, where a record ({...}) is expected`, this.line);
  }

  private fail(what: string, line: number): CrochetError {
    return new CrochetError("DATA_DAMAGED", `"${this.file}" ${what}`, {
      at: { file: this.file, line },
      hint: "a JSON file holds one array of objects, or objects one after the other",
    });
  }
}

function recordOf(text: string, file: string, line: number, where: string): DataRecord {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    const message = messageOf(cause).replace(/ in JSON at position.*| \(line \d+ column \d+\).*/s, "");
    throw new CrochetError("DATA_DAMAGED", `"${file}" is no JSON in ${where}: ${message}`, {
      at: { file, line },
      hint: "correct the file",
      cause,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as DataRecord;
  const kind = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
  throw new CrochetError("DATA_DAMAGED", `"${file}" holds ${kind} in ${where}, and no record ({...})`, {
    at: { file, line },
    hint: "each record is an object: names and values",
  });
}

function tooLong(file: string, line: number): CrochetError {
  return new CrochetError("DATA_DAMAGED", `"${file}" has a record of more than 64 MB from line ${line}`, {
    at: { file, line },
    hint: "is a quote or a brace not closed?",
  });
}
