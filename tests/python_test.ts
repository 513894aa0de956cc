/**
 * What the reader makes of Python: values of expressions, names after statements, names after imports. The expected
 * values were computed by Python 3.11. The law: a value is Python's value or it is unknown, never another one.
 */
import assert from "node:assert/strict";
import type { PythonFiles } from "../lib/python_import.ts";
import { parsePython } from "../lib/python_syntax.ts";
import { locate } from "../lib/python_tree.ts";
import { type PyValue, toData } from "../lib/python_value.ts";
import { followPython, type PythonWorld } from "../lib/python_world.ts";

/** Stands for a value that is not known. */
const UNKNOWN = "(unknown)";

const HEAD = `import enum
class Color(enum.Enum):
    RED = "r"
    BLUE = "b"
class Text(str, enum.Enum):
    A = "a"
class Num(enum.IntEnum):
    ONE = enum.auto()
    TWO = enum.auto()
class Konst:
    NAME = "konst"
    class Inner:
        N = 5
`;

/** Expressions whose value must be known. */
const KNOWN: [expression: string, value: unknown][] = [
  ["1 + 2 * 3", 7],
  ["-(2 ** 10)", -1024],
  ["0xff + 0b11 + 0o17 + 1_000", 1273],
  ["12345678901234567890", "12345678901234567890"],
  ["1.5", 1.5],
  ['"a" "b" \'c\'', "abc"],
  ['"tab\\tnew\\x41\\u00e9\\101"', "tab\tnewAéA"],
  ['r"\\d+\\n"', "\\d+\\n"],
  ['"""two\nlines"""', "two\nlines"],
  ['"a" + "b" * 3', "abbb"],
  ['"%s-%d%%" % ("x", 4)', "x-4%"],
  ['"%s" % "one"', "one"],
  ['"{}-{}".format("a", 1)', "a-1"],
  ["f\"a{1 + 1}b{'c'}{{}}\"", "a2bc{}"],
  ['f"{Konst.NAME}_{Konst.Inner.N}"', "konst_5"],
  ['"Ab cD".upper() + "Ab".lower()', "AB CDab"],
  ['"the big one".title()', "The Big One"],
  ['" x ".strip()', "x"],
  ['"a-b".replace("-", "_")', "a_b"],
  ['"a,b".split(",")', ["a", "b"]],
  ['"a  b".split()', ["a", "b"]],
  ['"-".join(["a", "b"])', "a-b"],
  ['"abc"[0] + "abc"[-1]', "ac"],
  ["[1, 2, 3][-1]", 3],
  ['(1, "a", None, True)', [1, "a", null, true]],
  ["[*[1, 2], 3]", [1, 2, 3]],
  ["{1, 2, 1}", [1, 2]],
  ['{"a": 1, **{"b": 2, "a": 3}}', [["a", 3], ["b", 2]]],
  ['{"a": 1} | {"b": 2}', [["a", 1], ["b", 2]]],
  ['{"a": {"b": "c"}}["a"]["b"]', "c"],
  ['{"a": 1}.get("z", 7)', 7],
  ['{"a": 1}.get("z")', null],
  ['list({"a": 1}.items())', [["a", 1]]],
  ['list({"a": 1, "b": 2})', ["a", "b"]],
  ['dict([("a", 1), ("b", 2)])', [["a", 1], ["b", 2]]],
  ['dict(a=1, b="x")', [["a", 1], ["b", "x"]]],
  ['dict({"a": 1}, b=2)', [["a", 1], ["b", 2]]],
  ["[x * 2 for x in range(4) if x != 2]", [0, 2, 6]],
  ['{k: v for k, v in [("a", 1), ("b", 2)]}', [["a", 1], ["b", 2]]],
  ['[a + b for a in "xy" for b in "12"]', ["x1", "x2", "y1", "y2"]],
  ['[(i, c) for i, c in enumerate("ab")]', [[0, "a"], [1, "b"]]],
  ['list(zip(["a", "b"], [1, 2]))', [["a", 1], ["b", 2]]],
  ['sorted(["b", "a"])', ["a", "b"]],
  ["list(reversed([1, 2]))", [2, 1]],
  ['len("abc") + len([1])', 4],
  ['tuple(x for x in ["a"])', ["a"]],
  ["list(range(5, 0, -2))", [5, 3, 1]],
  ["1 if True else 2", 1],
  ['"y" if "" else "n"', "n"],
  ['not [] and "yes"', "yes"],
  ['None or "default"', "default"],
  ['0 or ""', ""],
  ['"a" in ["a"]', true],
  ['"b" not in {"a": 1}', true],
  ['"ell" in "hello"', true],
  ["1 == 1.0", true],
  ['"a" != "b"', true],
  ["None is None", true],
  ['"a" is not None', true],
  ["(1, 2) < (1, 3)", true],
  ["1 <= 2", true],
  ["(y := 5) + y", 10],
  ["Color.RED.value", "r"],
  ["Color.RED.name", "RED"],
  ['Color["BLUE"].value', "b"],
  ['Color("b").name', "BLUE"],
  ["[c.name for c in Color]", ["RED", "BLUE"]],
  ["{c.name: c.value for c in Color}", [["RED", "r"], ["BLUE", "b"]]],
  ["Text.A", "a"],
  ['Text.A == "a"', true],
  ["Num.TWO.value", 2],
  ["[n.value for n in Num]", [1, 2]],
  ["Konst.NAME", "konst"],
  ["Konst.Inner.N", 5],
  ["Konst.__name__", "Konst"],
  ["Konst.Inner.__qualname__", "Konst.Inner"],
  ['str(5) + str("x")', "5x"],
  ['"a" and "b"', "b"],
  ["not None", true],
  ['"x" * 0', ""],
  ["[1] + [2]", [1, 2]],
  ['"a" if Color.RED else "b"', "a"],
  ['{"a": 1}["a"]', 1],
  ['"a\\\nb"', "ab"],
  ["'it''s'", "its"],
  ['u"u"', "u"],
  ['"ſ".upper()', "S"],
  ["1e3", 1000],
  ["10 == 10.5", false],
  ['"10" == 10', false],
  ["[1, [2, (3,)]]", [1, [2, [3]]]],
  ['{"x": None}.get("x", 1)', null],
  ['"it\'s me".title()', "It'S Me"],
  ['"don\'t x2y".title()', "Don'T X2Y"],
  ['"ß".upper()', "SS"],
  ['"a,,b".split(",")', ["a", "", "b"]],
  ['"".split(",")', [""]],
];

