"""A PL/pgSQL body as tokens, and the readers of what its statements share: SQL up to a word, names, INTO targets."""

from __future__ import annotations

from bisect import bisect_left

from pggit_excellence.scan.inputs.lexer import Kind, plain_tokens
from pggit_excellence.scan.inputs.literals import fold
from pggit_excellence.scan.plpgsql.syntax import Sql, Target

_STRINGS = {Kind.STRING, Kind.ESCAPE_STRING, Kind.DOLLAR}
_NAMES = {Kind.WORD, Kind.QUOTED}
STRING = "'"  # what stands for a string constant in TokenReader.words
_MARKS = {**dict.fromkeys(_STRINGS, STRING), Kind.NUMBER: "0"}
# What PL/pgSQL reserves: never a variable unless in quotes.
_RESERVED = (
    "all begin by case declare else end execute for foreach from if in into loop not null or strict then to using when"
    " while"
)
RESERVED = frozenset(_RESERVED.split())


class NotUnderstood(Exception):  # noqa: N818 - no fault of the program: it becomes a NotParsed statement
    """The tokens are no statement of PL/pgSQL; the text says why."""


class TokenReader:
    """The tokens of a body without comments, and where the reading is (`at`).

    `words[i]` is a keyword or identifier folded, a quoted identifier with its opening quote (so that it is no keyword),
    STRING for any string constant, "0" for a number, else the token itself, and '' behind the last one.
    """

    def __init__(self, text: str) -> None:
        """Read all tokens of the text."""
        self.text = text
        self.at = 0
        words: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        names: list[bool] = []
        folded = fold(text)
        for kind, start, end, _ in plain_tokens(text):
            if kind is Kind.WORD:
                words.append(folded[start:end])
            elif kind is Kind.COMMENT:
                continue
            else:
                words.append(_MARKS.get(kind) or text[start:end])
            starts.append(start)
            ends.append(end)
            names.append(kind in _NAMES)
        self._executes = [start for start, word in zip(starts, words, strict=True) if word == "execute"]
        self.words = [*words, "", ""]  # two, as some look one further
        self.starts = [*starts, len(text), len(text)]
        self.ends = [*ends, len(text), len(text)]
        self.names = [*names, False, False]  # whether the token is an identifier or a keyword

    @property
    def word(self) -> str:
        """The token that comes next."""
        return self.words[self.at]

    @property
    def start(self) -> int:
        """The character where the next token begins."""
        return self.starts[self.at]

    @property
    def end(self) -> int:
        """The character behind the token read last."""
        return self.ends[self.at - 1] if self.at else 0

    def accept(self, *words: str) -> bool:
        """Whether these come next, one after the other; read them if so."""
        if self.words[self.at : self.at + len(words)] != list(words):
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these words; NotUnderstood where something else stands."""
        if not self.accept(*words):
            raise NotUnderstood(f"{' '.join(words).upper()} is missing")

    def executes(self, start: int, end: int) -> tuple[int, ...]:
        """Where EXECUTE stands between two characters of the text."""
        found = self._executes
        return tuple(found[bisect_left(found, start) : bisect_left(found, end)])

    def name(self) -> str:
        """Read one identifier and return it folded; also the parameter $1."""
        word = self.words[self.at]
        if not self.names[self.at] and not (word.startswith("$") and word[1:].isdigit()):
            raise NotUnderstood("a name is missing")
        self.at += 1
        return word[1:-1].replace('""', '"') if word.startswith('"') else word

    def dotted(self) -> tuple[tuple[str, ...], int]:
        """Read `a.b.c`: its names, and where it begins."""
        start = self.start
        names = [self.name()]
        while self.word == "." and self.names[self.at + 1]:
            self.at += 1
            names.append(self.name())
        return tuple(names), start

    def targets(self) -> tuple[Target, ...]:
        """Read the variables behind INTO or FOR, separated by commas."""
        found = [Target(*self.dotted())]
        while self.accept(","):
            found.append(Target(*self.dotted()))
        return tuple(found)

    def sql(self, *until: str, expression: bool = True) -> Sql:
        """Read SQL up to one of these words outside of brackets; that word comes next then.

        NotUnderstood where there is none before the semicolon, brackets do not match, or nothing stands before it.
        """
        depth, begin, index = 0, self.at, self.at
        while (word := self.words[index]) not in until or depth:
            if word in {"(", "["}:
                depth += 1
            elif word in {")", "]"}:
                depth -= 1
            if word in {"", ";"} or depth < 0:
                raise NotUnderstood(f"{' or '.join(until).upper()} is missing")
            index += 1
        if index == begin:
            raise NotUnderstood("an expression is missing")
        self.at = index
        return Sql(self.text[self.starts[begin] : self.ends[index - 1]], self.starts[begin], expression)

    def list_of_sql(self, *until: str) -> tuple[Sql, ...]:
        """Read expressions separated by commas up to one of these words."""
        found = [self.sql(",", *until)]
        while self.accept(","):
            found.append(self.sql(",", *until))
        return tuple(found)
