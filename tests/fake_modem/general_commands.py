"""The general AT commands of 3GPP TS 27.007: identity, SIM, network, calls."""

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fake_modem import calls
from tests.fake_modem.commands import Cme, Lines, Request, command

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem


@command("+CGMI", "+GMI")
def maker(modem: "FakeModem", _request: Request) -> Lines:
    make = modem.personality
    return [" " * make.blank_first + make.maker]


@command("+CGMM", "+GMM")
def model(modem: "FakeModem", _request: Request) -> Lines:
    make = modem.personality
    return [" " * make.blank_first + make.model]


@command("+CGMR", "+GMR")
def revision(modem: "FakeModem", _request: Request) -> Lines:
    return [modem.personality.revision_prefix + modem.personality.revision]


@command("+CGSN", "+GSN")
def serial_number(modem: "FakeModem", request: Request) -> Lines:
    return [] if request.kind == "test" else [modem.imei]


@command("+CIMI")
def imsi(modem: "FakeModem", request: Request) -> Lines:
    assert modem.sim
    return [] if request.kind == "test" else [modem.sim.imsi]


@command("+CNUM")
def own_number(modem: "FakeModem", _request: Request) -> Lines:
    assert modem.sim
    return (
        [f'+CNUM: "","{modem.sim.number}",145{modem.personality.cnum_tail}']
        if modem.sim.number
        else []
    )


@command("+CRSM")
def read_sim(modem: "FakeModem", request: Request) -> Lines:
    """Read EF_ICCID, the one file that tells SIMs apart on every make; others are not there."""
    assert modem.sim
    if request.number(0) == 176 and request.number(1) == 0x2FE2:
        digits = modem.sim.iccid
        swapped = "".join(
            f"{high}{low}" for low, high in zip(digits[::2], digits[1::2], strict=True)
        )
        return [f'+CRSM: 144,0,"{swapped}"']
    return ["+CRSM: 148,4"]


@command("+CPIN")
def pin(modem: "FakeModem", request: Request) -> Lines:
    if modem.sim is None:
        raise Cme(10)
    if request.kind == "read":
        lines = [f"+CPIN: {modem.sim.asks_for}"]
        if not modem.personality.pin_answer_ends:
            return lines
        modem.answer(lines)
        return None
    if request.kind == "test":
        return []
    if modem.sim.asks_for == "READY":
        raise Cme(3)
    given = request.arguments
    taken = (
        modem.sim.unblock(*given)
        if len(given) == 2
        else modem.sim.tries and modem.sim.unlock(given[0])
    )
    if not taken:
        raise Cme(12 if len(given) == 1 and not modem.sim.tries else 16)
    modem.pin_accepted()
    return []


@command("+CMEE")
def error_form(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "set":
        modem.error_form = min(request.number(0), 2)
        return []
    return ["+CMEE: (0-2)"] if request.kind == "test" else [f"+CMEE: {modem.error_form}"]


@command("+CFUN")
def functionality(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "test":
        return ["+CFUN: (0,1,4),(0,1)"]
    if request.kind == "read":
        return [modem.fill_in(modem.personality.cfun_read)]
    if request.number(1, 0) == 1:
        modem.answer((), "OK")
        modem.reset()
        return None
    modem.radio = request.number(0)
    if modem.radio == 1 and modem.personality.cfun_pause:
        modem.pause_sms(modem.personality.cfun_pause)
    if modem.reachable:
        modem.network.attach(modem)
    return []


@command("+CSQ")
def signal(modem: "FakeModem", _request: Request) -> Lines:
    return [f"+CSQ: {modem.settings.signal if modem.registration() in (1, 5) else 99},99"]


@command("+CESQ")
def extended_signal(modem: "FakeModem", _request: Request) -> Lines:
    served = modem.registration() in (1, 5)
    quality, power = (20, modem.settings.signal * 2) if served else (255, 255)
    return [f"+CESQ: 99,99,255,255,{quality},{power}"]


@command("+CREG", "+CGREG", "+CEREG")
def registration(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "set":
        modem.registration_form[request.name] = request.number(0)
        return []
    if request.kind == "test":
        return [f"{request.name}: (0-2)"]
    form = modem.registration_form[request.name]
    return [f"{request.name}: {form},{registration_text(modem, form)}"]


def registration_text(modem: "FakeModem", form: int) -> str:
    """Return the status, with the cell and technology if AT+CREG=2 asked for them."""
    status = modem.registration()
    text = str(status)
    if form == 2 and status in (1, 5):
        text += ',"4EFE","01A2D105"' if modem.personality.creg_quotes else ",4EFE,1A2D105"
        if modem.personality.technology is not None:
            text += f",{modem.personality.technology}"
    return text


@command("+COPS")
def operator(modem: "FakeModem", request: Request) -> Lines:
    network = modem.network.settings
    if request.kind == "set":
        if request.number(0) == 3:
            modem.operator_form = request.number(1, 0)
        else:
            modem.stays_away = request.number(0) == 2
            if modem.reachable:
                modem.network.attach(modem)
        return []
    if request.kind == "test":
        return [
            f'+COPS: (2,"{network.operator}","{network.operator}","{network.plmn}"),,(0-4),(0-2)'
        ]
    if modem.registration() not in (1, 5):
        return ["+COPS: 2" if modem.stays_away else "+COPS: 0"]
    name = network.plmn if modem.operator_form == 2 else network.operator
    technology = modem.personality.technology
    return [
        f'+COPS: 0,{modem.operator_form},"{name}"'
        + ("" if technology is None else f",{technology}")
    ]


@command("+CCLK")
def clock(modem: "FakeModem", request: Request) -> Lines:
    if request.kind != "read":
        return []
    moment = modem.network.clock()
    quarters = (moment.utcoffset() or timedelta()) // timedelta(minutes=15)
    return [f'+CCLK: "{moment:%y/%m/%d,%H:%M:%S}{quarters:+03d}"']


@command("+CLCC")
def current_calls(modem: "FakeModem", _request: Request) -> Lines:
    if modem.call is None:
        return []
    return [f'+CLCC: 1,1,{0 if modem.call.answered else 4},0,0,"{modem.call.number}",145']


@command("+CHUP")
def hang_up(modem: "FakeModem", _request: Request) -> Lines:
    calls.hang_up(modem)
    return []


@command("+CLIP")
def caller_shown(modem: "FakeModem", request: Request) -> Lines:
    modem.clip = request.kind == "set" and request.number(0) == 1
    return []


@command("+CSCS")
def character_set(_modem: "FakeModem", request: Request) -> Lines:
    return {"read": ['+CSCS: "IRA"'], "test": ['+CSCS: ("IRA","GSM","UCS2")']}.get(request.kind, [])
