import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.phone_number import number_fault


@pytest.mark.parametrize("number", ["+436601234567", "+15005550006", "+1234567", "+123456789012345"])
def test_a_number_that_can_be_called(number: str) -> None:
    assert number_fault(number) is None


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "06601234567",
        "00436601234567",
        "436601234567",
        "+0436601234567",
        "+123456",
        "+1234567890123456",
        "+43 660 1234567",
        "+43-660-1234567",
        "+4366012345x7",
        "+436601234567\n",
        "+٤٣٦٦٠١٢٣٤٥٦٧",
        "whatsapp:+436601234567",
    ],
)
def test_a_number_that_cannot_be_called_is_told_how_to_write_it(number: str) -> None:
    said = number_fault(number)
    assert said is not None
    assert "+43660123456" in said


@given(st.text())
def test_nothing_passes_but_a_plus_and_digits(text: str) -> None:
    if number_fault(text) is None:
        assert text.isascii()
        assert text[1:].isdigit()
