"""What variables hold at the head of a loop, whatever iteration begins.

The body is analysed with a `Ref` in the place of each text that it may change; `close` turns what came out of that
into one value for all iterations. `covers` then checks the value by what a further iteration makes of it, because not
every function keeps a `Ref` visible (lower() of it is something else than it).
"""

from __future__ import annotations

from collections.abc import Mapping

from pggit_excellence.scan.flow.environment import join_arrays
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Alt,
    Array,
    Const,
    Hole,
    Record,
    Ref,
    Seq,
    Star,
    Text,
    Value,
    alt,
    as_text,
    close_loop,
    depends_on,
    join,
    leaves,
    map_leaves,
    seq,
    star,
)

Equations = dict[str, tuple[Text, Text]]  # key of a Ref -> (before the loop, after one iteration)


def symbolic(value: Value, key: str) -> Value:
    """The value with a reference in the place of each text: fields are `key.field`, elements `key[]`."""
    match value:
        case Record(fields, rest):
            return Record(tuple((name, symbolic(item, f"{key}.{name}")) for name, item in fields), rest)
        case Array(element):
            return Array(symbolic(element, f"{key}[]"))
        case _:
            return Ref(key)


def close(entries: Mapping[str, Value], afters: Mapping[str, Value]) -> dict[str, Value]:
    """What each variable holds at the head, from its value before the loop and after one symbolic iteration."""
    equations: Equations = {}
    for key, entry in entries.items():
        _collect(entry, afters.get(key, entry), key, equations)
    solved = _solve(equations)
    return {key: _rebuild(entry, afters.get(key, entry), key, solved) for key, entry in entries.items()}


def covers(entry: Value, head: Value, after: Value, *, strict: bool) -> bool:
    """Whether one more iteration adds nothing.

    What was closed as an equation needs only be made of the same things. What was guessed (`strict`, and fields that a
    record got in the loop) must be the same texts, or any number of the same things.
    """
    match head, after:
        case Record(), Record():
            given = dict(entry.fields) if isinstance(entry, Record) else {}
            fields = all(
                (known := head.get(name)) is not None
                and covers(given.get(name, EMPTY), known, item, strict=strict or name not in given)
                for name, item in after.fields
            )
            return fields and _covers_rest(head.rest, after.rest)
        case Array(), Array():
            inner = entry.element if isinstance(entry, Array) else EMPTY
            return after.items == () or covers(inner, head.element, after.element, strict=strict)
        case Record() | Array(), _:
            return after == EMPTY
        case _:
            after = as_text(after)
            if strict and not isinstance(head, Star):
                return join(head, after) == head
            return after == EMPTY or set(leaves(after)) <= set(leaves(head))


def _covers_rest(head: Text | None, after: Text | None) -> bool:
    return after is None or after == EMPTY or (head is not None and set(leaves(after)) <= set(leaves(head)))


def widen(head: Value, after: Value) -> Value:
    """A value that covers both and everything that can be made by repeating them."""
    match head, after:
        case Record(), Record():
            names = dict.fromkeys(name for name, _ in head.fields + after.fields)
            fields = tuple((name, widen(head.get(name) or EMPTY, after.get(name) or EMPTY)) for name in names)
            rests = [record.rest for record in (head, after) if record.rest is not None]
            return Record(fields, _everything(*rests) if rests else None)
        case Array(), Array():
            return Array(widen(head.element, after.element))
        case _:
            return _everything(as_text(head), as_text(after))


def _collect(entry: Value, after: Value, key: str, equations: Equations) -> None:
    match entry, after:
        case Record(), Record():
            for name, item in entry.fields:
                changed = after.get(name)
                _collect(item, EMPTY if changed is None else changed, f"{key}.{name}", equations)
        case Record(), _:
            for name, item in entry.fields:
                _collect(item, as_text(after), f"{key}.{name}", equations)
        case Array(), Array():
            _collect(entry.element, after.element, f"{key}[]", equations)
        case Array(), _:
            _collect(entry.element, as_text(after), f"{key}[]", equations)
        case _:
            equations[key] = (as_text(entry), as_text(after))


