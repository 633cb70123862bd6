"""The abstract value of SQL expressions, node by node of libpg_query's tree.

`Terms` knows expressions; queries and FROM are in queries.py, which extends it. Nothing here raises on any tree: what
is not known becomes an UNKNOWN hole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from pggit_excellence.scan.flow import guards
from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.program import Name, Program
from pggit_excellence.scan.values import catalog, functions, sinks
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Record,
    Source,
    Step,
    Text,
    Value,
    holes,
    is_constant,
    join,
    join_all,
    leaves,
    seq,
)
from pggit_excellence.scan.values.functions import Call
from pggit_excellence.scan.values.placeholders import parameters
from pggit_excellence.scan.values.scope import Scope, Truth
from pggit_excellence.scan.values.spans import spans_of
from pggit_excellence.scan.values.sqltree import Node, kind_of, leftmost, strings
from pggit_excellence.scan.values.sqltypes import (
    INERT,
    NAMES,
    TEXTS,
    Type,
    cast,
)
from pggit_excellence.scan.values.texts import (
    changed,
    cut,
    mixed,
    perhaps_null,
    placed,
    printed,
    representative,
    requote,
)

BOOLEAN = Hole(Quoting.INERT, Origin(Source.CONSTANT, "boolean"), "bool")
QUALIFIED_NAME = re.compile(r'(?:"[^"]*"|[\w$.])+')
ARITHMETIC = frozenset(["+", "*", "/", "%", "^", "|/", "||/", "@", "&", "|", "#", "~", "<<", ">>"])
COMPARISON = re.compile(
    r"<|>|<=|>=|=|<>|!=|~|~\*|!~|!~\*|~~|~~\*|!~~|!~~\*|@>|<@|&&|\?|\?\||\?&|@\?|@@|@@@|\^@|~=|%>|<%|-\|-"
)
JSON_ARROWS = frozenset(["->", "->>", "#>", "#>>"])
SYSTEM_COLUMNS = dict.fromkeys(("tableoid", "oid", "ctid", "xmin", "xmax", "cmin", "cmax"), "oid")
BOOLEAN_KINDS = frozenset(
    [
        "AEXPR_OP_ANY",
        "AEXPR_OP_ALL",
        "AEXPR_DISTINCT",
        "AEXPR_NOT_DISTINCT",
        "AEXPR_IN",
        "AEXPR_LIKE",
        "AEXPR_ILIKE",
        "AEXPR_SIMILAR",
        "AEXPR_BETWEEN",
        "AEXPR_NOT_BETWEEN",
        "AEXPR_BETWEEN_SYM",
        "AEXPR_NOT_BETWEEN_SYM",
    ]
)


class Columns(Mapping[str, Value]):
    """Columns of a table by name, in order; each value is made when it is asked for."""

    def __init__(self, types: Mapping[str, str], make: Callable[[str, str], Value]) -> None:
        """`make` gets a column's name and type."""
        self.types = types
        self.make = make

    def __getitem__(self, name: str) -> Value:
        """The value of a column."""
        return self.make(name, self.types[name])

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self.types)

    def __len__(self) -> int:
        """How many."""
        return len(self.types)


@dataclass(slots=True)
class Relation:
    """One item of FROM: its columns in order, and any other column (`rest`), where not all are known.

    `scalar` is the value that the name of the item stands for (a function that returns no rows: `unnest(a) AS x`).
    `named` says that the columns have names of their own, which an alias of the item does not change.
    """

    name: str
    columns: Mapping[str, Value]
    rest: Callable[[str], Value] | None = None
    schema: str = ""
    scalar: Value | None = None
    named: bool = False

    def column(self, name: str) -> Value | None:
        """A known column."""
        return self.columns.get(name)

    def record(self) -> Record:
        """A whole row."""
        rest = None if self.rest is None else printed(self.rest("*"))
        return Record(tuple(self.columns.items()), rest)


Frame = list[Relation]


@dataclass(slots=True)
class Rows:
    """The output columns of a query, in order. From `open_at` on there are others, `rest` is any of them."""

    columns: list[tuple[str, Value]] = field(default_factory=list)
    open_at: int | None = None
    rest: Text | None = None

    def __iter__(self) -> Iterable[tuple[str, Value]]:
        """Names and values of the known columns."""
        return iter(self.columns)

    def at(self, index: int) -> Value:
        """The column at a position: any that can stand there, behind a star over a table that is not known."""
        if self.open_at is not None and index >= self.open_at and self.rest is not None:
            return join_all([self.rest, *(printed(value) for _, value in self.columns[self.open_at :])])
        return self.columns[index][1] if index < len(self.columns) else EMPTY

    def record(self) -> Record:
        """A whole row; of two columns of one name the first counts."""
        fields: dict[str, Value] = {}
        for name, value in self.columns:
            fields.setdefault(name, value)
        return Record(tuple(fields.items()), self.rest if self.open_at is not None else None)

    def relation(self, name: str) -> Relation:
        """The rows as an item of FROM."""
        record = self.record()
        rest = record.rest
        return Relation(name, dict(record.fields), None if rest is None else lambda column: named_rest(rest, column))


