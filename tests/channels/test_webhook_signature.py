import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from connectors.channels.webhook_signature import Signer, parse_secrets


def written(secret: bytes) -> str:
    return "whsec_" + base64.b64encode(secret).decode()


@settings(deadline=None)
@given(secrets=st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3), body=st.text())
def test_each_secret_signs_as_the_standards_own_library_does(secrets: list[bytes], body: str) -> None:
    text = " ".join(map(written, secrets))
    encoded = body.encode("utf-8", "replace")
    parsed = parse_secrets(text)
    assert parsed == tuple(secrets)
    moment = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)
    signature = Signer(parsed).sign("msg-1", int(moment.timestamp()), encoded)
    assert signature.split(" ") == [Webhook(secret).sign("msg-1", moment, encoded.decode()) for secret in secrets]


def test_padding_may_be_left_out() -> None:
    secret = bytes(range(25))
    assert parse_secrets(written(secret).rstrip("=")) == (secret,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no webhook secret"),
        ("   ", "there is no webhook secret"),
        (base64.b64encode(bytes(24)).decode(), "webhook secret 1 does not begin with whsec_"),
        ("whsec_not*base64", "webhook secret 1 is not base64"),
        ("whsec_ä", "webhook secret 1 is not base64"),
        ("whsec_", "webhook secret 1 has 0 bytes"),
        (written(bytes(23)), "webhook secret 1 has 23 bytes"),
        (written(bytes(65)), "webhook secret 1 has 65 bytes"),
        (written(bytes(32)) + " whsec_short", "webhook secret 2"),
    ],
)
def test_a_wrong_secret_says_what_is_right_and_is_not_repeated(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as failed:
        parse_secrets(text)
    assert "write whsec_ and the base64 of 24 to 64 random bytes" in str(failed.value)
    for word in text.split():
        assert len(word) < 8 or word not in str(failed.value)
