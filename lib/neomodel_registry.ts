/**
 * Takes the classes of a project in the order in which Python makes them and finds those that neomodel's registry
 * refuses: a relationship type with two models that are no relatives and, before 7.0, two nodes with the same labels
 * or a node whose label is the type of a relationship with a model. Never decides what a model is.
 */
import {
  definitionArgument,
  definitionOf,
  isAbstract,
  isDirectModel,
  isIgnored,
  labelsOf,
  NODE_BASES,
  orderOf,
  REL_BASES,
} from "./neomodel_class.ts";
import type { ProblemList } from "./neomodel_doubts.ts";
import { neomodelBase } from "./neomodel_property.ts";
import { isSince, type NeomodelVersion } from "./neomodel_version.ts";
import {
  type Attribute,
  classAttribute,
  type ClassValue,
  type InstanceValue,
  toData,
} from "./python_value.ts";

/** Finds what the registry refuses. */
export function checkRegistry(
  made: (ClassValue | InstanceValue)[],
  ignore: Set<string>,
  version: NeomodelVersion,
  problems: ProblemList,
): void {
  const registry = new Map<string, ClassValue>();
  // From 7.0 on nodes are found when they are looked for, and no two of them are in each other's way.
  const withNodes = !isSince(version, "7.0.0");
  for (const thing of made) {
    if (thing.kind === "instance") {
      if (definitionOf(thing)) addModel(registry, thing, problems);
    } else if (
      withNodes && !isIgnored(thing, ignore) && neomodelBase(thing, NODE_BASES) && !isAbstract(thing)
    ) {
      addNode(registry, thing, problems);
    }
  }
}

/** A model of a type is replaced by its descendants only. */
function addModel(registry: Map<string, ClassValue>, call: InstanceValue, problems: ProblemList): void {
  const model = definitionArgument(call, "model");
  const type = definitionArgument(call, "relation_type");
  const text = type && toData(type);
  if (model?.kind !== "class" || !neomodelBase(model, REL_BASES) || typeof text !== "string") return;
  const key = keyOf(isAsync(model, REL_BASES), [text]);
  const known = registry.get(key);
  if (!known || orderOf(model).includes(known)) registry.set(key, model);
  else if (isDirectModel(model) && !orderOf(known).includes(model)) {
    const isNode = neomodelBase(known, NODE_BASES) !== undefined;
    problems.once(call.where, {
      severity: "error",
      code: "neomodel-refuses",
      message: isNode
        ? `neomodel refuses the relationship type "${text}": it is also the label of ${known.name}`
        : `neomodel refuses the relationship type "${text}": it has two models, ${known.name} and ${model.name}`,
      hint: isNode ? "give one of the two another name" : "use one model, or derive one from the other",
    });
  }
}

/** Before 7.0 a node takes its labels, with every choice of its optional labels, in each of its databases. */
function addNode(registry: Map<string, ClassValue>, cls: ClassValue, problems: ProblemList): void {
  const databases = textsOf(classAttribute(cls, "__target_databases__")) ?? ["(any)"];
  const optional = orderOf(cls).flatMap((entry) =>
    entry.kind === "class" ? textsOf(entry.attributes.get("__optional_labels__")) ?? [] : []
  );
  let choices: string[][] = [labelsOf(cls)];
  for (const label of new Set(optional.slice(0, 8))) {
    choices = [...choices, ...choices.map((labels) => [...labels, label])];
  }
  const taken = new Set<string>();
  for (const database of databases) {
    for (const labels of choices) {
      const key = keyOf(isAsync(cls, NODE_BASES), labels, database);
      const known = taken.has(key) ? undefined : registry.get(key);
      taken.add(key);
      if (!known) registry.set(key, cls);
      else {
        return problems.once({ module: cls.module, span: cls.nameSpan }, {
          severity: "error",
          code: "neomodel-refuses",
          message: `neomodel refuses ${cls.name}: ${known.name} has the same labels`,
          hint: 'give it another __label__, or use neomodel 7: [project] neomodel = "7"',
        });
      }
    }
  }
}

function textsOf(attribute: Attribute | undefined): string[] | undefined {
  const data = attribute && toData(attribute.value);
  return Array.isArray(data) ? data.map(String) : typeof data === "string" ? [...data] : undefined;
}

function isAsync(cls: ClassValue, bases: ReadonlySet<string>): boolean {
  return /^Async/.test(neomodelBase(cls, bases) ?? "");
}

function keyOf(async: boolean, labels: string[], database = "(any)"): string {
  return `${async} ${database} ${[...new Set(labels)].sort().join("\0")}`;
}
