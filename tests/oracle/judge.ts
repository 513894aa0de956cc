/**
 * The judge of every doubt about neomodel, and what its tests share: a Python process with the real neomodel of a
 * version, projects that are read by crochet, and both readings in the same words.
 */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { dirname, join } from "../../lib/path.ts";
import { crochet, emptyGraph, graphEnv, showSchema, TestProject, withFolder } from "../harness.ts";

const HERE = new URL(".", import.meta.url).pathname;

/** Processes of crochet at one time. */
const PARALLEL = 4;

/** The version whose behaviour the program follows where a project names none. */
export const NEWEST = "7.0.0";

// What the judge says and what crochet reads are plain JSON.
// deno-lint-ignore no-explicit-any
export type Json = any;

/** The Python with a neomodel, and the folder of its source distribution. */
export interface Installation {
  python: string;
  sources: string;
}

/** The installations that `scripts/oracle.ts` made, by their versions. */
export function installations(): Record<string, Installation> {
  const value = Deno.env.get("CROCHET_ORACLE");
  if (!value) throw new Error("CROCHET_ORACLE is not set: run these tests with `deno task oracle`");
  return JSON.parse(value);
}

/** neomodel's tests and documents of a version, as a project's folders. */
export function distribution(version: string): [from: string, to: string][] {
  const { sources } = installations()[version];
  return [[join(sources, "test"), "test"], [join(sources, "doc"), "doc"]];
}

/** A Python process with the real neomodel, see `install.py`. */
export class Judge {
  private constructor(
    private readonly writer: WritableStreamDefaultWriter<Uint8Array>,
    private readonly reader: ReadableStreamDefaultReader<string>,
  ) {}

  private rest = "";
  /** Settled when the last question was answered: questions are asked one by one. */
  private last: Promise<unknown> = Promise.resolve();

