"""What can differ between makes, one field each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Usb:
    """A make on USB. ``interfaces``: class/subclass/protocol of each; ``at``: which takes commands.

    ``disc``: its product id while it pretends to be a CD-ROM with its own driver; empty: never.
    """

    vendor: str
    product: str
    interfaces: tuple[str, ...]
    at: int
    tty: str = "ttyUSB"
    disc: str = ""


@dataclass(frozen=True, slots=True)
class Personality:
    """A make and model, as much of it as can be seen through an AT port."""

    name: str
    maker: str  # AT+CGMI
    model: str  # AT+CGMM
    revision: str  # AT+CGMR
    tac: str  # the first eight digits of the IMEI
    revision_prefix: str = ""
    blank_first: bool = False  # a blank stands before the answers to AT+CGMI and AT+CGMM
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
    flash_direct: bool = False  # class 0 is said with +CMT where others are stored
    cds: str = "+CDS: {length}"
    report_stat: bool = True  # False: +CMGR of a report has an empty <stat>
    empty_slot: str = "+CMS ERROR: 321"  # CMGR of an empty slot; "" is a bare OK
    delete_flags: bool = True  # False: AT+CMGD takes one argument
    delete_empty: str = ""  # CMGD of an empty slot; "" is OK
    cnma_refused: tuple[str, ...] = ("+CMS ERROR: 340",)
    csms: str = "(0-1)"
    lacks: frozenset[str] = frozenset()
    extras: frozenset[str] = frozenset()  # commands of its maker
    technology: int | None = 7  # <AcT> of COPS and CREG=2; None where it is not said
    creg_quotes: bool = True
    cfun_read: str = "+CFUN: {mode}"
    cnum_tail: str = ""
    ath_hangs_up: bool = True  # False: ATH is answered OK and ends no call, only AT+CHUP does
    packed_ussd: bool = False  # USSD as septets, packed, in hex, both ways, until ^USSDMODE=0
    ussd_tail: str = ""  # hex that follows a USSD reply in UCS-2 and is not of it
    ucs2_ussd: bool = False  # USSD replies in UCS-2 hex, whatever coding they claim
    answers: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # exact commands; () is OK alone
    queries: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # the same, but only with a SIM in it
    pin_answer_ends: bool = False  # the answer to AT+CPIN? has no OK
    before_pin: frozenset[str] = frozenset({"Z", "E", "+CFUN", "+CMEE"})  # where the PIN is missing
    busy_once: frozenset[str] = frozenset()  # answered +CME ERROR: 14 the first time after power-on
    noise: tuple[str, ...] = ()  # said in turn while nothing has muted it
    noise_seconds: float = 2.0
    mutes: frozenset[str] = frozenset()
    boot: tuple[tuple[float, str], ...] = ()  # seconds after power-on, line
    sms_ready: float = 0.5  # seconds after power-on or PIN from which SMS commands work
    ready_lines: tuple[str, ...] = ()  # said when they do
    cfun_pause: float = 0.0  # seconds after AT+CFUN=1 in which SMS does not work
    not_ready: str = "+CMS ERROR: 515"
    reset_vanishes: float = 0.5  # seconds without a port after AT+CFUN=1,1; 0: a UART, it stays
    full_line: str = ""  # said when the memory for arrivals is full
    usb: Usb | None = None  # None: a UART
    sim_out: str = ""
    sim_in: str = ""


IDENTITY_BEFORE_PIN = frozenset(
    {"+CGMI", "+CGMM", "+CGMR", "+CGSN", "+GMI", "+GMM", "+GMR", "+GSN", "+CSQ"}
)
USUAL_BEFORE_PIN = frozenset({"Z", "E", "+CFUN", "+CMEE"}) | IDENTITY_BEFORE_PIN
NO_LTE = frozenset({"+CEREG", "+CESQ"})
