/** Git beside the record, in real repositories: what was applied from where, and whether the two still agree. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Graph } from "../../lib/graph.ts";
import { join } from "../../lib/path.ts";
import {
  crochet,
  graphEnv,
  type Outcome,
  showSchema,
  TestProject,
  withEmptyGraph,
  withFolder,
  withGraphProject,
} from "../harness.ts";

/** Git without the tester's own settings and without the variables of a hook that may run the tests. */
const GIT_ENV = {
  PATH: Deno.env.get("PATH") ?? "",
  LC_ALL: "C",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
};

/** Runs git, which must succeed; gives its stdout without the line end. */
async function git(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("git", {
    args: ["-C", folder, ...args],
    env: GIT_ENV,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`git ${args.join(" ")} ended with ${code}: ${text.decode(stderr)}`);
  return text.decode(stdout).trimEnd();
}

/** A new repository on the branch `trunk`, whatever the default is. */
async function init(folder: string): Promise<void> {
  await git(folder, "init", "-q");
  await git(folder, "symbolic-ref", "HEAD", "refs/heads/trunk");
}

/** Commits everything; gives the commit. Equal changes of one second would be one commit but for their words. */
async function commit(folder: string): Promise<string> {
  await git(folder, "add", "-A");
  await git(folder, "commit", "-q", "-m", crypto.randomUUID());
  return await git(folder, "rev-parse", "HEAD");
}

/** A project in a repository with one migration that is committed. */
class Repository {
  constructor(readonly project: TestProject, readonly graph: Graph) {}

  static async with(work: (repository: Repository) => Promise<void>): Promise<void> {
    await withGraphProject({}, async (project, graph) => {
      const repository = new Repository(project.with(GIT_ENV), graph);
      await repository.draft("Person");
      await init(project.root);
      await repository.commit();
      await work(repository);
    });
  }

  git(...args: string[]): Promise<string> {
    return git(this.project.root, ...args);
  }

  commit(): Promise<string> {
    return commit(this.project.root);
  }

  /** A class and its migration, not committed; gives the revision. */
  async draft(name: string): Promise<string> {
    await this.project.ok("create-node", name);
    return (await this.project.json("create-migration", name)).revisionId;
  }

  /** A commit of a revision on a branch of its own, applied there. */
  async applyOnBranch(): Promise<void> {
    await this.git("checkout", "-q", "-b", "side");
    await this.draft("City");
    await this.commit();
    await this.project.ok("upgrade");
  }

  edit(path: string, edit: (text: string) => string): void {
    this.project.write(path, edit(this.project.read(path)));
  }
}

/** The line of `verify` that a name has, and how the command ended. */
async function verified(
  project: TestProject,
  name = "git",
): Promise<{ code: number; ok: boolean; details: string[] }> {
  const { code, out } = await project.run("verify", "--json");
  const found = JSON.parse(out).checks.find((check: { name: string }) => check.name === name);
  return { code, ok: found?.ok, details: found?.details };
}

function matchAll(lines: string[], patterns: RegExp[]): void {
  assert.equal(lines.length, patterns.length, lines.join("\n"));
  patterns.forEach((pattern, i) => assert.match(lines[i], pattern));
}

// deno-lint-ignore no-explicit-any
const stamps = (status: any) => status.applied.map((revision: any) => revision.git);

Deno.test("each applied revision keeps its commit, and whether its files were committed; a clone learns it", async () => {
  await Repository.with(async (repository) => {
    const { project, graph } = repository;
    const head = await repository.git("rev-parse", "HEAD");
    await project.ok("upgrade");
    await repository.draft("City");
    await project.ok("upgrade");
    const wanted = [{ commit: head, dirty: false }, { commit: head, dirty: true }];
    const status = await project.json("status");
    assert.deepEqual(stamps(status), wanted);
    assert.equal(status.commit, head);
    assert.deepEqual(
      await graph.read(
        "MATCH (r:_CrochetRevision) RETURN r.gitCommit AS commit, r.gitDirty AS dirty ORDER BY r.position",
      ),
      wanted,
    );
    const shown = await project.json("show", "0002");
    assert.deepEqual(shown.applied.git, wanted[1]);
    assert.ok((await project.ok("show", "0002")).includes(`commit ${head.slice(0, 10)} (with changes)`));

    await repository.commit();
    const clone = join(project.root, "..", "clone");
    await git(project.root, "clone", "-q", `file://${project.root}`, clone);
    const other = new TestProject(clone).with({ ...graphEnv(), ...GIT_ENV });
    assert.deepEqual(stamps(await other.json("status")), wanted);
    assert.match(await other.ok("upgrade"), /Nothing to apply/);
    assert.deepEqual(stamps(await other.json("status", "--offline")), wanted);
    assert.equal((await other.run("verify")).code, 0);
  });
});

interface Disagreement {
  about: string;
  /** Runs after the first revision was committed and applied. */
  change(repository: Repository): Promise<void>;
  faults: RegExp[];
  notes?: RegExp[];
  /** Another line of `verify` that fails. */
  fails?: string;
}

const EDITED = (file: string) =>
  new RegExp(`^"0001_person" is applied, but "${file}" differs from the committed file$`);
const ELSEWHERE = /^"0002_city" was applied from commit [0-9a-f]{10}, which is not in the history of HEAD/;

const DISAGREEMENTS: Disagreement[] = [
  { about: "everything committed", change: async () => {}, faults: [] },
  {
    about: "applied, not committed",
    change: async (repository) => {
      await repository.draft("City");
      await repository.project.ok("upgrade");
    },
    faults: [/^"0002_city" is applied, but "migrations\/0002_city\.ts" is not committed$/],
  },
  {
    about: "applied, staged, not committed",
    change: async (repository) => {
      await repository.draft("City");
      await repository.project.ok("upgrade");
      await repository.git("add", "-A");
    },
    faults: [/^"0002_city" is applied, but "migrations\/0002_city\.ts" is not committed$/],
  },
  {
    about: "committed after it was applied",
    change: async (repository) => {
      await repository.draft("City");
      await repository.project.ok("upgrade");
      await repository.commit();
    },
    faults: [],
    notes: [/^"0002_city" was applied before its files were committed as they are$/],
  },
  {
    about: "applied from a branch that is not merged",
    change: async (repository) => {
      await repository.applyOnBranch();
      await repository.git("checkout", "-q", "trunk");
    },
    faults: [ELSEWHERE],
    fails: "files",
  },
  {
    about: "applied from a branch that was deleted",
    change: async (repository) => {
      await repository.applyOnBranch();
      await repository.git("checkout", "-q", "trunk");
      await repository.git("branch", "-q", "-D", "side");
    },
    faults: [ELSEWHERE],
    fails: "files",
  },
  {
    about: "a branch that was merged",
    change: async (repository) => {
      await repository.applyOnBranch();
      await repository.git("checkout", "-q", "trunk");
      await repository.git("merge", "-q", "--no-ff", "-m", "merge", "side");
    },
    faults: [],
  },
  {
    about: "a rebase, the file the same",
    change: async (repository) => {
      await repository.applyOnBranch();
      await repository.git("checkout", "-q", "trunk");
      repository.project.write("README", "x\n");
      await repository.commit();
      await repository.git("checkout", "-q", "side");
      await repository.git("rebase", "-q", "trunk");
    },
    faults: [],
    notes: [new RegExp(`${ELSEWHERE.source}; the committed file is the same$`)],
  },
  {
    about: "a branch that was squashed into one commit",
    change: async (repository) => {
      await repository.applyOnBranch();
      await repository.git("checkout", "-q", "trunk");
      await repository.git("merge", "-q", "--squash", "side");
      await repository.commit();
    },
    faults: [],
    notes: [ELSEWHERE],
  },
  {
    about: "the commit that brought the file reverted",
    change: async (repository) => {
      await repository.draft("City");
      await repository.commit();
      await repository.project.ok("upgrade");
      await repository.git("revert", "--no-edit", "HEAD");
    },
    faults: [],
    fails: "files",
  },
  {
    about: "a file that differs from the committed one",
    change: (repository) => {
      repository.edit("migrations/0001_person.ts", (text) => text + "// more\n");
      return Promise.resolve();
    },
    faults: [EDITED("migrations/0001_person\\.ts")],
    fails: "digests",
  },
  {
    about: "a snapshot that differs from the committed one, if only in its layout",
    change: (repository) => {
      repository.edit("migrations/0001_person.schema.json", (text) => text + "\n");
      return Promise.resolve();
    },
    faults: [EDITED("migrations/0001_person\\.schema\\.json")],
  },
  {
    about: "a snapshot that is gone",
    change: (repository) => {
      Deno.removeSync(join(repository.project.root, "migrations/0001_person.schema.json"));
      return Promise.resolve();
    },
    faults: [EDITED("migrations/0001_person\\.schema\\.json")],
    fails: "snapshots",
  },
  {
    about: "an imported file that differs from the committed one",
    change: async (repository) => {
      const file = `migrations/${await repository.draft("City")}.ts`;
      repository.project.write("migrations/rows.ts", 'export const rows = [{ name: "Bonn" }];\n');
      repository.edit(
        file,
        (text) =>
          text.replace("import type", 'import { rows } from "./rows.ts";\nimport type')
            .replace("Promise<void> {\n", 'Promise<void> {\n  await ctx.createNodes("City", rows);\n'),
      );
      await repository.commit();
      await repository.project.ok("upgrade");
      repository.edit("migrations/rows.ts", (text) => text.replace("Bonn", "Cork"));
    },
    faults: [/^"0002_city" is applied, but "migrations\/rows\.ts" differs from the committed file$/],
    fails: "digests",
  },
  {
    about: "a file that Git ignores",
    change: async (repository) => {
      await repository.draft("City");
      repository.project.write(".gitignore", ".crochet/\n0002_*\n");
      await repository.commit();
      await repository.project.ok("upgrade");
    },
    faults: [/^"0002_city" is applied, but "migrations\/0002_city\.ts" is not committed$/],
  },
];

for (const { about, change, faults, notes = [], fails } of DISAGREEMENTS) {
  Deno.test(`verify and status know: ${about}`, async () => {
    await Repository.with(async (repository) => {
      const { project } = repository;
      await project.ok("upgrade");
      await change(repository);
      const line = await verified(project);
      assert.equal(line.ok, faults.length === 0, line.details.join("\n"));
      matchAll(line.details, [...faults, ...notes]);
      assert.equal(line.code, faults.length > 0 || fails ? 1 : 0);
      if (fails) assert.equal((await verified(project, fails)).ok, false, fails);
      const status = await project.json("status");
      assert.deepEqual(status.notes, line.details.slice(faults.length));
      for (const detail of line.details.slice(0, faults.length)) assert.ok(status.faults.includes(detail));
      assert.equal(status.faults.length > 0, line.code === 1, status.faults.join("\n"));
      assert.equal((await project.run("status", "--check")).code, line.code);
    });
  });
}

const REFUSED =
  /refused before it touched anything: "migrations\/0001_person\.\w+(\.json)?" (is not committed|differs from the committed file)/;

async function refusesUnclean(project: TestProject, command: string[], pattern = REFUSED): Promise<void> {
  const { code, err } = await project.run(...command, "--require-clean");
  assert.equal(code, 2, `${command.join(" ")}: ${err}`);
  assert.match(err, pattern);
}

Deno.test("--require-clean refuses what is not committed, before anything is touched", async () => {
  await Repository.with(async (repository) => {
    const { project, graph } = repository;
    const [upgrades, downgrades] = [
      [["upgrade"], ["upgrade", "--dry-run"], ["upgrade", "--check"], ["plan"], ["plan", "--offline"]],
      [["downgrade"], ["downgrade", "--dry-run"], ["downgrade", "--target", "base"]],
    ];
    await repository.git("rm", "-q", "--cached", "migrations/0001_person.ts");
    await repository.git("commit", "-q", "-m", "gone");
    for (const command of upgrades) await refusesUnclean(project, command);
    assert.deepEqual(await graph.read("MATCH (n) RETURN n"), []);
    assert.deepEqual(await showSchema(graph), []);
    await repository.commit();
    for (const command of upgrades.slice(1)) {
      assert.equal((await project.run(...command, "--require-clean")).code, command[1] === "--check" ? 1 : 0);
    }
    assert.match(await project.ok("upgrade", "--require-clean"), /Applied: 0001_person/);

    repository.edit("migrations/0001_person.schema.json", (text) => text + "\n");
    const before = await showSchema(graph);
    for (const command of downgrades) await refusesUnclean(project, command);
    assert.deepEqual(await showSchema(graph), before);
    assert.equal((await project.json("status")).applied.length, 1);
    assert.match(await project.ok("upgrade", "--require-clean"), /Nothing to apply/);
    await repository.git("checkout", "-q", ".");
    assert.match(await project.ok("downgrade", "--require-clean"), /Reverted: 0001_person/);
  });
});

Deno.test("--require-clean looks at the revisions of the run: the others, and other files, may be as they are", async () => {
  await Repository.with(async (repository) => {
    const { project } = repository;
    project.write("notes.txt", "x\n");
    repository.edit("models/person.py", (text) => text + "\n");
    await repository.draft("City");
    assert.match(
      await project.ok("upgrade", "--target", "0001_person", "--require-clean"),
      /Applied: 0001_person/,
    );
    assert.deepEqual(stamps(await project.json("status"))[0].dirty, false);
    await repository.draft("Dog");
    await project.ok("downgrade");
    // The place is that of the file that is not committed.
    await refusesUnclean(
      project,
      ["upgrade"],
      /^Error: migrations\/0002_city\.ts: .*"migrations\/0002_city\.ts" is not committed and "migrations\/0003_dog\.ts" is not committed/,
    );
  });
});

Deno.test("a second working tree of a repository is one of its own", async () => {
  await Repository.with(async (repository) => {
    const { project } = repository;
    await project.ok("upgrade");
    const tree = join(project.root, "..", "tree");
    await repository.git("worktree", "add", "-q", "-b", "side", tree);
    repository.edit("migrations/0001_person.schema.json", (text) => text + "\n");
    const other = new TestProject(tree).with({ ...graphEnv(), ...GIT_ENV });
    assert.deepEqual(await verified(other), { code: 0, ok: true, details: [] });
    assert.equal((await verified(project)).code, 1);
  });
});

Deno.test("a plain Cypher migration is held to Git too", async () => {
  await Repository.with(async ({ project }) => {
    await project.ok("create-node", "City");
    await project.ok("create-migration", "city", "--cypher");
    await refusesUnclean(project, ["upgrade"], /"migrations\/0002_city\.cypher" is not committed/);
    await commit(project.root);
    await project.ok("upgrade", "--require-clean");
    assert.deepEqual(await verified(project), { code: 0, ok: true, details: [] });
  });
});

/** Everything works without Git, only --require-clean says why it cannot. */
async function worksWithout(project: TestProject, why: RegExp): Promise<void> {
  for (const command of [["upgrade"], ["plan"], ["downgrade"]]) await refusesUnclean(project, command, why);
  const since = await project.run("lint", "--since", "trunk");
  assert.equal(since.code, 2);
  assert.match(since.err, why);
  await project.ok("upgrade");
  const status = await project.json("status");
  assert.deepEqual([stamps(status), status.notes, "commit" in status], [[undefined], [], false]);
  const { code, ok } = await verified(project);
  assert.deepEqual([code, ok], [0, undefined]);
  await project.ok("downgrade");
}

Deno.test("without a repository --require-clean says so, and everything else works", async () => {
  await withGraphProject({}, async (project) => {
    const alone = project.with({ ...GIT_ENV, GIT_CEILING_DIRECTORIES: join(project.root, "..") });
    await alone.ok("create-node", "Person");
    await alone.ok("create-migration", "person");
    await worksWithout(alone, /needs Git, and there is no Git repository here/);
  });
});

Deno.test("without git on the PATH --require-clean says so, and everything else works", async () => {
  await Repository.with(async ({ project }) => {
    await worksWithout(
      project.with({ PATH: join(project.root, "models") }),
      /needs Git, and the git command is not there/,
    );
  });
});

Deno.test("a shallow clone notes what it cannot know, and fails nothing", async () => {
  await Repository.with(async (repository) => {
    const { project } = repository;
    await project.ok("upgrade");
    project.write("README", "x\n");
    await repository.commit();
    const clone = join(project.root, "..", "clone");
    await git(project.root, "clone", "-q", "--depth", "1", `file://${project.root}`, clone);
    const shallow = new TestProject(clone).with({ ...graphEnv(), ...GIT_ENV });
    const line = await verified(shallow);
    assert.deepEqual([line.code, line.ok], [0, true]);
    matchAll(line.details, [
      /^"0001_person" was applied from commit [0-9a-f]{10}, which this shallow clone does not have$/,
    ]);
    assert.match(await shallow.ok("upgrade", "--require-clean"), /Nothing to apply/);
    assert.equal((await shallow.run("status", "--check")).code, 0);
    assert.match(await shallow.ok("downgrade", "--require-clean"), /Reverted/);
    assert.match(await shallow.ok("upgrade", "--require-clean"), /Applied/);
    assert.deepEqual(await verified(shallow), { code: 0, ok: true, details: [] });
  });
});

const FOLDERS: [about: string, name: string][] = [
  ["a plain name", "graph"],
  ["a space", "my graph"],
  ["letters that are not ASCII", "Überblick 图"],
  ["what Git takes for a pattern", "a[b]*?"],
  ["quotes", `it's "it"`],
  ["a space at its begin", " graph"],
];

for (const [about, name] of FOLDERS) {
  Deno.test(`a project may lie in a folder of a repository whose path has ${about}`, async () => {
    await withEmptyGraph(async () => {
      await withFolder(async (folder) => {
        const root = join(folder, name);
        Deno.mkdirSync(root);
        const project = new TestProject(root).with({ ...graphEnv(), ...GIT_ENV });
        await project.ok("new-project", "--name", "p", "--in-place");
        await project.ok("create-node", "Person");
        await project.ok("create-migration", "person");
        await init(folder);
        Deno.writeTextFileSync(join(folder, "other.txt"), "x\n");
        await refusesUnclean(project, ["upgrade"]);
        const head = await commit(folder);
        Deno.writeTextFileSync(join(folder, "other.txt"), "y\n");
        await project.ok("upgrade", "--require-clean");
        assert.deepEqual(stamps(await project.json("status")), [{ commit: head, dirty: false }]);
        assert.deepEqual(await verified(project), { code: 0, ok: true, details: [] });
        project.write(
          "migrations/0001_person.schema.json",
          project.read("migrations/0001_person.schema.json") + "\n",
        );
        matchAll((await verified(project)).details, [EDITED("migrations/0001_person\\.schema\\.json")]);
        await refusesUnclean(project, ["downgrade"]);
        assert.equal((await project.json("lint", "--since", "HEAD")).revisions, 1);
      });
    });
  });
}

Deno.test("a detached HEAD is a commit like any other", async () => {
  await Repository.with(async (repository) => {
    const { project } = repository;
    await repository.git("checkout", "-q", "--detach");
    await project.ok("upgrade", "--require-clean");
    const head = await repository.git("rev-parse", "HEAD");
    assert.deepEqual(stamps(await project.json("status")), [{ commit: head, dirty: false }]);
    assert.deepEqual(await verified(project), { code: 0, ok: true, details: [] });
  });
});

Deno.test("a repository without any commit is one where nothing is committed", async () => {
  await withGraphProject({}, async (found) => {
    const project = found.with(GIT_ENV);
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "person");
    await init(project.root);
    await refusesUnclean(project, ["upgrade"]);
    await project.ok("upgrade");
    const status = await project.json("status");
    assert.deepEqual([stamps(status), status.commit], [[{ commit: null, dirty: true }], null]);
    const line = await verified(project);
    assert.deepEqual([line.code, line.ok], [1, false]);
    matchAll(line.details, [
      /^"0001_person" is applied, but "migrations\/0001_person\.ts" is not committed$/,
    ]);
    Deno.removeSync(join(project.root, ".crochet"), { recursive: true });
    await project.ok("upgrade");
    assert.deepEqual(stamps(await project.json("status", "--offline")), [{ commit: null, dirty: true }]);
    await commit(project.root);
    const after = await verified(project);
    assert.deepEqual([after.code, after.ok], [0, true]);
    matchAll(after.details, [/was applied before its files were committed as they are$/]);
  });
});

