/**
 * Takes checked operations of a running revision, one after another, and carries them out exactly once. A data
 * operation commits its mark in the transaction of its rows; a schema operation is looked up by shape; a transform
 * finds only what is still to be done. What a run before this one finished is answered from its marks.
 */
import {
  deleteBatchStatement,
  endsStatement,
  nodesStatement,
  relationshipsStatement,
  renameConflicts,
  serverBatched,
  type Statement,
  transformStatement,
} from "./cypher.ts";
import { canonicalJson, sha256 } from "./digest.ts";
import { CrochetError } from "./error.ts";
import type { Answer, Graph, Transaction } from "./graph.ts";
import { type CatalogObject, readCatalog } from "./graph_catalog.ts";
import {
  type BatchShare,
  checkLock,
  isMarkTaken,
  type LockToken,
  type Mark,
  markId,
  readMarks,
  writeMark,
} from "./graph_record.ts";
import { type SchemaIr, uniqueKeys } from "./ir.ts";
import { describeOperation, type Operation, type RelationshipRow, type Row } from "./operation.ts";
import {
  createStatement,
  describeShape,
  distinctName,
  dropStatement,
  sameOptions,
  schemaName,
  type SchemaObject,
  type SchemaShape,
  shapeKey,
} from "./schema.ts";
import { count, sentenceList } from "./text.ts";

/** A revision while it runs. */
export interface RevisionRun {
  graph: Graph;
  token: LockToken;
  /** Throws where the lock is known to be lost. */
  checkHeld(): void;
  revisionId: string;
  direction: "upgrade" | "downgrade";
  /** The schema after the revision: unique properties are the default keys of relationships. */
  ir: SchemaIr;
  /** Keys of the shapes that were there before the revision's first try. */
  before: Set<string>;
  /** Keys of the shapes that the revision's upgrade found and adopted: its downgrade leaves them. */
  adoptedEarlier: Set<string>;
  /** The catalog as it stands now; schema operations keep it up to date. */
  catalog: CatalogObject[];
  /** Says what a person should know, one line. */
  note(line: string): void;
}

/** Largest JSON text of a result that is kept for a resumed run. */
const RESULT_LIMIT = 256 * 1024;

/** Default id of the n-th batch of a revision. */
export function defaultBatch(revisionId: string, n: number): string {
  return `${revisionId}:${n}`;
}

/** Carries out the operations of one revision. */
export class OperationRunner {
  /** Keys of the shapes that were found and adopted. */
  readonly adopted = new Set<string>();
  /** Digests of the operations so far, in order. */
  readonly done: string[] = [];
  /** Did the run make an index that may still be filling? */
  madeIndex = false;
  private readonly marks = new Map<number, Mark[]>();
  private lastMarked = -1;
  private index = -1;
  private batches = 0;
  private batch: string | undefined;

  /** `expected`: digests of the operations that an earlier try had done when it failed. */
  constructor(private readonly run: RevisionRun, private readonly expected: string[] = []) {}

  /** Loads the marks of what an earlier try of the revision finished. */
  async resume(): Promise<void> {
    for (const mark of await readMarks(this.run.graph, this.run.revisionId, this.run.direction)) {
      this.marks.set(mark.index, [...this.marks.get(mark.index) ?? [], mark]);
      this.lastMarked = Math.max(this.lastMarked, mark.index);
    }
  }

  /** Number of operations that were begun. */
  get count(): number {
    return this.index + 1;
  }

  /** Carries out the next operation; gives what the migration gets back. */
  async perform(operation: Operation): Promise<unknown> {
    this.run.checkHeld();
    const index = ++this.index;
    const digest = sha256(canonicalJson(operation));
    const marks = this.marks.get(index) ?? [];
    const other = marks.find((mark) => mark.digest !== digest);
    if (other || (this.expected[index] ?? digest) !== digest) throw this.divergence(index, operation);
    const result = await this.dispatch(operation, index, digest, marks);
    this.done.push(digest);
    return result;
  }

  private divergence(index: number, operation: Operation): CrochetError {
    return new CrochetError(
      "RESUME_REFUSED",
      `The run of "${this.run.revisionId}" stopped before, and its operation ${
        index + 1
      } was another one then: now it is ${describeOperation(operation)}`,
      { hint: `take the file back as it was, or decide: crochet resolve ${this.run.revisionId} --redo` },
    );
  }

