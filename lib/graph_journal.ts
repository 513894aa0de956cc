/**
 * Takes a running revision and gives its journal: what an earlier try finished, and marks of what is finished now. A
 * mark is written in the transaction of the rows it stands for, together with the check of the lock; so what the
 * graph holds and what the journal says cannot part.
 */
import type { Statement } from "./cypher.ts";
import { CrochetError } from "./error.ts";
import type { Answer, Graph, Transaction } from "./graph.ts";
import { serverCode } from "./graph_error.ts";
import { type BatchShare, checkLock, type LockToken, readMarks, writeMark } from "./graph_record.ts";
import { BEGUN, type Mark, type PartialRun } from "./record.ts";

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

  /** A statement that commits by itself; the lock is looked at before it, and inside where the statement is ours. */
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

  /** Marks an operation in a transaction of its own. */
  async mark(head: OperationHead, chunk: number, result?: string, share?: BatchShare): Promise<void> {
    await this.write({ ...head, chunk, of: 0, result }, () => Promise.resolve({ result, share }));
  }

  /** Rows and their mark in one transaction; gives what the rows gave. */
  async commit<T extends object>(
    head: OperationHead,
    [chunk, of]: [chunk: number, of: number],
    work: (tx: Transaction) => Promise<T & { share?: BatchShare }>,
  ): Promise<T> {
    let done: T | undefined;
    const mark = await this.write({ ...head, chunk, of }, async (tx) => {
      const { share, ...kept } = done = await work(tx) as T & { share?: BatchShare };
      return { ...keep("rows" in kept ? kept.rows : kept), share };
    });
    if (mark === undefined) return done!;
    if (mark.result === undefined) throw resultLost(this.run.revisionId, head);
    const value = parseResult(mark);
    return (Array.isArray(value) ? { rows: value } : value) as T;
  }

  /**
   * Writes a mark at the end of a transaction. Gives the mark that is there already where the transaction fails: a
   * commit's answer was lost, and what failed was the driver's second try, which ran into what the first had done.
   */
  private async write(
    mark: Mark,
    work: (tx: Transaction) => Promise<{ result?: string; share?: BatchShare }>,
  ): Promise<Mark | undefined> {
    const { graph, token, revisionId, direction } = this.run;
    try {
      await graph.write(async (tx) => {
        const { result, share } = await work(tx);
        await writeMark(tx, token, revisionId, direction, { ...mark, result }, share);
      });
      return undefined;
    } catch (error) {
      const found = serverCode(error) === "" ? undefined : await this.find(mark);
      if (found === undefined) throw error;
      return found;
    }
  }

  private async find({ index, chunk, digest }: Mark): Promise<Mark | undefined> {
    const { graph, revisionId, direction } = this.run;
    const marks = await readMarks(graph, revisionId, direction);
    return marks.find((mark) => mark.index === index && mark.chunk === chunk && mark.digest === digest);
  }
}

/**
 * Keys of what was there before an upgrade that stopped, and was not made by it: whoever takes it back, or takes it as
 * applied, leaves that.
 */
export async function foundByUpgrade(graph: Graph, run: PartialRun): Promise<string[]> {
  const marks = await readMarks(graph, run.revisionId, "upgrade");
  const made = new Set(marks.map((mark) => (parseResult(mark) as { made?: string } | null)?.made));
  return run.before.filter((key) => !made.has(key));
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
export function parseResult(mark: Pick<Mark, "result">): unknown {
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
