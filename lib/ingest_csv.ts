/**
 * Takes the text of a CSV file, piece by piece, and gives its rows, after RFC 4180 and what the world writes: quotes,
 * doubled quotes, newlines in fields, LF, CRLF or CR, other separators, comments. Where a piece ends changes nothing.
 * What is malformed is an error with its line. Every value is a text, or null where it is spelled as null.
 */
import { CrochetError } from "./error.ts";
import type { RowChunk } from "./ingest_rows.ts";

/** How a CSV file is written. */
export interface CsvOptions {
  /** Between fields; one character, "," by default. */
  separator?: string;
  /** Around fields; one character, '"' by default, or "" where nothing quotes. */
  quote?: string;
  /** Before a quote that belongs to a field; by default, the quote itself. */
  escape?: string;
  /** What a line that is no data begins with; by default, there are none. */
  comment?: string;
  /** Names of the columns, for a file whose first line has none, or in their place. */
  columns?: readonly string[];
  /** Does the first line name the columns? True by default. */
  header?: boolean;
  /** Spellings of null; they count where they are not quoted. By default, only nothing at all. */
  nulls?: readonly string[];
}

const LF = 10;
const CR = 13;
const BOM = 0xfeff;

/** A quote that is never closed would take the rest of a file in. */
const ROW_LIMIT = 64 << 20;

/** Reads one CSV text. */
export class CsvReader {
  private readonly separator: string;
  private readonly quote: string;
  private readonly escape: string;
  private readonly comment: string | undefined;
  private readonly nulls: Set<string>;
  /** Lengths of the spellings of null: most values are told apart by them. */
  private readonly nullLengths: Set<number>;
  private columns: readonly string[] | undefined;
  private header: boolean;
  /** Text that is not read yet, and how long it must be before it is worth another look. */
  private text = "";
  private wanted = 0;
  private begun = false;
  private line = 1;
  /** What ends a line; the first one tells. */
  private lineEnd: number | undefined;

  /** `file` is named in errors. @throws CrochetError USAGE */
  constructor(private readonly file: string, options: CsvOptions = {}) {
    this.separator = oneCharacter(options.separator ?? ",", "separator");
    this.quote = options.quote === "" ? "" : oneCharacter(options.quote ?? '"', "quote");
    this.escape = options.escape === undefined ? this.quote : oneCharacter(options.escape, "escape");
    this.comment = options.comment || undefined;
    this.nulls = new Set(options.nulls ?? [""]);
    this.nullLengths = new Set([...this.nulls].map((spelling) => spelling.length));
    this.header = options.header ?? true;
    if (options.columns) this.columns = checkColumns(options.columns, file, undefined);
    if (!this.header && !this.columns) {
      throw new CrochetError("USAGE", `"${file}" has no header, and no columns are named`, {
        hint: "name them: --columns id,name,...",
      });
    }
    if (this.separator === this.quote) {
      throw new CrochetError("USAGE", "The separator and the quote are the same character");
    }
  }

  /** Takes a piece of the text; gives the rows that it completes. @throws CrochetError DATA_DAMAGED */
  push(piece: string): RowChunk {
    this.text = this.text === "" ? piece : this.text + piece;
    return this.text.length < this.wanted ? this.chunk([], []) : this.read(false);
  }

  /** Takes the end of the text. @throws CrochetError DATA_DAMAGED */
  end(): RowChunk {
    const chunk = this.read(true);
    if (this.header && this.columns === undefined) {
      throw this.fail("has no header: it is empty", this.line);
    }
    return chunk;
  }

  private chunk(rows: unknown[][], at: number[]): RowChunk {
    return { columns: this.columns ?? [], rows, at };
  }

  private read(isLast: boolean): RowChunk {
    const rows: unknown[][] = [];
    const at: number[] = [];
    let from = 0;
    if (!this.begun && this.text !== "") {
      this.begun = true;
      if (this.text.charCodeAt(0) === BOM) from = 1;
    }
    const { text } = this;
    for (;;) {
      if (from >= text.length) break;
      const line = this.line;
      const row = this.row(from, isLast);
      if (row === undefined) break;
      from = row.next;
      if (row.cells === undefined) continue;
      if (this.header) {
        this.header = false;
        this.columns ??= checkColumns(row.cells.map((cell) => cell ?? ""), this.file, line);
        continue;
      }
      const { cells } = row;
      if (cells.length !== this.columns!.length) {
        throw this.fail(
          `has ${cells.length} ${cells.length === 1 ? "field" : "fields"} in line ${line}, but ${
            this.columns!.length
          } columns`,
          line,
        );
      }
      rows.push(cells);
      at.push(line);
    }
    this.text = text.slice(from);
    // A row that is not complete is looked at again from its start, so not at every piece.
    this.wanted = from === 0 ? text.length * 2 : 0;
    if (this.text.length > ROW_LIMIT) {
      throw this.fail(
        `has a row of more than 64 MB from line ${this.line}: is a quote not closed?`,
        this.line,
      );
    }
    return this.chunk(rows, at);
  }

