-- Partition pggit.history by its id, without copying it and without blocking DDL for longer than a moment.
--   dry_run          true: what is still to be done, as SQL
--   partition_rows   how many ids a partition holds
-- Why by id: PostgreSQL then keeps the primary key as it is, over all partitions; ids stay unique by it, foreign keys to
-- pggit.history stay possible, and rows without a time have their place. Ids are given out in order of time.
-- It takes four calls, each a transaction of its own; partition_history_online() makes them. Each can be killed at any
-- moment: pggit.history is then the plain table or the partitioned one, complete, and the next call goes on.
--   1. a CHECK that ids are below a bound that is 1 to 2 partitions ahead, not validated: a moment's lock
--   2. VALIDATE, which reads the table and blocks nobody
--   3. the exchange: the table becomes the first partition of a new one that has its name; some tens of milliseconds
--   4. what takes long and blocks nobody: materialized views are filled anew, foreign keys of other tables validated, ANALYZE
-- It waits for half a second until running DDL has ended, and 200 ms for readers, then it gives up and says so: all other
-- DDL queues behind it meanwhile.
CREATE FUNCTION pggit_excellence.partition_history(dry_run boolean DEFAULT true, partition_rows bigint DEFAULT 1000000)
RETURNS TABLE (action_id bigint, status text, item text, statement text, undo_statement text, reason text)
LANGUAGE plpgsql VOLATILE ROWS 60
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $body$
DECLARE
    planned record;
    phase   integer;
BEGIN
    PERFORM pggit_excellence._check_partitioning(dry_run, partition_rows);
    IF NOT dry_run AND pg_catalog.current_setting('is_superuser') = 'on' THEN
        -- An autovacuum that is in the way ends when somebody has waited for so long.
        PERFORM pg_catalog.set_config('deadlock_timeout', '50ms', true);
    END IF;
    FOR planned IN SELECT p.* FROM pggit_excellence._partition_plan(partition_rows) AS p ORDER BY p.step LOOP
        phase := COALESCE(phase, planned.phase);
        action_id := NULL;
        item := planned.item;
        statement := planned.statement;
        undo_statement := planned.undo_statement;
        reason := planned.reason;
        status := CASE WHEN dry_run THEN 'planned' WHEN planned.phase > phase THEN 'next call' ELSE 'applied' END;
        IF status = 'applied' THEN
            -- pggit: ignore[PGX101] what the server prints about keys, triggers and filters is SQL that makes them
            PERFORM pggit_excellence._run_ddl(statement);
            IF planned.item = 'record' THEN
                action_id := pggit_excellence._log_partitioning();
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
    IF phase IS NULL THEN
        item := 'history';
        status := 'in place';
        reason := 'Nothing is left to do: pggit.history is partitioned by id. maintain() makes the partitions to come.';
        RETURN NEXT;
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.partition_history(boolean, bigint) IS
$comment$Partitions pggit.history by id: the table as it is becomes the first partition, later rows go into partitions of partition_rows ids, made by maintain(). No row is copied; primary key, indexes, foreign keys, triggers, policies, privileges, comments, publications and views stay. dry_run (the default) shows what is still to be done; false does the next of four parts, so call it until status is in place, or CALL partition_history_online(). undo(action_id) makes it a plain table again.
status: planned, applied, next call (not done yet), in place. Locks: waits at most 0.7 s for others, and holds ACCESS EXCLUSIVE on pggit.history and what it refers to for tens of milliseconds; needs a superuser, because pgGit's event triggers rest meanwhile.$comment$;

-- partition_history() until it is done, with a commit after each part, and again where others held a lock.
--   attempts   how often a part is tried, a second apart
CREATE PROCEDURE pggit_excellence.partition_history_online(partition_rows bigint DEFAULT 1000000, attempts integer DEFAULT 60)
LANGUAGE plpgsql
AS $body$
DECLARE
    left_over integer;
    failed    integer := 0;
    applied   bigint;
BEGIN
    LOOP
        BEGIN
            SELECT pg_catalog.count(*) FILTER (WHERE p.status OPERATOR(pg_catalog.=) 'next call'),
                   pg_catalog.count(*) FILTER (WHERE p.status OPERATOR(pg_catalog.=) 'applied')
            INTO left_over, applied
            FROM pggit_excellence.partition_history(false, partition_rows) AS p;
            RAISE NOTICE '% statements done, % left', applied, left_over;
            failed := 0;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            failed := failed OPERATOR(pg_catalog.+) 1;
            IF failed OPERATOR(pg_catalog.>=) attempts THEN
                RAISE;
            END IF;
            applied := 1;
        END;
        COMMIT;
        EXIT WHEN applied OPERATOR(pg_catalog.=) 0;
        IF failed OPERATOR(pg_catalog.>) 0 THEN
            PERFORM pg_catalog.pg_sleep(1);
        END IF;
    END LOOP;
