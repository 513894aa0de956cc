/** Data files: what they are, their rows, their types, their rules. What needs the real tools is in oracle/data_test.ts. */
import assert from "node:assert/strict";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { CrochetError } from "../lib/error.ts";
import { iterBatches, parseFile, summarize, validate } from "../lib/ingest.ts";
import { RowChecker } from "../lib/ingest_check.ts";
import { type CsvOptions, CsvReader } from "../lib/ingest_csv.ts";
import { digestFile, openData } from "../lib/ingest_file.ts";
import { checkMagic, kindOf } from "../lib/ingest_format.ts";
import { JsonLinesReader, JsonReader } from "../lib/ingest_json.ts";
import { schemaOfModel } from "../lib/ingest_model.ts";
import { type RowChunk, toRecords } from "../lib/ingest_rows.ts";
import { DataSchema, schemaOfToml } from "../lib/ingest_schema.ts";
import { convert, parseType } from "../lib/ingest_type.ts";
import { UniqueKeys } from "../lib/ingest_unique.ts";
import type { PropertyModel } from "../lib/neomodel_property.ts";
import { join } from "../lib/path.ts";
import { crochet, withFolder, withProject } from "./harness.ts";

interface Reader {
  push(piece: string): RowChunk;
  end(): RowChunk;
}

/** Everything that a reader gives, or its error, for a text that comes in pieces. */
function readIn(make: () => Reader, pieces: string[]): unknown {
  try {
    const reader = make();
    const chunks = [...pieces.map((piece) => reader.push(piece)), reader.end()];
    return {
      columns: chunks.at(-1)!.columns.length > 0 ? chunks.at(-1)!.columns : undefined,
      records: chunks.flatMap(toRecords),
      at: chunks.flatMap((chunk) => chunk.at),
    };
  } catch (error) {
    assert.ok(error instanceof CrochetError, String(error));
    return { error: error.message, at: error.at };
  }
}

/** What a reader gives, which does not hang on where the pieces end. */
// deno-lint-ignore no-explicit-any
function readAll(make: () => Reader, text: string): any {
  const whole = readIn(make, [text]);
  for (const size of [1, 2, 3, 7]) {
    const pieces = Array.from(
      { length: Math.ceil(text.length / size) },
      (_, i) => text.slice(i * size, (i + 1) * size),
    );
    assert.deepEqual(readIn(make, pieces), whole, `in pieces of ${size}: ${JSON.stringify(text)}`);
  }
  return whole;
}

const csv = (text: string, options: CsvOptions = {}) => readAll(() => new CsvReader("f.csv", options), text);
const rowsOf = (text: string, options: CsvOptions = {}) => {
  const { records, error } = csv(text, options);
  return error ?? records.map((record: Record<string, unknown>) => Object.values(record));
};

const CSV: [about: string, text: string, rows: unknown[][] | RegExp, options?: CsvOptions][] = [
  ["plain", "a,b\n1,2\n3,4\n", [["1", "2"], ["3", "4"]]],
  ["without an end of its last line", "a,b\n1,2", [["1", "2"]]],
  ["CRLF", "a,b\r\n1,2\r\n3,4\r\n", [["1", "2"], ["3", "4"]]],
  ["CR", "a,b\r1,2\r3,4\r", [["1", "2"], ["3", "4"]]],
  ["a CR alone among LF", "a,b\n1,2\r3,4\n", /carriage return alone in line 2/],
  ["a byte order mark", "\ufeffa,b\n1,2\n", [["1", "2"]]],
  ["quotes", 'a,b\n"1,5","2 ""two"""\n', [["1,5", '2 "two"']]],
  ["line ends in quotes stay as they are", 'a,b\n"1\r\n2",3\n"4\n5",6\n', [["1\r\n2", "3"], ["4\n5", "6"]]],
  ["null and an empty text", 'a,b\n,""\n', [[null, ""]]],
  ["spellings of null", 'a,b,c\nNA,"NA",\n', [[null, "NA", ""]], { nulls: ["NA"] }],
  ["texts are never guessed", "a,b,c\n00501,true,1e5\n", [["00501", "true", "1e5"]]],
  ["a quote within a field", 'a,b\n5" disk,x"y"\n', [['5" disk', 'x"y"']]],
  ["text behind a quote", 'a,b\n"1"2,3\n', /text behind a closing quote in line 2/],
  ["a quote that is not closed", 'a,b\n1,"2\n3\n', /a quote in line 2 that is not closed/],
  ["too many fields", "a,b\n1,2\n1,2,3\n", /3 fields in line 3, but 2 columns/],
  ["too few fields", 'a,b\n"x\ny",2\n1\n', /1 field in line 4, but 2 columns/],
  ["empty lines are none", "a,b\n\n1,2\n\n\n", [["1", "2"]]],
  ["a header twice", "a,a\n1,2\n", /names the column "a" twice/],
  ["a header with a hole", "a,,c\n1,2,3\n", /no name for column 2/],
  ["nothing at all", "", /no header: it is empty/],
  ["only a header", "a,b\n", []],
  ["no header", "1,2\n", [["1", "2"]], { header: false, columns: ["a", "b"] }],
  ["other names than the header's", "a,a\n1,2\n", [["1", "2"]], { columns: ["a", "b"] }],
  ["another separator", "a;b\n1,5;2\n", [["1,5", "2"]], { separator: ";" }],
  ["tabs, nothing quotes", 'a\tb\n"1\t2"\n', [['"1', '2"']], { separator: "\t", quote: "" }],
  ["another quote", "a,b\n'1,2',''''\n", [["1,2", "'"]], { quote: "'" }],
  ["another escape", 'a,b\n"1\\"2","\\\\"\n', [['1"2', "\\"]], { escape: "\\" }],
  ["comments", "#x\na,b\n# y,\n1,2\n#z", [["1", "2"]], { comment: "#" }],
  ["signs of two halves", "a,b\n😀,é\n", [["😀", "é"]]],
];

