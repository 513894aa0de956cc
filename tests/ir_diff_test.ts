/**
 * What changed between two schemas, and the way there and back. The tables hold each kind of change with its
 * operations; the laws hold for generated pairs: the schema objects arrive, and the values of a graph that fits the
 * first schema are found under the names of the second one, and under their old names after the way back.
 */
import assert from "node:assert/strict";
import { randomFrom } from "./harness.ts";
import {
  type NodeIr,
  type PropertyIr,
  type RelationshipIr,
  type RelModelIr,
  type SchemaIr,
  schemaObjects,
} from "../lib/ir.ts";
import { diffIr, downgradeOperations, upgradeOperations } from "../lib/ir_diff.ts";
import { storedAs, typeChange } from "../lib/ir_conversion.ts";
import type { PropertyRenames } from "../lib/ir_steps.ts";
import { lossOf, parseOperation, renderOperation } from "../lib/operation.ts";
import type { DraftOperation } from "../lib/operation_schema.ts";
import { distinctName, nameShapes, type SchemaShape, shapeKey } from "../lib/schema.ts";
import type { Transform } from "../lib/transform.ts";

type Properties = Record<string, Partial<PropertyIr>>;

const UNIQUE = { unique: true } as const;
const INDEX = { index: true } as const;
const stored = (property: string) => ({ property });
const fulltext = (analyzer: string) => ({ fulltext: { analyzer, eventuallyConsistent: false } });
const vector = (dimensions: number) => ({ vector: { dimensions, similarityFunction: "cosine" } });

interface Case {
  about: string;
  from: SchemaIr;
  to: SchemaIr;
  rename?: [kgid: string, old: string, now: string][];
  up: string[];
  /** The inverses of `up`, in reverse order. */
  down: string[];
}

const PERSON = schema(node("p", "Person", { name: UNIQUE }));
const PAIR = (a: string, b: string) => schema(node("a", a), node("b", b));
const STORED = (x: string, y: string) => schema(node("p", "P", { x: stored(x), y: stored(y) }));
const FAMILY = (x: string, y: string) =>
  schema(
    node("p", "P", { x: stored(x), y: stored(y) }),
    node("q", "Q", { x: stored(x), y: stored(y) }, { inherits: ["P"] }),
  );
const TYPES = (first: string, second: string) =>
  schema(node("p", "P", {}, { relationships: [relationship("one", first), relationship("two", second)] }));
const REL = (types: string[], properties: Properties) =>
  schema(
    node("p", "P", {}, { relationships: types.map((type) => relationship(type.toLowerCase(), type, "r")) }),
    relModel("r", types, properties),
  );

/** A definition of P and, where it matters, one of Q: `to q by A`. */
const LEAD = (name: string, direction: "to" | "from" | "either", target: string, type = "A") => ({
  ...relationship(name, type),
  direction,
  target,
});
const ENDS = (ofP: RelationshipIr[], ofQ: RelationshipIr[] = []) =>
  schema(node("p", "P", {}, { relationships: ofP }), node("q", "Q", {}, { relationships: ofQ }));
const INTEGER = { type: "IntegerProperty" } as const;
const RETYPED = (a: Partial<PropertyIr>, b: Partial<PropertyIr>) =>
  schema(node("a", "A", { x: a }), node("b", "B", { x: b }, { inherits: ["A"] }));
const existing = (ir: SchemaIr): SchemaIr => ({ ...ir, existence: true });
const REQUIRED = existing(schema(
  node("p", "P", {
    a: { required: true },
    b: {},
    c: { type: "AliasProperty", required: true, to: "a" },
  }, { relationships: [relationship("r", "R", "m")] }),
  relModel("m", ["R"], { since: { required: true, property: "from" } }),
));

