/**
 * Takes the text of a Python file and gives its statements, or the place where it is no Python 3. Every statement of
 * the Python 3.14 grammar is read, exactly; a file that any Python 3 compiles is a file that this reads.
 * Source: the grammar in the Python 3.14 reference. Never runs anything.
 */
import { ExpressionParser } from "./python_expression.ts";
import { PythonSyntaxError, tokenize } from "./python_token.ts";
import {
  type Branch,
  type Expr,
  type FunctionStatement,
  type ImportedName,
  lineStarts,
  type PythonFile,
  type Span,
  type Stmt,
} from "./python_tree.ts";

/**
 * Parses a Python file. Never throws: where the text is no Python, `problem` says so.
 *
 * @example
 * ```ts
 * import { parsePython } from "./python_syntax.ts";
 * import assert from "node:assert/strict";
 * const file = parsePython("class Person(Node):\n    name = 'x'\n");
 * assert.equal(file.body[0].kind, "class");
 * assert.equal(file.problem, undefined);
 * ```
 */
export function parsePython(text: string): PythonFile {
  const lines = lineStarts(text);
  try {
    return { body: new StatementParser(text, tokenize(text)).file(), text, lines };
  } catch (error) {
    if (!(error instanceof PythonSyntaxError)) throw error;
    return { body: [], text, lines, problem: { message: error.message, ...error.span } };
  }
}

const AUGMENTED = new Set(["+=", "-=", "*=", "/=", "//=", "%=", "@=", "&=", "|=", "^=", ">>=", "<<=", "**="]);

/** What the statement that is being read stands in. */
interface Surrounding {
  of: "module" | "class" | "function";
  inLoop: boolean;
  isGenerator: boolean;
}

class StatementParser extends ExpressionParser {
  private around: Surrounding = { of: "module", inLoop: false, isGenerator: false };

  file(): Stmt[] {
    const found: Stmt[] = [];
    while (!this.sees("end")) for (const one of this.statement()) found.push(one);
    return found;
  }

  protected override sawYield(): void {
    if (this.around.of !== "function") this.fail("'yield' outside function");
    this.around.isGenerator = true;
  }

  private within<T>(around: Partial<Surrounding>, read: () => T): T {
    const before = this.around;
    this.around = { ...before, ...around };
    const value = read();
    if (this.around.of === before.of && this.around.isGenerator) before.isGenerator = true;
    this.around = before;
    return value;
  }

  private statement(): Stmt[] {
    const { type, text } = this.token;
    if (type === "keyword") {
      switch (text) {
        case "if":
          return [this.ifStatement()];
        case "class":
          return [this.classStatement([])];
        case "def":
          return [this.functionStatement([], false)];
        case "try":
          return [this.tryStatement()];
        case "for":
        case "while":
          return [this.loop()];
        case "with":
          return [this.withStatement()];
        case "async":
          return [this.asyncStatement([])];
      }
    }
    if (type === "op" && text === "@") return [this.decorated()];
    if (type === "name" && text === "match") {
      const found = this.matchStatement();
      if (found) return [found];
    }
    return this.simpleStatements();
  }

  /** Statements of a line, separated by semicolons. */
  private simpleStatements(): Stmt[] {
    const found: Stmt[] = [];
    do {
      if (this.sees("newline")) break;
      found.push(this.simpleStatement());
    } while (this.take(";"));
    if (!this.sees("newline")) this.fail(this.reasonFor(found.at(-1)));
    this.next();
    return found;
  }

  private reasonFor(last: Stmt | undefined): string | undefined {
    const word = last?.kind === "expression" && last.value.kind === "name" ? last.value.id : "";
    if (word === "print" || word === "exec") return `a Python 2 ${word} statement`;
    return this.token.text === "=" && last?.kind === "expression" ? "cannot assign here" : undefined;
  }

