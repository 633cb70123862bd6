"""The scanner's value classes do what the standard library's dataclasses do: the same class is made by both."""

from __future__ import annotations

import dataclasses
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

import pggit_excellence.scan
from pggit_excellence.scan import frozen
from pggit_excellence.scan.inits import INITS

pytestmark = pytest.mark.once


def fields(count: int) -> dict[str, Any]:
    """A class body: two fields that are needed, then plain and made defaults in turn."""
    names = [f"field_{number}" for number in range(count)]
    return {"__annotations__": dict.fromkeys(names, "Any")} | dict(zip(names[2::2], range(count), strict=False))


def made_by_both(count: int, **more: Any) -> tuple[type, type]:
    """The class by the standard library and by ours; every second default is a list of its own."""
    made = []
    for module in (dataclasses, frozen):
        lists = {f"field_{n}": module.field(default_factory=list) for n in range(3, count, 2)}
        made.append(module.dataclass(frozen=False, slots=True)(type("Made", (), fields(count) | lists | more)))
    return made[0], made[1]


def shown(make: Callable[[], object]) -> object:
    """All values, or that there is a TypeError."""
    try:
        made = make()
    except TypeError:
        return TypeError
    return {name: getattr(made, name) for name in dir(made) if name.startswith("field_")}


@pytest.mark.parametrize("count", range(len(INITS)))
def test_values_are_taken_as_dataclasses_take_them(count: int) -> None:
    """By position, by name, too few, too many, unknown ones; defaults, and no list that two have in common."""
    theirs, ours = made_by_both(count)
    for given in range(count + 2):
        assert shown(lambda: theirs(*range(given))) == shown(lambda: ours(*range(given)))  # noqa: B023
    names = {f"field_{number}": number * 10 for number in reversed(range(count))}
    for extra in ({}, {"unknown": 1}):
        assert shown(lambda: theirs(**names, **extra)) == shown(lambda: ours(**names, **extra))  # noqa: B023
    if count > 3:
        assert ours(0, 1).field_3 is not ours(0, 1).field_3


def test_post_init_sees_all_values() -> None:
    def post_init(self: Any) -> None:
        self.field_0 += self.field_1

    for made in made_by_both(5, __post_init__=post_init):
        assert [made(1, 2).field_0, made(1, 2).field_3, made(1, 2, field_2=7).field_2] == [3, [], 7]


def test_values_are_compared_hashed_and_replaced() -> None:
    """A field that does not count for equality, and one that is no argument."""
    body = {
        "__annotations__": dict.fromkeys(("a", "b", "c"), "Any"),
        "b": frozen.field(default=2, compare=False),
        "c": frozen.field(init=False, compare=False),
    }
    made: type[Any] = frozen.dataclass(frozen=True, slots=True)(type("Made", (), body))
    assert made(1) == made(1, 5)
    assert hash(made(1)) == hash(made(1, 5))
    assert made(1) != made(3)
    assert [frozen.replace(made(1), b=9).a, frozen.replace(made(1), b=9).b] == [1, 9]
    with pytest.raises(TypeError):
        made(1, 2, 3)


def test_every_class_of_the_scanner_fits() -> None:
    """More fields than the longest __init__ has would fail when the module is imported."""
    longest = 0
    for module in pkgutil.walk_packages(pggit_excellence.scan.__path__, "pggit_excellence.scan."):
        for cls in vars(import_module(module.name)).values():
            longest = max(longest, len(getattr(cls, "__match_args__", ())) if hasattr(cls, "_fields_") else 0)
    assert 10 < longest < len(INITS)
