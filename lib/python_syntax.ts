/**
 * Takes the text of a Python file and gives statements and expressions with their positions, and the syntax
 * problems. The grammar is `@lezer/python`; this file turns its tree into the few shapes that matter to a reader of
 * declarations. What it has no shape for becomes "other" and keeps its position. Never runs anything.
 */
import { parser } from "@lezer/python";
import type { SyntaxNode, Tree } from "@lezer/common";
import { splitLiteral, unescape, unifyLines } from "./python_literal.ts";

/** Character offsets in the source text. */
export interface Span {
  from: number;
  to: number;
}

/** An argument of a call: positional, keyword (`name`), or starred. */
export interface Argument {
  name?: string;
  star?: "*" | "**";
  value: Expr;
}

/** One `for ... in ... if ...` part of a comprehension. */
export interface ComprehensionPart {
  target: Expr;
  iterable: Expr;
  conditions: Expr[];
}

/** An expression. */
export type Expr =
  & Span
  & (
    | { kind: "name"; id: string }
    | { kind: "string"; value: string }
    | { kind: "bytes" }
    | { kind: "fstring"; parts: (string | Expr)[] }
    | { kind: "number"; text: string }
    | { kind: "constant"; value: boolean | null }
    | { kind: "tuple" | "list" | "set"; items: Argument[] }
    | { kind: "dict"; items: { key?: Expr; value: Expr }[] }
    | { kind: "attribute"; object: Expr; name: string }
    | { kind: "subscript"; object: Expr; index: Expr[] }
    | { kind: "call"; callee: Expr; args: Argument[] }
    | { kind: "unary"; op: string; operand: Expr }
    | { kind: "binary"; op: string; left: Expr; right: Expr }
    | { kind: "conditional"; then: Expr; test: Expr; otherwise: Expr }
    | {
      kind: "comprehension";
      of: "list" | "set" | "dict" | "generator";
      key?: Expr;
      value: Expr;
      parts: ComprehensionPart[];
    }
    | { kind: "lambda" }
    | { kind: "walrus"; target: string; value: Expr }
    | { kind: "other"; what: string }
  );

/** One imported name of a `from ... import` statement, or one module of `import`. */
export interface ImportedName {
  name: string;
  as?: string;
}

/** A statement; bodies of functions are not kept, since declarations do not run them. */
export type Stmt =
  & Span
  & (
    | { kind: "import"; names: ImportedName[] }
    | { kind: "from"; level: number; module: string; names: ImportedName[] | "*" }
    | { kind: "assign"; targets: Expr[]; value: Expr }
    | { kind: "annotate"; target: Expr }
    | { kind: "augment"; target: Expr; op: string; value: Expr }
    | {
      kind: "class";
      name: string;
      nameSpan: Span;
      args: Argument[];
      body: Stmt[];
      decorators: Expr[];
    }
    | { kind: "function"; name: string; decorators: Expr[]; classes: ClassMention[]; body: Span }
    | { kind: "if"; branches: { test?: Expr; body: Stmt[] }[] }
    | { kind: "try"; body: Stmt[]; handlers: { type?: Expr; body: Stmt[] }[]; orelse: Stmt[]; final: Stmt[] }
    | { kind: "loop"; target?: Expr; iterable?: Expr; body: Stmt[]; orelse: Stmt[] }
    | { kind: "with"; body: Stmt[]; targets: Expr[] }
    | { kind: "delete"; targets: Expr[] }
    | { kind: "expression"; value: Expr }
    | { kind: "other"; what: string }
  );

/** A class statement inside a function body: it exists only when the function runs. */
export interface ClassMention extends Span {
  name: string;
  args: Argument[];
}

/** Where and how the text is no Python 3. */
export interface SyntaxProblem extends Span {
  message: string;
  /** The grammar knows less than Python there: inside of functions, in decorators and headers of `with`. */
  doubtful?: boolean;
}

/** A parsed file. */
export interface PythonFile {
  body: Stmt[];
  problems: SyntaxProblem[];
  text: string;
}

