/**
 * Takes the revisions that are to run and gives their plan and what forbids it. Migrations run in their sandbox
 * against answers that change nothing: reads are asked of the graph, writes are explained by it and answered as if
 * nothing was there. Never writes.
 */
import {
  ASSUMED_SERVER,
  endKeys,
  type Plan,
  type PlanContext,
  type PlannedOperation,
  type PlannedRevision,
  planOperation,
  type Refusal,
  refusals,
} from "./plan.ts";
import { countBatchStatement } from "./cypher.ts";
import { CrochetError, messageOf } from "./error.ts";
import type { Graph } from "./graph.ts";
import { type CatalogObject, readCatalog } from "./graph_catalog.ts";
import { parseResult } from "./graph_journal.ts";
import { catalogKeys, explain, findShape, freeName } from "./graph_operations.ts";
import { askMigration, isCutShort } from "./migration.ts";
import { defaultBatch, describeOperation, type Operation, simulatedAnswer } from "./operation.ts";
import { PlanState } from "./plan_state.ts";
import { mixedAlready, preflight } from "./preflight.ts";
import { type Project, readSnapshot } from "./project.ts";
import { missingPrivileges, neededPrivileges } from "./privileges.ts";
import { isDone, type Mark, WHOLE } from "./record.ts";
import type { Revision } from "./revision.ts";
import { Sandbox } from "./sandbox.ts";
import { quoteName, shapeKey } from "./schema.ts";
import { atLeast } from "./server_features.ts";
import { transformStatements } from "./transform.ts";

/** What to plan. */
export interface PlanRequest {
  project: Project;
  revisions: Revision[];
  direction: "upgrade" | "downgrade";
  /** Undefined plans without a server. */
  graph: Graph | undefined;
  acceptLoss: ReadonlySet<string>;
  /** The revision that an earlier run began: what it did is not planned again, and may look like what is in the way. */
  begun?: Begun;
  /** Values of `{{ name }}` and of `ctx.params`. */
  params?: Readonly<Record<string, unknown>>;
  /** Keys of shapes that each revision's upgrade adopted, for its downgrade. */
  adopted?: ReadonlyMap<string, readonly string[]>;
  /** Count what each operation would touch: for a plan that a person reads. */
  counts?: boolean;
}

/** A revision that goes on where it stopped. */
export interface Begun {
  revisionId: string;
  marks: Mark[];
  /** How many operations count as done, whatever they are. */
  skip: number;
}

/** A plan with what forbids it. */
export interface PlanResult {
  plan: Plan;
  refusals: Refusal[];
}

/** Plans all revisions. @throws CrochetError where a migration cannot be read, loaded or planned */
export async function makePlan(request: PlanRequest): Promise<PlanResult> {
  const { graph, direction } = request;
  const sandbox = new Sandbox(request.project.settings.timeLimitMs);
  const catalog = graph ? await readCatalog(graph) : [];
  const result: PlanResult = {
    plan: {
      direction,
      revisions: [],
      connected: graph !== undefined,
      warnings: [],
      before: catalogKeys(catalog),
      server: graph?.info ?? ASSUMED_SERVER,
    },
    refusals: [],
  };
  // A check of the data as it is now says nothing once a revision before it changes data.
  const state = new PlanState();
  const all: Operation[] = [];
  if (graph) {
    const building = catalog.filter((object) => object.state === "POPULATING");
    result.plan.warnings.push(
      ...building.map(({ name }) =>
        `the index "${name}" is still being built; what needs it waits or is slow`
      ),
    );
  }
  try {
    for (const revision of request.revisions) {
      const planned = await planRevision(request, revision, sandbox, catalog, state);
      result.plan.revisions.push(planned.revision);
      all.push(...planned.operations);
      const server = graph?.info ?? ASSUMED_SERVER;
      const { revisionId } = revision;
      const mayLose = direction === "downgrade" || request.acceptLoss.has(revisionId);
      result.refusals.push(...refusals(revision, planned.operations, server, mayLose), ...planned.refusals);
    }
  } finally {
    sandbox.close();
  }
  if (graph && all.length > 0) result.plan.warnings.push(...await privilegeWarnings(graph, all));
  return result;
}

/** Privileges that seem to be missing; nothing where the server has none, or does not tell. */
async function privilegeWarnings(graph: Graph, operations: Operation[]): Promise<string[]> {
  if (graph.info.edition !== "enterprise") return [];
  try {
    const rows = await graph.read("SHOW USER PRIVILEGES AS COMMANDS");
    const commands = rows.map((row) => String(row.command));
    return missingPrivileges(commands, graph.info.database, neededPrivileges(operations)).map((privilege) =>
      `the user seems to lack the privilege ${privilege} on "${graph.info.database}"`
    );
  } catch {
    return [];
  }
}

