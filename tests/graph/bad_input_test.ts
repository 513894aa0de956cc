/**
 * What people and networks get wrong, where a server is needed: refused before anything was written, finished
 * exactly once after a cut, and never a secret or a stack trace in an output.
 */
import assert from "node:assert/strict";
import type { Graph } from "../../lib/graph.ts";
import {
  graphEnv,
  type Outcome,
  showData,
  showSchema,
  testGraph,
  TestProject,
  withFolder,
  withGraphProject,
} from "../harness.ts";

const SECRET = "hunter2-very-secret";
const FRAME = /^\s+at .*:\d+:\d+\)?$/m;

/** What a refused command must say. */
interface Refusal {
  says: (RegExp | string)[];
  hint?: RegExp;
  code?: number;
}

/** Runs a command; whatever it says, it says no secret and shows no stack trace. */
async function run(project: TestProject, ...args: string[]): Promise<Outcome> {
  const outcome = await project.run(...args);
  checkClean(outcome, args);
  return outcome;
}

function checkClean({ code, out, err }: Outcome, args: string[]): void {
  const text = out + err;
  const what = `crochet ${args.join(" ")}`;
  for (const secret of [SECRET, testGraph().password]) {
    assert.ok(!text.includes(secret), `${what}: a secret is in the output:\n${text}`);
  }
  assert.notEqual(code, 70, text);
  assert.doesNotMatch(text, /fault of crochet|\[object Object\]/, what);
  if (!args.includes("--debug")) assert.doesNotMatch(text, FRAME, `${what}: a stack trace`);
}

/** Runs a command that must be refused. */
async function fails(project: TestProject, args: string[], refusal: Refusal): Promise<void> {
  const { says, hint, code = 2 } = refusal;
  const outcome = await run(project, ...args);
  const shown = `crochet ${args.join(" ")}\nexit ${outcome.code}\n${outcome.out}${outcome.err}`;
  assert.equal(outcome.code, code, shown);
  for (const words of says) {
    const there = typeof words === "string" ? outcome.err.includes(words) : words.test(outcome.err);
    assert.ok(there, `${words} is not said by ${shown}`);
  }
  assert.match(outcome.err, /^Hint: .+/m, shown);
  if (hint) assert.match(outcome.err.slice(outcome.err.indexOf("Hint: ")), hint, shown);
}

/** Everything in the graph, Crochet's own record too, and the schema. */
async function everything(
  graph: Graph,
): Promise<{ data: string[]; schema: string[]; own: unknown[] }> {
  const own = await graph.read(
    "MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH '_Crochet') RETURN labels(n) AS labels, properties(n) AS p ORDER BY labels, n.position, n.revisionId, elementId(n)",
  );
  return { data: await showData(graph), schema: await showSchema(graph), own };
}

/** A refusal that leaves files and graph as they were. */
async function refused(
  project: TestProject,
  graph: Graph,
  args: string[],
  refusal: Refusal,
): Promise<void> {
  const files = tree(project.root);
  const before = await everything(graph);
  await fails(project, args, refusal);
  const after = await everything(graph);
  if (JSON.stringify(after) !== JSON.stringify(before)) {
    assert.fail(`crochet ${args.join(" ")} wrote to the graph: ${after.data.join("\n  ")}`);
  }
  assert.deepEqual(tree(project.root), files, `crochet ${args.join(" ")} wrote a file`);
}

/** Everything in a folder but the ledger: path and content. */
function tree(folder: string, prefix = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) Object.assign(found, tree(path, prefix + entry.name + "/"));
    else if (!/ledger\.db/.test(entry.name)) found[prefix + entry.name] = Deno.readTextFileSync(path);
  }
  return found;
}

/** Runs every case and tells of all that fail, so that one does not hide the others. */
async function each<T>(cases: Record<string, T>, check: (item: T, name: string) => Promise<void>) {
  const failures: string[] = [];
  for (const [name, item] of Object.entries(cases)) {
    try {
      await check(item, name);
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
    }
  }
  if (failures.length > 0) assert.fail(failures.join("\n\n"));
}

