"""SQL-language functions, and SQL outside of routines: each statement evaluated, the last SELECT is the result."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pggit_excellence.scan.flow import events
from pggit_excellence.scan.flow.assignments import row
from pggit_excellence.scan.flow.interpreter import Flow
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.inputs.program import OffsetMap, Program, Routine
from pggit_excellence.scan.plpgsql.syntax import Sql
from pggit_excellence.scan.values.abstract import Place, as_text, join_all
from pggit_excellence.scan.values.texts import may_have_no_row, perhaps_null

_GEXEC = "\\gexec"
_SELECT = "SELECT"  # in the place of RETURN, which is as long


def interpret(flow: Flow) -> None:
    """Analyse the body of a routine in language SQL, or of a statement outside of routines."""
    state, frame = flow.start()
    statements = list(_split(flow.routine.body))
    for index, statement in enumerate(statements):
        columns = flow.columns(statement, state, frame)
        if index < len(statements) - 1:
            continue
        if flow.routine.gexec is not None:  # every column of every row is run
            where = flow.routine.gexec
            place = Place(flow.routine.file, where, where + len(_GEXEC))
            flow.log.append(events.Ran(place, "gexec", as_text(join_all(value for _, value in columns))))
        if may_have_no_row(statement.text):
            columns = [(name, perhaps_null(value)) for name, value in columns]
        if len(columns) == 1:
            columns = [(columns[0][0], flow.with_nulls(columns[0][1], statement, state, frame))]
        flow.log.append(events.Returned(row(columns)))
        flow.answered(statement, state, frame)


def with_body(routine: Routine, program: Program) -> Routine:
    """A routine whose body is SQL and no string (RETURN expression, BEGIN ATOMIC) with that SQL as its body."""
    if not routine.atomic:
        return routine
    text = program.sources[routine.file].text[: routine.end]
    depth, before = 0, ""
    for token in tokens(text, routine.start):
        word = text[token.start : token.end].lower()
        depth += (word == "(") - (word == ")")
        begins = not depth and token.kind is Kind.WORD and (word == "return" or (before, word) == ("begin", "atomic"))
        before = word
        if not begins:
            continue
        body = text[token.end :].rstrip().removesuffix(";")
        body = _SELECT + body if word == "return" else re.sub(r"\bend\s*\Z", "", body, flags=re.IGNORECASE)
        shift = len(_SELECT) if word == "return" else 0
        return replace(routine, body=body, map=OffsetMap(((0, token.end - shift),)))
    return routine


def _split(body: str) -> Iterator[Sql]:
    """The statements of the body."""
    start = 0
    for token in tokens(body):
        if token.kind is Kind.PUNCTUATION and body[token.start] == ";":
            yield from _statement(body, start, token.start)
            start = token.end
    yield from _statement(body, start, len(body))


def _statement(body: str, start: int, end: int) -> Iterator[Sql]:
    text = body[start:end]
    if any(token.kind is not Kind.COMMENT for token in tokens(text)):
        yield Sql(text, start, expression=False)
