/**
 * Takes the files of a Python project, one by one as imports ask for them, and gives its modules and classes as
 * they stand after every module was imported. Statements are followed in Python's order, the project's own functions
 * where they are called; of a branch whose test is not known all ways are followed, and its classes are marked
 * conditional. Never runs Python, never reads a disk: the caller hands files in.
 */
import { assignItem, becomeUnknown, deleteItem } from "./python_builtin.ts";
import { attributeOf, call, destructure, evaluate, evaluateArguments, type Scope } from "./python_eval.ts";
import { Flow, type Frame, LoopSignal, RaiseSignal, ReturnSignal } from "./python_flow.ts";
import { bindArguments, decorate, globalNames, hiddenClasses, isKept, ownInit } from "./python_function.ts";
import {
  CircularImport,
  Importer,
  ImportMissing,
  type ImportPlace,
  type PythonFiles,
} from "./python_import.ts";
import { binary, iterate } from "./python_operation.ts";
import {
  type Argument,
  type ClassStatement,
  type Expr,
  type FunctionStatement,
  locate,
  type Parameter,
  type Span,
  type Stmt,
} from "./python_tree.ts";
import {
  type Attribute,
  attributeAfter,
  type CallArguments,
  type ClassValue,
  type FunctionValue,
  type InstanceValue,
  type Locals,
  mayBe,
  methodResolutionOrder,
  type ModuleValue,
  namesIn,
  NONE,
  type PyValue,
  str,
  unknown,
  type Where,
} from "./python_value.ts";

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
  /** Calls of `type`, `setattr` and their like, which may make or change a class. */
  calls: InstanceValue[];
  problems: PythonProblem[];
  /** Objects of classes and of libraries, and classes, in the order in which they were made. */
  made: (InstanceValue | ClassValue)[];
  /** Attributes that the project sets on things of a library. */
  patches: { path: string; where: Where }[];
  /** A problem with the place of a span. */
  problemAt(
    where: Where,
    problem: Pick<PythonProblem, "severity" | "code" | "message" | "hint">,
  ): PythonProblem;
  /** Runs a method of an object, where its class is the project's and has it. */
  runMethod(object: InstanceValue, name: string): PyValue | undefined;
}

/** Imports the given modules, and whatever they import, in the given order. */
export function followPython(entries: string[], files: PythonFiles): PythonWorld {
  const follower = new Follower(files);
  for (const entry of entries) follower.enter(entry);
  return follower;
}

const CALL_DEPTH = 25;
/** Functions that make or change a class, and those that make names. */
const CLASS_MAKERS = new Set([
  "builtins.type",
  "builtins.setattr",
  "builtins.delattr",
  "builtins.exec",
  "builtins.type.__setattr__",
  "builtins.type.__delattr__",
  "builtins.object.__setattr__",
  "types.new_class",
]);
const NAME_MAKERS = new Set(["globals", "locals", "vars", "exec", "eval"].map((name) => `builtins.${name}`));

class Follower extends Flow implements PythonWorld {
  hidden: HiddenClass[] = [];
  calls: InstanceValue[] = [];
  problems: PythonProblem[] = [];
  made: (InstanceValue | ClassValue)[] = [];
  patches: { path: string; where: Where }[] = [];
  private readonly classesByPlace = new Map<string, ClassValue>();
  private readonly importer: Importer;
  /** Functions whose calls take too many steps: they are not tried again. */
  private readonly longFunctions = new WeakSet<object>();

  constructor(files: PythonFiles) {
    super();
    this.importer = new Importer(files, {
      follow: (module) => this.moduleBody(module),
      uncertain: () => this.risks++,
      report: (where, code, message, hint) =>
        this.problems.push(this.problemAt(where, { severity: "error", code, message, hint })),
    });
  }

  get modules(): Map<string, ModuleValue> {
    return this.importer.modules;
  }

  get classes(): ClassValue[] {
    return [...this.classesByPlace.values()];
  }

  /** Imports a module; where its imports go in a circle the other way round, the other end is tried first. */
  enter(name: string): void {
    const first = [name];
    for (let attempt = 0; attempt < 8; attempt++) {
      try {
        for (const module of first) this.importer.load(module);
        return;
      } catch (error) {
        if (!(error instanceof CircularImport)) throw error;
        this.forgetHalfway();
        if (first.includes(error.importer)) break;
        first.unshift(error.importer);
      }
    }
    this.importer.tolerant = true;
    this.importer.load(name);
    this.importer.tolerant = false;
  }

