"""What differs between models, as data. A new model is a new row.

What a modem offers is read from it (CNMI=?, CPMS=?); a row only says what it does not tell,
or tells wrongly. ``facts`` of each row come from public sources; none was proved on hardware here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from appliance.modem.causes import NO_CAUSES, SIEMENS, WAVECOM, Cause


@dataclass(frozen=True, slots=True)
class PinTries:
    """How to ask how many times a PIN may still be tried."""

    command: str
    prefix: str  # of the line that says it
    field: int  # which field after the prefix, from 0


STANDARD_TRIES: Final = PinTries('AT+CPINR="SIM PIN"', "+CPINR:", 1)  # 27.007 clause 8.65

ICCID_COMMANDS: Final = (  # most of them answer on most models
    "AT+CCID",
    "AT+ICCID",
    "AT^ICCID?",
    "AT+QCCID",
    "AT+CICCID",
    "AT+ZGETICCID",
    "AT#CCID",
    "AT+CRSM=176,12258,0,0,10",  # EF_ICCID itself, nibbles swapped (TS 31.102 clause 4.2)
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A family of models.

    Attributes:
        maker: what AT+CGMI says, a pattern without regard to case.
        model: what AT+CGMM says, likewise.
        mute: commands that stop its chatter; one that is refused does no harm.
        iccid: commands for the ICCID to try before the usual ones.
        pin_tries: None: only the standard's own is tried.
        cnmi_mode: the only AT+CNMI mode to use, where it offers one that does not work.
        stored_reports: a report stored in its memory (ds=2) can be read there.
        reports: it hands out status reports at all.
        pin_answer_ends: AT+CPIN? is answered without an OK.
        send_seconds: the longest wait for the final answer to AT+CMGS.
        reset: the command that restarts it; most then vanish from USB and come back.
        ussd: how USSD texts are written: "gsm" (as characters), "packed" (septets in hex, both
            ways), "ucs2" (replies in UCS-2 hex, whatever coding they claim).
        hang_up: the command that ends or refuses a call; the other of ATH and AT+CHUP may be
            tried where it is refused.
        report_command: what it must be told before it hands out reports, '' for nothing. For
            those that need it only: AT+CSMP wipes the service centre on others.
        causes: +CMS numbers that mean something of their own on it.

    """

    name: str
    maker: str = ""
    model: str = ""
    mute: tuple[str, ...] = ()
    iccid: tuple[str, ...] = ()
    pin_tries: PinTries | None = None
    cnmi_mode: int | None = None
    stored_reports: bool = False
    reports: bool = True
    pin_answer_ends: bool = False
    send_seconds: int = 120
    reset: str = "AT+CFUN=1,1"  # 27.007 clause 8.2
    ussd: Literal["gsm", "packed", "ucs2"] = "gsm"
    hang_up: str = "AT+CHUP"  # 27.007 clause 6.5
    report_command: str = ""
    causes: Mapping[int, Cause] = field(default_factory=lambda: NO_CAUSES)


GENERIC: Final = Profile("generic")

HUAWEI: Final = Profile(
    "huawei",
    maker="huawei",
    mute=("AT^CURC=0",),
    iccid=("AT^ICCID?",),
    pin_tries=PinTries("AT^CPIN?", "^CPIN:", 3),
    cnmi_mode=1,  # 2 is offered, and fails on some
    stored_reports=True,
    ussd="packed",
)

