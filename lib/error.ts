/**
 * Takes a failure and gives what a user needs: what failed, where, the present state, the next command.
 * Every error that the user's world can cause has a code in the one table below. Never prints, never exits:
 * the shell decides what is shown, and removes secrets there.
 */

/** Exit codes of every command, one table (docs/errors.md carries it too). */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** The answer is "no": pending under `--check`, a failed verification, invalid data. */
  no: 1,
  /** The user must fix something: usage, configuration, models, files, an unsafe downgrade. */
  fix: 2,
  /** The outside is unreachable or refuses. */
  outside: 3,
  /** Our bug. */
  bug: 70,
  /** Interrupted. */
  interrupted: 130,
} as const;

/** Every error code, with the exit code that it leads to. */
export const ERROR_CODES = {
  // the command line and the project
  USAGE: EXIT.fix,
  NO_PROJECT: EXIT.fix,
  PROJECT_EXISTS: EXIT.fix,
  FILE_EXISTS: EXIT.fix,
  FILE_UNREADABLE: EXIT.fix,
  CONFIG_INVALID: EXIT.fix,
  NAME_INVALID: EXIT.fix,
  // models
  MODELS_INVALID: EXIT.fix,
  // revisions and their chain
  REVISION_INVALID: EXIT.fix,
  CHAIN_BROKEN: EXIT.fix,
  MERGE_CONFLICT: EXIT.fix,
  UNKNOWN_REVISION: EXIT.fix,
  SNAPSHOT_INVALID: EXIT.fix,
  // running
  ROLLBACK_UNSAFE: EXIT.fix,
  PREFLIGHT_FAILED: EXIT.fix,
  GIT_UNCLEAN: EXIT.fix,
  OPERATION_INVALID: EXIT.fix,
  MIGRATION_FAILED: EXIT.fix,
  MIGRATION_TIMEOUT: EXIT.fix,
  STATEMENT_REFUSED: EXIT.fix,
  RESUME_REFUSED: EXIT.fix,
  // data files
  DATA_FORMAT: EXIT.fix,
  DATA_DAMAGED: EXIT.fix,
  DATA_INVALID: EXIT.no,
  // ledger and graph
  LEDGER_INVALID: EXIT.fix,
  LEDGER_DIVERGED: EXIT.fix,
  LOCKED: EXIT.outside,
  LOCK_LOST: EXIT.outside,
  // the outside
  CONNECTION_FAILED: EXIT.outside,
  UNAUTHORIZED: EXIT.outside,
  DATABASE_UNKNOWN: EXIT.outside,
  GRAPH_REFUSED: EXIT.outside,
  SERVER_UNAVAILABLE: EXIT.outside,
  INTERRUPTED: EXIT.interrupted,
} as const;

/** One of the codes of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** A place in a file; line and column count from 1. */
export interface Place {
  file: string;
  line?: number;
  column?: number;
}

/** What an error carries besides its message. */
export interface ErrorDetails {
  /** The next command to type, or the line to change. */
  hint?: string;
  /** Where in the user's files it is. */
  at?: Place;
  /** What caused it. */
  cause?: unknown;
  /** The value that `--json` prints beside the message. */
  data?: unknown;
}

/** The user's world is wrong: expected, named, helpful. Everything else that is thrown is our bug. */
export class CrochetError extends Error {
  override readonly name = "CrochetError";
  readonly code: ErrorCode;
  readonly hint?: string;
  /** Set later where only a caller knows it. */
  at?: Place;
  readonly data?: unknown;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.at = details.at;
    this.data = details.data;
  }

  /** The exit code that this error leads to. */
  get exitCode(): number {
    return ERROR_CODES[this.code];
  }
}

/**
 * `file:line:column` as editors and terminals understand it.
 *
 * @example
 * ```ts
 * import { formatPlace } from "./error.ts";
 * import assert from "node:assert/strict";
 * assert.equal(formatPlace({ file: "models/a.py", line: 3, column: 5 }), "models/a.py:3:5");
 * ```
 */
export function formatPlace(place: Place): string {
  return [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
