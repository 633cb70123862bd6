"""`tools/run test`: lint, then every suite on the default server and on the newest that a wheel brings."""

from __future__ import annotations

import sys

from pggit_excellence.server import WHEEL_MAJOR, default_major
from tasks.suites import lint, print_results, run_major


def main() -> int:
    """Run everything; 0 when all passed."""
    results = [lint()]
    for major in sorted({default_major(), WHEEL_MAJOR}):
        results += run_major(major)
    return print_results(results)


if __name__ == "__main__":
    sys.exit(main())
