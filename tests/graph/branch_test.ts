/**
 * Histories that part and meet again: two heads and the revision that joins them, ranges that become one revision,
 * and what a person sees of it all.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Graph } from "../../lib/graph.ts";
import { drawHistory } from "../../lib/history.ts";
import { join } from "../../lib/path.ts";
import {
  emptyGraph,
  graphEnv,
  showData,
  showSchema,
  TestProject,
  withFolder,
  withGraphProject,
  withProject,
} from "../harness.ts";

/** A model file: a class with its kgid, and its properties as Python writes them. */
function model(
  name: string,
  properties: Record<string, string> = {},
  kgid = `${name.toLowerCase()}_v1`,
): string {
  const lines = Object.entries(properties).map(([key, options]) =>
    `    ${key} = StringProperty(${options})\n`
  );
  return `from neomodel import StringProperty, StructuredNode\n\n\nclass ${name}(StructuredNode):\n    __kgid__ = "${kgid}"\n\n${
    lines.join("") || "    pass\n"
  }`;
}

const UNIQUE = "unique_index=True";
const INDEX = "index=True";

/** Files of the models and the migrations, by path. */
function filesOf(project: TestProject): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(join(project.root, folder))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) visit(path);
      else found.set(path, project.read(path));
    }
  };
  ["models", "migrations"].forEach(visit);
  return found;
}

function restore(project: TestProject, files: Map<string, string>): void {
  for (const path of filesOf(project).keys()) {
    if (!files.has(path)) Deno.removeSync(join(project.root, path));
  }
  for (const [path, text] of files) project.write(path, text);
}

type Work = (project: TestProject) => Promise<unknown>;

/** Lets branches grow from where the project stands, and puts their files together as Git does. */
async function fork(project: TestProject, ...branches: Work[]): Promise<void> {
  const before = filesOf(project);
  const together = new Map(before);
  for (const work of branches) {
    await work(project);
    const after = filesOf(project);
    for (const [path, text] of after) if (before.get(path) !== text) together.set(path, text);
    for (const path of before.keys()) if (!after.has(path)) together.delete(path);
    restore(project, before);
  }
  restore(project, together);
}

/** Writes model files and drafts their migration. */
function draft(description: string, models: Record<string, string>, ...args: string[]): Work {
  return async (project) => {
    for (const [path, text] of Object.entries(models)) project.write(`models/${path}.py`, text);
    await project.ok("create-migration", description, ...args);
  };
}

/** A migration that only takes its place in the chain. */
const empty = (description: string): Work => draft(description, {}, "--empty");

