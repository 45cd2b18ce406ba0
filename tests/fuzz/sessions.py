"""Sessions that are given hostile bytes, and what must hold of them whatever those are."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from appliance.errors import ApplianceError
from appliance.smpp_server.names import RESPONSE, Status
from appliance.smpp_server.pdu import Framer, Pdu
from appliance.smpp_server.rules import State, Timing
from appliance.smpp_server.session import Requested, Session
from tests.fuzz.mutations import BINDS, request, stream
from tests.fuzz.structure import is_broken
from tests.smpp_server.esme import BIND_TRX, bind_body, frame

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


def opened(*, bound: bool) -> Session:
    """Return a session at the moment 0, bound as a transceiver or not yet."""
    session = Session(TIMING, window=8, now=0.0)
    if bound:
        session.receive_data(frame(BIND_TRX, bind_body()))
        event = session.next_event(0.0)
        assert isinstance(event, Requested)
        session.answer(event.pdu, 0.0, body=b"appliance\0")
        session.data_to_send()
    return session


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
    session = opened(bound=command not in BINDS)
    where = f"{octets.hex()}: "
    try:
        session.receive_data(octets)
        event = session.next_event(1.0)
        broken = is_broken(command, octets[16:])
        if event is not None:
            assert isinstance(event, Requested)
            found.taken = 1
            if broken:
                found.wrong.append(where + "taken, though its structure is broken")
            session.answer(event.pdu, 2.0, body=b"m1\0")
        _look_at_answer(found, session, command, sequence, where, broken=broken)
        if complaint := end_of(session, 2.0):
            found.wrong.append(where + complaint)
    except ApplianceError as error:
        found.wrong.append(f"{where}{type(error).__name__} came out of the session")
    except Exception as error:  # noqa: BLE001 - which ones come out is what is looked for
        found.wrong.append(f"{where}{error!r}")
    return found


def _look_at_answer(
    found: Found, session: Session, command: int, sequence: int, where: str, *, broken: bool
) -> None:
    answers = [pdu for pdu in said(session) if pdu.command & RESPONSE]
    if [(pdu.command, pdu.sequence) for pdu in answers] != [(command | RESPONSE, sequence)]:
        found.wrong.append(f"{where}answered with {answers}")
        return
    status = answers[0].status
    found.statuses[status] += 1
    found.refused += status != 0
    if broken and status == 0:
        found.wrong.append(where + "answered with OK, though its structure is broken")
    if status != 0 and not broken:
        found.wrong.append(f"{where}refused with 0x{status:02X}, though it can be read")


def one_stream(dice: random.Random) -> Found:
    """Send some frames with anything wrong about them, cut anyhow, and look at all that follows."""
    octets, found = stream(dice), Found(sent=1)
    session = opened(bound=dice.random() < 0.8)
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
