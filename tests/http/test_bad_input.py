"""What is refused, with which status, and which field is named."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from connectors.http.body_limit import MAX_BYTES
from connectors.http.problems import MEDIA_TYPE
from tests.http.api import Reply, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/notifications"
GOOD: dict[str, Any] = {"recipient_id": "ada", "type": "order.shipped", "to": {"email": "ada@example.com"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    """One for all: nothing that is refused leaves a trace."""
    async with World().running() as running:
        yield running


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"recipient_id": ""}, "recipient_id", "at least 1"),
    ({"recipient_id": "x" * 201}, "recipient_id", "at most 200"),
    ({"recipient_id": "a\nb"}, "recipient_id", "control"),
    ({"recipient_id": 7}, "recipient_id", "a text"),
    ({"recipient_id": None}, "recipient_id", "a text"),
    ({"type": "order.shiped"}, "type", "did you mean order.shipped"),
    ({"type": "zzz"}, "type", "there are newsletter, order.shipped, password.reset"),
    ({"notification_id": "17"}, "notification_id", "UUID"),
    ({"notification_id": "{0198c5a0-6f3e-7c21-9d4e-2f1a5b3c7d90}"}, "notification_id", "UUID"),
    ({"priority": "urgent"}, "priority", "'high', 'normal' or 'low'"),
    ({"data": [1]}, "data", "an object"),
    ({"data": deep(33)}, "data", "32 levels"),
    ({"data": {"a": "\ud800"}}, "data", "surrogate"),
    ({"channels": ["email", "fax"]}, "channels.1", "there are email, sms, webhook"),
    ({"channels": "email"}, "channels", "a list"),
    ({"type": "newsletter", "channels": ["webhook"]}, "channels.0", "nothing to say on webhook"),
    ({"to": {"fax": "1"}}, "to.fax", "no channel 'fax'"),
    ({"to": {"email": "ada"}}, "to.email", "name@domain"),
    ({"to": {"email": "ada@example.com\r\nBcc: eve@example.com"}}, "to.email", "before the @"),
    ({"to": {"webhook": "ftp://example.com"}}, "to.webhook", "https://"),
    ({"to": {"webhook": "https://user:secret@example.com"}}, "to.webhook", "password"),
    ({"to": {"email": 1}}, "to.email", "a text"),
    ({"locale": "de_AT"}, "locale", "de-AT"),
    ({"expires_at": "2030-01-01"}, "expires_at", "RFC 3339"),
    ({"expires_at": "2030-01-01T00:00:00"}, "expires_at", "RFC 3339"),
    ({"expires_at": "2030-02-30T00:00:00Z"}, "expires_at", "does not exist"),
    ({"expires_at": 1_900_000_000_000}, "expires_at", "a text"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "past"),
    ({"tenant": ""}, "tenant", "at least 1"),
    ({"metadata": {"a": 1}}, "metadata.a", "a text"),
    ({"dedupe_key": "x"}, "dedupe_key", "there are channels, data, expires_at"),
    ({"to": {}}, "recipient_id", "PUT /v1/recipients/ada"),
]


def assert_problem(reply: Reply, status: int, name: str) -> None:
    assert (reply.status, reply.body["status"], reply.headers["content-type"]) == (status, status, MEDIA_TYPE)
    assert reply.body["type"] == f"/docs#problem-{name}"
    assert reply.body["title"]
    assert reply.body["detail"]
    assert "Traceback" not in reply.text


@pytest.mark.parametrize(
    ("change", "field", "words"), WRONG, ids=[f"{field}-{at}" for at, (_, field, _) in enumerate(WRONG)]
)
async def test_422_names_the_field_and_says_what_to_do(
    world: World, change: dict[str, Any], field: str, words: str
) -> None:
    before = len(world.publisher.records)
    reply = await world.post(PATH, {**GOOD, **change})
    assert_problem(reply, 422, "invalid")
    told = {each["field"]: each["detail"] for each in reply.body["errors"]}
    assert set(told) == {field}
    assert words in told[field]
    assert len(world.publisher.records) == before


async def test_a_recipient_without_an_address_on_any_wanted_channel_is_refused(world: World) -> None:
    await world.put("/v1/recipients/ben", {"addresses": {"webhook": "https://example.com/hook"}})
    reply = await world.post(PATH, {"recipient_id": "ben", "type": "order.shipped", "channels": ["email"]})
    assert (reply.status, reply.fields) == (422, {"to"})
    assert "no address for email" in reply.body["detail"]


async def test_every_wrong_field_is_named_at_once(world: World) -> None:
    reply = await world.post(PATH, {"priority": "urgent", "locale": "_"})
    assert (reply.status, reply.fields) == (422, {"recipient_id", "type", "priority", "locale"})


@pytest.mark.parametrize(
    ("body", "status", "name", "words"),
    [
        (b'{"recipient_id": "ada",', 400, "invalid-json", "position 23"),
        (b'{"a": NaN}', 422, "invalid", "no field 'a'"),
        (b"\xff\xfe\x00", 400, "invalid-json", "UTF-8"),
        (b"[" * 100_000, 400, "invalid-json", "nested"),
        (b'{"a": ' + b"9" * 5_000 + b"}", 400, "invalid-json", "long a number"),
        (b"[]", 422, "invalid", "a JSON object"),
        (b"null", 422, "invalid", "JSON object"),
        (b"", 422, "invalid", "JSON object"),
    ],
    ids=["cut", "nan", "no-utf-8", "deep", "long-number", "list", "null", "empty"],
)
async def test_a_body_that_is_no_json_object(world: World, body: bytes, status: int, name: str, words: str) -> None:
    reply = await world.call("POST", PATH, data=body, headers={"Content-Type": "application/json"})
    assert_problem(reply, status, name)
    assert words in reply.body["detail"]


async def test_nan_in_data_is_refused_for_it_is_not_json(world: World) -> None:
    body = json.dumps({**GOOD, "data": {"a": float("nan")}}).encode()
    reply = await world.call("POST", PATH, data=body, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.fields) == (422, {"data"})


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
async def test_415_for_another_content_type(world: World, kind: str) -> None:
    reply = await world.call("POST", PATH, data=json.dumps(GOOD).encode(), headers={"Content-Type": kind})
    assert_problem(reply, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/cloudevents+json"]
)
async def test_any_spelling_of_json_is_taken(world: World, kind: str) -> None:
    reply = await world.call("POST", PATH, data=json.dumps(GOOD).encode(), headers={"Content-Type": kind})
    assert reply.status == 202


async def test_413_is_said_before_a_body_is_read_whose_length_is_declared(world: World) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(MAX_BYTES + 1), "Expect": "100-continue"}

    sent = []

    async def body() -> Any:
        sent.append("the body")
        yield b" " * (MAX_BYTES + 1)

    reply = await world.call("POST", PATH, data=body(), headers=headers)
    assert_problem(reply, 413, "body-too-large")
    assert sent == []


async def test_413_when_a_streamed_body_turns_out_too_long(world: World) -> None:
    async def chunks() -> Any:
        for _ in range(MAX_BYTES // 1024 + 1):
            yield b" " * 1024

    reply = await world.call("POST", PATH, data=chunks(), headers={"Content-Type": "application/json"})
    assert_problem(reply, 413, "body-too-large")


async def test_a_body_of_just_the_size_that_is_allowed_is_taken(world: World) -> None:
    empty = len(json.dumps({**GOOD, "data": {"a": ""}}))
    body = json.dumps({**GOOD, "data": {"a": "x" * (MAX_BYTES - empty)}}).encode()
    assert len(body) == MAX_BYTES
    reply = await world.call("POST", PATH, data=body, headers={"Content-Type": "application/json"})
    assert reply.status == 202


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/v1/nothing", 404, "not-found"),
        ("GET", "/v1/notifications/", 404, "not-found"),
        ("GET", "/v1/notifications/0198c5a0-6f3e-7c21-9d4e-2f1a5b3c7d90", 404, "not-found"),
        ("GET", "/v1/notifications/%00", 404, "not-found"),
        ("GET", "/v1/recipients/nobody", 404, "not-found"),
        ("GET", "/v1/recipients/nobody/preferences", 404, "not-found"),
        ("DELETE", "/v1/recipients/nobody", 404, "not-found"),
        ("GET", f"/v1/recipients/{'x' * 201}", 422, "invalid"),
        ("GET", "/v1/recipients/a%07b", 422, "invalid"),
        ("GET", "/v1/dead-letters/1-1", 404, "not-found"),
        ("GET", "/v1/dead-letters/%00", 404, "not-found"),
        ("POST", "/v1/dead-letters/1-1/redrive", 404, "not-found"),
        ("GET", "/v1/dead-letters?limit=0", 422, "invalid"),
        ("GET", "/v1/dead-letters?before=nonsense", 422, "invalid"),
        ("GET", "/v1/dead-letters?channel=fax", 422, "invalid"),
        ("DELETE", "/v1/notifications", 405, "method-not-allowed"),
    ],
)
async def test_paths_and_parameters(world: World, method: str, path: str, status: int, name: str) -> None:
    assert_problem(await world.call(method, path), status, name)
