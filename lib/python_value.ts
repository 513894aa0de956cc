/**
 * Takes what a reader of Python knows about values and gives their shapes: constants, containers, classes with
 * their method resolution order, enum members, things from libraries, and the unknown with its reason.
 * What is not known stays unknown and says why; nothing here guesses. Never runs anything.
 */
import type { Expr, Parameter, PythonFile, Span, Stmt } from "./python_tree.ts";

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
  /** Set where the class only exists under a condition that is not known. */
  conditional?: boolean;
  /** Decorators of libraries, which are taken to leave the class as it is. */
  keptDecorators: PyValue[];
  /** What may have changed the class and is not followed, in words: "a decorator". */
  changers: string[];
  /** Names that the body gave, without those that came later. */
  bodyNames: Set<string>;
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

/** Names of a function that runs, and of the functions around it. */
export interface Locals {
  names: Map<string, PyValue>;
  outer?: Locals;
}

/** A function or a lambda of the project. */
export interface FunctionValue {
  kind: "function";
  name: string;
  where: Where;
  parameters: Parameter[];
  /** Values of the parameters' defaults, from when the function was made. */
  defaults: Map<string, PyValue>;
  body: Stmt[] | Expr;
  /** A coroutine or a generator: a call runs nothing of it. */
  deferred: boolean;
  locals?: Locals;
  /** The class whose body holds the function. */
  owner?: ClassValue;
  binding?: "classmethod" | "staticmethod" | "property";
  /** What the first parameter is bound to. */
  self?: PyValue;
}

/** A dict; `places` finds the entry of a key that is known. */
export interface DictValue {
  kind: "dict";
  entries: [PyValue, PyValue][];
  places: Map<string, number>;
}

/** A value as far as it can be known without running Python. */
export type PyValue =
  | { kind: "str"; value: string }
  | { kind: "int"; value: number | bigint }
  | { kind: "float"; value: number }
  | { kind: "bool"; value: boolean }
  | { kind: "none" }
  | { kind: "sequence"; of: "list" | "tuple" | "set"; items: PyValue[] }
  | DictValue
  | ClassValue
  | ModuleValue
  | FunctionValue
  /** Something of a library outside of the project, by its dotted path. */
  | { kind: "external"; path: string }
  /** The result of calling a class or a library's function. */
  | InstanceValue
  | { kind: "member"; of: ClassValue; name: string; value: PyValue }
  /** `super()` inside of a method of `of`. */
  | { kind: "super"; of: ClassValue; self: PyValue }
  /** A method of a value that is known, or of the library's class above an object. */
  | { kind: "method"; object: PyValue; name: string; path?: string }
  /** Not known; `from` are the values that it may be or that it was made of. */
  | UnknownValue;

/** A value that cannot be known without running Python. */
export interface UnknownValue {
  kind: "unknown";
  why: string;
  from?: PyValue[];
}

/** Arguments of a call, as far as they are known. */
export interface CallArguments {
  args: PyValue[];
  keywords: Map<string, { value: PyValue; span: Span }>;
  /** Set where a `*args` or `**kwargs` could not be taken apart. */
  open: boolean;
}

