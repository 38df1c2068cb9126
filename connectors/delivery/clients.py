"""The settings of the sender's Kafka clients. Each value that is not librdkafka's default has its reason here."""

import logging
from typing import Any

from connectors.delivery.policy import SenderPolicy
from schemas.topics import LARGEST_RECORD

_log = logging.getLogger("kafka")

# A fetch that waits is answered as soon as anything comes, but a partition that is resumed meanwhile is asked for in
# the next one only. So one busy partition among idle ones stands still so long at each resumption (Bounds).
_FETCH_WAIT_MS = 100


def _common(policy: SenderPolicy, part: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": policy.bootstrap_servers,
        "client.id": f"{policy.name}-{part}",
        "logger": _log,
        "error_cb": lambda error: _log.debug("%s %s", part, error.str()),  # logged already; unset, poll would return it
        "broker.address.family": "any",
        "topic.metadata.refresh.interval.ms": 60_000,
    }


def consumer_config(policy: SenderPolicy) -> dict[str, Any]:
    """The member of the group. `range`: who owns a partition owns it on every topic, and with it the parked lanes."""
    session_ms = int(policy.session_timeout.total_seconds() * 1000)
    return _common(policy, "consumer") | {
        "group.id": policy.name,
        "group.instance.id": f"{policy.name}-{policy.instance}",  # a restart within the session moves nothing
        "partition.assignment.strategy": "range",
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": min(3_000, session_ms // 4),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",  # on_assign names every start; anything else would skip or repeat silently
        "fetch.wait.max.ms": _FETCH_WAIT_MS,
        "fetch.queue.backoff.ms": 50,
        # all its partitions share one queue, so these are for all together; a pause throws away what it holds of one
        "queued.min.messages": 1_000,
        "queued.max.messages.kbytes": 8_192,
        # a fetch is unpacked as a whole, however full the queue is: 350 MiB when many wait in all retry partitions
        "fetch.max.bytes": 4 * 1024 * 1024,
        "max.partition.fetch.bytes": 512 * 1024,
        **policy.consumer,
    }


def reader_config(policy: SenderPolicy, source: int) -> dict[str, Any]:
    """Reads one main topic outside the group. What the loop does not want yet waits in its queue, which is small."""
    return _common(policy, f"reader-{source}") | {
        "group.id": f"{policy.name}-read",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": _FETCH_WAIT_MS,
        "fetch.queue.backoff.ms": 20,
        "queued.min.messages": 1_000,
        "queued.max.messages.kbytes": 8_192,
        **policy.consumer,
    }


def scanner_config(policy: SenderPolicy) -> dict[str, Any]:
    """Reads the retry partitions ahead, outside the group."""
    return _common(policy, "scanner") | {
        "group.id": f"{policy.name}-scan",
        "enable.auto.commit": False,
        "enable.partition.eof": True,  # the only sure sign that a partition was read to its end
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 10,
        # of a million records 64 MB would be fetched ahead, and again as much a fetch: 600 MiB that are not given back
        "queued.max.messages.kbytes": 8_192,
        "fetch.queue.backoff.ms": 5,
        "fetch.max.bytes": 4 * 1024 * 1024,
        "max.partition.fetch.bytes": 512 * 1024,
    }


def producer_config(policy: SenderPolicy) -> dict[str, Any]:
    """Statuses, retries and dead letters: confirmed by all replicas, in order, to the recipient's own partition."""
    return _common(policy, "producer") | {
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "message.max.bytes": LARGEST_RECORD,
        # nobody but a drain waits for a status: the lane has gone on, offsets are committed every 100 ms. The client
        # wakes up for each partition so often (a delivery at 20, 40 and 60 ms, in turns: 26.7, 25.0 and 24.2 us)
        "linger.ms": 50,
        "compression.type": "lz4",
        **policy.producer,
    }


def admin_config(policy: SenderPolicy) -> dict[str, Any]:
    return _common(policy, "admin")
