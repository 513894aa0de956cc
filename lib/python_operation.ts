/**
 * Takes known values and gives what Python's operators make of them: sums, comparisons, memberships, subscripts,
 * what iterating gives. An operand that is not known gives an unknown result. Never evaluates an expression.
 */
import {
  bool,
  dict,
  enumMember,
  enumMembers,
  equal,
  getItem,
  hasKnownKeys,
  int,
  isEnum,
  type PyValue,
  sequence,
  str,
  toData,
  truth,
  unknown,
} from "./python_value.ts";

/** Longest string, list and integer (in bits) that is followed: real declarations are far below. */
export const MOST = 20_000;

/** The items that iterating over a value gives, or undefined where that is not known. */
export function iterate(value: PyValue): PyValue[] | undefined {
  if (value.kind === "sequence") return value.items;
  if (value.kind === "dict") return value.entries.map(([key]) => key);
  if (value.kind === "str") return [...value.value].map(str);
  if (value.kind === "class" && isEnum(value)) return enumMembers(value);
  if (value.kind === "member" && toData(value) !== undefined) return iterate(value.value);
  return undefined;
}

/** The value of a number literal. */
export function numberLiteral(text: string): PyValue {
  const plain = text.replaceAll("_", "");
  if (plain.length > 10_000) return unknown("a number that is too long");
  if (/^(0[xob][0-9a-f]+|[0-9]+)$/i.test(plain)) return int(BigInt(plain));
  const value = Number(plain);
  return Number.isNaN(value) ? unknown(`the number ${text}`) : { kind: "float", value };
}

/** `object[index]`; a subscript of a class is the class (`Base[int]`). */
export function subscript(object: PyValue, index: PyValue[]): PyValue {
  const [first] = index;
  if (object.kind === "class") {
    if (isEnum(object) && first?.kind === "str") {
      return enumMember(object, first.value) ?? unknown(`${object.name} has no member "${first.value}"`);
    }
    return object;
  }
  if (object.kind === "external") return object;
  if (object.kind === "dict" && index.length === 1) {
    return getItem(object, first) ?? unknown("a key that the dict does not have");
  }
  if (first?.kind === "int" && (object.kind === "sequence" || object.kind === "str")) {
    const items = iterate(object)!;
    return items.at(Number(first.value)) ?? unknown("an index beyond the end");
  }
  return object.kind === "unknown" ? object : unknown("a subscript of something that is not known");
}

/** `object[lower:upper:step]` of a list, a tuple or a string. */
export function slice(object: PyValue, parts: (PyValue | undefined)[]): PyValue {
  const bounds = parts.map((part) =>
    !part || part.kind === "none" ? undefined : part.kind === "int" ? Number(part.value) : NaN
  );
  if ((object.kind !== "sequence" && object.kind !== "str") || bounds.some(Number.isNaN) || bounds[2] === 0) {
    return object.kind === "unknown" ? object : unknown("a slice of something that is not known");
  }
  const items = iterate(object)!;
  const [lower, upper, step = 1] = bounds;
  const ordered = step > 0 ? items : [...items].reverse();
  const turn = (at: number | undefined) =>
    step > 0 || at === undefined ? at : Math.max(0, at < 0 ? -at - 1 : items.length - at - 1);
  const found = ordered.slice(turn(lower), turn(upper)).filter((_, i) => i % Math.abs(step) === 0);
  if (object.kind === "sequence") return sequence(object.of, found);
  return str(found.map((item) => (item as { value: string }).value).join(""));
}

/** `not x`, `-x`, `+x`. */
export function unary(op: string, operand: PyValue): PyValue {
  if (op === "not") {
    const value = truth(operand);
    return value === undefined ? unknown("a negated value that is not known") : bool(!value);
  }
  if (op === "-" && operand.kind === "int") return int(-BigInt(operand.value));
  if (op === "-" && operand.kind === "float") return { kind: "float", value: -operand.value };
  if (op === "+" && (operand.kind === "int" || operand.kind === "float")) return operand;
  return unknown(`the operator ${op} on a value that is not known`);
}