const CASES: Case[] = [
  { about: "nothing", from: PERSON, to: PERSON, up: [], down: [] },
  {
    about: "a node with its constraint",
    from: schema(),
    to: PERSON,
    up: ['addUniqueConstraint("Person", "name")'],
    down: ['dropUniqueConstraint("Person", "name")'],
  },
  {
    about: "a node that goes: its nodes stay",
    from: PERSON,
    to: schema(),
    up: ['dropUniqueConstraint("Person", "name")'],
    down: ['addUniqueConstraint("Person", "name")'],
  },
  {
    about: "every kind of index and constraint, in order",
    from: schema(node("p", "P")),
    to: schema(node("p", "P", { a: UNIQUE, b: INDEX, c: fulltext("english"), d: vector(8) })),
    up: [
      'addFulltextIndex("P", "c", { analyzer: "english", eventuallyConsistent: false })',
      'addIndex("P", "b")',
      'addUniqueConstraint("P", "a")',
      'addVectorIndex("P", "d", { dimensions: 8, similarityFunction: "cosine" })',
    ],
    down: [
      'dropVectorIndex("P", "d")',
      'dropUniqueConstraint("P", "a")',
      'dropIndex("P", "b")',
      'dropFulltextIndex("P", "c")',
    ],
  },
  {
    about: "an index that becomes a constraint",
    from: schema(node("p", "P", { a: INDEX })),
    to: schema(node("p", "P", { a: UNIQUE })),
    up: ['dropIndex("P", "a")', 'addUniqueConstraint("P", "a")'],
    down: ['dropUniqueConstraint("P", "a")', 'addIndex("P", "a")'],
  },
  {
    about: "options of an index",
    from: schema(node("p", "P", { a: vector(8) })),
    to: schema(node("p", "P", { a: vector(16) })),
    up: [
      'dropVectorIndex("P", "a")',
      'addVectorIndex("P", "a", { dimensions: 16, similarityFunction: "cosine" })',
    ],
    down: [
      'dropVectorIndex("P", "a")',
      'addVectorIndex("P", "a", { dimensions: 8, similarityFunction: "cosine" })',
    ],
  },
  {
    about: "a label, and its constraint with it",
    from: PERSON,
    to: schema(node("p", "Human", { name: UNIQUE })),
    up: [
      'dropUniqueConstraint("Person", "name")',
      'renameLabel("Person", "Human")',
      'addUniqueConstraint("Human", "name")',
    ],
    down: [
      'dropUniqueConstraint("Human", "name")',
      'renameLabel("Human", "Person")',
      'addUniqueConstraint("Person", "name")',
    ],
  },
  {
    about: "labels in a chain",
    from: PAIR("A", "B"),
    to: PAIR("B", "C"),
    up: ['renameLabel("B", "C")', 'renameLabel("A", "B")'],
    down: ['renameLabel("B", "A")', 'renameLabel("C", "B")'],
  },
  {
    about: "labels that are swapped",
    from: PAIR("A", "B"),
    to: PAIR("B", "A"),
    up: ['renameLabel("A", "A_renamed")', 'renameLabel("B", "A")', 'renameLabel("A_renamed", "B")'],
    down: ['renameLabel("B", "A_renamed")', 'renameLabel("A", "B")', 'renameLabel("A_renamed", "A")'],
  },
  {
    about: "an inherited label",
    from: schema(node("a", "A"), node("b", "B")),
    to: schema(node("a", "A"), node("b", "B", {}, { inherits: ["A"] })),
    up: ['addLabel("B", "A")'],
    down: ['removeLabel("B", "A")'],
  },
  {
    about: "an inherited label that goes",
    from: schema(node("a", "A"), node("b", "B", {}, { inherits: ["A"] })),
    to: schema(node("a", "A"), node("b", "B")),
    up: ['removeLabel("B", "A")'],
    down: ['addLabel("B", "A")'],
  },
  {
    about: "an inherited label that is renamed at its class",
    from: schema(node("a", "A"), node("b", "B", {}, { inherits: ["A"] })),
    to: schema(node("a", "Z"), node("b", "B", {}, { inherits: ["Z"] })),
    up: ['renameLabel("A", "Z")'],
    down: ['renameLabel("Z", "A")'],
  },
  {
    about: "a property without a default",
    from: schema(node("p", "P")),
    to: schema(node("p", "P", { a: { required: true } })),
    up: [],
    down: [],
  },
  {
    about: "defaults that are stored as they are written",
    from: schema(node("p", "P")),
    to: schema(node("p", "P", {
      a: { default: { value: "it's" } },
      b: { type: "IntegerProperty", default: { value: 0 } },
      c: { type: "FloatProperty", default: { value: 30 } },
      d: { type: "BooleanProperty", default: { value: false }, property: "dd" },
    })),
    up: [
      'addNodeProperty("P", "a", "it\'s")',
      'addNodeProperty("P", "b", 0)',
      'addNodeProperty("P", "c", float(30))',
      'addNodeProperty("P", "dd", false)',
    ],
    down: [
      'removeNodeProperty("P", "dd")',
      'removeNodeProperty("P", "c")',
      'removeNodeProperty("P", "b")',
      'removeNodeProperty("P", "a")',
    ],
  },
  {
    about: "defaults that fill nothing",
    from: schema(node("p", "P")),
    to: schema(node("p", "P", {
      a: { default: { callable: "uuid4" } },
      b: { default: { unknown: true } },
      c: { type: "JSONProperty", default: { value: "x" } },
      d: { type: "DateTimeProperty", default: { value: 5 } },
      e: { type: "ArrayProperty", default: { value: [] } },
    })),
    up: [],
    down: [],
  },
  {
    about: "a property that goes: nothing brings it back",
    from: schema(node("p", "P", { a: stored("aa") })),
    to: schema(node("p", "P")),
    up: ['removeNodeProperty("P", "aa")'],
    down: [],
  },
  {
    about: "a property that goes with its index",
    from: schema(node("p", "P", { a: INDEX })),
    to: schema(node("p", "P")),
    up: ['dropIndex("P", "a")', 'removeNodeProperty("P", "a")'],
    down: ['addIndex("P", "a")'],
  },
  {
    about: "an attribute that nobody calls renamed",
    from: schema(node("p", "P", { a: {} })),
    to: schema(node("p", "P", { b: {} })),
    up: ['removeNodeProperty("P", "a")'],
    down: [],
  },
  {
    about: "an attribute that a person calls renamed",
    from: schema(node("p", "P", { a: UNIQUE })),
    to: schema(node("p", "P", { b: UNIQUE })),
    rename: [["p", "a", "b"]],
    up: [
      'dropUniqueConstraint("P", "a")',
      'renameNodeProperty("P", "a", "b")',
      'addUniqueConstraint("P", "b")',
    ],
    down: [
      'dropUniqueConstraint("P", "b")',
      'renameNodeProperty("P", "b", "a")',
      'addUniqueConstraint("P", "a")',
    ],
  },
  {
    about: "an attribute that keeps its stored name",
    from: schema(node("p", "P", { a: UNIQUE })),
    to: schema(node("p", "P", { b: { ...UNIQUE, ...stored("a") } })),
    up: [],
    down: [],
  },
  {
    about: "a stored name",
    from: schema(node("p", "P", { a: stored("x") })),
    to: schema(node("p", "P", { a: stored("y") })),
    up: ['renameNodeProperty("P", "x", "y")'],
    down: ['renameNodeProperty("P", "y", "x")'],
  },
  {
    about: "stored names in a chain",
    from: STORED("a", "b"),
    to: STORED("b", "c"),
    up: ['renameNodeProperty("P", "b", "c")', 'renameNodeProperty("P", "a", "b")'],
    down: ['renameNodeProperty("P", "b", "a")', 'renameNodeProperty("P", "c", "b")'],
  },
  {
    about: "stored names that are swapped",
    from: STORED("a", "b"),
    to: STORED("b", "a"),
    up: [
      'renameNodeProperty("P", "a", "a_renamed")',
      'renameNodeProperty("P", "b", "a")',
      'renameNodeProperty("P", "a_renamed", "b")',
    ],
    down: [
      'renameNodeProperty("P", "b", "a_renamed")',
      'renameNodeProperty("P", "a", "b")',
      'renameNodeProperty("P", "a_renamed", "a")',
    ],
  },
  {
    about: "stored names in a chain, with a sub-class",
    from: FAMILY("a", "b"),
    to: FAMILY("b", "c"),
    up: ['renameNodeProperty("P", "b", "c")', 'renameNodeProperty("P", "a", "b")'],
    down: ['renameNodeProperty("P", "b", "a")', 'renameNodeProperty("P", "c", "b")'],
  },
  {
    about: "stored names that are swapped, with a sub-class",
    from: FAMILY("a", "b"),
    to: FAMILY("b", "a"),
    up: [
      'renameNodeProperty("P", "a", "a_renamed")',
      'renameNodeProperty("P", "b", "a")',
      'renameNodeProperty("P", "a_renamed", "b")',
    ],
    down: [
      'renameNodeProperty("P", "b", "a_renamed")',
      'renameNodeProperty("P", "a", "b")',
      'renameNodeProperty("P", "a_renamed", "a")',
    ],
  },
  {
    about: "a stored name onto one that goes",
    from: STORED("a", "b"),
    to: schema(node("p", "P", { x: stored("b") })),
    up: ['removeNodeProperty("P", "b")', 'renameNodeProperty("P", "a", "b")'],
    down: ['renameNodeProperty("P", "b", "a")'],
  },
  {
    about: "an attribute renamed onto one that goes",
    from: schema(node("p", "P", { old: {}, now: {} })),
    to: schema(node("p", "P", { now: {} })),
    rename: [["p", "old", "now"]],
    up: ['removeNodeProperty("P", "now")', 'renameNodeProperty("P", "old", "now")'],
    down: ['renameNodeProperty("P", "now", "old")'],
  },
  {
    about: "aliases",
    from: schema(node("p", "P", { a: {}, old: { type: "AliasProperty", to: "a" } })),
    to: schema(node("p", "P", { a: {}, now: { type: "AliasProperty", to: "a" } })),
    up: [],
    down: [],
  },
  {
    about: "a type that a class and its sub-class change, once",
    from: RETYPED({}, {}),
    to: RETYPED(INTEGER, INTEGER),
    up: ['convertNodeProperty("A", "x", "string", "integer")'],
    down: ['convertNodeProperty("A", "x", "integer", "string")'],
  },
  {
    about: "a type that only the sub-class changes",
    from: RETYPED({}, {}),
    to: RETYPED({}, INTEGER),
    up: ['convertNodeProperty("B", "x", "string", "integer")'],
    down: ['convertNodeProperty("B", "x", "integer", "string")'],
  },
  {
    about: "a type that the sub-class does not change",
    from: RETYPED({}, {}),
    to: RETYPED(INTEGER, {}),
    up: ['convertNodeProperty("A", "x", "string", "integer", { except: ["B"] })'],
    down: ['convertNodeProperty("A", "x", "integer", "string", { except: ["B"] })'],
  },
  {
    about: "types that a class and its sub-class change in two ways",
    from: RETYPED({}, {}),
    to: RETYPED(INTEGER, { type: "FloatProperty" }),
    up: [
      'convertNodeProperty("B", "x", "string", "float")',
      'convertNodeProperty("A", "x", "string", "integer", { except: ["B"] })',
    ],
    down: [
      'convertNodeProperty("A", "x", "integer", "string", { except: ["B"] })',
      'convertNodeProperty("B", "x", "float", "string")',
    ],
  },
  {
    about: "a type of a property with an index: the index stays",
    from: schema(node("p", "P", { x: UNIQUE })),
    to: schema(node("p", "P", { x: { ...UNIQUE, ...INTEGER } })),
    up: ['convertNodeProperty("P", "x", "string", "integer")'],
    down: ['convertNodeProperty("P", "x", "integer", "string")'],
  },
  {
    about: "an attribute that is renamed and retyped",
    from: schema(node("p", "P", { a: INDEX })),
    to: schema(node("p", "P", { b: { ...INDEX, ...INTEGER } })),
    rename: [["p", "a", "b"]],
    up: [
      'dropIndex("P", "a")',
      'renameNodeProperty("P", "a", "b")',
      'convertNodeProperty("P", "b", "string", "integer")',
      'addIndex("P", "b")',
    ],
    down: [
      'dropIndex("P", "b")',
      'convertNodeProperty("P", "b", "integer", "string")',
      'renameNodeProperty("P", "b", "a")',
      'addIndex("P", "a")',
    ],
  },
  {
    about: "a type of a relationship's property, on each type and under its new name",
    from: REL(["R", "S"], { a: {} }),
    to: REL(["R", "S"], { a: { ...INTEGER, ...stored("aa") } }),
    up: [
      'renameRelationshipProperty("R", "a", "aa")',
      'convertRelationshipProperty("R", "aa", "string", "integer")',
      'renameRelationshipProperty("S", "a", "aa")',
      'convertRelationshipProperty("S", "aa", "string", "integer")',
    ],
    down: [
      'convertRelationshipProperty("S", "aa", "integer", "string")',
      'renameRelationshipProperty("S", "aa", "a")',
      'convertRelationshipProperty("R", "aa", "integer", "string")',
      'renameRelationshipProperty("R", "aa", "a")',
    ],
  },
  {
    about: "existence constraints that come, none for aliases",
    from: { ...REQUIRED, existence: undefined },
    to: REQUIRED,
    up: [
      'addNodePropertyExistenceConstraint("P", "a")',
      'addRelationshipPropertyExistenceConstraint("R", "from")',
    ],
    down: [
      'dropRelationshipPropertyExistenceConstraint("R", "from")',
      'dropNodePropertyExistenceConstraint("P", "a")',
    ],
  },
  {
    about: "existence constraints that go",
    from: REQUIRED,
    to: schema(...REQUIRED.nodes, ...REQUIRED.relationshipModels),
    up: [
      'dropNodePropertyExistenceConstraint("P", "a")',
      'dropRelationshipPropertyExistenceConstraint("R", "from")',
    ],
    down: [
      'addRelationshipPropertyExistenceConstraint("R", "from")',
      'addNodePropertyExistenceConstraint("P", "a")',
    ],
  },
  {
    about: "a required property with a default: it is filled before the constraint comes",
    from: existing(schema(node("p", "P"))),
    to: existing(schema(node("p", "P", { a: { required: true, default: { value: "x" } } }))),
    up: ['addNodeProperty("P", "a", "x")', 'addNodePropertyExistenceConstraint("P", "a")'],
    down: ['dropNodePropertyExistenceConstraint("P", "a")', 'removeNodeProperty("P", "a")'],
  },
  {
    about: "a direction: from the other side",
    from: ENDS([LEAD("one", "to", "q")]),
    to: ENDS([LEAD("one", "from", "q")]),
    up: ['changeRelationshipDirection("A", "P", "Q")'],
    down: ['changeRelationshipDirection("A", "Q", "P")'],
  },
  {
    about: "a direction: to the other side",
    from: ENDS([LEAD("one", "from", "q")]),
    to: ENDS([LEAD("one", "to", "q")]),
    up: ['changeRelationshipDirection("A", "Q", "P")'],
    down: ['changeRelationshipDirection("A", "P", "Q")'],
  },
  {
    about: "a direction that both classes turn, once",
    from: ENDS([LEAD("one", "to", "q")], [LEAD("back", "from", "p")]),
    to: ENDS([LEAD("one", "from", "q")], [LEAD("back", "to", "p")]),
    up: ['changeRelationshipDirection("A", "P", "Q")'],
    down: ['changeRelationshipDirection("A", "Q", "P")'],
  },
  {
    about: "a direction that the other class still means",
    from: ENDS([LEAD("one", "to", "q")], [LEAD("back", "from", "p")]),
    to: ENDS([LEAD("one", "from", "q")], [LEAD("back", "from", "p")]),
    up: [],
    down: [],
  },
  {
    about: "a direction that another definition meant already",
    from: ENDS([LEAD("one", "to", "q"), LEAD("two", "from", "q")]),
    to: ENDS([LEAD("one", "from", "q"), LEAD("two", "from", "q")]),
    up: [],
    down: [],
  },
  {
    about: "a direction beside a definition that leads both ways",
    from: ENDS([LEAD("one", "to", "q")], [LEAD("any", "either", "p")]),
    to: ENDS([LEAD("one", "from", "q")], [LEAD("any", "either", "p")]),
    up: [],
    down: [],
  },
  {
    about: "directions that are swapped between two definitions",
    from: ENDS([LEAD("one", "to", "q"), LEAD("two", "from", "q")]),
    to: ENDS([LEAD("one", "from", "q"), LEAD("two", "to", "q")]),
    up: [],
    down: [],
  },
  {
    about: "a direction with its type and its labels",
    from: ENDS([LEAD("one", "to", "q")]),
    to: schema(node("p", "X", {}, { relationships: [LEAD("one", "from", "q", "B")] }), node("q", "Y")),
    up: [
      'renameRelationshipType("A", "B")',
      'renameLabel("P", "X")',
      'renameLabel("Q", "Y")',
      'changeRelationshipDirection("B", "X", "Y")',
    ],
    down: [
      'changeRelationshipDirection("B", "Y", "X")',
      'renameLabel("Y", "Q")',
      'renameLabel("X", "P")',
      'renameRelationshipType("B", "A")',
    ],
  },
  {
    about: "a direction within one class",
    from: ENDS([LEAD("one", "to", "p")]),
    to: ENDS([LEAD("one", "from", "p")]),
    up: ['changeRelationshipDirection("A", "P", "P")'],
    down: ['changeRelationshipDirection("A", "P", "P")'],
  },
  {
    about: "directions within one class that change together, once",
    from: ENDS([LEAD("one", "to", "p"), LEAD("two", "from", "p")]),
    to: ENDS([LEAD("one", "from", "p"), LEAD("two", "to", "p")]),
    up: ['changeRelationshipDirection("A", "P", "P")'],
    down: ['changeRelationshipDirection("A", "P", "P")'],
  },
  {
    about: "a direction within one class of which the other half stays",
    from: ENDS([LEAD("one", "to", "p"), LEAD("two", "from", "p")]),
    to: ENDS([LEAD("one", "from", "p"), LEAD("two", "from", "p")]),
    up: [],
    down: [],
  },
  ...(["to", "from"] as const).flatMap((direction): Case[] => {
    const [one, either] = [ENDS([LEAD("one", direction, "q")]), ENDS([LEAD("one", "either", "q")])];
    return [
      { about: `a direction from ${direction} to either`, from: one, to: either, up: [], down: [] },
      { about: `a direction from either to ${direction}`, from: either, to: one, up: [], down: [] },
    ];
  }),
  {
    about: "a direction with another target",
    from: ENDS([LEAD("one", "to", "q")]),
    to: ENDS([LEAD("one", "from", "p")]),
    up: [],
    down: [],
  },
  ...["q", "a"].map((target): Case => {
    // The sub-class inherits the definition; the target is another class or the base itself.
    const family = (direction: "to" | "from") =>
      schema(
        node("a", "A", {}, { relationships: [LEAD("one", direction, target, "R")] }),
        node("b", "B", {}, { inherits: ["A"], relationships: [LEAD("one", direction, target, "R")] }),
        node("q", "Q"),
      );
    const label = target === "q" ? "Q" : "A";
    return {
      about: `an inherited direction to ${label}, once`,
      from: family("to"),
      to: family("from"),
      up: [`changeRelationshipDirection("R", "A", "${label}")`],
      down: [`changeRelationshipDirection("R", "${label}", "A")`],
    };
  }),
  ...(["source", "target"] as const).map((side): Case => {
    // The relationships of the sub-class are among those of its base, and its own definition stays.
    const family = (direction: "to" | "from") =>
      side === "source"
        ? schema(
          node("a", "A", {}, { relationships: [LEAD("one", direction, "q", "R")] }),
          node("b", "B", {}, { inherits: ["A"], relationships: [LEAD("one", "to", "q", "R")] }),
          node("q", "Q"),
        )
        : schema(
          node("a", "A"),
          node("b", "B", {}, { inherits: ["A"] }),
          node("q", "Q", {}, {
            relationships: [LEAD("all", direction, "a", "R"), LEAD("some", "to", "b", "R")],
          }),
        );
    return {
      about: `a direction that a sub-class at the ${side} keeps`,
      from: family("to"),
      to: family("from"),
      up: [],
      down: [],
    };
  }),
  {
    about: "what only neomodel checks",
    from: schema(node("p", "P", { a: {}, b: {}, c: {} })),
    to: schema(
      node("p", "P", { a: { required: true }, b: { type: "EmailProperty" }, c: { choices: ["x"] } }),
    ),
    up: [],
    down: [],
  },
  {
    about: "a property pushed down to a sub-class: its own nodes keep their values",
    from: schema(node("a", "A", { x: {} }), node("b", "B", { x: {} }, { inherits: ["A"] })),
    to: schema(node("a", "A"), node("b", "B", { x: {} }, { inherits: ["A"] })),
    up: ['removeNodeProperty("A", "x", { except: ["B"] })'],
    down: [],
  },
  {
    about: "a property pushed down two classes, with its constraint",
    from: schema(
      node("a", "A", { x: UNIQUE }),
      node("b", "B", { x: UNIQUE }, { inherits: ["A"] }),
      node("c", "C", { x: UNIQUE }, { inherits: ["B", "A"] }),
    ),
    to: schema(
      node("a", "A"),
      node("b", "B", {}, { inherits: ["A"] }),
      node("c", "C", { x: UNIQUE }, { inherits: ["B", "A"] }),
    ),
    up: [
      'dropUniqueConstraint("A", "x")',
      'dropUniqueConstraint("B", "x")',
      'removeNodeProperty("A", "x", { except: ["C"] })',
    ],
    down: ['addUniqueConstraint("B", "x")', 'addUniqueConstraint("A", "x")'],
  },
  {
    about: "a property that a class and its sub-class lose, once",
    from: schema(node("a", "A", { x: {} }), node("b", "B", { x: {} }, { inherits: ["A"] })),
    to: schema(node("a", "A"), node("b", "B", {}, { inherits: ["A"] })),
    up: ['removeNodeProperty("A", "x")'],
    down: [],
  },
  {
    about: "a property that a class and its sub-class get, once",
    from: schema(node("a", "A"), node("b", "B", {}, { inherits: ["A"] })),
    to: schema(
      node("a", "A", { x: { default: { value: "" } } }),
      node("b", "B", { x: { default: { value: "" } } }, { inherits: ["A"] }),
    ),
    up: ['addNodeProperty("A", "x", "")'],
    down: ['removeNodeProperty("A", "x")'],
  },
  {
    about: "a relationship's type",
    from: TYPES("A", "A"),
    to: TYPES("B", "B"),
    up: ['renameRelationshipType("A", "B")'],
    down: ['renameRelationshipType("B", "A")'],
  },
  { about: "a type that one of two keeps", from: TYPES("A", "A"), to: TYPES("A", "B"), up: [], down: [] },
  { about: "a type that parts into two", from: TYPES("A", "A"), to: TYPES("B", "C"), up: [], down: [] },
  {
    about: "a type that joins one that stays: nothing parts them again",
    from: TYPES("A", "B"),
    to: TYPES("B", "B"),
    up: ['renameRelationshipType("A", "B")'],
    down: [],
  },
  {
    about: "types in a chain",
    from: TYPES("A", "B"),
    to: TYPES("B", "C"),
    up: ['renameRelationshipType("B", "C")', 'renameRelationshipType("A", "B")'],
    down: ['renameRelationshipType("B", "A")', 'renameRelationshipType("C", "B")'],
  },
  {
    about: "types that are swapped",
    from: TYPES("A", "B"),
    to: TYPES("B", "A"),
    up: [
      'renameRelationshipType("A", "A_renamed")',
      'renameRelationshipType("B", "A")',
      'renameRelationshipType("A_renamed", "B")',
    ],
    down: [
      'renameRelationshipType("B", "A_renamed")',
      'renameRelationshipType("A", "B")',
      'renameRelationshipType("A_renamed", "A")',
    ],
  },
  {
    about: "a relationship and what else it says",
    from: schema(node("p", "P", {}, { relationships: [relationship("one", "A")] })),
    to: schema(
      node("p", "P", {}, {
        relationships: [
          { ...relationship("one", "A"), direction: "from", cardinality: "One", target: "q" },
          relationship("two", "B"),
        ],
      }),
    ),
    up: [],
    down: [],
  },
  {
    about: "properties of a relationship's model",
    from: REL(["R"], { gone: {}, kept: {} }),
    to: REL(["R"], { kept: stored("held"), now: { default: { value: "x" } } }),
    up: [
      'removeRelationshipProperty("R", "gone")',
      'renameRelationshipProperty("R", "kept", "held")',
      'addRelationshipProperty("R", "now", "x")',
    ],
    down: [
      'removeRelationshipProperty("R", "now")',
      'renameRelationshipProperty("R", "held", "kept")',
    ],
  },
  {
    about: "a property of a relationship's model, on each of its types",
    from: REL(["R", "S"], { a: {} }),
    to: REL(["R", "S"], { a: stored("aa") }),
    up: ['renameRelationshipProperty("R", "a", "aa")', 'renameRelationshipProperty("S", "a", "aa")'],
    down: ['renameRelationshipProperty("S", "aa", "a")', 'renameRelationshipProperty("R", "aa", "a")'],
  },
  {
    about: "indexes of a relationship's model",
    from: REL(["R"], { a: INDEX, b: UNIQUE, c: {}, d: {} }),
    to: REL(["R"], { a: {}, b: {}, c: fulltext("english"), d: vector(4) }),
    up: [
      'dropRelationshipIndex("R", "a")',
      'dropRelationshipUniqueConstraint("R", "b")',
      'addRelationshipFulltextIndex("R", "c", { analyzer: "english", eventuallyConsistent: false })',
      'addRelationshipVectorIndex("R", "d", { dimensions: 4, similarityFunction: "cosine" })',
    ],
    down: [
      'dropRelationshipVectorIndex("R", "d")',
      'dropRelationshipFulltextIndex("R", "c")',
      'addRelationshipUniqueConstraint("R", "b")',
      'addRelationshipIndex("R", "a")',
    ],
  },
  {
    about: "a type with an index",
    from: REL(["R"], { a: INDEX }),
    to: schema(
      node("p", "P", {}, { relationships: [relationship("r", "Q", "r")] }),
      relModel("r", ["Q"], { a: INDEX }),
    ),
    up: [
      'dropRelationshipIndex("R", "a")',
      'renameRelationshipType("R", "Q")',
      'addRelationshipIndex("Q", "a")',
    ],
    down: [
      'dropRelationshipIndex("Q", "a")',
      'renameRelationshipType("Q", "R")',
      'addRelationshipIndex("R", "a")',
    ],
  },
];

