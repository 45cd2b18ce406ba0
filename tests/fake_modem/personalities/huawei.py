"""Huawei's sticks."""

from dataclasses import replace
from types import MappingProxyType

from tests.fake_modem.personalities.row import NO_LTE, USUAL_BEFORE_PIN, Personality, Usb

HUAWEI_PINS = ("^CPIN: {pin_state},,{puk_tries},{pin_tries},10,3",)
RSSI_NOISE = (
    "^RSSI:18",
    "^MODE:5,4",
    "^BOOT:24219405,0,0,0,20",
    "^DSFLOWRPT:0000000A,00000000,00000000",
)

PORTS = ("ff/01/01", "ff/01/03", "ff/01/02")  # modem, diagnosis, PCUI
E1550 = Personality(
    name="e1550",
    maker="huawei",
    model="E1550",
    revision="11.608.12.00.00",
    tac="35307003",
    unknown="COMMAND NOT SUPPORT",  # recorded on its sister E1752
    first_index=0,
    memories=(("ME", 100), ("SR", 50)),
    preferred=("SM", "SM", "ME"),  # it announces "ME" while CMGL looks at SM
    cnmi_refuses=frozenset({2}),
    technology=2,
    creg_quotes=False,
    delete_empty="+CMS ERROR: 321",
    lacks=NO_LTE | {"+CSMP"},
    packed_ussd=True,
    ath_hangs_up=False,  # as AT+CVHU=1 has it; unchecked on this one
    extras=frozenset({"^USSDMODE"}),
    answers=MappingProxyType(
        {
            "^CURC=0": (), "^CURC=1": (), "^PORTSEL=0": (), "^PORTSEL=1": (), "^U2DIAG=0": (),
            "^SYSINFO": ("^SYSINFO:2,3,0,5,1,,4",),
            "^HWVER": ('^HWVER:"CD6E1550M"',),
        }
    ),
    queries=MappingProxyType({"^CPIN?": HUAWEI_PINS}),
    before_pin=USUAL_BEFORE_PIN | {"^CPIN", "^CURC", "^PORTSEL"},
    noise=RSSI_NOISE,
    mutes=frozenset({"^CURC=0"}),
    not_ready="+CMS ERROR: 515",
    full_line='^SMMEMFULL: "{memory}"',
    reset_vanishes=0.5,
    usb=Usb("12d1", "140c", PORTS, at=2, disc="1446"),  # ids unchecked
    sim_out="^SIMST:255",
    sim_in="^SIMST:1",
)  # fmt: skip

E3372 = replace(
    E1550,
    name="e3372",
    model="E3372",
    revision="21.200.07.00.209",
    tac="86182103",
    unknown="ERROR",
    memories=(("ME", 50),),
    aliases=MappingProxyType({}),
    cpms='("SM","ME"),("SM","ME"),("SM","ME")',
    preferred=("SM", "SM", "SM"),
    cnmi=("0-2", "0-3", "0,2", "0-2", "0,1"),
    cnmi_refuses=frozenset(),
    report_memory="SM",
    technology=7,
    creg_quotes=True,
    lacks=frozenset({"+CSMP"}),
    packed_ussd=False,
    answers=MappingProxyType(
        {
            "^CURC=0": (), "^CURC=1": (), "^PORTSEL=0": (), "^PORTSEL=1": (), "^U2DIAG=0": (),
            "^SYSINFOEX": ('^SYSINFOEX:2,3,0,1,,6,"LTE",101,"LTE"',),
            "^HCSQ?": ('^HCSQ: "LTE",46,41,131,22',),
        }
    ),
    queries=MappingProxyType({"^CPIN?": HUAWEI_PINS, "^ICCID?": ("^ICCID: {iccid}",)}),
    before_pin=USUAL_BEFORE_PIN | {"^CPIN", "^CURC", "^PORTSEL", "^ICCID"},
    usb=Usb("12d1", "1506", ("ff/02/01", "ff/02/02", "ff/02/03"), at=1, disc="1f01"),
    noise=('^HCSQ:"LTE",46,41,131,22\r', "^RSSI:21", "^LTERSRP:-98,-10", "^DSFLOWRPT:0,0,0,0,0"),
)  # fmt: skip

E173 = replace(
    E1550,
    name="e173",
    model="E173",
    revision="11.126.29.00.414",
    tac="35827804",
    unknown="COMMAND NOT SUPPORT",
    usb=Usb("12d1", "1436", PORTS, at=2, disc="1446"),  # ids unchecked
)

K3765 = replace(
    E1550,
    name="k3765",
    model="K3765",
    revision="11.126.03.09.00",
    tac="35925603",
    unknown="ERROR",  # as recorded on its sister K3715
    usb=Usb("12d1", "1465", PORTS, at=2, disc="1520"),  # ids unchecked
)

MAKES = (E1550, E3372, E173, K3765)
