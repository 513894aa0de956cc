/**
 * Takes rules about the columns of a file (written in a migration, in a TOML file, or a model) and gives them checked.
 * A schema says what a load accepts; it never looks at a row.
 */
import { CrochetError } from "./error.ts";
import { type DataType, parseType } from "./ingest_type.ts";
import { nearest } from "./text.ts";

/** What the values of a column must be. */
export interface ColumnRules {
  /** The column is there, and every row has a value in it. */
  required?: boolean;
  /** Its type: `integer`, `date`, `string[]`; without one, values stay what the file says they are. */
  dtype?: string;
  minValue?: number | bigint | string;
  maxValue?: number | bigint | string;
  /** Signs of a text, items of a list. */
  minLength?: number;
  maxLength?: number;
  /** The whole text must fit: a regular expression of JavaScript. */
  pattern?: string | RegExp;
  allowed?: readonly unknown[];
  /** Own rule: true, or what is wrong in words. Gets the converted value and the row. */
  check?(value: unknown, row: Record<string, unknown>): boolean | string | undefined;
}

/** What must hold for a file as a whole. */
export interface SchemaRules {
  /** Columns that no rule names are errors, and not warnings. */
  strict?: boolean;
  minRows?: number;
  maxRows?: number;
  /** Columns, or sets of columns, whose values no two rows share. Rows in which one of them is null are not looked at. */
  uniqueColumns?: readonly (string | readonly string[])[];
}

/** A column with its rules read. */
export interface Column extends Omit<ColumnRules, "dtype" | "pattern"> {
  name: string;
  type?: DataType;
  pattern?: RegExp;
  /** The pattern as it was written. */
  patternText?: string;
}

const COLUMN_RULES = [
  "required",
  "dtype",
  "minValue",
  "maxValue",
  "minLength",
  "maxLength",
  "pattern",
  "allowed",
  "check",
] as const;
const SCHEMA_RULES = ["strict", "minRows", "maxRows", "uniqueColumns"] as const;

/**
 * Rules about a file.
 *
 * @example
 * ```ts
 * import { DataSchema } from "./ingest_schema.ts";
 * import assert from "node:assert/strict";
 * const schema = new DataSchema({ minRows: 1, uniqueColumns: ["email"] })
 *   .column("email", { required: true, pattern: ".+@.+" })
 *   .column("age", { dtype: "integer", minValue: 0 });
 * assert.deepEqual([...schema.columns.keys()], ["email", "age"]);
 * assert.throws(() => schema.column("x", { dtype: "intger" }), /There is no type "intger"/);
 * ```
 */
export class DataSchema {
  readonly columns: Map<string, Column> = new Map();
  readonly strict: boolean;
  readonly minRows?: number;
  readonly maxRows?: number;
  /** Sets of columns that are unique together. */
  readonly unique: readonly (readonly string[])[];

  /** @throws CrochetError USAGE for a rule that does not exist or has a wrong value */
  constructor(rules: SchemaRules = {}) {
    checkNames(rules, SCHEMA_RULES, "a schema");
    this.strict = rules.strict ?? false;
    this.minRows = wholeNumber(rules.minRows, "minRows");
    this.maxRows = wholeNumber(rules.maxRows, "maxRows");
    this.unique = (rules.uniqueColumns ?? []).map((set) => (typeof set === "string" ? [set] : [...set]));
    if (this.unique.some((set) => set.length === 0)) throw wrong("uniqueColumns holds an empty set");
  }

  /** Adds the rules of a column. @throws CrochetError USAGE */
  column(name: string, rules: ColumnRules = {}): this {
    checkNames(rules, COLUMN_RULES, `the column "${name}"`);
    if (this.columns.has(name)) throw wrong(`the column "${name}" has rules already`);
    const { dtype, pattern, ...rest } = rules;
    wholeNumber(rules.minLength, "minLength");
    wholeNumber(rules.maxLength, "maxLength");
    if (rules.allowed !== undefined && !Array.isArray(rules.allowed)) throw wrong("allowed is no array");
    this.columns.set(name, {
      name,
      ...rest,
      ...(dtype !== undefined && { type: parseType(dtype) }),
      ...(pattern !== undefined && { pattern: wholePattern(pattern), patternText: textOf(pattern) }),
    });
    return this;
  }
}

function wrong(what: string): CrochetError {
  return new CrochetError("USAGE", `The schema of the data is wrong: ${what}`, {
    hint: "correct the schema",
  });
}

function checkNames(rules: object, names: readonly string[], owner: string): void {
  for (const name of Object.keys(rules)) {
    if (names.includes(name)) continue;
    const meant = nearest(name, names);
    throw wrong(`${owner} has no rule "${name}"${meant ? `; did you mean "${meant}"?` : ""}`);
  }
}

function wholeNumber(value: unknown, what: string): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)) return value as number;
  throw wrong(`${what} is no whole number from 0`);
}

function textOf(pattern: string | RegExp): string {
  return typeof pattern === "string" ? pattern : pattern.source;
}

/** A pattern that a whole text must fit. */
function wholePattern(pattern: string | RegExp): RegExp {
  const flags = typeof pattern === "string" ? "u" : pattern.flags.replace(/[gy]/g, "");
  try {
    return new RegExp(`^(?:${textOf(pattern)})$`, flags);
  } catch (cause) {
    throw wrong(`"${textOf(pattern)}" is no regular expression: ${(cause as Error).message}`);
  }
}

/** Names of the rules as a TOML file has them. */
const TOML_NAMES: Record<string, string> = {
  strict: "strict",
  min_rows: "minRows",
  max_rows: "maxRows",
  unique: "uniqueColumns",
  required: "required",
  type: "dtype",
  min_value: "minValue",
  max_value: "maxValue",
  min_length: "minLength",
  max_length: "maxLength",
  pattern: "pattern",
  allowed: "allowed",
};

/**
 * The schema that a TOML file holds, from its parsed value.
 *
 * @example
 * ```ts
 * import { schemaOfToml } from "./ingest_schema.ts";
 * import assert from "node:assert/strict";
 * const schema = schemaOfToml({ min_rows: 1, columns: { age: { type: "integer" } } }, "people.toml");
 * assert.equal(schema.columns.get("age")?.type?.base, "integer");
 * ```
 * @throws CrochetError CONFIG_INVALID
 */
export function schemaOfToml(value: Record<string, unknown>, file: string): DataSchema {
  const translate = (table: Record<string, unknown>, owner: string) =>
    Object.fromEntries(
      Object.entries(table).map(([name, rule]) => {
        const known = TOML_NAMES[name];
        if (known) return [known, rule];
        const meant = nearest(name, Object.keys(TOML_NAMES));
        throw wrong(`${owner} has no rule "${name}"${meant ? `; did you mean "${meant}"?` : ""}`);
      }),
    );
  try {
    const { columns = {}, ...rules } = value;
    const schema = new DataSchema(translate(rules, "a schema"));
    for (const [name, table] of Object.entries(columns as Record<string, unknown>)) {
      if (typeof table !== "object" || table === null) throw wrong(`columns.${name} is no table`);
      schema.column(name, translate(table as Record<string, unknown>, `the column "${name}"`));
    }
    return schema;
  } catch (error) {
    if (!(error instanceof CrochetError)) throw error;
    throw new CrochetError("CONFIG_INVALID", `${error.message}`, {
      at: { file },
      hint: error.hint,
      cause: error,
    });
  }
}