Deno.test("CsvReader reads what RFC 4180 says and what the world writes, wherever pieces end", () => {
  for (const [about, text, rows, options] of CSV) {
    const found = rowsOf(text, options);
    if (rows instanceof RegExp) assert.match(found, rows, about);
    else assert.deepEqual(found, rows, about);
  }
});

Deno.test("CsvReader counts lines, also those within quotes", () => {
  assert.deepEqual(csv('a,b\n"x\n\ny",1\nz,2\n\nw,3\n').at, [2, 5, 7]);
  assert.deepEqual(csv("a,b\n1,2\n1\n").at, { file: "f.csv", line: 3 });
});

const JSON_FILES: [about: string, text: string, records: unknown[] | RegExp][] = [
  ["an array", '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
  ["an array over lines", '\ufeff [ {"a":[1,{"b":"]"}]}\n,\n{} ] \n', [{ a: [1, { b: "]" }] }, {}]],
  ["an empty array", "[]", []],
  ["objects one after the other", '{"a":1}{"a":2}\n{"a":"}\\""}', [{ a: 1 }, { a: 2 }, { a: '}"' }]],
  ["nothing", " ", /it is empty/],
  ["cut within a record", '[{"a":1},{"a"', /ends before its end/],
  ["cut between records", '[{"a":1}', /ends before its end/],
  ["text behind the array", '[{"a":1}] x', /text behind its array/],
  ["no comma", '[{"a":1}{"a":2}]', /"\{" in line 1, where a record/],
  ["a comma too many", '[{"a":1},]', /"\]" in line 1/],
  ["items that are no objects", '[{"a":1},\n2]', /"2" in line 2, where a record/],
  ["broken within", '[{"a":1},\n{"a":01}]', /no JSON in record 2, from line 2/],
];

Deno.test("JsonReader reads arrays and objects one after the other, wherever pieces end", () => {
  for (const [about, text, records] of JSON_FILES) {
    const found = readAll(() => new JsonReader("f.json"), text);
    if (records instanceof RegExp) assert.match(found.error ?? "none", records, about);
    else assert.deepEqual(found.records, records, about);
  }
});

Deno.test("JsonLinesReader ends lines at line feeds only, and names the line of what is wrong", () => {
  const read = (text: string) => readAll(() => new JsonLinesReader("f.jsonl"), text);
  assert.deepEqual(read('{"a":"x\u2028y\u0085z"}\r\n\n{"b":1}').records, [{ a: "x\u2028y\u0085z" }, {
    b: 1,
  }]);
  assert.deepEqual(read('{"a":1}\n\n{"b":2}\n').at, [1, 3]);
  assert.match(read('{"a":1}\n[1]\n').error, /an array in line 2, and no record/);
  assert.match(read('{"a":1}\n{"a":\n').error, /no JSON in line 2/);
  assert.deepEqual(read("").records, []);
});

Deno.test("numbers of JSON stay what they are", () => {
  const [record] = readAll(
    () => new JsonLinesReader("f.jsonl"),
    '{"big":9223372036854775807,"neg":-9007199254740993,"whole":1.0,"exp":1e5,"n":5,"f":1.5,"text":"1.0"}',
  ).records;
  assert.deepEqual(record, {
    big: 9223372036854775807n,
    neg: -9007199254740993n,
    whole: { "crochet:type": "float", value: 1 },
    exp: { "crochet:type": "float", value: 100000 },
    n: 5,
    f: 1.5,
    text: "1.0",
  });
});

Deno.test("a record has its own keys only, whatever they are called", () => {
  const [record] =
    readAll(() => new JsonLinesReader("f.jsonl"), '{"__proto__":1,"constructor":2}\n{"a":3}').records;
  assert.deepEqual(Object.entries(record), [["__proto__", 1], ["constructor", 2]]);
});

const marked = (type: string, value: unknown) => ({ "crochet:type": type, value });
const CONVERSIONS: [type: string, value: unknown, converted: unknown | RegExp][] = [
  ["int", "42", 42],
  ["int", "-007", -7],
  ["int", "9007199254740993", 9007199254740993n],
  ["int", "9223372036854775808", /no integer of 64 bits/],
  ["int", "1.0", /no integer/],
  ["int", " 1", /no integer/],
  ["int", 1.5, /no integer/],
  ["float", "1", marked("float", 1)],
  ["float", "1.5e3", marked("float", 1500)],
  ["float", ".5", 0.5],
  ["float", "-inf", -Infinity],
  ["float", "1,5", /no float/],
  ["bool", "TRUE", true],
  ["bool", "0", false],
  ["bool", "yes", /no boolean/],
  ["date", "2024-02-29", marked("date", "2024-02-29")],
  ["date", "2023-02-29", /no date/],
  ["date", "2024-1-1", /no date/],
  ["datetime", "2024-05-01 12:00:00+02:00", marked("dateTime", "2024-05-01T12:00:00+02:00")],
  ["datetime", "2024-05-01T12:00:00", /no date and time with its zone/],
  [
    "localdatetime",
    "2024-05-01T12:00:00.123456789",
    marked("localDateTime", "2024-05-01T12:00:00.123456789"),
  ],
  ["localdatetime", "2024-05-01T12:00:00Z", /without a zone/],
  ["moment", "2024-05-01T12:00:00Z", marked("dateTime", "2024-05-01T12:00:00Z")],
  ["moment", "2024-05-01T12:00:00", marked("localDateTime", "2024-05-01T12:00:00")],
  ["time", "12:00:00Z", marked("time", "12:00:00Z")],
  ["localtime", "25:00", /no time/],
  ["duration", "P1Y2M3DT4H", marked("duration", "P1Y2M3DT4H")],
  ["epoch", "1970-01-02T00:00:00+01:00", marked("float", 82800)],
  ["point", "POINT(12.5 41.9)", { "crochet:type": "point", srid: 4326, x: 12.5, y: 41.9 }],
  ["point", "200,1", /no point on Earth/],
  ["json", '{"a":1}', '{"a":1}'],
  ["json", { a: 12345678901234567890n }, '{"a":12345678901234567890}'],
  ["json", "{a}", /no JSON/],
  ["int[]", "1;2", [1, 2]],
  ["string[]", "", []],
  ["int[]", [1, null], /holds nothing in a place/],
  ["string", 5n, "5"],
];

Deno.test("convert() gives values as Neo4j has them, or says why not", () => {
  for (const [type, value, converted] of CONVERSIONS) {
    const about = `${type} ${String(value)}`;
    if (converted instanceof RegExp) assert.throws(() => convert(value, parseType(type)), converted, about);
    else assert.deepEqual(convert(value, parseType(type)), converted, about);
  }
});

Deno.test("kindOf() and checkMagic() tell what a file is, or that it is something else", () => {
  assert.deepEqual(kindOf("a/b.CSV.GZ"), { format: "csv", compression: "gzip" });
  assert.deepEqual(kindOf("x.ndjson.zst"), { format: "jsonl", compression: "zstd" });
  assert.deepEqual(kindOf("x", { format: "tsv", compression: "XZ" }), { format: "tsv", compression: "xz" });
  assert.throws(() => kindOf("x.cvs"), /does not say what format/);
  assert.throws(() => kindOf("x.csv", { compression: "gzp" }), /There is no compression "gzp"/);
  const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const says = (name: string, hex: string) => () => checkMagic(name, kindOf(name), bytes(hex));
  assert.throws(says("a.csv", "1f8b0800"), /it is gzip/);
  assert.throws(says("a.csv.gz", "28b52ffd00"), /it is zstd/);
  assert.throws(says("a.csv.gz", "612c620a"), /it is not gzip/);
  assert.throws(says("a.csv", "504b0304"), /zip archive/);
  assert.throws(says("a.json", "50415231"), /it is Parquet/);
  assert.throws(says("a.parquet", "612c620a"), /it is no Parquet/);
  assert.throws(says("a.parquet.gz", "1f8b0800"), /Parquet under gzip/);
  says("a.csv.lz4", "502a4d18")();
  says("a.csv", "612c620a")();
});

Deno.test("parseFile() and iterBatches() read a file, whatever it is wrapped in", async () => {
  await withFolder(async (folder) => {
    const text = "id,name\n" + Array.from({ length: 25 }, (_, i) => `${i},é${i}\n`).join("");
    const files: Record<string, Uint8Array> = {
      "a.csv": new TextEncoder().encode(text),
      "a.csv.gz": gzipSync(text),
      "a.csv.br": brotliCompressSync(text),
    };
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(folder, name);
      Deno.writeFileSync(path, bytes);
      const parsed = await parseFile(path, { types: { id: "int" } });
      assert.deepEqual(
        [parsed.rowCount, parsed.columnNames, parsed.format],
        [25, ["id", "name"], "csv"],
        name,
      );
      assert.deepEqual(parsed.records[3], { id: 3, name: "é3" });
      const sizes: number[] = [];
      for await (const batch of iterBatches(path, { batchSize: 10 })) sizes.push(batch.length);
      assert.deepEqual(sizes, [10, 10, 5]);
      Deno.writeFileSync(path, bytes.slice(0, -1));
      if (name !== "a.csv") await assert.rejects(parseFile(path), /ends before its end at byte \d+/, name);
    }
    const path = join(folder, "a.csv");
    assert.match(await digestFile(path), /^[0-9a-f]{64}$/);
    Deno.writeTextFileSync(path, "id\n1\nx\n");
    await assert.rejects(
      parseFile(path, { types: { id: "int" } }),
      /line 3: "x" is no integer, but "id" is integer/,
    );
    await assert.rejects(parseFile(path, { select: ["idd"] }), /no column "idd"/);
    await assert.rejects(parseFile(join(folder, "none.csv")), /There is no file/);
    Deno.writeFileSync(path, Uint8Array.from([105, 100, 10, 0xe9, 10]));
    await assert.rejects(parseFile(path), /no utf-8 text at byte 3/);
    assert.deepEqual((await parseFile(path, { encoding: "latin1" })).records, [{ id: "é" }]);
    await assert.rejects(parseFile(path, { encoding: "klingon" }), /no encoding "klingon"/);
  });
});

