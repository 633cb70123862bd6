-- Is the archive what archive_history() put there? One row per run that is not, none where all is well.
-- Sees what was changed, removed or added in any row, and runs that were changed, removed or put between others. A removed last
-- run has its event in the audit log.
CREATE FUNCTION pggit_excellence.verify_archive()
RETURNS TABLE (run_id bigint, archive_id bigint, problem text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    SELECT a.run_id, a.archive_id,
           CASE WHEN pggit_excellence._archive_hash(a.content, a.object_name, a.object_type, a.changed_at, a.created_by_hash) IS DISTINCT FROM a.row_hash
                THEN 'content was changed: its hash is another one'
                ELSE 'columns were changed: they are not what its content says' END
    FROM pggit_excellence.history_archive AS a
    WHERE pggit_excellence._archive_hash(a.content, a.object_name, a.object_type, a.changed_at, a.created_by_hash) IS DISTINCT FROM a.row_hash
       OR a.history_id IS DISTINCT FROM (a.content ->> 'id')::bigint
       OR a.change_type IS DISTINCT FROM a.content ->> 'change_type'
       OR (a.created_by_hash IS NULL) <> (a.created_by IS NULL)
       OR a.created_by_salt IS NULL AND a.created_by IS NOT NULL
          AND NOT EXISTS (SELECT FROM pggit_excellence.pseudonyms AS p WHERE p.pseudonym = a.created_by)
       OR pg_catalog.sha256(a.created_by_salt || pg_catalog.convert_to(a.created_by, 'UTF8')) <> a.created_by_hash
    UNION ALL
    SELECT r.run_id, NULL::bigint,
           CASE WHEN d.row_count <> r.row_count
                THEN pg_catalog.format('it has %s rows instead of %s', d.row_count, r.row_count)
                ELSE 'its rows are not those that were moved: the digest is another one' END
    FROM pggit_excellence.archive_runs AS r
    CROSS JOIN LATERAL pggit_excellence._archive_digest(r.run_id) AS d
    WHERE r.purged_at IS NULL AND (d.row_count, d.first_change, d.last_change, d.digest)
                                  IS DISTINCT FROM (r.row_count, r.first_change, r.last_change, r.digest)
    UNION ALL
    SELECT c.run_id, NULL::bigint, 'the run before it was removed or changed, or it was put there later'
    FROM (
        SELECT r.run_id, r.previous_digest, pg_catalog.lag(r.digest) OVER (ORDER BY r.run_id) AS digest_before
        FROM pggit_excellence.archive_runs AS r
    ) AS c
    WHERE c.previous_digest IS DISTINCT FROM c.digest_before
    ORDER BY 1, 2 NULLS FIRST, 3
$body$;
COMMENT ON FUNCTION pggit_excellence.verify_archive() IS
    'Finds what was changed, removed or added in the archive since archive_history() wrote it: one row per fault, none where all is well. archive_id: the row; NULL: the run. Removing the newest run shows in the audit log only. Reads the whole archive.';
