"""`same_records` can be 1, and can be 0."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from ops.bench.router.contenders.plain_rule import PlainRule
from ops.bench.router.data import Mix, catalogue
from ops.bench.router.filling import Filling, Notifications
from ops.bench.router.ground import Ground
from ops.bench.router.same_records import compare
from schemas.codec import Codec
from schemas.headers import Headers, replaced
from streams.agents.router_topics import RouterTopics

CODEC = Codec()
EVENTS = 20


@dataclass(frozen=True)
class Out:
    """A record to be written; `topic` without the prefix."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


def outputs() -> list[Out]:
    topics, maker = RouterTopics.named(), Notifications(Mix())
    rule = PlainRule(catalogue(10), {}, topics)
    made = []
    for number in range(EVENTS):
        priority, value, key, headers = maker.made(number)
        for topic, out, stamped in rule.outputs(topics.notifications[priority], key, value, headers, rule.stamps()):
            made.append(Out(topic, key, out, stamped))
    return made


def with_field(out: Out, **changes: object) -> Out:
    schema = "Decision" if out.topic == "decisions" else "Delivery"
    return replace(out, value=CODEC.encode(schema, {**CODEC.decode(schema, out.value), **changes}))


def with_header(out: Out, **changes: bytes) -> Out:
    return replace(out, headers=replaced(out.headers, changes))


def written(ground: Ground, prefix: str, records: list[Out]) -> None:
    filling = Filling(ground.bootstrap_servers)
    for out in records:
        filling.write(prefix + out.topic, out.value, out.key, out.headers)
    filling.flush()


def first(records: list[Out], schema: str) -> int:
    return next(at for at, out in enumerate(records) if (out.topic == "decisions") == (schema == "Decision"))


def changed(schema: str, change: Callable[[Out], Out]) -> Callable[[list[Out]], list[Out]]:
    def tampered(records: list[Out]) -> list[Out]:
        at = first(records, schema)
        return [*records[:at], change(records[at]), *records[at + 1 :]]

    return tampered


Tampering = Callable[[list[Out]], list[Out]]
SAME: dict[str, Tampering] = {
    "as it is": lambda records: records,
    "in another order": lambda records: records[::-1],
    "decided at another time": changed("Decision", lambda out: with_field(out, decided_at=1)),
    "stamped at another time": changed("Delivery", lambda out: with_header(out, ce_time=b"x")),
    "headers in another order": changed("Delivery", lambda out: replace(out, headers=out.headers[::-1])),
}  # fmt: skip
TAMPERED: dict[str, Tampering] = {
    "a field of a decision": changed("Decision", lambda out: with_field(out, category="other")),
    "a field of a delivery": changed("Delivery", lambda out: with_field(out, decided_by="nobody")),
    "a header": changed("Delivery", lambda out: with_header(out, ce_id=b"x")),
    "a header that is missing": changed("Decision", lambda out: replace(out, headers=out.headers[1:])),
    "a key": changed("Delivery", lambda out: replace(out, key=b"other")),
    "a topic": changed("Delivery", lambda out: replace(out, topic="deliveries.webhook.low")),
    "a decision twice": lambda records: [*records, records[first(records, "Decision")]],
    "a delivery that is missing": lambda records: [
        out for at, out in enumerate(records) if at != first(records, "Delivery")
    ],
    "a dead letter": lambda records: [*records, replace(records[0], topic="dead-letters")],
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_records_are_the_same(ground: Ground, how: str) -> None:
    records = outputs()
    with ground.outputs("a") as ours, ground.outputs("b") as theirs:
        written(ground, ours, SAME[how](records))
        written(ground, theirs, records)
        comparison = compare(ground.bootstrap_servers, ours, theirs, decisions=EVENTS)
    assert comparison.same, comparison.told()
    assert comparison.records == len(records)


@pytest.mark.parametrize("how", TAMPERED)
def test_one_record_that_differs_is_found_and_told(ground: Ground, how: str) -> None:
    records = outputs()
    with ground.outputs("a") as ours, ground.outputs("b") as theirs:
        written(ground, ours, TAMPERED[how](records))
        written(ground, theirs, records)
        either_way = [
            compare(ground.bootstrap_servers, ours, theirs, decisions=EVENTS),
            compare(ground.bootstrap_servers, theirs, ours, decisions=EVENTS),
        ]
    for comparison in either_way:
        assert not comparison.same
        assert ours in comparison.told()
        assert theirs in comparison.told()


def test_two_that_wrote_nothing_are_no_success(ground: Ground) -> None:
    with ExitStack() as made:
        ours, theirs = (made.enter_context(ground.outputs(name)) for name in "ab")
        comparison = compare(ground.bootstrap_servers, ours, theirs, decisions=EVENTS)
    assert not comparison.same
    assert "20 are right" in comparison.told()


def test_what_cannot_be_decoded_is_an_error_and_not_a_difference(ground: Ground) -> None:
    records = outputs()
    broken = [replace(records[0], value=records[0].value + b"more"), *records[1:]]
    with ground.outputs("a") as ours, ground.outputs("b") as theirs:
        written(ground, ours, broken)
        written(ground, theirs, broken)
        with pytest.raises(ValueError, match="left over"):
            compare(ground.bootstrap_servers, ours, theirs, decisions=EVENTS)
