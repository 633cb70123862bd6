"""`tools/run test`: lint, then every suite on the default server and on the newest that a wheel brings."""

from __future__ import annotations

import sys

from tasks.suites import lint, print_results, run_major

MAJORS = (15, 18)


def main() -> int:
    """Run everything; 0 when all passed."""
    results = [lint()]
    for major in MAJORS:
        results += run_major(major)
    return print_results(results)


if __name__ == "__main__":
    sys.exit(main())
