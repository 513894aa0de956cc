/**
 * Writing `__kgid__` into models. Each case is a file before and after; what stands around the new text is the same
 * byte by byte, whatever the indentation, the line ends and the end of the file.
 */
import assert from "node:assert/strict";
import type { CrochetError } from "../lib/error.ts";
import { missingKgids, writeKgids } from "../lib/kgid.ts";
import { loadModels, type ModelReading } from "../lib/model_files.ts";
import { join } from "../lib/path.ts";
import { ROOT } from "./harness.ts";

const HEAD = "from neomodel import StringProperty, StructuredNode, StructuredRel\n\n\n";
const BASE = "class A(StructuredNode):";
const NAME = "name = StringProperty()";
const KGID = '__kgid__ = "a_v1"';

/** A file below its imports, and what becomes of it. */
const CASES: [about: string, before: string, after: string][] = [
  ["a class", `${BASE}\n    ${NAME}\n`, `${BASE}\n    ${KGID}\n    ${NAME}\n`],
  ["pass", `${BASE}\n    pass\n`, `${BASE}\n    ${KGID}\n    pass\n`],
  [
    "a docstring",
    `${BASE}\n    """Doc."""\n    ${NAME}\n`,
    `${BASE}\n    """Doc."""\n    ${KGID}\n    ${NAME}\n`,
  ],
  ["only a docstring", `${BASE}\n    """Doc."""\n`, `${BASE}\n    """Doc."""\n    ${KGID}\n`],
  [
    "a docstring of several lines",
    `${BASE}\n    '''Doc.\n\n  more\n    '''\n\n    ${NAME}\n`,
    `${BASE}\n    '''Doc.\n\n  more\n    '''\n    ${KGID}\n\n    ${NAME}\n`,
  ],
  [
    "a docstring of several parts",
    `${BASE}\n    ("Doc"\n     " more")\n    ${NAME}\n`,
    `${BASE}\n    ("Doc"\n     " more")\n    ${KGID}\n    ${NAME}\n`,
  ],
  [
    "a docstring with a comment behind it",
    `${BASE}\n    """Doc."""  # "note"; x\n    ${NAME}\n`,
    `${BASE}\n    """Doc."""  # "note"; x\n    ${KGID}\n    ${NAME}\n`,
  ],
  [
    "a docstring with a statement behind it",
    `${BASE}\n    """Doc."""; ${NAME}\n`,
    `${BASE}\n    """Doc."""; ${KGID}; ${NAME}\n`,
  ],
  ["a docstring without a last newline", `${BASE}\n    """Doc."""`, `${BASE}\n    """Doc."""\n    ${KGID}`],
  ["no last newline", `${BASE}\n    ${NAME}`, `${BASE}\n    ${KGID}\n    ${NAME}`],
  ["tabs", `${BASE}\n\t"""Doc."""\n\t${NAME}\n`, `${BASE}\n\t"""Doc."""\n\t${KGID}\n\t${NAME}\n`],
  ["two spaces", `${BASE}\n  ${NAME}\n`, `${BASE}\n  ${KGID}\n  ${NAME}\n`],
  ["one line", `${BASE} pass\n`, `${BASE} ${KGID}; pass\n`],
  ["one line with more statements", `${BASE} x = 1; ${NAME}\n`, `${BASE} ${KGID}; x = 1; ${NAME}\n`],
  ["one line with a docstring", `${BASE} "Doc."\n`, `${BASE} "Doc."; ${KGID}\n`],
  ["one line with a docstring and more", `${BASE} "Doc."; ${NAME}\n`, `${BASE} "Doc."; ${KGID}; ${NAME}\n`],
  ["one line without a last newline", `${BASE} ${NAME}`, `${BASE} ${KGID}; ${NAME}`],
  ["one line with a comment", `${BASE} pass  # note\n`, `${BASE} ${KGID}; pass  # note\n`],
  ["one line, continued", `${BASE} \\\n    ${NAME}\n`, `${BASE} \\\n    ${KGID}; ${NAME}\n`],
  [
    "comments before the body",
    `${BASE}  # head\n    # first\n\n    # second\n    ${NAME}\n`,
    `${BASE}  # head\n    # first\n\n    # second\n    ${KGID}\n    ${NAME}\n`,
  ],
  [
    "bases over several lines",
    `class A(\n    StructuredNode,\n):\n    ${NAME}\n`,
    `class A(\n    StructuredNode,\n):\n    ${KGID}\n    ${NAME}\n`,
  ],
  [
    "a decorated first statement",
    `${BASE}\n    @property\n    def first(self):\n        return 1\n`,
    `${BASE}\n    ${KGID}\n    @property\n    def first(self):\n        return 1\n`,
  ],
  [
    "a decorated class",
    `def keep(c): return c\n@keep\n${BASE}\n    ${NAME}\n`,
    `def keep(c): return c\n@keep\n${BASE}\n    ${KGID}\n    ${NAME}\n`,
  ],
  [
    "a function first, and its docstring",
    `${BASE}\n    def first(self):\n        """Doc."""\n`,
    `${BASE}\n    ${KGID}\n    def first(self):\n        """Doc."""\n`,
  ],
  [
    "a text that is no docstring",
    `${BASE}\n    ${NAME}\n    "later"\n`,
    `${BASE}\n    ${KGID}\n    ${NAME}\n    "later"\n`,
  ],
  [
    "a class inside of a class",
    `class Outer:\n    class A(StructuredNode):\n        ${NAME}\n`,
    `class Outer:\n    class A(StructuredNode):\n        __kgid__ = "outer_a_v1"\n        ${NAME}\n`,
  ],
  [
    "a model inside of a model",
    `class O(StructuredNode):\n    class A(StructuredNode):\n        ${NAME}\n`,
    `class O(StructuredNode):\n    __kgid__ = "o_v1"\n    class A(StructuredNode):\n        __kgid__ = "o_a_v1"\n        ${NAME}\n`,
  ],
  [
    "a class inside of a condition",
    `if True:\n    ${BASE}\n        ${NAME}\n`,
    `if True:\n    ${BASE}\n        ${KGID}\n        ${NAME}\n`,
  ],
  [
    "two classes",
    `${BASE}\n    ${NAME}\n\n\nclass HTTPServer2(StructuredNode):\n    """Doc."""\n`,
    `${BASE}\n    ${KGID}\n    ${NAME}\n\n\nclass HTTPServer2(StructuredNode):\n    """Doc."""\n    __kgid__ = "http_server2_v1"\n`,
  ],
  [
    "a sub-class, which inherits none",
    `${BASE}\n    __kgid__ = "mine"\n\n\nclass B(A):\n    pass\n`,
    `${BASE}\n    __kgid__ = "mine"\n\n\nclass B(A):\n    __kgid__ = "b_v1"\n    pass\n`,
  ],
  [
    "a relationship's model",
    `class Knows(StructuredRel):\n    ${NAME}\n`,
    `class Knows(StructuredRel):\n    __kgid__ = "knows_v1"\n    ${NAME}\n`,
  ],
  [
    "a value that is taken",
    `class B(StructuredNode):\n    __kgid__ = "a_v1"\n\n\n${BASE}\n    pass\n`,
    `class B(StructuredNode):\n    __kgid__ = "a_v1"\n\n\n${BASE}\n    __kgid__ = "models_m_a_v1"\n    pass\n`,
  ],
  ["an abstract class", `${BASE}\n    __abstract_node__ = True\n`, `${BASE}\n    __abstract_node__ = True\n`],
  ["a class that has one", `${BASE}\n    __kgid__ = "x"\n`, `${BASE}\n    __kgid__ = "x"\n`],
  ["no model", `class A:\n    ${NAME}\n`, `class A:\n    ${NAME}\n`],
  [
    "letters of other scripts",
    `# größer 人物 🦀\nclass Größe(StructuredNode):\n    """Maß 🦀"""\n    ${NAME}\n`,
    `# größer 人物 🦀\nclass Größe(StructuredNode):\n    """Maß 🦀"""\n    __kgid__ = "größe_v1"\n    ${NAME}\n`,
  ],
  ["a page break", `\f\n${BASE}\n    ${NAME}\n`, `\f\n${BASE}\n    ${KGID}\n    ${NAME}\n`],
];

