/**
 * Takes a project and an empty scratch graph and proves the contract of every revision: up, down, up again, where the
 * catalog and the data must be after each pair what they were before. Then the whole chain, down to nothing and up.
 * Says which revision breaks its contract, and shows the difference.
 */
import { buildChain } from "./chain.ts";
import { canonicalJson } from "./digest.ts";
import { CrochetError } from "./error.ts";
import type { Graph } from "./graph.ts";
import { readCatalog } from "./graph_catalog.ts";
import { schemaObjects } from "./ir.ts";
import type { Ledger } from "./ledger.ts";
import { type Project, readRevisions, readSnapshot } from "./project.ts";
import type { Revision } from "./revision.ts";
import { run, type Runner, type RunResult } from "./runner.ts";
import { describeShape, shapeKey } from "./schema.ts";
import { count } from "./text.ts";

/** What to prove, and where. */
export interface ProofRequest {
  project: Project;
  /** A ledger of its own: what happens here is nobody's record. */
  ledger: Ledger;
  /** An empty graph. */
  graph: Graph;
  runner: Runner;
  /** Statements that fill the graph, and the revision after which they run; before the first without one. */
  data?: { statements: string[]; after?: string };
  params?: Readonly<Record<string, unknown>>;
  report?(line: string): void;
  signal?: AbortSignal;
}

/** What was found about one revision, or about the whole chain. */
export interface Proven {
  revisionId: string;
  outcome: "proven" | "broken" | "not safe" | "failed";
  /** What differs, or why it failed. */
  details: string[];
}

/** The proof. */
export interface Proof {
  ok: boolean;
  revisions: Proven[];
}

/** Proves all revisions. @throws CrochetError PREFLIGHT_FAILED where the graph is not empty */
export async function proveProject(request: ProofRequest): Promise<Proof> {
  const { graph, project, data, report } = request;
  await refuseFilled(graph);
  const { revisions } = buildChain(readRevisions(project));
  const found: Proven[] = [];
  if (data && data.after === undefined) await fill(graph, data.statements);
  const start = await pictureOf(graph);
  for (const revision of revisions) {
    const proven = await proveRevision(request, revision);
    found.push(proven);
    report?.(`${proven.outcome}: ${proven.revisionId}`);
    if (proven.outcome === "failed") return { ok: false, revisions: found };
    if (data?.after === revision.revisionId) await fill(graph, data.statements);
  }
  const last = revisions.at(-1);
  if (last) found.push(await proveModels(project, graph, last));
  if (revisions.length > 1 && revisions.every((revision) => revision.rollbackSafe) && !data?.after) {
    const whole = await proveWay(request, start, "base", last!.revisionId);
    found.push({ revisionId: "the whole chain", ...whole });
  }
  const ok = found.every(({ outcome }) => outcome === "proven" || outcome === "not safe");
  return { ok, revisions: found };
}

async function refuseFilled(graph: Graph): Promise<void> {
  const [row] = await graph.read("MATCH (n) RETURN count(n) AS n");
  const catalog = await readCatalog(graph);
  if (Number(row.n) === 0 && catalog.length === 0) return;
  throw new CrochetError(
    "PREFLIGHT_FAILED",
    `The graph at ${graph.address} is not empty (${count(Number(row.n), "node")}, ${
      count(catalog.length, "constraint or index", "constraints and indexes")
    }), and a proof takes everything down`,
    { hint: "leave --uri out to have a scratch server started, or name an empty database" },
  );
}

async function fill(graph: Graph, statements: string[]): Promise<void> {
  for (const statement of statements) await graph.implicit(statement);
}

async function proveRevision(request: ProofRequest, revision: Revision): Promise<Proven> {
  const { graph } = request;
  const { revisionId } = revision;
  const before = await pictureOf(graph);
  const failure = await go(request, "upgrade", revisionId);
  if (failure) return { revisionId, outcome: "failed", details: [failure] };
  if (!revision.rollbackSafe) {
    return {
      revisionId,
      outcome: "not safe",
      details: ["it is marked not rollback-safe, so its way back is not proven"],
    };
  }
  return { revisionId, ...await proveWay(request, before, undefined, revisionId) };
}

