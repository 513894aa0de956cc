/**
 * Commands about data files: what is in one, and whether it keeps its rules. They work on any file; only a model needs
 * a project.
 */
import { type Context, folder, project } from "./command.ts";
import { parseToml } from "./config.ts";
import { readProjectModels } from "./draft.ts";
import { CrochetError, EXIT } from "./error.ts";
import { checkFile, type IngestOptions, summarize, typesOnly } from "./ingest.ts";
import { describeFinding, RowChecker } from "./ingest_check.ts";
import { type DataFile, openData } from "./ingest_file.ts";
import { schemaOfModel } from "./ingest_model.ts";
import type { RowChunk } from "./ingest_rows.ts";
import { type ColumnRules, DataSchema, schemaOfToml } from "./ingest_schema.ts";
import { shown, typeName } from "./ingest_type.ts";
import { isMarked } from "./graph_value.ts";
import type { PropertyModel } from "./neomodel_property.ts";
import { resolve } from "./path.ts";
import { table } from "./print.ts";
import { readIfThere } from "./project.ts";
import { count, nearest } from "./text.ts";
import { githubLine } from "./words.ts";

/** Shows the first rows of a file, and what it is. */
export async function commandLoadData(context: Context, path: string): Promise<number> {
  const { options, print } = context;
  const file = await openData(resolve(folder(context), path), readOptions(context, options.format));
  const first = await firstRows(file, options.head);
  const columns = file.head?.columns ?? first.columns;
  const { schema, notes } = schemaFor(context, columns);
  for (const note of notes) print.say(note);
  const checker = new RowChecker(schema, {
    place: file.place,
    listSeparator: options.listSeparator,
    anyColumns: true,
  });
  const { good, bad } = checker.check(first);
  const rowCount = file.head?.rowCount ?? (options.count ? await countRows(file) : undefined);
  const types = columns.map((name, i) => ({ name, type: typeOf(name, i, schema, file, first) }));
  const rows = good.rows.map((row) =>
    Object.fromEntries(good.columns.map((name, i) => [name, row[i] ?? null]))
  );
  const { format, compression } = file.kind;
  const value = {
    path,
    format,
    compression,
    size: file.size,
    columns: types,
    rows,
    ...(rowCount !== undefined && { rowCount }),
  };
  print.result(value, [
    `${path}: ${format}${compression === "none" ? "" : `, ${compression}`}, ${count(file.size, "byte")}${
      rowCount === undefined ? "" : `, ${count(rowCount, "row")}`
    }`,
    "",
    ...table(["column", "type"], types.map(({ name, type }) => [name, type])),
    "",
    ...table([...good.columns], good.rows.map((row) => row.map(cellText))),
  ]);
  for (const { finding } of bad) print.say(`error: ${describeFinding(finding, file.place)}`);
  if (rowCount === undefined && !options.json) {
    print.say("Next: crochet load-data --count reads the whole file and counts");
  }
  return bad.length > 0 ? EXIT.no : EXIT.ok;
}

/** Checks every row of a file. */
export async function commandValidateData(context: Context, path: string): Promise<number> {
  const { options, print } = context;
  const file = await openData(resolve(folder(context), path), readOptions(context, options.fileFormat));
  const columns = file.head?.columns ?? (await firstRows(file, 1)).columns;
  const { schema, notes } = schemaFor(context, columns);
  for (const note of notes) print.say(note);
  const result = await checkFile(file, schema, {
    listSeparator: options.listSeparator,
    forGraph: true,
    // Flags name what matters; a model or a file of rules means to name all.
    anyColumns: !options.model && !options.schema,
  });
  const verdict = `${path}: ${result.isValid ? "valid" : "not valid"}, ${count(result.rows, "row")}`;
  if (options.format === "github") {
    const lines = [...result.errors, ...result.warnings].map((finding) =>
      githubLine({
        severity: finding.severity,
        file: path,
        line: file.place === "line" ? finding.at : undefined,
        code: `validate-data: ${finding.kind}`,
        message: describeFinding(finding, file.place),
      })
    );
    print.result({ path, ...result }, [...lines, verdict]);
  } else print.result({ path, ...result }, [...summarize(result, file.place), verdict]);
  return result.isValid ? EXIT.ok : EXIT.no;
}

/** How the command line says that a file is to be read. */
function readOptions({ options }: Context, format: string | undefined): IngestOptions {
  const unescaped = (text: string | undefined) => text === "\\t" ? "\t" : text;
  return {
    format,
    compression: options.compression,
    encoding: options.encoding,
    separator: unescaped(options.separator),
    quote: options.quote === "none" ? "" : options.quote,
    escape: options.escape,
    comment: options.comment,
    header: options.header,
    columns: list(options.columns),
    nulls: options.null,
  };
}

