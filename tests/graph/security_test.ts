/**
 * What code and files that Crochet did not write can do: migrations have no powers, links and paths do not leave the
 * project, names from anywhere are only names, and no secret is shown or kept.
 */
import assert from "node:assert/strict";
import { join } from "../../lib/path.ts";
import { quoteName } from "../../lib/schema.ts";
import {
  showData,
  showSchema,
  testGraph,
  type TestProject,
  withFolder,
  withGraphProject,
  withProject,
  writeMigration,
} from "../harness.ts";

/** What a migration tries, in its function. `MARK` is the path of a file that must not come to be. */
const POWERS: Record<string, string> = {
  "reads a file": `await Deno.readTextFile("/etc/hostname");`,
  "reads a folder": `[...Deno.readDirSync(".")];`,
  "writes a file": `await Deno.writeTextFile("MARK", "x");`,
  "reads the environment": `Deno.env.get("HOME") ?? Deno.env.toObject();`,
  "fetches": `await fetch("http://127.0.0.1:1/");`,
  "opens a connection": `await Deno.connect({ hostname: "127.0.0.1", port: PORT });`,
  "listens": `Deno.listen({ port: 0 });`,
  "opens a web socket": `await new WebSocketStream("ws://127.0.0.1:PORT/").opened;`,
  "starts a process": `await new Deno.Command("touch", { args: ["MARK"] }).output();`,
  "loads a library": `Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } });`,
  "asks the system": `Deno.hostname();`,
  "imports a file later": `await import("file:///etc/hostname");`,
  "imports from the net later": `await import("http://127.0.0.1:PORT/x.js");`,
  "imports a module of Node later":
    `const { readFileSync } = await import("node:fs"); readFileSync("/etc/hostname");`,
  "makes a function that imports":
    `await new Function("return import('node:fs').then((fs) => fs.readFileSync('/etc/hostname'))")();`,
  "evaluates an import": `await (0, eval)("import('node:fs').then((fs) => fs.writeFileSync('MARK', 'x'))");`,
  "starts a worker with powers":
    `const w = new Worker("data:text/javascript,Deno.writeTextFileSync('MARK','x')", { type: "module", deno: { permissions: "inherit" } }); await new Promise((resolve, reject) => { w.onerror = (e) => { e.preventDefault(); reject(new Error(e.message)); }; setTimeout(resolve, 800); });`,
};

/** Imports at the top of a migration. */
const IMPORTS = [
  `import fs from "node:fs";`,
  `import x from "npm:left-pad@1.3.0";`,
  `import x from "jsr:@std/path";`,
  `import x from "https://example.org/x.ts";`,
  `import x from "file:///etc/hostname";`,
  `import x from "/etc/hostname";`,
  `import x from "../outside.ts";`,
  `import x from "./../outside.ts";`,
  `import x from "./sub/../../outside.ts";`,
  `import x from "data:text/javascript,export default 1";`,
  `export * from "../outside.ts";`,
];

Deno.test("a migration has no powers: every way out is refused, and nothing comes of it", async () => {
  await withFolder(async (folder) => {
    const mark = join(folder, "mark");
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let connections = 0;
    const accepting = (async () => {
      for await (const connection of listener) {
        connections++;
        connection.close();
      }
    })();
    await withProject({}, async (project) => {
      const file = await writeMigration(project, "tries", "  // HERE", "  // nothing");
      const text = project.read(file);
      for (const [about, code] of Object.entries(POWERS)) {
        const body = code.replaceAll("MARK", mark).replaceAll("PORT", String(listener.addr.port));
        project.write(file, text.replace("  // HERE", () => `  ${body}`));
        const { code: exit, err } = await project.run("plan", "--offline");
        assert.equal(exit, 2, `${about}: ${err}`);
        assert.doesNotMatch(err, /fault of crochet/, about);
      }
      project.write("outside.ts", "export default 1;\n");
      for (const line of IMPORTS) {
        project.write(file, `${line}\n${text}`);
        const { code, err } = await project.run("plan", "--offline");
        assert.equal(code, 2, `${line}: ${err}`);
        assert.match(err, /it may not import|is not available in a migration|finds no file/, line);
      }
    });
    listener.close();
    await accepting;
    assert.equal(connections, 0);
    await assert.rejects(Deno.stat(mark), Deno.errors.NotFound);
  });
});

Deno.test("a migration that ends its process ends only itself", async () => {
  await withProject({}, async (project) => {
    const file = await writeMigration(project, "ends", "  // HERE", "  // nothing");
    const text = project.read(file);
    for (const code of ["Deno.exit(0);", "close();", "self.close(); await new Promise(() => {});"]) {
      project.write(
        "crochet.toml",
        `${project.read("crochet.toml").split("\n[migrations]")[0]}\n[migrations]\ntime_limit_seconds = 2\n`,
      );
      project.write(
        file,
        text.replace("  // HERE", () => `  ${code}\n  await new Promise(() => {});`),
      );
      const { code: exit, err } = await project.run("plan", "--offline");
      assert.equal(exit, 2, `${code}: ${err}`);
    }
  });
});

