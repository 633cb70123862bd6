"""Processes that run beside a test. None outlives it: `with` ends them, and the kernel where pytest is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from conftest import ROOT

# A child that does not outlive this process, and that Ctrl-C reaches also where this process does not listen to it.
KEPT = ["env", "--default-signal=INT", "setpriv", "--pdeathsig", "KILL"]
COMMAND = [sys.executable, "-m", "pggit_excellence"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT / "tools")}


@contextmanager
def started(
    *arguments: str, environment: Mapping[str, str] = os.environ, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """`pggit-excellence` with these arguments, killed at the end of the block if it is still running."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [*KEPT, *COMMAND, *arguments], env={**environment, **ENVIRONMENT}, text=True, **(pipes | options)
    ) as process:
        try:
            yield process
        finally:
            process.kill()
