"""/v1/recipients and what they want."""

from typing import Any

import pytest

from streams.domain.address_mark import AddressMark, mark_key
from streams.domain.preferences import Choice
from tests.http.api import NOW, World

ADA = "/v1/recipients/ada"
WANTS = f"{ADA}/preferences"
PROFILE = {
    "addresses": {"email": "ada@example.com", "webhook": "http://127.0.0.1:8081/hook"},
    "locale": "de-AT",
    "time_zone": "Europe/Vienna",
    "tenant": "acme",
}


async def test_what_is_saved_is_what_is_read_and_every_change_has_the_next_version(world: World) -> None:
    saved = await world.put(ADA, PROFILE)
    assert (saved.status, saved.body) == (200, {"recipient_id": "ada", "version": 1, **PROFILE, "marks": []})
    assert (await world.get(ADA)).body == saved.body
    assert (await world.put(ADA, {"addresses": {"email": "new@example.com"}})).body == {
        "recipient_id": "ada",
        "version": 2,
        "addresses": {"email": "new@example.com"},
        "locale": None,
        "time_zone": None,
        "tenant": None,
        "marks": [],
    }


async def test_a_change_is_told_to_the_router_and_seen_by_the_senders_at_once(world: World) -> None:
    await world.put(ADA, PROFILE)
    await world.cache.find(["ada"])
    await world.put(ADA, {"addresses": {"email": "new@example.com"}})
    assert [each.version for each in world.store.told] == [1, 2]
    assert (await world.cache.find(["ada"]))["ada"].addresses == {"email": "new@example.com"}


async def test_choices_are_replaced_and_survive_a_change_of_the_profile(world: World) -> None:
    await world.put(ADA, PROFILE)
    choices = [{"wants": False, "category": "marketing", "type": None, "channel": "email"}]
    saved = await world.put(WANTS, {"unsubscribed": True, "choices": choices})
    assert saved.body == {"recipient_id": "ada", "version": 2, "unsubscribed": True, "choices": choices}
    assert (await world.put(ADA, {})).body["version"] == 3
    assert (await world.get(WANTS)).body == {**saved.body, "version": 3}
    assert world.store.told[-1].recipient.preference.choices == (Choice(False, None, "marketing", "email"),)
    assert (await world.put(WANTS, {})).body == {
        "recipient_id": "ada",
        "version": 4,
        "unsubscribed": False,
        "choices": [],
    }


async def test_wishes_can_be_told_before_the_recipient_is_saved(world: World) -> None:
    assert (await world.put(WANTS, {"choices": [{"wants": False}]})).body["version"] == 1
    assert (await world.get(ADA)).body["addresses"] == {}


async def test_an_erased_recipient_is_gone_everywhere_and_can_come_back(world: World) -> None:
    await world.put(ADA, PROFILE)
    gone = await world.call("DELETE", ADA)
    assert (gone.status, gone.text) == (204, "")
    assert {(await world.get(ADA)).status, (await world.get(WANTS)).status} == {404}
    assert (await world.call("DELETE", ADA)).status == 404
    assert (await world.cache.find(["ada"]))["ada"].erased
    assert (world.store.told[-1].erased, world.store.told[-1].version) == (True, 2)
    back = await world.put(ADA, {"addresses": {"email": "ada@example.com"}})
    assert (back.status, back.body["version"]) == (200, 3)


async def test_marked_addresses_are_told_and_tried_again_when_somebody_says_so(world: World) -> None:
    await world.put(ADA, PROFILE)
    for address in ("ada@example.com", "inline@example.com"):
        world.store.mark_address("ada", mark_key("ada", "email", address), AddressMark("550: nobody", NOW + 1))
    await world.cache.find(["ada"])
    told = (await world.get(ADA)).body["marks"]
    assert sorted(each.pop("own") for each in told) == [False, True]
    assert told == [{"channel": "email", "reason": "550: nobody", "marked_at": "2027-01-15T08:00:00.001000Z"}] * 2
    cleared = await world.call("DELETE", f"{ADA}/addresses/email/mark")
    assert (cleared.status, cleared.text) == (204, "")
    assert (await world.get(ADA)).body["marks"] == []
    assert not (await world.cache.find(["ada"]))["ada"].marks
    assert world.store.told[-1].version == 4