Deno.test("a schema finds what is wrong, the first ones of each kind, and how many there are", async () => {
  const schema = new DataSchema({ minRows: 5, uniqueColumns: ["id", ["a", "b"]] })
    .column("id", { required: true, dtype: "int", minValue: 0 })
    .column("a", { minLength: 2, maxLength: 3, pattern: /[a-z]+/ })
    .column("b", { allowed: ["x", "y"], check: (value) => value !== "y" || "y is not for today" });
  const result = await validate([
    { id: "1", a: "ab", b: "x" },
    { id: "1", a: "ab", b: "x" },
    { id: "-1", a: "a", b: "y" },
    { id: "q", a: "ABCD", b: "z", c: 1 },
  ], schema);
  assert.equal(result.isValid, false);
  assert.deepEqual(
    result.summary().split("\n"),
    [
      'error: record 2: "id" is the same as in record 1',
      'error: record 2: "a" and "b" are the same as in record 1',
      "error: record 3: -1 is less than 0",
      'error: record 3: "a" has 1 of at least 2',
      'error: record 4: "ABCD" has 4 of at most 3',
      "error: record 3: y is not for today",
      'error: record 4: "q" is no integer, but "id" is integer',
      'error: record 4: "ABCD" does not fit [a-z]+',
      'error: record 4: "z" is none of "x", "y"',
      "error: there are 4 rows, fewer than 5",
      'warning: no rule names the column "c"',
    ].sort((a, b) => order(result.summary(), a) - order(result.summary(), b)),
  );
  assert.equal(result.badRows, 3);
  assert.throws(() => result.raiseOnErrors(), /has \d+ errors/);
  assert.ok((await validate([{ id: 5, a: "ab", b: "x" }], new DataSchema())).isValid);
});

