-- Where pg_stat_statements is in this database, and whether it can be read. Always one row.
-- `problem` says what to do; NULL: it can be read, and the other columns are known.
CREATE FUNCTION pggit_excellence._statement_source()
RETURNS TABLE (schema_name text, columns text[], stats_reset timestamptz, dealloc bigint, problem text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    loaded   boolean;
    readable boolean;
BEGIN
    -- Its settings are shown only where the server loaded it at its start.
    loaded := EXISTS (SELECT FROM pg_catalog.pg_settings AS s WHERE s.name = 'pg_stat_statements.max');

    -- The functions' result names tell what this version of the extension has; after pg_upgrade it may be an old one.
    SELECT n.nspname, reader.proargnames,
           pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_function_privilege(reader.oid, 'EXECUTE')
           AND COALESCE(pg_catalog.has_function_privilege(info.oid, 'EXECUTE'), true)
    INTO schema_name, columns, readable
    FROM pg_catalog.pg_extension AS e
    JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    JOIN pg_catalog.pg_proc AS reader
        ON reader.pronamespace = n.oid AND reader.proname = 'pg_stat_statements' AND reader.pronargs = 1
    LEFT JOIN pg_catalog.pg_proc AS info
        ON info.pronamespace = n.oid AND info.proname = 'pg_stat_statements_info' AND info.pronargs = 0
    WHERE e.extname = 'pg_stat_statements';

    problem := CASE
        WHEN NOT loaded THEN
            'The server did not load pg_stat_statements: add it to shared_preload_libraries, restart the server'
            || CASE WHEN schema_name IS NULL THEN ', then run CREATE EXTENSION pg_stat_statements in this database.' ELSE '.' END
        WHEN schema_name IS NULL THEN
            'pg_stat_statements is not installed in this database: run CREATE EXTENSION pg_stat_statements.'
        WHEN NOT columns @> '{toplevel}' THEN
            'pg_stat_statements is older than its library: run ALTER EXTENSION pg_stat_statements UPDATE.'
        WHEN NOT readable THEN pg_catalog.format(
            'Role %I may not read pg_stat_statements: grant it USAGE on schema %I and EXECUTE on the functions pg_stat_statements and pg_stat_statements_info.',
            current_user, schema_name)
    END;
    IF problem IS NULL THEN
        EXECUTE pg_catalog.format('SELECT i.stats_reset, i.dealloc FROM %I.pg_stat_statements_info() AS i', schema_name)
        INTO stats_reset, dealloc;
    END IF;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._statement_source() IS
    'Internal: schema, columns, time of the last reset and evictions of pg_stat_statements, or the problem that keeps it from being read.';

-- pg_stat_statements in one shape for all its versions. `problem` of _statement_source() must be NULL.
--   with_text  false leaves `query` NULL and does not read the file of query texts
-- Names are NULL where the role or the database was dropped, queryid is NULL where the caller may not see the statement.
CREATE FUNCTION pggit_excellence._statements(with_text boolean)
RETURNS TABLE (
    database_name text, user_name text, queryid bigint, toplevel boolean, query text, calls bigint,
    total_exec_time double precision, max_exec_time double precision, rows bigint,
    plans bigint, total_plan_time double precision,
    shared_blks_hit bigint, shared_blks_read bigint, temp_blks_read bigint, temp_blks_written bigint,
    shared_blk_read_time double precision, shared_blk_write_time double precision,
    wal_bytes numeric, jit_functions bigint, jit_time double precision,
    stats_since timestamptz, minmax_stats_since timestamptz
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5000
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    source  record;
    -- What came later: 1.10 (PostgreSQL 15) JIT; 1.11 (17) the times and new names for block times.
    jit     text := 'NULL::bigint, NULL::double precision';
    io      text := 's.blk_read_time, s.blk_write_time';
    started text := 'NULL::timestamptz, NULL::timestamptz';
BEGIN
    SELECT f.schema_name, f.columns INTO source FROM pggit_excellence._statement_source() AS f;
    IF source.columns @> '{jit_functions}' THEN
        jit := 's.jit_functions, s.jit_generation_time + s.jit_inlining_time + s.jit_optimization_time + s.jit_emission_time';
    END IF;
    IF source.columns @> '{stats_since}' THEN
        io := 's.shared_blk_read_time, s.shared_blk_write_time';
        started := 's.stats_since, s.minmax_stats_since';
    END IF;
    RETURN QUERY EXECUTE pg_catalog.format(
        'SELECT d.datname::text, r.rolname::text, s.queryid, s.toplevel, s.query, s.calls, '
        's.total_exec_time, s.max_exec_time, s.rows, s.plans, s.total_plan_time, '
        's.shared_blks_hit, s.shared_blks_read, s.temp_blks_read, s.temp_blks_written, '
        || io || ', s.wal_bytes, ' || jit || ', ' || started ||
        ' FROM %I.pg_stat_statements($1) AS s '
        'LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid '
        'LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid', source.schema_name)
    USING with_text;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._statements(boolean) IS
    'Internal: pg_stat_statements in one shape for all its versions; columns that a version lacks are NULL. Times in milliseconds.';
