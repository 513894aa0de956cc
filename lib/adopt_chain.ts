/**
 * Takes scripts of neo4j-migrations and the chain that it left in a graph, and makes them a project's own: revisions in
 * plain Cypher, in the order in which they were applied. The tool's own nodes, constraints and index are left alone.
 * Source: its graph format and names, read from graphs that version 2.17 made.
 */
import { type Adopted, type AdoptedRevision, type AdoptRequest, refuseKnown, writeAdopted } from "./adopt.ts";
import { bareCypher, splitStatements } from "./cypher_text.ts";
import { crc32 } from "./digest.ts";
import { projectSchema } from "./draft.ts";
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { EMPTY_IR } from "./ir.ts";
import { join, relative } from "./path.ts";
import { isFolder, listFolder, readText } from "./project.ts";
import { revisionId } from "./revision.ts";

/** A script of the tool. */
interface Script {
  /** Path from the folder that was named. */
  name: string;
  version: string;
  description: string;
  repeatable: boolean;
  statements: string[];
  checksum: string;
}

/** A script that the graph says is applied. */
interface ChainEntry {
  version: string;
  source: string;
  checksums: string[];
}

/** Adopts a chain of neo4j-migrations. @throws CrochetError PREFLIGHT_FAILED */
export async function adoptChain(request: AdoptRequest, folder: string): Promise<Adopted> {
  const { project, graph } = request;
  await refuseKnown(request);
  const open: string[] = [];
  const scripts = readScripts(folder, folder, open);
  if (scripts.length === 0) {
    throw new CrochetError("PREFLIGHT_FAILED", `There are no scripts of neo4j-migrations in "${folder}"`, {
      hint: "name the folder that holds V0001__Name.cypher and its like",
    });
  }
  const chain = graph ? await readChain(graph) : [];
  const { ir } = projectSchema(project);
  const position = (script: Script) => chain.findIndex(({ version }) => version === script.version);
  // What is applied in its order, then the rest as the tool sorts versions: as texts.
  const rank = (script: Script) => (position(script) === -1 ? Infinity : position(script));
  const ordered = scripts.toSorted((a, b) =>
    rank(a) === rank(b) ? (a.version < b.version ? -1 : 1) : rank(a) - rank(b)
  );
  const revisions = ordered.map((script, i): AdoptedRevision => {
    const entry = chain[position(script)];
    if (entry && !entry.checksums.includes(script.checksum)) {
      open.push(`${script.name} was edited after it was applied`);
    }
    if (script.repeatable) open.push(`${script.name} ran again whenever it changed; here it runs once`);
    return {
      id: revisionId(i + 1, script.description),
      description: script.description,
      language: "cypher",
      ir: i === ordered.length - 1 ? ir : EMPTY_IR,
      rollbackSafe: false,
      source: script.name,
      body: { upgrade: script.statements.map((text) => `${text};`), downgrade: [], imports: [] },
      isApplied: entry !== undefined,
    };
  });
  for (const { version, source } of chain) {
    if (!scripts.some((script) => script.version === version)) {
      open.push(`"${source}" is applied, but its script is missing`);
    }
  }
  return { from: "neo4j-migrations", ...await writeAdopted(request, revisions), open };
}

/** Every script of a folder and of those in it; what is left out is named. */
function readScripts(root: string, folder: string, open: string[]): Script[] {
  return listFolder(folder).flatMap((name) => {
    const path = join(folder, name);
    return isFolder(path) ? readScripts(root, path, open) : readScript(root, path, name, open);
  });
}

function readScript(root: string, path: string, file: string, open: string[]): Script[] {
  const name = relative(root, path);
  const match = /^([VR])(\d+(?:_\d+)*|\d+(?:\.\d+)*)__([\w ]+)\.(\w+)$/.exec(file);
  if (!match) {
    if (/^(before|after)[A-Z]\w*\.cypher$/.test(file)) open.push(`${name} is a callback, and was left out`);
    return [];
  }
  const [, kind, version, description, ending] = match;
  if (ending !== "cypher") {
    open.push(`${name} is no Cypher, and was left out`);
    return [];
  }
  const text = readText(path).replace(/^\uFEFF/, "");
  const statements = splitStatements(text.replaceAll("\r\n", "\n"));
  for (const statement of statements) {
    if (/^\s*:/.test(bareCypher(statement))) {
      open.push(`${name} holds "${firstLine(statement)}", which is no Cypher: take it out`);
    }
    if (statement.includes("{{")) {
      open.push(`${name} holds "{{", which is a parameter here: write it in another way`);
    }
  }
  return [{
    name,
    version: version.replaceAll("_", "."),
    description: description.replaceAll("_", " "),
    repeatable: kind === "R",
    statements,
    checksum: checksumOf(text),
  }];
}

function firstLine(statement: string): string {
  return statement.split("\n").find((line) => line.trim().startsWith(":"))?.trim() ?? statement;
}

/** CRC-32 over the statements as the tool cuts them: at a `;` that ends its line, trimmed, without mere comments. */
function checksumOf(text: string): string {
  const pieces = text.split(/;(?:\r?\n|$)/).map((piece) => piece.trim())
    .filter((piece) =>
      piece.split(/\r?\n/).some((line) => line.trim() !== "" && !line.trim().startsWith("//"))
    );
  return String(crc32(pieces.join("")));
}

/** What neo4j-migrations keeps in the graph, in the order in which it was applied. */
async function readChain(graph: Graph): Promise<ChainEntry[]> {
  const rows = await graph.read(
    "MATCH path = (:__Neo4jMigration {version: 'BASELINE'})-[:MIGRATED_TO*]->(m:__Neo4jMigration) " +
      "WITH m, min(length(path)) AS position OPTIONAL MATCH (m)-[r:REPEATED]->(m) " +
      "WITH m, position, collect(r.checksum) AS repeated " +
      "RETURN m.version AS version, coalesce(m.source, m.version) AS source, [m.checksum] + repeated AS checksums ORDER BY position",
  );
  return rows.map((row) => ({
    version: String(row.version),
    source: String(row.source),
    checksums: (row.checksums as unknown[]).map(String),
  }));
}
