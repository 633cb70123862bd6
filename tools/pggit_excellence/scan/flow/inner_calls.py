"""What a dynamic statement calls: `EXECUTE format('SELECT run(%L)', query)` has run() execute the caller's text.

The quoting is right, the statement as a whole is safe, and yet the literal becomes SQL again in the function that gets
it. The statement is written out with a parameter in the place of each literal and evaluated like a static one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pggit_excellence.scan.flow.rows import MAX_VARIANTS, Detached, written
from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.program import Name, Program
from pggit_excellence.scan.values.abstract import Hole, Place, Quoting, Step, Text, Value, as_text
from pggit_excellence.scan.values.expressions import evaluate_query

Passed = tuple[str, str, Text, tuple[Step, ...]]  # function, kind, statement, path: as in interpreter.CallResult
_FIRST = 60_000  # of the parameters that stand for literals; USING has fewer


class _Result(Protocol):
    @property
    def value(self) -> Value: ...

    @property
    def passed(self) -> tuple[Passed, ...]: ...


class _Calls(Protocol):
    sinks: Mapping[str, tuple[int, ...]]

    def call(self, name: Name, arguments: list[Value], named: Mapping[str, Value]) -> _Result | None:
        """What the call does; None: no function of the scanned set."""


@dataclass(slots=True)
class _Inside(Detached):
    """The scope of the statement; `passed` gets what the functions run that it calls."""

    calls: _Calls | None = None
    passed: list[Passed] = field(default_factory=list)

    def call(self, name: Name, arguments: list[Value], named: dict[str, Value], place: Place) -> Value | None:
        """What a scanned function gives, with what it runs noted."""
        del place
        result = self.calls.call(name, arguments, named) if self.calls is not None else None
        if result is None:
            return None
        self.passed += result.passed
        return result.value

    def sink(self, kind: str, statement: Value, place: Place) -> None:
        """A function that runs SQL."""
        del place
        self.passed.append((kind, kind, as_text(statement), ()))


def inner_calls(text: Text, argument: Callable[[int], Value | None], program: Program, calls: _Calls) -> list[Passed]:
    """The statements that the dynamic statement makes functions run."""
    literals: list[Text] = []

    def stand(hole: Hole) -> str | None:
        if hole.quoting is not Quoting.LITERAL:
            return "1" if hole.quoting is Quoting.INERT else None
        literals.append(hole.inner or replace(hole, quoting=Quoting.RAW, specifier=None))
        return f"${_FIRST + len(literals) - 1}"

    def value(number: int) -> Value | None:
        return literals[number - _FIRST] if _FIRST <= number < _FIRST + len(literals) else argument(number)

    scope = _Inside(program, value, calls.sinks, calls=calls)
    for variant in written(text, stand)[:MAX_VARIANTS]:
        evaluate_query(variant, scope)
    return list(dict.fromkeys(scope.passed))
