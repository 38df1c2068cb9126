"""Values made without the detour over __init__ are the same values."""

from dataclasses import FrozenInstanceError, dataclass, fields
from typing import Any

import pytest

from schemas.maker import maker
from streams.domain.delivery import Delivery
from streams.domain.notification import Notification


@pytest.mark.parametrize("kind", [Notification, Delivery])
def test_what_is_made_is_what_the_class_would_make(kind: Any) -> None:
    values = [f"value {number}" for number, _ in enumerate(fields(kind))]
    made: Any = maker(kind)(*values)
    assert made == kind(*values)
    assert type(made) is kind
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(kind)[0].name, "other")


@dataclass
class Open:
    name: str


@dataclass(slots=True)
class Checked:
    name: str

    def __post_init__(self) -> None:
        assert self.name


@pytest.mark.parametrize("kind", [Open, Checked, int])
def test_a_class_whose_init_does_more_is_refused(kind: type) -> None:
    with pytest.raises(TypeError):
        maker(kind)
