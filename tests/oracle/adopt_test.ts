/** Projects that the real original made, and chains that the real neo4j-migrations made, become Crochet's own. */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { join } from "../../lib/path.ts";
import {
  emptyGraph,
  graphEnv,
  showData,
  showSchema,
  testGraph,
  TestProject,
  withEmptyGraph,
  withFolder,
} from "../harness.ts";
import { makeOriginalProject, ORIGINAL_REVISIONS, prepareOriginal } from "./original.ts";
import { migratePeer, PEER_MIGRATIONS, preparePeer } from "./peer.ts";

const TOML = `[project]
name = "people"
models_path = "models"
migrations_path = "migrations"
[ledger]
path = ".crochet/ledger.db"
`;
const PERSON = `from neomodel import StringProperty, StructuredNode


class Person(StructuredNode):
    __kgid__ = "person_v1"
    name = StringProperty()
`;

interface Header {
  parent?: string;
  safe?: boolean;
  description?: string;
  down?: string;
  hash?: string;
}

/** A migration as the original's template has it; the bodies are lines of Python. */
function python(id: string, up: string, header: Header = {}): string {
  const { parent, safe = true, description = id, down = "pass", hash = "" } = header;
  const indented = (body: string) => body.split("\n").map((line) => line && `    ${line}`).join("\n");
  return `"""
${description}

Revision: ${id}
Parent:   ${parent ?? "None"}
Created:  2024-05-01T12:00:00+00:00
Schema:   ${hash}
"""

from crochet.migrations.operations import MigrationContext

revision_id = "${id}"
parent_id = ${parent ? `'${parent}'` : "None"}
schema_hash = "${hash}"
rollback_safe = ${safe ? "True" : "False"}


def upgrade(ctx: MigrationContext) -> None:
    """Apply this migration."""
${indented(up)}


def downgrade(ctx: MigrationContext) -> None:
    """Revert this migration."""
${indented(down)}
`;
}

const index = (name: string) => `ctx.add_index("Person", "${name}")`;
const dropIndex = (name: string) => `ctx.drop_index("Person", "${name}")`;

/** A project of the original: its files, and how to run it. */
class OriginalProject extends TestProject {
  constructor(root: string, private readonly executable: string) {
    super(root, graphEnv());
  }

