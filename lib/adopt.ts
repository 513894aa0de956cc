/**
 * Takes a project of another migration tool and makes it Crochet's own: its migrations become ours, in their order, and
 * what it has applied is recorded without being run. Old files stay where they are; what could not be translated is
 * named, and stops a run that would need it.
 */
import { recordApplied } from "./baseline.ts";
import { splitStatements } from "./cypher_text.ts";
import { projectSchema } from "./draft.ts";
import { writeRevision } from "./draft_file.ts";
import { crc32 } from "./digest.ts";
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { EMPTY_IR, type SchemaIr } from "./ir.ts";
import { Ledger } from "./ledger.ts";
import { readOriginalLedger } from "./ledger_original.ts";
import { type OriginalMigration, originalSchema, readOriginal } from "./original.ts";
import { basename, join } from "./path.ts";
import { listFolder, moveFile, type Project, readRevisions, readText, shown } from "./project.ts";
import { type Revision, revisionId } from "./revision.ts";
import type { Runner } from "./runner.ts";
import { slug } from "./text.ts";

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

/** Adopts a project of the Python original. @throws CrochetError PREFLIGHT_FAILED where there is none */
export async function adoptOriginal(request: AdoptRequest): Promise<Adopted> {
  const { project } = request;
  refuseOwn(project);
  const old = await readOriginalLedger(project.ledger);
  const open: string[] = [];
  const found: { file: string; migration: OriginalMigration }[] = [];
  for (const name of listFolder(project.migrations)) {
    if (!name.endsWith(".py") || name.startsWith("_")) continue;
    const read = readOriginal(readText(join(project.migrations, name)));
    if ("problem" in read) open.push(`${name}: ${read.problem}; it was left out`);
    else found.push({ file: name, migration: read });
  }
  if (!old && found.length === 0) {
    throw new CrochetError(
      "PREFLIGHT_FAILED",
      `There is no project of the Python original in "${project.root}": no ledger of it, no migrations/*.py`,
      { hint: "crochet baseline adopts a graph that no tool knows" },
    );
  }
  const { ir } = projectSchema(project);
  const applied = old?.applied.map((entry) => entry.revisionId) ?? [];
  const ordered = orderOriginals(found.map(({ migration }) => migration), applied, open);
  const files: string[] = [];
  let before: SchemaIr = EMPTY_IR;
  const written: { revisionId: string; original: string }[] = [];
  for (const [i, migration] of ordered.entries()) {
    const json = old?.snapshots.get(migration.schemaHash);
    // The last one leads to the models as they are: what they say beyond it is found as drift.
    before = i === ordered.length - 1 ? ir : json ? originalSchema(json) : before;
    const { upgrade, downgrade } = migration;
    for (const [name, body] of Object.entries({ upgrade, downgrade })) {
      if (body.open) {
        open.push(
          `${migration.revisionId}.py:${body.open.line}: ${name} is not translated: ${body.open.what}`,
        );
      }
    }
    const revisions = readRevisions(project);
    const made = writeRevision(project, revisions, {
      id: revisionId(i + 1, slug(migration.revisionId.replace(/^\d+_?/, "")) || migration.description),
      description: migration.description,
      language: "ts",
      parents: revisions.filter((revision) => revision.revisionId === written.at(-1)?.revisionId),
      ir: before,
      rollbackSafe: migration.rollbackSafe && !upgrade.open && !downgrade.open,
      changes: [`adopted from ${migration.revisionId}.py`],
      body: {
        upgrade: upgrade.lines,
        downgrade: downgrade.lines,
        imports: upgrade.usesFloat || downgrade.usesFloat ? ["float"] : [],
      },
    });
    files.push(...made.files);
    written.push({ revisionId: made.revisionId, original: migration.revisionId });
  }
  const isApplied = new Set(applied);
  for (const id of applied) {
    if (!written.some((entry) => entry.original === id)) {
      open.push(`"${id}" is applied by the original's ledger, but its file is missing`);
    }
  }
  if (old) {
    const aside = `${project.ledger}.original`;
    moveFile(project.ledger, aside);
    open.push(`the original's ledger lies in ${shown(project, aside)} now`);
  }
  const done = written.filter((entry) => isApplied.has(entry.original)).map((entry) => entry.revisionId);
  const recorded = await record(request, done);
  return {
    from: "crochet-migration",
    files,
    recorded,
    pending: written.filter((entry) => !done.includes(entry.revisionId)).map((entry) => entry.revisionId),
    open,
  };
}

/** What is applied comes first, as it was applied; the rest follows its parents, and then the names. */
function orderOriginals(found: OriginalMigration[], applied: string[], open: string[]): OriginalMigration[] {
  const byId = new Map<string, OriginalMigration>();
  for (const migration of found) {
    if (byId.has(migration.revisionId)) {
      open.push(`"${migration.revisionId}" stands in two files; the first was taken`);
    } else byId.set(migration.revisionId, migration);
  }
  const ordered = applied.flatMap((id) => byId.get(id) ?? []);
  let rest = [...byId.values()].filter((migration) => !ordered.includes(migration))
    .sort((a, b) => (a.revisionId < b.revisionId ? -1 : 1));
  while (rest.length > 0) {
    const placed = new Set(ordered.map((migration) => migration.revisionId));
    const next = rest.find(({ parentId }) => parentId === null || placed.has(parentId)) ?? rest[0];
    if (next.parentId !== (ordered.at(-1)?.revisionId ?? null)) {
      open.push(
        `"${next.revisionId}" names the parent "${next.parentId ?? "none"}", and follows "${
          ordered.at(-1)?.revisionId ?? "none"
        }" now`,
      );
    }
    ordered.push(next);
    rest = rest.filter((migration) => migration !== next);
  }
  return ordered;
}

