/**
 * Types of Crochet migrations, for editors. Written by Crochet with every new project and migration; changes to
 * this file are overwritten.
 */
declare module "crochet" {
  /** A value that JavaScript has no type for; made by the functions of this module. */
  export interface MarkedValue {
    readonly "crochet:type": string;
  }

  /** A value of a property: whole numbers become integers, other numbers floats. */
  export type Value = string | number | bigint | boolean | null | undefined | Date | MarkedValue | readonly Value[];

  /** Property names and values of a node or a relationship. */
  export type Row = Record<string, Value>;

  /** A relationship to make: the keys of its ends and its properties. */
  export interface RelationshipRow {
    source: Value;
    target: Value;
    properties?: Row | null;
  }

  /** A float, also where the number is whole: `float(30)` is 30.0. */
  export function float(value: number): MarkedValue;
  /** A date: `date("2024-05-01")`. */
  export function date(value: string): MarkedValue;
  /** A date and time with zone or offset: `dateTime("2024-05-01T12:00:00+02:00")`. */
  export function dateTime(value: string): MarkedValue;
  /** A date and time without a zone. */
  export function localDateTime(value: string): MarkedValue;
  /** A time of day with offset. */
  export function time(value: string): MarkedValue;
  /** A time of day. */
  export function localTime(value: string): MarkedValue;
  /** A duration: `duration("P1Y2M3DT4H")`. */
  export function duration(value: string): MarkedValue;
  /** A point, WGS-84 unless `srid` says otherwise. */
  export function point(x: number, y: number, z?: number, srid?: number): MarkedValue;

  /** The context as another revision has it; a squash calls the revisions that it replaces with it. */
  export function asRevision(ctx: MigrationContext, revisionId: string): MigrationContext;

  export interface FulltextOptions {
    analyzer?: string;
    eventuallyConsistent?: boolean;
  }

  export interface VectorOptions {
    dimensions?: number;
    similarityFunction?: string;
    /** Links of each vector in the graph of the index. */
    hnswM?: number;
    /** Candidates while the index is built. */
    hnswEfConstruction?: number;
    /** Store vectors shortened. */
    quantization?: boolean;
  }

  /** A kind of stored value. */
  export type ValueKind = "string" | "integer" | "float" | "boolean" | "datetime" | "list";

  /** One name, or several: their order shapes a range index. */
  export type Names = string | readonly string[];

  export interface BulkOptions {
    /** Rows in one transaction; 5,000 by default. */
    chunkSize?: number;
    /** Let the server cut the rows into transactions: `CALL { ... } IN TRANSACTIONS`. */
    callInTransactions?: boolean;
  }

  export interface EndOptions {
    /** Property by which the source is found; by default the label's only unique property. */
    sourceKey?: string;
    /** Property by which the target is found; by default the label's only unique property. */
    targetKey?: string;
    /** What to do with a row whose end is missing; "error" by default. */
    onMissing?: "error" | "skip";
  }

  export interface ExceptOptions {
    /** Labels whose nodes are left alone. */
    except?: readonly string[];
  }

  export interface UpsertCounts {
    created: number;
    updated: number;
    unchanged: number;
  }

  /** What a migration can do. Every method is a promise: write `await`. */
  export interface MigrationContext {
    /** Id of this revision. */
    readonly revisionId: string;
    /** Id of this revision's first batch, for `deleteNodesByBatch` in the downgrade. */
    readonly batch: string;
    /** Values of the command line: `--param tenant=acme`. */
    readonly params: Readonly<Record<string, unknown>>;

    addUniqueConstraint(label: string, property: Names): Promise<void>;
    dropUniqueConstraint(label: string, property: Names): Promise<void>;
    /** A range index, over one property or several. */
    addIndex(label: string, property: Names): Promise<void>;
    dropIndex(label: string, property: Names): Promise<void>;
    /** For CONTAINS and ENDS WITH on texts. */
    addTextIndex(label: string, property: string): Promise<void>;
    dropTextIndex(label: string, property: string): Promise<void>;
    addPointIndex(label: string, property: string): Promise<void>;
    dropPointIndex(label: string, property: string): Promise<void>;
    /** May stand over several labels and properties. */
    addFulltextIndex(label: Names, property: Names, options?: FulltextOptions): Promise<void>;
    dropFulltextIndex(label: Names, property: Names): Promise<void>;
    addVectorIndex(label: string, property: string, options?: VectorOptions): Promise<void>;
    dropVectorIndex(label: string, property: string): Promise<void>;
    /** Enterprise Edition only: unique and always there. */
    addNodeKey(label: string, property: Names): Promise<void>;
    dropNodeKey(label: string, property: Names): Promise<void>;
    /** Enterprise Edition only. */
    addNodePropertyExistenceConstraint(label: string, property: string): Promise<void>;
    dropNodePropertyExistenceConstraint(label: string, property: string): Promise<void>;
    /** Enterprise Edition only; the type as Cypher writes it: `"LIST<STRING NOT NULL>"`. */
    addNodePropertyTypeConstraint(label: string, property: string, propertyType: string): Promise<void>;
    dropNodePropertyTypeConstraint(label: string, property: string): Promise<void>;
    addRelationshipUniqueConstraint(type: string, property: Names): Promise<void>;
    dropRelationshipUniqueConstraint(type: string, property: Names): Promise<void>;
    addRelationshipIndex(type: string, property: Names): Promise<void>;
    dropRelationshipIndex(type: string, property: Names): Promise<void>;
    addRelationshipTextIndex(type: string, property: string): Promise<void>;
    dropRelationshipTextIndex(type: string, property: string): Promise<void>;
    addRelationshipPointIndex(type: string, property: string): Promise<void>;
    dropRelationshipPointIndex(type: string, property: string): Promise<void>;
    addRelationshipFulltextIndex(type: Names, property: Names, options?: FulltextOptions): Promise<void>;
    dropRelationshipFulltextIndex(type: Names, property: Names): Promise<void>;
    addRelationshipVectorIndex(type: string, property: string, options?: VectorOptions): Promise<void>;
    dropRelationshipVectorIndex(type: string, property: string): Promise<void>;
    /** Enterprise Edition only. */
    addRelationshipKey(type: string, property: Names): Promise<void>;
    dropRelationshipKey(type: string, property: Names): Promise<void>;
    /** Enterprise Edition only. */
    addRelationshipPropertyExistenceConstraint(type: string, property: string): Promise<void>;
    dropRelationshipPropertyExistenceConstraint(type: string, property: string): Promise<void>;
    /** Enterprise Edition only. */
    addRelationshipPropertyTypeConstraint(type: string, property: string, propertyType: string): Promise<void>;
    dropRelationshipPropertyTypeConstraint(type: string, property: string): Promise<void>;

