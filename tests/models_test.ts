/**
 * Reads every folder of `tests/fixtures/models` and compares what the program makes of its models with
 * `expected.json`; the running neomodel is asked the same by `tests/oracle`. `about.txt` says what a folder is for.
 */
import assert from "node:assert/strict";
import { buildIr, schemaObjects } from "../lib/ir.ts";
import { loadModels } from "../lib/model_files.ts";
import { join } from "../lib/path.ts";
import { shapeKey } from "../lib/schema.ts";
import { expectedOf, fixtureNames, FIXTURES, readFixture } from "./fixture.ts";
import { ROOT } from "./harness.ts";

const CASES = fixtureNames();

for (const name of CASES) {
  const folder = join(FIXTURES, name);
  const about = Deno.readTextFileSync(join(folder, "about.txt")).trim();

  Deno.test(`loadModels() ${name}: ${about}`, () => {
    const expected = JSON.parse(Deno.readTextFileSync(join(folder, "expected.json")));
    assert.deepEqual(expectedOf(readFixture(name)), expected);
  });
}

Deno.test("schemaObjects() of every fixture are what neomodel installs", () => {
  const keys = (shapes: Parameters<typeof shapeKey>[0][]) => [...new Set(shapes.map(shapeKey))].sort();
  const [found, wanted] = [new Map<string, string[]>(), new Map<string, string[]>()];
  for (const name of CASES) {
    const models = readFixture(name);
    if (models.problems.some((problem) => problem.severity === "error")) continue;
    for (const model of [...models.nodes, ...models.relationshipModels]) {
      model.kgid ??= `${model.module}.${model.class}`;
    }
    found.set(name, keys(schemaObjects(buildIr(models).ir)));
    wanted.set(
      name,
      keys(models.schema.map(({ options, ...shape }) => ({ ...shape, options: options ?? undefined }))),
    );
  }
  assert.ok(wanted.size > 20);
  assert.deepEqual(found, wanted);
});

Deno.test("loadModels() leaves out ignored classes with their problems", () => {
  const errors = (ignore: string[]) =>
    readFixture("run_time_classes", ignore).problems.map((problem) => problem.line);
  assert.deepEqual(errors([]), [5, 14, 21, 25]);
  assert.deepEqual(errors(["build.<locals>.Made"]), [14, 21, 25]);
  assert.deepEqual(
    errors(["build.<locals>.Made", "Typed", "Person.method.<locals>.Inner", "models.nodes.Person"]),
    [],
  );
});

Deno.test("loadModels() reads a package from a root that is not the project", () => {
  const folder = join(FIXTURES, "mixins");
  const { models } = loadModels({ paths: [join(folder, "models/nodes.py")], roots: [folder], base: ROOT });
  assert.deepEqual(models.nodes.map((node) => `${node.file} ${node.class}`), [
    "tests/fixtures/models/mixins/models/mixins.py Tag",
    "tests/fixtures/models/mixins/models/nodes.py Book",
    "tests/fixtures/models/mixins/models/nodes.py Film",
  ]);
});

Deno.test("loadModels() gives the same for the files in any order", () => {
  for (const name of ["circular_imports", "string_targets", "own_bases", "star_imports"]) {
    const folder = join(FIXTURES, name);
    const files = pythonFiles(join(folder, "models"));
    const read = (paths: string[]) => expectedOf(loadModels({ paths, roots: [folder], base: folder }).models);
    assert.deepEqual(read([...files].reverse()), read(files), name);
  }
});

function pythonFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) =>
    entry.isDirectory ? pythonFiles(join(folder, entry.name)) : [join(folder, entry.name)]
  ).sort();
}
