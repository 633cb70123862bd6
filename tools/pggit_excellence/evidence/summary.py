"""The bundle in words: README.txt for whoever unpacks it."""

from __future__ import annotations

import textwrap
from typing import Any

from pggit_excellence.evidence.gathering import Collection, Item, in_utc
from pggit_excellence.evidence.manifest import MANIFEST, SIGNATURE
from pggit_excellence.slo.report.period import Period

WIDTH = 100
SIGNED = f"""\
Signed: {SIGNATURE} is the signature of {MANIFEST}, which has the SHA-256 of every other file.
    pggit-excellence evidence verify BUNDLE.zip --key KEY.pub
    cosign verify-blob --key KEY.pub --bundle {SIGNATURE} --insecure-ignore-tlog {MANIFEST}
"""
UNSIGNED = """\
NOT SIGNED: the hashes show damage, but whoever changes a file can change its hash as well.
    pggit-excellence evidence verify BUNDLE.zip --hashes-only
"""


def readme(collection: Collection, period: Period, *, signed: bool) -> bytes:
    """The text, as UTF-8."""
    server = collection.server
    over = in_utc(period.end) <= collection.ended_at
    identifier = server["system_identifier"] or f"not known ({server['not_known'].get('system_identifier')})"
    lines = [
        f"Evidence of database {server['database']}, {period.name}",
        "",
        f"period       {period.start:%Y-%m-%d %H:%M} UTC until before {period.end:%Y-%m-%d %H:%M} UTC",
        *([] if over else ["             NOT OVER when this was collected: it holds what was there by then"]),
        f"collected    {collection.started_at} to {collection.ended_at}, by the server's clock",
        f"server       {server['version']}",
        f"             system identifier {identifier}, {'a standby' if server['in_recovery'] else 'the primary'}",
        f"collected by {server['session_user']}, acting as {server['current_user']}",
        "",
        *(SIGNED if signed else UNSIGNED).splitlines(),
        "",
        "This is evidence for an auditor, no judgement and no certification. queries/ has what was asked, results/",
        "what came back: a row in a line, as JSON. What people have to show stands below each criterion.",
        "",
    ]
    for criterion in collection.criteria:
        lines += _criterion(criterion, [item for item in collection.items if criterion["criterion"] in item.criteria])
    return ("\n".join(lines) + "\n").encode()


def _criterion(criterion: dict[str, Any], items: list[Item]) -> list[str]:
    """A criterion, what was collected for it, and what was not."""
    lines = textwrap.wrap(f"{criterion['criterion']}  {criterion['control']}", WIDTH, subsequent_indent="    ")
    for item in items:
        answer = f"FAILED: {item.error}" if item.error is not None else f"rows: {item.rows}. {item.title}"
        lines += textwrap.wrap(f"{item.name}, {answer}", WIDTH, initial_indent="  - ", subsequent_indent="    ")
    lines += textwrap.wrap(f"by hand: {criterion['manual']}", WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return [*lines, ""]
