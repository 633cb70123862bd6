"""The abstract value of SQL text: `evaluate` for an expression, `evaluate_query` for the rows of a statement.

A variable that a loop changes is `Ref(key)` while its body is analysed; an array variable should be
`Array(Ref(key))` then, so that `v := v || x` and array_append() stay lists of elements.
"""

from __future__ import annotations

import re

from pggit_excellence.scan.values.abstract import Hole, Origin, Quoting, Source, Text, Value
from pggit_excellence.scan.values.queries import Queries
from pggit_excellence.scan.values.scope import Scope
from pggit_excellence.scan.values.sinks import SINKS, calls_of
from pggit_excellence.scan.values.sqltree import Node, parse_expression, parse_statement
from pggit_excellence.scan.values.terms import Rows

_RUNNING = calls_of({name.rpartition(".")[2] for name in SINKS})


def evaluate(text: str, scope: Scope) -> Value:
    """The value of what may follow SELECT: its first column. UNKNOWN where it does not parse."""
    tree = parse_expression(text)
    if tree is None:
        _refused(text, scope)
        return not_understood(text)
    try:
        rows = Queries(text, scope).select(tree)
    except RecursionError:
        return not_understood(text)
    return rows.at(0)


def evaluate_query(text: str, scope: Scope) -> Rows:
    """The rows of the last of the statements in the text; any columns, UNKNOWN, where it does not parse."""
    statements = parse_statement(text)
    rows = Rows()
    if statements is None:
        _refused(text, scope)
        return Rows(open_at=0, rest=not_understood(text))
    try:
        for statement in statements:
            rows = Queries(text, scope).select(statement)
    except RecursionError:
        return Rows(open_at=0, rest=not_understood(text))
    return rows


def evaluate_node(node: Node, text: str, scope: Scope) -> Value:
    """The value of a part of an expression or statement that was parsed from `text`."""
    try:
        return Queries(text, scope).value(node)
    except RecursionError:
        return not_understood(text)


def _refused(text: str, scope: Scope) -> None:
    """What runs SQL in a text that does not parse runs nobody knows what."""
    for found in _RUNNING.finditer(text.lower()):
        name = re.split(r"[^\w$]", found.group(), maxsplit=1)[0]
        scope.sink(name, not_understood(text), scope.place(found.start(), found.start() + len(name)))


def not_understood(text: str) -> Text:
    """The value of a text that does not parse."""
    shown = " ".join(text.split())
    return Hole(Quoting.RAW, Origin(Source.UNKNOWN, shown if len(shown) <= 40 else shown[:39] + "…"))
