"""Abstract values: what a PL/pgSQL expression can be at run time, as far as it matters for the SQL built from it.

A text is a small regular expression over constants and holes: `Seq` (one after the other), `Alt` (one of these),
`Star` (any number of these). Constants are the programmer's text; a `Hole` is text that the analysis does not know,
with how it was quoted and where it came from. Everything that these functions return covers all run-time values
(an over-approximation), so that "safe" is a proof and "unsafe" may in rare cases be too careful.

A value is a text, a `Record` (fields by name; also a JSON object) or an `Array`. Equality ignores places and paths,
therefore two holes are the same when they carry the same thing in the same quoting, however they got there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import reduce
from itertools import islice
from operator import is_
from typing import TypeVar

from pggit_excellence.scan.frozen import dataclass, field, replace

# A value of more parts becomes any number of any of them.
MAX_LEAVES = 1500


@dataclass(frozen=True, slots=True)
class Place:
    """Characters `start` to `end` (exclusive, counted from 0) of the source named `file`."""

    file: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Step:
    """One station on the way from a source to a dynamic statement."""

    place: Place
    what: str


class Quoting(StrEnum):
    """What the text in a hole can contain."""

    RAW = "raw"  # anything
    IDENTIFIER = "identifier"  # one identifier, quoted where needed: quote_ident(), %I
    QUALIFIED = "qualified"  # names that the server prints quoted where needed: regclass and kin, format_type()
    LITERAL = "literal"  # one string literal or NULL: quote_literal(), quote_nullable(), %L
    INERT = "inert"  # numbers, dates, uuid...: neither quote nor statement; a number can begin with "-"
    WORD = "word"  # letters, digits, _ and $ only: md5(), a value that passed an anchored pattern
    FIXED = "fixed"  # made of the program's constants alone, but not known to the analysis
    SQL = "sql"  # SQL that the server wrote from its catalogs: pg_get_viewdef() and kin


class Source(StrEnum):
    """Who decides what stands in a hole."""

    PARAMETER = "parameter"
    TABLE = "table"  # a column of a user's table: its writers
    CATALOG = "catalog"  # a name or text in the system catalogs: whoever may create objects
    TRIGGER = "trigger"  # NEW, OLD, TG_TABLE_NAME, TG_ARGV...
    SESSION = "session"  # current_setting(), current_user, application_name...
    ERROR = "error"  # SQLERRM, stacked diagnostics
    CONSTANT = "constant"  # the program itself
    FUNCTION = "function"  # the result of a function that was not scanned: not known
    UNKNOWN = "unknown"  # not known


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the text of a hole came from: `name` as the user would say it ("p_table", "jobs.command", "TG_NAME").

    For a table `schema` ('' when not written), `relation` and `column` say which.
    For a parameter `routine` is the key of the routine that declares it.
    """

    source: Source
    name: str
    schema: str = ""
    relation: str = ""
    column: str = ""
    routine: str = ""


@dataclass(frozen=True, slots=True)
class Hole:
    """Text from `origin` in a given quoting.

    `type` is the SQL type whose text form it is ('' when not known). `derived` says that it is made from the origin
    rather than being it (lower(x), substr(x, 2)): a summary must not put the argument itself in its place.
    `inner` of a literal is the text that was quoted, where it is longer than one hole: it can be code of its own.
    `place` is the spliced expression, `specifier` the %s, %I or %L of format() that spliced it (None for ||).
    """

    quoting: Quoting
    origin: Origin
    type: str = ""
    derived: bool = False
    inner: Text | None = None
    place: Place | None = field(default=None, compare=False)
    specifier: Place | None = field(default=None, compare=False)
    path: tuple[Step, ...] = field(default=(), compare=False)


WITH_NEWLINE = "word and newline"  # as the type of a hole: a newline may stand behind the word


@dataclass(frozen=True, slots=True)
class Const:
    """The programmer's text. `place` is set when character i of `text` is character `place.start + i` of the file."""

    text: str
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Seq:
    """One part after the other."""

    parts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """One of the choices."""

    choices: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Star:
    """Any number of `body`, none included."""

    body: Text


@dataclass(frozen=True, slots=True)
class Ref:
    """Inside the analysis of a loop: what the variable `key` held when the iteration began."""

    key: str


Text = Const | Hole | Seq | Alt | Star | Ref
EMPTY = Const("")
MAX_CHOICES = 16
MAX_PARTS = 400


@dataclass(frozen=True, slots=True)
class Record:
    """Fields by name; `rest` is any other field (None: there is no other)."""

    fields: tuple[tuple[str, Value], ...]
    rest: Text | None = None

    def get(self, name: str) -> Value | None:
        """The field, `rest` where the name is not known, None where there is neither."""
        return dict(self.fields).get(name, self.rest)

    def put(self, name: str, value: Value) -> Record:
        """A record with that field set."""
        return Record(tuple({**dict(self.fields), name: value}.items()), self.rest)


