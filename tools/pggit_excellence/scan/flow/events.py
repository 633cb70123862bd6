"""What the analysis of a routine notes as it goes, in order.

One list has it all, so that a trial (the symbolic analysis of a loop's body) is taken back by cutting the list.
"""

from __future__ import annotations

from collections.abc import Mapping

from pggit_excellence.scan.flow.environment import State
from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.values.abstract import Place, Step, Text, Value
from pggit_excellence.scan.values.scope import Truth


@dataclass(frozen=True, slots=True)
class Assigned:
    """A variable was assigned where an exception handler may see it."""

    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class Ran:
    """A dynamic statement is run; `text` is None where it is not known at all (text that was not parsed)."""

    place: Place
    kind: str
    text: Text | None


@dataclass(frozen=True, slots=True)
class Passed:
    """A call makes a scanned function run `text`; `path` leads through that function to its dynamic statement."""

    place: Place
    function: str
    kind: str
    text: Text
    path: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    """A finding that an expression shows by itself."""

    rule: str
    message: str
    place: Place


@dataclass(frozen=True, slots=True)
class Returned:
    """A result of the function, or a row of it."""

    value: Value


@dataclass(frozen=True, slots=True)
class Ended:
    """The routine comes to an end without an error: what guards have proved of its parameters."""

    proved: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Answered:
    """A boolean function has a result: what each outcome proves of its parameters; None where it cannot be that."""

    proved: Mapping[Truth, Mapping[str, Value] | None]


@dataclass(frozen=True, slots=True)
class Jumped:
    """EXIT (or CONTINUE) to the loop or block with that number."""

    target: int
    exits: bool
    state: State


@dataclass(frozen=True, slots=True)
class Unreached:
    """A dynamic statement that no path leads to."""

    keyword: int


Event = Assigned | Ran | Passed | Reported | Returned | Ended | Answered | Jumped | Unreached
