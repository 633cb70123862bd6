-- The counters that one step of the probe moves: time in pgGit's event trigger functions, scans of pgGit's relations.
-- Counters of this transaction only, so that other sessions do not disturb; they survive a subtransaction's rollback.
CREATE FUNCTION pggit_excellence._tracking_counters()
RETURNS TABLE (source text, name text, calls numeric, amount numeric, relation_rows numeric)
LANGUAGE sql VOLATILE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'trigger', d.function_name, COALESCE(f.calls, 0)::numeric, COALESCE(f.total_time, 0)::numeric, NULL::numeric
    FROM (
        SELECT DISTINCT p.oid, p.oid::pg_catalog.regprocedure::text AS function_name
        FROM pg_catalog.pg_event_trigger AS e
        JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = 'pggit'
    ) AS d
    LEFT JOIN pg_catalog.pg_stat_xact_user_functions AS f ON f.funcid = d.oid
    UNION ALL
    SELECT 'table', t.oid::pg_catalog.regclass::text, pg_catalog.pg_stat_get_xact_numscans(t.oid)::numeric,
           pg_catalog.pg_stat_get_xact_tuples_returned(t.oid)::numeric, t.reltuples::numeric
    FROM pg_catalog.pg_class AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = 'pggit'
    WHERE t.relkind IN ('r', 'p', 'm')
    UNION ALL
    SELECT 'index', x.oid::pg_catalog.regclass::text, pg_catalog.pg_stat_get_xact_numscans(x.oid)::numeric,
           pg_catalog.pg_stat_get_xact_tuples_returned(x.oid)::numeric, x.reltuples::numeric
    FROM pg_catalog.pg_class AS x
    JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace AND n.nspname = 'pggit'
    WHERE x.relkind = 'i'
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_counters() IS
    'Internal: this transaction''s counters of pgGit''s event trigger functions (calls, ms), tables (sequential scans, rows) and indexes (scans, entries).';

-- The statements of the probe, in order.
CREATE FUNCTION pggit_excellence._tracking_probe(probe_schema text)
RETURNS TABLE (step_no integer, step text, statement text)
LANGUAGE sql IMMUTABLE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT s.step_no, s.step, pg_catalog.format(s.template, probe_schema)
    FROM (
        VALUES
            (1, 'CREATE TABLE', 'CREATE TABLE %I.pggit_excellence_probe (c1 integer PRIMARY KEY, c2 text, c3 text, '
                || 'c4 integer, c5 numeric, c6 date, c7 text, c8 text, c9 boolean, c10 text)'),
            (2, 'CREATE INDEX', 'CREATE INDEX pggit_excellence_probe_c2 ON %I.pggit_excellence_probe (c2)'),
            (3, 'ALTER TABLE', 'ALTER TABLE %I.pggit_excellence_probe ADD COLUMN c11 text'),
            (4, 'DROP TABLE', 'DROP TABLE %I.pggit_excellence_probe')
    ) AS s (step_no, step, template)
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_probe(text) IS 'Internal: the DDL of tracking_cost()''s probe: a table of ten columns.';