  /** The statements of a body, indented or on the line of their header. */
  private block(what: string): Stmt[] {
    this.expect(":");
    if (!this.sees("newline")) return this.simpleStatements();
    this.next();
    if (!this.sees("indent")) this.fail(`expected an indented block after ${what}`);
    this.next();
    const found: Stmt[] = [];
    while (!this.sees("dedent")) {
      if (this.sees("end")) this.fail();
      for (const one of this.statement()) found.push(one);
    }
    this.next();
    return found;
  }

  private simpleStatement(): Stmt {
    const { type, text, from } = this.token;
    const span = (): Span => ({ from, to: this.end });
    if (type === "keyword") {
      switch (text) {
        case "import":
          this.next();
          return { kind: "import", names: this.modules(), ...span() };
        case "from":
          return this.fromImport();
        case "return": {
          this.next();
          if (this.around.of !== "function") this.fail("'return' outside function", span());
          const value = this.atEnd() ? undefined : this.expressions();
          return { kind: "return", value, ...span() };
        }
        case "pass":
        case "break":
        case "continue":
          this.next();
          if (text !== "pass" && !this.around.inLoop) this.fail(`'${text}' outside loop`, span());
          return { kind: text, ...span() };
        case "raise":
          this.next();
          if (!this.atEnd()) {
            this.expression();
            if (this.take("from")) this.expression();
          }
          return { kind: "raise", ...span() };
        case "assert":
          this.next();
          return this.assertion(from);
        case "del": {
          this.next();
          const value = this.expressions();
          this.assignable(value, "delete");
          const targets = value.kind === "tuple" ? value.items.map((item) => item.value) : [value];
          return { kind: "delete", targets, ...span() };
        }
        case "global":
        case "nonlocal": {
          this.next();
          const names = [this.identifier()];
          while (this.take(",")) names.push(this.identifier());
          return { kind: "scope", word: text, names, ...span() };
        }
      }
    }
    if (type === "name" && text === "type" && this.peek().type === "name") {
      const after = this.peek(2);
      if (after.type === "op" && (after.text === "=" || after.text === "[")) return this.typeAlias();
    }
    return this.assignment();
  }

  private assertion(from: number): Stmt {
    const test = this.expression();
    if (this.take(",")) this.expression();
    return { kind: "assert", test, from, to: this.end };
  }

  private atEnd(): boolean {
    return this.sees("newline") || this.is(";");
  }

  private typeAlias(): Stmt {
    const { from } = this.next();
    const name = this.identifier();
    this.typeParameters();
    this.expect("=");
    this.expression();
    return { kind: "alias", name, from, to: this.end };
  }

  private modules(): ImportedName[] {
    const found: ImportedName[] = [];
    do found.push({ name: this.dottedName(), as: this.alias() }); while (this.take(","));
    return found;
  }

  private dottedName(): string {
    const parts = [this.identifier()];
    while (this.take(".")) parts.push(this.identifier());
    return parts.join(".");
  }

  private alias(): string | undefined {
    return this.take("as") ? this.identifier() : undefined;
  }

  private fromImport(): Stmt {
    const { from } = this.next();
    let level = 0;
    while (this.isAny(".", "...")) level += this.next().text.length;
    const module = level === 0 || !this.is("import") ? this.dottedName() : "";
    this.expect("import");
    if (this.take("*")) {
      if (this.around.of !== "module") {
        this.fail("import * only allowed at module level", { from, to: this.end });
      }
      return { kind: "from", level, module, names: "*", from, to: this.end };
    }
    const parenthesized = this.take("(");
    const names: ImportedName[] = [];
    do {
      if (parenthesized && names.length > 0 && this.is(")")) break;
      if (!parenthesized && names.length > 0 && this.sees("newline")) {
        this.fail("trailing comma not allowed without surrounding parentheses");
      }
      names.push({ name: this.identifier(), as: this.alias() });
    } while (this.take(","));
    if (parenthesized) this.expect(")");
    return { kind: "from", level, module, names, from, to: this.end };
  }

