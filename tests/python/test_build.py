"""The assembler and what it keeps in step."""

from __future__ import annotations

import pytest

import assemble
from conftest import ROOT

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", assemble.PSQL_SCRIPTS)
def test_psql_scripts_name_every_file(name: str) -> None:
    """Mend with: tools/build/assemble.py --psql-scripts."""
    assert (ROOT / "sql" / name).read_text(encoding="utf-8") == assemble.psql_script(name)
