/**
 * Takes a plan and gives it as a script for cypher-shell, for people who may not connect: the statements of the plan
 * in the order of a run, and around them the record that `crochet` would write. Each step looks first whether it may
 * run, and stops the script where it may not; a script that broke off is finished by the next run, exactly once.
 */
import { nodesStatement, relationshipsStatement } from "./cypher.ts";
import { cypherLiteral, inlineParameters } from "./cypher_literal.ts";
import { statementKind } from "./cypher_text.ts";
import { canonicalJson, sha256 } from "./digest.ts";
import { CrochetError } from "./error.ts";
import { chunking, describeOperation, type Operation } from "./operation.ts";
import type { RelationshipRow, Row } from "./operation_arguments.ts";
import type { Plan, PlannedOperation } from "./plan.ts";
import { appliedRevision, markId, recordConstraints, recordProperties } from "./record.ts";
import type { Revision } from "./revision.ts";
import { quoteString, repeatable } from "./schema.ts";
import { oneLine } from "./text.ts";
import { transformCheck } from "./transform.ts";

/** Who writes a script, and of what. */
export interface ScriptContext {
  revisions: ReadonlyMap<string, Revision>;
  /** `user@host`. */
  by: string;
  crochetVersion: string;
}

/** The server makes ids itself. */
const NEW_ID = "randomUUID()";

/** How long the script holds the lock at most: it cannot renew it. */
const SCRIPT_LEASE_MS = 3_600_000;

/** The script of a plan. @throws CrochetError PREFLIGHT_FAILED where the plan is not complete */
export function renderScript(plan: Plan, context: ScriptContext): string {
  const squash = plan.direction === "downgrade"
    ? plan.revisions.find(({ revisionId }) => context.revisions.get(revisionId)!.replaces.length > 0)
    : undefined;
  const open = squash ?? plan.revisions.find((revision) => revision.incomplete ?? revision.guessed);
  if (open) {
    throw new CrochetError(
      "PREFLIGHT_FAILED",
      `"${open.revisionId}" cannot be written as a script: ${
        squash ? "the graph may have the revisions that it replaces" : open.incomplete ?? open.guessed
      }`,
      { at: { file: open.file }, hint: `run it with crochet ${plan.direction}` },
    );
  }
  const lines = [
    `// crochet ${plan.direction}: ${
      plan.revisions.map((revision) => revision.revisionId).join(", ") || "nothing"
    }`,
    "// Run it with cypher-shell -f, which stops at the first error; crochet learns of it from the graph.",
    ...(plan.connected ? [] : [
      "// It was written without a server: constraints and indexes are dropped by neomodel's names, and what was there",
      "// under another name stays. What is there already is taken for the migration's own.",
    ]),
    "",
    "// The record, and the lock.",
    ...recordConstraints().map(({ create }) => `${create};`),
    `MERGE (g:_CrochetGraph {id: 'graph'}) ON CREATE SET g.graphId = ${NEW_ID}, g.format = 1, g.createdAt = toString(datetime());`,
    // A script that may not run at all must not leave a lock behind.
    ...plan.revisions.slice(0, 1).map(({ revisionId }) =>
      `${checkText(plan.direction, context.revisions.get(revisionId)!)} RETURN checked;`
    ),
    lockStatement(plan.direction, context.by),
  ];
  for (const revision of plan.revisions) {
    const source = context.revisions.get(revision.revisionId)!;
    lines.push(
      "",
      `// ${plan.direction} ${revision.revisionId}`,
      beginStatement(plan, source, context.by),
    );
    revision.operations.forEach((operation, index) => {
      lines.push(
        `//   ${oneLine(operation.operation, 300)}`,
        ...operationLines(operation, index, source, plan),
      );
    });
    const adopted = revision.operations.flatMap((operation) => operation.adopts ?? []);
    lines.push(...finishStatements(plan.direction, source, context, adopted));
  }
  lines.push(
    "",
    "MATCH (l:_CrochetLock {id: 'lock'}) REMOVE l.owner, l.host, l.pid, l.user, l.command, l.acquiredAt, l.expiresAt;",
  );
  return shellSafe(lines.join("\n") + "\n");
}

/** cypher-shell takes a backslash in a name for the beginning of something; Cypher reads its escape as the same. */
function shellSafe(text: string): string {
  return text.replace(
    /\/\/[^\n]*|'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"|`(?:[^`]|``)*`/g,
    (token) => token[0] === "`" ? token.replace(/\\(?!u005C)/g, "\\u005C") : token,
  );
}

/** Cypher cannot throw; a text that is no date stops a statement and is shown. */
function demand(condition: string, otherwise: string): string {
  return `date(CASE WHEN ${condition} THEN '2000-01-01' ELSE ${otherwise} END) AS checked`;
}

