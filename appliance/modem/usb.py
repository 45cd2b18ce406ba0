"""Which USB products are modems, and which of their interfaces takes AT commands. Data.

Facts from a public catalogue of port layouts; interface numbers are hex, as in sysfs. Makers
of modems have products that the catalogue does not know: of theirs, every serial port is a
candidate, to be proved by an AT exchange. Nobody else's unknown device is ever spoken to.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class Role(Enum):
    """What an interface is for."""

    AT = auto()  # the AT port of a product in our table
    CANDIDATE = auto()  # perhaps: a modem maker's, and we do not know better
    SPARE = auto()  # of a product in our table, should its AT port be mute
    OTHER = auto()


def _table(**products: str) -> Mapping[str, str]:
    """Return product id → interface number from interface number → product ids."""
    return {
        pid: place.removeprefix("if") for place, pids in products.items() for pid in pids.split()
    }


AT_INTERFACE: Final[Mapping[str, Mapping[str, str]]] = {
    "1e0e": _table(if02="9001 9205 9206 cefe", if03="9100 9200", if04="9011"),  # SIMCom
    "2c7c": _table(if02="0121 0125 0191 0195 0296 0306 0512 0800 0801", if05="0128"),  # Quectel
    "19d2": _table(  # ZTE
        if00="0001 0003 0004 0005 0006 0007 0008 0009 000a 1515",
        if01="0015 0030 0054",
        if02="0002 0012 0016 0017 0018 0019 0024 0025 0055 0064 0117 0156",
        if03="0021 0031 0037 0039 0042 0043 0052 0057 0058 0061 0063 0066 0078 0082 0104 0106 0108"
        " 0122 0123 1007 1008 1010 1254 1268 2002 2003",
        if04="0033 0048 0049 0091 0113 0118 0121 0124 0126 0128",
        if05="0125",
    ),
    "1199": _table(if00="c001", if03="68c0 9071 9079 9091"),  # Sierra
    "1e2d": _table(if00="005b 005d 0069 006f", if02="0061 00b3 00f1"),  # Cinterion
    "1bc7": _table(  # Telit
        if00="1003 1004 1005 1006",
        if01="1011 1031 1033 10a4 10a9 10c4 10c8 1101 110a 3001",
        if02="10a0 10a7 10aa 10b0 10c0 10c6 10c9 10d0 3000",
        if03="1010 10a2 10b1 10c2 10d1",
        if04="1040 1050 1060 1070 1201 7010 7011",
        if05="1041 1051 1061 1071 1204",
        if06="7020 7021",
    ),
    "2cb7": _table(  # Fibocom
        if00="010a", if01="0104 0106", if02="0007 01a0 01a2", if03="0115 01a4"
    ),
    "1508": _table(if01="1001"),  # Fibocom
    "1782": _table(if00="4d10", if02="4d11"),  # Fibocom
    "8087": _table(if00="095a"),  # Fibocom
    "33f8": _table(  # Rolling
        if01="0104", if02="01a2 0301 0302", if03="01a4 01a8 01a9", if04="0115 1003"
    ),
    "3731": _table(  # Netprisma
        if05="0100 0101 0106 010a 010b 010c 010d 0111 0112 0113 0115 0116"
    ),
    "1c9e": _table(  # Longcheer, Alcatel
        if00="3197 6000 6060 6061 9602",
        if01="9004 9005",
        if02="7001 7002 9001 9002 9012 9022 9603",
        if03="9000 9003 9010 9020 9604 9605",
        if04="7101 7102 8001 8002 9606 9607",
        if05="8000",
    ),
    "1bbb": _table(if01="022c", if03="0000", if04="00b7", if05="0017"),  # Alcatel
    "0b3c": _table(if05="c005"),  # Olivetti
    "0e8d": _table(if00="00a1 00a2 00a4", if02="0023 00a5 00a7"),  # MediaTek
    "07d1": _table(if02="7e11"),  # D-Link
    "2001": _table(if00="7d00", if01="7e35"),  # D-Link
    "2357": _table(if03="9000"),  # TP-Link
    "0421": _table(  # Nokia's internet sticks
        if01="060d 0611 061a 061b 061f 0620 0623 0624 0625 062a 062e 062f", if03="0619"
    ),
    "413c": _table(if02="81d7 81e0"),  # Dell
    "0489": _table(if02="e0b4 e0b5"),  # Foxconn
    "05c6": _table(if01="908b"),  # u-blox
    "2020": _table(if01="2060"),  # BroadMobi
    "305a": _table(if01="1405"),  # GosuncnWelink
    "201e": _table(if03="10f8"),  # Haier
    "230d": _table(if03="0001"),  # Linktop
    "3566": _table(if04="2001"),  # Brovi, once it is switched: 01 is for data, and may be left so
}


AT_CLASS: Final[Mapping[str, frozenset[str]]] = {  # where the interface's class says it
    "12d1": frozenset({"ff/01/02", "ff/02/02"}),  # Huawei: PCUI
}


MAKERS: Final = frozenset({"12d1", "19d2", "1e0e", "2c7c", "1199", "1e2d", "1bc7", "3566"})
"""Vendors that make modems and little else; the udev rules name the same, and of all others the
products in our table."""

SPEECHLESS: Final[Mapping[str, frozenset[str]]] = {  # protocols known to be something else
    "12d1": frozenset({"03", "09", "12", "13", "14"}),  # Huawei: diagnosis, GPS, network, …
}


def role_of(vid: str, pid: str, interface: str, triple: str) -> Role:
    """Say what a serial interface is for, all in lower-case hex as sysfs has it.

    Args:
        vid: idVendor, four digits.
        pid: idProduct, likewise.
        interface: bInterfaceNumber, two digits.
        triple: class, subclass and protocol of the interface, such as "ff/02/02".

    """
    if triple in AT_CLASS.get(vid, ()):
        return Role.AT
    products = AT_INTERFACE.get(vid, {})
    if products.get(pid) == interface:
        return Role.AT
    protocol = triple.rpartition("/")[2]
    if protocol in SPEECHLESS.get(vid, ()):
        return Role.OTHER
    if pid in products:
        return Role.SPARE
    return Role.CANDIDATE if vid in MAKERS else Role.OTHER
