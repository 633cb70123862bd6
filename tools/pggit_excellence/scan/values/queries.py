"""The rows of SQL queries: what each output column of SELECT, VALUES or DML ... RETURNING can hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.program import Table
from pggit_excellence.scan.values import catalog, functions
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
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
    close_loop,
    join,
    join_all,
    leaves,
    map_leaves,
    star,
)
from pggit_excellence.scan.values.sqltree import Node, kind_of, strings
from pggit_excellence.scan.values.sqltypes import cast, find, value_of
from pggit_excellence.scan.values.terms import Columns, Relation, Rows, Terms
from pggit_excellence.scan.values.texts import changed, printed

HOLE = "pggit_hole"  # stands for a name that is not known, where a dynamic statement is read (rows.py)
POSITION = Hole(Quoting.INERT, Origin(Source.CONSTANT, "position"), "int8")
# Functions in FROM that give two columns: a key and what it stands for.
PAIRS = frozenset(["json_each", "jsonb_each", "json_each_text", "jsonb_each_text", "each"])
# Functions in FROM whose columns are declared where they are called, or by their first argument.
DECLARED = frozenset(
    [
        "json_to_record",
        "jsonb_to_record",
        "json_to_recordset",
        "jsonb_to_recordset",
        "json_populate_record",
        "jsonb_populate_record",
        "json_populate_recordset",
        "jsonb_populate_recordset",
    ]
)


class Queries(Terms):
    """Evaluates queries as well."""

    def __init__(self, text: str, scope: Any) -> None:
        """See Terms."""
        super().__init__(text, scope)
        self.ctes: list[dict[str, Rows]] = []

    # Statements -------------------------------------------------------------------------------------------------------

    def select(self, tree: Node) -> Rows:
        """The rows of any statement that returns rows; none of another one, whose expressions are evaluated."""
        kind, node = kind_of(tree)
        handler = STATEMENTS.get(kind)
        if handler is None:
            self.walk(node)
            return Rows()
        depth = len(self.frames)
        self.ctes.append({})
        try:
            self.with_clause(node.get("withClause", {}))
            return handler(self, node)
        finally:
            self.ctes.pop()
            del self.frames[depth:]

    def select_statement(self, node: Node) -> Rows:
        """SELECT, VALUES, UNION and kin."""
        if node.get("op", "SETOP_NONE") != "SETOP_NONE":
            left = self.select({"SelectStmt": node.get("larg", {})})
            return _union(left, self.select({"SelectStmt": node.get("rarg", {})}))
        if "valuesLists" in node:
            return self.values_lists(node["valuesLists"])
        self.frames.append([])
        for item in node.get("fromClause", []):
            self.add(item)
        for part in ("whereClause", "havingClause", "limitCount", "limitOffset"):
            self.value(node.get(part))
        for part in ("groupClause", "distinctClause", "windowClause", "sortClause"):
            self.walk([item for item in node.get(part, []) if not _is_output_name(item)])
        return self.targets(node.get("targetList", []))

    def values_lists(self, lists: list[Node]) -> Rows:
        """VALUES (...), (...): column1, column2..."""
        total: Rows | None = None
        for item in lists:
            values = self.values(item.get("List", {}).get("items", []))
            rows = Rows([(f"column{index}", value) for index, value in enumerate(values, 1)])
            total = rows if total is None else _union(total, rows)
        return total or Rows()

    def targets(self, items: list[Node]) -> Rows:
        """A target list: `*`, `t.*`, and expressions under their names."""
        rows = Rows()
        for item in items:
            target = item.get("ResTarget", {})
            value = target.get("val", {})
            stars = self.star(value)
            if stars is None:
                rows.columns.append((target.get("name") or _column_name(value), self.value(value)))
                continue
            for relation in stars:
                if relation.rest is not None:
                    rest = printed(relation.rest("*"))
                    rows.open_at = len(rows.columns) if rows.open_at is None else rows.open_at
                    rows.rest = rest if rows.rest is None else alt([rows.rest, rest])
                rows.columns += relation.columns.items()
        return rows

    def star(self, tree: Node) -> list[Relation] | None:
        """The relations that `*`, `t.*` or `(x).*` stands for; None for any other expression."""
        if "A_Indirection" in tree and "A_Star" in tree["A_Indirection"].get("indirection", [{}])[-1]:
            node = tree["A_Indirection"]
            inner = {"A_Indirection": {**node, "indirection": node["indirection"][:-1]}}
            return [_as_relation("", self.value(inner if node["indirection"][1:] else node.get("arg")))]
        names = tuple(strings(tree.get("ColumnRef", {}).get("fields", [])))
        if names[-1:] != ("*",):
            return None
        if len(names) == 1:
            return list(self.frames[-1]) if self.frames else []
        for frame in reversed(self.frames):
            for relation in frame:
                if relation.name == names[-2]:
                    return [relation]
        value = self.scope.variable(names)
        if value is None:
            value = self.column(names[:-1])
        if value is None:
            value = self.unknown(".".join(names))
        return [_as_relation(names[-2], value)]

    def insert(self, node: Node) -> Rows:
        """INSERT ... RETURNING."""
        self.select(node.get("selectStmt", {}))
        target = self.target(node)
        self.frames.append([target, replace(target, name="excluded")])
        self.walk(node.get("onConflictClause", {}))
        self.frames[-1] = [target]
        return self.targets(node.get("returningList", []))

    def update(self, node: Node) -> Rows:
        """UPDATE ... RETURNING, DELETE ... RETURNING, MERGE."""
        self.frames.append([self.target(node)])
        for item in [*node.get("fromClause", []), *node.get("usingClause", [])]:
            self.add(item)
        if "sourceRelation" in node:
            self.add(node["sourceRelation"])
        for part in ("whereClause", "joinCondition"):
            self.value(node.get(part))
        self.walk(node.get("mergeWhenClauses", []))
        self.walk([item.get("ResTarget", {}).get("val", {}) for item in node.get("targetList", [])])
        return self.targets(node.get("returningList", []))

    def call_statement(self, node: Node) -> Rows:
        """CALL: the INOUT and OUT parameters."""
        value = self.value({"FuncCall": node.get("funccall", {})})
        return Rows(list(value.fields)) if isinstance(value, Record) else Rows([("", value)])

    def explained(self, node: Node) -> Rows:
        """EXPLAIN: text of the server, with constants of the query in it."""
        found = self.select(node.get("query", {}))
        return Rows([("QUERY PLAN", changed(self.unknown("EXPLAIN"), *(value for _, value in found.columns)))])

    def created(self, node: Node) -> Rows:
        """CREATE TABLE AS, CREATE VIEW, DECLARE CURSOR, COPY: the query in it."""
        self.select(node.get("query", {}))
        return Rows()

    def target(self, node: Node) -> Relation:
        """The table that a statement changes."""
        return self.table(node.get("relation", {}))

    # WITH -------------------------------------------------------------------------------------------------------------

    def with_clause(self, node: Node) -> None:
        """Add the queries of a WITH clause; a recursive one is closed like a loop."""
        for item in node.get("ctes", []):
            cte = item.get("CommonTableExpr", {})
            name = cte.get("ctename", "")
            query = cte.get("ctequery", {})
            recursive = node.get("recursive", False) and _mentions(query, name)
            rows = self.recursive(name, cte, query) if recursive else self.select(query)
            self.ctes[-1][name] = _renamed(rows, _names(cte.get("aliascolnames", [])))

    def recursive(self, name: str, cte: Node, query: Node) -> Rows:
        """A query that reads its own rows."""
        aliases = _names(cte.get("aliascolnames", []))
        union = query.get("SelectStmt", {})
        start = _renamed(self.select({"SelectStmt": union.get("larg", {})}), aliases)
        keys = [f"cte {name}.{index}" for index in range(len(start.columns))]
        self.ctes[-1][name] = Rows(
            [(column, Ref(key)) for (column, _), key in zip(start.columns, keys, strict=True)],
            start.open_at,
            start.rest,
        )
        again = self.select({"SelectStmt": union.get("rarg", {})})
        closed = Rows(open_at=start.open_at, rest=start.rest)
        for index, (column, _) in enumerate(start.columns):
            closed.columns.append((column, _closed(index, keys, start, again)))
        self.ctes[-1][name] = closed
        return _union(closed, self.select({"SelectStmt": union.get("rarg", {})}))

    # FROM -------------------------------------------------------------------------------------------------------------

    def add(self, tree: Node) -> None:
        """Add an item of FROM to the innermost frame."""
        kind, node = kind_of(tree)
        handler = SOURCES.get(kind)
        if handler is not None:
            self.frames[-1].append(handler(self, node))
        elif kind == "JoinExpr":
            self.add_join(node)
        elif kind == "RangeTableSample":
            self.add(node.get("relation", {}))
            self.walk(node.get("args", []))
        else:
            self.walk(node)
            name = node.get("alias", {}).get("aliasname", "") if isinstance(node, dict) else ""
            hole = self.unknown(kind)
            self.frames[-1].append(Relation(name, {}, lambda _column: hole))

    def add_join(self, node: Node) -> None:
        """JOIN: both sides, and its alias where it has one."""
        before = len(self.frames[-1])
        self.add(node.get("larg", {}))
        self.add(node.get("rarg", {}))
        self.value(node.get("quals"))
        if node.get("isNatural") or node.get("usingClause"):  # in `*` the common columns come first, and once
            hole = self.unknown("JOIN ... USING")
            self.frames[-1].insert(before, Relation("", {}, lambda _column: hole))
        if "alias" in node:
            inside = self.frames[-1][before:]
            columns = {name: value for relation in inside for name, value in relation.columns.items()}
            rest = next((relation.rest for relation in inside if relation.rest is not None), None)
            self.frames[-1][before:] = [Relation(node["alias"].get("aliasname", ""), columns, rest)]

    def table(self, node: Node) -> Relation:
        """RangeVar: a CTE, a table of the program, a relation of the catalog, or one that is not known."""
        schema, name = node.get("schemaname", ""), node.get("relname", "")
        alias = node.get("alias", {})
        label = alias.get("aliasname") or name
        if not schema:
            for known in reversed(self.ctes):
                if name in known:
                    return _aliased(known[name].relation(label), alias)
        place = self.word_place(node.get("location", -1))
        found = None if schema == HOLE else find(self.program.tables, schema, name)
        if found is not None and found.known and found.columns:
            return _aliased(self.known_table(found, label, schema, name, place), alias)
        facts = catalog.relation(schema, name) if found is None else None
        if facts is not None:
            return _aliased(self.catalog_table(facts, label, name, place), alias)
        qualified = f"{schema}.{name}" if schema else name

        def column(column: str) -> Value:
            origin = Origin(Source.TABLE, f"{qualified}.{column}", schema, name, column)
            return Hole(Quoting.RAW, origin, path=(Step(place, f"{origin.name} is read"),))

        return _aliased(Relation(label, {}, column, schema), alias)

    def known_table(self, table: Table, label: str, schema: str, name: str, place: Place) -> Relation:
        """A table that the program creates."""
        schema = schema or table.name[0]
        qualified = f"{schema}.{name}" if schema else name

        def column(column: str, written: str) -> Value:
            origin = Origin(Source.TABLE, f"{qualified}.{column}", schema, name, column)
            return value_of(written, origin, self.program, (Step(place, f"{origin.name} is read"),))

        other = None if table.whole else partial(column, written="")
        return Relation(label, Columns(table.columns, column), other, schema)

    def catalog_table(self, facts: tuple[str, dict[str, str]], label: str, name: str, place: Place) -> Relation:
        """A table or view of pg_catalog or information_schema."""
        schema, types = facts

        def column(column: str, kind: str) -> Value:
            origin = Origin(Source.CATALOG, f"{name}.{column}", schema, name, column)
            return catalog.catalog_value(kind, origin, self.program, (Step(place, f"{origin.name} is read"),))

        return Relation(label, Columns(types, column), None, schema)

    def subquery(self, node: Node) -> Relation:
        """(SELECT ...) AS alias: it sees what stands before it only if LATERAL, which does no harm here."""
        alias = node.get("alias", {})
        return _aliased(self.select(node.get("subquery", {})).relation(alias.get("aliasname", "")), alias)

    def function(self, node: Node) -> Relation:
        """A function in FROM, or ROWS FROM (several)."""
        alias = node.get("alias", {})
        columns: list[tuple[str, Value]] = []
        rest: Callable[[str], Value] | None = None
        scalar: Value | None = None
        calls = [item.get("List", {}).get("items", [{}])[0] for item in node.get("functions", [])]
        for call in calls:
            found = self.function_rows(call)
            if len(found.columns) == 1 and len(calls) == 1 and found.rest is None:
                scalar = next(iter(found.columns.values()))
                if alias.get("aliasname") and not found.named and not isinstance(scalar, Record):
                    found.columns = {alias["aliasname"]: scalar}
            columns += found.columns.items()
            rest = rest or found.rest
        declared = node.get("coldeflist", [])
        if declared:
            return self.declared(alias.get("aliasname", ""), declared, columns, rest)
        if node.get("ordinality"):
            columns.append(("ordinality", POSITION))
        relation = Relation(alias.get("aliasname") or _column_name(calls[0] if calls else {}), dict(columns), rest)
        if scalar is not None and not node.get("ordinality"):
            relation.scalar = scalar
        return _aliased(relation, alias)

    def function_rows(self, call: Node) -> Relation:
        """The columns of one function in FROM."""
        function = call.get("FuncCall", {})
        name = (strings(function.get("funcname", [])) or [""])[-1]
        if name == "unnest" and len(function.get("args", [])) > 1:
            values = self.values(function["args"])
            return Relation("", {f"unnest{index}": functions.element(value) for index, value in enumerate(values)})
        if name in PAIRS:
            return self.pairs(name, function)
        if name in DECLARED:
            return self.populated(name, function)
        value = self.called(function, row=True) if function else self.value(call)
        if isinstance(value, Record):
            return _as_relation("", value)
        if isinstance(value, Hole) and value.origin.source == Source.FUNCTION and value.quoting == Quoting.RAW:
            return self.unknown_rows(name, value)
        return Relation("", {name or _column_name(call): value})

    def unknown_rows(self, name: str, value: Hole) -> Relation:
        """Rows of a function of the server by its columns; of an unknown function any column."""
        types = catalog.catalog().rows.get(name)
        if types is not None:

            def column(column: str, kind: str) -> Value:
                origin = Origin(Source.CATALOG, f"{name}().{column}", "pg_catalog", name, column)
                return catalog.catalog_value(kind, origin, self.program, value.path)

            return Relation("", Columns(catalog.columns(types), column))
        return Relation(
            "", {}, lambda name: replace(value, origin=replace(value.origin, name=f"{value.origin.name}.{name}"))
        )

    def pairs(self, name: str, function: Node) -> Relation:
        """jsonb_each() and kin: key, value."""
        value = self.value(function.get("args", [{}])[0])
        if isinstance(value, Record):
            found = [item for _, item in value.fields] + ([value.rest] if value.rest is not None else [])
            items: Value = join_all(found)
            items = printed(items) if name.endswith("_text") else items
            keys = functions.MODELS["json_object_keys"](
                functions.Call(name, [value], [], self.program, self.place(0, 0), lambda *_: None)
            )
            return Relation("", {"key": keys, "value": items})
        part = functions.field_of(value, EMPTY, as_text=True)
        return Relation("", {"key": part, "value": part})

    def populated(self, name: str, function: Node) -> Relation:
        """jsonb_populate_record(row, document): the row's fields; jsonb_to_record(document): declared columns."""
        nodes = function.get("args", [])
        values = self.values(nodes)
        document = values[-1] if values else EMPTY
        part = changed(document)
        if "populate" in name and "TypeCast" in nodes[0]:  # mostly NULL::type
            row = cast(part, self.type(nodes[0]["TypeCast"].get("typeName", {})), self.program)
            if isinstance(row, Record):
                return Relation("", dict(row.fields))
        if "populate" in name and isinstance(values[0], Record) and values[0].rest is None:
            return Relation("", {column: _like(value, part) for column, value in values[0].fields})
        known = dict(document.fields) if isinstance(document, Record) else {}
        return Relation("", known, lambda _column: part)

    def declared(
        self, name: str, items: list[Node], columns: list[tuple[str, Value]], rest: Callable[[str], Value] | None
    ) -> Relation:
        """AS t(a text, b int): what the function returns, read as these types."""
        known = dict(columns)
        made: dict[str, Value] = {}
        for item in items:
            definition = item.get("ColumnDef", {})
            column = definition.get("colname", "")
            value = known.get(column)
            if value is None:
                value = rest(column) if rest is not None else changed(*known.values())
            made[column] = cast(value, self.type(definition.get("typeName", {})), self.program)
        return Relation(name, made)


