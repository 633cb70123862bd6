-- Keep changes where and as they are: archive_history() leaves them, purge_archive() keeps them, pseudonymize_user() does not
-- touch them. What is named narrows it; a hold without anything named covers everything.
-- Waits for a running archive_history(), purge_archive() or pseudonymize_user(): after it nothing that is held goes.
CREATE FUNCTION pggit_excellence.set_legal_hold(
    reason text, object_name text DEFAULT NULL, user_name text DEFAULT NULL,
    changed_since timestamptz DEFAULT NULL, changed_until timestamptz DEFAULT NULL
)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    placed bigint;
BEGIN
    IF pg_catalog.btrim(COALESCE(reason, '')) = '' THEN
        RAISE EXCEPTION 'no reason given for the hold'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the case, so that the next reader knows when it may be released.';
    ELSIF pg_catalog.btrim(object_name) = '' OR pg_catalog.btrim(user_name) = '' THEN
        RAISE EXCEPTION 'the hold would cover nothing: it names an object or a user without a name'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL means every object, every user.';
    ELSIF changed_since >= changed_until THEN
        RAISE EXCEPTION 'the hold would cover nothing: it begins at % and ends at %', changed_since, changed_until
            USING ERRCODE = 'invalid_parameter_value', HINT = 'changed_since is the earlier one; NULL means no limit.';
    END IF;
    INSERT INTO pggit_excellence.legal_holds AS h (reason, object_name, user_name, changed_since, changed_until)
    VALUES (set_legal_hold.reason, set_legal_hold.object_name, set_legal_hold.user_name,
            set_legal_hold.changed_since, set_legal_hold.changed_until)
    RETURNING h.hold_id INTO placed;
    PERFORM pggit_excellence.record_audit_event('legal_hold', pg_catalog.to_jsonb(h.*))
    FROM pggit_excellence.legal_holds AS h WHERE h.hold_id = placed;
    IF NOT pggit_excellence._hold_covers_something(placed) THEN
        RAISE WARNING 'hold % covers nothing that is recorded until now', placed
            USING HINT = 'Names are what full_name in pggit.objects and created_by in pggit.history are, letter by letter. It stands for what comes.';
    END IF;
    RETURN placed;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.set_legal_hold(text, text, text, timestamptz, timestamptz) IS
    'Places a legal hold and returns its number: changes of this object (and its columns), by this user, since and until these times stay as and where they are, neither archived nor purged nor pseudonymized. NULL: not narrowed. Warns where nothing recorded so far is covered. Waits for a running archive_history(), purge_archive() or pseudonymize_user().';

-- Whether a hold covers any change, archived or not: a misspelled name would protect nothing. Reads all where it covers nothing.
CREATE FUNCTION pggit_excellence._hold_covers_something(hold_id bigint)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET row_security = off
SET jit = off
AS $body$
DECLARE
    hold pggit_excellence.legal_holds;
BEGIN
    SELECT k.* INTO hold FROM pggit_excellence.legal_holds AS k WHERE k.hold_id = _hold_covers_something.hold_id;
    IF EXISTS (
        SELECT FROM pggit_excellence.history_archive AS a
        WHERE pggit_excellence._hold_covers(hold, a.object_name, a.created_by, a.changed_at))
    THEN
        RETURN true;
    ELSIF pggit_excellence._pggit_table('history') IS NULL OR pggit_excellence._pggit_table('objects') IS NULL THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT FROM pggit.history AS h
        LEFT JOIN pggit.objects AS o ON o.id = h.object_id
        WHERE pggit_excellence._hold_covers(hold, o.full_name, h.created_by, h.created_at::timestamptz));
EXCEPTION WHEN insufficient_privilege OR undefined_column OR undefined_function THEN
    RETURN true;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._hold_covers_something(bigint) IS
    'Internal: whether a legal hold covers any change that is recorded now; true where that cannot be seen.';

-- Release a hold. Its row stays, with who, when and why.
CREATE FUNCTION pggit_excellence.release_legal_hold(hold_id bigint, reason text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.btrim(COALESCE(reason, '')) = '' THEN
        RAISE EXCEPTION 'no reason given for releasing hold %', hold_id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Say who decided that the case is over.';
    END IF;
    UPDATE pggit_excellence.legal_holds AS h
    SET released_at = pg_catalog.clock_timestamp(), released_by = session_user, release_reason = release_legal_hold.reason
    WHERE h.hold_id = release_legal_hold.hold_id AND h.released_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no hold % stands', COALESCE(hold_id::text, 'NULL')
            USING ERRCODE = 'no_data_found', HINT = 'The table pggit_excellence.legal_holds has all of them, released ones included.';
    END IF;
    PERFORM pggit_excellence.record_audit_event('legal_hold', pg_catalog.to_jsonb(h.*))
    FROM pggit_excellence.legal_holds AS h WHERE h.hold_id = release_legal_hold.hold_id;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.release_legal_hold(bigint, text) IS
    'Releases a legal hold; its row stays as evidence, with who released it, when and why. An error where no such hold stands.';

-- Whether a hold covers a change. One expression, all of it qualified: it is inlined into the queries over many rows.
CREATE FUNCTION pggit_excellence._hold_covers(
    hold pggit_excellence.legal_holds, object_name text, user_name text, changed_at timestamptz
)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT hold.released_at IS NULL
       AND (hold.object_name IS NULL OR object_name OPERATOR(pg_catalog.=) hold.object_name
            OR pg_catalog.starts_with(object_name, hold.object_name OPERATOR(pg_catalog.||) '.'))
       AND (hold.user_name IS NULL OR user_name OPERATOR(pg_catalog.=) hold.user_name)
       AND (hold.changed_since IS NULL OR changed_at OPERATOR(pg_catalog.>=) hold.changed_since)
       AND (hold.changed_until IS NULL OR changed_at OPERATOR(pg_catalog.<) hold.changed_until)
$body$;
COMMENT ON FUNCTION pggit_excellence._hold_covers(pggit_excellence.legal_holds, text, text, timestamptz) IS
    'Internal: whether a standing hold covers a change of this object, by this user, at this time. NULL counts as no: what is not known about a change is not named by a hold.';
