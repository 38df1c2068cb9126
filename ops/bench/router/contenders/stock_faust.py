"""What the two programs on ordinary Faust share. Preferences are a plain dict, read once: faster than a Faust table."""

import asyncio
import logging
import tempfile
from collections.abc import Mapping
from typing import Any

import faust

from ops.bench.router.contenders.plain_rule import PlainRule
from ops.bench.router.data import catalogue
from ops.bench.router.ground import outputs_of
from ops.bench.router.order import Order
from ops.bench.router.reading import latest_of


class StockFaust:
    """An app, its source, and its outputs by topic name; bytes go in and out as they are."""

    def __init__(self, order: Order, settings: Mapping[str, Any]) -> None:
        servers, topics = order.bootstrap_servers, order.topics
        self.rule = PlainRule(catalogue(order.types), latest_of(servers, topics.preferences), topics)
        self.app = faust.App(
            order.group,
            broker=[f"kafka://{server}" for server in servers.split(",")],
            consumer_auto_offset_reset="earliest",
            topic_allow_declare=False,  # ours exist
            topic_disable_leader=True,
            autodiscover=False,
            web_enabled=False,
            datadir=tempfile.gettempdir(),
            **settings,
        )
        self.source = self._topic(*topics.notifications.values())
        self.to = {name: self._topic(name) for name in outputs_of(topics)}

    async def live(self) -> None:
        """For ever."""
        logging.basicConfig(level=logging.WARNING)
        await self.app.start()
        await asyncio.Event().wait()

    def _topic(self, *names: str) -> Any:
        return self.app.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
