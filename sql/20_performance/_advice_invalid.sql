-- Indexes that a failed CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY left behind: writes maintain them, no query
-- uses them. While somebody still builds, the table or the index is locked in SHARE UPDATE EXCLUSIVE mode and the
-- finding stays silent. pg_locks shows that to every role, pg_stat_progress_create_index does not; the same lock held
-- by VACUUM or ANALYZE does not count.
CREATE FUNCTION pggit_excellence._advice_invalid(scope oid[])
RETURNS SETOF pggit_excellence._finding
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT
        pg_catalog.format('invalid:%I.%I', n.nspname, c.relname),
        'invalid',
        'warning',
        'proved',
        pg_catalog.format('%I.%I', n.nspname, t.relname),
        pg_catalog.format('%I.%I', n.nspname, c.relname),
        pg_catalog.format('pg_index says valid: %s, ready: %s, live: %s', i.indisvalid, i.indisready, i.indislive),
        CASE
            WHEN c.relkind = 'I' THEN 'Not every partition has its part: create the missing ones and ALTER INDEX ... ATTACH PARTITION.'
            WHEN what.is_leftover THEN 'Drop it: it is the remainder of a REINDEX or DROP INDEX CONCURRENTLY that did not finish.'
            ELSE 'Rebuild it, or drop it if nobody misses it. A unique one fails again while the table holds duplicates.'
        END || CASE WHEN pg_catalog.pg_is_in_recovery() THEN ' A standby cannot tell whether the primary is building it right now.' ELSE '' END,
        CASE
            WHEN c.relkind = 'I' THEN NULL
            WHEN what.is_leftover THEN pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname)
            ELSE pg_catalog.format('REINDEX INDEX CONCURRENTLY %I.%I', n.nspname, c.relname)
        END,
        NULL
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT NOT i.indislive OR c.relname ~ '_cc(new|old)[0-9]*$') AS what (is_leftover)
    WHERE NOT (i.indisvalid AND i.indisready AND i.indislive) AND c.relnamespace = ANY (scope)
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_locks AS l
          WHERE l.locktype = 'relation' AND l.relation IN (i.indexrelid, i.indrelid)
            AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
            AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
            AND l.pid NOT IN (SELECT v.pid FROM pg_catalog.pg_stat_progress_vacuum AS v
                              UNION ALL SELECT a.pid FROM pg_catalog.pg_stat_progress_analyze AS a)
      )
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_invalid(oid[]) IS
    'Internal: the part of index_advice() about indexes that no query can use because their build failed. Source: pg_index, pg_locks.';
