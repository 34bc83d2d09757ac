"""The one exception and the one warning a user meets: single clear sentences, no stack trace on the command line."""


class TextVAEError(Exception):
    """Something the user can put right: its message is one sentence that says what and how.

    The command line prints the message and exits with 1 (or shows the trace with ``--debug``).
    """


class TextVAEWarning(UserWarning):
    """Something that a user should know of and may have meant: the work goes on."""


def first_line(error: Exception) -> str:
    """The first line of what another library's error says, or its name: enough for one sentence of ours."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
