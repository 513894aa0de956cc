/**
 * The ledger in a real SQLite file. The law: whatever somebody changes in its events or its records shows, and a
 * file that is no ledger is refused and stays as it is.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { sha256 } from "../lib/digest.ts";
import type { CrochetError } from "../lib/error.ts";
import { Ledger } from "../lib/ledger.ts";
import { join } from "../lib/path.ts";
import { type AppliedRevision, type BatchRecord, compareRecords, type PartialRun } from "../lib/record.ts";

const GRAPH = {
  graphId: "g1",
  address: "bolt://localhost:7687/neo4j",
  databaseId: "d1",
  environment: "default",
};

Deno.test("Ledger.open() makes a ledger that is sound, and finds it again", async () => {
  await withPath(async (path) => {
    await withLedger(path, (ledger) => assert.equal(ledger.findFault(), undefined));
    await fill(path);
    await withLedger(path, (ledger) => {
      assert.equal(ledger.findFault(), undefined);
      assert.deepEqual(ledger.applied("g1"), ["0001_a", "0002_b", "0003_c"].map(revision));
      assert.deepEqual(ledger.applied("g2"), ["0001_a"].map(revision));
      assert.deepEqual(ledger.graphAt(GRAPH.address), GRAPH);
      assert.equal(ledger.graphAt("bolt://elsewhere"), undefined);
    });
  });
});

Deno.test("Ledger stays sound through everything that it records", async () => {
  await withPath(async (path) => {
    await fill(path);
    await withLedger(path, (ledger) => {
      const sound = (about: string) => assert.equal(ledger.findFault(), undefined, about);
      ledger.removeApplied("g1", "0003_c", "reverted");
      sound("reverted");
      ledger.addApplied("g1", revision("0003_c"), "learned");
      sound("learned");
      ledger.addApplied("g1", revision("0003_c"), "applied");
      sound("learned and applied at the same time");
      assert.deepEqual(ledger.applied("g1").map((r) => r.revisionId), ["0001_a", "0002_b", "0003_c"]);
      ledger.removeApplied("g1", "0002_b", "forgotten");
      sound("forgotten");
      ledger.addApplied("g1", revision("0002_b"), "applied");
      sound("applied again, in another order");
      assert.deepEqual(ledger.applied("g1").map((r) => r.revisionId), ["0001_a", "0003_c", "0002_b"]);
      ledger.addEvent("g1", "failed", "0004_d", { error: "it's broken" });
      sound("failed");
      ledger.forget("g1");
      sound("a graph forgotten");
      assert.deepEqual(ledger.applied("g1"), []);
      assert.deepEqual(ledger.applied("g2"), ["0001_a"].map(revision));
      ledger.addApplied("g1", revision("0001_a"), "applied");
      sound("a forgotten graph met again");
    });
  });
});

/** What somebody does to the file, and what is found. */
const TAMPERED: [about: string, sql: string[], fault: RegExp][] = [
  ["an edited event", ["UPDATE events SET payload = '{}' WHERE seq = 2"], /^event 2 .*was changed/],
  [
    "an event of another time",
    ["UPDATE events SET at = '2001-01-01T00:00:00.000Z' WHERE seq = 1"],
    /^event 1 /,
  ],
  [
    "an event of another graph",
    ["UPDATE events SET graph_id = 'g9' WHERE seq = 3"],
    /^event 3 .*was changed/,
  ],
  [
    "an event of another kind",
    ["UPDATE events SET kind = 'reverted' WHERE seq = 3"],
    /^event 3 .*was changed/,
  ],
  [
    "an event of another revision",
    ["UPDATE events SET revision_id = 'x' WHERE seq = 2"],
    /^event 2 .*was changed/,
  ],
  ["an edited hash", ["UPDATE events SET hash = 'x' WHERE seq = 2"], /^event 2 .*was changed/],
  ["an edited link", ["UPDATE events SET previous = 'x' WHERE seq = 2"], /^event 2 does not follow/],
  ["a removed event", ["DELETE FROM events WHERE seq = 2"], /^event 2 is missing/],
  ["a removed event, the others moved up", [
    "DELETE FROM events WHERE seq = 2",
    "UPDATE events SET seq = seq - 1 WHERE seq > 2",
  ], /^event 2 does not follow/],
  ["the removed first event", ["DELETE FROM events WHERE seq = 1"], /^event 1 is missing/],
  [
    "the removed last event",
    ["DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)"],
    /"0001_a".*no event/,
  ],
  ["all events removed", ["DELETE FROM events"], /"0001_a".*no event says so/],
  ["an added event", [
    "INSERT INTO events SELECT seq + 1, at, graph_id, kind, 'x', payload, hash, 'y' FROM events ORDER BY seq DESC LIMIT 1",
  ], /^event 6 .*was changed/],
  ["two events that changed places", [
    "UPDATE events SET seq = 99 WHERE seq = 2",
    "UPDATE events SET seq = 2 WHERE seq = 3",
    "UPDATE events SET seq = 3 WHERE seq = 99",
  ], /^event 2 does not follow/],
  ["two contents that changed places", [
    "UPDATE events SET payload = (SELECT e.payload FROM events e WHERE e.seq = 5 - events.seq) WHERE seq IN (2, 3)",
  ], /^event 2 .*was changed/],
  ["a removed row", ["DELETE FROM applied_revisions WHERE revision_id = '0002_b'"], /"0002_b" is missing/],
  [
    "the removed last row",
    ["DELETE FROM applied_revisions WHERE revision_id = '0003_c'"],
    /"0003_c" is missing/,
  ],
  [
    "all rows of a graph removed",
    ["DELETE FROM applied_revisions WHERE graph_id = 'g2'"],
    /"0001_a" is missing/,
  ],
  ["all rows removed", ["DELETE FROM applied_revisions"], /"0001_a" is missing/],
  ["an added row", [
    "INSERT INTO applied_revisions SELECT graph_id, 9, 'x', parents, digest, schema_hash, rollback_safe, applied_at, applied_by, crochet_version, adopted, git, changed FROM applied_revisions WHERE revision_id = '0003_c'",
  ], /"x".*no event says so/],
  ["two rows that changed places", [
    "UPDATE applied_revisions SET position = 4 - position WHERE graph_id = 'g1' AND position IN (1, 3)",
  ], /changed places/],
  ["two neighbours that changed places", [
    "UPDATE applied_revisions SET position = 5 - position WHERE graph_id = 'g1' AND position IN (2, 3)",
  ], /"0003_c" and "0002_b" changed places/],
  ...["parents", "adopted"].flatMap((column): [string, string[], RegExp][] => [
    [`other ${column} in a row`, [set(column, `'["x"]'`)], /"0002_b" was changed/],
    [`unreadable ${column} in a row`, [set(column, "'['")], /"0002_b" was changed/],
  ]),
  ...["digest", "schema_hash", "applied_at", "applied_by", "crochet_version"].map(
    (column): [string, string[], RegExp] => [
      `another ${column} in a row`,
      [set(column, "'x'")],
      /"0002_b" was changed/,
    ],
  ),
  ["another rollback_safe in a row", [set("rollback_safe", "0")], /"0002_b" was changed/],
  ["another rollback_safe that is no truth", [set("rollback_safe", "2")], /"0002_b" was changed/],
  ["another revision in a row", [set("revision_id", "'x'")], /"x".*no event says so/],
  ["another graph in a row", [set("graph_id", "'g2'")], /"0002_b"/],
];

