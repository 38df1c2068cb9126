"""When aiokafka's next fetch leaves: as soon as what the last one brought was taken. Private names of aiokafka 0.14.0.

aiokafka asks for more at once, and leaves out the partitions whose records nobody has taken yet. What follows there
waits until the others have something, or until the fetch has waited for as long as it may: at 100 records a second the
slowest of a hundred took 15 ms from their write to their deliveries, and take 6 to 9.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

TAKEN_SECONDS = 0.005  # what is not taken by then is in the way of nobody: the others are asked for without it


def fetch_when_taken(fetcher: Any, seconds: float = TAKEN_SECONDS) -> None:
    """From now on a fetch that brought records is followed by the next when they were taken, or after `seconds`."""
    fetch = fetcher._proc_fetch_request

    async def fetch_and_wait(assignment: Any, node: int, request: Any) -> Any:
        try:
            found = await fetch(assignment, node, request)
            if found:
                await _taken(fetcher, seconds)
            return found
        except asyncio.CancelledError:  # as aiokafka does when the partitions are no longer ours
            return False
        finally:
            # aiokafka does so a moment after the end. Were records taken in that moment, it would take the fetch for
            # over and the node for busy, and not ask again for 0.2 s.
            fetcher._in_flight.discard(node)

    fetcher._proc_fetch_request = fetch_and_wait


def _taken(fetcher: Any, seconds: float) -> Awaitable[Any]:
    """Tell those who wait for records, as aiokafka would at the end of the fetch, and wait until they have some."""
    for waiter in fetcher._fetch_waiters:
        fetcher._notify(waiter)
    return asyncio.wait([fetcher._wait_consume_future], timeout=seconds)
