/**
 * Takes checked operations of a running revision, one after another, and carries them out exactly once. A data
 * operation commits its mark in the transaction of its rows; a schema operation is looked up by shape; a transform
 * finds only what is still to be done. What a run before this one finished is answered from its marks.
 */
import { deleteBatchStatement } from "./cypher.ts";
import { transformRefusal } from "./plan.ts";
import { canonicalJson, sha256 } from "./digest.ts";
import { CrochetError } from "./error.ts";
import type { Answer, Graph } from "./graph.ts";
import { type CatalogObject, readCatalog } from "./graph_catalog.ts";
import { Journal, keep, parseResult } from "./graph_journal.ts";
import { lookAtLock, type Mark } from "./graph_record.ts";
import { type RowsOwner, RowWriter } from "./graph_rows.ts";
import { defaultBatch, describeOperation, type Operation } from "./operation.ts";
import type { Row } from "./operation_arguments.ts";
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
import { transformCheck, transformStatements } from "./transform.ts";

/** A revision while it runs. */
export interface RevisionRun extends RowsOwner {
  /** Keys of the shapes that were there before the revision's first try. */
  before: Set<string>;
  /** Keys of the shapes that the revision's upgrade found and adopted: its downgrade leaves them. */
  adoptedEarlier: Set<string>;
  /** The catalog as it stands now; schema operations keep it up to date. */
  catalog: CatalogObject[];
  /** Says what a person should know, one line. */
  note(line: string): void;
}

/** Carries out the operations of one revision. */
export class OperationRunner {
  /** Keys of the shapes that were found and adopted. */
  readonly adopted = new Set<string>();
  /** Digests of the operations so far, in order. */
  readonly done: string[] = [];
  /** Did the run make an index that may still be filling? */
  madeIndex = false;
  private readonly journal: Journal;
  private readonly rows: RowWriter;
  private index = -1;
  private batches = 0;
  private batch: string | undefined;

  /** `expected`: digests of the operations that an earlier try had done when it failed. */
  constructor(private readonly run: RevisionRun, private readonly expected: string[] = []) {
    this.journal = new Journal(run);
    this.rows = new RowWriter(run, this.journal);
  }

  /** Loads the marks of what an earlier try of the revision finished. */
  async resume(): Promise<void> {
    await this.journal.load();
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
    const marks = this.journal.of(index);
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
    const passed = index < this.journal.lastMarked;
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
        this.batch ??= defaultBatch(this.run.revisionId, ++this.batches);
        return this.rows.write(operation, index, digest, this.batch);
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
    const name = freeName(run.catalog, shape);
    if (name !== schemaName(shape)) {
      run.note(`the name "${schemaName(shape)}" is taken, so the ${describeShape(shape)} is named "${name}"`);
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
      await lookAtLock(tx, this.run.token);
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
    const result = operation.kind === "transform"
      ? { changed: await this.transform(operation, index, digest, marks) }
      : { deleted: await this.deleteBatch(operation) };
    await this.journal.mark({ index, chunk: -1, digest, result: JSON.stringify(result) });
    return result;
  }

  private async deleteBatch(operation: Operation & { kind: "deleteBatch" }): Promise<number> {
    const { rows: [row] } = await this.journal.implicit(deleteBatchStatement(operation, this.run.graph.info));
    return Number(row?.deleted ?? 0);
  }

  /** Each phase gets a mark when it is over: a later one may make what the earlier would find again. */
  private async transform(
    operation: Operation & { kind: "transform" },
    index: number,
    digest: string,
    marks: Mark[],
  ): Promise<number> {
    const { transform } = operation;
    if (transform.what === "addProperty" && transform.value === null) return 0;
    const statements = transformStatements(transform, this.run.graph.info);
    const over = new Map(marks.map((mark) => [mark.chunk, Number(parseResult(mark) ?? 0)]));
    if (over.size === 0) await this.refuseProblems(operation);
    let changed = 0;
    for (const [phase, { text, params }] of statements.entries()) {
      let count = over.get(phase);
      if (count === undefined) {
        const { rows: [row] } = await this.journal.implicit({ text, params, kind: "batched" });
        count = Number(row?.changed ?? 0);
        if (phase < statements.length - 1) {
          await this.journal.mark({ index, chunk: phase, digest, result: String(count) });
        }
      }
      // What passes through a second phase is the same thing again.
      changed = transform.what === "turnRelationships" ? Math.max(changed, count) : changed + count;
    }
    return changed;
  }

  private async refuseProblems(operation: Operation & { kind: "transform" }): Promise<void> {
    const check = transformCheck(operation.transform, this.run.graph.info);
    if (!check || check.kind === "turned already") return;
    const [row] = await this.run.graph.read(check.text);
    if (Number(row?.n ?? 0) === 0) return;
    const { message, hint } = transformRefusal(`"${this.run.revisionId}"`, operation, row);
    throw new CrochetError("MIGRATION_FAILED", message, { hint });
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
        ? (await this.journal.implicit({ text: cypher, params, kind: "batched" })).rows
        : await this.schemaRows(cypher, params);
      await this.journal.mark({ index, chunk: -1, digest, ...keep(rows) });
      if (explained.queryType === "s") {
        this.run.catalog.splice(0, Infinity, ...await readCatalog(this.run.graph));
      }
      return rows;
    }
    const { rows } = await this.journal.commit(
      index,
      -1,
      digest,
      async (tx) => ({ rows: (await tx.run(cypher, params)).rows }),
    );
    return rows;
  }