  problemAt(
    where: Where,
    problem: Pick<PythonProblem, "severity" | "code" | "message" | "hint">,
  ): PythonProblem {
    return { ...problem, file: where.module.path, ...locate(where.module.file, where.span.from) };
  }

  runMethod(object: InstanceValue, name: string): PyValue | undefined {
    if (object.callee.kind !== "class") return undefined;
    for (const entry of methodResolutionOrder(object.callee) ?? []) {
      const value = entry.kind === "class" ? entry.attributes.get(name)?.value : undefined;
      if (value?.kind === "function") {
        this.steps = 0;
        return this.callFunction({ ...value, self: object }, { args: [], keywords: new Map(), open: false });
      }
    }
    return undefined;
  }

  private forgetHalfway(): void {
    const forgotten = this.importer.forgetHalfway();
    this.made = this.made.filter(({ where }) => !forgotten.has(where.module));
    this.patches = this.patches.filter(({ where }) => !forgotten.has(where.module));
    for (const [place, cls] of this.classesByPlace) {
      if (forgotten.has(cls.module)) this.classesByPlace.delete(place);
    }
    const paths = new Set([...forgotten].map((module) => module.path));
    this.hidden = this.hidden.filter((entry) => !forgotten.has(entry.where.module));
    this.calls = this.calls.filter((entry) => !forgotten.has(entry.where.module));
    this.problems = this.problems.filter((problem) => !paths.has(problem.file));
    this.journal.reset();
    [this.doubts, this.depth] = [0, 0];
  }

  private moduleBody(module: ModuleValue): void {
    const frame: Frame = { module, conditional: false, guarded: false };
    const { steps } = this;
    for (const statement of module.file.body) {
      this.steps = 0;
      try {
        this.statement(statement, frame);
        if (!this.spend()) this.tooMuch({ module, span: statement });
      } catch (error) {
        if (error instanceof LoopSignal) continue;
        if (error instanceof RangeError) {
          this.tooMuch({ module, span: statement });
          continue;
        }
        if (error instanceof ImportMissing) {
          this.problems.push(this.problemAt({ module, span: statement }, {
            severity: "error",
            code: "import-missing",
            message: `the import of "${error.message}" finds nothing in the project`,
            hint: "name the folder that holds it with [models] roots, or correct the import",
          }));
          continue;
        }
        if (!(error instanceof RaiseSignal)) throw error;
        this.problems.push(this.problemAt({ module, span: statement }, {
          severity: "error",
          code: "import-raises",
          message: "Python cannot import this file: an exception is raised here",
          hint: "what stands after it is not read; remove the statement, or leave the file out of the models",
        }));
        break;
      }
    }
    this.steps = steps;
  }

  private tooMuch(where: Where): void {
    this.problems.push(this.problemAt(where, {
      severity: "error",
      code: "too-much",
      message: "this statement takes more steps to follow than any declaration",
      hint: "write out what it makes, or move it out of the models",
    }));
  }

  protected scope(frame: Frame): Scope {
    const { module, cls, locals } = frame;
    return {
      lookup: (name) => {
        if (cls) {
          const own = cls.attributes.get(mangled(name, cls));
          if (own) return own.value;
          if (name === "__qualname__") return str(cls.qualname);
          if (name === "__module__") return str(module.name);
        }
        for (let at = locals; at; at = at.outer) {
          const found = at.names.get(name);
          if (found) return found;
        }
        return module.names.get(name) ?? this.importer.openStar(module, name);
      },
      bind: (name, value) => this.bind(name, value, frame, { from: 0, to: 0 }),
      moduleAttribute: (of, name) => this.moduleAttribute(of, name),
      moduleNamed: (name) => this.importer.load(name) ?? { kind: "external", path: name },
      where: (span) => ({ module, span }),
      makeFunction: (name, parameters, body, span) =>
        this.makeFunction(name, parameters, body, false, frame, span),
      callFunction: (callee, given) => this.callFunction(callee, given),
      construct: (callee, given, where) => this.construct(callee, given, where),
      inner: cls && (() => this.scope({ ...frame, cls: undefined })),
      missing: (span, what) => this.missing(frame, span, what),
      touched: (value) => this.touched(value),
      namesChanged: (names, where) => this.namesChanged(names, where, frame),
      note: (made) => this.note(made),
      superHere: () =>
        frame.callee?.owner && frame.self
          ? { kind: "super", of: frame.callee.owner, self: frame.self }
          : unknown("super() outside of a method"),
      sure: this.doubts === 0,
      spend: () => this.spend(),
    };
  }

