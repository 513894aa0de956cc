/**
 * Takes an expression and the names that are in scope and gives its value, as Python would compute it from
 * constants, containers, classes and enums. Everything else is "unknown" with the reason. Never calls a function
 * of the project, never reads a file.
 */
import type { Argument, Expr, Span } from "./python_syntax.ts";
import {
  classAttribute,
  enumMember,
  enumMembers,
  equal,
  externalAncestors,
  int,
  isEnum,
  NONE,
  type PyValue,
  str,
  toData,
  truth,
  unknown,
  type Where,
} from "./python_value.ts";

/** What an expression can see. */
export interface Scope {
  /** Value of a name, or undefined where nothing defines it. */
  lookup(name: string): PyValue | undefined;
  /** Binds a name (the walrus operator). */
  bind(name: string, value: PyValue): void;
  /** Attribute of a module of the project, loading a submodule where that is what it names. */
  moduleAttribute(module: PyValue & { kind: "module" }, name: string): PyValue;
  /** Place of a span in the current file. */
  where(span: Span): Where;
}

const BUILTINS = new Set(
  ("dict list tuple set frozenset str int float bool len range sorted reversed enumerate zip map filter type object property " +
    "classmethod staticmethod super getattr setattr hasattr isinstance issubclass callable print open min max sum any all " +
    "abs round repr iter next vars globals locals format Exception ValueError TypeError KeyError RuntimeError " +
    "NotImplementedError ImportError ModuleNotFoundError AttributeError bytes id hash input NotImplemented " +
    "BaseException StopIteration IndexError LookupError OSError complex slice ord chr").split(" "),
);

/** Value of an expression. */
export function evaluate(expr: Expr, scope: Scope): PyValue {
  switch (expr.kind) {
    case "name": {
      const value = scope.lookup(expr.id);
      if (value) return value;
      if (BUILTINS.has(expr.id)) return { kind: "external", path: `builtins.${expr.id}` };
      return unknown(`the name "${expr.id}" is not defined here`);
    }
    case "string":
      return str(expr.value);
    case "fstring":
      return formatString(expr.parts, scope);
    case "number":
      return numberLiteral(expr.text);
    case "constant":
      return expr.value === null ? NONE : { kind: "bool", value: expr.value };
    case "tuple":
    case "list":
    case "set":
      return sequence(expr.kind, expr.items, scope);
    case "dict":
      return dictionary(expr.items, scope);
    case "attribute":
      return attributeOf(evaluate(expr.object, scope), expr.name, scope);
    case "subscript":
      return subscript(evaluate(expr.object, scope), expr.index.map((item) => evaluate(item, scope)));
    case "call":
      return call(expr, scope);
    case "unary":
      return unary(expr.op, evaluate(expr.operand, scope));
    case "binary":
      return binary(expr, scope);
    case "conditional": {
      const test = truth(evaluate(expr.test, scope));
      if (test === undefined) return unknown("a conditional expression whose test is not known");
      return evaluate(test ? expr.then : expr.otherwise, scope);
    }
    case "comprehension":
      return comprehension(expr, scope);
    case "lambda":
      return { kind: "function", name: "<lambda>", where: scope.where(expr) };
    case "walrus": {
      const value = evaluate(expr.value, scope);
      scope.bind(expr.target, value);
      return value;
    }
    case "bytes":
      return unknown("a bytes literal");
    default:
      return unknown(`an expression that is not followed (${expr.what})`);
  }
}

/** The items that iterating over a value gives, or undefined where that is not known. */
export function iterate(value: PyValue): PyValue[] | undefined {
  if (value.kind === "sequence") return value.items;
  if (value.kind === "dict") return value.entries.map(([key]) => key);
  if (value.kind === "str") return [...value.value].map(str);
  if (value.kind === "class" && isEnum(value)) return enumMembers(value);
  return undefined;
}

