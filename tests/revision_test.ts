/**
 * What a migration file says of itself, read from its text; sections and statements of plain Cypher. The law: what
 * was drafted, whatever the words in it, parses back to what it was drafted from.
 */
import assert from "node:assert/strict";
import { randomFrom } from "./harness.ts";
import { type CrochetError, formatPlace } from "../lib/error.ts";
import { readTemplate } from "../lib/project.ts";
import {
  parseRevision,
  renderCypher,
  renderTypescript,
  type Revision,
  REVISION_FILE,
  type RevisionDraft,
  revisionId,
  revisionNumber,
} from "../lib/revision.ts";
import { cypherSections, splitStatements } from "../lib/cypher_text.ts";

const HASH = "a".repeat(64);
const OTHER = "0123456789abcdef".repeat(4);

const TS = `/** A header. */
import type { MigrationContext } from "crochet";

export const revisionId = "0002_b";
export const parentId = "0001_a";
export const parentDigest = "${HASH}";
export const schemaHash = "${OTHER}";
export const rollbackSafe = true;

export async function upgrade(ctx: MigrationContext): Promise<void> {
}

export async function downgrade(ctx: MigrationContext): Promise<void> {
}
`;

const CYPHER = `// A header.

// crochet: revisionId = "0002_b"
// crochet: parentId = "0001_a"
// crochet: parentDigest = "${HASH}"
// crochet: schemaHash = "${OTHER}"
// crochet: rollbackSafe = true

// crochet: upgrade
CREATE (:A);

// crochet: downgrade
MATCH (a:A) DELETE a;
`;

const HEADER = {
  revisionId: "0002_b",
  parents: [{ id: "0001_a", digest: HASH }],
  schemaHash: OTHER,
  rollbackSafe: true,
};

const ID = 'export const revisionId = "0002_b";';

/** Replacements in {@link TS} that leave the header as it is. */
const SAME: [about: string, part: string, by: string][] = [
  ["nothing changed", "", ""],
  ["single quotes", '"0002_b"', "'0002_b'"],
  ["types", "const parentId =", "const parentId: string | string[] | null ="],
  ["a type in texts", "const revisionId =", 'const revisionId: "0002_b" ='],
  ["no white space", ID, 'export const revisionId="0002_b";'],
  ["much white space", ID, 'export   const\n  revisionId\n  =\n  "0002_b"  ;'],
  ["no semicolon", ID, 'export const revisionId = "0002_b"'],
  ["no semicolon before a comment", ID, 'export const revisionId = "0002_b"\n// the parent'],
  ["no semicolon before a doc comment", ID, 'export const revisionId = "0002_b"\n\n/** The parent. */'],
  ["a comment behind", ID, 'export const revisionId = "0002_b"; // "0003_c"'],
  ["a comment behind, without a semicolon", ID, 'export const revisionId = "0002_b" // here'],
  ["a block comment behind", ID, 'export const revisionId = "0002_b" /* here */;'],
  ["two on one line", `${ID}\n`, `${ID} `],
  ["the header in a line comment", ID, `// export const revisionId = "0009_z";\n${ID}`],
  ["the header in a block comment", ID, `/*\nexport const revisionId = "0009_z";\n*/\n${ID}`],
  [
    "the header in a text",
    ID,
    `const text = 'export const revisionId = "0009_z";';\nconst other = "it's";\n${ID}`,
  ],
  ["the header in a template", ID, `const text = \`\nexport const revisionId = "0009_z";\n\`;\n${ID}`],
  ["an escaped quote before", ID, `const text = "\\"export const revisionId = 1";\n${ID}`],
  ["other exports", ID, `export const limit = 5 * 60;\nexport const names = ["a", "b"];\n${ID}`],
  ["an array of one", 'parentId = "0001_a"', 'parentId = ["0001_a"]'],
  [
    "the header again inside a function",
    "upgrade(ctx: MigrationContext): Promise<void> {",
    'upgrade(ctx: MigrationContext): Promise<void> {\n  const text = `\nexport const revisionId = "0009_z";`;',
  ],
  ["a byte order mark", "/** A", "\uFEFF/** A"],
];

for (const [about, part, by] of SAME) {
  Deno.test(`parseRevision() reads the header with ${about}`, () => {
    const { revisionId, parents, schemaHash, rollbackSafe } = parseRevision(
      "migrations/0002_b.ts",
      replaced(TS, part, by),
    );
    assert.deepEqual({ revisionId, parents, schemaHash, rollbackSafe }, HEADER);
  });
}

