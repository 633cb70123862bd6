-- The comparisons of table columns in a stored query tree (pg_rewrite.ev_action, pg_proc.prosqlbody, pg_policy.polqual),
-- with the collation that the parser chose for each. No deparsed SQL shows that collation.
--   tree         the pg_node_tree as text
--   base_table   for an expression that is not inside a query (a policy's): the table of its columns
-- Reads the tree token by token with a stack of what is open. A column counts where it stands bare on one side (a change
-- of type label or a COLLATE around it does not matter) and the other side has no column of the same table row.
CREATE FUNCTION pggit_excellence._node_comparisons(tree text, base_table oid DEFAULT 0)
RETURNS TABLE (table_id oid, attnum smallint, operator_id oid, collation_id oid)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    -- A node's opening, a bracket, a field with its value, or any other word. A backslash quotes one character.
    token_pattern CONSTANT text := '\{[A-Z0-9_]+|[{}()]|:[a-z_0-9]+ (?:\\.|[^\s(){}\\])+|(?:\\.|[^\s(){}\\])+';
    -- Of these only the structure and the fields that matter here.
    wanted_pattern CONSTANT text := '^([{}()]|:(rtekind|relid|opno|inputcollid|varno|varattno|varlevelsup) )';
    comparisons CONSTANT text[] := ARRAY['{OPEXPR', '{SCALARARRAYOPEXPR'];
    token      text;
    field      text;
    value      text;
    open_nodes text[] := '{}';                -- kinds of the open nodes, '(' for a list
    open_ids   integer[] := '{}';             -- their numbers
    node_count integer := 0;
    queries    integer[] := ARRAY[0];         -- the open queries, outermost first; 0 is outside all of them
    tables     jsonb := pg_catalog.jsonb_build_object('0.1', base_table::text);   -- query.range table index: table
    indexes    jsonb := '{}';                 -- query: range table entries so far
    rte_kind   text;
    compares   jsonb := '{}';                 -- number of an open or closed comparison: its operator and collation
    columns    jsonb := '[]';                 -- the columns found below comparisons
    this_var   jsonb;
    depth      integer;
    direct     integer;
BEGIN
    FOR token IN
        SELECT m.parts[1] FROM pg_catalog.regexp_matches(tree, token_pattern, 'g') AS m (parts) WHERE m.parts[1] ~ wanted_pattern
    LOOP
        depth := pg_catalog.cardinality(open_nodes);

        IF token = '(' OR token LIKE '{%' THEN
            node_count := node_count + 1;
            open_nodes := open_nodes || token;
            open_ids := open_ids || node_count;
            IF token = '{QUERY' THEN
                queries := queries || node_count;
            ELSIF token IN ('{RTE', '{RANGETBLENTRY') THEN
                indexes := indexes || pg_catalog.jsonb_build_object(
                    queries[pg_catalog.cardinality(queries)]::text,
                    COALESCE((indexes ->> queries[pg_catalog.cardinality(queries)]::text)::integer, 0) + 1);
            ELSIF token = '{VAR' THEN
                this_var := '{}';
            END IF;

        ELSIF token IN (')', '}') THEN
            IF open_nodes[depth] = '{QUERY' THEN
                queries := pg_catalog.trim_array(queries, 1);
            ELSIF open_nodes[depth] = '{VAR' AND open_nodes && comparisons THEN
                -- The comparison of which this column is a bare side, if any.
                direct := depth - 1;
                WHILE open_nodes[direct] IN ('{RELABELTYPE', '{COLLATEEXPR') LOOP
                    direct := direct - 1;
                END LOOP;
                direct := CASE WHEN open_nodes[direct] = '('
                               AND open_nodes[direct - 1] = ANY (comparisons) THEN open_ids[direct - 1] END;
                columns := columns || pg_catalog.jsonb_build_object(
                    'compare', direct, 'inside', pg_catalog.to_jsonb(open_ids), 'attnum', this_var -> 'varattno',
                    'row', queries[pg_catalog.cardinality(queries) - (this_var ->> 'varlevelsup')::integer] || '.' || (this_var ->> 'varno'));
            END IF;
            open_nodes := pg_catalog.trim_array(open_nodes, 1);
            open_ids := pg_catalog.trim_array(open_ids, 1);

        ELSE
            field := pg_catalog.substr(pg_catalog.split_part(token, ' ', 1), 2);
            value := pg_catalog.substr(token, pg_catalog.length(field) + 3);
            CASE open_nodes[depth]
                WHEN '{VAR' THEN
                    IF field IN ('varno', 'varattno', 'varlevelsup') THEN
                        this_var := this_var || pg_catalog.jsonb_build_object(field, value);
                    END IF;
                WHEN '{OPEXPR', '{SCALARARRAYOPEXPR' THEN
                    IF field IN ('opno', 'inputcollid') THEN
                        compares := compares || pg_catalog.jsonb_build_object(open_ids[depth]::text,
                            COALESCE(compares -> open_ids[depth]::text, '{}') || pg_catalog.jsonb_build_object(field, value));
                    END IF;
                WHEN '{RTE', '{RANGETBLENTRY' THEN
                    IF field = 'rtekind' THEN
                        rte_kind := value;
                    ELSIF field = 'relid' AND rte_kind = '0' THEN
                        tables := tables || pg_catalog.jsonb_build_object(
                            queries[pg_catalog.cardinality(queries)] || '.'
                            || (indexes ->> queries[pg_catalog.cardinality(queries)]::text), value);
                    END IF;
                ELSE NULL;
            END CASE;
        END IF;
    END LOOP;

    RETURN QUERY
        SELECT DISTINCT (tables ->> (c.item ->> 'row'))::oid, (c.item ->> 'attnum')::smallint,
            (compares -> (c.item ->> 'compare') ->> 'opno')::oid, (compares -> (c.item ->> 'compare') ->> 'inputcollid')::oid
        FROM pg_catalog.jsonb_array_elements(columns) WITH ORDINALITY AS c (item, number)
        WHERE c.item ->> 'compare' IS NOT NULL AND (c.item ->> 'attnum')::integer > 0 AND tables ? (c.item ->> 'row')
          AND NOT EXISTS (
              SELECT FROM pg_catalog.jsonb_array_elements(columns) WITH ORDINALITY AS other (item, number)
              WHERE other.number <> c.number AND other.item ->> 'row' = c.item ->> 'row'
                AND other.item -> 'inside' @> (c.item -> 'compare')
          );
END
$body$;
COMMENT ON FUNCTION pggit_excellence._node_comparisons(text, oid) IS
    'Internal: which table columns a stored query tree compares, by which operator and under which collation (0: none).';
