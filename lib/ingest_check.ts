/**
 * Takes rows and a schema and gives the rows that hold, their values converted, and what is wrong with the others: the
 * first ones of each kind with row, column and value, and how many there are in all. Rules over all rows (how many
 * there are, which are unique) are told at the end. Never reads a file.
 */
import { CrochetError } from "./error.ts";
import { isMarked, parseTemporal } from "./graph_value.ts";
import type { PlaceKind, RowChunk } from "./ingest_rows.ts";
import type { Column, DataSchema } from "./ingest_schema.ts";
import { ConversionProblem, convert, LIST_SEPARATOR, shown, typeName } from "./ingest_type.ts";
import { unstorable } from "./operation_arguments.ts";
import { count, nearest } from "./text.ts";

/** Which rule does not hold. */
export type FindingKind =
  | "column"
  | "required"
  | "type"
  | "value"
  | "length"
  | "pattern"
  | "allowed"
  | "check"
  | "unique"
  | "rows";

/** Something that is wrong with a file. */
export interface Finding {
  severity: "error" | "warning";
  kind: FindingKind;
  message: string;
  column?: string;
  /** Line or number of the record, as the file's format has it. */
  at?: number;
  value?: string;
}

/** What a check came to. */
export interface CheckResult {
  isValid: boolean;
  rows: number;
  /** Rows in which at least one rule does not hold. */
  badRows: number;
  /** The first ones of each kind and column. */
  errors: Finding[];
  warnings: Finding[];
  /** How many there are in all, by severity, kind and column: `error type age`. */
  totals: Record<string, number>;
}

/** How many findings of one kind and column are kept. */
export const SHOWN_FINDINGS = 10;

/** Looks for values that were there before. */
export interface UniqueIndex {
  /** Takes the key of a row; may know at once where it was before. */
  add(key: string, at: number): number | undefined;
  /** Pairs that were not known at once: place, and where the key was before. */
  finish(): Iterable<[at: number, before: number]>;
}

/** What to check with. */
export interface CheckOptions {
  place: PlaceKind;
  listSeparator?: string;
  /** How many findings of a kind are kept. */
  limit?: number;
  /** One for each set of unique columns; without them, uniqueness is not looked at. */
  unique?: UniqueIndex[];
  /** Also say what a graph cannot store. */
  forGraph?: boolean;
  /** Do not warn of columns that no rule names. */
  anyColumns?: boolean;
}

/** Checks the rows of one file, chunk after chunk. */
export class RowChecker {
  private rows = 0;
  private badRows = 0;
  private readonly errors: Finding[] = [];
  private readonly warnings: Finding[] = [];
  private readonly totals = new Map<string, number>();
  private columns: readonly string[] | undefined;
  private readonly plans = new WeakMap<readonly string[], ColumnPlan[]>();

  constructor(private readonly schema: DataSchema, private readonly options: CheckOptions) {}

  /** Takes a chunk; gives its rows that hold, and the others with the first thing that is wrong with them. */
  check(chunk: RowChunk): { good: RowChunk; bad: { row: unknown[]; at: number; finding: Finding }[] } {
    if (this.columns === undefined) this.checkColumns(chunk.columns);
    const plan = this.planOf(chunk.columns);
    const good: RowChunk = { columns: chunk.columns, rows: [], at: [] };
    const bad: { row: unknown[]; at: number; finding: Finding }[] = [];
    for (let i = 0; i < chunk.rows.length; i++) {
      this.rows++;
      const at = chunk.at[i];
      const { row, finding } = this.row(chunk.rows[i], at, plan, chunk.columns);
      if (finding) {
        this.badRows++;
        bad.push({ row: chunk.rows[i], at, finding });
      } else {
        good.rows.push(row);
        good.at.push(at);
      }
    }
    return { good, bad };
  }

  /** What the check came to, with the rules over all rows. */
  finish(): CheckResult {
    const { schema, options } = this;
    if (this.columns === undefined) this.checkColumns([]);
    const { minRows, maxRows } = schema;
    if (minRows !== undefined && this.rows < minRows) {
      this.add({
        severity: "error",
        kind: "rows",
        message: `there are ${count(this.rows, "row")}, fewer than ${minRows}`,
      });
    }
    if (maxRows !== undefined && this.rows > maxRows) {
      this.add({
        severity: "error",
        kind: "rows",
        message: `there are ${count(this.rows, "row")}, more than ${maxRows}`,
      });
    }
    for (const [i, index] of (options.unique ?? []).entries()) {
      for (const [at, before] of index.finish()) this.addDuplicate(schema.unique[i], at, before, undefined);
    }
    return {
      isValid: this.errors.length === 0,
      rows: this.rows,
      badRows: this.badRows,
      errors: this.errors,
      warnings: this.warnings,
      totals: Object.fromEntries(this.totals),
    };
  }

