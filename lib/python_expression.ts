/**
 * Takes tokens and gives Python's expressions. Precedence, comprehensions, f-strings and parameters are those of the
 * Python 3.14 grammar; what Python refuses is a PythonSyntaxError at its place. Statements are read elsewhere.
 */
import { splitLiteral, unescape, unifyLines } from "./python_literal.ts";
import { PythonSyntaxError, type Span, type Token, type TokenType } from "./python_token.ts";
import type { Argument, ComprehensionPart, Expr, Parameter } from "./python_tree.ts";

/** Binding power of the binary operators, the loosest first; comparisons and `not` stand between. */
const BINARY: Record<string, number> = {
  "|": 1,
  "^": 2,
  "&": 3,
  "<<": 4,
  ">>": 4,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
  "//": 6,
  "%": 6,
  "@": 6,
};
const COMPARISONS = new Set(["<", ">", "==", ">=", "<=", "!="]);
/** Python's own stack ends at some thousands of rules; nobody writes that many by hand. */
const MAX_DEPTH = 1000;
const MAX_CHAIN = 5000;

/** What follows the backslash of an escape with digits or a name. */
const ESCAPE = /^(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U(?:000[0-9a-fA-F]|0010)[0-9a-fA-F]{4}|N\{[^{}\n]+\})/;

/** A cursor over tokens that reads expressions. */
export class ExpressionParser {
  private at = 0;
  private depth = 0;
  private lambdas = 0;
  /** Characters by their names in the literal that is being read: their table is not known here. */
  private characterNames = 0;

  constructor(protected readonly text: string, private readonly tokens: Token[]) {}

  protected get token(): Token {
    return this.tokens[this.at];
  }

