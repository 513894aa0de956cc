/**
 * Follows the operations of a plan and tells where, in the graph as it is now, the nodes and values are that a later
 * operation would find: behind a renamed label under its old one, behind a renamed property under its old name. Where
 * that cannot be told, it says so. Never asks the graph.
 */
import type { Operation } from "./operation.ts";
import type { Transform } from "./transform.ts";

type Entity = "node" | "relationship";

/** The graph as the operations so far would have left it, in terms of the graph as it is. */
export class PlanState {
  /** Anything may be different: what is there now says nothing. */
  dataChanges = false;
  /** Labels of the present graph whose nodes carry the label by then; undefined where nobody can tell. */
  private readonly labels = new Map<string, string[] | undefined>();
  /** Properties that were changed, with whose they are: `node:Person`. */
  private readonly changed = new Map<string, Set<string>>();
  /** Properties that were only renamed: `node:Person.mail` to the name that they have now. */
  private readonly renamed = new Map<string, string>();

  /** Notes what an operation would change. */
  note(operation: Operation): void {
    if (operation.kind !== "transform") {
      this.dataChanges = true;
      return;
    }
    const { transform } = operation;
    switch (transform.what) {
      case "addProperty":
      case "removeProperty":
      case "convertProperty":
        return this.change(transform.entity, transform.owner, transform.property);
      case "renameProperty":
        return this.rename(transform);
      case "renameLabel":
        return this.renameLabel(transform.from, transform.to);
      case "addLabel": {
        const joined = transform.except ? undefined : this.union(transform.other, transform.label);
        this.labels.set(transform.other, joined);
        return;
      }
      case "removeLabel":
        this.labels.set(transform.other, undefined);
        return;
      default:
        this.dataChanges = true;
    }
  }

  /** Labels of the present graph whose nodes would carry the label; undefined where that cannot be told. */
  labelsOf(label: string): string[] | undefined {
    if (this.dataChanges) return undefined;
    return this.labels.has(label) ? this.labels.get(label) : [label];
  }

  /** The name that a property has now; undefined where an operation changes its values. */
  propertyOf(entity: Entity, owner: string, property: string): string | undefined {
    if (this.dataChanges) return undefined;
    const key = `${entity}:${owner}`;
    const before = this.renamed.get(`${key}.${property}`);
    if (before !== undefined) return before;
    return this.changed.get(property)?.has(key) ? undefined : property;
  }

  /** Other labels of whose nodes the property was changed: a node may carry both. */
  othersThatChanged(owner: string, property: string): string[] {
    return [...this.changed.get(property) ?? []].filter((key) =>
      key.startsWith("node:") && key !== `node:${owner}`
    )
      .map((key) => key.slice("node:".length));
  }

  private change(entity: Entity, owner: string, property: string): void {
    const key = `${entity}:${owner}`;
    this.changed.set(property, (this.changed.get(property) ?? new Set()).add(key));
    this.renamed.delete(`${key}.${property}`);
  }

  private rename({ entity, owner, from, to }: Transform & { what: "renameProperty" }): void {
    const before = this.propertyOf(entity, owner, from);
    this.change(entity, owner, from);
    this.change(entity, owner, to);
    if (before !== undefined) this.renamed.set(`${entity}:${owner}.${to}`, before);
  }

  private renameLabel(from: string, to: string): void {
    this.labels.set(to, this.union(to, from));
    this.labels.set(from, []);
    // What was said of the old label holds for the new one.
    for (const owners of this.changed.values()) if (owners.has(`node:${from}`)) owners.add(`node:${to}`);
    for (const [key, before] of [...this.renamed]) {
      if (key.startsWith(`node:${from}.`)) {
        this.renamed.set(`node:${to}.${key.slice(`node:${from}.`.length)}`, before);
      }
    }
  }

  private union(one: string, other: string): string[] | undefined {
    const [left, right] = [this.labelsOf(one), this.labelsOf(other)];
    return left && right && [...new Set([...left, ...right])];
  }
}
