"""Health, metrics and what happens when something breaks."""

import asyncio
import re

import pytest

from connectors.unavailable import Unavailable
from ops.telemetry import metrics
from schemas.headers import Headers
from tests.http.api import World


async def fine() -> None:
    """It answers."""


async def away() -> None:
    raise Unavailable("Kafka", "no broker answered")


async def hanging() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("needed", "useful", "status", "word"),
    [
        ({"kafka": fine, "postgresql": fine}, {"redis": fine}, 200, "ready"),
        ({"kafka": fine}, {"redis": away}, 200, "degraded"),
        ({"kafka": away, "postgresql": fine}, {"redis": fine}, 503, "unavailable"),
        ({"kafka": hanging}, {"redis": hanging}, 503, "unavailable"),
    ],
)
async def test_ready_means_that_requests_can_be_carried_out(
    needed: dict[str, object], useful: dict[str, object], status: int, word: str
) -> None:
    async with World().running(needed=needed, useful=useful) as world:
        reply = await asyncio.wait_for(world.get("/readyz"), 5)
        assert (reply.status, reply.body["status"]) == (status, word)
        assert set(reply.body["checks"]) == {*needed, *useful}
        assert (await world.get("/livez")).status == 200


async def test_what_is_wrong_is_told(world: World) -> None:
    async with World().running(needed={"kafka": away}) as other:
        assert (await other.get("/readyz")).body["checks"] == {"kafka": "no broker answered"}


async def test_requests_are_counted_by_route_template_never_by_path(world: World) -> None:
    await world.get("/v1/recipients/somebody-secret")
    await world.get("/somewhere-secret")
    told = (await world.get("/metrics")).text
    assert re.search(
        r'tidings_http_requests_total\{method="GET",route="/v1/recipients/\{recipient_id\}",status="404"\}', told
    )
    assert 'route="unmatched"' in told
    assert "secret" not in told


async def test_accepted_notifications_are_counted(world: World) -> None:
    before = metrics.ACCEPTED.labels("normal")._value.get()
    asked = {"recipient_id": "ada", "type": "order.shipped", "to": {"email": "ada@example.com"}}
    await world.post("/v1/notifications", asked)
    await world.post("/v1/notifications", {**asked, "type": "zzz"})
    assert metrics.ACCEPTED.labels("normal")._value.get() == before + 1


class Broken:
    async def publish(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        raise RuntimeError("password=hunter2")


async def test_what_nobody_foresaw_is_a_problem_with_an_id_that_is_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with World().running(publisher=Broken()) as world:
        asked = {"recipient_id": "ada", "type": "order.shipped", "to": {"email": "ada@example.com"}}
        reply = await world.post("/v1/notifications", asked)
    assert (reply.status, reply.body["type"]) == (500, "/docs#problem-internal")
    assert "hunter2" not in reply.text
    assert "RuntimeError" not in reply.text
    logged = "".join(capsys.readouterr())
    assert reply.body["error_id"] in logged
    assert "RuntimeError" in logged
    assert "hunter2" not in logged
    assert "ada@example.com" not in logged