/**
 * Parses a Python file. Never throws: what is no Python is in `problems`, in the order of the text.
 *
 * @example
 * ```ts
 * import { parsePython } from "./python_syntax.ts";
 * import assert from "node:assert/strict";
 * const file = parsePython("class Person(Node):\n    name = 'x'\n");
 * assert.equal(file.body[0].kind, "class");
 * assert.equal(file.problems.length, 0);
 * ```
 */
export function parsePython(text: string): PythonFile {
  let tree = parser.parse(text);
  let problems = grammarProblems(tree, text);
  if (problems.length > 0) {
    // The grammar stumbles over a few things that are Python; a text of equal length without them tells.
    const other = parser.parse(plainText(text));
    const left = grammarProblems(other, text);
    if (left.length < problems.length) [tree, problems] = [other, left];
  }
  const reader = new Reader(text);
  const body = reader.statements(tree.topNode, "");
  problems.push(...reader.problems);
  problems.sort((a, b) => a.from - b.from);
  return { body, problems: problems.slice(0, 20), text };
}

function grammarProblems(tree: Tree, text: string): SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  tree.iterate({
    enter(node) {
      if (node.type.isError) {
        const token = text.slice(node.from, node.to).split("\n")[0].trim();
        problems.push({
          from: node.from,
          to: node.to,
          message: token
            ? `invalid syntax near "${token.slice(0, 30)}"`
            : "invalid syntax: something is missing here",
          doubtful: isDoubtful(node.node),
        });
      } else if (node.name === "PrintStatement") {
        problems.push({ from: node.from, to: node.to, message: "a Python 2 print statement" });
      } else if (node.name === "String" && !WHOLE_STRING.test(text.slice(node.from, node.to))) {
        problems.push({ from: node.from, to: node.to, message: "a string that does not end" });
      }
    },
  });
  return problems;
}

const WHOLE_STRING = /^[a-zA-Z]*(?:"""[^]*"""|'''[^]*'''|"[^]*"|'[^]*')$/;

/**
 * The text with spaces for comments and blank lines, and plain words for a bare `yield` and for `1.`: @lezer/python
 * 1.1.19 does not know the last two, and gives up in long files of short statements with lines between them. Every
 * character keeps its place, so positions found in it are positions in the text.
 */
function plainText(text: string): string {
  const token =
    /("""[^]*?"""|'''[^]*?'''|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*')|(#[^\n]*)|\byield\b(?=[ \t]*(?:[)\]},;:#\n]|$))|(\d)\.(?![\w.])/g;
  const plain = text.replace(token, (whole, string, comment, digit) => {
    if (string !== undefined) return string;
    if (comment !== undefined) return " ".repeat(whole.length);
    return digit !== undefined ? `${digit}0` : "None ";
  });
  // A line break before a blank line becomes a space: the statement ends at the next one.
  return plain.replace(/\r?\n(?=(?:[ \t\f]*\r?\n)+)/g, (whole) => " ".repeat(whole.length));
}

/** Line and column (both from 1) of an offset. */
export function locate(text: string, offset: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
    line++;
    start = at + 1;
  }
  return { line, column: offset - start + 1 };
}

const SKIPPED = new Set(["Comment", "⚠"]);

function isDoubtful(node: SyntaxNode): boolean {
  for (let at: SyntaxNode | null = node.parent; at; at = at.parent) {
    if (["FunctionDefinition", "LambdaExpression", "Decorator", "DecoratedStatement"].includes(at.name)) {
      return true;
    }
    if (at.name === "WithStatement" && node.to <= (at.getChild("Body")?.from ?? Infinity)) return true;
    if (at.name === "ClassDefinition") return false;
  }
  return false;
}

/** Turns lezer's nodes into ours; holds only the text. */
class Reader {
  readonly problems: SyntaxProblem[] = [];

  constructor(private readonly text: string) {}