for (const { about, from, to, rename, up, down } of CASES) {
  Deno.test(`diffIr() finds ${about}`, () => {
    const renames: PropertyRenames = new Map();
    for (const [kgid, old, now] of rename ?? []) renames.set(kgid, new Map([[old, now]]));
    const diff = diffIr(from, to, renames);
    assert.deepEqual({ up: lines(upgradeOperations(diff)), down: lines(downgradeOperations(diff)) }, {
      up,
      down,
    });
  });
}

/** Pairs and the changes in words. */
const WORDS: [from: SchemaIr, to: SchemaIr, changes: string[]][] = [
  [schema(), PERSON, ["+ node Person (p)", "+ unique constraint on Person.name"]],
  [PERSON, schema(), [
    "- node Person (p): its nodes stay in the graph until a migration deletes them",
    "- unique constraint on Person.name",
  ]],
  [schema(node("p", "A")), schema(node("p", "B")), ["~ label A -> B (p)"]],
  [schema(node("p", "P", { a: {} })), schema(node("p", "P", { b: { type: "IntegerProperty" } })), [
    "+ property P.b (IntegerProperty)",
    "- property P.a | the values of P.a",
  ]],
  [schema(node("p", "P", { a: stored("x") })), schema(node("p", "P", { a: stored("y") })), [
    "~ stored name of P.a: x -> y",
  ]],
  [schema(node("p", "P", { a: {} })), schema(node("p", "P", { b: stored("a") })), [
    "+ property P.b (StringProperty)",
    "- property P.a: a is stored by another attribute now",
  ]],
  [schema(node("p", "P", { a: {} })), schema(node("p", "P", { a: { type: "IntegerProperty" } })), [
    "~ type of P.a: StringProperty -> IntegerProperty; stored values are converted",
  ]],
  [schema(node("p", "P", { a: {} })), schema(node("p", "P", { a: { type: "EmailProperty" } })), [
    "~ type of P.a: StringProperty -> EmailProperty; both are stored alike, so stored values stay as they are",
  ]],
  [schema(node("p", "P", { a: {} })), schema(node("p", "P", { a: { type: "PointProperty" } })), [
    "~ type of P.a: StringProperty -> PointProperty; stored values are not converted; write that into the migration where there are any",
  ]],
  [ENDS([LEAD("one", "to", "q")]), ENDS([LEAD("one", "from", "q")]), [
    "~ direction of the relationship P.one: to -> from; existing relationships are turned",
  ]],
  [ENDS([LEAD("one", "to", "q")]), ENDS([LEAD("one", "either", "p")]), [
    "~ direction of the relationship P.one: to -> either; existing relationships stay as they are",
    "~ target of the relationship P.one: q -> p; existing relationships stay as they are",
  ]],
  [
    ENDS([{ ...LEAD("one", "to", "q"), model: "m" }]),
    ENDS([{ ...LEAD("one", "to", "q"), cardinality: "One" }]),
    [
      "~ cardinality of the relationship P.one: ZeroOrMore -> One; neomodel checks it, the graph does not",
      "~ model of the relationship P.one: m -> none; properties of existing relationships stay",
    ],
  ],
  [schema(), schema(node("a", "A", { b_c: INDEX }), node("b", "A_b", { c: INDEX })), [
    "+ node A (a)",
    "+ node A_b (b)",
    "+ index on A.b_c",
    `+ index on A_b.c, named "${
      distinctName({ kind: "index", entity: "node", labelOrType: "A_b", properties: ["c"] })
    }", since another one has the usual name`,
  ]],
  [{ ...REQUIRED, existence: undefined }, REQUIRED, [
    "+ existence constraint on P.a",
    "+ existence constraint on R.from",
  ]],
  [
    schema(node("p", "P", { a: { choices: ["x"] } })),
    schema(node("p", "P", { a: { choices: ["x", "y"], required: true } })),
    [
      "~ required of P.a: none -> true; neomodel checks it, the graph does not",
      '~ choices of P.a: ["x"] -> ["x","y"]; neomodel checks it, the graph does not',
    ],
  ],
  [schema(node("p", "P", { a: fulltext("english") })), schema(node("p", "P", { a: fulltext("german") })), [
    "~ options of the full-text index on P.a",
  ]],
  [
    schema(node("a", "A", { x: {} }), node("b", "B", { x: {} }, { inherits: ["A"] })),
    schema(node("a", "A"), node("b", "B", { x: {} }, { inherits: ["A"] })),
    ["- property A.x | the values of A.x"],
  ],
  [TYPES("A", "A"), TYPES("A", "B"), [
    "~ type of the relationship P.two: A -> B; existing relationships stay as they are",
  ]],
  [
    schema(node("p", "P", {}, { relationships: [relationship("one", "A")] })),
    schema(node("p", "P", {}, { relationships: [relationship("two", null)] })),
    [
      "+ relationship P.two: to p by None",
      "- relationship P.one: to p by A; existing relationships stay in the graph",
    ],
  ],
  [schema(), schema(relModel("r", ["R", "S"], {}), relModel("t", [], {})), [
    "+ relationship model r (R, S)",
    "+ relationship model t",
  ]],
];

