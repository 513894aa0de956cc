/**
 * Takes what a server says of itself and tells what it can do: which version a construct needs, which edition. One
 * place knows the floors, so that a plan can refuse by name what the server would refuse in the middle of a run.
 * Sources: the Cypher manual's lists of additions; floors marked in facts of running servers. Never asks a server.
 */
import type { SchemaShape } from "./schema.ts";

/** What a server can do, as far as statements depend on it. */
export interface ServerFeatures {
  /** `[5, 26, 30]` or `[2026, 8, 1]`. */
  version: number[];
  /** `community`, `enterprise`, or `unknown` where nobody asked. */
  edition: string;
}

/** Is the server of at least this version? 2025 and later count as newer than any 5. */
export function atLeast(server: ServerFeatures, ...wanted: number[]): boolean {
  for (let i = 0; i < wanted.length; i++) {
    const have = server.version[i] ?? 0;
    if (have !== wanted[i]) return have > wanted[i];
  }
  return true;
}

/** The version that a constraint or an index needs, and whether it needs Enterprise Edition. */
function needsOf({ kind, entity }: SchemaShape): { since: number[]; enterprise: boolean } {
  const onRelationships = entity === "relationship";
  switch (kind) {
    case "unique":
      return { since: onRelationships ? [5, 7] : [4, 4], enterprise: false };
    case "vector":
      return { since: onRelationships ? [5, 18] : [5, 15], enterprise: false };
    case "key":
      return { since: onRelationships ? [5, 7] : [4, 4], enterprise: true };
    case "type":
      return { since: [5, 9], enterprise: true };
    case "existence":
      return { since: [4, 4], enterprise: true };
    default:
      return { since: [4, 4], enterprise: false };
  }
}

/**
 * Why a server cannot have a constraint or an index, in words; undefined where it can.
 *
 * @example
 * ```ts
 * import { whyNotSchema } from "./server_features.ts";
 * import assert from "node:assert/strict";
 * const shape = { kind: "key", entity: "node", labelOrType: "P", properties: ["a"] } as const;
 * assert.equal(
 *   whyNotSchema({ ...shape, properties: ["a"] }, { version: [5, 26, 0], edition: "community" }),
 *   "which Neo4j Community Edition does not have",
 * );
 * ```
 */
export function whyNotSchema(shape: SchemaShape, server: ServerFeatures): string | undefined {
  const { since, enterprise } = needsOf(shape);
  if (!atLeast(server, ...since)) {
    return `which needs Neo4j ${since.join(".")}, and this is ${server.version.join(".")}`;
  }
  return enterprise && server.edition === "community"
    ? "which Neo4j Community Edition does not have"
    : undefined;
}
