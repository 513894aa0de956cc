/**
 * Takes a range of revisions and writes one that stands for them. Where they only add and drop constraints and
 * indexes, it is drafted anew from the schemas before and after; else it calls the code of the old files, which move
 * into a folder of their own. It counts as applied where all that it replaces are.
 */
import { buildChain, findRevision } from "./chain.ts";
import { cypherSections } from "./cypher_text.ts";
import { type Body, bodyOf, writeRevision } from "./draft_file.ts";
import { CrochetError } from "./error.ts";
import { canonicalJson } from "./digest.ts";
import { EMPTY_IR, type SchemaIr } from "./ir.ts";
import { diffIr } from "./ir_diff.ts";
import { collectOperations } from "./migration.ts";
import { parseOperation } from "./operation.ts";
import { join } from "./path.ts";
import { moveFile, type Project, readRevisions, readSnapshot, removeFile, replaceFile } from "./project.ts";
import { type Revision, revisionId, revisionNumber, snapshotFile } from "./revision.ts";
import { Sandbox } from "./sandbox.ts";
import { shapeKey } from "./schema.ts";

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
  const parts = chain.revisions.slice(chain.revisions.indexOf(first), chain.revisions.indexOf(last) + 1);
  checkRange(chain.revisions, first, last, parts);
  const parents = first.parents.flatMap(({ id }) =>
    chain.revisions.find(({ revisionId }) => revisionId === id) ?? []
  );
  const ir = readSnapshot(project, last);
  const drafted = parents.length < 2 ? await draftedBody(project, parents[0], parts, ir) : undefined;
  const words = description ?? `squash ${numberOf(first)} to ${numberOf(last)}`;
  const written = writeRevision(project, chain.revisions, {
    id: revisionId(revisionNumber(last.revisionId), words),
    description: description ?? `Squash of ${first.revisionId} to ${last.revisionId}`,
    language: "ts",
    parents,
    ir,
    rollbackSafe: parts.every((part) => part.rollbackSafe),
    changes: drafted ? drafted.changes : parts.map((part) => `what ${part.revisionId} did`),
    body: drafted ? drafted.body : composed(parts),
    replaces: parts.flatMap((part) => [...part.replaces, { id: part.revisionId, digest: part.digest }]),
    completedBy: parts.some((part) => part.replaces.length > 0) ? completing(last) : [],
  });
  for (const part of parts) {
    const path = join(project.root, part.file);
    if (drafted || part.language === "cypher") removeFile(path);
    else moveIn(project, path, part);
    removeFile(join(project.migrations, snapshotFile(part.revisionId)));
  }
  return {
    ...written,
    replaces: parts.map((part) => part.revisionId),
    ...(!drafted && { moved: `${project.settings.migrationsPath}/${FOLDER}` }),
  };
}

/** The revisions whose being applied makes the range complete: the last one, and what that one replaces last. */
function completing(last: Revision): string[] {
  const inner = last.completedBy.length > 0 ? last.completedBy : last.replaces.slice(-1).map(({ id }) => id);
  return [last.revisionId, ...inner];
}

