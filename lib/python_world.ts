/**
 * Takes the files of a Python project, one by one as imports ask for them, and gives its modules and classes as
 * they stand after every module was imported. Statements are followed in Python's order; a branch whose test is
 * not known is followed both ways and its classes are marked conditional. Never runs Python, never reads a disk:
 * the caller hands files in.
 */
import { assignItem, becomeUnknown, destructure, evaluate, iterate, type Scope } from "./python_eval.ts";
import { type Argument, type Expr, locate, parsePython, type Span, type Stmt } from "./python_syntax.ts";
import {
  type ClassValue,
  equal,
  type InstanceValue,
  type ModuleValue,
  type PyValue,
  str,
  toData,
  truth,
  unknown,
  type Where,
} from "./python_value.ts";

/** A Python file, as an import would find it. */
export interface PythonSource {
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
  /** Names that `from LIBRARY import *` brings; undefined where they are not known. */
  starNames(library: string): string[] | undefined;
  /** Is this top-level name a library's, whatever lies in the project's folder? */
  isLibrary(name: string): boolean;
}

/** Something about the Python code that the user should know. */
export interface PythonProblem {
  severity: "error" | "warning";
  code: string;
  message: string;
  hint?: string;
  file: string;
  line: number;
  column: number;
}

/** A class statement inside a function: it exists only when the function runs. */
export interface HiddenClass {
  /** As Python would name it: `function.<locals>.Class`. */
  name: string;
  bases: PyValue[];
  where: Where;
}

/** What following all modules gives. */
export interface PythonWorld {
  modules: Map<string, ModuleValue>;
  /** Every class statement that was followed, in order. */
  classes: ClassValue[];
  /** Classes inside functions. */
  hidden: HiddenClass[];
  /** Calls that stand alone or are assigned, for those who look for `setattr` and `type(...)`. */
  calls: InstanceValue[];
  problems: PythonProblem[];
  /** A problem with the place of a span. */
  problemAt(
    where: Where,
    problem: Pick<PythonProblem, "severity" | "code" | "message" | "hint">,
  ): PythonProblem;
}

/** Imports the given modules, and whatever they import, in the given order. */
export function followPython(entries: string[], files: PythonFiles): PythonWorld {
  const follower = new Follower(files);
  for (const entry of entries) follower.enter(entry);
  return follower;
}

/** Thrown where a name is imported from a module that is still half-way through its own imports. */
class CircularImport extends Error {
  constructor(readonly importer: string) {
    super(importer);
  }
}

/** Thrown inside `try` where an import finds nothing. */
class ImportMissing extends Error {}

/** Thrown by `break` and `continue`; "unsure" where a condition that is not known decides about them. */
class LoopSignal extends Error {
  constructor(readonly kind: "break" | "continue" | "unsure") {
    super(kind);
  }
}

/** Where names are bound while a body is followed. */
interface Frame {
  module: ModuleValue;
  cls?: ClassValue;
  conditional: boolean;
  /** Inside a `try` that catches ImportError. */
  guarded: boolean;
  /** Inside a loop that is followed turn by turn. */
  inTurns?: boolean;
}

class Follower implements PythonWorld {
  modules = new Map<string, ModuleValue>();
  classes: ClassValue[] = [];
  hidden: HiddenClass[] = [];
  calls: InstanceValue[] = [];
  problems: PythonProblem[] = [];
  private tolerant = false;
  private openStars = new Map<ModuleValue, string[]>();

  constructor(private readonly files: PythonFiles) {}

  /** Imports a module; where its imports go in a circle the other way round, the other end is tried first. */
  enter(name: string): void {
    const first = [name];
    for (let attempt = 0; attempt < 8; attempt++) {
      try {
        for (const module of first) this.load(module);
        return;
      } catch (error) {
        if (!(error instanceof CircularImport)) throw error;
        this.forgetHalfway();
        if (first.includes(error.importer)) break;
        first.unshift(error.importer);
      }
    }
    this.tolerant = true;
    this.load(name);
    this.tolerant = false;
  }

  problemAt(
    where: Where,
    problem: Pick<PythonProblem, "severity" | "code" | "message" | "hint">,
  ): PythonProblem {
    const place = locate(where.module.file.text, where.span.from);
    return { ...problem, file: where.module.path, ...place };
  }

