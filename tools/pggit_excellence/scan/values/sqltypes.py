"""SQL types: which of them can carry SQL, what a value of a type looks like, and what a cast makes of a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

from pggit_excellence.scan.frozen import dataclass, replace
from pggit_excellence.scan.inputs import literals
from pggit_excellence.scan.inputs.lexer import WORD_INSIDE
from pggit_excellence.scan.inputs.program import Name, Program, Table
from pggit_excellence.scan.values.abstract import (
    EMPTY,
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
    alt,
    is_constant,
    join_all,
    map_leaves,
)
from pggit_excellence.scan.values.texts import array_items, changed, printed, representative

# Texts of these can be numbers, dates, words and punctuation of the server's making: no quotes, no statement.
INERT = frozenset(
    [
        "int2",
        "int4",
        "int8",
        "float4",
        "float8",
        "numeric",
        "money",
        "bool",
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "interval",
        "uuid",
        "oid",
        "xid",
        "xid8",
        "cid",
        "tid",
        "inet",
        "cidr",
        "macaddr",
        "macaddr8",
        "bit",
        "varbit",
        "pg_lsn",
        "txid_snapshot",
        "pg_snapshot",
        "int4range",
        "int8range",
        "numrange",
        "tsrange",
        "tstzrange",
        "daterange",
        "int4multirange",
        "int8multirange",
        "nummultirange",
        "tsmultirange",
        "tstzmultirange",
        "datemultirange",
        "point",
        "line",
        "lseg",
        "box",
        "path",
        "polygon",
        "circle",
        "int2vector",
        "oidvector",
        "void",
        "smallserial",
        "serial",
        "bigserial",
        "serial2",
        "serial4",
        "serial8",
    ]
)
# The server prints these as names, quoted where needed.
NAMES = frozenset(
    [
        "regclass",
        "regproc",
        "regprocedure",
        "regtype",
        "regrole",
        "regnamespace",
        "regoper",
        "regoperator",
        "regconfig",
        "regdictionary",
        "regcollation",
    ]
)
HARMLESS = {**dict.fromkeys(INERT, Quoting.INERT), **dict.fromkeys(NAMES, Quoting.QUALIFIED)}
# A cast among these leaves the text as it is.
TEXTS = frozenset(
    ["text", "xml", "varchar", "bpchar", "unknown", "citext", "cstring", "anyelement", "anynonarray", "any"]
)
DOCUMENTS = frozenset(["json", "jsonb"])
RECORDS = frozenset(["record"])
ALIASES = {
    "smallint": "int2",
    "int": "int4",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "float": "float8",
    "double precision": "float8",
    "decimal": "numeric",
    "dec": "numeric",
    "boolean": "bool",
    "character varying": "varchar",
    "national character varying": "varchar",
    "nchar varying": "varchar",
    "char varying": "varchar",
    "character": "bpchar",
    "national character": "bpchar",
    "nchar": "bpchar",
    "char": "bpchar",
    "bit varying": "varbit",
    "time with time zone": "timetz",
    "time without time zone": "time",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
}
# What the server cuts a `name` to, in bytes.
NAME_BYTES = 63
_WORD = rf'(?:"(?:[^"]|"")*"|{WORD_INSIDE}+)'
_WRITTEN = re.compile(
    rf"\s*(?:setof\s+)?(?P<name>{_WORD}(?:\s*\.\s*{_WORD})*(?:\s+(?:precision|varying|character|char)(?:\s+varying)?)?)"
    r"(?:\s*\(\s*(?P<limit>[^()]*)\))?(?P<zone>\s+with(?:out)?\s+time\s+zone)?"
    r"(?P<interval>(?:\s+(?:year|month|day|hour|minute|second|to)\b(?:\s*\(\s*\d+\s*\))?)*)"
    r"(?P<array>(?:\s*\[\s*\d*\s*\])+|\s+array(?:\s*\[\s*\d*\s*\])?)?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Type:
    """A type by the server's own name (`int4`, `bpchar`, `char` for "char"); `limit` is the n of varchar(n)."""

    name: str
    schema: str = ""
    array: bool = False
    limit: int | None = None

    @property
    def element(self) -> Type:
        """The type of an element."""
        return replace(self, array=False)


UNKNOWN_TYPE = Type("")


def fold(name: str) -> str:
    """An identifier as written, as the server folds it."""
    if name.startswith('"'):
        return name[1:-1].replace('""', '"')
    return literals.fold(name)


