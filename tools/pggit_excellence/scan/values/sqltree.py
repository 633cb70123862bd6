"""SQL parsed by libpg_query, as the plain dictionaries of its JSON: `{"FuncCall": {...}}`.

Locations count characters of the text that was given (libpg_query counts UTF-8 bytes).
"""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from typing import Any

from pggit_excellence.scan.inputs.pg_parser import ParseError, parse_sql_json

Node = dict[str, Any]
SELECT = "SELECT "
# Each level of a tree is a few calls of the decoder: enough for a concatenation of a thousand parts.
DEEP = 20_000
LOCATIONS = frozenset(["location", "stmt_location", "list_start", "list_end", "name_location"])


@lru_cache(maxsize=2048)
def parse_expression(text: str) -> Node | None:
    """What may follow SELECT (`a || b`, `count(*) FROM t WHERE x`) as a SelectStmt; None where it does not parse."""
    statements = _parse(SELECT + text, len(SELECT))
    if statements is None or len(statements) != 1:
        return None
    only = statements[0].get("SelectStmt")
    return statements[0] if only is not None else None


@lru_cache(maxsize=2048)
def parse_statement(text: str) -> list[Node] | None:
    """The statements of the text, each as `{"SelectStmt": {...}}`; None where it does not parse."""
    return _parse(text, 0)


def _parse(text: str, shift: int) -> list[Node] | None:
    try:
        document = parse_sql_json(text)
        tree = _decode(document)
        statements = [statement["stmt"] for statement in tree["stmts"] if "stmt" in statement]
    except (ParseError, RecursionError, ValueError, KeyError, MemoryError):
        return None
    if not text.isascii():
        _relocate(statements, _characters(text), shift)
    elif shift:
        _relocate(statements, None, shift)
    return statements


def _decode(document: str) -> Node:
    try:
        tree: Node = json.loads(document)
    except RecursionError:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, DEEP))
        try:
            tree = json.loads(document)
        finally:
            sys.setrecursionlimit(limit)
    return tree


def _characters(text: str) -> list[int]:
    """The character that each byte of the text belongs to."""
    found = [index for index, character in enumerate(text) for _ in character.encode("utf-8", "surrogatepass")]
    return [*found, len(text)]


def _relocate(root: list[Node], characters: list[int] | None, shift: int) -> None:
    """Turn byte locations into characters, counted from `shift`; what has no location stays -1."""
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
            continue
        for key, value in node.items():
            if isinstance(value, dict | list):
                todo.append(value)
            elif key in LOCATIONS and value >= 0:
                node[key] = (characters[value] if characters else value) - shift


def kind_of(tree: Node) -> tuple[str, Node]:
    """The kind of a node and its fields; ('', {}) for an empty one."""
    for kind, fields in tree.items():
        return kind, fields
    return "", {}


def strings(nodes: list[Node]) -> list[str]:
    """The texts of a list of String nodes (a qualified name); "*" for a star."""
    return [node["String"].get("sval", "") if "String" in node else "*" for node in nodes]


def leftmost(tree: Any) -> int:
    """The least location in the tree, -1 where there is none."""
    best, todo = -1, [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            for key, value in node.items():
                if key == "location":
                    if value >= 0 and (best < 0 or value < best):
                        best = value
                elif isinstance(value, dict | list):
                    todo.append(value)
    return best
