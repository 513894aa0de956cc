/**
 * Takes two schemas and gives what changed between them, in the user's words, and the operations that lead from one
 * to the other and back. Classes are matched by kgid, properties by attribute name or by a rename that a person
 * named; a rename is never inferred. Constraints and indexes follow from the whole schemas, so that a moved label or
 * an inherited property takes its own along.
 */
import { canonicalJson } from "./digest.ts";
import type { NodeIr, PropertyIr, RelationshipIr, RelModelIr, SchemaIr } from "./ir.ts";
import { schemaObjects } from "./ir.ts";
import { draftCreate, draftDrop, type DraftOperation } from "./operation.ts";
import { describeShape, sameOptions, type SchemaObject, shapeKey } from "./schema.ts";

/** One difference, for people: `+`, `-`, `~` and a sentence. */
export interface Change {
  sign: "+" | "-" | "~";
  text: string;
  /** What gets lost in the graph, where something does. */
  loses?: string;
}

/** A pair of an operation and what undoes it; `down` is empty where nothing can. */
export interface Step {
  up: DraftOperation;
  down: DraftOperation[];
}

/** The way from one schema to another. */
export interface IrDiff {
  changes: Change[];
  steps: Step[];
}

/** Renames that a person named: by kgid, from the old attribute name to the new one. */
export type PropertyRenames = Map<string, Map<string, string>>;

/** Compares two schemas. */
export function diffIr(from: SchemaIr, to: SchemaIr, renames: PropertyRenames = new Map()): IrDiff {
  const changes: Change[] = [];
  const data: Step[] = [];
  const relabel = labelRenames(from, to);
  const retype = typeRenames(from, to);
  data.push(...renameSteps(relabel, "renameLabel"), ...renameSteps(retype, "renameRelationshipType"));

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
      if (old.label !== now.label) {
        changes.push({ sign: "~", text: `label ${old.label} -> ${now.label} (${kgid})` });
      }
      data.push(...inheritedLabelSteps(old, now, relabel, changes));
      const owner: Owner = {
        kind: "node",
        name: now.label,
        kgid,
        stillStored: storedByDescendants(now.label, to),
      };
      diffProperties(
        owner,
        old.properties,
        now.properties,
        renames.get(kgid),
        changes,
        (step) => data.push(step),
      );
      diffRelationships(old, now, changes);
    }
  }
  diffRelModels(from.relationshipModels, to.relationshipModels, renames, changes, (step) => data.push(step));

  const objects = diffObjects(schemaObjects(from), schemaObjects(to), changes);
  return { changes, steps: [...objects.drops, ...withoutRepeats(data, to), ...objects.creates] };
}

interface Owner {
  kind: "node" | "relationship";
  /** Label or relationship type. */
  name: string;
  kgid: string;
  /** Stored names that classes below this one declare: their nodes carry this label too, and keep their values. */
  stillStored: ReadonlySet<string>;
}

function storedByDescendants(label: string, ir: SchemaIr): Set<string> {
  const descendants = ir.nodes.filter((node) => node.inheritedLabels.includes(label));
  return new Set(descendants.flatMap((node) => storedNames(node.properties)));
}

function storedNames(properties: PropertyIr[]): string[] {
  return properties.filter((property) => property.type !== "AliasProperty").map((property) =>
    property.property
  );
}

/** Label changes by kgid: old label to new. */
function labelRenames(from: SchemaIr, to: SchemaIr): Map<string, string> {
  const after = new Map(to.nodes.map((node) => [node.kgid, node]));
  const renames = new Map<string, string>();
  for (const node of from.nodes) {
    const now = after.get(node.kgid);
    if (now && now.label !== node.label) renames.set(node.label, now.label);
  }
  return renames;
}

