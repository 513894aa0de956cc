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
  type Statement,
  summarizeParams,
} from "./cypher.ts";
import { CrochetError } from "./error.ts";
import { type SchemaIr, uniqueKeys } from "./ir.ts";
import { describeOperation, lossOf, type Operation } from "./operation.ts";
import type { Revision } from "./revision.ts";
import {
  createStatement,
  describeShape,
  dropStatement,
  isConstraint,
  type SchemaShape,
  shapeKey,
} from "./schema.ts";
import { type ServerFeatures, whyNotSchema } from "./server_features.ts";
import { count, sentenceList } from "./text.ts";
import { TRANSFORM_BATCH, transformStatements, whyNotTransform } from "./transform.ts";

/** A statement as the plan shows it. */
export interface PlannedStatement {
  cypher: string;
  params: Record<string, string>;
  /** The parameters themselves; of rows, what one execution gets. */
  values: Record<string, unknown>;
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
  /** What it locks or writes anew. */
  effect?: string;
  loses?: string;
  note?: string;
  /** Key of the constraint or index that was there before and is adopted. */
  adopts?: string;
  /** Batch of a data operation. */
  batch: string;
  /** Keys of a relationship operation's ends. */
  ends?: [string, string];
  /** The operation itself. */
  source: Operation;
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
  /** Set where what it asks for may hang on what a query gave: such a plan is no script. */
  guessed?: string;
}

/** What a run would do. */
export interface Plan {
  direction: "upgrade" | "downgrade";
  revisions: PlannedRevision[];
  /** False where it was made without a server. */
  connected: boolean;
  /** What may slow the run down or stop it, and is not sure to. */
  warnings: string[];
  /** Keys of the constraints and indexes that are there now; empty without a server. */
  before: string[];
  /** What the statements are written for. */
  server: ServerFeatures;
}

/** The plan as `--json` prints it: rows and other parameters only in summary. */
export function plainPlan(plan: Plan): unknown {
  const plain = ({ values: _values, ...statement }: PlannedStatement) => statement;
  const { before: _before, server: _server, ...shown } = plan;
  return {
    ...shown,
    revisions: plan.revisions.map(({ guessed: _guessed, ...revision }) => ({
      ...revision,
      operations: revision.operations.map(({ source: _source, ends: _ends, batch, ...operation }) => ({
        ...operation,
        ...(batch && { batch }),
        statements: operation.statements.map(plain),
      })),
    })),
  };
}

/** What a statement depends on. */
export interface PlanContext {
  server: ServerFeatures;
  revisionId: string;
  batch: string;
  /** Name under which the graph has the shape; undefined where it has it not, or nobody asked. */
  existing(shape: SchemaShape): string | undefined;
  /** Was the shape there before the upgrade of this revision? Its downgrade leaves it. */
  isAdopted?(shape: SchemaShape): boolean;
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
    source: operation,
    batch: operation.kind === "nodes" || operation.kind === "relationships" ? context.batch : "",
    operation: describeOperation(operation),
    ...(lossOf(operation) && { loses: lossOf(operation) }),
  };
  const planned = ({ text, params }: Pick<Statement, "text" | "params">, times = 1): PlannedStatement => ({
    cypher: text,
    params: summarizeParams(params),
    values: params,
    times,
  });
  const one = (statement: Pick<Statement, "text" | "params">, times = 1): PlannedOperation => {
    const effect = effectOf(operation);
    return { ...base, statements: [planned(statement, times)], ...(effect && { effect }) };
  };
  switch (operation.kind) {
    case "begin":
      return { ...base, statements: [] };
    case "schema": {
      const existing = context.existing(operation.shape);
      const name = existing ?? context.nameFor(operation.shape);
      if (operation.action === "add") {
        if (existing) {
          return {
            ...base,
            statements: [],
            adopts: shapeKey(operation.shape),
            note: `it is there already as "${existing}", and is adopted`,
          };
        }
        return one({ text: createStatement({ ...operation.shape, name }), params: {} });
      }
      if (context.isAdopted?.(operation.shape)) {
        return { ...base, statements: [], note: "it was there before the upgrade, and is left" };
      }
      return one({ text: dropStatement({ kind: operation.shape.kind, name }), params: {} });
    }
    case "transform":
      if (operation.transform.what === "addProperty" && operation.transform.value === null) {
        return { ...base, statements: [], note: "without a value there is nothing to write" };
      }
      return {
        ...base,
        statements: transformStatements(operation.transform, context.server).map((statement) =>
          planned(statement)
        ),
        effect: effectOf(operation),
      };
    case "deleteBatch":
      return one(deleteBatchStatement(operation, context.server));
    case "cypher":
      return one({ text: operation.cypher, params: operation.params });
    case "nodes":
    case "relationships": {
      const size = operation.bulk ? operation.chunkSize : Math.max(1, operation.rows.length);
      const times = Math.ceil(operation.rows.length / size);
      const keys: [string, string] = operation.kind === "relationships"
        ? context.endKeys(operation)
        : ["", ""];
      if (operation.bulk && operation.callInTransactions) {
        const batching = {
          chunkSize: size,
          server: context.server,
          markId: "",
          mark: {},
          fence: { owner: "", fence: 0 },
          firstChunk: 0,
        };
        const statement = serverBatched(operation, operation.rows, context.batch, keys, batching);
        const shown = one({ ...statement, params: { rows: operation.rows, batch: context.batch } });
        return {
          ...shown,
          statements: shown.statements.map((entry) => ({ ...entry, values: statement.params })),
        };
      }
      const statement = operation.kind === "nodes"
        ? nodesStatement(operation, operation.rows, context.batch)
        : relationshipsStatement(operation, operation.rows, context.batch, keys);
      return { ...one(statement, times), ends: keys };
    }
  }
}

