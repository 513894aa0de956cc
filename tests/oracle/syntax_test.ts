/**
 * Python's own parser and parsePython(), asked the same: every file of that Python's standard library, texts that
 * were picked by hand, and thousands of texts in which something was changed. Compared are the trees, the places of
 * statements, what is refused, and on which line. Works with every Python from 3.10 on.
 */
import assert from "node:assert/strict";
import { parsePython } from "../../lib/python_syntax.ts";
import {
  type Argument,
  type Branch,
  type Expr,
  locate,
  type Parameter,
  type PythonFile,
  type Stmt,
} from "../../lib/python_tree.ts";
import { inParallel, installations, type Json } from "./judge.ts";

const [{ python }] = Object.values(installations());

/** A word of a tree; an f-string is its text with the words of its values. */
type Word = string | Word[];

/** What Python says to a text: its tree in words, or why it is refused. */
type Answer = { words: Word[]; text?: string } | Refusal;

/** `parsed` where the grammar takes it and something later does not. */
interface Refusal {
  error: string;
  line: number | null;
  parsed: boolean;
}

async function ask(request: Json): Promise<Json> {
  const script = new URL("syntax.py", import.meta.url).pathname;
  const child = new Deno.Command(python, { args: ["-B", script], stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(request)));
  await writer.close();
  return JSON.parse(await child.stdout.text());
}

/** Asks about many items, some processes at a time. */
async function askAll(what: "files" | "texts", items: string[]): Promise<Answer[]> {
  const size = Math.ceil(items.length / 16);
  const shares = Array.from({ length: 16 }, (_, i) => items.slice(i * size, (i + 1) * size));
  const key = what === "files" ? "paths" : "texts";
  return (await inParallel(shares, (share) => ask({ do: what, [key]: share }))).flat();
}

const LIBRARY: { paths: string[]; version: [number, number] } = await ask({ do: "library" });
const MINOR = LIBRARY.version[1];
const PYTHON = `Python ${LIBRARY.version.join(".")}`;

/** Stand in the text of an f-string for a value and for a value with a format. */
const VALUE = "\ue000";
const FORMAT = "\ue001";
/** Stands for a string with a character by its name, `\N{...}`. */
const CHARACTER_NAME = "\ue002";

/** Writes a tree as `syntax.py` does: its nodes in order, each before its parts. */
class Words {
  private out: Word[] = [];

  constructor(private readonly file: PythonFile) {}

  all(): Word[] {
    this.body(this.file.body);
    return this.out;
  }

  private say(...words: (string | number)[]): void {
    this.out.push(words.join(" "));
  }

  private place(offset: number): string {
    const { line, column } = locate(this.file, offset);
    return `${line}:${column}`;
  }

  private body(statements: Stmt[]): void {
    this.say("body", statements.length);
    for (const statement of statements) {
      this.say("at", this.place(statement.from), this.place(statement.to));
      this.statement(statement);
    }
  }

  private statement(it: Stmt): void {
    switch (it.kind) {
      case "function":
        this.say("function", it.name, it.deferred ? "deferred" : "");
        this.parameters(it.parameters);
        this.list(it.decorators);
        return this.body(it.body);
      case "class":
        assert.equal(this.file.text.slice(it.nameSpan.from, it.nameSpan.to).normalize("NFKC"), it.name);
        this.say("class", it.name);
        this.arguments(it.args);
        this.list(it.decorators);
        return this.body(it.body);
      case "import":
        this.say("import");
        return it.names.forEach(({ name, as }) => this.say(name, "as", as ?? "-"));
      case "from":
        this.say("from", it.level, it.module || "-");
        if (it.names === "*") return this.say("* as -");
        return it.names.forEach(({ name, as }) => this.say(name, "as", as ?? "-"));
      case "assign":
        this.say("assign", it.targets.length);
        return this.every([...it.targets, it.value]);
      case "annotate":
        this.say("annotate");
        return this.expr(it.target);
      case "augment":
        this.say("augment", it.op);
        return this.every([it.target, it.value]);
      case "if":
        this.say("if", it.branches.length);
        return it.branches.forEach((branch) => this.branch(branch));
      case "try":
        this.say("try", it.handlers.length);
        this.body(it.body);
        it.handlers.forEach((handler) => this.branch(handler));
        this.body(it.orelse);
        return this.body(it.final);
      case "match":
        this.say("match", it.cases.length);
        this.expr(it.subject);
        return it.cases.forEach((one) => this.branch(one));
      case "loop":
        this.say("loop");
        [it.target, it.iterable, it.test].forEach((part) => this.maybe(part));
        this.body(it.body);
        return this.body(it.orelse);
      case "with":
        this.say("with", it.contexts.length, it.targets.length);
        this.every([...it.contexts, ...it.targets]);
        return this.body(it.body);
      case "delete": {
        const [first] = it.targets;
        // `del (a, b)` is `del a, b`.
        if (it.targets.length === 1 && first.kind === "tuple") {
          return this.statement({ ...it, targets: first.items.map((item) => item.value) });
        }
        this.say("delete", it.targets.length);
        return this.every(it.targets);
      }
      case "expression":
        this.say("expression");
        return this.expr(it.value);
      case "return":
        this.say("return");
        return this.maybe(it.value);
      case "scope":
        return this.say("scope", it.word, ...it.names);
      case "alias":
        return this.say("alias", it.name);
      default:
        return this.say(it.kind);
    }
  }

