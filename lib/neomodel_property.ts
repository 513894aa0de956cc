/**
 * Takes a call such as `StringProperty(unique_index=True)` and gives the property it declares, with the problems
 * that neomodel itself would have with it, and those it lets pass in silence.
 * Argument positions and refusals are those of neomodel 7.0.0, `properties.py`. Never guesses an option.
 */
import type { Span } from "./python_tree.ts";
import {
  classAttribute,
  type ClassValue,
  externalAncestors,
  type InstanceValue,
  methodResolutionOrder,
  type PyValue,
  toData,
  truth,
} from "./python_value.ts";
import { ownInit } from "./python_function.ts";
import type { SchemaShape } from "./schema.ts";
import { nearest } from "./text.ts";
import { isSince, type NeomodelVersion } from "./neomodel_version.ts";

/** A default value: known, a callable by its name, or unknown. */
export type DefaultValue = { value: unknown } | { callable: string } | { unknown: true };

/** A property as its model declares it. */
export interface PropertyModel {
  name: string;
  /** Name under which Neo4j stores it. */
  property: string;
  /** neomodel's class, own subclasses resolved to the base they extend. */
  type: string;
  /** The project's own subclass, where there is one. */
  class?: string;
  required: boolean;
  uniqueIndex: boolean;
  index: boolean;
  fulltextIndex: { analyzer: string; eventuallyConsistent: boolean } | null;
  vectorIndex: { dimensions: number; similarityFunction: string } | null;
  /** Pairs of stored value and label, or null. */
  choices: [unknown, unknown][] | null;
  default: DefaultValue | null;
  maxLength: number | null;
  format: string | null;
  expression: string | null;
  baseProperty: string | null;
  to: string | null;
  declaredIn: string;
}

/** A problem at a span of the file that holds the call. */
export interface PropertyProblem {
  severity: "error" | "warning";
  code: string;
  message: string;
  hint?: string;
  span: Span;
}

const NAMES = ["name", "owner"];
const SEARCHED = ["fulltext_index", "vector_index"];
/** Arguments of every property, in their order; older versions have fewer. */
const COMMON = [
  ...NAMES,
  "unique_index",
  "index",
  ...SEARCHED,
  "required",
  "default",
  "db_property",
  "label",
  "help_text",
];

/** First positional arguments of each class; `...` stands for the common ones, without it there are no more. */
const OWN: Record<string, string[]> = {
  Property: ["..."],
  NormalizedProperty: ["..."],
  IntegerProperty: ["..."],
  FloatProperty: ["..."],
  BooleanProperty: ["..."],
  DateProperty: ["..."],
  StringProperty: ["choices", "max_length"],
  RegexProperty: ["expression"],
  EmailProperty: ["expression"],
  ArrayProperty: ["base_property"],
  DateTimeProperty: ["default_now"],
  DateTimeFormatProperty: ["default_now", "format"],
  DateTimeNeo4jFormatProperty: ["default_now"],
  JSONProperty: ["ensure_ascii", "..."],
  UniqueIdProperty: [],
  AliasProperty: ["to"],
  PointProperty: ["..."],
};

/** Methods by which a property's own class changes what neomodel reads from it. */
const CHANGERS = [
  "get_db_property_name",
  "__getattribute__",
  "__getattr__",
  "__setattr__",
  "__set_name__",
  "__new__",
];

/** The common arguments that the version knows, in its order. */
function commonArguments(version: NeomodelVersion): string[] {
  return COMMON.filter((option) =>
    (isSince(version, "5.3.2") || !SEARCHED.includes(option)) &&
    (isSince(version, "5.4.2") || !NAMES.includes(option))
  );
}

const CRS = ["cartesian", "cartesian-3d", "wgs-84", "wgs-84-3d"];
const EMAIL = "[^@]+@[^@]+\\.[^@]+";

/** Names of neomodel's property classes. */
export const PROPERTY_CLASSES: ReadonlySet<string> = new Set(Object.keys(OWN));

/** neomodel's own name of a value that comes from neomodel, wherever in the package it was imported from. */
export function neomodelName(value: PyValue): string | undefined {
  if (value.kind !== "external") return undefined;
  const parts = value.path.split(".");
  if (parts[0] !== "neomodel" && parts[0] !== "django_neomodel") return undefined;
  return parts.at(-1);
}

