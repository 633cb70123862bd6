"""The real promtool, Prometheus and amtool: Debian's, unpacked into .cache, as child processes of a test."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from debian_packages import unpacked

PACKAGES = {"promtool": "prometheus", "prometheus": "prometheus", "amtool": "prometheus-alertmanager"}


def program(name: str) -> Path:
    """Where it is; skips the test where the packages cannot be had."""
    return unpacked(PACKAGES[name]) / "usr" / "bin" / name


def promtool(*arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool; `text` goes to its standard input."""
    command = [program("promtool"), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)


def query(url: str, path: str, **parameters: str) -> Any:
    """What Prometheus' HTTP API answers below `url` (http://host:port): `data` of its answer."""
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:  # noqa: S310
        return json.load(answer)["data"]
