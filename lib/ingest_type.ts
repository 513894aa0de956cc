/**
 * Takes the name of a type and a value of a file, and gives the value as Neo4j has it, or says why it is none of that
 * type. Types are declared, never guessed: what is not declared stays what the file says it is, in CSV a text.
 */
import { CrochetError } from "./error.ts";
import {
  date,
  dateTime,
  duration,
  float,
  isMarked,
  localDateTime,
  localTime,
  type MarkedValue,
  parseTemporal,
  point,
  time,
} from "./graph_value.ts";
import { parseJson } from "./ingest_json.ts";
import { nearest } from "./text.ts";

/** Types of values; each may be a list: `integer[]`. */
export const BASE_TYPES = [
  "string",
  "integer",
  "float",
  "boolean",
  "date",
  "datetime",
  "localdatetime",
  "moment",
  "time",
  "localtime",
  "duration",
  "point",
  "epoch",
  "json",
] as const;
/** One of {@link BASE_TYPES}. */
export type BaseType = typeof BASE_TYPES[number];

/** A declared type. */
export interface DataType {
  base: BaseType;
  list: boolean;
}

const OTHER_NAMES: Record<string, BaseType> = {
  str: "string",
  text: "string",
  int: "integer",
  long: "integer",
  double: "float",
  number: "float",
  bool: "boolean",
  timestamp: "datetime",
};

/**
 * Reads the name of a type.
 *
 * @example
 * ```ts
 * import { parseType } from "./ingest_type.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(parseType("int[]"), { base: "integer", list: true });
 * assert.throws(() => parseType("strnig"), /There is no type "strnig"/);
 * ```
 * @throws CrochetError USAGE
 */
export function parseType(name: string): DataType {
  const [, word, brackets] = /^\s*([^[\]]*?)\s*(\[\])?\s*$/.exec(name.toLowerCase()) ?? [];
  const base = BASE_TYPES.find((candidate) => candidate === word) ?? OTHER_NAMES[word ?? ""];
  if (base) return { base, list: brackets !== undefined };
  const meant = nearest(word ?? name, [...BASE_TYPES, ...Object.keys(OTHER_NAMES)]);
  throw new CrochetError("USAGE", `There is no type "${name}"`, {
    hint: `one of ${BASE_TYPES.join(", ")}, or a list of it: integer[]${
      meant ? `; did you mean ${meant}?` : ""
    }`,
  });
}

/** The name of a type. */
export function typeName({ base, list }: DataType): string {
  return list ? `${base}[]` : base;
}

/** Why a value is none of its type, in words that follow the value: `"x" is no integer`. */
export class ConversionProblem extends Error {}

/** Between the items of a list that stands in a text, by default. */
export const LIST_SEPARATOR = ";";

/**
 * A value as its type has it; null and undefined stay.
 *
 * @example
 * ```ts
 * import { convert, parseType } from "./ingest_type.ts";
 * import assert from "node:assert/strict";
 * assert.equal(convert("007", parseType("integer")), 7);
 * assert.deepEqual(convert("1;2", parseType("integer[]")), [1, 2]);
 * assert.throws(() => convert("7.5", parseType("integer")), /is no integer/);
 * ```
 * @throws ConversionProblem
 */
export function convert(value: unknown, type: DataType, listSeparator = LIST_SEPARATOR): unknown {
  if (value === null || value === undefined) return value;
  if (!type.list) return CONVERTERS[type.base](value);
  const items = typeof value === "string" ? (value === "" ? [] : value.split(listSeparator)) : value;
  if (!Array.isArray(items)) throw new ConversionProblem(`${shown(value)} is no list`);
  return items.map((item) => {
    if (item === null || item === undefined) throw new ConversionProblem("a list holds nothing in a place");
    return CONVERTERS[type.base](item);
  });
}

/** A value as messages show it. */
export function shown(value: unknown): string {
  const text = typeof value === "string"
    ? JSON.stringify(value)
    : isMarked(value)
    ? String("value" in value ? value.value : JSON.stringify(value))
    : typeof value === "bigint"
    ? String(value)
    : JSON.stringify(value, (_, item) => (typeof item === "bigint" ? String(item) : item)) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

const no = (value: unknown, what: string): never => {
  throw new ConversionProblem(`${shown(value)} is no ${what}`);
};

const CONVERTERS: Record<BaseType, (value: unknown) => unknown> = {
  string: (value) => {
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
      return String(value);
    }
    return isMarked(value) && "value" in value ? String(value.value) : no(value, "text");
  },
  integer,
  float: (value) => {
    const number = typeof value === "string"
      ? floatOf(value)
      : typeof value === "number" || typeof value === "bigint"
      ? Number(value)
      : markedAs(value, "float")
      ? value.value as number
      : no(value, "float");
    return Number.isInteger(number) ? float(number) : number;
  },
  boolean: (value) => {
    if (typeof value === "boolean") return value;
    const word = typeof value === "string" ? value.toLowerCase() : value;
    if (word === "true" || word === "1" || word === 1) return true;
    return word === "false" || word === "0" || word === 0 ? false : no(value, "boolean (true, false, 1, 0)");
  },
  date: (value) => temporal(value, "date", /^\d{4,}-\d\d-\d\d$/, date),
  datetime: (value) => temporal(value, "dateTime", /^\d{4,}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d|\])$/, dateTime),
  // With a zone or without one, as the text has it.
  moment: (value) => CONVERTERS[isLocal(value) ? "localdatetime" : "datetime"](value),
  localdatetime: (value) => temporal(value, "localDateTime", /^\d{4,}-\d\d-\d\dT[\d:.]+$/, localDateTime),
  time: (value) => temporal(value, "time", /^\d\d:.*(Z|[+-]\d\d:?\d\d)$/, time),
  localtime: (value) => temporal(value, "localTime", /^\d\d:[\d:.]+$/, localTime),
  duration: (value) => temporal(value, "duration", /^P/, duration),
  point: pointOf,
  epoch: (value) => {
    if (typeof value === "number" || typeof value === "bigint") return CONVERTERS.float(value);
    if (markedAs(value, "float")) return value;
    const text = markedAs(value, "dateTime") || markedAs(value, "localDateTime")
      ? value.value as string
      : value;
    if (typeof text !== "string") return no(value, "moment");
    const parts = wellFormed(text.replace(" ", "T"));
    if (!parts || !/^\d{4,}-/.test(text) || parts.zone) return no(value, "moment, as 2024-05-01T12:00:00Z");
    const seconds =
      Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) / 1000 -
      (parts.offset ?? 0) + Math.floor(parts.nanosecond / 1000) / 1e6;
    return CONVERTERS.float(seconds);
  },
  json: (value) => {
    if (typeof value !== "string") return JSON.stringify(value, plain);
    try {
      parseJson(value);
    } catch {
      no(value, "JSON");
    }
    return value;
  },
};

