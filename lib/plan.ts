/**
 * Takes checked operations and gives the plan that a person reads before they run: the very Cypher, what its
 * parameters are, what it touches and what it loses; and says what forbids the run. Never runs anything: counts
 * and catalogs are handed in.
 */
import {
  deleteBatchStatement,
  nodesStatement,
  relationshipsStatement,
  serverBatched,
  type ServerFeatures,
  type Statement,
  summarizeParams,
  transformStatement,
} from "./cypher.ts";
import { CrochetError } from "./error.ts";
import { type SchemaIr, uniqueKeys } from "./ir.ts";
import { describeOperation, lossOf, type Operation } from "./operation.ts";
import type { Revision } from "./revision.ts";
import { sentenceList } from "./text.ts";
import { createStatement, dropStatement, type SchemaShape } from "./schema.ts";

/** A statement as the plan shows it. */
export interface PlannedStatement {
  cypher: string;
  params: Record<string, string>;
  /** How often it runs: once for each chunk of a bulk operation. */
  times: number;
}

/** An operation as the plan shows it. */
export interface PlannedOperation {
  operation: string;
  statements: PlannedStatement[];
  /** How many nodes or relationships it touches now, where that was counted. */
  touches?: number;
  unit: "node" | "relationship";
  loses?: string;
  note?: string;
}

/** A revision as the plan shows it. */
export interface PlannedRevision {
  revisionId: string;
  file: string;
  direction: "upgrade" | "downgrade";
  rollbackSafe: boolean;
  operations: PlannedOperation[];
  /** Set where the migration asks for more than can be known before it runs. */
  incomplete?: string;
}

/** What a run would do. */
export interface Plan {
  direction: "upgrade" | "downgrade";
  revisions: PlannedRevision[];
  /** False where it was made without a server. */
  connected: boolean;
}

/** What a statement depends on. */
export interface PlanContext {
  server: ServerFeatures;
  revisionId: string;
  batch: string;
  /** Name under which the graph has the shape; undefined where it has it not, or nobody asked. */
  existing(shape: SchemaShape): string | undefined;
  /** Name for a shape that the graph does not have: neomodel's, or another one where that is taken. */
  nameFor(shape: SchemaShape): string;
  /** Keys of relationship ends, "?" where they are not known. */
  endKeys(operation: Operation & { kind: "relationships" }): [string, string];
}

/** The features that a plan without a server assumes. */
export const ASSUMED_SERVER: ServerFeatures = { version: [5, 26, 0], edition: "unknown" };

/** Describes one operation. */
export function planOperation(operation: Operation, context: PlanContext): PlannedOperation {
  const unit: PlannedOperation["unit"] = isAboutRelationships(operation) ? "relationship" : "node";
  const base = {
    unit,
    operation: describeOperation(operation),
    ...(lossOf(operation) && { loses: lossOf(operation) }),
  };
  const one = (statement: Statement, times = 1, note?: string): PlannedOperation => ({
    ...base,
    statements: [{ cypher: statement.text, params: summarizeParams(statement.params), times }],
    ...(note && { note }),
  });
  switch (operation.kind) {
    case "begin":
      return { ...base, statements: [] };
    case "schema": {
      const existing = context.existing(operation.shape);
      const name = existing ?? context.nameFor(operation.shape);
      if (operation.action === "add") {
        if (existing) {
          return { ...base, statements: [], note: `it is there already as "${existing}", and is adopted` };
        }
        return one({ text: createStatement({ ...operation.shape, name }), params: {}, kind: "schema" });
      }
      return one({ text: dropStatement({ kind: operation.shape.kind, name }), params: {}, kind: "schema" });
    }
    case "transform":
      if (operation.transform.what === "addProperty" && operation.transform.value === null) {
        return { ...base, statements: [], note: "without a value there is nothing to write" };
      }
      return one(transformStatement(operation.transform, context.server));
    case "deleteBatch":
      return one(deleteBatchStatement(operation, context.server));
    case "cypher":
      return one({ text: operation.cypher, params: operation.params, kind: "data" });
    case "nodes":
    case "relationships": {
      const size = operation.bulk ? operation.chunkSize : Math.max(1, operation.rows.length);
      const times = Math.ceil(operation.rows.length / size);
      const keys: [string, string] = operation.kind === "relationships"
        ? context.endKeys(operation)
        : ["", ""];
      if (operation.bulk && operation.callInTransactions) {
        const batching = { chunkSize: size, server: context.server, markId: "", mark: {}, firstChunk: 0 };
        const statement = serverBatched(operation, operation.rows, context.batch, keys, batching);
        return one({ ...statement, params: { rows: operation.rows, batch: context.batch } });
      }
      const statement = operation.kind === "nodes"
        ? nodesStatement(operation, operation.rows, context.batch)
        : relationshipsStatement(operation, operation.rows, context.batch, keys);
      return one(statement, times);
    }
  }
}

function isAboutRelationships(operation: Operation): boolean {
  if (operation.kind === "relationships") return true;
  if (operation.kind === "deleteBatch") return operation.entity === "relationship";
  if (operation.kind === "schema") return operation.shape.entity === "relationship";
  if (operation.kind !== "transform") return false;
  const { transform } = operation;
  return transform.what === "renameType" || ("entity" in transform && transform.entity === "relationship");
}

/**
 * Properties by which the ends of relationships are found: what the call names, else the label's only unique one.
 * @throws CrochetError OPERATION_INVALID where that is not one
 */
export function endKeys(ir: SchemaIr, operation: Operation & { kind: "relationships" }): [string, string] {
  const key = (label: string, given: string | undefined, option: string): string => {
    if (given !== undefined) return given;
    const unique = uniqueKeys(ir, label);
    if (unique.length === 1) return unique[0];
    const why = unique.length === 0
      ? "has no unique property in the models"
      : `has several unique properties (${sentenceList(unique)})`;
    throw new CrochetError(
      "OPERATION_INVALID",
      `${describeOperation(operation)} cannot tell which ${label} is meant: the label ${why}`,
      {
        hint: `name the key: { ${option}: "..." }`,
      },
    );
  };
  return [
    key(operation.source, operation.sourceKey, "sourceKey"),
    key(operation.target, operation.targetKey, "targetKey"),
  ];
}

/** What a plan forbids, by revision. */
export interface Refusal {
  revision: Revision;
  message: string;
  hint: string;
}

/**
 * Reasons not to run an upgrade that the operations themselves give: a loss under `rollbackSafe = true`, a
 * constraint that the edition does not have.
 */
export function refusals(
  revision: Revision,
  operations: Operation[],
  server: ServerFeatures,
  acceptLoss: ReadonlySet<string>,
): Refusal[] {
  const found: Refusal[] = [];
  for (const operation of operations) {
    const loss = lossOf(operation);
    if (loss && revision.rollbackSafe && !acceptLoss.has(revision.revisionId)) {
      found.push({
        revision,
        message: `"${revision.revisionId}" is marked rollbackSafe, but ${
          describeOperation(operation)
        } loses ${loss}, which its downgrade does not bring back`,
        hint: `set rollbackSafe = false in ${revision.file}, or: --accept-loss ${revision.revisionId}`,
      });
    }
    const isExistence = operation.kind === "schema" && operation.action === "add" &&
      operation.shape.kind === "existence";
    if (isExistence && server.edition === "community") {
      found.push({
        revision,
        message: `"${revision.revisionId}" asks for an existence constraint (${
          describeOperation(operation)
        }), which Neo4j Community Edition does not have`,
        hint: `remove it from ${revision.file}: neomodel checks required=True itself`,
      });
    }
  }
  return found;
}
