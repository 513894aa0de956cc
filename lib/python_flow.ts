/**
 * Takes branches, loops and exceptions of Python and follows their bodies: the one that runs where that is known, all
 * of them where it is not. What a body's statements do is the business of those who extend {@link Flow}.
 */
import { evaluate, type Scope } from "./python_eval.ts";
import { ImportMissing } from "./python_import.ts";
import { Journal, type Values } from "./python_journal.ts";
import { iterate } from "./python_operation.ts";
import type { Branch, Expr, Span, Stmt } from "./python_tree.ts";
import {
  type Attribute,
  type ClassValue,
  type FunctionValue,
  type Locals,
  type ModuleValue,
  type PyValue,
  truth,
  unknown,
} from "./python_value.ts";

/** Thrown by `break` and `continue`; "unsure" where a condition that is not known decides about them. */
export class LoopSignal extends Error {
  constructor(readonly kind: "break" | "continue" | "unsure") {
    super(kind);
  }
}

/** Thrown by `return`; without a value where a condition that is not known decides about it. */
export class ReturnSignal extends Error {
  constructor(readonly value: PyValue | undefined) {
    super("return");
  }
}

/** Thrown by `raise`. */
export class RaiseSignal extends Error {}

/** Where names are bound while a body is followed. */
export interface Frame {
  module: ModuleValue;
  cls?: ClassValue;
  locals?: Locals;
  /** Names that `global` says belong to the module. */
  globals?: Set<string>;
  nonlocals?: Set<string>;
  /** The function that runs, and the object of its method for `super()`. */
  callee?: FunctionValue;
  self?: PyValue;
  conditional: boolean;
  /** Inside a `try` that catches ImportError, or a function. */
  guarded: boolean;
  /** Inside a loop that is followed turn by turn. */
  inTurns?: boolean;
  /** Inside a `try` whose handlers take what goes wrong. */
  tried?: boolean;
  /** What the function that runs may return, from branches that may not happen. */
  returns?: PyValue[];
}

/** How a loop ended. */
type LoopEnd = "end" | "break" | "unsure";

/** A branch, and what is to be done before it is followed. */
type Way = Branch & { before?: () => void };

const NOTHING: Branch = { binds: [], body: [] };
/** Steps that one statement of a module may take: real declarations take some hundreds. */
const STATEMENT_STEPS = 300_000;
/** Steps that the call of a function may take, with all that it calls, and all calls of a project together. */
const CALL_STEPS = 10_000;
const ALL_CALL_STEPS = 10_000_000;
const MOST_TURNS = 10_000;
const IMPORT_ERRORS = new Set(["ImportError", "ModuleNotFoundError", "Exception", "BaseException"]);

/** Follows control flow; statements, names and scopes are given by the class that extends it. */
export abstract class Flow {
  protected readonly journal = new Journal();
  /** How many branches that may not happen are being followed. */
  protected doubts = 0;
  protected steps = 0;
  /** How often something was evaluated that may raise an exception. */
  protected risks = 0;
  /** Calls that are being followed, the innermost last. */
  protected depth = 0;
  private callSteps = 0;
  private allCallSteps = 0;

  protected abstract statement(statement: Stmt, frame: Frame): void;
  protected abstract scope(frame: Frame): Scope;
  protected abstract bind(name: string, value: PyValue, frame: Frame, span: Span): void;
  protected abstract assign(target: Expr, value: PyValue, frame: Frame, span: Span): void;

  protected body(statements: Stmt[], frame: Frame): void {
    for (const [i, statement] of statements.entries()) {
      try {
        this.statement(statement, frame);
      } catch (error) {
        if (!(error instanceof ReturnSignal) || error.value || i === statements.length - 1) throw error;
        // What comes after a return that may not happen may happen: it is followed for what it changes.
        this.branches([{ binds: [], body: statements.slice(i + 1) }, NOTHING], frame, statement);
        throw error;
      }
    }
  }

  /** Counts a step; false where there were too many. */
  protected spend(): boolean {
    this.steps++;
    if (this.depth > 0) {
      this.callSteps++;
      this.allCallSteps++;
    } else this.callSteps = 0;
    return this.steps < STATEMENT_STEPS && !this.isLong();
  }

  /** Does the call that is being followed take more steps than any declaration? */
  protected isLong(): boolean {
    return this.callSteps >= CALL_STEPS || this.allCallSteps >= ALL_CALL_STEPS;
  }

