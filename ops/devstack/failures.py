"""The one way in which a stack says that it cannot go on."""


class StackFailed(RuntimeError):
    """A server or process did not start, died, or was asked for something impossible.

    The message is written for the person at the terminal: what happened, then the last lines of the log concerned.
    """
