/**
 * Takes steps up and down and writes them as the next migration file with its snapshot beside it, in TypeScript or in
 * plain Cypher. Every command that makes a revision ends here, so that all of them look alike; nothing is written
 * over another file.
 */
import { inlineParameters } from "./cypher_literal.ts";
import { float } from "./graph_value.ts";
import { renderSnapshot, schemaHash, type SchemaIr, schemaObjects } from "./ir.ts";
import type { Step } from "./ir_steps.ts";
import { parseOperation, renderOperation } from "./operation.ts";
import type { DraftOperation } from "./operation_schema.ts";
import { join } from "./path.ts";
import { ASSUMED_SERVER, planOperation } from "./plan.ts";
import { type Project, readIfThere, readTemplate, replaceFile, shown, writeNew } from "./project.ts";
import {
  renderCypher,
  renderTypescript,
  type Revision,
  revisionId,
  revisionNumber,
  snapshotFile,
} from "./revision.ts";
import { distinctName, repeatable, schemaName, type SchemaShape, shapeKey } from "./schema.ts";

/** The body of a migration in both of its functions, line by line, and what it imports. */
export interface Body {
  upgrade: string[];
  downgrade: string[];
  imports: string[];
  /** Import statements of modules of the project. */
  modules?: string[];
}

/** A revision that is about to be written. */
export interface NewRevision {
  description: string;
  /** Id; made from the next free number and the description without it. */
  id?: string;
  language: "ts" | "cypher";
  parents: Revision[];
  ir: SchemaIr;
  rollbackSafe: boolean;
  /** What was detected, one line each. */
  changes: string[];
  body: Body;
  /** Revisions that it stands for. */
  replaces?: { id: string; digest: string }[];
  completedBy?: string[];
}

/** Writes the files of a revision; gives its id and their paths. @throws CrochetError FILE_EXISTS, then nothing was written */
export function writeRevision(
  project: Project,
  revisions: Revision[],
  made: NewRevision,
): { revisionId: string; files: string[] } {
  const id = made.id ?? nextId(revisions, made.description);
  const draft = {
    ...made,
    ...made.body,
    revisionId: id,
    parents: made.parents.map((parent) => ({ id: parent.revisionId, digest: parent.digest })),
    schemaHash: schemaHash(made.ir),
  };
  const text = made.language === "ts"
    ? renderTypescript(readTemplate("migration.ts.tmpl"), draft)
    : renderCypher(readTemplate("migration.cypher.tmpl"), draft);
  const files = new Map([
    [join(project.migrations, `${id}.${made.language}`), text],
    [join(project.migrations, snapshotFile(id)), renderSnapshot(made.ir)],
  ]);
  writeNew(files);
  refreshTypes(project);
  return { revisionId: id, files: [...files.keys()].map((file) => shown(project, file)) };
}

/** The id of the next revision. */
export function nextId(revisions: Revision[], description: string): string {
  const last = Math.max(0, ...revisions.map((revision) => revisionNumber(revision.revisionId)));
  return revisionId(last + 1, description);
}

/**
 * The steps as a body. Plain Cypher goes by names: those of `live` where the graph was asked, else those that `schemas`
 * give their constraints and indexes.
 */
export function bodyOf(
  language: "ts" | "cypher",
  steps: Step[],
  schemas: SchemaIr[],
  live: ReadonlyMap<string, string> = new Map(),
): Body {
  const up = steps.map((step) => step.up);
  const down = [...steps].reverse().flatMap((step) => step.down);
  const lost = steps.filter((step) => step.down.length === 0).map((step) => step.up);
  if (language === "cypher") {
    const names = new Map([...objectNames(schemas), ...live]);
    return {
      upgrade: up.flatMap((operation) => cypherOf(operation, names)),
      downgrade: [
        ...down.flatMap((operation) => cypherOf(operation, names)),
        ...lost.map(({ name, args }) => `// ${name}(${args.join(", ")}) cannot be undone`),
      ],
      imports: [],
    };
  }
  const usesFloat = [...up, ...down].some(({ args }) =>
    args.some((arg) => typeof arg === "object" && arg !== null && "float" in arg)
  );
  return {
    upgrade: up.map(renderOperation),
    downgrade: [
      ...lost.map(({ name, args }) =>
        `// what ${name}(${args.map((arg) => JSON.stringify(arg)).join(", ")}) removed cannot be brought back`
      ),
      ...down.map(renderOperation),
    ],
    imports: usesFloat ? ["float"] : [],
  };
}

/**
 * Names of all constraints and indexes, by shape: a plain Cypher file can only go by names. What an earlier schema had
 * keeps its name; what comes gets one that is free.
 */
function objectNames(schemas: SchemaIr[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const object of schemas.flatMap((ir) => schemaObjects(ir))) {
    const key = shapeKey(object);
    if (names.has(key)) continue;
    const name = taken.has(object.name) ? distinctName(object) : object.name;
    names.set(key, name);
    taken.add(name);
  }
  return names;
}

/** The Cypher of an operation without parameters, as a file that no program fills in needs it. */
function cypherOf(operation: DraftOperation, names: ReadonlyMap<string, string>): string[] {
  const args = operation.args.map((arg) =>
    typeof arg === "object" && arg !== null && "float" in arg ? float(Number(arg.float)) : arg
  );
  const context = {
    server: ASSUMED_SERVER,
    revisionId: "",
    batch: "",
    existing: () => undefined,
    nameFor: (shape: SchemaShape) => names.get(shapeKey(shape)) ?? schemaName(shape),
    endKeys: (): [string, string] => ["", ""],
  };
  const { statements } = planOperation(parseOperation(operation.name, args), context);
  return statements.map(({ cypher, values }) =>
    // A batched statement finds only what is still to be done, so that it may run again.
    `${/ IN TRANSACTIONS OF /.test(cypher) ? "// crochet: allow not-exactly-once\n" : ""}${
      repeatable(inlineParameters(cypher, values))
    };`
  );
}

/** The declaration file for editors follows the program's version. */
export function refreshTypes(project: Project): void {
  const path = join(project.migrations, "crochet.d.ts");
  const text = readTemplate("crochet.d.ts");
  if (readIfThere(path) !== text) replaceFile(path, text);
}