  static async with(work: (judge: Judge) => Promise<void>, version = NEWEST): Promise<void> {
    const child = new Deno.Command(installations()[version].python, {
      args: ["-B", join(HERE, "install.py")],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const judge = new Judge(child.stdin.getWriter(), reader);
    try {
      await work(judge);
    } finally {
      await judge.writer.close();
      await judge.reader.cancel();
      await child.status;
    }
  }

  private ask(request: Record<string, unknown>): Promise<Json> {
    const answer = this.last.then(() => this.send(request));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  private async send(request: Record<string, unknown>): Promise<Json> {
    await this.writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    while (!this.rest.includes("\n")) {
      const { value, done } = await this.reader.read();
      if (done) throw new Error("install.py ended before it answered");
      this.rest += value;
    }
    const [line, ...rest] = this.rest.split("\n");
    this.rest = rest.join("\n");
    return JSON.parse(line);
  }

  /** What neomodel sees in each module, imported alone. */
  look(root: string, modules: string[]): Promise<Json[]> {
    return this.ask({ do: "look", root, modules });
  }

  /** What neomodel sees when one process imports all modules. */
  lookTogether(root: string, modules: string[]): Promise<Json> {
    return this.ask({ do: "look", root, modules, together: true });
  }

  /**
   * What neomodel sees in all modules, and the order in which they were imported: modules that import each other
   * can be imported in one order and not in another, and their users import them in the one.
   */
  async importable(root: string, modules: string[]): Promise<[Json, string[]]> {
    const first = await this.lookTogether(root, modules);
    if (!/circular import/.test(first.error ?? "")) return [first, modules];
    for (const module of modules) {
      const order = [module, ...modules];
      const seen = await this.lookTogether(root, order);
      if (!seen.error) return [seen, order];
    }
    return [first, modules];
  }

  /** Installs what the modules declare; gives the error where neomodel has one. */
  async install(root: string, modules: string[]): Promise<string | undefined> {
    return (await this.ask({ do: "install", root, modules })).error;
  }

  /** Installs into an emptied graph and gives the schema. */
  async schema(graph: Graph, root: string, modules: string[]): Promise<string[]> {
    await emptyGraph(graph);
    assert.equal(await this.install(root, modules), undefined, "neomodel installs");
    return await showSchema(graph);
  }

  /** What install_all_labels() would send, or why neomodel does not take the modules. */
  statements(root: string, modules: string[]): Promise<{ statements?: string[]; error?: string }> {
    return this.ask({ do: "statements", root, modules });
  }

  /** Faults of files that Python cannot compile. */
  compile(files: string[]): Promise<string[]> {
    return this.ask({ do: "compile", files });
  }
}

/** Makes projects by copying one that `crochet new-project` made. */
export class Projects {
  private count = 0;
  private constructor(private readonly folder: string) {}

  static async with(work: (projects: Projects) => Promise<void>): Promise<void> {
    await withFolder(async (folder) => {
      const made = await crochet(folder, ["new-project", "--name", "p"]);
      assert.equal(made.code, 0, made.err);
      await work(new Projects(folder));
    });
  }

  /** A project whose models are at a path; `sources` are copied into it. */
  make(modelsPath: string, sources: [from: string, to: string][] = [], version = NEWEST): TestProject {
    const root = join(this.folder, `p${++this.count}`);
    copy(join(this.folder, "p"), root);
    for (const [from, to] of sources) copy(from, join(root, to));
    const project = new TestProject(root, Deno.env.has("CROCHET_TEST_URI") ? graphEnv() : {});
    const config = project.read("crochet.toml").replace(
      /^models_path = .*$/m,
      `models_path = ${JSON.stringify(modelsPath)}\nneomodel = ${JSON.stringify(version)}`,
    );
    project.write("crochet.toml", config);
    return project;
  }

  /** A project with these files as its models. */
  of(files: Record<string, string>): TestProject {
    const project = this.make("models");
    for (const [name, text] of Object.entries(files)) project.write(join("models", name), text);
    return project;
  }
}

function copy(from: string, to: string): void {
  if (Deno.statSync(from).isFile) {
    Deno.mkdirSync(dirname(to), { recursive: true });
    return Deno.copyFileSync(from, to);
  }
  Deno.mkdirSync(to, { recursive: true });
  for (const { name } of Deno.readDirSync(from)) {
    if (name !== "__pycache__") copy(join(from, name), join(to, name));
  }
}

/** All Python files under a folder, relative to `base`, sorted. */
export function pythonFiles(base: string, folder: string): string[] {
  return [...Deno.readDirSync(join(base, folder))].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? pythonFiles(base, path) : name.endsWith(".py") ? [path] : [];
  }).sort();
}

export function moduleOf(path: string): string {
  return path.replace(/(\/__init__)?\.py$/, "").replaceAll("/", ".");
}

/** Runs work for all items, some at a time; results in the order of the items. */
export async function inParallel<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return results;
}

/** Leaves out the classes that only exist when a function runs, as crochet's own hints say. */
export async function ignoreHidden(project: TestProject): Promise<Json> {
  const models = JSON.parse((await project.run("models", "--json")).out);
  const names = new Set<string>();
  for (const { code, hint } of models.problems) {
    if (code !== "class-in-function" && code !== "made-at-run-time") continue;
    const name = /add "([^"]+)" to \[models\] ignore/.exec(hint ?? "")?.[1];
    if (name) names.add(name);
  }
  if (names.size === 0) return models;
  project.write(
    "crochet.toml",
    `${project.read("crochet.toml")}\n[models]\nignore = ${JSON.stringify([...names].sort())}\n`,
  );
  return JSON.parse((await project.run("models", "--json")).out);
}

/** Errors of a reading, as text. */
export function errorsOf(models: Json): string[] {
  return models.problems.filter((p: Json) => p.severity === "error").map((p: Json) =>
    `${p.file}:${p.line}: ${p.code}: ${p.message}`
  );
}

