"""Which cryptographic algorithms a script uses: calls of pgcrypto's and PostgreSQL's own functions, in any code.

Calls are found by their tokens, in statements and in the bodies of functions alike. An algorithm that is not a literal
is "unknown": the caller chooses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pggit_excellence.scan.inputs.lexer import Kind, Token, tokens

UNKNOWN = "unknown"
# The position of the argument that names the algorithm, from 0.
_NAMED_BY_ARGUMENT = {
    "digest": 1,
    "hmac": 2,
    "gen_salt": 0,
    "encrypt": 2,
    "decrypt": 2,
    "encrypt_iv": 3,
    "decrypt_iv": 3,
}
_OPENPGP = {
    "pgp_sym_encrypt": 2,
    "pgp_sym_encrypt_bytea": 2,
    "pgp_sym_decrypt": 2,
    "pgp_sym_decrypt_bytea": 2,
    "pgp_pub_encrypt": 2,
    "pgp_pub_encrypt_bytea": 2,
    "pgp_pub_decrypt": 3,
    "pgp_pub_decrypt_bytea": 3,
}
_FIXED = {
    "crypt": "crypt",  # the salt says which
    "gen_random_bytes": "csprng",
    "gen_random_uuid": "csprng",
    "uuid_generate_v4": "csprng",
    "md5": "md5",
    "sha224": "sha224",
    "sha256": "sha256",
    "sha384": "sha384",
    "sha512": "sha512",
}
_FUNCTIONS = _NAMED_BY_ARGUMENT.keys() | _OPENPGP.keys() | _FIXED.keys()
_BODY = re.compile(r"\A\$[^$]*\$|\$[^$]*\$\Z")
_DEPTH = 4


class Use(NamedTuple):
    """A call: the function, the algorithm as the script names it, and the line."""

    function: str
    algorithm: str
    line: int


def crypto_uses(text: str) -> list[Use]:
    """Every call in the script, in order."""
    return list(_uses(text, 1, 0)) if _may_call(text) else []


def _may_call(text: str) -> bool:
    """Whether one of the names is in it: a quick look before reading tokens."""
    lower = text.lower()
    return any(name in lower for name in _FUNCTIONS)


def _uses(text: str, first_line: int, depth: int) -> Iterator[Use]:
    found = [token for token in tokens(text) if token.kind is not Kind.COMMENT]
    line, done = first_line, 0
    for index, token in enumerate(found):
        inside = text[token.start : token.end]
        line += text.count("\n", done, token.start)
        done = token.start
        if token.kind is Kind.DOLLAR and depth < _DEPTH and _may_call(inside):
            yield from _uses(_BODY.sub("", inside), line, depth + 1)
        elif token.kind is Kind.STRING and depth < _DEPTH and "(" in inside and _may_call(inside):
            yield from _uses(inside.strip("'").replace("''", "'"), line, depth + 1)
        elif _calls(text, found, index):
            yield from _call(inside.strip('"').lower(), _arguments(text, found, index + 2), line)


def _calls(text: str, found: list[Token], index: int) -> bool:
    """Whether the token is the name of one of the functions, called and not created or dropped."""
    name, following = found[index], found[index + 1 : index + 2]
    if name.kind not in {Kind.WORD, Kind.QUOTED} or text[name.start : name.end].strip('"').lower() not in _FUNCTIONS:
        return False
    if not following or text[following[0].start : following[0].end] != "(":
        return False
    before = index - 1
    while before > 0 and text[found[before].start : found[before].end] == ".":
        before -= 2
    return before < 0 or text[found[before].start : found[before].end].lower() not in {
        "function",
        "procedure",
        "exists",
    }


def _arguments(text: str, found: list[Token], index: int) -> list[list[str]]:
    """The arguments of a call whose parenthesis is just before `index`, each as its tokens."""
    arguments: list[list[str]] = [[]]
    depth = 0
    for token in found[index:]:
        word = text[token.start : token.end]
        if word == ")" and depth == 0:
            break
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        if word == "," and depth == 0:
            arguments.append([])
        else:
            arguments[-1].append(word)
    return arguments


def _call(function: str, arguments: list[list[str]], line: int) -> Iterator[Use]:
    if function in _FIXED:
        yield Use(function, _FIXED[function], line)
        return
    position = _NAMED_BY_ARGUMENT.get(function, _OPENPGP.get(function, 0))
    literal = _literal(arguments[position]) if position < len(arguments) else None
    if function in _OPENPGP:
        yield from _openpgp(function, literal if position < len(arguments) else "", line)
    elif literal is None:
        yield Use(function, UNKNOWN, line)
    elif function == "hmac":
        yield Use(function, f"hmac-{literal}", line)
    elif function == "gen_salt":
        yield Use(function, f"crypt-{literal}", line)
    else:
        yield Use(function, literal, line)


def _openpgp(function: str, options: str | None, line: int) -> Iterator[Use]:
    """OpenPGP's cipher, and for a password the digest that makes the key from it, as the options say."""
    if "decrypt" in function:
        yield Use(function, "openpgp", line)  # the message says which
        return
    if options is None:
        yield Use(function, UNKNOWN, line)
        return
    chosen = dict(part.strip().split("=", 1) for part in options.split(",") if "=" in part)
    yield Use(function, f"openpgp-{chosen.get('cipher-algo', 'aes128')}", line)
    if "_sym_" in function:
        yield Use(function, chosen.get("s2k-digest-algo", "sha1"), line)
    else:
        yield Use(function, "openpgp", line)


def _literal(argument: list[str]) -> str | None:
    """The text of an argument that is one string, with a cast to text or without."""
    words = [word for word in argument if word.lower() not in {"::", "text", "pg_catalog", "."}]
    if len(words) != 1 or words[0][:1] not in {"'", "$"}:
        return None
    return (_BODY.sub("", words[0]) if words[0][0] == "$" else words[0][1:-1].replace("''", "'")).lower()