/** The neomodel class behind a class or a library's name: the first one in its method resolution order. */
export function neomodelBase(value: PyValue, names: ReadonlySet<string>): string | undefined {
  if (value.kind === "external") {
    const name = neomodelName(value);
    return name && names.has(name) ? name : undefined;
  }
  return value.kind === "class" ? neomodelAncestors(value).find((name) => names.has(name)) : undefined;
}

const ancestors = new WeakMap<ClassValue, string[]>();

/** neomodel's names in the method resolution order of a class. */
function neomodelAncestors(cls: ClassValue): string[] {
  const known = ancestors.get(cls);
  if (known) return known;
  const [base, ...others] = cls.bases;
  let found: string[];
  if (base?.kind === "class" && others.length === 0) found = neomodelAncestors(base);
  else {
    // A class whose bases Python refuses to order is still known for what it was meant to be.
    const paths = methodResolutionOrder(cls)?.flatMap((entry) =>
      entry.kind === "external" ? [entry.path] : []
    ) ??
      externalAncestors(cls);
    found = paths.flatMap((path) => neomodelName({ kind: "external", path }) ?? []);
  }
  ancestors.set(cls, found);
  return found;
}

/** neomodel's property class that the call makes, or undefined where the call makes no property. */
export function propertyType(value: PyValue): string | undefined {
  return value.kind === "instance" ? neomodelBase(value.callee, PROPERTY_CLASSES) : undefined;
}

