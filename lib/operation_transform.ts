/**
 * Takes calls that change everything of a label or a type and gives them as transforms. Node and relationship
 * operations mirror each other; those on nodes can leave labels out by name.
 */
import { isConvertible, VALUE_KINDS, type ValueKind } from "./conversion.ts";
import { type Arguments, show, type Spec } from "./operation_arguments.ts";
import { sentenceList } from "./text.ts";
import type { Transform } from "./transform.ts";

/** A change of everything that carries a label or a type. */
export interface TransformOperation {
  kind: "transform";
  transform: Transform;
}

function spec(signature: string, parse: (args: Arguments) => Transform): Spec<TransformOperation> {
  return { signature, parse: (args) => ({ kind: "transform", transform: parse(args) }) };
}

/** Labels whose nodes are left alone. */
function except(args: Arguments, i: number): { except?: string[] } {
  return left(args, args.options(i, ["except"]));
}

function left(args: Arguments, options: Record<string, unknown>): { except?: string[] } {
  return options.except === undefined ? {} : { except: args.keys(options.except, "except", true) };
}

function moveLabel(what: "addLabel" | "removeLabel"): [string, Spec<TransformOperation>] {
  return [
    what,
    spec("(label, other, { except? })", (args) => ({
      what,
      label: args.name(0, "label"),
      other: args.otherName(1, "other"),
      ...except(args, 2),
    })),
  ];
}

function propertyOperations(entity: "node" | "relationship"): [string, Spec<TransformOperation>][] {
  const [suffix, owner] = entity === "node" ? ["NodeProperty", "label"] : ["RelationshipProperty", "type"];
  const but = entity === "node" ? ", { except? }" : "";
  const without = (args: Arguments, i: number) => (entity === "node" ? except(args, i) : {});
  return [
    [
      `add${suffix}`,
      spec(`(${owner}, property, value?${but})`, (args) => ({
        what: "addProperty",
        entity,
        owner: args.name(0, owner),
        property: args.name(1, "property"),
        value: args.value(2),
        ...without(args, 3),
      })),
    ],
    [
      `remove${suffix}`,
      spec(`(${owner}, property${but})`, (args) => ({
        what: "removeProperty",
        entity,
        owner: args.name(0, owner),
        property: args.name(1, "property"),
        ...without(args, 2),
      })),
    ],
    [
      `rename${suffix}`,
      spec(`(${owner}, old, new${but})`, (args) => ({
        what: "renameProperty",
        entity,
        owner: args.name(0, owner),
        from: args.name(1, "old"),
        to: args.otherName(2, "new"),
        ...without(args, 3),
      })),
    ],
    [
      `convert${suffix}`,
      spec(`(${owner}, property, from, to, { lossy?${entity === "node" ? ", except?" : ""} })`, (args) => {
        const options = args.options(4, entity === "node" ? ["lossy", "except"] : ["lossy"]);
        return {
          what: "convertProperty",
          entity,
          owner: args.name(0, owner),
          property: args.name(1, "property"),
          ...valueKinds(args),
          ...(args.flag(options.lossy, "lossy") && { lossy: true }),
          ...left(args, options),
        };
      }),
    ],
  ];
}

function valueKinds(args: Arguments): { from: ValueKind; to: ValueKind } {
  const [from, to] = [2, 3].map((i) => {
    const kind = args.text(i, i === 2 ? "from" : "to") as ValueKind;
    if (!VALUE_KINDS.includes(kind)) {
      args.fail(`"${kind}" is no kind of value: they are ${sentenceList([...VALUE_KINDS])}`);
    }
    return kind;
  });
  if (!isConvertible(from, to)) args.fail(`a ${from} cannot be converted to a ${to}`);
  return { from, to };
}

function splitCases(args: Arguments): Record<string, string> {
  const cases = Object.entries(args.record(2, "cases"));
  if (cases.length === 0) args.fail("cases names no value");
  return Object.fromEntries(cases.map(([value, label]) => {
    const name = args.checkName(label, `the label of "${value}"`);
    if (name === args.at(0)) args.fail(`the label of "${value}" is the one that is split`);
    return [value, name];
  }));
}

/** Operations on everything of a label or a type, by the name of their method. */
export const TRANSFORM_OPERATIONS: [string, Spec<TransformOperation>][] = [
  [
    "renameLabel",
    spec("(old, new)", (args) => ({
      what: "renameLabel",
      from: args.name(0, "old"),
      to: args.otherName(1, "new"),
    })),
  ],
  moveLabel("addLabel"),
  moveLabel("removeLabel"),
  [
    "splitLabel",
    spec("(label, property, cases, { keep? })", (args) => ({
      what: "splitLabel",
      label: args.name(0, "label"),
      property: args.name(1, "property"),
      cases: splitCases(args),
      ...(args.flag(args.options(3, ["keep"]).keep, "keep") && { keep: true }),
    })),
  ],
  [
    "mergeNodes",
    spec("(label, keys)", (args) => ({
      what: "mergeNodes",
      label: args.name(0, "label"),
      keys: args.keys(args.at(1), "keys", true),
    })),
  ],
  [
    "renameRelationshipType",
    spec("(old, new)", (args) => ({
      what: "renameType",
      from: args.name(0, "old"),
      to: args.otherName(1, "new"),
    })),
  ],
  [
    "changeRelationshipDirection",
    spec("(type, source, target)", (args) => ({
      what: "turnRelationships",
      type: args.name(0, "type"),
      source: args.name(1, "source"),
      target: args.name(2, "target"),
    })),
  ],
  ...propertyOperations("node"),
  ...propertyOperations("relationship"),
];

/** The arguments of a transform in a few words. */
export function describeTransform(transform: Transform): string {
  const { what: _what, ...rest } = transform;
  return Object.entries(rest).filter(([key]) => key !== "entity")
    .map(([key, value]) => (typeof value === "string" ? value : value === true ? key : show(value))).join(
      ", ",
    );
}
