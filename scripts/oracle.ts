/**
 * Prepares the judge of every doubt about neomodel: virtual environments with the real thing, and its source
 * distribution, in a cache folder. Versions are pinned; nothing of it enters the repository.
 */
import { join } from "../lib/path.ts";
import { exists } from "../lib/project.ts";
import { defaultCacheDir } from "../lib/server.ts";

/** The versions that are asked, the one that the program follows by default first. */
export const NEOMODELS = ["7.0.0", "6.2.0", "5.5.3"];

/** What neomodel's own tests and the fixtures import besides neomodel. */
const HELPERS = [
  "pytest",
  "pytest-asyncio",
  "shapely",
  "numpy",
  "pandas",
  "pydantic",
  "django",
  "marshmallow",
];

/** What makes data files: the libraries that the world makes them with. */
const DATA_LIBRARIES = [
  "brotli==1.2.1",
  "lz4==4.4.5",
  "numpy==2.4.6",
  "pyarrow==26.0.1",
  "python-snappy==0.7.3",
  "zstandard==0.25.0",
];

/** Makes or finds the environments; gives the variables that the tests read. Throws where Python is missing. */
export async function prepareOracle(): Promise<Record<string, string>> {
  const [data, ...found] = await Promise.all([
    prepareData(),
    ...NEOMODELS.map(async (version) => [version, await prepare(version)]),
  ]);
  return { CROCHET_ORACLE: JSON.stringify(Object.fromEntries(found)), CROCHET_DATA_PYTHON: data };
}

async function prepareData(): Promise<string> {
  const home = join(defaultCacheDir(), "oracle", "data");
  const python = join(home, "venv", "bin", "python");
  if (!exists(join(home, "complete"))) {
    Deno.mkdirSync(home, { recursive: true });
    await run("python3", ["-m", "venv", join(home, "venv")]);
    await run(python, [...pip("install"), ...DATA_LIBRARIES]);
    Deno.writeTextFileSync(join(home, "complete"), "");
  }
  return python;
}

async function prepare(version: string): Promise<{ python: string; sources: string }> {
  const home = join(defaultCacheDir(), "oracle", `neomodel-${version}`);
  const python = join(home, "venv", "bin", "python");
  const sources = join(home, "sources");
  if (!exists(join(home, "complete"))) {
    Deno.mkdirSync(home, { recursive: true });
    await run("python3", ["-m", "venv", join(home, "venv")]);
    await run(python, [
      ...pip("install"),
      `neomodel==${version}`,
      ...HELPERS,
    ]);
    // It asks for an older neomodel than the one that is the judge here, and goes with both.
    if (version.startsWith("5.")) await run(python, [...pip("install"), "--no-deps", "django_neomodel"]);
    Deno.mkdirSync(sources, { recursive: true });
    // Building the metadata of a source distribution fetches its build tools, where isolation allows it.
    const download = [
      ...pip("download"),
      "--no-deps",
      "--no-binary=:all:",
      `--dest=${sources}`,
      `neomodel==${version}`,
    ];
    await run(python, download);
    await run("tar", ["-xzf", join(sources, `neomodel-${version}.tar.gz`), "-C", sources]);
    Deno.writeTextFileSync(join(home, "complete"), "");
  }
  return { python, sources: join(sources, `neomodel-${version}`) };
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

if (import.meta.main) console.log(await prepareOracle());
