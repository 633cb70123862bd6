"""`pggit-excellence slo monitor`: is the server up, as seen from another process, and best from another machine.

command.py is the command line, watching.py the loop over probes of one server, probing.py one probe and one write-back,
state.py what is kept in a file until the server has it, clocks.py how old it is by then, events.py what is printed.
"""

from pggit_excellence.slo.monitor.command import add_arguments, run

__all__ = ["add_arguments", "run"]
