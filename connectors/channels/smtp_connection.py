"""One connection to an SMTP relay, used for many mails.

aiosmtplib opens it (greeting, EHLO, TLS, login); then our own protocol takes the transport over, because it sends MAIL,
RCPT and DATA in one write where the relay offers PIPELINING (RFC 2920), and because it knows at every moment how far a
mail has come, which decides whether a lost connection is ambiguous.
"""

import asyncio
import errno
import re
import ssl
from collections.abc import Callable, Sequence
from typing import cast

import aiosmtplib

from connectors.channels.patience import Patience
from connectors.channels.smtp_codes import Ending, Reply, Step
from connectors.channels.smtp_url import Relay, Tls

_LONGEST_ANSWER = 65_536
_GO_ON = 354
_GOOD = (("MAIL", (250,)), ("RCPT", (250, 251, 252)), ("DATA", (_GO_ON,)))
_RESET = ("RSET", (250,))
_CLOSING = 421

# What nearly every answer looks like, when all of it comes at once. Anything else is read line by line.
_ENVELOPE_TAKEN = re.compile(rb"250(?!-)[^\n]*\n25[012](?!-)[^\n]*\n354(?!-)[^\n]*\n").fullmatch
_ONE_ANSWER = re.compile(rb"([0-9]{3})(?!-)([^\n]*)\n").fullmatch


class CannotConnect(Exception):
    """There is no usable connection; `ending` says why."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(str(ending.step))
        self.ending = ending


class SmtpConnection(asyncio.Protocol):
    """Carries one mail at a time."""

    def __init__(self, transport: asyncio.Transport, extensions: frozenset[str], timeouts: tuple[float, float]) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pipelining = "pipelining" in extensions
        self._size = "size" in extensions
        self._envelope_seconds, self._content_seconds = timeouts
        self._patience = Patience(self._expire)
        self._received = b""
        self._lines: list[str] = []
        self._replies: list[Reply] = []
        self._expected: Sequence[tuple[str, tuple[int, ...]]] = ()
        self._batches: list[tuple[bytes, Sequence[tuple[str, tuple[int, ...]]]]] = []
        self._content = b""
        self._step: Step | None = None
        self._usual: Callable[[bytes], re.Match[bytes] | None] | None = None
        self._just_written = False
        self._ended: asyncio.Future[Ending] | None = None
        self._lost = False
        self._in_transaction = False
        self.timed_out = False
        self.gone = asyncio.Event()

    @property
    def usable(self) -> bool:
        """Whether another mail can be tried on it, as far as is known."""
        return not self._lost and not self._transport.is_closing()

    def carry(self, sender: str, recipient: str, content: bytes) -> asyncio.Future[Ending]:
        """Hand over one mail; the addresses are checked, the content has CRLF lines. Cancelled: abort it."""
        self._ended = ended = self._loop.create_future()
        self._step = Step.ENVELOPE
        if not self.usable:
            self._end(Ending(Step.ENVELOPE))
            return ended
        self._content = _dot_stuffed(content)
        self._patience.begin(self._envelope_seconds)
        size = f" SIZE={len(content)}" if self._size else ""
        mail, rcpt, data = f"MAIL FROM:<{sender}>{size}\r\n", f"RCPT TO:<{recipient}>\r\n", "DATA\r\n"
        if self._pipelining and not self._in_transaction:
            self._in_transaction, self._usual = True, _ENVELOPE_TAKEN
            self._say(f"{mail}{rcpt}{data}".encode(), _GOOD)
        else:
            self._say_in_turn([mail.encode(), rcpt.encode(), data.encode()])
        return ended

    def _say_in_turn(self, commands: list[bytes]) -> None:
        good = [*_GOOD]
        if self._in_transaction:  # an earlier mail was refused halfway
            commands, good = [b"RSET\r\n", *commands], [_RESET, *good]
        self._in_transaction = True
        turns = zip(commands, good, strict=True)
        self._batches = [(b"".join(commands), good)] if self._pipelining else [(what, [how]) for what, how in turns]
        self._say(*self._batches.pop(0))

    def _say(self, commands: bytes, expected: Sequence[tuple[str, tuple[int, ...]]]) -> None:
        self._replies, self._expected = [], expected
        self._just_written = True
        self._transport.write(commands)

    def data_received(self, data: bytes) -> None:
        usual, self._usual = self._usual, None
        if usual is not None and not self._received and (found := usual(data)) and len(data) <= _LONGEST_ANSWER:
            if self._step is Step.ENVELOPE:
                self._hand_over()
            else:
                self._answer(Reply(int(found[1]), found[2][1:].decode("utf-8", "replace").strip()))
            return
        *lines, self._received = (self._received + data).split(b"\n")
        self._just_written = False
        for line in lines:
            self._line(line.rstrip(b"\r").decode("utf-8", "replace"))
        if len(self._received) + sum(map(len, self._lines)) > _LONGEST_ANSWER:
            self.abort()

    def _line(self, line: str) -> None:
        code = line[:3]
        if not (code.isascii() and code.isdigit()) or self._step is None or self._just_written:
            # not SMTP, or an answer to nothing, or it came before what it would be an answer to: what comes next
            # cannot be told apart
            self.abort()
            return
        self._lines.append(line[4:].strip())
        if line[3:4] != "-":
            reply, self._lines = Reply(int(code), "\n".join(self._lines)), []
            if self._step is Step.CONTENT:
                self._answer(reply)
            else:
                self._replies.append(reply)
                if len(self._replies) == len(self._expected):
                    self._judge()

    def _judge(self) -> None:
        """All that was said is answered."""
        if self._refusal():
            return
        if self._batches:
            self._say(*self._batches.pop(0))
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """The content leaves the moment the envelope is accepted, without a turn of the loop."""
        self._step, self._usual, self._just_written = Step.CONTENT, _ONE_ANSWER, True
        self._patience.begin(self._content_seconds)
        self._transport.write(self._content)

    def _refusal(self) -> bool:
        """Whether one of the answers to the envelope ends the mail."""
        for reply, (command, codes) in zip(self._replies, self._expected, strict=False):
            if reply.code in codes:
                continue
            if command == "RSET":  # this answer is about the connection, not about the mail
                self._end(Ending(Step.ENVELOPE))
                self.abort()
                return True
            self._end(Ending(Step.ENVELOPE, reply, about_recipient=command == "RCPT"))
            if reply.code == _CLOSING or self._replies[-1].code == _GO_ON:  # it waits for a mail that nobody may get
                self.abort()
            return True
        return False

    def _answer(self, reply: Reply) -> None:
        """To the content."""
        self._in_transaction = False
        self._end(Ending(Step.CONTENT, reply))
        if reply.code == _CLOSING:
            self.abort()

    def _end(self, ending: Ending) -> None:
        self._patience.end()
        self._step = None
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(ending)

    def _silent(self) -> None:
        """Nothing comes any more."""
        if self._step is None or (self._step is Step.ENVELOPE and self._refusal()):
            return
        self._end(Ending(self._step, None, "no answer in time" if self.timed_out else "the connection was lost"))

    def _expire(self) -> None:
        self.timed_out = True
        self.abort()

    def eof_received(self) -> bool:
        self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._silent()
        self._patience.stop()
        self.gone.set()

    def abort(self) -> None:
        """Close at once."""
        self._lost = True
        self._transport.abort()
        self._silent()

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
