from datetime import timedelta

import pytest

from connectors.channels import smtp_codes, webhook_codes
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


@pytest.mark.parametrize("code", [421, 500, 535, 554])
def test_what_a_relay_says_when_connecting_is_never_the_mails_fault(code: int) -> None:
    failure = smtp_codes.failure_of(Ending(Step.CONNECT, Reply(code, "")))
    assert failure is not None
    assert failure.kind is TRANSIENT


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
