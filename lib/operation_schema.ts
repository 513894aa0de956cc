/**
 * Takes calls that add or drop constraints and indexes and gives them as shapes; one row of the table is one kind,
 * on nodes or on relationships. Options stand in the statement itself, so they are checked word by word.
 */
import type { Arguments, Spec } from "./operation_arguments.ts";
import {
  overLabels,
  type SchemaKind,
  type SchemaObject,
  type SchemaOptions,
  type SchemaShape,
} from "./schema.ts";

/** A constraint or an index that is added or dropped. */
export interface SchemaOperation {
  kind: "schema";
  action: "add" | "drop";
  shape: SchemaShape;
}

/** An operation as a draft writes it: the name of the context's method and its arguments. */
export interface DraftOperation {
  name: string;
  args: unknown[];
}

const KINDS: [string, SchemaKind, "node" | "relationship"][] = [
  ["UniqueConstraint", "unique", "node"],
  ["Index", "index", "node"],
  ["TextIndex", "text", "node"],
  ["PointIndex", "point", "node"],
  ["FulltextIndex", "fulltext", "node"],
  ["VectorIndex", "vector", "node"],
  ["NodeKey", "key", "node"],
  ["NodePropertyExistenceConstraint", "existence", "node"],
  ["NodePropertyTypeConstraint", "type", "node"],
  ["RelationshipUniqueConstraint", "unique", "relationship"],
  ["RelationshipIndex", "index", "relationship"],
  ["RelationshipTextIndex", "text", "relationship"],
  ["RelationshipPointIndex", "point", "relationship"],
  ["RelationshipFulltextIndex", "fulltext", "relationship"],
  ["RelationshipVectorIndex", "vector", "relationship"],
  ["RelationshipKey", "key", "relationship"],
  ["RelationshipPropertyExistenceConstraint", "existence", "relationship"],
  ["RelationshipPropertyTypeConstraint", "type", "relationship"],
];

const OPTION_NAMES: Partial<Record<SchemaKind, (keyof SchemaOptions)[]>> = {
  fulltext: ["analyzer", "eventuallyConsistent"],
  vector: ["dimensions", "similarityFunction", "hnswM", "hnswEfConstruction", "quantization"],
};

/** Kinds that may stand over several properties. */
const COMPOSITE: ReadonlySet<SchemaKind> = new Set(["unique", "index", "fulltext", "key"]);

function shapeOf(
  args: Arguments,
  kind: SchemaKind,
  entity: "node" | "relationship",
  adding: boolean,
): SchemaShape {
  const owner = entity === "node" ? "label" : "type";
  const labels = kind === "fulltext" ? args.nameOrNames(0, owner) : [args.name(0, owner)];
  const options = OPTION_NAMES[kind];
  return {
    kind,
    entity,
    ...overLabels(labels),
    properties: COMPOSITE.has(kind) ? args.nameOrNames(1, "property") : [args.name(1, "property")],
    ...(kind === "type" && adding && { options: { propertyType: args.propertyType(2) } }),
    ...(options && { options: args.schemaOptions(2, options) }),
  };
}

/** Operations that add and drop constraints and indexes, by the name of their method. */
export const SCHEMA_OPERATIONS: [string, Spec<SchemaOperation>][] = KINDS.flatMap(
  ([suffix, kind, entity]) => {
    const owner = entity === "node" ? "label" : "type";
    const property = COMPOSITE.has(kind) ? "property | properties" : "property";
    const options = OPTION_NAMES[kind];
    const last = kind === "type" ? ", propertyType" : options ? `, { ${options.join(", ")} }` : "";
    const first = kind === "fulltext" ? `${owner} | ${owner}s` : owner;
    return (["add", "drop"] as const).map((
      action,
    ): [string, Spec<SchemaOperation>] => [`${action}${suffix}`, {
      signature: `(${first}, ${property}${action === "add" ? last : ""})`,
      parse: (args) => ({ kind: "schema", action, shape: shapeOf(args, kind, entity, action === "add") }),
    }]);
  },
);

const SUFFIX = new Map(KINDS.map(([suffix, kind, entity]) => [`${entity} ${kind}`, suffix]));

function draftArguments({ labelOrType, others = [], properties }: SchemaShape): unknown[] {
  return [
    others.length > 0 ? [labelOrType, ...others] : labelOrType,
    properties.length > 1 ? properties : properties[0],
  ];
}

/** The operation that creates a schema object. */
export function draftCreate(object: SchemaObject): DraftOperation {
  const args = draftArguments(object);
  if (object.kind === "type") args.push(object.options?.propertyType);
  else if (object.options) args.push(object.options);
  return { name: `add${SUFFIX.get(`${object.entity} ${object.kind}`)}`, args };
}

/** The operation that drops a schema object. */
export function draftDrop(object: SchemaShape): DraftOperation {
  return { name: `drop${SUFFIX.get(`${object.entity} ${object.kind}`)}`, args: draftArguments(object) };
}
