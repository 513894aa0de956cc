/**
 * Takes words and gives words: slugs, near matches, cases, counts.
 * The same input gives the same text on every machine (no locale). Never knows what the words are about.
 */

/**
 * File-name part of a description: ASCII letters and digits, runs of anything else become one `_`.
 * Gives "" where nothing is left (a description of non-Latin letters only).
 *
 * @example
 * ```ts
 * import { slug } from "./text.ts";
 * import assert from "node:assert/strict";
 * assert.equal(slug("Add person-node, at last!"), "add_person_node_at_last");
 * assert.equal(slug("人物"), "");
 * ```
 */
export function slug(description: string, maxLength = 60): string {
  const ascii = description.normalize("NFKD").replace(/\p{Mark}/gu, "").toLowerCase();
  return ascii.replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, maxLength).replace(/_+$/, "");
}

/**
 * `PersonAddress` as `person_address`, `HTTPServer2` as `http_server2`.
 *
 * @example
 * ```ts
 * import { snakeCase } from "./text.ts";
 * import assert from "node:assert/strict";
 * assert.equal(snakeCase("HTTPServer2"), "http_server2");
 * ```
 */
export function snakeCase(name: string): string {
  return name
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, "$1_$2")
    .replace(/([\p{Ll}\p{Nd}])(\p{Lu})/gu, "$1_$2")
    .replace(/_+/g, "_")
    .toLowerCase();
}

/** Number of single-character edits (insert, delete, replace, swap of neighbours) between two words. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], before[j - 2] + 1);
      }
    }
    before = previous;
    previous = row;
  }
  return previous[b.length];
}

/**
 * The candidate that was probably meant, or undefined when none is near enough (a third of the word, at least 1).
 * A candidate that begins with or contains the word counts as near too.
 *
 * @example
 * ```ts
 * import { nearest } from "./text.ts";
 * import assert from "node:assert/strict";
 * assert.equal(nearest("upgrad", ["upgrade", "downgrade"]), "upgrade");
 * assert.equal(nearest("0003", ["0001_init", "0003_add_person"]), "0003_add_person");
 * assert.equal(nearest("0001_add_persn", ["0001_add_person_node"]), "0001_add_person_node");
 * assert.equal(nearest("zebra", ["upgrade"]), undefined);
 * ```
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestScore = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    let score = editDistance(wanted, other);
    if (wanted.length >= 3 && other.startsWith(wanted)) score = Math.min(score, 0.5);
    else if (wanted.length >= 3 && other.includes(wanted)) score = Math.min(score, 0.9);
    // A long word may be the beginning of the candidate, with a slip.
    else if (wanted.length >= 6) {
      score = Math.min(score, editDistance(wanted, other.slice(0, wanted.length)) + 1);
    }
    if (score < bestScore) [best, bestScore] = [candidate, score];
  }
  return best;
}

/**
 * A number with its noun, the noun in the plural where English wants it.
 *
 * @example
 * ```ts
 * import { count } from "./text.ts";
 * import assert from "node:assert/strict";
 * assert.equal(count(1, "revision"), "1 revision");
 * assert.equal(count(12_500, "node"), "12,500 nodes");
 * assert.equal(count(2, "index", "indexes"), "2 indexes");
 * ```
 */
export function count(n: number, singular: string, plural = singular + "s"): string {
  return `${groupDigits(n)} ${n === 1 ? singular : plural}`;
}

/** `1234567` as `1,234,567`. */
export function groupDigits(n: number | bigint): string {
  return n.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Joins words as a sentence does: `a, b and c`. */
export function sentenceList(words: string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** The text on one line, cut to `max` characters with an ellipsis. */
export function oneLine(text: string, max = 120): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= max ? line : line.slice(0, max - 1) + "…";
}
