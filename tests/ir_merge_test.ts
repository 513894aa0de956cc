/**
 * Two schemas that grew from one, merged. The laws hold for generated schemas: a side that changed nothing gives way,
 * sides that agree agree, the order of the sides does not matter, changes in different places are all there. The
 * tables hold what is a conflict, and its name.
 */
import assert from "node:assert/strict";
import { randomFrom } from "./harness.ts";
import { EMPTY_IR, type NodeIr, type PropertyIr, type RelationshipIr, type SchemaIr } from "../lib/ir.ts";
import { type MergedIr, mergeIr } from "../lib/ir_merge.ts";

const CASES = 500;

Deno.test("mergeIr() takes the side that changed, whichever it is", () => {
  eachPair(([base, other]) => {
    assert.deepEqual(mergeIr(base, base, other), clean(other));
    assert.deepEqual(mergeIr(base, other, base), clean(other));
  });
});

Deno.test("mergeIr() takes what both sides say", () => {
  eachPair(([base, other]) => assert.deepEqual(mergeIr(base, other, other), clean(other)));
});

Deno.test("mergeIr() does not care which side is the left one", () => {
  eachPair(([base, left, right]) => {
    const [one, other] = [mergeIr(base, left, right), mergeIr(base, right, left)];
    assert.deepEqual(one.conflicts, other.conflicts);
    if (one.conflicts.length === 0) assert.deepEqual(one.ir, other.ir);
  });
});

Deno.test("mergeIr() brings nothing back that one side removed, and makes nothing up", () => {
  eachPair(([base, left, right]) => {
    const { ir, conflicts } = mergeIr(base, left, right);
    if (conflicts.length > 0) return;
    const keys = (schema: SchemaIr) => new Set(keysOf(schema));
    const [b, l, r] = [keys(base), keys(left), keys(right)];
    const wanted = [...new Set([...l, ...r])].filter((key) => !b.has(key) || (l.has(key) && r.has(key)));
    assert.deepEqual(keysOf(ir).sort(), wanted.sort());
  });
});

Deno.test("mergeIr() has the changes of both sides where they are in different classes", () => {
  eachPair(([base, other]) => {
    const [left, right] = [0, 1].map((half) =>
      mixed(base, other, (kgid) => Number(kgid.at(-1)) % 2 === half)
    );
    assert.deepEqual(mergeIr(base, left, right), clean(mixed(base, other, () => true)));
  });
});

Deno.test("mergeIr() has the changes of both sides where they are in different properties of one class", () => {
  const random = randomFrom(5);
  for (let i = 0; i < CASES; i++) {
    const [was, one, two] = [propertyList(random), propertyList(random), propertyList(random)];
    const isLefts = ({ name }: PropertyIr) => name < "y";
    const sorted = (properties: PropertyIr[]) => properties.sort((a, b) => (a.name < b.name ? -1 : 1));
    const left = sorted([...one.filter(isLefts), ...was.filter((property) => !isLefts(property))]);
    const right = sorted([...was.filter(isLefts), ...two.filter((property) => !isLefts(property))]);
    const both = sorted([...one.filter(isLefts), ...two.filter((property) => !isLefts(property))]);
    const of = (properties: PropertyIr[]) => schema(node("n1", { properties }));
    assert.deepEqual(mergeIr(of(was), of(left), of(right)), clean(of(both)));
  }
});

const PERSON = node("n1", { properties: [property("x"), property("y")], relationships: [relationship("r")] });
const changed = (part: Partial<NodeIr>) => schema({ ...PERSON, ...part });
const KNOWS = (types: string[], ...properties: PropertyIr[]): SchemaIr => ({
  ...EMPTY_IR,
  relationshipModels: [{ kgid: "m1", types, properties }],
});
const REQUIRED: SchemaIr = { ...schema(PERSON), existence: true };

