/** What `crochet adopt` reads of the Python original: each call as ours, literals, and what only Python could tell. */
import assert from "node:assert/strict";
import {
  type OriginalMigration,
  originalSchema,
  readOriginal,
  type TranslatedBody,
} from "../lib/original.ts";

const HEAD = `"""
A title

Revision: 0002_b
"""

from crochet.migrations.operations import MigrationContext

revision_id = "0002_b"
parent_id = '0001_a'
schema_hash = "abc"
rollback_safe = True
`;

function read(text: string): OriginalMigration {
  const found = readOriginal(text);
  if ("problem" in found) throw new Error(found.problem);
  return found;
}

/** The body of an upgrade as it is adopted; it begins in line 17. */
function upgrade(body: string): TranslatedBody {
  const lines = body.split("\n").map((line) => line && `    ${line}`);
  return read(
    `${HEAD}\n\ndef upgrade(ctx: MigrationContext) -> None:\n    """Apply."""\n${lines.join("\n")}\n`,
  )
    .upgrade;
}

const FIRST_LINE = 17;

const ROWS = `[{"id": 1, "name": "A"}]`;
const OUR_ROWS = `[{ id: 1, name: "A" }]`;
const LINKS = `[{"source_id": 1, "target_id": 2, "properties": {"w": 3}}, {"source_id": 2, "target_id": 1}]`;
const OUR_LINKS = `[{ source: 1, target: 2, properties: { w: 3 } }, { source: 2, target: 1 }]`;
const KEYED = `[{"s": 1, "t": 2, "p": {"w": 3}}]`;
const OUR_KEYED = `[{ source: 1, target: 2, properties: { w: 3 } }]`;
const BY_ID = `sourceKey: "id", targetKey: "id", onMissing: "skip"`;

/** Calls by position and by keyword, and the one call that both become. */
const CALLS: [position: string, keyword: string, ours: string][] = [
  ...[
    ["add_unique_constraint", "addUniqueConstraint"],
    ["drop_unique_constraint", "dropUniqueConstraint"],
    ["add_node_property_existence_constraint", "addNodePropertyExistenceConstraint"],
    ["drop_node_property_existence_constraint", "dropNodePropertyExistenceConstraint"],
    ["add_index", "addIndex"],
    ["drop_index", "dropIndex"],
    ["remove_node_property", "removeNodeProperty"],
    ["add_node_property", "addNodeProperty"],
  ].map(([name, method]): [string, string, string] => [
    `${name}("A", "b")`,
    `${name}(property_name="b", label="A")`,
    `${method}("A", "b")`,
  ]),
  [
    `add_node_property("A", "b", None)`,
    `add_node_property("A", "b", default=None)`,
    `addNodeProperty("A", "b")`,
  ],
  [
    `add_node_property("A", "b", 5)`,
    `add_node_property(default=5, label="A", property_name="b")`,
    'runCypher("MATCH (n:`A`) SET n.`b` = $value", { value: 5 })',
  ],
  [`rename_label("A", "B")`, `rename_label(new_label="B", old_label="A")`, `renameLabel("A", "B")`],
  [
    `rename_relationship_type("A", "B")`,
    `rename_relationship_type(old_type="A", new_type="B")`,
    `renameRelationshipType("A", "B")`,
  ],
  [
    `rename_node_property("A", "b", "c")`,
    `rename_node_property("A", new_name="c", old_name="b")`,
    `renameNodeProperty("A", "b", "c")`,
  ],
  [`run_cypher("RETURN 1")`, `run_cypher(cypher="RETURN 1", params=None)`, `runCypher("RETURN 1")`],
  [
    `run_cypher("RETURN $x", {"x": 1})`,
    `run_cypher(params={"x": 1}, cypher="RETURN $x")`,
    `runCypher("RETURN $x", { x: 1 })`,
  ],
  [`begin_batch()`, `begin_batch(batch_id=None)`, `beginBatch()`],
  [`begin_batch("one")`, `begin_batch(batch_id="one")`, `beginBatch("one")`],
  [
    `delete_nodes_by_batch("A", "one")`,
    `delete_nodes_by_batch(batch_id="one", label="A")`,
    `deleteNodesByBatch("A", "one")`,
  ],
  [
    `delete_relationships_by_batch("R", "one")`,
    `delete_relationships_by_batch(batch_id="one", rel_type="R")`,
    `deleteRelationshipsByBatch("R", "one")`,
  ],
  [
    `create_nodes("A", ${ROWS})`,
    `create_nodes(data=${ROWS}, label="A")`,
    `createNodes("A", ${OUR_ROWS})`,
  ],
  [
    `upsert_nodes("A", ${ROWS}, ["id"])`,
    `upsert_nodes(merge_keys=("id",), data=${ROWS}, label="A")`,
    `upsertNodes("A", ${OUR_ROWS}, { mergeKeys: ["id"] })`,
  ],
  [
    `bulk_create_nodes("A", ${ROWS}, 100, True)`,
    `bulk_create_nodes("A", use_call_in_transactions=True, chunk_size=100, data=${ROWS})`,
    `bulkCreateNodes("A", ${OUR_ROWS}, { chunkSize: 100, callInTransactions: true })`,
  ],
  [
    `bulk_create_nodes("A", ${ROWS})`,
    `bulk_create_nodes("A", ${ROWS}, use_call_in_transactions=False)`,
    `bulkCreateNodes("A", ${OUR_ROWS})`,
  ],
  [
    `bulk_upsert_nodes("A", ${ROWS}, ["id"], 100, True)`,
    `bulk_upsert_nodes("A", use_call_in_transactions=True, chunk_size=100, merge_keys=["id"], data=${ROWS})`,
    `bulkUpsertNodes("A", ${OUR_ROWS}, { mergeKeys: ["id"], chunkSize: 100, callInTransactions: true })`,
  ],
  ...[["create_relationships", "createRelationships"], ["upsert_relationships", "upsertRelationships"]]
    .flatMap(([name, method]): [string, string, string][] => [
      [
        `${name}("A", "B", "R", ${LINKS})`,
        `${name}(data=${LINKS}, rel_type="R", target_label="B", source_label="A")`,
        `${method}("A", "B", "R", ${OUR_LINKS}, { ${BY_ID} })`,
      ],
      [
        `${name}("A", "B", "R", ${KEYED}, "s", "t", "p")`,
        `${name}("A", "B", "R", ${KEYED}, properties_key="p", target_key="t", source_key="s")`,
        `${method}("A", "B", "R", ${OUR_KEYED}, { ${BY_ID} })`,
      ],
    ]),
  [
    `bulk_create_relationships("A", "B", "R", ${KEYED}, 100, "s", "t", "p", True)`,
    `bulk_create_relationships("A", "B", "R", ${KEYED}, use_call_in_transactions=True, properties_key="p", target_key="t", source_key="s", chunk_size=100)`,
    `bulkCreateRelationships("A", "B", "R", ${OUR_KEYED}, { ${BY_ID}, chunkSize: 100, callInTransactions: true })`,
  ],
];

