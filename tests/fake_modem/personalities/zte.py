"""ZTE's sticks."""

from types import MappingProxyType

from tests.fake_modem.personalities.row import NO_LTE, Personality, Usb

ZTE_MF = Personality(
    name="zte",
    maker="ZTE INCORPORATED",
    model="MF190",
    revision="BD_P673A2V1.0.0B09",
    tac="35834504",
    usb=Usb("19d2", "0117", ("ff/ff/ff",) * 3, at=2, disc="2000"),  # its disc unchecked
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

MAKES = (ZTE_MF,)
