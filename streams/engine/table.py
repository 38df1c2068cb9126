"""A faust.Table over a compacted topic that is written elsewhere.

Faust subscribes the topic, so its assignor keeps it together with the streams and its router knows which worker has a
key. Faust does not read it: the store fills itself, before the first record and ever after (view.py).
"""

from collections.abc import Iterator
from typing import Any, NoReturn

import faust
from faust.stores.base import SerializedStore
from faust.types import TP

from streams.engine.placement import belongs
from streams.engine.view import CompactedView


def read_only(table: str, topic: str) -> TypeError:
    """What every way of writing such a table through Faust raises."""
    return TypeError(f"table {table!r} is read-only: write to topic {topic!r} instead")


class ViewStore(SerializedStore):
    """Table storage that follows the assigned partitions of the table's topic."""

    def __init__(self, url: Any, app: Any, table: "CompactedTable", **kwargs: Any) -> None:
        super().__init__(url, app, table, **kwargs)
        brokers = ",".join(f"{broker.host}:{broker.port}" for broker in app.conf.broker_consumer)
        topic = table.changelog_topic_name
        self.view = CompactedView(topic, brokers, f"{app.conf.id}-{topic}-view", app.fail)

    async def on_rebalance(self, assigned: set[TP], *_: Any) -> None:
        """Start to load what was gained, drop what was lost.

        Its topics belong together: a process that holds a partition of one and not of another must not run.
        """
        shares = {topic: frozenset(tp.partition for tp in assigned if tp.topic == topic) for topic in self.app.rank}
        mine = frozenset(tp.partition for tp in assigned if tp.topic == self.view.topic)
        for topic, share in shares.items():
            if share != mine:
                odd = f"of {topic} it was given {sorted(share)}, of {self.view.topic} {sorted(mine)}"
                self.app.fail(RuntimeError(f"topics can no longer be followed together: {odd}"))
        self.view.follow(mine)

    async def on_recovery_completed(self, *_: Any) -> None:
        """Faust awaits this before it resumes the streams, and swallows what it raises."""
        await self.view.caught_up()

    async def on_stop(self) -> None:
        """End the thread."""
        await self.view.stop()

    def _get(self, key: bytes) -> bytes | None:
        for data in self.view.partitions():
            if (value := data.get(key)) is not None:
                return value
        return None

    def _contains(self, key: bytes) -> bool:
        return self._get(key) is not None

    def _size(self) -> int:
        return sum(map(len, self.view.partitions()))

    def _iteritems(self) -> Iterator[tuple[bytes, bytes]]:
        for data in self.view.partitions():
            yield from list(data.items())  # a copy: the thread writes

    def _iterkeys(self) -> Iterator[bytes]:
        return (key for key, _ in self._iteritems())

    def _itervalues(self) -> Iterator[bytes]:
        return (value for _, value in self._iteritems())

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise read_only(self.table_name, self.view.topic)

    _set = _del = _clear = update = apply_changelog_batch = _refuse
    backup_partition = restore_backup = _refuse

    def reset_state(self) -> None:
        """`faust reset`: nothing is stored on disk."""


class CompactedTable(faust.Table):
    """Read-only. In the hot path: `table.partition(tp)` once a batch, then plain dict reads."""

    def __init__(self, app: Any, *, name: str, topic: str | None = None) -> None:
        self._topic = topic or name
        super().__init__(app, name=name, key_type=bytes, value_type=bytes, beacon=app.tables.beacon)
        if not isinstance(getattr(app.tables, "_changelogs", None), dict):
            raise RuntimeError("this release of Faust keeps its tables elsewhere: pin faust-streaming 0.15.3")

    def _changelog_topic_name(self) -> str:
        return self._topic

    def _new_store(self) -> ViewStore:
        return ViewStore(
            "view://", self.app, self, table_name=self.name, options=self.options,
            key_type=self.key_type, key_serializer=self.key_serializer,
            value_type=self.value_type, value_serializer=self.value_serializer,
        )  # fmt: skip

    async def on_start(self) -> None:
        """A changelog name without a table: assigned and kept paused, but nothing for Faust to recover."""
        self.app.tables._changelogs[self._topic] = None
        await self.add_runtime_dependency(self.data)

    def partition(self, tp: TP) -> dict[bytes, bytes]:
        """Raw values of the keys that share a partition with the records of `tp`.

        Raises faust.exceptions.PartitionsMismatch when the topics differ in their number of partitions.
        """
        self._verify_source_topic_partitions(tp.topic)
        return self.data.view[tp.partition]  # type: ignore[no-any-return]

    def belongs(self, partition: int, key: bytes) -> bool:
        """Whether this key lies on the partition of this number, as murmur2 has it."""
        return belongs(key, partition, self.data.view.count)

    def size(self) -> int:
        """Keys in memory. Callable from any thread."""
        return sum(map(len, self._data.view.partitions())) if self._data else 0

    def applied(self) -> int:
        """Records read since the start: what the watchdog takes for progress of a load. Callable from any thread."""
        return self._data.view.applied if self._data else 0

    def behind(self) -> int:
        """Records that were written and are not seen here, as of the last check. Callable from any thread."""
        return self._data.view.behind if self._data else 0

    def refuse(self, *_: Any, **__: Any) -> NoReturn:
        """Every way of writing it through Faust ends here. Raises TypeError."""
        raise read_only(self.name, self._topic)

    on_key_set = on_key_del = on_clear = send_changelog = using_window = refuse
