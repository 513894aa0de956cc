/**
 * Renamed properties: what a comment in the models says, what a draft spells out where nobody said anything, and what
 * an answer at a terminal does. The drafts are read from the files that the program writes.
 */
import assert from "node:assert/strict";
import { draftMigration } from "../lib/draft.ts";
import { openProject } from "../lib/project.ts";
import { type TestProject, withProject } from "./harness.ts";

const IMPORT =
  "from neomodel import ArrayProperty, EmailProperty, IntegerProperty, RelationshipTo, StringProperty, StructuredNode, StructuredRel";

/** A class with a kgid made from its name. */
const cls = (name: string, base: string, ...body: string[]) =>
  [`class ${name}(${base}):`, ...body, `__kgid__ = "${name.toLowerCase()}"`].join("\n    ") + "\n";
const person = (...body: string[]) => cls("Person", "StructuredNode", ...body);

interface Case {
  about: string;
  before: string[];
  after: string[];
  up: string[];
  down: string[];
}

const RENAMED = {
  up: ['renameNodeProperty("Person", "email", "mail")'],
  down: ['renameNodeProperty("Person", "mail", "email")'],
};
const LOST = { up: ['removeNodeProperty("Person", "email")'], down: [] };
const EMAIL = [person("email = StringProperty()")];
const to = (...body: string[]) => ({ before: EMAIL, after: [person(...body)] });
const FAMILY = (property: string) => [
  cls("Base", "StructuredNode", property),
  cls("Person", "Base", "age = IntegerProperty()"),
];
const ABSTRACT = (property: string) => [
  ["class Base(StructuredNode):", "__abstract_node__ = True", property].join("\n    ") + "\n",
  cls("Person", "Base"),
  cls("Robot", "Base"),
];
const REL = (property: string) => [
  cls("Since", "StructuredRel", property),
  person('knows = RelationshipTo("Person", "KNOWS", model=Since)'),
];

const CASES: Case[] = [
  {
    about: "is followed behind the property",
    ...to("mail = StringProperty()  # crochet: renamed from email"),
    ...RENAMED,
  },
  {
    about: "is followed in the line above",
    ...to("# crochet: renamed from email", "mail = StringProperty()"),
    ...RENAMED,
  },
  {
    about: "is followed among other comments above",
    ...to("# The address.", "# crochet:renamed   from email", "# Ask Ada.", "mail = StringProperty()"),
    ...RENAMED,
  },
  {
    about: "is followed behind a statement of several lines",
    ...to("mail = StringProperty(", "    index=False,", ")  # crochet: renamed from email, in May"),
    ...RENAMED,
  },
  {
    about: "is followed at an annotated property",
    ...to("mail: str = StringProperty()  # crochet: renamed from email"),
    ...RENAMED,
  },
  {
    about: "is followed with the type",
    ...to("mail = IntegerProperty()  # crochet: renamed from email"),
    up: [...RENAMED.up, 'convertNodeProperty("Person", "mail", "string", "integer")'],
    down: ['convertNodeProperty("Person", "mail", "integer", "string")', ...RENAMED.down],
  },
  {
    about: "is ignored where an empty line parts it from the property",
    ...to("# crochet: renamed from email", "", "mail = StringProperty()"),
    ...LOST,
  },
  {
    about: "is ignored at a property that was there",
    before: [person("age = StringProperty()", "email = StringProperty()")],
    after: [person("# crochet: renamed from email", "age = StringProperty()", "mail = StringProperty()")],
    ...LOST,
  },
  {
    about: "is followed for a name with any letters",
    before: [person("größe = StringProperty()")],
    after: [person("height = StringProperty()  # crochet: renamed from größe")],
    up: ['renameNodeProperty("Person", "größe", "height")'],
    down: ['renameNodeProperty("Person", "height", "größe")'],
  },
  {
    about: "is ignored in a text",
    ...to('mail = StringProperty(help_text="# crochet: renamed from email")'),
    ...LOST,
  },
  {
    about: "is ignored where the old property is still there",
    ...to("email = StringProperty()", "mail = StringProperty()  # crochet: renamed from email"),
    up: [],
    down: [],
  },
  {
    about: "is ignored once it is stale",
    before: [person("mail = StringProperty()  # crochet: renamed from email")],
    after: [person("mail = StringProperty(index=True)  # crochet: renamed from email")],
    up: ['addIndex("Person", "mail")'],
    down: ['dropIndex("Person", "mail")'],
  },
  {
    about: "is followed in a base class, once for all below it",
    before: FAMILY("email = StringProperty()"),
    after: FAMILY("mail = StringProperty()  # crochet: renamed from email"),
    up: ['renameNodeProperty("Base", "email", "mail")'],
    down: ['renameNodeProperty("Base", "mail", "email")'],
  },
  {
    about: "is followed in an abstract base class, for each class below it",
    before: ABSTRACT("email = StringProperty()"),
    after: ABSTRACT("mail = StringProperty()  # crochet: renamed from email"),
    up: ['renameNodeProperty("Person", "email", "mail")', 'renameNodeProperty("Robot", "email", "mail")'],
    down: ['renameNodeProperty("Robot", "mail", "email")', 'renameNodeProperty("Person", "mail", "email")'],
  },
  {
    about: "is followed in a relationship's model",
    before: REL("when = StringProperty(index=True)"),
    after: REL("since = StringProperty(index=True)  # crochet: renamed from when"),
    up: [
      'dropRelationshipIndex("KNOWS", "when")',
      'renameRelationshipProperty("KNOWS", "when", "since")',
      'addRelationshipIndex("KNOWS", "since")',
    ],
    down: [
      'dropRelationshipIndex("KNOWS", "since")',
      'renameRelationshipProperty("KNOWS", "since", "when")',
      'addRelationshipIndex("KNOWS", "when")',
    ],
  },
];

