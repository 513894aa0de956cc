/**
 * Commands that find the way out: when a run stopped half-way, when a lock stays, when the ledger is damaged or wrong.
 */
import { type Context, project, runner, withGraph, withLedger } from "./command.ts";
import { lockTimeout, showRun, teller } from "./commands_run.ts";
import { CrochetError, EXIT } from "./error.ts";
import { breakLock, describeHolder, readLock } from "./graph_lock.ts";
import { Ledger } from "./ledger.ts";
import { relative } from "./path.ts";
import { rebuildLedger } from "./reconcile.ts";
import { readStopped, type Resolution, resolveRun } from "./resolve.ts";
import { rollBack } from "./runner.ts";
import { count } from "./text.ts";
import { stoppedLines } from "./words.ts";

/** Decides about a run that stopped, or shows it to a person who has to decide. */
export async function commandResolve(context: Context, revision: string): Promise<number> {
  const { options, print, io } = context;
  const found = project(context);
  return await withLedger(found, (ledger) =>
    withGraph(found, async (graph) => {
      const request = {
        project: found,
        ledger,
        graph,
        runner: runner(context),
        lockTimeoutMs: lockTimeout(context),
        signal: io.endInOrder?.(),
        report: teller(context),
      };
      if (options.rollBack) {
        const { run } = await readStopped(request, revision);
        if (run.direction === "downgrade" && !run.rollback) {
          throw new CrochetError("USAGE", `It was the downgrade of "${revision}" that stopped`, {
            hint: "crochet downgrade finishes it, and crochet upgrade applies it again",
          });
        }
        return showRun(context, await rollBack({ ...request, direction: "downgrade" }, revision));
      }
      const resolution = resolutionOf(context);
      if (!resolution) {
        const stopped = await readStopped(request, revision);
        print.result(stopped, stoppedLines(stopped));
        if (!stopped.holder) print.say(decisions(stopped.next));
        return EXIT.no;
      }
      const { run, left } = await resolveRun(request, revision, resolution);
      const rows = `${count(left.nodes, "node")} and ${
        count(left.relationships, "relationship")
      } of its batches`;
      const told = left.nodes + left.relationships === 0
        ? ""
        : resolution.how === "redo"
        ? `; deleted ${rows}`
        : `; ${rows} stay in the graph`;
      print.result({ revisionId: revision, resolution, run, left }, [
        `Resolved: ${revision} (${resolution.how})${told}`,
      ]);
      const goesOn = resolution.how === "redo" || resolution.how === "skip-to";
      if (goesOn) print.say(`Next: crochet ${run.direction}`);
      return EXIT.ok;
    }));
}

/** What a person can decide; `next` is the first operation that is not done. */
function decisions(next: number): string {
  return [
    "Decide:",
    "  --redo          run it from its start; the rows of its batches are deleted first",
    `  --skip-to ${
      `${next}`.padEnd(5)
    } go on with operation ${next} of the file as it is now; those before count as done`,
    "  --roll-back     take back what is done, by its downgrade",
    "  --mark-applied  take it as applied",
    "  --mark-reverted take it as never applied; what it did stays in the graph",
  ].join("\n");
}

function resolutionOf({ options }: Context): Resolution | undefined {
  if (options.redo) return { how: "redo" };
  if (options.skipTo !== undefined) return { how: "skip-to", operation: options.skipTo };
  if (options.markApplied) return { how: "mark-applied" };
  return options.markReverted ? { how: "mark-reverted" } : undefined;
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
    const who = describeHolder(holder);
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

/** Rebuilds the ledger; a damaged one is kept beside it. */
export async function commandRebuild(context: Context): Promise<number> {
  const { print, io } = context;
  const found = project(context);
  return await withGraph(found, async (graph) => {
    const aside = await Ledger.setAside(found.ledger);
    return await withLedger(found, async (ledger) => {
      const revisions = await rebuildLedger(ledger, graph, found);
      print.result({ revisions, ...(aside && { aside }) }, [
        ...(aside ? [`The damaged ledger is kept as ${relative(io.cwd, aside)}`] : []),
        `Rebuilt the ledger: ${count(revisions, "revision")} applied at ${graph.address}.`,
      ]);
      return EXIT.ok;
    });
  });
}
