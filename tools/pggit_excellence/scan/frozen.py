"""@dataclass for the many small values of an analysis: frozen for mypy, which checks every line, not at run time.

At run time being frozen would make each object three times as expensive, and each class twice: together a third of
what the scan of one file takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(*, slots: bool, frozen: bool = False) -> Any:
        """As dataclasses.dataclass, with one __repr__ for all."""

        def made(cls: type) -> type:
            cls.__repr__ = _repr
            return dataclasses.dataclass(repr=False, unsafe_hash=frozen, slots=slots)(cls)

        return made

    def _repr(self: Any) -> str:
        fields = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self))
        return f"{type(self).__qualname__}({', '.join(fields)})"


__all__ = ["dataclass"]
