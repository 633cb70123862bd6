"""How commands print: rich tables for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_OF_A_FILE = 160


def console() -> Console:
    """Standard output; as wide as the terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE, highlight=False)


def plain(cell: object) -> Text:
    """A value as literal text: names may hold brackets, newlines and escape sequences."""
    if cell is None:
        return Text("-", style="dim")
    if isinstance(cell, bool):
        return Text("yes" if cell else "no")
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    return Text(shown)


def table(rows: Sequence[Mapping[str, object]]) -> Table:
    """Rows that have the same columns."""
    result = Table(*rows[0], show_lines=False)
    for row in rows:
        result.add_row(*(plain(cell) for cell in row.values()))
    return result


def print_json(content: object) -> None:
    """One JSON object."""
    print(json.dumps(content, indent=2, ensure_ascii=False))