/** Lines are compared as a set; where one is missing, the comparison shows it. */
function order(text: string, line: string): number {
  return text.split("\n").indexOf(line);
}

Deno.test("true totals are told of more findings than are kept", async () => {
  const records = Array.from({ length: 1000 }, (_, i) => ({ n: i % 2 === 0 ? "x" : "1" }));
  const result = await validate(records, new DataSchema().column("n", { dtype: "int" }));
  assert.deepEqual([result.errors.length, result.totals["error type n"], result.badRows], [10, 500, 500]);
  assert.match(summarize(result, "line").at(-1)!, /490 more of this kind \(type n\)/);
});

Deno.test("columns that are required or unique must be there, and a strict schema wants no others", () => {
  const findings = (schema: DataSchema, columns: string[]) => {
    const checker = new RowChecker(schema, { place: "line" });
    checker.check({ columns, rows: [], at: [] });
    const { errors, warnings } = checker.finish();
    return [...errors, ...warnings].map(({ severity, message }) => `${severity}: ${message}`);
  };
  assert.deepEqual(findings(new DataSchema({ uniqueColumns: ["emial"] }), ["email"]), [
    'error: there is no column "emial", which is to be unique; did you mean "email"?',
  ]);
  const schema = (strict: boolean) => new DataSchema({ strict }).column("id", { required: true });
  assert.deepEqual(findings(schema(true), ["id", "x"]), ['error: no rule names the column "x"']);
  assert.deepEqual(findings(schema(false), ["x"]), [
    'error: there is no column "id", which is to be required',
    'warning: no rule names the column "x"',
  ]);
});

