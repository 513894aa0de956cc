/**
 * Takes the words of a command line and gives an exit code. A table of commands: name, arguments, one line of help,
 * verb. Reading flags is here, running verbs is in `commands_*.ts`, choosing words is in `words.ts`. Safe to call twice
 * in one process.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Action, Common, Context } from "./command.ts";
import {
  commandHeads,
  commandHistory,
  commandLint,
  commandMerge,
  commandShow,
  commandSquash,
  commandTest,
} from "./commands_chain.ts";
import { commandLoadData, commandValidateData } from "./commands_data.ts";
import { commandDevDown, commandDevStatus, commandDevUp } from "./commands_dev.ts";
import { commandAdopt, commandBaseline, commandDrift } from "./commands_graph.ts";
import {
  commandCreateMigration,
  commandCreateNode,
  commandCreateRelationship,
  commandKgid,
  commandModels,
  commandNewProject,
} from "./commands_models.ts";
import { commandRebuild, commandResolve, commandUnlock } from "./commands_recover.ts";
import { commandRun, commandRunOnce, commandStatus, commandVerify } from "./commands_run.ts";
import { CrochetError, EXIT } from "./error.ts";
import { type Io, Printer } from "./print.ts";
import { VERSION } from "./version.ts";

/** Runs a command line and gives its exit code; never exits the process. */
export async function main(args: string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  let print = new Printer(io, {
    json: args.includes("--json"),
    debug: args.includes("--debug"),
    quiet: args.includes("--quiet"),
  });
  const program = buildProgram(io, async (options, action, words) => {
    print = new Printer(io, {
      json: options.json ?? false,
      debug: options.debug ?? false,
      quiet: options.quiet ?? false,
    });
    code = await action({ io, print, options: options as Context["options"] }, ...words);
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : usage(error, print);
    // What was told to stop says so in its own way.
    const stopped = (error as Error)?.name === "AbortError";
    return print.error(
      stopped ? new CrochetError("INTERRUPTED", "The command was interrupted", { cause: error }) : error,
    );
  }
}

/** What commander found wrong, in our form; bare words for help have printed it already. */
function usage(error: CommanderError, print: Printer): number {
  if (error.code === "commander.help") return EXIT.fix;
  const [first, meant] = error.message.replace(/^error: /, "").split("\n");
  const message = first[0].toUpperCase() + first.slice(1);
  const near = /Did you mean (?:one of )?(.+)\?/.exec(meant ?? "")?.[1];
  const hint = near
    ? `did you mean ${near}?`
    : "crochet --help lists the commands, crochet COMMAND --help the options";
  return print.error(new CrochetError("USAGE", message, { hint }));
}

type Dispatch = (options: Common, action: Action, words: string[]) => Promise<void>;

function buildProgram(io: Io, dispatch: Dispatch): Command {
  const program = new Command("crochet")
    .description("Versioned schema and data migrations for Neo4j graphs whose models are neomodel classes.")
    .version(`crochet ${VERSION}`, "--version", "print the version")
    .option("-C, --directory <path>", "work in this folder")
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout(text),
      writeErr: (text) => io.stderr(text),
      outputError: () => {/* printed as every other error */},
    });
  const add = (
    parent: Command,
    signature: string,
    help: string,
    action: Action,
    setup: (command: Command) => Command = (command) => command,
  ) => {
    const command = setup(parent.command(signature).description(help))
      .option("--json", "print the result as JSON")
      .option("--env <name>", "use the environment [env.<name>] of crochet.toml")
      .option("-C, --directory <path>", "work in this folder")
      .option("--quiet", "say nothing but results and errors")
      .option("--debug", "print what an error was caused by");
    command.action((...received: unknown[]) => {
      const words = received.slice(0, -2).flat().filter((word) => word !== undefined) as string[];
      return dispatch({ ...program.opts(), ...command.opts() }, action, words);
    });
  };
  const planOptions = (command: Command) =>
    command
      .option("--target <revision>", "stop at this revision")
      .option("--offline", "plan without a server, by the ledger's word")
      .option("--cypher <file>", "write the plan as a script that cypher-shell runs")
      .option(
        "--param <name=value>",
        "a text, or name:=JSON, for {{ name }} in Cypher and ctx.params in TypeScript",
        collect,
        [],
      )
      .option("--require-clean", "refuse revisions that are not committed in Git as they are");
  const lockOption = (command: Command) =>
    command.option(
      "--lock-timeout <seconds>",
      "wait this long for another run that holds the lock; fails at once by default",
      seconds,
    );
  const decisions = ["redo", "skipTo", "rollBack", "markApplied", "markReverted"];
  const decision = (flags: string, help: string) => {
    const option = new Option(flags, help);
    return option.conflicts(decisions.filter((name) => name !== option.attributeName()));
  };
  const runOptions = (command: Command) =>
    lockOption(planOptions(command)).option(
      "--dry-run",
      "print the Cypher that would run, and change nothing",
    );
  const dataOptions = (command: Command) =>
    command
      .option(
        "--compression <name>",
        "gzip, bzip2, zstd, lz4, xz, snappy, brotli or none; by its name otherwise",
      )
      .option("--encoding <name>", "of its text, such as windows-1252", "utf-8")
      .option("--separator <sign>", "between the fields of CSV; \\t is a tab")
      .option("--quote <sign>", "around fields, or none", '"')
      .option("--escape <sign>", "before a quote in a field; a second quote by default")
      .option("--comment <text>", "what lines begin with that are no data")
      .option("--no-header", "the first line is data; --columns names the columns")
      .option("--columns <names>", "names of the columns, separated by commas")
      .option("--null <spelling>", "what means null; nothing at all by default", collect)
      .option(
        "--types <column=type,...>",
        "types of columns: age=integer,born=date,tags=string[]",
        typesOf,
        {},
      )
      .option("--list-separator <sign>", "between the items of a list", ";")
      .option("--model <name>", "the rules of this model: types, required, choices, lengths, unique")
      .option("--schema <file>", "the rules of this TOML file");
  const acceptLoss = (command: Command) =>
    command.option(
      "--accept-loss <revision>",
      "run this revision although it claims to be rollback-safe and loses something",
      collect,
      [],
    );

  add(
    program,
    "new-project",
    "make a project",
    commandNewProject,
    (c) =>
      c.requiredOption("--name <name>", "name of the project").option(
        "--path <folder>",
        "where to make it",
        ".",
      ).option("--in-place", "make it in the folder itself, not in a new one"),
  );
  add(
    program,
    "create-node <name>",
    "write a node class",
    commandCreateNode,
    (c) =>
      c.option("--kgid <id>", "its immutable identity; made from the name by default").option(
        "--force",
        "overwrite the file",
      ),
  );
  add(
    program,
    "create-relationship <name>",
    "write a relationship model",
    commandCreateRelationship,
    (c) =>
      c.requiredOption("--rel-type <type>", "relationship type, like FRIENDS_WITH").option(
        "--kgid <id>",
        "its immutable identity; made from the name by default",
      ).option("--force", "overwrite the file"),
  );
  add(
    program,
    "create-migration <description>",
    "write a migration from what changed in the models",
    commandCreateMigration,
    (c) =>
      c.option("--cypher", "write plain Cypher in place of TypeScript").option(
        "--empty",
        "write it also where nothing changed",
      ).option("--unsafe", "mark it as not rollback-safe")
        .option("--rename <Class.old=new>", "a property that was renamed, its values kept", collect, []),
  );
  add(
    program,
    "plan",
    "print the Cypher that an upgrade would run",
    (context) => commandRun(context, "upgrade", true),
    (c) => acceptLoss(planOptions(c)),
  );
  add(
    program,
    "upgrade",
    "apply pending migrations",
    (context) => commandRun(context, "upgrade"),
    (c) => acceptLoss(runOptions(c)).option("--check", "change nothing; exit 1 when something is pending"),
  );
  add(
    program,
    "downgrade",
    "revert the latest migration, or down to a target",
    (context) => commandRun(context, "downgrade"),
    (c) => runOptions(c).addHelpText("after", "\n--target base reverts everything."),
  );
  add(
    program,
    "status",
    "show what is applied, what is pending, and where records differ",
    commandStatus,
    (c) =>
      c.option("--check", "exit 1 when something is pending or differs").option(
        "--offline",
        "do not ask the graph",
      ),
  );
  add(
    program,
    "verify",
    "prove that files, ledger and graph agree",
    commandVerify,
    (c) => c.option("--offline", "do not ask the graph"),
  );
  add(program, "heads", "show the revisions that nothing follows", commandHeads);
  add(program, "history", "show the chain as a graph", commandHistory);
  add(program, "show <revision>", "show what a revision is and asks for", commandShow);
  add(
    program,
    "merge [heads...]",
    "write the revision that joins two heads",
    commandMerge,
    (c) => c.option("--description <text>", "what the merge is about"),
  );
  add(
    program,
    "squash <range>",
    "write one revision in the place of A..B",
    commandSquash,
    (c) => c.option("--description <text>", "what the squash is about"),
  );
  add(
    program,
    "drift",
    "find where the graph differs from what was applied",
    commandDrift,
    (c) =>
      c.option("--fix", "draft the migration that mends it; nothing is run")
        .option("--cypher", "draft it in plain Cypher")
        .option("--full", "look at all data, not at a sample")
        .option("--sample <number>", "how many nodes of each label are looked at", wholeNumber, 1000)
        .option("--strict", "data that no model knows counts as drift"),
  );
  add(
    program,
    "baseline [revision]",
    "record a graph that lives already, without running anything",
    commandBaseline,
  );
  add(
    program,
    "test",
    "prove on a scratch server that every revision can go up, down and up again",
    commandTest,
    (c) =>
      c.option("--data <file>", "Cypher that fills the graph before")
        .option("--data-at <revision>", "fill it after this revision")
        .option("--uri <uri>", "an empty graph to prove it on; a scratch server is started without it")
        .option("--neo4j <version>", "version of the scratch server: 5, newest, or a number")
        .option(
          "--param <name=value>",
          "a text, or name:=JSON, for {{ name }} in Cypher and ctx.params in TypeScript",
          collect,
          [],
        ),
  );
  add(
    program,
    "run <file>",
    "run Cypher or TypeScript once, without a record",
    commandRunOnce,
    (c) =>
      lockOption(c).option(
        "--param <name=value>",
        "a text, or name:=JSON, for {{ name }} in Cypher and ctx.params in TypeScript",
        collect,
        [],
      ),
  );
  add(
    program,
    "adopt",
    "take over a project of the Python original, or a chain of neo4j-migrations",
    commandAdopt,
    (c) =>
      c.option("--neo4j-migrations <folder>", "its scripts: V0001__Name.cypher")
        .option("--offline", "write the files only; what is applied is not recorded"),
  );
  add(
    program,
    "lint [revisions...]",
    "find what loses data, cannot be undone or is not tracked",
    commandLint,
    (c) =>
      c.option("--since <commit>", "only migrations that changed since this commit or branch of Git")
        .addOption(
          new Option("--level <level>", "exit 1 on findings at or above this").choices([
            "error",
            "warning",
            "notice",
          ])
            .default("warning"),
        )
        .addOption(
          new Option("--format <format>", "how to print").choices(["text", "github"]).default("text"),
        ),
  );
  add(
    program,
    "models [paths...]",
    "show what is read from the models",
    commandModels,
    (c) =>
      c.option("--root <folder>", "folder in which imports are looked for", collect, [])
        .option("--neomodel <version>", "the neomodel that the models are written for")
        .option("--ddl", "print the statements of a fresh install"),
  );
  add(
    program,
    "kgid",
    "list classes without a __kgid__, or add it",
    commandKgid,
    (c) => c.option("--write", "add the lines to the files"),
  );
  add(
    program,
    "load-data <path>",
    "show what a data file is, and its first rows",
    commandLoadData,
    (c) =>
      dataOptions(c)
        .option("--format <name>", "csv, tsv, json, jsonl or parquet; by its name otherwise")
        .option("--head <number>", "how many rows to show", wholeNumber, 10)
        .option("--count", "read the whole file and count its rows"),
  );
  add(
    program,
    "validate-data <path>",
    "check every row of a data file against rules",
    commandValidateData,
    (c) =>
      dataOptions(c)
        .option("--file-format <name>", "csv, tsv, json, jsonl or parquet; by its name otherwise")
        .option("--require <columns>", "columns that have a value in every row")
        .option(
          "--unique <columns>",
          "columns whose values no two rows share; again for another set",
          collect,
        )
        .option("--min-rows <number>", "how many rows there are at least", wholeNumber)
        .option("--max-rows <number>", "how many rows there are at most", wholeNumber)
        .option("--strict", "a column that no rule names is an error")
        .addOption(
          new Option("--format <format>", "how to print").choices(["text", "github"]).default("text"),
        ),
  );
  add(
    program,
    "resolve <revision>",
    "decide about a run that stopped half-way",
    commandResolve,
    (c) =>
      lockOption(c)
        .addOption(decision("--redo", "run it from its start; the rows of its batches are deleted first"))
        .addOption(
          decision("--skip-to <operation>", "go on with this operation; those before count as done")
            .argParser(wholeNumber),
        )
        .addOption(decision("--roll-back", "take back what is done, by its downgrade"))
        .addOption(decision("--mark-applied", "take it as applied"))
        .addOption(decision("--mark-reverted", "take it as never applied")),
  );
  add(
    program,
    "unlock",
    "break the lock of the graph",
    commandUnlock,
    (c) => c.option("-y, --yes", "do not ask"),
  );
  const ledger = program.command("ledger").description("work on the local ledger");
  add(ledger, "rebuild", "make the ledger anew from what the graph says", commandRebuild);
  const dev = program.command("dev").description("a scratch Neo4j server");
  add(
    dev,
    "up",
    "start it",
    commandDevUp,
    (c) =>
      c.option("--neo4j <version>", "version of the server: 5, newest, or a number").option(
        "--port <number>",
        "Bolt port",
        Number,
      ).option("--home <folder>", "folder of the server"),
  );
  add(dev, "down", "stop it", commandDevDown, (c) => c.option("--home <folder>", "folder of the server"));
  add(
    dev,
    "status",
    "tell whether it runs",
    commandDevStatus,
    (c) => c.option("--home <folder>", "folder of the server"),
  );
  return program;
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) {
    throw new InvalidArgumentError("It must be a whole number above 0.");
  }
  return number;
}

function seconds(value: string): number {
  const number = Number(value);
  if (value.trim() === "" || !Number.isFinite(number) || number < 0) {
    throw new InvalidArgumentError("It must be a number of seconds.");
  }
  return number;
}

function collect(value: string, list: string[] = []): string[] {
  return [...list, value];
}

function typesOf(value: string, types: Record<string, string>): Record<string, string> {
  const pairs = value.split(",").map((pair) => /^\s*(.+?)\s*=\s*(.+?)\s*$/.exec(pair));
  if (pairs.some((pair) => pair === null)) throw new InvalidArgumentError("Write column=type,column=type.");
  return { ...types, ...Object.fromEntries(pairs.map((pair) => [pair![1], pair![2]])) };
}