/** The ways in which one file can be saved. */
const FORMS: [about: string, form: (text: string) => string][] = [
  ["LF", (text) => text],
  ["CRLF", (text) => text.replaceAll("\n", "\r\n")],
  ["a byte order mark", (text) => "\uFEFF" + text],
  ["a byte order mark and CRLF", (text) => "\uFEFF" + text.replaceAll("\n", "\r\n")],
];

for (const [about, before, after] of CASES) {
  Deno.test(`writeKgids() writes into ${about}`, () => {
    for (const [form, save] of FORMS) {
      withModels({ "m.py": save(HEAD + before) }, ({ root, read, text }) => {
        writeKgids(read(), [], root);
        assert.equal(text("m.py"), save(HEAD + after), form);
        assert.deepEqual(missingKgids(read(), []), [], form);
      });
    }
  });
}

Deno.test("writeKgids() gives each class of a project a value of its own", () => {
  const person = `${HEAD}class Person(StructuredNode):\n    pass\n`;
  withModels({
    "a.py": person,
    "b.py": person,
    "sub/__init__.py": "",
    "sub/a.py": person + "\n\nclass SubAPerson(StructuredNode):\n    pass\n",
    "c.py": `${HEAD}class ModelsBPerson(StructuredNode):\n    pass\n`,
  }, ({ root, read }) => {
    const written = writeKgids(read(), [], root);
    assert.deepEqual(written.map(({ file, class: name, line }) => `${file}:${line} ${name}`), [
      "models/a.py:4 models.a.Person",
      "models/b.py:4 models.b.Person",
      "models/c.py:4 models.c.ModelsBPerson",
      "models/sub/a.py:4 models.sub.a.Person",
      "models/sub/a.py:8 models.sub.a.SubAPerson",
    ]);
    assert.equal(new Set(written.map(({ kgid }) => kgid)).size, 5);
    assert.equal(written[0].kgid, "person_v1");
    const nodes = read().models.nodes.map((node) => node.kgid).sort();
    assert.deepEqual(nodes, written.map(({ kgid }) => kgid).sort());
  });
});

