/**
 * Takes two kinds of stored values and gives the Cypher that turns one into the other, and tells which values can be
 * turned without losing anything: those that come back as they were. What is not sure to come back is counted before
 * a run and stops it, unless the migration says that the loss is meant. Never touches a value itself.
 */
import { atLeast, type ServerFeatures } from "./server_features.ts";

/** A kind of stored value, by the name that `convertNodeProperty` takes. */
export type ValueKind = "string" | "integer" | "float" | "boolean" | "datetime" | "list";

/** Every kind, in the order in which messages list them. */
export const VALUE_KINDS: readonly ValueKind[] = [
  "string",
  "integer",
  "float",
  "boolean",
  "datetime",
  "list",
];

/** What a conversion changes, as conditions and an expression over one value. */
export interface Conversion {
  /** True for values that the conversion takes. */
  takes: string;
  /** The new value. */
  value: string;
  /** True for values that need no conversion. */
  isDone: string;
}

/** What turns a value of one kind into another: the expression, and what makes it exact or possible at all. */
interface Rule {
  value: string;
  /** Left out where every value comes back. */
  exact?: string;
  /** Values that can be turned, with a loss. Left out where that is the same as `exact`. */
  possible?: string;
}

/** Seconds since 1970 as a time. A duration counts nanoseconds in 64 bits, so it may only hold the fraction. */
const TO_TIME =
  "datetime({epochSeconds: toInteger(floor(v))}) + duration({microseconds: toInteger(round((v - floor(v)) * 1000000))})";

/** A time as seconds since 1970. Before that, `epochSeconds` is cut towards 0 and `nanosecond` counts upwards. */
const TO_SECONDS =
  "((CASE WHEN v.epochSeconds * 1000 > v.epochMillis THEN v.epochSeconds - 1 ELSE v.epochSeconds END) " +
  "* 1000000 + v.nanosecond / 1000) / 1000000.0";

/** The rules, `v` standing for the value. */
const RULES: Partial<Record<`${ValueKind} ${ValueKind}`, Rule>> = {
  "string integer": {
    value: "toIntegerOrNull(v)",
    exact: "toString(toIntegerOrNull(v)) = v",
    possible: "toIntegerOrNull(v) IS NOT NULL",
  },
  "string float": {
    value: "toFloatOrNull(v)",
    exact: "toString(toFloatOrNull(v)) = v",
    possible: "toFloatOrNull(v) IS NOT NULL",
  },
  "string boolean": {
    value: "toBooleanOrNull(v)",
    exact: "v IN ['true', 'false']",
    possible: "toBooleanOrNull(v) IS NOT NULL",
  },
  "integer string": { value: "toString(v)" },
  // Whole floats are exact up to 2^53; the way back takes no more.
  "integer float": {
    value: "toFloat(v)",
    exact: "v >= -9007199254740992 AND v <= 9007199254740992",
    possible: "true",
  },
  "integer boolean": { value: "toBoolean(v)", exact: "v IN [0, 1]", possible: "true" },
  "float string": { value: "toString(v)" },
  "float integer": {
    value: "toInteger(v)",
    exact: "abs(v) <= 9007199254740992 AND toFloat(toInteger(v)) = v",
    possible: "abs(v) < 9.2e18",
  },
  "boolean string": { value: "toString(v)" },
  "boolean integer": { value: "toInteger(v)" },
  // DateTimeProperty stores seconds since 1970 as a float, which is exact to the microsecond until the year 2255.
  "float datetime": {
    value: TO_TIME,
    exact: "abs(v) <= 9000000000 AND round(v * 1000000) / 1000000.0 = v",
    possible: "v >= -62135596800 AND v < 253402300800",
  },
  "datetime float": {
    value: TO_SECONDS,
    exact: "v.timezone = 'Z' AND v.nanosecond % 1000 = 0 AND abs(v.epochSeconds) < 9000000000",
    possible: "true",
  },
};

/** Can values of one kind be turned into the other? */
export function isConvertible(from: ValueKind, to: ValueKind): boolean {
  if (from === to) return false;
  return from === "list" || to === "list" || RULES[`${from} ${to}`] !== undefined;
}

/** Is the value of this kind? A missing value is of none. */
function isKind(value: string, kind: ValueKind, server: ServerFeatures): string {
  if (atLeast(server, 5, 10)) {
    const type = {
      string: "STRING",
      integer: "INTEGER",
      float: "FLOAT",
      boolean: "BOOLEAN",
      datetime: "ZONED DATETIME",
      list: "LIST<ANY>",
    };
    return `${value} IS :: ${type[kind]} NOT NULL`;
  }
  return isKindBefore510(value, kind);
}

/** Type predicates came with 5.10; before, a value is compared with what it becomes. May go with support of 5.9. */
function isKindBefore510(value: string, kind: ValueKind): string {
  const text = `toStringOrNull(${value})`;
  switch (kind) {
    case "string":
      return `coalesce(${text} = ${value}, false)`;
    case "boolean":
      return `coalesce(${value} IN [true, false], false)`;
    case "integer":
      return `coalesce(toIntegerOrNull(${value}) = ${value} AND NOT ${text} CONTAINS '.', false)`;
    case "float":
      return `coalesce(toFloatOrNull(${value}) = ${value} AND ${text} CONTAINS '.', false)`;
    case "datetime": {
      const looks = "'.*T.*(Z|[+-][0-9][0-9]:[0-9][0-9]).*'";
      return `coalesce(${text} =~ ${looks} AND NOT coalesce(${text} = ${value}, false), false)`;
    }
    case "list":
      return `(${value} IS NOT NULL AND ${text} IS NULL)`;
  }
}

/** The Cypher of a conversion over a value such as ``n.`age` ``; `lossy` takes values that do not come back, too. */
export function conversionCypher(
  value: string,
  from: ValueKind,
  to: ValueKind,
  server: ServerFeatures,
  lossy = false,
): Conversion {
  const isDone = isKind(value, to, server);
  const isFrom = isKind(value, from, server);
  // Conditions are only asked of values of their kind: `abs('x')` would fail, and what is unknown is no.
  const where = (condition: string) =>
    `CASE WHEN ${isFrom} THEN coalesce(${condition}, false) ELSE false END`;
  if (to === "list") return { takes: isFrom, value: `[${value}]`, isDone };
  if (from === "list") {
    const takes = where(`size(${value}) = 1 AND ${isKind(`${value}[0]`, to, server)}`);
    return { takes, value: `${value}[0]`, isDone };
  }
  const rule = RULES[`${from} ${to}`]!;
  const put = (text: string) => text.replace(/\bv\b/g, () => value);
  const condition = lossy ? rule.possible ?? rule.exact : rule.exact;
  const isFree = condition === undefined || condition === "true";
  return { takes: isFree ? isFrom : where(put(condition)), value: put(rule.value), isDone };
}
