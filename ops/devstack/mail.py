"""A mail catcher: SMTP in, a web page and a JSON API out. It lives inside the supervisor and sends nothing on.

To try failures, the local part of a recipient says what happens to it:

    reject...@   550 5.1.1, the address does not exist (permanent)
    defer...@    451 4.7.1, try again later (transient)

Every other address is taken. Connections may carry any number of mails, with pipelining.
"""

import asyncio
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ops.devstack.child import Child, Site
from ops.devstack.local_web import serve
from ops.devstack.mail_site import MailSite
from ops.devstack.mail_store import MailStore
from ops.devstack.ports import LOOPBACK, number_of

ANSWERS = {
    "reject": "550 5.1.1 no such address here (it begins with `reject`)",
    "defer": "451 4.7.1 come back later (it begins with `defer`)",
}
LARGEST_MAIL = 50 * 1024 * 1024
EXTENSIONS = ("250-PIPELINING",)


def answer_to(recipient: str) -> str:
    """What the server says to `RCPT TO` of this address."""
    local = recipient.rpartition("@")[0].lower()
    return next((text for start, text in ANSWERS.items() if local.startswith(start)), "250 2.1.5 taken")


class Reception:
    """What happens at each SMTP command; the method names are aiosmtpd's."""

    def __init__(self, store: MailStore) -> None:
        self.store = store

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer what the server does anyway: commands sent ahead of our answers."""
        session.host_name = hostname
        return [*responses[:1], *EXTENSIONS, *responses[1:]]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Take a recipient, or fail as its local part asks."""
        answer = answer_to(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep the mail."""
        caught = self.store.add(envelope.mail_from or "<>", envelope.rcpt_tos, envelope.content, datetime.now(UTC))
        return f"250 2.0.0 caught as {caught.id}"


class Mail:
    """The catcher as a service of the stack; two ports: SMTP and HTTP."""

    ports_needed = 2

    def __init__(self, site: Site) -> None:
        self.site, self.folder = site, site.data / "mail"
        self.child: Child | None = None
        self.smtp: asyncio.Server | None = None
        self.web: web.AppRunner | None = None

    async def up(self, ports: Sequence[socket.socket]) -> dict[str, str]:
        """Listen on both ports; mails of earlier runs are there again."""
        from aiosmtpd.smtp import SMTP

        store = MailStore(self.folder)
        reception, loop = Reception(store), asyncio.get_running_loop()

        def connection() -> Any:
            return SMTP(
                reception, enable_SMTPUTF8=True, hostname="localhost", ident="tidings", data_size_limit=LARGEST_MAIL
            )

        self.smtp = await loop.create_server(connection, sock=ports[0])
        self.web = await serve(MailSite(store).routes(), ports[1])
        smtp, http = map(number_of, ports)
        return {"smtp_url": f"smtp://{LOOPBACK}:{smtp}", "mail_url": f"http://{LOOPBACK}:{http}/"}

    async def stop(self) -> None:
        """Close both ports."""
        if self.smtp:
            self.smtp.close()
        if self.web:
            await self.web.cleanup()
