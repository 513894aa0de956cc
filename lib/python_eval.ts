/**
 * Takes an expression and the names that are in scope and gives its value, as Python would compute it from
 * constants, containers, classes, enums and the project's own functions. Everything else is "unknown" with the
 * reason. What a function's body does is the scope's business; nothing here reads a file.
 */
import { becomeUnknown, BUILTINS, callBuiltin, callMethod, membersOf } from "./python_builtin.ts";
import { binary, iterate, MOST, numberLiteral, slice, subscript, toText, unary } from "./python_operation.ts";
import type { Argument, Expr, Parameter, Span } from "./python_tree.ts";
import {
  attributeAfter,
  bool,
  type CallArguments,
  classAttribute,
  type ClassValue,
  dict,
  type DictValue,
  enumMember,
  enumMembers,
  equal,
  type FunctionValue,
  type InstanceValue,
  isEnum,
  methodResolutionOrder,
  NONE,
  putItem,
  type PyValue,
  sequence,
  str,
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
  /** What `importlib.import_module(name)` gives. */
  moduleNamed(name: string): PyValue;
  /** Place of a span in the current file. */
  where(span: Span): Where;
  /** A function that is made here. */
  makeFunction(name: string, parameters: Parameter[], body: Expr, span: Span): PyValue;
  /** Runs a function of the project. */
  callFunction(callee: FunctionValue, call: CallArguments): PyValue;
  /** Runs the project's own `__init__` of a class, where it has one. */
  construct(callee: ClassValue, call: CallArguments, where: Where): PyValue;
  /** What functions and comprehensions in a class body see: not its names. */
  inner?(): Scope;
  /** Told of a name or an attribute that is not there. */
  missing(span: Span, what: string): void;
  /** Told of a call of something that is not known, which may change what it was made of. */
  touched(value: PyValue): void;
  /** Told of a change of `globals()` and its like that is not followed. */
  namesChanged(names: InstanceValue, where: Where): void;
  /** Told of every call of a library's name. */
  note(made: InstanceValue): void;
  /** What `super()` without arguments means here. */
  superHere(): PyValue;
  /** Is it sure that what is evaluated here happens, and happens once? */
  sure: boolean;
  /** Counts a step; false where a statement takes more of them than any declaration. */
  spend(): boolean;
}

/** Value of an expression. */
export function evaluate(expr: Expr, scope: Scope): PyValue {
  if (!scope.spend()) return unknown("an expression that takes too many steps to follow");
  switch (expr.kind) {
    case "name": {
      const value = scope.lookup(expr.id);
      if (value) return value;
      if (BUILTINS.has(expr.id) && expr.id.startsWith("__")) return unknown(`${expr.id} of a module`);
      if (BUILTINS.has(expr.id)) return { kind: "external", path: `builtins.${expr.id}` };
      scope.missing(expr, `the name "${expr.id}" is not defined`);
      return unknown(`the name "${expr.id}" is not defined here`);
    }
    case "string":
      return str(expr.value);
    case "fstring":
      return formatString(expr.parts, scope);
    case "number":
      return numberLiteral(expr.text);
    case "constant":
      return expr.value === null ? NONE : bool(expr.value);
    case "tuple":
    case "list":
    case "set": {
      const items = display(expr.items, scope);
      return items
        ? sequence(expr.kind, items)
        : unknown(`a ${expr.kind} with an unpacked part that is not known`);
    }
    case "dict":
      return dictionary(expr.items, scope);
    case "attribute":
      return attribute(expr, scope);
    case "subscript": {
      const object = evaluate(expr.object, scope);
      const [index] = expr.index;
      if (expr.index.length === 1 && index.kind === "slice") {
        return slice(
          object,
          [index.lower, index.upper, index.step].map((part) => part && evaluate(part, scope)),
        );
      }
      const found = subscript(object, expr.index.map((item) => evaluate(item, scope)));
      return found.kind === "unknown" && !found.from ? unknown(found.why, object) : found;
    }
    case "call":
      return callExpression(expr, scope);
    case "unary":
      return unary(expr.op, evaluate(expr.operand, scope));
    case "binary":
      return chain(expr, scope);
    case "conditional": {
      const test = truth(evaluate(expr.test, scope));
      if (test === undefined) {
        const both = [expr.then, expr.otherwise].map((part) => evaluate(part, { ...scope, sure: false }));
        return unknown("a conditional expression whose test is not known", ...both);
      }
      return evaluate(test ? expr.then : expr.otherwise, scope);
    }
    case "comprehension":
      return comprehension(expr, scope);
    case "lambda":
      return scope.makeFunction("<lambda>", expr.parameters, expr.body, expr);
    case "walrus": {
      const value = evaluate(expr.value, scope);
      scope.bind(expr.target, value);
      return value;
    }
    case "bytes":
      return unknown("a bytes literal");
    default:
      return unknown(`an expression that is not followed (${expr.kind === "other" ? expr.what : expr.kind})`);
  }
}

