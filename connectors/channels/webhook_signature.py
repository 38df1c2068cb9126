"""The signature of Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`."""

import base64
import binascii
import hashlib
from collections.abc import Sequence

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_BLOCK = 64
_INNER = bytes(each ^ 0x36 for each in range(256))
_OUTER = bytes(each ^ 0x5C for each in range(256))
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


class Signer:
    """Signs with one or more secrets. The two halves of each HMAC (RFC 2104) are begun once, not for every webhook."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._begun = [_begun(secret) for secret in secrets]

    def sign(self, webhook_id: str, timestamp: int, body: bytes) -> str:
        """The value of webhook-signature: one `v1,<base64>` per secret. `timestamp`: whole seconds since 1970 UTC."""
        signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
        signatures = []
        for inner, outer in self._begun:
            first, second = inner.copy(), outer.copy()
            first.update(signed)
            second.update(first.digest())
            signatures.append("v1," + binascii.b2a_base64(second.digest(), newline=False).decode())
        return " ".join(signatures)


def _begun(secret: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    padded = secret.ljust(_BLOCK, b"\0")
    return hashlib.sha256(padded.translate(_INNER)), hashlib.sha256(padded.translate(_OUTER))