  private dispatch(operation: Operation, index: number, digest: string, marks: Mark[]): Promise<unknown> {
    // Operations before the last mark are done: operations run in order, and marks are written in order.
    const passed = index < this.lastMarked;
    switch (operation.kind) {
      case "begin":
        this.batch = operation.batch ?? defaultBatch(this.run.revisionId, ++this.batches);
        return Promise.resolve(this.batch);
      case "schema":
        return passed
          ? Promise.resolve(undefined)
          : operation.action === "add"
          ? this.addSchema(operation.shape)
          : this.dropSchema(operation.shape);
      case "transform":
      case "deleteBatch":
        return this.batchedOperation(operation, index, digest, marks);
      case "cypher":
        return this.cypher(operation, index, digest, marks);
      case "nodes":
      case "relationships":
        return this.rows(operation, index, digest, marks);
    }
  }

  private async addSchema(shape: SchemaShape): Promise<undefined> {
    const { run } = this;
    const key = shapeKey(shape);
    const existing = findShape(run.catalog, shape);
    if (existing) {
      if (!sameOptions(existing as SchemaObject, shape)) {
        throw new CrochetError(
          "MIGRATION_FAILED",
          `The ${describeShape(shape)} exists as "${existing.name}" with other options: ${
            canonicalJson(existing.options)
          }`,
          {
            hint: "drop it first in the migration",
          },
        );
      }
      if (run.before.has(key)) {
        this.adopted.add(key);
        run.note(`adopted the ${describeShape(shape)} that was there as "${existing.name}"`);
      }
      return undefined;
    }
    let name = schemaName(shape);
    if (run.catalog.some((object) => object.name === name)) {
      const taken = name;
      name = distinctName(shape);
      run.note(`the name "${taken}" is taken, so the ${describeShape(shape)} is named "${name}"`);
    }
    const object: SchemaObject = { ...shape, name };
    await this.schemaStatement(createStatement(object));
    if (shape.kind === "index" || shape.kind === "fulltext" || shape.kind === "vector") this.madeIndex = true;
    run.catalog.push({ ...object, serverKind: shape.kind, state: "POPULATING" });
    return undefined;
  }

  private async dropSchema(shape: SchemaShape): Promise<undefined> {
    const { run } = this;
    const existing = findShape(run.catalog, shape);
    if (!existing) {
      run.note(`the ${describeShape(shape)} was not there`);
      return undefined;
    }
    if (run.direction === "downgrade" && run.adoptedEarlier.has(shapeKey(shape))) {
      run.note(`left the ${describeShape(shape)}: it was there before the upgrade`);
      return undefined;
    }
    await this.schemaStatement(dropStatement({ kind: shape.kind, name: existing.name }));
    run.catalog.splice(run.catalog.indexOf(existing), 1);
    return undefined;
  }

  /** Schema and data cannot share a transaction, but schema and a read of the lock can. */
  private async schemaStatement(text: string): Promise<void> {
    await this.run.graph.write(async (tx) => {
      await checkLock(tx, this.run.token);
      await tx.run(text);
    });
  }

  private async batchedOperation(
    operation: Operation & { kind: "transform" | "deleteBatch" },
    index: number,
    digest: string,
    marks: Mark[],
  ): Promise<unknown> {
    const finished = marks.find((mark) => mark.chunk === -1);
    if (finished) return parseResult(finished);
    const { graph } = this.run;
    if (operation.kind === "transform") await this.refuseConflicts(operation);
    const isNothing = operation.kind === "transform" && operation.transform.what === "addProperty" &&
      operation.transform.value === null;
    const statement = operation.kind === "transform"
      ? transformStatement(operation.transform, graph.info)
      : deleteBatchStatement(operation, graph.info);
    const [row] = isNothing ? [{ changed: 0 }] : (await this.implicit(statement)).rows;
    const result = operation.kind === "transform"
      ? { changed: Number(row?.changed ?? 0) }
      : { deleted: Number(row?.deleted ?? 0) };
    await this.mark({ index, chunk: -1, digest, result: JSON.stringify(result) });
    return result;
  }

