/**
 * Takes what a command line asked for and carries it out: opens the project, the ledger and the graph, calls the
 * verb, prints its value. One function a command, each a recipe; nothing is decided here that a verb could decide.
 */
import { userInfo } from "node:os";
import { adoptChain, adoptOriginal } from "./adopt.ts";
import { recordBaseline } from "./baseline.ts";
import type { Overrides } from "./config.ts";
import { buildChain, findRevision } from "./chain.ts";
import { readParameters, splitStatements } from "./cypher_text.ts";
import { createNode, createRelationship, newProject } from "./scaffold.ts";
import { draftMigration, readProjectModels } from "./draft.ts";
import { findDrift } from "./drift.ts";
import { draftFix } from "./drift_fix.ts";
import { CrochetError, EXIT } from "./error.ts";
import { connectGraph, type Graph } from "./graph.ts";
import { breakLock, readLock } from "./graph_lock.ts";
import { readRecord } from "./graph_record.ts";
import { readHistory, showRevision } from "./history.ts";
import { missingKgids, writeKgids } from "./kgid.ts";
import { Ledger } from "./ledger.ts";
import { EMPTY_IR } from "./ir.ts";
import { isAtLeast, lintProject } from "./lint.ts";
import { mergeHeads } from "./merge.ts";
import { guessRoots, loadModels } from "./model_files.ts";
import { KNOWN_NEOMODELS, type NeomodelVersion, parseNeomodelVersion } from "./neomodel_version.ts";
import { join, relative, resolve } from "./path.ts";
import { plainPlan, type Plan } from "./plan.ts";
import { renderScript } from "./plan_script.ts";
import type { Io, Printer } from "./print.ts";
import {
  exists,
  openProject,
  type Project,
  readEveryRevision,
  readIfThere,
  readRevisions,
  readSnapshot,
  readText,
  removeFile,
  removeFolder,
  writeNew,
} from "./project.ts";
import { proveProject } from "./proof.ts";
import { compareStanding, rebuildLedger } from "./reconcile.ts";
import { foldReplaced } from "./record.ts";
import { planOffline, planRun, run, type Runner, type RunRequest } from "./runner.ts";
import { runOnce } from "./run_once.ts";
import { type Resolution, resolveRun } from "./resolve.ts";
import type { Direction } from "./selection.ts";
import { serverStatus, startServer, stopServer } from "./server.ts";
import { squashRevisions } from "./squash.ts";
import { readStatus } from "./status.ts";
import { count } from "./text.ts";
import { verifyProject } from "./verify.ts";
import { VERSION } from "./version.ts";
import {
  adoptedLines,
  draftLines,
  driftLines,
  eventLine,
  githubLine,
  historyLine,
  historyLines,
  lintLines,
  modelLines,
  planLines,
  problemLine,
  proofLines,
  ranLines,
  revisionLines,
  runLines,
  statusLines,
  verifyLines,
} from "./words.ts";

/** Options that every command has. */
export interface Common {
  json?: boolean;
  debug?: boolean;
  quiet?: boolean;
  env?: string;
  directory?: string;
}

/** What a command works with. */
export interface Context {
  io: Io;
  print: Printer;
  options: Common & Record<string, never>;
}

/** A command: what it does with its words, and its exit code. */
export type Action = (context: Context, ...args: string[]) => Promise<number> | number;

function overrides({ io, options }: Context): Overrides {
  return { variables: io.variables, environment: options.env };
}

function folder({ io, options }: Context): string {
  return resolve(io.cwd, options.directory ?? ".");
}

function project(context: Context): Project {
  return openProject(folder(context), overrides(context));
}

function runner({ io }: Context): Runner {
  return {
    user: userName(io),
    host: Deno.hostname(),
    pid: Deno.pid,
    version: VERSION,
  };
}

function userName(io: Io): string {
  if (io.variables.USER ?? io.variables.USERNAME) return (io.variables.USER ?? io.variables.USERNAME)!;
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user without a name.
    return "unknown";
  }
}

async function withLedger<T>(found: Project, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = await Ledger.open(found.ledger);
  try {
    return await work(ledger);
  } finally {
    ledger.close();
  }
}

async function withGraph<T>(found: Project, work: (graph: Graph) => Promise<T>): Promise<T> {
  const graph = await connectGraph(found.settings.graph, VERSION);
  try {
    return await work(graph);
  } finally {
    await graph.close();
  }
}

/** Makes a project. */
export async function commandNewProject(context: Context): Promise<number> {
  const { options, print } = context;
  const made = await newProject({
    name: options.name,
    path: resolve(folder(context), options.path),
    inPlace: options.inPlace === true,
  });
  print.result(made, [
    `Made the project "${options.name}" in ${made.path}`,
    ...made.files.map((file) => `  ${file}`),
  ]);
  print.say(`Next: cd ${relative(context.io.cwd, made.path) || "."} && crochet create-node Person`);
  return EXIT.ok;
}

