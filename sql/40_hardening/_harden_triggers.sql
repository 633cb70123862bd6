-- Trigger function: who made a change is who connected, whatever the column's default or the writer says. current_user would
-- be the owner of the event trigger function.
-- A logical replication worker brings rows that were stamped where they were made, and restore_history() exact copies of
-- archived ones.
-- SECURITY DEFINER: a plain owner of pgGit's tables may not see what kind of process this is.
CREATE FUNCTION pggit_excellence._stamp_created_by()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    -- Anybody can set the second one: it only saves each new row the search for a copy.
    IF pg_catalog.current_setting('session_replication_role') = 'replica' THEN
        IF EXISTS (
            SELECT FROM pg_catalog.pg_stat_activity AS a
            WHERE a.pid = pg_catalog.pg_backend_pid() AND a.backend_type LIKE 'logical replication%')
        THEN
            RETURN NEW;
        END IF;
    END IF;
    IF pg_catalog.current_setting('pggit_excellence.restoring', true) = 'on' THEN
        IF pggit_excellence._is_archived(pg_catalog.to_jsonb(NEW)) THEN
            RETURN NEW;
        END IF;
    END IF;
    NEW.created_by := session_user;
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._stamp_created_by() IS
    'Internal: trigger function on pggit.history, created_by is the session user. SECURITY DEFINER, because it asks whether this is a replication worker, which not everybody may see.';

-- Trigger function: history is only added to. Two ways out, both leaving the evidence elsewhere: a row may go when its exact
-- copy is in history_archive, and a name may become a pseudonym that this very transaction registered.
-- SECURITY DEFINER: whoever deletes, pgGit's cascading foreign keys among them, need not be able to read those tables.
CREATE FUNCTION pggit_excellence._history_append_only()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF TG_OP = 'DELETE' AND pggit_excellence._is_archived(pg_catalog.to_jsonb(OLD)) THEN
        RETURN OLD;
    ELSIF TG_OP = 'UPDATE' AND pg_catalog.to_jsonb(NEW) - 'created_by' = pg_catalog.to_jsonb(OLD) - 'created_by'
          AND pggit_excellence._is_new_pseudonym(NEW.created_by)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'cannot % in %.%: it is append-only', pg_catalog.lower(TG_OP), TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'History is evidence. archive_history() moves what is old, pseudonymize_user() replaces a name; '
                  || 'pggit_excellence.undo_all(''harden'') takes the protection off.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._history_append_only() IS
    'Internal: trigger function on pggit.history, refuses UPDATE, DELETE and TRUNCATE but for rows that are archived and names that become pseudonyms. SECURITY DEFINER, because whoever causes it need not be able to read the archive.';

-- The archive and the pseudonyms are of the part 55_retention.
CREATE FUNCTION pggit_excellence._is_archived(change jsonb)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN EXISTS (
        SELECT FROM pggit_excellence.history_archive AS a
        WHERE a.history_id = (change ->> 'id')::bigint AND a.content = change - 'created_by'
          AND a.created_by IS NOT DISTINCT FROM change ->> 'created_by');
EXCEPTION WHEN undefined_table THEN
    RETURN false;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._is_archived(jsonb) IS
    'Internal: whether history_archive holds this very row of pggit.history.';

CREATE FUNCTION pggit_excellence._is_new_pseudonym(name text)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN EXISTS (
        SELECT FROM pggit_excellence.pseudonyms AS p
        WHERE p.pseudonym = name AND p.registered = pg_catalog.pg_current_xact_id_if_assigned());
EXCEPTION WHEN undefined_table THEN
    RETURN false;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._is_new_pseudonym(text) IS
    'Internal: whether pseudonymize_user() registered this pseudonym in this transaction.';

-- The triggers on pggit.history, with what makes each. Row triggers for UPDATE and DELETE: a cascade from an object without
-- history deletes nothing and must pass.
CREATE FUNCTION pggit_excellence._history_triggers()
RETURNS TABLE (trigger_name text, definition text, standard boolean, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT t.trigger_name, t.definition, t.standard, t.reason
    FROM (VALUES
        ('pggit_excellence_stamp', 'BEFORE INSERT ON pggit.history FOR EACH ROW EXECUTE FUNCTION pggit_excellence._stamp_created_by()',
         false, 'created_by is what the writer says, and the function''s owner once it is SECURITY DEFINER.'),
        ('pggit_excellence_append_only',
         'BEFORE DELETE OR UPDATE ON pggit.history FOR EACH ROW EXECUTE FUNCTION pggit_excellence._history_append_only()',
         true, 'History can be rewritten, and vanishes with its object or branch by ON DELETE CASCADE.'),
        ('pggit_excellence_no_truncate',
         'BEFORE TRUNCATE ON pggit.history FOR EACH STATEMENT EXECUTE FUNCTION pggit_excellence._history_append_only()',
         true, 'History can be emptied at a stroke.')
    ) AS t (trigger_name, definition, standard, reason)
    WHERE pggit_excellence._pggit_table('history') IS NOT NULL
      AND (t.trigger_name <> 'pggit_excellence_stamp' OR EXISTS (
          SELECT FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = pggit_excellence._pggit_table('history') AND a.attname = 'created_by' AND NOT a.attisdropped))
$body$;
COMMENT ON FUNCTION pggit_excellence._history_triggers() IS
    'Internal: the triggers that harden() makes on pggit.history. standard: not in the profile minimal.';

-- Event triggers that fire in every session, and the triggers on pggit.history, ENABLE ALWAYS both.
CREATE FUNCTION pggit_excellence._harden_triggers(profile text)
RETURNS TABLE (kind text, schema_name text, relation_name text, item text, statement text, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 6
SET search_path = pg_catalog, pg_temp
AS $body$
    (SELECT 'event trigger', n.nspname::text, e.evtname::text, 'ENABLE ALWAYS',
            pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.evtname),
            'It does not fire under session_replication_role = replica.'
     FROM pg_catalog.pg_event_trigger AS e
     JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
     JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.oid = ANY (pggit_excellence._scope(NULL)) AND e.evtenabled IN ('O', 'R')
     ORDER BY e.evtname)
    UNION ALL
    (SELECT 'trigger', 'pggit', 'history', t.trigger_name,
            pg_catalog.format('CREATE TRIGGER %I %s; ALTER TABLE pggit.history ENABLE ALWAYS TRIGGER %I',
                              t.trigger_name, t.definition, t.trigger_name),
            t.reason
     FROM pggit_excellence._history_triggers() AS t
     WHERE (profile <> 'minimal' OR NOT t.standard)
       AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_trigger AS g
           WHERE g.tgrelid = pggit_excellence._pggit_table('history') AND g.tgname = t.trigger_name)
     ORDER BY t.trigger_name)
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_triggers(text) IS
    'Internal: the part of harden() that makes pgGit''s event triggers fire always, stamps created_by and makes history append-only. Leaves event triggers alone that somebody disabled.';
