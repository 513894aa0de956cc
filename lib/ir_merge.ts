/**
 * Takes two schemas that grew from one and gives the schema that has the changes of both, or names what both changed
 * in different ways. Classes are matched by kgid, their parts by name. Never chooses between two changes.
 */
import { canonicalJson } from "./digest.ts";
import type { NodeIr, RelModelIr, SchemaIr } from "./ir.ts";

/** The merged schema, and what both sides changed differently, in words. */
export interface MergedIr {
  ir: SchemaIr;
  conflicts: string[];
}

/** Merges two schemas over the one that they have in common. */
export function mergeIr(base: SchemaIr, left: SchemaIr, right: SchemaIr): MergedIr {
  const conflicts: string[] = [];
  const merge = new Merge(conflicts);
  const nodes = merge.items(
    "node",
    base.nodes,
    left.nodes,
    right.nodes,
    (node) => node.kgid,
    (b, l, r, name) => {
      const whole = merge.parts(b, l, r, name, ["properties", "relationships"]);
      return {
        ...whole,
        properties: merge.items(name, b.properties, l.properties, r.properties, (p) => p.name),
        relationships: merge.items(name, b.relationships, l.relationships, r.relationships, (p) => p.name),
      } as NodeIr;
    },
  );
  const relationshipModels = merge.items(
    "relationship model",
    base.relationshipModels,
    left.relationshipModels,
    right.relationshipModels,
    (model) => model.kgid,
    (b, l, r, name) => ({
      ...merge.parts(b, l, r, name, ["properties", "types"]),
      types: mergeSets(b.types, l.types, r.types),
      properties: merge.items(name, b.properties, l.properties, r.properties, (p) => p.name),
    } as RelModelIr),
  );
  const existence = merge.value("[schema] required", base.existence, left.existence, right.existence);
  return { ir: { format: 1, ...(existence && { existence }), nodes, relationshipModels }, conflicts };
}

/** What both had, what either added, without what either took away. */
function mergeSets(base: string[], left: string[], right: string[]): string[] {
  const all = [...new Set([...base, ...left, ...right])];
  return all.filter((item) => !base.includes(item) || (left.includes(item) && right.includes(item))).sort();
}

class Merge {
  constructor(private readonly conflicts: string[]) {}

  value<T>(name: string, base: T, left: T, right: T): T {
    const [b, l, r] = [base, left, right].map((value) => canonicalJson(value ?? null));
    if (l === r || r === b) return left;
    if (l === b) return right;
    this.conflicts.push(name);
    return left;
  }

  parts<T extends object>(base: T, left: T, right: T, name: string, without: string[]): Partial<T> {
    const keys = [...new Set([base, left, right].flatMap((value) => Object.keys(value)))];
    return Object.fromEntries(
      keys.filter((key) => !without.includes(key)).map((key) => {
        const k = key as keyof T;
        return [key, this.value(`${name}: ${key}`, base[k], left[k], right[k])];
      }).filter(([, value]) => value !== undefined),
    ) as Partial<T>;
  }

  items<T>(
    owner: string,
    base: T[],
    left: T[],
    right: T[],
    key: (item: T) => string,
    inner?: (base: T, left: T, right: T, name: string) => T,
  ): T[] {
    const [b, l, r] = [base, left, right].map((items) => new Map(items.map((item) => [key(item), item])));
    const found: T[] = [];
    for (const name of [...new Set([...b.keys(), ...l.keys(), ...r.keys()])].sort()) {
      const [was, a, c] = [b.get(name), l.get(name), r.get(name)];
      const label = `${owner} ${name}`;
      const merged = was && a && c && inner ? inner(was, a, c, label) : this.value(label, was, a, c);
      if (merged !== undefined) found.push(merged);
    }
    return found;
  }
}
