/** The pages of docs/ speak of commands and options that are there, and the rules of lint are all listed. */
import assert from "node:assert/strict";
import { LINT_RULES } from "../lib/lint_rules.ts";
import { join } from "../lib/path.ts";
import { crochet, ROOT, withFolder } from "./harness.ts";

const PAGES = [
  "README.md",
  ...["adopt", "rename", "load", "recover", "roll-back", "review-in-ci"].map((page) => `docs/${page}.md`),
];

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

/** Commands in code, inline or in a block: their words. */
function commandsIn(text: string): string[][] {
  const inline = [...text.matchAll(/`crochet ([^`]+)`/g)].map(([, rest]) => rest);
  const blocks = [...text.matchAll(/^(?:\$ )?crochet (.+)$/gm)].map(([, rest]) => rest);
  return [...inline, ...blocks].map((rest) =>
    rest.split(" && ")[0].replace(/"[^"]*"/g, "WORDS").split(/\s+/).filter(Boolean)
  );
}

Deno.test("commands and options in the docs are those of the program", async () => {
  await withFolder(async (folder) => {
    const help = new Map<string, string>();
    for (const page of PAGES) {
      for (const words of commandsIn(read(page))) {
        if (words[0].startsWith("-") || /^[A-Z.]/.test(words[0])) continue;
        const name = ["dev", "ledger"].includes(words[0]) && words[1] ? `${words[0]} ${words[1]}` : words[0];
        if (!help.has(name)) {
          const { out, err, code } = await crochet(folder, [...name.split(" "), "--help"]);
          assert.equal(code, 0, `${page}: crochet ${name} is no command: ${err}`);
          help.set(name, out + err);
        }
        for (const option of words.filter((word) => /^--[a-z]/.test(word))) {
          const plain = option.replace(/[,;:)]+$/, "");
          assert.ok(help.get(name)!.includes(plain), `${page}: crochet ${name} has no ${plain}`);
        }
      }
    }
    assert.ok(help.size > 15);
  });
});

Deno.test("every page of docs/ is reached from the README", () => {
  const readme = read("README.md");
  for (const entry of Deno.readDirSync(join(ROOT, "docs"))) {
    assert.ok(readme.includes(`docs/${entry.name}`), `docs/${entry.name} is not linked`);
  }
});

Deno.test("every lint rule is in the docs, with its severity", () => {
  const page = read("docs/review-in-ci.md");
  for (const [code, { severity, about }] of Object.entries(LINT_RULES)) {
    assert.ok(page.includes(`| \`${code}\` | ${severity} | ${about} |`), code);
  }
});
