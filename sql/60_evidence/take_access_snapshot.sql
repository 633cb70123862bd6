-- Note who may do what, for access_changes() and for whoever asks in a year. Stores what changed since the last snapshot.
-- Locks access_snapshots against other snapshots until the transaction ends; reading goes on.
-- SECURITY DEFINER: who may take a snapshot must not be able to write one.
CREATE FUNCTION pggit_excellence.take_access_snapshot()
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10s'
SET jit = off
AS $body$
DECLARE
    before bigint;
    taken  bigint;
BEGIN
    PERFORM pggit_excellence._require_writable('take an access snapshot', 'Take it on the primary: roles and privileges are the same there.');
    PERFORM pggit_excellence._require_read_committed('take an access snapshot', 'It may not see the snapshot before.');
    LOCK TABLE pggit_excellence.access_snapshots IN SHARE ROW EXCLUSIVE MODE;
    before := COALESCE((SELECT max(s.snapshot_id) FROM pggit_excellence.access_snapshots AS s), 0);

    -- One statement, so that everything in it is about the same moment.
    WITH difference AS MATERIALIZED (
        SELECT d.* FROM pggit_excellence._access_difference(before, NULL) AS d
    ), snapshot AS (
        INSERT INTO pggit_excellence.access_snapshots AS s (facts, added, removed, facts_sha256)
        SELECT count(*) FILTER (WHERE d.held_after), count(*) FILTER (WHERE NOT d.held_before), count(*) FILTER (WHERE NOT d.held_after),
               pggit_excellence._sha256_of_lines(array_agg(
                   pggit_excellence._access_fact_line(d.fact_type, d.role_name, d.object_type, d.object_name, d.value))
                   FILTER (WHERE d.held_after))
        FROM difference AS d
        RETURNING s.snapshot_id
    ), change AS (
        INSERT INTO pggit_excellence.access_snapshot_changes (snapshot_id, added, fact_type, role_name, object_type, object_name, value)
        SELECT s.snapshot_id, d.held_after, d.fact_type, d.role_name, d.object_type, d.object_name, d.value
        FROM difference AS d CROSS JOIN snapshot AS s
        WHERE d.held_after <> d.held_before
        ORDER BY d.fact_type, d.role_name, d.object_type, d.object_name, d.value
    )
    SELECT s.snapshot_id INTO taken FROM snapshot AS s;

    PERFORM pggit_excellence.record_audit_event('access_snapshot',
        (SELECT to_jsonb(s) FROM pggit_excellence.access_snapshots AS s WHERE s.snapshot_id = taken));
    RETURN taken;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.take_access_snapshot() IS
    'Notes who may do what in this database (roles, memberships, owners, grants, default privileges) in access_snapshots and access_snapshot_changes, and returns the snapshot''s number. Only changes are stored; the audit log gets the SHA-256. SECURITY DEFINER: whoever may call it must not be able to write the tables. Locks access_snapshots against other snapshots; waits at most 10 s. Not on a standby.';