Deno.test("diffIr() says what changed and what is lost", () => {
  const found = WORDS.map(([from, to]) => [
    from,
    to,
    diffIr(from, to).changes.map((change) =>
      `${change.sign} ${change.text}${change.loses ? ` | ${change.loses}` : ""}`
    ),
  ]);
  assert.deepEqual(found, WORDS);
});

/** Property classes and the kind of their stored values. */
const STORED_AS: [type: string, kind: string | undefined][] = [
  ["StringProperty", "string"],
  ["EmailProperty", "string"],
  ["RegexProperty", "string"],
  ["UniqueIdProperty", "string"],
  ["DateProperty", "string"],
  ["DateTimeFormatProperty", "string"],
  ["JSONProperty", "string"],
  ["IntegerProperty", "integer"],
  ["FloatProperty", "float"],
  ["BooleanProperty", "boolean"],
  ["DateTimeProperty", "float"],
  ["DateTimeNeo4jFormatProperty", "datetime"],
  ["ArrayProperty", "list"],
  ["PointProperty", undefined],
];

/** From the class of the row to that of the column: `c` is converted there and back, `k` is kept, `o` is open. */
const TYPE_CHANGES = `
         Str Ema Reg Uid Dat Dtf Jso Int Flo Boo Dti Neo Arr Poi
  Str    .   k   k   k   k   k   k   c   c   c   o   o   c   o
  Ema    k   .   k   k   k   k   k   c   c   c   o   o   c   o
  Reg    k   k   .   k   k   k   k   c   c   c   o   o   c   o
  Uid    k   k   k   .   k   k   k   c   c   c   o   o   c   o
  Dat    k   k   k   k   .   k   k   o   o   o   o   o   c   o
  Dtf    k   k   k   k   k   .   k   o   o   o   o   o   c   o
  Jso    k   k   k   k   k   k   .   c   c   c   o   o   o   o
  Int    c   c   c   c   o   o   c   .   c   c   o   o   c   o
  Flo    c   c   c   c   o   o   c   c   .   o   k   o   c   o
  Boo    c   c   c   c   o   o   c   c   o   .   o   o   c   o
  Dti    o   o   o   o   o   o   o   o   k   o   .   c   c   o
  Neo    o   o   o   o   o   o   o   o   o   o   c   .   c   o
  Arr    c   c   c   c   c   c   o   c   c   c   c   c   .   o
  Poi    o   o   o   o   o   o   o   o   o   o   o   o   o   .`;