Deno.test("each call of the original, by position and by keyword, is one of ours", () => {
  for (const [position, keyword, ours] of CALLS) {
    for (const call of [position, keyword]) {
      const { lines, usesFloat } = upgrade(`ctx.${call}`);
      assert.deepEqual([lines.at(-1), usesFloat], [`await ctx.${ours};`, false], call);
    }
  }
});

Deno.test("literals of Python are the same values", () => {
  const cases: [python: string, ours: string, usesFloat?: boolean][] = [
    ["True", "true"],
    ["False", "false"],
    ["0", "0"],
    ["-1", "-1"],
    ["- 3", "-3"],
    ["1_000", "1000"],
    ["0xFF", "255"],
    ["-0x10", "-16"],
    ["0o17", "15"],
    ["0b11", "3"],
    ["9007199254740991", "9007199254740991"],
    ["9007199254740993", "9007199254740993n"],
    ["-9223372036854775808", "-9223372036854775808n"],
    ["1.5", "1.5"],
    [".5", "0.5"],
    ["1e-7", "1e-7"],
    ["1.0", "float(1)", true],
    ["2e3", "float(2000)", true],
    ["-0.0", "float(-0)", true],
    ["1e22", "float(1e+22)", true],
    ["1e400", "Infinity"],
    ["-1e400", "-Infinity"],
    [`""`, `""`],
    [`'it is "so"'`, `"it is \\"so\\""`],
    [`"a" 'b' """c"""`, `"abc"`],
    [`("a"\n      "b")`, `"ab"`],
    [`r"a\\n"`, `"a\\\\n"`],
    [`"a\\n\\x41\\u00e9"`, `"a\\nAé"`],
    ['"${x} `y`"', '"${x} `y`"'],
    ["[]", "[]"],
    ["[1, [2, [3]]]", "[1, [2, [3]]]"],
    ["(1, 2)", "[1, 2]"],
    ["(1,)", "[1]"],
    ["()", "[]"],
    ["{}", "{}"],
    [`{"a": {"b": None}, "class": 1}`, "{ a: { b: null }, class: 1 }"],
    [`{"a-b": 1, "": 2, "ø": 3}`, `{ "a-b": 1, "": 2, "ø": 3 }`],
    ["[1.0, 1]", "[float(1), 1]", true],
  ];
  for (const [python, ours, usesFloat = false] of cases) {
    const expected = { lines: [`await ctx.runCypher("R", { v: ${ours} });`], usesFloat };
    assert.deepEqual(upgrade(`ctx.run_cypher("R", {"v": ${python}})`), expected, python);
  }
});

