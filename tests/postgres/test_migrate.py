"""Migrations on a real PostgreSQL."""

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from connectors.postgres.migrate import current, migrate, newest
from connectors.unavailable import Unavailable
from ops.devstack import Endpoints


def test_an_empty_database_is_brought_to_the_newest_version_and_stays_there(database: str) -> None:
    assert migrate(database) == (None, newest())
    assert migrate(database) == (newest(), newest())
    assert current(database) == newest()


def test_two_that_migrate_at_once_do_it_once(servers: Endpoints) -> None:
    name = f"twice_{uuid4().hex[:8]}"
    dsn = urlunsplit(urlsplit(servers.postgres_dsn)._replace(path=f"/{name}"))
    with psycopg.connect(servers.postgres_dsn, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        environment = {**os.environ, **servers.environment(), "TIDINGS_POSTGRES_DSN": dsn}
        command = [sys.executable, "-m", "ops.commands.main", "migrate"]
        both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        said = [process.communicate(timeout=60)[0].strip() for process in both]
        connection.execute(f"drop database {name} with (force)")
    assert [process.returncode for process in both] == [0, 0]
    assert all(line.startswith(f"database at {newest()}") for line in said), said


def test_a_database_that_is_not_in_utf8_is_refused_with_what_would_be_right(servers: Endpoints) -> None:
    name = f"ascii_{uuid4().hex[:8]}"
    with psycopg.connect(servers.postgres_dsn, autocommit=True) as connection:
        connection.execute(
            f"create database {name} template template0 encoding 'SQL_ASCII' locale_provider libc locale 'C'"
        )
        try:
            with pytest.raises(Unavailable, match="encoding SQL_ASCII: make one with encoding UTF8"):
                migrate(urlunsplit(urlsplit(servers.postgres_dsn)._replace(path=f"/{name}")))
        finally:
            connection.execute(f"drop database {name} with (force)")