  private assignment(): Stmt {
    const { from } = this.token;
    const first = this.yieldOrExpressions();
    const span = (): Span => ({ from, to: this.end });
    if (this.is(":")) {
      this.next();
      if (first.kind !== "name" && first.kind !== "attribute" && first.kind !== "subscript") {
        this.fail("only single target can be annotated", first);
      }
      this.expression();
      if (!this.take("=")) return { kind: "annotate", target: first, ...span() };
      return { kind: "assign", targets: [first], value: this.yieldOrExpressions(), ...span() };
    }
    const { type, text } = this.token;
    if (type === "op" && AUGMENTED.has(text)) {
      if (first.kind !== "name" && first.kind !== "attribute" && first.kind !== "subscript") {
        this.fail("illegal expression for augmented assignment", first);
      }
      this.next();
      return { kind: "augment", target: first, op: text, value: this.yieldOrExpressions(), ...span() };
    }
    if (!this.is("=")) return { kind: "expression", value: first, ...span() };
    const values = [first];
    while (this.take("=")) values.push(this.yieldOrExpressions());
    const value = values.pop()!;
    values.forEach((target) => this.assignable(target));
    return { kind: "assign", targets: values, value, ...span() };
  }

  private decorated(): Stmt {
    const { from } = this.token;
    const decorators: Expr[] = [];
    while (this.take("@")) {
      decorators.push(this.named());
      if (!this.sees("newline")) this.fail();
      this.next();
    }
    if (this.is("class")) return { ...this.classStatement(decorators), from };
    if (this.is("def")) return { ...this.functionStatement(decorators, false), from };
    if (this.is("async") && this.peek().text === "def") return { ...this.asyncStatement(decorators), from };
    return this.fail();
  }

  private asyncStatement(decorators: Expr[]): Stmt {
    const { from } = this.next();
    if (this.is("def")) return { ...this.functionStatement(decorators, true), from };
    if (this.is("for")) return { ...this.loop(), from };
    if (this.is("with")) return { ...this.withStatement(), from };
    return this.fail();
  }

  private classStatement(decorators: Expr[]): Stmt {
    const { from } = this.next();
    const { from: nameFrom, to: nameTo } = this.token;
    const name = this.identifier();
    this.typeParameters();
    const args = this.is("(") ? this.args(true) : [];
    const body = this.within(
      { of: "class", inLoop: false, isGenerator: false },
      () => this.block("class definition"),
    );
    const nameSpan = { from: nameFrom, to: nameTo };
    return { kind: "class", name, nameSpan, args, body, decorators, from, to: body.at(-1)!.to };
  }

  private functionStatement(decorators: Expr[], isAsync: boolean): FunctionStatement {
    const { from } = this.next();
    const name = this.identifier();
    this.typeParameters();
    this.expect("(");
    const parameters = this.parameters(")", true);
    this.expect(")");
    if (this.take("->")) this.expression();
    let deferred = isAsync;
    const body = this.within({ of: "function", inLoop: false, isGenerator: false }, () => {
      const found = this.block("function definition");
      deferred ||= this.around.isGenerator;
      this.around.isGenerator = false;
      return found;
    });
    return { kind: "function", name, parameters, body, decorators, deferred, from, to: body.at(-1)!.to };
  }

  /** `[T: int, *Ts, **P]`: read and left alone. */
  private typeParameters(): void {
    if (!this.take("[")) return;
    if (this.is("]")) this.fail();
    do {
      if (this.is("]")) break;
      const star = this.take("**") || this.take("*");
      const two = star && this.text[this.end - 2] === "*";
      this.identifier();
      if (!star && this.take(":")) this.expression();
      if (this.take("=")) star && !two && this.take("*") ? this.binary(1) : this.expression();
    } while (this.take(","));
    this.expect("]");
  }

  private ifStatement(): Stmt {
    const { from } = this.token;
    const branches: Branch[] = [];
    while (this.isAny("if", "elif")) {
      const word = this.next().text;
      const test = this.named();
      branches.push({ test, binds: [], body: this.block(`'${word}' statement`) });
      if (!this.is("elif")) break;
    }
    if (this.take("else")) branches.push({ binds: [], body: this.block("'else' statement") });
    return { kind: "if", branches, from, to: lastOf(branches.at(-1)!.body) };
  }

