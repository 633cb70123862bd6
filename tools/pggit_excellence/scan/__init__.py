"""`pggit-excellence scan`: prove every dynamic EXECUTE safe, or show the path by which it is not.

From left to right: inputs/ (files and databases to a Program) -> plpgsql/ (bodies to syntax trees) -> flow/ (what each
variable can hold, with values/ for expressions) -> judge/ (what each hole of a built statement is) -> output/.
command.py is the command line, scanning.py one scan, analysis.py and workers.py its processes.
"""

from pggit_excellence.scan.command import add_arguments, run

__all__ = ["MORE_FORMATS", "add_arguments", "run"]

MORE_FORMATS = ("sarif", "github")
