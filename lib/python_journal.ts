/**
 * Takes writes into maps of names and can take them back: what a branch changed that may not happen, and what the
 * branches agree on. Knows nothing of statements.
 */
import { type Attribute, equal, type PyValue, unknown, type Where } from "./python_value.ts";

type Names = Map<string, unknown>;

/** Values that names had before (or after) something was followed; `undefined` where they had none. */
export type Values = Map<Names, Map<string, unknown>>;

/** What a branch changed. */
export interface Changes {
  before: Values;
  /** Names of things that the branch itself made: nobody else knows them. */
  fresh: Set<Names>;
}

/** Notes what is overwritten, for each of the branches that are open. */
export class Journal {
  private readonly open: Changes[] = [];

  /** Forgets all open branches: following was given up. */
  reset(): void {
    this.open.length = 0;
  }

  /** Attributes count by being there; a variable that is not there is only not used. */
  private readonly attributes = new WeakSet<Names>();

  /** Tells of names that come into being. */
  begin<T>(names: Map<string, T>, of: "variables" | "attributes"): Map<string, T> {
    this.open.at(-1)?.fresh.add(names);
    if (of === "attributes") this.attributes.add(names);
    return names;
  }

  /** Sets a name, or takes it away with `undefined`. */
  write<T>(names: Map<string, T>, name: string, value: T | undefined): void {
    const changes = this.open.at(-1);
    if (changes) note(changes, names, name, names.get(name));
    value === undefined ? names.delete(name) : names.set(name, value);
  }

  /** Notes the changes that `work` makes, also where it throws. */
  noting(work: () => void): { changes: Changes; error?: unknown } {
    const changes: Changes = { before: new Map(), fresh: new Set() };
    this.open.push(changes);
    try {
      work();
      return { changes };
    } catch (error) {
      return { changes, error };
    } finally {
      this.open.pop();
    }
  }

  /** Takes changes back; gives the values that they had left. */
  undo(changes: Changes): Values {
    const after: Values = new Map();
    for (const [names, before] of changes.before) {
      const left = new Map<string, unknown>();
      after.set(names, left);
      for (const [name, value] of before) {
        left.set(name, names.get(name));
        value === undefined ? names.delete(name) : names.set(name, value);
      }
    }
    return after;
  }

  /** Changes that are kept are also changes of the branch around them. */
  keep(changes: Changes): void {
    const outer = this.open.at(-1);
    if (!outer) return;
    changes.fresh.forEach((names) => outer.fresh.add(names));
    for (const [names, before] of changes.before) {
      for (const [name, value] of before) note(outer, names, name, value);
    }
  }

  /** Writes what all outcomes agree on; where they differ a name becomes unknown. */
  merge(outcomes: Values[], where: Where): void {
    const changed = new Map<Names, Set<string>>();
    for (const outcome of outcomes) {
      for (const [names, left] of outcome) {
        const set = changed.get(names) ?? new Set();
        changed.set(names, set);
        for (const name of left.keys()) set.add(name);
      }
    }
    for (const [names, set] of changed) {
      for (const name of set) {
        const left = outcomes.map((outcome) => {
          const own = outcome.get(names);
          return own?.has(name) ? own.get(name) : names.get(name);
        }) as (PyValue | Attribute | undefined)[];
        this.write(names, name, agreed(name, left, this.attributes.has(names), where));
      }
    }
  }
}

function note(changes: Changes, names: Names, name: string, before: unknown): void {
  if (changes.fresh.has(names)) return;
  const known = changes.before.get(names) ?? new Map();
  changes.before.set(names, known);
  if (!known.has(name)) known.set(name, before);
}

/** The value on which all ways agree, else unknown. */
function agreed(
  name: string,
  all: (PyValue | Attribute | undefined)[],
  isAttribute: boolean,
  where: Where,
): PyValue | Attribute | undefined {
  const left = all.filter((item) => item !== undefined);
  const [first] = left;
  if (first === undefined) return undefined;
  const valueOf = (item: PyValue | Attribute): PyValue => "kind" in item ? item : item.value;
  const value = valueOf(first);
  const isEverywhere = left.length === all.length || !isAttribute;
  if (
    isEverywhere && left.every((other) => valueOf(other) === value || equal(valueOf(other), value) === true)
  ) {
    return first;
  }
  const doubt = unknown(`"${name}" depends on a condition that is not known`, ...left.map(valueOf));
  return "kind" in first ? doubt : { value: doubt, where };
}