/** Expressions whose value is Python's or unknown. */
const KNOWN_OR_NOT: [expression: string, value: unknown][] = [
  ["1 < 2 < 3", true],
  ["3 > 2 > 5", false],
  ["True + 1", 2],
  ["7 // 2", 3],
  ["7 % 4", 3],
  ["2 ** -1", 0.5],
  ['"{0}{1}".format("a", "b")', "ab"],
  ['bool("x")', true],
  ["max(1, 2)", 2],
  ['"abc".startswith("a")', true],
  ['"abc".capitalize()', "Abc"],
  ["[i for i in (1, 2, 3)][1:]", [2, 3]],
  ['dict.fromkeys(["a"], 1)', [["a", 1]]],
  ['f"{3:>4}"', "   3"],
  ["f\"{'x'!r}\"", "'x'"],
  ['"%5s" % "a"', "    a"],
  ['"%s %s" % ("a",  True)', "a True"],
  ["str(True)", "True"],
  ['int("5")', 5],
  ['f"{Text.A}"', "Text.A"],
];

Deno.test("evaluate() gives the values that Python gives", () => {
  assert.deepEqual(KNOWN.map(([expression]) => [expression, valueOf(expression)]), KNOWN);
});

Deno.test("evaluate() gives Python's value or none", () => {
  const found = KNOWN_OR_NOT.map(([expression, value]) => {
    const known = valueOf(expression);
    return [expression, known === UNKNOWN ? value : known];
  });
  assert.deepEqual(found, KNOWN_OR_NOT);
});

Deno.test("`not` binds less than a comparison and more than `and`", () => {
  assert.equal(valueOf("not 1 in [2]"), true);
  assert.equal(valueOf("not 1 == 2"), true);
  assert.equal(valueOf("not [] and 'yes'"), "yes");
  assert.equal(valueOf("not 0 or 'no'"), true);
});

Deno.test("`in` finds a part of a string", () => {
  assert.equal(valueOf("'ell' in 'hello'"), true);
  assert.equal(valueOf("'elo' not in 'hello'"), true);
});

