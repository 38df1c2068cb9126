"""What a well-formed body may ask for, given the catalogue. Pure: each rule answers with the fields to be mended."""

import difflib
from collections.abc import Iterable, Sequence

from connectors.http.addresses import wrong_address
from connectors.http.notification_body import NotificationBody, to_ms
from connectors.http.problems import FieldError
from streams.domain.catalogue import Catalogue, Category, NotificationType
from streams.domain.notification import Channel
from streams.domain.preferences import Choice
from streams.domain.recipient import Recipient


def notification_errors(body: NotificationBody, catalogue: Catalogue, now: int) -> list[FieldError]:
    """What keeps this notification from being carried out by anybody. `now`: ms since 1970 UTC."""
    errors = []
    kind = catalogue.types.get(body.type)
    if kind is None:
        errors.append(FieldError("type", unknown("type", body.type, catalogue.types)))
    for index, name in enumerate(body.channels or ()):
        said = _wrong_channel(name, kind)
        if said is not None:
            errors.append(FieldError(f"channels.{index}", said))
    for channel, address in (body.to or {}).items():
        said = wrong_address(channel, address)
        if said is not None:
            errors.append(FieldError(f"to.{channel}", said))
    if body.expires_at is not None and to_ms(body.expires_at) <= now:
        errors.append(FieldError("expires_at", "is in the past: nothing would be sent"))
    return errors


def wanted_channels(body: NotificationBody, kind: NotificationType) -> Sequence[str]:
    """The channels it names, else those of its type."""
    return tuple(body.channels or ()) or kind.channels


def has_inline_address(body: NotificationBody, kind: NotificationType) -> bool:
    """Whether `to` has an address for one of the wanted channels: then nobody need be asked for the recipient's own."""
    return any(channel in (body.to or {}) for channel in wanted_channels(body, kind))


def missing_address(body: NotificationBody, kind: NotificationType, recipient: Recipient | None) -> FieldError | None:
    """Nobody can be told when there is no address on any wanted channel. `recipient`: None when it is not known."""
    wanted = wanted_channels(body, kind)
    own = recipient.addresses if recipient else {}
    if has_inline_address(body, kind) or any(channel in own for channel in wanted):
        return None
    remedy = f"give one in `to`, or save it first: PUT /v1/recipients/{body.recipient_id}"
    if recipient is None:
        return FieldError("recipient_id", f"is not known, so there is no address: {remedy}")
    return FieldError("to", f"the recipient has no address for {' or '.join(wanted)}: {remedy}")


def choice_errors(choices: Iterable[Choice], catalogue: Catalogue) -> list[FieldError]:
    """Choices about something that does not exist or cannot be muted."""
    categories = {kind.category.name: kind.category for kind in catalogue.types.values()}
    found = []
    for index, choice in enumerate(choices):
        wrong = _wrong_choice(choice, catalogue, categories)
        if wrong is not None:
            found.append(FieldError(f"choices.{index}.{wrong.field}", wrong.detail))
    return found


def _wrong_choice(choice: Choice, catalogue: Catalogue, categories: dict[str, Category]) -> FieldError | None:
    if choice.type is not None and choice.category is not None:
        return FieldError("category", "a choice names a type or a category, not both: leave one of them out")
    if choice.type is not None and choice.type not in catalogue.types:
        return FieldError("type", unknown("type", choice.type, catalogue.types))
    if choice.category is not None and choice.category not in categories:
        return FieldError("category", unknown("category", choice.category, categories))
    if choice.channel is not None and choice.channel not in Channel.__members__.values():
        return FieldError("channel", unknown("channel", choice.channel, list(Channel)))
    category = catalogue.types[choice.type].category if choice.type else categories.get(choice.category or "")
    if category is not None and category.required and not choice.wants:
        return FieldError(
            "type" if choice.type else "category", f"category {category.name!r} is required and cannot be muted"
        )
    return None


def _wrong_channel(name: str, kind: NotificationType | None) -> str | None:
    if name not in Channel.__members__.values():
        return unknown("channel", name, list(Channel))
    if kind is not None and name not in kind.channels and name not in kind.templates:
        return f"type {kind.name!r} has nothing to say on {name}; it has {', '.join(kind.channels)}"
    return None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """That there is no such thing, and which there are: the near ones, else the first few."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"there is no {what} {name!r}; did you mean {' or '.join(near)}?"
    few = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
    return f"there is no {what} {name!r}; there are {few}"
