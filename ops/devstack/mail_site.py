"""The web page and the JSON API of the mail catcher.

    GET    /                            the page to read mail in
    GET    /api/messages                newest first: id, from, to, subject, text, received_at
                                        ?to=ADDRESS only to this recipient, ?after=ID only later ones, ?limit=N
    GET    /api/messages/ID             the same, and html, headers, attachments
    GET    /api/messages/ID/html        the HTML part as a page that can run and load no script
    GET    /api/messages/ID/source      the bytes as they came
    DELETE /api/messages                forget all

The header X-Total of the list is the number of mails kept; its ETag changes with every mail.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from aiohttp import web

from ops.devstack.local_web import number, page
from ops.devstack.mail_reading import Reading, read_mail
from ops.devstack.mail_store import Caught, MailStore

PAGE = Path(__file__).with_name("mail_page.html")
READINGS_KEPT = 20_000
MAILS_BETWEEN_PAUSES = 50
MAIL_POLICY = "sandbox allow-popups allow-popups-to-escape-sandbox; script-src 'none'; object-src 'none'"


class MailSite:
    """The site over one store."""

    def __init__(self, store: MailStore) -> None:
        self.store = store
        self._read = lru_cache(READINGS_KEPT)(lambda id: read_mail(store.source(id)))

    def routes(self) -> list[web.RouteDef]:
        """All addresses of the site."""
        return [
            web.get("/", self.show_page),
            web.get("/api/messages", self.list_messages),
            web.delete("/api/messages", self.forget),
            web.get("/api/messages/{id}", self.show),
            web.get("/api/messages/{id}/html", self.show_html),
            web.get("/api/messages/{id}/source", self.show_source),
        ]

    async def show_page(self, request: web.Request) -> web.Response:
        """The page for people."""
        return page(PAGE)

    async def list_messages(self, request: web.Request) -> web.Response:
        """The list. Mails are parsed here, with pauses: SMTP goes on meanwhile."""
        tag = f'"{self.store.changes}"'
        headers = {"X-Total": str(len(self.store)), "ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        listed = []
        for place, caught in enumerate(self._chosen(request.query), 1):
            listed.append(self._summary(caught, self._read(caught.id)))
            if place % MAILS_BETWEEN_PAUSES == 0:
                await asyncio.sleep(0)
        return web.json_response(listed, headers=headers)

    async def show(self, request: web.Request) -> web.Response:
        """One mail, all of it."""
        caught, reading = self._asked(request)
        whole = {"html": reading.html, "headers": reading.headers}
        parts = [{"name": part.name, "type": part.type, "size": part.size} for part in reading.attachments]
        return web.json_response({**self._summary(caught, reading), **whole, "attachments": parts})

    async def show_html(self, request: web.Request) -> web.Response:
        """The HTML part. Links open in a new tab; it has no rights on this site."""
        _, reading = self._asked(request)
        body = f'<base target="_blank">{reading.html}'
        return web.Response(text=body, content_type="text/html", headers={"Content-Security-Policy": MAIL_POLICY})

    async def show_source(self, request: web.Request) -> web.Response:
        """The bytes as they came."""
        caught, _ = self._asked(request)
        return web.Response(body=self.store.source(caught.id), content_type="text/plain", charset="utf-8")

    async def forget(self, request: web.Request) -> web.Response:
        """Forget all mails."""
        self.store.clear()
        return web.Response(status=204)

    def _chosen(self, query: Mapping[str, str]) -> list[Caught]:
        to, after, limit = query.get("to"), number(query, "after", 0), number(query, "limit", len(self.store))
        found = (
            caught
            for caught in self.store.newest_first()
            if (to is None or to in caught.recipients) and int(caught.id) > after
        )
        return list(islice(found, limit))

    def _asked(self, request: web.Request) -> tuple[Caught, Reading]:
        if (caught := self.store.get(request.match_info["id"])) is None:
            raise web.HTTPNotFound(text="no such message\n")
        return caught, self._read(caught.id)

    @staticmethod
    def _summary(caught: Caught, reading: Reading) -> dict[str, Any]:
        return {
            "id": caught.id,
            "from": caught.sender,
            "to": list(caught.recipients),
            "subject": reading.subject,
            "text": reading.text,
            "received_at": caught.received_at.isoformat(),
        }
