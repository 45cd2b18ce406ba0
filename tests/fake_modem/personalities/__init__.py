"""What differs between makes, as data: a file for each maker, a row for each make.

Read from public sources (recorded replies, manuals, issue threads); what is unchecked is marked so.
A new make is a new row. ``{iccid}``, ``{pin_tries}``, ``{puk_tries}`` in an answer are filled in.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tests.fake_modem.personalities import huawei, others, quectel, simcom, zte
from tests.fake_modem.personalities.row import Personality

__all__ = ["PERSONALITIES", "THE_SIX", "Personality"]

PERSONALITIES: Mapping[str, Personality] = MappingProxyType(
    {make.name: make for maker in (huawei, simcom, quectel, zte, others) for make in maker.MAKES}
)
THE_SIX = ("e3372", "sim800", "ec25", "sim7600", "zte", "e1550")  # the order a bank is filled in
