"""Preferences as they lie in the table -> Preference, decoded once while they stay the same."""

from schemas.codec import Codec, PoisonRecord
from schemas.records import preference_from_record
from streams.domain.preferences import Preference


class UnreadablePreference(ValueError):
    """What the recipient wants is written where it cannot be read: nothing may be sent. The text says why."""


class PreferenceReader:
    """Remembers what it decoded, by the raw bytes; `limit` values at most."""

    def __init__(self, codec: Codec, limit: int = 20_000) -> None:
        self._codec = codec
        self._limit = limit
        self._known: dict[bytes, Preference] = {}

    def read(self, recipient_id: str, raw: bytes | None) -> Preference:
        """What the recipient wants; without a value: nothing is known. Raises UnreadablePreference."""
        if raw is None:
            return Preference(recipient_id)
        found = self._known.get(raw)
        if found is None:
            found = self._decoded(raw)
            if len(self._known) >= self._limit:
                self._known.clear()
            self._known[raw] = found
        if found.recipient_id != recipient_id:
            raise UnreadablePreference(f"preference: it belongs to another recipient (version {found.version})")
        return found

    def _decoded(self, raw: bytes) -> Preference:
        try:
            return preference_from_record(self._codec.decode("Preference", raw))
        except PoisonRecord as error:
            raise UnreadablePreference(f"preference: {error}") from error