Deno.test("diffIr() converts, keeps or leaves open every pair of property classes", () => {
  const rows = TYPE_CHANGES.trim().split("\n").slice(1).map((row) => row.trim().split(/\s+/).slice(1));
  const said = { c: "are converted", k: "stay as they are", o: "are not converted" } as Record<
    string,
    string
  >;
  const [found, wanted]: string[][] = [[], []];
  for (const [i, [from, was]] of STORED_AS.entries()) {
    for (const [j, [to, is]] of STORED_AS.entries()) {
      if (i === j) continue;
      const of = (type: string) => schema(node("p", "P", { a: { type } }));
      const diff = diffIr(of(from), of(to));
      const text = /stored values (are converted|stay as they are|are not converted)/.exec(
        diff.changes[0].text,
      );
      const [up, down] = [lines(upgradeOperations(diff)), lines(downgradeOperations(diff))];
      found.push([from, to, text?.[1], ...up, ...down].join(" "));
      const call = (a: unknown, b: unknown) => `convertNodeProperty("P", "a", "${a}", "${b}")`;
      const how = rows[i][j];
      wanted.push([from, to, said[how], ...(how === "c" ? [call(was, is), call(is, was)] : [])].join(" "));
    }
  }
  assert.deepEqual(found, wanted);
});