  private forgetHalfway(): void {
    for (const [name, module] of this.modules) {
      if (module.state !== "running") continue;
      this.modules.delete(name);
      this.classes = this.classes.filter((cls) => cls.module !== module);
      this.hidden = this.hidden.filter((entry) => entry.where.module !== module);
      this.calls = this.calls.filter((entry) => entry.where.module !== module);
      this.problems = this.problems.filter((problem) => problem.file !== module.path);
    }
  }

  /** The module of a dotted name, imported with its parents; undefined where the project has none. */
  private load(name: string): ModuleValue | undefined {
    const known = this.modules.get(name);
    if (known) return known;
    const dot = name.lastIndexOf(".");
    const parent = dot === -1 ? undefined : this.load(name.slice(0, dot));
    const again = this.modules.get(name);
    if (again) return again;
    const source = this.files.find(name);
    if (!source && !this.files.isFolder(name)) return undefined;
    // One file reached under two names (two import roots) is one module.
    const alias = source && [...this.modules.values()].find((module) => module.path === source.path);
    if (alias) {
      this.modules.set(name, alias);
      return alias;
    }
    const file = parsePython(source?.text ?? "");
    const module: ModuleValue = {
      kind: "module",
      name,
      path: source?.path ?? name.replaceAll(".", "/"),
      isPackage: source?.isPackage ?? true,
      names: new Map([["__name__", str(name)]]),
      state: "running",
      file,
    };
    this.modules.set(name, module);
    const fatal = file.problems.find((problem) => !problem.doubtful);
    for (const problem of fatal ? [fatal] : file.problems) {
      this.problems.push(this.problemAt({ module, span: problem }, {
        severity: fatal ? "error" : "warning",
        code: "syntax",
        message: problem.message,
        hint: fatal
          ? "Python 3 cannot read this file; mend it and run the command again"
          : "what stands there declares no model; if Python runs the file, this can be left as it is",
      }));
    }
    if (fatal) {
      module.state = "broken";
    } else {
      this.moduleBody(file.body, { module, conditional: false, guarded: false });
      module.state = "done";
    }
    if (parent) parent.names.set(name.slice(dot + 1), module);
    return module;
  }

  private moduleBody(statements: Stmt[], frame: Frame): void {
    for (const statement of statements) {
      try {
        this.statement(statement, frame);
      } catch (error) {
        if (!(error instanceof LoopSignal)) throw error;
      }
    }
  }

  private body(statements: Stmt[], frame: Frame): void {
    for (const statement of statements) this.statement(statement, frame);
  }

  private statement(statement: Stmt, frame: Frame): void {
    const scope = this.scope(frame);
    switch (statement.kind) {
      case "import":
        return statement.names.forEach((name) => this.importModule(name.name, name.as, frame, statement));
      case "from":
        return this.importFrom(statement, frame);
      case "assign": {
        const value = evaluate(statement.value, scope);
        if (value.kind === "instance") this.calls.push(value);
        return statement.targets.forEach((target) => this.assign(target, value, frame, statement));
      }
      case "augment": {
        const op = statement.op.replace(/=$/, "");
        const value = evaluate({
          ...statement,
          kind: "binary",
          op,
          left: statement.target,
          right: statement.value,
        }, scope);
        return this.assign(statement.target, value, frame, statement);
      }
      case "class":
        return this.classStatement(statement, frame);
      case "function": {
        for (const mention of statement.classes) {
          const bases = mention.args.filter((arg) => !arg.name && !arg.star).map((arg) =>
            evaluate(arg.value, scope)
          );
          this.hidden.push({
            name: `${frame.cls ? frame.cls.qualname + "." : ""}${statement.name}.<locals>.${mention.name}`,
            bases,
            where: { module: frame.module, span: mention },
          });
        }
        const value: PyValue = {
          kind: "function",
          name: statement.name,
          where: { module: frame.module, span: statement },
        };
        return this.bind(statement.name, value, frame, statement);
      }
      case "if":
        return this.ifStatement(statement, frame);
      case "try":
        return this.tryStatement(statement, frame);
      case "loop":
        return this.loop(statement, frame);
      case "with":
        for (const target of statement.targets) {
          destructure(
            target,
            unknown("the value of a with statement"),
            (n, v) => this.bind(n, v, frame, statement),
          );
        }
        return this.body(statement.body, frame);
      case "delete":
        for (const target of statement.targets) {
          if (target.kind === "name") {
            frame.cls ? frame.cls.attributes.delete(target.id) : frame.module.names.delete(target.id);
          } else if (target.kind === "subscript") becomeUnknown(evaluate(target.object, scope));
        }
        return;
      case "other":
        if (statement.what === "BreakStatement") throw new LoopSignal("break");
        if (statement.what === "ContinueStatement") throw new LoopSignal("continue");
        return;
      case "expression": {
        const value = evaluate(statement.value, scope);
        if (value.kind === "instance") this.calls.push(value);
        return;
      }
    }
  }

