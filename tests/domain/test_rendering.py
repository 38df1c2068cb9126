import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.domain.catalogue import Catalogue, Category, NotificationType, Template
from streams.domain.delivery import Delivery
from streams.domain.notification import Channel, Notification, Priority, delivery_id
from streams.domain.rendering import WEBHOOK_BYTES, Renderer, RenderingFailed, one_line, values, webhook_body

PARTS = {
    "subject": "Order {{ order }}",
    "html": "<p>{{ name }}</p>",
    "text": "Hello {{ name }}, {{ notification.recipient_id }}, {{ notification.locale }}",
}


def renderer(parts: Mapping[str, str] = PARTS) -> Renderer:
    shipped = NotificationType(
        "order.shipped",
        "Order on its way",
        Category("shipping", "Orders"),
        (Channel.EMAIL, Channel.WEBHOOK),
        templates={Channel.EMAIL: Template(parts)},
    )
    return Renderer(Catalogue("v1", {shipped.name: shipped}))


def delivery(channel: Channel = Channel.EMAIL, data: str = '{"order": 7, "name": "Ada"}', **changes: Any) -> Delivery:
    told = replace(
        Notification("n-1", "r-1", "order.shipped", Priority.NORMAL, 1_795_000_000_123, data=data), **changes
    )
    return Delivery(delivery_id("n-1", channel), channel, "de", "shipping", "v1", 1, "system", told)


def test_a_mail_has_subject_html_and_text() -> None:
    message = renderer().compose(delivery(), "ada@example.com", 2)
    assert message.parts == {"subject": "Order 7", "html": "<p>Ada</p>", "text": "Hello Ada, r-1, de"}
    assert (message.address, message.attempt, message.type) == ("ada@example.com", 2, "order.shipped")
    assert message.delivery_id == delivery().delivery_id


def test_only_html_escapes() -> None:
    parts = renderer().compose(delivery(data='{"order": "<7>", "name": "<b>"}'), "a@example.com", 1).parts
    assert parts["html"] == "<p>&lt;b&gt;</p>"
    assert parts["subject"] == "Order <7>"
    assert parts["text"].startswith("Hello <b>")


def test_a_layout_frames_the_html_and_sees_content_and_subject() -> None:
    framed = {**PARTS, "layout": "<title>{{ subject }}</title>{{ content }}<i>{{ notification.type }}</i>"}
    parts = renderer(framed).compose(delivery(data='{"order": "<", "name": "&"}'), "a@example.com", 1).parts
    assert parts["html"] == "<title>Order &lt;</title><p>&amp;</p><i>order.shipped</i>"
    assert "layout" not in parts


def test_data_cannot_pose_as_the_notification() -> None:
    posed = delivery(data='{"notification": {"recipient_id": "other"}, "name": "Ada", "order": 1}')
    assert renderer().compose(posed, "a@example.com", 1).parts["text"] == "Hello Ada, r-1, de"


@pytest.mark.parametrize(
    ("order", "subject"),
    [
        ("7\r\nBcc: eve@example.com", "Order 7 Bcc: eve@example.com"),
        ("  7\t\t8 ", "Order 7 8"),
        ("7\x00\x1b\u2028\x859", "Order 7 9"),
    ],
)
def test_a_subject_is_one_line(order: str, subject: str) -> None:
    data = json.dumps({"order": order, "name": "Ada"})
    assert renderer().compose(delivery(data=data), "a@example.com", 1).parts["subject"] == subject


