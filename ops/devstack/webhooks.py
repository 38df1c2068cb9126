"""A webhook receiver to try deliveries against. It lives inside the supervisor.

    POST   /hook/NAME           records the request and answers 200, or as NAME says:
             fail-2-...         503 twice for each `webhook-id` header, then 200
             gone, gone-...     410
             hang, hang-...     no answer until the client leaves or the name is released
    PUT    /script/NAME         {"answers": [503, 503, 200], "delay_ms": 0, "headers": {"Retry-After": "1"}}: the
                                answers to come; 200 when they are used up. A script comes before the name's meaning
    POST   /release/NAME        answers what hangs under this name
    GET    /api/received        as they came: name, at, status (null: not answered), headers, body;
                                ?name=NAME only those, ?limit=N the last ones
    DELETE /api/received        forgets what came, and all scripts
    GET    /                    a page of the same
    /sms/..., /api/sms          takes SMS (sms_site.py)

The last 50,000 requests are kept, in memory only.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from aiohttp import web

from ops.devstack.child import Child, Site
from ops.devstack.local_web import number, page, serve
from ops.devstack.ports import LOOPBACK, number_of
from ops.devstack.sms_site import SmsSite
from ops.devstack.webhook_answers import Answer, Answers, Script

KEPT = 50_000
PAGE = Path(__file__).with_name("webhook_page.html")


@dataclass(slots=True)
class Received:
    """One request; `status` is None until it is answered, and stays so when the client left before."""

    name: str
    at: str
    status: int | None
    headers: dict[str, str]
    body: str


class Webhooks:
    """The receiver as a service of the stack; one port."""

    ports_needed = 1

    def __init__(self, site: Site) -> None:
        self.child: Child | None = None
        self.answers, self.received = Answers(), deque[Received](maxlen=KEPT)
        self.held: dict[str, asyncio.Event] = {}
        self.sms = SmsSite()
        self.web: web.AppRunner | None = None

    async def up(self, ports: Sequence[socket.socket]) -> dict[str, str]:
        """Listen."""
        self.web = await serve(self.routes(), ports[0])
        return {"webhooks_url": f"http://{LOOPBACK}:{number_of(ports[0])}/"}

    async def stop(self) -> None:
        """Release what hangs and close the port."""
        for event in self.held.values():
            event.set()
        if self.web:
            await self.web.cleanup()

    def routes(self) -> list[web.RouteDef]:
        """All addresses of the site."""
        return [
            web.get("/", self.show_page),
            web.post("/hook/{name}", self.take),
            web.put("/script/{name}", self.set_script),
            web.post("/release/{name}", self.release),
            web.get("/api/received", self.list_received),
            web.delete("/api/received", self.forget),
            *self.sms.routes(),
        ]

    async def show_page(self, request: web.Request) -> web.Response:
        """The page for people."""
        return page(PAGE)

    async def take(self, request: web.Request) -> web.Response:
        """Record one request and answer it."""
        name, headers = request.match_info["name"], {key.lower(): value for key, value in request.headers.items()}
        body = (await request.read()).decode(errors="replace")
        record = Received(name, datetime.now(UTC).isoformat(), None, headers, body)
        self.received.append(record)
        answer = self.answers.next_answer(name, headers.get("webhook-id", ""))
        await self._wait(name, answer)
        record.status = answer.status
        return web.Response(status=answer.status, headers=answer.headers)

    async def set_script(self, request: web.Request) -> web.Response:
        """Set the answers to come."""
        try:
            script = msgspec.json.decode(await request.read(), type=Script)
        except msgspec.ValidationError as problem:
            raise web.HTTPBadRequest(text=f"{problem}\n") from problem
        self.answers.set_script(request.match_info["name"], script)
        return web.Response(status=204)

    async def release(self, request: web.Request) -> web.Response:
        """Answer what hangs."""
        if event := self.held.pop(request.match_info["name"], None):
            event.set()
        return web.Response(status=204)

    async def list_received(self, request: web.Request) -> web.Response:
        """What came."""
        name, limit = request.query.get("name"), number(request.query, "limit", KEPT)
        found = [each for each in self.received if name is None or each.name == name]
        return web.json_response(
            [asdict(each) for each in found[max(0, len(found) - limit) :]], headers={"X-Total": str(len(found))}
        )

    async def forget(self, request: web.Request) -> web.Response:
        """Start anew."""
        self.received.clear()
        self.answers.clear()
        return web.Response(status=204)

    async def _wait(self, name: str, answer: Answer) -> None:
        if answer.delay_ms:
            await asyncio.sleep(answer.delay_ms / 1000)
        if answer.held:
            await self.held.setdefault(name, asyncio.Event()).wait()