  protected peek(ahead = 1): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)];
  }

  /** End of the token that was taken last. */
  protected get end(): number {
    return this.at === 0 ? 0 : this.tokens[this.at - 1].to;
  }

  protected next(): Token {
    return this.tokens[this.at++];
  }

  /** Is the token this operator or keyword? */
  protected is(text: string): boolean {
    const { type, text: found } = this.tokens[this.at];
    return found === text && (type === "op" || type === "keyword");
  }

  /** Is the token of this type? */
  protected sees(type: TokenType): boolean {
    return this.tokens[this.at].type === type;
  }

  protected isAny(...texts: string[]): boolean {
    return texts.some((text) => this.is(text));
  }

  protected take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  protected expect(text: string): Token {
    return this.is(text) ? this.next() : this.fail(`expected '${text}'`);
  }

  protected identifier(): string {
    return this.sees("name") ? this.next().text : this.fail();
  }

  /** Runs a reading that may not fit, and goes back where it does not. */
  protected attempt<T>(read: () => T): T | undefined {
    const { at, depth } = this;
    try {
      return read();
    } catch (error) {
      if (!(error instanceof PythonSyntaxError)) throw error;
      this.at = at;
      this.depth = depth;
      return undefined;
    }
  }

  protected fail(message = "invalid syntax", span?: Span): never {
    const { type, from, to } = this.token;
    const place = span ?? { from, to: Math.max(to, from + 1) };
    const what = type === "indent" ? "unexpected indentation" : message;
    const word = this.text.slice(from, to).split("\n")[0];
    throw new PythonSyntaxError(
      what === "invalid syntax" && !span && word.trim() ? `${what} near "${word.slice(0, 30)}"` : what,
      place,
    );
  }

  private deeper<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) this.fail("too deeply nested");
    const value = read();
    this.depth--;
    return value;
  }

  /** An expression, or a tuple without parentheses. */
  protected expressions(walrus = false): Expr {
    const { from } = this.token;
    const item = (): Argument =>
      this.take("*")
        ? { star: "*", value: this.binary(1) }
        : { value: walrus ? this.named() : this.expression() };
    const first = item();
    if (!this.is(",")) {
      return first.star ? this.fail("can't use starred expression here", first.value) : first.value;
    }
    const items = [first];
    while (this.take(",")) {
      if (!this.startsExpression()) break;
      items.push(item());
    }
    return { kind: "tuple", items, from, to: this.end };
  }

  /** What `yield`, an assignment's right side or an f-string's field may hold. */
  protected yieldOrExpressions(): Expr {
    return this.is("yield") ? this.yieldExpression() : this.expressions();
  }

  private yieldExpression(): Expr {
    const { from } = this.next();
    if (this.lambdas === 0) this.sawYield();
    if (this.take("from")) this.expression();
    else if (this.startsExpression()) this.expressions();
    return { kind: "other", what: "yield", from, to: this.end };
  }

  /** Called where the function that is being read turns out to be a generator. */
  protected sawYield(): void {}

  private starred(): Argument {
    if (this.take("*")) return { star: "*", value: this.binary(1) };
    return { value: this.named() };
  }

  private startsExpression(): boolean {
    const { type, text } = this.token;
    if (type === "op") return "([{-+~*".includes(text) || text === "...";
    if (type === "keyword") {
      return ["not", "lambda", "await", "None", "True", "False", "yield"].includes(text);
    }
    return type === "name" || type === "number" || type === "string" || type === "fstart";
  }

  /** `name := value`, or an expression. */
  protected named(): Expr {
    if (this.sees("name") && this.peek().type === "op" && this.peek().text === ":=") {
      const { from, text } = this.next();
      this.next();
      const value = this.expression();
      return { kind: "walrus", target: text, value, from, to: this.end };
    }
    return this.expression();
  }

  /** One expression: a conditional, a lambda, or what binds tighter. */
  protected expression(): Expr {
    if (this.is("lambda")) return this.deeper(() => this.lambda());
    const then = this.or();
    if (!this.take("if")) return then;
    const test = this.or();
    if (!this.is("else")) this.fail("expected 'else' after 'if' expression");
    this.next();
    const otherwise = this.deeper(() => this.expression());
    return { kind: "conditional", then, test, otherwise, from: then.from, to: this.end };
  }

  private lambda(): Expr {
    const { from } = this.next();
    const parameters = this.parameters(":", false);
    this.expect(":");
    this.lambdas++;
    const body = this.expression();
    this.lambdas--;
    return { kind: "lambda", parameters, body, from, to: this.end };
  }

  private or(): Expr {
    let left = this.and();
    while (this.take("or")) {
      left = { kind: "binary", op: "or", left, right: this.and(), from: left.from, to: this.end };
    }
    return left;
  }

  private and(): Expr {
    let left = this.not();
    while (this.take("and")) {
      left = { kind: "binary", op: "and", left, right: this.not(), from: left.from, to: this.end };
    }
    return left;
  }

  private not(): Expr {
    if (!this.is("not")) return this.comparison();
    const { from } = this.next();
    const operand = this.deeper(() => this.not());
    return { kind: "unary", op: "not", operand, from, to: this.end };
  }

  /** `a < b < c` is `a < b and b < c`. */
  private comparison(): Expr {
    let left = this.binary(1);
    let whole: Expr | undefined;
    for (;;) {
      const op = this.comparisonOperator();
      if (op === undefined) return whole ?? left;
      const right = this.binary(1);
      const one: Expr = { kind: "binary", op, left, right, from: left.from, to: this.end };
      whole = whole
        ? { kind: "binary", op: "and", left: whole, right: one, from: whole.from, to: one.to }
        : one;
      left = right;
    }
  }

  private comparisonOperator(): string | undefined {
    const { type, text } = this.token;
    if (type === "op" && COMPARISONS.has(text)) return this.next().text;
    if (this.take("in")) return "in";
    if (this.is("not") && this.peek().text === "in" && this.peek().type === "keyword") {
      this.at += 2;
      return "not in";
    }
    if (this.take("is")) return this.take("not") ? "is not" : "is";
    return undefined;
  }

  protected binary(least: number): Expr {
    let left = this.unary();
    for (;;) {
      const { type, text } = this.token;
      const power = type === "op" ? BINARY[text] : undefined;
      if (power === undefined || power < least) return left;
      this.next();
      const right = this.binary(power + 1);
      left = { kind: "binary", op: text, left, right, from: left.from, to: this.end };
    }
  }

  private unary(): Expr {
    if (!this.isAny("-", "+", "~")) return this.power();
    const { from, text: op } = this.next();
    const operand = this.deeper(() => this.unary());
    return { kind: "unary", op, operand, from, to: this.end };
  }

  private power(): Expr {
    const left = this.awaited();
    if (!this.take("**")) return left;
    const right = this.deeper(() => this.unary());
    return { kind: "binary", op: "**", left, right, from: left.from, to: this.end };
  }

  private awaited(): Expr {
    if (!this.is("await")) return this.primary();
    const { from } = this.next();
    this.primary();
    return { kind: "other", what: "await", from, to: this.end };
  }

  /** An atom with its attributes, calls and subscripts. */
  protected primary(): Expr {
    let value = this.atom();
    for (let length = 0;; length++) {
      if (length > MAX_CHAIN) this.fail("too deeply nested");
      if (this.take(".")) {
        const name = this.identifier();
        value = { kind: "attribute", object: value, name, from: value.from, to: this.end };
      } else if (this.is("(")) {
        const args = this.deeper(() => this.args());
        value = { kind: "call", callee: value, args, from: value.from, to: this.end };
      } else if (this.is("[")) {
        const index = this.deeper(() => this.index());
        value = { kind: "subscript", object: value, index, from: value.from, to: this.end };
      } else return value;
    }
  }

  private index(): Expr[] {
    this.expect("[");
    const { from } = this.token;
    const items: Expr[] = [];
    let comma = false;
    do {
      if (this.is("]") && items.length > 0) break;
      items.push(this.indexItem());
      comma = this.is(",");
    } while (this.take(","));
    this.expect("]");
    // `a[b,]` asks for the tuple of one item.
    if (comma && items.length === 1 && items[0].kind !== "other") {
      return [{ kind: "tuple", items: [{ value: items[0] }], from, to: this.end - 1 }];
    }
    return items;
  }

  private indexItem(): Expr {
    const { from } = this.token;
    if (this.take("*")) {
      this.expression();
      return { kind: "other", what: "starred", from, to: this.end };
    }
    const lower = this.is(":") ? undefined : this.named();
    const isBare = lower?.kind === "walrus" && this.text[from] !== "(";
    if (lower && (!this.is(":") || isBare)) return lower;
    this.expect(":");
    const part = () => this.isAny(":", "]", ",") ? undefined : this.expression();
    const upper = part();
    const step = this.take(":") ? part() : undefined;
    return { kind: "slice", lower, upper, step, from, to: this.end };
  }

  /** The arguments of a call or a class statement, with their parentheses. */
  protected args(ofClass = false): Argument[] {
    const open = this.expect("(");
    const found: Argument[] = [];
    let [named, unpacked] = [false, false];
    while (!this.is(")")) {
      const { from } = this.token;
      const arg = this.arg();
      if (!arg.name && !arg.star && (this.is("for") || this.is("async"))) {
        arg.value = this.comprehension("generator", arg.value, undefined, open.from);
        if (found.length > 0 || ofClass || !this.is(")")) {
          this.fail("Generator expression must be parenthesized", { from, to: this.end });
        }
      }
      if (!arg.name && arg.star !== "**") {
        const span = { from, to: this.end };
        if (unpacked) this.fail("positional argument follows keyword argument unpacking", span);
        if (!arg.star && named) this.fail("positional argument follows keyword argument", span);
      }
      named ||= arg.name !== undefined;
      unpacked ||= arg.star === "**";
      found.push(arg);
      if (!this.take(",")) break;
    }
    if (!this.is(")")) this.fail();
    this.next();
    return found;
  }

  private arg(): Argument {
    if (this.take("**")) return { star: "**", value: this.expression() };
    if (this.take("*")) return { star: "*", value: this.expression() };
    if (this.sees("name") && this.peek().type === "op" && this.peek().text === "=") {
      const { text: name, from } = this.next();
      this.next();
      const value = this.expression();
      return { name, span: { from, to: this.end }, value };
    }
    const value = this.named();
    if (this.is("=")) this.fail('expression cannot contain assignment, perhaps you meant "=="?', value);
    return { value };
  }

  /** Parameters up to `close`, which is not taken. */
  protected parameters(close: string, annotated: boolean): Parameter[] {
    const found: Parameter[] = [];
    let keywordOnly = false;
    let defaults = false;
    let slash = false;
    const names = new Set<string>();
    while (!this.is(close)) {
      const { from } = this.token;
      if (found.at(-1)?.star === "**") this.fail("arguments cannot follow var-keyword argument");
      if (this.take("/")) {
        if (found.length === 0 || keywordOnly || slash) this.fail("invalid syntax", { from, to: from + 1 });
        slash = true;
      } else {
        const star = this.take("**") ? "**" : this.take("*") ? "*" : undefined;
        if (star === "*" && keywordOnly) this.fail("* argument may appear only once", { from, to: from + 1 });
        if (star === "*" && this.is(",")) {
          keywordOnly = true;
          const after = this.peek().text;
          if (after === close || after === "**") this.fail("named arguments must follow bare *");
        } else {
          const name = this.identifier();
          if (annotated && this.take(":")) {
            star === "*" && this.take("*") ? this.binary(1) : this.expression();
          }
          const value = !star && this.take("=") ? this.expression() : undefined;
          if (value) defaults = true;
          else if (defaults && !star && !keywordOnly) {
            this.fail("parameter without a default follows parameter with a default", { from, to: this.end });
          }
          if (names.has(name)) {
            this.fail(`duplicate argument '${name}' in function definition`, { from, to: this.end });
          }
          names.add(name);
          found.push({ name, star, keywordOnly: keywordOnly && !star, default: value });
          if (star === "*") keywordOnly = true;
        }
      }
      if (!this.take(",")) break;
    }
    return found;
  }

  private atom(): Expr {
    const { type, text, from, to } = this.token;
    if (type === "name") {
      this.next();
      return { kind: "name", id: text, from, to };
    }
    if (type === "string" || type === "fstart") return this.strings();
    if (type === "number") {
      this.next();
      return { kind: "number", text: this.text.slice(from, to), from, to };
    }
    switch (text) {
      case "(":
        return this.deeper(() => this.parenthesized());
      case "[":
        return this.deeper(() => this.list());
      case "{":
        return this.deeper(() => this.braces());
      case "True":
      case "False":
        this.next();
        return { kind: "constant", value: text === "True", from, to };
      case "None":
        this.next();
        return { kind: "constant", value: null, from, to };
      case "...":
        this.next();
        return { kind: "other", what: "...", from, to };
      default:
        return this.fail();
    }
  }

  /** A parenthesized expression is itself, without its parentheses; else a tuple or a generator. */
  private parenthesized(): Expr {
    const { from } = this.next();
    if (this.take(")")) return { kind: "tuple", items: [], from, to: this.end };
    if (this.is("yield")) {
      const value = this.yieldExpression();
      this.expect(")");
      return value;
    }
    const first = this.starred();
    if (!first.star && this.isAny("for", "async")) {
      const value = this.comprehension("generator", first.value, undefined, from);
      this.expect(")");
      return { ...value, to: this.end };
    }
    const items = this.rest(first, ")");
    if (items.length === 1 && !items[0].star && this.peek(-2).text !== ",") return first.value;
    if (items.length === 1 && items[0].star && this.peek(-2).text !== ",") {
      this.fail("cannot use starred expression here", { from, to: this.end });
    }
    return { kind: "tuple", items, from, to: this.end };
  }

  /** Items after the first one, up to the closing bracket, which is taken. */
  private rest(first: Argument, close: string): Argument[] {
    const items = [first];
    while (this.take(",")) {
      if (this.is(close)) break;
      items.push(this.starred());
    }
    if (!this.is(close)) {
      this.fail(this.startsExpression() ? "invalid syntax. Perhaps you forgot a comma?" : undefined);
    }
    this.next();
    return items;
  }

  private list(): Expr {
    const { from } = this.next();
    if (this.take("]")) return { kind: "list", items: [], from, to: this.end };
    const first = this.starred();
    if (!first.star && this.isAny("for", "async")) {
      const value = this.comprehension("list", first.value, undefined, from);
      this.expect("]");
      return { ...value, to: this.end };
    }
    return { kind: "list", items: this.rest(first, "]"), from, to: this.end };
  }

  private braces(): Expr {
    const { from } = this.next();
    if (this.take("}")) return { kind: "dict", items: [], from, to: this.end };
    if (this.is("**")) return this.dict(from, []);
    const first = this.starred();
    const isBare = first.value.kind === "walrus" && this.text[first.value.from - 1] !== "(";
    if (!first.star && !isBare && this.take(":")) {
      const value = this.expression();
      if (this.isAny("for", "async")) {
        const whole = this.comprehension("dict", value, first.value, from);
        this.expect("}");
        return { ...whole, to: this.end };
      }
      const items = [{ key: first.value, value }];
      return this.is("}") ? this.dict(from, items) : (this.expect(","), this.dict(from, items));
    }
    if (!first.star && this.isAny("for", "async")) {
      const whole = this.comprehension("set", first.value, undefined, from);
      this.expect("}");
      return { ...whole, to: this.end };
    }
    return { kind: "set", items: this.rest(first, "}"), from, to: this.end };
  }

  private dict(from: number, items: { key?: Expr; value: Expr }[]): Expr {
    while (!this.is("}")) {
      if (this.take("**")) items.push({ value: this.binary(1) });
      else {
        const key = this.expression();
        this.expect(":");
        items.push({ key, value: this.expression() });
      }
      if (!this.take(",")) break;
    }
    if (!this.is("}")) this.fail();
    this.next();
    return { kind: "dict", items, from, to: this.end };
  }

  private comprehension(
    of: "list" | "set" | "dict" | "generator",
    value: Expr,
    key: Expr | undefined,
    from: number,
  ): Expr {
    const parts: ComprehensionPart[] = [];
    while (this.isAny("for", "async")) {
      if (this.take("async") && !this.is("for")) this.fail();
      this.next();
      const target = this.targets();
      this.expect("in");
      const iterable = this.or();
      const conditions: Expr[] = [];
      while (this.take("if")) conditions.push(this.or());
      parts.push({ target, iterable, conditions });
    }
    return { kind: "comprehension", of, key, value, parts, from, to: this.end };
  }

  /** The targets of a `for`: names, attributes, subscripts, and tuples or lists of them. */
  protected targets(): Expr {
    const { from } = this.token;
    const one = (): Argument =>
      this.take("*") ? { star: "*", value: this.binary(1) } : { value: this.binary(1) };
    const items = [one()];
    let comma = false;
    while (this.take(",")) {
      comma = true;
      if (this.is("in")) break;
      items.push(one());
    }
    items.forEach((item) => this.assignable(item.value));
    if (!comma && !items[0].star) return items[0].value;
    return { kind: "tuple", items, from, to: this.end };
  }

  /** Fails where Python cannot assign to the expression. */
  protected assignable(target: Expr, verb = "assign to"): void {
    switch (target.kind) {
      case "name":
      case "attribute":
      case "subscript":
        return;
      case "tuple":
      case "list":
        return target.items.forEach((item) => {
          if (item.star && verb === "delete") this.fail("cannot delete starred", item.value);
          this.assignable(item.value, verb);
        });
      default:
        this.fail(`cannot ${verb} ${describe(target)}`, target);
    }
  }

  /** One literal, or several side by side. */
  private strings(): Expr {
    const { from } = this.token;
    const outer = this.characterNames;
    this.characterNames = 0;
    const parts: (string | Expr)[] = [];
    let bytes = 0;
    let count = 0;
    let template = false;
    let formatted = false;
    for (;; count++) {
      if (this.sees("string")) {
        const token = this.next();
        const { prefix, body } = splitLiteral(this.text.slice(token.from, token.to));
        if (prefix.includes("b")) {
          bytes++;
          this.checkBytes(prefix, body, token);
        } else parts.push(this.literal(prefix, body, token));
      } else if (this.sees("fstart")) {
        formatted = true;
        template ||= this.token.text.includes("t");
        for (const part of this.formatParts()) parts.push(part);
      } else break;
    }
    const span = { from, to: this.end };
    const isNamed = this.characterNames > 0;
    this.characterNames = outer;
    if (bytes > 0 && bytes < count) this.fail("cannot mix bytes and nonbytes literals", span);
    if (isNamed) {
      return { kind: "other", what: "a character by its name, \\N{...}", ...span };
    }
    if (bytes > 0) return { kind: "bytes", ...span };
    if (template) return { kind: "other", what: "a template string", ...span };
    return formatted && parts.some((part) => typeof part !== "string")
      ? { kind: "fstring", parts, ...span }
      : { kind: "string", value: parts.join(""), ...span };
  }

  private literal(prefix: string, body: string, span: Span): string {
    if (prefix.includes("r")) return unifyLines(body);
    if (/\\/.test(body)) this.checkEscapes(body, span);
    return unescape(body);
  }

  private checkBytes(prefix: string, body: string, span: Span): void {
    if (/[^\p{ASCII}]/u.test(body)) this.fail("bytes can only contain ASCII literal characters", span);
    if (prefix.includes("r")) return;
    for (let at = body.indexOf("\\"); at !== -1; at = body.indexOf("\\", at + 2)) {
      if (body[at + 1] === "x" && !ESCAPE.test(body.slice(at + 1, at + 4))) {
        this.fail("a string escape that is not complete", span);
      }
    }
  }

  private checkEscapes(body: string, span: Span): void {
    for (let at = body.indexOf("\\"); at !== -1; at = body.indexOf("\\", at + 2)) {
      if (body[at + 1] === "N") this.characterNames++;
      if ("xuUN".includes(body[at + 1]) && !ESCAPE.test(body.slice(at + 1, at + 90))) {
        this.fail("a string escape that is not complete", span);
      }
    }
  }

  private formatParts(): (string | Expr)[] {
    const start = this.next();
    const raw = start.text.includes("r");
    const parts: (string | Expr)[] = [];
    while (!this.sees("fend")) {
      const token = this.token;
      if (token.type === "ftext") {
        this.next();
        // Python reads escapes before it halves doubled braces; neither makes the other.
        const body = this.text.slice(token.from, token.to).replaceAll("{{", "{").replaceAll("}}", "}");
        parts.push(this.literal(raw ? "r" : "", body, token));
      } else parts.push(this.field(raw));
    }
    this.next();
    return parts;
  }

  /** `{value}`; with a conversion or a format it is not followed. */
  private field(raw: boolean): Expr {
    const { from } = this.expect("{");
    const value = this.deeper(() => this.yieldOrExpressions());
    let plain = true;
    if (this.take("=")) plain = false;
    if (this.take("!")) {
      plain = false;
      if (this.token.from !== this.end) this.fail();
      if (!/^[rsa]$/.test(this.identifier())) this.fail("f-string: invalid conversion character");
    }
    if (this.take(":")) {
      while (!this.is("}")) {
        plain = false;
        if (this.sees("ftext")) {
          const token = this.next();
          const { characterNames } = this;
          this.literal(raw ? "r" : "", this.text.slice(token.from, token.to), token);
          this.characterNames = characterNames;
        } else this.deeper(() => this.field(raw));
      }
    }
    if (!this.is("}")) this.fail("f-string: expecting '}'");
    this.next();
    return plain ? value : { kind: "other", what: "a format", from, to: this.end };
  }
}

function describe(expr: Expr): string {
  const words: Partial<Record<Expr["kind"], string>> = {
    call: "function call",
    binary: "expression",
    unary: "expression",
    string: "literal",
    number: "literal",
    bytes: "literal",
    fstring: "f-string expression",
    conditional: "conditional expression",
    lambda: "lambda",
    dict: "dict literal",
    set: "set display",
    comprehension: "comprehension",
    walrus: "named expression",
  };
  return expr.kind === "constant" ? String(expr.value) : words[expr.kind] ?? "this expression";
}
