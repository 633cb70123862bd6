-- Write what was built to the log: indexes of ours that stand and have no standing row. tune_tracking() calls it for what
-- it made; after tuning_plan(online => true) it records what psql built. Safe to run again.
CREATE FUNCTION pggit_excellence.record_tuning()
RETURNS TABLE (action_id bigint, item text)
LANGUAGE sql VOLATILE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    INSERT INTO pggit_excellence.action_log AS l
        (action, kind, schema_name, relation_name, item, new_value, apply_sql, undo_sql, reason)
    SELECT 'tune_tracking', 'index', 'pggit', p.table_name, p.item, d.definition, d.definition, p.undo_statement, p.reason
    FROM pggit_excellence.tuning_plan() AS p
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'pggit'
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = p.item
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_indexdef(c.oid) AS definition) AS d
    WHERE p.kind = 'index' AND p.status = 'in place' AND p.item LIKE 'pggit\_excellence\_%'
      AND NOT EXISTS (
          SELECT FROM pggit_excellence.action_log AS k
          WHERE k.undone_at IS NULL AND k.kind = 'index' AND k.schema_name = 'pggit' AND k.item = p.item
            AND k.new_value = d.definition
      )
    ORDER BY p.step
    RETURNING l.action_id, l.item
$body$;
COMMENT ON FUNCTION pggit_excellence.record_tuning() IS
    'Records the indexes of the tuning plan that stand and are not in action_log yet, so that undo() knows them: for what psql built CONCURRENTLY. Safe to run again. Writes action_log only.';

-- Make tracked DDL fast. dry_run => true shows the statements; false runs them, all or nothing, and records each.
-- Locks: CREATE INDEX takes SHARE on pggit.objects, so tracked DDL of others waits until it is done and committed: about
-- 70 ms at 14,000 objects, 4 s at a million. sql/tune_tracking_concurrently.sql does it without.
-- Waits at most two seconds for a lock. pgGit's own event triggers see these statements and record them in its history.
CREATE FUNCTION pggit_excellence.tune_tracking(dry_run boolean DEFAULT true)
RETURNS TABLE (
    action_id bigint, status text, item text, statement text, undo_statement text, reason text
)
LANGUAGE plpgsql VOLATILE ROWS 9
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $body$
DECLARE
    planned record;
    owners  text;
BEGIN
    PERFORM pggit_excellence._require_dry_run(dry_run, 'true shows the statements, false runs them.');
    IF NOT dry_run THEN
        PERFORM pggit_excellence._require_writable(
            'tune', 'On a standby run it on the primary. SELECT * FROM pggit_excellence.tuning_plan() works here.');
        SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(r.rolname), ', ') INTO owners
        FROM pggit_excellence.tuning_plan() AS p
        JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'pggit'
        JOIN pg_catalog.pg_class AS t ON t.relnamespace = n.oid AND t.relname = p.table_name
        JOIN pg_catalog.pg_roles AS r ON r.oid = t.relowner
        WHERE p.statement IS NOT NULL AND NOT pg_catalog.pg_has_role(t.relowner, 'USAGE');
        IF owners IS NOT NULL THEN
            RAISE EXCEPTION 'only the owner of pgGit''s tables may tune them'
                USING ERRCODE = 'insufficient_privilege',
                      HINT = pg_catalog.format('Run it as %s or as a superuser. Nothing was changed.', owners);
        END IF;
        -- Two calls at once: the second waits and then finds nothing to do.
        PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('pggit_excellence.tune_tracking'));
        -- Built by psql, which ended before it could say so.
        PERFORM pggit_excellence.record_tuning();
    END IF;

    FOR planned IN SELECT p.* FROM pggit_excellence.tuning_plan() AS p ORDER BY p.step LOOP
        action_id := NULL;
        status := planned.status;
        item := planned.item;
        statement := planned.statement;
        undo_statement := CASE WHEN planned.statement IS NOT NULL THEN planned.undo_statement END;
        reason := planned.reason;
        IF NOT dry_run AND statement IS NOT NULL THEN
            PERFORM pggit_excellence._run_ddl(statement);
            status := 'applied';
            IF planned.kind = 'index' THEN
                SELECT r.action_id INTO action_id FROM pggit_excellence.record_tuning() AS r WHERE r.item = planned.item;
            ELSE
                INSERT INTO pggit_excellence.action_log AS l
                    (action, kind, schema_name, relation_name, item, old_value, new_value, apply_sql, undo_sql, reason)
                VALUES ('tune_tracking', planned.kind, 'pggit', planned.table_name, planned.item, planned.old_value, '0.02',
                        planned.statement, planned.undo_statement, planned.reason)
                RETURNING l.action_id INTO action_id;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.tune_tracking(boolean) IS
    'Makes tracked DDL fast: creates the indexes that pgGit''s lookups need and, on large tables, lowers autovacuum''s thresholds. dry_run (the default) shows the statements; false runs them all or nothing and records each in action_log for undo(action_id). A rerun finds everything in place. action_id: NULL where nothing was done. Locks: CREATE INDEX blocks tracked DDL until commit (about 70 ms at 14,000 objects, 4 s at a million); waits at most 2 s for a lock.';
