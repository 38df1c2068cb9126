"""Opens a connection to an SMTP relay: aiosmtplib does (greeting, EHLO, TLS, login), our protocol takes it over."""

import asyncio
import errno
import ssl
from typing import cast

import aiosmtplib

from connectors.channels.smtp_codes import Ending, Reply, Step
from connectors.channels.smtp_connection import Owner, SmtpConnection
from connectors.channels.smtp_url import Relay, Tls


class CannotConnect(Exception):
    """There is no usable connection; `ending` says why."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(str(ending.step))
        self.ending = ending


async def connect(relay: Relay, hello: str, timeouts: tuple[float, float, float], owner: Owner) -> SmtpConnection:
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
    connection = SmtpConnection(transport, frozenset(map(str.lower, client.esmtp_extensions)), timeouts[1:], owner)
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
