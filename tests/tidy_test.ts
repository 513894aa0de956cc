/** The house rules that a machine can hold: shelves, sizes of the door, words, docs that follow the code. */
import assert from "node:assert/strict";
import { ERROR_CODES } from "../lib/error.ts";
import { OPERATIONS } from "../lib/operation.ts";
import { join } from "../lib/path.ts";
import { crochet, ROOT, withFolder } from "./harness.ts";

const SHELVES = ["ground", "noun", "port", "verb", "shell"];

interface Room {
  shelf: string;
  file: string;
}

/** The table of contents: one row a file, `| shelf | file | takes | gives |`. */
function contents(): Room[] {
  const rows = read("ARCHITECTURE.md").matchAll(/^\| (\w+) +\| `([\w.]+\.(?:ts|wasm))` +\|/gm);
  return [...rows].map(([, shelf, file]) => ({ shelf, file }));
}

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

function everything(): string[] {
  return [...Deno.readDirSync(join(ROOT, "lib"))].map((entry) => entry.name).sort();
}

function rooms(): string[] {
  return everything().filter((name) => name.endsWith(".ts"));
}

function importsOf(file: string): string[] {
  return [...read(`lib/${file}`).matchAll(/^(?:import|export)[^;]*?from "\.\/([\w.]+)"/gms)].map(([, name]) =>
    name
  );
}

Deno.test("lib is flat, and ARCHITECTURE.md has one row for each of its files", () => {
  assert.ok([...Deno.readDirSync(join(ROOT, "lib"))].every((entry) => entry.isFile));
  assert.deepEqual(contents().map((room) => room.file).sort(), everything());
});

Deno.test("rows stand in reading order: nothing is imported from a higher shelf", () => {
  const shelf = new Map(contents().map((room) => [room.file, SHELVES.indexOf(room.shelf)]));
  for (const { file, shelf: name } of contents()) {
    assert.ok(SHELVES.includes(name), `${file}: shelf ${name}`);
    for (const target of importsOf(file)) {
      assert.ok(shelf.get(target)! <= shelf.get(file)!, `${file} imports ${target} from a higher shelf`);
    }
  }
});

Deno.test("imports go in no circle", () => {
  const done = new Set<string>();
  const visit = (file: string, trail: string[]) => {
    assert.ok(!trail.includes(file), `${[...trail, file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const target of importsOf(file)) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of rooms()) visit(file, []);
});

Deno.test("nouns are pure: no disk, net, clock or randomness", () => {
  const powers =
    /\bDeno\.|\bfetch\(|Date\.now|new Date\(\)|Math\.random|randomUUID|node:fs|node:net|node:child_process/;
  for (const { file, shelf } of contents()) {
    if (shelf !== "ground" && shelf !== "noun") continue;
    const code = read(`lib/${file}`).replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"/g, "");
    assert.doesNotMatch(code, powers, file);
  }
});

Deno.test("only the graph knows the driver, only the ledgers know SQLite, and nothing runs Python", () => {
  for (const file of rooms()) {
    const text = read(`lib/${file}`);
    if (file !== "graph.ts") assert.doesNotMatch(text, /"neo4j-driver"/, file);
    if (!/^ledger/.test(file)) assert.doesNotMatch(text, /node:sqlite/, file);
    assert.doesNotMatch(text, /["'`]python3?["'`]/, file);
  }
});

Deno.test("main.ts is a door", () => {
  assert.ok(read("main.ts").split("\n").length <= 30);
});

Deno.test("files are named for what they define", () => {
  for (const file of rooms()) assert.doesNotMatch(file, /^(utils?|helpers?|common|types|misc|mod)\.ts$/);
});

Deno.test("every file has a head comment, every export a JSDoc", () => {
  for (const file of rooms()) {
    const text = read(`lib/${file}`);
    assert.match(text, /^\/\*\*/, `${file} begins with a head comment`);
    const lines = text.split("\n");
    lines.forEach((line, i) => {
      if (!/^export (async )?(function|const|class|interface|type) /.test(line)) return;
      assert.match(lines[i - 1] ?? "", /\*\/$/, `${file}:${i + 1} ${line} has no JSDoc`);
    });
  }
});

Deno.test("no loose ends stand in the tree", () => {
  const words = new RegExp(
    ["TO" + "DO", "FIX" + "ME", "X" + "XX", "console\\.deb" + "ug", "debug" + "ger;"].join("|"),
  );
  for (const folder of ["lib", "tests", "scripts", "tests/graph", "tests/oracle", "tests/server"]) {
    for (const entry of Deno.readDirSync(join(ROOT, folder))) {
      if (entry.isFile && entry.name.endsWith(".ts")) {
        assert.doesNotMatch(read(`${folder}/${entry.name}`), words, entry.name);
      }
    }
  }
});

Deno.test("every error code has a paragraph in the docs and is thrown somewhere", () => {
  const docs = read("docs/errors.md");
  const code = rooms().filter((file) => file !== "error.ts").map((file) => read(`lib/${file}`)).join("\n");
  for (const name of Object.keys(ERROR_CODES)) {
    assert.match(docs, new RegExp(`^### ${name}$`, "m"), `${name} is not in docs/errors.md`);
    assert.match(code, new RegExp(`"${name}"`), `${name} is never used`);
  }
});

Deno.test("every command is in the README, every operation in the declaration file", async () => {
  await withFolder(async (folder) => {
    const { err, out } = await crochet(folder, ["--help"]);
    const commands = [...(out + err).matchAll(/^ {2}([a-z][a-z-]+)( |$)/gm)].map(([, name]) => name).filter((
      name,
    ) => name !== "help");
    assert.ok(commands.length > 10);
    for (const command of commands) {
      assert.ok(read("README.md").includes(`crochet ${command}`), `${command} is not in the README`);
    }
  });
  const types = read("migrations_template/crochet.d.ts");
  const declared = [...types.matchAll(/^ {4}(\w+)(?:<.*>)?\(/gm)].map(([, name]) => name);
  assert.deepEqual([...new Set(declared)].sort(), [...OPERATIONS.keys()].sort());
});
