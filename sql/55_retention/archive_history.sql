-- Move the oldest changes from pggit.history into the archive: one batch per call, in one transaction. A killed call has moved
-- nothing; the next one goes on where the last one ended.
--   older_than   how long changes stay in pggit.history
--   batch        at most so many rows in one call
--   dry_run      true: say what would be moved. Counts all of it, which takes a while on a long history
-- What stays: changes under a legal hold, changes without a time (their age is not known), and rows that another table refers
-- to by a foreign key, whatever that would do at a DELETE.
-- Locks the rows that it moves. DDL goes on; a new legal hold waits.
CREATE FUNCTION pggit_excellence.archive_history(
    older_than interval DEFAULT '7 years', batch integer DEFAULT 10000, dry_run boolean DEFAULT true
)
RETURNS TABLE (status text, rows_moved bigint, first_change timestamptz, last_change timestamptz, run_id bigint, note text)
LANGUAGE plpgsql VOLATILE ROWS 1
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $body$
DECLARE
    cutoff timestamptz := pggit_excellence._cutoff(older_than);
BEGIN
    PERFORM pggit_excellence._require_history();
    IF batch IS NULL OR batch < 1 THEN
        RAISE EXCEPTION 'batch must be 1 or more, not %', COALESCE(batch::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the number of rows that one call moves at most.';
    END IF;
    PERFORM pggit_excellence._require_dry_run(dry_run, 'true counts what would be moved, false moves it.');
    IF dry_run THEN
        RETURN QUERY SELECT p.* FROM pggit_excellence._archive_plan(cutoff, batch) AS p;
        RETURN;
    END IF;
    PERFORM pggit_excellence._lock_retention();

    SELECT r.run_id, r.row_count, r.first_change, r.last_change
    INTO run_id, rows_moved, first_change, last_change
    FROM pggit_excellence._archive_batch(cutoff, batch) AS r;
    status := CASE WHEN run_id IS NULL THEN 'nothing to do' ELSE 'moved' END;
    rows_moved := COALESCE(rows_moved, 0);
    note := pg_catalog.concat_ws('; ',
        CASE WHEN rows_moved = batch THEN 'more may be waiting: call it again, or CALL pggit_excellence.archive_all_history()' END,
        pggit_excellence._drop_empty_partitions());
    note := NULLIF(note, '');
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.archive_history(interval, integer, boolean) IS
$comment$Moves changes that are older than older_than from pggit.history to history_archive, oldest first, at most batch rows per call, all or nothing; call it again for more. dry_run (the default) counts what would be moved and what stays. Stays: what a legal hold covers, what has no time, what another table refers to by a foreign key. With partitions, drops those that became empty. The append-only protection of harden() lets a row go whose exact copy is in the archive.
status: planned, moved, nothing to do. run_id: row of archive_runs; NULL: nothing was moved. Locks the moved rows only; a new legal hold waits.$comment$;

-- The time before which changes are old.
CREATE FUNCTION pggit_excellence._cutoff(older_than interval)
RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF older_than IS NULL OR older_than < '0' THEN
        RAISE EXCEPTION 'older_than must be an interval of 0 or more, not %', COALESCE(older_than::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: older_than => ''7 years''.';
    END IF;
    RETURN pg_catalog.now() - LEAST(older_than, '4000 years');
END
$body$;
COMMENT ON FUNCTION pggit_excellence._cutoff(interval) IS
    'Internal: what is older was made before this time. Raises for NULL and for what is negative.';

-- A condition, as SQL over pggit.history AS h, that is true for rows to which another table refers. One EXISTS for each
-- foreign key; deleting the row would break it, or take the other table's rows with it.
CREATE FUNCTION pggit_excellence._history_referenced()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT COALESCE(pg_catalog.string_agg(
               pg_catalog.format('EXISTS (SELECT FROM %s AS r WHERE %s)', k.conrelid::pg_catalog.regclass, (
                   SELECT pg_catalog.string_agg(
                              pg_catalog.format('r.%I OPERATOR(pg_catalog.=) h.%I', a.attname, b.attname), ' AND ' ORDER BY u.position)
                   FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) WITH ORDINALITY AS u (own, other, position)
                   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.own
                   JOIN pg_catalog.pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = u.other)),
               ' OR ' ORDER BY k.conrelid::pg_catalog.regclass::text, k.conname), 'false')
    FROM pg_catalog.pg_constraint AS k
    WHERE k.confrelid = pggit_excellence._pggit_table('history') AND k.contype = 'f' AND k.conparentid = 0
$body$;
COMMENT ON FUNCTION pggit_excellence._history_referenced() IS
    'Internal: an SQL condition over pggit.history AS h, true where a foreign key of another table refers to the row. false: there is none. Source: pg_constraint.';

-- What archive_history() would move, and what stays.
CREATE FUNCTION pggit_excellence._archive_plan(cutoff timestamptz, batch integer)
RETURNS TABLE (status text, rows_moved bigint, first_change timestamptz, last_change timestamptz, run_id bigint, note text)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET jit = off
AS $body$
DECLARE
    held       bigint;
    referenced bigint;
    timeless   bigint;
BEGIN
    EXECUTE pg_catalog.format($sql$
        SELECT pg_catalog.count(*) FILTER (WHERE c.old AND NOT c.held AND NOT c.referenced),
               pg_catalog.min(c.changed_at) FILTER (WHERE c.old AND NOT c.held AND NOT c.referenced),
               pg_catalog.max(c.changed_at) FILTER (WHERE c.old AND NOT c.held AND NOT c.referenced),
               pg_catalog.count(*) FILTER (WHERE c.old AND c.held),
               pg_catalog.count(*) FILTER (WHERE c.old AND NOT c.held AND c.referenced),
               pg_catalog.count(*) FILTER (WHERE c.old IS NULL)
        FROM (
            SELECT h.created_at::timestamptz AS changed_at, h.created_at < $1 AS old,
                   EXISTS (SELECT FROM pggit_excellence.legal_holds AS k
                           WHERE pggit_excellence._hold_covers(k, o.full_name, h.created_by, h.created_at::timestamptz)) AS held,
                   %s AS referenced
            FROM pggit.history AS h
            LEFT JOIN pggit.objects AS o ON o.id = h.object_id
            WHERE h.created_at < $1 OR h.created_at IS NULL
        ) AS c
        $sql$, pggit_excellence._history_referenced())
    INTO rows_moved, first_change, last_change, held, referenced, timeless USING cutoff::timestamp;
    status := CASE WHEN rows_moved > 0 THEN 'planned' ELSE 'nothing to do' END;
    note := NULLIF(pg_catalog.concat_ws('; ',
        CASE WHEN rows_moved > batch THEN pg_catalog.format('%s calls of at most %s rows', (rows_moved + batch - 1) / batch, batch) END,
        CASE WHEN held > 0 THEN pg_catalog.format('a legal hold keeps %s rows', held) END,
        CASE WHEN referenced > 0 THEN pg_catalog.format('foreign keys of other tables keep %s rows', referenced) END,
        CASE WHEN timeless > 0 THEN pg_catalog.format('%s rows have no time and stay', timeless) END), '');
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._archive_plan(timestamptz, integer) IS
    'Internal: the row of archive_history(dry_run => true): counts what is old, and what of it stays. Reads all of it.';

-- Move one batch, oldest first. All NULL: nothing is old enough. The rows are locked, copied, and deleted where the copy equals
-- them; what keeps one back (a trigger, say) makes the whole call fail and move nothing. A batch is small and history is not:
-- hash and merge joins would read all of it.
CREATE FUNCTION pggit_excellence._archive_batch(cutoff timestamptz, batch integer)
RETURNS pggit_excellence.archive_runs
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET jit = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $body$
DECLARE
    previous bytea := (SELECT r.digest FROM pggit_excellence.archive_runs AS r ORDER BY r.run_id DESC LIMIT 1);
    run      pggit_excellence.archive_runs;
    deleted  bigint;
BEGIN
    INSERT INTO pggit_excellence.archive_runs AS r (changed_before, first_change, last_change, row_count, digest, previous_digest)
    VALUES (cutoff, cutoff, cutoff, 0, '', previous) RETURNING r.* INTO run;
    EXECUTE pg_catalog.format($sql$
        INSERT INTO pggit_excellence.history_archive
            (run_id, history_id, object_name, object_type, change_type, changed_at, created_by, created_by_salt, created_by_hash,
             content, row_hash)
        SELECT $1, (p.history).id, p.full_name, p.object_type, (p.history).change_type::text,
               (p.history).created_at::timestamptz, (p.history).created_by, p.salt, d.name_hash, c.content,
               pggit_excellence._archive_hash(c.content, p.full_name, p.object_type, (p.history).created_at::timestamptz, d.name_hash)
        FROM (
            SELECT h AS history, o.full_name, o.object_type::text AS object_type,
                   CASE WHEN h.created_by IS NOT NULL THEN pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) END AS salt
            FROM pggit.history AS h
            LEFT JOIN pggit.objects AS o ON o.id = h.object_id
            WHERE h.created_at < $2 AND NOT (%s)
              AND NOT EXISTS (SELECT FROM pggit_excellence.legal_holds AS k
                              WHERE pggit_excellence._hold_covers(k, o.full_name, h.created_by, h.created_at::timestamptz))
            ORDER BY h.created_at, h.id LIMIT $3 FOR UPDATE OF h
        ) AS p
        CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(p.history) - 'created_by' AS content) AS c
        CROSS JOIN LATERAL (
            SELECT pg_catalog.sha256(p.salt || pggit_excellence._hashed_text((p.history).created_by)) AS name_hash) AS d
        $sql$, pggit_excellence._history_referenced())
    USING run.run_id, cutoff::timestamp, batch;
    GET DIAGNOSTICS run.row_count = ROW_COUNT;
    IF run.row_count = 0 THEN
        DELETE FROM pggit_excellence.archive_runs AS r WHERE r.run_id = run.run_id;
        RETURN NULL;
    END IF;

    DELETE FROM pggit.history AS h
    USING pggit_excellence.history_archive AS a
    WHERE a.run_id = run.run_id AND a.history_id = h.id AND a.content = pg_catalog.to_jsonb(h) - 'created_by'
      AND a.created_by IS NOT DISTINCT FROM h.created_by;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF deleted <> run.row_count THEN
        RAISE EXCEPTION 'only % of % rows could be taken out of pggit.history', deleted, run.row_count
            USING ERRCODE = 'triggered_action_exception',
                  HINT = 'A trigger or rule on pggit.history keeps them. Nothing was moved.';
    END IF;

    UPDATE pggit_excellence.archive_runs AS r
    SET row_count = run.row_count, first_change = a.first_change, last_change = a.last_change, digest = a.digest
    FROM pggit_excellence._archive_digest(run.run_id) AS a
    WHERE r.run_id = run.run_id RETURNING r.* INTO run;
    PERFORM pggit_excellence.record_audit_event('archive', pg_catalog.jsonb_build_object(
        'run_id', run.run_id, 'rows', run.row_count, 'changed_before', run.changed_before,
        'first_change', run.first_change, 'last_change', run.last_change, 'sha256', pg_catalog.encode(run.digest, 'hex')));
    RETURN run;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._archive_batch(timestamptz, integer) IS
    'Internal: moves at most batch changes that were made before cutoff, oldest first, and returns their run; NULL: nothing to move.';

