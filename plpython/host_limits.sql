-- Limits of the process and the kernel that matter to PostgreSQL.
CREATE FUNCTION pggit_excellence.host_limits()
RETURNS TABLE (name text, value text, recommended text, status text, note text)
LANGUAGE plpython3u STABLE PARALLEL RESTRICTED ROWS 15
SET search_path = pg_catalog, pg_temp
AS $pggit_py$
# >>> python host_limits.py
settings = plpy.execute("SELECT s.name, s.setting FROM pg_catalog.pg_settings AS s")
return host_limits(Host({row["name"]: row["setting"] for row in settings}, postmaster_pid=os.getppid()))
$pggit_py$;
REVOKE ALL ON FUNCTION pggit_excellence.host_limits() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pggit_excellence.host_limits() TO pg_monitor;
COMMENT ON FUNCTION pggit_excellence.host_limits() IS
$comment$Limits of the server's processes and kernel settings against what PostgreSQL's settings need, or what its documentation recommends.
value: as found; NULL = not known. recommended: what it should be. status: ok, warning, unknown. note: why it matters, and the unit.
Source: /proc, /sys and pg_settings, of the host or container of the server. Takes no lock.$comment$;