/** A call whose callee is known: `StringProperty(index=True)`. */
export interface InstanceValue extends CallArguments {
  kind: "instance";
  callee: PyValue;
  where: Where;
  /** What the project's own `__init__` handed to the library's, where there is one. */
  base?: CallArguments;
  /** Attributes that were set on the object after that, and those before. */
  attributes?: Map<string, PyValue>;
  earlier?: Map<string, PyValue>;
  /** Why the project's own `__init__` is not followed. */
  doubt?: string;
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
export function unknown(why: string, ...from: (PyValue | undefined)[]): PyValue {
  const known = from.filter((value) => value !== undefined);
  return known.length > 0 ? { kind: "unknown", why, from: known } : { kind: "unknown", why };
}

/** Does a value, or one that it may be or was made of, pass a test? */
export function mayBe(value: PyValue, test: (value: PyValue) => boolean): boolean {
  const seen = new Set<PyValue>([value]);
  // The set grows while it is walked.
  for (const found of seen) {
    if (test(found)) return true;
    if (seen.size > 2000) return true;
    if (found.kind === "unknown") found.from?.forEach((part) => seen.add(part));
    else if (found.kind === "sequence") found.items.forEach((part) => seen.add(part));
    else if (found.kind === "dict") found.entries.forEach(([, part]) => seen.add(part));
    else if (found.kind === "method") seen.add(found.object);
    else if (found.kind === "instance" && found.callee.kind !== "class") {
      [found.callee, ...found.args, ...[...found.keywords.values()].map((k) => k.value)].forEach((p) =>
        seen.add(p)
      );
    }
  }
  return false;
}

/** A truth value. */
export function bool(value: boolean): PyValue {
  return { kind: "bool", value };
}

/** A list, tuple or set; a set holds equal items once. */
export function sequence(of: "list" | "tuple" | "set", items: PyValue[]): PyValue {
  return {
    kind: "sequence",
    of,
    items: of === "set" ? dict(items.map((item) => [item, item])).entries.map(([key]) => key) : items,
  };
}

/** A dict of pairs; a later pair of an equal key keeps the first place. */
export function dict(pairs: Iterable<[PyValue, PyValue]> = []): DictValue {
  const made: DictValue = { kind: "dict", entries: [], places: new Map() };
  for (const [key, value] of pairs) putItem(made, key, value);
  return made;
}

/** Sets an item of a dict. */
export function putItem(target: DictValue, key: PyValue, value: PyValue): void {
  const name = keyOf(key);
  const at = name === undefined ? undefined : target.places.get(name);
  if (at !== undefined) target.entries[at] = [target.entries[at][0], value];
  else {
    if (name !== undefined) target.places.set(name, target.entries.length);
    target.entries.push([key, value]);
  }
}

/** An item of a dict, `undefined` where it has none under that key. */
export function getItem(target: DictValue, key: PyValue): PyValue | undefined {
  const name = keyOf(key);
  const at = name === undefined ? undefined : target.places.get(name);
  return at === undefined ? undefined : target.entries[at][1];
}

/** Are all keys of the dict, and this one, known? Else nobody knows whether the dict has it. */
export function hasKnownKeys(target: DictValue, key?: PyValue): boolean {
  return target.places.size === target.entries.length && (key === undefined || keyOf(key) !== undefined);
}

/** Takes an item out of a dict. */
export function removeItem(target: DictValue, key: PyValue): void {
  const name = keyOf(key);
  const rest = dict(target.entries.filter(([other]) => keyOf(other) !== name));
  target.entries = rest.entries;
  target.places = rest.places;
}

/** Two values that are equal in Python have one key; `undefined` where the value is not known. */
function keyOf(value: PyValue, room = { left: 50_000 }): string | undefined {
  if (--room.left < 0) return undefined;
  const keys = (items: PyValue[]) => {
    const found = items.map((item) => keyOf(item, room));
    return found.includes(undefined) ? undefined : found as string[];
  };
  switch (value.kind) {
    case "str":
      return JSON.stringify(value.value);
    case "int":
    case "float":
    case "bool":
      // True is 1, and 1.0 is 1.
      return String(typeof value.value === "bigint" ? value.value : Number(value.value));
    case "none":
      return "None";
    case "sequence": {
      const items = keys(value.items);
      return items && `${value.of}(${(value.of === "set" ? items.sort() : items).join(",")})`;
    }
    case "dict": {
      const items = keys(value.entries.flat());
      return items &&
        `{${items.map((key, i) => i % 2 === 0 ? `${key}:${items[i + 1]}` : "").filter(Boolean).sort()}}`;
    }
    case "member":
      return isPlainEnum(value.of)
        ? `${value.of.module.path} ${value.of.qualname}.${value.name}`
        : keyOf(value.value, room);
    case "class":
      return `${value.module.path} ${value.qualname} ${value.where.span.from}`;
    default:
      return undefined;
  }
}

/**
 * The value as plain JSON data, or undefined where any part of it is unknown. Tuples, lists and sets become
 * arrays, a dict becomes an array of pairs, an enum member its value where the enum mixes in `str` or `int`.
 */
export function toData(value: PyValue, room = { left: 50_000 }): unknown {
  // A container may hold itself, or the same one many times.
  if (--room.left < 0) return undefined;
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
      const items = value.items.map((item) => toData(item, room));
      return items.includes(undefined) ? undefined : items;
    }
    case "dict": {
      const entries = value.entries.map(([key, item]) => [toData(key, room), toData(item, room)]);
      return entries.flat().includes(undefined) ? undefined : entries;
    }
    case "member":
      return isPlainEnum(value.of) ? undefined : toData(value.value, room);
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
    case "method":
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
  if (a.kind === "member" && b.kind === "member" && a.of === b.of) return a.name === b.name;
  const [x, y] = [keyOf(a), keyOf(b)];
  return x === undefined || y === undefined ? undefined : x === y;
}

