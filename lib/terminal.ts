/**
 * Takes the process and gives it as the outside of the program: where it prints, whom it can ask, when it must stop.
 * Questions go to standard error, so that a result can be piped away.
 */
import { readSync, writeFileSync } from "node:fs";
import type { Io } from "./print.ts";

/** What asks a program to end: Ctrl-C, a service manager, a terminal that was closed. */
const SIGNALS: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];

/** The outside of the program, as this process has it. */
export function processIo(): Io {
  const interrupt = new AbortController();
  return {
    stdout: (text) => writeFileSync(1, text),
    stderr: (text) => writeFileSync(2, text),
    isTerminal: Deno.stderr.isTerminal(),
    ask: Deno.stdin.isTerminal() ? ask : undefined,
    variables: Deno.env.toObject(),
    cwd: Deno.cwd(),
    endInOrder: () => watch(interrupt),
  };
}

/** The first such signal aborts, the second one ends the process at once, and the next run goes on. */
function watch(interrupt: AbortController): AbortSignal {
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (interrupt.signal.aborted) Deno.exit(130);
      interrupt.abort();
    });
  }
  return interrupt.signal;
}

/** Asks and reads a line; null where there is none any more (Ctrl-D, Ctrl-C). */
function ask(question: string): string | null {
  writeFileSync(2, `${question} `);
  const byte = new Uint8Array(1);
  const line: number[] = [];
  for (;;) {
    let read = 0;
    try {
      read = readSync(0, byte);
    } catch {
      return null;
    }
    if (read === 0) return line.length === 0 ? null : decoded(line);
    if (byte[0] === 10) return decoded(line);
    line.push(byte[0]);
  }
}

function decoded(line: number[]): string {
  return new TextDecoder().decode(new Uint8Array(line)).replace(/\r$/, "");
}
