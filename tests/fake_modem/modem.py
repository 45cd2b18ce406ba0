"""One modem: bytes in, bytes out through a callback, time by the running event loop.

What a real one does, so does this: it takes commands one at a time and keeps what comes meanwhile;
a prompt survives the closing of its port (ESC ends it), and so does half a line; what it says while
nobody has the port open is the port's to discard, not the modem's to know.
"""

import random
from collections.abc import Callable, Sequence

from tests.fake_modem import hanging, pdu, receiving, sending
from tests.fake_modem.calls import Call
from tests.fake_modem.commands import Refusal, run
from tests.fake_modem.faults import COUNTED, Faults, ModemSettings
from tests.fake_modem.general_commands import registration_text
from tests.fake_modem.network import Network
from tests.fake_modem.personalities import PERSONALITIES, Personality
from tests.fake_modem.sim import Memory, Sim, imei
from tests.fake_modem.ussd import Session
from tests.fake_modem.voice import Voice

ESC, CTRL_Z = 0x1B, 0x1A
REGISTERED = {"home": 1, "searching": 2, "denied": 3, "unknown": 4, "roaming": 5, "none": 0}
LONGEST_PDU = 2 * (12 + 164 + 200)  # characters; more is cut, as a buffer would be


def nobody(_data: bytes) -> None:
    """Hear nothing."""


