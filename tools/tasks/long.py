"""`tools/run long`: the tests that take too long for every push, those that pytest knows as `long`."""

from __future__ import annotations

import sys

from pggit_excellence.server import default_major
from tasks.suites import PARALLEL, WORKERS, print_results, run


def main() -> int:
    """Run them; 0 when all passed."""
    command = [sys.executable, "-m", "pytest", "-q", "--long", "-m", "long", f"--numprocesses={WORKERS}", *PARALLEL]
    return print_results([run("long", default_major(), command)])


if __name__ == "__main__":
    sys.exit(main())
