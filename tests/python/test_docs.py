"""The documentation says what the extension does."""

from __future__ import annotations

import psycopg
import pytest

from tasks import docs_hardening
from tasks.docs import MARKER, REFERENCE, reference

pytestmark = pytest.mark.once


def test_reference_is_up_to_date(plain: psycopg.Connection) -> None:
    """Mend with: tools/run docs."""
    _, marker, generated = REFERENCE.read_text(encoding="utf-8").partition(MARKER)
    assert marker
    assert generated.strip() == reference(plain).strip()


def test_hardening_page_is_up_to_date(plain: psycopg.Connection) -> None:
    """Mend with: tools/run docs."""
    _, marker, generated = docs_hardening.PAGE.read_text(encoding="utf-8").partition(docs_hardening.MARKER)
    assert marker
    assert generated.strip() == docs_hardening.generated(plain).strip()