-- Refuse with a reason where the probe cannot run.
CREATE FUNCTION pggit_excellence._tracking_probe_check(repetitions integer, probe_schema text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF repetitions IS NULL OR repetitions NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'repetitions is %', COALESCE(repetitions::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'From 1 to 100; the median is reported.';
    END IF;
    PERFORM pggit_excellence._require_pggit();
    PERFORM pggit_excellence._require_writable('probe');
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = probe_schema) THEN
        RAISE EXCEPTION 'no such schema: %', pg_catalog.quote_nullable(probe_schema)
            USING ERRCODE = 'invalid_schema_name', HINT = 'probe_schema names a schema that pgGit tracks, unquoted.';
    END IF;
    IF NOT pg_catalog.has_schema_privilege(probe_schema, 'CREATE') THEN
        RAISE EXCEPTION 'the probe needs to create a table in schema %', pg_catalog.quote_ident(probe_schema)
            USING ERRCODE = 'insufficient_privilege', HINT = 'Name a schema where you may create tables: probe_schema => ''...''.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_probe_check(integer, text) IS
    'Internal: raises a clear error where tracking_cost()''s probe cannot run.';

-- Why the triggers of pgGit do not fire in this session, or NULL.
CREATE FUNCTION pggit_excellence._tracking_off()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE
        WHEN pg_catalog.count(*) = 0 THEN 'pgGit has no event triggers in this database: nothing is tracked.'
        WHEN pg_catalog.current_setting('event_triggers', true) = 'off' THEN 'event_triggers is off: nothing is tracked.'
        WHEN pg_catalog.bool_and(e.evtenabled = 'D') THEN 'pgGit''s event triggers are disabled: nothing is tracked.'
        WHEN pg_catalog.bool_and(e.evtenabled <> CASE
                 WHEN pg_catalog.current_setting('session_replication_role') = 'replica' THEN 'R' ELSE 'O' END::"char"
             AND e.evtenabled <> 'A')
            THEN 'pgGit''s event triggers do not fire under session_replication_role = '
                 || pg_catalog.current_setting('session_replication_role') || ': nothing is tracked in this session.'
    END
    FROM pg_catalog.pg_event_trigger AS e
    JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = 'pggit'
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_off() IS
    'Internal: why no event trigger of pgGit fires in this session; NULL: at least one does.';

-- Run the probe once and roll it back. Returns one row per step and counter that moved, and one for the step's time.
CREATE FUNCTION pggit_excellence._tracking_probe_run(probe_schema text)
RETURNS TABLE (step_no integer, source text, name text, calls numeric, amount numeric, relation_rows numeric)
LANGUAGE plpgsql VOLATILE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    -- Arrays outlive the rollback of the block.
    result    jsonb := '[]';
    before    jsonb;
    moved     jsonb;
    probe     record;
    started   timestamptz;
    total     numeric;
    failure   text;
    can_time  boolean := pg_catalog.current_setting('track_functions') <> 'none';
BEGIN
    BEGIN
        BEGIN
            PERFORM pg_catalog.set_config('track_functions', 'all', true);
            can_time := true;
        EXCEPTION WHEN insufficient_privilege THEN NULL;  -- as the server has it
        END;
        FOR probe IN SELECT p.* FROM pggit_excellence._tracking_probe(probe_schema) AS p ORDER BY p.step_no LOOP
            SELECT pg_catalog.jsonb_object_agg(c.source || ' ' || c.name, pg_catalog.jsonb_build_array(c.calls, c.amount))
            INTO before FROM pggit_excellence._tracking_counters() AS c;

            started := pg_catalog.clock_timestamp();
            EXECUTE probe.statement;
            total := EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - started) * 1000;

            SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                       'step_no', probe.step_no, 'source', c.source, 'name', c.name,
                       'calls', c.calls - (before -> (c.source || ' ' || c.name) ->> 0)::numeric,
                       'amount', c.amount - (before -> (c.source || ' ' || c.name) ->> 1)::numeric,
                       'relation_rows', c.relation_rows
                   ))
            INTO moved FROM pggit_excellence._tracking_counters() AS c
            WHERE c.calls > (before -> (c.source || ' ' || c.name) ->> 0)::numeric
              AND (can_time OR c.source <> 'trigger');
            result := result || COALESCE(moved, '[]') || pg_catalog.jsonb_build_object(
                'step_no', probe.step_no, 'source', 'total', 'calls', 1, 'amount', total);
        END LOOP;
        RAISE EXCEPTION 'probe done' USING ERRCODE = 'PGX01';
    EXCEPTION
        WHEN SQLSTATE 'PGX01' THEN NULL;  -- everything that the probe did is rolled back
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS failure = MESSAGE_TEXT;
            RAISE EXCEPTION 'the probe''s DDL failed: %', failure
                USING ERRCODE = SQLSTATE,
                      DETAIL = pg_catalog.format('Statement: %s', probe.statement),
                      HINT = 'If the message names an object of pgGit, all DDL of this role fails like this. Nothing was changed.';
    END;
    IF NOT can_time THEN
        result := result || pg_catalog.jsonb_build_object('source', 'no timing');
    END IF;
    RETURN QUERY
        SELECT r.step_no, r.source, r.name, r.calls, r.amount, r.relation_rows
        FROM pg_catalog.jsonb_to_recordset(result)
            AS r (step_no integer, source text, name text, calls numeric, amount numeric, relation_rows numeric);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_probe_run(text) IS
    'Internal: runs tracking_cost()''s probe once in a subtransaction, rolls it back and returns what each step moved.';

-- Where the time of tracked DDL goes, measured now: a probe table is created, indexed, altered and dropped in
-- probe_schema, repetitions times, each time in a subtransaction that is rolled back.
-- What stays: sequences of pgGit advance, and dead rows in its tables and the catalogs wait for vacuum.
-- Locks: on the probe's own objects only, and row locks that pgGit's triggers take; waits at most one second for any.
-- A statement_timeout of the caller ends it like any statement.
CREATE FUNCTION pggit_excellence.tracking_cost(repetitions integer DEFAULT 5, probe_schema text DEFAULT 'public')
RETURNS TABLE (
    step text, measure text, object_name text, value numeric, unit text, rows_read numeric, share_percent numeric, note text
)
LANGUAGE plpgsql VOLATILE ROWS 30
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $body$
DECLARE
    samples jsonb := '[]';
    off     text;
