"""Loopback ports: kept for one stack, and asked whether somebody answers there."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"


def _new_socket() -> socket.socket:
    """With its protocol named: asyncio sets TCP_NODELAY on what it accepts only then, and without it answers that are
    written in two parts wait 40 ms for an acknowledgement."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def reserve_port(preferred: int = 0) -> socket.socket:
    """A loopback port that nobody else is given while the returned socket is open.

    Bound but not listening: on Linux a server that sets SO_REUSEADDR (all of ours do) can listen on it, while
    bind(0) of others skips it. A preferred port (that of the last run) is taken if it is free.
    """
    if preferred:
        with contextlib.suppress(OSError):
            return claim_port(preferred)
    held = _new_socket()
    held.bind((LOOPBACK, 0))  # without SO_REUSEADDR: not even a port that another stack only holds
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return held


def claim_port(number: int) -> socket.socket:
    """Hold exactly this port; OSError when somebody listens on it."""
    held = _new_socket()
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT of the last run is no obstacle
        held.bind((LOOPBACK, number))
    except OSError:
        held.close()
        raise
    return held


def number_of(held: socket.socket) -> int:
    """The port number of a held socket."""
    return int(held.getsockname()[1])


def give_up_where_needed(held: Iterable[socket.socket]) -> None:
    """Just before a server starts. Off Linux a held port keeps its server out as well, so there a short race stays."""
    if sys.platform != "linux":
        for each in held:
            each.close()


async def accepts(port: int) -> bool:
    """True when a connection is taken; OSError when it is refused."""
    _, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.close()
    return True


async def answers_ok(port: int, path: str, host: str = LOOPBACK) -> bool:
    """Whether `GET path` is answered with status 200 within 2 s; OSError when the connection is refused."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        async with asyncio.timeout(2):
            status = (await reader.readline()).split(b" ")
        return len(status) > 1 and status[1] == b"200"
    finally:
        writer.close()
