/**
 * Takes a folder and gives a scratch Neo4j server that lives in it: started, found again, stopped.
 * It is a real server, from its published jars on a JDK of this machine (not on Windows) or else in a container;
 * it listens on 127.0.0.1 only and outlives the command that started it.
 * Never signals a process whose command line does not name the folder; never writes outside it and the cache.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sha256 } from "./digest.ts";
import { CrochetError, messageOf } from "./error.ts";
import {
  type Environment,
  exists,
  findTools,
  type Jdk,
  lastLines,
  run,
  runOrThrow,
  type Tools,
} from "./server_tools.ts";

/** A scratch server; `<home>/run/server.json` holds the one that runs, or the last that did. */
export interface ScratchServer {
  home: string;
  version: string;
  how: "jars" | "docker";
  boltPort: number;
  httpPort: number;
  uri: string;
  username: "neo4j";
  password: string;
  /** Process id of the JVM; null for a container, and after a stop. */
  pid: number | null;
  container?: string;
}

/** What a start may be told; only the folder is needed. */
export interface StartOptions {
  home: string;
  /** `5.26.30`, `2026.08.1`, or a nickname: `5`, `lts`, `newest`, `latest`. */
  version?: string;
  /** 0 picks any free port; without one, 7687 (HTTP: 7474) is taken if it is free. */
  boltPort?: number;
  httpPort?: number;
  /** Default `crochet-scratch`; data that is there keeps the password that it has. */
  password?: string;
  cacheDir?: string;
  /** Default `512m`. */
  heap?: string;
  /** From launch to readiness, default 180 000; fetching jars does not count. */
  timeoutMs?: number;
  /** Lines of neo4j.conf that override ours. */
  settings?: Record<string, string>;
  log?: (line: string) => void;
  signal?: AbortSignal;
  /** Where PATH, HOME, JAVA_HOME and MVN are read; default: the environment of this process. */
  environment?: Environment;
}

/** Whether a server runs, and if so, whether it answers Bolt. */
export type ServerStatus = { state: "stopped" } | {
  state: "running" | "unresponsive";
  server: ScratchServer;
};

/** The newest server that Crochet is tested with. */
export const NEWEST_SERVER = "2026.08.1";

/** The newest long-term-support server that Crochet is tested with. */
export const LTS_SERVER = "5.26.30";

/** Starts a server in a folder and waits until it is ready; gives the running one where there is one. */
export async function startServer(options: StartOptions): Promise<ScratchServer> {
  const wanted = options.version === undefined ? undefined : exactVersion(options.version);
  await Deno.mkdir(join(options.home, "run"), { recursive: true }).catch((cause) => {
    throw new CrochetError("USAGE", `Cannot make "${options.home}": ${messageOf(cause)}`, { cause });
  });
  const home = await Deno.realPath(options.home);
  return await withLock(join(home, "run", "start.lock"), async () => {
    options.signal?.throwIfAborted();
    const found = await serverStatus(home);
    if (found.state === "stopped") return await startStopped(home, wanted, options);
    const present = found.server.version;
    if (wanted && wanted !== present) {
      const message = `Cannot start Neo4j "${wanted}" in "${home}": "${present}" is running there`;
      throw new CrochetError("USAGE", message, { hint: "crochet dev down" });
    }
    await whenReady(found.server, options);
    return found.server;
  });
}

/** Stops the server of a folder; false when nothing ran. */
export async function stopServer(
  home: string,
  { timeoutMs = 30_000, log }: Pick<StartOptions, "timeoutMs" | "log"> = {},
): Promise<boolean> {
  const found = await serverStatus(home);
  if (found.state === "stopped") return false;
  log?.(`stopping Neo4j ${found.server.version} in ${found.server.home}`);
  await endServer(found.server, timeoutMs);
  await writeState({ ...found.server, pid: null, container: undefined });
  return true;
}

/** What the server of a folder does now. */
export async function serverStatus(home: string): Promise<ServerStatus> {
  const server = await readState(home);
  // a copied folder names the server of the original, which is not ours to report or to stop
  if (server?.home !== await Deno.realPath(home).catch(() => home)) return { state: "stopped" };
  if (!server || !await isAlive(server)) return { state: "stopped" };
  return { state: await boltAnswers(server.boltPort) ? "running" : "unresponsive", server };
}

