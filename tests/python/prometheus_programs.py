"""The real Prometheus, Alertmanager and their tools: Debian's, unpacked into .cache, as child processes of a test."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from debian_packages import unpacked
from started import KEPT

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "alertmanager": "prometheus-alertmanager",
}
PROGRAMS = {"alertmanager": "prometheus-alertmanager"}
SECONDS = 60  # for anything that must happen; it takes one or two


def program(name: str) -> Path:
    """Where it is; skips the test where the packages cannot be had."""
    return unpacked(PACKAGES[name]) / "usr" / "bin" / PROGRAMS.get(name, name)


def promtool(*arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool; `text` goes to its standard input."""
    command = [program("promtool"), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)


def query(url: str, path: str, **parameters: str) -> Any:
    """What Prometheus' HTTP API answers below `url` (http://host:port): `data` of its answer."""
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:  # noqa: S310
        return json.load(answer)["data"]


def eventually(condition: Callable[[], Any]) -> Any:
    """What the condition returns once it is true."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            if found := condition():
                return found
        except (urllib.error.URLError, ConnectionError) as error:  # it is still starting
            if isinstance(error, urllib.error.HTTPError) and error.code == 400:
                raise
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def child(folder: Path, name: str, command: Sequence[str | Path]) -> Iterator[None]:
    """The program, as long as the block lasts; its log is in the folder."""
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"GOMAXPROCS": "1"})
    try:
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)


@contextmanager
def prometheus(
    folder: Path, targets: dict[str, Any], rules: str, interval: str = "1s", alertmanager: str | None = None
) -> Iterator[str]:
    """A Prometheus that scrapes `targets` and evaluates twice a second; its URL."""
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    config: dict[str, Any] = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": "500ms"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "pggit", **targets}],
    }
    if alertmanager:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [*KEPT, program("prometheus"), f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
    with child(folder, "prometheus", [*command, f"--web.listen-address={address}", "--log.level=warn"]):
        yield f"http://{address}"


# Debian's Alertmanager has its templates below /usr/share, where nothing is installed: it gets one of its own there.
UNSHARED = ["unshare", "--map-root-user", "--mount"]
BIND = 'mount --bind "$0" /usr/share && exec "$@"'


def alertmanager_runs() -> bool:
    """Whether this machine permits a mount that only one process sees."""
    try:
        return subprocess.run([*UNSHARED, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def alertmanager(folder: Path, config: str) -> Iterator[str]:
    """An Alertmanager; HOST:PORT."""
    path = folder / "alertmanager.yml"
    path.write_text(config, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    share = program("alertmanager").parents[1] / "share"
    command = [*UNSHARED, "sh", "-c", BIND, share, *KEPT, program("alertmanager"), f"--config.file={path}"]
    command += [f"--storage.path={folder / 'alerts'}", f"--web.listen-address={address}"]
    with child(folder, "alertmanager", [*command, "--cluster.listen-address=", "--log.level=warn"]):
        yield address
