"""CREATE FUNCTION, CREATE PROCEDURE and DO taken apart by tokens.

libpg_query would not say where each character of the body stands, nor how a type is written, and it knows no syntax
that is newer than itself. The options are read strictly first; what then is left over makes the header `damaged`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.lexer import Kind, Token, tokens
from pggit_excellence.scan.inputs.literals import identifier, read_string
from pggit_excellence.scan.inputs.program import Name, OffsetMap, Parameter

# The second and further words of a type's name.
_TYPE_WORDS = {
    "double": ("precision",),
    "character": ("varying",),
    "char": ("varying",),
    "nchar": ("varying",),
    "bit": ("varying",),
}
_TYPE_BEGINS = {*_TYPE_WORDS, "national", "interval", "time", "timestamp", "setof"}
_USUAL_TYPE, _LONGEST_TYPE = 9, 60  # in tokens
# A type of one word, which most are: nothing behind it can be a part of it.
_PLAIN_TYPE = re.compile(
    rf"(?!(?:{'|'.join(sorted(_TYPE_BEGINS))})\b)[a-z_]\w*+(?:\.[a-z_]\w*+)*+(?:\(\d++(?:,\d++)?\))?(?:\[\])*+"
    r"(?=[ \t\n\r\f\v]*+(?:[,;)]|\Z)|[ \t\n\r\f\v]++(?!array\b)[a-z])",
    re.IGNORECASE | re.ASCII,
)
_ZONED = {"time", "timestamp"}
_INTERVAL = {"year", "month", "day", "hour", "minute", "second"}
_MODES = {"in", "out", "inout", "variadic"}
_NAMES = {Kind.WORD, Kind.QUOTED}
_END = ("",) * 4  # as many tokens as are looked at ahead
_BARE_OPTIONS = {
    "immutable": ("immutable",),
    "stable": ("stable",),
    "volatile": ("volatile",),
    "strict": ("strict",),
    "window": ("window",),
    "leakproof": ("leakproof",),
    "not": ("not", "leakproof"),
    "called": ("called", "on", "null", "input"),
    "returns": ("returns", "null", "on", "null", "input"),
}


# In small letters. They begin with what is found fast; that it is a whole word is asked afterwards.
_CREATES = re.compile(r"create\b(?<!\wcreate)[^;$']{0,80}\b(?:function|procedure)\b")
_DOES = re.compile(r"do(?<!\wdo)\s+(?:language\s+\S+\s+)?e?['$]")


class NotUnderstoodError(Exception):
    """The header does not go on as it must; the message says what was expected."""


@dataclass(slots=True)
class Header:
    """What the statement says; offsets count from its first character. `body` is None where there is no string."""

    kind: str  # function, procedure, do
    name: Name = ("", "")
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""
    returns_set: bool = False
    language: str = ""
    body: str | None = None
    map: OffsetMap = field(default_factory=lambda: OffsetMap(((0, 0),)))
    body_start: int = 0  # of the opening quote
    compiled: bool = False  # AS 'object file', 'symbol'
    atomic: bool = False
    security_definer: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    damage: str = ""  # why it is not understood as a whole


def may_hold_routine(text: str) -> bool:
    """Whether there may be CREATE FUNCTION or DO in the text; most texts hold nothing like it, which is found fast."""
    lower = text.lower()
    return _CREATES.search(lower) is not None or _DOES.search(lower) is not None


class Cursor:
    """Walks over the tokens of a statement, comments apart, from the character `start`; at most `limit` of them."""

    def __init__(self, text: str, start: int = 0, limit: int | None = None) -> None:  # noqa: D107
        self.text = text
        self.tokens: Sequence[Token] = [t for t in islice(tokens(text, start), limit) if t[0] is not Kind.COMMENT]
        self.folded = [_folded(text, token) for token in self.tokens]
        self.folded += _END
        self.index = 0

    @property
    def token(self) -> Token | None:
        """The token that comes next; None at the end."""
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def word(self, ahead: int = 0) -> str:
        """The next token: in lower case where it is a word, as written where it is a sign, else ''."""
        return self.folded[self.index + ahead]

    def words(self, count: int) -> tuple[str, ...]:
        """The words that come next, at most so many."""
        return tuple(self.folded[self.index : self.index + count])

    def take(self, *wanted: str) -> bool:
        """Go past these words if they come next."""
        if self.folded[self.index] != wanted[0] or (len(wanted) > 1 and self.words(len(wanted)) != wanted):
            return False
        self.index += len(wanted)
        return True

    def expect(self, *wanted: str) -> None:
        """Go past these words; NotUnderstoodError where something else comes."""
        if not self.take(*wanted):
            raise NotUnderstoodError(f"expected {' '.join(wanted).upper()} {self.here()}")

    def here(self) -> str:
        """Where the cursor stands, for a message."""
        token = self.token
        return f"at {self.text[token.start : token.end][:20]!r}" if token else "at the end"

    def name(self) -> str:
        """Go past one identifier."""
        token = self.token
        if token is None or token.kind not in _NAMES:
            raise NotUnderstoodError(f"expected a name {self.here()}")
        self.index += 1
        return identifier(self.text, token)

    def qualified(self) -> Name:
        """Go past [[database.]schema.]name."""
        parts = [self.name()]
        while self.take("."):
            parts.append(self.name())
        return (parts[-2] if len(parts) > 1 else "", parts[-1])

    def group(self) -> None:
        """Go past the parentheses or brackets that open next."""
        depth = 0
        while self.token is not None:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(self.word(), 0)
            self.index += 1
            if depth <= 0:
                return
        raise NotUnderstoodError("a parenthesis is not closed")

    def skip_until(self, *stops: str) -> None:
        """Go on to one of these words outside of parentheses, or to the end."""
        while self.token is not None and self.word() not in stops:
            if self.word() in {"(", "["}:
                self.group()
            else:
                self.index += 1

    def since(self, index: int) -> str:
        """The text of the tokens from `index` to the cursor, with single spaces."""
        if index >= self.index:
            return ""
        return " ".join(self.text[self.tokens[index].start : self.tokens[self.index - 1].end].split())

    def begins_name_and_type(self) -> bool:
        """Whether two words come next that are no type together."""
        following = self.tokens[self.index + 1 : self.index + 2]
        return (
            self.word() not in _TYPE_BEGINS
            and bool(following)
            and following[0].kind is Kind.WORD
            and self.word(1) not in {"array", "default"}
        )

    def type(self) -> str:
        """Go past a type; returns it as written."""
        first = self.index
        plain = _PLAIN_TYPE.match(self.text, self.tokens[first].start) if first < len(self.tokens) else None
        if plain is not None:
            while self.index < len(self.tokens) and self.tokens[self.index].start < plain.end():
                self.index += 1
            return plain[0]
        self.take("setof")
        word = self.word()
        self.qualified()
        self._type_words(word)
        if self.take("%"):
            self.name()
        if self.word() == "(":
            self.group()
        self._type_words_after(word)
        while self.word() == "[":
            self.group()
        if self.take("array") and self.word() == "[":
            self.group()
        return self.since(first)

    def _type_words(self, word: str) -> None:
        if word == "national" and self.word() in {"character", "char"}:
            word = self.word()
            self.index += 1
        if self.word() in _TYPE_WORDS.get(word, ()):
            self.index += 1
        if word == "interval":
            while self.word() in _INTERVAL or (self.word() == "to" and self.word(1) in _INTERVAL):
                self.index += 1

    def _type_words_after(self, word: str) -> None:
        if word in _ZONED and self.words(3) in {("with", "time", "zone"), ("without", "time", "zone")}:
            self.index += 3


def _folded(text: str, token: Token) -> str:
    kind, start, end, _ = token
    if kind is Kind.WORD:
        return text[start:end].lower()
    return text[start:end] if kind is Kind.PUNCTUATION or kind is Kind.OPERATOR else ""


def read_type(text: str, start: int) -> str:
    """The type that is written in `text` from `start`."""
    plain = _PLAIN_TYPE.match(text, start)
    if plain is not None:
        return plain[0]
    cursor = Cursor(text, start, _USUAL_TYPE)
    with suppress(NotUnderstoodError):
        written = cursor.type()
        if cursor.token is not None:
            return written
    return Cursor(text, start, _LONGEST_TYPE).type()


def read_header(text: str) -> Header:
    """The statement CREATE FUNCTION, CREATE PROCEDURE or DO, without its semicolon.

    What was read before it stopped being understood is in the header, and why in its `damage`.
    """
    cursor = Cursor(text)
    header = Header("do")
    try:
        if cursor.take("do"):
            _do(cursor, header)
        else:
            _create(cursor, header)
    except NotUnderstoodError as error:
        header.damage = str(error)
    else:
        if any(not token.closed for token in cursor.tokens):
            header.damage = "a quote is not closed"
    return header


def mend(header: Header, text: str) -> Header | None:
    """A header of unknown options, with the body that nothing but known options follows; None where there is none."""
    opening = next((t for t in tokens(text, header.body_start) if t.kind is Kind.DOLLAR and t.closed), None)
    if opening is None:
        return None
    mended = replace(header, body=None)
    try:
        read_options(mended, text, opening.start, body=True)
    except NotUnderstoodError:
        return None
    return mended


def read_options(header: Header, text: str, start: int, *, body: bool = False) -> None:
    """Add to the header the options written from `start` on, after the body if that comes first there.

    NotUnderstoodError: something else follows; what came before it is in the header.
    """
    cursor = Cursor(text, start)
    if body:
        _body(cursor, header)
    while cursor.token is not None:
        _option(cursor, header)


def _do(cursor: Cursor, header: Header) -> None:
    while cursor.token is not None:
        if cursor.take("language"):
            _language(cursor, header)
        else:
            _body(cursor, header)
    header.language = header.language or "plpgsql"
    if header.body is None:
        raise NotUnderstoodError("DO has no body")


def _create(cursor: Cursor, header: Header) -> None:
    cursor.expect("create")
    cursor.take("or", "replace")
    header.kind = cursor.word()
    if header.kind not in {"function", "procedure"}:
        raise NotUnderstoodError(f"expected FUNCTION {cursor.here()}")
    cursor.index += 1
    header.name = cursor.qualified()
    header.parameters = _parameters(cursor, "in")
    if cursor.words(2) != ("returns", "null") and cursor.take("returns"):
        _returns(cursor, header)
    while cursor.token is not None:
        _option(cursor, header)
    if header.body is None and not header.atomic:
        raise NotUnderstoodError("it has no body")
    header.language = header.language or ("sql" if header.atomic else "")
    if not header.language:
        raise NotUnderstoodError("it has no LANGUAGE")


def _returns(cursor: Cursor, header: Header) -> None:
    if cursor.word() == "table" and cursor.word(1) == "(":
        cursor.index += 1
        header.returns, header.returns_set = "record", True
        header.parameters += _parameters(cursor, "table")
        return
    header.returns_set = cursor.take("setof")
    header.returns = cursor.type()


def _parameters(cursor: Cursor, mode: str) -> tuple[Parameter, ...]:
    """Go past ( ... ), the parameters of a routine or the columns of RETURNS TABLE."""
    cursor.expect("(")
    found: list[Parameter] = []
    while not cursor.take(")"):
        found.append(_parameter(cursor, mode))
        if not cursor.take(",") and cursor.word() != ")":
            raise NotUnderstoodError(f"a comma or the end of the parameters is missing {cursor.here()}")
    return tuple(found)


def _parameter(cursor: Cursor, mode: str) -> Parameter:
    mode = _mode(cursor) or mode
    first, name = cursor.index, ""
    written = "" if cursor.begins_name_and_type() else cursor.type()
    if not written or not _ends_parameter(cursor):  # that was the name
        cursor.index = first
        name = cursor.name()
        mode = _mode(cursor) or mode
        written = cursor.type()
    default = None
    if cursor.take("default") or cursor.take("=") or cursor.take(":="):
        first = cursor.index
        cursor.skip_until(",", ")")
        default = cursor.since(first)
    return Parameter(name, written, mode, default)


def _mode(cursor: Cursor) -> str:
    if cursor.take("in", "out"):
        return "inout"
    if cursor.word() not in _MODES:
        return ""
    cursor.index += 1
    return cursor.word(-1)


def _ends_parameter(cursor: Cursor) -> bool:
    return cursor.word() in {",", ")", "=", ":=", "default"}


def _option(cursor: Cursor, header: Header) -> None:
    if cursor.take(*_BARE_OPTIONS.get(cursor.word(), ("immutable",))):
        return
    reader = _OPTIONS.get(cursor.word())
    if reader is None:
        raise NotUnderstoodError(f"no option of a routine {cursor.here()}")
    cursor.index += 1
    reader(cursor, header)


def _language(cursor: Cursor, header: Header) -> None:
    found = read_string(cursor.text, cursor.tokens, cursor.index)
    if found:
        header.language, cursor.index = found[0].lower(), found[2]
    else:
        header.language = cursor.name()


def _body(cursor: Cursor, header: Header) -> None:
    token, found = cursor.token, read_string(cursor.text, cursor.tokens, cursor.index)
    if found is None or token is None or header.body is not None:
        raise NotUnderstoodError(f"expected one string as body {cursor.here()}")
    header.body, header.map, cursor.index = found
    header.body_start = token.start
    if cursor.word() == "," and read_string(cursor.text, cursor.tokens, cursor.index + 1):
        cursor.index += 2
        header.compiled = True


def _security(cursor: Cursor, header: Header) -> None:
    cursor.take("security")  # EXTERNAL SECURITY
    header.security_definer = cursor.word() == "definer"
    if not cursor.take("definer"):
        cursor.expect("invoker")


def _set(cursor: Cursor, header: Header) -> None:
    if cursor.take("time", "zone"):
        name = "timezone"
    else:
        name = cursor.name()
        while cursor.take("."):
            name += "." + cursor.name()
        if cursor.take("from", "current"):
            header.settings = put_setting(header.settings, name, "FROM CURRENT")
            return
        if not cursor.take("to"):
            cursor.expect("=")
    first = cursor.index
    _setting_value(cursor)
    while cursor.take(","):
        _setting_value(cursor)
    header.settings = put_setting(header.settings, name, cursor.since(first))


def put_setting(settings: tuple[tuple[str, str], ...], name: str, value: str) -> tuple[tuple[str, str], ...]:
    """The settings with that one changed; DEFAULT takes it away."""
    others = tuple(setting for setting in settings if setting[0] != name.lower())
    return others if value.lower() == "default" else (*others, (name.lower(), value))


def _setting_value(cursor: Cursor) -> None:
    if cursor.word() in {"+", "-"}:
        cursor.index += 1
    token, found = cursor.token, read_string(cursor.text, cursor.tokens, cursor.index)
    if found:
        cursor.index = found[2]
    elif token is None or token.kind not in {Kind.WORD, Kind.QUOTED, Kind.NUMBER}:
        raise NotUnderstoodError(f"expected a value of a setting {cursor.here()}")
    else:
        cursor.index += 1


def _number(cursor: Cursor, _: Header) -> None:
    cursor.take("-")
    token = cursor.token
    if token is None or token.kind is not Kind.NUMBER:
        raise NotUnderstoodError(f"expected a number {cursor.here()}")
    cursor.index += 1


def _transform(cursor: Cursor, _: Header) -> None:
    cursor.expect("for", "type")
    cursor.type()
    while cursor.take(",", "for", "type"):
        cursor.type()


def _atomic(cursor: Cursor, header: Header) -> None:
    cursor.expect("atomic")
    depth = 1
    while depth:
        if cursor.token is None:
            raise NotUnderstoodError("BEGIN ATOMIC has no END")
        depth += {"case": 1, "begin": 1, "end": -1}.get(cursor.word(), 0)
        cursor.index += 1
    header.atomic, header.body = True, ""


def _return(cursor: Cursor, header: Header) -> None:
    cursor.index = len(cursor.tokens)
    header.atomic, header.body = True, ""


def _support(cursor: Cursor, _: Header) -> None:
    cursor.qualified()


def _parallel(cursor: Cursor, _: Header) -> None:
    cursor.name()


def _with(cursor: Cursor, _: Header) -> None:
    cursor.group()


_OPTIONS: dict[str, Callable[[Cursor, Header], None]] = {
    "language": _language,
    "as": _body,
    "security": _security,
    "external": _security,
    "set": _set,
    "cost": _number,
    "rows": _number,
    "support": _support,
    "parallel": _parallel,
    "transform": _transform,
    "with": _with,
    "begin": _atomic,
    "return": _return,
}