/** Changes that stand beside each other. */
const MERGED: [about: string, base: SchemaIr, left: SchemaIr, right: SchemaIr, merged: SchemaIr][] = [
  ["two new classes", EMPTY_IR, schema(node("n2")), schema(node("n1")), schema(node("n1"), node("n2"))],
  ["one new class on both sides", EMPTY_IR, schema(PERSON), schema(PERSON), schema(PERSON)],
  ["a label and a property", schema(PERSON), changed({ label: "Human" }), changed({ properties: [] }), {
    ...EMPTY_IR,
    nodes: [{ ...PERSON, label: "Human", properties: [] }],
  }],
  [
    "a class that one side removed",
    schema(PERSON, node("n2")),
    schema(PERSON),
    schema(PERSON, node("n2")),
    schema(PERSON),
  ],
  ["a class that both sides removed", schema(PERSON), EMPTY_IR, EMPTY_IR, EMPTY_IR],
  ["[schema] required on one side", schema(PERSON), REQUIRED, changed({ label: "Human" }), {
    ...changed({ label: "Human" }),
    existence: true,
  }],
  ["[schema] required, taken away", REQUIRED, schema(PERSON), REQUIRED, schema(PERSON)],
  [
    "a property that both sides changed alike",
    schema(PERSON),
    changed({ properties: [] }),
    changed({ properties: [] }),
    changed({ properties: [] }),
  ],
  [
    "properties of a relationship model",
    KNOWS(["R"]),
    KNOWS(["R"], property("x")),
    KNOWS(["R"], property("y")),
    KNOWS(["R"], property("x"), property("y")),
  ],
  [
    "types of a relationship model",
    KNOWS(["R"]),
    KNOWS(["A", "R"]),
    KNOWS(["R", "S"]),
    KNOWS(["A", "R", "S"]),
  ],
];

for (const [about, base, left, right, merged] of MERGED) {
  Deno.test(`mergeIr() merges ${about}`, () => {
    assert.deepEqual(mergeIr(base, left, right), clean(merged));
    assert.deepEqual(mergeIr(base, right, left), clean(merged));
  });
}

/** Changes of one thing in two ways, and the words for them. */
const CONFLICTS: [about: string, base: SchemaIr, left: SchemaIr, right: SchemaIr, named: string[]][] = [
  ["a label", schema(PERSON), changed({ label: "A" }), changed({ label: "B" }), ["node n1: label"]],
  [
    "a property",
    schema(PERSON),
    changed({ properties: [property("x", { index: true }), property("y")] }),
    changed({ properties: [property("x", { unique: true }), property("y")] }),
    ["node n1 x"],
  ],
  [
    "a property that one side removed",
    schema(PERSON),
    changed({ properties: [property("y")] }),
    changed({ properties: [property("x", { index: true }), property("y")] }),
    ["node n1 x"],
  ],
  [
    "a new property",
    schema(PERSON),
    changed({ properties: [...PERSON.properties, property("z")] }),
    changed({ properties: [...PERSON.properties, property("z", { type: "IntegerProperty" })] }),
    ["node n1 z"],
  ],
  [
    "a relationship",
    schema(PERSON),
    changed({ relationships: [{ ...relationship("r"), type: "A" }] }),
    changed({ relationships: [{ ...relationship("r"), type: "B" }] }),
    ["node n1 r"],
  ],
  ["a class that one side removed", schema(PERSON), EMPTY_IR, changed({ label: "A" }), ["node n1"]],
  ["a new class", EMPTY_IR, schema(PERSON), changed({ label: "A" }), ["node n1"]],
  [
    "a relationship model",
    KNOWS(["R"], property("x")),
    KNOWS(["R"]),
    KNOWS(["R"], property("x", { index: true })),
    ["relationship model m1 x"],
  ],
  [
    "several things, each by its name",
    schema(PERSON),
    changed({ label: "A", optionalLabels: ["C"], properties: [property("x", { index: true })] }),
    changed({
      label: "B",
      optionalLabels: ["D"],
      properties: [property("x", { unique: true }), property("y")],
    }),
    ["node n1: label", "node n1: optionalLabels", "node n1 x"],
  ],
];