  protected ifStatement(statement: Stmt & { kind: "if" }, frame: Frame): void {
    const open: Branch[] = [];
    let isDecided = false;
    for (const branch of statement.branches) {
      const test = branch.test ? this.test(branch.test, frame) : true;
      if (test === false) continue;
      open.push(branch);
      isDecided = test === true;
      if (isDecided) break;
    }
    if (!isDecided) open.push(NOTHING);
    this.branches(open, frame, statement);
  }

  private test(test: Expr, frame: Frame): boolean | undefined {
    const value = evaluate(test, this.scope(frame));
    if (value.kind === "external" && /(^|\.)TYPE_CHECKING$/.test(value.path)) return false;
    return truth(value);
  }

  protected assertStatement(statement: Stmt & { kind: "assert" }, frame: Frame): void {
    const test = this.test(statement.test, frame);
    if (test === false) throw new RaiseSignal();
    if (test === undefined) this.risks++;
  }

  protected matchStatement(statement: Stmt & { kind: "match" }, frame: Frame): void {
    evaluate(statement.subject, this.scope(frame));
    this.branches([...statement.cases, NOTHING], frame, statement);
  }

  private branch({ binds, body, before }: Way, frame: Frame, span: Span): void {
    before?.();
    binds.forEach((name) => this.bind(name, unknown("what a pattern or a handler binds"), frame, span));
    this.body(body, frame);
  }

  /** Follows bodies of which one runs, nobody knows which: names that they leave different become unknown. */
  private branches(open: Way[], frame: Frame, span: Span): void {
    if (open.length === 0) return;
    if (open.length === 1) return this.branch(open[0], frame, span);
    const outcomes = [];
    let left: unknown;
    for (const branch of open) {
      const { changes, error } = this.tried(branch, { ...frame, conditional: true }, span);
      const after = this.journal.undo(changes);
      // A branch that raises is none of the ways on.
      if (error instanceof RaiseSignal || error instanceof ImportMissing) continue;
      outcomes.push(after);
      left ??= error;
    }
    if (outcomes.length === 0) throw new RaiseSignal();
    this.journal.merge(outcomes, { module: frame.module, span });
    if (left instanceof ReturnSignal) throw new ReturnSignal(undefined);
    // Inside of a loop that is followed nobody knows whether it goes on; elsewhere the body just ends here.
    if (left && frame.inTurns) throw new LoopSignal("unsure");
  }

  /** Follows a branch that may not happen; an exception that is none of Python's is not its own. */
  private tried(branch: Way, frame: Frame, span: Span): ReturnType<Journal["noting"]> {
    this.doubts++;
    const outcome = this.journal.noting(() => this.branch(branch, frame, span));
    this.doubts--;
    const { error } = outcome;
    if (error instanceof ReturnSignal && error.value) frame.returns?.push(error.value);
    const isSignal = error === undefined ||
      [LoopSignal, ReturnSignal, RaiseSignal, ImportMissing].some((kind) => error instanceof kind);
    // A `try` of the module around the branch handles what is missing.
    if (!isSignal || (error instanceof ImportMissing && !frame.locals)) {
      this.journal.keep(outcome.changes);
      throw error;
    }
    return outcome;
  }

  protected loop(statement: Stmt & { kind: "loop" }, frame: Frame): void {
    const { target, iterable, test, body, orelse } = statement;
    if (test) {
      const end = this.inTurns(() => this.whileTurns(test, body, frame));
      if (end !== "unsure") return end === "end" ? this.body(orelse, frame) : undefined;
    }
    const source = iterable && evaluate(iterable, this.scope(frame));
    const items = source && iterate(source);
    if (items && target && items.length <= MOST_TURNS) {
      const end = this.inTurns(() => this.turns([...items], target, body, frame, statement));
      if (end !== "unsure") return end === "end" ? this.body(orelse, frame) : undefined;
    }
    if (target) this.assign(target, unknown("a loop variable", source), frame, statement);
    this.forgetChanges({ binds: [], body }, frame, statement);
    const whole: Branch = { binds: [], body: [...body, ...orelse] };
    this.branches([whole, { binds: [], body: orelse }, NOTHING], { ...frame, inTurns: false }, statement);
  }

  /** What a body changes that runs nobody knows how often is not known when it begins. */
  private forgetChanges(body: Branch, frame: Frame, span: Span): void {
    const { changes } = this.tried(body, { ...frame, conditional: true, inTurns: false }, span);
    this.forget(this.journal.undo(changes), "a loop that is not followed");
  }