Deno.test("evaluate() leaves unknown what only running can tell", () => {
  for (
    const expression of [
      "compute()",
      "undefined_name",
      "Konst.missing",
      "Color.GREEN",
      "Color('z')",
      "open('x').read()",
      "[compute() for _ in [1]][0]",
      "f'{compute()}'",
      "compute() or 'x'",
      "'x' if compute() else 'y'",
      "[*compute()]",
      "{**compute()}",
      "{'a': 1}['b']",
      "[1][5]",
      "b'bytes'",
      "lambda: 1",
      "Color.RED",
      "__import__('os').name",
    ]
  ) assert.equal(valueOf(expression), UNKNOWN, expression);
});

/** Statements, and what the names are after them. */
const STATEMENTS: [about: string, code: string, names: Record<string, unknown>][] = [
  ["chained and unpacking assignment", "a = b = 1\nc, (d, *e) = 2, (3, 4, 5)", {
    a: 1,
    b: 1,
    c: 2,
    d: 3,
    e: [4, 5],
  }],
  ["augmented assignment", "a = 'x'\na += 'y'\nb = [1]\nb += [2]\nc = 5\nc -= 2", {
    a: "xy",
    b: [1, 2],
    c: 3,
  }],
  ["annotation with and without a value", "a: int = 1\nb: int", { a: 1, b: UNKNOWN }],
  ["del", "a = 1\ndel a", { a: UNKNOWN }],
  ["several statements on a line", "a = 1; b = 2", { a: 1, b: 2 }],
  ["elif with known tests", "a = 1\nif a > 5:\n    b = 1\nelif a == 1:\n    b = 2\nelse:\n    b = 3", {
    b: 2,
  }],
  ["an unknown test whose branches agree", "if f():\n    a = 1\nelse:\n    a = 1", { a: 1 }],
  ["an unknown test whose branches differ", "if f():\n    a = 1\nelse:\n    a = 2", { a: UNKNOWN }],
  ["an unknown test that overwrites", "a = 1\nif f():\n    a = 2", { a: UNKNOWN }],
  ["an unknown loop that overwrites", "a = 1\nfor i in f():\n    a = 2", { a: UNKNOWN }],
  ["a loop over constants", "a = []\nfor i in [1, 2]:\n    a = a + [i]", { a: [1, 2], i: 2 }],
  ["a loop with break", "for i in [1, 2, 3]:\n    if i == 2:\n        break", { i: 2 }],
  ["a loop with else", "for i in []:\n    pass\nelse:\n    z = 5", { z: 5 }],
  ["try without an import", "try:\n    a = 1\nexcept KeyError:\n    a = 2\nfinally:\n    b = 3", {
    a: 1,
    b: 3,
  }],
  ["a comprehension's own variable", "x = 1\ny = [x for x in [7]]", { x: 1, y: [7] }],
  ["a walrus in a comprehension", "y = [(j := k) for k in 'ab']", { y: ["a", "b"], j: "b" }],
  [
    "a class body that hides the body around it",
    "class A:\n    x = 1\n    class B:\n        y = x\nz = A.B.y",
    {
      z: UNKNOWN,
    },
  ],
  ["a class attribute from the body", "class A:\n    x = 'a'\n    y = x + 'b'\nz = A.y", { z: "ab" }],
  ["an inherited class attribute", "class A:\n    x = 1\nclass B(A):\n    pass\nz = B.x", { z: 1 }],
  ["an attribute given later", "class A:\n    pass\nA.x = 3\nz = A.x", { z: 3 }],
  ["an alias of an enum member", "class E(enum.Enum):\n    A = 1\n    B = A\nz = E.B.value", { z: 1 }],
  ["auto() after a number", "class E(enum.Enum):\n    A = 5\n    B = enum.auto()\nz = E.B.value", { z: 6 }],
  ["auto() of a StrEnum", "class E(enum.StrEnum):\n    Big = enum.auto()\nz = E.Big.value", { z: "big" }],
  [
    "auto() of an enum's own making",
    "class E(str, enum.Enum):\n    def _generate_next_value_(name, *_):\n        return name\n    A = enum.auto()\nz = E.A.value",
    { z: UNKNOWN },
  ],
  ["names in NFKC", "ﬁ = 1\nz = fi", { z: 1 }],
];

for (const [about, code, names] of STATEMENTS) {
  Deno.test(`followPython() follows ${about}`, () => {
    const world = follow({ m: `import enum\n${code}` });
    for (const [name, value] of Object.entries(names)) {
      assert.deepEqual(nameIn(world, "m", name), value, name);
    }
  });
}

