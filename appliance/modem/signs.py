"""What modems say unasked about their own coming up and about their SIM. Data."""

import re
from typing import Final

RESTARTED: Final = ("RDY", "^SYSSTART", "SMS Ready", "SMS DONE")
"""After these its settings are gone."""

BEGINS: Final = ("RDY", "^SYSSTART")
"""The first words of a modem that has just got power: what it was asked before is forgotten."""

SIM_NOTE: Final = re.compile(
    r"""
    \+CPIN:            # most makes: READY, NOT INSERTED, NOT READY, SIM PIN
    | \+QUSIM: | \+QSIMSTAT: | \+QSIMDET: | \+QIND:\s*"?SIM  # Quectel
    | \^SIMST: | \^SRVST:\s*[0134]\b  # Huawei
    | \+SIM:           # SIMCom, Telit
    | \+ZUSIMR:        # ZTE
    | \^SCKS:          # Cinterion
    | \#QSS:           # Telit
    | \+UUSIMSTAT:     # u-blox
    | \+WIND:\s*(?:0|1)\s*$  # Wavecom: taken out, put in
    """,
    re.VERBOSE,
)
"""The SIM was put in, taken out, or has come up: look which one is there."""

READY_NOTE: Final = re.compile(
    r"""
    (?:Call|SMS)\ Ready | (?:SMS|PB)\ DONE  # SIMCom
    | \+QIND:\s*"?(?:SMS|PB)\ DONE  # Quectel
    | \+CPIN:\s*READY | \+QUSIM:\s*1 | \^SIMST:\s*1\b
    | \+PBREADY | \^SYSSTART  # Cinterion
    | \+WIND:\s*(?:4|7)\s*$  # Wavecom: all is there; the network is
    | \+ZPASR: | \+ZDONR:  # ZTE: the network is
    | \+C(?:G|E)?REG:\s*(?:0\s*,\s*)?[15]\b
    """,
    re.VERBOSE,
)
"""Something that start-up waits for may be there now: ask again at once."""