/** Moves an old file into the folder of the squashed ones, with the path to its types put right. */
function moveIn(project: Project, path: string, part: Revision): void {
  const target = join(project.migrations, FOLDER, `${part.revisionId}.ts`);
  moveFile(path, target);
  replaceFile(target, part.text.replace(/(<reference path=")\.\/crochet\.d\.ts"/, '$1../crochet.d.ts"'));
}

function checkRange(all: Revision[], first: Revision, last: Revision, parts: Revision[]): void {
  const fail = (problem: string, hint: string): never => {
    throw new CrochetError(
      "USAGE",
      `"${first.revisionId}..${last.revisionId}" cannot be squashed: ${problem}`,
      {
        hint,
      },
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
  for (const other of all) {
    const inner = other.parents.find(({ id }) => ids.has(id) && id !== last.revisionId);
    if (inner && !ids.has(other.revisionId)) {
      fail(
        `"${other.revisionId}" follows "${inner.id}" out of it`,
        "squash up to there, or merge the branches first",
      );
    }
  }
  const asking = parts.find((part) => part.language === "cypher" && part.text.includes("{{"));
  if (asking) {
    fail(`"${asking.revisionId}" takes parameters of the command line`, "leave it out of the range");
  }
  const imports = parts.find((part) => part.imports.some((file) => !file.includes(`/${FOLDER}/`)));
  if (imports) {
    fail(
      `"${imports.revisionId}" imports other files, whose paths would change`,
      "leave it out of the range",
    );
  }
  const nested = parts.find((part) => part.imports.length > 0);
  if (nested) fail(`"${nested.revisionId}" calls files of an earlier squash`, "leave it out of the range");
}

/**
 * A body made anew from the schemas, where that does the very same: where the parts only add and drop constraints and
 * indexes, and what they do together is what the schemas say.
 */
async function draftedBody(
  project: Project,
  before: Revision | undefined,
  parts: Revision[],
  ir: SchemaIr,
): Promise<{ body: Body; changes: string[] } | undefined> {
  const net = new Map<string, "add" | "drop">();
  const sandbox = new Sandbox(project.settings.timeLimitMs);
  try {
    for (const part of parts) {
      const down = await collectOperations(project, part, "downgrade", sandbox);
      const { operations, incomplete } = await collectOperations(project, part, "upgrade", sandbox);
      if (incomplete || down.incomplete) return undefined;
      if ([...operations, ...down.operations].some(({ operation }) => operation.kind !== "schema")) {
        return undefined;
      }
      for (const { operation } of operations) {
        if (operation.kind !== "schema") continue;
        const key = canonicalJson([
          shapeKey(operation.shape),
          operation.action === "add" ? operation.shape.options ?? {} : {},
        ]);
        const opposite = [...net].find(([other, action]) =>
          action !== operation.action && JSON.parse(other)[0] === shapeKey(operation.shape) &&
          action === "add"
        );
        if (opposite) net.delete(opposite[0]);
        else net.set(key, operation.action);
      }
    }
  } finally {
    sandbox.close();
  }
  const old = before ? readSnapshot(project, before) : EMPTY_IR;
  const diff = diffIr(old, ir);
  const wanted = new Map<string, "add" | "drop">();
  for (const { up } of diff.steps) {
    const operation = parseOperation(up.name, up.args);
    if (operation.kind !== "schema") return undefined;
    wanted.set(
      canonicalJson([
        shapeKey(operation.shape),
        operation.action === "add" ? operation.shape.options ?? {} : {},
      ]),
      operation.action,
    );
  }
  const text = (map: Map<string, string>) => canonicalJson([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  if (text(net) !== text(wanted)) return undefined;
  return {
    body: bodyOf("ts", diff.steps, [old, ir]),
    changes: diff.changes.map((change) => `${change.sign} ${change.text}`),
  };
}

/** Calls the old files one after another, each with its own id and its own batches. */
function composed(parts: Revision[]): Body {
  const lines = (direction: "upgrade" | "downgrade") => (part: Revision, i: number): string[] => {
    if (part.language === "cypher") {
      return cypherSections(part)[direction].map(({ text }) =>
        `await ctx.runCypher(${JSON.stringify(text)});`
      );
    }
    return [`await part${i + 1}.${direction}(asRevision(ctx, ${JSON.stringify(part.revisionId)}));`];
  };
  const modules = parts.flatMap((part, i) =>
    part.language === "ts" ? [`import * as part${i + 1} from "./${FOLDER}/${part.revisionId}.ts";`] : []
  );
  return {
    upgrade: parts.flatMap(lines("upgrade")),
    downgrade: parts.map((part, i) => lines("downgrade")(part, i)).reverse().flat(),
    imports: modules.length > 0 ? ["asRevision"] : [],
    modules,
  };
}

/** The number that a revision's id begins with, as it stands there. */
function numberOf(revision: Revision): string {
  return /^\d+/.exec(revision.revisionId)?.[0] ?? revision.revisionId;
}
