/**
 * A project whose migrations do everything that a run can do, what it leaves in a graph that nothing disturbed, and
 * what a disturbed one lost or has twice. Shared by the kill tests and by `deno task soak`.
 */
import { cpSync } from "node:fs";
import type { Graph } from "../../lib/graph.ts";
import { join } from "../../lib/path.ts";
import {
  emptyGraph,
  graphEnv,
  showData,
  showSchema,
  testGraph,
  TestProject,
  withFolder,
  withProject,
  writeMigration,
} from "../harness.ts";
import { type Fate, Proxy, type Request } from "./proxy.ts";

/** Which way the disturbed run goes. */
export type Way = "upgrade" | "downgrade";

/** How often what the migrations make is to be found; a disturbed graph is compared with this. */
export interface Picture {
  data: string[];
  schema: string[];
  record: string[];
}

/** What is lost and what is there twice, compared with an undisturbed run. */
export interface Difference {
  lost: string[];
  more: string[];
}

const MODULE = `/** Rows as a file gives them, in batches. */
export function* batches(rows: number, size: number) {
  for (let from = 0; from < rows; from += size) {
    yield Array.from({ length: Math.min(size, rows - from) }, (_, i) => ({ id: from + i, text: "row " + (from + i) }));
  }
}
`;

/** The migrations: name, body of the upgrade, body of the downgrade. */
const MIGRATIONS: [name: string, up: string, down: string][] = [
  [
    "schema and rows",
    `  await ctx.addUniqueConstraint("Person", "id");
  await ctx.addIndex("Person", "name");
  await ctx.runCypher("CREATE INDEX own FOR (c:City) ON (c.name)");
  await ctx.createNodes("Person", [{ id: 1, name: "Ada" }, { id: 2, name: "Grace" }, { id: 3, name: "Edsger" }]);
  await ctx.runCypher("CREATE (:City {name: 'London', id: 1}), (:City {name: 'Paris', id: 2})");
  await ctx.createRelationships("Person", "City", "LIVES_IN", [{ source: 1, target: 1, properties: { since: "1815" } }, { source: 2, target: 2 }], { sourceKey: "id", targetKey: "id" });
  await ctx.upsertNodes("Person", [{ id: 3, name: "Edsger W." }, { id: 4, name: "Barbara" }], { mergeKeys: ["id"] });`,
    `  await ctx.runCypher("MATCH (p:Person) DETACH DELETE p");
  await ctx.runCypher("MATCH (c:City) DETACH DELETE c");
  await ctx.runCypher("DROP INDEX own");
  await ctx.dropIndex("Person", "name");
  await ctx.dropUniqueConstraint("Person", "id");`,
  ],
  [
    "bulk",
    `  await ctx.addUniqueConstraint("Row", "id");
  for (const batch of batches(600, 150)) await ctx.createNodes("Row", batch);
  const [{ n }] = await ctx.runCypher<{ n: number }>("MATCH (r:Row) RETURN count(r) AS n");
  await ctx.beginBatch("0002_bulk:more");
  await ctx.bulkCreateNodes("More", Array.from({ length: n }, (_, i) => ({ id: i, odd: i % 2 === 1 })), { chunkSize: 100 });
  await ctx.bulkCreateNodes("Server", Array.from({ length: n }, (_, i) => ({ id: i })), { chunkSize: 100, callInTransactions: true });
  const [counted] = await ctx.runCypher<{ n: number }>("CREATE (c:Counter) SET c.n = 1 RETURN c.n AS n");
  if (counted.n === 1) await ctx.runCypher("MATCH (c:Counter) SET c.n = c.n + 1");
  for (let i = 0; i < 4; i++) await ctx.runCypher("MATCH (c:Counter) SET c.n = c.n + $i", { i });
  await ctx.bulkCreateRelationships("Row", "Row", "NEXT", Array.from({ length: n - 1 }, (_, i) => ({ source: i, target: i + 1 })), { sourceKey: "id", targetKey: "id", chunkSize: 200 });`,
    `  await ctx.runCypher("MATCH (c:Counter) DELETE c");
  await ctx.deleteRelationshipsByBatch("NEXT", "0002_bulk:more");
  await ctx.deleteNodesByBatch("Server", "0002_bulk:more");
  await ctx.deleteNodesByBatch("More", "0002_bulk:more");
  await ctx.deleteNodesByBatch("Row", ctx.batch);
  await ctx.dropUniqueConstraint("Row", "id");`,
  ],
  [
    "transforms",
    `  await ctx.renameLabel("More", "Much");
  await ctx.renameNodeProperty("Row", "text", "label");
  await ctx.addNodeProperty("Server", "seen", false);
  await ctx.renameRelationshipType("NEXT", "FOLLOWED_BY");
  await ctx.runCypher("MATCH (s:Server) WHERE s.rank IS NULL CALL { WITH s SET s.rank = s.id * 2 } IN TRANSACTIONS OF 100 ROWS");
  await ctx.runCypher("CREATE CONSTRAINT much FOR (m:Much) REQUIRE m.id IS UNIQUE");
  await ctx.runCypher("MATCH (c:Counter) SET c.n = c.n * 3");`,
    `  await ctx.runCypher("MATCH (c:Counter) SET c.n = c.n / 3");
  await ctx.runCypher("DROP CONSTRAINT much");
  await ctx.runCypher("MATCH (s:Server) WHERE s.rank IS NOT NULL CALL { WITH s REMOVE s.rank } IN TRANSACTIONS OF 100 ROWS");
  await ctx.renameRelationshipType("FOLLOWED_BY", "NEXT");
  await ctx.removeNodeProperty("Server", "seen");
  await ctx.renameNodeProperty("Row", "label", "text");
  await ctx.renameLabel("Much", "More");`,
  ],
];