function list(text: string | undefined): string[] | undefined {
  return text?.split(",").map((part) => part.trim());
}

/** The rules that the command line names, of a model, a file and flags together. */
function schemaFor(context: Context, columns: readonly string[]): { schema: DataSchema; notes: string[] } {
  const { options } = context;
  const given = [
    options.model && modelSchema(context, options.model, columns),
    options.schema && { schema: readSchema(resolve(folder(context), options.schema)), notes: [] },
  ].filter((found) => !!found);
  if (given.length > 1) {
    throw new CrochetError("USAGE", "A model and a schema file cannot both be the schema");
  }
  const [{ schema: base, notes }] = [...given, { schema: typesOnly(), notes: [] as string[] }];
  const types: Record<string, string> = options.types ?? {};
  const unique: string[] = options.unique ?? [];
  const required = list(options.require) ?? [];
  const schema = new DataSchema({
    strict: options.strict ?? base.strict,
    minRows: options.minRows ?? base.minRows,
    maxRows: options.maxRows ?? base.maxRows,
    uniqueColumns: [...base.unique, ...unique.map((set) => list(set)!)],
  });
  for (const name of new Set([...base.columns.keys(), ...Object.keys(types), ...required])) {
    const { type, pattern: _, patternText, name: __, ...rules } = base.columns.get(name) ?? { name };
    schema.column(name, {
      ...rules as ColumnRules,
      ...(patternText !== undefined && { pattern: patternText }),
      ...(types[name] !== undefined ? { dtype: types[name] } : type && { dtype: typeName(type) }),
      ...(required.includes(name) && { required: true }),
    });
  }
  return { schema, notes };
}

function readSchema(path: string): DataSchema {
  const text = readIfThere(path);
  if (text === undefined) throw new CrochetError("FILE_UNREADABLE", `There is no schema file "${path}"`);
  return schemaOfToml(parseToml(text, path), path);
}

function modelSchema(
  context: Context,
  name: string,
  columns: readonly string[],
): { schema: DataSchema; notes: string[] } {
  const { models } = readProjectModels(project(context));
  const all: { class: string; kgid: string | null; label?: string; properties: PropertyModel[] }[] = [
    ...models.nodes,
    ...models.relationshipModels,
  ];
  const model = all.find((candidate) => [candidate.class, candidate.label, candidate.kgid].includes(name));
  if (!model) {
    const meant = nearest(name, all.map((candidate) => candidate.class));
    throw new CrochetError("USAGE", `There is no model "${name}"`, {
      hint: meant ? `did you mean ${meant}?` : "crochet models lists them",
    });
  }
  return schemaOfModel(model, columns);
}

/** The first rows of a file; fewer where it has no more. */
async function firstRows(file: DataFile, most: number): Promise<RowChunk> {
  for await (const { columns, rows, at } of file.chunks()) {
    if (rows.length > 0 || columns.length > 0) {
      return { columns, rows: rows.slice(0, most), at: at.slice(0, most) };
    }
  }
  return { columns: file.head?.columns ?? [], rows: [], at: [] };
}

async function countRows(file: DataFile): Promise<number> {
  let rows = 0;
  for await (const chunk of file.chunks()) rows += chunk.rows.length;
  return rows;
}

/** The type of a column: declared, the format's own, or what the first rows show. */
function typeOf(name: string, i: number, schema: DataSchema, file: DataFile, first: RowChunk): string {
  const declared = schema.columns.get(name)?.type;
  if (declared) return typeName(declared);
  if (file.head) return file.head.types[i];
  if (file.kind.format === "csv" || file.kind.format === "tsv") return "text, not declared";
  const place = first.columns.indexOf(name);
  const seen = new Set(first.rows.map((row) => kindOfValue(row[place])).filter((kind) => kind !== undefined));
  return seen.size === 0 ? "nothing in the first rows" : `${[...seen].join(" or ")} in the first rows`;
}

function kindOfValue(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return "list";
  if (isMarked(value)) return value["crochet:type"];
  if (typeof value === "bigint" || Number.isInteger(value)) return "integer";
  if (typeof value === "number") return "float";
  return typeof value === "object" ? "map" : typeof value;
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return "-";
  const text = typeof value === "string" ? JSON.stringify(value).slice(1, -1) : shown(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
