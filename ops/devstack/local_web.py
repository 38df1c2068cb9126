"""Small web sites inside the supervisor, for this machine only."""

import socket
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

OWN_NAMES = frozenset({"127.0.0.1", "localhost"})
LARGEST_BODY = 64 * 1024 * 1024


@web.middleware
async def own_names_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse other host names: a page of the internet could point its own name at this machine and read us."""
    if request.host.rsplit(":", 1)[0] not in OWN_NAMES:
        raise web.HTTPForbidden(text="this site answers to 127.0.0.1 and localhost only\n")
    return await handler(request)


async def serve(routes: list[web.RouteDef], port: socket.socket) -> web.AppRunner:
    """Serve these routes on a held port; `cleanup()` of the result ends it. A handler ends when its client leaves."""
    site = web.Application(middlewares=[own_names_only], client_max_size=LARGEST_BODY)
    site.add_routes(routes)
    runner = web.AppRunner(site, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    await web.SockSite(runner, port).start()
    return runner


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number out of the query, 0 or more; anything else is the client's mistake (400)."""
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise web.HTTPBadRequest(text=f"{name} must be a whole number\n")
    return int(text)


def page(path: Path) -> web.Response:
    """A self-contained HTML page: nothing may be loaded from elsewhere, and it is never cached."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return web.Response(text=path.read_text(), content_type="text/html", headers=headers)
