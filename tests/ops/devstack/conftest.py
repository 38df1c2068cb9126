"""A small stack for the tests of the mail catcher and the webhook receiver."""

import urllib.request
from collections.abc import Iterator

import pytest

from ops.devstack import Endpoints, Stack


@pytest.fixture(scope="session")
def _catchers() -> Iterator[Endpoints]:
    with Stack(services=("mail", "webhooks")) as stack:
        yield stack.endpoints


@pytest.fixture
def catchers(_catchers: Endpoints) -> Endpoints:
    """Mail catcher and webhook receiver, both empty."""
    for address in (f"{_catchers.mail_url}api/messages", f"{_catchers.webhooks_url}api/received"):
        urllib.request.urlopen(urllib.request.Request(address, method="DELETE")).close()
    return _catchers
