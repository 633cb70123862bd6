"""Grafana's own model of a dashboard (grafana-foundation-sdk, Apache-2.0), installed into .cache when a test runs."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import ROOT

PACKAGE = "grafana-foundation-sdk==1769699998!10.1.0"
FOLDER = ROOT / ".cache" / "grafana-sdk"
SECONDS = 120


def install() -> None:
    """Make it importable; skips the test, with the reason, where it cannot be had."""
    if not (FOLDER / "grafana_foundation_sdk").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(FOLDER), PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{PACKAGE}: pip did not end within {SECONDS} seconds")
        if done.returncode != 0:
            pytest.skip(f"{PACKAGE}: {done.stderr.strip().splitlines()[-1]}")
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))


def understood(dashboard: dict[str, Any]) -> dict[str, Any]:
    """What is left of a dashboard after Grafana's model read it: unknown keys are gone."""
    install()
    importlib.import_module("grafana_foundation_sdk.cog.plugins").register_default_plugins()
    encoder = importlib.import_module("grafana_foundation_sdk.cog.encoder").JSONEncoder()
    model = importlib.import_module("grafana_foundation_sdk.models.dashboard").Dashboard
    answer: dict[str, Any] = json.loads(encoder.encode(model.from_json(dashboard)))
    return answer


def lost(ours: object, theirs: object, path: str = "") -> Iterator[str]:
    """Where the second lacks what the first has."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs[key], f"{path}/{key}") if key in theirs else [f"{path}/{key}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{path}/{place}")
    elif ours != theirs:
        yield path
