"""Names of encodings that a server accepts in a control file."""

from __future__ import annotations

_NAMES = """
    abc alt euccn eucjis2004 eucjp euckr euctw iso88591 iso885910 iso885913 iso885914 iso885915 iso885916
    iso88592 iso88593 iso88594 iso88595 iso88596 iso88597 iso88598 iso88599 koi8 koi8r koi8u latin1 latin10
    latin2 latin3 latin4 latin5 latin6 latin7 latin8 latin9 muleinternal sqlascii tcvn tcvn5712 unicode utf8
    vscii win win1250 win1251 win1252 win1253 win1254 win1255 win1256 win1257 win1258 win866 win874 windows1250
    windows1251 windows1252 windows1253 windows1254 windows1255 windows1256 windows1257 windows1258 windows866
    windows874
"""
_SERVER_ENCODINGS = frozenset(_NAMES.split())
_LONGEST = 63


def is_server_encoding(name: bytes) -> bool:
    """Whether a database can have the encoding; case and everything but letters and digits do not count."""
    if len(name) > _LONGEST:
        return False
    letters = bytes(byte for byte in name if bytes([byte]).isalnum())
    return letters.lower().decode() in _SERVER_ENCODINGS