function attribute(expr: Expr & { kind: "attribute" }, scope: Scope): PyValue {
  const object = evaluate(expr.object, scope);
  const found = attributeOf(object, expr.name, scope);
  if (found.kind === "unknown" && object.kind === "class" && !/^__/.test(expr.name) && isClosed(object)) {
    scope.missing(expr, `${object.name} has no attribute "${expr.name}"`);
  }
  return found;
}

/** Are all attributes of the class known? */
function isClosed(cls: ClassValue): boolean {
  const order = methodResolutionOrder(cls) ?? [];
  if (order.some((entry) => entry.kind === "class" && entry.bases.some((base) => base.kind === "unknown"))) {
    return false;
  }
  return cls.changers.length === 0 &&
    order.every((entry) => entry.kind === "class" ? !entry.keywords.has("metaclass") : PLAIN.has(entry.path));
}

/** Library classes that give no attributes but special ones. */
const PLAIN = new Set(["builtins.object", "abc.ABC", "enum.Enum", "enum.IntEnum", "enum.StrEnum"]);

/** Attribute of a value: a class attribute, an enum member's name or value, something of a library. */
export function attributeOf(object: PyValue, name: string, scope: Scope): PyValue {
  switch (object.kind) {
    case "module":
      return scope.moduleAttribute(object, name);
    case "external":
      return { kind: "external", path: `${object.path}.${name}` };
    case "class":
      return attributeOfClass(object, name);
    case "member":
      return attributeOfMember(object, name, scope);
    case "str":
    case "sequence":
    case "dict":
      return { kind: "method", object, name };
    case "super":
      return attributeOfSuper(object, name);
    case "instance":
      if (isNames(object)) return { kind: "method", object, name };
      // The class that neomodel gives to a property; what is done to it is not done to the property.
      if (name === "owner") return unknown("the owner of a property");
      return attributeOfInstance(object, name) ??
        unknown(`the attribute "${name}" of something that is made at run time`, object);
    case "unknown":
      return object;
    default:
      return unknown(`the attribute "${name}" of something that is made at run time`, object);
  }
}

/** `getattr` and `hasattr` of a class whose attribute is known. */
function getAttribute(name: string, args: PyValue[], scope: Scope): PyValue | undefined {
  const [object, key, other] = args;
  if (
    !object || key?.kind !== "str" ||
    (object.kind !== "class" && object.kind !== "module" && object.kind !== "external")
  ) {
    return undefined;
  }
  const found = attributeOf(object, key.value, scope);
  if (found.kind === "unknown") return unknown(`${name}() of something that is not known`, object, other);
  if (object.kind === "external" && (name === "hasattr" || other)) {
    return unknown(`${name}() of a library`, found, other);
  }
  return name === "hasattr" ? bool(true) : found;
}

function attributeOfInstance(object: InstanceValue, name: string): PyValue | undefined {
  const own = object.attributes?.get(name) ?? object.earlier?.get(name);
  if (own || object.callee.kind !== "class") return own;
  const found = classAttribute(object.callee, name)?.value;
  // A property of the object runs; what it gives is not followed.
  return found?.kind === "function" && found.binding !== "property"
    ? bindTo(found, object.callee, object)
    : undefined;
}

