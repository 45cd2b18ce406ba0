"""Everything that can happen to a session, in any order, and what must hold all the time."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.smpp_server.names import GENERIC_NACK, RESPONSE, Command, Status
from appliance.smpp_server.pdu import Framer, Pdu
from appliance.smpp_server.rules import BOUND, FROM_AN_ESME, State
from appliance.smpp_server.session import Answered, Requested, Session
from tests.fuzz.mutations import BINDS, BODIES
from tests.fuzz.sessions import TIMING, end_of, traced
from tests.smpp_server.esme import bind_body, frame

WINDOW = 3

OPERATIONS = (0x03, 0x04, 0x07, 0x08, 0x21, 0x103)

SELDOM = st.integers(0, 7).map(lambda number: number == 7)
"""For what mostly ends a session: else none of them would come far."""


class SessionMachine(RuleBasedStateMachine):
    """A peer and an application, both of which do whatever they like to one session."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.session = Session(TIMING, window=WINDOW, now=self.now)
        self.sequence = 0
        self.asked: dict[int, int] = {}  # what the peer has sent whole: sequence -> command
        self.answers: Counter[int] = Counter()
        self.waiting: list[Requested] = []  # what the application has to answer
        self.delivered: set[int] = set()  # what we have sent and nobody has answered
        self.settled: Counter[int] = Counter()
        self.unbinds: list[int] = []
        self.asking: list[int] = []  # our enquire_link
        self.rest = b""  # of a PDU whose beginning was sent
        self.clean = True  # only whole PDUs were sent, so that each is answered
        self.heard = Framer()
        self.session.passed = traced

    @initialize(
        command=st.sampled_from([None, 0x01, 0x02, 0x09, 0x09, 0x09, 0x09]), called=st.booleans()
    )
    def begin(self, command: int | None, called: bool) -> None:
        """Be bound from the start, mostly; and perhaps because we have asked for it."""
        if called:
            self.session.call(b"appliance\0\0")
        if command is not None:
            self.bind(command, 0x34)
            self.session.answer(self.waiting.pop().pdu, self.now, body=b"appliance\0")
            self._work()

    # What the peer does

    def _tell(self, octets: bytes) -> None:
        self.session.receive_data(self.rest + octets)
        self.rest = b""
        self._work()

    def _ask(self, command: int, body: bytes) -> None:
        self.sequence += 1
        self.asked[self.sequence] = command
        self._tell(frame(command, body, sequence=self.sequence))

    @precondition(lambda self: self.session.state is State.OPEN and not self.waiting)
    @rule(command=st.sampled_from(BINDS), version=st.sampled_from([0x33, 0x34, 0x50]))
    def bind(self, command: int, version: int) -> None:
        """Ask to be let in."""
        self._ask(command, bind_body(version=version))

    @rule(data=st.data(), command=st.sampled_from(OPERATIONS))
    def operate(self, data: st.DataObject, command: int) -> None:
        """Ask for anything, whether that may be or not."""
        self._ask(command, data.draw(st.sampled_from(BODIES[command])))

    @rule(
        command=st.sampled_from([*BINDS, *OPERATIONS, 0x05, 0x0B, 0x102, 0x777]), body=st.binary()
    )
    def ask_nonsense(self, command: int, body: bytes) -> None:
        """Ask with any body, and for what an ESME cannot ask for."""
        self._ask(command, body)

    @rule()
    def enquire(self) -> None:
        """Ask whether we live."""
        self._ask(Command.ENQUIRE_LINK, b"")

    @precondition(lambda self: self.session.state in BOUND)
    @rule(really=SELDOM)
    def unbind(self, really: bool) -> None:
        """Ask to go."""
        if really:
            self._ask(Command.UNBIND, b"")

    @rule(data=st.data(), status=st.sampled_from([0, 0, 0x64, 0x65, 0xFF]), nack=st.booleans())
    def answer_us(self, data: st.DataObject, status: int, nack: bool) -> None:
        """Answer something that we asked, or that we did not ask."""
        sequence = data.draw(st.sampled_from([*sorted(self.delivered), 99_999]))
        command = GENERIC_NACK if nack else Command.DELIVER_SM | RESPONSE
        self._tell(frame(command, b"" if status else b"\0", sequence=sequence, status=status))

    @precondition(lambda self: self.unbinds or self.asking)
    @rule(data=st.data())
    def answer_our_other_requests(self, data: st.DataObject) -> None:
        """Answer our unbind, or our enquire_link."""
        known = [(Command.UNBIND, one) for one in self.unbinds]
        known += [(Command.ENQUIRE_LINK, one) for one in self.asking]
        command, sequence = data.draw(st.sampled_from(known))
        self._tell(frame(command | RESPONSE, sequence=sequence))

    @precondition(lambda self: not self.rest)
    @rule(cut=st.integers(1, 40))
    def send_a_piece(self, cut: int) -> None:
        """Begin a PDU; the next thing that is said ends it."""
        self.sequence += 1
        whole = frame(0x04, BODIES[0x04][0], sequence=self.sequence)
        self.asked[self.sequence] = 0x04
        self.session.receive_data(whole[:cut])
        self.rest = whole[cut:]
        self._work()

    @rule(octets=st.binary(min_size=1, max_size=60), really=SELDOM)
    def send_garbage(self, octets: bytes, really: bool) -> None:
        """Send octets that mean nothing; what comes behind them may not be understood."""
        if really:
            self.clean = False
            self._tell(octets)

    # What the application does

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), status=st.sampled_from([0, 0, 0, 0x58, 0x0D]))
    def answer(self, data: st.DataObject, status: int) -> None:
        """Answer a request, in any order."""
        place = data.draw(st.integers(0, len(self.waiting) - 1))
        request = self.waiting.pop(place)
        self.session.answer(request.pdu, self.now, status, b"" if status else b"m1\0")
        self._work()

    @precondition(lambda self: self.session.may_deliver)
    @rule()
    def deliver(self) -> None:
        """Send a receipt."""
        self.delivered.add(self.session.deliver(b"body", self.now))
        self._work()

    @rule()
    def prove(self) -> None:
        """Want to see a sign of life."""
        self.session.prove(self.now)
        self._work()

    @rule(really=SELDOM)
    def leave(self, really: bool) -> None:
        """Want to go."""
        if really:
            self.session.leave(self.now)
            self._work()

    # What the socket and the clock do

    @rule()
    def stall(self) -> None:
        """See that the peer does not read."""
        self.session.stall(self.now)

    @rule()
    def resume(self) -> None:
        """See that it reads again."""
        self.session.resume(self.now)
        self._work()

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 29.0]), long=SELDOM)
    def wait(self, seconds: float, long: bool) -> None:
        """Let time pass; what is due on the way is done."""
        until = self.now + seconds * (11 if long else 1)
        for _ in range(100):
            due = self.session.next_deadline()
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self.session.tick(self.now)
            self._work()
        else:
            raise AssertionError("its timers do not end")
        self.now = until

    def _work(self) -> None:
        """Do what the owner of a session does after anything has happened."""
        while event := self.session.next_event(self.now):
            if isinstance(event, Answered):
                self.settled[event.sequence] += 1
                self.delivered.discard(event.sequence)
            else:
                self.waiting.append(event)
        self.heard.feed(self.session.data_to_send())
        while pdu := self.heard.next():
            assert isinstance(pdu, Pdu)
            self._hear(pdu)

    def _hear(self, pdu: Pdu) -> None:
        if pdu.command & RESPONSE:
            self.answers[pdu.sequence] += 1
        elif pdu.command == Command.UNBIND:
            self.unbinds.append(pdu.sequence)
        elif pdu.command == Command.ENQUIRE_LINK:
            self.asking.append(pdu.sequence)

    # What must hold

    @invariant()
    def windows_hold(self) -> None:
        """No more is under way than the window, in each direction."""
        assert self.session.unanswered <= WINDOW
        assert self.session.delivering <= WINDOW
        if self.session.state is not State.CLOSED:
            assert self.session.unanswered == len(self.waiting)
            assert self.session.delivering == len(self.delivered)

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        """Each request has one answer at most, and so has each of ours."""
        if self.clean:
            assert set(self.answers) <= set(self.asked)
            assert max(self.answers.values(), default=1) == 1
        assert max(self.settled.values(), default=1) == 1

    @invariant()
    def something_is_always_awaited(self) -> None:
        """See that a session that lives has a timer, or is owed an answer by the application."""
        if self.session.state is not State.CLOSED:
            assert self.session.next_deadline() is not None or self.waiting

    def teardown(self) -> None:
        """Let the application answer all it owes: everything is answered, and it ends."""
        self.session.resume(self.now)
        self._tell(b"")  # the rest of a PDU whose beginning was sent
        for _ in range(10_000):
            if not self.waiting:
                break
            request = self.waiting.pop(0)
            self.session.answer(request.pdu, self.now, Status.OK, b"m1\0")
            self._work()
        alive = self.session.state in {State.OPEN, *BOUND, State.LEAVING}
        if self.clean and alive:
            owed = {one for one, command in self.asked.items() if not command & RESPONSE}
            assert set(self.answers) == owed
        assert end_of(self.session, self.now) == ""


assert {*BINDS, *OPERATIONS, Command.UNBIND, Command.ENQUIRE_LINK} == FROM_AN_ESME
