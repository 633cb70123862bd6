-- Record what the command line read in a log file of the server, exactly once.
--   fingerprint    which file it is; file_name: how it is called, for people
--   from_position  up to where it had been read, to_position: up to where it is read now, in bytes
--   events         JSON array of objects: kind (event_kind) and details
-- Events and position are one transaction. Where another reader was quicker, nothing is recorded and false returned.
-- SECURITY DEFINER: whoever feeds the log must not be able to write the table, actor and time among its columns.
CREATE FUNCTION pggit_excellence.record_log_events(
    fingerprint text, file_name text, from_position bigint, to_position bigint, events jsonb
)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF COALESCE(record_log_events.fingerprint, '') = '' OR record_log_events.file_name IS NULL
       OR NOT COALESCE(from_position >= 0 AND to_position >= from_position, false)
       OR COALESCE(pg_catalog.jsonb_typeof(record_log_events.events), '') <> 'array'
    THEN
        RAISE EXCEPTION 'no part of a log file'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'pggit-excellence audit logins calls this function.';
    END IF;
    IF from_position = 0 THEN
        INSERT INTO pggit_excellence.audit_log_files AS f (fingerprint, file_name, read_to)
        VALUES (record_log_events.fingerprint, record_log_events.file_name, 0)
        ON CONFLICT ON CONSTRAINT audit_log_files_pkey DO NOTHING;
    END IF;
    UPDATE pggit_excellence.audit_log_files AS f
    SET read_to = record_log_events.to_position, file_name = record_log_events.file_name, read_at = pg_catalog.clock_timestamp()
    WHERE f.fingerprint = record_log_events.fingerprint AND f.read_to = record_log_events.from_position;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pggit_excellence.record_audit_event(e.event ->> 'kind', e.event -> 'details')
    FROM pg_catalog.jsonb_array_elements(record_log_events.events) WITH ORDINALITY AS e (event, number)
    ORDER BY e.number;
    RETURN true;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.record_log_events(text, text, bigint, bigint, jsonb) IS
    'Records events that were read in a log file of the server (JSON array of objects with kind and details) and how far the file is read, in one transaction; false, and nothing done, where from_position is not how far it had been read. Called by pggit-excellence audit logins. SECURITY DEFINER: whoever feeds the log must not be able to write the table.';
