"""Exit codes of every command, and the error that ends one."""

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_NOTHING = 3


class CommandError(Exception):
    """A user's mistake or a server's refusal; the message is one line that says what and where."""