/** Types that every definition left for one other type. */
function typeRenames(from: SchemaIr, to: SchemaIr): Map<string, string> {
  const after = new Map(to.nodes.map((node) => [node.kgid, node]));
  const stillUsed = new Set(to.nodes.flatMap((node) => node.relationships.map((r) => r.type)));
  const targets = new Map<string, Set<string>>();
  for (const node of from.nodes) {
    for (const old of node.relationships) {
      const now = after.get(node.kgid)?.relationships.find((r) => r.name === old.name);
      if (
        old.type === null || !now || now.type === null || now.type === old.type || stillUsed.has(old.type)
      ) continue;
      targets.set(old.type, (targets.get(old.type) ?? new Set()).add(now.type));
    }
  }
  return new Map(
    [...targets].filter(([, found]) => found.size === 1).map(([old, found]) => [old, [...found][0]]),
  );
}

/** Renames in an order in which none runs into another: `B -> C` before `A -> B`, a circle through a spare name. */
function renameSteps(renames: Map<string, string>, op: string, before: string[] = []): Step[] {
  const open = new Map([...renames].sort(([a], [b]) => (a < b ? -1 : 1)));
  const steps: Step[] = [];
  const push = (a: string, b: string) =>
    steps.push({ up: { name: op, args: [...before, a, b] }, down: [{ name: op, args: [...before, b, a] }] });
  const spare: [string, string][] = [];
  while (open.size > 0) {
    const free = [...open].find(([, target]) => !open.has(target));
    if (free) {
      push(free[0], free[1]);
      open.delete(free[0]);
    } else {
      const [old, target] = [...open][0];
      push(old, `${old}_renamed`);
      spare.push([`${old}_renamed`, target]);
      open.delete(old);
    }
  }
  spare.forEach(([old, target]) => push(old, target));
  return steps;
}

function inheritedLabelSteps(
  old: NodeIr,
  now: NodeIr,
  relabel: Map<string, string>,
  changes: Change[],
): Step[] {
  const expected = new Set(old.inheritedLabels.map((label) => relabel.get(label) ?? label));
  const actual = new Set(now.inheritedLabels);
  const steps: Step[] = [];
  const step = (up: "addLabel" | "removeLabel", down: "addLabel" | "removeLabel", label: string) =>
    steps.push({
      up: { name: up, args: [now.label, label] },
      down: [{ name: down, args: [now.label, label] }],
    });
  for (const label of actual) {
    if (expected.has(label) || label === now.label) continue;
    changes.push({ sign: "+", text: `${now.label} inherits the label ${label}` });
    step("addLabel", "removeLabel", label);
  }
  for (const label of expected) {
    if (actual.has(label) || label === now.label) continue;
    changes.push({ sign: "-", text: `${now.label} no longer inherits the label ${label}` });
    step("removeLabel", "addLabel", label);
  }
  return steps;
}