  private add(finding: Finding): Finding {
    const { severity, kind, column } = finding;
    const key = [severity, kind, column].filter(Boolean).join(" ");
    const known = this.totals.get(key) ?? 0;
    this.totals.set(key, known + 1);
    if (known < (this.options.limit ?? SHOWN_FINDINGS)) {
      (severity === "error" ? this.errors : this.warnings).push(finding);
    }
    return finding;
  }

  /** Columns that are missing, and those that nobody asked for. */
  private checkColumns(columns: readonly string[]): void {
    this.columns = columns;
    const { schema, options } = this;
    const unique = new Set(schema.unique.flat());
    const wanted = [...schema.columns.values()].filter(({ required }) => required).map(({ name }) => name);
    // In JSON a row may have what the first ones lack.
    const missing = options.place === "line" || columns.length === 0 || wanted.length + unique.size > 0
      ? [...new Set([...wanted, ...unique])].filter((name) => !columns.includes(name))
      : [];
    for (const column of missing) {
      const meant = nearest(column, columns);
      const why = schema.columns.get(column)?.required ? "required" : "unique";
      this.add({
        severity: "error",
        kind: "column",
        column,
        message: `there is no column "${column}", which is to be ${why}${
          meant ? `; did you mean "${meant}"?` : ""
        }`,
      });
    }
    if (schema.columns.size === 0 || (options.anyColumns && !schema.strict)) return;
    for (const column of columns) {
      if (schema.columns.has(column) || unique.has(column)) continue;
      const meant = nearest(column, [...schema.columns.keys()].filter((name) => !columns.includes(name)));
      this.add({
        severity: schema.strict ? "error" : "warning",
        kind: "column",
        column,
        message: `no rule names the column "${column}"${meant ? `; did you mean "${meant}"?` : ""}`,
      });
    }
  }

  private planOf(columns: readonly string[]): ColumnPlan[] {
    const known = this.plans.get(columns);
    if (known) return known;
    const { schema } = this;
    const plan = columns.map((name) => columnPlan(name, schema.columns.get(name), this.options));
    this.plans.set(columns, plan);
    return plan;
  }

  private row(
    cells: unknown[],
    at: number,
    plan: ColumnPlan[],
    columns: readonly string[],
  ): { row: unknown[]; finding?: Finding } {
    const row = new Array(cells.length);
    let finding: Finding | undefined;
    const fail = (kind: FindingKind, column: string, value: unknown, message: string) => {
      const found = this.add({ severity: "error", kind, column, at, value: shown(value), message });
      finding ??= found;
    };
    for (let i = 0; i < cells.length; i++) row[i] = plan[i](cells[i], fail);
    if (this.schema.columns.size > 0) this.rowRules(row, columns, fail);
    if (finding === undefined) this.uniqueRules(row, columns, at, (f) => finding ??= f);
    return { row, finding };
  }

  /** Columns that the row does not have, and the rules of a person's own. */
  private rowRules(
    row: unknown[],
    columns: readonly string[],
    fail: (kind: FindingKind, column: string, value: unknown, message: string) => void,
  ): void {
    let record: Record<string, unknown> | undefined;
    for (const column of this.schema.columns.values()) {
      const place = columns.indexOf(column.name);
      if (place < 0 && column.required && this.columns!.includes(column.name)) {
        fail("required", column.name, undefined, `"${column.name}" has no value`);
      }
      if (!column.check || place < 0 || row[place] === null || row[place] === undefined) continue;
      record ??= Object.fromEntries(columns.map((name, i) => [name, row[i]]));
      const verdict = column.check(row[place], record);
      if (verdict === true || verdict === undefined) continue;
      fail("check", column.name, row[place], verdict === false ? "does not pass its check" : verdict);
    }
  }

  private uniqueRules(
    row: unknown[],
    columns: readonly string[],
    at: number,
    fail: (finding: Finding) => void,
  ): void {
    for (const [i, set] of this.schema.unique.entries()) {
      const index = this.options.unique?.[i];
      if (!index) continue;
      const values = set.map((name) => row[columns.indexOf(name)]);
      if (values.some((value) => value === null || value === undefined)) continue;
      const key = values.length === 1 && typeof values[0] === "string" ? values[0] : keyOf(values);
      const before = index.add(key, at);
      if (before !== undefined) fail(this.addDuplicate(set, at, before, values));
    }
  }

  private addDuplicate(
    set: readonly string[],
    at: number,
    before: number,
    values: unknown[] | undefined,
  ): Finding {
    const what = set.map((name) => `"${name}"`).join(" and ");
    return this.add({
      severity: "error",
      kind: "unique",
      column: set.join(", "),
      at,
      ...(values && { value: values.map(shown).join(", ") }),
      message: `${what} ${set.length === 1 ? "is" : "are"} the same as in ${this.options.place} ${before}`,
    });
  }
}

