/**
 * What people get wrong, where no server is needed: a clear refusal with the place and the next step, nothing
 * written, nothing lost. Descriptions and names that look wrong but are not must work.
 */
import assert from "node:assert/strict";
import { crochet, type Outcome, TestProject, withFolder, withProject } from "./harness.ts";

const SECRET = "hunter2-very-secret";
const FRAME = /^\s+at .*:\d+:\d+\)?$/m;

/** What a refused command must say. */
interface Refusal {
  says: (RegExp | string)[];
  hint?: RegExp;
  code?: number;
  /** Run it again with --debug and look for secrets. */
  debug?: boolean;
}

/** Everything in a folder: path and content; the ledger only by name, since SQLite may tidy its file. */
function tree(folder: string, prefix = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    const name = prefix + entry.name;
    if (entry.isDirectory) Object.assign(found, tree(path, name + "/"));
    else if (!/ledger\.db/.test(name)) found[name] = Deno.readTextFileSync(path);
    else if (name.endsWith("ledger.db")) found[name] = "";
  }
  return found;
}

/** No stack trace, no secret, no confession of a bug. */
function checkClean({ out, err }: Outcome, what: string, debug = false): void {
  const text = out + err;
  assert.ok(!text.includes(SECRET), `${what}: the secret is in the output:\n${text}`);
  assert.doesNotMatch(text, /fault of crochet|internal error|\[object Object\]|undefined:/i, what);
  if (!debug) assert.doesNotMatch(text, FRAME, `${what}: a stack trace`);
}

function checkRefusal(outcome: Outcome, { says, hint, code = 2 }: Refusal, what: string): void {
  const shown = `${what}\nexit ${outcome.code}\n${outcome.out}${outcome.err}`;
  assert.equal(outcome.code, code, shown);
  checkClean(outcome, what);
  for (const words of says) {
    const there = typeof words === "string" ? outcome.err.includes(words) : words.test(outcome.err);
    assert.ok(there, `${words} is not said by ${shown}`);
  }
  const next = /^Hint: (.+)/m.exec(outcome.err)?.[1];
  assert.ok(next, `no hint: ${shown}`);
  if (hint) assert.match(outcome.err.slice(outcome.err.indexOf("Hint: ")), hint, shown);
}

/** Runs a command that must be refused and leave every file as it was. */
async function refused(project: TestProject, args: string[], refusal: Refusal): Promise<void> {
  const before = tree(project.root);
  const outcome = await project.run(...args);
  checkRefusal(outcome, refusal, `crochet ${args.join(" ")}`);
  assert.deepEqual(tree(project.root), before, `crochet ${args.join(" ")} wrote something`);
  if (!refusal.debug) return;
  const debug = await project.run(...args, "--debug");
  assert.equal(debug.code, outcome.code);
  checkClean(debug, `crochet ${args.join(" ")} --debug`, true);
}

/** A text with one part replaced, which must be there. */
function replaced(text: string, part: string | RegExp, by: string): string {
  const result = text.replace(part, () => by);
  assert.notEqual(result, text, `${part} is not in:\n${text}`);
  return result;
}

/** Puts another body into a function of a migration. */
function withBody(text: string, direction: "upgrade" | "downgrade", body: string): string {
  return text.replace(
    new RegExp(`(${direction}\\(ctx: MigrationContext\\): Promise<void> \\{\\n)[^]*?(\\n\\}\\n)`),
    (_, head, tail) => head + body + tail,
  );
}

/** Line, from 1, on which a text stands. */
function lineOf(text: string, part: string): number {
  const index = text.indexOf(part);
  assert.notEqual(index, -1, `${part} is not there`);
  return text.slice(0, index).split("\n").length;
}

const FIRST = "migrations/0001_add_person.ts";
const SECOND = "migrations/0002_add_book.ts";

/** A project with two migrations, put back as it was after each case. */
async function withTwoMigrations(
  work: (
    project: TestProject,
    step: (name: string, change: () => void, check: () => Promise<void>) => Promise<void>,
  ) => Promise<void>,
): Promise<void> {
  await withProject({}, async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "add person");
    await project.ok("create-node", "Book");
    await project.ok("create-migration", "add book");
    project.write(
      "crochet.toml",
      project.read("crochet.toml") + "\n[migrations]\ntime_limit_seconds = 1\n",
    );
    const original = tree(project.root);
    const failures: string[] = [];
    await work(project, async (name, change, check) => {
      try {
        change();
        await check();
      } catch (error) {
        failures.push(`${name}: ${(error as Error).message}`);
      }
      for (const path of Object.keys(tree(project.root))) {
        if (!(path in original)) Deno.removeSync(`${project.root}/${path}`);
      }
      for (const [path, text] of Object.entries(original)) {
        if (!path.includes("ledger.db")) project.write(path, text);
      }
    });
    if (failures.length > 0) assert.fail(failures.join("\n\n"));
  });
}

/** Runs every case and tells of all that fail, so that one does not hide the others. */
async function each<T>(
  cases: Record<string, T>,
  check: (item: T, name: string) => Promise<void>,
  atOnce = 1,
): Promise<void> {
  const failures: string[] = [];
  const waiting = Object.entries(cases);
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, item] = next;
      await check(item, name).catch((error: Error) => failures.push(`${name}: ${error.message}`));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (failures.length > 0) assert.fail(failures.join("\n\n"));
}

