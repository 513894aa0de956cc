/**
 * Takes a connected graph and one planned operation and gives what would stop it in the middle of a run: values that
 * are not unique, missing, of another type, not convertible, or overwritten; an index that failed to build. Reads
 * only. Says nothing where operations before it would have changed what it looks at.
 */
import type { Graph } from "./graph.ts";
import type { CatalogObject } from "./graph_catalog.ts";
import { findShape } from "./graph_operations.ts";
import type { Operation } from "./operation.ts";
import { examplesOf, type Refusal, showValue, transformRefusal } from "./plan.ts";
import type { Revision } from "./revision.ts";
import { describeShape, quoteName, type SchemaShape } from "./schema.ts";
import { count, sentenceList } from "./text.ts";
import { type Transform, transformCheck } from "./transform.ts";

/** What operations before a check would have changed: then the graph as it is now says nothing about it. */
export interface PlanState {
  /** Anything may be different. */
  dataChanges: boolean;
  /** Only these properties are, by name, of these labels or types. */
  properties: Map<string, Set<string>>;
}

/** Notes what an operation would change. */
export function noteChange(operation: Operation, state: PlanState): void {
  const touched = operation.kind === "transform" ? propertiesOf(operation.transform) : undefined;
  if (!touched) {
    state.dataChanges = true;
    return;
  }
  for (const property of touched.properties) {
    const owners = state.properties.get(property) ?? new Set<string>();
    state.properties.set(property, owners.add(`${touched.entity}:${touched.owner}`));
  }
}

/** The properties that a transform changes; undefined where it changes more than that. */
function propertiesOf(
  transform: Transform,
): { entity: string; owner: string; properties: string[] } | undefined {
  if (!("owner" in transform)) return undefined;
  const { entity, owner } = transform;
  const properties = transform.what === "renameProperty"
    ? [transform.from, transform.to]
    : [transform.property];
  return { entity, owner, properties };
}

/** Did an operation before change such a property, of the same nodes or relationships? */
async function isChanged(
  graph: Graph,
  state: PlanState,
  entity: "node" | "relationship",
  owner: string,
  properties: string[],
): Promise<boolean> {
  for (const changed of properties.flatMap((property) => [...state.properties.get(property) ?? []])) {
    const [kind, other] = [changed.slice(0, changed.indexOf(":")), changed.slice(changed.indexOf(":") + 1)];
    if (kind !== entity) continue;
    if (other === owner) return true;
    // A node may carry both labels.
    if (entity === "node") {
      const rows = await graph.read(
        `MATCH (n:${quoteName(owner)}:${quoteName(other)}) RETURN 1 AS both LIMIT 1`,
      );
      if (rows.length > 0) return true;
    }
  }
  return false;
}

/** What stands in an operation's way as the graph is now. */
export async function preflight(
  graph: Graph,
  revision: Revision,
  operation: Operation,
  catalog: CatalogObject[],
  state: PlanState,
): Promise<Refusal[]> {
  if (operation.kind === "schema" && operation.action === "add") {
    const existing = findShape(catalog, operation.shape);
    if (existing) return failedBuild(revision, operation.shape, existing);
    const rival = findRival(catalog, operation.shape);
    if (rival) return [inTheWay(revision, operation.shape, rival)];
    const { entity, labelOrType, properties } = operation.shape;
    if (state.dataChanges || await isChanged(graph, state, entity, labelOrType, properties)) return [];
    return await shapeProblems(graph, revision, operation.shape);
  }
  return operation.kind === "transform" ? await transformProblems(graph, revision, operation, state) : [];
}

/** The pattern of a shape's nodes or relationships, and its properties as Cypher reads them. */
function patternOf({ entity, labelOrType, properties }: SchemaShape): { pattern: string; values: string[] } {
  const variable = entity === "node" ? "n" : "r";
  const label = quoteName(labelOrType);
  return {
    pattern: entity === "node" ? `(n:${label})` : `()-[r:${label}]->()`,
    values: properties.map((property) => `${variable}.${quoteName(property)}`),
  };
}

async function shapeProblems(graph: Graph, revision: Revision, shape: SchemaShape): Promise<Refusal[]> {
  const found: string[] = [];
  const { kind } = shape;
  if (kind === "unique" || kind === "key") found.push(...await duplicates(graph, shape));
  if (kind === "existence" || kind === "key") found.push(...await absences(graph, shape));
  if (kind === "type") found.push(...await otherTypes(graph, shape));
  return found.map((problem) => ({
    revision,
    message: `"${revision.revisionId}" asks for a ${describeShape(shape)}, but ${problem}`,
    hint: "clean the data first, by hand or in a migration before this one",
  }));
}

