from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from connectors.channels.sms import TwilioProvider
from tests.channels.mails import SMS
from tests.channels.twilio import POLICY, answering, posted, provider


@pytest.mark.parametrize(
    ("token", "login"), [("secret", "AC0123:secret"), ("SK77:key:secret", "SK77:key:secret"), ("SK77:s", "SK77:s")]
)
async def test_it_logs_in_with_the_token_or_with_an_api_key(token: str, login: str) -> None:
    async with answering(201) as receiver, provider(receiver.url, token=token) as channel:
        await channel.send(SMS)
        kind, _, encoded = receiver.requests[0].headers["Authorization"].partition(" ")
    assert (kind, b64decode(encoded).decode()) == ("Basic", login)


@pytest.mark.parametrize(
    ("sender", "field"),
    [("+15005550006", "From"), ("Tide & Co", "From"), ("MGvienna", "From"), ("72345", "From"),
     ("MG" + "0a" * 16, "MessagingServiceSid")],
)  # fmt: skip
async def test_the_sender_is_a_number_a_name_or_a_messaging_service(sender: str, field: str) -> None:
    async with answering(201) as receiver, provider(receiver.url, sender=sender) as channel:
        await channel.send(SMS)
        assert posted(receiver)[field] == sender
        assert len({"From", "MessagingServiceSid"} & set(posted(receiver))) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "api.twilio.com"}, "URL is not complete"),
        ({"url": "ftp://api.twilio.com"}, "URL is not complete"),
        ({"url": "https://[::1"}, "URL cannot be read"),
        ({"url": "https://user@api.twilio.com"}, "URL is not complete"),
        ({"url": "http://api.twilio.com"}, "in the clear"),
        ({"account": ""}, "ACCOUNT is not set"),
        ({"account": "AC/../x"}, "ACCOUNT is not set"),
        ({"token": ""}, "TOKEN is not set"),
        ({"token": "to\nken"}, "TOKEN is not set"),
        ({"sender": ""}, "FROM is not set"),
        ({"sender": "0660 1234567"}, "FROM is not set"),
        ({"sender": "a name too long"}, "FROM is not set"),
        ({"status_url": "x.example"}, "STATUS_URL is no web address"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_at_once(changes: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        TwilioProvider(replace(POLICY, **changes))
    assert "CANARY" not in str(raised.value)


def test_the_token_is_not_shown() -> None:
    assert "CANARY" not in repr(POLICY)
