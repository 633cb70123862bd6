-- How undo() undoes what harden() does: see _undo_statements(). Nothing in the log is trusted. The kind says what can be
-- changed and how, the object must be pgGit's, names and privileges must be the catalog's, and whoever logged the action must
-- be one who could have done it: an operator may write rows, but not in the name of the object's owner.

-- The state of one thing that harden() changes; NULL: it is not there.
CREATE FUNCTION pggit_excellence._hardened_state(kind text, schema_name text, relation_name text, item text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE _hardened_state.kind
        WHEN 'function security' THEN (
            SELECT (pg_catalog.jsonb_build_object('definer', p.prosecdef) || (
                       SELECT pg_catalog.jsonb_object_agg(k.name, pg_catalog.substr(c.setting, pg_catalog.length(k.name) + 2))
                       FROM pg_catalog.unnest(ARRAY['search_path', 'standard_conforming_strings', 'quote_all_identifiers']) AS k (name)
                       LEFT JOIN pg_catalog.unnest(p.proconfig) AS c (setting) ON pg_catalog.starts_with(c.setting, k.name || '=')
                   ))::text
            FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            WHERE n.nspname = _hardened_state.schema_name AND pg_catalog.starts_with(_hardened_state.relation_name, p.proname::text || '(')
              AND pggit_excellence._signature(p.oid) = _hardened_state.relation_name)
        WHEN 'event trigger' THEN (
            SELECT CASE e.evtenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'O' THEN 'ENABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END
            FROM pg_catalog.pg_event_trigger AS e WHERE e.evtname = _hardened_state.relation_name)
        WHEN 'trigger' THEN (
            SELECT pg_catalog.pg_get_triggerdef(g.oid) || CASE g.tgenabled WHEN 'A' THEN ' ENABLE ALWAYS' ELSE ' ' || g.tgenabled::text END
            FROM pg_catalog.pg_trigger AS g
            WHERE g.tgrelid = pggit_excellence._pggit_table(_hardened_state.relation_name) AND g.tgname = _hardened_state.item)
        WHEN 'policy' THEN (
            SELECT pg_catalog.concat_ws(' ', o.polcmd, o.polpermissive, o.polroles, pg_catalog.pg_get_expr(o.polqual, o.polrelid),
                                        pg_catalog.pg_get_expr(o.polwithcheck, o.polrelid))
            FROM pg_catalog.pg_policy AS o
            WHERE o.polrelid = pggit_excellence._pggit_table(_hardened_state.relation_name) AND o.polname = _hardened_state.item)
        WHEN 'row security' THEN (
            SELECT CASE WHEN c.relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END
            FROM pg_catalog.pg_class AS c WHERE c.oid = pggit_excellence._pggit_table(_hardened_state.relation_name))
        END
$body$;
COMMENT ON FUNCTION pggit_excellence._hardened_state(text, text, text, text) IS
    'Internal: the state of one thing that harden() changes, as action_log keeps it before and after; NULL: it is not there.';

-- The statement that puts one thing back into its former state.
CREATE FUNCTION pggit_excellence._state_statement(kind text, schema_name text, relation_name text, item text, state text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE _state_statement.kind
        WHEN 'function security' THEN (
            SELECT pg_catalog.format('ALTER ROUTINE %s %s%s %s %s', p.oid::pg_catalog.regprocedure,
                       CASE WHEN (b.state ->> 'definer')::boolean THEN '' ELSE 'SECURITY INVOKER ' END,
                       COALESCE('SET search_path = ' || (
                           SELECT pg_catalog.string_agg(pg_catalog.quote_literal(COALESCE(pg_catalog.replace(m.part[1], '""', '"'), m.part[2])),
                                                        ', ' ORDER BY m."position")
                           FROM pg_catalog.regexp_matches(b.state ->> 'search_path', '"((?:[^"]|"")*)"|([^,"[:space:]]+)', 'g')
                               WITH ORDINALITY AS m (part, "position")), 'RESET search_path'),
                       COALESCE('SET standard_conforming_strings = ' || pg_catalog.quote_literal(b.state ->> 'standard_conforming_strings'),
                                'RESET standard_conforming_strings'),
                       COALESCE('SET quote_all_identifiers = ' || pg_catalog.quote_literal(b.state ->> 'quote_all_identifiers'),
                                'RESET quote_all_identifiers'))
            FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            CROSS JOIN (SELECT _state_statement.state::jsonb AS state) AS b
            WHERE n.nspname = _state_statement.schema_name AND pg_catalog.starts_with(_state_statement.relation_name, p.proname::text || '(')
              AND pggit_excellence._signature(p.oid) = _state_statement.relation_name)
        WHEN 'event trigger' THEN pg_catalog.format('ALTER EVENT TRIGGER %I %s', _state_statement.relation_name,
            CASE _state_statement.state WHEN 'ENABLE REPLICA' THEN 'ENABLE REPLICA' WHEN 'DISABLE' THEN 'DISABLE' ELSE 'ENABLE' END)
        WHEN 'trigger' THEN pg_catalog.format('DROP TRIGGER %I ON pggit.%I', _state_statement.item, _state_statement.relation_name)
        WHEN 'policy' THEN pg_catalog.format('DROP POLICY %I ON pggit.%I', _state_statement.item, _state_statement.relation_name)
        WHEN 'row security' THEN pg_catalog.format('ALTER TABLE pggit.%I DISABLE ROW LEVEL SECURITY', _state_statement.relation_name)
        END
$body$;
COMMENT ON FUNCTION pggit_excellence._state_statement(text, text, text, text, text) IS
    'Internal: the statement that gives one thing that harden() changes this state again.';

-- Refuse a row whose writer could not have done what it says.
CREATE FUNCTION pggit_excellence._refuse_powerless(done pggit_excellence.action_log, owner oid)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT COALESCE((
        SELECT pg_catalog.pg_has_role(r.oid, _refuse_powerless.owner, 'MEMBER')
        FROM pg_catalog.pg_roles AS r WHERE r.rolname = done.applied_by), false)
    THEN
        PERFORM pggit_excellence._refuse_forged(done);
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._refuse_powerless(pggit_excellence.action_log, oid) IS
    'Internal: raises for a row of action_log whose writer, stamped by the server, is neither owner of the object nor a superuser, or no role any more.';

-- The kinds that change the state of one thing.
CREATE FUNCTION pggit_excellence._restore_state(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    owner     oid;
    state     text := pggit_excellence._hardened_state(done.kind, done.schema_name, done.relation_name, done.item);
    statement text;
BEGIN
    IF state IS NULL THEN
        RETURN '{}';
    END IF;
    SELECT CASE done.kind
        WHEN 'function security' THEN (
            SELECT p.proowner FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            WHERE n.oid = ANY (pggit_excellence._scope(NULL)) AND n.nspname = done.schema_name
              AND pg_catalog.starts_with(done.relation_name, p.proname::text || '(')
              AND pggit_excellence._signature(p.oid) = done.relation_name)
        WHEN 'event trigger' THEN (
            SELECT e.evtowner FROM pg_catalog.pg_event_trigger AS e
            JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid AND p.pronamespace = ANY (pggit_excellence._scope(NULL))
            WHERE e.evtname = done.relation_name)
        ELSE (
            SELECT c.relowner FROM pg_catalog.pg_class AS c
            WHERE c.oid = pggit_excellence._pggit_table(done.relation_name) AND done.schema_name = 'pggit'
              AND (done.kind = 'row security' OR done.item LIKE 'pggit\_excellence\_%'))
        END INTO owner;
    PERFORM pggit_excellence._refuse_powerless(done, owner);
    IF state = done.old_value THEN
        RETURN '{}';
    END IF;
    statement := pggit_excellence._state_statement(done.kind, done.schema_name, done.relation_name, done.item, done.old_value);
    PERFORM pggit_excellence._refuse_changed(done, state, statement);
    RETURN ARRAY[statement];
END
$body$;
COMMENT ON FUNCTION pggit_excellence._restore_state(pggit_excellence.action_log) IS
    'Internal: for undo(), the statement that puts one thing of pgGit''s back into the state before harden(); empty: it is gone or has that state.';

-- Privileges as they can be named for an object of this type: those that PostgreSQL has, for columns of the object too.
CREATE FUNCTION pggit_excellence._privilege_names(what text, catalog regclass, object_oid oid)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT ARRAY(
        SELECT k.name FROM pg_catalog.unnest(CASE _privilege_names.what
            WHEN 'SCHEMA' THEN ARRAY['CREATE', 'USAGE']
            WHEN 'SEQUENCE' THEN ARRAY['SELECT', 'UPDATE', 'USAGE']
            WHEN 'ROUTINE' THEN ARRAY['EXECUTE']
            ELSE ARRAY['DELETE', 'INSERT', 'MAINTAIN', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE'] END) AS k (name)
        UNION ALL
        SELECT pg_catalog.format('%s (%I)', k.name, a.attname)
        FROM pg_catalog.unnest(ARRAY['INSERT', 'REFERENCES', 'SELECT', 'UPDATE']) AS k (name)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = object_oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE _privilege_names.what = 'TABLE' AND catalog = 'pg_catalog.pg_class'::pg_catalog.regclass)
$body$;
COMMENT ON FUNCTION pggit_excellence._privilege_names(text, regclass, oid) IS
    'Internal: the privileges that an object of this type can have, as GRANT names them.';

-- Privileges that were taken from PUBLIC (grantee 0) or a role and go back, or that were given to a role and go again, for all
-- objects of the row that are still there and have not got their former privileges already.
CREATE FUNCTION pggit_excellence._undo_privileges(done pggit_excellence.action_log, grantee oid, taken boolean)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    receiver  text := CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) END;
    sort      text := pg_catalog.substring(done.item, ' on (SCHEMA|TABLE|SEQUENCE|ROUTINE)$');
    wanted    text[];
    object    record;
    held      text[];
    names     text[] := '{}';
    statement text;
BEGIN
    IF sort IS NULL OR pg_catalog.jsonb_typeof(done.old_value::jsonb -> 'privileges') IS DISTINCT FROM 'array' THEN
        PERFORM pggit_excellence._refuse_forged(done);
    END IF;
    wanted := ARRAY(SELECT pg_catalog.jsonb_array_elements_text(done.old_value::jsonb -> 'privileges'));
    FOR object IN
        SELECT o.* FROM pggit_excellence._privileged_objects(ARRAY(
            SELECT n.oid FROM pg_catalog.pg_namespace AS n
            WHERE n.nspname = done.schema_name AND (n.oid = ANY (pggit_excellence._scope(NULL))
               OR n.nspname = 'public' AND grantee = 0 AND done.item = 'CREATE on SCHEMA'))) AS o
        WHERE o.what = sort AND done.old_value::jsonb -> 'of' ? o.object_name
        ORDER BY o.object_name COLLATE "C"
    LOOP
        PERFORM pggit_excellence._refuse_powerless(done, object.owner);
        IF NOT wanted <@ pggit_excellence._privilege_names(sort, object.catalog, object.object_oid) THEN
            PERFORM pggit_excellence._refuse_forged(done);
        END IF;
        held := pggit_excellence._privileges(object.acl, object.owner, grantee, object.catalog, object.object_oid);
        IF taken <> (held && wanted) THEN
            names := names || object.identity;
        ELSIF taken AND NOT held @> wanted THEN
            RAISE EXCEPTION 'privileges of % on % were changed since action %', receiver, object.identity, done.action_id
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Revoke them again, or give back by hand: ' || done.undo_sql;
        END IF;
    END LOOP;
    IF names = '{}' THEN
        RETURN '{}';
    END IF;
    statement := pg_catalog.format(CASE WHEN taken THEN 'GRANT %s ON %s %s TO %s' ELSE 'REVOKE %s ON %s %s FROM %s' END,
                                   pg_catalog.array_to_string(wanted, ', '), sort, pg_catalog.array_to_string(names, ', '),
                                   receiver);
    RETURN ARRAY[statement];
END
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_privileges(pggit_excellence.action_log, oid, boolean) IS
    'Internal: for undo(), the GRANT to PUBLIC (grantee 0) or a role, or the REVOKE from a role, that undoes what harden() did with privileges; empty: nothing is left to do.';

CREATE FUNCTION pggit_excellence._undo_public_privileges(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$ SELECT pggit_excellence._undo_privileges(done, 0, true) $body$;
COMMENT ON FUNCTION pggit_excellence._undo_public_privileges(pggit_excellence.action_log) IS
    'Internal: for undo(), see _undo_privileges().';

CREATE FUNCTION pggit_excellence._undo_role_privileges(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT COALESCE((
        SELECT pggit_excellence._undo_privileges(done, r.oid, false) FROM pg_catalog.pg_roles AS r WHERE r.rolname = done.relation_name), '{}')
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_role_privileges(pggit_excellence.action_log) IS
    'Internal: for undo(), see _undo_privileges(); empty: the role is gone.';

-- While the event triggers run with their owner's rights, these privileges are a way to them.
CREATE FUNCTION pggit_excellence._undo_taken_privileges(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF EXISTS (
        SELECT FROM pggit_excellence._tracking_functions() AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.function_oid
        WHERE t.event_trigger AND p.prosecdef)
    THEN
        RAISE WARNING 'pgGit''s event triggers are SECURITY DEFINER: with % role % can misuse them', done.item,
                pg_catalog.quote_ident(done.relation_name)
            USING HINT = 'SELECT * FROM pggit_excellence.undo_all(''harden'') undoes everything.';
    END IF;
    RETURN COALESCE((
        SELECT pggit_excellence._undo_privileges(done, r.oid, true) FROM pg_catalog.pg_roles AS r
        WHERE r.rolname = done.relation_name), '{}');
END
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_taken_privileges(pggit_excellence.action_log) IS
    'Internal: for undo(), see _undo_privileges(); empty: the role is gone.';

CREATE FUNCTION pggit_excellence._undo_default_privileges(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    wanted text[] := ARRAY(SELECT pg_catalog.jsonb_array_elements_text(done.old_value::jsonb -> 'privileges'));
    held   text[];
    role   pg_catalog.pg_roles;
BEGIN
    SELECT r.* INTO role FROM pg_catalog.pg_roles AS r WHERE r.rolname = done.relation_name;
    IF role.oid IS NULL OR pg_catalog.to_regnamespace(pg_catalog.quote_ident(done.schema_name)) IS NULL THEN
        RETURN '{}';
    END IF;
    PERFORM pggit_excellence._refuse_powerless(done, role.oid);
    IF NOT EXISTS (
           SELECT FROM pg_catalog.pg_namespace AS n
           WHERE n.nspname = done.schema_name AND n.oid = ANY (pggit_excellence._scope(NULL)))
       OR done.item NOT IN ('TABLES', 'SEQUENCES', 'FUNCTIONS', 'TYPES')
       OR NOT wanted <@ ARRAY['DELETE', 'EXECUTE', 'INSERT', 'MAINTAIN', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE', 'USAGE']
    THEN
        PERFORM pggit_excellence._refuse_forged(done);
    END IF;
    SELECT COALESCE(pg_catalog.array_agg(a.privilege_type), '{}') INTO held
    FROM pg_catalog.pg_default_acl AS d
    JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
    WHERE d.defaclrole = role.oid AND n.nspname = done.schema_name AND a.grantee = 0
      AND pggit_excellence._default_type(d.defaclobjtype) = done.item;
    IF held @> wanted THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY[pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT %s ON %s TO PUBLIC', role.rolname,
                                   done.schema_name, pg_catalog.array_to_string(wanted, ', '), done.item)];
END
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_default_privileges(pggit_excellence.action_log) IS
    'Internal: for undo(), the ALTER DEFAULT PRIVILEGES that gives PUBLIC back what harden() took; empty: nothing is left to do.';
