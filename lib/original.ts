/**
 * Takes what the Python original (crochet-migration 0.1) wrote and gives it as Crochet's own: a migration's header and
 * bodies as TypeScript, a snapshot as a schema. Python is parsed and never run; calls in a straight line become the
 * same calls, and a body with anything else is handed back as it was, for a person. Source: its 0.1.3 distribution.
 */
import type { PropertyIr, SchemaIr } from "./ir.ts";
import { numberLiteral } from "./python_operation.ts";
import { parsePython } from "./python_syntax.ts";
import { quoteName } from "./schema.ts";
import { type Argument, type Expr, locate, type PythonFile, type Stmt } from "./python_tree.ts";

/** A body as TypeScript. */
export interface TranslatedBody {
  lines: string[];
  usesFloat: boolean;
  /** What a person must write, where there is anything. */
  open?: { line: number; what: string };
}

/** A migration of the original. */
export interface OriginalMigration {
  revisionId: string;
  parentId: string | null;
  schemaHash: string;
  rollbackSafe: boolean;
  description: string;
  upgrade: TranslatedBody;
  downgrade: TranslatedBody;
}

/** Reads a migration; a reason in words where it is none. */
export function readOriginal(text: string): OriginalMigration | { problem: string } {
  const file = parsePython(text);
  if (file.problem) {
    return { problem: `${file.problem.message} in line ${locate(file, file.problem.from).line}` };
  }
  const values = new Map<string, Expr>();
  for (const statement of file.body) {
    if (statement.kind === "assign" && statement.targets[0]?.kind === "name") {
      values.set(statement.targets[0].id, statement.value);
    }
  }
  const plain = (name: string): unknown => {
    const value = values.get(name);
    return value?.kind === "string" || value?.kind === "constant" ? value.value : undefined;
  };
  const [id, parent] = [plain("revision_id"), plain("parent_id")];
  if (typeof id !== "string") return { problem: "it has no revision_id that is written out" };
  const docstring = file.body[0]?.kind === "expression" && file.body[0].value.kind === "string"
    ? file.body[0].value.value.trim()
    : "";
  return {
    revisionId: id,
    parentId: typeof parent === "string" ? parent : null,
    schemaHash: String(plain("schema_hash") ?? ""),
    // Safe is what says so; the original takes a file that says nothing for safe.
    rollbackSafe: values.has("rollback_safe") ? plain("rollback_safe") === true : true,
    description: docstring.split("\n")[0] || id,
    upgrade: translate(file, "upgrade"),
    downgrade: translate(file, "downgrade"),
  };
}

/**
 * Names of parameters of calls that keep their arguments, with the method that they become; `?` marks those that may be
 * left out.
 */
const PLAIN_CALLS: Record<string, [method: string, ...parameters: string[]]> = {
  add_unique_constraint: ["addUniqueConstraint", "label", "property_name"],
  drop_unique_constraint: ["dropUniqueConstraint", "label", "property_name"],
  add_node_property_existence_constraint: ["addNodePropertyExistenceConstraint", "label", "property_name"],
  drop_node_property_existence_constraint: ["dropNodePropertyExistenceConstraint", "label", "property_name"],
  add_index: ["addIndex", "label", "property_name"],
  drop_index: ["dropIndex", "label", "property_name"],
  rename_label: ["renameLabel", "old_label", "new_label"],
  rename_relationship_type: ["renameRelationshipType", "old_type", "new_type"],
  add_node_property: ["addNodeProperty", "label", "property_name", "default?"],
  remove_node_property: ["removeNodeProperty", "label", "property_name"],
  rename_node_property: ["renameNodeProperty", "label", "old_name", "new_name"],
  run_cypher: ["runCypher", "cypher", "params?"],
  begin_batch: ["beginBatch", "batch_id?"],
  delete_nodes_by_batch: ["deleteNodesByBatch", "label", "batch_id"],
  delete_relationships_by_batch: ["deleteRelationshipsByBatch", "rel_type", "batch_id"],
};

