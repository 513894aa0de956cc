/**
 * Takes a TypeScript migration and runs it in a worker without powers. Types are stripped, imports are checked
 * (relative files of the migrations folder and "crochet", nothing else) and handed over as code, so that the worker
 * needs to read nothing. A migration that computes for too long is stopped. Never touches graph or ledger: the
 * caller answers the operations.
 */
import { CrochetError, type Place } from "./error.ts";
import { dirname, join, relative } from "./path.ts";
import { readIfThere, refuseLink } from "./project.ts";
import type { FromWorker, ToWorker } from "./sandbox_worker.ts";
import { CROCHET_MODULE } from "./crochet_module.ts";
import { count } from "./text.ts";

/** A migration as code: the module to run and which file each generated URL came from. */
export interface CompiledMigration {
  url: string;
  /** File as messages show it, by module URL. */
  files: Map<string, string>;
  file: string;
}

/** Answers one operation of a running migration. */
export type OperationHandler = (name: string, args: unknown[], place: Place) => Promise<unknown>;

/** What a run needs to know of its revision. */
export interface RunRequest {
  /** The exported function that runs. */
  direction: "upgrade" | "downgrade" | "run";
  operations: string[];
  revision: { revisionId: string; batch: string; params: Readonly<Record<string, unknown>> };
  /** Find out where each call stands; costs time. */
  places?: boolean;
  /** Gets the name of an operation whose rows the migration looked at. */
  onUse?(name: string): void;
}

/** A migration file and where it lies. */
export interface MigrationSource {
  /** The project's folder, from which paths are shown. */
  root: string;
  /** The migrations folder, which imports do not leave. */
  folder: string;
  /** Path from `root`. */
  file: string;
  text: string;
  /** Tells runs apart: each gets modules of its own. */
  turn: number;
}

/**
 * Strips the types of a migration and of what it imports.
 * @throws CrochetError REVISION_INVALID with the place of a syntax error or a refused import
 */
export async function compileMigration(source: MigrationSource): Promise<CompiledMigration> {
  const { root, folder, file, turn } = source;
  const { transformSync } = await import("amaro");
  const lexer = await import("es-module-lexer");
  await lexer.init;
  const files = new Map<string, string>();
  const done = new Map<string, string>();
  const compile = (path: string, text: string, trail: string[]): string => {
    const known = done.get(path);
    if (known) return known;
    const name = relative(root, path);
    const fail = (message: string, at: Partial<Place>, hint: string): never => {
      throw new CrochetError("REVISION_INVALID", `Reading the migration "${file}" failed: ${message}`, {
        at: { file: name, ...at },
        hint,
      });
    };
    let code: string;
    try {
      code = /\.ts$/.test(path) ? transformSync(text, { mode: "strip-only" }).code : text;
    } catch (error) {
      const { message, startLine, startColumn } = error as {
        message: string;
        startLine?: number;
        startColumn?: number;
      };
      return fail(message.split("\n")[0], {
        line: startLine,
        column: startColumn === undefined ? undefined : startColumn + 1,
      }, "correct the TypeScript; only types can be stripped, enum and namespace cannot");
    }
    const replacements: { from: number; to: number; url: string }[] = [];
    let imports;
    try {
      [imports] = lexer.parse(code, name);
    } catch (error) {
      return fail((error as Error).message.split("\n")[0], {}, "correct the imports");
    }
    for (const found of imports) {
      const line = code.slice(0, found.start).split("\n").length;
      const { specifier } = found as { specifier?: string | null };
      if ((found as { type?: string }).type === "import-meta") continue;
      if ((found as { type?: string }).type === "dynamic") {
        fail("import(...) is not available in a migration", { line }, "use an import at the top of the file");
      }
      if (specifier === "crochet") {
        replacements.push({ from: found.start, to: found.end, url: crochetModule(turn) });
        continue;
      }
      const target = specifier?.startsWith("./") || specifier?.startsWith("../")
        ? join(dirname(path), specifier)
        : undefined;
      const inside = target !== undefined && !relative(folder, target).startsWith("..");
      if (!inside) {
        fail(
          `it may not import "${specifier}"`,
          { line },
          'only relative files of the migrations folder and "crochet" may be imported',
        );
      }
      if (trail.includes(target!)) {
        fail(`"${specifier}" imports itself in a circle`, { line }, "move what both need into a third file");
      }
      refuseLink([folder], target!, relative(root, target!));
      const inner = readIfThere(target!);
      if (inner === undefined) {
        fail(
          `the import "${specifier}" finds no file`,
          { line },
          "write the file's name with its ending: ./helper.ts",
        );
      }
      replacements.push({
        from: found.start,
        to: found.end,
        url: compile(target!, inner!, [...trail, target!]),
      });
    }
    for (const { from, to, url } of replacements.reverse()) code = code.slice(0, from) + url + code.slice(to);
    const url = dataUrl(`${code}\n//# turn ${turn}`);
    files.set(url, name);
    done.set(path, url);
    return url;
  };
  const path = join(root, file);
  return { url: compile(path, source.text, [path]), files, file };
}

