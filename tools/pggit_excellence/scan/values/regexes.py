"""What PostgreSQL's regular expressions say about a text."""

from __future__ import annotations

import re

# [^...] of letters, digits, ranges of them, \w, \d and _: what is left of a text without its matches is a word.
_ALL_BUT_WORDS = re.compile(r"\[\^(?:[A-Za-z]-[A-Za-z]|[0-9]-[0-9]|\\[wd]|\[:alnum:\]|\[:alpha:\]|\[:digit:\]|\w)+\]")


def leaves_only_words(pattern: str, flags: str) -> bool:
    """Whether regexp_replace(x, pattern, word, flags) leaves nothing but letters, digits and _."""
    if "g" not in flags or not set(flags) <= set("gi"):
        return False
    pattern = pattern.removesuffix("+")
    return pattern in {r"\W", r"[^\w]"} or _plain_class(pattern)


def _plain_class(pattern: str) -> bool:
    if not _ALL_BUT_WORDS.fullmatch(pattern):
        return False
    ranges = re.findall(r"([A-Za-z])-([A-Za-z])", pattern)
    return all(first.isupper() == last.isupper() for first, last in ranges)  # A-z has brackets and ^ in it
