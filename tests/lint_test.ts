/** `crochet lint`: a good and a bad example of every rule, excuses, levels, formats, Git, and crochet's own drafts. */
import assert from "node:assert/strict";
import { LINT_RULES } from "../lib/lint_rules.ts";
import { join } from "../lib/path.ts";
import { type TestProject, withProject } from "./harness.ts";

/** A finding as `--json` prints it. */
interface Found {
  code: string;
  severity: string;
  message: string;
  hint?: string;
  file: string;
  line?: number;
  column?: number;
}

const MODELS = `from neomodel import IntegerProperty, RelationshipTo, StringProperty, StructuredNode


class City(StructuredNode):
    __kgid__ = "city_v1"

    name = StringProperty(unique_index=True)


class Person(StructuredNode):
    __kgid__ = "person_v1"

    name = StringProperty(unique_index=True)
    nick = StringProperty()
    age = IntegerProperty()
    home = RelationshipTo("City", "LIVES_IN")
`;

const BODY = "migrations/0002_body.ts";
let base: Promise<Record<string, string>> | undefined;

/** Two revisions: the models', and one whose body is an example. Drafted once. */
function baseFiles(): Promise<Record<string, string>> {
  return base ??= (async () => {
    const files: Record<string, string> = { "models/all.py": MODELS };
    await withProject(files, async (project) => {
      await project.ok("create-migration", "models");
      await project.ok("create-migration", "body", "--empty");
      for (const name of project.list("migrations")) {
        files[`migrations/${name}`] = project.read(`migrations/${name}`);
      }
    });
    return files;
  })();
}

/** What an example changes in the files of the base. */
type Example = (files: Record<string, string>) => Record<string, string>;

/** The second revision with these lines. */
function body(up: string, down = "  // nothing", safe = true): Example {
  return (files) => ({
    ...files,
    [BODY]: files[BODY].replace("  // nothing to do in the graph", () => up)
      .replace("  // nothing to undo in the graph", () => down)
      .replace("rollbackSafe = true", `rollbackSafe = ${safe}`),
  });
}

/** The lines in both directions: no other rule has anything to say about a way back. */
const both = (lines: string): Example => body(lines, lines);

const without = (...names: string[]): Example => (files) =>
  Object.fromEntries(Object.entries(files).filter(([name]) => !names.some((part) => name.includes(part))));

async function withExample(example: Example, work: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject(example(await baseFiles()), work);
}

async function lint(project: TestProject, ...args: string[]): Promise<Found[]> {
  const { out, err } = await project.run("lint", ...args, "--json");
  try {
    return JSON.parse(out).findings;
  } catch {
    throw new Error(out + err);
  }
}

/** The second revision once more, as a second child of the first. */
const twin: Example = (files) => ({
  ...files,
  "migrations/0002_twin.ts": files[BODY].replaceAll("0002_body", "0002_twin"),
  "migrations/0002_twin.schema.json": files["migrations/0002_body.schema.json"],
});

