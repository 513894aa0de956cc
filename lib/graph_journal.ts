/**
 * Takes a running revision and gives its journal: what an earlier try finished, and marks of what is finished now. A
 * mark is written in the transaction of the rows it stands for, together with the check of the lock; so what the
 * graph holds and what the journal says cannot part.
 */
import type { Statement } from "./cypher.ts";
import { CrochetError } from "./error.ts";
import { type Answer, type Graph, serverCode, type Transaction } from "./graph.ts";
import {
  type BatchShare,
  checkLock,
  isMarkTaken,
  type LockToken,
  readMarks,
  writeMark,
} from "./graph_record.ts";
import { BEGUN, type Mark } from "./record.ts";

/** Whose journal it is. */
export interface JournalOwner {
  graph: Graph;
  token: LockToken;
  revisionId: string;
  direction: "upgrade" | "downgrade";
  /** Throws where the lock is known to be lost, or the run was told to stop. */
  checkHeld(): void;
  /** Ends a statement of the server's own batches. */
  signal?: AbortSignal;
}

/** Largest JSON text of a result that is kept for a resumed run. */
const RESULT_LIMIT = 256 * 1024;

/** An operation as its marks name it. */
export interface OperationHead {
  /** From 0. */
  index: number;
  digest: string;
  text: string;
}

/** The journal of one revision's run. */
export class Journal {
  private readonly marks = new Map<number, Mark[]>();

  constructor(private readonly run: JournalOwner) {}

  /** Loads the marks of what an earlier try of the revision finished. */
  async load(): Promise<void> {
    for (const mark of await readMarks(this.run.graph, this.run.revisionId, this.run.direction)) {
      this.marks.set(mark.index, [...this.marks.get(mark.index) ?? [], mark]);
    }
  }

  /** Marks of an operation that an earlier try left. */
  of(index: number): Mark[] {
    return this.marks.get(index) ?? [];
  }

  /** A statement that commits by itself; the lock is read before it, since it cannot be read inside. */
  async implicit(statement: Statement): Promise<Answer> {
    await this.run.graph.write((tx) => checkLock(tx, this.run.token));
    const { graph, signal } = this.run;
    try {
      return await graph.implicit(statement.text, statement.params, signal);
    } catch (error) {
      if (signal?.aborted) this.run.checkHeld();
      throw error;
    }
  }

  /** Notes that an operation is about to run which cannot share a transaction with its mark. */
  async begin(head: OperationHead, result?: string): Promise<void> {
    if (this.of(head.index).length === 0) await this.mark(head, BEGUN, result);
  }

  /** Marks an operation in a transaction of its own; a mark that is there means that a commit's answer was lost. */
  async mark(head: OperationHead, chunk: number, result?: string, share?: BatchShare): Promise<void> {
    const { graph, token, revisionId, direction } = this.run;
    const mark = { ...head, chunk, of: 0, result };
    try {
      await graph.write((tx) => writeMark(tx, token, revisionId, direction, mark, share));
    } catch (error) {
      if (!isMarkTaken(error)) throw error;
    }
  }

  /**
   * Rows and their mark in one transaction. Where it fails although the mark is there, a commit's answer was lost, and
   * what failed was the driver's second try: it ran into its own rows.
   */
  async commit<T extends object>(
    head: OperationHead,
    [chunk, of]: [chunk: number, of: number],
    work: (tx: Transaction) => Promise<T & { share?: BatchShare }>,
  ): Promise<T> {
    const { graph, token, revisionId, direction } = this.run;
    try {
      return await graph.write(async (tx) => {
        const result = await work(tx);
        const { share, ...kept } = result;
        const mark = { ...head, chunk, of, ...keep("rows" in kept ? kept.rows : kept) };
        await writeMark(tx, token, revisionId, direction, mark, share);
        return result;
      });
    } catch (error) {
      const mark = serverCode(error) === "" ? undefined : await this.markOf(head, chunk);
      if (mark === undefined) throw error;
      if (mark.result === undefined) throw resultLost(revisionId, head);
      const value = parseResult(mark);
      return (Array.isArray(value) ? { rows: value } : value) as T;
    }
  }

  private async markOf({ index, digest }: OperationHead, chunk: number): Promise<Mark | undefined> {
    const { graph, revisionId, direction } = this.run;
    const marks = await readMarks(graph, revisionId, direction);
    return marks.find((mark) => mark.index === index && mark.chunk === chunk && mark.digest === digest);
  }
}

/** The error of a run that needs a result which was too large to keep. */
export function resultLost(revisionId: string, { index }: OperationHead): CrochetError {
  return new CrochetError(
    "RESUME_REFUSED",
    `The result of operation ${
      index + 1
    } of "${revisionId}" was too large to keep, and the run cannot go on from it`,
    { hint: `return fewer rows from the writing query, and decide: crochet resolve ${revisionId} --redo` },
  );
}

/** The result as JSON, left out where it is too large to keep. Integers beyond 2^53 are kept exact. */
export function keep(value: unknown): { result?: string } {
  const result = JSON.stringify(
    value,
    (_, item) => (typeof item === "bigint" ? { "crochet:bigint": item.toString() } : item),
  );
  return result.length > RESULT_LIMIT ? {} : { result };
}

/** The result that a mark kept. */
export function parseResult(mark: Mark): unknown {
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
