/**
 * Commands about models and what is drafted from them. One function a command, each a recipe: open, call the verb, print
 * its value; nothing is decided here that a verb could decide.
 */
import { type Context, folder, project } from "./command.ts";
import { draftMigration, readProjectModels } from "./draft.ts";
import { CrochetError, EXIT } from "./error.ts";
import { missingKgids, writeKgids } from "./kgid.ts";
import { guessRoots, loadModels } from "./model_files.ts";
import { KNOWN_NEOMODELS, type NeomodelVersion, parseNeomodelVersion } from "./neomodel_version.ts";
import { relative, resolve } from "./path.ts";
import { createNode, createRelationship, newProject } from "./scaffold.ts";
import { count } from "./text.ts";
import { draftLines, modelLines, problemLine } from "./words.ts";

/** Makes a project. */
export async function commandNewProject(context: Context): Promise<number> {
  const { options, print } = context;
  const made = await newProject({
    name: options.name,
    path: resolve(folder(context), options.path),
    inPlace: options.inPlace === true,
  });
  print.result(made, [
    `Made the project "${options.name}" in ${made.path}`,
    ...made.files.map((file) => `  ${file}`),
  ]);
  print.say(`Next: cd ${relative(context.io.cwd, made.path) || "."} && crochet create-node Person`);
  return EXIT.ok;
}

/** Writes a node class. */
export function commandCreateNode(context: Context, name: string): number {
  const made = createNode(project(context), name, {
    kgid: context.options.kgid,
    force: context.options.force,
  });
  context.print.result(made, [`Created node model: ${made.files[0]}`, `  kgid: ${made.kgid}`]);
  return EXIT.ok;
}

/** Writes a relationship model. */
export function commandCreateRelationship(context: Context, name: string): number {
  const { options } = context;
  const made = createRelationship(project(context), name, {
    type: options.relType,
    kgid: options.kgid,
    force: options.force,
  });
  context.print.result(made, [`Created relationship model: ${made.files[0]}`, `  kgid: ${made.kgid}`]);
  return EXIT.ok;
}

/** Drafts a migration. */
export function commandCreateMigration(context: Context, description: string): number {
  const { options, print, io } = context;
  const draft = draftMigration(project(context), {
    description,
    language: options.cypher ? "cypher" : "ts",
    empty: options.empty === true,
    unsafe: options.unsafe === true,
    renames: options.rename,
    ask: options.json ? undefined : io.ask,
  });
  for (const warning of draft.warnings) print.say(problemLine(warning));
  print.result(draft, draftLines(draft));
  if (draft.written) print.say("Next: read it, then crochet upgrade --dry-run");
  return EXIT.ok;
}

/** Shows what is read from models. */
export function commandModels(context: Context, ...paths: string[]): number {
  const { options, print } = context;
  const base = folder(context);
  const full = paths.map((path) => resolve(base, path));
  const roots: string[] = options.root;
  const neomodel = options.neomodel === undefined ? undefined : neomodelVersion(options.neomodel);
  const reading = paths.length === 0 ? readProjectModels(project(context), neomodel) : loadModels({
    paths: full,
    roots: roots.length > 0 ? roots.map((root) => resolve(base, root)) : guessRoots(full),
    base,
    neomodel,
  });
  const { models } = reading;
  const lines = options.ddl ? models.schema.map((object) => `${object.cypher};`) : modelLines(models);
  print.result(models, lines);
  if (!options.json) models.problems.forEach((problem) => print.say(problemLine(problem)));
  return models.problems.some((problem) => problem.severity === "error") ? EXIT.fix : EXIT.ok;
}

function neomodelVersion(name: string): NeomodelVersion {
  const version = parseNeomodelVersion(name);
  if (version !== undefined) return version;
  throw new CrochetError("USAGE", `neomodel "${name}" is not known`, {
    hint: `name ${KNOWN_NEOMODELS}: --neomodel 7`,
  });
}

/** Lists or writes missing kgids. */
export function commandKgid(context: Context): number {
  const found = project(context);
  const reading = readProjectModels(found);
  const ignore = found.settings.modelIgnore;
  const write = context.options.write === true;
  const missing = write ? writeKgids(reading, ignore, found.root) : missingKgids(reading, ignore);
  const lines = missing.map((entry) => `${entry.file}:${entry.line}  ${entry.class}  ${entry.kgid}`);
  const summary = missing.length === 0
    ? "Every class has a __kgid__."
    : `${count(missing.length, "class", "classes")} ${write ? "got" : "without"} a __kgid__.`;
  context.print.result({ written: write, classes: missing }, [...lines, summary]);
  if (missing.length > 0 && !write) context.print.say("Next: crochet kgid --write adds them");
  return EXIT.ok;
}
