/**
 * Takes classes and calls of a Python project and finds what a reader that runs nothing must not pass over: what
 * neomodel refuses, what it ignores in silence, what only running Python could tell. Each is a problem with its place
 * and the way out. Never decides what a model is.
 */
import {
  definitionOf,
  DEFINITIONS,
  isIgnored,
  isModel,
  NODE_BASES,
  orderOf,
  REL_BASES,
} from "./neomodel_class.ts";
import { neomodelBase, neomodelName, PROPERTY_CLASSES, propertyType } from "./neomodel_property.ts";
import type { Span } from "./python_tree.ts";
import {
  classAttribute,
  type ClassValue,
  externalAncestors,
  type FunctionValue,
  mayBe,
  methodResolutionOrder,
  type MroEntry,
  namesIn,
  type PyValue,
  toData,
  type Where,
} from "./python_value.ts";
import type { PythonProblem, PythonWorld } from "./python_world.ts";

/** Problems of a reading, each told once. */
export class ProblemList {
  private readonly problems: PythonProblem[];
  private readonly told = new Set<string>();

  constructor(private readonly world: PythonWorld) {
    this.problems = [...world.problems];
  }

  /** Adds a problem. */
  add(where: Where, severity: "error" | "warning", code: string, message: string, hint?: string): void {
    this.problems.push(this.world.problemAt(where, { severity, code, message, hint }));
  }

