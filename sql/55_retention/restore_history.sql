-- The way back: put archived changes into pggit.history again, exactly as they were, and take them out of the archive.
--   run      a run of archive_runs; NULL: all that were neither purged nor restored
--   dry_run  true: say which, and what keeps them where they are
-- A run goes back as a whole, after its rows were compared with its digest. All or nothing: a change whose object pgGit has
-- forgotten, a column that is gone, or a trigger that alters a row makes the call fail. The next archive_history() takes old rows
-- away again.
-- Locks: a new legal hold waits; DDL goes on. With partitions, and where the one for these ids was dropped, makes it anew,
-- which locks pggit.history for a moment and waits at most half a second for it.
CREATE FUNCTION pggit_excellence.restore_history(run bigint DEFAULT NULL, dry_run boolean DEFAULT true)
RETURNS TABLE (run_id bigint, status text, row_count bigint, first_change timestamptz, last_change timestamptz, note text)
LANGUAGE plpgsql VOLATILE ROWS 100
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET jit = off
AS $body$
DECLARE
    archived pggit_excellence.archive_runs;
BEGIN
    PERFORM pggit_excellence._require_dry_run(dry_run, 'true says what would go back, false puts it back.');
    IF run IS NOT NULL AND NOT EXISTS (SELECT FROM pggit_excellence.archive_runs AS r WHERE r.run_id = restore_history.run) THEN
        RAISE EXCEPTION 'there is no run %', run
            USING ERRCODE = 'no_data_found', HINT = 'The table pggit_excellence.archive_runs lists them.';
    END IF;
    PERFORM pggit_excellence._require_history();
    IF NOT dry_run THEN
        PERFORM pggit_excellence._lock_retention();
    END IF;
    FOR archived IN
        SELECT r.* FROM pggit_excellence.archive_runs AS r
        WHERE r.run_id = restore_history.run OR restore_history.run IS NULL AND r.purged_at IS NULL AND r.restored_at IS NULL
        ORDER BY r.run_id
    LOOP
        run_id := archived.run_id;
        row_count := archived.row_count;
        first_change := archived.first_change;
        last_change := archived.last_change;
        SELECT s.status, s.note INTO status, note FROM pggit_excellence._restore_obstacle(archived) AS s;
        IF status IS NULL AND dry_run THEN
            status := 'planned';
        ELSIF status IS NULL THEN
            PERFORM pggit_excellence._restore_partition(run_id);
            PERFORM pggit_excellence._restore_rows(archived);
            status := 'restored';
        END IF;
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.restore_history(bigint, boolean) IS
$comment$Puts the changes of a run of archive_history() back into pggit.history, exactly as they were, ids included, and takes them out of history_archive; run NULL: all runs. dry_run (the default) says which. Whole runs, all or nothing; run again it does nothing.
status: planned, restored, nothing to do (purged, or restored already), held (a legal hold keeps it where it is), damaged (not what was archived: see verify_archive()), kept (its ids are in use). note: why; NULL: nothing to say. Fails where a change's object is gone from pggit.objects. Locks: a new legal hold waits; DDL goes on.$comment$;

