"""Types as they are written."""

from __future__ import annotations

import re

_ALIASES = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "bool": "boolean",
    "float": "double precision",
    "float8": "double precision",
    "float4": "real",
    "decimal": "numeric",
    "char": "character",
    "bpchar": "character",
    "varchar": "character varying",
    "char varying": "character varying",
    "nchar": "character",
    "timestamptz": "timestamp with time zone",
    "timestamp without time zone": "timestamp",
    "timetz": "time with time zone",
    "time without time zone": "time",
    "varbit": "bit varying",
}
_MODIFIER = re.compile(r"\s*\([^)]*\)")
_ARRAY = re.compile(r"\s*(?:\[[^\]]*\]|\barray\b(?:\s*\[[^\]]*\])?)", re.IGNORECASE)


def canonical(written: str) -> str:
    """One spelling for each type, without modifiers: as far as two signatures must be told apart."""
    dimensions = bool(_ARRAY.search(written))
    plain = " ".join(_MODIFIER.sub("", _ARRAY.sub("", written)).lower().split())
    plain = plain.removeprefix("pg_catalog.").removeprefix("setof ")
    return _ALIASES.get(plain, plain) + ("[]" if dimensions else "")