  /** Statements of a module or a body; those that begin a line must share its indentation. */
  statements(parent: SyntaxNode, indent?: string): Stmt[] {
    const found: Stmt[] = [];
    for (let node = parent.firstChild; node; node = node.nextSibling) {
      if (SKIPPED.has(node.name) || node.name === ":") continue;
      const own = this.indentation(node.from);
      if (own !== undefined) {
        indent ??= own;
        if (own !== indent) {
          this.problems.push({ from: node.from, to: node.to, message: "unexpected indentation" });
        }
      }
      if (node.name === "StatementGroup") found.push(...this.statements(node, indent));
      else found.push(this.statement(node, []));
    }
    return found;
  }

  /** What stands before an offset on its line, where that is white space only. */
  private indentation(offset: number): string | undefined {
    const before = this.text.slice(this.text.lastIndexOf("\n", offset - 1) + 1, offset).replace(/^\f/, "");
    return /\S/.test(before) ? undefined : before;
  }

  private statement(node: SyntaxNode, decorators: Expr[]): Stmt {
    const span = { from: node.from, to: node.to };
    switch (node.name) {
      case "DecoratedStatement": {
        const found: Expr[] = [];
        for (const child of children(node)) {
          if (child.name === "Decorator") found.push(this.decorator(child));
          else if (child.name !== "Comment") return { ...this.statement(child, found), from: node.from };
        }
        return { ...span, kind: "other", what: node.name };
      }
      case "ClassDefinition":
        return this.classDefinition(node, decorators);
      case "FunctionDefinition":
        return this.functionDefinition(node, decorators);
      case "ImportStatement":
        return this.importStatement(node);
      case "AssignStatement":
        return this.assignment(node);
      case "UpdateStatement": {
        const parts = children(node);
        const at = parts.findIndex((part) => part.name === "UpdateOp");
        if (at < 1) return { ...span, kind: "other", what: node.name };
        return {
          ...span,
          kind: "augment",
          target: this.group(parts.slice(0, at), span),
          op: this.slice(parts[at]),
          value: this.group(parts.slice(at + 1), span),
        };
      }
      case "ExpressionStatement":
        return { ...span, kind: "expression", value: this.group(children(node), span) };
      case "DeleteStatement":
        return {
          ...span,
          kind: "delete",
          targets: children(node).filter((c) => c.name !== "del" && c.name !== ",").map((c) => this.expr(c)),
        };
      case "IfStatement":
        return this.ifStatement(node);
      case "TryStatement":
        return this.tryStatement(node);
      case "ForStatement":
      case "WhileStatement":
        return this.loop(node);
      case "WithStatement": {
        const body = node.getChild("Body");
        const targets: Expr[] = [];
        const parts = children(node);
        parts.forEach((part, i) => {
          if (part.name === "as" && parts[i + 1]) targets.push(this.expr(parts[i + 1]));
        });
        return { ...span, kind: "with", body: body ? this.statements(body) : [], targets };
      }
      default:
        return { ...span, kind: "other", what: node.name };
    }
  }

  private classDefinition(node: SyntaxNode, decorators: Expr[]): Stmt {
    const name = node.getChild("VariableName");
    const args = node.getChild("ArgList");
    const body = node.getChild("Body");
    return {
      from: node.from,
      to: node.to,
      kind: "class",
      name: name ? this.slice(name) : "",
      nameSpan: name ? { from: name.from, to: name.to } : { from: node.from, to: node.to },
      args: args ? this.args(args) : [],
      body: body ? this.statements(body) : [],
      decorators,
    };
  }

  private functionDefinition(node: SyntaxNode, decorators: Expr[]): Stmt {
    const name = node.getChild("VariableName");
    const body = node.getChild("Body");
    const classes: ClassMention[] = [];
    body?.cursor().iterate((inner) => {
      if (inner.name !== "ClassDefinition") return;
      const args = inner.node.getChild("ArgList");
      const label = inner.node.getChild("VariableName");
      classes.push({
        from: inner.from,
        to: inner.to,
        name: label ? this.slice(label) : "",
        args: args ? this.args(args) : [],
      });
    });
    return {
      from: node.from,
      to: node.to,
      kind: "function",
      name: name ? this.slice(name) : "",
      decorators,
      classes,
      body: body ? { from: body.from, to: body.to } : { from: node.to, to: node.to },
    };
  }

