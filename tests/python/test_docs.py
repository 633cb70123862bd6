"""The documentation says what the extension does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tasks.docs import CRITERIA, CRITERIA_MARKER, MARKER, REFERENCE, criteria, reference

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("page", "marker", "generate"), [(REFERENCE, MARKER, reference), (CRITERIA, CRITERIA_MARKER, criteria)]
)
def test_generated_part_is_up_to_date(
    plain: psycopg.Connection, page: Path, marker: str, generate: Callable[[psycopg.Connection], str]
) -> None:
    """Mend with: tools/run docs."""
    _, found, generated = page.read_text(encoding="utf-8").partition(marker)
    assert found
    assert generated.strip() == generate(plain).strip()
