/**
 * Takes what SQLite or the disk said of one of our files and gives an error that says what to do: a file that is
 * damaged, full, or only to be read are three different things to a person. Never touches the file.
 */
import { CrochetError, messageOf } from "./error.ts";

/** The error of a ledger whose content is not what it was. */
export function damaged(path: string, what: string, cause?: unknown): CrochetError {
  return new CrochetError("LEDGER_INVALID", `The ledger "${path}" is damaged: ${what}`, {
    cause,
    hint: "crochet ledger rebuild makes it anew from the graph, and keeps the damaged file beside it",
    data: { damaged: true },
  });
}

/** What SQLite or the disk said, as an error of ours; everything else passes through. */
export function ledgerError(path: string, error: unknown, what: "ledger" | "lock" = "ledger"): unknown {
  if (error instanceof CrochetError || !isOfFile(error)) return error;
  const message = messageOf(error);
  if (what === "ledger" && /malformed|not a database/i.test(message)) return damaged(path, message, error);
  const readOnly = /readonly|read-only|unable to open|denied|os error (13|30)/i.test(message);
  return new CrochetError("LEDGER_INVALID", `The ${what} "${path}" cannot be used: ${message}`, {
    cause: error,
    hint: hintOf(message, readOnly, what),
    data: { readOnly },
  });
}

function isOfFile(error: unknown): boolean {
  const { AlreadyExists, NotADirectory, NotCapable, PermissionDenied } = Deno.errors;
  return (error as { code?: string })?.code === "ERR_SQLITE_ERROR" ||
    [AlreadyExists, NotADirectory, NotCapable, PermissionDenied].some((kind) => error instanceof kind) ||
    /read-only|os error (28|30)/i.test(messageOf(error));
}

function hintOf(message: string, readOnly: boolean, what: "ledger" | "lock"): string {
  if (/full|os error 28/i.test(message)) {
    return "free some space, and run the command again: what was begun goes on";
  }
  if (/disk I\/O/i.test(message)) {
    return "the disk may be full or failing; then run the command again: what was begun goes on";
  }
  if (readOnly) {
    return "this command writes beside its ledger: give it a folder that can be written, or name another file with [ledger] path";
  }
  return what === "lock"
    ? "check the disk and the folder's permissions; a damaged lock file may be deleted"
    : "check the disk and the file's permissions";
}
