/**
 * Takes the models of a project and the chain's head and writes the next migration: what changed, working
 * operations in the right order, their inverses in reverse order, and the snapshot beside it. Everything is checked
 * before the first byte is written; equal input gives equal files.
 */
import { buildChain } from "./chain.ts";
import { CrochetError } from "./error.ts";
import { buildIr, EMPTY_IR, renderSnapshot, schemaHash, type SchemaIr, schemaObjects } from "./ir.ts";
import { diffIr, downgradeOperations, type IrDiff, upgradeOperations } from "./ir_diff.ts";
import type { PropertyRenames } from "./ir_steps.ts";
import { loadModels, type ModelReading } from "./model_files.ts";
import { type DraftOperation, parseOperation, renderOperation } from "./operation.ts";
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
import {
  renderCypher,
  renderTypescript,
  type Revision,
  revisionId,
  revisionNumber,
  snapshotFile,
} from "./revision.ts";
import { quoteString, schemaName, type SchemaShape, shapeKey } from "./schema.ts";
import { nearest } from "./text.ts";

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
  const { ir, problems } = buildIr(reading.models);
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
  const diff = diffIr(before, ir, parseRenames(request.renames, before, reading));
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
      renderDraft(request, result, diff, id, head, objectNames(before, ir)),
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
    upgrade: up.map(renderOperation),
    downgrade: [...notes, ...down.map(renderOperation)],
    imports: usesFloat ? ["float"] : [],
  });
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

/** Renames as given, by kgid. The class may be named by its name, its label or its kgid. */
function parseRenames(given: string[], before: SchemaIr, reading: ModelReading): PropertyRenames {
  const renames: PropertyRenames = new Map();
  const classes = [...reading.models.nodes, ...reading.models.relationshipModels];
  for (const text of given) {
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
    const model = classes.find((candidate) =>
      [candidate.class, candidate.kgid, "label" in candidate ? candidate.label : undefined].includes(name)
    );
    if (!model?.kgid) {
      const meant = nearest(name, classes.map((candidate) => candidate.class));
      return fail(
        `there is no class "${name}"`,
        meant ? `did you mean ${meant}?` : "crochet models lists the classes",
      );
    }
    const earlier = [...before.nodes, ...before.relationshipModels].find((candidate) =>
      candidate.kgid === model.kgid
    );
    const check = (property: string, known: string[], when: string) => {
      if (known.includes(property)) return;
      const meant = nearest(property, known);
      fail(
        `${name} ${when} no property "${property}"`,
        meant ? `did you mean ${meant}?` : `it ${when} ${known.join(", ") || "none"}`,
      );
    };
    check(old, earlier?.properties.map((p) => p.name) ?? [], "had");
    check(now, model.properties.map((p) => p.name), "has");
    // A rename of an inherited property concerns every class that has it.
    for (const candidate of classes) {
      const was = [...before.nodes, ...before.relationshipModels].find((other) =>
        other.kgid === candidate.kgid
      );
      const inherits = candidate.kgid && was?.properties.some((p) => p.name === old) &&
        candidate.properties.some((p) => p.name === now) && !candidate.properties.some((p) => p.name === old);
      const related = candidate === model ||
        ("labels" in candidate && "label" in model && candidate.labels.includes(model.label));
      if (inherits && related) {
        renames.set(candidate.kgid!, (renames.get(candidate.kgid!) ?? new Map()).set(old, now));
      }
    }
  }
  return renames;
}

/** The declaration file for editors follows the program's version. */
function refreshTypes(project: Project): void {
  const path = join(project.migrations, "crochet.d.ts");
  const text = readTemplate("crochet.d.ts");
  if (readIfThere(path) !== text) replaceFile(path, text);
}