  private async refuseConflicts(operation: Operation & { kind: "transform" }): Promise<void> {
    const statement = renameConflicts(operation.transform);
    if (!statement) return;
    const [row] = await this.run.graph.read(statement.text);
    const conflicts = Number(row?.conflicts ?? 0);
    if (conflicts === 0) return;
    const { owner, to } = operation.transform as { owner: string; to: string };
    throw new CrochetError(
      "MIGRATION_FAILED",
      `${describeOperation(operation)} would overwrite ${count(conflicts, "value")} of ${owner}.${to}`,
      {
        hint: "decide in the migration which value stays, then rename",
      },
    );
  }

  /** A statement that commits by itself; the lock is read before it, since it cannot be read inside. */
  private async implicit(statement: Statement): Promise<Answer> {
    await this.run.graph.write((tx) => checkLock(tx, this.run.token));
    return await this.run.graph.implicit(statement.text, statement.params);
  }

  private mark(mark: Mark): Promise<void> {
    const { graph, token, revisionId, direction } = this.run;
    return graph.write((tx) => writeMark(tx, token, revisionId, direction, mark));
  }

  private async cypher(
    operation: Operation & { kind: "cypher" },
    index: number,
    digest: string,
    marks: Mark[],
  ): Promise<unknown> {
    const { cypher, params } = operation;
    const explained = await explain(this.run.graph, operation);
    const isRead = explained.queryType === "r";
    if (marks.length > 0) {
      if (marks[0].result !== undefined) return parseResult(marks[0]);
      if (isRead) return await this.run.graph.read(cypher, params);
      throw new CrochetError(
        "RESUME_REFUSED",
        `The result of operation ${
          index + 1
        } of "${this.run.revisionId}" was too large to keep, and the run cannot go on from it`,
        {
          hint:
            `return fewer rows from the writing query, and decide: crochet resolve ${this.run.revisionId} --redo`,
        },
      );
    }
    const commitsItself = explained.operators.some((name) => /^Transaction(Foreach|Apply)/.test(name));
    if (commitsItself || explained.queryType === "s") {
      const rows = commitsItself
        ? (await this.implicit({ text: cypher, params, kind: "batched" })).rows
        : await this.schemaRows(cypher, params);
      await this.mark({ index, chunk: -1, digest, ...keep(rows) });
      if (explained.queryType === "s") {
        this.run.catalog.splice(0, Infinity, ...await readCatalog(this.run.graph));
      }
      return rows;
    }
    const { rows } = await this.commit(
      index,
      -1,
      digest,
      async (tx) => ({ rows: (await tx.run(cypher, params)).rows }),
    );
    return rows;
  }

  private async schemaRows(cypher: string, params: Row): Promise<Row[]> {
    return await this.run.graph.write(async (tx) => {
      await checkLock(tx, this.run.token);
      return (await tx.run(cypher, params)).rows;
    });
  }

  /** Rows and their mark in one transaction. A mark that is there already means that a commit's answer was lost. */
  private async commit<T extends object>(
    index: number,
    chunk: number,
    digest: string,
    work: (tx: Transaction) => Promise<T & { share?: BatchShare }>,
  ): Promise<T> {
    const { graph, token, revisionId, direction } = this.run;
    try {
      return await graph.write(async (tx) => {
        const result = await work(tx);
        const { share, ...kept } = result;
        await writeMark(tx, token, revisionId, direction, {
          index,
          chunk,
          digest,
          ...keep("rows" in kept ? kept.rows : kept),
        }, share);
        return result;
      });
    } catch (error) {
      if (!isMarkTaken(error)) throw error;
      const marks = await readMarks(graph, revisionId, direction);
      const mark = marks.find((candidate) => candidate.index === index && candidate.chunk === chunk)!;
      const value = parseResult(mark);
      return (Array.isArray(value) ? { rows: value } : value) as T;
    }
  }

