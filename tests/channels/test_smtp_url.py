import pytest

from connectors.channels.smtp_url import Relay, Tls, parse_relay


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://127.0.0.1:2525", Relay("127.0.0.1", 2525, Tls.IF_OFFERED)),
        ("smtp://relay.example", Relay("relay.example", 25, Tls.IF_OFFERED)),
        ("smtp://relay.example/", Relay("relay.example", 25, Tls.IF_OFFERED)),
        ("smtp://[::1]:25", Relay("::1", 25, Tls.IF_OFFERED)),
        ("smtp://relay.example?starttls=off", Relay("relay.example", 25, Tls.OFF)),
        ("smtp://relay.example?starttls=required", Relay("relay.example", 25, Tls.REQUIRED)),
        ("smtp://a:b@relay.example", Relay("relay.example", 587, Tls.REQUIRED, "a", "b")),
        ("smtp://a%40x:b%3A%2F@relay.example:25", Relay("relay.example", 25, Tls.REQUIRED, "a@x", "b:/")),
        ("smtp://a:b@localhost:25", Relay("localhost", 25, Tls.IF_OFFERED, "a", "b")),
        ("smtp://a:b@127.0.0.1:25?starttls=off", Relay("127.0.0.1", 25, Tls.OFF, "a", "b")),
        ("smtp://a@relay.example", Relay("relay.example", 587, Tls.REQUIRED, "a", "")),
        ("smtps://relay.example", Relay("relay.example", 465, Tls.FROM_START)),
        ("smtps://a:b@relay.example:2465", Relay("relay.example", 2465, Tls.FROM_START, "a", "b")),
    ],
)
def test_a_url_names_the_relay(url: str, relay: Relay) -> None:
    assert parse_relay(url) == relay


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example:25",
        "http://relay.example",
        "smtp://",
        "smtp://relay.example:port",
        "smtp://relay.example:99999",
        "smtp://relay.example/path",
        "smtp://relay.example?starttls=maybe",
        "smtp://relay.example?tls=on",
        "smtps://relay.example?starttls=required",
        "smtp://a:hidden@relay.example?starttls=off",
        "smtp://a:hidden@[::1",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="the SMTP URL") as failed:
        parse_relay(url)
    assert "hidden" not in str(failed.value)


def test_a_password_is_not_shown() -> None:
    assert "hidden" not in repr(parse_relay("smtps://a:hidden@relay.example"))
