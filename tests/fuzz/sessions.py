"""Sessions that are given hostile bytes, and what must hold of them whatever those are."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from appliance.errors import ApplianceError
from appliance.logs import masked
from appliance.smpp_server.masking import cleaned
from appliance.smpp_server.names import RESPONSE, Status
from appliance.smpp_server.pdu import Framer, Pdu
from appliance.smpp_server.rules import State, Timing
from appliance.smpp_server.session import Requested, Session
from appliance.smpp_server.tally import Direction
from appliance.smpp_server.trace import read
from tests.fuzz.mutations import BINDS, request, stream
from tests.fuzz.structure import is_broken
from tests.smpp_server.esme import BIND_TRX, bind_body, frame, submit_body

TIMING = Timing(
    session_init=timedelta(seconds=30),
    pdu_read=timedelta(seconds=30),
    enquire_link=timedelta(seconds=30),
    inactivity=timedelta(seconds=300),
    response=timedelta(seconds=60),
    leaving=timedelta(seconds=2),
)

LONGEST_LIFE = 400.0
"""Seconds after which a session whose peer has fallen silent must be over: inactivity, and some."""


@dataclass
class Found:
    """What came of it."""

    sent: int = 0
    taken: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, other: "Found") -> None:
        """Count the other ones in."""
        self.sent += other.sent
        self.taken += other.taken
        self.refused += other.refused
        self.wrong += other.wrong
        self.statuses += other.statuses

    def __str__(self) -> str:
        statuses = ", ".join(f"0x{one:02X} {count}" for one, count in sorted(self.statuses.items()))
        return (
            f"{self.sent} PDUs: {self.taken} taken, {self.refused} refused ({statuses}),"
            f" {len(self.wrong)} wrong"
        )


class Place(StrEnum):
    """Where a session is when hostile bytes come."""

    OPEN = "open"
    CALLED = "called"  # open, and it was us who connected
    BINDING = "binding"  # its bind is being looked at
    TX = "tx"
    RX = "rx"
    TRX = "trx"
    PROVING = "proving"  # bound, and asked for a sign of life
    LEAVING = "leaving"
    UNBINDING = "unbinding"  # it has asked to go, and is owed an answer


HOW: Final = {Place.TX: 0x02, Place.RX: 0x01}

OPERATIONS: Final = frozenset({0x03, 0x04, 0x07, 0x08, 0x21, 0x103})

ANYWHERE: Final = frozenset({0x06, 0x15})

REFUSED: Final = {
    # SMPP 3.4 clause 2.3, and what the checklist adds: what a command is answered for its place
    **{(place, each): 0x04 for place in (Place.OPEN, Place.CALLED) for each in OPERATIONS},
    **{(place, 0x06): 0x04 for place in (Place.OPEN, Place.CALLED)},
    **{
        (place, each): 0x05
        for place in Place
        if place not in (Place.OPEN, Place.CALLED)
        for each in BINDS
    },
    **{(Place.RX, each): 0x04 for each in OPERATIONS},
    **{(Place.LEAVING, each): 0x08 for each in OPERATIONS},
}


def opened(place: Place = Place.TRX) -> Session:
    """Return a session at the moment 0, in one of the states it can be in, and traced."""
    session = Session(TIMING, window=8, now=0.0)
    session.passed = traced
    if place is Place.CALLED:
        session.call(b"appliance\0\0")
    elif place is not Place.OPEN:
        session.receive_data(frame(HOW.get(place, BIND_TRX), bind_body()))
        event = session.next_event(0.0)
        assert isinstance(event, Requested)
        if place is Place.BINDING:
            return session
        session.answer(event.pdu, 0.0, body=b"appliance\0")
    if place is Place.PROVING:
        session.prove(0.0)
    elif place is Place.LEAVING:
        session.leave(0.0)
    elif place is Place.UNBINDING:
        session.receive_data(frame(0x04, submit_body(), sequence=77) + frame(0x06, sequence=78))
        while session.next_event(0.0):
            pass
    session.data_to_send()
    assert session.state == STATES.get(place, place)
    return session


STATES: Final = {Place.CALLED: State.OPEN, Place.PROVING: State.BOUND_TRX}


def traced(_direction: Direction, pdu: Pdu) -> None:
    """Look on as an account's trace does, once masked and once as it is.

    Whatever it is, it can be read, and a capture needs it to be as long as it was.
    """
    for clear in (False, True):
        kept = cleaned(pdu, masked, clear=clear)
        assert read(kept).isprintable()
        assert len(kept.pdu.encode()) == len(pdu.encode())


def said(session: Session) -> list[Pdu]:
    """Return what the session writes now, which must be frames."""
    framer = Framer()
    framer.feed(session.data_to_send())
    found = []
    while pdu := framer.next():
        assert isinstance(pdu, Pdu)
        found.append(pdu)
    assert framer.pending == 0
    return found


def end_of(session: Session, now: float) -> str:
    """Leave a session alone until it is over; return what is wrong with that, '' if nothing."""
    last = now + LONGEST_LIFE
    for _ in range(1000):
        if session.state is State.CLOSED:
            return ""
        due = session.next_deadline()
        if due is None:
            return f"{session.state} waits for nothing"
        now = max(now, due)
        if now > last:
            return f"{session.state} lives on"
        session.tick(now)
        while event := session.next_event(now):
            if isinstance(event, Requested):
                session.answer(event.pdu, now, Status.SYSTEM_ERROR)
    return f"{session.state} is busy with nothing"


def one_request(dice: random.Random, sequence: int) -> Found:
    """Send one mutated request in a frame that fits, and look at all that follows."""
    found = Found(sent=1)
    command, octets = request(dice, sequence)
    usual = Place.OPEN if command in BINDS else Place.TRX
    place = usual if dice.random() < 0.65 else dice.choice(tuple(Place))
    where = f"{place} {octets.hex()}: "
    try:
        session = opened(place)
        session.receive_data(octets)
        if place in (Place.BINDING, Place.UNBINDING):
            _look_at_none(found, session, place, where)
        else:
            broken = is_broken(command, octets[16:])
            event = session.next_event(1.0)
            if event is not None:
                assert isinstance(event, Requested)
                found.taken = 1
                if broken or (place, command) in REFUSED:
                    found.wrong.append(where + "taken, though it should not be")
                session.answer(event.pdu, 2.0, body=b"m1\0")
            refusal = REFUSED.get((place, command))
            _look_at_answer(
                found, session, (command, sequence), where, broken=broken, refusal=refusal
            )
        if complaint := end_of(session, 2.0):
            found.wrong.append(where + complaint)
    except ApplianceError as error:
        found.wrong.append(f"{where}{type(error).__name__} came out of the session")
    except Exception as error:  # noqa: BLE001 - which ones come out is what is looked for
        found.wrong.append(f"{where}{error!r}")
    return found


def _look_at_none(found: Found, session: Session, place: Place, where: str) -> None:
    """See that nothing is taken or said while a session is between two states."""
    before = session.next_event(1.0), session.data_to_send()
    if before != (None, b""):
        found.wrong.append(f"{where}{before} in the middle of {place}")
    if place is Place.BINDING:
        session.answer(Pdu(BIND_TRX, 0, 1, b""), 2.0, body=b"appliance\0")
        while event := session.next_event(2.0):
            if isinstance(event, Requested):
                found.taken += 1
                session.answer(event.pdu, 2.0, Status.THROTTLED)
        if len([pdu for pdu in said(session) if pdu.command & RESPONSE]) != 2:
            found.wrong.append(where + "not answered when it was bound")
    else:
        session.answer(Pdu(0x04, 0, 77, b""), 2.0, body=b"m1\0")
        answers = [(pdu.command, pdu.sequence) for pdu in said(session)]
        if answers != [(0x04 | RESPONSE, 77), (0x06 | RESPONSE, 78)]:
            found.wrong.append(f"{where}unbound with {answers}")


def _look_at_answer(
    found: Found,
    session: Session,
    asked: tuple[int, int],
    where: str,
    *,
    broken: bool,
    refusal: int | None,
) -> None:
    command, sequence = asked
    answers = [pdu for pdu in said(session) if pdu.command & RESPONSE]
    if [(pdu.command, pdu.sequence) for pdu in answers] != [(command | RESPONSE, sequence)]:
        found.wrong.append(f"{where}answered with {answers}")
        return
    status = answers[0].status
    found.statuses[status] += 1
    found.refused += status != 0
    if refusal is not None:
        if status != refusal:
            found.wrong.append(f"{where}0x{status:02X} instead of 0x{refusal:02X}")
    elif broken and status == 0:
        found.wrong.append(where + "answered with OK, though its structure is broken")
    elif status != 0 and not broken:
        found.wrong.append(f"{where}refused with 0x{status:02X}, though it can be read")


_FREE: Final = tuple(one for one in Place if one not in (Place.BINDING, Place.UNBINDING))
"""Places in which the application owes nothing."""


def one_stream(dice: random.Random) -> Found:
    """Send some frames with anything wrong about them, cut anyhow, and look at all that follows."""
    octets, found = stream(dice), Found(sent=1)
    session = opened(Place.TRX if dice.random() < 0.5 else dice.choice(_FREE))
    waiting: list[Pdu] = []
    try:
        while octets:
            size = dice.choice((1, 7, 16, 100, len(octets)))
            session.receive_data(octets[:size])
            octets = octets[size:]
            while event := session.next_event(1.0):
                if isinstance(event, Requested):
                    waiting.append(event.pdu)
                    found.taken += 1
            if session.unanswered > 8:
                found.wrong.append("more than a window of requests")
            while waiting and dice.random() < 0.7:
                session.answer(waiting.pop(dice.randrange(len(waiting))), 1.0, body=b"m1\0")
        for pdu in waiting:
            session.answer(pdu, 1.0, Status.THROTTLED)
        found.refused += sum(pdu.status != 0 for pdu in said(session))
        if complaint := end_of(session, 1.0):
            found.wrong.append(complaint)
    except Exception as error:  # noqa: BLE001 - which ones come out is what is looked for
        found.wrong.append(repr(error))
    return found
