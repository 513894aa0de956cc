/**
 * Takes classes and calls of a Python project and finds what a reader that runs nothing must not pass over: what
 * neomodel refuses, what it ignores in silence, what only running Python could tell. Each is a problem with its place
 * and the way out. Never decides what a model is.
 */
import { definitionOf, isIgnored, isModel, NODE_BASES, orderOf, REL_BASES } from "./neomodel_class.ts";
import { neomodelBase, neomodelName, propertyType } from "./neomodel_property.ts";
import type { Span } from "./python_tree.ts";
import {
  type ClassValue,
  functionBody,
  methodResolutionOrder,
  type MroEntry,
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

const HARMLESS_LIBRARIES = new Set([
  "builtins",
  "abc",
  "typing",
  "typing_extensions",
  "enum",
  "collections",
  "dataclasses",
]);
/** What neomodel or Python refuses about a class, and what could change it at run time. */
export function checkClass(cls: ClassValue, order: MroEntry[], problems: ProblemList): void {
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
    if (entry.attributes.has("__abstract_node__") && !neomodelBase(entry, NODE_BASES)) {
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

/** Attributes that a function of the project made, or a write into `locals()`: they may be properties. */
function checkMadeAttributes(cls: ClassValue, entry: ClassValue, problems: ProblemList): void {
  for (const [name, { value, where }] of entry.attributes) {
    const maker = value.kind === "unknown" && value.of?.kind === "function" ? value.of : undefined;
    const made = maker !== undefined &&
      /\w*(Property|Relationship(To|From)?)\s*\(/.test(functionBody(maker));
    const changed = name === "<changed at run time>" && value.kind === "instance" &&
      value.callee.kind === "external" &&
      /^builtins\.(locals|vars|globals)$/.test(value.callee.path);
    if (!made && !changed) continue;
    problems.once(where, {
      severity: "error",
      code: "made-at-run-time",
      message: changed
        ? `attributes of ${entry.name} are made at run time`
        : `"${name}" of ${entry.name} is made by a function, which is not run`,
      hint: `write the property into the class, or add "${cls.name}" to [models] ignore`,
    });
  }
}

/** A class with neomodel properties whose bases are not known to be or not to be nodes: reported, not dropped. */
export function isUndecided(cls: ClassValue, problems: ProblemList): boolean {
  if (neomodelBase(cls, NODE_BASES) || neomodelBase(cls, REL_BASES)) return false;
  const declares = ["__kgid__", "__label__", "__abstract_node__"].some((name) => cls.attributes.has(name)) ||
    [...cls.attributes.values()].some(({ value }) => propertyType(value) || definitionOf(value));
  if (!declares) return false;
  const order = orderOf(cls);
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

/** Classes in functions, `type(...)`, `setattr(...)`: they may decide a schema, and are not followed. */
export function findHidden(world: PythonWorld, ignore: Set<string>, problems: ProblemList): void {
  const makesModel = (base: PyValue) => neomodelBase(base, NODE_BASES) ?? neomodelBase(base, REL_BASES);
  const seen = new Set<string>();
  for (const hidden of world.hidden) {
    const qualified = `${hidden.where.module.name}.${hidden.name}`;
    const place = `${hidden.where.module.path} ${hidden.where.span.from}`;
    if (seen.has(place)) continue;
    if (ignore.has(hidden.name) || ignore.has(qualified) || !hidden.bases.some(makesModel)) {
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
    if (
      call.callee.path === "builtins.setattr" && first?.kind === "class" && isModel(first) &&
      !isIgnored(first, ignore)
    ) {
      problems.add(
        call.where,
        "error",
        "made-at-run-time",
        `setattr changes ${first.name} at run time`,
        `write the attribute into the class, or add "${first.name}" to [models] ignore`,
      );
    }
  }
}