for (const [about, sql, fault] of TAMPERED) {
  Deno.test(`findFault() names ${about}`, async () => {
    await withPath(async (path) => {
      await fill(path);
      change(path, sql);
      await withLedger(path, (ledger) => assert.match(ledger.findFault() ?? "no fault", fault));
    });
  });
}

Deno.test("transaction() keeps all or nothing", async () => {
  await withPath(async (path) => {
    await withLedger(path, (ledger) => {
      assert.throws(() =>
        ledger.transaction(() => {
          ledger.addApplied("g1", revision("0001_a"), "applied");
          throw new Error("stop");
        }), /stop/);
      assert.deepEqual(ledger.applied("g1"), []);
      ledger.transaction(() => ledger.addApplied("g1", revision("0001_a"), "applied"));
      assert.equal(ledger.applied("g1").length, 1);
      assert.equal(ledger.findFault(), undefined);
    });
  });
});

Deno.test("partial() is the run that has not ended", async () => {
  const run: PartialRun = {
    revisionId: "0002_b",
    direction: "upgrade",
    digest: sha256("0002_b"),
    startedAt: "2024-01-01T00:00:00.000Z",
    startedBy: "it's me",
    before: ["key"],
    journal: [{ number: 1, text: "addIndex(A, x)", state: "done" }],
  };
  await withPath(async (path) => {
    await withLedger(path, (ledger) => {
      assert.equal(ledger.partial("g1"), undefined);
      ledger.setPartial("g1", run, "begin");
      ledger.setPartial("g1", { ...run, error: "refused", failedAt: 2 }, "failed");
      assert.deepEqual(ledger.partial("g1"), { ...run, error: "refused", failedAt: 2 });
      assert.equal(ledger.partial("g2"), undefined);
      ledger.setPartial("g1", undefined, "noted");
      assert.equal(ledger.partial("g1"), undefined);
    });
  });
});