function isAboutRelationships(operation: Operation): boolean {
  if (operation.kind === "relationships") return true;
  if (operation.kind === "deleteBatch") return operation.entity === "relationship";
  if (operation.kind === "schema") return operation.shape.entity === "relationship";
  if (operation.kind !== "transform") return false;
  const { transform } = operation;
  return transform.what === "renameType" || transform.what === "turnRelationships" ||
    ("entity" in transform && transform.entity === "relationship");
}

/** What an operation locks or writes anew, in words; undefined where that goes without saying. */
function effectOf(operation: Operation): string | undefined {
  if (operation.kind === "schema") {
    const owner = [operation.shape.labelOrType, ...operation.shape.others ?? []].join("|");
    if (operation.action === "drop") return `waits for open writes on ${owner}`;
    return isConstraint(operation.shape.kind)
      ? `waits for open writes on ${owner}, and holds new ones back while everything there is checked`
      : `waits for open writes on ${owner}; filled in the background`;
  }
  if (operation.kind === "deleteBatch") return batchesOf("deletes");
  if (operation.kind !== "transform") return undefined;
  switch (operation.transform.what) {
    case "renameType":
    case "turnRelationships":
      return `${batchesOf("makes relationships anew")}: their ids change`;
    case "mergeNodes":
      return "in batches of 100 groups: relationships of the merged nodes are made anew";
    default:
      return batchesOf("rewrites");
  }
}

function batchesOf(verb: string): string {
  return `${verb} in batches of ${TRANSFORM_BATCH.toLocaleString("en")}`;
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
 * Reasons not to run that the operations themselves give: a loss under `rollbackSafe = true` (unless `mayLose`),
 * something that the server's version or edition does not have.
 */
export function refusals(
  revision: Revision,
  operations: Operation[],
  server: ServerFeatures,
  mayLose: boolean,
): Refusal[] {
  const found: Refusal[] = [];
  const { revisionId, file } = revision;
  for (const operation of operations) {
    const loss = lossOf(operation);
    if (loss && revision.rollbackSafe && !mayLose) {
      found.push({
        revision,
        message: `"${revisionId}" is marked rollbackSafe, but ${
          describeOperation(operation)
        } loses ${loss}, which its downgrade does not bring back`,
        hint: `set rollbackSafe = false in ${file}, or: --accept-loss ${revisionId}`,
      });
    }
    const refused = whyNot(operation, server);
    if (refused) {
      found.push({
        revision,
        message: `"${revisionId}" asks for ${refused.what} (${describeOperation(operation)}), ${refused.why}`,
        hint: operation.kind === "schema" && operation.shape.kind === "existence"
          ? `remove it from ${file}: neomodel checks required=True itself`
          : `remove it from ${file}, or use a server that has it`,
      });
    }
  }
  return found;
}

function whyNot(operation: Operation, server: ServerFeatures): { what: string; why: string } | undefined {
  if (operation.kind === "schema" && operation.action === "add") {
    const why = whyNotSchema(operation.shape, server);
    return why === undefined ? undefined : { what: `the ${describeShape(operation.shape)}`, why };
  }
  const why = operation.kind === "transform" ? whyNotTransform(operation.transform, server) : undefined;
  return why === undefined ? undefined : { what: operation.name, why };
}

/** The words for what stands in a transform's way: `row` is what its check gave. */
export function transformRefusal(
  who: string,
  { transform }: Operation & { kind: "transform" },
  row: Record<string, unknown>,
): { message: string; hint: string } {
  const values = count(Number(row.n), "value");
  if (transform.what === "convertProperty") {
    const { owner, property, from, to, lossy } = transform;
    return {
      message: `${who} converts ${owner}.${property} from ${from} to ${to}, and ${values} ${
        lossy ? "cannot be converted" : "would not come back the same"
      }: ${examplesOf(row.examples)}`,
      hint: lossy
        ? "clean these values first, by hand or in a migration before this one"
        : "clean these values first, or write { lossy: true } and rollbackSafe = false where the change is meant",
    };
  }
  const { owner, from, to } = transform as { owner: string; from: string; to: string };
  return {
    message: `${who} renames ${owner}.${from} to ${to}, and would overwrite ${values} that ${to} has already`,
    hint: "decide in the migration which value stays, then rename",
  };
}

/** Values in a message. */
export function examplesOf(values: unknown): string {
  return (values as unknown[]).map(showValue).join(", ");
}

/** A value in a message. */
export function showValue(value: unknown): string {
  return JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v));
}