/** Puts other bodies into a migration. */
function write(project: TestProject, id: string, upgrade: string, downgrade = ""): void {
  let text = project.read(`migrations/${id}.ts`);
  for (const [direction, body] of [["upgrade", upgrade], ["downgrade", downgrade]]) {
    text = text.replace(
      new RegExp(`(${direction}\\(ctx: MigrationContext\\): Promise<void> \\{\\n)[^]*?(\\n\\}\\n)`),
      (_, head, tail) => head + body + tail,
    );
  }
  project.write(`migrations/${id}.ts`, text);
}

/** A new revision with these bodies; gives its id. */
async function revision(
  project: TestProject,
  name: string,
  upgrade: string,
  downgrade = "",
): Promise<string> {
  const { revisionId } = await project.json("create-migration", name, "--empty");
  write(project, revisionId, upgrade, downgrade);
  return revisionId;
}

/** A project whose only node class is Person, applied as 0001_start. */
async function started(project: TestProject): Promise<void> {
  await project.ok("create-node", "Person");
  await project.ok("create-migration", "start");
  await project.ok("upgrade");
}

Deno.test("a connection that cannot be made is told apart, and nothing is touched", async () => {
  await withGraphProject({}, async (project, graph) => {
    await project.ok("create-node", "Person");
    await project.ok("create-migration", "start");
    const { uri } = testGraph();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const deaf = `bolt://127.0.0.1:${listener.addr.port}`;
    const hangUp = (async () => {
      for await (const connection of listener) connection.close();
    })();
    const other = (changes: Record<string, string>) =>
      project.with({ CROCHET_NEO4J_PASSWORD: SECRET, ...changes });
    try {
      await each<[TestProject, Refusal]>({
        "wrong scheme": [other({ CROCHET_NEO4J_URI: uri.replace("bolt", "blt") }), {
          says: ['"blt"'],
          hint: /bolt:\/\//,
        }],
        "a password in the URI": [other({ CROCHET_NEO4J_URI: uri.replace("://", `://neo4j:${SECRET}@`) }), {
          says: [/password/],
          hint: /CROCHET_NEO4J_PASSWORD/,
        }],
        // An unknown user, since the server locks a known one out after three tries.
        "wrong password": [other({ CROCHET_NEO4J_USERNAME: "nobody" }), {
          code: 3,
          says: [uri, /password/, '"nobody"'],
          hint: /CROCHET_NEO4J_PASSWORD/,
        }],
        // A pipeline whose secret is not set gives an empty one: no login is tried with it.
        "an empty password": [other({ CROCHET_NEO4J_USERNAME: "nobody2", CROCHET_NEO4J_PASSWORD: "" }), {
          code: 3,
          says: [/no password is set/],
          hint: /CROCHET_NEO4J_PASSWORD/,
        }],
        "no server": [other({ CROCHET_NEO4J_URI: "bolt://127.0.0.1:1" }), {
          code: 3,
          says: ["bolt://127.0.0.1:1", /nothing answers/],
          hint: /crochet dev up/,
        }],
        "no such host": [other({ CROCHET_NEO4J_URI: "bolt://no-such-host.invalid:7687" }), {
          code: 3,
          says: ["no-such-host.invalid", /host/],
        }],
        "something that hangs up": [other({ CROCHET_NEO4J_URI: deaf }), { code: 3, says: [deaf] }],
        "unknown database": [project.with({ CROCHET_NEO4J_DATABASE: "nope" }), {
          code: 3,
          says: ['"nope"', uri],
          hint: /CROCHET_NEO4J_DATABASE/,
        }],
      }, async ([wrong, refusal]) => {
        await refused(wrong, graph, ["upgrade"], refusal);
        await run(wrong, "verify", "--debug");
        await run(wrong, "status", "--json", "--debug");
      });
      const status = await run(other({ CROCHET_NEO4J_URI: "bolt://127.0.0.1:1" }), "status");
      assert.equal(status.code, 0, status.err);
      assert.match(status.out, /not reached/);
      const verify = await run(other({ CROCHET_NEO4J_URI: "bolt://127.0.0.1:1" }), "verify");
      assert.equal(verify.code, 3, verify.err);
    } finally {
      listener.close();
      await hangUp.catch(() => {});
    }
  });
});

/**
 * Where a connection is cut: instead of the rows with the mark, after them, instead of their commit, after it. After
 * means that the server gets the bytes, and that its answer is lost.
 */
type Cut = "before rows" | "after rows" | "before commit" | "after commit";

