/**
 * Takes a compression and gives a stream that undoes it. Members one after the other and frames to be skipped are
 * read, checksums are checked; what is cut off or damaged is an error with the byte where it was found, never a short
 * result. gzip is the runtime's; the others are the reference decoders, compiled to WebAssembly by
 * `deno task codec`. Reads nothing but that module.
 */
import type { Buffer } from "node:buffer";
import { createGunzip } from "node:zlib";
import { CrochetError, messageOf } from "./error.ts";
import type { Compression } from "./ingest_format.ts";

type Bytes = Uint8Array<ArrayBuffer>;
/** A stream that takes bytes and gives bytes. */
export type ByteTransform = TransformStream<Bytes, Bytes>;

/** What was wrong with compressed bytes, in words; the file is named by who knows it. */
function damaged(compression: Compression, what: string, offset: number): CrochetError {
  return new CrochetError("DATA_DAMAGED", `The ${compression} data ${what} at byte ${offset}`, {
    hint: "fetch or make the file again",
    data: { compression, offset },
  });
}

const CUT = "ends before its end";

/** A stream that decompresses. @throws CrochetError DATA_DAMAGED, through the stream */
export function decompression(compression: Compression): ByteTransform {
  switch (compression) {
    case "none":
      return new TransformStream();
    case "gzip":
      // DecompressionStream takes one member only, and no zeros behind it.
      return gunzip(createGunzip({ chunkSize: 1 << 17 }));
    case "snappy":
      return new TransformStream(new SnappyReader());
    default:
      return new TransformStream(new MemberReader(compression));
  }
}

/** A large piece may become a thousand times as large; in small ones, the reader can hold it up. */
const PIECE = 1 << 16;

function gunzip(inner: ReturnType<typeof createGunzip>): ByteTransform {
  let taken = 0;
  let over = false;
  let failure: CrochetError | undefined;
  let settle = () => {};
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
  /** Waits until the inner stream has done something, fails or is over: behind its end it answers no more. */
  const wait = async (begin: (done: () => void) => void) => {
    const done = new Promise<void>((resolve) => {
      settle = resolve;
      begin(resolve);
    });
    await Promise.race([done, isOver]);
    if (failure) throw failure;
  };
  return new TransformStream({
    start(controller) {
      inner.on("data", (chunk: Buffer) => controller.enqueue(new Uint8Array(chunk)));
      inner.on("end", () => {
        over = true;
        end();
      });
      inner.on("error", (error: Error) => {
        const isCut = /unexpected end/.test(error.message);
        failure = damaged(
          "gzip",
          isCut ? CUT : "is damaged",
          isCut ? taken : Math.min(taken, position(inner)),
        );
        settle();
      });
    },
    async transform(chunk) {
      for (let from = 0; from < chunk.length; from += PIECE) {
        const piece = chunk.subarray(from, from + PIECE);
        if (!over) await wait((done) => inner.write(piece, () => done()));
        // Zeros may fill the file up; nothing else may follow.
        const rest = over
          ? piece.subarray(Math.max(0, position(inner) - taken))
          : piece.subarray(piece.length);
        if (rest.some((byte) => byte !== 0)) {
          throw damaged("gzip", PROBLEMS[-3], Math.max(taken, position(inner)));
        }
        taken += piece.length;
      }
    },
    async flush() {
      if (taken === 0) throw damaged("gzip", CUT, 0);
      if (!over) {
        await wait((done) => {
          inner.once("end", done);
          inner.end();
        });
      }
    },
    cancel() {
      inner.destroy();
    },
  });
}

/** How many bytes the inner stream has used. */
function position(inner: unknown): number {
  return (inner as { bytesWritten?: number }).bytesWritten ?? 0;
}

/** The functions of the module; what they do stands in scripts/codec/codec.c. */
interface CodecExports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  input_buffer(): number;
  output_buffer(): number;
  buffer_size(): number;
  consumed_bytes(): number;
  produced_bytes(): number;
  begin(kind: number, windowLog: number): number;
  step(from: number, size: number, last: number): number;
  reserve(size: number): number;
  release(block: number): void;
  snappy_block(from: number, size: number, to: number, room: number): number;
  snappy_checksum(from: number, size: number): number;
}

let module: WebAssembly.Module | undefined;

function instantiate(): CodecExports {
  module ??= new WebAssembly.Module(Deno.readFileSync(new URL("./ingest_codec.wasm", import.meta.url)));
  const codec = new WebAssembly.Instance(module).exports as unknown as CodecExports;
  codec._initialize();
  return codec;
}

