"""How many segments a text takes on the way to a phone: what it costs, and what a carrier may refuse.

GSM 03.38: a text of that alphabet has 7 bits a character (two of them for its extension), any other text is UCS-2, 16
bits a unit of UTF-16. A segment carries 140 bytes; when there are several, each spends 6 on its place among them.
"""

from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")


class Encoding(StrEnum):
    """How the text travels."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


_ALONE = {Encoding.GSM_7: 160, Encoding.UCS_2: 70}
_OF_SEVERAL = {Encoding.GSM_7: 153, Encoding.UCS_2: 67}


@dataclass(frozen=True, slots=True)
class Segments:
    """`units`: septets (GSM-7) or 16-bit units (UCS-2). An empty text is one segment."""

    encoding: Encoding
    units: int
    count: int


def segments(text: str) -> Segments:
    """What a text takes. A character of two units is never torn apart between segments."""
    if all(character in _BASIC or character in _EXTENSION for character in text):
        encoding, sizes = Encoding.GSM_7, [2 if character in _EXTENSION else 1 for character in text]
    else:
        encoding, sizes = Encoding.UCS_2, [2 if character > "\uffff" else 1 for character in text]
    units = sum(sizes)
    if units <= _ALONE[encoding]:
        return Segments(encoding, units, 1)
    return Segments(encoding, units, _filled(sizes, _OF_SEVERAL[encoding]))


def _filled(sizes: list[int], room: int) -> int:
    count, left = 1, room
    for size in sizes:
        if size > left:
            count, left = count + 1, room
        left -= size
    return count