/** Down (one revision, or to `target`), compared with what was before; up again, compared with what was then. */
async function proveWay(
  request: ProofRequest,
  before: Picture,
  target: string | undefined,
  back: string,
): Promise<Pick<Proven, "outcome" | "details">> {
  const { graph } = request;
  const after = await pictureOf(graph);
  const failedDown = await go(request, "downgrade", target);
  if (failedDown) return { outcome: "failed", details: [failedDown] };
  const down = compare(before, await pictureOf(graph));
  const left = down.map((line) => `after the downgrade: ${line}`);
  const failedUp = await go(request, "upgrade", back);
  // What the downgrade left is often why the second upgrade fails.
  if (failedUp) return { outcome: "failed", details: [...left, `the second upgrade: ${failedUp}`] };
  const up = compare(after, await pictureOf(graph));
  const details = [
    ...left,
    ...up.map((line) => `after the second upgrade: ${line}`),
  ];
  return { outcome: details.length === 0 ? "proven" : "broken", details };
}

/** Runs, and gives the reason of a failure in words. */
async function go(
  request: ProofRequest,
  direction: "upgrade" | "downgrade",
  target: string | undefined,
): Promise<string | undefined> {
  const { project, ledger, graph, runner, params, signal } = request;
  try {
    const result: RunResult = await run({
      project,
      ledger,
      graph,
      runner,
      params,
      signal,
      direction,
      target,
    });
    if (!result.failed) return undefined;
    if (result.failed.error.code === "INTERRUPTED") throw result.failed.error;
    return `the ${direction} failed: ${result.failed.error.message}`;
  } catch (error) {
    if (!(error instanceof CrochetError) || error.exitCode !== 2) throw error;
    return `the ${direction} was refused: ${error.message}`;
  }
}

/** The catalog and the data of a graph, as comparable lines. */
interface Picture {
  catalog: string[];
  data: string[];
}

async function pictureOf(graph: Graph): Promise<Picture> {
  const catalog = (await readCatalog(graph)).map(({ state: _state, ...object }) => canonicalJson(object));
  const own = "any(l IN labels(n) WHERE l STARTS WITH '_Crochet')";
  const nodes = await graph.readExact(
    `MATCH (n) WHERE NOT ${own} RETURN labels(n) AS labels, properties(n) AS p`,
  );
  const relationships = await graph.readExact(
    "MATCH (a)-[r]->(b) RETURN labels(a) AS al, properties(a) AS a, type(r) AS type, properties(r) AS p, labels(b) AS bl, properties(b) AS b",
  );
  const text = (labels: unknown, properties: unknown) =>
    `(:${(labels as string[]).toSorted().join(":")} ${canonicalJson(properties)})`;
  return {
    catalog: catalog.sort(),
    data: [
      ...nodes.map(({ labels, p }) => text(labels, p)),
      ...relationships.map(({ al, a, type, p, bl, b }) =>
        `${text(al, a)}-[:${type} ${canonicalJson(p)}]->${text(bl, b)}`
      ),
    ].sort(),
  };
}

/** What one picture has and the other has not. */
function compare(wanted: Picture, found: Picture): string[] {
  return (["catalog", "data"] as const).flatMap((part) => {
    const [missing, extra] = [without(wanted[part], found[part]), without(found[part], wanted[part])];
    const lines = [...missing.map((line) => `missing ${line}`), ...extra.map((line) => `left over ${line}`)];
    return lines.length <= 6
      ? lines
      : [...lines.slice(0, 6), `and ${lines.length - 6} more differences in the ${part}`];
  });
}

/** Lines of one list that the other lacks, counted. */
function without(lines: string[], others: string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const left = counts.get(line) ?? 0;
    counts.set(line, left - 1);
    return left <= 0;
  });
}

/** The head's snapshot against the catalog that the chain made. */
async function proveModels(project: Project, graph: Graph, head: Revision): Promise<Proven> {
  const live = new Set(
    (await readCatalog(graph)).flatMap((object) =>
      object.kind === "other" ? [] : [shapeKey({ ...object, kind: object.kind })]
    ),
  );
  const missing = schemaObjects(readSnapshot(project, head)).filter((object) => !live.has(shapeKey(object)));
  return {
    revisionId: "the models",
    outcome: missing.length === 0 ? "proven" : "broken",
    details: missing.map((object) =>
      `the ${describeShape(object)} of the head's schema is not made by the chain`
    ),
  };
}
