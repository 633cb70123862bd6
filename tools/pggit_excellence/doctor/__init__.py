"""`pggit-excellence doctor`: is everything in place, and what to do where it is not."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import psycopg
from rich.table import Table
from rich.text import Text

from pggit_excellence.connection import connect, one_line, value
from pggit_excellence.errors import EXIT_CLEAN, EXIT_FINDINGS
from pggit_excellence.output import console, plain, print_json

OLDEST, NEWEST = 14, 18
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@dataclass(frozen=True)
class Check:
    """One line: `status` is ok, warn or fail; `advice` says what to do, None: nothing."""

    name: str
    status: str
    finding: str
    advice: str | None = None


def server(connection: psycopg.Connection) -> Iterator[Check]:
    """Whether the server's version is one that we support."""
    version = str(value(connection, "SELECT current_setting('server_version')"))
    major = connection.info.server_version // 10000
    name = f"PostgreSQL {version}"
    if major < OLDEST:
        yield Check("server", "fail", name, f"Upgrade PostgreSQL: {OLDEST} to {NEWEST} are supported.")
    elif major > NEWEST:
        yield Check("server", "warn", name, f"Newer than what was tested: {OLDEST} to {NEWEST}.")
    else:
        yield Check("server", "ok", name)


def extension(connection: psycopg.Connection) -> Iterator[Check]:
    """Installed, by which way, and whether the files of a newer version are there."""
    installed = value(connection, "SELECT extversion FROM pg_extension WHERE extname = 'pggit_excellence'")
    available = value(connection, "SELECT default_version FROM pg_available_extensions WHERE name = 'pggit_excellence'")
    if installed is None and value(connection, "SELECT to_regnamespace('pggit_excellence') IS NOT NULL"):
        yield Check("extension", "ok", "installed with psql, which keeps no version")
    elif installed is None and available is None:
        advice = "Run make install on the server, or psql -f sql/install.sql where that is not possible."
        yield Check("extension", "fail", "its files are not on the server", advice)
    elif installed is None:
        yield Check("extension", "fail", "not in this database", "CREATE EXTENSION pggit_excellence;")
    elif available not in (None, installed):
        finding = f"version {installed}; the server has the files of {available}"
        yield Check("extension", "warn", finding, "ALTER EXTENSION pggit_excellence UPDATE;")
    else:
        yield Check("extension", "ok", f"version {installed}")


def tracking(connection: psycopg.Connection) -> Iterator[Check]:
    """Whether pgGit is here, and each of its event triggers enabled."""
    # to_regclass would refuse a role without USAGE on the schema.
    found = value(
        connection,
        "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'pggit' AND c.relname IN ('objects', 'history')",
    )
    if found != 2:
        finding = "not in this database" if found == 0 else "half installed: pggit.objects or pggit.history is missing"
        yield Check(
            "pgGit", "warn" if found == 0 else "fail", finding, "Name the schemas to look at, or install pgGit."
        )
        return
    yield Check("pgGit", "ok", "installed")
    query = """
        SELECT quote_ident(e.evtname), e.evtenabled::text
        FROM pg_event_trigger AS e
        JOIN pg_proc AS p ON p.oid = e.evtfoid
        JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = 'pggit' ORDER BY 1"""
    triggers = connection.execute(query).fetchall()
    if not triggers:
        yield Check("pgGit triggers", "fail", "none: DDL is not recorded", "Run pgGit's installation again.")
    for name, enabled in triggers:
        if enabled == "D":
            advice = f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS;"
            yield Check("pgGit triggers", "fail", f"{name} is disabled: DDL is not recorded", advice)
        elif enabled == "R":
            yield Check(
                "pgGit triggers", "fail", f"{name} fires in replicas only", f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS;"
            )
        else:
            yield Check("pgGit triggers", "ok", f"{name} is enabled{' always' if enabled == 'A' else ''}")


def statements(connection: psycopg.Connection) -> Iterator[Check]:
    """Whether pg_stat_statements is here and answers."""
    query = """
        SELECT format('SELECT 1 FROM %I.pg_stat_statements LIMIT 1', n.nspname)
        FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'pg_stat_statements'"""
    probe = value(connection, query)
    if probe is None:
        advice = "Add it to shared_preload_libraries, restart, CREATE EXTENSION pg_stat_statements;"
        yield Check("pg_stat_statements", "warn", "not in this database: no statement diagnostics", advice)
        return
    try:
        connection.execute(str(probe).encode())
    except psycopg.Error as error:
        yield Check("pg_stat_statements", "warn", one_line(error), "Add it to shared_preload_libraries and restart.")
    else:
        yield Check("pg_stat_statements", "ok", "answers")


def companion(connection: psycopg.Connection) -> Iterator[Check]:
    """Whether the PL/Python helpers are here."""
    query = "SELECT extversion FROM pg_extension WHERE extname = 'pggit_excellence_plpython3u'"
    version = value(connection, query)
    if version is None:
        advice = "Optional, for what SQL cannot see of the host: CREATE EXTENSION pggit_excellence_plpython3u CASCADE;"
        yield Check("PL/Python companion", "warn", "not in this database", advice)
    else:
        yield Check("PL/Python companion", "ok", f"version {version}")


def role(connection: psycopg.Connection) -> Iterator[Check]:
    """What the current role may see."""
    name = str(value(connection, "SELECT quote_ident(current_user)"))
    usage = value(
        connection, "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = 'pggit_excellence'"
    )
    if usage is False:
        finding = f"{name} may not use schema pggit_excellence"
        yield Check("role", "fail", finding, f"GRANT pg_monitor TO {name};")
    elif value(connection, "SELECT pg_has_role(current_user, 'pg_monitor', 'USAGE')"):
        yield Check("role", "ok", f"{name} sees everything")
    else:
        finding = f"{name} does not see the statements and sessions of others"
        yield Check("role", "warn", finding, f"GRANT pg_monitor TO {name};")


CHECKS: list[Callable[[psycopg.Connection], Iterator[Check]]] = [
    server,
    extension,
    tracking,
    statements,
    companion,
    role,
]


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def run(options: argparse.Namespace) -> int:
    """Print each check; 1 when one failed."""
    with connect(options.dsn) as connection:
        checks = [check for examine in CHECKS for check in examine(connection)]
    failed = any(check.status == "fail" for check in checks)
    if options.format == "json":
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        print_text(checks)
    return EXIT_FINDINGS if failed else EXIT_CLEAN


def print_text(checks: list[Check]) -> None:
    """For each check its status and finding, and below it what to do."""
    lines = Table.grid(padding=(0, 1, 0, 0))
    lines.add_column(width=4)
    lines.add_column(overflow="fold")
    for check in checks:
        lines.add_row(Text(check.status, style=STYLES[check.status]), plain(f"{check.name}: {check.finding}"))
        if check.advice:
            lines.add_row("", plain(check.advice))
    console().print(lines)
