"""The API over fakes, behind a real uvicorn on a free loopback port, and a client that speaks to it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import aiohttp
import uuid_utils
import uvicorn
from starlette.types import ASGIApp

from connectors.http.app import create_api
from connectors.http.ports import Parts
from connectors.memory.accepted import AcceptedInMemory
from connectors.memory.api_keys import ApiKeysInMemory
from connectors.memory.dead_letters import DeadLettersInMemory
from connectors.memory.notifications import NotificationsInMemory
from connectors.memory.publisher import PublisherInMemory
from connectors.memory.recipients import RecipientsInMemory, RecipientStoreInMemory
from schemas.codec import Codec
from streams.domain.catalogue import Catalogue, Category, NotificationType, Template
from streams.domain.notification import Channel, Priority

NOW = 1_800_000_000_000
CODEC = Codec()

_SHIPPING = Category("shipping", "Orders")
_SECURITY = Category("security", "Security", required=True)
_MARKETING = Category("marketing", "News", commercial=True)
BOTH = (Channel.EMAIL, Channel.WEBHOOK)
CATALOGUE = Catalogue(
    "v1",
    {
        "order.shipped": NotificationType("order.shipped", "Shipped", _SHIPPING, BOTH),
        "password.reset": NotificationType(
            "password.reset",
            "Reset",
            _SECURITY,
            (Channel.EMAIL,),
            Priority.HIGH,
            templates={Channel.EMAIL: Template({})},
        ),
        "newsletter": NotificationType("newsletter", "News", _MARKETING, (Channel.EMAIL,), Priority.LOW),
    },
)


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is the decoded JSON, None when there is none."""

    status: int
    body: Any
    headers: dict[str, str]
    text: str

    @property
    def fields(self) -> set[str]:
        """The fields a problem names."""
        return {each["field"] for each in self.body.get("errors", ())}


class World:
    """The fakes under the API, and a client with a good key."""

    def __init__(self) -> None:
        self.publisher = PublisherInMemory()
        self.store = RecipientStoreInMemory()
        self.cache = RecipientsInMemory(self.store.load)
        self.accepted = AcceptedInMemory()
        self.notifications = NotificationsInMemory()
        self.dead_letters = DeadLettersInMemory()
        self.keys = ApiKeysInMemory()
        self.key = self.keys.create()
        self.url = ""
        self.session: aiohttp.ClientSession | None = None

    def parts(self) -> Parts:
        return Parts(
            publisher=self.publisher,
            recipients=self.store,
            cache=self.cache,
            accepted=self.accepted,
            notifications=self.notifications,
            dead_letters=self.dead_letters,
            api_keys=self.keys,
            catalogue=CATALOGUE,
            codec=CODEC,
            now=lambda: NOW,
            new_id=lambda: str(uuid_utils.uuid7()),
        )

    def database_away(self, away: bool = True) -> None:
        for part in (self.store, self.notifications, self.dead_letters, self.keys):
            part.away = away

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.call("GET", path, **more)

    async def put(self, path: str, json: Any) -> Reply:
        return await self.call("PUT", path, json=json)

    async def post(self, path: str, json: Any = None, **more: Any) -> Reply:
        return await self.call("POST", path, json=json, **more)

    async def call(self, method: str, path: str, **more: Any) -> Reply:
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        assert self.session is not None
        async with self.session.request(method, f"{self.url}{path}", headers=headers, **more) as response:
            text = await response.text()
            is_json = (
                response.headers.get("content-type", "").endswith("json") and "ndjson" not in response.content_type
            )
            low = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, await response.json(content_type=None) if is_json else None, low, text)

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator["World"]:
        async with serving(create_api(replace(self.parts(), **changes))) as url, aiohttp.ClientSession() as session:
            self.url, self.session = url, session
            yield self


@asynccontextmanager
async def serving(app: ASGIApp, lifespan: Literal["on", "off"] = "on") -> AsyncIterator[str]:
    """The address of a server that answers as long as the block runs."""
    # TCP by name: else asyncio does not turn Nagle's algorithm off, and each answer takes 40 ms
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan=lifespan, ws="none", log_config=None, access_log=False))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            assert not task.done(), "the server did not start"
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