@lru_cache(maxsize=4096)
def parse_type(written: str) -> Type:
    """The type as a declaration writes it; the name is '' where it is not understood (`t.c%TYPE`, `t%ROWTYPE`)."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        return UNKNOWN_TYPE
    parts = re.findall(_WORD, match["name"]) if "." in match["name"] or '"' in match["name"] else []
    folded = [fold(part) for part in parts] or [" ".join(match["name"].lower().split())]
    name, schema = folded[-1], folded[-2] if len(folded) > 1 else ""
    if match["zone"]:
        name += " " + " ".join(match["zone"].lower().split())
    if not match["name"].endswith('"') and schema in {"", "pg_catalog"}:
        name = ALIASES.get(name, name)
    return Type(name, "" if schema == "pg_catalog" else schema, bool(match["array"]), _limit(name, match["limit"]))


def _limit(name: str, written: str | None) -> int | None:
    if name == "bpchar" and written is None:
        return 1
    return int(written) if written is not None and written.strip().isdecimal() else None


Item = TypeVar("Item")
_indexes: dict[int, tuple[Mapping[Name, object], int, dict[str, list[Name]]]] = {}


def find(facts: Mapping[Name, Item], schema: str, name: str) -> Item | None:
    """The fact of that name; a schema that is not written, there or here, matches any.

    Where several of them differ, nobody knows which is meant: None, or what all tables of that name agree on.
    """
    exact = facts.get((schema, name))
    if exact is not None or not facts:
        return exact
    kept = _indexes.get(id(facts))
    if kept is None or kept[0] is not facts or kept[1] != len(facts):
        by_name: dict[str, list[Name]] = {}
        for key in facts:
            by_name.setdefault(key[1], []).append(key)
        if len(_indexes) > 16:
            _indexes.clear()
        kept = _indexes[id(facts)] = (facts, len(facts), by_name)
    found = [facts[key] for key in kept[2].get(name, ()) if not schema or not key[0]]
    if not found or all(item == found[0] for item in found):
        return found[0] if found else None
    tables: list[Any] = [item for item in found if isinstance(item, Table)]  # Any: then Item is Table
    return common_table(tables) if tables else None  # type: ignore[return-value]


def common_table(tables: list[Table]) -> Table:
    """What is known of a table that can be any of these."""
    columns: dict[str, str] = {}
    for table in tables:
        for name, written in table.columns.items():
            columns[name] = written if columns.get(name, written) == written else ""
    known = all(table.known for table in tables)
    grants = set().union(*(table.grants for table in tables))
    is_view = any(table.is_view for table in tables)
    return Table(tables[0].name, columns, known, whole=False, is_view=is_view, grants=grants)


_BUILT_IN = INERT | NAMES | TEXTS | DOCUMENTS | {"name", "xml", "bytea"}


def is_built_in(written: Type) -> bool:
    """Whether it is a plain type of the server."""
    return not written.schema and written.name in _BUILT_IN


def resolve(written: Type, program: Program) -> Type:
    """The base type where it is a domain of the program."""
    if is_built_in(written):
        return written  # the server looks into its own schema first
    for _ in range(8):
        base = find(program.domains, written.schema, written.name)
        if base is None:
            break
        under = parse_type(base)
        written = replace(under, array=under.array or written.array)
    return written


def is_inert(written: Type, program: Program) -> bool:
    """Whether no text of the type can carry SQL (an array of such: its elements cannot)."""
    base = resolve(written, program)
    return base.name in INERT and not (base.name == "bit" and base.schema)


def value_of(written: Type | str, origin: Origin, program: Program, path: tuple[Step, ...] = ()) -> Value:
    """Any value of a declared type that comes from `origin`: raw text where the type is not known."""
    return cast(Hole(Quoting.RAW, origin, path=path), parse_type(written) if isinstance(written, str) else written,
                program, whole=True)  # fmt: skip


def cast(value: Value, target: Type, program: Program, *, explicit: bool = True, whole: bool = False) -> Value:
    """The value converted to a type, by CAST or (not `explicit`) by assignment, which never cuts a varchar(n).

    `whole` says that the value was of this type from the start, so that its holes are the origin itself.
    """
    target = resolve(target, program)
    name = "" if target.schema else target.name  # a type of another schema is none of the server's own
    if target.array:
        value = _to_array(value, target, program, explicit, whole)
    elif name in HARMLESS:
        value = _to_hole(value, HARMLESS[name], name, whole)
    elif name == "name" or (target.limit is not None and name in TEXTS):
        value = _cut(value, target, explicit or name != "varchar", whole)
    elif name in TEXTS:
        value = _typed(printed(value), name)
    elif name in DOCUMENTS:
        value = _to_document(value, target)
    else:
        labels = find(program.enums, target.schema, target.name)
        if labels is None:
            return _to_composite(value, target, program, explicit, whole)
        value = value if is_constant(value) else _enum(labels, target.name)
    return value


def _to_document(value: Value, target: Type) -> Value:
    """To json or jsonb: known text is read, text with quotes of ours may lose them."""
    if isinstance(value, Record | Array):
        return value
    if isinstance(value, Const):
        try:
            return document(json.loads(value.text))
        except (ValueError, RecursionError):
            return changed(value)
    raw = isinstance(value, Hole) and value.quoting == Quoting.RAW
    return _typed(value, target.name) if raw else changed(value)


def document(known: object) -> Value:
    """A JSON document of the program's own."""
    if isinstance(known, dict):
        return Record(tuple((name, document(item)) for name, item in known.items()))
    if isinstance(known, list):
        items = tuple(map(document, known))
        return Array(join_all(items), items)
    if known is None or isinstance(known, str):
        return Const(known or "")
    return Const(json.dumps(known))


