"""An SMTP relay with moods: it refuses, hangs up, is silent or late, cuts its answers in pieces, all from one seed."""

import asyncio
import random
from collections import Counter
from typing import Any, cast

_TAKEN, _OK, _GO = b"250 taken\r\n", b"250 ok\r\n", b"354 go\r\n"


class WhimsicalRelay:
    """`taken`: how often each recipient's mail was taken; `together`: envelopes that came with a content.

    `mood` is a share of 0 to 1: how often it does what it should not.
    """

    def __init__(self, seed: int, mood: float) -> None:
        self.random, self.mood = random.Random(seed), mood
        self.taken: Counter[str] = Counter()
        self.together = 0

    async def start(self) -> str:
        """Its URL."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        self._server.close()

    def whim(self) -> bool:
        """Whether it does so now."""
        return self.random.random() < self.mood


class _Connection(asyncio.Protocol):
    def __init__(self, relay: WhimsicalRelay) -> None:
        self._relay = relay
        self._received = b""
        self._recipient: str | None = None
        self._in_content = False
        self._resting = False

    def connection_made(self, transport: Any) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 hello\r\n")

    def data_received(self, data: bytes) -> None:
        self._received += data
        while not self._transport.is_closing() and not self._resting:
            end = b"\r\n.\r\n" if self._in_content else b"\r\n"
            what, found, rest = self._received.partition(end)
            if not found:
                return
            self._received = rest
            if self._relay.whim():
                self._transport.abort() if self._relay.whim() else self._transport.close()
                return
            if self._in_content:
                self._relay.together += rest.startswith(b"MAIL")
                self._content()
            else:
                self._command(what.decode())

    def _content(self) -> None:
        self._in_content, recipient = False, self._recipient
        assert recipient is not None
        self._recipient = None
        if self._relay.whim():
            self._answer(self._relay.random.choice([b"451 not now\r\n", b"554 spam\r\n", b"421 enough\r\n"]))
            return
        self._relay.taken[recipient] += 1
        if self._relay.whim():  # taken, and nobody is told
            self._transport.abort()
        else:
            self._answer(_TAKEN)

    def _command(self, line: str) -> None:
        match line[:4]:
            case "EHLO":
                self._answer(b"250-relay\r\n250 PIPELINING\r\n")
            case "RCPT" if self._relay.whim():
                self._answer(self._relay.random.choice([b"550 5.1.1 nobody\r\n", b"450 busy\r\n", b"421 enough\r\n"]))
            case "RCPT":
                self._recipient = line[line.index("<") + 1 : line.index(">")]
                self._answer(_OK)
            case "DATA" if self._recipient is None:
                self._answer(b"503 nobody to send it to\r\n")
            case "DATA":
                self._in_content = True
                self._answer(_GO)
            case "RSET" | "MAIL":
                self._recipient = None
                self._answer(_OK)
            case _:
                self._answer(b"221 bye\r\n")

    def _answer(self, answer: bytes) -> None:
        """In pieces, in more lines, late, or with more than it should be. Once it is silent it stays so: nobody could
        tell which answer was left out."""
        some = self._relay
        if some.whim() and some.whim():
            self._resting = True
            return
        if some.whim():
            answer = answer[:3] + b"-well\r\n" + answer
        if some.whim() and some.whim():
            answer += some.random.choice([b"4", b"250-more\r\n"])
        cut = some.random.randrange(len(answer)) if some.whim() else 0
        self._transport.write(answer[:cut])
        if cut or some.whim():
            self._resting = True
            pause = some.random.choice([0, 0.005, 0.04])
            asyncio.get_running_loop().call_later(pause, self._go_on, answer[cut:], answer)
        else:
            self._end(answer, answer)

    def _go_on(self, rest: bytes, answer: bytes) -> None:
        self._resting = False
        if not self._transport.is_closing():
            self._end(rest, answer)
            self.data_received(b"")

    def _end(self, rest: bytes, answer: bytes) -> None:
        self._transport.write(rest)
        if answer.startswith(b"421"):
            self._transport.close()
