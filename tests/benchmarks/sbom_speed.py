"""How long `pggit-excellence sbom` takes for an installation, as a whole process, by the number of its extensions.

The extensions are those of Debian's packages and of PostgreSQL itself, in byte order of their names, repeated under
other names where that is not enough. What counts is the processor's time: others may use the machine.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.table import Table

from pggit_excellence.sbom.control.extension import extension_name
from pggit_excellence.server import Installation, copy_installation

ROOT = Path(__file__).resolve().parents[2]
SIZES = (0, 58, 116, 232)
RUNS = 3


def measure(folder: Path) -> dict[str, Any]:
    """Seconds of processor and clock for each size; `folder` is for the installation."""
    sys.path.insert(0, str(ROOT / "tests" / "fuzz"))
    from extension_packages import all_names, unpack

    installation = copy_installation(15, folder)
    extensions = installation.sharedir / "extension"
    everything = folder / "all"
    extensions.rename(everything)
    for path in unpack(all_names(), folder / "packages").iterdir():
        shutil.copy(path, everything)
    libraries = folder / "packages" / "usr/lib/postgresql/15/lib"
    shutil.copytree(libraries, installation.bindir.parent / "lib", dirs_exist_ok=True)
    return {"sizes": {str(size): _run(installation, everything, extensions, size) for size in SIZES}}


def _run(installation: Installation, everything: Path, extensions: Path, size: int) -> dict[str, float]:
    shutil.rmtree(extensions, ignore_errors=True)
    extensions.mkdir()
    names = sorted({name for path in everything.iterdir() if (name := extension_name(path.name)) is not None})
    for number in range(size):
        name, again = names[number % len(names)], number // len(names)
        for path in everything.glob(f"{name}*"):
            if path.name.startswith((f"{name}.", f"{name}--")):
                target = path.name.replace(name, f"{name}_{again}", 1) if again else path.name
                shutil.copy(path, extensions / target)
    # With the bytecode that pip wrote, as a user has it.
    unwanted = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment["PYTHONPATH"] = str(ROOT / "tools")
    command = [sys.executable, "-P", "-m", "pggit_excellence", "sbom", "--pg-config", str(installation.pg_config)]
    clock, processor = [], []
    for _ in range(RUNS):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([*command, "--output", everything.with_name("bom.json")], env=environment, capture_output=True)  # noqa: PLW1510  # 1: incomplete
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock.append(time.monotonic() - start)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"seconds": statistics.median(clock), "processor": statistics.median(processor)}


def report(result: dict[str, Any]) -> Table:
    """A row for each size; each in proportion to 116 extensions, what no extension costs left out."""
    table = Table(
        "extensions", "seconds", "of the processor", "more than none, 116 being 1", title="sbom, whole process"
    )
    sizes = result["sizes"]
    none = sizes["0"]["processor"]
    unit = sizes["116"]["processor"] - none
    for size, row in sizes.items():
        share = f"{(row['processor'] - none) / unit:.2f}"
        table.add_row(size, f"{row['seconds']:.2f}", f"{row['processor']:.2f}", share)
    return table
