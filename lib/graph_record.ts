/**
 * Takes a connection and gives the record that all working copies share: which revisions are applied, which run was
 * begun, which operations it finished, which batches there are. It lives in the graph under labels that begin with
 * `_Crochet`; marks of data operations are written in the transactions of their rows. Never touches other data.
 */
import { CrochetError } from "./error.ts";
import type { Graph, Transaction } from "./graph.ts";
import type { Row } from "./operation_arguments.ts";
import {
  type AppliedRevision,
  type BatchRecord,
  journalOf,
  type Mark,
  markId,
  type PartialRun,
  recordConstraints,
  recordProperties,
} from "./record.ts";
import { quoteName } from "./schema.ts";
import { count } from "./text.ts";

/** What the graph says of itself. */
export interface GraphRecord {
  /** Undefined where no crochet ever wrote to this graph. */
  graphId: string | undefined;
  revisions: AppliedRevision[];
  partial: PartialRun | undefined;
  batches: BatchRecord[];
  /** Revisions that were reverted and not applied again: a ledger that has them learns of it. */
  reverted: string[];
}

/** The holder of the lock, as a token that every writing transaction shows. */
export interface LockToken {
  owner: string;
  fence: number;
  /** Element id of the lock's node; servers before 5 have none. */
  node?: string;
}

/** Reads the record; everything is empty in a graph that no crochet knows. */
export async function readRecord(graph: Graph): Promise<GraphRecord> {
  const [graphs, revisions, batches] = await Promise.all([
    graph.read("MATCH (g:_CrochetGraph) RETURN g.graphId AS graphId, g.reverted AS reverted"),
    graph.read("MATCH (r:_CrochetRevision) RETURN properties(r) AS r ORDER BY r.position"),
    graph.read("MATCH (b:_CrochetBatch) RETURN properties(b) AS b ORDER BY b.createdAt, b.id"),
  ]);
  const rows = revisions.map((row) => row.r as Row);
  const reverted = (graphs[0]?.reverted as string[] | null | undefined) ?? [];
  const partial = rows.find((row) => row.state !== "applied");
  const direction = partial?.state === "reverting" ? "downgrade" : "upgrade";
  const marks = partial ? await readMarks(graph, String(partial.id), direction, false) : [];
  return {
    graphId: graphs[0]?.graphId as string | undefined,
    // A squash that is reverted where its parts were applied has a row for its run alone, without a digest.
    revisions: rows.filter((row) =>
      row.state === "applied" || (row.state === "reverting" && row.digest !== undefined)
    ).map(appliedRevision),
    reverted,
    partial: partial && {
      revisionId: String(partial.id),
      direction,
      digest: String(partial.runDigest),
      startedAt: String(partial.startedAt),
      startedBy: String(partial.startedBy),
      before: JSON.parse(String(partial.before)),
      ...(partial.error ? { error: String(partial.error), failedAt: Number(partial.failedAt) } : {}),
      ...(partial.failedText ? { failedText: String(partial.failedText) } : {}),
      journal: journalOf(marks),
      ...(partial.skip ? { skip: Number(partial.skip) } : {}),
      ...(partial.rollback ? { rollback: true } : {}),
      ...(partial.takes ? { takes: partial.takes as string[] } : {}),
    },
    batches: batches.map(({ b }) => batchRecord(b as Row)),
  };
}

function appliedRevision(row: Row): AppliedRevision {
  return {
    revisionId: String(row.id),
    parents: row.parents as string[],
    digest: String(row.digest),
    schemaHash: String(row.schemaHash),
    rollbackSafe: row.rollbackSafe === true,
    appliedAt: String(row.appliedAt),
    appliedBy: String(row.appliedBy),
    crochetVersion: String(row.crochetVersion),
    adopted: row.adopted as string[],
    ...(row.made !== undefined && { made: row.made as string[], dropped: row.dropped as string[] }),
    ...(row.gitDirty !== undefined &&
      {
        git: {
          commit: row.gitCommit === undefined ? null : String(row.gitCommit),
          dirty: row.gitDirty === true,
        },
      }),
  };
}

