/**
 * Takes the text of a Python file and gives its tokens: names, numbers, strings, operators, and the line ends and
 * indentation that make statements and bodies. What Python's own tokenizer refuses is a {@link PythonSyntaxError}
 * with its place. Source: "Lexical analysis" of the Python 3.14 reference; limits are CPython's.
 */

/** Character offsets in the source text. */
export interface Span {
  from: number;
  to: number;
}

/** Where and why the text is no Python 3. */
export class PythonSyntaxError extends Error {
  constructor(message: string, readonly span: Span) {
    super(message);
  }
}

/** What a token is; `op` and `keyword` are told apart by their text. */
export type TokenType =
  | "name"
  | "keyword"
  | "number"
  | "string"
  | "op"
  | "newline"
  | "indent"
  | "dedent"
  /** The beginning of an f-string or t-string with its quotes, its literal text, and its closing quotes. */
  | "fstart"
  | "ftext"
  | "fend"
  | "end";

/** A token; `text` is what it says for names, keywords, operators and the start of f-strings, else empty. */
export interface Token extends Span {
  type: TokenType;
  text: string;
}

const KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from " +
    "global if import in is lambda nonlocal not or pass raise return try while with yield").split(" "),
);
/** Keywords that may follow a number without a space: `1if x else 2`. */
const AFTER_NUMBER = /(?:and|else|for|if|in|is|not|or)(?![\p{ID_Continue}])/uy;
const MAX_BRACKETS = 200;
const MAX_INDENTS = 100;

