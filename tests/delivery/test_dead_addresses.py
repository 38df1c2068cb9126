"""What a sender does with an address that takes nothing any more, and with a provider's code that nobody knows."""

import pytest
from msgspec.structs import replace

from connectors.memory.provider import permanent, transient
from ops.telemetry import metrics
from streams.domain.address_mark import AddressMark, mark_key
from streams.domain.outcomes import DeadLetter, Outcome
from tests.delivery.builders import delivery, recipient
from tests.delivery.desk import Desk
from tests.delivery.ground import until

ADDRESS = "ada@example.org"
KEY = mark_key("ada", "email", ADDRESS)


def dead() -> DeadLetter:
    outcome = permanent("550 at envelope: no such mailbox")
    return replace(outcome, failure=replace(outcome.failure, address_is_dead=True))


@pytest.mark.parametrize(("outcome", "mark"), [(dead(), KEY), (permanent("550: spam"), None)])
async def test_the_status_tells_which_address_is_dead_and_not_the_address(outcome: Outcome, mark: str | None) -> None:
    desk, mail = Desk(), delivery()
    desk.provider.script([outcome])
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    [told] = desk.told()
    assert (told["status"], told["address_mark"]) == ("dead_lettered", mark)
    assert ADDRESS not in repr(told)


async def test_an_inline_address_is_told_by_its_own_mark() -> None:
    desk, mail = Desk(), delivery(to={"email": "inline@example.org"})
    desk.provider.script([dead()])
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert desk.told()[0]["address_mark"] == mark_key("ada", "email", "inline@example.org")


async def test_a_marked_address_is_suppressed_without_a_call_and_others_are_called() -> None:
    desk, mail, inline = Desk(), delivery(number=1), delivery(number=2, to={"email": "new@example.org"})
    desk.recipients.told["ada"] = recipient(marks={KEY: AddressMark("550: no such mailbox", 1)})
    async with desk.running():
        records = desk.put(mail, inline)
        await until(lambda: all(map(desk.completed, records)))
    assert desk.statuses(mail) == ["suppressed"]
    assert desk.statuses(inline) == ["sent"]
    assert [message.address for message in desk.provider.calls] == ["new@example.org"]
    [suppressed] = [told for told in desk.told() if told["status"] == "suppressed"]
    assert (suppressed["reason"], suppressed["layer"]) == ("address_marked: 550: no such mailbox", "system")


@pytest.mark.parametrize("unlisted", [True, False])
async def test_a_code_that_no_table_has_is_counted(unlisted: bool) -> None:
    desk = Desk()
    answer = transient("599: who knows")
    desk.provider.script([replace(answer, failure=replace(answer.failure, unlisted=unlisted))])
    before = metrics.UNLISTED_CODES.labels("memory")._value.get()
    async with desk.running():
        [record] = desk.put(delivery())
        await until(lambda: desk.completed(record))
    assert metrics.UNLISTED_CODES.labels("memory")._value.get() == before + unlisted
