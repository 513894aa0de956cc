/**
 * Takes the rows of a data operation and writes them into the graph, chunk by chunk, each with its mark in its own
 * transaction. Ends of relationships that are missing or not unique are found out and named. Never writes a row
 * twice: a chunk that has its mark is answered from it.
 */
import { endsStatement, nodesStatement, relationshipsStatement, serverBatched } from "./cypher.ts";
import { canonicalJson } from "./digest.ts";
import { CrochetError } from "./error.ts";
import type { Transaction } from "./graph.ts";
import { type Journal, type JournalOwner, type OperationHead, parseResult } from "./graph_journal.ts";
import type { BatchShare } from "./graph_record.ts";
import type { SchemaIr } from "./ir.ts";
import { chunking, type Operation } from "./operation.ts";
import type { RelationshipRow, Row } from "./operation_arguments.ts";
import { endKeys } from "./plan.ts";
import { type Mark, markId, WHOLE } from "./record.ts";
import { count } from "./text.ts";

/** A run as far as its rows are concerned. */
export interface RowsOwner extends JournalOwner {
  /** The schema after the revision: unique properties are the default keys of relationships. */
  ir: SchemaIr;
  /** Leave no tag of a batch on what is made: nothing will ever look for it. */
  untagged?: boolean;
}

type RowsOperation = Operation & { kind: "nodes" | "relationships" };
type RelationshipsOperation = Operation & { kind: "relationships" };

/** What a statement says that found no row to work on: it returns none. */
const NOTHING_MADE: Row = { created: 0, updated: 0, unchanged: 0, matched: 0 };

/** Writes the rows of one revision's data operations. */
export class RowWriter {
  constructor(private readonly run: RowsOwner, private readonly journal: Journal) {}

  /** Writes the rows of an operation into its batch; gives the counts that the migration gets back. */
  async write(
    operation: RowsOperation,
    head: OperationHead,
    batch: string,
  ): Promise<unknown> {
    const marks = this.journal.of(head.index);
    const keys: [string, string] = operation.kind === "relationships"
      ? endKeys(this.run.ir, operation)
      : ["", ""];
    const { size, chunks } = chunking(operation);
    const total = { created: 0, updated: 0, unchanged: 0, matched: 0 };
    const add = (part: Partial<typeof total>) => {
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += Number(part[name] ?? 0);
    };
    const finished = marks.find((mark) => mark.chunk === WHOLE);
    if (finished) return parseResult(finished);
    if (operation.bulk && operation.callInTransactions) {
      const part = await this.serverChunks(operation, head, marks, batch, keys);
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
        await this.journal.commit(
          head,
          [chunk, chunks],
          (tx) => this.chunk(tx, operation, rows, chunk * size, batch, keys),
        ),
      );
    }
    return this.shaped(operation, total);
  }

  private shaped(
    operation: RowsOperation,
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
    operation: RowsOperation,
    rows: (Row | RelationshipRow)[],
    offset: number,
    batch: string,
    keys: [string, string],
  ): Promise<{ created?: number; share: BatchShare }> {
    const tag = this.run.untagged ? null : batch;
    const statement = operation.kind === "nodes"
      ? nodesStatement(operation, rows as Row[], tag)
      : relationshipsStatement(operation, rows as RelationshipRow[], tag, keys);
    const { rows: [counts = NOTHING_MADE] } = await tx.run(statement.text, statement.params);
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
    operation: RelationshipsOperation,
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

  /** The server cuts the rows into transactions and marks each; ends are checked before, since nothing can be undone. */
  private async serverChunks(
    operation: RowsOperation,
    head: OperationHead,
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
        markId: markId(revisionId, direction, head.index, ""),
        mark: {
          revision: revisionId,
          direction,
          ...head,
          of: chunking(operation).chunks,
        },
        fence: this.run.token,
        firstChunk: first,
      };
      counts = (await this.journal.implicit(
        serverBatched(operation, rows, this.run.untagged ? null : batch, keys, batching),
      )).rows[0] ??
        counts;
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
    await this.journal.mark(head, WHOLE, JSON.stringify(this.shaped(operation, total)), share);
    return total;
  }
}

function endsError(
  operation: RelationshipsOperation,
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
