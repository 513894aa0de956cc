/**
 * Takes a class and finds what neomodel lets pass in silence though it is hardly meant: a property that is none, a
 * name that is not read, a label that comes with an abstract class. Each is a warning with its place.
 */
import { isAbstract, NODE_BASES } from "./neomodel_class.ts";
import type { ProblemList } from "./neomodel_doubts.ts";
import { neomodelBase, neomodelName, PROPERTY_CLASSES, propertyType } from "./neomodel_property.ts";
import type { PropertyModel } from "./neomodel_property.ts";
import { type Attribute, type ClassValue, type MroEntry, truth } from "./python_value.ts";
import { nearest } from "./text.ts";

/** Names in a node's body that decide something, for neomodel or for crochet. */
const READ_NAMES = [
  "__abstract_node__",
  "__label__",
  "__optional_labels__",
  "__target_databases__",
  "__kgid__",
];

/** Checks the body of a node class. */
export function checkNodeBody(cls: ClassValue, problems: ProblemList): void {
  const warn = (attribute: Attribute, code: string, message: string, hint: string) =>
    problems.once(attribute.where, { severity: "warning", code, message, hint });
  for (const [name, attribute] of cls.attributes) {
    if (!/^__\w+__$/.test(name) || attribute.value.kind === "function" || READ_NAMES.includes(name)) continue;
    const meant = name === "__primarykey__" ? undefined : nearest(name, READ_NAMES);
    if (!meant && name !== "__primarykey__") continue;
    const hint = meant ? `did you mean ${meant}?` : "it is py2neo's: give the property unique_index=True";
    warn(attribute, "name-ignored", `neomodel does not read the name "${name}"`, hint);
  }
  const abstract = cls.attributes.get("__abstract_node__");
  if (abstract && truth(abstract.value) === false) {
    const message = `${cls.name} is abstract: __abstract_node__ counts by being there, whatever its value`;
    warn(abstract, "abstract-false", message, "remove the line where the class is meant to be a node");
  }
  const optional = cls.attributes.get("__optional_labels__");
  if (optional?.value.kind === "str") {
    const message = "neomodel takes each letter of this string for a label";
    warn(optional, "letters-as-labels", message, `write a list: ["${optional.value.value}"]`);
  }
}

/** A label on an abstract class or on a mixin is carried by every class below it. */
export function checkBorrowedLabels(cls: ClassValue, order: MroEntry[], problems: ProblemList): void {
  for (const entry of order) {
    const label = entry.kind === "class" && entry !== cls ? entry.attributes.get("__label__") : undefined;
    if (!label || entry.kind !== "class" || (neomodelBase(entry, NODE_BASES) && !isAbstract(entry))) continue;
    problems.once(label.where, {
      severity: "warning",
      code: "label-inherited",
      message: `every class below ${entry.name} carries this label too, besides its own`,
      hint: "remove the line where that is not meant",
    });
  }
}

/** An override that drops the index or the uniqueness of what it overrides. */
export function checkOverride(
  cls: ClassValue,
  before: PropertyModel | undefined,
  after: PropertyModel,
  where: Attribute["where"],
  problems: ProblemList,
): void {
  if (!before || before.declaredIn === after.declaredIn) return;
  const lost = (["uniqueIndex", "index"] as const).filter((option) => before[option] && !after[option]);
  const option = lost.find((name) => name !== "index" || !after.uniqueIndex);
  if (!option) return;
  const words = { uniqueIndex: "unique_index", index: "index" };
  problems.once(where, {
    severity: "warning",
    code: "override-drops",
    message: `"${after.name}" of ${cls.name} overrides ${before.declaredIn}.${before.name} without its ${
      words[option]
    }`,
    hint: `write ${words[option]}=True where it is still meant`,
  });
}

/** `a = StringProperty(),` makes a tuple and `a = StringProperty` a class: neomodel sees no property. */
export function checkSilentMistake(name: string, attribute: Attribute, problems: ProblemList): void {
  const { value } = attribute;
  if (
    value.kind === "sequence" && value.of === "tuple" && value.items.length === 1 &&
    propertyType(value.items[0])
  ) {
    problems.add(
      attribute.where,
      "warning",
      "no-property",
      `"${name}" is a tuple and no property: a comma stands after it`,
      "remove the comma",
    );
  } else if (
    (value.kind === "external" || value.kind === "class") &&
    neomodelBase(value, PROPERTY_CLASSES)
  ) {
    problems.add(
      attribute.where,
      "warning",
      "no-property",
      `"${name}" is a property class that is not called`,
      `write ${name} = ${value.kind === "class" ? value.name : neomodelName(value)}()`,
    );
  }
}
