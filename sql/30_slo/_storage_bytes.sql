-- How much disk space pgGit and this extension take: every table, index, sequence and TOAST table of their schemas, and
-- partitions of their tables wherever those are.
CREATE FUNCTION pggit_excellence._storage_bytes()
RETURNS TABLE (schema_name text, bytes bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    RETURN QUERY
    WITH RECURSIVE relation AS (
        SELECT c.oid, n.nspname::text AS schema_name
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE (n.nspname = 'pggit' OR n.nspname LIKE 'pggit\_%') AND c.relkind IN ('r', 'p', 'm', 'S')
        UNION
        SELECT i.inhrelid, r.schema_name
        FROM relation AS r
        JOIN pg_inherits AS i ON i.inhparent = r.oid
    ), placed AS (
        -- A partition in one of the schemas, of a table in another one, counts once.
        SELECT r.oid, min(r.schema_name) AS schema_name FROM relation AS r GROUP BY r.oid
    )
    SELECT p.schema_name, COALESCE(sum(pg_total_relation_size(p.oid)), 0)::bigint
    FROM placed AS p
    GROUP BY p.schema_name
    ORDER BY p.schema_name COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence._storage_bytes() IS
    'Internal: bytes of each schema of pgGit''s and of ours, indexes, TOAST and partitions elsewhere included. Waits for whoever holds ACCESS EXCLUSIVE on one of the tables. Source: pg_class, pg_inherits.';
