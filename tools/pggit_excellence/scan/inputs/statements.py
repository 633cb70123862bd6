"""A script as its statements, each found whatever is wrong with the others.

A statement ends where psql ends it: at a semicolon outside of parentheses and of BEGIN ATOMIC, or at a meta-command
that sends it. Where a quote, a parenthesis or a semicolon is missing, a statement swallows those behind it. It then
holds a line that begins like a statement, and is no SQL as a whole: it is cut there, and reading goes on there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.inputs import psql
from pggit_excellence.scan.inputs.lexer import WORD_INSIDE, Kind, Token, tokens

# Lines that begin a statement, with the line break before them, which is found fast. Only what creates code may be
# indented: bodies have lines that begin with other verbs.
_BEGINS = re.compile(
    r"\n(?=[ \t]*+[ACDGR])(?:(?:CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT[ \t]+ON)\b"
    r"|[ \t]*(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b|DO\s*(?:\$|'|LANGUAGE\b)))",
    re.IGNORECASE,
)
DOLLAR_TAG = re.compile(r"\$(?:[A-Za-z_]\w*)?\$")
# What may follow a routine's body: words and values without a quote, up to the semicolon.
_OPTIONS = (
    r"(?P<options>\s*(?:\b(?:LANGUAGE|SECURITY|IMMUTABLE|STABLE|VOLATILE|STRICT|PARALLEL|COST|ROWS|SET)\b[^;$]*)?)"
    r"(?:;|\Z)"
)
_FILLER = r"(?:[ \t\n\r\f\v]++|--[^\n\r]*+)*+"
_QUOTED = r"(?<![A-Za-z_&])'(?:[^']++|'')*+'|(?<!&)\"(?:[^\"]++|\"\")*+\""
# A statement in which nothing needs a second look, read at once, as almost all are: a dump has millions. Up to a dollar
# quote or to the end, and from there on likewise.
_CODE = rf"(?P<code>(?:{_FILLER}(?:[^'\"$\\;:/\-]++|{_QUOTED}|::|[/\-](?![*\-])))*+){_FILLER}"
_PLAIN = re.compile(rf"{_FILLER}(?=[A-Za-z]){_CODE}(?=[$;])")
_PLAIN_REST = re.compile(_CODE)
_PLAIN_TAG = re.compile(rf"(?<!{WORD_INSIDE})\$(?:[A-Za-z_]\w*+)?\$", re.ASCII)
_NO_CODE = re.compile(r"'(?:[^']++|'')*+'|\"(?:[^\"]++|\"\")*+\"|--[^\n\r]*+")
# Words that count for where a statement ends, or for what is in it.
_LOADED = ("begin", "case", "copy", "end", "execute")
_LOADED_WORD = re.compile(rf"(?<![^\W\d])(?:{'|'.join(_LOADED)})\b")
_HEAD_WORDS = 6
_WORD = re.compile(f"{WORD_INSIDE}++")
_BYTE_ORDER_MARK = "\ufeff"
# How many times the length of the script may be read again after cuts; then every line that begins a statement cuts.
_PATIENCE = 4


@dataclass(frozen=True, slots=True)
class Statement:
    r"""Characters `start` to `end` (exclusive) of the script, without the semicolon and the comments before it.

    `text` is as long: what psql reads itself is blanked or replaced in it. `head` are its first words in lower case.
    `executes` are the offsets of its EXECUTE keywords outside of quotes, `gexec` that of its \gexec.
    """

    start: int
    end: int
    text: str
    head: tuple[str, ...]
    executes: tuple[int, ...] = ()
    gexec: int | None = None
    closed: bool = True  # every quote, comment and parenthesis in it ends
    following: int = 0  # where the next statement may begin
    cut: bool = False  # it is what stands before a line that begins another statement
    comments: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class _Reader:
    """Reads one statement from `position`; `end` is where the script ends for it."""

    script: str
    position: int
    end: int
    first: int = -1
    last: int = -1
    parentheses: int = 0
    brackets: int = 0
    blocks: int = 0
    head: list[str] = field(default_factory=list)
    replacements: list[tuple[int, int, str]] = field(default_factory=list)
    executes: list[int] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    gexec: int | None = None
    closed: bool = True

    def read(self) -> Statement | None:
        """The statement; None where nothing but comments and meta-commands is left."""
        while self.position < self.end and not self.read_tokens():
            pass
        if self.first < 0:
            return None
        return Statement(
            self.first,
            self.last,
            self.text(),
            tuple(self.head),
            tuple(self.executes),
            self.gexec,
            self.closed and self.parentheses == 0,
            self.position,
            comments=tuple(self.comments),
        )

    def read_tokens(self) -> bool:
        """Read up to the end of the statement (True), or to where the lexer has to start anew."""
        script = self.script
        for token in tokens(script, self.position, self.end):
            kind, start, end, closed = token
            self.position = end
            self.closed &= closed
            if kind is Kind.COMMENT and closed:
                self.comments.append((start, end))
                continue
            if kind is Kind.META:
                return self.meta(token)
            if kind is Kind.PUNCTUATION:
                character = script[start:end]
                if character == ";" and self.parentheses <= 0 and self.blocks == 0:
                    return self.semicolon()
                if character == ":" and self.variable(start):
                    return False
                self.count(character)
            elif kind is Kind.WORD:
                self.word(script[start:end], start)
            if self.first < 0:
                self.first = start
            self.last = end
        self.position = self.end
        return True

    def meta(self, token: Token) -> bool:
        command = psql.meta_command(self.script, token.start, token.end)
        self.replacements.append((token.start, command.end, " " * (command.end - token.start)))
        self.position = psql.data_end(self.script, command.end) if command.reads_data else command.end
        if command.gexec and self.first >= 0:
            self.gexec = token.start
        return command.sends and self.first >= 0

    def semicolon(self) -> bool:
        words = self.head
        if words[:1] == ["copy"] and "stdin" in self.script[self.first : self.position].lower():
            self.position = psql.data_end(self.script, self.position)
        return self.first >= 0

    def variable(self, colon: int) -> bool:
        found = psql.variable(self.script, colon)
        if found is None or (self.brackets and self.script[colon + 1] not in "'\"{"):
            return False
        end, replacement = found
        self.replacements.append((colon, end, replacement))
        self.first = colon if self.first < 0 else self.first
        self.position = self.last = end
        return True

    def count(self, character: str) -> None:
        if character == "(":
            self.parentheses += 1
        elif character == ")":
            self.parentheses -= 1
        elif character == "[":
            self.brackets += 1
        elif character == "]":
            self.brackets -= 1

    def word(self, text: str, start: int) -> None:
        if len(self.head) < _HEAD_WORDS:
            self.head.append(text.lower())
        if len(text) in {3, 4, 5} and self.parentheses <= 0 and creates_routine(self.head):
            self.block(text.lower())
        elif len(text) == 7 and text.lower() == "execute":
            self.executes.append(start)

    def block(self, word: str) -> None:
        if word == "begin" or (word == "case" and self.blocks):
            self.blocks += 1
        elif word == "end" and self.blocks:
            self.blocks -= 1

    def text(self) -> str:
        pieces, done = [], self.first
        for start, end, replacement in self.replacements:
            if self.first <= start < self.last:
                pieces += [self.script[done:start], replacement]
                done = end
        return ("".join(pieces) + self.script[done : self.last])[: self.last - self.first]


def creates_routine(head: list[str] | tuple[str, ...]) -> bool:
    """Whether the statement that begins with these words is CREATE [OR REPLACE] FUNCTION or PROCEDURE."""
    if not head or head[0] != "create":
        return False
    rest = head[3:4] if tuple(head[1:3]) == ("or", "replace") else head[1:2]
    return bool(rest) and rest[0] in {"function", "procedure"}


def is_routine(head: tuple[str, ...]) -> bool:
    """Whether it is CREATE FUNCTION, CREATE PROCEDURE or DO."""
    return creates_routine(head) or head[:1] == ("do",)


def statements(script: str, accepted: Callable[[Statement], bool]) -> Iterator[Statement]:
    """The statements of the script in order.

    `accepted` says whether a statement is understood as a whole. It is asked about those that make a routine, and about
    those in which another one seems to begin.
    """
    begins = [found.start() + 1 for found in _BEGINS.finditer(script)]
    position = 1 if script.startswith(_BYTE_ORDER_MARK) else 0
    patience, index = _PATIENCE * len(script), 0
    while True:
        while index < len(begins) and begins[index] <= position:
            index += 1
        limit = len(script) if patience > 0 or index == len(begins) else begins[index]
        found = _plain(script, position, limit) or _Reader(script, position, limit).read()
        if found is None and limit == len(script):
            return
        if found is None:
            position = limit
            continue
        cut = _first_cut(found, begins, index)
        routine = is_routine(found.head)
        if (cut is not None or routine) and not accepted(found):
            if cut is not None:
                patience -= found.following - cut
                found = _cut(found, cut)
            if routine:
                index = bisect_right(begins, found.start)
                found = _whole_routine(script, found, begins[index] if index < len(begins) else len(script))
        yield found
        position = found.following


def _plain(script: str, position: int, end: int) -> Statement | None:
    """The statement that begins there, if nothing in it needs a second look."""
    begun = rest = _PLAIN.match(script, position, end)
    code = ""
    while rest is not None:
        code += " " + rest["code"]
        tag = _PLAIN_TAG.match(script, rest.end(), end)
        if tag is None:
            break
        closing = script.find(tag[0], tag.end(), end)
        rest = _PLAIN_REST.match(script, closing + len(tag[0]), end) if closing >= 0 else None
    if begun is None or rest is None or not script.startswith(";", rest.end(), end):
        return None
    code = _NO_CODE.sub(" ", code).lower()
    head = _head(code)
    loaded = any(map(code.__contains__, _LOADED)) and _LOADED_WORD.search(code) is not None
    if head is None or loaded or code.count("(") != code.count(")"):
        return None
    start = begun.start("code")
    text = script[start : rest.end("code")].rstrip(" \t\n\r\f\v")
    return Statement(start, start + len(text), text, head, following=rest.end() + 1)


def _head(code: str) -> tuple[str, ...] | None:
    """The first words of text without quotes; None where one of them may be the end of a number."""
    head: list[str] = []
    for found in _WORD.finditer(code):
        word = found.group()
        if word[0] > "9":
            head.append(word)
            if len(head) == _HEAD_WORDS:
                break
        elif not word.isdigit() or code.startswith(".", found.end()):
            return None
    return tuple(head)


def _first_cut(statement: Statement, begins: list[int], index: int) -> int | None:
    """Where the first line in it stands that begins a statement, comments apart."""
    for begin in begins[index:]:
        if begin >= statement.following:
            return None
        if begin > statement.start and not any(start <= begin < end for start, end in statement.comments):
            return begin
    return None


def _cut(statement: Statement, end: int) -> Statement:
    """What of the statement stands before `end`; reading goes on there."""
    text = statement.text[: end - statement.start].rstrip()
    executes = tuple(offset for offset in statement.executes if offset < end)
    closed = all(token.closed for token in tokens(text))
    return Statement(
        statement.start, statement.start + len(text), text, statement.head, executes, None, closed, end, cut=True
    )


def _whole_routine(script: str, statement: Statement, limit: int) -> Statement:
    """The routine up to what seems to close its body, before `limit`: a semicolon within the body may have ended it."""
    opening = DOLLAR_TAG.search(script, statement.start, limit)
    if opening is None:
        return statement
    closing = closing_tag(script, opening.group(), opening.start(), limit)
    if closing is None:
        return statement
    end = closing.end("options")
    text = script[statement.start : end]
    return Statement(statement.start, end, text, statement.head, closed=False, following=closing.end(), cut=True)


def closing_tag(script: str, tag: str, start: int, limit: int) -> re.Match[str] | None:
    """The last tag between the two that only options follow, up to a semicolon or the limit."""
    return max(
        re.compile(re.escape(tag) + _OPTIONS, re.IGNORECASE).finditer(script, start, limit), default=None, key=_at
    )


def _at(found: re.Match[str]) -> int:
    return found.start()
