-- How undo() undoes what tune_tracking() does: see _undo_statements(). An index must carry our prefix, a parameter must be one
-- of ours, the table must be pgGit's.
CREATE FUNCTION pggit_excellence._undo_index(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    statement     text := pg_catalog.format('DROP INDEX %I.%I', done.schema_name, done.item);
    current_value text;
BEGIN
    IF done.schema_name <> 'pggit' OR done.item NOT LIKE 'pggit\_excellence\_%' THEN
        PERFORM pggit_excellence._refuse_forged(done);
    END IF;
    SELECT pg_catalog.pg_get_indexdef(i.indexrelid) INTO current_value
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname = done.schema_name AND t.relname = done.relation_name AND c.relname = done.item;
    PERFORM pggit_excellence._refuse_changed(done, current_value, statement);
    RETURN CASE WHEN current_value IS NULL THEN '{}' ELSE ARRAY[statement] END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_index(pggit_excellence.action_log) IS
    'Internal: for undo(), the DROP INDEX of an index that we made; empty: it is gone already.';

CREATE FUNCTION pggit_excellence._undo_storage_parameter(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    statement     text;
    current_value text;
BEGIN
    IF done.schema_name <> 'pggit'
       OR done.item NOT IN ('autovacuum_vacuum_scale_factor', 'autovacuum_analyze_scale_factor')
       OR done.old_value !~ '^[0-9.]+([eE][-+]?[0-9]+)?$'
    THEN
        PERFORM pggit_excellence._refuse_forged(done);
    END IF;
    SELECT o.option_value INTO current_value
    FROM pg_catalog.pg_class AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL pg_catalog.pg_options_to_table(t.reloptions) AS o
    WHERE n.nspname = done.schema_name AND t.relname = done.relation_name AND o.option_name = done.item;
    statement := CASE
        WHEN done.old_value IS NULL
            THEN pg_catalog.format('ALTER TABLE %I.%I RESET (%I)', done.schema_name, done.relation_name, done.item)
        ELSE pg_catalog.format('ALTER TABLE %I.%I SET (%I = %L)', done.schema_name, done.relation_name, done.item, done.old_value)
    END;
    PERFORM pggit_excellence._refuse_changed(done, current_value, statement);
    RETURN CASE WHEN current_value IS NULL THEN '{}' ELSE ARRAY[statement] END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_storage_parameter(pggit_excellence.action_log) IS
    'Internal: for undo(), the ALTER TABLE that puts back a storage parameter that we set; empty: it is not set any more.';