function dataUrl(code: string): string {
  const bytes = new TextEncoder().encode(code);
  let binary = "";
  for (let i = 0; i < bytes.length; i += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return `data:text/javascript;base64,${btoa(binary)}`;
}

/** The "crochet" module: its functions live in the worker already. */
function crochetModule(turn: number): string {
  const names = Object.keys(CROCHET_MODULE);
  const lines = names.map((name) => `export const ${name} = module.${name};`);
  return dataUrl(`const module = globalThis[Symbol.for("crochet")];\n${lines.join("\n")}\n//# turn ${turn}`);
}

/** A worker that runs one migration at a time. Close it when done. */
export class Sandbox {
  private worker: Worker | undefined;
  private nextId = 0;

  /** `talk` gets what migrations print. */
  constructor(
    private readonly timeLimitMs: number,
    private readonly talk: (text: string) => void = () => {},
  ) {}

  /** Loads a migration, which must export some functions, and gives what it exports, functions as the word "function". */
  async load(
    migration: CompiledMigration,
    needed: ("upgrade" | "downgrade" | "run")[] = ["upgrade", "downgrade"],
  ): Promise<Record<string, unknown>> {
    const id = ++this.nextId;
    const message = await this.exchange(migration, { type: "load", id, url: migration.url });
    if (message.type !== "loaded") throw new Error(`the worker answered "${message.type}" to "load"`);
    for (const name of needed) {
      if (message.exports[name] === "function") continue;
      throw new CrochetError(
        "REVISION_INVALID",
        `Reading the migration "${migration.file}" failed: it exports no function "${name}"`,
        {
          at: { file: migration.file },
          hint: `add: export async function ${name}(ctx: MigrationContext) {}`,
        },
      );
    }
    return message.exports;
  }

  /** Runs the migration that was loaded last. @throws CrochetError MIGRATION_FAILED, MIGRATION_TIMEOUT, or what `handler` threw */
  async run(migration: CompiledMigration, request: RunRequest, handler: OperationHandler): Promise<void> {
    const id = ++this.nextId;
    const { onUse, ...rest } = request;
    const sent = { type: "run" as const, id, ...rest, watch: onUse !== undefined };
    const message = await this.exchange(migration, sent, handler, onUse);
    if (message.type === "done" && message.open.length > 0) {
      throw new CrochetError(
        "MIGRATION_FAILED",
        `The migration "${migration.file}" does not await its operation "${message.open[0]}"`,
        {
          at: { file: migration.file },
          hint: `write: await ctx.${message.open[0]}(...)`,
          data: { forbidden: true },
        },
      );
    }
  }

  /** Ends the worker. */
  close(): void {
    this.worker?.terminate();
    this.worker = undefined;
  }

  private exchange(
    migration: CompiledMigration,
    request: ToWorker & { id: number },
    handler?: OperationHandler,
    onUse?: (name: string) => void,
  ): Promise<FromWorker> {
    const worker = this.worker ??= new Worker(
      new URL("./sandbox_worker.ts", import.meta.url),
      { type: "module", deno: { permissions: "none" } } as WorkerOptions,
    );
    let timer: ReturnType<typeof setTimeout> | undefined;
    let queue: Promise<void> = Promise.resolve();
    let failure: { error: unknown } | undefined;
    return new Promise<FromWorker>((resolve, reject) => {
      const finish = (action: () => void) => {
        clearTimeout(timer);
        worker.onmessage = null;
        worker.onerror = null;
        action();
      };
      const watch = () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          this.close();
          finish(() => reject(timedOut(migration, this.timeLimitMs)));
        }, this.timeLimitMs);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        this.close();
        finish(() => reject(failure?.error ?? migrationFailed(migration, event.message, "")));
      };
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (data.type === "talk") return this.talk(data.text);
        if (data.type === "used") return onUse?.(data.name);
        if (data.type === "call") {
          clearTimeout(timer);
          queue = queue.then(() =>
            this.answer(
              migration,
              worker,
              data,
              handler!,
              failure !== undefined,
              (error) => failure ??= { error },
            )
          ).then(watch);
          return;
        }
        // What was asked for before the end is answered before the end.
        queue.then(() => {
          if (data.type !== "failed") return finish(() => failure ? reject(failure.error) : resolve(data));
          const error = failure?.error ??
            migrationFailed(migration, data.message, data.stack, data.forbidden);
          if (error instanceof CrochetError) error.at ??= placeOf(migration, data.stack);
          finish(() => reject(error));
        });
      };
      watch();
      worker.postMessage(request);
    });
  }

  /** Answers one call; after the first failure the rest is refused, also where the migration catches the error. */
  private async answer(
    migration: CompiledMigration,
    worker: Worker,
    call: FromWorker & { type: "call" },
    handler: OperationHandler,
    failed: boolean,
    onFailure: (error: unknown) => void,
  ): Promise<void> {
    const reply = (answer: { value?: unknown; error?: string }) =>
      worker.postMessage({ type: "answer", call: call.call, ...answer } satisfies ToWorker);
    if (failed) return reply({ error: "an operation before this one failed" });
    try {
      const place = call.stack === undefined ? { file: migration.file } : placeOf(migration, call.stack);
      reply({ value: await handler(call.name, call.args, place) });
    } catch (error) {
      onFailure(error);
      reply({ error: error instanceof Error ? error.message : String(error) });
    }
  }
}