/** Lists: the declarations before and after, and the conversion. */
const LISTS: [was: Partial<PropertyIr>, now: Partial<PropertyIr>, up: string[]][] = [
  [{}, { type: "ArrayProperty", baseProperty: "StringProperty" }, ['"string", "list"']],
  [{}, { type: "ArrayProperty", baseProperty: "IntegerProperty" }, []],
  [{ type: "ArrayProperty", baseProperty: "IntegerProperty" }, INTEGER, ['"list", "integer"']],
  [{ type: "ArrayProperty", baseProperty: "IntegerProperty" }, {}, []],
  [{ type: "ArrayProperty" }, { type: "ArrayProperty", baseProperty: "StringProperty" }, []],
  [{ type: "ArrayProperty", baseProperty: "IntegerProperty" }, {
    type: "ArrayProperty",
    baseProperty: "StringProperty",
  }, []],
];

Deno.test("diffIr() makes a list of one value and back where the items are of its class", () => {
  const found = LISTS.map(([was, now]) => [
    was,
    now,
    lines(upgradeOperations(diffIr(schema(node("p", "P", { a: was })), schema(node("p", "P", { a: now })))))
      .map(
        (line) => line.slice('convertNodeProperty("P", "a", '.length, -1),
      ),
  ]);
  assert.deepEqual(found, LISTS);
});

