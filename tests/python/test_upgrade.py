"""An updated extension is the freshly installed one: same members, bodies, privileges, comments, columns and so on.

tests/upgrade/snapshot.sql says what "same" covers. While there are few releases, a made-up pair of versions keeps the
comparison honest: its right update passes, and each part that is left out of it is seen.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import assemble
from conftest import ROOT, MakeDatabase
from pggit_excellence.server import Server

SNAPSHOT = (ROOT / "tests/upgrade/snapshot.sql").read_text(encoding="utf-8")
Snapshot = set[tuple[str, str, str]]


def snapshot(connection: psycopg.Connection, extension: str = assemble.CORE) -> Snapshot:
    """(object, property, value) of everything that belongs to the extension."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = pg_catalog")
        rows = connection.execute(SNAPSHOT.encode(), {"extension": extension}).fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


def installed(server: Server, database: str, *statements: str, extension: str = assemble.CORE) -> Snapshot:
    """The snapshot after these statements in an empty database."""
    with server.connect(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        return snapshot(connection, extension)


def create(version: str, extension: str = assemble.CORE) -> str:
    return f"CREATE EXTENSION {extension} VERSION '{version}' CASCADE"


def update(version: str, extension: str = assemble.CORE) -> str:
    return f"ALTER EXTENSION {extension} UPDATE TO '{version}'"


@pytest.mark.parametrize("extension", [assemble.CORE, assemble.COMPANION])
def test_every_path_ends_in_a_fresh_install(server: Server, make_database: MakeDatabase, extension: str) -> None:
    """Every version that the server can update from, one step or several, core and companion."""
    if extension == assemble.COMPANION and not server.installation.has_extension("plpython3u"):
        pytest.skip("no PL/Python")
    current = assemble.version()
    with server.connect() as connection:
        query = "SELECT source FROM pg_extension_update_paths(%s) WHERE target = %s AND path IS NOT NULL"
        sources = [row[0] for row in connection.execute(query, (extension, current))]
    released = {
        path.stem.removeprefix(f"{extension}--") for path in (ROOT / "sql/releases").glob(f"{extension}--*.sql")
    }
    released = {version for version in released if "--" not in version}
    assert released - {current} <= set(sources), "a release that cannot be updated from"
    fresh = installed(server, make_database("empty"), create(current, extension), extension=extension)
    for source in sources:
        # The companion's update wants the core of its own version.
        before = [] if extension == assemble.CORE else [update(current)]
        steps = [create(source), *before, create(source, extension)] if before else [create(source)]
        steps.append(update(current, extension))
        updated = installed(server, make_database("empty"), *steps, extension=extension)
        assert updated ^ fresh == set(), source


def test_replaying_the_privileges_changes_nothing(plain: psycopg.Connection) -> None:
    """An update script runs them again."""
    before = snapshot(plain)
    plain.execute("SELECT pggit_excellence.grant_privileges()")
    assert snapshot(plain) ^ before == set()


@pytest.mark.once
def test_releases_are_immutable() -> None:
    """sql/releases/SHA256SUMS names every released script, and each is what it was."""
    assert checksum_problems(ROOT / "sql/releases") == []


@pytest.mark.once
def test_a_changed_release_is_seen(tmp_path: Path) -> None:
    script = tmp_path / "pggit_excellence--0.0.1.sql"
    script.write_text("SELECT 1;\n", encoding="utf-8")
    assert checksum_problems(tmp_path) == [f"{script.name} is not in SHA256SUMS"]
    digest = hashlib.sha256(script.read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  {script.name}\n{digest}  gone.sql\n", encoding="utf-8")
    assert checksum_problems(tmp_path) == ["gone.sql is missing"]
    script.write_text("SELECT 2;\n", encoding="utf-8")
    assert checksum_problems(tmp_path) == ["gone.sql is missing", f"{script.name} was changed"]


def checksum_problems(folder: Path) -> list[str]:
    """What SHA256SUMS and the scripts in the folder disagree about."""
    sums = folder / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    wanted = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.sql")}
    return sorted(
        [f"{name} is not in SHA256SUMS" for name in found.keys() - wanted.keys()]
        + [f"{name} is missing" for name in wanted.keys() - found.keys()]
        + [f"{name} was changed" for name in wanted.keys() & found.keys() if wanted[name] != found[name]]
    )


# The made-up pair. What each version has on top of the tree as it is:
OLD, NEW = "0.0.8", "0.0.9"
OLD_TABLE = """
CREATE TABLE pggit_excellence.zz_probe (id int PRIMARY KEY, kept text);
COMMENT ON TABLE pggit_excellence.zz_probe IS 'Old.';
"""
NEW_TABLE = """
CREATE TABLE pggit_excellence.zz_probe (
    id    int PRIMARY KEY,
    kept  text,
    added numeric(5, 2) NOT NULL DEFAULT 0 CONSTRAINT zz_positive CHECK (added >= 0)
);
CREATE INDEX zz_probe_added ON pggit_excellence.zz_probe (added);
COMMENT ON TABLE pggit_excellence.zz_probe IS 'New.';
COMMENT ON COLUMN pggit_excellence.zz_probe.added IS 'Added.';
CREATE TABLE pggit_excellence.zz_second (id bigint GENERATED ALWAYS AS IDENTITY);
"""
DELTA = """
ALTER TABLE pggit_excellence.zz_probe
    ADD COLUMN added numeric(5, 2) NOT NULL DEFAULT 0 CONSTRAINT zz_positive CHECK (added >= 0);
CREATE INDEX zz_probe_added ON pggit_excellence.zz_probe (added);
COMMENT ON TABLE pggit_excellence.zz_probe IS 'New.';
COMMENT ON COLUMN pggit_excellence.zz_probe.added IS 'Added.';
CREATE TABLE pggit_excellence.zz_second (id bigint GENERATED ALWAYS AS IDENTITY);
DROP FUNCTION pggit_excellence.zz_gone();
"""


def function(name: str, body: str) -> str:
    return (
        f"CREATE FUNCTION pggit_excellence.{name}() RETURNS int LANGUAGE sql STABLE\n"
        f"SET search_path = pg_catalog, pg_temp\nAS $body$ {body} $body$;\n"
        f"COMMENT ON FUNCTION pggit_excellence.{name}() IS 'Probe {body}.';\n"
    )


# What an author may forget or get wrong: the text of the update script, what stands there instead, and what of the
# snapshot shows it.
PROBE = "table pggit_excellence.zz_probe"
SECTION = r"-- >>> sql/{}(.|\n)*?(?=-- >>>|\Z)"
OMISSIONS = {
    "column": (r"ALTER TABLE pggit_excellence.zz_probe(.|\n)*Added.';\n", "", f"{PROBE} column added"),
    "column comment": (r"COMMENT ON COLUMN .*zz_probe.added .*\n", "", f"{PROBE} column added"),
    "column type": (r"numeric\(5, 2\)", "numeric", f"{PROBE} column added"),
    "default": (r"DEFAULT 0", "DEFAULT 1", f"{PROBE} column added"),
    "table comment": (r"COMMENT ON TABLE pggit_excellence.zz_probe .*\n", "", PROBE),
    "constraint": (r" CONSTRAINT zz_positive CHECK \(added >= 0\)", "", f"{PROBE} constraint zz_positive"),
    "constraint's condition": (r"added >= 0", "added >= -1", f"{PROBE} constraint zz_positive"),
    "index": (r"CREATE INDEX zz_probe_added .*\n", "", f"{PROBE} index zz_probe_added"),
    "index's columns": (r"zz_probe \(added\)", "zz_probe (kept)", f"{PROBE} index zz_probe_added"),
    "table": (r"CREATE TABLE .*zz_second .*\n", "", "table pggit_excellence.zz_second"),
    "privileges": (r"SELECT pggit_excellence.grant_privileges\(links => false\);\n", "", "table pggit_excellence.zz_second"),
    "rows for pg_dump": (SECTION.format("90_privileges/zz_apply.sql"), "", "extension"),
    "new body": (SECTION.format("00_core/zz_probe.sql"), "", "function pggit_excellence.zz_probe()"),
    "volatility": (r"(zz_probe\(\) .*) STABLE", r"\1 VOLATILE", "function pggit_excellence.zz_probe()"),
    "new function": (SECTION.format("00_core/zz_new.sql"), "", "function pggit_excellence.zz_new()"),
    "old function": (r"DROP FUNCTION .*\n", "", "function pggit_excellence.zz_gone()"),
}


def set_version(tree: Path, version: str) -> None:
    for name in (assemble.CORE, assemble.COMPANION):
        control = tree / f"{name}.control"
        text = control.read_text(encoding="utf-8")
        control.write_text(re.sub(r"default_version = '.*'", f"default_version = '{version}'", text), encoding="utf-8")


@pytest.fixture(scope="module")
def pair(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The scripts of the pair, by name; the server can install them while the test runs."""
    tree = tmp_path_factory.mktemp("pair")
    for part in ("sql", "plpython"):
        if (ROOT / part).exists():
            shutil.copytree(ROOT / part, tree / part)
    for control in ROOT.glob("*.control"):
        shutil.copy(control, tree)
    core, releases = tree / "sql/00_core", tree / "sql/releases"
    tables = (core / "tables.sql").read_text(encoding="utf-8")
    releases.mkdir(exist_ok=True)

    set_version(tree, OLD)
    (core / "tables.sql").write_text(tables + OLD_TABLE, encoding="utf-8")
    (core / "zz_probe.sql").write_text(function("zz_probe", "SELECT 1"), encoding="utf-8")
    (core / "zz_gone.sql").write_text(function("zz_gone", "SELECT 1"), encoding="utf-8")
    old = assemble.scripts(tree)
    for name, text in old.items():
        assemble.write(releases / name, text)

    set_version(tree, NEW)
    (core / "tables.sql").write_text(tables + NEW_TABLE, encoding="utf-8")
    (core / "zz_probe.sql").write_text(function("zz_probe", "SELECT 2"), encoding="utf-8")
    (core / "zz_new.sql").write_text(function("zz_new", "SELECT 1"), encoding="utf-8")
    (core / "zz_gone.sql").unlink()
    (tree / "sql/updates").mkdir(exist_ok=True)
    (tree / f"sql/updates/{OLD}--{NEW}.sql").write_text(DELTA, encoding="utf-8")
    scripts = old | assemble.scripts(tree)
    folder = server.installation.sharedir / "extension"
    for name, text in scripts.items():
        assemble.write(folder / name, text)
    yield scripts
    for name in scripts:
        (folder / name).unlink()


@pytest.fixture(scope="module")
def fresh(server: Server, pair: dict[str, str]) -> Snapshot:
    """The new version of the pair, freshly installed."""
    assert f"{assemble.CORE}--{NEW}.sql" in pair
    with server.connect() as connection:
        connection.execute("CREATE DATABASE pair_fresh TEMPLATE template0")
    return installed(server, "pair_fresh", create(NEW))


def test_the_right_update_is_a_fresh_install(server: Server, make_database: MakeDatabase, fresh: Snapshot) -> None:
    old = installed(server, make_database("empty"), create(OLD))
    updated = installed(server, make_database("empty"), create(OLD), update(NEW))
    assert updated ^ fresh == set()
    assert old ^ fresh != set()


@pytest.mark.once
@pytest.mark.parametrize("omission", OMISSIONS)
def test_what_an_update_forgets_is_seen(
    server: Server, make_database: MakeDatabase, pair: dict[str, str], fresh: Snapshot, omission: str
) -> None:
    pattern, replacement, where = OMISSIONS[omission]
    name = f"{assemble.CORE}--{OLD}--{NEW}.sql"
    incomplete, count = re.subn(pattern, replacement, pair[name], count=1)
    assert count == 1
    script = server.installation.sharedir / "extension" / name
    assemble.write(script, incomplete)
    try:
        updated = installed(server, make_database("empty"), create(OLD), update(NEW))
    finally:
        assemble.write(script, pair[name])
    differences = updated ^ fresh
    assert [row for row in differences if row[0].endswith(where)], differences
    assert omission != "column comment" or {row[1] for row in differences} == {"comment"}
