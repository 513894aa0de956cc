/**
 * Takes values and errors and writes them where they belong: data on stdout, talk on stderr, JSON where it is asked
 * for, colours on a terminal only. The one place that prints, and so the one that removes secrets.
 */
import { CrochetError, EXIT, formatPlace, messageOf } from "./error.ts";
import { canonicalJson } from "./digest.ts";

/** The outside of the program. */
export interface Io {
  stdout(text: string): void;
  stderr(text: string): void;
  /** Is stderr a terminal? */
  isTerminal: boolean;
  /** Can a person answer a question? */
  ask?(question: string): string | null;
  variables: Record<string, string | undefined>;
  cwd: string;
  /**
   * From now on, an interrupt (Ctrl-C and its kin) does not end the process: the work ends in order when the signal
   * says so. To be called once, by commands that leave something half-done otherwise.
   */
  endInOrder?(): AbortSignal;
}

/** How the command prints. */
export interface PrintOptions {
  json: boolean;
  debug: boolean;
  quiet: boolean;
}

const COLOURS = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;

/** Prints for one command. */
export class Printer {
  private readonly colours: boolean;

  constructor(private readonly io: Io, readonly options: PrintOptions) {
    this.colours = io.isTerminal && !io.variables.NO_COLOR && io.variables.TERM !== "dumb" && !options.json;
  }

  /** The value under `--json`, else the lines for people. */
  result(value: unknown, lines: string[]): void {
    if (this.options.json) {
      this.io.stdout(this.clean(JSON.stringify(JSON.parse(canonicalJson(value)), null, 2)) + "\n");
    } else this.lines(lines);
  }

  /** Data, line by line. */
  lines(lines: string[]): void {
    if (lines.length > 0) this.io.stdout(this.clean(lines.join("\n")) + "\n");
  }

  /** Talk: what happens, what a person should know. */
  say(text: string): void {
    if (!this.options.quiet) this.io.stderr(this.clean(text) + "\n");
  }

  /** Words in a colour, on a terminal. */
  paint(colour: keyof typeof COLOURS, text: string): string {
    return this.colours ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
  }

  /** Prints an error and gives the exit code. */
  error(error: unknown): number {
    if (!(error instanceof CrochetError)) {
      const text = `Error: ${
        messageOf(error)
      }\nThis is a fault of crochet. Please report it with what you typed and this text:\n${
        (error as Error)?.stack ?? ""
      }`;
      if (this.options.json) this.result({ error: { code: "BUG", message: messageOf(error) } }, []);
      this.io.stderr(this.clean(text) + "\n");
      return EXIT.bug;
    }
    if (this.options.json) this.result({ error: errorValue(error) }, []);
    else {
      const place = error.at ? `${formatPlace(error.at)}: ` : "";
      this.io.stderr(this.clean(`${this.paint("red", "Error")}: ${place}${error.message}`) + "\n");
      if (error.hint) this.io.stderr(this.clean(`${this.paint("cyan", "Hint")}: ${error.hint}`) + "\n");
    }
    if (this.options.debug) {
      this.io.stderr(this.clean(`${error.code}\n${error.stack ?? ""}\n${causes(error)}`) + "\n");
    }
    return error.exitCode;
  }

  /** The text without passwords: the values of the environment's secrets, and what stands before an @ in a URI. */
  private clean(text: string): string {
    let cleaned = text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s"']*@/gi, "$1***@");
    for (const [name, value] of Object.entries(this.io.variables)) {
      if (value && value.length >= 4 && /PASSWORD|SECRET|TOKEN/i.test(name)) {
        cleaned = cleaned.replaceAll(value, "***");
      }
    }
    return cleaned;
  }
}

/** An error as `--json` prints it. */
export function errorValue(error: CrochetError): Record<string, unknown> {
  return { code: error.code, message: error.message, hint: error.hint, at: error.at, data: error.data };
}

function causes(error: Error): string {
  const found: string[] = [];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    found.push(`caused by ${cause.name}: ${cause.message}`);
  }
  return found.join("\n");
}

/**
 * Columns of texts, aligned, with a header line.
 *
 * @example
 * ```ts
 * import { table } from "./print.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(table(["name", "n"], [["a", "12"], ["long", "3"]]), ["name  n", "a     12", "long  3"]);
 * ```
 */
export function table(header: string[], rows: string[][]): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((row) => [...row[i]].length)));
  return all.map((row) =>
    row.map((cell, i) => cell + " ".repeat(widths[i] - [...cell].length)).join("  ").trimEnd()
  );
}