/** Replacements in {@link TS} that are refused with a place and words. */
const REFUSED: [about: string, part: string, by: string, place: string, message: RegExp][] = [
  ["no revisionId", ID, "", "0002_b.ts:1", /"revisionId" is missing/],
  ["no rollbackSafe", "export const rollbackSafe = true;", "", "0002_b.ts:1", /"rollbackSafe" is missing/],
  ["not exported", "export const schemaHash", "const schemaHash", "0002_b.ts:1", /"schemaHash" is missing/],
  ["a sum", '"0002_b"', '"0002_" + "b"', "0002_b.ts:4", /revisionId is no plain literal/],
  ["a sum over two lines", '"0002_b";', '"0002_"\n  + "b";', "0002_b.ts:4", /revisionId is no plain literal/],
  ["a call", '"0002_b"', "make()", "0002_b.ts:4", /revisionId is no plain literal/],
  ["a method", '"0002_b"', '"0002_B".toLowerCase()', "0002_b.ts:4", /revisionId is no plain literal/],
  [
    "a method on the next line",
    '"0002_b";',
    '"0002_B"\n  .toLowerCase();',
    "0002_b.ts:4",
    /no plain literal/,
  ],
  [
    "a choice",
    "rollbackSafe = true",
    "rollbackSafe = true ? false : true",
    "0002_b.ts:8",
    /no plain literal/,
  ],
  ["a name", "rollbackSafe = true", "rollbackSafe = trueish", "0002_b.ts:8", /no plain literal/],
  ["a number", "rollbackSafe = true", "rollbackSafe = 1", "0002_b.ts:8", /no plain literal/],
  ["a template", '"0002_b"', "`0002_b`", "0002_b.ts:4", /revisionId is no plain literal/],
  ["a name in an array", '"0001_a"', '[first, "0001_a"]', "0002_b.ts:5", /parentId is no plain literal/],
  ["an open array", '"0001_a"', '["0001_a"', "0002_b.ts:5", /parentId is no plain literal/],
  ["a text with a line break", '"0002_b"', '"0002_\nb"', "0002_b.ts:4", /revisionId is no plain literal/],
  ["given twice", ID, `${ID}\n${ID}`, "0002_b.ts:5", /revisionId is given twice/],
  ["another file's id", '"0002_b"', '"0003_c"', "0002_b.ts:4", /revisionId is "0003_c", but the file/],
  ["an odd id", '"0002_b"', '"0002-b"', "0002_b.ts:4", /letters, digits and _/],
  ["an empty id", '"0002_b"', '""', "0002_b.ts:4", /letters, digits and _/],
  ["null for an id", '"0002_b"', "null", "0002_b.ts:4", /letters, digits and _/],
  ["an empty parent", '"0001_a"', '""', "0002_b.ts:5", /parentId must be a text, null/],
  ["true for a parent", '"0001_a"', "true", "0002_b.ts:5", /parentId must be a text, null/],
  ["null among parents", '"0001_a"', '["0001_a", null]', "0002_b.ts:5", /parentId must be a text, null/],
  ["a short digest", `parentDigest = "${HASH}"`, 'parentDigest = "aa"', "0002_b.ts:6", /64 hex digits/],
  [
    "a digest in capitals",
    `parentDigest = "${HASH}"`,
    `parentDigest = "${HASH.toUpperCase()}"`,
    "0002_b.ts:6",
    /64 hex digits/,
  ],
  ["fewer digests", '"0001_a"', '["0001_a", "0001_b"]', "0002_b.ts:6", /one digest for each parent/],
  ["a digest without a parent", '"0001_a"', "null", "0002_b.ts:6", /one digest for each parent/],
  ["a short schema hash", `"${OTHER}"`, '"0"', "0002_b.ts:7", /schemaHash must be 64 hex digits/],
  ["null for safe", "rollbackSafe = true", "rollbackSafe = null", "0002_b.ts:8", /must be true or false/],
  ["a text for safe", "rollbackSafe = true", 'rollbackSafe = "true"', "0002_b.ts:8", /must be true or false/],
];

for (const [about, part, by, place, message] of REFUSED) {
  Deno.test(`parseRevision() refuses ${about}`, () => {
    checkRefusal("migrations/0002_b.ts", replaced(TS, part, by), `migrations/${place}`, message);
  });
}

Deno.test("parseRevision() refuses three parents", () => {
  const text = replaced(
    replaced(TS, '"0001_a"', '["0001_a", "0001_b", "0001_c"]'),
    `parentDigest = "${HASH}"`,
    `parentDigest = ["${HASH}", "${HASH}", "${HASH}"]`,
  );
  checkRefusal("migrations/0002_b.ts", text, "migrations/0002_b.ts:5", /an array of two texts/);
});

