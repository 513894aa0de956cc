/**
 * Shows the main job on a believable project: read the models of `examples/museum`, draft, plan, upgrade, load
 * data, change and rename models, upgrade, verify, revert. Runs the program as a user does, against a scratch Neo4j
 * that it starts and stops, and shows the true output of each step.
 */
import { connectGraph } from "../lib/graph.ts";
import { join } from "../lib/path.ts";
import { startServer, stopServer } from "../lib/server.ts";

const root = new URL("..", import.meta.url).pathname;
const bin = Deno.env.get("CROCHET_BIN");
const program = bin
  ? [bin]
  : [Deno.execPath(), "run", "-q", "-A", "--config", join(root, "deno.json"), join(root, "main.ts")];
/** Longest output that is shown whole. */
const LONGEST = 36;

const folder = Deno.makeTempDirSync({ prefix: "crochet-demo-" });
const project = join(folder, "museum");

console.log("A scratch Neo4j from its published jars; the first start fetches them, which takes a minute.");
const server = await startServer({
  home: join(folder, "neo4j"),
  boltPort: 0,
  httpPort: 0,
  log: (line) => console.log(line),
});
const env = {
  CROCHET_NEO4J_URI: server.uri,
  CROCHET_NEO4J_USERNAME: server.username,
  CROCHET_NEO4J_PASSWORD: server.password,
};
let failed = false;
try {
  await story();
} catch (error) {
  failed = true;
  console.error((error as Error).message);
} finally {
  await stopServer(server.home);
  Deno.removeSync(folder, { recursive: true });
}
console.log(failed ? "\nThe demo failed." : "\nThe demo is done; its server and its folder are gone.");
Deno.exit(failed ? 1 : 0);

async function story(): Promise<void> {
  title("1. A project, and models that neomodel users wrote");
  await crochet(folder, "new-project", "--name", "museum");
  copyFolder(join(root, "examples/museum/models"), join(project, "models"));
  await crochet(project, "models");

  title("2. Draft the first migration from the models, and read the plan");
  await crochet(project, "create-migration", "the collection");
  show("migrations/0001_the_collection.ts", 30);
  await crochet(project, "upgrade", "--dry-run");
  await crochet(project, "upgrade", "--quiet");

  title("3. Load data as a tracked batch");
  await crochet(project, "create-migration", "load the collection", "--empty");
  writeLoad(join(project, "migrations/0002_load_the_collection.ts"));
  await crochet(project, "upgrade");
  await count();

  title("4. Change the models: a property renamed, a class renamed, an index made unique, a property added");
  edit("works.py", /^ {4}title = /m, "    main_title = ");
  edit("places.py", /^ {4}country = /m, "    population = IntegerProperty(index=True)\n    country = ");
  edit("places.py", /name = StringProperty\(index=True\)/, "name = StringProperty(unique_index=True)");
  for (const name of listModels()) edit(name, /\bArtist\b/g, "Maker");
  await crochet(project, "create-migration", "makers", "--rename", "Artwork.title=main_title");
  await crochet(project, "plan");
  await crochet(project, "upgrade");
  await count();

  title("5. Prove that files, ledger and graph agree");
  await crochet(project, "verify");
  await crochet(project, "status");

  title("6. What a review sees: the chain, the rules, the live graph");
  await crochet(project, "history");
  await crochet(project, "lint", "--level", "error");
  await crochet(project, "drift");

  title("7. Prove every way back, on a scratch server of its own");
  await crochet(project, "test");

  title("8. Revert: down to the first migration, then to nothing");
  await crochet(project, "downgrade", "--target", "0001_the_collection");
  await count();
  await crochet(project, "downgrade", "--target", "base");
  await crochet(project, "status");
}

function title(text: string): void {
  console.log(`\n\x1b[1m${text}\x1b[0m`);
}

/** Runs a command and shows what it prints, of long output the head and how much more there is. */
async function crochet(cwd: string, ...args: string[]): Promise<void> {
  console.log(`\n$ crochet ${args.map((arg) => (/\s/.test(arg) ? `"${arg}"` : arg)).join(" ")}`);
  const [command, ...first] = program;
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...first, ...args],
    cwd,
    env,
    stdin: "null",
  }).output();
  const lines = [stderr, stdout].flatMap((part) => new TextDecoder().decode(part).trimEnd().split("\n"))
    .filter((line, i, all) => line !== "" || all[i - 1] !== "");
  console.log(lines.slice(0, LONGEST).join("\n").trim());
  if (lines.length > LONGEST) console.log(`… ${lines.length - LONGEST} more lines`);
  if (code !== 0) throw new Error(`crochet ${args[0]} ended with ${code}`);
}

async function count(): Promise<void> {
  const graph = await connectGraph({
    uri: server.uri,
    username: server.username,
    password: server.password,
    passwordVariable: "",
    database: undefined,
    environment: "",
  }, "demo");
  try {
    const rows = await graph.read(
      "MATCH (n) WHERE NOT any(l IN labels(n) WHERE l STARTS WITH '_Crochet') RETURN labels(n) AS labels, count(*) AS n ORDER BY labels",
    );
    const [{ n }] = await graph.read("MATCH ()-[r]->() RETURN count(*) AS n");
    console.log(
      `\nIn the graph: ${
        rows.map((row) => `${row.n} ${(row.labels as string[]).join(":")}`).join(", ") || "no node"
      }; ${n} relationships`,
    );
  } finally {
    await graph.close();
  }
}

function show(path: string, lines: number): void {
  const text = Deno.readTextFileSync(join(project, path)).split("\n");
  console.log(`\n$ head -n ${lines} ${path}\n${text.slice(0, lines).join("\n")}`);
}

function listModels(): string[] {
  return [...Deno.readDirSync(join(project, "models"))].map((entry) => entry.name).filter((name) =>
    name.endsWith(".py")
  );
}

/** Edits a model as a person would in an editor. */
function edit(name: string, from: RegExp, to: string): void {
  const path = join(project, "models", name);
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(from, to));
}

/** The rows as a module beside the migration, and the example's body in the file that was drafted. */
function writeLoad(path: string): void {
  const data = join(root, "examples/museum/data");
  const names = ["artists", "artworks", "attributions", "museums", "placements", "rooms"];
  const rows = names.map((name) =>
    `export const ${name}: Row[] = ${Deno.readTextFileSync(join(data, `${name}.json`)).trim()};\n`
  );
  Deno.writeTextFileSync(
    join(project, "migrations/collection.ts"),
    `import type { Row } from "crochet";\n\n${rows.join("\n")}`,
  );
  const drafted = Deno.readTextFileSync(path);
  const header = drafted.slice(0, drafted.indexOf("export async function")).replace(/import type .*\n/, "");
  const body = Deno.readTextFileSync(join(root, "examples/museum/load_collection.ts"));
  const imports = body.slice(body.indexOf("import type"), body.indexOf("/** Whole floats"));
  Deno.writeTextFileSync(
    path,
    header.replace("\nexport const revisionId", `${imports}export const revisionId`) +
      body.slice(body.indexOf("/** Whole floats")),
  );
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const entry of Deno.readDirSync(from)) {
    if (entry.isFile) Deno.copyFileSync(join(from, entry.name), join(to, entry.name));
  }
}