function lockStatement(direction: string, by: string): string {
  const at = by.lastIndexOf("@");
  const [user, host] = [by.slice(0, at), by.slice(at + 1)];
  const held = demand(
    "l.owner IS NULL OR l.expiresAt < now",
    "'the graph is locked by ' + l.user + '@' + l.host + ': see crochet status'",
  );
  return "MERGE (l:_CrochetLock {id: 'lock'}) SET l.asked = true WITH l, datetime.realtime().epochMillis AS now " +
    `WITH l, now, ${held} WHERE checked IS NOT NULL REMOVE l.asked ` +
    `SET l.owner = ${NEW_ID}, l.user = ${quoteString(user)}, l.host = ${
      quoteString(host ?? "")
    }, l.pid = 0, ` +
    `l.command = ${
      quoteString(`${direction} (script)`)
    }, l.fence = coalesce(l.fence, 0) + 1, l.acquiredAt = now, ` +
    `l.expiresAt = now + ${SCRIPT_LEASE_MS};`;
}

/** Looks whether a revision may run; what follows may use `r` (downgrade) or `position` (upgrade). */
function checkText(direction: Plan["direction"], revision: Revision): string {
  const id = quoteString(revision.revisionId);
  if (direction === "downgrade") {
    const held = demand(
      "r IS NOT NULL AND above = 0",
      `CASE WHEN r IS NULL THEN ${quoteString(`${revision.revisionId} is not applied`)} ELSE ${
        quoteString(`revisions above ${revision.revisionId} are applied`)
      } END`,
    );
    return `OPTIONAL MATCH (r:_CrochetRevision {id: ${id}, state: 'applied'}) ` +
      `OPTIONAL MATCH (c:_CrochetRevision) WHERE ${id} IN c.parents WITH r, count(c) AS above ` +
      `WITH r, ${held} WHERE checked IS NOT NULL`;
  }
  const parents = cypherLiteral(revision.parents.map((parent) => parent.id));
  const held = demand(
    `known = 0 AND parents = ${revision.parents.length}`,
    `CASE WHEN known > 0 THEN ${quoteString(`${revision.revisionId} is begun or applied already`)} ELSE ${
      quoteString(`the parent of ${revision.revisionId} is not applied`)
    } END`,
  );
  return `OPTIONAL MATCH (r:_CrochetRevision {id: ${id}}) WITH count(r) AS known ` +
    `OPTIONAL MATCH (p:_CrochetRevision {state: 'applied'}) WHERE p.id IN ${parents} WITH known, count(p) AS parents ` +
    "OPTIONAL MATCH (o:_CrochetRevision) WITH known, parents, coalesce(max(o.position), 0) + 1 AS position " +
    `WITH position, ${held} WHERE checked IS NOT NULL`;
}

function beginStatement({ direction, before }: Plan, revision: Revision, by: string): string {
  const started = `runDigest: ${
    quoteString(revision.digest)
  }, startedAt: toString(datetime.realtime()), startedBy: ${quoteString(by)}, before: ${
    quoteString(JSON.stringify(before))
  }`;
  const check = checkText(direction, revision);
  return direction === "downgrade"
    ? `${check} SET r += {state: 'reverting', ${started}};`
    : `${check} CREATE (:_CrochetRevision {id: ${
      quoteString(revision.revisionId)
    }, position: position, parents: [], state: 'applying', ${started}});`;
}

function finishStatements(
  direction: Plan["direction"],
  revision: Revision,
  { by, crochetVersion }: ScriptContext,
  adopted: string[],
): string[] {
  const id = quoteString(revision.revisionId);
  const marks = `MATCH (m:_CrochetOperation {revision: ${id}}) DELETE m;`;
  if (direction === "downgrade") {
    // All at once: without its marks a revision that is still there would run again.
    return [
      ":begin",
      marks,
      `MATCH (b:_CrochetBatch {revisionId: ${id}}) DELETE b;`,
      `MATCH (r:_CrochetRevision {id: ${id}}) DELETE r;`,
      `MATCH (g:_CrochetGraph) SET g.reverted = [x IN coalesce(g.reverted, []) WHERE x <> ${id}] + ${id};`,
      ":commit",
    ];
  }
  const properties = recordProperties(appliedRevision(revision, { appliedBy: by, crochetVersion, adopted }));
  return [
    `MATCH (r:_CrochetRevision {id: ${id}}) SET r += ${cypherLiteral(properties)}, r.state = 'applied', ` +
    "r.appliedAt = toString(datetime.realtime()) REMOVE r.before, r.runDigest, r.startedAt, r.startedBy;",
    marks,
    `MATCH (g:_CrochetGraph) WHERE g.reverted IS NOT NULL SET g.reverted = [x IN g.reverted WHERE x <> ${id}];`,
  ];
}