const KINDS = { bzip2: 1, xz: 2, lz4: 3, zstd: 4, brotli: 5 } as const;

/** The largest window is 128 MB, as the tools themselves have it. */
const WINDOW_LOG = 27;

const MEMBER_END = 1;

const PROBLEMS: Record<number, string> = {
  [-1]: "is damaged",
  [-2]: "does not fit its checksum",
  [-3]: "stops being of that format",
  [-4]: "needs a window of more than 128 MB to decompress",
  [-5]: "asks for something that this version cannot do",
  [-6]: "needs more memory than there is",
};

/** Reads bzip2, xz, lz4, zstd and brotli: members, one after the other. */
class MemberReader implements Transformer<Bytes, Bytes> {
  private readonly codec = instantiate();
  private readonly input = this.codec.input_buffer();
  private readonly output = this.codec.output_buffer();
  private readonly size = this.codec.buffer_size();
  /** Bytes that lie in the input buffer. */
  private held = 0;
  /** Bytes of the file that were used up. */
  private used = 0;
  /** Does what was used up end with a whole member? */
  private isWhole = false;

  constructor(private readonly compression: keyof typeof KINDS) {
    this.check(this.codec.begin(KINDS[compression], WINDOW_LOG));
  }

  transform(chunk: Bytes, controller: TransformStreamDefaultController<Bytes>): void {
    for (let from = 0; from < chunk.length;) {
      const part = chunk.subarray(from, from + this.size - this.held);
      new Uint8Array(this.codec.memory.buffer, this.input + this.held).set(part);
      this.held += part.length;
      from += part.length;
      // The first bytes of a member tell what it is, and are looked at together.
      if (this.held >= 4) this.work(controller, false);
    }
  }

  flush(controller: TransformStreamDefaultController<Bytes>): void {
    this.work(controller, true);
    if (!this.isWhole || this.used === 0) throw damaged(this.compression, CUT, this.used + this.held);
  }

  private work(controller: TransformStreamDefaultController<Bytes>, last: boolean): void {
    const { codec } = this;
    let at = 0;
    for (;;) {
      if (this.held - at < (last ? 1 : 4) && this.isWhole && !(last && this.compression === "xz")) break;
      const status = codec.step(at, this.held - at, last ? 1 : 0);
      const [taken, made] = [codec.consumed_bytes(), codec.produced_bytes()];
      at += taken;
      this.used += taken;
      if (made > 0) {
        controller.enqueue(
          new Uint8Array(codec.memory.buffer.slice(this.output, this.output + made) as ArrayBuffer),
        );
      }
      this.check(status);
      this.isWhole = status === MEMBER_END;
      if (taken === 0 && made === 0) break;
    }
    const memory = new Uint8Array(codec.memory.buffer);
    memory.copyWithin(this.input, this.input + at, this.input + this.held);
    this.held -= at;
  }

  private check(status: number): void {
    if (status < 0) throw damaged(this.compression, PROBLEMS[status], this.used);
  }
}

/** "sNaPpY" as the first chunk of framed snappy has it. */
const FRAMED = [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];

/** A raw block is held as a whole, so it must not be larger than this. */
const RAW_LIMIT = 64 << 20;

/** Reads snappy: framed, in the blocks of Hadoop, or one raw block. */
class SnappyReader implements Transformer<Bytes, Bytes> {
  private readonly codec = instantiate();
  private pending = new Uint8Array(0);
  private used = 0;
  private layout: "framed" | "hadoop" | "raw" | undefined;
  /** What is still to come of the present block of Hadoop. */
  private left = 0;
  /** Place and size of memory for a block and for its text. */
  private readonly room = { from: 0, to: 0, size: 0, made: 0 };

  transform(chunk: Bytes, controller: TransformStreamDefaultController<Bytes>): void {
    const joined = new Uint8Array(this.pending.length + chunk.length);
    joined.set(this.pending);
    joined.set(chunk, this.pending.length);
    this.pending = joined;
    if (this.layout === undefined && joined.length < FRAMED.length) return;
    this.layout ??= layoutOf(joined);
    this.work(controller);
    if (this.layout === "raw" && this.pending.length > RAW_LIMIT) {
      throw damaged(
        "snappy",
        "is one raw block of more than 64 MB, which cannot be read in parts,",
        this.used,
      );
    }
  }

