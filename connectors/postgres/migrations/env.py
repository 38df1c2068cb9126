"""Alembic's entry: one transaction under an advisory lock, so two processes that migrate at once do it once."""

from alembic import context
from sqlalchemy import create_engine, text

_LOCK = 7_184_301


def run() -> None:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
    with engine.connect() as connection, connection.begin():
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.configure(connection=connection)
        context.run_migrations()
    engine.dispose()


run()
