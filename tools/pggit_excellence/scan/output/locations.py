"""Offsets as lines and columns, and edits of texts."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import partial
from itertools import islice

from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.program import SourceText
from pggit_excellence.scan.model import Edit

_HUNK = re.compile(r"^@@ -(\d+)(\S*) \+(\d+)(\S*) @@")


@dataclass(slots=True)
class Lines:
    """The lines of one source. A line ends at its newline; a carriage return before it belongs to the line end."""

    source: SourceText
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Find where they begin."""
        self.starts = self.source.line_starts()

    def at(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both counted from 1."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def text(self, line: int) -> str:
        """The line without its end; '' behind the last one."""
        if line > len(self.starts):
            return ""
        end = self.starts[line] if line < len(self.starts) else len(self.source.text)
        return self.source.text[self.starts[line - 1] : end].rstrip("\r\n")


@dataclass(slots=True)
class Locations:
    """The lines of every source, each counted when it is first asked for."""

    sources: dict[str, SourceText]
    _lines: dict[str, Lines] = field(default_factory=dict)

    def __getitem__(self, file: str) -> Lines:
        """The lines of that source; of an empty one where it is not known."""
        if file not in self._lines:
            self._lines[file] = Lines(self.sources.get(file) or SourceText(file, ""))
        return self._lines[file]


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made; they must not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.place.start, reverse=True):
        text = text[: edit.place.start] + edit.text + text[edit.place.end :]
    return text


def diff(lines: Lines, edits: Iterable[Edit], context: int = 0) -> list[str]:
    """The edits of one source as a unified diff; its lines are without their ends.

    Only what is around the edits is compared: comparing whole files would cost more than scanning them.
    """
    from difflib import unified_diff

    name = lines.source.name.lstrip("/")
    result = [f"--- a/{name}", f"+++ b/{name}"]
    moved = 0
    for first, last, inside in _windows(lines, edits, context):
        start = lines.starts[first - 1]
        end = lines.starts[last] if last < len(lines.starts) else len(lines.source.text)
        old = lines.source.text[start:end]
        new = apply(old, [_moved(edit, -start) for edit in inside])
        compared = unified_diff(split_lines(old), split_lines(new), n=context)
        shift = partial(_shift, old=first - 1, new=first - 1 + moved)
        for line in islice(compared, 2, None):
            result.append(_HUNK.sub(shift, line.rstrip("\r\n")))
            if line[:1] in "+- " and not line.endswith("\n"):
                result.append("\\ No newline at end of file")
        moved += new.count("\n") - old.count("\n")
    return result


def _moved(edit: Edit, by: int) -> Edit:
    place = replace(edit.place, start=edit.place.start + by, end=edit.place.end + by)
    return replace(edit, place=place)


def _windows(lines: Lines, edits: Iterable[Edit], context: int) -> list[tuple[int, int, list[Edit]]]:
    """First and last line around edits that are near each other, and those edits."""
    windows: list[tuple[int, int, list[Edit]]] = []
    for edit in sorted(edits, key=lambda edit: edit.place.start):
        first = max(1, lines.at(edit.place.start)[0] - context)
        last = min(len(lines.starts), lines.at(edit.place.end)[0] + context)
        if windows and first <= windows[-1][1] + 1:
            first, _, inside = windows.pop()
            windows.append((first, last, [*inside, edit]))
        else:
            windows.append((first, last, [edit]))
    return windows


def split_lines(text: str) -> list[str]:
    """Lines with their ends, by newlines only."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _shift(match: re.Match[str], old: int, new: int) -> str:
    return f"@@ -{int(match[1]) + old}{match[2]} +{int(match[3]) + new}{match[4]} @@"


def from_here(file: str) -> str:
    """The path relative to the working directory where it is below that, else as it is: what services match with."""
    path = os.path.abspath(file)  # Path.absolute() keeps "..", and resolve() follows links
    here = os.path.relpath(path)
    return path if here.startswith("..") else here
