-- Refuse clearly where pgGit's history is not as its releases have it: an install script that stopped half-way, or by hand.
CREATE FUNCTION pggit_excellence._require_history()
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    missing text;
BEGIN
    PERFORM pggit_excellence._require_pggit();
    SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', w.table_name, w.column_name), ', ' ORDER BY w.table_name, w.column_name) INTO missing
    FROM (VALUES
        ('history', 'id', 'N'), ('history', 'object_id', 'N'), ('history', 'change_type', NULL), ('history', 'created_at', 'D'),
        ('history', 'created_by', 'S'), ('history', 'sql_executed', 'S'), ('history', 'change_description', 'S'),
        ('history', 'old_metadata', 'U'), ('history', 'new_metadata', 'U'),
        ('objects', 'id', 'N'), ('objects', 'full_name', 'S'), ('objects', 'object_type', NULL)
    ) AS w (table_name, column_name, category)
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = pggit_excellence._pggit_table(w.table_name) AND a.attname = w.column_name AND NOT a.attisdropped
          AND (w.category IS NULL OR t.typcategory = w.category::"char"));
    IF NOT pggit_excellence._runs_anyway((
        SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = pggit_excellence._pggit_table('history')))
    THEN
        RAISE EXCEPTION 'pggit.history belongs to a role whose triggers would run with your rights'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Nothing was changed. No event trigger runs functions of that role, so this may be no pgGit. If it is: call it as its owner.';
    END IF;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'pgGit is not complete in database %: missing, or of another type: %',
                pg_catalog.quote_ident(pg_catalog.current_database()), missing
            USING ERRCODE = 'undefined_column', HINT = 'Nothing was changed. Did its install script stop with an error?';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._require_history() IS
    'Internal: raises a clear error where pggit.history or pggit.objects lack the columns that all releases of pgGit have.';

-- Whether code of this role runs with the caller's rights in any case: it is the caller, a superuser, or the owner of a function
-- that an event trigger runs at everybody's DDL (which only a superuser can have arranged). Of others neither triggers nor rules
-- may run here: anybody with CREATE on the database can make a schema that is named like one of pgGit's.
CREATE FUNCTION pggit_excellence._runs_anyway(owner oid)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = owner AND (r.rolsuper OR r.rolname = current_user)
    ) OR EXISTS (
        SELECT FROM pg_catalog.pg_event_trigger AS e JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid WHERE p.proowner = owner
    )
$body$;
COMMENT ON FUNCTION pggit_excellence._runs_anyway(oid) IS
    'Internal: whether triggers on tables of this role may run with the caller''s rights. Source: pg_roles, pg_event_trigger.';
