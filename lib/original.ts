/**
 * Takes what the Python original (crochet-migration 0.1) wrote and gives it as Crochet's own: a migration's header and
 * bodies as TypeScript, a snapshot as a schema. Python is parsed and never run; calls in a straight line become the
 * same calls, and a body with anything else is handed back as it was, for a person. Source: its 0.1.3 distribution.
 */
import type { PropertyIr, SchemaIr } from "./ir.ts";
import { numberLiteral } from "./python_operation.ts";
import { parsePython } from "./python_syntax.ts";
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
  const functions = new Map<string, Stmt[]>();
  for (const statement of file.body) {
    if (statement.kind === "assign" && statement.targets[0]?.kind === "name") {
      values.set(statement.targets[0].id, statement.value);
    } else if (statement.kind === "function") functions.set(statement.name, statement.body);
  }
  const plain = (name: string): unknown => {
    const value = values.get(name);
    return value?.kind === "string" || value?.kind === "constant" ? value.value : undefined;
  };
  const [id, parent] = [plain("revision_id"), plain("parent_id")];
  if (typeof id !== "string") return { problem: "it has no revision_id" };
  const docstring = file.body[0]?.kind === "expression" && file.body[0].value.kind === "string"
    ? file.body[0].value.value.trim()
    : "";
  const body = (name: string) => translate(file, functions.get(name) ?? []);
  return {
    revisionId: id,
    parentId: typeof parent === "string" ? parent : null,
    schemaHash: String(plain("schema_hash") ?? ""),
    rollbackSafe: plain("rollback_safe") !== false,
    description: docstring.split("\n")[0] || id,
    upgrade: body("upgrade"),
    downgrade: body("downgrade"),
  };
}

/** Names of parameters of calls that keep their arguments, with the method that they become. */
const PLAIN_CALLS: Record<string, [method: string, ...parameters: string[]]> = {
  add_unique_constraint: ["addUniqueConstraint", "label", "property_name"],
  drop_unique_constraint: ["dropUniqueConstraint", "label", "property_name"],
  add_node_property_existence_constraint: ["addNodePropertyExistenceConstraint", "label", "property_name"],
  drop_node_property_existence_constraint: ["dropNodePropertyExistenceConstraint", "label", "property_name"],
  add_index: ["addIndex", "label", "property_name"],
  drop_index: ["dropIndex", "label", "property_name"],
  rename_label: ["renameLabel", "old_label", "new_label"],
  rename_relationship_type: ["renameRelationshipType", "old_type", "new_type"],
  add_node_property: ["addNodeProperty", "label", "property_name", "default"],
  remove_node_property: ["removeNodeProperty", "label", "property_name"],
  rename_node_property: ["renameNodeProperty", "label", "old_name", "new_name"],
  run_cypher: ["runCypher", "cypher", "params"],
  begin_batch: ["beginBatch", "batch_id"],
  delete_nodes_by_batch: ["deleteNodesByBatch", "label", "batch_id"],
  delete_relationships_by_batch: ["deleteRelationshipsByBatch", "rel_type", "batch_id"],
};

const NODES = ["label", "data"];
const ENDS = ["source_label", "target_label", "rel_type", "data"];
const KEYS = ["source_key", "target_key", "properties_key"];
const CHUNKS = ["chunk_size"];
const IN_SERVER = ["use_call_in_transactions"];

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

/** Something that only running Python would tell. */
class Open extends Error {
  constructor(readonly at: number, what: string) {
    super(what);
  }
}

function translate(file: PythonFile, body: Stmt[]): TranslatedBody {
  const translator = new Translator(file);
  try {
    return {
      lines: body.flatMap((statement) => translator.statement(statement)),
      usesFloat: translator.usesFloat,
    };
  } catch (error) {
    if (!(error instanceof Open)) throw error;
    const { line } = locate(file, error.at);
    const [first, last] = [body[0].from, body.at(-1)!.to];
    const source = file.text.slice(file.text.lastIndexOf("\n", first - 1) + 1, last).split("\n");
    const what = `the Python of line ${line} is not translated: ${error.message}`;
    return {
      lines: [
        ...source.map((text) => `// ${text.replace(/^ {4}/, "")}`.trimEnd()),
        `throw new Error(${JSON.stringify(what)});`,
      ],
      usesFloat: false,
      open: { line, what: error.message },
    };
  }
}

class Translator {
  usesFloat = false;
  /** Values of the body's own names, and names of batches. */
  private readonly values = new Map<string, Expr>();
  private readonly batches = new Set<string>();

  constructor(private readonly file: PythonFile) {}

  statement(statement: Stmt): string[] {
    const comments = this.commentsAbove(statement.from);
    if (statement.kind === "pass") return comments;
    if (statement.kind === "expression") {
      if (statement.value.kind === "string") return [];
      return [...comments, `${this.call(statement.value)};`];
    }
    const [target] = statement.kind === "assign" ? statement.targets : [];
    if (statement.kind === "assign" && target?.kind === "name" && statement.targets.length === 1) {
      if (statement.value.kind !== "call") {
        this.value(statement.value);
        this.values.set(target.id, statement.value);
        return comments;
      }
      const call = this.call(statement.value);
      if (!call.startsWith("await ctx.beginBatch(")) {
        throw new Open(statement.from, "only the id of a batch can be kept");
      }
      this.batches.add(target.id);
      return [...comments, `const ${target.id} = ${call};`];
    }
    const what = {
      loop: "a loop",
      if: "a condition",
      for: "a loop",
      with: "a with block",
      try: "a try block",
    };
    throw new Open(
      statement.from,
      `${what[statement.kind as "if"] ?? `"${statement.kind}"`} is no call on ctx`,
    );
  }

