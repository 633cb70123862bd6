-- What the cryptographic library of the server's process does in FIPS terms.
CREATE FUNCTION pggit_excellence.host_fips()
RETURNS TABLE (fact text, value text, note text)
LANGUAGE plpython3u STABLE PARALLEL RESTRICTED ROWS 7
SET search_path = pg_catalog, pg_temp
AS $pggit_py$
# >>> python host_fips.py
return host_fips()
$pggit_py$;
REVOKE ALL ON FUNCTION pggit_excellence.host_fips() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pggit_excellence.host_fips() TO pg_monitor;
COMMENT ON FUNCTION pggit_excellence.host_fips() IS
$comment$What the kernel and the libcrypto in this server process say and do in FIPS terms; fips_status() judges it.
fact: kernel_mode (on, off), library (its version), default_properties (on: algorithms come from FIPS implementations only), providers (active ones), md5, sha256 (the provider that the digest comes from now, or refused), sha256_fips (the same when a FIPS implementation is asked for). value: NULL = not known. note: the file asked.
Source: /proc/sys/crypto/fips_enabled, /proc/self/maps, libcrypto through ctypes. Changes nothing. Takes no lock.$comment$;
