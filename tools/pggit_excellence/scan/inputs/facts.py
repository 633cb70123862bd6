"""What statements outside of routines say about tables, types and privileges, put into a Program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.headers import NotUnderstoodError, put_setting, read_type
from pggit_excellence.scan.inputs.libpg import Tree, character
from pggit_excellence.scan.inputs.program import Definition, Name, Program, Routine, Table
from pggit_excellence.scan.values.sqltypes import Type, parse_type

# First words of the statements that say something here; FOREIGN and the like may stand before TABLE.
CREATES = frozenset({"table", "view", "materialized", "type", "domain", "event", "foreign", "trigger", "constraint"})
BEFORE_TABLE = frozenset({"temp", "temporary", "global", "local", "unlogged", "recursive", "or", "replace"})
ALTERS = frozenset({"table", "view", "materialized", "foreign", "function", "procedure", "routine", "default", "type"})
_WRITING = {"insert", "update", "all"}
PUBLIC = "public"


def says_something(head: tuple[str, ...]) -> bool:
    """Whether a statement that begins with these words (lower case) has to be parsed for its facts."""
    verb, *rest = head or ("",)
    if verb in {"grant", "revoke"}:
        return True
    if verb == "alter":
        return bool(rest) and rest[0] in ALTERS
    what = next((word for word in rest if word not in BEFORE_TABLE), "")
    return verb == "create" and what in CREATES


@dataclass(slots=True)
class _Privilege:
    """A GRANT or REVOKE: which objects, to whom. `later` is ALTER DEFAULT PRIVILEGES: for what is made afterwards."""

    grants: bool
    privileges: tuple[str, ...]
    grantees: tuple[str, ...]
    file: str
    start: int
    schemas: tuple[str, ...] = ()  # ALL IN SCHEMA; ('',) for every schema
    names: tuple[tuple[Name, tuple[Type, ...] | None], ...] = ()  # with the types of the arguments where written
    later: bool = False


def condensed(tree: Tree, text: str) -> Tree:
    """The statement as `Facts` takes it: of a new table the columns with their types as written, not all about them.

    Most of what one process reads and hands to another are tables.
    """
    create = tree.get("CreateForeignTableStmt", tree).get("base") or tree.get("CreateStmt")
    if create is not None:
        elements = create.get("tableElts", [])
        create["columns"] = _columns(elements, _Context(text, "", 0))
        create["tableElts"] = [element for element in elements if "TableLikeClause" in element]
    return tree


@dataclass(slots=True)
class Facts:
    """Collects what the statements say; `finish` applies what depends on all of them."""

    program: Program
    tables_privileges: list[_Privilege] = field(default_factory=list)
    routine_privileges: list[_Privilege] = field(default_factory=list)
    altered: list[tuple[Tree, str]] = field(default_factory=list)

    def add(self, tree: Tree, text: str, file: str, start: int) -> None:
        """One condensed statement, `text` being its own, `start` its offset in the file."""
        for node, inner in tree.items():
            if node in _READERS:
                _READERS[node](self, inner, _Context(text, file, start))

    def finish(self) -> None:
        """Apply privileges and ALTER FUNCTION to what all the sources define."""
        for tree, text in self.altered:
            _alter_routine(self.program, tree, text)
        for privilege in self.tables_privileges:
            _apply_to_tables(self.program, privilege)
        _apply_to_routines(self.program, self.routine_privileges)

    def table(self, name: Name) -> Table:
        """The table of that name, made where it is not there."""
        return self.program.tables.setdefault(name, Table(name, known=False))


@dataclass(frozen=True, slots=True)
class _Context:
    text: str
    file: str
    start: int

    def type(self, tree: Tree) -> str:
        """The TypeName as it is written; '' where it cannot be told."""
        try:
            return read_type(self.text, character(self.text, tree.get("location", 0)))
        except NotUnderstoodError:
            return ""


def names_of(nodes: Iterable[Tree]) -> tuple[str, ...]:
    """The strings of a list of String nodes."""
    return tuple(node.get("String", {}).get("sval", "") for node in nodes)


def qualified(parts: tuple[str, ...]) -> Name:
    """(schema, name) of a dotted name's parts."""
    return (parts[-2] if len(parts) > 1 else "", parts[-1] if parts else "")


