/**
 * Takes a transform (a change of everything that carries a label or a type) and gives its statements for a server of
 * a given version. The server commits in batches; each statement finds only what is still to be done, so that it can
 * be repeated. Where a change would find its own results, it goes in phases, and a journal remembers which are over.
 * Never runs anything.
 */
import { conversionCypher, type ValueKind } from "./conversion.ts";
import { quoteName, quoteString } from "./schema.ts";
import { atLeast, type ServerFeatures } from "./server_features.ts";

/** A change of everything that carries a label or a type, made in server-side batches. */
export type Transform =
  & { except?: string[] }
  & (
    | { what: "renameLabel"; from: string; to: string }
    | { what: "addLabel" | "removeLabel"; label: string; other: string }
    | { what: "renameType"; from: string; to: string }
    | {
      what: "addProperty";
      entity: "node" | "relationship";
      owner: string;
      property: string;
      value: unknown;
    }
    | { what: "removeProperty"; entity: "node" | "relationship"; owner: string; property: string }
    | { what: "renameProperty"; entity: "node" | "relationship"; owner: string; from: string; to: string }
    | {
      what: "convertProperty";
      entity: "node" | "relationship";
      owner: string;
      property: string;
      from: ValueKind;
      to: ValueKind;
      lossy?: true;
    }
    | { what: "turnRelationships"; type: string; source: string; target: string }
    | { what: "mergeNodes"; label: string; keys: string[] }
    | { what: "splitLabel"; label: string; property: string; cases: Record<string, string>; keep?: true }
  );

/** A statement of a transform, and what it finds, which can be counted. */
export interface TransformStatement {
  text: string;
  params: Record<string, unknown>;
  /** `MATCH` and conditions alone. */
  match: string;
}

/** How many nodes or relationships one server-side batch of a transform holds. */
export const TRANSFORM_BATCH = 10_000;

/** How many groups of equal nodes are merged in one batch: each may have many relationships. */
const MERGE_BATCH = 100;

/** Who holds the lock of the graph; a batch of a server that finds another holder changes nothing. */
export interface Fence {
  owner: string;
  fence: number;
  /** The lock's node by its element id: a look-up of any other kind is slow in a batch that deletes. */
  node?: string;
}

/** A subquery over variables, batched by the server; the form without a scope clause is for servers before 5.23. */
export function batched(
  server: ServerFeatures,
  variables: string,
  body: string,
  { rows = TRANSFORM_BATCH, fence }: { rows?: number; fence?: Fence } = {},
): string {
  const open = atLeast(server, 5, 23) ? `CALL (${variables}) { ` : `CALL { WITH ${variables} `;
  const look = fenced(fence);
  return `${open}${look}${body} } IN TRANSACTIONS OF ${rows} ROWS`;
}

/** What stands before a batch's own work: it finds nothing where the lock is held by another one. */
export function fenced(fence: Fence | undefined): string {
  return fence?.node === undefined
    ? ""
    : "MATCH (l) WHERE elementId(l) = $_crochet.node AND l.owner = $_crochet.owner AND l.fence = $_crochet.fence ";
}

/** What a transform finds and what it does with each thing that it found. */
interface Phase {
  match: string;
  variables: string;
  body: string;
  params?: Record<string, unknown>;
  rows?: number;
}

/** The statements of a transform, in order; each is finished before the next one begins. */
export function transformStatements(
  transform: Transform,
  server: ServerFeatures,
  fence?: Fence,
): TransformStatement[] {
  return phasesOf(transform, server).map(({ match, variables, body, params = {}, rows }) => ({
    text: `${match} ${batched(server, variables, body, { rows, fence })} RETURN count(*) AS changed`,
    params: { ...params, ...(fence && { _crochet: fence }) },
    match,
  }));
}

/** Why a server cannot carry out a transform, in words; undefined where it can. */
export function whyNotTransform(transform: Transform, server: ServerFeatures): string | undefined {
  return transform.what === "mergeNodes" && !atLeast(server, 5, 26)
    ? `which needs Neo4j 5.26, and this is ${server.version.join(".")}`
    : undefined;
}