/** A binary operator of two values; `and` and `or` are not among them. */
export function binary(op: string, left: PyValue, right: PyValue): PyValue {
  switch (op) {
    case "==":
    case "!=": {
      const value = equal(left, right);
      return value === undefined ? unknown("a comparison") : bool(value === (op === "=="));
    }
    case "is":
    case "is not":
      return identity(left, right, op === "is");
    case "in":
    case "not in":
      return membership(left, right, op === "in");
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const order = ordering(left, right);
      if (order === undefined) return unknown("a comparison of values that are not known");
      return bool(op === "<" ? order < 0 : op === "<=" ? order <= 0 : op === ">" ? order > 0 : order >= 0);
    }
    default:
      return arithmetic(op, left, right) ?? unknown(`the operator ${op} on values that are not known`);
  }
}

function identity(left: PyValue, right: PyValue, positive: boolean): PyValue {
  if (right.kind === "none" && isDefinite(left)) return bool((left.kind === "none") === positive);
  if (left.kind === "bool" && right.kind === "bool") return bool((left.value === right.value) === positive);
  if ((left.kind === "class" || left.kind === "member") && left.kind === right.kind) {
    const same = equal(left, right);
    if (same !== undefined) return bool(same === positive);
  }
  return unknown("an identity test");
}

/** What a library's function gives, or a name of it, may be None. */
function isDefinite(value: PyValue): boolean {
  if (value.kind === "instance") return value.callee.kind === "class";
  return value.kind !== "unknown" && value.kind !== "external";
}

function membership(item: PyValue, container: PyValue, positive: boolean): PyValue {
  if (item.kind === "str" && container.kind === "str") {
    return bool(container.value.includes(item.value) === positive);
  }
  if (container.kind === "dict" && hasKnownKeys(container, item)) {
    return bool((getItem(container, item) !== undefined) === positive);
  }
  const found = iterate(container)?.map((other) => equal(other, item));
  if (found?.includes(true)) return bool(positive);
  return !found || found.includes(undefined) ? unknown("a membership test") : bool(!positive);
}

function arithmetic(op: string, left: PyValue, right: PyValue): PyValue | undefined {
  if (op === "+" && left.kind === "str" && right.kind === "str") {
    return left.value.length + right.value.length > MOST ? undefined : str(left.value + right.value);
  }
  if (op === "+" && left.kind === "sequence" && right.kind === "sequence" && left.of === right.of) {
    if (left.items.length + right.items.length > MOST) return undefined;
    return sequence(left.of, [...left.items, ...right.items]);
  }
  if (left.kind === "sequence" && right.kind === "sequence" && left.of === "set" && right.of === "set") {
    return setOperation(op, left.items, right.items);
  }
  if (op === "|" && left.kind === "dict" && right.kind === "dict") {
    return dict([...left.entries, ...right.entries]);
  }
  if (op === "%" && left.kind === "str") return percentFormat(left.value, right);
  if (op === "*") {
    const [value, count] = left.kind === "int" ? [right, left] : [left, right];
    if (count.kind === "int" && (value.kind === "str" || value.kind === "sequence")) {
      return repeat(value, count);
    }
  }
  if (left.kind === "int" && right.kind === "int") {
    return integers(op, BigInt(left.value), BigInt(right.value));
  }
  return undefined;
}

function repeat(
  value: PyValue & { kind: "str" | "sequence" },
  count: PyValue & { kind: "int" },
): PyValue | undefined {
  const times = Math.max(0, Number(count.value));
  const length = value.kind === "str" ? value.value.length : value.items.length;
  if (times * length > MOST) return undefined;
  if (value.kind === "str") return str(value.value.repeat(times));
  return sequence(value.of, Array.from({ length: times }, () => value.items).flat());
}

function setOperation(op: string, left: PyValue[], right: PyValue[]): PyValue | undefined {
  const isIn = (items: PyValue[], item: PyValue) => truth(membership(item, sequence("list", items), true));
  const pick = (from: PyValue[], other: PyValue[], wanted: boolean) => {
    const tests = from.map((item) => isIn(other, item));
    return tests.includes(undefined) ? undefined : from.filter((_, i) => tests[i] === wanted);
  };
  if (op === "|") return sequence("set", [...left, ...right]);
  const found = op === "&" ? pick(left, right, true) : op === "-" ? pick(left, right, false) : undefined;
  return found && sequence("set", found);
}

