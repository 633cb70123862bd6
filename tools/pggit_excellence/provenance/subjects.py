"""The files that a statement is about."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from pggit_excellence.errors import CommandError
from pggit_excellence.provenance.statement import leads_out
from pggit_excellence.signing.digests import file_digests
from pggit_excellence.signing.findings import Rejected
from pggit_excellence.signing.strict import member

# Weaker ones prove nothing, others are not known here.
STRONG = ("sha256", "sha384", "sha512")

Subjects = dict[str, dict[str, str]]


def read(said: dict[str, Any], what: str) -> Subjects:
    """Names with their strong digests; Rejected for a name that would be written elsewhere, or without a digest."""
    found: Subjects = {}
    for each in member(said, "subject", list, what):
        if not isinstance(each, dict):
            raise CommandError(f"{what}: a subject is no object")
        name = member(each, "name", str, f"{what}: subject")
        if leads_out(name):
            raise Rejected(f"{what}: the subject {name!r} is not the name of a file below a folder")
        if name in found:
            raise Rejected(f"{what}: the subject {name!r} stands twice")
        digest = member(each, "digest", dict, f"{what}: {name}")
        found[name] = {kind: str(digest[kind]).lower() for kind in STRONG if kind in digest}
        if not found[name]:
            raise Rejected(f"{what}: the subject {name!r} has no digest by {', '.join(STRONG)}")
    if not found:
        raise Rejected(f"{what}: is about nothing: no subject")
    return found


def verify_folder(known: Subjects, directory: Path, what: str) -> list[Path]:
    """Every subject must be below the folder under its name; links that lead out of it are not followed."""
    files = []
    for name, digests in known.items():
        file = directory / PurePosixPath(name)
        try:
            inside = file.resolve().is_relative_to(directory.resolve())
        except (OSError, RuntimeError):
            inside = False
        if not inside:
            raise Rejected(f"{what}: the subject {name!r} leads out of {directory}")
        if not digests.items() <= _digests(file, digests).items():
            raise Rejected(f"{what}: {file} is not the subject {name!r}: other digests")
        files.append(file)
    return files


def verify_file(known: Subjects, file: Path, what: str) -> Path:
    """Some subject must have all its digests from this file, and where one has the file's name, that one.

    A file may be renamed on its way; one that stands in the place of another may not.
    """
    actual = _digests(file, {kind for digests in known.values() for kind in digests})
    same = {name for name, digests in known.items() if digests.items() <= actual.items()}
    named = {name for name in known if name == file.as_posix()}
    named = named or {name for name in known if PurePosixPath(name).name == file.name}
    if not same:
        raise Rejected(f"{what}: not about this {file}: no subject has its digests")
    if named and not named & same:
        raise Rejected(f"{what}: {file} is the subject {min(same)!r}, not {min(named)!r}")
    return file


def _digests(file: Path, algorithms: Iterable[str]) -> dict[str, str]:
    return {kind: digest.hex() for kind, digest in file_digests(file, sorted(algorithms)).items()}
