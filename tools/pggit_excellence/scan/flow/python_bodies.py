"""PL/Python bodies: what plpy.execute(), plpy.prepare() and plpy.cursor() are given, by abstract interpretation.

Python's own parser reads the body. Local functions are followed with the arguments of each call. What is not followed
(classes, eval, sinks handed to unknown functions) leaves a statement of unknown text, which nothing proves safe.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace
from itertools import chain
from typing import Any

from pggit_excellence.scan.flow.python_texts import (
    brace_format,
    element,
    formatted,
    is_inert,
    is_number,
    item_at,
    merged,
    method,
    number,
    percent,
    unknown,
)
from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.inputs.program import Program, Routine
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Alt,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Record,
    Ref,
    Seq,
    Source,
    Star,
    Step,
    Text,
    Value,
    alt,
    as_text,
    leaves,
    map_leaves,
    seq,
    star,
)
from pggit_excellence.scan.values.sqltypes import value_of
from pggit_excellence.scan.values.texts import changed, placed, printed, requote

SINKS = {"plpy.execute", "plpy.prepare", "plpy.cursor"}
# Other languages that are not analysed, and what runs SQL in them.
FOREIGN = {
    "plperl": r"\bspi_(?:exec_query|query|prepare)\b",
    "plperlu": r"\bspi_(?:exec_query|query|prepare)\b",
    "pltcl": r"\bspi_(?:exec|prepare)\b",
    "pltclu": r"\bspi_(?:exec|prepare)\b",
    "plv8": r"\bplv8\.(?:execute|prepare)\b",
}
_CALLS = r"\bplpy\s*\.\s*(?:execute|prepare|cursor)\b"
MAX_STEPS, MAX_CALLS, MAX_PATH, MAX_ROUNDS = 50_000, 8, 12, 6
_QUOTERS = {
    "plpy.quote_ident": Quoting.IDENTIFIER,
    "plpy.quote_literal": Quoting.LITERAL,
    "plpy.quote_nullable": Quoting.LITERAL,
}
_NUMERIC = {"int", "float", "len", "abs", "round", "sum", "ord", "hash", "id", "bool", "isinstance", "any", "all",
            "issubclass", "callable", "hasattr", "Decimal", "decimal.Decimal", "UUID", "uuid.UUID"}  # fmt: skip
_SAME_ELEMENTS = {"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "filter"}
_RUNS_PYTHON = {"eval", "exec", "compile", "__import__", "importlib.import_module"}
_HARMLESS = {"plpy.debug", "plpy.log", "plpy.info", "plpy.notice", "plpy.warning", "plpy.error", "plpy.fatal",
             "print", "plpy.subtransaction", "plpy.commit", "plpy.rollback"}  # fmt: skip
_REORDERS = {"sort", "reverse", "clear", "pop", "popitem", "remove"}
_CHANGES = {"append", "extend", "insert", "add", "update", "setdefault"}
# A pattern that lets only letters, digits, _ and $ through.
_WORDS_ONLY = re.compile(
    r"(?:\^|\\A)?"
    r"(?:(?:\[(?:\\w|\\d|[A-Za-z0-9]-[A-Za-z0-9]|[\w$])+\]|\\w|\\d|\w)(?:[+*?]|\{\d*,?\d*\})?)+"
    r"(?P<end>\$|\\Z)?",
    re.ASCII,
)
_WORD_TESTS = {"isidentifier", "isalnum", "isalpha", "isdigit", "isdecimal"}


@dataclass(frozen=True, slots=True)
class Thing:
    """What is no text: a module, a function, a prepared plan, None."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None = None
    depth: int = 0  # of calls where a local function was defined


PLAN, NONE = Thing("plan"), Thing("None")
Item = Value | Thing
Env = dict[str, Item]
Arguments = tuple[list[Item], dict[str, Item]]  # by position, by name


@dataclass(frozen=True, slots=True)
class PythonSite:
    """A call that runs or prepares SQL: `kind` is plpy.execute and the like, `place` the function's name."""

    kind: str
    statement: Text
    place: Place


@dataclass(frozen=True, slots=True)
class PythonBody:
    """The sites of a body; `problem` says why they are unknown where the body was not understood."""

    sites: tuple[PythonSite, ...] = ()
    problem: str = ""


class _TooMuchError(Exception):
    """The body takes more steps than any real one."""


def analyse(routine: Routine, program: Program) -> PythonBody:
    """The statements of a routine in PL/Python; in another language all that can run SQL, as unknown. Never raises."""
    if not routine.language.startswith("plpython"):
        return _foreign(routine)
    try:
        tree, shift = _parse(routine.body)
        return PythonBody(_Body(routine, program, tree, shift).sites())
    except (SyntaxError, ValueError) as error:
        return _not_followed(routine, f"the body is no Python: {error.__class__.__name__}")
    except (RecursionError, MemoryError, _TooMuchError):
        return _not_followed(routine, "the body is too deeply nested or too long")


def _foreign(routine: Routine) -> PythonBody:
    pattern = FOREIGN.get(routine.language)
    if pattern is None or not re.search(pattern, routine.body):
        return PythonBody()
    return _not_followed(routine, f"{routine.language} is not analysed", pattern)


def _not_followed(
    routine: Routine, reason: str, pattern: str = r"\bplpy\s*\.\s*(?:execute|prepare|cursor)\b"
) -> PythonBody:
    """Every call that the text shows, each with an unknown statement."""
    sites = []
    for found in re.finditer(pattern, routine.body):
        place = Place(routine.file, routine.map(found.start()), routine.map(found.end() - 1) + 1)
        sites.append(PythonSite("".join(found.group().split()), unknown(reason), place))
    return PythonBody(tuple(sites), reason)


def _parse(body: str) -> tuple[ast.Module, int]:
    """The tree, and how many lines its numbers are too large: a body may be indented as a whole."""
    try:
        return ast.parse(body), 0
    except IndentationError:
        return ast.parse("if True:\n" + body), 1


@dataclass(slots=True)
class _Frame:
    """A function that is being run, or the body itself."""

    returned: list[Item] = field(default_factory=list)
    left: list[Env] = field(default_factory=list)  # the state at each return and raise
    breaks: list[Env] = field(default_factory=list)
    continues: list[Env] = field(default_factory=list)


