"""The settings of a control file, in their order, with what its include directives bring.

Include directives work in control files as in postgresql.conf. Nobody needs them there, and whoever can plant one makes
the server read, or the reader of its errors see, another file: each is kept as a finding. Files outside of the folder
of the control file are not opened here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pggit_excellence.sbom.control.lexer import Kind, Token, tokens, unquote

MAX_DEPTH = 10
MAX_BYTES = 8 * 2**20
_NAMES = (Kind.NAME, Kind.QUALIFIED_NAME)
_VALUES = (Kind.NAME, Kind.STRING, Kind.INTEGER, Kind.REAL, Kind.UNQUOTED_STRING)
_INCLUDES = ("include", "include_if_exists", "include_dir")


class ControlError(Exception):
    """A control file that the server refuses; the message says what is wrong, `path` and `line` where."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        """`line` is 0 where it is about the file as a whole."""
        super().__init__(message)
        self.path = path
        self.line = line


@dataclass(frozen=True)
class Setting:
    """One `name = value`."""

    name: str
    value: bytes
    path: Path
    line: int


@dataclass
class Settings:
    """What a control file and its includes say. `includes` are the directives themselves."""

    items: list[Setting] = field(default_factory=list)
    includes: list[Setting] = field(default_factory=list)


def read_settings(path: Path) -> Settings:
    """The settings of a control file. ControlError: the server would refuse it; FileNotFoundError: there is none."""
    settings = Settings()
    _read(path, settings, path.parent, 0)
    return settings


def _read(path: Path, settings: Settings, folder: Path, depth: int) -> None:
    for item in _lines(path, _content(path)):
        if item.name.lower() not in _INCLUDES:
            settings.items.append(item)
            continue
        settings.includes.append(item)
        for included in _included(item, folder, depth + 1):
            _read(included, settings, folder, depth + 1)


def _content(path: Path) -> bytes:
    try:
        if not path.is_file() and path.exists():
            raise ControlError(path, 0, "not a regular file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ControlError(path, 0, (error.strerror or str(error)).lower()) from None
    if len(content) > MAX_BYTES:
        raise ControlError(path, 0, f"larger than {MAX_BYTES} bytes, which no control file is")
    return content


def _lines(path: Path, content: bytes) -> list[Setting]:
    found: list[Setting] = []
    line: list[Token] = []
    for token in tokens(content):
        if token.kind not in {Kind.END_OF_LINE, Kind.END_OF_FILE}:
            line.append(token)
        elif line:
            found.append(_setting(path, line))
            line = []
    return found


def _setting(path: Path, line: list[Token]) -> Setting:
    """`name [=] value` and nothing else."""
    name = line[0]
    rest = line[2:] if len(line) > 1 and line[1].kind is Kind.EQUALS else line[1:]
    if name.kind not in _NAMES or len(rest) != 1 or rest[0].kind not in _VALUES:
        wrong = next((token for token in (*rest[1:], *rest, name) if token.text), name)
        near = wrong.text[:40].decode(errors="backslashreplace")
        raise ControlError(path, name.line, f'syntax error near "{near}"')
    value = unquote(rest[0].text) if rest[0].kind is Kind.STRING else rest[0].text
    return Setting(name.text.decode(errors="surrogateescape"), value, path, name.line)


def _included(item: Setting, folder: Path, depth: int) -> list[Path]:
    """The files that the directive names; none where it allows for their absence."""
    directive = item.name.lower()
    if not item.value.strip(b" \t\r\n"):
        raise ControlError(item.path, item.line, f"{directive} of an empty name")
    if depth > MAX_DEPTH:
        raise ControlError(item.path, item.line, f"{directive}: nested more than {MAX_DEPTH} deep")
    target = Path(os.path.normpath(item.path.parent / os.fsdecode(item.value)))
    if not Path(os.path.realpath(target)).is_relative_to(os.path.realpath(folder)):
        raise ControlError(item.path, item.line, f"{directive} of a file outside of {folder}, which is not read")
    if directive == "include_dir":
        return _configuration_files(item, target)
    if target == item.path:
        raise ControlError(item.path, item.line, f"{directive} of the file itself")
    if not target.exists():
        if directive == "include_if_exists":
            return []
        raise ControlError(item.path, item.line, f"{directive}: no such file")
    return [target]


def _configuration_files(item: Setting, folder: Path) -> list[Path]:
    try:
        names = os.listdir(os.fsencode(folder))  # noqa: PTH208  # as bytes, whatever the locale
    except OSError as error:
        raise ControlError(item.path, item.line, f"include_dir: {(error.strerror or str(error)).lower()}") from None
    wanted = sorted(name for name in names if name.endswith(b".conf") and len(name) > 5 and name[:1] != b".")
    return [path for path in (folder / os.fsdecode(name) for name in wanted) if not path.is_dir()]
