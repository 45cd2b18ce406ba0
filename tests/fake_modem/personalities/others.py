"""Makers of whom there is one row each."""

from dataclasses import replace
from types import MappingProxyType

from tests.fake_modem.personalities.quectel import EC25
from tests.fake_modem.personalities.row import NO_LTE, USUAL_BEFORE_PIN, Personality, Usb

WAVECOM = Personality(
    name="wavecom",
    maker="WAVECOM MODEM",
    model="MULTIBAND  900E  1800",
    revision="",
    tac="33281400",
    blank_first=True,
    memories=(("BM", 10), ("SR", 50)),
    aliases=MappingProxyType({}),
    cpms='(("SM","BM","SR"),("SM"))',  # brackets of its own, and two memories
    cnmi=("0-2", "0-3", "0-2", "0-2", "0,1"),
    delete_empty="+CMS ERROR: 321",
    lacks=NO_LTE | {"+CGMR", "+CHUP", "+CRSM"},  # the last two unchecked
    technology=None,
    pin_answer_ends=True,
    cfun_pause=1.0,
    answers=MappingProxyType({"+WIND?": ("+WIND: 0",), "+WIND=0": (), "+WIND=50": ()}),
    queries=MappingProxyType({"+CCID": ('+CCID: "{iccid}"',)}),
    before_pin=USUAL_BEFORE_PIN | {"+WIND"},
    boot=((0.1, "+WIND: 1"), (0.4, "+WIND: 3")),
    sms_ready=0.8,
    ready_lines=("+WIND: 4",),
    reset_vanishes=0,
    sim_out="+WIND: 0",
    sim_in="+WIND: 1",
)

CINTERION = Personality(
    name="cinterion",
    maker="Cinterion",
    model="MC75i",
    revision="REVISION 01.301",
    tac="35562301",
    memories=(("ME", 25),),
    aliases=MappingProxyType({"MT": "SM"}),
    cpms='("SM","ME","MT"),("SM","ME","MT"),("SM","MT")',  # no ME to receive into
    cnmi=("0-3", "0-3", "0,2,3", "0,2", "1"),
    cnmi_default=(0, 0, 0, 0, 1),
    report_memory="SM",  # unchecked
    delete_flags=False,
    lacks=NO_LTE,
    technology=None,
    answers=MappingProxyType({"^SPIC": ("^SPIC: {pin_tries}",)}),
    queries=MappingProxyType({"^SCID": ("^SCID: {iccid}",), "+CCID?": ("+CCID: {iccid}",)}),
    before_pin=USUAL_BEFORE_PIN | {"^SPIC", "^SCID", "+CCID"},
    boot=((0.0, "^SYSSTART"),),  # unchecked
    sms_ready=0.8,
    reset_vanishes=0,
)

SIERRA = Personality(
    name="sierra",
    maker="Sierra Wireless, Incorporated",
    model="MC7455",
    revision="SWI9X30C_02.24.05.06",
    tac="35907206",
    first_index=0,
    memories=(("ME", 255), ("SR", 50)),
    lacks=frozenset({"+CESQ"}),
    queries=MappingProxyType({"!ICCID?": ("!ICCID: {iccid}",)}),
    before_pin=USUAL_BEFORE_PIN | {"!ICCID"},
    boot=((0.1, "+PACSP1"),),
    usb=Usb("1199", "68c0", ("ff/ff/ff",) * 4, at=3),
)

TELIT = Personality(  # some want AT+CSMP for reports: the setting ``report_needs_csmp``
    name="telit",
    maker="Telit",
    model="HE910",
    revision="12.00.006",
    tac="35164806",
    memories=(("ME", 100),),
    cpms='("SM","ME"),("SM","ME"),("SM","ME")',
    cnmi=("0-2", "0-3", "0,2,3", "0,1", "0,1"),
    lacks=NO_LTE,
    technology=2,
    ussd_tail="0000FFFF60B16260EEEEFFFF",
    answers=MappingProxyType({"#PCT": ("#PCT: {pin_tries}",)}),
    queries=MappingProxyType({"#CCID": ("#CCID: {iccid}",)}),
    before_pin=USUAL_BEFORE_PIN | {"#PCT", "#CCID"},
    usb=Usb("1bc7", "0021", ("02/02/01",) * 6, at=0, tty="ttyACM"),  # ids unchecked
)

TRM240 = replace(  # an EC21 inside; what it shares with the EC25 is unchecked
    EC25,
    name="trm240",
    maker="Teltonika",
    model="TRM240",
    revision="EC21EFAR06A04M4G",
    tac="86758704",
    first_index=1,
    report_named="",
    usb=Usb("2c7c", "0121", ("ff/ff/ff",) * 4, at=2),
)

MAKES = (WAVECOM, CINTERION, SIERRA, TELIT, TRM240)
