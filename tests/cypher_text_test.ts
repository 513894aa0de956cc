/** What a text of Cypher does, and how values come into it: pure functions, in tables. */
import assert from "node:assert/strict";
import { cypherLiteral, inlineParameters } from "../lib/cypher_literal.ts";
import {
  bareCypher,
  bindParameters,
  readParameters,
  sectionMarks,
  splitStatements,
  statementKind,
} from "../lib/cypher_text.ts";
import { date, dateTime, duration, float, localTime, point } from "../lib/graph_value.ts";

const KINDS: Record<ReturnType<typeof statementKind>, string[]> = {
  read: [
    "MATCH (n) RETURN n",
    "match (n:Person {name: 'x'}) return n.name order by n.name limit 5",
    "RETURN 'CREATE (n) SET n.x = 1' AS text",
    "RETURN \"it's; DELETE\" AS text, 'a \\' MERGE' AS more",
    "MATCH (n:`CREATE`) RETURN n.`SET`",
    "// CREATE (n)\nMATCH (n) RETURN count(n)",
    "/* DROP INDEX x; */ MATCH (n) /* SET */ RETURN n",
    "CYPHER 25 MATCH (n) RETURN n",
    "EXPLAIN MATCH (n) RETURN n",
    "EXPLAIN CREATE (n)",
    "PROFILE MATCH (n) RETURN n",
    "LOAD CSV FROM 'file:///a.csv' AS row RETURN row",
    "CALL { MATCH (n) RETURN n LIMIT 1 } RETURN n",
    "MATCH (n) WHERE EXISTS { MATCH (n)-->() } RETURN n",
    "SHOW CONSTRAINTS",
    "SHOW INDEXES YIELD name",
    "MATCH (n:Settings) RETURN n.created, n.dataset",
    "MATCH (s:Set) RETURN s.create",
    "RETURN 1 AS x UNION RETURN 2 AS x",
  ],
  data: [
    "CREATE (:Person {name: 'a'})",
    "create (:Index)",
    "MATCH (n) WITH n SET n.x = 1",
    "MERGE (n:Person {id: 1}) ON CREATE SET n.new = true",
    "MATCH (n) REMOVE n.x",
    "MATCH (n) DETACH DELETE n",
    "MATCH (n) FOREACH (x IN [1] | SET n.x = x)",
    "INSERT (:Person {name: 'a'})",
    "LOAD CSV WITH HEADERS FROM 'file:///a.csv' AS row CREATE (:Row {a: row.a})",
    "CALL db.labels()",
    "CALL apoc.create.node(['A'], {})",
    "CALL `apoc`.periodic.iterate('', '', {})",
    "CALL { CREATE (n) RETURN n } RETURN n",
    "MATCH (n) CALL (n) { SET n.x = 1 }",
    "CYPHER 25 CREATE (n)",
    "PROFILE CREATE (n)",
    "// a comment\nCREATE (a)-[:HAS]->(:Constraint)",
    "MATCH (n) SET n.text = 'CALL {} IN TRANSACTIONS'",
    "WITH [1] AS transactions MATCH (n) WHERE n.id IN transactions SET n.x = 1",
  ],
  schema: [
    "CREATE INDEX a FOR (n:A) ON (n.a)",
    "CREATE INDEX FOR (n:A) ON (n.a)",
    "create fulltext index a for (n:A) on each [n.a]",
    "CREATE VECTOR INDEX a IF NOT EXISTS FOR (n:A) ON n.a",
    "CREATE LOOKUP INDEX a FOR (n) ON EACH labels(n)",
    "CREATE CONSTRAINT a FOR (n:A) REQUIRE n.a IS UNIQUE",
    "DROP CONSTRAINT a IF EXISTS",
    "DROP INDEX `CREATE (n)`",
    "/* why */ CREATE /* what */ INDEX a FOR (n:A) ON (n.a)",
    "// why\nCYPHER 25 CREATE INDEX a FOR (n:A) ON (n.a)",
    "CREATE DATABASE other",
    "USE neo4j CREATE INDEX a FOR (n:A) ON (n.a)",
    "CYPHER runtime=slotted DROP INDEX a",
  ],
  batched: [
    "MATCH (n) CALL { WITH n SET n.x = 1 } IN TRANSACTIONS",
    "MATCH (n) CALL (n) { SET n.x = 1 } IN TRANSACTIONS OF 500 ROWS",
    "MATCH (n) CALL (n) { SET n.x = 1 } IN 4 CONCURRENT TRANSACTIONS OF 500 ROWS",
    "MATCH (n) CALL (n) { SET n.x = 1 } in concurrent transactions",
    "CYPHER 25 MATCH (n) CALL (n) { DELETE n } IN /* small */ TRANSACTIONS ON ERROR CONTINUE",
  ],
};