class _Body:
    """One body. Environments are dictionaries; None stands for code that is not reached."""

    def __init__(self, routine: Routine, program: Program, tree: ast.Module, shift: int) -> None:
        self._routine, self._program, self._tree, self._shift = routine, program, tree, shift
        self._starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", routine.body))]
        self._lines = [
            routine.body[start:end] for start, end in zip(self._starts, [*self._starts[1:], None], strict=True)
        ]
        self._found: dict[tuple[str, int], tuple[Place, list[Value]]] = {}
        self._visited: set[ast.AST] = set()
        self._aliases = aliases(tree)
        self._stored: dict[str, Item] = {}  # what SD holds, from any place in the body
        self._frames = [_Frame()]
        self._bases: list[Env] = []
        self._attempts: list[list[Env]] = []  # the states in each try block around
        self._muted = 0
        self._steps = 0
        self._gave_up = False

    def sites(self) -> tuple[PythonSite, ...]:
        """Run the body twice: what one call stores in SD the next one reads."""
        for _ in range(2):
            self._found.clear()
            self._visited.clear()
            self._frames = [_Frame()]
            env = self._run(self._tree.body, self._parameters()) or self._parameters()
            self._uncalled(env)
        self._unreached()
        return tuple(
            PythonSite(kind, printed(merged(values) or EMPTY), place)
            for (kind, _), (place, values) in sorted(self._found.items(), key=lambda item: item[0][1])
        )

    def _parameters(self) -> Env:
        env: Env = {name: Thing(name) for name in ("plpy", "SD", "GD")}
        inputs = [item for item in self._routine.parameters if item.mode in {"in", "inout", "variadic"}]
        values = []
        for parameter in inputs:
            origin = Origin(Source.PARAMETER, parameter.name or "args", routine=self._routine.key)
            value = value_of(parameter.type, origin, self._program)
            if isinstance(value, Record) or parameter.type.strip().lower() == "record":
                value = Record((), as_text(value))
            values.append(value)
            if parameter.name:
                env[parameter.name] = value
        env["args"] = Array(merged(values) or EMPTY, tuple(values))
        if self._routine.returns in {"trigger", "event_trigger"}:
            env["TD"] = _trigger_data()
        return env

    def _uncalled(self, env: Env) -> None:
        """Run the functions that something else may call: when, and with what, is not known."""
        callees = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        handed = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name) and id(node) not in callees}
        env = {name: item if isinstance(item, Thing) else unknown(name) for name, item in env.items()}
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if self._gave_up or node not in self._visited or getattr(node, "name", "") in handed:
                self._call_local(Thing("", node), ([], {}), env, unknown("an argument"))

    def _unreached(self) -> None:
        """A call in code that is never reached is still a site."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and node not in self._visited and isinstance(node.func, ast.Attribute):
                name = f"{ast.unparse(node.func.value)}.{node.func.attr}"
                if name in SINKS:
                    self._site(name, node, unknown("code that is not reached"))

    # Places

    def _offset(self, line: int, column: int) -> int:
        text = self._lines[line - 1 - self._shift]
        characters = column if text.isascii() else len(text.encode()[:column].decode(errors="ignore"))
        return self._starts[line - 1 - self._shift] + characters

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where the node stands in the body."""
        start = self._offset(node.lineno, node.col_offset)
        return start, self._offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def _place(self, node: ast.expr | ast.stmt) -> Place:
        start, end = self._span(node)
        return Place(self._routine.file, self._routine.map(start), self._routine.map(max(end - 1, start)) + 1)

    def _stepped(self, value: Item, node: ast.expr | ast.stmt, what: str) -> Item:
        """The value with one more station on the way of each hole in it."""
        if isinstance(value, Thing):
            return value
        step = Step(self._place(node), what)

        def add(leaf: Const | Hole | Ref) -> Text:
            if not isinstance(leaf, Hole) or len(leaf.path) >= MAX_PATH or step in leaf.path:
                return leaf
            return replace(leaf, path=(*leaf.path, step))

        return map_leaves(value, add)

    # Statements

    def _run(self, statements: Iterable[ast.stmt], env: Env | None) -> Env | None:
        """The state behind the statements; None where it is not reached. The state before them stays as it is."""
        env = None if env is None else dict(env)
        for statement in statements:
            if env is None:
                return None
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise _TooMuchError
            env = self._statement(statement, env)
            if env is not None and self._attempts:
                self._attempts[-1].append(dict(env))
        return env

    def _statement(self, node: ast.stmt, env: Env) -> Env | None:
        reader = _STATEMENTS.get(type(node))
        if reader is not None:
            return reader(self, node, env)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._eval(child, env)
        return env

    def _assign(self, node: ast.Assign | ast.AnnAssign, env: Env) -> Env:
        if node.value is None:
            return env
        value = self._eval(node.value, env)
        env = dict(env)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self._bind(target, value, env)
        return env

    def _augmented(self, node: ast.AugAssign, env: Env) -> Env:
        old = self._eval(node.target, env)
        value = self._operation(node.op, old, self._eval(node.value, env), node.value)
        env = dict(env)
        self._bind(node.target, value, env)
        if isinstance(node.target, ast.Name):
            self._changed(node.target.id, env)
        return env

    def _changed(self, name: str, env: Env) -> None:
        """The list or dictionary in that variable was changed in place: others may hold the same one."""
        new = env.get(name)
        if not isinstance(new, Array | Record):
            return
        for other in self._aliases.get(name, ()):
            if isinstance(env.get(other), Array | Record) and other != name:
                env[other] = _join(env[other], new)

    def _bind(self, target: ast.expr, value: Item, env: Env) -> None:
        match target:
            case ast.Name(id=name):
                env[name] = self._stepped(value, target, f"{name} = ...")
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                self._unpack(parts, value, env)
            case ast.Starred(value=inner):
                self._bind(inner, Array(_value(value)), env)
            case ast.Subscript(value=ast.Name(id="SD"), slice=key):
                name = self._key(key, env)
                known = self._stored.get(name)
                self._stored[name] = value if known is None else _join(known, value)
            case ast.Subscript(value=base, slice=key):
                self._store(base, self._key_value(key, env), value, env)
            case ast.Attribute(value=base):
                self._store(base, unknown("an attribute"), value, env)

    def _unpack(self, parts: list[ast.expr], value: Item, env: Env) -> None:
        plain = not any(isinstance(part, ast.Starred) for part in parts)
        for index, part in enumerate(parts):
            known = isinstance(value, Array | Record | Star) or not isinstance(value, Thing)
            item = item_at(_value(value), Const(str(index))) if known and plain else element(_value(value))
            self._bind(part, item, env)

    def _store(self, base: ast.expr, key: Value, value: Item, env: Env) -> None:
        """base[key] = value, where base is a variable or an item of one; a part of it may be anything then."""
        if not isinstance(base, ast.Name):
            inner = getattr(base, "value", None)
            if isinstance(inner, ast.expr):
                self._store(inner, unknown("a key"), value, env)
            return
        old, new = env.get(base.id, NONE), _value(value)
        if isinstance(old, Record) and isinstance(key, Const):
            env[base.id] = old.put(key.text, new)
        elif isinstance(old, Record):
            fields = tuple((name, merged([item, new]) or new) for name, item in old.fields)
            env[base.id] = Record(fields, alt([as_text(new), *([] if old.rest is None else [old.rest])]))
        elif isinstance(old, Array):
            env[base.id] = Array(merged([element(old), new]) or new)
        elif not isinstance(old, Thing):
            env[base.id] = changed(old, new)
        self._changed(base.id, env)

    def _if(self, node: ast.If, env: Env) -> Env | None:
        self._eval(node.test, env)
        then = self._run(node.body, self._refined(node.test, env, holds=True))
        return _join_env([then, self._run(node.orelse, self._refined(node.test, env, holds=False))])

    def _for(self, node: ast.For | ast.AsyncFor, env: Env) -> Env | None:
        iterated = self._eval(node.iter, env)

        def once(head: Env) -> Env | None:
            inner = dict(head)
            self._bind(node.target, self._element(iterated, node.iter), inner)
            return self._run(node.body, inner)

        return self._run_else(node.orelse, self._loop(env, once))

    def _while(self, node: ast.While, env: Env) -> Env | None:
        def once(head: Env) -> Env | None:
            head = dict(head)
            self._eval(node.test, head)
            return self._run(node.body, self._refined(node.test, head, holds=True))

        return self._run_else(node.orelse, self._loop(env, once))

    def _run_else(self, statements: list[ast.stmt], behind: tuple[Env, list[Env]]) -> Env | None:
        return _join_env([self._run(statements, behind[0]), *behind[1]])

    def _loop(self, env: Env, once: Callable[[Env], Env | None]) -> tuple[Env, list[Env]]:
        """The state at the head of a loop for any number of rounds, and those that break leaves with."""
        frame = self._frames[-1]
        kept = frame.breaks, frame.continues
        head = env
        self._muted += 1
        for attempt in range(MAX_ROUNDS):
            frame.breaks, frame.continues = [], []
            behind = _join_env([once(head), *frame.continues])
            wider = _widened(head, behind or head, attempt)
            if wider == head:
                break
            head = wider
        else:
            head = {name: item if item == env.get(name) else unknown(name) for name, item in head.items()}
        self._muted -= 1
        frame.breaks, frame.continues = [], []
        once(head)
        breaks = frame.breaks
        frame.breaks, frame.continues = kept
        return head, breaks

    def _leave(self, node: ast.Break | ast.Continue, env: Env) -> None:
        frame = self._frames[-1]
        (frame.breaks if isinstance(node, ast.Break) else frame.continues).append(env)

    def _return(self, node: ast.Return, env: Env) -> None:
        self._frames[-1].returned.append(NONE if node.value is None else self._eval(node.value, env))
        self._frames[-1].left.append(env)

    def _raise(self, node: ast.Raise, env: Env) -> None:
        if node.exc is not None:
            self._eval(node.exc, env)
        self._frames[-1].left.append(env)

    def _with(self, node: ast.With | ast.AsyncWith, env: Env) -> Env | None:
        env = dict(env)
        for item in node.items:
            value = self._eval(item.context_expr, env)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, value, env)
        return self._run(node.body, env)

    def _try(self, node: ast.Try | ast.TryStar, env: Env) -> Env | None:
        self._attempts.append([env])
        behind = self._run(node.body, env)
        states = self._attempts.pop()
        if self._attempts:
            self._attempts[-1] += states
        start = _join_env(states) or env
        ends = [self._run(node.orelse, behind)]
        for handler in node.handlers:
            if handler.type is not None:
                self._eval(handler.type, start)
            caught = start if handler.name is None else {**start, handler.name: unknown("an exception", Source.ERROR)}
            ends.append(self._run(handler.body, caught))
        behind = _join_env(ends)
        if node.finalbody and behind is None:
            self._run(node.finalbody, start)
            return None
        return self._run(node.finalbody, behind)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, env: Env) -> Env:
        return {**env, node.name: Thing(node.name, node, len(self._bases))}

    def _import(self, node: ast.Import, env: Env) -> Env:
        names = {(item.asname or item.name.split(".", 1)[0]): item for item in node.names}
        return {**env, **{name: Thing(item.name if item.asname else name) for name, item in names.items()}}

    def _import_from(self, node: ast.ImportFrom, env: Env) -> Env:
        env = dict(env)
        for item in node.names:
            if item.name == "*" and node.module == "plpy":
                env.update({name.removeprefix("plpy."): Thing(name) for name in chain(SINKS, _QUOTERS)})
            env[item.asname or item.name] = Thing(f"{node.module}.{item.name}")
        return env

    def _match(self, node: ast.Match, env: Env) -> Env | None:
        subject = self._eval(node.subject, env)
        ends: list[Env | None] = [env]
        for case in node.cases:
            inner = dict(env)
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(name, str):
                    inner[name] = changed(_value(subject))
            ends.append(self._run(case.body, inner))
        return _join_env(ends)

    # Guards

    def _refined(self, test: ast.expr, env: Env, *, holds: bool) -> Env:
        """The state where the test holds, or does not."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self._refined(inner, env, holds=not holds)
            case ast.BoolOp(op=op, values=tests) if isinstance(op, ast.And) is holds:
                for inner in tests:
                    env = self._refined(inner, env, holds=holds)
                return env
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[other]):
                allowed = self._allowed(op, other, env, holds=holds)
                return env if allowed is None else {**env, name: allowed}
            case ast.Call() if holds:
                name, quoting = self._tested(test, env)
                known = env.get(name)
                if quoting is not None and known is not None and not isinstance(known, Thing):
                    return {**env, name: requote(as_text(known), quoting)}
        return env

    def _allowed(self, op: ast.cmpop, other: ast.expr, env: Env, *, holds: bool) -> Text | None:
        """What `x in (...)` or `x == ...` leaves of x: constants alone, else None."""
        if not isinstance(op, (ast.In, ast.Eq) if holds else (ast.NotIn, ast.NotEq)):
            return None
        value = self._eval(other, env)
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(value, Array | Record) or (isinstance(value, Record) and value.rest is not None):
                return None
            value = element(value)
        if isinstance(value, Thing | Record | Array) or not all(isinstance(leaf, Const) for leaf in leaves(value)):
            return None
        return value

    def _tested(self, test: ast.Call, env: Env) -> tuple[str, Quoting | None]:
        """The variable of which the call proves that it is a word."""
        match test:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute), args=[]) if (
                attribute in _WORD_TESTS
            ):
                return name, Quoting.WORD
            case ast.Call(args=[ast.Constant(value=str(pattern)), ast.Name(id=name)], keywords=[]):
                called = self._eval(test.func, env)
                found = _WORDS_ONLY.fullmatch(pattern)
                whole = called == Thing("re.fullmatch") or (
                    called == Thing("re.match") and found and found["end"] == r"\Z"
                )
                if found and whole:
                    return name, Quoting.WORD
        return "", None

    # Expressions

    def _eval(self, node: ast.expr, env: Env) -> Item:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _TooMuchError
        reader = _EXPRESSIONS.get(type(node))
        if reader is not None:
            return reader(self, node, env)
        parts = [self._eval(child, env) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return changed(*(_value(part) for part in parts)) if parts else unknown(type(node).__name__)

    def _text(self, node: ast.expr, env: Env) -> Value:
        return _value(self._eval(node, env))

    def _constant(self, node: ast.Constant, _: Env) -> Item:
        if node.value is None:
            return NONE
        if not isinstance(node.value, str):
            return Const(str(node.value)) if isinstance(node.value, int | float) else unknown("a constant")
        return Const(node.value, self._constant_place(node, node.value))

    def _constant_place(self, node: ast.Constant, text: str) -> Place | None:
        """Where the text stands, if every character of it stands there as it is."""
        start, end = self._span(node)
        written = self._routine.body[start:end]
        for quotes in ('"""', "'''", '"', "'"):
            if (
                written.endswith(quotes)
                and written.rstrip(quotes[0])
                and written[: -len(quotes)].endswith(quotes + text)
            ):
                first = self._routine.map(end - len(quotes) - len(text))
                last = self._routine.map(end - len(quotes))
                return Place(self._routine.file, first, last) if last - first == len(text) else None
        return None

    def _name(self, node: ast.Name, env: Env) -> Item:
        found = env.get(node.id)
        if found is None:
            return Thing(node.id)
        if isinstance(found, Hole) and found.origin.source == Source.PARAMETER and not found.path:
            return self._stepped(found, node, f"parameter {found.origin.name}")
        return found

    def _fstring(self, node: ast.JoinedStr, env: Env) -> Item:
        parts: list[Text] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                conversion = chr(part.conversion) if part.conversion > 0 else ""
                specification = EMPTY if part.format_spec is None else as_text(self._text(part.format_spec, env))
                value = formatted(self._text(part.value, env), conversion, specification)
                parts.append(placed(value, self._place(part.value)))
            else:
                parts.append(Const(str(getattr(part, "value", ""))))
        return seq(parts)

    def _binary(self, node: ast.BinOp, env: Env) -> Item:
        left = self._eval(node.left, env)
        return self._operation(node.op, left, self._eval(node.right, env), node.right)

    def _operation(self, op: ast.operator, left: Item, right: Item, node: ast.expr) -> Item:
        first, second = _value(left), _value(right)
        if is_number(first) and is_number(second) and not (isinstance(first, Const) and isinstance(second, Const)):
            return number(first, second)
        if isinstance(op, ast.Add):
            if isinstance(first, Array) and isinstance(second, Array):
                return _concatenated(first, second)
            return seq([printed(first), placed(printed(second), self._place(node))])
        if isinstance(op, ast.Mod) and not is_number(first):
            return percent(first, second)
        repeated = next((value for value in (first, second) if not is_number(value)), None)
        if isinstance(op, ast.Mult) and repeated is not None:
            return Array(element(repeated)) if isinstance(repeated, Array) else star(printed(repeated))
        return changed(first, second)

    def _choice(self, node: ast.BoolOp | ast.IfExp, env: Env) -> Item:
        if isinstance(node, ast.BoolOp):
            return _join_all([self._eval(value, env) for value in node.values])
        self._eval(node.test, env)
        then = self._eval(node.body, self._refined(node.test, env, holds=True))
        return _join(then, self._eval(node.orelse, self._refined(node.test, env, holds=False)))

    def _test(self, node: ast.Compare | ast.UnaryOp, env: Env) -> Item:
        parts = [self._text(child, env) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return number(*parts)

    def _attribute(self, node: ast.Attribute, env: Env) -> Item:
        base = self._eval(node.value, env)
        if isinstance(base, Thing):
            return Thing(f"{base.name}.{node.attr}") if base.node is None else unknown(node.attr)
        return changed(base)

    def _subscript(self, node: ast.Subscript, env: Env) -> Item:
        base = self._eval(node.value, env)
        if base == Thing("SD"):
            return self._stored.get(self._key(node.slice, env), unknown("SD"))
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper, node.slice.step):
                if bound is not None:
                    self._eval(bound, env)
            value = _value(self._element(base, node.value) if isinstance(base, Thing) else base)
            return Array(element(value)) if isinstance(value, Array) else changed(value)
        key = self._key_value(node.slice, env)
        return self._element(base, node.value) if isinstance(base, Thing) else item_at(base, key)

    def _key_value(self, node: ast.expr, env: Env) -> Value:
        return self._text(node, env)

    def _key(self, node: ast.expr, env: Env) -> str:
        value = self._key_value(node, env)
        return value.text if isinstance(value, Const) else ""

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set, env: Env) -> Item:
        values = []
        known = True
        for part in node.elts:
            known = known and not isinstance(part, ast.Starred)
            values.append(
                element(self._text(part.value, env)) if isinstance(part, ast.Starred) else self._text(part, env)
            )
        return Array(merged(values) or EMPTY, tuple(values) if known else None)

    def _dictionary(self, node: ast.Dict, env: Env) -> Item:
        record = Record(())
        for key, value in zip(node.keys, node.values, strict=True):
            name = None if key is None else self._text(key, env)
            item = self._text(value, env)
            if isinstance(name, Const):
                record = record.put(name.text, item)
            elif isinstance(item, Record) and key is None:
                record = Record(tuple(dict(record.fields + item.fields).items()), item.rest or record.rest)
            else:
                rest = [] if record.rest is None else [record.rest]
                record = Record(record.fields, alt([as_text(item), *([] if name is None else [as_text(name)]), *rest]))
        return record

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, env: Env) -> Item:
        env = dict(env)
        for generator in node.generators:
            self._bind(generator.target, self._element(self._eval(generator.iter, env), generator.iter), env)
            for test in generator.ifs:
                self._eval(test, env)
                env = self._refined(test, env, holds=True)
        if isinstance(node, ast.DictComp):
            return Record((), alt([as_text(self._text(node.key, env)), as_text(self._text(node.value, env))]))
        return Array(self._text(node.elt, env))

    def _lambda(self, node: ast.Lambda, _: Env) -> Item:
        return Thing("lambda", node, len(self._bases))

    def _walrus(self, node: ast.NamedExpr, env: Env) -> Item:
        value = self._eval(node.value, env)
        self._bind(node.target, value, env)
        return value

    def _starred(self, node: ast.Starred, env: Env) -> Item:
        return element(self._text(node.value, env))

    def _element(self, iterated: Item, node: ast.expr) -> Item:
        """What iterating over it yields; of the result of a query a row."""
        if not isinstance(iterated, Thing):
            return element(iterated)
        if iterated.name != "rows":
            return unknown(iterated.name)
        origin = Origin(Source.TABLE, "a row of plpy.execute()")
        path = (Step(self._place(node), "rows of a query"),)
        return Record((), Hole(Quoting.RAW, origin, path=path))

    # Calls

    def _call(self, node: ast.Call, env: Env) -> Item:
        self._visited.add(node)
        if isinstance(node.func, ast.Attribute):
            base = self._eval(node.func.value, env)
            if not isinstance(base, Thing) or base.name == "rows":
                return self._call_method(node, base, node.func.attr, env)
        called = self._eval(node.func, env)
        positional, named = self._arguments(node, env)
        if isinstance(called, Thing):
            return self._call_thing(called, node, positional, named, env)
        return self._call_unknown("a function", node, [called, *positional, *named.values()], env)

    def _arguments(self, node: ast.Call, env: Env) -> tuple[list[Item], dict[str, Item]]:
        positional = [self._eval(argument, env) for argument in node.args]
        named = {keyword.arg or "**": self._eval(keyword.value, env) for keyword in node.keywords}
        return positional, named

    def _call_thing(
        self, called: Thing, node: ast.Call, positional: list[Item], named: dict[str, Item], env: Env
    ) -> Item:
        name = called.name.removeprefix("builtins.")
        values = [_value(item) for item in positional]
        if called.node is not None:
            return self._call_local(called, (positional, named), env)
        if name in SINKS:
            return self._run_sink(name, node, positional, named)
        known = self._known(name, node, values)
        if known is not None:
            return known
        special = _FUNCTIONS.get(name)
        if special is not None:
            return special(self, node, positional, env)
        return self._call_unknown(name, node, [*positional, *named.values()], env)

    def _known(self, name: str, node: ast.Call, values: list[Value]) -> Item | None:
        """The result of a function that does nothing but compute it."""
        result: Item | None = None
        if name.startswith("plan."):
            result = NONE if name == "plan.status" else Thing("rows")
        elif name in _QUOTERS and values:
            result = placed(requote(as_text(values[0]), _QUOTERS[name]), self._place(node))
        elif name in _NUMERIC:
            result = number(*values)
        elif name == "str" and values:
            result = printed(values[0])
        elif name in _SAME_ELEMENTS:
            result = _same_elements(name, values)
        elif name in _HARMLESS:
            result = NONE
        return result

    def _call_unknown(self, name: str, node: ast.Call, items: list[Item], env: Env) -> Item:
        """Any other function: a sink that it is given may run anything, a local function be called with anything.

        A list that it is given may hold more afterwards.
        """
        for item in items:
            if isinstance(item, Thing) and item.node is not None:
                self._call_local(item, ([], {}), env, unknown("an argument"))
            if isinstance(item, Thing) and (item.name in SINKS or item.name == "plpy"):
                self._site(item.name if item.name in SINKS else "plpy.execute", node, unknown(f"what {name}() runs"))
        if name in _RUNS_PYTHON:
            self._site("plpy.execute", node, unknown(f"what {name}() runs"))
        given = [_value(item) for item in items]
        for argument in node.args:
            known = env.get(argument.id) if isinstance(argument, ast.Name) else None
            if isinstance(argument, ast.Name) and isinstance(known, Array | Record):
                env[argument.id] = Array(unknown(f"{name}()", Source.FUNCTION))
                self._changed(argument.id, env)
        if given and all(is_inert(value) for value in given) and name.split(".", 1)[0] in {"math", "min", "max"}:
            return number(*given)
        return unknown(f"{name}()", Source.FUNCTION)

    def _call_method(self, node: ast.Call, base: Item, name: str, env: Env) -> Item:
        positional, named = self._arguments(node, env)
        values = [_value(item) for item in positional]
        if isinstance(base, Thing):  # rows of a query
            return number() if name in {"nrows", "status"} else Array(unknown(f"{name}()", Source.TABLE))
        if name in _CHANGES and isinstance(node.func, ast.Attribute):
            added = [*values, *(_value(item) for item in named.values())]
            return self._change(node.func.value, base, name, added, env)
        if isinstance(base, Record):
            return _record_method(base, name, values)
        if isinstance(base, Array):
            return self._list_method(node, base, name, env)
        return _format(node, base, values, named) if name == "format" else method(base, name, values)

    def _list_method(self, node: ast.Call, base: Array, name: str, env: Env) -> Item:
        target = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in _REORDERS and isinstance(target, ast.Name):
            env[target.id] = Array(element(base))
            self._changed(target.id, env)
        return element(base) if name in {"pop", "__getitem__"} else Array(element(base))

    def _change(self, target: ast.expr, base: Value, name: str, added: list[Value], env: Env) -> Item:
        """list.append() and the like: the variable holds more from here on."""
        new: Value | None = None
        if isinstance(base, Array):
            if name == "append" and len(added) == 1:
                items = None if base.items is None else (*base.items, added[0])
                new = Array(merged([*([] if base.items == () else [base.element]), added[0]]) or EMPTY, items)
            else:
                more = [element(value) if name in {"extend", "update"} else value for value in added]
                kept = [] if base.items == () else [element(base)]
                new = Array(merged([*kept, *more]) or EMPTY)
        elif isinstance(base, Record):
            rest = [as_text(value) for value in added] + ([] if base.rest is None else [base.rest])
            new = Record(
                tuple((key, merged([item, *added]) or item) for key, item in base.fields), alt(rest or [EMPTY])
            )
        if isinstance(target, ast.Name) and new is not None:
            env[target.id] = new
            self._changed(target.id, env)
        elif not isinstance(target, ast.Name):
            self._store(target, unknown("a key"), merged(added) or EMPTY, env)
        if name == "setdefault":
            return merged([base, *added]) or EMPTY
        return NONE

    def _run_sink(self, name: str, node: ast.Call, positional: list[Item], named: dict[str, Item]) -> Item:
        statement = positional[0] if positional else named.get("query", named.get("**", unknown("an argument")))
        if statement != PLAN:
            self._site(name, node, _value(statement))
        return PLAN if name == "plpy.prepare" else Thing("rows")

    def _site(self, name: str, node: ast.Call, statement: Value) -> None:
        if self._muted:
            return
        place = self._place(node.func)
        step = Step(place, name)
        stepped = _value(self._stepped(statement, node.func, step.what))
        self._found.setdefault((name, place.start), (place, []))[1].append(stepped)

    def _call_local(self, called: Thing, given: Arguments, env: Env, default: Text | None = None) -> Item:
        """Run a function of the body; `default` is what any parameter holds that gets no argument."""
        node = called.node
        assert node is not None  # noqa: S101 - callers see to it
        self._visited.add(node)
        if len(self._bases) >= MAX_CALLS:
            return self._give_up(node)
        depth = len(self._bases)
        base = env if called.depth >= depth else self._bases[called.depth]
        inner = {**base, **self._bound(node.args, given, env, default)}
        self._bases.append(env)
        self._frames.append(_Frame())
        if isinstance(node, ast.Lambda):
            result = self._eval(node.body, inner)
            self._write_back(node, inner, env)
        else:
            behind = self._run(node.body, inner)
            returned = self._frames[-1].returned
            result = _join_all(returned) if returned else NONE
            self._write_back(node, _join_env([behind, *self._frames[-1].left]) or inner, env)
        self._frames.pop()
        self._bases.pop()
        return result

    def _give_up(self, node: ast.AST) -> Item:
        """Calls nested too deeply, as recursion is: what runs inside is not known, nor with what others are called."""
        self._gave_up = True
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                name = f"plpy.{inner.func.attr}"
                if name in SINKS:
                    self._site(name, inner, unknown("a recursive call"))
        return unknown("a recursive call", Source.FUNCTION)

    def _bound(self, arguments: ast.arguments, given: Arguments, env: Env, default: Text | None) -> Env:
        positional, named = given
        names = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
        found: Env = dict(zip(names, positional, strict=False))
        found.update({name: item for name, item in named.items() if name != "**"})
        defaults = zip(reversed(names), reversed(arguments.defaults), strict=False)
        keyword_defaults = zip((item.arg for item in arguments.kwonlyargs), arguments.kw_defaults, strict=True)
        for name, value in chain(defaults, keyword_defaults):
            if value is not None and name not in found:
                found[name] = self._eval(value, env) if default is None else default
        rest = [_value(item) for item in positional[len(names) :]]
        if arguments.vararg is not None:
            found[arguments.vararg.arg] = Array(merged(rest) or default or EMPTY, None if default else tuple(rest))
        if arguments.kwarg is not None:
            others = [as_text(_value(item)) for item in named.values()]
            found[arguments.kwarg.arg] = Record((), alt(others) if others else default or unknown("an argument"))
        missing = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        spread = (
            merged(element(_value(item)) for item in [*positional, *named.values()]) if positional or named else None
        )
        for name in missing:
            found.setdefault(name, default or spread or unknown("an argument"))
        return found

    def _write_back(self, node: ast.AST, inner: Env, env: Env) -> None:
        """Variables of the caller that the function may have changed."""
        written = set(_outer_writes(node))
        for name in written.union(*(self._aliases.get(changed_one, set()) for changed_one in written)):
            if name in inner and (name in env or name not in _parameters_of(node)):
                env[name] = _join(env[name], inner[name]) if name in env else inner[name]

    # Functions of Python with a meaning of their own

    def _getattr(self, _: ast.Call, positional: list[Item], __: Env) -> Item:
        base, name = positional[0], _value(positional[1]) if len(positional) > 1 else unknown("an attribute")
        if isinstance(base, Thing):
            if isinstance(name, Const):
                return Thing(f"{base.name}.{name.text}")
            return Thing("plpy.execute") if base.name == "plpy" else unknown("getattr()")
        return item_at(base, name)

    def _map(self, node: ast.Call, positional: list[Item], env: Env) -> Item:
        if len(positional) < 2:
            return unknown("map()")
        called, items = positional[0], [self._element(item, node) for item in positional[1:]]
        if isinstance(called, Thing):
            return Array(_value(self._call_thing(called, node, items, {}, env)))
        return Array(unknown("map()", Source.FUNCTION))

    def _range(self, _: ast.Call, positional: list[Item], __: Env) -> Item:
        return Array(number(*(_value(item) for item in positional)))

    def _enumerate(self, node: ast.Call, positional: list[Item], _: Env) -> Item:
        item = _value(self._element(positional[0], node)) if positional else EMPTY
        pair = (number(), item)
        return Array(Array(merged(pair) or EMPTY, pair))

    def _zip(self, node: ast.Call, positional: list[Item], _: Env) -> Item:
        items = tuple(_value(self._element(item, node)) for item in positional)
        return Array(Array(merged(items) or EMPTY, items))

    def _dict(self, node: ast.Call, positional: list[Item], env: Env) -> Item:
        record = positional[0] if positional else Record(())
        if not isinstance(record, Record):
            return Record((), changed(_value(record)))
        for keyword in node.keywords:
            if keyword.arg is not None:
                record = record.put(keyword.arg, self._text(keyword.value, env))
        return record