def _relation(tree: Tree) -> Name:
    return (tree.get("schemaname", ""), tree.get("relname", ""))


def _define(table: Table, columns: dict[str, str]) -> None:
    """Add columns; one that is defined twice with different types has an unknown type."""
    table.known = True
    _merge(table.columns, columns)


Key = TypeVar("Key")


def _merge(types: dict[Key, str], more: Mapping[Key, str]) -> None:
    """Add types; what has two different ones has an unknown type."""
    for name, written in more.items():
        before = types.get(name, written)
        types[name] = written if before == written or parse_type(before) == parse_type(written) else ""


def _columns(elements: Iterable[Tree], context: _Context) -> dict[str, str]:
    found = (element["ColumnDef"] for element in elements if "ColumnDef" in element)
    return {column["colname"]: context.type(column.get("typeName", {})) for column in found}


def _create_table(facts: Facts, tree: Tree, _: _Context) -> None:
    tree = tree.get("base", tree)  # CREATE FOREIGN TABLE holds a CREATE TABLE
    table = facts.table(_relation(tree.get("relation", {})))
    for parent in tree.get("inhRelations", ()):
        inherited = facts.table(_relation(parent["RangeVar"]))
        _define(table, inherited.columns)
        table.whole &= inherited.known and inherited.whole
    copied = [element["TableLikeClause"]["relation"] for element in tree["tableElts"]]
    for relation in copied:
        _define(table, facts.table(_relation(relation)).columns)
    table.whole &= not copied and "ofTypename" not in tree
    _define(table, tree["columns"])


def _create_as(facts: Facts, tree: Tree, context: _Context) -> None:
    into = tree.get("into", {})
    table = facts.table(_relation(into.get("rel", {})))
    table.is_view = tree.get("objtype") == "OBJECT_MATVIEW"
    _define_by_query(facts, table, tree, names_of(into.get("colNames", ())), context)


def _create_view(facts: Facts, tree: Tree, context: _Context) -> None:
    view = facts.table(_relation(tree.get("view", {})))
    view.is_view = True
    _define_by_query(facts, view, tree, names_of(tree.get("aliases", ())), context)


def _define_by_query(facts: Facts, table: Table, tree: Tree, names: tuple[str, ...], context: _Context) -> None:
    """Columns by name now; their types when all tables are known, for the views that matter (flow/views.py)."""
    query = tree.get("query", {})
    _define(table, _outputs(query, names, context))
    facts.program.views.append(Definition(table, query, names, context.text))


def _outputs(query: Tree, names: tuple[str, ...], context: _Context) -> dict[str, str]:
    """The columns of a query, their types where a cast says them; none where a star hides how many there are."""
    select = query.get("SelectStmt", {})
    if select.get("op", "SETOP_NONE") != "SETOP_NONE":
        return dict.fromkeys(names, "")
    found: dict[str, str] = {}
    for index, item in enumerate(select.get("targetList", ())):
        target = item["ResTarget"]
        value: Tree = target.get("val", {})
        name = names[index] if index < len(names) else target.get("name") or _output_name(value)
        if name == "*":
            return dict.fromkeys(names, "")
        cast = value.get("TypeCast")
        found[name] = context.type(cast["typeName"]) if cast else ""
    return found


def _output_name(value: Tree) -> str:
    """What the server calls a column without alias, `*` for a star; '' where that does not matter."""
    if "ColumnRef" in value:
        last = value["ColumnRef"]["fields"][-1]
        return "*" if "A_Star" in last else str(last["String"]["sval"])
    if "FuncCall" in value:
        return names_of(value["FuncCall"]["funcname"])[-1]
    return _output_name(value["TypeCast"]["arg"]) if "TypeCast" in value else ""