Deno.test("a folder without a project is told apart, and stays empty", async () => {
  await withFolder(async (folder) => {
    const project = new TestProject(folder);
    const commands = [
      ["status"],
      ["plan", "--offline"],
      ["upgrade"],
      ["downgrade"],
      ["verify"],
      ["models"],
      ["kgid"],
      ["ledger", "rebuild"],
      ["unlock"],
      ["create-node", "Person"],
      ["create-relationship", "Knows", "--rel-type", "KNOWS"],
      ["create-migration", "x"],
    ];
    for (const args of commands) {
      await refused(project, args, { says: ["crochet.toml", folder], hint: /crochet new-project --name/ });
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("crochet.toml is refused with the line and what was meant", async () => {
  await withProject({}, async (project) => {
    await each<[string, Refusal]>({
      "broken TOML": ['[project]\nname = "p\n', { says: [/crochet\.toml:2:\d+/], hint: /quotes/ }],
      "broken TOML beside a secret": [
        `[neo4j]\npassword = "${SECRET}\n`,
        { says: [/crochet\.toml:2:\d+/] },
      ],
      "a table given twice": ["[project]\n[project]\n", { says: [/crochet\.toml:2/] }],
      "unknown key": ['[project]\nname = "p"\nmodel_path = "models"\n', {
        says: ["crochet.toml:3", '"model_path"'],
        hint: /did you mean "models_path"/,
      }],
      "unknown key without a near match": ["[ledger]\nzebra = 1\n", {
        says: ["crochet.toml:2", '"zebra"'],
        hint: /known keys: path/,
      }],
      "unknown table": ['[neo4]\nuri = "bolt://localhost"\n', {
        says: ["crochet.toml:1", '"neo4"'],
        hint: /did you mean \[neo4j\]/,
      }],
      "key outside of a table": ['uri = "bolt://localhost"\n', { says: ["crochet.toml:1", '"uri"'] }],
      "dotted key": ['neo4j.urri = "bolt://localhost"\n', {
        says: ["crochet.toml", '"urri"'],
        hint: /"uri"/,
      }],
      "a password": [`[neo4j]\nuri = "bolt://localhost"\npassword = "${SECRET}"\n`, {
        says: ["crochet.toml:3", /password/],
        hint: /CROCHET_NEO4J_PASSWORD/,
      }],
      "a password of an environment": [`[env.live]\npassword = "${SECRET}"\n`, {
        says: ["crochet.toml:2", /password/],
        hint: /CROCHET_NEO4J_PASSWORD/,
      }],
      "wrong type": ["[neo4j]\nuri = 7687\n", { says: ["crochet.toml:2", '"uri"'], hint: /uri = "/ }],
      "time limit of nothing": ["[migrations]\ntime_limit_seconds = 0\n", { says: ["crochet.toml:2"] }],
      "a table that is a value": ["neo4j = 1\n", { says: ["crochet.toml:1"], hint: /\[neo4j\]/ }],
      "models outside of the project": ['[project]\nmodels_path = "../models"\n', {
        says: ["crochet.toml", "models_path", "../models"],
      }],
    }, async ([text, refusal]) => {
      project.write("crochet.toml", text);
      await refused(project, ["plan", "--offline"], { ...refusal, debug: true });
    });
    project.write("crochet.toml", '[env.staging]\nuri = "bolt://staging"\n');
    await refused(project, ["plan", "--offline", "--env", "stagin"], {
      says: ['"stagin"', "crochet.toml"],
      hint: /--env staging/,
    });
  });
});

Deno.test("a URI is refused before anything is sent, and its password is never shown", async () => {
  await withProject({}, async (project) => {
    await each<[string, Refusal]>({
      "unknown scheme": ["blt://localhost:7687", { says: ['"blt"'], hint: /bolt:\/\// }],
      "no scheme": ["localhost:7687", { says: [/scheme/], hint: /bolt:\/\// }],
      "web address": ["https://localhost:7473", { says: ['"https"'], hint: /bolt/ }],
      "a password inside": [`bolt://neo4j:${SECRET}@localhost:7687`, {
        says: [/password/],
        hint: /CROCHET_NEO4J_PASSWORD/,
      }],
      "a password with an @ inside": [`bolt://neo4j:a@${SECRET}@localhost:7687`, {
        says: [/password/],
        hint: /CROCHET_NEO4J_PASSWORD/,
      }],
      "a password with a slash inside": [`bolt://neo4j:${SECRET}/${SECRET}@localhost:7687`, {
        says: [/password/],
        hint: /CROCHET_NEO4J_PASSWORD/,
      }],
      "an unknown scheme and a password": [`blt://neo4j:${SECRET}@localhost:7687`, { says: ['"blt"'] }],
      "a space": ["bolt://local host", { says: [/URI/] }],
      "a port that is none": ["bolt://localhost:seven", { says: [/URI/] }],
      "nothing after the scheme": ["bolt://", { says: [/URI/] }],
    }, async ([uri, refusal]) => {
      const variables = project.with({ CROCHET_NEO4J_URI: uri, CROCHET_NEO4J_PASSWORD: "abcd" });
      for (const args of [["upgrade"], ["status"], ["verify"]]) await refused(variables, args, refusal);
      const json = await variables.run("upgrade", "--json", "--debug");
      checkClean(json, "--json --debug", true);
    });
    // The same in the file.
    project.write("crochet.toml", `[neo4j]\nuri = "bolt://neo4j:${SECRET}@localhost:7687"\n`);
    await refused(project.with({ CROCHET_NEO4J_PASSWORD: "abcd" }), ["upgrade"], {
      says: [/password/],
      hint: /CROCHET_NEO4J_PASSWORD/,
    });
  });
});

const NODE = (name: string, kgid: string) =>
  `from neomodel import StringProperty, StructuredNode\n\n\nclass ${name}(StructuredNode):\n    __kgid__ = "${kgid}"\n\n    name = StringProperty()\n`;

Deno.test("models that cannot be known are refused with the place and the way out", async () => {
  await each<{ files: Record<string, string>; refusal: Refusal }>({
    "syntax error": {
      files: {
        "models/person.py":
          "from neomodel import StructuredNode\n\n\nclass Person(StructuredNode:\n    pass\n",
      },
      refusal: { says: [/models\/person\.py:4:\d+/] },
    },
    "wrong indentation": {
      files: {
        "models/person.py":
          'from neomodel import StructuredNode\n\n\nclass Person(StructuredNode):\n    __kgid__ = "p"\n  name = 1\n',
      },
      refusal: { says: [/models\/person\.py:6:\d+/] },
    },
    "Python 2": {
      files: { "models/person.py": 'print "hello"\n' },
      refusal: { says: [/models\/person\.py:1:\d+/] },
    },
    "an encoding that nobody knows": {
      files: { "models/person.py": "# coding: no-such-codec\n" },
      refusal: { says: [/models\/person\.py:1/], hint: /UTF-8/ },
    },
    "two equal kgids": {
      files: { "models/a.py": NODE("Person", "same_v1"), "models/b.py": NODE("Book", "same_v1") },
      refusal: { says: ["same_v1", /models\/b\.py:\d+/, /models\/a\.py:\d+/], hint: /__kgid__/ },
    },
    "no kgid": {
      files: { "models/person.py": NODE("Person", "x").replace('    __kgid__ = "x"\n\n', "") },
      refusal: {
        says: [/models\/person\.py:4/, "Person"],
        hint: /__kgid__ = "person_v1".*crochet kgid --write/,
      },
    },
    "a base from a function call": {
      files: {
        "models/person.py":
          'from elsewhere import registry\nfrom neomodel import StringProperty, StructuredNode\n\n\ndef base():\n    return registry[0]\n\n\nclass Person(base()):\n    __kgid__ = "p"\n    name = StringProperty()\n',
      },
      refusal: { says: [/models\/person\.py:9/, "Person"] },
    },
    "a base from a function call, known by its kgid only": {
      files: {
        "models/person.py":
          'from elsewhere import registry\nfrom neomodel import StructuredNode\n\n\ndef base():\n    return registry[0]\n\n\nclass Person(base()):\n    __kgid__ = "p"\n',
      },
      refusal: { says: [/models\/person\.py:9/, "Person"] },
    },
    "a base from a function that is imported from elsewhere": {
      files: {
        "models/person.py":
          'from elsewhere import base\nfrom neomodel import StringProperty\n\n\nclass Person(base()):\n    __kgid__ = "p"\n    name = StringProperty()\n',
      },
      refusal: { says: [/models\/person\.py:[15]/] },
    },
    "a metaclass": {
      files: {
        "models/person.py":
          'from neomodel import StructuredNode\n\n\nclass Meta(type):\n    pass\n\n\nclass Person(StructuredNode, metaclass=Meta):\n    __kgid__ = "p"\n',
      },
      refusal: { says: [/models\/person\.py:8/, /metaclass/] },
    },
    "a class under an if that is not known": {
      files: {
        "models/person.py":
          'import os\nfrom neomodel import StructuredNode\n\nif os.environ.get("BIG"):\n\n    class Person(StructuredNode):\n        __kgid__ = "p"\n',
      },
      refusal: { says: [/models\/person\.py:[46]/] },
    },
    "a base that depends on an if that is not known": {
      files: {
        "models/person.py":
          'import os\nfrom neomodel import StructuredNode, StringProperty\n\nif os.environ.get("BIG"):\n    Base = StructuredNode\nelse:\n    Base = object\n\n\nclass Person(Base):\n    __kgid__ = "p"\n    name = StringProperty()\n',
      },
      refusal: { says: [/models\/person\.py:\d+/] },
    },
    "an import that finds nothing": {
      files: {
        "models/person.py": 'from .missing import Base\n\n\nclass Person(Base):\n    __kgid__ = "p"\n',
      },
      refusal: { says: [/models\/person\.py:1/, "missing"], hint: /roots|import/ },
    },
  }, async ({ files, refusal }) => {
    await withProject(files, async (project) => {
      await refused(project, ["create-migration", "x"], refusal);
      await refused(project, ["create-migration", "x", "--empty"], refusal);
      const models = await project.run("models");
      checkClean(models, "crochet models");
      assert.deepEqual(project.list("migrations"), ["crochet.d.ts", "tsconfig.json"]);
    });
  }, 4);
});

Deno.test("descriptions of any kind make a valid file name and a migration that can be loaded", async () => {
  const descriptions = {
    "non-Latin letters": "人物を追加する",
    "other non-Latin letters": "Добавить узел",
    "emoji": "🧶🧵",
    "500 characters": "add a person ".repeat(39).slice(0, 500),
    "500 without a space": "x".repeat(500),
    "quotes": `say "hello" to 'them' and \`us\` \${process.exit(1)}`,
    "end of a comment": "close */ throw new Error('out'); /* open",
    "newlines": "one\ntwo\r\nthree\u2028four",
    "newline and code": "one\nexport const revisionId = 'evil';\n",
    "backslashes": "C:\\new\\u0060 \\",
    "a template's braces": "{{ revisionId }} and $& and $1",
    "a path": "../../evil/../name",
    "a line of the Cypher header": "crochet: upgrade",
    "another line of the Cypher header": 'crochet: revisionId = "evil"',
    "a setting that the Cypher header does not know": "crochet: note = later",
    "a control character": "bell\u0007 and escape \u001b[31m",
    "dots": "...",
  };
  await withProject({}, async (project) => {
    await project.ok("create-node", "Person");
    const inCypher = /quotes|comment|newline|braces|Cypher/;
    await each(descriptions, async (description, name) => {
      for (const more of inCypher.test(name) ? [[], ["--cypher"]] : [[]]) {
        const before = Object.keys(tree(project.root));
        const outcome = await project.run("create-migration", description, "--empty", ...more);
        checkClean(outcome, "create-migration");
        assert.equal(outcome.code, 0, outcome.err);
        const added = Object.keys(tree(project.root)).filter((path) => !before.includes(path));
        assert.equal(added.length, 2, added.join());
        try {
          for (const path of added) {
            assert.match(path, /^migrations\/\d{4}_[a-z0-9_]+\.(ts|cypher|schema\.json)$/);
            assert.ok(path.length < 120, path);
          }
          const plan = await project.run("plan", "--offline");
          assert.equal(plan.code, 0, plan.err);
          checkClean(plan, "plan");
          assert.ok(plan.out.includes(added[0].replace(/^migrations\/|\..*$/g, "")), plan.out);
          assert.match(plan.out, /1 revision, 1 operation/, plan.out);
        } finally {
          added.forEach((path) => Deno.removeSync(`${project.root}/${path}`));
        }
      }
    });
    for (const description of ["", "   ", "\n"]) {
      await refused(project, ["create-migration", description], {
        says: [/description is empty/],
        hint: /create-migration "/,
      });
    }
  });
});

Deno.test("new-project never touches a project that is there", async () => {
  await withFolder(async (folder) => {
    const outside = new TestProject(folder);
    await outside.ok("new-project", "--name", "p");
    const project = new TestProject(`${folder}/p`);
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "x");
    await refused(outside, ["new-project", "--name", "p"], { says: [`${folder}/p`, /nothing was written/] });
    await refused(project, ["new-project", "--name", "q", "--in-place"], { says: [`${folder}/p`] });
    for (const name of ["", "  ", ".", "..", "../evil", "a/b", "a\\b", "a\nb"]) {
      await refused(outside, ["new-project", "--name", name], { says: [/name/] });
    }
    // A folder with files of its own keeps them.
    outside.write("full/models/person.py", "# mine\n");
    outside.write("full/.gitignore", "*.log");
    await outside.ok("new-project", "--name", "full");
    assert.equal(outside.read("full/models/person.py"), "# mine\n");
    assert.equal(outside.read("full/.gitignore"), "*.log\n.crochet/\n");
    // A file where a folder should be.
    outside.write("file", "mine");
    const onFile = await outside.run("new-project", "--name", "file");
    checkRefusal(onFile, { says: ["file"] }, "new-project over a file");
    assert.equal(outside.read("file"), "mine");
  });
});

Deno.test("create-node refuses what cannot be a class, and never overwrites unasked", async () => {
  await withProject({}, async (project) => {
    for (
      const name of [
        "My Node",
        "class",
        "None",
        "../evil",
        "1abc",
        "",
        " ",
        "a.b",
        "a-b",
        "É!",
        "Node;",
        "a\nb",
        "🧶",
      ]
    ) {
      await refused(project, ["create-node", "--", name], {
        says: [/cannot be the name of a class/],
        hint: /Person/,
      });
      await refused(project, ["create-relationship", "--rel-type", "KNOWS", "--", name], {
        says: [/cannot be the name of a class/],
        hint: /Person/,
      });
    }
    await refused(project, ["create-node", "StructuredNode"], { says: [/neomodel/] });

    await project.ok("create-node", "Person");
    project.write("models/person.py", project.read("models/person.py") + "\n# mine\n");
    await refused(project, ["create-node", "Person"], { says: ["person.py"], hint: /--force/ });
    await refused(project, ["create-relationship", "Person", "--rel-type", "X"], {
      says: ["person.py"],
      hint: /--force/,
    });
    await project.ok("create-node", "Person", "--force");
    assert.doesNotMatch(project.read("models/person.py"), /# mine/);
    assert.match(project.read("models/person.py"), /__kgid__ = "person_v1"/);
    await refused(project, ["create-node", "Book", "--kgid", "person_v1"], { says: ["person_v1"] });
    await refused(project, ["create-node", "Book", "--kgid", ""], { says: [/kgid/] });
    // Names of other scripts are names in Python.
    await project.ok("create-node", "Größe");
    await project.ok("create-node", "人物");
    const kgids = (await project.json("models")).nodes.map((node: { kgid: string }) => node.kgid);
    assert.equal(new Set(kgids).size, 3, kgids.join());
    await project.ok("create-migration", "x");
    assert.equal((await project.run("plan", "--offline")).code, 0);
  });
});

Deno.test("create-relationship writes valid Python whatever the type holds", async () => {
  await withProject({}, async (project) => {
    const types = [
      'say "hi"',
      "it's",
      "KNOWS WELL",
      "🧶 liebt 🧵",
      "back\\slash",
      "ends with \\",
      "`tick`",
      "{{ name }}",
      "%s",
      '"""',
      "\\u0060",
      "友達",
      "x".repeat(300),
      "#",
    ];
    for (const [i, type] of types.entries()) {
      await project.ok("create-relationship", `Rel${i}`, "--rel-type", type);
    }
    const files = types.map((_, i) => `models/rel${i}.py`);
    const compile = await new Deno.Command("python3", {
      args: ["-m", "py_compile", ...files],
      cwd: project.root,
      stderr: "piped",
    }).output();
    assert.equal(compile.code, 0, new TextDecoder().decode(compile.stderr));
    Deno.removeSync(`${project.root}/models/__pycache__`, { recursive: true });
    const { relationshipModels } = await project.json("models");
    const read = Object.fromEntries(
      relationshipModels.map((model: { class: string; types: string[] }) => [
        model.class.split(".").at(-1),
        model.types,
      ]),
    );
    assert.deepEqual(read, Object.fromEntries(types.map((type, i) => [`Rel${i}`, [type]])));
    const python = await new Deno.Command("python3", {
      args: [
        "-c",
        "import ast, json, sys\nfor f in sys.argv[1:]:\n  body = ast.parse(open(f, encoding='utf-8').read()).body[-1].body\n  print(json.dumps([ast.literal_eval(s.value) for s in body if s.targets[0].id == '__type__'][0]))",
        ...files,
      ],
      cwd: project.root,
    }).output();
    assert.deepEqual(
      new TextDecoder().decode(python.stdout).trim().split("\n").map((line) => JSON.parse(line)),
      types,
    );
    for (const type of ["", "  ", "a\nb"]) {
      await refused(project, ["create-relationship", "Other", "--rel-type", type], {
        says: [/relationship type/],
        hint: /FRIENDS_WITH/,
      });
    }
  });
});

Deno.test("a broken chain is named at its file, and nothing is written", async () => {
  await withTwoMigrations(async (project, step) => {
    const remove = (path: string) => Deno.removeSync(`${project.root}/${path}`);
    const edit = (path: string, part: string | RegExp, by: string) =>
      project.write(path, replaced(project.read(path), part, by));
    const check = async (refusal: Refusal, verifySays: RegExp) => {
      await refused(project, ["plan", "--offline"], refusal);
      await refused(project, ["create-migration", "more", "--empty"], refusal);
      const verify = await project.run("verify", "--offline");
      checkClean(verify, "verify --offline");
      assert.equal(verify.code, 1, verify.out + verify.err);
      assert.match(verify.out, verifySays);
    };
    const place = (path: string, part: string) =>
      `${path.split("/").at(-1)}:${lineOf(project.read(path), part)}`;

    await step(
      "edited after its child",
      () => edit(FIRST, "add person", "add a person"),
      () =>
        check({
          says: ["0001_add_person.ts", "0002_add_book.ts", /edited/],
          hint: /git checkout -- migrations\/0001_add_person\.ts/,
        }, /FAIL {2}hash chain\n.*0001_add_person\.ts/),
    );
    await step(
      "missing",
      () => remove(FIRST),
      () =>
        check(
          { says: ["0002_add_book.ts", '"0001_add_person"', /does not exist|missing/], hint: /Git/ },
          /FAIL {2}hash chain\n.*0001_add_person/,
        ),
    );
    await step("a cycle", () => {
      edit(FIRST, "parentId = null", 'parentId = "0002_add_book"');
      edit(FIRST, "parentDigest = null", `parentDigest = "${"0".repeat(64)}"`);
    }, () => check({ says: [/circle/, "0001_add_person", "0002_add_book"] }, /circle/));
    await step("its own parent", () => {
      edit(SECOND, 'parentId = "0001_add_person"', 'parentId = "0002_add_book"');
    }, () => check({ says: [/circle/, "0002_add_book"] }, /circle/));
    await step(
      "two heads",
      () => {
        project.write(
          "migrations/0003_other.ts",
          project.read(SECOND).replace("0002_add_book", "0003_other"),
        );
        project.write(
          "migrations/0003_other.schema.json",
          project.read("migrations/0002_add_book.schema.json"),
        );
      },
      () =>
        check(
          { says: [/2 heads/, "0002_add_book", "0003_other"], hint: /parentId/ },
          /2 heads/,
        ),
    );
    await step(
      "duplicate id",
      () => project.write("migrations/0003_copy.ts", project.read(SECOND)),
      () =>
        check(
          { says: [place("migrations/0003_copy.ts", "revisionId ="), '"0002_add_book"'], hint: /revisionId/ },
          /FAIL {2}files\n.*0003_copy\.ts/,
        ),
    );
    await step(
      "duplicate id in both languages",
      () => {
        const value = (name: string) => new RegExp(`${name} = (.*);`).exec(project.read(SECOND))![1];
        project.write(
          "migrations/0002_add_book.cypher",
          ["revisionId", "parentId", "parentDigest", "schemaHash", "rollbackSafe"].map((name) =>
            `// crochet: ${name} = ${value(name)}\n`
          ).join("") + "// crochet: upgrade\n// crochet: downgrade\n",
        );
      },
      () =>
        check(
          { says: ["0002_add_book.ts", "0002_add_book.cypher", /same revision id/] },
          /same revision id/,
        ),
    );
    await step(
      "wrong parent",
      () => edit(SECOND, '"0001_add_person"', '"0001_add_persn"'),
      () =>
        check(
          {
            says: [place(SECOND, "parentId ="), '"0001_add_persn"'],
            hint: /did you mean "0001_add_person"/,
          },
          /0001_add_persn/,
        ),
    );
    await step(
      "wrong parentDigest",
      () => edit(SECOND, /parentDigest = "[0-9a-f]+"/, `parentDigest = "${"0".repeat(64)}"`),
      () => check({ says: ["0001_add_person.ts", "0002_add_book.ts", "000000000000"] }, /000000000000/),
    );
    await step(
      "a place that editors can open from the project's folder",
      () => edit(SECOND, "rollbackSafe = true", "rollbackSafe = 1"),
      () =>
        refused(project, ["plan", "--offline"], {
          says: [`migrations/${place(SECOND, "rollbackSafe =")}`],
        }),
    );
    for (
      const [part, by, name] of [
        [/parentDigest = "[0-9a-f]+"/, 'parentDigest = "abc"', "parentDigest"],
        [/parentDigest = "[0-9a-f]+"/, "parentDigest = null", "parentDigest"],
        [/schemaHash = "[0-9a-f]+"/, 'schemaHash = "abc"', "schemaHash"],
        ["rollbackSafe = true", 'rollbackSafe = "yes"', "rollbackSafe"],
        ["rollbackSafe = true", "rollbackSafe = 1 + 1 == 2", "rollbackSafe"],
        ["rollbackSafe = true", "rollbackSafe = !0", "rollbackSafe"],
        ['revisionId = "0002_add_book"', 'revisionId = "0002_" + "add_book"', "revisionId"],
        [
          'revisionId = "0002_add_book";',
          'revisionId = "0002_add_book";\nexport const revisionId = "0002_add_book";',
          "revisionId",
        ],
      ] as const
    ) {
      await step(
        `header ${by}`,
        () => edit(SECOND, part, by),
        () => {
          const text = project.read(SECOND);
          const line = by.includes("\n") ? lineOf(text, "revisionId") + 1 : lineOf(text, by);
          return check({ says: [`0002_add_book.ts:${line}`, name] }, /FAIL {2}files\n.*0002_add_book/);
        },
      );
    }
    await step(
      "header line that is missing",
      () => edit(SECOND, /export const schemaHash.*\n/, ""),
      () => check({ says: ["0002_add_book.ts", '"schemaHash"'], hint: /schemaHash/ }, /0002_add_book/),
    );
    await step(
      "an empty file",
      () => project.write(SECOND, ""),
      () => check({ says: ["0002_add_book.ts"] }, /0002_add_book/),
    );
  });
});

Deno.test("a Cypher migration with a fault is refused at its line", async () => {
  await withProject({}, async (project) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "add person", "--cypher");
    const path = "migrations/0001_add_person.cypher";
    const original = project.read(path);
    const at = (part: string) => `0001_add_person.cypher:${lineOf(original, part)}`;
    await each<[string, string, Refusal]>({
      "no section": ["// crochet: downgrade\n", "", {
        says: ["0001_add_person.cypher", '"downgrade"'],
        hint: /\/\/ crochet: downgrade/,
      }],
      "no literal": ["rollbackSafe = true", "rollbackSafe = yes", {
        says: [at("rollbackSafe"), "rollbackSafe"],
      }],
      "misspelled setting": ["rollbackSafe = true", "rollbackSave = true", {
        says: [at("rollbackSafe"), '"rollbackSave"'],
        hint: /rollbackSafe/,
      }],
    }, async ([part, by, refusal]) => {
      project.write(path, replaced(original, part, by));
      await refused(project, ["plan", "--offline"], refusal);
    });
  });
});

Deno.test("a snapshot that is missing or was edited is named", async () => {
  await withTwoMigrations(async (project, step) => {
    const snapshot = "migrations/0002_add_book.schema.json";
    const check = async (refusal: Refusal) => {
      await refused(project, ["plan", "--offline"], refusal);
      await refused(project, ["create-migration", "more", "--empty"], refusal);
      const verify = await project.run("verify", "--offline");
      checkClean(verify, "verify --offline");
      assert.equal(verify.code, 1);
      assert.match(verify.out, /FAIL {2}snapshots\n.*0002_add_book\.schema\.json/);
    };
    const hint = /git checkout -- migrations\/0002_add_book\.schema\.json/;
    await step(
      "missing",
      () => Deno.removeSync(`${project.root}/${snapshot}`),
      () => check({ says: [snapshot, /missing/], hint }),
    );
    await step(
      "edited",
      () => project.write(snapshot, replaced(project.read(snapshot), '"name"', '"nome"')),
      () => check({ says: [snapshot, /edited/], hint }),
    );
    await step("broken", () => project.write(snapshot, "{"), () => check({ says: [snapshot], hint }));
    await step("empty", () => project.write(snapshot, ""), () => check({ says: [snapshot], hint }));
    await step(
      "something else",
      () => project.write(snapshot, "[]\n"),
      () => check({ says: [snapshot], hint: /Git/ }),
    );
  });
});

Deno.test("a migration that reaches for what it may not have is refused at its line", async () => {
  await withTwoMigrations(async (project, step) => {
    const original = project.read(SECOND);
    Deno.writeTextFileSync(`${project.root}/../outside.ts`, "export const x = 1;\n");
    const at = (text: string, part: string) => `0002_add_book.ts:${lineOf(text, part)}`;
    const inBody = (name: string, body: string, refusal: Refusal, marker = body) => {
      const text = withBody(original, "upgrade", `  await ctx.addIndex("Book", "title");\n  ${body}`);
      return step(
        name,
        () => project.write(SECOND, text),
        () =>
          refused(project, ["plan", "--offline"], { ...refusal, says: [at(text, marker), ...refusal.says] }),
      );
    };
    const onTop = (name: string, line: string, refusal: Refusal) => {
      const text = original.replace("\nexport const revisionId", `\n${line}\nexport const revisionId`);
      return step(
        name,
        () => project.write(SECOND, text),
        () =>
          refused(project, ["plan", "--offline"], { ...refusal, says: [at(text, line), ...refusal.says] }),
      );
    };

    const imports = /relative files of the migrations folder and "crochet"/;
    for (
      const specifier of [
        "node:fs",
        "fs",
        "npm:chalk",
        "jsr:@std/fs",
        "https://example.com/x.ts",
        "file:///etc/passwd",
        "data:text/javascript,export default 1",
        "../../outside.ts",
        "../models/person.py",
        "/etc/passwd",
      ]
    ) {
      await onTop(`import ${specifier}`, `import * as outside from "${specifier}";`, {
        says: [`"${specifier}"`],
        hint: imports,
      });
    }
    await onTop("export from", 'export * from "node:fs";', { says: ['"node:fs"'], hint: imports });
    await onTop("import of a file that is missing", 'import { x } from "./helper.ts";', {
      says: ['"./helper.ts"'],
      hint: /ending/,
    });
    await inBody("dynamic import", 'await import("node:fs");', { says: [/import\(/] });
    await inBody("dynamic import of a computed name", 'await import("node" + ":fs");', {
      says: [/import\(/],
    });
    await inBody("dynamic import of a neighbour", 'await import("./0001_add_person.ts");', {
      says: [/import\(/],
    });

    await inBody("TypeScript syntax error", "const x: = 1;", { says: [/0002_add_book\.ts:\d+:\d+/] });
    await inBody("enum", "enum A { B }", { says: [/0002_add_book\.ts:\d+:\d+/, /enum/] });

    const outside = /may not|not available/;
    await inBody("reading a file", 'Deno.readTextFileSync("/etc/passwd");', { says: [outside] });
    await inBody("reading the environment", 'Deno.env.get("HOME");', { says: [outside] });
    await inBody("process", "globalThis.process.env.HOME;", { says: [outside] }, "globalThis.process");
    await inBody("fetch", 'await fetch("https://example.com/");', { says: [outside] });
    await inBody("WebSocket", 'new WebSocket("ws://example.com/");', { says: [outside] });
    await inBody("a worker of its own", 'new Worker("data:text/javascript,");', { says: [outside] });
    await inBody("code from text", 'new Function("return 1")();', { says: [outside] });
    await inBody("eval", 'eval("1");', { says: [outside] });
    await inBody("constructor of a function", '(async () => {}).constructor("return 1")();', {
      says: [outside],
    });
    for (
      const clock of [
        "new Date()",
        "Date()",
        "Date.now()",
        "new (new Date(0).constructor as DateConstructor)()",
        "performance.now()",
        "new Intl.DateTimeFormat().format()",
        "performance.timeOrigin",
        "Temporal.Now.instant()",
        'new File([], "x").lastModified',
        'performance.mark("x").startTime',
      ]
    ) {
      await inBody(`clock: ${clock}`, `console.log(${clock});`, { says: [/not available/] });
    }
    for (
      const chance of ["Math.random()", "crypto.randomUUID()", "crypto.getRandomValues(new Uint8Array(4))"]
    ) {
      await inBody(`chance: ${chance}`, `console.log(${chance});`, { says: [/not available/] });
    }

    const limit = /time_limit_seconds/;
    await step(
      "endless loop in upgrade",
      () => project.write(SECOND, withBody(original, "upgrade", "  while (true) {}")),
      () => refused(project, ["plan", "--offline"], { says: ["0002_add_book.ts", /1 second/], hint: limit }),
    );
    await step(
      "endless loop at module level",
      () => project.write(SECOND, original + "\nwhile (true) {}\n"),
      () => refused(project, ["plan", "--offline"], { says: ["0002_add_book.ts", /1 second/], hint: limit }),
    );
    await step(
      "a promise that nobody keeps",
      () => project.write(SECOND, withBody(original, "upgrade", "  await new Promise(() => {});")),
      () => refused(project, ["plan", "--offline"], { says: ["0002_add_book.ts", /1 second/], hint: limit }),
    );
    await step(
      "endless asking",
      () =>
        project.write(
          SECOND,
          withBody(original, "upgrade", "  try { await ctx.addIndx(); } catch { for (;;) {} }"),
        ),
      () => refused(project, ["plan", "--offline"], { says: ["0002_add_book.ts"] }),
    );

    await inBody("an error of its own", 'throw new Error("boom");', { says: [/boom/] });
    await step(
      "a text that is thrown",
      () => project.write(SECOND, withBody(original, "upgrade", '  throw "boom";')),
      () => refused(project, ["plan", "--offline"], { says: ["0002_add_book.ts", /boom/] }),
    );
    await inBody("a name that does not exist", "await missing();", { says: [/missing is not defined/] });
    await step(
      "no downgrade",
      () => project.write(SECOND, original.replace(/export async function downgrade[^]*/, "")),
      () =>
        refused(project, ["plan", "--offline"], {
          says: ["0002_add_book.ts", '"downgrade"'],
          hint: /export async function downgrade/,
        }),
    );
    await step(
      "console.log",
      () => project.write(SECOND, withBody(original, "upgrade", '  console.log("talk");')),
      async () => {
        const { code, out } = await project.run("plan", "--offline", "--json");
        assert.equal(code, 0);
        assert.doesNotThrow(() => JSON.parse(out), `what a migration prints is talk, not data:\n${out}`);
      },
    );
  });
});

Deno.test("a wrong call of the context is shown with what was meant and where", async () => {
  await withTwoMigrations(async (project, step) => {
    const original = project.read(SECOND);
    const call = (line: string, refusal: Refusal) =>
      step(line, () => {
        project.write(SECOND, withBody(original, "upgrade", `  await ctx.addIndex("Book", "a");\n  ${line}`));
      }, async () => {
        await refused(project, ["plan", "--offline"], {
          ...refusal,
          says: [`0002_add_book.ts:${lineOf(project.read(SECOND), line)}`, ...refusal.says],
        });
      });
    await call('await ctx.addIndx("Book", "title");', {
      says: ["ctx.addIndx"],
      hint: /did you mean ctx\.addIndex/,
    });
    await call('await ctx.createNode("Book", []);', {
      says: ["ctx.createNode"],
      hint: /did you mean ctx\.createNodes/,
    });
    await call("await ctx.zebra();", { says: ["ctx.zebra"], hint: /crochet\.d\.ts/ });
    await call('await ctx.addIndex("Book");', {
      says: ["addIndex(label, property | properties)", /property/],
    });
    await call('await ctx.addIndex("Book", 5);', { says: ["addIndex(label, property | properties)", /5/] });
    await call('await ctx.addIndex("", "title");', { says: ["addIndex(label, property | properties)"] });
    await call('await ctx.addIndex("_CrochetX", "title");', { says: [/_crochet/] });
    await call('await ctx.addIndex("Book", "title", "more");', {
      says: ["addIndex(label, property | properties)"],
    });
    await call('await ctx.createNodes("Book", {});', { says: ["createNodes", /rows/] });
    await call('await ctx.createNodes("Book", [1]);', { says: ["createNodes", /row 1/] });
    await call("await ctx.createNodes([], [{}]);", { says: ["createNodes", /label/] });
    await call('await ctx.bulkCreateNodes("Book", [], { chunksize: 5 });', { says: [/"chunkSize"/] });
    await call('await ctx.bulkCreateNodes("Book", [], { chunkSize: 0 });', { says: [/chunkSize/] });
    await call('await ctx.upsertNodes("Book", [{ a: 1 }]);', { says: [/mergeKeys/] });
    await call('await ctx.upsertNodes("Book", [{ a: 1 }], { mergeKeys: ["b"] });', { says: [/"b"/] });
    await call('await ctx.createNodes("Book", [{ a: () => 1 }]);', { says: ["createNodes"] });
    await call('await ctx.createNodes("Book", [{ a: { b: 1 } }]);', { says: ["createNodes", /"a"/] });
    await call('await ctx.runCypher("");', { says: ["runCypher"] });
    await call('await ctx.runCypher("RETURN 1", 5);', { says: ["runCypher"] });
    await call('await ctx.createRelationships("A", "B", "C", [{ source: 1 }]);', { says: [/"target"/] });
    await call('await ctx.createRelationships("A", "B", "C", [{ source: 1, target: 2, since: 3 }]);', {
      says: [/"since"/, /"properties"/],
    });
    const unawaited = (line: string) =>
      step(
        `not awaited: ${line}`,
        () => project.write(SECOND, withBody(original, "upgrade", `  ${line}`)),
        () =>
          refused(project, ["plan", "--offline"], {
            says: ["0002_add_book.ts", line.replace(/^ctx\.(\w+).*/, "$1")],
            hint: /await ctx\./,
          }),
      );
    await unawaited('ctx.addIndex("Book", "title");');
    await unawaited('ctx.createNodes("Book", [{ name: "a" }]);');
  });
});

Deno.test("a target, a command or a flag that does not exist is answered with what was meant", async () => {
  await withTwoMigrations(async (project) => {
    const near = { says: ['"0001_add_persn"'], hint: /did you mean "0001_add_person"/ };
    await refused(project, ["plan", "--offline", "--target", "0001_add_persn"], near);
    await refused(project, ["upgrade", "--offline", "--dry-run", "--target", "0001_add_persn"], near);
    await refused(project, ["downgrade", "--offline", "--dry-run", "--target", "0001_add_persn"], near);
    await refused(project, ["plan", "--offline", "--target", "zebra"], {
      says: ['"zebra"'],
      hint: /0002_add_book/,
    });
    await refused(project, ["plan", "--offline", "--target", ""], { says: [/revision/] });
    for (const args of [["plan", "--offline"], ["upgrade", "--offline", "--dry-run"]]) {
      await refused(project, [...args, "--target", "base"], {
        says: [/base/],
        hint: /crochet downgrade --target base/,
      });
    }
    // A beginning that only one revision has is enough.
    assert.match(await project.ok("plan", "--offline", "--target", "0001"), /1 revision,/);

    const usage: [string[], RegExp, RegExp][] = [
      [["upgrad"], /upgrad/, /upgrade/],
      [["zebra"], /zebra/, /crochet --help/],
      [["ledger", "rebuid"], /rebuid/, /rebuild/],
      [["plan", "--offlne"], /--offlne/, /--offline/],
      [["upgrade", "--dryrun"], /--dryrun/, /--dry-run/],
      [["plan", "--zebra"], /--zebra/, /--help/],
      [["plan", "--target"], /--target/, /.+/],
      [["new-project"], /--name/, /.+/],
      [["create-node"], /name/, /.+/],
      [["create-relationship", "Other"], /--rel-type/, /.+/],
      [["create-migration"], /description/, /.+/],
      [["create-migration", "add", "person"], /argument/, /.+/],
      [["resolve", "0001_add_person", "--redo", "--mark-applied"], /--redo.*--mark-applied/, /.+/],
    ];
    await each(
      Object.fromEntries(usage.map((entry) => [entry[0].join(" "), entry])),
      ([args, says, hint]) => refused(project, args, { says: [says], hint }),
    );
    const json = await crochet(project.root, ["upgrad", "--json"]);
    assert.equal(json.code, 2);
    assert.doesNotThrow(() => JSON.parse(json.out), "--json prints JSON also for a usage error");
  });
});
