"""/v1/catalogue: which types there are."""

from dataclasses import dataclass

from fastapi import APIRouter

from connectors.http.json_response import JsonResponse
from connectors.http.ports import Parts
from connectors.http.responses import responses


@dataclass(frozen=True, slots=True)
class TypeState:
    """A kind of notification. `required`: its category cannot be muted; `commercial`: one unsubscribe mutes it."""

    type: str
    title: str
    category: str
    required: bool
    commercial: bool
    channels: list[str]
    priority: str


@dataclass(frozen=True, slots=True)
class CatalogueState:
    """`version` is a hash of all that was loaded."""

    version: str
    types: list[TypeState]


class CatalogueRoutes:
    """One route."""

    def __init__(self, parts: Parts) -> None:
        kinds = sorted(parts.catalogue.types.values(), key=lambda kind: kind.name)
        self._state = CatalogueState(
            parts.catalogue.version,
            [
                TypeState(
                    kind.name,
                    kind.title,
                    kind.category.name,
                    kind.category.required,
                    kind.category.commercial,
                    [str(channel) for channel in kind.channels],
                    str(kind.priority),
                )
                for kind in kinds
            ],
        )

    def router(self) -> APIRouter:
        router = APIRouter(tags=["Catalogue"])
        router.get("/v1/catalogue", summary="The types there are", responses=responses(200, CatalogueState, ()))(
            self.get
        )
        return router

    async def get(self) -> JsonResponse:
        """As this process loaded it."""
        return JsonResponse(self._state)
