/**
 * Takes two schemas and gives the operations on data that lead from one to the other, each with what undoes it. Every
 * node carries the labels of its class and of the classes above it, so an operation on a label touches all of them;
 * the plan therefore says for each effect which classes want it, and leaves the others out by name. Order: labels
 * leave, labels are renamed, labels come, properties leave, are renamed, converted, filled. Never loses a value in
 * silence.
 */
import { canonicalJson } from "./digest.ts";
import type { ValueKind } from "./conversion.ts";
import type { NodeIr, PropertyIr, SchemaIr } from "./ir.ts";
import { typeChange } from "./ir_conversion.ts";
import type { DraftOperation } from "./operation_schema.ts";

/** A pair of an operation and what undoes it; `down` is empty where nothing can. */
export interface Step {
  up: DraftOperation;
  down: DraftOperation[];
  /** Takes values away, and waits until everything that may fail is done. */
  late?: true;
}

/** Renames that a person named: by kgid, from the old attribute name to the new one. */
export type PropertyRenames = Map<string, Map<string, string>>;

/** What happens to the stored properties of one class. */
export interface StoredChanges {
  /** Stored names whose values go. */
  removed: string[];
  /** Old stored name to new. */
  renamed: Map<string, string>;
  /** New stored names whose values become another kind. */
  converted: Map<string, { from: ValueKind; to: ValueKind }>;
  /** Stored names that come, with the value that fills them. */
  filled: Map<string, unknown>;
}

/** Data steps of all node classes. */
export function nodeSteps(from: SchemaIr, to: SchemaIr, renames: PropertyRenames): Step[] {
  return new Population(from, to).steps(renames);
}

