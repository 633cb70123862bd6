-- Roll up new samples and delete what is older than kept. Run it every minute or so (schedule_maintenance()).
--   batch_size   at most so many samples are rolled up and so many rows of each kind deleted, so that a call is short
--   keep_...     how long samples and roll-ups per minute, hour and day stay, at least a day; totals stay for ever.
--                Days without samples do not count, so that a clock that jumps ahead cannot empty the history
-- One transaction: killed at any moment it has done everything or nothing, and nothing is ever counted twice. A second call
-- at the same time does nothing. Locks: see _lock_maintenance(); nobody who reads or records waits.
CREATE FUNCTION pggit_excellence.maintain(
    batch_size integer DEFAULT 100000, keep_samples interval DEFAULT '35 days', keep_minutes interval DEFAULT '3 days',
    keep_hours interval DEFAULT '400 days', keep_days interval DEFAULT '7 years'
)
RETURNS TABLE (task text, affected bigint, note text)
LANGUAGE plpgsql VOLATILE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    waiting CONSTANT text := 'more is waiting: call maintain() again, or give it a larger batch_size';
BEGIN
    PERFORM pggit_excellence._require_writable('maintain', 'Call maintain() on the primary server.');
    PERFORM pggit_excellence._require_read_committed('maintain', 'It would not count for objectives that were made meanwhile.');
    IF batch_size IS NULL OR batch_size < 1 THEN
        RAISE EXCEPTION 'batch_size must be 1 or more, not %', COALESCE(batch_size::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the number of samples that one call rolls up at most.';
    ELSIF NOT COALESCE(keep_samples >= '1 day' AND keep_minutes >= '1 day' AND keep_minutes <= keep_hours AND keep_hours <= keep_days, false) THEN
        RAISE EXCEPTION 'cannot keep samples for %, minutes for %, hours for % and days for %',
            COALESCE(keep_samples::text, 'NULL'), COALESCE(keep_minutes::text, 'NULL'),
            COALESCE(keep_hours::text, 'NULL'), COALESCE(keep_days::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Each is 1 day or more, and coarser roll-ups are kept at least as long as finer ones.';
    END IF;
    IF NOT pggit_excellence._lock_maintenance(wait => false) THEN
        RETURN QUERY SELECT 'all'::text, 0::bigint, 'nothing was done: another maintain() is running'::text;
        RETURN;
    END IF;

    task := 'roll up samples';
    affected := pggit_excellence._roll_up(batch_size);
    note := CASE WHEN affected >= batch_size AND EXISTS (SELECT FROM pggit_excellence.waiting_samples) THEN waiting END;
    RETURN NEXT;
    task := 'delete samples';
    affected := pggit_excellence._purge_samples(keep_samples, batch_size);
    note := CASE WHEN affected >= batch_size THEN waiting END;
    RETURN NEXT;
    task := 'delete minutes';
    affected := pggit_excellence._purge_rollups('minute', keep_minutes, batch_size);
    note := CASE WHEN affected >= batch_size THEN waiting END;
    RETURN NEXT;
    task := 'delete hours';
    affected := pggit_excellence._purge_rollups('hour', keep_hours, batch_size);
    note := CASE WHEN affected >= batch_size THEN waiting END;
    RETURN NEXT;
    task := 'delete days';
    affected := pggit_excellence._purge_rollups('day', keep_days, batch_size);
    note := CASE WHEN affected >= batch_size THEN waiting END;
    RETURN NEXT;
    -- sql/pggit_performance.sql installs neither.
    IF pg_catalog.to_regclass('pggit_excellence.probe_results') IS NOT NULL THEN
        PERFORM pggit_excellence._note_probe('maintain', NULL, NULL, NULL);
        IF EXISTS (SELECT FROM pggit_excellence.sentinel_bookings) THEN
            task := 'book tracking';
            SELECT b.tracked + b.failed, b.note INTO affected, note FROM pggit_excellence._book_tracking() AS b;
            RETURN NEXT;
        END IF;
    END IF;
    IF pg_catalog.to_regclass('pggit_excellence.audit_log') IS NOT NULL THEN
        IF EXISTS (SELECT FROM pggit_excellence.audit_log) OR EXISTS (SELECT FROM pggit_excellence.ddl_rate_limits) THEN
            task := 'seal audit log';
            affected := pggit_excellence.seal_audit_log(batch_size, wait => false);
            note := CASE WHEN affected IS NULL THEN 'nothing was done: another transaction is sealing' WHEN affected >= batch_size THEN waiting END;
            affected := COALESCE(affected, 0);
            RETURN NEXT;
        END IF;
    END IF;
    -- Last: it holds locks that tracked DDL waits for, until the transaction ends.
    IF pg_catalog.to_regclass('pggit_excellence.history_partitioning') IS NOT NULL THEN
        task := 'make partitions';
        SELECT p.affected, p.note INTO affected, note FROM pggit_excellence._maintain_partitions() AS p;
        IF affected > 0 OR note IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.maintain(integer, interval, interval, interval, interval) IS
$comment$Rolls up new samples into metric_rollups and objective_rollups and deletes what is older than kept: one row per task with the number of rows and a note (NULL: nothing to say). Run it every minute or so, see schedule_maintenance(). One call is one transaction and handles at most batch_size samples; a second one at the same time does nothing and says so. Nobody who reads or records waits for it. Not on a standby.
keep_samples, keep_minutes, keep_hours, keep_days: how long samples and roll-ups stay, 1 day or more; days without samples do not count, so that a clock that jumps ahead cannot empty the history. Totals stay for ever. Where the audit log has events it is sealed as well, batch_size of them at most.$comment$;