def _trigger_data() -> Record:
    def source(name: str) -> Hole:
        return Hole(Quoting.RAW, Origin(Source.TRIGGER, name))

    fixed = {
        "event": ("INSERT", "UPDATE", "DELETE", "TRUNCATE"),
        "when": ("BEFORE", "AFTER", "INSTEAD OF"),
        "level": ("ROW", "STATEMENT"),
    }
    fields: dict[str, Value] = {name: alt(Const(word) for word in words) for name, words in fixed.items()}
    fields |= {name: source(f"TG_{name.upper()}") for name in ("name", "table_name", "table_schema", "tag")}
    fields |= {name: Record((), source(name.upper())) for name in ("new", "old")}
    fields["args"] = Array(source("TG_ARGV"))
    fields["relid"] = number()
    return Record(tuple(fields.items()))


def _value(item: Item) -> Value:
    """The value of an item; of what is no text one of which nothing is known."""
    if not isinstance(item, Thing):
        return item
    if item == NONE:
        return Const("None")
    if item.name == "rows":
        return Array(Record((), unknown("a row of plpy.execute()", Source.TABLE)))
    return unknown(item.name)


def _join(left: Item, right: Item) -> Item:
    """Either; a plan is no SQL text and None is never run, so that the other one counts. A sink stays one."""
    if left == right:
        return left
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Thing) and (one in (NONE, PLAN) or (isinstance(other, Thing) and other.name in SINKS)):
            return other
    if isinstance(left, Thing) or isinstance(right, Thing):
        sink = next((item for item in (left, right) if isinstance(item, Thing) and item.name in SINKS), None)
        return sink or unknown("one of several things")
    for one, other in ((left, right), (right, left)):
        if not isinstance(one, Record | Array) and not isinstance(other, Record | Array):
            parts, longer = _parts(one), _parts(other)
            if longer[: len(parts)] == parts:  # perhaps something was added
                return seq([one, alt([EMPTY, seq(longer[len(parts) :])])])
    return merged([left, right]) or EMPTY


