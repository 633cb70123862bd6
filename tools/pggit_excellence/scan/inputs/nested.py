"""Routines that a routine generates: CREATE FUNCTION and DO inside the string constants of a body, to any depth.

A template is a constant, format() of one, or several joined by || with expressions between; also `v := v || '...'` one
after the other, in the order of the text whatever branches they stand in. What is filled in later becomes a
placeholder (placeholders.py) whose number is its offset in the file. `fill` puts the real holes in their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.headers import may_hold_routine
from pggit_excellence.scan.inputs.lexer import Kind, Token, tokens
from pggit_excellence.scan.inputs.literals import fold, is_string, read_string
from pggit_excellence.scan.inputs.program import OffsetMap, Routine, SourceText
from pggit_excellence.scan.inputs.scripts import program_of
from pggit_excellence.scan.values.abstract import (
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Ref,
    Source,
    Text,
    Value,
    map_leaves,
    seq,
)
from pggit_excellence.scan.values.placeholders import FOUND, MADE, before, number_of, placeholder

MAX_DEPTH = 10
# The longest expression between two pieces of a template, in tokens.
MAX_OPERAND = 500
_LANGUAGES = {"plpgsql", "sql"}
_FILLED_IN = "a hole of the template"
_KINDS = {"s": "\ue000", "I": "\ue001", "L": "\ue002"}
_QUOTINGS = {MADE: Quoting.RAW, "\ue000": Quoting.RAW, "\ue001": Quoting.IDENTIFIER, "\ue002": Quoting.LITERAL}
_SPECIFIER = re.compile(r"%%|%(?:\d+\$)?-?(?:\d+|\*(?:\d+\$)?)?([sIL])")
# No other SQL has these; a template that has one is a format string wherever it goes.
_SURELY_FORMAT = re.compile(r"%(?:\d+\$)?[IL]\b|%\d+\$s")
_BRACES = re.compile(r"\{[A-Za-z_]\w*\}")
_RUNS = re.compile(r"\bexecute\b", re.IGNORECASE)
_MAY_GENERATE = re.compile(r"\b(?:create|do)\b", re.IGNORECASE)
_STATEMENTS = {"create", "do"}
_ASSIGNS = {":=", "="}
_STRINGS = {Kind.STRING, Kind.ESCAPE_STRING, Kind.DOLLAR}
_NESTS = {"(": 1, "[": 1, "case": 1, ")": -1, "]": -1, "end": -1}
_ENDS_OPERAND = {",", ";", ")", "]", "then", "loop", "into", "using", "when", "else", "end", "from", "where"}
_LOOK_BACK = 100  # characters around a placeholder that tell whether it is a statement
_STATEMENT_POSITION = re.compile(r"(?:^|;|\b(?:declare|begin|then|else|loop))\s*\Z", re.IGNORECASE)
_GOES_ON = re.compile(r"\s*[;:=.(\[]|\w|%")
_BEFORE_STATEMENT = {"", ";", "then", "else", "loop", "begin"}


def nested_routines(routine: Routine) -> list[Routine]:
    """Routines inside the constants of the routine's body and inside of those, in the order of the text.

    They are `nested`, have positions in the same file, and the name of the routine that generates them.
    """
    return list(_nested(routine, MAX_DEPTH))


def _nested(routine: Routine, depth: int) -> Iterator[Routine]:
    if depth == 0 or routine.language not in _LANGUAGES or not may_hold_routine(routine.body):
        return
    for template in _templates(routine):
        for found in _routines_of(template, routine):
            yield found
            yield from _nested(found, depth - 1)


def fill(value: Value, find: Callable[[int], Text | None] = lambda _: None) -> Value:
    """A value of a nested routine with its placeholders replaced by holes.

    `find` gets the file's offset of what is filled in (of the specifier of format(), or of the expression between two
    ||) and returns what it is. Where it returns None the hole is of unknown origin, quoted as its specifier says.
    """

    def split(leaf: Const | Hole | Ref) -> Text:
        if isinstance(leaf, Hole) and FOUND.search(leaf.origin.name):  # a variable whose name is filled in
            return replace(leaf, origin=Origin(Source.UNKNOWN, _FILLED_IN))
        if not isinstance(leaf, Const) or not FOUND.search(leaf.text):
            return leaf
        parts: list[Text] = []
        at = 0
        for found in FOUND.finditer(leaf.text):
            parts += [before(leaf, at, found.start()), _hole(leaf, found, find)]
            at = found.end()
        return seq([*parts, Const(leaf.text[at:])])

    return map_leaves(value, split)


def _hole(const: Const, found: re.Match[str], find: Callable[[int], Text | None]) -> Text:
    offset = number_of(found)
    known = find(offset)
    if known is not None:
        return known
    place = None if const.place is None else Place(const.place.file, offset, offset + 1)
    return Hole(_QUOTINGS[found.group(1)], Origin(Source.UNKNOWN, _FILLED_IN), place=place)


def is_statement(before: str, behind: str) -> bool:
    """Whether what stands between the two can only be a whole statement."""
    return _STATEMENT_POSITION.search(before) is not None and _GOES_ON.match(behind) is None


@dataclass(slots=True)
class _Template:
    """Text that grows from left to right, with the file's offset of each of its characters."""

    parts: list[str] = field(default_factory=list)
    pieces: list[tuple[int, int]] = field(default_factory=list)
    length: int = 0
    tail: str = ""  # what it ends with

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def add(self, text: str, offset: int) -> None:
        if text:
            self.pieces.append((self.length, offset))
            self.parts.append(text)
            self.length += len(text)
            self.tail = (self.tail + text)[-_LOOK_BACK:]

    def placeholder(self, kind: str, offset: int, behind: str) -> None:
        """What is filled in there, before the text `behind`; a blank where only a whole statement can stand."""
        self.add(" " if is_statement(self.tail, behind) else placeholder(offset, kind), offset)

    def extend(self, other: _Template) -> None:
        self.pieces += [(self.length + inside, offset) for inside, offset in other.pieces]
        self.parts += other.parts
        self.length += other.length
        self.tail = (self.tail + other.tail)[-_LOOK_BACK:]


