/**
 * Takes two schemas and gives what changed between them, in the user's words, and the operations that lead from one
 * to the other and back. Classes are matched by kgid, properties by attribute name or by a rename that a person
 * named; a rename is never inferred. Constraints and indexes follow from the whole schemas, so that a moved label or
 * an inherited property takes its own along.
 */
import { canonicalJson } from "./digest.ts";
import type { NodeIr, PropertyIr, RelationshipIr, RelModelIr, SchemaIr } from "./ir.ts";
import { schemaObjects } from "./ir.ts";
import { typeChange } from "./ir_conversion.ts";
import { directionSteps } from "./ir_direction.ts";
import {
  nodeSteps,
  orderRenames,
  type PropertyRenames,
  type Step,
  type StoredChanges,
  storedChanges,
} from "./ir_steps.ts";
import { draftCreate, draftDrop, type DraftOperation } from "./operation_schema.ts";
import { describeShape, sameOptions, schemaName, type SchemaObject, shapeKey } from "./schema.ts";

/** One difference, for people: `+`, `-`, `~` and a sentence. */
export interface Change {
  sign: "+" | "-" | "~";
  text: string;
  /** What gets lost in the graph, where something does. */
  loses?: string;
}

/** The way from one schema to another. */
export interface IrDiff {
  changes: Change[];
  steps: Step[];
}

/** Compares two schemas. */
export function diffIr(from: SchemaIr, to: SchemaIr, renames: PropertyRenames = new Map()): IrDiff {
  const changes: Change[] = [];
  const data: Step[] = [];
  const types = typeRenames(from, to);
  const merged = mergedTypes(from, types);
  for (const [old, name] of orderRenames(types, typesOf(from, to))) {
    data.push({
      up: { name: "renameRelationshipType", args: [old, name] },
      // Where relationships of two types become one, nothing tells them apart again.
      down: merged.has(name) ? [] : [{ name: "renameRelationshipType", args: [name, old] }],
    });
  }
  data.push(...nodeSteps(from, to, renames));
  const turned = directionSteps(from, to, types);
  data.push(...turned.steps);
  const before = new Map(from.nodes.map((node) => [node.kgid, node]));
  const after = new Map(to.nodes.map((node) => [node.kgid, node]));
  for (const kgid of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [old, now] = [before.get(kgid), after.get(kgid)];
    if (!old) changes.push({ sign: "+", text: `node ${now!.label} (${kgid})` });
    else if (!now) {
      changes.push({
        sign: "-",
        text: `node ${old.label} (${kgid}): its nodes stay in the graph until a migration deletes them`,
      });
    } else {
      changes.push(...labelChanges(old, now));
      changes.push(...propertiesChanges(now.label, old.properties, now.properties, renames.get(kgid)));
      diffRelationships(old, now, { turned: turned.definitions, types }, changes);
    }
  }
  diffRelModels(from.relationshipModels, to.relationshipModels, renames, changes, (step) => data.push(step));

  const objects = diffObjects(schemaObjects(from), schemaObjects(to), changes);
  return {
    changes,
    steps: [
      ...objects.drops,
      ...data.filter((step) => !step.late),
      ...objects.creates,
      ...data.filter((step) => step.late),
    ],
  };
}

function labelChanges(old: NodeIr, now: NodeIr): Change[] {
  const changes: Change[] = [];
  if (old.label !== now.label) {
    changes.push({ sign: "~", text: `label ${old.label} -> ${now.label} (${now.kgid})` });
  }
  for (const label of now.inheritedLabels) {
    if (!old.inheritedLabels.includes(label)) {
      changes.push({ sign: "+", text: `${now.label} inherits the label ${label}` });
    }
  }
  for (const label of old.inheritedLabels) {
    if (!now.inheritedLabels.includes(label)) {
      changes.push({ sign: "-", text: `${now.label} no longer inherits the label ${label}` });
    }
  }
  if (canonicalJson(old.optionalLabels) !== canonicalJson(now.optionalLabels)) {
    changes.push({
      sign: "~",
      text: `optional labels of ${now.label}: ${old.optionalLabels.join(", ") || "none"} -> ${
        now.optionalLabels.join(", ") || "none"
      }`,
    });
  }
  return changes;
}

/** Types that get relationships of another type besides their own, or of two others. */
function mergedTypes(from: SchemaIr, types: ReadonlyMap<string, string>): Set<string> {
  const had = new Set(from.nodes.flatMap((node) => node.relationships.map((r) => r.type ?? "")));
  const names = [...types.values()];
  return new Set(
    names.filter((name, i) => (had.has(name) && !types.has(name)) || names.indexOf(name) !== i),
  );
}