  private branch({ test, binds, body }: Branch): void {
    this.say("branch", ...binds);
    this.maybe(test);
    this.body(body);
  }

  private parameters(parameters: Parameter[]): void {
    for (const { name, star, keywordOnly, default: value } of parameters) {
      this.say("parameter", name, star ?? (keywordOnly ? "keyword" : ""));
      this.maybe(value);
    }
  }

  /** In the order of Python's tree: those without a name first. */
  private arguments(args: Argument[]): void {
    const keywords = args.filter((arg) => arg.name || arg.star === "**");
    const positional = args.filter((arg) => !arg.name && arg.star !== "**");
    this.say("arguments", positional.length, keywords.length);
    this.items(positional);
    for (const { name, value } of keywords) {
      this.say("keyword", name ?? "**");
      this.expr(value);
    }
  }

  private items(items: Argument[]): void {
    for (const { star, value } of items) {
      if (star) this.say(star);
      this.expr(value);
    }
  }

  private every(exprs: Expr[]): void {
    for (const expr of exprs) this.expr(expr);
  }

  private list(exprs: Expr[]): void {
    this.say("list", exprs.length);
    this.every(exprs);
  }

  private maybe(expr: Expr | undefined): void {
    if (expr) this.expr(expr);
    else this.say("none");
  }

  private expr(it: Expr): void {
    switch (it.kind) {
      case "name":
        return this.say("name", it.id);
      case "string":
        return this.say("string", it.value);
      case "bytes":
        return this.say("bytes");
      case "number":
        return this.say("number", numberValue(it.text));
      case "constant":
        return this.say("constant", it.value === null ? "None" : it.value ? "True" : "False");
      case "fstring":
        return this.formatted(it.parts);
      case "tuple":
      case "list":
      case "set":
        this.say(it.kind, it.items.length);
        return this.items(it.items);
      case "dict":
        this.say("dict", it.items.length);
        return it.items.forEach(({ key, value }) => {
          this.maybe(key);
          this.expr(value);
        });
      case "attribute":
        this.say("attribute", it.name);
        return this.expr(it.object);
      case "subscript":
        this.say("subscript");
        this.expr(it.object);
        return this.index(it.index);
      case "slice":
        this.say("slice");
        return [it.lower, it.upper, it.step].forEach((part) => this.maybe(part));
      case "call":
        this.say("call");
        this.expr(it.callee);
        return this.arguments(it.args);
      case "unary":
        this.say("unary", it.op);
        return this.expr(it.operand);
      case "binary":
        this.say("binary", it.op);
        return this.every([it.left, it.right]);
      case "conditional":
        this.say("conditional");
        return this.every([it.then, it.test, it.otherwise]);
      case "comprehension":
        this.say("comprehension", it.of, it.parts.length);
        this.maybe(it.key);
        this.expr(it.value);
        return it.parts.forEach(({ target, iterable, conditions }) => {
          this.every([target, iterable]);
          this.list(conditions);
        });
      case "lambda":
        this.say("lambda");
        this.parameters(it.parameters);
        return this.expr(it.body);
      case "walrus":
        this.say("walrus", it.target);
        return this.expr(it.value);
      case "other":
        if (it.what.includes("\\N{") && this.file.text.slice(it.from, it.to).includes("\\N{")) {
          return this.say(CHARACTER_NAME);
        }
        return this.say("other", it.what);
    }
  }

