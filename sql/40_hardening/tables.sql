-- What checks are made of. No data is kept here.
CREATE TYPE pggit_excellence._fault AS (item text, mend text);
COMMENT ON TYPE pggit_excellence._fault IS
    'Internal: one thing that a hardening check found: item for people to read, mend the SQL that removes it (without the last semicolon; NULL: none).';
