-- Blocks that each table, its indexes and its TOAST read, now: `hit` were in shared buffers, `read` were not (they may have
-- been in the system's cache). TOAST includes its index.
CREATE FUNCTION pggit_excellence._table_io(scope oid[])
RETURNS TABLE (
    schema_name text,
    table_name  text,
    heap_read   bigint,
    heap_hit    bigint,
    idx_read    bigint,
    idx_hit     bigint,
    toast_read  bigint,
    toast_hit   bigint
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
-- The planner cannot know how many tables the schemas have; reading each catalog once is right for all and for few.
SET enable_mergejoin = off
SET enable_nestloop = off
AS $body$
    WITH tables AS MATERIALIZED (
        -- A TOAST table has one valid index; others are what a REINDEX CONCURRENTLY builds or left behind.
        SELECT c.oid, n.nspname, c.relname, NULLIF(c.reltoastrelid, 0) AS toast, i.indexrelid AS toast_index
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_index AS i ON i.indrelid = c.reltoastrelid AND i.indisvalid
        WHERE c.relnamespace = ANY (scope) AND c.relkind IN ('r', 'm')
    ),
    indexes AS (
        SELECT i.indrelid, sum(pg_stat_get_blocks_fetched(i.indexrelid))::bigint AS fetched,
               sum(pg_stat_get_blocks_hit(i.indexrelid))::bigint AS hit
        FROM pg_index AS i
        JOIN tables AS t ON t.oid = i.indrelid
        GROUP BY i.indrelid
    )
    SELECT t.nspname::text, t.relname::text,
           pg_stat_get_blocks_fetched(t.oid) - pg_stat_get_blocks_hit(t.oid), pg_stat_get_blocks_hit(t.oid),
           COALESCE(i.fetched - i.hit, 0), COALESCE(i.hit, 0),
           COALESCE(pg_stat_get_blocks_fetched(t.toast) - pg_stat_get_blocks_hit(t.toast), 0)
               + COALESCE(pg_stat_get_blocks_fetched(t.toast_index) - pg_stat_get_blocks_hit(t.toast_index), 0),
           COALESCE(pg_stat_get_blocks_hit(t.toast), 0) + COALESCE(pg_stat_get_blocks_hit(t.toast_index), 0)
    FROM tables AS t
    LEFT JOIN indexes AS i ON i.indrelid = t.oid
$body$;
COMMENT ON FUNCTION pggit_excellence._table_io(oid[]) IS
    'Internal: blocks read and hit for each table of the schemas, its indexes and its TOAST (with its index).';

-- 100 * hit / (hit + read), rounded down so that 100 means every block. NULL: no traffic.
-- Called six times for each table: everything is qualified instead of a SET, which would keep it from being inlined.
CREATE FUNCTION pggit_excellence._hit_percent(blocks_read bigint, blocks_hit bigint)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT pg_catalog.trunc(
        100.0 OPERATOR(pg_catalog.*) blocks_hit
            OPERATOR(pg_catalog./) CASE WHEN blocks_hit OPERATOR(pg_catalog.+) blocks_read OPERATOR(pg_catalog.>) 0
                                        THEN blocks_hit OPERATOR(pg_catalog.+) blocks_read END, 2)
$body$;
COMMENT ON FUNCTION pggit_excellence._hit_percent(bigint, bigint) IS 'Internal: hit ratio in percent, two places, rounded down; NULL: no traffic.';

-- How much of each table's reading shared buffers served: since statistics began, and since the last snapshot.
--   schemas  NULL: pgGit's own; ARRAY['*']: all but the system's
CREATE FUNCTION pggit_excellence.cache_hit_ratio(schemas text[] DEFAULT NULL)
RETURNS TABLE (
    table_name             text,
    heap_read              bigint,
    heap_hit               bigint,
    hit_ratio              numeric,
    index_read             bigint,
    index_hit              bigint,
    index_hit_ratio        numeric,
    toast_read             bigint,
    toast_hit              bigint,
    toast_hit_ratio        numeric,
    recent_since           timestamptz,
    recent_heap_read       bigint,
    recent_heap_hit        bigint,
    recent_hit_ratio       numeric,
    recent_index_read      bigint,
    recent_index_hit       bigint,
    recent_index_hit_ratio numeric,
    recent_toast_read      bigint,
    recent_toast_hit       bigint,
    recent_toast_hit_ratio numeric,
    note                   text
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH now AS (
        SELECT t.* FROM pggit_excellence._table_io(pggit_excellence._scope(schemas)) AS t
    ),
    last_snapshot AS MATERIALIZED (
        SELECT s.snapshot_id, s.taken_at, s.stats_reset FROM pggit_excellence.snapshots AS s
        ORDER BY s.snapshot_id DESC LIMIT 1
    ),
    server AS MATERIALIZED (
        SELECT l.snapshot_id, l.taken_at,
               CASE WHEN pg_is_in_recovery() THEN 'no recent values on a standby: snapshots are the primary''s'
                    WHEN l.snapshot_id IS NULL THEN 'no snapshot yet: take_snapshot() takes one'
                    WHEN l.stats_reset IS DISTINCT FROM d.stats_reset THEN 'statistics were reset since the last snapshot: take_snapshot() takes a new one'
               END AS problem
        FROM pg_stat_database AS d
        LEFT JOIN last_snapshot AS l ON true
        WHERE d.datname = current_database()
    ),
    before AS (
        SELECT b.schema_name, b.table_name, b.heap_read, b.heap_hit, b.idx_read, b.idx_hit,
               b.toast_read + b.tidx_read AS toast_read, b.toast_hit + b.tidx_hit AS toast_hit
        FROM pggit_excellence.table_io_snapshots AS b
        WHERE b.snapshot_id = (SELECT v.snapshot_id FROM server AS v)
    ),
    -- A table that the snapshot does not have was idle then, or is new: it counts from 0.
    grown AS (
        SELECT n.*, v.taken_at,
               n.heap_read - COALESCE(b.heap_read, 0) AS d_heap_read, n.heap_hit - COALESCE(b.heap_hit, 0) AS d_heap_hit,
               n.idx_read - COALESCE(b.idx_read, 0) AS d_idx_read, n.idx_hit - COALESCE(b.idx_hit, 0) AS d_idx_hit,
               n.toast_read - COALESCE(b.toast_read, 0) AS d_toast_read, n.toast_hit - COALESCE(b.toast_hit, 0) AS d_toast_hit,
               v.problem
        FROM now AS n
        CROSS JOIN server AS v
        LEFT JOIN before AS b ON b.schema_name = n.schema_name AND b.table_name = n.table_name
    ),
    checked AS (
        SELECT g.*,
               COALESCE(g.problem, CASE
                   WHEN LEAST(g.d_heap_read, g.d_heap_hit, g.d_idx_read, g.d_idx_hit, g.d_toast_read, g.d_toast_hit) < 0
                   THEN 'counters went backwards since the last snapshot: reset, or the table or an index was made anew' END) AS note
        FROM grown AS g
    ),
    -- MATERIALIZED, because the note would otherwise be worked out again for each of the recent columns.
    recent AS MATERIALIZED (
        SELECT c.*, format('%I.%I', c.schema_name, c.table_name) COLLATE "C" AS name, CASE WHEN c.note IS NULL THEN 1 END AS valid  -- NULL times anything is NULL
        FROM checked AS c
    )
    SELECT r.name,
           r.heap_read, r.heap_hit, pggit_excellence._hit_percent(r.heap_read, r.heap_hit),
           r.idx_read, r.idx_hit, pggit_excellence._hit_percent(r.idx_read, r.idx_hit),
           r.toast_read, r.toast_hit, pggit_excellence._hit_percent(r.toast_read, r.toast_hit),
           CASE WHEN r.note IS NULL THEN r.taken_at END,
           r.valid * r.d_heap_read, r.valid * r.d_heap_hit, pggit_excellence._hit_percent(r.valid * r.d_heap_read, r.d_heap_hit),
           r.valid * r.d_idx_read, r.valid * r.d_idx_hit, pggit_excellence._hit_percent(r.valid * r.d_idx_read, r.d_idx_hit),
           r.valid * r.d_toast_read, r.valid * r.d_toast_hit, pggit_excellence._hit_percent(r.valid * r.d_toast_read, r.d_toast_hit),
           r.note
    FROM recent AS r
    ORDER BY r.heap_read + r.idx_read + r.toast_read DESC, r.name
$body$;
COMMENT ON FUNCTION pggit_excellence.cache_hit_ratio(text[]) IS
$comment$How much of each table's reading shared buffers served, those with the most reads first.
*_read, *_hit: blocks since statistics began (hit = found in shared buffers; read = asked of the system, whose own cache may have had it).
*_ratio: percent 0..100, rounded down, so 100 means every block; NULL = no traffic. index: all indexes of the table. toast: its TOAST table and that one's index.
recent_*: the same since recent_since, the last snapshot (take_snapshot()); NULL with a note where there is none, or statistics were reset since.
Rows: tables and materialized views of the schemas (NULL: pgGit's; {*}: all but the system's). Takes no lock on the tables.$comment$;
