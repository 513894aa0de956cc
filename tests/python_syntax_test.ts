/**
 * parsePython() and whatever text: cut off anywhere, random, deep, long. It never throws, places lie inside of the
 * text and of each other, and the time grows with the text. What a tree must look like: `oracle/syntax_test.ts`.
 */
import assert from "node:assert/strict";
import { loadModels } from "../lib/model_files.ts";
import { join } from "../lib/path.ts";
import { parsePython } from "../lib/python_syntax.ts";
import { locate, type PythonFile, type Span } from "../lib/python_tree.ts";
import type { PythonWorld } from "../lib/python_world.ts";

const STATEMENTS = String.raw`"""Doc – with é and 😀."""
from __future__ import annotations
import a.b as c, d
from ..e import (f, g as h,)

@decorated(1, *args, key="ü", **more)
@other
class Person(Node, metaclass=Meta):
    name: str = StringProperty(required=True); age = IntegerProperty()
    async def load(self, a, /, b=1, *rest, c: int, **kw) -> None:
        async with open(a) as x, b() as (y, z):
            return await x[1:2, ::3] if not b else lambda q, *r: q ** -1
    def save(self): x = yield

if (n := len(a)) > 10 and b is not c or d not in e < f <= g:
	x = [i for i in range(9) if i for j in k]
elif y: z = {1: 2, **w}; v = {1, *u}
else:
	del x, (y[0], z.w)
try:
    raise Error("x") from None
except (A, B) as e:
    global q; q += 1_000 + 0xFF + 1.5e-3j
finally:
    assert x, "y"; print(f"{x!r:>{width}} {{}} {y=} {'a' 'b'}", end='')
with (open("a") as a, b,): x = y = *z, 1
while True:
    break
else: continue_ = ...
`;
const PATTERNS = String.raw`match point, *rest:
    case {"é": [a, *_], -1: b, **more} if a > b: pass
    case Point(x=0 | 1, y=("a" "b")) as p:
        match p:
            case None | -1 + 2j | A.B: return_ = 1
    case (1, [2, 3]) | _: type X[T: int, *Ts, **P] = list[T]
`;
const STRINGS = String.raw`a = r'\d' "\x41\u00e9\N{EM DASH}\
" if b'' else '''two
"lines" é''' + f'{a["b"]:{c}.{d!s}}' rf"\{x}\N" """
{'''not {a} field'''} \"""" f"""{
    x # a comment
    :%H {y:{z}}
}""" u'😀' + \
  "end"
`;

const SAMPLES = [
  STATEMENTS,
  PATTERNS,
  STRINGS,
  STATEMENTS.replaceAll("\n", "\r\n"),
  STRINGS.replaceAll("\n", "\r\n"),
  PATTERNS.replaceAll("\n", "\r"),
];

/** Parses, and holds what must hold for every text. */
function check(text: string): PythonFile {
  const what = () =>
    JSON.stringify(text.length > 500 ? `${text.slice(0, 200)} ... ${text.slice(-200)}` : text);
  let file: PythonFile;
  try {
    file = parsePython(text);
  } catch (error) {
    throw new Error(`parsePython() throws for ${what()}: ${(error as Error).stack}`);
  }
  if (!file.problem) checkPlaces(file, what);
  else {
    const { from, to, message } = file.problem;
    assert.deepEqual(file.body, []);
    assert.ok(message.length > 0);
    assert.ok(0 <= from && from < to && from <= text.length && to <= text.length + 1, what());
    assert.ok(locate(file, from).line <= file.lines.length, what());
  }
  return file;
}

/** Every node lies inside of the one that it is a part of, and statements follow each other. */
function checkPlaces(file: PythonFile, what: () => string): void {
  const stack: [part: unknown, inside: Span][] = [[file.body, { from: 0, to: file.text.length }]];
  while (stack.length > 0) {
    const [part, inside] = stack.pop()!;
    if (typeof part !== "object" || part === null) continue;
    const span = "from" in part && "to" in part ? part as Span : inside;
    if (span.from < inside.from || span.from > span.to || span.to > inside.to) {
      assert.fail(
        `${JSON.stringify(span).slice(0, 300)} is not inside of ${inside.from}-${inside.to}: ${what()}`,
      );
    }
    if (Array.isArray(part) && part.every((one) => one && typeof one === "object" && "kind" in one)) {
      part.forEach((one, i) => assert.ok(i === 0 || one.from >= part[i - 1].to, what()));
    }
    for (const inner of Object.values(part)) stack.push([inner, span]);
  }
}

/** The same numbers every time (mulberry32). */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const WORDS =
  ("def class if elif else for while try except finally with match case return yield lambda not and or in is async " +
    "await import from as global del assert raise pass None x é type _ ( ) [ ] { } , : ; . ... = == := -> + - * ** " +
    "@ ~ < <= ! 1 1.5 0x 1_ 'a' \" ''' \"\"\" f' f\" f''' b'x' rb\" {x} {{ }} !r :> \\ # $ ? \0 \u2028")
    .split(" ")
    .concat([
      " ",
      "  ",
      "\n",
      "\n    ",
      "\n\t",
      "\r\n",
      "\r",
      "\f",
      "\\\n",
      "\\\r\n",
      "    \\\n",
      "\\\n\\\n\n",
    ]);

