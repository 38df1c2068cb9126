"""A mail on its way to the relay, whichever connection carries it."""

import asyncio
from typing import Protocol

from connectors.channels.smtp_codes import Ending


class Mail:
    """`ended` gets how it went. `until`: the moment, on the loop's clock, at which waiting for a connection ends."""

    __slots__ = ("_recipient", "_sender", "_size", "carrier", "content", "ended", "may_follow", "until")

    def __init__(
        self, sender: str, recipient: str, content: bytes, ended: asyncio.Future[Ending], until: float = 0
    ) -> None:
        """The addresses are checked, the content has CRLF lines."""
        self._sender, self._recipient, self._size = sender, recipient, len(content)
        self.content = _dot_stuffed(content)
        self.ended, self.until = ended, until
        self.may_follow = True
        self.carrier: Carrier | None = None

    def envelope(self, with_size: bool) -> tuple[str, str, str]:
        """MAIL, RCPT and DATA; `with_size` as RFC 1870 has it."""
        size = f" SIZE={self._size}" if with_size else ""
        return f"MAIL FROM:<{self._sender}>{size}\r\n", f"RCPT TO:<{self._recipient}>\r\n", "DATA\r\n"

    def end(self, ending: Ending) -> None:
        """Unless nobody waits for it any more."""
        self.carrier = None
        if not self.ended.done():
            self.ended.set_result(ending)


class Carrier(Protocol):
    """What a mail is on."""

    def forsake(self, mail: Mail) -> None:
        """Nobody waits for it any more."""


def _dot_stuffed(content: bytes) -> bytes:
    """As DATA wants it (RFC 5321, 4.5.2): a dot at the begin of a line doubled, a dot alone at the end."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return b"%s%s.\r\n" % (b"." if stuffed.startswith(b".") else b"", stuffed)
