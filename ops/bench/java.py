"""Kafka's Java runtime as it is in service: the local servers start it for a short life, without its best compiler."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLE = "_JAVA_OPTIONS"  # what stands there wins over the command line
_AS_IN_SERVICE = "-XX:TieredStopAtLevel=4"


@contextmanager
def java_as_in_service(*more: str) -> Iterator[None]:
    """What starts Java in the block compiles as well as it can, after some seconds of load; `more` options of Java."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = " ".join([*([before] if before else []), _AS_IN_SERVICE, *more])
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE)
        if before is not None:
            os.environ[_VARIABLE] = before
