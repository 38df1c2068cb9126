"""What the webhook receiver answers, and when. Pure: a request in, an answer out."""

import re
from collections import Counter
from dataclasses import dataclass, field

HELD = "hang"
GONE = "gone"
FAIL = re.compile(r"fail-(\d+)(-|$)")


@dataclass(frozen=True, slots=True)
class Script:
    """The answers to come for one name: statuses in order, 200 when they are used up.

    `delay_ms` delays every answer while the script stands; `headers` go with the scripted statuses.
    """

    answers: list[int] = field(default_factory=list)
    delay_ms: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `held` = only after a release."""

    status: int
    delay_ms: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    held: bool = False


class Answers:
    """The state between requests: scripts and how far each is used, failures per webhook-id."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._used: Counter[str] = Counter()
        self._failed: Counter[tuple[str, str]] = Counter()

    def set_script(self, name: str, script: Script) -> None:
        """From now on this name is answered by the script, from its beginning."""
        self._scripts[name] = script
        self._used[name] = 0

    def clear(self) -> None:
        """Forget all scripts and counts."""
        self._scripts.clear()
        self._used.clear()
        self._failed.clear()

    def next_answer(self, name: str, webhook_id: str) -> Answer:
        """The answer to one request; a script comes before the meaning of a name."""
        if script := self._scripts.get(name):
            place = self._used[name]
            self._used[name] += 1
            if place < len(script.answers):
                return Answer(script.answers[place], script.delay_ms, script.headers)
            return Answer(200, script.delay_ms)
        if failing := FAIL.match(name):
            self._failed[name, webhook_id] += 1
            return Answer(503 if self._failed[name, webhook_id] <= int(failing[1]) else 200)
        if _is(name, GONE):
            return Answer(410)
        return Answer(200, held=_is(name, HELD))


def _is(name: str, special: str) -> bool:
    return name == special or name.startswith(f"{special}-")