/** Attribute of a value: a class attribute, an enum member's name or value, something of a library. */
export function attributeOf(object: PyValue, name: string, scope: Scope): PyValue {
  switch (object.kind) {
    case "module":
      return scope.moduleAttribute(object, name);
    case "external":
      return { kind: "external", path: `${object.path}.${name}` };
    case "class": {
      if (name === "__name__") return str(object.name);
      if (name === "__qualname__") return str(object.qualname);
      if (name === "__module__") return str(object.module.name);
      if (isEnum(object)) {
        const member = enumMember(object, name);
        if (member) return member;
        if (name === "__members__") {
          return {
            kind: "dict",
            entries: enumMembers(object).map((m) => [str((m as { name: string }).name), m]),
          };
        }
      }
      const found = classAttribute(object, name);
      if (found) return found.value;
      return unknown(`${object.name} has no attribute "${name}" that is known`);
    }
    case "member":
      if (name === "name") return str(object.name);
      if (name === "value") return object.value;
      return unknown(`the attribute "${name}" of an enum member`);
    case "str":
    case "sequence":
    case "dict":
      return { kind: "external", path: `method.${name}` };
    case "unknown":
      return object;
    default:
      return unknown(`the attribute "${name}" of something that is made at run time`);
  }
}

function formatString(parts: (string | Expr)[], scope: Scope): PyValue {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") text += part;
    else {
      const value = evaluate(part, scope);
      if (value.kind === "str" || value.kind === "int") text += value.value;
      else if (
        value.kind === "member" && value.value.kind === "str" &&
        externalAncestors(value.of).includes("enum.StrEnum")
      ) {
        text += value.value.value;
      } else return unknown("an f-string with a part that is not known");
    }
  }
  return str(text);
}

function numberLiteral(text: string): PyValue {
  const plain = text.replaceAll("_", "");
  if (/^(0[xob][0-9a-f]+|[0-9]+)$/i.test(plain)) {
    return int(BigInt(/^0[0-9]/.test(plain) ? plain.replace(/^0+(?=\d)/, "") : plain));
  }
  const value = Number(plain);
  return Number.isNaN(value) ? unknown(`the number ${text}`) : { kind: "float", value };
}

function sequence(of: "list" | "tuple" | "set", items: Argument[], scope: Scope): PyValue {
  const values: PyValue[] = [];
  for (const item of items) {
    const value = evaluate(item.value, scope);
    if (item.star === "*") {
      const inner = iterate(value);
      if (!inner) return unknown(`a ${of} with an unpacked part that is not known`);
      values.push(...inner);
    } else values.push(value);
  }
  return { kind: "sequence", of, items: of === "set" ? distinct(values) : values };
}

function distinct(values: PyValue[]): PyValue[] {
  return values.filter((value, i) => !values.slice(0, i).some((other) => equal(other, value)));
}

function dictionary(items: { key?: Expr; value: Expr }[], scope: Scope): PyValue {
  const entries: [PyValue, PyValue][] = [];
  for (const item of items) {
    const value = evaluate(item.value, scope);
    if (item.key) put(entries, evaluate(item.key, scope), value);
    else if (value.kind === "dict") value.entries.forEach(([k, v]) => put(entries, k, v));
    else return unknown("a dict with an unpacked part that is not known");
  }
  return { kind: "dict", entries };
}

function put(entries: [PyValue, PyValue][], key: PyValue, value: PyValue): void {
  const at = entries.findIndex(([other]) => equal(other, key));
  if (at === -1) entries.push([key, value]);
  else entries[at] = [entries[at][0], value];
}

function subscript(object: PyValue, index: PyValue[]): PyValue {
  if (object.kind === "class") {
    if (isEnum(object) && index[0]?.kind === "str") {
      return enumMember(object, index[0].value) ?? unknown("no such member");
    }
    return object; // a generic alias: Base[int] is Base
  }
  if (object.kind === "external") return object;
  if (object.kind === "dict" && index.length === 1) {
    const found = object.entries.find(([key]) => equal(key, index[0]));
    return found ? found[1] : unknown("a key that the dict does not have");
  }
  if (object.kind === "sequence" && index[0]?.kind === "int") {
    return object.items.at(Number(index[0].value)) ?? unknown("an index beyond the end");
  }
  if (object.kind === "str" && index[0]?.kind === "int") {
    const letter = object.value.at(Number(index[0].value));
    return letter === undefined ? unknown("an index beyond the end") : str(letter);
  }
  return object.kind === "unknown" ? object : unknown("a subscript of something that is not known");
}

