/**
 * Takes the settings of a graph and gives a connection: reads, write transactions, statements that the server
 * commits by itself. Values cross as JavaScript values; what the server or the network says becomes an error of ours
 * with the endpoint and what to check. The only file that knows the driver; it is loaded when a command connects.
 */
import type {
  BookmarkManager,
  Config,
  Driver,
  ManagedTransaction,
  Record as DriverRecord,
  ResultSummary,
  Session,
} from "neo4j-driver";
import { checkUri, type GraphSettings } from "./config.ts";
import { CrochetError, messageOf } from "./error.ts";
import { graphError } from "./graph_error.ts";
import { float, isMarked, type MarkedValue, parseTemporal } from "./graph_value.ts";
import type { Row } from "./operation_arguments.ts";
import type { ServerFeatures } from "./server_features.ts";

/** What the server says of itself. */
export interface ServerInfo extends ServerFeatures {
  versionText: string;
  database: string;
  /** Id that the server gave the database when it was made. */
  databaseId: string;
}

/** Rows of a statement, and what the server says it did. */
export interface Answer {
  rows: Row[];
  /** `r` read, `w` write, `rw` both, `s` schema. */
  queryType: string;
  /** Operator names of the plan, where the statement was an EXPLAIN. */
  operators: string[];
}

/** A transaction in which statements run. */
export interface Transaction {
  run(text: string, params?: Row): Promise<Answer>;
}