  private commentsAbove(at: number): string[] {
    const lines = this.file.text.slice(0, this.file.text.lastIndexOf("\n", at - 1) + 1).split("\n").slice(
      0,
      -1,
    );
    const found: string[] = [];
    while (/^\s*(#|$)/.test(lines.at(-1) ?? "x")) found.unshift(lines.pop()!.trim());
    return found.filter(Boolean).map((line) => line.replace(/^#\s?/, "// "));
  }

  private call(expr: Expr): string {
    if (
      expr.kind !== "call" || expr.callee.kind !== "attribute" || expr.callee.object.kind !== "name" ||
      expr.callee.object.id !== "ctx"
    ) throw new Open(expr.from, "it is no call on ctx");
    const { name } = expr.callee;
    const [method, ...parameters] = PLAIN_CALLS[name] ?? ROW_CALLS[name] ?? [];
    if (!method) throw new Open(expr.from, `ctx.${name} is not known`);
    const args = this.bind(expr.args, parameters, expr.from);
    const texts = name in PLAIN_CALLS ? this.plain(args, parameters) : this.rows(args, parameters);
    return `await ctx.${method}(${texts.join(", ")})`;
  }

  private bind(args: Argument[], parameters: string[], at: number): Map<string, Expr> {
    const bound = new Map<string, Expr>();
    args.forEach((argument, i) => {
      const name = argument.name ?? parameters[i];
      if (argument.star || name === undefined || !parameters.includes(name)) {
        throw new Open(at, "its arguments are not plain");
      }
      bound.set(name, this.resolve(argument.value));
    });
    return bound;
  }

  private resolve(expr: Expr): Expr {
    return expr.kind === "name" ? this.values.get(expr.id) ?? expr : expr;
  }

  private plain(args: Map<string, Expr>, parameters: string[]): string[] {
    const texts = parameters.map((name) => args.has(name) ? this.value(args.get(name)!) : undefined);
    while (texts.length > 0 && (texts.at(-1) === undefined || texts.at(-1) === "null")) texts.pop();
    return texts.map((text) => text ?? "undefined");
  }

  private rows(args: Map<string, Expr>, parameters: string[]): string[] {
    const text = (name: string) => this.value(args.get(name)!);
    const options: string[] = [];
    const flag = args.get("use_call_in_transactions");
    if (args.has("merge_keys")) options.push(`mergeKeys: ${text("merge_keys")}`);
    if (args.has("chunk_size")) options.push(`chunkSize: ${text("chunk_size")}`);
    if (flag?.kind === "constant" && flag.value === true) options.push("callInTransactions: true");
    const data = args.get("data");
    if (data?.kind !== "list") throw new Open(data?.from ?? 0, "its rows are not written out");
    if (!parameters.includes("rel_type")) {
      return [text("label"), this.value(data), ...(options.length > 0 ? [`{ ${options.join(", ")} }`] : [])];
    }
    // The original finds ends by their "id", and passes over rows whose ends are missing.
    options.unshift('sourceKey: "id"', 'targetKey: "id"', 'onMissing: "skip"');
    const key = (name: string, usual: string) => {
      const given = args.get(name);
      return given?.kind === "string" ? given.value : usual;
    };
    const [source, target, properties] = [
      key("source_key", "source_id"),
      key("target_key", "target_id"),
      key("properties_key", "properties"),
    ];
    const rows = data.items.map(({ value: row }) => {
      if (row.kind !== "dict") throw new Open(row.from, "a row is not written out");
      const member = (name: string) =>
        row.items.find((item) => item.key?.kind === "string" && item.key.value === name)?.value;
      const part = (name: string, as: string) => {
        const value = member(name);
        return value === undefined ? [] : [`${as}: ${this.value(value)}`];
      };
      return `{ ${
        [...part(source, "source"), ...part(target, "target"), ...part(properties, "properties")].join(", ")
      } }`;
    });
    return [
      text("source_label"),
      text("target_label"),
      text("rel_type"),
      `[${rows.join(", ")}]`,
      `{ ${options.join(", ")} }`,
    ];
  }

  /** A literal of Python as one of TypeScript. */
  private value(given: Expr): string {
    const expr = this.resolve(given);
    switch (expr.kind) {
      case "string":
        return JSON.stringify(expr.value);
      case "constant":
        return String(expr.value);
      case "number":
        return this.number(expr.text, expr.from, "");
      case "unary":
        if (expr.op === "-" && expr.operand.kind === "number") {
          return this.number(expr.operand.text, expr.from, "-");
        }
        break;
      case "list":
      case "tuple":
        return `[${expr.items.map((item) => this.value(item.value)).join(", ")}]`;
      case "dict":
        return this.object(expr.items);
      case "name":
        if (this.batches.has(expr.id)) return expr.id;
        break;
    }
    throw new Open(expr.from, "a value is not written out");
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
    const members = items.map(({ key, value }) => {
      if (key?.kind !== "string") throw new Open(value.from, "a key is no text");
      const name = /^[A-Za-z_]\w*$/.test(key.value) ? key.value : JSON.stringify(key.value);
      return `${name}: ${this.value(value)}`;
    });
    return `{ ${members.join(", ")} }`;
  }
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
