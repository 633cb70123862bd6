"""`python -m pggit_excellence`."""

from pggit_excellence.cli import run

run()