Deno.test("missingKgids() tells what writeKgids() writes, and writes nothing", () => {
  withModels(
    { "m.py": `${HEAD}${BASE}\n    pass\n\n\nclass B(StructuredNode): pass\n` },
    ({ root, read, text }) => {
      const before = text("m.py");
      const missing = missingKgids(read(), []);
      assert.deepEqual(missing, [
        { class: "models.m.A", file: "models/m.py", line: 4, kgid: "a_v1" },
        { class: "models.m.B", file: "models/m.py", line: 8, kgid: "b_v1" },
      ]);
      assert.equal(text("m.py"), before);
      assert.deepEqual(writeKgids(read(), [], root), missing);
    },
  );
});

Deno.test("writeKgids() leaves out ignored classes", () => {
  withModels(
    { "m.py": `${HEAD}${BASE}\n    pass\n\n\nclass B(StructuredNode):\n    pass\n` },
    ({ root, read, text }) => {
      assert.deepEqual(writeKgids(read(["A"]), ["A"], root).map(({ kgid }) => kgid), ["b_v1"]);
      assert.ok(!text("m.py").includes("a_v1"));
    },
  );
});

/** Model files whose bytes are no UTF-8, with the class name as their encoding writes it. */
const ENCODED: [cookie: string, name: number[], kgid: string][] = [
  ["latin-1", [...letters("Gr"), 0xf6, 0xdf, ...letters("e")], "gr\\u00f6\\u00dfe_v1"],
  ["cp1251", [0xcc, 0xe8, 0xf0], "\\u043c\\u0438\\u0440_v1"],
  ["shift_jis", [0x90, 0x6c, 0x95, 0xa8], "\\u4eba\\u7269_v1"],
  ["gbk", [0xc8, 0xcb, 0xce, 0xef], "\\u4eba\\u7269_v1"],
  ["euc-jp", [0xbf, 0xcd, 0xca, 0xaa], "\\u4eba\\u7269_v1"],
];

