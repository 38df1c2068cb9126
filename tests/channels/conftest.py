"""Webhooks by our own client and by its oracle: both pass the same tests. A certificate for tests of TLS."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from connectors.channels.http_client import Http, HttpClient
from connectors.channels.http_client import look_up as by_the_system
from connectors.channels.webhook import WebhookPolicy
from tests.channels.oracle_http import AiohttpClient
from tests.channels.receiver import Names

ON_BOTH_LOOPS = (
    "test_http_client",
    "test_http_pool",
    "test_http_tls",
    "test_email_connections",
    "test_email_tls",
    "test_smtp_following",
    "test_smtp_pipelining",
    "test_smtp_prompt",
    "test_smtp_whims",
)
"""Modules whose tests run on asyncio's own loop and on uvloop, as senders do; the others run on the first."""

Calls = Callable[[WebhookPolicy, Names | None], Http]


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Which loops a test runs on."""
    first = {"asyncio": asyncio.new_event_loop}
    return {**first, "uvloop": uvloop.new_event_loop} if item.path.stem in ON_BOTH_LOOPS else first


def by_our_own(policy: WebhookPolicy, names: Names | None = None) -> Http:
    look_up = by_the_system if names is None else names.look_up
    return HttpClient(policy.connections, policy.connect_seconds, not policy.allow_private, look_up)


def by_aiohttp(policy: WebhookPolicy, names: Names | None = None) -> Http:
    return AiohttpClient(not policy.allow_private, names)


@pytest.fixture(params=[by_our_own, by_aiohttp])
def calls(request: pytest.FixtureRequest) -> Calls:
    made: Calls = request.param
    return made


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of localhost and its key, which nobody trusts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made, key


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """For a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
