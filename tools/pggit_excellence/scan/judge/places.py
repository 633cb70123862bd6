"""What a place in a parsed statement means for the text that is put there: a table name, a value, a condition..."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from pggit_excellence.scan.judge.positions import WHOLE, Shape, Spot, has_mark
from pggit_excellence.scan.model import Confidence
from pggit_excellence.scan.values.abstract import Hole, Source


class Kind(StrEnum):
    """What is expected at a place, as far as the right quoting depends on it."""

    RELATION = "relation"  # a name that honest callers may qualify with a schema
    IDENTIFIER = "identifier"
    VALUE = "value"
    WHOLE = "whole"
    OTHER = "other"


Described = tuple[Kind, str]
_FRAGMENT: Described = (Kind.OTHER, "a piece of the statement")


def describe(spots: list[Spot]) -> Described:
    """What all the spots of a slot have in common: the kind and how to call it."""
    found = {_describe(spot) for spot in spots}
    if len(found) == 1:
        return found.pop()
    kinds = {kind for kind, _ in found}
    return (kinds.pop() if len(kinds) == 1 else Kind.OTHER, _FRAGMENT[1])


def _describe(spot: Spot) -> Described:
    if spot.shape in WHOLE:
        alone = [name for name, _ in spot.trail[1:4]] == ["stmt", "SelectStmt", "targetList"]
        return Kind.WHOLE, "a whole statement" if alone or spot.shape is Shape.CHANGE else "a whole query"
    if spot.shape is Shape.INSIDE or not spot.trail:
        return _SHAPED.get(spot.shape, _FRAGMENT)
    for at in range(len(spot.trail) - 1, -1, -1):
        described = _NAMED.get(spot.trail[at][0])
        if described:
            return described
        if spot.trail[at][0] == "ColumnRef":
            return _column(spot, at)
    return _SHAPED.get(spot.shape, (Kind.IDENTIFIER, "a name"))


_NAMED: dict[str, Described] = {
    "relname": (Kind.RELATION, "a table name"),
    "schemaname": (Kind.IDENTIFIER, "a schema name"),
    "TypeName": (Kind.OTHER, "a type name"),
    "typeName": (Kind.OTHER, "a type name"),
    "argType": (Kind.OTHER, "a type name"),
    "rolename": (Kind.IDENTIFIER, "a role name"),
    "priv_name": (Kind.OTHER, "a privilege"),
    "objname": (Kind.IDENTIFIER, "the name of an object"),
    "funcname": (Kind.IDENTIFIER, "a function name"),
    "A_Const": (Kind.VALUE, "a value"),
    "DefElem": (Kind.OTHER, "an option"),
    "VariableSetStmt": (Kind.OTHER, "a setting"),
    "objects": (Kind.RELATION, "the name of an object"),
    "Alias": (Kind.IDENTIFIER, "an alias"),
    "ResTarget": (Kind.IDENTIFIER, "a column name"),
    "colname": (Kind.IDENTIFIER, "a column name"),
    "IndexElem": (Kind.IDENTIFIER, "a column name"),
    "idxname": (Kind.IDENTIFIER, "an index name"),
    "conname": (Kind.IDENTIFIER, "a constraint name"),
    "trigname": (Kind.IDENTIFIER, "a trigger name"),
    "AlterTableCmd": (Kind.IDENTIFIER, "a column name"),
    "RenameStmt": (Kind.IDENTIFIER, "a name"),
}
_SHAPED: dict[Shape, Described] = {
    Shape.STRING: (Kind.VALUE, "a value"),
    Shape.NUMBER: (Kind.VALUE, "a value"),
    Shape.ORDER: (Kind.OTHER, "a keyword"),
    Shape.CONDITION: (Kind.OTHER, "a condition"),
    Shape.CLAUSE: (Kind.OTHER, "a clause"),
    Shape.CONSTRAINT: (Kind.OTHER, "a column or constraint definition"),
}
_CLAUSES = {
    "whereClause": "a condition",
    "havingClause": "a condition",
    "quals": "a condition",
    "sortClause": "a sort key",
    "groupClause": "a grouping key",
    "targetList": "an output column",
    "returningList": "an output column",
}


def _column(spot: Spot, at: int) -> Described:
    """What a column reference, the node at `at`, stands for."""
    if len(spot.trail[at][1]["fields"]) > 1:
        return Kind.IDENTIFIER, "a column name"
    if value_place(spot) or compared(spot):
        return Kind.VALUE, "a value"
    parent = spot.trail[at - 1][0]
    if parent in _CLAUSES or parent in ("ResTarget", "node", "val"):
        clause = next((name for name, _ in reversed(spot.trail[:at]) if name in _CLAUSES), "")
        return Kind.OTHER, _CLAUSES.get(clause, "an expression")
    return Kind.OTHER, "an expression"


# --- an identifier where a value is meant -------------------------------------------------------------------------

_TEXT_ARGUMENTS = {  # functions and which of their arguments (from 0) is text that nobody reads from a column
    "set_config": (0, 1),
    "current_setting": (0,),
    "nextval": (0,),
    "currval": (0,),
    "setval": (0,),
    "to_regclass": (0,),
    "to_regtype": (0,),
    "to_regproc": (0,),
    "to_regprocedure": (0,),
    "to_regnamespace": (0,),
    "to_regrole": (0,),
    "pg_notify": (0, 1),
    "date_trunc": (0,),
    "date_part": (0,),
    "pg_relation_size": (0,),
    "pg_total_relation_size": (0,),
    "pg_table_size": (0,),
    "pg_get_serial_sequence": (0, 1),
}
_SCOPES = {
    "UpdateStmt",
    "DeleteStmt",
    "MergeStmt",
    "CreateStmt",
    "CreateForeignTableStmt",
    "IndexStmt",
    "AlterTableStmt",
    "AlterDomainStmt",
    "CreateDomainStmt",
    "CreatePolicyStmt",
    "AlterPolicyStmt",
    "RuleStmt",
    "CreateTrigStmt",
    "CreateStatsStmt",
    "CopyStmt",
    "PublicationTable",
    "onConflictClause",
    "returningList",
}
_REGISTERED = re.compile(r"reg[a-z]+\Z")
_COLUMN_HINT = re.compile(r"col|field|fld|attr|key", re.IGNORECASE)
_COLUMN_NAMES = {"attname", "column_name"}


def value_place(spot: Spot) -> tuple[str, Confidence] | None:
    """Where an unqualified name that was put at the spot cannot be a column: what is expected, and how sure that is."""
    at = _reference(spot)
    if at < 0:
        return None
    return _never_column(spot, at) or _text_argument(spot, at)


def _reference(spot: Spot) -> int:
    """Index of an unqualified column reference that is the placeholder alone; -1 for anything else."""
    for at in range(len(spot.trail) - 1, -1, -1):
        name, held = spot.trail[at]
        if name == "ColumnRef":
            return at if len(held["fields"]) == 1 else -1
    return -1


def _never_column(spot: Spot, at: int) -> tuple[str, Confidence] | None:
    names = [name for name, _ in spot.trail[:at]]
    select = max(_last(names, name) for name in ("SelectStmt", "larg", "rarg"))  # the arms of UNION
    clause = names[select + 1] if 0 <= select < len(names) - 1 else ""
    if clause in ("limitCount", "limitOffset"):
        return "LIMIT and OFFSET expect a value", Confidence.HIGH
    if clause == "valuesLists":
        return "VALUES expects a value", Confidence.HIGH if "InsertStmt" in names else Confidence.MEDIUM
    if "partbound" in names or "bound" in names:
        return "a partition bound is a value", Confidence.HIGH
    if _is_default(spot):
        return "DEFAULT expects a value", Confidence.HIGH
    if not _has_columns(spot.trail[:at]):
        return "no table is there whose column it could be", Confidence.HIGH
    return None


def _last(names: list[str], name: str) -> int:
    return next((at for at in range(len(names) - 1, -1, -1) if names[at] == name), -1)


def _is_default(spot: Spot) -> bool:
    constraint = spot.node("Constraint")
    command = spot.node("AlterTableCmd")
    return bool(
        (constraint and constraint.get("contype") == "CONSTR_DEFAULT")
        or (command and command.get("subtype") == "AT_ColumnDefault")
    )


def _has_columns(trail: tuple[tuple[str, Any], ...]) -> bool:
    return any(name in _SCOPES or (isinstance(held, dict) and "fromClause" in held) for name, held in trail)


def _text_argument(spot: Spot, at: int) -> tuple[str, Confidence] | None:
    held = spot.trail[at][1]
    cast = spot.trail[at - 2][1] if spot.trail[at - 1][0] == "arg" and spot.trail[at - 2][0] == "TypeCast" else None
    if cast:
        target = cast["typeName"]["names"][-1]["String"]["sval"]
        if _REGISTERED.match(target):
            return f"a cast to {target} expects a string", Confidence.MEDIUM
    if spot.trail[at - 1][0] == "args" and spot.trail[at - 2][0] == "FuncCall":
        call = spot.trail[at - 2][1]
        name = call["funcname"][-1]["String"]["sval"]
        position = next((i for i, argument in enumerate(call["args"]) if argument.get("ColumnRef") is held), -1)
        if position in _TEXT_ARGUMENTS.get(name, ()):
            return f"{name}() expects a string", Confidence.MEDIUM
    return None


def compared(spot: Spot) -> bool:
    """Whether the name stands alone on the value side of a comparison with a column that the program names."""
    at = _reference(spot)
    if at < 0:
        return False
    names = [name for name, _ in spot.trail[:at]]
    while names[-2:] == ["TypeCast", "arg"]:
        names = names[:-2]
    if names[-2:] == ["ResTarget", "val"] and len(names) > 3 and names[-4] == "UpdateStmt":
        return not has_mark(spot.trail[len(names) - 2][1].get("name", ""))
    if "rexpr" not in names[-4:] or not {"whereClause", "havingClause"} & set(names):
        return False
    side = _last(names, "rexpr")
    if set(names[side + 1 :]) - {"List", "items", "A_ArrayExpr", "elements"} or "fromClause" in names[-8:]:
        return False
    left = spot.trail[side - 1][1].get("lexpr")
    return _is_column(left) and not has_mark(left)


def joined(spot: Spot) -> bool:
    """Whether the name is joined to the program's text (`'hello ' || name`) in a query whose tables are known."""
    at = _reference(spot)
    if at < 2 or spot.trail[at - 2][0] != "A_Expr" or spot.trail[at - 1][0] not in ("lexpr", "rexpr"):
        return False
    operation = spot.trail[at - 2][1]
    other = operation.get("lexpr" if spot.trail[at - 1][0] == "rexpr" else "rexpr", {})
    select = spot.node("SelectStmt")
    is_text = "sval" in other.get("A_Const", {}) and operation["name"][-1]["String"]["sval"] == "||"
    return bool(is_text and select and "fromClause" in select and not has_mark(select["fromClause"]))