/** Statements that a reader may follow or not: `z` is what Python makes of it, or unknown. `g()` gives nobody knows what. */
const FOLLOWED_OR_NOT: [about: string, code: string, z: unknown][] = [
  [
    "a function with defaults and keywords",
    "def f(a, *b, c=3, **d):\n    return [a, list(b), c, len(d)]\nz = f(1, 2, c=4, e=5)",
    [1, [2], 4, 1],
  ],
  ["a closure", "def f(n):\n    def g():\n        return n + 1\n    return g\nz = f(2)()", 3],
  [
    "nonlocal",
    "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n        return n\n    return g\ng = f()\ng()\nz = g()",
    2,
  ],
  ["global in a function", "z = 1\ndef f():\n    global z\n    z = 2\nf()", 2],
  ["recursion", "def f(n):\n    return 1 if n == 0 else n * f(n - 1)\nz = f(5)", 120],
  ["a mutable default", "def f(x, seen=[]):\n    seen.append(x)\n    return list(seen)\nf(1)\nz = f(2)", [
    1,
    2,
  ]],
  [
    "finally with a return",
    "def f():\n    try:\n        return 1\n    finally:\n        return 2\nz = f()",
    2,
  ],
  ["a while loop", "n = 0\nwhile n < 5:\n    n += 2\nz = n", 6],
  [
    "while with break and else",
    "n = 0\nwhile True:\n    n += 1\n    if n == 3:\n        break\nelse:\n    n = 9\nz = n",
    3,
  ],
  [
    "a name of a class in a comprehension",
    "x = 5\nclass A:\n    x = 1\n    y = [x for _ in range(2)]\nz = A.y",
    [5, 5],
  ],
  ["a private name", "class A:\n    __x = 1\n    y = __x\nz = A.y", 1],
  ["an alias of a list that grows", "a = b = [1]\na += [2]\nz = b", [1, 2]],
  ["a list that is repeated in place", "a = b = ['a']\na *= 2\nz = len(b)", 2],
  [
    "targets that are items and attributes",
    "d = {}\nclass N:\n    pass\nd['k'], N.v = 1, 2\nz = [d['k'], N.v]",
    [1, 2],
  ],
  ["equal keys", "d = {1: 'a', True: 'b'}\nz = d[1]", "b"],
  ["a list that is no tuple", "z = [1] == (1,)", false],
  ["sets and dicts in another order", "z = [{1, 2} == {2, 1}, {'a': 1, 'b': 2} == {'b': 2, 'a': 1}]", [
    true,
    true,
  ]],
  ["an exception that is raised", "try:\n    z = 1\n    raise KeyError\nexcept KeyError:\n    z = 2", 2],
  ["a key that is missing", "try:\n    {}['a']\n    z = 1\nexcept KeyError:\n    z = 2", 2],
  [
    "a return that may happen",
    "L = []\ndef f():\n    if g():\n        return\n    L.append(1)\nf()\nz = L",
    UNKNOWN,
  ],
  [
    "an attribute that may be there",
    "class A:\n    x = 7\nclass B(A):\n    if g():\n        x = 1\nz = B.x",
    UNKNOWN,
  ],
  ["a loop that carries a value round", "x = 4\ny = 4\nfor i in g():\n    y = x\n    x = 3\nz = y", UNKNOWN],
  [
    "a loop that takes long",
    "x = 0\nfor i in range(5000):\n    for j in range(100):\n        x = x + 1\nz = x",
    500000,
  ],
  ["and with an unknown left side", "L = []\ng() and L.append(2)\nz = L", UNKNOWN],
  ["a shuffled list", "import random\nL = [1, 2, 3]\nrandom.shuffle(L)\nz = L", UNKNOWN],
  ["a list in itself", "a = []\na.append(a)\nz = len(a)", 1],
  [
    "auto() after a lower number",
    "class E(enum.Enum):\n    A = 10\n    B = 3\n    C = enum.auto()\nz = E.C.value",
    11,
  ],
  [
    "auto() of a flag",
    "class E(enum.Flag):\n    A = enum.auto()\n    B = enum.auto()\n    C = enum.auto()\nz = E.C.value",
    4,
  ],
  ["two names of one member", "class E(enum.Enum):\n    A = 1\n    B = 1\nz = [E.B.name, len(list(E))]", [
    "A",
    1,
  ]],
  [
    "class methods of an enum",
    "class E(enum.Enum):\n    A = 'a'\n    @classmethod\n    def values(cls):\n        return [m.value for m in cls]\nz = E.values()",
    ["a"],
  ],
];

