"""@dataclass, field and replace for the many small values of an analysis: what dataclasses has, without its start.

For mypy these are those of the standard library, and it checks every line. At run time that module takes a third of
what the scan of one file takes: it imports inspect, compiles each method of each class, and makes frozen objects three
times as expensive. Here __init__ is compiled when it is first called, which most never are, and nothing keeps a frozen
object from being changed.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    _NOTHING = object()

    class _Field:
        """What is special about a field."""

        __slots__ = ("compare", "default", "factory", "init")

        def __init__(self, default: Any = _NOTHING, factory: Any = None, *, init: bool = True, compare: bool = True):
            self.default, self.factory, self.init, self.compare = default, factory, init, compare

    def field(
        *, default: Any = _NOTHING, default_factory: Any = None, init: bool = True, compare: bool = True
    ) -> _Field:
        """As dataclasses.field."""
        return _Field(default, default_factory, init=init, compare=compare)

    def dataclass(*, slots: bool, frozen: bool = False) -> Any:
        """As dataclasses.dataclass(slots=True), with a hash for frozen ones."""
        del slots  # always; it says so where it is used

        def made(cls: type) -> type:
            own = {name: _described(cls, name) for name in cls.__annotations__}
            body = {name: value for name, value in cls.__dict__.items() if name not in own}
            for name in ("__dict__", "__weakref__"):
                body.pop(name, None)
            known = {**getattr(cls, "_fields_", {}), **own}
            kept = ["_hash"] if frozen and not hasattr(cls, "_hash") else []
            body |= {"__slots__": (*own, *kept), "_fields_": known, "__repr__": _repr}
            body["__match_args__"] = tuple(name for name, about in known.items() if about.init)
            body |= _methods(known, frozen=frozen, post_init=hasattr(cls, "__post_init__"))
            return type(cls.__name__, cls.__bases__, body)

        return made

    def replace(item: Any, /, **changes: Any) -> Any:
        """As dataclasses.replace."""
        cls = item.__class__
        for name, about in cls._fields_.items():
            if about.init and name not in changes:
                changes[name] = getattr(item, name)
        return cls(**changes)

    def _described(cls: type, name: str) -> _Field:
        default = cls.__dict__.get(name, _NOTHING)
        return default if isinstance(default, _Field) else _Field(default)

    def _methods(fields: dict[str, _Field], *, frozen: bool, post_init: bool) -> dict[str, Any]:
        """__init__, __eq__ and __hash__."""
        given, lines, known = [], [], {"_new": _NOTHING}
        for name, about in fields.items():
            if about.factory is not None:
                known[f"_make_{name}"] = about.factory
                given.append(f"{name}=_new")
                lines.append(f" self.{name} = _make_{name}() if {name} is _new else {name}")
            elif about.init:
                known[f"_default_{name}"] = about.default
                given.append(name if about.default is _NOTHING else f"{name}=_default_{name}")
                lines.append(f" self.{name} = {name}")
        init = [
            f"def __init__({', '.join(['self', *given])}):",
            *(lines or [" pass"]),
            *([" self.__post_init__()"] if post_init else []),
        ]
        equal, hashed = _comparison([name for name, about in fields.items() if about.compare])
        made = {"__init__": _compiled_later("\n".join(init), known), "__eq__": equal}
        return made | {"__hash__": hashed if frozen else None}

    def _comparison(names: list[str]) -> tuple[Any, Any]:
        """__eq__ and __hash__ by the fields of these names."""
        compared = attrgetter(*names) if names else type

        def equal(self: Any, other: Any) -> Any:
            return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

        # Kept: values are made of values, the same ones in many places, and each would be gone through in each of them.
        def hashed(self: Any) -> int:
            try:
                return self._hash
            except AttributeError:
                self._hash = hash(compared(self))
                return self._hash

        return equal, hashed

    def _compiled_later(text: str, known: dict[str, Any]) -> Any:
        """The method of this text, which takes its own place in its class at the first call."""

        def first(self: Any, *given: Any, **named: Any) -> Any:
            made: dict[str, Any] = {}
            exec(text, known, made)  # noqa: S102 - made of the names of fields
            ((name, method),) = made.items()
            for cls in type(self).__mro__:
                if cls.__dict__.get(name) is first:
                    setattr(cls, name, method)
            return method(self, *given, **named)

        return first

    def _repr(self: Any) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in self._fields_)
        return f"{type(self).__qualname__}({', '.join(fields)})"


__all__ = ["dataclass", "field", "replace"]
