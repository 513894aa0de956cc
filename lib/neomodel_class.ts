/**
 * Takes a class of a Python project and says what it is to neomodel: a node, a relationship's model, abstract, which
 * label it shows, where its definitions are. Rules of one class at a time; problems are found elsewhere.
 */
import { neomodelBase, neomodelName } from "./neomodel_property.ts";
import {
  type ClassValue,
  type InstanceValue,
  methodResolutionOrder,
  type MroEntry,
  type PyValue,
} from "./python_value.ts";

/** neomodel's node classes. */
export const NODE_BASES = new Set([
  "StructuredNode",
  "AsyncStructuredNode",
  "SemiStructuredNode",
  "AsyncSemiStructuredNode",
  "DjangoNode",
]);
/** neomodel's classes of relationship models. */
export const REL_BASES = new Set(["StructuredRel", "AsyncStructuredRel"]);
/** Relationship definitions and the direction that each gives. */
export const DEFINITIONS: Record<string, "to" | "from" | "either"> = {
  RelationshipTo: "to",
  RelationshipFrom: "from",
  Relationship: "either",
  AsyncRelationshipTo: "to",
  AsyncRelationshipFrom: "from",
  AsyncRelationship: "either",
};
const DEFINITION_NAMES = new Set(Object.keys(DEFINITIONS));
/** Arguments of a definition, in their order. */
export const DEFINITION_ARGS = ["cls_name", "relation_type", "cardinality", "model", "exclusion_group"];

/** An argument of a definition, by its name or its place. */
export function definitionArgument(call: InstanceValue, name: string): PyValue | undefined {
  const { args, keywords } = call.base ?? call;
  return keywords.get(name)?.value ?? args[DEFINITION_ARGS.indexOf(name)];
}

/** `module.Class`, as problems, targets and `[models] ignore` name it. */
export function qualifiedName(cls: ClassValue): string {
  return `${cls.module.name}.${cls.qualname}`;
}

/** Is the class left out by its name, or by its name with its module? */
export function isIgnored(
  cls: { name: string; qualname?: string; module?: { name: string } },
  ignore: Set<string>,
): boolean {
  return ignore.has(cls.name) ||
    (cls.module !== undefined && ignore.has(`${cls.module.name}.${cls.qualname}`));
}

/** Presence counts, whatever the value: `__abstract_node__ = False` is abstract too. */
export function isAbstract(cls: ClassValue): boolean {
  return cls.bodyNames.has("__abstract_node__") && cls.attributes.has("__abstract_node__");
}

/** Method resolution order; the class alone where Python would refuse. */
export function orderOf(cls: ClassValue): MroEntry[] {
  return methodResolutionOrder(cls) ?? [cls];
}

/** Is the class a node or a relationship's model? */
export function isModel(cls: ClassValue): boolean {
  return (neomodelBase(cls, NODE_BASES) ?? neomodelBase(cls, REL_BASES)) !== undefined;
}

/** neomodel's definition that a value is the call of. */
export function definitionOf(value: PyValue): string | undefined {
  return value.kind === "instance" ? neomodelBase(value.callee, DEFINITION_NAMES) : undefined;
}

/** Does the class name StructuredRel itself among its bases? */
export function isDirectModel(cls: ClassValue): boolean {
  return cls.bases.some((base) => REL_BASES.has(neomodelName(base) ?? ""));
}

/**
 * The `__label__` that a class of a method resolution order shows: a concrete node has its own or its name;
 * an abstract class or a mixin has what its body says, else what it inherits.
 */
export function labelOf(cls: ClassValue, order: MroEntry[]): string | undefined {
  for (const entry of order) {
    if (entry.kind !== "class") continue;
    const own = entry.attributes.get("__label__")?.value;
    if (own?.kind === "str") return own.value;
    if (neomodelBase(entry, NODE_BASES) && !isAbstract(entry)) return entry.name;
    if (entry !== cls && own) return undefined;
  }
  return undefined;
}

/** All labels of a node, its own first, then those of its ancestors; a label may come twice. */
export function labelsOf(cls: ClassValue): string[] {
  return orderOf(cls).flatMap((entry) => entry.kind === "class" ? labelOf(entry, orderOf(entry)) ?? [] : []);
}