function attributeOfClass(cls: ClassValue, name: string): PyValue {
  if (name === "__name__") return str(cls.name);
  if (name === "__qualname__") return str(cls.qualname);
  if (name === "__module__") return str(cls.module.name);
  if (isEnum(cls)) {
    const member = enumMember(cls, name);
    if (member) return member;
    if (name === "__members__") return membersOf(cls);
  }
  const found = classAttribute(cls, name)?.value;
  if (found?.kind === "function") return bindTo(found, cls, undefined);
  if (found) return found;
  const outside = methodResolutionOrder(cls)?.find((entry) => entry.kind === "external");
  if (outside?.kind === "external" && name === "__init__") {
    return { kind: "external", path: `${outside.path}.${name}` };
  }
  return unknown(`${cls.name} has no attribute "${name}" that is known`, cls);
}

function attributeOfMember(member: PyValue & { kind: "member" }, name: string, scope: Scope): PyValue {
  if (name === "name" || name === "_name_") return str(member.name);
  if (name === "value" || name === "_value_") return member.value;
  const found = classAttribute(member.of, name)?.value;
  if (found?.kind === "function") {
    const bound = bindTo(found, member.of, member);
    const isProperty = bound.kind === "function" && bound.binding === "property";
    return isProperty ? scope.callFunction(bound, { args: [], keywords: new Map(), open: false }) : bound;
  }
  if (!isEnum(member.of, "builtins.str")) return unknown(`the attribute "${name}" of an enum member`);
  return { kind: "method", object: member.value, name };
}

function attributeOfSuper(object: PyValue & { kind: "super" }, name: string): PyValue {
  const cls = object.self.kind === "class"
    ? object.self
    : object.self.kind === "instance" && object.self.callee.kind === "class"
    ? object.self.callee
    : object.of;
  const found = attributeAfter(cls, object.of, name);
  if (!found) return { kind: "external", path: `builtins.object.${name}` };
  if ("path" in found) return { kind: "method", object: object.self, name, path: found.path };
  const { value } = found.attribute;
  if (value.kind !== "function") return value;
  return object.self.kind === "class"
    ? bindTo(value, object.self, undefined)
    : bindTo(value, cls, object.self);
}

/** A function as an attribute of a class, or of an object of it. */
function bindTo(found: FunctionValue, cls: ClassValue, self: PyValue | undefined): PyValue {
  if (found.binding === "staticmethod") return found;
  if (found.binding === "classmethod" || found.name === "__init_subclass__") return { ...found, self: cls };
  if (self) return { ...found, self };
  return found.binding === "property" ? unknown(`the property "${found.name}" of a class`) : found;
}

function formatString(parts: (string | Expr)[], scope: Scope): PyValue {
  let text = "";
  for (const part of parts) {
    const piece = typeof part === "string" ? part : toText(evaluate(part, scope));
    if (piece === undefined) return unknown("an f-string with a part that is not known");
    text += piece;
    if (text.length > MOST) return unknown("an f-string that is too long");
  }
  return str(text);
}

function display(items: Argument[], scope: Scope): PyValue[] | undefined {
  const values: PyValue[] = [];
  for (const item of items) {
    const value = evaluate(item.value, scope);
    const inner = item.star === "*" ? iterate(value) : [value];
    if (!inner || values.length + inner.length > MOST) return undefined;
    values.push(...inner);
  }
  return values;
}

function dictionary(items: { key?: Expr; value: Expr }[], scope: Scope): PyValue {
  const made: DictValue = dict();
  for (const item of items) {
    const key = item.key && evaluate(item.key, scope);
    const value = evaluate(item.value, scope);
    if (key) putItem(made, key, value);
    else if (value.kind === "dict") value.entries.forEach(([k, v]) => putItem(made, k, v));
    else return unknown("a dict with an unpacked part that is not known");
  }
  return made;
}

/** A chain of operators leans to the left, and may be long: it is walked, not entered. */
function chain(expr: Expr & { kind: "binary" }, scope: Scope): PyValue {
  const links: (Expr & { kind: "binary" })[] = [];
  let first: Expr = expr;
  while (first.kind === "binary") {
    links.push(first);
    first = first.left;
  }
  let value = evaluate(first, scope);
  for (const { op, right } of links.reverse()) {
    if (op !== "and" && op !== "or") value = binary(op, value, evaluate(right, scope));
    else {
      const test = truth(value);
      if (test === undefined) {
        value = unknown(
          `a value chosen at run time with "${op}"`,
          value,
          evaluate(right, { ...scope, sure: false }),
        );
      } else if (test === (op === "and")) value = evaluate(right, scope);
    }
  }
  return value;
}

