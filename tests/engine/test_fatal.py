"""Which errors of Kafka clients end the process."""

from typing import Any, NoReturn

import pytest
from confluent_kafka import KafkaError

from connectors.kafka import fatal as of_connectors
from streams.engine.fatal import is_fatal
from streams.engine.view import CompactedView


def codes() -> list[int]:
    return [value for name, value in vars(KafkaError).items() if isinstance(value, int) and not name.startswith("__")]


def test_the_engine_and_the_connectors_have_one_rule() -> None:
    assert len(codes()) > 100
    for code in codes():
        for fatal in (False, True):
            error = KafkaError(code, "said", fatal=fatal)
            assert is_fatal(error) is of_connectors.is_fatal(error), error


class Message:
    """An error as consume() hands it over."""

    def __init__(self, error: KafkaError, partition: int) -> None:
        self._error, self._partition = error, partition

    def error(self) -> KafkaError:
        return self._error

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return 7


def never(error: BaseException) -> NoReturn:
    raise AssertionError(error)


@pytest.mark.parametrize(
    ("error", "partition", "ends"),
    [
        pytest.param(KafkaError(KafkaError._FATAL), -1, True, id="regression: fatal by the code alone"),
        pytest.param(KafkaError(KafkaError._FATAL), 3, True, id="fatal"),
        pytest.param(KafkaError(KafkaError._AUTO_OFFSET_RESET), 3, True, id="cut off under us"),
        pytest.param(KafkaError(KafkaError._ALL_BROKERS_DOWN), -1, False, id="Kafka is away"),
        pytest.param(KafkaError(KafkaError._TRANSPORT, "reset", retriable=True), 3, False, id="tried again by itself"),
        pytest.param(KafkaError(KafkaError._PARTITION_EOF), 3, False, id="read to its end"),
    ],
)
def test_the_table_ends_the_process_only_when_it_can_no_longer_be_followed(
    error: KafkaError, partition: int, ends: bool
) -> None:
    view = CompactedView("wishes", "127.0.0.1:1", "a-group", never)
    messages: list[Any] = [Message(error, partition)]
    if not ends:
        view._apply(messages)
        return
    with pytest.raises(RuntimeError, match="wishes can no longer be followed"):
        view._apply(messages)
