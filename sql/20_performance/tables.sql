-- What every kind of index advice returns, so that index_advice() is a plain union.
CREATE TYPE pggit_excellence._finding AS (
    finding_key text,
    kind        text,
    severity    text,
    confidence  text,
    table_name  text,
    index_name  text,
    evidence    text,
    advice      text,
    mend_sql    text,
    undo_sql    text
);
COMMENT ON TYPE pggit_excellence._finding IS
    'Internal: one row of index_advice(), without the exclusions. The columns are described there.';