def _join_all(items: list[Item]) -> Item:
    found = items[0]
    for item in items[1:]:
        found = _join(found, item)
    return found


def _join_env(states: Iterable[Env | None]) -> Env | None:
    found: Env | None = None
    for state in states:
        if state is None:
            continue
        if found is None:
            found = state
        elif state is not found:
            one, other = found, state
            found = {name: _join(one.get(name, item), other.get(name, item)) for name, item in {**one, **other}.items()}
    return found


def _widened(head: Env, behind: Env, attempt: int) -> Env:
    """The state at the head of a loop once one more round is counted in; the same where nothing new came."""
    found = {}
    for name in {**head, **behind}:
        old, new = head.get(name, behind.get(name, NONE)), behind.get(name, head.get(name, NONE))
        if old == new:
            found[name] = old
        elif isinstance(old, Thing | Record | Array) or isinstance(new, Thing | Record | Array):
            found[name] = _join(old, new) if attempt < 3 else _everything(old, new)
        else:
            found[name] = old if _covers(old, new) else _repeated(old, new, attempt)
    return found


def _everything(old: Item, new: Item) -> Item:
    """Arrays and records that grow and grow: any element may be anything of which they are made."""
    if isinstance(old, Thing) or isinstance(new, Thing):
        return _join(old, new)
    made: Text = star(alt(dict.fromkeys(leaf for value in (old, new) for leaf in leaves(value)) or [EMPTY]))
    if isinstance(old, Array) and isinstance(new, Array):
        return old if old == Array(made) or _covers(as_text(old.element), as_text(element(new))) else Array(made)
    if isinstance(old, Record) and isinstance(new, Record):
        return old if _same_leaves(old, new) else Record((), made)
    return made


