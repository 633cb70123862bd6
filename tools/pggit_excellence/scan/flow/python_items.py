"""What a variable of a Python body may hold, and what it may hold where two ways meet or a loop begins anew."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pggit_excellence.scan.flow.python_texts import element, merged, unknown
from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
    Const,
    Hole,
    Record,
    Seq,
    Source,
    Star,
    Text,
    Value,
    alt,
    as_text,
    choices_of,
    leaves,
    seq,
    star,
)

SINKS = {"plpy.execute", "plpy.prepare", "plpy.cursor"}


@dataclass(frozen=True, slots=True)
class Thing:
    """What is no text: a module, a function, a prepared plan, None."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None = None
    depth: int = 0  # of calls where a local function was defined
    frame: int = 0  # the call in which it was


PLAN, NONE = Thing("plan"), Thing("None")
Item = Value | Thing
Env = dict[str, Item]
Arguments = tuple[list[Item], dict[str, Item]]  # by position, by name


class TooMuchError(Exception):
    """The body takes more steps than any real one."""


@dataclass(slots=True)
class Frame:
    """A function that is being run, or the body itself."""

    number: int = 0
    returned: list[Item] = field(default_factory=list)
    left: list[Env] = field(default_factory=list)  # the state at each return and raise
    breaks: list[Env] = field(default_factory=list)
    continues: list[Env] = field(default_factory=list)


def as_value(item: Item) -> Value:
    """The value of an item; of what is no text one of which nothing is known."""
    if not isinstance(item, Thing):
        return item
    if item == NONE:
        return Const("None")
    if item.name == "rows":
        return Array(Record((), unknown("a row of plpy.execute()", Source.TABLE)))
    return unknown(item.name)


def either(left: Item, right: Item) -> Item:
    """Either; a plan is no SQL text and None is never run, so that the other one counts. A sink stays one."""
    if left == right:
        return left
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Thing) and (one in (NONE, PLAN) or (isinstance(other, Thing) and other.name in SINKS)):
            return other
    if isinstance(left, Thing) or isinstance(right, Thing):
        runs = (item for item in (left, right) if isinstance(item, Thing) and item.name in {*SINKS, "plpy"})
        return next(runs, None) or unknown("one of several things")
    for one, other in ((left, right), (right, left)):
        if not isinstance(one, Record | Array) and not isinstance(other, Record | Array):
            parts, longer = _parts(one), _parts(other)
            if longer[: len(parts)] == parts:  # perhaps something was added
                return seq([one, alt([EMPTY, seq(longer[len(parts) :])])])
    return merged([left, right]) or EMPTY


def any_of(items: list[Item]) -> Item:
    """One of the items, which are one at least."""
    found = items[0]
    for item in items[1:]:
        found = either(found, item)
    return found


def join_states(states: Iterable[Env | None]) -> Env | None:
    """What the variables hold where several ways meet; None if none of them is taken."""
    found: Env | None = None
    for state in states:
        if state is None:
            continue
        if found is None:
            found = state
        elif state is not found:
            one, other = found, state
            found = {
                name: either(one.get(name, item), other.get(name, item)) for name, item in {**one, **other}.items()
            }
    return found


def widened(head: Env, behind: Env, attempt: int) -> Env:
    """The state at the head of a loop once one more round is counted in; the same where nothing new came."""
    found = {}
    for name in {**head, **behind}:
        old, new = head.get(name, behind.get(name, NONE)), behind.get(name, head.get(name, NONE))
        if old == new:
            found[name] = old
        elif isinstance(old, Thing | Record | Array) or isinstance(new, Thing | Record | Array):
            found[name] = either(old, new) if attempt < 3 else _everything(old, new)
        else:
            found[name] = old if _covers(old, new) else _repeated(old, new, attempt)
    return found


def _everything(old: Item, new: Item) -> Item:
    """Arrays and records that grow and grow: any element may be anything of which they are made."""
    if isinstance(old, Thing) or isinstance(new, Thing):
        return either(old, new)
    made: Text = star(alt(dict.fromkeys(leaf for value in (old, new) for leaf in leaves(value)) or [EMPTY]))
    if isinstance(old, Array) and isinstance(new, Array):
        return old if old == Array(made) or _covers(as_text(old.element), as_text(element(new))) else Array(made)
    if isinstance(old, Record) and isinstance(new, Record):
        return old if _same_leaves(old, new) else Record((), made)
    return made


def _same_leaves(old: Value, new: Value) -> bool:
    return isinstance(old, Record) and not old.fields and set(leaves(new)) <= set(leaves(old))


def _covers(old: Text, new: Text) -> bool:
    """Whether `old` contains every text of `new`, as far as that is plain to see."""
    choices = choices_of(old)
    news = choices_of(new)
    if isinstance(old, Star) and all(leaf in _single(old.body) for leaf in leaves(new)):
        return True
    return all(choice in choices or _is_one_more(old, choice) for choice in news)


def _single(body: Text) -> tuple[Text, ...]:
    """The leaves that the body of a star is a choice of."""
    choices = choices_of(body)
    return tuple(choice for choice in choices if isinstance(choice, Const | Hole))


def _is_one_more(old: Text, new: Text) -> bool:
    """Whether `new` is `old`, which ends or begins with a star, with one more round of that star."""
    parts, longer = _parts(old), _parts(new)
    for at, rest in ((-1, longer[len(parts) :]), (0, longer[: len(longer) - len(parts)])):
        repeated = parts[at] if parts else old
        same = longer[: len(parts)] == parts if at else longer[len(rest) :] == parts
        if same and isinstance(repeated, Star):
            rounds = choices_of(repeated.body)
            if seq(rest) in rounds or not rest:
                return True
    return False


def _parts(text: Text) -> tuple[Text, ...]:
    if isinstance(text, Seq):
        return text.parts
    return (text,) if text != EMPTY else ()


def _repeated(old: Text, new: Text, attempt: int) -> Text:
    """`s += x` as s x*, `s = x + s` as x* s; anything else, or what is no such thing after all, as any mixture."""
    before, behind = _parts(old), (choices_of(new))
    rounds, others = [], []
    for choice in behind:
        parts = _parts(choice)
        if choice == old:
            continue
        if parts[: len(before)] == before:
            rounds.append(seq(parts[len(before) :]))
        else:
            others.append(choice)
    if attempt == 0 and rounds and not others:
        return seq([old, star(alt(rounds))])
    ends = [_parts(choice) for choice in others]
    if attempt == 0 and before and not rounds and all(parts[len(parts) - len(before) :] == before for parts in ends):
        return seq([star(alt(seq(parts[: len(parts) - len(before)]) for parts in ends)), old])
    if attempt < 3 and not rounds:
        return alt([old, new])
    return star(alt(dict.fromkeys(leaf for value in (old, new) for leaf in leaves(value) if leaf != EMPTY)))
