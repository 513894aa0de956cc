/**
 * Takes models and gives the intermediate representation (IR) of the schema: what shapes a graph, and nothing else.
 * Nothing in it depends on file paths, file order, class names, the clock or the machine; equal schemas have equal
 * bytes and one SHA-256, the schema hash. Never holds a thing that neomodel does not know.
 */
import { canonicalJson, prettyJson, sha256 } from "./digest.ts";
import { CrochetError } from "./error.ts";
import type { ModelBase, Models, NodeModel, RelModel } from "./neomodel.ts";
import { type DefaultValue, type PropertyModel, propertyShapes } from "./neomodel_property.ts";
import type { PythonProblem } from "./python_world.ts";
import { nameShapes, type SchemaObject, type SchemaShape, shapeKey } from "./schema.ts";
import { snakeCase } from "./text.ts";

/** A property, by its attribute name; members that say nothing are left out. */
export interface PropertyIr {
  name: string;
  /** Name under which Neo4j stores it. */
  property: string;
  type: string;
  required?: true;
  unique?: true;
  index?: true;
  fulltext?: { analyzer: string; eventuallyConsistent: boolean };
  vector?: { dimensions: number; similarityFunction: string };
  /** Allowed values, sorted. */
  choices?: unknown[];
  default?: DefaultValue;
  maxLength?: number;
  format?: string;
  expression?: string;
  baseProperty?: string;
  to?: string;
}

/** A relationship definition of a node. */
export interface RelationshipIr {
  name: string;
  type: string | null;
  direction: "to" | "from" | "either";
  /** kgid of the target, the class name where it has none (abstract), or null where it is not found. */
  target: string | null;
  cardinality: string;
  /** kgid of the relationship's model. */
  model: string | null;
}

/** A node class. */
export interface NodeIr {
  kgid: string;
  label: string;
  /** Inherited labels, nearest first, without the own one. */
  inheritedLabels: string[];
  optionalLabels: string[];
  properties: PropertyIr[];
  relationships: RelationshipIr[];
}

/** A relationship's model. */
export interface RelModelIr {
  kgid: string;
  types: string[];
  properties: PropertyIr[];
}

/** The whole schema. */
export interface SchemaIr {
  format: 1;
  /** Set where `required=True` asks for an existence constraint (`[schema] required = "existence"`). */
  existence?: true;
  nodes: NodeIr[];
  relationshipModels: RelModelIr[];
}

/** The schema of a project without models. */
export const EMPTY_IR: SchemaIr = { format: 1, nodes: [], relationshipModels: [] };

/** SHA-256 of the schema. */
export function schemaHash(ir: SchemaIr): string {
  return sha256(canonicalJson(ir));
}

/** The snapshot file's text. */
export function renderSnapshot(ir: SchemaIr): string {
  return prettyJson(ir);
}

/** Reads a snapshot file's text. @throws CrochetError SNAPSHOT_INVALID */
export function parseSnapshot(text: string, file: string): SchemaIr {
  let value: SchemaIr;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CrochetError("SNAPSHOT_INVALID", `Reading the snapshot "${file}" failed: it is no JSON`, {
      cause,
      at: { file },
      hint: `take the file back from Git: git checkout -- ${file}`,
    });
  }
  if (value?.format !== 1 || !Array.isArray(value.nodes) || !Array.isArray(value.relationshipModels)) {
    throw new CrochetError(
      "SNAPSHOT_INVALID",
      `Reading the snapshot "${file}" failed: it is no schema of format 1`,
      {
        at: { file },
        hint: "use a newer crochet, or take the file back from Git",
      },
    );
  }
  return value;
}

/** A class that lacks a kgid, or shares one, as a problem at its line. */
function kgidProblem(model: ModelBase, message: string, hint: string, code: string): PythonProblem {
  return { severity: "error", code, message, hint, file: model.file, line: model.line, column: 1 };
}

/**
 * Builds the IR. Classes without a kgid, and two with one kgid, are problems with the line to add or to change.
 */
