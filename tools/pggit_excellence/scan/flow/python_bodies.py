"""PL/Python bodies: what plpy.execute(), plpy.prepare() and plpy.cursor() are given, by abstract interpretation.

Python's own parser reads the body. Local functions are followed with the arguments of each call. What is not followed
(classes, eval, sinks handed to unknown functions) leaves a statement of unknown text, which nothing proves safe.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from pggit_excellence.scan.flow.python_calls import QUOTERS, Calls, PythonSite
from pggit_excellence.scan.flow.python_items import (
    NONE,
    SINKS,
    Env,
    Frame,
    Thing,
    TooMuchError,
    as_value,
    join_states,
    widened,
)
from pggit_excellence.scan.flow.python_names import own_meaning
from pggit_excellence.scan.flow.python_texts import element, merged, number, unknown
from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.inputs.program import Program, Routine
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Record,
    Source,
    Value,
    alt,
    as_text,
)
from pggit_excellence.scan.values.sqltypes import value_of
from pggit_excellence.scan.values.texts import changed, printed

# Other languages that are not analysed, and what runs SQL in them.
FOREIGN = {
    "plperl": r"\bspi_(?:exec_query|query|prepare)\b",
    "plperlu": r"\bspi_(?:exec_query|query|prepare)\b",
    "pltcl": r"\bspi_(?:exec|prepare)\b",
    "pltclu": r"\bspi_(?:exec|prepare)\b",
    "plv8": r"\bplv8\.(?:execute|prepare)\b",
}
_CALLS = r"\bplpy\s*\.\s*(?:execute|prepare|cursor)\b"
_LETS_ERRORS_PASS = ("plpy.subtransaction(", "open(")  # of what stands behind `with`
MAX_ROUNDS = 6  # of a loop, until what is left may be anything


@dataclass(frozen=True, slots=True)
class PythonBody:
    """The sites of a body; `problem` says why they are unknown where the body was not understood."""

    sites: tuple[PythonSite, ...] = ()
    problem: str = ""


def analyse(routine: Routine, program: Program) -> PythonBody:
    """The statements of a routine in PL/Python; in another language all that can run SQL, as unknown. Never raises."""
    if not routine.language.startswith("plpython"):
        return _foreign(routine)
    try:
        tree, shift = _parse(routine.body)
        if own_meaning(tree):
            return _not_followed(routine, "the body says itself what names or operators mean")
        return PythonBody(_Body(routine, program, tree, shift).sites())
    except (SyntaxError, ValueError) as error:
        return _not_followed(routine, f"the body is no Python: {error.__class__.__name__}")
    except (RecursionError, MemoryError, TooMuchError):
        return _not_followed(routine, "the body is too deeply nested or too long")


def _foreign(routine: Routine) -> PythonBody:
    pattern = FOREIGN.get(routine.language)
    if pattern is None or not re.search(pattern, routine.body):
        return PythonBody()
    return _not_followed(routine, f"{routine.language} is not analysed", pattern)


def _not_followed(routine: Routine, reason: str, pattern: str = _CALLS) -> PythonBody:
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


class _Body(Calls):
    """Runs the statements of one body. None stands for the variables of code that is not reached."""

    def __init__(self, routine: Routine, program: Program, tree: ast.Module, shift: int) -> None:
        super().__init__(routine, tree, shift)
        self._routine, self._program, self._tree = routine, program, tree

    def sites(self) -> tuple[PythonSite, ...]:
        """Run the body until it stays the same: what one call leaves in SD the next one reads."""
        for _ in range(MAX_ROUNDS):
            before = dict(self._stored), dict(self._held)
            self._once()
            if before == (self._stored, self._held):
                break
        else:
            self._stored = dict.fromkeys(self._stored, unknown("SD"))
            self._held = {name: unknown(name) for name in self._held}
            self._once()
        self._unreached()
        return tuple(
            PythonSite(kind, printed(merged(values) or EMPTY), place)
            for (kind, _), (place, values) in sorted(self._found.items(), key=lambda item: item[0][1])
        )

    def _once(self) -> None:
        self._found.clear()
        self._visited.clear()
        self._frames, self._calls = [Frame()], 0
        parameters = self._parameters()
        for name, item in parameters.items():
            self._hold(name, item)
        self._uncalled(self._run(self._tree.body, parameters) or self._parameters())

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

    # Statements

    def _run(self, statements: Iterable[ast.stmt], env: Env | None) -> Env | None:
        """The state behind the statements; None where it is not reached. The state before them stays as it is."""
        env = None if env is None else dict(env)
        for statement in statements:
            if env is None:
                return None
            self._step()
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
        if isinstance(old, Array | Record) and not isinstance(value, Array | Record):  # it is one still
            made = as_text(as_value(value))
            value = Array(made) if isinstance(old, Array) else Record((), made)
        env = dict(env)
        self._bind(node.target, value, env)
        if isinstance(node.target, ast.Name):
            self._changed(node.target.id, env)
        return env

    def _delete(self, node: ast.Delete, env: Env) -> Env:
        """What stands behind a deleted item moves up."""
        env = dict(env)
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                base = self._eval(target.value, env)
                if isinstance(base, Array):
                    self._store(target.value, unknown("a key"), element(base), env)
        return env

    def _if(self, node: ast.If, env: Env) -> Env | None:
        self._eval(node.test, env)
        then = self._run(node.body, self._refined(node.test, env, holds=True))
        return join_states([then, self._run(node.orelse, self._refined(node.test, env, holds=False))])

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
        return join_states([self._run(statements, behind[0]), *behind[1]])

    def _loop(self, env: Env, once: Callable[[Env], Env | None]) -> tuple[Env, list[Env]]:
        """The state at the head of a loop for any number of rounds, and those that break leaves with."""
        frame = self._frames[-1]
        kept = frame.breaks, frame.continues
        head = env
        self._muted += 1
        for attempt in range(MAX_ROUNDS):
            frame.breaks, frame.continues = [], []
            behind = join_states([once(head), *frame.continues])
            wider = widened(head, behind or head, attempt)
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
        if all(ast.unparse(item.context_expr).startswith(_LETS_ERRORS_PASS) for item in node.items):
            return self._run(node.body, env)
        behind, states = self._attempted(node.body, env)
        return join_states([behind, *states])

    def _try(self, node: ast.Try | ast.TryStar, env: Env) -> Env | None:
        frame = self._frames[-1]
        ways = frame.left, frame.breaks, frame.continues
        gone = [len(way) for way in ways]
        behind, states = self._attempted(node.body, env)
        start = join_states(states) or env
        self._attempts.append([])
        ends = [self._run(node.orelse, behind)]
        for handler in node.handlers:
            if handler.type is not None:
                self._eval(handler.type, start)
            caught = dict(start)
            if handler.name is not None:
                self._set(handler.name, unknown("an exception", Source.ERROR), caught)
            ends.append(self._run(handler.body, caught))
        states += self._attempts.pop()
        if self._attempts:
            self._attempts[-1] += states
        behind = join_states(ends)
        if not node.finalbody:
            return behind
        # FINALLY is run wherever the rest is left, and goes on from there.
        left = [state for way, before in zip(ways, gone, strict=True) for state in way[before:]]
        after = self._run(node.finalbody, join_states([start, *states, *left]))
        for way, before in zip(ways, gone, strict=True):
            if after is not None and len(way) > before:
                way.append(after)
        return self._run(node.finalbody, behind)

    def _attempted(self, body: list[ast.stmt], env: Env) -> tuple[Env | None, list[Env]]:
        """The state behind the statements, and those in which one of them may have raised an error."""
        self._attempts.append([env])
        behind = self._run(body, env)
        states = self._attempts.pop()
        if self._attempts:
            self._attempts[-1] += states
        return behind, states

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, env: Env) -> Env:
        for decorator in node.decorator_list:
            self._eval(decorator, env)
        defined = Thing(node.name, node, len(self._bases), self._frames[-1].number)
        env = dict(env)
        self._set(node.name, unknown(node.name) if node.decorator_list else defined, env)
        return env

    def _class(self, node: ast.ClassDef, env: Env) -> Env:
        """A class is not followed."""
        for part in (*node.decorator_list, *node.bases):
            self._eval(part, env)
        env = dict(env)
        self._set(node.name, unknown(node.name), env)
        return env

    def _import(self, node: ast.Import, env: Env) -> Env:
        names = {(item.asname or item.name.split(".", 1)[0]): item for item in node.names}
        return {**env, **{name: Thing(item.name if item.asname else name) for name, item in names.items()}}

    def _import_from(self, node: ast.ImportFrom, env: Env) -> Env:
        env = dict(env)
        for item in node.names:
            if item.name == "*" and node.module == "plpy":
                env.update({name.removeprefix("plpy."): Thing(name) for name in chain(SINKS, QUOTERS)})
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
                    self._set(name, changed(as_value(subject)), inner)
            if case.guard is not None:
                self._eval(case.guard, inner)
            ends.append(self._run(case.body, inner))
        return join_states(ends)


def _trigger_data() -> Record:
    """TD, what a trigger function knows of its event."""

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


_STATEMENTS: dict[type[ast.stmt], Callable[[_Body, Any, Env], Env | None]] = {
    ast.Assign: _Body._assign,
    ast.AnnAssign: _Body._assign,
    ast.AugAssign: _Body._augmented,
    ast.Delete: _Body._delete,
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
    ast.ClassDef: _Body._class,
    ast.Import: _Body._import,
    ast.ImportFrom: _Body._import_from,
    ast.Match: _Body._match,
}
