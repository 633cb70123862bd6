"""Where the statements and the comments of a source are, at any depth: in bodies, and in bodies inside of bodies.

A statement is what a person would call one: an SQL statement, or one of PL/pgSQL's simple ones. What opens a block
(`IF x THEN`, `LOOP`, `BEGIN`) is a statement of its own, without what is in the block. In PL/Python bodies it is a
logical line.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.inputs.lexer import Kind, Token, tokens
from pggit_excellence.scan.inputs.program import Routine, SourceText

if TYPE_CHECKING:
    from tokenize import TokenInfo

# These end a piece where they begin it; THEN and LOOP end one wherever they stand.
_OPENERS = {"begin", "declare", "else", "exception"}
MAX_DEPTH = 50
_END_OF_DATA = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement: characters `start` to `end` (exclusive) of the source."""

    start: int
    end: int


@dataclass(slots=True)
class Comment:
    """One comment with its marks; `applies_to` are the statements that it stands above, in or behind."""

    start: int
    end: int
    text: str
    trailing: bool
    applies_to: list[Piece] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """The statements of one source, sorted by their starts, and its comments."""

    pieces: list[Piece] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)

    def statement(self, offset: int) -> Piece | None:
        """The innermost statement that has this character."""
        for index in range(bisect_right(self.pieces, offset, key=lambda piece: piece.start) - 1, -1, -1):
            if offset < self.pieces[index].end:
                return self.pieces[index]
        return None


def layout(source: SourceText, routines: Iterable[Routine]) -> Layout:
    """The layout of a source that has these routines."""
    result = Layout()
    python = {}
    for routine in routines:
        start = routine.map(0) if routine.map.pieces else -1
        if routine.language.startswith("plpython"):
            python[start] = routine
        elif source.text[start - 1 : start] == "'":  # its quotes are doubled: read it as the server does
            _Region(routine.body, routine.map, result, {}).read(0, len(routine.body))
    _Region(source.text, lambda offset: offset, result, python).read(0, len(source.text))
    result.pieces.sort(key=lambda piece: (piece.start, -piece.end))
    return result


@dataclass(slots=True)
class _Region:
    """Text at one depth: a file, or what stands between dollar quotes. `map` leads to the source's offsets."""

    text: str
    map: Callable[[int], int]
    result: Layout
    python: dict[int, Routine]
    inside: list[Token] = field(default_factory=list)  # the statement being read
    done: list[Piece] = field(default_factory=list)
    waiting: list[Comment] = field(default_factory=list)  # for the statement that follows
    cases: int = 0
    depth: int = 0
    has_data: bool = True  # whether there may be an end of COPY data further on

    def read(self, start: int, end: int) -> None:
        position: int | None = start
        while position is not None:
            position = self.read_up_to_data(position, end)
        self.close()
        self.result.pieces += self.done

    def read_up_to_data(self, start: int, end: int) -> int | None:
        """Read on from `start`; returns where the data of a COPY ... FROM stdin end, None where there are none."""
        for token in tokens(self.text, start, end):
            if token.kind is Kind.COMMENT:
                self.comment(token)
            elif token.kind is not Kind.META:
                self.inside.append(token)
                ends = self.ends(token)
                copies = ends and self.is_word(0, "copy") and self.depth == 0 and self.has_word("stdin")
                if ends:
                    self.close()
                if token.kind is Kind.DOLLAR:
                    self.dollar(token)
                if copies and self.has_data:
                    data = _END_OF_DATA.search(self.text, token.end)
                    self.has_data = data is not None
                    return token.end if data is None else data.end()
        return None

    def has_word(self, word: str) -> bool:
        return any(self.is_word(index, word) for index in range(len(self.inside)))

    def ends(self, token: Token) -> bool:
        """Whether the statement ends with this token. Inside of CASE expressions THEN and ELSE do not count."""
        word = self.text[token.start : token.end].lower()
        first = len(self.inside) == 1
        if token.kind is Kind.WORD and (word, first) == ("case", False):
            self.cases += not self.is_word(-2, "end")  # END CASE; ends a statement
        elif token.kind is Kind.WORD and word == "end" and self.cases:
            self.cases -= 1
        elif word == ";" or (word == ">>" and len(self.inside) == 3 and self.is_word(0, "<<")):
            return True
        elif self.cases == 0 and token.kind is Kind.WORD:
            return (first and word in _OPENERS) or (word in {"then", "loop"} and not self.keeps_going())
        return False

    def keeps_going(self) -> bool:
        """MERGE has THEN in it; END LOOP ends at its semicolon."""
        return self.is_word(0, "merge") or self.is_word(0, "with") or self.is_word(-2, "end")

    def is_word(self, index: int, word: str) -> bool:
        if not -len(self.inside) <= index < len(self.inside):
            return False
        token = self.inside[index]
        return self.text[token.start : token.end].lower() == word

    def close(self) -> None:
        if self.inside:
            piece = Piece(self.map(self.inside[0].start), self.map(self.inside[-1].end - 1) + 1)
            self.done.append(piece)
            for comment in self.waiting:
                comment.applies_to.append(piece)
            self.waiting.clear()
            self.inside.clear()
        self.cases = 0

    def comment(self, token: Token) -> None:
        """Behind a statement it is that one's and those of the same line; else the next one's."""
        line = self.text.rfind("\n", 0, token.start) + 1
        behind = bool(self.text[line : token.start].strip())
        place = self.map(token.start), self.map(token.end - 1) + 1
        comment = Comment(*place, self.text[token.start : token.end], behind)
        self.result.comments.append(comment)
        if behind:
            comment.applies_to += [piece for piece in self.done if piece.end > self.map(line)]
        if self.inside or not comment.applies_to:
            self.waiting.append(comment)

    def dollar(self, token: Token) -> None:
        width = self.text.index("$", token.start + 1) + 1 - token.start
        start, end = token.start + width, token.end - width * token.closed
        routine = self.python.get(self.map(start))
        if routine is None and self.depth < MAX_DEPTH:
            inner = _Region(self.text, self.map, self.result, self.python, depth=self.depth + 1)
            inner.read(start, max(start, end))
        elif routine is not None:
            _read_python(self.text[start:end], self.map(start), self.result)


def _read_python(body: str, start: int, result: Layout) -> None:
    """Logical lines and `#` comments; what is no Python is one statement."""
    import tokenize

    starts = SourceText("", body).line_starts()
    waiting: list[Comment] = []
    first = last = -1
    for token in _python_tokens(body):
        begin, end = (start + starts[line - 1] + column for line, column in (token.start, token.end))
        if token.type == tokenize.COMMENT:
            comment = Comment(begin, end, token.string, first >= 0)
            result.comments.append(comment)
            waiting.append(comment)
        elif token.type == tokenize.NEWLINE and first >= 0:
            piece = Piece(first, last)
            result.pieces.append(piece)
            for comment in waiting:
                comment.applies_to.append(piece)
            waiting.clear()
            first = -1
        elif token.string.strip():
            first, last = (begin if first < 0 else first), end


def _python_tokens(body: str) -> Iterator[TokenInfo]:
    import tokenize

    try:
        yield from tokenize.generate_tokens(io.StringIO(body).readline)
    except (tokenize.TokenError, SyntaxError):
        return