Deno.test("parseRevision() reads the first revision and a merge", () => {
  const parents = (parentId: string, parentDigest: string) =>
    parseRevision(
      "migrations/0002_b.ts",
      replaced(
        replaced(TS, '"0001_a"', parentId),
        `parentDigest = "${HASH}"`,
        `parentDigest = ${parentDigest}`,
      ),
    ).parents;
  assert.deepEqual(parents("null", "null"), []);
  assert.deepEqual(parents("[\"0001_a\", '0001_b']", `[\n  "${HASH}",\n  "${OTHER}",\n]`), [
    { id: "0001_a", digest: HASH },
    { id: "0001_b", digest: OTHER },
  ]);
});

/** Replacements in {@link CYPHER} that are refused. */
const CYPHER_REFUSED: [about: string, part: string, by: string, place: string, message: RegExp][] = [
  ["no header", "// crochet: revisionId", "// revisionId", "0002_b.cypher:1", /"revisionId" is missing/],
  ["a header below the sections", "// A header.\n", "// crochet: upgrade\n", "0002_b.cypher:1", /is missing/],
  ["a misspelt name", "crochet: parentId", "crochet: parentID", "0002_b.cypher:4", /"parentID" is not known/],
  ["no literal", '"0001_a"', "0001_a", "0002_b.cypher:4", /parentId is no plain literal/],
  ["more behind the literal", '"0001_a"', '"0001_a" + 1', "0002_b.cypher:4", /parentId is no plain literal/],
  [
    "a name twice",
    '// crochet: parentId = "0001_a"\n',
    '// crochet: parentId = "0001_a"\n// crochet: parentId = null\n',
    "0002_b.cypher:5",
    /parentId is given twice/,
  ],
  ["another file's id", '"0002_b"', '"0003_c"', "0002_b.cypher:3", /but the file is named/],
  [
    "a text for safe",
    "rollbackSafe = true",
    'rollbackSafe = "yes"',
    "0002_b.cypher:7",
    /must be true or false/,
  ],
];

for (const [about, part, by, place, message] of CYPHER_REFUSED) {
  Deno.test(`parseRevision() refuses a Cypher file with ${about}`, () => {
    checkRefusal("migrations/0002_b.cypher", replaced(CYPHER, part, by), `migrations/${place}`, message);
  });
}

Deno.test("parseRevision() reads a Cypher file", () => {
  const spaced = CYPHER.replaceAll("// crochet: ", "  //crochet:   ").replaceAll(" = ", "=").replace(
    '"0001_a"',
    "'0001_a'",
  );
  for (const text of [CYPHER, spaced]) {
    const revision = parseRevision("migrations/0002_b.cypher", text);
    const { revisionId, parents, schemaHash, rollbackSafe } = revision;
    assert.deepEqual({ revisionId, parents, schemaHash, rollbackSafe }, HEADER);
    assert.deepEqual(textsOf(revision), {
      upgrade: ["CREATE (:A)"],
      downgrade: ["MATCH (a:A) DELETE a"],
    });
  }
});

/** The statements of both sections, without their lines. */
function textsOf(revision: Revision): { upgrade: string[]; downgrade: string[] } {
  const { upgrade, downgrade } = cypherSections(revision);
  const texts = (statements: { text: string }[]) => statements.map(({ text }) => text);
  return { upgrade: texts(upgrade), downgrade: texts(downgrade) };
}

Deno.test("cypherSections() tells the line on which each statement begins", () => {
  const text = CYPHER.replace("CREATE (:A);", "// first\nCREATE (:A);\n\nCREATE\n(:B);");
  const first = text.split("\n").indexOf("CREATE (:A);") + 1;
  const { upgrade } = cypherSections(parseRevision("m/0002_b.cypher", text));
  assert.deepEqual(upgrade.map(({ line }) => line), [first, first + 2]);
});

/** Bodies below the header, and their sections. */
const SECTIONS: [about: string, body: string, upgrade: string[], downgrade: string[]][] = [
  ["empty sections", "// crochet: upgrade\n// crochet: downgrade\n", [], []],
  ["the downgrade first", "// crochet: downgrade\nB;\n// crochet: upgrade\nA;\n", ["A"], ["B"]],
  ["no last semicolon", "// crochet: upgrade\nA;\nB\n// crochet: downgrade\nC", ["A", "B"], ["C"]],
  ["comments only", "// crochet: upgrade\n// A;\n/* B; */\n// crochet: downgrade\nC;", [], ["C"]],
  [
    "a word behind the mark is no mark",
    "// crochet: upgrade\n// crochet: upgrade it\nA;\n// crochet: downgrade",
    [
      "// crochet: upgrade it\nA",
    ],
    [],
  ],
];

