"""An installation of PostgreSQL as its pg_config describes it: the server, every extension, their libraries."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pggit_excellence.errors import CommandError
from pggit_excellence.files import said
from pggit_excellence.sbom.control.extension import Listings, extension_name, read_extension
from pggit_excellence.sbom.hashing import listing_hashes
from pggit_excellence.sbom.model import (
    POSTGRESQL_COPYRIGHT,
    POSTGRESQL_SUPPLIER,
    Component,
    Contact,
    Inventory,
    generic_purl,
    shown,
)
from pggit_excellence.sbom.sources.debian import Owners
from pggit_excellence.sbom.sources.extensions import add_extension, add_file, problem

SYSTEM = "$system"


@dataclass(frozen=True)
class Installation:
    """The folders of an installation, and its version ("15.15")."""

    version: str
    bindir: Path
    sharedir: Path
    pkglibdir: Path

    @property
    def major(self) -> int:
        """Its major version."""
        return int(self.version.split(".")[0])

    def name(self, path: Path) -> str:
        """The path as PostgreSQL's documentation writes it, wherever the installation is."""
        for folder, word in ((self.sharedir, "SHAREDIR"), (self.pkglibdir, "PKGLIBDIR"), (self.bindir, "BINDIR")):
            if path.is_relative_to(folder):
                return f"{word}/{path.relative_to(folder)}"
        return str(path)


def read_pg_config(program: str) -> Installation:
    """Ask pg_config."""

    def ask(option: str) -> str:
        try:
            done = subprocess.run([program, option], capture_output=True, text=True, check=False, timeout=30)
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            raise CommandError(
                f"--pg-config {said(program, error if isinstance(error, OSError) else str(error))}"
            ) from None
        if done.returncode != 0 or not done.stdout.strip():
            raise CommandError(f"--pg-config {said(program, f'{option} says nothing; is it a pg_config?')}")
        return done.stdout.strip()

    found = re.match(r"PostgreSQL (\d+(?:\.\d+)?\S*)", ask("--version"))
    if found is None:
        raise CommandError(f"--pg-config {said(program, 'its --version is not that of a PostgreSQL')}")
    return Installation(found[1], Path(ask("--bindir")), Path(ask("--sharedir")), Path(ask("--pkglibdir")))


def server_component(version: str) -> Component:
    """PostgreSQL itself."""
    purl = generic_purl("postgresql", version)
    return Component(
        ref=purl,
        kind="server",
        type="application",
        name="postgresql",
        version=version,
        purl=purl,
        description="PostgreSQL, the database server",
        licence="PostgreSQL",
        copyright=POSTGRESQL_COPYRIGHT,
        supplier=Contact(POSTGRESQL_SUPPLIER, "security@postgresql.org", "https://www.postgresql.org/"),
        cpe=f"cpe:2.3:a:postgresql:postgresql:{re.sub(r'[^0-9A-Za-z.]', '_', version)}:*:*:*:*:*:*:*",
    )


def read_installation(inventory: Inventory, installation: Installation, control_path: str = SYSTEM) -> None:
    """Add the server and everything that it could load.

    `control_path` is extension_control_path (from 18 on): folders, of which `$system` is the installation's own.
    """
    server = server_component(installation.version)
    for name in ("postgres", "initdb", "pg_config", "psql", "pg_dump"):
        add_file(inventory, server, installation.bindir / name, installation.name)
    server = inventory.lead(server)
    server.evidence.add(("BINDIR/postgres", 0))
    seen: set[str] = set()
    for base in bases(installation, control_path):
        read_folder(inventory, server, base, installation, seen)
    paths = add_libraries(inventory, server, installation)
    server.hashes, server.hashed = listing_hashes(server.files), "sha256sum of its files, by name"
    Owners(paths).add_to(inventory, server)


def bases(installation: Installation, control_path: str) -> list[Path]:
    """The folders that extension_control_path names; their `extension` has the control files."""
    parts = control_path.split(os.pathsep)
    return [installation.sharedir if part in {SYSTEM, ""} else Path(part) for part in parts]


def read_folder(
    inventory: Inventory, server: Component, base: Path, installation: Installation, seen: set[str]
) -> None:
    """The extensions of one folder; those whose name was `seen` are hidden by it."""
    folder = base / "extension"
    listings: Listings = {}
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  # with surrogates for bytes that are not UTF-8
    except OSError as error:
        problem(inventory, server, said(shown(installation.name(folder)), error))
        return
    for file_name in names:
        name = extension_name(file_name)
        if name is None:
            continue
        path = folder / file_name
        if name in seen:
            server.note("hidden", f"{shown(installation.name(path))} is hidden by another folder's")
            continue
        seen.add(name)
        component = add_extension(
            inventory, read_extension(path, base, installation.major, listings), installation.name, installation.major
        )
        server.depends_on.add(component.ref)


def add_libraries(inventory: Inventory, server: Component, installation: Installation) -> dict[str, Path]:
    """Each library as a file of the extension that names it, others as the server's; the path of every file by name."""
    paths = {}
    owned: set[Path] = set()
    for component in inventory.of_kind("extension"):
        for kind, name in sorted(component.needs):
            path = library_path(installation, name) if kind == "module" else None
            if path is not None and path.is_file():
                owned.add(path)
                add_file(inventory, component, path, installation.name)
            elif path is not None:
                problem(inventory, component, f"{component.name}: its library {shown(name)} is missing")
    for path in sorted(installation.pkglibdir.glob("*.so")):
        if path not in owned:
            add_file(inventory, server, path, installation.name)
    roots = {"SHAREDIR": installation.sharedir, "PKGLIBDIR": installation.pkglibdir, "BINDIR": installation.bindir}
    for component in inventory.of_kind("extension", "server"):
        for file in component.files:
            word, _, rest = file.name.partition("/")
            paths[file.name] = roots[word] / rest if word in roots else Path(file.name)
    return paths


def library_path(installation: Installation, name: str) -> Path | None:
    """The file that the server loads for `$libdir/x`, `x` or an absolute name; None: another path."""
    text = name.removeprefix("$libdir/")
    if "\0" in text or ("/" in text and not text.startswith("/")):
        return None
    path = installation.pkglibdir / text
    return path if path.suffix == ".so" or path.is_file() else path.with_name(path.name + ".so")
