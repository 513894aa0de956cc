/**
 * Takes the models of a project and the chain's head and writes the next migration: what changed, working
 * operations in the right order, their inverses in reverse order, and the snapshot beside it. Everything is checked
 * before the first byte is written; equal input gives equal files.
 */
import { buildChain } from "./chain.ts";
import { CrochetError } from "./error.ts";
import { bodyOf, writeRevision } from "./draft_file.ts";
import { buildIr, EMPTY_IR, schemaHash, type SchemaIr } from "./ir.ts";
import { diffIr } from "./ir_diff.ts";
import { loadModels, type ModelReading } from "./model_files.ts";
import { join } from "./path.ts";
import { type Project, readRevisions, readSnapshot } from "./project.ts";
import type { PythonProblem } from "./python_world.ts";
import { decideRenames, type RenameCandidate } from "./rename.ts";
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
  const roots = [project.root, ...modelRoots.map((root) => join(project.root, root))];
  return loadModels({
    paths: [project.models],
    roots,
    within: roots,
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
  const body = bodyOf(request.language, diff.steps, [before, ir]);
  const made = writeRevision(project, revisions, {
    description: request.description,
    language: request.language,
    parents: head ? [head] : [],
    ir,
    rollbackSafe: result.rollbackSafe,
    changes: result.changes,
    body: { ...body, upgrade: [...open.map(renameNote), ...body.upgrade] },
  });
  return { ...result, written: true, ...made };
}

/** The rename that nobody spoke of, spelled out for the person who reads the draft. */
function renameNote({ class: name, owner, entity, old, now }: RenameCandidate): string {
  const method = entity === "node" ? "renameNodeProperty" : "renameRelationshipProperty";
  const args = [owner, old.property, now.property].map((word) => JSON.stringify(word)).join(", ");
  return `// Was ${name}.${old.name} renamed to ${now.name}? Then draft again with --rename ${name}.${old.name}=${now.name}, which writes: await ctx.${method}(${args});`;
}
