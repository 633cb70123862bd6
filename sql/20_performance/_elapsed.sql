-- Time since a moment; NULL stays NULL (GREATEST alone would make it 0), and a moment that is just ahead of the clock is 0.
CREATE FUNCTION pggit_excellence._elapsed(since timestamptz)
RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN since IS NOT NULL THEN GREATEST(clock_timestamp() - since, interval '0') END
$body$;
COMMENT ON FUNCTION pggit_excellence._elapsed(timestamptz) IS 'Internal: time since a moment, by the clock, never negative; NULL stays NULL.';