def _same_leaves(old: Value, new: Value) -> bool:
    return isinstance(old, Record) and not old.fields and set(leaves(new)) <= set(leaves(old))


def _covers(old: Text, new: Text) -> bool:
    """Whether `old` contains every text of `new`, as far as that is plain to see."""
    choices = _choices(old)
    news = _choices(new)
    if isinstance(old, Star) and all(leaf in _single(old.body) for leaf in leaves(new)):
        return True
    return all(choice in choices or _is_one_more(old, choice) for choice in news)


def _single(body: Text) -> tuple[Text, ...]:
    """The leaves that the body of a star is a choice of."""
    choices = _choices(body)
    return tuple(choice for choice in choices if isinstance(choice, Const | Hole))


def _is_one_more(old: Text, new: Text) -> bool:
    """Whether `new` is `old`, which ends or begins with a star, with one more round of that star."""
    parts, longer = _parts(old), _parts(new)
    for at, rest in ((-1, longer[len(parts) :]), (0, longer[: len(longer) - len(parts)])):
        repeated = parts[at] if parts else old
        same = longer[: len(parts)] == parts if at else longer[len(rest) :] == parts
        if same and isinstance(repeated, Star):
            rounds = _choices(repeated.body)
            if seq(rest) in rounds or not rest:
                return True
    return False