  /** One row from an offset; without cells where the line is none; undefined where the text ends before the row does. */
  private row(from: number, isLast: boolean): { cells?: (string | null)[]; next: number } | undefined {
    const { text, nulls, nullLengths } = this;
    const end = text.length;
    const separator = this.separator.charCodeAt(0);
    const quote = this.quote === "" ? -1 : this.quote.charCodeAt(0);
    if (this.comment !== undefined && text.startsWith(this.comment, from)) {
      const next = this.lineBreak(from, isLast);
      if (next === undefined) return undefined;
      this.line++;
      return { next };
    }
    const cells: (string | null)[] = [];
    let at = from;
    let lines = 0;
    for (;;) {
      let c = at < end ? text.charCodeAt(at) : -1;
      if (c === quote && at < end) {
        const field = this.quoted(at, isLast, lines);
        if (field === undefined) return undefined;
        cells.push(field.value);
        lines += field.lines;
        at = field.next;
        c = at < end ? text.charCodeAt(at) : -1;
        if (c !== separator && c !== LF && c !== CR && c !== -1) {
          throw this.fail(`has text behind a closing quote in line ${this.line + lines}`, this.line + lines);
        }
      } else {
        const start = at;
        while (c !== separator && c !== LF && c !== CR && c !== -1) {
          at++;
          c = at < end ? text.charCodeAt(at) : -1;
        }
        const value = text.slice(start, at);
        cells.push(nullLengths.has(value.length) && nulls.has(value) ? null : value);
      }
      if (c === separator) {
        at++;
        continue;
      }
      if (c === -1) {
        if (!isLast) return undefined;
        return this.finished(cells, from, at, at, lines);
      }
      // A CR at the end of a piece may be one half of a CRLF.
      if (c === CR && at + 1 === end && !isLast) return undefined;
      const isPair = c === CR && text.charCodeAt(at + 1) === LF;
      this.lineEnd ??= c === LF || isPair ? LF : CR;
      if (c === CR && !isPair && this.lineEnd === LF) {
        throw this.fail(
          `has a carriage return alone in line ${this.line + lines}: quote the field`,
          this.line + lines,
        );
      }
      return this.finished(cells, from, at, at + (isPair ? 2 : 1), lines + 1);
    }
  }

  /** A line without a single character is no row. */
  private finished(
    cells: (string | null)[],
    from: number,
    to: number,
    next: number,
    lines: number,
  ): { cells?: (string | null)[]; next: number } {
    this.line += lines;
    return from === to ? { next } : { cells, next };
  }

  private lineBreak(from: number, isLast: boolean): number | undefined {
    const { text } = this;
    for (let at = from; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === LF) return at + 1;
      if (c !== CR) continue;
      if (at + 1 === text.length && !isLast) return undefined;
      return text.charCodeAt(at + 1) === LF ? at + 2 : at + 1;
    }
    return isLast ? text.length : undefined;
  }

  /** A quoted field from its opening quote. */
  private quoted(
    from: number,
    isLast: boolean,
    lines: number,
  ): { value: string; next: number; lines: number } | undefined {
    const { text, quote, escape } = this;
    let at = from + 1;
    let hasEscapes = false;
    for (;;) {
      const found = text.indexOf(quote, at);
      if (found < 0) {
        if (!isLast) return undefined;
        throw this.fail(`has a quote in line ${this.line + lines} that is not closed`, this.line + lines);
      }
      if (escape !== quote) {
        let before = found;
        while (text[before - 1] === escape && before - 1 > from) before--;
        if ((found - before) % 2 === 1) {
          hasEscapes = true;
          at = found + 1;
          continue;
        }
        hasEscapes ||= text.slice(from + 1, found).includes(escape);
      } else {
        // The next piece may begin with the second of two quotes.
        if (found + 1 === text.length && !isLast) return undefined;
        if (text[found + 1] === quote) {
          hasEscapes = true;
          at = found + 2;
          continue;
        }
      }
      const raw = text.slice(from + 1, found);
      const value = hasEscapes ? this.unescaped(raw) : raw;
      return { value, next: found + 1, lines: countLines(raw, this.lineEnd) };
    }
  }

  private unescaped(raw: string): string {
    const { quote, escape } = this;
    if (escape === quote) return raw.replaceAll(quote + quote, quote);
    let value = "";
    for (let i = 0; i < raw.length; i++) value += raw[i] === escape && i + 1 < raw.length ? raw[++i] : raw[i];
    return value;
  }

  private fail(what: string, line: number): CrochetError {
    return new CrochetError("DATA_DAMAGED", `"${this.file}" ${what}`, {
      at: { file: this.file, line },
      hint:
        "correct the file, or say how it is written: --separator, --quote, --escape, --comment, --no-header",
    });
  }
}

function countLines(text: string, lineEnd: number | undefined): number {
  const end = lineEnd === CR ? "\r" : "\n";
  let lines = 0;
  for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, at + 1)) lines++;
  return lines;
}

function oneCharacter(value: string, what: string): string {
  if (value.length === 1 && !/[\r\n]/.test(value)) return value;
  throw new CrochetError("USAGE", `The ${what} ${JSON.stringify(value)} is not one character`, {
    hint: `a tab is written as "\\t"`,
  });
}

/** Names of columns must be there, each once. */
function checkColumns(columns: readonly string[], file: string, line: number | undefined): readonly string[] {
  const fail = (what: string): never => {
    throw new CrochetError("DATA_DAMAGED", `"${file}" ${what}`, {
      at: { file, line },
      hint: "correct the header, or name the columns: --columns id,name,...",
    });
  };
  const empty = columns.indexOf("");
  if (empty >= 0) fail(`has no name for column ${empty + 1}`);
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice !== undefined) fail(`names the column "${twice}" twice`);
  return columns;
}
