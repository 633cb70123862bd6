"""Operations on abstract texts that more than one function of the server needs: quoting, cutting, trimming, replacing.

Each covers every run-time result. `changed` is the answer to whatever is not worth more: text made of the same leaves,
in which quotes can have been lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Alt,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Record,
    Ref,
    Seq,
    Source,
    Star,
    Text,
    Value,
    alt,
    as_text,
    choices_of,
    derived,
    holes,
    is_constant,
    leaves,
    map_leaves,
    seq,
    star,
)

LASTING = frozenset([Quoting.INERT, Quoting.WORD, Quoting.FIXED])  # whatever is cut from them stays harmless
QUOTED = frozenset([Quoting.IDENTIFIER, Quoting.QUALIFIED, Quoting.LITERAL])
# Characters that begin or end none of the quoted texts.
BLANKS = frozenset(" \t\n\r\f\v,;")
# What a loop makes of its own variable by a function that can cut quotes cannot be closed over.
LOOP = Hole(Quoting.RAW, Origin(Source.UNKNOWN, "text changed again and again by a loop"), derived=True)


def representative(value: Value) -> Hole | None:
    """The hole that stands for the value when one hole has to: the worst of those that are not the program's own text.

    What anyone may have chosen comes before what is quoted or harmless: those who judge the hole ask who chose it.
    """
    found = list(holes(value))
    refs = any(isinstance(leaf, Ref) for leaf in leaves(value))
    chosen = [hole for hole in found if hole.quoting != Quoting.FIXED and hole.origin.source is not Source.CONSTANT]
    raw = next((hole for hole in chosen if hole.quoting is Quoting.RAW), None)
    return raw or next(iter(chosen or ([LOOP] if refs else found)), None)


def one_hole(value: Value, quoting: Quoting, name: str = "") -> Hole:
    """The value as a single hole of that quoting."""
    hole = representative(value) or Hole(Quoting.FIXED, Origin(Source.CONSTANT, _shown(value)))
    derived_now = hole.derived or hole != value
    return replace(
        hole, quoting=quoting, type=name or hole.type, derived=derived_now, inner=None, place=None, specifier=None
    )


def _shown(value: Value) -> str:
    return repr(next((leaf.text for leaf in leaves(value) if isinstance(leaf, Const) and leaf.text), "")[:40])


def changed(*values: Value) -> Text:
    """Text made of the values in a way that is not known: order, case, quotes and ends can be lost."""
    made_of = dict.fromkeys(leaf for value in values for leaf in leaves(value) if leaf != EMPTY)
    found = dict.fromkeys(map(derived, made_of))
    if not found:
        return EMPTY
    if len(found) == 1:
        only = next(iter(found))
        return only if not isinstance(only, Ref) else star(alt([only, LOOP]))
    if any(isinstance(leaf, Ref) for leaf in found):
        found[LOOP] = None
    return star(alt(found))


def mixed(*values: Value) -> Text:
    """Text in which pieces of all values can stand in any order, as a caller likes.

    Words and numbers stay harmless only where nothing is put between them that makes more than one word of them.
    """
    text = changed(*values)
    found = list(dict.fromkeys(leaf for value in values for leaf in leaves(value)))
    pieces = [leaf for leaf in found if not _is_chosen(leaf)]
    chosen = {leaf.quoting for leaf in found if isinstance(leaf, Hole) and _is_chosen(leaf)}
    harmless = {Quoting.WORD: _ONE_WORD, Quoting.INERT: _BESIDE_NUMBERS}
    if not chosen or (len(chosen) == 1 and all(_fits(leaf, harmless[next(iter(chosen))]) for leaf in pieces)):
        return text
    return _as_text(map_leaves(text, _exposed))


def inserted(text: Text, insert: Text) -> Text:
    """`text` with `insert` in some places: what the program wrote around the holes of `text` stays around them."""
    kept = changed(text, insert)
    chosen = [leaf for leaf in leaves(text) if isinstance(leaf, Hole) and _is_chosen(leaf)]
    if insert == EMPTY or not chosen or mixed(*chosen, insert) == changed(*chosen, insert):
        return kept
    return _as_text(map_leaves(kept, _exposed))


def reread(value: Value) -> Text:
    """The text read in another way (decoded, unescaped): harmless characters can stand for any others."""
    return _as_text(map_leaves(changed(value), _exposed))


_ONE_WORD = re.compile(r"[A-Za-z0-9_]*")
# No minus: together with that of a number it would begin a comment.
_BESIDE_NUMBERS = re.compile(r"[A-Za-z0-9_ .:+/,]*")


def _is_chosen(leaf: Const | Hole | Ref) -> bool:
    """Whether it is harmless text that somebody else than the program chose."""
    return (
        isinstance(leaf, Hole)
        and leaf.quoting in {Quoting.WORD, Quoting.INERT}
        and leaf.origin.source is not Source.CONSTANT
    )


def _fits(leaf: Const | Hole | Ref, harmless: re.Pattern[str]) -> bool:
    return isinstance(leaf, Const) and bool(harmless.fullmatch(leaf.text))


def _exposed(leaf: Const | Hole | Ref) -> Text:
    return replace(leaf, quoting=Quoting.RAW, derived=True) if isinstance(leaf, Hole) and _is_chosen(leaf) else leaf


def _as_text(value: Value) -> Text:
    """A value that is known to be a text."""
    return value if not isinstance(value, Record | Array) else changed(value)


def printed(value: Value) -> Text:
    """The value as text: an array or record is printed with quotes of its own around what needs them."""
    if not isinstance(value, Record | Array):
        return value
    text = changed(value)
    return text if isinstance(text, Hole) and text.quoting == Quoting.RAW else changed(value, Const('{"": ,}'))


def perhaps_null(value: Value) -> Value:
    """What may be NULL because there is no row: a guard must not take a constant, or an array of them, for certain."""
    if isinstance(value, Array):
        return Array(value.element) if value.items else value
    return alt([value, EMPTY]) if not isinstance(value, Record) and is_constant(value) else value


_ROWS = re.compile(r"\b(?:from|where|having|limit|offset|fetch|values|returning)\b", re.IGNORECASE)


def may_have_no_row(query: str) -> bool:
    """Whether a query is more than a list of expressions."""
    return _ROWS.search(query) is not None


def each_constant(value: Value, exact: Callable[[str], str]) -> Text | None:
    """The result of an exact function of a text that is one of several constants; None where it is anything else."""
    choices = choices_of(value)
    known = [choice for choice in choices if isinstance(choice, Const)]
    return alt(Const(exact(choice.text)) for choice in known) if len(known) == len(choices) else None


@lru_cache(maxsize=1)
def _keywords() -> frozenset[str]:
    """Words that quote_ident() quotes: every keyword but the unreserved ones."""
    from pglast import keywords

    return frozenset(keywords.RESERVED_KEYWORDS | keywords.COL_NAME_KEYWORDS | keywords.TYPE_FUNC_NAME_KEYWORDS)


def quote_identifier(text: str) -> str:
    """A known text as the server quotes it: an identifier."""
    if re.fullmatch("[a-z_][a-z0-9_]*", text) and text not in _keywords():
        return text
    return '"' + text.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """A known text as the server quotes it: a string constant."""
    doubled = text.replace("'", "''").replace("\\", "\\\\")
    return f"E'{doubled}'" if "\\" in text else f"'{doubled}'"


def requote(value: Value, quoting: Quoting, name: str = "") -> Text:
    """What the server's quoting makes of a value: exact for constants, else one hole."""
    exact = {Quoting.IDENTIFIER: quote_identifier, Quoting.LITERAL: quote_literal}.get(quoting)
    known = each_constant(value, exact) if exact and value != EMPTY else None
    if known is not None:
        null = quoting == Quoting.LITERAL and isinstance(value, Alt) and EMPTY in value.choices
        return alt([known, Const("NULL")]) if null else known
    if isinstance(value, Alt):
        return alt(requote(choice, quoting, name) for choice in value.choices)
    hole = one_hole(value, quoting, name)
    return replace(hole, inner=value) if quoting is Quoting.LITERAL and isinstance(value, Seq | Star) else hole


