/**
 * Takes the values that commands return and gives the lines that people read. One function a value; nothing is
 * computed here that the value does not hold.
 */
import type { Adopted } from "./adopt.ts";
import type { Draft } from "./draft.ts";
import type { DriftReport } from "./drift.ts";
import { describeDrift } from "./drift_fix.ts";
import { canonicalJson } from "./digest.ts";
import { formatPlace, type Place } from "./error.ts";
import { drawHistory, type HistoryEntry, type RevisionDetails, type ShownOperation } from "./history.ts";
import type { LintResult } from "./lint.ts";
import { describeHolder, isAtWork } from "./graph_lock.ts";
import type { Finding } from "./lint_rules.ts";
import type { Models, NodeModel, RelModel } from "./neomodel.ts";
import type { Plan, PlannedOperation } from "./plan.ts";
import { table } from "./print.ts";
import type { Proof } from "./proof.ts";
import type { PythonProblem } from "./python_world.ts";
import type { PartialRun } from "./record.ts";
import type { Stopped } from "./resolve.ts";
import type { RunEvent, RunResult } from "./runner.ts";
import type { Status } from "./status.ts";
import { count, oneLine } from "./text.ts";
import type { Verification } from "./verify.ts";

/** A plan: Cypher that could be pasted, with comments around it. */
export function planLines(plan: Plan): string[] {
  if (plan.revisions.length === 0) {
    return [
      plan.direction === "upgrade" ? "Nothing to apply: the graph is up to date." : "Nothing to revert.",
    ];
  }
  const lines = plan.revisions.flatMap((revision) => [
    `// ${revision.direction} ${revision.revisionId} (${
      revision.rollbackSafe ? "rollback-safe" : "not rollback-safe"
    })`,
    ...(revision.operations.length === 0 ? ["//   nothing to do in the graph"] : []),
    ...revision.operations.flatMap(operationLines),
    ...(revision.incomplete ? [`//   ${oneLine(revision.incomplete, 300)}`] : []),
    "",
  ]);
  const total = plan.revisions.reduce((sum, revision) => sum + revision.operations.length, 0);
  return [
    ...lines,
    ...plan.warnings.map((warning) => `// Warning: ${warning}`),
    `// ${count(plan.revisions.length, "revision")}, ${count(total, "operation")}; nothing was changed${
      plan.connected ? "" : " (planned without a server)"
    }`,
  ];
}

function operationLines(operation: PlannedOperation): string[] {
  const facts = [
    operation.touches === undefined ? "" : `touches ${count(operation.touches, operation.unit)}`,
    operation.effect ?? "",
    operation.loses ? `LOSES ${operation.loses}` : "",
    operation.note ?? "",
  ].filter(Boolean);
  return [
    `//   ${operation.operation}${facts.length > 0 ? ": " + facts.join("; ") : ""}`,
    ...operation.statements.flatMap((statement) => [
      ...Object.entries(statement.params).map(([name, value]) => `//     $${name}: ${value}`),
      ...(statement.times > 1 ? [`//     ${statement.times} times, once for each chunk`] : []),
      `${statement.cypher};`,
    ]),
  ];
}

/** What happened in a run, line by line as it happens; undefined for what is not worth a line. */
export function eventLine(event: RunEvent): string | undefined {
  switch (event.type) {
    case "line":
      return event.text;
    case "begin":
      return `${
        event.resumed ? "Going on with" : event.direction === "upgrade" ? "Applying" : "Reverting"
      } ${event.revisionId}`;
    case "operation":
      return `  ${event.number}. ${event.text}`;
    case "done":
      return undefined;
  }
}

/** How a run ended. */
export function runLines(result: RunResult): string[] {
  const up = result.direction === "upgrade";
  if (result.done.length === 0 && !result.failed) {
    return [up ? "Nothing to apply: the graph is up to date." : "Nothing to revert."];
  }
  return [
    ...result.done.map((id) => `${up ? "Applied" : "Reverted"}: ${id}`),
    ...(result.failed
      ? [
        `${
          result.failed.error.code === "INTERRUPTED" ? "Interrupted" : "Failed"
        }: ${result.failed.revisionId}${
          result.failed.operation ? ` at operation ${result.failed.operation}` : ""
        }`,
      ]
      : []),
    ...result.notStarted.map((id) => `Not started: ${id}`),
    ...(result.failed ? [] : [`${count(result.done.length, "revision")} ${up ? "applied" : "reverted"}.`]),
  ];
}

