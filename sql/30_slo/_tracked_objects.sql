-- How many active objects pgGit tracks, by type. No rows where its tables are missing or may not be read.
CREATE FUNCTION pggit_excellence._tracked_objects()
RETURNS TABLE (object_type text, objects bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pggit_excellence._health_obstacle() IS NULL THEN
        RETURN QUERY
        SELECT o.object_type::text, count(*) FROM pggit.objects AS o
        WHERE o.is_active
        GROUP BY o.object_type
        ORDER BY o.object_type::text COLLATE "C";
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._tracked_objects() IS
    'Internal: active objects of pggit.objects by type, all branches. No rows: there is no pgGit, it is half installed, or this role may not read it.';
