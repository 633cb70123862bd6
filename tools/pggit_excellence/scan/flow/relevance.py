"""What of a PL/pgSQL body can matter to the SQL that it runs; the rest need not be analysed.

Most statements of most routines have nothing to do with the few that are dynamic. Going backwards from those, and from
whatever else says something (calls of functions that run SQL, guards, the result where somebody asks for it), every
word that stands in them is needed, and with it what is assigned to a variable of that name, and so on. Words and not
variables: two of the same name are both needed. What is left is a smaller body, over which the analysis finds the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from pggit_excellence.scan.flow.telling import may_tell
from pggit_excellence.scan.flow.words import word, words
from pggit_excellence.scan.plpgsql import syntax
from pggit_excellence.scan.plpgsql.syntax import Block, Body, Sql, Statement, Target
from pggit_excellence.scan.plpgsql.walk import bodies, is_call

_NUMBERED = re.compile(r"\$\d")
_STRING = re.compile(r"'[^']*'")
_FEW_WORDS = frozenset({"null", "text", "varchar", "e"})
_LEAVING = {"exception", ""}
_BOOLEAN = {"boolean", "bool", "pg_catalog.bool"}
_Words = frozenset[str]
Runs = Callable[[_Words, str], bool]


class _OpaqueError(Exception):
    """Names that this cannot follow: the body stays as it is."""


def relevant_part(
    block: Block, runs: Runs, checks: Collection[str], parameters: Iterable[str], *, called: bool
) -> Block:
    """The body without what cannot matter.

    `runs` says whether words and their code run SQL, `checks` are names of functions that may refuse their arguments,
    `parameters` the routine's own. Unless it is `called` nobody asks what it returns and proves.
    """
    needed = _Needed(runs, checks, parameters, called=called)
    try:
        needed.read((block,), loop=False, branch=False)
    except _OpaqueError:
        return block
    needed.close()
    return needed.block(block)


class _Needed:
    """The words that are needed, and what is left of statements with them."""

    def __init__(self, runs: Runs, checks: Collection[str], parameters: Iterable[str], *, called: bool) -> None:
        self.does_run = runs
        self.checks, self.called = frozenset(checks), called
        self.parameters = frozenset(map(word, parameters))
        self.needed: set[str] = set(self.parameters if called else ())  # what is proved of them
        self.assignments: list[tuple[_Words, _Words]] = []  # words of the targets, and of what they are made of
        self.conditions: list[_Words] = []
        self.booleans: set[str] = set()  # variables that may hold the outcome of a condition
        self.around: _Words = frozenset()  # of the conditions around a statement
        self.templates = False  # whether IF chooses among templates of format(): what it proves goes with them
        self.known: dict[int, _Words] = {}

    # Which words are needed -------------------------------------------------------------------------------------------

    def words(self, sql: Sql) -> _Words:
        """The words of a piece of code; with $1 any parameter is meant."""
        found = self.known.get(id(sql))
        if found is None:
            found = words(sql.text)
            if "$" in sql.text and _NUMBERED.search(sql.text):
                found |= self.parameters
            self.known[id(sql)] = found
        return found

    def read(self, body: Body, *, loop: bool, branch: bool) -> None:
        """Note what the statements need, whether they stand in a loop, and in a branch of IF."""
        for statement in body:
            self.statement(statement, loop=loop, branch=branch)

    def statement(self, statement: Any, *, loop: bool, branch: bool) -> None:
        """Note what one needs; in the statements in it as well."""
        reader = _READERS.get(type(statement))
        if reader is not None:
            reader(self, statement, loop, branch)
        loop |= isinstance(statement, _LOOPS)
        branch |= isinstance(statement, syntax.If)
        around = self.around
        if isinstance(statement, syntax.If) and self.booleans:
            self.around = around.union(*(self.words(condition) for condition, _body in statement.branches))
        for body in bodies(statement):
            self.read(body, loop=loop, branch=branch)
        self.around = around

    def _read_assign(self, statement: syntax.Assign, loop: bool, branch: bool) -> None:
        self.assigned((statement.target,), statement.value, loop=loop, branch=branch)

    def _read_static(self, statement: syntax.SqlStatement, loop: bool, branch: bool) -> None:
        if statement.targets:
            self.assigned(statement.targets, statement.sql, loop=loop, branch=branch)
        if is_call(statement.sql) or (not statement.targets and self.says(statement)):
            self.need(statement.sql)

    def _read_if(self, statement: syntax.If, _: bool, __: bool) -> None:
        for condition, _body in statement.branches:
            self.condition(condition)

    def _read_case(self, statement: syntax.Case, _: bool, __: bool) -> None:
        for values, _body in statement.branches:
            self.condition(*filter(None, (statement.operand,)), *values)

    def _read_block(self, block: Block, loop: bool, branch: bool) -> None:
        """Defaults are assignments; cursors are needed."""
        for item in block.declarations:
            if item.alias_of:
                raise _OpaqueError
            self.need(*filter(None, (item.cursor, *(parameter.default for parameter in item.cursor_parameters))))
            if item.type.strip().lower() in _BOOLEAN:
                self.booleans.add(word(item.name))
            if item.default is not None:
                self.made(frozenset({word(item.name)}), item.default, loop=loop, branch=branch)

    def _read_condition(self, statement: syntax.Loop | syntax.Leave, _: bool, __: bool) -> None:
        if statement.condition is not None:
            self.condition(statement.condition)

    def _read_numbers(self, statement: syntax.ForInteger, _: bool, __: bool) -> None:
        self.run(*statement.bounds)

    def _read_rows(self, statement: syntax.ForQuery | syntax.Foreach, loop: bool, branch: bool) -> None:
        self.assigned(statement.targets, _rows(statement), loop=loop, branch=branch)

    def _read_dynamic(self, statement: syntax.Execute | syntax.ForExecute, _: bool, __: bool) -> None:
        self.targets(statement.targets)
        self.need(statement.query, *statement.using)

    def _read_result(self, statement: syntax.ReturnQueryExecute, _: bool, __: bool) -> None:
        self.need(statement.query, *statement.using)

    def _read_cursor_loop(self, statement: syntax.ForCursor, _: bool, __: bool) -> None:
        self.needed.update(map(word, (statement.cursor, *statement.cursor.split("."))))
        self.need(*statement.arguments)

    def _read_open(self, statement: syntax.Open, _: bool, __: bool) -> None:
        self.needed |= self.targets((statement.cursor,))
        self.need(*filter(None, (statement.query,)), *statement.using, *statement.arguments)

    def _read_fetch(self, statement: syntax.Fetch, _: bool, __: bool) -> None:
        self.needed |= self.targets((statement.cursor, *statement.targets))

    def _read_diagnostics(self, statement: syntax.GetDiagnostics, _: bool, __: bool) -> None:
        self.targets(tuple(target for target, _item in statement.items))

    def _read_return(self, statement: syntax.Return | syntax.ReturnQuery, _: bool, __: bool) -> None:
        value = statement.query if isinstance(statement, syntax.ReturnQuery) else statement.value
        if value is not None and (self.called or self.tells(value)):
            self.need(value)

    def _read_raise(self, statement: syntax.Raise, _: bool, __: bool) -> None:
        self.run(*statement.arguments)

    def _read_assert(self, statement: syntax.Assert, _: bool, __: bool) -> None:
        self.run(*filter(None, (statement.condition, statement.message)))

    def _read_unknown(self, _statement: syntax.NotParsed, _: bool, __: bool) -> None:
        raise _OpaqueError

    def need(self, *code: Sql) -> None:
        """All of it is needed."""
        for sql in code:
            self.needed |= self.words(sql)

    def run(self, *code: Sql) -> None:
        """Code whose value does not matter: needed where it calls something that could run SQL."""
        for sql in code:
            if self.runs(sql):
                self.needed |= self.words(sql)

    def runs(self, sql: Sql | None) -> bool:
        """Whether the code is worth evaluating for what it does."""
        return sql is not None and self.does_run(self.words(sql), sql.text)

    def tells(self, sql: Sql) -> bool:
        """Whether the code is worth evaluating even if nobody needs its value."""
        return may_tell(self.words(sql), sql.text) or self.runs(sql)

    def condition(self, *code: Sql) -> None:
        """A condition narrows the variables in it, by each other."""
        self.run(*code)
        self.conditions.append(frozenset().union(*map(self.words, code)))

    def targets(self, targets: tuple[Target, ...]) -> _Words:
        """The words of targets, the codes of their subscripts noted."""
        for target in targets:
            if any(name.startswith("$") for name in target.names):
                raise _OpaqueError
            self.run(*target.subscripts)
        return frozenset(word(name) for target in targets for name in target.names)

    def assigned(self, targets: tuple[Target, ...], code: Sql, *, loop: bool, branch: bool) -> None:
        """The targets get their values from the code."""
        self.made(self.targets(targets), code, loop=loop, branch=branch)

    def made(self, names: _Words, code: Sql, *, loop: bool, branch: bool) -> None:
        """The same, by the words of the targets."""
        words = self.words(code)
        self.assignments.append((names, words))
        if not self.booleans.isdisjoint(names):
            self.conditions.append(names | words | self.around)
        if self.tells(code):
            self.needed |= words
        if loop and _is_plain(code.text):  # what is another constant after the first iteration parts the loop
            self.needed |= names
        if branch and "%" in code.text:
            self.templates = True
            self.needed |= names

    def says(self, statement: syntax.SqlStatement) -> bool:
        """Whether a statement without INTO runs something, or checks its arguments."""
        return self.runs(statement.sql) or not self.checks.isdisjoint(self.words(statement.sql))

    def close(self) -> None:
        """What is needed to make what is needed."""
        if self.templates:
            self.needed = self.needed.union(*self.conditions)
        waiting = [*self.assignments, *((words, words) for words in self.conditions)]
        while True:
            left = []
            for names, made_of in waiting:
                if self.needed.isdisjoint(names):
                    left.append((names, made_of))
                else:
                    self.needed |= made_of
            if len(left) == len(waiting):
                return
            waiting = left

    # What is left -----------------------------------------------------------------------------------------------------

    def is_needed(self, targets: Iterable[Target]) -> bool:
        """Whether one of the targets is needed, or its subscripts do something."""
        return any(
            not self.needed.isdisjoint(map(word, target.names)) or any(map(self.runs, target.subscripts))
            for target in targets
        )

    def block(self, block: Block) -> Block:
        """The block with what is left in it."""
        declarations = tuple(
            item
            if item.default is None or self.tells(item.default) or word(item.name) in self.needed
            else syntax.Declaration(item.name, item.start, item.type, item.constant)
            for item in block.declarations
        )
        handlers = tuple(syntax.Handler(item.conditions, self.body(item.body)) for item in block.handlers)
        return Block(block.start, block.end, self.body(block.body), declarations, handlers, block.label, block.conflict)

    def body(self, body: Body) -> Body:
        """The statements that are left. The first one keeps its place: a loop's head ends there."""
        left = [kept for statement in body if (kept := self.kept(statement)) is not None]
        if left and left[0].start != body[0].start:
            left.insert(0, syntax.Inert(body[0].start, body[0].start))
        return tuple(left)

    def kept(self, statement: Any) -> Statement | None:
        """What is left of one statement; None: nothing."""
        method = _KEPT.get(type(statement))
        return statement if method is None else method(self, statement)

    def _assign(self, statement: syntax.Assign) -> Statement | None:
        return statement if self.is_needed((statement.target,)) or self.tells(statement.value) else None

    def _static(self, statement: syntax.SqlStatement) -> Statement | None:
        if is_call(statement.sql):
            return statement
        if not statement.targets:
            return statement if self.says(statement) else None
        return statement if self.is_needed(statement.targets) or self.tells(statement.sql) else None

    def _if(self, statement: syntax.If) -> Statement | None:
        branches = tuple((self.proving(condition), self.body(body)) for condition, body in statement.branches)
        otherwise = self.body(statement.otherwise)
        if not otherwise and all(condition is _TRUE and not body for condition, body in branches):
            return None
        return syntax.If(statement.start, statement.end, branches, otherwise)

    def _case(self, statement: syntax.Case) -> Statement | None:
        cases = tuple((values, self.body(body)) for values, body in statement.branches)
        otherwise = None if statement.otherwise is None else self.body(statement.otherwise)
        code = [*filter(None, (statement.operand,)), *(value for values, _ in cases for value in values)]
        if not otherwise and not any(body for _, body in cases) and not any(map(self.proves, code)):
            return None
        return syntax.Case(statement.start, statement.end, statement.operand, cases, otherwise)

    def _block(self, statement: Block) -> Statement | None:
        block = self.block(statement)
        empty = not block.body and not any(handler.body for handler in block.handlers)
        return None if empty and not any(item.default for item in block.declarations) else block

    def _loop(self, statement: syntax.Loop) -> Statement | None:
        """LOOP without a condition ends by what is in it alone: it always stays."""
        body = self.body(statement.body)
        condition = None if statement.condition is None else self.proving(statement.condition)
        if condition is _TRUE and not body:
            return None
        return syntax.Loop(statement.start, statement.end, body, condition, statement.label)

    def _for_integer(self, statement: syntax.ForInteger) -> Statement | None:
        body = self.body(statement.body)
        if not body and not any(map(self.runs, statement.bounds)):
            return None
        return syntax.ForInteger(
            statement.start, statement.end, statement.variable, statement.bounds, body, statement.label
        )

    def _for_rows(self, statement: syntax.ForQuery | syntax.Foreach) -> Statement | None:
        """A loop over rows that nobody needs is one over numbers."""
        body = self.body(statement.body)
        rows = _rows(statement)
        start, end, label = statement.start, statement.end, statement.label
        if self.is_needed(statement.targets) or self.tells(rows):
            if not body and statement.body:
                body = (syntax.Inert(statement.body[0].start, statement.body[0].start),)
            if isinstance(statement, syntax.ForQuery):
                return syntax.ForQuery(start, end, statement.targets, rows, body, label)
            return syntax.Foreach(start, end, statement.targets, rows, body, statement.slice, label)
        return syntax.ForInteger(start, end, "", (), body, label) if body else None

    def _for_execute(self, statement: syntax.ForExecute) -> Statement:
        return syntax.ForExecute(
            statement.start,
            statement.end,
            statement.targets,
            statement.keyword,
            statement.query,
            statement.using,
            self.body(statement.body) or statement.body[:1],
            statement.label,
        )

    def _for_cursor(self, statement: syntax.ForCursor) -> Statement:
        return syntax.ForCursor(
            statement.start,
            statement.end,
            statement.variable,
            statement.cursor,
            statement.arguments,
            self.body(statement.body) or statement.body[:1],
            statement.label,
        )

    def _leave(self, statement: syntax.Leave) -> Statement:
        if statement.condition is None:
            return statement
        return syntax.Leave(
            statement.start, statement.end, statement.exits, statement.label, self.proving(statement.condition)
        )

    def _return(self, statement: syntax.Return) -> Statement | None:
        if self.called or (statement.value is not None and self.tells(statement.value)):
            return statement
        return None if statement.next else syntax.Return(statement.start, statement.end)

    def _return_query(self, statement: syntax.ReturnQuery) -> Statement | None:
        return statement if self.called or self.tells(statement.query) else None

    def _raise(self, statement: syntax.Raise) -> Statement | None:
        leaves = statement.level.lower() in _LEAVING
        return statement if leaves or any(map(self.runs, statement.arguments)) else None

    def _assert(self, statement: syntax.Assert) -> Statement | None:
        return statement if self.runs(statement.condition) or self.runs(statement.message) else None

    def _diagnostics(self, statement: syntax.GetDiagnostics) -> Statement | None:
        return statement if self.is_needed(target for target, _ in statement.items) else None

    def _inert(self, statement: syntax.Inert) -> Statement | None:
        return statement if statement.number is not None and self.runs(statement.number) else None

    def proves(self, condition: Sql) -> bool:
        """Whether the condition tells something of what is needed, or runs something."""
        return self.runs(condition) or not self.needed.isdisjoint(self.words(condition))

    def proving(self, condition: Sql) -> Sql:
        """The condition, or one that proves nothing in the place of one that proves nothing needed."""
        return condition if self.proves(condition) else _TRUE