/** Steps of one class's properties: what goes, then what is renamed, then what is filled. */
function diffProperties(
  owner: Owner,
  before: PropertyIr[],
  after: PropertyIr[],
  renamed: Map<string, string> | undefined,
  changes: Change[],
  push: (step: Step) => void,
): void {
  const old = new Map(before.map((property) => [renamed?.get(property.name) ?? property.name, property]));
  const now = new Map(after.map((property) => [property.name, property]));
  const operation = (verb: "add" | "remove" | "rename") =>
    `${verb}${owner.kind === "node" ? "Node" : "Relationship"}Property`;
  const renames = new Map<string, string>();
  const fills: Step[] = [];
  for (const [name, property] of now) {
    const was = old.get(name);
    const label = `${owner.name}.${name}`;
    if (!was) {
      changes.push({ sign: "+", text: `property ${label} (${property.type})` });
      const value = fillValue(property);
      if (value === undefined) continue;
      fills.push({
        up: { name: operation("add"), args: [owner.name, property.property, value] },
        down: [{ name: operation("remove"), args: [owner.name, property.property] }],
      });
      continue;
    }
    if (was.name !== name) changes.push({ sign: "~", text: `property ${owner.name}.${was.name} -> ${name}` });
    if (was.property !== property.property && property.type !== "AliasProperty") {
      const kept = owner.stillStored.has(was.property);
      if (was.name === name || kept) {
        const why = kept
          ? `; existing values stay, since a class below ${owner.name} stores ${was.property}`
          : "";
        changes.push({
          sign: "~",
          text: `stored name of ${label}: ${was.property} -> ${property.property}${why}`,
        });
      }
      if (!kept) renames.set(was.property, property.property);
    }
    changes.push(...propertyChanges(label, was, property));
  }
  const targets = new Set(renames.values());
  for (const [name, property] of old) {
    if (now.has(name)) continue;
    const label = `${owner.name}.${property.name}`;
    const stored = property.property;
    if (property.type === "AliasProperty") changes.push({ sign: "-", text: `alias ${label}` });
    else if (owner.stillStored.has(stored)) {
      changes.push({
        sign: "-",
        text: `property ${label}: its values stay, since a class below ${owner.name} stores ${stored}`,
      });
    } else if (storedNames(after).includes(stored) && !targets.has(stored)) {
      changes.push({ sign: "-", text: `property ${label}: ${stored} is stored by another attribute now` });
    } else {
      changes.push({ sign: "-", text: `property ${label}`, loses: `the values of ${owner.name}.${stored}` });
      push({ up: { name: operation("remove"), args: [owner.name, stored] }, down: [] });
    }
  }
  renameSteps(renames, operation("rename"), [owner.name]).forEach(push);
  fills.forEach(push);
}

/** The value that fills existing nodes: a known default of a type that is stored as it is written. */
function fillValue(property: PropertyIr): unknown {
  if (!property.default || !("value" in property.default)) return undefined;
  const { value } = property.default;
  if (property.type === "FloatProperty" && typeof value === "number") return { float: value };
  const plain = ["StringProperty", "EmailProperty", "RegexProperty", "IntegerProperty", "BooleanProperty"];
  return plain.includes(property.type) && ["string", "number", "boolean"].includes(typeof value)
    ? value
    : undefined;
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
  if (type(was) !== type(now)) {
    found.push({
      sign: "~",
      text: `type of ${label}: ${type(was)} -> ${type(now)}; stored values are not converted`,
    });
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

function diffRelationships(old: NodeIr, now: NodeIr, changes: Change[]): void {
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
      changes.push({
        sign: "~",
        text: `${member} of the relationship ${now.label}.${name}: ${was[member] ?? "none"} -> ${
          r[member] ?? "none"
        }`,
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
      types.forEach((type, i) => {
        const owner: Owner = { kind: "relationship", name: type, kgid, stillStored: new Set() };
        diffProperties(owner, was.properties, is.properties, renames.get(kgid), i === 0 ? changes : [], push);
      });
    }
  }
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
    if (!was) changes.push({ sign: "+", text: describeShape(object) });
    creates.push({ up: draftCreate(object), down: [draftDrop(object)] });
  }
  return { drops, creates };
}

/** A step that an inherited label has too is made once, at the ancestor: the same nodes carry both labels. */
function withoutRepeats(steps: Step[], to: SchemaIr): Step[] {
  const inherited = new Map(to.nodes.map((node) => [node.label, node.inheritedLabels]));
  const has = new Set(steps.map((step) => canonicalJson(step.up)));
  return steps.filter((step) => {
    const [label, ...rest] = step.up.args as [string, ...unknown[]];
    if (!/NodeProperty$/.test(step.up.name)) return true;
    return !(inherited.get(label) ?? []).some((ancestor) =>
      has.has(canonicalJson({ ...step.up, args: [ancestor, ...rest] }))
    );
  });
}

/** The operations of `upgrade` in order. */
export function upgradeOperations(diff: IrDiff): DraftOperation[] {
  return diff.steps.map((step) => step.up);
}

/** The operations of `downgrade`: the inverses, in reverse order. */
export function downgradeOperations(diff: IrDiff): DraftOperation[] {
  return [...diff.steps].reverse().flatMap((step) => step.down);
}