def _solve(equations: Equations) -> dict[str, Text]:
    """The references among the variables resolved, one after the other; those that need each other at once."""
    needs = {
        key: {leaf.key for leaf in leaves(after) if isinstance(leaf, Ref) and leaf.key in equations} - {key}
        for key, (_, after) in equations.items()
    }
    solved: dict[str, Text] = {}
    while len(solved) < len(equations):
        reach = {key: _reachable(key, needs, solved) for key in equations if key not in solved}
        chosen = min(reach, key=lambda key: (len(reach[key]), key))
        group = sorted(reach[chosen])
        if len(group) == 1:
            entry, after = equations[chosen]
            solved[chosen] = as_text(close_loop(entry, _spread(_substitute(after, solved), chosen), chosen))
            continue
        texts = [_substitute(text, solved) for key in group for text in equations[key]]
        own = {Ref(key) for key in group}
        mixed = dict.fromkeys(leaf for text in texts for leaf in leaves(text) if leaf not in own)
        solved.update(dict.fromkeys(group, star(alt(mixed or [EMPTY]))))
    return solved


def _spread(text: Text, key: str) -> Text:
    """`(v ', ' | '') x` as `v ', ' x | '' x`: the reference in no choice inside of a sequence."""
    if isinstance(text, Alt):
        return alt(_spread(choice, key) for choice in text.choices)
    if not isinstance(text, Seq):
        return text
    for index, part in enumerate(text.parts):
        if isinstance(part, Alt) and depends_on(part, key):
            before, behind = text.parts[:index], text.parts[index + 1 :]
            return alt(_spread(seq([*before, choice, *behind]), key) for choice in part.choices)
    return text


def _reachable(key: str, needs: Mapping[str, set[str]], solved: Mapping[str, Text]) -> set[str]:
    found, waiting = {key}, [key]
    while waiting:
        new = needs[waiting.pop()] - found - solved.keys()
        found |= new
        waiting.extend(new)
    return found


def _substitute(value: Value, solved: Mapping[str, Text]) -> Text:
    def change(leaf: Const | Hole | Ref) -> Text:
        return solved.get(leaf.key, leaf) if isinstance(leaf, Ref) else leaf

    return as_text(map_leaves(value, change))


def _rebuild(entry: Value, after: Value, key: str, solved: Mapping[str, Text]) -> Value:
    match entry, after:
        case Record(), Record():
            fields = {
                name: _rebuild(item, after.get(name) or EMPTY, f"{key}.{name}", solved) for name, item in entry.fields
            }
            missing = entry.rest if entry.rest is not None else EMPTY
            for name, item in after.fields:
                if name not in fields:
                    fields[name] = join(missing, _resolved(item, solved))
            rests = [_substitute(record.rest, solved) for record in (entry, after) if record.rest is not None]
            return Record(tuple(fields.items()), alt(rests) if rests else None)
        case Array(), Array():
            if entry.items == () and after.items == ():
                return entry
            element = _rebuild(entry.element, after.element, f"{key}[]", solved)
            return Array(_without_empty(element) if entry.items == () else element)
        case (Record() | Array(), _) | (_, Record() | Array()):
            return join_arrays(entry, _resolved(after, solved))
        case _:
            return solved[key]


def _resolved(value: Value, solved: Mapping[str, Text]) -> Value:
    return map_leaves(value, lambda leaf: solved.get(leaf.key, leaf) if isinstance(leaf, Ref) else leaf)


def _without_empty(element: Value) -> Value:
    """An array that was empty before the loop has no element of its own: the empty text only stood for none."""
    if isinstance(element, Alt) and EMPTY in element.choices:
        return alt(choice for choice in element.choices if choice != EMPTY)
    return element


def _everything(*texts: Text) -> Text:
    return star(alt(dict.fromkeys(leaf for text in texts for leaf in leaves(text)) or [EMPTY]))
