/**
 * Takes what a person said about renamed properties (a flag, a comment at the property, an answer at a terminal) and
 * gives the renames of a draft. What nobody said anything about stays open, and is handed back so that the draft can
 * spell it out. Never infers a rename.
 */
import { CrochetError } from "./error.ts";
import type { PropertyIr, SchemaIr } from "./ir.ts";
import { storedAs } from "./ir_conversion.ts";
import type { PropertyRenames } from "./ir_steps.ts";
import type { ModelReading } from "./model_files.ts";
import type { NodeModel, RelModel } from "./neomodel.ts";
import { qualifiedName } from "./neomodel_class.ts";
import { locate } from "./python_tree.ts";
import type { ClassValue } from "./python_value.ts";
import { nearest } from "./text.ts";

/** A property that left while another of its kind came: perhaps the same one under a new name. */
export interface RenameCandidate {
  /** The class that declares the new property. */
  class: string;
  /** Label of nodes, type of relationships. */
  owner: string;
  entity: "node" | "relationship";
  old: PropertyIr;
  now: PropertyIr;
}

/** What is known when renames are decided. */
export interface RenameContext {
  /** `Person.email=mail`, as given on the command line. */
  given: string[];
  before: SchemaIr;
  after: SchemaIr;
  reading: ModelReading;
  /** Asks a person; undefined where nobody can answer. */
  ask?(question: string): string | null;
}

type Model = NodeModel | RelModel;

/** Decides which properties were renamed. @throws CrochetError USAGE for a flag or a comment that fits nothing */
export function decideRenames(context: RenameContext): {
  renames: PropertyRenames;
  open: RenameCandidate[];
} {
  const { before, reading, given, ask } = context;
  const renames: PropertyRenames = new Map();
  for (const text of given) addGiven(renames, text, before, reading);
  for (const cls of reading.world.classes) addComments(renames, cls, before, reading);
  const open: RenameCandidate[] = [];
  for (const candidate of candidates(context, renames)) {
    const { class: name, old, now } = candidate;
    const renamed = renames.get(kgidOf(candidate, reading)) ?? new Map<string, string>();
    // An answer before may have taken one of the two.
    if (renamed.has(old.name) || [...renamed.values()].includes(now.name)) continue;
    if (!ask) open.push(candidate);
    else if (answered(ask, `Was ${name}.${old.name} renamed to ${now.name}? [y/N]`)) {
      const model = modelsOf(reading).find((other) => other.class === name)!;
      addRename(renames, model, old.name, now.name, before, reading);
    }
  }
  return { renames, open };
}

/** Asks until there is an answer. @throws CrochetError INTERRUPTED where there will be none */
function answered(ask: (question: string) => string | null, question: string): boolean {
  for (;;) {
    const answer = ask(question)?.trim().toLowerCase();
    if (answer === undefined) {
      throw new CrochetError("INTERRUPTED", "The question was not answered, and nothing was written", {
        hint: "say it with --rename Class.old=new, or run the command again",
      });
    }
    if (["y", "yes"].includes(answer)) return true;
    if (["", "n", "no"].includes(answer)) return false;
  }
}

function modelsOf(reading: ModelReading): Model[] {
  return [...reading.models.nodes, ...reading.models.relationshipModels];
}

function kgidOf(candidate: RenameCandidate, reading: ModelReading): string {
  return modelsOf(reading).find((model) => model.class === candidate.class)?.kgid ?? "";
}

/** The rename of an inherited property concerns every class that has it. */
function addRename(
  renames: PropertyRenames,
  model: Model,
  old: string,
  now: string,
  before: SchemaIr,
  reading: ModelReading,
): void {
  for (const candidate of modelsOf(reading)) {
    const was = propertiesBefore(before, candidate.kgid);
    const inherits = candidate.kgid && was.some((p) => p.name === old) &&
      candidate.properties.some((p) => p.name === now) && !candidate.properties.some((p) => p.name === old);
    const related = candidate === model ||
      ("labels" in candidate && "label" in model && candidate.labels.includes(model.label)) ||
      candidate.properties.some((p) =>
        p.name === now && p.declaredIn === model.properties.find((other) => other.name === now)?.declaredIn
      );
    if (inherits && related) {
      renames.set(candidate.kgid!, (renames.get(candidate.kgid!) ?? new Map()).set(old, now));
    }
  }
}

function propertiesBefore(before: SchemaIr, kgid: string | null): PropertyIr[] {
  return [...before.nodes, ...before.relationshipModels].find((other) => other.kgid === kgid)?.properties ??
    [];
}

/** Adds a rename of the command line. The class may be named by its name, its label or its kgid. */
function addGiven(renames: PropertyRenames, text: string, before: SchemaIr, reading: ModelReading): void {
  const match = /^(.+)\.([^.=]+)=([^.=]+)$/.exec(text);
  const fail = (problem: string, hint: string): never => {
    throw new CrochetError("USAGE", `The rename "${text}" cannot be understood: ${problem}`, { hint });
  };
  if (!match) {
    return fail(
      "it is not of the form Class.old=new",
      "crochet create-migration ... --rename Person.email=mail",
    );
  }
  const [, name, old, now] = match;
  const models = modelsOf(reading);
  const model = models.find((candidate) =>
    [candidate.class, candidate.kgid, "label" in candidate ? candidate.label : undefined].includes(name)
  );
  if (!model?.kgid) {
    const meant = nearest(name, models.map((candidate) => candidate.class));
    return fail(
      `there is no class "${name}"`,
      meant ? `did you mean ${meant}?` : "crochet models lists the classes",
    );
  }
  const check = (property: string, known: string[], when: string) => {
    if (known.includes(property)) return;
    const meant = nearest(property, known);
    fail(
      `${name} ${when} no property "${property}"`,
      meant ? `did you mean ${meant}?` : `it ${when} ${known.join(", ") || "none"}`,
    );
  };
  check(old, propertiesBefore(before, model.kgid).map((p) => p.name), "had");
  check(now, model.properties.map((p) => p.name), "has");
  if (model.properties.some((p) => p.name === old)) {
    fail(`${name} still has the property "${old}"`, "rename it in the models first");
  }
  const known = renames.get(model.kgid);
  const other = [...known ?? []].find(([from, to]) => to === now && from !== old);
  if (other) fail(`${name}.${other[0]} is renamed to ${now} too`, "keep one of the two");
  addRename(renames, model, old, now, before, reading);
}

