"""format(): the template taken apart as the server does it, and what each specifier makes of its argument."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import product
from math import prod

from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    MAX_CHOICES,
    Alt,
    Array,
    Const,
    Hole,
    Place,
    Quoting,
    Seq,
    Text,
    Value,
    alt,
    choices_of,
    leaves,
    seq,
    star,
)
from pggit_excellence.scan.values.texts import (
    mixed,
    one_hole,
    placed,
    printed,
    requote,
    slice_const,
)

Report = Callable[[str, str, Place | None], None]


class FormatError(Exception):
    """format() raises; the message is the server's."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of format(): its value, where it is written, whether it is the constant NULL."""

    value: Value
    place: Place | None = None
    null: bool = False


@dataclass(frozen=True, slots=True)
class Specifier:
    """Characters `start` to `end` of the template. `position` and `width_position` are -1 where not written.

    `width_position` 0 is a `*` that takes the next argument.
    """

    start: int
    end: int
    kind: str
    position: int = -1
    width: int = 0
    width_position: int = -1
    left: bool = False


_NUMBER = re.compile(r"\d*")
_WITHOUT_PERCENT = frozenset({Quoting.INERT, Quoting.WORD})
_TOO_FEW = "too few arguments for format()"


class _Reader:
    """Reads one specifier as text_format_parse_format() in varlena.c does."""

    def __init__(self, template: str, start: int) -> None:
        self.template, self.start, self.at = template, start, start + 1

    def peek(self) -> str:
        if self.at >= len(self.template):
            raise FormatError("unterminated format() type specifier")
        return self.template[self.at]

    def number(self) -> int | None:
        match = _NUMBER.match(self.template, self.at)
        digits = match.group() if match else ""
        self.at += len(digits)
        return int(digits) if digits else None

    def argument(self, number: int) -> int:
        if number == 0:
            raise FormatError("format specifies argument 0, but arguments are numbered from 1")
        return number

    def read(self) -> Specifier:
        self.peek()
        position, width, width_position, left = -1, 0, -1, False
        number = self.number()
        if number is not None and self.peek() != "$":
            return self.finish(Specifier(self.start, 0, "", width=number))
        if number is not None:
            position = self.argument(number)
            self.at += 1
        while self.peek() == "-":
            left = True
            self.at += 1
        if self.peek() == "*":
            self.at += 1
            self.peek()
            given = self.number()
            width_position = 0
            if given is not None:
                width_position = self.argument(given)
                if self.peek() != "$":
                    raise FormatError('width argument position must be ended by "$"')
                self.at += 1
        else:
            width = self.number() or 0
        return self.finish(Specifier(self.start, 0, "", position, width, width_position, left))

    def finish(self, made: Specifier) -> Specifier:
        kind = self.peek()
        if kind not in "sIL":
            raise FormatError(f'unrecognized format() type specifier "{kind}"')
        return Specifier(made.start, self.at + 1, kind, made.position, made.width, made.width_position, made.left)


@lru_cache(maxsize=1024)
def specifiers(template: str) -> tuple[Specifier | int, ...]:
    """The specifiers of a template in order; the position of a `%%` as a number. Raises FormatError."""
    found: list[Specifier | int] = []
    at = template.find("%")
    while at >= 0:
        if template[at + 1 : at + 2] == "%":
            found.append(at)
            at = template.find("%", at + 2)
            continue
        made = _Reader(template, at).read()
        found.append(made)
        at = template.find("%", made.end)
    return tuple(found)


