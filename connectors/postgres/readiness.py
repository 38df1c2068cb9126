"""Is PostgreSQL there, and has it the schema that this program needs?"""

from pathlib import Path

from connectors.postgres import queries
from connectors.postgres.pool import Pool
from connectors.unavailable import Unavailable

_SQL = queries.load("health")
_VERSIONS = Path(__file__).with_name("migrations") / "versions"


def needed_version() -> str:
    """The newest migration, by the names of the files: alembic itself takes 40 MB to ask."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))


class Migrated:
    """A check for /readyz. A newer schema is fine: migrations run before programs are replaced."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._needed = needed_version()

    async def check(self) -> None:
        """Raises Unavailable."""
        rows = await self._pool.rows(_SQL["version"], {})
        if not rows or rows[0]["version_num"] < self._needed:
            raise Unavailable("PostgreSQL", "not migrated: run `tidings migrate`")