def placed(value: Text, place: Place | None, specifier: Place | None = None) -> Text:
    """The value spliced at `place`: a bare hole is spliced there now, what was spliced into a longer text stays."""
    if place is None:
        return value
    match value:
        case Hole():
            return replace(value, place=place, specifier=specifier)
        case Alt(choices):
            return Alt(tuple(placed(choice, place, specifier) for choice in choices))
        case Seq(parts):
            return Seq(tuple(_placed_inside(part, place, specifier) for part in parts))
        case Star(body):
            return Star(_placed_inside(body, place, specifier))
        case _:
            return value


def _placed_inside(value: Text, place: Place, specifier: Place | None) -> Text:
    def here(leaf: Const | Hole | Ref) -> Text:
        return replace(leaf, place=place, specifier=specifier) if isinstance(leaf, Hole) and not leaf.place else leaf

    return as_text(map_leaves(value, here))


def slice_const(const: Const, start: int, end: int) -> Const:
    """Characters `start` to `end` of a constant, with their place."""
    place = const.place
    if place is not None:
        place = Place(place.file, place.start + start, place.start + end)
    return Const(const.text[start:end], place)


# Cutting and trimming at an end -------------------------------------------------------------------------------------

Rest = tuple[Text | None, bool]  # what is left when something is left; whether all of it can have gone


