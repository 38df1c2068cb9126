"""One open connection to an SMTP relay, used for many mails.

Our own protocol, because it sends MAIL, RCPT and DATA in one write where the relay offers PIPELINING (RFC 2920), with
the content of the mail before if another one waits, and because it knows at every moment how far a mail has come, which
decides whether a lost connection is ambiguous.
"""

import asyncio
from typing import Protocol

from connectors.channels import smtp_answers as answers
from connectors.channels.patience import Patience
from connectors.channels.smtp_codes import Ending, Reply, Step
from connectors.channels.smtp_mail import Mail

_QUICK_SECONDS = 0.25  # a relay that answers a content within it gets the next envelope with the next content
_AFTER_CODE = ("", " ", "\t", "-")
PROMPT_SECONDS = 0.005
STUCK_SECONDS = 1  # such an envelope waits no longer for the answer to the content before it


class Owner(Protocol):
    """To whom a connection belongs: it has the mails."""

    def follower(self, connection: "SmtpConnection") -> Mail | None:
        """A mail that waits and may be next on this one."""

    def free(self, connection: "SmtpConnection") -> None:
        """It can carry another mail."""

    def lost(self, connection: "SmtpConnection") -> None:
        """It can carry no mail any more. Said once."""

    def given_back(self, mail: Mail) -> None:
        """It could not be carried here, and nothing of it has left."""

    def not_followed(self) -> None:
        """The relay does not bear an envelope that comes together with another mail's content."""