END
$body$;
COMMENT ON PROCEDURE pggit_excellence.partition_history_online(bigint, integer) IS
    'Calls partition_history(dry_run => false, partition_rows) until nothing is left, commits after each part, and tries a part again, up to attempts times a second apart, where others held a lock for too long. CALL it outside of a transaction.';

-- What must be so before anything is planned.
CREATE FUNCTION pggit_excellence._check_partitioning(dry_run boolean, partition_rows bigint)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    blockers text;
BEGIN
    PERFORM pggit_excellence._require_history();
    PERFORM pggit_excellence._require_dry_run(dry_run, 'true shows the statements, false runs the next part of them.');
    IF partition_rows IS NULL OR partition_rows NOT BETWEEN 1000 AND 100000000 THEN
        RAISE EXCEPTION 'partition_rows must be from 1000 to 100000000, not %', COALESCE(partition_rows::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the number of ids that a partition holds.';
    END IF;
    IF NOT dry_run THEN
        PERFORM pggit_excellence._require_writable('partition');
    END IF;
    IF NOT EXISTS (SELECT FROM pggit_excellence.history_partitioning) THEN
        SELECT pg_catalog.string_agg(b.blocker, '; ' ORDER BY b.blocker COLLATE "C") INTO blockers
        FROM pggit_excellence._partition_blockers() AS b (blocker);
        IF blockers IS NULL AND pggit_excellence._last_history_id() + 4 * partition_rows > (
            SELECT CASE a.atttypid WHEN 20 THEN 9223372036854775807 WHEN 23 THEN 2147483647 ELSE 32767 END
            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = pggit_excellence._pggit_table('history') AND a.attname = 'id')
        THEN
            blockers := 'so few ids are left that there is nothing to partition';
        END IF;
    END IF;
    IF blockers IS NOT NULL THEN
        RAISE EXCEPTION 'pggit.history cannot be partitioned: %', blockers
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Nothing was changed.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._check_partitioning(boolean, bigint) IS
    'Internal: raises where the arguments of partition_history() are wrong, or pggit.history cannot be partitioned.';

-- The statements that are still to be run, in four parts. Empty: all is done.
CREATE FUNCTION pggit_excellence._partition_plan(partition_rows bigint)
RETURNS TABLE (step bigint, phase integer, item text, statement text, undo_statement text, reason text)
LANGUAGE plpgsql STABLE ROWS 60
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    last_id   bigint;
    bound     bigint;
    validated boolean;
BEGIN
    IF EXISTS (SELECT FROM pggit_excellence.history_partitioning) THEN
        RETURN QUERY SELECT pg_catalog.row_number() OVER (), 4, p.item, p.statement, NULL::text, p.reason
                     FROM pggit_excellence._partition_afterwards() AS p;
        RETURN;
    END IF;
    last_id := pggit_excellence._last_history_id();
    SELECT pg_catalog.substring(pg_catalog.pg_get_constraintdef(k.oid), '\(id < ''?(\d+)''?')::bigint, k.convalidated
    INTO bound, validated
    FROM pg_catalog.pg_constraint AS k
    WHERE k.conrelid = pggit_excellence._pggit_table('history') AND k.conname = 'pggit_excellence_bound';

    -- Left by a call that ended long ago: ids come near to the bound.
    IF bound < last_id + partition_rows / 2 THEN
        RETURN QUERY SELECT 0::bigint, 1, 'bound'::text, 'ALTER TABLE pggit.history DROP CONSTRAINT pggit_excellence_bound'::text, NULL::text,
                            'It was made for an earlier call, and ids come near to it.'::text;
        bound := NULL;
    END IF;
    IF bound IS NULL THEN
        bound := (last_id / partition_rows + 2) * partition_rows;
        RETURN QUERY SELECT 1::bigint, 1, 'bound'::text, pg_catalog.format(
                'ALTER TABLE pggit.history ADD CONSTRAINT pggit_excellence_bound CHECK (id < %s) NOT VALID', bound),
            'ALTER TABLE pggit.history DROP CONSTRAINT pggit_excellence_bound'::text,
            'Tells PostgreSQL which ids the table has, so that nothing is read while it is locked.'::text;
    END IF;
    IF validated IS DISTINCT FROM true THEN
        RETURN QUERY SELECT 2::bigint, 2, 'bound'::text, 'ALTER TABLE pggit.history VALIDATE CONSTRAINT pggit_excellence_bound'::text, NULL::text,
                            'Reads the table; nobody waits.'::text;
    END IF;
    RETURN QUERY SELECT 2 + s.position, 3, CASE WHEN s.statement LIKE 'SELECT pggit\_excellence.%' THEN 'record' ELSE 'exchange' END,
                        s.statement, NULL::text, 'A partitioned table takes the place of the plain one, in one transaction.'::text
                 FROM pggit_excellence._partition_swap(bound, partition_rows) WITH ORDINALITY AS s (statement, position);
    RETURN QUERY SELECT 1000 + pg_catalog.row_number() OVER (), 4, p.item, p.statement, NULL::text, p.reason
                 FROM pggit_excellence._partition_afterwards() AS p;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._partition_plan(bigint) IS
    'Internal: what partition_history() has still to do, in order; phase: 1 to 4, the part (transaction) that a statement belongs to.';

-- What is left when the exchange is done, or will be: materialized views that read the old table, foreign keys to validate,
-- statistics of the whole.
CREATE FUNCTION pggit_excellence._partition_afterwards()
RETURNS TABLE (item text, statement text, reason text)
LANGUAGE sql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH stale AS (
        SELECT v.view, c.relname, n.nspname, c.relispopulated
        FROM pggit_excellence._views_on(
            COALESCE(pggit_excellence._pggit_table('history_part_0'), pggit_excellence._pggit_table('history'))) AS v
        JOIN pg_catalog.pg_class AS c ON c.oid = v.view
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE v.kind = 'm'
    )
    SELECT s.item, s.statement, s.reason
    FROM (
        SELECT 1 AS part, 0::bigint AS position, 'foreign key' AS item, pg_catalog.format('ALTER TABLE %s VALIDATE CONSTRAINT %I', k.conrelid::regclass, k.conname) AS statement,
               'It was made anew and has to be checked; nobody waits.' AS reason
        FROM pg_catalog.pg_constraint AS k
        WHERE k.confrelid = pggit_excellence._pggit_table('history') AND k.contype = 'f' AND k.conparentid = 0
          AND (NOT k.convalidated OR NOT EXISTS (SELECT FROM pggit_excellence.history_partitioning))
        UNION ALL
        SELECT 2, 0, 'materialized view', pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I', s.nspname, pggit_excellence._part_name(s.relname, 'new')),
               'It has still what the old one had; nobody waits.'
        FROM stale AS s WHERE s.relispopulated
        UNION ALL
        SELECT 3, 0, 'statistics', 'ANALYZE pggit.history', 'Autovacuum does not look at partitioned tables as a whole.'
        WHERE (SELECT c.reltuples < 0 OR c.relkind = 'r' FROM pg_catalog.pg_class AS c WHERE c.oid = pggit_excellence._pggit_table('history'))
        UNION ALL
        SELECT 4, 0, 'materialized view', t.off_sql, 'pgGit does not record what is only made anew.'
        FROM pggit_excellence._resting_triggers() AS t WHERE EXISTS (SELECT FROM stale)
        UNION ALL
        SELECT 5, e.position, 'materialized view', e.statement, 'The new one takes its name.'
        FROM stale AS s CROSS JOIN LATERAL pggit_excellence._exchange_matview(s.view) WITH ORDINALITY AS e (statement, position)
        UNION ALL
        SELECT 6, 0, 'materialized view', t.on_sql, 'pgGit records again.'
        FROM pggit_excellence._resting_triggers() AS t WHERE EXISTS (SELECT FROM stale)
    ) AS s
    ORDER BY s.part, s.position, s.statement
$body$;
COMMENT ON FUNCTION pggit_excellence._partition_afterwards() IS
    'Internal: what is left to do after the exchange, none when all is done. Source: catalogs.';

-- Note how the table is partitioned: the last but the event triggers in the transaction of the exchange.
CREATE FUNCTION pggit_excellence._remember_partitioning(partition_rows bigint, first_bound bigint, publications text[])
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
    INSERT INTO pggit_excellence.history_partitioning (partition_rows, first_bound, publications)
    VALUES (partition_rows, first_bound, publications)
$body$;
COMMENT ON FUNCTION pggit_excellence._remember_partitioning(bigint, bigint, text[]) IS
    'Internal: note in history_partitioning that pggit.history is partitioned, and how.';

-- Write what was done into the log, for undo().
CREATE FUNCTION pggit_excellence._log_partitioning()
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    logged bigint;
BEGIN
    INSERT INTO pggit_excellence.action_log AS l
        (action, kind, schema_name, relation_name, item, new_value, apply_sql, undo_sql, reason)
    VALUES ('partition_history', 'partitioning', 'pggit', 'history', 'history',
            pg_catalog.pg_get_partkeydef(pggit_excellence._pggit_table('history')),
            'CALL pggit_excellence.partition_history_online()', 'see undo()',
            'So that old changes can go with their partition, and vacuum has little to do.')
    RETURNING l.action_id INTO logged;
    PERFORM pggit_excellence.record_audit_event('partition', pg_catalog.jsonb_build_object('action_id', logged));
    RETURN logged;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._log_partitioning() IS
    'Internal: write into action_log that pggit.history was partitioned; returns the number of the action.';
