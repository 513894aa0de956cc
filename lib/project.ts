/**
 * Takes a folder and gives the project in it: settings, migration files, snapshots, templates. All files are
 * written at once and never over another one unless that is asked for. The only place that knows where things lie.
 */
import { dirname, join, relative, resolve, SEPARATOR } from "./path.ts";
import { type Overrides, readConfig, type Settings } from "./config.ts";
import { CrochetError, messageOf } from "./error.ts";
import { parseSnapshot, schemaHash, type SchemaIr } from "./ir.ts";
import { canonicalJson, sha256, textDigest } from "./digest.ts";
import { parseRevision, type Revision, REVISION_FILE, snapshotFile } from "./revision.ts";

/** The file that makes a folder a project. */
export const CONFIG_FILE = "crochet.toml";

/** A project on the disk; all paths are absolute. */
export interface Project {
  root: string;
  settings: Settings;
  models: string;
  migrations: string;
  ledger: string;
}

/** Finds the project of a folder by walking up. @throws CrochetError NO_PROJECT, CONFIG_INVALID */
export function openProject(from: string, overrides: Overrides): Project {
  for (let folder = resolve(from);; folder = dirname(folder)) {
    const text = readIfThere(join(folder, CONFIG_FILE));
    if (text !== undefined) return projectAt(folder, text, overrides);
    if (dirname(folder) === folder) break;
  }
  throw new CrochetError("NO_PROJECT", `There is no ${CONFIG_FILE} in "${resolve(from)}" or above it`, {
    hint: "crochet new-project --name my-graph",
  });
}

function projectAt(root: string, text: string, overrides: Overrides): Project {
  const settings = readConfig(text, CONFIG_FILE, overrides);
  const inside = (path: string, key: string): string => {
    const full = resolve(root, path);
    if (full !== root && !full.startsWith(root.endsWith(SEPARATOR) ? root : root + SEPARATOR)) {
      throw new CrochetError(
        "CONFIG_INVALID",
        `Reading "${CONFIG_FILE}" failed: ${key} "${path}" leaves the project's folder`,
        {
          at: { file: CONFIG_FILE },
          hint: "name a folder inside of the project",
        },
      );
    }
    return full;
  };
  for (
    const [path, key] of [
      [settings.modelsPath, "models_path"],
      [settings.migrationsPath, "migrations_path"],
      [dirname(settings.ledgerPath), "[ledger] path"],
    ]
  ) {
    refuseLink([root], join(root, path), key);
  }
  const { caFile } = settings.graph;
  return {
    root,
    settings: caFile
      ? { ...settings, graph: { ...settings.graph, caFile: resolve(root, caFile) } }
      : settings,
    models: inside(settings.modelsPath, "models_path"),
    migrations: inside(settings.migrationsPath, "migrations_path"),
    ledger: inside(settings.ledgerPath, "[ledger] path"),
  };
}

/**
 * Refuses a file that a symbolic link leads out of all of these folders. @throws CrochetError FILE_UNREADABLE
 */
export function refuseLink(folders: string[], path: string, what = path): void {
  const real = realPath(path);
  if (real === undefined) return;
  if (folders.some((folder) => !relative(realPath(folder) ?? folder, real).startsWith(".."))) return;
  throw new CrochetError(
    "FILE_UNREADABLE",
    `Reading "${what}" failed: a symbolic link leads out of the project`,
    { hint: "put the file itself there; nothing is read or written outside of the project by a link" },
  );
}

/** Where a path leads in the end; undefined where there is nothing. */
function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** A path as messages show it: relative to the project, with slashes. */
export function shown(project: Project, path: string): string {
  return relative(project.root, path) || ".";
}

/** All migration files, parsed. @throws CrochetError REVISION_INVALID, FILE_UNREADABLE */
export function readRevisions(project: Project): Revision[] {
  const { revisions, failures } = readEveryRevision(project);
  if (failures.length > 0) throw failures[0];
  return revisions;
}

/** All migration files that can be read, and the errors of the others. */
export function readEveryRevision(project: Project): { revisions: Revision[]; failures: CrochetError[] } {
  const revisions: Revision[] = [];
  const failures: CrochetError[] = [];
  for (const name of listFolder(project.migrations)) {
    if (!REVISION_FILE.test(name)) continue;
    try {
      const path = join(project.migrations, name);
      refuseLink([project.root], path, shown(project, path));
      const revision = parseRevision(shown(project, path), readText(path));
      revisions.push({ ...revision, ...digestWithImports(project, path, revision) });
    } catch (error) {
      if (!(error instanceof CrochetError)) throw error;
      failures.push(error);
    }
  }
  return { revisions, failures };
}

