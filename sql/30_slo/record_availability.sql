-- Store what a monitor outside of the server saw (`pggit-excellence slo monitor`), exactly once.
--   batch_id  identity of the batch; a monitor sends it again until it is answered. NULL: no outcomes, a sign of life
--   monitor   its name, for people: tag "monitor" of the samples
--   ages      how many seconds ago each outcome was: immune to a wrong clock on either side
--   ups       whether the server answered then
--   counts    how many alike probes it stands for
-- Returns false where the batch had been stored before: nothing is stored then. A batch's identity and its samples are
-- one transaction, so neither a lost answer nor a crash makes a sample count twice or not at all.
-- Waits for the local disk and never for a standby. Locks the monitor's row until the transaction ends. Deletes the
-- identities that are older than 90 days, by an index.
-- SECURITY DEFINER: a monitor on another machine needs a role that may do this and nothing else.
CREATE FUNCTION pggit_excellence.record_availability(
    batch_id uuid, monitor text,
    ages double precision[] DEFAULT '{}', ups boolean[] DEFAULT '{}', counts integer[] DEFAULT '{}'
)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    seen_at timestamptz := pg_catalog.clock_timestamp();
BEGIN
    IF COALESCE(record_availability.monitor, '') = '' THEN
        RAISE EXCEPTION 'a monitor needs a name'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Usually the name of the host that it runs on.';
    ELSIF record_availability.batch_id IS NULL AND pg_catalog.cardinality(record_availability.ages) > 0 THEN
        RAISE EXCEPTION 'outcomes need the identity of their batch'
            USING ERRCODE = 'null_value_not_allowed',
                  HINT = 'A new UUID for each batch; the same one where a batch is sent again.';
    ELSIF EXISTS (
        SELECT FROM ROWS FROM (unnest(record_availability.ages), unnest(record_availability.ups), unnest(record_availability.counts))
            AS s (age, up, sample_count)
        WHERE s.up IS NULL OR NOT COALESCE(s.age BETWEEN 0 AND 3e9, false) OR NOT COALESCE(s.sample_count > 0, false)
    ) THEN
        RAISE EXCEPTION 'ages, ups and counts must be equally long; ages from 0 to 3e9 seconds, counts above 0'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'One entry of each for every outcome.';
    END IF;
    PERFORM pg_catalog.set_config('synchronous_commit', 'local', true);
    INSERT INTO pggit_excellence.availability_monitors AS m (monitor, first_seen, last_seen)
    VALUES (record_availability.monitor, seen_at, seen_at)
    ON CONFLICT ON CONSTRAINT availability_monitors_pkey DO UPDATE SET last_seen = excluded.last_seen;
    IF record_availability.batch_id IS NULL THEN
        RETURN true;
    END IF;
    DELETE FROM pggit_excellence.availability_batches AS b WHERE b.received_at < seen_at - interval '90 days';
    INSERT INTO pggit_excellence.availability_batches (batch_id, received_at)
    VALUES (record_availability.batch_id, seen_at)
    ON CONFLICT ON CONSTRAINT availability_batches_pkey DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, tags, recorded_at, sample_count)
    SELECT 'availability', s.up::integer, pg_catalog.jsonb_build_object('monitor', record_availability.monitor),
           seen_at - pg_catalog.make_interval(secs => s.age), s.sample_count
    FROM ROWS FROM (unnest(record_availability.ages), unnest(record_availability.ups), unnest(record_availability.counts))
        AS s (age, up, sample_count);
    RETURN true;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.record_availability(uuid, text, double precision[], boolean[], integer[]) IS
    'Stores the outcomes of a monitor''s probes as samples of availability (1 up, 0 down), each batch once; returns false where the batch had been stored before. ages: seconds ago; batch_id NULL, without outcomes: a sign of life. Called by pggit-excellence slo monitor. SECURITY DEFINER: a monitor''s role needs EXECUTE on it and nothing else.';
