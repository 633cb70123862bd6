"""The abstract interpretation of one PL/pgSQL body: what each variable can hold at each statement, on every path.

`Flow.run` goes through the statements with a `State`; where ways meet, states are joined; None is a point that no way
leads to. What a loop does to its variables is found by going through its body with references in their place
(loops.py), and then once more with what they really hold. Everything that is found on the way is an event (events.py).

Where the analysis does not understand something it assumes the worst: any text from an unknown source.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from pggit_excellence.scan.flow import events, guards, loops
from pggit_excellence.scan.flow.assignments import (
    Columns,
    columns_from,
    columns_of,
    element_assigned,
    fitted,
    raw,
    row,
    row_fitted,
    spread,
    target_type,
    traced,
    unknown,
)
from pggit_excellence.scan.flow.environment import (
    ROWS,
    Fact,
    Frame,
    Known,
    Names,
    State,
    Variable,
    get_path,
    join_arrays,
    join_states,
    made_of,
    name_of,
    put_path,
)
from pggit_excellence.scan.flow.inner_calls import inner_calls
from pggit_excellence.scan.flow.rows import rows_of
from pggit_excellence.scan.flow.variables import FOUND, anything, declare, field_type, routine_frame, unset
from pggit_excellence.scan.flow.words import words
from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.inputs.program import Name, Program, Routine
from pggit_excellence.scan.plpgsql import syntax, walk
from pggit_excellence.scan.plpgsql.syntax import Body, Sql, Statement, Target
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
    Step,
    Text,
    Value,
    as_text,
    is_constant,
    join,
    join_all,
    leaves,
)
from pggit_excellence.scan.values.expressions import evaluate, evaluate_node, evaluate_query
from pggit_excellence.scan.values.scope import Truth
from pggit_excellence.scan.values.sqltree import parse_expression, parse_statement, strings
from pggit_excellence.scan.values.sqltypes import UNKNOWN_TYPE, parse_type
from pggit_excellence.scan.values.texts import LOOP, may_have_no_row, perhaps_null

_KEYWORD = len("EXECUTE")
_EXECUTES = frozenset(["execute"])
_LEAVING = {"exception", ""}  # levels of RAISE
# How often a loop is widened before its variables are given up.
_ROUNDS = 5
# How many IF in a row are followed branch by branch.
_PARTED = 3
_FOUND = f"{FOUND}@special"  # which other statements assign as well
_ERROR_WORDS = {"returned_sqlstate"}
# Functions of the server that return any number of rows.
_SETS = frozenset(
    {
        "unnest", "generate_series", "generate_subscripts", "regexp_matches", "regexp_split_to_table",
        "string_to_table", "json_array_elements", "json_array_elements_text", "jsonb_array_elements",
        "jsonb_array_elements_text", "json_object_keys", "jsonb_object_keys", "json_each", "json_each_text",
        "jsonb_each", "jsonb_each_text", "jsonb_path_query", "json_populate_recordset", "jsonb_populate_recordset",
        "pg_get_keywords", "skeys", "svals", "each", "aclexplode", "pg_options_to_table",
    }
)  # fmt: skip
_WHOLE_TEXTS = {"text", "varchar", "character varying"}  # which cut nothing off an argument
_NUMBERS = {"row_count", "pg_routine_oid", "result_oid"}


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call of a scanned function does: its result, its OUT parameters, and the statements it is made to run."""

    value: Value
    outputs: Mapping[int, Value] = field(default_factory=dict)  # by position among the arguments of CALL
    passed: tuple[tuple[str, str, Text, tuple[Step, ...]], ...] = ()  # (function, kind, statement, path)
    proved: Mapping[int, Value] = field(default_factory=dict)  # what the arguments are where the call raises no error
    answers: Mapping[Truth, Mapping[int, Value]] = field(default_factory=dict)  # and where its result is true...


class Calls(Protocol):
    """What the interpreter asks of the other routines (summaries.py)."""

    words: frozenset[str]  # names of functions that may run SQL
    checks: frozenset[str]  # names of functions that may refuse their arguments
    sets: frozenset[str]  # names of functions that return any number of rows
    sinks: Mapping[str, tuple[int, ...]]  # see scope.Scope

    def runs(self, words: frozenset[str], code: str) -> bool:
        """Whether the code, which has these words, is worth evaluating for what it does."""

    def call(
        self, name: Name, arguments: list[Value], named: Mapping[str, Value], given: frozenset[int] = frozenset()
    ) -> CallResult | None:
        """What the call does; None: no function of the scanned set. `given`: positions of constants, none NULL."""


@dataclass(slots=True)
class Here:
    """The scope of one expression (scope.Scope): the variables at a statement, offsets from where the text begins."""

    flow: Flow
    state: State
    frame: Frame
    offset: int
    program: Program = field(init=False)
    sinks: Mapping[str, tuple[int, ...]] = field(init=False)
    prefer_columns: bool = False
    prefer_variables: bool = False

    def __post_init__(self) -> None:
        """What is the same everywhere in the routine."""
        self.program, self.sinks = self.flow.program, self.flow.calls.sinks
        self.prefer_columns, self.prefer_variables = self.flow.prefer_columns, self.flow.prefer_variables

    def place(self, start: int, end: int) -> Place:
        """Characters of the expression as a place in the file."""
        return self.flow.place(self.offset + start, self.offset + end)

    def variable(self, names: Names) -> Value | None:
        """What the variable or field holds."""
        if names[-1] == "*":
            names = names[:-1]
        found = self.frame.find(names) if names else None
        if found is None:
            return None
        variable, fields = found
        return get_path(self.state.values.get(variable.key, EMPTY), fields)

    def variable_type(self, names: Names) -> str:
        """The declared type."""
        found = self.frame.find(names)
        return (
            field_type(found[0].type, found[1], self.program) if found and found[1] else found[0].type if found else ""
        )

    def call(self, name: Name, arguments: list[Value], named: dict[str, Value], place: Place) -> Value | None:
        """The result of a scanned function; what it is made to run is noted."""
        return self.flow.called(name, arguments, named, place)

    def answers(self, name: Name, arguments: list[Value], truth: Truth, given: frozenset[int]) -> Mapping[int, Value]:
        """What the arguments are where the function has that answer."""
        result = self.flow.calls.call(name, arguments, {}, given)
        return result.answers.get(truth, {}) if result is not None else {}

    def tested(self, names: Names, truth: Truth) -> Mapping[Names, Value]:
        """What the condition proves that a boolean variable holds the outcome of."""
        fact = self._fact(names)
        proved = fact.proves.get(truth) if fact is not None else None
        found = {}
        for (key, fields), value in (proved or {}).items():
            variable = self.frame.find((name_of(key),))  # another one may hide it here
            if variable is not None and variable[0].key == key and guards.is_comparable((name_of(key), *fields), self):
                found[name_of(key), *fields] = value
        return found

    def is_given(self, names: Names) -> bool:
        """Whether the variable holds a constant that is not NULL."""
        fact = self._fact(names)
        return fact is not None and fact.given

    def _fact(self, names: Names) -> Fact | None:
        if not self.state.facts:
            return None
        found = self.frame.find(names)
        return self.state.facts.get(found[0].key) if found is not None and not found[1] else None

    def sink(self, kind: str, statement: Value, place: Place) -> None:
        """A function runs the text."""
        self.flow.log.append(events.Ran(place, kind, as_text(statement)))

    def report(self, rule: str, message: str, place: Place) -> None:
        """The expression shows a finding by itself."""
        self.flow.log.append(events.Reported(rule, message, place))


