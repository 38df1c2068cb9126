import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.channels.redaction import LONGEST, REPEATS, redacted


@pytest.mark.parametrize(
    ("text", "known", "kept"),
    [
        ("mailbox full", (), "mailbox full"),
        ("a\r\nb\tc", (), "a b c"),
        ("<ada@example.com>: no", (), "<<address>>: no"),
        ("to ada.b+c@mail.example.com, bye", (), "to <address>, bye"),
        ("user Ada.Lovelace unknown", ("ada.lovelace",), "user … unknown"),
        ("bob was bobbing", ("bob",), "… was bobbing"),
        ("xCANARYx", ("canary",), "x…x"),
        ("see https://a.example/b/c?d=e#f now", (), "see https://a.example/… now"),
        ("see http://u:p@a.example:8/x", (), "see http://a.example:8/…"),
        ("he said: " + "a long sentence of the message, " * 3, ("a long sentence of the message, " * 4,), REPEATS),
        ("in a word", ("a",), "in a word"),
        ("x" * 500, (), "x" * LONGEST),
        ("", ("",), ""),
    ],
)
def test_what_is_kept_of_an_answer(text: str, known: tuple[str, ...], kept: str) -> None:
    assert redacted(text, known) == kept


def test_an_answer_to_a_message_of_very_many_values_is_not_kept() -> None:
    assert redacted("anything", {f"value {n}" for n in range(501)}) == ""


@settings(deadline=None)
@given(before=st.text(), after=st.text(), secret=st.text("abcdefgh0123456789", min_size=6, max_size=60))
def test_a_known_word_never_survives(before: str, after: str, secret: str) -> None:
    kept = redacted(f"{before}{secret}{after}", [secret])
    assert secret not in kept.replace("…", "")
    assert len(kept) <= LONGEST
    assert len(kept.splitlines()) <= 1