/** The status. */
export function statusLines(status: Status): string[] {
  const lines = [`Project:  ${status.project}`];
  if (status.server) {
    lines.push(
      `Graph:    ${status.server.address} (Neo4j ${status.server.version} ${status.server.edition})`,
    );
  } else {
    const why = status.offline === "--offline" ? "not asked" : `not reached: ${status.offline}`;
    lines.push(`Graph:    ${why}; what follows is known locally`);
  }
  lines.push(`Head:     ${status.heads.join(", ") || "none"}`);
  lines.push(`Applied:  ${status.applied.length}`);
  for (const { revisionId, appliedAt, appliedBy } of status.applied) {
    lines.push(`  ${revisionId}  ${appliedAt}  ${appliedBy}`);
  }
  lines.push(`Pending:  ${status.pending.length}`);
  for (const { revisionId, rollbackSafe } of status.pending) {
    lines.push(`  ${revisionId}${rollbackSafe ? "" : "  (not rollback-safe)"}`);
  }
  if (status.batches.length > 0) {
    lines.push(`Batches:  ${status.batches.length}`);
    for (const batch of status.batches) {
      lines.push(
        `  ${batch.batchId}  ${count(batch.nodes, "node")}, ${count(batch.relationships, "relationship")}`,
      );
    }
  }
  const { partial, lock } = status;
  if (partial && lock && isAtWork(lock)) {
    lines.push(`Running:  the ${partial.direction} of ${partial.revisionId}, begun by ${partial.startedBy}`);
  } else if (partial) {
    const done = partial.journal.filter((entry) => entry.state === "done").length;
    const where = failurePlace(partial) +
      (done > 0 ? `; ${count(done, "operation")} ${done === 1 ? "is" : "are"} done` : "");
    lines.push(
      `Stopped:  the ${partial.direction} of ${partial.revisionId}, begun by ${partial.startedBy}, stopped${where}`,
    );
    lines.push(
      `          crochet ${partial.direction} goes on with it, or decide: crochet resolve ${partial.revisionId}`,
    );
  }
  if (lock) {
    lines.push(`Lock:     held by ${describeHolder(lock)}`);
  }
  if (status.difference) lines.push(`Differs:  ${status.difference}`);
  for (const fault of status.faults) lines.push(`Fault:    ${fault}`);
  for (const note of status.notes) lines.push(`Git:      ${note}`);
  return lines;
}

/** Where a run failed and why, to go behind "stopped"; empty where it could not say so. */
function failurePlace({ failedAt, failedText, error }: PartialRun): string {
  if (!failedAt) return "";
  return ` at operation ${failedAt}${failedText ? `, ${failedText}` : ""}: ${oneLine(error ?? "", 300)}`;
}

/** A run that stopped: what is done and what is not. */
export function stoppedLines({ run, file, changed, holder, operations, incomplete }: Stopped): string[] {
  const words = { done: "done     ", begun: "half done", failed: "failed   ", "not begun": "not begun" };
  return [
    `The ${run.direction} of ${run.revisionId}, begun by ${run.startedBy}, ${
      holder ? `is under way: ${describeHolder(holder)}` : `stopped${failurePlace(run)}`
    }`,
    ...(file === undefined ? ["Its file is not here."] : changed ? [`${file} was changed since.`] : []),
    ...operations.flatMap(({ number, state, text, chunks, now }) => [
      `  ${words[state]}  ${number}. ${text}${
        chunks && state !== "done" ? `: ${chunks.done} of ${count(chunks.of, "chunk")}` : ""
      }`,
      ...(now === undefined ? [] : [`             the file now asks for ${now}`]),
    ]),
    ...(incomplete ? [`There may be more: ${incomplete}`] : []),
  ];
}

/** The verification: one line each, pass or fail. */
export function verifyLines(verification: Verification): string[] {
  return verification.checks.flatMap(({ name, ok, details }) => [
    `${ok ? "PASS" : "FAIL"}  ${name}`,
    ...details.map((detail) => `      ${detail}`),
  ]);
}

/** What was adopted. */
export function adoptedLines(adopted: Adopted): string[] {
  return [
    ...adopted.files.filter((file) => !file.endsWith(".json")).map((file) => `Created migration: ${file}`),
    ...adopted.recorded.map((id) => `Recorded: ${id}`),
    ...adopted.pending.map((id) => `Pending:  ${id}`),
    ...adopted.open.map((line) => `Look at:  ${line}`),
  ];
}