Deno.test("schemas are refused where a rule is misspelt or cannot be", () => {
  const wrong: [make: () => unknown, says: RegExp][] = [
    [() => new DataSchema({ minRow: 1 } as never), /no rule "minRow"; did you mean "minRows"/],
    [() => new DataSchema({ minRows: -1 }), /minRows is no whole number/],
    [() => new DataSchema().column("a", { dtype: "flaot" }), /no type "flaot"/],
    [() => new DataSchema().column("a", { pattern: "(" }), /no regular expression/],
    [() => new DataSchema().column("a").column("a"), /has rules already/],
    [() => schemaOfToml({ columns: { a: { typ: "int" } } }, "s.toml"), /no rule "typ"; did you mean "type"/],
  ];
  for (const [make, says] of wrong) assert.throws(make, says);
});

Deno.test("UniqueKeys finds every key that comes twice, also among those that memory does not hold", () => {
  for (const held of [0, 3, 1000]) {
    const keys = new UniqueKeys(held);
    const found: [number, number][] = [];
    const added = ["a", "b", "c", "d", "e", "a", "e", "e", "f"];
    added.forEach((key, i) => {
      const before = keys.add(key, i + 1);
      if (before !== undefined) found.push([i + 1, before]);
    });
    found.push(...keys.finish());
    keys.close();
    assert.deepEqual(found.sort(([a], [b]) => a - b), [[6, 1], [7, 5], [8, 5]], `${held} held`);
  }
});

const property = (name: string, more: Partial<PropertyModel>): PropertyModel => ({
  name,
  property: name,
  type: "StringProperty",
  required: false,
  uniqueIndex: false,
  index: false,
  fulltextIndex: null,
  vectorIndex: null,
  choices: null,
  default: null,
  maxLength: null,
  format: null,
  expression: null,
  baseProperty: null,
  to: null,
  declaredIn: "P",
  ...more,
});