/** Writes a node class. */
export function commandCreateNode(context: Context, name: string): number {
  const made = createNode(project(context), name, {
    kgid: context.options.kgid,
    force: context.options.force,
  });
  context.print.result(made, [`Created node model: ${made.files[0]}`, `  kgid: ${made.kgid}`]);
  return EXIT.ok;
}

/** Writes a relationship model. */
export function commandCreateRelationship(context: Context, name: string): number {
  const { options } = context;
  const made = createRelationship(project(context), name, {
    type: options.relType,
    kgid: options.kgid,
    force: options.force,
  });
  context.print.result(made, [`Created relationship model: ${made.files[0]}`, `  kgid: ${made.kgid}`]);
  return EXIT.ok;
}

/** Drafts a migration. */
export function commandCreateMigration(context: Context, description: string): number {
  const { options, print, io } = context;
  const draft = draftMigration(project(context), {
    description,
    language: options.cypher ? "cypher" : "ts",
    empty: options.empty === true,
    unsafe: options.unsafe === true,
    renames: options.rename,
    ask: options.json ? undefined : io.ask,
  });
  for (const warning of draft.warnings) print.say(problemLine(warning));
  print.result(draft, draftLines(draft));
  if (draft.written) print.say("Next: read it, then crochet upgrade --dry-run");
  return EXIT.ok;
}

/** Upgrades or downgrades, or shows the plan of it. */
export async function commandRun(context: Context, direction: Direction, planOnly = false): Promise<number> {
  const { options, print, io } = context;
  const found = project(context);
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
      signal: io.signal,
      report: (event) => {
        const line = eventLine(event);
        if (line !== undefined && !options.json) print.say(line);
      },
    };
    const show = (plan: Plan): number => {
      if (options.cypher) writeScript(context, found, plan);
      else print.result(plainPlan(plan), planLines(plan));
      return options.check && plan.revisions.length > 0 ? EXIT.no : EXIT.ok;
    };
    if (options.offline) return show(await planOffline(request));
    return await withGraph(found, async (graph) => {
      if (planOnly || options.dryRun || options.check || options.cypher) {
        const { plan, lines } = await planRun({ ...request, graph });
        lines.forEach((line) => print.say(line));
        return show(plan);
      }
      const result = await run({ ...request, graph });
      print.result({
        ...result,
        failed: result.failed &&
          {
            ...result.failed,
            error: {
              code: result.failed.error.code,
              message: result.failed.error.message,
              hint: result.failed.error.hint,
            },
          },
      }, runLines(result));
      if (!result.failed) return EXIT.ok;
      return options.json ? result.failed.error.exitCode : print.error(result.failed.error);
    });
  });
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
  });
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
  });
}

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
    }));
}