Deno.test("diffIr() keeps a spare name away from the names that are there", () => {
  const three = (a: string, b: string) => schema(node("a", a), node("b", b), node("c", "A_renamed"));
  checkValues(three("A", "B"), three("B", "A"));
  const stores = (x: string, y: string) =>
    schema(node("p", "P", { x: stored(x), y: stored(y), z: stored("a_renamed") }));
  checkValues(stores("a", "b"), stores("b", "a"));
});

Deno.test("diffIr() moves a value that a sub-class stores under another name before the ancestor loses it", () => {
  checkValues(
    schema(node("a", "A", { x: stored("s") }), node("b", "B", { x: stored("s") }, { inherits: ["A"] })),
    schema(node("a", "A"), node("b", "B", { x: stored("t") }, { inherits: ["A"] })),
  );
});

Deno.test("diffIr() keeps the values of a class that leaves an ancestor which loses the property", () => {
  checkValues(
    schema(node("a", "A", { x: {} }), node("b", "B", { x: {} }, { inherits: ["A"] })),
    schema(node("a", "A"), node("b", "B", { x: {} })),
  );
});

Deno.test("diffIr() fills the nodes of a class that is new below an ancestor", () => {
  const filled = { x: { default: { value: "d" } } };
  checkValues(
    schema(node("a", "A"), node("b", "B")),
    schema(node("a", "A", filled), node("b", "B", filled, { inherits: ["A"] })),
  );
});

Deno.test("diffIr() fills no ancestor's property over one that a sub-class renames to it", () => {
  const filled = { x: { ...stored("t"), default: { value: "d" } } };
  checkValues(
    schema(node("a", "A"), node("b", "B", { x: stored("s") }, { inherits: ["A"] })),
    schema(node("a", "A", filled), node("b", "B", filled, { inherits: ["A"] })),
  );
});

Deno.test("downgradeOperations() keep the values of a property that was pulled up", () => {
  const filled = { x: { default: { value: "d" } } };
  checkValues(
    schema(node("a", "A"), node("b", "B", filled, { inherits: ["A"] })),
    schema(node("a", "A", filled), node("b", "B", filled, { inherits: ["A"] })),
  );
});

Deno.test("downgradeOperations() keep the values that another attribute stores now", () => {
  checkValues(
    schema(node("p", "P", { old: stored("s") })),
    schema(node("p", "P", { now: { ...stored("s"), default: { value: "d" } } })),
  );
});

Deno.test("operations of generated pairs lead from schema to schema and back", () => {
  const random = randomFrom(1);
  for (let i = 0; i < 1500; i++) {
    const [from, to] = [generate(random), generate(random)];
    const diff = diffIr(from, to);
    assert.deepEqual(objectsAfter(schemaObjects(from), upgradeOperations(diff)), schemaObjects(to));
    assert.deepEqual(objectsAfter(schemaObjects(to), downgradeOperations(diff)), schemaObjects(from));
  }
});

Deno.test("operations of generated pairs lose no value that is not named", () => {
  const random = randomFrom(2);
  const failures: string[] = [];
  for (let i = 0; i < 1500; i++) {
    const from = generate(random);
    const to = generate(random, from);
    try {
      checkValues(from, to);
    } catch (error) {
      failures.push(
        `${(error as Error).message}\n${show(from)}\n${show(to)}\n${
          lines(upgradeOperations(diffIr(from, to)))
        }`,
      );
    }
  }
  // The shortest failure tells most.
  failures.sort((a, b) => a.length - b.length);
  assert.equal(failures.length, 0, `${failures.length} of 1500 fail, the shortest:\n${failures[0]}`);
});

function node(
  kgid: string,
  label: string,
  properties: Properties = {},
  more: { inherits?: string[]; relationships?: RelationshipIr[] } = {},
): NodeIr {
  return {
    kgid,
    label,
    inheritedLabels: more.inherits ?? [],
    optionalLabels: [],
    properties: propertiesOf(properties),
    relationships: more.relationships ?? [],
  };
}

function relModel(kgid: string, types: string[], properties: Properties): RelModelIr {
  return { kgid, types, properties: propertiesOf(properties) };
}