  private tryStatement(): Stmt {
    const { from } = this.next();
    const body = this.block("'try' statement");
    const handlers: Branch[] = [];
    let group: boolean | undefined;
    while (this.take("except")) {
      const star = this.take("*");
      if ((group ??= star) !== star) this.fail("cannot have both 'except' and 'except*' on the same 'try'");
      if (star && this.is(":")) this.fail("expected one or more exception types");
      const { from: testFrom } = this.token;
      if (this.is("*")) this.fail();
      const test = this.is(":") ? undefined : this.expressions();
      const isOpen = test?.kind === "tuple" && (this.text[testFrom] !== "(" || test.from !== testFrom);
      if (test?.kind === "tuple" && this.text[this.end - 1] === ",") this.fail();
      if (isOpen && this.is("as")) this.fail();
      const name = test && this.alias();
      handlers.push({ test, binds: name ? [name] : [], body: this.block("'except' statement") });
      if (!test && this.is("except")) this.fail("default 'except:' must be last");
    }
    const orelse = handlers.length > 0 && this.take("else") ? this.block("'else' statement") : [];
    const final = this.take("finally") ? this.block("'finally' statement") : [];
    if (handlers.length === 0 && final.length === 0) this.fail("expected 'except' or 'finally' block");
    const last = [final, orelse, handlers.at(-1)?.body ?? []].find((part) => part.length > 0)!;
    return { kind: "try", body, handlers, orelse, final, from, to: lastOf(last) };
  }

  private loop(): Stmt {
    const { from, text } = this.next();
    let target: Expr | undefined;
    let iterable: Expr | undefined;
    let test: Expr | undefined;
    if (text === "for") {
      target = this.targets();
      this.expect("in");
      iterable = this.expressions();
    } else test = this.named();
    const body = this.within({ inLoop: true }, () => this.block(`'${text}' statement`));
    const orelse = this.take("else") ? this.block("'else' statement") : [];
    const to = lastOf(orelse.length > 0 ? orelse : body);
    return { kind: "loop", target, iterable, test, body, orelse, from, to };
  }

  private withStatement(): Stmt {
    const { from } = this.next();
    const items = this.attempt(() => this.parenthesizedItems()) ?? this.withItems(":");
    const body = this.block("'with' statement");
    return {
      kind: "with",
      contexts: items.map((item) => item.context),
      targets: items.flatMap((item) => item.target ?? []),
      body,
      from,
      to: lastOf(body),
    };
  }

  private parenthesizedItems(): { context: Expr; target?: Expr }[] {
    this.expect("(");
    const items = this.withItems(")");
    this.expect(")");
    return this.is(":") ? items : this.fail();
  }

  private withItems(close: string): { context: Expr; target?: Expr }[] {
    const items: { context: Expr; target?: Expr }[] = [];
    do {
      if (close === ")" && items.length > 0 && this.is(close)) break;
      const context = this.expression();
      let target: Expr | undefined;
      if (this.take("as")) {
        target = this.primary();
        this.assignable(target);
      }
      items.push({ context, target });
    } while (this.take(","));
    return this.is(close) ? items : this.fail();
  }

  /** A `match` statement, or undefined where `match` is a name. */
  private matchStatement(): Stmt | undefined {
    const { from } = this.token;
    const subject = this.attempt(() => {
      this.next();
      const value = this.expressions(true);
      this.expect(":");
      if (!this.sees("newline") || this.peek().type !== "indent" || this.peek(2).text !== "case") this.fail();
      return value;
    });
    if (!subject) return undefined;
    this.next();
    this.next();
    const cases: Branch[] = [];
    while (!this.sees("dedent")) {
      if (this.token.text !== "case") this.fail("expected 'case'");
      this.next();
      const binds: string[] = [];
      this.openPattern(binds);
      const test = this.take("if") ? this.named() : undefined;
      cases.push({ test, binds, body: this.block("'case' statement") });
    }
    this.next();
    return { kind: "match", subject, cases, from, to: lastOf(cases.at(-1)!.body) };
  }

