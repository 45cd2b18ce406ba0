"""Quectel's modules."""

from dataclasses import replace
from types import MappingProxyType

from tests.fake_modem.personalities.row import NO_LTE, USUAL_BEFORE_PIN, Personality, Usb

EC25 = Personality(
    name="ec25",
    maker="Quectel",
    model="EC25",
    revision="EC25EFAR06A06M4G",
    tac="86758703",
    usb=Usb("2c7c", "0125", ("ff/ff/ff",) * 4, at=2),
    first_index=0,
    memories=(("ME", 255), ("SR", 50)),
    preferred=("ME", "ME", "ME"),
    cnmi=("0-2", "0-3", "0,2", "0-2", "0,1"),
    cnmi_default=(2, 1, 0, 0, 0),
    report_named="SM",  # announced in SM, kept in SR, and read nowhere
    report_readable=False,
    empty_slot="",
    cnma_refused=("+CMS ERROR: 340", "ERROR"),
    lacks=frozenset({"+CESQ"}),
    answers=MappingProxyType(
        {
            '+QURCCFG="urcport","usbat"': (), '+QINDCFG="all",1': (), '+QINDCFG="csq",0': (),
            "+QPINC?": ('+QPINC: "SC",{pin_tries},{puk_tries}', '+QPINC: "P2",3,10'),
        }
    ),
    queries=MappingProxyType({"+QCCID": ("+QCCID: {iccid}",), "+ICCID": ("+ICCID: {iccid}",)}),
    before_pin=USUAL_BEFORE_PIN | {"+QPINC", "+QURCCFG", "+QINDCFG", "+QCCID"},
    boot=((0.0, "RDY"), (0.2, "+CPIN: {pin_state}"), (0.3, "+QUSIM: 1"), (0.3, "+CFUN: 1")),
    sms_ready=0.4,
    ready_lines=("+QIND: SMS DONE", "+QIND: PB DONE"),
    not_ready="+CMS ERROR: 314",
    sim_out="+CPIN: NOT INSERTED",
    sim_in="+CPIN: READY",
)  # fmt: skip

BG96 = replace(
    EC25,
    name="bg96",
    model="BG96",
    revision="BG96MAR02A07M1G",
    tac="86642503",
    usb=Usb("2c7c", "0296", ("ff/ff/ff",) * 4, at=2),
    cnmi=("0-2", "0-3", "0,2", "0-2", "0,1"),  # it offers reports, and none ever comes
    reports=False,
)

EG25 = replace(EC25, name="eg25", model="EG25", revision="EG25GGBR07A08M2G_01.003", tac="86703904")

M95 = replace(  # what it shares with the EC25 is unchecked
    EC25,
    name="m95",
    maker="Quectel_Ltd",
    model="Quectel_M95",
    revision="M95FAR02A08",
    tac="86638903",
    first_index=1,
    memories=(("ME", 255),),
    cpms='("SM","ME","MT"),("SM","ME","MT"),("SM","ME","MT")',
    preferred=("SM", "SM", "SM"),
    cnmi=("0-3", "0-3", "0,2,3", "0,1", "0,1"),
    report_named="",
    report_readable=True,
    flash_direct=True,
    cnma_refused=("+CMS ERROR: 340",),
    lacks=NO_LTE,
    technology=None,
    queries=MappingProxyType({"+QCCID": ("{iccid}",), "+CCID": ('+CCID: "{iccid}"',)}),
    boot=((0.0, "RDY"), (0.1, "+CFUN: 1"), (0.3, "+CPIN: {pin_state}")),
    sms_ready=0.8,
    ready_lines=("Call Ready",),
    reset_vanishes=0,
    usb=None,
)

M35 = replace(
    M95,
    name="m35",
    model="Quectel_M35",
    revision="M35FAR02A08",
    tac="86530803",
    ucs2_ussd=True,
)

MAKES = (EC25, BG96, EG25, M95, M35)
