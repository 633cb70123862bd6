-- Readers see the objects and changes of the schemas that they may use, and nothing of others. Everything is seen by the
-- table's owner and superusers (row security is not forced), by pg_monitor, auditor and operator, and by who may write the
-- table: pgGit's own functions work for whoever was given that. Writing is left to GRANT.
-- Conditions in parentheses with SELECT are evaluated once per query, not once per row.
CREATE FUNCTION pggit_excellence._row_policies()
RETURNS TABLE (table_name text, policy_name text, definition text, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 8
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT t.table_name, 'pggit_excellence_' || p.name,
           pg_catalog.replace(pg_catalog.replace(p.definition, '<table>', t.table_name), '<visible>', t.visible),
           p.reason
    FROM (VALUES
        ('objects', $sql$schema_name IN (
        SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace AS n
        WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE'))$sql$),
        ('history', 'object_id IN (SELECT o.id FROM pggit.objects AS o)')
    ) AS t (table_name, visible)
    CROSS JOIN (VALUES
        ('read', $sql$FOR SELECT USING (
    (SELECT pg_catalog.has_table_privilege(c.oid, 'INSERT')
     FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = 'pggit' AND c.relname = '<table>')
    OR (SELECT pg_catalog.bool_or(pg_catalog.pg_has_role(r.oid, 'USAGE')) FROM pg_catalog.pg_roles AS r
        WHERE r.rolname IN ('pg_monitor', 'pggit_excellence_auditor', 'pggit_excellence_operator'))
    OR <visible>)$sql$, 'Readers see the changes of all schemas, those that they may not use among them.'),
        ('insert', 'FOR INSERT WITH CHECK (true)', 'Row security refuses what no policy allows; writing is left to GRANT.'),
        ('update', 'FOR UPDATE USING (true)', 'Row security refuses what no policy allows; writing is left to GRANT.'),
        ('delete', 'FOR DELETE USING (true)', 'Row security refuses what no policy allows; writing is left to GRANT.')
    ) AS p (name, definition, reason)
    -- History is looked at through objects: both or none.
    WHERE pggit_excellence._pggit_table('objects') IS NOT NULL AND pggit_excellence._pggit_table('history') IS NOT NULL
$body$;
COMMENT ON FUNCTION pggit_excellence._row_policies() IS
    'Internal: the policies that harden() makes on pggit.objects and pggit.history.';

-- Tables that have row security already, or policies of somebody else's, are left alone: policies add up.
CREATE FUNCTION pggit_excellence._harden_row_security()
RETURNS TABLE (kind text, schema_name text, relation_name text, item text, statement text, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH open AS MATERIALIZED (
        SELECT c.oid, c.relname::text AS table_name, c.relrowsecurity
        FROM pg_catalog.pg_class AS c
        WHERE c.oid IN (pggit_excellence._pggit_table('objects'), pggit_excellence._pggit_table('history'))
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_policy AS o
              WHERE o.polrelid = c.oid AND o.polname NOT LIKE 'pggit\_excellence\_%')
          AND (NOT c.relrowsecurity OR EXISTS (
              SELECT FROM pg_catalog.pg_policy AS o
              WHERE o.polrelid = c.oid AND o.polname LIKE 'pggit\_excellence\_%'))
    )
    SELECT s.kind, 'pggit', s.table_name, s.item, s.statement, s.reason
    FROM (
        SELECT 'policy' AS kind, o.table_name, p.policy_name AS item,
               pg_catalog.format('CREATE POLICY %I ON pggit.%I %s', p.policy_name, o.table_name, p.definition) AS statement, p.reason
        FROM open AS o
        JOIN pggit_excellence._row_policies() AS p ON p.table_name = o.table_name
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_policy AS q WHERE q.polrelid = o.oid AND q.polname = p.policy_name)
        UNION ALL
        SELECT 'row security', o.table_name, 'ROW LEVEL SECURITY',
               pg_catalog.format('ALTER TABLE pggit.%I ENABLE ROW LEVEL SECURITY', o.table_name),
               'Policies do nothing before it is enabled.'
        FROM open AS o
        WHERE NOT o.relrowsecurity AND EXISTS (SELECT FROM pggit_excellence._row_policies() AS p WHERE p.table_name = o.table_name)
    ) AS s
    ORDER BY s.kind, s.table_name DESC, s.item
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_row_security() IS
    'Internal: the part of harden() that isolates readers by row security on pggit.objects and pggit.history.';