def _parts(text: Text) -> tuple[Text, ...]:
    if isinstance(text, Seq):
        return text.parts
    return (text,) if text != EMPTY else ()


def _choices(text: Text) -> tuple[Text, ...]:
    return text.choices if isinstance(text, Alt) else (text,)


def _repeated(old: Text, new: Text, attempt: int) -> Text:
    """`s += x` as s x*, `s = x + s` as x* s; anything else, or what is no such thing after all, as any mixture."""
    before, behind = _parts(old), (_choices(new))
    rounds, others = [], []
    for choice in behind:
        parts = _parts(choice)
        if choice == old:
            continue
        if parts[: len(before)] == before:
            rounds.append(seq(parts[len(before) :]))
        else:
            others.append(choice)
    if attempt == 0 and rounds and not others:
        return seq([old, star(alt(rounds))])
    ends = [_parts(choice) for choice in others]
    if attempt == 0 and before and not rounds and all(parts[len(parts) - len(before) :] == before for parts in ends):
        return seq([star(alt(seq(parts[: len(parts) - len(before)]) for parts in ends)), old])
    if attempt < 3 and not rounds:
        return alt([old, new])
    return star(alt(dict.fromkeys(leaf for value in (old, new) for leaf in leaves(value) if leaf != EMPTY)))


