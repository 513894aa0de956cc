/**
 * Takes a project, its ledger and its graph and proves, line by line, that Git, ledger and graph agree: the ledger's
 * chain, the files, their digests, the hash chain, the snapshots, the models, the graph. Each line passes or fails
 * with its reason. Changes nothing.
 */
import { appliedSchema } from "./applied_schema.ts";
import { chainFaults, headsOf, linked } from "./chain.ts";
import { textDigest } from "./digest.ts";
import { CrochetError } from "./error.ts";
import { isAtWork, readLock } from "./graph_lock.ts";
import { projectSchema } from "./draft.ts";
import { GitRepository } from "./git.ts";
import type { Graph } from "./graph.ts";
import { readCatalog } from "./graph_catalog.ts";
import { findShape } from "./graph_operations.ts";
import { readRecord } from "./graph_record.ts";
import { renderSnapshot, schemaHash, schemaObjects } from "./ir.ts";
import type { Ledger } from "./ledger.ts";
import { join } from "./path.ts";
import { type Project, readEveryRevision, readIfThere, readSnapshot } from "./project.ts";
import { openRepository, readProvenance } from "./provenance.ts";
import { compareStanding, describeStanding, hasReverted } from "./reconcile.ts";
import { type AppliedRevision, foldReplaced } from "./record.ts";
import { type Revision, snapshotFile } from "./revision.ts";
import { describeShape, sameOptions, type SchemaObject } from "./schema.ts";
import { count } from "./text.ts";

/** One line of the verification. */
export interface Check {
  name: string;
  ok: boolean;
  /** Reasons of a failure, or what a person should know. */
  details: string[];
}

/** The whole verification. */
export interface Verification {
  ok: boolean;
  checks: Check[];
}

/** Verifies everything that can be reached; without a graph its line is left out. */
export async function verifyProject(
  project: Project,
  ledger: Ledger,
  graph: Graph | undefined,
): Promise<Verification> {
  const { revisions, failures } = readEveryRevision(project);
  const ledgerFault = ledger.findFault();
  const standing = graph && !ledgerFault ? await compareStanding(ledger, graph) : undefined;
  const lock = graph && await readLock(graph);
  const records = graph
    ? [(standing?.record ?? await readRecord(graph)).revisions]
    // What was tampered with cannot be read as a record.
    : ledgerFault
    ? []
    : ledger.graphs().map((entry) => ledger.applied(entry.graphId));
  const applied = records.flatMap((record) => foldReplaced(revisions, record));
  const faults = chainFaults(revisions);
  const checks = [
    check("ledger chain", ledgerFault ? [ledgerFault] : []),
    check("files", [...failures.map((failure) => failure.message), ...missingFiles(revisions, applied)]),
    check("digests", editedFiles(revisions, applied)),
    check("hash chain", faults.map((fault) => fault.message)),
    check("snapshots", snapshotFaults(project, revisions)),
    modelsCheck(project, revisions),
  ];
  const git = await openRepository(project);
  if (git instanceof GitRepository) {
    const { faults: disagreements, notes } = await readProvenance(git, revisions, applied);
    checks.push({ name: "git", ok: disagreements.length === 0, details: [...disagreements, ...notes] });
  }
  if (graph && standing) {
    checks.push(
      graphCheck(standing, revisions, lock !== undefined && isAtWork(lock)),
      await schemaCheck(project, graph, revisions, applied),
    );
  }
  return { ok: checks.every((line) => line.ok), checks };
}

function check(name: string, faults: string[]): Check {
  return { name, ok: faults.length === 0, details: faults };
}

/** Applied revisions without a file, in words. */
export function missingFiles(revisions: Revision[], applied: AppliedRevision[]): string[] {
  const files = new Set(revisions.map((revision) => revision.revisionId));
  return [
    ...new Set(
      applied.filter((revision) => !files.has(revision.revisionId)).map((revision) =>
        `the file of "${revision.revisionId}", which is applied, is missing`
      ),
    ),
  ];
}

