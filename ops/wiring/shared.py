"""What more than one process is made of."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from uuid_utils import uuid7

from connectors.catalogue.load import load as load_catalogue
from connectors.http.ports import Resource
from ops.settings import Settings, WrongSetting
from schemas.codec import Codec
from schemas.topics import Topic, all_topics
from streams.domain.catalogue import Catalogue

EXAMPLE_CATALOGUE = Path(__file__).parents[1] / "catalogue"


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A UUIDv7: it sorts by its time."""
    return str(uuid7())


def codec(settings: Settings) -> Codec:
    """With the schema registry's framing if there is one. Raises WrongSetting when it lacks what we need."""
    if not settings.schema_registry_url:
        return Codec()
    from connectors.kafka import registry

    subjects = {topic.schema: f"{topic.name}-value" for topic in declared_topics(settings) if topic.schema}
    try:
        return Codec(registry.connect(settings.schema_registry_url, subjects))
    except LookupError as error:
        raise WrongSetting(f"TIDINGS_SCHEMA_REGISTRY_URL: {error.args[0]}") from None


def catalogue(settings: Settings) -> Catalogue:
    """Raises CatalogueError naming each file that has to be mended."""
    return load_catalogue(settings.catalogue or EXAMPLE_CATALOGUE)


def declared_topics(settings: Settings) -> tuple[Topic, ...]:
    return all_topics({channel: schedule.tiers for channel, schedule in settings.schedules().items()})


@asynccontextmanager
async def all_open(resources: Sequence[Resource]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for resource in resources:
            await resource.open()
            stack.push_async_callback(resource.close)
        yield