function phasesOf(transform: Transform, server: ServerFeatures): Phase[] {
  const q = quoteName;
  const except = (transform.except ?? []).map((label) => `NOT n:${q(label)}`);
  const phase = (pattern: string, tests: string[], variables: string, body: string): Phase => {
    const conditions = [...tests, ...except].join(" AND ");
    return { match: `MATCH ${pattern}${conditions ? ` WHERE ${conditions}` : ""}`, variables, body };
  };
  switch (transform.what) {
    case "renameLabel":
      return [
        phase(`(n:${q(transform.from)})`, [], "n", `SET n:${q(transform.to)} REMOVE n:${q(transform.from)}`),
      ];
    case "addLabel":
      return [
        phase(
          `(n:${q(transform.label)})`,
          [`NOT n:${q(transform.other)}`],
          "n",
          `SET n:${q(transform.other)}`,
        ),
      ];
    case "removeLabel":
      return [
        phase(
          `(n:${q(transform.label)})`,
          [`n:${q(transform.other)}`],
          "n",
          `REMOVE n:${q(transform.other)}`,
        ),
      ];
    case "renameType": {
      const body = `CREATE (a)-[x:${q(transform.to)}]->(b) SET x = properties(r) DELETE r`;
      return [phase(`(a)-[r:${q(transform.from)}]->(b)`, [], "a, r, b", body)];
    }
    case "turnRelationships":
      return turnPhases(transform);
    case "mergeNodes":
      return [mergePhase(transform)];
    case "splitLabel":
      return Object.entries(transform.cases).map(([value, label]) =>
        phase(
          `(n:${q(transform.label)})`,
          [
            `toStringOrNull(n.${q(transform.property)}) = ${quoteString(value)}`,
            ...(transform.keep ? [`NOT n:${q(label)}`] : []),
          ],
          "n",
          `SET n:${q(label)}${transform.keep ? "" : ` REMOVE n:${q(transform.label)}`}`,
        )
      );
    default:
      return [propertyPhase(transform, server, phase)];
  }
}

type PropertyTransform = Transform & {
  what: "addProperty" | "removeProperty" | "renameProperty" | "convertProperty";
};

function propertyPhase(
  transform: PropertyTransform,
  server: ServerFeatures,
  phase: (pattern: string, tests: string[], variables: string, body: string) => Phase,
): Phase {
  const { pattern, variable, of } = placeOf(transform);
  switch (transform.what) {
    case "addProperty": {
      const property = of(transform.property);
      return {
        ...phase(pattern, [`${property} IS NULL`], variable, `SET ${property} = $value`),
        params: { value: transform.value },
      };
    }
    case "removeProperty": {
      const property = of(transform.property);
      return phase(pattern, [`${property} IS NOT NULL`], variable, `REMOVE ${property}`);
    }
    case "renameProperty": {
      const [from, to] = [of(transform.from), of(transform.to)];
      return phase(pattern, [`${from} IS NOT NULL`], variable, `SET ${to} = ${from} REMOVE ${from}`);
    }
    case "convertProperty": {
      const property = of(transform.property);
      const { takes, value } = conversionCypher(
        property,
        transform.from,
        transform.to,
        server,
        transform.lossy,
      );
      return phase(pattern, [takes], variable, `SET ${property} = ${value}`);
    }
  }
}

function placeOf({ entity, owner }: PropertyTransform) {
  const variable = entity === "node" ? "n" : "r";
  return {
    variable,
    pattern: entity === "node" ? `(n:${quoteName(owner)})` : `()-[r:${quoteName(owner)}]->()`,
    of: (name: string) => `${variable}.${quoteName(name)}`,
  };
}

