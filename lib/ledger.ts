/**
 * Takes the path of a SQLite file and gives the ledger of a working copy: what was applied where, batches,
 * snapshots, and an append-only chain of events in which any edited, removed or reordered row shows. Each graph
 * that the project meets has a record of its own, found by its address. Never talks to a graph.
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { canonicalJson, sha256 } from "./digest.ts";
import { CrochetError } from "./error.ts";
import { damaged, ledgerError } from "./ledger_error.ts";
import { headOf, ledgerFault, type LedgerRow } from "./ledger_replay.ts";
import { basename, dirname, join } from "./path.ts";
import { exists } from "./project.ts";
import type { AppliedRevision, BatchRecord, PartialRun } from "./record.ts";

const SCHEMA_VERSION = 3;

const TABLES = `
CREATE TABLE IF NOT EXISTS ledger_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS graphs (
  graph_id TEXT PRIMARY KEY, address TEXT NOT NULL UNIQUE, database_id TEXT NOT NULL, environment TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS applied_revisions (
  graph_id TEXT NOT NULL, position INTEGER NOT NULL, revision_id TEXT NOT NULL, parents TEXT NOT NULL, digest TEXT NOT NULL,
  schema_hash TEXT NOT NULL, rollback_safe INTEGER NOT NULL, applied_at TEXT NOT NULL, applied_by TEXT NOT NULL,
  crochet_version TEXT NOT NULL, adopted TEXT NOT NULL, git TEXT NOT NULL DEFAULT '',
  changed TEXT NOT NULL DEFAULT '', PRIMARY KEY (graph_id, revision_id)
) STRICT;
CREATE TABLE IF NOT EXISTS partial_runs (graph_id TEXT PRIMARY KEY, run TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dataset_batches (
  graph_id TEXT NOT NULL, batch_id TEXT NOT NULL, revision_id TEXT NOT NULL, nodes INTEGER NOT NULL,
  relationships INTEGER NOT NULL, created_at TEXT NOT NULL, PRIMARY KEY (graph_id, batch_id)
) STRICT;
CREATE TABLE IF NOT EXISTS schema_snapshots (schema_hash TEXT PRIMARY KEY, snapshot TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY, at TEXT NOT NULL, graph_id TEXT NOT NULL, kind TEXT NOT NULL, revision_id TEXT NOT NULL,
  payload TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
`;

/** What happened, in the words of the event chain. */
export type EventKind =
  | "met"
  | "operation"
  | "noted"
  | "batches"
  | "snapshot"
  | "begin"
  | "applied"
  | "reverted"
  | "failed"
  | "resolved"
  | "learned"
  | "forgotten"
  | "rebuilt";

/** A graph that the ledger has met. */
export interface KnownGraph {
  graphId: string;
  address: string;
  databaseId: string;
  environment: string;
}

/** The ledger of a working copy. Close it when done. */
export class Ledger {
  private constructor(private readonly db: DatabaseSync, readonly path: string) {}

  /** Opens the ledger, and makes it where it is missing. @throws CrochetError LEDGER_INVALID */
  static async open(path: string): Promise<Ledger> {
    const { DatabaseSync } = await import("node:sqlite");
    let db: DatabaseSync | undefined;
    try {
      Deno.mkdirSync(dirname(path), { recursive: true });
      db = new DatabaseSync(path, { timeout: 10_000 });
      const ledger = new Ledger(db, path);
      // Looked at before anything is written: the file may be somebody else's.
      const tables = ledger.all("SELECT name FROM sqlite_master").length;
      const version = tables === 0 ? undefined : ledger.version();
      if (version !== undefined) ledger.checkPages();
      // One file and nothing beside it: what is copied, or lies on a disk that cannot be written, is whole.
      db.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
      // A file that can only be read opens as well, and fails later.
      db.exec("BEGIN IMMEDIATE; ROLLBACK");
      if (version === undefined) ledger.create();
      else if (version < SCHEMA_VERSION) ledger.renew(version);
      return ledger;
    } catch (error) {
      db?.close();
      throw ledgerError(path, error);
    }
  }

