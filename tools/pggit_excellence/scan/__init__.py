"""`pggit-excellence scan`: prove every dynamic EXECUTE safe, or show the path by which it is not."""

from pggit_excellence.scan.command import add_arguments, run

__all__ = ["add_arguments", "run"]