def _enum(labels: tuple[str, ...], name: str) -> Text:
    """Any label: known ones are the programmer's text."""
    if 0 < len(labels) <= 16:
        return alt(Const(label) for label in labels)
    return Hole(Quoting.FIXED, Origin(Source.CONSTANT, name), name)


def _to_composite(value: Value, target: Type, program: Program, explicit: bool, whole: bool) -> Value:
    fields = find(program.composites, target.schema, target.name)
    table = find(program.tables, target.schema, target.name) if fields is None else None
    if table is not None and table.known:
        fields = table.columns
    if fields is not None:
        return _to_record(value, fields, program, explicit, whole)
    if target.name in RECORDS or not target.name or isinstance(value, Array):
        return value
    if isinstance(value, Record):  # a row keeps its values under the type's names, which are not known
        return replace(value, rest=printed(value))
    if isinstance(value, Hole) and value.quoting == Quoting.RAW and whole:
        return replace(value, type=target.name)
    return changed(value)


def _to_record(value: Value, fields: Mapping[str, str], program: Program, explicit: bool, whole: bool) -> Record:
    """A composite: fields of a row by position, of a raw text each any value of the field's type."""
    given = [item for _, item in value.fields] if isinstance(value, Record) and value.rest is None else None
    whole = whole and isinstance(value, Hole)
    made = []
    for index, (name, written) in enumerate(fields.items()):
        item: Value = printed(value)
        if given is not None:
            item = given[index] if index < len(given) else EMPTY
        elif isinstance(value, Record):
            item = value.get(name) or item
        elif isinstance(value, Hole):
            origin = replace(value.origin, name=f"{value.origin.name}.{name}")
            item = replace(value, origin=origin, derived=value.derived or not whole)
        made.append((name, cast(item, parse_type(written), program, explicit=explicit, whole=whole)))
    return Record(tuple(made))


def _to_array(value: Value, target: Type, program: Program, explicit: bool, whole: bool) -> Value:
    element = target.element
    if isinstance(value, Array):
        items = value.items
        if items is not None:
            items = tuple(cast(item, element, program, explicit=explicit) for item in items)
        return Array(cast(value.element, element, program, explicit=explicit, whole=whole), items)
    if isinstance(value, Const):
        found = array_items(value.text)
        if found is not None:
            made = tuple(cast(Const(item), element, program, explicit=explicit) for item in found)
            return Array(alt(printed(item) for item in made) if made else EMPTY, made)
    text = value if isinstance(value, Hole) and whole else changed(value)
    return Array(cast(text, element, program, explicit=explicit, whole=whole))


def _to_hole(value: Value, quoting: Quoting, name: str, whole: bool) -> Value:
    """What is left when a type that admits no quotes has read and printed the text."""
    if isinstance(value, Const) and (not value.text or (quoting == Quoting.INERT and _plain_number(value.text))):
        return value
    if is_constant(value) and quoting == Quoting.INERT and name == "bool":
        return alt([Const("true"), Const("false")]) if value != EMPTY else EMPTY
    hole = representative(value)
    if hole is None or hole.quoting == Quoting.FIXED:
        return Hole(Quoting.FIXED, hole.origin if hole else Origin(Source.CONSTANT, name), name, derived=True)
    derived = not whole and (hole.derived or hole.type != name or value != hole)
    return replace(hole, quoting=quoting, type=name, derived=derived)


def _plain_number(text: str) -> bool:
    return text.isdecimal() and (text == "0" or not text.startswith("0"))


def _typed(text: Text, name: str) -> Text:
    """The same text under another text type."""
    return replace(text, type=name) if isinstance(text, Hole) and text.quoting == Quoting.RAW else text


def _cut(value: Value, target: Type, cuts: bool, whole: bool) -> Value:
    """To name, varchar(n) or char(n): a closing quote may be lost."""
    if not cuts:
        return _typed(printed(value), target.name)
    if isinstance(value, Hole) and value.quoting == Quoting.RAW:
        return replace(value, type=target.name, derived=value.derived or not whole)

    def shorten(leaf: Const | Hole | Ref) -> Text:
        if not isinstance(leaf, Const):
            return changed(leaf)
        text = leaf.text
        if target.name == "name":
            text = text.encode()[:NAME_BYTES].decode(errors="ignore")
        elif target.limit is not None:
            text = text[: target.limit]
        if target.name == "bpchar":  # printed with blanks up to its length, without them where it becomes text
            return alt([Const(text.rstrip(" ")), Const(text.ljust(target.limit or 0))])
        return leaf if text == leaf.text else Const(text)

    if isinstance(value, Const):
        return shorten(value)
    text = printed(value)
    if all(isinstance(choice, Const) for choice in getattr(text, "choices", [None])):
        return map_leaves(text, shorten)
    return changed(text)