/** Reads a property; `type` is what {@link propertyType} said. */
export function readProperty(
  name: string,
  call: InstanceValue,
  type: string,
  declaredIn: string,
  version: NeomodelVersion,
): { property: PropertyModel; problems: PropertyProblem[] } {
  const problems: PropertyProblem[] = [];
  const report = (severity: "error" | "warning", code: string, message: string, hint?: string, span?: Span) =>
    problems.push({ severity, code, message, hint, span: span ?? call.where.span });
  const refuse = (message: string, hint?: string) =>
    report("error", "neomodel-refuses", `neomodel refuses this property: ${message}`, hint);
  const options = collectOptions(call, type, version, report);
  const get = (option: string): PyValue | undefined => options.get(option)?.value;
  const flag = (option: string): boolean => {
    const value = get(option);
    const known = value ? truth(value) : false;
    if (known === undefined) {
      report(
        "error",
        "option-unknown",
        `the value of ${option} cannot be known without running Python`,
        `write ${option}=True or ${option}=False`,
        options.get(option)?.span,
      );
    }
    return known ?? false;
  };
  const text = (option: string): string | null => {
    const value = get(option);
    if (!value || value.kind === "none") return null;
    if (value.kind === "str") return value.value;
    report(
      option === "db_property" ? "error" : "warning",
      "option-unknown",
      `the value of ${option} cannot be known without running Python`,
      "write it as a string",
      options.get(option)?.span,
    );
    return null;
  };
  const isOwn = call.callee.kind === "class";
  if (call.open && !call.doubt) {
    report(
      "error",
      "option-unknown",
      "the options of this property are unpacked from a value that is not known",
      "write the options out",
    );
  }
  const doubt = doubtAbout(call);
  if (doubt) {
    report(
      "error",
      "property-init",
      `the options that ${
        nameOf(call.callee)
      } sets in its own __init__() or setup() cannot be known: ${doubt}`,
      "give unique_index, index and required at the property itself",
    );
  }
  if (type === "AliasProperty") {
    const { args, keywords } = call.base ?? call;
    const strange = [...keywords.keys()].find((option) => option !== "to");
    if (strange || args.length > 1) refuse(`AliasProperty takes no argument but "to"`);
    else if (!options.has("to") && isSince(version, "5.4.0")) refuse(`AliasProperty needs its argument "to"`);
  }
  const missing = missingMethod(call.callee, type, version);
  if (missing) {
    refuse(`${missing}() is missing in its class`, "derive the class from one of neomodel's own properties");
  }

  const byDefault = get("default");
  const hasDefault = byDefault !== undefined && byDefault.kind !== "none";
  // neomodel looks at what its __init__ is given; what is set on the object later is taken as it is.
  const asGiven = (option: string) => {
    const value = options.get(option)?.value;
    return value !== undefined && truth(value) === true;
  };
  const wanted = { required: asGiven("required"), index: asGiven("index"), unique: asGiven("unique_index") };
  const refusedByUnique = ["required", "unique_index", "index", "default"].find((option) =>
    options.has(option)
  );
  for (const [option, value] of call.attributes ?? []) {
    if (COMMON.includes(option) && option !== "default") {
      options.set(option, { value, span: call.where.span });
    }
  }
  const required = flag("required");
  const index = flag("index");
  const uniqueIndex = flag("unique_index") || (type === "UniqueIdProperty" && !options.has("unique_index"));
  if (type === "UniqueIdProperty") {
    if (refusedByUnique) {
      refuse(`${refusedByUnique} argument ignored by UniqueIdProperty`, `remove ${refusedByUnique}`);
    }
  } else {
    if (hasDefault && wanted.required) {
      refuse("the arguments `required` and `default` are mutually exclusive", "keep one of the two");
    }
    if (wanted.unique && wanted.index) {
      refuse(
        "the arguments `unique_index` and `index` are mutually exclusive",
        "unique_index makes an index too: remove index",
      );
    }
  }
  const maxLength = get("max_length");
  const choices = readChoices(
    get("choices"),
    (span) =>
      report(
        "warning",
        "choices-unknown",
        "the choices cannot be known without running Python; changes of them will not be noticed",
        "write them as a dict of strings",
        span,
      ),
    (message) => refuse(message, 'write a dict: {"stored value": "label"}'),
    options.get("choices")?.span,
  );
  if (maxLength && maxLength.kind !== "none" && type === "StringProperty") {
    const length = toData(maxLength);
    if (length === undefined) {
      report("warning", "option-unknown", "the max_length cannot be known without running Python", undefined);
    } else if (typeof length === "string" || Array.isArray(length)) refuse("max_length must be a number");
    else if (Number(length) <= 0) refuse("max_length cannot be zero or take negative values");
  }
  if (maxLength && maxLength.kind !== "none" && options.has("choices") && get("choices")!.kind !== "none") {
    refuse("the arguments `choices` and `max_length` are mutually exclusive");
  }
  if (
    type === "PointProperty" &&
    !(get("crs")?.kind === "str" && CRS.includes((get("crs") as { value: string }).value))
  ) {
    refuse(`a point needs crs to be one of ${CRS.join(", ")}`);
  }

  const now = OWN[type].includes("default_now") && get("default_now");
  if (now && truth(now) === true && (options.has("default") || wanted.required)) {
    refuse(
      wanted.required ? "the arguments `required` and `default` are mutually exclusive" : "too many defaults",
    );
  }
  const expression = readExpression(call, type, get("expression"));
  const given = get("expression");
  if (given && given.kind !== "str" && given.kind !== "none" && /Regex|Email/.test(type)) {
    report(
      "warning",
      "option-unknown",
      "the expression cannot be known without running Python",
      "write it as a string",
    );
  }
  if (type === "RegexProperty" && expression === null && !given) {
    refuse("it has no expression", 'give one: RegexProperty(expression="...")');
  }

  const property: PropertyModel = {
    name,
    property: text("db_property") || name,
    type,
    ...(isOwn ? { class: (call.callee as { name: string }).name } : {}),
    required: type === "AliasProperty" ? false : required,
    uniqueIndex,
    index,
    fulltextIndex: readFulltext(
      get("fulltext_index"),
      (m) => report("error", "option-unknown", m, undefined, options.get("fulltext_index")?.span),
    ),
    vectorIndex: readVector(
      get("vector_index"),
      (m) => report("error", "option-unknown", m, undefined, options.get("vector_index")?.span),
    ),
    choices,
    default: readDefault(type, byDefault, now ? truth(now) === true : false),
    maxLength: maxLength?.kind === "int" || maxLength?.kind === "float" ? Number(maxLength.value) : null,
    format: type === "DateTimeFormatProperty" ? text("format") ?? "%Y-%m-%d" : null,
    expression,
    baseProperty: readBaseProperty(get("base_property"), version, refuse),
    to: type === "AliasProperty" ? text("to") : null,
    declaredIn,
  };
  return { property, problems };
}

/** Why nobody knows what the project's own class does with the options of a property. */
function doubtAbout(call: InstanceValue): string | undefined {
  if (call.doubt || call.callee.kind !== "class") return call.doubt;
  if (call.base?.open) return "it hands on arguments that are not known";
  const changer = CHANGERS.find((name) => classAttribute(call.callee as ClassValue, name));
  if (changer) return `its class has a ${changer} of its own`;
  const option = COMMON.find((name) =>
    classAttribute(call.callee as ClassValue, name)?.value.kind === "function"
  );
  if (option) return `its class computes ${option}`;
  const order = methodResolutionOrder(call.callee) ?? [];
  if (order.some((entry) => entry.kind === "class" && entry.keywords.has("metaclass"))) {
    return "its class has a metaclass";
  }
  return !call.base && ownInit(call.callee) ? "it does not call the one of its base" : undefined;
}

