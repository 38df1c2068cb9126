"""One system for all scenarios: real servers, all processes, quick retries."""

from collections.abc import Iterator

import pytest

from ops.demo.client import Client, make_key
from ops.devstack import Stack
from ops.devstack.tidings import CHANNELS, tidings_processes
from tests.scenarios.system import System

SETTINGS = {
    "TIDINGS_EMAIL_RETRY_SCHEDULE": "200ms,1s,3s",
    "TIDINGS_WEBHOOK_RETRY_SCHEDULE": "200ms,1s,3s",
    "TIDINGS_SMS_RETRY_SCHEDULE": "200ms,1s,3s",
    "TIDINGS_SESSION_TIMEOUT_SECONDS": "6",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "scenarios" in item.path.parts:
            item.add_marker(pytest.mark.scenario)


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """Shared by all scenarios: they keep apart by recipients of their own."""
    servers = ("kafka", "postgres", "valkey")
    with Stack(processes=tidings_processes(CHANNELS), tolerate=servers, settings=SETTINGS) as stack:
        key = make_key(stack.environment, "scenarios")
        yield System(stack, Client(stack.api_url, key))
