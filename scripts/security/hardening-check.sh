#!/bin/sh
# Is this database hardened? A table or JSON, and exit status 1 when a check failed that counts. Needs psql alone:
# the server, database and user are libpq's (PGHOST, PGDATABASE, PGSERVICE and so on), or --dsn.
# `pggit-excellence harden check` says the same with evidence and remedies laid out for people.
set -eu

usage() {
    cat <<'TEXT'
usage: hardening-check.sh [--dsn DSN] [--profile minimal|standard|strict] [--fail-on critical|high|medium|low|never]
                          [--format text|json]
Exit status: 0 clean, 1 a check failed at or above --fail-on (default: low, any), 2 usage or error, 3 nothing could be decided
TEXT
}
refuse() {
    printf 'hardening-check.sh: %s\n' "$1" >&2
    exit 2
}

dsn='' profile=standard fail_on=low format=text
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --dsn | --profile | --fail-on | --format) [ $# -ge 2 ] || refuse "$1 needs a value (--help)" ;;
    *) refuse "unknown option $1 (--help)" ;;
    esac
    case $1 in
    --dsn) dsn=$2 ;;
    --profile) profile=$2 ;;
    --fail-on) fail_on=$2 ;;
    --format) format=$2 ;;
    esac
    shift 2
done
case $profile in minimal | standard | strict) ;; *) refuse "no such profile: $profile (minimal, standard, strict)" ;; esac
case $fail_on in critical | high | medium | low | never) ;; *) refuse "no such severity: $fail_on (critical, high, medium, low, never)" ;; esac
case $format in text | json) ;; *) refuse "no such format: $format (text, json)" ;; esac
command -v psql >/dev/null || refuse 'psql is not installed'

verdict=$(mktemp)
trap 'rm -f "$verdict"' EXIT
# One call of hardening_check(): its rows are kept in a variable of psql, printed, and judged.
psql -X -q -d "$dsn" -v ON_ERROR_STOP=1 -v VERBOSITY=terse -v profile="$profile" -v fail_on="$fail_on" -v format="$format" \
    -v verdict="$verdict" <<'SQL' || refuse 'the check could not be made'
SET TimeZone = 'UTC';
\pset null ''
SELECT coalesce(json_agg(c), '[]') AS checks FROM pggit_excellence.hardening_check(:'profile') AS c \gset
SELECT count(*) FILTER (WHERE c.status = 'fail' AND array_position(ARRAY['low', 'medium', 'high', 'critical'], c.severity)
                        >= array_position(ARRAY['low', 'medium', 'high', 'critical', 'never'], :'fail_on')) AS failed,
       count(*) FILTER (WHERE c.status IN ('pass', 'fail', 'warn')) AS decided,
       :'format' = 'json' AS as_json
FROM json_to_recordset(:'checks') AS c (status text, severity text) \gset
\if :as_json
    \pset format unaligned
    \pset tuples_only on
    SELECT jsonb_pretty(jsonb_build_object('ok', :failed = 0, 'profile', :'profile', 'fail_on', :'fail_on', 'checks', :'checks'::jsonb));
\else
    SELECT c.status, c.severity, c.category, c.check_id, c.title
    FROM json_to_recordset(:'checks') AS c (status text, severity text, category text, check_id text, title text)
    WHERE c.status NOT IN ('pass', 'not_applicable');
    SELECT c.check_id, c.remediation
    FROM json_to_recordset(:'checks') AS c (status text, check_id text, remediation text)
    WHERE c.status IN ('fail', 'warn') AND c.remediation IS NOT NULL;
    SELECT c.status, count(*) AS checks FROM json_to_recordset(:'checks') AS c (status text) GROUP BY 1 ORDER BY 1;
\endif
\o :verdict
\qecho :failed :decided
SQL
read -r failed decided <"$verdict"
[ "$failed" -eq 0 ] || exit 1
[ "$decided" -gt 0 ] || exit 3