function nameOf(value: PyValue): string {
  return value.kind === "class" || value.kind === "function" ? value.name : "the class";
}

/** From 5.4 on, a property that is none of neomodel's own kinds must say how it is stored and read. */
function missingMethod(callee: PyValue, type: string, version: NeomodelVersion): string | undefined {
  if (type !== "Property" || !isSince(version, "5.4.0")) return undefined;
  return ["inflate", "deflate"].find((name) => callee.kind !== "class" || !classAttribute(callee, name));
}

type Report = (
  severity: "error" | "warning",
  code: string,
  message: string,
  hint?: string,
  span?: Span,
) => void;

/** Options by keyword name, positional ones included; unknown keywords are reported with what was meant. */
function collectOptions(
  call: InstanceValue,
  type: string,
  version: NeomodelVersion,
  report: Report,
): Map<string, { value: PyValue; span: Span }> {
  const { span: place } = call.where;
  const { args, keywords } = call.base ?? call;
  const common = commonArguments(version);
  const positions = OWN[type].flatMap((option) => option === "..." ? common : option);
  const known = new Set([...common, ...positions, ...(type === "PointProperty" ? ["crs"] : [])]);
  const options: typeof keywords = new Map();
  args.forEach((value, i) => {
    if (positions[i]) options.set(positions[i], { value, span: place });
    else {report(
        "error",
        "neomodel-refuses",
        `neomodel refuses this property: ${type} takes ${positions.length} positional arguments`,
      );}
  });
  for (const [option, { value, span: inner }] of keywords) {
    // What an own __init__ hands on stands in another place than the property.
    const span = call.base ? place : inner;
    if (args.length > 0 && options.has(option)) {
      report(
        "error",
        "neomodel-refuses",
        `neomodel refuses this property: ${option} is given twice`,
        undefined,
        span,
      );
    }
    // From 6.0 on an unknown option becomes an attribute of the property, which some code reads.
    if (known.has(option) || isSince(version, "6.0.0")) options.set(option, { value, span });
    if (known.has(option)) continue;
    const meant = nearest(option, known);
    report(
      "warning",
      "option-ignored",
      `neomodel ignores the option "${option}" of ${type} without a word`,
      meant ? `did you mean ${meant}?` : "remove it, or read it in a subclass of your own",
      span,
    );
  }
  return options;
}

function readChoices(
  value: PyValue | undefined,
  warn: (span?: Span) => void,
  refuse: (message: string) => void,
  span?: Span,
): [unknown, unknown][] | null {
  if (!value || value.kind === "none") return null;
  if (value.kind === "class") refuse("the choices argument must be convertible to a dictionary");
  const data = toData(value);
  const pairs = value.kind === "dict"
    ? data
    : Array.isArray(data) && data.every(isPair)
    ? data.map((item) => [...item])
    : typeof data === "string" && data === ""
    ? []
    : undefined;
  if (pairs === undefined) {
    data === undefined ? warn(span) : refuse("the choices argument must be convertible to a dictionary");
  }
  const found = (pairs as [unknown, unknown][] | undefined) ?? [];
  return found.length > 0 ? found : null;
}

/** What dict() takes for a key and its value: two items, or a string of two letters. */
function isPair(item: unknown): boolean {
  return (Array.isArray(item) || typeof item === "string") && [...item].length === 2;
}

function readDefault(type: string, given: PyValue | undefined, now: boolean): DefaultValue | null {
  if (type === "UniqueIdProperty") return { callable: "uuid4" };
  if (now) return { callable: "now" };
  if (!given || given.kind === "none") return null;
  const data = toData(given);
  if (data !== undefined) return { value: data };
  if (given.kind === "function") return { callable: given.name };
  if (given.kind === "external") return { callable: given.path };
  if (given.kind === "class") return { callable: given.name };
  return { unknown: true };
}

function readExpression(call: InstanceValue, type: string, given: PyValue | undefined): string | null {
  if (type !== "RegexProperty" && type !== "EmailProperty") return null;
  if (given?.kind === "str" && given.value !== "") return given.value;
  const own = call.callee.kind === "class" ? classAttribute(call.callee, "expression")?.value : undefined;
  if (own?.kind === "str") return own.value;
  return type === "EmailProperty" ? EMAIL : null;
}

