"""SIMCom's modules."""

from dataclasses import replace
from types import MappingProxyType

from tests.fake_modem.personalities.row import NO_LTE, USUAL_BEFORE_PIN, Personality, Usb

SIM800 = Personality(
    name="sim800",
    maker="SIMCOM_Ltd",
    model="SIMCOM_SIM800L",
    revision="1418B05SIM800L24",
    tac="86671403",
    revision_prefix="Revision:",
    memories=(("ME", 10),),
    aliases=MappingProxyType({"SM_P": "SM", "ME_P": "ME", "MT": "SM"}),
    cpms=",".join(['("SM","ME","SM_P","ME_P","MT")'] * 3),
    cnmi=("0-3", "0-3", "0,2", "0,1", "0,1"),  # no ds=2: reports come as +CDS only
    cnmi_default=(2, 1, 0, 0, 0),
    empty_slot="",
    lacks=NO_LTE | {"+CHUP"},  # a call is ended by ATH; unchecked
    technology=None,
    cnum_tail=",7,4",
    answers=MappingProxyType(
        {"+SPIC": ("+SPIC: {pin_tries},{puk_tries},3,10",), "+IPR=115200": ()}
    ),
    queries=MappingProxyType({"+CCID": ("{iccid}",)}),
    before_pin=USUAL_BEFORE_PIN | {"+SPIC", "+CCID"},
    boot=((0.0, "RDY"), (0.1, "+CFUN: 1"), (0.3, "+CPIN: {pin_state}"), (0.6, "Call Ready")),
    sms_ready=1.0,
    ready_lines=("SMS Ready",),
    not_ready="ERROR",
    reset_vanishes=0,
    sim_out="+CPIN: NOT INSERTED",
    sim_in="+CPIN: READY",
)

SIM7600 = Personality(
    name="sim7600",
    maker="SIMCOM INCORPORATED",
    model="SIMCOM_SIM7600G-H",
    revision="LE20B04SIM7600G22",
    tac="86814704",
    revision_prefix="+CGMR: ",
    first_index=0,
    cpms='("ME","MT","SM","SR"),("ME","MT","SM"),("ME","SM")',
    lacks=frozenset({"+CESQ"}),
    answers=MappingProxyType(
        {
            "+CNSMOD=0": (),
            "+CNSMOD=1": (),
            "+AUTOCSQ=0,0": (),
            "+AUTOCSQ=1,1": (),
            "+SPIC": ("+SPIC: {pin_tries},{puk_tries},3,10",),
        }
    ),
    queries=MappingProxyType({"+CICCID": ("+ICCID: {iccid}",)}),
    before_pin=USUAL_BEFORE_PIN | {"+SPIC", "+CNSMOD", "+AUTOCSQ", "+CICCID"},
    noise=("+CSQ: 22,99", "+CNSMOD: 8"),
    noise_seconds=5.0,
    mutes=frozenset({"+AUTOCSQ=0,0"}),
    boot=((0.0, "RDY"), (0.2, "+CPIN: {pin_state}")),
    usb=Usb("1e0e", "9001", ("ff/ff/ff",) * 5, at=2),
    sms_ready=0.8,
    ready_lines=("SMS DONE", "PB DONE"),
    not_ready="+CMS ERROR: 500",
    sim_out="+CPIN: NOT INSERTED",
    sim_in="+CPIN: READY",
)

SIM7670 = replace(
    SIM7600,
    name="sim7670",
    model="SIM7670G-MNGV",
    revision="2374B04SIM7670M5A_M",
    tac="86266506",
    prompt="\r\n>\r\n",  # a bare > on a line of its own, no blank
    lacks=frozenset(),
    usb=Usb("1e0e", "9011", ("ff/ff/ff",) * 5, at=4),
)

SIM900 = replace(
    SIM800,
    name="sim900",
    model="SIMCOM_SIM900",
    revision="1137B13SIM900M64_ST",
    tac="01322600",
    ready_lines=(),  # "Call Ready" is all it says; unchecked
)

SIM7000 = replace(
    SIM7600,
    name="sim7000",
    maker="SIMCOM_Ltd",
    model="SIMCOM_SIM7000G",
    revision="1529B11SIM7000G",
    revision_prefix="Revision:",
    tac="86950703",
    queries=MappingProxyType({"+CCID": ("{iccid}",)}),
    ready_lines=("SMS Ready",),  # unchecked
)

MAKES = (SIM800, SIM7600, SIM7670, SIM900, SIM7000)
