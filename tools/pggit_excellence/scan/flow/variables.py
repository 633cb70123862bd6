"""From declarations to variables: types resolved (%TYPE, %ROWTYPE, tables, composites), values of a first kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from pggit_excellence.scan.flow.environment import Frame, Variable
from pggit_excellence.scan.inputs import literals
from pggit_excellence.scan.inputs.program import Name, Parameter, Program, Routine
from pggit_excellence.scan.plpgsql.syntax import Declaration
from pggit_excellence.scan.values.abstract import EMPTY, Array, Hole, Origin, Quoting, Record, Source, Value
from pggit_excellence.scan.values.sqltypes import UNKNOWN_TYPE, find, fold, parse_type, resolve, value_of

_COPIED = re.compile(
    r"\s*(?P<of>.+?)\s*%\s*(?P<what>type|rowtype)\s*(?P<array>(?:\[\s*\d*\s*\])*|array)\s*", re.I | re.S
)
_PARTS = re.compile(r'"(?:[^"]|"")*"|[^\s."]+')
_ROW_TYPES = {"record"}
_TRIGGERS = {"trigger", "event_trigger"}
FOUND = "found"
_FIXED = Origin(Source.CONSTANT, "fixed word")
_BOOLEAN = Hole(Quoting.INERT, Origin(Source.CONSTANT, "FOUND"), "bool")
# Special variables of a trigger function, by how their text can be used.
_TRIGGER_WORDS = ("tg_op", "tg_when", "tg_level")
_TRIGGER_PHRASES = ("tg_event", "tg_tag")
_TRIGGER_NUMBERS = ("tg_relid", "tg_nargs")
_TRIGGER_NAMES = ("tg_name", "tg_relname", "tg_table_name", "tg_table_schema")


def resolved_type(written: str, frame: Frame, program: Program) -> str:
    """The type without %TYPE and %ROWTYPE; '' where what it is copied from is not known."""
    match = _COPIED.fullmatch(written)
    if match is None:
        return written
    parts = tuple(fold(part) for part in _PARTS.findall(match["of"]))
    if match["what"].lower() == "rowtype":
        return match["of"].strip() + match["array"]
    found = frame.find(parts)
    if found is not None:
        variable, fields = found
        return (field_type(variable.type, fields, program) if fields else variable.type) + match["array"]
    if len(parts) < 2:
        return ""
    table = find(program.tables, parts[-3] if len(parts) > 2 else "", parts[-2])
    return table.columns[parts[-1]] + match["array"] if table and parts[-1] in table.columns else ""


def fields_of(written: str, program: Program) -> dict[str, str] | None:
    """The fields of a composite type or table, with their types; None for anything else."""
    kind = parse_type(written) if written else UNKNOWN_TYPE
    if not kind.name or kind.array:
        return None
    composite = find(program.composites, kind.schema, kind.name)
    if composite is not None:
        return composite
    table = find(program.tables, kind.schema, kind.name)
    return table.columns if table is not None and table.known and table.columns else None


def field_type(written: str, fields: Iterable[str], program: Program) -> str:
    """The type of a field of a field...; '' where it is not known."""
    for name in fields:
        inner = fields_of(written, program)
        if inner is None or name not in inner:
            return ""
        written = inner[name]
    return written


def is_row(written: str, declared: str, program: Program) -> bool:
    """Whether variables of the type have fields."""
    kind = parse_type(written)
    named_row = "%" in declared and "rowtype" in declared.lower()
    return kind.name in _ROW_TYPES or named_row or fields_of(written, program) is not None


def declare(declaration: Declaration, frame: Frame, program: Program) -> Variable:
    """The variable of a declaration (no alias), entered into the frame."""
    kind = resolved_type(declaration.type, frame, program)
    variable = Variable(
        key=f"{declaration.name}@{declaration.start}",
        name=declaration.name,
        type=kind,
        row=is_row(kind, declaration.type, program),
        cursor=declaration if declaration.cursor is not None else None,
    )
    frame.names[declaration.name] = variable
    return variable


def unset(variable: Variable, program: Program) -> Value:
    """What a variable holds before anything is assigned: NULL."""
    if variable.row:
        fields = fields_of(variable.type, program)
        return Record(()) if fields is None else Record(tuple((name, EMPTY) for name in fields))
    return Array(EMPTY, ()) if resolve(parse_type(variable.type), program).array else EMPTY


def anything(variable: Variable, origin: Origin, program: Program) -> Value:
    """Any value that a variable of this type can hold."""
    return any_value(variable.type, variable.row, origin, program)


def any_value(written: str, row: bool, origin: Origin, program: Program) -> Value:
    """Any value of a type, from that origin; a row of unknown fields has any field."""
    kind = parse_type(written) if written else UNKNOWN_TYPE
    if row and fields_of(written, program) is None:
        return Record((), Hole(Quoting.RAW, origin, derived=True))
    return value_of(kind, origin, program)


def routine_frame(routine: Routine, program: Program, values: dict[str, Value]) -> Frame:
    """The outermost names of a routine: parameters ($1 too), FOUND, TG_*; their values are entered into `values`."""
    frame = Frame(label=routine.name[1])
    for index, parameter in enumerate(routine.parameters):
        variable = _parameter(index, parameter, frame, program)
        given = parameter.mode in {"in", "inout", "variadic"}
        values[variable.key] = (
            anything(variable, parameter_origin(routine, index), program) if given else unset(variable, program)
        )
        frame.names[f"${index + 1}"] = frame.names[str(index + 1)] = variable
        if parameter.name:
            frame.names[parameter.name] = variable
    _special(frame, values, FOUND, "bool", _BOOLEAN)
    kind = parse_type(routine.returns).name if routine.returns else ""
    if kind in _TRIGGERS:
        _trigger_variables(routine, frame, values, program)
    return frame


def parameter_origin(routine: Routine, index: int) -> Origin:
    """Where the value of a parameter comes from; unnamed ones are called $n."""
    return Origin(Source.PARAMETER, routine.parameters[index].name or f"${index + 1}", routine=routine.key)


def _parameter(index: int, parameter: Parameter, frame: Frame, program: Program) -> Variable:
    kind = resolved_type(parameter.type, frame, program)
    if parameter.mode == "variadic" and parse_type(kind).name == "any":
        kind = "text[]"
    name = parameter.name or f"${index + 1}"
    return Variable(f"{name}@parameter", name, kind, is_row(kind, parameter.type, program))


def _special(frame: Frame, values: dict[str, Value], name: str, kind: str, value: Value, *, row: bool = False) -> None:
    frame.names[name] = Variable(f"{name}@special", name, kind, row)
    values[f"{name}@special"] = value


def _trigger_variables(routine: Routine, frame: Frame, values: dict[str, Value], program: Program) -> None:
    for word in _TRIGGER_WORDS:
        _special(frame, values, word, "text", Hole(Quoting.WORD, _FIXED))
    for phrase in _TRIGGER_PHRASES:
        _special(frame, values, phrase, "text", Hole(Quoting.FIXED, _FIXED))
    for number in _TRIGGER_NUMBERS:
        _special(frame, values, number, "int4", Hole(Quoting.INERT, Origin(Source.TRIGGER, number.upper()), "int4"))
    for text in _TRIGGER_NAMES:
        _special(frame, values, text, "name", Hole(Quoting.RAW, Origin(Source.TRIGGER, text.upper()), "name"))
    arguments = Hole(Quoting.RAW, Origin(Source.TRIGGER, "TG_ARGV"), "text")
    _special(frame, values, "tg_argv", "text[]", Array(arguments))
    for row in ("new", "old"):
        _special(frame, values, row, "record", _trigger_row(row.upper(), routine, program), row=True)


def _trigger_row(row: str, routine: Routine, program: Program) -> Record:
    """NEW or OLD: the columns of the tables whose triggers call the function, where every one is known.

    A SECURITY DEFINER function can be made the trigger of anyone's own table, with columns of any type.
    """
    rest = Hole(Quoting.RAW, Origin(Source.TRIGGER, row), derived=True)
    names = () if routine.security_definer else trigger_tables(program).get(routine.name[1], ())
    tables = [find(program.tables, *table) for table in names]
    known = [table.columns for table in tables if table is not None and table.known]
    if not known or len(known) < len(tables):
        return Record((), rest)
    common = [column for column in known[0] if len({columns.get(column) for columns in known}) == 1]
    fields = (
        (column, value_of(known[0][column], Origin(Source.TRIGGER, f"{row}.{column}"), program)) for column in common
    )
    return Record(tuple(fields), rest)


# In small letters, each pattern with its first word in front: they are looked for in every source.
_CREATE_TRIGGER = re.compile(
    r"create\b(?<!\wcreate)\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s(?:[^;$']*?)\son\s+(?P<table>[\w.\"$]+)"
    r"(?:[^;]*?)\bexecute\s+(?:function|procedure)\s+(?P<function>[\w.\"$]+)"
)
_TRIGGER_CALL = re.compile(r"execute\b(?<!\wexecute)\s+(?:function|procedure)\s+(?P<function>[\w.\"$]*[\w\"])")
_tables_of: dict[int, tuple[Program, dict[str, set[Name]]]] = {}


def trigger_tables(program: Program) -> dict[str, set[Name]]:
    """The tables whose triggers call a function, by the function's name without its schema."""
    kept = _tables_of.get(id(program))
    if kept is not None and kept[0] is program:
        return kept[1]
    found: dict[str, set[Name]] = {}
    for function_name, tables in program.triggers.items():
        found.setdefault(function_name[1], set()).update(tables)
    for source in program.sources.values():
        read: Counter[str] = Counter()
        code = literals.fold(source.text)
        for match in _CREATE_TRIGGER.finditer(code):
            table, function = (_name(source.text, match, group) for group in ("table", "function"))
            found.setdefault(function[-1], set()).add((table[-2] if len(table) > 1 else "", table[-1]))
            read[function[-1]] += 1
        named = Counter(_name(source.text, match, "function")[-1] for match in _TRIGGER_CALL.finditer(code))
        for name in named - read:  # by a trigger that is not read here, perhaps one that a function makes
            found.setdefault(name, set()).add(("", ""))
    _tables_of.clear()
    _tables_of[id(program)] = (program, found)
    return found


def _name(text: str, match: re.Match[str], group: str) -> tuple[str, ...]:
    """The parts of the name that stands where the group matched."""
    return tuple(fold(part) for part in _PARTS.findall(text, *match.span(group)))
