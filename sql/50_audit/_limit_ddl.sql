-- Take a token from a bucket: 0, or for how many nanoseconds there is none. The bucket's state is one number, the time (ns
-- since 1970) from which on it would be full again (GCRA, the generic cell rate algorithm).
--
-- One session at a time, for some microseconds and not to the end of its transaction: a table lock that is taken in a
-- subtransaction goes when that is rolled back, and the sequence keeps what it was set to. An advisory lock could be held
-- by anybody.
CREATE FUNCTION pggit_excellence._take_ddl_token(limited pggit_excellence.ddl_rate_limits)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    state   regclass := pg_catalog.format('pggit_excellence.%I', 'ddl_rate_' || limited.limit_id || '_state')::regclass;
    refused regclass := pg_catalog.format('pggit_excellence.%I', 'ddl_rate_' || limited.limit_id || '_refused')::regclass;
    spacing bigint := EXTRACT(epoch FROM limited.per) * 1000000000 / limited.statements;
    moment  bigint;
    full_at bigint;
    wait    bigint;
BEGIN
    BEGIN
        LOCK TABLE pggit_excellence.ddl_rate_limits IN SHARE UPDATE EXCLUSIVE MODE;
        moment := EXTRACT(epoch FROM pg_catalog.clock_timestamp()) * 1000000000;
        -- Where the clock went back, an empty bucket, not a longer wait.
        full_at := GREATEST(LEAST(pg_catalog.pg_sequence_last_value(state), moment + spacing * limited.statements), moment) + spacing;
        wait := GREATEST(full_at - moment - spacing * limited.statements, 0);
        IF wait = 0 THEN
            PERFORM pg_catalog.setval(state, full_at);
        ELSE
            PERFORM pg_catalog.setval(refused, COALESCE(pg_catalog.pg_sequence_last_value(refused), 0) + 1);
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'PGX01';
    EXCEPTION WHEN SQLSTATE 'PGX01' THEN NULL;
    END;
    RETURN wait;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._take_ddl_token(pggit_excellence.ddl_rate_limits) IS
    'Internal: take a token from a limit''s bucket, or count a refusal; returns 0, or nanoseconds until there is one.';

-- Refuse DDL beyond the limit, and nothing else: an error of ours is counted, and the DDL passes.
-- SECURITY DEFINER: whoever runs DDL must have no right on limits and buckets.
CREATE FUNCTION pggit_excellence._limit_ddl()
RETURNS event_trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $body$
DECLARE
    limited pggit_excellence.ddl_rate_limits;
    wait    bigint := 0;
BEGIN
    -- It must be the first to get a transaction number, which counting needs.
    IF TG_TAG = 'DROP INDEX' AND pg_catalog.current_query() ~* 'concurrently' THEN
        RETURN;
    END IF;
    BEGIN
        SELECT l.* INTO limited FROM pggit_excellence.ddl_rate_limits AS l WHERE l.role_name = session_user;
        IF NOT FOUND AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user) THEN
            SELECT l.* INTO limited FROM pggit_excellence.ddl_rate_limits AS l WHERE l.role_name = 'public';
        END IF;
        IF limited.statements IS NOT NULL AND NOT pggit_excellence._guards_off() THEN
            wait := pggit_excellence._take_ddl_token(limited);
        END IF;
    EXCEPTION WHEN OTHERS THEN
        BEGIN
            RAISE LOG 'pggit_excellence could not limit %: %', TG_TAG, SQLERRM;
            PERFORM pg_catalog.nextval('pggit_excellence.audit_errors');
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END;
    IF wait > 0 THEN
        RAISE EXCEPTION 'role % has run its % DDL statements per %', pg_catalog.quote_ident(session_user), limited.statements, limited.per
            USING ERRCODE = 'configuration_limit_exceeded',
                  DETAIL = pg_catalog.format('retry_after_seconds=%s', pg_catalog.round(wait / 1e9, 3)),
                  HINT = pg_catalog.format('Try again in %s s. A superuser sets limits with pggit_excellence.set_ddl_rate_limit().',
                                           pg_catalog.ceil(wait / 1e9));
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._limit_ddl() IS
    'Internal: event trigger that refuses DDL beyond the limits of ddl_rate_limits, SECURITY DEFINER because whoever runs DDL must have no right on them. See set_ddl_rate_limit().';
