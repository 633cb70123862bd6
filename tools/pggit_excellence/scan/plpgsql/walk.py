"""Walks through syntax trees: where EXECUTE stands, and which names a piece of code may assign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import singledispatch

from pggit_excellence.scan.plpgsql import syntax

_CALL = re.compile(r"\s*call(?![\w$])", re.IGNORECASE)
# Kind of each statement that can be dynamic; Open is so only with a keyword.
KINDS: dict[type[syntax.Statement], str] = {
    syntax.Execute: "execute",
    syntax.ReturnQueryExecute: "return_query_execute",
    syntax.ForExecute: "for_execute",
    syntax.Open: "open_execute",
}


def bodies(statement: syntax.Statement) -> Iterator[syntax.Body]:
    """The statement lists directly inside a statement."""
    match statement:
        case syntax.Block(body=body, handlers=handlers):
            yield body
            for handler in handlers:
                yield handler.body
        case syntax.If(branches=branches, otherwise=otherwise):
            for _, body in branches:
                yield body
            yield otherwise
        case syntax.Case(branches=cases, otherwise=rest):
            for _, body in cases:
                yield body
            yield rest or ()
        case (
            syntax.Loop(body=body)
            | syntax.ForInteger(body=body)
            | syntax.ForQuery(body=body)
            | syntax.ForCursor(body=body)
            | syntax.ForExecute(body=body)
            | syntax.Foreach(body=body)
        ):
            yield body


def statements(body: syntax.Body) -> Iterator[syntax.Statement]:
    """Every statement of a body, however deep, in the order of the text."""
    for statement in body:
        yield statement
        for inner in bodies(statement):
            yield from statements(inner)


def keywords(body: syntax.Body) -> Iterator[tuple[int, str]]:
    """Where each dynamic statement's EXECUTE stands, and its kind; EXECUTE in text that was not parsed too."""
    for statement in statements(body):
        if isinstance(statement, syntax.NotParsed):
            yield from ((keyword, "execute") for keyword in statement.keywords)
            continue
        keyword = getattr(statement, "keyword", None)
        if keyword is not None:
            yield keyword, KINDS[type(statement)]


def assigned(body: syntax.Body) -> set[str] | None:
    """Every name (or part of a name) that the body may assign to; None: any variable."""
    found: set[str] = set()
    for statement in statements(body):
        if isinstance(statement, syntax.NotParsed) or (
            isinstance(statement, syntax.SqlStatement) and is_call(statement.sql)
        ):  # the INOUT arguments of CALL are variables
            return None
        found |= _targets(statement)
        if isinstance(statement, syntax.Block):
            found |= {part for item in statement.declarations for part in item.alias_of.split(".")}
    return found


def _names(targets: tuple[syntax.Target, ...]) -> set[str]:
    return {name for target in targets for name in target.names[:2]}


@singledispatch
def _targets(_: syntax.Statement) -> set[str]:
    return set()


@_targets.register
def _(statement: syntax.Assign) -> set[str]:
    return _names((statement.target,))


@_targets.register(syntax.ForQuery)
@_targets.register(syntax.ForExecute)
@_targets.register(syntax.Foreach)
@_targets.register(syntax.Execute)
@_targets.register(syntax.SqlStatement)
def _(
    statement: syntax.ForQuery | syntax.ForExecute | syntax.Foreach | syntax.Execute | syntax.SqlStatement,
) -> set[str]:
    return _names(statement.targets)


@_targets.register
def _(statement: syntax.Fetch) -> set[str]:
    return _names((*statement.targets, statement.cursor))


@_targets.register
def _(statement: syntax.Open) -> set[str]:
    return _names((statement.cursor,))


@_targets.register
def _(statement: syntax.GetDiagnostics) -> set[str]:
    return _names(tuple(target for target, _ in statement.items))


def is_call(sql: syntax.Sql) -> bool:
    """Whether the statement is CALL."""
    return _CALL.match(sql.text) is not None