export function buildIr(
  models: Models,
  options: { existence?: boolean } = {},
): { ir: SchemaIr; problems: PythonProblem[] } {
  const problems: PythonProblem[] = [];
  const named = (model: NodeModel | RelModel): boolean => !("abstract" in model && model.abstract);
  const all: (NodeModel | RelModel)[] = [...models.nodes, ...models.relationshipModels];
  const owners = new Map<string, ModelBase>();
  for (const model of all) {
    if (!named(model)) continue;
    if (!model.kgid) {
      problems.push(kgidProblem(
        model,
        `${model.class} has no __kgid__`,
        `add __kgid__ = "${
          snakeCase(model.class.replaceAll(".", "_"))
        }_v1" to the class, or run: crochet kgid --write`,
        "kgid-missing",
      ));
      continue;
    }
    const other = owners.get(model.kgid);
    if (other) {
      problems.push(kgidProblem(
        model,
        `${model.class} has the __kgid__ "${model.kgid}" that ${other.class} has too (${other.file}:${other.line})`,
        "give one of the two another __kgid__; the class that existed first keeps it",
        "kgid-duplicate",
      ));
    } else owners.set(model.kgid, model);
  }
  const kgidOf = new Map<string, string>();
  for (const model of all) kgidOf.set(`${model.module}.${model.class}`, model.kgid ?? model.class);
  // An abstract class that carries a label gets its constraints too, as neomodel installs them.
  const nodes = models.nodes.filter((node) => node.label !== "").map((node) => nodeIr(node, kgidOf));
  const ir: SchemaIr = {
    format: 1,
    ...(options.existence && { existence: true }),
    nodes: sortBy(nodes, (node) => node.kgid),
    relationshipModels: sortBy(
      models.relationshipModels.filter((model) => model.kgid).map((model) => ({
        kgid: model.kgid!,
        types: model.types,
        properties: propertiesIr(model.properties),
      })),
      (model) => model.kgid,
    ),
  };
  return { ir, problems };
}

function nodeIr(node: NodeModel, kgidOf: Map<string, string>): NodeIr {
  const relationships = node.relationships.map((r): RelationshipIr => ({
    name: r.name,
    type: r.type,
    direction: r.direction,
    target: r.target === null ? null : kgidOf.get(r.target) ?? r.target.split(".").at(-1)!,
    cardinality: r.cardinality,
    model: r.model === null ? null : kgidOf.get(r.model) ?? null,
  }));
  return {
    kgid: node.kgid ?? `abstract:${node.class}`,
    label: node.label,
    inheritedLabels: [...new Set(node.labels.slice(1))].filter((label) => label !== node.label),
    optionalLabels: [...node.optionalLabels].sort(),
    properties: propertiesIr(node.properties),
    relationships: sortBy(relationships, (r) => r.name),
  };
}

function propertiesIr(properties: PropertyModel[]): PropertyIr[] {
  const found = properties.map((p): PropertyIr => ({
    name: p.name,
    property: p.property,
    type: p.type,
    ...(p.required && { required: true }),
    ...(p.uniqueIndex && { unique: true }),
    ...(p.index && { index: true }),
    ...(p.fulltextIndex && { fulltext: p.fulltextIndex }),
    ...(p.vectorIndex && { vector: p.vectorIndex }),
    ...(p.choices && { choices: p.choices.map(([value]) => value).sort(compareJson) }),
    ...(p.default && { default: p.default }),
    ...(p.maxLength !== null && { maxLength: p.maxLength }),
    ...(p.format !== null && { format: p.format }),
    ...(p.expression !== null && { expression: p.expression }),
    ...(p.baseProperty !== null && { baseProperty: p.baseProperty }),
    ...(p.to !== null && { to: p.to }),
  }));
  return sortBy(found, (p) => p.name);
}

function compareJson(a: unknown, b: unknown): number {
  const [left, right] = [canonicalJson(a), canonicalJson(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function sortBy<T>(items: T[], key: (item: T) => string): T[] {
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** Every constraint and index that the schema asks for, each once, in order, with distinct names. */
export function schemaObjects(ir: SchemaIr): SchemaObject[] {
  const shapes = new Map<string, SchemaShape>();
  const add = (found: SchemaShape[]) => found.forEach((shape) => shapes.set(shapeKey(shape), shape));
  const models = new Map(ir.relationshipModels.map((model) => [model.kgid, model]));
  for (const node of ir.nodes) {
    add(propertyShapes("node", node.label, node.properties.map(asDeclared)));
    if (ir.existence) add(existenceShapes("node", node.label, node.properties));
    for (const { type, model } of node.relationships) {
      if (type === null || model === null) continue;
      const properties = models.get(model)?.properties ?? [];
      add(propertyShapes("relationship", type, properties.map(asDeclared)));
      if (ir.existence) add(existenceShapes("relationship", type, properties));
    }
  }
  return nameShapes([...shapes.values()]);
}

function existenceShapes(
  entity: "node" | "relationship",
  labelOrType: string,
  properties: PropertyIr[],
): SchemaShape[] {
  return properties.filter((p) => p.required && p.type !== "AliasProperty").map((p) => ({
    kind: "existence",
    entity,
    labelOrType,
    properties: [p.property],
  }));
}

function asDeclared(p: PropertyIr) {
  return {
    property: p.property,
    type: p.type,
    index: p.index ?? false,
    uniqueIndex: p.unique ?? false,
    fulltextIndex: p.fulltext ?? null,
    vectorIndex: p.vector ?? null,
  };
}

/** Stored names of the unique properties of a label: the keys by which rows can be matched. */
export function uniqueKeys(ir: SchemaIr, label: string): string[] {
  return schemaObjects(ir)
    .filter((o) =>
      o.entity === "node" && o.kind === "unique" && o.labelOrType === label && o.properties.length === 1
    )
    .map((o) => o.properties[0]);
}
