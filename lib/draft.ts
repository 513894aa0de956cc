/**
 * Takes the models of a project and the chain's head and writes the next migration: what changed, working
 * operations in the right order, their inverses in reverse order, and the snapshot beside it. Everything is checked
 * before the first byte is written; equal input gives equal files.
 */
import { buildChain } from "./chain.ts";
import { CrochetError } from "./error.ts";
import { buildIr, EMPTY_IR, renderSnapshot, schemaHash, type SchemaIr, schemaObjects } from "./ir.ts";
import { diffIr, downgradeOperations, type IrDiff, upgradeOperations } from "./ir_diff.ts";
import { loadModels, type ModelReading } from "./model_files.ts";
import { parseOperation, renderOperation } from "./operation.ts";
import type { DraftOperation } from "./operation_schema.ts";
import { join } from "./path.ts";
import { ASSUMED_SERVER, planOperation } from "./plan.ts";
import {
  exists,
  type Project,
  readIfThere,
  readRevisions,
  readSnapshot,
  readTemplate,
  replaceFile,
  shown,
  writeNew,
} from "./project.ts";
import type { PythonProblem } from "./python_world.ts";
import { decideRenames, type RenameCandidate } from "./rename.ts";
import {
  renderCypher,
  renderTypescript,
  type Revision,
  revisionId,
  revisionNumber,
  snapshotFile,
} from "./revision.ts";
import { quoteString, schemaName, type SchemaShape, shapeKey } from "./schema.ts";

/** What to draft. */
export interface DraftRequest {
  description: string;
  language: "ts" | "cypher";
  /** Write a migration also where nothing changed. */
  empty: boolean;
  /** Mark it as not rollback-safe. */
  unsafe: boolean;
  /** `Person.email=mail`, as given on the command line. */
  renames: string[];
  /** Asks a person whether a property was renamed; undefined where nobody can answer. */
  ask?(question: string): string | null;
}

/** What was drafted. */
export interface Draft {
  /** False where nothing changed and nothing was written. */
  written: boolean;
  revisionId?: string;
  files: string[];
  schemaHash: string;
  rollbackSafe: boolean;
  changes: string[];
  warnings: PythonProblem[];
}

/** Reads the models that a project declares. */
export function readProjectModels(project: Project, neomodel = project.settings.neomodel): ModelReading {
  const { modelRoots, modelIgnore } = project.settings;
  return loadModels({
    paths: exists(project.models) ? [project.models] : [],
    roots: [project.root, ...modelRoots.map((root) => join(project.root, root))],
    lateRoots: [project.models],
    base: project.root,
    ignore: modelIgnore,
    neomodel,
  });
}

/** The schema that the models declare. @throws CrochetError MODELS_INVALID that lists every problem */
export function projectSchema(
  project: Project,
): { ir: SchemaIr; reading: ModelReading; warnings: PythonProblem[] } {
  const reading = readProjectModels(project);
  const { ir, problems } = buildIr(reading.models, { existence: project.settings.existence });
  const all = [...reading.models.problems, ...problems];
  const errors = all.filter((problem) => problem.severity === "error");
  if (errors.length > 0) {
    const [first, ...rest] = errors;
    const more = rest.slice(0, 20).map((p) => `\n  ${p.file}:${p.line}:${p.column} ${p.message}`).join("");
    throw new CrochetError("MODELS_INVALID", `Reading the models failed: ${first.message}${more}`, {
      at: { file: first.file, line: first.line, column: first.column },
      hint: first.hint,
      data: errors,
    });
  }
  return { ir, reading, warnings: all };
}

/** Drafts the next migration. @throws CrochetError MODELS_INVALID, CHAIN_BROKEN, USAGE; then nothing was written */
export function draftMigration(project: Project, request: DraftRequest): Draft {
  if (request.description.trim() === "") {
    throw new CrochetError("USAGE", "The description is empty", {
      hint: 'crochet create-migration "add person node"',
    });
  }
  const { ir, reading, warnings } = projectSchema(project);
  const revisions = readRevisions(project);
  const { head } = buildChain(revisions);
  const before = head ? readSnapshot(project, head) : EMPTY_IR;
  const { ask, renames: given } = request;
  const { renames, open } = decideRenames({ given, before, after: ir, reading, ask });
  const diff = diffIr(before, ir, renames);
  const hash = schemaHash(ir);
  const lossy = diff.steps.some((step) => step.down.length === 0);
  const result: Draft = {
    written: false,
    files: [],
    schemaHash: hash,
    rollbackSafe: !(lossy || request.unsafe),
    changes: diff.changes.map((change) =>
      `${change.sign} ${change.text}${change.loses ? `; loses ${change.loses}` : ""}`
    ),
    warnings,
  };
  if (diff.changes.length === 0 && !request.empty) return result;
  const id = revisionId(
    Math.max(0, ...revisions.map((revision) => revisionNumber(revision.revisionId))) + 1,
    request.description,
  );
  const files = new Map([
    [
      join(project.migrations, `${id}.${request.language}`),
      renderDraft(request, result, diff, open, id, head, objectNames(before, ir)),
    ],
    [join(project.migrations, snapshotFile(id)), renderSnapshot(ir)],
  ]);
  writeNew(files);
  refreshTypes(project);
  return {
    ...result,
    written: true,
    revisionId: id,
    files: [...files.keys()].map((file) => shown(project, file)),
  };
}