@settings(deadline=None)
@given(text=st.text())
def test_one_line_has_no_line_break_or_control_character(text: str) -> None:
    line = one_line(text)
    assert line.splitlines() in ([line], [])
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": '{"order": 7}'}, "order.shipped/email.html: line 1: name is undefined"),
        ({"data": '{"order": 7, "name": null}'}, "order.shipped/email.html: line 1: `<p>{{ name }}</p>` is null"),
        ({"data": "[1]"}, "data is not a JSON object"),
        ({"data": "nonsense"}, "data is not JSON"),
        ({"data": '{"name": NaN}'}, "data is not JSON"),
        ({"data": "[" * 100_000}, "data is not JSON"),
        ({"data": '{"order": "\\ud800", "name": "Ada"}'}, "order.shipped/email.subject: a value is not valid Unicode"),
        ({"type": "order.lost"}, "the catalogue has no type 'order.lost'"),
        ({"created_at": 10**18}, "created_at is no time"),
    ],
)
def test_what_cannot_be_rendered_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(RenderingFailed) as failed:
        renderer().compose(delivery(**changes), "ada@example.com", 1)
    assert failed.value.reason.startswith(reason)


def test_a_part_that_renders_to_nothing_fails() -> None:
    with pytest.raises(RenderingFailed, match=r"email\.subject: it is empty"):
        renderer({**PARTS, "subject": "{% if missing %}x{% endif %}"}).compose(delivery(), "a@example.com", 1)


def test_a_type_without_words_for_a_channel_fails() -> None:
    bare = NotificationType("order.shipped", "", Category("shipping", ""), (Channel.WEBHOOK,))
    with pytest.raises(RenderingFailed, match="no template for email"):
        Renderer(Catalogue("v", {bare.name: bare})).compose(delivery(), "a@example.com", 1)


def test_a_template_is_compiled_once() -> None:
    one = renderer()
    one.compose(delivery(), "a@example.com", 1)
    first = dict(one._pages)
    one.compose(delivery(), "a@example.com", 1)
    assert list(first) == [("order.shipped", Channel.EMAIL)]
    assert all(one._pages[known] is page for known, page in first.items())


@pytest.mark.parametrize(
    ("created_at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_795_000_000_007, "2026-11-18T11:06:40.007Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_moment_is_told_to_the_millisecond(created_at: int, text: str) -> None:
    told = replace(delivery(Channel.WEBHOOK).notification, created_at=created_at)
    sent = replace(delivery(Channel.WEBHOOK), notification=told)
    assert json.loads(webhook_body(sent))["timestamp"] == text


def test_a_webhook_carries_type_timestamp_data_and_ids() -> None:
    sent = delivery(Channel.WEBHOOK)
    body = renderer().compose(sent, "https://example.com", 1).parts["body"]
    assert json.loads(body) == {
        "type": "order.shipped",
        "timestamp": "2026-11-18T11:06:40.123Z",
        "data": {"order": 7, "name": "Ada"},
        "notification_id": "n-1",
        "delivery_id": sent.delivery_id,
    }


def test_numbers_in_a_webhook_keep_their_digits() -> None:
    data = '{"total":12.50,"big":12345678901234567890.10}'
    assert f'"data":{data},' in webhook_body(delivery(Channel.WEBHOOK, data=data))


def test_a_webhook_that_is_too_large_fails() -> None:
    data = json.dumps({"text": "x" * WEBHOOK_BYTES})
    with pytest.raises(RenderingFailed, match="larger than 256 kB"):
        webhook_body(delivery(Channel.WEBHOOK, data=data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(data=st.dictionaries(st.text(max_size=5), JSON, max_size=5), kind=st.text(max_size=20))
def test_a_webhook_is_always_json_with_the_same_data(data: dict[str, Any], kind: str) -> None:
    body = webhook_body(delivery(Channel.WEBHOOK, data=json.dumps(data), type=kind))
    read = json.loads(body)
    assert read["data"] == data
    assert read["type"] == kind


@settings(deadline=None)
@given(data=st.dictionaries(st.sampled_from(["order", "name", "x"]), JSON, max_size=3))
def test_any_data_gives_a_whole_mail_or_a_reason(data: dict[str, Any]) -> None:
    try:
        parts = renderer().render(
            "order.shipped", Channel.EMAIL, values(delivery(data=json.dumps(data)).notification, "")
        )
    except RenderingFailed:
        return
    assert parts.keys() == {"subject", "html", "text"}
    assert all(parts.values())
    assert parts["html"].count("<") == 2