/** A connection to one database. */
export interface Graph {
  readonly info: ServerInfo;
  /** `host:port/database`, without any secret: what the ledger knows a graph by. */
  readonly address: string;
  /** Runs a read; transient errors are retried. */
  read(text: string, params?: Row): Promise<Row[]>;
  /** Runs a read whose whole floats stay marked as floats: 1.0 is not 1. */
  readExact(text: string): Promise<Row[]>;
  /** Runs a transaction that writes; it may run more than once, since transient errors are retried. */
  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /**
   * Runs a statement that commits by itself (`CALL ... IN TRANSACTIONS`); never retried. A signal ends it: what the
   * server has not committed then is rolled back.
   */
  implicit(text: string, params?: Row, signal?: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

/** How long a connection attempt may take. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Connects and asks the server who it is. @throws CrochetError CONFIG_INVALID, CONNECTION_FAILED, UNAUTHORIZED, DATABASE_UNKNOWN */
export async function connectGraph(settings: GraphSettings, version: string): Promise<Graph> {
  const uri = checkUri(settings.uri);
  if (!settings.password) {
    throw new CrochetError(
      "UNAUTHORIZED",
      `Connecting to "${uri}" failed: no password is set for the user "${settings.username}"`,
      {
        hint: `export ${settings.passwordVariable}=...`,
      },
    );
  }
  const neo4j = await loadDriver();
  const { address, trust } = trusting(uri, settings.caFile);
  const driver = neo4j.driver(address, neo4j.auth.basic(settings.username, settings.password), {
    ...trust,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    connectionAcquisitionTimeout: 60_000,
    maxConnectionPoolSize: 50,
    // The driver waits 1, 2, 4, 8 and 16 s, each up to a fifth more or less, and stops once this time is over: of
    // 30 s, one time in two would be 62.
    maxTransactionRetryTime: 22_000,
    useBigInt: true,
    telemetryDisabled: true,
    userAgent: `crochet/${version}`,
    logging: { level: "error", logger: () => {} },
  });
  const connection = new Neo4jGraph(driver, settings, uri, new Codec(neo4j), neo4j.bookmarkManager());
  try {
    await driver.getServerInfo(settings.database ? { database: settings.database } : {});
    connection.info = await connection.serverInfo();
  } catch (error) {
    await driver.close();
    throw graphError(await directCause(neo4j, address, settings, trust, error), { uri, settings });
  }
  return connection;
}

/** A driver that looks for a cluster says only that it found no server; asked alone, the server says why. */
async function directCause(
  neo4j: Neo4jModule,
  address: string,
  { username, password = "" }: GraphSettings,
  trust: Partial<Config>,
  error: unknown,
): Promise<unknown> {
  if (!/^neo4j/i.test(address) || (error as { code?: string }).code !== "ServiceUnavailable") return error;
  const direct = neo4j.driver(address.replace(/^neo4j/i, "bolt"), neo4j.auth.basic(username, password), {
    ...trust,
    connectionTimeout: CONNECT_TIMEOUT_MS,
  });
  try {
    await direct.getServerInfo();
    return error;
  } catch (cause) {
    return cause;
  } finally {
    await direct.close();
  }
}

/** The driver takes an authority of one's own only where the URI leaves the encryption open. */
function trusting(uri: string, caFile: string | undefined): { address: string; trust: Partial<Config> } {
  if (caFile === undefined) return { address: uri, trust: {} };
  if (!/^(bolt|neo4j)\+s:/i.test(uri)) {
    throw new CrochetError(
      "CONFIG_INVALID",
      `ca_file is set, but "${uri}" does not ask for a checked certificate`,
      {
        hint: "write the URI as bolt+s://... or neo4j+s://..., or take ca_file out",
      },
    );
  }
  let pem: string;
  try {
    pem = Deno.readTextFileSync(caFile);
  } catch (cause) {
    throw new CrochetError("FILE_UNREADABLE", `Reading ca_file "${caFile}" failed: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw new CrochetError("CONFIG_INVALID", `ca_file "${caFile}" holds no certificate in PEM form`, {
      hint: "it begins with -----BEGIN CERTIFICATE-----",
    });
  }
  return {
    address: uri.replace(/\+s:/i, ":"),
    trust: {
      encrypted: "ENCRYPTION_ON",
      trust: "TRUST_CUSTOM_CA_SIGNED_CERTIFICATES",
      trustedCertificates: [caFile],
    },
  };
}

class Neo4jGraph implements Graph {
  info!: ServerInfo;

  constructor(
    private readonly driver: Driver,
    readonly settings: GraphSettings,
    readonly uri: string,
    private readonly codec: Codec,
    private readonly bookmarkManager: BookmarkManager,
  ) {}

  get address(): string {
    return `${addressOf(this.uri)}/${this.info.database}`;
  }

  async serverInfo(): Promise<ServerInfo> {
    const [row] = await this.read(
      "CALL dbms.components() YIELD name, versions, edition WHERE name = 'Neo4j Kernel' " +
        "CALL db.info() YIELD id, name AS database RETURN versions[0] AS version, edition, id, database",
    );
    const versionText = String(row.version);
    return {
      versionText,
      version: versionText.split(/[.-]/).map(Number).filter((part) => !Number.isNaN(part)),
      edition: String(row.edition),
      database: String(row.database),
      databaseId: String(row.id),
    };
  }

  read(text: string, params: Row = {}): Promise<Row[]> {
    return this.inSession("READ", async (session) => {
      const answer = await session.executeRead(async (tx) =>
        this.answer(await tx.run(text, this.codec.encodeRow(params)))
      );
      return answer.rows;
    }, text);
  }

  readExact(text: string): Promise<Row[]> {
    return this.inSession("READ", async (session) => {
      const { records } = await session.executeRead((tx) => tx.run(text));
      return records.map((record) => this.codec.decode(record.toObject(), true) as Row);
    }, text);
  }

  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    let last = "";
    return this.inSession("WRITE", (session) =>
      session.executeWrite((tx: ManagedTransaction) =>
        work({
          run: async (text, params = {}) => {
            last = text;
            return this.answer(await tx.run(text, this.codec.encodeRow(params)));
          },
        })
      ), () => last);
  }

  implicit(text: string, params: Row = {}, signal?: AbortSignal): Promise<Answer> {
    return this.inSession("WRITE", async (session) => {
      // Closing a session resets its connection, and the server ends what runs there.
      const stop = () => void session.close().catch(() => {});
      signal?.addEventListener("abort", stop, { once: true });
      try {
        return this.answer(await session.run(text, this.codec.encodeRow(params)));
      } finally {
        signal?.removeEventListener("abort", stop);
      }
    }, text);
  }

  async close(): Promise<void> {
    await this.driver.close();
  }

  private async inSession<T>(
    mode: "READ" | "WRITE",
    work: (session: Session) => Promise<T>,
    statement: string | (() => string),
  ): Promise<T> {
    const session = this.driver.session({
      defaultAccessMode: mode,
      // In a cluster, what is read here has seen what was written here.
      bookmarkManager: this.bookmarkManager,
      ...(this.settings.database ? { database: this.settings.database } : {}),
    });
    try {
      return await work(session);
    } catch (error) {
      throw graphError(error, this, typeof statement === "string" ? statement : statement());
    } finally {
      await session.close().catch(() => {});
    }
  }

  private answer(result: { records: DriverRecord[]; summary: ResultSummary }): Answer {
    const { plan, queryType } = result.summary;
    const operators: string[] = [];
    const visit = (node: typeof plan): void => {
      if (!node) return;
      operators.push(String(node.operatorType));
      node.children.forEach(visit);
    };
    visit(plan);
    return {
      rows: result.records.map((record) => this.codec.decode(record.toObject()) as Row),
      queryType: queryType ?? "",
      operators,
    };
  }
}

/** `host:port` of a URI, the port filled in. */
export function addressOf(uri: string): string {
  const rest = uri.replace(/^[^:]+:\/\//, "").replace(/[/?#].*$/, "").toLowerCase();
  return /:\d+$/.test(rest) ? rest : `${rest}:7687`;
}

/**
 * The driver sets the prototype of its errors through `__proto__`, which Deno does not have; without this it knows
 * none of them again and retries nothing. May go when `error instanceof Neo4jError` holds for an error it threw.
 */
async function loadDriver() {
  const neo4j = await import("neo4j-driver");
  Object.defineProperty(neo4j.Neo4jError, Symbol.hasInstance, {
    value: (error: unknown) => (error as { name?: string } | null)?.name === "Neo4jError",
    configurable: true,
  });
  return neo4j;
}

type Neo4jModule = Awaited<ReturnType<typeof loadDriver>>;

/** Turns values of migrations into values of the driver and back. */
class Codec {
  constructor(private readonly neo4j: Neo4jModule) {}

  encodeRow(row: Row): Row {
    return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, this.encode(value, key)]));
  }

  /** Whole numbers become integers; everything else keeps its kind. @throws CrochetError OPERATION_INVALID */
  encode(value: unknown, name: string): unknown {
    if (typeof value === "number") {
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
    }
    if (value === undefined || value === null) return null;
    if (typeof value === "bigint" && BigInt.asIntN(64, value) !== value) {
      throw notStorable(name, "a whole number of more than 64 bits");
    }
    if (typeof value !== "object") {
      if (typeof value === "function" || typeof value === "symbol") {
        throw notStorable(name, `a ${typeof value}`);
      }
      return value;
    }
    if (value instanceof Date) return this.neo4j.types.DateTime.fromStandardDate(value);
    if (value instanceof Uint8Array) return new Int8Array(value.buffer, value.byteOffset, value.byteLength);
    if (isMarked(value)) return this.marked(value, name);
    if (Array.isArray(value)) return value.map((item) => this.encode(item, name));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.encode(item, key)]));
  }

  private marked(value: MarkedValue, name: string): unknown {
    const { types } = this.neo4j;
    const kind = value["crochet:type"];
    if (value["crochet:type"] === "float") return value.value;
    if (value["crochet:type"] === "point") {
      return new types.Point(this.neo4j.int(value.srid), value.x, value.y, value.z);
    }
    const t = parseTemporal(value.value);
    if (!t) throw notStorable(name, `"${value.value}", which is no ${kind}`);
    switch (value["crochet:type"]) {
      case "date":
        return new types.Date(t.year, t.month, t.day);
      case "localDateTime":
        return new types.LocalDateTime(t.year, t.month, t.day, t.hour, t.minute, t.second, t.nanosecond);
      case "dateTime": {
        const offset = t.offset ?? (t.zone ? undefined : 0);
        return new types.DateTime(
          t.year,
          t.month,
          t.day,
          t.hour,
          t.minute,
          t.second,
          t.nanosecond,
          offset,
          t.zone,
        );
      }
      case "localTime":
        return new types.LocalTime(t.hour, t.minute, t.second, t.nanosecond);
      case "time":
        return new types.Time(t.hour, t.minute, t.second, t.nanosecond, t.offset ?? 0);
      default:
        return new types.Duration(
          t.year * 12 + t.month,
          t.day,
          t.hour * 3600 + t.minute * 60 + t.second,
          t.nanosecond,
        );
    }
  }

  /** Integers become numbers where they are exact; temporal values and points become texts and plain objects. */
  decode(value: unknown, exact = false): unknown {
    if (exact && typeof value === "number" && Number.isInteger(value)) return float(value);
    if (typeof value === "bigint") {
      return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
        ? Number(value)
        : value;
    }
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map((item) => this.decode(item, exact));
    const { neo4j } = this;
    if (neo4j.isInt(value)) return this.decode(value.toBigInt());
    if (neo4j.isNode(value as object)) {
      const node = value as unknown as { elementId: string; labels: string[]; properties: Row };
      return { elementId: node.elementId, labels: node.labels, properties: this.decode(node.properties) };
    }
    if (neo4j.isRelationship(value as object)) {
      const r = value as unknown as {
        elementId: string;
        type: string;
        startNodeElementId: string;
        endNodeElementId: string;
        properties: Row;
      };
      return {
        elementId: r.elementId,
        type: r.type,
        start: r.startNodeElementId,
        end: r.endNodeElementId,
        properties: this.decode(r.properties),
      };
    }
    const isTemporal = neo4j.isDate(value) || neo4j.isDateTime(value) || neo4j.isLocalDateTime(value) ||
      neo4j.isTime(value) || neo4j.isLocalTime(value) || neo4j.isDuration(value);
    if (isTemporal) return String(value);
    if (neo4j.isPoint(value)) {
      const p = value as unknown as { srid: unknown; x: number; y: number; z?: number };
      return { srid: this.decode(p.srid), x: p.x, y: p.y, ...(p.z === undefined ? {} : { z: p.z }) };
    }
    if (ArrayBuffer.isView(value)) return [...(value as Int8Array)];
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.decode(item, exact)]),
    );
  }
}

function notStorable(name: string, what: string): CrochetError {
  return new CrochetError("OPERATION_INVALID", `The value of "${name}" cannot be stored: it is ${what}`, {
    hint: "give texts, numbers, true or false, dates, or lists of one of these",
  });
}
