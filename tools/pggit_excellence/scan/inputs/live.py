"""A live database as sources and facts: its routines, and what its catalogs say about tables, types and privileges.

Everything is read in one read-only transaction with an empty path, so that every name is printed with its schema.
Objects of the system are left out, and with them those that belong to extensions, unless asked for. An owner and a
superuser may do anything: they are not listed among those who may.
"""

# The queries are put together from this module's own constants.
# ruff: noqa: S608

from __future__ import annotations

from typing import LiteralString

import psycopg

from pggit_excellence.connection import connect, one_line
from pggit_excellence.errors import CommandError
from pggit_excellence.scan.inputs.program import Program, SourceText, Table

# The condition that an object `o` of the catalog, in namespace `n`, is a user's; its parameter: extensions as well.
_OURS: LiteralString = """
    n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND (%s OR NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = o.tableoid AND d.objid = o.oid AND d.deptype = 'e'
    ))
"""
_GRANTEE: LiteralString = "CASE a.grantee WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END"
# Each routine as the script that makes it, privileges included. pg_get_functiondef() refuses aggregates; routines of
# compiled languages have no SQL in them.
_ROUTINES: LiteralString = f"""
    WITH p AS (
        SELECT o.oid, o.proacl, o.proowner,
               pg_catalog.format('%%I.%%I(%%s)', n.nspname, o.proname,
                                 pg_catalog.pg_get_function_identity_arguments(o.oid)) AS signature
        FROM pg_catalog.pg_proc AS o
        JOIN pg_catalog.pg_namespace AS n ON n.oid = o.pronamespace
        JOIN pg_catalog.pg_language AS l ON l.oid = o.prolang
        WHERE o.prokind IN ('f', 'p', 'w') AND l.lanname NOT IN ('c', 'internal') AND {_OURS}
    )
    SELECT p.signature, pg_catalog.pg_get_functiondef(p.oid), ARRAY(
        SELECT {_GRANTEE}
        FROM pg_catalog.aclexplode(COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
        WHERE a.grantee <> p.proowner
    )
    FROM p
    ORDER BY 1
"""
_RELATIONS: LiteralString = f"""
    SELECT n.nspname, o.relname, o.relkind::text, pg_catalog.pg_get_userbyid(o.relowner)::text,
           ARRAY(SELECT ARRAY[c.attname::text, pg_catalog.format_type(c.atttypid, c.atttypmod)]
                 FROM pg_catalog.pg_attribute AS c
                 WHERE c.attrelid = o.oid AND c.attnum > 0 AND NOT c.attisdropped
                 ORDER BY c.attnum),
           ARRAY(SELECT DISTINCT ARRAY[a.privilege_type, {_GRANTEE}]
                 FROM (SELECT o.relacl AS acl UNION ALL
                       SELECT c.attacl FROM pg_catalog.pg_attribute AS c WHERE c.attrelid = o.oid) AS acls
                 CROSS JOIN LATERAL pg_catalog.aclexplode(acls.acl) AS a
                 WHERE a.grantee <> o.relowner)
    FROM pg_catalog.pg_class AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.relnamespace
    WHERE (o.relkind IN ('r', 'p', 'v', 'm', 'f') OR o.relkind = 'c' AND (%s OR NOT EXISTS (
        -- of a composite type the type belongs to the extension, not the relation
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = o.reltype AND d.deptype = 'e'
    ))) AND {_OURS}
"""
_TYPES: LiteralString = f"""
    SELECT n.nspname, o.typname, o.typtype::text, pg_catalog.format_type(o.typbasetype, o.typtypmod),
           ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = o.oid
                 ORDER BY e.enumsortorder)
    FROM pg_catalog.pg_type AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.typnamespace
    WHERE o.typtype IN ('d', 'e') AND {_OURS}
"""
_SCHEMAS: LiteralString = f"""
    SELECT n.nspname, ARRAY(
        SELECT {_GRANTEE}
        FROM pg_catalog.aclexplode(COALESCE(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a
        WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner
    )
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname !~ '^pg_(toast|temp)'
"""
_EVENT_TRIGGERS: LiteralString = """
    SELECT n.nspname, p.proname
    FROM pg_catalog.pg_event_trigger AS e
    JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
"""
_TRIGGERS: LiteralString = """
    SELECT DISTINCT fn.nspname, p.proname, tn.nspname, t.relname
    FROM pg_catalog.pg_trigger AS g
    JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
    JOIN pg_catalog.pg_namespace AS fn ON fn.oid = p.pronamespace
    JOIN pg_catalog.pg_class AS t ON t.oid = g.tgrelid
    JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
    WHERE NOT g.tgisinternal
"""


def read(dsn: str, *, include_extensions: bool = False) -> tuple[list[SourceText], Program]:
    """The routines of the database, each as a script named like `schema.name(arguments)`, and its facts.

    CommandError: the server cannot be reached, or refuses.
    """
    with connect(dsn) as connection:
        try:
            with connection.transaction():
                connection.execute("SELECT pg_catalog.set_config('search_path', '', true)")
                sources = _routines(connection, include_extensions)
                return sources, _facts(connection, include_extensions)
        except psycopg.Error as error:
            raise CommandError(one_line(error)) from None


def _routines(connection: psycopg.Connection, extensions: bool) -> list[SourceText]:
    return [
        SourceText(signature, definition + _privileges(signature, definition, roles))
        for signature, definition, roles in connection.execute(_ROUTINES, [extensions])
    ]


def _privileges(signature: str, definition: str, roles: list[str]) -> str:
    """GRANT and REVOKE as they follow the definition in a dump."""
    kind = "PROCEDURE" if definition.startswith("CREATE OR REPLACE PROCEDURE") else "FUNCTION"
    lines = [] if "public" in roles else [f";\nREVOKE EXECUTE ON {kind} {signature} FROM PUBLIC"]
    quoted = ('"' + role.replace('"', '""') + '"' for role in roles if role != "public")
    lines += [f";\nGRANT EXECUTE ON {kind} {signature} TO {role}" for role in quoted]
    return "".join(lines) + ";\n"


def _facts(connection: psycopg.Connection, extensions: bool) -> Program:
    program = Program()
    for schema, name, kind, owner, columns, grants in connection.execute(_RELATIONS, [extensions, extensions]):
        if kind == "c":
            program.composites[schema, name] = dict(columns)
            continue
        pairs = {(privilege.lower(), grantee.lower()) for privilege, grantee in grants}
        program.tables[schema, name] = Table((schema, name), dict(columns), True, kind in "vm", owner, pairs)
    for schema, name, kind, base, labels in connection.execute(_TYPES, [extensions]):
        if kind == "d":
            program.domains[schema, name] = base
        else:
            program.enums[schema, name] = tuple(labels)
    for schema, creators in connection.execute(_SCHEMAS):
        program.schema_creators[schema] = {role.lower() for role in creators}
    program.event_trigger_functions = {(schema, name) for schema, name in connection.execute(_EVENT_TRIGGERS)}
    for schema, name, *table in connection.execute(_TRIGGERS):
        program.triggers.setdefault((schema, name), set()).add((table[0], table[1]))
    return program
