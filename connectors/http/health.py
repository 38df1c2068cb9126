"""/livez, /readyz and /metrics: for the one who runs it; no key is needed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field
from starlette.responses import Response

from connectors.http.json_response import JsonResponse
from connectors.http.ports import Check, Parts
from connectors.unavailable import Unavailable

_SECONDS = 1.0
_OK = "ok"


@dataclass(frozen=True, slots=True)
class Readiness:
    """`checks`: per server ok, or what is wrong with it."""

    status: Annotated[
        str, Field(description="ready; degraded: a server is away that can be done without; or unavailable.")
    ]
    checks: dict[str, str]


class HealthRoutes:
    """Three routes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def router(self) -> APIRouter:
        router = APIRouter(tags=["Health"])
        router.get("/livez", summary="Does the process answer?", responses={200: {"description": "Alive."}})(self.alive)
        router.get(
            "/readyz",
            summary="Can requests be carried out?",
            responses={200: {"model": Readiness}, 503: {"model": Readiness, "description": "A needed server is away."}},
        )(self.ready)
        router.get("/metrics", summary="Prometheus metrics", response_class=Response)(self.metrics)
        return router

    async def alive(self) -> JsonResponse:
        """Always, as long as the event loop turns."""
        return JsonResponse({"status": "alive"})

    async def ready(self) -> JsonResponse:
        """Kafka and PostgreSQL must answer within a second; Redis may be away: then the status is `degraded`."""
        needed, useful = await asyncio.gather(_ask(self._parts.needed), _ask(self._parts.useful))
        checks = needed | useful
        if any(said != _OK for said in needed.values()):
            return JsonResponse(Readiness("unavailable", checks), 503)
        degraded = any(said != _OK for said in useful.values())
        return JsonResponse(Readiness("degraded" if degraded else "ready", checks))

    async def metrics(self) -> Response:
        """As text."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _ask(checks: Mapping[str, Check]) -> dict[str, str]:
    said = await asyncio.gather(*(_one(check) for check in checks.values()))
    return dict(zip(checks, said, strict=True))


async def _one(check: Check) -> str:
    try:
        async with asyncio.timeout(_SECONDS):
            await check()
    except Unavailable as error:
        return error.reason or "away"
    except TimeoutError:
        return f"no answer within {_SECONDS:g} s"
    return _OK