Deno.test("a key that JavaScript takes for its own stays a key", () => {
  const line = upgrade(`ctx.create_nodes("A", [{"__proto__": 1}])`).lines.at(-1)!;
  const rows = Function(`return ${/\[\{.*\}\]/.exec(line)![0]}`)();
  assert.deepEqual(Object.keys(rows[0]), ["__proto__"], line);
});

Deno.test("rows without a batch get the one that the original gives them", () => {
  const { lines } = upgrade(`ctx.create_nodes("A", [{"a": 1}])\nctx.create_nodes("A", [{"a": 2}])`);
  assert.deepEqual(lines.map((line) => line.includes('beginBatch("untracked")')), [true, false, false]);
});

Deno.test("variables, batches and comments", () => {
  const cases: [name: string, python: string, ours: string[]][] = [
    ["rows", `rows = ${ROWS}\nctx.create_nodes("A", rows)`, [`await ctx.createNodes("A", ${OUR_ROWS});`]],
    ["a name in rows", `x = 5\nctx.create_nodes("A", [{"a": x}])`, [
      `await ctx.createNodes("A", [{ a: 5 }]);`,
    ]],
    ["a label", `label = "A"\nctx.add_index(label, "b")`, [`await ctx.addIndex("A", "b");`]],
    [
      "rows, one after the other",
      `rows = [{"a": 1}]\nctx.create_nodes("A", rows)\nrows = [{"a": 2}]\nctx.create_nodes("A", rows)`,
      [
        `await ctx.createNodes("A", [{ a: 1 }]);`,
        `await ctx.createNodes("A", [{ a: 2 }]);`,
      ],
    ],
    ["a name that changes later", `x = 1\nrows = [{"a": x}]\nx = 2\nctx.create_nodes("A", rows)`, [
      `await ctx.createNodes("A", [{ a: 1 }]);`,
    ]],
    ["a name that holds itself", `x = [1]\nx = [x, 2]\nctx.run_cypher("RETURN $x", {"x": x})`, [
      `await ctx.runCypher("RETURN $x", { x: [[1], 2] });`,
    ]],
    ["a batch", `batch = ctx.begin_batch("one")\nctx.delete_nodes_by_batch("A", batch)`, [
      `const batch = await ctx.beginBatch("one");`,
      `await ctx.deleteNodesByBatch("A", batch);`,
    ]],
    ["a batch by a variable", `name = "one"\nctx.begin_batch(name)`, [`await ctx.beginBatch("one");`]],
    [
      "a batch under the name of a text",
      `batch = "x"\nbatch = ctx.begin_batch("one")\nctx.delete_nodes_by_batch("A", batch)`,
      [
        `const batch = await ctx.beginBatch("one");`,
        `await ctx.deleteNodesByBatch("A", batch);`,
      ],
    ],
    ["comments", `# first\n#   second\n\nctx.add_index("A", "b")\n# third\npass`, [
      "// first",
      "//   second",
      `await ctx.addIndex("A", "b");`,
      "// third",
    ]],
    ["two on a line", `# first\nctx.add_index("A", "b"); ctx.add_index("A", "c")`, [
      "// first",
      `await ctx.addIndex("A", "b");`,
      `await ctx.addIndex("A", "c");`,
    ]],
    ["texts as statements", `"""a note"""\nctx.add_index("A", "b")`, [`await ctx.addIndex("A", "b");`]],
    ["nothing", "pass", []],
  ];
  const found = cases.map(([name, python]) => {
    try {
      // What is loaded without a batch carries the original's own word for that.
      return [name, upgrade(python).lines.filter((line) => !line.includes('"untracked"'))];
    } catch (error) {
      return [name, String(error)];
    }
  });
  assert.deepEqual(found, cases.map(([name, , ours]) => [name, ours]));
});

