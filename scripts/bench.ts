/**
 * Measures what grows: reading and diffing models, and the chain of migrations, each at three sizes. Prints the time
 * of the smallest, the ratios to it, and the exponent of the growth (1 is linear). Times are of this machine and
 * busy hour; the ratios are what counts.
 */
import { buildChain } from "../lib/chain.ts";
import { textDigest } from "../lib/digest.ts";
import { buildIr, EMPTY_IR, schemaHash } from "../lib/ir.ts";
import { diffIr } from "../lib/ir_diff.ts";
import { loadModels } from "../lib/model_files.ts";
import { join } from "../lib/path.ts";
import { parseRevision } from "../lib/revision.ts";

const quick = Deno.args.includes("--quick");
const rounds = quick ? 2 : 5;

const READING = "read, hash and diff model files, 10 classes each";
const FILE = "read one model file, by its classes";

measure(READING, quick ? [50, 100, 200] : [250, 500, 1000], (files) => {
  const names = Array.from({ length: files }, (_, f) => f);
  return readingOf(names.map((f) => [`models_${f}.py`, classesText(`Node${f}x`, 10)]));
});

measure(
  FILE,
  quick ? [500, 1000, 2000] : [2500, 5000, 10_000],
  (classes) => readingOf([["models.py", classesText("Node", classes)]]),
);

/** Model classes that refer to each other. */
function classesText(prefix: string, classes: number): string {
  const body = Array.from({ length: classes }, (_, c) => `
class ${prefix}${c}(StructuredNode):
    __kgid__ = "${prefix.toLowerCase()}_${c}"
    name = StringProperty(unique_index=True, required=True)
    age = IntegerProperty(index=True)
    kind = StringProperty(choices={"a": "A", "b": "B"})
    friends = RelationshipTo("${prefix}${(c + 1) % classes}", "FRIEND")
`);
  return `from neomodel import *\n${body.join("\n")}`;
}

function readingOf(files: [name: string, text: string][]): { run(): void; end(): void } {
  const folder = Deno.makeTempDirSync({ prefix: "crochet-bench-" });
  for (const [name, text] of files) Deno.writeTextFileSync(join(folder, name), text);
  const classes = files.reduce((sum, [, text]) => sum + text.split("\nclass ").length - 1, 0);
  return {
    run() {
      const { models } = loadModels({ paths: [folder], roots: [folder], base: folder });
      const { ir, problems } = buildIr(models);
      if (ir.nodes.length !== classes || problems.length > 0) {
        throw new Error(`${ir.nodes.length} nodes were read, ${problems.length} problems`);
      }
      schemaHash(ir);
      diffIr(EMPTY_IR, ir);
    },
    end: () => Deno.removeSync(folder, { recursive: true }),
  };
}

measure("parse and order a chain of migrations", quick ? [100, 200, 400] : [250, 500, 1000], (length) => {
  const texts: [string, string][] = [];
  let parent = "null";
  let digest = "null";
  for (let i = 1; i <= length; i++) {
    const id = `${String(i).padStart(4, "0")}_step`;
    const text =
      `export const revisionId = "${id}";\nexport const parentId = ${parent};\nexport const parentDigest = ${digest};\n` +
      `export const schemaHash = "${
        "0".repeat(64)
      }";\nexport const rollbackSafe = true;\nexport async function upgrade() {}\n`;
    texts.push([`migrations/${id}.ts`, text]);
    [parent, digest] = [`"${id}"`, `"${textDigest(text)}"`];
  }
  return {
    run: () => void buildChain(texts.map(([file, text]) => parseRevision(file, text))),
    end() {},
  };
});

function measure(
  name: string,
  sizes: number[],
  prepare: (size: number) => { run(): void; end(): void },
): void {
  const works = sizes.map(prepare);
  const times = sizes.map(() => Infinity);
  works[0].run();
  // Sizes take turns, so that a busy moment of the machine does not hit one of them alone.
  for (let round = 0; round < rounds; round++) {
    works.forEach((work, i) => {
      const start = performance.now();
      work.run();
      times[i] = Math.min(times[i], performance.now() - start);
    });
  }
  works.forEach((work) => work.end());
  const exponent = Math.log(times.at(-1)! / times[0]) / Math.log(sizes.at(-1)! / sizes[0]);
  const ratios = times.map((time, i) => `${sizes[i]}: ${(time / times[0]).toFixed(2)}x`).join(", ");
  console.log(
    `${name}\n  ${sizes[0]}: ${times[0].toFixed(1)} ms; ${ratios}; exponent ${exponent.toFixed(2)}`,
  );
}