/** Throws where something forbids the run. @throws CrochetError PREFLIGHT_FAILED that lists everything */
export function refuseRun(found: Refusal[]): void {
  if (found.length === 0) return;
  const [first, ...rest] = found;
  const more = rest.map((refusal) => `\n  and ${refusal.message}`).join("");
  throw new CrochetError(
    "PREFLIGHT_FAILED",
    `The run was refused before it touched anything: ${first.message}${more}`,
    {
      at: { file: first.revision.file },
      hint: first.hint,
      data: found.map(({ revision, message, hint }) => ({ revision: revision.revisionId, message, hint })),
    },
  );
}

async function planRevision(
  request: PlanRequest,
  revision: Revision,
  sandbox: Sandbox,
  catalog: CatalogObject[],
  state: PlanState,
): Promise<{ revision: PlannedRevision; operations: Operation[]; refusals: Refusal[] }> {
  const { graph, project, direction } = request;
  const operations: Operation[] = [];
  const planned: PlannedOperation[] = [];
  const found: Refusal[] = [];
  const ir = readSnapshot(project, revision);
  let batches = 0;
  const begun = request.begun?.revisionId === revision.revisionId ? request.begun : undefined;
  const isBegun = begun !== undefined;
  const strict = direction === "upgrade" && revision.rollbackSafe && !isBegun &&
    !request.acceptLoss.has(revision.revisionId);
  let batch: string | undefined;
  let guessed: string | undefined;
  const perform = async (operation: Operation): Promise<unknown> => {
    operations.push(operation);
    const marks = begun?.marks.filter((mark) => mark.index === operations.length - 1) ?? [];
    if (operation.kind === "begin") batch = operation.batch ?? defaultBatch(revision.revisionId, ++batches);
    if (operation.kind === "nodes" || operation.kind === "relationships") {
      batch ??= defaultBatch(revision.revisionId, ++batches);
    }
    const context: PlanContext = {
      server: graph?.info ?? ASSUMED_SERVER,
      revisionId: revision.revisionId,
      batch: batch ?? "",
      existing: (shape) => findShape(catalog, shape)?.name,
      isAdopted: (shape) =>
        direction === "downgrade" &&
        (request.adopted?.get(revision.revisionId)?.includes(shapeKey(shape)) ?? false),
      nameFor: (shape) => freeName(catalog, shape),
      endKeys: (relationships) => endKeys(ir, relationships),
    };
    if (begun && (isDone(marks) || operations.length <= begun.skip)) {
      const name = describeOperation(operation);
      planned.push({
        operation: name,
        statements: [],
        unit: "node",
        note: "done already",
        batch: batch ?? "",
        source: operation,
      });
      const whole = marks.find((mark) => mark.chunk === WHOLE && mark.result !== undefined);
      return whole ? parseResult(whole) : simulatedAnswer(operation, batch ?? "");
    }
    const entry = planOperation(operation, context);
    const there = operation.kind === "schema" ? findShape(catalog, operation.shape) : undefined;
    if (entry.adopts && there?.state === "PLANNED") {
      delete entry.adopts;
      entry.note = "an operation before this one makes it";
    }
    planned.push(entry);
    if (graph) {
      const present = { graph, revision, catalog, state, strict, isBegun };
      found.push(...await preflight(operation, present));
      if (operation.kind !== "cypher") found.push(...await explainEntry(graph, revision, entry));
      if (request.counts) await countTouched(graph, operation, entry);
      if (
        request.counts && direction === "upgrade" && !strict && !isBegun && operation.kind === "transform"
      ) {
        const mixed = await mixedAlready(operation, present);
        if (mixed) entry.note = `${mixed}; a downgrade cannot tell them apart`;
      }
    }
    const isLeft = operation.kind === "schema" && operation.action === "drop" &&
      entry.statements.length === 0;
    if (operation.kind === "schema" && !isLeft) followSchema(operation, catalog);
    const answer = await answerFor(graph, operation, batch ?? "", state.dataChanges);
    if (answer.changesData) state.note(operation);
    if (answer.note) entry.note = answer.note;
    return answer.value;
  };
  let incomplete: string | undefined;
  try {
    const { params = {} } = request;
    const onUse = (name: string) => guessed ??= `what it asks for may hang on what ${name} gives`;
    await askMigration({ project, revision, direction, sandbox, params, turn: 0, onUse }, perform);
  } catch (error) {
    if (!isCutShort(error, operations)) {
      if (error instanceof CrochetError) error.at ??= { file: revision.file };
      throw error;
    }
    // A migration that uses the result of a write fails on a simulated answer: the plan shows what came before.
    incomplete = `what follows depends on results that are known only when it runs (${messageOf(error)})`;
  }
  return {
    revision: {
      revisionId: revision.revisionId,
      file: revision.file,
      direction,
      rollbackSafe: revision.rollbackSafe,
      operations: planned,
      ...(incomplete && { incomplete }),
      ...(guessed && { guessed }),
    },
    operations,
    refusals: found,
  };
}

