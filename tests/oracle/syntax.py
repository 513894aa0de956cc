"""The judge of the parser: what Python's own parser makes of a text, as a list of words.

Reads one JSON request and answers it with JSON.

    {"do": "library"}                  paths of this Python's own library, and this Python's version
    {"do": "texts", "texts": [...]}    for each text {"words": [...]}, or why and on which line it is refused:
                                       {"error": message, "line": line, "parsed": does the grammar take it?}
    {"do": "files", "paths": [...]}    the same for files, with the "text" that Python decodes

The words are the tree in the order of its nodes, each node before its parts, as `syntax_test.ts` writes them too;
an f-string is a list of its text and the words of its values.
"""

import ast
import io
import json
import os
import re
import struct
import sys
import sysconfig
import threading
import tokenize
import warnings

warnings.simplefilter("ignore")

OPERATORS = {
    "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "MatMult": "@", "Pow": "**",
    "LShift": "<<", "RShift": ">>", "BitOr": "|", "BitXor": "^", "BitAnd": "&", "And": "and", "Or": "or",
    "Not": "not", "Invert": "~", "UAdd": "+", "USub": "-", "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=",
    "Gt": ">", "GtE": ">=", "Is": "is", "IsNot": "is not", "In": "in", "NotIn": "not in",
}  # fmt: skip
COMPREHENSIONS = {"ListComp": "list", "SetComp": "set", "GeneratorExp": "generator", "DictComp": "dict"}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def operator(node):
    return OPERATORS[type(node).__name__]