for (const [kind, texts] of Object.entries(KINDS)) {
  for (const text of texts) {
    Deno.test(`a statement is ${kind}: ${JSON.stringify(text)}`, () =>
      assert.equal(statementKind(text), kind));
  }
}

Deno.test("bare Cypher has no comments, and nothing inside of texts and names", () => {
  assert.equal(
    bareCypher("CREATE (n:`a;b` {t: 'it\\'s // no', u: \"/* no */\"}) // end;\nSET n.x = {{ x }}; RETURN 1"),
    "CREATE (n:`` {t: '', u: \"\"})  \nSET n.x = {{ x }}; RETURN 1",
  );
});

Deno.test("statements end at a semicolon that Cypher sees", () => {
  assert.deepEqual(
    splitStatements("CREATE (:A {t: ';'});;\n/* ; */ ;\n// only; a comment\nMATCH (`;`) RETURN 1 // ;\n;"),
    ["CREATE (:A {t: ';'})", "// only; a comment\nMATCH (`;`) RETURN 1 // ;"],
  );
  assert.deepEqual(
    sectionMarks("// crochet: upgrade\nX\n  //crochet:downgrade\r\n").map((mark) => mark.section),
    [
      "upgrade",
      "downgrade",
    ],
  );
});

Deno.test("placeholders become parameters, each value once", () => {
  const values = { a: 1, b: "x", tenant: "acme", unused: true };
  const table: [text: string, cypher: string, params: Record<string, unknown>][] = [
    ["RETURN {{ a }}, {{a}}, {{  b  }}", "RETURN $a, $a, $b", { a: 1, b: "x" }],
    ["RETURN $a, {a: {b: 1}}", "RETURN $a, {a: {b: 1}}", {}],
    ["// {{ nothing }}\nRETURN 1 /* {{ a-b }} */", "// {{ nothing }}\nRETURN 1 /* {{ a-b }} */", {}],
    ["RETURN '{ {a} }', `{}`", "RETURN '{ {a} }', `{}`", {}],
  ];
  for (const [text, cypher, params] of table) {
    assert.deepEqual(bindParameters({ text, line: 1 }, values, "f.cypher"), { cypher, params });
  }
  const wrong: [text: string, code: string, message: RegExp, hint: RegExp][] = [
    ["RETURN 'a {{ a }}'", "REVISION_INVALID", /"\{\{ a \}\}" stands inside of a text/, /parameter/],
    ['RETURN "{{ a }}"', "REVISION_INVALID", /inside of a text/, /parameter/],
    ["MATCH (n:`{{ a }}`) RETURN n", "REVISION_INVALID", /inside of a name/, /expression/],
    ["RETURN {{ a-b }}", "REVISION_INVALID", /holds no name/, /\{\{ name \}\}/],
    ["RETURN {{ }}", "REVISION_INVALID", /holds no name/, /\{\{ name \}\}/],
    ["RETURN {{ tenat }}", "USAGE", /needs a value for \{\{ tenat \}\}/, /did you mean \{\{ tenant \}\}/],
    ["RETURN {{ toString }}", "USAGE", /needs a value/, /--param toString=/],
  ];
  for (const [text, code, message, hint] of wrong) {
    assert.throws(
      () => bindParameters({ text, line: 7 }, values, "f.cypher"),
      (error: { code: string; message: string; hint: string; at: unknown }) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.match(error.hint, hint);
        assert.deepEqual(error.at, { file: "f.cypher", line: 7 });
        return true;
      },
    );
  }
});