function batchRecord(row: Row): BatchRecord {
  return {
    batchId: String(row.id),
    revisionId: String(row.revisionId),
    nodes: Number(row.nodes ?? 0),
    relationships: Number(row.relationships ?? 0),
    createdAt: String(row.createdAt),
  };
}

/** Makes the record's constraints and its root, where they are missing; gives the graph's id. */
export async function prepareRecord(graph: Graph): Promise<string> {
  // Runs that meet here for the first time may block each other in a circle; the server ends one of them.
  for (let attempt = 1; !await makeConstraints(graph, attempt); attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 50 * attempt * (1 + Math.random())));
  }
  return await graph.write(async (tx) => {
    const { rows } = await tx.run(
      "MERGE (g:_CrochetGraph {id: 'graph'}) ON CREATE SET g.graphId = $id, g.format = 1, g.createdAt = toString(datetime()) RETURN g.graphId AS id",
      { id: crypto.randomUUID() },
    );
    return String(rows[0].id);
  });
}

/** How long a lease lasts without being renewed. */
export const LEASE_MS = 20_000;

/**
 * Passes only where the lock is held, and renews its lease. Setting first takes the write lock of the node: nobody
 * can take the lock over between this look at it and the commit.
 */
const FENCE = "MATCH (l:_CrochetLock {id: 'lock'}) SET l.asked = $owner WITH l " +
  "WHERE l.owner = $owner AND l.fence = $fence SET l.expiresAt = datetime.realtime().epochMillis + $lease REMOVE l.asked";

/** Refuses the transaction where the lock is no longer held; renews its lease. @throws CrochetError LOCK_LOST */
export async function checkLock(tx: Transaction, token: LockToken): Promise<void> {
  const { rows } = await tx.run(`${FENCE} RETURN 1 AS held`, { ...token, lease: LEASE_MS });
  if (rows.length === 0) throw lockLost();
}

/** The same look without a write, for transactions that change the schema. @throws CrochetError LOCK_LOST */
export async function lookAtLock(tx: Transaction, token: LockToken): Promise<void> {
  const { rows } = await tx.run(
    "MATCH (l:_CrochetLock {id: 'lock'}) WHERE l.owner = $owner AND l.fence = $fence RETURN 1 AS held",
    { ...token },
  );
  if (rows.length === 0) throw lockLost();
}

/** The error of a run whose lock was taken over. */
export function lockLost(): CrochetError {
  return new CrochetError(
    "LOCK_LOST",
    "The lock of this run was lost: it expired or was broken, and another run may hold it",
    {
      hint: "nothing was written after that; see who works with crochet status, and run the command again",
    },
  );
}

/** Begins a run, or takes up one that stopped; keeps what was there before the first try. */
export async function beginRun(
  graph: Graph,
  token: LockToken,
  run: PartialRun,
): Promise<void> {
  await graph.write(async (tx) => {
    await checkLock(tx, token);
    await tx.run(
      "OPTIONAL MATCH (o:_CrochetRevision) WITH coalesce(max(o.position), 0) + 1 AS position " +
        "MERGE (r:_CrochetRevision {id: $id}) ON CREATE SET r.position = position, r.parents = [] " +
        "SET r.takes = $takes, r.before = CASE WHEN r.state IS NULL OR r.state = 'applied' THEN $before ELSE r.before END, r.state = $state, r.runDigest = $digest, " +
        `r.startedAt = toString(datetime.realtime()), r.startedBy = $startedBy REMOVE ${FAILURE}`,
      {
        id: run.revisionId,
        takes: run.takes ?? null,
        before: JSON.stringify(run.before),
        state: run.direction === "upgrade" ? "applying" : "reverting",
        digest: run.digest,
        startedBy: run.startedBy,
      },
    );
  });
}

