-- What makes tracked DDL fast, as data: the indexes that pgGit's lookups need and do not have.
-- Each is there because it was measured (docs/guides/TRACKING_COST.md has the numbers). One whose table or columns the
-- installed release lacks does not appear.
CREATE FUNCTION pggit_excellence._tuning_indexes()
RETURNS TABLE (
    step integer, index_name text, table_oid oid, table_name text, column_names text[], wanted_collations oid[],
    columns_sql text, needed boolean, reason text
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH wish (step, index_name, table_name, column_names, in_c, rows_per_first, reason) AS (
        VALUES
            (1, 'pggit_excellence_objects_full_name_c', 'objects', ARRAY['full_name'], true, 0,
             'Finding the parent of each column scans pggit.objects: the name comes from information_schema with COLLATE "C".'),
            (2, 'pggit_excellence_objects_identity_c', 'objects',
             ARRAY['object_type', 'schema_name', 'object_name', 'branch_name'], true, 0,
             'Finding each column reads every object of its type: the values carry COLLATE "C", the unique index does not.'),
            (3, 'pggit_excellence_objects_full_name', 'objects', ARRAY['full_name'], false, 0,
             'Finding the table of an index, and dependencies, scans pggit.objects: full_name has no index.'),
            (4, 'pggit_excellence_system_events_pause', 'system_events', ARRAY['event_type', 'created_at'], false, 0,
             'Each DDL looks for a pause of tracking in a log that grows with each DDL.'),
            (5, 'pggit_excellence_history_object_time', 'history', ARRAY['object_id', 'created_at'], false, 100,
             'The latest changes of an object with a long history, without reading and sorting all of them.')
    )
    SELECT w.step, w.index_name, t.oid, w.table_name, w.column_names, c.collations, c.columns_sql,
           w.rows_per_first = 0 OR COALESCE(s.rows_per_value >= w.rows_per_first, false),
           w.reason
    FROM wish AS w
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'pggit'
    JOIN pg_catalog.pg_class AS t ON t.relnamespace = n.oid AND t.relname = w.table_name AND t.relkind = 'r'
    CROSS JOIN LATERAL (
        SELECT pg_catalog.count(*) AS found,
               pg_catalog.array_agg(k.wanted ORDER BY k.position) AS collations,
               pg_catalog.string_agg(
                   pg_catalog.quote_ident(k.name) || CASE WHEN k.explicit THEN ' COLLATE pg_catalog."C"' ELSE '' END,
                   ', ' ORDER BY k.position
               ) AS columns_sql
        FROM (
            SELECT u.position, u.name, w.in_c AND a.attcollation <> 0 AS explicit,
                   CASE WHEN w.in_c AND a.attcollation <> 0 THEN 'pg_catalog."C"'::pg_catalog.regcollation::oid
                        ELSE a.attcollation END AS wanted
            FROM pg_catalog.unnest(w.column_names) WITH ORDINALITY AS u (name, position)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attname = u.name AND NOT a.attisdropped
        ) AS k
    ) AS c
    -- How many rows share one value of the first column; nothing where ANALYZE has not run or we may not see it.
    LEFT JOIN LATERAL (
        SELECT t.reltuples / CASE WHEN p.n_distinct > 0 THEN p.n_distinct
                                  ELSE -p.n_distinct * t.reltuples END AS rows_per_value
        FROM pg_catalog.pg_stats AS p
        WHERE p.schemaname = 'pggit' AND p.tablename = w.table_name AND p.attname = w.column_names[1]
          AND p.n_distinct <> 0 AND t.reltuples > 0
    ) AS s ON true
    WHERE c.found = pg_catalog.cardinality(w.column_names)
$body$;
COMMENT ON FUNCTION pggit_excellence._tuning_indexes() IS
    'Internal: the indexes that pgGit''s lookups need, for the tables and columns that the installed release has.';

-- Whether such an index exists, under any name: same columns first and in this order, same collations, btree with the
-- default operator classes, valid, not partial. The last key column may be followed by others, or INCLUDE more.
CREATE FUNCTION pggit_excellence._serving_index(table_oid oid, column_names text[], wanted_collations oid[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT x.relname::text
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_catalog.pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
    WHERE i.indrelid = table_oid AND i.indisvalid AND i.indisready AND i.indislive AND i.indpred IS NULL
      AND i.indnkeyatts >= pg_catalog.cardinality(column_names)
      AND NOT EXISTS (
          SELECT FROM pg_catalog.generate_subscripts(column_names, 1) AS k (position)
          LEFT JOIN pg_catalog.pg_attribute AS a
              ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.position - 1] AND a.attname = column_names[k.position]
          LEFT JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[k.position - 1] AND o.opcdefault
          WHERE a.attnum IS NULL OR o.oid IS NULL OR i.indcollation[k.position - 1] <> wanted_collations[k.position]
      )
    ORDER BY x.relname NOT LIKE 'pggit\_excellence\_%', x.relname
    LIMIT 1
$body$;
COMMENT ON FUNCTION pggit_excellence._serving_index(oid, text[], oid[]) IS
    'Internal: name of a valid index of the table that serves lookups by these columns under these collations; NULL: none.';

-- What tune_tracking() would do, as statements. Reads catalogs and statistics only, takes no lock that matters.
CREATE FUNCTION pggit_excellence.tuning_plan(online boolean DEFAULT false)
RETURNS TABLE (
    step integer, status text, kind text, table_name text, item text, statement text, undo_statement text, reason text,
    old_value text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 9
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    how text := CASE WHEN online THEN 'CONCURRENTLY ' ELSE '' END;
BEGIN
    PERFORM pggit_excellence._require_pggit();

    RETURN QUERY
    SELECT w.step,
           CASE
               WHEN v.serving IS NOT NULL THEN 'in place'
               WHEN o.ours AND NOT o.valid THEN 'invalid'
               WHEN o.taken THEN 'name taken'
               WHEN NOT w.needed THEN 'not needed'
               ELSE 'missing'
           END,
           'index', w.table_name, COALESCE(v.serving, w.index_name),
           CASE
               WHEN v.serving IS NOT NULL OR o.taken AND NOT (o.ours AND NOT o.valid) OR NOT w.needed AND NOT o.taken THEN NULL
               WHEN o.ours THEN pg_catalog.format('REINDEX INDEX %spggit.%I', how, w.index_name)
               ELSE pg_catalog.format(
                   'CREATE INDEX %s%I ON pggit.%I USING btree (%s)',
                   how || CASE WHEN online THEN 'IF NOT EXISTS ' ELSE '' END, w.index_name, w.table_name, w.columns_sql
               )
           END,
           pg_catalog.format('DROP INDEX %spggit.%I', how, w.index_name),
           w.reason || CASE WHEN w.needed THEN '' ELSE ' Not needed now: no object is known to have 100 changes.' END,
           NULL::text
    FROM pggit_excellence._tuning_indexes() AS w
    CROSS JOIN LATERAL (
        SELECT pggit_excellence._serving_index(w.table_oid, w.column_names, w.wanted_collations) AS serving
    ) AS v
    CROSS JOIN LATERAL (
        SELECT pg_catalog.count(c.oid) > 0 AS taken,
               COALESCE(pg_catalog.bool_or(i.indrelid = w.table_oid), false) AS ours,
               COALESCE(pg_catalog.bool_and(i.indisvalid), false) AS valid
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'pggit'
        LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
        WHERE c.relname = w.index_name
    ) AS o
    ORDER BY w.step;

    -- Autovacuum waits until a share of the table has changed: 200,000 rows of a million by default.
    RETURN QUERY
    SELECT p.step,
           CASE WHEN COALESCE(s.value, g.setting)::numeric <= 0.02 THEN 'in place'
                WHEN t.reltuples < 100000 THEN 'not needed'
                ELSE 'missing' END,
           'storage parameter', t.relname::text, p.parameter,
           CASE WHEN COALESCE(s.value, g.setting)::numeric > 0.02 AND t.reltuples >= 100000
                THEN pg_catalog.format('ALTER TABLE pggit.%I SET (%I = 0.02)', t.relname, p.parameter) END,
           CASE WHEN s.value IS NULL THEN pg_catalog.format('ALTER TABLE pggit.%I RESET (%I)', t.relname, p.parameter)
                ELSE pg_catalog.format('ALTER TABLE pggit.%I SET (%I = %s)', t.relname, p.parameter, s.value) END,
           pg_catalog.format(
               'Autovacuum waits for %s %% of the table to change; %s rows are known.',
               pg_catalog.round(COALESCE(s.value, g.setting)::numeric * 100, 1),
               CASE WHEN t.reltuples < 0 THEN 'no' ELSE t.reltuples::bigint::text END
           ),
           s.value
    FROM (
        VALUES (6, 'objects', 'autovacuum_vacuum_scale_factor'),
               (7, 'objects', 'autovacuum_analyze_scale_factor'),
               (8, 'history', 'autovacuum_analyze_scale_factor')
    ) AS p (step, table_name, parameter)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'pggit'
    JOIN pg_catalog.pg_class AS t ON t.relnamespace = n.oid AND t.relname = p.table_name AND t.relkind = 'r'
    JOIN pg_catalog.pg_settings AS g ON g.name = p.parameter
    LEFT JOIN LATERAL (
        SELECT o.option_value AS value FROM pg_catalog.pg_options_to_table(t.reloptions) AS o WHERE o.option_name = p.parameter
    ) AS s ON true
    ORDER BY p.step;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.tuning_plan(boolean) IS
    'What makes tracked DDL fast in this database, as statements. status: missing, invalid (a build that failed: REINDEX mends it), in place, not needed (too few rows), name taken (another relation has the name). statement: NULL where nothing is to do. undo_statement: what undo() would run. old_value: a storage parameter as the table has it now; NULL: not set, or an index. online: with CONCURRENTLY, for psql (see sql/tune_tracking_concurrently.sql); no function can run those. Source: catalogs, pg_stats, reltuples. No locks.';
