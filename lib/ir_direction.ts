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
  const overlap = overlapIn(from, to);
  const definitions = new Set<RelationshipIr>();
  const turns = new Map<string, [type: string, source: NodeIr, target: NodeIr]>();
  for (const is of after) {
    const was = before.find((other) =>
      other.node.kgid === is.node.kgid && other.definition.name === is.definition.name
    );
    if (!was || !isOpposite(was, is) || !isSure(was, before, after, overlap)) continue;
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
      if (type === null || target === null) return [];
      const [first, last] = direction === "from" ? [target, node.kgid] : [node.kgid, target];
      return [{ definition, node, type: types.get(type) ?? type, source: first, target: last }];
    })
  );
}

function isOpposite(was: Lead, is: Lead): boolean {
  return was.type === is.type && was.source === is.target && was.target === is.source &&
    was.definition.direction !== is.definition.direction &&
    was.definition.direction !== "either" && is.definition.direction !== "either";
}

/**
 * Does every definition that can mean the same relationships, of these classes and of those above and below them, look
 * the other way now? One that looks both ways means all of them.
 */
function isSure(
  was: Lead,
  before: Lead[],
  after: Lead[],
  overlap: (one: string, other: string) => boolean,
): boolean {
  const sameWay = (lead: Lead) => overlap(lead.source, was.source) && overlap(lead.target, was.target);
  const meets = (lead: Lead) =>
    lead.type === was.type &&
    (sameWay(lead) || (overlap(lead.source, was.target) && overlap(lead.target, was.source)));
  const partner = (lead: Lead, others: Lead[]) =>
    others.find((other) =>
      other.node.kgid === lead.node.kgid && other.definition.name === lead.definition.name
    );
  // Two ways between two classes cannot be turned one after the other: they would meet.
  const isOneWay = overlap(was.source, was.target) || before.filter(meets).every(sameWay);
  return isOneWay && before.filter(meets).every((old) => {
    const now = partner(old, after);
    return now !== undefined && isOpposite(old, now);
  }) && after.filter(meets).every((now) => {
    const old = partner(now, before);
    return old !== undefined && isOpposite(old, now);
  });
}

/** Can a node be of both classes? Their labels tell, before or after. */
function overlapIn(...schemas: SchemaIr[]): (one: string, other: string) => boolean {
  const labels = new Map<string, Set<string>>();
  for (const node of schemas.flatMap((ir) => ir.nodes)) {
    const all = labels.get(node.kgid) ?? new Set<string>();
    for (const label of [node.label, ...node.inheritedLabels]) all.add(label);
    labels.set(node.kgid, all);
  }
  const own = new Map<string, Set<string>>();
  for (const node of schemas.flatMap((ir) => ir.nodes)) {
    own.set(node.kgid, (own.get(node.kgid) ?? new Set()).add(node.label));
  }
  const carries = (one: string, other: string) =>
    [...own.get(other) ?? []].some((label) => labels.get(one)?.has(label) ?? false);
  return (one, other) => one === other || carries(one, other) || carries(other, one);
}
