"""Marks in the claims, until they went through: one round trip for a batch, a group for each owner."""

from collections.abc import Sequence

from connectors.delivery.incoming import Record
from connectors.delivery.outage import Outage
from connectors.unavailable import Unavailable
from streams.domain.ports import Claims


class Marker:
    """Marks under the owner that claimed: an orphan's claim can only be given back in its own name."""

    def __init__(self, claims: Claims, outage: Outage) -> None:
        self._claims, self._outage = claims, outage

    async def mark(self, marks: Sequence[tuple[Record, bytes]]) -> None:
        """Returns when all are made; as long as the claims are away, it waits."""
        for owner in dict.fromkeys([record.assignment.owner for record, _ in marks]):
            theirs = [(record.claim_key, mark) for record, mark in marks if record.assignment.owner == owner]
            await self._until_made(owner, theirs)

    async def _until_made(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        while True:
            try:
                await self._claims.mark(owner, marks)
            except Unavailable as away:
                await self._outage.wait(away)
            else:
                self._outage.over()
                return
