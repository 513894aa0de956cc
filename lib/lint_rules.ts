/**
 * Takes what a revision asks for, up and down, and the schemas around it, and gives findings: what loses data, cannot
 * be undone, is not tracked, rewrites everything at once, or names what no model knows. Each rule has a code, by which
 * a line can be excused. Never runs or reads anything.
 */
import { bareCypher, statementKind } from "./cypher_text.ts";
import type { Place } from "./error.ts";
import { type SchemaIr, schemaObjects, uniqueKeys } from "./ir.ts";
import { describeOperation, lossOf, type Operation } from "./operation.ts";
import type { Revision } from "./revision.ts";
import { describeShape, type SchemaShape } from "./schema.ts";
import { nearest } from "./text.ts";

/** How much a finding matters. */
export type Severity = "error" | "warning" | "notice";

/** Every rule with what it is about; the docs and `--help` follow it. */
export const LINT_RULES: Readonly<Record<string, { severity: Severity; about: string }>> = {
  "loses-data": {
    severity: "warning",
    about: "an upgrade takes values away that its downgrade does not bring back",
  },
  "unsafe-marked-safe": { severity: "error", about: "rollbackSafe is true, and the upgrade loses something" },
  "downgrade-missing": { severity: "error", about: "rollbackSafe is true, and the downgrade does nothing" },
  "data-without-batch": { severity: "warning", about: "Cypher creates data that no batch tracks" },
  "rewrite-unbatched": {
    severity: "warning",
    about: "Cypher rewrites everything of a label in one transaction",
  },
  "not-exactly-once": { severity: "warning", about: "Cypher that may run again after a crash" },
  "constraint-without-index": { severity: "notice", about: "a constraint on a property that no index finds" },
  "lookup-without-index": {
    severity: "warning",
    about: "rows are matched by a property that no index finds",
  },
  "unknown-name": { severity: "warning", about: "a label, type or property that no model knows" },
  "sealed-file-edited": { severity: "error", about: "a migration that has a child or is applied was edited" },
  "two-heads": { severity: "error", about: "two migrations follow the same one" },
  "chain-broken": { severity: "error", about: "a missing parent, a duplicate, a circle" },
  "revision-unreadable": { severity: "error", about: "a migration that cannot be read or loaded" },
  "allow-unknown": { severity: "warning", about: "an excuse that names no rule" },
};

/** One finding. */
export interface Finding {
  code: string;
  severity: Severity;
  message: string;
  hint?: string;
  file: string;
  line?: number;
  column?: number;
}

/** An operation and where it stands. */
export interface PlacedOperation {
  operation: Operation;
  place: Place;
}

/** What the rules look at. */
export interface LintSubject {
  revision: Revision;
  upgrade: PlacedOperation[];
  downgrade: PlacedOperation[];
  /** Was the downgrade known to the end? */
  downgradeKnown: boolean;
  /** Snapshots of its parents. */
  before: SchemaIr[];
  after: SchemaIr;
  /** Files that it imports, by path. */
  texts: ReadonlyMap<string, string>;
}

/** A finding of a rule. */
export function finding(code: string, message: string, place: Place, hint?: string): Finding {
  return { code, severity: LINT_RULES[code].severity, message, ...(hint && { hint }), ...place };
}

/** Every finding of one revision, those that are excused at their line left out. */
export function lintRevision(subject: LintSubject): Finding[] {
  const { revision, upgrade, downgrade } = subject;
  const found = [
    ...lossFindings(subject),
    ...missingDowngrade(subject),
    ...upgrade.flatMap((entry) => cypherFindings(entry, true)),
    ...downgrade.flatMap((entry) => cypherFindings(entry, false)),
    ...indexFindings(subject),
    ...nameFindings(subject),
  ];
  const texts = new Map([...subject.texts, [revision.file, revision.text]]);
  const read = [...texts].map(([file, text]) => ({ file, ...readExcuses(file, text) }));
  const isExcused = ({ file, line, code }: Finding) =>
    line !== undefined && read.some((entry) => entry.file === file && entry.excuses.get(line)?.has(code));
  return [...found.filter((entry) => !isExcused(entry)), ...read.flatMap((entry) => entry.problems)];
}

function lossFindings({ revision, upgrade }: LintSubject): Finding[] {
  return upgrade.flatMap(({ operation, place }) => {
    const loss = lossOf(operation);
    if (!loss) return [];
    const what = `${describeOperation(operation)} loses ${loss}`;
    return revision.rollbackSafe
      ? [
        finding(
          "unsafe-marked-safe",
          `${what}, but the migration is marked rollbackSafe`,
          place,
          "rollbackSafe = false",
        ),
      ]
      : [finding("loses-data", what, place, "say that it is meant: // crochet: allow loses-data")];
  });
}

