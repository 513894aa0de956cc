/** The main job as a user does it, from an empty folder to an empty graph. */
import assert from "node:assert/strict";
import { join } from "../../lib/path.ts";
import {
  crochet,
  graphEnv,
  openTestGraph,
  ROOT,
  showData,
  showSchema,
  withEmptyGraph,
  withFolder,
  withGraphProject,
} from "../harness.ts";

Deno.test("the main job runs from new-project to downgrade", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-relationship", "Friendship", "--rel-type", "FRIENDS_WITH");
    assert.match(project.read("models/person.py"), /__kgid__ = "person_v1"/);
    const drafted = await project.ok("create-migration", "add person node");
    assert.match(drafted, /Created migration: migrations\/0001_add_person_node\.ts/);
    assert.match(
      project.read("migrations/0001_add_person_node.ts"),
      /await ctx\.addUniqueConstraint\("Person", "name"\);/,
    );

    const plan = await project.ok("upgrade", "--dry-run");
    assert.match(
      plan,
      /CREATE CONSTRAINT `constraint_unique_Person_name` FOR \(n:`Person`\) REQUIRE n\.`name` IS UNIQUE;/,
    );
    assert.equal(plan, await project.ok("plan"));
    assert.deepEqual(await showSchema(graph), []);
    assert.equal((await project.run("upgrade", "--check")).code, 1);
    assert.equal((await project.run("status", "--check")).code, 1);

    assert.match(await project.ok("upgrade"), /Applied: 0001_add_person_node\n1 revision applied\./);
    assert.match(await project.ok("upgrade"), /Nothing to apply/);
    assert.equal((await project.run("upgrade", "--check")).code, 0);
    const status = await project.json("status");
    assert.deepEqual([status.applied.length, status.pending.length, status.heads, status.source], [1, 0, [
      "0001_add_person_node",
    ], "graph"]);
    const verification = await project.json("verify");
    assert.deepEqual(verification.checks.map((line: { name: string; ok: boolean }) => [line.name, line.ok]), [
      ["ledger chain", true],
      ["files", true],
      ["digests", true],
      ["hash chain", true],
      ["snapshots", true],
      ["models", true],
      ["graph", true],
      ["schema", true],
    ]);
    assert.equal((await showSchema(graph)).length, 2);

    assert.match(await project.ok("downgrade"), /Reverted: 0001_add_person_node/);
    assert.deepEqual(await showSchema(graph), []);
    assert.match(await project.ok("downgrade"), /Nothing to revert/);
  });
});

Deno.test("the README's session is what a user sees", async () => {
  const readme = Deno.readTextFileSync(join(ROOT, "README.md"));
  const session = /## A short session\n\n```\n([^]*?)```/.exec(readme)![1];
  const steps = session.split(/^\$ /m).filter(Boolean).map((step) => {
    const [command, ...shown] = step.trimEnd().split("\n");
    return { command, shown: shown.join("\n") };
  });
  await withEmptyGraph(() =>
    withFolder(async (folder) => {
      let cwd = folder;
      for (const { command, shown } of steps) {
        const [words, into] = command.split(" && cd ");
        const args = [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain)
          .slice(1);
        const { code, out, err } = await crochet(cwd, args, graphEnv());
        assert.equal(code, 0, `${command}: ${err}`);
        if (shown) assert.equal(out.trimEnd(), shown, command);
        if (into) cwd = join(cwd, into);
      }
    })
  );
});

Deno.test("create-migration writes nothing where nothing changed, unless --empty", async () => {
  await withGraphProject({}, async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "one");
    const before = project.list("migrations");
    assert.match(await project.ok("create-migration", "two"), /Nothing to do/);
    assert.deepEqual(project.list("migrations"), before);
    await project.ok("create-migration", "two", "--empty");
    assert.deepEqual(project.list("migrations").filter((name) => name.startsWith("0002")), [
      "0002_two.schema.json",
      "0002_two.ts",
    ]);
  });
});

Deno.test("drafts of equal models are equal, byte for byte, wherever the project lies", async () => {
  const texts: string[] = [];
  for (let i = 0; i < 2; i++) {
    await withGraphProject({}, async (project) => {
      for (const name of i === 0 ? ["Person", "City"] : ["City", "Person"]) {
        await project.ok("create-node", name);
      }
      await project.ok("create-migration", "both");
      texts.push(project.read("migrations/0001_both.ts") + project.read("migrations/0001_both.schema.json"));
    });
  }
  assert.equal(texts[0], texts[1]);
});

