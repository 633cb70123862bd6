-- Where sessions get a parameter from, when they do not set it themselves: the server's configuration, and what is stored
-- for roles and databases of the whole cluster.
--   mend  the SQL that takes the value away
CREATE FUNCTION pggit_excellence._stored_settings(parameter text)
RETURNS TABLE (place text, value text, mend text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'server (' || s.source || ')', s.setting,
           CASE s.source WHEN 'configuration file'
                THEN pg_catalog.format(E'ALTER SYSTEM SET %I = %L;\nSELECT pg_catalog.pg_reload_conf()', s.name, s.boot_val)
                ELSE pg_catalog.format('-- start the server without %s on its %s', s.name, s.source) END
    FROM pg_catalog.pg_settings AS s
    WHERE s.name = parameter AND s.source IN ('configuration file', 'command line', 'environment variable')
    UNION ALL
    SELECT pg_catalog.concat_ws(' ', CASE WHEN d.setrole <> 0 THEN 'role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.setrole))
                                          WHEN d.setdatabase = 0 THEN 'every role' END,
                                     CASE WHEN d.setrole <> 0 AND d.setdatabase <> 0 THEN 'in' END,
                                     'database ' || pg_catalog.quote_ident(b.datname)),
           pg_catalog.substr(u.setting, pg_catalog.length(parameter) + 2),
           pg_catalog.format('ALTER %s RESET %I', CASE
               WHEN d.setrole = 0 AND d.setdatabase <> 0 THEN 'DATABASE ' || pg_catalog.quote_ident(b.datname)
               ELSE 'ROLE ' || CASE d.setrole WHEN 0 THEN 'ALL' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.setrole)) END
                    || COALESCE(' IN DATABASE ' || pg_catalog.quote_ident(b.datname), '') END, parameter)
    FROM pg_catalog.pg_db_role_setting AS d
    CROSS JOIN LATERAL pg_catalog.unnest(d.setconfig) AS u (setting)
    LEFT JOIN pg_catalog.pg_database AS b ON b.oid = d.setdatabase
    WHERE pg_catalog.lower(pg_catalog.split_part(u.setting, '=', 1)) = pg_catalog.lower(parameter)
$body$;
COMMENT ON FUNCTION pggit_excellence._stored_settings(text) IS
    'Internal: what the server''s configuration, roles and databases set a parameter to: place, value, and the SQL that takes it away. Source: pg_settings, pg_db_role_setting.';
