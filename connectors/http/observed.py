"""Every request is counted and timed; what nobody foresaw becomes a problem document and a line in the log."""

import time
import traceback
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.http.problems import INTERNAL, Problem
from ops.telemetry import logs, metrics

_UNMATCHED = "unmatched"


class Observed:
    """ASGI middleware, the outermost one. Routes are told by their template: a closed set of labels."""

    def __init__(
        self, app: ASGIApp, new_id: Callable[[], str], monotonic: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app = app
        self._new_id = new_id
        self._now = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._now()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            await self._broken(error, scope, status == 0, (receive, watch))
        finally:
            route = template(scope)
            metrics.HTTP_REQUESTS.labels(route, _method(scope), str(status)).inc()
            metrics.HTTP_SECONDS.labels(route).observe(self._now() - started)

    async def _broken(self, error: Exception, scope: Scope, unanswered: bool, wires: tuple[Receive, Send]) -> None:
        error_id = self._new_id()
        logs.get().error(
            "request broke",
            error_id=error_id,
            route=template(scope),
            error=type(error).__name__,
            # frames only: an exception's text can hold what a caller sent
            frames=[
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
            ],
        )
        if unanswered:
            problem = Problem(INTERNAL, "the log of the API tells more under error_id", error_id=error_id)
            await problem.response()(scope, *wires)


def template(scope: Scope) -> str:
    """The path as it was declared, such as /v1/notifications/{notification_id}."""
    return str(getattr(scope.get("route"), "path_format", _UNMATCHED))


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} else "other"
