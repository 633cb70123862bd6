-- How full the disks below PostgreSQL's directories are. Percentages from which the status is warning and critical.
CREATE FUNCTION pggit_excellence.host_disk(warning_percent numeric DEFAULT 80, critical_percent numeric DEFAULT 90)
RETURNS TABLE (
    name                text,
    path                text,
    mount               text,
    filesystem          text,
    total_bytes         bigint,
    free_bytes          bigint,
    percent_used        numeric,
    free_inodes         bigint,
    percent_inodes_used numeric,
    status              text,
    note                text
)
LANGUAGE plpython3u STABLE PARALLEL RESTRICTED ROWS 5
SET search_path = pg_catalog, pg_temp
AS $pggit_py$
# >>> python host_disk.py
settings = plpy.execute("SELECT s.name, s.setting FROM pg_catalog.pg_settings AS s "
                        "WHERE s.name IN ('data_directory', 'logging_collector', 'log_directory')")
setting = {row["name"]: row["setting"] for row in settings}
log_directory = setting.get("log_directory") if setting.get("logging_collector") == "on" else None
tablespaces = plpy.execute("SELECT t.spcname, pg_catalog.pg_tablespace_location(t.oid) AS path "
                           "FROM pg_catalog.pg_tablespace AS t "
                           "WHERE pg_catalog.pg_tablespace_location(t.oid) <> '' ORDER BY t.spcname")
return host_disk(directories(setting.get("data_directory"), log_directory,
                             [(row["spcname"], row["path"]) for row in tablespaces]),
                 (warning_percent, critical_percent))
$pggit_py$;
REVOKE ALL ON FUNCTION pggit_excellence.host_disk(numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pggit_excellence.host_disk(numeric, numeric) TO pg_monitor;
COMMENT ON FUNCTION pggit_excellence.host_disk(numeric, numeric) IS
$comment$The filesystem of the data directory, pg_wal, each tablespace, the temporary files of the default tablespace and the log directory (where the server writes logs itself).
total_bytes, free_bytes: what the server's user may use and still has; percent_used: 0..100 of it. free_inodes: NULL = the filesystem does not count them.
status: ok, warning, critical by the fuller of space and inodes; unknown with a note where it cannot be read. Source: statvfs(2) and /proc/self/mounts. Takes no lock.$comment$;