  private note(made: InstanceValue): void {
    const { path } = made.callee as { path: string };
    if (!path.startsWith("neomodel.")) this.risks++;
    this.made.push(made);
    const isMaker = (arg: PyValue) =>
      arg.kind === "external" && CLASS_MAKERS.has(arg.path) && arg.path !== "builtins.type";
    if (CLASS_MAKERS.has(path) || made.args.some(isMaker)) this.calls.push(made);
    // setattr of an object is an assignment; of a class it is told of as what it is.
    const [object, name, value] = made.args;
    if (path === "builtins.setattr" && object?.kind === "instance" && name?.kind === "str" && value) {
      object.attributes ??= this.journal.begin(new Map(), "attributes");
      this.journal.write(object.attributes, name.value, value);
    }
    if (NAME_MAKERS.has(path)) this.importer.makers.add(made.where.module);
  }

  /** A name that Python does not find ends the import, where nothing catches it. */
  private missing(frame: Frame, span: Span, what: string): void {
    this.risks++;
    const { module } = frame;
    if (frame.tried || frame.locals || this.doubts > 0 || this.importer.isDynamic(module)) return;
    this.problems.push(this.problemAt({ module, span }, {
      severity: "error",
      code: "import-raises",
      message: `Python cannot import this file: ${what} at this point`,
      hint: "define it before it is used, or correct the name",
    }));
  }

  /** What is done with the result of something unknown may change the objects that it came from. */
  private touched(value: PyValue, isChanged = false): void {
    if (value.kind !== "unknown") return;
    this.risks++;
    mayBe(value, (part) => {
      if (
        isChanged && part.kind === "instance" && part.callee.kind === "external" &&
        NAME_MAKERS.has(part.callee.path)
      ) {
        this.problems.push(this.problemAt(part.where, {
          severity: "error",
          code: "made-at-run-time",
          message: "what is changed here is found by its name at run time",
          hint: "write the attribute into the class",
        }));
      }
      if (part.kind === "instance") part.doubt ??= "it is changed in a way that is not followed";
      else if (part.kind === "class" && isChanged) part.changers.push("a change of what it gave away");
      return false;
    });
  }

  private namesChanged(names: InstanceValue, where: Where, frame: Frame): void {
    if (frame.cls) {
      this.journal.write<Attribute>(frame.cls.attributes, "<changed at run time>", { value: names, where });
    } else this.importer.makers.add(frame.module);
  }

  private moduleAttribute(module: ModuleValue, name: string): PyValue {
    const found = module.names.get(name) ?? this.modules.get(`${module.name}.${name}`);
    if (found) return found;
    if (module.state === "broken") return unknown(`${module.path} could not be read`);
    this.risks++;
    return this.importer.openStar(module, name) ??
      unknown(`the module ${module.name} has no "${name}" at this point`);
  }

  protected bind(name: string, value: PyValue, frame: Frame, span: Span): void {
    if (frame.cls && !frame.globals?.has(name)) {
      // An attribute that is given again keeps its first place, as a Python dict does.
      this.journal.write<Attribute>(frame.cls.attributes, mangled(name, frame.cls), {
        value,
        where: { module: frame.module, span },
      });
    } else if (frame.locals && !frame.globals?.has(name)) {
      let at: Locals = frame.locals;
      if (frame.nonlocals?.has(name)) {
        while (at.outer && (at === frame.locals || !at.names.has(name))) at = at.outer;
      }
      this.journal.write(at.names, name, value);
    } else this.journal.write(frame.module.names, name, value);
  }

  private unbind(name: string, frame: Frame): void {
    if (frame.cls) this.journal.write(frame.cls.attributes, mangled(name, frame.cls), undefined);
    else this.journal.write(frame.locals?.names ?? frame.module.names, name, undefined);
  }

