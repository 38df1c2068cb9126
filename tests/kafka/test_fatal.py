import pytest
from confluent_kafka import KafkaError

from connectors.kafka.fatal import is_fatal


@pytest.mark.parametrize(
    ("error", "fatal"),
    [
        (KafkaError(KafkaError._FATAL, "fenced"), True),
        (KafkaError(KafkaError.FENCED_INSTANCE_ID, "fenced"), True),
        (KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "gap", fatal=True), True),
        (KafkaError(KafkaError._ALL_BROKERS_DOWN, "away"), False),
        (KafkaError(KafkaError._MSG_TIMED_OUT, "late"), False),
    ],
)
def test_a_client_is_given_up_only_after_a_fatal_error(error: KafkaError, fatal: bool) -> None:
    assert is_fatal(error) is fatal
