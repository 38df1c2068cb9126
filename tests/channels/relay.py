"""SMTP relays on loopback that do as a test tells them."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True, slots=True)
class Caught:
    """One mail the relay took."""

    sender: str
    recipients: Sequence[str]
    content: bytes


@dataclass
class Behaviour:
    """What the relay does at a step (MAIL, RCPT, DATA): an answer, or nothing at all, or it hangs up."""

    answers: dict[str, str] = field(default_factory=dict)
    hangs_at: str | None = None
    drops_at: str | None = None
    slow: float = 0


class Relay:
    """aiosmtpd with a script. `async with Relay() as relay: ... relay.url`; `behaviour` may change while it runs."""

    def __init__(
        self,
        pipelining: bool = False,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        tls_from_start: bool = False,
    ) -> None:
        self.behaviour = Behaviour()
        self.mails: list[Caught] = []
        self.connections = 0
        self.open = 0
        self.commands: list[str] = []
        self.logins: list[tuple[str, str]] = []
        self.encrypted: list[bool] = []
        self._pipelining = pipelining
        self._login = login
        self._tls = tls
        self._tls_from_start = tls_from_start
        self._hanging = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        context = self._tls if self._tls_from_start else None
        self._server = await loop.create_server(self._protocol, "127.0.0.1", 0, ssl=context)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hanging.set()
        self._server.close()
        await self._server.wait_closed()
        async with asyncio.timeout(5):
            while self.open:
                await asyncio.sleep(0.005)

    def _protocol(self) -> "_Counted":
        return _Counted(
            self,
            hostname="relay.example",
            authenticator=self._authenticate if self._login else None,
            auth_require_tls=False,
            tls_context=None if self._tls_from_start else self._tls,
        )

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, way: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == self._login, handled=False)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if self._pipelining:
            responses.insert(len(responses) - 1, "250-PIPELINING")
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(f"MAIL {address} {' '.join(options)}")
        answer = await self._act("MAIL", server)
        if answer is None:
            envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(f"RCPT {address}")
        answer = await self._act("RCPT", server)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        answer = await self._act("DATA", server)
        if answer is None:
            self.mails.append(Caught(str(envelope.mail_from), [*envelope.rcpt_tos], envelope.original_content or b""))
        return answer or f"250 2.0.0 Ok: queued as Q{len(self.mails)}"

    async def _act(self, step: str, server: Any) -> str | None:
        await asyncio.sleep(self.behaviour.slow)
        if self.behaviour.hangs_at == step:
            await self._hanging.wait()
        if self.behaviour.drops_at == step:
            server.transport.abort()
            await asyncio.Event().wait()  # until the lost connection cancels it
        return self.behaviour.answers.get(step)


class _Counted(SMTP):  # type: ignore[misc]
    def __init__(self, relay: Relay, **given: Any) -> None:
        super().__init__(relay, **given)
        self._relay = relay
        self._counted = False

    def connection_made(self, transport: Any) -> None:
        if not self._counted:  # it is called again when TLS starts
            self._counted = True
            self._relay.connections += 1
            self._relay.open += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._relay.open -= 1
        super().connection_lost(error)


class Scripted:
    """A relay that says exactly these answers, one list a connection: each after one line from us (the first at once).

    An empty answer: it says nothing. None: it hangs up, as it does after the last answer of a connection. After the
    last connection it takes no more.
    """

    def __init__(self, *connections: Sequence[str | None]) -> None:
        self._connections = [*connections]
        self.heard: list[list[str]] = []
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard: list[str] = []
        self.heard.append(heard)
        script = self._connections.pop(0) if self._connections else []
        try:
            for answer in script:
                if answer is None:
                    break
                writer.write(answer.encode() + b"\r\n" if answer else b"")
                if not await _hear(reader, heard, until_dot=answer.startswith("354")):
                    break
        finally:
            writer.transport.abort()


async def _hear(reader: asyncio.StreamReader, heard: list[str], until_dot: bool) -> bool:
    """One line, or those of a mail; False: we hung up."""
    while raw := await reader.readline():
        heard.append(raw.decode().rstrip("\r\n"))
        if not until_dot or heard[-1] == ".":
            return True
    return False
