/**
 * Takes a project and gives the findings of its migrations: faults of the chain, then what each revision asks for,
 * collected in the sandbox without a graph. Changes nothing and needs no server.
 */
import { type ChainFault, chainFaults, linked } from "./chain.ts";
import { CrochetError } from "./error.ts";
import { GitRepository } from "./git.ts";
import { type Finding, finding, LINT_RULES, lintRevision, type Severity } from "./lint_rules.ts";
import { collectOperations } from "./migration.ts";
import { join } from "./path.ts";
import { type Project, readEveryRevision, readIfThere, readSnapshot } from "./project.ts";
import { openRepository } from "./provenance.ts";
import type { AppliedRevision } from "./record.ts";
import { type Revision, revisionFiles } from "./revision.ts";
import { Sandbox } from "./sandbox.ts";
import { nearest } from "./text.ts";
import { editedFiles } from "./verify.ts";

/** What to look at. */
export interface LintRequest {
  project: Project;
  /** Ids, or their beginnings; empty means all. */
  only: string[];
  /** Only revisions whose files changed since this revision of Git. */
  since?: string;
  /** What the ledger knows as applied: such files are sealed. */
  applied: AppliedRevision[];
}

/** The findings, and how many revisions were looked at. */
export interface LintResult {
  findings: Finding[];
  revisions: number;
}

const ORDER: Severity[] = ["notice", "warning", "error"];

/** Is the finding at or above a level? */
export function isAtLeast(found: Finding, level: Severity): boolean {
  return ORDER.indexOf(found.severity) >= ORDER.indexOf(level);
}

/** Looks at the migrations. @throws CrochetError UNKNOWN_REVISION, USAGE */
export async function lintProject(request: LintRequest): Promise<LintResult> {
  const { project, applied } = request;
  const { revisions, failures } = readEveryRevision(project);
  const chosen = await choose(request, revisions);
  const findings: Finding[] = [
    ...failures.map((error) => unreadable(error, error.at?.file ?? project.settings.migrationsPath)),
    ...chainFaults(revisions).map(chainFinding),
    ...editedSinceApplied(revisions, applied),
  ];
  const sandbox = new Sandbox(project.settings.timeLimitMs);
  try {
    for (const revision of chosen) findings.push(...await lintOne(project, revision, revisions, sandbox));
  } finally {
    sandbox.close();
  }
  const ignored = new Set(project.settings.lintIgnore);
  for (const code of ignored) {
    if (!Object.hasOwn(LINT_RULES, code)) {
      const meant = nearest(code, Object.keys(LINT_RULES));
      const hint = meant ? `did you mean "${meant}"?` : undefined;
      findings.push(finding("allow-unknown", `there is no rule "${code}"`, { file: "crochet.toml" }, hint));
    }
  }
  const unique = new Map(findings.map((found) => [JSON.stringify(found), found]));
  return {
    findings: [...unique.values()].filter((found) => !ignored.has(found.code)).sort(compareFindings),
    revisions: chosen.length,
  };
}

function compareFindings(a: Finding, b: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

async function choose({ project, only, since }: LintRequest, revisions: Revision[]): Promise<Revision[]> {
  for (const name of only) {
    if (revisions.some((revision) => revision.revisionId.startsWith(name))) continue;
    const meant = nearest(name, revisions.map((revision) => revision.revisionId));
    throw new CrochetError("UNKNOWN_REVISION", `There is no revision "${name}"`, {
      hint: meant ? `did you mean "${meant}"?` : "crochet history shows them",
    });
  }
  const named = revisions.filter(({ revisionId }) =>
    only.length === 0 || only.some((name) => revisionId.startsWith(name))
  );
  if (since === undefined) return named;
  const git = await openRepository(project);
  const changed = git instanceof GitRepository ? await git.changedSince(since) : undefined;
  if (!changed) {
    throw new CrochetError(
      "USAGE",
      git instanceof GitRepository ? `Git does not know "${since}"` : `--since needs Git, and ${git.none}`,
      { hint: "fetch it first (git fetch origin main), or leave --since out" },
    );
  }
  return named.filter((revision) => revisionFiles(revision).some((file) => changed.includes(file)));
}

function unreadable(error: CrochetError, file: string): Finding {
  return finding(
    "revision-unreadable",
    error.message,
    { ...error.at, file: error.at?.file ?? file },
    error.hint,
  );
}

function chainFinding(fault: ChainFault): Finding {
  const code = fault.kind === "heads"
    ? "two-heads"
    : fault.kind === "edited"
    ? "sealed-file-edited"
    : "chain-broken";
  return finding(code, fault.message, { file: fault.file, line: fault.line }, fault.hint);
}

function editedSinceApplied(revisions: Revision[], applied: AppliedRevision[]): Finding[] {
  return applied.flatMap((record) => {
    const revision = revisions.find(({ revisionId }) => revisionId === record.revisionId);
    const [message] = revision ? editedFiles([revision], [record]) : [];
    return message
      ? [
        finding(
          "sealed-file-edited",
          message,
          { file: revision!.file },
          "take the file back from Git, and write a new migration",
        ),
      ]
      : [];
  });
}

async function lintOne(
  project: Project,
  revision: Revision,
  revisions: Revision[],
  sandbox: Sandbox,
): Promise<Finding[]> {
  try {
    const upgrade = await collectOperations(project, revision, "upgrade", sandbox);
    const downgrade = await collectOperations(project, revision, "downgrade", sandbox);
    const own = linked(revisions).find(({ revisionId }) => revisionId === revision.revisionId)!;
    const parents = revisions.filter(({ revisionId }) =>
      own.parents.some((parent) => parent.id === revisionId)
    );
    return lintRevision({
      revision,
      upgrade: upgrade.operations,
      downgrade: downgrade.operations,
      downgradeKnown: downgrade.incomplete === undefined,
      before: parents.map((parent) => readSnapshot(project, parent)),
      texts: new Map(revision.imports.flatMap((file) => {
        const text = readIfThere(join(project.root, file));
        return text === undefined ? [] : [[file, text]];
      })),
      after: readSnapshot(project, revision),
    });
  } catch (error) {
    if (error instanceof CrochetError) return [unreadable(error, revision.file)];
    throw error;
  }
}
