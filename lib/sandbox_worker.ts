/**
 * Takes a migration as a module URL and runs its upgrade or downgrade; every call of the context goes to the main
 * thread as a message and waits for its answer. Runs as a worker without any permission. Clock and randomness are
 * taken away, so that a run that is resumed asks for the same operations again.
 */
/// <reference lib="deno.worker" />
import { CROCHET_MODULE } from "./graph_value.ts";

/** A message to the worker. */
export type ToWorker =
  | { type: "load"; id: number; url: string }
  | {
    type: "run";
    id: number;
    direction: "upgrade" | "downgrade";
    operations: string[];
    revision: { revisionId: string; batch: string };
  }
  | { type: "answer"; call: number; value?: unknown; error?: string };

/** A message from the worker. */
export type FromWorker =
  | { type: "loaded"; id: number; exports: Record<string, unknown> }
  | { type: "call"; call: number; name: string; args: unknown[] }
  | { type: "done"; id: number; open: string[] }
  | { type: "failed"; id: number; message: string; stack: string; ofOperation: boolean };

type Migration =
  & Record<string, unknown>
  & Record<"upgrade" | "downgrade", ((ctx: unknown) => unknown) | undefined>;

const scope = self as unknown as {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};
const post = scope.postMessage.bind(scope);
const waiting = new Map<
  number,
  { name: string; resolve(value: unknown): void; reject(error: Error): void }
>();
let migration: Migration | undefined;
let calls = 0;

/** An operation that the main thread refused: told apart from the migration's own errors. */
class OperationError extends Error {}

(globalThis as Record<symbol, unknown>)[Symbol.for("crochet")] = CROCHET_MODULE;
takePowersAway();

scope.onmessage = async ({ data }) => {
  if (data.type === "answer") {
    const call = waiting.get(data.call);
    waiting.delete(data.call);
    if (data.error === undefined) call?.resolve(data.value);
    else call?.reject(new OperationError(data.error));
    return;
  }
  try {
    if (data.type === "load") {
      migration = await import(data.url) as Migration;
      const exports: Record<string, unknown> = {};
      for (const [name, value] of Object.entries(migration)) {
        exports[name] = typeof value === "function" ? "function" : value;
      }
      post({ type: "loaded", id: data.id, exports });
    } else {
      await migration![data.direction]!(context(data.operations, data.revision));
      post({ type: "done", id: data.id, open: [...waiting.values()].map((call) => call.name) });
    }
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    post({
      type: "failed",
      id: data.id,
      message: thrown.message,
      stack: thrown.stack ?? "",
      ofOperation: error instanceof OperationError,
    });
  }
};

function context(operations: string[], revision: Record<string, unknown>): unknown {
  const ctx: Record<string, unknown> = { ...revision };
  for (const name of operations) {
    ctx[name] = (...args: unknown[]) =>
      new Promise((resolve, reject) => {
        const call = ++calls;
        waiting.set(call, { name, resolve, reject });
        try {
          post({ type: "call", call, name, args });
        } catch (error) {
          waiting.delete(call);
          reject(new Error(`ctx.${name}: an argument cannot be handed over: ${(error as Error).message}`));
        }
      });
  }
  return new Proxy(ctx, {
    get(target, name) {
      if (name in target || typeof name === "symbol" || name === "then") return target[name as string];
      // Asked for by name, so that the main thread can say what was meant.
      return (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          const call = ++calls;
          waiting.set(call, { name: String(name), resolve, reject });
          post({ type: "call", call, name: String(name), args });
        });
    },
  });
}

/** Time and chance differ between a run and its repetition; code from text could import what may not be imported. */
function takePowersAway(): void {
  const refuse = (what: string, instead: string) =>
    function () {
      throw new Error(`${what} is not available in a migration: ${instead}`);
    };
  const later =
    "a run that is resumed must do the same again; write the value out, or let Cypher compute it (datetime(), randomUUID())";
  const RealDate = Date;
  const noClock = refuse("The clock", later);
  const FixedDate = function (this: unknown, ...args: unknown[]) {
    if (!new.target || args.length === 0) return noClock();
    return Reflect.construct(RealDate, args, new.target === FixedDate ? RealDate : new.target);
  } as unknown as DateConstructor;
  Object.defineProperties(FixedDate, {
    prototype: { value: RealDate.prototype },
    UTC: { value: RealDate.UTC },
    parse: { value: RealDate.parse },
    now: { value: noClock },
  });
  RealDate.prototype.constructor = FixedDate;
  const noChance = refuse("Randomness", later);
  const noFile = refuse("Code from text", "write it as code");
  const noAccess = refuse("Access to the outside", "a migration reads data through its context only");
  const define = (target: object, name: string, value: unknown) =>
    Object.defineProperty(target, name, { value, writable: false, configurable: false });
  define(globalThis, "Date", FixedDate);
  define(Math, "random", noChance);
  for (const name of ["randomUUID", "getRandomValues"]) define(Object.getPrototypeOf(crypto), name, noChance);
  define(Object.getPrototypeOf(performance), "now", noClock);
  const temporal = (globalThis as { Temporal?: { Now?: object } }).Temporal?.Now;
  if (temporal) { for (const name of Object.getOwnPropertyNames(temporal)) define(temporal, name, noClock); }
  for (const name of ["setTimeout", "setInterval", "eval"]) {
    define(globalThis, name, name === "eval" ? noFile : noClock);
  }
  for (const name of ["fetch", "WebSocket", "Worker", "EventSource", "BroadcastChannel", "close"]) {
    define(globalThis, name, noAccess);
  }
  const kinds = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (const kind of kinds) define(Object.getPrototypeOf(kind), "constructor", noFile);
  define(globalThis, "Function", noFile);
  define(globalThis, "Deno", undefined);
  define(globalThis, "process", undefined);
}