Deno.test("batches() are what the graph said last, and go with their revision", async () => {
  const batch = (batchId: string, revisionId: string): BatchRecord => ({
    batchId,
    revisionId,
    nodes: 2,
    relationships: 1,
    createdAt: "2024-01-01T00:00:00.000Z",
  });
  await withPath(async (path) => {
    await fill(path);
    await withLedger(path, (ledger) => {
      ledger.setBatches("g1", [batch("x", "0001_a")]);
      ledger.setBatches("g1", [batch("b", "0003_c"), batch("a", "0002_b")]);
      assert.deepEqual(ledger.batches("g1"), [batch("a", "0002_b"), batch("b", "0003_c")]);
      ledger.removeApplied("g1", "0003_c", "reverted");
      assert.deepEqual(ledger.batches("g1"), [batch("a", "0002_b")]);
      assert.deepEqual(ledger.ofEnvironment("default"), {
        applied: ["0001_a", "0002_b"].map(revision),
        partial: undefined,
        batches: [batch("a", "0002_b")],
      });
      assert.deepEqual(ledger.ofEnvironment("live"), { applied: [], partial: undefined, batches: [] });
    });
  });
});

Deno.test("rememberGraph() knows one graph at an address and one address of a graph", async () => {
  await withPath(async (path) => {
    await withLedger(path, (ledger) => {
      const other = { ...GRAPH, graphId: "g2" };
      const moved = { ...other, address: "bolt://moved:7687/neo4j" };
      for (const [graph, known] of [[GRAPH, [GRAPH]], [other, [other]], [moved, [moved]]] as const) {
        ledger.rememberGraph(graph);
        assert.deepEqual(ledger.graphs(), known);
      }
    });
  });
});

/** Files that are no ledger: what makes them at a path, from a filled ledger's bytes. */
const FOREIGN: [about: string, make: (path: string, ledger: Uint8Array) => void][] = [
  [
    "a text",
    (path) =>
      Deno.writeTextFileSync(path, "this is no database, and it is long enough to be one\n".repeat(40)),
  ],
  ["a short text", (path) => Deno.writeTextFileSync(path, "short")],
  ["a damaged head", (path, ledger) => Deno.writeFileSync(path, overwritten(ledger, 0, 100))],
  ["a damaged first page", (path, ledger) => Deno.writeFileSync(path, overwritten(ledger, 100, 3900))],
  ["a truncated ledger", (path, ledger) => Deno.writeFileSync(path, ledger.slice(0, ledger.length / 2))],
  ["a ledger cut within a page", (path, ledger) => Deno.writeFileSync(path, ledger.slice(0, 5000))],
  ["a ledger cut within its head", (path, ledger) => Deno.writeFileSync(path, ledger.slice(0, 60))],
  ["another program's database", (path) => {
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('https://neo4j.com')");
    db.close();
  }],
  ["another program's database with a table of the same name", (path) => {
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE ledger_meta (key TEXT, value TEXT); CREATE TABLE events (what TEXT)");
    db.close();
  }],
  ["a ledger without its tables", (path, ledger) => {
    Deno.writeFileSync(path, ledger);
    change(path, ["DROP TABLE events"]);
  }],
  ["a newer crochet's ledger", (path, ledger) => {
    Deno.writeFileSync(path, ledger);
    change(path, ["UPDATE ledger_meta SET value = '99' WHERE key = 'schema_version'"]);
  }],
  ["a ledger of no version", (path, ledger) => {
    Deno.writeFileSync(path, ledger);
    change(path, ["UPDATE ledger_meta SET value = 'x' WHERE key = 'schema_version'"]);
  }],
];

for (const [about, make] of FOREIGN) {
  Deno.test(`Ledger refuses ${about} and leaves it as it is`, async () => {
    await withPath(async (path) => {
      await fill(path);
      const ledger = Deno.readFileSync(path);
      Deno.removeSync(path);
      make(path, ledger);
      const before = Deno.readFileSync(path);
      await assert.rejects(useAll(path), (error: CrochetError) => {
        assert.equal(error.code, "LEDGER_INVALID", String(error));
        assert.ok(error.message.includes(path));
        assert.ok(error.hint);
        return true;
      });
      assert.ok(equalBytes(Deno.readFileSync(path), before), "the file was changed");
    });
  });
}