# In the place of a condition; the interpreter asks it nothing.
_TRUE = Sql("true", 0)
_LOOPS = (syntax.Loop, syntax.ForInteger, syntax.ForQuery, syntax.ForCursor, syntax.ForExecute, syntax.Foreach)
_READERS: dict[type[Statement], Callable[[_Needed, Any, bool, bool], None]] = {
    syntax.Assign: _Needed._read_assign,
    syntax.SqlStatement: _Needed._read_static,
    syntax.If: _Needed._read_if,
    syntax.Case: _Needed._read_case,
    Block: _Needed._read_block,
    syntax.Loop: _Needed._read_condition,
    syntax.Leave: _Needed._read_condition,
    syntax.ForInteger: _Needed._read_numbers,
    syntax.ForQuery: _Needed._read_rows,
    syntax.Foreach: _Needed._read_rows,
    syntax.ForExecute: _Needed._read_dynamic,
    syntax.Execute: _Needed._read_dynamic,
    syntax.ReturnQueryExecute: _Needed._read_result,
    syntax.ForCursor: _Needed._read_cursor_loop,
    syntax.Open: _Needed._read_open,
    syntax.Fetch: _Needed._read_fetch,
    syntax.GetDiagnostics: _Needed._read_diagnostics,
    syntax.Return: _Needed._read_return,
    syntax.ReturnQuery: _Needed._read_return,
    syntax.Raise: _Needed._read_raise,
    syntax.Assert: _Needed._read_assert,
    syntax.NotParsed: _Needed._read_unknown,
}
_KEPT: dict[type[Statement], Callable[[_Needed, Any], Statement | None]] = {
    syntax.Assign: _Needed._assign,
    syntax.SqlStatement: _Needed._static,
    syntax.If: _Needed._if,
    syntax.Case: _Needed._case,
    Block: _Needed._block,
    syntax.Loop: _Needed._loop,
    syntax.ForInteger: _Needed._for_integer,
    syntax.ForQuery: _Needed._for_rows,
    syntax.Foreach: _Needed._for_rows,
    syntax.ForExecute: _Needed._for_execute,
    syntax.ForCursor: _Needed._for_cursor,
    syntax.Leave: _Needed._leave,
    syntax.Return: _Needed._return,
    syntax.ReturnQuery: _Needed._return_query,
    syntax.Raise: _Needed._raise,
    syntax.Assert: _Needed._assert,
    syntax.GetDiagnostics: _Needed._diagnostics,
    syntax.Inert: _Needed._inert,
}


def _rows(statement: syntax.ForQuery | syntax.Foreach) -> Sql:
    return statement.query if isinstance(statement, syntax.ForQuery) else statement.array


def _is_plain(code: str) -> bool:
    """Whether the code is a constant or one name."""
    found = words(_STRING.sub("", code)) - _FEW_WORDS
    return not found or code.strip().isidentifier()
