/**
 * Takes a project and its graph and gives where the graph has drifted: constraints and indexes that are missing, extra
 * or have other options, by shape and not by name, and data that no model knows. What other tools keep in the graph is
 * known as theirs. Changes nothing; a draft of the migration that would mend it is another step.
 */
import { appliedSchema } from "./applied_schema.ts";
import { linked } from "./chain.ts";
import { cypherSections } from "./cypher_text.ts";
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { type CatalogObject, readCatalog } from "./graph_catalog.ts";
import { findShape } from "./graph_operations.ts";
import { EMPTY_IR, type SchemaIr, schemaObjects } from "./ir.ts";
import { collectOperations } from "./migration.ts";
import type { Project } from "./project.ts";
import type { AppliedRevision } from "./record.ts";
import type { Revision } from "./revision.ts";
import { Sandbox } from "./sandbox.ts";
import {
  quoteName,
  sameOptions,
  type SchemaObject,
  type SchemaShape,
  shapeKey,
  shapeOfKey,
} from "./schema.ts";

/** One difference between the live catalog and what the applied revisions made. */
export type CatalogDrift =
  | { kind: "missing"; shape: SchemaShape; from: string }
  | { kind: "extra"; shape: CatalogObject }
  | { kind: "changed"; shape: SchemaShape; live: CatalogObject; from: string }
  /** The index is there, but its building failed. */
  | { kind: "failed"; shape: CatalogObject };

/** An object that another tool keeps for itself. */
export interface ForeignObject {
  name: string;
  owner: string;
}

/** Data that no model knows. */
export interface UnknownData {
  kind: "label" | "type" | "property";
  /** The label or type; for a property the one that carries it. */
  owner: string;
  property?: string;
  entity: "node" | "relationship";
  /** How many nodes or relationships have it, among those that were looked at. */
  count: number;
}

/** The whole report. */
export interface DriftReport {
  /** The last applied revision, which the graph should look like; undefined where none is applied. */
  revisionId?: string;
  catalog: CatalogDrift[];
  foreign: ForeignObject[];
  unknown: UnknownData[];
  /** How many nodes of each label were looked at, at most; undefined for all. */
  sample?: number;
}

/** What to compare. */
export interface DriftRequest {
  project: Project;
  graph: Graph;
  revisions: Revision[];
  applied: AppliedRevision[];
  /** Look at all data, and not at a sample. */
  full: boolean;
  /** How many nodes or relationships of each label or type are looked at. */
  sample: number;
}

/** Labels and names that belong to other tools; sources: their code and graphs that they made. */
const FOREIGN: [owner: string, label: RegExp, name: RegExp][] = [
  [
    "neo4j-migrations",
    /^__Neo4jMigration/,
    /^(unique_version___Neo4jMigration|idx_version___Neo4jMigration|repeated_at__Neo4jMigration|__Neo4jMigrationsLock__.*)$/,
  ],
  ["Liquibase", /^__Liqui/, /^(unique_liquibase_|node_key_liquibase_|index_liquibase_).*/],
];

/** Finds the drift. */
export async function findDrift(request: DriftRequest): Promise<DriftReport> {
  const { project, graph, revisions, applied } = request;
  const last = applied.at(-1);
  const head = revisions.find((revision) => revision.revisionId === last?.revisionId);
  if (last && !head) {
    throw new CrochetError(
      "CHAIN_BROKEN",
      `The revision "${last.revisionId}" is applied, but its file is missing`,
      {
        hint: "take it back from Git, or pull the branch that has it",
      },
    );
  }
  const ir = head ? appliedSchema(project, linked(revisions), applied) : EMPTY_IR;
  const wanted = await wantedObjects(project, revisions, applied, ir);
  const all = await readCatalog(graph);
  const named = namesInCypher(revisions, applied);
  const foreign = all.flatMap((object): ForeignObject[] => {
    const owner = foreignOwner(object.labelOrType, object.name) ??
      (named.has(object.name) && !findIn(wanted, object) ? `"${named.get(object.name)}"` : undefined);
    return owner === undefined ? [] : [{ name: object.name, owner }];
  });
  const theirs = new Set(foreign.map(({ name }) => name));
  const catalog = all.filter((object) => !theirs.has(object.name));
  return {
    ...(head && { revisionId: head.revisionId }),
    catalog: compareCatalog(wanted, catalog),
    foreign,
    unknown: await unknownData(graph, ir, request.full ? undefined : request.sample),
    ...(!request.full && { sample: request.sample }),
  };
}

