-- What harden() does for a profile, in order. First go the privileges that would make SECURITY DEFINER unsafe, so that undo,
-- newest first, gives them back last. PUBLIC's come after the functions: until these are SECURITY DEFINER, who runs
-- DDL needs the rights that PUBLIC has.
CREATE FUNCTION pggit_excellence._harden_plan(profile text)
RETURNS TABLE (
    kind text, schema_name text, relation_name text, item text, statement text, undo_statement text, reason text, old_value text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    RETURN QUERY
    SELECT h.kind, h.schema_name, h.relation_name, h.item, h.statement, h.undo_statement, h.reason, h.details
    FROM pggit_excellence._harden_grants() AS h;
    RETURN QUERY
    SELECT f.kind, f.schema_name, f.relation_name, f.item, f.statement,
           pggit_excellence._state_statement(f.kind, f.schema_name, f.relation_name, f.item, f.state), f.reason, f.state
    FROM (
        SELECT h.*, pggit_excellence._hardened_state(h.kind, h.schema_name, h.relation_name, h.item) AS state
        FROM pggit_excellence._harden_functions() AS h
    ) AS f;
    RETURN QUERY
    SELECT h.kind, h.schema_name, h.relation_name, h.item, h.statement, h.undo_statement, h.reason, h.details
    FROM pggit_excellence._harden_public(profile) AS h;
    IF profile <> 'minimal' THEN
        RETURN QUERY
        SELECT h.kind, h.schema_name, h.relation_name, h.item, h.statement, h.undo_statement, h.reason, h.details
        FROM pggit_excellence._harden_roles() AS h
        UNION ALL
        SELECT h.kind, h.schema_name, h.relation_name, h.item, h.statement, h.undo_statement, h.reason, h.details
        FROM pggit_excellence._harden_defaults() AS h;
    END IF;
    RETURN QUERY
    SELECT f.kind, f.schema_name, f.relation_name, f.item, f.statement,
           pggit_excellence._state_statement(f.kind, f.schema_name, f.relation_name, f.item, f.state), f.reason, f.state
    FROM (
        SELECT h.*, pggit_excellence._hardened_state(h.kind, h.schema_name, h.relation_name, h.item) AS state
        FROM (
            SELECT t.* FROM pggit_excellence._harden_triggers(profile) AS t
            UNION ALL
            SELECT r.* FROM pggit_excellence._harden_row_security() AS r WHERE profile <> 'minimal'
        ) AS h
    ) AS f;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_plan(text) IS
    'Internal: everything that harden() does for a profile, in order. old_value: what undo() needs.';

-- Whether DDL works with pgGit's event triggers: NULL, or their error. What else keeps the current role from running DDL is no
-- fault of theirs. Makes and drops some objects and leaves nothing behind.
CREATE FUNCTION pggit_excellence._ddl_failure()
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    calls text;
BEGIN
    CREATE SCHEMA pggit_excellence_probe;
    CREATE TABLE pggit_excellence_probe.t (a integer PRIMARY KEY, b text DEFAULT 'x');
    ALTER TABLE pggit_excellence_probe.t ADD COLUMN c integer;
    CREATE INDEX t_b ON pggit_excellence_probe.t (b);
    CREATE VIEW pggit_excellence_probe.v AS SELECT t.a FROM pggit_excellence_probe.t;
    CREATE FUNCTION pggit_excellence_probe.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
    DROP FUNCTION pggit_excellence_probe.f();
    DROP VIEW pggit_excellence_probe.v;
    DROP INDEX pggit_excellence_probe.t_b;
    DROP TABLE pggit_excellence_probe.t;
    DROP SCHEMA pggit_excellence_probe;
    RAISE EXCEPTION 'all went well' USING ERRCODE = 'PGX00';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS calls = PG_EXCEPTION_CONTEXT;
    RETURN CASE WHEN pg_catalog.regexp_replace(calls, 'pggit_excellence(_probe)?\.', '', 'g') ~ 'pggit\w*"?\.' THEN SQLERRM END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._ddl_failure() IS
    'Internal: runs some DDL and takes it back; the error of pgGit''s event triggers, NULL: there was none.';

-- What harden() leaves to people, with the statement where there is one.
CREATE FUNCTION pggit_excellence._harden_remarks(profile text)
RETURNS TABLE (item text, statement text, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH object AS MATERIALIZED (
        SELECT o.* FROM pggit_excellence._pggit_objects() AS o
    )
    SELECT 'schema public', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
           'Everybody may put functions where others look for theirs. Applications may rely on it: yours to decide, profile strict does it.'
    FROM pggit_excellence._privileged_objects(ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'public')) AS o
    CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
    WHERE o.what = 'SCHEMA' AND profile <> 'strict' AND a.grantee = 0 AND a.privilege_type = 'CREATE'
    UNION ALL
    SELECT 'event trigger ' || pg_catalog.quote_ident(t.trigger_name),
           CASE WHEN t.state = 'disabled' THEN pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', t.trigger_name) END,
           CASE WHEN t.state = 'disabled' THEN 'Somebody disabled it, so DDL is not recorded. Left as it is.'
                ELSE 'It is missing, so DDL is not recorded. Install pgGit again.' END
    FROM pggit_excellence._tracking_triggers() AS t
    WHERE t.state IN ('disabled', 'missing')
    UNION ALL
    SELECT o.identity, pg_catalog.format('REVOKE %s ON %s %s FROM PUBLIC; -- as %I', a.privilege_type, o.what, o.identity,
                                         pg_catalog.pg_get_userbyid(a.grantor)),
           'PUBLIC has it from a role with grant option, and only that role can revoke it.'
    FROM object AS o CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
    WHERE a.grantee = 0 AND a.grantor <> o.owner
    UNION ALL
    SELECT pg_catalog.format('%I: tables of %I', r.rolname, o.schema_name),
           pg_catalog.format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON TABLE %s FROM %I',
                             pg_catalog.string_agg(DISTINCT o.identity, ', '), r.rolname),
           pg_catalog.format('%I may change what pgGit recorded, or plant statements. Tracked DDL does not need it any more.', r.rolname)
    FROM object AS o
    CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
    JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee AND NOT r.rolsuper
    WHERE o.what = 'TABLE' AND a.grantee <> o.owner AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
    GROUP BY o.schema_name, r.rolname
    UNION ALL
    SELECT o.identity, NULL, 'Everybody could plant statements here until now. Read what is not applied before somebody applies it.'
    FROM object AS o CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
    WHERE o.what = 'TABLE' AND o.object_name = 'migrations' AND a.grantee = 0 AND a.privilege_type IN ('INSERT', 'UPDATE')
    GROUP BY o.identity
    UNION ALL
    SELECT DISTINCT p.oid::pg_catalog.regprocedure::text, NULL,
           pg_catalog.format('It runs as %I, which is no superuser: columns of tables on which it has no right are not recorded. Membership in pg_read_all_data gives it what it needs.', r.rolname)
    FROM pg_catalog.pg_event_trigger AS e
    JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid AND p.pronamespace = ANY (pggit_excellence._scope(NULL))
    JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner AND NOT r.rolsuper
    UNION ALL
    SELECT DISTINCT p.oid::pg_catalog.regprocedure::text,
           pg_catalog.format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', p.oid::pg_catalog.regprocedure),
           'A trigger on ' || g.tgrelid::pg_catalog.regclass::text
           || ' runs it with the rights of pgGit''s event triggers, and it has no search_path. It is not pgGit''s: yours to decide.'
    FROM pg_catalog.pg_trigger AS g
    JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid AND c.relnamespace = ANY (pggit_excellence._scope(NULL))
    JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid AND p.pronamespace <> ALL (pggit_excellence._scope(NULL))
    WHERE NOT g.tgisinternal AND NOT EXISTS (
        SELECT FROM pg_catalog.unnest(p.proconfig) AS s (setting) WHERE s.setting LIKE 'search\_path=%')
    UNION ALL
    SELECT c.oid::pg_catalog.regclass::text, NULL, 'It has row security of its own, which is left as it is.'
    FROM pg_catalog.pg_class AS c
    WHERE c.oid IN (pggit_excellence._pggit_table('objects'), pggit_excellence._pggit_table('history')) AND profile <> 'minimal'
      AND (c.relrowsecurity AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy AS o
                                            WHERE o.polrelid = c.oid AND o.polname LIKE 'pggit\_excellence\_%')
           OR EXISTS (SELECT FROM pg_catalog.pg_policy AS o
                      WHERE o.polrelid = c.oid AND o.polname NOT LIKE 'pggit\_excellence\_%'))
    UNION ALL
    SELECT 'roles', 'SELECT * FROM pggit_excellence.create_roles()',
           'There is no role pggit_excellence_reader, _auditor or _operator. Run it first, then harden() grants them what they need.'
    WHERE profile <> 'minimal' AND pggit_excellence._readers() = ARRAY['pg_monitor']
    ORDER BY 1, 2
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_remarks(text) IS
    'Internal: what harden() leaves to people. statement: what would do it, NULL: none.';