  private async schemaRows(cypher: string, params: Row): Promise<Row[]> {
    return await this.run.graph.write(async (tx) => {
      await lookAtLock(tx, this.run.token);
      return (await tx.run(cypher, params)).rows;
    });
  }
}

/** Parameters for a statement that does not run: nobody looks at the rows, so only the first ones travel. */
function shortened(params: Row): Row {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.slice(0, 10) : value]),
  );
}

/** What the server thinks of a statement, without running it. @throws CrochetError GRAPH_REFUSED */
export async function explain(graph: Graph, operation: { cypher: string; params: Row }): Promise<Answer> {
  try {
    // A statement that wants its plan shown has such a word already.
    const plain = operation.cypher.replace(/^(\s*)(EXPLAIN|PROFILE)\b/i, "$1");
    return await graph.implicit(`EXPLAIN ${plain}`, shortened(operation.params));
  } catch (error) {
    if (!(error instanceof CrochetError) || error.code !== "STATEMENT_REFUSED") throw error;
    // The server counts from the word that was put before the statement.
    const message = error.message.replaceAll('"EXPLAIN ', '"').replace(
      /line 1, column (\d+) \(offset: (\d+)\)/,
      (_, column, offset) => `line 1, column ${column - 8} (offset: ${offset - 8})`,
    );
    throw new CrochetError(error.code, message, {
      cause: error,
      hint: error.hint,
      data: { statement: operation.cypher },
    });
  }
}

/** The object of a shape in a catalog. */
export function findShape(catalog: CatalogObject[], shape: SchemaShape): CatalogObject | undefined {
  const key = shapeKey(shape);
  return catalog.find((object) => object.kind !== "other" && shapeKey(object as SchemaObject) === key);
}

/** neomodel's name for a shape, or a distinct one where another shape has that name. */
export function freeName(catalog: CatalogObject[], shape: SchemaShape): string {
  const name = schemaName(shape);
  return catalog.some((object) => object.name === name) ? distinctName(shape) : name;
}

/** Keys of all shapes of a catalog. */
export function catalogKeys(catalog: CatalogObject[]): string[] {
  return catalog.filter((object) => object.kind !== "other").map((object) =>
    shapeKey(object as SchemaObject)
  );
}
