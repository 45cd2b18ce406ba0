"""Certificates of the SMPP door: read from files, and again when those change."""

import hashlib
import logging
import ssl
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.errors import BadCertificate
from appliance.smpp_server.settings import Settings

logger: Final = logging.getLogger(__name__)

Stamp = tuple[tuple[int, int, int] | None, ...]
"""When each file was changed, how long and which one it is; None: it is not there."""


class Onlooker(Protocol):
    """Hears how it is with the certificate; it must be quick."""

    def troubled(self, error: BadCertificate | None, /) -> None:
        """Hear what is wrong with new files; None: nothing any more."""
        ...

    def ends(self, until: datetime | None, /) -> None:
        """Hear, again and again, when the certificate that is shown ends; None: there is none."""
        ...


class Nobody:
    """An onlooker who does not care."""

    def troubled(self, error: BadCertificate | None, /) -> None:
        """Do nothing."""

    def ends(self, until: datetime | None, /) -> None:
        """Do nothing."""


NOBODY: Final = Nobody()


class Certificates:
    """The certificate that is shown, as of now.

    A handshake uses what holds when it begins; sessions keep what they began with. Files that
    cannot be used change nothing: what was read last holds on.

    Attributes:
        until: the last moment of the certificate that is shown; aware, UTC.

    """

    def __init__(
        self,
        certificate: str,
        key: str,
        client_ca: str,
        onlooker: Onlooker = NOBODY,
    ) -> None:
        """Read the files; ``onlooker`` hears of new ones, and at each look when they end.

        ``key`` "": it is in the certificate's file. ``client_ca`` "": clients show none.

        Raises:
            BadCertificate: they cannot be used.

        """
        self._files = {
            name: Path(path)
            for name, path in (
                ("tls_certificate", certificate),
                ("tls_key", key),
                ("tls_client_ca", client_ca),
            )
            if path
        }
        self._onlooker = onlooker
        self._stamp = self._look()
        self._context, self.until = self._read()

    @property
    def context(self) -> ssl.SSLContext:
        """What a handshake that begins now goes by."""
        self.refresh()
        return self._context

    def refresh(self) -> None:
        """Read the files again if they have changed; what is wrong with them is told once."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            self._read_again()
        self._onlooker.ends(self.until)

    def _read_again(self) -> None:
        try:
            self._context, self.until = self._read()
        except BadCertificate as error:
            logger.error("the certificate before holds on: %s", error)  # noqa: TRY400 - a sentence
            self._onlooker.troubled(error)
            return
        logger.info("SMPP shows a new certificate", extra={"event": "smpp.certificate"})
        self._onlooker.troubled(None)

    def _look(self) -> Stamp:
        return tuple(_stamp_of(path) for path in self._files.values())

    def _read(self) -> tuple[ssl.SSLContext, datetime]:
        for name, path in self._files.items():
            _readable(name, path)
        certificate, key = self._files["tls_certificate"], self._files.get("tls_key")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION  # it costs us more than the peer
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError) as error:  # they may go between two looks
            raise BadCertificate("tls_certificate", str(certificate), _reason(error)) from None
        if signers := self._files.get("tls_client_ca"):
            context.verify_mode = ssl.CERT_OPTIONAL
            try:
                context.load_verify_locations(signers)
            except OSError as error:
                raise BadCertificate("tls_client_ca", str(signers), _reason(error)) from None
        return context, self._end_of(certificate)

    def _end_of(self, certificate: Path) -> datetime:
        try:
            return holds_until(certificate.read_bytes())
        except (OSError, ValueError) as error:
            raise BadCertificate("tls_certificate", str(certificate), _reason(error)) from None


def holds_until(pem: bytes) -> datetime:
    """Return the last moment (aware, UTC) of the first certificate of a file.

    Those behind it vouch for it: they end later, or do not matter to those who need them not.

    Raises:
        ValueError: there is none, or it cannot be read.

    """
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - large; TLS is rare

    return load_pem_x509_certificate(pem).not_valid_after_utc


def certificates_of(settings: Settings, onlooker: Onlooker = NOBODY) -> Certificates:
    """Read the files for TLS, as they are set.

    Raises:
        BadCertificate: they cannot be used.

    """
    files = settings.tls_certificate, settings.tls_key, settings.tls_client_ca
    return Certificates(*files, onlooker)


def traits(secured: ssl.SSLObject) -> frozenset[str]:
    """Return what an account may ask of a peer's certificate: ``cn:NAME``, ``sha256:HEX``."""
    encoded = secured.getpeercert(binary_form=True)
    if encoded is None:
        return frozenset()
    subject: Any = (secured.getpeercert() or {}).get("subject", ())
    names = {f"cn:{value}" for part in subject for name, value in part if name == "commonName"}
    return frozenset({*names, f"sha256:{hashlib.sha256(encoded).hexdigest()}"})


def version_of(secured: ssl.SSLObject) -> str:
    """Return version and cipher, such as ``TLSv1.3 TLS_AES_256_GCM_SHA384``."""
    cipher = secured.cipher()
    return f"{secured.version()} {cipher[0] if cipher else '?'}"


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _readable(name: str, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise BadCertificate(name, str(path), error.strerror or str(error)) from None


def _no_password() -> str:
    """Give none: OpenSSL would ask at the terminal."""
    raise ValueError("the key must not need a password")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or "no certificate with its key"
