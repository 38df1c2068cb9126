"""Logging: one JSON object a line on stderr. Ids are logged; addresses, contents and secrets never are."""

import json
import logging
import sys
from typing import Any

import msgspec
import structlog

_ENCODER = msgspec.json.Encoder()


def start(process: str, level: str = "INFO") -> None:
    """Set up logging of this process; every line carries its name."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(_as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # a line is one write
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(_as_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.getLevelNamesMapping()[level], logging.WARNING))


def get(**values: object) -> Any:
    """A logger that adds `values` to each line."""
    return structlog.get_logger(**values)


def _as_json(line: Any, **kept: Any) -> str:
    """In a quarter of json's time; what only json can write (an odd value, a text that is no Unicode) is left to it."""
    try:
        return _ENCODER.encode(line).decode()
    except (TypeError, ValueError, msgspec.MsgspecError):
        return json.dumps(line, **kept)