class SmtpConnection(asyncio.Protocol):
    """Carries one mail at a time; the next one's envelope may be under way with the content of the one before it."""

    def __init__(
        self, transport: asyncio.Transport, extensions: frozenset[str], timeouts: tuple[float, float], owner: Owner
    ) -> None:
        self._transport, self._owner = transport, owner
        self._loop = asyncio.get_running_loop()
        self._pipelining = "pipelining" in extensions
        self._size = "size" in extensions
        self._envelope_seconds, self._content_seconds = timeouts
        self._patience = Patience(self._expire)
        self._stuck = Patience(self._drop_follower)
        self._received = b""
        self._lines: list[str] = []
        self._replies: list[Reply] = []
        self._expected: answers.Expected = ()
        self._batches: list[tuple[bytes, answers.Expected]] = []
        self._mail: Mail | None = None
        self._next: Mail | None = None
        self._step = Step.ENVELOPE  # of the mail
        self._handed_over_at = 0.0
        self._is_quick = False  # it answered the last content
        self.is_prompt = False  # and very soon; so a follower loses no time
        self._is_fresh = True  # no mail has ended on it
        self._followed = False  # the envelope of the mail came together with another one's content
        self._just_written = False  # while data is read: what is left of it cannot be an answer to that
        self._lost = False
        self._is_last = False  # the mail, on this connection
        self._in_transaction = False
        self._timed_out = False
        self.gone = asyncio.Event()

    @property
    def usable(self) -> bool:
        """Whether another mail can be tried on it, as far as is known."""
        return not self._lost and not self._transport.is_closing()

    def carry(self, mail: Mail) -> None:
        """Hand it over; a kept connection that turns out to be gone gives it back to the owner."""
        self._begin(mail)
        if not self.usable or self._received or self._lines:  # half an answer, to nothing
            self.abort()
            return
        commands = mail.envelope(self._size)
        if self._pipelining and not self._in_transaction:
            self._in_transaction = True
            self._say("".join(commands).encode(), answers.GOOD)
        else:
            self._say_in_turn([command.encode() for command in commands])

    def _say_in_turn(self, commands: list[bytes]) -> None:
        good = [*answers.GOOD]
        if self._in_transaction:  # an earlier mail was refused halfway
            commands, good = [b"RSET\r\n", *commands], [answers.RESET, *good]
        self._in_transaction = True
        turns = zip(commands, good, strict=True)
        self._batches = [(b"".join(commands), good)] if self._pipelining else [(what, [how]) for what, how in turns]
        self._say(*self._batches.pop(0))

    def forsake(self, mail: Mail) -> None:
        """Nobody waits for it any more, and nobody knows what the relay waits for."""
        if mail is self._next:
            self._drop_follower()
        elif mail is self._mail:
            self.abort()

    def _begin(self, mail: Mail) -> None:
        self._mail, self._step, mail.carrier = mail, Step.ENVELOPE, self
        self._replies, self._expected, self._followed = [], answers.GOOD, False
        self._patience.begin(self._envelope_seconds)

    def _say(self, commands: bytes, expected: answers.Expected) -> None:
        self._replies, self._expected = [], expected
        self._just_written = True
        self._transport.write(commands)

    def data_received(self, data: bytes) -> None:
        if self._nothing_came() and len(data) <= answers.LONGEST and self._is_usual(data):
            return
        *lines, self._received = (self._received + data).split(b"\n")
        self._just_written = False
        for line in lines:
            self._line(line.rstrip(b"\r").decode("utf-8", "replace"))
        length = len(self._received) + sum(map(len, self._lines))
        if length > answers.LONGEST or (self._just_written and (self._received or self._lines)):
            self.abort()

    def _nothing_came(self) -> bool:
        """Of the answers that are waited for."""
        return self._mail is not None and not (self._received or self._lines or self._replies)

    def _is_usual(self, data: bytes) -> bool:
        """What nearly every answer looks like, when all of it comes at once. Anything else is read line by line."""
        if self._step is Step.ENVELOPE:
            if self._expected is not answers.GOOD or not answers.envelope_taken(data):
                return False
            self._hand_over()
            return True
        both = None if self._next is None else answers.answer_and_envelope(data)
        found = both or answers.one_answer(data)
        if found is None:
            return False
        follower = self._next
        self._answer(Reply(int(found[1]), found[2].decode("utf-8", "replace").strip()))
        if both is not None and self._mail is follower:
            self._hand_over()
        return True

    def _line(self, line: str) -> None:
        code, more = line[:3], line[3:4]
        is_answer = len(code) == 3 and code.isascii() and code.isdigit() and more in _AFTER_CODE
        if not is_answer or self._mail is None or self._just_written:
            # not SMTP, or an answer to nothing, or it came before what it would be an answer to: what comes next
            # cannot be told apart
            self.abort()
            return
        self._lines.append(line[4:].strip())
        if more != "-":
            reply, self._lines = Reply(int(code), "\n".join(self._lines)), []
            if self._step is Step.CONTENT:
                self._answer(reply)
            else:
                self._replies.append(reply)
                if reply.code == answers.CLOSING or len(self._replies) == len(self._expected):
                    self._judge()

    def _judge(self) -> None:
        """All that was said is answered, or the relay says that it answers no more."""
        if self._ends_refused():
            self._carried()
        elif self._batches:
            self._say(*self._batches.pop(0))
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """The content leaves the moment the envelope is accepted, without a turn of the loop.

        With it goes the next mail's envelope (RFC 2920, 3.1, allows a content as the first of a group of commands).
        """
        mail = self._mail
        assert mail is not None
        self._step, self._replies, self._just_written = Step.CONTENT, [], True
        self._patience.begin(self._content_seconds)
        self._handed_over_at = self._loop.time()
        follower = self._owner.follower(self) if self._pipelining and self._is_quick and not self._is_last else None
        if follower is None:
            self._transport.write(mail.content)
            return
        self._next, follower.carrier = follower, self
        self._stuck.begin(STUCK_SECONDS)
        self._transport.write(mail.content + "".join(follower.envelope(self._size)).encode())

    def _ends_refused(self) -> bool:
        """Whether one of the answers to the envelope ends the mail here; then that is done."""
        for reply, (command, codes) in zip(self._replies, self._expected, strict=False):
            if reply.code in codes:
                continue
            last, self._replies = self._replies[-1].code, []
            if self._followed and command == "MAIL":
                self._owner.not_followed()
            elif command != "RSET" and (reply.code != answers.CLOSING or self._is_fresh):
                self._end(Ending(Step.ENVELOPE, reply, about_recipient=command == "RCPT"))
                if last in (answers.CLOSING, answers.GO_ON):  # GO_ON: it waits for a mail that nobody may get
                    self.abort()
                return True
            self.abort()  # it was about the connection: the mail goes back
            return True
        return False

    def _answer(self, reply: Reply) -> None:
        """To the content."""
        self._in_transaction = False
        took = self._loop.time() - self._handed_over_at
        self._is_quick, self.is_prompt = took <= _QUICK_SECONDS, took <= PROMPT_SECONDS and self._pipelining
        self._end(Ending(Step.CONTENT, reply))
        self.abort() if reply.code == answers.CLOSING else self._carried()

    def _carried(self) -> None:
        """The mail has ended: on with the next one."""
        follower, self._next = self._next, None
        if follower is not None:
            self._stuck.end()
            self._begin(follower)
            self._in_transaction = self._followed = True
        elif self._is_last:
            self.abort()
        elif self.usable:
            self._owner.free(self)

    def _end(self, ending: Ending) -> None:
        self._patience.end()
        mail, self._mail, self._is_fresh = self._mail, None, False
        if mail is not None:
            mail.end(ending)

    def _silent(self) -> None:
        """Nothing comes any more."""
        if self._mail is not None:
            self._silent_about(self._mail)
        if self._next is not None:
            self._drop_follower()

    def _silent_about(self, mail: Mail) -> None:
        silence = "no answer in time" if self._timed_out else "the connection was lost"
        if self._step is Step.CONTENT:
            self._end(Ending(Step.CONTENT, None, silence))
        elif not self._ends_refused():
            if self._followed and not self._replies and not mail.ended.done():
                self._owner.not_followed()
            if self._is_fresh or self._timed_out:
                self._end(Ending(Step.ENVELOPE, None, silence))
            else:
                self._give_back(mail)

    def _drop_follower(self) -> None:
        """The relay knows its envelope, and may wait for its content: this connection ends with the mail it is at."""
        follower, self._next, self._is_last = self._next, None, True
        self._stuck.end()
        if follower is not None:
            self._give_back(follower)

    def _give_back(self, mail: Mail) -> None:
        if mail is self._mail:
            self._patience.end()
            self._mail = None
        mail.carrier, mail.may_follow = None, False
        self._owner.given_back(mail)

    def _expire(self) -> None:
        self._timed_out = True
        self.abort()

    def eof_received(self) -> bool:
        self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.abort()
        self._patience.stop()
        self._stuck.stop()
        self.gone.set()

    def abort(self) -> None:
        """Close at once."""
        first, self._lost = not self._lost, True
        self._transport.abort()
        self._silent()
        if first:  # after its mails were given back: they come before those that wait
            self._owner.lost(self)

    def close(self) -> None:
        """Take leave politely; what was sent is flushed."""
        if self.usable and not self._in_transaction:
            self._transport.write(b"QUIT\r\n")
        first, self._lost = not self._lost, True
        self._transport.close()
        if first:
            self._owner.lost(self)
