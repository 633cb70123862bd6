-- Is the audit on, is everything sealed and signed, and what was lost? One row.
CREATE FUNCTION pggit_excellence.audit_status()
RETURNS TABLE (
    enabled boolean, sealed bigint, pending bigint, oldest_pending timestamptz, last_checkpoint bigint, checkpoint_at timestamptz,
    lost bigint, refused bigint, note text
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    states text := pggit_excellence._audit_trigger_states();
BEGIN
    enabled := (SELECT pg_catalog.bool_and(t.state = 'always') FROM pggit_excellence._audit_triggers() AS t);
    sealed := COALESCE(GREATEST((SELECT pg_catalog.max(s.audit_id) FROM pggit_excellence.audit_log_sealed AS s),
                                (SELECT pg_catalog.max(p.last_audit_id) FROM pggit_excellence.audit_purges AS p)), 0);
    SELECT pg_catalog.count(*), pg_catalog.min(p.occurred_at) INTO pending, oldest_pending FROM pggit_excellence.audit_log_pending AS p;
    SELECT c.audit_id, c.recorded_at INTO last_checkpoint, checkpoint_at
    FROM pggit_excellence.audit_checkpoints AS c ORDER BY c.audit_id DESC LIMIT 1;
    IF NOT pg_catalog.pg_is_in_recovery() THEN
        lost := COALESCE(pg_catalog.pg_sequence_last_value('pggit_excellence.audit_errors'), 0);
        refused := (SELECT COALESCE(pg_catalog.sum(pggit_excellence._ddl_refusals(l.limit_id)), 0) FROM pggit_excellence.ddl_rate_limits AS l);
    END IF;
    note := NULLIF(pg_catalog.concat_ws('; ',
        CASE WHEN states LIKE '%missing%missing%' THEN 'DDL is not recorded: a superuser turns it on with SELECT * FROM pggit_excellence.enable_audit()'
             WHEN NOT enabled THEN states || ': run SELECT * FROM pggit_excellence.enable_audit()' END,
        CASE WHEN pg_catalog.clock_timestamp() - oldest_pending > '10 minutes' THEN 'nobody seals: run maintain() every minute or so' END,
        CASE WHEN sealed > 0 AND last_checkpoint IS NULL THEN 'nothing is signed: run pggit-excellence audit checkpoint' END,
        CASE WHEN pg_catalog.clock_timestamp() - checkpoint_at > '1 day' AND sealed > last_checkpoint
             THEN 'the last checkpoint is older than a day: run pggit-excellence audit checkpoint' END,
        CASE WHEN lost > 0 THEN 'the server''s log may tell why events were lost (pggit_excellence could not ...)' END), '');
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.audit_status() IS
    'Whether DDL is recorded (enabled: both event triggers there and ENABLE ALWAYS), one row: the last place in the chain, events that wait for sealing and since when (NULL: none), the last row that a checkpoint covers and when that was stored (NULL: none), lost: DDL commands that passed unrecorded or unlimited because of an error of ours, refused: those that rate limits refused; both NULL on a standby. note: what is wrong or off, NULL: nothing. SECURITY DEFINER, so that readers need no privilege on the sequences. Source: audit_log, audit_checkpoints, pg_event_trigger, sequences.';
