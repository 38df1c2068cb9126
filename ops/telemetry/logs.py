"""Logging: one JSON object a line on stderr. Ids are logged; addresses, contents and secrets never are."""

import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from ops.telemetry import metrics
from streams.domain.moments import iso

_ENCODER = msgspec.json.Encoder()
_process: str | None = None  # whose lines these are; None: nothing is set up; empty: lines of level info are not wanted
_floods: list["Flood"] = []


class _Stderr:
    """Where lines go. One that cannot be written, because the disk is full or nobody reads any more, is dropped and
    counted: what a process does is worth more than what it says of it."""

    def write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            metrics.LOG_WRITES_FAILED.inc()

    def flush(self) -> None:
        """Every write does."""


def start(process: str, level: str = "INFO") -> None:
    """Set up logging of this process; every line carries its name."""
    global _process
    _process = process if logging.getLevelNamesMapping()[level] <= logging.INFO else ""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(_as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(_Stderr()),  # type: ignore[arg-type]  # a line is one write
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


class Flood:
    """Lines of one event that come by the thousand, of level info: they are written many at a time.

    A line costs 1 us instead of 14. Whoever adds one sees to it that `flush` is called before anything rests on it.
    """

    def __init__(self, event: str, names: Sequence[str], **values: object) -> None:
        """`names` of what each line tells, after `values`, which are the same for all."""
        self._event, self._names, self._values = event, names, values
        self._kept: list[tuple[int, tuple[object, ...]]] = []
        self._line = msgspec.defstruct("Line", ["process", *values, *names, "event", "level", "timestamp"], gc=False)
        _floods.append(self)

    def add(self, time_ms: int, *values: object) -> bool:
        """Keep a line. Whether it is the first since the last flush. `time_ms`: when it was, since 1970-01-01 UTC."""
        self._kept.append((time_ms, values))
        return len(self._kept) == 1

    def flush(self) -> None:
        kept, self._kept = self._kept, []
        if _process is None:
            log = get(**self._values)
            for _, each in kept:
                log.info(self._event, **dict(zip(self._names, each, strict=True)))
        elif kept and _process:
            self._write(_process, kept)

    def _write(self, process: str, kept: Sequence[tuple[int, tuple[object, ...]]]) -> None:
        line, first, event = self._line, (process, *self._values.values()), self._event
        lines = [line(*first, *each, event, "info", iso(time_ms)) for time_ms, each in kept]
        try:
            text = _ENCODER.encode_lines(lines).decode()
        except (TypeError, ValueError, msgspec.MsgspecError):
            text = "".join(f"{_as_json(msgspec.structs.asdict(each))}\n" for each in lines)
        _Stderr().write(text)


def flush() -> None:
    """Write what floods have kept."""
    for each in _floods:
        each.flush()


def _as_json(line: Any, **kept: Any) -> str:
    """In a quarter of json's time; what only json can write (an odd value, a text that is no Unicode) is left to it."""
    try:
        return _ENCODER.encode(line).decode()
    except (TypeError, ValueError, msgspec.MsgspecError):
        return json.dumps(line, **kept)
