import asyncio
import json
import socket
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from connectors.channels.sms import ANSWER_BYTES
from ops.devstack.sms_site import BROKEN, REFUSED, SmsSite
from streams.domain.failures import FailureKind
from streams.domain.outcomes import DeadLetter, Outcome, RetryLater, Sent
from tests.channels.mails import SMS, sms
from tests.channels.receiver import endless
from tests.channels.twilio import NOW, answering, posted, provider


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, RetryLater | DeadLetter)
    return outcome.failure.reason


async def test_an_sms_is_posted_as_a_form_and_its_sid_is_kept() -> None:
    async with answering(201) as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(sms(parts={"text": "grüß Gott & 100 % + 1 = €"}))
        form, (request,) = posted(receiver), receiver.requests
    assert isinstance(outcome, Sent)
    assert not outcome.delivered
    assert form == {"To": "+436601234567", "From": "+15005550006", "Body": "grüß Gott & 100 % + 1 = €"}
    assert request.path == "/in/2010-04-01/Accounts/AC0123/Messages.json"
    assert request.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert outcome.call.provider_message_id == "SM0123"
    assert outcome.call.code == "201"
    assert outcome.call.request == "POST Messages, GSM-7, segments: 1"
    assert outcome.call.response == ""


@pytest.mark.parametrize(
    ("expires_in_ms", "told"), [(60_000, "60"), (1_500, "1"), (10, "1"), (-5_000, "1"), (10**9, "14400"), (None, None)]
)
async def test_an_sms_is_not_held_longer_than_it_is_worth(expires_in_ms: int | None, told: str | None) -> None:
    expires_at = None if expires_in_ms is None else int(NOW * 1000) + expires_in_ms
    async with answering(201) as receiver, provider(receiver.url) as channel:
        await channel.send(sms(expires_at=expires_at))
        assert posted(receiver).get("ValidityPeriod") == told


@pytest.mark.parametrize(("url", "joint"), [("https://x.example/t", "?"), ("https://x.example/t?a=b", "&")])
async def test_later_statuses_name_the_delivery(url: str, joint: str) -> None:
    async with answering(201) as receiver, provider(receiver.url, status_url=url) as channel:
        await channel.send(SMS)
        assert posted(receiver)["StatusCallback"] == f"{url}{joint}delivery_id={SMS.delivery_id}"


@pytest.mark.parametrize(
    ("status", "code", "kind", "dead"),
    [
        (400, 21211, FailureKind.PERMANENT, True),
        (400, 21614, FailureKind.PERMANENT, True),
        (400, 21610, FailureKind.PERMANENT, True),
        (400, 21408, FailureKind.PERMANENT, False),
        (400, 21612, FailureKind.PERMANENT, False),
        (400, 21606, FailureKind.TRANSIENT, False),
        (401, 20003, FailureKind.TRANSIENT, False),
        (429, 20429, FailureKind.THROTTLED, False),
        (429, 21611, FailureKind.THROTTLED, False),
        (503, 20503, FailureKind.TRANSIENT, False),
    ],
)
async def test_a_refusal_is_told_by_its_code(status: int, code: int, kind: FailureKind, dead: bool) -> None:
    answer = json.dumps({"code": code, "message": "no", "status": status}).encode()
    async with answering(status, answer) as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(SMS)
    assert isinstance(outcome, DeadLetter if kind is FailureKind.PERMANENT else RetryLater)
    assert outcome.failure.kind is kind
    assert outcome.failure.address_is_dead is dead
    assert not outcome.failure.unlisted
    assert outcome.call is not None
    assert outcome.call.code == str(code)


async def test_an_sms_that_failed_at_once_is_not_sent() -> None:
    answer = json.dumps({"sid": "SM1", "status": "failed", "error_code": 30005, "error_message": "unknown"}).encode()
    async with answering(201, answer) as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(SMS)
    assert isinstance(outcome, DeadLetter)
    assert outcome.failure.address_is_dead


async def test_a_code_nobody_knows_is_told_and_tried_again() -> None:
    answer = json.dumps({"code": 21999, "message": "new"}).encode()
    async with answering(400, answer) as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.unlisted
    assert "21999" in reason(outcome)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(status: int) -> None:
    async with answering(status, b"{}", Retry_After="7") as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("status", "answer"),
    [(200, b"<html>welcome to the hotel</html>"), (201, b"{}"), (201, b'{"sid": 7}'), (201, b'{"sid": "a\\r\\nb"}'),
     (201, b"["), (500, b""), (502, b"bad gateway"), (504, b""), (500, b'{"code": 20500}'), (500, b'{"code": 29999}')],
)  # fmt: skip
async def test_what_may_have_been_taken_is_ambiguous(status: int, answer: bytes) -> None:
    async with answering(status, answer) as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.ambiguous
    assert reason(outcome).startswith("ambiguous: ")


