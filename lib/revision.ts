/**
 * Takes the text of a migration file and gives the revision it declares, or renders a new one. The header (who it
 * is, who its parent is, what schema it leads to) is read from the text without running it: constants of plain
 * literals before the first function. Never runs a migration, never touches the disk.
 */
import { sectionMarks } from "./cypher_text.ts";
import { textDigest } from "./digest.ts";
import { CrochetError } from "./error.ts";
import { basename } from "./path.ts";
import { nearest, slug } from "./text.ts";

/** What a migration file says of itself. */
export interface RevisionHeader {
  revisionId: string;
  /** Parents: none for the first, two for a merge. */
  parents: { id: string; digest: string }[];
  schemaHash: string;
  rollbackSafe: boolean;
  /** Revisions that it stands for: it counts as applied where all of them are. Empty for most. */
  replaces: { id: string; digest: string }[];
  /** Of what it replaces, those that make the rest complete; empty means all of them. */
  completedBy: string[];
}

/** A revision: its header, its file and its text. */
export interface Revision extends RevisionHeader {
  /** Path of the file from the project's folder: `migrations/0001_init.ts`. */
  file: string;
  language: "ts" | "cypher";
  /** Line of the file on which its parent is named. */
  parentLine: number;
  /** SHA-256 of the text over LF line ends. */
  digest: string;
  text: string;
  /** Paths, from the project's folder, of the files that the migration imports. */
  imports: string[];
}

/** Every file that makes a revision: the migration, its snapshot, what it imports. */
export function revisionFiles(revision: Revision): string[] {
  const folder = revision.file.slice(0, revision.file.length - basename(revision.file).length);
  return [revision.file, `${folder}${snapshotFile(revision.revisionId)}`, ...revision.imports];
}

/** The name of a migration file: a number of four digits or more, `_`, a slug. */
export const REVISION_FILE = /^\d{4,}_[A-Za-z0-9_]+\.(ts|cypher)$/;

/** Name of the snapshot beside a migration file. */
export function snapshotFile(revisionId: string): string {
  return `${revisionId}.schema.json`;
}

/**
 * A revision id from a number and a description; a description that leaves no ASCII letter gives `migration`.
 *
 * @example
 * ```ts
 * import { revisionId } from "./revision.ts";
 * import assert from "node:assert/strict";
 * assert.equal(revisionId(1, "add person node"), "0001_add_person_node");
 * assert.equal(revisionId(12, "人物を追加"), "0012_migration");
 * ```
 */
export function revisionId(number: number, description: string): string {
  return `${String(number).padStart(4, "0")}_${slug(description) || "migration"}`;
}

/** Number of a revision id, 0 where it has none. */
export function revisionNumber(id: string): number {
  return Number(/^\d+/.exec(id)?.[0] ?? 0);
}

/** Reads a migration file's header. @throws CrochetError REVISION_INVALID with the place */
export function parseRevision(file: string, text: string): Revision {
  const language = file.endsWith(".cypher") ? "cypher" : "ts";
  const values = language === "ts" ? typescriptHeader(file, text) : cypherHeader(file, text);
  const get = (name: string) => values.get(name)?.value;
  const at = (name: string) => ({ file, line: values.get(name)?.line ?? 1 });
  const fail = (name: string, problem: string): never => {
    throw new CrochetError("REVISION_INVALID", `Reading the migration "${file}" failed: ${problem}`, {
      at: at(name),
      hint: language === "ts"
        ? `write it as a constant: export const ${name} = ...;`
        : `write it as a comment: // crochet: ${name} = ...`,
    });
  };
  for (const name of ["revisionId", "parentId", "parentDigest", "schemaHash", "rollbackSafe"]) {
    if (!values.has(name)) fail(name, `"${name}" is missing`);
  }
  const id = get("revisionId");
  if (typeof id !== "string" || !/^[A-Za-z0-9_]+$/.test(id)) {
    fail("revisionId", "revisionId must be a text of letters, digits and _");
  }
  if (`${id}.${language}` !== basename(file)) {
    fail("revisionId", `revisionId is "${id}", but the file is named "${file}"`);
  }
  const asList = (value: unknown) => (Array.isArray(value) ? value : value === null ? [] : [value]);
  const [parents, digests] = [asList(get("parentId")), asList(get("parentDigest"))];
  if (!parents.every((parent) => typeof parent === "string" && parent !== "")) {
    fail("parentId", "parentId must be a text, null, or an array of two texts");
  }
  if (!digests.every((digest) => typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest))) {
    fail("parentDigest", "parentDigest must be 64 hex digits, null, or an array of two");
  }
  if (parents.length > 2) fail("parentId", "parentId must be a text, null, or an array of two texts");
  if (parents.length !== digests.length) {
    fail("parentDigest", "parentDigest must have one digest for each parent");
  }
  const completedBy = asList(get("completedBy") ?? null);
  if (!completedBy.every((name) => typeof name === "string")) {
    fail("completedBy", "completedBy must be an array of revision ids");
  }
  const [replaced, replacedDigests] = [
    asList(get("replaces") ?? null),
    asList(get("replacedDigests") ?? null),
  ];
  if (!replaced.every((name) => typeof name === "string" && /^[A-Za-z0-9_]+$/.test(name))) {
    fail("replaces", "replaces must be an array of revision ids");
  }
  if (
    replacedDigests.length !== replaced.length ||
    !replacedDigests.every((digest) => typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest))
  ) {
    fail("replacedDigests", "replacedDigests must have one digest for each revision of replaces");
  }
  if (typeof get("schemaHash") !== "string" || !/^[0-9a-f]{64}$/.test(get("schemaHash") as string)) {
    fail("schemaHash", "schemaHash must be 64 hex digits");
  }
  if (typeof get("rollbackSafe") !== "boolean") fail("rollbackSafe", "rollbackSafe must be true or false");
  return {
    revisionId: id as string,
    parents: parents.map((parent, i) => ({ id: parent as string, digest: digests[i] as string })),
    schemaHash: get("schemaHash") as string,
    rollbackSafe: get("rollbackSafe") as boolean,
    replaces: replaced.map((name, i) => ({ id: name as string, digest: replacedDigests[i] as string })),
    completedBy: completedBy as string[],
    file,
    parentLine: at("parentId").line,
    language,
    digest: textDigest(text),
    text,
    imports: [],
  };
}

