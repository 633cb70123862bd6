-- A kind of action is undone by the function _undo_<kind> (blanks as underscores), those that put one thing into another state
-- by _restore_state(): it gets the row of the log and returns the statements that undo it, in order, none where its object is
-- gone already. undo() runs them.
-- The log is data that operators may write and superusers undo, so such a function trusts nothing in it: it checks that
-- the thing is one that our functions change, that it still is as we made it, and builds the statements from those parts.
-- A new kind needs its function and its name in the CHECK action_log_kind, nothing else.
CREATE FUNCTION pggit_excellence._undo_statements(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    undoer     text := CASE WHEN done.kind IN ('function security', 'event trigger', 'trigger', 'policy', 'row security') THEN '_restore_state'
                            ELSE '_undo_' || pg_catalog.replace(done.kind, ' ', '_') END;
    statements text[];
BEGIN
    IF pg_catalog.to_regprocedure(pg_catalog.format('pggit_excellence.%I(pggit_excellence.action_log)', undoer)) IS NULL THEN
        RAISE EXCEPTION 'nothing here can undo action %, of kind %', done.action_id, done.kind
            USING ERRCODE = 'undefined_function',
                  HINT = 'The part of the extension that did it is not installed here. Nothing was changed.';
    END IF;
    EXECUTE pg_catalog.format('SELECT pggit_excellence.%I($1)', undoer) INTO statements USING done;
    RETURN statements;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_statements(pggit_excellence.action_log) IS
    'Internal: the statements that undo a logged action, built from its checked parts by the function for its kind; empty: its object is gone already.';

-- For the functions of the kinds: a row that none of our functions can have written.
CREATE FUNCTION pggit_excellence._refuse_forged(done pggit_excellence.action_log)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RAISE EXCEPTION 'action % was not made by this extension: % % on %.%', done.action_id, done.kind,
            pg_catalog.quote_ident(done.item), pg_catalog.quote_ident(done.schema_name), pg_catalog.quote_ident(done.relation_name)
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Somebody wrote this row into pggit_excellence.action_log by hand. Nothing was changed.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._refuse_forged(pggit_excellence.action_log) IS
    'Internal: raises for a row of action_log that none of our functions can have written.';

-- For the functions of the kinds: what stands now must be what we made; NULL, gone, is fine.
CREATE FUNCTION pggit_excellence._refuse_changed(done pggit_excellence.action_log, current_value text, statement text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF current_value <> done.new_value THEN
        RAISE EXCEPTION '% % was changed since action %', done.kind, pg_catalog.quote_ident(done.item), done.action_id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = pg_catalog.format('It was %s and is %s.', done.new_value, current_value),
                  HINT = 'Put it back by hand if you want: ' || statement;
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._refuse_changed(pggit_excellence.action_log, text, text) IS
    'Internal: raises where a thing is no longer as the logged action made it, and names the statement that would put it back.';

-- Undo one action, once. Locks: the row of the log, and what the statements take on their objects for a moment (DROP INDEX
-- ACCESS EXCLUSIVE on its table, a storage parameter SHARE UPDATE EXCLUSIVE); waits at most two seconds for them.
CREATE FUNCTION pggit_excellence.undo(action_id bigint)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $body$
DECLARE
    done       pggit_excellence.action_log;
    later      bigint;
    statements text[];
    statement  text;
    note       text;
BEGIN
    PERFORM pggit_excellence._require_writable('undo');
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

    statements := pggit_excellence._undo_statements(done);
    FOREACH statement IN ARRAY statements LOOP
        -- pggit: ignore[PGX101] the dynamic query is a call of one of our functions, which build what they return
        PERFORM pggit_excellence._run_ddl(statement);
    END LOOP;
    note := COALESCE(NULLIF(pg_catalog.array_to_string(statements, '; '), ''), 'nothing to do: it was gone already');
    UPDATE pggit_excellence.action_log AS l
    SET undone_at = pg_catalog.clock_timestamp(), undone_by = session_user, undo_note = note
    WHERE l.action_id = done.action_id;
    PERFORM pggit_excellence._audit('undo', pg_catalog.jsonb_build_object(
        'action_id', done.action_id, 'action', done.action, 'statements', note));
    RETURN note;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.undo(bigint) IS
    'Undoes one action of action_log, once, and returns the statements that it ran. Refuses what changed since, what a later action changed again, and rows that this extension did not write. Locks the table for a moment; waits at most 2 s.';

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