def trim(text: Text, blanks: frozenset[str] | None, left: bool, right: bool) -> Text:
    """ltrim, rtrim, btrim; `blanks` are the characters that go, None when they are not known."""
    if blanks is None:
        return changed(text)
    for at_end in ([False] if left else []) + ([True] if right else []):
        kept, gone = _trimmed(text, blanks, at_end)
        text = alt([choice for choice in (kept, EMPTY if gone else None) if choice is not None])
    return text


def _trimmed(text: Text, blanks: frozenset[str], at_end: bool) -> Rest:
    rest: Rest = (changed(text), True)
    match text:
        case Const(value):
            kept = value.rstrip("".join(blanks)) if at_end else value.lstrip("".join(blanks))
            first = 0 if at_end else len(value) - len(kept)
            rest = (slice_const(text, first, first + len(kept)) if kept else None), not kept
        case Hole(quoting=quoting) if quoting in LASTING:
            rest = text, quoting == Quoting.FIXED or not blanks <= BLANKS
        case Hole(quoting=quoting) if quoting in QUOTED | {Quoting.SQL} and blanks <= BLANKS:
            rest = text, False
        case Alt(choices):
            rests = [_trimmed(choice, blanks, at_end) for choice in choices]
            rest = _either([kept for kept, _ in rests]), any(gone for _, gone in rests)
        case Star(body):
            rest = _beside(text, _trimmed(body, blanks, at_end)[0], at_end), True
        case Seq(parts):
            rest = _peel(parts, lambda part: _trimmed(part, blanks, at_end), at_end)
    return rest


def _either(choices: list[Text | None]) -> Text | None:
    known = [choice for choice in choices if choice is not None]
    return alt(known) if known else None


def _beside(before: Text, rest: Text | None, at_end: bool) -> Text | None:
    if rest is None:
        return None
    return seq([before, rest] if at_end else [rest, before])


def _peel(parts: tuple[Text, ...], one: Callable[[Text], Rest], at_end: bool) -> Rest:
    """Apply an operation to the outermost part, and to the next one where the whole part can go."""
    found: list[Text | None] = []
    order = list(parts) if at_end else list(parts)[::-1]
    while order:
        rest, gone = one(order.pop())
        inner = order if at_end else order[::-1]
        found.append(_beside(seq(inner), rest, at_end))
        if not gone:
            return _either(found), False
    return _either(found), True


def cut(text: Text, count: int, at_end: bool) -> Text:
    """The text without its first or last `count` characters."""
    if count <= 0:
        return text
    match text:
        case Const(value):
            first, last = (0, len(value) - count) if at_end else (count, len(value))
            text = slice_const(text, first, last) if first < last else EMPTY
        case Alt(choices):
            text = alt(cut(choice, count, at_end) for choice in choices)
        case Star(body) if _least(body) >= count:
            text = alt([EMPTY, seq([text, cut(body, count, at_end)] if at_end else [cut(body, count, at_end), text])])
        case Seq(parts):
            text = _cut_parts(parts, count, at_end)
        case Hole(quoting=quoting) if quoting in LASTING:
            pass
        case _:
            text = changed(text)
    return text


