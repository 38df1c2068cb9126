import pytest

from ops.devstack import Endpoints
from ops.devstack.plan import SERVICES, Plan


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


@pytest.mark.parametrize("plan", [Plan("d", services=("kafak",)), Plan("d", tolerate=("kafak",))])
def test_an_unknown_service_is_named(plan: Plan) -> None:
    with pytest.raises(ValueError, match="kafak"):
        plan.to_start()
