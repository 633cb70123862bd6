-- Since when the statistics of this database count, as far as that can be known.
-- A crash empties them and leaves no mark on the database, but renews the time of the server-wide ones; so the later
-- of both counts. NULL: not known.
CREATE FUNCTION pggit_excellence._statistics_since()
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT GREATEST(d.stats_reset, b.stats_reset)
    FROM pg_catalog.pg_stat_database AS d, pg_catalog.pg_stat_bgwriter AS b
    WHERE d.datname = pg_catalog.current_database()
$body$;
COMMENT ON FUNCTION pggit_excellence._statistics_since() IS
    'Internal: since when this database''s cumulative statistics count; NULL: not known. Source: stats_reset of pg_stat_database and pg_stat_bgwriter.';
