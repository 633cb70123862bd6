-- Keep a copy of a signed checkpoint beside the chain. Called by pggit-excellence audit checkpoint; the same one again is
-- no error. What proves something is the file that the command wrote.
-- SECURITY DEFINER: operators add checkpoints and can neither change nor remove them.
CREATE FUNCTION pggit_excellence.record_audit_checkpoint(audit_id bigint, row_hash bytea, envelope jsonb)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pggit_excellence.audit_log_sealed AS s
        WHERE s.audit_id = record_audit_checkpoint.audit_id AND s.row_hash = record_audit_checkpoint.row_hash)
       AND NOT EXISTS (
        SELECT FROM pggit_excellence.audit_purges AS p
        WHERE p.last_audit_id = record_audit_checkpoint.audit_id AND p.row_hash = record_audit_checkpoint.row_hash)
    THEN
        RAISE EXCEPTION 'audit_log has no row % with this hash', COALESCE(record_audit_checkpoint.audit_id::text, 'NULL')
            USING ERRCODE = 'no_data_found', HINT = 'A checkpoint is of a sealed row; pggit-excellence audit checkpoint makes them.';
    ELSIF COALESCE(pg_catalog.jsonb_typeof(record_audit_checkpoint.envelope), '') <> 'object' THEN
        RAISE EXCEPTION 'the envelope of a checkpoint is a JSON object'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'A DSSE envelope; pggit-excellence audit checkpoint makes them.';
    END IF;
    INSERT INTO pggit_excellence.audit_checkpoints AS c (audit_id, row_hash, envelope)
    VALUES (record_audit_checkpoint.audit_id, record_audit_checkpoint.row_hash, record_audit_checkpoint.envelope)
    ON CONFLICT ON CONSTRAINT audit_checkpoints_pkey DO NOTHING;
    RETURN FOUND;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.record_audit_checkpoint(bigint, bytea, jsonb) IS
    'Keeps a copy of a signed checkpoint of audit_log''s row audit_id in audit_checkpoints; false: there was one already. Called by pggit-excellence audit checkpoint. SECURITY DEFINER: operators may add copies and not change them.';
