"""The settings that the scanner takes for words and numbers are such on the server."""

from __future__ import annotations

from typing import Any

from pggit_excellence.scan.values import settings
from pggit_excellence.scan.values.abstract import Origin, Quoting, Source

ORIGIN = Origin(Source.SESSION, "setting")


ADMITTED = {
    Quoting.WORD: {"enum", "bool", "integer"},
    Quoting.FIXED: {"enum"},
    Quoting.INERT: {"integer", "real"},
}


def test_the_server_admits_nothing_else(server: Any) -> None:
    """None is of type string."""
    rows = server.psql("-Atc", "SELECT lower(name), vartype FROM pg_settings").splitlines()
    types = dict(row.split("|") for row in rows)
    known = {name: quoting for name, quoting in settings.QUOTINGS.items() if name in types}
    assert len(known) > 50
    assert not {name: types[name] for name, quoting in known.items() if types[name] not in ADMITTED[quoting]}


def test_any_other_setting_is_any_text() -> None:
    """Also one that an extension or a user defines."""
    assert settings.setting_value("search_path", ORIGIN).quoting is Quoting.RAW
    assert settings.setting_value("app.user", ORIGIN).quoting is Quoting.RAW
    assert settings.setting_value("Client_Min_Messages", ORIGIN).quoting is Quoting.WORD
