"""Fixtures: one private server for the whole run, one fresh database for each test that asks.

pytest --pg-major 18        which installation (default 15, or what the distribution has)
pytest --long               the tests of `tools/run long` as well
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from pggit_excellence.server import Installation, Server, copy_installation, default_major, make_install, workspace

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
DEFAULT_MAJOR = default_major()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pg-major", type=int, default=DEFAULT_MAJOR, help="PostgreSQL major version")
    parser.addoption("--long", action="store_true", help="run what takes too long for every push as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `once` run on the default major only, those marked `long` where they are asked for.

    Files marked `early` come first, then those with many tests: a worker that begins a long file last lets others wait.
    """
    marks = set() if config.getoption("--pg-major") == DEFAULT_MAJOR else {"once"}
    marks |= set() if config.getoption("--long") else {"long"}
    left_out = {item for item in items if any(item.get_closest_marker(mark) for mark in marks)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.get_closest_marker("early") is None, -tests[item.path], item.path))


@pytest.fixture(scope="session")
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """A private PostgreSQL installation that has the extension."""
    with workspace() as folder:
        copy = copy_installation(request.config.getoption("--pg-major"), folder)
        make_install(copy, ROOT)
        yield copy


@pytest.fixture(scope="session")
def server(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running server with pg_stat_statements loaded."""
    settings = {
        "shared_preload_libraries": "pg_stat_statements",
        "jit": "off",  # compiling costs more than the tests' queries; what needs it off says so itself
        "track_functions": "all",
        "track_io_timing": "on",
        "max_prepared_transactions": "10",
        "wal_level": "logical",
    }
    if request.config.getoption("--long"):
        settings["max_connections"] = "300"  # for a fleet of 200 databases
    with workspace() as folder, Server(installation, folder / "server", settings) as running:
        yield running


@pytest.fixture(scope="session")
def dump_programs(server: Server) -> dict[str, Path]:
    """pg_dump and pg_restore that suit the server."""
    found = {name: server.installation.program(name) for name in ("pg_dump", "pg_restore")}
    programs = {name: path for name, path in found.items() if path is not None}
    if programs.keys() != found.keys():
        pytest.skip(f"no pg_dump here is as new as the server ({server.installation.source})")
    return programs


@pytest.fixture(scope="session")
def template_databases(server: Server) -> dict[str, str]:
    """Databases to copy: `plain` has the extension alone, `pggit` the stand-in first and then the extension."""
    for name in ("plain", "pggit"):
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
    server.psql("-f", str(FIXTURES / "pggit_standin.sql"), dbname="pggit")
    for name in ("plain", "pggit"):
        server.psql("-c", "CREATE EXTENSION pggit_excellence", dbname=name)
    return {"plain": "plain", "pggit": "pggit", "empty": "template0"}


MakeDatabase = Callable[[str], str]


def flush_statistics(connection: psycopg.Connection) -> None:
    """Make what this session did so far visible in pg_stat_*.

    Before 15 sessions report twice a second at most, and read what is up to half a second old. They report in order:
    when a scan made now is visible, the rest is too. No session reports inside a transaction.
    """
    if connection.info.server_version >= 150000:
        connection.execute("SELECT pg_stat_force_next_flush()")
    if connection.info.server_version >= 150000 or connection.info.transaction_status != TransactionStatus.IDLE:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        return

    def seen() -> int:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        row = connection.execute("SELECT pg_stat_get_numscans('pg_foreign_server'::regclass)").fetchone()
        assert row is not None
        return int(row[0])

    # After a reset the count starts again, so the longest time that it may take counts as well.
    before, deadline = seen(), time.monotonic() + 1.1
    connection.execute("SELECT count(*) FROM pg_foreign_server WHERE srvtype IS NULL")
    while seen() <= before and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.fixture(scope="session")
def database_numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def make_database(
    server: Server, template_databases: dict[str, str], database_numbers: Iterator[int]
) -> Iterator[MakeDatabase]:
    """A function that makes a fresh database from `plain`, `pggit` or `empty` and returns its name."""
    made: list[str] = []

    def make(kind: str) -> str:
        name = f"test_{next(database_numbers)}"
        with server.connect() as connection:
            # Copying files is the only way before 15, and the faster one from then on.
            strategy = " STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_databases[kind]}{strategy}")
        made.append(name)
        return name

    yield make
    with server.connect() as connection:
        for name in made:
            with contextlib.suppress(psycopg.errors.InvalidCatalogName):
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def plain(server: Server, make_database: MakeDatabase) -> Iterator[psycopg.Connection]:
    """A connection to a fresh database that has the extension and no pgGit."""
    with server.connect(make_database("plain")) as connection:
        yield connection


@pytest.fixture
def pggit(server: Server, make_database: MakeDatabase) -> Iterator[psycopg.Connection]:
    """A connection to a fresh database that has the stand-in pgGit and the extension."""
    with server.connect(make_database("pggit")) as connection:
        yield connection
