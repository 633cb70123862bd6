"""Where the nodes of a Python body stand in its file."""

from __future__ import annotations

import ast
import re

from pggit_excellence.scan.flow.python_items import Item, Thing
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.program import Routine
from pggit_excellence.scan.values.abstract import Const, Hole, Place, Ref, Step, Text, bounded, map_leaves

MAX_PATH = 12  # stations kept of a value's way


class Positions:
    """Places of a routine's nodes; `shift` is how many lines their numbers are too large."""

    def __init__(self, routine: Routine, shift: int) -> None:  # noqa: D107
        self._routine, self._shift = routine, shift
        self._starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", routine.body))]
        self._lines = [
            routine.body[start:end] for start, end in zip(self._starts, [*self._starts[1:], None], strict=True)
        ]

    def _offset(self, line: int, column: int) -> int:
        text = self._lines[line - 1 - self._shift]
        characters = column if text.isascii() else len(text.encode()[:column].decode(errors="ignore"))
        return self._starts[line - 1 - self._shift] + characters

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where the node stands in the body."""
        start = self._offset(node.lineno, node.col_offset)
        return start, self._offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """Where the node stands in the file."""
        start, end = self._span(node)
        return Place(self._routine.file, self._routine.map(start), self._routine.map(max(end - 1, start)) + 1)

    def stepped(self, value: Item, node: ast.expr | ast.stmt, what: str) -> Item:
        """The value with one more station on the way of each hole in it."""
        if isinstance(value, Thing):
            return value
        step = Step(self.place(node), what)

        def add(leaf: Const | Hole | Ref) -> Text:
            if not isinstance(leaf, Hole) or len(leaf.path) >= MAX_PATH or step in leaf.path:
                return leaf
            return replace(leaf, path=(*leaf.path, step))

        return map_leaves(bounded(value), add)

    def constant(self, node: ast.Constant, text: str) -> Place | None:
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
