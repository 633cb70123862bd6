"""How rows are printed: a table where it fits, else blocks; nothing empty, nothing cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pggit_excellence.output import Row, print_rows

pytestmark = pytest.mark.once


def printed(rows: list[Row], width: int) -> list[str]:
    """The lines at this width, without blanks at their ends."""
    out = Console(width=width, file=io.StringIO(), highlight=False)
    print_rows(out, rows)
    assert isinstance(out.file, io.StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def test_a_table_where_it_fits() -> None:
    rows: list[Row] = [
        {"name": "a", "calls": 10, "note": None, "since": "2026-01-02T03:04:05.678901+00:00"},
        {"name": "b", "calls": 9, "note": "", "since": None},
    ]
    assert printed(rows, 80) == [
        "name  calls  since",
        "a        10  2026-01-02 03:04:05+00:00",
        "b         9  -",
    ]


def test_blocks_where_it_does_not() -> None:
    rows: list[Row] = [{"name": "a", "note": "one two three four"}, {"name": "[b]", "note": None}]
    assert printed(rows, 20) == ["name  a", "note  one two three", "      four", "", "name  [b]"]


def test_a_statement_stands_below_its_row() -> None:
    rows: list[Row] = [{"kind": "unused", "mend_sql": "DROP INDEX i"}, {"kind": "statistics", "mend_sql": None}]
    assert printed(rows, 80) == ["kind  unused", "mend_sql", "  DROP INDEX i;", "", "kind  statistics"]