/** What `noteFailure` sets. */
const FAILURE = "r.error, r.failedAt, r.failedText";

/** Notes why a run stopped, and how far it came. */
export async function noteFailure(
  graph: Graph,
  token: LockToken,
  revisionId: string,
  failure: { error: string; failedAt: number; failedText: string },
): Promise<void> {
  await graph.write(async (tx) => {
    await checkLock(tx, token);
    await tx.run(
      "MATCH (r:_CrochetRevision {id: $id}) SET r.error = $error, r.failedAt = $failedAt, r.failedText = $failedText",
      { id: revisionId, ...failure },
    );
  });
}

/** Ends an upgrade: the revision is applied, its marks go. Gives the time on the server's clock. */
export async function finishUpgrade(
  graph: Graph,
  token: LockToken,
  revision: Omit<AppliedRevision, "appliedAt">,
): Promise<string> {
  const { revisionId } = revision;
  const properties = recordProperties(revision);
  return await graph.write(async (tx) => {
    await checkLock(tx, token);
    const { rows } = await tx.run(
      "MATCH (r:_CrochetRevision {id: $id}) SET r += $properties, r.state = 'applied', r.appliedAt = toString(datetime.realtime()) " +
        `REMOVE r.before, r.runDigest, r.startedAt, r.startedBy, ${FAILURE}, r.skip, r.takes RETURN r.appliedAt AS at`,
      { id: revisionId, properties },
    );
    if (rows.length === 0) {
      throw new CrochetError(
        "LEDGER_DIVERGED",
        `The record of "${revisionId}" left the graph while it ran: something deleted nodes of Crochet's own`,
        {
          hint:
            "look for Cypher that deletes nodes with labels that begin with _Crochet; then crochet status",
        },
      );
    }
    await dropMarks(tx, revisionId);
    await tx.run(
      "MATCH (g:_CrochetGraph) WHERE g.reverted IS NOT NULL SET g.reverted = [id IN g.reverted WHERE id <> $id]",
      { id: revisionId },
    );
    return String(rows[0].at);
  });
}

/** Ends a downgrade: the revision, and what it replaces, leave the record with their marks and their batches. */
export async function finishDowngrade(graph: Graph, token: LockToken, revisionIds: string[]): Promise<void> {
  await graph.write(async (tx) => {
    await checkLock(tx, token);
    for (const id of revisionIds) {
      await dropMarks(tx, id);
      await tx.run("MATCH (b:_CrochetBatch {revisionId: $id}) DELETE b", { id });
      await tx.run("MATCH (r:_CrochetRevision {id: $id}) DELETE r", { id });
    }
    await tx.run(
      "MATCH (g:_CrochetGraph) SET g.reverted = [id IN coalesce(g.reverted, []) WHERE NOT id IN $ids] + $ids",
      { ids: revisionIds },
    );
  });
}

/**
 * Records revisions as applied that were not run here, all or none of them. @throws CrochetError PREFLIGHT_FAILED where
 * the graph has a record
 */
export async function recordRevisions(
  graph: Graph,
  token: LockToken,
  revisions: Omit<AppliedRevision, "appliedAt">[],
): Promise<void> {
  await graph.write(async (tx) => {
    await checkLock(tx, token);
    const { rows: [known] } = await tx.run(
      "MATCH (r:_CrochetRevision) RETURN count(r) AS n, collect(r.id + ' ' + coalesce(r.digest, '')) AS found",
    );
    // A commit whose answer was lost has recorded them already.
    const own = revisions.map(({ revisionId, digest }) => `${revisionId} ${digest}`);
    const found = known.found as string[];
    if (found.length === own.length && own.every((text) => found.includes(text))) return;
    if (Number(known.n) > 0) {
      throw new CrochetError(
        "PREFLIGHT_FAILED",
        `The graph has a record already: ${count(Number(known.n), "revision")} of Crochet`,
        { hint: "this is for a graph that Crochet does not know yet; crochet status shows the record" },
      );
    }
    for (const [i, revision] of revisions.entries()) {
      await tx.run(
        "CREATE (r:_CrochetRevision {id: $id, position: $position, state: 'applied', appliedAt: toString(datetime.realtime())}) SET r += $properties",
        { id: revision.revisionId, position: i + 1, properties: recordProperties(revision) },
      );
    }
  });
}

