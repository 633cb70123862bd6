-- What the PL/Python helpers of the companion extension see of the host, in one shape; without the companion one row
-- for each helper that says how to get it. The helpers are looked up at the call: the core does not need them.
CREATE FUNCTION pggit_excellence.host_report()
RETURNS TABLE (helper text, name text, value text, recommended text, status text, note text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT h.helper, pg_catalog.to_regprocedure(h.signature) AS found, h.columns
        FROM (VALUES
            ('host_disk', 'pggit_excellence.host_disk(numeric, numeric)',
             $columns$r.name, r.percent_used || ' %', NULL, r.status,
                 pg_catalog.concat_ws('; ', r.path, 'free: ' || pg_catalog.pg_size_pretty(r.free_bytes), r.note)$columns$),
            ('host_limits', 'pggit_excellence.host_limits()', 'r.name, r.value, r.recommended, r.status, r.note')
        ) AS h (helper, signature, columns)
    LOOP
        IF item.found IS NULL THEN
            RETURN QUERY SELECT item.helper::text, NULL::text, NULL::text, NULL::text, 'unknown',
                'the host is not visible from SQL: ' || CASE
                    WHEN EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pggit_excellence')
                    THEN 'CREATE EXTENSION pggit_excellence_plpython3u CASCADE, where the server has PL/Python'
                    ELSE 'the helpers are part of extension pggit_excellence_plpython3u, which needs the extension '
                        'pggit_excellence; here it was installed with psql' END;
        ELSIF NOT pg_catalog.has_function_privilege(item.found::oid, 'EXECUTE') THEN
            RETURN QUERY SELECT item.helper::text, NULL::text, NULL::text, NULL::text, 'unknown',
                pg_catalog.format('no privilege: GRANT EXECUTE ON FUNCTION %s TO %I; '
                    'or run SELECT pggit_excellence.grant_privileges() once, for the roles that create_roles() made before the companion was there',
                    item.found, current_user);
        ELSE
            RETURN QUERY EXECUTE pg_catalog.format(
                'SELECT %L::text, %s FROM pggit_excellence.%I() AS r', item.helper, item.columns, item.helper);
        END IF;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.host_report() IS
$comment$Disks and limits of the server's host, from host_disk() and host_limits() of extension pggit_excellence_plpython3u.
helper: which of them. name, value, recommended, status, note: as there (for disks, value is the share in use). status unknown with NULL name: the helper is not there, note says how to get it.
Source: statvfs(2), /proc and /sys through PL/Python. Takes no lock.$comment$;
