"""The server's word on control files, and ours: every difference is a line.

The server is a private one whose SHAREDIR/extension holds nothing but the files under test, so each can be asked about
alone: a file that the server refuses makes its views fail for all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from control_cases import Files
from pggit_excellence.sbom.control.control_file import Control
from pggit_excellence.sbom.control.extension import (
    Available,
    Extension,
    available_versions,
    extension_name,
    read_extension,
)
from pggit_excellence.sbom.control.identifiers import truncate
from pggit_excellence.sbom.control.settings import ControlError
from pggit_excellence.sbom.control.versions import update_paths
from pggit_excellence.server import Server, copy_installation

# A list of rows, sorted; None: an error.
Rows = list[tuple[Any, ...]] | None
# textsend() gives the bytes as they are, valid or not.
AVAILABLE = """
SELECT textsend(name::text), textsend(default_version), textsend(comment) FROM pg_available_extensions() ORDER BY 1
"""
VERSIONS = """
SELECT textsend(name::text), textsend(version), superuser, trusted, relocatable, textsend(schema::text),
       ARRAY(SELECT textsend(unnest(requires)::text)), textsend(comment)
FROM pg_available_extension_versions() ORDER BY 1, 2
"""
PATHS = """
SELECT textsend(source), textsend(target), textsend(path) FROM pg_extension_update_paths(%s) ORDER BY 1, 2
"""


@dataclass
class Oracle:
    """A connection to the server, and its folder of extensions, which is ours to fill."""

    connection: psycopg.Connection
    folder: Path
    major: int
    own: Path  # what the installation brought

    def fill(self, files: Files) -> None:
        """Put these files, and no others, into the folder."""
        for entry in os.scandir(self.folder):
            if entry.is_dir():
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()
        for name, content in files.items():
            path = self.folder / os.fsdecode(name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    def rows(self, query: LiteralString, *arguments: object) -> Rows:
        """What the server answers; None where it refuses."""
        try:
            return self.connection.execute(query, arguments or None).fetchall()
        except psycopg.errors.Error:
            if self.connection.closed:
                raise
            return None

    def differences(self) -> Iterator[str]:
        """Where the server and we disagree about what is in the folder."""
        names = sorted(name for path in self.folder.iterdir() if (name := extension_name(path.name)) is not None)
        extensions = [read_extension(self.folder / f"{n}.control", self.folder.parent, self.major) for n in names]
        yield from compare("pg_available_extensions", self.rows(AVAILABLE), available_rows(extensions))
        yield from compare("pg_available_extension_versions", self.rows(VERSIONS), self.version_rows(extensions))
        for extension in extensions:
            view = f"pg_extension_update_paths('{extension.name}')"
            yield from compare(view, self.rows(PATHS, extension.name), path_rows(extension))

    def version_rows(self, extensions: list[Extension]) -> Rows:
        """Ours for pg_available_extension_versions."""
        rows = []
        for extension in extensions:
            try:
                rows += [version_row(extension.name, row) for row in available_versions(extension, self.major)]
            except ControlError:
                return None
        return sorted(rows, key=two)


def two(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What rows are sorted by."""
    return row[:2]


def as_bytes(text: str | None) -> bytes | None:
    """As the server has it."""
    return None if text is None else os.fsencode(text)


def available_rows(extensions: list[Extension]) -> Rows:
    """Ours for pg_available_extensions."""
    controls = [(extension.name, extension.control) for extension in extensions]
    if any(control is None for _, control in controls):
        return None
    return sorted(available_row(name, control) for name, control in controls if control is not None)


def available_row(name: str, control: Control) -> tuple[bytes, bytes | None, bytes | None]:
    """One extension."""
    return truncate(os.fsencode(name)), as_bytes(control.default_version), as_bytes(control.comment)


def path_rows(extension: Extension) -> Rows:
    """Ours for pg_extension_update_paths()."""
    if extension.error is not None:
        return None
    ways = update_paths(extension.versions).items()
    rows = [(as_bytes(a), as_bytes(b), as_bytes(None if way is None else "--".join(way))) for (a, b), way in ways]
    return sorted(rows, key=two)


def version_row(name: str, row: Available) -> tuple[object, ...]:
    """One version."""
    schema = None if row.schema is None else truncate(os.fsencode(row.schema))
    return (
        truncate(os.fsencode(name)),
        os.fsencode(row.version),
        row.superuser,
        row.trusted,
        row.relocatable,
        schema,
        [as_bytes(required) for required in row.requires],
        as_bytes(row.comment),
    )


def compare(view: str, theirs: Rows, ours: Rows) -> Iterator[str]:
    """A line for each row that only one of both has, or for an error."""
    if theirs is None or ours is None:
        if theirs is not ours:
            yield f"{view}: the server {'refuses' if theirs is None else 'accepts'}, we do not; {theirs or ours}"
        return
    yield from (f"{view}: only the server: {row}" for row in theirs if row not in ours)
    yield from (f"{view}: only we: {row}" for row in ours if row not in theirs)


@contextlib.contextmanager
def oracle(major: int, workspace: Path) -> Iterator[Oracle]:
    """A server of that major with an empty folder of extensions."""
    installation = copy_installation(major, workspace)
    with Server(installation, workspace / f"oracle-{major}") as server, server.connect() as connection:
        folder = installation.sharedir / "extension"
        own = folder.rename(folder.with_name("own"))
        folder.mkdir()
        folder.chmod(0o755)
        yield Oracle(connection, folder, major, own)
