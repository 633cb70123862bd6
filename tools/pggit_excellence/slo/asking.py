"""Rows of the extension's functions, each query in a read-only transaction of its own (a standby will do)."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

Row = dict[str, Any]


def rows(connection: psycopg.Connection, query: LiteralString, *arguments: object, **named: object) -> list[Row]:
    """What a query returns, as JSON has it: times in ISO 8601 by UTC, intervals as text, numbers as numbers."""
    with connection.transaction():
        connection.execute("SET LOCAL TimeZone = 'UTC'")
        connection.execute("SET LOCAL IntervalStyle = 'postgres'")
        return [
            row[0]
            for row in connection.execute(
                b"SELECT row_to_json(q) FROM (" + query.encode() + b") AS q", named or arguments
            )
        ]
