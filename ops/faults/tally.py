"""How often each number of a lane was found, and in which order."""


class Tally:
    """The numbers of one lane in one place: how often each was found, and the highest so far."""

    __slots__ = ("counts", "highest")

    def __init__(self) -> None:
        self.counts = bytearray()
        self.highest = -1

    def note(self, number: int) -> tuple[bool, bool]:
        """(found before, first found after a later one)."""
        if number >= len(self.counts):
            self.counts.extend(bytes(number + 64 - len(self.counts)))
        again = self.counts[number] > 0
        self.counts[number] = min(255, self.counts[number] + 1)
        late = not again and number < self.highest
        self.highest = max(self.highest, number)
        return again, late

    def has(self, number: int) -> bool:
        """Whether it was found."""
        return self.times(number) > 0

    def times(self, number: int) -> int:
        """How often it was found, up to 255."""
        return self.counts[number] if number < len(self.counts) else 0
