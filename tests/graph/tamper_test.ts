/** Every byte that is sealed, applied or recorded, flipped in turn: `verify` finds each, and names the place. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Ledger } from "../../lib/ledger.ts";
import { openProject } from "../../lib/project.ts";
import { verifyProject } from "../../lib/verify.ts";
import { type TestProject, withGraphProject, writeMigration } from "../harness.ts";

/** Two applied revisions, a batch, and a run that stopped. */
async function withRecords(work: (project: TestProject) => Promise<void>): Promise<void> {
  await withGraphProject({}, async (project) => {
    project.write(
      "models/m.py",
      'from neomodel import StringProperty, StructuredNode\n\n\nclass P(StructuredNode):\n    name = StringProperty(index=True)\n    __kgid__ = "p"\n',
    );
    await project.ok("create-migration", "first");
    await writeMigration(project, "rows", `  await ctx.createNodes("P", [{ name: "a" }]);`);
    await project.ok("upgrade");
    await writeMigration(
      project,
      "stops",
      `  await ctx.addIndex("Q", "x");\n  await ctx.runCypher("MATCH (p:P) SET p.x = 1 / (size(p.name) - 1)");`,
    );
    const failed = await project.run("upgrade");
    assert.match(failed.out, /Failed: 0003_stops at operation 2/, failed.err);
    await work(project);
  });
}

/** What `verify --offline` finds, in one text. */
async function found(project: TestProject): Promise<string> {
  const opened = openProject(project.root, { variables: {} });
  const ledger = await Ledger.open(opened.ledger);
  try {
    const { checks } = await verifyProject(opened, ledger, undefined);
    return checks.filter((check) => !check.ok).flatMap((check) => check.details).join("\n");
  } finally {
    ledger.close();
  }
}

Deno.test("a flipped byte in an applied migration or in a snapshot is found, and the file is named", async () => {
  await withRecords(async (project) => {
    assert.equal(await found(project), "");
    const sealed = project.list("migrations").filter((name) => /^000[12]_.*\.(ts|json)$/.test(name));
    assert.equal(sealed.length, 4);
    for (const name of sealed) {
      const path = `${project.root}/migrations/${name}`;
      const bytes = Deno.readFileSync(path);
      const revision = /^\d+_[a-z]+/.exec(name)![0];
      for (let at = 0; at < bytes.length; at++) {
        const flipped = bytes.slice();
        flipped[at] ^= 1 << (at % 8);
        Deno.writeFileSync(path, flipped);
        const said = await found(project);
        const about = `${name}, byte ${at}: ${JSON.stringify(String.fromCharCode(bytes[at]))}`;
        assert.ok(said !== "", `not found: ${about}`);
        assert.ok(said.includes(revision), `not named: ${about}: ${said}`);
      }
      Deno.writeFileSync(path, bytes);
    }
    assert.equal(await found(project), "");
  });
});

/** Which rows a table of the ledger has, and what a fault in one of them must name. */
const TABLES: Record<string, (row: Record<string, unknown>) => RegExp> = {
  events: (row) => new RegExp(`event (${row.seq}|${Number(row.seq) + 1}|\\d+) |no event says so|is missing`),
  applied_revisions: (row) => new RegExp(`revision "?|${row.revision_id}`),
  dataset_batches: () => /the record of the batch "/,
  partial_runs: () => /the note of the run that stopped/,
  schema_snapshots: () => /the snapshot /,
  graphs: () => /the entry of the graph /,
  ledger_meta: () => /events after number|ledger/,
};

