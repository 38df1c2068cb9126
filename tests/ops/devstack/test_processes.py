import stat
from pathlib import Path

import pytest

from ops.devstack import Endpoints, ProcessSpec
from ops.devstack.process_settings import own_settings, stack_settings, webhook_secret, with_callers
from ops.devstack.processes import restart_delay
from ops.devstack.tidings import CHANNELS, tidings_processes
from streams.domain.notification import Channel


@pytest.mark.parametrize(
    ("previous_seconds", "ran_seconds", "expected"),
    [
        (0, 0.1, 0.2),  # its first end
        (0.2, 0.1, 0.4),
        (0.4, 9.9, 0.8),
        (3.2, 0, 5.0),  # never more than 5
        (5.0, 0, 5.0),
        (5.0, 10.0, 0.2),  # it ran well in between
    ],
)
def test_a_process_that_keeps_ending_is_started_ever_later(
    previous_seconds: float, ran_seconds: float, expected: float
) -> None:
    assert restart_delay(previous_seconds, ran_seconds) == pytest.approx(expected)


def test_the_callers_settings_win_save_where_the_servers_are() -> None:
    own = stack_settings(Endpoints(kafka_bootstrap_servers="ours:1"), 8080, "whsec_ours")
    caller = {
        "TIDINGS_WEBHOOK_SECRET": "whsec_theirs",
        "TIDINGS_SENDER_SLOTS": "7",
        "TIDINGS_KAFKA_BOOTSTRAP_SERVERS": "theirs:1",
        "HOME": "/somewhere",
    }
    assert with_callers(own, caller) == {
        "TIDINGS_KAFKA_BOOTSTRAP_SERVERS": "ours:1",
        "TIDINGS_WEBHOOK_SECRET": "whsec_theirs",
        "TIDINGS_WEBHOOK_ALLOW_PRIVATE": "true",
        "TIDINGS_API_HOST": "127.0.0.1",
        "TIDINGS_API_PORT": "8080",
        "TIDINGS_API_URL": "http://127.0.0.1:8080",
        "TIDINGS_SENDER_SLOTS": "7",
    }


def test_sms_go_to_the_taker_of_the_stack_unless_the_caller_says_otherwise() -> None:
    own = stack_settings(Endpoints(webhooks_url="http://127.0.0.1:9/"), 0, "s")
    assert own["TIDINGS_SMS_URL"] == "http://127.0.0.1:9/sms"
    told = with_callers(own, {"TIDINGS_SMS_URL": "https://api.twilio.com"})
    assert told["TIDINGS_SMS_URL"] == "https://api.twilio.com"
    assert {"TIDINGS_SMS_ACCOUNT", "TIDINGS_SMS_TOKEN", "TIDINGS_SMS_FROM"} <= set(told)


@pytest.mark.parametrize("channels", [CHANNELS, ("email",), ()])
def test_each_channel_that_is_asked_for_has_its_sender(channels: tuple[str, ...]) -> None:
    named = [spec.name for spec in tidings_processes(channels) if spec.name.startswith("sender-")]
    assert named == [f"sender-{channel}" for channel in channels]
    assert set(CHANNELS) == set(Channel)


@pytest.mark.parametrize(("brokers", "told"), [(1, None), (3, "3")])
def test_topics_are_copied_to_every_broker(brokers: int, told: str | None) -> None:
    assert stack_settings(Endpoints(), 0, "s", brokers).get("TIDINGS_REPLICATION_FACTOR") == told


def test_without_an_api_no_api_is_named() -> None:
    assert not [name for name in stack_settings(Endpoints(), 0, "s") if "API" in name]


def test_each_process_has_its_ports_and_a_name_that_stays() -> None:
    spec = ProcessSpec("api", ("x",), ("TIDINGS_API_PORT", "TIDINGS_METRICS_PORT"))
    assert own_settings(spec, [1, 2]) == {
        "TIDINGS_API_PORT": "1",
        "TIDINGS_METRICS_PORT": "2",
        "TIDINGS_INSTANCE": "dev-api-1",
    }


def test_the_webhook_secret_is_made_once_and_private(tmp_path: Path) -> None:
    secret = webhook_secret(tmp_path)
    assert secret.startswith("whsec_")
    assert webhook_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / "webhook-secret").stat().st_mode) == 0o600


def test_topics_and_tables_are_made_before_anything_serves() -> None:
    specs = tidings_processes()
    assert [spec.name for spec in specs if spec.once] == ["topics", "migrate"]
    assert specs[0].once
    assert specs[1].once
    assert all(spec.port_variables for spec in specs if not spec.once)
