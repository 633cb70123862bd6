"""Work that is done once, or again and again until SIGTERM, on a new connection each time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import psycopg
from psycopg import errors

from pggit_excellence.connection import connect, one_line, value
from pggit_excellence.errors import CommandError
from pggit_excellence.slo.durations import duration
from pggit_excellence.stopping import stop_event

Work = Callable[[psycopg.Connection], int]


def add_every(parser: argparse.ArgumentParser) -> None:
    """The option --every."""
    parser.add_argument(
        "--every",
        type=duration,
        metavar="TIME",
        help="again at this interval, until SIGTERM (for example 1m)",
    )


def work_on(dsn: str, work: Work) -> int:
    """The exit status of the work on a new connection; what the server refuses is one line."""
    with connect(dsn) as connection:
        require_extension(connection)
        try:
            return work(connection)
        except errors.UndefinedFunction as error:
            raise CommandError(
                f"this pggit_excellence is older than the command: {error.diag.message_primary}"
                " (ALTER EXTENSION pggit_excellence UPDATE;)"
            ) from None
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise CommandError(one_line(error)) from None


def require_extension(connection: psycopg.Connection) -> None:
    """The extension must be here and usable."""
    usage = value(
        connection, "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = 'pggit_excellence'"
    )
    if usage is None:
        raise CommandError("pggit_excellence is not in this database (CREATE EXTENSION pggit_excellence;)")
    if not usage:
        role = value(connection, "SELECT quote_ident(current_user)")
        raise CommandError(f"{role} may not use schema pggit_excellence (GRANT pg_monitor TO {role};)")


def repeat(options: argparse.Namespace, work: Work) -> int:
    """Once, or at the interval `options.every`: a failure then is one line and the next turn tries again."""
    if options.every is None:
        return work_on(options.dsn, work)
    status = 0
    with stop_event() as stop:
        while True:
            try:
                status = work_on(options.dsn, work)
            except CommandError as error:
                print(f"{options.program}: {error}", file=sys.stderr, flush=True)
            if stop.wait(options.every):
                return status