/** The statements of one operation, each with its mark in the same transaction where the two can share one. */
function operationLines(
  operation: PlannedOperation,
  index: number,
  revision: Revision,
  plan: Plan,
): string[] {
  const { source } = operation;
  const digest = sha256(canonicalJson(source));
  const of = source.kind === "nodes" || source.kind === "relationships" ? chunking(source).chunks : 0;
  const markAt = (chunk: number, result: string) =>
    `CREATE (:_CrochetOperation {id: ${
      quoteString(markId(revision.revisionId, plan.direction, index, chunk))
    }, revision: ${quoteString(revision.revisionId)}, direction: ${
      quoteString(plan.direction)
    }, index: ${index}, ` +
    `chunk: ${chunk}, digest: ${quoteString(digest)}, text: ${
      quoteString(describeOperation(source))
    }, of: ${of}, result: ${result}})`;
  const texts = operation.statements.map(({ cypher, values }) => inlineParameters(cypher, values));
  switch (source.kind) {
    case "begin":
      return [];
    case "schema":
      return texts.map((text) => `${repeatable(text)};`);
    case "transform": {
      const done = texts.flatMap((text, phase) => [
        `${text};`,
        `${
          markAt(
            phase === texts.length - 1 ? -1 : phase,
            phase === texts.length - 1 ? `'{"changed":0}'` : "'0'",
          )
        };`,
      ]);
      return [...checkLines(source, operation, plan), ...done];
    }
    case "deleteBatch":
      return [...texts.map((text) => `${text};`), `${markAt(-1, `'{"deleted":0}'`)};`];
    case "cypher": {
      const kind = statementKind(source.cypher);
      const mark = `${markAt(-1, "'[]'")};`;
      // A comment may end the text, and would swallow what ends the statement.
      const text = `${texts[0]}${/\/\/[^\n]*$/.test(texts[0]) ? "\n" : ""};`;
      if (kind === "read") return [text];
      return kind === "data"
        ? [":begin", text, mark, ":commit"]
        : ["//   at least once: it cannot share a transaction with its mark", text, mark];
    }
    case "nodes":
    case "relationships":
      return rowLines(source, operation, revision, markAt);
  }
}

/** What stands in a transform's way stops the script, as it stops a run. */
function checkLines(
  source: Operation & { kind: "transform" },
  operation: PlannedOperation,
  plan: Plan,
): string[] {
  const check = transformCheck(source.transform, plan.server);
  if (!check || check.kind === "turned already") return [];
  const found = check.text.replace(/ RETURN count\(\*\) AS n\b[\s\S]*$/, " WITH count(*) AS n");
  const held = demand(
    "n = 0",
    `${quoteString(`${oneLine(operation.operation, 120)} would change values for good: `)} + toString(n)`,
  );
  return [`${found} WITH ${held} WHERE checked IS NOT NULL RETURN checked;`];
}

function rowLines(
  source: Operation & { kind: "nodes" | "relationships" },
  { batch, ends }: PlannedOperation,
  revision: Revision,
  markAt: (chunk: number, result: string) => string,
): string[] {
  const { size } = chunking(source);
  const lines: string[] = [];
  for (let chunk = 0; chunk * size < source.rows.length; chunk++) {
    const rows = source.rows.slice(chunk * size, (chunk + 1) * size);
    const statement = source.kind === "nodes"
      ? nodesStatement(source, rows as Row[], batch)
      : relationshipsStatement(source, rows as RelationshipRow[], batch, ends ?? ["", ""]);
    const text = inlineParameters(statement.text, statement.params);
    const counts = ["created", "updated", "unchanged", ...(source.kind === "nodes" ? [] : ["matched"])];
    const result = `'{' + ${
      counts.map((name) => `'"${name}":' + toString(${name})`).join(" + ',' + ")
    } + '}'`;
    const share = source.kind === "nodes" ? "b.nodes = b.nodes" : "b.relationships = b.relationships";
    const all = source.kind === "relationships" && source.onMissing === "error"
      ? ` AND matched = ${rows.length}`
      : "";
    const held = source.kind === "nodes" ? "" : `WITH *, ${
      demand(
        `created + updated + unchanged = matched${all}`,
        `${
          quoteString(`${source.name}: of ${rows.length} rows only `)
        } + toString(matched) + ' find both ends, each once'`,
      )
    } WHERE checked IS NOT NULL `;
    lines.push(
      `${text.replace(/\nRETURN ([^\n]*)$/, "\nWITH $1")}\n${held}${markAt(chunk, result)}\n` +
        `WITH created MERGE (b:_CrochetBatch {id: ${quoteString(batch)}}) ON CREATE SET b.revisionId = ${
          quoteString(revision.revisionId)
        }, b.createdAt = toString(datetime()), b.nodes = 0, b.relationships = 0 SET ${share} + created;`,
    );
  }
  return lines;
}