Deno.test("cypherSections() finds what belongs to which section", () => {
  const head = CYPHER.slice(0, CYPHER.indexOf("// crochet: upgrade"));
  const found = SECTIONS.map(([about, body]) => {
    const { upgrade, downgrade } = textsOf(parseRevision("m/0002_b.cypher", head + body));
    return [about, body, upgrade, downgrade];
  });
  assert.deepEqual(found, SECTIONS);
});

Deno.test("cypherSections() refuses a section that is missing or given twice", () => {
  const refused = (text: string, place: string, message: RegExp) =>
    assert.throws(
      () => cypherSections(parseRevision("m/0002_b.cypher", text)),
      (error) => isRefusal(error, place, message),
    );
  refused(replaced(CYPHER, "// crochet: upgrade", "//"), "m/0002_b.cypher", /no section "upgrade"/);
  refused(replaced(CYPHER, "// crochet: downgrade", "//"), "m/0002_b.cypher", /no section "downgrade"/);
  refused(`${CYPHER}// crochet: upgrade\n`, "m/0002_b.cypher:14", /"upgrade" is given twice/);
});

/** Texts and their statements. */
const STATEMENTS: [text: string, statements: string[]][] = [
  ["", []],
  [" ;; \n; ", []],
  ["A", ["A"]],
  ["A; B ;\nC;", ["A", "B", "C"]],
  ["RETURN ';'; RETURN \";\"", ["RETURN ';'", 'RETURN ";"']],
  ["RETURN '\\';'; B", ["RETURN '\\';'", "B"]],
  ["RETURN '\\\\'; B", ["RETURN '\\\\'", "B"]],
  ['RETURN "\';"; B', ['RETURN "\';"', "B"]],
  ["MATCH (`a;b``;c`); B", ["MATCH (`a;b``;c`)", "B"]],
  ["MATCH (`a\\`); B", ["MATCH (`a\\`)", "B"]],
  ["A // one; two\n; B", ["A // one; two", "B"]],
  ["A /* one; * / two; */ ; B", ["A /* one; * / two; */", "B"]],
  ["RETURN 'http://x'; B", ["RETURN 'http://x'", "B"]],
  ["RETURN '/*'; B; RETURN '*/'", ["RETURN '/*'", "B", "RETURN '*/'"]],
  ["A; // it's;\nB", ["A", "// it's;\nB"]],
  ["A; /* only */ ; // a comment", ["A"]],
  ["RETURN 'a\n;\nb'; B", ["RETURN 'a\n;\nb'", "B"]],
  ["RETURN 1 / 2; B", ["RETURN 1 / 2", "B"]],
  ["RETURN 'open; B", ["RETURN 'open; B"]],
];

Deno.test("splitStatements() splits at semicolons outside of texts, names and comments", () => {
  assert.deepEqual(STATEMENTS.map(([text]) => [text, splitStatements(text)]), STATEMENTS);
});

Deno.test("splitStatements() gives back what was joined", () => {
  const random = randomFrom(3);
  const parts = ["a", "'", '"', "`", "\\'", "//", "/*", "*/", "\n", ";", " ", "''", "``"];
  const quoted = [
    (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
    (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`,
    (text: string) => "`" + text.replaceAll("`", "``") + "`",
    (text: string) => `/*${text.replaceAll("*/", "")}*/`,
    (text: string) => `//${text.replaceAll("\n", "")}\n`,
  ];
  for (let i = 0; i < 2000; i++) {
    const statements = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
      const inner = Array.from(
        { length: Math.floor(random() * 6) },
        () => parts[Math.floor(random() * parts.length)],
      );
      return `RETURN ${quoted[Math.floor(random() * quoted.length)](inner.join(""))} x`;
    });
    assert.deepEqual(splitStatements(statements.join(" ;\n")), statements);
  }
});

Deno.test("parseRevision() gives a CRLF file the digest and the statements of its LF form", () => {
  const crlf = (text: string) => text.replaceAll("\n", "\r\n");
  for (const [file, text] of [["m/0002_b.ts", TS], ["m/0002_b.cypher", CYPHER]]) {
    const [lf, cr] = [parseRevision(file, text), parseRevision(file, crlf(text))];
    assert.deepEqual({ ...cr, text: "" }, { ...lf, text: "" });
  }
  const noSemicolons = TS.replaceAll(";\nexport", "\nexport");
  assert.equal(
    parseRevision("m/0002_b.ts", crlf(noSemicolons)).digest,
    parseRevision("m/0002_b.ts", noSemicolons).digest,
  );
  const long = replaced(CYPHER, "CREATE (:A);", "CREATE (:A {text: 'two\nlines'})\nRETURN 1;");
  assert.deepEqual(
    cypherSections(parseRevision("m/0002_b.cypher", crlf(long))),
    cypherSections(parseRevision("m/0002_b.cypher", long)),
  );
});