/** Takes the marks and batches of runs that are not recorded, also of one that was killed; their ids share a prefix. */
export async function dropRun(graph: Graph, token: LockToken, prefix: string): Promise<void> {
  await graph.write(async (tx) => {
    await checkLock(tx, token);
    await tx.run("MATCH (m:_CrochetOperation) WHERE m.revision STARTS WITH $prefix DELETE m", { prefix });
    await tx.run("MATCH (b:_CrochetBatch) WHERE b.revisionId STARTS WITH $prefix DELETE b", { prefix });
  });
}

/** Takes a run that stopped back to its beginning: its marks go. What it did to the data stays. */
export async function restartRun(graph: Graph, token: LockToken, revisionId: string): Promise<void> {
  await graph.write(async (tx) => {
    await checkLock(tx, token);
    await dropMarks(tx, revisionId);
    await tx.run(`MATCH (r:_CrochetRevision {id: $id}) REMOVE ${FAILURE}, r.skip`, {
      id: revisionId,
    });
  });
}

/** Lets a run that stopped go on with an operation: those before it count as done, marks of those after it go. */
export async function skipTo(
  graph: Graph,
  token: LockToken,
  run: { revisionId: string; digest: string; skip: number },
): Promise<void> {
  await graph.write(async (tx) => {
    await checkLock(tx, token);
    await tx.run("MATCH (m:_CrochetOperation {revision: $revisionId}) WHERE m.index > $skip DELETE m", run);
    await tx.run(
      `MATCH (r:_CrochetRevision {id: $revisionId}) SET r.skip = $skip, r.runDigest = $digest REMOVE ${FAILURE}`,
      run,
    );
  });
}

/** Turns an upgrade that stopped into its own taking back, which is a downgrade from then on. */
export async function turnBack(graph: Graph, token: LockToken, revisionId: string): Promise<void> {
  await graph.write(async (tx) => {
    await checkLock(tx, token);
    await tx.run(
      `MATCH (r:_CrochetRevision {id: $revisionId}) SET r.state = 'reverting', r.rollback = true REMOVE ${FAILURE}, r.skip`,
      { revisionId },
    );
  });
}

/** Rows that a run left, by the tags of its batches. */
const LEFT = "n._crochet_batch STARTS WITH $prefix OR n._crochet_batch IN $ids";

/** Counts the nodes and relationships that a revision's batches hold. */
export async function countLeft(
  graph: Graph,
  revisionId: string,
  ids: string[],
): Promise<{ nodes: number; relationships: number }> {
  const params = { prefix: `${revisionId}:`, ids };
  const [nodes] = await graph.read(`MATCH (n) WHERE ${LEFT} RETURN count(n) AS n`, params);
  const [relationships] = await graph.read(`MATCH ()-[n]->() WHERE ${LEFT} RETURN count(n) AS n`, params);
  return { nodes: Number(nodes.n), relationships: Number(relationships.n) };
}

/** Deletes the nodes and relationships that a revision's batches hold, and the batches. */
export async function deleteLeft(
  graph: Graph,
  token: LockToken,
  revisionId: string,
  ids: string[],
): Promise<void> {
  const params = { prefix: `${revisionId}:`, ids };
  await graph.write((tx) => checkLock(tx, token));
  await graph.implicit(
    `MATCH ()-[n]->() WHERE ${LEFT} CALL { WITH n DELETE n } IN TRANSACTIONS OF 10000 ROWS`,
    params,
  );
  await graph.implicit(
    `MATCH (n) WHERE ${LEFT} CALL { WITH n DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS`,
    params,
  );
  await graph.write((tx) =>
    tx.run("MATCH (b:_CrochetBatch {revisionId: $revisionId}) DELETE b", { revisionId })
  );
}