/** What has drifted. */
export function driftLines(report: DriftReport): string[] {
  const { revisionId, catalog, foreign, unknown, sample } = report;
  const of = { node: "node", relationship: "relationship" } as const;
  return [
    revisionId === undefined ? "Nothing is applied to this graph." : `Compared with ${revisionId}:`,
    ...catalog.map((drift) => `  ${describeDrift(drift)}`),
    ...(catalog.length === 0 ? ["  constraints and indexes are as they should be"] : []),
    ...foreign.map(({ name, owner }) => `  "${name}" belongs to ${owner}`),
    ...(unknown.length > 0
      ? [
        `No model knows${
          sample === undefined ? "" : ` (of ${count(sample, "node")} of each label, --full looks at all)`
        }:`,
      ]
      : []),
    ...unknown.map(({ kind, owner, property, entity, count: n }) =>
      kind === "property"
        ? `  the property ${owner}.${property} (${count(n, of[entity])})`
        : `  the ${kind} ${owner} (${count(n, of[entity])})`
    ),
  ];
}

/** What was proven. */
export function proofLines({ ok, revisions }: Proof): string[] {
  const words = { proven: "PROVEN ", broken: "BROKEN ", failed: "FAILED ", "not safe": "NOT SAFE" };
  return [
    ...revisions.flatMap(({ revisionId, outcome, details }) => [
      `${words[outcome].padEnd(8)}  ${revisionId}`,
      ...details.map((detail) => `          ${oneLine(detail, 400)}`),
    ]),
    ok ? "Every revision keeps its contract." : "A revision breaks its contract.",
  ];
}

/** An operation that ran once, with what it gave. */
export function ranLines(operation: string, result: unknown): string[] {
  const head = `// ${oneLine(operation, 200)}`;
  if (!Array.isArray(result)) return [head, ...(result === undefined ? [] : [canonicalJson(result)])];
  if (result.length === 0) return [head, "no rows"];
  const columns = [...new Set(result.flatMap((row) => Object.keys(row as object)))];
  const cell = (value: unknown) => (typeof value === "string" ? value : canonicalJson(value ?? null));
  const rows = result.map((row) => columns.map((column) => cell((row as Record<string, unknown>)[column])));
  return [head, ...table(columns, rows)];
}

/** A revision in a line. */
export function historyLine(entry: HistoryEntry): string {
  const facts = [
    entry.isHead ? "head" : "",
    entry.appliedAt ? `applied ${entry.appliedAt.slice(0, 19)}` : "pending",
    entry.rollbackSafe ? "" : "not rollback-safe",
    entry.replaces.length > 0 ? `replaces ${count(entry.replaces.length, "revision")}` : "",
  ].filter(Boolean);
  return `${entry.revisionId}  (${facts.join("; ")})`;
}

/** The history as a graph. */
export function historyLines(history: HistoryEntry[]): string[] {
  if (history.length === 0) return ["The project has no migrations."];
  const entries = new Map(history.map((entry) => [entry.revisionId, entry]));
  return drawHistory(history).map(({ lane, id }) =>
    id === undefined ? lane : `${lane} ${historyLine(entries.get(id)!)}`
  );
}

/** Everything about one revision. */
export function revisionLines(details: RevisionDetails): string[] {
  const operations = (name: string, shown: ShownOperation[]) => [
    `${name}:`,
    ...(shown.length === 0
      ? ["  nothing to do in the graph"]
      : shown.map(({ operation, place, loses }) =>
        `  ${place.line === undefined ? "" : `${place.line}: `}${operation}${loses ? `  LOSES ${loses}` : ""}`
      )),
  ];
  const { applied } = details;
  const git = applied?.git?.commit
    ? `, commit ${applied.git.commit.slice(0, 10)}${applied.git.dirty ? " (with changes)" : ""}`
    : "";
  return [
    historyLine(details),
    `File:     ${details.file}`,
    `Parents:  ${details.parents.join(", ") || "none"}`,
    `Children: ${details.children.join(", ") || "none"}`,
    ...(details.replaces.length > 0 ? [`Replaces: ${details.replaces.join(", ")}`] : []),
    `Digest:   ${details.digest}`,
    `Schema:   ${details.schemaHash}`,
    ...(applied ? [`Applied:  ${applied.appliedAt} by ${applied.appliedBy}${git}`] : []),
    ...operations("Upgrade", details.upgrade),
    ...operations("Downgrade", details.downgrade),
    ...(details.incomplete ? [`There may be more: ${oneLine(details.incomplete, 200)}`] : []),
  ];
}