def _alter_table(facts: Facts, tree: Tree, context: _Context) -> None:
    if tree.get("objtype") == "OBJECT_TYPE":
        _alter_composite(facts, tree, context)
        return
    name = _relation(tree.get("relation", {}))
    for command in (item["AlterTableCmd"] for item in tree.get("cmds", ())):
        definition: Tree = command.get("def", {}).get("ColumnDef", {})
        if command.get("subtype") == "AT_AddColumn":
            known = facts.table(name).known
            _define(facts.table(name), _columns([command["def"]], context))
            facts.table(name).known = known
        elif command.get("subtype") == "AT_AlterColumnType":
            facts.table(name).columns[command["name"]] = context.type(definition.get("typeName", {}))
        elif command.get("subtype") in {"AT_DropColumn", "AT_AddInherit", "AT_AddOf"}:
            facts.table(name).whole = False
        elif command.get("subtype") == "AT_ChangeOwner":
            facts.table(name).owner = _role(command.get("newowner", {}))


def _alter_composite(facts: Facts, tree: Tree, context: _Context) -> None:
    fields = facts.program.composites.setdefault(_relation(tree.get("relation", {})), {})
    for command in (item["AlterTableCmd"] for item in tree.get("cmds", ())):
        if command.get("subtype") == "AT_AddColumn":
            _merge(fields, _columns([command["def"]], context))
        elif command.get("subtype") == "AT_AlterColumnType":
            fields[command["name"]] = context.type(command["def"]["ColumnDef"].get("typeName", {}))
        elif command.get("subtype") == "AT_DropColumn":
            fields.pop(command.get("name", ""), None)


def _rename(facts: Facts, tree: Tree, _: _Context) -> None:
    """ALTER ... RENAME: what two names have meant in turn is not known by its name."""
    relation, kind = _relation(tree.get("relation", {})), tree.get("renameType")
    names = (tree.get("subname", ""), tree.get("newname", ""))
    if kind == "OBJECT_ATTRIBUTE":
        facts.program.composites.setdefault(relation, {}).update(dict.fromkeys(names, ""))
    elif kind == "OBJECT_COLUMN":
        facts.table(relation).columns.update(dict.fromkeys(names, ""))
        facts.table(relation).whole = False
    elif kind in {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}:
        renamed, taken = facts.table(relation), facts.table((relation[0], names[1]))
        _define(taken, renamed.columns)
        taken.known, taken.whole = renamed.known, False


def _create_enum(facts: Facts, tree: Tree, _: _Context) -> None:
    name = qualified(names_of(tree["typeName"]))
    labels = dict.fromkeys((*facts.program.enums.get(name, ()), *names_of(tree.get("vals", ()))))
    facts.program.enums[name] = tuple(labels)


def _alter_enum(facts: Facts, tree: Tree, _: _Context) -> None:
    name, value = qualified(names_of(tree["typeName"])), tree.get("newVal")
    if value is not None and name in facts.program.enums:
        facts.program.enums[name] += (value,)


def _create_domain(facts: Facts, tree: Tree, context: _Context) -> None:
    _merge(facts.program.domains, {qualified(names_of(tree["domainname"])): context.type(tree.get("typeName", {}))})


def _create_composite(facts: Facts, tree: Tree, context: _Context) -> None:
    fields = facts.program.composites.setdefault(_relation(tree["typevar"]), {})
    _merge(fields, _columns(tree.get("coldeflist", ()), context))


def _create_event_trigger(facts: Facts, tree: Tree, _: _Context) -> None:
    facts.program.event_trigger_functions.add(qualified(names_of(tree.get("funcname", ()))))


def _create_trigger(facts: Facts, tree: Tree, _: _Context) -> None:
    function = qualified(names_of(tree.get("funcname", ())))
    facts.program.triggers.setdefault(function, set()).add(_relation(tree.get("relation", {})))


def _alter_function(facts: Facts, tree: Tree, context: _Context) -> None:
    facts.altered.append((tree, context.text))


def _role(tree: Tree) -> str:
    if tree.get("roletype") == "ROLESPEC_PUBLIC":
        return PUBLIC
    return str(tree.get("rolename") or tree.get("roletype", "").removeprefix("ROLESPEC_")).lower()


def _privilege(tree: Tree, context: _Context) -> _Privilege:
    written = [item["AccessPriv"] for item in tree.get("privileges", ())]
    return _Privilege(
        bool(tree.get("is_grant")),
        tuple(item.get("priv_name", "all") for item in written) or ("all",),
        tuple(_role(item["RoleSpec"]) for item in tree.get("grantees", ())),
        context.file,
        context.start,
    )


