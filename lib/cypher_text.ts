/**
 * Takes the text of a Cypher file and gives its sections, its statements with their lines, and its placeholders as
 * parameters. Strings, back-ticks and comments are read as Cypher reads them, so that a `;` or a `{{` inside of them
 * ends nothing and means nothing. Never puts a value into a text.
 */
import { CrochetError } from "./error.ts";
import { nearest } from "./text.ts";

/** A statement of a file. */
export interface CypherStatement {
  text: string;
  /** Line of the file on which it begins, from 1. */
  line: number;
}

/** What is no plain Cypher, and what ends a statement. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^'\\]|\\[\s\S])*(?:'|$)|"(?:[^"\\]|\\[\s\S])*(?:"|$)|`(?:[^`]|``)*(?:`|$)|;|\{\{[^{}\n]*\}\}/g;

/** The line that begins a section of a plain Cypher migration. */
const SECTION = /^[ \t]*\/\/[ \t]*crochet:[ \t]*(upgrade|downgrade)[ \t]*\r?$/gm;

/** Where the sections of a migration begin: the mark itself, and what follows it. */
export function sectionMarks(
  text: string,
): { section: "upgrade" | "downgrade"; from: number; to: number; line: number }[] {
  return [...text.matchAll(SECTION)].map((mark) => ({
    section: mark[1] as "upgrade" | "downgrade",
    from: mark.index,
    to: mark.index + mark[0].length,
    line: lineAt(text, mark.index),
  }));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** The statements of the two sections of a plain Cypher migration. @throws CrochetError REVISION_INVALID */
export function cypherSections(
  revision: { file: string; text: string },
): { upgrade: CypherStatement[]; downgrade: CypherStatement[] } {
  // Line ends as the digest sees them, so that a checkout with CRLF runs the same statements.
  const text = revision.text.replaceAll("\r\n", "\n");
  const marks = sectionMarks(text);
  const fail = (problem: string, hint: string, line?: number): never => {
    throw new CrochetError(
      "REVISION_INVALID",
      `Reading the migration "${revision.file}" failed: ${problem}`,
      {
        at: { file: revision.file, line },
        hint,
      },
    );
  };
  const section = (name: string): CypherStatement[] => {
    const found = marks.filter((mark) => mark.section === name);
    if (found.length === 0) return fail(`it has no section "${name}"`, `add a line: // crochet: ${name}`);
    if (found.length > 1) {
      return fail(`the section "${name}" is given twice`, "remove one of the two", found.at(-1)!.line);
    }
    const [{ to, line }] = found;
    const end = marks.find((mark) => mark.from > to)?.from;
    return readStatements(text.slice(to, end)).map((statement) => ({
      ...statement,
      line: statement.line + line - 1,
    }));
  };
  return { upgrade: section("upgrade"), downgrade: section("downgrade") };
}

/**
 * Splits Cypher into statements at `;`, outside of strings, back-ticks and comments. Statements of comments only
 * are left out.
 *
 * @example
 * ```ts
 * import { splitStatements } from "./cypher_text.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(splitStatements("CREATE (:A {x: ';'}); // one;\nMATCH (n) RETURN n"), ["CREATE (:A {x: ';'})", "// one;\nMATCH (n) RETURN n"]);
 * ```
 */
export function splitStatements(text: string): string[] {
  return readStatements(text).map((statement) => statement.text);
}

/** The statements of a text with the lines on which their Cypher begins, behind comments. */
export function readStatements(text: string): CypherStatement[] {
  const statements: CypherStatement[] = [];
  let start = 0;
  const push = (end: number) => {
    const piece = text.slice(start, end);
    const code = piece.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
    const first = code.search(/\S/);
    if (first !== -1) statements.push({ text: piece.trim(), line: lineAt(text, start + first) });
  };
  for (const match of text.matchAll(TOKEN)) {
    if (match[0] !== ";") continue;
    push(match.index);
    start = match.index + 1;
  }
  push(text.length);
  return statements;
}

/** The text without comments, and with nothing inside of texts and names. */
export function bareCypher(text: string): string {
  return text.replace(TOKEN, (token) => {
    if (token === ";" || token.startsWith("{{")) return token;
    return token.startsWith("/") ? " " : token[0] + token[0];
  });
}

/** What stands before a statement: the graph, the language and its settings, a wish to see the plan. */
const PREFIX = /^\s*(USE\s+\S+\s+)?(CYPHER(\s+(\d+|\w+\s*=\s*\w+))*\s+)?((EXPLAIN|PROFILE)\s+)?/i;

/**
 * What a statement does, as far as its text tells: `schema`, `batched` (it commits by itself), `data`, or `read`. A
 * call of a procedure may write, and is taken for `data`.
 */
export function statementKind(text: string): "schema" | "batched" | "data" | "read" {
  const bare = bareCypher(text);
  const prefix = PREFIX.exec(bare)![0];
  // EXPLAIN runs nothing.
  if (/\bEXPLAIN\b/i.test(prefix)) return "read";
  const statement = bare.slice(prefix.length);
  if (/^(CREATE|DROP|ALTER)\b[^({]*\b(CONSTRAINT|INDEX|DATABASE|GRAPH TYPE)\b/i.test(statement)) {
    return "schema";
  }
  if (/\}\s*IN\s+(\S+\s+)?(CONCURRENT\s+)?TRANSACTIONS\b/i.test(statement)) return "batched";
  // Labels, types and properties may be named like a clause.
  const clauses = statement.replace(/[:.]\s*\w+/g, " ");
  const writes = /\b(CREATE|INSERT|MERGE|SET|DELETE|REMOVE|FOREACH)\b/i;
  const calls = /\bCALL\s*(``|[a-z_])/i;
  return writes.test(clauses) || calls.test(statement) ? "data" : "read";
}

/**
 * Makes `{{ name }}` the parameter `$name`, and gives the values that the statement needs.
 * @throws CrochetError USAGE for a name without a value, REVISION_INVALID for one inside a string or back-ticks
 *
 * @example
 * ```ts
 * import { bindParameters } from "./cypher_text.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(
 *   bindParameters({ text: "CREATE (:T {name: {{ tenant }}})", line: 1 }, { tenant: "acme" }, "f.cypher"),
 *   { cypher: "CREATE (:T {name: $tenant})", params: { tenant: "acme" } },
 * );
 * ```
 */
export function bindParameters(
  { text, line }: CypherStatement,
  values: Readonly<Record<string, unknown>>,
  file: string,
): { cypher: string; params: Record<string, unknown> } {
  const params: Record<string, unknown> = {};
  const cypher = text.replace(TOKEN, (token) => {
    const inner = /\{\{\s*([^{}\n]*?)\s*\}\}/.exec(token);
    if (!inner || token.startsWith("//") || token.startsWith("/*")) return token;
    const [whole, name] = inner;
    const at = { file, line };
    if (whole !== token) {
      throw new CrochetError(
        "REVISION_INVALID",
        `"${whole}" stands inside of ${token[0] === "`" ? "a name" : "a text"}`,
        {
          at,
          hint:
            "a value is handed over as a parameter, which can only stand where Cypher takes an expression",
        },
      );
    }
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      throw new CrochetError("REVISION_INVALID", `"${whole}" holds no name`, {
        at,
        hint: "write {{ name }}, with letters, digits and _",
      });
    }
    if (!Object.hasOwn(values, name)) {
      const meant = nearest(name, Object.keys(values));
      throw new CrochetError("USAGE", `The statement needs a value for {{ ${name} }}`, {
        at,
        hint: meant ? `did you mean {{ ${meant} }}? Else: --param ${name}=...` : `--param ${name}=...`,
      });
    }
    params[name] = values[name];
    return `$${name}`;
  });
  return { cypher, params };
}

/**
 * Reads `name=text` and `name:=json` of a command line.
 * @throws CrochetError USAGE
 *
 * @example
 * ```ts
 * import { readParameters } from "./cypher_text.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(readParameters(["tenant=acme", "limit:=5"]), { tenant: "acme", limit: 5 });
 * ```
 */
export function readParameters(given: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(given.map((text) => {
    const match = /^([A-Za-z_]\w*)(:?=)([\s\S]*)$/.exec(text);
    const fail = (problem: string): never => {
      throw new CrochetError("USAGE", `The parameter "${text}" cannot be understood: ${problem}`, {
        hint: "--param tenant=acme for a text, --param limit:=5 for JSON",
      });
    };
    if (!match) return fail("it is not of the form name=value");
    const [, name, sign, value] = match;
    if (sign === "=") return [name, value];
    try {
      return [name, parseExact(value)];
    } catch {
      return fail("what follows := is no JSON");
    }
  }));
}

/** JSON with whole numbers beyond 2^53 kept as they are written. */
function parseExact(text: string): unknown {
  const reviver = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) &&
      /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context!.source!)
      : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}
