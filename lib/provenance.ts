/**
 * Takes what is applied and what Git says, and gives the revisions on which the two do not agree: applied but not
 * committed, edited since, applied from a commit that is not in the history. Where Git cannot tell, it says so.
 */
import { CrochetError } from "./error.ts";
import { GitRepository } from "./git.ts";
import type { Project } from "./project.ts";
import type { AppliedRevision, GitCommit } from "./record.ts";
import { type Revision, revisionFiles } from "./revision.ts";
import { count, sentenceList } from "./text.ts";

/** What Git and the record of applied revisions say of each other. */
export interface Provenance {
  /** Disagreements. */
  faults: string[];
  /** What a person should know; no disagreement. */
  notes: string[];
}

/** The repository of a project, or why there is none. */
export async function openRepository(project: Project): Promise<GitRepository | { none: string }> {
  return await GitRepository.open(project.root);
}

/** Compares the applied revisions with Git. */
export async function readProvenance(
  git: GitRepository,
  revisions: Revision[],
  applied: AppliedRevision[],
): Promise<Provenance> {
  const result: Provenance = { faults: [], notes: [] };
  const files = new Map(revisions.map((revision) => [revision.revisionId, revision]));
  const histories = new Map<string, "yes" | "no" | "unknown">();
  for (const { revisionId, git: stamp } of applied) {
    const revision = files.get(revisionId);
    const problem = revision && fileProblem(git, revision);
    if (problem) result.faults.push(`"${revisionId}" is applied, but ${problem}`);
    if (stamp?.dirty && !problem) {
      result.notes.push(`"${revisionId}" was applied before its files were committed as they are`);
    }
    if (!stamp?.commit) continue;
    const known = histories.get(stamp.commit) ?? await git.inHistory(stamp.commit);
    histories.set(stamp.commit, known);
    const short = stamp.commit.slice(0, 10);
    if (known === "no") {
      const line = `"${revisionId}" was applied from commit ${short}, which is not in the history of HEAD`;
      // A rebase makes new commits of the same files.
      if (problem || !revision) result.faults.push(line);
      else result.notes.push(`${line}; the committed file is the same`);
    } else if (known === "unknown") {
      result.notes.push(
        `"${revisionId}" was applied from commit ${short}, which this ${
          git.shallow ? "shallow " : ""
        }clone does not have`,
      );
    }
  }
  return result;
}

/** Why a revision is not committed as it is; undefined where it is. */
function fileProblem(git: GitRepository, revision: Revision): string | undefined {
  for (const file of revisionFiles(revision)) {
    const state = git.stateOf(file);
    if (state === "uncommitted") return `"${file}" is not committed`;
    if (state === "changed") return `"${file}" differs from the committed file`;
  }
  return undefined;
}

/** Refuses revisions that are not committed as they are. @throws CrochetError GIT_UNCLEAN */
export function requireClean(git: GitRepository | { none: string }, revisions: Revision[]): void {
  if ("none" in git) {
    throw new CrochetError("GIT_UNCLEAN", `--require-clean needs Git, and ${git.none}`, {
      hint: "run it in a checkout, or leave --require-clean out",
    });
  }
  const unclean = revisions.filter((revision) => fileProblem(git, revision) !== undefined);
  const problems = unclean.map((revision) => fileProblem(git, revision)!);
  if (problems.length === 0) return;
  throw new CrochetError(
    "GIT_UNCLEAN",
    `The run was refused before it touched anything: ${sentenceList(problems.slice(0, 5))}${
      problems.length > 5 ? ` (${count(problems.length, "revision")} in all)` : ""
    }`,
    { at: { file: unclean[0].file }, hint: "commit the files, or leave --require-clean out" },
  );
}

/** The stamp that is recorded with an applied revision; undefined without a repository. */
export function stampOf(git: GitRepository | { none: string }, revision: Revision): GitCommit | undefined {
  return "none" in git ? undefined : git.stampOf(revisionFiles(revision));
}
