/**
 * Reads every folder of `tests/fixtures/models` and compares what the program makes of its models with
 * `expected.json`. Classes and schema of those files were written down from a running neomodel 7.0.0; where
 * neomodel refuses the models there are only problems. `about.txt` says what a folder is for.
 */
import assert from "node:assert/strict";
import { buildIr, schemaObjects } from "../lib/ir.ts";
import { loadModels } from "../lib/model_files.ts";
import type { Models, NodeModel, RelationshipModel, RelModel } from "../lib/neomodel.ts";
import type { PropertyModel } from "../lib/neomodel_property.ts";
import { join } from "../lib/path.ts";
import { shapeKey } from "../lib/schema.ts";
import { ROOT } from "./harness.ts";

const FIXTURES = join(ROOT, "tests/fixtures/models");
const CASES = [...Deno.readDirSync(FIXTURES)].filter((entry) => entry.isDirectory).map((entry) => entry.name)
  .sort();

for (const name of CASES) {
  const folder = join(FIXTURES, name);
  const about = Deno.readTextFileSync(join(folder, "about.txt")).trim();

  Deno.test(`loadModels() ${name}: ${about}`, () => {
    const expected = JSON.parse(Deno.readTextFileSync(join(folder, "expected.json")));
    const all = summary(readCase(name));
    const found = Object.fromEntries(
      Object.keys(expected).map((part) => [part, all[part as keyof typeof all]]),
    );
    assert.deepEqual(found, expected);
  });
}

Deno.test("schemaObjects() of every fixture are what neomodel installs", () => {
  const keys = (shapes: Parameters<typeof shapeKey>[0][]) => [...new Set(shapes.map(shapeKey))].sort();
  const [found, wanted] = [new Map<string, string[]>(), new Map<string, string[]>()];
  for (const name of CASES) {
    const models = readCase(name);
    if (models.problems.some((problem) => problem.severity === "error")) continue;
    for (const model of [...models.nodes, ...models.relationshipModels]) {
      model.kgid ??= `${model.module}.${model.class}`;
    }
    found.set(name, keys(schemaObjects(buildIr(models).ir)));
    wanted.set(name, keys(models.schema));
  }
  assert.ok(wanted.size > 20);
  assert.deepEqual(found, wanted);
});

Deno.test("loadModels() leaves out ignored classes with their problems", () => {
  const errors = (ignore: string[]) =>
    readCase("run_time_classes", ignore).problems.map((problem) => problem.line);
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
    const read = (paths: string[]) =>
      summary(loadModels({ paths, roots: [folder, join(folder, "models")], base: folder }).models);
    assert.deepEqual(read([...files].reverse()), read(files), name);
  }
});

function readCase(name: string, ignore?: string[]): Models {
  const folder = join(FIXTURES, name);
  const models = join(folder, "models");
  return loadModels({ paths: [models], roots: [folder, models], base: folder, ignore }).models;
}

function pythonFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) =>
    entry.isDirectory ? pythonFiles(join(folder, entry.name)) : [join(folder, entry.name)]
  ).sort();
}

/** The part of a reading that `expected.json` writes down, one line a thing. */
function summary(models: Models) {
  const classes = [...models.nodes, ...models.relationshipModels].map((model) =>
    [
      shortName(`${model.module}.${model.class}`),
      "labels" in model ? nodeLines(model) : relationshipModelLines(model),
    ] as const
  );
  return {
    classes: Object.fromEntries(classes.sort(([a], [b]) => (a < b ? -1 : 1))),
    schema: models.schema.map((object) => object.cypher).sort(),
    problems: models.problems.map((p) => `${p.severity} ${p.code} ${p.file}:${p.line}`).sort(),
  };
}

function nodeLines(node: NodeModel) {
  return {
    labels: node.labels,
    ...(node.optionalLabels.length > 0 && { optionalLabels: node.optionalLabels }),
    ...(node.abstract && { abstract: true }),
    ...(node.async && { async: true }),
    properties: node.properties.map(propertyLine),
    ...(node.relationships.length > 0 && { relationships: node.relationships.map(relationshipLine) }),
  };
}

function relationshipModelLines(model: RelModel) {
  return { types: model.types, properties: model.properties.map(propertyLine) };
}

function propertyLine(property: PropertyModel): string {
  const head = `${property.name}: ${property.type}${property.class ? ` (${property.class})` : ""}`;
  if (property.type === "AliasProperty") return `${head} to ${property.to}`;
  const flags = [
    property.required && "required",
    property.uniqueIndex && "unique",
    property.index && "index",
    property.fulltextIndex && "fulltext",
    property.vectorIndex && "vector",
  ].filter(Boolean);
  const stored = property.property === property.name ? "" : ` as ${property.property}`;
  return [head + stored, ...flags].join(", ");
}

function relationshipLine(r: RelationshipModel): string {
  const target = r.target === null ? `?${r.targetRaw}` : shortName(r.target);
  const model = r.model === null ? "" : ` with ${shortName(r.model)}`;
  return `${r.name}: ${r.direction} ${r.type ?? "None"} ${target} ${r.cardinality}${model}`;
}

function shortName(qualified: string): string {
  return qualified.replace(/^models\./, "");
}