function missingDowngrade({ revision, upgrade, downgrade, downgradeKnown }: LintSubject): Finding[] {
  const does = (entries: PlacedOperation[]) =>
    entries.some(({ operation }) =>
      operation.kind !== "begin" &&
      !(operation.kind === "cypher" && statementKind(operation.cypher) === "read")
    );
  if (!revision.rollbackSafe || !downgradeKnown || !does(upgrade) || does(downgrade)) return [];
  const lines = revision.text.split("\n");
  const line = lines.findIndex((text) => /function downgrade\b|crochet:\s*downgrade\s*$/.test(text)) + 1;
  return [finding(
    "downgrade-missing",
    "the upgrade changes the graph, and the downgrade does nothing",
    { file: revision.file, line: line || 1 },
    "write the way back, or rollbackSafe = false",
  )];
}

function cypherFindings({ operation, place }: PlacedOperation, isUpgrade: boolean): Finding[] {
  if (operation.kind !== "cypher") return [];
  const kind = statementKind(operation.cypher);
  const shown = describeOperation(operation);
  if (kind === "batched") {
    return [finding(
      "not-exactly-once",
      `${shown} may run again after a crash: it commits by itself`,
      place,
      "write it so that it finds only what is still to be done, and allow it: // crochet: allow not-exactly-once",
    )];
  }
  const bare = bareCypher(operation.cypher);
  const found: Finding[] = [];
  if (isUpgrade && kind === "data" && /\b(CREATE|INSERT|MERGE)\b/i.test(bare)) {
    found.push(finding(
      "data-without-batch",
      `${shown} creates data that no batch tracks`,
      place,
      "use createNodes, upsertNodes or createRelationships, so that the downgrade can delete by batch",
    ));
  }
  if (isUpgrade && kind === "data" && TAKES_AWAY.test(bare)) {
    found.push(finding(
      "loses-data",
      `${shown} takes something away, and nobody can tell whether the downgrade brings it back`,
      place,
      "look at it, and say that it is meant: // crochet: allow loses-data",
    ));
  }
  if (kind === "data" && isWholeRewrite(bare)) {
    found.push(finding(
      "rewrite-unbatched",
      `${shown} rewrites everything that it matches in one transaction`,
      place,
      "use the context's own operation (renameNodeProperty, addNodeProperty, ...), or CALL { ... } IN TRANSACTIONS",
    ));
  }
  return found;
}

/** `DELETE`, `REMOVE`, a property set to nothing, all properties set anew. */
const TAKES_AWAY = /\b(DELETE|REMOVE)\b|=\s*null\b|\bSET\s+\w+\s*=\s*[{$]/i;

/** `MATCH (n:Label) SET ...` without a condition, a property or a limit. */
function isWholeRewrite(bare: string): boolean {
  const writes = /\b(SET|REMOVE|DELETE)\b/i.test(bare);
  const plain =
    /\bMATCH\s*(\(\s*\w*\s*(:[^(){}]*)?\)|\([^(){}]*\)\s*<?-\[[^\]{}]*\]->?\s*\([^(){}]*\))\s*(SET|REMOVE|DELETE|DETACH)\b/i;
  return writes && plain.test(bare) && !/\b(WHERE|LIMIT|UNWIND)\b/i.test(bare);
}

function indexFindings({ upgrade, after }: LintSubject): Finding[] {
  const shapes: SchemaShape[] = [...schemaObjects(after)];
  for (const { operation } of upgrade) {
    if (operation.kind === "schema" && operation.action === "add") shapes.push(operation.shape);
  }
  const isFound = (label: string, property: string, entity: "node" | "relationship" = "node") =>
    shapes.some((shape) =>
      ["unique", "index", "key", "text"].includes(shape.kind) && shape.entity === entity &&
      shape.labelOrType === label && shape.properties[0] === property
    );
  return upgrade.flatMap(({ operation, place }) => {
    if (operation.kind === "schema" && operation.action === "add") {
      const { kind, entity, labelOrType, properties: [property] } = operation.shape;
      const bare = kind === "existence" || kind === "type";
      return bare && !isFound(labelOrType, property, entity)
        ? [finding(
          "constraint-without-index",
          `the ${describeShape(operation.shape)} has no index beside it`,
          place,
          "add one where the property is searched for",
        )]
        : [];
    }
    return lookupsOf(operation, after).filter(([label, property]) => !isFound(label, property)).map((
      [label, property],
    ) =>
      finding(
        "lookup-without-index",
        `${describeOperation(operation)} looks for ${label} by ${property}, which no index finds`,
        place,
        `add an index before it: await ctx.addIndex(${JSON.stringify(label)}, ${JSON.stringify(property)});`,
      )
    );
  });
}

/** Labels and properties by which an operation finds nodes. */
function lookupsOf(operation: Operation, ir: SchemaIr): [label: string, property: string][] {
  if (operation.kind === "nodes" && operation.mode === "upsert") {
    return operation.mergeKeys.slice(0, 1).map((key) => [operation.labels[0], key]);
  }
  if (operation.kind !== "relationships") return [];
  const end = (label: string, key: string | undefined): [string, string][] => {
    const property = key ?? (uniqueKeys(ir, label).length === 1 ? uniqueKeys(ir, label)[0] : undefined);
    return property === undefined ? [] : [[label, property]];
  };
  const both = [...end(operation.source, operation.sourceKey), ...end(operation.target, operation.targetKey)];
  return both.filter(([label, property], i) =>
    both.findIndex((other) => other[0] === label && other[1] === property) === i
  );
}

