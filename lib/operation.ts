/**
 * Takes a call that a migration makes on its context and gives a checked operation, or an error that shows the
 * signature. One table holds every operation: the context, the plan, the declaration file and the docs follow it.
 * An operation is data: it can be planned, digested, journalled and written as code. Never touches a graph.
 */
import { CrochetError } from "./error.ts";
import {
  Arguments,
  type Chunking,
  type RelationshipRow,
  type Row,
  type Spec,
} from "./operation_arguments.ts";
import { type DraftOperation, SCHEMA_OPERATIONS, type SchemaOperation } from "./operation_schema.ts";
import { describeTransform, TRANSFORM_OPERATIONS, type TransformOperation } from "./operation_transform.ts";
import { count, nearest } from "./text.ts";

/** A checked operation. */
export type Operation =
  & { name: string }
  & (
    | SchemaOperation
    | TransformOperation
    | { kind: "begin"; batch?: string }
    | (
      & { kind: "nodes"; mode: "create" | "upsert"; labels: string[]; rows: Row[]; mergeKeys: string[] }
      & Chunking
    )
    | (
      & {
        kind: "relationships";
        mode: "create" | "upsert";
        source: string;
        target: string;
        type: string;
        rows: RelationshipRow[];
      }
      & { sourceKey?: string; targetKey?: string; mergeKeys: string[]; onMissing: "error" | "skip" }
      & Chunking
    )
    | { kind: "deleteBatch"; entity: "node" | "relationship"; labelOrType: string; batch: string }
    | { kind: "cypher"; cypher: string; params: Row }
  );

/** Every operation of the context, by the name of its method. */
export const OPERATIONS: ReadonlyMap<string, Spec<Omit<Operation, "name">>> = new Map<
  string,
  Spec<Omit<Operation, "name">>
>([
  ...SCHEMA_OPERATIONS,
  ...TRANSFORM_OPERATIONS,
  ["runCypher", {
    signature: "(cypher, params?)",
    parse: (args) => ({ kind: "cypher", cypher: args.text(0, "cypher"), params: args.record(1, "params") }),
  }],
  ["beginBatch", {
    signature: "(id?)",
    parse: (args) => ({ kind: "begin", ...(args.at(0) === undefined ? {} : { batch: args.text(0, "id") }) }),
  }],
  ...nodeOperations("createNodes", "create", false),
  ...nodeOperations("upsertNodes", "upsert", false),
  ...nodeOperations("bulkCreateNodes", "create", true),
  ...nodeOperations("bulkUpsertNodes", "upsert", true),
  ...relationshipOperations("createRelationships", "create", false),
  ...relationshipOperations("upsertRelationships", "upsert", false),
  ...relationshipOperations("bulkCreateRelationships", "create", true),
  ...relationshipOperations("bulkUpsertRelationships", "upsert", true),
  ["deleteNodesByBatch", {
    signature: "(label, batchId)",
    parse: (args) => ({
      kind: "deleteBatch",
      entity: "node",
      labelOrType: args.name(0, "label"),
      batch: args.text(1, "batchId"),
    }),
  }],
  ["deleteRelationshipsByBatch", {
    signature: "(type, batchId)",
    parse: (args) => ({
      kind: "deleteBatch",
      entity: "relationship",
      labelOrType: args.name(0, "type"),
      batch: args.text(1, "batchId"),
    }),
  }],
]);

function nodeOperations(
  name: string,
  mode: "create" | "upsert",
  bulk: boolean,
): [string, Spec<Omit<Operation, "name">>][] {
  const chunking = bulk ? "chunkSize?, callInTransactions?" : "";
  const inner = [mode === "upsert" ? "mergeKeys" : "", chunking].filter(Boolean).join(", ");
  return [[name, {
    signature: `(${mode === "create" ? "label | labels" : "label"}, rows${inner ? `, { ${inner} }` : ""})`,
    parse: (args) => {
      const labels = Array.isArray(args.at(0))
        ? (args.at(0) as unknown[]).map((_, i) => args.nameIn(0, i, "label"))
        : [args.name(0, "label")];
      if (labels.length === 0) args.fail("labels is an empty array");
      const options = args.options(2, [
        ...(mode === "upsert" ? ["mergeKeys"] : []),
        ...(bulk ? ["chunkSize", "callInTransactions"] : []),
      ]);
      const rows = args.rows(1);
      const mergeKeys = args.keys(options.mergeKeys, "mergeKeys", mode === "upsert");
      if (mode === "upsert") {
        rows.forEach((row, i) => {
          const missing = mergeKeys.find((key) => row[key] === undefined || row[key] === null);
          if (missing) args.fail(`row ${i + 1} has no value for the merge key "${missing}"`);
        });
      }
      return { kind: "nodes", mode, labels, rows, mergeKeys, ...args.chunking(options, bulk) } as Omit<
        Operation,
        "name"
      >;
    },
  }]];
}

