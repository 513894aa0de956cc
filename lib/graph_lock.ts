/**
 * Takes a connection and gives the lock of its graph: a lease on the server's clock, with owner, host, process and
 * a fence that grows with every holder. A holder renews it while it works; a lease that is not renewed expires, and
 * the next run takes over. Reading needs no lock.
 */
import process from "node:process";
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { checkLock, LEASE_MS, lockLost, type LockToken } from "./graph_record.ts";
import type { Row } from "./operation_arguments.ts";
import { atLeast } from "./server_features.ts";

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
  /** Set where the holder was a process of this machine, and that process is not there any more. */
  isDead?: true;
}

/** Who asks for the lock. */
export interface LockRequest {
  host: string;
  pid: number;
  user: string;
  command: string;
  /** Id under which the lock is going to be held. */
  owner: string;
  /** Owners that are known to be gone; what they hold is taken over at once. */
  gone: string[];
}

/** A lock that is held; it renews itself until it is released. */
export interface HeldLock {
  token: LockToken;
  /** Throws where the lock is known to be lost. @throws CrochetError LOCK_LOST */
  check(): void;
  /** Gives the lock back; false where the server could not be told, and it has to expire. */
  release(): Promise<boolean>;
  /** Says that the server is gone: `release` does not try to tell it. */
  abandon(): void;
}

const RELEASE = "MATCH (l:_CrochetLock {id: 'lock'}) WHERE l.owner = $owner AND l.fence = $fence " +
  "REMOVE l.owner, l.host, l.pid, l.user, l.command, l.acquiredAt, l.expiresAt";

/** Takes the lock, or gives who holds it. */
export async function takeLock(graph: Graph, request: LockRequest): Promise<HeldLock | LockHolder> {
  const { host, pid, user, command, owner, gone } = request;
  const node = atLeast(graph.info, 5) ? "elementId(l)" : "null";
  const row = await graph.write(async (tx) => {
    // Setting first takes the write lock of the node, so that two runs read one after the other.
    const { rows } = await tx.run(
      "MERGE (l:_CrochetLock {id: 'lock'}) SET l.asked = $owner WITH l, datetime.realtime().epochMillis AS now " +
        "WITH l, now, (l.owner IS NULL OR l.owner IN $known OR l.expiresAt < now) AS free " +
        "FOREACH (_ IN CASE WHEN free THEN [1] ELSE [] END | SET l += $holder, l.fence = coalesce(l.fence, 0) + 1, l.acquiredAt = now, l.expiresAt = now + $lease) " +
        `REMOVE l.asked RETURN free, properties(l) AS l, now, ${node} AS node`,
      // A commit whose answer was lost may have taken it for us already.
      {
        owner,
        known: [owner, ...gone],
        holder: { host, pid, user, command, owner },
        lease: LEASE_MS,
      },
    );
    return rows[0];
  });
  const lock = row.l as Row;
  if (row.free !== true) return holderOf(lock, Number(row.now));
  const token: LockToken = {
    owner,
    fence: Number(lock.fence),
    ...(row.node !== null && { node: String(row.node) }),
  };
  let lost = false;
  let isGone = false;
  const renew = setInterval(() => {
    graph.write((tx) => checkLock(tx, token)).catch((error) => {
      // What else goes wrong is found out by the run's next transaction.
      if ((error as CrochetError).code === "LOCK_LOST") lost = true;
    });
  }, LEASE_MS / 4);
  return {
    token,
    check() {
      if (lost) throw lockLost();
    },
    abandon() {
      isGone = true;
    },
    async release() {
      clearInterval(renew);
      // A connection that was just lost may take a moment to come back; what stays locked expires.
      for (let attempt = 1; !isGone && attempt <= 3; attempt++) {
        try {
          await graph.write((tx) => tx.run(RELEASE, { ...token }));
          return true;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 250 * attempt));
        }
      }
      return false;
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
    ...(String(lock.host) === Deno.hostname() && !isRunning(Number(lock.pid)) && { isDead: true }),
  };
}

/** Is there a process of this number on this machine? Asked for words only: two machines may have one name. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}

/** Does the holder work at this moment, as far as that can be known? */
export function isAtWork(holder: LockHolder): boolean {
  return holder.remainingMs > 0 && !holder.isDead;
}

/** The holder in words. */
export function describeHolder({ user, host, pid, command, acquiredAt, isDead }: LockHolder): string {
  const process = `process ${pid}${isDead ? ", which is not running any more" : ""}`;
  return `${user}@${host} (${process}, crochet ${command}) since ${acquiredAt}`;
}

/** The error of who meets a lock that is held. */
export function lockedBy(holder: LockHolder): CrochetError {
  const seconds = Math.max(1, Math.ceil(holder.remainingMs / 1000));
  return new CrochetError(
    "LOCKED",
    `The graph is locked by ${describeHolder(holder)}`,
    {
      hint:
        `let this one wait: --lock-timeout 60; if the other was killed, its lock expires in ${seconds} s, or: crochet unlock`,
      data: holder,
    },
  );
}