  private formatted(parts: (string | Expr)[]): void {
    const isFormat = (part: Expr) => part.kind === "other" && part.what === "a format";
    const words = parts.map((part) => typeof part === "string" ? part : isFormat(part) ? FORMAT : VALUE);
    const { out } = this;
    this.out = [`fstring ${words.join("")}`];
    this.every(parts.filter((part) => typeof part !== "string" && !isFormat(part)) as Expr[]);
    out.push(this.out);
    this.out = out;
  }

  /** `a[b, c]`, `a[(b, c)]` and `a[*b]` are a tuple for Python. */
  private index(index: Expr[]): void {
    const [first] = index;
    const isStarred = first.kind === "other" && first.what === "starred";
    if (index.length === 1 && first.kind !== "tuple" && !isStarred) return this.expr(first);
    const items: Argument[] = index.length === 1 && first.kind === "tuple"
      ? first.items
      : index.map((value) => ({ value }));
    this.say("tuple", items.length);
    items.forEach(({ star, value }) => star ? this.say("other starred") : this.expr(value));
  }
}

/** The exact value: integers in base 16, others by their bits. */
function numberValue(text: string): string {
  const plain = text.replaceAll("_", "").toLowerCase();
  if (/^0[xob]|^\d+$/.test(plain)) return BigInt(plain).toString(16);
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Number(plain.replace(/j$/, "")));
  return view.getBigUint64(0).toString(16).padStart(16, "0") + (plain.endsWith("j") ? "j" : "f");
}

/** Are two words the same? A text with a `\N{...}` is not known to us, nor is what `{value=}` adds to a text. */
function fits(ours: Word | undefined, theirs: Word | undefined): boolean {
  if (ours === undefined || theirs === undefined) return false;
  if (ours === CHARACTER_NAME) {
    return /^f?string /.test(typeof theirs === "string" ? theirs : String(theirs[0]));
  }
  if (typeof ours !== "string") {
    return typeof theirs !== "string" && ours.length === theirs.length &&
      ours.every((word, i) => fits(word, theirs[i]));
  }
  if (typeof theirs !== "string" || ours === theirs || !ours.includes(FORMAT)) return ours === theirs;
  const pattern = ours.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll(FORMAT, `([^${VALUE}${FORMAT}]*=\\s*)?${FORMAT}`);
  return new RegExp(`^${pattern}$`, "su").test(theirs);
}

/** The first difference of two trees, with the statement that it is in. */
function treeDifference(file: PythonFile, theirs: Word[]): string | undefined {
  const ours = new Words(file).all();
  const length = Math.max(ours.length, theirs.length);
  for (let i = 0; i < length; i++) {
    if (fits(ours[i], theirs[i])) continue;
    const statement = ours.slice(0, i + 1).findLast((word) => String(word).startsWith("at "));
    const near = (words: Word[]) => JSON.stringify(words.slice(i, i + 3)).slice(0, 120);
    return `another tree ${statement ?? "of the file"}: ${near(ours)}, in Python ${near(theirs)}`;
  }
  return undefined;
}

/** What Python refuses after parsing; of these parsePython() refuses only what costs nothing to see. */
const LATE = [
  // A future that is not there, or not at the beginning.
  /^from __future__ imports must occur|^future feature .* is not defined|^not a chance$/,
  // What a name is in which scope.
  /nonlocal|global/,
  /__debug__/,
  // Coroutines and generators outside of their functions.
  /^'await' outside|^'async (for|with)' outside|^asynchronous comprehension outside/,
  /^'yield from' inside async function|^'return' with value in async generator/,
  /^'yield' inside .*(comprehension|generator)/,
  // Where a named expression stands, and what it names.
  /^(named|yield|await) expression cannot be used within/,
  /^assignment expression |^comprehension inner loop cannot rebind/,
  // Stars in targets, names of keywords and type parameters, patterns that can never fit.
  /^keyword argument repeated|^duplicate type parameter/,
  /^starred assignment target must|^multiple starred |^can't use starred expression/,
  /makes remaining patterns unreachable$|^alternative patterns bind different names/,
  /^multiple assignments to name|^mapping pattern checks duplicate|^attribute name repeated in class pattern/,
  /^'break', 'continue' and 'return' cannot appear in an except\* block/,
  // Python 3.13.0 alone cannot take a lone surrogate.
  /surrogates not allowed/,
];

