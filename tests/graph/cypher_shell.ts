/**
 * The real cypher-shell, fetched with Maven into the cache folder. Its version is pinned; nothing of it enters the
 * repository.
 */
import { defaultCacheDir } from "../../lib/server.ts";
import { exists, findTools, runOrThrow } from "../../lib/server_tools.ts";
import { dirname, join } from "../../lib/path.ts";
import { type Outcome, testGraph } from "../harness.ts";

/** The version that runs the scripts: it speaks to every server that Crochet knows. */
export const SHELL_VERSION = "5.26.30";

/** Fetches the tool unless the cache has it; gives the words that run it. Throws where a JDK 17 or Maven is missing. */
export async function prepareShell(): Promise<string[]> {
  const { jdks, mvn } = await findTools(Deno.env.toObject());
  const jdk = jdks.find(({ major }) => major >= 17);
  if (!jdk) throw new Error("cypher-shell needs a JDK 17 or newer");
  const lib = join(defaultCacheDir(), "peer", `cypher-shell-${SHELL_VERSION}`, "lib");
  if (!await exists(lib)) {
    if (!mvn) throw new Error("cypher-shell needs mvn to be fetched");
    await fetchJars(lib, mvn, jdk.home);
  }
  return [join(jdk.home, "bin", "java"), "-cp", join(lib, "*"), "org.neo4j.shell.Main"];
}

/** Runs a script at the graph under test, as `cypher-shell -f` does. */
export async function runScript(words: string[], file: string): Promise<Outcome> {
  const { uri, password } = testGraph();
  const [program, ...first] = words;
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("NEO4J_"));
  const child = new Deno.Command(program, {
    args: [...first, "-a", uri, "-u", "neo4j", "--format", "plain", "--non-interactive", "-f", file],
    env: { ...Object.fromEntries(inherited), NEO4J_PASSWORD: password },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Resolves the jars into a folder that is then renamed, so that a `lib` that exists is complete. */
async function fetchJars(lib: string, mvn: string, javaHome: string): Promise<void> {
  await Deno.mkdir(dirname(lib), { recursive: true });
  await Deno.mkdir(join(defaultCacheDir(), "neo4j"), { recursive: true });
  // the lock of the scratch server's fetch: two Mavens that fill one local repository can spoil each other's files
  using lock = await Deno.open(join(defaultCacheDir(), "neo4j", "maven.lock"), { write: true, create: true });
  await lock.lock(true);
  if (await exists(lib)) return;
  const work = await Deno.makeTempDir({ dir: dirname(lib) });
  try {
    const [pom, copies] = [join(work, "pom.xml"), join(work, "lib")];
    await Deno.writeTextFile(
      pom,
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>crochet-shell</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.neo4j</groupId><artifactId>cypher-shell</artifactId><version>${SHELL_VERSION}</version></dependency>
</dependencies></project>`,
    );
    const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    const args = ["-B", "-q", "-f", pom, goal, "-DincludeScope=runtime", `-DoutputDirectory=${copies}`];
    const environment = { ...Deno.env.toObject(), JAVA_HOME: javaHome };
    await runOrThrow("Cannot fetch cypher-shell", mvn, args, environment);
    await Deno.rename(copies, lib);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
