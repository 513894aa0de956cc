/**
 * The real neo4j-migrations: its published command-line tool, fetched with Maven into the cache folder, and a chain
 * that it leaves in a graph. Its version is pinned; nothing of it enters the repository.
 */
import { pathToFileURL } from "node:url";
import { dirname, join } from "../../lib/path.ts";
import { defaultCacheDir } from "../../lib/server.ts";
import { exists, findTools, runOrThrow } from "../../lib/server_tools.ts";

/** The version that leaves the chain. */
export const PEER_VERSION = "2.17.3";

/** What `migratePeer` writes, by file name; the last one stays pending. */
export const PEER_MIGRATIONS: Record<string, string> = {
  "V0001__Create_person.cypher":
    "CREATE CONSTRAINT person_id IF NOT EXISTS FOR (p:Person) REQUIRE p.id IS UNIQUE;\n",
  "V0002__Load.cypher": `// Two people; one knows the other.
CREATE (:Person {id: 1, name: 'Ada; of London'});
CREATE (:Person {id: 2, name: "Grace"});
MATCH (a:Person {id: 1}), (g:Person {id: 2})
CREATE (a)-[:KNOWS {since: 1843}]->(g);
`,
  "R0003__Refresh.cypher": "MATCH (p:Person) SET p.seen = coalesce(p.seen, 0) + 1;\n",
  "V0004__Later.cypher": "CREATE (:Person {id: 4, name: 'Later'});\n",
};

/** Fetches the tool unless the cache has it; gives the words that run it. Throws where a JDK 17 or Maven is missing. */
export async function preparePeer(): Promise<string[]> {
  const { jdks, mvn } = await findTools(Deno.env.toObject());
  const jdk = jdks.find(({ major }) => major >= 17);
  if (!jdk) throw new Error("neo4j-migrations needs a JDK 17 or newer");
  const lib = join(defaultCacheDir(), "peer", `neo4j-migrations-${PEER_VERSION}`, "lib");
  if (!await exists(lib)) {
    if (!mvn) throw new Error("neo4j-migrations needs mvn to be fetched");
    await fetchJars(lib, mvn, jdk.home);
  }
  const main = "ac.simons.neo4j.migrations.cli.MigrationsCli";
  return [join(jdk.home, "bin", "java"), "-cp", join(lib, "*"), main];
}

/** Writes the migrations into a folder and applies all but the last to the graph at a URI. */
export async function migratePeer(
  words: string[],
  folder: string,
  uri: string,
  password: string,
): Promise<void> {
  for (const [name, text] of Object.entries(PEER_MIGRATIONS)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
  const [program, ...first] = words;
  const connection = ["--address", uri, "--username", "neo4j", "--password:env", "PEER_PASSWORD"];
  const choice = ["--location", pathToFileURL(folder).href, "--target", "V0003"];
  // the tool reads variables of the tester's own shell too
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("NEO4J_"));
  const environment = { ...Object.fromEntries(inherited), PEER_PASSWORD: password };
  const args = [...first, ...connection, ...choice, "migrate"];
  await runOrThrow("Cannot migrate with neo4j-migrations", program, args, environment);
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
<groupId>local</groupId><artifactId>crochet-peer</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>eu.michael-simons.neo4j</groupId><artifactId>neo4j-migrations-cli</artifactId><version>${PEER_VERSION}</version></dependency>
</dependencies></project>`,
    );
    const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    const args = ["-B", "-q", "-f", pom, goal, "-DincludeScope=runtime", `-DoutputDirectory=${copies}`];
    const environment = { ...Deno.env.toObject(), JAVA_HOME: javaHome };
    await runOrThrow("Cannot fetch neo4j-migrations", mvn, args, environment);
    await Deno.rename(copies, lib);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
