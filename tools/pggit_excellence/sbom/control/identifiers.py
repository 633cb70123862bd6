"""Names as the server reads them from a list, as in `requires`."""

from __future__ import annotations

# The longest name, in bytes: NAMEDATALEN - 1.
MAX_NAME = 63
_SPACE = b" \t\n\r\f"


class NotAListError(ValueError):
    """Text that is no comma-separated list of names."""


def truncate(name: bytes) -> bytes:
    """The name as a server with UTF-8 keeps it: what fits, no character cut in two."""
    if len(name) <= MAX_NAME:
        return name
    end = length = 0
    while end < len(name):
        length = _character_length(name[end])
        if end + length > MAX_NAME:
            break
        end += length
    return name[:end]


def _character_length(first: int) -> int:
    """How many bytes a character of UTF-8 has that begins with this one."""
    if first & 0xE0 == 0xC0:
        return 2
    if first & 0xF0 == 0xE0:
        return 3
    return 4 if first & 0xF8 == 0xF0 else 1


def split_identifiers(text: bytes) -> list[bytes]:
    """The names of a list: folded to lower case unless in double quotes, cut to what the server keeps."""
    rest = text.lstrip(_SPACE)
    names: list[bytes] = []
    while rest or names:
        name, rest = _first(rest)
        names.append(truncate(name))
        rest = rest.lstrip(_SPACE)
        if not rest:
            break
        if rest[:1] != b",":
            raise NotAListError
        rest = rest[1:].lstrip(_SPACE)
    return names


def _first(text: bytes) -> tuple[bytes, bytes]:
    """The name that the text begins with, and what follows it."""
    if text[:1] == b'"':
        return _quoted(text)
    end = next((i for i, byte in enumerate(text) if byte in b"," + _SPACE), len(text))
    if end == 0:
        raise NotAListError
    return text[:end].lower(), text[end:]


def _quoted(text: bytes) -> tuple[bytes, bytes]:
    position = 1
    while True:
        end = text.find(b'"', position)
        if end < 0:
            raise NotAListError
        if text[end + 1 : end + 2] != b'"':
            return text[1:end].replace(b'""', b'"'), text[end + 1 :]
        position = end + 2
