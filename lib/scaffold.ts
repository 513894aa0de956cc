/**
 * Takes names and writes the files that a person goes on from: a project, a node class, a relationship model.
 * Names are checked before anything is written, and nothing is overwritten unless that is asked for.
 */
import { CrochetError } from "./error.ts";
import { Ledger } from "./ledger.ts";
import { classesOf } from "./model_files.ts";
import { basename, join, resolve } from "./path.ts";
import {
  CONFIG_FILE,
  exists,
  openProject,
  type Project,
  readIfThere,
  readTemplate,
  replaceFile,
  shown,
  writeNew,
} from "./project.ts";
import { readProjectModels } from "./draft.ts";
import { fill } from "./revision.ts";
import { snakeCase } from "./text.ts";

/** What was made. */
export interface Scaffolded {
  /** Absolute path of the project or the model. */
  path: string;
  files: string[];
  kgid?: string;
}

/** Makes a project in `path/name`, or in `path` itself. @throws CrochetError PROJECT_EXISTS, NAME_INVALID */
export async function newProject(
  options: { name: string; path: string; inPlace: boolean },
): Promise<Scaffolded> {
  const { name } = options;
  if (name.trim() === "" || /[/\\\p{Cc}]/u.test(name) || name === "." || name === "..") {
    throw new CrochetError("NAME_INVALID", `"${name}" cannot be the name of a project`, {
      hint: "use letters, digits, - and _",
    });
  }
  const root = options.inPlace ? resolve(options.path) : resolve(options.path, name);
  if (exists(join(root, CONFIG_FILE))) {
    throw new CrochetError(
      "PROJECT_EXISTS",
      `There is a project in "${root}" already, and nothing was written`,
      {
        hint: "go on in it, or choose another --name or --path",
      },
    );
  }
  const files = new Map<string, string>([
    [join(root, CONFIG_FILE), fill(readTemplate("crochet.toml.tmpl"), { name: JSON.stringify(name) })],
    [join(root, "migrations", "crochet.d.ts"), readTemplate("crochet.d.ts")],
    [join(root, "migrations", "tsconfig.json"), readTemplate("tsconfig.json")],
  ]);
  const models = join(root, "models", "__init__.py");
  if (!exists(models)) files.set(models, "");
  writeNew(files);
  ignoreLocalFiles(root);
  const project = openProject(root, { variables: {} });
  (await Ledger.open(project.ledger)).close();
  return {
    path: root,
    files: [...files.keys(), join(root, ".gitignore"), project.ledger].map((file) => shown(project, file)),
  };
}

function ignoreLocalFiles(root: string): void {
  const path = join(root, ".gitignore");
  const text = readIfThere(path) ?? "";
  if (text.split("\n").some((line) => line.trim() === ".crochet/")) return;
  replaceFile(path, text + (text === "" || text.endsWith("\n") ? "" : "\n") + ".crochet/\n");
}

/** Writes a node class. @throws CrochetError NAME_INVALID, FILE_EXISTS */
export function createNode(
  project: Project,
  name: string,
  options: { kgid?: string; force?: boolean },
): Scaffolded {
  checkClassName(name);
  const kgid = freeKgid(project, name, options.kgid);
  return writeModel(
    project,
    name,
    fill(readTemplate("node.py.tmpl"), { name, kgid: JSON.stringify(kgid) }),
    kgid,
    options.force,
  );
}

/** Writes a relationship model. @throws CrochetError NAME_INVALID, FILE_EXISTS */
export function createRelationship(
  project: Project,
  name: string,
  options: { type: string; kgid?: string; force?: boolean },
): Scaffolded {
  checkClassName(name);
  if (options.type.trim() === "" || /\p{Cc}/u.test(options.type)) {
    throw new CrochetError("NAME_INVALID", `${JSON.stringify(options.type)} cannot be a relationship type`, {
      hint: "write it like FRIENDS_WITH",
    });
  }
  const kgid = freeKgid(project, name, options.kgid);
  const values = { name, kgid: JSON.stringify(kgid), type: JSON.stringify(options.type) };
  return writeModel(project, name, fill(readTemplate("relationship.py.tmpl"), values), kgid, options.force);
}

function writeModel(project: Project, name: string, text: string, kgid: string, force = false): Scaffolded {
  const path = join(project.models, `${snakeCase(name)}.py`);
  writeNew(new Map([[path, text]]), force);
  return { path, files: [shown(project, path)], kgid };
}

const KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global if import in " +
    "is lambda nonlocal not or pass raise return try while with yield").split(" "),
);
/** Names that the templates import: a class of that name would hide them. */
const TAKEN = new Set(["StructuredNode", "StructuredRel", "StringProperty", "DateTimeProperty"]);

function checkClassName(name: string): void {
  const isIdentifier = /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u.test(name);
  if (isIdentifier && !KEYWORDS.has(name) && !TAKEN.has(name) && !name.startsWith("__")) return;
  const why = KEYWORDS.has(name)
    ? "it is a keyword of Python"
    : TAKEN.has(name)
    ? "neomodel uses it"
    : "a class name has letters, digits and _, and does not begin with a digit";
  throw new CrochetError("NAME_INVALID", `"${name}" cannot be the name of a class: ${why}`, {
    hint: "write it like Person or BookOrder",
  });
}

/** The given kgid, or the first free one of the class's name. @throws CrochetError NAME_INVALID where it is taken */
function freeKgid(project: Project, name: string, given: string | undefined): string {
  const path = `${snakeCase(name)}.py`;
  const taken = new Set<unknown>();
  for (const { cls } of classesOf(readProjectModels(project))) {
    const value = cls.attributes.get("__kgid__")?.value;
    // The file that is written replaces its own class.
    if (value?.kind === "str" && basename(cls.module.path) !== path) taken.add(value.value);
  }
  if (given !== undefined) {
    if (given.trim() === "") {
      throw new CrochetError("NAME_INVALID", "The kgid is empty", {
        hint: "leave --kgid out to have one made",
      });
    }
    if (taken.has(given)) {
      throw new CrochetError("NAME_INVALID", `The kgid "${given}" belongs to another class`, {
        hint: "choose another, or leave --kgid out",
      });
    }
    return given;
  }
  for (let n = 1;; n++) {
    const candidate = `${snakeCase(name)}_v${n}`;
    if (!taken.has(candidate)) return candidate;
  }
}
