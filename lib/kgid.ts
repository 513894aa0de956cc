/**
 * Takes the models of a project and adds a `__kgid__` line to the classes that lack one, after the docstring, in the
 * file's own indentation and line ends. Nothing else in a file changes. Values come from the class names and are
 * unique in the project.
 */
import { CrochetError } from "./error.ts";
import { classesOf, type ModelReading } from "./model_files.ts";
import { qualifiedName } from "./neomodel_class.ts";
import { join } from "./path.ts";
import { readBytes, replaceFile } from "./project.ts";
import { byteOffsets, decodePython } from "./python_source.ts";
import { parsePython } from "./python_syntax.ts";
import { locate } from "./python_tree.ts";
import type { ClassValue } from "./python_value.ts";
import { snakeCase } from "./text.ts";

/** A class without a kgid, and the one that it gets. */
export interface MissingKgid {
  class: string;
  file: string;
  line: number;
  kgid: string;
}

interface Insertion extends MissingKgid {
  at: number;
  text: string;
}

/** Classes without a kgid, in the order of their files. */
export function missingKgids(reading: ModelReading, ignore: string[]): MissingKgid[] {
  return insertions(reading, ignore).map(({ at: _at, text: _text, ...missing }) => missing);
}

/** Writes the missing kgids. @throws CrochetError MODELS_INVALID where a changed file would no longer be Python */
export function writeKgids(reading: ModelReading, ignore: string[], base: string): MissingKgid[] {
  const found = insertions(reading, ignore);
  const byFile = Map.groupBy(found, (insertion) => insertion.file);
  const changed = new Map<string, Uint8Array>();
  for (const [file, list] of byFile) {
    const path = join(base, file);
    const bytes = insertAll(readBytes(path), list);
    const { text, problem } = decodePython(bytes);
    if (problem !== undefined || parsePython(text).problem) {
      throw new CrochetError(
        "MODELS_INVALID",
        `Adding kgids to "${file}" would break it, and nothing was written`,
        {
          at: { file },
          hint: `add the line by hand: __kgid__ = "${list[0].kgid}"`,
        },
      );
    }
    changed.set(path, bytes);
  }
  for (const [path, bytes] of changed) replaceFile(path, bytes);
  return found.map(({ at: _at, text: _text, ...missing }) => missing);
}

/** The file with the lines in it; every other byte stays as it is. */
function insertAll(bytes: Uint8Array, list: Insertion[]): Uint8Array {
  const source = decodePython(bytes);
  const sorted = [...list].sort((a, b) => a.at - b.at);
  const offsets = byteOffsets(bytes, source, sorted.map(({ at }) => at));
  const places = sorted.map(({ text }, i) => ({
    at: offsets[i],
    text: new TextEncoder().encode(source.isUtf8 ? text : inAscii(text)),
  }));
  const result = new Uint8Array(bytes.length + places.reduce((sum, { text }) => sum + text.length, 0));
  let [from, to] = [0, 0];
  for (const { at, text } of places) {
    result.set(bytes.subarray(from, at), to);
    result.set(text, to + at - from);
    [from, to] = [at, to + at - from + text.length];
  }
  result.set(bytes.subarray(from), to);
  return result;
}

function insertions(reading: ModelReading, ignore: string[]): Insertion[] {
  const classes = classesOf(reading, ignore);
  const taken = new Set<string>();
  for (const { cls } of classes) {
    const value = cls.attributes.get("__kgid__")?.value;
    if (value?.kind === "str") taken.add(value.value);
  }
  const order = (a: ClassValue, b: ClassValue) =>
    a.module.path < b.module.path
      ? -1
      : a.module.path > b.module.path
      ? 1
      : a.where.span.from - b.where.span.from;
  return classes.filter(({ cls, abstract }) => !abstract && !cls.attributes.has("__kgid__")).map(({ cls }) =>
    cls
  ).sort(order).map((cls) => {
    const kgid = freeName(cls, taken);
    taken.add(kgid);
    const { text } = cls.module.file;
    return {
      class: qualifiedName(cls),
      file: cls.module.path,
      line: locate(cls.module.file, cls.nameSpan.from).line,
      kgid,
      ...placeIn(cls, text, `__kgid__ = "${kgid}"`),
    };
  });
}

function freeName(cls: ClassValue, taken: Set<string>): string {
  const base = snakeCase(cls.qualname.replaceAll(".", "_"));
  const longer = `${cls.module.name.replaceAll(".", "_")}_${base}`.toLowerCase();
  for (const candidate of [`${base}_v1`, `${longer}_v1`]) if (!taken.has(candidate)) return candidate;
  for (let n = 2;; n++) if (!taken.has(`${longer}_${n}_v1`)) return `${longer}_${n}_v1`;
}

/** With escapes of Python for what is no ASCII: such a line is the same in every encoding. */
function inAscii(text: string): string {
  return [...text].map((char) => {
    const code = char.codePointAt(0)!;
    if (code < 128) return char;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  }).join("");
}

/** Where the line goes: after the docstring, else before the first statement of the body. */
function placeIn(cls: ClassValue, text: string, line: string): { at: number; text: string } {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const [first] = cls.body;
  const lineStart = text.lastIndexOf("\n", first.from - 1) + 1;
  const indent = text.slice(lineStart, first.from);
  const isDocstring = first.kind === "expression" && first.value.kind === "string";
  // The line before may go on with a backslash: then the body is still on the line of its class.
  const oneLine = /\S/.test(indent) || /\\\r?\n$/.test(text.slice(0, lineStart));
  if (oneLine) {
    return isDocstring ? { at: first.to, text: `; ${line}` } : { at: first.from, text: `${line}; ` };
  }
  // A form feed begins the count of the indentation anew.
  const plain = indent.slice(indent.lastIndexOf("\f") + 1);
  if (!isDocstring) return { at: lineStart, text: `${plain}${line}${newline}` };
  const lineEnd = text.indexOf("\n", first.to);
  const rest = text.slice(first.to, lineEnd === -1 ? undefined : lineEnd);
  if (/^\s*;/.test(rest)) return { at: first.to, text: `; ${line}` };
  if (lineEnd === -1) return { at: text.length, text: `${newline}${plain}${line}` };
  return { at: lineEnd + 1, text: `${plain}${line}${newline}` };
}