const PLAIN_ENUMS = new Set([
  "enum.Enum",
  "enum.Flag",
  "enum.IntEnum",
  "enum.StrEnum",
  "enum.IntFlag",
  "enum.ReprEnum",
]);

const MIXED_ENUMS = new Set([
  "builtins.str",
  "builtins.int",
  "builtins.float",
  "builtins.tuple",
  "enum.IntEnum",
  "enum.StrEnum",
  "enum.IntFlag",
]);

/** Does the class descend from one of Python's enums, or from this one? */
export function isEnum(cls: ClassValue, path?: string): boolean {
  return externalAncestors(cls).some((other) => path ? other === path : PLAIN_ENUMS.has(other));
}

/** Is a member no more than a member, or also the string, number or tuple that it is made with? */
function isPlainEnum(cls: ClassValue): boolean {
  return !externalAncestors(cls).some((path) => MIXED_ENUMS.has(path));
}

/** Paths of all library classes that the class descends from, nearest first. */
export function externalAncestors(cls: ClassValue): string[] {
  const found: string[] = [];
  const seen = new Set<PyValue>(cls.bases);
  // The set grows while it is walked: ancestors come after their children, each once.
  for (const value of seen) {
    if (value.kind === "external") found.push(value.path);
    else if (value.kind === "class") value.bases.forEach((base) => seen.add(base));
  }
  return found;
}

/** One entry of a method resolution order: a class of the project or one of a library. */
export type MroEntry = ClassValue | { kind: "external"; path: string };

const orders = new WeakMap<ClassValue, MroEntry[] | "none">();

/**
 * Method resolution order (C3), the class first. Classes of libraries are leaves: their own bases are not known
 * here. Gives undefined where Python would refuse ("cannot create a consistent method resolution order").
 */
export function methodResolutionOrder(cls: ClassValue): MroEntry[] | undefined {
  let order = orders.get(cls);
  if (!order) {
    order = linearize(cls) ?? "none";
    orders.set(cls, order);
  }
  return order === "none" ? undefined : order;
}

