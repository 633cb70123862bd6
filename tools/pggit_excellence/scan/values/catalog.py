"""What PostgreSQL's own catalogs say of its functions and relations (data/catalog.json, made by scan_catalog.py)."""

from __future__ import annotations

import json
import os
from functools import lru_cache

from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.inputs.program import Program
from pggit_excellence.scan.values.abstract import Array, Hole, Origin, Quoting, Source, Step, Value
from pggit_excellence.scan.values.sqltypes import Type, value_of

DATA = os.path.join(os.path.dirname(__file__), "data", "catalog.json")
SCHEMAS = ("pg_catalog", "information_schema")
# Pseudo types of the data: words that the server chooses, and SQL that it prints.
QUOTINGS = {"*fixed": Quoting.FIXED, "*sql": Quoting.SQL, "*qualified": Quoting.QUALIFIED}


@dataclass(frozen=True, slots=True)
class Catalog:
    """`results`: type of a function's result. `rows`, `relations`: types by column, in order, as `columns` reads them.

    A function is here when all of its overloads of all supported major versions agree.
    """

    results: dict[str, str]
    rows: dict[str, str]
    relations: dict[str, dict[str, str]]


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """The facts, read once."""
    with open(DATA, encoding="utf-8") as file:
        found = json.load(file)
    results = {name: kind for kind, names in found["results"].items() for name in names.split()}
    return Catalog(results, found["rows"], found["relations"])


def columns(written: str) -> dict[str, str]:
    """Types by column, in order."""
    return dict(column.split(":", 1) for column in written.split())


def relation(schema: str, name: str) -> tuple[str, dict[str, str]] | None:
    """Schema and column types of a catalog relation; an unwritten schema means pg_catalog."""
    schema = schema or SCHEMAS[0]
    written = catalog().relations.get(schema, {}).get(name)
    return None if written is None else (schema, columns(written))


def catalog_value(kind: str, origin: Origin, program: Program, path: tuple[Step, ...]) -> Value:
    """Any value of a column or result of the catalog."""
    if kind.startswith("*array:"):
        return Array(catalog_value(kind.removeprefix("*array:"), origin, program, path))
    quoting = QUOTINGS.get(kind)
    if quoting is not None:
        return Hole(quoting, origin, "text", path=path)
    array = kind.endswith("[]")
    return value_of(Type(kind.removesuffix("[]"), array=array), origin, program, path)


def result(name: str, program: Program, path: tuple[Step, ...]) -> Value | None:
    """Any result of a function of pg_catalog; None where its type can carry SQL or is not known."""
    kind = catalog().results.get(name)
    return None if kind is None else catalog_value(kind, Origin(Source.FUNCTION, name), program, path)
