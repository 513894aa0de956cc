/**
 * Takes two schemas and gives the relationships that must be turned: those whose definitions look the other way now,
 * while nothing in either schema still means the old way or meant the new one. Where that is not sure, nothing is
 * turned, and the change is told. Types and labels are those after their renames.
 */
import type { NodeIr, RelationshipIr, SchemaIr } from "./ir.ts";
import type { Step } from "./ir_steps.ts";

/** A definition as the graph sees it: who leads to whom. */
interface Lead {
  definition: RelationshipIr;
  node: NodeIr;
  type: string;
  /** kgids. */
  source: string;
  target: string;
}

/** Steps that turn relationships, and the new definitions that ask for it. */
export interface DirectionChange {
  steps: Step[];
  definitions: ReadonlySet<RelationshipIr>;
}

/** Finds what must be turned; `types` are the renames of relationship types. */
export function directionSteps(
  from: SchemaIr,
  to: SchemaIr,
  types: ReadonlyMap<string, string>,
): DirectionChange {
  const [before, after] = [leads(from, types), leads(to, new Map())];
  const labels = new Map(to.nodes.map((node) => [node.kgid, node]));
  const definitions = new Set<RelationshipIr>();
  const turns = new Map<string, [type: string, source: NodeIr, target: NodeIr]>();
  for (const is of after) {
    const was = before.find((other) =>
      other.node.kgid === is.node.kgid && other.definition.name === is.definition.name
    );
    if (!was || !isOpposite(was, is) || !isSure(was, is, before, after)) continue;
    const [source, target] = [labels.get(was.source), labels.get(was.target)];
    if (!source || !target) continue;
    definitions.add(is.definition);
    turns.set([was.type, was.source, was.target].join("\u0000"), [was.type, source, target]);
  }
  const all = [...turns.values()];
  // A base class speaks for the classes below it.
  const above = (base: NodeIr, node: NodeIr) =>
    base.label === node.label || node.inheritedLabels.includes(base.label);
  const covers = (a: typeof all[number], b: typeof all[number]) =>
    a[0] === b[0] && above(a[1], b[1]) && above(a[2], b[2]);
  const needed = all.filter((turn, i) =>
    !all.some((other, j) => i !== j && covers(other, turn) && (j < i || !covers(turn, other)))
  );
  return {
    definitions,
    steps: needed.map(([type, source, target]): Step => ({
      up: { name: "changeRelationshipDirection", args: [type, source.label, target.label] },
      down: [{ name: "changeRelationshipDirection", args: [type, target.label, source.label] }],
    })).sort((a, b) => (a.up.args.join() < b.up.args.join() ? -1 : 1)),
  };
}

function leads(ir: SchemaIr, types: ReadonlyMap<string, string>): Lead[] {
  return ir.nodes.flatMap((node) =>
    node.relationships.flatMap((definition): Lead[] => {
      const { type, target, direction } = definition;
      if (type === null || target === null || direction === "either") return [];
      const [first, last] = direction === "to" ? [node.kgid, target] : [target, node.kgid];
      return [{ definition, node, type: types.get(type) ?? type, source: first, target: last }];
    })
  );
}

function isOpposite(was: Lead, is: Lead): boolean {
  return was.type === is.type && was.source === is.target && was.target === is.source &&
    was.definition.direction !== is.definition.direction;
}

/** Does every definition of these ends look the other way now? */
function isSure(was: Lead, is: Lead, before: Lead[], after: Lead[]): boolean {
  const same = (a: Lead, b: Lead) => a.type === b.type && a.source === b.source && a.target === b.target;
  if (was.source !== was.target) {
    return !after.some((lead) => same(lead, was)) && !before.some((lead) => same(lead, is));
  }
  // Ends of one class: the definitions themselves must all have changed sides.
  return before.filter((lead) => same(lead, was)).every((old) => {
    const now = after.find((lead) =>
      lead.node.kgid === old.node.kgid && lead.definition.name === old.definition.name
    );
    return now !== undefined && isOpposite(old, now);
  });
}
