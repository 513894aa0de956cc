/**
 * Takes the path of a ledger of the Python original and gives what it says: what is applied, in order, and the
 * snapshots. Opened for reading only; undefined where the file is another one.
 */
import { CrochetError, messageOf } from "./error.ts";
import { exists } from "./project.ts";

/** What the original's ledger says. */
export interface OriginalLedger {
  applied: { revisionId: string; schemaHash: string; appliedAt: string }[];
  /** JSON by schema hash. */
  snapshots: Map<string, string>;
  /** How many batches of data it knows. */
  batches: number;
}

/** Reads the ledger. @throws CrochetError LEDGER_INVALID where it is damaged */
export async function readOriginalLedger(path: string): Promise<OriginalLedger | undefined> {
  if (!exists(path)) return undefined;
  const { DatabaseSync } = await import("node:sqlite");
  let db: InstanceType<typeof DatabaseSync> | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all().map((row) =>
      row.name
    );
    if (!tables.includes("applied_migrations") || !tables.includes("schema_snapshots")) return undefined;
    const applied = db.prepare(
      "SELECT revision_id, schema_hash, applied_at FROM applied_migrations ORDER BY applied_at, rowid",
    ).all();
    const snapshots = db.prepare("SELECT schema_hash, snapshot_json FROM schema_snapshots").all();
    return {
      applied: applied.map((row) => ({
        revisionId: String(row.revision_id),
        schemaHash: String(row.schema_hash),
        appliedAt: String(row.applied_at),
      })),
      batches: Number(db.prepare("SELECT count(*) AS n FROM dataset_batches").get()?.n ?? 0),
      snapshots: new Map(snapshots.map((row) => [String(row.schema_hash), String(row.snapshot_json)])),
    };
  } catch (error) {
    throw new CrochetError("LEDGER_INVALID", `The ledger "${path}" cannot be read: ${messageOf(error)}`, {
      cause: error,
      hint: "look whether the file is whole, and whether another program holds it",
    });
  } finally {
    db?.close();
  }
}
