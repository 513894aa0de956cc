/**
 * The real neomodel as judge: every model file of its source distribution, installed by neomodel and, through
 * migrations, by crochet, gives one schema; what crochet reads from a file is what neomodel sees in it.
 */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import { dirname, join } from "../../lib/path.ts";
import { type EditCase, EDITS, EQUAL, HALF, REFUSED, REMOVALS, UNKNOWN } from "./cases.ts";
import { emptyGraph, graphEnv, ROOT, showData, showSchema, withEmptyGraph, withFolder } from "../harness.ts";
import { crochet, TestProject } from "../harness.ts";

const HERE = new URL(".", import.meta.url).pathname;

/** Processes of crochet at one time. */
const PARALLEL = 4;

// What the judge says and what crochet reads are plain JSON.
// deno-lint-ignore no-explicit-any
type Json = any;

function variable(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`${name} is not set: run these tests with \`deno task oracle\``);
  return value;
}

/** A Python process with the real neomodel, see `install.py`. */
class Judge {
  private constructor(
    private readonly writer: WritableStreamDefaultWriter<Uint8Array>,
    private readonly reader: ReadableStreamDefaultReader<string>,
  ) {}

  private rest = "";
  /** Settled when the last question was answered: questions are asked one by one. */
  private last: Promise<unknown> = Promise.resolve();

  static async with(work: (judge: Judge) => Promise<void>): Promise<void> {
    const child = new Deno.Command(variable("CROCHET_ORACLE_PYTHON"), {
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

  /** Faults of files that Python cannot compile. */
  compile(files: string[]): Promise<string[]> {
    return this.ask({ do: "compile", files });
  }
}

/** Makes projects by copying one that `crochet new-project` made. */
class Projects {
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
  make(modelsPath: string, sources: [from: string, to: string][] = []): TestProject {
    const root = join(this.folder, `p${++this.count}`);
    copy(join(this.folder, "p"), root);
    for (const [from, to] of sources) copy(from, join(root, to));
    const project = new TestProject(root, graphEnv());
    const config = project.read("crochet.toml").replace(
      /^models_path = .*$/m,
      `models_path = ${JSON.stringify(modelsPath)}`,
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
function pythonFiles(base: string, folder: string): string[] {
  return [...Deno.readDirSync(join(base, folder))].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? pythonFiles(base, path) : name.endsWith(".py") ? [path] : [];
  }).sort();
}

function moduleOf(path: string): string {
  return path.replace(/(\/__init__)?\.py$/, "").replaceAll("/", ".");
}

/** Runs work for all items, some at a time; results in the order of the items. */
async function inParallel<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
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
async function ignoreHidden(project: TestProject): Promise<Json> {
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
function errorsOf(models: Json): string[] {
  return models.problems.filter((p: Json) => p.severity === "error").map((p: Json) =>
    `${p.file}:${p.line}: ${p.code}: ${p.message}`
  );
}

/** What crochet reads, in the words of `install.py`. */
function comparable(models: Json): Json {
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
function sorted({ nodes, relationshipModels }: Json): Json {
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
async function writeKgids(judge: Judge, project: TestProject): Promise<void> {
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
function draftFirst(judge: Judge, project: TestProject): Promise<unknown> {
  return writeKgids(judge, project).then(() => project.ok("create-migration", "first")).then(
    () => undefined,
    (error) => error,
  );
}

/** Empties the graph, upgrades, and gives the schema. */
async function upgraded(graph: Graph, project: TestProject): Promise<string[]> {
  await emptyGraph(graph);
  await project.ok("upgrade");
  return await showSchema(graph);
}

/** A file of the distribution with what neomodel sees in it. */
interface Sample {
  path: string;
  module: string;
  seen: Json;
}

const SOURCES = variable("CROCHET_ORACLE_SOURCES");
variable("CROCHET_ORACLE_PYTHON");

/** The distribution's tests, as a project's folder. */
const DISTRIBUTION: [string, string][] = [[join(SOURCES, "test"), "test"], [join(SOURCES, "doc"), "doc"]];

/** What only running Python tells, written out as the hint of `option-unknown` says. */
const WRITTEN_OUT: Record<string, EditCase["edits"]> = {
  "test/test_scripts.py": [['db.version_is_higher_than("5.7")', "True"]],
};

function edit(project: TestProject, path: string, edits: EditCase["edits"]): void {
  for (const [from, to] of edits) {
    const text = project.read(path);
    const changed = text.replaceAll(from, to);
    assert.notEqual(changed, text, `${path} has no ${from}`);
    project.write(path, changed);
  }
}

/** Files that declare models when they are imported, by neomodel's word. */
async function findSamples(judge: Judge, projects: Projects): Promise<Sample[]> {
  const { root } = projects.make("test", DISTRIBUTION);
  const paths = DISTRIBUTION.flatMap(([, folder]) => pythonFiles(root, folder));
  const modules = paths.map(moduleOf);
  const seen = await judge.look(root, modules);
  return paths.map((path, i) => ({ path, module: modules[i], seen: seen[i] })).filter(({ module, seen }) =>
    !seen.error && [...seen.nodes, ...seen.relationshipModels].some((cls: Json) => cls.module === module)
  );
}

Deno.test("every model file of neomodel's distribution gives neomodel's schema", async (t) => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        const samples = await findSamples(judge, projects);
        assert.ok(samples.length > 50, `${samples.length} files declare models`);
        // Everything that needs no graph happens for several files at once; the outcome is judged in each step.
        const prepared = await inParallel(samples, async ({ path }) => {
          const project = projects.make(path, DISTRIBUTION);
          edit(project, path, WRITTEN_OUT[path] ?? []);
          const models = await ignoreHidden(project);
          return { project, models, fault: await draftFirst(judge, project) };
        });
        for (const [i, { path, module, seen }] of samples.entries()) {
          const { project, models, fault } = prepared[i];
          await t.step(path, async (t) => {
            await t.step("is read", () => {
              assert.deepEqual(errorsOf(models), []);
              assert.deepEqual(sorted(comparable(models)), sorted(seen));
            });
            await t.step("gives one schema", async () => {
              if (fault) throw fault;
              const expected = await judge.schema(graph, project.root, [module]);
              assert.deepEqual(await upgraded(graph, project), expected);
            });
          });
        }
      })
    )
  );
});

Deno.test("the museum gives neomodel's schema, and neomodel finds nothing to add", async () => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        const project = projects.make("models", [[join(ROOT, "examples/museum/models"), "models"]]);
        const modules = pythonFiles(project.root, "models").map(moduleOf);
        const models = await project.json("models");
        assert.equal(models.nodes.filter((node: Json) => !node.abstract).length, 12);
        assert.deepEqual(
          sorted(comparable(models)),
          sorted(await judge.lookTogether(project.root, modules)),
        );
        const expected = await judge.schema(graph, project.root, ["models"]);
        await project.ok("create-migration", "first");
        assert.deepEqual(await upgraded(graph, project), expected);
        const data = await showData(graph);
        assert.equal(await judge.install(project.root, ["models"]), undefined);
        assert.deepEqual(await showSchema(graph), expected);
        assert.deepEqual(await showData(graph), data);
        assert.equal((await project.run("status", "--check")).code, 0);
      })
    )
  );
});

