"""Whether a statement that libpg_query (PostgreSQL 17) refuses is refused by every server."""

from __future__ import annotations

import re

from pggit_excellence.scan.inputs.pg_parser import ParseError, parse_sql_json

# What 18 and later understand and neither parser here does, what extensions add to the grammar of their servers (the
# forks of PostgreSQL), and what was valid before: a refusal next to one of these words proves nothing.
_OTHER_GRAMMARS = re.compile(
    r"\b(?:virtual|overlaps|enforced|period|portion|returning\s+with|graph_table|property\s+graph|respect\s+nulls|ignore\s+nulls"
    r"|repack|wait\s+for|split\s+partition|merge\s+partitions?|oids|distributed\s+by|segment"
    r"|abort\s+transaction|tablegroup|changefeed)\b",
    re.IGNORECASE,
)
# The syntax of newer queries that sqlglot reads: only with it is it worth the import.
_NEWER_QUERY = re.compile(r"\bgroup\s+by\s+(?:all|distinct)\b", re.IGNORECASE)


def never_valid(refused: str, message: str) -> bool:
    """Whether `refused`, the statement with placeholders, is no SQL anywhere; `message` is the parser's."""
    if not message or message == "nested too deeply" or _OTHER_GRAMMARS.search(refused):
        return False
    return not (_NEWER_QUERY.search(refused) and _is_newer(refused))


def _is_newer(refused: str) -> bool:
    """Whether it is a query with a syntax that sqlglot knows and libpg_query does not (GROUP BY ALL).

    sqlglot tolerates errors as well (LIMIT 5, 10). Those are gone when it writes the query anew, while new syntax
    stays. Of other statements it tells nothing: it takes DELETE FORM t for one, and keeps as a Command what it does not
    understand.
    """
    import logging

    import sqlglot  # half a second, and few scans come here
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of each Command
    try:
        found = [tree for tree in sqlglot.parse(refused, dialect="postgres") if tree is not None]
        if not found or not all(isinstance(tree, sqlglot.exp.Query) for tree in found):
            return False
        parse_sql_json("; ".join(tree.sql(dialect="postgres") for tree in found))
    except ParseError:
        return True
    except (SqlglotError, RecursionError, ValueError):
        return False
    return False
