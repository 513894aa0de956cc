/** Fixtures of models: folders with `models`, `about.txt` and `expected.json`, and how they are read and written. */
import { loadModels } from "../lib/model_files.ts";
import type { Models } from "../lib/neomodel.ts";
import { join } from "../lib/path.ts";
import { ROOT } from "./harness.ts";

/** Where the fixtures are. */
export const FIXTURES: string = join(ROOT, "tests/fixtures/models");

/** Names of all fixtures. */
export function fixtureNames(): string[] {
  return [...Deno.readDirSync(FIXTURES)].filter((entry) => entry.isDirectory).map((entry) => entry.name)
    .sort();
}

/** What the program reads from a fixture. */
export function readFixture(name: string, ignore?: string[]): Models {
  const folder = join(FIXTURES, name);
  return loadModels({ paths: [join(folder, "models")], roots: [folder], base: folder, ignore }).models;
}

/** The part of a reading that `expected.json` holds: all of it, but of problems only what and where. */
export function expectedOf(models: Models): unknown {
  const problems = models.problems.map(({ severity, code, file, line, column }) => ({
    severity,
    code,
    file,
    line,
    column,
  }));
  return JSON.parse(JSON.stringify({ ...models, problems }));
}

/** The text of `expected.json`: a line for each property, relationship, statement and problem. */
export function expectedText(models: Models): string {
  return show(expectedOf(models), 0) + "\n";
}

function show(value: unknown, depth: number): string {
  const pad = "  ".repeat(depth + 1);
  const end = "\n" + "  ".repeat(depth);
  if (Array.isArray(value) && value.some((item) => typeof item === "object" && item !== null)) {
    return `[\n${value.map((item) => pad + show(item, depth + 1)).join(",\n")}${end}]`;
  }
  const isPart = typeof value !== "object" || value === null || Array.isArray(value);
  if (isPart || (depth > 1 && !Object.hasOwn(value, "properties"))) return JSON.stringify(value);
  if (Object.hasOwn(value, "cypher")) return JSON.stringify(value);
  const lines = Object.entries(value).map(([key, item]) =>
    `${pad}${JSON.stringify(key)}: ${show(item, depth + 1)}`
  );
  return `{\n${lines.join(",\n")}${end}}`;
}
