"""Claims in PostgreSQL, for the time in which Redis is away: one statement a batch (ports.Claims)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connectors.postgres import queries
from connectors.postgres.pool import Connection, Pool
from streams.domain.claim_marks import KEPT, RELEASED, Left, of_two, verdict

_SQL = queries.load("claims")
_AT_ONCE = 1_000  # keys in one statement


class PostgresClaims:
    """Rows of delivery_claims, and the ends that the recorder keeps. Every method raises Unavailable.

    A call that failed may have been carried out; making it again is safe and gives the same verdicts.
    """

    def __init__(self, pool: Pool, ttl: timedelta = KEPT, elsewhere: bool = False) -> None:
        """`elsewhere`: claims may also have been made elsewhere, so what is not known here is UNSURE and not NEW."""
        self._pool = pool
        self._ttl = ttl
        self._elsewhere = elsewhere

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
        """The verdict per key: NEW, AMBIGUOUS, UNSURE, or the mark of what it came to."""
        verdicts: dict[bytes, int | bytes] = {}
        asked = list(dict.fromkeys(keys))
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            parts = [key.rpartition(b":") for key in some]
            values = {
                **self._claims_of(owner),
                "keys": some,
                "delivery_ids": [delivery_id.decode().replace("\0", "") for delivery_id, _, _ in parts],
                "redrives": [int(redrives) for _, _, redrives in parts],
            }
            rows = await self._pool.rows(_SQL["claim"], values)
            verdicts.update((row["key"], verdict(row["value"])) for row in rows)
        return [verdicts[key] for key in keys]

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Mark ends, or give claims back."""
        wanted: dict[bytes, bytes] = {}
        for key, mark in marks:
            wanted[key] = of_two(wanted.get(key, b""), mark)
        if self._elsewhere:
            wanted = {key: RELEASED + owner if mark == RELEASED else mark for key, mark in wanted.items()}
        keys = list(wanted)
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            await self._run("mark", {**self._claims_of(owner), "keys": some, "marks": [wanted[key] for key in some]})

    async def left(self, after: bytes, limit: int) -> list[Left]:
        """The next rows by key."""
        rows = await self._pool.rows(_SQL["left"], {"after": after, "limit": limit, "ttl": self._ttl})
        return [Left(row["key"], row["value"], row["age_ms"]) for row in rows]

    async def forget(self, rows: Sequence[Left]) -> None:
        """Drop those that still say the same; what is over only when it is some seconds old."""
        await self._run("forget", {"keys": [row.key for row in rows], "marks": [row.value for row in rows]})

    async def close(self) -> None:
        """Nothing: the pool is somebody else's."""

    def _claims_of(self, owner: bytes) -> dict[str, Any]:
        claimed, unsure = b"c" + owner, b"u" + owner
        fresh = unsure if self._elsewhere else claimed
        return {"fresh": fresh, "claimed": claimed, "ambiguous": b"a" + owner, "unsure": unsure, "ttl": self._ttl}

    async def _run(self, name: str, values: dict[str, Any]) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(_SQL[name], values)

        await self._pool.run(work)
