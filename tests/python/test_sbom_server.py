"""`pggit-excellence sbom` of an installation and of a running server: every extension, and what is wrong with them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pggit_excellence.cli import main
from pggit_excellence.sbom.control.extension import extension_name
from pggit_excellence.sbom.sources import debian
from pggit_excellence.sbom.vex import all_components
from pggit_excellence.server import Installation, Server, copy_installation, workspace

Document = dict[str, Any]
# What 14 ships for languages that no installation has any more.
_PL = r" needs (?:extension|language) pl\w+, which is not there|: its library \$libdir/\w+_plpython2 is missing"


@pytest.fixture(scope="module")
def copy(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """An installation to break."""
    with workspace() as folder:
        yield copy_installation(request.config.getoption("--pg-major"), folder)


def make(path: Path, *arguments: str) -> Document:
    """The BOM. The wheel's PostgreSQL 18 lacks languages that its extensions need: nothing else may be wrong."""
    status = main(["sbom", *arguments, "--output", str(path)])
    document: Document = json.loads(path.read_bytes())
    missing = [line for line in problems(document) if re.search(_PL, line)]
    assert problems(document) == missing
    assert status == (1 if missing else 0)
    return document


def problems(document: Document) -> list[str]:
    properties = document["metadata"].get("properties", [])
    return [one["value"] for one in properties if one["name"] == "pggit_excellence:problem"]


def aggregates(document: Document) -> set[str]:
    return {one["aggregate"] for one in document["compositions"]}


def by_name(document: Document) -> dict[str, Document]:
    return {one["name"]: one for one in all_components(document) if one["type"] != "file"}


def names(installation: Installation) -> set[str]:
    folder = installation.sharedir / "extension"
    return {name for path in folder.iterdir() if (name := extension_name(path.name)) is not None}


def test_every_extension_of_an_installation(copy: Installation, tmp_path: Path) -> None:
    document = make(tmp_path / "bom.json", "--pg-config", str(copy.pg_config))
    assert names(copy) <= by_name(document).keys()
    assert document["metadata"]["component"]["version"].startswith(str(copy.major))
    files = {one["name"]: one for one in all_components(document) if one["type"] == "file"}
    assert {"SHAREDIR/extension/hstore.control", "PKGLIBDIR/hstore.so"} <= files.keys()
    assert files["PKGLIBDIR/hstore.so"]["bom-ref"].startswith("pkg:generic/hstore@")
    assert aggregates(document) == ({"complete", "incomplete"} if problems(document) else {"complete"})
    assert str(copy.sharedir) not in json.dumps(document)


def test_dependencies_agree_with_the_server(server: Server, plain: psycopg.Connection, tmp_path: Path) -> None:
    query = """SELECT e.name::text, coalesce(v.requires::text[], '{}') FROM pg_available_extensions AS e
               JOIN pg_available_extension_versions AS v ON v.name = e.name AND v.version = e.default_version"""
    wanted = {name: set(requires) for name, requires in plain.execute(query).fetchall()}
    for options in (["--pg-config", str(server.installation.pg_config)], ["--dsn", plain.info.dsn]):
        document = make(tmp_path / "bom.json", *options)
        known = {one["bom-ref"]: one["name"] for one in all_components(document)}
        depends = {known[one["ref"]]: {known[other] for other in one["dependsOn"]} for one in document["dependencies"]}
        assert {name for name in wanted if not wanted[name] <= depends[name]} == set()
        assert wanted["earthdistance"] == depends["earthdistance"] == {"cube"}


def test_a_server_says_what_is_installed_and_preloaded(plain: psycopg.Connection, tmp_path: Path) -> None:
    found = by_name(make(tmp_path / "bom.json", "--dsn", plain.info.dsn))

    def said(name: str) -> dict[str, str]:
        return {one["name"].partition(":")[2]: one["value"] for one in found[name]["properties"]}

    assert said("pggit_excellence")["extension:installed_version"] == "0.1.0"
    assert said("plpgsql")["extension:installed_version"] == "1.0"
    assert said("pg_stat_statements")["preloaded"] == "shared_preload_libraries"
    assert "extension:installed_version" not in said("hstore")


def test_sources_are_merged(server: Server, plain: psycopg.Connection, tmp_path: Path) -> None:
    tree = tmp_path / "thing"
    tree.mkdir()
    (tree / "thing.control").write_text("default_version = '1'\nrequires = 'hstore'\n")
    (tree / "thing--1.sql").write_text("CREATE EXTENSION cube;")
    sources = [str(tree), "--pg-config", str(server.installation.pg_config), "--dsn", plain.info.dsn]
    document = make(tmp_path / "bom.json", *sources)
    listed = [one["name"] for one in all_components(document) if one.get("purl", "").startswith("pkg:generic/hstore@")]
    assert listed == ["hstore"]
    assert document["metadata"]["component"]["name"] == "thing"
    assert aggregates(document) == ({"complete", "incomplete"} if problems(document) else {"complete"})


BROKEN = {
    "a missing library": ("lib", "its library"),
    "a missing script": ("script", "no script installs version"),
    "a broken control file": ("control", "syntax error"),
    "a missing requirement": ("requires", "needs extension nobody, which is not there"),
}


@pytest.mark.once
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_never_complete(
    copy: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    what, message = BROKEN[kind]
    folder = copy.sharedir / "extension"
    library = next(path for base in (copy.bindir.parent,) for path in base.rglob("hstore.so"))
    path = {"lib": library, "script": folder / "citext--1.4.sql"}.get(what, folder / "cube.control")
    content = path.read_bytes()
    try:
        if what in {"lib", "script"}:
            path.unlink()
        else:
            path.write_bytes(b"comment = 'x" if what == "control" else content + b"\nrequires = 'nobody'\n")
        output = tmp_path / "bom.json"
        assert main(["sbom", "--pg-config", str(copy.pg_config), "--output", str(output)]) == 1
    finally:
        path.write_bytes(content)
    document: Document = json.loads(output.read_bytes())
    assert message in capsys.readouterr().err
    incomplete = [
        ref for one in document["compositions"] if one["aggregate"] == "incomplete" for ref in one["assemblies"]
    ]
    assert document["metadata"]["component"]["bom-ref"] in incomplete
    assert len(incomplete) > 1


def test_extension_control_path(copy: Installation, tmp_path: Path) -> None:
    other = tmp_path / "more"
    (other / "extension").mkdir(parents=True)
    (other / "extension" / "elsewhere.control").write_text("default_version = '1'\n")
    (other / "extension" / "elsewhere--1.sql").touch()
    (other / "extension" / "hstore.control").write_text("default_version = 'hidden'\n")
    folders = f"$system{os.pathsep}{other}"
    options = ["--pg-config", str(copy.pg_config), "--extension-control-path", folders]
    found = by_name(make(tmp_path / "bom.json", *options))
    assert found["elsewhere"]["version"] == "1"
    assert found["hstore"]["version"] != "hidden"


@pytest.mark.once
def test_debian_packages_are_the_parents(tmp_path: Path) -> None:
    program = Path("/usr/lib/postgresql/15/bin/pg_config")
    if not program.exists() or not debian.INFO.exists():
        pytest.skip("PostgreSQL 15 of Debian is not here")
    document = make(tmp_path / "bom.json", "--pg-config", str(program))
    package = next(one for one in document["components"] if one["name"] == "postgresql-15")
    assert package["purl"].startswith("pkg:deb/debian/postgresql-15@15.")
    assert {"hstore", "pgcrypto", "plpgsql"} <= {one["name"] for one in package["components"]}
    assert package["licenses"] == [{"license": {"id": "PostgreSQL"}}]