function comprehension(expr: Expr & { kind: "comprehension" }, outer: Scope): PyValue {
  const local = new Map<string, PyValue>();
  // A class body's names are seen by the first iterable only.
  const inner = outer.inner?.() ?? outer;
  const scope: Scope = { ...inner, lookup: (name) => local.get(name) ?? inner.lookup(name) };
  const results: PyValue[] = [];
  const entries: [PyValue, PyValue][] = [];
  let known = true;
  const run = (depth: number): void => {
    const part = expr.parts[depth];
    if (!part) {
      if (!scope.spend() || results.length > MOST || entries.length > MOST) known = false;
      else if (expr.key) entries.push([evaluate(expr.key, scope), evaluate(expr.value, scope)]);
      else results.push(evaluate(expr.value, scope));
      return;
    }
    const items = iterate(evaluate(part.iterable, depth === 0 ? outer : scope));
    if (!items) known = false;
    for (const item of items ?? []) {
      destructure(
        part.target,
        item,
        (target, value) => target.kind === "name" && local.set(target.id, value),
      );
      const tests = part.conditions.map((condition) => truth(evaluate(condition, scope)));
      if (tests.includes(undefined) || !scope.spend()) known = false;
      if (!known) return;
      if (tests.every(Boolean)) run(depth + 1);
    }
  };
  run(0);
  if (!known) {
    // What it holds is not known, but what it is made of is.
    const part = evaluate(expr.value, { ...scope, sure: false, missing: () => {} });
    return unknown("a comprehension over something that is not known", part);
  }
  return expr.of === "dict" ? dict(entries) : sequence(expr.of === "set" ? "set" : "list", results);
}

/** Gives the parts of a value to the targets of an assignment: `a`, `a.b`, `(a, (b[0], *c))`. */
export function destructure(
  target: Expr,
  value: PyValue,
  give: (target: Expr, value: PyValue) => void,
): void {
  if (target.kind !== "tuple" && target.kind !== "list") give(target, value);
  else {
    const items = iterate(value);
    const star = target.items.findIndex((item) => item.star);
    const extra = (items?.length ?? 0) - target.items.length;
    const fits = items && (star === -1 ? extra === 0 : extra >= -1);
    target.items.forEach((item, i) => {
      const part = !fits
        ? unknown("an unpacked value that is not known", value)
        : star === -1 || i < star
        ? items[i]
        : i > star
        ? items[i + extra]
        : sequence("list", items.slice(i, i + extra + 1));
      destructure(item.value, part, give);
    });
  }
}

/** The arguments of a call, unpacked as far as they are known. */
export function evaluateArguments(list: Argument[], scope: Scope): CallArguments {
  const args: PyValue[] = [];
  const keywords: CallArguments["keywords"] = new Map();
  let open = false;
  for (const arg of list) {
    const value = evaluate(arg.value, scope);
    if (arg.star === "*") {
      const items = iterate(value);
      items ? args.push(...items) : open = true;
    } else if (arg.star === "**") {
      if (value.kind === "dict" && value.entries.every(([key]) => key.kind === "str")) {
        for (const [key, item] of value.entries) {
          const { value: name } = key as { value: string };
          // Python refuses an argument that is given twice.
          if (keywords.has(name)) open = true;
          keywords.set(name, { value: item, span: arg.value });
        }
      } else open = true;
    } else if (arg.name) keywords.set(arg.name, { value, span: arg.span ?? arg.value });
    else args.push(value);
  }
  return { args, keywords, open };
}

function callExpression(expr: Expr & { kind: "call" }, scope: Scope): PyValue {
  const callee = evaluate(expr.callee, scope);
  if (callee.kind === "external" && callee.path === "builtins.super") {
    const [of, self] = evaluateArguments(expr.args, scope).args;
    return of?.kind === "class" && self ? { kind: "super", of, self } : scope.superHere();
  }
  return call(callee, evaluateArguments(expr.args, scope), scope, scope.where(expr));
}