  private scope(frame: Frame): Scope {
    const { module, cls } = frame;
    return {
      lookup: (name) => {
        const found = cls?.attributes.get(name)?.value ?? module.names.get(name);
        if (found) return found;
        const stars = this.openStars.get(module);
        return stars?.length === 1 ? { kind: "external", path: `${stars[0]}.${name}` } : undefined;
      },
      bind: (name, value) => this.bind(name, value, frame, { from: 0, to: 0 }),
      moduleAttribute: (of, name) => this.moduleAttribute(of, name),
      where: (span) => ({ module, span }),
    };
  }

  private moduleAttribute(module: ModuleValue, name: string): PyValue {
    const found = module.names.get(name) ?? this.modules.get(`${module.name}.${name}`);
    if (found) return found;
    if (module.state === "broken") return unknown(`${module.path} could not be read`);
    return unknown(`the module ${module.name} has no "${name}" at this point`);
  }

  private bind(name: string, value: PyValue, frame: Frame, span: Span): void {
    if (frame.cls) {
      const kept = frame.cls.attributes.get(name);
      // An attribute that is given again keeps its first place, as a Python dict does.
      if (kept) kept.value = value, kept.where = { module: frame.module, span };
      else frame.cls.attributes.set(name, { value, where: { module: frame.module, span } });
    } else frame.module.names.set(name, value);
  }

  private assign(target: Expr, value: PyValue, frame: Frame, span: Span): void {
    if (target.kind === "attribute") {
      const object = evaluate(target.object, this.scope(frame));
      if (object.kind === "class") {
        object.attributes.set(target.name, { value, where: { module: frame.module, span } });
      } else if (object.kind === "module") object.names.set(target.name, value);
      return;
    }
    if (target.kind === "subscript") {
      const [index] = target.index;
      const object = evaluate(target.object, this.scope(frame));
      if (frame.cls && object.kind === "instance") {
        frame.cls.attributes.set("<changed at run time>", {
          value: object,
          where: { module: frame.module, span },
        });
      }
      return index ? assignItem(object, evaluate(index, this.scope(frame)), value) : becomeUnknown(object);
    }
    destructure(target, value, (name, part) => this.bind(name, part, frame, span));
  }

  private classStatement(statement: Stmt & { kind: "class" }, frame: Frame): void {
    const scope = this.scope(frame);
    const cls: ClassValue = {
      kind: "class",
      name: statement.name,
      qualname: frame.cls ? `${frame.cls.qualname}.${statement.name}` : statement.name,
      module: frame.module,
      bases: this.bases(statement.args, scope),
      keywords: new Map(statement.args.filter((a) => a.name).map((a) => [a.name!, evaluate(a.value, scope)])),
      attributes: new Map(),
      where: { module: frame.module, span: statement },
      nameSpan: statement.nameSpan,
      body: statement.body,
      decorators: statement.decorators.map((decorator) => evaluate(decorator, scope)),
      conditional: frame.conditional || undefined,
    };
    // A class statement in a loop makes its class again each time; the last one is the one that stays.
    this.classes = this.classes.filter((other) =>
      other.module !== cls.module || other.where.span.from !== statement.from
    );
    this.classes.push(cls);
    this.body(statement.body, { ...frame, cls });
    this.bind(statement.name, cls, frame, statement);
  }

  private bases(args: Argument[], scope: Scope): PyValue[] {
    return args.filter((arg) => !arg.name).flatMap((arg) => {
      const value = evaluate(arg.value, scope);
      if (arg.star === "*") return iterate(value) ?? [unknown("unpacked bases")];
      return arg.star ? [] : [value];
    });
  }

  private ifStatement(statement: Stmt & { kind: "if" }, frame: Frame): void {
    const open: Stmt[][] = [];
    for (const branch of statement.branches) {
      const test = branch.test ? this.test(branch.test, frame) : true;
      if (test === false) continue;
      open.push(branch.body);
      if (test === true) break;
      if (branch === statement.branches.at(-1)) open.push([]);
    }
    this.branches(open, frame, statement);
  }

