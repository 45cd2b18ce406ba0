"""Keyed hashes: numbers are looked up by them, so that the numbers themselves can be erased."""

import hashlib
import secrets


class Keys:
    """The installation's own hashes. Without its secret they say nothing about a number."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @staticmethod
    def new_secret() -> bytes:
        """Make a secret for a new installation: 32 random bytes."""
        return secrets.token_bytes(32)

    def number(self, number: str) -> bytes:
        """Return the key of a whole number, in the form ``msisdn`` gives it (16 bytes)."""
        return self._hash(b"number", number.encode())

    def suffix(self, suffix: str) -> bytes:
        """Return the key of a number's last digits, which networks leave alone (16 bytes)."""
        return self._hash(b"suffix", suffix.encode())

    def fingerprint(self, *facts: object) -> bytes:
        """Return what tells one SMS from another: the same facts give the same 16 bytes."""
        return self._hash(b"print", repr(facts).encode())

    def _hash(self, use: bytes, value: bytes) -> bytes:
        return hashlib.blake2b(value, digest_size=16, key=self._secret, person=use).digest()