function unary(op: string, operand: PyValue): PyValue {
  if (op === "not") {
    const value = truth(operand);
    return value === undefined
      ? unknown("a negated value that is not known")
      : { kind: "bool", value: !value };
  }
  if (op === "-" && operand.kind === "int") return int(-BigInt(operand.value));
  if (op === "-" && operand.kind === "float") return { kind: "float", value: -operand.value };
  if (op === "+" && (operand.kind === "int" || operand.kind === "float")) return operand;
  return unknown(`the operator ${op} on a value that is not known`);
}

function binary(expr: Expr & { kind: "binary" }, scope: Scope): PyValue {
  const left = evaluate(expr.left, scope);
  if (expr.op === "and" || expr.op === "or") {
    const value = truth(left);
    if (value === undefined) return unknown(`a value chosen at run time with "${expr.op}"`);
    return value === (expr.op === "and") ? evaluate(expr.right, scope) : left;
  }
  const right = evaluate(expr.right, scope);
  if (expr.op === "==" || expr.op === "!=") {
    const value = equal(left, right);
    return value === undefined
      ? unknown("a comparison")
      : { kind: "bool", value: value === (expr.op === "==") };
  }
  if (expr.op === "is" || expr.op === "is not") {
    if (right.kind === "none" && left.kind !== "unknown") {
      return { kind: "bool", value: (left.kind === "none") === (expr.op === "is") };
    }
    return unknown("an identity test");
  }
  if (expr.op === "in" || expr.op === "not in") {
    if (left.kind === "str" && right.kind === "str") {
      return { kind: "bool", value: right.value.includes(left.value) === (expr.op === "in") };
    }
    const items = iterate(right)?.map((item) => equal(item, left));
    if (!items || items.includes(undefined)) return unknown("a membership test");
    return { kind: "bool", value: items.includes(true) === (expr.op === "in") };
  }
  return arithmetic(expr.op, left, right);
}

function arithmetic(op: string, left: PyValue, right: PyValue): PyValue {
  if (op === "+" && left.kind === "str" && right.kind === "str") return str(left.value + right.value);
  if (op === "+" && left.kind === "sequence" && right.kind === "sequence" && left.of === right.of) {
    return { kind: "sequence", of: left.of, items: [...left.items, ...right.items] };
  }
  if (op === "|" && left.kind === "dict" && right.kind === "dict") {
    const entries = [...left.entries];
    right.entries.forEach(([k, v]) => put(entries, k, v));
    return { kind: "dict", entries };
  }
  if (op === "%" && left.kind === "str") return percentFormat(left.value, right);
  if (op === "*" && left.kind === "str" && right.kind === "int" && right.value < 1000) {
    return str(left.value.repeat(Math.max(0, Number(right.value))));
  }
  if (left.kind === "int" && right.kind === "int") {
    const [a, b] = [BigInt(left.value), BigInt(right.value)];
    if (op === "+") return int(a + b);
    if (op === "-") return int(a - b);
    if (op === "*") return int(a * b);
    if (op === "**" && b >= 0n && b < 64n) return int(a ** b);
  }
  const compare = ordering(left, right);
  if (compare !== undefined && ["<", "<=", ">", ">="].includes(op)) {
    const value = op === "<"
      ? compare < 0
      : op === "<="
      ? compare <= 0
      : op === ">"
      ? compare > 0
      : compare >= 0;
    return { kind: "bool", value };
  }
  return unknown(`the operator ${op} on values that are not known`);
}

/** Python's order of numbers, strings and tuples; `sys.version_info` counts as the newest Python. */
function ordering(left: PyValue, right: PyValue): number | undefined {
  const plain = (value: PyValue): PyValue =>
    value.kind === "external" && value.path === "sys.version_info"
      ? { kind: "sequence", of: "tuple", items: [int(3), int(14)] }
      : value;
  const [a, b] = [plain(left), plain(right)];
  if ((a.kind === "int" || a.kind === "float") && (b.kind === "int" || b.kind === "float")) {
    return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  }
  if (a.kind === "str" && b.kind === "str") return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  if (a.kind === "sequence" && b.kind === "sequence") {
    for (let i = 0; i < Math.min(a.items.length, b.items.length); i++) {
      const part = ordering(a.items[i], b.items[i]);
      if (part !== 0) return part;
    }
    return a.items.length - b.items.length;
  }
  return undefined;
}

