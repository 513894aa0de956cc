/**
 * Calls of a migration's context: what good ones become and what is said about bad ones. The law of statements:
 * whatever a name holds, Cypher reads that very name between the back-ticks, and nothing around it changes.
 */
import assert from "node:assert/strict";
import { randomFrom } from "./harness.ts";
import {
  countBatchStatement,
  deleteBatchStatement,
  endsStatement,
  nodesStatement,
  relationshipsStatement,
  serverBatched,
} from "../lib/cypher.ts";
import type { CrochetError } from "../lib/error.ts";
import {
  describeOperation,
  lossOf,
  type Operation,
  OPERATIONS,
  parseOperation,
  renderOperation,
} from "../lib/operation.ts";
import { draftCreate, draftDrop } from "../lib/operation_schema.ts";
import {
  createStatement,
  dropStatement,
  quoteName,
  quoteString,
  type SchemaKind,
  schemaName,
  type SchemaObject,
  shapeKey,
} from "../lib/schema.ts";
import type { ServerFeatures } from "../lib/server_features.ts";
import { transformCheck, transformStatements } from "../lib/transform.ts";

const PLAIN = { chunkSize: 5000, bulk: false, callInTransactions: false };
const BULK = { ...PLAIN, bulk: true };
const ROWS = [{ id: 1, name: "it's" }];
const ENDS = [{ source: 1, target: "b", properties: { since: 2020 } }, { source: 2, target: "c" }];
const SINCE = [{ source: 1, target: 2, properties: { since: 2020 } }];

const shape = (
  kind: SchemaKind,
  entity: "node" | "relationship",
  action: "add" | "drop",
  options?: object,
) => ({
  kind: "schema",
  action,
  shape: { kind, entity, labelOrType: "L", properties: ["p"], ...(options && { options }) },
});
const wide = (
  kind: SchemaKind,
  action: "add" | "drop",
  owner: object,
  properties: string[],
  options?: object,
) => ({
  kind: "schema",
  action,
  shape: { kind, entity: "node", ...owner, properties, ...(options && { options }) },
});
const transform = (value: object) => ({ kind: "transform", transform: value });
const relationships = (mode: string, more: object) => ({
  kind: "relationships",
  mode,
  source: "A",
  target: "B",
  type: "R",
  rows: ENDS,
  sourceKey: undefined,
  targetKey: undefined,
  mergeKeys: [],
  onMissing: "error",
  ...more,
});