  /** Follows bodies of which one runs, nobody knows which: names that they leave different become unknown. */
  private branches(open: Stmt[][], frame: Frame, span: Span): void {
    if (open.length === 0) return;
    if (open.length === 1) return this.body(open[0], frame);
    const before = this.names(frame);
    const outcomes = open.map((body) => {
      this.restore(before, frame);
      try {
        this.body(body, { ...frame, conditional: true });
      } catch (error) {
        // Inside of a loop that is followed nobody knows whether it goes on; elsewhere the body just ends here.
        if (!(error instanceof LoopSignal)) throw error;
        if (frame.inTurns) throw new LoopSignal("unsure");
      }
      return this.names(frame);
    });
    this.restore(before, frame);
    const changed = outcomes.flatMap((outcome) =>
      [...outcome.keys()].filter((name) => outcome.get(name) !== before.get(name))
    );
    for (const name of new Set(changed)) {
      const values = outcomes.map((outcome) => outcome.get(name)).filter((value) => value !== undefined);
      const [first] = values;
      const agree = values.every((value) => value === first || equal(value, first) === true);
      this.bind(
        name,
        agree ? first : unknown(`"${name}" depends on a condition that is not known`),
        frame,
        span,
      );
    }
  }

  private loop(statement: Stmt & { kind: "loop" }, frame: Frame): void {
    const { target, iterable, body, orelse } = statement;
    const items = iterable && iterate(evaluate(iterable, this.scope(frame)));
    const before = this.names(frame);
    if (items && target && items.length <= 1000) {
      const end = this.turns([...items], target, body, frame, statement);
      if (end === "end") return this.body(orelse, frame);
      if (end === "break") return;
      this.restore(before, frame);
    }
    if (target) {
      destructure(
        target,
        unknown("a loop variable"),
        (name, value) => this.bind(name, value, frame, statement),
      );
    }
    this.branches([[...body, ...orelse], orelse, []], { ...frame, inTurns: false }, statement);
  }

  /** Follows a loop turn by turn; says how it ended. */
  private turns(
    items: PyValue[],
    target: Expr,
    body: Stmt[],
    frame: Frame,
    span: Span,
  ): "end" | "break" | "unsure" {
    for (const item of items) {
      destructure(target, item, (name, value) => this.bind(name, value, frame, span));
      try {
        this.body(body, { ...frame, inTurns: true });
      } catch (error) {
        if (!(error instanceof LoopSignal)) throw error;
        if (error.kind !== "continue") return error.kind;
      }
    }
    return "end";
  }

  private test(test: Expr, frame: Frame): boolean | undefined {
    const value = evaluate(test, this.scope(frame));
    if (value.kind === "external" && /(^|\.)TYPE_CHECKING$/.test(value.path)) return false;
    return truth(value);
  }

  private names(frame: Frame): Map<string, PyValue> {
    if (!frame.cls) return new Map(frame.module.names);
    return new Map([...frame.cls.attributes].map(([name, attribute]) => [name, attribute.value]));
  }

  private restore(names: Map<string, PyValue>, frame: Frame): void {
    if (!frame.cls) {
      frame.module.names = new Map(names);
      return;
    }
    for (const name of [...frame.cls.attributes.keys()]) {
      if (!names.has(name)) frame.cls.attributes.delete(name);
    }
    for (const [name, value] of names) frame.cls.attributes.get(name)!.value = value;
  }

  private tryStatement(statement: Stmt & { kind: "try" }, frame: Frame): void {
    const catches = statement.handlers.some((handler) => catchesImportError(handler.type));
    try {
      this.body(statement.body, { ...frame, guarded: frame.guarded || catches });
      this.body(statement.orelse, frame);
    } catch (error) {
      if (!(error instanceof ImportMissing) || !catches) throw error;
      const handler = statement.handlers.find((candidate) => catchesImportError(candidate.type));
      this.body(handler?.body ?? [], frame);
    }
    this.body(statement.final, frame);
  }

