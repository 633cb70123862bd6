-- Facts about the host from host_security() of the companion extension, of one kind. It is looked up at the call; where
-- it is missing or denied, the error says how to get it.
CREATE FUNCTION pggit_excellence._host_facts(kind text)
RETURNS TABLE (path text, mode text, owner text, detail jsonb, note text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    helper pg_catalog.regprocedure := pg_catalog.to_regprocedure('pggit_excellence.host_security(text)');
BEGIN
    IF helper IS NULL THEN
        RAISE EXCEPTION 'the host is not visible from SQL: CREATE EXTENSION pggit_excellence_plpython3u CASCADE, where the server has PL/Python'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    ELSIF NOT pg_catalog.has_function_privilege(helper::oid, 'EXECUTE') THEN
        RAISE EXCEPTION 'no privilege: GRANT EXECUTE ON FUNCTION % TO %', helper, pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY EXECUTE 'SELECT h.path, h.mode, h.owner, h.detail::jsonb, h.note FROM pggit_excellence.host_security($1) AS h' USING kind;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._host_facts(text) IS
    'Internal: facts of one kind from host_security(); an error that says what to do where the companion is not there or denied.';

-- A path that PostgreSQL takes relative to its data directory, made absolute.
CREATE FUNCTION pggit_excellence._data_path(path text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN path LIKE '/%' THEN path ELSE pggit_excellence._setting('data_directory') || '/' || path END
$body$;
COMMENT ON FUNCTION pggit_excellence._data_path(text) IS 'Internal: a path relative to the data directory made absolute.';

-- The verdict on the modes of files: fail where a file of the kind has one of the forbidden bits.
--   skipped    why there is nothing to look at; NULL: look
--   forbidden  permission bits as a number (18 = 022, 23 = 027, 63 = 077)
--   target     the mode for chmod
CREATE FUNCTION pggit_excellence._mode_verdict(kind text, skipped text, forbidden integer, target text)
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    files  jsonb;
    unread text;
    paths  text;
BEGIN
    IF skipped IS NOT NULL THEN
        RETURN QUERY SELECT 'not_applicable', pg_catalog.jsonb_build_object('reason', skipped), NULL::text;
        RETURN;
    END IF;
    SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('path', f.path, 'mode', f.mode, 'owner', f.owner) ORDER BY f.path)
               FILTER (WHERE f.bits & forbidden <> 0),
           pg_catalog.string_agg(f.path || ': ' || f.note, '; ' ORDER BY f.path) FILTER (WHERE f.bits IS NULL),
           pg_catalog.string_agg(pggit_excellence._shell_quoted(f.path), ' ' ORDER BY f.path) FILTER (WHERE f.bits & forbidden <> 0)
    INTO files, unread, paths
    FROM (SELECT h.path, h.mode, h.owner, h.note, (h.detail ->> 'bits')::integer AS bits
          FROM pggit_excellence._host_facts(kind) AS h) AS f;
    RETURN QUERY SELECT
        CASE WHEN files IS NOT NULL THEN 'fail' WHEN unread IS NOT NULL THEN 'unknown' ELSE 'pass' END,
        pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('files', files, 'reason', unread)),
        CASE WHEN files IS NOT NULL THEN E'# On the server''s host, as the owner:\n' || pg_catalog.format('chmod %s %s', target, paths) END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._mode_verdict(text, text, integer, text) IS
    'Internal: the verdict on the permission bits of the files of one kind that host_security() sees.';