def _cut_parts(parts: tuple[Text, ...], count: int, at_end: bool) -> Text:
    outer, inner = (parts[-1], parts[:-1]) if at_end else (parts[0], parts[1:])
    least = _least(outer)
    if least >= count:
        pieces = [*inner, cut(outer, count, at_end)] if at_end else [cut(outer, count, at_end), *inner]
        return seq(pieces)
    if isinstance(outer, Const):
        return cut(seq(inner), count - least, at_end)
    if isinstance(outer, Star) and _least(outer.body) >= count:  # no round at all: the cut reaches further in
        some = [*inner, outer, cut(outer.body, count, at_end)]
        first = [cut(outer.body, count, at_end), outer, *inner]
        return alt([cut(seq(inner), count, at_end), seq(some if at_end else first)])
    return changed(seq(parts))


def _least(text: Text) -> int:
    """The least number of characters."""
    match text:
        case Const(value):
            return len(value)
        case Seq(parts):
            return sum(map(_least, parts))
        case Alt(choices):
            return min(map(_least, choices))
        case _:
            return 0


# Replacing ----------------------------------------------------------------------------------------------------------

_INERT_TEXT = re.compile(r"[\w .:+/,()\[\]<>|{}\"@$%-]|[^\x00-\x7f]")
_SIMPLE_TEXT = re.compile(r"[\w .:+-]")
_WORD_TEXT = re.compile(r"[\w$]")
# Types whose texts are made of digits, letters, blanks and - + : . alone.
_SIMPLE = frozenset(
    ["int2", "int4", "int8", "float4", "float8", "bool", "oid", "uuid", "date", "interval"]
) | frozenset(["time", "timetz", "timestamp", "timestamptz"])
_PLACEHOLDER = re.compile(r"[{$@%][A-Za-z_]")  # {name}, @name@: no number or range has a letter there


def substitute(text: Text, search: str, insert: Text) -> Text:
    """replace(text, search, insert): exact where the search text can only stand in constants."""
    if not search:
        return text
    if any(not _untouched(hole, search) for hole in holes(text)) or _spans(text, search):
        return inserted(text, insert)
    return _substituted(text, search, insert)


def _untouched(hole: Hole, search: str) -> bool:
    """Whether nothing in the hole can be part of the search text."""
    inert = _SIMPLE_TEXT if hole.type in _SIMPLE else _INERT_TEXT
    possible = {Quoting.INERT: inert, Quoting.WORD: _WORD_TEXT}.get(hole.quoting)
    if possible is None:
        return False
    return not all(map(possible.fullmatch, search)) or bool(_PLACEHOLDER.search(search))


def _spans(text: Text, search: str) -> bool:
    """Whether the search text could begin in one part and end in another."""
    if isinstance(text, Const):
        return False
    if isinstance(text, Alt) and all(isinstance(choice, Const) for choice in text.choices):
        return False
    inner = {search[:size] for size in range(1, len(search))}
    tails = {search[size:] for size in range(1, len(search))}
    for leaf in leaves(text):
        if isinstance(leaf, Ref):
            return True
        if isinstance(leaf, Const):
            known = leaf.text
            ends = any(known.endswith(start) for start in inner) or any(known.startswith(tail) for tail in tails)
            if ends or (known and known in search and known != search):
                return True
    return False


def _substituted(text: Text, search: str, insert: Text) -> Text:
    match text:
        case Const(value) if search in value:
            pieces, start = [], 0
            for match_ in re.finditer(re.escape(search), value):
                pieces += [slice_const(text, start, match_.start()), insert]
                start = match_.end()
            return seq([*pieces, slice_const(text, start, len(value))])
        case Seq(parts):
            return seq(_substituted(part, search, insert) for part in parts)
        case Alt(choices):
            return alt(_substituted(choice, search, insert) for choice in choices)
        case Star(body):
            return star(_substituted(body, search, insert))
        case _:
            return text


# Constants of arrays ------------------------------------------------------------------------------------------------

_ARRAY_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^"{},\\]|\\.)+?))\s*([,}])', re.DOTALL)


def array_items(text: str) -> list[str] | None:
    """The elements of a one-dimensional array constant, '' for NULL; None for anything else."""
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    if not text[1:-1].strip():
        return []
    items, position = [], 1
    while match := _ARRAY_ITEM.match(text, position):
        quoted, plain, end = match.groups()
        if quoted is None and plain.upper() == "NULL":
            items.append("")
        else:
            items.append(re.sub(r"\\(.)", r"\1", quoted if quoted is not None else plain, flags=re.DOTALL))
        position = match.end()
        if end == "}":
            return items if position == len(text) else None
    return None