const RULES: Record<string, { bad: Example[]; good: Example[] }> = {
  "loses-data": {
    bad: [
      body('  await ctx.removeNodeProperty("Person", "nick");', undefined, false),
      body('  await ctx.mergeNodes("Person", ["nick"]);', undefined, false),
      body(
        '  await ctx.convertNodeProperty("Person", "nick", "string", "integer", { lossy: true });',
        undefined,
        false,
      ),
    ],
    good: [
      body(
        '  await ctx.renameNodeProperty("Person", "nick", "name");',
        '  await ctx.renameNodeProperty("Person", "name", "nick");',
      ),
      body(
        '  await ctx.addNodeProperty("Person", "nick", "x");',
        '  await ctx.removeNodeProperty("Person", "nick");',
      ),
    ],
  },
  "unsafe-marked-safe": {
    bad: [both('  await ctx.removeNodeProperty("Person", "nick");')],
    good: [body('  await ctx.removeNodeProperty("Person", "nick");', undefined, false)],
  },
  "downgrade-missing": {
    bad: [
      body('  await ctx.addIndex("Person", "nick");'),
      body(
        '  await ctx.addIndex("Person", "nick");',
        '  await ctx.runCypher("MATCH (n) RETURN count(n) AS n");',
      ),
    ],
    good: [
      body('  await ctx.addIndex("Person", "nick");', '  await ctx.dropIndex("Person", "nick");'),
      body('  await ctx.addIndex("Person", "nick");', undefined, false),
      body('  await ctx.runCypher("MATCH (n) RETURN count(n) AS n");'),
    ],
  },
  "data-without-batch": {
    bad: [
      both('  await ctx.runCypher("CREATE (:Person)");'),
      both(`  await ctx.runCypher("MERGE (:Person {name: 'a'})");`),
      both('  await ctx.runCypher("INSERT (:Person)");'),
    ],
    good: [
      body(
        '  await ctx.createNodes("Person", [{ name: "a" }]);',
        '  await ctx.deleteNodesByBatch("Person", ctx.batch);',
      ),
      both(`  await ctx.runCypher("MATCH (p:Person) WHERE p.name = 'CREATE' SET p.age = 1");`),
      body('  await ctx.dropIndex("Person", "age");', '  await ctx.runCypher("CREATE (:Person)");'),
    ],
  },
  "rewrite-unbatched": {
    bad: [
      both('  await ctx.runCypher("MATCH (p:Person) SET p.age = 1");'),
      both('  await ctx.runCypher("MATCH (p:Person) DETACH DELETE p");'),
      both('  await ctx.runCypher("MATCH (:Person)-[r:LIVES_IN]->(:City) REMOVE r.since");'),
      both('  await ctx.runCypher("MATCH (n) SET n.age = 1");'),
    ],
    good: [
      both('  await ctx.addNodeProperty("Person", "age", 1);'),
      both('  await ctx.runCypher("MATCH (p:Person) WHERE p.age IS NULL SET p.age = 1");'),
      both(`  await ctx.runCypher("MATCH (p:Person {name: 'a'}) SET p.age = 1");`),
      both('  await ctx.runCypher("MATCH (p:Person) CALL (p) { SET p.age = 1 } IN TRANSACTIONS");'),
    ],
  },
  "not-exactly-once": {
    bad: [
      both('  await ctx.runCypher("MATCH (p:Person) CALL (p) { SET p.age = 1 } IN TRANSACTIONS");'),
    ],
    good: [
      both('  await ctx.addIndex("Person", "age");'),
      both('  await ctx.runCypher("MATCH (p:Person) WHERE p.age IS NULL SET p.age = 1");'),
      // What it does shows in the catalog, so a run that goes on knows whether it ran.
      both('  await ctx.runCypher("CREATE INDEX a FOR (p:Person) ON (p.age)");'),
      both('  await ctx.runCypher("DROP CONSTRAINT a");'),
      both('  await ctx.runCypher("CREATE INDEX a IF NOT EXISTS FOR (p:Person) ON (p.age)");'),
      both('  await ctx.runCypher("DROP CONSTRAINT a IF EXISTS");'),
    ],
  },
  "constraint-without-index": {
    bad: [
      both('  await ctx.addNodePropertyExistenceConstraint("Person", "nick");'),
      both('  await ctx.addNodePropertyTypeConstraint("Person", "age", "INTEGER");'),
    ],
    good: [
      both('  await ctx.addNodePropertyExistenceConstraint("Person", "name");'),
      both(
        '  await ctx.addNodePropertyExistenceConstraint("Person", "nick");\n  await ctx.addIndex("Person", "nick");',
      ),
      both('  await ctx.addNodeKey("Person", "nick");'),
    ],
  },
  "lookup-without-index": {
    bad: [
      both('  await ctx.upsertNodes("Person", [{ nick: "a" }], { mergeKeys: ["nick"] });'),
      both(
        '  await ctx.createRelationships("Person", "City", "LIVES_IN", [{ source: "a", target: "b" }], { sourceKey: "nick" });',
      ),
    ],
    good: [
      both('  await ctx.upsertNodes("Person", [{ name: "a" }], { mergeKeys: ["name"] });'),
      both('  await ctx.createRelationships("Person", "City", "LIVES_IN", [{ source: "a", target: "b" }]);'),
      both(
        '  await ctx.addIndex("Person", "nick");\n  await ctx.upsertNodes("Person", [{ nick: "a" }], { mergeKeys: ["nick"] });',
      ),
    ],
  },
  "unknown-name": {
    bad: [
      both('  await ctx.addIndex("Persn", "name");'),
      both('  await ctx.addIndex("Person", "nmae");'),
      both('  await ctx.renameRelationshipType("LIVE_IN", "LIVES_AT");'),
      both('  await ctx.createNodes("Persn", [{ name: "a" }]);'),
    ],
    good: [
      both('  await ctx.addIndex("Person", "nick");'),
      both('  await ctx.renameRelationshipType("LIVES_IN", "LIVES_AT");'),
      both('  await ctx.renameLabel("City", "Town");'),
    ],
  },
  "sealed-file-edited": {
    bad: [
      (files) => ({ ...files, "migrations/0001_models.ts": files["migrations/0001_models.ts"] + "// x\n" }),
    ],
    good: [
      (files) => ({ ...files, [BODY]: files[BODY] + "// x\n" }),
      (files) => ({
        ...files,
        "migrations/0001_models.ts": files["migrations/0001_models.ts"].replaceAll("\n", "\r\n"),
      }),
    ],
  },
  "two-heads": { bad: [twin], good: [(files) => files] },
  "chain-broken": { bad: [without("0001_models")], good: [without("0002_body")] },
  "revision-unreadable": {
    bad: [
      body("  enum A { B }"),
      body("  const;"),
      body('  await ctx.addIndx("Person", "nick");'),
      body('  await ctx.addIndex("Person");'),
      without("0002_body.schema.json"),
      (files) => ({ ...files, [BODY]: "export const revisionId = 5;\n" }),
    ],
    good: [
      body("  const a: number = 1;\n  void a;"),
      body(
        '  await ctx.createNodes("City", [{ name: ctx.params.tenant.toUpperCase() }]);',
        '  await ctx.deleteNodesByBatch("City", ctx.batch);',
      ),
    ],
  },
  "allow-unknown": {
    bad: [
      body("  // crochet: allow looses-data"),
      (files) => ({ ...files, "crochet.toml": '[lint]\nignore = ["looses-data"]\n' }),
    ],
    good: [
      body("  // crochet: allow loses-data, unknown-name"),
      (files) => ({ ...files, "crochet.toml": '[lint]\nignore = ["loses-data"]\n' }),
    ],
  },
};

