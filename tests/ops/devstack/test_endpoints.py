import pytest

from ops.devstack import Endpoints
from ops.devstack.plan import SERVICES, Plan, broker_names


def test_an_absent_server_is_left_out_of_the_environment() -> None:
    found = Endpoints(kafka_bootstrap_servers="127.0.0.1:1", smtp_url="smtp://127.0.0.1:2")
    assert found.environment() == {
        "TIDINGS_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "TIDINGS_SMTP_URL": "smtp://127.0.0.1:2",
    }


def test_endpoints_go_through_an_environment_and_back() -> None:
    found = Endpoints("127.0.0.1:1", "postgresql://x@y/z", "redis://y/0", "smtp://127.0.0.1:2")
    assert Endpoints.given({**found.environment(), "PATH": "/bin"}) == found


def test_a_given_server_is_not_started() -> None:
    given = Endpoints(kafka_bootstrap_servers="elsewhere:9092", redis_url="redis://elsewhere/0")
    assert Plan("data", given=given).to_start() == ["postgres", "mail", "webhooks"]


def test_services_start_in_the_order_of_the_table_whatever_order_was_asked() -> None:
    assert Plan("data", services=("mail", "kafka")).to_start() == ["kafka", "mail"]
    assert Plan("data").to_start() == list(SERVICES)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (Plan("d", services=("kafak",)), "no such service: kafak"),
        (Plan("d", tolerate=("kafak",)), "no such service: kafak"),
        (Plan("d", tolerate=("kafka-2",)), "no such service: kafka-2"),
        (Plan("d", services=("kafka-2",), brokers=3), "no such service: kafka-2"),
        (Plan("d", brokers=2), "1 or 3 Kafka brokers, not 2"),
        (Plan("d", brokers=0), "1 or 3 Kafka brokers, not 0"),
        (Plan("d", services=("mail",), brokers=3), "kafka is not among"),
        (Plan("d", given=Endpoints("elsewhere:1"), brokers=3), "TIDINGS_KAFKA_BOOTSTRAP_SERVERS names a Kafka"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_its_reason(plan: Plan, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        plan.to_start()


@pytest.mark.parametrize(
    ("brokers", "tolerate", "tolerated"),
    [
        (1, (), []),
        (1, ("kafka",), ["kafka"]),
        (3, (), []),
        (3, ("kafka-2",), ["kafka-2"]),
        (3, ("kafka",), ["kafka-1", "kafka-2", "kafka-3"]),
        (3, ("valkey",), ["valkey"]),
    ],
)
def test_a_stack_goes_on_without_the_servers_it_was_told(
    brokers: int, tolerate: tuple[str, ...], tolerated: list[str]
) -> None:
    plan = Plan("d", tolerate=tolerate, brokers=brokers)
    plan.to_start()
    assert [name for name in (*broker_names(brokers), "valkey") if plan.tolerates(name)] == tolerated
