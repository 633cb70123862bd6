-- The checks of health_check() that look at pgGit itself. Each returns one row (status, message, details) and reads
-- nothing that grows with the history but its newest rows.

CREATE FUNCTION pggit_excellence._health_installed(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH needed (table_name, column_name) AS (
        VALUES ('objects', 'id'), ('objects', 'object_type'), ('objects', 'schema_name'), ('objects', 'object_name'),
               ('objects', 'full_name'), ('objects', 'is_active'),
               ('history', 'id'), ('history', 'object_id'), ('history', 'change_type'), ('history', 'created_at')
    ),
    missing AS (
        SELECT pg_catalog.array_agg(pg_catalog.format('pggit.%s.%s', n.table_name, n.column_name)
                                    ORDER BY n.table_name, n.column_name) AS names
        FROM needed AS n
        WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = pggit_excellence._pggit_table(n.table_name)
              AND a.attname = n.column_name AND a.attnum > 0 AND NOT a.attisdropped)
    )
    SELECT CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'unknown'
                WHEN m.names IS NULL THEN 'healthy' ELSE 'unhealthy' END,
           CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'pgGit is not installed in this database'
                WHEN m.names IS NULL THEN 'pggit.objects and pggit.history are there'
                ELSE 'pgGit is half installed: ' || pg_catalog.cardinality(m.names) || ' columns are missing' END,
           CASE WHEN m.names IS NOT NULL AND pg_catalog.to_regnamespace('pggit') IS NOT NULL
                THEN pg_catalog.jsonb_build_object('missing', m.names) ELSE '{}' END
    FROM missing AS m
$body$;
COMMENT ON FUNCTION pggit_excellence._health_installed() IS
    'Internal: check pggit_installed of health_check(). Source: pg_attribute.';