PROFILES: Final = (  # the first row that fits holds
    HUAWEI,
    replace(  # imitates Huawei's commands; AT+CFUN=1,1 is answered OK and restarts nothing
        HUAWEI, name="brovi", maker="brovi|zowee", stored_reports=False, reset="AT^RESET"
    ),
    Profile(
        "zte",
        maker="zte|qualcomm",
        mute=("AT+ZOPRT=5", "AT+ZCDRUN=8"),
        iccid=("AT+ZGETICCID",),
        cnmi_mode=1,
        stored_reports=True,
    ),
    Profile(
        "simcom-2g",
        maker="simcom",
        model="sim ?(300|800|808|868|900|908)",
        iccid=("AT+CCID",),
        pin_tries=PinTries("AT+SPIC", "+SPIC:", 0),
        send_seconds=60,
        hang_up="ATH",
        causes=SIEMENS,
    ),
    Profile(
        "simcom",
        maker="simcom|simtech",
        mute=("AT+AUTOCSQ=0,0", "AT+CNSMOD=0"),
        iccid=("AT+CICCID",),
        pin_tries=PinTries("AT+SPIC", "+SPIC:", 0),
        cnmi_mode=1,
    ),
    Profile(
        "quectel-bg96",
        maker="quectel",
        model="bg96",
        mute=('AT+QINDCFG="csq",0',),
        iccid=("AT+QCCID",),
        pin_tries=PinTries("AT+QPINC?", '+QPINC: "SC"', 1),
        reports=False,
    ),
    Profile(
        "quectel-m35",
        maker="quectel",
        model="m35",
        iccid=("AT+QCCID",),
        pin_tries=PinTries("AT+QPINC?", '+QPINC: "SC"', 1),
        ussd="ucs2",
    ),
    Profile(
        "quectel-2g",  # has one port, and so nothing to choose for what it says unasked
        maker="quectel",
        model="m(10|66|72|85|95)|mc60",
        iccid=("AT+QCCID",),
        pin_tries=PinTries("AT+QPINC?", '+QPINC: "SC"', 1),
        hang_up="ATH",
    ),
    Profile(
        "quectel",
        maker="quectel",
        mute=('AT+QURCCFG="urcport","usbat"', 'AT+QINDCFG="csq",0'),
        iccid=("AT+QCCID",),
        pin_tries=PinTries("AT+QPINC?", '+QPINC: "SC"', 1),
    ),
    Profile(
        "teltonika-trm250",
        maker="teltonika",
        model="trm250",
        iccid=("AT+QCCID",),
        pin_tries=PinTries("AT+QPINC?", '+QPINC: "SC"', 1),
        reports=False,
    ),
    Profile("teltonika", maker="teltonika"),  # TRM240 announces stored reports, unreadable ones
    Profile("sierra-sl", model="sl808|sl6087", pin_answer_ends=True),
    Profile("sierra", maker="sierra", iccid=("AT!ICCID?",)),
    Profile(
        "wavecom",
        maker="wavecom",
        mute=("AT+WIND=0",),
        pin_answer_ends=True,
        hang_up="ATH",
        causes=WAVECOM,
    ),
    Profile(
        "cinterion",
        maker="cinterion|siemens|gemalto|thales",
        iccid=("AT+CCID?", "AT^SCID"),
        pin_tries=PinTries("AT^SPIC", "^SPIC:", 0),
        stored_reports=True,
        hang_up="ATH",
        causes=SIEMENS,
    ),
    Profile(
        "telit",
        maker="telit",
        iccid=("AT#CCID",),
        pin_tries=PinTries("AT#PCT", "#PCT:", 0),
        report_command="AT+CSMP=49,167,0,0",  # first octet with bit 5: a report is wanted
    ),
    Profile("ublox", maker="u-?blox", pin_tries=PinTries("AT+UPINCNT", "+UPINCNT:", 0)),
    GENERIC,
)

BY_NAME: Final[Mapping[str, Profile]] = {profile.name: profile for profile in PROFILES}


def profile_for(maker: str, model: str) -> Profile:
    """Return the row for what AT+CGMI and AT+CGMM said ('' where the modem would not say)."""
    return next(
        profile
        for profile in PROFILES
        if re.search(profile.maker, maker, re.IGNORECASE)
        and re.search(profile.model, model, re.IGNORECASE)
        and (profile.maker or profile.model or profile is GENERIC)
    )
