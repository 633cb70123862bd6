-- The statement that undoes a logged action, or NULL where its object is gone already.
-- The log is data that operators may write and superusers undo, so nothing in it is trusted: an index must carry our
-- prefix, a parameter must be one of ours, the table must be pgGit's, and the object must still be as we made it.
CREATE FUNCTION pggit_excellence._undo_statement(done pggit_excellence.action_log)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    current_value text;
    statement     text;
BEGIN
    IF done.schema_name <> 'pggit'
       OR done.kind = 'index' AND done.item NOT LIKE 'pggit\_excellence\_%'
       OR done.kind = 'storage parameter' AND (
           done.item NOT IN ('autovacuum_vacuum_scale_factor', 'autovacuum_analyze_scale_factor')
           OR done.old_value !~ '^[0-9.]+([eE][-+]?[0-9]+)?$'
       )
    THEN
        RAISE EXCEPTION 'action % was not made by this extension: % % on %.%', done.action_id, done.kind,
                pg_catalog.quote_ident(done.item), pg_catalog.quote_ident(done.schema_name), pg_catalog.quote_ident(done.relation_name)
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Somebody wrote this row into pggit_excellence.action_log by hand. Nothing was changed.';
    END IF;

    IF done.kind = 'index' THEN
        SELECT pg_catalog.pg_get_indexdef(i.indexrelid) INTO current_value
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE n.nspname = done.schema_name AND t.relname = done.relation_name AND c.relname = done.item;
        statement := pg_catalog.format('DROP INDEX %I.%I', done.schema_name, done.item);
    ELSE
        SELECT o.option_value INTO current_value
        FROM pg_catalog.pg_class AS t
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        CROSS JOIN LATERAL pg_catalog.pg_options_to_table(t.reloptions) AS o
        WHERE n.nspname = done.schema_name AND t.relname = done.relation_name AND o.option_name = done.item;
        statement := CASE
            WHEN done.old_value IS NULL
                THEN pg_catalog.format('ALTER TABLE %I.%I RESET (%I)', done.schema_name, done.relation_name, done.item)
            ELSE pg_catalog.format('ALTER TABLE %I.%I SET (%I = %L)', done.schema_name, done.relation_name, done.item, done.old_value)
        END;
    END IF;

    IF current_value <> done.new_value THEN
        RAISE EXCEPTION '% % was changed since action %', done.kind, pg_catalog.quote_ident(done.item), done.action_id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = pg_catalog.format('It was %s and is %s.', done.new_value, current_value),
                  HINT = 'Put it back by hand if you want: ' || statement;
    END IF;
    RETURN CASE WHEN current_value IS NOT NULL THEN statement END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_statement(pggit_excellence.action_log) IS
    'Internal: the statement that undoes a logged action, built from its checked parts; NULL: its object is gone already.';

-- Undo one action, once. Locks: the row of the log; DROP INDEX takes ACCESS EXCLUSIVE on its table for a moment, a
-- storage parameter SHARE UPDATE EXCLUSIVE; waits at most two seconds for them.
CREATE FUNCTION pggit_excellence.undo(action_id bigint)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $body$
DECLARE
    done      pggit_excellence.action_log;
    later     bigint;
    statement text;
    note      text;
BEGIN
    IF pg_catalog.current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'this transaction is read-only'
            USING ERRCODE = 'read_only_sql_transaction', HINT = 'On a standby run it on the primary.';
    END IF;
    SELECT l.* INTO done FROM pggit_excellence.action_log AS l WHERE l.action_id = undo.action_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no action %', COALESCE(undo.action_id::text, 'NULL')
            USING ERRCODE = 'no_data_found', HINT = 'The numbers are in pggit_excellence.action_log.';
    END IF;
    IF done.undone_at IS NOT NULL THEN
        RAISE EXCEPTION 'action % was undone already, at % by %', done.action_id, done.undone_at, done.undone_by
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    SELECT pg_catalog.max(l.action_id) INTO later
    FROM pggit_excellence.action_log AS l
    WHERE l.action_id > done.action_id AND l.undone_at IS NULL
      AND (l.kind, l.schema_name, l.relation_name, l.item) = (done.kind, done.schema_name, done.relation_name, done.item);
    IF later IS NOT NULL THEN
        RAISE EXCEPTION 'action % changed the same thing after action %', later, done.action_id
            USING ERRCODE = 'dependent_objects_still_exist',
                  HINT = pg_catalog.format('Undo it first: SELECT pggit_excellence.undo(%s);', later);
    END IF;

    statement := pggit_excellence._undo_statement(done);
    IF statement IS NOT NULL THEN
        PERFORM pggit_excellence._run_ddl(statement);
    END IF;
    note := COALESCE(statement, 'nothing to do: it was gone already');
    UPDATE pggit_excellence.action_log AS l
    SET undone_at = pg_catalog.clock_timestamp(), undone_by = session_user, undo_note = note
    WHERE l.action_id = done.action_id;
    RETURN note;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.undo(bigint) IS
    'Undoes one action of action_log, once, and returns the statement that it ran. Refuses what changed since, what a later action changed again, and rows that this extension did not write. Locks the table for a moment; waits at most 2 s.';

-- Undo every standing action, the newest first, all or nothing.
CREATE FUNCTION pggit_excellence.undo_all(action text DEFAULT NULL)
RETURNS TABLE (action_id bigint, result text)
LANGUAGE plpgsql VOLATILE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    FOR undo_all.action_id IN
        SELECT l.action_id FROM pggit_excellence.action_log AS l
        WHERE l.undone_at IS NULL AND (undo_all.action IS NULL OR l.action = undo_all.action)
        ORDER BY l.action_id DESC
    LOOP
        undo_all.result := pggit_excellence.undo(undo_all.action_id);
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.undo_all(text) IS
    'Undoes every action that still stands, newest first, all or nothing. action: only those of this function, e.g. tune_tracking; NULL: all. Returns the statements that it ran.';
