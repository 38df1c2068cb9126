"""The envelope reads what every writer of dead letters writes, and never fails."""

from hypothesis import given
from hypothesis import strategies as st

from schemas import headers
from schemas.dead_letter_envelope import DeadLetterEnvelope
from schemas.headers import Origin, dead_letter

NOW = 1_800_000_000_000


def test_what_was_written_is_read() -> None:
    own: headers.Headers = [("ce_id", b"e1"), (headers.ATTEMPT, b"3"), (headers.PROVIDER, b"smtp")]
    written = dead_letter(own, "permanent", "550 no such user", Origin("deliveries.email.low", 4, 17), NOW)
    assert DeadLetterEnvelope.read(written) == DeadLetterEnvelope(
        "permanent", "550 no such user", "smtp", 3, 0, NOW, Origin("deliveries.email.low", 4, 17)
    )


def test_what_is_missing_has_its_default() -> None:
    assert DeadLetterEnvelope.read([]) == DeadLetterEnvelope()


NAMES = (
    headers.ATTEMPT,
    headers.REDRIVES,
    headers.FIRST_FAILED_AT,
    headers.FAILURE_KIND,
    headers.FAILURE_REASON,
    headers.PROVIDER,
    headers.ORIGIN_TOPIC,
    headers.ORIGIN_PARTITION,
    headers.ORIGIN_OFFSET,
)


@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.none() | st.binary(max_size=30) | st.integers().map(lambda n: b"%d" % n))
    )
)
def test_nothing_in_the_headers_makes_it_fail_and_numbers_fit_their_columns(
    own: list[tuple[str, bytes | None]],
) -> None:
    told = DeadLetterEnvelope.read(own)
    assert told.kind
    for number in (told.attempt, told.redrives, told.origin.partition):
        assert -1 <= number < 2**31
    assert -1 <= told.origin.offset < 2**63
    assert 0 <= (told.first_failed_at or 0) < 10**14