/** COMMIT as a message of Bolt. */
const COMMIT = [0x00, 0x02, 0xb0, 0x12, 0x00, 0x00];

/** A proxy before the graph that cuts all connections once; then it answers again, or never. */
async function withProxy(
  options: { mark: string; cut: Cut; comesBack: boolean },
  work: (uri: string, wasCut: () => boolean) => Promise<void>,
): Promise<void> {
  const target = new URL(testGraph().uri.replace("bolt", "http"));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const mark = new TextEncoder().encode(options.mark);
  const open = new Set<Deno.Conn>();
  let state: "open" | "silent" | "cut" = "open";
  const close = (connection: Deno.Conn) => {
    if (open.delete(connection)) connection.close();
  };
  const cutAll = () => {
    state = "cut";
    [...open].forEach(close);
  };
  const pass = async (from: Deno.Conn, onBytes: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>) => {
    const buffer = new Uint8Array(65_536);
    try {
      for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
        await onBytes(buffer.slice(0, n));
      }
    } catch {
      // Cut.
    }
  };
  const serve = async (client: Deno.Conn) => {
    const server = await Deno.connect({ hostname: target.hostname, port: Number(target.port) });
    open.add(client).add(server);
    let marked = false;
    await Promise.race([
      pass(client, async (bytes) => {
        if (state === "open") {
          marked ||= indexOf(bytes, mark) !== -1;
          const now = marked && (options.cut.endsWith("rows") || indexOf(bytes, COMMIT) !== -1);
          if (now && options.cut.startsWith("before")) return cutAll();
          if (now) {
            state = "silent";
            setTimeout(cutAll, 300);
          }
        }
        await server.write(bytes);
      }),
      pass(server, async (bytes) => {
        if (state !== "silent") await client.write(bytes);
      }),
    ]);
    close(client);
    close(server);
  };
  const serving = (async () => {
    for await (const client of listener) {
      if (state === "open" || (state === "cut" && options.comesBack)) serve(client).catch(() => {});
      else client.close();
    }
  })();
  try {
    await work(`bolt://127.0.0.1:${listener.addr.port}`, () => state === "cut");
  } finally {
    listener.close();
    await serving.catch(() => {});
    [...open].forEach(close);
  }
}

function indexOf(bytes: Uint8Array, part: ArrayLike<number>): number {
  outer: for (let i = 0; i + part.length <= bytes.length; i++) {
    for (let j = 0; j < part.length; j++) if (bytes[i + j] !== part[j]) continue outer;
    return i;
  }
  return -1;
}

const ROWS = 1000;
const LOAD =
  `  await ctx.addIndex("Row", "key");\n  const rows = Array.from({ length: ${ROWS} }, (_, i) => ({ key: \`row-\${String(i).padStart(4, "0")}\` }));\n  await ctx.bulkCreateNodes("Row", rows, { chunkSize: 100 });\n  await ctx.createNodes("Row", [{ key: "last" }]);`;
const UNLOAD = `  await ctx.deleteNodesByBatch("Row", ctx.batch);\n  await ctx.dropIndex("Row", "key");`;

async function checkRows(graph: Graph): Promise<void> {
  const [row] = await graph.read("MATCH (n:Row) RETURN count(*) AS n, count(DISTINCT n.key) AS keys");
  assert.deepEqual(row, { n: ROWS + 1, keys: ROWS + 1 });
}

Deno.test("a connection that is cut for a moment while rows are loaded leaves every row exactly once", async () => {
  for (const cut of ["before rows", "after commit"] as const) {
    await withGraphProject({}, async (project, graph) => {
      const id = await revision(project, "load", LOAD, UNLOAD);
      await withProxy({ mark: "row-0450", cut, comesBack: true }, async (uri, wasCut) => {
        const through = await run(project.with({ CROCHET_NEO4J_URI: uri }), "upgrade");
        assert.ok(wasCut(), `${cut}: nothing was cut`);
        assert.ok([0, 3].includes(through.code), `${cut}: ${through.out}${through.err}`);
        // A run that lost its connection for good may leave its lock; its message says how to break it.
        if (through.code === 3) await run(project, "unlock", "--yes");
      });
      // Directly: what the cut left open is finished, what was finished stays. Another address is another ledger
      // entry, so this run learns from the graph.
      const direct = await run(project, "upgrade");
      assert.equal(direct.code, 0, `${cut}: ${direct.out}${direct.err}`);
      await checkRows(graph);
      assert.deepEqual(
        (await project.json("status")).applied.map((r: { revisionId: string }) => r.revisionId),
        [
          id,
        ],
      );
      await project.ok("downgrade");
      assert.deepEqual([await showData(graph), await showSchema(graph)], [[], []], cut);
    });
  }
});