-- The owners of what harden() changes that the current role cannot act as.
CREATE FUNCTION pggit_excellence._harden_missing_owners()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(r.rolname), ', ')
    FROM (
        SELECT o.owner FROM pggit_excellence._pggit_objects() AS o
        UNION
        SELECT e.evtowner FROM pg_catalog.pg_event_trigger AS e
        JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid AND p.pronamespace = ANY (pggit_excellence._scope(NULL))
    ) AS o
    JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
    WHERE NOT pg_catalog.pg_has_role(o.owner, 'USAGE')
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_missing_owners() IS
    'Internal: the owners of pgGit''s objects whose rights the current role has not, as text; NULL: it has all.';

-- What must be true before harden() begins, or an error that says what to do.
CREATE FUNCTION pggit_excellence._harden_check(profile text, dry_run boolean)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    owners    text;
    obstacles record;
BEGIN
    IF profile IS NULL OR profile NOT IN ('minimal', 'standard', 'strict') THEN
        RAISE EXCEPTION 'there is no profile %', pg_catalog.quote_nullable(profile)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'The profiles are minimal, standard and strict.';
    END IF;
    PERFORM pggit_excellence._require_dry_run(dry_run, 'true shows the statements, false runs them.');
    PERFORM pggit_excellence._require_pggit();
    IF dry_run THEN
        RETURN;
    END IF;
    PERFORM pggit_excellence._require_writable('harden', 'On a standby run it on the primary. With dry_run => true it works here.');
    owners := pggit_excellence._harden_missing_owners();
    IF owners IS NOT NULL THEN
        RAISE EXCEPTION 'only the owner of pgGit''s objects may harden them'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = pg_catalog.format('Run it as %s or as a superuser. Nothing was changed.', owners);
    END IF;
    SELECT pg_catalog.count(*) AS found, pg_catalog.min(o.item || ': ' || o.reason) AS first,
           pg_catalog.string_agg(DISTINCT o.statement, '; ') AS statements
    INTO obstacles FROM pggit_excellence._harden_obstacles() AS o;
    IF obstacles.found > 0 THEN
        RAISE EXCEPTION 'pgGit''s event triggers cannot safely run with their owner''s rights: %', obstacles.first
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = pg_catalog.format('Obstacles: %s. harden(dry_run => true) lists them as blocked.', obstacles.found),
                  HINT = 'Nothing was changed. ' || COALESCE('After review: ' || obstacles.statements, 'Read the function first.');
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_check(text, boolean) IS
    'Internal: raises where harden() cannot run: unknown profile, no pgGit, read-only, no rights, or an obstacle.';

