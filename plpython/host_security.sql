-- Who can get at the server's files, as its own user sees them.
--   only_kind  of facts; NULL: all
CREATE FUNCTION pggit_excellence.host_security(only_kind text DEFAULT NULL)
RETURNS TABLE (kind text, path text, mode text, owner text, detail text, note text)
LANGUAGE plpython3u STABLE PARALLEL RESTRICTED ROWS 30
SET search_path = pg_catalog, pg_temp
AS $pggit_py$
# >>> python host_security.py
rows = plpy.execute("SELECT s.name, s.setting, s.sourcefile FROM pg_catalog.pg_settings AS s")
settings = {row["name"]: row["setting"] for row in rows}
settings["included files"] = {row["sourcefile"] for row in rows if row["sourcefile"] is not None}
# The program's path is that of the process; libraries and scripts are beside it, where PostgreSQL looks for them.
may_ask = plpy.execute("SELECT pg_catalog.has_function_privilege('pg_catalog.pg_config()', 'EXECUTE') AS may")[0]["may"]
programs = [] if not may_ask else [
    row["setting"] + ("/extension" if row["name"] == "SHAREDIR" else "")
    for row in plpy.execute("SELECT c.name, c.setting FROM pg_catalog.pg_config() AS c "
                            "WHERE c.name IN ('BINDIR', 'PKGLIBDIR', 'SHAREDIR')")]
return host_security(Host(settings, programs, postmaster_pid=os.getppid()), only_kind)
$pggit_py$;
REVOKE ALL ON FUNCTION pggit_excellence.host_security(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pggit_excellence.host_security(text) TO pg_monitor;
COMMENT ON FUNCTION pggit_excellence.host_security(text) IS
$comment$Modes, owners and contents of files on the server's host that decide who can get at it, as the server's user sees them; hardening_check() judges them.
kind (all where only_kind is NULL): certificate, configuration, data_directory, environment (of the postmaster), history (psql's), log_file (the 1,000 newest), private_key, profile, program, program_directory, service_file, socket_directory, wal_directory.
mode: octal; NULL = of no interest. owner: a user's name, or its number. detail: JSON by kind (certificates: not_before, not_after, signature, key_type, key_bits, self_signed; files: bits, the mode as a number, and server_user); no file's content is shown, only whether a password is in it. NULL detail: it could not be read, note says why.
Source: stat(2), /proc, the files. Takes no lock.$comment$;
