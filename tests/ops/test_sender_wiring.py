"""What the settings make of a sender's providers, breakers and limits."""

import pytest

from ops.settings import Settings, WrongSetting, read
from ops.wiring.sender import providers, sender_policy
from streams.domain.breaker import BreakerPolicy
from streams.domain.notification import Channel
from streams.domain.rate_limit import RateLimits

NEEDED = {
    "kafka_bootstrap_servers": "localhost:9092",
    "postgres_dsn": "postgresql://u:p@localhost/d",
    "redis_url": "redis://localhost",
}


def settings(**given: str) -> Settings:
    return read(**NEEDED | given)


def test_several_relays_stand_in_for_each_other_in_their_order() -> None:
    found = providers(settings(smtp_url="smtp://one:25 smtps://u:p@two:465  smtp://three"), Channel.EMAIL)
    assert [each.name for each in found] == ["smtp", "smtp-2", "smtp-3"]
    assert [each.name for each in providers(settings(), Channel.EMAIL)] == ["smtp"]


def test_each_of_several_relays_is_checked() -> None:
    with pytest.raises(WrongSetting, match=r"TIDINGS_SMTP_URL"):
        providers(settings(smtp_url="smtp://one:25 smtp://two:25?starttls=perhaps"), Channel.EMAIL)


def test_channels_have_a_breaker_but_webhooks_whose_failures_are_of_one_recipient() -> None:
    found = {channel: sender_policy(settings(), channel).breaker for channel in Channel}
    assert {channel for channel, breaker in found.items() if breaker is None} == {Channel.WEBHOOK}
    assert found[Channel.EMAIL] == BreakerPolicy()


def test_a_channel_gets_its_own_limits() -> None:
    given = settings(email_rate_limits="100/s, recipient 10/h")
    assert sender_policy(given, Channel.EMAIL).limits == RateLimits.parse("provider 100/s, recipient 10/h")
    assert sender_policy(given, Channel.WEBHOOK).limits == RateLimits()


def test_a_channel_gets_its_own_bound_of_one_recipient() -> None:
    given = settings(webhook_recipient_at_once="9")
    found = {channel: sender_policy(given, channel).recipient_at_once for channel in Channel}
    assert found == {Channel.EMAIL: 4, Channel.WEBHOOK: 9, Channel.SMS: 4}