async function dropMarks(tx: Transaction, revisionId: string): Promise<void> {
  await tx.run("MATCH (m:_CrochetOperation {revision: $id}) DELETE m", { id: revisionId });
}

/** Marks of a run, by operation; without results, which may be large, for who only tells what is done. */
export async function readMarks(
  graph: Graph,
  revisionId: string,
  direction: string,
  results = true,
): Promise<Mark[]> {
  const rows = await graph.read(
    "MATCH (m:_CrochetOperation {revision: $revisionId, direction: $direction}) RETURN m.index AS index, m.chunk AS chunk, m.digest AS digest, " +
      `m.text AS text, m.of AS of, ${results ? "m.result" : "null"} AS result ORDER BY index, chunk`,
    { revisionId, direction },
  );
  return rows.map((row) => ({
    index: Number(row.index),
    chunk: Number(row.chunk),
    digest: String(row.digest),
    text: String(row.text ?? ""),
    of: Number(row.of ?? 0),
    ...(row.result === null ? {} : { result: String(row.result) }),
  }));
}

/** Makes the missing constraints in one transaction; false where another run was in the way. */
async function makeConstraints(graph: Graph, attempt: number): Promise<boolean> {
  const names = await graph.read("SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH '_crochet' RETURN name");
  const known = new Set(names.map((row) => row.name));
  const missing = recordConstraints().filter(({ name }) => !known.has(name));
  if (missing.length === 0) return true;
  const indexes = await graph.read("SHOW INDEXES YIELD name WHERE name STARTS WITH '_crochet' RETURN name");
  try {
    // What a server that died left of them: an index without its constraint.
    const orphans = indexes.filter((row) => missing.some(({ name }) => name === row.name));
    if (orphans.length > 0) {
      await graph.write(async (tx) => {
        for (const { name } of orphans) await tx.run(`DROP INDEX ${quoteName(String(name))} IF EXISTS`);
      });
    }
    await graph.write(async (tx) => {
      for (const { create } of missing) await tx.run(create);
    });
    return true;
  } catch (error) {
    if (
      attempt >= 10 ||
      !/deadlock|can't acquire|belongs to constraint|already exists/i.test((error as Error).message)
    ) throw error;
    return false;
  }
}

/** What a batch got from one transaction. */
export interface BatchShare {
  batchId: string;
  nodes: number;
  relationships: number;
}

/**
 * Writes a mark at the end of its transaction, checks the lock there, and adds to the batch's counts: one round
 * trip. @throws CrochetError LOCK_LOST
 */
export async function writeMark(
  tx: Transaction,
  token: LockToken,
  revisionId: string,
  direction: string,
  mark: Mark,
  share?: BatchShare,
): Promise<void> {
  const { rows } = await tx.run(
    `${FENCE} ` +
      "CREATE (:_CrochetOperation {id: $id, revision: $revisionId, direction: $direction, index: $index, chunk: $chunk, digest: $digest, text: $text, of: $of, result: $result})" +
      (share
        ? " MERGE (b:_CrochetBatch {id: $share.batchId}) ON CREATE SET b.revisionId = $revisionId, b.createdAt = toString(datetime()), b.nodes = 0, b.relationships = 0 " +
          "SET b.nodes = b.nodes + $share.nodes, b.relationships = b.relationships + $share.relationships"
        : "") +
      " RETURN 1 AS held",
    {
      ...token,
      lease: LEASE_MS,
      id: markId(revisionId, direction, mark.index, mark.chunk),
      revisionId,
      direction,
      index: mark.index,
      chunk: mark.chunk,
      digest: mark.digest,
      text: mark.text,
      of: mark.of,
      result: mark.result ?? null,
      ...(share ? { share } : {}),
    },
  );
  if (rows.length === 0) throw lockLost();
}
