-- The hash of a row: SHA-256 over the hash before and the text of a JSON array of the row's content. jsonb has one text for a
-- value, whatever the session's settings; the time is microseconds since 1970. Qualified throughout instead of SET
-- search_path, so that it is inlined.
CREATE FUNCTION pggit_excellence._audit_hash(
    previous_hash bytea, audit_id bigint, event_id bigint, occurred_at timestamptz, event_kind text, actor text, database text,
    details jsonb
)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $body$
    SELECT pg_catalog.sha256(previous_hash OPERATOR(pg_catalog.||) pggit_excellence._hashed_text(
        pg_catalog.jsonb_build_array(
            audit_id, event_id, pg_catalog.trim_scale(EXTRACT(epoch FROM occurred_at) OPERATOR(pg_catalog.*) 1000000),
            event_kind, actor, database, details)::pg_catalog.text))
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_hash(bytea, bigint, bigint, timestamptz, text, text, text, jsonb) IS
    'Internal: the row_hash that a row of audit_log has, from its other columns; NULL: previous_hash is NULL.';
