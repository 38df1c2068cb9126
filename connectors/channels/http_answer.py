"""What a call by HTTP comes to: an answer, or why there is none."""

from enum import Enum, auto
from typing import NamedTuple


class Answer(NamedTuple):
    """`begin`: of the body, at most ANSWER_BYTES of it (http_connection.py). `retry_after`: that header, if it came."""

    status: int
    begin: bytes
    retry_after: str | None


class Fault(Enum):
    """Why there is no answer."""

    UNUSABLE = auto()  # the host of the URL can never be called
    NO_ADDRESS = auto()  # the name of the host leads nowhere
    BLOCKED = auto()  # it leads only to addresses that may not be called
    NO_CONNECTION = auto()
    TLS = auto()  # the certificate or the protocol does not fit
    TOO_LATE = auto()
    LOST = auto()  # the connection broke, or what came is not HTTP


class NoAnswer(Exception):
    """`left`: the request, or the begin of it, may have reached the other side."""

    def __init__(self, fault: Fault, left: bool = False) -> None:
        super().__init__(fault.name)
        self.fault = fault
        self.left = left
