/**
 * Takes a call such as `RelationshipTo("Item", "WROTE", model=Wrote)` and gives the relationship it declares, with the
 * problems that neomodel itself would have with it. Targets are looked up as neomodel does, in the module of the
 * definition. Never decides what a model is.
 */
import {
  DEFINITION_ARGS,
  definitionArgument,
  DEFINITIONS,
  isIgnored,
  qualifiedName,
  REL_BASES,
} from "./neomodel_class.ts";
import type { ProblemList } from "./neomodel_doubts.ts";
import { neomodelBase, neomodelName } from "./neomodel_property.ts";
import { isSince, type NeomodelVersion } from "./neomodel_version.ts";
import { ownInit } from "./python_function.ts";
import {
  type ClassValue,
  type InstanceValue,
  isEnum,
  type ModuleValue,
  type PyValue,
  toData,
  type Where,
} from "./python_value.ts";
import { nearest } from "./text.ts";

/** A relationship as a node class declares it. */
export interface RelationshipModel {
  name: string;
  /** Relationship type; null where the model says None. */
  type: string | null;
  direction: "to" | "from" | "either";
  /** Qualified class name, or null where it is not found. */
  target: string | null;
  targetRaw: string;
  cardinality: string;
  /** Qualified class name of the relationship's model. */
  model: string | null;
  declaredIn: string;
}

/** A definition: the attribute that holds it, its call, and neomodel's word for it. */
export interface Definition {
  name: string;
  call: InstanceValue;
  word: string;
  declaredIn: ClassValue;
}

/** What is known where definitions are read. */
export interface DefinitionContext {
  modules: ReadonlyMap<string, ModuleValue>;
  ignore: Set<string>;
  version: NeomodelVersion;
  problems: ProblemList;
}

/** Reads a definition; `model` is the class of its model. */
export function readDefinition(
  definition: Definition,
  context: DefinitionContext,
): { relationship: RelationshipModel; model: ClassValue | undefined } {
  return new DefinitionReader(definition, context).read();
}

class DefinitionReader {
  constructor(private readonly definition: Definition, private readonly context: DefinitionContext) {}

  read(): { relationship: RelationshipModel; model: ClassValue | undefined } {
    const { name, word, declaredIn } = this.definition;
    this.checkArguments();
    const type = this.type();
    const model = this.model();
    const { target, targetRaw } = this.target();
    const relationship = {
      name,
      type,
      direction: DEFINITIONS[word],
      target: target ? qualifiedName(target) : null,
      targetRaw,
      cardinality: this.cardinality(),
      model: model ? qualifiedName(model) : null,
      declaredIn: qualifiedName(declaredIn),
    };
    return { relationship, model };
  }

  private get(option: string): PyValue | undefined {
    return definitionArgument(this.definition.call, option);
  }

  private report(severity: "error" | "warning", code: string, message: string, hint?: string): void {
    this.context.problems.once(this.definition.call.where, { severity, code, message, hint });
  }

  private refuse(reason: string, hint?: string): void {
    this.report("error", "neomodel-refuses", `neomodel refuses "${this.definition.name}": ${reason}`, hint);
  }

  private doubt(severity: "error" | "warning", code: string, what: string, why: string, hint?: string): void {
    const message = `${what} "${this.definition.name}" cannot be known without running Python${why}`;
    this.report(severity, code, message, hint);
  }

  private checkArguments(): void {
    const { call, word } = this.definition;
    if (call.doubt || (call.callee.kind === "class" && !call.base && ownInit(call.callee))) {
      const why = call.doubt ?? "its class has an __init__ of its own";
      this.doubt(
        "error",
        "definition-unknown",
        "the relationship",
        `: ${why}`,
        "write it with neomodel's own classes",
      );
    }
    const { args, keywords } = call.base ?? call;
    const known = DEFINITION_ARGS.filter((arg) =>
      arg !== "exclusion_group" || isSince(this.context.version, "7.0.0")
    );
    const twice = known.slice(0, args.length).find((arg) => keywords.has(arg));
    if (twice) this.refuse(`${twice} is given twice`);
    else if (args.length > known.length) this.refuse(`it takes ${known.length} arguments`);
    for (const [option] of keywords) {
      if (known.includes(option)) continue;
      const meant = nearest(option, known);
      this.refuse(`${word} has no argument "${option}"`, meant && `did you mean ${meant}?`);
    }
  }

