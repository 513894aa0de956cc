/**
 * Takes the shape of a constraint or an index and gives its identity, its name and its statement.
 * Names and statements are neomodel's own, so that what Crochet makes and what `neomodel_install_labels` makes are
 * the same thing. A shape is what it is by kind, label or type, and properties, never by its name.
 * Source: neomodel 7.0.0, `sync_/schema.py`.
 */
import { canonicalJson, sha256 } from "./digest.ts";

/**
 * What a constraint or an index does. `index` is a range index; `unique`, `key`, `existence` and `type` are
 * constraints, the last three of them Enterprise Edition's.
 */
export type SchemaKind =
  | "index"
  | "text"
  | "point"
  | "unique"
  | "fulltext"
  | "vector"
  | "key"
  | "existence"
  | "type";

/** Options of the index kinds that have some. */
export interface SchemaOptions {
  analyzer?: string;
  eventuallyConsistent?: boolean;
  dimensions?: number;
  similarityFunction?: string;
  /** Links of each vector in the graph of the index; the server's default without it. */
  hnswM?: number;
  /** Candidates while the vector index is built; the server's default without it. */
  hnswEfConstruction?: number;
  /** Does the vector index store its vectors shortened? The server's default without it. */
  quantization?: boolean;
  /** The type that a type constraint asks for, as Cypher writes it: `LIST<STRING NOT NULL>`. */
  propertyType?: string;
}

/** A constraint or an index. */
export interface SchemaObject {
  kind: SchemaKind;
  entity: "node" | "relationship";
  labelOrType: string;
  /** Further labels or types of a full-text index, sorted; `labelOrType` is the first of all. */
  others?: string[];
  properties: string[];
  name: string;
  options?: SchemaOptions;
}

/** The shape without its name. */
export type SchemaShape = Omit<SchemaObject, "name">;

/** Two objects with one key are the same thing in a graph, whatever their names; options are left out. */
export function shapeKey(shape: SchemaShape): string {
  const { entity, kind, labelOrType, others = [] } = shape;
  // The order of properties shapes a range index; a full-text index knows none.
  const properties = kind === "fulltext" ? [...shape.properties].sort() : shape.properties;
  return canonicalJson([entity, kind, labelOrType, properties, ...others]);
}

/** The shape of a key, without options. */
export function shapeOfKey(key: string): SchemaShape {
  const [entity, kind, labelOrType, properties, ...others] = JSON.parse(key) as [
    SchemaShape["entity"],
    SchemaKind,
    string,
    string[],
    ...string[],
  ];
  return { entity, kind, labelOrType, properties, ...(others.length > 0 && { others }) };
}

/** A full-text index over several labels or types, whatever order they were given in. */
export function overLabels(labels: string[]): { labelOrType: string; others?: string[] } {
  const [labelOrType, ...others] = [...new Set(labels)].sort();
  return { labelOrType, ...(others.length > 0 && { others }) };
}

/** Order by label or type, kind, properties: the order of every list of schema objects. */
export function compareShapes(a: SchemaShape, b: SchemaShape): number {
  const [left, right] = [a, b].map((s) =>
    [s.entity, s.labelOrType, s.kind, ...s.properties, ...s.others ?? []].join("\u0000")
  );
  return left < right ? -1 : left > right ? 1 : 0;
}

/** What the server takes where nothing is said; the other options depend on its version. */
const DEFAULT_OPTIONS: Partial<Record<SchemaKind, SchemaOptions>> = {
  fulltext: { analyzer: "standard-no-stop-words", eventuallyConsistent: false },
  vector: { dimensions: 1536, similarityFunction: "cosine" },
};

/**
 * Are the options the same? The server keeps an index whose options differ under the same shape. An option that only
 * one side names is the server's own choice on the other.
 */
export function sameOptions(a: SchemaShape, b: SchemaShape): boolean {
  const [left, right] = [a, b].map((shape) => ({ ...DEFAULT_OPTIONS[shape.kind], ...shape.options }));
  return (Object.keys(left) as (keyof SchemaOptions)[]).every((name) =>
    left[name] === undefined || right[name] === undefined || left[name] === right[name]
  );
}

const NAME_PREFIX: Record<SchemaKind, string> = {
  index: "index",
  text: "text_index",
  point: "point_index",
  unique: "constraint_unique",
  fulltext: "fulltext_index",
  vector: "vector_index",
  key: "constraint_key",
  existence: "constraint_exists",
  type: "constraint_type",
};

/**
 * The name by neomodel's rule.
 *
 * @example
 * ```ts
 * import { schemaName } from "./schema.ts";
 * import assert from "node:assert/strict";
 * assert.equal(
 *   schemaName({ kind: "unique", entity: "node", labelOrType: "Person", properties: ["name"] }),
 *   "constraint_unique_Person_name",
 * );
 * ```
 */
export function schemaName(shape: SchemaShape): string {
  return [NAME_PREFIX[shape.kind], shape.labelOrType, ...shape.others ?? [], ...shape.properties].join("_");
}

/**
 * Gives each shape its name; shapes whose names collide (`A_b`.`c` and `A`.`b_c`) get a suffix made from the
 * shape, except the first in order.
 */