Deno.test("every rule has a good and a bad example, and a severity", () => {
  assert.deepEqual(Object.keys(RULES).sort(), Object.keys(LINT_RULES).sort());
  for (const [code, { severity, about }] of Object.entries(LINT_RULES)) {
    assert.ok(["error", "warning", "notice"].includes(severity) && about.length > 10, code);
  }
});

for (const [code, { bad, good }] of Object.entries(RULES)) {
  for (const [i, example] of bad.entries()) {
    Deno.test(`${code}: bad example ${i + 1}`, async () => {
      await withExample(example, async (project) => {
        const all = await lint(project);
        const found = all.filter((entry) => entry.code === code);
        assert.ok(found.length > 0, JSON.stringify(all));
        for (const { severity, message, file } of found) {
          assert.equal(severity, LINT_RULES[code].severity);
          assert.ok(message.length > 10 && file.length > 0);
        }
      });
    });
  }
  for (const [i, example] of good.entries()) {
    Deno.test(`${code}: good example ${i + 1}`, async () => {
      await withExample(example, async (project) => {
        assert.deepEqual((await lint(project)).filter((entry) => entry.code === code), []);
      });
    });
  }
}

Deno.test("findings name their place, in TypeScript and in plain Cypher", async () => {
  await withExample(both('  await ctx.runCypher("CREATE (:Person)");'), async (project) => {
    const { files } = await project.json("create-migration", "plain", "--cypher", "--empty");
    project.write(
      files[0],
      project.read(files[0]).replace("// crochet: upgrade", "// crochet: upgrade\n\n// why\nCREATE (:City);"),
    );
    const found = (await lint(project)).filter((entry) => entry.code === "data-without-batch");
    const lineOf = (file: string, text: string) =>
      project.read(file).split("\n").findIndex((line) => line.includes(text)) + 1;
    assert.deepEqual(found.map(({ file, line }) => [file, line]), [
      [BODY, lineOf(BODY, "CREATE (:Person)")],
      [files[0], lineOf(files[0], "CREATE (:City)")],
    ]);
  });
});

