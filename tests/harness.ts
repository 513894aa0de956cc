/**
 * What the stories share: running the program as its users do, folders that go away, a graph that is empty.
 * `CROCHET_BIN` names an executable to test; without it the program runs from its source.
 */
import { mkdirSync } from "node:fs";
import { connectGraph, type Graph } from "../lib/graph.ts";
import { type HeldLock, takeLock } from "../lib/graph_lock.ts";
import { prepareRecord } from "../lib/graph_record.ts";
import { dirname, join } from "../lib/path.ts";
import { quoteName } from "../lib/schema.ts";

/** Root of the repository. */
export const ROOT: string = new URL("..", import.meta.url).pathname;

/** How a command ended. */
export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Where the graph under test answers; set by `scripts/test.ts`. */
export function testGraph(): { uri: string; password: string } {
  const uri = Deno.env.get("CROCHET_TEST_URI");
  if (!uri) throw new Error("CROCHET_TEST_URI is not set: run these tests with `deno task test`");
  return { uri, password: Deno.env.get("CROCHET_TEST_PASSWORD") ?? "crochet-scratch" };
}

/** The words that start the program. */
export function program(): string[] {
  const bin = Deno.env.get("CROCHET_BIN");
  return bin
    ? [bin]
    : [Deno.execPath(), "run", "-q", "-A", "--config", join(ROOT, "deno.json"), join(ROOT, "main.ts")];
}

/** Runs crochet in a folder. */
export function crochet(cwd: string, args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return startCrochet(cwd, args, env).outcome;
}

/** A crochet on its way. */
export interface Running {
  child: Deno.ChildProcess;
  outcome: Promise<Outcome>;
}

/** Starts crochet in a folder; a password in what it prints is an error. Variables of the tester's own shell that it would read are taken away. */
export function startCrochet(cwd: string, args: string[], env: Record<string, string> = {}): Running {
  const [command, ...first] = program();
  const inherited = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !/^CROCHET_NEO4J/.test(name)),
  );
  const child = new Deno.Command(command, {
    args: [...first, ...args],
    cwd,
    env: { ...inherited, NO_COLOR: "1", ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  const outcome = child.output().then(({ code, stdout, stderr }) => {
    const [out, err] = [decoder.decode(stdout), decoder.decode(stderr)];
    const secret = env.CROCHET_NEO4J_PASSWORD ?? "";
    if (secret.length > 6 && (out + err).includes(secret)) {
      throw new Error(`crochet ${args.join(" ")} shows the password:\n${out}${err}`);
    }
    return { code, out, err };
  });
  return { child, outcome };
}

/** Kills a run with SIGKILL; false where it ended before. */
export async function killed({ child, outcome }: Running): Promise<boolean> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It ended before.
  }
  // 128 and the number of the signal.
  return (await outcome).code === 137;
}

/** Variables that point crochet at the graph under test. */
export function graphEnv(): Record<string, string> {
  const { uri, password } = testGraph();
  return { CROCHET_NEO4J_URI: uri, CROCHET_NEO4J_USERNAME: "neo4j", CROCHET_NEO4J_PASSWORD: password };
}

/** A folder that is removed afterwards. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "crochet-test-" });
  try {
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** A new project in a folder that is removed afterwards. */
export async function withProject(
  files: Record<string, string>,
  work: (project: TestProject) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const made = await crochet(folder, ["new-project", "--name", "p"]);
    if (made.code !== 0) throw new Error(`new-project failed: ${made.err}`);
    const project = new TestProject(join(folder, "p"));
    for (const [path, text] of Object.entries(files)) project.write(path, text);
    await work(project);
  });
}

/** A project under test. */
export class TestProject {
  constructor(readonly root: string, private readonly env: Record<string, string> = {}) {}

  /** The same project, with variables. */
  with(env: Record<string, string>): TestProject {
    return new TestProject(this.root, { ...this.env, ...env });
  }

  run(...args: string[]): Promise<Outcome> {
    return crochet(this.root, args, this.env);
  }

  /** Starts a command, to be watched or killed. */
  start(...args: string[]): Running {
    return startCrochet(this.root, args, this.env);
  }

  /** Runs a command that must succeed; gives its stdout. */
  async ok(...args: string[]): Promise<string> {
    const outcome = await this.run(...args);
    if (outcome.code !== 0) {
      throw new Error(`crochet ${args.join(" ")} ended with ${outcome.code}:\n${outcome.out}${outcome.err}`);
    }
    return outcome.out;
  }

  /** Runs a command with --json that must succeed. */
  // deno-lint-ignore no-explicit-any
  async json(...args: string[]): Promise<any> {
    return JSON.parse(await this.ok(...args, "--json"));
  }

  write(path: string, text: string): void {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    Deno.writeTextFileSync(full, text);
  }

