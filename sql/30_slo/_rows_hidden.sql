-- Whether row security may keep rows of pggit.objects or pggit.history from the current role: what is counted then would be
-- wrong. Who sees everything under harden()'s policies is the same as in _row_policies().
CREATE FUNCTION pggit_excellence._rows_hidden()
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT COALESCE(pg_catalog.bool_or(pg_catalog.row_security_active(t.oid) AND NOT (
               EXISTS (SELECT FROM pg_catalog.pg_policy AS o WHERE o.polrelid = t.oid AND o.polname = 'pggit_excellence_read')
               AND (pg_catalog.has_table_privilege(t.oid, 'INSERT') OR EXISTS (
                   SELECT FROM pg_catalog.pg_roles AS r
                   WHERE r.rolname IN ('pg_monitor', 'pggit_excellence_auditor', 'pggit_excellence_operator')
                     AND pg_catalog.pg_has_role(r.oid, 'USAGE'))))), false)
    FROM (VALUES (pggit_excellence._pggit_table('objects')), (pggit_excellence._pggit_table('history'))) AS t (oid)
    WHERE t.oid IS NOT NULL
$body$;
COMMENT ON FUNCTION pggit_excellence._rows_hidden() IS
    'Internal: whether row security may hide rows of pgGit''s tables from the current role. Source: pg_policy, row_security_active().';
