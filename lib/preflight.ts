/**
 * Takes a connected graph and one planned operation and gives what would stop it in the middle of a run: values that
 * are not unique, missing, of another type, not convertible, or overwritten; an index that failed to build. Reads
 * only. Says nothing where operations before it would have changed what it looks at.
 */
import { conversionCypher } from "./conversion.ts";
import type { Graph } from "./graph.ts";
import type { CatalogObject } from "./graph_catalog.ts";
import { findShape } from "./graph_operations.ts";
import type { Operation } from "./operation.ts";
import { examplesOf, type Refusal, showValue, transformRefusal } from "./plan.ts";
import type { PlanState } from "./plan_state.ts";
import type { Revision } from "./revision.ts";
import { describeShape, quoteName, schemaName, type SchemaShape } from "./schema.ts";
import { atLeast } from "./server_features.ts";
import { count, sentenceList } from "./text.ts";
import { type Transform, transformCheck } from "./transform.ts";

/** What a check knows besides the operation. */
export interface PreflightContext {
  graph: Graph;
  revision: Revision;
  catalog: CatalogObject[];
  state: PlanState;
  /** Must the way back restore everything? */
  strict: boolean;
  /** Does the revision go on where it stopped? */
  isBegun: boolean;
}

/** What stands in an operation's way. */
export async function preflight(operation: Operation, context: PreflightContext): Promise<Refusal[]> {
  const { catalog, revision } = context;
  if (operation.kind === "schema" && operation.action === "add") {
    const existing = findShape(catalog, operation.shape);
    if (existing) return failedBuild(revision, operation.shape, existing);
    const rival = findRival(catalog, operation.shape);
    // What a server that died left of a constraint is cleared away by the run.
    const isOrphan = context.isBegun && rival?.kind === "index" &&
      rival.name === schemaName(operation.shape);
    if (rival && !isOrphan) return [inTheWay(revision, operation.shape, rival)];
    const places = await presentPlaces(context, operation.shape);
    return places ? await shapeProblems(context, operation.shape, places) : [];
  }
  return operation.kind === "transform" ? await transformProblems(operation, context) : [];
}

/** Where the nodes or relationships of a label or type are now, and under which names their properties. */
interface PresentPlaces {
  owners: string[];
  properties: string[];
}

/** Undefined where an operation before changes what is looked for. */
async function presentPlaces(
  { graph, state }: PreflightContext,
  { entity, labelOrType, properties }: Pick<SchemaShape, "entity" | "labelOrType" | "properties">,
): Promise<PresentPlaces | undefined> {
  if (state.dataChanges) return undefined;
  const owners = entity === "node" ? state.labelsOf(labelOrType) : [labelOrType];
  const present = properties.map((property) => state.propertyOf(entity, labelOrType, property));
  if (!owners || present.some((name) => name === undefined)) return undefined;
  if (owners.length > 1 && !atLeast(graph.info, 5)) return undefined;
  if (entity === "node") {
    const others = properties.flatMap((property) => state.othersThatChanged(labelOrType, property));
    for (const other of others.flatMap((label) => state.labelsOf(label) ?? [label])) {
      for (const owner of owners) {
        if (owner === other) continue;
        const both = `MATCH (n:${quoteName(owner)}:${quoteName(other)}) RETURN 1 AS both LIMIT 1`;
        if ((await graph.read(both)).length > 0) return undefined;
      }
    }
  }
  return { owners, properties: present as string[] };
}

/** The pattern of nodes or relationships, and their properties as Cypher reads them. */
function patternOf(
  entity: "node" | "relationship",
  { owners, properties }: PresentPlaces,
): { pattern: string; values: string[] } {
  const variable = entity === "node" ? "n" : "r";
  const labels = owners.map(quoteName).join("|");
  return {
    pattern: entity === "node" ? `(n:${labels})` : `()-[r:${labels}]->()`,
    values: properties.map((property) => `${variable}.${quoteName(property)}`),
  };
}

async function shapeProblems(
  { graph, revision }: PreflightContext,
  shape: SchemaShape,
  places: PresentPlaces,
): Promise<Refusal[]> {
  if (places.owners.length === 0) return [];
  const found: string[] = [];
  const { kind } = shape;
  if (kind === "unique" || kind === "key") found.push(...await duplicates(graph, shape, places));
  if (kind === "existence" || kind === "key") found.push(...await absences(graph, shape, places));
  if (kind === "type") found.push(...await otherTypes(graph, shape, places));
  return found.map((problem) => ({
    revision,
    message: `"${revision.revisionId}" asks for a ${describeShape(shape)}, but ${problem}`,
    hint: "clean the data first, by hand or in a migration before this one",
  }));
}

