/**
 * Takes the properties of a model and gives the rules that neomodel has for them, as a schema for files: a value is
 * stored as neomodel would have stored it. What only Python can check is named, not guessed.
 */
import type { PropertyModel } from "./neomodel_property.ts";
import { type ColumnRules, DataSchema } from "./ingest_schema.ts";

/** What neomodel stores for each property class; what is missing here cannot come from a file. Source: `deflate`. */
const STORED: Record<string, string> = {
  StringProperty: "string",
  EmailProperty: "string",
  RegexProperty: "string",
  UniqueIdProperty: "string",
  DateTimeFormatProperty: "string",
  JSONProperty: "json",
  IntegerProperty: "integer",
  FloatProperty: "float",
  BooleanProperty: "boolean",
  DateTimeProperty: "epoch",
  DateTimeNeo4jFormatProperty: "moment",
  PointProperty: "point",
};

/** neomodel keeps a date as text. */
const DATE_TEXT = "\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])";

/** A schema out of a model, and how columns are named in the graph. */
export interface ModelSchema {
  schema: DataSchema;
  /** Stored names by the names of attributes, where they differ. */
  stored: ReadonlyMap<string, string>;
  /** What is not checked, in words. */
  notes: string[];
}

/** The schema of the columns that a file has; a column may have the name of the attribute or of the stored property. */
export function schemaOfModel(
  model: { class: string; properties: readonly PropertyModel[] },
  columns: readonly string[],
): ModelSchema {
  const notes: string[] = [];
  const stored = new Map<string, string>();
  const unique: string[] = [];
  const rules: [string, ColumnRules][] = [];
  for (const property of model.properties) {
    if (property.type === "AliasProperty") continue;
    const isByName = !columns.includes(property.property) && columns.includes(property.name);
    const column = isByName ? property.name : property.property;
    if (isByName) stored.set(column, property.property);
    rules.push([column, rulesOf(property, notes)]);
    if (property.uniqueIndex && columns.includes(column)) unique.push(column);
  }
  const schema = new DataSchema({ uniqueColumns: unique });
  for (const [column, rule] of rules) schema.column(column, rule);
  return { schema, stored, notes };
}

function rulesOf(property: PropertyModel, notes: string[]): ColumnRules {
  const { type, name } = property;
  const dtype = type === "ArrayProperty"
    ? `${STORED[property.baseProperty ?? ""] ?? "string"}[]`
    : STORED[type];
  const pattern = patternOf(property, notes);
  if (dtype === undefined && type !== "DateProperty") {
    notes.push(`${name} is a ${property.class ?? type}: what it stores is not checked`);
  }
  const isFilled = property.required || (type === "UniqueIdProperty");
  return {
    ...(isFilled && { required: true }),
    ...(type === "DateProperty" ? { dtype: "string" } : dtype && { dtype }),
    ...(pattern !== undefined && { pattern }),
    ...(property.maxLength !== null && { maxLength: property.maxLength }),
    ...(property.choices !== null && { allowed: property.choices.map(([value]) => value) }),
  };
}

function patternOf({ type, name, expression }: PropertyModel, notes: string[]): string | undefined {
  if (type === "DateProperty") return DATE_TEXT;
  if (expression === null) return undefined;
  // Python's names of groups. neomodel asks for a match at the beginning, whatever follows.
  const pattern = `(?:${expression.replaceAll("(?P<", "(?<")})[^]*`;
  try {
    new RegExp(pattern, "u");
    return pattern;
  } catch {
    notes.push(`${name}: the expression ${expression} is Python's own, and is not checked`);
    return undefined;
  }
}