Deno.test("excuses: at the line, right above it, several, of another rule, too far away, in Cypher", async () => {
  const call = 'await ctx.runCypher("CREATE (:Person)");';
  const table: [lines: string, left: number][] = [
    [`  ${call}`, 1],
    [`  ${call} // crochet: allow data-without-batch`, 0],
    [`  // crochet: allow data-without-batch\n  ${call}`, 0],
    [`  //crochet:allow data-without-batch\n  ${call}`, 0],
    [`  // crochet: allow data-without-batch: it is a seed\n  ${call}`, 0],
    [`  // crochet: allow unknown-name, data-without-batch\n  ${call}`, 0],
    [`  // crochet: allow unknown-name\n  ${call}`, 1],
    [`  // crochet: allow data-without-batch\n  ${call}\n  ${call}`, 1],
    [`  // crochet: allow data-without-batch\n\n  ${call}`, 1],
    [`  ${call}\n  // crochet: allow data-without-batch`, 1],
    [`  ${call} // crochet: allow data-without-batch\n  ${call}`, 1],
  ];
  for (const [lines, left] of table) {
    await withExample(body(lines, "  await ctx.deleteNodesByBatch('Person', 'x');"), async (project) => {
      const found = await lint(project);
      assert.deepEqual(found.map(({ code }) => code), Array(left).fill("data-without-batch"), lines);
    });
  }
  await withExample((files) => files, async (project) => {
    const { files } = await project.json("create-migration", "plain", "--cypher", "--empty", "--unsafe");
    project.write(
      files[0],
      project.read(files[0]).replace(
        "// crochet: upgrade",
        "// crochet: upgrade\n// crochet: allow data-without-batch\nCREATE (:City);\nCREATE (:City); // crochet: allow data-without-batch",
      ),
    );
    assert.deepEqual(await lint(project), []);
  });
});

Deno.test("an excuse that names no rule is a finding with what was meant", async () => {
  await withExample(body("  // crochet: allow looses-data, unknown-name, nonsense"), async (project) => {
    const found = await lint(project);
    const line = project.read(BODY).split("\n").findIndex((text) => text.includes("crochet: allow")) + 1;
    assert.deepEqual(found.map((entry) => [entry.code, entry.message, entry.line]), [
      ["allow-unknown", 'there is no rule "looses-data"', line],
      ["allow-unknown", 'there is no rule "nonsense"', line],
    ]);
    assert.match(found[0].hint!, /did you mean loses-data\?/);
    assert.match(found[1].hint!, /the rules: loses-data/);
  });
});

Deno.test("[lint] ignore switches rules off, and an unknown rule in it is a finding", async () => {
  const lines = '  await ctx.runCypher("CREATE (:Person)");\n  await ctx.addIndex("Persn", "name");';
  await withExample(both(lines), async (project) => {
    assert.deepEqual((await lint(project)).map(({ code }) => code).toSorted(), [
      "data-without-batch",
      "unknown-name",
      "unknown-name",
    ]);
    const toml = project.read("crochet.toml");
    project.write("crochet.toml", toml + '\n[lint]\nignore = ["data-without-batch", "unknown-nam"]\n');
    const found = await lint(project);
    assert.deepEqual(found.map(({ code, file }) => [code, file]).toSorted(), [
      ["allow-unknown", "crochet.toml"],
      ["unknown-name", BODY],
      ["unknown-name", BODY],
    ]);
    assert.match(found.find(({ code }) => code === "allow-unknown")!.hint!, /unknown-name/);
    project.write("crochet.toml", toml + '\n[lint]\nignore = ["data-without-batch", "unknown-name"]\n');
    assert.deepEqual(await lint(project), []);
    assert.equal((await project.run("lint")).code, 0);
  });
});

Deno.test("levels and exit codes", async () => {
  const table: [Example, notice: number, warning: number, error: number][] = [
    [(files) => files, 0, 0, 0],
    [both('  await ctx.addNodePropertyExistenceConstraint("Person", "nick");'), 1, 0, 0],
    [both('  await ctx.runCypher("CREATE (:Person)");'), 1, 1, 0],
    [body('  await ctx.addIndex("Person", "nick");'), 1, 1, 1],
  ];
  for (const [example, ...codes] of table) {
    await withExample(example, async (project) => {
      for (const [i, level] of ["notice", "warning", "error"].entries()) {
        assert.equal((await project.run("lint", "--level", level)).code, codes[i], level);
      }
      assert.equal((await project.run("lint")).code, codes[1]);
    });
  }
  await withExample((files) => files, async (project) => {
    for (const args of [["--level", "info"], ["--format", "xml"], ["0009"], ["--nonsense"]]) {
      assert.equal((await project.run("lint", ...args)).code, 2, args.join(" "));
    }
    assert.match(
      (await project.run("lint", "0002_bdy")).err,
      /There is no revision "0002_bdy"\nHint: did you mean "0002_body"/,
    );
    assert.equal((await project.json("lint", "0002")).revisions, 1);
    assert.equal((await project.json("lint")).revisions, 2);
  });
});