def _like(value: Value, part: Value) -> Value:
    """A field of a row filled from a document: harmless types stay harmless."""
    harmless = all(
        isinstance(leaf, Hole) and leaf.quoting in {Quoting.INERT, Quoting.QUALIFIED} for leaf in leaves(value)
    )
    return value if harmless and value != EMPTY else join(value, part)


def _as_relation(name: str, value: Value) -> Relation:
    """A value with fields as an item of FROM."""
    if isinstance(value, Record):
        rest = value.rest
        return Relation(name, dict(value.fields), None if rest is None else lambda _column: rest, named=True)
    text = printed(value)
    return Relation(name, {}, lambda _column: changed(text))


def _union(left: Rows, right: Rows) -> Rows:
    """UNION by position, names from the left."""
    total = Rows(open_at=left.open_at, rest=left.rest)
    if right.open_at is not None:
        total.open_at = right.open_at if left.open_at is None else min(left.open_at, right.open_at)
        total.rest = right.rest if left.rest is None or right.rest is None else alt([left.rest, right.rest])
    for index, (name, value) in enumerate(left.columns):
        total.columns.append((name, join(value, right.at(index)) if right.columns or right.rest else value))
    return total


def _renamed(rows: Rows, names: list[str]) -> Rows:
    """The first columns under other names."""
    columns = [
        (names[index] if index < len(names) else name, value) for index, (name, value) in enumerate(rows.columns)
    ]
    if rows.rest is not None:  # names behind a star over an unknown table
        columns += [(name, rows.rest) for name in names[len(columns) :]]
    return Rows(columns, rows.open_at, rows.rest)