def _grant(facts: Facts, tree: Tree, context: _Context) -> None:
    privilege, kind = _privilege(tree, context), tree.get("objtype")
    if tree.get("grant_option") and not privilege.grants:
        return  # REVOKE GRANT OPTION FOR takes no privilege away
    objects: list[Tree] = tree.get("objects", [])
    if tree.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        privilege.schemas = names_of(objects)
    elif kind == "OBJECT_TABLE":
        privilege.names = tuple((_relation(item["RangeVar"]), None) for item in objects)
    else:
        found = (item["ObjectWithArgs"] for item in objects if "ObjectWithArgs" in item)
        privilege.names = tuple((qualified(names_of(item["objname"])), _signature(item, context)) for item in found)
    if kind == "OBJECT_SCHEMA":
        _grant_schemas(facts.program, privilege, names_of(objects))
    else:
        _file_privilege(facts, privilege, kind)


def _grant_schemas(program: Program, privilege: _Privilege, schemas: tuple[str, ...]) -> None:
    """Only CREATE counts. Of public it must have been revoked before others are known not to have it."""
    if not {"create", "all"}.intersection(privilege.privileges):
        return
    for schema in schemas:
        if privilege.grants:
            program.schema_creators.setdefault(schema, set()).update(privilege.grantees)
        elif schema in program.schema_creators or PUBLIC in privilege.grantees:
            program.schema_creators.setdefault(schema, set()).difference_update(privilege.grantees)


def _default_privileges(facts: Facts, tree: Tree, context: _Context) -> None:
    action = tree["action"]
    privilege = _privilege(action, context)
    options = [item["DefElem"] for item in tree.get("options", ())]
    schemas = [names_of(option["arg"]["List"]["items"]) for option in options if option["defname"] == "schemas"]
    if not privilege.grants and schemas:
        return  # defaults of one schema only add to the global ones
    privilege.schemas = schemas[0] if schemas else ("",)
    privilege.later = True
    _file_privilege(facts, privilege, action.get("objtype"))


def _file_privilege(facts: Facts, privilege: _Privilege, kind: object) -> None:
    if kind == "OBJECT_TABLE":
        facts.tables_privileges.append(privilege)
    elif kind in {"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE"}:
        facts.routine_privileges.append(privilege)


def _signature(tree: Tree, context: _Context) -> tuple[Type, ...] | None:
    """The types of the arguments that pick one of several routines; None where they are not written."""
    if tree.get("args_unspecified"):
        return None
    return tuple(_argument_type(context.type(item["TypeName"])) for item in tree.get("objargs", ()))


def signature(routine: Routine) -> tuple[Type, ...]:
    """The types of its input arguments."""
    inputs = (parameter for parameter in routine.parameters if parameter.mode in {"in", "inout", "variadic"})
    return tuple(_argument_type(parameter.type) for parameter in inputs)


def _argument_type(written: str) -> Type:
    """The type as far as it tells routines apart: without modifiers, and with any schema."""
    return replace(parse_type(written), limit=None, schema="")


def same_name(one: Name, other: Name) -> bool:
    """Whether two names can be the same: a schema that is not written may be any."""
    return one[1] == other[1] and (one[0] == other[0] or not one[0] or not other[0])


def _alter_routine(program: Program, tree: Tree, text: str) -> None:
    function = tree["func"]
    name = qualified(names_of(function["objname"]))
    wanted = _signature(function, _Context(text, "", 0))
    for index, routine in enumerate(program.routines):
        if same_name(name, routine.name) and wanted in {None, signature(routine)}:
            program.routines[index] = _altered(routine, [item["DefElem"] for item in tree.get("actions", ())])


def _altered(routine: Routine, actions: list[Tree]) -> Routine:
    for action in actions:
        argument = action.get("arg", {})
        if action["defname"] == "security":
            definer = bool(argument.get("Boolean", {}).get("boolval"))
            routine = replace(routine, security_definer=definer)
        elif action["defname"] == "set":
            routine = replace(routine, settings=_set(routine.settings, argument["VariableSetStmt"]))
    return routine


