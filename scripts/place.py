"""Where the daemon keeps its data and where it listens, and what would stop it from doing so."""

import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from appliance.config.reading import DEFAULT_PATH, Config
from appliance.errors import ApplianceError

ROOT: Final = Path(__file__).resolve().parent.parent

LONGEST_SOCKET_PATH: Final = 107  # bytes, unix(7)

EVERY_ADDRESS: Final = {"", "0.0.0.0", "::"}


class CannotStart(ApplianceError):
    """The appliance could not be started; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a configuration says about where things are. ``smpp`` is None where SMPP is off."""

    data: Path
    socket: Path
    http: tuple[str, int]
    smpp: tuple[str, int] | None

    @classmethod
    def of(cls, config: Config) -> Self:
        """Read it out of a configuration."""
        return cls(
            config.storage.data.absolute(),
            config.socket_path.absolute(),
            (config.http.host, config.http.port),
            (config.smpp.host, config.smpp.port) if config.smpp.enabled else None,
        )

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host, port = reachable(self.http)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def refuse_what_cannot_work(self) -> None:
        """Make the data directory, and look for what would make the daemon fail.

        Raises:
            CannotStart: one runs on this data already, a port is taken, the data cannot lie there.

        """
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET_PATH:
            raise CannotStart(
                f"{self.socket} is too long for a socket ({LONGEST_SOCKET_PATH} bytes at most). "
                "Choose a shorter place: APPLIANCE_STORAGE__DATA=/a/shorter/path scripts/run"
            )
        if connects(socket.AF_UNIX, str(self.socket)):
            raise CannotStart(f"The appliance is running already; its data is in {self.data}")
        refuse_port("HTTP", self.http)
        if self.smpp is not None:
            refuse_port("SMPP", self.smpp)
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CannotStart(f"The data cannot lie in {self.data}: {error.strerror}") from error


def load_config(path: Path | None) -> Config:
    """Read the configuration as the daemon will, and find a place for the data.

    Where none is named it lies in the checkout, unless root has a file: that means a real
    installation. What is decided here goes into our environment, which the daemon inherits.

    Raises:
        BadConfig: the configuration cannot be used.

    """
    config = Config.load(path)
    installed = os.geteuid() == 0 and (path is not None or DEFAULT_PATH.exists())
    if installed or "data" in config.storage.model_fields_set:
        return config
    os.environ["APPLIANCE_STORAGE__DATA"] = str(ROOT / "data")
    return Config.load(path)


def reachable(address: tuple[str, int]) -> tuple[str, int]:
    """Return where a client on this machine finds what listens on ``address``."""
    host, port = address
    return ("127.0.0.1" if host in EVERY_ADDRESS else host), port


def connects(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    """Return whether somebody takes a connection there (waits a second at most)."""
    with socket.socket(family) as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0


def refuse_port(section: str, address: tuple[str, int]) -> None:
    """Raise CannotStart if nobody could listen there now."""
    host, port = address
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server(address, family=family).close()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is taken by another program" if taken else f"cannot be used: {error.strerror}"
        raise CannotStart(
            f"Port {port} of {host} {why}. "
            f"Choose another one: APPLIANCE_{section}__PORT={port + 1} scripts/run"
        ) from error