def has_yield(nodes):
    """Does the body of a function yield? What inner functions yield is theirs, except in their heads."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(node, ast.Lambda):
            stack.append(node.args)
        elif isinstance(node, SCOPES):
            stack += node.decorator_list
            stack += [node.args] if hasattr(node, "args") else [*node.bases, *node.keywords]
        else:
            stack += ast.iter_child_nodes(node)
    return False


class Words:
    """Writes one file's tree."""

    def __init__(self, text):
        self.lines = re.split(r"\r\n|\r|\n", text)
        self.out = []

    def say(self, *words):
        self.out.append(" ".join(words))

    def place(self, line, column):
        """Line and column, both from 1, in the units of JavaScript's strings."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        if not text.isascii():
            before = text.encode(errors="surrogatepass")[:column].decode(errors="surrogatepass")
            column = len(before.encode("utf-16-le", errors="surrogatepass")) // 2
        return f"{line}:{column + 1}"

    def start(self, node):
        decorators = getattr(node, "decorator_list", [])
        if not decorators:
            return self.place(node.lineno, node.col_offset)
        line, column = decorators[0].lineno, decorators[0].col_offset
        while True:
            text = self.lines[line - 1].encode(errors="surrogatepass")[:column]
            if b"@" in text:
                return self.place(line, text.rfind(b"@"))
            line, column = line - 1, None

    def end(self, node):
        """A semicolon after the last statement of a body belongs to nothing."""
        line, column = node.end_lineno, node.end_col_offset
        text = self.lines[line - 1].encode(errors="surrogatepass")[:column]
        return self.place(line, len(text.rstrip(b"; \t\f")) if text.endswith(b";") else column)

    # Statements.

    def body(self, statements):
        self.say("body", str(len(statements)))
        for statement in statements:
            self.statement(statement)

    def statement(self, node):
        name = type(node).__name__
        method = getattr(self, name)
        self.out.append(f"at {self.start(node)} {self.end(node)}")
        method(node)

    def FunctionDef(self, node, is_async=False):
        deferred = is_async or has_yield(node.body)
        self.say("function", node.name, "deferred" if deferred else "")
        self.parameters(node.args)
        self.list(node.decorator_list)
        self.body(node.body)

    def AsyncFunctionDef(self, node):
        self.FunctionDef(node, True)

    def ClassDef(self, node):
        self.say("class", node.name)
        self.arguments(node.bases, node.keywords)
        self.list(node.decorator_list)
        self.body(node.body)

    def names(self, aliases):
        for alias in aliases:
            self.say(alias.name, "as", alias.asname or "-")

    def Import(self, node):
        self.say("import")
        self.names(node.names)

    def ImportFrom(self, node):
        self.say("from", str(node.level), node.module or "-")
        self.names(node.names)

    def Assign(self, node):
        self.say("assign", str(len(node.targets)))
        self.all([*node.targets, node.value])

    def AnnAssign(self, node):
        if node.value is None:
            self.say("annotate")
            return self.expr(node.target)
        self.say("assign", "1")
        self.all([node.target, node.value])

    def AugAssign(self, node):
        self.say("augment", operator(node.op) + "=")
        self.all([node.target, node.value])

    def If(self, node):
        branches = [node]
        while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If) and self.is_elif(node.orelse[0]):
            node = node.orelse[0]
            branches.append(node)
        self.say("if", str(len(branches) + bool(node.orelse)))
        for branch in branches:
            self.branch(branch.test, [], branch.body)
        if node.orelse:
            self.branch(None, [], node.orelse)

    def is_elif(self, node):
        line = self.lines[node.lineno - 1].encode(errors="surrogatepass")
        return line[node.col_offset :].startswith(b"elif")

    def branch(self, test, binds, body):
        self.say("branch", *binds)
        self.maybe(test)
        self.body(body)

    def Try(self, node):
        self.say("try", str(len(node.handlers)))
        self.body(node.body)
        for handler in node.handlers:
            self.branch(handler.type, [handler.name] if handler.name else [], handler.body)
        self.body(node.orelse)
        self.body(node.finalbody)

    TryStar = Try

    def Match(self, node):
        self.say("match", str(len(node.cases)))
        self.expr(node.subject)
        for case in node.cases:
            self.branch(case.guard, self.captures(case.pattern), case.body)

    def captures(self, pattern):
        found = [name for part in ast.iter_child_nodes(pattern) for name in self.captures(part)]
        name = getattr(pattern, "rest" if isinstance(pattern, ast.MatchMapping) else "name", None)
        return [*found, name] if name else found

    def For(self, node):
        self.loop(node.target, node.iter, None, node)

    AsyncFor = For

    def While(self, node):
        self.loop(None, None, node.test, node)

    def loop(self, target, iterable, test, node):
        self.say("loop")
        for part in (target, iterable, test):
            self.maybe(part)
        self.body(node.body)
        self.body(node.orelse)

    def With(self, node):
        targets = [item.optional_vars for item in node.items if item.optional_vars]
        self.say("with", str(len(node.items)), str(len(targets)))
        self.all([item.context_expr for item in node.items] + targets)
        self.body(node.body)

    AsyncWith = With

    def Delete(self, node):
        targets = node.targets
        while len(targets) == 1 and isinstance(targets[0], ast.Tuple):
            targets = targets[0].elts
        self.say("delete", str(len(targets)))
        self.all(targets)

    def Expr(self, node):
        self.say("expression")
        self.expr(node.value)

    def Return(self, node):
        self.say("return")
        self.maybe(node.value)

    def Global(self, node):
        self.say("scope", "global", *node.names)

    def Nonlocal(self, node):
        self.say("scope", "nonlocal", *node.names)

    def TypeAlias(self, node):
        self.say("alias", node.name.id)

    def plain(self, node):
        self.say(type(node).__name__.lower())

    Pass = Break = Continue = Raise = Assert = plain

    # Expressions.

    def expr(self, node):
        getattr(self, "e" + type(node).__name__)(node)

    def maybe(self, node):
        if node is None:
            self.say("none")
        else:
            self.expr(node)

    def all(self, nodes):
        for node in nodes:
            self.expr(node)

    def list(self, nodes):
        self.say("list", str(len(nodes)))
        self.all(nodes)

    def parameters(self, args):
        positional = [*args.posonlyargs, *args.args]
        defaults = [None] * (len(positional) - len(args.defaults)) + args.defaults
        for arg, default in zip(positional, defaults):
            self.parameter(arg, "", default)
        if args.vararg:
            self.parameter(args.vararg, "*", None)
        for arg, default in zip(args.kwonlyargs, args.kw_defaults):
            self.parameter(arg, "keyword", default)
        if args.kwarg:
            self.parameter(args.kwarg, "**", None)

    def parameter(self, arg, kind, default):
        self.say("parameter", arg.arg, kind)
        self.maybe(default)

    def arguments(self, positional, keywords):
        self.say("arguments", str(len(positional)), str(len(keywords)))
        self.items(positional)
        for keyword in keywords:
            self.say("keyword", keyword.arg or "**")
            self.expr(keyword.value)

    def items(self, nodes):
        for node in nodes:
            if isinstance(node, ast.Starred):
                self.say("*")
                node = node.value
            self.expr(node)

    def eName(self, node):
        self.out.append("name " + node.id)

    def eConstant(self, node):
        value = node.value
        if isinstance(value, str):
            self.out.append("string " + value)
        elif isinstance(value, bytes):
            self.out.append("bytes")
        elif value is ...:
            self.out.append("other ...")
        elif value is None or isinstance(value, bool):
            self.out.append(f"constant {value}")
        elif isinstance(value, int):
            self.out.append(f"number {value:x}")
        elif isinstance(value, complex):
            self.out.append("number " + struct.pack(">d", value.imag).hex() + "j")
        else:
            self.out.append("number " + struct.pack(">d", value).hex() + "f")

    def eJoinedStr(self, node):
        text = ""
        inner = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += part.value
            elif self.is_formatted(part, text):
                text += "\ue001"
            else:
                text += "\ue000"
                inner.append(part.value)
        if "\ue000" not in text and "\ue001" not in text:
            return self.say("string", text)
        out, self.out = self.out, ["fstring " + text]
        self.all(inner)
        out.append(self.out)
        self.out = out

    def is_formatted(self, part, before):
        """With a conversion, a format, or (as far as the tree tells) a `=` after the value."""
        if part.conversion != -1 or part.format_spec is None:
            return part.conversion != -1
        return bool(getattr(part.format_spec, "values", True)) or before.endswith("=")

    def eTuple(self, node):
        self.say(type(node).__name__.lower(), str(len(node.elts)))
        self.items(node.elts)

    eList = eSet = eTuple

    def eDict(self, node):
        self.say("dict", str(len(node.values)))
        for key, value in zip(node.keys, node.values):
            self.maybe(key)
            self.expr(value)

    def eAttribute(self, node):
        self.say("attribute", node.attr)
        self.expr(node.value)

    def eSubscript(self, node):
        self.say("subscript")
        self.expr(node.value)
        index = node.slice
        if not isinstance(index, ast.Tuple) or not index.elts:
            return self.expr(index)
        self.say("tuple", str(len(index.elts)))
        self.all(index.elts)

    def eStarred(self, node):
        self.say("other starred")

    def eSlice(self, node):
        self.say("slice")
        for part in (node.lower, node.upper, node.step):
            self.maybe(part)

    def eCall(self, node):
        self.say("call")
        self.expr(node.func)
        self.arguments(node.args, node.keywords)

    def eUnaryOp(self, node):
        self.say("unary", operator(node.op))
        self.expr(node.operand)

    def eBinOp(self, node):
        self.say("binary", operator(node.op))
        self.all([node.left, node.right])

    def eBoolOp(self, node):
        self.out += ["binary " + operator(node.op)] * (len(node.values) - 1)
        self.all(node.values)

    def eCompare(self, node):
        self.out += ["binary and"] * (len(node.ops) - 1)
        left = node.left
        for op, right in zip(node.ops, node.comparators):
            self.say("binary", operator(op))
            self.all([left, right])
            left = right

    def eIfExp(self, node):
        self.say("conditional")
        self.all([node.body, node.test, node.orelse])

    def eListComp(self, node):
        of = COMPREHENSIONS[type(node).__name__]
        self.say("comprehension", of, str(len(node.generators)))
        self.maybe(node.key if of == "dict" else None)
        self.expr(node.value if of == "dict" else node.elt)
        for part in node.generators:
            self.all([part.target, part.iter])
            self.list(part.ifs)

    eSetComp = eGeneratorExp = eDictComp = eListComp

    def eLambda(self, node):
        self.say("lambda")
        self.parameters(node.args)
        self.expr(node.body)

    def eNamedExpr(self, node):
        self.say("walrus", node.target.id)
        self.expr(node.value)

    def eAwait(self, node):
        self.say("other await")

    def eYield(self, node):
        self.say("other yield")

    eYieldFrom = eYield

    def eTemplateStr(self, node):
        self.say("other a template string")


REFUSALS = (SyntaxError, ValueError, MemoryError, RecursionError)


def refusal(error, parsed):
    message = getattr(error, "msg", None) or str(error)
    return {"error": message, "line": getattr(error, "lineno", None), "parsed": parsed}


def judge(source, text):
    """The words of a source (its text, or the bytes that decode to it), or why it is refused."""
    try:
        tree = ast.parse(source)
    except REFUSALS as error:
        return refusal(error, False)
    try:
        compile(source, "text", "exec", dont_inherit=True)
    except REFUSALS as error:
        return refusal(error, True)
    words = Words(text)
    words.body(tree.body)
    return {"words": words.out}


def judge_file(path):
    """The same for a file, with its text."""
    with open(path, "rb") as file:
        source = file.read()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return refusal(error, False)
    return {**judge(source, text), "text": text}


def library():
    """Python files of the standard library, without what others installed into it."""
    found = []
    for folder, folders, names in os.walk(sysconfig.get_paths()["stdlib"]):
        folders[:] = sorted({*folders} - {"site-packages", "dist-packages", "__pycache__"})
        found += [os.path.join(folder, name) for name in sorted(names) if name.endswith(".py")]
    return {"paths": found, "version": list(sys.version_info[:2])}


def answer(request):
    if request["do"] == "files":
        return [judge_file(path) for path in request["paths"]]
    if request["do"] == "texts":
        return [judge(text, text) for text in request["texts"]]
    return library()


def main():
    print(json.dumps(answer(json.load(sys.stdin))))


# Trees are deep: the walk needs more stack than the first thread has.
sys.setrecursionlimit(20000)
threading.stack_size(256 << 20)
thread = threading.Thread(target=main)
thread.start()
thread.join()
