/**
 * Takes values that a migration writes and says what they are in Neo4j where JavaScript has no word for it: floats
 * that are whole, dates, points. A marked value is plain data, so that it crosses from the worker and has a digest.
 * Never knows the driver.
 */

/** A value with the name of its Neo4j type. */
export type MarkedValue =
  | { "crochet:type": "float"; value: number }
  | {
    "crochet:type": "date" | "dateTime" | "localDateTime" | "time" | "localTime" | "duration";
    value: string;
  }
  | { "crochet:type": "point"; srid: number; x: number; y: number; z?: number };

/** A float, also where the number is whole: `float(30)` is 30.0 in the graph, `30` is an integer. */
export function float(value: number): MarkedValue {
  return { "crochet:type": "float", value };
}

/** A date: `date("2024-05-01")`. */
export function date(value: string): MarkedValue {
  return { "crochet:type": "date", value };
}

/** A date and time with its zone or offset: `dateTime("2024-05-01T12:00:00+02:00")`. */
export function dateTime(value: string): MarkedValue {
  return { "crochet:type": "dateTime", value };
}

/** A date and time without a zone: `localDateTime("2024-05-01T12:00:00")`. */
export function localDateTime(value: string): MarkedValue {
  return { "crochet:type": "localDateTime", value };
}

/** A time of day with its offset: `time("12:00:00+02:00")`. */
export function time(value: string): MarkedValue {
  return { "crochet:type": "time", value };
}

/** A time of day: `localTime("12:00:00")`. */
export function localTime(value: string): MarkedValue {
  return { "crochet:type": "localTime", value };
}

/** A duration: `duration("P1Y2M3DT4H")`. */
export function duration(value: string): MarkedValue {
  return { "crochet:type": "duration", value };
}

/** A point; WGS-84 (longitude, latitude) unless `srid` says otherwise (7203 and 9157 are cartesian). */
export function point(
  x: number,
  y: number,
  z?: number,
  srid: number = z === undefined ? 4326 : 4979,
): MarkedValue {
  return { "crochet:type": "point", srid, x, y, ...(z === undefined ? {} : { z }) };
}

/** Is the value one that this file marked? */
export function isMarked(value: unknown): value is MarkedValue {
  return typeof value === "object" && value !== null && "crochet:type" in value;
}

/** Parts of a date, a time, both, or a duration; what is not given is 0. */
export interface TemporalParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  /** Offset from UTC in seconds. */
  offset?: number;
  /** Name of a time zone. */
  zone?: string;
}

/**
 * Reads ISO 8601: dates, times, both, and durations; undefined where the text is none.
 *
 * @example
 * ```ts
 * import { parseTemporal } from "./graph_value.ts";
 * import assert from "node:assert/strict";
 * assert.equal(parseTemporal("2024-05-01T12:00:00+02:00")?.offset, 7200);
 * assert.equal(parseTemporal("P1Y2M")?.month, 2);
 * assert.equal(parseTemporal("tomorrow"), undefined);
 * ```
 */
export function parseTemporal(text: string): TemporalParts | undefined {
  const n = (part: string | undefined) => Number(part ?? 0);
  const nanos = (fraction: string | undefined) => Number((fraction ?? "").padEnd(9, "0").slice(0, 9) || 0);
  const span =
    /^P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?$/
      .exec(text);
  if (span) {
    const [, y, mo, w, d, h, mi, s, f] = span;
    return {
      year: n(y),
      month: n(mo),
      day: n(w) * 7 + n(d),
      hour: n(h),
      minute: n(mi),
      second: n(s),
      nanosecond: nanos(f),
    };
  }
  const point =
    /^(?:(\d{4,})-(\d\d)-(\d\d))?(?:(?:^|T)(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?(?:\[([\w/+-]+)\])?)?$/
      .exec(text);
  if (!point || text === "") return undefined;
  const [, y, mo, d, h, mi, s, f, offset, zone] = point;
  const digits = offset === "Z" ? "+0000" : offset?.replace(":", "");
  return {
    year: n(y),
    month: n(mo),
    day: n(d),
    hour: n(h),
    minute: n(mi),
    second: n(s),
    nanosecond: nanos(f),
    ...(digits &&
      { offset: Number(`${digits[0]}1`) * (n(digits.slice(1, 3)) * 3600 + n(digits.slice(3, 5)) * 60) }),
    ...(zone && { zone }),
  };
}
