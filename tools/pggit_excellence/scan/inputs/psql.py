"""What psql reads itself in a script: meta-commands, :variables, the data of COPY FROM stdin; also @extschema@.

None of it is SQL. It is blanked, or replaced by an identifier or literal of equal length, so that every offset stays.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_COMMAND = re.compile(r"\\(;|\\|!|\?|[A-Za-z_+]*)")
# These send what was typed before them, as a semicolon does.
_SENDING = frozenset(
    {";", "g", "gx", "gexec", "gset", "gdesc", "crosstabview", "watch", "bind", "bind_named", "parse", "r", "reset"}
)
_SEPARATOR = re.compile(r"(?<=\s)\\\\(?=\s|\Z)")
_COPY_IN = re.compile(r"\\copy\b.*\bfrom\s+p?stdin\b", re.IGNORECASE)
_END_OF_DATA = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE)
_VARIABLE = re.compile(r""":(?:(?P<raw>\w+)|'(?P<literal>\w+)'|"(?P<identifier>\w+)"|\{\?(?P<test>\w+)\})""")
_EXTENSION_WORD = re.compile(r"@(ext(?:schema(?::[A-Za-z_][\w$]*)?|owner)|[A-Z][A-Z0-9_]*)@")


class MetaCommand(NamedTuple):
    """A meta-command: where it ends, whether it sends the statement before it, and whether psql runs the result."""

    end: int
    sends: bool
    gexec: bool
    reads_data: bool


def meta_command(text: str, start: int, line_end: int) -> MetaCommand:
    r"""The meta-command whose backslash stands at `start`; it ends with its line, or before the separator `\\`."""
    found = _COMMAND.match(text, start)
    name = found.group(1) if found else ""
    if name in {";", "\\"}:
        return MetaCommand(start + 2, name == ";", gexec=False, reads_data=False)
    separator = _SEPARATOR.search(text, start + 1, line_end)
    end = separator.end() if separator else line_end
    return MetaCommand(end, name in _SENDING, name == "gexec", bool(_COPY_IN.match(text, start, line_end)))


def variable(text: str, colon: int) -> tuple[int, str] | None:
    """Where the variable ends whose colon stands there, and what to read instead; None: it is none."""
    found = _VARIABLE.match(text, colon)
    if found is None:
        return None
    if found["raw"] is not None:
        return found.end(), "_" + found["raw"]
    if found["test"] is not None:
        return found.end(), "true".ljust(len(found.group()))
    return found.end(), " " + found.group()[1:]


def data_end(text: str, start: int) -> int:
    r"""Where the data of COPY FROM stdin ends that begin in the line after `start`: behind `\.`."""
    line = text.find("\n", start)
    if line < 0:
        return len(text)
    found = _END_OF_DATA.search(text, line)
    return found.end() if found else len(text)


def replace_extension_words(text: str) -> str:
    """@extschema@, @extschema:name@ and @extowner@ of extension scripts as identifiers, which the server puts there.

    Likewise @NAMESPACE@ and other words in capitals, which programs replace before they run a script.
    """
    if "@" not in text:
        return text
    return _EXTENSION_WORD.sub(lambda found: "_" + found[1].replace(":", "_") + "_", text)