@dataclass(slots=True)
class _Target:
    """A loop or block that EXIT and CONTINUE can leave."""

    number: int
    label: str
    is_loop: bool


class Flow:
    """The analysis of one routine's body."""

    def __init__(
        self,
        program: Program,
        routine: Routine,
        calls: Calls,
        known: Mapping[str, Value] | None = None,
        given: Container[str] = (),
    ) -> None:
        """Nothing is analysed yet; `log` gets what is found.

        `known` has parameters whose values are known, `given` those of them that are not NULL.
        """
        self.program, self.routine, self.calls, self.known, self.given = program, routine, calls, known or {}, given
        self.log: list[events.Event] = []
        self.expected: dict[int, str] = {}  # every EXECUTE of the body: its kind
        self.prefer_columns, self.prefer_variables = routine.language == "sql", False
        self._handlers = 0
        self._parted = 0
        self._targets: list[_Target] = []
        self._numbers = 0
        self._given: dict[str, tuple[str, Value]] = {}  # parameters: their keys and what they begin with
        self._assigned: dict[int, set[str] | None] = {}
        self._outputs = [
            (index, parameter)
            for index, parameter in enumerate(routine.parameters)
            if parameter.mode in {"out", "inout", "table"}
        ]

    # The whole body ---------------------------------------------------------------------------------------------------

    def start(self) -> tuple[State, Frame]:
        """The state and the names with which the body begins."""
        state = State()
        frame = routine_frame(self.routine, self.program, state.values)
        for parameter in self.routine.parameters:
            if parameter.mode == "in" and parameter.name and parameter.type.lower() in _WHOLE_TEXTS:
                key = frame.names[parameter.name].key
                self._given[parameter.name] = (key, state.values[key])
        for name, value in self.known.items():
            found = frame.find((name,))
            if found is not None:
                state.set(found[0].key, value)
                if name in self.given:
                    state.learn(found[0].key, Fact(given=True))
        return state, frame

    def body(self, block: syntax.Block) -> None:
        """Analyse a PL/pgSQL body."""
        state, frame = self.start()
        self.prefer_columns = block.conflict == "use_column"
        self.prefer_variables = block.conflict == "use_variable"
        end = self.run((block,), state, frame)
        if end is not None:
            self._ended(end)
        if end is not None and self._outputs and not self.routine.returns_set:
            self._return_outputs(end, frame)

    def _ended(self, state: State) -> None:
        """Note what guards have proved of the parameters."""
        self.log.append(events.Ended(self._proved(state)))

    def _proved(self, state: State) -> Mapping[str, Value]:
        """What guards have proved of the parameters, unless they were assigned."""
        return {
            name: state.values[key]
            for name, (key, given) in self._given.items()
            if state.refined.get(key) == given and guards.is_harmless(state.values[key])
        }

    def with_nulls(self, value: Value, sql: Sql, state: State, frame: Frame) -> Value:
        """The result of a function: an array in which something may be NULL says so, as nobody sees how it is made."""
        if not isinstance(value, Array) or not value.items or not is_constant(value):
            return value
        node = _condition(sql)
        if node is not None and guards.is_given(node, Here(self, state, frame, sql.start)):
            return value
        return Array(join(EMPTY, value.element), tuple(join(EMPTY, item) for item in value.items))

    def answered(self, sql: Sql, state: State, frame: Frame) -> None:
        """Note what a result of the function says of the parameters, if it is a boolean."""
        if not self._given or self.routine.returns_set or parse_type(self.routine.returns).name != "bool":
            return
        node = _condition(sql)
        self.log.append(
            events.Answered(
                {
                    truth: self._proved(self.condition(sql, truth, state, frame))
                    if node is None or guards.is_possible(node, truth)
                    else None
                    for truth in Truth
                }
            )
        )

    def run(self, body: Body, state: State | None, frame: Frame) -> State | None:
        """Go through statements; returns the state behind them, None where none gets there."""
        for index, statement in enumerate(body):
            if state is None:
                self.log.extend(events.Unreached(keyword) for keyword, _ in walk.keywords(body[index:]))
                return None
            if isinstance(statement, syntax.If):
                ends = self._branches(statement, state, frame)
                if self._parted < _PARTED and _choose_template(ends):
                    return self._apart(body[index + 1 :], ends, frame)
                state = join_states(ends)
            else:
                state = self._step(statement, state, frame)
        return state

    def _apart(self, body: Body, ends: list[State | None], frame: Frame) -> State | None:
        """Go on from each branch by itself: what its condition proved goes with the template that it chose."""
        self._parted += 1
        ends = [self.run(body, end, frame) for end in ends if end is not None]
        self._parted -= 1
        return join_states(ends)

    def _step(self, statement: Statement, state: State, frame: Frame) -> State | None:
        method: Callable[[Flow, Any, State, Frame], State | None] = _METHODS[type(statement)]
        return method(self, statement, state, frame)

    def place(self, start: int, end: int) -> Place:
        """Characters of the body as a place in the file."""
        first = self.routine.map(start)
        last = self.routine.map(end - 1) + 1 if end > start else first
        return Place(self.routine.file, first, last)

    # Values -----------------------------------------------------------------------------------------------------------

    def value(self, sql: Sql, state: State, frame: Frame) -> Value:
        """The value of an expression."""
        return evaluate(sql.text, Here(self, state, frame, sql.start))

    def columns(self, sql: Sql, state: State, frame: Frame) -> Columns:
        """The columns of the rows that a statement yields."""
        return columns_from(evaluate_query(sql.text, Here(self, state, frame, sql.start)))

    def notice(self, sql: Sql | None, state: State, frame: Frame) -> None:
        """Evaluate code whose value does not matter, if it calls anything that could run SQL."""
        if sql is None or not self.calls.runs(words(sql.text), sql.text):
            return
        if sql.expression:
            self.value(sql, state, frame)
        else:
            self.columns(sql, state, frame)

    def called(self, name: Name, arguments: list[Value], named: Mapping[str, Value], place: Place) -> Value | None:
        """The result of a call, with what it is made to run noted."""
        result = self.calls.call(name, arguments, named)
        if result is None:
            return None
        self._note_passed(result, place)
        return result.value

    def _note_passed(self, result: CallResult, place: Place) -> None:
        self.log.extend(events.Passed(place, *passed) for passed in result.passed)

    def condition(self, sql: Sql | None, truth: Truth, state: State, frame: Frame) -> State:
        """The state where the condition has that outcome; `state` is left as it is."""
        narrowed = state.copy()
        node = _condition(sql) if sql is not None else None
        if sql is not None and node is not None and not self._may_have_no_row(sql, node):
            self._refine(narrowed, self._refinements(sql, node, truth, state, frame), frame)
        return narrowed

    def _refinements(
        self, sql: Sql, node: dict[str, Any], truth: Truth, state: State, frame: Frame
    ) -> Mapping[Names, Value]:
        """What variables are where the condition has that outcome."""
        marked = len(self.log)
        here = Here(self, state, frame, sql.start)
        found = guards.refinements(node, here, truth, lambda part, scope: evaluate_node(part, sql.text, scope))
        del self.log[marked:]  # `notice` has seen the condition already
        return found

    def fact(self, variable: Variable, sql: Sql, value: Value, state: State, frame: Frame) -> Fact | None:
        """What is known of a variable, beside its value, once the expression was assigned to it."""
        constant = isinstance(value, Const | Array) and value != EMPTY and is_constant(value)
        if not (constant or _is_boolean(variable)) or variable.key == _FOUND:
            return None
        node = _condition(sql)
        if node is None or self._may_have_no_row(sql, node):
            return None
        if not _is_boolean(variable):
            return Fact(given=True) if guards.is_given(node, Here(self, state, frame, sql.start)) else None
        return Fact(proves={truth: self._tested(sql, node, truth, state, frame) for truth in Truth})

    def _tested(self, sql: Sql, node: dict[str, Any], truth: Truth, state: State, frame: Frame) -> Known | None:
        """What texts are where the condition has that outcome; None: it cannot."""
        if not guards.is_possible(node, truth):
            return None
        found = self._refinements(sql, node, truth, state, frame)
        places = {names: frame.find(names) for names in found}
        return {(at[0].key, at[1]): found[names] for names, at in places.items() if at is not None}

    def _may_have_no_row(self, sql: Sql, node: dict[str, Any]) -> bool:
        """Whether a function in it returns rows: without one the condition is NULL, whatever it says."""
        return "(" in sql.text and self._calls_a_set(node)

    def _calls_a_set(self, node: Any) -> bool:
        if isinstance(node, list):
            return any(map(self._calls_a_set, node))
        if not isinstance(node, dict) or "SubLink" in node:
            return False
        name = strings(node["FuncCall"]["funcname"])[-1] if "FuncCall" in node else ""
        return name in self.calls.sets or name in _SETS or any(map(self._calls_a_set, node.values()))

    def _refine(self, state: State, found: Mapping[Names, Value], frame: Frame) -> None:
        for names, value in found.items():
            variable = frame.find(names)
            if variable is not None and variable[0].key in state.values:
                old = state.values[variable[0].key]
                state.refine(variable[0].key, put_path(old, variable[1], value))

    # Assignments ------------------------------------------------------------------------------------------------------

    def store(self, state: State, key: str, value: Value) -> None:
        """Store a value; a handler around may see it."""
        state.set(key, value)
        if self._handlers:
            self.log.append(events.Assigned(key, value))

    def assign(self, target: Target, value: Value, statement: Statement, state: State, frame: Frame) -> None:
        """Store a value in a variable, a field or an element."""
        for subscript in target.subscripts:
            self.notice(subscript, state, frame)
        found = frame.find(target.names)
        if found is None:
            return
        variable, fields = found
        old = state.values.get(variable.key, EMPTY)
        written = target_type(variable, fields, self.program)
        value = self._traced(value, statement)
        if target.subscripts:
            inner = get_path(old, fields)
            value = element_assigned(inner, value, written, self.program)
        else:
            value = fitted(value, written, self.program)
        self.store(state, variable.key, put_path(old, fields, value))
        self._other_cursor(state, variable)

    def _other_cursor(self, state: State, variable: Variable) -> None:
        """A cursor variable that is assigned means another cursor."""
        if _rows_key(variable) in state.values:
            self.store(state, _rows_key(variable), Record((), raw(unknown(f"row of cursor {variable.name}"))))

    def _traced(self, value: Value, statement: Statement) -> Value:
        end = min(statement.end, statement.start + 200)
        place = self.place(statement.start, max(end, statement.start + 1))
        return traced(value, place, self.routine.body[statement.start : end])

    def assign_row(
        self, targets: tuple[Target, ...], columns: Columns, statement: Statement, state: State, frame: Frame
    ) -> None:
        """Store a row: in one record variable, or column by column."""
        if len(targets) == 1 and not targets[0].subscripts:
            found = frame.find(targets[0].names)
            if found is not None and found[0].row and not found[1]:
                fit = row_fitted(columns, found[0], self.program)
                self.store(state, found[0].key, self._traced(fit, statement))
                return
        for target, value in zip(targets, spread(columns, len(targets)), strict=True):
            self.assign(target, value, statement, state, frame)

    def forget(self, state: State, frame: Frame, why: str, keys: Container[str] | None = None) -> State:
        """The variables of these keys (None: every variable) can hold anything now."""
        for variable in frame.visible():
            if keys is None or variable.key in keys:
                self.store(state, variable.key, anything(variable, unknown(why), self.program))
            rows = _rows_key(variable)
            if rows in state.values and (keys is None or rows in keys):
                self.store(state, rows, Record((), raw(unknown(why))))
        return state

    # Blocks -----------------------------------------------------------------------------------------------------------

    def _block(self, block: syntax.Block, state: State, frame: Frame) -> State | None:
        inner = Frame(block.label, frame)
        with self._leavable(block.label, is_loop=False) as number:
            first = len(self.log)
            self._handlers += bool(block.handlers)
            for declaration in block.declarations:
                self._declare(declaration, state, inner)
            entry = state.copy() if block.handlers else state
            end = self.run(block.body, state, inner)
            self._handlers -= bool(block.handlers)
            ends = [end]
            if block.handlers:
                caught = self._caught(entry, first)
                ends += [self._handle(handler, caught.copy(), inner) for handler in block.handlers]
            ends += self._jumps(first, number, exits=True)
        return join_states(ends)

    def _declare(self, declaration: syntax.Declaration, state: State, frame: Frame) -> None:
        if declaration.alias_of:
            found = frame.find((declaration.alias_of,))
            if found is not None:
                frame.names[declaration.name] = found[0]
            return
        value = self.value(declaration.default, state, frame) if declaration.default is not None else None
        variable = declare(declaration, frame, self.program)
        if value is None or declaration.default is None:
            state.set(variable.key, unset(variable, self.program))
            if _is_boolean(variable):
                state.learn(variable.key, _NULL)
            return
        fact = self.fact(variable, declaration.default, value, state, frame)
        statement = Statement(declaration.start, _end(declaration))
        self.store(state, variable.key, self._traced(fitted(value, variable.type, self.program), statement))
        if fact is not None:
            state.learn(variable.key, fact)

    def _caught(self, entry: State, first: int) -> State:
        """The state in which a handler starts: anything that the block has assigned by then."""
        caught = entry.copy()
        for event in self.log[first:]:
            if isinstance(event, events.Assigned) and event.key in caught.values:
                caught.set(event.key, join(caught.values[event.key], event.value))
        return caught

    def _handle(self, handler: syntax.Handler, state: State, frame: Frame) -> State | None:
        inner = Frame(parent=frame)
        for name, quoting in (("sqlerrm", Quoting.RAW), ("sqlstate", Quoting.WORD)):
            key = f"{name}@special"
            inner.names[name] = Variable(key, name, "text")
            state.set(key, Hole(quoting, Origin(Source.ERROR, name.upper()), "text"))
        return self.run(handler.body, state, inner)

    @contextmanager
    def _leavable(self, label: str, *, is_loop: bool) -> Iterator[int]:
        self._numbers += 1
        self._targets.append(_Target(self._numbers, label, is_loop))
        try:
            yield self._numbers
        finally:
            self._targets.pop()

    def _jumps(self, first: int, number: int, *, exits: bool) -> list[State | None]:
        return [
            event.state
            for event in self.log[first:]
            if isinstance(event, events.Jumped) and event.target == number and event.exits == exits
        ]

    def _leave(self, statement: syntax.Leave, state: State, frame: Frame) -> State | None:
        self.notice(statement.condition, state, frame)
        for target in reversed(self._targets):
            if target.label == statement.label if statement.label else target.is_loop:
                gone = self.condition(statement.condition, Truth.TRUE, state, frame)
                self.log.append(events.Jumped(target.number, statement.exits, gone))
                break
        if statement.condition is None:
            return None
        return self.condition(statement.condition, Truth.NOT_TRUE, state, frame)

    # Branches ---------------------------------------------------------------------------------------------------------

    def _branches(self, statement: syntax.If, state: State, frame: Frame) -> list[State | None]:
        """The state at the end of each branch of IF, the last one ELSE."""
        ends: list[State | None] = []
        rest = state
        for condition, body in statement.branches:
            self.notice(condition, rest, frame)
            ends.append(self.run(body, self.condition(condition, Truth.TRUE, rest, frame), frame))
            rest = self.condition(condition, Truth.NOT_TRUE, rest, frame)
        ends.append(self.run(statement.otherwise, rest, frame))
        return ends

    def _case(self, statement: syntax.Case, state: State, frame: Frame) -> State | None:
        ends: list[State | None] = []
        self.notice(statement.operand, state, frame)
        rest = state
        for values, body in statement.branches:
            for value in values:
                self.notice(value, rest, frame)
            if statement.operand is not None:
                chosen = self._equal(statement.operand, values, rest, frame)
            else:
                chosen = self.condition(values[0], Truth.TRUE, rest, frame)
                rest = self.condition(values[0], Truth.NOT_TRUE, rest, frame)
            ends.append(self.run(body, chosen, frame))
        if statement.otherwise is not None:
            ends.append(self.run(statement.otherwise, rest.copy(), frame))
        return join_states(ends)

    def _equal(self, operand: Sql, values: tuple[Sql, ...], state: State, frame: Frame) -> State:
        """The state where the operand is one of the values."""
        narrowed = state.copy()
        trees = [parse_expression(sql.text) for sql in (operand, *values)]
        nodes = [_only_value(tree) if tree is not None else None for tree in trees]
        known = [node for node in nodes if node is not None]
        if len(known) == len(nodes):
            here = Here(self, state, frame, operand.start)
            marked = len(self.log)
            found = guards.equals(
                known[0], known[1:], here, lambda part, scope: evaluate_node(part, operand.text, scope)
            )
            self._refine(narrowed, found, frame)
            del self.log[marked:]
        return narrowed

    # Loops ------------------------------------------------------------------------------------------------------------

    def _iterate(
        self,
        statement: Any,
        state: State,
        frame: Frame,
        enter: Callable[[State], State],
        leave: Callable[[State], State | None],
        *,
        peeled: bool = False,
    ) -> State | None:
        """Any number of iterations: `enter` is what happens at the head of one (a row is fetched, WHILE is true).

        `leave` is how the loop is left at its head (None: it is not).

        Where a constant is another one after the first iteration (`separator := ', '`), that one is taken by itself.
        """
        keys = self._changed(statement, state, frame)
        entries = {key: state.values[key] for key in keys}

        def once(head: State) -> tuple[State | None, list[State | None]]:
            with self._leavable(statement.label, is_loop=True) as number:
                first = len(self.log)
                end = self.run(statement.body, enter(head), frame)
                end = join_states([end, *self._jumps(first, number, exits=False)])
                return end, self._jumps(first, number, exits=True)

        marked = len(self.log)
        head = state.copy()
        for key in keys:
            head.set(key, loops.symbolic(entries[key], _loop_key(key, statement)))
        end, _ = once(head)
        if end is not None and not peeled and _has_first_time(entries, end):
            del self.log[marked:]
            end, exits = once(state.copy())
            ends = [leave(state), *exits]
            if end is not None:
                ends.append(self._iterate(statement, end, frame, enter, leave, peeled=True))
            return join_states(ends)
        heads, strict = self._closed(statement, entries, end)
        for tries in range(_ROUNDS):
            del self.log[marked:]
            head = _at_the_head(state, entries, heads)
            end, exits = once(head.copy())
            if end is None:
                break
            more = [
                key for key in keys if not loops.covers(entries[key], heads[key], end.values[key], strict=key in strict)
            ]
            if not more:
                break
            heads.update({key: self._widened(key, heads[key], end.values[key], tries) for key in more})
            strict.update(more)
        else:
            del self.log[marked:]
            head = self.forget(state.copy(), frame, "a variable that a loop changes in too many ways", keys)
            _, exits = once(head.copy())
        return join_states([leave(head), *exits])

    @staticmethod
    def _closed(statement: Any, entries: Mapping[str, Value], end: State | None) -> tuple[dict[str, Value], set[str]]:
        """What the variables hold at the head, and those for which that is only a first guess."""
        if end is None:
            return dict(entries), set()
        before = {_loop_key(key, statement): value for key, value in entries.items()}
        closed = loops.close(before, {_loop_key(key, statement): end.values[key] for key in entries})
        heads = {key: closed[_loop_key(key, statement)] for key in entries}
        guessed = {key for key, value in heads.items() if LOOP in leaves(value) and LOOP not in leaves(entries[key])}
        heads.update({key: entries[key] for key in guessed})
        return heads, guessed

    @staticmethod
    def _widened(key: str, head: Value, value: Value, tries: int) -> Value:
        if tries < 2:
            return join_arrays(head, value)
        if tries < _ROUNDS - 1:
            return loops.widen(head, value)
        made = raw(unknown(f"{key.partition('@')[0]}, changed again and again by a loop"))
        if isinstance(head, Record) or isinstance(value, Record):
            return Record((), made)
        return Array(made) if isinstance(head, Array) and isinstance(value, Array) else made

    def _changed(self, statement: Any, state: State, frame: Frame) -> list[str]:
        """The variables that an iteration may assign."""
        if statement.start not in self._assigned:
            self._assigned[statement.start] = walk.assigned((statement,))
        names = self._assigned[statement.start]
        keys = {
            key
            for variable in frame.visible()
            if names is None or variable.name in names
            for key in (variable.key, _rows_key(variable))
        }
        if names is not None:  # by another name: an alias, $1
            for name in names:
                found = frame.find((name,))
                keys |= {found[0].key} if found else set()
        return [key for key in state.values if key in keys]

    def _loop(self, statement: syntax.Loop, state: State, frame: Frame) -> State | None:
        def enter(head: State) -> State:
            self.notice(statement.condition, head, frame)
            return self.condition(statement.condition, Truth.TRUE, head, frame)

        def leave(head: State) -> State | None:
            if statement.condition is None:
                return None
            return self.condition(statement.condition, Truth.NOT_TRUE, head, frame)

        return self._iterate(statement, state, frame, enter, leave)

    def _for_integer(self, statement: syntax.ForInteger, state: State, frame: Frame) -> State | None:
        for bound in statement.bounds:
            self.notice(bound, state, frame)
        inner = Frame(statement.label, frame)
        variable = Variable(f"{statement.variable}@{statement.start}", statement.variable, "int4")
        inner.names[statement.variable] = variable
        number = Hole(Quoting.INERT, Origin(Source.CONSTANT, statement.variable), "int4")

        def enter(head: State) -> State:
            head.set(variable.key, number)
            return head

        return self._iterate(statement, state, inner, enter, _as_it_is)

    def _over_rows(
        self,
        statement: Any,
        targets: tuple[Target, ...],
        columns: Callable[[State], Columns],
        state: State,
        frame: Frame,
    ) -> State | None:
        """FOR targets IN rows; the query is evaluated once, before the first iteration."""
        rows = columns(state)

        def enter(head: State) -> State:
            self.assign_row(targets, rows, _head(statement, self.routine.body), head, frame)
            return head

        return self._iterate(statement, state, Frame(statement.label, frame), enter, _as_it_is)

    def _for_query(self, statement: syntax.ForQuery, state: State, frame: Frame) -> State | None:
        return self._over_rows(
            statement, statement.targets, lambda now: self.columns(statement.query, now, frame), state, frame
        )

    def _for_execute(self, statement: syntax.ForExecute, state: State, frame: Frame) -> State | None:
        def rows(now: State) -> Columns:
            return self._dynamic("for_execute", statement, now, frame)()

        return self._over_rows(statement, statement.targets, rows, state, frame)

    def _for_cursor(self, statement: syntax.ForCursor, state: State, frame: Frame) -> State | None:
        found = frame.find((statement.cursor,))
        rows = columns_of(self._cursor_rows(found[0], statement.arguments, state, frame)) if found else []
        inner = Frame(statement.label, frame)
        variable = Variable(f"{statement.variable}@{statement.start}", statement.variable, "record", row=True)
        inner.names[statement.variable] = variable
        state.set(variable.key, Record(()))
        target = Target((statement.variable,), statement.start)

        def enter(head: State) -> State:
            self.assign_row((target,), rows, _head(statement, self.routine.body), head, inner)
            return head

        return self._iterate(statement, state, inner, enter, _as_it_is)

    def _foreach(self, statement: syntax.Foreach, state: State, frame: Frame) -> State | None:
        array = self.value(statement.array, state, frame)
        item = _element(array, whole=statement.slice > 0)

        def enter(head: State) -> State:
            self.assign_row(statement.targets, [("", item)], _head(statement, self.routine.body), head, frame)
            return head

        return self._iterate(statement, state, Frame(statement.label, frame), enter, _as_it_is)

    # Statements that run SQL ------------------------------------------------------------------------------------------

    def _dynamic(self, kind: str, statement: Any, state: State, frame: Frame) -> Callable[[], Columns]:
        """Note a dynamic statement; returns what tells the columns of its rows."""
        text = as_text(self.value(statement.query, state, frame))
        for sql in statement.using:
            self.notice(sql, state, frame)
        keyword = statement.keyword
        place = self.place(keyword, keyword + _KEYWORD)
        self.log.append(events.Ran(place, kind, text))

        def argument(number: int) -> Value | None:
            return self._argument(number, statement.using, state, frame)

        known = " ".join(leaf.text for leaf in leaves(text) if isinstance(leaf, Const))
        if not self.calls.words.isdisjoint(words(known) - _EXECUTES):
            self.log.extend(
                events.Passed(place, *passed) for passed in inner_calls(text, argument, self.program, self.calls)
            )
        return lambda: rows_of(text, argument, self.program)

    def _argument(self, number: int, using: tuple[Sql, ...], state: State, frame: Frame) -> Value | None:
        """The value of $n in a dynamic statement."""
        return self.value(using[number - 1], state, frame) if 0 < number <= len(using) else None

    def _execute(self, statement: syntax.Execute, state: State, frame: Frame) -> State | None:
        columns = self._dynamic("execute", statement, state, frame)
        if statement.targets:
            self.assign_row(statement.targets, columns(), statement, state, frame)
        return state

    def _sql(self, statement: syntax.SqlStatement, state: State, frame: Frame) -> State | None:
        if walk.is_call(statement.sql):
            if self._call(statement, state, frame):
                return state
            state = self.forget(state, frame, "CALL that was not understood")
        if not statement.targets:
            self.notice(statement.sql, state, frame)
            self._checked(statement.sql, state, frame)
            return state
        columns = self.columns(statement.sql, state, frame)
        if may_have_no_row(statement.sql.text):
            columns = [(name, perhaps_null(value)) for name, value in columns]
        fact = self._fact(statement.targets, statement.sql, columns[0][1], state, frame) if len(columns) == 1 else None
        self.assign_row(statement.targets, columns, statement, state, frame)
        self._learn(statement.targets, fact, state, frame)
        return state

    def _checked(self, sql: Sql, state: State, frame: Frame) -> None:
        """PERFORM check(x): what the check refuses by an error is not in x behind it."""
        if self.calls.checks.isdisjoint(words(sql.text)):
            return
        trees = parse_statement(sql.text)
        node = _only_value(trees[0]) if trees and "SelectStmt" in trees[0] else None
        call = (node or {}).get("FuncCall")
        if call is None:
            return
        names, arguments = strings(call["funcname"]), call.get("args", [])
        marked = len(self.log)
        here = Here(self, state, frame, sql.start)
        values = [evaluate_node(argument, sql.text, here) for argument in arguments]
        given = guards.given_constants(arguments, values, here)
        result = self.calls.call((names[-2] if len(names) > 1 else "", names[-1]), values, {}, given)
        del self.log[marked:]  # `notice` has seen the call already
        if result is not None:
            self._prove(result, [_reference(argument) for argument in arguments], state, frame)

    def _prove(self, result: CallResult, variables: list[Names | None], state: State, frame: Frame) -> None:
        for index, value in result.proved.items():
            names = variables[index] if index < len(variables) else None
            if names is not None and guards.is_comparable(names, Here(self, state, frame, 0)):
                self._refine(state, {names: value}, frame)

    def _call(self, statement: syntax.SqlStatement, state: State, frame: Frame) -> bool:
        """CALL: INOUT arguments are assigned; False where the statement is not understood."""
        trees = parse_statement(statement.sql.text)
        call = trees[0].get("CallStmt", {}).get("funccall") if trees else None
        if call is None:
            return False
        names = strings(call["funcname"])
        arguments = call.get("args", [])
        here = Here(self, state, frame, statement.sql.start)
        values, named, variables = [], {}, []
        for argument in arguments:
            inner = argument.get("NamedArgExpr")
            node = inner["arg"] if inner else argument
            value = evaluate_node(node, statement.sql.text, here)
            variables.append(_reference(node))
            if inner:
                named[inner["name"]] = value
            else:
                values.append(value)
        given = frozenset() if named else guards.given_constants(arguments, values, here)
        result = self.calls.call((names[-2] if len(names) > 1 else "", names[-1]), values, named, given)
        if result is None:
            why = raw(Origin(Source.FUNCTION, ".".join(names)))
            outputs: Mapping[int, Value] = dict.fromkeys(range(len(arguments)), why)
        else:
            self._note_passed(result, self.place(statement.start, statement.end))
            outputs = result.outputs
            if not named:
                self._prove(result, variables, state, frame)
        for index, names_of in enumerate(variables):
            value_of_it = outputs.get(index)
            if index >= len(values) and outputs:  # named: by name it can be any of the parameters
                value_of_it = join_all(outputs.values())
            if value_of_it is not None and names_of is not None and frame.find(names_of) is not None:
                self.assign(Target(names_of, statement.start), value_of_it, statement, state, frame)
        return True

    # Cursors ----------------------------------------------------------------------------------------------------------

    def _cursor_rows(self, cursor: Variable, arguments: tuple[Sql, ...], state: State, frame: Frame) -> Record:
        """The rows of a bound cursor, or of what an unbound one was opened for."""
        declaration = cursor.cursor
        if declaration is None or declaration.cursor is None:
            found = state.values.get(_rows_key(cursor))
            return found if isinstance(found, Record) else Record((), raw(unknown(f"row of cursor {cursor.name}")))
        inner = Frame(cursor.name, frame)
        now = state.copy()
        for index, parameter in enumerate(declaration.cursor_parameters):
            value = self.value(arguments[index], state, frame) if index < len(arguments) else EMPTY
            variable = declare(parameter, inner, self.program)
            now.set(variable.key, fitted(value, variable.type, self.program))
        return row(self.columns(declaration.cursor, now, inner))

    def _open(self, statement: syntax.Open, state: State, frame: Frame) -> State | None:
        found = frame.find(statement.cursor.names)
        if statement.keyword is not None and statement.query is not None:
            rows = row(self._dynamic("open_execute", statement, state, frame)())
        elif statement.query is not None:
            rows = row(self.columns(statement.query, state, frame))
        elif found is not None:
            rows = self._cursor_rows(found[0], statement.arguments, state, frame)
        else:
            return state
        if found is not None:
            self.store(state, _rows_key(found[0]), rows)
        return state

    def _fetch(self, statement: syntax.Fetch, state: State, frame: Frame) -> State | None:
        self._not_evaluated(statement.number.text, statement.start, "the number of rows")
        found = frame.find(statement.cursor.names)
        rows: Value | None = state.values.get(_rows_key(found[0])) if found else None
        named = found is not None and state.values.get(found[0].key, EMPTY) != EMPTY  # perhaps like another cursor
        if named or not isinstance(rows, Record):
            rows = Record((), raw(unknown(f"row of cursor {'.'.join(statement.cursor.names)}")))
        columns = [(name, perhaps_null(value)) for name, value in columns_of(rows)]
        self.assign_row(statement.targets, columns, statement, state, frame)
        return state

    # Results and the rest ---------------------------------------------------------------------------------------------

    def _return_outputs(self, state: State, frame: Frame) -> None:
        values = {}
        for index, parameter in self._outputs:
            found = frame.find((f"${index + 1}",))
            if found is not None:
                values[parameter.name or f"column{index + 1}"] = state.values.get(found[0].key, EMPTY)
        self.log.append(events.Returned(Record(tuple(values.items()))))

    def _return(self, statement: syntax.Return, state: State, frame: Frame) -> State | None:
        if statement.value is not None:
            value = self.with_nulls(self.value(statement.value, state, frame), statement.value, state, frame)
            self.log.append(events.Returned(self._traced(value, statement)))
            self.answered(statement.value, state, frame)
        elif self._outputs and (statement.next or not self.routine.returns_set):
            self._return_outputs(state, frame)
        if not statement.next:
            self._ended(state)
        return state if statement.next else None

    def _return_query(self, statement: syntax.ReturnQuery, state: State, frame: Frame) -> State | None:
        self.log.append(events.Returned(row(self.columns(statement.query, state, frame))))
        return state

    def _return_execute(self, statement: syntax.ReturnQueryExecute, state: State, frame: Frame) -> State | None:
        columns = self._dynamic("return_query_execute", statement, state, frame)
        self.log.append(events.Returned(row(columns())))
        return state

    def _raise(self, statement: syntax.Raise, state: State, frame: Frame) -> State | None:
        for argument in statement.arguments:
            self.notice(argument, state, frame)
        return None if statement.level.lower() in _LEAVING else state

    def _assert(self, statement: syntax.Assert, state: State, frame: Frame) -> State | None:
        """No guard: plpgsql.check_asserts switches it off."""
        self.notice(statement.condition, state, frame)
        self.notice(statement.message, state, frame)
        return state

    def _assignment(self, statement: syntax.Assign, state: State, frame: Frame) -> State | None:
        value = self.value(statement.value, state, frame)
        found = frame.find(statement.target.names)
        if isinstance(value, Record) and found is not None and found[0].row and not found[1]:
            value = row_fitted(columns_of(value), found[0], self.program)
            self.store(state, found[0].key, self._traced(value, statement))
            return state
        fact = self._fact((statement.target,), statement.value, value, state, frame)
        self.assign(statement.target, value, statement, state, frame)
        self._learn((statement.target,), fact, state, frame)
        return state

    def _fact(self, targets: tuple[Target, ...], sql: Sql, value: Value, state: State, frame: Frame) -> Fact | None:
        """What is known of the only target once it has the value of the expression."""
        found = frame.find(targets[0].names) if len(targets) == 1 and not targets[0].subscripts else None
        return self.fact(found[0], sql, value, state, frame) if found is not None and not found[1] else None

    @staticmethod
    def _learn(targets: tuple[Target, ...], fact: Fact | None, state: State, frame: Frame) -> None:
        found = frame.find(targets[0].names)
        if fact is not None and found is not None:
            state.learn(found[0].key, fact)

    def _diagnostics(self, statement: syntax.GetDiagnostics, state: State, frame: Frame) -> State | None:
        for target, item in statement.items:
            name = item.lower()
            quoting = Quoting.INERT if name in _NUMBERS else Quoting.WORD if name in _ERROR_WORDS else Quoting.RAW
            self.assign(target, Hole(quoting, Origin(Source.ERROR, item.upper())), statement, state, frame)
        return state

    def _inert(self, statement: syntax.Inert, state: State, _: Frame) -> State | None:
        if statement.number is not None:
            self._not_evaluated(statement.number.text, statement.start, "the number of rows")
        return state

    def _not_evaluated(self, code: str, start: int, what: str) -> None:
        """Tell of code that is not followed where it calls what runs SQL."""
        if self.calls.runs(words(code), code):
            message = f"{what} is not followed here: what is run by the function that is called is not known"
            self.log.append(events.Reported("PGX901", message, self.place(start, start + 1)))

    def _not_parsed(self, statement: syntax.NotParsed, state: State, frame: Frame) -> State | None:
        """Anything may have happened: every variable changed, any loop left."""
        for keyword in statement.keywords:
            self.log.append(events.Ran(self.place(keyword, keyword + _KEYWORD), "execute", None))
        if not statement.keywords:
            self._not_evaluated(self.routine.body[statement.start : statement.end], statement.start, statement.reason)
        state = self.forget(state, frame, "text that was not understood")
        self.log.append(events.Returned(raw(unknown("text that was not understood"))))
        self.log.append(events.Ended({}))
        self.log.append(events.Answered({truth: {} for truth in Truth}))
        for target in self._targets:
            self.log.append(events.Jumped(target.number, True, state.copy()))
            if target.is_loop:
                self.log.append(events.Jumped(target.number, False, state.copy()))
        return state


