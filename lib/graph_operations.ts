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
import { serverCode } from "./graph_error.ts";
import { type CatalogObject, readCatalog } from "./graph_catalog.ts";
import { Journal, keep, type OperationHead, parseResult, resultLost } from "./graph_journal.ts";
import { lookAtLock } from "./graph_record.ts";
import { type RowsOwner, RowWriter } from "./graph_rows.ts";
import { defaultBatch, describeOperation, type Operation, simulatedAnswer } from "./operation.ts";
import type { Row } from "./operation_arguments.ts";
import { BEGUN, isDone, type Mark, WHOLE } from "./record.ts";
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
  /** How many operations count as done, whatever they are: a person decided so. */
  skip?: number;
  /** Says what a person should know, one line. */
  note(line: string): void;
  /** Is told when an operation begins and when it is done; not of those that an earlier try had done. */
  log?(head: OperationHead, state: "begun" | "done"): void;
}

/** Carries out the operations of one revision. */
export class OperationRunner {
  /** Keys of the shapes that were found and adopted. */
  readonly adopted = new Set<string>();
  /** The operation that was begun last, in a few words; "" before the first. */
  current = "";
  /** Did the run make an index that may still be filling? */
  madeIndex = false;
  private readonly journal: Journal;
  private readonly rows: RowWriter;
  /** Keys of the shapes that were there before the run and that it has not dropped. */
  private readonly found: Set<string>;
  /** Keys of the shapes that the run made. */
  private readonly made = new Set<string>();
  private index = -1;
  private batches = 0;
  private batch: string | undefined;

  constructor(private readonly run: RevisionRun) {
    this.journal = new Journal(run);
    this.rows = new RowWriter(run, this.journal);
    this.found = new Set(run.before);
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
    const { run } = this;
    run.checkHeld();
    const index = ++this.index;
    const head = { index, digest: sha256(canonicalJson(operation)), text: describeOperation(operation) };
    this.current = head.text;
    const marks = this.journal.of(index);
    if (index < (run.skip ?? 0)) return this.passOver(operation, head, marks);
    if (marks.some((mark) => mark.digest !== head.digest)) throw this.divergence(head, marks);
    if (isDone(marks)) return await this.dispatch(operation, head, marks);
    run.log?.(head, "begun");
    const result = await this.dispatch(operation, head, marks);
    run.log?.(head, "done");
    return result;
  }

  private divergence({ index, text }: OperationHead, marks: Mark[]): CrochetError {
    const { revisionId } = this.run;
    return new CrochetError(
      "RESUME_REFUSED",
      `The run of "${revisionId}" stopped before, and its operation ${index + 1} was another one then: ` +
        `it was ${marks[0].text}, and now it is ${text}`,
      {
        hint: `see what is done and what is not, and decide: crochet resolve ${revisionId}`,
        data: { operation: index + 1, was: marks[0].text, now: text },
      },
    );
  }

  /** An operation that a person took as done gives what its mark kept, or what it would give if all went well. */
  private passOver(operation: Operation, head: OperationHead, marks: Mark[]): unknown {
    this.run.note(`operation ${head.index + 1} counts as done: ${head.text}`);
    const whole = marks.find((mark) => mark.chunk === WHOLE && mark.digest === head.digest);
    if (operation.kind === "schema") return whole && this.recall(whole);
    if (operation.kind === "begin" || operation.kind === "nodes" || operation.kind === "relationships") {
      this.takeBatch(operation);
    }
    return whole?.result === undefined ? simulatedAnswer(operation, this.batch ?? "") : parseResult(whole);
  }

  /** The batch that an operation begins, or into which its rows go. */
  private takeBatch(operation: Operation & { kind: "begin" | "nodes" | "relationships" }): string {
    const next = () => defaultBatch(this.run.revisionId, ++this.batches);
    return this.batch = operation.kind === "begin" ? operation.batch ?? next() : this.batch ?? next();
  }

  private dispatch(operation: Operation, head: OperationHead, marks: Mark[]): Promise<unknown> {
    switch (operation.kind) {
      case "begin":
        return this.beginBatch(operation, head, marks);
      case "schema":
        return this.schema(operation, head, marks);
      case "transform":
      case "deleteBatch":
        return this.batchedOperation(operation, head, marks);
      case "cypher":
        return this.cypher(operation, head, marks);
      case "nodes":
      case "relationships":
        return this.rows.write(operation, head, this.takeBatch(operation));
    }
  }

  private async beginBatch(
    operation: Operation & { kind: "begin" },
    head: OperationHead,
    marks: Mark[],
  ): Promise<string> {
    if (marks.length === 0) await this.journal.mark(head, WHOLE);
    return this.takeBatch(operation);
  }