function foreignOwner(label: string, name: string): string | undefined {
  return FOREIGN.find(([, labels, names]) => labels.test(label) || names.test(name))?.[0];
}

/** A constraint or index that the applied revisions made, and where it comes from. */
interface Wanted {
  shape: SchemaShape;
  from: string;
}

function findIn(wanted: Map<string, Wanted>, object: CatalogObject): boolean {
  return object.kind !== "other" && wanted.has(shapeKey(object as SchemaObject));
}

/**
 * The models' constraints and indexes, and those that migrations made by hand: the record says what each run made and
 * dropped. What was recorded without a run is asked for its operations.
 */
async function wantedObjects(
  project: Project,
  revisions: Revision[],
  applied: AppliedRevision[],
  ir: SchemaIr,
): Promise<Map<string, Wanted>> {
  const wanted = new Map<string, Wanted>();
  const sandbox = new Sandbox(project.settings.timeLimitMs);
  try {
    for (const { revisionId, made, dropped } of applied) {
      const revision = revisions.find((candidate) => candidate.revisionId === revisionId);
      const asked = revision ? await schemaOperations(project, revision, sandbox) : [];
      for (const key of dropped ?? []) wanted.delete(key);
      for (const key of made ?? []) wanted.set(key, { shape: shapeOfKey(key), from: revisionId });
      for (const { action, shape } of asked) {
        const key = shapeKey(shape);
        // The record has no options; without a record the operations are all there is.
        if (action === "add" && (!made || wanted.has(key))) wanted.set(key, { shape, from: revisionId });
        else if (action === "drop" && !dropped) wanted.delete(key);
      }
    }
  } finally {
    sandbox.close();
  }
  // What the models ask for is asked for, also where a migration in plain Cypher made it.
  for (const object of schemaObjects(ir)) {
    wanted.set(shapeKey(object), { shape: object, from: wanted.get(shapeKey(object))?.from ?? "the models" });
  }
  return wanted;
}

/** The schema operations of a revision; none where it cannot be asked. */
async function schemaOperations(
  project: Project,
  revision: Revision,
  sandbox: Sandbox,
): Promise<{ action: "add" | "drop"; shape: SchemaShape }[]> {
  try {
    const { operations } = await collectOperations(project, revision, "upgrade", sandbox);
    return operations.flatMap(({ operation }) => (operation.kind === "schema" ? [operation] : []));
  } catch (error) {
    if (error instanceof CrochetError) return [];
    throw error;
  }
}

/** Names of constraints and indexes that Cypher makes, of revisions that the record knows nothing of, with the revision. */
function namesInCypher(revisions: Revision[], applied: AppliedRevision[]): Map<string, string> {
  const names = new Map<string, string>();
  const made = /\bCREATE\s+(?:\w+\s+)?(?:CONSTRAINT|INDEX)\s+(?:`((?:[^`]|``)+)`|(?!IF\b|FOR\b)(\w+))/gi;
  for (const { revisionId, made: isKnown } of applied) {
    const revision = revisions.find((candidate) => candidate.revisionId === revisionId);
    if (!revision || isKnown) continue;
    const text = revision.language === "cypher"
      ? cypherSections(revision).upgrade.map((statement) => statement.text).join("\n")
      : revision.text.split(/export async function downgrade\b/)[0];
    for (const [, quoted, plain] of text.matchAll(made)) {
      names.set(quoted?.replaceAll("``", "`") ?? plain, revisionId);
    }
  }
  return names;
}

