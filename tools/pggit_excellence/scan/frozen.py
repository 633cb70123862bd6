"""@dataclass, field and replace for the many small values of an analysis: what dataclasses has, without its start.

For mypy these are those of the standard library, and it checks every line. At run time that module takes a third of
what the scan of one file takes: it imports inspect, compiles each method of each class, and makes frozen objects three
times as expensive. Here all classes that have as many fields share one compiled __init__ (inits.py), and nothing keeps
a frozen object from being changed.
"""

from __future__ import annotations

from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any

from pggit_excellence.scan.inits import INITS

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
        equal, hashed = _comparison([name for name, about in fields.items() if about.compare])
        made = {"__init__": _init(fields, post_init), "__eq__": equal, "__hash__": hashed if frozen else None}
        if fields and not post_init and all(about.init for about in fields.values()):
            made["__reduce__"] = _reduction(fields)
        return made

    def _init(fields: dict[str, _Field], post_init: bool) -> FunctionType:
        """__init__ for these fields."""
        given = {name: about for name, about in fields.items() if about.init}
        factories = {name: about.factory for name, about in given.items() if about.factory is not None}
        has_default = (about for about in given.values() if about.default is not _NOTHING or about.factory is not None)
        code = INITS[len(given)].__code__
        names = dict(zip(code.co_varnames[1:], given, strict=True))
        attributes = tuple(names.get(name, name) for name in code.co_names)  # a fuzzer's are among them
        named = code.replace(co_varnames=("self", *given), co_names=attributes)
        store = FunctionType(named, {}, "__init__", tuple(about.default for about in has_default))
        if not factories and not post_init:
            return store

        def init(self: Any, *values: Any, **others: Any) -> None:
            store(self, *values, **others)
            for name, factory in factories.items():
                if getattr(self, name) is _NOTHING:
                    setattr(self, name, factory())
            if post_init:
                self.__post_init__()

        return init

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

    def _reduction(names: dict[str, _Field]) -> Any:
        """__reduce__ by these fields; pickle's own way makes a dictionary for each object, and takes twice as long."""
        parts = attrgetter("__class__", *names)

        def reduce(self: Any) -> tuple[Any, tuple[Any, ...]]:
            cls, *values = parts(self)
            return cls, tuple(values)

        return reduce

    def _repr(self: Any) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in self._fields_)
        return f"{type(self).__qualname__}({', '.join(fields)})"


__all__ = ["dataclass", "field", "replace"]
