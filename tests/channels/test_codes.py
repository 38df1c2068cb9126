from datetime import timedelta

import pytest

from connectors.channels import sms_codes, smtp_codes, webhook_codes
from connectors.channels.smtp_codes import Ending, Reply, Step
from streams.domain.failures import FailureKind

PERMANENT, THROTTLED, TRANSIENT = FailureKind.PERMANENT, FailureKind.THROTTLED, FailureKind.TRANSIENT


@pytest.mark.parametrize(
    ("code", "kind"),
    [(421, TRANSIENT), (450, TRANSIENT), (499, TRANSIENT), (500, PERMANENT), (550, PERMANENT), (599, PERMANENT),
     (535, TRANSIENT), (250, TRANSIENT), (354, TRANSIENT), (999, TRANSIENT), (0, TRANSIENT)],
)  # fmt: skip
def test_every_smtp_code_has_a_meaning(code: int, kind: FailureKind) -> None:
    failure = smtp_codes.failure_of(Ending(Step.ENVELOPE, Reply(code, "")))
    assert failure is not None
    assert failure.kind is kind
    assert failure.reason.startswith(f"{code} at envelope: ")
    assert failure.unlisted is (code not in smtp_codes.CODES)


@pytest.mark.parametrize("code", [421, 500, 535, 554])
def test_what_a_relay_says_when_connecting_is_never_the_mails_fault(code: int) -> None:
    failure = smtp_codes.failure_of(Ending(Step.CONNECT, Reply(code, "")))
    assert failure is not None
    assert failure.kind is TRANSIENT


@pytest.mark.parametrize(
    ("step", "code", "text", "to_rcpt", "dead"),
    [
        (Step.ENVELOPE, 550, "5.1.1 nobody", True, True),
        (Step.ENVELOPE, 550, "5.1.1", True, True),
        (Step.ENVELOPE, 550, "5.1.10 null MX", True, True),
        (Step.ENVELOPE, 554, "5.2.1 closed", True, True),
        (Step.ENVELOPE, 550, "no such user", True, True),
        (Step.ENVELOPE, 551, "elsewhere", True, True),
        (Step.ENVELOPE, 556, "", True, True),
        (Step.CONTENT, 550, "5.1.1 nobody", False, True),
        # about us, about this mail, or about a mailbox that is there
        (Step.ENVELOPE, 550, "5.7.1 blocked", True, False),
        (Step.ENVELOPE, 550, "5.1.8 bad sender", True, False),
        (Step.ENVELOPE, 550, "5.2.2 full", True, False),
        (Step.ENVELOPE, 550, "5.1.11 new", True, False),
        (Step.ENVELOPE, 552, "full", True, False),
        (Step.ENVELOPE, 554, "refused", True, False),
        (Step.ENVELOPE, 550, "sender unknown", False, False),
        (Step.CONTENT, 550, "spam", False, False),
        (Step.ENVELOPE, 450, "5.1.1 odd", True, False),
        (Step.ENVELOPE, 450, "4.2.1 busy", True, False),
        (Step.CONNECT, 550, "5.1.1 odd", False, False),
    ],
)  # fmt: skip
def test_a_mailbox_is_dead_only_when_the_relay_says_so(
    step: Step, code: int, text: str, to_rcpt: bool, dead: bool
) -> None:
    failure = smtp_codes.failure_of(Ending(step, Reply(code, text), about_recipient=to_rcpt))
    assert failure is not None
    assert failure.address_is_dead is dead
    assert failure.kind is PERMANENT or not dead


@pytest.mark.parametrize("step", Step)
def test_only_silence_after_the_content_is_ambiguous(step: Step) -> None:
    failure = smtp_codes.failure_of(Ending(step))
    assert failure is not None
    assert failure.kind is TRANSIENT
    assert failure.ambiguous is (step is Step.CONTENT)


@pytest.mark.parametrize("step", set(Step) - {Step.CONTENT})
def test_only_an_answer_to_the_content_accepts_a_mail(step: Step) -> None:
    assert smtp_codes.failure_of(Ending(Step.CONTENT, Reply(250, ""))) is None
    assert smtp_codes.failure_of(Ending(step, Reply(250, ""))) is not None