Deno.test("the variables that a hook of another repository sets confuse nothing", async () => {
  await Repository.with(async (repository) => {
    const { project } = repository;
    await withFolder(async (other) => {
      await init(other);
      Deno.writeTextFileSync(join(other, "a.txt"), "x\n");
      await commit(other);
      const hooked = project.with({
        GIT_DIR: join(other, ".git"),
        GIT_WORK_TREE: other,
        GIT_INDEX_FILE: join(other, ".git", "index"),
        GIT_OBJECT_DIRECTORY: join(other, ".git", "objects"),
        GIT_COMMON_DIR: join(other, ".git"),
        GIT_PREFIX: "a/",
      });
      await hooked.ok("upgrade", "--require-clean");
      const status = await hooked.json("status");
      const head = await repository.git("rev-parse", "HEAD");
      assert.deepEqual([status.commit, stamps(status)], [head, [{ commit: head, dirty: false }]]);
      assert.deepEqual(await verified(hooked), { code: 0, ok: true, details: [] });
    });
  });
});

Deno.test("a checkout with CRLF is not dirty, and its digests hold", async () => {
  await Repository.with(async (repository) => {
    const { project } = repository;
    await project.ok("create-node", "City");
    await project.ok("create-migration", "city", "--cypher");
    await repository.commit();
    await project.ok("upgrade");
    const clone = join(project.root, "..", "clone");
    await git(project.root, "clone", "-q", "-c", "core.autocrlf=true", `file://${project.root}`, clone);
    const other = new TestProject(clone).with({ ...graphEnv(), ...GIT_ENV });
    for (const file of ["migrations/0001_person.ts", "migrations/0002_city.cypher", "models/city.py"]) {
      assert.match(other.read(file), /\r\n/, file);
    }
    assert.deepEqual(await verified(other), { code: 0, ok: true, details: [] });
    await other.ok("downgrade", "--target", "base", "--require-clean");
    await other.ok("upgrade", "--require-clean");
    assert.deepEqual(stamps(await other.json("status")).map((stamp: { dirty: boolean }) => stamp.dirty), [
      false,
      false,
    ]);
    assert.match(await other.ok("create-migration", "nothing"), /Nothing to do/);
  });
});