/** Functions of Python's library that change what they are given. */
const CHANGING = /^(random\.shuffle|heapq\.|bisect\.insort|operator\.i|builtins\.(list|dict|set)\.)/;

/** The result of calling a value. */
export function call(callee: PyValue, given: CallArguments, scope: Scope, where: Where): PyValue {
  switch (callee.kind) {
    case "external": {
      const name = callee.path.startsWith("builtins.") ? callee.path.slice("builtins.".length) : undefined;
      if ((name === "getattr" || name === "hasattr") && !given.open) {
        const found = getAttribute(name, given.args, scope);
        if (found) return found;
      }
      const result = name && !given.open ? callBuiltin(name, given) : undefined;
      if (result) return result;
      if (callee.path.endsWith(".__init__") && given.args[0]?.kind === "instance") {
        return callBase(given.args[0], { ...given, args: given.args.slice(1) }, scope);
      }
      const made: InstanceValue = { kind: "instance", callee, ...given, where };
      if (
        callee.path === "importlib.import_module" && given.args[0]?.kind === "str" && given.args.length === 1
      ) {
        return scope.moduleNamed(given.args[0].value);
      }
      if (CHANGING.test(callee.path)) given.args.forEach(becomeUnknown);
      scope.note(made);
      return made;
    }
    case "method":
      if (isNames(callee.object)) {
        scope.namesChanged(callee.object as InstanceValue, where);
        return unknown("what is done with the names of a scope", callee.object);
      }
      if (callee.path !== undefined) {
        return callee.name === "__init__" && callee.object.kind === "instance"
          ? callBase(callee.object, given, scope)
          : NONE;
      }
      return tainted(
        callMethod(callee.object, callee.name, given, scope.sure) ??
          unknown(`the result of .${callee.name}()`),
        callee.object,
        ...given.args,
      );
    case "class":
      if (isEnum(callee)) {
        return enumMembers(callee).find((member) =>
          member.kind === "member" && given.args.length === 1 && equal(member.value, given.args[0])
        ) ?? unknown("an enum member that is not known");
      }
      return scope.construct(callee, given, where);
    case "function":
      return scope.callFunction(callee, given);
    case "instance":
      if (callee.callee.kind === "class") {
        const method = attributeOfInstance(callee, "__call__");
        if (method) return call(method, given, scope, where);
      }
      // type(A)("B", (A,), {}) makes a class as type does.
      if (
        callee.callee.kind === "external" && callee.callee.path === "builtins.type" && given.args.length === 3
      ) {
        return call(callee.callee, given, scope, where);
      }
      if (callee.callee.kind === "external" && callee.callee.path === "functools.partial" && callee.args[0]) {
        const [inner, ...args] = callee.args;
        return call(
          inner,
          {
            args: [...args, ...given.args],
            keywords: new Map([...callee.keywords, ...given.keywords]),
            open: given.open || callee.open,
          },
          scope,
          where,
        );
      }
      return unknown("the result of a call", callee, ...given.args);
    default:
      scope.touched(callee);
      return unknown(callee.kind === "unknown" ? callee.why : "the result of a call", callee, ...given.args);
  }
}

/** An unknown result that remembers what it was made of. */
function tainted(result: PyValue, ...from: PyValue[]): PyValue {
  return result.kind === "unknown" && !result.from ? unknown(result.why, ...from) : result;
}

/** `globals()`, `locals()` or `vars()`. */
function isNames(value: PyValue): boolean {
  return value.kind === "instance" && value.callee.kind === "external" &&
    /^builtins\.(globals|locals|vars)$/.test(value.callee.path);
}

/** The library's `__init__` runs: what the object was given before it is set anew. */
function callBase(self: InstanceValue, given: CallArguments, scope: Scope): PyValue {
  if (!scope.sure) self.doubt = "a condition that is not known decides about its options";
  self.base = given;
  self.earlier = new Map([...self.earlier ?? [], ...self.attributes ?? []]);
  self.attributes?.clear();
  return NONE;
}