/**
 * Types whose definitions all went to one other type; who comes to a type does not matter, its own have left. Where a
 * definition is gone, nobody knows whose relationships they are, and they stay.
 */
function typeRenames(from: SchemaIr, to: SchemaIr): Map<string, string> {
  const after = new Map(to.nodes.map((node) => [node.kgid, node]));
  const targets = new Map<string, Set<string>>();
  for (const node of from.nodes) {
    for (const old of node.relationships) {
      const now = after.get(node.kgid)?.relationships.find((r) => r.name === old.name);
      if (old.type === null) continue;
      targets.set(old.type, (targets.get(old.type) ?? new Set()).add(now?.type ?? old.type));
    }
  }
  const moved = [...targets].filter(([old, found]) => found.size === 1 && !found.has(old));
  return new Map(moved.map(([old, found]) => [old, [...found][0]]));
}

function typesOf(...schemas: SchemaIr[]): string[] {
  return schemas.flatMap((ir) => ir.nodes.flatMap((node) => node.relationships.map((r) => r.type ?? "")));
}

/** What changed in the properties of one class or model, in words. */
function propertiesChanges(
  owner: string,
  before: PropertyIr[],
  after: PropertyIr[],
  renames?: Map<string, string>,
): Change[] {
  const came: Change[] = [];
  const changes: Change[] = [];
  const stored = storedChanges(before, after, renames);
  const now = new Map(after.map((property) => [property.name, property]));
  const taken = new Set<string>();
  for (const was of before) {
    const name = renames?.get(was.name) ??
      (renames && [...renames.values()].includes(was.name) ? undefined : was.name);
    const is = name === undefined ? undefined : now.get(name);
    const label = `${owner}.${was.name}`;
    if (!is) {
      const lost = stored.removed.includes(was.property);
      const kept = was.type === "AliasProperty" || lost
        ? ""
        : `: ${was.property} is stored by another attribute now`;
      changes.push({
        sign: "-",
        text: `property ${label}${kept}`,
        ...(lost && { loses: `the values of ${owner}.${was.property}` }),
      });
      continue;
    }
    taken.add(is.name);
    if (was.name !== is.name) changes.push({ sign: "~", text: `property ${label} -> ${is.name}` });
    else if (was.property !== is.property) {
      changes.push({ sign: "~", text: `stored name of ${label}: ${was.property} -> ${is.property}` });
    }
    changes.push(...propertyChanges(`${owner}.${is.name}`, was, is));
  }
  for (const property of after) {
    if (!taken.has(property.name)) {
      came.push({ sign: "+", text: `property ${owner}.${property.name} (${property.type})` });
    }
  }
  return [...came, ...changes];
}

const SHAPED: (keyof PropertyIr)[] = [
  "required",
  "choices",
  "default",
  "maxLength",
  "format",
  "expression",
  "to",
];

function propertyChanges(label: string, was: PropertyIr, now: PropertyIr): Change[] {
  const found: Change[] = [];
  const type = (p: PropertyIr) => (p.baseProperty ? `${p.type} of ${p.baseProperty}` : p.type);
  const change = typeChange(was, now);
  if (change) {
    const how = {
      kept: "both are stored alike, so stored values stay as they are",
      converted: "stored values are converted",
      open: "stored values are not converted; write that into the migration where there are any",
    };
    found.push({ sign: "~", text: `type of ${label}: ${type(was)} -> ${type(now)}; ${how[change.how]}` });
  }
  for (const member of SHAPED) {
    if (canonicalJson(was[member] ?? null) === canonicalJson(now[member] ?? null)) continue;
    const show = (value: unknown) => (value === undefined ? "none" : canonicalJson(value));
    found.push({
      sign: "~",
      text: `${member} of ${label}: ${show(was[member])} -> ${
        show(now[member])
      }; neomodel checks it, the graph does not`,
    });
  }
  return found;
}

/** What a change of a definition means to relationships that exist. */
const MEANING = {
  type: "; existing relationships stay as they are",
  direction: "; existing relationships stay as they are",
  target: "; existing relationships stay as they are",
  cardinality: "; neomodel checks it, the graph does not",
  model: "; properties of existing relationships stay",
} as const;

