"""How commands print: tables for people where they fit the width, else blocks of "column value"; JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pggit_excellence.printable import printable

WIDTH_OF_A_FILE = 160
UNBOUNDED = 100_000
# A statement to copy: it stands below its row.
STATEMENTS = ("mend_sql", "undo_sql")

Row = Mapping[str, Any]


class _Output(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to cli.run(): rich would end with the status of findings."""
        raise BrokenPipeError


def console() -> Console:
    """Standard output; as wide as the terminal."""
    return _Output(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE, highlight=False)


def plain(cell: object) -> Text:
    """A value as literal text: names may hold brackets, newlines and escape sequences."""
    if cell is None:
        return Text("-", style="dim")
    if isinstance(cell, bool):
        return Text("yes" if cell else "no")
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    text = re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(?=[+-]\d\d:\d\d$)", r"\1 \2", text)
    return Text(printable(text))


def print_rows(out: Console, rows: Sequence[Row], indent: int = 0) -> None:
    """Rows with the same columns, at least one; columns that are empty in all of them are left out.

    A table where it fits without breaking a line and nothing is to be copied from it; else a block for each row.
    """
    names = [name for name in rows[0] if not all(empty(row[name]) for row in rows)]
    as_table = table([{name: row[name] for name in names} for row in rows])
    unbounded = out.options.update(max_width=UNBOUNDED)
    fits = Measurement.get(out, unbounded, as_table).maximum + indent <= out.width
    if fits and not any(name in STATEMENTS for name in names):
        out.print(Padding(as_table, (0, 0, 0, indent)))
        return
    for number, row in enumerate(rows):
        if number:
            out.print()
        print_block(out, row, indent)


def table(rows: Sequence[Row]) -> Table:
    """Rows that have the same columns; numbers to the right."""
    result = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in rows[0]:
        numeric = all(is_number(row[name]) or row[name] is None for row in rows)
        result.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        result.add_row(*(plain(cell) for cell in row.values()))
    return result


def empty(cell: object) -> bool:
    """Whether there is nothing to print."""
    return cell is None or cell == ""


def is_number(cell: object) -> bool:
    """Whether it is counted in."""
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def print_block(out: Console, row: Row, indent: int) -> None:
    """One line per value, long ones wrapped behind their name; values that are not there are left out."""
    present = {name: cell for name, cell in row.items() if not empty(cell)}
    width = max((len(name) for name in present if name not in STATEMENTS), default=0)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", width=width)
    grid.add_column(overflow="fold")
    for name, cell in present.items():
        if name not in STATEMENTS:
            grid.add_row(name, plain(cell))
    out.print(Padding(grid, (0, 0, 0, indent), expand=False))
    for name in STATEMENTS:
        if name in present:
            out.print(Padding(Text(name, style="bold"), (0, 0, 0, indent), expand=False))
            print_to_copy(out, statement(str(present[name])), indent + 2)


def print_to_copy(out: Console, text: Text, indent: int) -> None:
    """Text that somebody copies: indented, and never broken where it has no line feed of its own."""
    for line in text.split("\n", allow_blank=True):
        out.print(Text(" " * indent).append_text(line), soft_wrap=True)


def statement(text: str) -> Text:
    """An SQL statement to copy, which psql would run."""
    shown = plain(text.rstrip(";") + ";")
    shown.stylize("cyan")
    return shown


def print_json(content: object) -> None:
    """One JSON object; in ASCII where the output cannot hold more."""
    ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(content, indent=2, ensure_ascii=ascii_only))