def test_the_tables_name_no_code_of_success() -> None:
    assert all(code >= 400 for code in smtp_codes.CODES)
    assert all(code >= 400 for code in webhook_codes.CODES)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(301, TRANSIENT), (304, TRANSIENT), (307, TRANSIENT), (400, PERMANENT), (401, TRANSIENT), (402, TRANSIENT),
     (403, TRANSIENT), (404, TRANSIENT), (405, PERMANENT), (408, TRANSIENT), (409, TRANSIENT), (410, PERMANENT),
     (413, PERMANENT), (414, PERMANENT), (415, PERMANENT), (418, TRANSIENT), (422, PERMANENT), (425, TRANSIENT),
     (429, THROTTLED), (451, PERMANENT), (500, TRANSIENT), (501, PERMANENT), (502, TRANSIENT), (503, TRANSIENT),
     (504, TRANSIENT), (599, TRANSIENT)],
)  # fmt: skip
def test_every_http_status_has_a_meaning(status: int, kind: FailureKind) -> None:
    failure = webhook_codes.failure_of(status, None)
    assert failure is not None
    assert failure.kind is kind
    assert failure.retry_after is None
    assert failure.address_is_dead is (status == 410)
    assert failure.unlisted is (status in (402, 418))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_success(status: int) -> None:
    assert webhook_codes.failure_of(status, timedelta(1)) is None


@pytest.mark.parametrize(("status", "kind"), [(429, THROTTLED), (503, THROTTLED), (500, TRANSIENT), (404, TRANSIENT)])
def test_retry_after_is_honoured(status: int, kind: FailureKind) -> None:
    failure = webhook_codes.failure_of(status, timedelta(seconds=30))
    assert failure is not None
    assert (failure.kind, failure.retry_after) == (kind, timedelta(seconds=30))


def test_a_permanent_failure_waits_for_nothing() -> None:
    failure = webhook_codes.failure_of(410, timedelta(seconds=30))
    assert failure is not None
    assert failure.retry_after is None


@pytest.mark.parametrize("code", sms_codes.CODES)
@pytest.mark.parametrize("status", [201, 400, 429, 500, 503])
def test_every_twilio_code_means_the_same_with_whatever_status_it_comes(code: int, status: int) -> None:
    failure = sms_codes.failure_of(sms_codes.Answer(status, code, wait=timedelta(seconds=3)))
    assert failure is not None
    assert failure.kind is sms_codes.CODES[code][0]
    assert failure.reason == f"{code}: {sms_codes.CODES[code][1]}"
    assert failure.retry_after == (None if failure.kind is PERMANENT else timedelta(seconds=3))
    assert not failure.unlisted
    assert not failure.ambiguous


@pytest.mark.parametrize(
    ("status", "kind", "ambiguous", "unlisted"),
    [(301, TRANSIENT, False, True), (400, PERMANENT, False, False), (401, TRANSIENT, False, False),
     (402, TRANSIENT, False, True), (403, TRANSIENT, False, False), (404, TRANSIENT, False, False),
     (408, TRANSIENT, False, False), (418, TRANSIENT, False, True), (429, THROTTLED, False, False),
     (500, TRANSIENT, True, False), (502, TRANSIENT, True, False), (503, TRANSIENT, False, False),
     (504, TRANSIENT, True, False), (599, TRANSIENT, True, False), (200, TRANSIENT, True, False)],
)  # fmt: skip
def test_every_answer_of_twilio_without_a_code_has_a_meaning(
    status: int, kind: FailureKind, ambiguous: bool, unlisted: bool
) -> None:
    failure = sms_codes.failure_of(sms_codes.Answer(status))
    assert failure is not None
    assert (failure.kind, failure.ambiguous, failure.unlisted) == (kind, ambiguous, unlisted)


@pytest.mark.parametrize(
    ("status", "code", "kind", "ambiguous", "unlisted"),
    [(400, 29999, TRANSIENT, False, True), (429, 29999, THROTTLED, False, True), (503, 29999, TRANSIENT, False, True),
     (500, 29999, TRANSIENT, True, True), (500, 20500, TRANSIENT, True, False), (201, 39999, TRANSIENT, False, True)],
)  # fmt: skip
def test_a_twilio_code_that_is_not_listed_is_told_and_never_final(
    status: int, code: int, kind: FailureKind, ambiguous: bool, unlisted: bool
) -> None:
    failure = sms_codes.failure_of(sms_codes.Answer(status, code))
    assert failure is not None
    assert (failure.kind, failure.ambiguous, failure.unlisted) == (kind, ambiguous, unlisted)


def test_a_message_with_a_sid_is_taken() -> None:
    assert sms_codes.failure_of(sms_codes.Answer(201, taken=True)) is None


@pytest.mark.parametrize("code", sms_codes.CODES)
def test_only_what_is_permanent_marks_a_number(code: int) -> None:
    failure = sms_codes.failure_of(sms_codes.Answer(400, code))
    assert failure is not None
    assert failure.address_is_dead is (code in sms_codes.DEAD_NUMBERS)
    assert failure.kind is PERMANENT or not failure.address_is_dead
