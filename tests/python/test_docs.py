"""The documentation says what the extension does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tasks import docs_evidence, docs_hardening
from tasks.docs import MARKER, REFERENCE, reference

pytestmark = pytest.mark.once

PAGES = [
    (REFERENCE, MARKER, reference),
    (docs_hardening.PAGE, docs_hardening.MARKER, docs_hardening.generated),
    (docs_evidence.PAGE, docs_evidence.MARKER, docs_evidence.generated),
]


@pytest.mark.parametrize(("page", "marker", "generate"), PAGES, ids=[page.name for page, _, _ in PAGES])
def test_generated_part_is_up_to_date(
    plain: psycopg.Connection, page: Path, marker: str, generate: Callable[[psycopg.Connection], str]
) -> None:
    """Mend with: tools/run docs."""
    _, found, generated = page.read_text(encoding="utf-8").partition(marker)
    assert found
    assert generated.strip() == generate(plain).strip()
