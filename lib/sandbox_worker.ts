/**
 * Takes a migration as a module URL and runs its upgrade or downgrade; every call of the context goes to the main
 * thread as a message and waits for its answer. Runs as a worker without any permission. Clock and randomness are
 * taken away, so that a run that is resumed asks for the same operations again.
 */
/// <reference lib="deno.worker" />
import { anyParameter, CROCHET_MODULE } from "./crochet_module.ts";

/** A message to the worker. */
export type ToWorker =
  | { type: "load"; id: number; url: string }
  | {
    type: "run";
    id: number;
    direction: "upgrade" | "downgrade" | "run";
    operations: string[];
    revision: { revisionId: string; batch: string; params: Readonly<Record<string, unknown>> };
    places?: boolean;
    watch?: boolean;
  }
  | { type: "answer"; call: number; value?: unknown; error?: string };

/** A message from the worker. */
export type FromWorker =
  | { type: "loaded"; id: number; exports: Record<string, unknown> }
  | { type: "call"; call: number; name: string; args: unknown[]; stack?: string }
  | { type: "talk"; text: string }
  /** The migration looked at what a query gave. */
  | { type: "used"; name: string }
  | { type: "done"; id: number; open: string[] }
  | { type: "failed"; id: number; message: string; stack: string; forbidden: boolean };

/** A call whose answer is awaited, or not. */
interface Call {
  name: string;
  /** Where the migration made the call. */
  site: Error;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type Migration =
  & Record<string, unknown>
  & Record<"upgrade" | "downgrade" | "run", ((ctx: unknown) => unknown) | undefined>;

const scope = self as unknown as {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};
const post = scope.postMessage.bind(scope);
const waiting = new Map<number, Call>();
let migration: Migration | undefined;
let calls = 0;
let places = false;
let watch = false;
/** Answers that are watched, with what they really are. */
const watched = new WeakMap<object, unknown[]>();
/** Names of operations whose answers nobody asked for yet. */
const unawaited = new Set<string>();

/** Something that a migration may not do, whatever it got from its operations. */
class Forbidden extends Error {}

(globalThis as Record<symbol, unknown>)[Symbol.for("crochet")] = CROCHET_MODULE;
takePowersAway();

scope.onmessage = async ({ data }) => {
  if (data.type === "answer") {
    const call = waiting.get(data.call);
    waiting.delete(data.call);
    if (data.error === undefined) call?.resolve(data.value);
    else if (call) {
      call.site.message = data.error;
      call.reject(call.site);
    }
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
      places = data.places === true;
      watch = data.watch === true;
      const revision = places ? { ...data.revision, params: anyParameter() } : data.revision;
      await migration![data.direction]!(context(data.operations, revision));
      post({ type: "done", id: data.id, open: [...unawaited] });
    }
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    post({
      type: "failed",
      id: data.id,
      message: thrown.message,
      stack: thrown.stack ?? "",
      forbidden: error instanceof Forbidden,
    });
  }
};

function context(operations: string[], revision: Record<string, unknown>): unknown {
  unawaited.clear();
  const ctx: Record<string, unknown> = { ...revision };
  for (const name of operations) ctx[name] = (...args: unknown[]) => call(name, args);
  return new Proxy(ctx, {
    get(target, name) {
      if (name in target || typeof name === "symbol" || name === "then") return target[name as string];
      // Asked for by name, so that the main thread can say what was meant.
      return (...args: unknown[]) => call(name, args);
    },
  });
}

/** Sends a call. The answer notes that somebody waits for it: an operation nobody awaits is a mistake. */
function call(name: string, args: unknown[]): PromiseLike<unknown> {
  const id = ++calls;
  unawaited.add(name);
  const answer = new Promise((resolve, reject) => {
    const entry: Call = { name, site: new Error(), resolve, reject };
    waiting.set(id, entry);
    try {
      post({
        type: "call",
        call: id,
        name,
        args: args.map((arg) => unwatched(arg, 2)),
        ...(places && { stack: entry.site.stack ?? "" }),
      });
    } catch (error) {
      waiting.delete(id);
      entry.site.message = `ctx.${name}: an argument cannot be handed over: ${(error as Error).message}`;
      reject(entry.site);
    }
  });
  // Nobody may be there to see it fail; whoever awaits it sees it all the same.
  answer.catch(() => {});
  const seen = watch
    ? answer.then((value) => (Array.isArray(value) ? watchedRows(name, value) : value))
    : answer;
  seen.catch(() => {});
  return {
    then(resolve, reject) {
      unawaited.delete(name);
      return seen.then(resolve, reject);
    },
  };
}

/** Rows that tell when somebody looks at them: from then on, what is asked for may hang on them. */
function watchedRows(name: string, rows: unknown[]): unknown[] {
  let told = false;
  const proxy = new Proxy(rows, {
    get(target, property, receiver) {
      // Awaiting a value asks for its "then"; that is no look at it.
      if (property !== "then" && !told) {
        told = true;
        post({ type: "used", name });
      }
      return Reflect.get(target, property, receiver);
    },
  });
  watched.set(proxy, rows);
  return proxy;
}

/** Arguments as they can be sent: rows that are watched cannot. */
function unwatched(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  const rows = watched.get(value);
  if (rows) {
    post({ type: "used", name: "a query" });
    return rows;
  }
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain || depth === 0) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unwatched(item, depth - 1)]));
}

/** Time and chance differ between a run and its repetition; code from text could import what may not be imported. */
function takePowersAway(): void {
  const refuse = (what: string, instead: string) =>
    function () {
      throw new Forbidden(`${what} is not available in a migration: ${instead}`);
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
  const closed = (refusal: () => never) =>
    new Proxy({}, { get: refusal, has: () => false, ownKeys: refusal });
  for (const name of ["Deno", "process", "Bun"]) define(globalThis, name, closed(noAccess as () => never));
  if (!temporal) define(globalThis, "Temporal", closed(noClock as () => never));
  define(globalThis, "performance", closed(noClock as () => never));
  for (const name of ["File", "Event", "CustomEvent", "MessageEvent"]) define(globalThis, name, noClock);
  define(AbortSignal, "timeout", noClock);
  define(Atomics, "wait", noClock);
  const format = Intl.DateTimeFormat.prototype;
  for (const name of ["formatToParts", "formatRange", "formatRangeToParts"] as const) {
    define(format, name, noClock);
  }
  const real = Object.getOwnPropertyDescriptor(format, "format")!.get!;
  Object.defineProperty(format, "format", {
    get() {
      const bound = real.call(this) as (date?: unknown) => string;
      return (date?: unknown) => (date === undefined ? noClock() : bound(date));
    },
  });
  const say = (...words: unknown[]) =>
    post({
      type: "talk",
      text: words.map((word) => typeof word === "string" ? word : JSON.stringify(word) ?? String(word)).join(
        " ",
      ),
    });
  for (const name of Object.keys(console)) define(console, name, say);
}