  private decorator(node: SyntaxNode): Expr {
    const parts = children(node).filter((part) => part.name !== "At" && part.name !== ".");
    const args = parts.find((part) => part.name === "ArgList");
    const names = parts.filter((part) => part.name === "VariableName" || part.name === "PropertyName");
    if (names.length === 0 && parts[0]) return this.expr(parts[0]);
    let callee: Expr = { kind: "other", what: "decorator", from: node.from, to: node.to };
    names.forEach((name, i) => {
      const id = this.slice(name);
      callee = i === 0
        ? { kind: "name", id, from: name.from, to: name.to }
        : { kind: "attribute", object: callee, name: id, from: names[0].from, to: name.to };
    });
    return args ? { kind: "call", callee, args: this.args(args), from: node.from, to: node.to } : callee;
  }

  private importStatement(node: SyntaxNode): Stmt {
    const span = { from: node.from, to: node.to };
    const words = children(node).filter((c) => !["(", ")"].includes(c.name)).map((c) => this.slice(c));
    const names = (list: string[]): ImportedName[] => {
      const found: ImportedName[] = [];
      let current: string[] = [];
      const close = () => {
        const as = current.indexOf("as");
        if (current.length) {
          found.push(
            as === -1
              ? { name: current.join("") }
              : { name: current.slice(0, as).join(""), as: current[as + 1] },
          );
        }
        current = [];
      };
      for (const word of list) word === "," ? close() : current.push(word);
      close();
      return found;
    };
    if (words[0] === "import") return { ...span, kind: "import", names: names(words.slice(1)) };
    const split = words.indexOf("import");
    if (words[0] !== "from" || split === -1) return { ...span, kind: "other", what: node.name };
    const path = words.slice(1, split).join("");
    const level = path.length - path.replace(/^\.+/, "").length;
    const rest = words.slice(split + 1);
    return {
      ...span,
      kind: "from",
      level,
      module: path.slice(level),
      names: rest[0] === "*" ? "*" : names(rest),
    };
  }

  private assignment(node: SyntaxNode): Stmt {
    const span = { from: node.from, to: node.to };
    const groups: SyntaxNode[][] = [[]];
    let annotated = false;
    for (const child of children(node)) {
      if (child.name === "AssignOp") groups.push([]);
      else if (child.name === "TypeDef") annotated = true;
      else groups.at(-1)!.push(child);
    }
    if (groups.length === 1) {
      const target = this.group(groups[0], span);
      return annotated
        ? { ...span, kind: "annotate", target }
        : { ...span, kind: "expression", value: target };
    }
    const value = this.group(groups.pop()!, span);
    return { ...span, kind: "assign", targets: groups.map((g) => this.group(g, span)), value };
  }

  private ifStatement(node: SyntaxNode): Stmt {
    const branches: { test?: Expr; body: Stmt[] }[] = [];
    let test: Expr | undefined;
    for (const child of children(node)) {
      if (child.name === "Body") branches.push({ test, body: this.statements(child) });
      else if (child.name === "if" || child.name === "elif" || child.name === "else") test = undefined;
      else test = this.expr(child);
    }
    return { from: node.from, to: node.to, kind: "if", branches };
  }