  /**
   * Opens the ledger for a command that changes nothing. Where it cannot be written, the command works with a copy,
   * and what it learns is not kept. @throws CrochetError LEDGER_INVALID
   */
  static async openToRead(path: string): Promise<Ledger> {
    try {
      return await Ledger.open(path);
    } catch (error) {
      if (!(error as { data?: { readOnly?: boolean } }).data?.readOnly) throw error;
      const folder = Deno.makeTempDirSync({ prefix: "crochet-ledger-" });
      const copy = join(folder, basename(path));
      if (exists(path)) Deno.copyFileSync(path, copy);
      if (exists(copy)) Deno.chmodSync(copy, 0o600);
      const ledger = await Ledger.open(copy);
      ledger.atClose = () => Deno.removeSync(folder, { recursive: true });
      return ledger;
    }
  }

  /** Moves a damaged ledger out of the way; gives its new name. What is not damaged stays. @throws what opening throws */
  static async setAside(path: string): Promise<string | undefined> {
    try {
      (await Ledger.open(path)).close();
      return undefined;
    } catch (error) {
      if (!(error as { data?: { damaged?: boolean } }).data?.damaged) throw error;
      let aside = `${path}.damaged`;
      for (let n = 2; exists(aside); n++) aside = `${path}.damaged-${n}`;
      for (const end of ["-journal", "-wal", "-shm"]) {
        if (exists(path + end)) Deno.renameSync(path + end, aside + end);
      }
      Deno.renameSync(path, aside);
      return aside;
    }
  }

  private atClose: () => void = () => {};

  private checkPages(): void {
    const found = this.all("PRAGMA quick_check(1)")[0]?.quick_check;
    if (found !== "ok") throw damaged(this.path, `SQLite finds it damaged: ${found}`);
  }

  /** Format of the file. @throws CrochetError LEDGER_INVALID where it is no ledger, or a newer one's */
  private version(): number {
    const isLedger =
      this.all("SELECT name FROM sqlite_master WHERE name IN ('ledger_meta', 'applied_revisions', 'events')")
        .length === 3;
    // Read at once: another process may be renewing it.
    const meta = new Map(
      (isLedger ? this.all("SELECT key, value FROM ledger_meta") : []).map(({ key, value }) => [key, value]),
    );
    const version = Number(meta.get("schema_version"));
    if (!Number.isInteger(version) || version < 1) {
      const isOriginal =
        this.all("SELECT name FROM sqlite_master WHERE name = 'applied_migrations'").length > 0;
      throw new CrochetError(
        "LEDGER_INVALID",
        isOriginal
          ? `"${this.path}" is the ledger of the Python original`
          : `"${this.path}" is no ledger of Crochet, and was left as it is`,
        {
          hint: isOriginal
            ? "crochet adopt takes the project over"
            : "name another file with [ledger] path in crochet.toml, or move this one away",
        },
      );
    }
    if (version < 3 && meta.has("head")) {
      throw damaged(this.path, "its format was changed by hand");
    }
    if (version > SCHEMA_VERSION) {
      throw new CrochetError(
        "LEDGER_INVALID",
        `The ledger "${this.path}" was written by a newer crochet (format ${version})`,
        { hint: "use that version or a newer one" },
      );
    }
    return version;
  }

  private create(): void {
    this.transaction(() => {
      this.db.exec(TABLES);
      this.db.prepare("INSERT OR IGNORE INTO ledger_meta VALUES ('schema_version', ?)").run(
        String(SCHEMA_VERSION),
      );
      this.run("INSERT OR IGNORE INTO ledger_meta VALUES ('head', ?)", headOf(undefined));
    });
  }