  private type(): string | null {
    const { name, call } = this.definition;
    const value = this.get("relation_type");
    if (value?.kind === "str") return value.value;
    if (value?.kind === "none") return null;
    if (value?.kind === "member" && isEnum(value.of, "enum.StrEnum")) return toData(value) as string;
    if (value?.kind === "member" && typeof toData(value) === "string") {
      this.report(
        "error",
        "type-unknown",
        `the relationship type of "${name}" is a member of an Enum, which different versions of Python print differently`,
        `write ${value.of.name}.${value.name}.value`,
      );
    } else if (value === undefined && !(call.base ?? call).open) {
      this.refuse(
        "the relationship type is missing",
        'give it as the second argument: RelationshipTo("Target", "TYPE")',
      );
    } else {
      const why = value?.kind === "unknown" ? `: ${value.why}` : "";
      this.doubt("error", "type-unknown", "the relationship type of", why, "write it as a string");
    }
    return null;
  }

  private model(): ClassValue | undefined {
    const value = this.get("model");
    if (!value || value.kind === "none") return undefined;
    const base = neomodelBase(value, REL_BASES);
    if (base && /^Async/.test(base) !== /^Async/.test(this.definition.word)) {
      this.refuse("one of the definition and its model is async");
    }
    if (value.kind === "class" && base) return value;
    if (value.kind === "external" && REL_BASES.has(neomodelName(value) ?? "")) return undefined;
    if (value.kind === "str") {
      this.refuse("model must be a class, not a string", `write model=${value.value} without quotes`);
    } else if (value.kind === "unknown") {
      this.doubt("error", "model-unknown", "the model of", `: ${value.why}`, "name the class plainly");
    } else this.refuse("model must be a StructuredRel");
    return undefined;
  }

  private target(): { target: ClassValue | undefined; targetRaw: string } {
    const { name, call } = this.definition;
    const { ignore, version } = this.context;
    const value = this.get("cls_name");
    const isMissing = value ? value.kind === "none" && isSince(version, "6.0.0") : !(call.base ?? call).open;
    if (isMissing) this.refuse("its target is missing", "name the class");
    const target = this.resolve(value, call.where);
    const targetRaw = rawTarget(value);
    const isTold = !value || ["str", "class", "external", "none", "member"].includes(value.kind);
    if (!isTold && !isIgnored({ name }, ignore)) {
      this.doubt("error", "target-unknown", "the target of", "", "name the class plainly");
    } else if (!target && !isIgnored({ name: targetRaw.split(".").at(-1)! }, ignore)) {
      this.report(
        "warning",
        "target-missing",
        `the target ${targetRaw ? `"${targetRaw}"` : "class"} of "${name}" is not found`,
        "neomodel looks it up when the relationship is first used, and fails then",
      );
    }
    return { target, targetRaw };
  }

  private cardinality(): string {
    const value = this.get("cardinality");
    if (!value) return "ZeroOrMore";
    if (value.kind !== "external" && value.kind !== "class") {
      this.doubt("warning", "option-unknown", "the cardinality of", "");
    }
    const name = neomodelName(value) ?? (value.kind === "class" ? value.name : undefined);
    return name?.replace(/^Async/, "") ?? "ZeroOrMore";
  }

  private resolve(target: PyValue | undefined, where: Where): ClassValue | undefined {
    if (target?.kind === "class") return target;
    if (target?.kind !== "str") return undefined;
    const dot = target.value.lastIndexOf(".");
    const name = target.value.slice(dot + 1);
    const here = where.module;
    const module = dot === -1
      ? here
      : this.context.modules.get(absolutePath(target.value.slice(0, dot), here));
    const found = module?.names.get(name);
    return found?.kind === "class" ? found : undefined;
  }
}

/** The module that a target's path names: absolute, or relative to the package of the definition's module. */
function absolutePath(path: string, here: ModuleValue): string {
  if (path !== "" && !path.startsWith(".")) return path;
  const level = path.length - path.replace(/^\.+/, "").length;
  const namespace = here.isPackage ? here.name : here.name.split(".").slice(0, -1).join(".");
  const relative = namespace.split(".").slice(0, level > 1 ? -(level - 1) : undefined).join(".");
  return [relative, path.slice(level)].filter(Boolean).join(".");
}

function rawTarget(value: PyValue | undefined): string {
  switch (value?.kind) {
    case "str":
      return value.value;
    case "class":
      return value.qualname;
    case "external":
      return value.path;
    case "none":
      return "None";
    default:
      return "";
  }
}
