"""pglast's parser without its node classes: the scanner reads libpg_query's JSON, which needs none of them.

Importing those classes and their enums takes four times as long as all the rest of pglast. They are imported after all
where somebody in the same process asks for one of them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def _imported_later(name: str) -> None:
    """Make `import name` return a module that is imported when something in it is asked for."""
    module = ModuleType(name)

    def ask(attribute: str) -> Any:
        if attribute.startswith("__") and attribute != "__path__":  # the import system's own questions
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        real = import_module(name)
        vars(module).update(vars(real))
        return getattr(real, attribute)

    vars(module)["__getattr__"] = ask
    sys.modules[name] = module


if "pglast" not in sys.modules:
    _imported_later("pglast.ast")
    _imported_later("pglast.enums")

from pglast.parser import ParseError, parse_sql_json, split  # noqa: E402  # behind what it imports

__all__ = ["ParseError", "parse_sql_json", "split"]