Deno.test("an option that only Python knows is an error with its line", async () => {
  await Projects.with(async (projects) => {
    for (const path of Object.keys(WRITTEN_OUT)) {
      const project = projects.make(path, DISTRIBUTION);
      const { code, out } = await project.run("models", "--json");
      assert.equal(code, 2);
      const errors = JSON.parse(out).problems.filter((p: Json) => p.severity === "error");
      assert.deepEqual(errors.map((p: Json) => [p.file, p.code]), [[path, "option-unknown"]]);
      assert.match(project.read(path).split("\n")[errors[0].line - 1], /version_is_higher_than/);
    }
  });
});

/** A project with a distribution's file, its first migration and its edits as the second. */
async function edited(judge: Judge, projects: Projects, { path, edits }: EditCase): Promise<TestProject> {
  const project = projects.make(path, DISTRIBUTION);
  await ignoreHidden(project);
  const fault = await draftFirst(judge, project);
  if (fault) throw fault;
  edit(project, path, edits);
  await project.ok("create-migration", "second");
  return project;
}

Deno.test("edited models give neomodel's schema, and a downgrade gives nothing back", async (t) => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        for (const sample of EDITS) {
          await t.step(sample.path, async () => {
            const project = await edited(judge, projects, sample);
            const expected = await judge.schema(graph, project.root, [moduleOf(sample.path)]);
            await emptyGraph(graph);
            await project.ok("upgrade", "--target", "0001_first");
            for (const node of sample.data) await graph.implicit(`CREATE ${node}`);
            const before = await showData(graph);
            await project.ok("upgrade");
            assert.deepEqual(await showSchema(graph), expected);
            assert.deepEqual(await showData(graph), sample.after);
            await project.ok("downgrade", "--target", "base");
            assert.deepEqual(await showSchema(graph), []);
            assert.deepEqual(await showData(graph), before);
          });
        }
      })
    )
  );
});

Deno.test("removed properties go, and the way back is refused", async (t) => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        for (const sample of REMOVALS) {
          await t.step(sample.path, async () => {
            const project = await edited(judge, projects, sample);
            const expected = await judge.schema(graph, project.root, [moduleOf(sample.path)]);
            await emptyGraph(graph);
            await project.ok("upgrade", "--target", "0001_first");
            for (const node of sample.data) await graph.implicit(`CREATE ${node}`);
            await project.ok("upgrade");
            assert.deepEqual(await showSchema(graph), expected);
            assert.deepEqual(await showData(graph), sample.after);
            const refused = await project.run("downgrade", "--target", "base");
            assert.equal(refused.code, 2, refused.out + refused.err);
            assert.match(refused.err, /0002_second/);
            assert.deepEqual(await showSchema(graph), expected);
            assert.deepEqual(await showData(graph), sample.after);
          });
        }
      })
    )
  );
});