async def test_only_what_is_there_can_be_cleared(world: World) -> None:
    assert (await world.call("DELETE", f"{ADA}/addresses/email/mark")).status == 404
    await world.put(ADA, PROFILE)
    assert (await world.call("DELETE", f"{ADA}/addresses/email/mark")).status == 204
    assert (await world.call("DELETE", f"{ADA}/addresses/fax/mark")).status == 422


@pytest.mark.parametrize("identity", ["a/b", "a b", "ü", "a%b", "preferences", "x" * 200])
async def test_any_plain_text_can_be_an_id(world: World, identity: str) -> None:
    import urllib.parse

    path = f"/v1/recipients/{urllib.parse.quote(identity, safe='')}"
    assert (await world.put(path, {})).body["recipient_id"] == identity
    assert (await world.get(f"{path}/preferences")).body["recipient_id"] == identity


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        (ADA, {"addresses": {"email": "ada"}}, "addresses.email", "name@domain"),
        (ADA, {"addresses": {"fax": "1"}}, "addresses.fax", "there are email, webhook, sms"),
        (ADA, {"addresses": {"sms": "0660 1234567"}}, "addresses.sms", "begins with + and the country code"),
        (ADA, {"addresses": []}, "addresses", "an object"),
        (ADA, {"locale": "german!"}, "locale", "de-AT"),
        (ADA, {"time_zone": "Mars/Phobos"}, "time_zone", "Europe/Vienna"),
        (ADA, {"time_zone": "../../etc/passwd"}, "time_zone", "IANA"),
        (ADA, {"tenant": "a\x00"}, "tenant", "control"),
        (ADA, {"email": "ada@example.com"}, "email", "there are addresses, locale, tenant, time_zone"),
        (WANTS, {"choices": [{}]}, "choices.0.wants", "is missing"),
        (WANTS, {"choices": [{"wants": "no"}]}, "choices.0.wants", "true or false"),
        (
            WANTS,
            {"choices": [{"wants": True, "kind": 1}]},
            "choices.0.kind",
            "there are category, channel, type, wants",
        ),
        (WANTS, {"choices": [{"wants": True}, {"wants": True, "type": "news"}]}, "choices.1.type", "newsletter"),
        (WANTS, {"choices": [{"wants": True, "category": "shiping"}]}, "choices.0.category", "did you mean shipping"),
        (WANTS, {"choices": [{"wants": True, "channel": "fax"}]}, "choices.0.channel", "email"),
        (
            WANTS,
            {"choices": [{"wants": False, "category": "security"}]},
            "choices.0.category",
            "'security' is required",
        ),
        (WANTS, {"choices": [{"wants": False, "type": "password.reset"}]}, "choices.0.type", "'security' is required"),
        (
            WANTS,
            {"choices": [{"wants": True, "type": "newsletter", "category": "marketing"}]},
            "choices.0.category",
            "not both",
        ),
        (WANTS, {"choices": [{"wants": True}] * 201}, "choices", "at most 200"),
        (WANTS, {"unsubscribed": 1}, "unsubscribed", "true or false"),
    ],
)
async def test_422_names_the_field(world: World, path: str, body: dict[str, Any], field: str, words: str) -> None:
    reply = await world.put(path, body)
    assert (reply.status, reply.fields) == (422, {field})
    assert words in reply.body["errors"][0]["detail"]
    assert world.store.told == []


async def test_a_required_category_may_be_wanted_and_everything_may_be_muted(world: World) -> None:
    choices = [{"wants": True, "category": "security"}, {"wants": False}, {"wants": False, "channel": "email"}]
    assert (await world.put(WANTS, {"choices": choices})).status == 200