/** What the models knew before and know after: labels, types, and their properties. */
function knownNames(...schemas: SchemaIr[]): Map<string, Set<string>> {
  const known = new Map<string, Set<string>>();
  const add = (owner: string, properties: { property: string }[]) => {
    const all = known.get(owner) ?? new Set<string>();
    properties.forEach(({ property }) => all.add(property));
    known.set(owner, all);
  };
  for (const { nodes, relationshipModels } of schemas) {
    for (const node of nodes) {
      for (const label of [node.label, ...node.inheritedLabels, ...node.optionalLabels]) {
        add(label, node.properties);
      }
      for (const { type } of node.relationships) if (type !== null) add(type, []);
    }
    for (const model of relationshipModels) for (const type of model.types) add(type, model.properties);
  }
  return known;
}

function nameFindings({ revision, upgrade, downgrade, before, after }: LintSubject): Finding[] {
  const known = knownNames(...before, after);
  if (known.size === 0) return [];
  const all = [...upgrade, ...downgrade];
  // A name between two renames is known to this migration alone.
  for (const { operation } of all) addRenamed(known, operation);
  // What stands in another file is a part of a squash, and speaks of the schemas between its parts.
  return all.flatMap((entry) => entry.place.file === revision.file ? unknownNames(entry, known) : []);
}

function addRenamed(known: Map<string, Set<string>>, operation: Operation): void {
  if (operation.kind !== "transform") return;
  const { transform } = operation;
  if (transform.what === "renameProperty") known.get(transform.owner)?.add(transform.to);
  else if (transform.what === "renameLabel" || transform.what === "renameType") {
    known.set(transform.to, new Set([...known.get(transform.to) ?? [], ...known.get(transform.from) ?? []]));
  }
}

function unknownNames({ operation, place }: PlacedOperation, known: Map<string, Set<string>>): Finding[] {
  const found: Finding[] = [];
  for (const [owner, properties] of namesOf(operation)) {
    const own = known.get(owner);
    const unknown = own ? properties.find((property) => !own.has(property)) : owner;
    if (unknown === undefined || (own && own.size === 0)) continue;
    const meant = nearest(unknown, own ?? known.keys());
    found.push(finding(
      "unknown-name",
      own
        ? `${describeOperation(operation)}: no model of ${owner} has the property "${unknown}"`
        : `${describeOperation(operation)}: no model has the label or type "${owner}"`,
      place,
      meant ? `did you mean "${meant}"?` : "it may be right: // crochet: allow unknown-name",
    ));
  }
  return found;
}

/** Names that an operation depends on: they must be there before it, or come with it. */
function namesOf(operation: Operation): [owner: string, properties: string[]][] {
  switch (operation.kind) {
    case "schema": {
      const { labelOrType, others = [], properties } = operation.shape;
      return [labelOrType, ...others].map((owner) => [owner, others.length > 0 ? [] : properties]);
    }
    case "transform": {
      const { transform } = operation;
      if (transform.what === "renameProperty") return [[transform.owner, [transform.from]]];
      if ("owner" in transform) return [[transform.owner, [transform.property]]];
      if (transform.what === "turnRelationships") {
        return [[transform.type, []], [transform.source, []], [transform.target, []]];
      }
      if (transform.what === "mergeNodes") return [[transform.label, transform.keys]];
      if (transform.what === "splitLabel") return [[transform.label, [transform.property]]];
      return "label" in transform ? [[transform.label, []]] : [[transform.from, []]];
    }
    case "nodes":
      return operation.labels.map((label) => [label, []]);
    case "relationships":
      return [[operation.source, []], [operation.target, []], [operation.type, []]];
    default:
      return [];
  }
}

const EXCUSE = /\/\/\s*crochet:\s*allow\s+([\w-]+(?:\s*,\s*[\w-]+)*)/;

/** Codes that are excused, by line: at the line itself, or in the comment right above it. */
function readExcuses(
  file: string,
  whole: string,
): { excuses: Map<number, Set<string>>; problems: Finding[] } {
  const excuses = new Map<number, Set<string>>();
  const problems: Finding[] = [];
  whole.split("\n").forEach((text, i) => {
    const match = EXCUSE.exec(text);
    if (!match) return;
    const alone = /^\s*\/\//.test(text);
    const line = i + (alone ? 2 : 1);
    for (const code of match[1].split(/\s*,\s*/)) {
      if (!Object.hasOwn(LINT_RULES, code)) {
        const meant = nearest(code, Object.keys(LINT_RULES));
        problems.push(finding(
          "allow-unknown",
          `there is no rule "${code}"`,
          { file, line: i + 1 },
          meant ? `did you mean ${meant}?` : `the rules: ${Object.keys(LINT_RULES).join(", ")}`,
        ));
      }
      excuses.set(line, (excuses.get(line) ?? new Set()).add(code));
    }
  });
  return { excuses, problems };
}