/** Compares the stored properties of a class; attributes are matched by name or by a named rename. */
export function storedChanges(
  before: PropertyIr[],
  after: PropertyIr[],
  renames?: Map<string, string>,
): StoredChanges {
  const isStored = (property: PropertyIr) => property.type !== "AliasProperty";
  const now = new Map(after.filter(isStored).map((property) => [property.name, property]));
  const renamed = new Map<string, string>();
  const converted = new Map<string, { from: ValueKind; to: ValueKind }>();
  for (const was of before.filter(isStored)) {
    // An attribute that a person renamed takes its values along, also onto a name that another one had.
    const name = renames?.get(was.name) ??
      (renames && [...renames.values()].includes(was.name) ? undefined : was.name);
    const is = name === undefined ? undefined : now.get(name);
    if (is && is.property !== was.property) renamed.set(was.property, is.property);
    const change = is && typeChange(was, is);
    if (change?.how === "converted") converted.set(is!.property, { from: change.from, to: change.to });
  }
  const targets = new Set(renamed.values());
  const stored = new Set(now.values().map((property) => property.property));
  const had = new Set(before.filter(isStored).map((property) => property.property));
  const removed = [...had].filter((name) => !renamed.has(name) && (targets.has(name) || !stored.has(name)))
    .sort();
  const filled = new Map<string, unknown>();
  for (const property of now.values()) {
    const came = !targets.has(property.property) &&
      (!had.has(property.property) || renamed.has(property.property));
    const value = came ? fillValue(property) : undefined;
    if (value !== undefined) filled.set(property.property, value);
  }
  return { removed, renamed, converted, filled };
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

/**
 * Renames in an order in which none runs into another: `B -> C` before `A -> B`, a circle through a name that nothing
 * else has.
 */
export function orderRenames(renames: Map<string, string>, taken: Iterable<string>): [string, string][] {
  const open = new Map([...renames].sort(([a], [b]) => (a < b ? -1 : 1)));
  const names = new Set([...taken, ...renames.keys(), ...renames.values()]);
  const ordered: [string, string][] = [];
  const last: [string, string][] = [];
  while (open.size > 0) {
    const free = [...open].find(([, target]) => !open.has(target));
    const [old, target] = free ?? [...open][0];
    open.delete(old);
    if (free) {
      ordered.push(free);
      continue;
    }
    let spare = `${old}_renamed`;
    while (names.has(spare)) spare += "_";
    names.add(spare);
    ordered.push([old, spare]);
    last.push([spare, target]);
  }
  return [...ordered, ...last];
}

/** One class as its nodes are in the graph. */
interface Member {
  kgid: string;
  /** Undefined where the models no longer have the class; its nodes are still there. */
  now: NodeIr | undefined;
  old: NodeIr;
  label: string;
  labels: Set<string>;
  stored: Set<string>;
}

/** The nodes of the graph by class, followed through the steps. */
class Population {
  private readonly members: Member[];
  private readonly found: Step[] = [];
  private readonly known: Set<string>;

  constructor(from: SchemaIr, to: SchemaIr) {
    const after = new Map(to.nodes.map((node) => [node.kgid, node]));
    this.members = from.nodes.map((old) => ({
      kgid: old.kgid,
      old,
      now: after.get(old.kgid),
      label: old.label,
      labels: new Set([old.label, ...old.inheritedLabels]),
      stored: new Set(old.properties.filter((p) => p.type !== "AliasProperty").map((p) => p.property)),
    }));
    this.known = new Set(
      [...from.nodes, ...to.nodes].flatMap((node) => [node.label, ...node.inheritedLabels]),
    );
  }

  steps(renames: PropertyRenames): Step[] {
    this.relabel();
    this.properties(renames);
    return this.found;
  }

  private relabel(): void {
    const kept = this.members.filter((member) => member.now);
    const renamed = new Map(
      kept.filter(({ now, label }) => now!.label !== label).map(({ now, label }) => [label, now!.label]),
    );
    const wanted = (member: Member) => new Set([member.now!.label, ...member.now!.inheritedLabels]);
    this.moveLabels(
      "removeLabel",
      "addLabel",
      (member) =>
        [...member.labels].filter((label) =>
          label !== member.label && !wanted(member).has(renamed.get(label) ?? label)
        ),
    );
    for (const [old, name] of orderRenames(renamed, this.known)) {
      // Nodes of a class that is gone, or of one above, may carry the label: then nothing tells them apart again.
      const isTaken = this.members.some((member) => member.labels.has(name));
      const down = isTaken ? [] : [{ name: "renameLabel", args: [name, old] }];
      this.push({ name: "renameLabel", args: [old, name] }, ...down);
      for (const member of this.members) {
        if (member.labels.delete(old)) member.labels.add(name);
        if (member.label === old) member.label = name;
      }
    }
    this.moveLabels(
      "addLabel",
      "removeLabel",
      (member) => [...wanted(member)].filter((label) => label !== member.label && !member.labels.has(label)),
    );
  }

  private moveLabels(
    up: "addLabel" | "removeLabel",
    down: "addLabel" | "removeLabel",
    which: (member: Member) => string[],
  ): void {
    const effects = new Map<string, Set<Member>>();
    for (const member of this.members) {
      for (const label of member.now ? which(member) : []) {
        effects.set(label, (effects.get(label) ?? new Set()).add(member));
      }
    }
    for (const [label, members] of sorted(effects)) {
      // Whoever does not want the label is left out, also where it has it already: the way back must leave it too.
      this.cover(members, () => true, (owner, except) => {
        this.push({ name: up, args: [owner, label, ...except] }, {
          name: down,
          args: [owner, label, ...except],
        });
      });
      for (const member of members) {
        up === "addLabel" ? member.labels.add(label) : member.labels.delete(label);
      }
    }
  }

  private properties(renames: PropertyRenames): void {
    const removals = new Map<string, Set<Member>>();
    const moves = new Map<string, Set<Member>>();
    const conversions = new Map<string, Set<Member>>();
    const fills = new Map<string, Set<Member>>();
    const join = (map: Map<string, Set<Member>>, key: string, member: Member) =>
      map.set(key, (map.get(key) ?? new Set()).add(member));
    for (const member of this.members) {
      if (!member.now) continue;
      const { removed, renamed, converted, filled } = storedChanges(
        member.old.properties,
        member.now.properties,
        renames.get(member.kgid),
      );
      removed.forEach((name) => join(removals, name, member));
      if (renamed.size > 0) join(moves, canonicalJson([...renamed].sort()), member);
      converted.forEach(({ from, to }, name) => join(conversions, canonicalJson([name, from, to]), member));
      filled.forEach((value, name) => join(fills, canonicalJson([name, value]), member));
    }
    const targets = new Set(
      [...moves.keys()].flatMap((key) => (JSON.parse(key) as [string, string][]).map(([, name]) => name)),
    );
    // Only what a rename needs out of its way goes first; the rest of what is lost waits for the end.
    for (const [name, members] of sorted(removals)) if (targets.has(name)) this.remove(name, members);
    for (const [key, members] of sorted(moves)) {
      this.move(new Map(JSON.parse(key) as [string, string][]), members);
    }
    for (const [key, members] of sorted(conversions)) {
      const [name, from, to] = JSON.parse(key) as [string, ValueKind, ValueKind];
      this.cover(members, (member) => member.stored.has(name), (owner, except) => {
        const down = { name: "convertNodeProperty", args: [owner, name, to, from, ...except] };
        this.push({ name: "convertNodeProperty", args: [owner, name, from, to, ...except] }, down);
      });
    }
    for (const [key, members] of sorted(fills)) {
      const [name, value] = JSON.parse(key) as [string, unknown];
      this.cover(members, () => true, (owner, except) => {
        const down = { name: "removeNodeProperty", args: [owner, name, ...except] };
        this.push({ name: "addNodeProperty", args: [owner, name, value, ...except] }, down);
      });
      members.forEach((member) => member.stored.add(name));
    }
    for (const [name, members] of sorted(removals)) if (!targets.has(name)) this.remove(name, members, true);
  }

  private remove(name: string, members: Set<Member>, late?: true): void {
    this.cover(members, (member) => member.stored.has(name), (owner, except) => {
      const up = { name: "removeNodeProperty", args: [owner, name, ...except] };
      this.found.push({ up, down: [], ...(late && { late }) });
    });
    members.forEach((member) => member.stored.delete(name));
  }

  private move(renames: Map<string, string>, members: Set<Member>): void {
    for (const [old, name] of orderRenames(renames, [...members].flatMap((member) => [...member.stored]))) {
      this.cover(members, (member) => member.stored.has(old) || member.stored.has(name), (owner, except) => {
        this.push({ name: "renameNodeProperty", args: [owner, old, name, ...except] }, {
          name: "renameNodeProperty",
          args: [owner, name, old, ...except],
        });
      });
      for (const member of members) if (member.stored.delete(old)) member.stored.add(name);
    }
  }

  /**
   * Finds labels whose nodes together are those of `members`: the topmost classes first, with the labels of the
   * classes that carry the label, would be touched, and do not want the effect.
   */
  private cover(
    members: Set<Member>,
    touched: (member: Member) => boolean,
    each: (owner: string, except: [] | [{ except: string[] }]) => void,
  ): void {
    const open = new Set(
      [...members].sort((a, b) => a.labels.size - b.labels.size || (a.label < b.label ? -1 : 1)),
    );
    for (const member of open) {
      const carriers = this.members.filter((other) => other.labels.has(member.label));
      const others = carriers.filter((other) => !members.has(other) && touched(other)).map((other) =>
        other.label
      );
      // A class whose label the wanted one carries too cannot be left out: the wanted one would be as well.
      const except = [...new Set(others)].filter((label) => !member.labels.has(label)).sort();
      each(member.label, except.length > 0 ? [{ except }] : []);
      for (const carrier of carriers) {
        if (!except.some((label) => carrier.labels.has(label))) open.delete(carrier);
      }
    }
  }

  private push(up: DraftOperation, ...down: DraftOperation[]): void {
    this.found.push({ up, down });
  }
}

function sorted<T>(map: Map<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
