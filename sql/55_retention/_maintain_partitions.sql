-- A task of maintain(): the partition for the ids to come is there before the first of them is. Where it was not (nobody ran
-- maintain() for long), rows are in the default partition: that becomes a partition like the others, as it is, and a new default
-- is made. Locks: pggit.history against other changes of its definition, the default partition and what pggit.history refers
-- to against writers, for milliseconds; waits at most half a second for them and tries again at the next call.
CREATE FUNCTION pggit_excellence._maintain_partitions(OUT affected bigint, OUT note text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
SET row_security = off
AS $body$
DECLARE
    kept      pggit_excellence.history_partitioning;
    statement text;
BEGIN
    affected := 0;
    SELECT h.* INTO kept FROM pggit_excellence.history_partitioning AS h;
    IF NOT FOUND THEN
        note := pggit_excellence._forget_bound();
        RETURN;
    END IF;
    WHILE affected < 10 AND pggit_excellence._last_history_id() + kept.partition_rows >= pggit_excellence._partitioned_until() LOOP
        FOR statement IN SELECT s FROM pggit_excellence._next_partition(kept.partition_rows) AS s LOOP
            -- pggit: ignore[PGX101] what the server prints about a trigger is one statement that makes it
            PERFORM pggit_excellence._run_ddl(statement);
        END LOOP;
        affected := affected + 1;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    affected := 0;
    note := pg_catalog.format('no partition could be made: %s', SQLERRM);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._maintain_partitions() IS
    'Internal: a task of maintain(): makes the partitions of pggit.history that will be needed next. affected: how many. note: why not; NULL: nothing to say.';

-- The first id that has no partition of its own.
CREATE FUNCTION pggit_excellence._partitioned_until()
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.max(p.to_id) FROM pggit_excellence._history_partitions() AS p
$body$;
COMMENT ON FUNCTION pggit_excellence._partitioned_until() IS
    'Internal: from this id on rows go into the default partition of pggit.history; NULL: it has no other.';

-- The statements that make the next partition.
CREATE FUNCTION pggit_excellence._next_partition(partition_rows bigint)
RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 8
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $body$
DECLARE
    history  oid := pggit_excellence._pggit_table('history');
    begins   bigint := pggit_excellence._partitioned_until();
    ends     bigint := begins + partition_rows;
    fallback text := (SELECT p.partition::text FROM pggit_excellence._history_partitions() AS p WHERE p.is_default);
    name     text := pggit_excellence._new_partition_name();
    highest  bigint;
BEGIN
    SELECT pg_catalog.max(h.id) INTO highest FROM pggit.history AS h WHERE h.id >= begins;
    IF fallback IS NULL OR highest IS NULL THEN
        RETURN QUERY SELECT s FROM pggit_excellence._partition_statements(
            history, name, pg_catalog.format('FOR VALUES FROM (%s) TO (%s)', begins, ends)) AS s;
    ELSE
        ends := (highest / partition_rows + 1) * partition_rows;
        -- pgGit's row about the next statement would have no place.
        RETURN QUERY SELECT t.off_sql FROM pggit_excellence._resting_triggers() AS t;
        RETURN NEXT COALESCE(pggit_excellence._lock_parents() || '; ', '') || 'LOCK TABLE pggit.history IN ACCESS EXCLUSIVE MODE';
        RETURN NEXT pg_catalog.format('ALTER TABLE pggit.history DETACH PARTITION pggit.%I', fallback);
        RETURN NEXT pg_catalog.format('ALTER TABLE pggit.%I RENAME TO %I', fallback, name);
        RETURN NEXT pg_catalog.format('ALTER TABLE pggit.history ATTACH PARTITION pggit.%I FOR VALUES FROM (%s) TO (%s)', name, begins, ends);
        RETURN QUERY SELECT s FROM pggit_excellence._partition_statements(history, 'history_part_default', 'DEFAULT') AS s;
        RETURN QUERY SELECT t.on_sql FROM pggit_excellence._resting_triggers() AS t;
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._next_partition(bigint) IS
    'Internal: the statements that make the next partition of pggit.history, from the default one where that has rows.';

CREATE FUNCTION pggit_excellence._new_partition_name()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('history_part_%s', COALESCE(pg_catalog.max(pg_catalog.substring(c.relname, '^history_part_(\d+)$')::bigint), 0) + 1)
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = pg_catalog.to_regnamespace('pggit') AND c.relname ~ '^history_part_\d{1,9}$'
$body$;
COMMENT ON FUNCTION pggit_excellence._new_partition_name() IS
    'Internal: the name of the next partition of pggit.history, history_part_<number>. Source: pg_class.';

-- A partition_history() that was begun and not finished left a CHECK behind. It must not refuse anybody's row.
CREATE FUNCTION pggit_excellence._forget_bound()
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    bound bigint := (
        SELECT pg_catalog.substring(pg_catalog.pg_get_constraintdef(k.oid), '\(id < ''?(\d+)''?')::bigint
        FROM pg_catalog.pg_constraint AS k
        WHERE k.conrelid = pggit_excellence._pggit_table('history') AND k.conname = 'pggit_excellence_bound');
BEGIN
    IF bound IS NULL THEN
        RETURN NULL;
    ELSIF bound - pggit_excellence._last_history_id() > 500 THEN
        RETURN NULL;
    END IF;
    ALTER TABLE pggit.history DROP CONSTRAINT pggit_excellence_bound;
    RETURN 'partition_history() was begun and never finished: its CHECK was dropped, because ids came near to it';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._forget_bound() IS
    'Internal: drops the CHECK of an unfinished partition_history() before an id reaches it; NULL: nothing to say.';

-- Detach and drop the partitions that archive_history() has emptied and that get no new rows. Returns what to say about it.
-- Locks pggit.history for a moment; where others hold it for longer than half a second, the partition stays until the next call.
CREATE FUNCTION pggit_excellence._drop_empty_partitions()
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
SET row_security = off
AS $body$
DECLARE
    last_id  bigint;
    emptied  record;
    has_rows boolean;
    dropped  text[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT FROM pggit_excellence.history_partitioning) THEN
        RETURN NULL;
    END IF;
    last_id := pggit_excellence._last_history_id();
    FOR emptied IN
        SELECT p.* FROM pggit_excellence._history_partitions() AS p
        WHERE p.to_id <= last_id ORDER BY p.to_id
    LOOP
        EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM pggit.%I)', emptied.partition) INTO has_rows;
        EXIT WHEN has_rows;
        PERFORM pggit_excellence._run_ddl(
            COALESCE(pggit_excellence._lock_parents() || '; ', '') || 'LOCK TABLE pggit.history IN ACCESS EXCLUSIVE MODE');
        EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM pggit.%I)', emptied.partition) INTO has_rows;
        EXIT WHEN has_rows;
        PERFORM pggit_excellence._run_ddl(pg_catalog.format('ALTER TABLE pggit.history DETACH PARTITION pggit.%I', emptied.partition));
        PERFORM pggit_excellence._run_ddl(pg_catalog.format('DROP TABLE pggit.%I', emptied.partition));
        dropped := dropped || emptied.partition::text;
    END LOOP;
    RETURN CASE WHEN dropped <> '{}' THEN 'dropped, being empty: ' || pg_catalog.array_to_string(dropped, ', ') END;
EXCEPTION WHEN lock_not_available OR insufficient_privilege THEN
    RETURN 'an empty partition could not be dropped now: ' || SQLERRM;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._drop_empty_partitions() IS
    'Internal: detaches and drops the oldest partitions of pggit.history as long as they are empty and closed; returns what to say about it, NULL: nothing.';
