/**
 * Takes a value that a migration hands over and gives it as Cypher writes it, for scripts that no driver runs. What
 * Cypher has no literal for is refused by name. Every text is quoted; nothing of a value can end its quotes.
 */
import { CrochetError } from "./error.ts";
import { isMarked, type MarkedValue } from "./graph_value.ts";
import { quoteName, quoteString } from "./schema.ts";

/**
 * A value as a literal. @throws CrochetError OPERATION_INVALID for bytes and numbers that are none
 *
 * @example
 * ```ts
 * import { cypherLiteral } from "./cypher_literal.ts";
 * import assert from "node:assert/strict";
 * assert.equal(cypherLiteral({ name: "it's", age: 5, tags: ["a"] }), "{`name`: 'it\\'s', `age`: 5, `tags`: ['a']}");
 * ```
 */
export function cypherLiteral(value: unknown): string {
  if (value === null || value === undefined) return "null";
  switch (typeof value) {
    case "string":
      return quoteString(value);
    case "boolean":
    case "bigint":
      return String(value);
    case "number":
      return numberLiteral(value);
  }
  if (value instanceof Date) return `datetime(${quoteString(value.toISOString())})`;
  if (isMarked(value)) return markedLiteral(value);
  if (Array.isArray(value)) return `[${value.map(cypherLiteral).join(", ")}]`;
  if (value instanceof Uint8Array || typeof value !== "object") throw unwritable("bytes");
  return `{${
    Object.entries(value).map(([key, item]) => `${quoteName(key)}: ${cypherLiteral(item)}`).join(", ")
  }}`;
}

/** Whole numbers are integers, as the driver sends them; every other number is a float. */
function numberLiteral(value: number): string {
  if (Number.isNaN(value) || !Number.isFinite(value)) {
    const text = { NaN: "(0.0 / 0.0)", Infinity: "(1.0 / 0.0)", "-Infinity": "(-1.0 / 0.0)" }[String(value)];
    return text!;
  }
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value);
  return floatLiteral(value);
}

function floatLiteral(value: number): string {
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function markedLiteral(value: MarkedValue): string {
  switch (value["crochet:type"]) {
    case "float":
      return Number.isFinite(value.value) ? floatLiteral(value.value) : numberLiteral(value.value);
    case "point": {
      const { srid, x, y, z } = value;
      const parts = [`srid: ${srid}`, `x: ${floatLiteral(x)}`, `y: ${floatLiteral(y)}`];
      return `point({${[...parts, ...(z === undefined ? [] : [`z: ${floatLiteral(z)}`])].join(", ")}})`;
    }
    default:
      return `${value["crochet:type"].toLowerCase()}(${quoteString(value.value)})`;
  }
}

function unwritable(what: string): CrochetError {
  return new CrochetError(
    "OPERATION_INVALID",
    `A script cannot hold ${what}: Cypher has no literal for that`,
    {
      hint: "run the migration with crochet upgrade",
    },
  );
}

/** What is no plain Cypher, and parameters. */
const PARAMETER =
  /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"|`(?:[^`]|``)*`|\$(?:([\p{L}_][\p{L}\p{N}_]*)|`((?:[^`]|``)*)`)/gu;

/**
 * Puts literals in the place of parameters, outside of texts, names and comments. A parameter without a value stays.
 *
 * @example
 * ```ts
 * import { inlineParameters } from "./cypher_literal.ts";
 * import assert from "node:assert/strict";
 * assert.equal(inlineParameters("RETURN $a, '$a'", { a: 1 }), "RETURN 1, '$a'");
 * ```
 */
export function inlineParameters(text: string, params: Readonly<Record<string, unknown>>): string {
  return text.replace(PARAMETER, (token, plain?: string, quoted?: string) => {
    const name = plain ?? quoted;
    return name === undefined || !Object.hasOwn(params, name) ? token : cypherLiteral(params[name]);
  });
}