  /** The mark of a shape keeps what became of it: a downgrade leaves what an upgrade found. */
  private async schema(
    operation: Operation & { kind: "schema" },
    head: OperationHead,
    marks: Mark[],
  ): Promise<undefined> {
    const known = marks.find((mark) => mark.chunk === WHOLE);
    if (known) return this.recall(known);
    const { shape, action } = operation;
    const outcome = action === "add" ? await this.addSchema(shape) : await this.dropSchema(shape);
    const result = JSON.stringify({ [outcome]: shapeKey(shape) });
    this.recall({ result });
    await this.journal.mark(head, WHOLE, result);
  }

  /** Takes in what became of a shape, now or in an earlier try. */
  private recall(mark: Pick<Mark, "result">): undefined {
    const { made, adopted, dropped } = (parseResult(mark) ?? {}) as Record<string, string | undefined>;
    if (adopted !== undefined) this.adopted.add(adopted);
    if (made !== undefined) this.made.add(made);
    if (dropped !== undefined) {
      this.made.delete(dropped);
      this.found.delete(dropped);
    }
  }

  private async addSchema(shape: SchemaShape): Promise<"made" | "adopted"> {
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
      if (this.found.has(key)) {
        run.note(`adopted the ${describeShape(shape)} that was there as "${existing.name}"`);
        return "adopted";
      }
      return "made";
    }
    await this.dropOrphan(shape);
    const name = freeName(run.catalog, shape);
    if (name !== schemaName(shape)) {
      run.note(`the name "${schemaName(shape)}" is taken, so the ${describeShape(shape)} is named "${name}"`);
    }
    const object: SchemaObject = { ...shape, name };
    await this.create(object);
    if (shape.kind === "index" || shape.kind === "fulltext" || shape.kind === "vector") this.madeIndex = true;
    if (!findShape(run.catalog, shape)) {
      run.catalog.push({ ...object, serverKind: shape.kind, state: "POPULATING" });
    }
    return "made";
  }

  /**
   * Makes an object. That it is there already, or the index of it alone, can come of a server that died, or of an answer
   * that was lost, while the driver tried again: the catalog tells.
   */
  private async create(object: SchemaObject): Promise<void> {
    const { run } = this;
    try {
      await this.schemaStatement(createStatement(object));
    } catch (error) {
      if (!/AlreadyExists/.test(serverCode(error))) throw error;
      run.catalog.splice(0, Infinity, ...await readCatalog(run.graph));
      const there = findShape(run.catalog, object);
      if (there && there.name === object.name && sameOptions(there as SchemaObject, object)) return;
      if (there || !await this.dropOrphan(object)) throw error;
      await this.schemaStatement(createStatement(object));
    }
  }

  /** A server that dies while it makes a constraint leaves the index of it behind, which is then in the way. */
  private async dropOrphan(shape: SchemaShape): Promise<boolean> {
    const { run } = this;
    if (shape.kind !== "unique" && shape.kind !== "key") return false;
    const index: SchemaShape = { ...shape, kind: "index" };
    const orphan = findShape(run.catalog, index);
    const key = shapeKey(index);
    const isNamed = [schemaName(shape), distinctName(shape)].includes(orphan?.name ?? "");
    if (!orphan || !isNamed || this.found.has(key) || this.made.has(key)) return false;
    run.note(`dropped the index "${orphan.name}": the run before left it without its constraint`);
    await this.schemaStatement(dropStatement({ kind: "index", name: orphan.name }));
    run.catalog.splice(run.catalog.indexOf(orphan), 1);
    return true;
  }

  private async dropSchema(shape: SchemaShape): Promise<"dropped" | "absent" | "left"> {
    const { run } = this;
    const existing = findShape(run.catalog, shape);
    if (!existing) {
      run.note(`the ${describeShape(shape)} was not there`);
      return "absent";
    }
    if (run.direction === "downgrade" && run.adoptedEarlier.has(shapeKey(shape))) {
      run.note(`left the ${describeShape(shape)}: it was there before the upgrade`);
      return "left";
    }
    try {
      await this.schemaStatement(dropStatement({ kind: shape.kind, name: existing.name }));
    } catch (error) {
      // Gone already: the answer of a first try was lost.
      if (!/DropFailed/.test(serverCode(error)) || findShape(await readCatalog(run.graph), shape)) {
        throw error;
      }
    }
    run.catalog.splice(run.catalog.indexOf(existing), 1);
    return "dropped";
  }

  /** Schema and data cannot share a transaction, but schema and a read of the lock can. */
  private async schemaStatement(text: string, params: Row = {}): Promise<Row[]> {
    return await this.run.graph.write(async (tx) => {
      await lookAtLock(tx, this.run.token);
      return (await tx.run(text, params)).rows;
    });
  }

  private async batchedOperation(
    operation: Operation & { kind: "transform" | "deleteBatch" },
    head: OperationHead,
    marks: Mark[],
  ): Promise<unknown> {
    const finished = marks.find((mark) => mark.chunk === WHOLE);
    if (finished) return parseResult(finished);
    const result = operation.kind === "transform"
      ? { changed: await this.transform(operation, head, marks) }
      : { deleted: await this.deleteBatch(operation, head) };
    await this.journal.mark(head, WHOLE, JSON.stringify(result));
    return result;
  }

  private async deleteBatch(
    operation: Operation & { kind: "deleteBatch" },
    head: OperationHead,
  ): Promise<number> {
    const { graph, token } = this.run;
    await this.journal.begin(head);
    const { rows: [row] } = await this.journal.implicit(deleteBatchStatement(operation, graph.info, token));
    return Number(row?.deleted ?? 0);
  }

  /** Each phase gets a mark when it is over: a later one may make what the earlier would find again. */
  private async transform(
    operation: Operation & { kind: "transform" },
    head: OperationHead,
    marks: Mark[],
  ): Promise<number> {
    const { transform } = operation;
    if (transform.what === "addProperty" && transform.value === null) return 0;
    const statements = transformStatements(transform, this.run.graph.info, this.run.token);
    const over = new Map(marks.map((mark) => [mark.chunk, Number(parseResult(mark) ?? 0)]));
    if (over.size === 0) {
      await this.refuseProblems(operation);
      await this.journal.begin(head);
    }
    let changed = 0;
    for (const [phase, { text, params }] of statements.entries()) {
      let count = over.get(phase);
      if (count === undefined) {
        const { rows: [row] } = await this.journal.implicit({ text, params, kind: "batched" });
        count = Number(row?.changed ?? 0);
        if (phase < statements.length - 1) await this.journal.mark(head, phase, String(count));
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
    head: OperationHead,
    marks: Mark[],
  ): Promise<unknown> {
    const { cypher, params } = operation;
    const { graph } = this.run;
    const whole = marks.find((mark) => mark.chunk === WHOLE);
    if (whole?.result !== undefined) return parseResult(whole);
    const explained = await explain(graph, operation);
    if (whole) {
      if (explained.queryType === "r") return await graph.read(cypher, params);
      throw resultLost(this.run.revisionId, head);
    }
    if (explained.queryType === "s") return await this.schemaCypher(operation, head, marks);
    if (explained.operators.some((name) => /^Transaction(Foreach|Apply)/.test(name))) {
      if (marks.length > 0) {
        this.run.note(
          `operation ${head.index + 1} had begun before and runs again from its start: ${head.text}`,
        );
      }
      await this.journal.begin(head);
      const { rows } = await this.journal.implicit({ text: cypher, params, kind: "batched" });
      await this.journal.mark(head, WHOLE, keep(rows).result);
      return rows;
    }
    const { rows } = await this.journal.commit(
      head,
      [WHOLE, 1],
      async (tx) => ({ rows: (await tx.run(cypher, params)).rows }),
    );
    return rows;
  }

  /**
   * A statement of the migration's own that changes the schema cannot share a transaction with its mark. What it
   * does shows in the catalog, so the catalog as it was before tells after a crash whether it ran.
   */
  private async schemaCypher(
    { cypher, params }: Operation & { kind: "cypher" },
    head: OperationHead,
    marks: Mark[],
  ): Promise<Row[]> {
    const { graph, catalog } = this.run;
    const begun = marks.find((mark) => mark.chunk === BEGUN);
    const before = catalogDigest(await readCatalog(graph));
    const hasRun = begun !== undefined && parseResult(begun) !== before;
    await this.journal.begin(head, JSON.stringify(before));
    const rows = hasRun ? [] : await this.schemaStatement(cypher, params).catch(async (error) => {
      // Where the answer of a first try was lost, the second one finds what the first has done.
      const isRepeated = /AlreadyExists|DropFailed/.test(serverCode(error));
      if (!isRepeated || catalogDigest(await readCatalog(graph)) === before) throw error;
      return [];
    });
    await this.journal.mark(head, WHOLE, keep(rows).result);
    catalog.splice(0, Infinity, ...await readCatalog(graph));
    return rows;
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

/** Names and shapes of a catalog as one digest; what is still being built is as good as there. */
function catalogDigest(catalog: CatalogObject[]): string {
  return sha256(canonicalJson(catalog.map(({ state: _, ...object }) => object)));
}

/** Keys of all shapes of a catalog. */
export function catalogKeys(catalog: CatalogObject[]): string[] {
  return catalog.filter((object) => object.kind !== "other").map((object) =>
    shapeKey(object as SchemaObject)
  );
}