Deno.test("findings as text, as JSON, and as annotations of GitHub Actions", async () => {
  const call = `  await ctx.runCypher("CREATE (:Person {name: '100%, a:b'})");`;
  await withExample(both(call), async (project) => {
    project.write("crochet.toml", '[project]\nmodels_path = "models"\nmigrations_path = "m,i:g%r"\n');
    Deno.renameSync(join(project.root, "migrations"), join(project.root, "m,i:g%r"));
    const file = "m,i:g%r/0002_body.ts";
    const line = project.read(file).split("\n").findIndex((text) => text.includes("100%")) + 1;
    const [found, ...rest] = await lint(project);
    assert.deepEqual(rest, []);
    assert.deepEqual([found.code, found.severity, found.file, found.line], [
      "data-without-batch",
      "warning",
      file,
      line,
    ]);
    const message = "runCypher(CREATE (:Person {name: '100%, a:b'})) creates data that no batch tracks";
    assert.equal(found.message, message);
    const text = await project.run("lint");
    const place = [file, line, found.column].filter((part) => part !== undefined).join(":");
    assert.deepEqual(text.out.trimEnd().split("\n"), [
      `${place}: warning: ${message} [data-without-batch]`,
      `  ${found.hint}`,
      "1 finding in 2 revisions.",
    ]);
    const github = await project.run("lint", "--format", "github");
    assert.equal(github.code, 1);
    const column = found.column === undefined ? "" : `,col=${found.column}`;
    assert.equal(
      github.out.trimEnd(),
      `::warning file=m%2Ci%3Ag%25r/0002_body.ts,line=${line}${column},title=crochet data-without-batch::` +
        `runCypher(CREATE (:Person {name: '100%25, a:b'})) creates data that no batch tracks%0A${found.hint}`,
    );
  });
  await withExample((files) => files, async (project) => {
    assert.equal(await project.ok("lint", "--format", "github"), "");
    assert.equal(await project.ok("lint"), "0 findings in 2 revisions.\n");
  });
});

