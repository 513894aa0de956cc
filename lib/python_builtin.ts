/**
 * Takes calls of Python's own functions, and of the methods of strings and containers, and gives their results, as
 * far as declarations use them. What is not followed gives undefined; a container that is changed in a way that is
 * not followed becomes unknown under all of its names. Never evaluates an expression.
 */
import { iterate, MOST, ordering, toText } from "./python_operation.ts";
import {
  bool,
  type CallArguments,
  dict,
  type DictValue,
  enumMembers,
  equal,
  getItem,
  hasKnownKeys,
  int,
  NONE,
  putItem,
  type PyValue,
  removeItem,
  sequence,
  str,
  toData,
  truth,
  unknown,
} from "./python_value.ts";

/** Names that every Python module can use. */
export const BUILTINS: ReadonlySet<string> = new Set(
  ("dict list tuple set frozenset str int float bool bytes bytearray memoryview complex object type property classmethod " +
    "staticmethod super slice len range sorted reversed enumerate zip map filter iter next getattr setattr delattr hasattr " +
    "isinstance issubclass callable print open input min max sum any all abs round divmod pow repr ascii format hash id " +
    "vars globals locals dir chr ord hex oct bin eval exec compile breakpoint help aiter anext NotImplemented Ellipsis " +
    "exit quit copyright credits license WindowsError __file__ __doc__ __package__ __spec__ __loader__ __path__ __builtins__ " +
    "__annotations__ __module__ __qualname__ __cached__ __class__ __debug__ __import__ __build_class__ BaseException BaseExceptionGroup Exception ExceptionGroup ArithmeticError " +
    "AssertionError AttributeError BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError " +
    "ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError " +
    "EncodingWarning EnvironmentError FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit " +
    "IOError ImportError ImportWarning IndentationError IndexError InterruptedError IsADirectoryError KeyError " +
    "KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError " +
    "OSError OverflowError PendingDeprecationWarning PermissionError ProcessLookupError RecursionError ReferenceError " +
    "ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError " +
    "SystemExit TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError " +
    "UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError").split(" "),
);

/** The result of a builtin function, or undefined where it is not followed. */
export function callBuiltin(name: string, { args, keywords }: CallArguments): PyValue | undefined {
  const [first] = args;
  const items = first ? iterate(first) : [];
  switch (name) {
    case "dict":
      return dictOf(first, keywords);
    case "list":
    case "tuple":
    case "set":
    case "frozenset":
      return items && sequence(name === "frozenset" ? "set" : name, [...items]);
    case "sorted":
      return items && keywords.size === 0 ? sorted(items) : undefined;
    case "reversed":
      return items && sequence("list", [...items].reverse());
    case "len":
      return items && int(items.length);
    case "str": {
      const text = first ? toText(first) : "";
      return text === undefined ? undefined : str(text);
    }
    case "int":
      if (first?.kind === "str" && /^\s*[+-]?\d{1,300}\s*$/.test(first.value) && args.length === 1) {
        return int(BigInt(first.value.trim().replace("+", "")));
      }
      return first?.kind === "int" ? first : first?.kind === "bool" ? int(Number(first.value)) : undefined;
    case "bool": {
      const value = first ? truth(first) : false;
      return value === undefined ? undefined : bool(value);
    }
    case "range":
      return range(args);
    case "enumerate": {
      const start = keywords.get("start")?.value ?? args[1];
      if (!items || (start && start.kind !== "int")) return undefined;
      const from = start ? Number(start.value) : 0;
      return sequence("list", items.map((item, i) => sequence("tuple", [int(from + i), item])));
    }
    case "zip": {
      const lists = args.map(iterate);
      if (lists.includes(undefined)) return undefined;
      const length = lists.length === 0 ? 0 : Math.min(...lists.map((list) => list!.length));
      const row = (_: unknown, i: number) => sequence("tuple", lists.map((list) => list![i]));
      return sequence("list", Array.from({ length }, row));
    }
    case "any":
    case "all": {
      const tests = items?.map(truth);
      if (!tests || tests.includes(undefined)) return undefined;
      return bool(name === "any" ? tests.includes(true) : !tests.includes(false));
    }
    case "min":
    case "max": {
      const list = args.length === 1 ? items : args;
      const ordered = list && keywords.size === 0 && list.length > 0 ? sorted(list) : undefined;
      if (ordered?.kind !== "sequence") return undefined;
      const best = ordered.items.at(name === "min" ? 0 : -1)!;
      return list!.find((item) => equal(item, best) === true);
    }
    case "hasattr":
      return first?.kind === "member" && args[1]?.kind === "str" && ["name", "value"].includes(args[1].value)
        ? bool(true)
        : undefined;
    default:
      return undefined;
  }
}

function dictOf(first: PyValue | undefined, keywords: CallArguments["keywords"]): PyValue {
  const made = dict();
  if (first?.kind === "dict") first.entries.forEach(([key, value]) => putItem(made, key, value));
  else if (first) {
    for (const item of iterate(first) ?? [undefined]) {
      const pair = item && iterate(item);
      if (pair?.length !== 2) return unknown("dict() of something that is not known");
      putItem(made, pair[0], pair[1]);
    }
  }
  for (const [key, { value }] of keywords) putItem(made, str(key), value);
  return made;
}

