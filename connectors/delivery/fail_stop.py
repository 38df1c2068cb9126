"""When something is wrong with ourselves: stop at once. Nothing more is committed; the next process starts there."""

import os
import traceback
from typing import NoReturn

from confluent_kafka import KafkaException

from ops.telemetry import logs

EXIT_CODE = 70


def fail_stop(why: str | BaseException) -> NoReturn:
    """End this process with EXIT_CODE, whatever its threads do. An exception is logged as type and frames only.

    Its text could quote an address or a content; Kafka's errors cannot.
    """
    try:
        logs.flush()
        _tell(why)
    finally:  # a log that cannot be written must not keep us alive
        os._exit(EXIT_CODE)


def _tell(why: str | BaseException) -> None:
    log = logs.get(part="sender")
    if isinstance(why, BaseException):
        text = str(why) if isinstance(why, KafkaException) else type(why).__name__
        log.critical("fail_stop", reason=text, frames=frames_of(why))
    else:
        log.critical("fail_stop", reason=why)


def frames_of(error: BaseException) -> str:
    """Where it was raised, without any value."""
    return "".join(traceback.format_tb(error.__traceback__))