const NODES = ["label", "data"];
const ENDS = ["source_label", "target_label", "rel_type", "data"];
const KEYS = ["source_key?", "target_key?", "properties_key?"];
const CHUNKS = ["chunk_size?"];
const IN_SERVER = ["use_call_in_transactions?"];

/** Calls that hand over rows. */
const ROW_CALLS: Record<string, [method: string, ...parameters: string[]]> = {
  create_nodes: ["createNodes", ...NODES],
  upsert_nodes: ["upsertNodes", ...NODES, "merge_keys"],
  bulk_create_nodes: ["bulkCreateNodes", ...NODES, ...CHUNKS, ...IN_SERVER],
  bulk_upsert_nodes: ["bulkUpsertNodes", ...NODES, "merge_keys", ...CHUNKS, ...IN_SERVER],
  create_relationships: ["createRelationships", ...ENDS, ...KEYS],
  upsert_relationships: ["upsertRelationships", ...ENDS, ...KEYS],
  bulk_create_relationships: ["bulkCreateRelationships", ...ENDS, ...CHUNKS, ...KEYS, ...IN_SERVER],
};

/** Parameters that the original pastes into its Cypher as they are. */
const PASTED = /label|type|property_name|old_name|new_name/;

/** Something that only running Python would tell. */
class Open extends Error {
  constructor(readonly at: number, what: string) {
    super(what);
  }
}

function translate(file: PythonFile, name: string): TranslatedBody {
  const found = file.body.findLast((statement) => statement.kind === "function" && statement.name === name);
  const plain = found?.kind === "function" && !found.deferred && found.decorators.length === 0 &&
    found.parameters.length === 1 && !found.parameters[0].star;
  if (!found || found.kind !== "function" || !plain) {
    const what = `there is no plain "def ${name}(ctx)"`;
    return {
      lines: [stop(what)],
      usesFloat: false,
      open: { line: found ? locate(file, found.from).line : 1, what },
    };
  }
  const { body } = found;
  const translator = new Translator(file, found.parameters[0].name);
  try {
    const lines = body.flatMap((statement) => translator.statement(statement));
    return { lines, usesFloat: translator.usesFloat };
  } catch (error) {
    if (!(error instanceof Open)) throw error;
    const { line } = locate(file, error.at);
    const [first, last] = [body[0].from, body.at(-1)!.to];
    const source = file.text.slice(file.text.lastIndexOf("\n", first - 1) + 1, last).split("\n");
    return {
      lines: [
        ...source.map((text) => `// ${text.replace(/^ {4}/, "")}`.trimEnd()),
        stop(`the Python of line ${line} is not translated: ${error.message}`),
      ],
      usesFloat: false,
      open: { line, what: error.message },
    };
  }
}

/** A line that stops a run which would need what is not translated. */
function stop(what: string): string {
  return `throw new Error(${JSON.stringify(what)});`;
}

/** Words that cannot name a constant of a migration. */
const RESERVED = new Set(
  ("await break case catch class const continue ctx debugger default delete do else enum export extends false finally " +
    "for function if import in instanceof let new null return static super switch this throw true try typeof var " +
    "void while with yield float date dateTime localDateTime time localTime duration point").split(" "),
);

class Translator {
  usesFloat = false;
  /** What each name of the body holds now, resolved when it was given: a literal, or the constant of a batch. */
  private readonly values = new Map<string, Expr>();
  private readonly constants = new Set<string>();
  private hasBatch = false;

  constructor(private readonly file: PythonFile, private readonly context: string) {}

  statement(statement: Stmt): string[] {
    const comments = this.commentsAbove(statement.from);
    if (statement.kind === "pass") return comments;
    if (statement.kind === "expression") {
      if (statement.value.kind === "string") return [];
      return [...comments, ...this.call(statement.value).map((call) => `${call};`)];
    }
    const [target] = statement.kind === "assign" ? statement.targets : [];
    if (statement.kind === "assign" && target?.kind === "name" && statement.targets.length === 1) {
      return [...comments, ...this.assign(target.id, statement.value, statement.from)];
    }
    const what: Partial<Record<Stmt["kind"], string>> = {
      loop: "a loop",
      if: "a condition",
      with: "a with block",
      try: "a try block",
    };
    throw new Open(statement.from, `${what[statement.kind] ?? `"${statement.kind}"`} is no call on ctx`);
  }

