/**
 * Takes a range of revisions and writes one that stands for them. Where they only add and drop constraints and
 * indexes, it is drafted anew from the schemas before and after; else it calls the code of the old files, which move
 * into a folder of their own. It counts as applied where all that it replaces are.
 */
import { buildChain, findRevision } from "./chain.ts";
import { cypherSections } from "./cypher_text.ts";
import { type Body, bodyOf, writeRevision } from "./draft_file.ts";
import { CrochetError } from "./error.ts";
import { EMPTY_IR } from "./ir.ts";
import { diffIr } from "./ir_diff.ts";
import { collectOperations } from "./migration.ts";
import { join } from "./path.ts";
import { moveFile, type Project, readRevisions, readSnapshot, removeFile } from "./project.ts";
import { type Revision, revisionId, revisionNumber, snapshotFile } from "./revision.ts";
import { Sandbox } from "./sandbox.ts";

/** What was written. */
export interface Squashed {
  revisionId: string;
  files: string[];
  replaces: string[];
  /** Where the old files lie now; left out where they are not needed any more. */
  moved?: string;
}

/** Folder of the old files, in the migrations folder. */
const FOLDER = "squashed";

/** Squashes `A..B`. @throws CrochetError USAGE, UNKNOWN_REVISION, CHAIN_BROKEN; then nothing was written */
export async function squashRevisions(
  project: Project,
  range: string,
  description?: string,
): Promise<Squashed> {
  const match = /^(.+)\.\.(.+)$/.exec(range);
  if (!match) {
    throw new CrochetError("USAGE", `"${range}" is no range of revisions`, {
      hint: "crochet squash 0001..0004",
    });
  }
  const chain = buildChain(readRevisions(project));
  const [first, last] = [findRevision(chain, match[1]), findRevision(chain, match[2])];
  const [from, to] = [chain.revisions.indexOf(first), chain.revisions.indexOf(last)];
  const parts = chain.revisions.slice(from, to + 1);
  checkRange(first, last, parts);
  const before = first.parents[0] &&
    chain.revisions.find(({ revisionId }) => revisionId === first.parents[0].id);
  const [old, ir] = [before ? readSnapshot(project, before) : EMPTY_IR, readSnapshot(project, last)];
  const schemaOnly = await isSchemaOnly(project, parts);
  const diff = diffIr(old, ir);
  const body = schemaOnly ? bodyOf("ts", diff.steps, [old, ir]) : composed(parts);
  const id = revisionId(
    revisionNumber(last.revisionId),
    description ?? `squash ${numberOf(first)} to ${numberOf(last)}`,
  );
  const written = writeRevision(project, chain.revisions, {
    id,
    description: description ?? `Squash of ${first.revisionId} to ${last.revisionId}`,
    language: "ts",
    parents: before ? [before] : [],
    ir,
    rollbackSafe: parts.every((part) => part.rollbackSafe),
    changes: schemaOnly
      ? diff.changes.map((change) => `${change.sign} ${change.text}`)
      : parts.map((part) => `what ${part.revisionId} did`),
    body,
    replaces: parts.flatMap((part) => [
      ...part.replaces,
      { id: part.revisionId, digest: part.digest },
    ]),
  });
  for (const part of parts) {
    const path = join(project.root, part.file);
    if (schemaOnly || part.language === "cypher") removeFile(path);
    else moveFile(path, join(project.migrations, FOLDER, `${part.revisionId}.ts`));
    removeFile(join(project.migrations, snapshotFile(part.revisionId)));
  }
  return {
    ...written,
    replaces: parts.map((part) => part.revisionId),
    ...(!schemaOnly && { moved: `${project.settings.migrationsPath}/${FOLDER}` }),
  };
}

function checkRange(first: Revision, last: Revision, parts: Revision[]): void {
  const fail = (problem: string, hint: string): never => {
    throw new CrochetError(
      "USAGE",
      `"${first.revisionId}..${last.revisionId}" cannot be squashed: ${problem}`,
      { hint },
    );
  };
  if (parts.length < 2) {
    fail("it is less than two revisions, or goes backwards", "crochet history shows the order");
  }
  const ids = new Set(parts.map((part) => part.revisionId));
  for (const part of parts.slice(1)) {
    const outside = part.parents.find((parent) => !ids.has(parent.id));
    if (outside) {
      fail(
        `"${part.revisionId}" follows "${outside.id}", which is not in it`,
        "squash up to the merge, or after it",
      );
    }
  }
  const asking = parts.find((part) => part.language === "cypher" && part.text.includes("{{"));
  if (asking) {
    fail(`"${asking.revisionId}" takes parameters of the command line`, "leave it out of the range");
  }
  const imports = parts.find((part) => part.imports.length > 0);
  if (imports) {
    fail(
      `"${imports.revisionId}" imports other files, whose paths would change`,
      "leave it out of the range",
    );
  }
}

async function isSchemaOnly(project: Project, parts: Revision[]): Promise<boolean> {
  const sandbox = new Sandbox(project.settings.timeLimitMs);
  try {
    for (const part of parts) {
      for (const direction of ["upgrade", "downgrade"] as const) {
        const { operations, incomplete } = await collectOperations(project, part, direction, sandbox);
        if (incomplete || operations.some(({ operation }) => operation.kind !== "schema")) return false;
      }
    }
    return true;
  } finally {
    sandbox.close();
  }
}

/** Calls the old files one after another, each with its own id and its own batch. */
function composed(parts: Revision[]): Body {
  const lines = (direction: "upgrade" | "downgrade") => (part: Revision, i: number): string[] => {
    if (part.language === "cypher") {
      return cypherSections(part)[direction].map(({ text }) =>
        `await ctx.runCypher(${JSON.stringify(text)});`
      );
    }
    const batch = JSON.stringify(`${part.revisionId}:1`);
    const call = `await part${i + 1}.${direction}({ ...ctx, revisionId: ${
      JSON.stringify(part.revisionId)
    }, batch: ${batch} });`;
    return direction === "upgrade" ? [`await ctx.beginBatch(${batch});`, call] : [call];
  };
  return {
    upgrade: parts.flatMap(lines("upgrade")),
    downgrade: parts.map((part, i) => lines("downgrade")(part, i)).reverse().flat(),
    imports: [],
    modules: parts.flatMap((part, i) =>
      part.language === "ts" ? [`import * as part${i + 1} from "./${FOLDER}/${part.revisionId}.ts";`] : []
    ),
  };
}

/** The number that a revision's id begins with, as it stands there. */
function numberOf(revision: Revision): string {
  return /^\d+/.exec(revision.revisionId)?.[0] ?? revision.revisionId;
}
