"""Certificates as openssl makes them."""

import subprocess

VALID = ("-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def self_signed(folder, name, days=2):
    """Make a certificate that vouches for itself; return its file and that of its key."""
    folder.mkdir(exist_ok=True)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl(
        *("req", "-x509", *VALID, "-days", days, "-keyout", key, "-out", certificate),
        *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
    )
    return certificate, key


def signed(folder, name, by):
    """Make a certificate that another (certificate and key) vouches for."""
    certificate, key, request = (folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
    openssl("req", *VALID, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    openssl(
        *("x509", "-req", "-days", "2", "-in", request, "-out", certificate),
        *("-CA", by[0], "-CAkey", by[1], "-CAcreateserial"),
    )
    return certificate, key
