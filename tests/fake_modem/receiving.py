"""What comes from the network: stored and announced, or said at once (27.005 clause 3.4)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fake_modem import pdu
from tests.fake_modem.sim import Stored

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem

Done = Callable[[bool], None]


@dataclass(slots=True)
class InHand:
    """Something said directly that waits for AT+CNMA."""

    done: Done


def take(modem: "FakeModem", tpdu: bytes, *, report: bool, done: Done) -> None:
    """Take a message or report from the network as AT+CNMI and AT+CSMS say."""
    mode, kind = modem.cnmi[0], modem.cnmi[3 if report else 1]
    if kind == 1 and not report and modem.personality.flash_direct and _is_flash(tpdu):
        kind = 2
    centre = pdu.encode_smsc(modem.network.settings.smsc)
    stored = Stored((centre + tpdu).hex().upper(), len(tpdu), report=report)
    if report and kind == 0:
        modem.stats["reports_dropped"] += 1  # nobody wants it: taken, and gone
        done(True)
    elif (report and kind == 1) or (not report and kind == 2):
        _direct(modem, stored, done, aloud=mode != 0)
    else:
        _store(modem, stored, done, aloud=mode != 0 and kind != 0)


def _is_flash(tpdu: bytes) -> bool:
    """Tell whether a message has class 0 (23.038 clause 4)."""
    try:
        read = pdu.decode(tpdu, has_smsc=False)
    except pdu.BadPdu:
        return False
    return isinstance(read, pdu.Deliver) and (read.dcs & 0xD3 == 0x10 or read.dcs & 0xF3 == 0xF0)


def take_page(modem: "FakeModem", page: bytes) -> bool:
    """Take a page of a cell broadcast; False if AT+CNMI does not ask for them."""
    how = modem.cnmi[2]
    memory = modem.memories.get("BM")
    if how == 1 and memory:
        slot = memory.put(Stored(page.hex().upper(), len(page)))
        if slot is not None:
            modem.indicate(f'+CBMI: "BM",{slot + modem.personality.first_index}')
            return True
    elif how in {2, 3}:
        modem.indicate(f"+CBM: {len(page)}", page.hex().upper())
        return True
    modem.stats["broadcasts_dropped"] += 1
    return False


def _direct(modem: "FakeModem", stored: Stored, done: Done, *, aloud: bool) -> None:
    header = (
        modem.personality.cds.format(length=stored.length)
        if stored.report
        else f"+CMT: ,{stored.length}"
    )
    if modem.csms:
        modem.in_hand = InHand(done)
        modem.later(modem.settings.cnma_seconds, _unacknowledged, modem, modem.in_hand)
    if aloud:
        announce(modem, stored, header, stored.pdu)
    if not modem.csms:
        done(True)


def _store(modem: "FakeModem", stored: Stored, done: Done, *, aloud: bool) -> None:
    make = modem.personality
    name = (
        make.report_memory
        if stored.report
        else make.aliases.get(modem.preferred[2], modem.preferred[2])
    )
    memory = modem.memory(name)
    slot = memory.put(stored) if memory else None
    if slot is None:
        modem.stats["memory_refused"] += 1
        modem.owes_room = True
        if make.full_line:
            modem.indicate(make.full_line.format(memory=name))
        done(False)
        return
    if aloud:
        named = (make.report_named or name) if stored.report else name
        announce(
            modem,
            stored,
            f'{"+CDSI" if stored.report else "+CMTI"}: "{named}",{slot + make.first_index}',
        )
    done(True)


def announce(modem: "FakeModem", stored: Stored, *lines: str) -> None:
    """Say it now, or in the middle of the next answer if reports are set to come so."""
    if stored.report and modem.settings.report_timing == "in_answer":
        modem.interruptions.append(("\r\n".join(lines), 1))
    elif modem.prompting is not None:
        modem.held_back.append(lines)  # between a prompt and its PDU nothing is said
    else:
        modem.indicate(*lines)


def acknowledge(modem: "FakeModem", *, taken: bool) -> bool:
    """Pass AT+CNMA on to the network; False if nothing waits for it."""
    in_hand, modem.in_hand = modem.in_hand, None
    if in_hand is None:
        return False
    # after the answer, as the next one may be said at once; even if power goes: it was given
    modem.network.later(0, in_hand.done, taken)
    return True


def _unacknowledged(modem: "FakeModem", in_hand: InHand) -> None:
    """Say nothing more directly until AT+CNMI asks, as AT+CNMA did not come (27.005, 3.4.4)."""
    if modem.in_hand is in_hand:
        modem.in_hand = None
        modem.stats["cnma_missed"] += 1
        modem.cnmi[1] = modem.cnmi[3] = 0
        in_hand.done(False)


def give_up(modem: "FakeModem") -> None:
    """Refuse what waits for AT+CNMA, as the modem or its SIM goes."""
    in_hand, modem.in_hand = modem.in_hand, None
    if in_hand:
        in_hand.done(False)


def room_again(modem: "FakeModem") -> None:
    """Something was deleted: let the network bring what it could not."""
    if modem.owes_room and modem.sim and modem.reachable:
        modem.owes_room = False
        modem.network.memory_available(modem.sim)
