/**
 * Takes the path of a small SQLite file beside the ledger and gives the lock of a working copy: one run at a time.
 * SQLite's lock on the file ends with the process that holds it, however it ends; so who gets it knows that the
 * holder before is gone, and may take over at once what that one held in the graph. Never talks to a graph.
 */
import type { DatabaseSync } from "node:sqlite";
import { messageOf } from "./error.ts";
import { ledgerError } from "./ledger_error.ts";
import { dirname } from "./path.ts";

/** The lock of a working copy, held. */
export interface LocalLock {
  /** Owners that holders before noted and never took back: they were killed. */
  readonly gone: string[];
  /** Notes under which owner the graph's lock is going to be held. */
  note(owner: string): void;
  /** Gives the lock back; the notes stay where the lock in the graph could not be released. */
  release(keepNotes: boolean): void;
}

/** Takes the lock; undefined where another run of this working copy holds it. @throws CrochetError LEDGER_INVALID */
export async function tryLocalLock(path: string): Promise<LocalLock | undefined> {
  const { DatabaseSync } = await import("node:sqlite");
  let db: DatabaseSync | undefined;
  try {
    Deno.mkdirSync(dirname(path), { recursive: true });
    db = new DatabaseSync(path, { timeout: 0 });
    // In this mode SQLite keeps the lock of the first write until the file is closed.
    db.exec(
      "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS holder (owner TEXT NOT NULL) STRICT; COMMIT",
    );
    return held(db, path, db.prepare("SELECT owner FROM holder").all().map((row) => String(row.owner)));
  } catch (error) {
    db?.close();
    if (/database is locked/.test(messageOf(error))) return undefined;
    throw ledgerError(path, error, "lock");
  }
}

function held(db: DatabaseSync, path: string, gone: string[]): LocalLock {
  return {
    gone,
    note(owner) {
      try {
        db.prepare("INSERT INTO holder VALUES (?)").run(owner);
      } catch (error) {
        throw ledgerError(path, error, "lock");
      }
    },
    release(keepNotes) {
      try {
        if (!keepNotes) db.exec("DELETE FROM holder");
      } catch {
        // Notes that stay name owners that are gone: no harm.
      } finally {
        db.close();
      }
    },
  };
}