  private tryStatement(node: SyntaxNode): Stmt {
    const result = {
      body: [] as Stmt[],
      handlers: [] as { type?: Expr; body: Stmt[] }[],
      orelse: [] as Stmt[],
      final: [] as Stmt[],
    };
    let part = "try";
    let type: Expr | undefined;
    for (const child of children(node)) {
      if (["try", "except", "else", "finally"].includes(child.name)) {
        part = child.name;
        type = undefined;
      } else if (child.name === "Body") {
        const body = this.statements(child);
        if (part === "try") result.body = body;
        else if (part === "except") result.handlers.push({ type, body });
        else if (part === "else") result.orelse = body;
        else result.final = body;
      } else if (part === "except" && !type && child.name !== "as" && child.name !== "*") {
        type = this.expr(child);
      }
    }
    return { from: node.from, to: node.to, kind: "try", ...result };
  }

  private loop(node: SyntaxNode): Stmt {
    const parts = children(node);
    const [body, orelse] = parts.filter((part) => part.name === "Body");
    const start = parts.findIndex((part) => part.name === "for");
    const middle = parts.findIndex((part) => part.name === "in");
    const end = parts.findIndex((part) => part.name === "Body");
    const span = { from: node.from, to: node.to };
    return {
      ...span,
      kind: "loop",
      target: start !== -1 && middle > start ? this.group(parts.slice(start + 1, middle), span) : undefined,
      iterable: middle !== -1 && end > middle ? this.group(parts.slice(middle + 1, end), span) : undefined,
      body: body ? this.statements(body) : [],
      orelse: orelse ? this.statements(orelse) : [],
    };
  }

  /** One expression, or a tuple without parentheses. */
  private group(nodes: SyntaxNode[], span: Span): Expr {
    const kept = nodes.filter((node) => !SKIPPED.has(node.name));
    if (kept.length === 1) return this.expr(kept[0]);
    if (kept.length === 0) return { ...span, kind: "other", what: "nothing" };
    return { from: kept[0].from, to: kept.at(-1)!.to, kind: "tuple", items: this.items(kept) };
  }

  private expr(node: SyntaxNode): Expr {
    const span = { from: node.from, to: node.to };
    switch (node.name) {
      case "VariableName":
        return { ...span, kind: "name", id: this.slice(node).normalize("NFKC") };
      case "String":
        return this.stringLiteral(node);
      case "FormatString":
        return { ...span, kind: "fstring", parts: this.formatParts(node) };
      case "ContinuedString":
        return this.continuedString(node);
      case "Number":
        return { ...span, kind: "number", text: this.slice(node) };
      case "Boolean":
        return { ...span, kind: "constant", value: this.slice(node) === "True" };
      case "None":
        return { ...span, kind: "constant", value: null };
      case "ParenthesizedExpression":
        return this.group(children(node).filter((c) => c.name !== "(" && c.name !== ")"), span);
      case "TupleExpression":
        return { ...span, kind: "tuple", items: this.items(children(node)) };
      case "ArrayExpression":
        return { ...span, kind: "list", items: this.items(children(node)) };
      case "SetExpression":
        return { ...span, kind: "set", items: this.items(children(node)) };
      case "DictionaryExpression":
        return this.dictionary(node);
      case "ArrayComprehensionExpression":
        return this.comprehension(children(node), "list", span);
      case "SetComprehensionExpression":
        return this.comprehension(children(node), "set", span);
      case "DictionaryComprehensionExpression":
        return this.comprehension(children(node), "dict", span);
      case "ComprehensionExpression":
        return this.comprehension(children(node), "generator", span);
      case "MemberExpression":
        return this.member(node);
      case "CallExpression": {
        const args = node.getChild("ArgList");
        return {
          ...span,
          kind: "call",
          callee: this.expr(node.firstChild!),
          args: args ? this.args(args) : [],
        };
      }
      case "UnaryExpression": {
        const [op, operand] = children(node);
        if (!operand) return this.other(node);
        return negateFirst(span, this.slice(op), this.expr(operand), operand.name === "BinaryExpression");
      }
      case "BinaryExpression": {
        const parts = children(node);
        if (parts.length < 3) return this.other(node);
        const op = parts.slice(1, -1).map((part) => this.slice(part)).join(" ");
        return { ...span, kind: "binary", op, left: this.expr(parts[0]), right: this.expr(parts.at(-1)!) };
      }
      case "ConditionalExpression": {
        const parts = children(node).filter((part) => part.name !== "if" && part.name !== "else");
        if (parts.length !== 3) return this.other(node);
        const [then, test, otherwise] = parts.map((part) => this.expr(part));
        return { ...span, kind: "conditional", then, test, otherwise };
      }
      case "LambdaExpression":
        return { ...span, kind: "lambda" };
      case "NamedExpression": {
        const parts = children(node).filter((part) => part.name !== "AssignOp");
        if (parts.length !== 2) return this.other(node);
        return { ...span, kind: "walrus", target: this.slice(parts[0]), value: this.expr(parts[1]) };
      }
      default:
        return this.other(node);
    }
  }