Deno.test("a server that goes away while rows are loaded is told with the next step, and the next run finishes", async () => {
  await withGraphProject({}, async (project, graph) => {
    const id = await revision(project, "load", LOAD, UNLOAD);
    await withProxy({ mark: "row-0450", cut: "after commit", comesBack: false }, async (uri, wasCut) => {
      const began = performance.now();
      await fails(project.with({ CROCHET_NEO4J_URI: uri }), ["upgrade"], {
        code: 3,
        says: [uri],
        hint: /server|crochet/,
      });
      assert.ok(wasCut());
      const seconds = (performance.now() - began) / 1000;
      assert.ok(seconds < 45, `it took ${seconds} s to give up`);
    });
    const [{ n }] = await graph.read("MATCH (n:Row) RETURN count(*) AS n");
    assert.ok(Number(n) > 0 && Number(n) < ROWS, String(n));
    await run(project, "unlock", "--yes");
    const direct = await run(project, "upgrade");
    assert.equal(direct.code, 0, direct.out + direct.err);
    await checkRows(graph);
    assert.equal((await project.json("status")).applied[0].revisionId, id);
  });
});

const NAMES = [
  "back`tick",
  "`",
  'double"quote',
  "single'quote",
  "with space",
  "人物",
  "🧶",
  "ends with \\",
  "a:b|c&d!%",
  "a)-[:X]->(b",
  "// comment",
  "$param",
  "tab\tand\nline;{{ name }}",
];

/** Names that Cypher would read as other names. */
const ESCAPES = ["\\u0060", "a\\u0060b", "a\\u0041b", "C:\\users"];

/** The names that a probe with this name has. */
function namesOf(name: string) {
  return {
    label: name,
    key: `${name} key`,
    note: `note ${name}`,
    type: `T ${name}`,
    renamed: `${name} 2`,
    renamedNote: `${name} renamed`,
  };
}

/** Operations that use a name everywhere a name can stand, and their inverses. */
function probe(name: string): { upgrade: string; downgrade: string } {
  const { label, key, note, type, renamed, renamedNote } = Object.fromEntries(
    Object.entries(namesOf(name)).map(([what, text]) => [what, JSON.stringify(text)]),
  );
  const code = (lines: string[]) => lines.map((line) => `  await ctx.${line};`).join("\n");
  return {
    upgrade: code([
      `addUniqueConstraint(${label}, ${key})`,
      `addIndex(${label}, ${note})`,
      `createNodes([${label}, "Probe"], [{ [${key}]: 1, [${note}]: ${note} }, { [${key}]: 2 }])`,
      `createRelationships(${label}, ${label}, ${type}, [{ source: 1, target: 2, properties: { [${note}]: ${note} } }], { sourceKey: ${key}, targetKey: ${key} })`,
      `renameNodeProperty(${label}, ${note}, ${renamedNote})`,
      `renameLabel(${label}, ${renamed})`,
      `addNodeProperty(${renamed}, ${note}, ${label})`,
    ]),
    downgrade: code([
      `removeNodeProperty(${renamed}, ${note})`,
      `renameLabel(${renamed}, ${label})`,
      `renameNodeProperty(${label}, ${renamedNote}, ${note})`,
      `deleteRelationshipsByBatch(${type}, ctx.batch)`,
      `deleteNodesByBatch(${label}, ctx.batch)`,
      `dropIndex(${label}, ${note})`,
      `dropUniqueConstraint(${label}, ${key})`,
    ]),
  };
}