Deno.test("Ledger.open() refuses a folder in its place", async () => {
  await withPath(async (path) => {
    Deno.mkdirSync(path);
    await assert.rejects(useAll(path), (error: CrochetError) => error.code === "LEDGER_INVALID");
  });
});

Deno.test("Ledger.open() refuses a file in the place of its folder", async () => {
  await withPath(async (path) => {
    Deno.writeTextFileSync(path, "");
    await assert.rejects(
      useAll(join(path, "ledger.db")),
      (error: CrochetError) => error.code === "LEDGER_INVALID",
    );
  });
});

Deno.test("findFault() names a damaged page, or the reading refuses it", async () => {
  await withPath(async (path) => {
    await fill(path);
    const bytes = Deno.readFileSync(path);
    for (let at = 4096; at < bytes.length; at += 4096) {
      Deno.writeFileSync(path, overwritten(bytes, at, 4096));
      const outcome = await useAll(path).catch((error: CrochetError) => {
        assert.equal(error.code, "LEDGER_INVALID", String(error));
        return "refused";
      });
      assert.ok(outcome, `page at ${at}`);
    }
  });
});

/** Pairs of records, ledger's and graph's. */
const RECORDS: [ledger: string, graph: string, state: string][] = [
  ["", "", "equal"],
  ["a b", "a b", "equal"],
  ["a", "a b c", "graph-ahead b c"],
  ["", "a", "graph-ahead a"],
  ["a b c", "a", "ledger-ahead b c"],
  ["a b", "a c", "diverged 2 b c"],
  ["a b", "b a", "diverged 1 a b"],
  ["a b!", "a b", "diverged 2 b b"],
  ["a b c", "a b! c d", "diverged 2 b b"],
];

Deno.test("compareRecords() says which record is behind and where they part", () => {
  const records = (text: string) =>
    text.split(" ").filter(Boolean).map((word) => ({
      ...revision(word.replace("!", "")),
      digest: sha256(word),
    }));
  const found = RECORDS.map(([ledger, graph]) => {
    const compared = compareRecords(records(ledger), records(graph));
    const more = compared.state === "diverged"
      ? [compared.position, compared.ledger?.revisionId, compared.graph?.revisionId]
      : "missing" in compared
      ? compared.missing.map((one) => one.revisionId)
      : [];
    return [ledger, graph, [compared.state, ...more].join(" ")];
  });
  assert.deepEqual(found, RECORDS);
});

function revision(revisionId: string): AppliedRevision {
  return {
    revisionId,
    parents: revisionId === "0001_a" ? [] : ["0001_a"],
    digest: sha256(revisionId),
    schemaHash: sha256("schema"),
    rollbackSafe: true,
    appliedAt: "2024-01-01T00:00:00.000Z",
    appliedBy: "me@host",
    crochetVersion: "0.1.0",
    adopted: [],
  };
}

/** Three revisions in one graph, one in another: events 1 to 5. */
async function fill(path: string): Promise<void> {
  await withLedger(path, (ledger) => {
    ledger.rememberGraph(GRAPH);
    for (const id of ["0001_a", "0002_b", "0003_c"]) ledger.addApplied("g1", revision(id), "applied");
    ledger.addApplied("g2", revision("0001_a"), "learned");
  });
}

/** Opens a ledger and uses every part of it; gives the fault that it finds. */
async function useAll(path: string): Promise<string | undefined> {
  let fault: string | undefined;
  await withLedger(path, (ledger) => {
    ledger.graphs();
    for (const graph of ["g1", "g2"]) {
      ledger.applied(graph);
      ledger.partial(graph);
      ledger.batches(graph);
    }
    fault = ledger.findFault();
  });
  return fault;
}

function set(column: string, value: string): string {
  return `UPDATE applied_revisions SET ${column} = ${value} WHERE revision_id = '0002_b'`;
}

/** Changes the file as somebody with a SQLite shell does. */
function change(path: string, sql: string[]): void {
  const db = new DatabaseSync(path);
  for (const statement of sql) db.exec(statement);
  db.close();
}

function overwritten(bytes: Uint8Array, at: number, length: number): Uint8Array {
  const result = bytes.slice();
  result.fill(0xa5, at, at + length);
  return result;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

async function withLedger(path: string, work: (ledger: Ledger) => void): Promise<void> {
  const ledger = await Ledger.open(path);
  try {
    work(ledger);
  } finally {
    ledger.close();
  }
}

async function withPath(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(join(folder, "ledger.db"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
