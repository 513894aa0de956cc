/**
 * Takes what a reader of Python knows about values and gives their shapes: constants, containers, classes with
 * their method resolution order, enum members, things from libraries, and the unknown with its reason.
 * What is not known stays unknown and says why; nothing here guesses. Never runs anything.
 */
import type { PythonFile, Span, Stmt } from "./python_syntax.ts";

/** A place in one of the files that were read. */
export interface Where {
  module: ModuleValue;
  span: Span;
}

/** A class attribute with the place where it was given. */
export interface Attribute {
  value: PyValue;
  where: Where;
}

/** A class of the project, as its class statement left it. */
export interface ClassValue {
  kind: "class";
  name: string;
  /** Dotted within the module: `Outer.Inner`. */
  qualname: string;
  module: ModuleValue;
  bases: PyValue[];
  /** Keywords of the class statement, `metaclass` among them. */
  keywords: Map<string, PyValue>;
  attributes: Map<string, Attribute>;
  where: Where;
  nameSpan: Span;
  body: Stmt[];
  decorators: PyValue[];
  /** Set where the class only exists under a condition that is not known. */
  conditional?: boolean;
}

/** A module of the project. */
export interface ModuleValue {
  kind: "module";
  /** Dotted name, as an import would say it. */
  name: string;
  path: string;
  isPackage: boolean;
  names: Map<string, PyValue>;
  state: "new" | "running" | "done" | "broken";
  file: PythonFile;
}

/** A value as far as it can be known without running Python. */
export type PyValue =
  | { kind: "str"; value: string }
  | { kind: "int"; value: number | bigint }
  | { kind: "float"; value: number }
  | { kind: "bool"; value: boolean }
  | { kind: "none" }
  | { kind: "sequence"; of: "list" | "tuple" | "set"; items: PyValue[] }
  | { kind: "dict"; entries: [PyValue, PyValue][] }
  | ClassValue
  | ModuleValue
  /** A function of the project; calling it is not understood. */
  | { kind: "function"; name: string; where: Where }
  /** Something of a library outside of the project, by its dotted path. */
  | { kind: "external"; path: string }
  /** The result of calling a class or a library's function. */
  | InstanceValue
  | { kind: "member"; of: ClassValue; name: string; value: PyValue }
  /** Not known; `of` is the project's function whose result it is. */
  | { kind: "unknown"; why: string; of?: PyValue };

/** A call whose callee is known: `StringProperty(index=True)`. */
export interface InstanceValue {
  kind: "instance";
  callee: PyValue;
  args: PyValue[];
  keywords: Map<string, { value: PyValue; span: Span }>;
  /** Set where a `*args` or `**kwargs` could not be taken apart. */
  open: boolean;
  where: Where;
}

/** `None`. */
export const NONE: PyValue = { kind: "none" };

/** A string value. */
export function str(value: string): PyValue {
  return { kind: "str", value };
}

/** An integer value. */
export function int(value: number | bigint): PyValue {
  return typeof value === "bigint" && value >= BigInt(Number.MIN_SAFE_INTEGER) &&
      value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? { kind: "int", value: Number(value) }
    : { kind: "int", value };
}

/** A value that cannot be known, and why. */
export function unknown(why: string): PyValue {
  return { kind: "unknown", why };
}

/**
 * The value as plain JSON data, or undefined where any part of it is unknown. Tuples, lists and sets become
 * arrays, a dict becomes an array of pairs, an enum member its value where the enum mixes in `str` or `int`.
 */
export function toData(value: PyValue): unknown {
  switch (value.kind) {
    case "str":
    case "float":
    case "bool":
      return value.value;
    case "int":
      return typeof value.value === "bigint" ? value.value.toString() : value.value;
    case "none":
      return null;
    case "sequence": {
      const items = value.items.map(toData);
      return items.includes(undefined) ? undefined : items;
    }
    case "dict": {
      const entries = value.entries.map(([key, item]) => [toData(key), toData(item)]);
      return entries.flat().includes(undefined) ? undefined : entries;
    }
    case "member":
      return isPlainEnum(value.of) ? undefined : toData(value.value);
    default:
      return undefined;
  }
}

/** Truth of a value as Python sees it; undefined where it is not known. */
export function truth(value: PyValue): boolean | undefined {
  switch (value.kind) {
    case "str":
      return value.value !== "";
    case "int":
    case "float":
    case "bool":
      return Boolean(value.value);
    case "none":
      return false;
    case "sequence":
      return value.items.length > 0;
    case "dict":
      return value.entries.length > 0;
    case "unknown":
    case "instance":
    case "external":
      return undefined;
    case "member":
      return isPlainEnum(value.of) ? true : truth(value.value);
    default:
      return true;
  }
}