_METHODS: dict[type[Statement], Callable[[Flow, Any, State, Frame], State | None]] = {
    syntax.Block: Flow._block,
    syntax.Assign: Flow._assignment,
    syntax.Case: Flow._case,
    syntax.Loop: Flow._loop,
    syntax.ForInteger: Flow._for_integer,
    syntax.ForQuery: Flow._for_query,
    syntax.ForCursor: Flow._for_cursor,
    syntax.ForExecute: Flow._for_execute,
    syntax.Foreach: Flow._foreach,
    syntax.Leave: Flow._leave,
    syntax.Return: Flow._return,
    syntax.ReturnQuery: Flow._return_query,
    syntax.ReturnQueryExecute: Flow._return_execute,
    syntax.Raise: Flow._raise,
    syntax.Assert: Flow._assert,
    syntax.Execute: Flow._execute,
    syntax.SqlStatement: Flow._sql,
    syntax.GetDiagnostics: Flow._diagnostics,
    syntax.Open: Flow._open,
    syntax.Fetch: Flow._fetch,
    syntax.Inert: Flow._inert,
    syntax.NotParsed: Flow._not_parsed,
}


_CLAUSES = ("fromClause", "whereClause", "havingClause", "groupClause", "limitCount", "limitOffset", "withClause")