/** Relative imports of a file, by its text. */
const RELATIVE_IMPORT = /^\s*(?:import|export)\b[^;"']*?["'](\.{1,2}\/[^"']+)["']/gm;

/** The digest of a migration covers what it imports: an edit there is an edit of the migration. */
function digestWithImports(
  project: Project,
  path: string,
  revision: Revision,
): Pick<Revision, "digest" | "imports"> {
  const found = new Map<string, string>();
  const visit = (file: string, text: string) => {
    for (const [, specifier] of text.matchAll(RELATIVE_IMPORT)) {
      const target = join(dirname(file), specifier);
      const name = shown(project, target);
      if (found.has(name) || relative(project.migrations, target).startsWith("..")) continue;
      refuseLink([project.root], target, name);
      const inner = readIfThere(target);
      found.set(name, inner === undefined ? "missing" : textDigest(inner));
      if (inner !== undefined) visit(target, inner);
    }
  };
  if (revision.language === "ts") visit(path, revision.text);
  const digest = found.size === 0
    ? revision.digest
    : sha256(canonicalJson([revision.digest, Object.fromEntries(found)]));
  return { digest, imports: [...found.keys()] };
}

/** The snapshot beside a migration. @throws CrochetError SNAPSHOT_INVALID where it is missing, broken or another one */
export function readSnapshot(project: Project, revision: Revision): SchemaIr {
  const name = snapshotFile(revision.revisionId);
  const text = readIfThere(join(project.migrations, name));
  const file = shown(project, join(project.migrations, name));
  refuseLink([project.root], join(project.migrations, name), file);
  if (text === undefined) {
    throw new CrochetError("SNAPSHOT_INVALID", `The snapshot "${file}" is missing`, {
      at: { file },
      hint: `take it back from Git: git checkout -- ${file}`,
    });
  }
  const ir = parseSnapshot(text, file);
  const hash = schemaHash(ir);
  if (hash !== revision.schemaHash) {
    throw new CrochetError(
      "SNAPSHOT_INVALID",
      `The snapshot "${file}" was edited: its hash is ${hash.slice(0, 12)}…, the migration expects ${
        revision.schemaHash.slice(0, 12)
      }…`,
      { at: { file }, hint: `take it back from Git: git checkout -- ${file}` },
    );
  }
  return ir;
}

/** The text of one of the templates that travel with the program. */
export function readTemplate(name: string): string {
  return Deno.readTextFileSync(new URL(`../migrations_template/${name}`, import.meta.url)).replaceAll(
    "\r\n",
    "\n",
  );
}

/** Names in a folder, sorted; none where the folder is missing. */
export function listFolder(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw unreadable(folder, error);
  }
}

/** A file's text. @throws CrochetError FILE_UNREADABLE */
export function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** A file's bytes. @throws CrochetError FILE_UNREADABLE */
export function readBytes(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** A file's text, undefined where there is no such file. @throws CrochetError FILE_UNREADABLE */
export function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): CrochetError {
  return new CrochetError(
    "FILE_UNREADABLE",
    `Reading "${path}" failed: ${plainMessage(cause)}`,
    {
      cause,
      hint: "check that the file exists and that you may read it",
    },
  );
}

/** What the system said, without its number and path. */
function plainMessage(error: unknown): string {
  return messageOf(error).replace(/ \(os error \d+\).*$/s, "");
}

/** Writes new files, all or none of them; makes folders. @throws CrochetError FILE_EXISTS before anything is written */
export function writeNew(files: Map<string, string>, force = false): void {
  for (const path of files.keys()) {
    if (!force && exists(path)) {
      throw new CrochetError("FILE_EXISTS", `The file "${path}" exists, and nothing was written`, {
        hint: "choose another name, or --force to overwrite it",
      });
    }
  }
  const written: string[] = [];
  let current = "";
  try {
    for (const [path, text] of files) {
      current = path;
      Deno.mkdirSync(dirname(path), { recursive: true });
      replaceFile(path, text);
      written.push(path);
    }
  } catch (error) {
    if (!force) written.forEach((path) => Deno.removeSync(path));
    throw new CrochetError(
      "FILE_UNREADABLE",
      `Writing "${current}" failed, and nothing was kept: ${plainMessage(error)}`,
      { cause: error, hint: "check the path, and that you may write there" },
    );
  }
}

/** Writes a file through a temporary one beside it, so that nobody reads half of it. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${Deno.pid}.tmp`;
  if (typeof content === "string") Deno.writeTextFileSync(temporary, content);
  else Deno.writeFileSync(temporary, content);
  Deno.renameSync(temporary, path);
}

/** Moves a file; makes the folder. */
export function moveFile(from: string, to: string): void {
  Deno.mkdirSync(dirname(to), { recursive: true });
  Deno.renameSync(from, to);
}

/** Removes a file, where it is there. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unreadable(path, error);
  }
}

/** Removes a folder with everything in it, where it is there. */
export function removeFolder(path: string): void {
  if (exists(path)) Deno.removeSync(path, { recursive: true });
}

/** Is there a folder at the path? */
export function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Is there anything at the path? */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