function integers(op: string, a: bigint, b: bigint): PyValue | undefined {
  switch (op) {
    case "+":
      return int(a + b);
    case "-":
      return int(a - b);
    case "*":
      return bits(a) + bits(b) > MOST ? undefined : int(a * b);
    case "**":
      return b < 0n || bits(a) * Number(b) > MOST ? undefined : int(a ** b);
    case "<<":
      return b < 0n || bits(a) + Number(b) > MOST ? undefined : int(a << b);
    case "|":
      return int(a | b);
    case "&":
      return int(a & b);
    case "//":
      return b === 0n ? undefined : int(a / b - (a % b !== 0n && (a < 0n) !== (b < 0n) ? 1n : 0n));
    case "%":
      return b === 0n ? undefined : int(((a % b) + b) % b);
    default:
      return undefined;
  }
}

function bits(value: bigint): number {
  return value.toString(16).length * 4;
}

/** Python's order of numbers, strings and tuples; `sys.version_info` counts as the newest Python. */
export function ordering(left: PyValue, right: PyValue, depth = 0): number | undefined {
  if (depth > 20) return undefined;
  if ([left, right].some(isPythonVersion)) return versionOrder(left, right);
  const plain = (value: PyValue): PyValue => {
    return value.kind === "member" && toData(value) !== undefined ? value.value : value;
  };
  const [a, b] = [plain(left), plain(right)];
  if ((a.kind === "int" || a.kind === "float") && (b.kind === "int" || b.kind === "float")) {
    return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  }
  if (a.kind === "str" && b.kind === "str") return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  if (a.kind === "sequence" && b.kind === "sequence") {
    for (let i = 0; i < Math.min(a.items.length, b.items.length); i++) {
      const part = ordering(a.items[i], b.items[i], depth + 1);
      if (part !== 0) return part;
    }
    return a.items.length - b.items.length;
  }
  return undefined;
}

function isPythonVersion(value: PyValue): boolean {
  return value.kind === "external" && value.path === "sys.version_info";
}

/** The project runs on some Python from 3.10 to 3.14: an order is known where it is the same for both ends. */
function versionOrder(left: PyValue, right: PyValue): number | undefined {
  const [oldest, newest] = [10, 14].map((minor) => {
    const version = sequence("tuple", [int(3), int(minor), int(0)]);
    const [a, b] = [left, right].map((value) => isPythonVersion(value) ? version : value);
    return ordering(a, b);
  });
  return oldest !== undefined && newest !== undefined && Math.sign(oldest) === Math.sign(newest)
    ? newest
    : undefined;
}

/** `template % values`, for %s and %d. */
function percentFormat(template: string, right: PyValue): PyValue | undefined {
  const values = right.kind === "sequence" && right.of === "tuple" ? [...right.items] : [right];
  let known = true;
  const text = template.replace(/%(.?)/gs, (_, code) => {
    if (code === "%") return "%";
    const value = values.shift();
    const shown = value && (code === "s" || (code === "d" && value.kind === "int"))
      ? toText(value)
      : undefined;
    known &&= shown !== undefined;
    return shown ?? "";
  });
  return known && values.length === 0 ? str(text) : undefined;
}

/** What `str(value)` gives, where that is sure. */
export function toText(value: PyValue): string | undefined {
  switch (value.kind) {
    case "str":
      return value.value;
    case "int":
      return String(value.value);
    case "bool":
      return value.value ? "True" : "False";
    case "none":
      return "None";
    case "member":
      return memberText(value);
    default:
      return undefined;
  }
}

/** Only a `StrEnum` prints as its value in every Python; other mixtures changed with 3.11 and 3.12. */
function memberText(value: PyValue & { kind: "member" }): string | undefined {
  return isEnum(value.of, "enum.StrEnum") && value.value.kind === "str" ? value.value.value : undefined;
}
