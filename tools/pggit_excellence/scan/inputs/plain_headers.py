"""Headers of routines as most are written, read by expressions in a fifth of the time that their tokens take.

What is written otherwise is left to headers.py, which reads every header, and these with the same result.
"""

from __future__ import annotations

import re

from pggit_excellence.scan.inputs.headers import Header, put_setting
from pggit_excellence.scan.inputs.program import OffsetMap, Parameter

_SPACE = r"(?:\s++|--[^\n\r]*+)*+"
_NAME = r"[a-z_]\w*+"
_KEYWORDS = ("in", "out", "inout", "variadic", "setof", "table", "default", "array", "null")
_TYPE = (
    rf"(?!(?:{'|'.join(_KEYWORDS)})\b)"
    r"(?:(?:time(?:stamp)?\s+with(?:out)?\s+time\s+zone|double\s+precision)\b"
    rf"|(?:character\s+varying\b|{_NAME}(?:\.{_NAME})*+)(?:\(\d++(?:,\s*+\d++)?\))?)(?:\[\])*+"
)
# No names of parameters: a keyword, or the first of the words of a type.
_NO_NAMES = {*_KEYWORDS, "bit", "char", "character", "double", "interval", "national", "nchar", "time", "timestamp"}
_VALUE = rf"(?:{_NAME}|\d++|'[^'\\]*+'(?!\s*+'))"
_FLAGS = re.IGNORECASE | re.ASCII
_BEGINS = re.compile(
    rf"create\s+(?:or\s+replace\s+)?(function|procedure)\s+(?:({_NAME})\.)?({_NAME})\s*+\({_SPACE}(\){_SPACE})?", _FLAGS
)
_PARAMETER = re.compile(
    rf"(?:(in|out|inout|variadic)\s+)?(?:({_NAME})\s+)?({_TYPE})\s*+"
    rf"(?:(?:default\b|:?=)\s*+((?:'[^'\\]*+'|[\w.:]|\[\]|\(\)| )++))?{_SPACE}([,)]){_SPACE}",
    _FLAGS,
)
_RETURNS = re.compile(rf"returns\s+(?:(table)\s*+\({_SPACE}|(setof\s+)?({_TYPE}))", _FLAGS)
_OPTION = re.compile(
    rf"{_SPACE}(?:as\s+(?P<tag>\$(?:{_NAME})?\$)"
    rf"|(?:immutable|stable|volatile|strict|parallel\s+{_NAME}|(?:cost|rows)\s+\d++|language\s+(?P<language>{_NAME})"
    r"|security\s+(?P<security>definer|invoker)"
    rf"|set\s+(?P<name>{_NAME})\s*+(?:=|\bto\b)\s*+(?P<value>{_VALUE}(?:\s*+,\s*+{_VALUE})*+))(?!\w))",
    _FLAGS,
)


def plain_header(text: str) -> Header | None:
    """The header of CREATE FUNCTION or CREATE PROCEDURE; None where it has to be read by its tokens."""
    begins = _BEGINS.match(text)
    if begins is None:
        return None
    header, at = Header(begins[1].lower(), ((begins[2] or "").lower(), begins[3].lower())), begins.end()
    if begins[4] is None:
        at = _parameters(header, text, at, "in")
    returns = _RETURNS.match(text, at)
    if returns is not None:
        at, header.returns, header.returns_set = returns.end(), _written(returns[3] or "record"), returns[2] is not None
        if returns[1]:
            at, header.returns_set = _parameters(header, text, at, "table"), True
    at = _options(header, text, at)
    return header if at == len(text) and header.body is not None and header.language else None


def _parameters(header: Header, text: str, at: int, mode: str) -> int:
    """Add what is in parentheses from there on; returns where they end, behind the text if they are not plain."""
    found: list[Parameter] = []
    while one := _PARAMETER.match(text, at):
        at, name = one.end(), (one[2] or "").lower()
        if name in _NO_NAMES:
            break
        default = None if one[4] is None else _written(one[4])
        found.append(Parameter(name, _written(one[3]), (one[1] or mode).lower(), default))
        if one[5] == ")":
            header.parameters += tuple(found)
            return at
    return len(text) + 1


def _options(header: Header, text: str, at: int) -> int:
    while option := _OPTION.match(text, at):
        at = option.end()
        if option["tag"]:
            at = _body(header, text, option)
        elif option["name"]:
            header.settings = put_setting(header.settings, option["name"], _written(option["value"]))
        elif option["language"]:
            header.language = option["language"].lower()
        elif option["security"]:
            header.security_definer = option["security"].lower() == "definer"
    return at


def _body(header: Header, text: str, option: re.Match[str]) -> int:
    tag, start = option["tag"], option.end("tag")
    end = text.find(tag, start)
    if end < 0 or header.body is not None:
        return len(text) + 1
    header.body, header.map, header.body_start = text[start:end], OffsetMap(((0, start),)), option.start("tag")
    return end + len(tag)


def _written(text: str) -> str:
    return " ".join(text.split())