/** Records a graph that lives already. */
export async function commandBaseline(context: Context, target?: string): Promise<number> {
  const { print } = context;
  const found = project(context);
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

/** Proves the ways up and down on a scratch graph. */
export async function commandTest(context: Context): Promise<number> {
  const { options, print, io } = context;
  const found = project(context);
  const scratch = options.uri ? undefined : join(found.root, ".crochet", "test");
  const text = options.data === undefined ? undefined : readText(resolve(folder(context), options.data));
  const chain = buildChain(readRevisions(found));
  const after = options.dataAt === undefined ? undefined : findRevision(chain, options.dataAt).revisionId;
  const log = (line: string) => print.say(line);
  let uri: string = options.uri;
  let password = found.settings.graph.password;
  if (scratch) {
    await stopServer(scratch);
    removeFolder(scratch);
    const server = await startServer({
      home: scratch,
      version: options.neo4j,
      boltPort: 0,
      httpPort: 0,
      log,
      signal: io.signal,
    });
    [uri, password] = [server.uri, server.password];
  }
  const ledgerFile = join(found.root, ".crochet", `test-${Deno.pid}.db`);
  const graph = await connectGraph({ ...found.settings.graph, uri, password, database: undefined }, VERSION);
  const ledger = await Ledger.open(ledgerFile);
  try {
    const proof = await proveProject({
      project: found,
      ledger,
      graph,
      runner: runner(context),
      params: readParameters(options.param),
      data: text === undefined ? undefined : { statements: splitStatements(text), after },
      report: log,
      signal: io.signal,
    });
    print.result(proof, proofLines(proof));
    return proof.ok ? EXIT.ok : EXIT.no;
  } finally {
    ledger.close();
    await graph.close();
    for (const end of ["", "-wal", "-shm"]) removeFile(ledgerFile + end);
    if (scratch) {
      await stopServer(scratch, { log });
      removeFolder(scratch);
    }
  }
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
      graph,
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

/** Takes over what another tool did. */
export async function commandAdopt(context: Context): Promise<number> {
  const { options, print } = context;
  const found = project(context);
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

/** Shows the heads. */
export async function commandHeads(context: Context): Promise<number> {
  const found = project(context);
  return await withLedger(found, (ledger) => {
    const heads = readHistory(found, ledger).filter((entry) => entry.isHead);
    context.print.result(
      heads,
      heads.length > 0 ? heads.map(historyLine) : ["The project has no migrations."],
    );
    if (heads.length > 1) context.print.say("Next: crochet merge joins them");
    return Promise.resolve(heads.length > 1 ? EXIT.no : EXIT.ok);
  });
}

/** Shows the history. */
export async function commandHistory(context: Context): Promise<number> {
  const found = project(context);
  return await withLedger(found, (ledger) => {
    const history = readHistory(found, ledger);
    context.print.result(history, historyLines(history));
    return Promise.resolve(EXIT.ok);
  });
}

/** Shows one revision. */
export async function commandShow(context: Context, name: string): Promise<number> {
  const found = project(context);
  return await withLedger(found, async (ledger) => {
    const details = await showRevision(found, ledger, name);
    context.print.result(details, revisionLines(details));
    return EXIT.ok;
  });
}

/** Joins two heads. */
export async function commandMerge(context: Context, ...heads: string[]): Promise<number> {
  const { options, print } = context;
  const merged = await mergeHeads(project(context), heads, options.description);
  print.result(merged, [
    `Created migration: ${merged.files[0]}`,
    `  joins ${merged.parents.join(" and ")}`,
    ...merged.changes.map((change) => `  ${change}`),
  ]);
  merged.notes.forEach((note) => print.say(note));
  print.say("Next: read it, then crochet upgrade --dry-run");
  return EXIT.ok;
}

/** Squashes a range. */
export async function commandSquash(context: Context, range: string): Promise<number> {
  const { options, print } = context;
  const squashed = await squashRevisions(project(context), range, options.description);
  print.result(squashed, [
    `Created migration: ${squashed.files[0]}`,
    `  replaces ${squashed.replaces.join(", ")}`,
    ...(squashed.moved ? [`  calls the old files, which lie in ${squashed.moved} now`] : []),
  ]);
  print.say("Next: crochet test proves it; commit it together with the files that went");
  return EXIT.ok;
}

/** Looks for what a review should see. */
export async function commandLint(context: Context, ...only: string[]): Promise<number> {
  const { options, print } = context;
  const found = project(context);
  return await withLedger(found, async (ledger) => {
    const applied = ledger.graphs().flatMap((graph) => ledger.applied(graph.graphId));
    const result = await lintProject({ project: found, only, since: options.since, applied });
    print.result(result, options.format === "github" ? result.findings.map(githubLine) : lintLines(result));
    return result.findings.some((entry) => isAtLeast(entry, options.level)) ? EXIT.no : EXIT.ok;
  });
}

/** Shows what is read from models. */
export function commandModels(context: Context, ...paths: string[]): number {
  const { options, print } = context;
  const base = folder(context);
  const full = paths.map((path) => resolve(base, path));
  const roots: string[] = options.root;
  const neomodel = options.neomodel === undefined ? undefined : neomodelVersion(options.neomodel);
  const reading = paths.length === 0 ? readProjectModels(project(context), neomodel) : loadModels({
    paths: full,
    roots: roots.length > 0 ? roots.map((root) => resolve(base, root)) : guessRoots(full),
    base,
    neomodel,
  });
  const { models } = reading;
  const lines = options.ddl ? models.schema.map((object) => `${object.cypher};`) : modelLines(models);
  print.result(models, lines);
  if (!options.json) models.problems.forEach((problem) => print.say(problemLine(problem)));
  return models.problems.some((problem) => problem.severity === "error") ? EXIT.fix : EXIT.ok;
}

function neomodelVersion(name: string): NeomodelVersion {
  const version = parseNeomodelVersion(name);
  if (version !== undefined) return version;
  throw new CrochetError("USAGE", `neomodel "${name}" is not known`, {
    hint: `name ${KNOWN_NEOMODELS}: --neomodel 7`,
  });
}

/** Lists or writes missing kgids. */
export function commandKgid(context: Context): number {
  const found = project(context);
  const reading = readProjectModels(found);
  const ignore = found.settings.modelIgnore;
  const write = context.options.write === true;
  const missing = write ? writeKgids(reading, ignore, found.root) : missingKgids(reading, ignore);
  const lines = missing.map((entry) => `${entry.file}:${entry.line}  ${entry.class}  ${entry.kgid}`);
  const summary = missing.length === 0
    ? "Every class has a __kgid__."
    : `${count(missing.length, "class", "classes")} ${write ? "got" : "without"} a __kgid__.`;
  context.print.result({ written: write, classes: missing }, [...lines, summary]);
  if (missing.length > 0 && !write) context.print.say("Next: crochet kgid --write adds them");
  return EXIT.ok;
}

/** Decides about a run that stopped. */
export async function commandResolve(context: Context, revision: string): Promise<number> {
  const { options, print } = context;
  const resolution: Resolution | undefined = options.redo
    ? "redo"
    : options.markApplied
    ? "mark-applied"
    : options.markReverted
    ? "mark-reverted"
    : undefined;
  if (!resolution) {
    throw new CrochetError("USAGE", `Say what to do with "${revision}"`, {
      hint:
        "--redo runs it from its start, --mark-applied takes it as applied, --mark-reverted as never applied; crochet status shows how far it came",
    });
  }
  const found = project(context);
  return await withLedger(found, (ledger) =>
    withGraph(found, async (graph) => {
      const { run, left } = await resolveRun(
        { project: found, ledger, graph, runner: runner(context) },
        revision,
        resolution,
      );
      const rows = `${count(left.nodes, "node")} and ${
        count(left.relationships, "relationship")
      } of its batches`;
      const told = left.nodes + left.relationships === 0
        ? ""
        : resolution === "redo"
        ? `; deleted ${rows}`
        : `; ${rows} stay in the graph`;
      print.result({ revisionId: revision, resolution, run, left }, [
        `Resolved: ${revision} (${resolution})${told}`,
      ]);
      if (resolution === "redo") print.say(`Next: crochet ${run.direction}`);
      return EXIT.ok;
    }));
}

/** Breaks the lock. */
export async function commandUnlock(context: Context): Promise<number> {
  const { io, options, print } = context;
  return await withGraph(project(context), async (graph) => {
    const holder = await readLock(graph);
    if (!holder) {
      print.result({ broken: false }, ["The graph is not locked."]);
      return EXIT.ok;
    }
    const who =
      `${holder.user}@${holder.host} (process ${holder.pid}, crochet ${holder.command}) since ${holder.acquiredAt}`;
    if (!options.yes) {
      const answer = io.ask?.(`The lock is held by ${who}. Break it? [y/N]`);
      if (!/^y(es)?$/i.test(answer ?? "")) {
        throw new CrochetError("USAGE", `The lock is held by ${who}, and was not broken`, {
          hint: "crochet unlock --yes breaks it without asking",
        });
      }
    }
    await breakLock(graph);
    print.result({ broken: true, holder }, [`Broke the lock of ${who}.`]);
    return EXIT.ok;
  });
}

/** Rebuilds the ledger. */
export async function commandRebuild(context: Context): Promise<number> {
  const found = project(context);
  return await withLedger(found, (ledger) =>
    withGraph(found, async (graph) => {
      const revisions = await rebuildLedger(ledger, graph, found.settings.graph.environment);
      context.print.result({ revisions }, [
        `Rebuilt the ledger: ${count(revisions, "revision")} applied at ${graph.address}.`,
      ]);
      return EXIT.ok;
    }));
}

function serverHome(context: Context): string {
  if (context.options.home) return resolve(folder(context), context.options.home);
  let root = folder(context);
  try {
    root = project(context).root;
  } catch (error) {
    if (!(error instanceof CrochetError) || error.code !== "NO_PROJECT") throw error;
  }
  return join(root, ".crochet", "neo4j");
}

/** Starts the scratch server. */
export async function commandDevUp(context: Context): Promise<number> {
  const { options, print, io } = context;
  const server = await startServer({
    home: serverHome(context),
    version: options.neo4j,
    boltPort: options.port,
    log: (line) => print.say(line),
    signal: io.signal,
  });
  print.result(server, [
    `export CROCHET_NEO4J_URI=${server.uri}`,
    `export CROCHET_NEO4J_USERNAME=${server.username}`,
    `export CROCHET_NEO4J_PASSWORD=${server.password}`,
  ]);
  print.say(
    `Neo4j ${server.version} runs; the lines above connect a shell to it, and crochet dev down stops it`,
  );
  return EXIT.ok;
}

/** Stops the scratch server. */
export async function commandDevDown(context: Context): Promise<number> {
  const home = serverHome(context);
  const stopped = await stopServer(home, { log: (line) => context.print.say(line) });
  context.print.result({ stopped }, [stopped ? "Stopped." : "No scratch server runs here."]);
  return EXIT.ok;
}

/** Tells whether the scratch server runs. */
export async function commandDevStatus(context: Context): Promise<number> {
  const home = serverHome(context);
  const status = exists(home) ? await serverStatus(home) : { state: "stopped" as const };
  const line = status.state === "stopped"
    ? "stopped"
    : `${status.state}: Neo4j ${status.server.version} at ${status.server.uri}`;
  context.print.result(status, [line]);
  return status.state === "running" ? EXIT.ok : EXIT.no;
}