function isLocal(value: unknown): boolean {
  return markedAs(value, "localDateTime") || (typeof value === "string" && /[T ][\d:.]+$/.test(value));
}

/** Values that JSON has no word for, as JSON writes them. */
function plain(_: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
  }
  return isMarked(value) && "value" in value ? value.value : value;
}

function markedAs(
  value: unknown,
  type: MarkedValue["crochet:type"],
): value is { value: unknown } & MarkedValue {
  return isMarked(value) && value["crochet:type"] === type;
}

const LARGEST = 2n ** 63n - 1n;

function integer(value: unknown): number | bigint {
  if (typeof value === "number") return Number.isInteger(value) ? value : no(value, "integer");
  if (typeof value === "string") {
    if (!/^[+-]?\d+$/.test(value)) return no(value, "integer");
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number === 0 ? 0 : number;
    return integer(BigInt(value.replace("+", "")));
  }
  if (typeof value !== "bigint") return no(value, "integer");
  if (value > LARGEST || value < -LARGEST - 1n) return no(value, "integer of 64 bits");
  return value;
}

function floatOf(text: string): number {
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  const word = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (!word) return no(text, "float");
  return word[2].toLowerCase() === "nan" ? NaN : word[1] === "-" ? -Infinity : Infinity;
}

/** A text as a temporal value, where its shape fits and the calendar has it. */
function temporal(
  value: unknown,
  kind: "date" | "dateTime" | "localDateTime" | "time" | "localTime" | "duration",
  shape: RegExp,
  make: (text: string) => MarkedValue,
): MarkedValue {
  if (markedAs(value, kind)) return value;
  const words = { dateTime: "date and time with its zone", localDateTime: "date and time without a zone" };
  const what = words[kind as "dateTime"] ??
    { time: "time with its offset", localTime: "time" }[kind as "time"] ?? kind;
  if (typeof value !== "string") return no(value, what);
  const text = /^\d{4,}-\d\d-\d\d \d/.test(value) ? value.replace(" ", "T") : value;
  return shape.test(text) && wellFormed(text) ? make(text) : no(value, what);
}

/** Parts of a temporal text that the calendar has: no 30th of February. */
function wellFormed(text: string): ReturnType<typeof parseTemporal> {
  const parts = parseTemporal(text);
  if (!parts || text.startsWith("P")) return parts;
  const { year, month, day, hour, minute, second, offset = 0 } = parts;
  if (hour > 23 || minute > 59 || second > 59 || Math.abs(offset) > 18 * 3600) return undefined;
  if (!/^\d{4,}-/.test(text)) return parts;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return days !== undefined && day >= 1 && day <= days ? parts : undefined;
}

/** A point as `POINT(12.5 41.9)`, `12.5,41.9` or an object of Cypher's own names. */
function pointOf(value: unknown): MarkedValue {
  if (markedAs(value, "point")) return value;
  const what = "point, as POINT(longitude latitude)";
  if (typeof value === "string") {
    const inner = /^\s*POINT\s*Z?\s*\(([^()]*)\)\s*$/i.exec(value)?.[1] ?? value;
    const numbers = inner.trim().split(/[\s,]+/).map((part) =>
      /^[+-]?[\d.]+([eE][+-]?\d+)?$/.test(part) ? Number(part) : NaN
    );
    if (numbers.length < 2 || numbers.length > 3 || numbers.some(Number.isNaN)) return no(value, what);
    return checkPoint(value, point(numbers[0], numbers[1], numbers[2]));
  }
  if (typeof value !== "object" || value === null) return no(value, what);
  const parts = value as Record<string, unknown>;
  const number = (...names: string[]) => {
    const found = names.map((name) => parts[name]).find((part) => part !== undefined);
    return found === undefined
      ? undefined
      : Number(isMarked(found) && "value" in found ? found.value : found);
  };
  const [x, y, z] = [number("longitude", "x"), number("latitude", "y"), number("height", "z")];
  if (x === undefined || y === undefined || [x, y, z ?? 0].some(Number.isNaN)) return no(value, what);
  const plane = "x" in parts ? (z === undefined ? 7203 : 9157) : undefined;
  return checkPoint(value, point(x, y, z, number("srid") ?? plane));
}

function checkPoint(value: unknown, made: MarkedValue): MarkedValue {
  const { srid, x, y } = made as MarkedValue & { "crochet:type": "point" };
  const isOnEarth = (srid !== 4326 && srid !== 4979) || (Math.abs(x) <= 180 && Math.abs(y) <= 90);
  return isOnEarth ? made : no(value, "point on Earth");
}