type Header = Map<string, { value: unknown; line: number }>;

const HEADER_NAMES = [
  "revisionId",
  "parentId",
  "parentDigest",
  "schemaHash",
  "rollbackSafe",
  "replaces",
  "replacedDigests",
  "completedBy",
];

/** Finds `export const NAME = LITERAL` outside of comments and strings, up to the first function. */
function typescriptHeader(file: string, text: string): Header {
  const found: Header = new Map();
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|export\s+const\s+([A-Za-z_$][\w$]*)\s*(?::[^=;]*)?=\s*|export\s+(?:async\s+)?function\b|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    if (/^export\s+(async\s+)?function/.test(match[0])) break;
    const name = match[1];
    if (!name || !HEADER_NAMES.includes(name)) continue;
    const line = text.slice(0, match.index).split("\n").length;
    const literal = /^(?:null|true|false|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\[[^\]]*\])/.exec(
      text.slice(token.lastIndex),
    )?.[0];
    const value = literal === undefined || !endsThere(text.slice(token.lastIndex + literal.length))
      ? undefined
      : readLiteral(literal);
    if (value === undefined) {
      throw new CrochetError(
        "REVISION_INVALID",
        `Reading the migration "${file}" failed: ${name} is no plain literal`,
        {
          at: { file, line },
          hint: "write texts in quotes, true, false, null, or an array of texts",
        },
      );
    }
    if (found.has(name)) {
      throw givenTwice({ file, line }, name);
    }
    found.set(name, { value, line });
    token.lastIndex += literal!.length;
  }
  return found;
}