/** What an operation answers while it is planned, and what is to be said; `after` operations that change data. */
async function answerFor(
  graph: Graph | undefined,
  operation: Operation,
  batch: string,
  after: boolean,
): Promise<{ value: unknown; changesData: boolean; note?: string }> {
  const changesData = operation.kind !== "begin" && operation.kind !== "schema";
  const value = simulatedAnswer(operation, batch);
  if (operation.kind !== "cypher") return { value, changesData };
  if (!graph) return { value, changesData, note: "not checked without a server" };
  const { queryType, operators } = await explain(graph, operation);
  if (queryType === "r") return { ...await readNow(graph, operation, after), changesData: false };
  const commitsItself = operators.some((name) => /^Transaction(Foreach|Apply)/.test(name));
  const note = commitsItself
    ? "runs at least once: after a crash it may run again, so it must be safe to repeat"
    : undefined;
  return { value, changesData, note };
}

/** A read is asked now; where data would have changed before it, a failure says nothing about the run. */
async function readNow(
  graph: Graph,
  operation: Operation & { kind: "cypher" },
  after: boolean,
): Promise<{ value: unknown; note: string }> {
  try {
    return {
      value: await graph.read(operation.cypher, operation.params),
      note: "a read; it was run for this plan",
    };
  } catch (error) {
    if (!after || !(error instanceof CrochetError) || error.code !== "STATEMENT_REFUSED") throw error;
    return { value: [], note: `a read that fails as the graph is now (${messageOf(error)})` };
  }
}

/** Keeps the catalog of the plan as the operations would leave it. */
function followSchema(operation: Operation & { kind: "schema" }, catalog: CatalogObject[]): void {
  const existing = findShape(catalog, operation.shape);
  if (operation.action === "drop" && existing) catalog.splice(catalog.indexOf(existing), 1);
  if (operation.action === "add" && !existing) {
    catalog.push({
      ...operation.shape,
      name: freeName(catalog, operation.shape),
      serverKind: "",
      state: "PLANNED",
    });
  }
}

/** Every statement has passed the server's own planner before anything runs. */
async function explainEntry(graph: Graph, revision: Revision, entry: PlannedOperation): Promise<Refusal[]> {
  for (const { cypher, values } of entry.statements) {
    try {
      await explain(graph, { cypher, params: values });
    } catch (error) {
      if (!(error instanceof CrochetError) || error.code !== "STATEMENT_REFUSED") throw error;
      const message = `"${revision.revisionId}" asks for ${entry.operation}, and ${messageOf(error)}`;
      return [{ revision, message, hint: error.hint ?? `correct ${revision.file}` }];
    }
  }
  return [];
}

/** How many nodes an upsert would find; of very many rows the first ones. */
async function countKnown(graph: Graph, operation: Operation & { kind: "nodes" }): Promise<number> {
  const labels = operation.labels.map((label) => `:${quoteName(label)}`).join("");
  const keys = operation.mergeKeys.map((key) => `${quoteName(key)}: row.${quoteName(key)}`).join(", ");
  const text = `UNWIND $rows AS row MATCH (n${labels} {${keys}}) RETURN count(n) AS n`;
  const [row] = await graph.read(text, { rows: operation.rows.slice(0, 10_000) });
  return Number(row.n);
}

async function countTouched(graph: Graph, operation: Operation, entry: PlannedOperation): Promise<void> {
  if (operation.kind === "nodes" || operation.kind === "relationships") entry.touches = operation.rows.length;
  if (operation.kind === "nodes" && operation.mode === "upsert" && operation.rows.length > 0) {
    const known = await countKnown(graph, operation);
    if (known > 0) {
      entry.note = `${known} of them are there already; values that differ are overwritten for good`;
    }
  }
  if (entry.statements.length === 0) return;
  const number = async (text: string, params: Record<string, unknown> = {}) =>
    Number((await graph.read(`${text} RETURN count(*) AS n`, params))[0].n);
  if (operation.kind === "deleteBatch") {
    const { text, params } = countBatchStatement(operation);
    entry.touches = Number((await graph.read(text, params))[0].n);
  }
  if (operation.kind === "schema" && operation.action === "add") {
    const { entity, labelOrType, others = [] } = operation.shape;
    // Before 5.0 a node has no alternatives of labels.
    const names = atLeast(graph.info, 5) ? [labelOrType, ...others] : [labelOrType];
    const labels = names.map(quoteName).join("|");
    entry.touches = await number(entity === "node" ? `MATCH (n:${labels})` : `MATCH ()-[r:${labels}]->()`);
  }
  if (operation.kind !== "transform") return;
  const { transform } = operation;
  // Later phases find what the first one made.
  const statements = transformStatements(transform, graph.info);
  const first = transform.what === "turnRelationships" ? statements.slice(0, 1) : statements;
  entry.touches = 0;
  for (const { match, params } of first) entry.touches += await number(match, params);
}
