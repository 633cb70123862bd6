-- Whether a sample is good. Inlined, hence qualified.
CREATE FUNCTION pggit_excellence._objective_met(metric_value double precision, comparison text, threshold double precision)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT CASE comparison
        WHEN '<' THEN metric_value OPERATOR(pg_catalog.<) threshold
        WHEN '<=' THEN metric_value OPERATOR(pg_catalog.<=) threshold
        WHEN '>' THEN metric_value OPERATOR(pg_catalog.>) threshold
        WHEN '>=' THEN metric_value OPERATOR(pg_catalog.>=) threshold
    END
$body$;
COMMENT ON FUNCTION pggit_excellence._objective_met(double precision, text, double precision) IS
    'Internal: whether a value meets an objective: metric_value <comparison> threshold.';
