"""CREATE EXTENSION, DROP EXTENSION, and the scripts for psql."""

from __future__ import annotations

import psycopg
import pytest

from conftest import ROOT, MakeDatabase
from pggit_excellence.server import Server


def test_create_and_drop_leave_nothing(plain: psycopg.Connection) -> None:
    plain.execute("DROP EXTENSION pggit_excellence")
    left = plain.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'pggit_excellence'").fetchone()
    assert left == (0,)


def test_foreign_schema_of_our_name_is_refused(server: Server, make_database: MakeDatabase) -> None:
    with server.connect(make_database("empty")) as connection:
        connection.execute("CREATE SCHEMA pggit_excellence")
        with pytest.raises(psycopg.errors.DuplicateSchema, match="exists already") as caught:
            connection.execute("CREATE EXTENSION pggit_excellence")
        assert caught.value.diag.message_hint is not None


@pytest.mark.parametrize("script", ["install.sql", "pggit_performance.sql"])
def test_psql_script(server: Server, make_database: MakeDatabase, script: str) -> None:
    database = make_database("empty")
    server.psql("-f", str(ROOT / "sql" / script), dbname=database)
    with server.connect(database) as connection:
        assert connection.execute("SELECT pggit_excellence.version()").fetchone() == (None,)
