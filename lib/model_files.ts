/**
 * Takes folders and gives the Python files that imports find in them, and the models that a project declares.
 * Files are read and never run. Module names are what an import from the project's folder would say.
 */
import { CrochetError } from "./error.ts";
import { modelClasses, type Models, readModels } from "./neomodel.ts";
import {
  neomodelNames,
  type NeomodelVersion,
  NEWEST_NEOMODEL,
  showNeomodelVersion,
} from "./neomodel_version.ts";
import { basename, dirname, join, relative, resolve } from "./path.ts";
import { exists, isFolder, readBytes, refuseLink } from "./project.ts";
import { decodePython } from "./python_source.ts";
import type { PythonFiles, PythonSource } from "./python_import.ts";
import { followPython, type PythonProblem, type PythonWorld } from "./python_world.ts";

/** What to read. */
export interface ModelSource {
  /** Files and folders whose modules are imported. */
  paths: string[];
  /** Folders in which imports are looked for; the first that fits names a module. */
  roots: string[];
  /** Folders in which imports are looked for after Python's own modules. */
  lateRoots?: string[];
  /** Folder from which paths are shown. */
  base: string;
  /** Folders that no symbolic link may lead out of; anywhere without them. */
  within?: string[];
  ignore?: string[];
  /** The neomodel that the project uses; the newest without it. */
  neomodel?: NeomodelVersion;
}

/** Models with the Python world they were read from. */
export interface ModelReading {
  models: Models;
  world: PythonWorld;
}

const LIBRARIES = new Set([
  "neomodel",
  "django_neomodel",
  "neo4j",
  "typing",
  "enum",
  "datetime",
  "sys",
  "os",
  "abc",
]);

/** Modules of Python itself: a file of such a name hides one only where it lies in a root that was named. */
const STANDARD = new Set(
  ("abc antigravity argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 cProfile " +
    "calendar cmath cmd code codecs codeop collections colorsys compileall concurrent configparser " +
    "contextlib contextvars copy copyreg csv ctypes curses dataclasses datetime dbm decimal difflib dis " +
    "doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions " +
    "ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac " +
    "html http idlelib imaplib importlib inspect io ipaddress itertools json keyword linecache locale " +
    "logging lzma mailbox marshal math mimetypes mmap modulefinder msvcrt multiprocessing netrc nt ntpath " +
    "nturl2path numbers opcode operator optparse os pathlib pdb pickle pickletools pkgutil platform " +
    "plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data " +
    "pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select " +
    "selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 sre_compile " +
    "sre_constants sre_parse ssl stat statistics string stringprep struct subprocess symtable sys " +
    "sysconfig syslog tabnanny tarfile tempfile termios textwrap this threading time timeit tkinter token " +
    "tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest " +
    "urllib uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xml xmlrpc zipapp zipfile " +
    "zipimport zlib zoneinfo").split(" "),
);

/** Reads the models of the given files. @throws CrochetError FILE_UNREADABLE for a path that is not there */
export function loadModels(source: ModelSource): ModelReading {
  const problems: PythonProblem[] = [];
  const files = source.paths.flatMap((path) => pythonFiles(resolve(path)));
  const roots = source.roots.map((root) => resolve(root));
  const allRoots = [...new Set([...roots, ...(source.lateRoots ?? []).map((root) => resolve(root))])];
  const neomodel = source.neomodel ?? NEWEST_NEOMODEL;
  const scripts = new Map<string, string>();
  const finder = fileFinder(allRoots, roots, scripts, { ...source, neomodel }, problems);
  const names = files.map((file) => {
    const name = moduleName(file, allRoots);
    if (name !== undefined) return name;
    // A file that no import can name is still a script that defines classes.
    const script = `./${shownPath(source.base, file)}`;
    scripts.set(script, file);
    return script;
  });
  const world = followPython(names, finder);
  world.problems.push(...problems);
  return { models: readModels(world, { ignore: source.ignore, neomodel }), world };
}

/** Classes of a reading that need a kgid. */
export function classesOf(reading: ModelReading, ignore?: string[]): ReturnType<typeof modelClasses> {
  return modelClasses(reading.world, { ignore });
}

