/**
 * Takes a project of the Python original (crochet-migration) and makes it Crochet's own. Its files stay where they are,
 * its ledger moves aside; what could not be translated is named, and stops a run that would need it.
 */
import {
  type Adopted,
  type AdoptedRevision,
  type AdoptRequest,
  moveLedger,
  refuseKnown,
  writeAdopted,
} from "./adopt.ts";
import { projectSchema } from "./draft.ts";
import { CrochetError } from "./error.ts";
import { EMPTY_IR, type SchemaIr } from "./ir.ts";
import { type OriginalLedger, readOriginalLedger } from "./ledger_original.ts";
import { type OriginalMigration, originalSchema, readOriginal } from "./original.ts";
import { join } from "./path.ts";
import { listFolder, type Project, readRevisions, readText, shown } from "./project.ts";
import { revisionId } from "./revision.ts";
import { count, slug } from "./text.ts";

/** A migration of the original and its file. */
interface OriginalFile {
  file: string;
  migration: OriginalMigration;
}

/** Adopts a project of the Python original. @throws CrochetError PREFLIGHT_FAILED where there is none */
export async function adoptOriginal(request: AdoptRequest): Promise<Adopted> {
  const { project } = request;
  const from = "crochet-migration";
  const old = await readOriginalLedger(project.ledger);
  const aside = { from: project.ledger, to: `${project.ledger}.original` };
  if (old && readRevisions(project).length > 0) {
    // Somebody else has adopted it, and the files came with Git: only the ledger is still the original's.
    moveLedger(aside.from, aside.to);
    const open = [
      `the project is adopted already; the original's ledger lies in ${
        shown(project, aside.to)
      } now, and ours learns from the graph`,
    ];
    return { from, files: [], recorded: [], pending: [], open };
  }
  await refuseKnown(request);
  const open: string[] = [];
  const found = readOriginals(project, open);
  if (!old && found.length === 0) {
    throw new CrochetError(
      "PREFLIGHT_FAILED",
      `There is no project of the Python original in "${project.root}": no ledger of it, no migrations/*.py`,
      { hint: "crochet baseline adopts a graph that no tool knows" },
    );
  }
  const { ir } = projectSchema(project);
  const applied = old?.applied.map((entry) => entry.revisionId) ?? [];
  const ordered = orderOriginals(found, applied, open);
  const revisions = translated(ordered, new Set(applied), old, ir, open);
  for (const id of applied) {
    const isKnown = ordered.some(({ migration }) => migration.revisionId === id);
    if (!isKnown && !open.some((line) => line.startsWith(`${id}.py:`))) {
      open.push(`"${id}" is applied by the original's ledger, but its file is missing`);
    }
  }
  const written = await writeAdopted(request, revisions, old && aside);
  if (old) {
    open.push(`the original's ledger lies in ${shown(project, aside.to)} now`);
    if (old.batches > 0) {
      open.push(`what it knows of ${count(old.batches, "batch", "batches")} of data stays in it`);
    }
  }
  return { from, ...written, open };
}

function readOriginals(project: Project, open: string[]): OriginalFile[] {
  return listFolder(project.migrations).flatMap((file): OriginalFile[] => {
    if (!file.endsWith(".py") || file.startsWith("_")) return [];
    const migration = readOriginal(readText(join(project.migrations, file)));
    if (!("problem" in migration)) return [{ file, migration }];
    open.push(`${file}: ${migration.problem}; it was left out`);
    return [];
  });
}

function translated(
  ordered: OriginalFile[],
  applied: ReadonlySet<string>,
  old: OriginalLedger | undefined,
  models: SchemaIr,
  open: string[],
): AdoptedRevision[] {
  let ir: SchemaIr = EMPTY_IR;
  return ordered.map(({ file, migration }, i): AdoptedRevision => {
    const { upgrade, downgrade, description } = migration;
    const json = old?.snapshots.get(migration.schemaHash);
    // The last one leads to the models as they are: what they say beyond it is found as drift.
    ir = i === ordered.length - 1 ? models : json ? originalSchema(json) : ir;
    for (const [name, body] of Object.entries({ upgrade, downgrade })) {
      if (body.open) open.push(`${file}:${body.open.line}: ${name} is not translated: ${body.open.what}`);
    }
    const id = revisionId(i + 1, slug(migration.revisionId.replace(/^\d+_?/, "")) || description);
    if (migration.rollbackSafe && upgrade.lines.some((line) => line.includes("ctx.removeNodeProperty("))) {
      open.push(
        `${file} says that it can be reverted, and removes values: on a new graph it needs --accept-loss ${id}`,
      );
    }
    return {
      id,
      description,
      language: "ts",
      ir,
      rollbackSafe: migration.rollbackSafe && !upgrade.open && !downgrade.open,
      source: file,
      body: {
        upgrade: upgrade.lines,
        downgrade: downgrade.lines,
        imports: upgrade.usesFloat || downgrade.usesFloat ? ["float"] : [],
      },
      isApplied: applied.has(migration.revisionId),
    };
  });
}

/** What is applied comes first, as it was applied; the rest follows its parents, and then the names. */
function orderOriginals(found: OriginalFile[], applied: string[], open: string[]): OriginalFile[] {
  const byId = new Map<string, OriginalFile>();
  for (const entry of found) {
    const { revisionId: id } = entry.migration;
    const other = byId.get(id);
    if (other) open.push(`"${id}" stands in ${other.file} and in ${entry.file}; the first was taken`);
    else byId.set(id, entry);
  }
  const ordered = applied.flatMap((id) => byId.get(id) ?? []);
  let rest = [...byId.values()].filter((entry) => !ordered.includes(entry))
    .sort((a, b) => (a.migration.revisionId < b.migration.revisionId ? -1 : 1));
  while (rest.length > 0) {
    const placed = new Set(ordered.map(({ migration }) => migration.revisionId));
    const next = rest.find(({ migration: { parentId } }) => parentId === null || placed.has(parentId)) ??
      rest[0];
    const before = ordered.at(-1)?.migration.revisionId ?? null;
    const { revisionId: id, parentId } = next.migration;
    if (parentId !== before) {
      open.push(`"${id}" names the parent "${parentId ?? "none"}", and follows "${before ?? "none"}" now`);
    }
    ordered.push(next);
    rest = rest.filter((entry) => entry !== next);
  }
  return ordered;
}
