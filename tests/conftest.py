"""Servers for the tests that need some: real ones, started once a session, only when a test asks for them."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import psycopg
import pytest

from ops.devstack import Endpoints, Stack
from ops.devstack.containers import server_containers
from ops.devstack.endpoints import VARIABLES

hypothesis.settings.register_profile("tidings", deadline=None)  # how long an example takes says nothing of the code
hypothesis.settings.load_profile("tidings")

OURS = ("mail", "webhooks")
NEEDING_SERVERS = {"servers", "database", "own_kafka"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the servers come from."""
    parser.addoption(
        "--servers",
        choices=("embedded", "containers", "given"),
        default="embedded",
        help="servers of the tests: started here from packages (default), from images by testcontainers, or those "
        "named by TIDINGS_KAFKA_BOOTSTRAP_SERVERS, TIDINGS_POSTGRES_DSN and TIDINGS_REDIS_URL; mail catcher and "
        "webhook receiver are always started here",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses a server fixture is marked `servers`."""
    for item in items:
        if isinstance(item, pytest.Function) and NEEDING_SERVERS & set(item.fixturenames):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Endpoints]:
    """Kafka, PostgreSQL, Valkey, the mail catcher and the webhook receiver, shared by the whole session.

    Isolate by names: a `database` of your own, topics with a prefix of your own, Redis keys likewise.
    """
    match request.config.getoption("--servers"):
        case "embedded":
            with Stack() as stack:
                yield stack.endpoints
        case "containers":
            with server_containers() as contained, Stack(services=OURS) as stack:
                yield _joined(contained, stack.endpoints)
        case _:
            with Stack(services=OURS) as stack:
                yield _joined(_given(), stack.endpoints)


@pytest.fixture(scope="module")
def database(servers: Endpoints) -> Iterator[str]:
    """The DSN of a new, empty database for this test module; dropped at its end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(servers.postgres_dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(servers.postgres_dsn)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[Stack]:
    """A Kafka of this module's own, to be stopped, killed and started: `own_kafka.signal("kafka", SIGKILL)`,
    `.stop("kafka")`, `.start("kafka")`; its address is `own_kafka.endpoints.kafka_bootstrap_servers`."""
    with Stack(services=("kafka",), tolerate=("kafka",)) as stack:
        yield stack


def _given() -> Endpoints:
    given = Endpoints.given(os.environ)
    wanted = ("kafka_bootstrap_servers", "postgres_dsn", "redis_url")
    if missing := [VARIABLES[field] for field in wanted if not getattr(given, field)]:
        raise pytest.UsageError(f"--servers=given needs {', '.join(missing)}")
    return given


def _joined(theirs: Endpoints, ours: Endpoints) -> Endpoints:
    return replace(theirs, smtp_url=ours.smtp_url, mail_url=ours.mail_url, webhooks_url=ours.webhooks_url)