-- Two calls at once: the second waits and then finds nothing to do, or says that it waited long enough.
CREATE FUNCTION pggit_excellence._lock_harden()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('pggit_excellence.harden'));
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'another harden() is under way'
        USING ERRCODE = 'lock_not_available', HINT = 'Nothing was changed: run it again when that one is done.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._lock_harden() IS
    'Internal: keeps two calls of harden() apart until the end of the transaction; waits as long as lock_timeout says.';

-- Harden pgGit: one reviewed step that can be taken back. dry_run => true shows the statements; false runs them, all or
-- nothing, and records each. Run again it finds what is new, such as functions that an update of pgGit brought.
-- Locks: for row security ACCESS EXCLUSIVE on pggit.objects and pggit.history, for triggers SHARE ROW EXCLUSIVE, until commit;
-- waits at most two seconds. pgGit's own event triggers see these statements and record them in its history.
CREATE FUNCTION pggit_excellence.harden(profile text DEFAULT 'standard', dry_run boolean DEFAULT true)
RETURNS TABLE (
    action_id bigint, status text, item text, statement text, undo_statement text, reason text
)
LANGUAGE plpgsql VOLATILE ROWS 50
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $body$
DECLARE
    planned record;
    failure text;
    remarks jsonb;
BEGIN
    IF NOT dry_run THEN
        PERFORM pggit_excellence._lock_harden();
    END IF;
    PERFORM pggit_excellence._harden_check(profile, dry_run);
    remarks := COALESCE((SELECT pg_catalog.jsonb_agg(r) FROM pggit_excellence._harden_remarks(profile) AS r), '[]');
    IF dry_run THEN
        RETURN QUERY
        SELECT NULL::bigint, 'blocked', o.item, o.statement, NULL::text, o.reason FROM pggit_excellence._harden_obstacles() AS o;
    END IF;

    FOR planned IN SELECT p.* FROM pggit_excellence._harden_plan(profile) AS p LOOP
        action_id := NULL;
        status := 'missing';
        item := pg_catalog.concat_ws('.', pg_catalog.quote_ident(planned.schema_name), NULLIF(planned.relation_name, '')) || ': ' || planned.item;
        statement := planned.statement;
        undo_statement := planned.undo_statement;
        reason := planned.reason;
        IF NOT dry_run THEN
            PERFORM pggit_excellence._run_ddl(statement);
            status := 'applied';
            INSERT INTO pggit_excellence.action_log AS l
                (action, kind, schema_name, relation_name, item, old_value, new_value, apply_sql, undo_sql, reason)
            VALUES ('harden', planned.kind, planned.schema_name, planned.relation_name, planned.item, planned.old_value,
                    COALESCE(pggit_excellence._hardened_state(planned.kind, planned.schema_name, planned.relation_name, planned.item), 'done'),
                    planned.statement, planned.undo_statement, planned.reason)
            RETURNING l.action_id INTO action_id;
        END IF;
        RETURN NEXT;
    END LOOP;

    IF NOT dry_run THEN
        failure := pggit_excellence._ddl_failure();
        IF failure IS NOT NULL THEN
            RAISE EXCEPTION 'tracked DDL would fail after this: %', failure
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Nothing was changed. Where pgGit calls functions of an extension: '
                          || 'ALTER EXTENSION <name> SET SCHEMA pggit puts them where pgGit finds them.';
        END IF;
        PERFORM pggit_excellence._audit('hardening', pg_catalog.jsonb_build_object('function', 'harden', 'profile', profile));
    END IF;
    RETURN QUERY
    SELECT NULL::bigint, 'remark', r.item, r.statement, NULL::text, r.reason
    FROM pg_catalog.jsonb_to_recordset(remarks) AS r (item text, statement text, reason text);
END
$body$;
COMMENT ON FUNCTION pggit_excellence.harden(text, boolean) IS
$comment$Hardens pgGit. dry_run (the default) shows the statements; false runs them all or nothing and records each in action_log for undo(action_id) and undo_all('harden'). A rerun finds what is new. profile: minimal (event trigger functions SECURITY DEFINER with a pinned search_path, no writing by PUBLIC, no CREATE in pgGit's schemas and no TRIGGER on its tables for other roles, ENABLE ALWAYS, created_by stamped), standard (nothing for PUBLIC in pgGit's schemas, roles get what they need, history append-only, row security for readers), strict (no CREATE on schema public for PUBLIC as well).
status: missing (planned), applied, blocked (must be removed first), remark (left to people). action_id, undo_statement: NULL where nothing is done. Needs the rights of the owners of pgGit's objects. Locks pggit.objects and pggit.history until commit; waits at most 2 s for a lock.$comment$;
