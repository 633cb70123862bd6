"""libpg_query, kept from what it cannot bear."""

from __future__ import annotations

import json
from typing import Any

from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.inputs.pg_parser import ParseError, parse_sql_json

Tree = dict[str, Any]

# It writes its tree recursively: a chain of some ten thousand operators overflows the C stack and ends the process.
# Every other nesting is cut off by its own limit.
MAX_OPERATORS = 2_000
# Ten thousand comments in a row exhaust its stack, and the time for nested ones grows with the square of their number.
MAX_COMMENTS = 50


class RefusedError(Exception):
    """Text that is no SQL for libpg_query, or more deeply nested than it can bear; the message says which."""


def parse(sql: str) -> list[Tree]:
    """The statements of `sql` as libpg_query's JSON trees; their locations are offsets of UTF-8 bytes."""
    if sql.count("/*") > MAX_COMMENTS:
        sql = _without_comments(sql)
    if len(sql) > MAX_OPERATORS and sum(token.kind is Kind.OPERATOR for token in tokens(sql)) > MAX_OPERATORS:
        raise RefusedError("too many operators in one statement")
    try:
        trees = json.loads(parse_sql_json(sql))
    except ParseError as error:
        raise RefusedError(str(error.args[0]).split(", at index")[0]) from None
    except (RecursionError, ValueError) as error:
        raise RefusedError(f"not parsed: {error}") from None
    return [statement["stmt"] for statement in trees.get("stmts", ())]


def _without_comments(sql: str) -> str:
    """Spaces for comments, as many as they have bytes."""
    pieces, done = [], 0
    for token in tokens(sql):
        if token.kind is Kind.COMMENT:
            pieces += [sql[done : token.start], " " * len(sql[token.start : token.end].encode())]
            done = token.end
    return "".join(pieces) + sql[done:]


def character(text: str, byte: int) -> int:
    """The index of the character at that byte of the text's UTF-8 form."""
    return byte if text.isascii() else len(text.encode()[:byte].decode(errors="replace"))
