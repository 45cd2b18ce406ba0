"""What differs between makes, as data.

Read from public sources (recorded replies, manuals, issue threads); what is unchecked is marked so.
A new make is a new row. ``{iccid}``, ``{pin_tries}``, ``{puk_tries}`` in an answer are filled in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Personality:
    """A make and model, as much of it as can be seen through an AT port."""

    name: str
    maker: str  # AT+CGMI
    model: str  # AT+CGMM
    revision: str  # AT+CGMR
    tac: str  # the first eight digits of the IMEI
    revision_prefix: str = ""
    echo: bool = True
    prompt: str = "\r\n> "
    unknown: str = "ERROR"  # the answer to an unknown command
    first_index: int = 1  # the number of a memory's first slot
    memories: tuple[tuple[str, int], ...] = (("ME", 23), ("SR", 50))  # beside the SIM's own
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"MT": "ME"}))
    cpms: str = '("ME","MT","SM","SR"),("ME","MT","SM","SR"),("ME","MT","SM","SR")'
    preferred: tuple[str, str, str] = ("SM", "SM", "SM")  # mem1 to mem3 after power-on
    cnmi: tuple[str, str, str, str, str] = ("0,1,2", "0,1,2,3", "0,2", "0,1,2", "0,1")
    cnmi_default: tuple[int, int, int, int, int] = (1, 0, 0, 0, 0)
    cnmi_refuses: frozenset[int] = frozenset()  # modes it offers and does not take
    reports: bool = True  # False: it asks for none and hands none out
    report_memory: str = "SR"  # where a stored report lies (CNMI ds=2)
    report_named: str = ""  # the memory that +CDSI names, where it is not that one
    report_readable: bool = True
    cds: str = "+CDS: {length}"
    report_stat: bool = True  # False: +CMGR of a report has an empty <stat>
    empty_slot: str = "+CMS ERROR: 321"  # CMGR of an empty slot; "" is a bare OK
    delete_empty: str = ""  # CMGD of an empty slot; "" is OK
    cnma_refused: tuple[str, ...] = ("+CMS ERROR: 340",)
    csms: str = "(0-1)"
    lacks: frozenset[str] = frozenset()
    technology: int | None = 7  # <AcT> of COPS and CREG=2; None where it is not said
    creg_quotes: bool = True
    cfun_read: str = "+CFUN: {mode}"
    cnum_tail: str = ""
    packed_ussd: bool = False
    answers: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # exact commands; () is OK alone
    queries: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # the same, but only with a SIM in it
    before_pin: frozenset[str] = frozenset({"Z", "E", "+CFUN", "+CMEE"})  # where the PIN is missing
    busy_once: frozenset[str] = frozenset()  # answered +CME ERROR: 14 the first time after power-on
    noise: tuple[str, ...] = ()  # said in turn while nothing has muted it
    noise_seconds: float = 2.0
    mutes: frozenset[str] = frozenset()
    boot: tuple[tuple[float, str], ...] = ()  # seconds after power-on, line
    sms_ready: float = 0.5  # seconds after power-on or PIN from which SMS commands work
    ready_lines: tuple[str, ...] = ()  # said when they do
    not_ready: str = "+CMS ERROR: 515"
    reset_vanishes: float = 0.5  # seconds without a port after AT+CFUN=1,1; 0: a UART, it stays
    full_line: str = ""  # said when the memory for arrivals is full
    sim_out: str = ""
    sim_in: str = ""


IDENTITY_BEFORE_PIN = frozenset(
    {"+CGMI", "+CGMM", "+CGMR", "+CGSN", "+GMI", "+GMM", "+GMR", "+GSN", "+CSQ"}
)
USUAL_BEFORE_PIN = frozenset({"Z", "E", "+CFUN", "+CMEE"}) | IDENTITY_BEFORE_PIN
NO_LTE = frozenset({"+CEREG", "+CESQ"})
HUAWEI_PINS = ("^CPIN: {pin_state},,{puk_tries},{pin_tries},10,3",)
RSSI_NOISE = (
    "^RSSI:18",
    "^MODE:5,4",
    "^BOOT:24219405,0,0,0,20",
    "^DSFLOWRPT:0000000A,00000000,00000000",
)

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
    noise=('^HCSQ:"LTE",46,41,131,22\r', "^RSSI:21", "^LTERSRP:-98,-10", "^DSFLOWRPT:0,0,0,0,0"),
)  # fmt: skip

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
    lacks=NO_LTE,
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
)

EC25 = Personality(
    name="ec25",
    maker="Quectel",
    model="EC25",
    revision="EC25EFAR06A06M4G",
    tac="86758703",
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
    cnmi=("0-2", "0-3", "0,2", "0-2", "0,1"),  # it offers reports, and none ever comes
    reports=False,
)

ZTE_MF = Personality(
    name="zte",
    maker="ZTE INCORPORATED",
    model="MF190",
    revision="BD_P673A2V1.0.0B09",
    tac="35834504",
    echo=False,
    first_index=0,
    memories=(("ME", 100), ("SR", 60)),
    cnmi_refuses=frozenset({2}),
    cds="+CDS: ,{length}",
    report_stat=False,
    technology=2,
    lacks=NO_LTE,
    cfun_read="+CFUN: (0-1,4-7),(0-1)",  # answers the question with the test list
    answers=MappingProxyType(
        {
            "+ZCDRUN=8": ("Close autorun state result(0:FAIL 1:SUCCESS):1",),
            "+ZOPRT=5": (),
            "+CVHU=0": ("+CVHU: (0-1)",),
            "+ZPAS?": ('+ZPAS: "UMTS","CS_PS"',),
        }
    ),
    queries=MappingProxyType({"+ZGETICCID": ("+ZGETICCID: {iccid}",)}),
    before_pin=frozenset(),
    busy_once=frozenset({"+CSCA"}),
    noise=('+ZPASR: "UMTS","CS_PS"', "+ZUSIMR:2", '+ZDONR: "o2 - de",262,7,"CS_PS","ROAM_OFF"'),
    noise_seconds=2.0,
    mutes=frozenset({"+ZOPRT=5"}),
    boot=((0.1, "+ZUSIMR:2"), (0.3, '+ZPASR: "UMTS"')),
    sms_ready=0.5,
    not_ready="+CMS ERROR: 500",
)  # fmt: skip

PERSONALITIES: Mapping[str, Personality] = MappingProxyType(
    {make.name: make for make in (E3372, E1550, SIM800, SIM7600, EC25, ZTE_MF, SIM7670, BG96)}
)
THE_SIX = (  # the order in which a bank is filled
    "e3372",
    "sim800",
    "ec25",
    "sim7600",
    "zte",
    "e1550",
)  # the order in which a bank is filled