function randomBytes(random: (below: number) => number): string {
  return new TextDecoder().decode(Uint8Array.from({ length: random(300) }, () => random(256)));
}

function randomWords(random: (below: number) => number): string {
  const between = random(2) ? " " : "";
  return Array.from({ length: random(60) }, () => WORDS[random(WORDS.length)]).join(between);
}

/** A sample with some places cut out, and some words put in. */
function changedSample(random: (below: number) => number): string {
  let text = SAMPLES[random(SAMPLES.length)];
  for (let times = random(4); times >= 0; times--) {
    const at = random(text.length);
    text = text.slice(0, at) + (random(2) ? WORDS[random(WORDS.length)] : "") +
      text.slice(at + (random(2) ? random(12) : 0));
  }
  return text;
}

/** Something inside of itself, so many times; within `python` levels Python takes it too. */
const NESTED: Record<string, { python: number; text: (depth: number) => string }> = {
  "parentheses": { python: 190, text: (n) => `x = ${"(".repeat(n)}a${")".repeat(n)}\n` },
  "lists": { python: 190, text: (n) => `x = ${"[".repeat(n)}a${"]".repeat(n)}\n` },
  "sets": { python: 190, text: (n) => `x = ${"{".repeat(n)}a${"}".repeat(n)}\n` },
  "dicts": { python: 190, text: (n) => `x = ${"{1: ".repeat(n)}a${"}".repeat(n)}\n` },
  "calls in calls": { python: 190, text: (n) => `x = ${"f(".repeat(n)}a${")".repeat(n)}\n` },
  "subscripts in subscripts": { python: 190, text: (n) => `x = ${"a[".repeat(n)}a${"]".repeat(n)}\n` },
  "lambdas in calls": { python: 190, text: (n) => `x = ${"f(lambda: ".repeat(n)}a${")".repeat(n)}\n` },
  "conditions in parentheses": {
    python: 190,
    text: (n) => `x = ${"(a if b else ".repeat(n)}c${")".repeat(n)}\n`,
  },
  "patterns": { python: 190, text: (n) => `match x:\n case ${"[".repeat(n)}a${"]".repeat(n)}: pass\n` },
  "fields of f-strings": { python: 90, text: (n) => `x = ${"f'{".repeat(n)}a${"}'".repeat(n)}\n` },
  "parentheses that do not end": { python: 0, text: (n) => "(".repeat(n) },
  "fields that do not end": { python: 0, text: (n) => "f'{".repeat(n) },
  "indentation": {
    python: 90,
    text: (n) => {
      const levels = Array.from({ length: Math.min(n, 1000) }, (_, i) => " ".repeat(i));
      return `${levels.map((level) => `${level}if a:\n`).join("")}${levels.at(-1)} b\n`;
    },
  },
  "not": { python: 900, text: (n) => `x = ${"not ".repeat(n)}a\n` },
  "minus": { python: 900, text: (n) => `x = ${"-".repeat(n)}a\n` },
  "powers": { python: 900, text: (n) => `x = ${"a ** ".repeat(n)}b\n` },
  "lambdas": { python: 900, text: (n) => `x = ${"lambda: ".repeat(n)}a\n` },
  "conditions": { python: 900, text: (n) => `x = ${"a if b else ".repeat(n)}c\n` },
  "attributes": { python: 900, text: (n) => `x = a${".b".repeat(n)}\n` },
  "calls of calls": { python: 900, text: (n) => `x = a${"()".repeat(n)}\n` },
  "subscripts of subscripts": { python: 900, text: (n) => `x = a${"[0]".repeat(n)}\n` },
};