/** Puts lines at the begin of a migration's upgrade, and others at the begin of its downgrade. */
function edit(project: TestProject, id: string, upgrade: string, downgrade = ""): void {
  const file = `migrations/${id}.ts`;
  const [head, up, down] = project.read(file).split(/(?<=Promise<void> \{\n)/);
  project.write(file, `${head}  ${upgrade}\n${up}  ${downgrade}\n${down}`);
}

// deno-lint-ignore no-explicit-any
const idsOf = (revisions: any[]): string[] => revisions.map(({ revisionId }) => revisionId);

async function applied(project: TestProject): Promise<string[]> {
  return idsOf((await project.json("status")).applied);
}

/** Everything agrees. */
async function sound(project: TestProject, about = ""): Promise<void> {
  const { code, out } = await project.run("verify");
  assert.equal(code, 0, `${about}\n${out}`);
}

async function refused(project: TestProject, command: string[], pattern: RegExp): Promise<void> {
  const before = filesOf(project);
  const { code, out, err } = await project.run(...command);
  assert.equal(code, 2, `${command.join(" ")}: ${out}${err}`);
  assert.match(err, pattern);
  assert.deepEqual(filesOf(project), before, `${command.join(" ")} wrote something`);
}

/** A graph and a working copy as if nothing had ever run. */
async function startAnew(project: TestProject, graph: Graph): Promise<void> {
  await emptyGraph(graph);
  Deno.removeSync(join(project.root, ".crochet"), { recursive: true });
}

/** 0001_person, then 0002_city and 0002_dog beside each other. */
async function twoBranches(project: TestProject): Promise<void> {
  await draft("person", { person: model("Person", { name: UNIQUE }) })(project);
  await fork(
    project,
    draft("city", { city: model("City", { name: UNIQUE }) }),
    draft("dog", { dog: model("Dog", { name: INDEX }) }),
  );
}

const HEADS = /"0002_city" and "0002_dog"/;

Deno.test("two branches that Git has merged are two heads, until merge joins them", async () => {
  await withGraphProject({}, async (project) => {
    await twoBranches(project);
    for (const command of [["upgrade"], ["plan"], ["plan", "--offline"], ["create-migration", "more"]]) {
      await refused(project, command, HEADS);
    }
    const heads = await project.run("heads", "--json");
    assert.deepEqual([heads.code, idsOf(JSON.parse(heads.out))], [1, ["0002_dog", "0002_city"]]);
    assert.match(
      (await project.run("heads")).out,
      /^0002_dog {2}\(head; pending\)\n0002_city {2}\(head; pending\)\n$/,
    );
    assert.match((await project.json("status")).faults.join(), HEADS);
    assert.equal((await project.run("verify")).code, 1);
    assert.match((await project.run("lint")).out, /\[two-heads\]/);

    const made = await project.json("merge");
    assert.deepEqual(
      [made.revisionId, made.parents, made.changes, made.notes, made.files],
      ["0003_merge", ["0002_city", "0002_dog"], [], [], [
        "migrations/0003_merge.ts",
        "migrations/0003_merge.schema.json",
      ]],
    );
    const [city, dog, merge] = await Promise.all(
      ["0002_city", "0002_dog", "0003"].map((id) => project.json("show", id)),
    );
    const text = project.read("migrations/0003_merge.ts");
    assert.ok(text.includes('export const parentId = ["0002_city","0002_dog"];'), text);
    assert.ok(text.includes(`export const parentDigest = ["${city.digest}","${dog.digest}"];`), text);
    assert.deepEqual([merge.upgrade, merge.downgrade, merge.rollbackSafe], [[], [], true]);
    assert.equal((await project.run("heads")).code, 0);
    assert.match(await project.ok("create-migration", "more"), /Nothing to do/);
    assert.match(await project.ok("lint"), /^0 findings in 4 revisions\.\n$/);
    await refused(project, ["merge"], /nothing to merge: the only head is "0003_merge"/);
    await project.ok("upgrade");
    await sound(project);
  });
});

/** What a graph had applied before the merge came, and the order after it. */
const BEFORE: [about: string, targets: string[], order: string[]][] = [
  ["neither branch", [], ["0001_person", "0002_city", "0002_dog"]],
  ["the root", ["0001_person"], ["0001_person", "0002_city", "0002_dog"]],
  ["the left branch", ["0002_city"], ["0001_person", "0002_city", "0002_dog"]],
  ["the right branch", ["0002_dog"], ["0001_person", "0002_dog", "0002_city"]],
  ["both branches", ["0002_dog", "0002_city"], ["0001_person", "0002_dog", "0002_city"]],
];

Deno.test("upgrade goes through a merge from wherever a graph stands", async () => {
  await withGraphProject({}, async (project, graph) => {
    await twoBranches(project);
    await project.ok("merge");
    const schemas: string[][] = [];
    for (const [about, targets, order] of BEFORE) {
      await startAnew(project, graph);
      for (const target of targets) await project.ok("upgrade", "--target", target);
      await sound(project, about);
      assert.equal((await project.run("drift")).code, 0, about);
      await project.ok("upgrade");
      assert.deepEqual(await applied(project), [...order, "0003_merge"], about);
      assert.match(await project.ok("upgrade"), /Nothing to apply/);
      await sound(project, about);
      schemas.push(await showSchema(graph));
    }
    for (const schema of schemas) assert.deepEqual(schema, schemas[0]);
    assert.equal(schemas[0].length, 5);
  });
});

const TARGETS: [target: string | undefined, left: string[]][] = [
  [undefined, ["0001_person", "0002_city", "0002_dog"]],
  ["0003_merge", ["0001_person", "0002_city", "0002_dog", "0003_merge"]],
  ["0002_dog", ["0001_person", "0002_dog"]],
  ["0002_city", ["0001_person", "0002_city"]],
  ["0001_person", ["0001_person"]],
  ["base", []],
];

Deno.test("downgrade goes through a merge, to either side and to nothing", async () => {
  await withGraphProject({}, async (project, graph) => {
    await twoBranches(project);
    await project.ok("merge");
    for (const [target, left] of TARGETS) {
      await project.ok("upgrade");
      await project.ok("downgrade", ...(target ? ["--target", target] : []));
      assert.deepEqual((await applied(project)).sort(), left, target);
      const owners = (await showSchema(graph)).join();
      for (const [label, id] of [["Person", "0001_person"], ["City", "0002_city"], ["Dog", "0002_dog"]]) {
        assert.equal(owners.includes(label), left.includes(id), `${target}: ${label}`);
      }
      await sound(project, target);
    }
  });
});

Deno.test("a graph between two branches and their merge is sound, also where one of them took something away", async () => {
  await withGraphProject({}, async (project) => {
    await draft("person", { person: model("Person", { name: INDEX }) })(project);
    await fork(
      project,
      draft("city", { person: model("Person", { name: "" }) }),
      draft("dog", { dog: model("Dog", { name: INDEX }) }),
    );
    await project.ok("merge");
    await project.ok("upgrade");
    await sound(project, "merged");
    await project.ok("downgrade");
    await sound(project, "between");
    assert.match(await project.ok("drift"), /as they should be/);
  });
});

Deno.test("a graph between two branches and their merge knows the data of both", async () => {
  await withGraphProject({}, async (project, graph) => {
    await twoBranches(project);
    await project.ok("merge");
    await project.ok("upgrade");
    await project.ok("downgrade");
    await graph.write((tx) => tx.run("CREATE (:City {name: 'Bonn'}), (:Dog {name: 'Rex'})"));
    assert.deepEqual((await project.json("drift")).unknown, []);
  });
});

interface Conflict {
  about: string;
  base: Record<string, string>;
  left: Work;
  right: Work;
  named: RegExp[];
}

const PERSON = { person: model("Person", { name: "" }) };
const person = (properties: Record<string, string>, name = "Person") => ({
  person: model(name, properties, "person_v1"),
});
const creating = (row: string): Work => async (project) => {
  await project.ok("create-migration", "right", "--empty");
  edit(project, "0002_right", `await ctx.createNodes("Person", [${row}]);`);
};

const CONFLICTS: Conflict[] = [
  {
    about: "the same constraint",
    base: PERSON,
    left: draft("left", person({ name: UNIQUE })),
    right: draft("right", person({ name: UNIQUE })),
    named: [
      /addUniqueConstraint\(Person, name\) of "0002_left" and addUniqueConstraint\(Person, name\) of "0002_right"/,
    ],
  },
  {
    about: "an index and a constraint on one property",
    base: PERSON,
    left: draft("left", person({ name: UNIQUE })),
    right: draft("right", person({ name: INDEX })),
    named: [/both change the node person_v1 name/],
  },
  {
    about: "a property that both sides rename",
    base: PERSON,
    left: draft("left", person({ full: "" }), "--rename", "Person.name=full"),
    right: draft("right", person({ nick: "" }), "--rename", "Person.name=nick"),
    named: [
      /renameNodeProperty\(Person, name, full\) of "0002_left" and renameNodeProperty\(Person, name, nick\) of "0002_right"/,
    ],
  },
  {
    about: "a property that one side renames and the other fills",
    base: PERSON,
    left: draft("left", person({ full: "" }), "--rename", "Person.name=full"),
    right: creating('{ name: "Ada" }'),
    named: [/renameNodeProperty\(Person, name, full\) of "0002_left" and createNodes\(Person/],
  },
  {
    about: "a label that one side renames and the other uses",
    base: PERSON,
    left: draft("left", person({ name: "" }, "Human")),
    right: creating('{ name: "Ada" }'),
    named: [/renameLabel\(Person, Human\) of "0002_left" and createNodes\(Person/],
  },
  {
    about: "a label that one side renames and the other has in an index over several",
    base: { ...PERSON, city: model("City", { name: "" }) },
    left: draft("left", person({ name: "" }, "Human")),
    right: async (project) => {
      await project.ok("create-migration", "right", "--empty");
      edit(project, "0002_right", 'await ctx.addFulltextIndex(["City", "Person"], "name");');
    },
    named: [/renameLabel\(Person, Human\) of "0002_left" and addFulltextIndex\(/],
  },
  {
    about: "a label that both sides rename",
    base: PERSON,
    left: draft("left", person({ name: "" }, "Human")),
    right: draft("right", person({ name: "" }, "Man")),
    named: [/renameLabel\(Person, Human\) of "0002_left"/, /both change the node person_v1: label/],
  },
  {
    about: "a class that both sides change, with nothing to do in the graph",
    base: PERSON,
    left: draft("left", person({ name: "max_length=3" })),
    right: draft("right", person({ name: "max_length=4" })),
    named: [/both change the node person_v1 name/],
  },
  {
    about: "a new class of one kgid",
    base: {},
    left: draft("left", person({ name: "" })),
    right: draft("right", person({ name: "" }, "Human")),
    named: [/both change the node person_v1/],
  },
];

for (const { about, base, left, right, named } of CONFLICTS) {
  Deno.test(`merge refuses branches that touch the same things: ${about}`, async () => {
    await withProject({}, async (project) => {
      await draft("base", base, "--empty")(project);
      await fork(project, left, right);
      for (
        const pattern of [
          /"0002_left" and "0002_right" touch the same things, and nothing was written/,
          ...named,
        ]
      ) {
        await refused(project, ["merge"], pattern);
      }
    });
  });
}

Deno.test("merge takes properties of one class from both sides", async () => {
  await withGraphProject({}, async (project) => {
    await draft("base", PERSON)(project);
    await fork(
      project,
      draft("left", person({ name: "", mail: UNIQUE })),
      draft("right", person({ name: "", nick: INDEX })),
    );
    project.write("models/person.py", model("Person", { name: "", mail: UNIQUE, nick: INDEX }));
    const { changes } = await project.json("merge", "--description", "both of them");
    assert.deepEqual(changes, []);
    assert.ok(project.list("migrations").includes("0003_both_of_them.ts"));
    await project.ok("upgrade");
    await sound(project);
  });
});

Deno.test("what the models say beyond both branches is the body of the merge", async () => {
  await withGraphProject({}, async (project, graph) => {
    await twoBranches(project);
    project.write("models/city.py", model("City", { name: UNIQUE, mayor: INDEX }));
    const { changes } = await project.json("merge");
    assert.deepEqual(changes, ["+ property City.mayor (StringProperty)", "+ index on City.mayor"]);
    const shown = await project.json("show", "0003");
    assert.deepEqual(
      [shown.upgrade, shown.downgrade].map(([{ operation }]) => operation),
      ["addIndex(City, mayor)", "dropIndex(City, mayor)"],
    );
    await project.ok("upgrade", "--target", "0002_dog");
    const before = await showSchema(graph);
    await project.ok("upgrade");
    await sound(project);
    assert.equal((await showSchema(graph)).length, 6);
    await project.ok("downgrade", "--target", "0002_dog");
    assert.deepEqual(await showSchema(graph), before);
    assert.match(await project.ok("create-migration", "more"), /Nothing to do/);
  });
});

Deno.test("a merge whose models lose something is not rollback-safe", async () => {
  await withProject({}, async (project) => {
    await draft("person", { person: model("Person", { name: "", nick: "" }) })(project);
    await fork(project, empty("left"), empty("right"));
    project.write("models/person.py", model("Person", { name: "" }));
    await project.ok("merge");
    assert.match(project.read("migrations/0003_merge.ts"), /rollbackSafe = false/);
  });
});

Deno.test("merge says which Cypher it could not compare", async () => {
  await withProject({}, async (project) => {
    await empty("base")(project);
    await fork(project, draft("left", {}, "--empty", "--cypher"), empty("right"));
    const file = "migrations/0002_left.cypher";
    project.write(
      file,
      project.read(file).replace("// crochet: upgrade", "// crochet: upgrade\nCREATE (:X);"),
    );
    const { notes } = await project.json("merge");
    assert.deepEqual(notes, ['what the Cypher of "0002_left" touches is not compared: look at it']);
  });
});

Deno.test("of three heads, two are named", async () => {
  await withProject({}, async (project) => {
    await empty("base")(project);
    await fork(project, empty("one"), empty("two"), empty("three"));
    const wrong: [string[], RegExp][] = [
      [[], /There are 3 heads: "0002_one", "0002_three" and "0002_two"/],
      [["0002_one"], /There are 3 heads/],
      [["0002_one", "0002_one"], /There are 3 heads/],
      [["0002_one", "0001_base"], /"0001_base" is no head: another revision follows it/],
      [["0002_one", "0002_tow"], /There is no revision "0002_tow"[^]*did you mean "0002_two"/],
    ];
    for (const [names, pattern] of wrong) await refused(project, ["merge", ...names], pattern);
    const first = await project.json("merge", "0002_two", "0002_one");
    assert.deepEqual(first.parents, ["0002_two", "0002_one"]);
    assert.deepEqual((await project.json("merge")).parents, ["0002_three", "0003_merge"]);
    assert.equal((await project.run("heads")).code, 0);
    assert.equal((await project.json("history")).length, 6);
  });
});

Deno.test("two roots can be merged", async () => {
  await withGraphProject({}, async (project) => {
    await fork(
      project,
      draft("city", { city: model("City", { name: UNIQUE }) }),
      draft("dog", { dog: model("Dog", { name: INDEX }) }),
    );
    await project.ok("merge");
    await project.ok("upgrade");
    await sound(project);
    await project.ok("downgrade", "--target", "base");
  });
});

/** Revisions with their parents, newest first, and the drawing. */
const DRAWINGS: [about: string, parents: Record<string, string[]>, drawing: string[]][] = [
  ["nothing", {}, []],
  ["a line", { c: ["b"], b: ["a"], a: [] }, ["* c", "* b", "* a"]],
  ["two heads", { c: ["a"], b: ["a"], a: [] }, ["* c", "| * b", "|/", "* a"]],
  ["two roots", { c: ["a", "b"], b: [], a: [] }, ["* c", "|\\", "| * b", "* a"]],
  ["a merge", { d: ["b", "c"], c: ["a"], b: ["a"], a: [] }, ["* d", "|\\", "| * c", "* | b", "|/", "* a"]],
  ["a merge with a longer side", { e: ["b", "d"], d: ["c"], c: ["a"], b: ["a"], a: [] }, [
    "* e",
    "|\\",
    "| * d",
    "| * c",
    "* | b",
    "|/",
    "* a",
  ]],
  ["a merge of a merge", {
    g: ["e", "f"],
    f: ["d"],
    e: ["d"],
    d: ["b", "c"],
    c: ["a"],
    b: ["a"],
    a: [],
  }, ["* g", "|\\", "| * f", "* | e", "|/", "* d", "|\\", "| * c", "* | b", "|/", "* a"]],
  ["three sides in two merges", { f: ["d", "e"], e: ["b", "c"], d: ["a"], c: ["a"], b: ["a"], a: [] }, [
    "* f",
    "|\\",
    "| * e",
    "| |\\",
    "* | | d",
    "| | * c",
    "| * | b",
    "| |/",
    "|/",
    "* a",
  ]],
];

for (const [about, parents, drawing] of DRAWINGS) {
  Deno.test(`drawHistory() draws ${about}`, () => {
    const entries = Object.entries(parents).map(([revisionId, parents]) => ({ revisionId, parents }));
    assert.deepEqual(drawHistory(entries).map(({ lane, id }) => (id ? `${lane} ${id}` : lane)), drawing);
  });
}

Deno.test("history draws the project's chain, with what is applied", async () => {
  await withGraphProject({}, async (project) => {
    assert.match(await project.ok("history"), /The project has no migrations/);
    await twoBranches(project);
    const lines = async () =>
      (await project.ok("history")).trimEnd().split("\n").map((line) =>
        line.replace(/\d{4}-\d\d-\d\dT[\d:]+/, "at")
      );
    assert.deepEqual(await lines(), [
      "* 0002_dog  (head; pending)",
      "| * 0002_city  (head; pending)",
      "|/",
      "* 0001_person  (pending)",
    ]);
    await project.ok("merge");
    await project.ok("upgrade", "--target", "0002_dog");
    assert.deepEqual(await lines(), [
      "* 0003_merge  (head; pending)",
      "|\\",
      "| * 0002_dog  (applied at)",
      "* | 0002_city  (pending)",
      "|/",
      "* 0001_person  (applied at)",
    ]);
    const history = await project.json("history");
    assert.deepEqual(idsOf(history), ["0003_merge", "0002_dog", "0002_city", "0001_person"]);
    assert.deepEqual(history[0].parents, ["0002_city", "0002_dog"]);
  });
});

Deno.test("crochet test proves a chain with a merge", async () => {
  await withGraphProject({}, async (project, graph) => {
    await twoBranches(project);
    await project.ok("merge");
    assert.match(await project.ok("test", "--uri", graphEnv().CROCHET_NEO4J_URI), /PROVEN +the whole chain/);
    await emptyGraph(graph);
  });
});

/** A project with three revisions of constraints and indexes. */
async function schemaChain(project: TestProject): Promise<void> {
  await draft("person", { person: model("Person", { name: UNIQUE }) })(project);
  await draft("city", { city: model("City", { name: INDEX, mayor: INDEX }) })(project);
  await draft("changes", { city: model("City", { name: UNIQUE, mayor: "" }) })(project);
}

const DATA: Record<string, [upgrade: string, downgrade: string]> = {
  "0001_person": [
    'await ctx.createNodes("Person", [{ name: "Ada" }, { name: "Bob" }]);',
    'await ctx.deleteNodesByBatch("Person", ctx.batch);',
  ],
  "0002_city": [
    'await ctx.createNodes("City", [{ name: "Bonn" }]);',
    'await ctx.deleteNodesByBatch("City", ctx.batch);',
  ],
  "0003_changes": [
    'await ctx.beginBatch("mine");\n  await ctx.createNodes("City", [{ name: "Cork" }]);',
    'await ctx.deleteNodesByBatch("City", "mine");',
  ],
};

/** The same with data in each. Later revisions know the digests of earlier ones, so each is edited as it is made. */
async function dataChain(project: TestProject): Promise<void> {
  const made = (id: string) => edit(project, id, ...DATA[id]);
  await draft("person", { person: model("Person", { name: UNIQUE }) })(project);
  made("0001_person");
  await draft("city", { city: model("City", { name: INDEX, mayor: INDEX }) })(project);
  made("0002_city");
  await draft("changes", { city: model("City", { name: UNIQUE, mayor: "" }) })(project);
  made("0003_changes");
}

/** The same with plain Cypher in the middle. */
async function cypherChain(project: TestProject): Promise<void> {
  await draft("person", { person: model("Person", { name: UNIQUE }) })(project);
  edit(project, "0001_person", ...DATA["0001_person"]);
  await draft("city", { city: model("City", { name: INDEX, mayor: INDEX }) }, "--cypher")(project);
  const file = "migrations/0002_city.cypher";
  project.write(
    file,
    project.read(file).replace(
      "// crochet: downgrade\n",
      "// a; comment\nCREATE (:City {name: 'a;b', text: \"{x}\"});\n$&MATCH (c:City) DELETE c;\n",
    ),
  );
  await draft("changes", { city: model("City", { name: UNIQUE, mayor: "" }) })(project);
}

/** A chain where data is renamed, converted and filled. */
async function transformChain(project: TestProject): Promise<void> {
  await draft("person", { person: model("Person", { name: "" }) })(project);
  edit(project, "0001_person", ...DATA["0001_person"]);
  await draft("human", { person: model("Human", { name: "" }, "person_v1") })(project);
  await draft(
    "full",
    { person: model("Human", { full: "", kind: 'default="x"' }, "person_v1") },
    "--rename",
    "Human.name=full",
  )(
    project,
  );
}

/** Batches that a migration begins without naming them. */
async function unnamedChain(project: TestProject): Promise<void> {
  await draft("person", { person: model("Person", { name: UNIQUE }) })(project);
  edit(project, "0001_person", ...DATA["0001_person"]);
  await empty("more")(project);
  edit(
    project,
    "0002_more",
    'await ctx.beginBatch();\n  await ctx.createNodes("Person", [{ name: "Cy" }]);\n  await ctx.beginBatch();\n  await ctx.createNodes("Person", [{ name: "Di" }]);',
    'for (const n of [1, 2]) await ctx.deleteNodesByBatch("Person", `${ctx.revisionId}:${n}`);',
  );
}

interface Picture {
  schema: string[];
  data: string[];
}

async function pictureOf(graph: Graph): Promise<Picture> {
  return { schema: await showSchema(graph), data: await showData(graph) };
}

/** The line by which an editor finds the types. */
const REFERENCE = /^\/\/\/ <reference path="(.*)" \/>\n/;
const withoutReference = (text: string) => text.replace(REFERENCE, "");

interface Squash {
  about: string;
  chain: Work;
  /** Files of the old revisions that are left; undefined where both ways are right. */
  moved?: string[];
}

const SQUASHES: Squash[] = [
  { about: "constraints and indexes", chain: schemaChain, moved: [] },
  {
    about: "data in batches",
    chain: dataChain,
    moved: ["0001_person.ts", "0002_city.ts", "0003_changes.ts"],
  },
  {
    about: "batches without a name",
    chain: unnamedChain,
    moved: ["0001_person.ts", "0002_more.ts"],
  },
  { about: "plain Cypher", chain: cypherChain, moved: ["0001_person.ts", "0003_changes.ts"] },
  { about: "transforms", chain: transformChain, moved: ["0001_person.ts", "0002_human.ts", "0003_full.ts"] },
  {
    about: "an index that was made by hand",
    chain: async (project) => {
      await draft("person", { person: model("Person", { name: UNIQUE, nick: "" }) })(project);
      await draft("city", { city: model("City", { name: UNIQUE }) })(project);
      edit(
        project,
        "0002_city",
        'await ctx.addTextIndex("Person", "nick");',
        'await ctx.dropTextIndex("Person", "nick");',
      );
    },
  },
];

for (const { about, chain, moved } of SQUASHES) {
  Deno.test(`a squash does what its parts did, up and down: ${about}`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await chain(project);
      await project.ok("upgrade");
      const wanted = await pictureOf(graph);
      const [first, last] = [(await applied(project))[0], (await applied(project)).at(-1)!];
      await project.ok("downgrade", "--target", "base");
      assert.deepEqual(await pictureOf(graph), { schema: [], data: [] });

      const before = filesOf(project);
      const made = await project.json("squash", `${first.slice(0, 4)}..${last}`);
      assert.deepEqual(idsOf(await project.json("history")), [made.revisionId]);
      for (const id of made.replaces) {
        for (const end of [".ts", ".cypher", ".schema.json"]) {
          assert.ok(!project.list("migrations").includes(id + end), id + end);
        }
      }
      if (moved) assert.deepEqual(made.moved ? project.list(made.moved) : [], moved);
      for (const file of moved ?? []) {
        const text = project.read(`migrations/squashed/${file}`);
        assert.equal(withoutReference(text), withoutReference(before.get(`migrations/${file}`)!));
      }
      await project.ok("upgrade");
      assert.deepEqual(await pictureOf(graph), wanted);
      assert.deepEqual(await applied(project), [made.revisionId]);
      await sound(project);
      assert.match(await project.ok("create-migration", "more"), /Nothing to do/);
      await project.ok("downgrade");
      assert.deepEqual(await pictureOf(graph), { schema: [], data: [] });
    });
  });

  Deno.test(`a graph that has all parts of a squash has the squash: ${about}`, async () => {
    await withGraphProject({}, async (project, graph) => {
      await chain(project);
      await project.ok("upgrade");
      const parts = await applied(project);
      const wanted = await pictureOf(graph);
      const ledger = Deno.readFileSync(join(project.root, ".crochet/ledger.db"));
      const { revisionId } = await project.json("squash", `${parts[0]}..${parts.at(-1)}`);
      const status = await project.json("status");
      assert.deepEqual([idsOf(status.applied), status.pending, status.faults], [[revisionId], [], []]);
      assert.match(await project.ok("upgrade"), /Nothing to apply/);
      assert.deepEqual(await pictureOf(graph), wanted);
      await sound(project);
      assert.equal((await project.run("drift")).code, 0);

      await withFolder(async (folder) => {
        const other = join(folder, "p");
        Deno.mkdirSync(join(other, ".crochet"), { recursive: true });
        const copy = new TestProject(other).with(graphEnv());
        for (const [path, text] of filesOf(project)) copy.write(path, text);
        copy.write("crochet.toml", project.read("crochet.toml"));
        Deno.writeFileSync(join(other, ".crochet/ledger.db"), ledger);
        assert.deepEqual(idsOf((await copy.json("status", "--offline")).applied), [revisionId]);
        assert.deepEqual(await applied(copy), [revisionId]);
        await sound(copy, "a second working copy");
        assert.match(await copy.ok("upgrade"), /Nothing to apply/);
      });

      await project.ok("downgrade");
      assert.deepEqual(await pictureOf(graph), { schema: [], data: [] });
      assert.deepEqual(
        await graph.read("MATCH (n) WHERE n:_CrochetRevision OR n:_CrochetBatch RETURN n"),
        [],
      );
      for (const args of [[], ["--offline"]]) {
        const { applied, batches } = await project.json("status", ...args);
        assert.deepEqual([applied, batches], [[], []]);
      }
      await project.ok("upgrade");
      assert.deepEqual(await pictureOf(graph), wanted);
      await sound(project);
    });
  });
}
Deno.test("an editor finds the types of the files that a squash moved", async () => {
  await withProject({}, async (project) => {
    await dataChain(project);
    await project.ok("squash", "0001..0003");
    const [, reference] = REFERENCE.exec(project.read("migrations/squashed/0001_person.ts")) ?? [];
    if (reference) assert.match(project.read(`migrations/squashed/${reference}`), /declare module "crochet"/);
  });
});

Deno.test("a value that a migration keeps on purpose is kept by the squash", async () => {
  await withGraphProject({}, async (project, graph) => {
    await draft("person", { person: model("Person", { name: "", nick: "" }) })(project);
    await draft("less", { person: model("Person", { name: INDEX }) })(project);
    const file = "migrations/0002_less.ts";
    project.write(file, project.read(file).replace(/.*removeNodeProperty\(.*\);\n/, ""));
    await draft("city", { city: model("City", { name: INDEX }) })(project);
    await project.ok("upgrade", "--target", "0001_person");
    await graph.write((tx) => tx.run("CREATE (:Person {name: 'Ada', nick: 'A'})"));
    const before = await showData(graph);
    await project.ok("squash", "0002..0003");
    await project.ok("upgrade");
    assert.deepEqual(await showData(graph), before);
  });
});

Deno.test("a squash in the middle keeps the chain whole, and what is behind it in its place", async () => {
  await withGraphProject({}, async (project, graph) => {
    await dataChain(project);
    await draft("four", { dog: model("Dog", { name: INDEX }) })(project);
    await draft("five", { dog: model("Dog", { name: "" }) })(project);
    await project.ok("upgrade");
    const wanted = await pictureOf(graph);
    assert.match(await project.ok("lint"), /^0 findings/);
    const { revisionId } = await project.json("squash", "0002..0003", "--description", "both cities");
    assert.equal(revisionId, "0003_both_cities");
    const chain = ["0001_person", "0003_both_cities", "0004_four", "0005_five"];
    assert.deepEqual(idsOf(await project.json("history")).reverse(), chain);
    assert.deepEqual((await project.json("history"))[1].parents, ["0003_both_cities"]);
    assert.deepEqual(await applied(project), chain);
    await sound(project);
    assert.match(await project.ok("upgrade"), /Nothing to apply/);
    assert.match(await project.ok("lint"), /^0 findings/);

    await project.ok("downgrade", "--target", "base");
    assert.deepEqual(await pictureOf(graph), { schema: [], data: [] });
    assert.deepEqual(idsOf((await project.json("status")).pending), chain);
    await project.ok("upgrade", "--target", "0003");
    assert.deepEqual(await applied(project), chain.slice(0, 2));
    await project.ok("upgrade");
    assert.deepEqual(await pictureOf(graph), wanted);
    await sound(project);
    await project.ok("downgrade", "--target", "0001");
    assert.deepEqual(await applied(project), chain.slice(0, 1));
    await sound(project);
  });
});

/** Codes of what lint finds. */
async function lintCodes(project: TestProject): Promise<string[]> {
  return JSON.parse((await project.run("lint", "--json")).out).findings.map(({ code }: { code: string }) =>
    code
  );
}

Deno.test("what follows a squash is linted against the schema of the squash", async () => {
  await withProject({}, async (project) => {
    await draft("person", { person: model("Person", { name: "", nick: "" }) })(project);
    await draft("city", { city: model("City", { name: "" }) })(project);
    await draft("less", { person: model("Person", { name: "" }) })(project);
    assert.deepEqual(await lintCodes(project), ["loses-data"]);
    await project.ok("squash", "0001..0002");
    assert.deepEqual(await lintCodes(project), ["loses-data"]);
  });
});

Deno.test("what a migration excuses is excused in its squash", async () => {
  await withProject({}, async (project) => {
    await draft("person", { person: model("Person", { name: "", nick: "" }) })(project);
    await draft("less", { person: model("Person", { name: "" }) })(project);
    const file = "migrations/0002_less.ts";
    project.write(
      file,
      project.read(file).replace(/ +await ctx\.removeNodeProperty/, "  // crochet: allow loses-data\n$&"),
    );
    assert.deepEqual(await lintCodes(project), []);
    await project.ok("squash", "0001..0002");
    assert.deepEqual(await lintCodes(project), []);
  });
});

Deno.test("a merge is linted against the schemas of both branches", async () => {
  await withProject({}, async (project) => {
    await empty("base")(project);
    await fork(
      project,
      draft("city", { city: model("City", { name: "" }) }),
      draft("dog", { dog: model("Dog", { name: "", nick: "" }) }),
    );
    project.write("models/dog.py", model("Dog", { name: "" }));
    await project.ok("merge");
    assert.deepEqual(await lintCodes(project), ["loses-data"]);
  });
});

Deno.test("status lists what is pending in the order of the run, also behind a squash", async () => {
  await withProject({}, async (project) => {
    for (const name of ["one", "two", "three", "four", "five"]) await empty(name)(project);
    await project.ok("squash", "0003..0004", "--description", "z");
    const { revisions } = await project.json("plan", "--offline");
    assert.deepEqual(idsOf(revisions), ["0001_one", "0002_two", "0004_z", "0005_five"]);
    assert.deepEqual(idsOf((await project.json("status", "--offline")).pending), idsOf(revisions));
  });
});

Deno.test("a graph that has only some parts of a squash is refused by name", async () => {
  await withGraphProject({}, async (project, graph) => {
    await dataChain(project);
    await project.ok("upgrade", "--target", "0002");
    const before = await pictureOf(graph);
    await project.ok("squash", "0001..0003");
    const named =
      /"0003_squash_0001_to_0003" replaces 3 revisions, of which "0001_person" and "0002_city" are applied here as they were/;
    for (const command of [["upgrade"], ["plan"], ["plan", "--offline"], ["downgrade"]]) {
      await refused(project, command, named);
    }
    assert.deepEqual(await pictureOf(graph), before);
    const { code, out } = await project.run("verify");
    assert.equal(code, 1);
    assert.match(out, /the file of "0002_city", which is applied, is missing/);
  });
});

Deno.test("a squash can be squashed, and a graph with the first parts has the last squash", async () => {
  await withGraphProject({}, async (project, graph) => {
    await schemaChain(project);
    await draft("dog", { dog: model("Dog", { name: INDEX }) })(project);
    await project.ok("upgrade");
    const wanted = await pictureOf(graph);
    await project.ok("squash", "0002..0003", "--description", "inner");
    await project.ok("squash", "0001..0004", "--description", "outer");
    assert.deepEqual(await applied(project), ["0004_outer"]);
    await sound(project);
    assert.match(await project.ok("upgrade"), /Nothing to apply/);
    await project.ok("downgrade");
    assert.deepEqual(await pictureOf(graph), { schema: [], data: [] });
    await project.ok("upgrade");
    assert.deepEqual(await pictureOf(graph), wanted);
  });
});

Deno.test("a downgrade of a squash that stopped half-way goes on where it stopped", async () => {
  await withGraphProject({}, async (project, graph) => {
    await dataChain(project);
    edit(project, "0003_changes", "", 'await ctx.runCypher("MATCH (b:Blocker) SET b.x = 1 / b.zero");');
    await project.ok("upgrade");
    await project.ok("squash", "0001..0003");
    await graph.write((tx) => tx.run("CREATE (:Blocker {zero: 0})"));
    const failed = await project.run("downgrade");
    assert.notEqual(failed.code, 0);
    assert.match(failed.out, /Failed: 0003_squash_0001_to_0003/);
    const status = await project.json("status");
    assert.deepEqual([idsOf(status.applied), status.partial.direction, status.difference], [
      ["0003_squash_0001_to_0003"],
      "downgrade",
      undefined,
    ]);
    await graph.write((tx) => tx.run("MATCH (b:Blocker) DELETE b"));
    assert.match(await project.ok("downgrade"), /Reverted: 0003_squash/);
    assert.deepEqual(await pictureOf(graph), { schema: [], data: [] });
    await project.ok("upgrade");
    await sound(project);
  });
});

Deno.test("a downgrade of a squash that stopped half-way can be decided", async () => {
  await withGraphProject({}, async (project, graph) => {
    await dataChain(project);
    edit(project, "0003_changes", "", 'await ctx.runCypher("MATCH (b:Blocker) SET b.x = 1 / b.zero");');
    await project.ok("upgrade");
    const { revisionId } = await project.json("squash", "0001..0003");
    await graph.write((tx) => tx.run("CREATE (:Blocker {zero: 0})"));
    assert.notEqual((await project.run("downgrade")).code, 0);
    await project.ok("resolve", revisionId, "--mark-reverted");
    const { applied, partial } = await project.json("status");
    assert.deepEqual([applied, partial], [[], undefined]);
    assert.deepEqual(await graph.read("MATCH (r:_CrochetRevision) RETURN r.id"), []);
  });
});

Deno.test("an upgrade of a squash that stopped half-way goes on where it stopped", async () => {
  await withGraphProject({}, async (project, graph) => {
    await dataChain(project);
    await project.ok("upgrade");
    const wanted = await pictureOf(graph);
    await startAnew(project, graph);
    const { revisionId } = await project.json("squash", "0001..0003");
    await graph.write((tx) => tx.run("CREATE (:City {name: 'Cork'})"));
    const failed = await project.run("upgrade");
    assert.notEqual(failed.code, 0);
    assert.match(failed.out, /Failed: 0003_squash_0001_to_0003/);
    await graph.write((tx) =>
      tx.run("MATCH (c:City {name: 'Cork'}) WHERE c._crochet_batch IS NULL DELETE c")
    );
    assert.match(await project.ok("upgrade"), /Applied: 0003_squash/);
    assert.deepEqual(await pictureOf(graph), wanted);
    assert.deepEqual(await applied(project), [revisionId]);
    await sound(project);
  });
});

Deno.test("verify --offline knows the parts of a squash in every graph that the ledger has met", async () => {
  await withGraphProject({}, async (project, graph) => {
    await schemaChain(project);
    await project.ok("upgrade");
    // Another graph, under another name of the host.
    await emptyGraph(graph);
    const { CROCHET_NEO4J_URI: uri } = graphEnv();
    const other = project.with({ CROCHET_NEO4J_URI: uri.replace("127.0.0.1", "localhost") });
    await other.ok("upgrade");
    await project.ok("squash", "0001..0003");
    const { code, out } = await project.run("verify", "--offline");
    assert.equal(code, 0, out);
  });
});

Deno.test("the script of a downgrade takes all parts of a squash out of the record", async () => {
  await withGraphProject({}, async (project) => {
    await schemaChain(project);
    await project.ok("upgrade");
    await project.ok("squash", "0001..0003");
    // It may be refused.
    const { code, out } = await project.run("downgrade", "--cypher", "-");
    for (const id of ["0001_person", "0002_city", "0003_changes"]) {
      assert.ok(code === 2 || out.includes(`'${id}'`) || out.includes(`"${id}"`), out);
    }
  });
});

Deno.test("heads can be merged by their names in a project with a squash", async () => {
  await withProject({}, async (project) => {
    await schemaChain(project);
    await project.ok("squash", "0001..0002");
    await fork(project, empty("left"), empty("right"));
    const { parents } = await project.json("merge", "0004_right", "0004_left");
    assert.deepEqual(parents, ["0004_right", "0004_left"]);
  });
});

Deno.test("a branch that grew from a part of a squash is merged behind it", async () => {
  await withGraphProject({}, async (project) => {
    await schemaChain(project);
    await fork(
      project,
      async (project) => {
        await project.ok("squash", "0001..0003");
      },
      draft("dog", { dog: model("Dog", { name: INDEX }) }),
    );
    assert.deepEqual(idsOf(await project.json("heads")), ["0004_dog"]);
    await project.ok("upgrade");
    assert.deepEqual(await applied(project), ["0003_squash_0001_to_0003", "0004_dog"]);
    await sound(project);
  });
});

Deno.test("a branch that grew from the middle of a squash does not hide what came after", async () => {
  await withProject({}, async (project) => {
    await draft("person", { person: model("Person", { name: UNIQUE }) })(project);
    await draft("city", { city: model("City", { name: INDEX }) })(project);
    await fork(
      project,
      async (project) => {
        await draft("mayor", { city: model("City", { name: INDEX, mayor: INDEX }) })(project);
        await project.ok("squash", "0001..0003");
      },
      draft("dog", { dog: model("Dog", { name: INDEX }) }),
    );
    // The chain may be refused.
    const { code, out } = await project.run("create-migration", "more");
    assert.ok(code === 2 || /Nothing to do/.test(out), out);
  });
});

interface Refusal {
  about: string;
  chain: Work;
  range: string;
  named: RegExp;
}

const REFUSALS: Refusal[] = [
  { about: "no range", chain: schemaChain, range: "0001", named: /"0001" is no range of revisions/ },
  { about: "half of one", chain: schemaChain, range: "0001..", named: /"0001\.\." is no range of revisions/ },
  {
    about: "backwards",
    chain: schemaChain,
    range: "0003..0001",
    named: /less than two revisions, or goes backwards/,
  },
  { about: "one revision", chain: schemaChain, range: "0002..0002", named: /less than two revisions/ },
  {
    about: "an unknown begin",
    chain: schemaChain,
    range: "0009..0003",
    named: /There is no revision "0009"/,
  },
  {
    about: "an unknown end",
    chain: schemaChain,
    range: "0001..0003_chanegs",
    named: /no revision "0003_chanegs"[^]*did you mean "0003_changes"/,
  },
  { about: "two heads", chain: twoBranches, range: "0001..0002_city", named: /the chain has 2 heads/ },
  {
    about: "an end that is a merge",
    chain: async (project) => {
      await twoBranches(project);
      await project.ok("merge");
    },
    range: "0002_dog..0003_merge",
    named: /"0003_merge" follows "0002_city", which is not in it/,
  },
  {
    about: "two branches beside each other",
    chain: async (project) => {
      await twoBranches(project);
      await project.ok("merge");
    },
    range: "0002_city..0002_dog",
    named: /"0002_dog" follows "0001_person", which is not in it/,
  },
  {
    about: "imports",
    chain: async (project) => {
      await empty("one")(project);
      project.write("migrations/rows.ts", "export const rows = [];\n");
      const file = "migrations/0001_one.ts";
      project.write(
        file,
        project.read(file).replace("import type", 'import { rows } from "./rows.ts";\nimport type'),
      );
      await empty("two")(project);
    },
    range: "0001..0002",
    named: /"0001_one" imports other files, whose paths would change/,
  },
  {
    about: "parameters",
    chain: async (project) => {
      await empty("one")(project);
      await draft("two", {}, "--empty", "--cypher")(project);
      const file = "migrations/0002_two.cypher";
      project.write(
        file,
        project.read(file).replace(
          "// crochet: upgrade",
          "// crochet: upgrade\nCREATE (:T {name: {{ tenant }}});",
        ),
      );
    },
    range: "0001..0002",
    named: /"0002_two" takes parameters of the command line/,
  },
];

for (const { about, chain, range, named } of REFUSALS) {
  Deno.test(`squash refuses ${about}, and writes nothing`, async () => {
    await withProject({}, async (project) => {
      await chain(project);
      await refused(project, ["squash", range], named);
    });
  });
}

Deno.test("a range that begins with a merge leaves the chain whole", async () => {
  await withGraphProject({}, async (project) => {
    await twoBranches(project);
    await project.ok("merge");
    await draft("after", { city: model("City", { name: INDEX }) })(project);
    await project.ok("upgrade");
    // It may be refused, or keep both parents.
    await project.run("squash", "0003_merge..0004_after");
    assert.equal((await project.run("heads")).code, 0);
    await sound(project);
  });
});

Deno.test("a range that another branch leaves before its end keeps parents before children", async () => {
  await withGraphProject({}, async (project) => {
    await twoBranches(project);
    await project.ok("merge");
    await project.ok("upgrade", "--target", "0002_dog");
    await project.ok("upgrade");
    // It may be refused.
    await project.run("squash", "0001..0002_city");
    const { applied } = await project.json("status");
    for (const [i, { revisionId }] of applied.entries()) {
      const { parents } = await project.json("show", revisionId);
      for (const parent of parents) {
        assert.ok(idsOf(applied).slice(0, i).includes(parent), `${revisionId} stands before ${parent}`);
      }
    }
    for (let i = 0; i < applied.length; i++) await project.ok("downgrade");
  });
});

Deno.test("what is applied behind a squash whose parts a graph has comes after them", async () => {
  await withGraphProject({}, async (project, graph) => {
    await schemaChain(project);
    await project.ok("upgrade");
    const { revisionId } = await project.json("squash", "0001..0003");
    await draft("dog", { dog: model("Dog", { name: INDEX }) })(project);
    await project.ok("upgrade");
    assert.deepEqual(
      (await graph.read("MATCH (r:_CrochetRevision) RETURN r.id AS id ORDER BY r.position, r.id")).map((
        { id },
      ) => id),
      ["0001_person", "0002_city", "0003_changes", "0004_dog"],
    );
    assert.deepEqual(await applied(project), [revisionId, "0004_dog"]);
    await sound(project);
    await project.ok("downgrade");
    assert.deepEqual(await applied(project), [revisionId]);
  });
});

Deno.test("a downgrade of a squash that ended in the graph alone is learned by the ledger", async () => {
  await withGraphProject({}, async (project, graph) => {
    await schemaChain(project);
    await project.ok("upgrade");
    const { revisionId } = await project.json("squash", "0001..0003");
    const path = join(project.root, ".crochet/ledger.db");
    await project.ok("status");
    const ledger = Deno.readFileSync(path);
    await project.ok("downgrade");
    assert.deepEqual(await pictureOf(graph), { schema: [], data: [] });
    for (const end of ["-wal", "-shm"]) {
      if (project.list(".crochet").includes(`ledger.db${end}`)) Deno.removeSync(path + end);
    }
    Deno.writeFileSync(path, ledger);
    const db = new DatabaseSync(path);
    const [{ graph_id }] = db.prepare("SELECT graph_id FROM graphs").all() as { graph_id: string }[];
    const run = {
      revisionId,
      direction: "downgrade",
      digest: "",
      startedAt: "",
      startedBy: "",
      before: [],
      journal: [],
    };
    db.prepare("INSERT INTO partial_runs VALUES (?, ?)").run(graph_id, JSON.stringify(run));
    db.close();
    const again = await project.run("upgrade");
    assert.equal(again.code, 0, again.err);
    await sound(project);
  });
});

Deno.test("a whole fork with its merge can be squashed", async () => {
  await withGraphProject({}, async (project, graph) => {
    await twoBranches(project);
    await project.ok("merge");
    await project.ok("upgrade");
    const wanted = await pictureOf(graph);
    const { revisionId, replaces } = await project.json("squash", "0001..0003");
    assert.deepEqual(replaces, ["0001_person", "0002_city", "0002_dog", "0003_merge"]);
    assert.deepEqual(await applied(project), [revisionId]);
    await sound(project);
    await project.ok("downgrade");
    await project.ok("upgrade");
    assert.deepEqual(await pictureOf(graph), wanted);
  });
});

Deno.test("crochet test proves a chain with a squash", async () => {
  await withGraphProject({}, async (project, graph) => {
    await dataChain(project);
    await draft("dog", { dog: model("Dog", { name: INDEX }) })(project);
    await project.ok("squash", "0002..0003");
    assert.match(await project.ok("test", "--uri", graphEnv().CROCHET_NEO4J_URI), /PROVEN +the whole chain/);
    await emptyGraph(graph);
  });
});

/** What `show` says of a revision: facts of the JSON, lines of the text. */
const SHOWN: [about: string, id: string, facts: Record<string, unknown>, lines: RegExp[]][] = [
  ["a squash", "0003_squash", {
    parents: [],
    children: ["0004_cypher"],
    replaces: ["0001_person", "0002_city", "0003_changes"],
    isHead: false,
    upgrade: [
      "beginBatch()",
      /^createNodes\(Person/,
      "addUniqueConstraint(Person, name)",
    ],
  }, [
    /^0003_squash .*replaces 3 revisions\)$/m,
    /^Replaces: 0001_person, 0002_city, 0003_changes$/m,
    /^Applied: {2}\S+ by \S+$/m,
  ]],
  ["plain Cypher", "0004", {
    parents: ["0003_squash"],
    children: ["0005_left", "0005_right"],
    language: undefined,
    file: "migrations/0004_cypher.cypher",
    upgrade: [/^runCypher\(.*CREATE \(:Dog\)/],
  }, [/^File: {5}migrations\/0004_cypher\.cypher$/m, /^ {2}\d+: runCypher/m]],
  ["a revision that loses something", "0005_left", {
    rollbackSafe: false,
    downgrade: [],
    upgrade: ["removeNodeProperty(Person, nick)"],
  }, [
    /^0005_left {2}\(pending; not rollback-safe\)$/m,
    /removeNodeProperty\(Person, nick\) {2}LOSES the values of Person\.nick$/m,
    /^Downgrade:\n {2}nothing to do in the graph$/m,
  ]],
  ["a merge", "0006", {
    parents: ["0005_left", "0005_right"],
    children: [],
    isHead: true,
    upgrade: [],
    downgrade: [],
  }, [
    /^0006_merge {2}\(head; pending\)$/m,
    /^Parents: {2}0005_left, 0005_right$/m,
    /^Children: none$/m,
    /^Upgrade:\n {2}nothing to do in the graph$/m,
  ]],
];

Deno.test("show says everything about each kind of revision", async () => {
  await withGraphProject({}, async (project) => {
    await draft("person", { person: model("Person", { name: UNIQUE, nick: "" }) })(project);
    edit(project, "0001_person", ...DATA["0001_person"]);
    await draft("city", { city: model("City", { name: INDEX }) })(project);
    await draft("changes", { city: model("City", { name: UNIQUE }) })(project);
    await project.ok("squash", "0001..0003", "--description", "squash");
    await project.ok("upgrade");
    await draft("cypher", { dog: model("Dog", { name: "" }) }, "--cypher")(project);
    const file = "migrations/0004_cypher.cypher";
    project.write(
      file,
      project.read(file).replace("// crochet: upgrade", "// crochet: upgrade\nCREATE (:Dog);"),
    );
    await fork(project, draft("left", { person: model("Person", { name: UNIQUE }) }), empty("right"));
    await project.ok("merge");
    for (const [about, id, facts, lines] of SHOWN) {
      const shown = await project.json("show", id);
      for (const [name, wanted] of Object.entries(facts)) {
        if (name !== "upgrade" && name !== "downgrade") {
          assert.deepEqual(shown[name], wanted, `${about}: ${name}`);
        } else {
          const found = shown[name].map((entry: { operation: string }) => entry.operation);
          (wanted as (string | RegExp)[]).forEach((part, i) =>
            typeof part === "string" ? assert.equal(found[i], part) : assert.match(found[i], part)
          );
        }
      }
      assert.match(shown.digest + shown.schemaHash, /^[0-9a-f]{128}$/);
      const text = await project.ok("show", id);
      for (const line of lines) assert.match(text, line, about);
    }
  });
});

Deno.test("a beginning that two revisions share is refused with both of their names", async () => {
  await withProject({}, async (project) => {
    await twoBranches(project);
    await refused(project, ["show", "0002"], /"0002_city"[^]*"0002_dog"/);
  });
});
