"""Second order: who may write what a statement reads from a table."""

from __future__ import annotations

from collections.abc import Callable

from pggit_excellence.scan.inputs.program import Program, Table
from pggit_excellence.scan.values.abstract import Origin, Source
from pggit_excellence.scan.values.sqltypes import find

PUBLIC = "public"


def table_of(origin: Origin, program: Program) -> Table | None:
    """The table that the text was read from, where it is known."""
    if origin.source is not Source.TABLE or not origin.relation:
        return None
    return find(program.tables, origin.schema, origin.relation)


def trusts(program: Program) -> Callable[[Origin], bool]:
    """Whether nobody but the owner of the table may write where the text comes from, as far as the scan can see."""

    def trusted(origin: Origin) -> bool:
        table = table_of(origin, program)
        return table is not None and table.known and not table.is_view and not table.writers()

    return trusted


def writers_note(origin: Origin, program: Program) -> str:
    """Who may write there, as a clause for a message; '' where nothing is known."""
    table = table_of(origin, program)
    if table is None or not table.writers():
        return ""
    names = ["PUBLIC" if name == PUBLIC else name for name in sorted(table.writers())]
    return f" ({', '.join(names)} may write {'.'.join(part for part in table.name if part)})"