/** Compares what is in the graph with what the probe of a name made. */
async function checkProbe(graph: Graph, name: string): Promise<void> {
  const { label, key, note, type, renamed, renamedNote } = namesOf(name);
  const rows = await graph.read(
    "MATCH (n:Probe)-[r]->(:Probe) WHERE $label IN labels(n) RETURN labels(n) AS labels, properties(n) AS p, type(r) AS type, properties(r) AS rp",
    { label: renamed },
  );
  assert.equal(rows.length, 1, JSON.stringify(name));
  const plain = (row: unknown) =>
    Object.fromEntries(
      Object.entries(row as Record<string, unknown>).filter(([property]) => property !== "_crochet_batch"),
    );
  assert.deepEqual((rows[0].labels as string[]).toSorted(), [renamed, "Probe"].toSorted());
  assert.deepEqual(plain(rows[0].p), { [key]: 1, [renamedNote]: note, [note]: label });
  assert.deepEqual([rows[0].type, plain(rows[0].rp)], [type, { [note]: note }]);
  const shapes = await graph.read(
    "SHOW INDEXES YIELD labelsOrTypes, properties WHERE labelsOrTypes = $labels RETURN properties",
    { labels: [label] },
  );
  assert.deepEqual(
    shapes.map((row) => (row.properties as string[])[0]).toSorted(),
    [key, note].toSorted(),
  );
}

Deno.test("labels, types and properties of any letters come through as they are, and go away again", async () => {
  await withGraphProject({}, async (project, graph) => {
    const probes = NAMES.map(probe);
    await revision(
      project,
      "names",
      probes.map(({ upgrade }) => upgrade).join("\n"),
      probes.map(({ downgrade }) => downgrade).join("\n"),
    );
    const up = await run(project, "upgrade");
    assert.equal(up.code, 0, up.err);
    for (const name of NAMES) await checkProbe(graph, name);
    const down = await run(project, "downgrade");
    assert.equal(down.code, 0, down.err);
    assert.deepEqual([await showData(graph), await showSchema(graph)], [[], []]);
  });
});

Deno.test("names that hold an escape of Cypher are taken letter by letter", async () => {
  await each(
    Object.fromEntries(ESCAPES.map((name) => [name, name])),
    (name) =>
      withGraphProject({}, async (project, graph) => {
        const { upgrade, downgrade } = probe(name);
        await revision(project, "names", upgrade, downgrade);
        const up = await run(project, "upgrade");
        assert.equal(up.code, 0, up.err);
        await checkProbe(graph, name);
        const down = await run(project, "downgrade");
        assert.equal(down.code, 0, down.err);
        assert.deepEqual([await showData(graph), await showSchema(graph)], [[], []]);
      }),
  );
});

