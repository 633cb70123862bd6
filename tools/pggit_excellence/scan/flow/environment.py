"""The variables of a PL/pgSQL routine: which name means which variable, and what each holds at one point.

Names are resolved as the server's plpgsql_ns_lookup does: from the innermost block outwards, at each level first as a
variable (or the field of a record), then as `label.variable`. Values are kept apart from names, by `Variable.key`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce

from pggit_excellence.scan.flow.guards import agreed
from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.plpgsql.syntax import Declaration
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
    Record,
    Text,
    Value,
    as_text,
    derived,
    join,
    leaves,
    map_leaves,
)
from pggit_excellence.scan.values.abstract import alt as one_of
from pggit_excellence.scan.values.scope import Truth
from pggit_excellence.scan.values.sqltypes import is_built_in, parse_type
from pggit_excellence.scan.values.terms import record_field

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable; `key` is unique in its routine, `type` is resolved (no %TYPE), '' where it is not known."""

    key: str
    name: str
    type: str
    row: bool = False  # a record, or a row of a known table or composite type
    cursor: Declaration | None = None

    @property
    def is_scalar(self) -> bool:
        """Whether it is known to have no fields: `v.x` is then something else."""
        return not self.row and is_built_in(parse_type(self.type))


@dataclass(slots=True)
class Frame:
    """The names that one block declares, and the frame around it."""

    label: str = ""
    parent: Frame | None = None
    names: dict[str, Variable] = field(default_factory=dict)

    def find(self, names: Names) -> tuple[Variable, Names] | None:
        """The variable that a name means, and the fields that are left of the name; None: no variable."""
        frame: Frame | None = self
        while frame is not None:
            found = frame._here(names)
            if found is not None:
                return found
            frame = frame.parent
        return None

    def _here(self, names: Names) -> tuple[Variable, Names] | None:
        first = self.names.get(names[0])
        qualified = self.names.get(names[1]) if len(names) > 1 and self.label == names[0] else None
        if first is not None and (len(names) == 1 or not first.is_scalar):
            return first, names[1:]
        return (qualified, names[2:]) if qualified is not None else None

    def visible(self) -> Iterator[Variable]:
        """Every variable of this frame and of those around it, shadowed ones too."""
        frame: Frame | None = self
        while frame is not None:
            yield from frame.names.values()
            frame = frame.parent


# What a field of a variable (its key, the names of the field) is.
Known = Mapping[tuple[str, Names], Value]


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a variable beside its value, until it or what it says something of is assigned.

    `given`: it holds a constant that is not NULL. `proves`: what others are where this one, a boolean that was assigned
    a condition, is true...; None where it cannot be that.
    """

    given: bool = False
    proves: Mapping[Truth, Known | None] = field(default_factory=dict)

    def speaks_of(self, key: str) -> bool:
        """Whether it says something of that variable."""
        return any(about == key for known in self.proves.values() for about, _ in known or ())


@dataclass(slots=True)
class State:
    """What each variable holds at one point of the routine.

    `refined` has, for a variable that a guard has narrowed since it was assigned, what it holds without the guard:
    where the two ways meet again, that is what they agree on. `facts` is never changed but replaced.
    """

    values: dict[str, Value] = field(default_factory=dict)
    refined: dict[str, Value] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def copy(self) -> State:
        """A state that can be changed alone."""
        return State(dict(self.values), dict(self.refined), self.facts)

    def set(self, key: str, value: Value) -> None:
        """The variable is assigned."""
        self.values[key] = value
        self.refined.pop(key, None)
        self.outdate(key)

    def outdate(self, key: str) -> None:
        """What is known beside the values is not true any more of this variable."""
        if self.facts:
            self.facts = {name: fact for name, fact in self.facts.items() if name != key and not fact.speaks_of(key)}

    def learn(self, key: str, fact: Fact) -> None:
        """Something is known of the variable that was assigned last."""
        self.facts = {**self.facts, key: fact}

    def known(self) -> Known:
        """What guards have proved of texts."""
        return {(key, ()): self.values[key] for key in self.refined if isinstance(self.values[key], Text)}

    def refine(self, key: str, value: Value) -> None:
        """A guard has narrowed the variable."""
        self.refined.setdefault(key, self.values[key])
        self.values[key] = value


ROWS = "#rows"  # behind the key of a cursor: the rows that it yields


def join_states(states: Iterable[State | None]) -> State | None:
    """Where several ways meet; None: none of them gets here."""
    reached = [state for state in states if state is not None]
    return reduce(_join_two, reached) if reached else None


def name_of(key: str) -> str:
    """The name of the variable with that key."""
    return key.partition("@")[0]


def _join_two(left: State, right: State) -> State:
    joined = State({key: value for key, value in right.values.items() if key.endswith(ROWS) and key not in left.values})
    if left.facts and right.facts:
        joined.facts = _join_facts(left, right)
    for key, value in left.values.items():
        if key not in right.values:  # declared in a block that one of them has left, or a cursor that it has not opened
            if key.endswith(ROWS):
                joined.values[key] = value
            continue
        other = right.values[key]
        if value is other or value == other:
            joined.values[key] = value
            base = left.refined.get(key)
            if base is not None and base == right.refined.get(key):
                joined.refined[key] = base
            continue
        joined.values[key] = _join_values(value, other, left.refined.get(key), right.refined.get(key))
    return joined


def _join_facts(left: State, right: State) -> Mapping[str, Fact]:
    """What is known of a variable on both ways; where it was assigned on one, with what that way's guards proved."""
    if left.facts is right.facts:
        return left.facts
    found = {}
    for key in left.facts.keys() & right.facts.keys():
        one, other = left.facts[key], right.facts[key]
        if one is not other and one.proves and other.proves:
            proves = {truth: _either((one.proves[truth], left), (other.proves[truth], right)) for truth in Truth}
            found[key] = Fact(one.given and other.given, proves)
        elif one is other or (one.given and other.given):
            found[key] = one
    return found


def _either(*ways: tuple[Known | None, State]) -> Known | None:
    """What is proved whichever of the ways was taken that can be; None: none of them."""
    possible = [{**state.known(), **known} for known, state in ways if known is not None]
    return agreed(possible) if possible else None


def _join_values(left: Value, right: Value, left_base: Value | None, right_base: Value | None) -> Value:
    if left_base is not None and left_base in (right, right_base):
        return left_base if left_base == right else join(left, right)
    if right_base is not None and right_base == left:
        return left
    return join_arrays(left, right)


def join_arrays(left: Value, right: Value) -> Value:
    """`join`, where an empty array adds nothing to the elements of another."""
    if isinstance(left, Array) and isinstance(right, Array):
        if left.items == ():
            return Array(right.element)
        if right.items == ():
            return Array(left.element)
    return join(left, right)


def get_path(value: Value, fields: Names) -> Value:
    """The field of a field..."""
    return reduce(record_field, fields, value)


def put_path(value: Value, fields: Names, new: Value) -> Value:
    """The value with that field of a field... set."""
    if not fields:
        return new
    if not isinstance(value, Record):
        value = Record((), made_of(value))
    old = value.get(fields[0])
    return value.put(fields[0], put_path(EMPTY if old is None else old, fields[1:], new))


def made_of(value: Value) -> Text:
    """A text made of it in a way that is not known; nothing is made of nothing."""
    if value == EMPTY:
        return EMPTY
    return one_of([as_text(map_leaves(leaf, derived)) for leaf in leaves(value)] or [EMPTY])
