/**
 * Takes the arguments of one call on the context and gives them checked, each with a message that shows the signature
 * where it does not fit. Rows and values are looked at here, before anything runs: what Neo4j cannot store is
 * refused with its row and column. Never knows which operation asks.
 */
import { canonicalJson } from "./digest.ts";
import { CrochetError } from "./error.ts";
import { isMarked } from "./graph_value.ts";
import type { SchemaOptions } from "./schema.ts";
import { nearest } from "./text.ts";

/** A row of data: property names and values. */
export type Row = Record<string, unknown>;

/** A relationship to make: the keys of its ends and its properties. */
export interface RelationshipRow {
  source: unknown;
  target: unknown;
  properties?: Row | null;
}

/** How many rows a chunk of a bulk operation has, by default. */
export const CHUNK_SIZE = 5000;

/** How rows travel: client-side chunks in transactions of their own, or batched by the server. */
export interface Chunking {
  chunkSize: number;
  /** Several chunks for a bulk operation, one transaction for a plain one. */
  bulk: boolean;
  callInTransactions: boolean;
}

/** One operation of the context: how it is called, and how a call is read. */
export interface Spec<T> {
  signature: string;
  parse(args: Arguments): T;
}

/** Reads and checks arguments of one call. */
export class Arguments {
  constructor(
    private readonly op: string,
    private readonly signature: string,
    private readonly args: unknown[],
  ) {}

  fail(problem: string): never {
    throw new CrochetError(
      "OPERATION_INVALID",
      `ctx.${this.op}${this.signature} was called wrongly: ${problem}`,
      {
        hint: "correct the call in the migration file",
      },
    );
  }

