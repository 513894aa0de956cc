/**
 * Commands about the chain of migrations: what follows what, branches, reviews, and proofs on a scratch server.
 */
import { buildChain, findRevision } from "./chain.ts";
import { type Context, folder, project, runner, withLedger } from "./command.ts";
import { readParameters, splitStatements } from "./cypher_text.ts";
import type { GraphSettings } from "./config.ts";
import { CrochetError, EXIT } from "./error.ts";
import { connectGraph } from "./graph.ts";
import { readHistory, showRevision } from "./history.ts";
import { Ledger } from "./ledger.ts";
import { isAtLeast, lintProject } from "./lint.ts";
import { mergeHeads } from "./merge.ts";
import { join, resolve } from "./path.ts";
import { readRevisions, readText, removeFolder } from "./project.ts";
import { proveProject } from "./proof.ts";
import { startServer, stopServer } from "./server.ts";
import { squashRevisions } from "./squash.ts";
import { VERSION } from "./version.ts";
import { githubLine, historyLine, historyLines, lintLines, proofLines, revisionLines } from "./words.ts";

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
  }, true);
}

/** Shows the history. */
export async function commandHistory(context: Context): Promise<number> {
  const found = project(context);
  return await withLedger(found, (ledger) => {
    const history = readHistory(found, ledger);
    context.print.result(history, historyLines(history));
    return Promise.resolve(EXIT.ok);
  }, true);
}

/** Shows one revision. */
export async function commandShow(context: Context, name: string): Promise<number> {
  const found = project(context);
  return await withLedger(found, async (ledger) => {
    const details = await showRevision(found, ledger, name);
    context.print.result(details, revisionLines(details));
    return EXIT.ok;
  }, true);
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
  }, true);
}

/** Proves the ways up and down on a scratch graph. */
export async function commandTest(context: Context): Promise<number> {
  const { options, print, io } = context;
  const found = project(context);
  const chain = buildChain(readRevisions(found));
  const after = options.dataAt === undefined ? undefined : findRevision(chain, options.dataAt).revisionId;
  if (after !== undefined && options.data === undefined) {
    throw new CrochetError("USAGE", "--data-at says when, but not what", { hint: "add --data FILE.cypher" });
  }
  const text = options.data === undefined ? undefined : readText(resolve(folder(context), options.data));
  const params = readParameters(options.param);
  const log = (line: string) => print.say(line);
  // What is started here is stopped here.
  const signal = io.endInOrder?.();
  const prove = async (settings: Partial<GraphSettings>): Promise<number> => {
    const own = join(found.root, ".crochet", `test-${Deno.pid}`);
    const graph = await connectGraph({ ...found.settings.graph, database: undefined, ...settings }, VERSION);
    try {
      const ledger = await Ledger.open(join(own, "ledger.db"));
      try {
        const data = text === undefined ? undefined : { statements: splitStatements(text), after };
        const proof = await proveProject({
          project: found,
          ledger,
          graph,
          runner: runner(context),
          params,
          data,
          report: log,
          signal,
        });
        print.result(proof, proofLines(proof));
        return proof.ok ? EXIT.ok : EXIT.no;
      } finally {
        ledger.close();
        removeFolder(own);
      }
    } finally {
      await graph.close();
    }
  };
  if (options.uri) return await prove({ uri: options.uri });
  const home = join(found.root, ".crochet", "test");
  await stopServer(home);
  removeFolder(home);
  try {
    const { uri, username, password } = await startServer({
      home,
      version: options.neo4j,
      boltPort: 0,
      httpPort: 0,
      log,
      signal,
    });
    return await prove({ uri, username, password });
  } finally {
    await stopServer(home, { log });
    removeFolder(home);
  }
}
