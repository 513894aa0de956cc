/**
 * Takes a revision and lets it ask for its operations, one by one, whatever language it is written in; who calls
 * decides what an operation answers. A run carries them out, a plan describes them, a check collects them.
 */
import { anyParameter } from "./crochet_module.ts";
import { bindParameters, cypherSections } from "./cypher_text.ts";
import { CrochetError, type Place } from "./error.ts";
import { defaultBatch, type Operation, OPERATIONS, parseOperation, simulatedAnswer } from "./operation.ts";
import type { Project } from "./project.ts";
import type { Revision } from "./revision.ts";
import { type CompiledMigration, compileMigration, type Sandbox } from "./sandbox.ts";
import type { Direction } from "./selection.ts";

/** How a migration is asked. */
export interface MigrationRequest {
  project: Project;
  revision: Revision;
  direction: Direction;
  sandbox: Sandbox;
  /** Values of `{{ name }}` and of `ctx.params`. */
  params: Readonly<Record<string, unknown>>;
  /** Tells runs of one process apart: each gets modules of its own. */
  turn: number;
  /** Find out where each call stands in the migration's file, and let a parameter that nobody gave stand for itself. */
  places?: boolean;
  /** Gets the name of an operation whose rows the migration looked at. */
  onUse?(name: string): void;
}

/** Answers one call of a migration. */
export type CallHandler = (operation: Operation, place: Place) => Promise<unknown>;

/** Runs one direction of a migration. @throws CrochetError where it cannot be read or loaded, or fails */
export async function askMigration(request: MigrationRequest, perform: CallHandler): Promise<void> {
  const { project, revision, direction, sandbox, params, turn, places, onUse } = request;
  if (revision.language === "cypher") {
    for (const statement of cypherSections(revision)[direction]) {
      const { cypher, params: used } = bindParameters(statement, params, revision.file);
      await perform(parseOperation("runCypher", [cypher, used]), {
        file: revision.file,
        line: statement.line,
      });
    }
    return;
  }
  const migration = await loadMigration(project, revision, sandbox, turn);
  await sandbox.run(migration, {
    direction,
    operations: [...OPERATIONS.keys()],
    revision: { revisionId: revision.revisionId, batch: defaultBatch(revision.revisionId, 1), params },
    places,
    onUse,
  }, (name, args, place) => perform(parseOperation(name, args), place));
}

/** Compiles and loads a migration, and checks that it exports what its text says. */
async function loadMigration(
  project: Project,
  revision: Revision,
  sandbox: Sandbox,
  turn: number,
): Promise<CompiledMigration> {
  const migration = await compileMigration({
    root: project.root,
    folder: project.migrations,
    file: revision.file,
    text: revision.text,
    turn,
  });
  const exports = await sandbox.load(migration);
  if (exports.revisionId !== revision.revisionId) {
    throw new CrochetError(
      "REVISION_INVALID",
      `Reading the migration "${revision.file}" failed: it exports the revisionId ${
        JSON.stringify(exports.revisionId)
      }`,
      {
        at: { file: revision.file },
        hint: `write it as a constant: export const revisionId = "${revision.revisionId}";`,
      },
    );
  }
  return migration;
}

/** What a migration asks for, as far as that is known without a graph. */
export interface CollectedOperations {
  operations: { operation: Operation; place: Place }[];
  /** Why there may be more: what the migration does with an answer is known only when it runs. */
  incomplete?: string;
}

/** Collects the operations of one direction against answers that change nothing. */
export async function collectOperations(
  project: Project,
  revision: Revision,
  direction: Direction,
  sandbox: Sandbox,
): Promise<CollectedOperations> {
  const operations: { operation: Operation; place: Place }[] = [];
  const params = revision.language === "cypher" ? anyParameter() : {};
  let incomplete: string | undefined;
  try {
    await askMigration(
      { project, revision, direction, sandbox, params, turn: 2, places: true },
      (operation, place) => {
        operations.push({ operation, place });
        return Promise.resolve(simulatedAnswer(operation, revision.revisionId));
      },
    );
  } catch (error) {
    if (!isCutShort(error, operations.map((entry) => entry.operation))) throw error;
    incomplete = (error as Error).message;
  }
  return { operations, ...(incomplete !== undefined && { incomplete }) };
}

/** Did a migration fail on a simulated answer? Then what came before is known, and the rest is not. */
export function isCutShort(error: unknown, operations: Operation[]): boolean {
  const forbidden = (error as { data?: { forbidden?: boolean } }).data?.forbidden === true;
  return error instanceof CrochetError && error.code === "MIGRATION_FAILED" && !forbidden &&
    operations.some(({ kind }) => kind === "cypher" || kind === "nodes" || kind === "relationships");
}
