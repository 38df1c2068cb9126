"""How a process on the engine ends: any doubt ends it with its offsets uncommitted.

| code | meaning | what to do |
| --- | --- | --- |
| 0 | planned stop: batches in hand finished, offsets committed | nothing |
| 1 | stalled in native code that keeps the interpreter to itself | read the stacks in the log, start it again |
| 69 | Kafka did not answer at the start | start it again |
| 70 | fail-stop: an exception, a failed produce, a lost table | read the log, start it again |
| 75 | stalled: records waited and nothing moved | read the stacks in the log, start it again |
| 78 | topics do not fit together, or a setting is wrong | what the message says |
"""

import contextlib
import faulthandler
import logging
import os
import sys
from typing import NoReturn

log = logging.getLogger(__name__)

EXIT_STOPPED = 0
EXIT_NO_KAFKA = 69
EXIT_FAIL_STOP = 70
EXIT_STALLED = 75
EXIT_TOPICS = EXIT_SETTINGS = 78


class CannotStart(Exception):
    """The process must not start; the text is one line that says why and what to do."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


def kafka_went_away(bootstrap_servers: str) -> CannotStart:
    """It was there when the topics were checked."""
    return CannotStart(f"Kafka at {bootstrap_servers} went away during the start: start this again", EXIT_NO_KAFKA)


def fail_stop(error: BaseException) -> NoReturn:
    """End now and commit nothing: kill -9 is the case the engine is built for, so it answers the unexpected too.

    What kept the process from starting is told in its one line, and ends it with its own code.
    """
    if isinstance(error, CannotStart):
        log.critical("%s", error)
        _exit(error.exit_code)
    log.critical("fail-stop, nothing more is committed: %r", error, exc_info=error)
    _exit(EXIT_FAIL_STOP)


def stalled(reason: str) -> NoReturn:
    """Write the stacks of all threads to stderr and end now; nothing more is committed."""
    log.critical("stalled: %s", reason)
    with contextlib.suppress(OSError):
        sys.stderr.flush()
        faulthandler.dump_traceback(sys.__stderr__ or 2)
    _exit(EXIT_STALLED)


def _exit(code: int) -> NoReturn:
    try:
        logging.shutdown()
        sys.stderr.flush()
    finally:  # a log that cannot be written must not keep us alive
        os._exit(code)
