-- One at a time, until the end of the transaction; nobody who reads or records waits. A table lock and not an advisory
-- one, which every role could take.
CREATE FUNCTION pggit_excellence._lock_sealing(wait boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10s'
AS $body$
BEGIN
    IF wait THEN
        LOCK TABLE pggit_excellence.audit_state IN SHARE UPDATE EXCLUSIVE MODE;
    ELSE
        LOCK TABLE pggit_excellence.audit_state IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
    END IF;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._lock_sealing(boolean) IS
    'Internal: let nobody else seal audit_log until the end of the transaction; waits 10 s at most. false: somebody else does.';

-- Record what happened to the audit itself since the last time: events that were lost, event triggers that somebody
-- changed, DDL that a rate limit refused (its own transaction rolled back).
CREATE FUNCTION pggit_excellence._tell_audit_changes()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    told    pggit_excellence.audit_state;
    errors  bigint := COALESCE(pg_catalog.pg_sequence_last_value('pggit_excellence.audit_errors'), 0);
    states  text := pggit_excellence._audit_trigger_states();
    refused record;
BEGIN
    SELECT s.* INTO told FROM pggit_excellence.audit_state AS s;
    IF errors > COALESCE(told.errors, 0) THEN
        PERFORM pggit_excellence.record_audit_event('audit', pg_catalog.jsonb_build_object(
            'action', 'DDL passed unrecorded or unlimited', 'count', errors - COALESCE(told.errors, 0)));
    END IF;
    IF told.triggers <> '' AND told.triggers <> states THEN
        PERFORM pggit_excellence.record_audit_event('audit', pg_catalog.jsonb_build_object(
            'action', 'event triggers changed', 'from', told.triggers, 'to', states));
    END IF;
    INSERT INTO pggit_excellence.audit_state AS s (errors, triggers)
    VALUES (errors, CASE WHEN told.triggers <> '' THEN states ELSE '' END)
    ON CONFLICT ON CONSTRAINT audit_state_pkey DO UPDATE SET errors = excluded.errors, triggers = excluded.triggers
    WHERE (s.errors, s.triggers) IS DISTINCT FROM (excluded.errors, excluded.triggers);

    FOR refused IN
        SELECT l.role_name, l.refusals, c.refused
        FROM pggit_excellence.ddl_rate_limits AS l
        CROSS JOIN LATERAL (SELECT pggit_excellence._ddl_refusals(l.limit_id) AS refused) AS c
        WHERE c.refused > l.refusals
        ORDER BY l.role_name
    LOOP
        PERFORM pggit_excellence.record_audit_event('rate_limit', pg_catalog.jsonb_build_object(
            'action', 'DDL refused', 'limit_of', refused.role_name, 'count', refused.refused - refused.refusals));
        UPDATE pggit_excellence.ddl_rate_limits AS l SET refusals = refused.refused WHERE l.role_name = refused.role_name;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._tell_audit_changes() IS
    'Internal: records events of the audit itself: lost ones, changed event triggers, refused DDL. Each once.';

-- Chain what was recorded and committed: give each event its place and its hash.
--   batch_size  at most so many, so that a call is short
--   wait        false: return NULL at once where another session seals
-- Events are chained in the order in which they become visible, those that became so together in the order of recording.
-- Nothing else ever waits for it: DDL takes no part in the chain. Only a transaction that calls this function itself and
-- stays open, or is prepared, keeps others from sealing.
-- SECURITY DEFINER: operators seal, and must not be able to write the table.
CREATE FUNCTION pggit_excellence.seal_audit_log(batch_size integer DEFAULT 10000, wait boolean DEFAULT true)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    event     record;
    place     bigint;
    hash      bytea;
    next_hash bytea;
    sealed    bigint[] := '{}';
BEGIN
    PERFORM pggit_excellence._require_writable('seal', 'Call seal_audit_log() on the primary server.');
    PERFORM pggit_excellence._require_read_committed('seal', 'It may not see the end of the chain.');
    IF NOT COALESCE(batch_size > 0, false) THEN
        RAISE EXCEPTION 'batch_size must be 1 or more, not %', COALESCE(batch_size::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the number of events that one call seals at most.';
    ELSIF NOT pggit_excellence._lock_sealing(COALESCE(wait, true)) THEN
        IF wait THEN
            RAISE EXCEPTION 'another transaction has been sealing audit_log for 10 seconds'
                USING ERRCODE = 'lock_not_available', HINT = 'Try again; if it stays so, look for it in pg_locks (audit_state) and pg_prepared_xacts.';
        END IF;
        RETURN NULL;
    END IF;

    PERFORM pggit_excellence._tell_audit_changes();
    SELECT e.audit_id, e.row_hash INTO place, hash
    FROM (
        (SELECT s.audit_id, s.row_hash FROM pggit_excellence.audit_log_sealed AS s ORDER BY s.audit_id DESC LIMIT 1)
        UNION ALL
        (SELECT p.last_audit_id, p.row_hash FROM pggit_excellence.audit_purges AS p ORDER BY p.last_audit_id DESC LIMIT 1)
    ) AS e
    ORDER BY e.audit_id DESC
    LIMIT 1;
    place := COALESCE(place, 0);
    hash := COALESCE(hash, pg_catalog.sha256(
        pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())));
    FOR event IN SELECT p.* FROM pggit_excellence.audit_log_pending AS p ORDER BY p.event_id LIMIT batch_size LOOP
        place := place + 1;
        next_hash := pggit_excellence._audit_hash(hash, place, event.event_id, event.occurred_at, event.event_kind,
                                                  event.actor, event.database, event.details);
        INSERT INTO pggit_excellence.audit_log_sealed
        VALUES (place, event.event_id, event.occurred_at, event.event_kind, event.actor, event.database, event.details,
                hash, next_hash);
        hash := next_hash;
        sealed := sealed || event.event_id;
    END LOOP;
    DELETE FROM pggit_excellence.audit_log_pending AS p WHERE p.event_id = ANY (sealed);
    RETURN pg_catalog.cardinality(sealed);
END
$body$;
COMMENT ON FUNCTION pggit_excellence.seal_audit_log(integer, boolean) IS
    'Chains the events that were recorded and committed, batch_size at most, and returns how many; maintain() calls it. Also records what happened to the audit itself: events lost, event triggers changed, DDL refused. One session at a time; wait false: NULL at once where another one does it. Whoever reads, records or runs DDL never waits for it. SECURITY DEFINER: operators may seal, and not write the table.';
