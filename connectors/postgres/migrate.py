"""Bring the database to the newest schema (alembic; raw SQL in migrations/versions)."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from connectors.unavailable import Unavailable

_FOLDER = Path(__file__).with_name("migrations")


def _url(dsn: str) -> str:
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)


def _config(dsn: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("sqlalchemy.url", _url(dsn).replace("%", "%%"))
    return config


def migrate(dsn: str) -> tuple[str | None, str | None]:
    """Run what is missing, one process at a time; the versions before and after.

    Raises the driver's OperationalError, or Unavailable for a database that is not in UTF-8.
    """
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise Unavailable("PostgreSQL", f"the database has encoding {encoding}: make one with encoding UTF8")
    before = current(dsn)
    command.upgrade(_config(dsn), "head")
    return before, current(dsn)


def current(dsn: str) -> str | None:
    """The version the database is at; None: it is empty."""
    engine = create_engine(_url(dsn))
    with engine.connect() as connection:
        found: str | None = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return found


def newest() -> str | None:
    """The version this program needs."""
    head: str | None = ScriptDirectory(str(_FOLDER)).get_current_head()
    return head