function percentFormat(template: string, right: PyValue): PyValue {
  const values = right.kind === "sequence" && right.of === "tuple" ? [...right.items] : [right];
  let known = true;
  const text = template.replace(/%([%sd])/g, (_, code) => {
    if (code === "%") return "%";
    const value = values.shift();
    if (value?.kind === "str" || value?.kind === "int") return String(value.value);
    known = false;
    return "";
  });
  return known && !/%[^%]/.test(template.replace(/%[%sd]/g, "")) ? str(text) : unknown("a formatted string");
}

function comprehension(expr: Expr & { kind: "comprehension" }, outer: Scope): PyValue {
  const local = new Map<string, PyValue>();
  const scope: Scope = {
    ...outer,
    lookup: (name) => local.get(name) ?? outer.lookup(name),
    bind: (name, value) => outer.bind(name, value),
    moduleAttribute: (module, name) => outer.moduleAttribute(module, name),
    where: (span) => outer.where(span),
  };
  const results: PyValue[] = [];
  const entries: [PyValue, PyValue][] = [];
  let known = true;
  const run = (depth: number): void => {
    if (!known) return;
    const part = expr.parts[depth];
    if (!part) {
      if (expr.of === "dict" && expr.key) {
        put(entries, evaluate(expr.key, scope), evaluate(expr.value, scope));
      } else results.push(evaluate(expr.value, scope));
      return;
    }
    const items = iterate(evaluate(part.iterable, scope));
    if (!items || items.length > 100_000) {
      known = false;
      return;
    }
    for (const item of items) {
      destructure(part.target, item, (name, value) => local.set(name, value));
      const tests = part.conditions.map((condition) => truth(evaluate(condition, scope)));
      if (tests.includes(undefined)) known = false;
      else if (tests.every(Boolean)) run(depth + 1);
    }
  };
  run(0);
  if (!known) return unknown("a comprehension over something that is not known");
  if (expr.of === "dict") return { kind: "dict", entries };
  return {
    kind: "sequence",
    of: expr.of === "set" ? "set" : "list",
    items: expr.of === "set" ? distinct(results) : results,
  };
}

/** Binds the names of an assignment target: `a`, `a, b`, `(a, (b, *c))`. */
export function destructure(
  target: Expr,
  value: PyValue,
  bind: (name: string, value: PyValue) => void,
): void {
  if (target.kind === "name") bind(target.id, value);
  else if (target.kind === "tuple" || target.kind === "list") {
    const items = iterate(value);
    const star = target.items.findIndex((item) => item.star);
    const fits = items &&
      (star === -1 ? items.length === target.items.length : items.length >= target.items.length - 1);
    target.items.forEach((item, i) => {
      if (!fits) return destructure(item.value, unknown("an unpacked value that is not known"), bind);
      const extra = items.length - target.items.length;
      if (star === -1 || i < star) destructure(item.value, items[i], bind);
      else if (i > star) destructure(item.value, items[i + extra], bind);
      else {destructure(
          item.value,
          { kind: "sequence", of: "list", items: items.slice(i, i + extra + 1) },
          bind,
        );}
    });
  }
}