function propertiesOf(properties: Properties): PropertyIr[] {
  return Object.entries(properties).map(([name, more]) => ({
    name,
    property: name,
    type: "StringProperty",
    ...more,
  })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function relationship(name: string, type: string | null, model: string | null = null): RelationshipIr {
  return { name, type, direction: "to", target: "p", cardinality: "ZeroOrMore", model };
}

function schema(...parts: (NodeIr | RelModelIr)[]): SchemaIr {
  return {
    format: 1,
    nodes: parts.filter((part): part is NodeIr => "label" in part),
    relationshipModels: parts.filter((part): part is RelModelIr => "types" in part),
  };
}

function lines(operations: DraftOperation[]): string[] {
  return operations.map((operation) => renderOperation(operation).replace(/^await ctx\.|;$/g, ""));
}

/** Two classes that are stored alike, two that can be converted, one that cannot. */
const TYPES_OF_VALUES = [
  "StringProperty",
  "StringProperty",
  "EmailProperty",
  "IntegerProperty",
  "FloatProperty",
  "DateTimeProperty",
];

/** Values that fill a property of a class. */
const DEFAULTS: Record<string, unknown> = {
  StringProperty: "filled",
  EmailProperty: "filled",
  IntegerProperty: 7,
};

/**
 * A schema as classes make it: a sub-class has the labels and the properties of those above it. Names come from
 * small pools, so that two schemas have much in common. With a schema, the classes are those of that schema.
 */
function generate(random: () => number, like?: SchemaIr): SchemaIr {
  const pick = <T>(items: T[]): T => items[Math.floor(random() * items.length)];
  const shuffled = <T>(items: T[]): T[] =>
    items.map((item) => [random(), item] as const).sort(([a], [b]) => a - b).map(([, item]) => item);
  const labels = shuffled(["A", "B", "C", "A_b", "A_renamed"]);
  const kgids = like?.nodes.map((node) => node.kgid) ?? ["k1", "k2", "k3", "k4"].filter(() => random() < 0.7);
  const made: NodeIr[] = [];
  for (const [i, kgid] of shuffled(kgids).entries()) {
    const parent = random() < 0.5 && made.length > 0 ? pick(made) : undefined;
    const properties = [...parent?.properties ?? []];
    for (const name of shuffled(["x", "y", "z"]).slice(0, Math.floor(random() * 3))) {
      const property = pick(["s", "t", "b_s", name]);
      if (properties.some((other) => other.name === name || other.property === property)) continue;
      const type = pick(TYPES_OF_VALUES);
      properties.push({ name, property, type, ...extras(DEFAULTS[type]) });
    }
    made.push({
      kgid,
      label: labels[i],
      inheritedLabels: parent ? [parent.label, ...parent.inheritedLabels] : [],
      optionalLabels: [],
      properties: properties.sort((a, b) => (a.name < b.name ? -1 : 1)),
      relationships: random() < 0.4
        ? [relationship("r", pick(["A", "R", "S"]), pick(["m1", "m2", null]))]
        : [],
    });
  }
  const models = ["m1", "m2"].map((kgid) =>
    relModel(kgid, ["R"], random() < 0.5 ? { x: extras("filled") } : {})
  );
  return schema(...made.sort((a, b) => (a.kgid < b.kgid ? -1 : 1)), ...models);

  function extras(filled: unknown): Partial<PropertyIr> {
    return {
      ...pick<Partial<PropertyIr>>([
        {},
        UNIQUE,
        INDEX,
        fulltext(pick(["english", "german"])),
        vector(pick([4, 8])),
      ]),
      ...(random() < 0.3 && filled !== undefined && { default: { value: filled } }),
    };
  }
}

/** The schema objects after the operations; each drop finds its object, each creation finds the place free. */
function objectsAfter(shapes: SchemaShape[], operations: DraftOperation[]) {
  const held = new Map(shapes.map((shape) => [shapeKey(shape), shape]));
  for (const draft of operations) {
    const operation = parseOperation(draft.name, draft.args);
    if (operation.kind !== "schema") continue;
    const key = shapeKey(operation.shape);
    assert.equal(held.has(key), operation.action === "drop", renderOperation(draft));
    if (operation.action === "drop") held.delete(key);
    else held.set(key, operation.shape);
  }
  return nameShapes([...held.values()].map(({ kind, entity, labelOrType, properties, options }) => ({
    kind,
    entity,
    labelOrType,
    properties,
    ...(options && { options }),
  })));
}

interface GraphNode {
  kgid: string;
  labels: Set<string>;
  values: Map<string, unknown>;
  /** Kinds of the values, by stored name. */
  kinds: Map<string, string>;
}

/** One node of each class, with a value of its own in each property. */
function graphOf(ir: SchemaIr): GraphNode[] {
  return ir.nodes.map(({ kgid, label, inheritedLabels, properties }) => ({
    kgid,
    labels: new Set([label, ...inheritedLabels]),
    values: new Map(properties.map(({ name, property }) => [property, `${kgid}.${name}`])),
    kinds: new Map(properties.map((property) => [property.property, storedAs(property)!])),
  }));
}

/** Carries out what `lib/cypher.ts` says that a server does. */
function run(graph: GraphNode[], drafts: DraftOperation[]): void {
  for (const draft of drafts) {
    const operation = parseOperation(draft.name, draft.args);
    if (operation.kind === "transform") {
      for (const node of graph) runOnNode(node, operation.transform, renderOperation(draft));
    }
  }
}

function runOnNode({ kgid, labels, values, kinds }: GraphNode, transform: Transform, line: string): void {
  if (transform.except?.some((label) => labels.has(label))) return;
  if ("entity" in transform && (transform.entity !== "node" || !labels.has(transform.owner))) return;
  switch (transform.what) {
    case "renameLabel":
      if (labels.delete(transform.from)) labels.add(transform.to);
      return;
    case "addLabel":
      if (labels.has(transform.label)) labels.add(transform.other);
      return;
    case "removeLabel":
      if (labels.has(transform.label)) labels.delete(transform.other);
      return;
    case "addProperty":
      if (!values.has(transform.property)) values.set(transform.property, transform.value);
      return;
    case "removeProperty":
      values.delete(transform.property);
      kinds.delete(transform.property);
      return;
    case "convertProperty":
      if (kinds.get(transform.property) === transform.from) kinds.set(transform.property, transform.to);
      return;
    case "renameProperty": {
      if (!values.has(transform.from)) return;
      const [was, is] = [values.get(transform.to), values.get(transform.from)];
      assert.ok(was === undefined || was === is, `${line} overwrites a value of ${kgid}`);
      values.set(transform.to, is);
      values.delete(transform.from);
      if (kinds.has(transform.from)) kinds.set(transform.to, kinds.get(transform.from)!);
      kinds.delete(transform.from);
    }
  }
}

/**
 * A graph that fits `from` fits `to` after the way up, and is as it was after the way down, but for what the way up
 * says that it loses.
 */
function checkValues(from: SchemaIr, to: SchemaIr): void {
  const diff = diffIr(from, to);
  const graph = graphOf(from);
  run(graph, upgradeOperations(diff));
  for (const { kgid, label, inheritedLabels, properties } of to.nodes) {
    const { labels, values, kinds } = graph.find((node) => node.kgid === kgid)!;
    assert.deepEqual([...labels].sort(), [label, ...inheritedLabels].sort(), `labels of ${kgid}`);
    const old = from.nodes.find((node) => node.kgid === kgid)!.properties;
    for (const property of properties) {
      const was = old.find(({ name }) => name === property.name);
      if (was) {
        assert.equal(
          values.get(property.property),
          `${kgid}.${property.name}`,
          `value of ${kgid}.${property.name}`,
        );
        const isOpen = typeChange(was, property)?.how === "open";
        assert.equal(
          kinds.get(property.property),
          storedAs(isOpen ? was : property),
          `kind of ${kgid}.${property.name}`,
        );
      } else if (!was && property.default) {
        assert.ok(values.has(property.property), `${kgid}.${property.name} is filled`);
      }
    }
  }
  run(graph, downgradeOperations(diff));
  const lost = diff.steps.filter((step) => step.down.length === 0).map((step) =>
    lossOf(parseOperation(step.up.name, step.up.args))
  );
  for (const { kgid, labels, values, kinds } of graphOf(from)) {
    const back = graph.find((node) => node.kgid === kgid)!;
    assert.deepEqual([...back.labels].sort(), [...labels].sort(), `labels of ${kgid} after the downgrade`);
    if (lost.length > 0) continue;
    for (const [property, value] of values) {
      assert.equal(back.values.get(property), value, `${kgid} has ${property} after the downgrade`);
      assert.equal(back.kinds.get(property), kinds.get(property), `kind of ${property} after the downgrade`);
    }
  }
}

function show(ir: SchemaIr): string {
  return ir.nodes.map((n) =>
    `${n.kgid} ${[n.label, ...n.inheritedLabels].join(":")} {${
      n.properties.map((p) => `${p.name}: ${p.type} as ${p.property}${p.default ? " filled" : ""}`).join(", ")
    }}`
  ).join("; ");
}