Deno.test("a class that is renamed under its kgid keeps its nodes; a property that is renamed keeps its values", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    await graph.write((tx) => tx.run("UNWIND range(1, 25000) AS i CREATE (:Person {name: 'p' + i})"));
    project.write(
      "models/person.py",
      project.read("models/person.py").replace("class Person", "class Human").replace(
        "name =",
        "full_name =",
      ),
    );
    await project.ok("create-migration", "human", "--rename", "Human.name=full_name");
    const text = project.read("migrations/0002_human.ts");
    assert.match(text, /ctx\.renameLabel\("Person", "Human"\)/);
    assert.match(text, /ctx\.renameNodeProperty\("Human", "name", "full_name"\)/);
    const before = await showData(graph);
    await project.ok("upgrade");
    const [{ n }] = await graph.read(
      "MATCH (h:Human) WHERE h.full_name STARTS WITH 'p' AND h.name IS NULL RETURN count(h) AS n",
    );
    assert.equal(n, 25000);
    assert.deepEqual((await graph.read("MATCH (p:Person) RETURN count(p) AS n"))[0].n, 0);
    await project.ok("downgrade");
    assert.deepEqual(await showData(graph), before);
  });
});

Deno.test("a property that is removed without a rename is marked as lost, and its downgrade is refused", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    await graph.write((tx) => tx.run("CREATE (:Person {name: 'Ada'})"));
    project.write("models/person.py", project.read("models/person.py").replace("    name =", "    mail ="));
    const drafted = await project.ok("create-migration", "mail");
    assert.match(drafted, /- property Person\.name; loses the values of Person\.name/);
    assert.match(project.read("migrations/0002_mail.ts"), /rollbackSafe = false/);
    assert.match(await project.ok("plan"), /LOSES the values of Person\.name/);
    await project.ok("upgrade");
    const refused = await project.run("downgrade");
    assert.equal(refused.code, 2);
    assert.match(refused.err, /refused before it touched anything: "0002_mail" is not rollback-safe/);
    assert.equal((await project.json("status")).applied.length, 2);
  });
});

Deno.test("verify names a constraint that left the graph, and a file that a migration imports is part of it", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    project.write("migrations/rows.ts", 'export const rows = [{ name: "Ada" }];\n');
    const file = "migrations/0001_first.ts";
    const text = project.read(file).replace("import type", 'import { rows } from "./rows.ts";\nimport type');
    project.write(file, text.replace('"name");', '"name");\n  await ctx.createNodes("Person", rows);'));
    await project.ok("upgrade");
    assert.equal((await project.run("verify")).code, 0);
    await graph.implicit("DROP CONSTRAINT constraint_unique_Person_name");
    const drifted = await project.run("verify");
    assert.equal(drifted.code, 1);
    assert.match(drifted.out, /FAIL {2}schema\n {6}the graph lacks the unique constraint on Person\.name/);
    project.write("migrations/rows.ts", 'export const rows = [{ name: "Bob" }];\n');
    assert.match(
      (await project.run("verify")).out,
      /FAIL {2}digests\n {6}"migrations\/0001_first\.ts" was edited after it was applied/,
    );
    assert.equal((await project.run("upgrade")).code, 2);
  });
});

Deno.test("what would fail after a loss is found before it: duplicates and values in the way", async () => {
  const model = (body: string) =>
    `from neomodel import StringProperty, StructuredNode\n\n\nclass Pub(StructuredNode):\n    __kgid__ = "pub_v1"\n\n${body}`;
  const property = (name: string, options = "") => `    ${name} = StringProperty(${options})\n`;
  await withGraphProject(
    { "models/pub.py": model(property("seats") + property("handle")) },
    async (project, graph) => {
      await project.ok("create-migration", "first");
      await project.ok("upgrade");
      await graph.write((tx) =>
        tx.run("CREATE (:Pub {seats: '9', handle: 'x'}), (:Pub {seats: '8', handle: 'x', tag: 'y'})")
      );
      const before = await showData(graph);
      project.write("models/pub.py", model(property("handle", "unique_index=True")));
      await project.ok("create-migration", "unique");
      const lines = project.read("migrations/0002_unique.ts").split("\n").filter((line) =>
        line.includes("await ctx.")
      );
      assert.deepEqual(lines.map((line) => line.trim().split("(")[0]).slice(0, 2), [
        "await ctx.addUniqueConstraint",
        "await ctx.removeNodeProperty",
      ]);
      const refused = await project.run("upgrade");
      assert.equal(refused.code, 2);
      assert.match(refused.err, /values are not unique: "x" stands 2 times/);
      Deno.removeSync(join(project.root, "migrations/0002_unique.ts"));
      Deno.removeSync(join(project.root, "migrations/0002_unique.schema.json"));
      project.write("models/pub.py", model(property("seats") + property("tag")));
      await project.ok("create-migration", "rename", "--rename", "Pub.handle=tag");
      assert.match(
        (await project.run("plan")).err,
        /renames Pub\.handle to tag, and would overwrite 1 value/,
      );
      assert.deepEqual(await showData(graph), before);
    },
  );
});

