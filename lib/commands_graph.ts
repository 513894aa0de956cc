/**
 * Commands about a graph that lives: where it drifted, how it is taken over.
 */
import { adoptChain } from "./adopt_chain.ts";
import { adoptOriginal } from "./adopt_original.ts";
import { recordBaseline } from "./baseline.ts";
import { type Context, folder, project, runner, withGraph, withLedger } from "./command.ts";
import { findDrift } from "./drift.ts";
import { draftFix } from "./drift_fix.ts";
import { EXIT } from "./error.ts";
import type { Graph } from "./graph.ts";
import { resolve } from "./path.ts";
import { readEveryRevision } from "./project.ts";
import { compareStanding } from "./reconcile.ts";
import { foldReplaced } from "./record.ts";
import { count } from "./text.ts";
import { adoptedLines, driftLines } from "./words.ts";

/** Looks for drift, and drafts what mends it. */
export async function commandDrift(context: Context): Promise<number> {
  const { options, print } = context;
  const found = project(context);
  return await withLedger(found, (ledger) =>
    withGraph(found, async (graph) => {
      const { revisions } = readEveryRevision(found);
      const { record } = await compareStanding(ledger, graph);
      const applied = foldReplaced(revisions, record.revisions);
      const report = await findDrift({
        project: found,
        graph,
        revisions,
        applied,
        full: options.full === true,
        sample: options.sample,
      });
      const fix = options.fix ? draftFix(found, report, options.cypher ? "cypher" : "ts") : undefined;
      print.result({ ...report, ...(fix && { fix }) }, [
        ...driftLines(report),
        ...(fix ? [`Created migration: ${fix.files[0]}`] : []),
      ]);
      if (fix) print.say("Next: read it, then crochet upgrade --dry-run");
      else if (report.catalog.length > 0) {
        print.say("Next: crochet drift --fix drafts a migration that mends it");
      }
      const strict = options.strict && report.unknown.length > 0;
      return report.catalog.length > 0 || strict ? EXIT.no : EXIT.ok;
    }), true);
}

/** Records a graph that lives already. */
export async function commandBaseline(context: Context, target?: string): Promise<number> {
  const { print, io } = context;
  const found = project(context);
  io.endInOrder?.();
  return await withLedger(found, (ledger) =>
    withGraph(found, async (graph) => {
      const baseline = await recordBaseline({
        project: found,
        ledger,
        graph,
        runner: runner(context),
        target,
      });
      const { revisions } = readEveryRevision(found);
      const { record: { revisions: applied } } = await compareStanding(ledger, graph);
      const drift = await findDrift({ project: found, graph, revisions, applied, full: false, sample: 1000 });
      print.result({ ...baseline, drift }, [
        ...baseline.drafted.slice(0, 1).map((file) => `Created migration: ${file}`),
        ...baseline.recorded.map((id) => `Recorded: ${id}`),
        `${
          count(baseline.adopted, "constraint or index", "constraints and indexes")
        } adopted; nothing was run.`,
        ...baseline.notRun.map((line) => `  not run: ${line}`),
        ...driftLines(drift),
      ]);
      if (drift.catalog.length > 0) print.say("Next: crochet drift --fix drafts a migration that mends it");
      return EXIT.ok;
    }));
}

/** Takes over what another tool did. */
export async function commandAdopt(context: Context): Promise<number> {
  const { options, print, io } = context;
  const found = project(context);
  io.endInOrder?.();
  const adopt = async (graph: Graph | undefined) => {
    const request = { project: found, runner: runner(context), graph };
    const adopted = options.neo4jMigrations
      ? await adoptChain(request, resolve(folder(context), options.neo4jMigrations))
      : await adoptOriginal(request);
    print.result(adopted, adoptedLines(adopted));
    if (!graph) print.say("Next: crochet baseline REVISION records the last one that the graph has");
    else print.say("Next: crochet drift shows where the graph differs from the models");
    return EXIT.ok;
  };
  return options.offline ? await adopt(undefined) : await withGraph(found, adopt);
}