Deno.test("lint --since looks at what changed since a commit or a branch", async () => {
  await Repository.with(async (repository) => {
    const { project } = repository;
    const looked = async (since: string): Promise<number> =>
      (await project.json("lint", "--since", since)).revisions;
    assert.equal(await looked("HEAD"), 0);
    await repository.git("checkout", "-q", "-b", "side");
    await repository.draft("City");
    assert.equal(await looked("trunk"), 1);
    await repository.commit();
    assert.deepEqual([await looked("trunk"), await looked("HEAD")], [1, 0]);
    await repository.git("checkout", "-q", "trunk");
    project.write("README", "x\n");
    await repository.commit();
    await repository.git("checkout", "-q", "side");
    assert.equal(await looked("trunk"), 1);
    repository.edit("migrations/0001_person.schema.json", (text) => text + "\n");
    assert.equal(await looked("trunk"), 2);
    for (const name of ["nowhere", "--output=written", "-1"]) {
      const unknown = await project.run("lint", `--since=${name}`);
      assert.equal(unknown.code, 2, name);
      assert.match(unknown.err, new RegExp(`Git does not know "${name}"`));
    }
    assert.ok(!project.list(".").includes("written"));
  });
});

Deno.test("a ledger that did not know Git is opened, and knows it from then on", async () => {
  await withGraphProject({}, async (found, graph) => {
    const project = found.with({ ...GIT_ENV, GIT_CEILING_DIRECTORIES: join(found.root, "..") });
    const version = (change?: (db: DatabaseSync) => void): unknown => {
      const db = new DatabaseSync(join(project.root, ".crochet/ledger.db"));
      try {
        change?.(db);
        return db.prepare("SELECT value FROM ledger_meta WHERE key = 'schema_version'").get()?.value;
      } finally {
        db.close();
      }
    };
    const newest = version();
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "person");
    // A baseline says no more of a revision than the old format knew.
    for (const statement of (await project.ok("models", "--ddl")).split(";").filter((text) => text.trim())) {
      await graph.implicit(statement);
    }
    await project.ok("baseline");
    version((db) => {
      for (const column of ["git", "changed"]) db.exec(`ALTER TABLE applied_revisions DROP COLUMN ${column}`);
      db.exec("UPDATE ledger_meta SET value = '1' WHERE key = 'schema_version'");
      // Of that time are neither the end of the chain beside it nor events of what is not a revision.
      db.exec("DELETE FROM ledger_meta WHERE key = 'head'");
    });
    await init(project.root);
    const head = await commit(project.root);
    const opened: Outcome = await project.run("verify");
    assert.equal(opened.code, 0, opened.out + opened.err);
    assert.equal(version(), newest);
    await project.ok("create-node", "City");
    await project.ok("create-migration", "city");
    await project.ok("upgrade");
    for (const args of [[], ["--offline"]]) {
      assert.deepEqual(stamps(await project.json("status", ...args)), [undefined, {
        commit: head,
        dirty: true,
      }]);
    }
    assert.equal((await verified(project, "ledger chain")).ok, true);
  });
});

Deno.test("two runs that meet a ledger of the old format both open it", async () => {
  await withGraphProject({}, async (project) => {
    const path = join(project.root, ".crochet/ledger.db");
    const db = new DatabaseSync(path);
    for (const column of ["git", "changed"]) db.exec(`ALTER TABLE applied_revisions DROP COLUMN ${column}`);
    db.exec("UPDATE ledger_meta SET value = '1' WHERE key = 'schema_version'");
    db.exec("DELETE FROM ledger_meta WHERE key = 'head'");
    db.close();
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => crochet(project.root, ["status", "--offline"])),
    );
    for (const { code, err } of outcomes) assert.equal(code, 0, err);
  });
});
