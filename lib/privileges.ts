/**
 * Takes what a user may do, as `SHOW USER PRIVILEGES AS COMMANDS` lists it, and the operations of a plan, and says
 * which privileges are probably missing. Privileges are Enterprise Edition's; this was written from the Cypher manual
 * and has not been run there, so what it says is a warning, and the server has the last word.
 */
import { statementKind } from "./cypher_text.ts";
import type { Operation } from "./operation.ts";
import { isConstraint } from "./schema.ts";

/** A privilege that a run needs, in the manual's words. */
export type Privilege = "CREATE CONSTRAINT" | "DROP CONSTRAINT" | "CREATE INDEX" | "DROP INDEX" | "WRITE";

/** The privileges that operations need. */
export function neededPrivileges(operations: Operation[]): Set<Privilege> {
  // The record is written in every run.
  const needed = new Set<Privilege>(["WRITE"]);
  for (const operation of operations) {
    if (operation.kind !== "schema") continue;
    const what = isConstraint(operation.shape.kind) ? "CONSTRAINT" : "INDEX";
    needed.add(operation.action === "add" ? `CREATE ${what}` : `DROP ${what}`);
  }
  const hasOwnSchema = operations.some((operation) =>
    operation.kind === "cypher" && statementKind(operation.cypher) === "schema"
  );
  if (hasOwnSchema) needed.add("CREATE INDEX").add("CREATE CONSTRAINT");
  return needed;
}

/** What covers a privilege besides itself. */
const COVERED_BY: Record<Privilege, RegExp> = {
  "CREATE CONSTRAINT": /^(CREATE CONSTRAINT|CONSTRAINT( MANAGEMENT)?|ALL( DATABASE)?( PRIVILEGES)?)$/,
  "DROP CONSTRAINT": /^(DROP CONSTRAINT|CONSTRAINT( MANAGEMENT)?|ALL( DATABASE)?( PRIVILEGES)?)$/,
  "CREATE INDEX": /^(CREATE INDEX|INDEX( MANAGEMENT)?|ALL( DATABASE)?( PRIVILEGES)?)$/,
  "DROP INDEX": /^(DROP INDEX|INDEX( MANAGEMENT)?|ALL( DATABASE)?( PRIVILEGES)?)$/,
  WRITE: /^(WRITE|ALL( GRAPH)?( PRIVILEGES)?)$/,
};

/**
 * Privileges that no command grants, or that one denies.
 *
 * @example
 * ```ts
 * import { missingPrivileges } from "./privileges.ts";
 * import assert from "node:assert/strict";
 * const commands = ["GRANT WRITE ON GRAPH * TO `editor`", "GRANT CREATE INDEX ON DATABASE `other` TO `editor`"];
 * assert.deepEqual(missingPrivileges(commands, "neo4j", new Set(["WRITE", "CREATE INDEX"])), ["CREATE INDEX"]);
 * ```
 */
export function missingPrivileges(
  commands: string[],
  database: string,
  needed: ReadonlySet<Privilege>,
): Privilege[] {
  const rows = commands.flatMap((command) => {
    const match =
      /^(GRANT|DENY) (?:IMMUTABLE )?(.+?) ON (?:HOME |DEFAULT )?(?:DATABASE|GRAPH)S?(?: (.+?))?(?: (?:TO|ELEMENTS?|NODES?|RELATIONSHIPS?|FOR) .*)?$/i
        .exec(command.trim());
    if (!match) return [];
    const [, access, action, scope = "*"] = match;
    const names = scope.split(",").map((name) => name.trim().replace(/^`|`$/g, ""));
    return names.includes("*") || names.includes(database)
      ? [{ access: access.toUpperCase(), action: action.toUpperCase() }]
      : [];
  });
  return [...needed].filter((privilege) => {
    const covering = rows.filter(({ action }) => COVERED_BY[privilege].test(action));
    return !covering.some(({ access }) => access === "GRANT") ||
      covering.some(({ access }) => access === "DENY");
  });
}