Deno.test("symbolic links and paths do not leave the project", async () => {
  await withFolder(async (folder) => {
    const secret = "s3cr3t-9d1f";
    Deno.writeTextFileSync(join(folder, "secret.ts"), `export const x = "${secret}";\n`);
    Deno.writeTextFileSync(
      join(folder, "secret.py"),
      `from neomodel import StructuredNode\nSECRET = "${secret}"\n`,
    );
    Deno.writeTextFileSync(join(folder, "secret.json"), `{ "${secret}": 1 }`);
    Deno.mkdirSync(join(folder, "outside"));
    await withProject({}, async (project) => {
      const file = await writeMigration(project, "one", "  // nothing", "  // nothing");
      await refusedWith(project, secret, "migrations/link.ts", join(folder, "secret.ts"), [[
        "plan",
        "--offline",
      ]], () => {
        const text = project.read(file);
        project.write(file, `import { x } from "./link.ts";\n${text}`);
        return () => project.write(file, text);
      });
      await refusedWith(project, secret, "migrations/0002_link.ts", join(folder, "secret.ts"), [[
        "plan",
        "--offline",
      ], [
        "upgrade",
        "--offline",
        "--dry-run",
      ]]);
      await refusedWith(project, secret, "models/link.py", join(folder, "secret.py"), [[
        "create-migration",
        "x",
      ], [
        "models",
      ]]);
      const snapshot = `migrations/${project.list("migrations").find((name) => name.endsWith(".json"))}`;
      const kept = project.read(snapshot);
      Deno.removeSync(join(project.root, snapshot));
      await refusedWith(project, secret, snapshot, join(folder, "secret.json"), [["plan", "--offline"]]);
      project.write(snapshot, kept);
      for (const name of ["models", "migrations", ".crochet"]) {
        const path = join(project.root, name);
        Deno.renameSync(path, `${path}-kept`);
        Deno.symlinkSync(join(folder, "outside"), path);
        const { code, err } = await project.run("status", "--offline");
        assert.equal(code, 2, `${name}: ${err}`);
        assert.match(err, /symbolic link leads out of the project/, name);
        Deno.removeSync(path);
        Deno.renameSync(`${path}-kept`, path);
      }
      assert.deepEqual([...Deno.readDirSync(join(folder, "outside"))], []);
      const toml = project.read("crochet.toml");
      for (
        const [key, line] of [["models_path", 'models_path = "../x"'], [
          "migrations_path",
          'migrations_path = "/etc"',
        ]]
      ) {
        project.write("crochet.toml", toml.replace(new RegExp(`^${key}.*$`, "m"), line));
        const { code, err } = await project.run("status", "--offline");
        assert.equal(code, 2, line);
        assert.match(err, /leaves the project's folder/, line);
      }
      project.write("crochet.toml", toml);
      // A link that stays inside is a file like any other.
      project.write("migrations/real.ts", "export const x = 1;\n");
      Deno.symlinkSync("real.ts", join(project.root, "migrations/inner.ts"));
      project.write(file, `import { x } from "./inner.ts";\n${project.read(file)}`);
      assert.equal((await project.run("plan", "--offline")).code, 0);
    });
  });
});

async function refusedWith(
  project: TestProject,
  secret: string,
  link: string,
  target: string,
  commands: string[][],
  prepare: () => () => void = () => () => {},
): Promise<void> {
  const path = join(project.root, link);
  Deno.symlinkSync(target, path);
  const undo = prepare();
  for (const words of commands) {
    const { code, out, err } = await project.run(...words);
    assert.equal(code, 2, `${link} ${words}: ${err}`);
    assert.match(err, /symbolic link leads out of the project/, link);
    assert.ok(!(out + err).includes(secret), `${link} shows what is outside`);
  }
  undo();
  Deno.removeSync(path);
}

/** Names that would do harm where they were pasted into Cypher. */
const HOSTILE = [
  "A`) DETACH DELETE (n) //",
  "A`",
  "``",
  "A:B",
  "A B",
  "A\nB",
  "A'); MATCH (n) DETACH DELETE n //",
  'A"',
  "A\\",
  "A\\u0060",
  "$x",
  "{{ x }}",
  "é🦀",
];

Deno.test("hostile names and values are names and values, wherever they come from", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.implicit("CREATE (:Victim {id: 99})");
    const lines = HOSTILE.flatMap((name, i) => {
      const q = JSON.stringify(name);
      return [
        `  await ctx.addIndex(${q}, ${q});`,
        `  await ctx.createNodes(${q}, [{ id: ${i}, ${q}: ${q} }]);`,
        `  await ctx.upsertNodes(${q}, [{ id: ${i}, ${q}: ${q} }], { mergeKeys: ["id"] });`,
        `  await ctx.createRelationships(${q}, ${q}, ${q}, [{ source: ${q}, target: ${q}, properties: { ${q}: ${q} } }], { sourceKey: ${q}, targetKey: ${q} });`,
        `  await ctx.renameNodeProperty(${q}, ${q}, ${JSON.stringify(name + "2")});`,
        `  await ctx.renameRelationshipType(${q}, ${JSON.stringify(name + "2")});`,
        `  await ctx.addNodeProperty(${q}, ${JSON.stringify(name + "3")}, ${q});`,
        `  await ctx.runCypher("MATCH (n) WHERE n.id = $id SET n.note = $note", { id: ${i}, note: ${q} });`,
      ];
    });
    await writeMigration(
      project,
      "hostile",
      `  await ctx.beginBatch("b' OR 1=1 //");\n${lines.join("\n")}`,
      HOSTILE.map((name) => {
        const q = JSON.stringify(name);
        return `  await ctx.deleteNodesByBatch(${q}, "b' OR 1=1 //");\n  await ctx.dropIndex(${q}, ${q});`;
      }).toReversed().join("\n"),
    );
    const dry = await project.run("upgrade", "--dry-run");
    assert.equal(dry.code, 0, dry.err);
    const done = await project.run("upgrade");
    assert.equal(done.code, 0, done.err);
    for (const [i, name] of HOSTILE.entries()) {
      const [row] = await graph.read(
        `MATCH (n:${quoteName(name)})-[r:${
          quoteName(name + "2")
        }]->(n) RETURN n.note AS note, n[$key] AS value, properties(r)[$name] AS own`,
        { key: `${name}2`, name },
      );
      assert.deepEqual(row, { note: name, value: name, own: name }, `${i}: ${name}`);
    }
    await project.ok("downgrade");
    assert.deepEqual(await showData(graph), ['node {"labels":["Victim"],"p":{"id":99}}']);
    assert.deepEqual(await showSchema(graph), []);
  });
});