const CYPHER_UP = `CREATE INDEX plain FOR (p:Plain) ON (p.x);
UNWIND range(1, 50) AS x CREATE (:Plain {x: x});
MATCH (p:Plain) WHERE p.x > 25 SET p:Big;`;
const CYPHER_DOWN = `MATCH (p:Plain) DELETE p;
DROP INDEX plain;`;

/** Makes the project once and runs it undisturbed, both ways; then lets a test disturb copies of it. */
export class KillBench {
  private constructor(
    private readonly master: string,
    private readonly scratch: string,
    readonly proxy: Proxy,
    private readonly graph: Graph,
  ) {}

  /** What an undisturbed run leaves, for each way. */
  pictures!: Record<Way, Picture>;
  /** How many requests an undisturbed run sends, and how long it takes, in milliseconds. */
  extent!: Record<Way, { requests: number; ms: number }>;
  private copies = 0;

  /** Lends a bench for a piece of work. */
  static async with(
    graph: Graph,
    work: (bench: KillBench) => Promise<void>,
    uri = testGraph().uri,
  ): Promise<void> {
    const [, hostname, port] = /\/\/([^:/]+):(\d+)/.exec(uri)!;
    await withFolder((scratch) =>
      withProject({}, async (project) => {
        await writeProject(project);
        const proxy = new Proxy({ hostname, port: Number(port) });
        try {
          const bench = new KillBench(project.root, scratch, proxy, graph);
          await bench.measure();
          await work(bench);
        } finally {
          proxy.close();
        }
      })
    );
  }

  private async measure(): Promise<void> {
    const extent: Partial<KillBench["extent"]> = {};
    const pictures: Partial<KillBench["pictures"]> = {};
    const project = await this.fresh("upgrade");
    for (const way of ["upgrade", "downgrade"] as const) {
      const [requests, began] = [this.proxy.requests, Date.now()];
      await project.ok(...wordsOf(way));
      extent[way] = { requests: this.proxy.requests - requests, ms: Date.now() - began };
      pictures[way] = await this.picture();
      if ((await project.run("verify")).code !== 0) throw new Error((await project.run("verify")).out);
    }
    this.extent = extent as KillBench["extent"];
    this.pictures = pictures as KillBench["pictures"];
  }

  /** A copy of the project before an empty graph, or before one that has everything applied. */
  async fresh(way: Way): Promise<TestProject> {
    this.proxy.decide = () => "pass";
    await emptyGraph(this.graph);
    const root = join(this.scratch, String(++this.copies));
    cpSync(this.master, root, { recursive: true });
    const project = new TestProject(root, { ...graphEnv(), CROCHET_NEO4J_URI: this.proxy.uri });
    if (way === "downgrade") await project.ok("upgrade");
    this.proxy.requests = 0;
    return project;
  }

