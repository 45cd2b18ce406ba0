"""What can be set for an account, as a table: how each value is written, read and shown. Pure.

A key is the name of a column of the account; None there means what ``unset`` says.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from appliance import msisdn
from appliance.errors import BadField
from appliance.policy.categories import Category

UNSET: Final = "-"
"""What is written instead of a value to take back what was set."""

BINDS: Final = 4
"""SMPP sessions that an account may have at once for which nothing is set."""

PAIR: Final = re.compile(r"(?P<name>[!-+\--<>-~]{1,5})=(?P<value>[a-z0-9/]+)")
PRIORITY: Final = re.compile(r"[0-4]")
FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(?P<port>[0-9]{1,5})")
COUNT: Final = re.compile(r"[0-9]{1,9}")
URGENCY: Final = re.compile(r"(?P<category>[a-z]+)?(/(?P<priority>[0-3]))?")


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set.

    Attributes:
        read: makes the column's value of what was written; raises ValueError with what is wrong.
        form: what may be written, for people.
        unset: what holds if nothing is set.
        help: what it is for.
        otherwise: what the column holds if nothing is set, where that is not None.

    """

    read: Callable[[str], Any]
    form: str
    unset: str
    help: str
    otherwise: int | None = None


def read(key: str, written: str) -> Any:  # noqa: ANN401 - as the column has it
    """Return the value of a setting as its column keeps it; for ``-`` that of nothing set.

    Raises:
        BadField: there is no such setting, or this is no value of it; ``field`` is the key.

    """
    setting = SETTINGS.get(key)
    if setting is None:
        raise BadField(key, f"no such setting; there are {', '.join(SETTINGS)}")
    if written == UNSET:
        return setting.otherwise
    try:
        return setting.read(written)
    except ValueError as error:
        raise BadField(key, f"{error or 'not of this form'}; it may be {setting.form}") from None


