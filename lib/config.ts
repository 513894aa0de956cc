/**
 * Takes the text of `crochet.toml`, the environment and flags, and gives the settings of a run. Unknown keys and
 * wrong types are errors with their line and what was probably meant. Precedence: flag, `CROCHET_*` variable,
 * `[env.NAME]`, `[neo4j]`, default. A password comes from the environment only and is never part of the text.
 */
import { parse, TomlError } from "smol-toml";
import { CrochetError } from "./error.ts";
import {
  KNOWN_NEOMODELS,
  type NeomodelVersion,
  NEWEST_NEOMODEL,
  parseNeomodelVersion,
} from "./neomodel_version.ts";
import { nearest } from "./text.ts";

/** How to reach the graph. */
export interface GraphSettings {
  uri: string;
  username: string;
  password: string | undefined;
  /** Name of the variable that holds the password. */
  passwordVariable: string;
  /** Undefined means the server's default database. */
  database: string | undefined;
  /** Name of the environment, "default" without one. */
  environment: string;
  /** Path of a certificate authority of one's own, from the project's folder. */
  caFile?: string;
}

/** The settings of a run. */
export interface Settings {
  name: string;
  modelsPath: string;
  migrationsPath: string;
  ledgerPath: string;
  /** Folders in which imports are looked for, besides the project's and the models'. */
  modelRoots: string[];
  /** Classes that are left out. */
  modelIgnore: string[];
  /** The neomodel that the models are written for. */
  neomodel: NeomodelVersion;
  /** Does `required=True` ask for an existence constraint? */
  existence: boolean;
  /** Lint rules that are switched off. */
  lintIgnore: string[];
  /** Longest time a migration may compute between two operations, in milliseconds. */
  timeLimitMs: number;
  graph: GraphSettings;
}

/** What can override the file. */
export interface Overrides {
  /** The process's environment variables. */
  variables: Record<string, string | undefined>;
  /** Name given with `--env`. */
  environment?: string;
}

type Kind = "text" | "texts" | "number";

const GRAPH_KEYS: Record<string, Kind> = {
  uri: "text",
  username: "text",
  database: "text",
  password_env: "text",
  ca_file: "text",
};

/** Every key that may stand in the file. */
const TABLES: Record<string, Record<string, Kind>> = {
  project: { name: "text", models_path: "text", migrations_path: "text", neomodel: "text" },
  neo4j: GRAPH_KEYS,
  ledger: { path: "text" },
  models: { roots: "texts", ignore: "texts" },
  migrations: { time_limit_seconds: "number" },
  schema: { required: "text" },
  lint: { ignore: "texts" },
};

const SCHEMES = ["bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"];

/** Reads the settings. @throws CrochetError CONFIG_INVALID with the line */
export function readConfig(text: string, file: string, overrides: Overrides): Settings {
  const values = parseToml(text, file);
  checkTables(values, text, file);
  const table = (name: string) => (values[name] ?? {}) as Record<string, never>;
  const environment = overrides.environment ?? "default";
  const environments = (values.env ?? {}) as Record<string, Record<string, string>>;
  if (environment !== "default" && !Object.hasOwn(environments, environment)) {
    const meant = nearest(environment, Object.keys(environments));
    throw new CrochetError("CONFIG_INVALID", `The environment "${environment}" is not in "${file}"`, {
      at: { file },
      hint: meant ? `did you mean --env ${meant}?` : `add a table [env.${environment}] with its uri`,
    });
  }
  const own = Object.hasOwn(environments, environment) ? environments[environment] : {};
  const { variables } = overrides;
  const passwordVariable = own.password_env ?? table("neo4j").password_env ?? "CROCHET_NEO4J_PASSWORD";
  const caFile = variables.CROCHET_NEO4J_CA_FILE || own.ca_file || table("neo4j").ca_file;
  const graph: GraphSettings = {
    uri: variables.CROCHET_NEO4J_URI || own.uri || table("neo4j").uri || "bolt://localhost:7687",
    username: variables.CROCHET_NEO4J_USERNAME || own.username || table("neo4j").username || "neo4j",
    password: variables[passwordVariable] ?? variables.CROCHET_NEO4J_PASSWORD,
    passwordVariable,
    database: variables.CROCHET_NEO4J_DATABASE || own.database || table("neo4j").database || undefined,
    environment,
    ...(caFile && { caFile }),
  };
  return {
    name: table("project").name ?? "my-graph",
    modelsPath: table("project").models_path ?? "models",
    migrationsPath: table("project").migrations_path ?? "migrations",
    ledgerPath: table("ledger").path ?? ".crochet/ledger.db",
    modelRoots: table("models").roots ?? [],
    modelIgnore: table("models").ignore ?? [],
    neomodel: neomodelVersion(table("project").neomodel, text, file),
    existence: requiredMeans(table("schema").required, text, file) === "existence",
    lintIgnore: table("lint").ignore ?? [],
    timeLimitMs: Number(table("migrations").time_limit_seconds ?? 30) * 1000,
    graph,
  };
}