def _is_column(node: Any) -> bool:
    """A column, also inside of casts and functions; no constant and no parameter."""
    match node:
        case {"ColumnRef": _}:
            return True
        case {"TypeCast": {"arg": inner}}:
            return _is_column(inner)
        case {"FuncCall": {"args": [*arguments]}}:
            return any(_is_column(argument) for argument in arguments)
        case _:
            return False


def hints_column(hole: Hole) -> bool:
    """Whether the hole's name says that a column is meant."""
    origin = hole.origin
    if origin.source is Source.CATALOG:
        return origin.column in _COLUMN_NAMES
    return bool(_COLUMN_HINT.search(origin.column or origin.name))


# --- a literal ----------------------------------------------------------------------------------------------------


def sorts_by_constant(spot: Spot) -> bool:
    """Whether a string literal stands alone in ORDER BY, GROUP BY or DISTINCT ON, where the server refuses it."""
    names = [name for name, _ in spot.trail]
    at = _last(names, "A_Const")
    return at > 0 and (names[at - 2 : at] == ["SortBy", "node"] or names[at - 1] in ("groupClause", "distinctClause"))


_TAKES_PARAMETERS = {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}
_CONTAIN_ONE = {"CreateTableAsStmt", "ExplainStmt"}  # parameters of the statement inside


