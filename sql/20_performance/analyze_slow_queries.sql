-- What kind of statement it is, to group by:
--   pggit.<function>()            a query that calls a function of pgGit or of ours
--   CREATE TABLE, DROP INDEX ...  DDL, whose texts are as many as the objects
--   [pggit] <first words> #<id>   any other statement, marked where it names a schema of pgGit's; the id is its queryid
CREATE FUNCTION pggit_excellence._query_type(query text, queryid bigint)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    modifiers CONSTANT text[] := '{or,replace,global,local,temporary,temp,unlogged,unique,constraint,recursive,trusted,procedural}';
    two_words CONSTANT text[] := '{materialized,event,foreign,access,text,default}';
    original  text := pg_catalog.left(query, 1000);
    folded    text;
    words     text[];
    about     boolean;
    called    text;
BEGIN
    -- Its beginning, without comments and brackets before it, white space folded. Called for thousands of texts, most of
    -- which are that already: finding that out costs much less than replacing.
    IF original ~ '^[\s(/-]' THEN
        original := pg_catalog.regexp_replace(original, '^(?:\s|\(|--[^\n]*(?:\n|$)|/\*(?:[^*]|\*+[^*/])*\*+/)+', '');
    END IF;
    IF original ~ '\s\s|[\t\n\v\f\r]' THEN
        original := pg_catalog.regexp_replace(original, '\s+', ' ', 'g');
    END IF;
    folded := pg_catalog.lower(original);
    words := pg_catalog.string_to_array(pg_catalog.left(folded, 100), ' ');
    about := pg_catalog.strpos(folded, 'pggit') > 0;
    IF words[1] IN ('comment', 'grant', 'revoke', 'truncate', 'reindex', 'vacuum', 'analyze', 'refresh', 'cluster') THEN
        RETURN pg_catalog.upper(words[1]);
    ELSIF words[1] IN ('create', 'alter', 'drop') THEN
        FOR i IN 2..pg_catalog.cardinality(words) LOOP
            CONTINUE WHEN words[i] = ANY (modifiers);
            RETURN pg_catalog.upper(pg_catalog.concat_ws(' ',
                words[1], words[i], CASE WHEN words[i] = ANY (two_words) THEN words[i + 1] END));
        END LOOP;
    ELSIF about AND words[1] IN ('select', 'with', 'call', 'values') THEN
        called := pg_catalog.substring(folded, '\m(pggit[a-z0-9_]*\.[a-z0-9_]+) ?\(');
        IF called IS NOT NULL THEN
            RETURN called || '()';
        END IF;
    END IF;
    RETURN CASE WHEN about AND folded ~ '\mpggit[a-z0-9_]*"?\.' THEN 'pggit ' ELSE '' END
        || pg_catalog.left(original, 60) || ' #' || queryid;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._query_type(text, bigint) IS
    'Internal: what analyze_slow_queries() groups statements by: the pgGit function that is called, the kind of DDL, or the first words and the queryid.';

-- What was slower than `threshold_ms`, on average or once: recorded durations and statements.
--   threshold_ms  0 or more
--   since         the window; NULL: all that is known. For statements see slow_statements(), whose notes come first here too.
CREATE FUNCTION pggit_excellence.analyze_slow_queries(
    threshold_ms numeric DEFAULT 100, since interval DEFAULT '1 hour'
)
RETURNS TABLE (
    query_type text, avg_duration_ms numeric, max_duration_ms numeric, call_count bigint, total_time_ms numeric,
    source text, note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    started timestamptz;
    ended   timestamptz := pg_catalog.clock_timestamp();
BEGIN
    IF threshold_ms IS NULL OR threshold_ms < 0 OR threshold_ms = 'NaN' THEN
        RAISE EXCEPTION 'threshold_ms must be 0 or more, not %', COALESCE(threshold_ms::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It is in milliseconds; 0 shows everything.';
    ELSIF since <= '0' THEN
        RAISE EXCEPTION 'since must be a positive interval, not %', since
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'For example: since => ''1 hour''. NULL means everything that is known.';
    END IF;
    -- An interval that leads to before the beginning of time means all that is known as well, and so does NULL.
    -- A minute belongs to the window when it begins in it: a minute's window at least has the current one.
    started := pg_catalog.statement_timestamp() - GREATEST(LEAST(since, '4000 years'), '1 minute');

    RETURN QUERY
    WITH statements AS MATERIALIZED (
        SELECT s.query, s.queryid, s.total_ms, s.max_ms, s.calls, s.note
        FROM pggit_excellence.slow_statements(since, query_length => NULL) AS s
    ), typed AS (
        SELECT '(note)' AS query_type, s.total_ms, s.max_ms, s.calls, s.note FROM statements AS s WHERE s.note IS NOT NULL
        UNION ALL
        -- A group is slow only if one of its statements is: without any, there is no need to look at thousands of texts.
        SELECT pggit_excellence._query_type(s.query, s.queryid), s.total_ms, s.max_ms, s.calls, s.note FROM statements AS s
        WHERE s.note IS NULL
          AND EXISTS (SELECT FROM statements AS x WHERE x.total_ms > threshold_ms * x.calls OR x.max_ms > threshold_ms)
    ), summary AS (
        SELECT m.metric_type AS query_type, (m.value_sum / m.sample_count)::numeric AS mean,
               m.value_max::numeric AS longest, true AS longest_known, m.sample_count AS calls, m.value_sum::numeric AS total,
               'performance_metrics' AS source, NULL::text AS note
        FROM pggit_excellence._metric_totals(started, ended) AS m
        WHERE m.metric_type LIKE '%\_ms'
        UNION ALL
        SELECT t.query_type, pg_catalog.sum(t.total_ms) / pg_catalog.sum(t.calls), pg_catalog.max(t.max_ms),
               pg_catalog.bool_and(t.max_ms IS NOT NULL), pg_catalog.sum(t.calls)::bigint, pg_catalog.sum(t.total_ms),
               'pg_stat_statements', t.note
        FROM typed AS t
        GROUP BY t.query_type, t.note
    )
    SELECT s.query_type, pg_catalog.round(s.mean, 3), CASE WHEN s.longest_known THEN pg_catalog.round(s.longest, 3) END,
           s.calls, pg_catalog.round(s.total, 3), s.source, s.note
    FROM summary AS s
    WHERE s.note IS NOT NULL OR s.mean > threshold_ms OR s.longest > threshold_ms
    ORDER BY s.note IS NULL, s.total DESC, s.query_type COLLATE "C", s.note COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.analyze_slow_queries(numeric, interval) IS
$comment$What took longer than threshold_ms (milliseconds), on average or at least once, in the last `since` (NULL: all that is known; of recorded metrics the minutes that began in it). source: performance_metrics for recorded metrics whose name ends in _ms, pg_stat_statements for the statements of the current database.
query_type: the metric, the pgGit function, the kind of DDL, or the statement's first words with its queryid for slow_statements(). avg_duration_ms, max_duration_ms, total_time_ms: execution time; max_duration_ms is NULL where the longest call of the window is not known. call_count: calls or samples. note: rows with nothing else come first and say what is missing from the statements.$comment$;
