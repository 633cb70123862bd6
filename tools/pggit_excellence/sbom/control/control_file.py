"""What a control file says of an extension, as PostgreSQL's extension.c reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pggit_excellence.sbom.control.encodings import is_server_encoding
from pggit_excellence.sbom.control.identifiers import NotAListError, split_identifiers
from pggit_excellence.sbom.control.settings import ControlError, Setting, read_settings

# The first version whose control files may say no_relocate.
NO_RELOCATE_SINCE = 16


@dataclass(frozen=True)
class Control:
    """The parameters of an extension, or of one of its versions; bytes that are not UTF-8 are kept as surrogates."""

    directory: str | None = None
    default_version: str | None = None
    module_pathname: str | None = None
    comment: str | None = None
    schema: str | None = None
    relocatable: bool = False
    superuser: bool = True
    trusted: bool = False
    encoding: str | None = None
    requires: tuple[str, ...] = ()
    no_relocate: tuple[str, ...] = ()
    includes: tuple[Setting, ...] = ()


def read_control(path: Path, major: int) -> Control:
    """The parameters in the control file of an extension, for a server of that major version.

    ControlError: the server refuses it; FileNotFoundError: there is none.
    """
    return _apply(Control(), path, major, secondary=False)


def read_version_control(control: Control, path: Path, major: int) -> Control:
    """The parameters of one version: `path` is its `name--version.control`, which need not exist."""
    try:
        return _apply(control, path, major, secondary=True)
    except FileNotFoundError:
        return control


def _apply(control: Control, path: Path, major: int, *, secondary: bool) -> Control:
    settings = read_settings(path)
    values: dict[str, object] = {}
    for item in settings.items:
        if item.name not in _READERS or (item.name == "no_relocate" and major < NO_RELOCATE_SINCE):
            shown = item.name.encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise ControlError(item.path, item.line, f'unrecognized parameter "{shown}"')
        if secondary and item.name in {"directory", "default_version"}:
            message = f'parameter "{item.name}" cannot be set in a secondary extension control file'
            raise ControlError(item.path, item.line, message)
        values[item.name] = _READERS[item.name](item)
    found = replace(control, **values, includes=(*control.includes, *settings.includes))  # type: ignore[arg-type]
    if found.relocatable and found.schema is not None:
        raise ControlError(path, 0, 'parameter "schema" cannot be specified when "relocatable" is true')
    return found


def _text(item: Setting) -> str:
    return item.value.decode(errors="surrogateescape")


def _boolean(item: Setting) -> bool:
    """Any unambiguous beginning of true, false, yes, no, on, off, or 1, 0."""
    text = item.value.lower()
    for word, meaning in ((b"true", True), (b"false", False), (b"yes", True), (b"no", False)):
        if text and word.startswith(text):
            return meaning
    if text in {b"on", b"1"}:
        return True
    if text in {b"of", b"off", b"0"}:
        return False
    raise ControlError(item.path, item.line, f'parameter "{item.name}" requires a Boolean value')


def _encoding(item: Setting) -> str:
    if not is_server_encoding(item.value):
        shown = item.value.decode(errors="backslashreplace")
        raise ControlError(item.path, item.line, f'"{shown}" is not a valid encoding name')
    return _text(item)


def _names(item: Setting) -> tuple[str, ...]:
    try:
        return tuple(name.decode(errors="surrogateescape") for name in split_identifiers(item.value))
    except NotAListError:
        message = f'parameter "{item.name}" must be a list of extension names'
        raise ControlError(item.path, item.line, message) from None


_READERS: dict[str, Callable[[Setting], object]] = {
    "directory": _text,
    "default_version": _text,
    "module_pathname": _text,
    "comment": _text,
    "schema": _text,
    "relocatable": _boolean,
    "superuser": _boolean,
    "trusted": _boolean,
    "encoding": _encoding,
    "requires": _names,
    "no_relocate": _names,
}