CREATE FUNCTION pggit_excellence._health_triggers(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'unknown'
                WHEN pg_catalog.bool_and(e.any_fires) IS NOT TRUE THEN 'unhealthy'
                WHEN pg_catalog.bool_and(e.all_fire) THEN 'healthy'
                ELSE 'warning' END,
           CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'pgGit is not installed in this database'
                WHEN pg_catalog.bool_and(e.all_fire) THEN 'every trigger that records DDL is on'
                ELSE 'off: ' || pg_catalog.string_agg(e.off, ', ' ORDER BY e.event) END,
           CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN '{}'
                ELSE pg_catalog.jsonb_object_agg(e.event, e.states) END
    FROM (
        SELECT t.event, pg_catalog.bool_or(t.fires) AS any_fires, pg_catalog.bool_and(t.fires) AS all_fire,
               pg_catalog.string_agg(pg_catalog.format('%I (%s)', t.trigger_name, t.state), ', ' ORDER BY t.trigger_name)
                   FILTER (WHERE NOT t.fires) AS off,
               pg_catalog.jsonb_object_agg(t.trigger_name, t.state) AS states
        FROM pggit_excellence._tracking_triggers() AS t
        GROUP BY t.event
    ) AS e
$body$;
COMMENT ON FUNCTION pggit_excellence._health_triggers() IS
    'Internal: check tracking_triggers of health_check(): unhealthy when no trigger of an event fires, warning when some do not. Source: pg_event_trigger.';

CREATE FUNCTION pggit_excellence._health_history(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    last_change timestamptz;
BEGIN
    SELECT h.created_at::timestamptz INTO last_change FROM pggit.history AS h ORDER BY h.id DESC LIMIT 1;
    status := CASE WHEN last_change IS NULL THEN 'unknown' ELSE 'healthy' END;
    message := COALESCE('the last change was recorded at ' || pg_catalog.date_trunc('second', last_change), 'no change is recorded yet');
    details := pg_catalog.jsonb_build_object('last_change', last_change);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._health_history() IS
    'Internal: check history_recording of health_check(): when the newest row of pggit.history was made. An old one alone is no fault: see untracked_tables. Source: pggit.history.';

-- Tables made after pgGit (their OID is higher than that of its history) that it does not know.
-- pgGit records names as regclass prints them, quotes included, so both spellings count.
CREATE FUNCTION pggit_excellence._health_untracked(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    sampled   bigint;
    untracked text[];
BEGIN
    WITH newest AS MATERIALIZED (
        SELECT n.nspname::text AS schema_name, c.relname::text AS table_name
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
          AND c.oid > 'pggit.history'::regclass
          AND n.nspname <> 'information_schema' AND n.nspname !~ '^(pg_|pggit$|pggit_)'
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY c.oid DESC
        LIMIT 50
    ),
    spellings AS MATERIALIZED (
        SELECT n.schema_name, n.table_name, n.table_name AS spelling FROM newest AS n
        UNION
        SELECT n.schema_name, n.table_name, pg_catalog.quote_ident(n.table_name) FROM newest AS n
    ),
    known AS MATERIALIZED (
        SELECT s.schema_name, s.table_name
        FROM pggit.objects AS o
        JOIN spellings AS s ON o.schema_name = s.schema_name AND o.object_name = s.spelling
        WHERE o.object_type::text = 'TABLE' AND o.is_active
    )
    SELECT pg_catalog.count(*),
           pg_catalog.array_agg(pg_catalog.format('%I.%I', n.schema_name, n.table_name)
                                ORDER BY n.schema_name, n.table_name)
               FILTER (WHERE NOT EXISTS (
                   SELECT FROM known AS k
                   WHERE k.schema_name = n.schema_name AND k.table_name = n.table_name))
    INTO sampled, untracked
    FROM newest AS n;

    status := CASE WHEN untracked IS NOT NULL THEN 'warning' WHEN sampled = 0 THEN 'unknown' ELSE 'healthy' END;
    message := CASE WHEN untracked IS NOT NULL
                    THEN pg_catalog.format('%s of the %s newest tables are not in pggit.objects', pg_catalog.cardinality(untracked), sampled)
                    WHEN sampled = 0 THEN 'no table was made since pgGit was installed'
                    ELSE pg_catalog.format('the %s newest tables are in pggit.objects', sampled) END;
    details := pg_catalog.jsonb_build_object('tables_sampled', sampled, 'untracked', untracked);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._health_untracked() IS
    'Internal: check untracked_tables of health_check(): the 50 newest user tables against pggit.objects. Source: pg_class, pggit.objects.';

CREATE FUNCTION pggit_excellence._health_function_names(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    sampled bigint;
    by_oid  bigint;
BEGIN
    SELECT pg_catalog.count(*) FILTER (WHERE o.object_type::text = 'FUNCTION'),
           pg_catalog.count(*) FILTER (WHERE o.object_type::text = 'FUNCTION' AND o.object_name ~ '^[0-9]+$')
    INTO sampled, by_oid
    FROM (SELECT x.object_type, x.object_name FROM pggit.objects AS x ORDER BY x.id DESC LIMIT 2000) AS o;
    status := CASE WHEN by_oid > 0 THEN 'warning' WHEN sampled = 0 THEN 'unknown' ELSE 'healthy' END;
    message := CASE WHEN by_oid > 0 THEN pg_catalog.format('%s of %s sampled functions are recorded under a number instead of their name', by_oid, sampled)
                    WHEN sampled = 0 THEN 'no function is among the newest objects'
                    ELSE pg_catalog.format('%s sampled functions are recorded under their names', sampled) END;
    details := pg_catalog.jsonb_build_object('functions_sampled', sampled, 'recorded_by_oid', by_oid);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._health_function_names() IS
    'Internal: check function_names of health_check(): functions that pgGit recorded under their OID, among its 2,000 newest objects. Source: pggit.objects.';

-- Sequences against the smaller of their own maximum and what the column that they feed can hold.
CREATE FUNCTION pggit_excellence._health_sequences(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH used AS (
        SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS sequence_name,
               CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT,USAGE')
                    THEN pg_catalog.pg_sequence_last_value(c.oid) END AS last_value,
               pg_catalog.has_sequence_privilege(c.oid, 'SELECT,USAGE') AS readable,
               LEAST(s.seqmax, CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 END)::numeric AS maximum,
               s.seqmin AS minimum
        FROM pg_catalog.pg_sequence AS s
        JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_catalog.pg_depend AS d
          ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
         AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE (n.nspname = 'pggit' OR n.nspname LIKE 'pggit\_%') AND n.nspname <> 'pggit_excellence'
          AND s.seqincrement > 0 AND NOT s.seqcycle
    ),
    shares AS (
        -- Numbers used of those that there are; a sequence may begin below 0 and end at 0.
        SELECT u.sequence_name, u.readable,
               (u.last_value - u.minimum::numeric + 1) / GREATEST(u.maximum - u.minimum + 1, 1) AS used
        FROM used AS u
    ),
    summary AS (
        -- A sequence that was never used has no last value: none of it is used.
        SELECT pg_catalog.count(*) AS sequences, pg_catalog.count(*) FILTER (WHERE NOT h.readable) AS hidden,
               COALESCE(pg_catalog.max(h.used), 0) AS fullest,
               pg_catalog.jsonb_object_agg(h.sequence_name, pg_catalog.round(100 * h.used, 1))
                   FILTER (WHERE h.used >= 0.7) AS nearly_full
        FROM shares AS h
    )
    SELECT CASE WHEN s.fullest >= 0.9 THEN 'unhealthy' WHEN s.fullest >= 0.7 THEN 'warning'
                WHEN s.sequences = 0 OR s.hidden > 0 THEN 'unknown' ELSE 'healthy' END,
           CASE WHEN s.fullest >= 0.7 THEN 'sequences are nearly used up: move their columns to bigint'
                WHEN s.sequences = 0 THEN 'pgGit has no sequences'
                WHEN s.hidden > 0 THEN pg_catalog.format('%s of %s sequences may not be read by this role', s.hidden, s.sequences)
                ELSE pg_catalog.format('%s sequences, the fullest at %s %%', s.sequences, pg_catalog.round(100 * s.fullest, 1)) END,
           pg_catalog.jsonb_build_object('percent_used', COALESCE(s.nearly_full, '{}'), 'not_readable', s.hidden)
    FROM summary AS s
$body$;
COMMENT ON FUNCTION pggit_excellence._health_sequences() IS
    'Internal: check sequences of health_check(): warning from 70 % used, unhealthy from 90 %. Source: pg_sequence.';

CREATE FUNCTION pggit_excellence._health_indexes(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'unknown'
                WHEN f.names IS NULL THEN 'healthy' ELSE 'unhealthy' END,
           CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'pgGit is not installed in this database'
                WHEN f.names IS NULL THEN 'no index of pgGit is invalid'
                ELSE 'invalid indexes: drop them or REINDEX INDEX CONCURRENTLY, when no build is running' END,
           pg_catalog.jsonb_build_object('invalid', COALESCE(f.names, '{}'))
    FROM (
        SELECT pg_catalog.array_agg(pg_catalog.format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname) AS names
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE (n.nspname = 'pggit' OR n.nspname LIKE 'pggit\_%') AND n.nspname <> 'pggit_excellence'
          AND NOT (i.indisvalid AND i.indisready)
    ) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._health_indexes() IS
    'Internal: check indexes of health_check(): invalid indexes in pgGit''s schemas. Source: pg_index.';
