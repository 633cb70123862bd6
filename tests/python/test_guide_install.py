"""The statements of docs/guides/INSTALL.md do what the guide says, in its order."""

from __future__ import annotations

import re

import psycopg

from conftest import ROOT, MakeDatabase
from pggit_excellence.server import Server


def test_the_statements_of_the_guide(server: Server, make_database: MakeDatabase) -> None:
    guide = (ROOT / "docs/guides/INSTALL.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    statements = [statement.strip() for block in blocks for statement in block.split(";") if statement.strip()]
    assert [statement.split()[0] for statement in statements] == ["CREATE", "SELECT", "SELECT", "ALTER", "DROP", "DROP"]
    answers = []
    with server.connect(make_database("empty")) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
            answers += cursor.fetchall() if cursor.description else []
        version = answers[0][0]
        assert answers == [(version,), (version, version)]
        assert connection.execute("SELECT to_regnamespace('pggit_excellence')").fetchone() == (None,)


def test_psql_needs_create_on_the_database_only(server: Server, make_database: MakeDatabase) -> None:
    database = make_database("empty")
    with server.connect(database) as connection:
        connection.execute("CREATE ROLE zz_owner LOGIN")
        connection.execute(f"GRANT CREATE ON DATABASE {database} TO zz_owner".encode())
    try:
        server.psql("-f", str(ROOT / "sql/install.sql"), "-U", "zz_owner", dbname=database)
        with server.connect(database, user="zz_owner") as connection:
            assert connection.execute("SELECT pggit_excellence.version()").fetchone() == (None,)
            connection.execute("DROP SCHEMA pggit_excellence CASCADE")
    finally:
        with server.connect() as connection:
            connection.execute(
                psycopg.sql.SQL("REVOKE ALL ON DATABASE {} FROM zz_owner").format(psycopg.sql.Identifier(database))
            )
            connection.execute("DROP ROLE zz_owner")
