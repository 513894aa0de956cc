/**
 * Takes import statements of a Python project and gives modules and the names that they bring, as Python's import
 * system would: packages, relative imports, namespace packages, `__all__`, circles. What lies outside of the project
 * is an external name. Never runs Python, never reads a disk: the caller hands files in.
 */
import { BUILTINS } from "./python_builtin.ts";
import { parsePython } from "./python_syntax.ts";
import type { Span, Stmt } from "./python_tree.ts";
import { type ModuleValue, type PyValue, str, toData, unknown, type Where } from "./python_value.ts";

/** A Python file, as an import would find it. */
export interface PythonSource {
  /** The module's name where it is another one than what was asked for. */
  name?: string;
  path: string;
  isPackage: boolean;
  text: string;
}

/** Where modules come from. */
export interface PythonFiles {
  /** The file behind a dotted module name, or undefined where the project has none. */
  find(module: string): PythonSource | undefined;
  /** Does the project have a folder (a namespace package) of that dotted name? */
  isFolder(module: string): boolean;
  /** Is this top-level name a library's, whatever lies in the project's folder? */
  isLibrary(name: string): boolean;
  /** Is it a module of Python itself, or of a library that every project of this kind has? */
  isInstalled(name: string): boolean;
  /** A library with its version, as messages name it. */
  titleOf(library: string): string;
  /** Public names of a library's module; "missing" where it has no such module, undefined where nobody knows. */
  libraryNames(module: string): ReadonlySet<string> | "missing" | undefined;
}

/** Where an import statement stands, and what it can do there. */
export interface ImportPlace {
  module: ModuleValue;
  span: Span;
  /** Inside of a `try` that catches ImportError, or of a function: a missing module is thrown. */
  guarded: boolean;
  bind(name: string, value: PyValue): void;
}

/** What the importer asks of those who follow statements. */
export interface ImportHost {
  follow(module: ModuleValue): void;
  /** Told of an import that finds something on some machines only. */
  uncertain(): void;
  report(where: Where, code: string, message: string, hint: string): void;
}

/** Thrown where a name is imported from a module that is still half-way through its own imports. */
export class CircularImport extends Error {
  constructor(readonly importer: string) {
    super(importer);
  }
}

/** Thrown inside `try` where an import finds nothing. */
export class ImportMissing extends Error {}

/** The modules of a project and the ways between them. */
export class Importer {
  readonly modules = new Map<string, ModuleValue>();
  /** Set where a circle is taken as it comes: names that are not there yet are unknown. */
  tolerant = false;
  /** Modules that make names at run time: what they seem to lack may be there. */
  readonly makers = new Set<ModuleValue>();
  private readonly byPath = new Map<string, ModuleValue>();
  private readonly openStars = new Map<ModuleValue, string[]>();

  constructor(private readonly files: PythonFiles, private readonly host: ImportHost) {}

  /** The library that a name without a definition must come from: the only `from x import *` of an unknown one. */
  openStar(module: ModuleValue, name: string): PyValue | undefined {
    const candidates = this.openStars.get(module)?.map((star): PyValue => ({
      kind: "external",
      path: `${star}.${name}`,
    }));
    // Python's own functions are not what `import *` is for.
    if (!candidates || BUILTINS.has(name)) return undefined;
    return candidates.length === 1
      ? candidates[0]
      : unknown(`"${name}" comes from one of several import *`, ...candidates);
  }

  /** Can the module have names that are not seen in its text? */
  isDynamic(module: ModuleValue): boolean {
    return this.makers.has(module) || this.openStars.has(module);
  }

  /** Drops the modules that a circular import left half-way. */
  forgetHalfway(): Set<ModuleValue> {
    const forgotten = new Set([...this.modules.values()].filter((module) => module.state === "running"));
    for (const [name, module] of this.modules) if (forgotten.has(module)) this.modules.delete(name);
    for (const { path } of forgotten) this.byPath.delete(path);
    return forgotten;
  }

  /** The module of a dotted name, imported with its parents; undefined where the project has none. */
  load(name: string): ModuleValue | undefined {
    const known = this.modules.get(name);
    if (known) return known;
    if (name.length > 500) return undefined;
    // A script that no import can name is asked for by its path.
    const dot = name.includes("/") ? -1 : name.lastIndexOf(".");
    const parent = dot === -1 ? undefined : this.load(name.slice(0, dot));
    const again = this.modules.get(name);
    if (again) return again;
    const source = this.files.find(name);
    if (!source && !this.files.isFolder(name)) return undefined;
    // One file reached under two names (two import roots) is one module.
    const alias = source && this.byPath.get(source.path);
    if (alias) {
      this.modules.set(name, alias);
      return alias;
    }
    const module: ModuleValue = {
      kind: "module",
      name: source?.name ?? name,
      path: source?.path ?? name.replaceAll(".", "/"),
      isPackage: source?.isPackage ?? true,
      names: new Map([["__name__", str(source?.name ?? name)]]),
      state: "running",
      file: parsePython(source?.text ?? ""),
    };
    this.modules.set(name, module);
    if (source) this.byPath.set(source.path, module);
    const { problem } = module.file;
    if (problem) {
      module.state = "broken";
      const hint = "Python 3 cannot read this file; mend it and run the command again";
      this.host.report({ module, span: problem }, "syntax", problem.message, hint);
    } else {
      this.host.follow(module);
      module.state = "done";
    }
    if (parent) parent.names.set(name.slice(dot + 1), module);
    return module;
  }

