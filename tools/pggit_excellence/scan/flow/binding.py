"""Arguments to parameters: what a summary of a function says once its parameters are known.

A summary speaks of the function's own parameters as holes (`Origin.routine` is its key). `instantiate` puts the
arguments in their place: as they are where the parameter was copied, in the quoting of the hole where it was quoted,
and as text made of them where the function changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pggit_excellence.scan.flow.assignments import fitted
from pggit_excellence.scan.flow.environment import get_path, join_arrays
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.program import Parameter, Program, Routine
from pggit_excellence.scan.values.abstract import (
    Array,
    Const,
    Hole,
    Origin,
    Quoting,
    Record,
    Ref,
    Source,
    Step,
    Text,
    Value,
    as_text,
    join_all,
    map_leaves,
)
from pggit_excellence.scan.values.sqltypes import TEXTS
from pggit_excellence.scan.values.texts import changed, representative, requote

Arguments = dict[str, Value]  # by the name that the parameter's origin has
_PASSED = {"in", "inout", "variadic"}


def bind(
    routine: Routine,
    arguments: list[Value],
    named: Mapping[str, Value],
    default: Callable[[Parameter], Value],
    program: Program,
) -> Arguments | None:
    """The value of each parameter; None: the call cannot mean this routine."""
    modes = _PASSED | {"out"} if routine.kind == "procedure" else _PASSED
    given = list(arguments)
    bound: Arguments = {}
    left = dict(named)
    for index, parameter in enumerate(routine.parameters):
        if parameter.mode not in modes:
            continue
        name = parameter.name or f"${index + 1}"
        if parameter.mode == "variadic":
            bound[name] = _variadic(given)
            given = []
        elif given:
            bound[name] = given.pop(0)
        elif parameter.name in left:
            bound[name] = left.pop(parameter.name)
        elif parameter.default is not None:
            bound[name] = default(parameter)
        elif parameter.mode == "out":
            continue
        else:
            return None
        bound[name] = fitted(bound[name], parameter.type, program)
    return None if given or left else bound


def _variadic(values: list[Value]) -> Value:
    if len(values) == 1 and isinstance(values[0], Array):  # VARIADIC array
        return values[0]
    element = join_all(values)
    return Array(element, tuple(values))


def instantiate(value: Value, key: str, arguments: Arguments, foreign: Callable[[Hole], Text] | None = None) -> Value:
    """The value with the arguments in the place of the parameters of the routine `key`.

    `foreign` says what becomes of holes that are no parameter of it (they stay without).
    """
    if isinstance(value, Hole) and _is_parameter(value, key) and _is_copy(value):
        argument = _argument(value, arguments)
        if isinstance(argument, Array) and value.type in TEXTS:  # an array is no text: this is one of its elements
            argument = argument.element
        return _with_path(argument, value.path)
    if isinstance(value, Record):
        rest = None if value.rest is None else as_text(instantiate(value.rest, key, arguments, foreign))
        return Record(tuple((name, instantiate(item, key, arguments, foreign)) for name, item in value.fields), rest)
    if isinstance(value, Array):
        element = instantiate(value.element, key, arguments, foreign)
        items = value.items
        if items is not None:
            items = tuple(instantiate(item, key, arguments, foreign) for item in items)
        return Array(_flat(element), None if items is None else tuple(map(_flat, items)))

    return map_leaves(value, lambda leaf: _filled(leaf, key, arguments, foreign) if isinstance(leaf, Hole) else leaf)


def _filled(hole: Hole, key: str, arguments: Arguments, foreign: Callable[[Hole], Text] | None) -> Text:
    """One hole of it with the arguments."""
    if hole.quoting is Quoting.LITERAL and hole.inner is not None:  # what is quoted can be code
        inner = as_text(instantiate(hole.inner, key, arguments, foreign))
        if inner != hole.inner:
            return requote(inner, hole.quoting, hole.type)
    if not _is_parameter(hole, key):
        return foreign(hole) if foreign else hole
    return as_text(_with_path(_inserted(hole, _argument(hole, arguments)), hole.path))


def _is_parameter(hole: Hole, key: str) -> bool:
    return hole.origin.source is Source.PARAMETER and hole.origin.routine == key


def _is_copy(hole: Hole) -> bool:
    return hole.quoting is Quoting.RAW and not hole.derived


def _argument(hole: Hole, arguments: Arguments) -> Value:
    name, *fields = hole.origin.name.split(".")
    if hole.origin.name in arguments:
        return arguments[hole.origin.name]
    value = arguments.get(name)
    if value is None:
        return replace(hole, origin=Origin(Source.UNKNOWN, hole.origin.name))
    return get_path(value, tuple(fields))


def _inserted(hole: Hole, argument: Value) -> Value:
    """What the hole of a parameter becomes for that argument."""
    if _is_copy(hole):
        return argument.element if isinstance(argument, Array) else argument
    if hole.quoting is Quoting.RAW:
        return changed(argument)
    first = representative(argument)
    origin = first.origin if first is not None else Origin(Source.CONSTANT, hole.origin.name)
    path = (*first.path, *hole.path) if first is not None else hole.path
    inner = hole.inner
    if hole.quoting is Quoting.LITERAL and not hole.derived and not isinstance(argument, Hole | Record | Array):
        inner = argument  # it can be code
    return replace(hole, origin=origin, path=path, inner=inner)


def _flat(value: Value) -> Value:
    """Elements of an array parameter that an array argument took the place of."""
    return value.element if isinstance(value, Array) else value


def _with_path(value: Value, path: tuple[Step, ...]) -> Value:
    """The value with the steps inside the function behind its own."""
    if not path:
        return value

    def add(leaf: Const | Hole | Ref) -> Text:
        if not isinstance(leaf, Hole) or leaf.path[-len(path) :] == path:
            return leaf
        return replace(leaf, path=(*leaf.path, *(step for step in path if step not in leaf.path)))

    return map_leaves(value, add)


def joined(values: list[Value]) -> Value:
    """What a call can give when several functions may be meant."""
    result = values[0]
    for value in values[1:]:
        result = join_arrays(result, value)
    return result
