"""The form of an API key: `tdg_<id>.<secret>`. Of the 256 random bits of a secret only the SHA-256 is kept."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

_PREFIX = "tdg_"
_ID_BYTES = 6
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Id and secret of one key; shown once, when it is made."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"ApiKey({self.key_id!r})"

    @property
    def text(self) -> str:
        """As it is sent."""
        return f"{_PREFIX}{self.key_id}.{self.secret}"


def make() -> ApiKey:
    """A new key."""
    return ApiKey(secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES))


def parse(text: str) -> ApiKey | None:
    """The key in a text; None: it has not the form of one."""
    key_id, dot, secret = text.removeprefix(_PREFIX).partition(".")
    well_formed = text.startswith(_PREFIX) and dot and key_id.isalnum() and secret and text.isascii()
    return ApiKey(key_id, secret) if well_formed else None


def hash_of(secret: str) -> bytes:
    """What is kept of a secret. Plain SHA-256 suffices: nobody can guess 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, secret_hash: bytes) -> bool:
    """Whether this is the secret, in constant time."""
    return hmac.compare_digest(hash_of(secret), secret_hash)
