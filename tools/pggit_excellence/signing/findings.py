"""What verification found wrong, as opposed to input that cannot be used (CommandError)."""


class Rejected(Exception):  # noqa: N818  # a finding, not an error
    """The signature or what it signs is not what was asked for; the message is one line that says what and why."""
