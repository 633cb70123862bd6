-- How often a limit has refused.
CREATE FUNCTION pggit_excellence._ddl_refusals(limit_id integer)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT COALESCE(pg_catalog.pg_sequence_last_value(
        pg_catalog.to_regclass(pg_catalog.format('pggit_excellence.%I', 'ddl_rate_' || limit_id || '_refused'))), 0)
$body$;
COMMENT ON FUNCTION pggit_excellence._ddl_refusals(integer) IS
    'Internal: how many statements a rate limit has refused since it was set. Source: its sequence.';

-- Limit how many DDL statements a role may run, as a token bucket: `statements` of them at once, and one more each
-- per/statements from then on.
--   role_name         a session user (SET ROLE does not evade it); public: all who have no limit of their own and are no
--                     superusers, together
--   statements, per   NULL: as many as they like, for exemptions from the limit of public
-- The bucket is in a sequence, because what was used must count whatever becomes of the transaction, and no session may
-- wait for another one's commit.
CREATE FUNCTION pggit_excellence.set_ddl_rate_limit(role_name text, statements integer, per interval DEFAULT '1 minute')
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
SET client_min_messages = warning
AS $body$
DECLARE
    number   integer;
    sequence text;
BEGIN
    IF set_ddl_rate_limit.role_name IS NULL OR set_ddl_rate_limit.role_name <> 'public' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = set_ddl_rate_limit.role_name)
    THEN
        RAISE EXCEPTION 'no such role: %', pg_catalog.quote_nullable(set_ddl_rate_limit.role_name)
            USING ERRCODE = 'undefined_object', HINT = 'Role names are case-sensitive and unquoted here; public means all roles without a limit of their own.';
    ELSIF set_ddl_rate_limit.statements IS NOT NULL
          AND NOT COALESCE(set_ddl_rate_limit.statements BETWEEN 1 AND 1000000
                           AND set_ddl_rate_limit.per BETWEEN '1 second' AND '366 days', false)
    THEN
        RAISE EXCEPTION 'no limit: % statements per %', set_ddl_rate_limit.statements, COALESCE(set_ddl_rate_limit.per::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = '1 to 1000000 statements in 1 second to 366 days; statements NULL: no limit for this role. To forbid DDL altogether, REVOKE it.';
    END IF;

    -- No limit until all is made: it may be that of the session user.
    INSERT INTO pggit_excellence.ddl_rate_limits AS l (role_name) VALUES (set_ddl_rate_limit.role_name)
    ON CONFLICT ON CONSTRAINT ddl_rate_limits_pkey DO UPDATE SET statements = NULL, per = NULL
    RETURNING l.limit_id INTO number;
    -- Theirs is the owner of the table, whoever sets the limit; pg_dump leaves out that the table owns them.
    FOREACH sequence IN ARRAY ARRAY['ddl_rate_' || number || '_state', 'ddl_rate_' || number || '_refused'] LOOP
        EXECUTE pg_catalog.format('CREATE SEQUENCE IF NOT EXISTS pggit_excellence.%I', sequence);
        EXECUTE pg_catalog.format('ALTER SEQUENCE pggit_excellence.%I OWNER TO %I', sequence, (
            SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class AS c
            WHERE c.oid = 'pggit_excellence.ddl_rate_limits'::regclass));
        EXECUTE pg_catalog.format('ALTER SEQUENCE pggit_excellence.%I OWNED BY pggit_excellence.ddl_rate_limits.role_name', sequence);
    END LOOP;
    PERFORM pg_catalog.setval(('pggit_excellence.ddl_rate_' || number || '_state')::regclass, 1);
    PERFORM pggit_excellence._enable_event_trigger('pgx_rate_limit', 'ddl_command_start', '_limit_ddl', 'Limits DDL: pggit_excellence.ddl_rate_limits.');
    PERFORM pggit_excellence.record_audit_event('rate_limit', pg_catalog.jsonb_build_object(
        'action', 'limit set', 'limit_of', set_ddl_rate_limit.role_name, 'statements', set_ddl_rate_limit.statements,
        'per', CASE WHEN set_ddl_rate_limit.statements IS NOT NULL THEN set_ddl_rate_limit.per::text END));
    UPDATE pggit_excellence.ddl_rate_limits AS l
    SET statements = set_ddl_rate_limit.statements, set_at = pg_catalog.clock_timestamp(), set_by = session_user,
        per = CASE WHEN set_ddl_rate_limit.statements IS NOT NULL THEN set_ddl_rate_limit.per END
    WHERE l.limit_id = number;
    RETURN CASE WHEN set_ddl_rate_limit.statements IS NULL THEN pg_catalog.format('%s: no limit', set_ddl_rate_limit.role_name)
                ELSE pg_catalog.format('%s: %s DDL statements per %s', set_ddl_rate_limit.role_name, set_ddl_rate_limit.statements, set_ddl_rate_limit.per) END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.set_ddl_rate_limit(text, integer, interval) IS
    'Limits how many DDL statements the sessions of a role may run together: statements at once, and statements more in each interval per, evenly (token bucket). role_name public: all who have no limit of their own and are no superusers, together. statements NULL: no limit, for exemptions from that one. A statement counts when it begins, whatever becomes of it, those in functions and extension scripts too; beyond the limit it fails with SQLSTATE 53400 and says when to try again. Setting a limit fills its bucket. Returns the limit in words. Needs a superuser: it makes an event trigger.';