  protected assign(target: Expr, value: PyValue, frame: Frame, span: Span): void {
    const scope = this.scope(frame);
    const where = { module: frame.module, span };
    if (target.kind === "attribute") {
      const object = evaluate(target.object, scope);
      if (object.kind === "class") {
        if (/^__(bases|class|mro|dict)__$/.test(target.name)) {
          object.changers.push(`a change of ${target.name}`);
        }
        this.journal.write<Attribute>(object.attributes, target.name, { value, where });
      } else if (object.kind === "module") this.journal.write(object.names, target.name, value);
      else if (object.kind === "instance") {
        object.attributes ??= this.journal.begin(new Map(), "attributes");
        this.journal.write(object.attributes, target.name, value);
      } else if (object.kind === "external") {
        this.patches.push({ path: `${object.path}.${target.name}`, where });
      } else this.touched(object, true);
    } else if (target.kind === "subscript") {
      const object = evaluate(target.object, scope);
      const [index] = target.index;
      const key = index && target.index.length === 1 ? evaluate(index, scope) : unknown("several indexes");
      if (object.kind === "instance") this.assignName(object, key, value, frame, where);
      else assignItem(object, key, value, scope.sure);
      this.touched(object, true);
    } else if (target.kind === "name") this.bind(target.id, value, frame, span);
    else destructure(target, value, (part, item) => this.assign(part, item, frame, span));
  }

  /** `globals()["name"] = value` at a module's level is a plain assignment; other changes of names are not followed. */
  private assignName(object: InstanceValue, key: PyValue, value: PyValue, frame: Frame, where: Where): void {
    const path = object.callee.kind === "external" ? object.callee.path : "";
    if (path === "builtins.globals" && key.kind === "str") {
      this.journal.write(frame.module.names, key.value, value);
    } else if (NAME_MAKERS.has(path)) this.namesChanged(object, where, frame);
  }

  protected statement(statement: Stmt, frame: Frame): void {
    if (!this.spend()) {
      // A call that takes long is given up; a statement that does is an error of the file.
      if (this.isLong()) throw new LoopSignal("unsure");
      throw new RangeError("too many steps");
    }
    const scope = this.scope(frame);
    switch (statement.kind) {
      case "import":
        return statement.names.forEach(({ name, as }) =>
          this.importer.importModule(name, as, this.importPlace(frame, statement))
        );
      case "from":
        return this.importer.importFrom(statement, this.importPlace(frame, statement));
      case "assign": {
        const value = evaluate(statement.value, scope);
        if (value.kind === "unknown") this.risks++;
        return statement.targets.forEach((target) => this.assign(target, value, frame, statement));
      }
      case "augment":
        return this.augment(statement, frame);
      case "class":
        return this.classStatement(statement, frame);
      case "function":
        return this.functionStatement(statement, frame);
      case "if":
        return this.ifStatement(statement, frame);
      case "try":
        return this.tryStatement(statement, frame);
      case "assert":
        return this.assertStatement(statement, frame);
      case "match":
        return this.matchStatement(statement, frame);
      case "loop":
        return this.loop(statement, frame);
      case "with":
        return this.withStatement(statement, frame);
      case "delete":
        for (const target of statement.targets) {
          if (target.kind === "name") this.unbind(target.id, frame);
          else if (target.kind === "attribute") {
            const object = evaluate(target.object, scope);
            if (object.kind === "class") this.journal.write(object.attributes, target.name, undefined);
          } else if (target.kind === "subscript") {
            const [index] = target.index;
            deleteItem(evaluate(target.object, scope), index && evaluate(index, scope), scope.sure);
          }
        }
        return;
      case "break":
      case "continue":
        throw new LoopSignal(statement.kind);
      case "return":
        throw new ReturnSignal(statement.value ? evaluate(statement.value, scope) : NONE);
      case "raise":
        throw new RaiseSignal();
      case "scope":
        for (const name of statement.names) {
          if (statement.word === "global") (frame.globals ??= new Set()).add(name);
          else (frame.nonlocals ??= new Set()).add(name);
        }
        return;
      case "alias":
        return this.bind(statement.name, unknown("a type alias"), frame, statement);
      case "expression":
        if (evaluate(statement.value, scope).kind === "unknown") this.risks++;
        return;
    }
  }

  private augment(statement: Stmt & { kind: "augment" }, frame: Frame): void {
    const scope = this.scope(frame);
    const op = statement.op.slice(0, -1);
    const left = evaluate(statement.target, scope);
    const right = evaluate(statement.value, scope);
    const given = { args: [right], keywords: new Map(), open: false };
    // A list, a set and a dict are changed in place, under all of their names.
    if (op === "*" && left.kind === "sequence" && left.of === "list") {
      const product = binary(op, left, right);
      if (product.kind === "sequence" && scope.sure) left.items = product.items;
      else becomeUnknown(left);
      return this.assign(statement.target, left, frame, statement);
    }
    const method = op === "+" && left.kind === "sequence" && left.of === "list"
      ? "extend"
      : op === "|" && (left.kind === "dict" || (left.kind === "sequence" && left.of === "set"))
      ? "update"
      : undefined;
    if (method) call({ kind: "method", object: left, name: method }, given, scope, scope.where(statement));
    this.assign(statement.target, method ? left : binary(op, left, right), frame, statement);
  }

