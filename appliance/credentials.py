"""Keys, names and passwords: made at random, kept as hashes."""

import base64
import hashlib
import secrets
import string
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_CONFUSED: Final = frozenset("0Oo1Il")
"""Characters that are mistaken for one another when read aloud or copied by hand."""

_CLEAR: Final = "".join(c for c in string.digits + string.ascii_letters if c not in _CONFUSED)

_CLEAR_SMALL: Final = "".join(c for c in _CLEAR if not c.isupper())

API_KEY: Final = 40
"""Random characters of an API key: 232 bits."""

SYSTEM_ID: Final = 10
"""Characters of a system_id, of at most 15 (SMPP 3.4 clause 5.2.1); longer ones are cut."""

SMPP_PASSWORD: Final = 8
"""Characters of an SMPP password, the most there may be (clause 5.2.2): 46 bits."""

WEBHOOK_SECRET: Final = 32
"""Octets of a webhook secret; Standard Webhooks asks for 24 to 64."""

_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=12 * 1024, parallelism=1)
"""Argon2id, 12 MiB, 3 passes: one of the settings that OWASP calls equally strong.

The one with the least memory that still costs an attacker's graphics card dearly: a Raspberry Pi
with 512 MB must bear several binds at once beside its modems.
"""


def new_api_key() -> str:
    """Return ``sk_`` and 40 letters and digits, none of which looks like another."""
    return "sk_" + _random(_CLEAR, API_KEY)


def new_system_id() -> str:
    """Return ten small letters and digits, a letter first."""
    letters = "".join(c for c in _CLEAR_SMALL if c.isalpha())
    return secrets.choice(letters) + _random(_CLEAR_SMALL, SYSTEM_ID - 1)


def new_smpp_password() -> str:
    """Return eight letters and digits, none of which looks like another."""
    return _random(_CLEAR, SMPP_PASSWORD)


def new_webhook_secret() -> str:
    """Return ``whsec_`` and Base64, as the Standard Webhooks libraries take it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(WEBHOOK_SECRET)).decode()


def hash_api_key(key: str) -> str:
    """Return the SHA-256 of a key in hexadecimal, under which it is kept and found.

    A slow hash protects what people choose; 232 random bits need none.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Return the hash of a password, salt and cost in it. Slow on purpose: off the event loop."""
    return _HASHER.hash(password)


def verify_password(hashed: str | None, password: str) -> bool:
    """Tell whether ``password`` is the one that ``hashed`` was made of.

    Slow on purpose: off the event loop. ``hashed`` None (there is no such account) takes the same
    time and is False, so that nobody learns from the time which names exist. A hash that cannot
    be read is False too.
    """
    try:
        return _HASHER.verify(hashed or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


_NOBODY: Final = (
    "$argon2id$v=19$m=12288,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""The hash of no password, at the cost of a real one."""
