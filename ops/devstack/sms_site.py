"""A taker of SMS to try deliveries against: Twilio's Messages API, as far as a sender uses it. Nothing is sent on.

    POST   /sms/2010-04-01/Accounts/ACCOUNT/Messages.json    takes one, as Twilio would, or fails as the number says:
             +1500555 0001       21211, not a valid number          0002   21612, cannot be reached
                      0003       21408, country not permitted       0004   21610, answered STOP
                      0009       21614, not a mobile number         (Twilio's own test numbers, these five)
                      0429       429, code 20429, Retry-After 1     0500   500, no code: it may have been taken
                      0503       503, code 20503
    GET    /api/sms      those that were taken, oldest first: sid, at, to, from, body, and the whole form; ?to=NUMBER
    DELETE /api/sms      forgets them

The last 50,000 are kept, in memory only. Any account and any token will do, but there has to be one.
"""

import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from aiohttp import web

KEPT = 50_000
PATH = "sms"

REFUSED: Mapping[str, tuple[int, int, str]] = {
    "+15005550001": (400, 21211, "The 'To' number {} is not a valid phone number."),
    "+15005550002": (400, 21612, "{} is not reachable from this 'From'."),
    "+15005550003": (400, 21408, "Permission to send to the region of {} has not been enabled."),
    "+15005550004": (400, 21610, "{} has unsubscribed."),
    "+15005550009": (400, 21614, "{} is not a mobile number."),
    "+15005550429": (429, 20429, "Too many requests."),
    "+15005550503": (503, 20503, "Not available."),
}
BROKEN = "+15005550500"


@dataclass(frozen=True, slots=True)
class Taken:
    """One SMS; `form` has all that was posted."""

    sid: str
    at: str
    to: str
    sender: str
    body: str
    form: dict[str, str]


class SmsSite:
    """The addresses under which it is found; the state between requests."""

    def __init__(self) -> None:
        self.taken: deque[Taken] = deque(maxlen=KEPT)

    def routes(self) -> list[web.RouteDef]:
        """All addresses of the site."""
        return [
            web.post(f"/{PATH}/2010-04-01/Accounts/{{account}}/Messages.json", self.take),
            web.get("/api/sms", self.list_taken),
            web.delete("/api/sms", self.forget),
        ]

    async def take(self, request: web.Request) -> web.Response:
        """Keep one, or refuse it."""
        if not request.headers.get("Authorization", "").startswith("Basic "):
            return _refusal(401, 20003, "Authenticate")
        form = {name: str(value) for name, value in (await request.post()).items()}
        to, sender = form.get("To", ""), form.get("From") or form.get("MessagingServiceSid", "")
        missing = next(
            (code for code, given in ((21604, to), (21603, sender), (21602, form.get("Body"))) if not given), 0
        )
        if missing:
            return _refusal(400, missing, "A required parameter is missing.")
        if to in REFUSED:
            status, code, text = REFUSED[to]
            return _refusal(status, code, text.format(to))
        if to == BROKEN:
            return web.Response(status=500, text="an error")
        sid = f"SM{secrets.token_hex(16)}"
        self.taken.append(Taken(sid, datetime.now(UTC).isoformat(), to, sender, form["Body"], form))
        told = {"sid": sid, "status": "queued", "to": to, "from": form.get("From"), "body": form["Body"]}
        return web.json_response({**told, "error_code": None, "error_message": None}, status=201)

    async def list_taken(self, request: web.Request) -> web.Response:
        """What was taken."""
        to = request.query.get("to")
        return web.json_response([asdict(each) for each in self.taken if to is None or each.to == to])

    async def forget(self, request: web.Request) -> web.Response:
        """Start anew."""
        self.taken.clear()
        return web.Response(status=204)


def _refusal(status: int, code: int, said: str) -> web.Response:
    headers = {"Retry-After": "1"} if status == web.HTTPTooManyRequests.status_code else {}
    return web.json_response({"code": code, "message": said, "status": status}, status=status, headers=headers)