  /** Names that something may have changed are not known from here on. */
  private forget(after: Values, by: string): void {
    for (const [names, left] of after) {
      for (const name of left.keys()) {
        const before = names.get(name) as PyValue | Attribute | undefined;
        const [value, last] = [before, left.get(name) as typeof before].map((item) =>
          item && "kind" in item ? item : item?.value
        );
        const doubt = unknown(`"${name}" is changed in ${by}`, value, last);
        if (before && "kind" in before) this.journal.write(names, name, doubt);
      }
    }
  }

  /** Runs turns of a loop; takes them back where it is not sure how they go on. */
  private inTurns(run: () => LoopEnd): LoopEnd {
    let end = "unsure" as LoopEnd;
    const { changes, error } = this.journal.noting(() => {
      end = run();
    });
    if (!error && end === "unsure") this.journal.undo(changes);
    else this.journal.keep(changes);
    if (error) throw error;
    return end;
  }

  private whileTurns(test: Expr, body: Stmt[], frame: Frame): LoopEnd {
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const value = this.test(test, frame);
      if (value === undefined) return "unsure";
      if (!value) return "end";
      if (!this.spend()) return "unsure";
      const end = this.turn(body, frame);
      if (end) return end;
    }
    return "unsure";
  }

  /** One turn; says how the loop ended where it did. */
  private turn(body: Stmt[], frame: Frame): LoopEnd | undefined {
    try {
      this.body(body, { ...frame, inTurns: true });
    } catch (error) {
      if (!(error instanceof LoopSignal)) throw error;
      if (error.kind !== "continue") return error.kind;
    }
    return undefined;
  }

  /** Follows a loop turn by turn; says how it ended. */
  private turns(
    items: PyValue[],
    target: Expr,
    body: Stmt[],
    frame: Frame,
    span: Span,
  ): LoopEnd {
    for (const item of items) {
      if (!this.spend()) return "unsure";
      this.assign(target, item, frame, span);
      const end = this.turn(body, frame);
      if (end) return end;
    }
    return "end";
  }

  protected tryStatement(statement: Stmt & { kind: "try" }, frame: Frame): void {
    const { handlers } = statement;
    const handler = handlers.find((candidate) => catchesImportError(candidate.test));
    const inner = {
      ...frame,
      guarded: frame.guarded || handler !== undefined,
      tried: frame.tried || handlers.length > 0,
    };
    const { risks } = this;
    const { changes, error } = this.journal.noting(() => {
      this.body(statement.body, inner);
      this.body(statement.orelse, frame);
    });
    const isRisky = this.risks > risks && handlers.length > 0;
    let pending: unknown;
    if (error instanceof ImportMissing && handler) {
      this.journal.keep(changes);
      this.branch(handler, frame, statement);
    } else if (error instanceof RaiseSignal && handlers.length > 0) {
      const after = this.journal.undo(changes);
      this.forget(after, "a body that stopped half-way");
      this.branches(handlers, frame, statement);
    } else if (isRisky && (error === undefined || error instanceof ReturnSignal)) {
      // Something in the body may have raised: either it went through, or a handler took over.
      const after = this.journal.undo(changes);
      const through: Way = { binds: [], body: [...statement.body, ...statement.orelse] };
      // Nobody knows how far the body came when a handler takes over.
      const before = () => this.forget(after, "a body that may have stopped half-way");
      const ways = [through, ...handlers.map((way): Way => ({ ...way, before }))];
      this.branches(ways, { ...frame, tried: true }, statement);
    } else {
      this.journal.keep(changes);
      pending = error;
    }
    this.body(statement.final, frame);
    if (pending) throw pending;
  }

  protected withStatement(statement: Stmt & { kind: "with" }, frame: Frame): void {
    const scope = this.scope(frame);
    const contexts = statement.contexts.map((context) => evaluate(context, scope));
    for (const target of statement.targets) {
      this.assign(target, unknown("the value of a with statement", ...contexts), frame, statement);
    }
    const suppressed = contexts.some((value) =>
      value.kind === "instance" && value.callee.kind === "external" &&
      value.callee.path === "contextlib.suppress"
    );
    if (!suppressed) return this.body(statement.body, frame);
    this.tryStatement({
      kind: "try",
      body: statement.body,
      handlers: [{ binds: [], body: [] }],
      orelse: [],
      final: [],
      from: statement.from,
      to: statement.to,
    }, frame);
  }
}

function catchesImportError(type: Expr | undefined): boolean {
  if (!type) return true;
  const names = type.kind === "tuple" ? type.items.map((item) => item.value) : [type];
  return names.some((name) => name.kind === "name" && IMPORT_ERRORS.has(name.id));
}