def named_rest(rest: Text, column: str) -> Text:
    """A field that is not known, said by its name: `jobs.*` becomes `jobs.command`."""
    if isinstance(rest, Hole) and rest.origin.column == "*":
        origin = replace(rest.origin, name=rest.origin.name.removesuffix("*") + column, column=column)
        return replace(rest, origin=origin)
    return rest


def record_field(record: Value, name: str) -> Value:
    """`(record).name`: raw text of what the record is made of where it is not known by its fields."""
    if isinstance(record, Record):
        fields = dict(record.fields)
        if name in fields:
            return fields[name]
        if record.rest is None:  # a column under a name that was not foreseen
            return Hole(Quoting.RAW, Origin(Source.UNKNOWN, f"field {name}"))
        return named_rest(record.rest, name)
    if isinstance(record, Hole) and record.quoting == Quoting.RAW:
        return replace(
            record, origin=replace(record.origin, name=f"{record.origin.name}.{name}"), derived=True, type=""
        )
    return changed(record)


class Terms:
    """Evaluates the expressions of one text in one scope."""

    def __init__(self, text: str, scope: Scope) -> None:
        """`text` is what the locations of the nodes count in."""
        self.text = text
        self.scope = scope
        self.program = scope.program
        self.frames: list[Frame] = []
        # What CASE WHEN has proved of names, each with the number of frames around it.
        self.narrowed: list[tuple[int, guards.Refinements]] = []

    # Places -----------------------------------------------------------------------------------------------------------

    def place(self, start: int, end: int) -> Place:
        """Characters of the text as a place."""
        size = len(self.text)
        start = min(max(start, 0), size)
        return self.scope.place(start, min(max(end, start), size))

    def word_place(self, start: int) -> Place:
        """The qualified name at `start`."""
        match = QUALIFIED_NAME.match(self.text, max(start, 0))
        return self.place(start, match.end() if match else start + 1)

    def unknown(self, what: str, location: int = -1) -> Hole:
        """Text that the analysis knows nothing of."""
        path = (Step(self.word_place(location), f"{what} is not known"),) if location >= 0 else ()
        return Hole(Quoting.RAW, Origin(Source.UNKNOWN, what), path=path)

    # Nodes ------------------------------------------------------------------------------------------------------------

    def value(self, tree: Node | None) -> Value:
        """The value of an expression."""
        if not tree:
            return EMPTY
        kind, node = kind_of(tree)
        handler = HANDLERS.get(kind)
        if handler is not None:
            return handler(self, node)
        self.walk(node)
        return self.unknown(kind, node.get("location", -1) if isinstance(node, dict) else -1)

    def values(self, trees: Iterable[Node]) -> list[Value]:
        """The values of several expressions."""
        return [self.value(tree) for tree in trees]

    def walk(self, tree: Any) -> None:
        """Evaluate every expression in a tree that itself is not understood, for the sinks that it calls."""
        if isinstance(tree, list):
            for item in tree:
                self.walk(item)
        elif isinstance(tree, dict):
            for key, item in tree.items():
                if key in HANDLERS or key in {"SelectStmt", "SubLink"}:
                    self.value({key: item})
                elif isinstance(item, dict | list):
                    self.walk(item)

    def select(self, tree: Node) -> Rows:
        """The rows of a query (queries.py)."""
        raise NotImplementedError

    def constant(self, node: Node) -> Value:
        """A_Const."""
        if "sval" in node:
            text = node["sval"].get("sval", "")
            return parameters(Const(text, self.literal_place(node.get("location", -1), text)))
        if "ival" in node:
            return Const(str(node["ival"].get("ival", 0)))
        if "fval" in node:
            written = node["fval"].get("fval", "0")
            return Const(written) if re.fullmatch(r"-?\d+(\.\d+)?", written) else _number()
        if "boolval" in node:
            return BOOLEAN
        return _number() if "bsval" in node else EMPTY

    def literal_place(self, location: int, text: str) -> Place | None:
        """Where the characters of a string constant are, when each is one character of the file."""
        if location < 0:
            return None
        start = location + 1
        if self.text[location : location + 1] == "$":
            start = self.text.find("$", location + 1) + 1
        if not self.text.startswith(text, start):
            return None
        if text and "'" in text and self.text[location] != "$":
            return None
        return self.linear(start, start + len(text))

    def linear(self, start: int, end: int) -> Place | None:
        """The place of characters that follow each other in the file as well."""
        place = self.scope.place(start, end)
        return place if place.end - place.start == end - start else None

    def literal_offsets(self, tree: Node) -> Callable[[int, int], Place | None]:
        """The place of characters i to j of a string constant: quotes in it may be doubled."""
        node = tree.get("A_Const", {})
        location = node.get("location", -1)
        if "sval" not in node or location < 0:
            return lambda _start, _end: None
        written = spans_of(self.text).literal(location)
        text = node["sval"].get("sval", "")
        offsets = _literal_offsets(written, text)
        if offsets is None:
            return lambda _start, _end: None

        def where(start: int, end: int) -> Place | None:
            first = location + offsets[start]
            last = location + (offsets[end - 1] + 1 if end > start else offsets[start])
            return self.place(first, last)

        return where

    def cast(self, node: Node) -> Value:
        """TypeCast."""
        value = self.value(node.get("arg"))
        target = self.type(node.get("typeName", {}))
        if value == EMPTY and "A_Const" in node.get("arg", {}) and node["arg"]["A_Const"].get("isnull"):
            return Array(EMPTY, ()) if target.array else EMPTY
        return cast(value, target, self.program)

    @staticmethod
    def type(node: Node) -> Type:
        """TypeName."""
        names = strings(node.get("names", []))
        if not names:
            return Type("")
        schema = names[-2] if len(names) > 1 else ""
        limit = None
        typmods = node.get("typmods", [])
        if typmods and names[-1] in {"varchar", "bpchar"}:
            limit = typmods[0].get("A_Const", {}).get("ival", {}).get("ival")
        return Type(names[-1], "" if schema == "pg_catalog" else schema, bool(node.get("arrayBounds")), limit)

    def operator(self, node: Node) -> Value:
        """A_Expr."""
        kind = node.get("kind", "AEXPR_OP")
        name = strings(node.get("name", []))[-1:]
        symbol = name[0] if name else ""
        if kind == "AEXPR_OP" and symbol == "||" and "lexpr" in node:
            return self.concatenation(node)
        left, right = self.value(node.get("lexpr")), self.value(node.get("rexpr"))
        if kind in BOOLEAN_KINDS or (kind == "AEXPR_OP" and COMPARISON.fullmatch(symbol) and "lexpr" in node):
            return BOOLEAN
        if kind == "AEXPR_NULLIF":
            return left if isinstance(left, Hole | Array) else join(left, EMPTY)
        if symbol in JSON_ARROWS:
            reach = functions.follow if symbol.startswith("#") else functions.field_of
            return reach(left, right, symbol.endswith(">>"))
        if symbol in ARITHMETIC or symbol == "-":
            return self.minus(node, left, right) if symbol == "-" else self.computed(node, left, right)
        return mixed(left, right, self.unknown(f"operator {symbol}", node.get("location", -1)))

    def minus(self, node: Node, left: Value, right: Value) -> Value:
        """Numbers and dates, or a document without some keys."""
        if "lexpr" not in node:
            return Const("-" + right.text) if isinstance(right, Const) and right.text.isdecimal() else _number(right)
        if isinstance(left, Record | Array):
            return left if isinstance(left, Record) else Array(left.element)
        if any(_is_document(hole) for hole in holes(left)):
            return changed(left)
        return self.computed(node, left, right)

    def computed(self, node: Node, left: Value, right: Value) -> Value:
        """A number or date; what an operator of somebody's own makes of texts is not known."""
        operands = [value for side, value in (("lexpr", left), ("rexpr", right)) if side in node]
        own = strings(node.get("name", []))[:-1] not in ([], ["pg_catalog"])
        if not own and all(map(is_constant, operands)):
            return _number(*operands)
        if own or any(map(_is_text, operands)) or not any(map(_computes, operands)):
            return mixed(*operands, self.unknown(f"operator {strings(node['name'])[-1]}", node.get("location", -1)))
        return _number(*operands)

    def concatenation(self, node: Node) -> Value:
        """A chain of ||: texts one after the other, arrays and documents joined."""
        operands, at = [], []
        while True:
            operands.append(node["rexpr"])
            at.append(node.get("location", -1))
            left = node["lexpr"]
            inner = left.get("A_Expr", {})
            if inner.get("kind") == "AEXPR_OP" and strings(inner.get("name", []))[-1:] == ["||"] and "lexpr" in inner:
                node = inner
                continue
            operands.append(left)
            break
        operands.reverse()
        at.reverse()
        values = self.values(operands)
        if any(isinstance(value, Array | Record) for value in values):
            return self.joined(operands, values)
        return seq(_hand_quoted(operands, self.spliced(operands, values, at)))

    def spliced(self, operands: list[Node], values: list[Value], at: list[int]) -> list[Text]:
        """The operands of || with the place where each is written."""
        texts: list[Text] = []
        for index, value in enumerate(values):
            text = printed(value)
            if not isinstance(text, Const):
                spans = spans_of(self.text)
                first = index == 0
                span = spans.before(leftmost(operands[0]), at[0]) if first else spans.after(at[index - 1])
                text = placed(text, self.place(*span))
            texts.append(text)
        return texts

    def joined(self, operands: list[Node], values: list[Value]) -> Value:
        """|| of arrays or documents, from left to right; texts before the first of them stay texts."""
        total: Value = values[0]
        for index, value in enumerate(values[1:], 1):
            if isinstance(total, Record) and not isinstance(value, Array):
                document = isinstance(value, Record) or _is_document(value)
                total = functions.merge(total, value) if document else seq([printed(total), printed(value)])
            elif isinstance(value, Record) and _is_document(total):
                total = functions.merge(total, value)
            elif isinstance(total, Array) or isinstance(value, Array):
                first = total if index > 1 else _untyped_array(operands[0], total)
                total = functions.concat_arrays(first, _untyped_array(operands[index], value))
            else:
                total = seq([printed(total), printed(value)])
        return total

    def boolean(self, node: Node) -> Value:
        """BoolExpr, NullTest, BooleanTest."""
        self.walk(node)
        return BOOLEAN

    def case(self, node: Node) -> Value:
        """CASE: any of its results, each where its condition holds; NULL without ELSE."""
        operand = node.get("arg")
        self.value(operand)
        found = []
        known = len(self.narrowed)
        for branch in node.get("args", []):
            when = branch.get("CaseWhen", {})
            condition = when.get("expr", {})
            self.value(condition)
            with self.narrowing(self.proved(operand, condition, Truth.TRUE)):
                found.append(self.value(when.get("result")))
            if operand is None:
                self.narrowed.append((len(self.frames), self.proved(None, condition, Truth.NOT_TRUE)))
        found.append(self.value(node.get("defresult")))
        del self.narrowed[known:]
        return join_all(found)

    def proved(self, operand: Node | None, condition: Node, truth: Truth) -> guards.Refinements:
        """What a condition of CASE proves."""
        names = _Names(self)
        if operand is not None:
            return guards.equals(operand, [condition], names, lambda part, _: self.value(part))
        return guards.refinements(condition, names, truth, lambda part, _: self.value(part)) if condition else {}

    @contextmanager
    def narrowing(self, found: guards.Refinements) -> Iterator[None]:
        """While these names hold less."""
        self.narrowed.append((len(self.frames), found))
        try:
            yield
        finally:
            self.narrowed.pop()

    def proved_of(self, names: tuple[str, ...]) -> Value | None:
        """What CASE has proved of a name; in a subquery the name may be another one."""
        for depth, found in reversed(self.narrowed):
            if names in found and depth == len(self.frames):
                return found[names]
        return None

    def coalesce(self, node: Node) -> Value:
        """COALESCE: any argument up to the first literal; any other expression can be NULL."""
        found: list[Value] = []
        for tree in node.get("args", []):
            found.append(self.value(tree))
            if guards.is_literal(tree):
                break
        if any(isinstance(value, Array) for value in found):
            found = [functions.read_array(value) for value in found]
        known = [value for value in found if not (value == EMPTY and len(found) > 1)]
        written_empty = any(_is_empty_text(tree) for tree in node.get("args", []))
        return join_all(known + ([EMPTY] if written_empty else []) or [EMPTY])

    def any_of(self, node: Node) -> Value:
        """GREATEST, LEAST."""
        return join_all(self.values(node.get("args", [])))

    def array(self, node: Node) -> Value:
        """ARRAY[...]."""
        items = self.values(node.get("elements", []))
        if any(isinstance(item, Array) for item in items):  # of more dimensions: an element is an element of any row
            return Array(join_all(functions.element(item) for item in items))
        return Array(join_all(items), tuple(items)) if items else Array(EMPTY, ())

    def row(self, node: Node) -> Value:
        """ROW(...): fields f1, f2..."""
        return Record(tuple((f"f{index}", value) for index, value in enumerate(self.values(node.get("args", [])), 1)))

    def parameter(self, node: Node) -> Value:
        """$1."""
        name = str(node.get("number", 0))
        value = self.scope.variable((name,))
        return self.unknown(f"${name}", node.get("location", -1)) if value is None else value

    def collation(self, node: Node) -> Value:
        """X COLLATE y."""
        return self.value(node.get("arg"))

    def sublink(self, node: Node) -> Value:
        """A subquery in an expression."""
        self.value(node.get("testexpr"))
        rows = self.select(node.get("subselect", {}))
        kind = node.get("subLinkType")
        if kind == "ARRAY_SUBLINK":
            found = rows.at(0)
            return found if isinstance(found, Array) else Array(found)
        if kind == "EXPR_SUBLINK":
            return perhaps_null(rows.at(0))
        if kind == "MULTIEXPR_SUBLINK":
            return Record(tuple((f"f{index}", value) for index, (_, value) in enumerate(rows.columns, 1)), rows.rest)
        return BOOLEAN

    def indirection(self, node: Node) -> Value:
        """(x).field, x[1], x[1:2]."""
        value = self.value(node.get("arg"))
        for step in node.get("indirection", []):
            if "String" in step:
                value = record_field(value, step["String"].get("sval", ""))
            elif "A_Indices" in step:
                value = self.subscript(value, step["A_Indices"])
        return value

    def subscript(self, value: Value, node: Node) -> Value:
        """An element or a slice of an array, a field of a document."""
        index = self.value(node.get("uidx"))
        self.value(node.get("lidx"))
        if node.get("is_slice"):
            return Array(functions.element(value)) if isinstance(value, Array) else changed(value)
        if isinstance(value, Record):
            return functions.field_of(value, index, as_text=False)
        if isinstance(value, Array):
            if value.items is not None and isinstance(index, Const) and index.text.isdecimal():
                at = int(index.text) - 1
                return value.items[at] if 0 <= at < len(value.items) else EMPTY
            return value.element
        return functions.field_of(value, index, as_text=False)

    def server_value(self, node: Node) -> Value:
        """current_user, current_date and kin."""
        operation = node.get("op", "").removeprefix("SVFOP_").lower()
        if operation.removesuffix("_n") in {"current_date", "current_time", "current_timestamp", "localtime",
                                            "localtimestamp"}:  # fmt: skip
            return Hole(Quoting.INERT, Origin(Source.FUNCTION, operation), "timestamptz")
        path = (Step(self.word_place(node.get("location", -1)), f"{operation} is read"),)
        return Hole(Quoting.RAW, Origin(Source.SESSION, operation), "name", path=path)

    def document(self, node: Node) -> Value:
        """JSON_OBJECT(), JSON_ARRAY() and the other constructors of the standard: text made of what is in them."""
        found: list[Value] = []

        def collect(tree: Any) -> None:
            if isinstance(tree, list):
                for item in tree:
                    collect(item)
            elif isinstance(tree, dict):
                for key, item in tree.items():
                    if key in HANDLERS:
                        found.append(self.value({key: item}))
                    elif key == "SelectStmt":
                        found.extend(value for _, value in self.select({key: item}).columns)
                    else:
                        collect(item)

        collect(node)
        return mixed(*found, *([self.unknown("JSON constructor")] if not found else []))

    def json_object(self, node: Node) -> Value:
        """JSON_OBJECT(key: value, ...)."""
        fields: dict[str, Value] = {}
        rest: list[Text] = []
        for item in node.get("exprs", []):
            pair = item.get("JsonKeyValue", {})
            key, value = self.value(pair.get("key")), self.value(pair.get("value", {}).get("raw_expr"))
            if isinstance(key, Const):
                fields[key.text] = value
            else:
                rest += [changed(key), changed(value)]
        return functions.object_of(fields, rest)

    def inert(self, node: Node) -> Value:
        """GROUPING()."""
        self.walk(node)
        return _number()

    # Names ------------------------------------------------------------------------------------------------------------

    def name(self, node: Node) -> Value:
        """ColumnRef."""
        names = tuple(strings(node.get("fields", [])))
        location = node.get("location", -1)
        proved = self.proved_of(names)
        if proved is not None:
            return proved
        if names[-1:] == ("*",):
            found = self.whole(names[:-1])
            return self.unknown(".".join(names), location) if found is None else found
        value = self.column(names) if self.frames else None
        if value is None:
            value = self.scope.variable(names)
            perhaps = self.guess(names) if self.frames and getattr(self.scope, "prefer_columns", False) else None
            if value is not None and perhaps is not None:
                value = join(value, perhaps)
        elif len(names) == 1 or getattr(self.scope, "prefer_variables", False):
            variable = self.scope.variable(names)
            if variable is not None:  # the server would call it ambiguous, but for #variable_conflict
                value = join(variable, value)
        if value is None and self.frames:
            value = self.guess(names)
        if value is None and len(names) > 1:  # a field of a record or composite
            value = self.field(names)
        if value is None and len(names) == 1:
            value = self.whole(names)
        return self.unknown(".".join(names), location) if value is None else value

    def column(self, names: tuple[str, ...]) -> Value | None:
        """A column that FROM is known to have."""
        *qualifier, name = names
        perhaps: list[Value] = []  # columns that tables further in may have, of which not all are known
        for frame in reversed(self.frames):
            for relation in frame:
                if not _is_called(relation, qualifier):
                    continue
                value = relation.column(name)
                if value is not None:
                    return join_all([value, *perhaps])
                if qualifier and relation.rest is not None:
                    return relation.rest(name)
                if qualifier and name in SYSTEM_COLUMNS:
                    return Hole(Quoting.INERT, Origin(Source.CATALOG, name), "oid")
            perhaps += [relation.rest(name) for relation in frame if relation.rest is not None]
        return None

    def guess(self, names: tuple[str, ...]) -> Value | None:
        """A column of the innermost FROM with a table whose columns are not known."""
        if len(names) > 1:
            return None
        for frame in reversed(self.frames):
            if any(relation.name == names[0] for relation in frame):
                return None
            found = [relation.rest(names[0]) for relation in frame if relation.rest is not None]
            if found:
                return join_all(found)
        if names[0] in SYSTEM_COLUMNS:
            return Hole(Quoting.INERT, Origin(Source.CATALOG, names[0]), "oid")
        return None

    def field(self, names: tuple[str, ...]) -> Value | None:
        """`a.b` where `a` is a value with fields."""
        for size in range(len(names) - 1, 0, -1):
            value = self.column(names[:size])
            if value is None:
                value = self.scope.variable(names[:size])
            if value is not None:
                for name in names[size:]:
                    value = record_field(value, name)
                return value
        return None

    def whole(self, names: tuple[str, ...]) -> Value | None:
        """A row by the name of its table, or of a record variable; `*` of everything."""
        for frame in reversed(self.frames):
            for relation in frame:
                if names and _is_called(relation, list(names)):
                    return relation.scalar if relation.scalar is not None else relation.record()
        if not names:
            columns = [
                pair for relation in (self.frames[-1] if self.frames else []) for pair in relation.columns.items()
            ]
            return Record(tuple(dict(columns).items())) if columns else None
        return self.scope.variable((*names, "*"))

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(self, node: Node) -> Value:
        """FuncCall as an expression."""
        with self.other_rows() if "over" in node else nullcontext():
            return self.called(node, row=False)

    @contextmanager
    def other_rows(self) -> Iterator[None]:
        """In a window function, whose arguments are of other rows than those for which something is proved."""
        known, self.narrowed = self.narrowed, []
        try:
            yield
        finally:
            self.narrowed = known

    def called(self, node: Node, *, row: bool) -> Value:
        """FuncCall: the `row` that a scanned function returns in FROM; elsewhere its only column is the value."""
        names = strings(node.get("funcname", []))
        schema, name = (names[-2] if len(names) > 1 else "", names[-1] if names else "")
        args: list[Value] = []
        named: dict[str, Value] = {}
        for tree in node.get("args", []):
            if "NamedArgExpr" in tree:
                named[tree["NamedArgExpr"].get("name", "")] = self.value(tree["NamedArgExpr"].get("arg"))
            else:
                args.append(self.value(tree))
        order = [self.value(item.get("SortBy", {}).get("node")) for item in node.get("agg_order", [])]
        self.value(node.get("agg_filter"))
        if "over" in node:
            self.walk(node["over"])
        place = self.word_place(node.get("location", -1))
        self.sinks(schema, name, args, named, place)
        scanned = None
        if schema != "pg_catalog":
            scanned = self.scope.call((schema, name), args, named, place)
        if isinstance(scanned, Record) and len(scanned.fields) == 1 and scanned.rest is None and not row:
            scanned = scanned.fields[0][1]
        if scanned is not None and (schema or name not in functions.MODELS):
            return scanned
        result = self.built_in((schema, name), node, args, order)
        return result if scanned is None else join(scanned, result)

    def sinks(self, schema: str, name: str, args: list[Value], named: dict[str, Value], place: Place) -> None:
        """Tell of the arguments that the function runs as SQL."""
        qualified = f"{schema}.{name}" if schema else name
        declared = self.scope.sinks.get(qualified, self.scope.sinks.get(name))
        kind = sinks.configured(declared) if declared is not None else sinks.SINKS.get(qualified, sinks.SINKS.get(name))
        if kind is not None:
            for statement in sinks.statements(kind, args, named):
                self.scope.sink(qualified if qualified in sinks.SINKS else name, statement, place)

    def built_in(self, called: Name, node: Node, args: list[Value], order: list[Value]) -> Value:
        """The result of a function that was not scanned."""
        schema, name = called
        place = self.word_place(node.get("location", -1))
        location = node.get("location", -1)
        model = functions.MODELS.get(name) if schema in {"", "pg_catalog"} else None
        path = (Step(place, f"result of {name}()"),)
        if model is not None:
            call = Call(name, args, node.get("args", []), self.program, place, partial(self.report, place))
            call.variadic = bool(node.get("func_variadic"))
            call.ordered = order
            call.places = lambda: [self.place(*span) for span in spans_of(self.text).arguments(location)]
            if name == "format" and args:
                call.offsets = self.literal_offsets(node["args"][0])
            try:
                return model(call)
            except IndexError:  # fewer arguments than the function has: it raises, or is somebody else's
                return mixed(*args, self.unknown(f"{name}()", location))
        if schema in {"", "pg_catalog"}:
            known = catalog.result(name, self.program, path)
            if known is not None:
                return self.made_inert(known, args)
            if len(args) == 1 and name in INERT | NAMES:
                return cast(args[0], Type(name), self.program)
        label = f"{schema}.{name}()" if schema else f"{name}()"
        return Hole(Quoting.RAW, Origin(Source.FUNCTION, label), path=path)

    @staticmethod
    def made_inert(known: Value, args: list[Value]) -> Value:
        """A harmless result says what it was computed from."""
        source = representative(Array(EMPTY, tuple(args))) if isinstance(known, Hole) and args else None
        if source is None or not isinstance(known, Hole):
            return known
        return replace(source, quoting=known.quoting, type=known.type, derived=True)

    def report(self, call: Place, rule: str, message: str, place: Place | None) -> None:
        """A finding of a function's model."""
        self.scope.report(rule, message, place or call)