-- What keeps a run where it is; both NULL: nothing.
CREATE FUNCTION pggit_excellence._restore_obstacle(archived pggit_excellence.archive_runs, OUT status text, OUT note text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $body$
DECLARE
    held  bigint;
    taken bigint;
    wrong text;
BEGIN
    IF archived.purged_at IS NOT NULL OR archived.restored_at IS NOT NULL THEN
        status := 'nothing to do';
        note := CASE WHEN archived.purged_at IS NOT NULL THEN 'it was purged: its rows are gone' ELSE 'it was restored already' END;
        RETURN;
    END IF;
    SELECT pg_catalog.count(*) FILTER (WHERE EXISTS (
               SELECT FROM pggit_excellence.legal_holds AS k
               WHERE pggit_excellence._hold_covers(k, a.object_name, a.created_by, a.changed_at))),
           pg_catalog.count(h.id), pg_catalog.min(pggit_excellence._archive_problem(a))
    INTO held, taken, wrong
    FROM pggit_excellence.history_archive AS a LEFT JOIN pggit.history AS h ON h.id = a.history_id
    WHERE a.run_id = archived.run_id;
    -- Whoever computed the digest anew as well meets the run after it.
    wrong := COALESCE(wrong, pggit_excellence._archive_run_problem(archived), (
        SELECT 'the run after it continues another digest'
        FROM (SELECT r.previous_digest FROM pggit_excellence.archive_runs AS r WHERE r.run_id > archived.run_id ORDER BY r.run_id LIMIT 1) AS n
        WHERE n.previous_digest IS DISTINCT FROM archived.digest));
    IF wrong IS NOT NULL THEN
        status := 'damaged';
        note := wrong;
    ELSIF held > 0 THEN
        status := 'held';
        note := pg_catalog.format('a legal hold covers %s of its rows', held);
    ELSIF taken > 0 THEN
        status := 'kept';
        note := pg_catalog.format('%s of its ids are in use in pggit.history: was pgGit installed anew?', taken);
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._restore_obstacle(pggit_excellence.archive_runs) IS
    'Internal: status and note of restore_history() for a run that cannot go back; NULL: it can.';

-- Put the rows of a run back and take them out of the archive. Columns that pgGit got since then have their default.
CREATE FUNCTION pggit_excellence._restore_rows(archived pggit_excellence.archive_runs)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET jit = off
AS $body$
DECLARE
    known   text[] := ARRAY(
        SELECT pg_catalog.jsonb_object_keys(a.content) FROM pggit_excellence.history_archive AS a
        WHERE a.archive_id = (SELECT pg_catalog.min(f.archive_id) FROM pggit_excellence.history_archive AS f WHERE f.run_id = archived.run_id)
    ) || 'created_by'::text;
    columns text;
    newer   text[];
    same    bigint;
BEGIN
    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(c.attname), ', ' ORDER BY c.attnum)
               FILTER (WHERE c.attname = ANY (known) AND c.attgenerated = ''),
           COALESCE(pg_catalog.array_agg(c.attname::text) FILTER (WHERE c.attname <> ALL (known)), '{}')
    INTO columns, newer
    FROM pg_catalog.pg_attribute AS c
    WHERE c.attrelid = pggit_excellence._pggit_table('history') AND c.attnum > 0 AND NOT c.attisdropped;
    -- Not as a SET of the function: only superusers may make one with a setting of ours.
    PERFORM pg_catalog.set_config('pggit_excellence.restoring', 'on', true);
    BEGIN
        EXECUTE pg_catalog.format($sql$
            INSERT INTO pggit.history (%1$s) OVERRIDING SYSTEM VALUE
            SELECT %1$s
            FROM (
                SELECT p.*
                FROM pggit_excellence.history_archive AS a
                CROSS JOIN LATERAL pg_catalog.jsonb_populate_record(
                    NULL::pggit.history, a.content || pg_catalog.jsonb_build_object('created_by', a.created_by)) AS p
                WHERE a.run_id = $1
                ORDER BY a.history_id
            ) AS r
            $sql$, columns)
        USING archived.run_id;
    EXCEPTION WHEN foreign_key_violation THEN
        RAISE EXCEPTION 'run % cannot go back: %', archived.run_id, SQLERRM
            USING ERRCODE = 'foreign_key_violation', HINT = 'Nothing was restored. pgGit has forgotten what a change belongs to; the archive keeps it.';
    END;
    PERFORM pg_catalog.set_config('pggit_excellence.restoring', 'off', true);

    SELECT pg_catalog.count(*) INTO same
    FROM pggit_excellence.history_archive AS a
    JOIN pggit.history AS h ON h.id = a.history_id
    WHERE a.run_id = archived.run_id AND pg_catalog.to_jsonb(h) - newer - 'created_by' = a.content
      AND h.created_by IS NOT DISTINCT FROM a.created_by;
    IF same <> archived.row_count THEN
        RAISE EXCEPTION 'only % of the % rows of run % would be what they were', same, archived.row_count, archived.run_id
            USING ERRCODE = 'triggered_action_exception',
                  HINT = 'Nothing was restored. A column of pggit.history is gone or of another type, or a trigger or rule alters what is inserted.';
    END IF;
    DELETE FROM pggit_excellence.history_archive AS a WHERE a.run_id = archived.run_id;
    UPDATE pggit_excellence.archive_runs AS r
    SET restored_at = pg_catalog.clock_timestamp(), restored_by = session_user WHERE r.run_id = archived.run_id;
    PERFORM pggit_excellence.record_audit_event('restore', pg_catalog.jsonb_build_object(
        'run_id', archived.run_id, 'rows', archived.row_count, 'first_change', archived.first_change,
        'last_change', archived.last_change, 'sha256', pg_catalog.encode(archived.digest, 'hex')));
END
$body$;
COMMENT ON FUNCTION pggit_excellence._restore_rows(pggit_excellence.archive_runs) IS
    'Internal: moves the rows of a run from history_archive to pggit.history; raises where they would not be what they were.';

-- A partition for ids whose partition was dropped when it became empty. In the default one they would be in the way of later ones.
CREATE FUNCTION pggit_excellence._restore_partition(run_id bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $body$
DECLARE
    lowest    bigint;
    statement text;
BEGIN
    SELECT pg_catalog.min(p.from_id) INTO lowest FROM pggit_excellence._history_partitions() AS p
    HAVING pg_catalog.bool_and(p.is_default OR p.from_id IS NOT NULL);
    IF NOT EXISTS (
        SELECT FROM pggit_excellence.history_archive AS a WHERE a.run_id = _restore_partition.run_id AND a.history_id < lowest)
    THEN
        RETURN;
    END IF;
    FOR statement IN
        SELECT s FROM pggit_excellence._partition_statements(
            pggit_excellence._pggit_table('history'), pggit_excellence._new_partition_name(),
            pg_catalog.format('FOR VALUES FROM (MINVALUE) TO (%s)', lowest)) AS s
    LOOP
        -- pggit: ignore[PGX101] what the server prints about a trigger is one statement that makes it
        PERFORM pggit_excellence._run_ddl(statement);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._restore_partition(bigint) IS
    'Internal: makes the partition of pggit.history for the ids of a run of the archive, where it was dropped; nothing to do without partitions.';