def _set(settings: tuple[tuple[str, str], ...], tree: Tree) -> tuple[tuple[str, str], ...]:
    kind, name = tree["kind"], tree.get("name", "")
    if kind == "VAR_RESET_ALL":
        return ()
    if kind == "VAR_SET_CURRENT":
        return put_setting(settings, name, "FROM CURRENT")
    if kind != "VAR_SET_VALUE":
        return put_setting(settings, name, "default")
    return put_setting(settings, name, ", ".join(_constant(item.get("A_Const", {})) for item in tree.get("args", ())))


def _constant(tree: Tree) -> str:
    """A setting's value in quotes that leave no doubt where it ends."""
    for key, inner in (("sval", "sval"), ("ival", "ival"), ("fval", "fval")):
        if key in tree:
            value: Any = tree[key].get(inner, "" if key == "sval" else 0)
            return "'" + value.replace("'", "''") + "'" if key == "sval" else str(value)
    return ""


def _apply_to_tables(program: Program, privilege: _Privilege) -> None:
    """GRANT and REVOKE on tables in the order of the sources; ALL IN SCHEMA means those known at the end, too."""
    for name, _ in privilege.names:
        tables = [table for key, table in program.tables.items() if same_name(key, name)]
        for table in tables or [program.tables.setdefault(name, Table(name, known=False))]:
            _change_grants(table, privilege)
    for schema in privilege.schemas:
        for key, table in program.tables.items():
            if schema in {"", key[0]}:
                _change_grants(table, privilege)


def _change_grants(table: Table, privilege: _Privilege) -> None:
    for grantee in privilege.grantees:
        pairs = {(name, grantee) for name in privilege.privileges}
        if privilege.grants:
            table.grants |= pairs
        elif "all" in privilege.privileges:
            table.grants -= {pair for pair in table.grants if pair[1] == grantee}
        elif ("all", grantee) in table.grants and privilege.privileges != ("select",):
            table.grants -= {("all", grantee), *pairs}
            table.grants |= {(name, grantee) for name in _WRITING - {"all"} - set(privilege.privileges)}
        else:
            table.grants -= pairs


def _apply_to_routines(program: Program, privileges: list[_Privilege]) -> None:
    """Who may execute each routine: PUBLIC, unless something takes that away.

    Within one file the order counts. Nobody knows in which order files are run, so what one says holds for all others.
    """
    by_name: dict[str, list[int]] = {}
    by_schema: dict[str, list[int]] = {}
    for index, privilege in enumerate(privileges):
        for name, _ in privilege.names:
            by_name.setdefault(name[1], []).append(index)
        for schema in privilege.schemas:
            by_schema.setdefault(schema, []).append(index)
    for routine in program.routines:
        roles = program.executors.setdefault(routine.key, {PUBLIC})
        candidates = {*by_name.get(routine.name[1], ()), *by_schema.get(routine.name[0], ()), *by_schema.get("", ())}
        for index in sorted(candidates):
            privilege = privileges[index]
            if _concerns(privilege, routine):
                change = roles.update if privilege.grants else roles.difference_update
                change(privilege.grantees)
                if privilege.grants and PUBLIC in privilege.grantees:
                    program.granted_to_public.add(routine.key)


def _concerns(privilege: _Privilege, routine: Routine) -> bool:
    if routine.kind not in {"function", "procedure"}:
        return False
    if privilege.file == routine.file and privilege.later == (routine.start < privilege.start):
        return False
    if privilege.schemas:
        return True
    wanted = [types for name, types in privilege.names if same_name(name, routine.name)]
    return any(types in {None, signature(routine)} for types in wanted)


_READERS: dict[str, Callable[[Facts, Tree, _Context], None]] = {
    "CreateStmt": _create_table,
    "CreateForeignTableStmt": _create_table,
    "CreateTableAsStmt": _create_as,
    "ViewStmt": _create_view,
    "AlterTableStmt": _alter_table,
    "RenameStmt": _rename,
    "CreateEnumStmt": _create_enum,
    "AlterEnumStmt": _alter_enum,
    "CreateDomainStmt": _create_domain,
    "CompositeTypeStmt": _create_composite,
    "CreateEventTrigStmt": _create_event_trigger,
    "CreateTrigStmt": _create_trigger,
    "AlterFunctionStmt": _alter_function,
    "GrantStmt": _grant,
    "AlterDefaultPrivilegesStmt": _default_privileges,
}
