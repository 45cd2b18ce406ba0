"""The simulated network: a service centre, the handsets behind it, and the SIMs it can reach."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.fake_modem import pdu, receiving
from tests.fake_modem.handsets import DELIVERED, NO_VALIDITY, STILL_TRYING, Handset, Mood, by_ending
from tests.fake_modem.ledger import LedgerWriter, OnAir
from tests.fake_modem.messages import Kind, delivers, pages
from tests.fake_modem.sim import Sim
from tests.fake_modem.ussd import USUAL

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem


@dataclass
class NetworkSettings:
    """What can be set of the network while it runs. Times in seconds."""

    smsc: str = "+491710760000"
    operator: str = "Telekom.de"
    plmn: str = "26201"
    smsc_offset: float = 0.0  # how far the service centre's clock is ahead of ours
    smsc_quarters: int = 4  # its zone, in quarter hours east of Greenwich
    clock: float | None = 0.0  # how far AT+CCLK? is ahead of ours; None: it was never set
    reply_delay: float = 0.3
    retry_seconds: float = 60.0  # until it tries again to reach a SIM that refused
    inbound_gap: float = 0.0  # between two arrivals at one SIM
    expire_seconds: float = 5.0  # for a handset whose messages expire, unless it says otherwise
    wide_references: bool = False  # 16-bit concatenation references in inbound messages


@dataclass(slots=True)
class Incoming:
    """Something on its way to a SIM."""

    tpdu: bytes
    report: bool
    attempts: int = 0


@dataclass(slots=True)
class Mailbox:
    """What waits for one SIM, in order; one thing at a time is under way."""

    sim: Sim
    waiting: deque[Incoming] = field(default_factory=deque)
    under_way: bool = False
    pumping: bool = False
    paused: asyncio.TimerHandle | None = None  # until when: it refused, or the gap runs
    refused: bool = False


class Network:
    """One service centre for all. ``now`` gives seconds since 1970."""

    def __init__(
        self, ledger: LedgerWriter | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.ledger = ledger or LedgerWriter()
        self.settings = NetworkSettings()
        self.handsets: dict[str, Handset] = {}
        self.ussd = dict(USUAL)  # what is answered to a code, where the SIM has no script
        self.delivered_reports = 0  # taken by modems, stored or acknowledged
        self.delivered_messages = 0
        self.watchers: list[
            Callable[[], None]
        ] = []  # told when the ledger or the counts have grown
        self._now = now
        self._where: dict[str, FakeModem] = {}
        self._boxes: dict[str, Mailbox] = {}
        self._sleepers: dict[str, list[Callable[[], None]]] = {}
        self._references = 0
        self._serial = 0
        self._random = random.Random(7)

    def later(
        self, seconds: float, act: Callable[..., object], *args: object
    ) -> asyncio.TimerHandle:
        """Do something after a while, on the running loop."""
        return asyncio.get_running_loop().call_later(seconds, act, *args)

    def new_sim(self) -> Sim:
        """Make a SIM of this network."""
        sim = Sim.numbered(self._serial)
        self._serial += 1
        return sim

    def time(self, at: float | None = None) -> datetime:
        """Return the service centre's idea of a moment, in its own zone."""
        zone = timezone(timedelta(minutes=15 * self.settings.smsc_quarters))
        moment = (self._now() if at is None else at) + self.settings.smsc_offset
        return datetime.fromtimestamp(int(moment), zone)

    def clock(self) -> datetime:
        """Return what the modems' clocks say."""
        if self.settings.clock is None:
            return datetime(1980, 1, 6, tzinfo=UTC)  # the first moment of GPS time
        zone = timezone(timedelta(minutes=15 * self.settings.smsc_quarters))
        return datetime.fromtimestamp(int(self._now() + self.settings.clock), zone)

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._now()

    # From a modem to a handset

    def handset(self, number: str) -> Handset:
        """Return who answers to a number."""
        return self.handsets.get(number) or by_ending(number)

    def refusal(self, submit: pdu.Submit) -> int | None:
        """Return the +CMS ERROR for a submit, None if it is taken."""
        handset = self.handset(submit.recipient)
        if handset.code in NO_VALIDITY and submit.validity is None:
            return None
        return handset.code if handset.mood is Mood.REFUSED_AT_SUBMIT else None

    def submit(
        self, modem: "FakeModem", submit: pdu.Submit, reference: int, raw: str, *, accepted: bool
    ) -> OnAir:
        """Take a PDU off the air: write it down, and let the handset do what it does."""
        assert modem.sim is not None
        body = submit.body
        data = body.data.hex().upper() if body.text is None else None
        entry = OnAir(
            self._now(), modem.name, modem.sim.iccid, submit.recipient, reference, body.concat,
            body.text, data, raw, accepted,
        )  # fmt: skip
        self.ledger.append(entry)
        if accepted:
            modem.sim.balance -= modem.sim.price
            self._hand_over(modem, modem.sim, submit, reference)
        self._grown()
        return entry

    def _grown(self) -> None:
        for watcher in tuple(self.watchers):
            watcher()

    def _hand_over(self, modem: "FakeModem", sim: Sim, submit: pdu.Submit, reference: int) -> None:
        handset, sent_at = self.handset(submit.recipient), self.time()
        settings = modem.settings
        early = settings.report_timing == "early"

        def report(status: int) -> None:
            if modem.faults.no_reports:
                modem.stats["reports_lost"] += 1
            elif modem.may_report(submit) and handset.mood is not Mood.SILENT:
                made = pdu.StatusReport(reference, submit.recipient, sent_at, self.time(), status)
                for _ in range(settings.report_copies):
                    self._put(sim, Incoming(pdu.encode_report(made), report=True))

        def finish() -> None:
            report(handset.status)
            concat = submit.body.concat
            if (
                handset.reply
                and handset.status == DELIVERED
                and (not concat or concat.ordinal == concat.total)
            ):
                self.later(
                    self.settings.reply_delay, self.inbound, sim, submit.recipient, handset.reply
                )

        delay = settings.report_delay + self._random.uniform(0, settings.report_jitter)

        def soon(act: Callable[..., None], *args: object) -> None:
            if early:
                act(*args)
            else:
                self.later(delay, act, *args)

        if handset.mood is Mood.OFF:
            soon(report, STILL_TRYING)
            self._sleepers.setdefault(submit.recipient, []).append(finish)
            if handset.seconds is not None:
                self.later(delay + handset.seconds, self.switch_on, submit.recipient)
        elif handset.mood is Mood.EXPIRES:
            soon(report, STILL_TRYING)
            patience = self.settings.expire_seconds if handset.seconds is None else handset.seconds
            self.later(delay + patience, finish)
        else:
            soon(finish)

    def switch_on(self, number: str) -> int:
        """Let a handset that was off take what waits for it; return how many messages did."""
        waiting = self._sleepers.pop(number, [])
        for finish in waiting:
            finish()
        return len(waiting)

    # From the network to a SIM

    def inbound(
        self, sim: Sim, sender: str, text: str, *, reverse: bool = False, **kind: Any
    ) -> int:
        """Send a message to a SIM; a long text goes in parts. Return how many.

        ``reverse``: the last part first. ``kind``: the fields of Kind.
        """
        self._references += 1
        wide = self.settings.wide_references
        made = delivers(
            sender,
            text,
            self.time(),
            reference=self._references % (1 << (16 if wide else 8)),
            wide=wide,
            kind=Kind(**kind),
        )
        for deliver in reversed(made) if reverse else made:
            self._put(sim, Incoming(pdu.encode_deliver(deliver), report=False))
        return len(made)

    def inbound_raw(self, sim: Sim, tpdu: bytes, *, report: bool = False) -> None:
        """Send any octets to a SIM as they are."""
        self._put(sim, Incoming(tpdu, report))

    def broadcast(self, modem: "FakeModem", text: str, channel: int = 50) -> int:
        """Say something to whoever is in a modem's cell; return how many pages it heard."""
        self._references += 1
        made = pages(text, channel=channel, serial=self._references % 65536)
        return sum(modem.reachable and receiving.take_page(modem, page) for page in made)

    def pending(self, *, reports: bool) -> int:
        """Return how many reports, or messages, wait for a SIM to take them."""
        return sum(item.report is reports for box in self._boxes.values() for item in box.waiting)

    def attach(self, modem: "FakeModem") -> None:
        """Note that a modem with this SIM is in the network and may take things."""
        if modem.sim:
            self._where[modem.sim.iccid] = modem
            self.memory_available(modem.sim)

    def detach(self, sim: Sim) -> None:
        """No modem has this SIM any more."""
        self._where.pop(sim.iccid, None)

    def memory_available(self, sim: Sim) -> None:
        """Try at once, as the SIM's modem has room again or is back (24.011, RP-SMMA)."""
        box = self._boxes.get(sim.iccid)
        if box and box.refused and box.paused:
            box.paused.cancel()
            self._resume(box)
        elif box:
            self._pump(box)

    def _put(self, sim: Sim, item: Incoming) -> None:
        box = self._boxes.setdefault(sim.iccid, Mailbox(sim))
        box.waiting.append(item)
        self._pump(box)

    def _pump(self, box: Mailbox) -> None:
        if box.pumping:
            return
        box.pumping = True
        while box.waiting and not box.under_way and not box.paused:
            modem = self._where.get(box.sim.iccid)
            if modem is None or not modem.reachable:
                break
            box.under_way = True
            item = box.waiting[0]
            item.attempts += 1
            modem.incoming(item.tpdu, item.report, partial(self._taken, box))
        box.pumping = False

    def _taken(self, box: Mailbox, taken: bool) -> None:
        box.under_way = False
        box.refused = not taken
        if not taken:
            box.paused = self.later(self.settings.retry_seconds, self._resume, box)
            return
        if box.waiting.popleft().report:
            self.delivered_reports += 1
        else:
            self.delivered_messages += 1
        self._grown()
        if self.settings.inbound_gap:
            box.paused = self.later(self.settings.inbound_gap, self._resume, box)
        self._pump(box)

    def _resume(self, box: Mailbox) -> None:
        box.paused = None
        self._pump(box)
