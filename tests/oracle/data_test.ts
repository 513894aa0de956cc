/**
 * Data files as the world's own libraries make them (gzip, bzip2, xz, zstd, lz4, snappy, brotli, pyarrow), whole and
 * damaged, and Python's csv module as the judge of generated texts.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { isMarked } from "../../lib/graph_value.ts";
import { parseFile } from "../../lib/ingest.ts";
import { decompression } from "../../lib/ingest_codec.ts";
import { CsvReader } from "../../lib/ingest_csv.ts";
import { kindOf } from "../../lib/ingest_format.ts";
import { join } from "../../lib/path.ts";
import { randomFrom, withFolder } from "../harness.ts";

function python(): string {
  const path = Deno.env.get("CROCHET_DATA_PYTHON");
  if (!path) throw new Error("CROCHET_DATA_PYTHON is not set: run these tests with `deno task oracle`");
  return path;
}

/** Runs `data.py`; gives what it prints. */
async function ask(args: string[], input = ""): Promise<string> {
  const script = new URL("data.py", import.meta.url).pathname;
  const child = new Deno.Command(python(), { args: ["-B", script, ...args], stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close());
  const [out, { code }] = await Promise.all([child.stdout.text(), child.status, written]);
  assert.equal(code, 0);
  return out;
}

/** SHA-256 of what a file holds, read in pieces of a size; null where it is refused. */
async function digestOf(path: string, size: number): Promise<string | null> {
  const bytes = Deno.readFileSync(path);
  let at = 0;
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += size));
    },
  }, { highWaterMark: 0 });
  const hash = createHash("sha256");
  try {
    for await (
      const piece of source.pipeThrough(decompression(kindOf(path, { format: "csv" }).compression))
    ) {
      hash.update(piece);
    }
    return hash.digest("hex");
  } catch (error) {
    assert.match((error as Error).message, / at byte \d+$/, path);
    return null;
  }
}

Deno.test("every compression as its own library writes it, whole, in members, cut, flipped, with garbage behind", async () => {
  await withFolder(async (folder) => {
    await ask(["archives", folder]);
    const manifest: Record<string, string | null | ["any", string]> = JSON.parse(
      Deno.readTextFileSync(join(folder, "manifest.json")),
    );
    assert.ok(Object.keys(manifest).length > 150);
    for (const [name, text] of Object.entries(manifest)) {
      for (const size of [65_536, 4_099]) {
        const found = await digestOf(join(folder, name), size);
        // A bit that no checksum covers may be flipped, but then the text is the right one.
        if (Array.isArray(text)) {
          const isCovered = !/\.(br|snappy)$/.test(name);
          if (isCovered) assert.ok(found === null || found === text[1], `${name} in pieces of ${size}`);
        } else assert.equal(found, text, `${name} in pieces of ${size}`);
      }
    }
    // Byte by byte: where a piece ends changes nothing.
    for (const name of Object.keys(manifest).filter((name) => /^(tiny|empty|zero_bytes|only)/.test(name))) {
      assert.equal(await digestOf(join(folder, name), 1), manifest[name], `${name} byte by byte`);
    }
  });
});

/** Values in words that JSON has: marked ones with their kind, large numbers and floats as texts. */
function plain(value: unknown): unknown {
  if (isMarked(value)) return `${value["crochet:type"]} ${"value" in value ? value.value : ""}`;
  if (value instanceof Uint8Array) return `0x${value.toHex()}`;
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isInteger(value))) {
    return String(value);
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

Deno.test("Parquet of every type, codec and encoding that pyarrow writes keeps every value exact", async () => {
  await withFolder(async (folder) => {
    await ask(["parquet", folder]);
    const manifest: Record<string, Record<string, unknown[]>> = JSON.parse(
      Deno.readTextFileSync(join(folder, "manifest.json")),
    );
    for (const [name, columns] of Object.entries(manifest)) {
      const { records, columnNames, rowCount } = await parseFile(join(folder, name));
      assert.deepEqual(columnNames, Object.keys(columns), name);
      for (const [column, values] of Object.entries(columns)) {
        assert.equal(rowCount, values.length, name);
        const found = records.map((record) => plain(record[column]));
        const isText = values.some((value) => typeof value === "string");
        const words = isText
          ? found.map((value) => typeof value === "number" ? String(value) : value)
          : found;
        assert.deepEqual(words, values, `${name} ${column}`);
      }
    }
    const selected = await parseFile(join(folder, "page_index.parquet"), { select: ["s"] });
    assert.deepEqual(selected.records[1], { s: "név1" });
    const path = join(folder, "codec_zstd_2.0.parquet");
    const bytes = Deno.readFileSync(path);
    for (const damaged of [bytes.slice(0, -1), bytes.slice(0, 100), bytes.slice(100)]) {
      Deno.writeFileSync(path, damaged);
      await assert.rejects(parseFile(path), /cannot be read as Parquet|it is no Parquet/);
    }
  });
});

Deno.test("CsvReader reads generated texts as Python's csv module does, or refuses them", async () => {
  const random = randomFrom(Math.floor(Date.now() / 86_400_000));
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  const texts = Array.from({ length: 3000 }, () => {
    const width = 1 + Math.floor(random() * 3);
    const end = pick(["\n", "\r\n"]);
    const cell = () =>
      pick(["a", "é", "1", "", '""', '"a"', '"a,b"', '"a""b"', `"a${end}b"`, " x", 'a"b', "'", "😀"]);
    const row = () => Array.from({ length: width }, cell).join(",");
    const header = Array.from({ length: width }, (_, i) => `c${i}`).join(",");
    const body = Array.from({ length: Math.floor(random() * 4) }, row);
    const text = [header, ...body].join(end) + pick(["", end]);
    // Some are spoilt: most of these must be refused, or be read alike.
    if (random() > 0.3) return text;
    const at = Math.floor(random() * text.length);
    return text.slice(0, at) + pick(['"', ",", "\n", "x"]) + text.slice(at);
  });
  const judged: (string[][] | string)[] = JSON.parse(await ask(["csv"], JSON.stringify(texts)));
  let read = 0;
  for (const [i, text] of texts.entries()) {
    let rows: unknown[][];
    try {
      const reader = new CsvReader("f.csv", { nulls: [] });
      const chunks = [reader.push(text), reader.end()];
      rows = [[...chunks[1].columns], ...chunks.flatMap((chunk) => chunk.rows)];
    } catch {
      continue;
    }
    read++;
    assert.deepEqual(rows, judged[i], JSON.stringify(text));
  }
  assert.ok(read > 2000, `${read} were read`);
});