  private importPlace(frame: Frame, span: Span): ImportPlace {
    return {
      module: frame.module,
      span,
      guarded: frame.guarded,
      bind: (name, value) => this.bind(name, value, frame, span),
    };
  }

  private functionStatement(statement: FunctionStatement, frame: Frame): void {
    const scope = this.scope(frame);
    const prefix = frame.cls ? `${frame.cls.qualname}.` : "";
    for (const { name, args, span } of hiddenClasses(statement, prefix)) {
      // Nothing is defined yet when the function is: what its bases are is looked at as far as it is known.
      this.hidden.push({
        name,
        bases: this.bases(args, { ...scope, missing: () => {} }),
        where: scope.where(span),
      });
    }
    const { name, parameters, body, deferred } = statement;
    const made = this.makeFunction(name, parameters, body, deferred, frame, statement);
    const decorators = statement.decorators.map((decorator) => evaluate(decorator, scope)).reverse();
    const value = decorators.reduce(
      (inner: FunctionValue, decorator) =>
        decorate(inner, decorator, (given) => call(decorator, given, scope, scope.where(statement))),
      made,
    );
    this.bind(name, value, frame, statement);
  }

  private makeFunction(
    name: string,
    parameters: Parameter[],
    body: Stmt[] | Expr,
    deferred: boolean,
    frame: Frame,
    span: Span,
  ): FunctionValue {
    const scope = this.scope(frame);
    const defaults = parameters.flatMap((parameter): [string, PyValue][] =>
      parameter.default ? [[parameter.name, evaluate(parameter.default, scope)]] : []
    );
    return {
      kind: "function",
      name,
      where: { module: frame.module, span },
      parameters,
      defaults: new Map(defaults),
      body,
      deferred,
      locals: frame.locals,
      owner: frame.cls,
    };
  }

  /** What a call of a function of the project gives; unknown where its body cannot be followed. */
  private callFunction(callee: FunctionValue, given: CallArguments): PyValue {
    const returns: PyValue[] = [];
    const because = (why: string, isCut = true) => {
      if (isCut) this.touchedBy(callee, given);
      const from = isCut ? [callee, ...given.args] : returns;
      return unknown(`the result of calling ${callee.name}()${why && `: ${why}`}`, ...from);
    };
    const isOpaque = callee.deferred || this.longFunctions.has(callee.body);
    const names = isOpaque ? undefined : bindArguments(callee, given);
    if (!names || this.depth >= CALL_DEPTH || !this.spend()) return because("");
    const frame: Frame = {
      module: callee.where.module,
      locals: { names: this.journal.begin(names, "variables"), outer: callee.locals },
      callee,
      self: callee.parameters[0] && names.get(callee.parameters[0].name),
      conditional: true,
      guarded: true,
      returns,
    };
    const { doubts } = this;
    this.depth++;
    try {
      if (!Array.isArray(callee.body)) return evaluate(callee.body, this.scope(frame));
      this.body(callee.body, frame);
      return NONE;
    } catch (error) {
      if (error instanceof ReturnSignal) {
        if (!error.value) return because("a condition in it is not known", false);
        return error.value;
      }
      if (error instanceof RaiseSignal || error instanceof LoopSignal || error instanceof ImportMissing) {
        return because("it cannot be followed");
      }
      throw error;
    } finally {
      if (this.isLong()) this.longFunctions.add(callee.body);
      this.depth--;
      this.doubts = doubts;
    }
  }

  /** A function that cannot be followed may have changed what it was given. */
  private touchedBy(callee: FunctionValue, given: CallArguments): void {
    this.risks++;
    for (const value of [...given.args, ...[...given.keywords.values()].map((keyword) => keyword.value)]) {
      becomeUnknown(value);
      if (value.kind === "class" && !isKept(callee, true)) value.changers.push(`a call of ${callee.name}()`);
    }
    // Nor is known what it did to the names and containers of its module.
    for (const [, value] of namesIn(callee)) if (value) becomeUnknown(value);
    for (const name of globalNames(callee.body)) {
      const value = callee.where.module.names.get(name);
      this.journal.write(
        callee.where.module.names,
        name,
        unknown(`"${name}" is set by ${callee.name}()`, value),
      );
    }
  }