/** The folder for downloads: `CROCHET_CACHE_DIR`, else below the system's usual one. */
export function defaultCacheDir(environment: Environment = Deno.env.toObject()): string {
  const home = environment.HOME || homedir();
  if (environment.CROCHET_CACHE_DIR) return resolve(environment.CROCHET_CACHE_DIR);
  if (environment.XDG_CACHE_HOME) return join(environment.XDG_CACHE_HOME, "crochet");
  if (Deno.build.os === "darwin") return join(home, "Library", "Caches", "crochet");
  if (Deno.build.os === "windows") return join(environment.LOCALAPPDATA || home, "crochet");
  return join(home, ".cache", "crochet");
}

/** Whether something on this port of 127.0.0.1 answers the Bolt handshake. */
export function boltAnswers(port: number, timeoutMs = 3_000): Promise<boolean> {
  // magic, then four proposals (5.8 down to 5.0, 4.4, none, none); an answer begins with 0 and is not all zero
  const hello = new Uint8Array([0x60, 0x60, 0xb0, 0x17, 0, 8, 8, 5, 0, 0, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
  return new Promise((answer) => {
    const bytes: number[] = [];
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(hello));
    const finish = () => {
      socket.destroy();
      answer(bytes.length >= 4 && bytes[0] === 0 && bytes.slice(1, 4).some((byte) => byte !== 0));
    };
    socket.on("data", (chunk: Uint8Array) => bytes.push(...chunk) >= 4 && finish());
    socket.on("error", finish).on("close", finish).setTimeout(timeoutMs, finish);
  });
}

function exactVersion(version: string): string {
  if (version === "5" || version === "lts") return LTS_SERVER;
  if (version === "newest" || version === "latest") return NEWEST_SERVER;
  if (/^(5|20(2[5-9]|[3-9]\d))\.\d+\.\d+$/.test(version)) return version;
  const message = `Cannot start Neo4j "${version}": only 5.x.y and 2025.x.y or newer`;
  throw new CrochetError("USAGE", message, { hint: `For example ${LTS_SERVER} or ${NEWEST_SERVER}` });
}

/** One at a time, across processes; the system frees the lock of a process that dies. */
async function withLock<T>(path: string, action: () => Promise<T>) {
  using file = await Deno.open(path, { write: true, create: true });
  await file.lock(true);
  return await action();
}

async function startStopped(home: string, wanted: string | undefined, options: StartOptions) {
  const environment = options.environment ?? Deno.env.toObject();
  const last = await readState(home);
  const hasData = await exists(join(home, "data", "databases", "system"));
  const password = (hasData && last?.password) || (options.password ?? "crochet-scratch");
  const tools = await findTools(environment);
  const usual = [NEWEST_SERVER, LTS_SERVER].find((version) => fittingJdk(version, tools)) ?? NEWEST_SERVER;
  const version = wanted ?? last?.version ?? usual;
  const lib = join(options.cacheDir ?? defaultCacheDir(environment), "neo4j", version, "lib");
  const jdk = fittingJdk(version, tools);
  const java = jdk && (tools.mvn || await exists(lib)) ? { jdk, lib, environment } : undefined;
  const engine = !java && tools.docker && (await run(tools.docker, ["version"])).success;
  if (!java && !engine) throw nothingWorks(version, tools);

  if (java && tools.mvn && !await exists(lib)) await fetchJars(version, java, tools.mvn, options);
  const [boltPort, httpPort] = await choosePorts(options.boltPort, options.httpPort);
  const place = { home, boltPort, httpPort, uri: `bolt://127.0.0.1:${boltPort}` };
  const how = java ? "jars" : "docker";
  const server: ScratchServer = { ...place, version, how, username: "neo4j", password, pid: null };
  options.log?.(`starting Neo4j ${version} at ${server.uri} (${how})`);
  try {
    if (java) server.pid = await launchJava(server, java, !hasData, options);
    else server.container = await launchContainer(server, options);
    await writeState(server);
    await whenReady(server, options);
    return server;
  } catch (error) {
    await endServer(server, 5_000);
    await writeState({ ...(last ?? server), home, pid: null, container: undefined });
    throw error;
  }
}

/** The lowest JDK that a version runs on; none on Windows, where nobody has tried. */
function fittingJdk(version: string, { jdks }: Tools): Jdk | undefined {
  const [lowest, highest] = version.startsWith("5.") ? [17, 21] : [21, Infinity];
  if (Deno.build.os === "windows") return undefined;
  return jdks.find((jdk) => jdk.major >= lowest && jdk.major <= highest);
}

function nothingWorks(version: string, tools: Tools): CrochetError {
  const java = version.startsWith("5.") ? "a JDK 17 to 21" : "a JDK 21 or newer";
  const needs = Deno.build.os === "windows" ? "a Docker engine" : `${java} with mvn, or a Docker engine`;
  const found = [
    ...(tools.jdks.length > 0 ? tools.jdks.map((jdk) => `JDK ${jdk.major} in ${jdk.home}`) : ["no JDK"]),
    tools.mvn ? `mvn in ${tools.mvn}` : "no mvn",
    tools.docker ? `docker in ${tools.docker} but no engine that answers` : "no docker",
  ];
  const places = "JAVA_HOME, PATH, MVN, /usr/lib/jvm, /opt/java, ~/.sdkman and /Library/Java";
  const looked = `found ${found.join(", ")} (looked in ${places})`;
  const hint = `Install ${needs}, or give the URI of a server that runs`;
  return new CrochetError(
    "SERVER_UNAVAILABLE",
    `Cannot start Neo4j "${version}": ${looked}, needs ${needs}`,
    { hint },
  );
}

/** What runs from jars: the Java, the folder of the jars, the environment to run in. */
type Java = { jdk: Jdk; lib: string; environment: Environment };

/** Resolves the jars into a folder that is then renamed, so that a `lib` that exists is complete. */
async function fetchJars(version: string, java: Java, mvn: string, { log, signal }: StartOptions) {
  const shelf = dirname(dirname(java.lib));
  await Deno.mkdir(dirname(java.lib), { recursive: true });
  // one Maven at a time: two that fill one local repository can spoil each other's files
  await withLock(join(shelf, "maven.lock"), async () => {
    if (await exists(java.lib)) return;
    log?.(`fetching the jars of Neo4j ${version} with ${mvn}`);
    const work = await Deno.makeTempDir({ dir: shelf, prefix: `${version}.` });
    try {
      const [pom, copies] = [join(work, "pom.xml"), join(work, "lib")];
      await Deno.writeTextFile(pom, pomOf(version));
      const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
      const args = ["-B", "-q", "-f", pom, goal, "-DincludeScope=runtime", `-DoutputDirectory=${copies}`];
      const environment = { ...java.environment, JAVA_HOME: java.jdk.home };
      await runOrThrow(`Cannot fetch the jars of Neo4j "${version}"`, mvn, args, environment, signal);
      await Deno.rename(copies, java.lib);
    } finally {
      await Deno.remove(work, { recursive: true });
    }
  });
}

function pomOf(version: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>crochet-scratch</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>${version}</version></dependency>
<dependency><groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId><version>${version}</version></dependency>
</dependencies></project>`;
}

async function choosePorts(bolt?: number, http?: number): Promise<[number, number]> {
  using boltListener = await claimPort(bolt, 7687); // held while the other is chosen, so that they differ
  using httpListener = await claimPort(http, 7474);
  return [boltListener.addr.port, httpListener.addr.port];
}

async function claimPort(given: number | undefined, usual: number): Promise<Deno.TcpListener> {
  const address = { hostname: "127.0.0.1", port: given ?? usual };
  try {
    // macOS lets 127.0.0.1 be bound beside a listener on all addresses, so ask by connecting too
    const answers = () => Deno.connect(address).then((connection) => (connection.close(), true), () => false);
    if (address.port !== 0 && await answers()) throw new Error("it is in use");
    return Deno.listen(address);
  } catch (cause) {
    if (given === undefined) return Deno.listen({ ...address, port: 0 });
    const message = `Cannot use port ${given}: ${messageOf(cause)}`;
    throw new CrochetError("SERVER_UNAVAILABLE", message, { hint: "Give another port, or 0 for any", cause });
  }
}

async function launchJava(server: ScratchServer, java: Java, isNew: boolean, options: StartOptions) {
  const { jdk, lib, environment } = java;
  const [home, program] = [server.home, join(jdk.home, "bin", "java")];
  await writeConfiguration(server, options);
  if (isNew) {
    const main = ["-cp", join(lib, "*"), "org.neo4j.cli.AdminTool", "dbms", "set-initial-password"];
    const args = [...jvmOptions(jdk.major, "128m"), ...main, "--", server.password];
    const env = { ...environment, NEO4J_HOME: home, NEO4J_CONF: join(home, "conf") };
    await runOrThrow("Cannot set the initial password", program, args, env, options.signal);
  }
  // the main class was renamed after 5.26; class names sit uncompressed in the directory of a jar
  const jar = new TextDecoder("latin1").decode(await Deno.readFile(join(lib, `neo4j-${server.version}.jar`)));
  const name = jar.includes("org/neo4j/server/Neo4jCommunity.class")
    ? "Neo4jCommunity"
    : "CommunityEntryPoint";
  const classpath = [join(home, "plugins", "*"), join(lib, "*")].join(delimiter);
  const args = [
    ...jvmOptions(jdk.major, options.heap ?? "512m"),
    "-cp",
    classpath,
    `org.neo4j.server.${name}`,
  ];
  const [console, log] = logFiles(home);
  await Deno.rename(log, log + ".1").catch(() => {}); // "Started." of an earlier run must not count
  const output = openSync(console, "w");
  // detached: a group of its own, which a Ctrl-C typed here does not reach
  const how = { detached: true, stdio: ["ignore" as const, output, output], env: environment };
  const child = spawn(program, [...args, ...homeArguments(home)], how);
  child.on("error", () => {}).unref(); // there is no pid then
  closeSync(output);
  return child.pid ?? null;
}

async function writeConfiguration(server: ScratchServer, options: StartOptions) {
  const [bolt, http] = [`127.0.0.1:${server.boltPort}`, `127.0.0.1:${server.httpPort}`];
  const settings = {
    "server.default_listen_address": "127.0.0.1",
    "server.bolt.listen_address": bolt,
    "server.bolt.advertised_address": bolt,
    "server.http.listen_address": http,
    "server.http.advertised_address": http,
    "server.https.enabled": "false",
    "server.memory.pagecache.size": "128m",
    "db.tx_log.preallocate": "false", // else 256 MB of empty logs
    "internal.server.bolt.thread_pool_shutdown_wait_time": "0s", // else a stop takes 15 seconds
    "server.config.strict_validation.enabled": "false", // older versions do not know all of these
    ...commonSettings(options),
  };
  await Deno.mkdir(join(server.home, "conf"), { recursive: true });
  await Deno.mkdir(join(server.home, "logs"), { recursive: true });
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  await Deno.writeTextFile(join(server.home, "conf", "neo4j.conf"), lines.join(""));
}

/** What a container is told too. */
function commonSettings({ heap = "512m", settings }: StartOptions): Record<string, string> {
  return {
    "server.memory.heap.initial_size": heap,
    "server.memory.heap.max_size": heap,
    "dbms.usage_report.enabled": "false",
    "dbms.security.auth_minimum_password_length": "1",
    ...settings,
  };
}

/** Of what the launcher of Neo4j passes, the part that a scratch server needs. */
function jvmOptions(major: number, heap: string): string[] {
  const opened = ["java.nio", "java.io", "sun.nio.ch", "java.lang", "java.util.concurrent"];
  const options = [
    `-Xms${heap}`,
    `-Xmx${heap}`,
    "-XX:+UseG1GC",
    "-Dio.netty.tryReflectionSetAccessible=true",
  ];
  options.push(...opened.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`));
  if (major >= 21) options.push("--enable-native-access=ALL-UNNAMED");
  if (major >= 24) options.push("--sun-misc-unsafe-memory-access=allow");
  return options;
}

