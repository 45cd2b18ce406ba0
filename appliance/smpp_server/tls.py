"""Certificates of the SMPP door: read from files, and again when those change."""

import hashlib
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance.errors import BadCertificate

logger: Final = logging.getLogger(__name__)

Stamp = tuple[tuple[int, int, int] | None, ...]
"""When each file was changed, how long and which one it is; None: it is not there."""


class Certificates:
    """The certificate that is shown, as of now.

    A handshake uses what holds when it begins; sessions keep what they began with. Files that
    cannot be used change nothing: what was read last holds on.
    """

    def __init__(
        self,
        certificate: str,
        key: str,
        client_ca: str,
        troubled: Callable[[BadCertificate | None], object],
    ) -> None:
        """Read the files. ``troubled`` is told what is wrong with new ones, None: nothing any more.

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
        self._troubled = troubled
        self._stamp = self._look()
        self._context = self._read()

    @property
    def context(self) -> ssl.SSLContext:
        """What a handshake that begins now goes by."""
        self.refresh()
        return self._context

    def refresh(self) -> None:
        """Read the files again if they have changed; what is wrong with them is told once."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._context = self._read()
        except BadCertificate as error:
            logger.error("the certificate before holds on: %s", error)  # noqa: TRY400 - a sentence
            self._troubled(error)
            return
        logger.info("SMPP shows a new certificate", extra={"event": "smpp.certificate"})
        self._troubled(None)

    def _look(self) -> Stamp:
        return tuple(_stamp_of(path) for path in self._files.values())

    def _read(self) -> ssl.SSLContext:
        for name, path in self._files.items():
            _readable(name, path)
        certificate, key = self._files["tls_certificate"], self._files.get("tls_key")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION  # it costs us more than the peer
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise BadCertificate("tls_certificate", str(certificate), _reason(error)) from None
        if signers := self._files.get("tls_client_ca"):
            context.verify_mode = ssl.CERT_OPTIONAL
            try:
                context.load_verify_locations(signers)
            except ssl.SSLError as error:
                raise BadCertificate("tls_client_ca", str(signers), _reason(error)) from None
        return context


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
    return str(error) or "no certificate with its key"
