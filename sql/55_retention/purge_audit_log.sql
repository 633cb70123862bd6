-- Delete the oldest events of the audit log, for good, without breaking the proof: only the beginning of the chain goes, only up
-- to a row that a signed checkpoint covers, and that row's number and hash stay in audit_purges, which the rest has to continue.
--   older_than   an event goes when it and all before it in the chain are older
--   dry_run      true: say what would go
-- What stays: events under a legal hold, and what comes after the first of them. A hold keeps all events of its time, whatever
-- else it names: which objects a statement was about is told for the first hundred only, and where the statement may hold a
-- password not at all.
-- Verifies what would go before it goes, and refuses where a row is not as it was: that is evidence. Reads those rows three
-- times. Locks: a new legal hold waits; whoever records, seals or reads does not.
CREATE FUNCTION pggit_excellence.purge_audit_log(older_than interval DEFAULT '10 years', dry_run boolean DEFAULT true)
RETURNS TABLE (status text, row_count bigint, last_audit_id bigint, first_event timestamptz, last_event timestamptz, note text)
LANGUAGE plpgsql VOLATILE ROWS 1
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
DECLARE
    cutoff timestamptz := pggit_excellence._cutoff(older_than);
    before pggit_excellence.audit_purges;
    young  bigint;
    held   bigint;
    event  bigint;
BEGIN
    PERFORM pggit_excellence._require_dry_run(dry_run, 'true says what would be deleted, false deletes it.');
    IF NOT dry_run THEN
        PERFORM pggit_excellence._lock_retention();
    END IF;
    SELECT p.* INTO before FROM pggit_excellence.audit_purges AS p ORDER BY p.last_audit_id DESC LIMIT 1;
    young := (SELECT pg_catalog.min(s.audit_id) FROM pggit_excellence.audit_log_sealed AS s WHERE s.occurred_at >= cutoff);
    held := pggit_excellence._first_held_event(young);
    SELECT pg_catalog.max(c.audit_id) INTO last_audit_id
    FROM pggit_excellence.audit_checkpoints AS c
    JOIN pggit_excellence.audit_log_sealed AS s ON s.audit_id = c.audit_id AND s.row_hash = c.row_hash
    WHERE (c.audit_id >= LEAST(young, held)) IS NOT TRUE;
    note := pggit_excellence._purge_note(COALESCE(last_audit_id, before.last_audit_id, 0) + 1, young, held);
    IF last_audit_id IS NULL THEN
        status := CASE WHEN note IS NULL THEN 'nothing to do' ELSE 'kept' END;
        row_count := 0;
        RETURN NEXT;
        RETURN;
    END IF;

    PERFORM pggit_excellence._require_intact(last_audit_id);
    SELECT pg_catalog.count(*), pg_catalog.min(s.occurred_at), pg_catalog.max(s.occurred_at)
    INTO row_count, first_event, last_event
    FROM pggit_excellence.audit_log_sealed AS s WHERE s.audit_id <= purge_audit_log.last_audit_id;
    status := CASE WHEN dry_run THEN 'planned' ELSE 'purged' END;
    IF NOT dry_run THEN
        event := pggit_excellence.record_audit_event('audit', pg_catalog.jsonb_build_object(
            'action', 'purged', 'rows', row_count, 'last_audit_id', last_audit_id, 'first_event', first_event, 'last_event', last_event));
        INSERT INTO pggit_excellence.audit_purges AS p (last_audit_id, row_hash, chain, row_count, first_event, last_event, event_id)
        SELECT s.audit_id, s.row_hash,
               COALESCE(before.chain, (SELECT f.previous_hash FROM pggit_excellence.audit_log_sealed AS f WHERE f.audit_id = 1)),
               purge_audit_log.row_count, purge_audit_log.first_event, purge_audit_log.last_event, event
        FROM pggit_excellence.audit_log_sealed AS s WHERE s.audit_id = purge_audit_log.last_audit_id;
        DELETE FROM pggit_excellence.audit_log_sealed AS s WHERE s.audit_id <= purge_audit_log.last_audit_id;
    END IF;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.purge_audit_log(interval, boolean) IS
$comment$Deletes the oldest events of audit_log, for good: the beginning of the chain, up to the last row that a signed checkpoint covers with everything before it older than older_than and under no legal hold (a hold keeps all events of its time). Number and hash of the last row that went stay in audit_purges, so that verify_audit_chain() and pggit-excellence audit verify still prove the rest. dry_run (the default) says what would go. An error where what would go is not as it was.
status: planned, purged, kept (what is old has to stay: see note), nothing to do. row_count: rows that go; last_audit_id: the last of them, NULL: none goes. note: what stays though it is old, and why, NULL: nothing. Locks nobody out but a new legal hold.$comment$;

-- The first event of the chain that a standing hold covers, by its time; NULL: none.
CREATE FUNCTION pggit_excellence._first_held_event(before_id bigint)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.min(s.audit_id)
    FROM pggit_excellence.audit_log_sealed AS s
    WHERE (s.audit_id >= before_id) IS NOT TRUE
      AND EXISTS (
          SELECT FROM pggit_excellence.legal_holds AS k
          WHERE k.released_at IS NULL AND (s.occurred_at < k.changed_since) IS NOT TRUE AND (s.occurred_at >= k.changed_until) IS NOT TRUE)
$body$;
COMMENT ON FUNCTION pggit_excellence._first_held_event(bigint) IS
    'Internal: the first row of the chain before this one that has the time of a legal hold; before_id NULL: of all; NULL: there is none. Source: legal_holds.';

-- What stays though it is old, and why; NULL: nothing.
--   first_left   the first row that stays; young, held: the first row that is not old, and that is held
CREATE FUNCTION pggit_excellence._purge_note(first_left bigint, young bigint, held bigint)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT NULLIF(pg_catalog.concat_ws('; ',
        CASE WHEN o.uncovered >= first_left
             THEN pg_catalog.format('rows %s to %s are old and stay: no signed checkpoint ends there; pggit-excellence audit checkpoint makes one of the end of the chain',
                                    first_left, o.uncovered) END,
        CASE WHEN held IS NOT NULL
             THEN pg_catalog.format('a legal hold keeps row %s and what comes after it', held) END), '')
    FROM (
        SELECT COALESCE(LEAST(young, held) - 1, pg_catalog.max(s.audit_id)) AS uncovered FROM pggit_excellence.audit_log_sealed AS s
    ) AS o
$body$;
COMMENT ON FUNCTION pggit_excellence._purge_note(bigint, bigint, bigint) IS
    'Internal: the note of purge_audit_log(): which old rows stay, and why; NULL: none.';

-- Refuse where the beginning of the chain is not as it was.
CREATE FUNCTION pggit_excellence._require_intact(to_id bigint)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    verified record;
BEGIN
    SELECT v.* INTO verified FROM pggit_excellence.verify_audit_chain(to_id => _require_intact.to_id) AS v;
    IF verified.intact IS NOT TRUE THEN
        RAISE EXCEPTION 'the audit log is not as it was: %, row %: %', verified.finding, verified.at_audit_id, verified.note
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Nothing was deleted: it is evidence. pggit-excellence audit verify says what is proved.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._require_intact(bigint) IS
    'Internal: raises where verify_audit_chain() finds something up to this row.';
