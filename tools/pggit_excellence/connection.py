"""Connections of the commands, every failure one line."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import LiteralString

import psycopg
from psycopg import conninfo
from psycopg.abc import Buffer
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

from pggit_excellence.errors import CommandError

CONNECT_SECONDS = 10


def one_line(error: psycopg.Error) -> str:
    """What the server said, with its hint."""
    text = error.diag.message_primary or " ".join(str(error).split())
    return f"{text} ({error.diag.message_hint})" if error.diag.message_hint else text


class AnyText(TextLoader):
    """Text in which bytes that are none are U+FFFD: names of roles that were made in a database of another encoding."""

    def load(self, data: Buffer) -> str | bytes:
        """Decoded; as it is where the connection has no encoding."""
        return bytes(data).decode(self._encoding, "replace") if self._encoding else bytes(data)


def take_any_text(connection: psycopg.Connection) -> None:
    """The connection returns text and JSON whatever bytes are in them."""
    for name in ("text", "name"):
        connection.adapters.register_loader(name, AnyText)
    set_json_loads(
        lambda data: json.loads(data if isinstance(data, str) else data.decode("utf-8", "replace")), connection
    )


@contextlib.contextmanager
def connect(dsn: str) -> Iterator[psycopg.Connection]:
    """An autocommit connection whose transaction() blocks are read-only.

    `dsn`, and for what it does not say libpq's environment, service file and .pgpass.
    """
    try:
        wanted = conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise CommandError(f"--dsn: {one_line(error)}") from None
    wanted.setdefault("fallback_application_name", "pggit-excellence")
    if "PGCONNECT_TIMEOUT" not in os.environ:
        wanted.setdefault("connect_timeout", CONNECT_SECONDS)
    try:
        connection = psycopg.connect(conninfo.make_conninfo("", **wanted), autocommit=True)
    except psycopg.Error as error:
        raise CommandError(one_line(error)) from None
    try:
        with connection:
            connection.read_only = True
            take_any_text(connection)
            yield connection
    except psycopg.OperationalError as error:
        raise CommandError(one_line(error)) from None


def value(connection: psycopg.Connection, query: LiteralString, *arguments: object) -> object:
    """The first column of the first row; None without a row."""
    row = connection.execute(query, arguments or None).fetchone()
    return row[0] if row else None
