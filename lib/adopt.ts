/**
 * Takes the migrations of another tool, translated, and makes them a project's own: files in their order, and a record
 * of what that tool has applied, without running anything. All of it or nothing: where a step fails, the files go and
 * the other tool's ledger comes back.
 */
import { recordApplied } from "./baseline.ts";
import { type Body, writeRevision } from "./draft_file.ts";
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { readRecord } from "./graph_record.ts";
import type { SchemaIr } from "./ir.ts";
import { Ledger } from "./ledger.ts";
import { join } from "./path.ts";
import { exists, moveFile, type Project, readRevisions, removeFile } from "./project.ts";
import type { Runner } from "./runner.ts";
import { count } from "./text.ts";

/** What to adopt, and with what. */
export interface AdoptRequest {
  project: Project;
  runner: Runner;
  /** Undefined writes files only. */
  graph: Graph | undefined;
}

/** What was adopted. */
export interface Adopted {
  from: "crochet-migration" | "neo4j-migrations";
  /** Files that were written. */
  files: string[];
  /** Revisions recorded as applied. */
  recorded: string[];
  /** Revisions that the other tool has not applied. */
  pending: string[];
  /** What a person must look at. */
  open: string[];
}

/** A migration of another tool as it will be written. */
export interface AdoptedRevision {
  id: string;
  description: string;
  language: "ts" | "cypher";
  ir: SchemaIr;
  rollbackSafe: boolean;
  /** File that it came from. */
  source: string;
  body: Body;
  isApplied: boolean;
}

/** Refuses a project or a graph that has a record of Crochet. @throws CrochetError PREFLIGHT_FAILED */
export async function refuseKnown({ project, graph }: AdoptRequest): Promise<void> {
  const [own] = readRevisions(project);
  if (own) {
    throw new CrochetError("PREFLIGHT_FAILED", `The project has migrations of Crochet already: ${own.file}`, {
      hint: "adopt first, and write migrations after it",
    });
  }
  const known = graph ? (await readRecord(graph)).revisions.length : 0;
  if (known === 0) return;
  throw new CrochetError(
    "PREFLIGHT_FAILED",
    `The graph has a record already: ${count(known, "revision")} of Crochet`,
    {
      hint: "adopting is for a graph that Crochet does not know yet; crochet status shows the record",
    },
  );
}

/** Writes the files and the record. `aside` is another tool's ledger that stands where ours will. */
export async function writeAdopted(
  request: AdoptRequest,
  revisions: AdoptedRevision[],
  aside?: { from: string; to: string },
): Promise<Pick<Adopted, "files" | "recorded" | "pending">> {
  const { project } = request;
  const files: string[] = [];
  const hadLedger = exists(project.ledger);
  try {
    let parent: string | undefined;
    for (const { isApplied: _isApplied, source, ...revision } of revisions) {
      const written = readRevisions(project);
      const made = writeRevision(project, written, {
        ...revision,
        parents: written.filter(({ revisionId }) => revisionId === parent),
        changes: [`adopted from ${source}`],
      });
      parent = made.revisionId;
      files.push(...made.files);
    }
    if (aside) moveLedger(aside.from, aside.to);
    const applied = revisions.filter((revision) => revision.isApplied).map(({ id }) => id);
    return {
      files,
      recorded: await record(request, applied),
      pending: revisions.filter((revision) => !revision.isApplied).map(({ id }) => id),
    };
  } catch (error) {
    for (const file of files) removeFile(join(project.root, file));
    if (aside && exists(aside.to)) {
      removeLedger(project.ledger);
      moveLedger(aside.to, aside.from);
    } else if (!hadLedger) removeLedger(project.ledger);
    throw error;
  }
}

/** Records what the other tool has applied, where a graph is there. */
async function record({ project, graph, runner }: AdoptRequest, ids: string[]): Promise<string[]> {
  if (!graph || ids.length === 0) return [];
  const revisions = readRevisions(project).filter(({ revisionId }) => ids.includes(revisionId))
    .sort((a, b) => ids.indexOf(a.revisionId) - ids.indexOf(b.revisionId));
  const ledger = await Ledger.open(project.ledger);
  try {
    return (await recordApplied({ project, ledger, graph, runner }, revisions, "adopted")).recorded;
  } finally {
    ledger.close();
  }
}

/** SQLite keeps the last rows beside the file while a program holds it, and after one was killed. */
const LEDGER_PARTS = ["", "-wal", "-shm"];

/** Moves a ledger with everything that belongs to it. */
export function moveLedger(from: string, to: string): void {
  for (const part of LEDGER_PARTS) if (exists(from + part)) moveFile(from + part, to + part);
}

function removeLedger(path: string): void {
  for (const part of LEDGER_PARTS) removeFile(path + part);
}
