"""What the user names, as texts: files, folders, standard input, what changed since a revision.

Offsets count the characters of the decoded text, in which a byte order mark and CRLF stay what they are. A file that is
not UTF-8 is read as Latin-1, one character for each byte, and a note says so: all SQL syntax is ASCII, so its structure
is the same in every encoding that a PostgreSQL server can have.

Names are texts here: to import pathlib takes as long as to read a hundred files.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from pggit_excellence.errors import CommandError
from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.inputs.program import SourceText

STDIN = "-"
SUFFIX = ".sql"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(slots=True)
class Inputs:
    """What was read. `problems` are lines about what could not be, `notes` about what was read with a reserve."""

    sources: list[SourceText] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encodings: dict[str, str] = field(default_factory=dict)  # utf-8 or latin-1, by the name of the source


def read(
    paths: Sequence[str], changed_since: str | None = None, excluded: Callable[[str], bool] = lambda _: False
) -> Inputs:
    """The files among `paths`, the .sql files below its folders, and standard input for `-`; each file once.

    With `changed_since` only those that differ from where the current branch left that revision, and untracked ones.
    Those `excluded` by name are not opened.
    CommandError: the revision or git itself is missing.
    """
    inputs = Inputs()
    changed = None if changed_since is None else _changed_files(paths, changed_since)
    seen: set[str] = set()
    real_folder: Callable[[str], str] = cache(os.path.realpath)  # of this call: the working directory may change
    for path in paths:
        if path == STDIN:
            _read_standard_input(inputs)
            continue
        if not path:
            inputs.problems.append("an empty name is no file")
            continue
        for name in _files(normal(path), inputs.problems):
            real = _real(name, real_folder)
            if real in seen or (changed is not None and real not in changed) or excluded(name):
                continue
            seen.add(real)
            _read_file(inputs, name)
    return inputs


def normal(path: str) -> str:
    """Without what means nothing in it; `..` stays, as it may follow a link."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return ("/" if path.startswith("/") else "") + "/".join(parts) or "."


def _real(name: str, real_folder: Callable[[str], str]) -> str:
    """The path of the file by no link."""
    if os.path.islink(name):
        return os.path.realpath(name)
    folder, file = os.path.split(name)
    return os.path.join(real_folder(folder), file)


def _read_standard_input(inputs: Inputs) -> None:
    if sys.stdin is None:
        inputs.problems.append("standard input: is closed")
        return
    try:
        content = sys.stdin.buffer.read()
    except OSError as error:
        inputs.problems.append(_problem("standard input", error))
        return
    _add(inputs, STDIN, content)


def _files(path: str, problems: list[str]) -> Iterator[str]:
    """The file itself, or the .sql files in the folder and below, sorted; what cannot be listed becomes a problem."""
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        problems.append(_problem(path, error))
        return
    if not is_folder:
        yield path
        return

    def failed(error: OSError) -> None:
        problems.append(_problem(normal(error.filename or path), error))

    entered = {os.path.realpath(path)}
    for folder, names, files in os.walk(path, onerror=failed, followlinks=True):
        names[:] = sorted(name for name in names if name != ".git" and _enter(os.path.join(folder, name), entered))
        found = sorted(name for name in files if name.lower().endswith(SUFFIX))
        yield from (normal(os.path.join(folder, name)) for name in found)


def _enter(folder: str, entered: set[str]) -> bool:
    """Whether the folder was not entered before by another way: links may lead back."""
    real = os.path.realpath(folder)
    if real in entered:
        return False
    entered.add(real)
    return True


def _problem(path: str, error: OSError) -> str:
    return f"{path}: {(error.strerror or str(error)).lower()}"


def _read_file(inputs: Inputs, path: str) -> None:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would keep us waiting
            inputs.problems.append(f"{path}: not a regular file; pipe it in and name - instead")
            return
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        inputs.problems.append(_problem(path, error))
        return
    _add(inputs, path, content)


def _add(inputs: Inputs, name: str, content: bytes) -> None:
    shown = "standard input" if name == STDIN else name
    if content.startswith(_UTF_16):
        inputs.problems.append(f"{shown}: is UTF-16 or UTF-32, which no PostgreSQL server reads; convert it to UTF-8")
        return
    if b"\0" in content:
        inputs.problems.append(f"{shown}: is binary (byte {content.index(0) + 1} is zero)")
        return
    encoding = "utf-8"
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        encoding = "latin-1"
        text = content.decode(encoding)
        inputs.notes.append(f"{shown}: byte {error.start + 1} is not UTF-8; read as Latin-1")
    inputs.encodings[name] = encoding
    inputs.sources.append(SourceText(name, text))


def _changed_files(paths: Sequence[str], revision: str) -> set[str]:
    """The real paths of the files that differ from the merge base with the revision, or that git does not know."""
    changed: set[str] = set()
    for top in _repositories(paths):
        base = _git(
            top, "merge-base", "--end-of-options", revision, "HEAD", fails=f"no common history with {revision!r}"
        )
        listed = _git(top, "diff", "--name-only", "-z", "--diff-filter=d", base.strip())
        listed += _git(top, "ls-files", "--others", "--exclude-standard", "-z")
        changed |= {os.path.realpath(os.path.join(top, name)) for name in listed.split("\0") if name}
    return changed


def _repositories(paths: Sequence[str]) -> set[str]:
    """The top folders of the work trees in which the paths lie."""
    found = set()
    for path in (normal(path) for path in paths if path not in {"", STDIN}):
        folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
        if os.path.isdir(folder):
            top = _git(folder, "rev-parse", "--show-toplevel", fails=f"{folder} is in no git work tree")
            found.add(top.removesuffix("\n"))
    return found


def _git(folder: str, *arguments: str, fails: str = "") -> str:
    """What git prints; CommandError with `fails`, or what git says, where it fails."""
    import subprocess

    command = ["git", "-C", folder, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, errors="surrogateescape")
    except OSError as error:
        raise CommandError(f"--changed-since needs git: {(error.strerror or str(error)).lower()}") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split()).removeprefix("fatal: ")
        raise CommandError(f"--changed-since: {fails}{f' ({said})' if fails and said else said}")
    return done.stdout
