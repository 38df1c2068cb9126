"""One connection to an SMTP relay, used for many mails.

aiosmtplib opens it (greeting, EHLO, TLS, login); then our own protocol takes the transport over, because it sends MAIL,
RCPT and DATA in one write where the relay offers PIPELINING (RFC 2920), and because it knows at every moment how far a
mail has come, which decides whether a lost connection is ambiguous.
"""

import asyncio
import errno
import ssl
from typing import cast

import aiosmtplib

from connectors.channels.patience import Patience
from connectors.channels.smtp_codes import Ending, Reply, Step
from connectors.channels.smtp_url import Relay, Tls

_LONGEST_ANSWER = 65_536
_GO_ON = 354
_GOOD = (("MAIL", (250,)), ("RCPT", (250, 251, 252)), ("DATA", (_GO_ON,)))
_CLOSING = 421


class CannotConnect(Exception):
    """There is no usable connection; `ending` says why."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(str(ending.step))
        self.ending = ending


class SmtpConnection(asyncio.Protocol):
    """Carries one mail at a time."""

    def __init__(self, transport: asyncio.Transport, extensions: frozenset[str], timeouts: tuple[float, float]) -> None:
        self._transport = transport
        self._pipelining = "pipelining" in extensions
        self._size = "size" in extensions
        self._envelope_seconds, self._content_seconds = timeouts
        self._patience = Patience(self._expire)
        self._received = b""
        self._lines: list[str] = []
        self._replies: list[Reply] = []
        self._wanted = 0
        self._content: bytes | None = None
        self._content_left = False
        self._waiter: asyncio.Future[None] | None = None
        self._lost = False
        self._in_transaction = False
        self.timed_out = False
        self.gone = asyncio.Event()

    @property
    def usable(self) -> bool:
        """Whether another mail can be tried on it, as far as is known."""
        return not self._lost and not self._transport.is_closing()

    async def carry(self, sender: str, recipient: str, content: bytes) -> Ending:
        """Hand over one mail; the addresses are checked, the content has CRLF lines. Cancelled: do not use it again."""
        size = f" SIZE={len(content)}" if self._size else ""
        commands = [f"MAIL FROM:<{sender}>{size}\r\n".encode(), f"RCPT TO:<{recipient}>\r\n".encode(), b"DATA\r\n"]
        stuffed = _dot_stuffed(content)
        if self._pipelining and not self._in_transaction:
            return await self._at_once(commands, stuffed)
        failed = await self._envelope(commands)
        if failed is not None:
            return failed
        return self._ended(*await self._say(stuffed, 1, self._content_seconds))

    async def _at_once(self, commands: list[bytes], content: bytes) -> Ending:
        """The content leaves the moment the envelope is accepted, without a turn of the loop."""
        self._in_transaction, self._content = True, content
        replies, silence = await self._say(b"".join(commands), len(commands), self._envelope_seconds)
        content_left, self._content = self._content is None, None
        if content_left:
            return self._ended(replies[len(commands) :], silence)
        for reply, (command, good) in zip(replies, _GOOD, strict=False):
            if reply.code not in good:
                return self._refused(reply, command, replies[-1])
        return Ending(Step.ENVELOPE, None, silence)

    def _ended(self, answers: list[Reply], silence: str) -> Ending:
        """`answers`: what came after the content."""
        if not answers:
            return Ending(Step.CONTENT, None, silence)
        self._in_transaction = False
        self._note(answers[0])
        return Ending(Step.CONTENT, answers[0])

    def _refused(self, reply: Reply, command: str, last: Reply) -> Ending:
        self._note(reply)
        if last.code == _GO_ON:  # it waits for a mail that nobody may get
            self.abort()
        return Ending(Step.ENVELOPE, reply, about_recipient=command == "RCPT")

    async def _envelope(self, commands: list[bytes]) -> Ending | None:
        good: list[tuple[str, tuple[int, ...]]] = [*_GOOD]
        reset = self._in_transaction  # an earlier mail was refused halfway
        if reset:
            commands, good = [b"RSET\r\n", *commands], [("RSET", (250,)), *good]
        self._in_transaction = True
        batches = [commands] if self._pipelining else [[command] for command in commands]
        expected = iter(good)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._envelope_seconds
        for batch in batches:
            replies, silence = await self._say(b"".join(batch), len(batch), until - loop.time())
            for reply in replies:
                command, codes = next(expected)
                if reply.code not in codes:
                    if reset:  # this answer is about the connection, not about the mail
                        self.abort()
                        return Ending(Step.ENVELOPE)
                    return self._refused(reply, command, replies[-1])
                reset = False
            if len(replies) < len(batch):
                return Ending(Step.ENVELOPE, None, silence)
        return None

    async def _say(self, data: bytes, replies: int, seconds: float) -> tuple[list[Reply], str]:
        """Send, and wait for so many answers. Fewer come back when the line goes dead; the text says how."""
        if not self.usable:
            return [], "the connection was lost"
        self._replies, self._wanted = [], replies
        self._waiter = asyncio.get_running_loop().create_future()
        self._patience.begin(seconds)
        try:
            self._transport.write(data)
            await self._waiter
        finally:
            self._patience.end()
            self._waiter, self._wanted = None, 0
        return self._replies, "no answer in time" if self.timed_out else "the connection was lost"

    def _expire(self) -> None:
        self.timed_out = True
        self.abort()

    def _note(self, reply: Reply) -> None:
        if reply.code == _CLOSING:
            self.abort()

    def data_received(self, data: bytes) -> None:
        *lines, self._received = (self._received + data).split(b"\n")
        self._content_left = False
        for line in lines:
            self._line(line.rstrip(b"\r").decode("utf-8", "replace"))
        if len(self._received) + sum(map(len, self._lines)) > _LONGEST_ANSWER:
            self.abort()

    def _line(self, line: str) -> None:
        code = line[:3]
        if not (code.isascii() and code.isdigit()) or len(self._replies) >= self._wanted or self._content_left:
            self.abort()  # not SMTP, or an answer to nothing: what comes next cannot be told apart
            return
        self._lines.append(line[4:].strip())
        if line[3:4] != "-":
            self._replies.append(Reply(int(code), "\n".join(self._lines)))
            self._lines = []
            if len(self._replies) == self._wanted:
                self._all_answered()

    def _all_answered(self) -> None:
        accepted = all(reply.code in good for reply, (_, good) in zip(self._replies, _GOOD, strict=False))
        if self._content is None or not accepted:
            self._wake()
            return
        self._transport.write(self._content)
        self._content, self._content_left = None, True  # an answer that came before it left is not an answer to it
        self._wanted += 1
        self._patience.begin(self._content_seconds)

    def eof_received(self) -> bool:
        self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._patience.stop()
        self.gone.set()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def abort(self) -> None:
        """Close at once."""
        self._lost = True
        self._transport.abort()
        self._wake()

    def close(self) -> None:
        """Take leave politely; what was sent is flushed."""
        if self.usable and not self._in_transaction:
            self._transport.write(b"QUIT\r\n")
        self._lost = True
        self._transport.close()


async def connect(relay: Relay, hello: str, timeouts: tuple[float, float, float]) -> SmtpConnection:
    """Open one. `timeouts`: seconds to connect, for the envelope, for the content. Raises CannotConnect."""
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        use_tls=relay.tls is Tls.FROM_START,
        start_tls={Tls.REQUIRED: True, Tls.IF_OFFERED: None}.get(relay.tls, False),
        username=relay.user,
        password=relay.password,
        local_hostname=hello,
        timeout=timeouts[0],
    )
    try:
        async with asyncio.timeout(timeouts[0]):
            await client.connect()
            if client.last_ehlo_response is None:
                await client.ehlo()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise CannotConnect(_why(error)) from None
    except BaseException:
        client.close()
        raise
    transport = cast(asyncio.Transport, client.transport)
    connection = SmtpConnection(transport, frozenset(map(str.lower, client.esmtp_extensions)), timeouts[1:])
    transport.set_protocol(connection)
    return connection


def _why(error: Exception) -> Ending:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Ending(Step.CONNECT, Reply(error.code, error.message))
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    number = (cause.errno or 0) if isinstance(cause, OSError) else 0
    if isinstance(error, TimeoutError):
        said = "no answer in time"
    elif isinstance(cause, ssl.SSLError):
        said = "TLS could not be started: the relay's certificate or protocol does not fit"
    elif number in errno.errorcode:
        said = f"no connection to the relay ({errno.errorcode[number]})"
    elif isinstance(error, aiosmtplib.SMTPException) and not isinstance(error, OSError):
        said = "the relay does not offer the STARTTLS or login that the SMTP URL asks for"
    else:
        said = "no connection to the relay"
    return Ending(Step.CONNECT, None, said)


def _dot_stuffed(content: bytes) -> bytes:
    """As DATA wants it (RFC 5321, 4.5.2): a dot at the begin of a line doubled, a dot alone at the end."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return b"%s%s.\r\n" % (b"." if stuffed.startswith(b".") else b"", stuffed)
