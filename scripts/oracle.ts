/**
 * Prepares the judge of every doubt about neomodel: virtual environments with the real thing, and its source
 * distribution, in a cache folder. Versions are pinned; nothing of it enters the repository.
 */
import { join } from "../lib/path.ts";
import { defaultCacheDir } from "../lib/server.ts";

/** The version whose source distribution and behaviour the tests follow. */
export const NEOMODEL = "7.0.0";

/** Makes or finds the environment; gives the variables that the tests read. Throws where Python is missing. */
export async function prepareOracle(): Promise<Record<string, string>> {
  const home = join(defaultCacheDir(), "oracle", `neomodel-${NEOMODEL}`);
  const python = join(home, "venv", "bin", "python");
  const sources = join(home, "sources");
  if (!exists(join(home, "complete"))) {
    Deno.mkdirSync(home, { recursive: true });
    await run("python3", ["-m", "venv", join(home, "venv")]);
    await run(python, [
      ...pip("install"),
      `neomodel==${NEOMODEL}`,
      "pytest",
      "pytest-asyncio",
      "shapely",
      "numpy",
      "pandas",
      "pydantic",
    ]);
    Deno.mkdirSync(sources, { recursive: true });
    // Building the metadata of a source distribution fetches its build tools, where isolation allows it.
    const download = [
      ...pip("download"),
      "--no-deps",
      "--no-binary=:all:",
      `--dest=${sources}`,
      `neomodel==${NEOMODEL}`,
    ];
    await run(python, download);
    await run("tar", ["-xzf", join(sources, `neomodel-${NEOMODEL}.tar.gz`), "-C", sources]);
    Deno.writeTextFileSync(join(home, "complete"), "");
  }
  return { CROCHET_ORACLE_PYTHON: python, CROCHET_ORACLE_SOURCES: join(sources, `neomodel-${NEOMODEL}`) };
}

function pip(verb: string): string[] {
  return ["-m", "pip", verb, "--quiet", "--disable-pip-version-check"];
}

async function run(command: string, args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(command, { args, stdout: "null", stderr: "piped" })
    .output();
  if (code !== 0) {
    throw new Error(
      `${command} ${args.slice(0, 4).join(" ")} failed: ${new TextDecoder().decode(stderr).slice(-600)}`,
    );
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) console.log(await prepareOracle());