/** What crochet reads, in the words of `install.py`. */
export function comparable(models: Json): Json {
  const property = (p: Json) => ({
    name: p.name,
    property: p.property,
    type: p.type,
    required: p.required,
    uniqueIndex: p.uniqueIndex,
    index: p.index,
    fulltextIndex: p.fulltextIndex,
    vectorIndex: p.vectorIndex,
    hasDefault: p.default !== null,
    choices: p.choices && p.choices.map(([key]: Json[]) => key).sort(),
    maxLength: p.maxLength,
    format: p.format,
    expression: p.expression,
  });
  const relationship = (r: Json) => ({
    name: r.name,
    type: r.type,
    direction: r.direction,
    targetRaw: r.targetRaw,
    target: r.target,
    cardinality: r.cardinality,
    model: r.model,
  });
  return {
    nodes: models.nodes.map((n: Json) => ({
      class: n.class,
      module: n.module,
      abstract: n.abstract,
      async: n.async,
      label: n.label,
      labels: n.labels,
      optionalLabels: n.abstract ? null : n.optionalLabels,
      properties: n.properties.map(property),
      relationships: n.relationships.map(relationship),
    })),
    relationshipModels: models.relationshipModels.map((m: Json) => ({
      class: m.class,
      module: m.module,
      types: m.types,
      properties: m.properties.map(property),
    })),
  };
}

/** Classes in one order, since the judge goes by the tree and crochet by the file. */
export function sorted({ nodes, relationshipModels }: Json): Json {
  const byName = (classes: Json[]) =>
    classes.map((cls) => [`${cls.module}.${cls.class} ${JSON.stringify(cls)}`, cls])
      .sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cls]) => cls);
  return { nodes: byName(nodes), relationshipModels: byName(relationshipModels) };
}

/** Removes every added kgid line or part of a line. */
function withoutKgids(text: string): string {
  return text.replace(/^[ \t]*__kgid__ = "[^"\n]*"\r?\n/gm, "").replace(/; __kgid__ = "[^"\n]*"/g, "")
    .replace(/__kgid__ = "[^"\n]*"; /g, "");
}

/** Adds kgids and checks that nothing else changed and that Python still reads the files. */
export async function writeKgids(judge: Judge, project: TestProject): Promise<void> {
  const missing = (await project.json("kgid")).classes as { file: string }[];
  const files = [...new Set(missing.map(({ file }) => file))];
  const before = files.map((file) => project.read(file));
  await project.ok("kgid", "--write");
  files.forEach((file, i) => {
    const now = project.read(file);
    const added = missing.filter((entry) => entry.file === file).length;
    assert.equal(now.split("__kgid__ = ").length - before[i].split("__kgid__ = ").length, added, file);
    assert.equal(withoutKgids(now), before[i], file);
  });
  assert.deepEqual(await judge.compile(files.map((file) => join(project.root, file))), []);
  assert.deepEqual((await project.json("kgid")).classes, []);
}

/** Writes kgids and the first migration; gives what went wrong. */
export function draftFirst(judge: Judge, project: TestProject): Promise<unknown> {
  return writeKgids(judge, project).then(() => project.ok("create-migration", "first")).then(
    () => undefined,
    (error) => error,
  );
}

/** Empties the graph, upgrades, and gives the schema. */
export async function upgraded(graph: Graph, project: TestProject): Promise<string[]> {
  await emptyGraph(graph);
  await project.ok("upgrade");
  return await showSchema(graph);
}

/** A file of the distribution with what neomodel sees in it. */
export interface Sample {
  path: string;
  module: string;
  seen: Json;
}

/** Files that declare models when they are imported, by neomodel's word. */
export async function findSamples(
  judge: Judge,
  projects: Projects,
  version = NEWEST,
): Promise<Sample[]> {
  const { root } = projects.make("test", distribution(version));
  const paths = distribution(version).flatMap(([, folder]) => pythonFiles(root, folder));
  const modules = paths.map(moduleOf);
  const seen = await judge.look(root, modules);
  return paths.map((path, i) => ({ path, module: modules[i], seen: seen[i] })).filter(({ module, seen }) =>
    !seen.error && [...seen.nodes, ...seen.relationshipModels].some((cls: Json) => cls.module === module)
  );
}
