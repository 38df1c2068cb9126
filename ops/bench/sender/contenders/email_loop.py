"""The idiomatic loop with mails: sandboxed Jinja2, EmailMessage, aiosmtplib's send_message."""

import sys
from typing import Any

import aiosmtplib
import uvloop

from ops.bench.sender.contenders.idiomatic import run
from ops.bench.sender.contenders.mail_words import MailWords
from ops.bench.sender.order import Order


async def main(order: Order) -> None:
    words = MailWords()
    relay = aiosmtplib.SMTP(hostname="127.0.0.1", port=order.smtp_port, start_tls=False)
    await relay.connect()

    async def hand_over(delivery: dict[str, Any], values: dict[str, Any]) -> None:
        address = delivery["notification"]["to"]["email"]
        await relay.send_message(words.mail(delivery, address, values))

    await run(order, hand_over, "sent", "smtp")


if __name__ == "__main__":
    uvloop.run(main(Order.from_argument(sys.argv[1])))
