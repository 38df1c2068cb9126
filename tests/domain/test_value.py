"""What is promised of all values, whoever makes them."""

import copy
import gc
import pickle
from collections.abc import Mapping

import msgspec
import pytest
from msgspec.structs import replace

from connectors.outgoing import Outgoing
from connectors.stored_recipient import StoredRecipient
from streams.domain.decision import Decision
from streams.domain.delivery import Delivery, Message
from streams.domain.failures import Failure
from streams.domain.notification import Notification
from streams.domain.outcomes import DeadLetter, Drop, ProviderCall, RetryLater, Sent
from streams.domain.preferences import Preference, Verdict
from streams.domain.recipient import Recipient
from streams.domain.value import Value


class Word(Value, frozen=True):
    name: str
    number: int = 7
    words: Mapping[str, str] = msgspec.field(default_factory=dict)


KINDS = (
    Notification, Delivery, Message, Decision, Preference, Verdict, Recipient, Failure, ProviderCall, Sent, RetryLater,
    DeadLetter, Drop, Outgoing, StoredRecipient,
)  # fmt: skip


def test_values_are_the_same_when_their_fields_are() -> None:
    assert Word("a", 2) == Word(number=2, name="a") != Word("a", 3)
    assert len({replace(Word("a"), words=()), replace(Word("a"), words=())}) == 1
    assert repr(Word("a")) == "Word(name='a', number=7, words={})"


def test_values_share_no_default() -> None:
    assert Word("a").words is not Word("b").words


def test_nobody_changes_one() -> None:
    made = Word("a")
    with pytest.raises(AttributeError):
        made.name = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del made.name
    with pytest.raises(AttributeError):
        made.other = "b"  # type: ignore[attr-defined]


def test_every_kind_of_value_is_frozen_and_kept_from_the_garbage_collector() -> None:
    assert {*KINDS} <= {*Value.__subclasses__()}
    for kind in Value.__subclasses__():
        assert kind.__struct_config__.frozen, kind
        assert not kind.__struct_config__.gc, kind
    assert not gc.is_tracked(Word("a"))


def test_copies_are_made_of_it() -> None:
    made = Word("a", 2)
    assert replace(made, number=3) == Word("a", 3)
    assert copy.copy(made) == made == pickle.loads(pickle.dumps(made))


def test_what_is_missing_or_unknown_is_refused() -> None:
    with pytest.raises(TypeError, match="name"):
        Word()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="colour"):
        Word("a", colour="red")  # type: ignore[call-arg]
