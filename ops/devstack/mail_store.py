"""The mails that were caught: files on disk, an index in memory."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FROM, TO, AT = b"X-Envelope-From: ", b"X-Envelope-To: ", b"X-Received-At: "


@dataclass(frozen=True, slots=True)
class Caught:
    """One mail as the index knows it; `id` grows with arrival."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    received_at: datetime


class MailStore:
    """Each mail is one `.eml` file: three lines about its envelope, then the bytes as they came."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.changes = folder, 0
        self._caught = {found.id: found for found in self._kept()}
        self._last = max(map(int, self._caught), default=0)

    def add(self, sender: str, recipients: Sequence[str], content: bytes, now: datetime) -> Caught:
        """Keep one mail; it is on disk (not flushed) when this returns."""
        self._last += 1
        caught = Caught(f"{self._last:06}", sender, tuple(recipients), now)
        lines = [
            FROM + sender.encode(errors="surrogateescape"),
            TO + ", ".join(recipients).encode(errors="surrogateescape"),
            AT + now.isoformat().encode(),
        ]
        self._path(caught.id).write_bytes(b"\r\n".join([*lines, content]))
        self._caught[caught.id] = caught
        self.changes += 1
        return caught

    def newest_first(self) -> Iterator[Caught]:
        """All mails."""
        return reversed(list(self._caught.values()))

    def get(self, id: str) -> Caught | None:
        """One mail by its id."""
        return self._caught.get(id)

    def source(self, id: str) -> bytes:
        """The bytes of a mail as they came."""
        return self._path(id).read_bytes().split(b"\r\n", 3)[3]

    def clear(self) -> None:
        """Forget all mails."""
        for id in self._caught:
            self._path(id).unlink(missing_ok=True)
        self._caught.clear()
        self.changes += 1

    def __len__(self) -> int:
        return len(self._caught)

    def _path(self, id: str) -> Path:
        return self.folder / f"{id}.eml"

    def _kept(self) -> Iterator[Caught]:
        """The mails of earlier runs. A file cut short by a crash is passed over."""
        for path in sorted(self.folder.glob("*.eml"), key=lambda path: (len(path.stem), path.stem)):
            with path.open("rb") as file, contextlib.suppress(ValueError):
                lines = [file.readline().removesuffix(b"\r\n") for _ in range(3)]
                sender, recipients, at = (
                    line.removeprefix(name).decode(errors="surrogateescape")
                    for line, name in zip(lines, (FROM, TO, AT), strict=True)
                )
                yield Caught(
                    path.stem, sender, tuple(recipients.split(", ")), datetime.fromisoformat(at).astimezone(UTC)
                )