@dataclass(slots=True)
class _Names:
    """The names of an expression as a guard sees them: columns as well as variables."""

    terms: Terms
    program: Program = field(init=False)
    sinks: Mapping[str, tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.program, self.sinks = self.terms.program, self.terms.scope.sinks

    def place(self, start: int, end: int) -> Place:
        """As in the scope of the expression."""
        return self.terms.place(start, end)

    def variable(self, names: tuple[str, ...]) -> Value | None:
        """What the column or variable holds."""
        return self.terms.name({"fields": [{"String": {"sval": name}} for name in names]})

    def variable_type(self, names: tuple[str, ...]) -> str:
        """The declared type of a variable."""
        return self.terms.scope.variable_type(names)

    def call(self, name: Name, arguments: list[Value], named: dict[str, Value], place: Place) -> Value | None:
        """As in the scope of the expression."""
        return self.terms.scope.call(name, arguments, named, place)

    def answers(self, name: Name, arguments: list[Value], truth: Truth, given: frozenset[int]) -> Mapping[int, Value]:
        """As in the scope of the expression."""
        return self.terms.scope.answers(name, arguments, truth, given)

    def tested(self, names: tuple[str, ...], truth: Truth) -> Mapping[tuple[str, ...], Value]:
        """As in the scope of the expression; in a query the names may be those of columns."""
        return {} if any(self.terms.frames) else self.terms.scope.tested(names, truth)

    def is_given(self, names: tuple[str, ...]) -> bool:
        """As in the scope of the expression; in a query the names may be those of columns."""
        return not any(self.terms.frames) and self.terms.scope.is_given(names)

    def sink(self, kind: str, statement: Value, place: Place) -> None:
        """As in the scope of the expression."""
        self.terms.scope.sink(kind, statement, place)

    def report(self, rule: str, message: str, place: Place) -> None:
        """As in the scope of the expression."""
        self.terms.scope.report(rule, message, place)


def _number(*values: Value) -> Hole:
    """A number or date computed from the values."""
    source = representative(Array(EMPTY, values))
    if source is None:
        return Hole(Quoting.INERT, Origin(Source.CONSTANT, "number"), "numeric")
    return replace(source, quoting=Quoting.INERT, type="numeric", derived=True)


def _is_text(value: Value) -> bool:
    """Whether it is declared as a text: no operator of the server computes with that."""
    return any(hole.quoting is not Quoting.INERT and hole.type in TEXTS | {"name"} for hole in holes(value))


def _computes(value: Value) -> bool:
    """Whether it can be a number or date; literals are so only where they are written like a number."""
    return all(
        re.fullmatch(r"[\s\d.eE+-]*", leaf.text) if isinstance(leaf, Const) else isinstance(leaf, Hole)
        for leaf in leaves(value)
    )


def _is_document(value: Value) -> bool:
    return isinstance(value, Hole) and value.quoting == Quoting.RAW and value.type in {"json", "jsonb", "hstore", ""}


def _untyped_array(tree: Node, value: Value) -> Value:
    """The operand beside an array: a string constant without a type is read as an array."""
    return functions.read_array(value) if "A_Const" in tree else value


def _is_empty_text(tree: Node) -> bool:
    while "TypeCast" in tree:
        tree = tree["TypeCast"]["arg"]
    constant = tree.get("A_Const", {})
    return "sval" in constant and not constant["sval"].get("sval")


def _is_called(relation: Relation, qualifier: list[str]) -> bool:
    if not qualifier:
        return True
    if relation.name != qualifier[-1]:
        return False
    return len(qualifier) == 1 or not relation.schema or relation.schema == qualifier[-2]


def _literal_offsets(written: str, text: str) -> list[int] | None:
    """For each character of a string constant (and its end) the offset in what is written; None where not simple."""
    if written.startswith("$"):
        start = written.find("$", 1) + 1
        return [*range(start, start + len(text) + 1)]
    if not written.startswith("'"):
        return None
    offsets, at = [], 1
    for character in text:
        if at >= len(written) or written[at] != character:
            return None
        offsets.append(at)
        at += 2 if character == "'" else 1
    return [*offsets, at] if at == len(written) - 1 else None


def _hand_quoted(operands: list[Node], texts: list[Text]) -> list[Text]:
    """`'"' || replace(x, '"', '""') || '"'` is one identifier: the quotes around it are all that is needed."""
    for index in range(1, len(texts) - 1):
        before, after = texts[index - 1], texts[index + 1]
        if not (isinstance(before, Const) and isinstance(after, Const) and _doubles_quotes(operands[index])):
            continue
        if before.text.endswith('"') and after.text.startswith('"') and not is_constant(texts[index]):
            texts[index - 1] = cut(before, 1, at_end=True)
            texts[index] = requote(texts[index], Quoting.IDENTIFIER)
            texts[index + 1] = cut(after, 1, at_end=False)
    return texts


def _doubles_quotes(tree: Node) -> bool:
    call = tree.get("FuncCall", {})
    if strings(call.get("funcname", []))[-1:] != ["replace"] or len(call.get("args", ())) != 3:
        return False
    texts = [item.get("A_Const", {}).get("sval", {}).get("sval") for item in call["args"][1:]]
    return texts == ['"', '""']


Handler = Callable[[Terms, Node], Value]
HANDLERS: dict[str, Handler] = {
    "A_Const": Terms.constant,
    "TypeCast": Terms.cast,
    "A_Expr": Terms.operator,
    "BoolExpr": Terms.boolean,
    "NullTest": Terms.boolean,
    "BooleanTest": Terms.boolean,
    "JsonIsPredicate": Terms.boolean,
    "CaseExpr": Terms.case,
    "CoalesceExpr": Terms.coalesce,
    "MinMaxExpr": Terms.any_of,
    "A_ArrayExpr": Terms.array,
    "RowExpr": Terms.row,
    "ParamRef": Terms.parameter,
    "CollateClause": Terms.collation,
    "SubLink": Terms.sublink,
    "A_Indirection": Terms.indirection,
    "SQLValueFunction": Terms.server_value,
    "ColumnRef": Terms.name,
    "FuncCall": Terms.call,
    "GroupingFunc": Terms.inert,
    "CurrentOfExpr": Terms.inert,
    "XmlExpr": Terms.document,
    "XmlSerialize": Terms.document,
    "JsonObjectConstructor": Terms.json_object,
    "JsonArrayConstructor": Terms.document,
    "JsonArrayQueryConstructor": Terms.document,
    "JsonObjectAgg": Terms.document,
    "JsonArrayAgg": Terms.document,
    "JsonParseExpr": Terms.document,
    "JsonScalarExpr": Terms.document,
    "JsonSerializeExpr": Terms.document,
    "JsonFuncExpr": Terms.document,
}
