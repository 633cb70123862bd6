-- Measure what nothing records by itself: how fast pgGit's version queries are, how large it is, how complete, whether it
-- is healthy; and book what the sentinels counted.

-- pgGit's version queries that this release has, by their exact signatures.
CREATE FUNCTION pggit_excellence._version_queries()
RETURNS TABLE ("position" integer, query text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT q."position", q.query
    FROM (VALUES (1, 'get_version', 'text'), (2, 'get_version_fast', 'text'), (3, 'get_history', 'text, integer'),
                 (4, 'get_function_version', 'text, text'), (5, 'show_table_versions', 'text')
    ) AS q ("position", query, arguments)
    JOIN pg_catalog.pg_proc AS p ON p.proname = q.query AND pg_catalog.oidvectortypes(p.proargtypes) = q.arguments
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = 'pggit'
$body$;
COMMENT ON FUNCTION pggit_excellence._version_queries() IS
    'Internal: the version queries of the installed pgGit that run_probes() can time. Source: pg_proc.';

-- Run one version query and return how long it took, in milliseconds. It cannot change anything: the subtransaction is
-- read-only and rolled back.
CREATE FUNCTION pggit_excellence._time_version_query(query text, schema_name text, object_name text)
RETURNS double precision
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $body$
DECLARE
    full_name text := schema_name || '.' || object_name;
    began     timestamptz;
    ended     timestamptz;
BEGIN
    BEGIN
        PERFORM pg_catalog.set_config('transaction_read_only', 'on', true);
        began := pg_catalog.clock_timestamp();
        CASE query
            WHEN 'get_version' THEN PERFORM FROM pggit.get_version(full_name);
            WHEN 'get_version_fast' THEN PERFORM FROM pggit.get_version_fast(full_name);
            WHEN 'get_history' THEN PERFORM FROM pggit.get_history(full_name, 10);
            WHEN 'get_function_version' THEN PERFORM FROM pggit.get_function_version(schema_name, object_name);
            WHEN 'show_table_versions' THEN PERFORM FROM pggit.show_table_versions(schema_name);
        END CASE;
        ended := pg_catalog.clock_timestamp();
        RAISE EXCEPTION 'timed' USING ERRCODE = 'PGX02';
    EXCEPTION WHEN SQLSTATE 'PGX02' THEN NULL;
    END;
    RETURN EXTRACT(EPOCH FROM ended - began) * 1000;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._time_version_query(text, text, text) IS
    'Internal: milliseconds that one version query of pgGit takes for one object. Raises what the query raises.';

-- Time one version query for up to five tables that pgGit knows, the newest and others at random, after one call that warms
-- up. Each call is a sample of version_query_ms; the value is their median.
CREATE FUNCTION pggit_excellence._probe_version_query(query text, OUT value double precision, OUT note text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    argument record;
    taken    double precision;
    all_ms   double precision[] := '{}';
BEGIN
    FOR argument IN
        SELECT o.schema_name, o.object_name
        FROM (SELECT pg_catalog.max(x.id) AS newest, pg_catalog.min(x.id) AS oldest FROM pggit.objects AS x) AS r
        CROSS JOIN LATERAL pg_catalog.generate_series(0, 4) AS g (number)
        CROSS JOIN LATERAL (
            SELECT x.schema_name, x.object_name FROM pggit.objects AS x
            WHERE x.id <= r.newest - CASE g.number WHEN 0 THEN 0 ELSE pg_catalog.random() * (r.newest - r.oldest) END
              AND x.object_type::text = 'TABLE' AND x.is_active
            ORDER BY x.id DESC LIMIT 1
        ) AS o
    LOOP
        IF all_ms = '{}' THEN
            taken := pggit_excellence._time_version_query(query, argument.schema_name, argument.object_name);
        END IF;
        taken := pggit_excellence._time_version_query(query, argument.schema_name, argument.object_name);
        all_ms := all_ms || taken;
        PERFORM pggit_excellence.record_metric('version_query_ms', GREATEST(taken, 0), pg_catalog.jsonb_build_object('query', query));
    END LOOP;
    SELECT pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY m.ms) INTO value FROM pg_catalog.unnest(all_ms) AS m (ms);
    note := CASE WHEN value IS NULL THEN 'pgGit knows no table to ask about' ELSE pg_catalog.cardinality(all_ms) || ' calls, median' END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._probe_version_query(text) IS
    'Internal: probe of run_probes(): times one version query and records version_query_ms. value: median, ms; NULL: nothing to ask about.';

-- What else is measured, one value each.
CREATE FUNCTION pggit_excellence._probe_value(probe text, OUT value double precision, OUT note text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    CASE probe
        WHEN 'storage' THEN
            SELECT pg_catalog.sum(s.bytes), 'pgGit''s schemas and ours, indexes, TOAST and partitions included'
            INTO value, note
            FROM pggit_excellence._storage_bytes() AS s;
        WHEN 'tracked objects' THEN
            SELECT pg_catalog.count(*), 'active objects, all branches' INTO value, note FROM pggit.objects AS o WHERE o.is_active;
        WHEN 'tracking coverage' THEN
            SELECT 100.0 * pg_catalog.sum(c.tracked) / NULLIF(pg_catalog.sum(c.in_catalog), 0),
                   pg_catalog.format('%s of %s objects', pg_catalog.sum(c.tracked), pg_catalog.sum(c.in_catalog))
            INTO value, note
            FROM pggit_excellence.tracking_coverage() AS c;
        WHEN 'health' THEN
            SELECT CASE WHEN pg_catalog.bool_or(h.status = 'unhealthy') THEN 0 ELSE 1 END,
                   'unhealthy: ' || pg_catalog.string_agg(h.check_name, ', ' ORDER BY h.check_name) FILTER (WHERE h.status = 'unhealthy')
            INTO value, note
            FROM pggit_excellence.health_check() AS h;
    END CASE;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._probe_value(text) IS 'Internal: probe of run_probes(): its value, not yet recorded, and a note.';

-- Note what a probe found.
CREATE FUNCTION pggit_excellence._note_probe(probe text, metric_type text, value double precision, note text)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
    INSERT INTO pggit_excellence.probe_results AS r (probe, metric_type, value, note, probed_at)
    VALUES (_note_probe.probe, _note_probe.metric_type, _note_probe.value, _note_probe.note, pg_catalog.clock_timestamp())
    ON CONFLICT (probe) DO UPDATE
    SET metric_type = excluded.metric_type, value = excluded.value, note = excluded.note, probed_at = excluded.probed_at
$body$;
COMMENT ON FUNCTION pggit_excellence._note_probe(text, text, double precision, text) IS
    'Internal: keep what a probe found in probe_results.';

-- Each probe in a subtransaction of its own: one that fails is a row that says why.
CREATE FUNCTION pggit_excellence._run_probe(probe text, metric_type text, query text, OUT value double precision, OUT note text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    booked record;
BEGIN
    BEGIN
        IF query IS NOT NULL THEN
            SELECT p.value, p.note INTO value, note FROM pggit_excellence._probe_version_query(query) AS p;
        ELSIF probe = 'tracking' THEN
            SELECT b.* INTO booked FROM pggit_excellence._book_tracking() AS b;
            value := booked.tracked::double precision / NULLIF(booked.tracked + booked.failed, 0);
            note := COALESCE(booked.note, pg_catalog.format('%s tracked, %s failed, %s not measured since the last booking',
                                                            booked.tracked, booked.failed, booked.errors));
        ELSE
            SELECT p.value, p.note INTO value, note FROM pggit_excellence._probe_value(probe) AS p;
            IF value IS NOT NULL THEN
                PERFORM pggit_excellence.record_metric(metric_type, value);
            END IF;
        END IF;
    EXCEPTION WHEN OTHERS THEN
        value := NULL;
        note := 'failed: ' || SQLERRM;
    END;
    PERFORM pggit_excellence._note_probe(probe, metric_type, value, note);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._run_probe(text, text, text) IS
    'Internal: run one probe of run_probes() and keep its result; an error becomes its note.';

CREATE FUNCTION pggit_excellence.run_probes(coverage_every interval DEFAULT '15 minutes')
RETURNS TABLE (probe text, metric_type text, value double precision, note text)
LANGUAGE plpgsql VOLATILE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    planned record;
BEGIN
    PERFORM pggit_excellence._require_writable('record what probes find', 'Call run_probes() on the primary server.');
    IF coverage_every IS NULL OR coverage_every < '0' THEN
        RAISE EXCEPTION 'coverage_every must be an interval, not %', COALESCE(coverage_every::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'How often coverage is measured, for example ''1 hour''; ''0'': now.';
    END IF;

    FOR planned IN
        SELECT v.query AS probe, 'version_query_ms' AS metric_type, v.query, v."position" AS "position"
        FROM pggit_excellence._version_queries() AS v
        UNION ALL
        SELECT p.probe, p.metric_type, NULL, p."position"
        FROM (VALUES ('storage', 'storage_bytes', 11), ('tracked objects', 'tracked_objects', 12),
                     ('tracking coverage', 'tracking_coverage_percent', 13), ('health', 'health_ok', 14)
        ) AS p (probe, metric_type, "position")
        WHERE pggit_excellence._pggit_table('objects') IS NOT NULL
          AND (p.probe <> 'tracking coverage' OR NOT EXISTS (
                SELECT FROM pggit_excellence.probe_results AS r
                WHERE r.probe = p.probe AND r.probed_at > pg_catalog.clock_timestamp() - coverage_every
                  AND r.probed_at <= pg_catalog.clock_timestamp()))
        UNION ALL
        SELECT 'tracking', 'ddl_tracking_ok', NULL, 10
        WHERE EXISTS (SELECT FROM pggit_excellence.sentinel_bookings)
        ORDER BY "position"
    LOOP
        probe := planned.probe;
        metric_type := planned.metric_type;
        SELECT p.value, p.note INTO value, note
        FROM pggit_excellence._run_probe(planned.probe, planned.metric_type, planned.query) AS p;
        RETURN NEXT;
    END LOOP;
    IF pggit_excellence._pggit_table('objects') IS NULL THEN
        probe := 'pgGit';
        metric_type := NULL;
        value := NULL;
        note := 'pgGit is not installed in this database: there is nothing to probe';
        RETURN NEXT;
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.run_probes(interval) IS
    'Measures and records, one row per probe: the version queries that the installed pgGit has (version_query_ms; value: median of up to five calls), storage_bytes, tracked_objects, health_ok (1 when no check of health_check() is unhealthy, else 0), every coverage_every tracking_coverage_percent, and books what the sentinels counted (ddl_tracking_ok; value: share tracked since the last booking, NULL: no DDL). A probe that fails has value NULL and the reason in note. Run it every minute or so, with a statement_timeout: it limits the whole call. Not on a standby.';