/** May parsePython() take what Python refuses? */
function mayTake(text: string, { error, parsed }: Refusal): boolean {
  return isNewer(text, error) || (parsed && LATE.some((reason) => reason.test(error))) ||
    // The names of characters are not known here.
    /unknown Unicode character name/.test(error) ||
    // Mistakes of Python 3.12.1 and 3.13.0 with braces in the format of a value.
    (/^field 'value' is required for Constant|single '}' is not allowed/.test(error) && /:.*\{\{/.test(text));
}

/** Python 3.12 and 3.13.0 let the format of a value in an f-string end on another line; no other Python does. */
function mayRefuse(text: string, message: string): boolean {
  return (MINOR === 12 || MINOR === 13) && message === "unterminated f-string literal" &&
    /(?<!\w)(f|fr|rf)["'].*\{.*:.*\n/i.test(text);
}

/** Is it grammar that this Python does not know yet? */
function isNewer(text: string, error: string): boolean {
  const newer: [minor: number, isIt: boolean][] = [
    [14, /^multiple exception types must be parenthesized/.test(error)],
    [14, /(?<!\w)(t|tr|rt)["']/i.test(text)],
    [12, /^f-string|^unterminated/.test(error) && /(?<!\w)(f|fr|rf)["']/i.test(text)],
    [13, /\b(def|class|type)\s+\w+\s*\[.*=/.test(text)],
    [12, /^\s*type\s+\w+\s*[=[]/m.test(text)],
    [12, /\b(def|class)\s+\w+\s*\[/.test(text)],
    [11, /\bexcept\s*\*|\[[^]*\*|:\s*\*/.test(text)],
  ];
  return newer.some(([minor, isIt]) => MINOR < minor && isIt);
}

function parseOrThrown(text: string): PythonFile | Error {
  try {
    return parsePython(text);
  } catch (error) {
    return error as Error;
  }
}

/** How parsePython() differs from Python on a text; nothing where it does not, or may. */
function difference(text: string, answer: Answer, lines?: { same: number; all: number }): string | undefined {
  const file = parseOrThrown(text);
  if (file instanceof Error) return `thrown: ${file}`;
  if ("words" in answer) {
    if (!file.problem) return treeDifference(file, answer.words);
    if (mayRefuse(text, file.problem.message)) return undefined;
    return `refused on line ${locate(file, file.problem.from).line}: ${file.problem.message}`;
  }
  const { error, line } = answer;
  if (!file.problem) {
    return mayTake(text, answer) ? undefined : `taken; Python says on line ${line}: ${error}`;
  }
  if (lines && line !== null) {
    lines.all++;
    if (locate(file, file.problem.from).line === line) lines.same++;
  }
  return undefined;
}

/** Fails with the shortest texts of each kind of difference. */
function check(found: { what: string; difference: string }[]): void {
  const kinds = Map.groupBy(
    found,
    ({ difference }) => difference.replace(/'[^']*'|"[^"]*"|\d+/g, "..").slice(0, 60),
  );
  const shown = [...kinds.values()].map((some) => {
    const [{ what, difference }] = some.sort((a, b) => a.what.length - b.what.length);
    return `${some.length} x ${difference}\n${what.replace(/^/gm, "    ")}`;
  });
  assert.equal(found.length, 0, `${found.length} differences\n${shown.slice(0, 40).join("\n")}`);
}

/** Texts with what is rare in files, by the Python that knows them first. */
const TAKEN: Record<number, string> = {
  10: String.raw`
x = a[b, c:d, ::2, e:=1]; y.z, *w = 1, 2, 3
(a), [b, *c], (d, (e, f)) = g = 1
for x.y, z[0], *w in *a, b: pass
for (x) in z: pass
for [a, (b, *c)] in z: pass
else: pass
---
async def f(a, /, b: int = 1, *args: int, c, d=2, **kw: str) -> (x or None):
    async with a as b, c as (d, e): pass
    async for x in y: await z
    return [x async for x in y if x if y]
def g(*, a): return *a, b
def h(): x = yield; yield from y; z = (yield a, *b)
def i(self): return lambda: (yield)
def j(self, a=lambda: (yield)): pass
---
@a.b(c)[d]
@(x := y)
@lambda f: f
class A(B, C, metaclass=D, *e, **f):
    """doc"""; x: int = 1; y: str
    @property

    # a comment
    def m(self): n = 1
---
with (open(a) as b, open(c) as d,): pass
with (a): pass
with (a, b): pass
with (a, b) as c: pass
with (a), (b): pass
with (yield_), x as y[0], z as w.v, q as (r, *s), t as [u]: pass
with (a).b as c, d: pass
with (a if b else c) as d: pass
---
try: pass
except (A, B) as e:
    raise X from e
except C: raise
else: pass
finally: del x, y[0], (z, [w]), (v); del (a, b); del a; del (a,); del ()
---
match x, *y:
    case 1 | -2 | 3.5 | 1+2j | -1-2j | "a" "b" | b'c' | None | True: pass
    case A(b, C.d(), e=f, g=1 | 2) if z: pass
    case [a, *_, b] | (a, b, *_): pass
    case {"a": 1, B.c: x, -1: [y], **rest}: pass
    case (a,): pass
    case a, *b: pass
    case [] | () | {}: pass
    case (a.b.c | 1) as y: pass
    case str() as s if (t := s): pass
    case _: pass
---
match = case = type = _ = 1
match(x); match[x]; match * x; match -x; match.x = 1; case(x); type(x); type.x
match, y = 1, 2
match: int = 1
type = 1
---
x = lambda x, /, y=1, *a, z, w=2, **k: (x, y); y = lambda *, a: a; z = lambda *a, **k: lambda: 1
x = lambda: a if b else lambda: c
x = not a in b; y = not a not in b is not c is d; z = a < b <= c != d == e >= f > g
x = a or b and not c or d; y = -a ** -b ** c; z = ~-+a * b // c % d @ e / f
x = a | b ^ c & d << e >> f + g - h; y = a if b else c if d else e
x = (a := 1, b := 2); f(a := 1, b=(c := 2)); {a := 1}; [y := 1, y ** 2]
---
x = {**a, 'b': c, **d}; {*a, b, *c}; {a: b for a, b in c}; {a for a in b for c in d if e if f}
x = (a for a in (lambda: b, c)); (*a,); *a,; (),
f(a for a in b); f(a, *b, c=d, **e, ); f(*a, b, **c, d=e); f(*a or b); f(**a or b)
---
x = f"{a}{b!r}{c:>{d}}{e=}{f!s:^{g}.{h}}{{}}{i:%H:%M}{j=!r:x}"; f"{a : b}"; f"{a!=b}{a==b}{(a:=10)}{a:=10}"
x = f'{a["b"]}' "c" f"{d:{'>'}{10}}" u'e'; f"{ {a: b}[c] }{(lambda x: 1)}{x if y else z}{*a, b}{a,}"
x = rf"\d{a}\{b}" fr'\{c}'[0:1]; f"\N{EM DASH}{a}\x41é{{\u0041"; f'{a:\n}\n\'{b}'; f"{'a' 'b'}"
---
x = 'a\
b\n\t\\\'\"\a\b\f\v\r\0\12\123\777\x41\u00e9\U0001F600\N{EURO SIGN}\q\
'; r'\n\'' R"\\"; b'\x00\'' B"\n" br'\d' Rb'\d' rB''; """a"b""c\""""
---
x = 0xFf + 0o17 + 0b11 + 1_000 + 1.5e-10 + .5 + 5. + 1j + 1.5J + 00 + 0_0 + 1e5 + 1_0.0_1e+1_0 + 09.5
x = 1if a else 2; 1 .real + 1..real; [1for x in y]; 0xfor x
---
import a, b.c as d, e.f.g
from . import a
from .. import a as b, c
from ...a.b import (c, d as e,)
from .... import a
from . a import b
from a import *
---
if x:
    if y: pass
    else:
        if z: pass
elif (c := d): pass
else: pass
while x := y: break
assert (a, b); raise a from b; x.y -= 1, 2; x[0] **= 1; x @= 1
x.y: int = 1, 2; x[0]: list[int]; (x): int = 1
---
if x:
	y
	if z:
	        w
	v
class A: x = 1; y = 2
---
é = "é", é.ö, "😀", ñ
def ﬁ(): return ª; x
---
def f():
    x = (
  1,
# c
    2)  # d
# e
    
    return x

	# f
    y = 1 + \
  2
---
def f():
\
    pass
---
if a:
    b
\
    c
---
if a:
    b
        \
\

---
x = f'{a:\N{EM DASH}>10}'; f"\N{EM DASH}{'a'}"; f"{'a'}\N{EM DASH}"
---
a[b,]; a[b:c,]; {("a",): 1}["a",]
---
del (a, b),
---
a${"\r"}b
`,
  11: String.raw`
try: pass
except* A as e: pass
except* (B, C): pass
---
def f(*args: *Ts): return a[*b], a[*b, c], a[*b,]
---
a[*b or c]; a[*lambda: x]; a[*b if c else d]
`,
  12: String.raw`
class A[T: int, *Ts, **P](B): pass
def f[T](a: T) -> T: pass
type X[T] = int
type Y = list[Y]
---
x = f"{f'{f"{1}"}'}"; f'{a['b']}'; f"{'\n'}"; f'{a # }
}'; f"{x
}"
`,
  13: String.raw`
class A[T = int, *Ts = *tuple[int], **P = [int]]: pass
`,
};

/** What no Python takes, one thing at a time. */
const REFUSED = [
  "x = 0or y",
  "x = a[1:=2]",
  "x[a:=2:]",
  "{x:=1: 2}",
  "class A(x for x in y): pass",
  "f(x for x in y, 1)",
  "f(x for x in y, )",
  "def f(*, **k): pass",
  "lambda *, **k: 0",
  "def f(a, /, b, /): pass",
  "def f(a: *b): pass",
  "def f() -> a, b: pass",
  "try: pass\nexcept*: pass",
  "try: pass\nexcept A: pass\nexcept* B: pass",
  "try: pass\nexcept A,: pass",
  "try: pass\nexcept A, B as c: pass",
  "del (*x,)",
  "del *x, y",
  "b'é'",
  "b'\\x4'",
  "f'\\N{{x}}'",
  "f'{x! r}'",
  "f'{x:\\x4}'",
  "\u0e33 = 1",
  "\\\n    x",
  "x = 1\n\\\n",
  "if a:\n\tb\n\t\\\n  c\n",
  ...[
    "{**_}",
    "{**a, 'b': c}",
    "{a: b}",
    "{1+1: a}",
    "(*a)",
    "A(*b)",
    "A(b=c, d)",
    "(a=b)",
    "a as _",
    "_()",
    "_.a",
    "'a' b'b'",
    "1 + 1",
    "1 + x",
    "-a",
    "-'a'",
    "",
  ].map((pattern) => `match x:\n    case ${pattern}: pass\n`),
];

const HAND_PICKED = Object.entries(TAKEN).flatMap(([minor, texts]) =>
  Number(minor) <= MINOR ? texts.trim().split("\n---\n").map((text) => text + "\n") : []
);

/** The same numbers every time (mulberry32). */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const random = randomNumbers(20250);
const pick = <T>(items: ArrayLike<T>): T => items[random(items.length)];

/** Strings, names, numbers, operators, white space; told apart roughly, since the texts are changed anyway. */
const PIECE =
  /\w*("""[^]*?"""|'''[^]*?'''|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*')|[\p{L}_]\w*|\d[\w.]*|[-+*/%@&|^=!<>:]=|\*\*|\/\/|\\\r?\n|\r?\n[ \t]*|[ \t]+|#[^\n]*|[^]/gu;
const INSERTED =
  ("False None and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda nonlocal not or pass raise return try while with yield match case _ x print + - * / // " +
    "% @ ** & | ^ ~ << >> < > <= == != = += **= -> := . ... , : ; ! ( ) [ ] { } # 'x' b'z' f'{x}' f'{x!r:>{w}}' 0 " +
    '1.5 1j 0x1f 017 1_ *a **k \\ " \' """ $ ? ` é').split(" ")
    .concat([
      "\n",
      "\n    ",
      "\t",
      " ",
      "\f",
      "\\\n",
      "lambda: x",
      "x for x in y",
      "not in",
      "is not",
      "case _:",
    ]);
const CHARS = [..." \t\n()[]{}:,;.=+-*/%@&|^~<>!'\"\\#_0123456789abefjlorxuNRBF$?é"];

/** A text with one piece or character lost, added, doubled, replaced or in another place. */
function changed(text: string): string {
  const parts: string[] = random(3) === 0 ? [...text] : text.match(PIECE)!;
  const at = random(parts.length);
  const other = random(2) ? random(parts.length) : Math.min(at + 1, parts.length - 1);
  const added = parts.length === [...text].length ? pick(CHARS) : pick(INSERTED);
  switch (random(5)) {
    case 0:
      return parts.toSpliced(at, 1).join("");
    case 1:
      return parts.toSpliced(at, 0, random(2) ? added : ` ${added} `).join("");
    case 2:
      return parts.with(at, added).join("");
    case 3:
      return parts.toSpliced(at, 0, parts[other]).join("");
    default:
      return parts.with(at, parts[other]).with(other, parts[at]).join("");
  }
}

/** Some whole statements of some files. */
function excerpts(texts: string[], count: number): string[] {
  const found: string[] = [];
  while (found.length < count) {
    const lines = pick(texts).split(/(?<=\n)/);
    const heads = lines.map((_, i) => i).filter((i) =>
      /^(class|def|if|for|with|try|import|from)\b/.test(lines[i])
    );
    if (heads.length === 0) continue;
    const from = pick(heads);
    const to = heads.find((i) => i > from + 8) ?? lines.length;
    const text = lines.slice(from, Math.min(to, from + 60)).join("");
    if (text.length < 4000 && !/\r(?!\n)/.test(text) && !parsePython(text).problem) found.push(text);
  }
  return found;
}

let asked: Promise<Answer[]> | undefined;

/** What Python says to each file of its library; asked once. */
function askLibrary(): Promise<Answer[]> {
  return asked ??= askAll("files", LIBRARY.paths);
}

Deno.test(`parsePython() makes the trees of ${PYTHON} for its whole library`, async () => {
  const library = await askLibrary();
  const found = library.flatMap((answer, i) => {
    if (!("words" in answer)) return [];
    const how = difference(answer.text!.replace(/^\ufeff/, ""), answer);
    return how ? [{ what: LIBRARY.paths[i], difference: how }] : [];
  });
  assert.ok(library.filter((answer) => "words" in answer).length > 600);
  check(found);
});

Deno.test(`parsePython() makes the trees of ${PYTHON} for what is rare`, async () => {
  const answers = await askAll("texts", HAND_PICKED);
  check(answers.flatMap((answer, i) => {
    const how = "words" in answer ? difference(HAND_PICKED[i], answer) : `Python itself says ${answer.error}`;
    return how ? [{ what: HAND_PICKED[i], difference: how }] : [];
  }));
});

Deno.test(`parsePython() refuses what ${PYTHON} refuses`, async () => {
  const answers = await askAll("texts", REFUSED);
  check(answers.flatMap((answer, i) => {
    if ("words" in answer) return [{ what: REFUSED[i], difference: "Python itself takes it" }];
    if (isNewer(REFUSED[i], answer.error)) return [];
    return parsePython(REFUSED[i]).problem
      ? []
      : [{ what: REFUSED[i], difference: `taken: ${answer.error}` }];
  }));
});

Deno.test(`parsePython() takes and refuses changed texts as ${PYTHON} does, mostly on the same line`, async () => {
  const files = (await askLibrary()).flatMap((answer) => "words" in answer ? [answer.text!] : []);
  const picked = HAND_PICKED.filter((text) => !text.includes("\r"));
  const sources = [...excerpts(files, 500), ...picked.flatMap((text) => Array(5).fill(text))];
  const texts = Array.from({ length: 40_000 }, () => changed(pick(sources)));
  const answers = await askAll("texts", texts);
  const lines = { same: 0, all: 0 };
  const found = answers.flatMap((answer, i) => {
    const how = difference(texts[i], answer, lines);
    return how ? [{ what: texts[i], difference: how }] : [];
  });
  assert.ok(lines.all > texts.length / 4 && lines.all < texts.length * 0.9, `${lines.all} texts are refused`);
  assert.ok(lines.same > lines.all * 0.95, `the line is the same in ${lines.same} of ${lines.all} texts`);
  check(found);
});