const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?/y;
const NAME = /[\p{XID_Start}_][\p{XID_Continue}]*/uy;
const STRING_START = /([rRuUbBfFtT]|[bBfFtT][rR]|[rR][bBfFtT])?("""|'''|"|')/y;
const OPERATOR =
  /\*\*=|\/\/=|>>=|<<=|\.\.\.|->|:=|\*\*|\/\/|>>|<<|<=|>=|==|!=|<>|\+=|-=|\*=|\/=|%=|@=|&=|\|=|\^=|[-+*/%@&|^~<>()\[\]{},:.;=!]/y;
const CLOSING: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** An f-string that is being read. */
interface Format {
  quote: string;
  raw: boolean;
  /** Brackets that were open where each replacement field began, the innermost field last. */
  fields: { brackets: number; inSpec: boolean }[];
  start: number;
}

/** All tokens of a text, an `end` last. @throws PythonSyntaxError */
export function tokenize(text: string): Token[] {
  return new Tokenizer(text).all();
}

class Tokenizer {
  private readonly tokens: Token[] = [];
  private readonly brackets: { text: string; at: number }[] = [];
  /** Width of each open indentation, as Python counts it with tabs of 8 and with tabs of 1. */
  private readonly indents: [number, number][] = [[0, 0]];
  private readonly formats: Format[] = [];
  private at = 0;

  constructor(private readonly text: string) {}

  all(): Token[] {
    const nul = this.text.indexOf("\0");
    if (nul !== -1) this.fail("source code cannot contain null bytes", nul);
    let lineStart = true;
    while (this.at < this.text.length) {
      if (lineStart && this.brackets.length === 0) {
        lineStart = false;
        if (!this.indentation()) {
          lineStart = true;
          continue;
        }
      }
      if (this.inText()) this.formatText();
      else lineStart = this.token();
    }
    this.end();
    return this.tokens;
  }

  private end(): void {
    const { length } = this.text;
    const open = this.formats.at(-1);
    if (open) this.unterminated(open.quote, open.start, "f-string");
    const bracket = this.brackets.at(-1);
    if (bracket) this.fail(`'${bracket.text}' was never closed`, bracket.at);
    const last = this.tokens.at(-1);
    if (last && last.type !== "newline" && last.type !== "dedent") this.push("newline", length, length);
    while (this.indents.length > 1) {
      this.indents.pop();
      this.push("dedent", length, length);
    }
    this.push("end", length, length);
  }

  private fail(message: string, from: number, to = from + 1): never {
    throw new PythonSyntaxError(message, { from, to });
  }

  private push(type: TokenType, from: number, to: number, text = ""): void {
    this.tokens.push({ type, from, to, text });
  }

  /** Reads the beginning of a line; false where the line is blank or holds a comment only. */
  private indentation(): boolean {
    const { text } = this;
    let [wide, narrow, continued] = [0, 0, 0];
    let at = this.at;
    for (;; at++) {
      const char = text[at];
      if (char === " ") [wide, narrow] = [wide + 1, narrow + 1];
      else if (char === "\t") [wide, narrow] = [(Math.floor(wide / 8) + 1) * 8, narrow + 1];
      else if (char === "\f") [wide, narrow] = [0, 0];
      else if (char === "\\" && isBreak(text, at + 1)) {
        // The first backslash after white space decides on the indentation; one without leaves it to the next line.
        continued ||= wide;
        const next = pastBreak(text, at + 1);
        if (next >= text.length) this.fail("unexpected end of the file after a backslash", at);
        at = next - 1;
      } else break;
    }
    const char = text[at];
    if (char === "#" || char === "\n" || char === "\r" || char === undefined) {
      this.at = pastLine(text, at);
      return false;
    }
    this.at = at;
    this.indent(continued || wide, continued || narrow, at);
    return true;
  }

  private indent(wide: number, narrow: number, at: number): void {
    const { indents } = this;
    const [topWide, topNarrow] = indents.at(-1)!;
    const tabs = "inconsistent use of tabs and spaces in indentation";
    if (wide === topWide) {
      if (narrow !== topNarrow) this.fail(tabs, at);
    } else if (wide > topWide) {
      if (narrow <= topNarrow) this.fail(tabs, at);
      if (indents.length >= MAX_INDENTS) this.fail("too many levels of indentation", at);
      indents.push([wide, narrow]);
      this.push("indent", at, at);
    } else {
      while (indents.length > 1 && wide < indents.at(-1)![0]) {
        indents.pop();
        this.push("dedent", at, at);
      }
      const [foundWide, foundNarrow] = indents.at(-1)!;
      if (wide !== foundWide) this.fail("unindent does not match any outer indentation level", at);
      if (narrow !== foundNarrow) this.fail(tabs, at);
    }
  }

  /** Is the next character literal text of an f-string, or of the format of one of its fields? */
  private inText(): boolean {
    const format = this.formats.at(-1);
    if (!format) return false;
    const field = format.fields.at(-1);
    return !field || (field.inSpec && this.brackets.length === field.brackets);
  }

  /** Reads one token; true where a line ended. */
  private token(): boolean {
    const { text } = this;
    const from = this.at;
    const char = text[from];
    if (char === " " || char === "\t" || char === "\f") {
      this.at++;
      return false;
    }
    if (char === "\n" || char === "\r") {
      this.at = pastBreak(text, from);
      if (this.brackets.length > 0) return false;
      this.push("newline", from, this.at);
      return true;
    }
    if (char === "#") {
      while (this.at < text.length && !isBreak(text, this.at)) this.at++;
      return false;
    }
    if (char === "\\") {
      if (!isBreak(text, from + 1)) {
        this.fail("unexpected character after line continuation character", from + 1);
      }
      this.at = pastBreak(text, from + 1);
      if (this.at >= text.length) this.fail("unexpected end of the file after a backslash", from);
      return false;
    }
    if (this.string() || this.number() || this.name()) return false;
    this.operator();
    return false;
  }

  private name(): boolean {
    const { text } = this;
    const from = this.at;
    let at = from;
    let code = text.charCodeAt(at);
    while (isWordCode(code)) code = text.charCodeAt(++at);
    const plain = !(code > 127);
    if (!plain) {
      NAME.lastIndex = from;
      const found = NAME.exec(text);
      if (!found) return false;
      at = from + found[0].length;
    }
    if (at === from) return false;
    this.at = at;
    const word = text.slice(from, at);
    if (KEYWORDS.has(word)) this.push("keyword", from, at, word);
    else this.push("name", from, at, plain ? word : word.normalize("NFKC"));
    return true;
  }

  private number(): boolean {
    const { text } = this;
    const from = this.at;
    const code = text.charCodeAt(from);
    const digit = code >= 48 && code <= 57;
    if (!digit && !(code === 46 && /\d/.test(text[from + 1] ?? ""))) return false;
    NUMBER.lastIndex = from;
    const [found] = NUMBER.exec(text)!;
    const end = from + found.length;
    if (/^0[\d_]*$/.test(found) && /[1-9]/.test(found)) {
      this.fail(
        "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers",
        from,
        end,
      );
    }
    if (found === "0" && /[oO]/.test(text[end] ?? "")) this.fail("invalid octal literal", from, end + 1);
    NAME.lastIndex = end;
    AFTER_NUMBER.lastIndex = end;
    if (/\d/.test(text[end] ?? "") || (NAME.test(text) && !AFTER_NUMBER.test(text))) {
      this.fail("invalid number literal", from, end + 1);
    }
    this.push("number", from, end);
    this.at = end;
    return true;
  }

  private string(): boolean {
    const { text } = this;
    const code = text.charCodeAt(this.at) | 32;
    // Only a quote or one of the letters b, f, r, t, u begins a string; the rest is told apart cheaply.
    if (
      code !== 34 && code !== 39 && code !== 98 && code !== 102 && code !== 114 && code !== 116 &&
      code !== 117
    ) {
      return false;
    }
    STRING_START.lastIndex = this.at;
    const start = STRING_START.exec(text);
    if (!start) return false;
    const [head, prefix = "", quote] = start;
    const from = this.at;
    const letters = prefix.toLowerCase();
    if (letters.includes("f") || letters.includes("t")) {
      this.push("fstart", from, from + head.length, letters);
      this.formats.push({ quote, raw: letters.includes("r"), fields: [], start: from });
      this.at = from + head.length;
      return true;
    }
    for (let at = from + head.length; at < text.length; at++) {
      const char = text[at];
      if (char === "\\") at = text[at + 1] === "\r" && text[at + 2] === "\n" ? at + 2 : at + 1;
      else if (char === quote[0] && (quote.length === 1 || text.startsWith(quote, at))) {
        this.at = at + quote.length;
        this.push("string", from, this.at);
        return true;
      } else if (quote.length === 1 && (char === "\n" || char === "\r")) break;
    }
    return this.unterminated(quote, from, "string");
  }

  private unterminated(quote: string, from: number, what: string): never {
    this.fail(`unterminated ${quote.length === 3 ? "triple-quoted " : ""}${what} literal`, from);
  }

  /** Literal text of an f-string up to its end or the next field. */
  private formatText(): void {
    const { text } = this;
    const format = this.formats.at(-1)!;
    const { quote, raw, start } = format;
    const inSpec = format.fields.length > 0;
    const from = this.at;
    for (let at = from; at < text.length; at++) {
      const char = text[at];
      if (char === quote[0] && (quote.length === 1 || text.startsWith(quote, at))) {
        if (inSpec) this.fail("f-string: expecting '}'", at);
        this.flush(from, at);
        this.formats.pop();
        this.push("fend", at, at + quote.length);
        this.at = at + quote.length;
        return;
      }
      if (char === "\\") {
        const name = !raw && /^\\N\{[^{}'"\n]*\}/.exec(text.slice(at, at + 90));
        if (!raw && text.startsWith("\\N{{", at)) this.fail("f-string: single '}' is not allowed", at);
        if (name) at += name[0].length - 1;
        else if (text[at + 1] === "\r" && text[at + 2] === "\n") at += 2;
        else if (text[at + 1] !== "{" && text[at + 1] !== "}") at++;
      } else if (char === "{") {
        if (text[at + 1] === "{" && !inSpec) at++;
        else return this.openField(format, from, at);
      } else if (char === "}") {
        if (inSpec) return this.closeSpec(from, at);
        if (text[at + 1] !== "}") this.fail("f-string: single '}' is not allowed", at);
        at++;
      } else if ((char === "\n" || char === "\r") && quote.length === 1) break;
    }
    this.unterminated(quote, start, "f-string");
  }

  private flush(from: number, to: number): void {
    if (to > from) this.push("ftext", from, to);
  }

  private openField(format: Format, from: number, at: number): void {
    this.flush(from, at);
    this.open("{", at);
    format.fields.push({ brackets: this.brackets.length, inSpec: false });
    this.push("op", at, at + 1, "{");
    this.at = at + 1;
  }

  private closeSpec(from: number, at: number): void {
    this.flush(from, at);
    this.at = at;
    this.operator();
  }

  private open(text: string, at: number): void {
    if (this.brackets.length >= MAX_BRACKETS) this.fail("too many nested parentheses", at);
    this.brackets.push({ text, at });
  }

  private operator(): void {
    const { text } = this;
    const from = this.at;
    const field = this.formats.at(-1)?.fields.at(-1);
    const atField = field !== undefined && field.brackets === this.brackets.length;
    OPERATOR.lastIndex = from;
    let op = OPERATOR.exec(text)?.[0];
    if (op === undefined) return this.strange(from);
    if (atField && op === ":=") op = ":";
    if (op === "<>" || (op === "!" && !atField)) this.fail("invalid syntax", from, from + op.length);
    if (op === "(" || op === "[" || op === "{") this.open(op, from);
    else if (op in CLOSING) this.close(op, from);
    else if (op === ":" && atField) field.inSpec = true;
    this.at = from + op.length;
    this.push("op", from, this.at, op);
  }

  private close(op: string, at: number): void {
    const open = this.brackets.pop();
    if (!open) this.fail(`unmatched '${op}'`, at);
    if (open.text !== CLOSING[op]) {
      this.fail(`closing parenthesis '${op}' does not match opening parenthesis '${open.text}'`, at);
    }
    const fields = this.formats.at(-1)?.fields;
    if (fields?.length && fields.at(-1)!.brackets > this.brackets.length) fields.pop();
  }

  private strange(at: number): never {
    const char = String.fromCodePoint(this.text.codePointAt(at)!);
    const code = `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
    const what = /[\p{C}\p{Z}]/u.test(char)
      ? `non-printable character ${code}`
      : `character '${char}' (${code})`;
    this.fail(
      char.charCodeAt(0) < 128 && char >= " " ? "invalid syntax" : `invalid ${what}`,
      at,
      at + char.length,
    );
  }
}

/** a-z, A-Z, 0-9 and the underscore. */
function isWordCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 ||
    (code >= 48 && code <= 57);
}

function isBreak(text: string, at: number): boolean {
  return text[at] === "\n" || text[at] === "\r";
}

function pastBreak(text: string, at: number): number {
  return text[at] === "\r" && text[at + 1] === "\n" ? at + 2 : at + 1;
}

function pastLine(text: string, at: number): number {
  while (at < text.length && !isBreak(text, at)) at++;
  return Math.min(pastBreak(text, at), text.length);
}