  private async rows(
    operation: Operation & { kind: "nodes" | "relationships" },
    index: number,
    digest: string,
    marks: Mark[],
  ): Promise<unknown> {
    const batch = this.batch ??= defaultBatch(this.run.revisionId, ++this.batches);
    const keys: [string, string] = operation.kind === "relationships" ? this.endKeys(operation) : ["", ""];
    const size = operation.bulk ? operation.chunkSize : Math.max(1, operation.rows.length);
    const chunks = Math.ceil(operation.rows.length / size);
    const total = { created: 0, updated: 0, unchanged: 0, matched: 0 };
    const add = (part: Partial<typeof total>) => {
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += Number(part[name] ?? 0);
    };
    const finished = marks.find((mark) => mark.chunk === -1);
    if (finished) return parseResult(finished);
    if (operation.bulk && operation.callInTransactions) {
      const part = await this.serverChunks(operation, index, digest, marks, batch, keys);
      return this.shaped(operation, part);
    }
    for (let chunk = 0; chunk < chunks; chunk++) {
      this.run.checkHeld();
      const known = marks.find((mark) => mark.chunk === chunk);
      if (known) {
        add(parseResult(known) as Partial<typeof total>);
        continue;
      }
      const rows = operation.rows.slice(chunk * size, (chunk + 1) * size);
      add(
        await this.commit(
          index,
          chunk,
          digest,
          (tx) => this.chunk(tx, operation, rows, chunk * size, batch, keys),
        ),
      );
    }
    return this.shaped(operation, total);
  }

  private shaped(
    operation: Operation & { kind: "nodes" | "relationships" },
    total: { created: number; updated: number; unchanged: number; matched: number },
  ): Row {
    const { created, updated, unchanged, matched } = total;
    const missing = operation.kind === "relationships" ? { missing: operation.rows.length - matched } : {};
    return operation.mode === "create"
      ? { created, ...missing }
      : { created, updated, unchanged, ...missing };
  }

  private async chunk(
    tx: Transaction,
    operation: Operation & { kind: "nodes" | "relationships" },
    rows: (Row | RelationshipRow)[],
    offset: number,
    batch: string,
    keys: [string, string],
  ): Promise<{ created?: number; share: BatchShare }> {
    const statement = operation.kind === "nodes"
      ? nodesStatement(operation, rows as Row[], batch)
      : relationshipsStatement(operation, rows as RelationshipRow[], batch, keys);
    const { rows: [counts] } = await tx.run(statement.text, statement.params);
    const made = Number(counts.created);
    if (operation.kind === "relationships") {
      await this.checkEnds(tx, operation, rows as RelationshipRow[], offset, keys, counts);
    }
    const share = {
      batchId: batch,
      nodes: operation.kind === "nodes" ? made : 0,
      relationships: operation.kind === "nodes" ? 0 : made,
    };
    return { ...counts, share };
  }

  /** Ends that are missing are an error unless they may be skipped; ends that several nodes match always are. */
  private async checkEnds(
    tx: Transaction,
    operation: Operation & { kind: "relationships" },
    rows: RelationshipRow[],
    offset: number,
    keys: [string, string],
    counts: Row,
  ): Promise<void> {
    const matched = Number(counts.matched);
    const made = Number(counts.created) + Number(counts.updated) + Number(counts.unchanged);
    const missing = rows.length - matched;
    if (made === matched && (missing === 0 || operation.onMissing === "skip")) return;
    const statement = endsStatement(operation, rows, keys);
    const found = (await tx.run(statement.text, statement.params)).rows;
    throw endsError(operation, rows, offset, keys, found, operation.onMissing === "error");
  }

  private endKeys(operation: Operation & { kind: "relationships" }): [string, string] {
    const key = (label: string, given: string | undefined, option: string): string => {
      if (given !== undefined) return given;
      const unique = uniqueKeys(this.run.ir, label);
      if (unique.length === 1) return unique[0];
      const why = unique.length === 0
        ? "has no unique property in the models"
        : `has several unique properties (${sentenceList(unique)})`;
      throw new CrochetError(
        "OPERATION_INVALID",
        `${describeOperation(operation)} cannot tell which ${label} is meant: the label ${why}`,
        {
          hint: `name the key: { ${option}: "..." }`,
        },
      );
    };
    return [
      key(operation.source, operation.sourceKey, "sourceKey"),
      key(operation.target, operation.targetKey, "targetKey"),
    ];
  }