@dataclass(frozen=True, slots=True)
class Array:
    """Any element is `element`; `items` has them one by one where they are known."""

    element: Value
    items: tuple[Value, ...] | None = None


Value = Text | Record | Array
_Value = TypeVar("_Value", bound=Value)


def seq(parts: Iterable[Text]) -> Text:
    """The parts one after the other, flattened; alike parts that are too many become a star over them."""
    flat: list[Text] = []
    for part in parts:
        if isinstance(part, Seq):
            flat.extend(part.parts)
        elif part != EMPTY:
            flat.append(part)
    if not flat:
        return EMPTY
    if len(flat) > MAX_PARTS:
        return Star(Alt(tuple(dict.fromkeys(leaf for part in flat for leaf in leaves(part)))))
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def alt(choices: Iterable[Text]) -> Text:
    """One of the choices, without repetitions; more than MAX_CHOICES become a star over their leaves."""
    flat: dict[Text, None] = {}
    for choice in choices:
        flat.update(dict.fromkeys(choices_of(choice)))
    if len(flat) == 1:
        return next(iter(flat))
    if len(flat) > MAX_CHOICES and not all(isinstance(choice, Const) for choice in flat):
        return star(Alt(tuple(dict.fromkeys(leaf for choice in flat for leaf in leaves(choice)))))
    return Alt(tuple(flat))


def star(body: Text) -> Text:
    """Any number of `body`; where that spells whatever somebody likes, it is raw."""
    if body == EMPTY or isinstance(body, Star):
        return body
    return Star(_spelled(body) if isinstance(body, Alt) else body)


def _spelled(body: Alt) -> Alt:
    """Letters or words, and other characters beside them, in any order: with them a text can be written."""
    words = [choice for choice in body.choices if isinstance(choice, Hole) and choice.quoting is Quoting.WORD]
    others = [choice.text for choice in body.choices if isinstance(choice, Const) and not _is_word(choice.text)]
    if words and others:
        raw = {choice: replace(choice, quoting=Quoting.RAW) for choice in words}
        return Alt(tuple(raw[choice] if choice in words else choice for choice in body.choices))
    characters = [choice.text for choice in body.choices if isinstance(choice, Const) and len(choice.text) <= 1]
    if len(characters) == len(body.choices) and others and len(others) < len("".join(characters)):
        return Alt((*body.choices, Hole(Quoting.RAW, Origin(Source.UNKNOWN, "a text made of single characters"))))
    return body


def _is_word(text: str) -> bool:
    """Whether other words beside it only make a longer word."""
    return text.replace("_", "a").isalnum() or not text


def leaves(value: Value) -> Iterator[Const | Hole | Ref]:
    """Every constant, hole and reference in the value."""
    waiting: list[Value] = [value]
    while waiting:
        match waiting.pop():
            case Const() | Hole() | Ref() as leaf:
                yield leaf
            case Seq(parts) | Alt(parts):
                waiting += reversed(parts)
            case Star(body):
                waiting.append(body)
            case Record(fields, rest):
                waiting += () if rest is None else (rest,)
                waiting += [item for _, item in reversed(fields)]
            case Array(element, items):
                waiting += reversed(items or ())
                waiting.append(element)


def holes(value: Value) -> Iterator[Hole]:
    """Every hole in the value."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, Hole))


def is_constant(value: Value) -> bool:
    """Whether it is made of the programmer's known text alone."""
    return all(isinstance(leaf, Const) for leaf in leaves(value))


def map_leaves(value: Value, change: Callable[[Const | Hole | Ref], Text]) -> Value:
    """The value with each leaf replaced by what `change` returns for it."""
    match value:
        case Const() | Hole() | Ref():
            return change(value)
        case Record(fields, rest):
            changed = tuple((name, map_leaves(item, change)) for name, item in fields)
            return Record(changed, None if rest is None else _map_text(rest, change))
        case Array(element, items):
            new = None if items is None else tuple(map_leaves(item, change) for item in items)
            return Array(map_leaves(element, change), new)
        case _:
            return _map_text(value, change)


def _map_text(text: Text, change: Callable[[Const | Hole | Ref], Text]) -> Text:
    """What is not changed stays the same object: it was joined before."""
    match text:
        case Const() | Hole() | Ref():
            return change(text)
        case Seq(parts):
            changed = [_map_text(part, change) for part in parts]
            return text if all(map(is_, changed, parts)) else seq(changed)
        case Alt(choices):
            changed = [_map_text(choice, change) for choice in choices]
            return text if all(map(is_, changed, choices)) else alt(changed)
        case Star(body):
            new = _map_text(body, change)
            return text if new is body else star(new)


