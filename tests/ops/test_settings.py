import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ops.settings import KAFKA, REDIS, Settings, WrongSetting, read, table
from ops.wiring.sender import providers
from streams.domain.notification import Channel
from streams.domain.rate_limit import RateLimit, RateLimits

ROOT = Path(__file__).parents[2]
NEEDED = {
    "kafka_bootstrap_servers": "localhost:9092",
    "postgres_dsn": "postgresql://u:p@localhost/d",
    "redis_url": "redis://localhost",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"postgres_dsn": "mysql://x"}, r"TIDINGS_POSTGRES_DSN is wrong: write postgresql://"),
        ({"redis_url": "localhost"}, r"TIDINGS_REDIS_URL is wrong: write redis://"),
        ({"smtp_url": "localhost:25"}, r"TIDINGS_SMTP_URL is wrong"),
        ({"email_retry_schedule": "5 minutes"}, r"TIDINGS_EMAIL_RETRY_SCHEDULE is wrong: '5 minutes' is not a delay"),
        ({"webhook_retry_schedule": "5m,1s"}, r"TIDINGS_WEBHOOK_RETRY_SCHEDULE is wrong: .*rising order"),
        ({"smtp_url": "smtp://a, smtp://b localhost"}, r"TIDINGS_SMTP_URL is wrong"),
        ({"email_rate_limits": "fast"}, r"TIDINGS_EMAIL_RATE_LIMITS is wrong: 'fast' is not a limit: write 100/s"),
        ({"partitions": "many"}, r"TIDINGS_PARTITIONS is wrong"),
        ({"api_port": 99999}, r"TIDINGS_API_PORT is wrong"),
        ({"log_level": "LOUD"}, r"TIDINGS_LOG_LEVEL is wrong"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(changes: dict[str, str], said: str) -> None:
    with pytest.raises(WrongSetting, match=said) as raised:
        read(**NEEDED | changes)
    assert "\n" not in str(raised.value)


def test_a_missing_setting_ends_the_command_with_one_line_and_78() -> None:
    bare = {k: v for k, v in os.environ.items() if not k.startswith("TIDINGS_")}
    done = subprocess.run(
        [sys.executable, "-m", "ops.commands.main", "router"],
        env=bare | {"PYTHONPATH": str(ROOT)}, cwd="/", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 78
    assert done.stderr.strip().splitlines() == [done.stderr.strip()]
    assert "TIDINGS_KAFKA_BOOTSTRAP_SERVERS is not set" in done.stderr


def test_a_command_asks_only_for_the_servers_that_it_speaks_to() -> None:
    assert read(needs=(KAFKA,), kafka_bootstrap_servers="localhost:9092").postgres_dsn == ""
    with pytest.raises(WrongSetting, match="TIDINGS_REDIS_URL is not set"):
        read(**{name: value for name, value in NEEDED.items() if name != REDIS})


def test_secrets_do_not_show_in_the_settings_text() -> None:
    secrets = {"postgres_dsn": "postgresql://u:canary@h/d", "webhook_secret": "whsec_canary", "sms_token": "canary"}
    shown = repr(read(**NEEDED | secrets))
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "TIDINGS_SMS_ACCOUNT is not set"),
        ({"sms_account": "AC1"}, "TIDINGS_SMS_TOKEN is not set"),
        ({"sms_account": "AC1", "sms_token": "t"}, "TIDINGS_SMS_FROM is not set"),
        ({"sms_url": "http://api.twilio.com"}, "TIDINGS_SMS_URL begins with http://"),
    ],
)
def test_a_sender_of_sms_without_an_account_says_what_is_missing(changes: dict[str, str], said: str) -> None:
    with pytest.raises(WrongSetting, match=said) as raised:
        providers(read(**NEEDED | changes), Channel.SMS)
    assert "\n" not in str(raised.value)


def test_every_channel_has_a_retry_schedule() -> None:
    assert set(read(**NEEDED).schedules()) == set(Channel)


def test_every_channel_may_have_rate_limits_and_has_none_by_default() -> None:
    assert {read(**NEEDED).limits(channel) for channel in Channel} == {RateLimits()}
    some = read(**NEEDED, email_rate_limits="100/s, recipient 1/m").limits(Channel.EMAIL)
    assert (some.provider, some.tenant, some.recipient) == (RateLimit(10_000, 100), None, RateLimit(60_000_000, 1))


def test_every_channel_bounds_what_one_recipient_has_at_once() -> None:
    given = read(**NEEDED, webhook_recipient_at_once=3)
    assert {channel: given.recipient_at_once(channel) for channel in Channel} == {
        Channel.EMAIL: 4,
        Channel.WEBHOOK: 3,
        Channel.SMS: 4,
    }


def test_every_setting_is_used_and_documented() -> None:
    sources = "".join(p.read_text() for p in (ROOT / "ops").rglob("*.py"))
    for name, field in Settings.model_fields.items():
        assert field.description, name
        used = rf"settings\.{name}\b"
        if of_each_channel := re.search(r"_retry_schedule$|_rate_limits$|_recipient_at_once$", name):
            used = rf"{{channel}}{of_each_channel[0]}\b"
        assert re.search(used, sources.replace("self.", "settings.")), f"{name} is never used"


def test_the_readme_has_the_settings_as_they_are() -> None:
    assert table() in (ROOT / "README.md").read_text()
