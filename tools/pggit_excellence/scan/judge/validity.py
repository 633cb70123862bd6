"""Whether a statement that libpg_query (PostgreSQL 17) refuses is refused by every server."""

from __future__ import annotations

import re

# What 18 and later understand and 17 does not, what extensions add to the grammar of their servers (the forks of
# PostgreSQL), and what was valid before: a refusal next to one of these words proves nothing.
_OTHER_GRAMMARS = re.compile(
    r"\b(?:virtual|overlaps|enforced|period|portion|returning\s+with|graph_table|property\s+graph|respect\s+nulls"
    r"|ignore\s+nulls|repack|wait\s+for|split\s+partition|merge\s+partitions?|oids|distributed\s+by|segment"
    r"|abort\s+transaction|group\s+by\s+all|tablegroup|changefeed)\b",
    re.IGNORECASE,
)


def never_valid(refused: str, message: str) -> bool:
    """Whether `refused`, the statement with placeholders, is no SQL anywhere; `message` is the parser's."""
    return bool(message) and message != "nested too deeply" and not _OTHER_GRAMMARS.search(refused)