for (const [about, code, z] of FOLLOWED_OR_NOT) {
  Deno.test(`followPython() gives Python's value or none: ${about}`, () => {
    const world = follow({ m: `import enum\nfrom lib import g\n${code}` });
    const known = nameIn(world, "m", "z");
    const isGivenUp = world.problems.some((problem) => problem.code === "too-much");
    if (known !== UNKNOWN && !isGivenUp) assert.deepEqual(known, z);
  });
}

Deno.test("followPython() tells of an import that is missing in a handler, and goes on", () => {
  const code = "from lib import g\ntry:\n    g()\nexcept Exception:\n    import m.gone\nz = 1\n";
  const world = follow({ "m/": code });
  assert.deepEqual(world.problems.map((problem) => `${problem.code} ${problem.line}`), ["import-missing 5"]);
  assert.equal(nameIn(world, "m", "z"), 1);
});

Deno.test("followPython() does not keep the old value of what changed in place", () => {
  const cases: [code: string, value: unknown][] = [
    ["z = {'a': 1}\nz['a'] = 2", [["a", 2]]],
    ["z = [1]\nz.append(2)", [1, 2]],
    ["z = {'a': 1}\nz.update(b=2)", [["a", 1], ["b", 2]]],
    ["z = [1, 2]\ndel z[0]", [2]],
  ];
  const found = cases.map(([code, value]) => {
    const known = nameIn(follow({ m: code }), "m", "z");
    return [code, known === UNKNOWN ? value : known];
  });
  assert.deepEqual(found, cases);
});

/** Modules (a name that ends in "/" is a package), and what `m` holds after its imports. */
const IMPORTS: [about: string, files: Record<string, string>, names: Record<string, unknown>][] = [
  ["a module", { m: "import a\nz = a.x", a: "x = 1" }, { z: 1 }],
  ["a dotted module", { m: "import p.q\nz = p.q.x", "p/": "", "p.q": "x = 1" }, { z: 1 }],
  ["a dotted module under a name", { m: "import p.q as r\nz = r.x", "p/": "", "p.q": "x = 1" }, { z: 1 }],
  ["a name under a name", { m: "from a import x as y, z\nq = y", a: "x = 1\nz = 2" }, { q: 1, z: 2 }],
  ["a module from its package", { m: "from p import q\nz = q.x", "p/": "", "p.q": "x = 1" }, { z: 1 }],
  ["a package's name before its module", { m: "from p import q\nz = q", "p/": "q = 5", "p.q": "x = 1" }, {
    z: 5,
  }],
  ["relative names", {
    m: "from p.r import y, w",
    "p/": "",
    "p.q": "x = 1",
    "p.r": "from .q import x as y\nfrom . import q\nw = q.x",
  }, { y: 1, w: 1 }],
  ["a relative name from above", {
    m: "from p.s.t import y",
    "p/": "k = 7",
    "p.s/": "",
    "p.s.t": "from .. import k as y",
  }, { y: 7 }],
  ["from a namespace package", { m: "from n.a import x", "n.a": "x = 1" }, { x: 1 }],
  ["a star without __all__", { m: "from a import *", a: "x = 1\n_y = 2" }, { x: 1, _y: UNKNOWN }],
  [
    "a star with __all__",
    { m: "from a import *", a: "__all__ = ['_y']\n__all__ += ['w']\nx = 1\n_y = 2\nw = 3" },
    { x: UNKNOWN, _y: 2, w: 3 },
  ],
  ["two stars", { m: "from a import *\nfrom b import *", a: "x = 1", b: "x = 2" }, { x: 2 }],
  ["names in parentheses", { m: "from a import (\n    x,  # one\n    y,\n)", a: "x = 1\ny = 2" }, {
    x: 1,
    y: 2,
  }],
  ["a fallback", { m: "try:\n    from .gone import x\nexcept ImportError:\n    x = 2" }, { x: 2 }],
  ["no fallback of what is there", {
    m: "try:\n    from a import x\nexcept ImportError:\n    x = 2",
    a: "x = 1",
  }, { x: 1 }],
  ["nothing under TYPE_CHECKING", {
    m: "import typing\nx = 1\nif typing.TYPE_CHECKING:\n    from a import x",
    a: "x = 5",
  }, { x: 1 }],
  ["a value as it is then", { m: "from a import x\nimport a\na.x = 9\nz = a.x", a: "x = 1" }, { x: 1, z: 9 }],
  ["in a circle that works", { m: "from a import y\nx = 1", a: "import m\ny = 2" }, { y: 2, x: 1 }],
];