Deno.test("a model is a schema: types, required, choices, lengths, expressions, unique", async () => {
  const { schema, stored, notes } = schemaOfModel({
    class: "P",
    properties: [
      property("uid", { type: "UniqueIdProperty", uniqueIndex: true }),
      property("name", { property: "full_name", required: true, maxLength: 5 }),
      property("sex", { choices: [["f", "female"], ["m", "male"]] }),
      property("born", { type: "DateProperty" }),
      property("seen", { type: "DateTimeProperty" }),
      property("tags", { type: "ArrayProperty", baseProperty: "IntegerProperty" }),
      property("mail", { type: "EmailProperty", expression: "[^@]+@[^@]+\\.[^@]+" }),
      property("code", { type: "RegexProperty", expression: "(?P<a>\\d)(?(a)x|y)" }),
      property("same", { type: "AliasProperty", to: "name" }),
    ],
  }, ["uid", "name", "sex", "born", "seen", "tags", "mail"]);
  assert.deepEqual([...stored], [["name", "full_name"]]);
  assert.match(notes.join(), /code: the expression .* is Python's own/);
  const good = {
    uid: "1",
    name: "Ada",
    sex: "f",
    born: "1815-12-10",
    seen: "2024-01-01T00:00:00Z",
    tags: "1;2",
    mail: "a@b.c",
  };
  assert.equal((await validate([good], schema)).summary(), "");
  for (
    const [column, value] of Object.entries({
      uid: null,
      name: "Ada Lovelace",
      sex: "x",
      born: "1815-13-10",
      seen: "now",
      tags: "1;x",
      mail: "a.b",
    })
  ) {
    const { errors } = await validate([{ ...good, [column]: value }], schema);
    assert.deepEqual(errors.map((error) => error.column), [column], column);
  }
});

Deno.test("load-data shows a file, validate-data checks it, and both end with what they found", async () => {
  await withFolder(async (folder) => {
    const write = (name: string, text: string) => Deno.writeTextFileSync(join(folder, name), text);
    write("p.csv", "id,age\n1,30\n2,x\n2,\n");
    const shown = await crochet(folder, [
      "load-data",
      "p.csv",
      "--types",
      "id=int",
      "--count",
      "--head",
      "2",
    ]);
    assert.equal(shown.code, 0, shown.err);
    assert.match(
      shown.out,
      /^p\.csv: csv, \d+ bytes, 3 rows\n\ncolumn +type\nid +integer\nage +text, not declared\n\nid +age\n1 +30\n2 +x\n$/,
    );
    const value = JSON.parse((await crochet(folder, ["load-data", "p.csv", "--json"])).out);
    assert.deepEqual(value.rows[2], { id: "2", age: null });
    const words = [
      "validate-data",
      "p.csv",
      "--types",
      "id=int,age=int",
      "--unique",
      "id",
      "--require",
      "age",
    ];
    const checked = await crochet(folder, words);
    assert.equal(checked.code, 1, checked.err);
    assert.deepEqual(checked.out.split("\n").sort(), [
      "",
      'error: line 3: "x" is no integer, but "age" is integer',
      'error: line 4: "age" has no value',
      "p.csv: not valid, 3 rows",
    ]);
    const annotated = await crochet(folder, [...words, "--format", "github"]);
    assert.match(annotated.out, /^::error file=p\.csv,line=3,title=crochet validate-data%3A type::line 3: /m);
    write("rules.toml", 'strict = true\n[columns.id]\ntype = "integer"\n[columns.age]\ntype = "string"\n');
    const ruled = await crochet(folder, ["validate-data", "p.csv", "--schema", "rules.toml"]);
    assert.deepEqual([ruled.code, ruled.out], [0, "p.csv: valid, 3 rows\n"]);
    for (
      const [args, says] of [
        [["load-data", "q.csv"], /There is no file/],
        [["load-data", "p.csv", "--types", "idint"], /column=type/],
        [["load-data", "p.csv", "--format", "cvs"], /There is no format "cvs"/],
        [["validate-data", "p.csv", "--unique", "nosuch"], /(?:)/],
        [["validate-data", "p.csv", "--model", "P"], /crochet.toml/],
      ] as const
    ) {
      const { code, out, err } = await crochet(folder, [...args]);
      assert.ok(code === 2 || /nosuch/.test(out), `${args}: ${code} ${err}`);
      assert.match(err, says);
    }
  });
});

Deno.test("validate-data takes the rules of a model", async () => {
  await withProject({
    "models/m.py":
      'from neomodel import IntegerProperty, StringProperty, StructuredNode\n\n\nclass Person(StructuredNode):\n    __kgid__ = "person"\n    name = StringProperty(required=True, unique_index=True)\n    age = IntegerProperty()\n',
    "p.csv": "name,age\nAda,36\nAda,x\n",
  }, async (project) => {
    const { code, out } = await project.run("validate-data", "p.csv", "--model", "Person");
    assert.equal(code, 1);
    assert.match(out, /line 3: "x" is no integer/);
    assert.match(
      (await project.run("validate-data", "p.csv", "--model", "Persn")).err,
      /did you mean Person/,
    );
  });
});

Deno.test("openData() names what cannot be opened", async () => {
  await withFolder(async (folder) => {
    Deno.mkdirSync(join(folder, "d.csv"));
    await assert.rejects(openData(join(folder, "d.csv")), /it is no file/);
  });
});