  /** Disturbs a run, lets the next ones finish it, and gives what is lost or there twice. */
  async disturb(
    way: Way,
    disturbance: Disturbance,
  ): Promise<{ difference: Difference; tries: number; wasDisturbed: boolean; said: string }> {
    const project = await this.fresh(way);
    const running = project.start(...wordsOf(way));
    const kill = () => {
      try {
        running.child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
    };
    const stop = disturbance(kill, this.proxy);
    const first = await running.outcome;
    await stop?.();
    this.proxy.decide = () => "pass";
    this.proxy.answered = () => {};
    let tries = 0;
    let last = { code: -1, out: "", err: "" };
    while (last.code !== 0 && tries < 3) {
      tries++;
      last = await project.run(...wordsOf(way), "--lock-timeout", "40");
    }
    const said =
      `first run: ${first.code}\n${first.out}${first.err}\nlast run: ${last.code}\n${last.out}${last.err}`;
    const verified = await project.run("verify");
    const difference = compare(await this.picture(), this.pictures[way]);
    if (last.code !== 0) difference.lost.push("the run was never finished");
    if (verified.code !== 0) difference.lost.push(`verify fails: ${verified.out}`);
    Deno.removeSync(project.root, { recursive: true });
    return { difference, tries, wasDisturbed: first.code !== 0, said };
  }

  /** What is in the graph now, in a form that two runs share. */
  private async picture(): Promise<Picture> {
    const record = await this.graph.read(
      "MATCH (n) WHERE n:_CrochetRevision OR n:_CrochetOperation OR n:_CrochetBatch RETURN labels(n)[0] AS label, n.id AS id, " +
        "n.state AS state, n.digest AS digest, n.adopted AS adopted, n.made AS made, n.nodes AS nodes, n.relationships AS relationships, n.position AS position ORDER BY label, id",
    );
    return {
      data: await showData(this.graph),
      schema: await showSchema(this.graph),
      record: record.map((row) => JSON.stringify(row)),
    };
  }
}

/** Does something to a run under way; what it gives is called when the run has ended. */
export type Disturbance = (kill: () => void, proxy: Proxy) => (() => Promise<void> | void) | void;

/** Kills the run at its n-th request: before the server sees it, or when the server has answered. */
export function killAt(request: number, when: "before" | "after"): Disturbance {
  return (kill, proxy) => {
    proxy.decide = ({ number }) => {
      if (number !== request) return "pass";
      if (when === "before") {
        kill();
        return "cut";
      }
      proxy.answered = kill;
      return "stall";
    };
  };
}

/** Kills the run after a time, in milliseconds. */
export function killAfter(ms: number): Disturbance {
  return (kill) => {
    const timer = setTimeout(kill, ms);
    return () => clearTimeout(timer);
  };
}

/** Gives the n-th request that a test is for (any one, or a commit) a fate of its own. */
export function fateOf(
  nth: number,
  fate: Fate,
  of: (request: Request) => boolean = () => true,
  onFate: () => void = () => {},
): Disturbance {
  return (_, proxy) => {
    let seen = 0;
    proxy.decide = (request) => {
      if (!of(request) || ++seen !== nth) return "pass";
      onFate();
      return fate;
    };
  };
}

function wordsOf(way: Way): string[] {
  return way === "upgrade" ? ["upgrade"] : ["downgrade", "--target", "base"];
}

async function writeProject(project: TestProject): Promise<void> {
  project.write("migrations/batches.ts", MODULE);
  for (const [name, up, down] of MIGRATIONS) {
    const file = await writeMigration(project, name, up, down);
    if (up.includes("batches(")) {
      project.write(file, `import { batches } from "./batches.ts";\n${project.read(file)}`);
    }
  }
  const { files: [file] } = await project.json("create-migration", "plain", "--empty", "--cypher");
  const text = project.read(file);
  const [head] = text.split("// crochet: upgrade");
  project.write(file, `${head}// crochet: upgrade\n${CYPHER_UP}\n// crochet: downgrade\n${CYPHER_DOWN}\n`);
}

function compare(found: Picture, wanted: Picture): Difference {
  const difference: Difference = { lost: [], more: [] };
  for (const part of ["data", "schema", "record"] as const) {
    const counts = new Map<string, number>();
    for (const line of wanted[part]) counts.set(line, (counts.get(line) ?? 0) + 1);
    for (const line of found[part]) counts.set(line, (counts.get(line) ?? 0) - 1);
    for (const [line, n] of counts) {
      for (let i = 0; i < Math.abs(n); i++) (n > 0 ? difference.lost : difference.more).push(line);
    }
  }
  return difference;
}