-- What row_hash is: everything in the row but who made the change, of which it covers the salted hash.
CREATE FUNCTION pggit_excellence._archive_hash(
    content jsonb, object_name text, object_type text, changed_at timestamptz, name_hash bytea
)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.sha256(pggit_excellence._hashed_text(
        pg_catalog.jsonb_build_array(content, object_name, object_type, EXTRACT(epoch FROM changed_at))::text
    ) || COALESCE(name_hash, ''))
$body$;
COMMENT ON FUNCTION pggit_excellence._archive_hash(jsonb, text, text, timestamptz, bytea) IS
    'Internal: the row_hash of a row of history_archive, from its columns and created_by_hash.';

-- What the rows of a run amount to now.
CREATE FUNCTION pggit_excellence._archive_digest(run_id bigint)
RETURNS TABLE (row_count bigint, first_change timestamptz, last_change timestamptz, digest bytea)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.count(*), pg_catalog.min(a.changed_at), pg_catalog.max(a.changed_at),
           pg_catalog.sha256(COALESCE(r.previous_digest, '') || COALESCE(pg_catalog.string_agg(a.row_hash, '' ORDER BY a.archive_id), ''))
    FROM pggit_excellence.archive_runs AS r
    LEFT JOIN pggit_excellence.history_archive AS a ON a.run_id = r.run_id
    WHERE r.run_id = _archive_digest.run_id
    GROUP BY r.run_id, r.previous_digest
$body$;
COMMENT ON FUNCTION pggit_excellence._archive_digest(bigint) IS
    'Internal: number, times and digest of the rows of a run as they are now.';