/** Applied revisions whose file was edited, in words. */
export function editedFiles(revisions: Revision[], applied: AppliedRevision[]): string[] {
  const files = new Map(revisions.map((revision) => [revision.revisionId, revision]));
  return applied.flatMap(({ revisionId, digest }) => {
    const file = files.get(revisionId);
    return file && file.digest !== digest
      ? [
        `"${file.file}" was edited after it was applied (${file.digest.slice(0, 12)}…, applied was ${
          digest.slice(0, 12)
        }…)`,
      ]
      : [];
  });
}

function snapshotFaults(project: Project, revisions: Revision[]): string[] {
  return revisions.flatMap((revision) => {
    try {
      const ir = readSnapshot(project, revision);
      return isRewritten(project, revision, renderSnapshot(ir))
        ? [`the snapshot of "${revision.revisionId}" was edited, though it says the same`]
        : [];
    } catch (error) {
      if (error instanceof CrochetError) return [error.message];
      throw error;
    }
  });
}

/** Is a snapshot's text another one than Crochet wrote, but for line ends? */
function isRewritten(project: Project, revision: Revision, written: string): boolean {
  const text = readIfThere(join(project.migrations, snapshotFile(revision.revisionId)));
  return text !== undefined && textDigest(text) !== textDigest(written);
}

/** The models against the head: a difference is a migration that was not written yet. */
function modelsCheck(project: Project, revisions: Revision[]): Check {
  const name = "models";
  try {
    const { ir } = projectSchema(project);
    const heads = headsOf(revisions);
    if (heads.length === 0) return { name, ok: true, details: ["no migration yet"] };
    if (heads.length > 1) return { name, ok: false, details: ["not compared: the chain has several heads"] };
    const hash = schemaHash(ir);
    if (heads.some((head) => head.schemaHash === hash)) return { name, ok: true, details: [] };
    const detail = `the models differ from the head "${heads[0].revisionId}" (${hash.slice(0, 12)}…, head ${
      heads[0].schemaHash.slice(0, 12)
    }…): crochet create-migration "..."`;
    return { name, ok: false, details: [detail] };
  } catch (error) {
    if (error instanceof CrochetError) return { name, ok: false, details: [error.message] };
    throw error;
  }
}

/** The constraints and indexes of the last applied revision against the live catalog, by shape and options. */
async function schemaCheck(
  project: Project,
  graph: Graph,
  revisions: Revision[],
  applied: AppliedRevision[],
): Promise<Check> {
  if (applied.length === 0) return { name: "schema", ok: true, details: [] };
  let wanted: SchemaObject[];
  try {
    wanted = schemaObjects(appliedSchema(project, linked(revisions), applied));
  } catch (error) {
    if (error instanceof CrochetError) {
      return { name: "schema", ok: false, details: [`not compared: ${error.message}`] };
    }
    throw error;
  }
  const catalog = await readCatalog(graph);
  return check(
    "schema",
    wanted.flatMap((object) => {
      const live = findShape(catalog, object);
      if (!live) return [`the graph lacks the ${describeShape(object)}`];
      return sameOptions(live as SchemaObject, object)
        ? []
        : [`the ${describeShape(object)} has other options in the graph`];
    }),
  );
}

function graphCheck(
  standing: Awaited<ReturnType<typeof compareStanding>>,
  revisions: Revision[],
  isRunning: boolean,
): Check {
  const details: string[] = [];
  const difference = describeStanding(standing);
  // A graph that another working copy moved on is no fault: the next run tells the ledger.
  const behind = !standing.strange && (standing.comparison.state === "graph-ahead" || hasReverted(standing));
  if (difference && !behind) details.push(difference);
  const { partial } = standing.record;
  const applied = foldReplaced(revisions, standing.record.revisions);
  if (partial) {
    const what = `the ${partial.direction} of "${partial.revisionId}"`;
    details.push(
      isRunning
        ? `${what} is under way`
        : `${what} stopped half-way: crochet ${partial.direction} finishes it`,
    );
  }
  const ok = details.length === 0;
  if (difference && behind) details.push(difference);
  const known = new Set(applied.map((revision) => revision.revisionId));
  const pending = revisions.filter((revision) => !known.has(revision.revisionId)).length;
  // A graph that is only behind the files is no fault: pending revisions are told, not failed.
  if (pending > 0) details.push(`${count(pending, "revision")} pending`);
  return { name: "graph", ok, details };
}