  /** `import a.b` and `import a.b as c`. */
  importModule(name: string, as: string | undefined, place: ImportPlace): void {
    const [head] = name.split(".");
    const library = this.files.isLibrary(head);
    const module = library ? undefined : this.load(name);
    if (module) return place.bind(as ?? head, as ? module : this.modules.get(head)!);
    if (!library && this.modules.has(head)) return this.missing(name, place, as ?? head);
    if (library && this.files.libraryNames(name) === "missing") return this.refused(name, place, as ?? head);
    if (!this.files.isInstalled(head)) this.host.uncertain();
    place.bind(as ?? head, { kind: "external", path: as ? name : head });
  }

  /** `from a.b import c`. */
  importFrom(statement: Stmt & { kind: "from" }, place: ImportPlace): void {
    const name = statement.level > 0
      ? relativeModule(place.module, statement.level, statement.module)
      : statement.module;
    if (name === undefined) return this.missingNames(statement.module, statement, place);
    const library = statement.level === 0 && this.files.isLibrary(name.split(".")[0]);
    const module = library ? undefined : this.load(name);
    if (!module) {
      const ours = statement.level > 0 || (!library && this.modules.has(name.split(".")[0]));
      return ours
        ? this.missingNames(name, statement, place)
        : this.importFromLibrary(name, statement, place);
    }
    if (statement.names === "*") return this.importStar(module, place);
    for (const { name: wanted, as } of statement.names) {
      const value = module.names.get(wanted) ?? this.load(`${module.name}.${wanted}`);
      if (value) place.bind(as ?? wanted, value);
      else if (module.state === "running" && !this.tolerant) throw new CircularImport(place.module.name);
      else if (module.state === "broken") {
        place.bind(as ?? wanted, unknown(`${module.path} could not be read`));
      } else {
        const open = this.openStar(module, wanted);
        if (open) place.bind(as ?? wanted, open);
        else if (this.makers.has(module) || module.names.has("__getattr__")) {
          place.bind(as ?? wanted, unknown(`"${wanted}" is made at run time by ${module.path}`));
        } else this.missing(`${name}.${wanted}`, place, as ?? wanted);
      }
    }
  }

  private importFromLibrary(name: string, statement: Stmt & { kind: "from" }, place: ImportPlace): void {
    const known = this.files.libraryNames(name);
    if (!this.files.isInstalled(name.split(".")[0])) this.host.uncertain();
    if (known === "missing") {
      if (statement.names === "*") return this.refused(name, place);
      return statement.names.forEach((n) => this.refused(name, place, n.as ?? n.name));
    }
    const external = (wanted: string): PyValue => ({ kind: "external", path: `${name}.${wanted}` });
    if (statement.names === "*") {
      if (known) known.forEach((n) => n.startsWith("_") || place.bind(n, external(n)));
      else this.openStars.set(place.module, [...this.openStars.get(place.module) ?? [], name]);
      return;
    }
    const top = this.files.libraryNames(name.split(".")[0]);
    for (const { name: wanted, as } of statement.names) {
      // Which names the inner modules of a library have is known only as far as it shows them.
      if (!known && top && top !== "missing" && !top.has(wanted)) this.host.uncertain();
      if (known && !known.has(wanted) && this.files.libraryNames(`${name}.${wanted}`) === "missing") {
        this.refused(`${name}.${wanted}`, place, as ?? wanted);
      } else place.bind(as ?? wanted, external(wanted));
    }
  }

  private importStar(module: ModuleValue, place: ImportPlace): void {
    const all = module.names.get("__all__");
    const listed = all ? toData(all) : undefined;
    const names = Array.isArray(listed)
      ? listed.map(String)
      : [...module.names.keys()].filter((name) => !name.startsWith("_"));
    for (const name of names) {
      const value = module.names.get(name) ?? this.load(`${module.name}.${name}`);
      if (value) place.bind(name, value);
    }
    const stars = this.openStars.get(module);
    if (stars) {
      this.openStars.set(place.module, [...new Set([...this.openStars.get(place.module) ?? [], ...stars])]);
    }
  }

  private missingNames(name: string, statement: Stmt & { kind: "from" }, place: ImportPlace): void {
    this.missing(name, place);
    if (statement.names === "*") return;
    statement.names.forEach((n) => place.bind(n.as ?? n.name, unknown(`${name} is missing`)));
  }

  private missing(what: string, place: ImportPlace, bindAs?: string): void {
    const message = `the import of "${what}" finds nothing in the project`;
    const hint = "name the folder that holds it with [models] roots, or correct the import";
    this.fail("import-missing", message, hint, place, what, bindAs);
  }

  private refused(what: string, place: ImportPlace, bindAs?: string): void {
    const [library, ...inner] = what.split(".");
    const message = `${this.files.titleOf(library)} has no "${inner.join(".")}"`;
    const hint =
      `correct the import, or name the version that the project uses: [project] ${library} in crochet.toml`;
    this.fail("neomodel-refuses", message, hint, place, what, bindAs);
  }

  private fail(
    code: string,
    message: string,
    hint: string,
    place: ImportPlace,
    what: string,
    bindAs: string | undefined,
  ): void {
    if (place.guarded) throw new ImportMissing(what);
    this.host.report({ module: place.module, span: place.span }, code, message, hint);
    if (bindAs) place.bind(bindAs, unknown(`"${what}" could not be imported`));
  }
}

function relativeModule(module: ModuleValue, level: number, rest: string): string | undefined {
  const parts = module.name.split(".");
  const up = module.isPackage ? level - 1 : level;
  if (up >= parts.length && !(up === parts.length && rest !== "")) return undefined;
  const base = parts.slice(0, parts.length - up);
  return [...base, ...(rest ? [rest] : [])].join(".");
}
