/**
 * Takes what the driver or the server said and gives an error that says what failed, at which endpoint, and what to
 * check. Knows the codes and the words; never connects.
 */
import type { GraphSettings } from "./config.ts";
import { CrochetError, messageOf } from "./error.ts";
import { oneLine } from "./text.ts";

/** Where it was said. */
export interface GraphPlace {
  uri: string;
  settings: GraphSettings;
}

/** What the driver or the server said, as an error of ours; our own errors pass through. */
export function graphError(error: unknown, at: GraphPlace, statement?: string): unknown {
  if (error instanceof CrochetError) return error;
  const code = (error as { code?: string })?.code ?? "";
  if (typeof code !== "string" || code === "") return error;
  const where = `"${at.uri}"`;
  const message = oneLine(messageOf(error), 600);
  // The driver tells the cause at the end of much advice.
  const whole = oneLine(messageOf(error), 2000);
  if (
    code === "Neo.ClientError.Security.Unauthorized" ||
    code === "Neo.ClientError.Security.AuthenticationRateLimit" ||
    code === "Neo.ClientError.Security.CredentialsExpired"
  ) {
    return new CrochetError(
      "UNAUTHORIZED",
      `Connecting to ${where} failed: the server refuses the user "${at.settings.username}" with this password`,
      {
        cause: error,
        hint:
          `check the user name and ${at.settings.passwordVariable}; after several tries the server refuses for a while`,
      },
    );
  }
  if (code === "Neo.ClientError.Database.DatabaseNotFound") {
    return new CrochetError(
      "DATABASE_UNKNOWN",
      `The database "${at.settings.database ?? ""}" does not exist at ${where}`,
      {
        cause: error,
        hint: "check database in crochet.toml, or CROCHET_NEO4J_DATABASE",
      },
    );
  }
  if (code === "ServiceUnavailable" || code === "SessionExpired") {
    return new CrochetError(
      "CONNECTION_FAILED",
      `The connection to ${where} failed: ${connectionProblem(whole)}`,
      {
        cause: error,
        hint: connectionHint(whole, at.uri),
      },
    );
  }
  const own = Object.assign(
    new CrochetError(
      isStatementFault(code) ? "STATEMENT_REFUSED" : "GRAPH_REFUSED",
      `The graph refused a statement: ${message}`,
      {
        cause: error,
        hint: refusalHint(code, message),
        data: { code, ...(statement ? { statement } : {}) },
      },
    ),
    { serverCode: code },
  );
  return own;
}

/** Is it the statement or the data that must change, and not the server or a privilege? */
function isStatementFault(code: string): boolean {
  return /^Neo\.ClientError\.(Statement|Schema|Procedure)\.|Schema\.ConstraintCreationFailed$/.test(code);
}

/** Code of the server behind one of our errors, "" where there is none. */
export function serverCode(error: unknown): string {
  return (error as { serverCode?: string })?.serverCode ?? "";
}

function connectionProblem(message: string): string {
  if (/ECONNREFUSED|refused/i.test(message)) return "nothing answers there";
  if (/ENOTFOUND|EAI_AGAIN|getaddrinfo|dns/i.test(message)) return "the host name is not known";
  if (/ALTNAME|NotValidForName/i.test(message)) return "the server's certificate is for another host name";
  if (/is not trusted|self.signed|unable to (get|verify)|UnknownIssuer/i.test(message)) {
    return "the server's certificate is not trusted";
  }
  if (/before secure TLS|wrong version number|InvalidContentType/i.test(message)) {
    return "the server does not speak TLS there";
  }
  if (/certificate|SSL|TLS|handshake/i.test(message)) {
    return `the encryption does not fit (${oneLine(message.replace(/^.*Caused by: /, ""), 160)})`;
  }
  if (/timed? ?out/i.test(message)) return "there was no answer in time";
  return oneLine(message, 200);
}

function connectionHint(message: string, uri: string): string {
  const problem = connectionProblem(message);
  if (problem.includes("not trusted")) {
    return "name the authority that signed it: ca_file in crochet.toml, or CROCHET_NEO4J_CA_FILE; +ssc trusts any certificate";
  }
  if (problem.includes("does not speak TLS")) {
    return `write the URI without +s: ${uri.replace(/\+s(sc)?:/, ":")}`;
  }
  return "check that the server runs and that the URI is right; crochet dev up starts a scratch server";
}

function refusalHint(code: string, message: string): string {
  if (/ConstraintValidationFailed|ConstraintCreationFailed/.test(code)) {
    return /Enterprise Edition/.test(message)
      ? "this constraint needs Neo4j Enterprise Edition"
      : "clean the data that is in the way, and run crochet upgrade again";
  }
  if (/Forbidden|AuthorizationFailed/.test(code)) return "ask an administrator for the privilege";
  if (/SyntaxError/.test(code)) return "correct the Cypher in the migration";
  return "correct the migration or the graph, and run crochet upgrade again";
}