function readBaseProperty(
  value: PyValue | undefined,
  version: NeomodelVersion,
  refuse: (message: string) => void,
): string | null {
  if (!value || value.kind === "none") return null;
  const type = propertyType(value);
  if (!type || value.kind !== "instance") {
    refuse("base_property must be a property");
    return null;
  }
  if (type === "ArrayProperty") refuse("Cannot have nested ArrayProperty");
  const { property, problems } = readProperty("", value, type, "", version);
  const refused = problems.find((problem) => problem.severity === "error");
  if (refused) refuse(`its base_property is refused: ${refused.message}`);
  // neomodel asks whether they are true: a default of 0 is taken.
  const byDefault = property.default && (!("value" in property.default) || Boolean(property.default.value));
  const illegal = byDefault
    ? "default"
    : property.index
    ? "index"
    : property.uniqueIndex
    ? "unique_index"
    : property.required
    ? "required"
    : undefined;
  if (illegal) refuse(`ArrayProperty base_property cannot have "${illegal}" set`);
  return type;
}

function readFulltext(
  value: PyValue | undefined,
  fail: (message: string) => void,
): PropertyModel["fulltextIndex"] {
  const options = indexOptions(value, "FulltextIndex", ["analyzer", "eventually_consistent"], fail);
  if (!options) return null;
  const [analyzer, consistent] = options;
  if (analyzer && analyzer.kind !== "str") {
    fail("the analyzer of the full-text index cannot be known without running Python");
  }
  if (consistent && consistent.kind !== "bool") fail("eventually_consistent must be True or False");
  return {
    analyzer: analyzer?.kind === "str" ? analyzer.value : "standard-no-stop-words",
    eventuallyConsistent: consistent?.kind === "bool" ? consistent.value : false,
  };
}

function readVector(
  value: PyValue | undefined,
  fail: (message: string) => void,
): PropertyModel["vectorIndex"] {
  const options = indexOptions(value, "VectorIndex", ["dimensions", "similarity_function"], fail);
  if (!options) return null;
  const [dimensions, similarity] = options;
  if (dimensions && dimensions.kind !== "int") {
    fail("the dimensions of the vector index cannot be known without running Python");
  }
  if (similarity && similarity.kind !== "str") {
    fail("the similarity function of the vector index cannot be known without running Python");
  }
  return {
    dimensions: dimensions?.kind === "int" ? Number(dimensions.value) : 1536,
    similarityFunction: similarity?.kind === "str" ? similarity.value : "cosine",
  };
}

function indexOptions(
  value: PyValue | undefined,
  wanted: string,
  positions: string[],
  fail: (message: string) => void,
): (PyValue | undefined)[] | undefined {
  if (!value || truth(value) === false) return undefined;
  if (
    value.kind !== "instance" || neomodelName(value.callee) !== wanted || value.open || value.attributes?.size
  ) {
    fail(`the value is no ${wanted}(...) that can be known without running Python`);
    return undefined;
  }
  const strange = [...value.keywords.keys()].find((option) => !positions.includes(option));
  if (strange) fail(`${wanted} has no argument "${strange}"`);
  if (value.args.length > positions.length) fail(`${wanted} takes ${positions.length} arguments`);
  return positions.map((option, i) => value.keywords.get(option)?.value ?? value.args[i]);
}

/** The constraints and indexes of a class's properties, by neomodel's rule: `index` hides `unique_index`. */
export function propertyShapes(
  entity: "node" | "relationship",
  labelOrType: string,
  properties: Pick<
    PropertyModel,
    "property" | "type" | "index" | "uniqueIndex" | "fulltextIndex" | "vectorIndex"
  >[],
): SchemaShape[] {
  const shapes: SchemaShape[] = [];
  for (const property of properties) {
    if (property.type === "AliasProperty") continue;
    const base = { entity, labelOrType, properties: [property.property] };
    if (property.index) shapes.push({ ...base, kind: "index" });
    else if (property.uniqueIndex) shapes.push({ ...base, kind: "unique" });
    if (property.fulltextIndex) shapes.push({ ...base, kind: "fulltext", options: property.fulltextIndex });
    if (property.vectorIndex) shapes.push({ ...base, kind: "vector", options: property.vectorIndex });
  }
  return shapes;
}
