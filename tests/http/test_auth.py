"""Who may call."""

import pytest

from connectors import api_key
from connectors.http.auth import FRESH_SECONDS, Keys
from connectors.memory.api_keys import ApiKeysInMemory
from connectors.unavailable import Unavailable
from tests.http.api import World

OPEN = ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json")
GUARDED = ("/v1/catalogue", "/v1/notifications/x", "/v1/dead-letters", "/v1/nothing", "/v1")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_open_paths_need_no_key_and_all_below_v1_do(world: World) -> None:
    bare = {"Authorization": ""}
    assert {(await world.get(path, headers=bare)).status for path in OPEN} == {200}
    for path in GUARDED:
        reply = await world.get(path, headers=bare)
        assert (reply.status, reply.body["type"]) == (401, "/docs#problem-unauthorized")
        assert reply.headers["www-authenticate"].startswith("Bearer")


async def test_both_headers_are_understood(world: World) -> None:
    assert (await world.get("/v1/catalogue")).status == 200
    assert (await world.get("/v1/catalogue", headers={"Authorization": f"bearer {world.key}"})).status == 200
    assert (await world.get("/v1/catalogue", headers={"Authorization": "", "X-API-Key": world.key})).status == 200


async def test_a_wrong_key_is_refused_before_its_body_is_looked_at(world: World) -> None:
    key_id, secret = world.key.split(".")
    other = "A" if secret[-1] != "A" else "B"
    for wrong in (
        f"{key_id}.{secret[:-1]}{other}",
        f"{key_id}.",
        secret,
        "tdg_.x",
        f"{key_id}.{secret}x",
        "tdg_\xe4.b",
    ):
        reply = await world.post("/v1/notifications", {}, headers={"Authorization": f"Bearer {wrong}"})
        assert (reply.status, reply.body["status"]) == (401, 401), wrong


async def test_a_key_that_cannot_be_checked_is_503(world: World) -> None:
    world.keys.away = True
    reply = await world.get("/v1/catalogue")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


async def test_a_key_is_looked_up_once_in_five_seconds_and_a_revoked_one_is_refused_after_that() -> None:
    kept, clock = ApiKeysInMemory(), Clock()
    keys, key = Keys(kept, clock), kept.create()
    assert [await keys.check(key) for _ in range(3)] == [True] * 3
    assert kept.asked == 1
    kept.revoke(key)
    clock.now += FRESH_SECONDS - 0.1
    assert await keys.check(key)
    clock.now += 0.2
    assert not await keys.check(key)
    assert not await keys.check(key)


async def test_a_new_key_works_at_once_even_if_it_was_refused_before() -> None:
    kept = ApiKeysInMemory()
    keys, made = Keys(kept, Clock()), api_key.make()
    assert not await keys.check(made.text)
    kept._hashes[made.key_id] = api_key.hash_of(made.secret)
    assert await keys.check(made.text)


async def test_while_postgresql_is_away_a_known_key_stays_good_for_an_hour() -> None:
    kept, clock = ApiKeysInMemory(), Clock()
    keys, key = Keys(kept, clock), kept.create()
    assert await keys.check(key)
    kept.away = True
    clock.now += FRESH_SECONDS + 1
    assert [await keys.check(key) for _ in range(5)] == [True] * 5
    clock.now += 3600
    with pytest.raises(Unavailable):
        await keys.check(key)


async def test_a_stranger_is_not_let_in_because_postgresql_is_away() -> None:
    kept = ApiKeysInMemory()
    keys = Keys(kept, Clock())
    kept.away = True
    with pytest.raises(Unavailable):
        await keys.check(api_key.make().text)
    assert not await keys.check("no key at all")


def test_a_key_does_not_show_its_secret_when_it_is_printed() -> None:
    made = api_key.make()
    assert made.secret not in repr(made)
    assert len(made.secret) >= 43
    assert api_key.parse(made.text) == made
    assert api_key.hash_of(made.secret) != made.secret.encode()
