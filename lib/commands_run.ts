/**
 * Commands that bring a graph up or down the chain, and tell where it stands.
 */
import { type Context, folder, project, runner, withGraph, withLedger } from "./command.ts";
import { readParameters } from "./cypher_text.ts";
import { CrochetError, EXIT } from "./error.ts";
import { connectGraph, type Graph } from "./graph.ts";
import { readRecord } from "./graph_record.ts";
import { EMPTY_IR } from "./ir.ts";
import { relative, resolve } from "./path.ts";
import { plainPlan, type Plan } from "./plan.ts";
import { renderScript } from "./plan_script.ts";
import {
  type Project,
  readEveryRevision,
  readIfThere,
  readRevisions,
  readSnapshot,
  writeNew,
} from "./project.ts";
import { runOnce } from "./run_once.ts";
import { planOffline, planRun, run, type RunEvent, type RunRequest, type RunResult } from "./runner.ts";
import type { Direction } from "./selection.ts";
import { readStatus } from "./status.ts";
import { count } from "./text.ts";
import { verifyProject } from "./verify.ts";
import { VERSION } from "./version.ts";
import { eventLine, planLines, ranLines, runLines, statusLines, verifyLines } from "./words.ts";

/** Upgrades or downgrades, or shows the plan of it. */
export async function commandRun(context: Context, direction: Direction, planOnly = false): Promise<number> {
  const { options, print, io } = context;
  const found = project(context);
  const changesNothing = Boolean(
    planOnly || options.dryRun || options.check || options.cypher || options.offline,
  );
  return await withLedger(found, async (ledger) => {
    const request: Omit<RunRequest, "graph"> = {
      project: found,
      ledger,
      runner: runner(context),
      direction,
      target: options.target,
      acceptLoss: new Set<string>(options.acceptLoss ?? []),
      params: readParameters(options.param),
      requireClean: options.requireClean === true,
      lockTimeoutMs: lockTimeout(context),
      signal: changesNothing ? undefined : io.endInOrder?.(),
      report: teller(context),
    };
    const show = (plan: Plan): number => {
      if (options.cypher) writeScript(context, found, plan);
      else print.result(plainPlan(plan), planLines(plan));
      return options.check && plan.revisions.length > 0 ? EXIT.no : EXIT.ok;
    };
    if (options.offline) return show(await planOffline(request));
    return await withGraph(found, async (graph) => {
      if (changesNothing) {
        const { plan, lines } = await planRun({ ...request, graph });
        lines.forEach((line) => print.say(line));
        return show(plan);
      }
      return showRun(context, await run({ ...request, graph }));
    });
  }, changesNothing);
}

/** Tells what a run does while it works. */
export function teller({ options, print }: Context): (event: RunEvent) => void {
  return (event) => {
    const line = eventLine(event);
    if (line !== undefined && !options.json) print.say(line);
  };
}

/** Shows how a run ended; gives its exit code. */
export function showRun({ options, print }: Context, result: RunResult): number {
  const { failed } = result;
  const error = failed && { code: failed.error.code, message: failed.error.message, hint: failed.error.hint };
  print.result({ ...result, failed: failed && { ...failed, error } }, runLines(result));
  if (!failed) return EXIT.ok;
  return options.json ? failed.error.exitCode : print.error(failed.error);
}

/** How long a command waits for another one's lock, in milliseconds. */
export function lockTimeout({ options }: Context): number {
  return (options.lockTimeout ?? 0) * 1000;
}

/** Writes a plan as a script; another file than a script of ours is not overwritten. */
function writeScript(context: Context, found: Project, plan: Plan): void {
  const { io, options, print } = context;
  const { user, host, version } = runner(context);
  const revisions = new Map(readRevisions(found).map((revision) => [revision.revisionId, revision]));
  const text = renderScript(plan, { revisions, by: `${user}@${host}`, crochetVersion: version });
  if (options.cypher === "-") return io.stdout(text);
  const path = resolve(folder(context), options.cypher);
  writeNew(new Map([[path, text]]), readIfThere(path)?.startsWith("// crochet ") ?? false);
  print.result({ file: path, revisions: plan.revisions.map((revision) => revision.revisionId) }, [
    `Wrote ${relative(io.cwd, path)}: ${count(plan.revisions.length, "revision")}`,
  ]);
  print.say(`Next: cypher-shell -a URI -u USER -f ${relative(io.cwd, path)}`);
}

/** Shows the status. */
export async function commandStatus(context: Context): Promise<number> {
  const found = project(context);
  return await withLedger(found, async (ledger) => {
    const report = async (graph: Graph | undefined, reason?: string) => {
      const status = await readStatus(found, ledger, graph, reason);
      context.print.result(status, statusLines(status));
      const clean = status.pending.length === 0 && !status.difference && !status.partial &&
        status.faults.length === 0;
      return context.options.check && !clean ? EXIT.no : EXIT.ok;
    };
    if (context.options.offline) return await report(undefined, "--offline");
    let graph: Graph;
    try {
      graph = await connectGraph(found.settings.graph, VERSION);
    } catch (error) {
      if (!(error instanceof CrochetError) || error.exitCode !== EXIT.outside || context.options.check) {
        throw error;
      }
      return await report(undefined, error.message);
    }
    try {
      return await report(graph);
    } finally {
      await graph.close();
    }
  }, true);
}

/** Verifies. */
export async function commandVerify(context: Context): Promise<number> {
  const found = project(context);
  return await withLedger(found, async (ledger) => {
    const report = async (graph: Graph | undefined) => {
      const verification = await verifyProject(found, ledger, graph);
      context.print.result(verification, verifyLines(verification));
      return verification.ok ? EXIT.ok : EXIT.no;
    };
    return context.options.offline ? await report(undefined) : await withGraph(found, report);
  }, true);
}

/** Runs a file once. */
export async function commandRunOnce(context: Context, file: string): Promise<number> {
  const { options, print } = context;
  const found = project(context);
  const { revisions } = readEveryRevision(found);
  return await withGraph(found, async (graph) => {
    const { revisions: applied } = await readRecord(graph);
    const head = revisions.find((revision) => revision.revisionId === applied.at(-1)?.revisionId);
    print.say(`NOT RECORDED: ${file} runs once; no downgrade takes it back, and no other run knows of it`);
    const ran = await runOnce({
      project: found,
      graph,
      lockTimeoutMs: lockTimeout(context),
      signal: context.io.endInOrder?.(),
      runner: runner(context),
      path: resolve(folder(context), file),
      params: readParameters(options.param),
      ir: head ? readSnapshot(found, head) : EMPTY_IR,
      timeLimitMs: found.settings.timeLimitMs,
      talk: (line) => print.say(line),
    });
    print.result(ran, ran.flatMap(({ operation, result }) => ranLines(operation, result)));
    print.say(`NOT RECORDED: ${count(ran.length, "operation")} ran`);
    return EXIT.ok;
  });
}