async function git(root: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("git", {
    args: ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", ...args],
    cwd: root,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

Deno.test("--since looks only at what changed in Git: commits, edits, new files, imports", async () => {
  const call = '  await ctx.runCypher("CREATE (:Person)");';
  await withExample(both(call), async (project) => {
    const since = async (commit: string) => {
      const { findings, revisions } = JSON.parse(
        (await project.run("lint", "--since", commit, "--json")).out,
      );
      return [revisions, findings.map(({ file }: Found) => file.slice(11, 15))];
    };
    const refused = await project.run("lint", "--since", "HEAD");
    assert.equal(refused.code, 2);
    assert.match(refused.err, /--since needs Git/);
    await git(project.root, "init", "-q", "-b", "main");
    await git(project.root, "add", ".");
    await git(project.root, "commit", "-q", "-m", "one");
    assert.deepEqual(await since("HEAD"), [0, []]);
    assert.equal((await project.run("lint", "--since", "HEAD")).code, 0);
    const { files } = await project.json("create-migration", "third", "--empty");
    const text = project.read(files[0]);
    project.write("migrations/helper.ts", "export const n = 1;\n");
    project.write(
      files[0],
      text.replace("import type", 'import { n } from "./helper.ts";\nimport type')
        .replace("  // nothing to do in the graph", `${call}\n  void n;`)
        .replace("  // nothing to undo in the graph", call),
    );
    assert.deepEqual(await since("HEAD"), [1, ["0003"]]);
    await git(project.root, "add", ".");
    await git(project.root, "commit", "-q", "-m", "two");
    assert.deepEqual(await since("HEAD"), [0, []]);
    assert.deepEqual(await since("HEAD~1"), [1, ["0003"]]);
    assert.deepEqual(await since("main"), [0, []]);
    project.write("migrations/helper.ts", "export const n = 2;\n");
    assert.deepEqual(await since("HEAD"), [1, ["0003"]]);
    assert.equal((await project.json("lint", "0001", "--since", "HEAD~1")).revisions, 0);
    const unknown = await project.run("lint", "--since", "nowhere");
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /Git does not know "nowhere"/);
  });
});

Deno.test("--since in a folder of a larger repository", async () => {
  await withExample((files) => files, async (project) => {
    const above = join(project.root, "..");
    await git(above, "init", "-q", "-b", "main");
    await git(above, "add", ".");
    await git(above, "commit", "-q", "-m", "one");
    project.write(BODY, project.read(BODY) + "// x\n");
    assert.equal((await project.json("lint", "--since", "HEAD")).revisions, 1);
  });
});

const IMPORTS =
  "from neomodel import FloatProperty, FulltextIndex, IntegerProperty, RelationshipFrom, RelationshipTo, StringProperty, StructuredNode, StructuredRel, VectorIndex, ArrayProperty\n";

function node(name: string, kgid: string, ...lines: string[]): string {
  return `\n\nclass ${name}(StructuredNode):\n    __kgid__ = "${kgid}"\n\n${
    lines.map((line) => `    ${line}\n`).join("")
  }`;
}

const NAME = "name = StringProperty(unique_index=True)";
const CITY = node("City", "city_v1", NAME);

/** Models over time, with the renames that a person tells. */
const STORY: [models: string, renames: string[], loses: boolean][] = [
  [CITY, [], false],
  [CITY + node("Person", "person_v1", NAME, "age = IntegerProperty()"), [], false],
  [
    CITY +
    node(
      "Person",
      "person_v1",
      NAME,
      "age = IntegerProperty(index=True)",
      'lives = RelationshipTo("City", "LIVES_IN")',
    ),
    [],
    false,
  ],
  [
    CITY +
    node(
      "Human",
      "person_v1",
      NAME,
      "age = IntegerProperty(index=True)",
      'lives = RelationshipTo("City", "LIVES_IN")',
    ),
    [],
    false,
  ],
  [
    CITY +
    node(
      "Human",
      "person_v1",
      NAME,
      "years = IntegerProperty(index=True)",
      'lives = RelationshipTo("City", "LIVES_IN")',
    ),
    ["Human.age=years"],
    false,
  ],
  [
    CITY +
    node(
      "Human",
      "person_v1",
      NAME,
      "years = StringProperty()",
      'lives = RelationshipTo("City", "LIVES_IN")',
    ),
    [],
    false,
  ],
  [
    CITY +
    node(
      "Human",
      "person_v1",
      NAME,
      "years = StringProperty()",
      'lives = RelationshipFrom("City", "LIVES_IN")',
    ),
    [],
    false,
  ],
  [
    CITY + node(
      "Human",
      "person_v1",
      NAME,
      'years = StringProperty(default="0")',
      "bio = StringProperty(fulltext_index=FulltextIndex())",
      "v = ArrayProperty(FloatProperty(), vector_index=VectorIndex(dimensions=3))",
      'lives = RelationshipFrom("City", "LIVES_IN")',
    ),
    [],
    false,
  ],
  [CITY + node("Human", "person_v1", NAME, 'lives = RelationshipFrom("City", "LIVES_IN")'), [], true],
  [CITY + node("Human", "person_v1", NAME), [], false],
  [
    node("Town", "city_v1", NAME) + node("Human", "person_v1", "name = StringProperty(index=True)"),
    [],
    false,
  ],
];

for (const language of ["TypeScript", "Cypher"]) {
  Deno.test(`what crochet drafts in ${language} has no finding, but for what it loses`, async () => {
    await withProject({}, async (project) => {
      for (const [i, [models, renames]] of STORY.entries()) {
        project.write("models/all.py", IMPORTS + models);
        const flags = renames.flatMap((rename) => ["--rename", rename]);
        const { written } = await project.json(
          "create-migration",
          `step ${i}`,
          ...flags,
          ...(language === "Cypher" ? ["--cypher"] : []),
        );
        assert.ok(written, `step ${i}`);
      }
      const found = await lint(project);
      assert.deepEqual(found.filter(({ code }) => code !== "loses-data"), []);
      if (language === "TypeScript") {
        const lossy = STORY.flatMap((
          [, , loses],
          i,
        ) => (loses ? [`migrations/${String(i + 1).padStart(4, "0")}_step_${i}.ts`] : []));
        assert.deepEqual([...new Set(found.map(({ file }) => file))], lossy);
      }
    });
  });
}
