-- Is the archive what archive_history() put there? One row per run that is not, none where all is well.
-- Sees what was changed, removed or added in any row, and runs that were changed, removed or put between others. A removed last
-- run has its event in the audit log.
CREATE FUNCTION pggit_excellence.verify_archive()
RETURNS TABLE (run_id bigint, archive_id bigint, problem text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    SELECT a.run_id, a.archive_id, p.problem
    FROM pggit_excellence.history_archive AS a
    CROSS JOIN LATERAL (SELECT pggit_excellence._archive_problem(a) AS problem) AS p
    WHERE p.problem IS NOT NULL
    UNION ALL
    SELECT r.run_id, NULL::bigint, p.problem
    FROM pggit_excellence.archive_runs AS r
    CROSS JOIN LATERAL (SELECT pggit_excellence._archive_run_problem(r) AS problem) AS p
    WHERE p.problem IS NOT NULL
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

-- What is wrong with a row of the archive by itself; NULL: nothing.
CREATE FUNCTION pggit_excellence._archive_problem(archived pggit_excellence.history_archive)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE
        WHEN pggit_excellence._archive_hash(archived.content, archived.object_name, archived.object_type, archived.changed_at,
                                            archived.created_by_hash) IS DISTINCT FROM archived.row_hash
        THEN 'content was changed: its hash is another one'
        WHEN archived.history_id IS DISTINCT FROM (archived.content ->> 'id')::bigint
          OR archived.change_type IS DISTINCT FROM archived.content ->> 'change_type'
          OR (archived.created_by_hash IS NULL) <> (archived.created_by IS NULL)
          OR archived.created_by_salt IS NULL AND archived.created_by IS NOT NULL
             AND NOT EXISTS (SELECT FROM pggit_excellence.pseudonyms AS p WHERE p.pseudonym = archived.created_by)
          OR pg_catalog.sha256(archived.created_by_salt || pggit_excellence._hashed_text(archived.created_by)) <> archived.created_by_hash
        THEN 'columns were changed: they are not what its content says'
    END
$body$;
COMMENT ON FUNCTION pggit_excellence._archive_problem(pggit_excellence.history_archive) IS
    'Internal: what is wrong with a row of the archive; NULL: nothing.';

-- What is wrong with the rows of a run together; NULL: nothing, or they are not there any more.
CREATE FUNCTION pggit_excellence._archive_run_problem(run pggit_excellence.archive_runs)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN d.row_count <> run.row_count THEN pg_catalog.format('it has %s rows instead of %s', d.row_count, run.row_count)
                ELSE 'its rows are not those that were moved: the digest is another one' END
    FROM pggit_excellence._archive_digest(run.run_id) AS d
    WHERE run.purged_at IS NULL AND run.restored_at IS NULL
      AND (d.row_count, d.first_change, d.last_change, d.digest) IS DISTINCT FROM (run.row_count, run.first_change, run.last_change, run.digest)
$body$;
COMMENT ON FUNCTION pggit_excellence._archive_run_problem(pggit_excellence.archive_runs) IS
    'Internal: whether the rows of a run are not those that were moved; NULL: they are, or were purged or restored.';
