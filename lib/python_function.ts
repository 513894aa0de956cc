/**
 * Takes functions of a Python project and says how a call of them begins: which parameter gets which argument, what
 * a decorator makes of a function, which `__init__` a class runs, which classes exist only inside of a function.
 * Never runs a body.
 */
import {
  type Argument,
  bodiesOf,
  type Expr,
  type FunctionStatement,
  type Span,
  type Stmt,
} from "./python_tree.ts";
import {
  type CallArguments,
  type ClassValue,
  dict,
  functionBody,
  type FunctionValue,
  methodResolutionOrder,
  type PyValue,
  sequence,
  str,
  unknown,
} from "./python_value.ts";

/** The names that a call gives to a function; undefined where Python refuses the call or it is not known. */
export function bindArguments(callee: FunctionValue, given: CallArguments): Map<string, PyValue> | undefined {
  const args = callee.self ? [callee.self, ...given.args] : [...given.args];
  const keywords = new Map(given.keywords);
  const names = new Map<string, PyValue>();
  const rest = unknown("arguments that are unpacked from a value that is not known");
  for (const { name, star, keywordOnly } of callee.parameters) {
    if (star === "*") names.set(name, given.open ? rest : sequence("tuple", args.splice(0)));
    else if (star === "**") continue;
    else if (!keywordOnly && args.length > 0) {
      if (keywords.has(name)) return undefined;
      names.set(name, args.shift()!);
    } else if (keywords.has(name)) {
      names.set(name, keywords.get(name)!.value);
      keywords.delete(name);
    } else {
      const value = given.open ? rest : callee.defaults.get(name);
      if (!value) return undefined;
      names.set(name, value);
    }
  }
  if (args.length > 0) return undefined;
  const last = callee.parameters.at(-1);
  if (last?.star === "**") {
    const items = [...keywords].map(([key, { value }]): [PyValue, PyValue] => [str(key), value]);
    names.set(last.name, given.open ? rest : dict(items));
  } else if (keywords.size > 0) return undefined;
  return names;
}

const HARMLESS = new Set([
  "functools.lru_cache",
  "functools.cache",
  "functools.wraps",
  "abc.abstractmethod",
  "typing.final",
  "typing.override",
  "typing.no_type_check",
  "typing_extensions.override",
  "typing_extensions.final",
]);

/** What a decorator makes of a function: itself, bound in another way, or one whose calls are not followed. */
export function decorate(
  inner: FunctionValue,
  decorator: PyValue,
  run: (given: CallArguments) => PyValue,
): FunctionValue {
  const named = decorator.kind === "instance" ? decorator.callee : decorator;
  const path = named.kind === "external" ? named.path : "";
  if (path === "builtins.staticmethod" || path === "builtins.classmethod" || path === "builtins.property") {
    return { ...inner, binding: path.slice("builtins.".length) as FunctionValue["binding"] };
  }
  if (path === "enum.property" || path === "types.DynamicClassAttribute") {
    return { ...inner, binding: "property" };
  }
  if (HARMLESS.has(path)) return inner;
  const result = decorator.kind === "function"
    ? run({ args: [inner], keywords: new Map(), open: false })
    : undefined;
  return result?.kind === "function" ? { ...result, owner: inner.owner } : { ...inner, deferred: true };
}

/**
 * Does a decorator of a class leave it as it is? A library's is taken to; with `byText`, the project's own where its
 * text has nothing that changes a class.
 */
export function isKept(decorator: PyValue, byText = false): boolean {
  if (decorator.kind === "external") return true;
  if (decorator.kind === "instance" && decorator.callee.kind === "external") {
    return decorator.callee.path !== "functools.partial";
  }
  if (!byText || decorator.kind !== "function") return false;
  return !/\bsetattr\b|\.\w+\s*=[^=]|Property\s*\(|Relationship|\btype\s*\(/.test(functionBody(decorator));
}

/** Library classes whose making of objects changes nothing. */
const PLAIN_BASES = /^(builtins\.object|abc\.|typing\.|typing_extensions\.)/;

/**
 * The `__init__` of the project that a new object of the class runs; undefined where a library's runs, "unknown"
 * where the class makes its objects in another way.
 */
export function ownInit(cls: ClassValue): FunctionValue | "unknown" | undefined {
  for (const entry of methodResolutionOrder(cls) ?? []) {
    if (entry.kind === "external") {
      if (PLAIN_BASES.test(entry.path)) continue;
      return undefined;
    }
    if (entry.attributes.has("__new__") || entry.attributes.has("__set_name__")) return "unknown";
    const init = entry.attributes.get("__init__")?.value;
    if (init) return init.kind === "function" ? init : "unknown";
  }
  return undefined;
}

/** The class statements in a function, at any depth, under the names that Python gives them. */
export function hiddenClasses(
  statement: FunctionStatement,
  prefix: string,
): { name: string; args: Argument[]; span: Span }[] {
  return classesIn(statement.body, `${prefix}${statement.name}.<locals>.`);
}

function classesIn(body: Stmt[], prefix: string): { name: string; args: Argument[]; span: Span }[] {
  return body.flatMap((statement) => {
    if (statement.kind === "function") return hiddenClasses(statement, prefix);
    const isClass = statement.kind === "class";
    const inner = isClass ? `${prefix}${statement.name}.` : prefix;
    const found = bodiesOf(statement).flatMap((part) => classesIn(part, inner));
    if (!isClass) return found;
    const { name, args, from, to } = statement;
    return [{ name: prefix + name, args, span: { from, to } }, ...found];
  });
}

/** Names that a function, or one inside of it, declares to be its module's. */
export function globalNames(body: Stmt[] | Expr): string[] {
  if (!Array.isArray(body)) return [];
  return body.flatMap((statement) =>
    statement.kind === "scope" && statement.word === "global"
      ? statement.names
      : bodiesOf(statement).flatMap(globalNames)
  );
}
