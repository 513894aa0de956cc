/**
 * Takes a folder and gives what Git says of it: the commit, which files are committed as they are, whether a commit
 * is in the history. Asked with the `git` command, which may be missing: then there is no repository to speak of.
 * Reads only; hooks' variables that point at another repository are left out.
 */
import { messageOf } from "./error.ts";
import type { GitCommit } from "./record.ts";

/** A repository, as far as one folder of it is concerned. */
export class GitRepository {
  private constructor(
    private readonly folder: string,
    /** Commit id of HEAD, null before the first commit. */
    readonly commit: string | null,
    /** Does the clone hold only the last commits? */
    readonly shallow: boolean,
    /** Files of the folder in HEAD, by path from the folder. */
    private readonly committed: ReadonlySet<string>,
    /** Files of the folder that differ from HEAD or are not in it. */
    private readonly changed: ReadonlySet<string>,
  ) {}

  /** Opens the repository that a folder lies in. Gives a reason in words where there is none. */
  static async open(folder: string): Promise<GitRepository | { none: string }> {
    const top = await git(folder, ["rev-parse", "--is-inside-work-tree"]);
    if ("none" in top) return top;
    if (top.out.trim() !== "true") return { none: reasonOf(top.err) };
    const head = await asked(folder, ["rev-parse", "--verify", "--quiet", "HEAD"]);
    const commit = head.code === 0 ? head.out.trim() : null;
    const [shallow, tree, status] = await Promise.all([
      asked(folder, ["rev-parse", "--is-shallow-repository"]),
      commit === null
        ? Promise.resolve({ code: 0, out: "", err: "" })
        : asked(folder, ["ls-tree", "-r", "-z", "--name-only", "HEAD", "--", "."]),
      asked(folder, ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", "."]),
    ]);
    const failed = [tree, status].find((outcome) => outcome.code !== 0);
    if (failed) return { none: reasonOf(failed.err) };
    const prefix = (await asked(folder, ["rev-parse", "--show-prefix"])).out.replace(/\r?\n$/, "");
    const changed = status.out.split("\0").filter(Boolean).map((line) => line.slice(3))
      .map((path) => (path.startsWith(prefix) ? path.slice(prefix.length) : path));
    return new GitRepository(
      folder,
      commit,
      shallow.out.trim() === "true",
      new Set(tree.out.split("\0").filter(Boolean)),
      new Set(changed),
    );
  }

  /** How a file stands to HEAD; `missing` is in HEAD but not on the disk. */
  stateOf(file: string): "committed" | "changed" | "uncommitted" {
    if (!this.committed.has(file)) return "uncommitted";
    return this.changed.has(file) ? "changed" : "committed";
  }

  /** The stamp of a revision that consists of these files. */
  stampOf(files: string[]): GitCommit {
    return { commit: this.commit, dirty: files.some((file) => this.stateOf(file) !== "committed") };
  }

  /** Is the commit in the history of HEAD? A shallow clone, or one that lost the commit, cannot tell. */
  async inHistory(commit: string): Promise<"yes" | "no" | "unknown"> {
    if (this.commit === null) return "no";
    const { code } = await asked(this.folder, ["merge-base", "--is-ancestor", commit, "HEAD"]);
    if (code === 0) return "yes";
    return code === 1 && !this.shallow ? "no" : "unknown";
  }

  /** Paths from the folder that differ from another revision of Git. Gives undefined where it is unknown. */
  async changedSince(revision: string): Promise<string[] | undefined> {
    const found = await asked(this.folder, [
      "rev-parse",
      "--verify",
      "--quiet",
      "--end-of-options",
      `${revision}^{commit}`,
    ]);
    if (found.code !== 0) return undefined;
    const commit = found.out.trim();
    const base = await asked(this.folder, ["merge-base", commit, "HEAD"]);
    const from = base.code === 0 ? base.out.trim() : commit;
    const diff = await asked(this.folder, ["diff", "--name-only", "-z", "--relative", from, "--", "."]);
    if (diff.code !== 0) return undefined;
    const untracked = [...this.changed].filter((file) => !this.committed.has(file));
    return [...new Set([...diff.out.split("\0").filter(Boolean), ...untracked])];
  }
}

interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Runs git where it is known to be there. */
async function asked(folder: string, args: string[]): Promise<Outcome> {
  const outcome = await git(folder, args);
  return "none" in outcome ? { code: 128, out: "", err: outcome.none } : outcome;
}

async function git(folder: string, args: string[]): Promise<Outcome | { none: string }> {
  const env = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) =>
      !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|COMMON_DIR|OBJECT_DIRECTORY)$/.test(name)
    ),
  );
  try {
    const { code, stdout, stderr } = await new Deno.Command("git", {
      args: ["-C", folder, "-c", "core.quotepath=off", ...args],
      env: { ...env, LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0" },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = new TextDecoder();
    return { code, out: text.decode(stdout), err: text.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { none: "the git command is not there" };
    return { none: `the git command cannot be run: ${messageOf(error)}` };
  }
}

function reasonOf(err: string): string {
  if (/dubious ownership/.test(err)) return "Git does not trust the folder: it belongs to another user";
  if (/not a git repository/i.test(err) || err.trim() === "") return "there is no Git repository here";
  return err.trim().split("\n")[0].replace(/^fatal: /, "");
}
