"""What a receiver's HTTP answer means for a delivery.

Standard Webhooks: any answer but 2xx is a failure to be tried again (3xx too: redirects are not followed). A few
answers say that the same request can never succeed; those are permanent, so that a lane is not parked for hours in
vain. What a deployment, a proxy or a permission may turn around (401, 403, 404, 409) is not among them.
"""

from datetime import timedelta

from streams.domain.failures import Failure, FailureKind

TRANSIENT, PERMANENT, THROTTLED = FailureKind.TRANSIENT, FailureKind.PERMANENT, FailureKind.THROTTLED

CODES: dict[int, tuple[FailureKind, str]] = {
    400: (PERMANENT, "the receiver cannot read the request, and it stays the same"),
    401: (TRANSIENT, "the receiver refused the signature: secrets may be changing"),
    403: (TRANSIENT, "the receiver forbids it for now: firewalls and permissions are corrected"),
    404: (TRANSIENT, "nothing is there for now: it may be being deployed"),
    405: (PERMANENT, "the receiver takes no POST"),
    408: (TRANSIENT, "the receiver waited too long for the request"),
    409: (TRANSIENT, "the receiver is in a conflict for now"),
    410: (PERMANENT, "the receiver is gone and wants no more"),
    413: (PERMANENT, "the body is too large for the receiver"),
    414: (PERMANENT, "the URL is too long for the receiver"),
    415: (PERMANENT, "the receiver takes no JSON"),
    422: (PERMANENT, "the receiver refuses the content"),
    425: (TRANSIENT, "too early for the receiver"),
    429: (THROTTLED, "the receiver has enough for now"),
    451: (PERMANENT, "forbidden by law"),
    501: (PERMANENT, "the receiver cannot do this"),
}

_UNAVAILABLE = 503
_GONE = 410
"""The endpoint is disabled: its address is marked."""


def failure_of(status: int, wait: timedelta | None) -> Failure | None:
    """None: the receiver has it. `wait`: what its Retry-After asked for."""
    if 200 <= status < 300:
        return None
    known = CODES.get(status)
    kind, meaning = known or (TRANSIENT, _of_class(status))
    if status == _UNAVAILABLE and wait is not None:
        kind = THROTTLED
    return Failure(
        kind,
        f"{status}: {meaning}",
        wait if kind is not PERMANENT else None,
        address_is_dead=status == _GONE,
        unlisted=known is None and not 300 <= status < 400 and not 500 <= status < 600,
    )


def _of_class(status: int) -> str:
    if 300 <= status < 400:
        return "a redirect, which is not followed"
    return "the receiver had an error" if status >= 500 else "the receiver refused it for now"
