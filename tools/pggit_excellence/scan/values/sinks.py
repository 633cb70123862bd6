"""Functions of the server, its contrib modules and well-known extensions that run an argument as SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from pggit_excellence.scan.values.abstract import EMPTY, Const, Hole, Text, Value, leaves, seq
from pggit_excellence.scan.values.texts import printed

Statements = Callable[[Sequence[Value]], list[Text]]


def _at(*indexes: int) -> Statements:
    """The arguments at these positions, each a statement."""
    return lambda args: [printed(args[index]) for index in indexes if index < len(args)]


def _last(args: Sequence[Value]) -> list[Text]:
    return [printed(args[-1])] if args else []


def _is_flag(value: Value) -> bool:
    """Whether it is the `fail` argument of dblink: a boolean."""
    found = list(leaves(value))
    return bool(found) and all(isinstance(leaf, Hole) and leaf.type == "bool" for leaf in found)


def _dblink(args: Sequence[Value]) -> list[Text]:
    """dblink(sql), (sql, fail), (connection, sql), (connection, sql, fail)."""
    words = [value for value in args if not _is_flag(value)]
    return _last(words[:2])


def _dblink_open(args: Sequence[Value]) -> list[Text]:
    """dblink_open(cursor, sql [, fail]), (connection, cursor, sql [, fail])."""
    return _last([value for value in args if not _is_flag(value)])


def _connectby(args: Sequence[Value]) -> list[Text]:
    """connectby(relation, key, parent key, ...): it puts the names together without quoting."""
    relation, key, parent = (printed(value) for value in (*args, EMPTY, EMPTY, EMPTY)[:3])
    words = ["SELECT ", key, ", ", parent, " FROM ", relation, " WHERE ", parent, " = '1' AND ", key, " IS NOT NULL"]
    return [seq(Const(word) if isinstance(word, str) else word for word in words)]


def _xpath_table(args: Sequence[Value]) -> list[Text]:
    """xpath_table(key, document, relation, xpaths, criteria): likewise."""
    key, document, relation, _, criteria = (printed(value) for value in (*args, *[EMPTY] * 5)[:5])
    words = ["SELECT ", key, ", ", document, " FROM ", relation, " WHERE ", criteria]
    return [seq(Const(word) if isinstance(word, str) else word for word in words)]


def _ts_rewrite(args: Sequence[Value]) -> list[Text]:
    """ts_rewrite(query, sql); with three arguments none is SQL."""
    return [printed(args[1])] if len(args) == 2 else []


SINKS: dict[str, Statements] = {
    "query_to_xml": _at(0),
    "query_to_xmlschema": _at(0),
    "query_to_xml_and_xmlschema": _at(0),
    "ts_stat": _at(0),
    "ts_rewrite": _ts_rewrite,
    "dblink": _dblink,
    "dblink_exec": _dblink,
    "dblink_send_query": _at(1),
    "dblink_open": _dblink_open,
    "crosstab": lambda args: [printed(value) for value in args if getattr(value, "type", "") != "int4"],
    "crosstab2": _at(0),
    "crosstab3": _at(0),
    "crosstab4": _at(0),
    "connectby": _connectby,
    "xpath_table": _xpath_table,
    "pg_background_launch": _at(0),
    "hypopg_create_index": _at(0),
    "cron.schedule": _last,
    "cron.schedule_in_database": _at(2),
    "cron.alter_job": _at(2),
    "dbms_sql.parse": _at(1),
    "aws_s3.query_export_to_s3": _at(0),
    "replicate_ddl_command": _at(0),
    "distributed_exec": _at(0),
    "run_command_on_workers": _at(0),
    "run_command_on_coordinator": _at(0),
    "run_command_on_all_nodes": _at(0),
    "run_command_on_shards": _at(1),
    "run_command_on_placements": _at(1),
    "run_command_on_colocated_placements": _at(2),
}
# The same arguments by name, where a call names them.
NAMED = frozenset(["query", "sql", "sqlquery", "command", "statement", "source_sql", "category_sql"])


def statements(kind: Statements, args: Sequence[Value], named: dict[str, Value]) -> list[Text]:
    """The texts that a call of a sink runs."""
    return [*kind(args), *(printed(value) for name, value in named.items() if name in NAMED)]


def calls_of(names: Iterable[str]) -> re.Pattern[str]:
    """What finds calls of functions with these names in code in small letters, and names that it cannot read."""
    written = sorted(re.escape(name.lower().replace('"', '""')) for name in names)
    return re.compile(rf"(?<![\w$])(?:{'|'.join(written)})\"?\s*(?:\(|--|/\*)|u&\"")


def configured(positions: Sequence[int]) -> Statements:
    """A function that the user calls a sink, with the positions (from 0) of its arguments that are SQL."""
    return _at(*positions)
