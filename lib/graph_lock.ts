/**
 * Takes a connection and gives the lock of its graph: a lease on the server's clock, with owner, host, process and
 * a fence that grows with every holder. A holder renews it while it works; a lease that is not renewed expires, and
 * the next run takes over. Reading needs no lock.
 */
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { lockLost, type LockToken } from "./graph_record.ts";
import type { Row } from "./operation_arguments.ts";

/** How long a lease lasts without being renewed. */
export const LEASE_MS = 20_000;

/** Who holds the lock. */
export interface LockHolder {
  owner: string;
  host: string;
  pid: number;
  user: string;
  command: string;
  acquiredAt: string;
  /** How long the lease still lasts, in milliseconds; below 0 it has expired. */
  remainingMs: number;
}

/** Who asks for the lock. */
export interface LockRequest {
  host: string;
  pid: number;
  user: string;
  command: string;
}

/** A lock that is held; it renews itself until it is released. */
export interface HeldLock {
  token: LockToken;
  /** Throws where the lock is known to be lost. @throws CrochetError LOCK_LOST */
  check(): void;
  release(): Promise<void>;
  /** Stops renewing a lock that cannot be released, since the server is gone; it expires. */
  abandon(): void;
}

const RELEASE = "MATCH (l:_CrochetLock {id: 'lock'}) WHERE l.owner = $owner AND l.fence = $fence " +
  "REMOVE l.owner, l.host, l.pid, l.user, l.command, l.acquiredAt, l.expiresAt";

/** Takes the lock. @throws CrochetError LOCKED that names the holder */
export async function takeLock(graph: Graph, request: LockRequest): Promise<HeldLock> {
  const owner = crypto.randomUUID();
  const row = await graph.write(async (tx) => {
    // Setting first takes the write lock of the node, so that two runs read one after the other.
    const { rows } = await tx.run(
      "MERGE (l:_CrochetLock {id: 'lock'}) SET l.asked = $owner WITH l, datetime.realtime().epochMillis AS now " +
        "WITH l, now, (l.owner IS NULL OR l.expiresAt < now) AS free " +
        "FOREACH (_ IN CASE WHEN free THEN [1] ELSE [] END | SET l += $holder, l.fence = coalesce(l.fence, 0) + 1, l.acquiredAt = now, l.expiresAt = now + $lease) " +
        "REMOVE l.asked RETURN free, properties(l) AS l, now",
      { owner, holder: { ...request, owner }, lease: LEASE_MS },
    );
    return rows[0];
  });
  const lock = row.l as Row;
  if (row.free !== true) throw locked(holderOf(lock, Number(row.now)));
  const token = { owner, fence: Number(lock.fence) };
  let lost = false;
  const renew = setInterval(() => {
    graph.write(async (tx) => {
      const { rows } = await tx.run(
        "MATCH (l:_CrochetLock {id: 'lock'}) WHERE l.owner = $owner AND l.fence = $fence SET l.expiresAt = datetime.realtime().epochMillis + $lease RETURN 1 AS held",
        { ...token, lease: LEASE_MS },
      );
      if (rows.length === 0) lost = true;
    }).catch(() => {/* the next transaction of the run finds out */});
  }, LEASE_MS / 4);
  return {
    token,
    check() {
      if (lost) throw lockLost();
    },
    abandon() {
      clearInterval(renew);
    },
    async release() {
      clearInterval(renew);
      // A connection that was just lost may take a moment to come back; what stays locked expires.
      for (let attempt = 1;; attempt++) {
        try {
          await graph.write((tx) => tx.run(RELEASE, { ...token }));
          return;
        } catch (error) {
          if (attempt === 3) throw error;
          await new Promise((resolve) => setTimeout(resolve, 250 * attempt));
        }
      }
    },
  };
}

/** Who holds the lock now, or undefined. */
export async function readLock(graph: Graph): Promise<LockHolder | undefined> {
  const [row] = await graph.read(
    "MATCH (l:_CrochetLock) WHERE l.owner IS NOT NULL RETURN properties(l) AS l, datetime.realtime().epochMillis AS now",
  );
  return row && holderOf(row.l as Row, Number(row.now));
}

/** Breaks the lock, whoever holds it; its holder stops before its next write. */
export async function breakLock(graph: Graph): Promise<void> {
  await graph.write((tx) =>
    tx.run(
      "MATCH (l:_CrochetLock) SET l.fence = l.fence + 1 REMOVE l.owner, l.host, l.pid, l.user, l.command, l.acquiredAt, l.expiresAt",
    )
  );
}

function holderOf(lock: Row, now: number): LockHolder {
  return {
    owner: String(lock.owner),
    host: String(lock.host),
    pid: Number(lock.pid),
    user: String(lock.user),
    command: String(lock.command),
    acquiredAt: new Date(Number(lock.acquiredAt)).toISOString(),
    remainingMs: Number(lock.expiresAt) - now,
  };
}

function locked(holder: LockHolder): CrochetError {
  const seconds = Math.max(1, Math.ceil(holder.remainingMs / 1000));
  return new CrochetError(
    "LOCKED",
    `The graph is locked by ${holder.user}@${holder.host} (process ${holder.pid}, crochet ${holder.command}) since ${holder.acquiredAt}`,
    {
      hint: `wait until it ends; if it was killed, its lock expires in ${seconds} s, or: crochet unlock`,
      data: holder,
    },
  );
}