    renameLabel(old: string, now: string): Promise<{ changed: number }>;
    /** Gives every node of a label another label too. */
    addLabel(label: string, other: string, options?: ExceptOptions): Promise<{ changed: number }>;
    /** Takes another label from every node of a label. */
    removeLabel(label: string, other: string, options?: ExceptOptions): Promise<{ changed: number }>;
    /** Gives nodes another label in place of theirs, by the value of a property: `{ staff: "Employee" }`. */
    splitLabel(
      label: string,
      property: string,
      cases: Readonly<Record<string, string>>,
      options?: { keep?: boolean },
    ): Promise<{ changed: number }>;
    /** Makes one node of those whose keys are equal; cannot be undone. Neo4j 5.26 or newer. */
    mergeNodes(label: string, keys: readonly string[]): Promise<{ changed: number }>;
    renameRelationshipType(old: string, now: string): Promise<{ changed: number }>;
    /** Turns relationships that lead from source to target. */
    changeRelationshipDirection(type: string, source: string, target: string): Promise<{ changed: number }>;
    /** Fills the property where it is missing; existing values stay. */
    addNodeProperty(label: string, property: string, value?: Value, options?: ExceptOptions): Promise<{ changed: number }>;
    removeNodeProperty(label: string, property: string, options?: ExceptOptions): Promise<{ changed: number }>;
    renameNodeProperty(label: string, old: string, now: string, options?: ExceptOptions): Promise<{ changed: number }>;
    /** Converts stored values; those that would not come back the same stop the run, unless `lossy` is set. */
    convertNodeProperty(
      label: string,
      property: string,
      from: ValueKind,
      to: ValueKind,
      options?: ExceptOptions & { lossy?: boolean },
    ): Promise<{ changed: number }>;
    addRelationshipProperty(type: string, property: string, value?: Value): Promise<{ changed: number }>;
    removeRelationshipProperty(type: string, property: string): Promise<{ changed: number }>;
    renameRelationshipProperty(type: string, old: string, now: string): Promise<{ changed: number }>;
    convertRelationshipProperty(
      type: string,
      property: string,
      from: ValueKind,
      to: ValueKind,
      options?: { lossy?: boolean },
    ): Promise<{ changed: number }>;

    /** Runs Cypher and gives its rows. */
    runCypher<T = Record<string, unknown>>(cypher: string, params?: Row | Record<string, unknown>): Promise<T[]>;

    /** Begins a batch and gives its id; by default `<revisionId>:<n>`. */
    beginBatch(id?: string): Promise<string>;
    createNodes(label: string | readonly string[], rows: readonly Row[]): Promise<{ created: number }>;
    upsertNodes(label: string, rows: readonly Row[], options: { mergeKeys: readonly string[] }): Promise<UpsertCounts>;
    createRelationships(
      source: string,
      target: string,
      type: string,
      rows: readonly RelationshipRow[],
      options?: EndOptions,
    ): Promise<{ created: number; missing: number }>;
    upsertRelationships(
      source: string,
      target: string,
      type: string,
      rows: readonly RelationshipRow[],
      options?: EndOptions & { mergeKeys?: readonly string[] },
    ): Promise<UpsertCounts & { missing: number }>;
    bulkCreateNodes(label: string | readonly string[], rows: readonly Row[], options?: BulkOptions): Promise<{ created: number }>;
    bulkUpsertNodes(
      label: string,
      rows: readonly Row[],
      options: BulkOptions & { mergeKeys: readonly string[] },
    ): Promise<UpsertCounts>;
    bulkCreateRelationships(
      source: string,
      target: string,
      type: string,
      rows: readonly RelationshipRow[],
      options?: EndOptions & BulkOptions,
    ): Promise<{ created: number; missing: number }>;
    bulkUpsertRelationships(
      source: string,
      target: string,
      type: string,
      rows: readonly RelationshipRow[],
      options?: EndOptions & BulkOptions & { mergeKeys?: readonly string[] },
    ): Promise<UpsertCounts & { missing: number }>;
    deleteNodesByBatch(label: string, batchId: string): Promise<{ deleted: number }>;
    deleteRelationshipsByBatch(type: string, batchId: string): Promise<{ deleted: number }>;
  }
}