Deno.test("a flipped byte in any value of any row of the ledger is found, and the row is named", async () => {
  await withRecords(async (project) => {
    const path = `${project.root}/.crochet/ledger.db`;
    const original = Deno.readFileSync(path);
    const db = new DatabaseSync(path);
    let flips = 0;
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all().map((row) =>
      String(row.name)
    );
    assert.deepEqual(tables.toSorted(), Object.keys(TABLES).toSorted());
    for (const table of tables) {
      const rows = db.prepare(`SELECT rowid AS _rowid, * FROM ${table}`).all() as Record<string, unknown>[];
      assert.ok(rows.length > 0, `${table} is empty`);
      for (const { _rowid, ...row } of rows) {
        for (const [column, value] of Object.entries(row)) {
          for (const other of flipped(value)) {
            const change = new DatabaseSync(path);
            let isTaken = false;
            try {
              change.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`).run(
                other as string,
                _rowid as number,
              );
            } catch {
              // Another row has that value: SQLite itself refuses.
              isTaken = true;
            }
            change.close();
            if (isTaken) continue;
            flips++;
            const said = await found(project).catch((error) => String(error));
            assert.match(said, TABLES[table](row), `${table}.${column}: ${value} to ${other}`);
            const back = new DatabaseSync(path);
            back.prepare(
              `UPDATE ${table} SET ${column} = ? WHERE ${column} IS ? ${
                column === "seq" ? "" : "AND rowid = " + Number(_rowid)
              }`,
            ).run(value as string, other as string);
            back.close();
          }
        }
      }
    }
    db.close();
    assert.ok(flips > 500, `${flips} flips`);
    assert.equal(await found(project), "");
    Deno.writeFileSync(path, original);
  });
});

/** A value with each of its characters changed in turn: all of a short one, some of a long one. */
function* flipped(value: unknown): Generator<unknown> {
  if (typeof value === "number") {
    yield value + 1;
    return;
  }
  const text = String(value);
  const step = Math.max(1, Math.floor(text.length / 48));
  if (text === "") yield "x";
  for (let at = 0; at < text.length; at += step) {
    yield text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
  }
}

Deno.test("rows that are removed or added are found in every table", async () => {
  await withRecords(async (project) => {
    const path = `${project.root}/.crochet/ledger.db`;
    const original = Deno.readFileSync(path);
    for (const table of Object.keys(TABLES)) {
      const db = new DatabaseSync(path);
      db.exec(`DELETE FROM ${table} WHERE rowid = (SELECT max(rowid) FROM ${table})`);
      db.close();
      const said = await found(project).catch((error) => String(error));
      assert.ok(said !== "", `a row removed from ${table}`);
      Deno.writeFileSync(path, original);
    }
    // The end of the events, and everything that they told.
    const db = new DatabaseSync(path);
    db.exec(
      "DELETE FROM events WHERE kind = 'operation' AND seq = (SELECT max(seq) FROM events WHERE kind = 'operation')",
    );
    db.close();
    assert.match(await found(project), /event \d+ is missing|events after number/);
  });
});

Deno.test("a rebuilt ledger has the snapshots of what is applied, and verify finds nothing to say", async () => {
  await withRecords(async (project) => {
    const path = `${project.root}/.crochet/ledger.db`;
    const hashes = () => {
      const db = new DatabaseSync(path, { readOnly: true });
      try {
        return db.prepare("SELECT schema_hash FROM schema_snapshots ORDER BY 1").all().map((row) =>
          row.schema_hash
        );
      } finally {
        db.close();
      }
    };
    const before = hashes();
    assert.ok(before.length > 0);
    Deno.removeSync(path);
    await project.ok("ledger", "rebuild");
    assert.deepEqual(hashes(), before);
    assert.equal(await found(project), "");
  });
});

Deno.test("the same record in another database is told: it came out of a dump", async () => {
  await withRecords(async (project) => {
    const ledger = await Ledger.open(`${project.root}/.crochet/ledger.db`);
    const [known] = ledger.graphs();
    ledger.transaction(() => ledger.rememberGraph({ ...known, databaseId: "of another database" }));
    ledger.close();
    const again = await project.run("upgrade");
    assert.match(again.err, /is another one than before, with the same record: it was loaded from a dump/);
    assert.doesNotMatch((await project.run("upgrade")).err, /is another one than before/);
  });
});
