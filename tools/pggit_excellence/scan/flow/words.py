r"""The words of SQL code: every name that may be meant in it, without asking where it stands.

What is left out for want of a name must not be meant by another spelling of it: `my_f`, `MY_F`, `"my_f"` and
`U&"my\005Ff"` are one function, `"my-f"` is a name as well, and after 63 characters none goes on. Where quotes stand
in strings and comments there are more words than names, never fewer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import filterfalse

from pggit_excellence.scan.inputs.lexer import WORD_INSIDE, WORD_START
from pggit_excellence.scan.inputs.literals import fold

_LONGEST = 63
_WORDS = re.compile(f"{WORD_START}{WORD_INSIDE}{{0,{_LONGEST - 1}}}")
# For code in ASCII: what is in no word becomes white space, at which to split is twice as fast as to match.
_APART = str.maketrans(dict.fromkeys(filterfalse(re.compile(WORD_INSIDE).match, map(chr, range(128))), " "))
# From each quote on, as nobody knows which of them opens: what may be the name behind it, and one with escapes.
_QUOTED = re.compile(rf'(?="((?:[^"]|""){{1,{_LONGEST}}}))')
_ESCAPED = re.compile(rf'[uU]&"((?:[^"]|""){{1,{8 * _LONGEST}}})')
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF+")


@lru_cache(maxsize=1 << 16)  # each body and each piece of it is asked for several times
def words(code: str) -> frozenset[str]:
    """The words of the code and the names in quotes, each as `word` gives it."""
    found = _bare(fold(code))
    if '"' in code:
        found.update(word(name.replace('""', '"')) for name in _QUOTED.findall(code))
        found.update(word(name) for written in _ESCAPED.findall(code) for name in _decoded(written.replace('""', '"')))
    return frozenset(found)


def _bare(code: str) -> set[str]:
    """The words without quotes of folded code."""
    if not code.isascii():
        return set(_WORDS.findall(code))
    found = set(code.translate(_APART).split())
    rare = [each for each in found if each < "A" or len(each) > _LONGEST]  # those that begin with a digit or $
    if rare:
        found.difference_update(rare)
        found.update(_WORDS.findall(" ".join(rare)))
    return found


def word(name: str) -> str:
    """The name as a word: capital letters make no difference, nor does what the server cuts off."""
    return fold(name)[:_LONGEST]


def _decoded(written: str) -> set[str]:
    """What U&"..." may stand for: UESCAPE may make any of its characters the one that escapes."""
    return {_unescaped(written, re.escape(escape)) for escape in set(written) - _HEXADECIMAL} | {written}


def _unescaped(written: str, escape: str) -> str:
    pattern = rf"{escape}(?:([0-9A-Fa-f]{{4}})|\+([0-9A-Fa-f]{{6}})|({escape}))"

    def character(match: re.Match[str]) -> str:
        code = int(match[1] or match[2] or "0", 16)
        return match[3] or (chr(code) if code <= 0x10FFFF else "")

    found = re.sub(pattern, character, written)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
