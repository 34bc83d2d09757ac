"""The one exception a user meets: a single clear sentence, no stack trace on the command line."""


class TextVAEError(Exception):
    """Something the user can put right: its message is one sentence that says what and how.

    The command line prints the message and exits with 1 (or shows the trace with ``--debug``).
    """
