-- A time as the notes show it, whatever the session's settings.
CREATE FUNCTION pggit_excellence._utc(at timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
$body$;
COMMENT ON FUNCTION pggit_excellence._utc(timestamptz) IS 'Internal: a time to the minute in UTC, for people.';