  private construct(callee: ClassValue, given: CallArguments, where: Where): PyValue {
    const attributes = this.journal.begin(new Map<string, PyValue>(), "attributes");
    const made: InstanceValue = { kind: "instance", callee, ...given, where, attributes };
    this.made.push(made);
    const init = ownInit(callee);
    if (init === "unknown") made.doubt = "it makes its objects in a way of its own";
    if (!init || init === "unknown") return made;
    const outcome = given.open
      ? unknown("its arguments are unpacked from a value that is not known")
      : this.callFunction({ ...init, self: made }, given);
    if (outcome.kind === "unknown") made.doubt ??= outcome.why;
    return made;
  }

  private classStatement(statement: ClassStatement, frame: Frame): void {
    const scope = this.scope(frame);
    const where = scope.where(statement);
    const bases = this.bases(statement.args, scope);
    if (frame.locals) {
      const { name, owner } = frame.callee!;
      const around = `${owner ? `${owner.qualname}.` : ""}${name}.<locals>.`;
      this.hidden.push({ name: around + statement.name, bases, where });
      return this.bind(
        statement.name,
        unknown("a class that exists only when a function runs"),
        frame,
        statement,
      );
    }
    const decorators = statement.decorators.map((decorator) => evaluate(decorator, scope)).reverse();
    const { keywords, open } = evaluateArguments(
      statement.args.filter((arg) => arg.name || arg.star === "**"),
      scope,
    );
    const cls: ClassValue = {
      kind: "class",
      name: statement.name,
      qualname: frame.cls ? `${frame.cls.qualname}.${statement.name}` : statement.name,
      module: frame.module,
      bases,
      keywords: new Map([...keywords].map(([name, { value }]) => [name, value])),
      attributes: this.journal.begin(new Map(), "attributes"),
      where,
      nameSpan: statement.nameSpan,
      body: statement.body,
      conditional: frame.conditional || undefined,
      changers: open ? ["keywords"] : [],
      keptDecorators: [],
      bodyNames: new Set(),
    };
    // A class statement in a loop makes its class again each time; the last one is the one that stays.
    const place = `${frame.module.path} ${statement.from}`;
    if (this.classesByPlace.has(place)) cls.changers.push("a loop around it, which makes it several times,");
    this.classesByPlace.delete(place);
    this.classesByPlace.set(place, cls);
    this.body(statement.body, { ...frame, cls, globals: undefined });
    cls.bodyNames = new Set(cls.attributes.keys());
    this.initSubclass(cls, scope);
    this.made.push(cls);
    let value: PyValue = cls;
    for (const decorator of decorators) {
      if (isKept(decorator)) {
        cls.keptDecorators.push(decorator);
        continue;
      }
      const result = call(decorator, { args: [value], keywords: new Map(), open: false }, scope, where);
      if (result.kind === "class") value = result;
      else if (!isKept(decorator, true)) cls.changers.push("a decorator");
    }
    this.bind(statement.name, value, frame, statement);
  }

  /** The hook of a base class runs when a class below it is made. */
  private initSubclass(cls: ClassValue, scope: Scope): void {
    if (!methodResolutionOrder(cls)) return;
    const hook = attributeAfter(cls, cls, "__init_subclass__");
    if (!hook || !("attribute" in hook)) return;
    const keywords = [...cls.keywords].filter(([name]) => name !== "metaclass")
      .map(([name, value]) => [name, { value, span: cls.nameSpan }] as const);
    const callee = attributeOf({ kind: "super", of: cls, self: cls }, "__init_subclass__", scope);
    // neomodel takes these from the body, after the hook ran.
    const kept = ["__label__", "__optional_labels__"].map((name) =>
      [name, cls.attributes.get(name)] as const
    );
    const result = call(callee, { args: [], keywords: new Map(keywords), open: false }, scope, cls.where);
    for (const [name, attribute] of kept) this.journal.write(cls.attributes, name, attribute);
    if (result.kind === "unknown" && !isKept(callee, true)) cls.changers.push("an __init_subclass__");
  }

  private bases(args: Argument[], scope: Scope): PyValue[] {
    return args.filter((arg) => !arg.name).flatMap((arg) => {
      const value = evaluate(arg.value, scope);
      if (arg.star === "*") return iterate(value) ?? [unknown("unpacked bases")];
      return arg.star ? [] : [value];
    });
  }
}

/** `__name` in a class body is `_Class__name`. */
function mangled(name: string, cls: ClassValue): string {
  return /^__.*(?<!__)$/.test(name) ? `_${cls.name.replace(/^_+/, "")}${name}` : name;
}
