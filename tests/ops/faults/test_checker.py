"""The checker finds what is wrong: each kind of wrong is planted in good outputs, and nothing else is found."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ops.faults.lanes import LANES, Label, label_of
from ops.faults.ledger import Ledger
from ops.faults.reader import Written
from ops.faults.router.checker import Checker
from ops.faults.router.traffic import KINDS, Rule
from ops.faults.verdict import Findings
from schemas import headers as names
from schemas import topics
from schemas.codec import Codec
from streams.domain.notification import Priority
from tests.ops.faults.outputs import CATALOGUE, Run

SHIPPED = 0
DEAD = [number for number, kind in enumerate(KINDS) if kind.spoil or kind.type == "no.such.type"]
LANE = next(number for number, lane in enumerate(LANES) if lane.priority is Priority.NORMAL)
EMAIL = "deliveries.email.normal"


@pytest.fixture
def run() -> Run:
    """Three inputs of every kind for every wish, at every priority; LANE is that of a recipient without wishes."""
    made = Run()
    for lane in range(18):
        for kind in [*range(len(KINDS)), *range(len(KINDS)), *range(len(KINDS))]:
            made.send(lane, kind)
    return made


def wrong(findings: Findings) -> tuple[int, int, int, int]:
    """(lost, duplicated, out of order, unexpected)."""
    return findings.lost, findings.duplicated, findings.out_of_order, findings.unexpected


def test_good_outputs_are_good(run: Run) -> None:
    found = run.judged()
    assert wrong(found) == (0, 0, 0, 0), found.examples
    assert found.accepted == 18 * 3 * len(KINDS)
    assert found.expected == found.written == len(run.outputs)
    per_topic = {each.topic for each in run.outputs}
    assert {topics.DECISIONS, topics.DEAD_LETTERS, EMAIL, "deliveries.webhook.low"} <= per_topic


@pytest.mark.parametrize("topic", [topics.DECISIONS, EMAIL, "deliveries.webhook.normal"])
def test_a_missing_output_is_a_loss(run: Run, topic: str) -> None:
    del run.outputs[run.of(Label(LANE, 0), topic)]
    found = run.judged()
    assert wrong(found) == (1, 0, 0, 0)
    assert found.examples == (f"lost: person-0.normal.0 (order.shipped) is not on {topic}",)


@pytest.mark.parametrize("kind", DEAD)
def test_a_missing_dead_letter_is_a_loss(run: Run, kind: int) -> None:
    del run.outputs[run.of(Label(LANE, kind), topics.DEAD_LETTERS)]
    assert wrong(run.judged()) == (1, 0, 0, 0)


def test_an_input_that_leaves_nothing_at_all_loses_each_of_its_outputs(run: Run) -> None:
    for topic in (topics.DECISIONS, EMAIL, "deliveries.webhook.normal"):
        del run.outputs[run.of(Label(LANE, 0), topic)]
    assert wrong(run.judged()) == (3, 0, 0, 0)


def test_an_input_that_kafka_never_confirmed_may_come_out_or_not() -> None:
    run = Run()
    run.send(LANE, SHIPPED)
    run.send(LANE, SHIPPED, confirmed=False)
    assert wrong(run.judged()) == (0, 0, 0, 0)
    run.outputs = run.outputs[:3]
    assert wrong(run.judged()) == (0, 0, 0, 0)


def test_an_output_that_comes_again_is_a_duplicate_and_breaks_no_order(run: Run) -> None:
    run.outputs.append(run.outputs[run.of(Label(LANE, 0), EMAIL)])
    found = run.judged()
    assert wrong(found) == (0, 1, 0, 0)
    assert found.duplicates_share == 1 / found.expected


def test_work_that_is_done_again_from_an_earlier_point_is_duplicates_only() -> None:
    run = Run()
    for _ in range(20):
        run.send(LANE, SHIPPED)
    before = len(run.outputs)
    run.outputs += run.outputs[before // 2 :]
    run.send(LANE, SHIPPED)
    assert wrong(run.judged()) == (0, before // 2, 0, 0)


@pytest.mark.parametrize("topic", [topics.DECISIONS, EMAIL])
def test_two_outputs_of_a_lane_that_changed_places_are_out_of_order(run: Run, topic: str) -> None:
    first, second = run.of(Label(LANE, 0), topic), run.of(Label(LANE, 1), topic)
    run.outputs[first], run.outputs[second] = run.outputs[second], run.outputs[first]
    assert wrong(run.judged()) == (0, 0, 1, 0)


def test_the_order_of_other_lanes_among_each_other_is_free(run: Run) -> None:
    run.outputs.sort(key=lambda written: written.key or b"", reverse=True)
    assert wrong(run.judged()) == (0, 0, 0, 0)


def test_dead_letters_that_changed_places_are_out_of_order(run: Run) -> None:
    first, second = (run.of(Label(LANE, kind), topics.DEAD_LETTERS) for kind in DEAD[:2])
    run.outputs[first], run.outputs[second] = run.outputs[second], run.outputs[first]
    assert wrong(run.judged()) == (0, 0, 1, 0)


@dataclass(frozen=True, slots=True)
class Spoilt:
    """One output, changed: it is no longer what was asked for, so it is unexpected, and what was asked for is lost."""

    what: str
    topic: str
    change: Callable[[Written], Written]
    told: str
    number: int = 0


def _changed_field(name: str, value: object) -> Callable[[Written], Written]:
    def change(written: Written) -> Written:
        schema = "Decision" if written.topic == topics.DECISIONS else "Delivery"
        codec = Codec()
        return written._replace(value=codec.encode(schema, {**codec.decode(schema, written.value), name: value}))

    return change


def _header(name: str, value: bytes) -> Callable[[Written], Written]:
    return lambda written: written._replace(headers=[*(h for h in written.headers if h[0] != name), (name, value)])


def _inner(written: Written) -> Written:
    codec = Codec()
    value = codec.decode("Delivery", written.value)
    return written._replace(
        value=codec.encode("Delivery", {**value, "notification": {**value["notification"], "data": "{}"}})
    )


SPOILT = [
    Spoilt("a locale", EMAIL, _changed_field("locale", "xx"), "locale is 'xx'"),
    Spoilt("a delivery id", EMAIL, _changed_field("delivery_id", "0"), "delivery_id is '0'"),
    Spoilt("a channel", EMAIL, _changed_field("channel", "webhook"), "channel is 'webhook'"),
    Spoilt("the forwarded notification", EMAIL, _inner, "notification is"),
    Spoilt("a verdict", topics.DECISIONS, _changed_field("channels", []), "channels is []"),
    Spoilt("a version", topics.DECISIONS, _changed_field("preference_version", 9), "preference_version is 9"),
    Spoilt("a recipient", topics.DECISIONS, _changed_field("recipient_id", "x"), "recipient_id is 'x'"),
    Spoilt("an id too high", topics.DECISIONS, _changed_field("notification_id", "person-0.normal.99"), "never sent"),
    Spoilt("a foreign id", topics.DECISIONS, _changed_field("notification_id", "who"), "no id of ours: 'who'"),
    Spoilt("a priority's topic", EMAIL, lambda w: w._replace(topic="deliveries.email.low"), "another priority"),
    Spoilt("a channel's topic", EMAIL, lambda w: w._replace(topic="deliveries.webhook.normal"), "channel is 'email'"),
    Spoilt("a key", EMAIL, lambda w: w._replace(key=b"person-1"), "its key is not its recipient"),
    Spoilt("no key", EMAIL, lambda w: w._replace(key=None), "its key is not its recipient"),
    Spoilt("a byte too many", EMAIL, lambda w: w._replace(value=(w.value or b"") + b"x"), "more bytes than one record"),
    Spoilt("a byte too few", EMAIL, lambda w: w._replace(value=(w.value or b"")[:-1]), "cannot be read"),
    Spoilt("no value", topics.DECISIONS, lambda w: w._replace(value=None), "not framed"),
    Spoilt("a frame", topics.DECISIONS, lambda w: w._replace(value=bytes(10) + (w.value or b"")[10:]), "not framed"),
    Spoilt("an event's id", EMAIL, _header(names.ID, b"x"), "ce_id is b'x'"),
    Spoilt("a trace", topics.DECISIONS, _header(names.TRACE_PARENT, b"x"), "traceparent is b'x'"),
    Spoilt("a dead letter's bytes", topics.DEAD_LETTERS, lambda w: w._replace(value=b"x"), "not the bytes", DEAD[1]),
    Spoilt("a dead letter's kind", topics.DEAD_LETTERS, _header(names.FAILURE_KIND, b"x"), "failure_kind", DEAD[0]),
]  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: spoilt.what)
def test_an_output_that_says_anything_else_is_unexpected(run: Run, spoilt: Spoilt) -> None:
    at = run.of(Label(LANE, spoilt.number), spoilt.topic)
    run.outputs[at] = spoilt.change(run.outputs[at])
    found = run.judged()
    assert wrong(found) == (1, 0, 0, 1), found.examples
    assert any(spoilt.told in text for text in found.examples if text.startswith("unexpected")), found.examples


def test_a_dead_letter_that_names_another_origin_is_unexpected(run: Run) -> None:
    at = run.of(Label(LANE, DEAD[0]), topics.DEAD_LETTERS)
    run.outputs[at] = _header(names.ORIGIN_OFFSET, b"12345")(run.outputs[at])
    assert wrong(run.judged()) == (0, 0, 0, 1)


def test_an_output_on_another_partition_than_its_input_is_unexpected(run: Run) -> None:
    at = run.of(Label(LANE, 0), EMAIL)
    run.outputs[at] = run.outputs[at]._replace(partition=0)
    found = run.judged()
    assert wrong(found) == (0, 0, 0, 1)
    assert found.examples == ("unexpected: outputs of person-0 on partitions {0}, its inputs on 3",)


def test_what_a_recipient_does_not_want_must_not_be_delivered(run: Run) -> None:
    mutes_webhooks = LANE + len(Priority)
    wanted = run.outputs[run.of(Label(mutes_webhooks, 0), EMAIL)]
    forged = _changed_field("channel", "webhook")(wanted._replace(topic="deliveries.webhook.normal"))
    run.outputs.append(forged)
    found = run.judged()
    assert wrong(found) == (0, 0, 0, 1)
    assert "must not be delivered by webhook" in found.examples[0]


def test_a_good_record_must_not_be_a_dead_letter(run: Run) -> None:
    dead = run.outputs[run.of(Label(LANE, DEAD[0]), topics.DEAD_LETTERS)]
    run.outputs.append(_header(names.ID, b"person-0.normal.0")(dead))
    assert wrong(run.judged()) == (0, 0, 0, 1)


def test_the_rule_says_what_a_person_would() -> None:
    rule = Rule(CATALOGUE)
    by_wish = [sorted(rule.expected(wish, SHIPPED).deliveries or ()) for wish in range(6)]
    assert by_wish == [["email", "webhook"], ["email"], [], ["email", "webhook"], [], ["email", "webhook"]]
    letter, reset, expired = 2, 3, 5
    assert [sorted(rule.expected(wish, letter).deliveries or ()) for wish in (0, 3, 4)] == [["email"], [], []]
    assert all(sorted(rule.expected(wish, reset).deliveries or ()) == ["email"] for wish in range(6))
    assert all(not rule.expected(wish, expired).deliveries for wish in range(6))
    assert [rule.expected(0, kind).dead for kind in DEAD] == ["permanent", "poison", "poison", "poison"]


def test_nothing_sent_and_nothing_found_is_nothing() -> None:
    assert Checker(Ledger(), Rule(CATALOGUE)).findings() == Findings(0, 0, 0)


@pytest.mark.parametrize("text", ["", "x", "person-0.normal", "person-0.normal.x", "person-999.low.1", "person-0.1"])
def test_ids_that_are_not_ours_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no id of ours|invalid literal"):
        label_of(text)
