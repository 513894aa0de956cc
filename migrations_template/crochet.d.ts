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

  export interface FulltextOptions {
    analyzer?: string;
    eventuallyConsistent?: boolean;
  }

  export interface VectorOptions {
    dimensions?: number;
    similarityFunction?: string;
  }

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

    addUniqueConstraint(label: string, property: string): Promise<void>;
    dropUniqueConstraint(label: string, property: string): Promise<void>;
    addIndex(label: string, property: string): Promise<void>;
    dropIndex(label: string, property: string): Promise<void>;
    addFulltextIndex(label: string, property: string, options?: FulltextOptions): Promise<void>;
    dropFulltextIndex(label: string, property: string): Promise<void>;
    addVectorIndex(label: string, property: string, options?: VectorOptions): Promise<void>;
    dropVectorIndex(label: string, property: string): Promise<void>;
    /** Enterprise Edition only. */
    addNodePropertyExistenceConstraint(label: string, property: string): Promise<void>;
    dropNodePropertyExistenceConstraint(label: string, property: string): Promise<void>;
    addRelationshipUniqueConstraint(type: string, property: string): Promise<void>;
    dropRelationshipUniqueConstraint(type: string, property: string): Promise<void>;
    addRelationshipIndex(type: string, property: string): Promise<void>;
    dropRelationshipIndex(type: string, property: string): Promise<void>;
    addRelationshipFulltextIndex(type: string, property: string, options?: FulltextOptions): Promise<void>;
    dropRelationshipFulltextIndex(type: string, property: string): Promise<void>;
    addRelationshipVectorIndex(type: string, property: string, options?: VectorOptions): Promise<void>;
    dropRelationshipVectorIndex(type: string, property: string): Promise<void>;

    renameLabel(old: string, now: string): Promise<{ changed: number }>;
    /** Gives every node of a label another label too. */
    addLabel(label: string, other: string, options?: ExceptOptions): Promise<{ changed: number }>;
    /** Takes another label from every node of a label. */
    removeLabel(label: string, other: string, options?: ExceptOptions): Promise<{ changed: number }>;
    renameRelationshipType(old: string, now: string): Promise<{ changed: number }>;
    /** Fills the property where it is missing; existing values stay. */
    addNodeProperty(label: string, property: string, value?: Value, options?: ExceptOptions): Promise<{ changed: number }>;
    removeNodeProperty(label: string, property: string, options?: ExceptOptions): Promise<{ changed: number }>;
    renameNodeProperty(label: string, old: string, now: string, options?: ExceptOptions): Promise<{ changed: number }>;
    addRelationshipProperty(type: string, property: string, value?: Value): Promise<{ changed: number }>;
    removeRelationshipProperty(type: string, property: string): Promise<{ changed: number }>;
    renameRelationshipProperty(type: string, old: string, now: string): Promise<{ changed: number }>;

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