Deno.test("names of batches that TypeScript cannot declare, or not twice", () => {
  const bodies = [
    `batch = ctx.begin_batch("one")\nbatch = ctx.begin_batch("two")\nctx.delete_nodes_by_batch("A", batch)`,
    `new = ctx.begin_batch("two")\nctx.delete_nodes_by_batch("A", new)`,
    `float = ctx.begin_batch("two")\nctx.create_nodes("A", [{"a": 1.0}])\nctx.delete_nodes_by_batch("A", float)`,
  ];
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  for (const body of bodies) {
    const { lines, open } = upgrade(body);
    assert.doesNotThrow(() => new AsyncFunction("ctx", lines.join("\n")), `${body}\n${lines.join("\n")}`);
    if (open) continue;
    assert.doesNotMatch(lines.join("\n"), /const float =/, "a batch hides what is imported");
  }
});

/** Bodies that nobody can tell without running Python, and the line of the body that is named. */
const OPEN: [name: string, python: string, line: number, what?: RegExp][] = [
  ["a loop", `ctx.add_index("A", "b")\nfor x in [1]:\n    ctx.add_index("A", "c")`, 2, /a loop/],
  ["while", "while False:\n    pass", 1, /a loop/],
  ["if", `if True:\n    ctx.add_index("A", "b")`, 1, /a condition/],
  ["with", "with open('x') as f:\n    pass", 1, /a with block/],
  ["try", "try:\n    pass\nexcept Exception:\n    pass", 1, /a try block/],
  ["match", "match 1:\n    case 1:\n        pass", 1],
  ["return", `ctx.add_index("A", "b")\nreturn`, 2],
  ["an import", "import csv", 1],
  ["a function", "def x():\n    pass\nx()", 1],
  ["a comprehension", `ctx.create_nodes("A", [{"i": i} for i in range(3)])`, 1],
  ["an f-string", `x = 1\nctx.run_cypher(f"RETURN {x}")`, 2],
  ["an f-string beside a text", `ctx.run_cypher("RETURN " f"{1}")`, 1],
  ["a sum of texts", `ctx.run_cypher("RETURN " + "1")`, 1],
  ["format", `ctx.run_cypher("RETURN {}".format(1))`, 1],
  ["bytes", `ctx.create_nodes("A", [{"a": b"x"}])`, 1],
  ["an imaginary number", `ctx.create_nodes("A", [{"a": 3j}])`, 1],
  ["a set", `ctx.create_nodes("A", [{"a": {1, 2}}])`, 1],
  ["dict()", `ctx.create_nodes("A", [dict(a=1)])`, 1],
  ["a call in a row", `ctx.create_nodes("A", [{"a": datetime.now()}])`, 1],
  ["a key that is no text", `ctx.create_nodes("A", [{1: 2}])`, 1, /key/],
  ["a dict that is unpacked", `ctx.create_nodes("A", [{**base, "a": 1}])`, 1],
  ["rows that are unpacked", `rows = [{"a": 1}]\nctx.create_nodes("A", [*rows])`, 2],
  ["a list that is unpacked", `xs = [1]\nctx.create_nodes("A", [{"a": [*xs, 2]}])`, 2],
  ["a name from elsewhere", `ctx.create_nodes("A", ROWS)`, 1],
  ["rows that grow", `rows = []\nrows.append({"a": 1})\nctx.create_nodes("A", rows)`, 2],
  ["rows that grow by an operator", `rows = []\nrows += [{"a": 1}]\nctx.create_nodes("A", rows)`, 2],
  ["rows that are changed", `rows = [{"a": 1}]\nrows[0]["a"] = 2\nctx.create_nodes("A", rows)`, 2],
  ["two names at once", `a, b = 1, 2\nctx.create_nodes("A", [{"a": a}])`, 1],
  ["a helper", "load(ctx)", 1, /no call on ctx/],
  ["another name of ctx", `c = ctx\nc.add_index("A", "b")`, 1],
  ["a part of ctx", `ctx.delete_nodes_by_batch("A", ctx.batch_id)`, 1],
  ["what a call gives", `n = ctx.create_nodes("A", [])`, 1, /only the id of a batch/],
  ["a method that is not there", `ctx.add_fulltext_index("A", "b")`, 1, /add_fulltext_index is not known/],
  ["an argument too many", `ctx.add_index("A", "b", "c")`, 1, /arguments/],
  ["an argument that is not there", `ctx.add_index("A", name="b")`, 1, /arguments/],
  ["an argument twice", `ctx.add_index("A", label="b")`, 1],
  ["arguments that are unpacked", `ctx.add_index(*["A", "b"])`, 1, /arguments/],
  ["keywords that are unpacked", `ctx.add_index("A", **{"property_name": "b"})`, 1, /arguments/],
  ["a first argument that is missing", `ctx.add_index(property_name="b")`, 1],
  ["a label that is missing", `ctx.add_index("A", "b")\nctx.create_nodes(data=[{"a": 1}])`, 2],
  ["rows that are missing", `ctx.add_index("A", "b")\nctx.create_nodes("A")`, 2],
  ["keys of an upsert that are missing", `ctx.upsert_nodes("A", [{"a": 1}])`, 1],
  ["print", `print("x")`, 1],
  ["an assertion", "assert True", 1],
  ["a row that is no dict", `ctx.create_relationships("A", "B", "R", [row])`, 1],
  ["a row that is unpacked", `ctx.create_relationships("A", "B", "R", [{**base, "target_id": 2}])`, 1],
  ["a key of a row by a name", `ctx.create_relationships("A", "B", "R", [{KEY: 1, "target_id": 2}])`, 1],
  [
    "a key of ends by a name",
    `ctx.create_relationships("A", "B", "R", [{"who": 1, "target_id": 2}], source_key=KEY)`,
    1,
  ],
  ["a flag by a name", `ctx.bulk_create_nodes("A", [{"a": 1}], use_call_in_transactions=FLAG)`, 1],
  // The original pastes these into its Cypher; Crochet quotes them.
  ["two labels in one", `ctx.create_nodes("A:B", [{"a": 1}])`, 1],
  ["two properties in one", `ctx.add_index("A", "b, n.c")`, 1],
];