def as_text(value: Value) -> Text:
    """The value printed: a record or an array becomes raw text made from its leaves."""
    if not isinstance(value, Record | Array):
        return value
    return alt([derived(leaf) for leaf in leaves(value)] or [EMPTY])


def derived(leaf: Const | Hole | Ref, quoting: Quoting = Quoting.RAW) -> Text:
    """What is left of a leaf after an unknown change of its text: inert text and words stay what they are."""
    match leaf:
        case Hole(quoting=Quoting.INERT | Quoting.WORD | Quoting.FIXED):
            return replace(leaf, derived=True)
        case Hole():
            return replace(leaf, quoting=quoting, derived=True)
        case Const(text):
            return Hole(Quoting.FIXED, Origin(Source.CONSTANT, repr(text[:40])), derived=True)
        case Ref():
            return leaf


def join(left: Value, right: Value) -> Value:
    """What the value can be when it is one or the other."""
    if left == right:
        return left
    match left, right:
        case Record(), Record():
            names = dict.fromkeys([name for name, _ in left.fields + right.fields])
            rests = [record.rest for record in (left, right) if record.rest is not None]
            fields = tuple((name, _join_fields(left.get(name), right.get(name))) for name in names)
            return Record(fields, alt(rests) if rests else None)
        case Array(), Array():
            return Array(join(left.element, right.element))
        case (Record() | Array(), Const("")) | (Const(""), Record() | Array()):
            return _or_null(left if right == EMPTY else right)
        case _:
            return alt([as_text(left), as_text(right)])


def _or_null(value: Value) -> Value:
    """A row or an array that can be NULL: so can its fields and elements."""
    if isinstance(value, Record):
        fields = tuple((name, join(EMPTY, item)) for name, item in value.fields)
        return Record(fields, None if value.rest is None else alt([EMPTY, value.rest]))
    return Array(join(EMPTY, value.element)) if isinstance(value, Array) else value


def _join_fields(left: Value | None, right: Value | None) -> Value:
    if left is None or right is None:  # the other record has no such field: NULL there
        return left or right or EMPTY
    return join(left, right)


def join_all(values: Iterable[Value]) -> Value:
    """What the value can be when it is one of these; the empty text (NULL) when there is none."""
    found = list(values)
    return reduce(join, found) if found else EMPTY


def depends_on(value: Value, key: str) -> bool:
    """Whether the value still speaks of what the variable held when the iteration began."""
    return any(isinstance(leaf, Ref) and leaf.key == key for leaf in leaves(value))


def close_loop(entry: Value, after: Value, key: str) -> Value:
    """What a variable can hold at the head of a loop, from its value before the loop and after one iteration.

    `after` speaks of the value at the head as `Ref(key)`. `v := v || x` becomes `entry x*`.
    References to other variables of the loop must have been replaced before.
    """
    if not depends_on(after, key):
        return join(entry, after)
    if isinstance(entry, Record) and isinstance(after, Record):
        names = dict.fromkeys([name for name, _ in entry.fields + after.fields])
        return Record(tuple((name, _everything(entry, after, key)) for name in names), _everything(entry, after, key))
    if isinstance(entry, Array) or isinstance(after, Array):
        return Array(_everything(entry, after, key))
    before, behind = [], []
    for choice in choices_of(as_text(after)):
        parts = choice.parts if isinstance(choice, Seq) else (choice,)
        at = [index for index, part in enumerate(parts) if part == Ref(key)]
        if len(at) != 1 or any(depends_on(part, key) for index, part in enumerate(parts) if index != at[0]):
            if not depends_on(choice, key):
                entry = join(entry, choice)
                continue
            return _everything(entry, after, key)
        before.append(seq(parts[: at[0]]))
        behind.append(seq(parts[at[0] + 1 :]))
    return seq([star(alt(before or [EMPTY])), as_text(entry), star(alt(behind or [EMPTY]))])


def choices_of(text: _Value) -> tuple[_Value | Text, ...]:
    """What the value can be: the choices of an alternative, else itself alone."""
    return text.choices if isinstance(text, Alt) else (text,)


def _everything(entry: Value, after: Value, key: str) -> Text:
    """Any text made of all that the two are made of."""
    found = dict.fromkeys(leaf for value in (entry, after) for leaf in leaves(value) if leaf != Ref(key))
    return star(alt(found or [EMPTY]))


def bounded(value: Value) -> Value:
    """The value; one of more than MAX_LEAVES leaves becomes any number of any of them."""
    if next(islice(leaves(value), MAX_LEAVES, None), None) is None:
        return value
    made = star(alt(dict.fromkeys(leaves(value))))
    if isinstance(value, Array):
        return Array(Record((), made) if isinstance(value.element, Record) else made)
    return Record((), made) if isinstance(value, Record) else made