/** Does the statement end here, and is the literal so its whole value? */
function endsThere(rest: string): boolean {
  return /^[ \t]*(?:;|\/\/|\/\*|$)/.test(rest) ||
    /^[ \t]*\r?\n\s*(?:$|\/\/|\/\*|[^\s+\-*/%.,?&|^=<>([`])/.test(rest);
}

/** `// crochet: name = literal` lines at the head of a Cypher file. */
function cypherHeader(file: string, text: string): Header {
  const found: Header = new Map();
  text.slice(0, sectionMarks(text)[0]?.from).split("\n").forEach((source, i) => {
    const match = /^\s*\/\/\s*crochet:\s*(\w+)\s*=\s*(.+?)\s*$/.exec(source);
    if (!match) return;
    const at = { file, line: i + 1 };
    const meant = HEADER_NAMES.includes(match[1]) ? undefined : nearest(match[1], HEADER_NAMES);
    if (meant) {
      throw new CrochetError(
        "REVISION_INVALID",
        `Reading the migration "${file}" failed: "${match[1]}" is not known`,
        { at, hint: `did you mean ${meant}?` },
      );
    }
    const value = readLiteral(match[2]);
    if (value === undefined) {
      throw new CrochetError(
        "REVISION_INVALID",
        `Reading the migration "${file}" failed: ${match[1]} is no plain literal`,
        { at, hint: "write a text in quotes, true, false, null, or an array of texts" },
      );
    }
    if (found.has(match[1])) throw givenTwice(at, match[1]);
    found.set(match[1], { value, line: i + 1 });
  });
  return found;
}

function givenTwice(at: { file: string; line: number }, name: string): CrochetError {
  return new CrochetError(
    "REVISION_INVALID",
    `Reading the migration "${at.file}" failed: ${name} is given twice`,
    { at, hint: "remove one of the two" },
  );
}

function readLiteral(literal: string): unknown {
  const json = literal.replace(
    /'((?:[^'\\]|\\.)*)'/g,
    (_, inner) => JSON.stringify(inner.replace(/\\'/g, "'")),
  ).replace(/,\s*\]$/, "]");
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** What a new migration file is made of. */
export interface RevisionDraft extends Omit<RevisionHeader, "replaces" | "completedBy"> {
  replaces?: RevisionHeader["replaces"];
  completedBy?: string[];
  description: string;
  /** Detected changes, one line each. */
  changes: string[];
  upgrade: string[];
  downgrade: string[];
  /** Names that the bodies use from the crochet module. */
  imports: string[];
  /** Import statements of modules of the project. */
  modules?: string[];
}

/** Fills the template of a TypeScript migration. */
export function renderTypescript(template: string, draft: RevisionDraft): string {
  const body = (lines: string[], empty: string) =>
    (lines.length > 0 ? lines : [`// ${empty}`]).map((line) => "  " + line).join("\n");
  const uses = [
    ...(draft.imports.length > 0 ? [`import { ${draft.imports.join(", ")} } from "crochet";`] : []),
    ...draft.modules ?? [],
  ].map((line) => `${line}\n`).join("");
  return fill(template, {
    description: commentSafe(draft.description),
    imports: uses,
    revisionId: JSON.stringify(draft.revisionId),
    parentId: literal(draft.parents.map((parent) => parent.id)),
    parentDigest: literal(draft.parents.map((parent) => parent.digest)),
    schemaHash: JSON.stringify(draft.schemaHash),
    rollbackSafe: String(draft.rollbackSafe),
    replaces: replacesLines(draft, (name, value) => `export const ${name} = ${value};`),
    changes: (draft.changes.length > 0 ? draft.changes : ["none"]).map((line) => ` *   ${commentSafe(line)}`)
      .join("\n"),
    upgrade: body(draft.upgrade, "nothing to do in the graph"),
    downgrade: body(draft.downgrade, "nothing to undo in the graph"),
  });
}

/** Fills the template of a plain Cypher migration; its lines are statements with their `;`, and comments. */
export function renderCypher(template: string, draft: RevisionDraft): string {
  const body = (lines: string[]) => lines.join("\n") || "// nothing to do in the graph";
  return fill(template, {
    description: commentSafe(draft.description),
    revisionId: JSON.stringify(draft.revisionId),
    parentId: literal(draft.parents.map((parent) => parent.id)),
    parentDigest: literal(draft.parents.map((parent) => parent.digest)),
    schemaHash: JSON.stringify(draft.schemaHash),
    rollbackSafe: String(draft.rollbackSafe),
    replaces: replacesLines(draft, (name, value) => `// crochet: ${name} = ${value}`),
    changes: (draft.changes.length > 0 ? draft.changes : ["none"]).map((line) => `//   ${commentSafe(line)}`)
      .join("\n"),
    upgrade: body(draft.upgrade),
    downgrade: body(draft.downgrade),
  });
}

/** The lines of a squash, each behind a line end; nothing for other revisions. */
function replacesLines(
  { replaces = [], completedBy = [] }: RevisionDraft,
  line: (name: string, value: string) => string,
): string {
  if (replaces.length === 0) return "";
  const ids = JSON.stringify(replaces.map(({ id }) => id));
  const digests = JSON.stringify(replaces.map(({ digest }) => digest));
  const complete = completedBy.length > 0 ? `\n${line("completedBy", JSON.stringify(completedBy))}` : "";
  return `\n${line("replaces", ids)}\n${line("replacedDigests", digests)}${complete}`;
}

/** Replaces `{{ name }}`; every name of the template must have a value. */
export function fill(template: string, values: Record<string, string>): string {
  return template.replace(/\{\{ (\w+) \}\}/g, (_, name) => {
    if (!(name in values)) throw new Error(`the template asks for "${name}"`);
    return values[name];
  });
}

function literal(values: string[]): string {
  if (values.length === 0) return "null";
  return values.length === 1 ? JSON.stringify(values[0]) : JSON.stringify(values);
}

/** Text that cannot end a comment or begin a new line. */
function commentSafe(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]+/g, " ").replaceAll("*/", "* /").trim();
}
