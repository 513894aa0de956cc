/** The project on which adoption is tested is what the real original makes. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "../../lib/path.ts";
import { graphEnv, showData, showSchema, withEmptyGraph, withFolder } from "../harness.ts";
import { makeOriginalProject, ORIGINAL_REVISIONS, prepareOriginal } from "./original.ts";

Deno.test("the original makes a project with two applied migrations and a pending one", async () => {
  const executable = await prepareOriginal();
  await withEmptyGraph((graph) =>
    withFolder(async (folder) => {
      const project = await makeOriginalProject(executable, folder, graphEnv());
      const read = (revision: string) => Deno.readTextFileSync(join(project, `migrations/${revision}.py`));
      const [first, second, third] = ORIGINAL_REVISIONS;

      using ledger = new DatabaseSync(join(project, ".crochet/ledger.db"), { readOnly: true });
      const rows = ledger.prepare("SELECT * FROM applied_migrations ORDER BY applied_at").all();
      assert.deepEqual(rows.map((row) => [row.revision_id, row.parent_id]), [[first, null], [second, first]]);
      for (const row of rows) {
        assert.ok(read(String(row.revision_id)).includes(`schema_hash = "${row.schema_hash}"`));
      }
      assert.equal(ledger.prepare("SELECT * FROM schema_snapshots").all().length, 2);

      assert.match(read(second), /^ {4}ctx\.add_index\("Person", "email"\)$/m);
      assert.match(read(third), /^ {4}for .*\n {8}if /m);

      const schema = (await showSchema(graph)).join("\n");
      for (const name of ["uniq_Person_name", "uniq_City_name", "idx_Person_id", "idx_Person_email"]) {
        assert.match(schema, new RegExp(`"crochet_${name}"`));
      }
      const data = await showData(graph);
      assert.equal(data.filter((line) => line.startsWith("node")).length, 8, data.join("\n"));
      assert.equal(data.filter((line) => line.startsWith("relationship")).length, 3, data.join("\n"));
    })
  );
});
