"""The types of a view's columns, as far as its query tells: a view over integer columns has integer columns.

Most views are for people, and no routine reads them: only those that one may mean are looked at.
"""

from __future__ import annotations

from collections.abc import Set

from pggit_excellence.scan.flow.rows import Detached
from pggit_excellence.scan.flow.words import word, words
from pggit_excellence.scan.inputs.program import Definition, Program
from pggit_excellence.scan.values.abstract import Array, Const, Hole, Value, leaves
from pggit_excellence.scan.values.queries import Queries
from pggit_excellence.scan.values.sqltypes import HARMLESS
from pggit_excellence.scan.values.terms import Rows


def add_types(program: Program, mentioned: Set[str]) -> None:
    """Give the columns whose type is not written one that every definition of the view agrees on.

    Only views among the words `mentioned` get types, and those in their definitions.
    """
    found: dict[int, list[dict[str, str]]] = {}
    for definition in _needed(program.views, mentioned):
        table = definition.table
        known = found.setdefault(id(table), [])
        known.append(_types(definition, program))
        for column in {**dict.fromkeys(known[0], ""), **table.columns}:
            types = {types.get(column, "") for types in known}
            if not table.columns.get(column) or len(types) > 1:
                table.columns[column] = types.pop() if len(types) == 1 else ""


def _needed(definitions: list[Definition], mentioned: Set[str]) -> list[Definition]:
    """In their order; a view is needed where a needed one has it in its definition."""
    needed: set[int] = set()
    while True:
        new = {i for i, each in enumerate(definitions) if i not in needed and word(each.table.name[1]) in mentioned}
        if not new:
            return [definitions[index] for index in sorted(needed)]
        needed |= new
        mentioned = frozenset(mentioned).union(*(words(definitions[index].text) for index in new))


def _types(definition: Definition, program: Program) -> dict[str, str]:
    """The columns with their types, '' where it is not clear; none where a star hides how many there are."""
    try:
        rows = Queries(definition.text, Detached(program)).select(definition.query)
    except RecursionError:
        rows = Rows()
    if rows.open_at is not None:
        return {}
    columns: dict[str, str] = {}
    for index, (name, value) in enumerate(rows.columns):
        columns[definition.names[index] if index < len(definition.names) else name] = _type(value)
    return columns


def _type(value: Value) -> str:
    if isinstance(value, Array):
        element = _type(value.element)
        return f"{element}[]" if element else ""
    types = set()
    for leaf in leaves(value):
        if isinstance(leaf, Hole) and leaf.quoting is HARMLESS.get(leaf.type):
            types.add(leaf.type)
        elif not (isinstance(leaf, Const) and (leaf.text == "" or leaf.text.isdecimal())):
            return ""
    return types.pop() if len(types) == 1 else ""
