"""Where peers come from: networks that are allowed, and what counts as one place. Pure."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

SITE: Final = 64
"""Bits of an IPv6 address that name a site: whoever has one may choose the rest at will."""


def allowed(networks: str | None, address: str) -> bool:
    """Tell whether an address lies in one of the networks (CIDR, parted by commas).

    ``networks`` None: every address does. What is no address lies in no network.
    """
    if networks is None:
        return True
    place = _address(address)
    return place is not None and any(place in network for network in _networks(networks))


def place_of(address: str) -> str:
    """Return what stands for an address where attempts are counted: itself, or its IPv6 site."""
    place = _address(address)
    if isinstance(place, IPv6Address):
        return str(ip_network((place, SITE), strict=False))
    return str(place or address)


def _address(written: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=1024)
def _networks(written: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(one) for one in written.split(","))