  /** Format 1 knew neither Git nor what a revision made and dropped; before 3, events told of applied revisions only. */
  private renew(version: number): void {
    this.transaction(() => {
      if (this.version() === SCHEMA_VERSION) return;
      if (version === 1) {
        for (const column of ["git", "changed"]) {
          this.db.exec(`ALTER TABLE applied_revisions ADD COLUMN ${column} TEXT NOT NULL DEFAULT ''`);
        }
      }
      this.run("UPDATE ledger_meta SET value = ? WHERE key = 'schema_version'", String(SCHEMA_VERSION));
      const last = this.all("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")[0];
      this.run("INSERT OR REPLACE INTO ledger_meta VALUES ('head', ?)", headOf(last));
      for (const graph of this.graphs()) {
        this.addEvent(graph.graphId, "met", "", { ...graph });
        const batches = this.batches(graph.graphId);
        if (batches.length > 0) this.addEvent(graph.graphId, "batches", "", { set: batches, gone: [] });
        // A run of that version kept another journal; the graph has it as it is.
        this.run("DELETE FROM partial_runs WHERE graph_id = ?", graph.graphId);
      }
      for (const { schema_hash, snapshot } of this.all("SELECT * FROM schema_snapshots")) {
        this.addEvent("", "snapshot", "", { schemaHash: schema_hash, digest: sha256(String(snapshot)) });
      }
    });
  }

  close(): void {
    this.db.close();
    this.atClose();
  }

  /** Runs several writes as one. */
  transaction<T>(work: () => T): T {
    try {
      this.db.exec("BEGIN IMMEDIATE");
      const result = work();
      this.db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw ledgerError(this.path, error);
    }
  }

