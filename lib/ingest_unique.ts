/**
 * Takes the keys of rows, as many as there are, and finds those that come twice. The first half million are held as
 * they are, and answered at once; more go as digests of 128 bits into files of a folder that goes away, which are
 * sorted one by one at the end. So memory stays flat, and two keys are taken for one with a chance of 1 in 2^75.
 */
import { hash } from "node:crypto";
import { join } from "./path.ts";
import type { UniqueIndex } from "./ingest_check.ts";

/** How many keys are held. */
const HELD = 500_000;

/** Into how many files digests go, by their first byte; each is sorted in memory. */
const PARTS = 256;

/** A digest and the place of its row. */
const ENTRY = 24;

/** Bytes of a part that are written together. */
const BUFFER = ENTRY * 2048;

/** Finds keys that come twice. Close it when done. */
export class UniqueKeys implements UniqueIndex {
  private readonly held = new Map<string, number>();
  private spill: Spill | undefined;

  /** `most` keys are held in memory. */
  constructor(private readonly most: number = HELD) {}

  /** Takes a key; says where it was before, where that is known at once. */
  add(key: string, at: number): number | undefined {
    const before = this.held.get(key);
    if (before !== undefined) return before;
    if (this.held.size < this.most) {
      this.held.set(key, at);
      return undefined;
    }
    this.spill ??= new Spill();
    this.spill.add(key, at);
    return undefined;
  }

  /** Pairs that were not known at once, in no order. */
  *finish(): Iterable<[at: number, before: number]> {
    if (this.spill) yield* this.spill.pairs();
  }

  /** Removes the files. */
  close(): void {
    this.spill?.close();
  }
}

class Spill {
  private readonly folder = Deno.makeTempDirSync({ prefix: "crochet-unique-" });
  private readonly parts: ({ view: DataView<ArrayBuffer>; used: number } | undefined)[] = new Array(PARTS);

  add(key: string, at: number): void {
    const digest = hash("sha256", key, "hex");
    const number = parseInt(digest.slice(0, 2), 16);
    const part = this.parts[number] ??= { view: new DataView(new ArrayBuffer(BUFFER)), used: 0 };
    for (let word = 0; word < 4; word++) {
      part.view.setUint32(part.used + word * 4, parseInt(digest.slice(word * 8, word * 8 + 8), 16));
    }
    part.view.setFloat64(part.used + 16, at);
    part.used += ENTRY;
    if (part.used === BUFFER) this.flush(number);
  }

  private flush(number: number): void {
    const part = this.parts[number]!;
    const bytes = new Uint8Array(part.view.buffer, 0, part.used);
    Deno.writeFileSync(join(this.folder, String(number)), bytes, { append: true });
    part.used = 0;
  }

  *pairs(): Iterable<[number, number]> {
    for (let part = 0; part < PARTS; part++) {
      if (!this.parts[part]) continue;
      this.flush(part);
      const bytes = Deno.readFileSync(join(this.folder, String(part)));
      const view = new DataView(bytes.buffer);
      const order = new Uint32Array(bytes.length / ENTRY).map((_, i) => i);
      const word = (i: number, at: number) => view.getBigUint64(i * ENTRY + at);
      const place = (i: number) => view.getFloat64(i * ENTRY + 16);
      order.sort((a, b) => {
        const [x, y] = [word(a, 0), word(b, 0)];
        if (x !== y) return x < y ? -1 : 1;
        const [u, v] = [word(a, 8), word(b, 8)];
        return u === v ? place(a) - place(b) : u < v ? -1 : 1;
      });
      let first = 0;
      for (let i = 1; i < order.length; i++) {
        const isSame = word(order[i], 0) === word(order[first], 0) &&
          word(order[i], 8) === word(order[first], 8);
        if (isSame) yield [place(order[i]), place(order[first])];
        else first = i;
      }
    }
  }

  close(): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}