/** `# crochet: renamed from email`, at the end of a property's statement or in the comment right above it. */
const RENAMED = /#\s*crochet:\s*renamed\s+from\s+([\p{L}\p{N}_]+)/u;

/** What was meant as such a comment, rightly written or not. */
const MEANT_RENAMED = /#\s*(crochet\s*:?\s*renam[^\n]*)/iu;

function addComments(
  renames: PropertyRenames,
  cls: ClassValue,
  before: SchemaIr,
  reading: ModelReading,
): void {
  const { text } = cls.module.file;
  for (const statement of cls.body) {
    if (statement.kind !== "assign") continue;
    const [target] = statement.targets;
    const comment = commentOf(text, statement.from, statement.to);
    const meant = MEANT_RENAMED.exec(comment);
    if (!meant || target?.kind !== "name") continue;
    const at = { file: cls.module.path, line: locate(cls.module.file, statement.from).line };
    const owners = modelsOf(reading).filter((model) =>
      model.properties.find((p) => p.name === target.id)?.declaredIn === qualifiedName(cls)
    );
    const names = owners.map((model) => propertiesBefore(before, model.kgid).map((p) => p.name));
    // Where the name is known already, the comment has done its work; a new class has nothing to rename.
    if (names.some((was) => was.includes(target.id)) || names.every((was) => was.length === 0)) continue;
    const old = RENAMED.exec(comment)?.[1];
    if (!old) {
      throw new CrochetError("USAGE", `The comment "${meant[1].trimEnd()}" cannot be understood`, {
        at,
        hint: "write: # crochet: renamed from OLD_NAME",
      });
    }
    if (!names.some((was) => was.includes(old))) {
      const known = [...new Set(names.flat())];
      const near = nearest(old, known);
      throw new CrochetError(
        "USAGE",
        `The comment "renamed from ${old}" fits nothing: ${cls.name} had no property "${old}"`,
        { at, hint: near ? `did you mean "${near}"?` : `it had ${known.join(", ")}` },
      );
    }
    for (const [i, model] of owners.entries()) {
      if (!names[i].includes(old)) continue;
      const other = renames.get(model.kgid ?? "")?.get(old);
      if (other !== undefined && other !== target.id) {
        throw new CrochetError(
          "USAGE",
          `${model.class}.${old} is said to be renamed twice: to ${other} and to ${target.id}`,
          { at, hint: "keep one of the two" },
        );
      }
      addRename(renames, model, old, target.id, before, reading);
    }
  }
}

/** The comment behind a statement and the comment lines right above it. */
function commentOf(text: string, from: number, to: number): string {
  const behind = /^[ \t]*;?[ \t]*(#[^\n]*)?/.exec(text.slice(to))?.[1] ?? "";
  const lines = text.slice(0, text.lastIndexOf("\n", from - 1) + 1).split("\n").slice(0, -1);
  const above: string[] = [];
  while (/^\s*#/.test(lines.at(-1) ?? "")) above.unshift(lines.pop()!);
  return [...above, behind].join("\n");
}

/** Pairs of a property that left and one that came, stored in the same way, in the order of the classes. */
function candidates({ before, after, reading }: RenameContext, renames: PropertyRenames): RenameCandidate[] {
  const found = new Map<string, RenameCandidate>();
  for (const model of modelsOf(reading)) {
    const now = [...after.nodes, ...after.relationshipModels].find((other) => other.kgid === model.kgid);
    const was = propertiesBefore(before, model.kgid);
    if (!now || !model.kgid) continue;
    const renamed = renames.get(model.kgid);
    const left = was.filter((p) =>
      !renamed?.has(p.name) && !now.properties.some((other) => other.name === p.name)
    );
    const came = now.properties.filter((p) =>
      ![...renamed?.values() ?? []].includes(p.name) && !was.some((other) => other.name === p.name)
    );
    for (const old of left) {
      for (const property of came) {
        if (
          storedAs(old) === undefined || storedAs(old) !== storedAs(property) ||
          old.property === property.property
        ) {
          continue;
        }
        const declaredIn = model.properties.find((p) => p.name === property.name)?.declaredIn ?? "";
        const key = `${declaredIn} ${old.name} ${property.name}`;
        const owner = "label" in now ? now.label : now.types[0] ?? model.class;
        const entity = "label" in now ? "node" : "relationship";
        const entry: RenameCandidate = { class: model.class, owner, entity, old, now: property };
        // The class that declares the property speaks for those that inherit it.
        if (!found.has(key) || declaredIn.endsWith(`.${model.class}`)) found.set(key, entry);
      }
    }
  }
  return [...found.values()];
}