Deno.test("hostile file names, branch names and settings are shown and never run", async () => {
  await withGraphProject({}, async (project, graph) => {
    await graph.implicit("CREATE (:Victim {id: 99})");
    project.write("models/it's; touch x.py", "import nothing_here\n");
    project.write("models/$(touch x).py", "class A:\n    pass\n");
    await project.run("models");
    const toml = project.read("crochet.toml");
    for (
      const text of [
        toml.replace(/^name = .*$/m, 'name = "x`) DETACH DELETE (n) //"'),
        `${toml}\n[env."a'b; touch x"]\nuri = "bolt://127.0.0.1:1"\n`,
      ]
    ) {
      project.write("crochet.toml", text);
      await project.run("status");
      await project.run("status", "--env", "a'b; touch x");
      await project.run("upgrade", "--env", "a'b; touch x");
      await project.run(
        "create-migration",
        "$(touch x); `touch x` '); MATCH (n) DETACH DELETE n //",
        "--empty",
      );
      const upgraded = await project.run("upgrade");
      assert.equal(upgraded.code, 0, upgraded.err);
    }
    assert.ok(!project.list(".").includes("x"), "a shell ran it");
    assert.deepEqual(await showData(graph), ['node {"labels":["Victim"],"p":{"id":99}}']);
  });
});

Deno.test("a password is in no output, no file of the project and no node of the graph", async () => {
  await withGraphProject({}, async (project, graph) => {
    const { password } = testGraph();
    await writeMigration(
      project,
      "one",
      `  await ctx.createNodes("A", [{ x: 1 }]);\n  await ctx.runCypher("MATCH (a:A) SET a.y = 1 / (a.x - a.x)");`,
    );
    // The harness looks through what each of them prints.
    for (
      const words of [["upgrade"], ["status"], ["verify"], ["resolve", "0001_one"], ["plan"], ["drift"], [
        "history",
      ]]
    ) {
      await project.run(...words, "--debug");
      await project.run(...words, "--json");
    }
    const withSecret = project.with({ CROCHET_NEO4J_URI: `bolt://neo4j:${password}@127.0.0.1:7687` });
    for (const words of [["upgrade"], ["status"], ["verify", "--debug"]]) {
      const { code, err } = await withSecret.run(...words);
      assert.equal(code, 2, err);
      assert.match(err, /holds a user name or a password/);
    }
    for (const path of files(project.root)) {
      const bytes = new TextDecoder("latin1").decode(Deno.readFileSync(path));
      assert.ok(!bytes.includes(password), path);
    }
    const rows = await graph.read("MATCH (n) RETURN properties(n) AS p");
    assert.ok(rows.length > 2);
    assert.ok(!JSON.stringify(rows).includes(password));
  });
});

function files(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) =>
    entry.isDirectory ? files(join(folder, entry.name)) : [join(folder, entry.name)]
  );
}
