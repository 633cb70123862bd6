"""Profiles and severities, as hardening_check() has them."""

from __future__ import annotations

import argparse

PROFILES = ("minimal", "standard", "strict")
SEVERITIES = ("low", "medium", "high", "critical")
STYLES = {
    "fail": "bold red",
    "warn": "yellow",
    "unknown": "magenta",
    "manual": "cyan",
    "pass": "green",
    "not_applicable": "dim",
}


def add_profile(parser: argparse.ArgumentParser) -> None:
    """The option --profile."""
    parser.add_argument("--profile", choices=PROFILES, default="standard", help="which checks (default: standard)")