for (const [about, base, left, right, named] of CONFLICTS) {
  Deno.test(`mergeIr() names the conflict about ${about}`, () => {
    assert.deepEqual(mergeIr(base, left, right).conflicts, named);
    assert.deepEqual(mergeIr(base, right, left).conflicts, named);
  });
}

function clean(ir: SchemaIr): MergedIr {
  return { ir, conflicts: [] };
}

/** Three generated schemas, many times. */
function eachPair(check: (schemas: SchemaIr[]) => void): void {
  const random = randomFrom(3);
  for (let i = 0; i < CASES; i++) check([0, 1, 2].map(() => generate(random)));
}

/** Every class and everything in it, by name. */
function keysOf({ nodes, relationshipModels }: SchemaIr): string[] {
  return [
    ...nodes.flatMap(({ kgid, properties, relationships }) => [
      `node ${kgid}`,
      ...properties.map(({ name }) => `${kgid}.${name}`),
      ...relationships.map(({ name }) => `${kgid}->${name}`),
    ]),
    ...relationshipModels.flatMap(({ kgid, properties }) => [
      `model ${kgid}`,
      ...properties.map(({ name }) => `${kgid}.${name}`),
    ]),
  ];
}

/** The classes of two schemas: the other one's where it may choose. */
function mixed(base: SchemaIr, other: SchemaIr, isOthers: (kgid: string) => boolean): SchemaIr {
  const parts = <T extends { kgid: string }>(mine: T[], theirs: T[]): T[] =>
    [...mine.filter(({ kgid }) => !isOthers(kgid)), ...theirs.filter(({ kgid }) => isOthers(kgid))]
      .sort((a, b) => (a.kgid < b.kgid ? -1 : 1));
  return {
    format: 1,
    nodes: parts(base.nodes, other.nodes),
    relationshipModels: parts(base.relationshipModels, other.relationshipModels),
  };
}

function generate(random: () => number): SchemaIr {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  const some = (names: string[]) => names.filter(() => random() < 0.7);
  return {
    format: 1,
    nodes: some(["n1", "n2", "n3", "n4"]).map((kgid) =>
      node(kgid, {
        label: pick(["A", "B"]) + kgid,
        inheritedLabels: pick([[], ["P"], ["P", "Q"]]),
        optionalLabels: pick([[], ["O"]]),
        properties: propertyList(random),
        relationships: some(["r", "s"]).map((name) => ({
          ...relationship(name),
          type: pick(["R", "S", null]),
          direction: pick(["to", "from", "either"]),
          target: pick(["n1", "n2"]),
          model: pick(["m1", null]),
        })),
      })
    ),
    relationshipModels: some(["m1", "m2"]).map((kgid) => ({
      kgid,
      types: ["R"],
      properties: propertyList(random),
    })),
  };
}

function propertyList(random: () => number): PropertyIr[] {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  return ["w", "x", "y", "z"].filter(() => random() < 0.6).map((name) =>
    property(name, {
      property: pick([name, "s"]),
      type: pick(["StringProperty", "IntegerProperty"]),
      ...pick<Partial<PropertyIr>>([{}, { unique: true }, { index: true }, { choices: ["a", "b"] }]),
    })
  );
}

function schema(...nodes: NodeIr[]): SchemaIr {
  return { ...EMPTY_IR, nodes };
}

function node(kgid: string, more: Partial<NodeIr> = {}): NodeIr {
  return {
    kgid,
    label: "Person",
    inheritedLabels: [],
    optionalLabels: [],
    properties: [],
    relationships: [],
    ...more,
  };
}

function property(name: string, more: Partial<PropertyIr> = {}): PropertyIr {
  return { name, property: name, type: "StringProperty", ...more };
}

function relationship(name: string): RelationshipIr {
  return { name, type: "R", direction: "to", target: "n1", cardinality: "ZeroOrMore", model: null };
}