/** Values that stand twice, with examples. */
async function duplicates(graph: Graph, shape: SchemaShape, places: PresentPlaces): Promise<string[]> {
  const { pattern, values } = patternOf(shape.entity, places);
  const there = values.map((value) => `${value} IS NOT NULL`).join(" AND ");
  const value = values.length === 1 ? values[0] : `[${values.join(", ")}]`;
  const rows = await graph.read(
    `MATCH ${pattern} WHERE ${there} WITH ${value} AS value, count(*) AS times WHERE times > 1 RETURN value, times ORDER BY times DESC LIMIT 4`,
  );
  if (rows.length === 0) return [];
  const examples = rows.slice(0, 3).map((row) => `${showValue(row.value)} stands ${row.times} times`);
  return [`values are not unique: ${examples.join(", ")}${rows.length > 3 ? ", and more" : ""}`];
}

async function absences(graph: Graph, shape: SchemaShape, places: PresentPlaces): Promise<string[]> {
  const { pattern, values } = patternOf(shape.entity, places);
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

async function otherTypes(graph: Graph, shape: SchemaShape, places: PresentPlaces): Promise<string[]> {
  const { pattern, values: [value] } = patternOf(shape.entity, places);
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

/** Values that a transform would overwrite or cannot convert, and what its way back could not tell apart. */
async function transformProblems(
  operation: Operation & { kind: "transform" },
  context: PreflightContext,
): Promise<Refusal[]> {
  const { graph, revision, strict } = context;
  const { transform } = operation;
  const found: Refusal[] = [];
  const check = transformCheck(transform, graph.info);
  if (check && check.kind !== "turned already") {
    for (const present of await presentTransforms(transform, context)) {
      const [row] = await graph.read(transformCheck(present, graph.info)!.text);
      if (Number(row.n) === 0) continue;
      found.push({ revision, ...transformRefusal(`"${revision.revisionId}"`, operation, row) });
      break;
    }
  }
  const mixed = strict ? await mixedAlready(operation, context) : undefined;
  if (mixed) {
    found.push({
      revision,
      message:
        `"${revision.revisionId}" is marked rollbackSafe, but ${mixed}, and its downgrade cannot tell them apart`,
      hint: `set rollbackSafe = false in ${revision.file}, or: --accept-loss ${revision.revisionId}`,
    });
  }
  return found;
}

/** A transform of one property as it would be on the graph as it is now; none where that cannot be told. */
async function presentTransforms(transform: Transform, context: PreflightContext): Promise<Transform[]> {
  if (transform.what !== "convertProperty" && transform.what !== "renameProperty") return [];
  const { entity, owner } = transform;
  const names = transform.what === "renameProperty" ? [transform.from, transform.to] : [transform.property];
  const places = await presentPlaces(context, { entity, labelOrType: owner, properties: names });
  if (!places) return [];
  const isMoved = places.owners.length !== 1 || places.owners[0] !== owner;
  if (isMoved && transform.except) return [];
  return places.owners.map((label) =>
    transform.what === "renameProperty"
      ? { ...transform, owner: label, from: places.properties[0], to: places.properties[1] }
      : { ...transform, owner: label, property: places.properties[0] }
  );
}

/**
 * What is there already that looks like the result, in words: the way back would take it for the result. Undefined
 * where there is none, or where it cannot be told since data will have changed.
 */
export async function mixedAlready(
  { transform }: Operation & { kind: "transform" },
  context: PreflightContext,
): Promise<string | undefined> {
  const { graph, state } = context;
  if (state.dataChanges) return undefined;
  const number = async (text: string) => Number((await graph.read(`${text} RETURN count(*) AS n`))[0].n);
  if (transform.what === "renameLabel") {
    let there = 0;
    for (const label of state.labelsOf(transform.to) ?? []) {
      there += await number(`MATCH (n:${quoteName(label)})`);
    }
    return there === 0
      ? undefined
      : `${count(there, "node")} ${there === 1 ? "carries" : "carry"} the label ${transform.to} already`;
  }
  if (transform.what === "turnRelationships" && transform.source !== transform.target) {
    const [row] = await graph.read(transformCheck(transform, graph.info)!.text);
    const there = Number(row.n);
    return there === 0
      ? undefined
      : `${count(there, "relationship")} of type ${transform.type} ${
        there === 1 ? "leads" : "lead"
      } that way already`;
  }
  if (transform.what !== "convertProperty") return undefined;
  for (const present of await presentTransforms(transform, context)) {
    if (present.what !== "convertProperty") continue;
    const { entity, owner, property, from, to } = present;
    const place = entity === "node" ? `(n:${quoteName(owner)})` : `()-[n:${quoteName(owner)}]->()`;
    const { isDone } = conversionCypher(`n.${quoteName(property)}`, from, to, graph.info);
    const there = await number(`MATCH ${place} WHERE ${isDone}`);
    if (there > 0) {
      return `${count(there, "value")} of ${owner}.${property} ${there === 1 ? "is" : "are"} ${to} already`;
    }
  }
  return undefined;
}