function linearize(cls: ClassValue): MroEntry[] | undefined {
  const bases = cls.bases.filter((base): base is MroEntry =>
    base.kind === "class" || base.kind === "external"
  );
  const sequences: MroEntry[][] = [];
  for (const base of bases) {
    const order = base.kind === "class" ? methodResolutionOrder(base) : [base];
    if (!order) return undefined;
    if (bases.length === 1) return [cls, ...order];
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

/** Members of an enum, in the order of their definition; an alias is none of its own. */
export function enumMembers(cls: ClassValue): PyValue[] {
  return [...membersByName(cls)].flatMap(([name, member]) => member.name === name ? [member] : []);
}

/** One member of an enum, or undefined where the name is none (a method, a private name). */
export function enumMember(cls: ClassValue, name: string): PyValue | undefined {
  return membersByName(cls).get(name);
}

type Member = PyValue & { kind: "member" };

const members = new WeakMap<ClassValue, { size: number; found: Map<string, Member> }>();

function membersByName(cls: ClassValue): Map<string, Member> {
  const known = members.get(cls);
  if (known && known.size === cls.attributes.size) return known.found;
  const found = new Map<string, Member>();
  const ignored = toData(cls.attributes.get("_ignore_")?.value ?? { kind: "none" });
  const skipped = new Set(
    typeof ignored === "string" ? ignored.split(/[\s,]+/) : Array.isArray(ignored) ? ignored : [],
  );
  const isOpen = (methodResolutionOrder(cls) ?? []).some((entry) =>
    entry.kind === "class" &&
    ["__new__", "_generate_next_value_", "_missing_"].some((name) => entry.attributes.has(name))
  );
  for (const [name, { value }] of cls.attributes) {
    // Names such as _ignore_ and __doc__ are never members, nor are functions, classes and descriptors.
    if (/^_.*_$|^_[^_]\w*__/.test(name) || skipped.has(name) || !bodyMember(value)) continue;
    const own = isOpen
      ? unknown("a member of an Enum that makes its values itself")
      : memberValue(cls, name, value, found);
    const first = [...found.values()].find((other) => equal(other.value, own) === true);
    found.set(name, first ?? { kind: "member", of: cls, name, value: own });
  }
  members.set(cls, { size: cls.attributes.size, found });
  return found;
}

function bodyMember(value: PyValue): boolean {
  if (value.kind === "function" || value.kind === "class") return false;
  return !(value.kind === "instance" && value.callee.kind === "external" &&
    /(^|\.)(nonmember|property)$/.test(value.callee.path));
}

/** `auto()` counts from the last integer, or is the lower-case name in a `StrEnum`. */
function memberValue(cls: ClassValue, name: string, value: PyValue, before: Map<string, Member>): PyValue {
  const isCall = value.kind === "instance" && value.callee.kind === "external";
  if (isCall && value.callee.kind === "external" && value.callee.path === "enum.member" && value.args[0]) {
    return value.args[0];
  }
  if (!isCall || value.callee.kind !== "external" || value.callee.path !== "enum.auto") return value;
  const bases = externalAncestors(cls);
  if (bases.includes("enum.StrEnum")) return str(name.toLowerCase());
  const numbers = [...before.values()].map((member) =>
    member.value.kind === "int" ? Number(member.value.value) : NaN
  );
  const last = numbers.at(-1) ?? 0;
  // Which number comes after one that is not the highest depends on the version of Python.
  if (numbers.some((number) => Number.isNaN(number) || number > last)) return unknown("a value of auto()");
  if (bases.some((path) => path === "enum.Flag" || path === "enum.IntFlag")) {
    return last === 0 ? int(1) : int(2 ** (Math.floor(Math.log2(last)) + 1));
  }
  return bases.includes("builtins.str") ? unknown("a value of auto() in an Enum of strings") : int(last + 1);
}

/** The text of a function without its head: what a reader can look through where it cannot follow. */
export function functionBody(value: FunctionValue): string {
  const { text } = value.where.module.file;
  const from = Array.isArray(value.body) ? value.body[0].from : value.body.from;
  return text.slice(from, value.where.span.to);
}

/** What the names in a function's text are in its module; a name that it lacks has no value. */
export function namesIn(value: FunctionValue): [name: string, value: PyValue | undefined][] {
  const words = new Set(functionBody(value).match(/[\p{ID_Start}_]\p{ID_Continue}*/gu));
  return [...words].map((word) => [word, value.where.module.names.get(word)]);
}

/** The class that follows `after` in the method resolution order of `cls`, if any has the attribute. */
export function attributeAfter(
  cls: ClassValue,
  after: ClassValue,
  name: string,
): { attribute: Attribute } | { path: string } | undefined {
  const order = methodResolutionOrder(cls) ?? [];
  for (const entry of order.slice(order.indexOf(after) + 1)) {
    if (entry.kind === "external") return { path: entry.path };
    const attribute = entry.attributes.get(name);
    if (attribute) return { attribute };
  }
  return undefined;
}