  private all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    try {
      return this.db.prepare(sql).all(...values) as Record<string, unknown>[];
    } catch (error) {
      throw ledgerError(this.path, error);
    }
  }

  private run(sql: string, ...values: SQLInputValue[]): void {
    try {
      this.db.prepare(sql).run(...values);
    } catch (error) {
      throw ledgerError(this.path, error);
    }
  }

  /** The graph that was last met at an address. */
  graphAt(address: string): KnownGraph | undefined {
    const [row] = this.all("SELECT * FROM graphs WHERE address = ?", address);
    return row &&
      {
        graphId: String(row.graph_id),
        address: String(row.address),
        databaseId: String(row.database_id),
        environment: String(row.environment),
      };
  }

  /** What the ledger says of the graph of an environment, without asking that graph. */
  ofEnvironment(
    environment: string,
  ): { applied: AppliedRevision[]; partial: PartialRun | undefined; batches: BatchRecord[] } {
    const known = this.graphs().find((graph) => graph.environment === environment);
    if (!known) return { applied: [], partial: undefined, batches: [] };
    return {
      applied: this.applied(known.graphId),
      partial: this.partial(known.graphId),
      batches: this.batches(known.graphId),
    };
  }

  /** All graphs that the ledger has met. */
  graphs(): KnownGraph[] {
    return this.all("SELECT address FROM graphs ORDER BY address").map((row) =>
      this.graphAt(String(row.address))!
    );
  }

  /** Remembers which graph lives at an address. */
  rememberGraph(graph: KnownGraph): void {
    const known = this.graphAt(graph.address);
    if (known && canonicalJson(known) === canonicalJson(graph)) return;
    this.run("DELETE FROM graphs WHERE address = ? OR graph_id = ?", graph.address, graph.graphId);
    this.run(
      "INSERT INTO graphs VALUES (?, ?, ?, ?)",
      graph.graphId,
      graph.address,
      graph.databaseId,
      graph.environment,
    );
    this.addEvent(graph.graphId, "met", "", { ...graph });
  }

  /** Applied revisions of a graph, in the order in which they were applied. */
  applied(graphId: string): AppliedRevision[] {
    const rows = this.all("SELECT * FROM applied_revisions WHERE graph_id = ? ORDER BY position", graphId);
    return rows.map((row) => {
      try {
        return readApplied(row);
      } catch (cause) {
        throw damaged(this.path, `the record of revision "${row.revision_id}" cannot be read`, cause);
      }
    });
  }

  /** Number of the last event that told of more than a step of a run: a reading of both records holds while it stays. */
  lastChange(): number {
    const [last] = this.all(
      "SELECT seq FROM events WHERE kind NOT IN ('operation', 'snapshot') ORDER BY seq DESC LIMIT 1",
    );
    return Number(last?.seq ?? 0);
  }

  /** Records an applied revision, unless another process of this working copy learned of it just now. */
  addApplied(graphId: string, revision: AppliedRevision, kind: "applied" | "learned"): void {
    if (this.isApplied(graphId, revision.revisionId, revision.digest)) return;
    const [{ next }] = this.all(
      "SELECT coalesce(max(position), 0) + 1 AS next FROM applied_revisions WHERE graph_id = ?",
      graphId,
    );
    this.run(
      "INSERT INTO applied_revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      graphId,
      Number(next),
      revision.revisionId,
      JSON.stringify(revision.parents),
      revision.digest,
      revision.schemaHash,
      revision.rollbackSafe ? 1 : 0,
      revision.appliedAt,
      revision.appliedBy,
      revision.crochetVersion,
      JSON.stringify(revision.adopted),
      revision.git ? JSON.stringify(revision.git) : "",
      revision.made ? JSON.stringify({ made: revision.made, dropped: revision.dropped }) : "",
    );
    this.addEvent(graphId, kind, revision.revisionId, { ...revision, position: Number(next) });
  }

  private isApplied(graphId: string, revisionId: string, digest: string): boolean {
    const found = this.all(
      "SELECT 1 FROM applied_revisions WHERE graph_id = ? AND revision_id = ? AND digest = ?",
      graphId,
      revisionId,
      digest,
    );
    return found.length > 0;
  }

  /** Takes back an applied revision and its batches. */
  removeApplied(graphId: string, revisionId: string, kind: "reverted" | "forgotten"): void {
    this.run("DELETE FROM applied_revisions WHERE graph_id = ? AND revision_id = ?", graphId, revisionId);
    this.run("DELETE FROM dataset_batches WHERE graph_id = ? AND revision_id = ?", graphId, revisionId);
    this.addEvent(graphId, kind, revisionId, {});
  }

  /** The run that was begun and has not ended. */
  partial(graphId: string): PartialRun | undefined {
    const [row] = this.all("SELECT run FROM partial_runs WHERE graph_id = ?", graphId);
    return row && this.parse(String(row.run), "the note of the run that stopped");
  }

  /** Notes the beginning, the failure or (undefined) the end of a run. */
  setPartial(graphId: string, run: PartialRun | undefined, kind: "begin" | "failed" | "noted"): void {
    const text = run && JSON.stringify(run);
    const [known] = this.all("SELECT run FROM partial_runs WHERE graph_id = ?", graphId);
    if (kind === "noted" && known?.run === text) return;
    this.run("DELETE FROM partial_runs WHERE graph_id = ?", graphId);
    if (text !== undefined) this.run("INSERT INTO partial_runs VALUES (?, ?)", graphId, text);
    this.addEvent(graphId, kind, run?.revisionId ?? "", run ? { run } : {});
  }

  private parse<T>(text: string, what: string): T {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw damaged(this.path, `${what} cannot be read`, cause);
    }
  }

  /** Batches of a graph, oldest first. */
  batches(graphId: string): BatchRecord[] {
    return this.all("SELECT * FROM dataset_batches WHERE graph_id = ? ORDER BY created_at, batch_id", graphId)
      .map((row) => ({
        batchId: String(row.batch_id),
        revisionId: String(row.revision_id),
        nodes: Number(row.nodes),
        relationships: Number(row.relationships),
        createdAt: String(row.created_at),
      }));
  }

  /** Replaces the batches by what the graph says. */
  setBatches(graphId: string, batches: BatchRecord[]): void {
    const known = new Map(this.batches(graphId).map((batch) => [batch.batchId, canonicalJson(batch)]));
    const set = batches.filter((batch) => known.get(batch.batchId) !== canonicalJson(batch));
    const now = new Set(batches.map((batch) => batch.batchId));
    const gone = [...known.keys()].filter((id) => !now.has(id));
    if (set.length === 0 && gone.length === 0) return;
    this.addEvent(graphId, "batches", "", { set, gone });
    this.run("DELETE FROM dataset_batches WHERE graph_id = ?", graphId);
    for (const b of batches) {
      this.run(
        "INSERT INTO dataset_batches VALUES (?, ?, ?, ?, ?, ?)",
        graphId,
        b.batchId,
        b.revisionId,
        b.nodes,
        b.relationships,
        b.createdAt,
      );
    }
  }

  /** Keeps a snapshot by its hash. */
  addSnapshot(schemaHash: string, snapshot: string): void {
    if (this.all("SELECT 1 FROM schema_snapshots WHERE schema_hash = ?", schemaHash).length > 0) return;
    this.run("INSERT INTO schema_snapshots VALUES (?, ?)", schemaHash, snapshot);
    this.addEvent("", "snapshot", "", { schemaHash, digest: sha256(snapshot) });
  }

  /** Forgets everything about a graph but the events. */
  forget(graphId: string): void {
    for (const table of ["applied_revisions", "partial_runs", "dataset_batches", "graphs"]) {
      this.run(`DELETE FROM ${table} WHERE graph_id = ?`, graphId);
    }
    this.addEvent(graphId, "forgotten", "", {});
  }

  /** Appends an event; its hash covers its own content and the hash before it. */
  addEvent(graphId: string, kind: EventKind, revisionId: string, payload: Record<string, unknown>): void {
    const [last] = this.all("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1");
    const seq = Number(last?.seq ?? 0) + 1;
    const previous = String(last?.hash ?? "");
    const event = {
      seq,
      at: new Date().toISOString(),
      graph_id: graphId,
      kind,
      revision_id: revisionId,
      payload: canonicalJson(payload),
      previous,
    };
    const hash = sha256(canonicalJson(event));
    this.run(
      "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      seq,
      event.at,
      graphId,
      kind,
      revisionId,
      event.payload,
      previous,
      hash,
    );
    this.run("INSERT OR REPLACE INTO ledger_meta VALUES ('head', ?)", headOf({ seq, hash }));
  }

  /**
   * Checks the chain of events, and that every row of the ledger is what the events add up to. Gives the first fault
   * in words, or undefined.
   */
  findFault(): string | undefined {
    const check = this.all("PRAGMA integrity_check")[0]?.integrity_check;
    if (check !== "ok") return `SQLite finds the file damaged: ${check}`;
    const rows = (table: string, order: string) => this.all(`SELECT * FROM ${table} ORDER BY ${order}`);
    return ledgerFault({
      events: rows("events", "seq"),
      graphs: rows("graphs", "graph_id"),
      applied: rows("applied_revisions", "graph_id, position"),
      partial: rows("partial_runs", "graph_id"),
      batches: rows("dataset_batches", "graph_id, batch_id"),
      snapshots: rows("schema_snapshots", "schema_hash"),
      meta: rows("ledger_meta", "key"),
    }, recordText);
  }
}

function readApplied(row: Record<string, unknown>): AppliedRevision {
  return {
    revisionId: String(row.revision_id),
    parents: JSON.parse(String(row.parents)),
    digest: String(row.digest),
    schemaHash: String(row.schema_hash),
    rollbackSafe: row.rollback_safe === 1,
    appliedAt: String(row.applied_at),
    appliedBy: String(row.applied_by),
    crochetVersion: String(row.crochet_version),
    adopted: JSON.parse(String(row.adopted)),
    ...(row.git ? { git: JSON.parse(String(row.git)) } : {}),
    ...(row.changed ? JSON.parse(String(row.changed)) : {}),
  };
}

/** A row as its event has it; a row that cannot be read is like no event. */
function recordText(row: LedgerRow): string {
  try {
    return canonicalJson({ ...readApplied(row), position: row.position });
  } catch {
    return "";
  }
}