function relationshipOperations(
  name: string,
  mode: "create" | "upsert",
  bulk: boolean,
): [string, Spec<Omit<Operation, "name">>][] {
  const allowed = [
    "sourceKey",
    "targetKey",
    "onMissing",
    ...(mode === "upsert" ? ["mergeKeys"] : []),
    ...(bulk ? ["chunkSize", "callInTransactions"] : []),
  ];
  return [[name, {
    signature: `(source, target, type, rows, { ${allowed.map((option) => option + "?").join(", ")} })`,
    parse: (args) => {
      const options = args.options(4, allowed);
      const onMissing = options.onMissing ?? "error";
      if (onMissing !== "error" && onMissing !== "skip") args.fail('onMissing is "error" or "skip"');
      const mergeKeys = args.keys(options.mergeKeys, "mergeKeys", false);
      const rows = args.rows(3) as unknown as RelationshipRow[];
      rows.forEach((row, i) => {
        if (row.source === undefined || row.source === null) args.fail(`row ${i + 1} has no "source"`);
        if (row.target === undefined || row.target === null) args.fail(`row ${i + 1} has no "target"`);
        const missing = mergeKeys.find((key) =>
          row.properties?.[key] === undefined || row.properties[key] === null
        );
        if (missing) args.fail(`row ${i + 1} has no value for the merge key "${missing}"`);
        const extra = Object.keys(row).find((key) => !["source", "target", "properties"].includes(key));
        if (extra) {
          args.fail(`row ${i + 1} has "${extra}": properties of the relationship go into "properties"`);
        }
      });
      return {
        kind: "relationships",
        mode,
        source: args.name(0, "source label"),
        target: args.name(1, "target label"),
        type: args.name(2, "type"),
        rows,
        sourceKey: options.sourceKey === undefined
          ? undefined
          : args.checkName(options.sourceKey, "sourceKey"),
        targetKey: options.targetKey === undefined
          ? undefined
          : args.checkName(options.targetKey, "targetKey"),
        mergeKeys,
        onMissing,
        ...args.chunking(options, bulk),
      } as Omit<Operation, "name">;
    },
  }]];
}

/**
 * Checks a call. @throws CrochetError OPERATION_INVALID with the signature
 *
 * @example
 * ```ts
 * import { parseOperation } from "./operation.ts";
 * import assert from "node:assert/strict";
 * const operation = parseOperation("addIndex", ["Person", "age"]);
 * assert.equal(operation.kind, "schema");
 * assert.throws(() => parseOperation("addIndex", ["Person"]), /property must be a text/);
 * ```
 */
export function parseOperation(name: string, args: unknown[]): Operation {
  const spec = OPERATIONS.get(name);
  if (!spec) {
    const meant = nearest(name, OPERATIONS.keys());
    throw new CrochetError("OPERATION_INVALID", `ctx.${name} does not exist`, {
      hint: meant
        ? `did you mean ctx.${meant}?`
        : "crochet.d.ts in the migrations folder lists the operations",
    });
  }
  const reader = new Arguments(name, spec.signature, args);
  reader.checkCount();
  return { name, ...spec.parse(reader) } as Operation;
}

/** Default id of the n-th batch of a revision. */
export function defaultBatch(revisionId: string, n: number): string {
  return `${revisionId}:${n}`;
}

/** What an operation answers where nothing is carried out. */
export function simulatedAnswer(operation: Operation, batch: string): unknown {
  switch (operation.kind) {
    case "begin":
      return operation.batch ?? batch;
    case "schema":
      return undefined;
    case "transform":
      return { changed: 0 };
    case "deleteBatch":
      return { deleted: 0 };
    case "nodes": {
      const created = operation.rows.length;
      return operation.mode === "create" ? { created } : { created, updated: 0, unchanged: 0 };
    }
    case "relationships": {
      const created = operation.rows.length;
      return operation.mode === "create"
        ? { created, missing: 0 }
        : { created, updated: 0, unchanged: 0, missing: 0 };
    }
    case "cypher":
      return [];
  }
}

/** How the rows of an operation are cut: rows in a chunk, and how many chunks there are. */
export function chunking(
  operation: Operation & { kind: "nodes" | "relationships" },
): { size: number; chunks: number } {
  const { length } = operation.rows;
  const size = operation.bulk ? operation.chunkSize : Math.max(1, length);
  return { size, chunks: Math.ceil(length / size) };
}

/** What an operation loses in the graph that its inverse cannot bring back; undefined for most. */
export function lossOf(operation: Operation): string | undefined {
  if (operation.kind !== "transform") return undefined;
  const { transform } = operation;
  switch (transform.what) {
    case "removeProperty":
      return `the values of ${transform.owner}.${transform.property}`;
    case "convertProperty":
      return transform.lossy && `what ${transform.owner}.${transform.property} was before`;
    case "mergeNodes":
      return `the separate nodes of ${transform.label}`;
    default:
      return undefined;
  }
}

/** The operation in a few words, for progress and messages. */
export function describeOperation(operation: Operation): string {
  switch (operation.kind) {
    case "schema":
      return `${operation.name}(${
        [operation.shape.labelOrType, ...operation.shape.others ?? []].join("|")
      }, ${operation.shape.properties.join(", ")})`;
    case "nodes":
      return `${operation.name}(${operation.labels.join(":")}, ${count(operation.rows.length, "row")})`;
    case "relationships":
      return `${operation.name}(${operation.source}, ${operation.target}, ${operation.type}, ${
        count(operation.rows.length, "row")
      })`;
    case "deleteBatch":
      return `${operation.name}(${operation.labelOrType}, ${operation.batch})`;
    case "cypher":
      return `runCypher(${operation.cypher.replace(/\s+/g, " ").trim().slice(0, 60)})`;
    case "begin":
      return "beginBatch()";
    case "transform":
      return `${operation.name}(${describeTransform(operation.transform)})`;
  }
}

/** The operation as a line of a migration: `await ctx.addIndex("Person", "age");` */
export function renderOperation(operation: DraftOperation): string {
  return `await ctx.${operation.name}(${operation.args.map(renderArgument).join(", ")});`;
}

function renderArgument(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value);
  if ("float" in value) return `float(${JSON.stringify(value.float)})`;
  const members = Object.entries(value).map(([key, member]) => `${key}: ${JSON.stringify(member)}`);
  return `{ ${members.join(", ")} }`;
}