function letters(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

Deno.test("writeKgids() keeps the encoding of a file, byte for byte", async (t) => {
  for (const [cookie, name, kgid] of ENCODED) {
    await t.step(cookie, () => {
      const before = [
        ...letters(`# -*- coding: ${cookie} -*-\n# `),
        ...name,
        ...letters(`\n${HEAD}class `),
        ...name,
        ...letters('(StructuredNode):\n    """'),
        ...name,
        ...letters('"""\n'),
      ];
      const after = letters("    name = StringProperty()  # end\n");
      withModels({ "m.py": "" }, ({ root, read }) => {
        const path = join(root, "models/m.py");
        Deno.writeFileSync(path, new Uint8Array([...before, ...after]));
        assert.equal(writeKgids(read(), [], root).length, 1);
        const line = letters(`    __kgid__ = "${kgid}"\n`);
        assert.deepEqual([...Deno.readFileSync(path)], [...before, ...line, ...after]);
        assert.deepEqual(missingKgids(read(), []), []);
      });
    });
  }
});

Deno.test("writeKgids() changes nothing else in any fixture", () => {
  const fixtures = join(ROOT, "tests/fixtures/models");
  let written = 0;
  for (const { name } of Deno.readDirSync(fixtures)) {
    const files = filesBelow(join(fixtures, name, "models"));
    withModels(files, ({ root, read, text }) => {
      try {
        written += writeKgids(read(), [], root).length;
      } catch (error) {
        assert.equal((error as CrochetError).code, "MODELS_INVALID", `${name}: ${error}`);
      }
      for (const [file, before] of Object.entries(files)) {
        assert.equal(withoutAdded(before, text(file)), before, `${name}/${file}`);
      }
    });
  }
  assert.ok(written > 50, `${written} written`);
});

/** Takes each kgid out again that is not in the text before. */
function withoutAdded(before: string, after: string): string {
  const added =
    /(?:^[ \t]*__kgid__ = "[^"]*"(?:\r?\n|$)|__kgid__ = "[^"]*"; |; __kgid__ = "[^"]*"|\r?\n[ \t]*__kgid__ = "[^"]*"$)/gm;
  return after.replace(added, (line) => (before.includes(line) ? line : ""));
}

interface Opened {
  root: string;
  read(ignore?: string[]): ModelReading;
  /** The text with its byte order mark. */
  text(file: string): string;
}

/** Models in a temporary folder `models` of a project. */
function withModels(files: Record<string, string>, work: (opened: Opened) => void): void {
  const root = Deno.makeTempDirSync();
  try {
    for (const [file, text] of Object.entries(files)) {
      Deno.mkdirSync(join(root, "models", file, ".."), { recursive: true });
      Deno.writeTextFileSync(join(root, "models", file), text);
    }
    work({
      root,
      read: (ignore) =>
        loadModels({
          paths: [join(root, "models")],
          roots: [root, join(root, "models")],
          base: root,
          ignore,
        }),
      text: (file) =>
        new TextDecoder("utf-8", { ignoreBOM: true }).decode(Deno.readFileSync(join(root, "models", file))),
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function filesBelow(folder: string, under = ""): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of Deno.readDirSync(join(folder, under))) {
    const path = join(under, entry.name);
    if (entry.isDirectory) Object.assign(files, filesBelow(folder, path));
    else {
      files[path] = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
        Deno.readFileSync(join(folder, path)),
      );
    }
  }
  return files;
}