function sorted(items: PyValue[]): PyValue | undefined {
  let known = true;
  const found = [...items].sort((a, b) => {
    const order = ordering(a, b);
    if (order === undefined) known = false;
    return order ?? 0;
  });
  return known ? sequence("list", found) : undefined;
}

function range(args: PyValue[]): PyValue | undefined {
  const bounds = args.map((arg) => arg.kind === "int" ? Number(arg.value) : NaN);
  const [start, stop, step = 1] = bounds.length === 1 ? [0, bounds[0]] : bounds;
  if (![start, stop, step].every(Number.isFinite) || step === 0) return undefined;
  const length = Math.max(0, Math.ceil((stop - start) / step));
  return length > MOST
    ? undefined
    : sequence("list", Array.from({ length }, (_, i) => int(start + i * step)));
}

/** Methods that change their container. */
const MUTATORS = new Set(
  "append extend insert remove pop popitem clear update setdefault sort reverse add discard".split(" "),
);

/**
 * The result of a method of a string or a container, or undefined where it is not followed. `sure` says that the
 * call happens in any case: a change that may or may not happen makes the container unknown.
 */
export function callMethod(
  object: PyValue,
  name: string,
  call: CallArguments,
  sure: boolean,
): PyValue | undefined {
  if (MUTATORS.has(name) && (object.kind === "sequence" || object.kind === "dict")) {
    const result = sure && !call.open ? change(object, name, call) : undefined;
    if (result === undefined) becomeUnknown(object);
    return result ?? unknown(`the result of .${name}()`);
  }
  if (call.open) return undefined;
  if (object.kind === "str") return textMethod(object.value, name, call);
  if (object.kind === "dict") return dictMethod(object, name, call.args);
  if (object.kind !== "sequence") return undefined;
  const [first] = call.args;
  if (name === "copy") return sequence(object.of, [...object.items]);
  if ((name === "index" || name === "count") && call.args.length === 1) {
    const tests = object.items.map((item) => equal(item, first));
    if (tests.includes(undefined)) return undefined;
    const at = tests.indexOf(true);
    return name === "count" ? int(tests.filter(Boolean).length) : at === -1 ? undefined : int(at);
  }
  if (name === "union" && object.of === "set") {
    const others = call.args.map(iterate);
    return others.includes(undefined)
      ? undefined
      : sequence("set", [...object.items, ...others.flatMap((o) => o!)]);
  }
  return undefined;
}

/** Changes a container in place; undefined where the change is not followed. */
function change(
  object: PyValue & { kind: "sequence" | "dict" },
  name: string,
  call: CallArguments,
): PyValue | undefined {
  const { args: [first, second] } = call;
  if (object.kind === "dict") return changeDict(object, name, call);
  if (object.items.length >= MOST) return undefined;
  switch (object.of === "set" ? `set ${name}` : name) {
    case "append":
      object.items.push(first);
      return NONE;
    case "set add":
      object.items = (sequence("set", [...object.items, first]) as { items: PyValue[] }).items;
      return NONE;
    case "extend":
    case "set update": {
      if (second) return undefined;
      const more = iterate(first);
      if (!more || object.items.length + more.length > MOST) return undefined;
      object.items = (sequence(object.of, [...object.items, ...more]) as { items: PyValue[] }).items;
      return NONE;
    }
    case "insert":
      if (first?.kind !== "int") return undefined;
      object.items.splice(Number(first.value), 0, second);
      return NONE;
    case "remove": {
      const tests = object.items.map((item) => equal(item, first));
      if (tests.includes(undefined) || !tests.includes(true)) return undefined;
      object.items.splice(tests.indexOf(true), 1);
      return NONE;
    }
    case "pop": {
      const at = first ? (first.kind === "int" ? Number(first.value) : NaN) : -1;
      const found = object.items.at(at);
      if (Number.isNaN(at) || !found) return undefined;
      object.items.splice(at, 1);
      return found;
    }
    case "reverse":
      object.items.reverse();
      return NONE;
    case "sort": {
      const result = call.keywords.size === 0 ? sorted(object.items) : undefined;
      if (result?.kind !== "sequence") return undefined;
      object.items = result.items;
      return NONE;
    }
    case "clear":
    case "set clear":
      object.items = [];
      return NONE;
    default:
      return undefined;
  }
}

function changeDict(object: DictValue, name: string, { args, keywords }: CallArguments): PyValue | undefined {
  const [key, other] = args;
  switch (name) {
    case "update": {
      const more = dictOf(key, keywords);
      if (more.kind !== "dict") return undefined;
      more.entries.forEach(([k, v]) => putItem(object, k, v));
      return NONE;
    }
    case "setdefault": {
      if (!hasKnownKeys(object, key)) return undefined;
      const found = getItem(object, key) ?? other ?? NONE;
      putItem(object, key, found);
      return found;
    }
    case "pop": {
      if (!hasKnownKeys(object, key)) return undefined;
      const found = getItem(object, key);
      if (found) removeItem(object, key);
      return found ?? other;
    }
    case "clear":
      [object.entries, object.places] = [[], new Map()];
      return NONE;
    default:
      return undefined;
  }
}

