"""What must be there before the senders start: topics by our plan, tables, recipients. A process that ends."""

import asyncio
import os

from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.postgres.recipients import RecipientStore
from ops.faults.lanes import LANES
from ops.faults.sender.traffic import FINE, NO_ADDRESS, OPTED_OUT, address
from ops.settings import read
from ops.wiring.shared import codec, new_id
from ops.wiring.topics import topic_admin, topic_steps
from schemas.codec import Codec
from streams.domain.notification import Channel
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient

BASE = "TIDINGS_FAULTS_BASE"  # the URL of the receiver of webhooks
_CREATED_MS = 1_700_000_000_000


def main() -> None:
    """With the settings of the environment. Raises when it cannot be done."""
    settings = read()
    topic_admin(settings).apply(topic_steps(settings))
    migrate(settings.postgres_dsn)
    asyncio.run(_save(settings.postgres_dsn, os.environ.get(BASE, ""), codec(settings)))


async def _save(dsn: str, base: str, ours: Codec) -> None:
    pool = Pool(dsn, "tidings-faults", seconds=30)
    store = RecipientStore(pool, ours, new_id)
    await pool.open()
    try:
        for number, who in enumerate(dict.fromkeys(lane.recipient for lane in LANES)):
            addresses = {} if number % 10 == NO_ADDRESS else {str(to): address(to, base, FINE, who) for to in _USED}
            await store.save_profile(Recipient(who, Preference(who, locale="en"), addresses), _CREATED_MS)
            if number % 10 == OPTED_OUT:
                await store.save_choices(Preference(who, choices=(Choice(False),)), _CREATED_MS)
    finally:
        await pool.close()


_USED = (Channel.EMAIL, Channel.WEBHOOK)

if __name__ == "__main__":
    main()