  private assign(name: string, value: Expr, at: number): string[] {
    if (value.kind !== "call") {
      this.values.set(name, this.freeze(value));
      return [];
    }
    const [call, ...more] = this.call(value);
    if (more.length > 0 || !call?.startsWith("await ctx.beginBatch(")) {
      throw new Open(at, "only the id of a batch can be kept");
    }
    let constant = name;
    for (let n = 2; this.constants.has(constant) || RESERVED.has(constant); n++) constant = `${name}${n}`;
    this.constants.add(constant);
    this.values.set(name, { ...value, kind: "name", id: constant });
    return [`const ${constant} = ${call};`];
  }

  private commentsAbove(at: number): string[] {
    const start = this.file.text.lastIndexOf("\n", at - 1) + 1;
    // A second statement of a line has no comments of its own.
    if (this.file.text.slice(start, at).trim() !== "") return [];
    const lines = this.file.text.slice(0, start).split("\n").slice(0, -1);
    const found: string[] = [];
    while (/^\s*(#|$)/.test(lines.at(-1) ?? "x")) found.unshift(lines.pop()!.trim());
    return found.filter(Boolean).map((line) => line.replace(/^#\s?/, "// "));
  }

  /** The calls that one call becomes: mostly one, none for a call that does nothing. */
  private call(expr: Expr): string[] {
    if (
      expr.kind !== "call" || expr.callee.kind !== "attribute" || expr.callee.object.kind !== "name" ||
      expr.callee.object.id !== this.context
    ) throw new Open(expr.from, `it is no call on ${this.context}`);
    const { name } = expr.callee;
    const [method, ...parameters] = PLAIN_CALLS[name] ?? ROW_CALLS[name] ?? [];
    if (!method) throw new Open(expr.from, `ctx.${name} is not known`);
    const args = this.bind(expr.args, parameters, expr.from);
    if (name in ROW_CALLS) return this.rowCall(method, args);
    if (name === "begin_batch") this.hasBatch = true;
    if (name === "add_node_property" && !isNone(args.get("default"))) return [this.overwrite(args)];
    const texts = parameters.map((parameter) => args.get(parameter.replace("?", "")));
    while (texts.length > 0 && isNone(texts.at(-1))) texts.pop();
    return [
      `await ctx.${method}(${texts.map((text) => (text ? this.value(text) : "undefined")).join(", ")})`,
    ];
  }

  /** The original overwrites values that are there; the context's own operation would not. */
  private overwrite(args: Map<string, Expr>): string {
    const [label, property] = ["label", "property_name"].map((name) => {
      const value = args.get(name)!;
      return quoteName(value.kind === "string" ? value.value : "");
    });
    const cypher = JSON.stringify(`MATCH (n:${label}) SET n.${property} = $value`);
    return `await ctx.runCypher(${cypher}, { value: ${this.value(args.get("default")!)} })`;
  }

  private rowCall(method: string, args: Map<string, Expr>): string[] {
    const keys = args.get("merge_keys");
    // The original does nothing without rows, and without keys to merge by.
    if (keys && (keys.kind === "list" || keys.kind === "tuple") && keys.items.length === 0) return [];
    const call = `await ctx.${method}(${this.rows(args).join(", ")})`;
    if (this.hasBatch) return [call];
    this.hasBatch = true;
    return ['await ctx.beginBatch("untracked")', call];
  }

  private bind(args: Argument[], parameters: string[], at: number): Map<string, Expr> {
    const bound = new Map<string, Expr>();
    const names = parameters.map((parameter) => parameter.replace("?", ""));
    args.forEach((argument, i) => {
      const name = argument.name ?? names[i];
      if (argument.star || name === undefined || !names.includes(name) || bound.has(name)) {
        throw new Open(at, "its arguments are not those of the call");
      }
      const value = this.freeze(argument.value);
      if (PASTED.test(name) && !(value.kind === "string" && /^[A-Za-z_]\w*$/.test(value.value))) {
        throw new Open(
          argument.value.from,
          `"${name}" is no plain name, and the original pastes it into its Cypher`,
        );
      }
      bound.set(name, value);
    });
    const missing = parameters.find((parameter) => !parameter.endsWith("?") && !bound.has(parameter));
    if (missing !== undefined) throw new Open(at, `"${missing}" is missing`);
    return bound;
  }

  private rows(args: Map<string, Expr>): string[] {
    const text = (name: string) => this.value(args.get(name)!);
    const options: string[] = [];
    const keys = args.get("merge_keys");
    if (keys) {
      const isPlain = (keys.kind === "list" || keys.kind === "tuple") &&
        keys.items.every(({ value }) => value.kind === "string" && /^[A-Za-z_]\w*$/.test(value.value));
      if (!isPlain) throw new Open(keys.from, '"merge_keys" holds no plain names');
      options.push(`mergeKeys: ${this.value(keys)}`);
    }
    if (args.has("chunk_size")) options.push(`chunkSize: ${text("chunk_size")}`);
    const flag = args.get("use_call_in_transactions");
    if (flag && (flag.kind !== "constant" || flag.value === null)) {
      throw new Open(flag.from, '"use_call_in_transactions" is neither True nor False');
    }
    if (flag?.kind === "constant" && flag.value === true) options.push("callInTransactions: true");
    const data = args.get("data")!;
    if (data.kind !== "list" && data.kind !== "tuple") {
      throw new Open(data.from, "its rows are not written out");
    }
    if (!args.has("rel_type")) {
      return [text("label"), this.value(data), ...(options.length > 0 ? [`{ ${options.join(", ")} }`] : [])];
    }
    // The original finds ends by their "id", and passes over rows whose ends are missing.
    options.unshift('sourceKey: "id"', 'targetKey: "id"', 'onMissing: "skip"');
    const rows = data.items.map(({ value }) => this.relationshipRow(value, args));
    return [
      text("source_label"),
      text("target_label"),
      text("rel_type"),
      `[${rows.join(", ")}]`,
      `{ ${options.join(", ")} }`,
    ];
  }

  private relationshipRow(row: Expr, args: Map<string, Expr>): string {
    if (row.kind !== "dict") throw new Open(row.from, "a row is not written out");
    const members = new Map(
      row.items.map(({ key, value }) => [key?.kind === "string" ? key.value : "", value]),
    );
    const part = (parameter: string, usual: string, as: string): string[] => {
      const given = args.get(parameter);
      if (given && given.kind !== "string") throw new Open(given.from, `"${parameter}" is not written out`);
      const value = members.get(given?.kind === "string" ? given.value : usual);
      return value === undefined ? [] : [`${as}: ${this.value(value)}`];
    };
    const parts = [
      ...part("source_key", "source_id", "source"),
      ...part("target_key", "target_id", "target"),
      ...part("properties_key", "properties", "properties"),
    ];
    return `{ ${parts.join(", ")} }`;
  }

  /** The expression with its names replaced by what they hold now; only literals and batches are left. */
  private freeze(expr: Expr): Expr {
    switch (expr.kind) {
      case "string":
      case "constant":
      case "number":
        return expr;
      case "name": {
        const value = this.values.get(expr.id);
        if (value) return value;
        break;
      }
      case "unary":
        if (expr.op === "-" && expr.operand.kind === "number") return expr;
        break;
      case "list":
      case "tuple":
        if (expr.items.some((item) => item.star)) throw new Open(expr.from, "a list is not written out");
        return { ...expr, items: expr.items.map((item) => ({ ...item, value: this.freeze(item.value) })) };
      case "dict":
        return {
          ...expr,
          items: expr.items.map(({ key, value }) => {
            const name = key && this.freeze(key);
            if (name?.kind !== "string") throw new Open(value.from, "a key is no text that is written out");
            return { key: name, value: this.freeze(value) };
          }),
        };
    }
    throw new Open(expr.from, "a value is not written out");
  }

  /** A frozen expression as TypeScript. */
  private value(expr: Expr): string {
    switch (expr.kind) {
      case "string":
        return JSON.stringify(expr.value);
      case "constant":
        return String(expr.value);
      case "number":
        return this.number(expr.text, expr.from, "");
      case "unary":
        return this.number(expr.operand.kind === "number" ? expr.operand.text : "", expr.from, "-");
      case "list":
      case "tuple":
        return `[${expr.items.map((item) => this.value(item.value)).join(", ")}]`;
      case "dict":
        return this.object(expr.items);
      case "name":
        return expr.id;
      default:
        throw new Open(expr.from, "a value is not written out");
    }
  }

  private number(text: string, at: number, sign: string): string {
    const value = numberLiteral(text);
    if (value.kind === "int") {
      return Number.isSafeInteger(Number(value.value)) ? `${sign}${value.value}` : `${sign}${value.value}n`;
    }
    if (value.kind !== "float") throw new Open(at, "a number is not written out");
    if (!Number.isInteger(value.value)) return `${sign}${value.value}`;
    this.usesFloat = true;
    return `float(${sign}${value.value})`;
  }

  private object(items: { key?: Expr; value: Expr }[]): string {
    if (items.length === 0) return "{}";
    // Of equal keys Python takes the last.
    const members = new Map(items.map(({ key, value }) => [key?.kind === "string" ? key.value : "", value]));
    const texts = [...members].map(([key, value]) => {
      const name = key === "__proto__"
        ? '["__proto__"]'
        : /^[A-Za-z_]\w*$/.test(key)
        ? key
        : JSON.stringify(key);
      return `${name}: ${this.value(value)}`;
    });
    return `{ ${texts.join(", ")} }`;
  }
}

function isNone(expr: Expr | undefined): boolean {
  return expr === undefined || (expr.kind === "constant" && expr.value === null);
}

/** A snapshot of the original as a schema: it knows less, so what it lacks is left out. */
export function originalSchema(json: string): SchemaIr {
  const { nodes = [], relationships = [] } = JSON.parse(json) as {
    nodes?: OriginalNode[];
    relationships?: { kgid: string; rel_type: string; properties: OriginalProperty[] }[];
  };
  const byLabel = new Map(nodes.map((node) => [node.label, node.kgid]));
  const sorted = <T>(items: T[], key: (item: T) => string) =>
    items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  return {
    format: 1,
    nodes: sorted(nodes, (node) => node.kgid).map((node) => ({
      kgid: node.kgid,
      label: node.label,
      inheritedLabels: [],
      optionalLabels: [],
      properties: sorted(node.properties.map(originalProperty), (property) => property.name),
      relationships: sorted(
        node.relationship_defs.map((definition) => ({
          name: definition.attr_name,
          type: definition.rel_type,
          direction: definition.direction as "to" | "from" | "either",
          target: byLabel.get(definition.target_label) ?? null,
          cardinality: "ZeroOrMore",
          model: definition.model_kgid ?? null,
        })),
        (definition) => definition.name,
      ),
    })),
    relationshipModels: sorted(relationships, (model) => model.kgid).map((model) => ({
      kgid: model.kgid,
      types: [model.rel_type],
      properties: sorted(model.properties.map(originalProperty), (property) => property.name),
    })),
  };
}

interface OriginalProperty {
  name: string;
  property_type: string;
  required: boolean;
  unique_index: boolean;
  index: boolean;
  choices?: unknown[];
}

interface OriginalNode {
  kgid: string;
  label: string;
  properties: OriginalProperty[];
  relationship_defs: {
    attr_name: string;
    rel_type: string;
    target_label: string;
    direction: string;
    model_kgid?: string;
  }[];
}

function originalProperty(property: OriginalProperty): PropertyIr {
  return {
    name: property.name,
    property: property.name,
    type: property.property_type,
    ...(property.required && { required: true }),
    ...(property.unique_index && { unique: true }),
    ...(property.index && { index: true }),
    ...(property.choices && { choices: property.choices }),
  };
}