  private openPattern(binds: string[]): void {
    let count = 0;
    let star = false;
    do {
      if (count > 0 && this.isAny("if", ":")) return;
      count++;
      star = this.pattern(binds, true);
    } while (this.take(","));
    if (star && count === 1) this.fail();
  }

  /** True where it was a star. */
  private pattern(binds: string[], starred = false): boolean {
    if (starred && this.take("*")) {
      this.capture(this.identifier(), binds);
      return true;
    }
    do this.closedPattern(binds); while (this.take("|"));
    if (this.take("as")) {
      if (this.token.text === "_") this.fail("cannot use '_' as a target");
      this.capture(this.identifier(), binds);
      if (this.is(".")) this.fail();
    }
    return false;
  }

  private capture(name: string, binds: string[]): void {
    if (name !== "_") binds.push(name);
  }

  private closedPattern(binds: string[]): void {
    const { type } = this.token;
    if (type === "name") {
      const parts = this.dottedName();
      if (/^_(\.|$)/.test(parts) && (parts !== "_" || this.is("("))) this.fail();
      if (this.is("(")) this.classPattern(binds);
      else if (!parts.includes(".")) this.capture(parts, binds);
    } else if (this.is("(")) this.sequence("(", ")", binds);
    else if (this.is("[")) this.sequence("[", "]", binds);
    else if (this.is("{")) this.mapping(binds);
    else this.literalPattern();
  }

  /** A number, a sum with a complex one, strings side by side, or a constant. */
  private literalPattern(): void {
    if (this.sees("string")) {
      this.literalStrings();
      return;
    }
    if (this.isAny("None", "True", "False")) {
      this.next();
      return;
    }
    this.take("-");
    if (!this.sees("number")) this.fail();
    const first = this.next();
    if (this.isAny("+", "-")) {
      if (/[jJ]$/.test(this.text.slice(first.from, first.to))) {
        this.fail("real number required in complex literal");
      }
      this.next();
      if (!this.sees("number")) this.fail();
      const second = this.next();
      if (!/[jJ]$/.test(this.text.slice(second.from, second.to))) {
        this.fail("imaginary number required in complex literal");
      }
    }
  }

  /** String literals side by side, of one kind. */
  private literalStrings(): void {
    let bytes = 0;
    let count = 0;
    while (this.sees("string")) {
      const token = this.next();
      count++;
      if (/^\w*[bB]/.test(this.text.slice(token.from, token.from + 3).replace(/["'].*/s, ""))) bytes++;
    }
    if (bytes > 0 && bytes < count) this.fail("cannot mix bytes and nonbytes literals");
  }

  /** The parts of a sequence pattern; a pattern in parentheses is one without a comma. */
  private sequence(open: string, close: string, binds: string[]): void {
    this.expect(open);
    let count = 0;
    let star = false;
    let comma = false;
    while (!this.is(close)) {
      count++;
      star = this.pattern(binds, true);
      comma = this.take(",");
      if (!comma) break;
    }
    this.expect(close);
    if (open === "(" && star && count === 1 && !comma) this.fail();
  }

  private mapping(binds: string[]): void {
    this.expect("{");
    while (!this.is("}")) {
      if (this.take("**")) {
        if (this.token.text === "_") this.fail();
        this.capture(this.identifier(), binds);
        this.take(",");
        break;
      }
      if (this.sees("name")) {
        if (!this.dottedName().includes(".")) this.fail();
      } else this.literalPattern();
      this.expect(":");
      this.pattern(binds);
      if (!this.take(",")) break;
    }
    this.expect("}");
  }

  private classPattern(binds: string[]): void {
    this.expect("(");
    let named = false;
    while (!this.is(")")) {
      if (this.sees("name") && this.peek().text === "=") {
        this.next();
        this.next();
        named = true;
      } else if (named) this.fail("positional patterns follow keyword patterns");
      this.pattern(binds);
      if (!this.take(",")) break;
    }
    this.expect(")");
  }
}

function lastOf(body: Stmt[]): number {
  return body.at(-1)!.to;
}
