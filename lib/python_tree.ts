/**
 * The shapes of Python's statements and expressions that matter to a reader of declarations, with their places.
 * What has no shape here is "other" and keeps its place. No behaviour but finding bodies and lines.
 */
import type { Span } from "./python_token.ts";

/** Character offsets in the source text. */
export type { Span } from "./python_token.ts";

/** An argument of a call or an item of a display: positional, keyword (`name`), or starred. */
export interface Argument {
  name?: string;
  /** Where the name begins and the value ends. */
  span?: Span;
  star?: "*" | "**";
  value: Expr;
}

/** One `for ... in ... if ...` part of a comprehension. */
export interface ComprehensionPart {
  target: Expr;
  iterable: Expr;
  conditions: Expr[];
}

/** A parameter of a function; `star` for `*args` and `**kwargs`, `keywordOnly` after a star. */
export interface Parameter {
  name: string;
  star?: "*" | "**";
  keywordOnly?: boolean;
  default?: Expr;
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
    | { kind: "slice"; lower?: Expr; upper?: Expr; step?: Expr }
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
    | { kind: "lambda"; parameters: Parameter[]; body: Expr }
    | { kind: "walrus"; target: string; value: Expr }
    | { kind: "other"; what: string }
  );

/** One imported name of a `from ... import` statement, or one module of `import`. */
export interface ImportedName {
  name: string;
  as?: string;
}

/** A body that runs only in a case: a branch of `if`, a handler of `try`, a case of `match`. */
export interface Branch {
  /** The condition of `if`, the exception of `except`, the guard of `case`. */
  test?: Expr;
  /** Names that entering the branch binds: the `as` of a handler, the captures of a pattern. */
  binds: string[];
  body: Stmt[];
}

/** A function statement. */
export interface FunctionStatement extends Span {
  kind: "function";
  name: string;
  parameters: Parameter[];
  body: Stmt[];
  decorators: Expr[];
  /** A coroutine or a generator: calling it runs nothing of its body. */
  deferred: boolean;
}

/** A class statement. */
export interface ClassStatement extends Span {
  kind: "class";
  name: string;
  nameSpan: Span;
  args: Argument[];
  body: Stmt[];
  decorators: Expr[];
}

/** A statement. */
export type Stmt =
  | FunctionStatement
  | ClassStatement
  | (
    & Span
    & (
      | { kind: "import"; names: ImportedName[] }
      | { kind: "from"; level: number; module: string; names: ImportedName[] | "*" }
      | { kind: "assign"; targets: Expr[]; value: Expr }
      | { kind: "annotate"; target: Expr }
      | { kind: "augment"; target: Expr; op: string; value: Expr }
      | { kind: "if"; branches: Branch[] }
      | { kind: "try"; body: Stmt[]; handlers: Branch[]; orelse: Stmt[]; final: Stmt[] }
      | { kind: "match"; subject: Expr; cases: Branch[] }
      | { kind: "loop"; target?: Expr; iterable?: Expr; test?: Expr; body: Stmt[]; orelse: Stmt[] }
      | { kind: "with"; contexts: Expr[]; targets: Expr[]; body: Stmt[] }
      | { kind: "delete"; targets: Expr[] }
      | { kind: "expression"; value: Expr }
      | { kind: "return"; value?: Expr }
      | { kind: "scope"; word: "global" | "nonlocal"; names: string[] }
      | { kind: "alias"; name: string }
      | { kind: "assert"; test: Expr }
      | { kind: "pass" | "break" | "continue" | "raise" }
    )
  );

/** What is wrong at a place of a file. */
export interface SyntaxProblem extends Span {
  message: string;
}

/** A parsed file; with a problem its body is empty. */
export interface PythonFile {
  body: Stmt[];
  problem?: SyntaxProblem;
  text: string;
  /** Offsets at which the lines begin. */
  lines: number[];
}

/** The bodies of a statement, in the order of the text. */
export function bodiesOf(statement: Stmt): Stmt[][] {
  switch (statement.kind) {
    case "class":
    case "function":
    case "with":
      return [statement.body];
    case "if":
      return statement.branches.map((branch) => branch.body);
    case "match":
      return statement.cases.map((branch) => branch.body);
    case "try":
      return [
        statement.body,
        ...statement.handlers.map((way) => way.body),
        statement.orelse,
        statement.final,
      ];
    case "loop":
      return [statement.body, statement.orelse];
    default:
      return [];
  }
}

/** Offsets at which the lines of a text begin. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) starts.push(index + end.length);
  return starts;
}

/** Line and column (both from 1) of an offset. */
export function locate(file: { lines: number[] }, offset: number): { line: number; column: number } {
  let [low, high] = [0, file.lines.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (file.lines[middle] <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - file.lines[low] + 1 };
}
