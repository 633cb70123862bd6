"""Damage to SQL: tokens dropped, doubled and swapped, quotes broken, characters that are hardly expected."""

from __future__ import annotations

from random import Random

from pggit_excellence.scan.inputs.lexer import tokens

ODD = (
    "'", '"', "''", "$$", "$f$", "$fuzz$", "$", "/*", "*/", "--", "\\", "E'", "U&'", ";", "(", ")", "[", "]", ",",
    "\r\n", "\x00", "\u00e9", "\ufeff", "\U0001f600", "\u2028", "\x7f", "%", "%I", "%1$", "{{", ":x", ":'x'", "::", ":=",
    "BEGIN", "END", "END;", "IF", "THEN", "ELSE", "LOOP", "END LOOP;", "EXECUTE", "EXECUTE p;", "DECLARE", "EXCEPTION",
    "WHEN", "CASE", "FOR r IN", "RETURN", "INTO", "USING", "AS", "LANGUAGE", "SELECT", "BEGIN ATOMIC", "<<a>>", "RETURN QUERY",
    "CREATE FUNCTION f(", "DO", "\\gexec", "\\if x", "\\.", "COPY t FROM stdin;\n", "#variable_conflict use_column",
    "p_a || ", "format(", "quote_ident(", "PERFORM", "CALL", "9" * 400, "(" * 300, "1::", "ARRAY[", "->>'k'",
)  # fmt: skip


def damaged(dice: Random, text: str) -> str:
    """The text with a few things wrong."""
    pieces = _pieces(text)
    for _ in range(dice.choice((1, 1, 2, 3, 6))):
        if not pieces:
            break
        at = dice.randrange(len(pieces))
        match dice.randrange(7):
            case 0:
                del pieces[at]
            case 1:
                pieces.insert(at, pieces[at])
            case 2:
                other = dice.randrange(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case 3:
                pieces.insert(at, f" {dice.choice(ODD)} ")
            case 4:
                piece = pieces[at]
                cut = dice.randint(0, len(piece))
                pieces[at] = piece[:cut] + dice.choice(ODD) + piece[cut:]
            case 5:
                piece = pieces[at]
                cut = dice.randint(0, len(piece))
                pieces[at] = piece[:cut] + piece[cut + 1 :]
            case _:
                size = dice.choice((1, 3, 10, 40))
                del pieces[at : at + size]
    return "".join(pieces)


def _pieces(text: str) -> list[str]:
    """Tokens and what is between them; a dollar-quoted body is taken apart too."""
    pieces, end = [], 0
    for token in tokens(text):
        pieces.append(text[end : token.start])
        piece = text[token.start : token.end]
        tag = piece[: piece.find("$", 1) + 1] if piece.startswith("$") else ""
        if tag and piece.endswith(tag) and len(piece) >= 2 * len(tag):
            pieces += [tag, *_pieces(piece[len(tag) : -len(tag)]), tag]
        else:
            pieces.append(piece)
        end = token.end
    return [piece for piece in (*pieces, text[end:]) if piece]


def damaged_bytes(dice: Random, data: bytes) -> bytes:
    """The bytes with some of them changed, lost or new."""
    found = bytearray(data)
    for _ in range(dice.randint(1, 20)):
        at = dice.randint(0, len(found))
        match dice.randrange(3):
            case 0:
                found[at : at + dice.randint(1, 8)] = b""
            case 1:
                found[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 4)))
            case _:
                found[at : at + 1] = dice.choice((b"'", b'"', b"$", b"\\", b";", b"(", b"\x00", b"\xff", b"/*", b"--"))
    return bytes(found)