/** Findings, as compilers write them. */
export function lintLines({ findings, revisions }: LintResult): string[] {
  const lines = findings.flatMap((found) => [
    `${formatPlace(found)}: ${found.severity}: ${found.message} [${found.code}]`,
    ...(found.hint ? [`  ${found.hint}`] : []),
  ]);
  return [...lines, `${count(findings.length, "finding")} in ${count(revisions, "revision")}.`];
}

/** A finding as an annotation of GitHub Actions. */
export function githubLine(
  found: Pick<Finding, "severity" | "code" | "message" | "hint"> & Place,
): string {
  const data = (text: string) => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string) => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const place = [
    `file=${property(found.file)}`,
    ...(found.line === undefined ? [] : [`line=${found.line}`]),
    ...(found.column === undefined ? [] : [`col=${found.column}`]),
    `title=${property(`crochet ${found.code}`)}`,
  ];
  return `::${found.severity} ${place.join(",")}::${
    data(found.message + (found.hint ? `\n${found.hint}` : ""))
  }`;
}

/** What was drafted. */
export function draftLines(draft: Draft): string[] {
  if (!draft.written) {
    return [
      "Nothing to do: the models are what the head says. Nothing was written (--empty writes a migration anyway).",
    ];
  }
  return [
    `Created migration: ${draft.files[0]}`,
    `  schema hash: ${draft.schemaHash.slice(0, 16)}…`,
    ...(draft.changes.length > 0
      ? draft.changes.map((change) => `  ${change}`)
      : ["  no change was detected"]),
    ...(draft.rollbackSafe ? [] : ["  not rollback-safe: what it removes cannot be brought back"]),
  ];
}

/** A problem of the models, as compilers write it. */
export function problemLine(problem: PythonProblem): string {
  return `${problem.severity === "error" ? "Error" : "Warning"}: ${formatPlace(problem)}: ${problem.message}${
    problem.hint ? `\nHint: ${problem.hint}` : ""
  }`;
}

/** The models as tables. */
export function modelLines(models: Models): string[] {
  const lines: string[] = [];
  for (const node of models.nodes) lines.push(...classLines(node), "");
  for (const model of models.relationshipModels) lines.push(...classLines(model), "");
  const { nodes, relationshipModels, schema } = models;
  lines.push(
    `${count(nodes.length, "node class", "node classes")}, ${
      count(relationshipModels.length, "relationship model")
    }, ${count(schema.length, "constraint or index", "constraints and indexes")}`,
  );
  return lines;
}

function classLines(model: NodeModel | RelModel): string[] {
  const isNode = "labels" in model;
  const what = isNode
    ? `:${model.labels.join(":")}${model.abstract ? " (abstract)" : ""}`
    : `[${model.types.join(", ") || "no type"}]`;
  const rows = model.properties.map((property) => {
    const marks = [
      property.required && "required",
      property.uniqueIndex && "unique",
      property.index && "index",
      property.fulltextIndex && "full-text",
      property.vectorIndex && "vector",
    ].filter(Boolean).join(", ");
    const stored = property.property === property.name ? "" : `stored as ${property.property}`;
    return [`  ${property.name}`, property.type, [marks, stored].filter(Boolean).join("; ")];
  });
  const arrows = isNode
    ? model.relationships.map((r) => [
      `  ${r.name}`,
      `${r.direction === "from" ? "<-" : "-"}[${r.type ?? "None"}]${r.direction === "to" ? "->" : "-"} ${
        r.target?.split(".").at(-1) ?? r.targetRaw
      }`,
      [r.cardinality, r.model && `with ${r.model.split(".").at(-1)}`].filter(Boolean).join("; "),
    ])
    : [];
  const body = [...rows, ...arrows];
  const head = `${model.class} ${what}  ${model.kgid ?? "no kgid"}  ${model.file}:${model.line}`;
  return body.length === 0 ? [head] : [head, ...table(["", "", ""], body).slice(1)];
}
