"""The words of a delivery: from a type's templates and a notification's data to the parts of a message.

Templates see the keys of `data`, and under `notification`: notification_id, recipient_id, type, locale, created_at
(ISO 8601, UTC). A webhook needs no template: its body is JSON in the form Standard Webhooks recommends.
"""

import json
import re
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from typing import NamedTuple, NoReturn

from liquid import Markup

from streams.domain.catalogue import Catalogue
from streams.domain.delivery import Delivery, Message
from streams.domain.moments import iso
from streams.domain.notification import Channel, Notification
from streams.domain.template_language import CompiledTemplate, WrongTemplate, compile_template

PARTS: Mapping[Channel, tuple[str, ...]] = {
    Channel.EMAIL: ("subject", "html", "text"),
    Channel.WEBHOOK: (),
    Channel.SMS: ("text",),
}

LAYOUT = "layout"
"""An optional part: the frame of the html part. It sees also `content` (the rendered html) and `subject`."""

HTML_PARTS = frozenset({"html", LAYOUT})

WEBHOOK_BYTES = 256 * 1024
"""Larger bodies are refused. Standard Webhooks recommends to stay under 20 kB: send an id and let the receiver ask."""

ReadJson = Callable[[str], object]
"""A text as JSON. Raises ValueError or RecursionError."""

_LINE_BREAKS_AND_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class RenderingFailed(Exception):
    """No message can be made of this delivery, now or later. `reason` quotes the template, never a value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Renderer:
    """Renders by one catalogue; each template is parsed once, when it is first needed."""

    def __init__(self, catalogue: Catalogue, read_json: ReadJson | None = None) -> None:
        """`read_json`: a faster one that reads what `plain_json` reads, to the same values."""
        self.catalogue = catalogue
        self._read_json = read_json or plain_json
        self._pages: dict[tuple[str, Channel], _Page] = {}

    def compose(self, delivery: Delivery, address: str, attempt: int) -> Message:
        """What a provider gets for this attempt (from 1). Raises RenderingFailed."""
        told = delivery.notification
        if delivery.channel is Channel.WEBHOOK:
            parts: Mapping[str, str] = {"body": webhook_body(delivery, self._read_json)}
        else:
            parts = self.render(told.type, delivery.channel, values(told, delivery.locale, self._read_json))
        return Message(
            delivery.delivery_id,
            told.notification_id,
            told.type,
            address,
            parts,
            told.created_at,
            attempt,
            told.expires_at,
        )

    def render(self, kind: str, channel: Channel, values: Mapping[str, object]) -> Mapping[str, str]:
        """The parts by name: for e-mail subject (one line), html and text; for SMS text. Raises RenderingFailed."""
        page = self._pages.get((kind, channel))
        if page is None:
            page = self._pages[kind, channel] = self._compile(kind, channel)
        parts = {}
        for part, template, where in page.parts:
            text = _rendered(where, template, values)
            if part == "subject":
                text = one_line(text)
            if not text:
                raise RenderingFailed(f"{where}: it is empty")
            parts[part] = text
        if page.layout is not None:
            framed = {**values, "subject": parts["subject"], "content": Markup(parts["html"])}
            parts["html"] = _rendered(f"layouts/{channel}.html", page.layout, framed)
        return parts

    def _compile(self, kind: str, channel: Channel) -> "_Page":
        known = self.catalogue.types.get(kind)
        if known is None:
            raise RenderingFailed(f"the catalogue has no type {kind!r}")
        template = known.templates.get(channel)
        if template is None:
            raise RenderingFailed(f"{kind}: the catalogue has no template for {channel}")
        compiled = {}
        for part, source in template.parts.items():
            try:
                compiled[part] = compile_template(source, html=part in HTML_PARTS)
            except WrongTemplate as error:
                raise RenderingFailed(f"{kind}/{channel}.{part}: {error}") from None
        parts = tuple((part, compiled[part], f"{kind}/{channel}.{part}") for part in PARTS[channel])
        return _Page(parts, compiled.get(LAYOUT))


class _Page(NamedTuple):
    """What the words of a type on a channel are made of. `parts`: name, template, and what it is called in an error."""

    parts: tuple[tuple[str, CompiledTemplate, str], ...]
    layout: CompiledTemplate | None


def _rendered(where: str, template: CompiledTemplate, values: Mapping[str, object]) -> str:
    try:
        return template.render(values).strip()
    except WrongTemplate as error:
        raise RenderingFailed(f"{where}: {error}") from None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


plain_json: ReadJson = json.JSONDecoder(parse_constant=_no_constant).decode  # made once: json.loads makes one a call


def values(told: Notification, locale: str, read_json: ReadJson = plain_json) -> dict[str, object]:
    """What templates see. A key `notification` in the data is hidden by ours. Raises RenderingFailed."""
    about = {
        "notification_id": told.notification_id,
        "recipient_id": told.recipient_id,
        "type": told.type,
        "locale": locale,
        "created_at": _created(told),
    }
    return {**_object(told.data, read_json), "notification": about}


def webhook_body(delivery: Delivery, read_json: ReadJson = plain_json) -> str:
    """JSON: type, timestamp (ISO 8601), data, notification_id, delivery_id.

    `data` stands in it as it came, so numbers keep their digits. Raises RenderingFailed, also above WEBHOOK_BYTES.
    """
    told = delivery.notification
    _object(told.data, read_json)
    body = (
        f'{{"type":{_quoted(told.type)},"timestamp":"{_created(told)}","data":{told.data.strip()},'
        f'"notification_id":{_quoted(told.notification_id)},"delivery_id":{_quoted(delivery.delivery_id)}}}'
    )
    try:
        too_large = len(body.encode()) > WEBHOOK_BYTES
    except UnicodeEncodeError:
        raise RenderingFailed("data is not valid Unicode") from None
    if too_large:
        raise RenderingFailed(f"the body is larger than {WEBHOOK_BYTES // 1024} kB")
    return body


def one_line(text: str) -> str:
    """Line breaks, control characters and runs of space become one space: fit for a subject."""
    return _LINE_BREAKS_AND_CONTROLS.sub(" ", text).strip()


def _object(data: str, read_json: ReadJson) -> dict[str, object]:
    try:
        read = read_json(data)
    except (ValueError, RecursionError):
        raise RenderingFailed("data is not JSON") from None
    if not isinstance(read, dict):
        raise RenderingFailed("data is not a JSON object")
    return read


_quoted = encode_basestring  # a text as JSON; an encoder takes ten times as long


def _created(told: Notification) -> str:
    try:
        return iso(told.created_at)
    except ValueError:
        raise RenderingFailed("created_at is no time in milliseconds since 1970") from None