  /** As many arguments as the signature has, at most. */
  checkCount(): void {
    const depth0 = this.signature.slice(1, -1).replace(/\{[^}]*\}/g, "options");
    const most = depth0.split(",").length;
    if (this.args.length > most) {
      this.fail(`it takes ${most} ${most === 1 ? "argument" : "arguments"}, not ${this.args.length}`);
    }
  }

  at(i: number): unknown {
    return this.args[i];
  }

  /** A label, type or property name: any text but the empty one, and none of Crochet's own. */
  name(i: number, what: string): string {
    return this.checkName(this.args[i], what);
  }

  /** Another name than the one before it: what is renamed to itself would be taken away. */
  otherName(i: number, what: string): string {
    const value = this.name(i, what);
    if (value === this.args[i - 1]) this.fail(`${what} is "${value}" too, so there is nothing to change`);
    return value;
  }

  nameIn(i: number, j: number, what: string): string {
    return this.checkName((this.args[i] as unknown[])[j], what);
  }

  /** One name, or an array of them, each once. */
  nameOrNames(i: number, what: string): string[] {
    const value = this.args[i];
    if (!Array.isArray(value)) return [this.name(i, what)];
    if (value.length === 0) this.fail(`${what} is an empty array`);
    const names = value.map((name) => this.checkName(name, what));
    const twice = names.find((name, j) => names.indexOf(name) !== j);
    if (twice !== undefined) this.fail(`${what} "${twice}" stands there twice`);
    return names;
  }

  /** True, false or left out. */
  flag(value: unknown, what: string): boolean {
    if (value !== undefined && typeof value !== "boolean") this.fail(`${what} is true or false`);
    return value === true;
  }

  /** A type as Cypher writes it; it stands in the statement itself. */
  propertyType(i: number): string {
    const type = this.text(i, "propertyType").toUpperCase();
    if (!/^[A-Z][A-Z ]*(<[A-Z][A-Z0-9 |]*>)?(\(\d+\))?( NOT NULL)?( *\| *[A-Z][A-Z0-9 <>()]*)*$/.test(type)) {
      this.fail(`propertyType "${type}" is no type of Cypher, such as "STRING" or "LIST<INTEGER NOT NULL>"`);
    }
    return type;
  }

  checkName(value: unknown, what: string): string {
    if (typeof value !== "string" || value === "") this.fail(`${what} must be a text, not ${show(value)}`);
    if (/^_crochet/i.test(value)) {
      this.fail(`${what} "${value}" begins with _crochet, which is Crochet's own`);
    }
    if (value.includes("\u0000")) this.fail(`${what} holds a NUL character`);
    return value;
  }

  /** A value that fills a property; null where there is none. */
  value(i: number): unknown {
    const value = this.args[i] ?? null;
    const problem = unstorable(value);
    if (problem) this.fail(`the value is ${problem}, which Neo4j cannot store`);
    return value;
  }

  text(i: number, what: string): string {
    const value = this.args[i];
    if (typeof value !== "string" || value.trim() === "") {
      this.fail(`${what} must be a text, not ${show(value)}`);
    }
    return value;
  }

  record(i: number, what: string): Row {
    const value = this.args[i] ?? {};
    if (typeof value !== "object" || Array.isArray(value)) {
      this.fail(`${what} must be an object, not ${show(value)}`);
    }
    return value as Row;
  }

  rows(i: number): Row[] {
    const value = this.args[i];
    if (!Array.isArray(value)) this.fail(`rows must be an array, not ${show(value)}`);
    value.forEach((row, j) => {
      if (typeof row !== "object" || row === null || Array.isArray(row)) {
        this.fail(`row ${j + 1} must be an object, not ${show(row)}`);
      }
      this.checkValues(row as Row, j);
    });
    return value as Row[];
  }

  /** Values that Neo4j cannot store, found before anything runs. */
  private checkValues(row: Row, j: number): void {
    for (const [column, value] of Object.entries(row)) {
      if (/^_crochet/i.test(column)) this.fail(`row ${j + 1} has "${column}", which is Crochet's own`);
      if (column === "properties" && this.op.includes("Relationships")) {
        if (value === null || value === undefined) continue;
        if (typeof value !== "object" || Array.isArray(value)) {
          this.fail(`row ${j + 1} has "properties" that are no object: ${show(value)}`);
        }
        this.checkValues(value as Row, j);
        continue;
      }
      const problem = unstorable(value);
      if (problem) this.fail(`row ${j + 1} holds ${problem} in "${column}", which Neo4j cannot store`);
    }
  }

  options(i: number, allowed: string[]): Record<string, unknown> {
    const value = this.record(i, "the options");
    for (const key of Object.keys(value)) {
      if (allowed.includes(key)) continue;
      const meant = nearest(key, allowed);
      this.fail(`there is no option "${key}"${meant ? `; did you mean "${meant}"?` : ""}`);
    }
    return value;
  }

  /** Options of an index, each of its kind: they stand in the statement itself. */
  schemaOptions(i: number, allowed: string[]): SchemaOptions {
    const options = this.options(i, allowed) as SchemaOptions;
    const { analyzer, similarityFunction, eventuallyConsistent, dimensions, quantization } = options;
    for (const text of [analyzer, similarityFunction]) {
      if (text !== undefined && (typeof text !== "string" || text === "")) {
        this.fail(`an option must be a text, not ${show(text)}`);
      }
    }
    this.flag(eventuallyConsistent, "eventuallyConsistent");
    this.flag(quantization, "quantization");
    const { hnswM, hnswEfConstruction } = options;
    for (const [name, number] of Object.entries({ dimensions, hnswM, hnswEfConstruction })) {
      if (number !== undefined && !(Number.isInteger(number) && number > 0)) {
        this.fail(`${name} must be a whole number of at least 1`);
      }
    }
    return options;
  }

  keys(value: unknown, what: string, needed: boolean): string[] {
    if (value === undefined && !needed) return [];
    if (!Array.isArray(value) || value.length === 0) this.fail(`${what} must be an array of property names`);
    return value.map((key) => this.checkName(key, what));
  }

  chunking(options: Record<string, unknown>, bulk: boolean): Chunking {
    const chunkSize = options.chunkSize ?? CHUNK_SIZE;
    if (typeof chunkSize !== "number" || !Number.isInteger(chunkSize) || chunkSize < 1) {
      this.fail("chunkSize must be a whole number of at least 1");
    }
    const inServer = options.callInTransactions ?? false;
    if (typeof inServer !== "boolean") this.fail("callInTransactions is true or false");
    return { bulk, chunkSize, callInTransactions: inServer };
  }
}

/** What makes a value no property of a node, in words. */
export function unstorable(value: unknown, inList = false): string | undefined {
  if (value === null || value === undefined) return inList ? "an empty item of a list" : undefined;
  if (typeof value === "string") return value.isWellFormed() ? undefined : "a text with half a character";
  if (typeof value === "bigint") {
    return BigInt.asIntN(64, value) === value ? undefined : "a whole number of more than 64 bits";
  }
  if (typeof value === "number" || typeof value === "boolean") return undefined;
  if (Array.isArray(value)) {
    if (inList) return "a list in a list";
    return value.map((item) => unstorable(item, true)).find((problem) => problem !== undefined);
  }
  if (value instanceof Date || value instanceof Uint8Array || isMarked(value)) return undefined;
  return typeof value === "object" ? "a map" : `a ${typeof value}`;
}

/** A value in a message, short. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  return canonicalJson(value).slice(0, 60);
}