class FakeModem:
    """A modem of some make with a SIM in it.

    ``say`` is given what the modem says. ``sim`` is a new one of the network's unless given;
    ``eject`` takes it out. Must be made, and fed, while an event loop runs.
    """

    def __init__(
        self,
        personality: Personality | str,
        network: Network,
        say: Callable[[bytes], None] = nobody,
        *,
        sim: Sim | None = None,
        name: str = "modem0",
        serial: int = 1,
        settings: ModemSettings | None = None,
    ) -> None:
        self.personality = (
            PERSONALITIES[personality] if isinstance(personality, str) else personality
        )
        self.network = network
        self.name = name
        self.imei = imei(self.personality.tac, serial)
        self.settings = settings or ModemSettings()
        self.faults = Faults()
        self.sim: Sim | None = sim or network.new_sim()
        self.drawer: Sim | None = None  # where a SIM lies that was taken out
        self.coverage = "home"
        self.say = say
        self.on_reset: Callable[[float], None] = lambda _seconds: None  # the port goes for so long
        self.stats = dict.fromkeys(COUNTED, 0)
        self.cnmi_ignores: set[int] = set()  # modes of AT+CNMI that it takes, and does nothing
        self.memories = {name: Memory(size) for name, size in self.personality.memories}
        self.calls: list[dict[str, str]] = []  # what came of each call
        self.links: list[int] = []  # AT+CMMS as it was with each PDU
        self.epoch = 0  # of power: what was under way in an older one is void
        self._random = random.Random(serial)
        self._reference = self._random.randrange(256)
        self.powered = True
        self.voice = Voice(self)
        self.on_hearing: Callable[[], None] = lambda: None  # it reads again
        self._power_up()
        self._be_ready(quiet=True)

    def _power_up(self) -> None:
        self.epoch += 1
        make = self.personality
        self.inbox = bytearray()
        self.prompting: sending.Prompt | None = None
        self.busy = False
        self.echo = make.echo
        self.error_form = 0  # AT+CMEE
        self.preferred = list(make.preferred)
        self.cnmi = list(make.cnmi_default)
        self.csms = 0
        self.smsc = self._stored_centre()
        self.muted = False
        self.radio = 1  # AT+CFUN
        self.stays_away = False  # AT+COPS=2
        self.sms_ready = False
        self.registration_form = {"+CREG": 0, "+CGREG": 0, "+CEREG": 0}
        self.operator_form = 0
        self.pdu_mode = True
        self.clip = False
        self.first_octet = 17  # AT+CSMP
        self.more_to_come = 0  # AT+CMMS
        self.busy_left = set(make.busy_once)
        self.held: Callable[[], None] | None = None
        self.held_back: list[tuple[str, ...]] = []  # what would have been said at a prompt
        self.interruptions: list[tuple[str, int]] = []  # for the next answers: text, after a line
        self.owes_room = False  # it has refused something for want of room
        self.call: Call | None = None
        self.ussd: Session | None = None
        self.ussd_shown = False  # AT+CUSD
        self.ussd_packed = make.packed_ussd
        self.in_hand: receiving.InHand | None = None
        if self.sim:
            self.sim.power_on()

    def _stored_centre(self) -> str:
        """Return what the SIM has as service centre (EF_SMSP)."""
        own = self.sim.service_centre if self.sim else None
        return self.network.settings.smsc if own is None else own

    def reset(self) -> None:
        """Start anew, as after AT+CFUN=1,1; a stick takes its port with it for a time."""
        gone = self.personality.reset_vanishes * self.settings.boot_pace
        self.power_off("cfun")
        self.later(gone, self.power_on)  # before its port is back, so that it hears
        if gone:
            self.on_reset(gone)

    def power_off(self, rung: str = "power") -> None:
        """Lose power: what was under way is void, what was set forgotten; what is stored stays.

        ``rung``: what it does to a modem that hangs, see ``hanging``.
        """
        receiving.give_up(self)
        if self.sim:
            self.network.detach(self.sim)
        self._power_up()
        self.powered = False
        hanging.cured(self, rung)

    def power_on(self) -> None:
        """Start, with all that a make says while it does."""
        if self.powered:
            return
        self.powered = True
        pace = self.settings.boot_pace
        for seconds, line in self.personality.boot:
            self.later(seconds * pace, self._boot_line, line)
        self.later(self.personality.sms_ready * pace, self._be_ready)

    def _boot_line(self, line: str) -> None:
        self.indicate(self.fill_in(line))

    def _be_ready(self, *, quiet: bool = False) -> None:
        """SMS works from now on, if the SIM lets it."""
        if self.sms_ready or not self.powered or not self.sim or self.sim.asks_for != "READY":
            return
        self.sms_ready = True
        for line in () if quiet else self.personality.ready_lines:
            self.indicate(line)
        if self.reachable:
            self.network.attach(self)

    def pause_sms(self, seconds: float) -> None:
        """Let SMS commands fail for a while."""
        self.sms_ready = False
        self.later(seconds * self.settings.boot_pace, self._be_ready)

    def later(self, seconds: float, act: Callable[..., object], *args: object) -> None:
        """Do something after a while, unless power goes before."""
        epoch = self.epoch

        def still() -> None:
            if self.epoch == epoch:
                act(*args)

        self.network.later(seconds, still)

    # What there is

    @property
    def registered(self) -> bool:
        """Tell whether the network serves this modem."""
        return (
            self.sms_ready
            and self.radio == 1
            and not self.stays_away
            and self.sim is not None
            and self.coverage in {"home", "roaming"}
        )

    @property
    def reachable(self) -> bool:
        """Tell whether the network can bring it something."""
        return self.registered and not self.faults.hung

    def registration(self) -> int:
        """Return <stat> of AT+CREG?."""
        if not self.sms_ready or self.radio != 1 or self.stays_away:
            return 0
        return REGISTERED[self.coverage]

    def memory(self, name: str) -> Memory | None:
        """Return the memory that a name stands for; None if there is none, or no SIM for it."""
        real = self.personality.aliases.get(name, name)
        if real == "SM":
            return self.sim.memory if self.sim else None
        return self.memories.get(real)

    def next_reference(self) -> int:
        """Return the TP-MR of the next PDU."""
        self._reference = (self._reference + 1) % 256
        return self._reference

    def may_report(self, submit: pdu.Submit) -> bool:
        """Tell whether what it sent will be reported on."""
        unfit = self.settings.report_needs_csmp and not self.first_octet & 0x20
        return submit.report and self.personality.reports and not unfit

    def start_references_at(self, reference: int) -> None:
        """Let the next PDU have this TP-MR."""
        self._reference = (reference - 1) % 256

    def jittered(self, seconds: float, jitter: float) -> float:
        """Return a time with a random bit added."""
        return seconds + self._random.uniform(0, jitter) if jitter else seconds

    def fill_in(self, line: str) -> str:
        """Put what is known of modem and SIM into an answer."""
        if "{" not in line:
            return line
        sim = self.sim
        return line.format(
            iccid=sim.iccid if sim else "",
            pin_tries=sim.tries if sim else 0,
            puk_tries=sim.puk_tries if sim else 0,
            pin_state=sim.asks_for if sim else "NOT INSERTED",
            mode=self.radio,
        )

    # Things that happen to it

    def insert(self, sim: Sim) -> None:
        """Put a SIM in, taking out the one that is there."""
        self.eject()
        self.sim = sim
        sim.power_on()
        self.smsc = self._stored_centre()
        if self.personality.sim_in:
            self.indicate(self.personality.sim_in)
        self.later(self.personality.sms_ready * self.settings.boot_pace, self._be_ready)

    def eject(self) -> Sim | None:
        """Take the SIM out and return it; its messages go with it."""
        sim, self.sim = self.sim, None
        self.sms_ready = False
        if sim:
            receiving.give_up(self)
            self.network.detach(sim)
            if self.personality.sim_out:
                self.indicate(self.personality.sim_out)
        return sim

    def pin_accepted(self) -> None:
        """Go on starting once the PIN has been given."""
        self.later(self.personality.sms_ready * self.settings.boot_pace, self._be_ready)

    def cover(self, coverage: str) -> None:
        """Change what the network is to it: home, roaming, searching, denied, unknown or none."""
        if coverage not in REGISTERED:
            raise ValueError(f"{coverage}: no such coverage")
        self.coverage = coverage
        for command, form in self.registration_form.items():
            if form and command not in self.personality.lacks:
                self.indicate(f"{command}: {registration_text(self, form)}")
        if self.reachable:
            self.network.attach(self)

    def recover(self) -> None:
        """End all that is wrong with it and all that is planned to go wrong."""
        self.faults = Faults()
        self.come_back()

    def come_back(self) -> None:
        """Do and take again what it could not."""
        if self.reachable:
            self.network.attach(self)
        self.on_hearing()
        self.work()

    def release(self) -> bool:
        """Give the answer that is held; False if none is."""
        held, self.held = self.held, None
        if held:
            held()
        return held is not None

    def incoming(self, tpdu: bytes, report: bool, done: Callable[[bool], None]) -> None:
        """Take something from the network; ``done`` is told whether it was taken."""
        receiving.take(self, tpdu, report=report, done=done)

    # Bytes

    def receive(self, data: bytes) -> None:
        """Take bytes from the port, however they were cut."""
        if not self.powered:
            return
        if self.faults.hung:
            hanging.overhear(self, data)
            return
        self.inbox += data
        self.work()

    def work(self) -> None:
        """Do what has come in, as far as it may be done now."""
        while self.inbox and not self.busy and not self.faults.deaf and not self.faults.hung:
            if self.prompting is not None:
                if not self._collect():
                    return
                continue
            end = self.inbox.find(b"\r")
            if end < 0:
                del self.inbox[:-LONGEST_PDU]
                return
            line = bytes(self.inbox[:end])
            del self.inbox[: end + 1]
            self._line(line)

    def _collect(self) -> bool:
        """Gather a PDU up to Ctrl-Z or ESC; False if there is more to come."""
        assert self.prompting is not None
        ends = [end for end in map(self.inbox.find, (ESC, CTRL_Z)) if end >= 0]
        if not ends:
            del self.inbox[:-LONGEST_PDU]
            return False
        text, octet = bytes(self.inbox[: min(ends)]), self.inbox[min(ends)]
        del self.inbox[: min(ends) + 1]
        if self.echo:
            self.emit(text + b"\r\n")
        prompt, self.prompting = self.prompting, None
        held_back, self.held_back = self.held_back, []
        for lines in held_back:
            self.indicate(*lines)
        if octet == ESC:
            self.answer((), "OK")
        else:
            sending.take(self, prompt, text)
        return True

    def _line(self, line: bytes) -> None:
        text = line.decode("ascii", "replace").replace("\n", "").strip(" \x1a\x1b\x00")
        start = text.upper().find("AT")
        if start < 0:
            return
        if hanging.swallows_command(self, len(line) + 1):
            return
        if self.echo:
            self.emit(text.encode("ascii", "replace") + b"\r")
        self.stats["commands"] += 1
        try:
            lines = run(self, text[start + 2 :])
        except Refusal as refusal:
            self._after(self.answer, (), *refusal.finals(self.error_form))
        else:
            if lines is not None:
                self._after(self.answer, lines, "OK")

    def _after(self, act: Callable[..., None], *args: object) -> None:
        if not self.settings.answer_delay:
            act(*args)
            return
        self.busy = True
        self.later(self.settings.answer_delay, self._free, act, *args)

    def _free(self, act: Callable[..., None], *args: object) -> None:
        self.busy = False
        act(*args)
        self.work()

    # Saying

    def answer(self, lines: Sequence[str], *finals: str) -> None:
        """Say an answer: information lines, then the final line (some makes have two)."""
        said = [f"{line}\r\n" for line in lines]
        if said:
            said[0] = f"\r\n{said[0]}"
        said += [f"\r\n{final}\r\n" for final in finals]
        if self.interruptions and lines:
            noise, after = self.interruptions.pop(0)
            said.insert(min(after, len(said) - 1), f"\r\n{noise}\r\n")
        self.emit("".join(said).encode("ascii", "replace"))

    def indicate(self, *lines: str) -> None:
        """Say something unasked."""
        self.emit("".join(["\r\n", *(f"{line}\r\n" for line in lines)]).encode("ascii", "replace"))

    def emit(self, data: bytes) -> None:
        """Say bytes, if it can speak at all."""
        if self.powered and not self.faults.hung:
            self.voice.emit(data)
