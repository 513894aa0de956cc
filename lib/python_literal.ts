/**
 * Takes the text of a Python string literal and gives its parts and the string that it means.
 * Escapes are Python's; what cannot be known here (`\N{...}`) is left as it stands. Never looks beyond the literal.
 */

/** Prefix (lower case), quotes and body of a string literal. */
export function splitLiteral(raw: string): { prefix: string; quote: string; body: string } {
  const match = /^([a-zA-Z]*)("""|'''|"|')/.exec(raw);
  if (!match) return { prefix: "", quote: "", body: raw };
  const [, prefix, quote] = match;
  return {
    prefix: prefix.toLowerCase(),
    quote,
    body: raw.slice(prefix.length + quote.length, -quote.length),
  };
}

/** Line ends as Python sees them in a string. */
export function unifyLines(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
}

const SIMPLE_ESCAPES: Record<string, string> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

/** Python's escape sequences; `\N{...}` is left as it stands, since its names are not known here. */
export function unescape(text: string): string {
  const lines = unifyLines(text);
  if (!lines.includes("\\")) return lines;
  return lines.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (whole, hex, short, long, octal, simple) => {
      const code = hex ?? short ?? long;
      if (code !== undefined) {
        return parseInt(code, 16) <= 0x10ffff ? String.fromCodePoint(parseInt(code, 16)) : whole;
      }
      if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8));
      return SIMPLE_ESCAPES[simple] ?? whole;
    },
  );
}
