/** The chain that the real neo4j-migrations leaves in a graph: what `crochet adopt` finds there. */
import assert from "node:assert/strict";
import { testGraph, withEmptyGraph, withFolder } from "../harness.ts";
import { migratePeer, PEER_MIGRATIONS, preparePeer } from "./peer.ts";

Deno.test("neo4j-migrations leaves a chain of three, its constraints, and no lock", async () => {
  const words = await preparePeer();
  const { uri, password } = testGraph();
  await withEmptyGraph((graph) =>
    withFolder(async (folder) => {
      await migratePeer(words, folder, uri, password);

      const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
      assert.deepEqual(names, Object.keys(PEER_MIGRATIONS).sort());
      const chain = await graph.read(
        `MATCH (from:__Neo4jMigration)-[r:MIGRATED_TO]->(to:__Neo4jMigration)
         RETURN from.version AS previous, properties(to) AS node, keys(r) AS keys ORDER BY r.at`,
      );
      const node = (version: string, description: string, source: string, checksum: string) => {
        const repeatable = source.startsWith("R");
        return { version, description, type: "CYPHER", source, repeatable, checksum };
      };
      assert.deepEqual(chain.map(({ previous, node }) => [previous, node]), [
        ["BASELINE", node("0001", "Create person", "V0001__Create_person.cypher", "3317810837")],
        ["0001", node("0002", "Load", "V0002__Load.cypher", "725730823")],
        ["0002", node("0003", "Refresh", "R0003__Refresh.cypher", "3188866026")],
      ]);
      for (const { keys } of chain) {
        assert.deepEqual((keys as string[]).sort(), ["at", "by", "connectedAs", "in"]);
      }

      const people = await graph.read(
        "MATCH (p:Person) RETURN p.name AS name, p.seen AS seen, COUNT { (p)-[:KNOWS]->() } AS knows ORDER BY p.id",
      );
      assert.deepEqual(people.map(({ name, seen, knows }) => [name, Number(seen), Number(knows)]), [
        ["Ada; of London", 1, 1],
        ["Grace", 1, 0],
      ]);

      const schema = await graph.read("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name");
      assert.deepEqual(schema.map(({ name }) => name).sort(), [
        "__Neo4jMigrationsLock__has_unique_id",
        "__Neo4jMigrationsLock__has_unique_name",
        "person_id",
        "repeated_at__Neo4jMigration",
        "unique_version___Neo4jMigration",
      ]);
      assert.deepEqual(await graph.read("MATCH (l:__Neo4jMigrationsLock) RETURN l.name AS name"), []);
    })
  );
});