Deno.test("a fresh clone takes over what the graph has applied", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    Deno.removeSync(join(project.root, ".crochet"), { recursive: true });
    assert.equal((await project.json("status")).applied.length, 1);
    const again = await project.run("upgrade");
    assert.equal(again.code, 0, again.err);
    assert.match(again.out, /Nothing to apply/);
    assert.equal((await project.json("status", "--offline")).applied.length, 1);
    assert.equal((await showSchema(graph)).length, 2);
    assert.equal((await project.run("verify")).code, 0);
  });
});

Deno.test("one graph is the same under another name of its host", async () => {
  await withGraphProject({}, async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    await project.ok("upgrade");
    const { CROCHET_NEO4J_URI } = graphEnv();
    const other = project.with({ CROCHET_NEO4J_URI: CROCHET_NEO4J_URI.replace("127.0.0.1", "localhost") });
    for (const run of [other, project, other]) assert.match(await run.ok("upgrade"), /Nothing to apply/);
    assert.equal((await other.run("verify")).code, 0);
  });
});

Deno.test("neomodel's own constraints are adopted, and a downgrade leaves them", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.implicit("CREATE CONSTRAINT somebody_elses FOR (n:Person) REQUIRE n.name IS UNIQUE");
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    assert.match(await project.ok("plan"), /it is there already as "somebody_elses", and is adopted/);
    const upgraded = await project.run("upgrade");
    assert.match(upgraded.err, /adopted the unique constraint on Person\.name/);
    await project.ok("downgrade");
    const left = await showSchema(graph);
    assert.equal(left.length, 2);
    assert.match(left[0], /somebody_elses/);
  });
});

Deno.test("a plain Cypher migration is drafted, applied and reverted", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "plain", "--cypher");
    const text = project.read("migrations/0001_plain.cypher");
    assert.match(text, /\/\/ crochet: revisionId = "0001_plain"/);
    project.write(
      "migrations/0001_plain.cypher",
      text.replace(
        "// crochet: downgrade",
        "CREATE (:Person {name: 'a;b'}); // a comment;\n\n// crochet: downgrade\nMATCH (p:Person) DELETE p;",
      ),
    );
    const refused = await project.run("upgrade");
    assert.equal(refused.code, 0, refused.err);
    assert.deepEqual(await showData(graph), ['node {"labels":["Person"],"p":{"name":"a;b"}}']);
    await project.ok("downgrade");
    assert.deepEqual([...await showSchema(graph), ...await showData(graph)], []);
  });
});

Deno.test("the example project goes up and down with its data", async () => {
  await withGraphProject({}, async (project, graph) => {
    for (const entry of Deno.readDirSync(join(ROOT, "examples/museum/models"))) {
      if (entry.isFile) {
        project.write(
          `models/${entry.name}`,
          Deno.readTextFileSync(join(ROOT, "examples/museum/models", entry.name)),
        );
      }
    }
    await project.ok("create-migration", "the collection");
    await project.ok("upgrade");
    const names = (await showSchema(graph)).filter((line) => line.startsWith("index")).map((line) =>
      JSON.parse(line.slice(6)).name
    );
    assert.equal(names.length, 42);
    assert.ok(names.includes("index_Artwork_acquisition_date"));
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual(await showSchema(graph), []);
  });
});

Deno.test("two runs at once: one applies, the other waits its turn or is told who works", async () => {
  await withGraphProject({}, async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "first");
    const file = "migrations/0001_first.ts";
    project.write(
      file,
      project.read(file).replace(
        "await ctx.addUniqueConstraint",
        'await ctx.createNodes("Person", [{ name: "only once" }]);\n  await ctx.addUniqueConstraint',
      ),
    );
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => project.run("upgrade")));
    for (const { code, err } of outcomes) {
      assert.ok(
        code === 0 || (code === 3 && /is locked by|is at work in this project/.test(err)),
        `${code} ${err}`,
      );
    }
    assert.ok(outcomes.some(({ out }) => /Applied: 0001_first/.test(out)));
    const graph = await openTestGraph();
    try {
      assert.equal((await graph.read("MATCH (p:Person) RETURN count(p) AS n"))[0].n, 1);
    } finally {
      await graph.close();
    }
  });
});