/** The import roots of files outside of a project: the folder above the outermost package. */
export function guessRoots(paths: string[]): string[] {
  const roots = paths.map((path) => {
    const full = resolve(path);
    let folder = /\.py$/.test(full) ? dirname(full) : full;
    while (exists(join(folder, "__init__.py")) && dirname(folder) !== folder) folder = dirname(folder);
    return folder;
  });
  return [...new Set([...roots, Deno.cwd()])];
}

/** All Python files at a path, sorted, without hidden folders and caches. */
function pythonFiles(path: string): string[] {
  const info = (() => {
    try {
      return Deno.statSync(path);
    } catch (cause) {
      throw new CrochetError("FILE_UNREADABLE", `Reading the models failed: "${path}" does not exist`, {
        cause,
        hint: "name the folder that holds the models: [project] models_path in crochet.toml",
      });
    }
  })();
  if (info.isFile) return [path];
  const found: string[] = [];
  for (const entry of [...Deno.readDirSync(path)].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".") || entry.name === "__pycache__") continue;
    if (entry.isDirectory) found.push(...pythonFiles(join(path, entry.name)));
    else if (entry.name.endsWith(".py")) found.push(join(path, entry.name));
  }
  return found;
}

/** Dotted name of a file under the first root that can import it. */
function moduleName(file: string, roots: string[]): string | undefined {
  for (const root of roots) {
    const path = relative(root, file);
    if (path.startsWith("..")) continue;
    const parts = path.replace(/\.py$/, "").split("/");
    if (parts.at(-1) === "__init__") parts.pop();
    if (parts.length > 0 && parts.every((part) => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(part))) {
      return parts.join(".");
    }
  }
  return undefined;
}

/** A path as problems show it: relative to the base where it lies below it. */
function shownPath(base: string, path: string): string {
  const short = relative(base, path);
  return short.startsWith("..") ? path : short;
}

function fileFinder(
  allRoots: string[],
  firstRoots: string[],
  scripts: ReadonlyMap<string, string>,
  { base, within, neomodel }: Pick<ModelSource, "base" | "within"> & { neomodel: NeomodelVersion },
  problems: PythonProblem[],
): PythonFiles {
  const decoded = new Map<string, string>();
  const read = (path: string): string => {
    const known = decoded.get(path);
    if (known !== undefined) return known;
    if (within) refuseLink(within, path, shownPath(base, path));
    const { text, problem, line = 1 } = decodePython(readBytes(path));
    if (problem) {
      problems.push({
        severity: "error",
        code: "encoding",
        message: problem,
        hint: "save the file as UTF-8",
        file: shownPath(base, path),
        line,
        column: 1,
      });
    }
    decoded.set(path, text);
    return text;
  };
  const rootsFor = (module: string) => STANDARD.has(module.split(".")[0]) ? firstRoots : allRoots;
  return {
    find(module): PythonSource | undefined {
      const script = scripts.get(module);
      if (script !== undefined) {
        return {
          name: basename(script).replace(/\.py$/, ""),
          path: shownPath(base, script),
          isPackage: false,
          text: read(script),
        };
      }
      for (const root of rootsFor(module)) {
        const path = join(root, ...module.split("."));
        for (
          const [candidate, isPackage] of [[join(path, "__init__.py"), true], [path + ".py", false]] as const
        ) {
          if (isFile(candidate)) {
            return { path: shownPath(base, candidate), isPackage, text: read(candidate) };
          }
        }
      }
      return undefined;
    },
    isFolder: (module) => rootsFor(module).some((root) => isFolder(join(root, ...module.split(".")))),
    titleOf: (library) => `${library} ${showNeomodelVersion(neomodel)}`,
    libraryNames: (module) =>
      module.split(".")[0] === "neomodel" ? neomodelNames(module, neomodel) : undefined,
    isLibrary: (name) => LIBRARIES.has(name),
    isInstalled: (name) => LIBRARIES.has(name) || STANDARD.has(name),
  };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
