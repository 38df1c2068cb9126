"""A server we stand on does not answer."""


class Unavailable(Exception):
    """A server is away or too slow: wait and try again. `service` is Kafka, PostgreSQL or Redis."""

    def __init__(self, service: str, reason: str = "") -> None:
        super().__init__(f"{service} is unavailable{f': {reason}' if reason else ''}")
        self.service = service
        self.reason = reason