/** Something after something, so many times. */
const LONG: Record<string, (count: number) => string> = {
  "strings side by side": (n) => `x = ${"'a' ".repeat(n)}\n`,
  "f-strings side by side": (n) => `x = ${"f'{a}' ".repeat(n)}\n`,
  "fields of an f-string": (n) => `x = f'${"{a}".repeat(n)}'\n`,
  "sums": (n) => `x = a${" + 1".repeat(n)}\n`,
  "alternatives": (n) => `x = a${" or b".repeat(n)}\n`,
  "comparisons": (n) => `x = a${" < b".repeat(n)}\n`,
  "items of a list": (n) => `x = [${"a, ".repeat(n)}]\n`,
  "items of a dict": (n) => `x = {${"a: 1, ".repeat(n)}}\n`,
  "arguments": (n) => `f(${"a, ".repeat(n)})\n`,
  "keyword arguments": (n) => `f(${Array.from({ length: n }, (_, i) => `a${i}=1, `).join("")})\n`,
  "bases": (n) => `class A(${"B, ".repeat(n)}): pass\n`,
  "parameters": (n) => `def f(${Array.from({ length: n }, (_, i) => `a${i}, `).join("")}): pass\n`,
  "targets": (n) => `${"x = ".repeat(n)}1\n`,
  "statements of a line": (n) => `${"a;".repeat(n)}\n`,
  "branches": (n) => `if a: pass\n${"elif b: pass\n".repeat(n)}`,
  "handlers": (n) => `try: pass\n${"except A: pass\n".repeat(n)}`,
  "cases": (n) => `match x:\n${" case 1: pass\n".repeat(n)}`,
  "decorators": (n) => `${"@a\n".repeat(n)}class A: pass\n`,
  "imported names": (n) => `from a import ${"b, ".repeat(n)}c\n`,
  "parts of a module's name": (n) => `import a${".b".repeat(n)}\n`,
  "parts of a comprehension": (n) => `x = [a ${"for a in b ".repeat(n)}]\n`,
  "digits": (n) => `x = 0${"1".repeat(n)}.5\n`,
  "escapes": (n) => `x = '${"\\n".repeat(n)}'\n`,
  "lines of a string": (n) => `x = '''${"a\n".repeat(n)}'''\n`,
  "lines of a statement": (n) => `x = ${"\\\n".repeat(n)}1\n`,
  "blank lines": (n) => "\n".repeat(n),
  "assignments": (n) => "x = 'é' + f(a, b=1)\n".repeat(n),
  "classes": (n) => "class A(B):\n    x = P(a=1)\n".repeat(n),
  "functions": (n) => "def f(a, b=1): return f'{a}'\n".repeat(n),
  "lines with match and with": (n) => "match(a)\nwith (a): pass\n".repeat(n),
};

Deno.test("parsePython() takes its samples", () => {
  for (const text of SAMPLES) assert.equal(check(text).problem, undefined);
});

Deno.test("parsePython() gives a tree or a place for texts that are cut off at any byte", () => {
  for (const text of SAMPLES) {
    const bytes = new TextEncoder().encode(text);
    for (let length = 0; length <= bytes.length; length++) {
      check(new TextDecoder().decode(bytes.subarray(0, length)));
      if (length % 4 === 0) check(new TextDecoder().decode(bytes.subarray(length)));
    }
  }
});

Deno.test("parsePython() gives a tree or a place for random bytes, words and changes", () => {
  const random = randomNumbers(1);
  for (let i = 0; i < 3000; i++) {
    for (const text of [randomBytes(random), randomWords(random), changedSample(random)]) check(text);
  }
});

for (const [name, { python, text }] of Object.entries(NESTED)) {
  Deno.test(`parsePython() reads as deep as Python does: ${name}`, () => {
    for (const depth of [1000, 100_000]) check(text(depth));
    if (python > 0) assert.equal(check(text(python)).problem?.message, undefined, `${python} levels`);
  });
}

for (const [name, text] of Object.entries(LONG)) {
  Deno.test(`parsePython() reads many, in the time that they are worth: ${name}`, () => {
    // 16 times the text takes about 16 times as long, or 256 times where something looks back at all before it.
    const few = Math.max(1, Math.min(...[0, 1, 2, 3].map(() => milliseconds(text(3_000)))));
    const many = milliseconds(text(48_000));
    assert.ok(many < 100 * few, `${few.toFixed(1)} ms for 3,000, and ${many.toFixed(1)} ms for 48,000`);
    assert.equal(check(text(200_000)).problem, undefined);
  });
}

function milliseconds(text: string): number {
  const start = performance.now();
  parsePython(text);
  return performance.now() - start;
}

/** What loadModels() says of a folder with these modules. */
function read(modules: Record<string, string>): PythonWorld {
  const folder = Deno.makeTempDirSync({ prefix: "crochet-test-" });
  try {
    for (const [name, text] of Object.entries(modules)) {
      Deno.writeTextFileSync(join(folder, `${name}.py`), text);
    }
    return loadModels({ paths: [folder], roots: [folder], base: folder }).world;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("loadModels() reads a folder of such files, and says which are no Python", () => {
  const random = randomNumbers(2);
  const modules: Record<string, string> = {};
  SAMPLES.forEach((text, i) => {
    modules[`sample${i}`] = text;
    for (let part = 0; part < 60; part++) modules[`cut${i}_${part}`] = text.slice(0, random(text.length));
  });
  for (let i = 0; i < 200; i++) {
    modules[`bytes${i}`] = randomBytes(random);
    modules[`words${i}`] = randomWords(random);
    modules[`changed${i}`] = changedSample(random);
  }
  Object.values(NESTED).forEach(({ text }, i) => modules[`nested${i}`] = text(1000));
  const refused = read(modules).problems.filter((one) => one.code === "syntax").map((one) => one.file);
  const expected = Object.keys(modules).filter((name) => parsePython(modules[name]).problem);
  assert.deepEqual(refused.sort(), expected.map((name) => `${name}.py`).sort());
});

for (const [name, text] of Object.entries(LONG)) {
  Deno.test(`loadModels() ends for a file with very many: ${name}`, () => {
    read({ long: text(20_000) });
  });
}