/** Calls and the operations that they become. */
const GOOD: [name: string, args: unknown[], operation: object][] = [
  ["addUniqueConstraint", ["L", "p"], shape("unique", "node", "add")],
  ["dropUniqueConstraint", ["L", "p"], shape("unique", "node", "drop")],
  ["addIndex", ["L", "p"], shape("index", "node", "add")],
  ["dropIndex", ["L", "p"], shape("index", "node", "drop")],
  ["addFulltextIndex", ["L", "p"], shape("fulltext", "node", "add", {})],
  [
    "addFulltextIndex",
    ["L", "p", { analyzer: "english", eventuallyConsistent: true }],
    shape("fulltext", "node", "add", { analyzer: "english", eventuallyConsistent: true }),
  ],
  ["dropFulltextIndex", ["L", "p"], shape("fulltext", "node", "drop", {})],
  [
    "addVectorIndex",
    ["L", "p", { dimensions: 8, similarityFunction: "euclidean" }],
    shape("vector", "node", "add", { dimensions: 8, similarityFunction: "euclidean" }),
  ],
  ["dropVectorIndex", ["L", "p"], shape("vector", "node", "drop", {})],
  ["addNodePropertyExistenceConstraint", ["L", "p"], shape("existence", "node", "add")],
  ["dropNodePropertyExistenceConstraint", ["L", "p"], shape("existence", "node", "drop")],
  ["addRelationshipUniqueConstraint", ["L", "p"], shape("unique", "relationship", "add")],
  ["dropRelationshipUniqueConstraint", ["L", "p"], shape("unique", "relationship", "drop")],
  ["addRelationshipIndex", ["L", "p"], shape("index", "relationship", "add")],
  ["dropRelationshipIndex", ["L", "p"], shape("index", "relationship", "drop")],
  ["addRelationshipFulltextIndex", ["L", "p"], shape("fulltext", "relationship", "add", {})],
  ["dropRelationshipFulltextIndex", ["L", "p"], shape("fulltext", "relationship", "drop", {})],
  ["addRelationshipVectorIndex", ["L", "p"], shape("vector", "relationship", "add", {})],
  ["dropRelationshipVectorIndex", ["L", "p"], shape("vector", "relationship", "drop", {})],
  ...(["", "Relationship"] as const).flatMap((prefix): [string, unknown[], object][] => {
    const entity = prefix === "" ? "node" : "relationship";
    const own = prefix === "" ? "Node" : prefix;
    const both = (name: string, kind: SchemaKind): [string, unknown[], object][] => [
      [`add${name}`, ["L", "p"], shape(kind, entity, "add")],
      [`drop${name}`, ["L", "p"], shape(kind, entity, "drop")],
    ];
    const typed = (type: string, propertyType: string): [string, unknown[], object] => [
      `add${own}PropertyTypeConstraint`,
      ["L", "p", type],
      shape("type", entity, "add", { propertyType }),
    ];
    return [
      ...both(`${prefix}TextIndex`, "text"),
      ...both(`${prefix}PointIndex`, "point"),
      ...both(`${own}Key`, "key"),
      ...both(`${own}PropertyExistenceConstraint`, "existence"),
      typed("STRING", "STRING"),
      typed("list<integer not null>", "LIST<INTEGER NOT NULL>"),
      typed("STRING | ZONED DATETIME", "STRING | ZONED DATETIME"),
      [`drop${own}PropertyTypeConstraint`, ["L", "p"], shape("type", entity, "drop")],
    ];
  }),
  ["addIndex", ["L", ["b", "a"]], wide("index", "add", { labelOrType: "L" }, ["b", "a"])],
  ["dropUniqueConstraint", ["L", ["a", "b"]], wide("unique", "drop", { labelOrType: "L" }, ["a", "b"])],
  ["addNodeKey", ["L", ["a", "b"]], wide("key", "add", { labelOrType: "L" }, ["a", "b"])],
  [
    "addFulltextIndex",
    [["M", "L"], ["b", "a"], { analyzer: "german" }],
    wide("fulltext", "add", { labelOrType: "L", others: ["M"] }, ["b", "a"], { analyzer: "german" }),
  ],
  ["dropFulltextIndex", [["L"], ["a"]], wide("fulltext", "drop", { labelOrType: "L" }, ["a"], {})],
  [
    "addVectorIndex",
    ["L", "p", { dimensions: 8, hnswM: 16, hnswEfConstruction: 100, quantization: false }],
    shape("vector", "node", "add", {
      dimensions: 8,
      hnswM: 16,
      hnswEfConstruction: 100,
      quantization: false,
    }),
  ],
  ["renameLabel", ["A", "B"], transform({ what: "renameLabel", from: "A", to: "B" })],
  [
    "mergeNodes",
    ["L", ["a", "b"]],
    transform({ what: "mergeNodes", label: "L", keys: ["a", "b"] }),
  ],
  [
    "splitLabel",
    ["L", "p", { x: "X", "it's": "Y" }],
    transform({ what: "splitLabel", label: "L", property: "p", cases: { x: "X", "it's": "Y" } }),
  ],
  [
    "splitLabel",
    ["L", "p", { x: "X" }, { keep: true }],
    transform({ what: "splitLabel", label: "L", property: "p", cases: { x: "X" }, keep: true }),
  ],
  [
    "splitLabel",
    ["L", "p", { x: "X" }, { keep: false }],
    transform({ what: "splitLabel", label: "L", property: "p", cases: { x: "X" } }),
  ],
  [
    "changeRelationshipDirection",
    ["R", "A", "B"],
    transform({ what: "turnRelationships", type: "R", source: "A", target: "B" }),
  ],
  [
    "changeRelationshipDirection",
    ["R", "A", "A"],
    transform({ what: "turnRelationships", type: "R", source: "A", target: "A" }),
  ],
  ["addLabel", ["A", "B"], transform({ what: "addLabel", label: "A", other: "B" })],
  ["removeLabel", ["A", "B"], transform({ what: "removeLabel", label: "A", other: "B" })],
  ["renameRelationshipType", ["A", "B"], transform({ what: "renameType", from: "A", to: "B" })],
  ["runCypher", ["RETURN 1"], { kind: "cypher", cypher: "RETURN 1", params: {} }],
  ["runCypher", ["RETURN $a", { a: 1 }], { kind: "cypher", cypher: "RETURN $a", params: { a: 1 } }],
  ["beginBatch", [], { kind: "begin" }],
  ["beginBatch", ["b1"], { kind: "begin", batch: "b1" }],
  ["createNodes", ["L", ROWS], {
    kind: "nodes",
    mode: "create",
    labels: ["L"],
    rows: ROWS,
    mergeKeys: [],
    ...PLAIN,
  }],
  ["createNodes", [["L", "M"], []], {
    kind: "nodes",
    mode: "create",
    labels: ["L", "M"],
    rows: [],
    mergeKeys: [],
    ...PLAIN,
  }],
  ["upsertNodes", ["L", ROWS, { mergeKeys: ["id"] }], {
    kind: "nodes",
    mode: "upsert",
    labels: ["L"],
    rows: ROWS,
    mergeKeys: ["id"],
    ...PLAIN,
  }],
  ["bulkCreateNodes", ["L", ROWS], {
    kind: "nodes",
    mode: "create",
    labels: ["L"],
    rows: ROWS,
    mergeKeys: [],
    ...BULK,
  }],
  ["bulkUpsertNodes", ["L", ROWS, { mergeKeys: ["id", "name"], chunkSize: 1, callInTransactions: true }], {
    kind: "nodes",
    mode: "upsert",
    labels: ["L"],
    rows: ROWS,
    mergeKeys: ["id", "name"],
    chunkSize: 1,
    bulk: true,
    callInTransactions: true,
  }],
  ["createRelationships", ["A", "B", "R", ENDS], relationships("create", PLAIN)],
  [
    "createRelationships",
    ["A", "B", "R", ENDS, { sourceKey: "id", targetKey: "name", onMissing: "skip" }],
    relationships("create", { ...PLAIN, sourceKey: "id", targetKey: "name", onMissing: "skip" }),
  ],
  [
    "upsertRelationships",
    ["A", "B", "R", SINCE, { mergeKeys: ["since"] }],
    relationships("upsert", { ...PLAIN, rows: SINCE, mergeKeys: ["since"] }),
  ],
  [
    "bulkCreateRelationships",
    ["A", "B", "R", ENDS, { chunkSize: 10 }],
    relationships("create", { ...BULK, chunkSize: 10 }),
  ],
  ["bulkUpsertRelationships", ["A", "B", "R", ENDS], relationships("upsert", BULK)],
  ["deleteNodesByBatch", ["L", "b1"], { kind: "deleteBatch", entity: "node", labelOrType: "L", batch: "b1" }],
  ["deleteRelationshipsByBatch", ["R", "b1"], {
    kind: "deleteBatch",
    entity: "relationship",
    labelOrType: "R",
    batch: "b1",
  }],
  ...(["node", "relationship"] as const).flatMap((entity): [string, unknown[], object][] => {
    const suffix = entity === "node" ? "NodeProperty" : "RelationshipProperty";
    const owner = { entity, owner: "L" };
    return [
      [`add${suffix}`, ["L", "p", 1], transform({ what: "addProperty", ...owner, property: "p", value: 1 })],
      [`add${suffix}`, ["L", "p"], transform({ what: "addProperty", ...owner, property: "p", value: null })],
      [`remove${suffix}`, ["L", "p"], transform({ what: "removeProperty", ...owner, property: "p" })],
      [
        `rename${suffix}`,
        ["L", "a", "b"],
        transform({ what: "renameProperty", ...owner, from: "a", to: "b" }),
      ],
      [
        `convert${suffix}`,
        ["L", "p", "string", "integer"],
        transform({ what: "convertProperty", ...owner, property: "p", from: "string", to: "integer" }),
      ],
      [
        `convert${suffix}`,
        ["L", "p", "list", "boolean", { lossy: false }],
        transform({ what: "convertProperty", ...owner, property: "p", from: "list", to: "boolean" }),
      ],
      [
        `convert${suffix}`,
        ["L", "p", "datetime", "float", { lossy: true }],
        transform({
          what: "convertProperty",
          ...owner,
          property: "p",
          from: "datetime",
          to: "float",
          lossy: true,
        }),
      ],
    ];
  }),
  [
    "convertNodeProperty",
    ["L", "p", "float", "string", { except: ["M"] }],
    transform({
      what: "convertProperty",
      entity: "node",
      owner: "L",
      property: "p",
      from: "float",
      to: "string",
      except: ["M"],
    }),
  ],
  ["removeLabel", ["A", "B", { except: ["C"] }], {
    kind: "transform",
    transform: { what: "removeLabel", label: "A", other: "B", except: ["C"] },
  }],
];

