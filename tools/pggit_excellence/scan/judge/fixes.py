"""What mends a hole that is not quoted, or not as its place asks for: edits of format specifiers and of expressions.

A fix is `certain` only where honest input means the same afterwards:
- names of catalogs and triggers (relname, TG_TABLE_NAME) are exact: %I keeps them. A caller may pass `schema.table`,
  `MyTable` or `a, b` and mean it so: %I of a parameter is proposed, not applied.
- quotes that the program added by hand go together with %L or quote_literal(): the text between them stays the same.
  Not so where the text was changed before (quotes doubled by replace()).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pggit_excellence.scan.judge.lexing import Mode
from pggit_excellence.scan.judge.places import Kind
from pggit_excellence.scan.model import Edit, Fix
from pggit_excellence.scan.values.abstract import Hole, Place, Quoting, Source

Sources = Mapping[str, str]  # the text of each file
_EXACT = re.compile(r"TG_TABLE_NAME|TG_TABLE_SCHEMA|TG_RELNAME|TG_NAME", re.IGNORECASE)
_FUNCTION = {"I": "quote_ident", "L": "quote_literal"}
_CALL = re.compile(r"(?!coalesce\b|nullif\b)[\w.]+\s*\(", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"[A-Za-z0-9_]*\Z")
_WORD_BEHIND = re.compile(r"[A-Za-z0-9_]*")


def requote(hole: Hole, kind: Kind, sources: Sources) -> Fix | None:
    """%I or %L (quote_ident(), quote_literal()) for a hole outside of quotes, as its place asks for."""
    letter = {Kind.RELATION: "I", Kind.IDENTIFIER: "I", Kind.VALUE: "L"}.get(kind)
    if letter == "I" and _is_part_of_name(hole, sources):
        return split_name(hole, sources)
    if hole.specifier is None and _is_returned(hole, sources):
        return None  # the function may quote another part of it
    edits = _letter(hole, letter) if letter else ()
    if letter is None or not edits or _is_result_of(hole, letter):
        return None
    summary = f"quote it with {_call(hole, letter)}"
    if kind is Kind.RELATION and hole.origin.source is Source.PARAMETER:
        summary += "; where it may be schema.table, make it a parameter of type regclass and keep %s"
    return Fix(summary, edits, letter == "I" and _is_exact(hole))


def replace_letter(hole: Hole, letter: str, *, certain: bool) -> Fix | None:
    """Another quoting for a hole that has the wrong one (%L where a name is expected)."""
    if hole.specifier is None:
        return None  # quote_literal(x) may stand anywhere, its name is not known to be at the hole
    return Fix(f"quote it with {_call(hole, letter)}", _letter(hole, letter), certain)


def unquote_by_hand(hole: Hole, mode: Mode, sources: Sources) -> Fix | None:
    """Take the quotes away that stand right around the hole, and quote it with %L, or %I where they were "..."."""
    quote, letter = ('"', "I") if mode is Mode.NAME else ("'", "L")
    certain = not hole.derived
    if hole.place is not None and _adds_quotes(
        sources.get(hole.place.file, "")[hole.place.start : hole.place.end], quote
    ):
        return None
    if hole.specifier is not None:
        edits = _around_specifier(hole, hole.specifier, quote, letter, sources)
    elif hole.place is not None and hole.quoting is Quoting.RAW:
        edits = _around_operand(hole.place, quote, letter, sources)
    else:
        edits = ()
    return Fix(f"take the quotes away and use {_call(hole, letter)}", edits, certain) if edits else None


def split_name(hole: Hole, sources: Sources) -> Fix | None:
    """`route_%I_x` becomes %I with the whole name as its argument."""
    at, argument = hole.specifier, hole.place
    text = sources.get(at.file, "") if at else ""
    if at is None or argument is None or not text or at.end - at.start != 2 or at.file != argument.file:
        return None
    before = _WORD_BEFORE.search(text, max(0, at.start - 64), at.start)
    behind = _WORD_BEHIND.match(text, at.end)
    left, right = before.group() if before else "", behind.group() if behind else ""
    opening = _quotes_before(text, at.start - len(left))
    if (not left and not right) or opening != 1 or argument.start < at.end:
        return None
    inner = text[argument.start : argument.end]
    name = " || ".join(part for part in (left and f"'{left}'", inner, right and f"'{right}'") if part)
    edits = (Edit(Place(at.file, at.start - len(left), at.end + len(right)), "%I"), Edit(argument, name))
    return Fix("quote the whole name at once", edits, certain=hole.quoting is Quoting.IDENTIFIER)


def _call(hole: Hole, letter: str) -> str:
    return f"%{letter}" if hole.specifier else f"{_FUNCTION[letter]}()"


def _is_result_of(hole: Hole, letter: str) -> bool:
    """Whether the fix would call the function whose result this is: one that somebody has put in its place."""
    called = hole.origin.name.removeprefix("plpy.").removesuffix("()") == _FUNCTION[letter]
    return hole.specifier is None and hole.origin.source is Source.FUNCTION and called


def _is_returned(hole: Hole, sources: Sources) -> bool:
    """Whether the text comes out of a function of the program, to which it went in as it is."""
    at = hole.place
    call = at is not None and _CALL.match(sources.get(at.file, ""), at.start, at.end)
    unchanged = hole.origin.source is Source.PARAMETER and not hole.derived
    return bool(call and unchanged) or any(step.what.upper().startswith("RETURN") for step in hole.path)


def _is_part_of_name(hole: Hole, sources: Sources) -> bool:
    """Whether a word, or what may be one, stands right before or behind the hole."""
    at = hole.specifier or hole.place
    if at is None:
        return False
    text = sources.get(at.file, "")
    before, behind = text[max(0, at.start - 40) : at.start], text[at.end : at.end + 40]
    if hole.specifier is not None:
        return bool(re.search(r"[\w$]\Z", before) or re.match(r"[\w$]", behind))
    joined = re.search(r"\|\|\s*\Z", before) and not re.search(r"[^\w$'\"]'\s*\|\|\s*\Z", before)
    return bool(joined or (re.match(r"\s*\|\|", behind) and not re.match(r"\s*\|\|\s*'[^\w$'\"]", behind)))


def _is_exact(hole: Hole) -> bool:
    """Whether the text is a name as the catalogs have it."""
    if hole.derived:
        return False
    source, name = hole.origin.source, hole.origin.name
    return source is Source.CATALOG or (source is Source.TRIGGER and bool(_EXACT.fullmatch(name)))


def _letter(hole: Hole, letter: str) -> tuple[Edit, ...]:
    if hole.specifier is not None:
        at = hole.specifier
        return (Edit(Place(at.file, at.end - 1, at.end), letter),)
    if hole.place is not None and hole.quoting is Quoting.RAW:
        return _wrap(hole.place, _FUNCTION[letter])
    return ()


def _wrap(place: Place, function: str) -> tuple[Edit, ...]:
    return (
        Edit(Place(place.file, place.start, place.start), f"{function}("),
        Edit(Place(place.file, place.end, place.end), ")"),
    )


def _around_specifier(hole: Hole, at: Place, quote: str, letter: str, sources: Sources) -> tuple[Edit, ...]:
    text = sources.get(at.file, "")
    left = _run_before(text, at.start, quote)
    right = _run_behind(text, at.end, quote)
    many = _to_remove(left, right, quote)
    if not many:
        return ()
    written = text[at.start : at.end]
    edits: tuple[Edit, ...] = (Edit(Place(at.file, at.start - many, at.end + many), f"{written[:-1]}{letter}"),)
    if letter == "L" and written[-1] == "I":  # the text between the quotes stays the quoted name
        if len(written) != 2 or hole.place is None:
            return ()
        edits += _wrap(hole.place, "quote_ident")
    return edits


def _adds_quotes(operand: str, quote: str) -> bool:
    """Whether the operand itself puts quotes between texts, as array_to_string(names, ''', ''') does."""
    return (quote if quote == '"' else "'''") in operand


def _to_remove(left: int, right: int, quote: str) -> int:
    """How many quotes of the runs on both sides belong to the statement; 0: not clear.

    In a '...' string each is doubled, and the string's own quote may stand next to them. Single ones are the
    statement's only in a dollar quote, and cannot be told from the string's own.
    """
    if quote == '"':
        return 1 if left == right == 1 else 0
    return 2 if {left, right} <= {2, 3} else 0


def _around_operand(at: Place, quote: str, letter: str, sources: Sources) -> tuple[Edit, ...]:
    """`'... ''' || x || ''' ...'` and `'... "' || x || '" ...'`."""
    text = sources.get(at.file, "")
    doubled = "''" if quote == "'" else '"'
    before = re.search(rf"{doubled}'(\s*\|\|\s*)\Z", text[max(0, at.start - 40) : at.start])
    alone = "(?=[^']|'(?!'))" if quote == "'" else '(?!")'  # not one of a longer run of quotes
    behind = re.match(rf"(\s*\|\|\s*)'{doubled}{alone}", text[at.end : at.end + 40])
    if not before or not behind:
        return ()
    start = at.start - len(before.group(1)) - 1 - len(doubled)
    end = at.end + len(behind.group(1)) + 1
    return (
        Edit(Place(at.file, start, start + len(doubled)), ""),
        *_wrap(at, _FUNCTION[letter]),
        Edit(Place(at.file, end, end + len(doubled)), ""),
    )


def _run_before(text: str, position: int, character: str) -> int:
    return position - len(text[:position].rstrip(character)) if position else 0


def _run_behind(text: str, position: int, character: str) -> int:
    rest = text[position : position + 8]
    return len(rest) - len(rest.lstrip(character))


def _quotes_before(text: str, position: int) -> int:
    """Length of the nearest run of single quotes before `position`."""
    last = text.rfind("'", 0, position)
    return _run_before(text, last + 1, "'") if last >= 0 else 0
