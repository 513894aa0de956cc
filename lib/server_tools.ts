/**
 * Takes an environment and gives the programs on this machine that a scratch server can use: JDKs with their
 * versions, Maven, Docker. Looks and runs `-version`; never installs anything.
 */
import { homedir } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { CrochetError, messageOf } from "./error.ts";

/** Environment variables by name. */
export type Environment = Record<string, string>;

/** A Java installation. */
export type Jdk = { home: string; major: number };

/** What a machine has to run a server with; the JDKs with the lowest version first. */
export interface Tools {
  jdks: Jdk[];
  mvn?: string;
  docker?: string;
}

/** The JDKs, mvn and docker that an environment leads to. */
export async function findTools(environment: Environment): Promise<Tools> {
  const search = (name: string) => findProgram(name, environment.PATH ?? "");
  const [java, mvn, docker] = await Promise.all(["java", environment.MVN || "mvn", "docker"].map(search));
  const homes = [environment.JAVA_HOME ?? "", java ? dirname(dirname(await Deno.realPath(java))) : ""];
  const sdkman = join(environment.HOME || homedir(), ".sdkman/candidates/java");
  for (const folder of ["/usr/lib/jvm", sdkman, "/opt/java"]) homes.push(...await subfolders(folder));
  const macs = await subfolders("/Library/Java/JavaVirtualMachines");
  homes.push(...macs.map((folder) => join(folder, "Contents/Home")));
  const jdks = new Map<string, Jdk>();
  for (const path of homes.filter((path) => path !== "")) {
    const home = await Deno.realPath(path).catch(() => path); // many names lead to one JDK
    const major = jdks.has(home) ? undefined : await javaMajor(home);
    if (major) jdks.set(home, { home, major });
  }
  return { jdks: [...jdks.values()].sort((a, b) => a.major - b.major), mvn, docker };
}

async function findProgram(name: string, path: string): Promise<string | undefined> {
  const file = Deno.build.os === "windows" ? name + ".exe" : name;
  const folders = name === basename(name) ? path.split(delimiter).filter((folder) => folder !== "") : [""];
  for (const candidate of folders.map((folder) => resolve(folder, file))) {
    const info = await Deno.stat(candidate).catch(() => undefined);
    if (info?.isFile && ((info.mode ?? 0o111) & 0o111) !== 0) return candidate;
  }
  return undefined;
}

async function subfolders(folder: string, below = ""): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(folder), ({ name }) => join(folder, name, below)).catch(() => []);
}

async function javaMajor(home: string): Promise<number | undefined> {
  const program = join(home, "bin", "java");
  if (!await exists(program)) return undefined;
  const pattern = /(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)/;
  const release = await Deno.readTextFile(join(home, "release")).catch(() => "");
  const match = release.match(pattern) ?? (await run(program, ["-version"])).text.match(pattern);
  return match ? Number(match[1]) : undefined;
}

/** Is there anything at the path? */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Runs a program that must succeed. @throws CrochetError SERVER_UNAVAILABLE with the end of what it printed */
export async function runOrThrow(deed: string, ...call: Parameters<typeof run>) {
  const { success, text } = await run(...call);
  call[3]?.throwIfAborted();
  if (!success) {
    throw new CrochetError("SERVER_UNAVAILABLE", `${deed}: ${call[0]} failed\n${lastLines(text, 20)}`);
  }
}

/** Runs a program to its end and gives what it printed; one that cannot be run has failed. */
export async function run(program: string, args: string[], env?: Environment, signal?: AbortSignal) {
  try {
    const command = new Deno.Command(program, {
      args,
      env,
      clearEnv: env !== undefined,
      signal,
      stdin: "null",
    });
    const { success, stdout, stderr } = await command.output();
    return { success, text: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("") };
  } catch (error) {
    return { success: false, text: messageOf(error) };
  }
}

/** The last lines of a text. */
export function lastLines(text: string, n: number): string {
  return text.trimEnd().split("\n").slice(-n).join("\n");
}