Deno.test("parseOperation() gives the operation of a good call", () => {
  const found = GOOD.map(([name, args]) => [name, args, parseOperation(name, args)]);
  assert.deepEqual(found, GOOD.map(([name, args, operation]) => [name, args, { name, ...operation }]));
});

Deno.test("parseOperation() is tried with every operation", () => {
  assert.deepEqual([...new Set(GOOD.map(([name]) => name))].sort(), [...OPERATIONS.keys()].sort());
});

Deno.test("parseOperation() does not change what it is given", () => {
  for (const [name, args] of GOOD) {
    const before = structuredClone(args);
    parseOperation(name, args);
    assert.deepEqual(args, before, name);
  }
});

/** Bad calls and what is said about them. */
const BAD: [name: string, args: unknown[], message: RegExp][] = [
  ["addIndx", [], /ctx\.addIndx does not exist \| did you mean ctx\.addIndex\?/],
  ["frobnicate", [], /ctx\.frobnicate does not exist \| crochet\.d\.ts/],
  ["constructor", [], /ctx\.constructor does not exist/],
  [
    "addIndex",
    [],
    /ctx\.addIndex\(label, property \| properties\) was called wrongly: label must be a text, not nothing/,
  ],
  ["addIndex", ["L"], /property must be a text, not nothing/],
  ["addIndex", ["L", ""], /property must be a text, not ""/],
  ["addIndex", ["L", 5], /property must be a text, not 5/],
  ["addIndex", [null, "p"], /label must be a text, not null/],
  ["addIndex", [["L"], "p"], /label must be a text, not \["L"\]/],
  ["addIndex", [() => 1, "p"], /label must be a text, not a function/],
  ["addIndex", ["_CrochetLock", "p"], /label "_CrochetLock" begins with _crochet/],
  ["addIndex", ["L", "_crochet_batch"], /property "_crochet_batch" begins with _crochet/],
  ["addIndex", ["L\u0000", "p"], /label holds a NUL character/],
  ["addIndex", ["L", "a", "b"], /./],
  ["addIndex", ["L", []], /property is an empty array/],
  ["addIndex", ["L", ["a", "b", "a"]], /property "a" stands there twice/],
  ["addIndex", ["L", ["a", ""]], /property must be a text, not ""/],
  ["addUniqueConstraint", ["L", ["_crochet_batch"]], /property "_crochet_batch" begins with _crochet/],
  ["addTextIndex", ["L", ["a", "b"]], /\(label, property\) .*property must be a text, not \["a","b"\]/],
  ["addPointIndex", ["L"], /property must be a text, not nothing/],
  ["addFulltextIndex", [[], "p"], /label is an empty array/],
  ["addFulltextIndex", [["A", "A"], "p"], /label "A" stands there twice/],
  ["addRelationshipFulltextIndex", [["A", 1], "p"], /\(type \| types, .*type must be a text, not 1/],
  ["addNodeKey", ["L"], /\(label, property \| properties\) .*property must be a text, not nothing/],
  ["addNodePropertyExistenceConstraint", ["L", ["a"]], /property must be a text, not \["a"\]/],
  ["addNodePropertyTypeConstraint", ["L", "p"], /propertyType must be a text, not nothing/],
  ...["STRING) IS UNIQUE //", "STRING; DROP", "`STRING`", "INT32", "| STRING"].map((
    type,
  ): [string, unknown[], RegExp] => [
    "addRelationshipPropertyTypeConstraint",
    ["L", "p", type],
    /is no type of Cypher, such as "STRING"/,
  ]),
  ["dropNodePropertyTypeConstraint", ["L", "p", "STRING"], /takes 2 arguments, not 3/],
  ["dropVectorIndex", ["L", "p", {}], /takes 2 arguments, not 3/],
  [
    "addRelationshipIndex",
    [1, "p"],
    /\(type, property \| properties\) was called wrongly: type must be a text, not 1/,
  ],
  ["addFulltextIndex", ["L", "p", { analyser: "x" }], /no option "analyser"; did you mean "analyzer"\?/],
  ["addFulltextIndex", ["L", "p", "english"], /the options must be an object, not "english"/],
  ["addFulltextIndex", ["L", "p", { analyzer: 5 }], /analyzer/],
  ["addFulltextIndex", ["L", "p", { eventuallyConsistent: "no" }], /eventuallyConsistent/],
  ["addVectorIndex", ["L", "p", { zebra: 1 }], /no option "zebra"$|no option "zebra" \|/],
  ["addVectorIndex", ["L", "p", { dimensions: "8" }], /dimensions/],
  ["addVectorIndex", ["L", "p", { dimensions: 1.5 }], /dimensions/],
  ["addVectorIndex", ["L", "p", { dimensions: 0 }], /dimensions/],
  ["addVectorIndex", ["L", "p", { similarityFunction: 1 }], /similarityFunction/],
  ["addVectorIndex", ["L", "p", { hnswM: 0 }], /hnswM must be a whole number of at least 1/],
  ["addVectorIndex", ["L", "p", { hnswEfConstruction: 1.5 }], /hnswEfConstruction must be a whole number/],
  ["addVectorIndex", ["L", "p", { quantization: "yes" }], /quantization is true or false/],
  ["addVectorIndex", ["L", "p", { hnsw: 1 }], /no option "hnsw"/],
  ["addTextIndex", ["L", "p", {}], /takes 2 arguments, not 3/],
  ["renameLabel", ["A"], /ctx\.renameLabel\(old, new\) was called wrongly: new must be a text, not nothing/],
  ["renameLabel", ["A", "_Crochet"], /new "_Crochet" begins with _crochet/],
  ["renameLabel", ["A", "A"], /./],
  ["renameNodeProperty", ["L", "a"], /\(label, old, new, .*new must be a text/],
  ["renameNodeProperty", ["L", "a", "a"], /./],
  ["addNodeProperty", ["L", "p", {}], /./],
  ["mergeNodes", ["L"], /ctx\.mergeNodes\(label, keys\) .*keys must be an array of property names/],
  ["mergeNodes", ["L", []], /keys must be an array of property names/],
  ["mergeNodes", ["L", "id"], /keys must be an array of property names/],
  ["mergeNodes", ["L", [1]], /keys must be a text, not 1/],
  ["mergeNodes", ["L", ["_crochet_batch"]], /keys "_crochet_batch" begins with _crochet/],
  ["splitLabel", ["L", "p"], /\(label, property, cases, .*cases names no value/],
  ["splitLabel", ["L", "p", {}], /cases names no value/],
  ["splitLabel", ["L", "p", ["X"]], /cases must be an object, not \["X"\]/],
  ["splitLabel", ["L", "p", { x: 1 }], /the label of "x" must be a text, not 1/],
  ["splitLabel", ["L", "p", { x: "L" }], /the label of "x" is the one that is split/],
  ["splitLabel", ["L", "p", { x: "X" }, { keep: "yes" }], /keep is true or false/],
  ["splitLabel", ["L", "p", { x: "X" }, { kep: true }], /no option "kep"; did you mean "keep"\?/],
  ["changeRelationshipDirection", ["R"], /\(type, source, target\) .*source must be a text, not nothing/],
  ["changeRelationshipDirection", ["R", "A"], /target must be a text, not nothing/],
  ["changeRelationshipDirection", ["_Crochet_turned_R", "A", "B"], /type "_Crochet_turned_R" begins with/],
  ["convertNodeProperty", ["L", "p"], /\(label, property, from, to, .*from must be a text, not nothing/],
  ["convertNodeProperty", ["L", "p", "string", "number"], /"number" is no kind of value: they are string,/],
  ["convertNodeProperty", ["L", "p", "String", "integer"], /"String" is no kind of value/],
  ["convertNodeProperty", ["L", "p", "string", "string"], /a string cannot be converted to a string/],
  ["convertNodeProperty", ["L", "p", "list", "list"], /a list cannot be converted to a list/],
  ["convertNodeProperty", ["L", "p", "boolean", "float"], /a boolean cannot be converted to a float/],
  ["convertNodeProperty", ["L", "p", "string", "datetime"], /a string cannot be converted to a datetime/],
  ["convertNodeProperty", ["L", "p", "string", "integer", { lossy: 1 }], /lossy is true or false/],
  ["convertNodeProperty", ["L", "p", "string", "integer", { except: [] }], /except must be an array/],
  ["convertRelationshipProperty", ["R", "p", "string", "integer", { except: ["M"] }], /no option "except"/],
  ["runCypher", [], /cypher must be a text, not nothing/],
  ["runCypher", [" \n"], /cypher must be a text, not " \\n"/],
  ["runCypher", ["RETURN 1", [1]], /params must be an object, not \[1\]/],
  ["runCypher", ["RETURN 1", 1], /params must be an object, not 1/],
  ["beginBatch", [""], /id must be a text, not ""/],
  ["beginBatch", [7], /id must be a text, not 7/],
  ["createNodes", ["L"], /rows must be an array, not nothing/],
  ["createNodes", ["L", { a: 1 }], /rows must be an array, not \{"a":1\}/],
  ["createNodes", ["L", [1]], /row 1 must be an object, not 1/],
  ["createNodes", ["L", [{}, null]], /row 2 must be an object, not null/],
  ["createNodes", ["L", [{}, [1]]], /row 2 must be an object, not \[1\]/],
  ["createNodes", ["L", [{ _crochet_batch: "x" }]], /row 1 has "_crochet_batch", which is Crochet's own/],
  ["createNodes", ["L", [{ _crochet_new: true }]], /row 1 has "_crochet_new"/],
  ["createNodes", [[], ROWS], /label/],
  ["createNodes", [["L", ""], ROWS], /label must be a text, not ""/],
  ["createNodes", ["L", ROWS, { chunkSize: 5 }], /no option "chunkSize"|takes 2 arguments/],
  ["createNodes", ["L", ROWS, { mergeKeys: ["id"] }], /no option "mergeKeys"|takes 2 arguments/],
  ["upsertNodes", ["L", ROWS], /mergeKeys must be an array of property names/],
  ["upsertNodes", ["L", ROWS, { mergeKeys: [] }], /mergeKeys must be an array of property names/],
  ["upsertNodes", ["L", ROWS, { mergeKeys: "id" }], /mergeKeys must be an array of property names/],
  ["upsertNodes", ["L", ROWS, { mergeKeys: [1] }], /mergeKeys must be a text, not 1/],
  ["upsertNodes", ["L", ROWS, { mergeKey: ["id"] }], /no option "mergeKey"; did you mean "mergeKeys"\?/],
  ["upsertNodes", [[], ROWS, { mergeKeys: ["id"] }], /label/],
  ["upsertNodes", ["L", [{ id: 1 }, { id: null }], { mergeKeys: ["id"] }], /row 2 has no value for .* "id"/],
  ["upsertNodes", ["L", [{}], { mergeKeys: ["id"] }], /row 1 has no value for the merge key "id"/],
  ...[0, -1, 1.5, "10", NaN, Infinity].map((chunkSize): [string, unknown[], RegExp] => [
    "bulkCreateNodes",
    ["L", ROWS, { chunkSize }],
    /chunkSize must be a whole number of at least 1/,
  ]),
  ["bulkCreateNodes", ["L", ROWS, { callInTransaction: true }], /did you mean "callInTransactions"\?/],
  ["bulkCreateNodes", ["L", ROWS, { callInTransactions: "yes" }], /callInTransactions/],
  ["createRelationships", ["A", "B", "R"], /rows must be an array, not nothing/],
  ["createRelationships", ["A", "B", 1, ENDS], /type must be a text, not 1/],
  ["createRelationships", ["A", "", "R", ENDS], /target label must be a text/],
  ["createRelationships", ["A", "B", "R", [{ target: 1 }]], /row 1 has no "source"/],
  ["createRelationships", ["A", "B", "R", [...ENDS, { source: 1, target: null }]], /row 3 has no "target"/],
  [
    "createRelationships",
    ["A", "B", "R", [{ source: 1, target: 1, since: 2 }]],
    /row 1 has "since": properties of the relationship go into "properties"/,
  ],
  ["createRelationships", ["A", "B", "R", [{ source: 1, target: 1, properties: 5 }]], /row 1.*properties/],
  ["createRelationships", ["A", "B", "R", [{ source: 1, target: 1, properties: [1] }]], /row 1.*properties/],
  [
    "upsertRelationships",
    ["A", "B", "R", [{ source: 1, target: 1, properties: { _crochet_batch: "x" } }]],
    /row 1 has "_crochet_batch"/,
  ],
  [
    "upsertRelationships",
    ["A", "B", "R", [{ source: 1, target: 1, properties: {} }], { mergeKeys: ["since"] }],
    /row 1 has no value for the merge key "since"/,
  ],
  ["createRelationships", ["A", "B", "R", ENDS, { onMissing: "warn" }], /onMissing is "error" or "skip"/],
  ["createRelationships", ["A", "B", "R", ENDS, { sourceKey: "" }], /sourceKey must be a text, not ""/],
  ["createRelationships", ["A", "B", "R", ENDS, { mergeKeys: ["a"] }], /no option "mergeKeys"/],
  ["deleteNodesByBatch", ["L"], /batchId must be a text, not nothing/],
  ["deleteRelationshipsByBatch", ["", "b"], /type must be a text, not ""/],
];

for (const [name, args, message] of BAD) {
  const call = `${name}(${
    args.map((arg) => (typeof arg === "function" ? "f" : JSON.stringify(arg))).join(", ")
  })`;
  Deno.test(`parseOperation() refuses ${call}`, () => {
    assert.throws(() => parseOperation(name, args), (error: CrochetError) => {
      assert.equal(error.code, "OPERATION_INVALID", String(error));
      assert.match(`${error.message} | ${error.hint}`, message);
      return true;
    });
  });
}

/** Operations in a few words. */
const WORDS: [name: string, args: unknown[], words: string][] = [
  ["addIndex", ["L", "p"], "addIndex(L, p)"],
  ["createNodes", [["L", "M"], ROWS], "createNodes(L:M, 1 row)"],
  ["createRelationships", ["A", "B", "R", ENDS], "createRelationships(A, B, R, 2 rows)"],
  ["deleteNodesByBatch", ["L", "b"], "deleteNodesByBatch(L, b)"],
  ["runCypher", [" MATCH (n)\n  RETURN n "], "runCypher(MATCH (n) RETURN n)"],
  ["beginBatch", ["b"], "beginBatch()"],
  ["renameNodeProperty", ["L", "a", "b"], "renameNodeProperty(L, a, b)"],
  ["addNodeProperty", ["L", "a", 5], "addNodeProperty(L, a, 5)"],
  ["addLabel", ["L", "M"], "addLabel(L, M)"],
  ["addUniqueConstraint", ["L", ["a", "b"]], "addUniqueConstraint(L, a, b)"],
  ["addFulltextIndex", [["M", "L"], ["a", "b"]], "addFulltextIndex(L|M, a, b)"],
  ["mergeNodes", ["L", ["a", "b"]], 'mergeNodes(L, ["a","b"])'],
  ["splitLabel", ["L", "p", { x: "X" }, { keep: true }], 'splitLabel(L, p, {"x":"X"}, keep)'],
  ["changeRelationshipDirection", ["R", "A", "B"], "changeRelationshipDirection(R, A, B)"],
  [
    "convertNodeProperty",
    ["L", "p", "string", "float", { lossy: true }],
    "convertNodeProperty(L, p, string, float, lossy)",
  ],
];

Deno.test("describeOperation() says an operation in a few words", () => {
  const found = WORDS.map(([name, args]) => [name, args, describeOperation(parseOperation(name, args))]);
  assert.deepEqual(found, WORDS);
});

Deno.test("lossOf() names what the inverse does not bring back, and nothing else", () => {
  const losses = GOOD.map(([name, args]) => [name, lossOf(parseOperation(name, args))]).filter(([, loss]) =>
    loss
  );
  assert.deepEqual(losses, [
    ["mergeNodes", "the separate nodes of L"],
    ["removeNodeProperty", "the values of L.p"],
    ["convertNodeProperty", "what L.p was before"],
    ["removeRelationshipProperty", "the values of L.p"],
    ["convertRelationshipProperty", "what L.p was before"],
  ]);
});

const KINDS: [SchemaKind, "node" | "relationship"][] = [
  ["index", "node"],
  ["unique", "node"],
  ["fulltext", "node"],
  ["vector", "node"],
  ["existence", "node"],
  ["text", "node"],
  ["point", "node"],
  ["key", "node"],
  ["type", "node"],
  ["index", "relationship"],
  ["unique", "relationship"],
  ["text", "relationship"],
  ["point", "relationship"],
  ["key", "relationship"],
  ["existence", "relationship"],
  ["type", "relationship"],
  ["fulltext", "relationship"],
  ["vector", "relationship"],
];

Deno.test("draftCreate() and draftDrop() parse back to the object", () => {
  for (const [kind, entity] of KINDS) {
    const options = kind === "vector"
      ? { dimensions: 3 }
      : kind === "fulltext"
      ? { analyzer: "it's" }
      : kind === "type"
      ? { propertyType: "LIST<STRING NOT NULL>" }
      : undefined;
    const made = { kind, entity, labelOrType: 'L`"', properties: ["p'\\"], ...(options && { options }) };
    const object: SchemaObject = { ...made, name: schemaName(made) };
    for (const [draft, action] of [[draftCreate(object), "add"], [draftDrop(object), "drop"]] as const) {
      const parsed = parseOperation(draft.name, draft.args);
      assert.ok(parsed.kind === "schema" && parsed.action === action);
      const { options: _options, ...bare } = made as SchemaObject;
      const wanted = action === "add" || !options ? made : kind === "type" ? bare : { ...made, options: {} };
      assert.deepEqual(parsed.shape, wanted);
    }
  }
});

Deno.test("draftCreate() and draftDrop() keep several labels and properties", () => {
  const many = {
    kind: "fulltext",
    entity: "node",
    labelOrType: "A",
    others: ["B"],
    properties: ["x", "y"],
  } as const;
  const object: SchemaObject = { ...many, others: ["B"], properties: ["x", "y"], name: "n", options: {} };
  for (const draft of [draftCreate(object), draftDrop(object)]) {
    const parsed = parseOperation(draft.name, draft.args);
    assert.ok(parsed.kind === "schema");
    assert.equal(shapeKey(parsed.shape), shapeKey(object));
  }
});

Deno.test("renderOperation() writes code that gives the same call", () => {
  const random = randomFrom(4);
  for (let i = 0; i < 500; i++) {
    const args = [hostileName(random), hostileName(random), { analyzer: hostileName(random) }];
    const calls: unknown[][] = [];
    const code = renderOperation({ name: "addFulltextIndex", args }).replace("await ", "");
    new Function("ctx", code)({ addFulltextIndex: (...given: unknown[]) => calls.push(given) });
    assert.deepEqual(calls, [args]);
  }
  assert.equal(
    renderOperation({ name: "x", args: [{ float: 30 }, true, 5] }),
    "await ctx.x(float(30), true, 5);",
  );
});

const SERVERS: ServerFeatures[] = [{ version: [5, 20], edition: "community" }, {
  version: [2025, 6, 1],
  edition: "enterprise",
}];

/** Every statement that holds names, from five names. */
function statements([a, b, c, d, e]: string[]): string[] {
  const schemas = KINDS.flatMap(([kind, entity]) => {
    const object: SchemaObject = { kind, entity, labelOrType: a, properties: [b], name: c };
    return [createStatement(object), dropStatement(object), dropStatement(object, true)];
  });
  const wide: SchemaObject = {
    kind: "fulltext",
    entity: "node",
    labelOrType: a,
    others: [e],
    properties: [b],
    name: c,
  };
  const two: SchemaObject = { kind: "unique", entity: "node", labelOrType: a, properties: [b, d], name: c };
  const transforms = ([
    ["renameLabel", [a, b]],
    ["addLabel", [a, b]],
    ["removeLabel", [a, b]],
    ["renameRelationshipType", [a, b]],
    ["addNodeProperty", [a, b, 1]],
    ["removeNodeProperty", [a, b]],
    ["renameNodeProperty", [a, b, c]],
    ["addRelationshipProperty", [a, b, 1]],
    ["removeRelationshipProperty", [a, b]],
    ["renameRelationshipProperty", [a, b, c]],
    ["convertNodeProperty", [a, b, "string", "integer"]],
    ["convertNodeProperty", [a, b, "list", "float"]],
    ["convertRelationshipProperty", [a, b, "float", "datetime"]],
    ["mergeNodes", [a, [b, c]]],
    ["splitLabel", [a, b, { "it's": c }]],
    ["splitLabel", [a, b, { "it's": c }, { keep: true }]],
    ["changeRelationshipDirection", [a, b, c]],
    ["convertNodeProperty", [a, b, "string", "boolean", { lossy: true, except: [c] }]],
  ] as [string, unknown[]][]).map(([name, args]) => parseOperation(name, args));
  const rows = [{ [c]: 1, [d]: 2 }];
  const nodes = [
    parseOperation("createNodes", [[a, b], rows]),
    parseOperation("upsertNodes", [a, rows, { mergeKeys: [c, d] }]),
  ] as (Operation & { kind: "nodes" })[];
  const ends = [{ source: 1, target: 2, properties: { [d]: 1 } }];
  const edges = [
    parseOperation("createRelationships", [a, b, c, ends, {}]),
    parseOperation("upsertRelationships", [a, b, c, ends, { mergeKeys: [d] }]),
  ] as (Operation & { kind: "relationships" })[];
  const deletes = [
    parseOperation("deleteNodesByBatch", [a, "b"]),
    parseOperation("deleteRelationshipsByBatch", [a, "b"]),
  ] as (Operation & { kind: "deleteBatch" })[];
  const keys: [string, string] = [d, e];
  const made: ({ text: string } | undefined)[] = [
    ...nodes.map((operation) => nodesStatement(operation, rows, "batch")),
    ...edges.map((operation) => relationshipsStatement(operation, ends, "batch", keys)),
    ...edges.map((operation) => endsStatement(operation, ends, keys)),
    ...deletes.map(countBatchStatement),
    ...SERVERS.flatMap((server) => [
      ...deletes.map((operation) => deleteBatchStatement(operation, server)),
      ...nodes.map((operation) => serverBatched(operation, rows, "batch", keys, batching(server))),
      ...edges.map((operation) => serverBatched(operation, ends, "batch", keys, batching(server))),
    ]),
  ];
  for (const operation of transforms) {
    if (operation.kind !== "transform") continue;
    for (const server of SERVERS) {
      made.push(
        ...transformStatements(operation.transform, server),
        transformCheck(operation.transform, server),
      );
    }
  }
  return [
    ...schemas,
    createStatement(wide),
    createStatement(two),
    ...made.flatMap((statement) => statement?.text ?? []),
  ];
}

function batching(server: ServerFeatures) {
  return { chunkSize: 10, server, markId: "m", mark: {}, fence: { owner: "me", fence: 1 }, firstChunk: 0 };
}

Deno.test("statements hold every name in back-ticks, and nothing else changes", () => {
  const plain = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon"];
  const wanted = statements(plain).map(readStatement);
  assert.ok(wanted.length > 60);
  const random = randomFrom(5);
  for (let i = 0; i < 300; i++) {
    const names = plain.map((_, j) => `${hostileName(random)}${j}`);
    const found = statements(names).map(readStatement);
    for (const [j, statement] of found.entries()) {
      assert.equal(statement.around, wanted[j].around, `around ${JSON.stringify(names)}`);
      const expected = wanted[j].names.map((name) =>
        name.replace(/[A-Z][a-z]+$/, (own) => names[plain.indexOf(own)] ?? own)
      );
      assert.deepEqual(statement.names, expected);
    }
  }
});

/** Names and how they are quoted. */
const QUOTED: [name: string, quoted: string][] = [
  ["Person", "`Person`"],
  ["a b", "`a b`"],
  ["`", "````"],
  ["a`) DETACH DELETE n //", "`a``) DETACH DELETE n //`"],
  ["``", "``````"],
  ["\\", "`\\`"],
  ["人物", "`人物`"],
];

Deno.test("quoteName() doubles back-ticks and leaves the rest", () => {
  assert.deepEqual(QUOTED.map(([name]) => [name, quoteName(name)]), QUOTED);
});

Deno.test("quoteName() of any text is read as that text, escapes too", () => {
  const names = [
    "\\u0060",
    "\\\\u0060",
    "\\u005Cu0060",
    "\\u0041",
    "\\u",
    "\\u00",
    "\\U0060",
    "x\\u0060) //",
  ];
  const random = randomFrom(6);
  for (let i = 0; i < 2000; i++) names.push(hostileName(random));
  for (const name of names) {
    assert.deepEqual(readStatement(`MATCH (n:${quoteName(name)}) RETURN n`), {
      around: "MATCH (n:``) RETURN n",
      names: [name],
    });
  }
});

Deno.test("quoteString() cannot be left from inside", () => {
  for (const text of ["it's", "\\", "\\'", "'; DROP", "a\nb", '"', "`", "\\\\'"]) {
    assert.equal(readStatement(`RETURN ${quoteString(text)} AS x`).around, "RETURN '' AS x");
  }
});

/**
 * Reads a statement as Cypher does: first `\u0041` wherever it stands, then texts and names. Gives the names and
 * what stands around them and around texts.
 */
function readStatement(statement: string): { around: string; names: string[] } {
  const text = statement.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  const names: string[] = [];
  const around = text.replace(
    /`((?:``|[^`])*)`|'(?:\\[\s\S]|[^'\\])*'|"(?:\\[\s\S]|[^"\\])*"/g,
    (token, name) => {
      if (token[0] !== "`") return token[0] + token[0];
      names.push(name.replaceAll("``", "`"));
      return "``";
    },
  );
  return { around, names };
}

/** A name made of what means something to Cypher, JavaScript or this program. */
function hostileName(random: () => number): string {
  const parts = [
    "`",
    "``",
    "\\",
    "'",
    '"',
    " ",
    "\n",
    "\r\n",
    "//",
    "/*",
    "*/",
    ")",
    "]->(b)",
    "(a)-[r",
    " CALL (",
  ];
  parts.push(
    ";",
    "$rows",
    "${x}",
    "$&",
    "{",
    "}",
    "a",
    "é",
    "人",
    "\\u0060",
    "\\u",
    "0060",
    "RETURN ",
    "\u2028",
  );
  const length = 1 + Math.floor(random() * 5);
  return "x" + Array.from({ length }, () => parts[Math.floor(random() * parts.length)]).join("");
}
