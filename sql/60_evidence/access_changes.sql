-- What changed between two snapshots of who may do what.

-- Every fact of either side, and on which sides it holds.
CREATE FUNCTION pggit_excellence._access_difference(from_snapshot bigint, to_snapshot bigint)
RETURNS TABLE (fact_type text, role_name text, object_type text, object_name text, value text, held_before boolean, held_after boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    SELECT f.fact_type, f.role_name, f.object_type, f.object_name, f.value, bool_or(NOT f.after), bool_or(f.after)
    FROM (
        SELECT false AS after, b.* FROM pggit_excellence._access_facts_at(from_snapshot) AS b
        UNION ALL
        SELECT true, a.* FROM pggit_excellence._access_facts_at(to_snapshot) AS a
    ) AS f
    GROUP BY f.fact_type, f.role_name, f.object_type, f.object_name, f.value
$body$;
COMMENT ON FUNCTION pggit_excellence._access_difference(bigint, bigint) IS
    'Internal: the facts of two snapshots (NULL: of now), and on which side each holds.';

--   from_snapshot  NULL: the newest snapshot (before to_snapshot, where that is given)
--   to_snapshot    NULL: now
CREATE FUNCTION pggit_excellence.access_changes(from_snapshot bigint DEFAULT NULL, to_snapshot bigint DEFAULT NULL)
RETURNS TABLE (change text, fact_type text, role_name text, object_type text, object_name text, old_value text, new_value text, note text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
DECLARE
    wanted bigint;
    begins bigint := from_snapshot;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[from_snapshot, to_snapshot] LOOP
        IF wanted IS NOT NULL AND NOT EXISTS (SELECT FROM pggit_excellence.access_snapshots AS s WHERE s.snapshot_id = wanted) THEN
            RAISE EXCEPTION 'there is no access snapshot %', wanted
                USING ERRCODE = 'no_data_found', HINT = 'The table pggit_excellence.access_snapshots lists them.';
        END IF;
    END LOOP;
    IF begins IS NULL THEN
        SELECT max(s.snapshot_id) INTO begins FROM pggit_excellence.access_snapshots AS s
        WHERE to_snapshot IS NULL OR s.snapshot_id < to_snapshot;
    ELSIF begins >= to_snapshot THEN
        RAISE EXCEPTION 'snapshot % is not older than snapshot %', begins, to_snapshot
            USING ERRCODE = 'invalid_parameter_value', HINT = 'The first argument is the older snapshot.';
    END IF;
    IF begins IS NULL THEN
        RETURN QUERY SELECT 'unknown', NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text,
            'nothing to compare with: SELECT pggit_excellence.take_access_snapshot() on the primary takes the first snapshot';
        RETURN;
    END IF;

    RETURN QUERY
    SELECT CASE WHEN d.old IS NULL THEN 'added' WHEN d.new IS NULL THEN 'removed' ELSE 'changed' END,
           d.fact_type, d.role_name, d.object_type, d.object_name, d.old, d.new, NULL::text
    FROM (
        SELECT x.fact_type, x.role_name, x.object_type, x.object_name,
               min(x.value) FILTER (WHERE x.held_before) AS old, min(x.value) FILTER (WHERE x.held_after) AS new
        FROM pggit_excellence._access_difference(begins, to_snapshot) AS x
        WHERE x.held_before <> x.held_after
        GROUP BY x.fact_type, x.role_name, x.object_type, x.object_name
    ) AS d
    ORDER BY d.fact_type COLLATE "C", d.role_name COLLATE "C", d.object_type COLLATE "C", d.object_name COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.access_changes(bigint, bigint) IS
$comment$What changed in who may do what between two snapshots of access_snapshots, one row for each role and object. from_snapshot NULL: the newest one before; to_snapshot NULL: now, from the catalog.
change: added, removed, changed, or unknown (there is no snapshot to compare with, see note). fact_type: attributes, membership, ownership, grant, default privileges. old_value, new_value: attributes or privileges, an asterisk means with grant option; NULL: it was not there. A renamed role or object is one that went and one that came. Locks nothing beyond reading.$comment$;