BEGIN
    PERFORM pggit_excellence._tracking_probe_check(repetitions, probe_schema);
    off := pggit_excellence._tracking_off();
    FOR repetition IN 1 .. repetitions LOOP
        samples := samples || (
            SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)) FROM pggit_excellence._tracking_probe_run(probe_schema) AS r
        );
    END LOOP;

    RETURN QUERY
    WITH sample AS (
        SELECT s.* FROM pg_catalog.jsonb_to_recordset(samples)
            AS s (step_no integer, source text, name text, calls numeric, amount numeric, relation_rows numeric)
    ),
    typical AS (
        SELECT s.step_no, s.source, s.name,
               pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY s.calls::double precision)::numeric AS calls,
               pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY s.amount::double precision)::numeric AS amount,
               pg_catalog.max(s.relation_rows) AS relation_rows
        FROM sample AS s WHERE s.step_no IS NOT NULL
        GROUP BY s.step_no, s.source, s.name
    ),
    -- A lookup returns one row; one that reads many more has missed its index.
    lookup AS (
        SELECT t.*, t.source <> 'trigger' AND t.source <> 'total' AND t.amount > 100 * t.calls AS misses FROM typical AS t
    ),
    cure AS (
        SELECT 'pggit.' || pg_catalog.quote_ident(p.table_name) AS table_name,
               pg_catalog.string_agg(p.item, ', ' ORDER BY p.step) AS indexes
        FROM pggit_excellence.tuning_plan() AS p
        WHERE p.kind = 'index' AND p.status IN ('missing', 'invalid')
        GROUP BY p.table_name
    )
    SELECT p.step,
           CASE l.source WHEN 'total' THEN 'whole statement' WHEN 'trigger' THEN 'in pgGit''s trigger'
                         WHEN 'table' THEN 'sequential scans' ELSE 'index scans' END,
           l.name,
           pg_catalog.round(CASE WHEN l.source IN ('total', 'trigger') THEN l.amount ELSE l.calls END, 2),
           CASE WHEN l.source IN ('total', 'trigger') THEN 'ms' ELSE 'scans' END,
           CASE WHEN l.source IN ('table', 'index') THEN pg_catalog.round(l.amount) END,
           CASE WHEN l.source IN ('total', 'trigger')
                THEN pg_catalog.round(100 * l.amount / NULLIF(pg_catalog.max(l.amount) FILTER (WHERE l.source = 'total')
                                                              OVER (PARTITION BY l.step_no), 0), 1) END,
           CASE
               WHEN l.source = 'total' AND off IS NOT NULL THEN off
               WHEN l.source = 'total' AND EXISTS (SELECT FROM sample AS s WHERE s.source = 'no timing')
                   THEN 'No time per trigger: track_functions is none and only a superuser may set it.'
               WHEN l.misses AND c.indexes IS NOT NULL
                   THEN pg_catalog.format(
                       CASE l.source
                           WHEN 'table' THEN 'No index serves this lookup under its collation. tune_tracking() adds: %s'
                           ELSE 'Serves by its first column only: the values carry another collation. tune_tracking() adds: %s'
                       END, c.indexes)
               WHEN l.misses AND l.source = 'table' THEN 'Reads many rows per scan: no index serves this lookup.'
               WHEN l.misses THEN 'Reads many entries per scan: the index does not serve this lookup, or only by its first column.'
           END
    FROM lookup AS l
    JOIN pggit_excellence._tracking_probe(probe_schema) AS p ON p.step_no = l.step_no
    LEFT JOIN pg_catalog.pg_class AS x ON l.source IN ('table', 'index') AND x.oid = pg_catalog.to_regclass(l.name)
    LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = x.oid
    LEFT JOIN cure AS c ON c.table_name = COALESCE(i.indrelid, x.oid)::pg_catalog.regclass::text
    ORDER BY p.step_no, pg_catalog.array_position(ARRAY['total', 'trigger', 'table', 'index'], l.source), l.amount DESC, l.name;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.tracking_cost(integer, text) IS
    'Where the time of tracked DDL goes, by a probe that is rolled back: for CREATE TABLE (ten columns), CREATE INDEX, ALTER TABLE and DROP TABLE in probe_schema the medians over repetitions of: whole statement (ms), time in each of pgGit''s event trigger functions (ms, and share_percent of the statement), sequential and index scans of pgGit''s tables with rows_read (rows, or index entries, per statement). note: lookups that miss their index and what tune_tracking() would add; why nothing is tracked. NULL: does not apply. Source: pg_stat_xact_*. Locks the probe''s own objects only, waits at most 1 s. Sequences of pgGit advance.';
