r"""What Python's regular expressions prove: that a text is a word, or what re.sub() leaves of it.

`\w` and `\d` of Python match letters and digits of every script; to the server all those are letters of a name.
"""

from __future__ import annotations

from pggit_excellence.scan.values.patterns import proves

_ANCHORS = ("\\A", "^")


def is_word(pattern: str) -> bool:
    """Whether re.fullmatch(pattern, text) matches nothing but letters, digits and _."""
    return "[:" not in pattern and proves(f"^(?:{pattern})$") is not None


def whole(pattern: str, method: str) -> tuple[str, bool] | None:
    """What re.match() or re.fullmatch() matches as a whole, and whether a newline may stand behind it.

    None: perhaps not the whole text.
    """
    inner = pattern
    for anchor in _ANCHORS:
        inner = inner.removeprefix(anchor)
    if inner.endswith("\\Z"):
        return inner.removesuffix("\\Z"), False
    if inner.endswith("$") and not inner.endswith("\\$"):
        return inner.removesuffix("$"), method == "match"
    return (inner, False) if method == "fullmatch" else None


def leaves_a_word(pattern: str, replacement: str) -> bool:
    """Whether re.sub(pattern, replacement, text) leaves nothing but letters, digits and _."""
    if not all(character.isalnum() or character == "_" for character in replacement):
        return False
    pattern = pattern.removesuffix("+")
    if pattern in {"\\W", "[\\W]"}:
        return True
    one_class = pattern.startswith("[^") and pattern.find("]") == len(pattern) - 1
    return one_class and is_word("[" + pattern.removeprefix("[^"))
