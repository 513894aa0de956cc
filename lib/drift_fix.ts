/**
 * Takes a drift report and drafts the migration that brings the graph back to what the applied revisions made. A
 * person reads it, and runs it or not; nothing is changed here.
 */
import { buildChain } from "./chain.ts";
import { bodyOf, writeRevision } from "./draft_file.ts";
import type { CatalogDrift, DriftReport } from "./drift.ts";
import { CrochetError } from "./error.ts";
import type { CatalogObject } from "./graph_catalog.ts";
import type { Step } from "./ir_steps.ts";
import { draftCreate, draftDrop } from "./operation_schema.ts";
import { type Project, readRevisions, readSnapshot } from "./project.ts";
import { describeShape, schemaName, type SchemaObject, type SchemaShape, shapeKey } from "./schema.ts";

/** Drafts the migration; undefined where there is nothing to mend. @throws CrochetError CHAIN_BROKEN, PREFLIGHT_FAILED */
export function draftFix(
  project: Project,
  report: DriftReport,
  language: "ts" | "cypher",
): { revisionId: string; files: string[] } | undefined {
  if (report.catalog.length === 0) return undefined;
  const revisions = readRevisions(project);
  const { head } = buildChain(revisions);
  if (!head || head.revisionId !== report.revisionId) {
    throw new CrochetError(
      "PREFLIGHT_FAILED",
      report.revisionId === undefined
        ? "Nothing is applied to this graph, so there is nothing that it could have drifted from"
        : `The graph is at "${report.revisionId}", and the chain goes on to "${head?.revisionId}"`,
      {
        hint: report.revisionId === undefined
          ? "crochet baseline, or crochet upgrade"
          : "crochet upgrade, then look for drift again",
      },
    );
  }
  const ir = readSnapshot(project, head);
  return writeRevision(project, revisions, {
    description: "fix drift",
    language,
    parents: [head],
    ir,
    rollbackSafe: true,
    changes: report.catalog.map((drift) => describeDrift(drift) + lostName(drift)),
    body: bodyOf(language, dropsFirst(report.catalog.flatMap(stepsOf)), [ir], liveNames(report.catalog)),
  });
}

/** What a downgrade does not bring back of an object that is dropped. */
function lostName(drift: CatalogDrift): string {
  if (drift.kind === "missing" || drift.shape.kind === "other") return "";
  const live = drift.kind === "changed" ? drift.live : drift.shape;
  const name = schemaName(shapeOf(live));
  return live.name === name ? "" : `; a downgrade names it "${name}"`;
}

/** The names that the graph has, by shape. */
function liveNames(drifts: CatalogDrift[]): Map<string, string> {
  const objects = drifts.flatMap((drift) =>
    drift.kind === "missing" ? [] : [drift.kind === "changed" ? drift.live : drift.shape]
  );
  return new Map(
    objects.flatMap((object) => (object.kind === "other" ? [] : [[shapeKey(shapeOf(object)), object.name]])),
  );
}

/** An index may be in the way of a constraint over the same properties. */
function dropsFirst(steps: Step[]): Step[] {
  const isDrop = (step: Step) => step.up.name.startsWith("drop");
  return [...steps.filter(isDrop), ...steps.filter((step) => !isDrop(step))];
}

function named(shape: SchemaShape): SchemaObject {
  return { ...shape, name: schemaName(shape) };
}

function stepsOf(drift: CatalogDrift): Step[] {
  switch (drift.kind) {
    case "missing":
      return [{ up: draftCreate(named(drift.shape)), down: [draftDrop(drift.shape)] }];
    case "changed": {
      const live = shapeOf(drift.live);
      return [
        { up: draftDrop(live), down: [draftCreate(named(live))] },
        { up: draftCreate(named(drift.shape)), down: [draftDrop(drift.shape)] },
      ];
    }
    default: {
      if (drift.shape.kind === "other") return [];
      const live = shapeOf(drift.shape);
      const drop: Step = { up: draftDrop(live), down: [draftCreate(named(live))] };
      // An index that failed is made anew.
      return drift.kind === "failed"
        ? [drop, { up: draftCreate(named(live)), down: [draftDrop(live)] }]
        : [drop];
    }
  }
}

function shapeOf({ kind, entity, labelOrType, others, properties, options }: CatalogObject): SchemaShape {
  return {
    kind: kind as SchemaShape["kind"],
    entity,
    labelOrType,
    ...(others && { others }),
    properties,
    ...(options && { options }),
  };
}

/** A difference in a line. */
export function describeDrift(drift: CatalogDrift): string {
  const what = drift.shape.kind === "other"
    ? `${(drift.shape as CatalogObject).serverKind.toLowerCase()} "${(drift.shape as CatalogObject).name}"`
    : describeShape(drift.shape as SchemaShape);
  switch (drift.kind) {
    case "missing":
      return `- ${what} is missing (${drift.from})`;
    case "extra":
      return `+ ${what} is made by nobody ("${drift.shape.name}")`;
    case "changed":
      return `~ ${what} has other options: ${JSON.stringify(drift.live.options)}, wanted ${
        JSON.stringify(drift.shape.options ?? {})
      }`;
    case "failed":
      return `! ${what} failed to build ("${drift.shape.name}")`;
  }
}