Deno.test("what only Python could tell is named with its line, and never guessed", () => {
  const wrong = OPEN.flatMap(([name, python, line, what]) => {
    try {
      const { open, lines } = upgrade(python);
      if (!open) return [`${name} is not named: ${lines.join(" ")}`];
      if (open.line !== FIRST_LINE + line - 1) return [`${name}: line ${open.line}`];
      if (what && !what.test(open.what)) return [`${name}: ${open.what}`];
      const commented = lines.slice(0, -1).every((text) => text.startsWith("//"));
      return commented && lines.at(-1)!.startsWith("throw new Error(") ? [] : [`${name}: ${lines.join(" ")}`];
    } catch (error) {
      return [`${name}: ${error}`];
    }
  });
  assert.deepEqual(wrong, []);
});

Deno.test("a body that is not translated stands there as comments, line by line", () => {
  const { lines } = upgrade(
    `ctx.add_index("A", "b")\n\nfor x in [1]:\n    # why\n    load(x, """\n*/ "q" \\\\\n""")`,
  );
  assert.deepEqual(lines, [
    `// """Apply."""`,
    `// ctx.add_index("A", "b")`,
    "//",
    "// for x in [1]:",
    "//     # why",
    '//     load(x, """',
    '// */ "q" \\\\',
    '// """)',
    `throw new Error("the Python of line 19 is not translated: a loop is no call on ctx");`,
  ]);
});

Deno.test("the header of a migration", () => {
  const up = "\n\ndef upgrade(ctx):\n    pass\n";
  const { upgrade: _, downgrade: __, ...header } = read(HEAD + up);
  assert.deepEqual(header, {
    revisionId: "0002_b",
    parentId: "0001_a",
    schemaHash: "abc",
    rollbackSafe: true,
    description: "A title",
  });
  const first = read(
    `revision_id = "0001_a"\nparent_id = None\nrollback_safe = False\nschema_hash = ""${up}`,
  );
  assert.deepEqual([first.parentId, first.rollbackSafe, first.description, first.schemaHash], [
    null,
    false,
    "0001_a",
    "",
  ]);
  assert.equal(read(`"""\nsay "hi" and 人物\n"""\nrevision_id = "a"${up}`).description, 'say "hi" and 人物');
});