for (const [about, files, names] of IMPORTS) {
  Deno.test(`followPython() imports ${about}`, () => {
    const world = follow(files);
    assert.deepEqual(world.problems, []);
    for (const [name, value] of Object.entries(names)) {
      assert.deepEqual(nameIn(world, "m", name), value, name);
    }
  });
}

Deno.test("followPython() names an import that finds nothing, with its place", () => {
  const world = follow({ m: "x = 1\nfrom p.gone import y\nfrom p import nothing\n", "p/": "" });
  assert.deepEqual(world.problems.map((p) => `${p.code} ${p.file}:${p.line}:${p.column}`), [
    "import-missing m.py:2:1",
    "import-missing m.py:3:1",
  ]);
});

Deno.test("followPython() takes a module that is not in the project for a library's", () => {
  const world = follow({ m: "import requests\nfrom attr import s\nz = requests.get('x')" });
  assert.deepEqual(world.problems, []);
  assert.equal(world.modules.get("m")!.names.get("s")!.kind, "external");
});

Deno.test("parsePython() names what is no Python 3 with its line", () => {
  const cases: [text: string, line: number | undefined][] = [
    ["x = 1\nclass A\n    pass\n", 2],
    ["x = 1\n\nprint 'x'\n", 3],
    ["def f(:\n    pass\n", 1],
    ["x = 'open\n", 1],
  ];
  const found = cases.map(([text]) => {
    const file = parsePython(text);
    return [text, file.problem && locate(file, file.problem.from).line];
  });
  assert.deepEqual(found, cases);
});

Deno.test("parsePython() finds nothing wrong with Python 3", () => {
  const texts = [
    "",
    "\n\n# only a comment",
    "x = 1",
    "class A:\n\tx = 1\n\ty = 2\n",
    "class A[T](B): pass\n",
    "def f[T](x: T, /, *, y=1, **k) -> T: ...\n",
    "type X = int\n",
    "match x:\n    case {'a': [1, *_]} if y: pass\n    case A(b=1) | None: pass\n",
    "async def f():\n    async with a as b, c as d:\n        await e\n",
    "with (open('a') as a, open('b') as b):\n    pass\n",
    "try:\n    pass\nexcept* ValueError as e:\n    pass\n",
    "x = f'{a!r:>{width}} {b[\"c\"]} {{}}'\n",
    "x = f'{f'{a}'}'\n",
    "x: list[int] | None = None\n",
    "print(*a, sep='')\nprint('x')\n",
    "lambda *a, k=1: (yield)\n",
    "x = a if b else c\ny = a[1:2, ..., ::3]\nz = not a in b\n",
    "if (n := 1) > 0: pass\n",
    "@a.b(c)[d]\ndef f(): pass\n",
    "größe = 'ß'\n",
    "x = 0xFF_FF + 1e-3 + 1j\n",
    "x = 1 \\\n  + 2\n",
    "a = 1; b = 2;\n",
  ];
  assert.deepEqual(
    texts.filter((text) => parsePython(text).problem),
    [],
  );
});

Deno.test("parsePython() never throws, wherever the text ends", () => {
  const text = HEAD +
    "@a\nclass B(C, *d, k=1):\n    '''x'''\n    y = f'{z}' 'w' if q else [i for i in r'\\\\']\n";
  for (let end = 0; end <= text.length; end++) parsePython(text.slice(0, end));
});

function valueOf(expression: string): unknown {
  return nameIn(follow({ m: `${HEAD}x = (${expression})\n` }), "m", "x");
}

function nameIn(world: PythonWorld, module: string, name: string): unknown {
  const value: PyValue | undefined = world.modules.get(module)?.names.get(name);
  if (value?.kind === "none") return null;
  return (value && toData(value)) ?? UNKNOWN;
}

/** Follows `m` among modules that are given by their names. */
function follow(modules: Record<string, string>): PythonWorld {
  const files: PythonFiles = {
    find(name) {
      const isPackage = modules[`${name}/`] !== undefined;
      const text = modules[isPackage ? `${name}/` : name];
      const path = name.replaceAll(".", "/") + (isPackage ? "/__init__.py" : ".py");
      return text === undefined ? undefined : { path, isPackage, text };
    },
    isFolder: (name) => Object.keys(modules).some((known) => known.startsWith(`${name}.`)),
    libraryNames: () => undefined,
    isLibrary: (name) => name === "enum" || name === "typing",
    isInstalled: () => true,
    titleOf: (library) => library,
  };
  return followPython(["m"], files);
}
