"""A schema registry with Confluent's API, as the codec needs it: looks ids up, never registers."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from connectors.unavailable import Unavailable
from schemas.codec import FOLDER, load

_NOT_FOUND = 404
_RETRIES = {"max.retries": 2, "retries.wait.ms": 100, "retries.max.wait.ms": 500}


class Registry:
    """Ids are asked for once each and kept. Raises Unavailable when the registry does not answer."""

    def __init__(self, client: Any, subjects: Mapping[str, str]) -> None:
        """`client`: Confluent's SchemaRegistryClient. `subjects`: under which subject each of our records is kept."""
        self._client, self._subjects = client, subjects

    def id_of(self, name: str) -> int:
        """Raises LookupError, with what to do, when our schema is not registered."""
        from confluent_kafka.schema_registry import Schema

        subject = self._subjects[name]
        ours = Schema(json.dumps(load(FOLDER / f"{name}.avsc")), "AVRO")
        found = _ask(lambda: self._client.lookup_schema(subject, ours))
        if found is None:
            raise LookupError(f"the schema registry lacks {name}.avsc under {subject!r}: register it first")
        return int(found.schema_id)

    def schema_of(self, schema_id: int) -> Mapping[str, Any] | None:
        found = _ask(lambda: self._client.get_schema(schema_id))
        decoded: Mapping[str, Any] | None = None if found is None else json.loads(found.schema_str)
        return decoded


def _ask(call: Callable[[], Any]) -> Any:
    """The registry's answer; None: it has no such thing."""
    import httpx2
    from confluent_kafka.schema_registry.error import SchemaRegistryError

    try:
        return call()
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return None
        raise Unavailable("The schema registry", str(error)) from error
    except (httpx2.HTTPError, OSError) as error:
        raise Unavailable("The schema registry", str(error)) from error


def connect(url: str, subjects: Mapping[str, str]) -> Registry:
    """Raises LookupError naming the extra when it is not installed."""
    try:
        from confluent_kafka.schema_registry import SchemaRegistryClient
    except ImportError as error:
        raise LookupError(f"a schema registry needs the extra `registry`: {error.name} is not installed") from None
    return Registry(SchemaRegistryClient({"url": url, **_RETRIES}), subjects)