def _condition(sql: Sql) -> dict[str, Any] | None:
    """The expression; None where it is not alone."""
    trees = parse_statement(sql.text) if not sql.expression else None
    tree = parse_expression(sql.text) if sql.expression else trees[0] if trees and len(trees) == 1 else None
    return _only_value(tree) if tree is not None and "SelectStmt" in tree else None


def _only_value(tree: dict[str, Any]) -> dict[str, Any] | None:
    """The expression of a SELECT that has nothing else."""
    select = tree["SelectStmt"]
    targets = select.get("targetList", [])
    more = any(select.get(clause) for clause in _CLAUSES) or select.get("op", "SETOP_NONE") != "SETOP_NONE"
    if len(targets) != 1 or more:
        return None
    found: dict[str, Any] | None = targets[0]["ResTarget"].get("val")
    return found


def _reference(node: dict[str, Any]) -> Names | None:
    fields = node.get("ColumnRef", {}).get("fields", [])
    return tuple(strings(fields)) if fields else None


def _as_it_is(head: State) -> State | None:
    """The end of FOR: no row, number or element is left."""
    return head


def _choose_template(ends: list[State | None]) -> bool:
    """Whether branches that have proved something of a variable leave different templates of format() in another."""
    reached = [end for end in ends if end is not None]
    if not any(end.refined for end in reached):
        return False
    first, *others = reached
    return any(
        isinstance(value, Const)
        and "%" in value.text
        and all(isinstance(end.values.get(key), Const) for end in others)
        and any(end.values.get(key) != value for end in others)
        for key, value in first.values.items()
    )


