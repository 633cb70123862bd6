"""What the evaluation of an expression may ask of the routine around it (implemented by the interpreter)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from pggit_excellence.scan.inputs.program import Name, Program
from pggit_excellence.scan.values.abstract import Place, Value


class Truth(Enum):
    """What is known of a condition's outcome."""

    TRUE = "true"
    FALSE = "false"
    NOT_TRUE = "not true"  # false or NULL
    NOT_FALSE = "not false"  # true or NULL


class Scope(Protocol):
    """The routine at one statement. Offsets are of the `Sql` being evaluated; `place` maps them to the file."""

    program: Program
    # Functions that the configuration calls sinks (name or schema.name): the arguments, from 0, that they run as SQL.
    sinks: Mapping[str, tuple[int, ...]]

    def place(self, start: int, end: int) -> Place:
        """Characters `start` to `end` of the SQL text being evaluated, as a place in the file."""

    def variable(self, names: tuple[str, ...]) -> Value | None:
        """The value of a variable, parameter, record field (`rec.field`) or special name; None: no such variable.

        `("1",)` is the parameter $1. `("rec", "*")` is the whole record.
        """

    def variable_type(self, names: tuple[str, ...]) -> str:
        """The declared type as written, '' where it is not known or no such variable exists."""

    def call(self, name: Name, arguments: list[Value], named: dict[str, Value], place: Place) -> Value | None:
        """The result of a function of the scanned set; None: it is not in the set. Reports what the call does."""

    def answers(self, name: Name, arguments: list[Value], truth: Truth, given: frozenset[int]) -> Mapping[int, Value]:
        """What the arguments are, by position, where a scanned function has that answer (as far as it proves it).

        `given` are positions of constants that are not NULL.
        """

    def tested(self, names: tuple[str, ...], truth: Truth) -> Mapping[tuple[str, ...], Value]:
        """What variables are where a boolean one has that value, by the condition that was assigned to it."""

    def is_given(self, names: tuple[str, ...]) -> bool:
        """Whether a variable holds a constant that is not NULL."""

    def sink(self, kind: str, statement: Value, place: Place) -> None:
        """`statement` is run as SQL by the function `kind` called at `place` (query_to_xml, dblink_exec...)."""

    def report(self, rule: str, message: str, place: Place) -> None:
        """A finding that the expression itself shows (PGX105, PGX107); the same one twice is reported once."""