  flush(controller: TransformStreamDefaultController<Bytes>): void {
    this.layout ??= layoutOf(this.pending);
    if (this.layout === "raw") {
      controller.enqueue(this.block(this.pending, rawLength(this.pending)));
      return;
    }
    this.work(controller);
    if (this.pending.length > 0 || this.left > 0 || this.used === 0) {
      throw damaged("snappy", CUT, this.used + this.pending.length);
    }
  }

  private work(controller: TransformStreamDefaultController<Bytes>): void {
    const view = new DataView(this.pending.buffer);
    let at = 0;
    const { length } = this.pending;
    const pass = (size: number) => {
      at += size;
      this.used += size;
    };
    while (this.layout === "framed" && length - at >= 4) {
      const kind = this.pending[at];
      const size = view.getUint32(at, true) >>> 8;
      if (length - at < 4 + size) break;
      const body = this.pending.subarray(at + 4, at + 4 + size);
      if (kind <= 1) {
        if (size < 4) throw damaged("snappy", "is damaged", this.used);
        const text = this.block(body.subarray(4), 1 << 16, kind === 1);
        if (this.codec.snappy_checksum(this.room.to, text.length) >>> 0 !== view.getUint32(at + 4, true)) {
          throw damaged("snappy", "does not fit its checksum", this.used);
        }
        controller.enqueue(text);
      } else if (kind === 0xff) {
        if (size !== 6 || FRAMED.slice(4).some((byte, i) => body[i] !== byte)) {
          throw damaged("snappy", "is damaged", this.used);
        }
      } else if (kind < 0x80) throw damaged("snappy", "has a chunk of an unknown kind", this.used);
      pass(4 + size);
    }
    while (this.layout === "hadoop" && length - at >= 4) {
      if (this.left === 0) {
        this.left = view.getUint32(at);
        if (this.left > RAW_LIMIT) throw damaged("snappy", "is damaged", this.used);
        pass(4);
        continue;
      }
      const size = view.getUint32(at);
      if (size > RAW_LIMIT) throw damaged("snappy", "is damaged", this.used);
      if (length - at < 4 + size) break;
      const text = this.block(this.pending.subarray(at + 4, at + 4 + size), this.left);
      if (text.length === 0) throw damaged("snappy", "is damaged", this.used);
      this.left -= text.length;
      controller.enqueue(text);
      pass(4 + size);
    }
    this.pending = this.pending.slice(at);
  }

  /** The text of a raw block, of `most` bytes at most; or the block itself, where it is stored plainly. */
  private block(bytes: Uint8Array, most: number, isPlain = false): Bytes {
    const { codec, room } = this;
    if (room.size < bytes.length || room.made < most) {
      codec.release(room.from);
      codec.release(room.to);
      Object.assign(room, { size: bytes.length, made: Math.max(most, bytes.length) });
      Object.assign(room, { from: codec.reserve(room.size), to: codec.reserve(room.made) });
      if (!room.from || !room.to) throw damaged("snappy", PROBLEMS[-6], this.used);
    }
    new Uint8Array(codec.memory.buffer, isPlain ? room.to : room.from).set(bytes);
    const made = isPlain ? bytes.length : codec.snappy_block(room.from, bytes.length, room.to, most);
    if (made < 0 || made > most) throw damaged("snappy", "is damaged", this.used);
    return new Uint8Array(codec.memory.buffer.slice(room.to, room.to + made) as ArrayBuffer);
  }
}

/** Blocks of Hadoop begin with their length, highest byte first; a raw block with its own, lowest first. */
function layoutOf(head: Uint8Array): "framed" | "hadoop" | "raw" {
  if (head.length === 0 || FRAMED.every((byte, i) => head[i] === byte)) return "framed";
  return head.length > 8 && head[0] === 0 ? "hadoop" : "raw";
}

function rawLength(block: Uint8Array): number {
  let length = 0;
  for (let i = 0; i < 5 && i < block.length; i++) {
    length += (block[i] & 127) * 2 ** (7 * i);
    if (block[i] < 128) return Math.min(length, RAW_LIMIT * 4);
  }
  return 0;
}

/** Gives an error of a stream the name of its file. */
export function named(error: unknown, file: string): unknown {
  if (!(error instanceof CrochetError)) {
    return new CrochetError("FILE_UNREADABLE", `Reading "${file}" failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
  error.at ??= { file };
  return error;
}
