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

measure(
  "read, hash and diff model files, 10 classes each",
  quick ? [50, 100, 200] : [250, 500, 1000],
  (files) => {
    const folder = Deno.makeTempDirSync({ prefix: "crochet-bench-" });
    for (let f = 0; f < files; f++) {
      const classes = Array.from({ length: 10 }, (_, c) => `
class Node${f}x${c}(StructuredNode):
    __kgid__ = "node_${f}_${c}"
    name = StringProperty(unique_index=True, required=True)
    age = IntegerProperty(index=True)
    kind = StringProperty(choices={"a": "A", "b": "B"})
    friends = RelationshipTo("Node${f}x${(c + 1) % 10}", "FRIEND")
`);
      Deno.writeTextFileSync(join(folder, `models_${f}.py`), `from neomodel import *\n${classes.join("\n")}`);
    }
    return {
      run() {
        const { models } = loadModels({ paths: [folder], roots: [folder], base: folder });
        const { ir, problems } = buildIr(models);
        if (ir.nodes.length !== files * 10 || problems.length > 0) {
          throw new Error(
            `${ir.nodes.length} nodes were read, ${problems.length} problems`,
          );
        }
        schemaHash(ir);
        diffIr(EMPTY_IR, ir);
      },
      end: () => Deno.removeSync(folder, { recursive: true }),
    };
  },
);

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