/** Values as one text that differs wherever they do. */
function keyOf(values: unknown[]): string {
  return JSON.stringify(values, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
}

/** Converts and checks one cell. */
type ColumnPlan = (
  value: unknown,
  fail: (kind: FindingKind, column: string, value: unknown, message: string) => void,
) => unknown;

function columnPlan(name: string, column: Column | undefined, options: CheckOptions): ColumnPlan {
  const { listSeparator = LIST_SEPARATOR, forGraph } = options;
  const store: ColumnPlan = (value, fail) => {
    const problem = forGraph ? unstorable(value) : undefined;
    if (problem) {
      fail(
        "type",
        name,
        value,
        `${problem} cannot be a property; declare the column as json, or leave it out`,
      );
    }
    return value;
  };
  if (!column) return store;
  const { type, required, minLength, maxLength, pattern, patternText, allowed } = column;
  const [least, most] = [column.minValue, column.maxValue].map((bound) =>
    bound === undefined ? undefined : orderOf(bound)
  );
  const allowedKeys = allowed && new Set(allowed.map((value) => keyOf([plainOf(value)])));
  return (cell, fail) => {
    if (cell === null || cell === undefined) {
      if (required) fail("required", name, cell, `"${name}" has no value`);
      return cell;
    }
    let value: unknown = cell;
    if (type) {
      try {
        value = convert(cell, type, listSeparator);
      } catch (error) {
        if (!(error instanceof ConversionProblem)) throw error;
        fail("type", name, cell, `${error.message}, but "${name}" is ${typeName(type)}`);
        return cell;
      }
    } else store(value, fail);
    if (least !== undefined && compare(orderOf(value), least) < 0) {
      fail("value", name, cell, `${shown(value)} is less than ${column.minValue}`);
    }
    if (most !== undefined && compare(orderOf(value), most) > 0) {
      fail("value", name, cell, `${shown(value)} is more than ${column.maxValue}`);
    }
    if (minLength !== undefined || maxLength !== undefined) {
      const length = Array.isArray(value) ? value.length : [...String(plainOf(value))].length;
      if (minLength !== undefined && length < minLength) {
        fail("length", name, cell, `${shown(value)} has ${length} of at least ${minLength}`);
      }
      if (maxLength !== undefined && length > maxLength) {
        fail("length", name, cell, `${shown(value)} has ${length} of at most ${maxLength}`);
      }
    }
    if (pattern && !pattern.test(String(plainOf(value)))) {
      fail("pattern", name, cell, `${shown(value)} does not fit ${patternText}`);
    }
    if (
      allowedKeys &&
      !(Array.isArray(value) ? value : [value]).every((item) => allowedKeys.has(keyOf([plainOf(item)])))
    ) {
      fail("allowed", name, cell, `${shown(value)} is none of ${allowed.slice(0, 8).map(shown).join(", ")}`);
    }
    return value;
  };
}

function plainOf(value: unknown): unknown {
  return isMarked(value) && "value" in value ? value.value : value;
}

/** What a value is compared by: a number, or a text. */
function orderOf(value: unknown): number | bigint | string {
  const plain = plainOf(value);
  if (typeof plain === "number" || typeof plain === "bigint") return plain;
  const text = String(plain);
  const parts = /^\d{4,}-\d\d-\d\d([T ]|$)/.test(text) ? parseTemporal(text.replace(" ", "T")) : undefined;
  if (!parts) return text;
  const { year, month, day, hour, minute, second, nanosecond, offset = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - offset * 1000 + nanosecond / 1e6;
}

/** Below 0 where the first is less; 0 too where the two cannot be compared. */
function compare(a: number | bigint | string, b: number | bigint | string): number {
  if (typeof a === "string" !== (typeof b === "string")) {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? 0 : x - y;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The error of a load that its rules do not let in. */
export function invalidData(file: string, result: CheckResult, place: PlaceKind): CrochetError {
  const total = Object.entries(result.totals).filter(([key]) => key.startsWith("error"))
    .reduce((sum, [, n]) => sum + n, 0);
  const lines = result.errors.slice(0, 5).map((finding) => describeFinding(finding, place));
  const more = total > lines.length ? `; and ${total - lines.length} more` : "";
  const [first] = result.errors;
  return new CrochetError(
    "DATA_INVALID",
    `"${file}" has ${count(total, "error")}: ${lines.join("; ")}${more}`,
    {
      at: { file, ...(place === "line" && first?.at !== undefined && { line: first.at }) },
      hint: `see them all: crochet validate-data ${file}`,
      data: result,
    },
  );
}

/** A finding in one line. */
export function describeFinding({ at, message }: Finding, place: PlaceKind): string {
  return at === undefined ? message : `${place} ${at}: ${message}`;
}