/** The end of our server's command line, by which a process is known as ours. */
function homeArguments(home: string): string[] {
  return [`--home-dir=${home}`, `--config-dir=${join(home, "conf")}`];
}

function logFiles(home: string): [console: string, log: string] {
  return [join(home, "logs", "console.log"), join(home, "logs", "neo4j.log")];
}

async function launchContainer(server: ScratchServer, options: StartOptions) {
  const name = `crochet-scratch-${sha256(server.home).slice(0, 12)}`;
  await run("docker", ["rm", "-f", name]); // one that was left over
  const args = ["run", "-d", "--name", name, "-e", `NEO4J_AUTH=neo4j/${server.password}`];
  args.push("-p", `127.0.0.1:${server.boltPort}:7687`, "-p", `127.0.0.1:${server.httpPort}:7474`);
  for (const [key, value] of Object.entries(commonSettings(options))) {
    args.push("-e", `NEO4J_${key.replaceAll("_", "__").replaceAll(".", "_")}=${value}`);
  }
  args.push(`neo4j:${server.version}`);
  await runOrThrow(`Cannot start Neo4j "${server.version}"`, "docker", args, undefined, options.signal);
  return name;
}

async function whenReady(server: ScratchServer, options: StartOptions) {
  const timeoutMs = options.timeoutMs ?? 180_000;
  for (const deadline = Date.now() + timeoutMs;; await delay(150)) {
    options.signal?.throwIfAborted();
    const alive = await isAlive(server); // asked before the log is read, so that its last words are in it
    const log = await readLog(server);
    if (alive && log.includes("Started.") && await boltAnswers(server.boltPort)) return;
    if (alive && Date.now() < deadline) continue;
    const present = alive ? `it is not ready after ${timeoutMs / 1000} s` : "it ended before it was ready";
    const message = `Cannot start Neo4j "${server.version}": ${present}\n${lastLines(log, 15)}`;
    throw new CrochetError("SERVER_UNAVAILABLE", message, {
      hint: `Logs are in ${join(server.home, "logs")}`,
    });
  }
}