function call(expr: Expr & { kind: "call" }, scope: Scope): PyValue {
  const callee = evaluate(expr.callee, scope);
  const args: PyValue[] = [];
  const keywords = new Map<string, { value: PyValue; span: Span }>();
  let open = false;
  for (const arg of expr.args) {
    const value = evaluate(arg.value, scope);
    if (arg.star === "*") {
      const items = iterate(value);
      items ? args.push(...items) : open = true;
    } else if (arg.star === "**") {
      if (value.kind === "dict" && value.entries.every(([key]) => key.kind === "str")) {
        value.entries.forEach(([key, item]) =>
          keywords.set((key as { value: string }).value, { value: item, span: arg.value })
        );
      } else open = true;
    } else if (arg.name) keywords.set(arg.name, { value, span: arg.value });
    else args.push(value);
  }
  if (callee.kind === "external" && callee.path.startsWith("builtins.")) {
    const result = open ? undefined : builtin(callee.path.slice("builtins.".length), args, keywords);
    if (result) return result;
  }
  if (callee.kind === "external" && callee.path.startsWith("method.") && expr.callee.kind === "attribute") {
    const object = evaluate(expr.callee.object, scope);
    if (MUTATORS.has(expr.callee.name)) return mutate(object, expr.callee.name, args);
    return method(object, expr.callee.name, args) ?? unknown(`the result of .${expr.callee.name}()`);
  }
  if (callee.kind === "class" && isEnum(callee) && args.length === 1) {
    return enumMembers(callee).find((m) => m.kind === "member" && equal(m.value, args[0])) ??
      unknown("an enum member that is not known");
  }
  if (callee.kind === "class" || callee.kind === "external") {
    return { kind: "instance", callee, args, keywords, open, where: scope.where(expr) };
  }
  if (callee.kind === "function") {
    return { kind: "unknown", why: `the result of calling ${callee.name}()`, of: callee };
  }
  if (
    callee.kind === "instance" && callee.callee.kind === "external" &&
    callee.callee.path === "functools.partial" && callee.args[0]
  ) {
    const merged = new Map([...callee.keywords, ...keywords]);
    const [first, ...rest] = callee.args;
    return {
      kind: "instance",
      callee: first,
      args: [...rest, ...args],
      keywords: merged,
      open: open || callee.open,
      where: scope.where(expr),
    };
  }
  return callee.kind === "unknown" ? callee : unknown("the result of a call");
}

function builtin(
  name: string,
  args: PyValue[],
  keywords: Map<string, { value: PyValue }>,
): PyValue | undefined {
  const items = args[0] ? iterate(args[0]) : [];
  switch (name) {
    case "dict": {
      const entries: [PyValue, PyValue][] = [];
      if (args[0]?.kind === "dict") args[0].entries.forEach(([k, v]) => put(entries, k, v));
      else if (args[0]) {
        for (const item of items ?? [undefined]) {
          const pair = item && iterate(item);
          if (pair?.length !== 2) return unknown("dict() of something that is not known");
          put(entries, pair[0], pair[1]);
        }
      }
      for (const [key, { value }] of keywords) put(entries, str(key), value);
      return { kind: "dict", entries };
    }
    case "list":
    case "tuple":
    case "set":
    case "frozenset": {
      if (!items) return undefined;
      const of = name === "frozenset" ? "set" : name;
      return { kind: "sequence", of, items: of === "set" ? distinct(items) : items };
    }
    case "sorted": {
      if (
        !items || keywords.size > 0 || !items.every((a) => items.every((b) => ordering(a, b) !== undefined))
      ) return undefined;
      return { kind: "sequence", of: "list", items: [...items].sort((a, b) => ordering(a, b)!) };
    }
    case "reversed":
      return items && { kind: "sequence", of: "list", items: [...items].reverse() };
    case "len":
      return items && int(items.length);
    case "str":
      if (args[0]?.kind === "str" || args[0]?.kind === "int") return str(String(args[0].value));
      return args.length === 0 ? str("") : undefined;
    case "int":
      return args[0]?.kind === "int" ? args[0] : undefined;
    case "range": {
      const bounds = args.map((arg) => (arg.kind === "int" ? Number(arg.value) : NaN));
      const [start, stop, step] = bounds.length === 1
        ? [0, bounds[0], 1]
        : [bounds[0], bounds[1], bounds[2] ?? 1];
      if (
        ![start, stop, step].every(Number.isFinite) || step === 0 || Math.abs((stop - start) / step) > 10_000
      ) return undefined;
      const found: PyValue[] = [];
      for (let i = start; step > 0 ? i < stop : i > stop; i += step) found.push(int(i));
      return { kind: "sequence", of: "list", items: found };
    }
    case "enumerate":
      return items && { kind: "sequence", of: "list", items: items.map((item, i) => tuple(int(i), item)) };
    case "zip": {
      const lists = args.map(iterate);
      if (lists.includes(undefined) || lists.length === 0) return undefined;
      const length = Math.min(...lists.map((list) => list!.length));
      const rows = Array.from({ length }, (_, i) => tuple(...lists.map((list) => list![i])));
      return { kind: "sequence", of: "list", items: rows };
    }
    default:
      return undefined;
  }
}

