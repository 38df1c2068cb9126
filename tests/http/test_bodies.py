"""Bodies as values: what they become, and when two are the same."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.http.notification_body import NotificationBody, to_ms
from streams.domain.notification import Priority

ASKED: dict[str, Any] = {"recipient_id": "ada", "type": "order.shipped"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)


def shuffled(value: Any) -> Any:
    """The same JSON with every object the other way round."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(each) for each in value] if isinstance(value, list) else value


@given(OBJECTS)
def test_data_comes_out_as_it_went_in(data: dict[str, Any]) -> None:
    made = NotificationBody(**ASKED, data=data).notification("n", Priority.NORMAL, 1)
    assert json.loads(made.data) == data


@given(OBJECTS)
def test_the_order_of_fields_does_not_matter_for_being_the_same(data: dict[str, Any]) -> None:
    one, other = NotificationBody(**ASKED, data=data), NotificationBody(**ASKED, data=shuffled(data))
    assert one.hash() == other.hash()


@given(OBJECTS, OBJECTS)
def test_other_data_is_another_body(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = NotificationBody(**ASKED, data=one).hash() == NotificationBody(**ASKED, data=other).hash()
    assert same == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


def test_the_order_of_a_list_does_matter() -> None:
    bodies = [NotificationBody(**ASKED, data={"a": order}) for order in ([1, 2], [2, 1])]
    assert bodies[0].hash() != bodies[1].hash()


def test_each_field_makes_another_body() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"recipient_id": "ben"},
        {"type": "newsletter"},
        {"priority": Priority.HIGH},
        {"data": {"a": 1}},
        {"channels": ["email"]},
        {"to": {"email": "ada@example.com"}},
        {"locale": "de"},
        {"expires_at": "2030-01-01T00:00:00Z"},
        {"tenant": "acme"},
        {"metadata": {"a": "b"}},
    ]
    assert {name for change in changes for name in change} == set(NotificationBody.model_fields) - {"notification_id"}
    assert len({NotificationBody(**{**ASKED, **change}).hash() for change in changes}) == len(changes)


def test_times_are_read_with_their_zone() -> None:
    assert to_ms("2030-01-01T00:00:00Z") == to_ms("2029-12-31t23:00:00.000-01:00") == 1_893_456_000_000
    assert to_ms("2030-01-01T00:00:00.1239Z") == 1_893_456_000_123
