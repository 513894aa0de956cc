/** How the bytes of Python files become text. The expected values of `x` are those of CPython 3.13; null is a refusal. */
import assert from "node:assert/strict";
import { decodePython } from "../lib/python_source.ts";
import { parsePython } from "../lib/python_syntax.ts";

/** Each character of the second column is a byte. */
const CASES: [name: string, bytes: string, x: string | number | null][] = [
  ["plain", "x = 1\n", 1],
  ["utf8", "x = '\xc3\xb6'\n", "ö"],
  ["bom", "\xef\xbb\xbfx = '\xc3\xb6'\n", "ö"],
  ["bom+utf8 cookie", "\xef\xbb\xbf# coding: utf-8\nx = 1\n", 1],
  ["bom+latin", "\xef\xbb\xbf# coding: latin-1\nx = 1\n", null],
  ["latin", "# -*- coding: latin-1 -*-\nx = '\xf6\x80'\n", "ö"],
  ["vim", "# vim: set fileencoding=cp1252 :\nx = '\x80'\n", "€"],
  ["second line", "#!/usr/bin/python\n# coding=iso-8859-15\nx = '\xa4'\n", "€"],
  ["second after code", "x = 1\n# coding: latin-1\ny = 2\n", 1],
  ["third line", "#\n#\n# coding: latin-1\nx = 'a'\n", "a"],
  ["third line bad", "#\n#\n# coding: latin-1\nx = '\xf6'\n", null],
  ["unknown", "# coding: uft-8\nx = 1\n", null],
  ["bad utf8", "x = '\xf6'\n", null],
  ["ascii with more", "# coding: ascii\nx = '\xc3\xb6'\n", null],
  ["koi8", "# coding: koi8-r\nx = '\xc1'\n", "а"],
  ["sjis", "# coding: shift_jis\nx = '\x90l'\n", "人"],
  ["utf8 underscore", "# coding: utf_8\nx = '\xc3\xb6'\n", "ö"],
  ["UTF8 caps", "# coding: UTF8\nx = '\xc3\xb6'\n", "ö"],
  ["emacs", "# -*- mode: python; coding: utf-8-unix -*-\nx = '\xc3\xb6'\n", "ö"],
  ["blank first", "\n# coding: latin-1\nx = '\xf6'\n", "ö"],
  ["crlf", "# coding: latin-1\r\nx = '\xf6'\r\n", "ö"],
  ["formfeed", "\f# coding: latin-1\nx = '\xf6'\n", "ö"],
  ["no space", "#coding:latin-1\nx = '\xf6'\n", "ö"],
  ["in string", "s = 'coding: latin-1'\nx = 1\n", 1],
  ["cp1251", "# coding: cp1251\nx = '\xcc'\n", "М"],
  ["mac", "# coding: mac-roman\nx = '\x8a'\n", "ä"],
  ["gbk", "# coding: gbk\nx = '\xc8\xcb'\n", "人"],
  ["utf16", "# coding: utf-16\nx = 1\n", null],
  ["latin2", "# coding: iso8859-2\nx = '\xb1'\n", "ą"],
  ["utf8 sig", "# coding: utf-8-sig\nx = 1\n", 1],
];

for (const [name, bytes, expected] of CASES) {
  Deno.test(`decodePython() ${name}`, () => {
    const source = decodePython(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
    assert.equal(source.problem !== undefined, expected === null, source.problem);
    if (expected === null) return;
    const values = parsePython(source.text).body.flatMap((statement) =>
      statement.kind === "assign" && statement.targets.some((t) => t.kind === "name" && t.id === "x")
        ? [statement.value]
        : []
    );
    assert.deepEqual(
      values.map((value) =>
        value.kind === "string" ? value.value : value.kind === "number" && Number(value.text)
      ),
      [expected],
    );
  });
}

Deno.test("decodePython() names the line that cannot be read", () => {
  const bytes = Uint8Array.from("x = 1\n\ny = '\xf6'\n", (char) => char.charCodeAt(0));
  assert.equal(decodePython(bytes).line, 3);
});