def _aliased(relation: Relation, alias: Node) -> Relation:
    """The item under its alias and column aliases."""
    names = _names(alias.get("colnames", []))
    if not names:
        return relation
    columns = list(relation.columns.items())
    if relation.rest is not None and columns:  # nobody knows which columns these are
        made = dict.fromkeys(names, join_all([relation.rest("*"), *(value for _, value in columns)]))
        return Relation(relation.name, made, relation.rest, relation.schema, relation.scalar)
    made = {names[index] if index < len(names) else name: value for index, (name, value) in enumerate(columns)}
    rest = relation.rest
    if rest is not None:
        made.update((name, rest(name)) for name in names[len(columns) :])
    scalar = relation.scalar
    return Relation(relation.name, made, rest, relation.schema, scalar)


def _names(nodes: list[Node]) -> list[str]:
    return strings(nodes)


def _closed(index: int, keys: list[str], start: Rows, again: Rows) -> Value:
    """A column of a recursive query: other columns that it is made of are taken as text of everything."""
    entry, after, key = start.at(index), again.at(index), keys[index]
    others = frozenset(keys) - {key}
    everything = [rows.at(other) for rows in (again, start) for other in range(len(keys)) if other != index]
    found = dict.fromkeys(leaf for value in everything for leaf in leaves(value) if not _refers(leaf, frozenset(keys)))
    mixed = star(alt(found or [EMPTY]))
    after = map_leaves(after, lambda leaf: mixed if _refers(leaf, others) else leaf)
    if isinstance(entry, Array) and isinstance(after, Array):
        return Array(close_loop(entry.element, after.element, key))
    return close_loop(entry, after, key)