function diffRelationships(
  old: NodeIr,
  now: NodeIr,
  moved: { turned: ReadonlySet<RelationshipIr>; types: ReadonlyMap<string, string> },
  changes: Change[],
): void {
  const before = new Map(old.relationships.map((r) => [r.name, r]));
  const after = new Map(now.relationships.map((r) => [r.name, r]));
  const arrow = (r: RelationshipIr) => `${r.direction} ${r.target ?? "?"} by ${r.type ?? "None"}`;
  for (const [name, r] of after) {
    const was = before.get(name);
    if (!was) {
      changes.push({ sign: "+", text: `relationship ${now.label}.${name}: ${arrow(r)}` });
      continue;
    }
    for (const member of ["type", "direction", "target", "cardinality", "model"] as const) {
      if (was[member] === r[member]) continue;
      const isTurned = member === "direction" && moved.turned.has(r);
      const isRenamed = member === "type" && moved.types.get(was.type ?? "") === r.type;
      const meaning = isTurned
        ? "; existing relationships are turned"
        : isRenamed
        ? "; existing relationships are renamed"
        : MEANING[member];
      changes.push({
        sign: "~",
        text: `${member} of the relationship ${now.label}.${name}: ${was[member] ?? "none"} -> ${
          r[member] ?? "none"
        }${meaning}`,
      });
    }
  }
  for (const [name, r] of before) {
    if (!after.has(name)) {
      changes.push({
        sign: "-",
        text: `relationship ${now.label}.${name}: ${arrow(r)}; existing relationships stay in the graph`,
      });
    }
  }
}

function diffRelModels(
  before: RelModelIr[],
  after: RelModelIr[],
  renames: PropertyRenames,
  changes: Change[],
  push: (step: Step) => void,
): void {
  const old = new Map(before.map((model) => [model.kgid, model]));
  const now = new Map(after.map((model) => [model.kgid, model]));
  const what = (model: RelModelIr) =>
    `relationship model ${model.kgid}${model.types.length ? ` (${model.types.join(", ")})` : ""}`;
  for (const kgid of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [was, is] = [old.get(kgid), now.get(kgid)];
    if (!was) changes.push({ sign: "+", text: what(is!) });
    else if (!is) changes.push({ sign: "-", text: what(was) });
    else {
      if (canonicalJson(was.types) !== canonicalJson(is.types)) {
        changes.push({
          sign: "~",
          text: `types of ${kgid}: ${was.types.join(", ") || "none"} -> ${is.types.join(", ") || "none"}`,
        });
      }
      const types = is.types.length > 0 ? is.types : was.types;
      const renamed = renames.get(kgid);
      changes.push(...propertiesChanges(types[0] ?? kgid, was.properties, is.properties, renamed));
      for (const type of types) {
        relationshipSteps(type, storedChanges(was.properties, is.properties, renamed)).forEach(push);
      }
    }
  }
}

function relationshipSteps(type: string, { removed, renamed, converted, filled }: StoredChanges): Step[] {
  return [
    ...removed.map((name): Step => ({
      up: { name: "removeRelationshipProperty", args: [type, name] },
      down: [],
    })),
    ...orderRenames(renamed, removed).map(([old, name]): Step => ({
      up: { name: "renameRelationshipProperty", args: [type, old, name] },
      down: [{ name: "renameRelationshipProperty", args: [type, name, old] }],
    })),
    ...[...converted].map(([name, { from, to }]): Step => ({
      up: { name: "convertRelationshipProperty", args: [type, name, from, to] },
      down: [{ name: "convertRelationshipProperty", args: [type, name, to, from] }],
    })),
    ...[...filled].map(([name, value]): Step => ({
      up: { name: "addRelationshipProperty", args: [type, name, value] },
      down: [{ name: "removeRelationshipProperty", args: [type, name] }],
    })),
  ];
}

function diffObjects(
  before: SchemaObject[],
  after: SchemaObject[],
  changes: Change[],
): { drops: Step[]; creates: Step[] } {
  const old = new Map(before.map((object) => [shapeKey(object), object]));
  const now = new Map(after.map((object) => [shapeKey(object), object]));
  const drops: Step[] = [];
  const creates: Step[] = [];
  for (const [key, object] of old) {
    const is = now.get(key);
    if (is && sameOptions(object, is)) continue;
    changes.push({
      sign: is ? "~" : "-",
      text: is ? `options of the ${describeShape(object)}` : describeShape(object),
    });
    drops.push({ up: draftDrop(object), down: [draftCreate(object)] });
  }
  for (const [key, object] of now) {
    const was = old.get(key);
    if (was && sameOptions(object, was)) continue;
    if (!was) {
      const note = object.name === schemaName(object)
        ? ""
        : `, named "${object.name}", since another one has the usual name`;
      changes.push({ sign: "+", text: describeShape(object) + note });
    }
    creates.push({ up: draftCreate(object), down: [draftDrop(object)] });
  }
  return { drops, creates };
}

/** The operations of `upgrade` in order. */
export function upgradeOperations(diff: IrDiff): DraftOperation[] {
  return diff.steps.map((step) => step.up);
}

/** The operations of `downgrade`: the inverses, in reverse order. */
export function downgradeOperations(diff: IrDiff): DraftOperation[] {
  return [...diff.steps].reverse().flatMap((step) => step.down);
}
