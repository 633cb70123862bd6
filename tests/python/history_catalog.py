"""What a database says about pgGit's schema, by name: to compare before and after; and its history in two sums."""

from __future__ import annotations

import psycopg

# One line per property of each object in schema pggit and of what refers to it. No OIDs, no physical column numbers.
SNAPSHOT = r"""
WITH relation AS (
    SELECT c.*, c.oid::regclass::text AS name FROM pg_class AS c
    WHERE c.relnamespace = 'pggit'::regnamespace AND c.relkind <> 't'
)
SELECT format('%s kind %s owner %s acl %s options %s rls %s %s identity %s', r.name, r.relkind, r.relowner::regrole,
              ARRAY(SELECT a::text FROM unnest(r.relacl) AS a ORDER BY 1), r.reloptions, r.relrowsecurity,
              r.relforcerowsecurity, r.relreplident)
FROM relation AS r
UNION ALL
SELECT format('%s column %s %s null %s default %s acl %s', r.name, a.attname, format_type(a.atttypid, a.atttypmod),
              a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attacl)
FROM relation AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.relkind NOT IN ('i', 'I')
UNION ALL
SELECT format('%s index %s', r.name, pg_get_indexdef(i.indexrelid))
FROM relation AS r JOIN pg_index AS i ON i.indrelid = r.oid
UNION ALL
SELECT format('%s constraint %s %s valid %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid),
              k.convalidated)
FROM pg_constraint AS k JOIN relation AS r ON r.oid IN (k.conrelid, k.confrelid) WHERE k.contype <> 'n'
UNION ALL
SELECT format('%s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
FROM relation AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT format('%s policy %s %s %s %s using %s check %s', r.name, p.polname, p.polcmd, p.polpermissive,
              p.polroles::regrole[],
              pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
FROM relation AS r JOIN pg_policy AS p ON p.polrelid = r.oid
UNION ALL
SELECT format('%s is %s', r.name, pg_get_viewdef(r.oid)) FROM relation AS r WHERE r.relkind IN ('v', 'm')
UNION ALL
SELECT format('%s of %s: %s', i.type, i.identity, d.description)
FROM pg_description AS d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i
WHERE i.identity LIKE '%pggit.%'
UNION ALL
SELECT format('publication %s via root %s of %s', p.pubname, p.pubviaroot, r.prrelid::regclass)
FROM pg_publication AS p LEFT JOIN pg_publication_rel AS r ON r.prpubid = p.oid
UNION ALL
SELECT format('sequence %s of %s', r.name, d.refobjid::regclass)
FROM relation AS r JOIN pg_depend AS d ON d.objid = r.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'a'
WHERE r.relkind = 'S'
UNION ALL
SELECT format('event trigger %s %s', e.evtname, e.evtenabled) FROM pg_event_trigger AS e
UNION ALL
SELECT format('function %s', pg_get_functiondef(p.oid)) FROM pg_proc AS p
WHERE p.pronamespace = 'pggit'::regnamespace AND p.prosqlbody IS NOT NULL
ORDER BY 1
"""

# Two independent sums over all rows: how many, and what is in them.
FINGERPRINT = """
    SELECT count(*), sum(hashtextextended(h::text, 0)::numeric) FROM pggit.history AS h WHERE id <= coalesce(%s, id)
"""


def snapshot(connection: psycopg.Connection) -> list[str]:
    """The lines of SNAPSHOT."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = pg_catalog")
        return [str(row[0]) for row in connection.execute(SNAPSHOT).fetchall()]


def fingerprint(connection: psycopg.Connection, until_id: object = None) -> tuple[object, ...] | None:
    """Number and hash of the rows of pggit.history, up to an id: what was done meanwhile is recorded behind it."""
    return connection.execute(FINGERPRINT, [until_id]).fetchone()


def last_id(connection: psycopg.Connection) -> object:
    """The highest id of pggit.history."""
    row = connection.execute("SELECT max(id) FROM pggit.history").fetchone()
    assert row is not None
    return row[0]