  private other(node: SyntaxNode): Expr {
    return { from: node.from, to: node.to, kind: "other", what: node.name };
  }

  private member(node: SyntaxNode): Expr {
    const span = { from: node.from, to: node.to };
    const parts = children(node);
    const object = this.expr(parts[0]);
    const name = parts.find((part) => part.name === "PropertyName");
    if (name) return { ...span, kind: "attribute", object, name: this.slice(name).normalize("NFKC") };
    const inner = parts.slice(2, -1);
    if (inner.some((part) => part.name === ":")) return { ...span, kind: "other", what: "slice" };
    return {
      ...span,
      kind: "subscript",
      object,
      index: inner.filter((p) => p.name !== ",").map((p) => this.expr(p)),
    };
  }

  private dictionary(node: SyntaxNode): Expr {
    const items: { key?: Expr; value: Expr }[] = [];
    const parts = children(node).filter((part) => !["{", "}", ",", ":"].includes(part.name));
    for (let i = 0; i < parts.length;) {
      if (this.slice(parts[i]) === "**" && parts[i + 1]) {
        items.push({ value: this.expr(parts[i + 1]) });
        i += 2;
      } else if (parts[i + 1]) {
        items.push({ key: this.expr(parts[i]), value: this.expr(parts[i + 1]) });
        i += 2;
      } else i++;
    }
    return { from: node.from, to: node.to, kind: "dict", items };
  }

  private comprehension(parts: SyntaxNode[], of: "list" | "set" | "dict" | "generator", span: Span): Expr {
    const kept = parts.filter((part) => !["[", "]", "{", "}", "(", ")", "async"].includes(part.name));
    const first = kept.findIndex((part) => part.name === "for");
    const head = kept.slice(0, first).filter((part) => part.name !== ":");
    if (first < 1 || head.length === 0) return { ...span, kind: "other", what: "comprehension" };
    const found: ComprehensionPart[] = [];
    for (let i = first; i < kept.length;) {
      if (kept[i].name === "for") {
        const middle = kept.findIndex((part, j) => j > i && part.name === "in");
        if (middle === -1 || !kept[middle + 1]) break;
        found.push({
          target: this.group(kept.slice(i + 1, middle), span),
          iterable: this.expr(kept[middle + 1]),
          conditions: [],
        });
        i = middle + 2;
      } else if (kept[i].name === "if" && kept[i + 1]) {
        found.at(-1)!.conditions.push(this.expr(kept[i + 1]));
        i += 2;
      } else i++;
    }
    const values = head.map((part) => this.expr(part));
    return {
      ...span,
      kind: "comprehension",
      of,
      key: values.length > 1 ? values[0] : undefined,
      value: values.at(-1)!,
      parts: found,
    };
  }

  private items(parts: SyntaxNode[]): Argument[] {
    return this.separated(parts.filter((part) => !["(", ")", "[", "]", "{", "}"].includes(part.name)));
  }

  private args(node: SyntaxNode): Argument[] {
    const parts = children(node).filter((part) => part.name !== "(" && part.name !== ")");
    if (parts.some((part) => part.name === "for")) {
      return [{ value: this.comprehension(parts, "generator", { from: node.from, to: node.to }) }];
    }
    return this.separated(parts);
  }

