/**
 * Builds lib/ingest_codec.wasm from the reference decoders: `deno task codec`, or `deno task codec --check`, which says
 * whether the file is what this builds. Sources come with the crates that carry them (cargo), the compiler with
 * ziglang (PyPI); all versions are pinned, so the same bytes come out everywhere.
 */
import { join } from "../lib/path.ts";
import { exists } from "../lib/project.ts";
import { defaultCacheDir } from "../lib/server.ts";

const ZIG = "0.17.1";
const TARGET = "lib/ingest_codec.wasm";

const home = join(defaultCacheDir(), "codec");
const vendor = join(home, "vendor");
const compiler = await prepareCompiler();
await prepareSources();
const built = join(home, "codec.wasm");
await run(compiler, ["-m", "ziglang", "cc", ...flags(), "-o", built]);
const bytes = Deno.readFileSync(built);
if (Deno.args.includes("--check")) {
  const known = Deno.readFileSync(TARGET);
  const isSame = known.length === bytes.length && known.every((byte, i) => byte === bytes[i]);
  console.log(isSame ? `${TARGET} is what its sources give` : `${TARGET} is not what its sources give`);
  Deno.exit(isSame ? 0 : 1);
}
Deno.writeFileSync(TARGET, bytes);
console.log(`${TARGET}: ${bytes.length} bytes`);

/** A Python with the compiler. */
async function prepareCompiler(): Promise<string> {
  const python = join(home, "venv", "bin", "python");
  if (!exists(join(home, `zig-${ZIG}`))) {
    await run("python3", ["-m", "venv", join(home, "venv")]);
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `ziglang==${ZIG}`]);
    Deno.writeTextFileSync(join(home, `zig-${ZIG}`), "");
  }
  return python;
}

async function prepareSources(): Promise<void> {
  Deno.mkdirSync(home, { recursive: true });
  Deno.copyFileSync("scripts/codec/Cargo.toml", join(home, "Cargo.toml"));
  Deno.writeTextFileSync(join(home, "none.rs"), "");
  await run("cargo", ["vendor", "--quiet", "--versioned-dirs", vendor], home);
}

/** What the compiler is told: flags, folders of headers, files. */
function flags(): string[] {
  const crate = (name: string) =>
    join(vendor, [...Deno.readDirSync(vendor)].find((entry) => entry.name.startsWith(name))!.name);
  const bzip2 = join(crate("bzip2-sys-"), "bzip2-1.0.8");
  const lz4 = join(crate("lz4-sys-"), "liblz4", "lib");
  const zstd = join(crate("zstd-sys-"), "zstd", "lib");
  const brotli = join(crate("brotlic-sys-"), "brotli", "c");
  const xz = join(crate("liblzma-sys-"), "xz", "src");
  const lzma = join(xz, "liblzma");
  const files = (folder: string, names: string) => names.split(" ").map((name) => join(folder, `${name}.c`));
  const all = (folder: string, but: string[] = []) =>
    [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((name) =>
      name.endsWith(".c") && !but.includes(name)
    )
      .sort().map((name) => join(folder, name));
  const filters = ["X86", "ARM", "ARMTHUMB", "ARM64", "POWERPC", "IA64", "SPARC", "RISCV"];
  const defined = [
    ...["NDEBUG", "ZSTD_DISABLE_ASM", "ZSTD_LEGACY_SUPPORT=0", "BZ_NO_STDIO", "BROTLI_BUILD_PORTABLE"],
    ...[
      "HAVE_STDINT_H",
      "HAVE_STDBOOL_H",
      "HAVE_STRING_H",
      "HAVE_DECODERS",
      "HAVE_LZIP_DECODER",
      "SIZEOF_SIZE_T=4",
    ],
    ...["LZMA1", "LZMA2", "DELTA", ...filters].map((name) => `HAVE_DECODER_${name}`),
    ...["CRC32", "CRC64", "SHA256"].map((name) => `HAVE_CHECK_${name}`),
    "TUKLIB_SYMBOL_PREFIX=lzma_",
  ];
  return [
    ...["-target", "wasm32-wasi", "-mexec-model=reactor", "-O3", "-flto", "-w"],
    ...defined.map((name) => `-D${name}`),
    ...[bzip2, lz4, zstd, join(brotli, "include"), join(xz, "common")].map((folder) => `-I${folder}`),
    ...["api", "common", "check", "lz", "lzma", "delta", "simple", "rangecoder"].map((name) =>
      `-I${join(lzma, name)}`
    ),
    "scripts/codec/codec.c",
    ...files(bzip2, "bzlib decompress huffman crctable randtable compress blocksort"),
    ...files(lz4, "lz4 lz4hc lz4frame xxhash"),
    ...all(join(zstd, "common"), ["pool.c", "threading.c"]),
    ...all(join(zstd, "decompress")),
    ...all(join(brotli, "common")),
    ...all(join(brotli, "dec")),
    ...files(
      join(lzma, "common"),
      "common stream_decoder auto_decoder alone_decoder lzip_decoder block_decoder block_header_decoder block_util " +
        "stream_flags_common stream_flags_decoder filter_common filter_decoder filter_flags_decoder index_hash " +
        "vli_decoder vli_size",
    ),
    ...files(join(lzma, "check"), "check crc32_fast crc64_fast sha256"),
    ...files(join(lzma, "lz"), "lz_decoder"),
    ...files(join(lzma, "lzma"), "lzma_decoder lzma2_decoder"),
    ...files(join(lzma, "delta"), "delta_decoder delta_common"),
    ...files(join(lzma, "simple"), `simple_coder simple_decoder ${filters.join(" ").toLowerCase()}`),
    ...["-Wl,--gc-sections", "-Wl,--strip-all"],
  ];
}

async function run(command: string, args: string[], cwd?: string): Promise<void> {
  const { code, stderr } = await new Deno.Command(command, { args, cwd, stdout: "null", stderr: "piped" })
    .output();
  if (code === 0) return;
  console.error(
    `${command} ${args.slice(0, 3).join(" ")} failed:\n${new TextDecoder().decode(stderr).slice(-2000)}`,
  );
  Deno.exit(1);
}