def _concatenated(first: Array, second: Array) -> Array:
    if first.items is not None and second.items is not None:
        items = first.items + second.items
        return Array(merged(items) or EMPTY, items)
    return Array(merged([element(array) for array in (first, second) if array.items != ()]) or EMPTY)


def _same_elements(name: str, values: list[Value]) -> Item:
    """list(x), sorted(x)...: the same elements, in the same order where it is known."""
    if not values:
        return Array(EMPTY, ())
    value = values[-1] if name == "filter" else values[0]
    if isinstance(value, Array) and name in {"list", "tuple", "iter"}:
        return value
    if isinstance(value, Array) and value.items == ():
        return value
    return Array(element(value))


def _format(node: ast.Call, base: Text, values: list[Value], named: dict[str, Item]) -> Text:
    """str.format(): with arguments that are not known one by one, as in format(*x), anything made of them."""
    spread = _value(named["**"]) if "**" in named else None
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return changed(base, *values, *(_value(item) for item in named.values()))
    return brace_format(base, values, {key: _value(item) for key, item in named.items() if key != "**"}, spread)


def _record_method(record: Record, name: str, values: list[Value]) -> Item:
    contents = merged([item for _, item in record.fields] + ([] if record.rest is None else [record.rest]))
    match name:
        case "get" | "pop" if values:
            found = [item_at(record, values[0])] if _has(record, values[0]) else []
            return merged([*found, *values[1:2]]) or NONE
        case "keys":
            return Array(
                element(record), tuple(Const(key) for key, _ in record.fields) if record.rest is None else None
            )
        case "values":
            items = tuple(item for _, item in record.fields) if record.rest is None else None
            return Array(contents or EMPTY, items)
        case "items":
            pair = (element(record), contents or EMPTY)
            return Array(Array(merged(pair) or EMPTY, pair))
        case "copy":
            return record
        case _:
            return changed(record, *values)


