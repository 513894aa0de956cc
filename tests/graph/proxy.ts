/**
 * A TCP proxy before a Neo4j server that sees every request of a client, in order, and does to it what a test says:
 * lets it pass, holds it, cuts the connection before it or after the server's answer, which then never arrives.
 */

/** What a client sent in one piece. */
export interface Request {
  /** From 1, over all connections. */
  number: number;
  /** Does it ask for a commit? */
  isCommit: boolean;
}

/** What becomes of a request. */
export type Fate =
  | "pass"
  /** Both sides are closed, and the server never sees it. */
  | "cut"
  /** The server gets it and answers; the answer is dropped, and both sides are closed. */
  | "drop answer"
  /** The server gets it and no more after it; the client may still get the answer. */
  | "half-close"
  /** The server gets it and answers; nothing arrives any more, and nothing is closed. */
  | "stall";

/** COMMIT as Bolt frames it: a chunk of two bytes, a structure without fields of signature 0x12, the end. */
const COMMIT = [0x00, 0x02, 0xb0, 0x12, 0x00, 0x00];

/** The proxy; close it when done. */
export class Proxy {
  /** Requests so far. */
  requests = 0;
  /** Decides about each request; by default all of them pass. */
  decide: (request: Request) => Promise<Fate> | Fate = () => "pass";
  /** Is told when the server has answered a request that `decide` looked at last. */
  answered: () => void = () => {};
  private readonly listener: Deno.TcpListener;
  private readonly open = new Set<Deno.TcpConn>();

  constructor(private readonly server: { hostname: string; port: number }) {
    this.listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.accept();
  }

  /** Where clients connect. */
  get uri(): string {
    return `bolt://127.0.0.1:${this.listener.addr.port}`;
  }

  /** Ends every connection, and the proxy. */
  close(): void {
    this.listener.close();
    for (const connection of this.open) end(connection);
  }

  private async accept(): Promise<void> {
    for await (const client of this.listener) this.join(client).catch(() => {});
  }

  private async join(client: Deno.TcpConn): Promise<void> {
    this.open.add(client);
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect(this.server);
    } catch {
      end(client);
      return;
    }
    this.open.add(server);
    for (const connection of [client, server]) connection.setNoDelay();
    const both = () => {
      for (const connection of [client, server]) {
        end(connection);
        this.open.delete(connection);
      }
    };
    let isDropping = false;
    let onDropped = () => {};
    const upstream = (async () => {
      for await (const data of pieces(client)) {
        const request = { number: ++this.requests, isCommit: contains(data, COMMIT) };
        const fate = await this.decide(request);
        if (fate === "cut") return both();
        if (fate === "drop answer") {
          isDropping = true;
          onDropped = both;
        }
        if (fate === "stall") isDropping = true;
        await writeAll(server, data);
        if (fate === "half-close") {
          await server.closeWrite();
          return;
        }
      }
      both();
    })();
    const downstream = (async () => {
      for await (const data of pieces(server)) {
        this.answered();
        if (!isDropping) await writeAll(client, data);
        else onDropped();
      }
      if (!isDropping) both();
    })();
    await Promise.all([upstream.catch(both), downstream.catch(both)]);
  }
}

async function* pieces(connection: Deno.TcpConn): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(65536);
  for (;;) {
    const n = await connection.read(buffer);
    if (n === null) return;
    yield buffer.slice(0, n);
  }
}

async function writeAll(connection: Deno.TcpConn, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
}

function contains(data: Uint8Array, part: number[]): boolean {
  for (let at = data.indexOf(part[0]); at !== -1; at = data.indexOf(part[0], at + 1)) {
    if (part.every((byte, i) => data[at + i] === byte)) return true;
  }
  return false;
}

function end(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