export function nameShapes(shapes: SchemaShape[]): SchemaObject[] {
  const taken = new Set<string>();
  return [...shapes].sort(compareShapes).map((shape) => {
    let name = schemaName(shape);
    if (taken.has(name)) name = distinctName(shape);
    taken.add(name);
    return { ...shape, name };
  });
}

/** The name for a shape whose own name is taken by another shape. */
export function distinctName(shape: SchemaShape): string {
  return `${schemaName(shape)}_${sha256(shapeKey(shape)).slice(0, 8)}`;
}

/** A label, type, property or name as Cypher takes it, whatever it contains. */
export function quoteName(name: string): string {
  // Cypher reads escapes (\u0041) in names too: backslashes before a u are written as such escapes themselves.
  return "`" + name.replace(/\\+(?=u)/g, (run) => run.replaceAll("\\", "\\u005C")).replaceAll("`", "``") +
    "`";
}

/** A string literal of Cypher. */
export function quoteString(text: string): string {
  return "'" + text.replaceAll("\\", "\\\\").replaceAll("'", "\\'") + "'";
}

/** The statement that creates the object, as neomodel 7 sends it. */
export function createStatement(object: SchemaObject): string {
  const label = [object.labelOrType, ...object.others ?? []].map(quoteName).join("|");
  const variable = object.entity === "node" ? "n" : "r";
  const pattern = object.entity === "node" ? `(n:${label})` : `()-[r:${label}]-()`;
  const properties = object.properties.map((property) => `${variable}.${quoteName(property)}`).join(", ");
  const name = quoteName(object.name);
  const { options = {} } = object;
  switch (object.kind) {
    case "index":
      return `CREATE INDEX ${name} FOR ${pattern} ON (${properties})`;
    case "text":
    case "point":
      return `CREATE ${object.kind.toUpperCase()} INDEX ${name} FOR ${pattern} ON (${properties})`;
    case "unique":
    case "key": {
      const what = object.properties.length > 1 ? `(${properties})` : properties;
      const is = object.kind === "unique"
        ? "UNIQUE"
        : object.entity === "node"
        ? "NODE KEY"
        : "RELATIONSHIP KEY";
      return `CREATE CONSTRAINT ${name} FOR ${pattern} REQUIRE ${what} IS ${is}`;
    }
    case "type":
      return `CREATE CONSTRAINT ${name} FOR ${pattern} REQUIRE ${properties} IS :: ${options.propertyType}`;
    case "existence":
      return `CREATE CONSTRAINT ${name} FOR ${pattern} REQUIRE ${properties} IS NOT NULL`;
    case "fulltext": {
      const consistent = options.eventuallyConsistent ? "True" : "False";
      return `CREATE FULLTEXT INDEX ${name} FOR ${pattern} ON EACH [${properties}] OPTIONS { indexConfig: { ` +
        `\`fulltext.analyzer\`: ${quoteString(options.analyzer ?? "standard-no-stop-words")}, ` +
        `\`fulltext.eventually_consistent\`: ${consistent} } }`;
    }
    case "vector": {
      const { dimensions = 1536, similarityFunction = "cosine", hnswM, hnswEfConstruction, quantization } =
        options;
      const config = [
        `\`vector.dimensions\`: ${dimensions}`,
        `\`vector.similarity_function\`: ${quoteString(similarityFunction)}`,
        ...(hnswM === undefined ? [] : [`\`vector.hnsw.m\`: ${hnswM}`]),
        ...(hnswEfConstruction === undefined
          ? []
          : [`\`vector.hnsw.ef_construction\`: ${hnswEfConstruction}`]),
        ...(quantization === undefined ? [] : [`\`vector.quantization.enabled\`: ${quantization}`]),
      ];
      return `CREATE VECTOR INDEX ${name} FOR ${pattern} ON ${properties} OPTIONS { indexConfig: { ${
        config.join(", ")
      } } }`;
    }
  }
}

/** The statement so that it may be repeated: what is there stays, what is gone is gone. */
export function repeatable(statement: string): string {
  return statement
    .replace(/^(CREATE (?:\w+ )?(?:CONSTRAINT|INDEX) `(?:[^`]|``)*`) /, "$1 IF NOT EXISTS ")
    .replace(/^(DROP (?:CONSTRAINT|INDEX) `(?:[^`]|``)*`)$/, "$1 IF EXISTS");
}

/** Is the kind a constraint (and not an index)? */
export function isConstraint(kind: SchemaKind): boolean {
  return kind === "unique" || kind === "key" || kind === "existence" || kind === "type";
}

/** The statement that drops an object by its name. */
export function dropStatement(object: { kind: SchemaKind; name: string }, ifExists = false): string {
  const what = isConstraint(object.kind) ? "CONSTRAINT" : "INDEX";
  return `DROP ${what} ${quoteName(object.name)}${ifExists ? " IF EXISTS" : ""}`;
}

/** The shape in words: `unique Person.name`, `fulltext index on PLACED_IN.note`. */
export function describeShape(shape: SchemaShape): string {
  const what = {
    index: "index",
    text: "text index",
    point: "point index",
    unique: "unique constraint",
    fulltext: "full-text index",
    vector: "vector index",
    key: shape.entity === "node" ? "node key" : "relationship key",
    existence: "existence constraint",
    type: "type constraint",
  };
  const owner = [shape.labelOrType, ...shape.others ?? []].join("|");
  return `${what[shape.kind]} on ${owner}.${shape.properties.join(", ")}`;
}
