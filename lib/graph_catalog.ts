/**
 * Takes a connection and gives the constraints and indexes that live in the graph, by shape. Differences between
 * server versions (names of kinds, columns, default language) end here. Never changes anything.
 */
import type { Graph } from "./graph.ts";
import type { Row } from "./operation_arguments.ts";
import {
  compareShapes,
  overLabels,
  type SchemaKind,
  type SchemaObject,
  type SchemaOptions,
} from "./schema.ts";
import { atLeast } from "./server_features.ts";

/** A constraint or index of the graph; kinds that Crochet does not make are "other". */
export interface CatalogObject extends Omit<SchemaObject, "kind"> {
  kind: SchemaKind | "other";
  /** The server's own word for the kind. */
  serverKind: string;
  state: string;
}

const CONSTRAINTS: Record<string, SchemaKind> = {
  UNIQUENESS: "unique",
  NODE_PROPERTY_UNIQUENESS: "unique",
  RELATIONSHIP_UNIQUENESS: "unique",
  RELATIONSHIP_PROPERTY_UNIQUENESS: "unique",
  NODE_PROPERTY_EXISTENCE: "existence",
  RELATIONSHIP_PROPERTY_EXISTENCE: "existence",
  NODE_KEY: "key",
  RELATIONSHIP_KEY: "key",
  NODE_PROPERTY_TYPE: "type",
  RELATIONSHIP_PROPERTY_TYPE: "type",
};
const INDEXES: Record<string, SchemaKind> = {
  RANGE: "index",
  BTREE: "index",
  TEXT: "text",
  POINT: "point",
  FULLTEXT: "fulltext",
  VECTOR: "vector",
};

/** Everything in the catalog but the indexes of constraints, the token lookups, and Crochet's own objects. */
export async function readCatalog(graph: Graph): Promise<CatalogObject[]> {
  // The columns are those of Cypher 5; a database may have another default language.
  const prefix = atLeast(graph.info, 5, 21) ? "CYPHER 5 " : "";
  const [constraints, indexes] = await Promise.all([
    graph.read(`${prefix}SHOW CONSTRAINTS YIELD *`),
    graph.read(`${prefix}SHOW INDEXES YIELD *`),
  ]);
  const owned = new Set(constraints.map((row) => row.name));
  const found = [
    ...constraints.map((row) => catalogObject(row, CONSTRAINTS[String(row.type)] ?? "other", "ONLINE")),
    ...indexes.filter((row) => row.type !== "LOOKUP" && !row.owningConstraint && !owned.has(row.name))
      .map((row) => catalogObject(row, indexKind(row), String(row.state))),
  ];
  return found.filter((object) => !isOwn(object)).sort((a, b) =>
    compareShapes(a as SchemaObject, b as SchemaObject)
  );
}

/** Only a full-text index stands over several labels; newer servers let a vector index too. */
function indexKind(row: Row): SchemaKind | "other" {
  const kind = INDEXES[String(row.type)] ?? "other";
  return (row.labelsOrTypes as string[]).length === 1 || kind === "fulltext" ? kind : "other";
}

/** Does the object belong to Crochet's own record? */
export function isOwn(object: { name: string; labelOrType: string }): boolean {
  return /^_crochet/i.test(object.name) || /^_Crochet/.test(object.labelOrType);
}

function catalogObject(row: Row, kind: SchemaKind | "other", state: string): CatalogObject {
  const options = readOptions(kind, row);
  const labels = row.labelsOrTypes as string[];
  return {
    kind,
    entity: row.entityType === "NODE" ? "node" : "relationship",
    ...(kind === "other" ? { labelOrType: labels.join("|") } : overLabels(labels)),
    properties: row.properties as string[],
    name: String(row.name),
    serverKind: String(row.type),
    state,
    ...(options ? { options } : {}),
  };
}

function readOptions(kind: SchemaKind | "other", row: Row): SchemaOptions | undefined {
  const config = (row.options as { indexConfig?: Row } | undefined)?.indexConfig ?? {};
  if (kind === "type") return { propertyType: String(row.propertyType) };
  if (kind === "fulltext") {
    return {
      analyzer: String(config["fulltext.analyzer"] ?? "standard-no-stop-words"),
      eventuallyConsistent: config["fulltext.eventually_consistent"] === true,
    };
  }
  if (kind === "vector") {
    return {
      dimensions: Number(config["vector.dimensions"] ?? 0),
      similarityFunction: String(config["vector.similarity_function"] ?? "cosine").toLowerCase(),
      ...("vector.hnsw.m" in config && { hnswM: Number(config["vector.hnsw.m"]) }),
      ...("vector.hnsw.ef_construction" in config &&
        { hnswEfConstruction: Number(config["vector.hnsw.ef_construction"]) }),
      ...("vector.quantization.enabled" in config &&
        { quantization: config["vector.quantization.enabled"] === true }),
      // Newer servers name a way of shortening, or NONE.
      ...("vector.quantization.type" in config &&
        { quantization: String(config["vector.quantization.type"]).toUpperCase() !== "NONE" }),
    };
  }
  return undefined;
}
