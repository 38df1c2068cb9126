"""The signature of Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_RULE = f"write {_PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes"


def parse_secrets(text: str) -> tuple[bytes, ...]:
    """One or more secrets, separated by spaces. Raises ValueError that says what is right and repeats no secret."""
    words = text.split()
    if not words:
        raise ValueError(f"there is no webhook secret: {_RULE}")
    return tuple(_secret(word, number) for number, word in enumerate(words, 1))


def _secret(word: str, number: int) -> bytes:
    if not word.startswith(_PREFIX):
        raise ValueError(f"webhook secret {number} does not begin with {_PREFIX}: {_RULE}")
    encoded = word.removeprefix(_PREFIX).rstrip("=")
    try:
        secret = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"webhook secret {number} is not base64: {_RULE}") from None
    if not _SHORTEST <= len(secret) <= _LONGEST:
        raise ValueError(f"webhook secret {number} has {len(secret)} bytes: {_RULE}")
    return secret


def sign(secrets: Sequence[bytes], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of webhook-signature: one `v1,<base64>` per secret. `timestamp`: whole seconds since 1970 UTC."""
    signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