function timedOut(migration: CompiledMigration, limitMs: number): CrochetError {
  return new CrochetError(
    "MIGRATION_TIMEOUT",
    `The migration "${migration.file}" computed for more than ${
      count(limitMs / 1000, "second")
    } between two operations, and was stopped`,
    {
      at: { file: migration.file },
      hint: "look for an endless loop, or raise [migrations] time_limit_seconds in crochet.toml",
    },
  );
}

function migrationFailed(
  migration: CompiledMigration,
  message: string,
  stack: string,
  forbidden = false,
): CrochetError {
  const denied = /Requires (\w+) access|NotCapable|--allow-/.test(message);
  const text = denied
    ? "it reached for a file, the network, the environment or a process, which a migration may not"
    : message.replace(/^Uncaught (\(in promise\) )?/, "");
  return new CrochetError("MIGRATION_FAILED", `The migration "${migration.file}" failed: ${text}`, {
    at: placeOf(migration, stack),
    hint: denied
      ? "hand data to the migration through its context"
      : "correct the migration, and run crochet upgrade again",
    data: { forbidden: denied || forbidden },
  });
}

/** The first frame of the stack that lies in the migration or in a file that it imports. */
function placeOf(migration: CompiledMigration, stack: string): Place {
  for (
    const [, head, tail, line, column] of stack.matchAll(
      /(data:text\/javascript;base64,[^.\s]*)(?:\.{3,}([^:\s]*))?:(\d+):(\d+)/g,
    )
  ) {
    // Long URLs are cut in the middle where they are shown in a stack.
    const found = [...migration.files].find(([url]) => url.startsWith(head) && url.endsWith(tail ?? ""));
    if (found) return { file: found[1], line: Number(line), column: Number(column) };
  }
  return { file: migration.file };
}
