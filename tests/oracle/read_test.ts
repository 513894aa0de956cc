/**
 * What crochet reads and what neomodel sees, in three versions of neomodel and without a server: every fixture, every
 * model file of the version's own source distribution. Compared are `crochet models --json` and `--ddl`.
 */
import assert from "node:assert/strict";
import { join } from "../../lib/path.ts";
import { fixtureNames, FIXTURES } from "../fixture.ts";
import type { TestProject } from "../harness.ts";
import {
  comparable,
  distribution,
  errorsOf,
  findSamples,
  ignoreHidden,
  inParallel,
  installations,
  type Json,
  Judge,
  moduleOf,
  Projects,
  pythonFiles,
  sorted,
} from "./judge.ts";

/** Both readings of some modules of a project. */
interface Readings {
  models: Json;
  ddl: string[];
  seen: Json;
  sent: Json;
}

async function bothReadings(
  judge: Judge,
  project: TestProject,
  modules: string[],
  models: Json,
): Promise<Readings> {
  const { out } = await project.run("models", "--ddl");
  const [seen, order] = await judge.importable(project.root, modules);
  const sent = seen.error ? {} : await judge.statements(project.root, order);
  return { models, ddl: out.split("\n").filter(Boolean).map((line) => line.replace(/;$/, "")), seen, sent };
}

/** Names stand without back-ticks before 6.2, and nothing is escaped. */
function plain(statements: string[], version: string): string[] {
  return statements.map((text) => Number.parseFloat(version) < 6.2 ? text.replace(/[`\\]/g, "") : text)
    .sort();
}

/** What a warning says is not known, and decides no statement. */
function withoutDoubted(reading: Json): Json {
  const doubted = ["choices", "maxLength", "format", "expression", "cardinality"];
  return JSON.parse(JSON.stringify(reading, (key, value) => doubted.includes(key) ? undefined : value));
}

function compare({ models, ddl, seen, sent }: Readings, version: string): void {
  const doubted = models.problems.some((p: Json) => /^(choices|option)-unknown$/.test(p.code));
  const [read, told] = [sorted(comparable(models)), sorted(seen)];
  assert.deepEqual(doubted ? withoutDoubted(read) : read, doubted ? withoutDoubted(told) : told);
  assert.deepEqual(plain(ddl, version), plain(sent.statements, version));
}

/** Fixtures that neomodel was seen to read in the same way. */
const compared = new Set<string>();
/** Fixtures that hold errors are compared with what neomodel refuses, or not at all. */
const erroneous = new Set<string>();

/** What crochet says of Python itself and of neomodel's word. */
const REFUSALS = new Set(["neomodel-refuses", "syntax", "encoding", "import-raises", "import-missing"]);

/** A file that crochet refuses with neomodel's or Python's reason is refused by them, and the other way round. */
function compareRefusals(models: Json, alone: Json[]): void {
  const errors: Json[] = models.problems.filter((p: Json) => p.severity === "error");
  for (const { file } of errors) {
    const own = errors.filter((p) => p.file === file);
    if (!own.every((p) => REFUSALS.has(p.code))) continue;
    assert.ok(
      alone.some((seen) => seen.error && seen.file === file),
      `only crochet refuses ${file}: ${own[0].message}`,
    );
  }
  for (const { error, file } of alone) {
    if (!error || !file || /No module named '(?!neomodel|models)/.test(error)) continue;
    assert.ok(errors.some((p) => p.file === file), `only Python refuses ${file}: ${error}`);
  }
}

for (const version of Object.keys(installations())) {
  Deno.test(`neomodel ${version} sees in the fixtures what crochet reads`, async (t) => {
    await Judge.with((judge) =>
      Projects.with(async (projects) => {
        const names = fixtureNames();
        const folders = names.map((name) =>
          projects.make("models", [[join(FIXTURES, name, "models"), "models"]], version)
        );
        const readings = await inParallel(folders, async (project) => {
          const models = JSON.parse((await project.run("models", "--json")).out);
          return await bothReadings(
            judge,
            project,
            pythonFiles(project.root, "models").map(moduleOf),
            models,
          );
        });
        const alone: Json[][] = [];
        for (const [i, { root }] of folders.entries()) {
          const modules = pythonFiles(root, "models").map(moduleOf);
          alone.push(errorsOf(readings[i].models).length === 0 ? [] : await judge.look(root, modules));
        }
        for (const [i, name] of names.entries()) {
          await t.step(name, () => {
            const errors = errorsOf(readings[i].models);
            if (errors.length === 0) {
              // Some libraries do not go with every neomodel; another version is the judge there.
              if (/No module named '(?!neomodel|models)/.test(readings[i].seen.error ?? "")) return;
              assert.equal(readings[i].seen.error, undefined, "crochet takes it, and so does neomodel");
              compare(readings[i], version);
              compared.add(name);
              return;
            }
            erroneous.add(name);
            compareRefusals(readings[i].models, alone[i]);
          });
        }
      }), version);
  });

  Deno.test(`neomodel ${version} sees in its own distribution what crochet reads`, async (t) => {
    await Judge.with((judge) =>
      Projects.with(async (projects) => {
        const samples = await findSamples(judge, projects, version);
        assert.ok(samples.length >= 45, `${samples.length} files declare models`);
        const readings = await inParallel(samples, async ({ path, module }) => {
          const project = projects.make(path, distribution(version), version);
          return await bothReadings(judge, project, [module], await ignoreHidden(project));
        });
        for (const [i, { path }] of samples.entries()) {
          await t.step(path, () => {
            const errors = errorsOf(readings[i].models);
            if (
              errors.some((error) => /: option-unknown: /.test(error))
            ) return;
            assert.deepEqual(errors, []);
            compare(readings[i], version);
          });
        }
      }), version);
  });
}

Deno.test("every fixture without errors was compared with one neomodel at least", () => {
  // What a library of nobody gives can be told to nobody.
  const left = fixtureNames().filter((name) => !compared.has(name) && !erroneous.has(name));
  assert.deepEqual(left.filter((name) => !name.startsWith("library_")), []);
  assert.ok(compared.size > 20);
});
