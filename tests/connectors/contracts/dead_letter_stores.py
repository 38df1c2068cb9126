"""What the contract of dead letters is proved on, and how one is put there."""

from collections.abc import Callable
from datetime import UTC, datetime

from connectors.dead_letters.dead_letter import DeadLetter
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.memory.dead_letters import DeadLettersInMemory
from connectors.postgres.dead_letters import DeadLetterStore
from tests.http.api import NOW

Store = DeadLettersInMemory | DeadLetterStore
Add = Callable[[DeadLetter], None]
ANY = DeadLetterFilter()
MOMENT = datetime.fromtimestamp(NOW / 1000, UTC)


async def nothing(_: DeadLetter) -> None:
    """All is well."""
