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

/** What a migration may import from "crochet". */
export const CROCHET_MODULE: Record<string, unknown> = {
  float,
  date,
  dateTime,
  localDateTime,
  time,
  localTime,
  duration,
  point,
};

/** Is the value one that this file marked? */
export function isMarked(value: unknown): value is MarkedValue {
  return typeof value === "object" && value !== null && "crochet:type" in value;
}
