"""Code in which an expression shows a finding by itself, wherever its value goes.

That is format() that raises (PGX107), and text that is quoted twice (PGX105).
"""

from __future__ import annotations

import re

from pggit_excellence.scan.inputs.lexer import Kind, tokens

NAMES = frozenset({"format", "quote_ident", "quote_literal", "quote_nullable"})
_CALL = re.compile(rf'\b({"|".join(sorted(NAMES))})"?\s*(?:\(|--|/\*)', re.IGNORECASE)
_MORE_THAN_TEXT = re.compile("%(?!s)")


def may_tell(words: frozenset[str], code: str) -> bool:
    """Whether the code, which has these words in lower case, may show such a finding."""
    return not NAMES.isdisjoint(words) and any(
        call[1].lower() != "format" or not _is_harmless_format(code, call.end()) for call in _CALL.finditer(code)
    )


def _is_harmless_format(code: str, start: int) -> bool:
    """Whether these are the arguments of a format() that has only %s, and enough for each."""
    if code[start - 1] != "(":
        return False
    found = (token for token in tokens(code, start) if token.kind is not Kind.COMMENT)
    template = next(found, None)
    if template is None or template.kind is not Kind.STRING or code[template.start] != "'":
        return False
    text = code[template.start + 1 : template.end - 1].replace("%%", "")
    depth, commas = 0, -1
    for token in found:
        word = code[token.start : token.end]
        if commas < 0 and word not in {",", ")"}:  # the template is longer than this string
            return False
        commas = max(commas, 0) + (word == "," and not depth)
        depth += (word in {"(", "["}) - (word in {")", "]"})
        if depth < 0:
            return _MORE_THAN_TEXT.search(text) is None and text.count("%s") <= commas
        if word.lower() == "variadic":
            return False
    return False