/** Sets `object[index] = value` in place, where it is sure to happen. */
export function assignItem(object: PyValue, index: PyValue, value: PyValue, sure: boolean): void {
  if (object.kind === "dict" && sure && hasKnownKeys(object, index)) putItem(object, index, value);
  else if (
    object.kind === "sequence" && object.of === "list" && sure && index.kind === "int" &&
    object.items.at(Number(index.value))
  ) object.items[(Number(index.value) + object.items.length) % object.items.length] = value;
  else becomeUnknown(object);
}

/** Takes `object[index]` away, where it is sure to happen. */
export function deleteItem(object: PyValue, index: PyValue | undefined, sure: boolean): void {
  if (object.kind === "dict" && index && sure && hasKnownKeys(object, index)) removeItem(object, index);
  else becomeUnknown(object);
}

/** The value was changed in a way that is not followed: every name of it is unknown from here on. */
export function becomeUnknown(object: PyValue): void {
  if (object.kind === "sequence" || object.kind === "dict") {
    Object.assign(object, unknown("a container that was changed in place"));
  }
}

function textMethod(text: string, name: string, { args, keywords }: CallArguments): PyValue | undefined {
  const [first, second] = args.map((arg) => arg.kind === "str" ? arg.value : undefined);
  switch (name) {
    case "upper":
      return str(text.toUpperCase());
    case "lower":
      return str(text.toLowerCase());
    case "casefold":
      return /^[ -~]*$/.test(text) ? str(text.toLowerCase()) : undefined;
    case "capitalize":
      return str(text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase());
    case "strip":
      return args.length === 0 ? str(text.trim()) : undefined;
    case "lstrip":
    case "rstrip":
      return args.length > 0 ? undefined : str(name === "lstrip" ? text.trimStart() : text.trimEnd());
    case "title":
      return str(text.replace(/\p{L}+/gu, (word) => word[0].toUpperCase() + word.slice(1).toLowerCase()));
    case "startswith":
      return first === undefined || args.length > 1 ? undefined : bool(text.startsWith(first));
    case "endswith":
      return first === undefined || args.length > 1 ? undefined : bool(text.endsWith(first));
    case "removeprefix":
      return first === undefined ? undefined : str(text.startsWith(first) ? text.slice(first.length) : text);
    case "removesuffix":
      return first ? str(text.endsWith(first) ? text.slice(0, -first.length) : text) : undefined;
    case "replace":
      return first && second !== undefined && text.length < MOST / 10 && second.length < 100 &&
          args.length === 2
        ? str(text.replaceAll(first, () => second))
        : undefined;
    case "split": {
      if (args.length > 1 || keywords.size > 0 || (args.length === 1 && !first)) return undefined;
      const parts = first ? text.split(first) : text.trim().split(/\s+/).filter(Boolean);
      return sequence("list", parts.map(str));
    }
    case "join": {
      const parts = args[0] && iterate(args[0])?.map((item) => toData(item));
      if (!parts || !parts.every((part) => typeof part === "string")) return undefined;
      const length = parts.reduce((sum: number, part) => sum + (part as string).length + text.length, 0);
      return length > MOST ? undefined : str(parts.join(text));
    }
    case "format":
      return format(text, args, keywords);
    default:
      return undefined;
  }
}

/** `"{} {0} {name}".format(...)` without conversions and formats. */
function format(text: string, args: PyValue[], keywords: CallArguments["keywords"]): PyValue | undefined {
  let next = 0;
  let known = true;
  const made = text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (whole, field) => {
    if (whole === "{{" || whole === "}}") return whole[0];
    const value = field === ""
      ? args[next++]
      : /^\d+$/.test(field ?? "")
      ? args[Number(field)]
      : keywords.get(field)?.value;
    const shown = value && toText(value);
    known &&= shown !== undefined;
    return shown ?? "";
  });
  return known && made.length <= MOST ? str(made) : undefined;
}

function dictMethod(object: DictValue, name: string, args: PyValue[]): PyValue | undefined {
  switch (name) {
    case "items":
      return sequence("list", object.entries.map((entry) => sequence("tuple", [...entry])));
    case "keys":
      return sequence("list", object.entries.map(([key]) => key));
    case "values":
      return sequence("list", object.entries.map(([, value]) => value));
    case "copy":
      return dict(object.entries);
    case "get":
      return hasKnownKeys(object, args[0]) ? getItem(object, args[0]) ?? args[1] ?? NONE : undefined;
    default:
      return undefined;
  }
}

/** `Enum.__members__`. */
export function membersOf(cls: PyValue & { kind: "class" }): PyValue {
  return dict(enumMembers(cls).map((member) => [str((member as { name: string }).name), member]));
}