async def test_a_line_that_breaks_after_the_request_had_left_is_ambiguous() -> None:
    async with answering(201) as receiver, provider(receiver.url) as channel:
        receiver.drops = True
        outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.ambiguous
    assert reason(outcome) == "ambiguous: a lost connection after the request had left"


async def test_silence_after_the_request_had_left_is_ambiguous_and_bounded() -> None:
    async with answering(201) as receiver, provider(receiver.url, timeout_seconds=0.2) as channel:
        receiver.hangs = True
        outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert reason(outcome) == "ambiguous: silence after the request had left"
    assert outcome.call is not None
    assert 150 < outcome.call.duration_ms < 2000


async def test_nobody_listening_is_not_ambiguous() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with provider(f"http://127.0.0.1:{free.getsockname()[1]}") as channel:
            outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert not outcome.failure.ambiguous
    assert reason(outcome) == "no connection"


async def test_what_does_not_speak_tls_is_not_ambiguous() -> None:
    async with answering(201) as receiver, provider(receiver.url.replace("http://", "https://")) as channel:
        outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert not outcome.failure.ambiguous
    assert "TLS" in reason(outcome)


async def test_a_redirect_is_not_followed_with_our_token() -> None:
    async with answering(307, b"", Location="/elsewhere") as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(SMS)
        assert receiver.others == 0
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.unlisted


@pytest.mark.parametrize(("status", "ambiguous"), [(201, True), (429, False)])
async def test_an_answer_that_never_ends_ends_at_the_deadline_with_its_status(status: int, ambiguous: bool) -> None:
    async with answering(status) as receiver, provider(receiver.url, timeout_seconds=0.2) as channel:
        receiver.drips = True
        outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.ambiguous is ambiguous
    assert outcome.call is not None
    assert outcome.call.code == str(status)
    assert len(outcome.call.response) <= 200


async def test_of_a_long_answer_only_the_begin_is_read() -> None:
    async with endless(503) as other, provider(other.url.rstrip("/"), timeout_seconds=5) as channel:
        outcome = await channel.send(SMS)
    assert isinstance(outcome, RetryLater)
    assert outcome.call is not None
    assert outcome.call.duration_ms < 4000
    assert other.taken < 100 * ANSWER_BYTES


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"address": "0660 1234567"}, "begins with +"),
        ({"address": "+43 660 1234567"}, "without spaces"),
        ({"parts": {"text": ""}}, "empty"),
        ({"parts": {}}, "empty"),
        ({"parts": {"text": "x" * 1601}}, "longer than 1,600"),
        ({"parts": {"text": "\ud800"}}, "Unicode"),
    ],
)
async def test_what_can_never_be_an_sms_is_a_permanent_failure_without_a_call(changes: Any, said: str) -> None:
    async with answering(201) as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(sms(**changes))
        assert receiver.requests == []
    assert isinstance(outcome, DeadLetter)
    assert outcome.call is None
    assert said in reason(outcome)


@pytest.mark.parametrize(
    "said",
    ["The 'To' number +436601234567 is not valid", "to 436601234567", "+43 660 123 45-67 is nobody",
     "you said: CANARY Ada, your order is on its way", "https://www.twilio.com/docs/errors/21211?n=%2B436601234567"],
)  # fmt: skip
async def test_what_twilio_repeats_of_us_is_not_kept(said: str) -> None:
    answer = json.dumps({"code": 21211, "message": said}).encode()
    async with answering(400, answer) as receiver, provider(receiver.url) as channel:
        outcome = await channel.send(SMS)
    shown = repr(outcome).replace(" ", "").replace("-", "")
    assert "CANARY" not in shown
    assert "6601234567" not in shown


@pytest.mark.parametrize("number", [*REFUSED, BROKEN, "+436601234567"])
async def test_the_site_of_the_dev_stack_answers_as_twilio_does(number: str) -> None:
    site = SmsSite()
    app = web.Application()
    app.add_routes(site.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    try:
        async with provider(f"http://127.0.0.1:{runner.addresses[0][1]}/sms") as channel:
            outcome = await channel.send(sms(address=number))
    finally:
        await asyncio.wait_for(runner.cleanup(), 5)
    if number in REFUSED:
        assert isinstance(outcome, RetryLater | DeadLetter)
        assert not outcome.failure.unlisted
        assert outcome.call is not None
        assert outcome.call.code == str(REFUSED[number][1])
        assert not site.taken
    elif number == BROKEN:
        assert isinstance(outcome, RetryLater)
        assert outcome.failure.ambiguous
    else:
        assert isinstance(outcome, Sent)
        assert outcome.call.provider_message_id == site.taken[0].sid
        assert (site.taken[0].to, site.taken[0].body) == (number, SMS.parts["text"])
