/**
 * What neomodel installs and what crochet's migrations make of the same models, on a graph: every model file of
 * neomodel's source distribution, every fixture, and cases on which a reader can go wrong.
 */
import assert from "node:assert/strict";
import { join } from "../../lib/path.ts";
import { type EditCase, EDITS, EQUAL, HALF, REFUSED, REMOVALS, UNKNOWN } from "./cases.ts";
import { fixtureNames, FIXTURES } from "../fixture.ts";
import { emptyGraph, ROOT, showData, showSchema, type TestProject, withEmptyGraph } from "../harness.ts";
import {
  comparable,
  distribution,
  draftFirst,
  errorsOf,
  findSamples,
  ignoreHidden,
  inParallel,
  type Json,
  Judge,
  moduleOf,
  NEWEST,
  Projects,
  pythonFiles,
  sorted,
  upgraded,
} from "./judge.ts";

const DISTRIBUTION = distribution(NEWEST);

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

Deno.test("every fixture gives neomodel's schema", async (t) => {
  await withEmptyGraph((graph) =>
    Judge.with((judge) =>
      Projects.with(async (projects) => {
        const names = fixtureNames();
        const prepared = await inParallel(names, async (name) => {
          const project = projects.make("models", [[join(FIXTURES, name, "models"), "models"]]);
          const models = JSON.parse((await project.run("models", "--json")).out);
          const isRead = errorsOf(models).length === 0;
          return { project, isRead, fault: isRead ? await draftFirst(judge, project) : undefined };
        });
        let compared = 0;
        for (const [i, name] of names.entries()) {
          const { project, isRead, fault } = prepared[i];
          const modules = pythonFiles(project.root, "models").map(moduleOf);
          const [seen, order] = isRead ? await judge.importable(project.root, modules) : [];
          // What neomodel 7 cannot import (a library, a circle) has no schema of neomodel 7.
          if (!seen || seen.error) continue;
          await t.step(name, async () => {
            if (fault) throw fault;
            await emptyGraph(graph);
            const refused = await judge.install(project.root, order!);
            const expected = await showSchema(graph);
            if (refused) {
              // The server does not take it from neomodel either (an analyzer that it has not): all or nothing.
              await emptyGraph(graph);
              const { code, err } = await project.run("upgrade");
              assert.ok(code === 2 || code === 3, `${code} ${err}`);
              assert.deepEqual(await showSchema(graph), []);
              return;
            }
            assert.deepEqual(await upgraded(graph, project), expected);
            compared++;
          });
        }
        assert.ok(compared > 20, `${compared} fixtures were compared`);
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