def shown(value: object) -> str:
    """Return a column's value as ``read`` takes it."""
    if value is None:
        return UNSET
    if isinstance(value, Mapping):
        return ",".join(f"{name}={each}" for name, each in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def _one_of(*values: str) -> Callable[[str], str]:
    def choose(written: str) -> str:
        if written not in values:
            raise ValueError("no such value")
        return written

    return choose


def _category(written: str) -> str:
    if written not in set(Category):
        raise ValueError("no such category")
    return written


def _region(written: str) -> str:
    if not msisdn.known_region(written):
        raise ValueError("no such country")
    return written


def _tag(written: str) -> int:
    tag = int(written, 0) if written[:2].lower() == "0x" else int(written)
    if not 0x1400 <= tag <= 0x3FFF:
        raise ValueError("no tag for vendors")
    return tag


def _count(written: str) -> int:
    if not COUNT.fullmatch(written):
        raise ValueError("no such number")
    return int(written)


def _burst(written: str) -> int:
    if not (burst := _count(written)):
        raise ValueError("nothing could ever be handed in")
    return burst


def _binds(written: str) -> int:
    if not (binds := _count(written)):
        raise ValueError("pause the account if it shall not bind")
    return binds


def _networks(written: str) -> str:
    return ",".join(_network(one.strip()) for one in written.split(","))


def _network(written: str) -> str:
    try:
        return str(ip_network(written))
    except ValueError as error:
        raise ValueError(f"{written}: {str(error).removeprefix(f'{written!r} ')}") from None


def _certificate(written: str) -> str:
    kind, _, value = written.partition(":")
    if kind == "sha256":
        value = value.replace(":", "").lower()
        if not FINGERPRINT.fullmatch(value):
            raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    elif kind != "cn" or not value:
        raise ValueError("not of this form")
    return f"{kind}:{value}"


def _host_and_port(written: str) -> str:
    found = HOST_AND_PORT.fullmatch(written)
    if not found or not 0 < int(found["port"]) < 65536:
        raise ValueError("no such address")
    return written


def _pairs(written: str) -> dict[str, str]:
    found = [PAIR.fullmatch(one.strip()) for one in written.split(",")]
    if None in found:
        raise ValueError("not of the form NAME=VALUE,NAME=VALUE")
    return {pair["name"]: pair["value"] for pair in found if pair is not None}


def _service_types(written: str) -> dict[str, str]:
    return {name: _category(value) for name, value in _pairs(written).items()}


def _priorities(written: str) -> dict[str, str]:
    pairs = _pairs(written)
    for flag, value in pairs.items():
        if not PRIORITY.fullmatch(flag):
            raise ValueError(f"{flag}: no priority_flag")
        urgency(value)
    return pairs


def urgency(written: str) -> tuple[Category | None, int | None]:
    """Return category and priority of ``CATEGORY``, ``/PRIORITY`` or ``CATEGORY/PRIORITY``.

    Raises:
        ValueError: it is none of these.

    """
    found = URGENCY.fullmatch(written)
    if not found or not written:
        raise ValueError(f"{written}: neither CATEGORY nor /PRIORITY nor both")
    category, priority = found["category"], found["priority"]
    return (
        Category(_category(category)) if category else None,
        int(priority) if priority else None,
    )


CATEGORIES: Final = ", ".join(Category)

SETTINGS: Final[Mapping[str, Setting]] = {
    "gsm0": Setting(
        _one_of("gsm0338", "latin1", "packed"),
        "gsm0338, latin1, or packed",
        "as [smpp] gsm0 says",
        "what SMPP data_coding 0 is: GSM 03.38 one character to an octet, Latin-1, or packed",
    ),
    "source_rule": Setting(
        _one_of("ignore", "sim", "refuse"),
        "ignore, sim, or refuse",
        "ignore",
        "a source address: ignored; or, if it is a SIM's own number, that SIM carries the message,"
        " and any other is ignored (sim) or refused (refuse)",
    ),
    "inbound_form": Setting(
        _one_of("payload", "udh", "sar"),
        "payload, udh, or sar",
        "payload",
        "how long inbound messages come by SMPP: whole in message_payload, or in parts",
    ),
    "region": Setting(
        _region,
        "two letters of a country, such as DE",
        "as [numbers] region says",
        "whose national numbers are understood",
    ),
    "category": Setting(
        _category,
        CATEGORIES,
        str(Category.TRANSACTIONAL),
        "what messages that come by SMPP are, where nothing else tells",
    ),
    "service_types": Setting(
        _service_types,
        f"TYPE=CATEGORY,… with at most five characters, and {CATEGORIES}",
        "only CMT and none are taken",
        "which SMPP service_types are taken, and what category they are",
    ),
    "category_tag": Setting(
        _tag,
        "0x1400 to 0x3fff",
        "none",
        "the optional parameter whose text is the message's category",
    ),
    "priorities": Setting(
        _priorities,
        f"FLAG=CATEGORY/PRIORITY,… such as 3=otp,0=marketing/0; {CATEGORIES}; 0 to 3",
        "1 to 3 as they are; 0: as the category",
        "what SMPP priority_flag means",
    ),
    "unreported": Setting(
        _one_of("unknown", "expired"),
        "unknown, or expired",
        "unknown",
        "what a receipt says of a message of which no report came",
    ),
    "max_binds": Setting(
        _binds,
        "1 to 999999999",
        str(BINDS),
        "how many SMPP sessions it may have at once, of all types together; one that is being"
        " ended does not count",
        otherwise=BINDS,
    ),
    "allowed_networks": Setting(
        _networks,
        "addresses and networks, such as 192.0.2.7,2001:db8::/32",
        "from everywhere",
        "from where it may bind by SMPP",
    ),
    "client_certificate": Setting(
        _certificate,
        "cn:NAME, or sha256:FINGERPRINT",
        "none is needed",
        "the certificate it must show to bind by SMPP, over TLS; [smpp] tls_client_ca must know it",
    ),
    "outbind": Setting(
        _host_and_port,
        "HOST:PORT, or [IPV6]:PORT",
        "it binds by itself",
        "where it is called when something waits for it and no receiver is bound (SMPP outbind)",
    ),
    "submits_per_second": Setting(
        _count,
        "0 (no limit) to 999999999",
        "no limit",
        "how many messages it may hand in per second, by SMPP and REST together; each destination"
        " of a submit_multi counts; more are refused with 0x58 or 429",
    ),
    "burst": Setting(
        _burst,
        "1 to 999999999",
        "as many as [smpp] window, and no fewer than [messages] max_parts",
        "how many of them may come at once after a pause",
    ),
    "queue_ceiling": Setting(
        _count,
        "0 (no limit) to 999999999",
        "no limit",
        "how many of its messages may wait; more are refused with 0x14 or 429",
    ),
}
"""All of them, by key."""
