"""E-mail over an SMTP relay."""

import asyncio
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from connectors.channels.mail_address import Mailbox, address_fault, parse_mailbox
from connectors.channels.mime import MailWriter, UnfitMessage
from connectors.channels.redaction import redacted
from connectors.channels.smtp_codes import Ending, failure_of
from connectors.channels.smtp_connect import connect
from connectors.channels.smtp_connection import STUCK_SECONDS, Owner, SmtpConnection
from connectors.channels.smtp_pool import SmtpPool
from connectors.channels.smtp_url import parse_relay
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Outcome, ProviderCall, RetryLater, Sent

_QUEUED_AS = re.compile(r"(?i)\bqueued as ([\w.-]{1,64})")


@dataclass(frozen=True, slots=True)
class SmtpPolicy:
    """How mails are handed over. The answer to a content may take long; giving up on it too early makes duplicates."""

    url: str
    mail_from: str
    connections: int = 16
    wait_seconds: float = 15
    connect_seconds: float = 10
    envelope_seconds: float = 20
    content_seconds: float = 50
    idle_seconds: float = 30

    @property
    def longest_call_seconds(self) -> float:
        """No call takes longer: a turn, a wait behind a content, a stale connection, a fresh one, the mail.

        The sender allows two minutes.
        """
        return (
            self.wait_seconds + STUCK_SECONDS + 2 * self.envelope_seconds + self.connect_seconds + self.content_seconds
        )


class SmtpProvider:
    """Implements streams.domain.ports.Provider. Raises ValueError at once for a URL or sender that cannot be used."""

    name = "smtp"

    def __init__(self, policy: SmtpPolicy, clock: Callable[[], float] = time.time) -> None:
        self._policy = policy
        self._relay = parse_relay(policy.url)
        self._sender: Mailbox = parse_mailbox(policy.mail_from)
        self._writer = MailWriter(self._sender)
        self._clock = clock
        self._request = f"MAIL {self._relay.host}"
        self._hello = self._sender.domain
        self._pool: SmtpPool | None = None

    async def start(self) -> None:
        """Learn our own name; connections are opened when there is something to send."""
        own = await asyncio.to_thread(socket.getfqdn)
        if "." in own and own.isascii() and own.isprintable() and " " not in own:
            self._hello = own
        policy = self._policy
        self._pool = SmtpPool(self._connect, policy.connections, policy.wait_seconds, policy.idle_seconds)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def _connect(self, owner: Owner) -> SmtpConnection:
        policy = self._policy
        timeouts = (policy.connect_seconds, policy.envelope_seconds, policy.content_seconds)
        return await connect(self._relay, self._hello, timeouts, owner)

    async def send(self, message: Message) -> Outcome:
        """One mail. A message that can never be a mail is a permanent failure, without a call."""
        assert self._pool is not None, "start() comes first"
        fault = address_fault(message.address)
        if fault is not None:
            return DeadLetter(Failure(FailureKind.PERMANENT, fault))
        started_at, began = self._clock(), time.perf_counter()
        try:
            content = self._writer.write(message, started_at)
        except UnfitMessage as error:
            return DeadLetter(Failure(FailureKind.PERMANENT, str(error)))
        ending = await self._pool.carry(self._sender.address, message.address, content)
        call = self._call(message, ending, started_at, (time.perf_counter() - began) * 1000)
        failure = failure_of(ending)
        if failure is None:
            return Sent(call)
        return DeadLetter(failure, call) if failure.kind is FailureKind.PERMANENT else RetryLater(failure, call)

    def _call(self, message: Message, ending: Ending, started_at: float, duration_ms: float) -> ProviderCall:
        text = ending.reply.text if ending.reply is not None else ""
        queued = _QUEUED_AS.search(text)
        local_part = message.address.rpartition("@")[0]
        return ProviderCall(
            self.name,
            int(started_at * 1000),
            duration_ms,
            str(ending.reply.code) if ending.reply is not None else None,
            self._request,
            redacted(text, (message.address, local_part, message.parts.get("subject", ""))),
            queued[1] if queued else None,
        )
