-- Which columns trigger functions compare under the collation of catalog names ("C"), as far as their text tells.
-- PL/pgSQL gives parameters and variables the collation of the caller's arguments. So where a trigger or event trigger
-- function (or one that it calls) reads information_schema or a name column of the catalog, and a function that it calls
-- compares a column with a parameter or variable, the comparison runs under "C", and an index of the default collation
-- is useless. Nothing stores that; this reads function bodies, and only where a table is scanned sequentially a lot.
--   catalog_fed  values from the catalog reach the comparison; collation_id is then that of "C", for text columns
CREATE FUNCTION pggit_excellence._comparisons_likely(scope oid[], hot_tables pggit_excellence._hot_table[])
RETURNS TABLE (source text, table_id oid, attnum smallint, collation_id oid, catalog_fed boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH RECURSIVE hot AS MATERIALIZED (
        SELECT h.table_id, t.relname FROM pg_catalog.unnest(hot_tables) AS h JOIN pg_catalog.pg_class AS t ON t.oid = h.table_id
    ), body AS MATERIALIZED (
        -- Function bodies without comments; none at all where no table is hot.
        SELECT p.oid, p.pronamespace, p.proname, COALESCE(p.proargnames, '{}') AS parameters,
            pg_catalog.regexp_replace(p.prosrc, '--[^\n]*|/\*([^*]|\*+[^*/])*\*+/', ' ', 'g') AS text
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname IN ('plpgsql', 'sql')
        WHERE p.pronamespace = ANY (scope) AND EXISTS (SELECT FROM hot)
    ), traced AS MATERIALIZED (
        SELECT b.oid, b.proname, b.text,
            b.text ~* '\minformation_schema\M|\m(nspname|relname|attname|proname|typname|conname|schemaname|tablename|indexname)\M'
                AS reads_names
        FROM body AS b
    ), reached AS (
        -- From the functions of triggers down to what they call, carrying whether catalog names were read on the way.
        SELECT f.oid, f.text, f.reads_names AS catalog_fed
        FROM traced AS f
        WHERE f.oid IN (SELECT e.evtfoid FROM pg_catalog.pg_event_trigger AS e UNION ALL SELECT g.tgfoid FROM pg_catalog.pg_trigger AS g)
        UNION
        SELECT f.oid, f.text, r.catalog_fed OR f.reads_names
        FROM reached AS r
        JOIN traced AS f ON f.oid <> r.oid AND pg_catalog.strpos(r.text, f.proname) > 0
            AND f.proname ~ '^[a-z_][a-z0-9_]*$' AND r.text ~* ('\m' || f.proname || '\s*\(')
    ), comparison AS (
        -- column = word or column = record.field, in a condition; := and SET assign.
        SELECT b.oid, h.table_id, pg_catalog.lower(m.parts[1]) AS column_name, pg_catalog.lower(m.parts[2]) AS other, b.parameters, b.text
        FROM body AS b
        JOIN hot AS h ON pg_catalog.strpos(b.text, h.relname) > 0
        CROSS JOIN LATERAL pg_catalog.regexp_matches(b.text,
            '\m(?:where|and|or|on)\M[\s(]+(?:[a-z_]\w*\.)?([a-z_]\w*)\s*=\s*([a-z_]\w*(?:\.[a-z_]\w*)?)(?![\w.(])', 'gi') AS m (parts)
        WHERE b.oid IN (SELECT r.oid FROM reached AS r)
    )
    SELECT DISTINCT pg_catalog.format('function %s', c.oid::pg_catalog.regprocedure), c.table_id, a.attnum,
        CASE WHEN a.attcollation <> 0 AND fed.catalog_fed THEN k.c_collation ELSE a.attcollation END, fed.catalog_fed
    FROM comparison AS c
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.table_id AND a.attname = c.column_name AND a.attnum > 0
    JOIN (SELECT r.oid, bool_or(r.catalog_fed) AS catalog_fed FROM reached AS r GROUP BY r.oid) AS fed ON fed.oid = c.oid
    CROSS JOIN (SELECT co.oid FROM pg_catalog.pg_collation AS co
                WHERE co.collname = 'C' AND co.collnamespace = 'pg_catalog'::pg_catalog.regnamespace) AS k (c_collation)
    WHERE c.other = ANY (c.parameters)
       OR c.other ~ '^[a-z0-9_]+$' AND pg_catalog.cardinality(c.parameters) > 0
          AND c.text ~* ('\m' || c.other || '\s+(constant\s+)?(text|varchar|character varying)\M')
       OR c.other ~ '\.(table_schema|table_name|column_name|nspname|relname|attname|proname|typname|conname)$'
$body$;
COMMENT ON FUNCTION pggit_excellence._comparisons_likely(oid[], pggit_excellence._hot_table[]) IS
    'Internal: columns of often scanned tables that functions below triggers compare with parameters, and the likely collation. Source: pg_proc.prosrc, pg_stat.';