def _refers(leaf: Text, keys: frozenset[str]) -> bool:
    return isinstance(leaf, Ref) and leaf.key in keys


def _mentions(tree: Any, name: str) -> bool:
    """Whether a query reads a relation of that name."""
    if isinstance(tree, list):
        return any(_mentions(item, name) for item in tree)
    if not isinstance(tree, dict):
        return False
    if tree.get("relname") == name and "schemaname" not in tree:
        return True
    return any(_mentions(item, name) for item in tree.values() if isinstance(item, dict | list))


def _is_output_name(item: Node) -> bool:
    """ORDER BY 1, GROUP BY name: nothing that runs."""
    node = item.get("SortBy", {}).get("node", item)
    return "ColumnRef" in node or "A_Const" in node


def _column_name(tree: Node) -> str:
    """The name that an output column gets by itself (FigureColname in parse_target.c)."""
    kind, node = kind_of(tree)
    names: list[str] = []
    match kind:
        case "ColumnRef":
            names = [name for name in strings(node.get("fields", [])) if name != "*"]
        case "FuncCall":
            names = strings(node.get("funcname", []))
        case "TypeCast":
            names = [*strings(node.get("typeName", {}).get("names", [])), *_named(node.get("arg", {}))]
        case "A_Indirection":
            fields = [step["String"].get("sval", "") for step in node.get("indirection", []) if "String" in step]
            names = fields or _named(node.get("arg", {}))
        case "CollateClause":
            names = _named(node.get("arg", {}))
        case "SubLink":
            names = _sublink_names(node)
        case "CaseExpr":
            names = ["case", *_named(node.get("defresult", {}))]
        case "SQLValueFunction":
            names = [str(node.get("op", "")).removeprefix("SVFOP_").lower()]
        case _:
            names = [FIXED_NAMES.get(kind, NO_NAME)]
    return names[-1] if names else NO_NAME