def takes_parameter(spot: Spot) -> bool:
    """Whether a parameter ($1 and USING) could stand where the value stands."""
    if len(spot.statements) != 1 or not _is_query(spot):
        return False
    constant = spot.node("A_Const")
    if constant is None or spot.inside("typmods", "DefElem") or sorts_by_constant(spot):
        return False
    cast = spot.node("TypeCast")
    prefixed = cast and cast["arg"].get("A_Const") is constant and _start(cast["typeName"]) < _start(constant)
    return not prefixed  # interval '1 day' is a constant as a whole


def _is_query(spot: Spot) -> bool:
    names = [name for name, _ in spot.trail]
    at = 2 if names[:2] == ["stmts", "stmt"] else len(names)
    if names[at : at + 1] and names[at] in _CONTAIN_ONE:
        outer = spot.trail[at][1]
        at = at + 2 if outer.get("objtype", "OBJECT_TABLE") == "OBJECT_TABLE" else len(names)
    return at < len(names) and names[at] in _TAKES_PARAMETERS and "intoClause" not in spot.trail[at][1]


def _start(node: dict[str, Any]) -> int:
    return int(node.get("location", 0))


def is_code(spot: Spot) -> bool:
    """Whether the literal is the body of a function or of a DO block."""
    return spot.inside("DoStmt") or (spot.inside("CreateFunctionStmt") and _option(spot) == "as")


def _option(spot: Spot) -> str:
    option = spot.node("DefElem")
    return option.get("defname", "") if option else ""


def is_program(spot: Spot) -> bool:
    """Whether the literal is the command of COPY ... PROGRAM, which a shell of the server runs."""
    copy = spot.node("CopyStmt")
    return copy is not None and copy.get("is_program", False) and spot.trail[-1][0] == "filename"
