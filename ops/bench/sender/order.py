"""What a measured process is told, as one argument of its command line."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from streams.domain.notification import Channel


@dataclass(frozen=True, slots=True)
class Order:
    """Where the servers and the sink are, the name of this run (consumer group, table, queue), the cores to stay on.

    `messages`: how many a job queue is given before it starts; the others read what is in Kafka.
    """

    bootstrap_servers: str
    postgres_dsn: str
    redis_url: str
    channel: Channel
    name: str
    smtp_port: int
    url: str
    cores: tuple[int, ...] = ()
    messages: tuple[int, int] = (0, 0)

    def as_argument(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, text: str) -> Self:
        given = json.loads(text)
        made = {"channel": Channel(given["channel"]), "cores": tuple(given["cores"])}
        return cls(**{**given, **made, "messages": tuple(given["messages"])})
