/**
 * Takes who is about to write and gives both locks of the work: the working copy's, which ends with its process, and
 * the graph's, a lease that other machines see. Waits for another holder as long as it may. What a killed run of this
 * working copy held in the graph is taken over at once, since its process is known to be gone.
 */
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import {
  describeHolder,
  type HeldLock,
  lockedBy,
  type LockHolder,
  readLock,
  takeLock,
} from "./graph_lock.ts";
import { type LocalLock, tryLocalLock } from "./ledger_lock.ts";
import type { Project } from "./project.ts";
import { slug } from "./text.ts";

/** Who asks for the locks, and for how long it waits. */
export interface LockWish {
  /** The environment of its settings has a lock of its own. */
  project: Project;
  /** The ledger that is worked with, where it is another one than the project's. */
  ledger?: { path: string };
  graph: Graph;
  runner: { user: string; host: string; pid: number };
  command: string;
  /** How long to wait for another holder, in milliseconds; 0 fails at once. */
  lockTimeoutMs?: number;
  signal?: AbortSignal;
  /** Is told once that there is something to wait for. */
  say?(line: string): void;
}

/** How long one look at a lock that is held and the next one are apart. */
const LOOK_MS = 500;

/** Does a piece of work under both locks. @throws CrochetError LOCKED that names the holder, INTERRUPTED */
export async function underLocks<T>(wish: LockWish, work: (lock: HeldLock) => Promise<T>): Promise<T> {
  const { project, graph, runner, command } = wish;
  // A clock that is set while a run waits changes nothing.
  const deadline = performance.now() + (wish.lockTimeoutMs ?? 0);
  const { environment } = project.settings.graph;
  const path = `${wish.ledger?.path ?? project.ledger}.${slug(environment) || "default"}.lock`;
  let told = false;
  const wait = async (error: CrochetError, holder: LockHolder | undefined): Promise<void> => {
    const left = deadline - performance.now();
    if (left <= 0) throw error;
    if (!told && holder) wish.say?.(`waiting for the lock of ${describeHolder(holder)}`);
    told ||= holder !== undefined;
    await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK_MS, left)));
    if (wish.signal?.aborted) {
      throw new CrochetError("INTERRUPTED", "The wait for the lock was interrupted; nothing was begun");
    }
  };
  let local: LocalLock | undefined;
  while (!(local = await tryLocalLock(path))) {
    const holder = await readLock(graph);
    await wait(holder ? lockedBy(holder) : lockedHere(), holder);
  }
  let isLeft = false;
  try {
    const owner = crypto.randomUUID();
    // Noted before it is taken: where the process dies in between, the note names nobody.
    local.note(owner);
    for (;;) {
      const taken = await takeLock(graph, { ...runner, command, owner, gone: local.gone });
      if ("acquiredAt" in taken) {
        await wait(lockedBy(taken), taken);
        continue;
      }
      try {
        return await work(taken);
      } finally {
        isLeft = !await taken.release();
      }
    }
  } finally {
    local.release(isLeft);
  }
}

function lockedHere(): CrochetError {
  return new CrochetError("LOCKED", "Another crochet is at work in this project at this moment", {
    hint: "wait until it ends, or let this one wait: --lock-timeout 60",
  });
}