def _named(tree: Node) -> list[str]:
    """The name that an expression gives to what is around it, if any."""
    name = _column_name(tree)
    return [] if name == NO_NAME else [name]


NO_NAME = "?column?"
FIXED_NAMES = {"CoalesceExpr": "coalesce", "A_ArrayExpr": "array", "RowExpr": "row", "MinMaxExpr": "greatest",
               "GroupingFunc": "grouping", "XmlSerialize": "xmlserialize"}  # fmt: skip


def _sublink_names(node: Node) -> list[str]:
    kind = node.get("subLinkType")
    if kind in {"EXISTS_SUBLINK", "ARRAY_SUBLINK"}:
        return [kind.removesuffix("_SUBLINK").lower()]
    targets = node.get("subselect", {}).get("SelectStmt", {}).get("targetList", [])
    if kind != "EXPR_SUBLINK" or not targets:
        return []
    target = targets[0].get("ResTarget", {})
    return [target.get("name") or _column_name(target.get("val", {}))]


STATEMENTS: dict[str, Callable[[Queries, Node], Rows]] = {
    "SelectStmt": Queries.select_statement,
    "InsertStmt": Queries.insert,
    "UpdateStmt": Queries.update,
    "DeleteStmt": Queries.update,
    "MergeStmt": Queries.update,
    "CallStmt": Queries.call_statement,
    "ExplainStmt": Queries.explained,
    "CreateTableAsStmt": Queries.created,
    "ViewStmt": Queries.created,
    "DeclareCursorStmt": Queries.created,
    "CopyStmt": Queries.created,
}
SOURCES: dict[str, Callable[[Queries, Node], Relation]] = {
    "RangeVar": Queries.table,
    "RangeSubselect": Queries.subquery,
    "RangeFunction": Queries.function,
}
