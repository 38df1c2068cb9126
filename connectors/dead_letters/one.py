"""One dead letter, by its id: put back to work, or dropped."""

from datetime import datetime

from connectors.dead_letters.dead_letter import DeadLetter, State
from connectors.dead_letters.ports import RedriveParts
from connectors.dead_letters.put_back import PutBack, Skip, put_back


class Refused(Exception):
    """It is not done. `dead`: as it is; `why`: in words for whoever asked.

    Refused
    ├── AlreadyRedriven   it was put back before; ask for it expressly (`again`) to do so once more
    ├── AlreadyDropped    its record is forgotten
    └── CannotGoBack      it has expired, or it came from no topic of ours
    """

    def __init__(self, dead: DeadLetter, why: str) -> None:
        super().__init__(why)
        self.dead, self.why = dead, why


class AlreadyRedriven(Refused):
    """It was put back to work before; ask for it expressly (`again`) to do so once more."""


class AlreadyDropped(Refused):
    """Its record is forgotten; whoever published it can do so again."""


class CannotGoBack(Refused):
    """Nothing would be sent, or nobody would read it."""


_WHY = {
    Skip.EXPIRED: "its notification has expired: nothing is sent after expires_at",
    Skip.UNPLACED: "it is no delivery and came from no topic of ours: nobody would read it",
}


async def redrive(dead_letter_id: str, again: bool, parts: RedriveParts) -> DeadLetter | None:
    """Put one back to work, at the priority it had; None: there is no such dead letter.

    Raises Refused, and Unavailable when PostgreSQL or Kafka is away: then it can be asked for again, the sender
    recognises a record that had gone out.
    """
    how = PutBack(parts.now(), parts.new_id())

    async def work(dead: DeadLetter) -> None:
        _not_dropped(dead)
        if dead.state is State.REDRIVEN and not again:
            raise AlreadyRedriven(dead, f"dead letter {dead.dead_letter_id} was redriven at {_text(dead.redriven_at)}")
        records = put_back(dead, parts.codec, how)
        if isinstance(records, Skip):
            raise CannotGoBack(dead, f"dead letter {dead.dead_letter_id} cannot go back: {_WHY[records]}")
        for record in records:
            await parts.publisher.publish(record.topic, record.key, record.value, record.headers)

    return await parts.dead_letters.redriven(dead_letter_id, work, how.now)


async def drop(dead_letter_id: str, reason: str, parts: RedriveParts) -> DeadLetter | None:
    """Give one up for good: what, why and when stay, its key, headers and bytes are forgotten.

    None: there is no such dead letter. Raises AlreadyDropped and Unavailable.
    """

    async def work(dead: DeadLetter) -> None:
        _not_dropped(dead)

    return await parts.dead_letters.dropped(dead_letter_id, work, reason, parts.now())


def _not_dropped(dead: DeadLetter) -> None:
    if dead.state is State.DROPPED:
        said = f"dead letter {dead.dead_letter_id} was dropped at {_text(dead.dropped_at)}: {dead.drop_reason}"
        raise AlreadyDropped(dead, said)


def _text(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "an unknown time"
