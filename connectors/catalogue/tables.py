"""The TOML files of a catalogue: categories.toml and each type.toml, checked key by key."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from connectors.catalogue.problems import Problems
from streams.domain.catalogue import Category, OnAmbiguous
from streams.domain.notification import Channel, Priority

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_NAME_RULE = "small letters and digits, joined by . _ or -, at most 100"
_LONGEST_NAME = 100
_KINDS = {str: 'text in quotes, such as "Orders"', bool: "true or false", list: 'a list, such as ["email"]'}

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class TypeHead:
    """What type.toml says."""

    name: str
    title: str
    category: Category
    channels: tuple[Channel, ...]
    priority: Priority
    on_ambiguous: OnAmbiguous
    ordered: bool

    def fields(self) -> dict[str, Any]:
        """By the names NotificationType has for them."""
        return {each: getattr(self, each) for each in self.__slots__}


class Table:
    """One TOML table: takes its keys one by one, says what is wrong with each, and what it does not know at the end."""

    def __init__(self, file: str, where: str, table: Mapping[str, Any], problems: Problems) -> None:
        self._file, self._where, self._problems = file, where, problems
        self._left = dict(table)
        self._known: list[str] = []

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of a key. Without a default it has to be there; None if it is wrong."""
        self._known.append(key)
        if key not in self._left:
            if default is None:
                self.wrong(key, f"is missing: write {_KINDS[kind]}")
            return default
        value = self._left.pop(key)
        if not isinstance(value, kind) or value in ("", []):
            self.wrong(key, f"is {value!r}: write {_KINDS[kind]}")
            return None
        return value

    def word(self, key: str, words: type[Word], default: Word) -> Word:
        """A key that has one of a few words."""
        return self.one_of(key, self.take(key, str, str(default)), words) or default

    def one_of(self, key: str, value: Any, words: type[Word]) -> Word | None:
        if value is None or value in words.__members__.values():
            return None if value is None else words(value)
        self.wrong(key, f"has {value!r}: write {' or '.join(words)}")
        return None

    def wrong(self, key: str, said: str) -> None:
        self._problems.add(self._file, f"{self._where}{key} {said}")

    def end(self) -> None:
        """What was not asked for is a mistake, most often of spelling."""
        for key in self._left:
            near = get_close_matches(key, self._known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._known)}"
            self.wrong(key, f"is unknown: {hint}")


def read_categories(file: str, text: str | None, problems: Problems) -> dict[str, Category]:
    """The categories by name."""
    categories = {}
    for name, table in (_toml(file, text, problems) or {}).items():
        if not isinstance(table, dict):
            problems.add(file, f"{name} is no category: write [{name}] and under it title = ...")
            continue
        _check_name(file, name, problems)
        keys = Table(file, f"[{name}] ", table, problems)
        title = keys.take("title", str)
        required, commercial = keys.take("required", bool, False), keys.take("commercial", bool, False)
        if required and commercial:
            keys.wrong("required", "and commercial are both true: what is commercial can be muted")
        keys.end()
        categories[name] = Category(name, title or name, bool(required), bool(commercial))
    return categories


def read_type(
    name: str, file: str, text: str | None, categories: Mapping[str, Category], problems: Problems
) -> TypeHead | None:
    """What one type.toml says, or None when that is not enough to go on."""
    _check_name(file, name, problems)
    table = _toml(file, text, problems)
    if table is None:
        return None
    keys = Table(file, "", table, problems)
    title = keys.take("title", str)
    category = _category(keys, categories)
    channels = _channels(keys)
    priority = keys.word("priority", Priority, Priority.NORMAL)
    on_ambiguous = keys.word("on_ambiguous", OnAmbiguous, OnAmbiguous.RESEND)
    ordered = keys.take("ordered", bool, True)
    keys.end()
    return TypeHead(name, title or name, category, channels, priority, on_ambiguous, ordered is not False)


def _category(keys: Table, categories: Mapping[str, Category]) -> Category:
    name = keys.take("category", str)
    if name is not None and name not in categories:
        keys.wrong("category", f"has {name!r}: write one of categories.toml ({', '.join(categories) or 'it has none'})")
    return categories.get(name, Category(str(name), str(name)))


def _channels(keys: Table) -> tuple[Channel, ...]:
    given = keys.take("channels", list) or []
    channels = [channel for each in given if (channel := keys.one_of("channels", each, Channel)) is not None]
    if len(set(channels)) < len(channels):
        keys.wrong("channels", "names a channel twice: name each once")
    return tuple(channels)


def _toml(file: str, text: str | None, problems: Problems) -> dict[str, Any] | None:
    if text is None:
        problems.add(file, "missing")
        return None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.add(file, f"not TOML: {error}")
        return None


def _check_name(file: str, name: str, problems: Problems) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        problems.add(file, f"{name!r} is not a name: {_NAME_RULE}")