async function readLog(server: ScratchServer): Promise<string> {
  if (server.container) return (await run("docker", ["logs", server.container])).text;
  const texts = logFiles(server.home).map((path) => Deno.readTextFile(path).catch(() => ""));
  return (await Promise.all(texts)).join("");
}

async function isAlive({ container, pid, home }: ScratchServer): Promise<boolean> {
  if (container) {
    return (await run("docker", ["inspect", "-f", "{{.State.Running}}", container])).text.trim() === "true";
  }
  if (pid === null) return false;
  const commandLine = Deno.build.os === "linux" // where ps may not be installed
    ? (await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")).replaceAll("\0", " ")
    : (await run("ps", ["-ww", "-o", "command=", "-p", String(pid)])).text;
  return commandLine.includes(homeArguments(home).join(" "));
}

async function endServer(server: ScratchServer, timeoutMs: number): Promise<void> {
  if (server.container) return await runOrThrow("Cannot stop", "docker", ["rm", "-f", server.container]);
  for (const deadline = Date.now() + timeoutMs; server.pid && await isAlive(server); await delay(100)) {
    try {
      Deno.kill(server.pid, Date.now() < deadline ? "SIGTERM" : "SIGKILL"); // a second SIGTERM changes nothing
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it ended in between
    }
  }
}

async function readState(home: string): Promise<ScratchServer | undefined> {
  const text = await Deno.readTextFile(join(home, "run", "server.json")).catch(() => "");
  return text === "" ? undefined : JSON.parse(text);
}

/** Replaces the file in one step, readable by its owner only: it holds a password. */
async function writeState(server: ScratchServer): Promise<void> {
  const path = join(server.home, "run", "server.json");
  await Deno.writeTextFile(path + ".new", JSON.stringify(server, null, 2) + "\n", { mode: 0o600 });
  await Deno.rename(path + ".new", path);
}