/** Values that stand twice, with examples. */
async function duplicates(graph: Graph, shape: SchemaShape): Promise<string[]> {
  const { pattern, values } = patternOf(shape);
  const there = values.map((value) => `${value} IS NOT NULL`).join(" AND ");
  const value = values.length === 1 ? values[0] : `[${values.join(", ")}]`;
  const rows = await graph.read(
    `MATCH ${pattern} WHERE ${there} WITH ${value} AS value, count(*) AS times WHERE times > 1 RETURN value, times ORDER BY times DESC LIMIT 4`,
  );
  if (rows.length === 0) return [];
  const examples = rows.slice(0, 3).map((row) => `${showValue(row.value)} stands ${row.times} times`);
  return [`values are not unique: ${examples.join(", ")}${rows.length > 3 ? ", and more" : ""}`];
}

async function absences(graph: Graph, shape: SchemaShape): Promise<string[]> {
  const { pattern, values } = patternOf(shape);
  const [row] = await graph.read(
    `MATCH ${pattern} WHERE ${values.map((value) => `${value} IS NULL`).join(" OR ")} RETURN count(*) AS n`,
  );
  const what = shape.entity === "node" ? "node" : "relationship";
  return Number(row.n) === 0 ? [] : [
    `${count(Number(row.n), what)} ${Number(row.n) === 1 ? "has" : "have"} no ${
      sentenceList(shape.properties)
    }`,
  ];
}

async function otherTypes(graph: Graph, shape: SchemaShape): Promise<string[]> {
  const { pattern, values: [value] } = patternOf(shape);
  const type = shape.options!.propertyType;
  const [row] = await graph.read(
    `MATCH ${pattern} WHERE ${value} IS NOT NULL AND NOT ${value} IS :: ${type} WITH ${value} AS value ` +
      "RETURN count(*) AS n, collect(DISTINCT value)[..3] AS examples",
  );
  return Number(row.n) === 0
    ? []
    : [`${count(Number(row.n), "value")} of another type: ${examplesOf(row.examples)}`];
}

/** A range index and a uniqueness constraint over the same properties cannot stand beside each other. */
function findRival(catalog: CatalogObject[], shape: SchemaShape): CatalogObject | undefined {
  const rivals = { unique: ["index", "key"], key: ["index", "unique"], index: ["unique", "key"] } as const;
  return (rivals[shape.kind as "index"] ?? []).map((kind) => findShape(catalog, { ...shape, kind }))
    .find((object) => object !== undefined);
}

function inTheWay(revision: Revision, shape: SchemaShape, rival: CatalogObject): Refusal {
  const has = describeShape({ ...shape, kind: rival.kind as SchemaShape["kind"] });
  return {
    revision,
    message: `"${revision.revisionId}" asks for a ${
      describeShape(shape)
    }, but the ${has} is there as "${rival.name}"`,
    hint: "drop that one first, in the migration or by hand",
  };
}

function failedBuild(revision: Revision, shape: SchemaShape, existing: CatalogObject): Refusal[] {
  if (existing.state !== "FAILED") return [];
  return [{
    revision,
    message: `"${revision.revisionId}" would adopt the ${
      describeShape(shape)
    } that is there as "${existing.name}", but its building failed`,
    hint: `drop it and look at its failureMessage: DROP INDEX ${quoteName(existing.name)}`,
  }];
}

/** Values that a transform would overwrite or cannot convert. */
async function transformProblems(
  graph: Graph,
  revision: Revision,
  operation: Operation & { kind: "transform" },
  state: PlanState,
): Promise<Refusal[]> {
  const { transform } = operation;
  const check = transformCheck(transform, graph.info);
  if (!check || check.kind === "turned already" || state.dataChanges) return [];
  const touched = propertiesOf(transform)!;
  const { entity, owner, properties } = touched;
  if (await isChanged(graph, state, entity as "node", owner, properties)) return [];
  const [row] = await graph.read(check.text);
  if (Number(row.n) === 0) return [];
  return [{ revision, ...transformRefusal(`"${revision.revisionId}"`, operation, row) }];
}
