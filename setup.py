"""Take the package's version from the control file, its only source; everything else is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import setup

control = Path(__file__).with_name("pggit_excellence.control").read_text(encoding="utf-8")
match = re.search(r"^default_version = '([^']+)'$", control, re.MULTILINE)
if match is None:
    raise SystemExit("pggit_excellence.control: no default_version")
setup(version=match.group(1))