  /** The server cuts the rows into transactions and marks each; ends are checked before, since nothing can be undone. */
  private async serverChunks(
    operation: Operation & { kind: "nodes" | "relationships" },
    index: number,
    digest: string,
    marks: Mark[],
    batch: string,
    keys: [string, string],
  ): Promise<{ created: number; updated: number; unchanged: number; matched: number }> {
    const { graph, revisionId, direction } = this.run;
    const first = marks.filter((mark) => mark.chunk >= 0).length;
    const rows = operation.rows.slice(first * operation.chunkSize);
    if (operation.kind === "relationships" && operation.rows.length > 0) {
      const statement = endsStatement(operation, operation.rows, keys);
      const found = await graph.read(statement.text, statement.params);
      const wrong = found.filter((row) =>
        operation.onMissing === "error" || Number(row.sources) > 1 || Number(row.targets) > 1
      );
      if (wrong.length > 0) {
        throw endsError(operation, operation.rows, 0, keys, found, operation.onMissing === "error");
      }
    }
    let counts: Row = { created: 0, updated: 0, unchanged: 0, matched: 0 };
    if (rows.length > 0) {
      const batching = {
        chunkSize: operation.chunkSize,
        server: graph.info,
        markId: markId(revisionId, direction, index, ""),
        mark: { revision: revisionId, direction, index, digest },
        firstChunk: first,
      };
      counts = (await this.implicit(serverBatched(operation, rows, batch, keys, batching))).rows[0] ?? counts;
    }
    // Counts of chunks that an earlier try committed are not known one by one; created rows are.
    const earlier = operation.rows.length - rows.length;
    const total = {
      created: Number(counts.created) + (operation.mode === "create" ? earlier : 0),
      updated: Number(counts.updated),
      unchanged: Number(counts.unchanged),
      matched: Number(counts.matched ?? 0) + earlier,
    };
    const share = {
      batchId: batch,
      nodes: operation.kind === "nodes" ? total.created : 0,
      relationships: operation.kind === "nodes" ? 0 : total.created,
    };
    const result = JSON.stringify(this.shaped(operation, total));
    await graph.write((tx) =>
      writeMark(tx, this.run.token, revisionId, direction, { index, chunk: -1, digest, result }, share)
    );
    return total;
  }
}

/** What the server thinks of a statement, without running it. @throws CrochetError GRAPH_REFUSED */
export async function explain(graph: Graph, operation: { cypher: string; params: Row }): Promise<Answer> {
  return await graph.implicit(`EXPLAIN ${operation.cypher}`, operation.params);
}

/** The object of a shape in a catalog. */
export function findShape(catalog: CatalogObject[], shape: SchemaShape): CatalogObject | undefined {
  const key = shapeKey(shape);
  return catalog.find((object) => object.kind !== "other" && shapeKey(object as SchemaObject) === key);
}

/** Keys of all shapes of a catalog. */
export function catalogKeys(catalog: CatalogObject[]): string[] {
  return catalog.filter((object) => object.kind !== "other").map((object) =>
    shapeKey(object as SchemaObject)
  );
}

function endsError(
  operation: Operation & { kind: "relationships" },
  rows: RelationshipRow[],
  offset: number,
  keys: [string, string],
  found: Row[],
  missingToo: boolean,
): CrochetError {
  const lines = found.flatMap((row) => {
    const at = Number(row.index);
    return ([["sources", operation.source, keys[0], rows[at].source], [
      "targets",
      operation.target,
      keys[1],
      rows[at].target,
    ]] as const).flatMap(([side, label, key, value]) => {
      const n = Number(row[side]);
      if (n === 1 || (n === 0 && !missingToo)) return [];
      return [`row ${offset + at + 1}: ${n === 0 ? "no" : n} ${label} with ${key} ${canonicalJson(value)}`];
    });
  });
  const more = lines.length > 3 ? `; and ${lines.length - 3} more` : "";
  return new CrochetError(
    "MIGRATION_FAILED",
    `${operation.name}(${operation.source}, ${operation.target}, ${operation.type}) cannot find the ends of ${
      count(found.length, "row")
    }: ${lines.slice(0, 3).join("; ")}${more}`,
    {
      hint: 'add the missing nodes, name another key, or skip such rows: { onMissing: "skip" }',
      data: lines,
    },
  );
}

/** The result as JSON, left out where it is too large to keep. Integers beyond 2^53 are kept exact. */
function keep(value: unknown): { result?: string } {
  const result = JSON.stringify(
    value,
    (_, item) => (typeof item === "bigint" ? { "crochet:bigint": item.toString() } : item),
  );
  return result.length > RESULT_LIMIT ? {} : { result };
}

function parseResult(mark: Mark): unknown {
  return JSON.parse(
    mark.result ?? "null",
    (
      _,
      item,
    ) => (item && typeof item === "object" && "crochet:bigint" in item
      ? BigInt(item["crochet:bigint"])
      : item),
  );
}
