"""The idiomatic loop with webhooks: json, the package standardwebhooks, aiohttp."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

import aiohttp
import uvloop
from standardwebhooks import Webhook

from ops.bench.sender.contenders.idiomatic import run
from ops.bench.sender.data import SECRET
from ops.bench.sender.order import Order


def body_of(delivery: dict[str, Any], values: dict[str, Any]) -> str:
    """As ours, in the form Standard Webhooks recommends."""
    told = delivery["notification"]
    moment = datetime.fromtimestamp(told["created_at"] / 1000, UTC).isoformat(timespec="milliseconds")
    body = {
        "type": told["type"],
        "timestamp": moment.replace("+00:00", "Z"),
        "data": values,
        "notification_id": told["notification_id"],
        "delivery_id": delivery["delivery_id"],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


async def main(order: Order) -> None:
    signer = Webhook(SECRET)
    async with aiohttp.ClientSession() as session:

        async def hand_over(delivery: dict[str, Any], values: dict[str, Any]) -> None:
            body, now = body_of(delivery, values), datetime.now(UTC)
            headers = {
                "Content-Type": "application/json",
                "webhook-id": delivery["delivery_id"],
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signer.sign(delivery["delivery_id"], now, body),
            }
            url = delivery["notification"]["to"]["webhook"]
            async with session.post(url, data=body.encode(), headers=headers) as answer:
                await answer.read()
                answer.raise_for_status()

        await run(order, hand_over, "delivered", "webhook")


if __name__ == "__main__":
    uvloop.run(main(Order.from_argument(sys.argv[1])))