function compareCatalog(wanted: Map<string, Wanted>, catalog: CatalogObject[]): CatalogDrift[] {
  const drift: CatalogDrift[] = [];
  for (const { shape, from } of wanted.values()) {
    const live = findShape(catalog, shape);
    if (!live) drift.push({ kind: "missing", shape, from });
    else if (!sameOptions(live as SchemaObject, shape)) drift.push({ kind: "changed", shape, live, from });
  }
  for (const object of catalog) {
    if (object.state === "FAILED") drift.push({ kind: "failed", shape: object });
    else if (!findIn(wanted, object)) drift.push({ kind: "extra", shape: object });
  }
  return drift;
}

/** Stored names by label or type. */
function knownProperties(
  ir: SchemaIr,
): { labels: Map<string, Set<string>>; types: Map<string, Set<string>> } {
  const [labels, types] = [new Map<string, Set<string>>(), new Map<string, Set<string>>()];
  const add = (map: Map<string, Set<string>>, owner: string, properties: { property: string }[]) => {
    const all = map.get(owner) ?? new Set<string>();
    properties.forEach(({ property }) => all.add(property));
    map.set(owner, all);
  };
  const models = new Map(ir.relationshipModels.map((model) => [model.kgid, model]));
  for (const node of ir.nodes) {
    for (const label of [node.label, ...node.inheritedLabels, ...node.optionalLabels]) {
      add(labels, label, node.properties);
    }
    for (const { type, model } of node.relationships) {
      if (type !== null) add(types, type, model === null ? [] : models.get(model)?.properties ?? []);
    }
  }
  for (const model of ir.relationshipModels) {
    for (const type of model.types) add(types, type, model.properties);
  }
  return { labels, types };
}

async function unknownData(graph: Graph, ir: SchemaIr, sample: number | undefined): Promise<UnknownData[]> {
  const { labels, types } = knownProperties(ir);
  const found: UnknownData[] = [];
  const limit = sample === undefined ? "" : ` WITH n LIMIT ${sample}`;
  for (const entity of ["node", "relationship"] as const) {
    const [call, column] = entity === "node"
      ? ["db.labels", "label"]
      : ["db.relationshipTypes", "relationshipType"];
    const known = entity === "node" ? labels : types;
    const rows = await graph.read(`CALL ${call}() YIELD ${column} RETURN ${column} AS name ORDER BY name`);
    for (const name of rows.map((row) => String(row.name))) {
      if (/^_Crochet/.test(name) || foreignOwner(name, "") || isForeignType(name, known)) continue;
      const pattern = entity === "node" ? `(n:${quoteName(name)})` : `()-[n:${quoteName(name)}]->()`;
      if (!known.has(name)) {
        const [row] = await graph.read(`MATCH ${pattern} RETURN count(n) AS n`);
        if (Number(row.n) > 0) {
          found.push({
            kind: entity === "node" ? "label" : "type",
            owner: name,
            entity,
            count: Number(row.n),
          });
        }
        continue;
      }
      const keys = await graph.read(
        `MATCH ${pattern}${limit} UNWIND keys(n) AS key WITH key, count(*) AS n ` +
          "WHERE NOT key STARTS WITH '_crochet' RETURN key, n ORDER BY key",
      );
      for (const { key, n } of keys) {
        if (known.get(name)!.has(String(key))) continue;
        found.push({ kind: "property", owner: name, property: String(key), entity, count: Number(n) });
      }
    }
  }
  return found;
}

/** Types that migration tools use between their own nodes. */
function isForeignType(name: string, known: ReadonlyMap<string, unknown>): boolean {
  return /^(MIGRATED_TO|REPEATED)$/.test(name) && !known.has(name);
}