for (const { about, before, after, up, down } of CASES) {
  Deno.test(`the comment of a rename ${about}`, async () => {
    await withModels(before, async (project) => {
      write(project, after);
      assert.deepEqual(operations(await draft(project, "change", "--empty")), { up, down });
    });
  });
}

/** Comments that were meant as a rename and name nothing, with what is said of them. */
const WRONG: [comment: string, said: RegExp][] = [
  ["# crochet: rename from email", /"crochet: rename from email" cannot be understood/],
  ["# crochet renamed from email", /"crochet renamed from email" cannot be understood/],
  ["# Crochet: renamed email", /write: # crochet: renamed from OLD_NAME/],
  ["# crochet: renamed from emial", /had no property "emial"[^]*did you mean "email"\?/],
];

for (const [comment, said] of WRONG) {
  Deno.test(`the comment ${comment} is refused at its line, and nothing is written`, async () => {
    await withModels(EMAIL, async (project) => {
      write(project, [person(`mail = StringProperty()  ${comment}`)]);
      const before = project.list("migrations");
      const { code, err } = await project.run("create-migration", "change");
      assert.equal(code, 2, err);
      assert.match(err, said);
      assert.match(err, /models\/m\.py:5/);
      assert.deepEqual(project.list("migrations"), before);
    });
  });
}

/** Models before and after, and the candidate that the draft spells out. */
const OPEN: [about: string, before: string[], after: string[], notes: string[]][] = [
  ["a property that left while one of its kind came", EMAIL, [person("mail = EmailProperty()")], [
    'Was Person.email renamed to mail? Then draft again with --rename Person.email=mail, which writes: await ctx.renameNodeProperty("Person", "email", "mail");',
  ]],
  [
    "every pair",
    [person("a = StringProperty()", "b = StringProperty()", "n = IntegerProperty()")],
    [person("c = StringProperty()", "m = IntegerProperty()")],
    ["a renamed to c", "b renamed to c", "n renamed to m"].map((pair) => {
      const [old, now] = pair.split(" renamed to ");
      return `Was Person.${pair}? Then draft again with --rename Person.${old}=${now}, which writes: await ctx.renameNodeProperty("Person", "${old}", "${now}");`;
    }),
  ],
  [
    "a property of a base class, once",
    FAMILY("email = StringProperty()"),
    FAMILY("mail = StringProperty()"),
    [
      'Was Base.email renamed to mail? Then draft again with --rename Base.email=mail, which writes: await ctx.renameNodeProperty("Base", "email", "mail");',
    ],
  ],
  ["a property of a relationship's model", REL("when = StringProperty()"), REL("since = StringProperty()"), [
    'Was Since.when renamed to since? Then draft again with --rename Since.when=since, which writes: await ctx.renameRelationshipProperty("KNOWS", "when", "since");',
  ]],
  ["nothing where the kinds differ", EMAIL, [person("mail = IntegerProperty()")], []],
  ["nothing where one of the two stays", EMAIL, [
    person("email = StringProperty()", "mail = StringProperty()"),
  ], []],
  ["nothing where the stored name stays", EMAIL, [
    person('mail = StringProperty(db_property="email")'),
  ], []],
];

for (const [about, before, after, notes] of OPEN) {
  Deno.test(`a draft without an answer spells out ${about}`, async () => {
    for (const flag of [[], ["--cypher"]]) {
      await withModels(before, async (project) => {
        write(project, after);
        const text = await draft(project, "change", "--empty", ...flag);
        const found = text.split("\n").map((line) => line.trim()).filter((line) =>
          line.startsWith("// Was ")
        );
        assert.deepEqual(found, notes.map((note) => `// ${note}`), flag.join());
      });
    }
  });
}

Deno.test("a draft that is made again with --rename is as the comment says", async () => {
  await withModels(EMAIL, async (project) => {
    write(project, [person("mail = StringProperty()")]);
    assert.deepEqual(operations(await draft(project, "change", "--rename", "Person.email=mail")), RENAMED);
  });
});

/** Answers, by question, and the operations that follow. */
const ASKED: [about: string, answers: Record<string, string | null>, up: string[]][] = [
  ["yes", { "a c": "yes" }, [
    'renameNodeProperty("Person", "a", "c")',
    'removeNodeProperty("Person", "b")',
  ]],
  ["Y with white space", { "a c": " Y " }, [
    'renameNodeProperty("Person", "a", "c")',
    'removeNodeProperty("Person", "b")',
  ]],
  ["no and then yes", { "a c": "no", "a d": "n", "b c": "y" }, [
    'renameNodeProperty("Person", "b", "c")',
    'removeNodeProperty("Person", "a")',
  ]],
  ["yes to both", { "a c": "n", "a d": "y", "b c": "y" }, [
    'renameNodeProperty("Person", "a", "d")',
    'renameNodeProperty("Person", "b", "c")',
  ]],
  ["an empty line", {}, ['removeNodeProperty("Person", "a")', 'removeNodeProperty("Person", "b")']],
];

Deno.test("draftMigration() asks again after another word, and writes nothing where the answers end", async () => {
  await withModels([person("a = StringProperty()")], (project) => {
    write(project, [person("c = StringProperty()")]);
    const answers: (string | null)[] = ["yesterday", null];
    const before = project.list("migrations");
    const request = { description: "x", language: "ts", empty: false, unsafe: false, renames: [] } as const;
    assert.throws(() =>
      draftMigration(openProject(project.root, { variables: {} }), {
        ...request,
        renames: [],
        ask: () => answers.shift()!,
      }), /was not answered, and nothing was written/);
    assert.deepEqual([answers, project.list("migrations")], [[], before]);
    return Promise.resolve();
  });
});

for (const [about, answers, up] of ASKED) {
  Deno.test(`draftMigration() asks a person, who answers ${about}`, async () => {
    await withModels([person("a = StringProperty()", "b = StringProperty()")], (project) => {
      write(project, [person("c = StringProperty()", "d = StringProperty()")]);
      const questions: string[] = [];
      const made = draftMigration(openProject(project.root, { variables: {} }), {
        description: "change",
        language: "ts",
        empty: false,
        unsafe: false,
        renames: [],
        ask: (question) => {
          questions.push(question);
          const [, old, now] = /^Was Person\.(\w+) renamed to (\w+)\? \[y\/N\]$/.exec(question)!;
          const answer = answers[`${old} ${now}`];
          return answer === undefined ? "" : answer;
        },
      });
      const text = project.read(made.files[0]);
      assert.deepEqual(operations(text).up, up);
      assert.doesNotMatch(text, /Was Person/);
      assert.equal(new Set(questions).size, questions.length, "a question is asked once");
      const taken = Object.entries(answers).filter(([, answer]) => /^\s*y(es)?\s*$/i.test(answer ?? ""));
      for (const [pair] of taken) {
        const [old, now] = pair.split(" ");
        const later = questions.slice(
          questions.findIndex((q) => q.includes(`${old} renamed to ${now}?`)) + 1,
        );
        assert.ok(
          later.every((q) => !q.includes(`.${old} `) && !q.includes(` ${now}?`)),
          `${pair} is decided: ${later}`,
        );
      }
    });
  });
}

/** A project with models and their first migration. */
async function withModels(
  models: string[],
  work: (project: TestProject) => Promise<void> | void,
): Promise<void> {
  await withProject({}, async (project) => {
    write(project, models);
    await project.ok("create-migration", "first");
    await work(project);
  });
}

function write(project: TestProject, models: string[]): void {
  project.write("models/m.py", [IMPORT, "", "", ...models].join("\n"));
}

/** Drafts a migration and gives its text. */
async function draft(project: TestProject, ...args: string[]): Promise<string> {
  const { files } = await project.json("create-migration", ...args);
  return project.read(files[0]);
}

/** The calls of a migration, in order. */
function operations(text: string): { up: string[]; down: string[] } {
  const [up, down] = text.split("export async function downgrade").map((part) =>
    [...part.matchAll(/^ {2}await ctx\.(.*);$/gm)].map(([, call]) => call)
  );
  return { up, down };
}