Deno.test("what neomodel takes, crochet takes in the same way", async (t) => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        const prepared = await inParallel(EQUAL, async ({ files }) => {
          const project = projects.of(files);
          const modules = Object.keys(files).map((file) => moduleOf(`models/${file}`));
          const models = await ignoreHidden(project);
          return { project, models, modules, fault: await draftFirst(judge, project) };
        });
        for (const [i, { name }] of EQUAL.entries()) {
          const { project, models, modules, fault } = prepared[i];
          await t.step(name, async () => {
            const seen = await judge.lookTogether(project.root, modules);
            assert.equal(seen.error, undefined, "neomodel takes it");
            assert.deepEqual(errorsOf(models), []);
            assert.deepEqual(sorted(comparable(models)), sorted(seen));
            if (fault) throw fault;
            const expected = await judge.schema(graph, project.root, modules);
            assert.deepEqual(await upgraded(graph, project), expected);
          });
        }
      })
    )
  );
});

Deno.test("what neomodel refuses to import, crochet refuses with a reason", async (t) => {
  await Judge.with((judge) =>
    Projects.with(async (projects) => {
      const prepared = await inParallel(REFUSED, async ({ files }) => {
        const project = projects.of(files);
        const modules = Object.keys(files).map((file) => moduleOf(`models/${file}`));
        return { project, modules, outcome: await project.run("models", "--json") };
      });
      for (const [i, { name }] of REFUSED.entries()) {
        const { project, modules, outcome } = prepared[i];
        await t.step(name, async () => {
          const { error } = await judge.lookTogether(project.root, modules);
          assert.ok(error, "neomodel refuses it");
          const errors = JSON.parse(outcome.out).problems.filter((p: Json) => p.severity === "error");
          assert.deepEqual(errors.map((p: Json) => p.code), ["neomodel-refuses"], error);
          assert.equal(outcome.code, 2);
        });
      }
    })
  );
});

Deno.test("where neomodel's install stops half-way, crochet applies all or nothing", async (t) => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        for (const { name, files, crochet: expected } of HALF) {
          await t.step(name, async () => {
            const project = projects.of(files);
            const modules = Object.keys(files).map((file) => moduleOf(`models/${file}`));
            assert.equal((await judge.lookTogether(project.root, modules)).error, undefined);
            await emptyGraph(graph);
            assert.ok(await judge.install(project.root, modules), "neomodel stops");
            await emptyGraph(graph);
            await project.ok("kgid", "--write");
            const drafted = await project.run("create-migration", "first");
            const ran = drafted.code === 0 ? await project.run("upgrade") : drafted;
            const schema = await showSchema(graph);
            if (expected === "applies") {
              assert.equal(ran.code, 0, ran.err);
              const objects = (await project.json("models")).schema.length;
              assert.equal(schema.filter((row) => !/^index .*"name":"constraint/.test(row)).length, objects);
            } else {
              assert.notEqual(ran.code, 0, ran.out);
              assert.deepEqual(schema, []);
            }
          });
        }
      })
    )
  );
});

Deno.test("what only running Python tells is an error, never a guess", async (t) => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        const outcomes = await inParallel(UNKNOWN, async ({ files }) => {
          const project = projects.of(files);
          return { project, models: JSON.parse((await project.run("models", "--json")).out) };
        });
        for (const [i, { name, files }] of UNKNOWN.entries()) {
          await t.step(name, async () => {
            const { project, models } = outcomes[i];
            const modules = Object.keys(files).map((file) => moduleOf(`models/${file}`));
            assert.ok((await judge.schema(graph, project.root, modules)).length > 0);
            if (errorsOf(models).length > 0) return;
            // Without an error crochet has to know it.
            assert.deepEqual(
              sorted(comparable(models)),
              sorted(await judge.lookTogether(project.root, modules)),
            );
          });
        }
      })
    )
  );
});

Deno.test("folders of the distribution as one project each", async (t) => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        const samples = await findSamples(judge, projects);
        for (const folder of ["test/sync_", "test/async_", "test"]) {
          await t.step(folder, async () => {
            const project = projects.make(folder, DISTRIBUTION);
            for (const [path, edits] of Object.entries(WRITTEN_OUT)) edit(project, path, edits);
            const modules = samples.map(({ module }) => module).filter((module) =>
              module.startsWith(`${moduleOf(folder)}.`)
            );
            const seen = await judge.lookTogether(project.root, modules);
            assert.equal(seen.error, undefined, "neomodel takes it");
            const models = await ignoreHidden(project);
            assert.deepEqual(errorsOf(models), []);
            assert.deepEqual(sorted(comparable(models)), sorted(seen));
            const expected = await judge.schema(graph, project.root, modules);
            const fault = await draftFirst(judge, project);
            if (fault) throw fault;
            assert.deepEqual(await upgraded(graph, project), expected);
          });
        }
      })
    )
  );
});