/** Adopts a chain of neo4j-migrations: its Cypher files, and what the graph says is applied. @throws CrochetError PREFLIGHT_FAILED */
export async function adoptChain(request: AdoptRequest, folder: string): Promise<Adopted> {
  const { project, graph } = request;
  refuseOwn(project);
  const open: string[] = [];
  const scripts = listFolder(folder).flatMap((name) => readScript(folder, name, open))
    .sort((a, b) => compareVersions(a.version, b.version));
  if (scripts.length === 0) {
    throw new CrochetError("PREFLIGHT_FAILED", `There are no scripts of neo4j-migrations in "${folder}"`, {
      hint: "name the folder that holds V0001__Name.cypher and its like",
    });
  }
  const chain = graph ? await readChain(graph) : [];
  const { ir } = projectSchema(project);
  const files: string[] = [];
  const done: string[] = [];
  const pending: string[] = [];
  let parent: string | undefined;
  for (const [i, script] of scripts.entries()) {
    const entry = chain.find(({ version }) => version === script.version);
    if (entry && !entry.checksums.includes(script.checksum)) {
      open.push(`${script.name} was edited after it was applied`);
    }
    if (script.repeatable) open.push(`${script.name} ran again whenever it changed; here it runs once`);
    const revisions = readRevisions(project);
    const made = writeRevision(project, revisions, {
      id: revisionId(i + 1, script.description),
      description: script.description,
      language: "cypher",
      parents: revisions.filter((revision) => revision.revisionId === parent),
      ir: i === scripts.length - 1 ? ir : EMPTY_IR,
      rollbackSafe: false,
      changes: [`adopted from ${script.name}`],
      body: { upgrade: script.statements.map((text) => `${text};`), downgrade: [], imports: [] },
    });
    parent = made.revisionId;
    files.push(...made.files);
    (entry ? done : pending).push(made.revisionId);
  }
  for (const { version, source } of chain) {
    if (!scripts.some((script) => script.version === version)) {
      open.push(`"${source}" is applied, but its script is missing`);
    }
  }
  const last = Math.max(-1, ...done.map((id) => files.findIndex((file) => file.includes(id))));
  for (const id of pending) {
    if (files.findIndex((file) => file.includes(id)) < last) {
      open.push(`"${id}" was not applied, though later ones were: the next upgrade runs it`);
    }
  }
  return { from: "neo4j-migrations", files, recorded: await record(request, done), pending, open };
}

function refuseOwn(project: Project): void {
  const revisions = readRevisions(project);
  if (revisions.length === 0) return;
  throw new CrochetError(
    "PREFLIGHT_FAILED",
    `The project has migrations of Crochet already: ${revisions[0].file}`,
    { hint: "adopt first, and write migrations after it" },
  );
}

/** Records what the other tool has applied, where a graph is there. */
async function record({ project, graph, runner }: AdoptRequest, ids: string[]): Promise<string[]> {
  if (!graph || ids.length === 0) return [];
  const byId = new Map(
    readRevisions(project).map((revision): [string, Revision] => [revision.revisionId, revision]),
  );
  const ledger = await Ledger.open(project.ledger);
  try {
    const revisions = ids.map((id) => byId.get(id)!);
    return (await recordApplied({ project, ledger, graph, runner }, revisions, "adopted")).recorded;
  } finally {
    ledger.close();
  }
}

interface Script {
  name: string;
  version: string;
  description: string;
  repeatable: boolean;
  statements: string[];
  checksum: string;
}

/** `V1_2__Add_person.cypher`; other kinds are named and left out. */
function readScript(folder: string, name: string, open: string[]): Script[] {
  const match = /^([VR])(\d[\d_.]*|[\d.]+)__([\w ]+)\.(cypher|xml|java|class)$/.exec(name);
  if (!match) return [];
  const [, kind, version, description, ending] = match;
  if (ending !== "cypher") {
    open.push(`${basename(name)} is no Cypher, and was left out`);
    return [];
  }
  const statements = splitStatements(
    readText(join(folder, name)).replace(/^\uFEFF/, "").replaceAll("\r\n", "\n"),
  );
  return [{
    name,
    version: version.replaceAll("_", "."),
    description: description.replaceAll("_", " "),
    repeatable: kind === "R",
    statements,
    checksum: String(crc32(statements.join(""))),
  }];
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What neo4j-migrations keeps in the graph. */
async function readChain(graph: Graph): Promise<{ version: string; source: string; checksums: string[] }[]> {
  const rows = await graph.read(
    "MATCH (m:__Neo4jMigration) WHERE m.version <> 'BASELINE' OPTIONAL MATCH (m)-[r:REPEATED]->(m) " +
      "RETURN m.version AS version, coalesce(m.source, m.version) AS source, [m.checksum] + collect(r.checksum) AS checksums ORDER BY version",
  );
  return rows.map((row) => ({
    version: String(row.version),
    source: String(row.source),
    checksums: (row.checksums as unknown[]).map(String),
  }));
}