  /** Comma-separated arguments or items, with stars and keywords. */
  private separated(parts: SyntaxNode[]): Argument[] {
    const found: Argument[] = [];
    let current: SyntaxNode[] = [];
    const close = () => {
      const kept = current.filter((part) => !SKIPPED.has(part.name));
      current = [];
      if (kept.length === 0) return;
      const star = this.slice(kept[0]);
      if ((star === "*" || star === "**") && kept[1]) found.push({ star, value: this.expr(kept[1]) });
      else if (kept[1]?.name === "AssignOp" && kept[2] && this.slice(kept[1]) === "=") {
        found.push({ name: this.slice(kept[0]), value: this.expr(kept[2]) });
      } else if (kept[1]?.name === "AssignOp" && kept[2]) {
        const span = { from: kept[0].from, to: kept[2].to };
        found.push({
          value: { ...span, kind: "walrus", target: this.slice(kept[0]), value: this.expr(kept[2]) },
        });
      } else found.push({ value: this.expr(kept[0]) });
    };
    for (const part of parts) part.name === "," ? close() : current.push(part);
    close();
    return found;
  }

  private continuedString(node: SyntaxNode): Expr {
    const parts: (string | Expr)[] = [];
    for (const child of children(node)) {
      const piece = child.name === "FormatString" ? this.formatParts(child) : this.stringLiteral(child);
      if (Array.isArray(piece)) parts.push(...piece);
      else if (piece.kind === "string") parts.push(piece.value);
      else if (piece.kind === "fstring") parts.push(...piece.parts);
      else return { from: node.from, to: node.to, kind: "bytes" };
    }
    const span = { from: node.from, to: node.to };
    if (parts.every((part) => typeof part === "string")) {
      return { ...span, kind: "string", value: parts.join("") };
    }
    return { ...span, kind: "fstring", parts };
  }

  private stringLiteral(node: SyntaxNode): Expr {
    const span = { from: node.from, to: node.to };
    const { prefix, body } = splitLiteral(this.slice(node));
    if (prefix.includes("b")) return { ...span, kind: "bytes" };
    return { ...span, kind: "string", value: prefix.includes("r") ? unifyLines(body) : unescape(body) };
  }

  private formatParts(node: SyntaxNode): (string | Expr)[] {
    const raw = this.slice(node);
    const { prefix, quote } = splitLiteral(raw);
    const parts: (string | Expr)[] = [];
    let at = node.from + prefix.length + quote.length;
    const end = node.to - quote.length;
    const pushText = (to: number) => {
      if (to <= at) return;
      const piece = this.text.slice(at, to).replaceAll("{{", "{").replaceAll("}}", "}");
      parts.push(prefix.includes("r") ? unifyLines(piece) : unescape(piece));
    };
    for (const child of children(node)) {
      if (child.name !== "FormatReplacement") continue;
      pushText(child.from);
      const inner = children(child).filter((part) => part.name !== "{" && part.name !== "}");
      const plain = inner.length === 1 && !SKIPPED.has(inner[0].name);
      parts.push(
        plain ? this.expr(inner[0]) : { from: child.from, to: child.to, kind: "other", what: "format" },
      );
      at = child.to;
    }
    pushText(end);
    return parts;
  }

  private slice(node: SyntaxNode): string {
    return this.text.slice(node.from, node.to);
  }
}

/** The grammar lets `not a and b` be `not (a and b)`; Python negates the first operand only. */
function negateFirst(span: Span, op: string, operand: Expr, isBare: boolean): Expr {
  if (op === "not" && isBare && operand.kind === "binary" && (operand.op === "and" || operand.op === "or")) {
    // A first operand in parentheses begins after its parenthesis.
    const left = negateFirst(span, op, operand.left, operand.left.from === operand.from);
    return { ...operand, left };
  }
  return { ...span, kind: "unary", op, operand };
}

function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name !== "Comment") found.push(child);
  }
  return found;
}
