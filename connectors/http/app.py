"""The HTTP API: its table of contents."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse

from connectors.http.auth import Guard, Keys
from connectors.http.body_limit import BodyLimit
from connectors.http.catalogue import CatalogueRoutes
from connectors.http.dead_letter_work import DeadLetterWork
from connectors.http.dead_letters import DeadLetterRoutes
from connectors.http.health import HealthRoutes
from connectors.http.notifications import NotificationRoutes
from connectors.http.observed import Observed
from connectors.http.ports import Parts
from connectors.http.recipients import RecipientRoutes
from connectors.http.reference import BASE, reference_page
from connectors.http.refusals import HANDLERS
from connectors.http.responses import as_problems

TITLE = "tidings"
DESCRIPTION = (
    "Tell people things, reliably: every accepted notification is durable before the answer and ends in exactly one "
    "visible status per delivery."
)
_OPEN_TAG = "Health"
_CONTENT_SECURITY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Api(FastAPI):
    """FastAPI, with our keys and problems in its OpenAPI description."""

    def openapi(self) -> dict[str, Any]:
        """Made when it is first asked for: it takes a tenth of a second."""
        if self.openapi_schema is None:
            schema = super().openapi()
            as_problems(schema)
            _secure(schema)
        return super().openapi()


def create_api(parts: Parts, version: str = "0.1.0") -> Api:
    """The application; `parts.resources` are opened when it starts and closed when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for resource in parts.resources:
                await resource.open()
                stack.push_async_callback(resource.close)
            yield

    app = Api(
        title=TITLE,
        version=version,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers=dict(HANDLERS),
        separate_input_output_schemas=False,
    )
    for routes in (
        NotificationRoutes,
        RecipientRoutes,
        DeadLetterRoutes,
        DeadLetterWork,
        CatalogueRoutes,
        HealthRoutes,
    ):
        app.include_router(routes(parts).router())
    app.add_middleware(BodyLimit)
    app.add_middleware(Guard, keys=Keys(parts.api_keys))
    app.add_middleware(Observed, new_id=parts.new_id)
    _add_reference(app)
    return app


def _add_reference(app: Api) -> None:
    made: list[str] = []

    async def docs(request: Request) -> HTMLResponse:
        if not made:
            made.append(reference_page(app.openapi()))
        page = made[0].replace(BASE, escape(str(request.base_url).rstrip("/")))
        return HTMLResponse(page, headers={"Content-Security-Policy": _CONTENT_SECURITY})

    app.get("/docs", include_in_schema=False)(docs)


def _secure(schema: dict[str, Any]) -> None:
    schema.setdefault("components", {})["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key made by `tidings keys create`."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path in schema["paths"].values():
        for operation in path.values():
            operation["security"] = [] if _OPEN_TAG in operation["tags"] else [{"bearer": []}, {"header": []}]
