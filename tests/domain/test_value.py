"""Values that are made fast are the same values."""

import copy
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from streams.domain.value import value


@value
class Fast:
    name: str
    number: int = 7
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    number: int = 7
    words: Mapping[str, str] = field(default_factory=dict)


def test_it_has_what_a_frozen_dataclass_would_have() -> None:
    for given in (("a",), ("a", 1), ("a", 1, {"b": "c"})):
        fast, plain = Fast(*given), Plain(*given)
        assert (fast.name, fast.number, fast.words) == (plain.name, plain.number, plain.words)
        assert repr(fast) == repr(plain).replace("Plain", "Fast")
    assert Fast(number=2, name="a") == Fast("a", 2)
    assert Fast("a", 2) != Fast("a", 3)
    assert hash(Fast("a", 2, "words")) == hash(Fast("a", 2, "words"))  # type: ignore[arg-type]


def test_values_share_no_default() -> None:
    assert Fast("a").words is not Fast("b").words


def test_nobody_changes_it() -> None:
    made = Fast("a")
    assert type(made) is Fast
    with pytest.raises(FrozenInstanceError):
        made.name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.name
    with pytest.raises((AttributeError, TypeError)):
        made.other = "b"  # type: ignore[attr-defined]


def test_copies_are_made_of_it() -> None:
    made = Fast("a", 2)
    assert replace(made, number=3) == Fast("a", 3)
    assert copy.copy(made) == made == pickle.loads(pickle.dumps(made))


def test_what_is_missing_or_unknown_is_refused() -> None:
    with pytest.raises(TypeError, match="name"):
        Fast()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="colour"):
        Fast("a", colour="red")  # type: ignore[call-arg]


def test_a_field_that_would_stand_for_a_word_of_the_init_is_refused() -> None:
    class Odd:
        twin: str

    with pytest.raises(TypeError, match="Odd has a field twin"):
        value(Odd)


def test_a_class_that_is_more_than_its_own_fields_is_refused() -> None:
    class Checked:
        name: str

        def __post_init__(self) -> None:
            assert self.name

    class Derived(Plain):
        more: str

    for kind in (Checked, Derived):
        with pytest.raises(TypeError, match="more than its own fields"):
            value(kind)