Deno.test("what the plan can know is refused before anything ran", async () => {
  await withGraphProject({}, async (project, graph) => {
    await started(project);
    await graph.implicit(
      'CREATE (:Dog {name: "Rex"}), (:Dog {name: "Rex"}), (:Dog {name: "Ina"}), (:`od\`\`d` {`a b`: 1}), (:`od\`\`d` {`a b`: 1})',
    );
    await graph.implicit(
      "MATCH (p:Dog {name: 'Ina'}) CREATE (p)-[:LIKES {since: 1}]->(p), (p)-[:LIKES {since: 1}]->(p)",
    );
    project.write("crochet.toml", project.read("crochet.toml") + "\n[migrations]\ntime_limit_seconds = 1\n");
    const id = await revision(project, "trial", "", "");
    const file = `${id}.ts`;
    const duplicates = { says: [file, /Rex" stands 2 times/, /unique/], hint: /clean the data/ };
    const existence = {
      says: [file, /existence constraint/, /Community Edition/],
      hint: /remove it/,
    };
    const write1 = '  await ctx.createNodes("Cat", [{ name: "Mia" }]);\n';
    const schema1 = '  await ctx.addIndex("Cat", "name");\n';
    await each<[string, Refusal]>({
      "a unique constraint over duplicates": ['  await ctx.addUniqueConstraint("Dog", "name");', duplicates],
      "the same as the second operation": [
        schema1 + '  await ctx.addUniqueConstraint("Dog", "name");',
        duplicates,
      ],
      "the same with odd names": [
        '  await ctx.addUniqueConstraint("od`d", "a b");',
        { says: [file, /1 stands 2 times/], hint: /clean the data/ },
      ],
      "a unique constraint over relationships": [
        '  await ctx.addRelationshipUniqueConstraint("LIKES", "since");',
        { says: [file, /1 stands 2 times/], hint: /clean the data/ },
      ],
      "an existence constraint": [
        '  await ctx.addNodePropertyExistenceConstraint("Dog", "name");',
        existence,
      ],
      "the same after an index": [
        schema1 + '  await ctx.addNodePropertyExistenceConstraint("Dog", "name");',
        existence,
      ],
      "the same after rows": [
        write1 + '  await ctx.addNodePropertyExistenceConstraint("Dog", "name");',
        existence,
      ],
      "a loss in a migration that is marked safe": ['  await ctx.removeNodeProperty("Dog", "name");', {
        says: [file, /rollbackSafe/, /Dog\.name/],
        hint: new RegExp(`rollbackSafe = false.*--accept-loss ${id}`),
      }],
      "a loss of relationships": [write1 + '  await ctx.removeRelationshipProperty("LIKES", "since");', {
        says: [file, /LIKES\.since/],
        hint: /--accept-loss/,
      }],
      "a misspelled operation after rows": [write1 + '  await ctx.createNods("Cat", []);', {
        says: ["ctx.createNods"],
        hint: /ctx\.createNodes/,
      }],
      "a wrong argument after rows": [write1 + '  await ctx.addIndex("Cat");', {
        says: ["addIndex(label, property | properties)"],
      }],
      "an endless loop after rows": [write1 + "  while (true) {}", {
        says: [file, /1 second/],
        hint: /time_limit_seconds/,
      }],
      "rows that nobody awaits": ['  ctx.createNodes("Cat", [{ name: "Mia" }]);', {
        says: [file, "createNodes"],
        hint: /await ctx\.createNodes/,
      }],
      "the clock after rows": [write1 + "  console.log(new Date());", { says: [file, /clock/i] }],
      "a file after rows": [write1 + '  Deno.readTextFileSync("/etc/passwd");', { says: [file] }],
      "a value that cannot be stored": ['  await ctx.createNodes("Cat", [{ name: { first: "Mia" } }]);', {
        says: [/"name"/],
      }],
      "a whole number that Neo4j cannot hold": [
        '  await ctx.createNodes("Cat", [{ name: 2n ** 64n + 5n }]);',
        {
          says: [/"name"/],
        },
      ],
      "a list of lists": ['  await ctx.createNodes("Cat", [{ name: [[1]] }]);', { says: [/"name"/] }],
      "Cypher with a fault after rows": [write1 + '  await ctx.runCypher("MATCH (n:Cat RETURN n");', {
        says: [/Invalid input|syntax/i],
        hint: /Cypher/,
      }],
      "a source that two properties could name": [
        write1 + '  await ctx.createRelationships("Cat", "Cat", "LIKES", [{ source: 1, target: 2 }]);',
        { says: [/Cat/], hint: /sourceKey/ },
      ],
    }, async ([body, refusal]) => {
      write(project, id, body);
      try {
        await refused(project, graph, ["upgrade"], refusal);
      } catch (error) {
        // It ran after all: the next case starts as this one did.
        const { applied, partial } = await project.json("status");
        if (partial) await run(project, "resolve", id, "--redo");
        if (applied.length > 1) await project.ok("downgrade");
        await graph.implicit("MATCH (n:Cat) DETACH DELETE n");
        await graph.implicit("DROP INDEX index_Cat_name IF EXISTS");
        throw error;
      }
    });
    write(project, id, '  await ctx.addUniqueConstraint("Dog", "name");');
    await refused(project, graph, ["plan"], duplicates);
    await refused(project, graph, ["upgrade", "--dry-run"], duplicates);
  });
});

Deno.test("a rename to the same name loses nothing", async () => {
  await withGraphProject({}, async (project, graph) => {
    await started(project);
    await graph.implicit("CREATE (a:Dog {name: 'Rex'})-[:LIKES {since: 1}]->(a)");
    const before = await showData(graph);
    const id = await revision(project, "rename", "");
    await each({
      property: 'renameNodeProperty("Dog", "name", "name")',
      "relationship property": 'renameRelationshipProperty("LIKES", "since", "since")',
      label: 'renameLabel("Dog", "Dog")',
      type: 'renameRelationshipType("LIKES", "LIKES")',
    }, async (call) => {
      write(project, id, `  await ctx.${call};`);
      const outcome = await run(project, "upgrade");
      assert.ok([0, 2].includes(outcome.code), outcome.err);
      try {
        assert.deepEqual(await showData(graph), before);
      } finally {
        if (outcome.code === 0) await project.ok("downgrade");
        await graph.implicit("MATCH (n) WHERE n:Dog OR labels(n) = [] DETACH DELETE n");
        await graph.implicit("CREATE (a:Dog {name: 'Rex'})-[:LIKES {since: 1}]->(a)");
      }
    });
  });
});

Deno.test("relationships whose ends are missing are named, or skipped where that is asked for", async () => {
  await withGraphProject({}, async (project, graph) => {
    await started(project);
    await graph.implicit("CREATE (:Person {name: 'Ina'}), (:Person {name: 'Bo'})");
    const before = await showData(graph);
    const rows = (targets: string[]) => JSON.stringify(targets.map((target) => ({ source: "Ina", target })));
    const id = await revision(project, "likes", "");
    const call = (targets: string[], more = "") =>
      write(
        project,
        id,
        `  await ctx.createRelationships("Person", "Person", "LIKES", ${rows(targets)}${more});`,
        '  await ctx.deleteRelationshipsByBatch("LIKES", ctx.batch);',
      );
    await each({ "one of two": ["Bo", "Zoe"], "all": ["Zoe"] }, async (targets) => {
      call(targets);
      await fails(project, ["upgrade"], {
        says: [id, /row \d/, /"Zoe"/],
        hint: /onMissing: "skip"/,
      });
      assert.deepEqual(await showData(graph), before);
      await run(project, "resolve", id, "--redo");
      call(targets, ', { onMissing: "skip" }');
      const skipped = await run(project, "upgrade");
      assert.equal(skipped.code, 0, skipped.err);
      assert.equal((await showData(graph)).length, before.length + targets.length - 1);
      await project.ok("downgrade");
      assert.deepEqual(await showData(graph), before);
    });
  });
});

Deno.test("a migration that deletes Crochet's own record while it runs fails with words", async () => {
  await withGraphProject({}, async (project) => {
    await started(project);
    await revision(project, "own", '  await ctx.runCypher("MATCH (n:_CrochetRevision) DETACH DELETE n");');
    await fails(project, ["upgrade"], { says: [/record|_Crochet/] });
  });
});

Deno.test("a loss that a person accepts is run, and a downgrade that cannot bring it back is refused", async () => {
  await withGraphProject({}, async (project, graph) => {
    await started(project);
    await graph.implicit('CREATE (:Person {name: "Ina", age: 5})');
    const lossy = await revision(project, "lose the age", '  await ctx.removeNodeProperty("Person", "age");');
    await refused(project, graph, ["upgrade", "--accept-loss", "0001_start"], {
      says: [/Person\.age/],
      hint: new RegExp(`--accept-loss ${lossy}`),
    });
    await project.ok("upgrade", "--accept-loss", lossy);
    const [person] = await graph.read("MATCH (n:Person) RETURN n.name AS name, n.age AS age");
    assert.deepEqual(person, { name: "Ina", age: null });

    const unsafe = await revision(project, "unsafe", '  await ctx.addIndex("Person", "age");');
    const path = `migrations/${unsafe}.ts`;
    project.write(path, project.read(path).replace("rollbackSafe = true", "rollbackSafe = false"));
    await project.ok("upgrade");
    const safe = await revision(
      project,
      "safe",
      '  await ctx.addIndex("Person", "x");',
      '  await ctx.dropIndex("Person", "x");',
    );
    await project.ok("upgrade");
    const refusal = { says: [unsafe, /before it touched anything/], hint: /new migration/ };
    for (const target of ["base", "0001_start"]) {
      await refused(project, graph, ["downgrade", "--target", target], refusal);
      await refused(project, graph, ["downgrade", "--target", target, "--dry-run"], refusal);
    }
    await project.ok("downgrade");
    await refused(project, graph, ["downgrade"], refusal);
    assert.deepEqual(
      (await project.json("status")).pending.map((r: { revisionId: string }) => r.revisionId),
      [
        safe,
      ],
    );
    for (const args of [["downgrade", "--target", "0001_strt"], ["upgrade", "--target", "0001_strt"]]) {
      await refused(project, graph, args, { says: ['"0001_strt"'], hint: /"0001_start"/ });
    }
    await refused(project, graph, ["upgrade", "--target", "base"], {
      says: [/base/],
      hint: /crochet downgrade --target base/,
    });
    await refused(project, graph, ["downgrade", "--target", safe], { says: [safe, /not applied/] });
  });
});

Deno.test("an applied migration that is edited or deleted is noticed by upgrade and verify", async () => {
  await withGraphProject({}, async (project, graph) => {
    await started(project);
    const path = "migrations/0001_start.ts";
    const original = project.read(path);
    const check = async (says: (RegExp | string)[], hint: RegExp, verifySays: RegExp) => {
      for (const args of [["upgrade"], ["upgrade", "--dry-run"], ["plan"], ["downgrade"]]) {
        await refused(project, graph, args, { says, hint });
      }
      const before = await everything(graph);
      const verify = await run(project, "verify");
      assert.equal(verify.code, 1, verify.out + verify.err);
      assert.match(verify.out, verifySays);
      assert.equal((await run(project, "verify", "--offline")).code, 1);
      assert.deepEqual(await everything(graph), before);
    };
    project.write(path, original.replace('"name"', '"nome"'));
    await check(
      ["0001_start.ts", /edited after it was applied/],
      /git checkout -- migrations\/0001_start\.ts/,
      /FAIL {2}digests\n.*0001_start/,
    );
    Deno.removeSync(`${project.root}/${path}`);
    await check(['"0001_start"', /missing/], /Git/, /FAIL {2}files\n.*0001_start/);
    project.write(path, original);
    assert.equal((await run(project, "verify")).code, 0);
    await project.ok("downgrade");
  });
});

Deno.test("status --check tells of an applied migration that was edited or deleted", async () => {
  await withGraphProject({}, async (project) => {
    await started(project);
    const path = "migrations/0001_start.ts";
    project.write(path, project.read(path).replace('"name"', '"nome"'));
    const edited = await run(project, "status", "--check");
    assert.equal(edited.code, 1, edited.out + edited.err);
    assert.match(edited.out, /0001_start.*edited/);
    Deno.removeSync(`${project.root}/${path}`);
    const deleted = await run(project, "status", "--check");
    assert.equal(deleted.code, 1, deleted.out + deleted.err);
    assert.match(deleted.out, /0001_start.*missing/);
  });
});

Deno.test("a graph that was wiped behind the ledger's back is refused, and the ledger can be made anew", async () => {
  await withGraphProject({}, async (project, graph) => {
    await started(project);
    await project.ok("create-node", "Book");
    await project.ok("create-migration", "book");
    await graph.implicit("MATCH (n) DETACH DELETE n");
    const refusal = {
      says: [/wiped/, testGraph().uri.replace("bolt://", "")],
      hint: /crochet ledger rebuild/,
    };
    for (const args of [["upgrade"], ["plan"], ["downgrade"]]) await refused(project, graph, args, refusal);
    const verify = await run(project, "verify");
    assert.equal(verify.code, 1);
    assert.match(verify.out, /FAIL {2}graph\n.*no record/);
    const status = await run(project, "status");
    assert.match(status.out, /no record/);
    await project.ok("ledger", "rebuild");
    assert.deepEqual((await project.json("status")).pending.length, 2);
    await project.ok("upgrade");
    const verified = await run(project, "verify");
    assert.equal(verified.code, 0, verified.out);
    await project.ok("downgrade", "--target", "base");
    assert.deepEqual(await showData(graph), []);
  });
});

Deno.test("no command prints the password, whatever it is asked", async () => {
  await withGraphProject({}, async (project) => {
    await started(project);
    const commands = [
      ["status"],
      ["plan"],
      ["upgrade"],
      ["upgrade", "--dry-run"],
      ["verify"],
      ["downgrade", "--dry-run"],
      ["unlock", "--yes"],
      ["ledger", "rebuild"],
      ["upgrade", "--target", "nope"],
    ];
    for (const args of commands) await run(project, ...args, "--json", "--debug");
    await revision(
      project,
      "x",
      `  await ctx.runCypher("RETURN $x", { x: "${testGraph().password}" });\n  await ctx.runCypher("RETURN 1 +", { x: "${testGraph().password}" });`,
    );
    for (const args of [["plan"], ["upgrade"], ["upgrade", "--json"], ["upgrade", "--debug"]]) {
      await run(project, ...args);
    }
  });
  await withFolder(async (folder) => {
    const outside = new TestProject(folder, graphEnv());
    await run(outside, "status", "--debug");
    await run(outside, "upgrade", "--debug", "--json");
  });
});