Deno.test("parseRevision() gives any other change another digest", () => {
  const { digest } = parseRevision("m/0002_b.ts", TS);
  for (const text of [TS + "\n", TS + " ", TS.replace("A header", "a header"), TS.trimEnd()]) {
    assert.notEqual(parseRevision("m/0002_b.ts", text).digest, digest);
  }
});

Deno.test("revisionId() is the name of a file that is one", () => {
  const cases: [number: number, description: string, id: string][] = [
    [1, "add person node", "0001_add_person_node"],
    [12, "人物を追加", "0012_migration"],
    [9999, "Ünïcode, & more!", "9999_unicode_more"],
    [10000, "../../etc/passwd", "10000_etc_passwd"],
    [2, "", "0002_migration"],
    [3, "x".repeat(300), `0003_${"x".repeat(60)}`],
  ];
  for (const [number, description, id] of cases) {
    assert.equal(revisionId(number, description), id);
    assert.equal(revisionNumber(id), number);
    assert.match(`${id}.ts`, REVISION_FILE);
  }
  for (
    const name of ["001_a.ts", "0001.ts", "0001_a.js", "0001_a.schema.json", "0001_a.ts.1.tmp", "0001-a.ts"]
  ) {
    assert.doesNotMatch(name, REVISION_FILE);
  }
});

/** Descriptions and changes that might break out of a comment or into the template. */
const WORDS = [
  "add person node",
  "",
  "*/ export const revisionId = 'x'; /*",
  "two\nlines",
  "two\r\nlines\u2028more",
  "{{ revisionId }}",
  "$& $1 $$",
  "**//**/",
  "/",
  "*",
  '`it\'s "quoted"\\',
  "crochet: upgrade",
  "crochet: downgrade",
  'crochet: revisionId = "0009_z"',
  "crochet: note = it's",
  "人物",
  "//",
  "// crochet: upgrade",
  '\nexport const revisionId = "0009_z";\n',
];

const PARENTS = [[], [{ id: "0001_a", digest: HASH }], [{ id: "0001_a", digest: HASH }, {
  id: "0001_b",
  digest: OTHER,
}]];

for (const description of WORDS) {
  Deno.test(`render and parse agree on ${JSON.stringify(description)}`, () => {
    for (const [i, parents] of PARENTS.entries()) {
      const draft: RevisionDraft = {
        revisionId: "0002_b",
        parents,
        schemaHash: OTHER,
        rollbackSafe: i === 1,
        description,
        changes: [`+ ${description}`, `- ${description}`],
        upgrade: ["CREATE (:A)", "MATCH (a:A {x: ';'}) SET a.y = 1"],
        downgrade: [],
        imports: i === 2 ? ["float"] : [],
      };
      const statements = draft.upgrade.map((text) => `${text};`);
      const ts = renderTypescript(readTemplate("migration.ts.tmpl"), { ...draft, upgrade: ["await 1;"] });
      checkHeader(parseRevision("migrations/0002_b.ts", ts), draft);
      const cypher = parseRevision(
        "migrations/0002_b.cypher",
        renderCypher(readTemplate("migration.cypher.tmpl"), { ...draft, upgrade: statements }),
      );
      checkHeader(cypher, draft);
      assert.deepEqual(textsOf(cypher), { upgrade: draft.upgrade, downgrade: [] });
    }
  });
}

function checkHeader(revision: Revision, draft: RevisionDraft): void {
  for (const name of ["revisionId", "parents", "schemaHash", "rollbackSafe"] as const) {
    assert.deepEqual(revision[name], draft[name], name);
  }
}

function checkRefusal(file: string, text: string, place: string, message: RegExp): void {
  assert.throws(() => parseRevision(file, text), (error) => isRefusal(error, place, message));
}

function isRefusal(error: unknown, place: string, message: RegExp): boolean {
  const { code, at, message: found } = error as CrochetError;
  assert.equal(code, "REVISION_INVALID", String(error));
  assert.match(found, message);
  assert.equal(formatPlace(at!), place);
  return true;
}

/** The text with a part replaced that must be there. */
function replaced(text: string, part: string, by: string): string {
  assert.ok(text.includes(part), part);
  return text.replace(part, () => by);
}