Deno.test("a file that is no migration is refused with the reason", () => {
  const cases: [text: string, problem: RegExp][] = [
    ["", /no revision_id/],
    ["x = 1\n", /no revision_id/],
    ['revision_id = "a" + "b"\n', /no revision_id/],
    ["revision_id = 5\n", /no revision_id/],
    ['revision_id = "a"\n\ndef upgrade(ctx:\n    pass\n', /in line [34]/],
    ['revision_id = "a"\n\n\ndef upgrade(ctx):\n    x = = 1\n', /in line 5/],
  ];
  for (const [text, problem] of cases) {
    const found = readOriginal(text);
    assert.match("problem" in found ? found.problem : "it was read", problem, text);
  }
});

Deno.test("a body that is not the plain function `upgrade(ctx)` is named", () => {
  const cases: [name: string, text: string][] = [
    ["there is none", ""],
    ["it is imported", "from common import upgrade\n"],
    ["it is a lambda", `upgrade = lambda ctx: ctx.add_index("A", "b")\n`],
    ["it stands in a condition", `if True:\n    def upgrade(ctx):\n        ctx.add_index("A", "b")\n`],
    ["ctx is another thing", `def upgrade(c):\n    ctx.add_index("A", "b")\n`],
    ["it is decorated", `@twice\ndef upgrade(ctx):\n    ctx.add_index("A", "b")\n`],
    ["it is a coroutine", `async def upgrade(ctx):\n    ctx.add_index("A", "b")\n`],
  ];
  const silent = cases.filter(([, text]) => {
    const found = readOriginal(HEAD + "\n\n" + text + "\n\ndef downgrade(ctx):\n    pass\n");
    return !("problem" in found) && !found.upgrade.open;
  });
  assert.deepEqual(silent.map(([name]) => name), []);
});

Deno.test("a header whose safety is computed is not taken for safe", () => {
  const found = readOriginal(
    `revision_id = "a"\nrollback_safe = not True\n\n\ndef upgrade(ctx):\n    pass\n`,
  );
  assert.ok("problem" in found || !found.rollbackSafe);
});

const property = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  property_type: "StringProperty",
  required: false,
  unique_index: false,
  index: false,
  ...more,
});

Deno.test("a snapshot of the original as a schema", () => {
  const snapshot = {
    created_at: "2024",
    schema_hash: "abc",
    nodes: [
      {
        kgid: "person_v1",
        label: "Person",
        class_name: "Person",
        module_path: "models.person",
        properties: [
          property("name", { unique_index: true, required: true }),
          property("age", { property_type: "IntegerProperty", index: true, default: "5" }),
          property("kind", { choices: [["a", "A"]] }),
        ],
        relationship_defs: [
          { attr_name: "pets", rel_type: "HAS", target_label: "Pet", direction: "from" },
          {
            attr_name: "home",
            rel_type: "IN",
            target_label: "UNKNOWN",
            direction: "to",
            model_kgid: "in_v1",
          },
        ],
      },
      {
        kgid: "pet_v1",
        label: "Pet",
        class_name: "Pet",
        module_path: "m",
        properties: [],
        relationship_defs: [],
      },
    ],
    relationships: [
      { kgid: "in_v1", rel_type: "IN", class_name: "In", module_path: "m", properties: [property("since")] },
    ],
  };
  assert.deepEqual(originalSchema(JSON.stringify(snapshot)), {
    format: 1,
    nodes: [
      {
        kgid: "person_v1",
        label: "Person",
        inheritedLabels: [],
        optionalLabels: [],
        properties: [
          { name: "age", property: "age", type: "IntegerProperty", index: true },
          { name: "kind", property: "kind", type: "StringProperty", choices: [["a", "A"]] },
          { name: "name", property: "name", type: "StringProperty", required: true, unique: true },
        ],
        relationships: [
          {
            name: "home",
            type: "IN",
            direction: "to",
            target: null,
            cardinality: "ZeroOrMore",
            model: "in_v1",
          },
          {
            name: "pets",
            type: "HAS",
            direction: "from",
            target: "pet_v1",
            cardinality: "ZeroOrMore",
            model: null,
          },
        ],
      },
      {
        kgid: "pet_v1",
        label: "Pet",
        inheritedLabels: [],
        optionalLabels: [],
        properties: [],
        relationships: [],
      },
    ],
    relationshipModels: [
      {
        kgid: "in_v1",
        types: ["IN"],
        properties: [{ name: "since", property: "since", type: "StringProperty" }],
      },
    ],
  });
});

Deno.test("an empty snapshot is an empty schema", () => {
  const empty = { format: 1, nodes: [], relationshipModels: [] };
  assert.deepEqual(originalSchema("{}"), empty);
  assert.deepEqual(originalSchema('{"nodes": [], "relationships": []}'), empty);
});
