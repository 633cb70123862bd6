-- Delete whole runs from the archive, for good. Their row of archive_runs stays, so that the chain of digests can still be
-- verified.
--   older_than   a run goes when its newest change is older
--   dry_run      true: say which would go
-- A run with a row under a legal hold stays as a whole.
CREATE FUNCTION pggit_excellence.purge_archive(older_than interval DEFAULT '10 years', dry_run boolean DEFAULT true)
RETURNS TABLE (run_id bigint, status text, row_count bigint, last_change timestamptz, note text)
LANGUAGE plpgsql VOLATILE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
DECLARE
    cutoff timestamptz := pggit_excellence._cutoff(older_than);
    run    pggit_excellence.archive_runs;
    held   bigint;
BEGIN
    PERFORM pggit_excellence._require_dry_run(dry_run, 'true says what would be deleted, false deletes it.');
    IF NOT dry_run THEN
        PERFORM pggit_excellence._lock_retention();
    END IF;
    FOR run IN
        SELECT r.* FROM pggit_excellence.archive_runs AS r
        WHERE r.purged_at IS NULL AND r.restored_at IS NULL AND r.last_change < cutoff ORDER BY r.run_id
    LOOP
        run_id := run.run_id;
        row_count := run.row_count;
        last_change := run.last_change;
        SELECT pg_catalog.count(*) INTO held
        FROM pggit_excellence.history_archive AS a
        WHERE a.run_id = run.run_id
          AND EXISTS (SELECT FROM pggit_excellence.legal_holds AS k
                      WHERE pggit_excellence._hold_covers(k, a.object_name, a.created_by, a.changed_at));
        status := CASE WHEN held > 0 THEN 'held' WHEN dry_run THEN 'planned' ELSE 'purged' END;
        note := CASE WHEN held > 0 THEN pg_catalog.format('a legal hold covers %s of its rows', held) END;
        IF status = 'purged' THEN
            DELETE FROM pggit_excellence.history_archive AS a WHERE a.run_id = run.run_id;
            UPDATE pggit_excellence.archive_runs AS r
            SET purged_at = pg_catalog.clock_timestamp(), purged_by = session_user WHERE r.run_id = run.run_id;
            PERFORM pggit_excellence.record_audit_event('purge', pg_catalog.jsonb_build_object(
                'run_id', run.run_id, 'rows', run.row_count, 'last_change', run.last_change,
                'sha256', pg_catalog.encode(run.digest, 'hex')));
        END IF;
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.purge_archive(interval, boolean) IS
    'Deletes the runs of the archive whose newest change is older than older_than, for good; archive_runs keeps their digests. dry_run (the default) says which. status: planned, purged, held (a legal hold covers some of its rows; the whole run stays).';
