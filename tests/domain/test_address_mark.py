from hypothesis import given
from hypothesis import strategies as st

from streams.domain.address_mark import AddressMark, kept_marks, mark_key, marked_channel

MARK = AddressMark("410: the receiver is gone", 1)
_words = st.text(max_size=20)


@given(_words, st.sampled_from(["email", "webhook", "sms"]), st.text(min_size=6, max_size=40))
def test_a_key_names_the_channel_and_not_the_address(recipient: str, channel: str, address: str) -> None:
    key = mark_key(recipient, channel, address)
    assert marked_channel(key) == channel
    assert key == mark_key(recipient, channel, address)
    assert address not in key or set(address) <= set("0123456789abcdef")


@given(st.tuples(_words, _words), st.tuples(_words, _words))
def test_every_address_of_every_recipient_has_a_key_of_its_own(one: tuple[str, str], other: tuple[str, str]) -> None:
    keys = {mark_key(recipient, "email", address) for recipient, address in (one, other)}
    if "\0" not in "".join((*one, *other)):
        assert len(keys) == len({one, other})


def test_a_new_address_clears_the_marks_of_its_channel_and_of_no_other() -> None:
    old, inline = mark_key("ada", "email", "old@x.example"), mark_key("ada", "email", "inline@x.example")
    phone, hook = mark_key("ada", "sms", "+436601234567"), mark_key("ada", "webhook", "https://x.example")
    marks = dict.fromkeys((old, inline, phone, hook), MARK)
    before = {"email": "old@x.example", "sms": "+436601234567"}
    assert kept_marks(marks, before, before) == marks
    assert set(kept_marks(marks, before, {**before, "email": "new@x.example"})) == {phone, hook}
    assert set(kept_marks(marks, before, {"email": "old@x.example"})) == {old, inline, hook}
    assert set(kept_marks(marks, before, {**before, "webhook": "https://y.example"})) == {old, inline, phone}