  /** Adds a problem unless the same was told at the same place. */
  once(
    where: { module: Where["module"]; span: Span },
    { severity, code, message, hint }: Pick<PythonProblem, "severity" | "code" | "message" | "hint">,
  ): void {
    const key = `${where.module.path} ${where.span.from} ${message}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    this.problems.push(this.world.problemAt(where, { severity, code, message, hint }));
  }

  /** Adds a problem whose place is known by line, unless its message was told. */
  addPlaced(problem: PythonProblem): void {
    if (this.told.has(problem.message)) return;
    this.told.add(problem.message);
    this.problems.push(problem);
  }

  /** All problems, by file and place. */
  sorted(): PythonProblem[] {
    return this.problems.sort((a, b) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column
    );
  }
}

const DEFINITION_CLASSES = new Set([
  ...Object.keys(DEFINITIONS),
  "RelationshipDefinition",
  "AsyncRelationshipDefinition",
]);
const HARMLESS_LIBRARIES = new Set([
  "builtins",
  "abc",
  "typing",
  "typing_extensions",
  "enum",
  "collections",
  "dataclasses",
  "functools",
]);
/** What neomodel or Python refuses about a class, and what could change it at run time. */
export function checkClass(cls: ClassValue, order: MroEntry[], problems: ProblemList): void {
  const families = new Set(externalAncestors(cls).flatMap((path) => metaclassOf(path) ?? []));
  const late = cls.bases.findIndex((base) => /SemiStructuredNode$/.test(neomodelName(base) ?? ""));
  const early = cls.bases.findIndex((base) => /^(Async)?StructuredNode$/.test(neomodelName(base) ?? ""));
  if (families.size > 1 || (early !== -1 && late > early)) {
    problems.add(
      { module: cls.module, span: cls.nameSpan },
      "error",
      "neomodel-refuses",
      families.size > 1
        ? `Python refuses ${cls.name}: its bases have different metaclasses`
        : `Python refuses ${cls.name}: StructuredNode stands before a class that derives from it`,
      "keep one kind of base",
    );
  }
  const at = { module: cls.module, span: cls.nameSpan };
  if (!methodResolutionOrder(cls)) {
    problems.add(
      at,
      "error",
      "neomodel-refuses",
      `Python refuses ${cls.name}: its bases have no consistent order`,
      "reorder the bases",
    );
  }
  checkMixins(cls, order, problems);
  checkDecorators(cls, problems);
  for (const entry of order) {
    if (entry.kind !== "class") continue;
    const strange = entry.bases.find((base) => base.kind !== "class" && base.kind !== "external");
    if (strange) {
      const why = strange.kind === "unknown" ? strange.why : "it is made at run time";
      problems.add(
        at,
        "error",
        "base-unknown",
        `a base of ${entry.name} cannot be known without running Python: ${why}`,
        `name the base class plainly, or add "${cls.name}" to [models] ignore`,
      );
    }
    for (const name of ["__label__", "__optional_labels__"]) {
      const own = entry.attributes.get(name);
      if (!own || (name === "__label__" ? own.value.kind === "str" : toData(own.value) !== undefined)) {
        continue;
      }
      problems.once(own.where, {
        severity: "error",
        code: "label-unknown",
        message: `the ${name} of ${entry.name} cannot be known without running Python`,
        hint: name === "__label__" ? "write it as a string" : "write it as a list of strings",
      });
    }
    if (
      entry.attributes.has("__abstract_node__") && neomodelBase(cls, NODE_BASES) &&
      !neomodelBase(entry, NODE_BASES)
    ) {
      problems.once(at, {
        severity: "error",
        code: "neomodel-refuses",
        message: `neomodel refuses ${cls.name}: ${entry.name} has __abstract_node__ and is no node`,
        hint: "remove it: a mixin needs no mark",
      });
    }
    for (const changer of entry.changers) {
      problems.once(at, {
        severity: "error",
        code: "made-at-run-time",
        message: `${entry.name} has ${changer} that is not followed, which may change ${cls.name}`,
        hint: `write its attributes into the class, or add "${cls.name}" to [models] ignore`,
      });
    }
    checkMadeAttributes(cls, entry, problems);
    const keyword = [...entry.keywords.keys()].find((name) => name !== "metaclass");
    if (keyword && isModel(entry)) {
      problems.once({ module: entry.module, span: entry.nameSpan }, {
        severity: "error",
        code: "neomodel-refuses",
        message: `neomodel refuses ${entry.name}: its metaclass takes no argument "${keyword}"`,
        hint: "write it as an attribute of the class",
      });
    }
    const abstract = entry.attributes.get("__abstract_node__");
    if (abstract && !entry.bodyNames.has("__abstract_node__")) {
      problems.once(abstract.where, {
        severity: "error",
        code: "label-unknown",
        message: `${entry.name} gets __abstract_node__ after its statement, which only takes its labels away`,
        hint: "write it into the class",
      });
    }
    if (abstract?.value.kind === "unknown" && /depends on a condition/.test(abstract.value.why)) {
      problems.once(abstract.where, {
        severity: "error",
        code: "label-unknown",
        message: `whether ${entry.name} is abstract depends on a condition that is not known`,
        hint: "write __abstract_node__ without the condition, or leave it out",
      });
    }
    if (entry.keywords.has("metaclass")) {
      problems.add(
        at,
        "error",
        "metaclass",
        `${entry.name} has a metaclass of its own, which may change the class`,
        `remove it, or add "${cls.name}" to [models] ignore`,
      );
    }
  }
  if (cls.conditional) {
    problems.add(
      at,
      "error",
      "conditional-class",
      `${cls.name} exists only under a condition that cannot be known`,
      `define it without the condition, or add "${cls.name}" to [models] ignore`,
    );
  }
}

/** A library's mixin may give properties that nobody sees here. */
function checkMixins(cls: ClassValue, order: MroEntry[], problems: ProblemList): void {
  for (const entry of order) {
    if (entry.kind !== "external" || neomodelName(entry)) continue;
    const [library] = entry.path.split(".");
    if (HARMLESS_LIBRARIES.has(library) || !isModel(cls)) continue;
    problems.once({ module: cls.module, span: cls.nameSpan }, {
      severity: "warning",
      code: "base-unknown",
      message: `what "${entry.path}" gives to ${cls.name} is not seen: the library is not in the project`,
      hint: "name the folder that holds it with [models] roots where it has properties",
    });
  }
}

/** A library's decorator is taken to leave a model as it is. */
function checkDecorators(cls: ClassValue, problems: ProblemList): void {
  for (const decorator of cls.keptDecorators) {
    const callee = decorator.kind === "instance" ? decorator.callee : decorator;
    if (callee.kind !== "external" || HARMLESS_LIBRARIES.has(callee.path.split(".")[0])) continue;
    problems.once({ module: cls.module, span: cls.nameSpan }, {
      severity: "warning",
      code: "decorator-unknown",
      message: `what "${callee.path}" does to ${cls.name} is not seen: the library is not in the project`,
      hint: "name the folder that holds it with [models] roots where it adds properties",
    });
  }
}

/** Attributes of which nobody knows whether they are properties, and a write into `locals()`. */
function checkMadeAttributes(cls: ClassValue, entry: ClassValue, problems: ProblemList): void {
  for (const [name, { value, where }] of entry.attributes) {
    const changed = name === "<changed at run time>";
    if (!changed && !isOpen(value)) continue;
    problems.once(where, {
      severity: "error",
      code: "made-at-run-time",
      message: changed
        ? `attributes of ${entry.name} are made at run time`
        : `"${name}" of ${entry.name} may be a property; that cannot be known without running Python${
          reasonOf(value)
        }`,
      hint: `write the property into the class, or add "${cls.name}" to [models] ignore`,
    });
  }
}

/** The metaclass behind a library's class, where it has one that does not go with others. */
function metaclassOf(path: string): string | undefined {
  const name = neomodelName({ kind: "external", path });
  if (name && NODE_BASES.has(name)) return name.startsWith("Async") ? "async node" : "node";
  if (name && REL_BASES.has(name)) return name.startsWith("Async") ? "async relationship" : "relationship";
  if (/^(abc\.ABC|typing(_extensions)?\.Protocol|collections\.abc\.\w+)$/.test(path)) return "abc";
  if (/^pydantic\.(BaseModel|main\.BaseModel)$/.test(path)) return "pydantic";
  return /^enum\.\w*(Enum|Flag)$/.test(path) ? "enum" : undefined;
}

function reasonOf(value: PyValue): string {
  return value.kind === "unknown" ? `: ${value.why}` : "";
}

/** May a value that is not known be a property or a relationship, by what it is made of? */
function isOpen(value: PyValue): boolean {
  if (value.kind === "unknown") return mayBe(value, isPropertyLike);
  if (value.kind !== "instance" || propertyType(value) || definitionOf(value)) return false;
  const { callee } = value;
  if (
    callee.kind === "external" &&
    /^(builtins\.(property|staticmethod|classmethod)$|functools\.cached)/.test(callee.path)
  ) {
    return false;
  }
  if (callee.kind === "class") return classAttribute(callee, "__set_name__") !== undefined;
  if (callee.kind !== "external") return false;
  return /(Property|Relationship(To|From|Definition)?)$/.test(callee.path) || mayBe(value, isPropertyLike);
}

function isPropertyLike(value: PyValue): boolean {
  if (propertyType(value) || definitionOf(value)) return true;
  if (value.kind === "external" || value.kind === "class") {
    return neomodelBase(value, PROPERTY_CLASSES) !== undefined ||
      neomodelBase(value, DEFINITION_CLASSES) !== undefined;
  }
  return value.kind === "function" && mentionsProperty(value, 0);
}

/** Does the text of a function name something that makes properties? */
function mentionsProperty(callee: FunctionValue, depth: number): boolean {
  return namesIn(callee).some(([word, value]) => {
    if (!value || value === callee || value.kind === "module") {
      return /(Property|Relationship(To|From)?)$/.test(word);
    }
    if (value.kind === "function") {
      return depth < 3 && value.body !== callee.body && mentionsProperty(value, depth + 1);
    }
    return isPropertyLike(value);
  });
}

/** A class with neomodel properties whose bases are not known to be or not to be nodes: reported, not dropped. */
export function isUndecided(cls: ClassValue, problems: ProblemList): boolean {
  if (neomodelBase(cls, NODE_BASES) || neomodelBase(cls, REL_BASES)) return false;
  const declares = ["__kgid__", "__label__", "__abstract_node__"].some((name) => cls.attributes.has(name)) ||
    [...cls.attributes.values()].some(({ value }) => propertyType(value) || definitionOf(value));
  const order = orderOf(cls);
  if (!declares && !order.some((entry) => entry.kind === "class" && entry.bases.some(mayBeModel))) {
    return false;
  }
  const doubtful = order.find((entry) =>
    entry.kind === "external" && !HARMLESS_LIBRARIES.has(entry.path.split(".")[0]) && !neomodelName(entry)
  );
  const unknownBase = order.some((entry) =>
    entry.kind === "class" && entry.bases.some((base) => base.kind !== "class" && base.kind !== "external")
  );
  if (!doubtful && !unknownBase) return false;
  const what = doubtful?.kind === "external"
    ? `comes from "${doubtful.path}", which is not in the project`
    : "cannot be known without running Python";
  problems.add(
    { module: cls.module, span: cls.nameSpan },
    "error",
    "base-unknown",
    `${cls.name} looks like a model, but a base of it ${what}`,
    `name the folder that holds it with [models] roots, or add "${cls.name}" to [models] ignore`,
  );
  return true;
}

/** May a base that is not known be a model? */
function mayBeModel(base: PyValue): boolean {
  if (base.kind !== "unknown") return false;
  return mayBe(
    base,
    (part) => (neomodelBase(part, NODE_BASES) ?? neomodelBase(part, REL_BASES)) !== undefined,
  );
}

/** Classes in functions, `type(...)`, `setattr(...)`: they may decide a schema, and are not followed. */
export function findHidden(world: PythonWorld, ignore: Set<string>, problems: ProblemList): void {
  const makesModel = (base: PyValue) => neomodelBase(base, NODE_BASES) ?? neomodelBase(base, REL_BASES);
  const seen = new Set<string>();
  for (const hidden of world.hidden) {
    const qualified = `${hidden.where.module.name}.${hidden.name}`;
    const place = `${hidden.where.module.path} ${hidden.where.span.from}`;
    if (seen.has(place)) continue;
    const { text } = hidden.where.module.file;
    const isModelText = () =>
      /=\s*(\w+\.)*\w*(Property|Relationship(To|From)?)\s*\(/.test(
        text.slice(hidden.where.span.from, hidden.where.span.to),
      );
    const mayBeOne = hidden.bases.some((base) =>
      makesModel(base) || (base.kind === "unknown" && isModelText())
    );
    if (ignore.has(hidden.name) || ignore.has(qualified) || !mayBeOne) {
      continue;
    }
    seen.add(place);
    problems.add(
      hidden.where,
      "error",
      "class-in-function",
      `${hidden.name} is defined inside a function and exists only when it runs`,
      `move it to the module, or add "${hidden.name}" to [models] ignore`,
    );
  }
  for (const { path, where } of world.patches) {
    // Settings (neomodel.config.X = ...) are no change of what a model is.
    const [owner] = path.split(".").slice(-2);
    const isClass = NODE_BASES.has(owner) || REL_BASES.has(owner) || PROPERTY_CLASSES.has(owner) ||
      DEFINITION_CLASSES.has(owner) || PROPERTY_CLASSES.has(path.split(".").at(-1)!);
    if (!isClass || !neomodelName({ kind: "external", path })) continue;
    problems.add(
      where,
      "error",
      "library-patched",
      `the project changes neomodel itself (${path}), which may change every model`,
      "move the change into a class of the project",
    );
  }
  for (const call of world.calls) {
    if (call.callee.kind !== "external") continue;
    const [first, second] = call.args;
    if (
      call.callee.path === "builtins.type" && second?.kind === "sequence" && second.items.some(makesModel)
    ) {
      const name = first?.kind === "str" ? first.value : "a class";
      if (isIgnored({ name }, ignore)) continue;
      problems.add(
        call.where,
        "error",
        "made-at-run-time",
        `${name} is made at run time with type(...)`,
        `write a class statement, or add "${name}" to [models] ignore`,
      );
    }
    if (call.callee.path === "builtins.exec") {
      problems.add(
        call.where,
        "error",
        "made-at-run-time",
        "exec runs a text that is not read: it may make models",
        "look whether it does, and write them out",
      );
    }
    const isSetter = /^builtins\.(setattr|delattr|(type|object)\.__(set|del)attr__)$/.test(call.callee.path);
    if (isSetter && first?.kind === "class" && isModel(first) && !isIgnored(first, ignore)) {
      problems.add(
        call.where,
        "error",
        "made-at-run-time",
        `${call.callee.path.slice("builtins.".length)} changes ${first.name} at run time`,
        `write the attribute into the class, or add "${first.name}" to [models] ignore`,
      );
    }
    if (
      call.callee.path === "types.new_class" && second &&
      mayBe(second, (part) => makesModel(part) !== undefined)
    ) {
      problems.add(
        call.where,
        "error",
        "made-at-run-time",
        "a model is made at run time with types.new_class(...)",
        "write a class statement",
      );
    }
    if (
      !isSetter && call.callee.path !== "builtins.type" &&
      call.args.some((arg) => arg.kind === "external" && /setattr$/.test(arg.path))
    ) {
      problems.add(
        call.where,
        "warning",
        "made-at-run-time",
        "setattr is given to another function, which may change a model at run time",
        "look whether it does, and write the attribute into the class",
      );
    }
    if (isSetter && (!first || call.open || first.kind === "unknown")) {
      problems.add(
        call.where,
        "warning",
        "made-at-run-time",
        `${call.callee.path.slice("builtins.".length)} may change a model at run time`,
        "look whether it does, and write the attribute into the class",
      );
    }
  }
}
