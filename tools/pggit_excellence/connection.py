"""Connections of the commands, every failure one line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import LiteralString

import psycopg
from psycopg import conninfo

from pggit_excellence.errors import CommandError

CONNECT_SECONDS = 10


def one_line(error: psycopg.Error) -> str:
    """What the server said, with its hint."""
    text = error.diag.message_primary or " ".join(str(error).split())
    return f"{text} ({error.diag.message_hint})" if error.diag.message_hint else text


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
            yield connection
    except psycopg.OperationalError as error:
        raise CommandError(one_line(error)) from None


def value(connection: psycopg.Connection, query: LiteralString, *arguments: object) -> object:
    """The first column of the first row; None without a row."""
    row = connection.execute(query, arguments or None).fetchone()
    return row[0] if row else None
