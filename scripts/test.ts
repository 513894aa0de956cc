/**
 * Runs every test: without a server, the examples in the docs, the stories against a real Neo4j (5.26 LTS and the
 * newest that the machine's Java can run), and, where Python is there, the real neomodel as judge. Says at its end
 * what it did not run; in CI that is a failure. Ends with the plain line `N passed, N failed`.
 */
import { LTS_SERVER, NEWEST_SERVER, type ScratchServer, startServer, stopServer } from "../lib/server.ts";
import { join } from "../lib/path.ts";

interface Suite {
  name: string;
  args: string[];
  env?: Record<string, string>;
}

/** Stories in which the server's version matters most: they run on each. */
const EVERYWHERE = ["story", "operations", "resume", "transform", "draft_law", "defects", "bad_input"];

/** Of these, what the executable is tried with on each server: what it does may differ from the source. */
const EXECUTABLE = ["story", "operations", "resume"];

/** What else the executable is tried with, on one server: workers, processes, files, signals. */
const EXECUTABLE_ONCE = ["security", "lock", "kill", "interrupt", "disk", "git", "proof", "run_once"];

const isCi = Deno.env.get("CI") === "true";
const only = Deno.args.filter((arg) => !arg.startsWith("-"));
const skipped: string[] = [];
let passed = 0;
let failed = 0;

const work = Deno.makeTempDirSync({ prefix: "crochet-tests-" });
const servers: ScratchServer[] = [];
try {
  if (wanted("unit")) {
    await runSuite({ name: "without a server", args: [...testFiles("tests")] });
    await runSuite({ name: "examples in the docs", args: ["--doc", ...sources()] });
  }
  // The executable starts its servers with the same code; once is enough.
  if (wanted("graph") && !Deno.env.get("CROCHET_BIN")) {
    await runSuite({ name: "the scratch server", args: testFiles("tests/server") });
  }
  const versions = wanted("graph") || wanted("oracle") ? await startServers() : [];
  const python = wanted("oracle") ? await preparePython() : undefined;
  const reading = python &&
    runSuite({
      name: "Python, neomodel and the makers of data files as judges of what is read",
      args: ["read", "syntax", "data"].map((name) => `tests/oracle/${name}_test.ts`),
      env: python,
    });
  // The two servers are independent, so their stories run side by side.
  await Promise.all(versions.map(async (server, i) => {
    const env: Record<string, string> = {
      CROCHET_TEST_URI: server.uri,
      CROCHET_TEST_PASSWORD: server.password,
      CROCHET_TEST_VERSION: server.version,
    };
    if (wanted("graph")) {
      const args = storiesFor(i, versions.length);
      await runSuite({ name: `stories on Neo4j ${server.version}`, args, env });
    }
    if (python) {
      const judges = others(
        ["adopt", "original", "peer"].map((name) => `tests/oracle/${name}_test.ts`),
        i,
        versions.length,
      );
      await runSuite({
        name: `neomodel and other tools as judges on Neo4j ${server.version}`,
        args: ["tests/oracle/graph_test.ts", ...judges],
        env: { ...env, ...python },
      });
    }
  }));
  await reading;
} finally {
  for (const server of servers) await stopServer(server.home);
  Deno.removeSync(work, { recursive: true });
}
for (const line of skipped) console.log(`not run: ${line}`);
if (isCi) failed += skipped.length;
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed > 0 ? 1 : 0);

function wanted(part: string): boolean {
  return only.length === 0 || only.includes(part);
}

/**
 * The stories of a server. Those about files, Git, processes and records run on one of the servers, another one each
 * day, and the executable's run takes the other one.
 */
function storiesFor(server: number, servers: number): string[] {
  const isExecutable = Deno.env.get("CROCHET_BIN") !== undefined;
  const name = (file: string) => file.slice("tests/graph/".length, -"_test.ts".length);
  const files = testFiles("tests/graph");
  const both = files.filter((file) => (isExecutable ? EXECUTABLE : EVERYWHERE).includes(name(file)));
  const once = files.filter((file) =>
    isExecutable ? EXECUTABLE_ONCE.includes(name(file)) : !EVERYWHERE.includes(name(file))
  );
  return [...both, ...others(once, server + (isExecutable ? 1 : 0), servers)];
}

/** The share of one server: every second file of two, the other ones tomorrow. */
function others(files: string[], server: number, servers: number): string[] {
  const today = Math.floor(Date.now() / 86_400_000);
  return files.filter((_, i) => (i + today + server) % servers === 0);
}

function testFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].filter((entry) => entry.isFile && entry.name.endsWith("_test.ts")).map(
    (entry) => `${folder}/${entry.name}`,
  ).sort();
}

function sources(): string[] {
  return [...Deno.readDirSync("lib")].filter((entry) =>
    entry.name.endsWith(".ts") && entry.name !== "sandbox_worker.ts"
  ).map((entry) => `lib/${entry.name}`).sort();
}

/** Runs `deno test`, shows its output whole at its end, and adds up its counts. */
async function runSuite(suite: Suite): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-prompt", ...suite.args],
    env: { NO_COLOR: "1", ...suite.env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [out, err, { code }] = await Promise.all([child.stdout.text(), child.stderr.text(), child.status]);
  console.log(`\n== ${suite.name}\n${out}${code === 0 ? "" : err}`);
  const counts = /(\d+) passed(?: \([^)]*\))? \| (\d+) failed/.exec(out);
  passed += Number(counts?.[1] ?? 0);
  failed += Number(counts?.[2] ?? 0);
  if (code !== 0 && Number(counts?.[2] ?? 0) === 0) failed++;
}

/** The servers that this machine can run; what is missing is noted, or (with none at all) an error. */
async function startServers(): Promise<ScratchServer[]> {
  const found = Deno.env.get("CROCHET_TEST_URI");
  if (found) {
    return [
      {
        uri: found,
        password: Deno.env.get("CROCHET_TEST_PASSWORD") ?? "",
        version: "given",
      } as ScratchServer,
    ];
  }
  for (const version of [LTS_SERVER, NEWEST_SERVER]) {
    try {
      servers.push(
        await startServer({
          home: join(work, version),
          version,
          boltPort: 0,
          httpPort: 0,
          heap: "1g",
          log: (line) => console.log(line),
        }),
      );
    } catch (error) {
      skipped.push(`stories on Neo4j ${version}: ${(error as Error).message}`);
    }
  }
  if (servers.length === 0) failed++;
  return servers;
}

/** A virtual environment with the real neomodel and its source distribution; undefined where Python is missing. */
async function preparePython(): Promise<Record<string, string> | undefined> {
  const { prepareOracle } = await import("./oracle.ts");
  try {
    return await prepareOracle();
  } catch (error) {
    skipped.push(`neomodel as judge: ${(error as Error).message}`);
    return undefined;
  }
}