class Formatter:
    """One call of format()."""

    def __init__(self, arguments: Sequence[Argument], rest: Value | None, report: Report, where: Place | None) -> None:
        """`rest` is any further argument (VARIADIC of an array that is not known); None: there is none."""
        self.arguments = arguments
        self.rest = rest
        self.report = report
        self.where = where

    def format(self, template: Value, offsets: Callable[[int, int], Place | None]) -> Text:
        """The text; `offsets` gives the place of characters of a template that is one constant."""
        match template:
            case Const():
                return self.constant(template, offsets)
            case Alt(choices):
                return alt(self.format(choice, _nowhere) for choice in choices)
            case Seq(parts):
                return self.pieces(parts)
            case Hole() if _no_percent(template):
                return template
        return self.unknown(template)

    def unknown(self, template: Value) -> Text:
        """What comes out of a template that is not known: anything made of it and of the arguments."""
        return mixed(template, *(argument.value for argument in self.arguments), self.rest or EMPTY)

    def pieces(self, parts: Sequence[Text]) -> Text:
        """A template of several parts: each choice of those with a %; those without stay as they are."""
        choices = [(part,) if _no_percent(part) else choices_of(part) for part in parts]
        if prod(map(len, choices)) > MAX_CHOICES:
            return self.unknown(seq(parts))
        return alt(self.joined(_flat(chosen)) for chosen in product(*choices))

    def joined(self, parts: Sequence[Text]) -> Text:
        """Constants, and text without a %: one template, where no specifier spans two of them."""
        template, kept = "", []
        for part in parts:
            if isinstance(part, Const):
                template += part.text
            elif _no_percent(part):
                kept.append((len(template), part))
            else:
                return self.unknown(seq(parts))
        try:
            found = specifiers(template)
            bounds = [(item, item + 2) if isinstance(item, int) else (item.start, item.end) for item in found]
            if any(start < at < end for at, _ in kept for start, end in bounds):
                return self.unknown(seq(parts))
            return self.build(Const(template), found, _nowhere, kept)
        except FormatError as error:  # with something between, the server may see other specifiers
            return self.unknown(seq(parts)) if kept else self.fails(error)

    def constant(self, template: Const, offsets: Callable[[int, int], Place | None]) -> Text:
        """The text of a known template; what would raise is reported."""
        try:
            return self.build(template, specifiers(template.text), offsets, [])
        except FormatError as error:
            return self.fails(error)

    def fails(self, error: FormatError) -> Text:
        """format() raises whenever it is reached, so there is no text that could be run."""
        self.report("PGX107", f"format() raises: {error}", self.where)
        return EMPTY

    def build(
        self,
        template: Const,
        found: Sequence[Specifier | int],
        offsets: Callable[[int, int], Place | None],
        kept: Sequence[tuple[int, Text]],
    ) -> Text:
        """The template with its specifiers replaced, and `kept` texts put in at their positions."""
        parts: list[Text] = []
        waiting = list(kept)
        at, used = 0, 0

        def constant_until(end: int) -> None:
            nonlocal at
            while waiting and waiting[0][0] <= end:
                position, text = waiting.pop(0)
                parts.extend([_constant(template, at, position, offsets), text])
                at = position
            parts.append(_constant(template, at, end, offsets))

        for item in found:
            if isinstance(item, int):
                constant_until(item + 1)
                at = item + 2
                continue
            constant_until(item.start)
            at = item.end
            text, used = self.specifier(item, used, offsets(item.start, item.end))
            parts.append(text)
        constant_until(len(template.text))
        return seq(parts)

    def specifier(self, item: Specifier, used: int, where: Place | None) -> tuple[Text, int]:
        """The text of one specifier, and how many arguments are used up to it."""
        width: Value = Const(str(item.width)) if item.width else EMPTY
        if item.width_position >= 0:
            used = item.width_position or used + 1
            width = self.argument(used).value
        used = item.position if item.position > 0 else used + 1
        argument = self.argument(used)
        made = placed(self.quoted(item, argument, where), argument.place, where)
        return _padded(made, width, item.left), used

    def argument(self, number: int) -> Argument:
        """The argument of that number, from 1."""
        if number <= len(self.arguments):
            return self.arguments[number - 1]
        if self.rest is None:
            raise FormatError(_TOO_FEW)
        return Argument(self.rest)

    def quoted(self, item: Specifier, argument: Argument, where: Place | None) -> Text:
        """The argument as %s, %I or %L prints it."""
        text = printed(argument.value)
        if item.kind == "s":
            return text
        if item.kind == "L":
            if argument.null:
                return Const("NULL")
            if quoted_literal(text):
                self.report("PGX105", "%L quotes text again that is a quoted literal already: use %s", where)
            return requote(text, Quoting.LITERAL)
        if argument.null:
            raise FormatError("null values cannot be formatted as an SQL identifier")
        if quoted_already(text):
            self.report("PGX105", f"%I quotes text again that is quoted already{_names(text)}: use %s", where)
        return requote(text, Quoting.IDENTIFIER)


def quoted_already(text: Value) -> bool:
    """Whether some part of what becomes one identifier has quotes of its own."""
    quoted = {Quoting.IDENTIFIER, Quoting.QUALIFIED, Quoting.LITERAL}
    return any(isinstance(leaf, Hole) and leaf.quoting in quoted for leaf in leaves(text))


def quoted_literal(text: Value) -> bool:
    """Whether the text is a quoted literal and nothing else: a literal inside a longer statement is quoted rightly."""
    choices = choices_of(text)
    return any(isinstance(choice, Hole) and choice.quoting == Quoting.LITERAL for choice in choices)


def _names(text: Text) -> str:
    names = [leaf.type or leaf.origin.name for leaf in leaves(text) if isinstance(leaf, Hole)]
    return f" ({names[0]})" if names and names[0] else ""


def _no_percent(text: Text) -> bool:
    return all(
        "%" not in leaf.text if isinstance(leaf, Const) else isinstance(leaf, Hole) and leaf.quoting in _WITHOUT_PERCENT
        for leaf in leaves(text)
    )


def _flat(parts: Iterable[Text]) -> list[Text]:
    made = seq(parts)
    return list(made.parts) if isinstance(made, Seq) else [made]


def _nowhere(_start: int, _end: int) -> None:
    """Characters of a template that is not written in one piece."""


def _constant(template: Const, start: int, end: int, offsets: Callable[[int, int], Place | None]) -> Const:
    place = offsets(start, end)
    if place is None and template.place is not None:
        return slice_const(template, start, end)
    linear = place is not None and place.end - place.start == end - start
    return Const(template.text[start:end], place if linear else None)


def _padded(text: Text, width: Value, left: bool) -> Text:
    """The text filled up with blanks to a width: in front of it, or behind it (`left`, or a negative width)."""
    if width == EMPTY:
        return text
    blanks = star(Const(" "))
    if not isinstance(width, Const) or not re.fullmatch(r"[+-]?\d+", width.text):
        return seq([blanks, text, blanks])
    columns = int(width.text)
    left = left or columns < 0
    if isinstance(text, Const):
        filled = text.text.ljust(abs(columns)) if left else text.text.rjust(abs(columns))
        return text if filled == text.text else Const(filled)
    return seq([text, blanks] if left else [blanks, text])


def variadic(value: Value) -> tuple[list[Value], Value | None]:
    """The arguments that VARIADIC of an array passes, and any further one where they are not all known."""
    if isinstance(value, Array):
        return (list(value.items), None) if value.items is not None else ([], value.element)
    return [], one_hole(value, Quoting.RAW) if not isinstance(value, Const) else value
