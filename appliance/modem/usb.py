"""Which USB products are modems, and which of their interfaces takes AT commands. Data.

Facts from a public catalogue of port layouts; interface numbers are hex, as in sysfs.
"""

from collections.abc import Mapping
from typing import Final


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
}

AT_CLASS: Final[Mapping[str, frozenset[str]]] = {  # where the interface's class says it
    "12d1": frozenset({"ff/01/02", "ff/02/02"}),  # Huawei: PCUI
}


def takes_commands(vid: str, pid: str, interface: str, triple: str) -> bool:
    """Say whether this interface is the AT port of a known modem.

    Args:
        vid: idVendor, four hex digits; ``pid``: idProduct, likewise.
        pid: idProduct.
        interface: bInterfaceNumber, two hex digits.
        triple: class, subclass and protocol of the interface, such as "ff/02/02".

    """
    if triple in AT_CLASS.get(vid, ()):
        return True
    return AT_INTERFACE.get(vid, {}).get(pid) == interface
