import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.channels.sms_segments import Encoding, segments

GSM_7, UCS_2 = Encoding.GSM_7, Encoding.UCS_2


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", GSM_7, 0, 1),
        ("hello", GSM_7, 5, 1),
        ("x" * 160, GSM_7, 160, 1),
        ("x" * 161, GSM_7, 161, 2),
        ("x" * 306, GSM_7, 306, 2),
        ("x" * 307, GSM_7, 307, 3),
        ("x" * 459, GSM_7, 459, 3),
        ("@£$¥èéùìòÇØøÅåÄÖÑÜ§¿äöñüà", GSM_7, 25, 1),
        ("one\ntwo\r", GSM_7, 8, 1),
        ("€", GSM_7, 2, 1),
        ("[]{}~^|\\€\f", GSM_7, 20, 1),
        ("€" * 80, GSM_7, 160, 1),
        ("€" * 81, GSM_7, 162, 2),
        # 152 and a half: the euro sign goes, whole, into the next segment
        ("x" * 152 + "€" + "x" * 151, GSM_7, 305, 2),
        ("x" * 152 + "€" + "x" * 152, GSM_7, 306, 3),
        ("ç", UCS_2, 1, 1),  # only the large one is of the alphabet
        ("\u201chello\u201d", UCS_2, 7, 1),
        ("`", UCS_2, 1, 1),
        ("\t", UCS_2, 1, 1),
        ("ж" * 70, UCS_2, 70, 1),
        ("ж" * 71, UCS_2, 71, 2),
        ("ж" * 134, UCS_2, 134, 2),
        ("ж" * 135, UCS_2, 135, 3),
        ("😀" * 35, UCS_2, 70, 1),
        ("😀" * 36, UCS_2, 72, 2),
        # 66 and a half: the two halves of an emoji stay together
        ("😀" * 66, UCS_2, 132, 2),
        ("😀" * 67, UCS_2, 134, 3),
    ],
)  # fmt: skip
def test_a_text_takes_its_segments(text: str, encoding: Encoding, units: int, count: int) -> None:
    told = segments(text)
    assert (told.encoding, told.units, told.count) == (encoding, units, count)


def test_the_alphabet_has_its_128_places_and_10_more() -> None:
    """Of 128 places one is the escape to the extension, which has ten characters."""
    gsm = [chr(code) for code in range(0x3000) if segments(chr(code)).encoding is GSM_7]
    assert len([each for each in gsm if segments(each).units == 1]) == 127
    assert len([each for each in gsm if segments(each).units == 2]) == 10


@given(st.text(max_size=400), st.characters())
def test_more_text_never_takes_fewer_segments(text: str, more: str) -> None:
    assert segments(text + more).count >= segments(text).count


@given(st.text(max_size=400))
def test_segments_have_room_for_the_text_and_none_is_empty(text: str) -> None:
    told = segments(text)
    alone, several = (160, 153) if told.encoding is GSM_7 else (70, 67)
    assert (told.count == 1) == (told.units <= alone)
    assert told.units <= max(alone, told.count * several)
    assert told.count == 1 or told.units > (told.count - 1) * (several - 1)