  read(path: string): string {
    return Deno.readTextFileSync(join(this.root, path));
  }

  /** Names of the files in a folder of the project, sorted. */
  list(path: string): string[] {
    return [...Deno.readDirSync(join(this.root, path))].map((entry) => entry.name).sort();
  }
}

/** Drafts an empty migration and writes its bodies, and what it imports from "crochet"; gives its file. */
export async function writeMigration(
  project: TestProject,
  name: string,
  upgrade: string,
  downgrade = "  // nothing",
  imports = "",
): Promise<string> {
  const { files: [file] } = await project.json("create-migration", name, "--empty");
  const text = project.read(file).replace("  // nothing to do in the graph", () => upgrade).replace(
    "  // nothing to undo in the graph",
    () => downgrade,
  );
  project.write(
    file,
    imports === "" ? text : text.replace("import type", `import { ${imports} } from "crochet";\nimport type`),
  );
  return file;
}

/** A project whose commands reach the graph under test, which is emptied before. */
export async function withGraphProject(
  files: Record<string, string>,
  work: (project: TestProject, graph: Graph) => Promise<void>,
): Promise<void> {
  await withEmptyGraph((graph) => withProject(files, (project) => work(project.with(graphEnv()), graph)));
}

/** A connection to the graph under test, emptied of data, constraints and indexes. */
export async function withEmptyGraph(work: (graph: Graph) => Promise<void>): Promise<void> {
  const graph = await openTestGraph();
  try {
    await emptyGraph(graph);
    await work(graph);
  } finally {
    await graph.close();
  }
}

/** A connection to the graph under test. */
export function openTestGraph(): Promise<Graph> {
  return openGraphAt(testGraph().uri);
}

/** A connection to a server that has the password of the graph under test. */
export async function openGraphAt(uri: string): Promise<Graph> {
  const { password } = testGraph();
  return await connectGraph({
    uri,
    username: "neo4j",
    password,
    passwordVariable: "",
    database: undefined,
    environment: "default",
  }, "test");
}

/** Deletes everything, constraints and indexes too. */
export async function emptyGraph(graph: Graph): Promise<void> {
  const quote = (name: unknown) => quoteName(String(name));
  await graph.implicit("MATCH (n) CALL { WITH n DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS");
  for (const { name } of await graph.read("SHOW CONSTRAINTS YIELD name")) {
    await graph.implicit(`DROP CONSTRAINT ${quote(name)} IF EXISTS`);
  }
  for (
    const { name } of await graph.read("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name")
  ) {
    await graph.implicit(`DROP INDEX ${quote(name)} IF EXISTS`);
  }
}

/** The lock of the graph, held by somebody on another machine. */
export async function holdLock(graph: Graph): Promise<HeldLock> {
  await prepareRecord(graph);
  const lock = await takeLock(graph, {
    host: "elsewhere",
    pid: 7,
    user: "somebody",
    command: "upgrade",
    owner: crypto.randomUUID(),
    gone: [],
  });
  if (!("token" in lock)) throw new Error(`the lock is held by ${lock.user}`);
  return lock;
}

/** Constraints and indexes as the server shows them, without Crochet's own and the lookups; sorted, comparable. */
export async function showSchema(graph: Graph): Promise<string[]> {
  const constraints = await graph.read(
    "SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties WHERE NOT toLower(name) STARTS WITH '_crochet' RETURN *",
  );
  const indexes = await graph.read(
    "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, options WHERE type <> 'LOOKUP' AND NOT toLower(name) STARTS WITH '_crochet' RETURN *",
  );
  const plain = (row: Record<string, unknown>) =>
    JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))));
  return [
    ...constraints.map((row) => "constraint " + plain(row)),
    ...indexes.map((row) => "index " + plain(row)),
  ].sort();
}

/** Every node and relationship that is not Crochet's own, without ids; sorted, comparable. */
export async function showData(graph: Graph): Promise<string[]> {
  const nodes = await graph.read(
    "MATCH (n) WHERE NOT any(l IN labels(n) WHERE l STARTS WITH '_Crochet') RETURN labels(n) AS labels, properties(n) AS p",
  );
  const relationships = await graph.read(
    "MATCH (a)-[r]->(b) RETURN properties(a) AS a, type(r) AS type, properties(r) AS p, properties(b) AS b",
  );
  const sorted = (value: unknown): unknown =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(
        Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, sorted(v)]),
      )
      : value;
  const text = (row: unknown) =>
    JSON.stringify(sorted(row), (_, v) => (typeof v === "bigint" ? v.toString() : v));
  return [
    ...nodes.map((row) => "node " + text(row)),
    ...relationships.map((row) => "relationship " + text(row)),
  ].sort();
}

/** Waits until something holds. @throws Error after half a minute */
export async function until(about: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!await holds()) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${about}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Mulberry32: the same numbers below 1 for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
