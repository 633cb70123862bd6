"""What assignments store: values and rows fitted to the variables that take them."""

from __future__ import annotations

import re

from pggit_excellence.scan.flow.environment import Names, Variable, join_arrays, made_of
from pggit_excellence.scan.flow.variables import field_type, fields_of
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.program import Program
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Record,
    Ref,
    Source,
    Step,
    Text,
    Value,
    alt,
    as_text,
    bounded,
    is_constant,
    map_leaves,
)
from pggit_excellence.scan.values.sqltypes import UNKNOWN_TYPE, cast, parse_type
from pggit_excellence.scan.values.terms import Rows

Columns = list[tuple[str, Value]]
# A path has at most so many assignments: its beginning and its end tell the story.
MAX_STEPS = 12
_SHOWN = 70
_BLANKS = re.compile(r"\s+")
STAR = "*"  # the name of a column that stands for columns which are not known


def shown(code: str) -> str:
    """Code on one line, cut to a length that a path can show."""
    line = _BLANKS.sub(" ", code[: 2 * _SHOWN]).strip().rstrip(";")
    return line if len(line) <= _SHOWN and len(code) <= 2 * _SHOWN else line[: _SHOWN - 1].rstrip() + "…"


def traced(value: Value, place: Place, code: str) -> Value:
    """The value with the assignment added to the path of each hole."""
    step = Step(place, shown(code))

    def add(leaf: Const | Hole | Ref) -> Text:
        if not isinstance(leaf, Hole) or len(leaf.path) >= MAX_STEPS or step in leaf.path:
            return leaf
        return replace(leaf, path=(*leaf.path, step))

    if is_constant(value):
        return value
    return map_leaves(bounded(value), add)


def fitted(value: Value, written: str, program: Program) -> Value:
    """The value as a variable of that type keeps it."""
    if not written:
        return value
    kind = parse_type(written)
    if kind.name == "record" and not kind.array:
        return value if isinstance(value, Record) or value == EMPTY else Record((), made_of(value))
    return cast(value, kind, program, explicit=False)


def element_assigned(old: Value, value: Value, written: str, program: Program) -> Value:
    """`old` after an element or slice of it was assigned; a text (jsonb): something made of both."""
    kind = parse_type(written) if written else UNKNOWN_TYPE
    if isinstance(old, Array) or kind.array:
        element = replace(kind, array=False) if kind.array else UNKNOWN_TYPE
        new = value.element if isinstance(value, Array) else value
        new = cast(new, element, program, explicit=False) if element.name else new
        old = old if isinstance(old, Array) else Array(made_of(old))
        return join_arrays(old, Array(new))
    return alt([made_of(old), made_of(value)])


def target_type(variable: Variable, fields: Names, program: Program) -> str:
    """The type of what is assigned to: the variable or a field of it."""
    return field_type(variable.type, fields, program) if fields else variable.type


def row(columns: Columns) -> Record:
    """The columns of a query as a record; columns of the same name keep their order under names of their own."""
    fields: dict[str, Value] = {}
    rest: Text | None = None
    for index, (name, value) in enumerate(columns):
        if name == STAR:
            rest = as_text(value) if rest is None else alt([rest, as_text(value)])
        else:
            fields[name if name not in fields else f"{name}#{index}"] = value
    return Record(tuple(fields.items()), rest)


def columns_from(rows: Rows) -> Columns:
    """The columns of evaluated rows; a star where those begin that are not known."""
    if rows.open_at is None or rows.rest is None:
        return list(rows.columns)
    return [*rows.columns[: rows.open_at], (STAR, rows.rest), *rows.columns[rows.open_at :]]


def columns_of(record: Record) -> Columns:
    """The columns of a record in order; what is not known as a star."""
    return [*record.fields, *([(STAR, record.rest)] if record.rest is not None else [])]


def row_fitted(columns: Columns, variable: Variable, program: Program) -> Value:
    """A row as a record variable, or one of a composite type, keeps it."""
    fields = fields_of(variable.type, program)
    if (
        len(columns) == 1
        and isinstance(columns[0][1], Record)
        and (fields is not None or parse_type(variable.type).name != "record")
    ):
        columns = columns_of(columns[0][1])
    made = row(columns)
    if fields is None:
        if len(columns) == 1 and isinstance(columns[0][1], Record):  # SELECT t INTO r: r.t, but also the fields of t
            inner = columns[0][1]
            names = dict.fromkeys([name for name, _ in made.fields + inner.fields])
            values = ((name, dict(made.fields).get(name) or inner.get(name) or EMPTY) for name in names)
            return Record(tuple(values), inner.rest)
        return made
    if made.rest is not None:
        return Record(tuple((name, cast(made.rest, parse_type(kind), program)) for name, kind in fields.items()))
    return cast(made, parse_type(variable.type), program, explicit=False)


def spread(columns: Columns, count: int) -> list[Value]:
    """The columns as values for so many targets: by position, NULL for what is missing."""
    if len(columns) == 1 and count > 1 and isinstance(columns[0][1], Record):
        columns = columns_of(columns[0][1])
    for index, (name, value) in enumerate(columns[:count]):
        if name == STAR:  # any column from here on
            later = [made_of(item) for _, item in columns[index:]]
            return [item for _, item in columns[:index]] + [alt(later)] * (count - index)
        del value
    values = [value for _, value in columns[:count]]
    return values + [EMPTY] * (count - len(values))


def unknown(what: str) -> Origin:
    """The origin of something that the analysis does not follow."""
    return Origin(Source.UNKNOWN, what)


def raw(origin: Origin) -> Hole:
    """Any text from there."""
    return Hole(Quoting.RAW, origin, derived=True)
