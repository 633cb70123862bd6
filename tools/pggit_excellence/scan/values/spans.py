"""Where the parts of an expression end: libpg_query says only where they begin."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache

from pggit_excellence.scan.inputs.lexer import WORD_START

Span = tuple[int, int]

_TOKEN = re.compile(
    rf"""(?P<skip>--[^\n]*|/\*.*?\*/|\s+)
    |(?P<text>[eE]'(?:[^'\\]|''|\\.)*'?|(?:[uU]&)?(?:'(?:[^']|'')*'?|"(?:[^"]|"")*"?)
        |\$(?P<tag>{WORD_START}\w*|)\$.*?(?:\$(?P=tag)\$|\Z))
    |(?P<word>{WORD_START}[\w$]*|\d[\w.]*|\$\d+)
    |(?P<open>[(\[])|(?P<close>[)\]])|(?P<comma>,)|(?P<end>;)
    |(?P<tight>::|:=|=>|[.:])
    |(?P<operator>[-+*/<>=~!@\#%^&|`?]+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
# Words that cannot stand inside an operand of ||.
_STOPS = frozenset(
    [
        "and",
        "as",
        "asc",
        "between",
        "desc",
        "else",
        "end",
        "except",
        "fetch",
        "for",
        "from",
        "group",
        "having",
        "ilike",
        "in",
        "intersect",
        "into",
        "is",
        "isnull",
        "like",
        "limit",
        "not",
        "notnull",
        "offset",
        "on",
        "or",
        "order",
        "over",
        "similar",
        "then",
        "union",
        "using",
        "when",
        "where",
        "window",
    ]
)
_ARITHMETIC = frozenset("+-*/%^")


class Spans:
    """The tokens of one text."""

    def __init__(self, text: str) -> None:
        """Read the text; brackets that do not match are left alone."""
        self.text = text
        self.tokens = [
            (match.start(), match.end(), match.lastgroup or "other")
            for match in map(_named, _TOKEN.finditer(text))
            if match.lastgroup != "skip"
        ]
        self.starts = [start for start, _, _ in self.tokens]

    def literal(self, start: int) -> str:
        """The string constant as written at `start`, '' where there is none."""
        index = bisect_left(self.starts, start)
        if index < len(self.tokens) and self.tokens[index][0] == start and self.tokens[index][2] in {"text", "tag"}:
            return self.text[start : self.tokens[index][1]]
        return ""

    def arguments(self, start: int) -> list[Span]:
        """The arguments in the first brackets behind `start`, as written (without blanks around them)."""
        index = bisect_left(self.starts, start)
        while index < len(self.tokens) and self.tokens[index][2] != "open":
            index += 1
        found: list[Span] = []
        depth, first = 0, index + 1
        for position in range(index, len(self.tokens)):
            kind = self.tokens[position][2]
            depth += (kind == "open") - (kind == "close")
            if depth == 0 or (depth == 1 and kind == "comma"):
                if position > first:
                    found.append((self.tokens[first][0], self.tokens[position - 1][1]))
                first = position + 1
            if depth == 0:
                break
        return found

    def before(self, start: int, operator: int) -> Span:
        """The operand from `start` up to the operator at `operator`."""
        index = bisect_left(self.starts, operator)
        return self._balanced(bisect_left(self.starts, start), index)

    def after(self, operator: int) -> Span:
        """The operand behind the operator at `operator`."""
        first = bisect_right(self.starts, operator)
        depth, position = 0, first
        while position < len(self.tokens):
            start, end, kind = self.tokens[position]
            word = self.text[start:end].lower() if kind == "word" else ""
            if kind == "open" or word == "case":
                depth += 1
            elif (kind == "close" or word == "end") and depth > 0:
                depth -= 1
            elif depth == 0 and self._stops(kind, word, self.text[start:end]):
                break
            position += 1
        return self._balanced(first, position)

    @staticmethod
    def _stops(kind: str, word: str, text: str) -> bool:
        if kind == "operator":
            return text not in _ARITHMETIC
        return kind in {"close", "comma", "end"} or word in _STOPS

    def _balanced(self, first: int, last: int) -> Span:
        """The tokens from `first` to `last` (exclusive) without brackets at the ends that have no partner in them."""
        while first < last:
            depth = lowest = 0
            for _, _, kind in self.tokens[first:last]:
                depth += (kind == "open") - (kind == "close")
                lowest = min(lowest, depth)
            if lowest < 0 and self.tokens[last - 1][2] == "close":
                last -= 1
            elif depth > 0 and self.tokens[first][2] == "open":
                first += 1
            else:
                break
        if first >= last:
            at = self.starts[first] if first < len(self.starts) else len(self.text)
            return at, at
        return self.tokens[first][0], self.tokens[last - 1][1]


def _named(match: re.Match[str]) -> re.Match[str]:
    return match


@lru_cache(maxsize=512)
def spans_of(text: str) -> Spans:
    """The tokens of a text, kept for the next question."""
    return Spans(text)