function renderDraft(
  request: DraftRequest,
  draft: Draft,
  diff: IrDiff,
  open: RenameCandidate[],
  id: string,
  head: Revision | undefined,
  names: ReadonlyMap<string, string>,
): string {
  const [up, down] = [upgradeOperations(diff), downgradeOperations(diff)];
  const lost = diff.steps.filter((step) => step.down.length === 0).map((step) => step.up);
  const common = {
    revisionId: id,
    parents: head ? [{ id: head.revisionId, digest: head.digest }] : [],
    schemaHash: draft.schemaHash,
    rollbackSafe: draft.rollbackSafe,
    description: request.description,
    changes: draft.changes,
  };
  if (request.language === "cypher") {
    const notes = lost.map((operation) =>
      `// ${operation.name}(${operation.args.join(", ")}) cannot be undone`
    );
    return renderCypher(readTemplate("migration.cypher.tmpl"), {
      ...common,
      notes: open.map(renameNote),
      upgrade: up.flatMap((operation) => cypherOf(operation, names)),
      downgrade: down.flatMap((operation) => cypherOf(operation, names)),
      imports: [],
    }).trimEnd() + "\n" + notes.map((note) => note + "\n").join("");
  }
  const notes = lost.map((operation) =>
    `// what ${operation.name}(${
      operation.args.map((arg) => JSON.stringify(arg)).join(", ")
    }) removed cannot be brought back`
  );
  const usesFloat = [...up, ...down].some((operation) =>
    operation.args.some((arg) => typeof arg === "object" && arg !== null && "float" in arg)
  );
  return renderTypescript(readTemplate("migration.ts.tmpl"), {
    ...common,
    upgrade: [...open.map(renameNote), ...up.map(renderOperation)],
    downgrade: [...notes, ...down.map(renderOperation)],
    imports: usesFloat ? ["float"] : [],
  });
}

/** The rename that nobody spoke of, spelled out for the person who reads the draft. */
function renameNote({ class: name, owner, entity, old, now }: RenameCandidate): string {
  const method = entity === "node" ? "renameNodeProperty" : "renameRelationshipProperty";
  const args = [owner, old.property, now.property].map((word) => JSON.stringify(word)).join(", ");
  return `// Was ${name}.${old.name} renamed to ${now.name}? Then draft again with --rename ${name}.${old.name}=${now.name}, which writes: await ctx.${method}(${args});`;
}

/** Names of all constraints and indexes of two schemas, by shape: a plain Cypher file can only go by names. */
function objectNames(...schemas: SchemaIr[]): Map<string, string> {
  return new Map(
    schemas.flatMap((ir) =>
      schemaObjects(ir).map((object): [string, string] => [shapeKey(object), object.name])
    ),
  );
}

/** The Cypher of an operation without parameters, as a file that no program fills in needs it. */
function cypherOf(operation: DraftOperation, names: ReadonlyMap<string, string>): string[] {
  const args = operation.args.map((
    arg,
  ) => (typeof arg === "object" && arg !== null && "float" in arg ? arg.float : arg));
  const context = {
    server: ASSUMED_SERVER,
    revisionId: "",
    batch: "",
    existing: () => undefined,
    nameFor: (shape: SchemaShape) => names.get(shapeKey(shape)) ?? schemaName(shape),
    endKeys: (): [string, string] => ["", ""],
  };
  return planOperation(parseOperation(operation.name, args), context).statements.map(({ cypher }) => {
    const value = args[2];
    const literal = typeof value === "string" ? quoteString(value) : JSON.stringify(value);
    return cypher.replace(" = $value", () => ` = ${literal}`).replace(
      /^(DROP (?:CONSTRAINT|INDEX) .*)$/,
      "$1 IF EXISTS",
    );
  });
}

/** The declaration file for editors follows the program's version. */
function refreshTypes(project: Project): void {
  const path = join(project.migrations, "crochet.d.ts");
  const text = readTemplate("crochet.d.ts");
  if (readIfThere(path) !== text) replaceFile(path, text);
}
