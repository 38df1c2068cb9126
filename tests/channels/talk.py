"""An SMTP relay that follows a script, connection by connection: what it says, and what it must hear."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

ENVELOPE_TAKEN = "250 ok\r\n250 ok\r\n354 go"


class Talk:
    """One connection, from the relay's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, answer: str, half: str = "") -> None:
        self._writer.write(f"{answer}\r\n{half}".encode())

    async def hear(self, end: str) -> str:
        return (await self._reader.readuntil(end.encode())).decode()

    async def hear_envelope(self) -> str:
        return await self.hear("DATA\r\n")

    async def hear_content(self) -> str:
        return await self.hear("\r\n.\r\n")

    async def hear_content_alone(self) -> None:
        """What leaves in one write comes in one read here."""
        heard = b""
        while b"\r\n.\r\n" not in heard:
            heard += await self._reader.read(100_000)
        assert heard.endswith(b"\r\n.\r\n")

    async def begin(self) -> None:
        """Up to the end of a first mail, quickly answered: the next ones may be followed."""
        self.say("220 hello")
        await self.hear("\r\n")
        self.say("250-relay\r\n250 PIPELINING")
        await self.take()

    async def take(self) -> None:
        """A whole mail, the envelope after the answer to the content before it."""
        await self.hear_envelope()
        self.say(ENVELOPE_TAKEN)
        await self.hear_content()
        self.say("250 taken")

    async def hear_one_that_is_followed(self) -> None:
        """A mail, and with its content the envelope of the next one; the content is not answered."""
        await self.hear_envelope()
        self.say(ENVELOPE_TAKEN)
        await self.hear_content()
        await self.hear_envelope()

    async def hear_nothing_more(self) -> None:
        """Until we hang up."""
        assert await self._reader.read() == b""

    def hang_up(self) -> None:
        self._writer.transport.abort()


Script = Callable[[Talk], Awaitable[None]]


@asynccontextmanager
async def talking(*scripts: Script) -> AsyncIterator[str]:
    """A relay with one script for each connection; those of scripts that failed, fail here."""
    waiting, tasks = [*scripts], list[asyncio.Task[None]]()

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Talk(reader, writer))
            await reader.read()
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(talk(waiting.pop(0), reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks)
        assert not waiting
    finally:
        server.close()
        for task in tasks:
            task.cancel()
