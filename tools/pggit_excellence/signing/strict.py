"""Texts that others wrote, read in one way only: what two readers could understand differently is refused."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from pggit_excellence.errors import CommandError


def json_object(content: bytes, what: str) -> dict[str, Any]:
    """The JSON object in the content; CommandError for duplicate keys, NaN, bad UTF-8 and everything else."""
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else _first_line(error)
        raise CommandError(f"{what}: not usable JSON: {reason}") from None
    if not isinstance(value, dict):
        raise CommandError(f"{what}: a JSON object is needed, this is a {type(value).__name__}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice in one object")
        found[key] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _first_line(error: ValueError) -> str:
    return str(error).splitlines()[0]


def compact(value: dict[str, Any]) -> bytes:
    """A JSON object on one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def base64_bytes(text: object, what: str, *, url_safe: bool = False) -> bytes:
    """The bytes of padded base64 that could not be written differently; with `url_safe` in that alphabet as well.

    DSSE and the JSON form of protocol buffers leave the alphabet open; a mixture of both is refused.
    """
    if not isinstance(text, str) or not text.isascii():
        raise CommandError(f"{what}: base64 text is needed")
    altchars = b"-_" if url_safe and ("-" in text or "_" in text) else None
    try:
        decoded = base64.b64decode(text, altchars, validate=True)
    except binascii.Error as error:
        raise CommandError(f"{what}: not base64: {error}") from None
    if base64.b64encode(decoded, altchars).decode() != text:
        raise CommandError(f"{what}: not base64 in its one canonical form")
    return decoded


def member(of: dict[str, Any], name: str, kind: type, what: str) -> Any:
    """A member of an object that must be there and of that type."""
    value = of.get(name)
    if not isinstance(value, kind):
        state = "missing" if name not in of else f"a {type(value).__name__}, not a {kind.__name__}"
        raise CommandError(f"{what}: {name} is {state}")
    return value


def only(of: dict[str, Any], known: set[str], what: str) -> None:
    """Refuse members that nobody here would look at."""
    unknown = sorted(of.keys() - known)
    if unknown:
        raise CommandError(f"{what}: unknown member {unknown[0]!r}")
