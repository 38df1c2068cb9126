"""Where a webhook may not go: see also test_public_address.py."""

import socket

import pytest

from connectors.channels.webhook import WebhookPolicy, WebhookProvider
from streams.domain.failures import FailureKind
from streams.domain.outcomes import DeadLetter, Outcome
from tests.channels.conftest import Calls
from tests.channels.mails import webhook
from tests.channels.receiver import Names

POLICY = WebhookPolicy((bytes(32),), timeout_seconds=2)


async def called(calls: Calls, address: str, names: Names | None = None) -> Outcome:
    channel = WebhookProvider(POLICY, http=calls(POLICY, names))
    await channel.start()
    try:
        return await channel.send(webhook(address=address))
    finally:
        await channel.close()


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, DeadLetter)
    return outcome.failure.reason


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://hooks.example/", "does not begin with https://"),
        ("ftp://hooks.example/", "does not begin with https://"),
        ("hooks.example", "does not begin with https://"),
        ("", "does not begin with https://"),
        ("https:///path", "host"),
        ("https://[::1", "no URL"),
        ("https://hooks.example:99999/", "no URL"),
        ("https://user@hooks.example/", "user or password"),
        ("https://user:CANARY@hooks.example/", "user or password"),
        ("https://hooks.example:22/", "port"),
        ("https://hooks.example/" + "x" * 2048, "longer than"),
    ],
)
async def test_a_url_that_may_not_be_called_is_refused_without_a_call(calls: Calls, address: str, said: str) -> None:
    names = Names(443)
    outcome = await called(calls, address, names)
    assert isinstance(outcome, DeadLetter)
    assert outcome.failure.kind is FailureKind.PERMANENT
    assert reason(outcome).startswith("blocked: ")
    assert said in reason(outcome)
    assert outcome.call is None
    assert names.asked == 0


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0x7f000001", "0x7f.1",
     "\u2460\u2461\u2466.0.0.1", "169.254.169.254", "10.0.0.1", "[fe80::1]", "[64:ff9b::7f00:1]",
     "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:169.254.169.254]", "[::7f00:1]", "[2002:7f00:1::]", "[fd00:ec2::254]"],
)  # fmt: skip
@pytest.mark.parametrize("port", [443, 8443])
async def test_a_private_address_is_blocked_however_it_is_written(calls: Calls, host: str, port: int) -> None:
    outcome = await called(calls, f"https://{host}:{port}/CANARY")
    assert isinstance(outcome, DeadLetter)
    assert reason(outcome) == "blocked: the URL leads to an address that is not public"
    assert "CANARY" not in repr(outcome)


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0", "0177.0.0.1", "127.0.0.1\u3002"])
async def test_a_number_is_no_host(calls: Calls, host: str) -> None:
    outcome = await called(calls, f"https://{host}/")
    assert isinstance(outcome, DeadLetter)
    assert reason(outcome) == "the URL or a header cannot be used"


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2", "::1"]])
async def test_a_name_that_leads_home_is_blocked_before_anything_is_sent(calls: Calls, addresses: list[str]) -> None:
    """DNS rebinding too: it is the address of the connection that counts, not what the name led to a moment ago."""
    with socket.socket() as home:
        home.bind(("127.0.0.1", 0))
        home.listen()
        home.setblocking(False)
        outcome = await called(calls, "https://hooks.example/", Names(home.getsockname()[1], hooks=addresses))
        assert reason(outcome) == "blocked: the URL leads to an address that is not public"
        with pytest.raises(BlockingIOError):
            home.accept()