/**
 * Checks a URI before anything is sent, and gives it without white space.
 * @throws CrochetError CONFIG_INVALID for an unknown scheme or a secret inside
 *
 * @example
 * ```ts
 * import { checkUri } from "./config.ts";
 * import assert from "node:assert/strict";
 * assert.equal(checkUri("bolt://localhost:7687"), "bolt://localhost:7687");
 * assert.throws(() => checkUri("blt://localhost"), /blt/);
 * ```
 */
export function checkUri(uri: string): string {
  const trimmed = uri.trim();
  const scheme = /^([a-z0-9+.-]+):\/\//i.exec(trimmed)?.[1]?.toLowerCase();
  if (!scheme || !SCHEMES.includes(scheme)) {
    const meant = scheme ? nearest(scheme, SCHEMES) : undefined;
    const shown = scheme ? `the scheme "${scheme}"` : "no scheme";
    throw new CrochetError(
      "CONFIG_INVALID",
      `The Neo4j URI has ${shown}, which is none of ${SCHEMES.join(", ")}`,
      {
        hint: meant ? `did you mean ${meant}://...?` : "write it as bolt://host:7687 or neo4j+s://host",
      },
    );
  }
  // An @ anywhere: a password may hold slashes.
  if (trimmed.includes("@")) {
    throw new CrochetError("CONFIG_INVALID", "The Neo4j URI holds a user name or a password", {
      hint: "take it out, and set CROCHET_NEO4J_USERNAME and CROCHET_NEO4J_PASSWORD",
    });
  }
  if (/[\s\\]/.test(trimmed) || !URL.canParse(trimmed.replace(/^[^:]+/, "http"))) {
    throw new CrochetError("CONFIG_INVALID", `The Neo4j URI "${trimmed}" is no URI`, {
      hint: "write it as bolt://host:7687",
    });
  }
  return trimmed;
}

/** Reads TOML. @throws CrochetError CONFIG_INVALID with the line */
export function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const problem = cause.message.split("\n")[0].replace(/^Invalid TOML document: /, "");
    throw new CrochetError("CONFIG_INVALID", `Reading "${file}" failed: ${problem}`, {
      at: { file, line: cause.line, column: cause.column },
      hint: "correct the line; texts stand in quotes",
    });
  }
}