/** Equality of two known values; undefined where it cannot be known. */
export function equal(a: PyValue, b: PyValue): boolean | undefined {
  if (a === b) return a.kind === "unknown" ? undefined : true;
  if (a.kind === "class" || b.kind === "class") return a.kind === b.kind ? false : undefined;
  const [left, right] = [toData(a), toData(b)];
  if (left === undefined || right === undefined) return undefined;
  return JSON.stringify(left) === JSON.stringify(right);
}

const PLAIN_ENUMS = new Set([
  "enum.Enum",
  "enum.Flag",
  "enum.IntEnum",
  "enum.StrEnum",
  "enum.IntFlag",
  "enum.ReprEnum",
]);

/** Does the class descend from one of Python's enums? */
export function isEnum(cls: ClassValue): boolean {
  return externalAncestors(cls).some((path) => PLAIN_ENUMS.has(path));
}

function isPlainEnum(cls: ClassValue): boolean {
  const bases = externalAncestors(cls);
  return !bases.some((path) =>
    ["builtins.str", "builtins.int", "enum.IntEnum", "enum.StrEnum", "enum.IntFlag"].includes(path)
  );
}

/** Paths of all library classes that the class descends from, nearest first. */
export function externalAncestors(cls: ClassValue): string[] {
  const found: string[] = [];
  const seen = new Set<PyValue>();
  const visit = (value: PyValue) => {
    if (seen.has(value)) return;
    seen.add(value);
    if (value.kind === "external") found.push(value.path);
    else if (value.kind === "class") value.bases.forEach(visit);
  };
  cls.bases.forEach(visit);
  return found;
}

/** One entry of a method resolution order: a class of the project or one of a library. */
export type MroEntry = ClassValue | { kind: "external"; path: string };

/**
 * Method resolution order (C3), the class first. Classes of libraries are leaves: their own bases are not known
 * here. Gives undefined where Python would refuse ("cannot create a consistent method resolution order").
 */
export function methodResolutionOrder(cls: ClassValue, depth = 0): MroEntry[] | undefined {
  if (depth > 200) return undefined;
  const bases = cls.bases.filter((base): base is MroEntry =>
    base.kind === "class" || base.kind === "external"
  );
  const sequences: MroEntry[][] = [];
  for (const base of bases) {
    const order = base.kind === "class" ? methodResolutionOrder(base, depth + 1) : [base];
    if (!order) return undefined;
    sequences.push([...order]);
  }
  sequences.push([...bases]);
  const result: MroEntry[] = [cls];
  for (;;) {
    const open = sequences.filter((sequence) => sequence.length > 0);
    if (open.length === 0) return result;
    const next = open.map((sequence) => sequence[0])
      .find((head) => !open.some((sequence) => sequence.slice(1).some((entry) => same(entry, head))));
    if (!next) return undefined;
    result.push(next);
    for (const sequence of open) if (same(sequence[0], next)) sequence.shift();
  }
}

function same(a: MroEntry, b: MroEntry): boolean {
  return a === b || (a.kind === "external" && b.kind === "external" && a.path === b.path);
}

/** An attribute of a class, looked up along its method resolution order. */
export function classAttribute(cls: ClassValue, name: string): Attribute | undefined {
  for (const entry of methodResolutionOrder(cls) ?? [cls]) {
    const found = entry.kind === "class" ? entry.attributes.get(name) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** Members of an enum, in the order of their definition. */
export function enumMembers(cls: ClassValue): PyValue[] {
  const members: PyValue[] = [];
  for (const name of cls.attributes.keys()) {
    const member = enumMember(cls, name);
    if (member) members.push(member);
  }
  return members;
}

/** One member of an enum, or undefined where the name is none (a method, a private name). */
export function enumMember(cls: ClassValue, name: string): PyValue | undefined {
  const attribute = cls.attributes.get(name);
  if (!attribute || name.startsWith("_") || attribute.value.kind === "function") return undefined;
  return { kind: "member", of: cls, name, value: memberValue(cls, name, attribute.value) };
}

/** `auto()` counts from the last integer, or is the lower-case name in a `StrEnum`. */
function memberValue(cls: ClassValue, name: string, value: PyValue): PyValue {
  const isAuto = value.kind === "instance" && value.callee.kind === "external" &&
    value.callee.path === "enum.auto";
  if (!isAuto) return value;
  if (externalAncestors(cls).includes("enum.StrEnum")) return str(name.toLowerCase());
  if (cls.attributes.has("_generate_next_value_")) return unknown("an enum with its own auto() values");
  let last = 0;
  for (const [other, attribute] of cls.attributes) {
    if (other.startsWith("_") || attribute.value.kind === "function") continue;
    last = attribute.value.kind === "int" ? Number(attribute.value.value) : last + 1;
    if (other === name) break;
  }
  return int(last);
}

/** The text of a function without its first line: what a reader that runs nothing can look through. */
export function functionBody(value: PyValue & { kind: "function" }): string {
  const text = value.where.module.file.text.slice(value.where.span.from, value.where.span.to);
  return text.slice(text.indexOf("\n") + 1);
}
