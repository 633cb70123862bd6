"""`pggit-excellence slo report`: what was promised and what was kept in a month, a quarter or any period.

period.py is which period, gathering.py asks the server, text.py and page.py print, plots.py draws (with matplotlib).
"""

from pggit_excellence.slo.report.command import MORE_FORMATS, add_arguments, run

__all__ = ["MORE_FORMATS", "add_arguments", "run"]
