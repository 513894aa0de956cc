/** What an editor says of a drafted migration: TypeScript's own compiler, with the files that a project carries. */
import assert from "node:assert/strict";
import { type TestProject, withProject } from "./harness.ts";

/** Diagnostics of the project's migrations folder. */
async function diagnose(project: TestProject): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--no-config", "npm:typescript@5.9.3/tsc", "--project", "migrations"],
    cwd: project.root,
    env: { NO_COLOR: "1" },
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("a drafted migration has types, and a wrong call is underlined", async () => {
  const models = `from neomodel import *


class Person(StructuredNode):
    __kgid__ = "person_v1"
    name = StringProperty(unique_index=True)
    score = FloatProperty(default=1.0)
    about = StringProperty(fulltext_index=FulltextIndex(analyzer="english"))
    embedding = ArrayProperty(FloatProperty(), vector_index=VectorIndex(dimensions=8))
`;
  await withProject({}, async (project) => {
    project.write("models/person.py", models.replace(/ {4}score.*\n/, ""));
    await project.ok("create-migration", "first");
    project.write("models/person.py", models);
    await project.ok("create-migration", "score");
    assert.match(
      project.read("migrations/0002_score.ts"),
      /addNodeProperty\("Person", "score", float\(1\)\)/,
    );
    project.write(
      "migrations/rows.ts",
      'import type { Row } from "crochet";\n\nexport const rows: Row[] = [{ name: "Ada" }];\n',
    );
    const file = "migrations/0002_score.ts";
    project.write(
      file,
      project.read(file).replace("import type", 'import { rows } from "./rows.ts";\nimport type').replace(
        "  await ctx.",
        '  await ctx.createNodes("Person", rows);\n  await ctx.',
      ),
    );
    assert.equal(await diagnose(project), "");
    project.write(file, project.read(file).replace("ctx.createNodes", "ctx.createNode"));
    assert.match(
      await diagnose(project),
      /0002_score\.ts\(\d+,\d+\): error TS2551: .*Did you mean 'createNodes'/,
    );
  });
});