Deno.test("parameters of a command line are texts, or JSON behind :=", () => {
  assert.deepEqual(readParameters([]), {});
  assert.deepEqual(
    readParameters([
      "t=acme",
      "e=",
      "eq=a=b",
      "j=:=1",
      "n:=5",
      'o:={"a": [1, null]}',
      's:="5"',
      "l=a\nb",
      "_x=1",
    ]),
    { t: "acme", e: "", eq: "a=b", j: ":=1", n: 5, o: { a: [1, null] }, s: "5", l: "a\nb", _x: "1" },
  );
  assert.deepEqual(readParameters(["a=1", "a=2"]), { a: "2" });
  assert.ok(Object.hasOwn(readParameters(["__proto__=x"]), "__proto__"));
  for (const given of ["", "a", "=1", "1a=2", "a-b=1", "a:=", "a:=x", "a:={"]) {
    assert.throws(
      () => readParameters([given]),
      (error: { code: string; message: string }) =>
        error.code === "USAGE" && error.message.includes(`"${given}"`),
      given,
    );
  }
});

Deno.test("a whole number of a parameter is not rounded", () => {
  let read: unknown;
  try {
    read = readParameters(["id:=9007199254740993"]).id;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "USAGE");
    return;
  }
  assert.equal(String(read), "9007199254740993");
});

Deno.test("parameters are put into a text outside of texts, names and comments", () => {
  const params = { a: 1, ab: 2, "a b": 3, text: "$a 'x'", größe: 4, constructor: 5 };
  const table: [text: string, inlined: string][] = [
    ["RETURN $a, $ab, $`a b`, $abc", "RETURN 1, 2, 3, $abc"],
    ["RETURN '$a', \"$a\", `$a` // $a", "RETURN '$a', \"$a\", `$a` // $a"],
    ["/* $a */ RETURN $a", "/* $a */ RETURN 1"],
    ["RETURN $text", "RETURN '$a \\'x\\''"],
    ["RETURN 'it\\'s $a' + $a", "RETURN 'it\\'s $a' + 1"],
    ["RETURN $toString, $constructor, $0", "RETURN $toString, 5, $0"],
    ["RETURN $größe", "RETURN 4"],
  ];
  for (const [text, inlined] of table) assert.equal(inlineParameters(text, params), inlined);
});

Deno.test("literals: every kind of value as Cypher writes it", () => {
  const table: [value: unknown, literal: string][] = [
    [null, "null"],
    [undefined, "null"],
    [true, "true"],
    [5, "5"],
    [-5, "-5"],
    [0, "0"],
    [-0, "-0.0"],
    [0.5, "0.5"],
    [1e-7, "1e-7"],
    [Infinity, "(1.0 / 0.0)"],
    [-Infinity, "(-1.0 / 0.0)"],
    [NaN, "(0.0 / 0.0)"],
    [9007199254740993n, "9007199254740993"],
    [float(30), "30.0"],
    [float(-0), "-0.0"],
    [float(0.1), "0.1"],
    ["", "''"],
    ["it's", "'it\\'s'"],
    ["a\\b", "'a\\\\b'"],
    ["\\'", "'\\\\\\''"],
    ['"`$x\n', "'\"`$x\n'"],
    [[1, "a", [true]], "[1, 'a', [true]]"],
    [[], "[]"],
    [{}, "{}"],
    [{ "a`b": null, c: { d: 1 } }, "{`a``b`: null, `c`: {`d`: 1}}"],
    [new Date(0), "datetime('1970-01-01T00:00:00.000Z')"],
    [date("2024-05-01"), "date('2024-05-01')"],
    [dateTime("2024-05-01T12:00:00Z"), "datetime('2024-05-01T12:00:00Z')"],
    [localTime("12:00:00"), "localtime('12:00:00')"],
    [duration("P1Y"), "duration('P1Y')"],
    [point(1, 2.5), "point({srid: 4326, x: 1.0, y: 2.5})"],
    [point(1, 2, 3, 9157), "point({srid: 9157, x: 1.0, y: 2.0, z: 3.0})"],
  ];
  for (const [value, literal] of table) assert.equal(cypherLiteral(value), literal);
  for (const value of [new Uint8Array([1]), [new Uint8Array([1])], { a: Symbol("x") }]) {
    assert.throws(() => cypherLiteral(value), { code: "OPERATION_INVALID" });
  }
});
