"""Write what PostgreSQL's catalogs say of its functions and relations for the scanner.

PYTHONPATH=tools .venv/bin/python tools/build/scan_catalog.py [MAJOR...]   (default: the servers at hand)

Each major runs as a private throwaway server. A function or column is kept as far as all majors agree; a column that
only some have is kept too. The result is tools/pggit_excellence/scan/values/data/catalog.json.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from pggit_excellence.scan.values import sqltypes
from pggit_excellence.server import MAJORS, Server, ServerError, copy_installation, workspace

TARGET = Path(__file__).resolve().parents[1] / "pggit_excellence" / "scan" / "values" / "data" / "catalog.json"

FUNCTIONS = """
SELECT DISTINCT p.proname, t.typname
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_type t ON t.oid = p.prorettype
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'pg_catalog'
"""
ROWS = """
SELECT p.oid::text, p.proname, a.name, t.typname
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL unnest(p.proallargtypes, p.proargmodes, p.proargnames) WITH ORDINALITY a(type, mode, name, position)
JOIN pg_catalog.pg_type t ON t.oid = a.type
WHERE n.nspname = 'pg_catalog' AND a.mode IN ('o', 't', 'b')
ORDER BY 1, a.position
"""
RELATIONS = """
SELECT n.nspname, c.relname, a.attname, CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END,
       CASE WHEN t.typtype = 'd' THEN t.typname END
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') AND a.attnum > 0
ORDER BY 1, 2, a.attnum
"""
# Columns of text whose values are words of the server, whoever creates objects.
FIXED = {
    "information_schema": """action_condition_timing action_orientation action_timing cascade_option constraint_type
    data_type event_manipulation external_language identity_generation is_derived_reference_attribute parameter_mode
    privilege_type routine_body routine_type security_type sql_data_access table_type type_udt_kind update_rule
    delete_rule match_option object_type commit_action""",
    "pg_catalog": """backend_type cmd command_tag context locktype mode permissive state sync_state vartype
    wait_event_type privilege_type object_type plan_type sslversion category""",
}
# Columns of text that hold SQL as the server prints it from its catalogs, names quoted.
PRINTED = {
    "information_schema": """check_clause column_default domain_default generation_expression view_definition
    parameter_default""",
    "pg_catalog": "definition indexdef qual with_check",
}
# Names that the server prints, quoted where needed.
QUALIFIED = {"pg_catalog": "object_identity identity"}
NOT_FIXED = {("pg_type", "typdelim")}  # whoever creates a type chooses its delimiter


@dataclass
class Facts:
    """What the servers say: types of results by function, columns of row functions, columns of relations."""

    results: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    rows: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    relations: dict[tuple[str, str], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))


def kind_of(schema: str, relation: str, column: str, type_name: str, domain: str | None) -> str:
    """The scanner's kind of a column; '' for text that others choose."""
    if domain == "yes_or_no" or (type_name == "char" and (relation, column) not in NOT_FIXED):
        return "*fixed"
    if type_name in {"text", "varchar"}:
        for kind, names in (("*fixed", FIXED), ("*sql", PRINTED), ("*qualified", QUALIFIED)):
            if column in names.get(schema, "").split():
                return kind
    return written_type(type_name)


def written_type(type_name: str) -> str:
    """The type, `text[]` for `_text`; '' for one that is text of any kind."""
    name = type_name.removeprefix("_")
    array = "[]" if name != type_name else ""
    if name in sqltypes.INERT or name in sqltypes.NAMES:
        return name + array
    return ("name" if name == "name" else "text") + array


def read(connection: psycopg.Connection, facts: Facts) -> None:
    """Add what one server says to `facts`."""
    for name, type_name in connection.execute(FUNCTIONS):
        facts.results[name].add(type_name)
    overloads: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for oid, name, column, type_name in connection.execute(ROWS):
        overloads[oid, name][column] = kind_of("pg_catalog", name, column, type_name, None)
    for (_, name), columns in overloads.items():
        facts.rows[name].append(columns)
    for schema, relation, column, type_name, domain in connection.execute(RELATIONS):
        known = facts.relations[schema, relation]
        kind = kind_of(schema, relation, column, type_name, domain)
        known[column] = kind if known.get(column, kind) == kind else "text"


def assemble(facts: Facts) -> dict[str, object]:
    """The facts as the scanner reads them."""
    results: dict[str, list[str]] = defaultdict(list)
    for name, types in sorted(facts.results.items()):
        kinds = {written_type(type_name) for type_name in types}
        safe = all(kind.removesuffix("[]") in sqltypes.INERT | sqltypes.NAMES for kind in kinds)
        arrays = {kind.endswith("[]") for kind in kinds}
        if safe and len(arrays) == 1 and (len(kinds) == 1 or not kinds & sqltypes.NAMES) and name.isidentifier():
            results[min(kinds)].append(name)
    rows = {}
    for name, overloads in sorted(facts.rows.items()):
        columns = {column: kind for overload in overloads for column, kind in overload.items()}
        agree = all(overload[column] == columns[column] for overload in overloads for column in overload)
        if agree and all(columns):
            rows[name] = written(columns)
    relations: dict[str, dict[str, str]] = defaultdict(dict)
    for (schema, name), columns in sorted(facts.relations.items()):
        relations[schema][name] = written(columns)
    shown = {kind: " ".join(names) for kind, names in sorted(results.items())}
    return {"results": shown, "rows": rows, "relations": relations}


def written(columns: dict[str, str]) -> str:
    """`oid:oid relname:name ...`."""
    return " ".join(f"{column}:{kind}" for column, kind in columns.items())


def main(argv: list[str]) -> int:
    """Ask each server and write the file."""
    facts = Facts()
    for major in [int(word) for word in argv] or MAJORS:
        with workspace() as folder:
            try:
                installation = copy_installation(major, folder)
            except ServerError as error:
                print(f"{major}: {error}", file=sys.stderr)
                continue
            with Server(installation, folder / "server") as server, server.connect() as connection:
                read(connection, facts)
                print(f"{major}: {installation.source}", file=sys.stderr)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(assemble(facts), indent=0, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