const MUTATORS = new Set(
  "append extend insert remove pop popitem clear update setdefault sort reverse add discard".split(" "),
);

/** Changes a container in place, as its other names see it; a change that is not followed makes it unknown. */
function mutate(object: PyValue, name: string, args: PyValue[]): PyValue {
  if (object.kind === "sequence" && name === "append" && args.length === 1) object.items.push(args[0]);
  else if (object.kind === "sequence" && name === "extend" && args[0] && iterate(args[0])) {
    object.items.push(...iterate(args[0])!);
  } else if (object.kind === "dict" && name === "update" && args[0]?.kind === "dict") {
    for (const [key, value] of args[0].entries) put(object.entries, key, value);
  } else becomeUnknown(object);
  return name === "append" || name === "extend" || name === "update"
    ? NONE
    : unknown(`the result of .${name}()`);
}

/** Sets `object[index] = value` in place. */
export function assignItem(object: PyValue, index: PyValue, value: PyValue): void {
  if (object.kind === "dict" && toData(index) !== undefined) put(object.entries, index, value);
  else becomeUnknown(object);
}

/** The value was changed in a way that is not followed: every name of it is unknown from here on. */
export function becomeUnknown(object: PyValue): void {
  if (object.kind === "sequence" || object.kind === "dict") {
    Object.assign(object, { kind: "unknown", why: "a container that was changed in place" });
  }
}

function tuple(...items: PyValue[]): PyValue {
  return { kind: "sequence", of: "tuple", items };
}

function method(object: PyValue, name: string, args: PyValue[]): PyValue | undefined {
  if (object.kind === "str") {
    const text = object.value;
    if (name === "upper") return str(text.toUpperCase());
    if (name === "lower") return str(text.toLowerCase());
    if (name === "strip" && args.length === 0) return str(text.trim());
    if (name === "title") {
      return str(text.replace(/\p{L}+/gu, (w) => w[0].toUpperCase() + w.slice(1).toLowerCase()));
    }
    if (name === "replace" && args[0]?.kind === "str" && args[1]?.kind === "str") {
      return str(text.replaceAll(args[0].value, args[1].value));
    }
    if (name === "split" && args.length <= 1) {
      const by = args[0]?.kind === "str" ? args[0].value : undefined;
      return {
        kind: "sequence",
        of: "list",
        items: (by ? text.split(by) : text.trim().split(/\s+/).filter(Boolean)).map(str),
      };
    }
    if (name === "join" && args[0]) {
      const parts = iterate(args[0])?.map((item) => (item.kind === "str" ? item.value : undefined));
      return parts && !parts.includes(undefined) ? str(parts.join(text)) : undefined;
    }
    if (name === "format" && !/\{[^}]/.test(text)) {
      const values = args.map(toData);
      return values.every((v) => typeof v === "string" || typeof v === "number")
        ? str(text.replace(/\{\}/g, () => String(values.shift())))
        : undefined;
    }
  }
  if (object.kind === "dict") {
    if (name === "items") {
      return {
        kind: "sequence",
        of: "list",
        items: object.entries.map(([k, v]) => tuple(k, v)),
      };
    }
    if (name === "keys") return { kind: "sequence", of: "list", items: object.entries.map(([k]) => k) };
    if (name === "values") return { kind: "sequence", of: "list", items: object.entries.map(([, v]) => v) };
    if (name === "copy") return object;
    if (name === "get" && args[0]) {
      return object.entries.find(([key]) => equal(key, args[0]))?.[1] ?? args[1] ?? NONE;
    }
  }
  if (object.kind === "sequence" && name === "copy") return object;
  return undefined;
}
