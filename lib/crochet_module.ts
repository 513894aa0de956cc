/**
 * What a migration may import from "crochet": values that JavaScript has no type for, and the context as a part of a
 * squash saw it. Lives in the worker. Never knows a graph.
 */
import * as values from "./graph_value.ts";

type Context = Record<string, unknown> & { beginBatch(id?: string): PromiseLike<string> };

/** Operations that begin a batch by themselves where none was begun. */
const LOADS = /^(bulk)?(create|upsert)(Nodes|Relationships)$/i;

/**
 * The context under another revision's id, with batches that are numbered as that revision numbered them: so the parts
 * of a squash find what they made, whether they ran by themselves or in the squash.
 *
 * @example
 * ```ts
 * import { asRevision } from "./crochet_module.ts";
 * import assert from "node:assert/strict";
 * const begun: (string | undefined)[] = [];
 * const ctx = { beginBatch: (id?: string) => (begun.push(id), Promise.resolve(id!)), createNodes: () => Promise.resolve() };
 * const part = asRevision(ctx, "0001_a") as typeof ctx;
 * await part.createNodes();
 * await part.beginBatch();
 * assert.deepEqual(begun, ["0001_a:1", "0001_a:2"]);
 * ```
 */
export function asRevision(ctx: Context, revisionId: string): Context {
  let batches = 0;
  let hasBatch = false;
  const begin = (id?: string) => {
    hasBatch = true;
    return ctx.beginBatch(id ?? `${revisionId}:${++batches}`);
  };
  const own: Record<string, unknown> = { revisionId, batch: `${revisionId}:1`, beginBatch: begin };
  return new Proxy(ctx, {
    get(target, name: string) {
      if (name in own) return own[name];
      const value = target[name];
      if (typeof value !== "function" || !LOADS.test(name)) return value;
      return async (...args: unknown[]) => {
        if (!hasBatch) await begin();
        return await value(...args);
      };
    },
  });
}

/** Parameters of a command line that nobody gave: each stands for itself, so that what is asked for can be collected. */
export function anyParameter(): Record<string, unknown> {
  return new Proxy({}, {
    has: () => true,
    get: (_, name) => (typeof name === "symbol" ? undefined : `{{ ${name} }}`),
    getOwnPropertyDescriptor: (_, name) => ({
      value: `{{ ${String(name)} }}`,
      configurable: true,
      enumerable: true,
    }),
  });
}

/** What a migration may import from "crochet". */
export const CROCHET_MODULE: Record<string, unknown> = {
  float: values.float,
  date: values.date,
  dateTime: values.dateTime,
  localDateTime: values.localDateTime,
  time: values.time,
  localTime: values.localTime,
  duration: values.duration,
  point: values.point,
  asRevision,
};