function checkTables(values: Record<string, unknown>, text: string, file: string): void {
  const fail = (path: string[], message: string, hint: string): never => {
    throw new CrochetError("CONFIG_INVALID", `Reading "${file}" failed: ${message}`, {
      at: { file, line: lineOf(text, path) },
      hint,
    });
  };
  const checkKeys = (path: string[], table: unknown, keys: Record<string, Kind>) => {
    if (!isTable(table)) {
      return fail(
        path,
        `"${path.join(".")}" must be a table`,
        `write [${path.join(".")}] on a line of its own`,
      );
    }
    for (const [key, value] of Object.entries(table as Record<string, unknown>)) {
      if (key === "password") {
        fail(
          [...path, key],
          "a password stands in the file",
          "remove it, change it if the file was shared, and set CROCHET_NEO4J_PASSWORD",
        );
      }
      const kind = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (!kind) {
        const meant = nearest(key, Object.keys(keys));
        return fail(
          [...path, key],
          `the key "${key}" in [${path.join(".")}] is not known`,
          meant ? `did you mean "${meant}"?` : `known keys: ${Object.keys(keys).join(", ")}`,
        );
      }
      const wanted = { text: "a text in quotes", texts: "a list of texts", number: "a number above 0" }[kind];
      if (!fits(value, kind)) {
        fail(
          [...path, key],
          `"${key}" in [${path.join(".")}] must be ${wanted}`,
          `write ${key} = ${kind === "text" ? '"..."' : kind === "texts" ? '["..."]' : "30"}`,
        );
      }
    }
  };
  for (const [name, table] of Object.entries(values)) {
    if (name === "env") {
      if (!isTable(table)) fail([name], '"env" must be a table', "write [env.NAME]");
      for (const [environment, keys] of Object.entries(table as Record<string, unknown>)) {
        checkKeys(["env", environment], keys, GRAPH_KEYS);
      }
      continue;
    }
    if (!Object.hasOwn(TABLES, name)) {
      const meant = nearest(name, [...Object.keys(TABLES), "env"]);
      fail(
        [name],
        `"${name}" is not known`,
        meant
          ? `did you mean [${meant}]?`
          : `known tables: ${[...Object.keys(TABLES), "env.NAME"].map((t) => `[${t}]`).join(", ")}`,
      );
    }
    checkKeys([name], table, TABLES[name]);
  }
}

function isTable(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function fits(value: unknown, kind: Kind): boolean {
  if (kind === "text") return typeof value === "string" && value.trim() !== "";
  if (kind === "number") return typeof value === "number" && value > 0 && Number.isFinite(value);
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function neomodelVersion(name: string | undefined, text: string, file: string): NeomodelVersion {
  const version = name === undefined ? NEWEST_NEOMODEL : parseNeomodelVersion(name.trim());
  if (version !== undefined) return version;
  throw new CrochetError("CONFIG_INVALID", `Reading "${file}" failed: neomodel "${name}" is not known`, {
    at: { file, line: lineOf(text, ["project", "neomodel"]) },
    hint: `write ${KNOWN_NEOMODELS}, such as neomodel = "7" or "5.5"`,
  });
}

/** What `required=True` asks for: neomodel's own check, or an existence constraint too. */
function requiredMeans(value: string | undefined, text: string, file: string): "models" | "existence" {
  if (value === undefined || value === "models" || value === "existence") return value ?? "models";
  throw new CrochetError("CONFIG_INVALID", `Reading "${file}" failed: required "${value}" is not known`, {
    at: { file, line: lineOf(text, ["schema", "required"]) },
    hint: 'write required = "models" (neomodel checks it) or "existence" (a constraint, Enterprise Edition)',
  });
}

/** The line on which a table or a key stands; undefined where it is written in a way that is not searched. */
function lineOf(text: string, path: string[]): number | undefined {
  const lines = text.split("\n");
  const header = (parts: string[]) =>
    lines.findIndex((line) =>
      line.replace(/[\s"']/g, "").replace(/^\[\[/, "[").startsWith(`[${parts.join(".")}]`)
    );
  const asTable = header(path);
  if (asTable !== -1) return asTable + 1;
  const start = path.length > 1 ? header(path.slice(0, -1)) : -1;
  if (path.length > 1 && start === -1) return undefined;
  for (let i = start + 1; i < lines.length; i++) {
    if (/^\s*\[/.test(lines[i])) break;
    if (new RegExp(`^\\s*["']?${path.at(-1)!.replace(/[^\w-]/g, ".")}["']?\\s*[=.]`).test(lines[i])) {
      return i + 1;
    }
  }
  return undefined;
}
