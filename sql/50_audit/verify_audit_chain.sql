-- What a row that does not fit says about what was done.
--   broken       the first row that does not fit
--   expected     the place that it should have
--   before_hash  the hash that it should continue; NULL: it comes first
CREATE FUNCTION pggit_excellence._audit_break(
    broken pggit_excellence.audit_log_sealed, expected bigint, before_hash bytea,
    OUT finding text, OUT at_audit_id bigint, OUT note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    purged      bigint := COALESCE((SELECT pg_catalog.max(p.last_audit_id) FROM pggit_excellence.audit_purges AS p), 0);
    was         bigint;
    predecessor bigint;
BEGIN
    at_audit_id := broken.audit_id;
    IF broken.audit_id IS NULL OR broken.audit_id < expected THEN
        finding := 'inserted';
        note := CASE WHEN broken.audit_id <= purged THEN 'the row of this number was purged' ELSE 'a second row of this number' END;
        RETURN;
    ELSIF broken.audit_id > expected THEN
        finding := 'removed';
        at_audit_id := expected;
        note := pg_catalog.format('row %s comes next', broken.audit_id);
        RETURN;
    ELSIF broken.row_hash = pggit_excellence._audit_hash(broken.previous_hash, broken.audit_id, broken.event_id, broken.occurred_at,
                                                         broken.event_kind, broken.actor, broken.database, broken.details) THEN
        finding := 'changed';
        at_audit_id := broken.audit_id - 1;
        note := pg_catalog.format('its hash as well: row %s continues another one', broken.audit_id);
        RETURN;
    END IF;

    -- Does it fit another place? Not where it continues the row before.
    IF broken.previous_hash IS DISTINCT FROM before_hash THEN
        -- As many places as there are rows: a number that somebody wrote into the table says nothing.
        SELECT n.place INTO was
        FROM pg_catalog.generate_series(
            purged + 1, purged + 10000 + (SELECT pg_catalog.count(*) FROM pggit_excellence.audit_log_sealed)) AS n (place)
        WHERE broken.row_hash = pggit_excellence._audit_hash(broken.previous_hash, n.place, broken.event_id, broken.occurred_at,
                                                             broken.event_kind, broken.actor, broken.database, broken.details)
        LIMIT 1;
        SELECT s.audit_id INTO predecessor FROM pggit_excellence.audit_log_sealed AS s WHERE s.row_hash = broken.previous_hash
        ORDER BY s.audit_id LIMIT 1;
    END IF;
    IF was IS NULL THEN
        finding := 'changed';
        note := 'its content is not what was hashed';
    ELSIF predecessor >= broken.audit_id THEN
        finding := 'reordered';
        note := pg_catalog.format('it was row %s', was);
    ELSIF predecessor IS NOT NULL OR was = purged + 1 THEN
        finding := 'inserted';
        at_audit_id := COALESCE(predecessor, purged) + 1;
        note := pg_catalog.format('row %s was row %s', broken.audit_id, was);
    ELSE
        finding := 'removed';
        note := pg_catalog.format('what is row %s now was row %s', broken.audit_id, was);
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_break(pggit_excellence.audit_log_sealed, bigint, bytea) IS
    'Internal: what the first row that does not fit the chain shows: changed, removed, inserted or reordered, and where.';

-- Is what was purged told of? A beginning that was cut off, with a row written into audit_purges, has no checkpoint that
-- ends there, or no event. Whoever adds the event too has done what purge_audit_log() does.
CREATE FUNCTION pggit_excellence._audit_purge_break(
    purge pggit_excellence.audit_purges, OUT finding text, OUT at_audit_id bigint, OUT note text
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'removed', 1::bigint, pg_catalog.format('rows to %s: audit_purges says that they were purged, and %s', purge.last_audit_id, w.why)
    FROM (
        SELECT 'no signed checkpoint ends there' AS why
        WHERE NOT EXISTS (
            SELECT FROM pggit_excellence.audit_checkpoints AS c
            WHERE c.audit_id = purge.last_audit_id AND c.row_hash = purge.row_hash)
        UNION ALL
        SELECT 'no event tells of it'
        WHERE NOT EXISTS (
            SELECT FROM pggit_excellence.audit_log AS l
            WHERE l.event_id = purge.event_id AND l.event_kind = 'audit'
              AND l.details @> pg_catalog.jsonb_build_object('action', 'purged', 'last_audit_id', purge.last_audit_id))
        LIMIT 1
    ) AS w
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_purge_break(pggit_excellence.audit_purges) IS
    'Internal: what is wrong with a row of audit_purges; NULL: nothing. Source: audit_checkpoints, signatures not looked at; audit_log.';

-- Compare with the copies of the signed checkpoints: what was written anew with all its hashes, and what was cut off.
CREATE FUNCTION pggit_excellence._audit_checkpoint_break(
    from_id bigint, to_id bigint, OUT finding text, OUT at_audit_id bigint, OUT note text
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN s.audit_id IS NULL THEN 'removed' ELSE 'rewritten' END,
           CASE WHEN s.audit_id IS NULL THEN (SELECT GREATEST(pg_catalog.max(t.audit_id) + 1, from_id) FROM pggit_excellence.audit_log_sealed AS t)
                ELSE COALESCE((SELECT pg_catalog.max(b.audit_id) FROM pggit_excellence.audit_checkpoints AS b WHERE b.audit_id < c.audit_id), 0) + 1 END,
           CASE WHEN s.audit_id IS NULL THEN pg_catalog.format('the end of the chain: a checkpoint covers rows to %s', c.audit_id)
                ELSE pg_catalog.format('between this row and row %s, hashes too: the checkpoint of row %s has another hash', c.audit_id, c.audit_id) END
    FROM pggit_excellence.audit_checkpoints AS c
    LEFT JOIN pggit_excellence.audit_log_sealed AS s ON s.audit_id = c.audit_id
    WHERE c.audit_id >= from_id AND (to_id IS NULL OR c.audit_id <= to_id) AND s.row_hash IS DISTINCT FROM c.row_hash
    ORDER BY c.audit_id
    LIMIT 1
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_checkpoint_break(bigint, bigint) IS
    'Internal: the first checkpoint that the chain contradicts; NULL: none. Source: audit_checkpoints, signatures not looked at.';

-- Is the chain whole? Names the first row that is not as it was.
--   from_id, to_id   the rows to look at (audit_id); NULL: from the first, to the last
CREATE FUNCTION pggit_excellence.verify_audit_chain(from_id bigint DEFAULT NULL, to_id bigint DEFAULT NULL)
RETURNS TABLE (intact boolean, finding text, at_audit_id bigint, checked bigint, pending bigint, last_checkpoint bigint, note text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    first_id bigint := COALESCE(from_id, 1);
    last_id  bigint;
    purge    pggit_excellence.audit_purges;
    purged   bigint;
    broken   record;
BEGIN
    SELECT p.* INTO purge FROM pggit_excellence.audit_purges AS p ORDER BY p.last_audit_id DESC LIMIT 1;
    purged := COALESCE(purge.last_audit_id, 0);
    IF first_id < 1 OR to_id < first_id THEN
        RAISE EXCEPTION 'no rows from % to %', first_id, to_id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'They are values of audit_id, from 1 on; NULL: the first, the last.';
    ELSIF to_id <= purged THEN
        RAISE EXCEPTION 'rows to % were purged', purged
            USING ERRCODE = 'invalid_parameter_value', HINT = 'The table pggit_excellence.audit_purges says when and by whom.';
    END IF;
    first_id := GREATEST(first_id, purged + 1);
    SELECT pg_catalog.max(s.audit_id), pg_catalog.count(*) FILTER (WHERE s.audit_id >= first_id) INTO last_id, checked
    FROM pggit_excellence.audit_log_sealed AS s WHERE to_id IS NULL OR s.audit_id <= to_id;
    pending := (SELECT pg_catalog.count(*) FROM pggit_excellence.audit_log_pending);
    last_checkpoint := (SELECT pg_catalog.max(c.audit_id) FROM pggit_excellence.audit_checkpoints AS c);

    -- The row before the first one, where there is one, says what that has to continue; else the purge of those before.
    SELECT c.row_itself, c.expected, c.before_hash INTO broken
    FROM (
        SELECT s AS row_itself, s.audit_id, s.previous_hash, s.row_hash,
               COALESCE(pg_catalog.lag(s.audit_id) OVER w + 1, GREATEST(first_id - 1, purged + 1)) AS expected,
               COALESCE(pg_catalog.lag(s.row_hash) OVER w, CASE WHEN first_id = purged + 1 THEN purge.row_hash END) AS before_hash,
               pg_catalog.lag(s.audit_id) OVER w IS NULL AND first_id > purged + 1 AS is_before,
               pggit_excellence._audit_hash(s.previous_hash, s.audit_id, s.event_id, s.occurred_at, s.event_kind, s.actor,
                                            s.database, s.details) AS computed
        FROM pggit_excellence.audit_log_sealed AS s
        WHERE s.audit_id IS NULL OR s.audit_id <= purged
           OR s.audit_id >= first_id - 1 AND (to_id IS NULL OR s.audit_id <= to_id)
        WINDOW w AS (ORDER BY s.audit_id)
    ) AS c
    WHERE c.audit_id IS DISTINCT FROM c.expected
       OR c.previous_hash IS DISTINCT FROM COALESCE(c.before_hash, c.previous_hash)
       OR c.row_hash IS DISTINCT FROM c.computed AND NOT c.is_before
    ORDER BY c.audit_id
    LIMIT 1;
    IF FOUND THEN
        SELECT b.* INTO finding, at_audit_id, note
        FROM pggit_excellence._audit_break(broken.row_itself, broken.expected, broken.before_hash) AS b;
    ELSE
        SELECT b.* INTO finding, at_audit_id, note FROM pggit_excellence._audit_checkpoint_break(first_id, to_id) AS b;
        IF finding IS NULL AND purged > 0 AND first_id = purged + 1 THEN
            SELECT b.* INTO finding, at_audit_id, note FROM pggit_excellence._audit_purge_break(purge) AS b;
        END IF;
    END IF;

    last_id := GREATEST(last_id, purged);
    IF finding IS NULL AND to_id > last_id THEN
        RAISE EXCEPTION 'there is no row %, the last one is %', to_id, last_id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL: to the last.';
    END IF;
    intact := CASE WHEN finding IS NOT NULL THEN false WHEN checked > 0 THEN true END;
    IF finding IS NULL THEN
        note := CASE
            WHEN checked = 0 THEN 'no events are sealed yet' || COALESCE(', since those to row ' || purge.last_audit_id || ' were purged', '')
            WHEN last_checkpoint IS NULL THEN 'no signed checkpoint: a superuser could have written all of it anew'
            WHEN last_id > last_checkpoint THEN pg_catalog.format(
                'no signed checkpoint covers rows %s to %s: a superuser could have written them anew', last_checkpoint + 1, last_id)
        END;
    END IF;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.verify_audit_chain(bigint, bigint) IS
    'Recomputes the hashes of the sealed rows of audit_log from from_id to to_id (NULL: all) and compares them with the copies of the signed checkpoints, one row: intact (NULL: nothing is sealed yet), finding (changed, removed, inserted, reordered; rewritten: with all hashes, between two checkpoints) and at_audit_id, the first row concerned, both NULL where all is well; checked: how many rows, of those that purge_audit_log() left; pending: recorded and not yet sealed; last_checkpoint: the last row that a checkpoint covers, NULL: none. Signatures, and what a superuser may have done to this function, are checked from outside by pggit-excellence audit verify. Reads everything once, locks nothing.';