  async original(...args: string[]): Promise<string> {
    const inherited = Object.entries(Deno.env.toObject()).filter(([name]) =>
      !/^(CROCHET_|PYTHON)/.test(name)
    );
    const { code, stdout, stderr } = await new Deno.Command(this.executable, {
      args,
      cwd: this.root,
      env: { ...Object.fromEntries(inherited), ...graphEnv(), PYTHONPATH: this.root },
      clearEnv: true,
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    if (code !== 0) throw new Error(`the original's ${args.join(" ")} failed: ${text.slice(-600)}`);
    return text;
  }
}

/** A project of the original from the texts of its migrations, beside an empty graph. */
async function withOriginal(
  migrations: Record<string, string>,
  work: (project: OriginalProject, graph: Graph) => Promise<void>,
): Promise<void> {
  const executable = await prepareOriginal();
  await withEmptyGraph((graph) =>
    withFolder(async (folder) => {
      const project = new OriginalProject(folder, executable);
      project.write("crochet.toml", TOML);
      project.write("models/__init__.py", "");
      project.write("models/person.py", PERSON);
      for (const [name, text] of Object.entries(migrations)) project.write(`migrations/${name}.py`, text);
      await work(project, graph);
    })
  );
}

/** The real original's project of `original.ts`, not yet adopted. */
async function withMade(work: (project: OriginalProject, graph: Graph) => Promise<void>): Promise<void> {
  const executable = await prepareOriginal();
  await withEmptyGraph((graph) =>
    withFolder(async (folder) => {
      await makeOriginalProject(executable, folder, graphEnv());
      await work(new OriginalProject(folder, executable), graph);
    })
  );
}

/** Constraints and indexes without their names: the tools name them differently. */
async function shapes(graph: Graph): Promise<string[]> {
  return (await showSchema(graph)).map((line) => line.replace(/"name":"[^"]*",/, "")).sort();
}

/** Data without the tags of batches. */
async function data(graph: Graph): Promise<string[]> {
  return (await showData(graph)).map((line) =>
    line.replace(/"_crochet_batch":"[^"]*",?/g, "").replaceAll(",}", "}")
  ).sort();
}

/** Empties the graph and forgets the ledger: what a new machine with a new database sees. */
async function startAfresh(project: TestProject, graph: Graph): Promise<void> {
  await emptyGraph(graph);
  Deno.removeSync(join(project.root, ".crochet"), { recursive: true });
}

const status = async (project: TestProject) => {
  const { applied, pending } = await project.json("status");
  const ids = (found: { revisionId: string }[]) => found.map((entry) => entry.revisionId ?? entry);
  return { applied: ids(applied), pending: ids(pending) };
};

Deno.test("a project of the original is adopted: what it applied is recorded, a loop is named", async () => {
  await withMade(async (project, graph) => {
    const [first, second, third] = ORIGINAL_REVISIONS;
    const before = [await showSchema(graph), await showData(graph)];
    const python = (id: string) => project.read(`migrations/${id}.py`);
    const old = ORIGINAL_REVISIONS.map(python);

    const adopted = await project.json("adopt");
    assert.equal(adopted.from, "crochet-migration");
    assert.deepEqual(adopted.files.filter((file: string) => file.endsWith(".ts")), [
      `migrations/${first}.ts`,
      `migrations/${second}.ts`,
      `migrations/${third}.ts`,
    ]);
    assert.deepEqual([adopted.recorded, adopted.pending], [[first, second], [third]]);
    const line = (text: string) => python(third).split("\n").findIndex((each) => each.includes(text)) + 1;
    assert.deepEqual(adopted.open.map((text: string) => text.split(" is ")[0]), [
      `${first}.py says that it can be reverted, and removes values: on a new graph it needs --accept-loss ${first}`,
      `${third}.py:${line("for number")}: upgrade`,
      `${third}.py:${line("for name")}: downgrade`,
      "the original's ledger lies in .crochet/ledger.db.original now",
    ]);
    assert.deepEqual([await showSchema(graph), await showData(graph)], before, "nothing was run");
    assert.deepEqual(ORIGINAL_REVISIONS.map(python), old, "the old files stay as they are");
    assert.deepEqual(await status(project), { applied: [first, second], pending: [third] });

    const verified = await project.json("verify");
    assert.deepEqual(verified.checks.filter((check: { ok: boolean }) => !check.ok), []);
    assert.match(await project.ok("drift"), /constraints and indexes are as they should be/);
    assert.match(await project.ok("create-migration", "more"), /Nothing to do/);

    const again = await project.run("adopt");
    assert.equal(again.code, 2);
    assert.match(again.err, /has migrations of Crochet already/);
    const stopped = await project.run("upgrade");
    assert.equal(stopped.code, 2);
    assert.match(stopped.err, /0003_tidy_names\.ts:\d+:\d+: .* the Python of line \d+ is not translated/);
    assert.deepEqual([await showSchema(graph), await showData(graph)], before, "the stopped run did nothing");

    await project.ok("downgrade", "--target", "base");
    assert.deepEqual([...await showSchema(graph), ...await showData(graph)], []);
  });
});

Deno.test("what was adopted makes on a new graph what the original made", async () => {
  await withMade(async (project, graph) => {
    const made = [await shapes(graph), await data(graph)];
    await project.ok("adopt");
    await startAfresh(project, graph);
    // Crochet sees that the first one removes a property that its downgrade does not bring back.
    await project.ok("upgrade", "--target", ORIGINAL_REVISIONS[1], "--accept-loss", ORIGINAL_REVISIONS[0]);
    assert.deepEqual([await shapes(graph), await data(graph)], made);
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual([...await showSchema(graph), ...await showData(graph)], []);
  });
});

Deno.test("adopt --offline writes files, and baseline records them later", async () => {
  await withMade(async (project, graph) => {
    const [first, second, third] = ORIGINAL_REVISIONS;
    const before = [await showSchema(graph), await showData(graph)];
    const adopted = await project.json("adopt", "--offline");
    assert.deepEqual(adopted.recorded, []);
    const recorded = await project.json("baseline", second);
    assert.deepEqual(recorded.recorded, [first, second]);
    assert.deepEqual([await showSchema(graph), await showData(graph)], before);
    assert.deepEqual(await status(project), { applied: [first, second], pending: [third] });
    assert.equal((await project.run("verify")).code, 0);
  });
});

/** Bodies of `upgrade`: on a new graph the adopted one must make what the original's run made. */
const SAME: Record<string, string> = {
  "variables for rows and batches": `batch = "b1"
rows = [{"id": 1}, {"id": 2}]
ctx.begin_batch(batch)
ctx.create_nodes("Person", rows)
links = [{"source_id": 1, "target_id": 2}]
ctx.create_relationships("Person", "Person", "KNOWS", [{"source_id": 1, "target_id": 2, "properties": {}}])`,
  "a variable that changes later": `name = "early"
rows = [{"name": name}]
name = "late"
ctx.create_nodes("Person", rows)`,
  "the id of a batch in a row": `batch = ctx.begin_batch("load")
ctx.create_nodes("Person", [{"source": batch}])`,
  "one name for two batches": `batch = ctx.begin_batch("one")
ctx.create_nodes("Person", [{"source": batch}])
batch = ctx.begin_batch("two")
ctx.create_nodes("Person", [{"source": batch}])`,
  "keyword arguments in any order": `ctx.create_nodes(data=[{"id": 1}, {"id": 2}], label="Person")
ctx.add_index(property_name="id", label="Person")
ctx.upsert_nodes(merge_keys=["id"], label="Person", data=[{"id": 2, "name": "B"}])
ctx.create_relationships(rel_type="KNOWS", data=[{"a": 1, "b": 2, "p": {"x": 1}}], target_key="b",
    target_label="Person", source_label="Person", source_key="a", properties_key="p")
ctx.run_cypher(params={"x": 3}, cypher="CREATE (:Person {id: $x})")`,
  "numbers":
    `ctx.create_nodes("Person", [{"a": -1, "b": -1.5, "c": 2e3, "d": 9007199254740993, "e": -9223372036854775808,
    "f": 0x1F, "g": 1_000, "h": -0.0, "i": 1.0, "j": [1.0, 2.0], "k": 1e-7, "l": 9223372036854775807}])
ctx.run_cypher("MATCH (n:Person) SET n.kinds = [k IN keys(n) | k + valueType(n[k])]")`,
  "lists, tuples and nothing":
    `ctx.create_nodes("Person", [{"a": [], "b": ["x"], "c": ("y", "z"), "d": None, "e": [True, False]}])
ctx.run_cypher("UNWIND $rows AS row UNWIND row AS x CREATE (:Cell {x: x})", {"rows": [[1, 2], [3], []]})
ctx.run_cypher("CREATE (:Deep {x: $map.a.b[1], n: $map.none IS NULL})", {"map": {"a": {"b": (1, 2)}, "none": None}})`,
  "texts":
    `ctx.create_nodes("Person", [{"a": 'q"q', "b": "it's", "c": "back\\\\slash", "d": r"raw\\n", "e": "line\\nline"
    " joined", "f": "\${x} \`tick\`", "g": "ø \\u00e9 😀 \\x41", "h": """three
lines""", "i": "// no comment", "j": "{{ name }}", "k": ";", "class": "word", "a-b": "dash"}])
ctx.run_cypher("CREATE (:Text {t: '{{ name }}; // no'}) // a comment")`,
  "no batch was begun": `ctx.create_nodes("Person", [{"id": 1}, {"id": 2}])
ctx.upsert_nodes("Person", [{"id": 2, "name": "B"}], ["id"])`,
  "two batches, and one is deleted": `ctx.begin_batch("one")
ctx.create_nodes("Person", [{"id": 1}])
ctx.begin_batch("two")
ctx.create_nodes("Person", [{"id": 2}])
ctx.create_relationships("Person", "Person", "KNOWS", [{"source_id": 1, "target_id": 2, "properties": {}}])
ctx.delete_relationships_by_batch("KNOWS", "two")
ctx.delete_nodes_by_batch("Person", "one")`,
  "a default over values that are there": `ctx.create_nodes("Person", [{"id": 1, "active": False}, {"id": 2}])
ctx.add_node_property("Person", "active", True)`,
  "ends that are missing": `ctx.create_nodes("Person", [{"id": 1}])
ctx.create_relationships("Person", "Person", "KNOWS", [
    {"source_id": 1, "target_id": 9, "properties": {}}, {"source_id": 1, "target_id": 1, "properties": {"x": 1}}])`,
  "an upsert of relationships that are there": `ctx.create_nodes("Person", [{"id": 1}, {"id": 2}])
rows = [{"source_id": 1, "target_id": 2, "properties": {"x": 1}}, {"source_id": 1, "target_id": 2, "properties": {"y": 2}}]
ctx.upsert_relationships("Person", "Person", "KNOWS", rows)
ctx.upsert_relationships("Person", "Person", "KNOWS", [{"source_id": 1, "target_id": 2, "properties": {"x": None}}])`,
  "an upsert that takes a value away": `ctx.create_nodes("Person", [{"id": 1, "name": "A"}])
ctx.upsert_nodes("Person", [{"id": 1, "name": None, "age": 3}, {"id": 4}], merge_keys=("id",))`,
  "an upsert without keys": `ctx.upsert_nodes("Person", [{"id": 1}], merge_keys=[])`,
  "no rows": `ctx.create_nodes("Person", [])
ctx.create_relationships("Person", "Person", "KNOWS", [])
ctx.bulk_create_nodes("Person", [])`,
  "bulk calls": `ctx.begin_batch("bulk")
ctx.bulk_create_nodes("Person", [{"id": 1}, {"id": 2}, {"id": 3}], 2)
ctx.bulk_create_nodes("Person", [{"id": 4}, {"id": 5}], use_call_in_transactions=True, chunk_size=1)
ctx.bulk_upsert_nodes("Person", [{"id": 5, "x": 1}, {"id": 6}], ["id"], chunk_size=1)
ctx.bulk_upsert_nodes("Person", [{"id": 6, "x": 1}, {"id": 7}], ["id"], 10, True)
ctx.bulk_create_relationships("Person", "Person", "KNOWS", [{"s": 1, "t": 2, "p": {"w": 1}}, {"s": 2, "t": 3, "p": {}}],
    1, "s", "t", "p")
ctx.bulk_create_relationships("Person", "Person", "LIKES", [{"source_id": 1, "target_id": 2, "properties": {}}],
    use_call_in_transactions=True)`,
  "names": `ctx.create_nodes("Person", [{"id": 1, "old": "x"}, {"id": 2, "old": "y"}])
ctx.create_relationships("Person", "Person", "KNOWS", [{"source_id": 1, "target_id": 2, "properties": {"a": 1}}])
ctx.rename_relationship_type("KNOWS", "KNEW")
ctx.rename_node_property("Person", "old", "new")
ctx.rename_label("Person", "Human")
ctx.add_unique_constraint("Human", "new")
ctx.drop_unique_constraint("Human", "new")
ctx.add_index("Human", "new")
ctx.drop_index("Human", "other")`,
  "Cypher that changes the schema or commits by itself":
    `ctx.run_cypher("CREATE INDEX mine FOR (n:Person) ON (n.a, n.b)")
ctx.run_cypher("UNWIND range(1, 5) AS i CALL { WITH i CREATE (:Person {id: i}) } IN TRANSACTIONS OF 2 ROWS")
ctx.run_cypher("""
    MATCH (n:Person)
    SET n.seen = true
    """)`,
};

for (const [name, up] of Object.entries(SAME)) {
  Deno.test(`adopted and run again: ${name}`, async () => {
    await withOriginal({ "0001_all": python("0001_all", up) }, async (project, graph) => {
      await project.original("upgrade");
      const made = [await shapes(graph), await data(graph)];
      const adopted = await project.json("adopt");
      assert.deepEqual(adopted.recorded, ["0001_all"]);
      assert.deepEqual(adopted.open.length, 1, adopted.open.join("\n"));
      await startAfresh(project, graph);
      await project.ok("upgrade");
      assert.deepEqual([await shapes(graph), await data(graph)], made);
    });
  });
}

Deno.test("batches that the original named alike, or did not name, are taken back on a new graph too", async () => {
  const nodes = (id: number) => `ctx.create_nodes("Person", [{"id": ${id}}])`;
  const remove = (batch: string) => `ctx.delete_nodes_by_batch("Person", "${batch}")`;
  const migrations = {
    "0001_a": python("0001_a", nodes(1), { down: remove("untracked") }),
    "0002_b": python("0002_b", `ctx.begin_batch("load")\n${nodes(2)}`, { parent: "0001_a", down: "pass" }),
    "0003_c": python("0003_c", `ctx.begin_batch("load")\n${nodes(3)}`, {
      parent: "0002_b",
      down: remove("load"),
    }),
  };
  await withOriginal(migrations, async (project, graph) => {
    await project.original("upgrade");
    await project.ok("adopt");
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual(await showData(graph), []);
    await project.ok("upgrade");
    assert.equal((await showData(graph)).length, 3);
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual(await showData(graph), []);
  });
});

Deno.test("what the original did and Crochet does not stops the run: ends that stand twice", async () => {
  const up = `ctx.create_nodes("Person", [{"id": 1, "n": 1}, {"id": 1, "n": 2}, {"id": 2}])
ctx.create_relationships("Person", "Person", "KNOWS", [{"source_id": 1, "target_id": 2, "properties": {}}])`;
  await withOriginal({ "0001_all": python("0001_all", up) }, async (project) => {
    await project.ok("adopt");
    const stopped = await project.run("upgrade");
    assert.equal(stopped.code, 2);
    assert.match(stopped.err, /2 Person with id 1/);
  });
});

/** Lines that only Python can run: each is named with its place, and its migration does not run. */
const NAMED: Record<string, string> = {
  "an f-string": `name = "Person"
ctx.run_cypher(f"CREATE (:{name} {{id: 1}})")`,
  "a helper that is given ctx": `def load(given):
    given.create_nodes("Person", [{"id": 1}])
load(ctx)`,
  "a key of rows that is computed": `key = "".join(["i", "d"])
ctx.create_nodes("Person", [{key: 1}])`,
};

for (const [name, up] of Object.entries(NAMED)) {
  Deno.test(`applied by the original and not translated: ${name}`, async () => {
    const migrations = {
      "0001_first": python("0001_first", index("a"), { down: dropIndex("a") }),
      "0002_all": python("0002_all", up, { parent: "0001_first" }),
      "0003_last": python("0003_last", index("c"), { parent: "0002_all", down: dropIndex("c") }),
    };
    await withOriginal(migrations, async (project, graph) => {
      await project.original("upgrade");
      const adopted = await project.json("adopt");
      assert.deepEqual(adopted.recorded, ["0001_first", "0002_all", "0003_last"]);
      assert.match(adopted.open[0], /^0002_all\.py:\d+: upgrade is not translated: /);
      assert.deepEqual((await status(project)).pending, []);
      await project.ok("downgrade");
      const refused = await project.run("downgrade");
      assert.equal(refused.code, 2);
      assert.match(refused.err, /"0002_all" is not rollback-safe/);
      await startAfresh(project, graph);
      assert.match((await project.run("upgrade")).err, /is not translated/);
      assert.deepEqual(await showData(graph), []);
    });
  });
}

Deno.test("an empty ledger: everything is pending, and nothing is recorded", async () => {
  const migrations = { "0001_first": python("0001_first", index("a"), { down: dropIndex("a") }) };
  await withOriginal(migrations, async (project, graph) => {
    await project.original("status");
    assert.deepEqual(project.list(".crochet").includes("ledger.db"), true);
    const adopted = await project.json("adopt");
    assert.deepEqual([adopted.recorded, adopted.pending], [[], ["0001_first"]]);
    await project.ok("upgrade");
    assert.equal((await showSchema(graph)).length, 1);
    await project.ok("downgrade");
    assert.deepEqual(await showSchema(graph), []);
  });
});

Deno.test("a project whose folder .crochet was never made is adopted by its files", async () => {
  await withOriginal({ "0001_first": python("0001_first", index("a")) }, async (project) => {
    const adopted = await project.json("adopt");
    assert.deepEqual([adopted.recorded, adopted.pending, adopted.open], [[], ["0001_first"], []]);
  });
});

Deno.test("a folder without anything of the original is refused, and nothing is written", async () => {
  await withOriginal({}, async (project) => {
    const refused = await project.run("adopt");
    assert.equal(refused.code, 2);
    assert.match(refused.err, /There is no project of the Python original/);
    assert.equal([...Deno.readDirSync(project.root)].some((entry) => entry.name === "migrations"), false);
  });
});

Deno.test("a chain that was applied by file name keeps the order in which it was applied", async () => {
  const migrations = {
    "0001_a": python("0001_a", index("a"), { down: dropIndex("a") }),
    "0002_b": python("0002_b", index("b"), { parent: "0003_c", down: dropIndex("b") }),
    "0003_c": python("0003_c", index("c"), { parent: "0001_a", down: dropIndex("c") }),
  };
  await withOriginal(migrations, async (project, graph) => {
    await project.original("upgrade");
    const made = await shapes(graph);
    const adopted = await project.json("adopt");
    assert.deepEqual(adopted.recorded, ["0001_a", "0002_b", "0003_c"]);
    assert.equal((await project.run("verify")).code, 0);
    await project.ok("downgrade");
    assert.equal((await showSchema(graph)).some((line) => line.includes('["c"]')), false);
    await project.ok("upgrade");
    assert.deepEqual(await shapes(graph), made);
  });
});

Deno.test("the file of an applied migration is missing: it is named, and the rest is adopted", async () => {
  const migrations = {
    "0001_a": python("0001_a", index("a"), { down: dropIndex("a") }),
    "0002_b": python("0002_b", index("b"), { parent: "0001_a", down: dropIndex("b") }),
    "0003_c": python("0003_c", index("c"), { parent: "0002_b", down: dropIndex("c") }),
  };
  await withOriginal(migrations, async (project, graph) => {
    await project.original("upgrade");
    Deno.removeSync(join(project.root, "migrations/0002_b.py"));
    const adopted = await project.json("adopt");
    assert.deepEqual(adopted.recorded, ["0001_a", "0002_c"]);
    assert.equal(adopted.open.filter((line: string) => line.includes('"0002_b"')).length, 1);
    assert.match(adopted.open[0], /"0002_b" is applied by the original's ledger, but its file is missing/);
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual((await shapes(graph)).length, 1, "what the missing one made stays");
  });
});

Deno.test("a file with a syntax error is named with its line", async () => {
  const migrations = {
    "0001_a": python("0001_a", index("a")),
    "0002_b": python("0002_b", index("b"), { parent: "0001_a" }),
  };
  await withOriginal(migrations, async (project) => {
    await project.original("upgrade");
    project.write("migrations/0002_b.py", python("0002_b", "ctx.add_index(", { parent: "0001_a" }));
    const adopted = await project.json("adopt");
    assert.deepEqual(adopted.recorded, ["0001_a"]);
    assert.match(adopted.open[0], /^0002_b\.py: .* in line \d+; it was left out/);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("two files with one revision id: one is taken, and both are named", async () => {
  const migrations = {
    "0001_a": python("0001_a", index("a")),
    "0001_a_copy": python("0001_a", index("b")),
  };
  await withOriginal(migrations, async (project) => {
    const adopted = await project.json("adopt");
    assert.deepEqual(adopted.pending, ["0001_a"]);
    assert.match(adopted.open.join("\n"), /"0001_a" stands in 0001_a\.py and in /);
    assert.match(adopted.open.join("\n"), /0001_a_copy\.py/);
  });
});

Deno.test("a file whose name is not its revision id is named by its file", async () => {
  await withOriginal({ "people": python("0001_a", "for x in []:\n    pass") }, async (project) => {
    const { open } = await project.json("adopt");
    const line = project.read("migrations/people.py").split("\n").findIndex((text) =>
      text.includes("for x")
    ) + 1;
    assert.match(open[0], new RegExp(`^people\\.py:${line}: upgrade is not translated`));
  });
});

Deno.test("migrations that the original drafts with and without a snapshot, and as unsafe", async () => {
  await withOriginal({}, async (project, graph) => {
    await project.original("create-migration", 'say "hi" \\ and go; */ now');
    await project.original("create-migration", "no snapshot", "--no-snapshot");
    await project.original("create-migration", "人物", "--no-snapshot");
    await project.original("create-migration", "ærlig talt", "--no-snapshot");
    project.write("models/person.py", `${PERSON}    mail = StringProperty(index=True)\n`);
    await project.original("create-migration", "lossy", "--unsafe");
    const names = project.list("migrations").filter((name) => /^\d/.test(name));
    assert.equal(names.length, 5, names.join(" "));
    await project.original("upgrade");
    const made = await shapes(graph);

    const adopted = await project.json("adopt");
    assert.equal(adopted.recorded.length, 5);
    assert.equal(adopted.open.length, 1, adopted.open.join("\n"));
    const files = adopted.files.filter((file: string) => file.endsWith(".ts"));
    const texts = files.map((file: string) => project.read(file));
    assert.match(texts[0], /say "hi" \\ and go/);
    assert.match(texts[2], /人物/);
    assert.match(texts[3], /ærlig talt/);
    assert.deepEqual(texts.map((text: string) => /rollbackSafe = (\w+)/.exec(text)![1]), [
      "true",
      "true",
      "true",
      "true",
      "false",
    ]);
    assert.match(await project.ok("create-migration", "more"), /Nothing to do/);
    const refused = await project.run("downgrade");
    assert.match(refused.err, /is not rollback-safe/);
    await startAfresh(project, graph);
    await project.ok("upgrade");
    assert.deepEqual(await shapes(graph), made);
  });
});

Deno.test("what the original's run left in SQLite's journal is adopted, and does not get into the new ledger", async () => {
  await withOriginal({ "0001_a": python("0001_a", index("a")) }, async (project) => {
    await project.original("upgrade");
    // A run that was killed: its last row lies in the journal beside the ledger.
    const killed = new Deno.Command("python3", {
      args: [
        "-c",
        "import os, sqlite3\nc = sqlite3.connect('.crochet/ledger.db')\n" +
        "c.execute(\"INSERT INTO applied_migrations VALUES ('0002_b', '0001_a', '', '', '2999', 1)\")\n" +
        "c.commit()\nos._exit(0)",
      ],
      cwd: project.root,
    });
    assert.equal((await killed.output()).code, 0);
    assert.ok(project.list(".crochet").includes("ledger.db-wal"));
    project.write("migrations/0002_b.py", python("0002_b", index("b"), { parent: "0001_a" }));
    const adopted = await project.json("adopt");
    assert.deepEqual(adopted.recorded, ["0001_a", "0002_b"]);
    assert.deepEqual((await status(project)).applied, ["0001_a", "0002_b"]);
    assert.equal((await project.run("verify")).code, 0);
    const kept = new Deno.Command("python3", {
      args: [
        "-c",
        "import sqlite3\nprint(*[r[0] for r in sqlite3.connect('.crochet/ledger.db.original')" +
        ".execute('SELECT revision_id FROM applied_migrations')])",
      ],
      cwd: project.root,
    });
    assert.equal(new TextDecoder().decode((await kept.output()).stdout).trim(), "0001_a 0002_b");
  });
});

Deno.test("an adoption that cannot reach the graph leaves the project as it was", async () => {
  await withOriginal({ "0001_a": python("0001_a", index("a")) }, async (project) => {
    await project.original("upgrade");
    const files = () =>
      [...project.list("migrations"), ...project.list(".crochet")].filter((name) =>
        !/-(wal|shm)$|pycache/.test(name)
      );
    const before = files();
    const away = project.with({ CROCHET_NEO4J_URI: "bolt://127.0.0.1:1" });
    assert.notEqual((await away.run("adopt")).code, 0);
    assert.deepEqual(files(), before);
    assert.deepEqual((await project.json("adopt")).recorded, ["0001_a"]);
  });
});

Deno.test("a colleague who gets the adopted files has the original's ledger still", async () => {
  await withOriginal({ "0001_a": python("0001_a", index("a")) }, async (project) => {
    await project.original("upgrade");
    const ledger = join(project.root, ".crochet/ledger.db");
    const theirs = Deno.readFileSync(ledger);
    await project.ok("adopt");
    Deno.removeSync(join(project.root, ".crochet"), { recursive: true });
    Deno.mkdirSync(join(project.root, ".crochet"));
    Deno.writeFileSync(ledger, theirs);
    const refused = await project.run("status");
    if (refused.code !== 0) {
      assert.match(refused.err, /Hint: crochet adopt takes the project over/);
      const adopted = await project.run("adopt");
      assert.equal(adopted.code, 0, `the hint leads nowhere: ${adopted.err}`);
    }
    assert.deepEqual(await status(project), { applied: ["0001_a"], pending: [] });
  });
});

Deno.test("a graph that has a record of Crochet already is refused, and nothing is written", async () => {
  await withOriginal({ "0001_a": python("0001_a", index("a")) }, async (project, graph) => {
    await project.original("upgrade");
    await withFolder(async (folder) => {
      const other = new TestProject(folder, graphEnv());
      other.write("crochet.toml", TOML);
      other.write("models/__init__.py", "");
      await other.ok("create-migration", "others", "--empty");
      await other.ok("upgrade");
    });
    const record = async () => (await graph.read("MATCH (n:_CrochetRevision) RETURN count(n) AS n"))[0].n;
    const before = await record();
    const refused = await project.run("adopt");
    assert.equal(refused.code, 2, refused.out);
    assert.equal(await record(), before);
    assert.deepEqual(project.list("migrations").filter((name) => name.endsWith(".ts")), []);
    assert.equal(project.list(".crochet").includes("ledger.db.original"), false);
  });
});

Deno.test("an adoption that fails leaves the project as it was", async () => {
  const migrations = { "0001_a": python("0001_a", `ctx.create_nodes("", [{"id": 1}])`) };
  await withOriginal(migrations, async (project) => {
    await project.original("status");
    const python3 = new Deno.Command("python3", {
      args: [
        "-c",
        "import sqlite3\nc = sqlite3.connect('.crochet/ledger.db')\n" +
        "c.execute(\"INSERT INTO applied_migrations VALUES ('0001_a', NULL, '', '', '2024', 1)\")\nc.commit()\nc.close()",
      ],
      cwd: project.root,
    });
    assert.equal((await python3.output()).code, 0);
    const files = () =>
      [...project.list("migrations"), ...project.list(".crochet")].filter((name) =>
        !/-(wal|shm)$|pycache/.test(name)
      );
    const before = files();
    const adopted = await project.run("adopt");
    if (adopted.code !== 0) assert.deepEqual(files(), before, adopted.err);
  });
});

/** A project of Crochet with the scripts of neo4j-migrations in a folder beside its own migrations. */
async function withChain(
  scripts: Record<string, string>,
  target: string | undefined,
  work: (project: TestProject, graph: Graph, migrate: Migrate) => Promise<void>,
): Promise<void> {
  const words = await preparePeer();
  await withEmptyGraph((graph) =>
    withFolder(async (folder) => {
      const project = new TestProject(folder, graphEnv());
      project.write("crochet.toml", TOML);
      project.write("models/__init__.py", "");
      Deno.mkdirSync(join(folder, "scripts"));
      for (const [name, text] of Object.entries(scripts)) project.write(`scripts/${name}`, text);
      const migrate: Migrate = async (...more) => {
        const { uri, password } = testGraph();
        const [program, ...first] = words;
        const connection = ["--address", uri, "--username", "neo4j", "--password:env", "PEER_PASSWORD"];
        const { code, stdout, stderr } = await new Deno.Command(program, {
          args: [
            ...first,
            ...connection,
            "--location",
            `file://${join(folder, "scripts")}`,
            ...more,
            "migrate",
          ],
          env: { PEER_PASSWORD: password },
        }).output();
        const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
        if (code !== 0) throw new Error(`neo4j-migrations failed: ${text.slice(-800)}`);
      };
      if (target !== "none") await migrate(...(target ? ["--target", target] : []));
      await work(project, graph, migrate);
    })
  );
}

type Migrate = (...more: string[]) => Promise<void>;

const CHAIN = [
  "0001_create_person",
  "0002_load",
  "0003_refresh",
  "0004_later",
];

/** Nodes and relationships of neo4j-migrations itself. */
const theirs = async (graph: Graph) =>
  JSON.stringify(
    await graph.read(
      "MATCH (n:__Neo4jMigration) OPTIONAL MATCH (n)-[r]->() RETURN properties(n) AS n, type(r) AS t, properties(r) AS r ORDER BY n.version",
    ),
    (_, value) => typeof value === "bigint" ? String(value) : value,
  );

Deno.test("a chain of neo4j-migrations is adopted, and upgrade applies what was pending", async () => {
  await withChain(PEER_MIGRATIONS, "V0003", async (project, graph) => {
    const before = [await theirs(graph), await showSchema(graph), await showData(graph)];
    const adopted = await project.json("adopt", "--neo4j-migrations", "scripts");
    assert.equal(adopted.from, "neo4j-migrations");
    assert.deepEqual([adopted.recorded, adopted.pending], [CHAIN.slice(0, 3), CHAIN.slice(3)]);
    assert.deepEqual(adopted.open, [
      "R0003__Refresh.cypher ran again whenever it changed; here it runs once",
    ]);
    assert.deepEqual([await theirs(graph), await showSchema(graph), await showData(graph)], before);
    assert.match(
      project.read("migrations/0002_load.cypher"),
      /CREATE \(:Person \{id: 1, name: 'Ada; of London'\}\);/,
    );
    assert.equal((await project.run("verify")).code, 0);
    const drift = await project.ok("drift");
    assert.match(drift, /constraints and indexes are as they should be/);
    const [known, unknown] = drift.split("No model knows");
    assert.equal(known.match(/" belongs to neo4j-migrations/g)?.length, 4, drift);
    assert.doesNotMatch(unknown, /__Neo4jMigration|MIGRATED_TO|REPEATED/);

    assert.match(await project.ok("upgrade"), /Applied: 0004_later/);
    const [{ names }] = await graph.read(
      "MATCH (p:Person) WITH p ORDER BY p.id RETURN collect(p.name) AS names",
    );
    assert.deepEqual(names, ["Ada; of London", "Grace", "Later"]);
    assert.equal(await theirs(graph), before[0]);
    assert.equal((await project.run("adopt", "--neo4j-migrations", "scripts")).code, 2);
  });
});

Deno.test("the chain that migratePeer makes, with a script that was edited and one that is missing", async () => {
  const words = await preparePeer();
  await withEmptyGraph(() =>
    withFolder(async (folder) => {
      const project = new TestProject(folder, graphEnv());
      project.write("crochet.toml", TOML);
      project.write("models/__init__.py", "");
      Deno.mkdirSync(join(folder, "scripts"));
      await migratePeer(words, join(folder, "scripts"), testGraph().uri, testGraph().password);
      project.write(
        "scripts/V0001__Create_person.cypher",
        "CREATE CONSTRAINT x IF NOT EXISTS FOR (p:P) REQUIRE p.id IS UNIQUE;\n",
      );
      Deno.removeSync(join(folder, "scripts/V0002__Load.cypher"));
      const adopted = await project.json("adopt", "--neo4j-migrations", "scripts");
      assert.deepEqual(adopted.recorded, ["0001_create_person", "0002_refresh"]);
      assert.deepEqual(adopted.open, [
        "V0001__Create_person.cypher was edited after it was applied",
        "R0003__Refresh.cypher ran again whenever it changed; here it runs once",
        '"V0002__Load.cypher" is applied, but its script is missing',
      ]);
    })
  );
});

/** Scripts whose statements and checksums the two tools must see alike; all of them run. */
const SCRIPTS: Record<string, string> = {
  "V1__plain.cypher": "CREATE (:N {i: 1});\n",
  "V2__no_end.cypher": "CREATE (:N {i: 2})",
  "V3__comments.cypher": "// first\nCREATE (:N {i: 3}); // tail\n// last\n",
  "V4__blank.cypher": "\n\nCREATE (:N {i: 4});\n\n\nCREATE (:N {i: 41});\n\n",
  "V5__block.cypher": "/* block; with */\nCREATE (:N /* in; side */ {i: 5});\n",
  "V6__crlf.cypher": "CREATE (:N {i: 6});\r\nCREATE (:N\r\n {i: 61});\r\n",
  "V7__inside.cypher": "CREATE (:N\n// inside\n{i: 7});\n",
  "V8__tail.cypher": "CREATE (:N {i: 8}) // tail without an end",
  "V9__texts.cypher": `CREATE (:N {i: 9, a: ';', b: "// no", c: 'it\\'s', d: '/* no */'});\n`,
  "V10__indent.cypher": "  CREATE (:N {i: 10});\n\tCREATE (:N {i: 101});\n",
  "V11_1__Minor_name.cypher": "CREATE (:N {i: 11});\n",
  "V11_10__after_it.cypher": "CREATE (:N {i: 1110});\n",
  "V11_2__Between.cypher": "CREATE (:N {i: 112});\n",
  "V13__unicode.cypher": "CREATE (:N {i: 13, t: 'ø 😀'});\n",
  "V14__batched.cypher": "UNWIND [14] AS i CALL { WITH i CREATE (:N {i: i}) } IN TRANSACTIONS;\n",
  "V15__schema.cypher": "CREATE INDEX mine FOR (n:N) ON (n.i);\nCREATE INDEX its FOR (n:N) ON (n.t);\n",
  "V16__two_words in name.cypher": "CREATE (:N {i: 16});\n",
};

Deno.test("scripts of many shapes: checksums agree with the tool's, and they make the same data", async () => {
  await withChain(SCRIPTS, undefined, async (project, graph) => {
    const made = (await data(graph)).filter((line) => line.includes('["N"]'));
    const adopted = await project.json("adopt", "--neo4j-migrations", "scripts");
    assert.equal(adopted.recorded.length, Object.keys(SCRIPTS).length);
    assert.deepEqual([adopted.pending, adopted.open], [[], []]);
    await startAfresh(project, graph);
    await project.ok("upgrade");
    assert.deepEqual(await data(graph), made);
  });
});

/** Scripts that the tool runs and a plain Cypher migration does not say the same way: named, or the same data. */
const SPECIAL: Record<string, string> = {
  "braces in a text": "CREATE (:N {t: '{{ name }}'});\n",
  "a database is chosen": ":use neo4j;\nCREATE (:N {i: 1});\n",
};

for (const [name, text] of Object.entries(SPECIAL)) {
  Deno.test(`a script of neo4j-migrations is named or does the same: ${name}`, async () => {
    await withChain({ "V1__a.cypher": text }, undefined, async (project, graph) => {
      const made = (await data(graph)).filter((line) => line.includes('["N"]'));
      const adopted = await project.json("adopt", "--neo4j-migrations", "scripts");
      assert.deepEqual(adopted.recorded, ["0001_a"]);
      if (adopted.open.some((line: string) => line.includes("V1__a.cypher") && !line.includes("edited"))) {
        return;
      }
      assert.deepEqual(adopted.open, []);
      await startAfresh(project, graph);
      await project.ok("upgrade");
      assert.deepEqual(await data(graph), made);
    });
  });
}

Deno.test("the tool sorts versions as texts: what it applied keeps its order, and the pending one follows", async () => {
  const step = (name: string) => `MERGE (n:N) SET n.order = coalesce(n.order, '') + ' ${name}';\n`;
  const scripts = {
    "V2__two.cypher": step("two"),
    "V10__ten.cypher": step("ten"),
    "V1_9__nine.cypher": step("nine"),
  };
  const order = async (graph: Graph) =>
    (await graph.read("MATCH (n:N) RETURN n.order AS o")).map(({ o }) => o);
  await withChain(scripts, undefined, async (project, graph) => {
    const made = await order(graph);
    assert.deepEqual(made, [" nine ten two"]);
    project.write("scripts/V3__three.cypher", step("three"));
    const adopted = await project.json("adopt", "--neo4j-migrations", "scripts");
    assert.deepEqual(adopted.open, []);
    assert.deepEqual(adopted.recorded.map((id: string) => id.slice(5)), ["nine", "ten", "two"]);
    await project.ok("upgrade");
    assert.deepEqual(await order(graph), [" nine ten two three"]);
    await startAfresh(project, graph);
    await project.ok("upgrade");
    assert.deepEqual(await order(graph), [" nine ten two three"]);
  });
});

Deno.test("what is no script is named: catalogs, callbacks, folders", async () => {
  const scripts = { "V0001__a.cypher": "CREATE (:N {i: 1});\n", "beforeMigrate.cypher": "MERGE (:Seen);\n" };
  await withChain(scripts, undefined, async (project) => {
    project.write("scripts/V0002__catalog.xml", "<migration/>");
    project.write("scripts/sub/V0003__deep.cypher", "CREATE (:N {i: 3});\n");
    const adopted = await project.json("adopt", "--neo4j-migrations", "scripts");
    const open = adopted.open.join("\n");
    assert.deepEqual(adopted.recorded, ["0001_a"]);
    assert.deepEqual(adopted.pending, ["0002_deep"], "the tool looks into folders too");
    for (const name of ["V0002__catalog.xml", "beforeMigrate.cypher"]) {
      assert.ok(open.includes(name), `${name} is not named: ${open}`);
    }
  });
});

Deno.test("a folder without scripts, or that is not there, is refused", async () => {
  await withChain({ "readme.txt": "no" }, "none", async (project) => {
    for (const folder of ["scripts", "nowhere"]) {
      const refused = await project.run("adopt", "--neo4j-migrations", folder);
      assert.equal(refused.code, 2, refused.err);
      assert.match(refused.err, /There are no scripts of neo4j-migrations in/);
    }
  });
});

Deno.test("scripts that were applied out of order keep that order, and the one between runs next", async () => {
  const scripts = { "V1__a.cypher": "CREATE (:N {i: 1});\n", "V3__c.cypher": "CREATE (:N {i: 3});\n" };
  await withChain(scripts, undefined, async (project, graph) => {
    project.write("scripts/V2__b.cypher", "CREATE (:N {i: 2});\n");
    const adopted = await project.json("adopt", "--neo4j-migrations", "scripts");
    assert.deepEqual([adopted.recorded, adopted.pending], [["0001_a", "0002_c"], ["0003_b"]]);
    assert.deepEqual(adopted.open, []);
    const upgraded = await project.run("upgrade");
    assert.equal(upgraded.code, 0, upgraded.err);
    const [{ all }] = await graph.read("MATCH (n:N) WITH n ORDER BY n.i RETURN collect(n.i) AS all");
    assert.deepEqual((all as unknown[]).map(Number), [1, 2, 3]);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("a repeatable script that ran twice was not edited", async () => {
  const scripts = { "V1__a.cypher": "CREATE (:N {i: 1});\n", "R2__r.cypher": "MERGE (:R {v: 1});\n" };
  await withChain(scripts, undefined, async (project, _, migrate) => {
    project.write("scripts/R2__r.cypher", "MERGE (:R {v: 2});\n");
    await migrate();
    const adopted = await project.json("adopt", "--neo4j-migrations", "scripts");
    assert.deepEqual(adopted.recorded, ["0001_a", "0002_r"]);
    assert.deepEqual(adopted.open, ["R2__r.cypher ran again whenever it changed; here it runs once"]);
  });
});

Deno.test("scripts that lie in the project's own folder of migrations are adopted where they are", async () => {
  await withChain({ "V1__a.cypher": "CREATE (:N {i: 1});\n" }, undefined, async (project) => {
    project.write("migrations/V1__a.cypher", project.read("scripts/V1__a.cypher"));
    const adopted = await project.json("adopt", "--neo4j-migrations", "migrations");
    assert.deepEqual([adopted.recorded, adopted.open], [["0001_a"], []]);
    assert.deepEqual((await status(project)).applied, ["0001_a"]);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("a chain is adopted offline, and baseline records it", async () => {
  await withChain(PEER_MIGRATIONS, "V0003", async (project) => {
    const adopted = await project.json("adopt", "--neo4j-migrations", "scripts", "--offline");
    assert.deepEqual([adopted.recorded, adopted.pending], [[], CHAIN]);
    await project.ok("baseline", CHAIN[2]);
    assert.deepEqual(await status(project), { applied: CHAIN.slice(0, 3), pending: CHAIN.slice(3) });
  });
});