def _has_first_time(entries: Mapping[str, Value], end: State) -> bool:
    """Whether a variable is one constant in the first iteration and another one from then on."""
    return any(
        isinstance(entry, Const) and isinstance(after := end.values[key], Const) and after != entry
        for key, entry in entries.items()
    )


def _is_boolean(variable: Variable) -> bool:
    kind = parse_type(variable.type) if variable.type else UNKNOWN_TYPE
    return kind.name == "bool" and not kind.array


# A boolean that is NULL is neither true nor false.
_NULL = Fact(proves={Truth.TRUE: None, Truth.FALSE: None, Truth.NOT_TRUE: {}, Truth.NOT_FALSE: {}})


def _at_the_head(state: State, entries: Mapping[str, Value], heads: Mapping[str, Value]) -> State:
    """The state with which any iteration begins: a value may be the same as before the loop, what it means is not."""
    head = state.copy()
    for key, value in heads.items():
        if value != entries[key]:
            head.set(key, value)
        head.outdate(key)
    return head


def _loop_key(key: str, statement: Any) -> str:
    """What stands for a variable at the head of a loop."""
    return f"{key}@{statement.start}"


def _rows_key(variable: Variable) -> str:
    """Where a state keeps the rows that a cursor yields."""
    return variable.key + ROWS


def _end(declaration: syntax.Declaration) -> int:
    default = declaration.default
    return default.start + len(default.text) if default is not None else declaration.start + len(declaration.name)


def _head(statement: Any, code: str) -> Statement:
    """The part of a loop that stands before its body."""
    end = statement.body[0].start if statement.body else statement.end
    loop = code.lower().rfind("loop", statement.start, end)
    return Statement(statement.start, loop if loop > statement.start else end)


def _element(array: Value, *, whole: bool) -> Value:
    """What FOREACH assigns: an element, of nested arrays too, or with SLICE an array."""
    if not isinstance(array, Array):
        return made_of(array)
    if whole:
        return array.element if isinstance(array.element, Array) else Array(array.element)
    inner = array.element
    while isinstance(inner, Array):
        inner = inner.element
    return inner
