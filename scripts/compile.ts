/**
 * Makes the executable `dist/crochet` with `deno compile`. A target triple as argument makes another platform's.
 * `DENORT_BIN` is honoured by `deno compile` itself, for places that cannot download the runtime.
 */
const target = Deno.args[0];
const output = target ? `dist/crochet-${target}` : "dist/crochet";
const { code } = await new Deno.Command(Deno.execPath(), {
  args: [
    "compile",
    "--quiet",
    "--allow-all",
    "--no-check",
    "--include=migrations_template",
    "--include=lib/sandbox_worker.ts",
    "--include=lib/ingest_codec.wasm",
    `--output=${output}`,
    ...(target ? [`--target=${target}`] : []),
    "main.ts",
  ],
  stdout: "inherit",
  stderr: "inherit",
}).output();
if (code === 0) {
  const { size } = Deno.statSync(target?.includes("windows") ? `${output}.exe` : output);
  console.log(`${output}: ${(size / 1e6).toFixed(1)} MB`);
}
Deno.exit(code);
