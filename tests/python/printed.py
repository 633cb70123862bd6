"""What is printed fits the width, except statements that are to be copied: those break nowhere."""

from __future__ import annotations

import re

STATEMENT = re.compile(r"\s+(?:ALTER|CREATE|DROP) .*;")


def too_wide(text: str, width: int) -> list[str]:
    """The lines that are longer than `width` and no statements."""
    return [line for line in text.splitlines() if len(line) > width and not STATEMENT.fullmatch(line)]