/** A relationship that was turned would be found again, so all of them pass through a type of their own. */
function turnPhases({ type, source, target }: Transform & { what: "turnRelationships" }): Phase[] {
  const between = quoteName(`_Crochet_turned_${type}`);
  const [own, from, to] = [type, source, target].map(quoteName);
  return [
    {
      match: `MATCH (a:${from})-[r:${own}]->(b:${to})`,
      variables: "a, r, b",
      body: `CREATE (b)-[x:${between}]->(a) SET x = properties(r) DELETE r`,
    },
    {
      match: `MATCH (a)-[r:${between}]->(b)`,
      variables: "a, r, b",
      body: `CREATE (a)-[x:${own}]->(b) SET x = properties(r) DELETE r`,
    },
  ];
}

/**
 * Groups of nodes with equal keys become their first one: it keeps its values, gets those that it lacks, the labels
 * and the relationships of the others. The others are deleted before their values are set, for uniqueness' sake.
 */
function mergePhase({ label, keys }: Transform & { what: "mergeNodes" }): Phase {
  const own = keys.map((key) => `n.${quoteName(key)}`);
  const match =
    `MATCH (n:${quoteName(label)}) WHERE ${own.map((key) => `${key} IS NOT NULL`).join(" AND ")} ` +
    `WITH n ORDER BY elementId(n) WITH ${
      own.map((key, i) => `${key} AS k${i}`).join(", ")
    }, collect(n) AS nodes ` +
    "WHERE size(nodes) > 1 WITH head(nodes) AS kept, tail(nodes) AS others";
  const body = "CALL (kept, others) { UNWIND others AS other MATCH (other)-[r]->(far) " +
    "WITH kept, r, CASE WHEN far IN others THEN kept ELSE far END AS far, type(r) AS type, properties(r) AS own " +
    "DELETE r CREATE (kept)-[x:$(type)]->(far) SET x = own } " +
    "CALL (kept, others) { UNWIND others AS other MATCH (far)-[r]->(other) " +
    "WITH kept, r, far, type(r) AS type, properties(r) AS own DELETE r CREATE (far)-[x:$(type)]->(kept) SET x = own } " +
    "WITH kept, others, properties(kept) AS own, [other IN reverse(others) | properties(other)] AS values, " +
    "reduce(all = [], other IN others | all + labels(other)) AS labels " +
    "FOREACH (other IN others | DELETE other) " +
    "FOREACH (value IN values | SET kept += value) SET kept += own SET kept:$(labels)";
  return { match, variables: "kept, others", body, rows: MERGE_BATCH };
}

/** A query that tells what would be lost or stop a transform; undefined for most. */
export interface TransformCheck {
  /** Gives `n`, and for conversions `examples`. */
  text: string;
  kind: "overwritten" | "unconvertible" | "turned already";
}

/** What stands in a transform's way as the graph is now. */
export function transformCheck(transform: Transform, server: ServerFeatures): TransformCheck | undefined {
  if (transform.what === "renameProperty") {
    const { of } = placeOf(transform);
    const [{ match }] = phasesOf(transform, server);
    return {
      text: `${match} AND ${of(transform.to)} <> ${of(transform.from)} RETURN count(*) AS n`,
      kind: "overwritten",
    };
  }
  if (transform.what === "convertProperty") {
    const { pattern, of, variable } = placeOf(transform);
    const property = of(transform.property);
    const { takes, isDone } = conversionCypher(
      property,
      transform.from,
      transform.to,
      server,
      transform.lossy,
    );
    const left = (transform.except ?? []).map((label) => ` AND NOT ${variable}:${quoteName(label)}`).join("");
    return {
      text: `MATCH ${pattern} WHERE ${property} IS NOT NULL AND NOT (${isDone}) AND NOT (${takes})${left} ` +
        `WITH ${property} AS value RETURN count(*) AS n, collect(DISTINCT value)[..3] AS examples`,
      kind: "unconvertible",
    };
  }
  if (transform.what === "turnRelationships") {
    const [type, source, target] = [transform.type, transform.source, transform.target].map(quoteName);
    return {
      // Where both ends have both labels it is turned as well, and back.
      text: `MATCH (a:${target})-[r:${type}]->(b:${source}) WHERE NOT (a:${source} AND b:${target}) ` +
        "RETURN count(*) AS n",
      kind: "turned already",
    };
  }
  return undefined;
}
