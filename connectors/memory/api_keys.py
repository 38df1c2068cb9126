"""API keys in memory. `away = True`: as if PostgreSQL did not answer."""

from connectors import api_key
from connectors.unavailable import Unavailable


class ApiKeysInMemory:
    """Like connectors.postgres.api_keys; `asked` counts look-ups."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0
        self._hashes: dict[str, bytes] = {}

    def create(self) -> str:
        """A new key; its text."""
        made = api_key.make()
        self._hashes[made.key_id] = api_key.hash_of(made.secret)
        return made.text

    def revoke(self, text: str) -> None:
        """Take it back."""
        key = api_key.parse(text)
        assert key is not None
        del self._hashes[key.key_id]

    async def secret_hash(self, key_id: str) -> bytes | None:
        self.asked += 1
        if self.away:
            raise Unavailable("PostgreSQL", "away in memory")
        return self._hashes.get(key_id)