  private importModule(name: string, as: string | undefined, frame: Frame, span: Span): void {
    const [head] = name.split(".");
    const module = this.files.isLibrary(head) ? undefined : this.load(name);
    if (module) return this.bind(as ?? head, as ? module : this.modules.get(head)!, frame, span);
    if (!this.files.isLibrary(head) && this.modules.has(head)) {
      return this.missing(name, frame, span, as ?? head);
    }
    this.bind(as ?? head, { kind: "external", path: as ? name : head }, frame, span);
  }

  private importFrom(statement: Stmt & { kind: "from" }, frame: Frame): void {
    const name = statement.level > 0
      ? relativeModule(frame.module, statement.level, statement.module)
      : statement.module;
    if (name === undefined) return this.missing(statement.module, frame, statement);
    const library = statement.level === 0 && this.files.isLibrary(name.split(".")[0]);
    const module = library ? undefined : this.load(name);
    if (!module) {
      const ours = statement.level > 0 || (!library && this.modules.has(name.split(".")[0]));
      if (ours) {
        this.missing(name, frame, statement);
        if (statement.names !== "*") {
          statement.names.forEach((n) =>
            this.bind(n.as ?? n.name, unknown(`${name} is missing`), frame, statement)
          );
        }
        return;
      }
      return this.importFromLibrary(name, statement, frame);
    }
    if (statement.names === "*") return this.importStar(module, frame, statement);
    for (const { name: wanted, as } of statement.names) {
      const value = module.names.get(wanted) ?? this.load(`${module.name}.${wanted}`);
      if (value) this.bind(as ?? wanted, value, frame, statement);
      else if (module.state === "running" && !this.tolerant) throw new CircularImport(frame.module.name);
      else if (module.state === "broken") {
        this.bind(as ?? wanted, unknown(`${module.path} could not be read`), frame, statement);
      } else {
        const star = this.openStars.get(module);
        if (star?.length === 1) {
          this.bind(as ?? wanted, { kind: "external", path: `${star[0]}.${wanted}` }, frame, statement);
        } else this.missing(`${name}.${wanted}`, frame, statement, as ?? wanted);
      }
    }
  }

  private importFromLibrary(name: string, statement: Stmt & { kind: "from" }, frame: Frame): void {
    if (statement.names !== "*") {
      for (const { name: wanted, as } of statement.names) {
        this.bind(as ?? wanted, { kind: "external", path: `${name}.${wanted}` }, frame, statement);
      }
      return;
    }
    const names = this.files.starNames(name);
    if (names) {
      names.forEach((n) => this.bind(n, { kind: "external", path: `${name}.${n}` }, frame, statement));
    } else this.openStars.set(frame.module, [...this.openStars.get(frame.module) ?? [], name]);
  }

  private importStar(module: ModuleValue, frame: Frame, span: Span): void {
    const all = module.names.get("__all__");
    const listed = all ? toData(all) : undefined;
    const names = Array.isArray(listed)
      ? listed.map(String)
      : [...module.names.keys()].filter((name) => !name.startsWith("_"));
    for (const name of names) {
      const value = module.names.get(name) ?? this.load(`${module.name}.${name}`);
      if (value) this.bind(name, value, frame, span);
    }
    const stars = this.openStars.get(module);
    if (stars) {
      this.openStars.set(frame.module, [...new Set([...this.openStars.get(frame.module) ?? [], ...stars])]);
    }
  }

  private missing(what: string, frame: Frame, span: Span, bindAs?: string): void {
    if (frame.guarded) throw new ImportMissing(what);
    this.problems.push(this.problemAt({ module: frame.module, span }, {
      severity: "error",
      code: "import-missing",
      message: `the import of "${what}" finds nothing in the project`,
      hint: "name the folder that holds it with [models] roots, or correct the import",
    }));
    if (bindAs) this.bind(bindAs, unknown(`"${what}" could not be imported`), frame, span);
  }
}

function relativeModule(module: ModuleValue, level: number, rest: string): string | undefined {
  const parts = module.name.split(".");
  const up = module.isPackage ? level - 1 : level;
  if (up >= parts.length && !(up === parts.length && rest !== "")) return undefined;
  const base = parts.slice(0, parts.length - up);
  return [...base, ...(rest ? [rest] : [])].join(".");
}

function catchesImportError(type: Expr | undefined): boolean {
  if (!type) return true;
  const names = type.kind === "tuple" ? type.items.map((item) => item.value) : [type];
  return names.some((name) =>
    name.kind === "name" &&
    ["ImportError", "ModuleNotFoundError", "Exception", "BaseException"].includes(name.id)
  );
}
