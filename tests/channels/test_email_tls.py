"""TLS with a certificate made for the test (conftest.py); the system's trust is replaced by SSL_CERT_FILE."""

import ssl
from pathlib import Path

import pytest

from streams.domain.outcomes import RetryLater, Sent
from tests.channels.mails import mail
from tests.channels.relay import Relay
from tests.channels.smtp import provider, reason


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("pipelining", [False, True])
async def test_starttls_is_used_where_it_is_offered(tls: ssl.SSLContext, pipelining: bool) -> None:
    async with Relay(pipelining, tls=tls) as relay, provider(relay.url) as smtp:
        for _ in range(3):
            assert isinstance(await smtp.send(mail()), Sent)
        assert relay.encrypted == [True] * 3
        assert relay.connections == 1


@pytest.mark.usefixtures("trusted")
async def test_a_login_travels_inside_tls(tls: ssl.SSLContext) -> None:
    async with Relay(tls=tls, login=("postbox", "secret")) as relay:
        url = f"smtp://postbox:secret@127.0.0.1:{relay.port}?starttls=required"
        async with provider(url) as smtp:
            assert isinstance(await smtp.send(mail()), Sent)
        assert relay.logins == [("postbox", "secret")]
        assert relay.encrypted == [True]


@pytest.mark.usefixtures("trusted")
async def test_smtps_is_tls_from_the_start(tls: ssl.SSLContext) -> None:
    async with Relay(tls=tls, tls_from_start=True) as relay, provider(relay.url.replace("smtp:", "smtps:")) as smtp:
        assert isinstance(await smtp.send(mail()), Sent)
        assert relay.encrypted == [True]


async def test_starttls_may_be_left_off_on_a_network_of_ones_own(tls: ssl.SSLContext) -> None:
    async with Relay(tls=tls) as relay, provider(f"{relay.url}?starttls=off") as smtp:
        assert isinstance(await smtp.send(mail()), Sent)
        assert relay.encrypted == [False]


@pytest.mark.parametrize("from_start", [False, True])
async def test_a_certificate_nobody_vouches_for_is_not_accepted(tls: ssl.SSLContext, from_start: bool) -> None:
    async with Relay(tls=tls, tls_from_start=from_start, login=("postbox", "secret")) as relay:
        scheme = "smtps" if from_start else "smtp"
        async with provider(f"{scheme}://postbox:secret@127.0.0.1:{relay.port}") as smtp:
            outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert "certificate" in reason(outcome)
        assert relay.logins == []
        assert relay.mails == []