def _has(record: Record, key: Value) -> bool:
    return not isinstance(key, Const) or record.get(key.text) is not None


def _parameters_of(node: ast.AST) -> set[str]:
    return {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}


def aliases(tree: ast.AST) -> dict[str, set[str]]:
    """Variables that may hold the same list or dictionary, or one inside the other, by what is assigned to what."""
    groups: dict[str, set[str]] = {}
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        for targets, value in _bindings(node, functions):
            names = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
            group = names.union(_shared(value))
            for name in list(group):
                group |= groups.get(name, set())
            groups.update(dict.fromkeys(group, group))
    return groups


def _bindings(node: ast.AST, functions: dict[str, ast.FunctionDef]) -> Iterator[tuple[list[ast.AST], ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield list(targets), value
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            yield [target], value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield [target], value
        case ast.Call(func=ast.Attribute(value=base), args=arguments):
            for argument in arguments:
                yield [base], argument
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in functions:
            parameters = ast.walk(functions[name].args)
            names: list[ast.AST] = [ast.Name(item.arg) for item in parameters if isinstance(item, ast.arg)]
            for argument in arguments:
                yield names, argument


def _shared(value: ast.expr) -> Iterator[str]:
    """Variables whose list or dictionary is the value, or is in it."""
    match value:
        case ast.Name(id=name):
            yield name
        case ast.IfExp() | ast.BoolOp() | ast.List() | ast.Tuple() | ast.Set() | ast.Dict() | ast.Starred():
            for inner in ast.iter_child_nodes(value):
                if isinstance(inner, ast.expr):
                    yield from _shared(inner)
        case ast.Subscript(value=inner) | ast.Attribute(value=inner):
            yield from _shared(inner)
        case ast.Call(func=called, args=arguments):
            for inner in (called, *arguments):
                yield from _shared(inner)


def _outer_writes(node: ast.AST) -> Iterator[str]:
    """Names that a function may change outside of itself: global, nonlocal, and containers that it fills."""
    for inner in ast.walk(node):
        match inner:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if attribute in _CHANGES:
                yield name
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                yield name


_STATEMENTS: dict[type[ast.stmt], Callable[[_Body, Any, Env], Env | None]] = {
    ast.Assign: _Body._assign,
    ast.AnnAssign: _Body._assign,
    ast.AugAssign: _Body._augmented,
    ast.If: _Body._if,
    ast.For: _Body._for,
    ast.AsyncFor: _Body._for,
    ast.While: _Body._while,
    ast.Break: _Body._leave,
    ast.Continue: _Body._leave,
    ast.Return: _Body._return,
    ast.Raise: _Body._raise,
    ast.With: _Body._with,
    ast.AsyncWith: _Body._with,
    ast.Try: _Body._try,
    ast.TryStar: _Body._try,
    ast.FunctionDef: _Body._define,
    ast.AsyncFunctionDef: _Body._define,
    ast.Import: _Body._import,
    ast.ImportFrom: _Body._import_from,
    ast.Match: _Body._match,
}
_EXPRESSIONS: dict[type[ast.expr], Callable[[_Body, Any, Env], Item]] = {
    ast.Constant: _Body._constant,
    ast.Name: _Body._name,
    ast.JoinedStr: _Body._fstring,
    ast.BinOp: _Body._binary,
    ast.BoolOp: _Body._choice,
    ast.IfExp: _Body._choice,
    ast.Compare: _Body._test,
    ast.UnaryOp: _Body._test,
    ast.Attribute: _Body._attribute,
    ast.Subscript: _Body._subscript,
    ast.List: _Body._sequence,
    ast.Tuple: _Body._sequence,
    ast.Set: _Body._sequence,
    ast.Dict: _Body._dictionary,
    ast.ListComp: _Body._comprehension,
    ast.SetComp: _Body._comprehension,
    ast.GeneratorExp: _Body._comprehension,
    ast.DictComp: _Body._comprehension,
    ast.Lambda: _Body._lambda,
    ast.NamedExpr: _Body._walrus,
    ast.Starred: _Body._starred,
    ast.Call: _Body._call,
}
_FUNCTIONS: dict[str, Callable[[_Body, ast.Call, list[Item], Env], Item]] = {
    "getattr": _Body._getattr,
    "map": _Body._map,
    "range": _Body._range,
    "enumerate": _Body._enumerate,
    "zip": _Body._zip,
    "dict": _Body._dict,
}
