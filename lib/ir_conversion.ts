/**
 * Takes two declarations of one property and says how its stored values get from one to the other: not at all, since
 * both are stored alike; by a conversion that can be drafted; or by something that a person must write. Source: what
 * neomodel's `deflate` stores. Never looks at a value.
 */
import { isConvertible, type ValueKind } from "./conversion.ts";
import type { PropertyIr } from "./ir.ts";

/** How a property class stores its values: the kind, and what the text or the number stands for. */
const STORED: Record<string, { kind: ValueKind; meaning: string }> = {
  StringProperty: { kind: "string", meaning: "text" },
  EmailProperty: { kind: "string", meaning: "text" },
  RegexProperty: { kind: "string", meaning: "text" },
  UniqueIdProperty: { kind: "string", meaning: "text" },
  DateProperty: { kind: "string", meaning: "an ISO date" },
  DateTimeFormatProperty: { kind: "string", meaning: "a formatted date" },
  JSONProperty: { kind: "string", meaning: "JSON" },
  IntegerProperty: { kind: "integer", meaning: "number" },
  FloatProperty: { kind: "float", meaning: "number" },
  BooleanProperty: { kind: "boolean", meaning: "truth" },
  DateTimeProperty: { kind: "float", meaning: "seconds since 1970" },
  DateTimeNeo4jFormatProperty: { kind: "datetime", meaning: "time" },
  ArrayProperty: { kind: "list", meaning: "list" },
};

/** Meanings between which a conversion keeps what a value stands for. */
const KEEPS: Record<string, string[]> = {
  text: ["number", "truth"],
  number: ["number", "text", "truth", "JSON"],
  truth: ["text", "number", "JSON"],
  JSON: ["number", "truth"],
  "seconds since 1970": ["time"],
  time: ["seconds since 1970"],
};

/** The kind of value under which a property is stored; undefined for own classes, points and aliases. */
export function storedAs(property: PropertyIr): ValueKind | undefined {
  return STORED[property.type]?.kind;
}

/** How the stored values of a property change with its type. */
export type TypeChange =
  /** They are stored alike; what is stored must fit the new class, which only neomodel checks. */
  | { how: "kept" }
  | { how: "converted"; from: ValueKind; to: ValueKind }
  /** A person must write it. */
  | { how: "open" };

/** Compares two declarations of one property; undefined where the type is the same. */
export function typeChange(was: PropertyIr, now: PropertyIr): TypeChange | undefined {
  if (was.type === now.type && was.baseProperty === now.baseProperty) return undefined;
  const [old, next] = [STORED[was.type], STORED[now.type]];
  if (!old || !next) return { how: "open" };
  if (old.kind === "list" && next.kind === "list") return { how: "open" };
  if (old.kind === "list" || next.kind === "list") return listChange(was, now);
  if (old.meaning === next.meaning && old.kind === next.kind) return { how: "kept" };
  if (KEEPS[old.meaning]?.includes(next.meaning) && isConvertible(old.kind, next.kind)) {
    return { how: "converted", from: old.kind, to: next.kind };
  }
  return old.kind === next.kind ? { how: "kept" } : { how: "open" };
}

/** One value becomes a list of one, and back, where the items are what the value was. */
function listChange(was: PropertyIr, now: PropertyIr): TypeChange {
  const [single, list] = was.type === "ArrayProperty" ? [now, was] : [was, now];
  const kind = STORED[single.type].kind;
  // The text of JSON may be a list itself.
  if (single.type === "JSONProperty") return { how: "open" };
  if (list.baseProperty && list.baseProperty !== single.type) return { how: "open" };
  return was.type === "ArrayProperty"
    ? { how: "converted", from: "list", to: kind }
    : { how: "converted", from: kind, to: "list" };
}