def stretches(map_: OffsetMap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The map between two offsets in stretches (start, end, where the start is mapped to)."""
    pieces = map_.pieces
    for index, (begin, target) in enumerate(pieces):
        behind = pieces[index + 1][0] if index + 1 < len(pieces) else end
        first, last = max(begin, start), min(behind, end)
        if first < last:
            yield first, last, target + first - begin


def compose(inner: OffsetMap, length: int, outer: OffsetMap) -> OffsetMap:
    """The map that goes through both, of a text of that length."""
    pieces = [
        (start + there - target, offset)
        for start, end, target in stretches(inner, 0, length)
        for there, _, offset in stretches(outer, target, target + end - start)
    ]
    return OffsetMap(tuple(pieces) or ((0, outer(inner(0))),))


def _routines_of(template: _Template, parent: Routine) -> Iterator[Routine]:
    if not may_hold_routine(template.text):
        return
    map_ = OffsetMap(tuple(template.pieces))
    program = program_of(SourceText(parent.file, template.text))
    damaged = {problem.start for problem in program.not_understood}
    for found in program.routines:
        # The head of a routine whose body is made elsewhere: nothing to see in it.
        if found.kind == "statement" or (found.start in damaged and not _RUNS.search(found.body)):
            continue
        start = map_(found.start)
        yield replace(
            found,
            key=f"{parent.key}/{start}",
            name=parent.name,
            map=compose(found.map, len(found.body), map_),
            start=start,
            end=map_(max(found.end - 1, 0)) + 1,
            nested=True,
        )


def _templates(routine: Routine) -> list[_Template]:
    """The templates of a body that may generate a routine, and its own statements that do."""
    return [template for template in _Reader(routine).read() if may_hold_routine(template.text)]


class _Reader:
    """Looks for templates in a body, token by token."""

    def __init__(self, routine: Routine) -> None:
        self._routine = routine
        self._text = routine.body
        self._tokens = [token for token in tokens(self._text) if token.kind is not Kind.COMMENT]
        self._words = [self._word(token) for token in self._tokens] + [""] * 4
        self._done: set[int] = set()  # tokens that are part of a template already
        self._variables: dict[str, _Template] = {}

    def _word(self, token: Token) -> str:
        written = self._text[token.start : token.end]
        return fold(written) if token.kind is Kind.WORD else written

    def read(self) -> list[_Template]:
        found = []
        for index, token in enumerate(self._tokens):
            if index in self._done:
                continue
            word, template = self._words[index], None
            if word in _STATEMENTS:
                template = self._statement(index)
            if template is None and self._words[index + 1] in _ASSIGNS:
                template = self._assignment(index)
            if template is None and (token.kind in _STRINGS or word == "format"):
                template = self._plain(index)
            if template is not None:
                found.append(template)
        return found

    def _is_string(self, index: int) -> bool:
        return index < len(self._tokens) and is_string(self._text, self._tokens[index])

    def _statement(self, index: int) -> _Template | None:
        """A static CREATE FUNCTION or DO, which needs no EXECUTE."""
        words = self._words
        if (words[index - 1] if index else "") not in _BEFORE_STATEMENT:
            return None
        if words[index] == "create" and not {"function", "procedure"} & set(words[index + 1 : index + 4]):
            return None
        end = index
        while words[end] not in {";", ""}:
            self._done.add(end)
            end += 1
        if end == index + 1:
            return None
        template = _Template()
        self._copy(template, self._tokens[index].start, self._tokens[end - 1].end)
        return template

    def _assignment(self, index: int) -> _Template | None:
        """`v := '...' || ...` begins a template, `v := v || ...` makes it longer (None then)."""
        words = self._words
        if (words[index - 1] if index else "") not in _BEFORE_STATEMENT:
            return None
        name = words[index]
        begun = self._variables.get(name)
        if words[index + 2] == name and words[index + 3] == "||":
            if begun is not None:
                begun.extend(self._chain(index + 4)[0])
            return None
        self._variables.pop(name, None)
        template = self._plain(index + 2)
        if template is not None:
            self._variables[name] = template
        return template

    def _plain(self, index: int) -> _Template | None:
        """A template that begins with that token, if one does that may generate a routine."""
        at = index + 2 if self._is_format(index) else index
        if not self._is_string(at) or at in self._done or not _MAY_GENERATE.search(self._token_text(at)):
            return None
        return self._chain(index)[0]

    def _token_text(self, index: int) -> str:
        return self._text[self._tokens[index].start : self._tokens[index].end]

    def _is_format(self, index: int) -> bool:
        return self._words[index] == "format" and self._words[index + 1] == "("

    def _chain(self, index: int, *, is_format: bool = False) -> tuple[_Template, int]:
        """The operands of || from that token on; and the token behind them."""
        template = _Template()
        while True:
            if self._is_string(index):
                index = self._constant(template, index, is_format)
            elif self._is_format(index):
                self._done.add(index)
                inner, index = self._chain(index + 2, is_format=True)
                template.extend(inner)
                index = self._operand_end(index, closing=True) + 1
            else:
                index = self._operand(template, index)
            if self._words[index] != "||":
                return template, index
            index += 1

    def _constant(self, template: _Template, index: int, is_format: bool) -> int:
        read = read_string(self._text, self._tokens, index)
        if read is None:
            return index + 1
        content, map_, behind = read
        self._done.update(range(index, behind))
        at = 0
        for start, end, kind in self._holes(content, is_format):
            self._add(template, content, at, start, map_)
            if kind:
                offset = self._routine.map(map_(start))
                template.placeholder(kind, offset, content[end : end + _LOOK_BACK])
            else:
                self._add(template, content, start, start + 1, map_)  # %% is one %
            at = end
        self._add(template, content, at, len(content), map_)
        return behind

    def _holes(self, content: str, is_format: bool) -> Iterator[tuple[int, int, str]]:
        """(start, end, kind) of each place where something is filled in; no kind for %%."""
        if is_format or _SURELY_FORMAT.search(content):
            for found in _SPECIFIER.finditer(content):
                yield found.start(), found.end(), _KINDS.get(found.group(1) or "", "")
        else:
            for found in _BRACES.finditer(content):
                if f"'{found.group()}'" in self._text:  # what replace() is told to look for
                    yield found.start(), found.end(), _KINDS["s"]

    def _add(self, template: _Template, content: str, start: int, end: int, map_: OffsetMap) -> None:
        for first, last, target in stretches(map_, start, end):
            self._copy(template, target, target + last - first, content[first:last])

    def _copy(self, template: _Template, start: int, end: int, text: str | None = None) -> None:
        """Add characters of the body, or `text` that stands for them."""
        text = self._text[start:end] if text is None else text
        for first, last, offset in stretches(self._routine.map, start, end):
            template.add(text[first - start : last - start], offset)

    def _operand(self, template: _Template, index: int) -> int:
        """Any expression up to the next || or what ends it all."""
        end = self._operand_end(index)
        if end > index:
            offset = self._routine.map(self._tokens[index].start)
            following = read_string(self._text, self._tokens, end + 1) if self._words[end] == "||" else None
            behind = following[0] if following else ""
            template.placeholder(_KINDS["s"], offset, behind[:_LOOK_BACK])
        return end

    def _operand_end(self, index: int, *, closing: bool = False) -> int:
        """The token behind an operand, or (`closing`) the bracket that closes around that token."""
        depth = 0
        for end in range(index, min(index + MAX_OPERAND, len(self._tokens))):
            word = self._words[end]
            if depth == 0 and (word in {")", ";"} if closing else word == "||" or word in _ENDS_OPERAND):
                return end
            depth += _NESTS.get(word, 0)
        return min(index + MAX_OPERAND, len(self._tokens))
