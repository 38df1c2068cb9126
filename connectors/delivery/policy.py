"""How one sender works, as plain frozen values. What happened is kept elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.delivery.read_ahead import Bounds
from schemas import topics
from streams.domain.breaker import BreakerPolicy
from streams.domain.notification import Channel, Priority
from streams.domain.rate_limit import RateLimits
from streams.domain.retry_schedule import RetrySchedule

ClientConfig = Mapping[str, str | int | float | bool]

PRIORITIES = tuple(Priority)  # a lane's priority as a number is its place here


@dataclass(frozen=True, slots=True)
class SenderPolicy:
    """One sender of one channel.

    instance         stable over restarts and unique among the senders of this channel (static group membership)
    slots            deliveries between claim and outcome; calls that hang do not count, as long as they are no more
                     than these
    at_once          provider calls side by side; what else is in a slot waits for its call, and what is urgent does
                     not wait behind it. None: as many as there are slots
    session_timeout  after this silence Kafka gives the partitions away; a loop that stood still half as long exits
    commit_every     between two commits, and the longest wait of the poll thread for a record
    drain            how long what is in flight may take to finish when partitions are given up or the sender stops
    stalled_after    without a sign of life from a thread for so long `Sender.alive` is False; longer than `drain`
    call_at_most     a provider call that took so long has failed; above what any provider allows itself
    batch            deliveries claimed and looked up at once
    hand_over        records that cross to the loop at once, of what is urgent at most `poll_thread.AT_ONCE`; nothing
                     else runs there meanwhile, for some 0.2 ms
    ahead            so many runnable lanes of a priority that may wait are enough: no more is read
    recipient_at_once  deliveries of one recipient side by side that keep no order; those that do are one a lane
    breaker          when calls to a provider stop; None: never (a channel whose failures are those of its addresses)
    limits           how often a provider may be called, a tenant and a recipient be told
    consumer, producer   librdkafka settings that win over ours
    """

    bootstrap_servers: str
    channel: Channel
    schedule: RetrySchedule
    instance: str
    slots: int = 256
    at_once: int | None = None
    session_timeout: timedelta = timedelta(seconds=10)
    commit_every: timedelta = timedelta(milliseconds=100)
    drain: timedelta = timedelta(seconds=5)
    stalled_after: timedelta = timedelta(seconds=60)
    call_at_most: timedelta = timedelta(minutes=2)
    batch: int = 500
    hand_over: int = 250
    ahead: int = 256
    bounds: Bounds = field(default_factory=Bounds)
    recipient_at_once: int = 16
    breaker: BreakerPolicy | None = field(default_factory=BreakerPolicy)
    limits: RateLimits = field(default_factory=RateLimits)
    consumer: ClientConfig = field(default_factory=dict)
    producer: ClientConfig = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The consumer group, and the word for this process in metrics and logs."""
        return topics.sender_name(self.channel)

    @property
    def topics(self) -> tuple[str, ...]:
        """By source: the main topics by priority, then the retry topics by tier."""
        return (
            *(topics.deliveries(self.channel, priority) for priority in PRIORITIES),
            *(topics.retry(self.channel, delay) for delay in self.schedule.tiers),
        )

    @property
    def urgent_sources(self) -> tuple[int, ...]:
        """Read by the member of the group itself: high, and the retry topics."""
        return (0, *range(len(PRIORITIES), len(self.topics)))

    @property
    def frozen_after(self) -> timedelta:
        """A loop that stood still so long may have lost its partitions without knowing."""
        return self.session_timeout / 2
